/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a physical plan.
 *
 * A plan without work for several tasks runs inline: one task on the caller's thread, exchanges
 * handing their input through, a PARTIAL and its FINAL aggregation fused. It costs an arena, the
 * operators' opening, and nothing of the scheduler. This is what a small epoch gets.
 *
 * Else every fragment (the nodes between exchanges) becomes an RDD whose partitions are pipelines
 * of
 * operators, and every exchange a shuffle dependency; the scheduler does the rest.
 *
 * How many tasks a fragment has follows from its leaves: a scan's splits (at most TASKS_PER_THREAD
 * a thread), an exchange's partitions; a union has the sum, a join the number both sides agree on.
 */
#include "operator/exec.h"
#include "operator/exchange.h"
#include "rdd/scheduler.h"

#define INLINE_ROWS 32768 /* waking others would cost more than the work */

/* --- Shape of a plan -------------------------------------------------------------------------- */

static bool has_exchange(const struct hr_pnode *node)
{
    if (hr_pnode_exchange(node)) return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (has_exchange(node->children[i])) return true;
    return false;
}

/* Rows that the leaves will give; -1: unknown. */
static int64_t rows_estimate(const struct hr_exec *exec, const struct hr_pnode *node)
{
    assert(node && node->vt);
    if (node->vt->rows_estimate) return node->vt->rows_estimate(exec, node);
    int64_t rows = 0;
    for (uint32_t i = 0; i < node->child_count; i++) {
        int64_t below = rows_estimate(exec, node->children[i]);
        if (below < 0) return -1;
        rows += below;
    }
    return rows;
}

/* --- Inline ----------------------------------------------------------------------------------- */

static void task_init(struct hr_task *task, struct hr_pipeline *pipeline, struct hr_arena *arena)
{
    assert(pipeline->exec && pipeline->root);
    struct hr_exec *exec = pipeline->exec;
    *task = (struct hr_task){
        .env = exec->env,
        .conf = exec->conf,
        .arena = arena,
        .mem = exec->mem,
        .cancelled = exec->cancelled,
        .partition_count = 1,
        .share_count = 1,
        .pipeline = pipeline,
        .epoch = exec->epoch,
        .now_us = exec->now_us,
        .exec = exec,
        .figures = exec->node_figures,
        .tap = exec->tap,
    };
}

static hr_status run_inline(struct hr_pipeline *pipeline, struct hr_err *err)
{
    assert(pipeline->collapsed);
    struct hr_exec *exec = pipeline->exec;
    struct hr_arena arena;
    hr_arena_init(&arena, exec->mem);
    struct hr_task task;
    task_init(&task, pipeline, &arena);
    struct hr_op *op = NULL;
    hr_status status = hr_op_open(pipeline->root, &task, &op, err);
    while (status == HR_OK) {
        struct hr_batch *batch = NULL;
        status = hr_op_next(op, &batch, err);
        if (status != HR_OK || !batch) break;
        if (exec->emit) status = exec->emit(exec, 0, 0, batch, err);
        hr_batch_unref(batch);
    }
    hr_op_name_failed(&task, status, err);
    hr_op_close(op);
    hr_arena_done(&arena);
    return status;
}

/* --- Fragments as RDDs ------------------------------------------------------------------------ */

struct fragment {
    struct hr_rdd rdd;
    const struct hr_operator_vt *reader; /* the exchange above; NULL: the last fragment */
    struct hr_pipeline pipeline; /* without rdd_task: that is the task's */
    const struct hr_pnode *exchanges[];
};

struct fragment_iter {
    struct hr_batch_iter iter;
    const struct fragment *fragment;
    struct hr_arena arena;
    struct hr_pipeline pipeline;
    struct hr_task task;
    struct hr_op *op;
};

/* Where nothing in the fragment gathers rows, the exchange that it writes does. */
static void name_failed(struct fragment_iter *it, hr_status status, struct hr_err *err)
{
    if (!it->task.short_for) it->task.short_for = it->fragment->reader;
    hr_op_name_failed(&it->task, status, err);
}

static hr_status fragment_next(struct hr_batch_iter *base, struct hr_batch **ret_batch,
                               struct hr_err *err)
{
    struct fragment_iter *it = (struct fragment_iter *)base;
    hr_status status = hr_op_next(it->op, ret_batch, err);
    if (HR_UNLIKELY(status != HR_OK)) name_failed(it, status, err);
    return status;
}

static void fragment_close(struct hr_batch_iter *base)
{
    struct fragment_iter *it = (struct fragment_iter *)base;
    hr_op_close(it->op);
    hr_arena_done(&it->arena);
    hr_free(it);
}

static hr_status fragment_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                  struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    assert(partition < rdd->partition_count && ctx);
    struct fragment *fragment = (struct fragment *)rdd;
    struct fragment_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->iter = (struct hr_batch_iter){fragment_next, fragment_close};
    it->fragment = fragment;
    it->pipeline = fragment->pipeline;
    it->pipeline.rdd_task = ctx;
    hr_arena_init(&it->arena, fragment->pipeline.exec->mem);
    task_init(&it->task, &it->pipeline, &it->arena);
    it->task.partition = it->task.share = partition;
    it->task.partition_count = it->task.share_count = rdd->partition_count;
    it->task.attempt = ctx->attempt;
    if (ctx->cancelled) it->task.cancelled = ctx->cancelled;
    it->task.stopped = ctx->stopped;
    hr_status status = hr_op_open(it->pipeline.root, &it->task, &it->op, err);
    if (status != HR_OK) {
        name_failed(it, status, err);
        fragment_close(&it->iter);
        return status;
    }
    *ret_iter = &it->iter;
    return HR_OK;
}

static const struct hr_rdd_vt fragment_vt = {
    .name = "MapPartitionsRDD",
    .compute = fragment_compute,
};

static uint32_t count_exchanges(const struct hr_pnode *node)
{
    if (hr_pnode_exchange(node)) return 1;
    uint32_t n = 0;
    for (uint32_t i = 0; i < node->child_count; i++) n += count_exchanges(node->children[i]);
    return n;
}

static void list_exchanges(const struct hr_pnode *node, struct fragment *fragment)
{
    if (hr_pnode_exchange(node)) {
        fragment->exchanges[fragment->pipeline.exchange_count++] = node;
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++) list_exchanges(node->children[i], fragment);
}

static hr_status fragment_new(struct hr_exec *exec, const struct hr_pnode *root,
                              const struct hr_operator_vt *reader, struct hr_rdd **ret,
                              struct hr_err *err);

static hr_status fragment_deps(struct fragment *fragment, struct hr_dependency *deps,
                               struct hr_err *err)
{
    assert(fragment->pipeline.exchange_count == 0 || deps);
    struct hr_exec *exec = fragment->pipeline.exec;
    for (uint32_t i = 0; i < fragment->pipeline.exchange_count; i++) {
        const struct hr_pnode *exchange = fragment->exchanges[i];
        deps[i].kind = HR_DEP_SHUFFLE;
        HR_TRY(fragment_new(exec, exchange->children[0], exchange->vt, &deps[i].parent, err));
        HR_TRY(hr_exchange_partitioner(exchange, exec, &deps[i].partitioner, err));
    }
    return HR_OK;
}

static hr_status fragment_new(struct hr_exec *exec, const struct hr_pnode *root,
                              const struct hr_operator_vt *reader, struct hr_rdd **ret,
                              struct hr_err *err)
{
    uint32_t dep_count = count_exchanges(root);
    struct fragment *fragment = hr_zalloc(sizeof *fragment + dep_count * sizeof(struct hr_pnode *));
    struct hr_dependency *deps = hr_zalloc((dep_count + 1) * sizeof *deps);
    hr_status status = fragment && deps ? HR_OK : HR_OOM(err);
    if (status == HR_OK) {
        fragment->pipeline = (struct hr_pipeline){
            .root = root, .exec = exec, .rdd = &fragment->rdd, .exchanges = fragment->exchanges};
        fragment->reader = reader;
        list_exchanges(root, fragment);
        status = fragment_deps(fragment, deps, err);
    }
    if (status == HR_OK) {
        uint32_t partitions = hr_pipeline_partitions(&fragment->pipeline, root);
        status = hr_rdd_init(&fragment->rdd, &fragment_vt, root->schema, HR_MAX(partitions, 1),
                             deps, dep_count, err);
    }
    for (uint32_t i = 0; deps && i < dep_count; i++) {
        hr_rdd_unref(deps[i].parent); /* the RDD holds its own */
        if (status != HR_OK && deps[i].partitioner) deps[i].partitioner->free(deps[i].partitioner);
    }
    hr_free(deps);
    if (status != HR_OK) {
        hr_free(fragment);
        return status;
    }
    fragment->rdd.rows_estimate = rows_estimate(exec, root);
    *ret = &fragment->rdd;
    return HR_OK;
}

struct consumer {
    struct hr_exec *exec;
    _Atomic bool any; /* rows have gone out */
};

static hr_status consume(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                         struct hr_err *err)
{
    struct consumer *consumer = arg;
    struct hr_exec *exec = consumer->exec;
    atomic_store_explicit(&consumer->any, true, memory_order_relaxed);
    return exec->emit ? exec->emit(exec, partition, attempt, batch, err) : HR_OK;
}

/* *ret_any: rows have gone out. */
static hr_status run_stages(struct hr_pipeline *pipeline, bool *ret_any, struct hr_err *err)
{
    assert(pipeline->exec->scheduler && !pipeline->collapsed);
    struct hr_exec *exec = pipeline->exec;
    struct consumer consumer = {.exec = exec};
    struct hr_rdd *rdd;
    HR_TRY(fragment_new(exec, pipeline->root, NULL, &rdd, err));
    struct hr_job_options options = {
        .consume = consume,
        .arg = &consumer,
        .cancelled = exec->cancelled,
        .max_attempts = exec->state_count ? 1 : 0, /* the query restores its state and runs again */
    };
    hr_status status = hr_scheduler_run(exec->scheduler, rdd, &options, NULL, err);
    hr_rdd_unref(rdd);
    *ret_any = consumer.any;
    return status;
}

/* A shuffle keeps its rows in memory, but sorting and grouping in one task go to disk: a query at
 * rest that had too little, and has given no row yet, is run once more in that way. */
static hr_status run_again(struct hr_pipeline *pipeline, struct hr_err *err)
{
    struct hr_exec *exec = pipeline->exec;
    for (uint32_t i = 0; i < exec->scan_count; i++) {
        atomic_store(&exec->scans[i].rows_read, 0);
        atomic_store(&exec->scans[i].malformed_rows, 0);
    }
    if (err) hr_err_init(err);
    pipeline->collapsed = true;
    return run_inline(pipeline, err);
}

/* --- Running ---------------------------------------------------------------------------------- */

hr_status hr_exec_run(const struct hr_pnode *root, struct hr_exec *exec, struct hr_err *err)
{
    assert(root && exec->conf && exec->env);
    struct hr_pipeline pipeline = {.root = root, .exec = exec};
    bool inline_only = !exec->scheduler || exec->conf->threads <= 1;
    if (!inline_only) {
        int64_t rows = rows_estimate(exec, root);
        inline_only = rows >= 0 && rows <= INLINE_ROWS;
    }
    if (!inline_only && !has_exchange(root))
        inline_only = hr_pipeline_partitions(&pipeline, root) == 1;
    if (inline_only) { /* stateful operators then work on all parts of their state */
        pipeline.collapsed = true;
        return run_inline(&pipeline, err);
    }
    if (!exec->scheduler) return HR_BUG(err, "a plan of several tasks has no scheduler");
    bool any = false;
    hr_status status = run_stages(&pipeline, &any, err);
    bool again = status == HR_E_MEMORY_LIMIT && !any && exec->epoch < 0 && exec->state_count == 0;
    return again ? run_again(&pipeline, err) : status;
}
