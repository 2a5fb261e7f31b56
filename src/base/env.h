/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside world: clock, randomness, files. Everything that the engine reads from or does to
 * the machine passes through a struct hr_env, so that tests can replace it (a clock that stands
 * still, a file system that tears writes). Sockets are reached in src/connector only, through
 * descriptors that the env hands out.
 *
 * Paths are plain file names. Functions return HR_E_IO with path and reason on failure;
 * HR_E_NOT_FOUND where a file is missing. Thread-safe.
 */
#ifndef HR_BASE_ENV_H
#define HR_BASE_ENV_H

#include "base/str.h"

struct hr_env;

struct hr_file_info {
    int64_t size_bytes;
    int64_t mtime_us;
    bool is_dir;
    bool is_regular;          /* neither folder, FIFO, device nor socket; links are followed */
    uint64_t device, inode;   /* tell whether two paths are one file */
};

enum hr_open_mode {
    HR_OPEN_READ,
    HR_OPEN_CREATE,   /* new or truncated, write */
    HR_OPEN_EXCL,     /* new, must not exist */
    HR_OPEN_UPDATE,   /* read and write, created when missing, kept content */
    HR_OPEN_APPEND,
};

struct hr_env_vt {
    const char *name;
    int64_t (*now_us)(struct hr_env *);       /* wall clock, µs since 1970 UTC */
    int64_t (*mono_ns)(struct hr_env *);      /* for durations */
    void (*sleep_us)(struct hr_env *, int64_t us);
    void (*random)(struct hr_env *, void *bytes, size_t size);
    hr_status (*open)(struct hr_env *, const char *path, enum hr_open_mode, int *ret_fd,
                      struct hr_err *);
    hr_status (*close)(struct hr_env *, int fd, struct hr_err *);
    /* Reads up to size; *ret_read 0 at the end. */
    hr_status (*pread)(struct hr_env *, int fd, void *data, size_t size, int64_t offset,
                       size_t *ret_read, struct hr_err *);
    /* Writes all of it. A full disk is HR_E_IO_FATAL. */
    hr_status (*pwrite)(struct hr_env *, int fd, const void *data, size_t size, int64_t offset,
                        struct hr_err *);
    hr_status (*fdatasync)(struct hr_env *, int fd, struct hr_err *); /* failure is HR_E_IO_FATAL */
    hr_status (*truncate)(struct hr_env *, int fd, int64_t size, struct hr_err *);
    /* Reserves blocks. */
    hr_status (*allocate)(struct hr_env *, int fd, int64_t size, struct hr_err *);
    hr_status (*rename)(struct hr_env *, const char *from, const char *to, struct hr_err *);
    /* The same, but HR_E_EXISTS when there is a file of that name. */
    hr_status (*rename_new)(struct hr_env *, const char *from, const char *to, struct hr_err *);
    hr_status (*unlink)(struct hr_env *, const char *path, struct hr_err *);
    hr_status (*mkdirs)(struct hr_env *, const char *path, struct hr_err *);
    hr_status (*sync_dir)(struct hr_env *, const char *path, struct hr_err *);
    hr_status (*stat)(struct hr_env *, const char *path, struct hr_file_info *ret, struct hr_err *);
    /* Does any process have the file open for writing? HR_E_NOT_SUPPORTED where the system does not
     * tell (a file of another user, a file system of another machine). */
    hr_status (*is_written)(struct hr_env *, const char *path, bool *ret, struct hr_err *);
    /* fn is called for each entry but . and ..; false stops. Order is the file system's. */
    hr_status (*list)(struct hr_env *, const char *path, bool (*fn)(void *arg, const char *name),
                      void *arg, struct hr_err *);
    /* Exclusive lock held until close; HR_E_AGAIN and the holder's pid (0 unknown) when taken. */
    hr_status (*lock)(struct hr_env *, int fd, int64_t *ret_pid, struct hr_err *);
};

struct hr_env {
    const struct hr_env_vt *vt;
};

/* The real machine. Never freed. */
struct hr_env *hr_env_default(void);

/* A clock under a test's control over the real files: sleep_us and advance move it. */
struct hr_env *hr_env_manual_clock_new(int64_t start_us);
void hr_env_manual_clock_advance(struct hr_env *env, int64_t us);
void hr_env_free(struct hr_env *env);

#define hr_now_us(env) ((env)->vt->now_us(env))
#define hr_mono_ns(env) ((env)->vt->mono_ns(env))

/* Whole files. read: HR_E_LIMIT beyond max_bytes (the buffer's own maximum). */
hr_status hr_env_read_file(struct hr_env *env, const char *path, struct hr_buf *ret,
                           struct hr_err *err) HR_CHECKED;
/* Durable and atomic: writes path.tmp, syncs, renames, syncs the folder. */
hr_status hr_env_write_file(struct hr_env *env, const char *path, const void *data, size_t size,
                            struct hr_err *err) HR_CHECKED;
bool hr_env_exists(struct hr_env *env, const char *path);
/* Removes a folder and all below it; a missing one is fine. */
hr_status hr_env_remove_tree(struct hr_env *env, const char *path, struct hr_err *err) HR_CHECKED;
/* Names in path, sorted bytewise, in the arena. */
struct hr_arena;
hr_status hr_env_list_sorted(struct hr_env *env, struct hr_arena *arena, const char *path,
                             char ***ret_names, uint32_t *ret_count, struct hr_err *err) HR_CHECKED;
/* 36 characters and NUL: a random UUID (version 4). */
void hr_env_uuid(struct hr_env *env, char ret_uuid[37]);

#endif
