/* SPDX-License-Identifier: Apache-2.0 */
/* headrace test PATH …: runs the tests of pipelines, each in a process of its own, so that one
 * that crashes or hangs fails alone and none sees another's tables. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/pipeline.h"

enum { OPT_TIMEOUT, OPT_SET };

static const struct cli_option options[] = {
    [OPT_TIMEOUT] = {"timeout", 0, "SECONDS", "for each test (60)"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "a setting; may be given several times"},
    {0},
};

struct tests {
    struct cli_settings settings;
    struct cli_paths paths;
    int64_t timeout_s;
    uint32_t passed, failed;
};

static int compare_rows(const void *a, const void *b)
{
    const struct hr_str_view *x = a, *y = b;
    int order = memcmp(x->ptr, y->ptr, HR_MIN(x->len, y->len));
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Both sorted; what only one of them has is printed. */
static bool same_rows(const struct pipeline *pipeline, const struct pipeline_step *step,
                      struct hr_str_view *got, uint32_t got_count)
{
    uint32_t i = 0, k = 0;
    bool same = true;
    qsort(got, got_count, sizeof *got, compare_rows);
    if (step->row_count) qsort(step->rows, step->row_count, sizeof *step->rows, compare_rows);
    while (i < step->row_count || k < got_count) {
        int order = i == step->row_count ? 1
                    : k == got_count     ? -1
                                         : compare_rows(&step->rows[i], &got[k]);
        if (order == 0) {
            i++;
            k++;
            continue;
        }
        if (same)
            printf("%s:%d: %s%s: the rows differ (- expected, + got)\n", pipeline->path, step->line,
                   step->kind == PIPELINE_EXPECT ? "expect " : "query",
                   step->kind == PIPELINE_EXPECT ? step->name : "");
        same = false;
        const struct hr_str_view *row = order < 0 ? &step->rows[i++] : &got[k++];
        printf("  %c %.*s\n", order < 0 ? '-' : '+', (int)row->len, row->ptr);
    }
    return same;
}

static hr_status run_step(const struct pipeline *pipeline, const struct pipeline_step *step,
                          struct pipeline_job *job, struct hr_arena *arena, bool *ret_same,
                          struct hr_err *err)
{
    struct hr_str_view *got = NULL;
    uint32_t count = 0;
    if (step->kind == PIPELINE_INPUT) return pipeline_job_input(job, step, err);
    if (step->kind == PIPELINE_ADVANCE) return pipeline_job_advance(job, step->us, err);
    HR_TRY(pipeline_job_rows(job, step, arena, &got, &count, err));
    if (!same_rows(pipeline, step, got, count)) *ret_same = false;
    return HR_OK;
}

static hr_status run_steps(struct pipeline *pipeline, struct pipeline_job *job,
                           struct hr_arena *arena, bool *ret_same, struct hr_err *err)
{
    for (uint32_t i = 0; i < pipeline->step_count; i++) {
        const struct pipeline_step *step = &pipeline->steps[i];
        hr_status status = run_step(pipeline, step, job, arena, ret_same, err);
        if (status == HR_OK) continue;
        printf("%s:%d: [%s] %s\n", pipeline->path, step->line,
               hr_error_info(err->code)->error_class, err->msg);
        return status;
    }
    return HR_OK;
}

static hr_status run_job(struct pipeline *pipeline, const char *tmp, struct hr_arena *arena,
                         bool *ret_same, struct hr_err *err)
{
    struct cli_text text = {0};
    struct pipeline_job *job = NULL;
    hr_status status = cli_read(pipeline->job, &text, err);
    if (status != HR_OK)
        cli_print_error(err, NULL, hr_svn(NULL, 0));
    else
        status = pipeline_job_start(pipeline, &text, tmp, &job, err);
    if (status != HR_OK)
        printf("%s: the job does not start\n", pipeline->path);
    else
        status = run_steps(pipeline, job, arena, ret_same, err);
    pipeline_job_free(job);
    hr_buf_done(&text.buf);
    return status;
}

/* In the child. */
static int run_one(const struct tests *tests, const char *path, const char *tmp)
{
    struct hr_err err;
    struct hr_arena arena;
    struct cli_text text = {0};
    struct pipeline pipeline;
    bool same = true;
    hr_err_init(&err);
    hr_arena_init(&arena, NULL);
    hr_status status = cli_read(path, &text, &err);
    if (status == HR_OK)
        status = pipeline_read(&arena, path, hr_svn(text.buf.ptr, text.buf.len), &pipeline, &err);
    if (status != HR_OK) {
        printf("[%s] %s\n", hr_error_info(err.code)->error_class, err.msg);
        return CLI_FAILED;
    }
    const char **all = HR_NEW_ARRAY(&arena, const char *,
                                    tests->settings.count + pipeline.setting_count + 1);
    if (!all) return CLI_FAILED;
    for (uint32_t i = 0; i < tests->settings.count; i++) all[i] = tests->settings.items[i];
    for (uint32_t i = 0; i < pipeline.setting_count; i++)
        all[tests->settings.count + i] = pipeline.settings[i];
    pipeline.settings = all;
    pipeline.setting_count += tests->settings.count;
    status = run_job(&pipeline, tmp, &arena, &same, &err);
    hr_arena_done(&arena);
    hr_buf_done(&text.buf);
    return status == HR_OK && same ? CLI_DONE : CLI_FAILED;
}

static void report_end(struct tests *tests, const char *path, int status)
{
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("%s: not done after %lld seconds\n", path, (long long)tests->timeout_s);
    else if (WIFSIGNALED(status))
        printf("%s: ended by signal %d\n", path, WTERMSIG(status));
    printf("%s %s\n", passed ? "ok  " : "FAIL", path);
    if (passed)
        tests->passed++;
    else
        tests->failed++;
}

static void run_file(struct tests *tests, const char *path)
{
    const char *root = getenv("TMPDIR");
    char tmp[4096], uuid[37];
    struct hr_err err;
    struct hr_env *env = hr_env_default();
    int status = 0;
    hr_err_init(&err);
    hr_env_uuid(env, uuid);
    snprintf(tmp, sizeof tmp, "%s/headrace-test-%s", root && *root ? root : "/tmp", uuid);
    if (env->vt->mkdirs(env, tmp, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        tests->failed++;
        return;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm((unsigned)tests->timeout_s);
        status = run_one(tests, path, tmp);
        fflush(NULL);
        _exit(status);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    report_end(tests, path, pid > 0 ? status : CLI_FAILED << 8);
    if (hr_env_remove_tree(env, tmp, &err) != HR_OK) cli_print_error(&err, NULL, hr_svn(NULL, 0));
}

/* A file, or each NAME.test in a folder and below it. */
static void run_path(struct tests *tests, const char *path)
{
    struct hr_env *env = hr_env_default();
    struct hr_file_info info;
    struct hr_arena arena;
    struct hr_err err;
    char **names = NULL;
    uint32_t count = 0;
    hr_err_init(&err);
    hr_arena_init(&arena, NULL);
    hr_status status = env->vt->stat(env, path, &info, &err);
    if (status == HR_OK && !info.is_dir) run_file(tests, path);
    if (status == HR_OK && info.is_dir)
        status = hr_env_list_sorted(env, &arena, path, &names, &count, &err);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        const char *dot = strrchr(names[i], '.');
        const char *below = hr_arena_printf(&arena, "%s/%s", path, names[i]);
        if (!below) break;
        if (env->vt->stat(env, below, &info, &err) != HR_OK) continue; /* it went away */
        if (info.is_dir ? names[i][0] != '.' : dot && strcmp(dot, ".test") == 0)
            run_path(tests, below);
    }
    if (status != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        tests->failed++;
    }
    hr_arena_done(&arena);
}

static int parse_option(const struct cli_command *command, struct tests *tests, int option,
                        const char *value)
{
    switch (option) {
    case OPT_TIMEOUT:
        if (!hr_parse_i64(hr_sv(value), &tests->timeout_s) || tests->timeout_s < 1 ||
            tests->timeout_s > 86400)
            return cli_usage_error(command, "--timeout %s: seconds from 1 to 86400", value);
        return CLI_DONE;
    case OPT_SET:
        if (!cli_settings_add(&tests->settings, value))
            return cli_usage_error(command, "--set %s: KEY=VALUE is needed", value);
        return CLI_DONE;
    case CLI_ARG_POSITIONAL: cli_paths_add(&tests->paths, value); return CLI_DONE;
    default: return CLI_USAGE;
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct tests tests = {.timeout_s = 60, .paths = cli_paths(argv)};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) goto out;
        exit_status = parse_option(command, &tests, option, value);
    }
    if (exit_status == CLI_DONE && tests.paths.count == 0)
        exit_status = cli_usage_error(command, "the test's file or folder is missing");
    for (uint32_t i = 0; i < tests.paths.count && exit_status == CLI_DONE; i++)
        run_path(&tests, tests.paths.items[i]);
    if (exit_status == CLI_DONE) {
        if (tests.passed + tests.failed == 0)
            fputs("headrace: there is no file NAME.test\n", stderr);
        printf("%u passed, %u failed\n", tests.passed, tests.failed);
        if (tests.failed || !tests.passed) exit_status = CLI_FAILED;
    }
out:
    cli_settings_done(&tests.settings);
    return exit_status;
}

const struct cli_command cli_test = {
    .name = "test",
    .usage = "FILE.test|FOLDER … [OPTIONS]",
    .doc = "run unit tests of pipelines: inputs, and the rows that follow",
    .options = options,
    .run = run,
};
