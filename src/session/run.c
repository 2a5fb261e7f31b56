/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a plan at rest: optimise, plan, open the sources, hand the batches on. Tasks deliver from
 * several threads; rows are put in the order of the partitions, and what a failed attempt had
 * delivered is dropped.
 */
#include <stdlib.h>

#include "connector/connector.h"
#include "operator/scan.h"
#include "session/internal.h"

hr_status hr_session_scheduler(struct hr_session *session, struct hr_scheduler **ret,
                               struct hr_err *err)
{
    if (!session->scheduler) {
        struct hr_scheduler_options options = {.threads = session->conf.threads};
        HR_TRY(hr_scheduler_new(session->env, &options, &session->scheduler, err));
    }
    *ret = session->scheduler;
    return HR_OK;
}

hr_status hr_run_analyze(struct hr_run *run, struct hr_plan **plan, struct hr_err *err)
{
    return hr_plan_analyze(run->arena, &run->conf, &run->session->catalog, plan, err);
}

/* Sources -------------------------------------------------------------------------------------- */

struct sources {
    struct hr_exec_scan *scans;
    uint32_t count;
};

static uint32_t scan_count(const struct hr_pnode *node)
{
    const struct hr_scan_pnode *scan = hr_pnode_scan(node);
    uint32_t count = scan ? scan->scan_id + 1 : 0;
    for (uint32_t i = 0; i < node->child_count; i++) {
        uint32_t below = scan_count(node->children[i]);
        count = HR_MAX(count, below);
    }
    return count;
}

static hr_status open_source(struct hr_run *run, const struct hr_scan_pnode *node,
                             struct hr_exec_scan *scan, struct hr_err *err)
{
    struct hr_source_args args = {
        .env = run->session->env,
        .conf = &run->conf,
        .mem = &run->session->mem,
        .options = node->options,
        .schema = hr_table_source_schema(node->table),
        .query_name = node->table->name,
        .user = node->table->user,
        .takes_dead_letters = true,
        .files = node->table->files,
    };
    HR_TRY(hr_source_open(node->table->source, &args, &scan->source, err));
    return scan->source->vt->plan_splits(scan->source, NULL, NULL, run->arena, &scan->splits,
                                         &scan->split_count, err);
}

static hr_status open_sources(struct hr_run *run, const struct hr_pnode *node,
                              struct sources *sources, struct hr_err *err)
{
    const struct hr_scan_pnode *scan = hr_pnode_scan(node);
    if (scan && !sources->scans[scan->scan_id].source)
        HR_TRY(open_source(run, scan, &sources->scans[scan->scan_id], err));
    for (uint32_t i = 0; i < node->child_count; i++)
        HR_TRY(open_sources(run, node->children[i], sources, err));
    return HR_OK;
}

static void close_sources(struct sources *sources)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        struct hr_source *source = sources->scans[i].source;
        if (source) source->vt->close(source);
    }
}

/* Running -------------------------------------------------------------------------------------- */

typedef hr_status (*emit_fn)(struct hr_exec *, uint32_t partition, uint32_t attempt,
                             struct hr_batch *batch, struct hr_err *err);

/* What becomes of a plan's rows. */
struct job {
    emit_fn emit;
    void *arg;
    /* Into a sink; NULL: nowhere. */
    struct hr_sink *sink;
    const struct hr_options *sink_options;
    hr_status (*prepare)(struct hr_run *run, void *arg, struct hr_err *err);
    hr_status (*commit)(struct hr_run *run, void *arg, struct hr_err *err);
};

static hr_status emit_dead(struct hr_exec *exec, uint32_t split, uint32_t attempt,
                           struct hr_batch *batch, struct hr_err *err)
{
    return hr_dead_output_emit(exec->dead_letters_arg, split, attempt, batch, err);
}

static void ask_for_letters(const struct hr_pnode *node, struct hr_exec *exec)
{
    const struct hr_scan_pnode *scan = hr_pnode_scan(node);
    if (scan && hr_dead_letters_option(scan->options))
        exec->scans[scan->scan_id].letters_of = scan->table->name;
    for (uint32_t i = 0; i < node->child_count; i++) ask_for_letters(node->children[i], exec);
}

/* Opens what the place names, as one epoch; the scans that ask for it get it. */
static hr_status begin_dead(struct hr_run *run, const struct hr_pnode *root,
                            const struct hr_dead_place *place, struct hr_query_output *dead,
                            struct hr_exec *exec, struct hr_err *err)
{
    char id[37];
    uint32_t splits = 0;
    hr_env_uuid(run->session->env, id);
    struct hr_sink_args args = {
        .env = run->session->env,
        .conf = &run->conf,
        .mem = &run->session->mem,
        .query_id = id,
        .query_name = "batch",
    };
    ask_for_letters(root, exec);
    for (uint32_t i = 0; i < exec->scan_count; i++) {
        exec->scans[i].first_split = splits;
        splits += exec->scans[i].split_count;
    }
    exec->dead_letters = emit_dead;
    exec->dead_letters_arg = dead;
    HR_TRY(hr_dead_output_open(dead, place, &args, err));
    return hr_output_begin(dead, 0, err);
}

/* Sources and scheduler are exec's. */
static hr_status run_job(struct hr_run *run, const struct hr_pnode *root, struct hr_exec *exec,
                         const struct hr_dead_place *place, const struct job *job,
                         struct hr_err *err)
{
    struct hr_query_output dead = {.vt = NULL};
    struct hr_dead_letters refused = {.count = 0};
    hr_status status = HR_OK;
    pthread_mutex_init(&dead.lock, NULL);
    if (place->sink) HR_TRY_OUT(begin_dead(run, root, place, &dead, exec, err));
    if (place->sink && job->sink && job->sink->vt->refuses_rows) {
        hr_dead_letters_init(&refused, exec, job->sink->vt->name, UINT16_MAX, 0);
        job->sink->dead = &refused;
    }
    HR_TRY_OUT(hr_exec_run(root, exec, err));
    if (job->prepare) HR_TRY_OUT(job->prepare(run, job->arg, err));
    HR_TRY_OUT(hr_dead_letters_flush(&refused, err));
    if (dead.sink) HR_TRY_OUT(hr_output_commit(&dead, NULL, run->arena, err));
    if (job->commit) HR_TRY_OUT(job->commit(run, job->arg, err));
out:
    if (job->sink) job->sink->dead = NULL;
    hr_dead_letters_done(&refused);
    hr_output_close(&dead);
    pthread_mutex_destroy(&dead.lock);
    return status;
}

/* An analysed plan, to its end. */
static hr_status run_plan(struct hr_run *run, struct hr_plan *plan, const struct job *job,
                          struct hr_err *err)
{
    struct hr_pnode *root = NULL;
    struct sources sources = {0};
    struct hr_exec exec = {
        .env = run->session->env,
        .conf = &run->conf,
        .mem = &run->session->mem,
        .cancelled = &run->session->cancelled,
        .epoch = -1,
        .now_us = run->conf.now_us,
        .late_watermark_us = INT64_MIN,
        .evict_watermark_us = INT64_MIN,
        .emit = job->emit,
        .emit_arg = job->arg,
    };
    struct hr_dead_place place;
    if (plan->is_streaming)
        return HR_RAISE(err, HR_E_UNSUPPORTED_STREAMING, "msg",
                        "Queries with streaming sources must be executed with writeStream.start()");
    HR_TRY(hr_run_dead_letters(run, plan, job->sink_options, &place, err));
    HR_TRY(hr_plan_optimize(run->arena, &run->conf, &plan, err));
    HR_TRY(hr_plan_physical(run->arena, &run->conf, plan, HR_MODE_APPEND, &root, err));
    if (run->session->check_only) return HR_OK;
    sources.count = scan_count(root);
    sources.scans = HR_NEW_ARRAY(run->arena, struct hr_exec_scan, sources.count + 1);
    if (!sources.scans) return HR_OOM(err);
    hr_status status = open_sources(run, root, &sources, err);
    if (status == HR_OK && run->conf.threads > 1) {
        struct hr_scheduler *scheduler = NULL;
        status = hr_session_scheduler(run->session, &scheduler, err);
        exec.scheduler = scheduler;
    }
    exec.scans = sources.scans;
    exec.scan_count = sources.count;
    if (status == HR_OK) status = run_job(run, root, &exec, &place, job, err);
    close_sources(&sources);
    return status;
}

/* Collecting ----------------------------------------------------------------------------------- */

struct delivery {
    uint32_t partition, attempt, order;
    struct hr_batch *batch;
};

struct collector {
    pthread_mutex_t lock;
    struct delivery *items;
    uint32_t count, capacity;
};

static hr_status collect(struct hr_exec *exec, uint32_t partition, uint32_t attempt,
                         struct hr_batch *batch, struct hr_err *err)
{
    struct collector *c = exec->emit_arg;
    hr_status status = HR_OK;
    pthread_mutex_lock(&c->lock);
    if (c->count == c->capacity) {
        uint32_t capacity = c->capacity ? c->capacity * 2 : 16;
        void *grown = hr_realloc(c->items, capacity * sizeof *c->items);
        if (grown) {
            c->items = grown;
            c->capacity = capacity;
        } else {
            status = HR_OOM(err);
        }
    }
    if (status == HR_OK) {
        c->items[c->count] = (struct delivery){partition, attempt, c->count, hr_batch_ref(batch)};
        c->count++;
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

static int by_place(const void *pa, const void *pb)
{
    const struct delivery *a = pa, *b = pb;
    if (a->partition != b->partition) return a->partition < b->partition ? -1 : 1;
    if (a->attempt != b->attempt) return a->attempt > b->attempt ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void hr_batches_done(struct hr_batches *batches)
{
    for (uint32_t i = 0; i < batches->count; i++) hr_batch_unref(batches->items[i]);
    hr_free(batches->items);
    *batches = (struct hr_batches){0};
}

/* The deliveries of each partition's last attempt. */
static hr_status take_last(struct collector *c, struct hr_batches *ret, struct hr_err *err)
{
    if (c->count) qsort(c->items, c->count, sizeof *c->items, by_place);
    ret->items = hr_alloc((c->count + 1) * sizeof *ret->items);
    if (!ret->items) return HR_OOM(err);
    ret->capacity = c->count + 1;
    uint32_t last = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        struct delivery *d = &c->items[i];
        if (i == 0 || d->partition != c->items[i - 1].partition) last = d->attempt;
        if (d->attempt != last || d->batch->sel_count == 0) continue;
        ret->items[ret->count++] = d->batch;
        d->batch = NULL;
    }
    return HR_OK;
}

hr_status hr_run_collect(struct hr_run *run, struct hr_plan *plan, struct hr_batches *ret,
                         struct hr_err *err)
{
    struct collector c = {.count = 0};
    pthread_mutex_init(&c.lock, NULL);
    hr_status status = run_plan(run, plan, &(struct job){.emit = collect, .arg = &c}, err);
    if (status == HR_OK) status = take_last(&c, ret, err);
    for (uint32_t i = 0; i < c.count; i++) hr_batch_unref(c.items[i].batch);
    hr_free(c.items);
    pthread_mutex_destroy(&c.lock);
    return status;
}

hr_status hr_run_query(struct hr_run *run, struct hr_err *err)
{
    struct hr_plan *plan = run->stmt->plan;
    struct hr_batches batches = {0};
    HR_TRY(hr_run_analyze(run, &plan, err));
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(hr_run_collect(run, plan, &batches, err));
    run->result->batches = HR_NEW_ARRAY(run->arena, struct hr_batch *, batches.count + 1);
    if (!run->result->batches) {
        hr_batches_done(&batches);
        return HR_OOM(err);
    }
    if (batches.count)
        memcpy(run->result->batches, batches.items, batches.count * sizeof *batches.items);
    run->result->batch_count = batches.count;
    run->result->schema = schema;
    hr_free(batches.items); /* the references are the result's now */
    return HR_OK;
}

/* Into a sink ---------------------------------------------------------------------------------- */

struct writer {
    uint32_t partition, attempt;
    struct hr_sink_writer *writer;
    struct hr_buf message;
    struct writer *next;
};

struct sink_run {
    pthread_mutex_t lock;
    struct hr_sink *sink;
    struct writer *writers; /* newest first */
    struct hr_str_view *messages; /* of the last attempts */
    uint32_t message_count;
};

static hr_status writer_of(struct sink_run *s, uint32_t partition, uint32_t attempt,
                           struct writer **ret, struct hr_err *err)
{
    hr_status status = HR_OK;
    struct writer *w = NULL;
    pthread_mutex_lock(&s->lock);
    for (w = s->writers; w; w = w->next)
        if (w->partition == partition && w->attempt == attempt) break;
    if (!w) {
        w = hr_zalloc(sizeof *w);
        status = w ? s->sink->vt->open_writer(s->sink, 0, partition, attempt, &w->writer, err)
                   : HR_OOM(err);
        if (status == HR_OK) {
            w->partition = partition;
            w->attempt = attempt;
            w->next = s->writers;
            s->writers = w;
        } else {
            hr_free(w);
        }
    }
    pthread_mutex_unlock(&s->lock);
    *ret = w;
    return status;
}

static hr_status write_batch(struct hr_exec *exec, uint32_t partition, uint32_t attempt,
                             struct hr_batch *batch, struct hr_err *err)
{
    struct writer *w = NULL;
    HR_TRY(writer_of(exec->emit_arg, partition, attempt, &w, err));
    return w->writer->vt->write(w->writer, batch, err);
}

static bool is_last_attempt(const struct sink_run *s, const struct writer *w)
{
    for (const struct writer *o = s->writers; o; o = o->next)
        if (o->partition == w->partition && o->attempt > w->attempt) return false;
    return true;
}

static hr_status prepare(struct hr_run *run, void *arg, struct hr_err *err)
{
    struct sink_run *s = arg;
    uint32_t count = 0;
    for (struct writer *w = s->writers; w; w = w->next) count++;
    s->messages = HR_NEW_ARRAY(run->arena, struct hr_str_view, count + 1);
    if (!s->messages) return HR_OOM(err);
    for (struct writer *w = s->writers; w; w = w->next) {
        if (!is_last_attempt(s, w)) continue;
        HR_TRY(w->writer->vt->finish(w->writer, &w->message, err));
        s->messages[s->message_count++] = hr_svn(w->message.ptr, w->message.len);
    }
    if (!s->sink->vt->prepare_epoch) return HR_OK;
    return s->sink->vt->prepare_epoch(s->sink, 0, s->messages, s->message_count, err);
}

static hr_status commit(struct hr_run *run, void *arg, struct hr_err *err)
{
    struct sink_run *s = arg;
    HR_UNUSED(run);
    return s->sink->vt->commit_epoch(s->sink, 0, s->messages, s->message_count, err);
}

static hr_status run_epoch(struct hr_run *run, struct hr_plan *plan, struct sink_run *s,
                           const struct hr_options *options, struct hr_err *err)
{
    bool already = false;
    HR_TRY(s->sink->vt->begin_epoch(s->sink, 0, &already, err));
    if (already) return HR_OK;
    struct job job = {write_batch, s, s->sink, options, prepare, commit};
    hr_status status = run_plan(run, plan, &job, err);
    while (s->writers) {
        struct writer *w = s->writers;
        s->writers = w->next;
        w->writer->vt->close(w->writer);
        hr_buf_done(&w->message);
        hr_free(w);
    }
    if (status != HR_OK && s->sink->vt->abort_epoch) s->sink->vt->abort_epoch(s->sink, 0);
    return status;
}

hr_status hr_run_into_sink(struct hr_run *run, struct hr_plan *plan, const struct hr_sink_vt *vt,
                           const struct hr_options *options, const struct hr_type *schema,
                           const struct hr_file_catalog *files, struct hr_err *err)
{
    char id[37];
    if (run->session->check_only) {
        struct hr_batches none = {0};
        return hr_run_collect(run, plan, &none, err);
    }
    hr_env_uuid(run->session->env, id);
    struct hr_sink_args args = {
        .env = run->session->env,
        .conf = &run->conf,
        .mem = &run->session->mem,
        .options = options,
        .schema = schema,
        .mode = HR_MODE_APPEND,
        .creates = run->stmt->kind == HR_STMT_CREATE_TABLE,
        .query_id = id,
        .query_name = "insert",
        .files = files,
    };
    struct sink_run s = {.sink = NULL};
    HR_TRY(hr_sink_open(vt, &args, &s.sink, err));
    pthread_mutex_init(&s.lock, NULL);
    hr_status status = run_epoch(run, plan, &s, options, err);
    pthread_mutex_destroy(&s.lock);
    vt->close(s.sink);
    return status;
}
