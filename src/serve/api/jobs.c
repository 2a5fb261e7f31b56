/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: SQL texts that the server keeps and runs, each in a session of its own. What a job should
 * be doing (`wanted`: running, paused, stopped) is in the store before it is done; so a server that
 * is started again starts what was running. A stop keeps the checkpoint: a start goes on from
 * there.
 *
 * Threads: `lock` covers the list and every job's plain members; it is never held while a job
 * starts or stops, which a thread of its own does while the job is `busy` (409 for others).
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "serve/api/store.h"
#include "serve/api/validate.h"
#include "serve/internal.h"

#define NAME_MAX_BYTES 64
#define JOBS_MAX       1000

enum wish { STOPPED, PAUSED, RUNNING };
static const char *const wishes[] = {"stopped", "paused", "running"};

struct job {
    struct hr_jobs *jobs;
    char name[NAME_MAX_BYTES + 1];
    char *sql;
    enum wish wanted;
    bool busy; /* a thread starts or stops it */
    bool drop; /* it goes away when it has stopped */
    const char *state; /* "stopped", "starting", "running", "stopping", "finished", "failed" … */
    struct hr_session *session; /* from its start to its stop; the busy thread's, the ticker's */
    int64_t created_us, started_us;
    bool failed;
    struct hr_err err; /* where it failed */
    struct job *next;
};

struct hr_jobs {
    struct hr_serve *serve;
    struct hr_job_store *store;
    char *folder;
    struct hr_session_options session; /* what jobs' sessions are made with */
    struct hr_options settings;        /* and set */
    struct hr_arena arena;             /* of settings */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *list; /* by name */
    uint32_t count, busy;
    bool changed_since_told;
};

/* The list. All under lock --------------------------------------------------------------------- */

static struct job *find(struct hr_jobs *jobs, const char *name)
{
    struct job *job = jobs->list;
    while (job && strcmp(job->name, name) != 0) job = job->next;
    return job;
}

static void set_state(struct job *job, const char *state)
{
    job->state = state;
    job->jobs->changed_since_told = true;
    pthread_cond_broadcast(&job->jobs->changed);
}

static hr_status add(struct hr_jobs *jobs, const char *name, const char *sql, enum wish wanted,
                     int64_t created_us, struct job **ret, struct hr_err *err)
{
    struct job *job = hr_zalloc(sizeof *job);
    char *copy = hr_strdup(sql);
    if (!job || !copy) {
        hr_free(job);
        hr_free(copy);
        return HR_OOM(err);
    }
    job->jobs = jobs;
    snprintf(job->name, sizeof job->name, "%s", name);
    job->sql = copy;
    job->wanted = wanted;
    job->created_us = created_us;
    job->state = wishes[wanted == RUNNING ? STOPPED : wanted];
    struct job **at = &jobs->list;
    while (*at && strcmp((*at)->name, name) < 0) at = &(*at)->next;
    job->next = *at;
    *at = job;
    jobs->count++;
    jobs->changed_since_told = true;
    *ret = job;
    return HR_OK;
}

static void remove_job(struct job *job)
{
    struct job **at = &job->jobs->list;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    job->jobs->count--;
    job->jobs->changed_since_told = true;
    hr_free(job->sql);
    hr_free(job);
}

static hr_status save(struct job *job, struct hr_err *err)
{
    return hr_job_store_put(job->jobs->store, job->name, job->sql, wishes[job->wanted],
                            job->created_us, err);
}

/* Starting and stopping, on the job's busy thread ---------------------------------------------- */

static hr_status open_session(struct job *job, struct hr_session **ret, struct hr_err *err)
{
    struct hr_jobs *jobs = job->jobs;
    struct hr_session_options options = jobs->session;
    struct hr_session *session = NULL;
    struct hr_buf root = {0};
    hr_buf_printf(&root, "%s/checkpoints/%s", jobs->folder, job->name);
    options.checkpoint_root = hr_buf_cstr(&root);
    hr_status status = hr_session_new(&options, &session, err);
    hr_buf_done(&root);
    for (uint32_t i = 0; status == HR_OK && i < jobs->settings.count; i++)
        status = hr_session_set(session, jobs->settings.items[i].key,
                                jobs->settings.items[i].value, err);
    if (status == HR_OK) status = hr_serve_attach(jobs->serve, job->name, session, err);
    if (status != HR_OK) {
        hr_session_free(session);
        return status;
    }
    *ret = session;
    return HR_OK;
}

/* The position of an error in the job's whole text. */
static void locate(const char *sql, struct hr_str_view statement, struct hr_err *err)
{
    if (err->sql_pos < 0 || !statement.ptr) return;
    int32_t offset = (int32_t)(statement.ptr - sql);
    err->sql_pos += offset;
    if (err->sql_end >= 0) err->sql_end += offset;
    hr_err_locate(err, sql, strlen(sql));
}

static hr_status run_statements(struct hr_session *session, const char *sql, struct hr_err *err)
{
    size_t len = strlen(sql);
    for (size_t pos = 0;;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        bool more = false;
        hr_status status =
            hr_session_next(session, sql, len, &pos, &more, &statement, &result, err);
        if (status != HR_OK) {
            locate(sql, statement, err);
            return status;
        }
        if (!more) return HR_OK;
        hr_result_done(&result); /* rows of a job's SELECT are nobody's: its tables are read */
    }
}

static hr_status run_text(struct hr_session *session, const char *sql, struct hr_err *err)
{
    hr_session_hold(session, true);
    hr_status status = run_statements(session, sql, err);
    hr_session_hold(session, false);
    return status;
}

static void end_session(struct job *job)
{
    struct hr_session *session = job->session;
    if (!session) return;
    pthread_mutex_lock(&job->jobs->lock);
    job->session = NULL; /* the ticker looks at it no more */
    pthread_mutex_unlock(&job->jobs->lock);
    hr_serve_detach(job->jobs->serve, session);
    hr_session_free(session); /* stops its queries after their running epochs */
}

static void *start_main(void *arg)
{
    struct job *job = arg;
    struct hr_jobs *jobs = job->jobs;
    struct hr_session *session = NULL;
    struct hr_err err;
    hr_err_init(&err);
    end_session(job); /* of a run that has finished or failed */
    hr_status status = open_session(job, &session, &err);
    pthread_mutex_lock(&jobs->lock);
    job->session = session;
    pthread_mutex_unlock(&jobs->lock);
    if (status == HR_OK) status = run_text(session, job->sql, &err);
    if (status != HR_OK) end_session(job);
    pthread_mutex_lock(&jobs->lock);
    job->busy = false;
    jobs->busy--;
    job->failed = status != HR_OK;
    if (job->failed) {
        job->err = err;
        HR_LOG(HR_LOG_ERROR, "job %s: [%s] %s (line %d)", job->name,
               hr_error_info(err.code)->error_class, err.msg, err.line);
    } else {
        HR_LOG(HR_LOG_INFO, "job %s: started", job->name);
    }
    set_state(job, job->failed ? "failed" : "running");
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

static void *stop_main(void *arg)
{
    struct job *job = arg;
    struct hr_jobs *jobs = job->jobs;
    end_session(job);
    pthread_mutex_lock(&jobs->lock);
    job->busy = false;
    jobs->busy--;
    HR_LOG(HR_LOG_INFO, "job %s: %s", job->name, job->drop ? "dropped" : wishes[job->wanted]);
    set_state(job, wishes[job->wanted]);
    if (job->drop) remove_job(job);
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* Under lock: a thread of the job's own does it. */
static hr_status begin(struct job *job, const char *state, void *(*fn)(void *), struct hr_err *err)
{
    pthread_t thread;
    job->busy = true;
    job->jobs->busy++;
    if (fn == start_main) {
        job->started_us = hr_now_us(job->jobs->serve->env);
        job->failed = false;
        hr_err_init(&job->err);
    }
    hr_status status = hr_thread_start(&thread, "job", fn, job, err);
    if (status != HR_OK) {
        job->busy = false;
        job->jobs->busy--;
        return status;
    }
    pthread_detach(thread);
    set_state(job, state);
    return HR_OK;
}

/* A running job whose queries have all ended has finished, or failed. Under lock. */
static void look_after(struct job *job)
{
    if (job->busy || !job->session || strcmp(job->state, "running") != 0) return;
    struct hr_query_registry *registry = hr_session_registry(job->session);
    struct hr_query *query;
    bool active = false;
    for (uint32_t i = 0; (query = hr_registry_at(registry, i)) != NULL; i++) {
        struct hr_query_info info;
        hr_query_get_info(query, &info);
        active = active || !info.ended_us;
        if (info.failed && info.failures_kept && !job->failed) {
            const struct hr_query_failure *last = &info.failures[info.failures_kept - 1];
            job->failed = true;
            HR_UNUSED(HR_FAIL(&job->err, last->code, "query %s: %.400s", hr_query_name(query),
                              last->message));
            job->jobs->changed_since_told = true;
        }
        hr_query_unref(query);
    }
    if (!active) set_state(job, job->failed ? "failed" : "finished");
}

/* Printing ------------------------------------------------------------------------------------- */

static void put_problem(struct hr_buf *out, const struct hr_err *err)
{
    hr_http_put_name(out, "error");
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "errorClass", hr_error_info(err->code)->error_class);
    hr_http_put_string(out, "message", err->msg);
    if (err->line > 0) {
        hr_http_put_int(out, "line", err->line);
        hr_http_put_int(out, "column", err->column + 1);
    }
    hr_buf_putc(out, '}');
}

static void put_job(struct hr_buf *out, const struct job *job, bool with_sql)
{
    if (out->len && out->ptr[out->len - 1] == '}') hr_buf_putc(out, ',');
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "name", job->name);
    hr_http_put_string(out, "state", job->state);
    hr_http_put_string(out, "wanted", wishes[job->wanted]);
    hr_http_put_time(out, "createdAt", job->created_us);
    hr_http_put_time(out, "startedAt", job->started_us);
    if (job->failed) put_problem(out, &job->err);
    if (with_sql) hr_http_put_string(out, "sql", job->sql);
    hr_buf_putc(out, '}');
}

static void put_list(struct hr_buf *out, const struct hr_jobs *jobs)
{
    hr_buf_puts(out, "{\"items\":[");
    for (const struct job *job = jobs->list; job; job = job->next) put_job(out, job, false);
    hr_buf_puts(out, "]}");
}

/* Routes --------------------------------------------------------------------------------------- */

static hr_status need_jobs(struct hr_http_request *request, struct hr_err *err)
{
    if (request->serve->jobs) return HR_OK;
    return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND,
                        "this server keeps no jobs: headrace serve does");
}

/* Locks; the caller unlocks, after a failure too. */
static hr_status lock_job(struct hr_http_request *request, struct job **ret, struct hr_err *err)
{
    struct hr_jobs *jobs = request->serve->jobs;
    pthread_mutex_lock(&jobs->lock);
    *ret = find(jobs, request->params[0]);
    if (!*ret)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no job '%.80s'",
                            request->params[0]);
    return HR_OK;
}

static hr_status not_now(struct hr_http_request *request, const struct job *job,
                         struct hr_err *err)
{
    return HR_HTTP_FAIL(request, 409, err, HR_E_INVALID_ARGUMENT, "job %s is %s", job->name,
                        job->state);
}

static hr_status list_jobs(struct hr_http_request *request, struct hr_err *err)
{
    HR_TRY(need_jobs(request, err));
    pthread_mutex_lock(&request->serve->jobs->lock);
    put_list(&request->out, request->serve->jobs);
    pthread_mutex_unlock(&request->serve->jobs->lock);
    return HR_OK;
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !(i > 0 && (c == '_' || c == '-'))) return false;
    }
    return true;
}

static hr_status create(struct hr_jobs *jobs, struct hr_http_request *request, const char *name,
                        const char *sql, bool start, struct hr_err *err)
{
    struct job *job = NULL;
    if (find(jobs, name))
        return HR_HTTP_FAIL(request, 409, err, HR_E_EXISTS, "job %s exists", name);
    if (jobs->count == JOBS_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "a server keeps at most %d jobs", JOBS_MAX);
    HR_TRY(add(jobs, name, sql, start ? RUNNING : STOPPED, hr_now_us(jobs->serve->env), &job, err));
    hr_status status = save(job, err);
    if (status == HR_OK && start) status = begin(job, "starting", start_main, err);
    if (status != HR_OK) {
        remove_job(job);
        return status;
    }
    put_job(&request->out, job, true);
    return HR_OK;
}

static hr_status post_job(struct hr_http_request *request, struct hr_err *err)
{
    static const char *const names[] = {"name", "sql", "start", NULL};
    const char *name = NULL, *sql = NULL;
    bool start = false;
    HR_TRY(need_jobs(request, err));
    HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_string(request->json, "name", &name, err));
    HR_TRY(hr_json_string(request->json, "sql", &sql, err));
    HR_TRY(hr_json_bool(request->json, "start", &start, err));
    if (!name || !is_name(name))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "\"name\" must be 1 to %d letters, digits, _ and -, a letter or digit first",
                       NAME_MAX_BYTES);
    if (!sql || !*sql) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"sql\" is missing");
    pthread_mutex_lock(&request->serve->jobs->lock);
    hr_status status = create(request->serve->jobs, request, name, sql, start, err);
    pthread_mutex_unlock(&request->serve->jobs->lock);
    if (status != HR_OK) return status;
    request->status = 201;
    hr_http_add_header(request, "Location",
                       hr_arena_printf(&request->arena, "/api/v1/jobs/%s", name));
    return HR_OK;
}

static hr_status get_job(struct hr_http_request *request, struct hr_err *err)
{
    struct job *job;
    HR_TRY(need_jobs(request, err));
    hr_status status = lock_job(request, &job, err);
    if (status == HR_OK) put_job(&request->out, job, true);
    pthread_mutex_unlock(&request->serve->jobs->lock);
    return status;
}

static hr_status replace(struct job *job, const char *sql, struct hr_err *err)
{
    char *copy = hr_strdup(sql), *old = job->sql;
    if (!copy) return HR_OOM(err);
    job->sql = copy;
    hr_status status = save(job, err);
    if (status != HR_OK) job->sql = old;
    hr_free(status == HR_OK ? old : copy);
    job->failed = status == HR_OK ? false : job->failed;
    return status;
}

static hr_status put_sql(struct hr_http_request *request, struct hr_err *err)
{
    static const char *const names[] = {"sql", NULL};
    const char *sql = NULL;
    struct job *job;
    HR_TRY(need_jobs(request, err));
    HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_string(request->json, "sql", &sql, err));
    if (!sql || !*sql) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"sql\" is missing");
    hr_status status = lock_job(request, &job, err);
    if (status == HR_OK && (job->busy || strcmp(job->state, "running") == 0))
        status = not_now(request, job, err);
    if (status == HR_OK) status = replace(job, sql, err);
    if (status == HR_OK) set_state(job, wishes[job->wanted == PAUSED ? PAUSED : STOPPED]);
    if (status == HR_OK) put_job(&request->out, job, true);
    pthread_mutex_unlock(&request->serve->jobs->lock);
    return status;
}

static hr_status wish(struct hr_http_request *request, enum wish wanted, struct hr_err *err)
{
    struct job *job;
    HR_TRY(need_jobs(request, err));
    hr_status status = lock_job(request, &job, err);
    bool runs = status == HR_OK && strcmp(job->state, "running") == 0;
    if (status == HR_OK && (job->busy || (wanted == RUNNING && runs)))
        status = not_now(request, job, err);
    if (status == HR_OK && wanted == PAUSED && !runs) status = not_now(request, job, err);
    if (status == HR_OK) {
        enum wish before = job->wanted;
        job->wanted = wanted;
        status = save(job, err);
        if (status != HR_OK) job->wanted = before;
    }
    if (status == HR_OK && wanted == RUNNING) status = begin(job, "starting", start_main, err);
    if (status == HR_OK && wanted != RUNNING && job->session)
        status = begin(job, wanted == PAUSED ? "pausing" : "stopping", stop_main, err);
    else if (status == HR_OK && wanted != RUNNING)
        set_state(job, wishes[wanted]);
    if (status == HR_OK) {
        request->status = 202;
        put_job(&request->out, job, false);
    }
    pthread_mutex_unlock(&request->serve->jobs->lock);
    return status;
}

static hr_status post_start(struct hr_http_request *request, struct hr_err *err)
{
    return wish(request, RUNNING, err);
}

static hr_status post_stop(struct hr_http_request *request, struct hr_err *err)
{
    return wish(request, STOPPED, err);
}

static hr_status post_pause(struct hr_http_request *request, struct hr_err *err)
{
    return wish(request, PAUSED, err);
}

/* The job goes; its checkpoints stay, as what a drop by mistake could not bring back. */
static hr_status delete_job(struct hr_http_request *request, struct hr_err *err)
{
    struct job *job;
    HR_TRY(need_jobs(request, err));
    hr_status status = lock_job(request, &job, err);
    if (status == HR_OK && job->busy) status = not_now(request, job, err);
    if (status == HR_OK) status = hr_job_store_drop(request->serve->jobs->store, job->name, err);
    if (status == HR_OK) {
        request->status = 202;
        job->wanted = STOPPED;
        job->drop = true;
        if (job->session)
            status = begin(job, "stopping", stop_main, err);
        else
            remove_job(job);
        hr_buf_puts(&request->out, "{}");
    }
    pthread_mutex_unlock(&request->serve->jobs->lock);
    return status;
}

static hr_status post_validate(struct hr_http_request *request, struct hr_err *err)
{
    static const char *const names[] = {"sql", NULL};
    const char *sql = NULL;
    HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_string(request->json, "sql", &sql, err));
    if (!sql) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"sql\" is missing");
    return hr_serve_validate(sql, &request->out, err);
}

/* Life ----------------------------------------------------------------------------------------- */

static void tick(struct hr_serve *serve, int64_t now_s)
{
    struct hr_jobs *jobs = serve->jobs;
    struct hr_buf out = {0};
    HR_UNUSED(now_s);
    if (!jobs) return;
    pthread_mutex_lock(&jobs->lock);
    for (struct job *job = jobs->list; job; job = job->next) look_after(job);
    bool tell = jobs->changed_since_told;
    jobs->changed_since_told = false;
    if (tell) put_list(&out, jobs);
    pthread_mutex_unlock(&jobs->lock);
    if (tell && !out.failed) hr_serve_publish(serve, "jobs", "jobs", hr_svn(out.ptr, out.len));
    hr_buf_done(&out);
}

static hr_status load(void *arg, const char *name, const char *sql, const char *wanted,
                      int64_t created_us, struct hr_err *err)
{
    struct job *job;
    enum wish wish = STOPPED;
    for (int i = STOPPED; i <= RUNNING; i++)
        if (strcmp(wishes[i], wanted) == 0) wish = (enum wish)i;
    return add(arg, name, sql, wish, created_us, &job, err);
}

hr_status hr_serve_keep_jobs(struct hr_serve *serve, const struct hr_serve_options *options,
                             struct hr_err *err)
{
    struct hr_jobs *jobs = hr_zalloc(sizeof *jobs);
    if (!jobs || pthread_mutex_init(&jobs->lock, NULL) || pthread_cond_init(&jobs->changed, NULL))
        return HR_OOM(err);
    serve->jobs = jobs;
    jobs->serve = serve;
    if (options->session) jobs->session = *options->session;
    hr_options_init(&jobs->settings, &jobs->arena);
    for (uint32_t i = 0; options->settings && i < options->settings->count; i++)
        HR_TRY(hr_options_put(&jobs->settings, options->settings->items[i].key,
                              options->settings->items[i].value, err));
    jobs->folder = hr_strdup(options->store);
    if (!jobs->folder) return HR_OOM(err);
    HR_TRY(hr_job_store_open(serve->env, options->store, &jobs->store, err));
    return hr_job_store_each(jobs->store, load, jobs, err);
}

void hr_serve_resume_jobs(struct hr_serve *serve)
{
    struct hr_jobs *jobs = serve->jobs;
    struct hr_err err;
    hr_err_init(&err);
    pthread_mutex_lock(&jobs->lock);
    for (struct job *job = jobs->list; job; job = job->next) {
        if (job->wanted != RUNNING || begin(job, "starting", start_main, &err) == HR_OK) continue;
        job->failed = true;
        job->err = err;
        set_state(job, "failed");
    }
    pthread_mutex_unlock(&jobs->lock);
}

bool hr_serve_jobs_ready(struct hr_serve *serve)
{
    struct hr_jobs *jobs = serve->jobs;
    if (!jobs) return true;
    bool ready = true;
    pthread_mutex_lock(&jobs->lock);
    for (struct job *job = jobs->list; job && ready; job = job->next)
        ready = strcmp(job->state, "starting") != 0;
    pthread_mutex_unlock(&jobs->lock);
    return ready;
}

static void stop(struct hr_serve *serve)
{
    struct hr_jobs *jobs = serve->jobs;
    if (!jobs) return;
    pthread_mutex_lock(&jobs->lock);
    while (jobs->busy) pthread_cond_wait(&jobs->changed, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
    for (struct job *job = jobs->list; job; job = job->next) { /* all stop at the same time */
        struct hr_query *query;
        for (uint32_t i = 0; job->session && (query = hr_registry_at(
                                                  hr_session_registry(job->session), i)) != NULL;
             i++) {
            hr_query_stop(query, false);
            hr_query_unref(query);
        }
    }
    while (jobs->list) {
        end_session(jobs->list);
        remove_job(jobs->list);
    }
    hr_job_store_close(jobs->store);
    hr_arena_done(&jobs->arena);
    hr_free(jobs->folder);
    pthread_mutex_destroy(&jobs->lock);
    pthread_cond_destroy(&jobs->changed);
    hr_free(jobs);
    serve->jobs = NULL;
}

#define JOB "/api/v1/jobs/{job}"
static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/jobs", HR_HTTP_READ, 0, list_jobs, "the jobs that the server keeps", NULL,
     NULL},
    {"POST", "/api/v1/jobs", HR_HTTP_WRITE, 0, post_job, "keep a job", NULL,
     "name=letters, digits, _ and -;sql=its statements;start=true: run it now"},
    {"POST", "/api/v1/jobs/validate", HR_HTTP_WRITE, HR_HTTP_SLOW, post_validate,
     "what is wrong with a job's statements, without running them", NULL, "sql=the statements"},
    {"GET", JOB, HR_HTTP_READ, 0, get_job, "a job with its SQL", NULL, NULL},
    {"PUT", JOB, HR_HTTP_WRITE, 0, put_sql,
     "another text for a job that does not run; its next start goes on from its checkpoints where "
     "they fit",
     NULL, "sql=its statements"},
    {"DELETE", JOB, HR_HTTP_WRITE, 0, delete_job, "stop and forget a job; checkpoints stay", NULL,
     NULL},
    {"POST", JOB "/start", HR_HTTP_OPERATE, 0, post_start, "start a job", NULL, NULL},
    {"POST", JOB "/stop", HR_HTTP_OPERATE, 0, post_stop,
     "stop a job after its running epochs; checkpoints stay", NULL, NULL},
    {"POST", JOB "/pause", HR_HTTP_OPERATE, 0, post_pause, "stop a job for a while", NULL, NULL},
    {"POST", JOB "/resume", HR_HTTP_OPERATE, 0, post_start, "go on with a paused job", NULL, NULL},
};

const struct hr_serve_module hr_serve_jobs = {
    .name = "jobs",
    .routes = routes,
    .route_count = HR_COUNT(routes),
    .tick = tick,
    .stop = stop,
};
