/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker processes (executor.h).
 *
 * The shared memory of an attempt: one page with the heartbeat, the outcome and the error, then the
 * batches (shared_batch.h) and their index. When the worker is done the driver reads the index and
 * keeps the large batches where they are: they stay in shared memory for as long as somebody needs
 * them, and the workers forked later see them there.
 */
#include "rdd/executor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rdd/shared_batch.h"

#define PAGE    4096
#define BEAT_US 20000 /* how often a worker says that it lives */
#define POLL_MS 5     /* how often the driver looks at its flags */

enum { RUNNING, DONE, FAILED };

struct page {
    _Atomic uint32_t beats;
    _Atomic uint32_t outcome;
    int64_t bytes;                  /* as the scheduler counts shuffle bytes */
    uint64_t index_at, index_bytes; /* behind the page: the index of the frames */
    hr_status status;
    struct hr_err err;
};
_Static_assert(sizeof(struct page) <= PAGE, "the error fits into the page");

struct hr_worker {
    struct page *page;
    struct hr_shared_writer out;
    struct hr_buf index; /* a struct entry a frame */
};

/* A frame in the index; size 0: without a batch. */
struct entry {
    struct hr_frame frame;
    uint64_t offset, size;
};

/* Of this process; set in a worker right after the fork, never in the driver. */
static struct hr_worker *self;

bool hr_in_worker(void)
{
    return self != NULL;
}

/* --- In the worker ---------------------------------------------------------------------------- */

hr_status hr_worker_send(const struct hr_frame *frame, struct hr_err *err)
{
    struct entry entry = {.frame = *frame};
    if (frame->batch)
        HR_TRY(hr_shared_put_batch(&self->out, frame->batch, &entry.offset, &entry.size, err));
    hr_buf_append(&self->index, &entry, sizeof entry);
    return hr_buf_status(&self->index, err);
}

/* The index goes behind the batches. */
static hr_status finish_output(struct hr_worker *w, struct hr_err *err)
{
    HR_TRY(hr_shared_flush(&w->out, err));
    w->page->index_at = w->out.written;
    w->page->index_bytes = w->index.len;
    HR_TRY(hr_shared_put(&w->out, w->index.ptr, w->index.len, err));
    return hr_shared_flush(&w->out, err);
}

static void *beat(void *arg)
{
    struct page *page = arg;
    for (;;) {
        atomic_fetch_add_explicit(&page->beats, 1, memory_order_relaxed);
        usleep(BEAT_US);
    }
    return NULL;
}

/* The driver's handlers are not the worker's: a crash must end it at once. */
static void reset_signals(void)
{
    for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the driver's to answer */
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/*
 * After a fork the C library takes the stacks of all other threads for free, and gives them to new
 * threads. But what the task works on may well be there: its job is on the stack of the thread that
 * started it, and so is what a user's arg points to. New threads want larger stacks than the old
 * ones have, so that they get fresh ones.
 */
static void spare_stacks(void)
{
    pthread_attr_t attr;
    size_t size;
    if (pthread_getattr_default_np(&attr) != 0) return;
    if (pthread_attr_getstacksize(&attr, &size) == 0 &&
        pthread_attr_setstacksize(&attr, 2 * size + PAGE) == 0)
        (void)!pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

static _Noreturn void worker_main(const struct hr_worker_call *call, struct page *page, int fd,
                                  pid_t driver)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != driver) _exit(1);
    reset_signals();
    spare_stacks();
    struct hr_worker worker = {
        .page = page,
        .out = {.fd = fd, .base = PAGE, .max = (uint64_t)HR_MAX(call->output_bytes_max, 1)}};
    hr_buf_init(&worker.out.buf, UINT32_MAX);
    hr_buf_init(&worker.index, UINT32_MAX);
    self = &worker;
    pthread_t beater;
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = hr_thread_start(&beater, "hr-beat", beat, page, &err);
    int64_t bytes = 0;
    if (status == HR_OK) status = call->run(call->arg, &bytes, &err);
    if (status == HR_OK) status = finish_output(&worker, &err);
    fflush(stdout);
    page->bytes = bytes;
    page->status = status;
    page->err = err;
    atomic_store_explicit(&page->outcome, status == HR_OK ? DONE : FAILED, memory_order_release);
    _exit(0);
}

/* --- In the driver ---------------------------------------------------------------------------- */

static hr_status lost(const struct hr_worker_call *call, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_WORKER_LOST, "what", call->what, "why", why);
}

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Not the env's: a worker hangs in real time, also where a test's clock stands still. */
static int64_t real_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

enum end { ENDED, STOPPED, TIMED_OUT, SILENT };

/* Until the worker has ended or must. */
static enum end watch(const struct hr_worker_call *call, const struct page *page, int pidfd)
{
    int64_t start = real_us(), heard = start;
    uint32_t beats = 0;
    for (;;) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        if (poll(&p, 1, POLL_MS) == 1) return ENDED;
        if (__atomic_load_n(call->stopped, __ATOMIC_RELAXED) ||
            __atomic_load_n(call->cancelled, __ATOMIC_RELAXED))
            return STOPPED;
        int64_t now = real_us();
        uint32_t seen = atomic_load_explicit(&page->beats, memory_order_relaxed);
        if (seen != beats) {
            heard = now;
            beats = seen;
        }
        if (call->task_timeout_us > 0 && now - start > call->task_timeout_us) return TIMED_OUT;
        if (call->heartbeat_timeout_us > 0 && now - heard > call->heartbeat_timeout_us)
            return SILENT;
    }
}

/* Why it ended without having said that it is done. */
static hr_status explain(const struct hr_worker_call *call, enum end end, int wait_status,
                         struct hr_err *err)
{
    char why[96], limit[32];
    switch (end) {
    case STOPPED: return HR_RAISE(err, HR_E_CANCELLED);
    case TIMED_OUT:
        snprintf(limit, sizeof limit, "%lld ms", (long long)(call->task_timeout_us / 1000));
        return HR_RAISE(err, HR_E_TASK_TIMEOUT, "what", call->what, "limit", limit);
    case SILENT: return lost(call, "it gave no sign of life and was killed", err);
    case ENDED: break;
    }
    if (WIFSIGNALED(wait_status))
        snprintf(why, sizeof why, "killed by signal %d (SIG%s)", WTERMSIG(wait_status),
                 sigabbrev_np(WTERMSIG(wait_status)) ? sigabbrev_np(WTERMSIG(wait_status)) : "?");
    else
        snprintf(why, sizeof why, "it left with exit status %d",
                 WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
    return lost(call, why, err);
}

static hr_status take_frame(const struct hr_worker_call *call, int fd, const struct entry *entry,
                            struct hr_err *err)
{
    struct hr_frame frame = entry->frame;
    frame.batch = NULL; /* was the worker's */
    if (entry->size)
        HR_TRY(hr_shared_get_batch(fd, PAGE + entry->offset, entry->size,
                                   call->schema(call->arg, &frame), &frame.batch, err));
    hr_status status = call->take(call->arg, &frame, err);
    hr_batch_unref(frame.batch);
    return status;
}

static hr_status take_output(const struct hr_worker_call *call, const struct page *page, int fd,
                             struct hr_err *err)
{
    size_t count = page->index_bytes / sizeof(struct entry);
    if (count == 0) return HR_OK;
    struct entry *entries = hr_alloc(count * sizeof *entries);
    if (!entries) return HR_OOM(err);
    hr_status status =
        hr_shared_read(fd, PAGE + page->index_at, entries, count * sizeof *entries, err);
    for (size_t i = 0; i < count && status == HR_OK; i++)
        status = take_frame(call, fd, &entries[i], err);
    hr_free(entries);
    return status;
}

/* Forks and sees the worker to its end. */
static hr_status run_in(const struct hr_worker_call *call, struct page *page, int fd,
                        struct hr_err *err)
{
    pid_t driver = getpid();
    fflush(stdout); /* or the worker would print it again */
    pthread_mutex_lock(call->lock);
    pid_t pid = hr_fork();
    int failed = errno;
    pthread_mutex_unlock(call->lock);
    if (pid == 0) worker_main(call, page, fd, driver);
    if (pid < 0)
        return HR_RAISE(err, HR_E_UNAVAILABLE, "what", "a worker process", "why", strerror(failed));
    int pidfd = open_pidfd(pid), wait_status = 0;
    enum end end = STOPPED;
    failed = errno;
    if (pidfd >= 0) end = watch(call, page, pidfd);
    if (end != ENDED) kill(pid, SIGKILL); /* not waited for yet: the number is still its own */
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) continue;
    if (pidfd < 0) return HR_RAISE(err, HR_E_IO, "what", "pidfd_open", "why", strerror(failed));
    close(pidfd);
    uint32_t outcome = atomic_load_explicit(&page->outcome, memory_order_acquire);
    if (outcome == RUNNING || end != ENDED) return explain(call, end, wait_status, err);
    if (outcome == DONE) return HR_OK;
    page->err.msg[HR_ERR_MSG_MAX - 1] = '\0';
    if (err) *err = page->err;
    return page->status;
}

hr_status hr_worker_run(const struct hr_worker_call *call, int64_t *ret_bytes, struct hr_err *err)
{
    int fd = memfd_create("headrace-task", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, PAGE) != 0) {
        int failed = errno;
        if (fd >= 0) close(fd);
        return HR_RAISE(err, HR_E_IO, "what", "a worker's shared memory", "why", strerror(failed));
    }
    struct page *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    hr_status status =
        page == MAP_FAILED
            ? HR_RAISE(err, HR_E_IO, "what", "a worker's shared memory", "why", strerror(errno))
            : run_in(call, page, fd, err);
    if (status == HR_OK && !call->claim(call->arg)) status = HR_RAISE(err, HR_E_CANCELLED);
    if (status == HR_OK) status = take_output(call, page, fd, err);
    if (status == HR_OK) *ret_bytes = page->bytes;
    if (page != MAP_FAILED) munmap(page, PAGE);
    close(fd);
    return status;
}
