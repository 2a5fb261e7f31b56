/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe: a partition's rows as lines through a program. The program's output is read by the task's
 * thread while its input is fed by poll, so neither side can block the other for ever. No shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"

extern char **environ;

struct pipe_args {
    char **argv;
};

struct child {
    pid_t pid;
    int in, out;
};

static hr_status start(const struct pipe_args *args, struct child *ret, struct hr_err *err)
{
    int in[2], out[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(in, O_CLOEXEC)) return HR_FAIL(err, HR_E_IO, "pipe: %s", strerror(errno));
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return HR_FAIL(err, HR_E_IO, "pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int why = posix_spawnp(&ret->pid, args->argv[0], &actions, NULL, args->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    ret->in = in[1];
    ret->out = out[0];
    if (!why) return HR_OK;
    close(in[1]);
    close(out[0]);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s: %s", args->argv[0], strerror(why));
}

static void emit_lines(struct hr_buf *got, bool end, struct hr_emitter *out)
{
    size_t at = 0;
    for (;;) {
        char *nl = at < got->len ? memchr(got->ptr + at, '\n', got->len - at) : NULL;
        if (!nl && !(end && at < got->len)) break;
        size_t stop = nl ? (size_t)(nl - got->ptr) : got->len;
        hr_emit_text(out, (struct hr_text){got->ptr + at, stop - at});
        hr_emit_end(out);
        at = HR_MIN(stop + 1, got->len);
    }
    if (at) {
        memmove(got->ptr, got->ptr + at, got->len - at);
        got->len -= at;
    }
}

/* Fills todo with lines of the next rows; false: there are no more. */
static bool more_input(struct hr_rows *in, struct hr_buf *todo)
{
    const struct hr_row *row;
    hr_buf_clear(todo);
    while (todo->len < 65536 && (row = hr_rows_next(in))) {
        hr_row_put(row, todo);
        hr_buf_putc(todo, '\n');
    }
    return todo->len > 0;
}

static hr_status converse(struct child *c, struct hr_rows *in, struct hr_emitter *out,
                          struct hr_err *err)
{
    struct hr_buf todo = {0}, got = {0};
    size_t sent = 0;
    hr_status status = HR_OK;
    HR_UNUSED(fcntl(c->in, F_SETFL, O_NONBLOCK));
    while (status == HR_OK) {
        if (c->in >= 0 && sent == todo.len) {
            sent = 0;
            if (!more_input(in, &todo)) {
                close(c->in);
                c->in = -1;
            }
        }
        struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->in, .events = POLLOUT}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            status = HR_FAIL(err, HR_E_IO, "poll: %s", strerror(errno));
        if (c->in >= 0 && fds[1].revents) {
            ssize_t n = write(c->in, todo.ptr + sent, todo.len - sent);
            if (n > 0)
                sent += (size_t)n;
            else if (errno == EPIPE) { /* it wants no more: as in a shell, that is its right */
                close(c->in);
                c->in = -1;
            }
        }
        if (!fds[0].revents) continue;
        char *room = hr_buf_reserve(&got, 65536);
        ssize_t n = room ? read(c->out, room, 65536) : -1;
        if (!room) status = HR_OOM(err);
        if (n > 0) got.len += (size_t)n;
        emit_lines(&got, n == 0, out);
        if (n == 0) break;
    }
    hr_buf_done(&todo);
    hr_buf_done(&got);
    return status;
}

static hr_status pipe_partition(void *arg, uint32_t partition, struct hr_rows *in,
                                struct hr_emitter *out, struct hr_err *err)
{
    const struct pipe_args *args = arg;
    struct child c;
    sigset_t pipes, before;
    int result = 0;
    HR_UNUSED(partition);
    HR_TRY(start(args, &c, err));
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipes, &before);
    hr_status status = converse(&c, in, out, err);
    struct timespec now = {0};
    while (sigtimedwait(&pipes, NULL, &now) > 0) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (c.in >= 0) close(c.in);
    close(c.out);
    if (status != HR_OK) kill(c.pid, SIGKILL);
    while (waitpid(c.pid, &result, 0) < 0 && errno == EINTR) continue;
    HR_TRY(status);
    if (WIFSIGNALED(result))
        return hr_err_fail(err, "%s: killed by signal %d", args->argv[0], WTERMSIG(result));
    if (WEXITSTATUS(result))
        return hr_err_fail(err, "%s: exit status %d", args->argv[0], WEXITSTATUS(result));
    return HR_OK;
}

static void pipe_free(void *arg)
{
    struct pipe_args *args = arg;
    for (char **a = args->argv; a && *a; a++) hr_free(*a);
    hr_free(args->argv);
    hr_free(args);
}

struct hr_rdd *hr_rdd_pipe(struct hr_rdd *rdd, const char *const *argv, struct hr_err *err)
{
    uint32_t n = 0;
    if (!rdd) return NULL;
    while (argv && argv[n]) n++;
    if (!n) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "pipe: no program given"));
        return NULL;
    }
    struct pipe_args *args = hr_zalloc(sizeof *args);
    bool whole = args && (args->argv = hr_zalloc((n + 1) * sizeof *args->argv)) != NULL;
    for (uint32_t i = 0; whole && i < n; i++) whole = (args->argv[i] = hr_strdup(argv[i])) != NULL;
    struct hr_rdd *out = NULL;
    if (!whole)
        HR_UNUSED(HR_OOM(err));
    else
        out = hr_rdd_map_partitions(rdd, "value STRING", pipe_partition, args, err);
    if (!out || hr_rdd_on_free(out, pipe_free, args, err) != HR_OK) {
        if (args && !out) pipe_free(args);
        return NULL;
    }
    return out;
}
