/* SPDX-License-Identifier: Apache-2.0 */
/* Threads by pthreads with their signals blocked (the main thread handles them), and eventfds. */
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#include "base/fault.h"

hr_status hr_thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg,
                          struct hr_err *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    int rc = hr_fault_hit(HR_FAULT_ALLOC) ? EAGAIN : pthread_create(&thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) return HR_FAIL(err, HR_E_LIMIT, "thread %s: %s", name, strerror(rc));
    char cut[16];
    snprintf(cut, sizeof cut, "%s", name);
    pthread_setname_np(thread, cut);
    *ret_thread = thread;
    return HR_OK;
}

struct deep_call {
    void (*fn)(void *);
    void *arg;
};

static void *deep_main(void *arg)
{
    struct deep_call *call = arg;
    call->fn(call->arg);
    return NULL;
}

hr_status hr_thread_deep(size_t stack_bytes, void (*fn)(void *), void *arg, struct hr_err *err)
{
    struct deep_call call = {fn, arg};
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    void *stack = hr_fault_hit(HR_FAULT_ALLOC)
                      ? MAP_FAILED
                      : mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return HR_OOM(err);
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, &attr, deep_main, &call);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (!rc) pthread_join(thread, NULL);
    munmap(stack, stack_bytes);
    return rc ? HR_FAIL(err, HR_E_LIMIT, "a thread with a stack of %zu bytes: %s", stack_bytes,
                        strerror(rc))
              : HR_OK;
}

hr_status hr_wakeup_init(struct hr_wakeup *wakeup, struct hr_err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return HR_FAIL(err, HR_E_LIMIT, "eventfd: %s", strerror(errno));
    wakeup->fd = fd;
    return HR_OK;
}

void hr_wakeup_done(struct hr_wakeup *wakeup)
{
    if (!wakeup || wakeup->fd <= 0) return;
    close(wakeup->fd);
    wakeup->fd = -1;
}

void hr_wakeup_signal(struct hr_wakeup *wakeup)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t n;
    do n = write(wakeup->fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    errno = saved;
}

bool hr_wakeup_wait(struct hr_wakeup *wakeup, int64_t timeout_us)
{
    struct timespec start;
    if (timeout_us >= 0) clock_gettime(CLOCK_MONOTONIC, &start);
    int64_t left = timeout_us;
    for (;;) {
        uint64_t count;
        if (read(wakeup->fd, &count, sizeof count) == sizeof count) return true;
        if (timeout_us >= 0 && left <= 0) return false;
        struct pollfd fd = {.fd = wakeup->fd, .events = POLLIN};
        struct timespec wait = {left / 1000000, left % 1000000 * 1000};
        ppoll(&fd, 1, timeout_us < 0 ? NULL : &wait, NULL);
        if (timeout_us < 0) continue;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = timeout_us - ((now.tv_sec - start.tv_sec) * INT64_C(1000000) +
                             (now.tv_nsec - start.tv_nsec) / 1000);
    }
}

int hr_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return HR_MAX(CPU_COUNT(&set), 1);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

/* --- Forking ---------------------------------------------------------------------------------- */

/* Readers: threads that hold forkable locks. glibc lets a reader in again while a writer waits, so
 * that one forkable lock may be taken under another. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

void hr_forkable_lock(pthread_mutex_t *lock)
{
    pthread_rwlock_rdlock(&gate);
    pthread_mutex_lock(lock);
}

void hr_forkable_unlock(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
    pthread_rwlock_unlock(&gate);
}

/* The child's gate is a copy whose writer has another thread id now: it starts afresh. The thread
 * sanitizer sees no unlock in that, and would take every lock of the child for an error. */
static void open_childs_gate(void)
{
#ifdef __SANITIZE_THREAD__
    __tsan_mutex_pre_unlock(&gate, 0);
    __tsan_mutex_post_unlock(&gate, 0);
#endif
    gate = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
}

pid_t hr_fork(void)
{
    pthread_rwlock_wrlock(&gate);
    pid_t pid = fork();
    int failed = errno;
    if (pid == 0)
        open_childs_gate();
    else
        pthread_rwlock_unlock(&gate);
    errno = failed;
    return pid;
}
