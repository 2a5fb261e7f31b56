/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that whoever runs the program allows, by name: the file that HEADRACE_ALERT_COMMANDS
 * names has lines `name = /path/of/program argument …`. SQL names one and adds nothing. No shell;
 * the delivery comes on standard input, its id in HEADRACE_DELIVERY_ID.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "alert/internal.h"

#define WORDS_MAX 64

extern char **environ;

/* The words of a line, without what makes a shell's: no quotes, no variables. */
static hr_status take_words(struct hr_alert *alert, char *line, struct hr_alert_action *action,
                            struct hr_err *err)
{
    char *save = NULL;
    uint32_t count = 0;
    action->argv = HR_NEW_ARRAY(&alert->arena, char *, WORDS_MAX + 1);
    if (!action->argv) return HR_OOM(err);
    for (char *word = strtok_r(line, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
        if (count == WORDS_MAX)
            return HR_FAIL(err, HR_E_LIMIT, "command %s has more than %d words", action->command,
                           WORDS_MAX);
        action->argv[count++] = word;
    }
    if (count && action->argv[0][0] == '/') return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "HEADRACE_ALERT_COMMANDS: %s must name its program by a whole path",
                   action->command);
}

hr_status hr_alert_find_command(struct hr_alert *alert, struct hr_alert_action *action,
                                struct hr_err *err)
{
    const char *path = getenv("HEADRACE_ALERT_COMMANDS");
    struct hr_buf file;
    hr_buf_init(&file, 1 << 20);
    if (!path || !*path)
        return HR_FAIL(err, HR_E_FORBIDDEN,
                       "COMMAND %s: no commands are allowed here; whoever runs the program lists "
                       "them in a file that HEADRACE_ALERT_COMMANDS names",
                       action->command);
    hr_status status = hr_env_read_file(alert->env, path, &file, err);
    char *text = status == HR_OK
                     ? hr_arena_strndup(&alert->arena, file.len ? file.ptr : "", file.len)
                     : NULL;
    hr_buf_done(&file);
    if (status != HR_OK) return hr_err_prefix(err, "HEADRACE_ALERT_COMMANDS");
    if (!text) return HR_OOM(err);
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " \t");
        size_t len = strcspn(line, " \t=");
        char *equals = strchr(line, '=');
        if (*line == '#' || !equals || strlen(action->command) != len ||
            memcmp(line, action->command, len) != 0)
            continue;
        return take_words(alert, equals + 1, action, err);
    }
    return HR_FAIL(err, HR_E_FORBIDDEN,
                   "COMMAND %s is not among those that HEADRACE_ALERT_COMMANDS lists",
                   action->command);
}

/* The body as a file without a name, to be read from its start. */
static int body_file(const char *body)
{
    int fd = memfd_create("alert", MFD_CLOEXEC);
    size_t len = strlen(body);
    if (fd < 0) return -1;
    if (pwrite(fd, body, len, 0) == (ssize_t)len) return fd;
    close(fd);
    return -1;
}

static int start(const struct hr_alert_action *action, const struct hr_alert_delivery *d, int in,
                 pid_t *ret)
{
    char id[64];
    size_t count = 0;
    while (environ[count]) count++;
    char **env = hr_alloc((count + 2) * sizeof(char *));
    if (!env) return ENOMEM;
    snprintf(id, sizeof id, "HEADRACE_DELIVERY_ID=%s", d->id);
    memcpy(env, environ, count * sizeof(char *));
    env[count] = id;
    env[count + 1] = NULL;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", 1 /* O_WRONLY */, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", 1, 0);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(ret, action->argv[0], &files, &attributes, action->argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    hr_free(env);
    return error;
}

static enum hr_alert_outcome await(struct hr_alert *alert, const struct hr_alert_action *action,
                                   pid_t pid, char *why, size_t why_size)
{
    int64_t deadline = hr_mono_ns(alert->env) + action->timeout_us * 1000;
    int result = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &result, WNOHANG)) == 0) {
        if (hr_mono_ns(alert->env) > deadline || hr_alert_gives_up(alert)) {
            kill(-pid, SIGKILL);
            while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {}
            snprintf(why, why_size, "it took longer than %lld ms",
                     (long long)(action->timeout_us / 1000));
            return HR_ALERT_AGAIN;
        }
        usleep(5000);
    }
    if (ended == pid && WIFEXITED(result) && WEXITSTATUS(result) == 0) return HR_ALERT_DONE;
    if (ended == pid && WIFSIGNALED(result))
        snprintf(why, why_size, "it was ended by signal %d", WTERMSIG(result));
    else
        snprintf(why, why_size, "it ended with status %d", ended == pid ? WEXITSTATUS(result) : -1);
    return HR_ALERT_AGAIN;
}

enum hr_alert_outcome hr_alert_run_command(struct hr_alert *alert,
                                           const struct hr_alert_action *action,
                                           const struct hr_alert_delivery *d, char *why,
                                           size_t why_size)
{
    pid_t pid = 0;
    int in = body_file(d->body);
    int error = in < 0 ? errno : start(action, d, in, &pid);
    if (in >= 0) close(in);
    if (error) {
        snprintf(why, why_size, "it could not be started: %s", strerror(error));
        return HR_ALERT_AGAIN;
    }
    return await(alert, action, pid, why, why_size);
}
