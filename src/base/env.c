/* SPDX-License-Identifier: Apache-2.0 */
/* The real machine, and the helpers over whole files that work through any env. */
#include "base/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"

/* Errors -------------------------------------------------------------------------------------- */

static hr_status io_error(struct hr_err *err, const char *what, int why)
{
    hr_status code = HR_E_IO;
    if (why == ENOENT || why == ENOTDIR || why == ELOOP) /* a ring of links names no file */
        code = HR_E_NOT_FOUND;
    else if (why == EEXIST)
        code = HR_E_EXISTS;
    else if (why == ENOSPC || why == EDQUOT || why == EROFS || why == EACCES || why == EPERM)
        code = HR_E_IO_FATAL;
    return HR_FAIL(err, code, "%s: %s", what, strerror(why));
}

/* As io_error for an open file: its name is found again by /proc. */
static HR_COLD hr_status fd_error(struct hr_err *err, int fd, const char *doing, int why)
{
    char link[64], path[600], what[700];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    snprintf(what, sizeof what, "%s %s", doing, n > 0 ? path : "a file");
    return io_error(err, what, why);
}

/* The real machine ---------------------------------------------------------------------------- */

static int64_t real_now_us(struct hr_env *env)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t real_mono_ns(struct hr_env *env)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void real_sleep_us(struct hr_env *env, int64_t us)
{
    if (us <= 0) return;
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

static void real_random(struct hr_env *env, void *bytes, size_t size)
{
    char *p = bytes;
    while (size > 0) {
        ssize_t n = getrandom(p, size, 0);
        if (n < 0) {
            if (errno == EINTR) continue;
            abort(); /* Linux 3.17 and later have it; there is nothing sane to go on with */
        }
        p += n;
        size -= (size_t)n;
    }
}

static hr_status real_open(struct hr_env *env, const char *path, enum hr_open_mode mode,
                           int *ret_fd, struct hr_err *err)
{
    static const int flags[] = {
        [HR_OPEN_READ] = O_RDONLY,
        [HR_OPEN_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
        [HR_OPEN_EXCL] = O_RDWR | O_CREAT | O_EXCL,
        [HR_OPEN_UPDATE] = O_RDWR | O_CREAT,
        [HR_OPEN_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
    };
    assert((size_t)mode < HR_COUNT(flags));
    int fd;
    do fd = open(path, flags[mode] | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return io_error(err, path, errno);
    *ret_fd = fd;
    return HR_OK;
}

static hr_status real_close(struct hr_env *env, int fd, struct hr_err *err)
{
    if (close(fd) != 0 && errno != EINTR)
        return HR_FAIL(err, HR_E_IO, "close: %s", strerror(errno));
    return HR_OK;
}

static hr_status real_pread(struct hr_env *env, int fd, void *data, size_t size, int64_t offset,
                            size_t *ret_read, struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_READ, err);
    ssize_t n;
    do n = pread(fd, data, size, offset);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fd_error(err, fd, "reading", errno);
    *ret_read = (size_t)n;
    return HR_OK;
}

static hr_status real_pwrite(struct hr_env *env, int fd, const void *data, size_t size,
                             int64_t offset, struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_WRITE, err);
    const char *p = data;
    while (size > 0) {
        ssize_t n = pwrite(fd, p, size, offset);
        if (n < 0) {
            if (errno == EINTR) continue;
            return fd_error(err, fd, "writing", errno);
        }
        p += n;
        offset += n;
        size -= (size_t)n;
    }
    return HR_OK;
}

static hr_status real_fdatasync(struct hr_env *env, int fd, struct hr_err *err)
{
    if (hr_fault_hit(HR_FAULT_FILE_SYNC))
        return HR_FAIL(err, HR_E_IO_FATAL, "injected fault at file-sync");
    if (fdatasync(fd) == 0) return HR_OK;
    int why = errno;
    if (why == EINVAL || why == EROFS) return HR_OK; /* pipes and terminals have nothing to sync */
    fd_error(err, fd, "syncing", why);
    char what[HR_ERR_MSG_MAX];
    snprintf(what, sizeof what, "%s", err ? err->msg : "");
    return HR_FAIL(err, HR_E_IO_FATAL, "%s", what); /* never retried: the pages are gone */
}

static hr_status real_truncate(struct hr_env *env, int fd, int64_t size, struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_WRITE, err);
    if (ftruncate(fd, size) != 0) return fd_error(err, fd, "truncating", errno);
    return HR_OK;
}

static hr_status real_allocate(struct hr_env *env, int fd, int64_t size, struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_WRITE, err);
    int rc;
    do rc = posix_fallocate(fd, 0, size);
    while (rc == EINTR);
    if (rc) return fd_error(err, fd, "allocating", rc);
    return HR_OK;
}

static hr_status real_rename(struct hr_env *env, const char *from, const char *to,
                             struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_WRITE, err);
    if (rename(from, to) != 0) return io_error(err, to, errno);
    return HR_OK;
}

static hr_status real_unlink(struct hr_env *env, const char *path, struct hr_err *err)
{
    if (remove(path) != 0) return io_error(err, path, errno); /* an empty folder too */
    return HR_OK;
}

static hr_status real_rename_new(struct hr_env *env, const char *from, const char *to,
                                 struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_FILE_WRITE, err);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return HR_OK;
    /* Where the file system cannot, a second name is as exclusive. */
    if (errno == EINVAL || errno == ENOSYS) {
        if (link(from, to) == 0) return real_unlink(env, from, err);
    }
    if (errno == EEXIST) return HR_FAIL(err, HR_E_EXISTS, "%s exists", to);
    return io_error(err, to, errno);
}

static hr_status real_mkdirs(struct hr_env *env, const char *path, struct hr_err *err)
{
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: name too long", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0') continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return io_error(err, part, errno);
        part[i] = path[i];
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: is not a folder", path);
    return HR_OK;
}

static hr_status real_sync_dir(struct hr_env *env, const char *path, struct hr_err *err)
{
    if (hr_fault_hit(HR_FAULT_FILE_SYNC))
        return HR_FAIL(err, HR_E_IO_FATAL, "injected fault at file-sync");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_error(err, path, errno);
    int why = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    if (why) return HR_FAIL(err, HR_E_IO_FATAL, "syncing %s: %s", path, strerror(why));
    return HR_OK;
}

static hr_status real_stat(struct hr_env *env, const char *path, struct hr_file_info *ret,
                           struct hr_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return io_error(err, path, errno);
    ret->size_bytes = st.st_size;
    ret->mtime_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
    ret->is_dir = S_ISDIR(st.st_mode);
    ret->is_regular = S_ISREG(st.st_mode);
    ret->device = st.st_dev;
    ret->inode = st.st_ino;
    return HR_OK;
}

/* A read lease is given only on files that nobody has open for writing. While we hold it (for a
 * system call's time) an opener waits, and the kernel tells us by a signal: one that is ignored
 * unless somebody asked for it. */
static hr_status real_is_written(struct hr_env *env, const char *path, bool *ret,
                                 struct hr_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return io_error(err, path, errno);
    int why = fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0 ? 0 : errno;
    if (why == 0) (void)!fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    if (why && why != EAGAIN)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: the system does not tell who writes to it: %s",
                       path, strerror(why));
    *ret = why == EAGAIN;
    return HR_OK;
}

static hr_status real_list(struct hr_env *env, const char *path,
                           bool (*fn)(void *arg, const char *name), void *arg, struct hr_err *err)
{
    DIR *dir = opendir(path);
    if (!dir) return io_error(err, path, errno);
    hr_status status = HR_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno) status = io_error(err, path, errno);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (!fn(arg, entry->d_name)) break;
    }
    closedir(dir);
    return status;
}

/* Who holds a flock on this file, by /proc/locks ("1: FLOCK ADVISORY WRITE pid maj:min:inode
 * …"). */
static int64_t lock_holder(int fd)
{
    struct stat st;
    FILE *f = fstat(fd, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
    if (!f) return 0;
    char line[256];
    int64_t holder = 0;
    while (!holder && fgets(line, sizeof line, f)) {
        long pid;
        unsigned major_id, minor_id;
        unsigned long inode;
        if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major_id, &minor_id, &inode) ==
                4 &&
            inode == st.st_ino && major_id == major(st.st_dev) && minor_id == minor(st.st_dev))
            holder = pid;
    }
    fclose(f);
    return holder > 0 ? holder : 0;
}

static hr_status real_lock(struct hr_env *env, int fd, int64_t *ret_pid, struct hr_err *err)
{
    int rc;
    do rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc != 0 && errno == EINTR);
    if (rc == 0) return HR_OK;
    if (errno != EWOULDBLOCK) return fd_error(err, fd, "locking", errno);
    int64_t pid = lock_holder(fd);
    if (ret_pid) *ret_pid = pid;
    return HR_FAIL(err, HR_E_AGAIN, "locked by process %lld", (long long)pid);
}

#define FILE_METHODS                                                                    \
    .open = real_open, .close = real_close, .pread = real_pread, .pwrite = real_pwrite, \
    .fdatasync = real_fdatasync, .truncate = real_truncate, .allocate = real_allocate,  \
    .rename = real_rename, .rename_new = real_rename_new, .unlink = real_unlink,        \
    .mkdirs = real_mkdirs,                                                              \
    .sync_dir = real_sync_dir, .stat = real_stat, .is_written = real_is_written,        \
    .list = real_list, .lock = real_lock

static const struct hr_env_vt real_vt = {
    .name = "real",
    .now_us = real_now_us,
    .mono_ns = real_mono_ns,
    .sleep_us = real_sleep_us,
    .random = real_random,
    FILE_METHODS,
};

struct hr_env *hr_env_default(void)
{
    static struct hr_env env = {&real_vt};
    return &env;
}

/* The manual clock ---------------------------------------------------------------------------- */

struct manual_env {
    struct hr_env base;
    int64_t start_us;
    _Atomic int64_t now_us;
};

static int64_t manual_now_us(struct hr_env *env)
{
    return atomic_load(&HR_CONTAINER_OF(env, struct manual_env, base)->now_us);
}

static int64_t manual_mono_ns(struct hr_env *env)
{
    struct manual_env *m = HR_CONTAINER_OF(env, struct manual_env, base);
    return (atomic_load(&m->now_us) - m->start_us) * 1000;
}

static void manual_sleep_us(struct hr_env *env, int64_t us)
{
    if (us > 0) hr_env_manual_clock_advance(env, us);
}

static const struct hr_env_vt manual_vt = {
    .name = "manual-clock",
    .now_us = manual_now_us,
    .mono_ns = manual_mono_ns,
    .sleep_us = manual_sleep_us,
    .random = real_random,
    FILE_METHODS,
};

struct hr_env *hr_env_manual_clock_new(int64_t start_us)
{
    struct manual_env *m = hr_zalloc(sizeof *m);
    if (!m) return NULL;
    m->base.vt = &manual_vt;
    m->start_us = start_us;
    atomic_init(&m->now_us, start_us);
    return &m->base;
}

void hr_env_manual_clock_advance(struct hr_env *env, int64_t us)
{
    assert(env->vt == &manual_vt && us >= 0);
    atomic_fetch_add(&HR_CONTAINER_OF(env, struct manual_env, base)->now_us, us);
}

void hr_env_free(struct hr_env *env)
{
    if (env && env->vt == &manual_vt) hr_free(HR_CONTAINER_OF(env, struct manual_env, base));
}

/* Over any env -------------------------------------------------------------------------------- */

hr_status hr_env_read_file(struct hr_env *env, const char *path, struct hr_buf *ret,
                           struct hr_err *err)
{
    int fd;
    HR_TRY(env->vt->open(env, path, HR_OPEN_READ, &fd, err));
    hr_status status = HR_OK;
    struct hr_file_info info;
    if (env->vt->stat(env, path, &info, NULL) != HR_OK) info.size_bytes = 0;
    size_t step = info.size_bytes > 0 && info.size_bytes < INT64_C(1) << 30
                      ? (size_t)info.size_bytes + 1
                      : 65536;
    size_t max = ret->max_bytes ? ret->max_bytes : (size_t)1 << 30;
    if (step > max) step = max; /* too long shows below, by a byte past the maximum */
    for (int64_t offset = 0;;) {
        char past;
        bool full = ret->len >= max;
        size_t want = full ? 1 : HR_MIN(step, max - ret->len), n;
        char *to = full ? &past : hr_buf_reserve(ret, want);
        if (!to) HR_TRY_OUT(hr_buf_status(ret, err));
        HR_TRY_OUT(env->vt->pread(env, fd, to, want, offset, &n, err));
        if (n == 0) break;
        if (full) {
            status = HR_FAIL(err, HR_E_LIMIT, "%s exceeds the limit of %zu bytes", path, max);
            goto out;
        }
        ret->len += n;
        offset += (int64_t)n;
        step = 65536;
    }
out:
    (void)!env->vt->close(env, fd, NULL);
    return status;
}

/* The folder of path, "." when it has none. */
static void folder_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, size, ".");
    else
        snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static hr_status write_synced(struct hr_env *env, const char *path, const void *data, size_t size,
                              struct hr_err *err)
{
    int fd;
    HR_TRY(env->vt->open(env, path, HR_OPEN_CREATE, &fd, err));
    hr_status status = env->vt->pwrite(env, fd, data, size, 0, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, fd, err);
    hr_status closed = env->vt->close(env, fd, status == HR_OK ? err : NULL);
    return status == HR_OK ? closed : status;
}

hr_status hr_env_write_file(struct hr_env *env, const char *path, const void *data, size_t size,
                            struct hr_err *err)
{
    char tmp[4096], folder[4096];
    if ((size_t)snprintf(tmp, sizeof tmp, "%s.tmp", path) >= sizeof tmp)
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: name too long", path);
    folder_of(path, folder, sizeof folder);
    hr_status status = write_synced(env, tmp, data, size, err);
    if (status == HR_OK) status = env->vt->rename(env, tmp, path, err);
    if (status != HR_OK) {
        (void)!env->vt->unlink(env, tmp, NULL);
        return status;
    }
    return env->vt->sync_dir(env, folder, err);
}

bool hr_env_exists(struct hr_env *env, const char *path)
{
    struct hr_file_info info;
    return env->vt->stat(env, path, &info, NULL) == HR_OK;
}

struct name_list {
    struct hr_arena *arena;
    HR_VEC(char *) names;
    bool failed;
};

static bool add_name(void *arg, const char *name)
{
    struct name_list *list = arg;
    char *copy = hr_arena_strdup(list->arena, name);
    list->failed = !copy || !HR_VEC_PUSH(list->arena, &list->names, copy);
    return !list->failed;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

hr_status hr_env_list_sorted(struct hr_env *env, struct hr_arena *arena, const char *path,
                             char ***ret_names, uint32_t *ret_count, struct hr_err *err)
{
    struct name_list list = {.arena = arena};
    HR_TRY(env->vt->list(env, path, add_name, &list, err));
    if (list.failed) return HR_OOM(err);
    if (list.names.count) qsort(list.names.items, list.names.count, sizeof(char *), by_bytes);
    *ret_names = list.names.items;
    *ret_count = list.names.count;
    return HR_OK;
}

hr_status hr_env_remove_tree(struct hr_env *env, const char *path, struct hr_err *err)
{
    /* A symbolic link is removed, never followed: unlink first, and go inside only a real
     * folder. */
    hr_status status = env->vt->unlink(env, path, NULL);
    if (status == HR_OK || status == HR_E_NOT_FOUND) return HR_OK;
    struct hr_file_info info;
    status = env->vt->stat(env, path, &info, err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    if (status != HR_OK) return status;
    if (!info.is_dir) return env->vt->unlink(env, path, err);
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char **names;
    uint32_t count;
    status = hr_env_list_sorted(env, &arena, path, &names, &count, err);
    for (uint32_t i = 0; status == HR_OK && i < count; i++) {
        char *child = hr_arena_printf(&arena, "%s/%s", path, names[i]);
        status = child ? hr_env_remove_tree(env, child, err) : HR_OOM(err);
    }
    if (status == HR_OK) status = env->vt->unlink(env, path, err);
    hr_arena_done(&arena);
    return status;
}

void hr_env_uuid(struct hr_env *env, char ret_uuid[37])
{
    unsigned char b[16];
    env->vt->random(env, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    static const char hex[] = "0123456789abcdef";
    char *p = ret_uuid;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        *p++ = hex[b[i] >> 4];
        *p++ = hex[b[i] & 15];
    }
    *p = '\0';
}
