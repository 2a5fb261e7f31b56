/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions: run the job and bring its answer to the driver.
 *
 * A job's callbacks come from task threads, but one partition belongs to one task at a time, so
 * what is kept by partition needs no lock; a retry announces itself by reset.
 */
#include "api/api.h"
#include "base/hash.h"

/* --- collect --------------------------------------------------------------------------------- */

struct collector {
    struct hr_batch_list *parts; /* by partition */
    uint32_t part_count;
    uint64_t *rows, limit; /* limit: rows wanted of a partition; 0: all */
};

static hr_status collect_batch(void *arg, uint32_t partition, uint32_t attempt,
                               struct hr_batch *batch, struct hr_err *err)
{
    struct collector *c = arg;
    HR_UNUSED(attempt);
    if (batch->sel_count == 0 || (c->limit && c->rows[partition] >= c->limit)) return HR_OK;
    c->rows[partition] += batch->sel_count;
    return hr_batch_list_push(&c->parts[partition], hr_batch_ref(batch), err);
}

static void collect_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    struct collector *c = arg;
    HR_UNUSED(attempt);
    hr_batch_list_done(&c->parts[partition]);
    c->rows[partition] = 0;
}

static hr_status collector_init(struct collector *c, uint32_t partitions, uint64_t limit,
                                struct hr_err *err)
{
    *c = (struct collector){.part_count = partitions, .limit = limit};
    c->parts = hr_zalloc((partitions + 1) * sizeof *c->parts);
    c->rows = hr_zalloc((partitions + 1) * sizeof *c->rows);
    return c->parts && c->rows ? HR_OK : HR_OOM(err);
}

static void collector_done(struct collector *c)
{
    for (uint32_t i = 0; c->parts && i < c->part_count; i++) hr_batch_list_done(&c->parts[i]);
    hr_free(c->parts);
    hr_free(c->rows);
}

/* Moves the batches of [first, end), at most limit rows (0: all), behind list. */
static hr_status collector_move(struct collector *c, uint32_t first, uint32_t end, uint64_t limit,
                                struct hr_batch_list *list, uint64_t *rows, struct hr_err *err)
{
    for (uint32_t p = first; p < end; p++) {
        for (uint32_t i = 0; i < c->parts[p].count; i++) {
            struct hr_batch *batch = c->parts[p].items[i];
            if (limit && *rows >= limit) return HR_OK;
            if (limit && batch->sel_count > limit - *rows)
                batch = hr_batch_slice(batch, 0, (uint32_t)(limit - *rows));
            else
                hr_batch_ref(batch);
            if (!batch) return HR_OOM(err);
            *rows += batch->sel_count;
            HR_TRY(hr_batch_list_push(list, batch, err));
        }
    }
    return HR_OK;
}

static struct hr_rows *result(const struct hr_type *schema, struct hr_batch_list *list,
                              hr_status status, struct hr_err *err)
{
    struct hr_rows *rows = NULL;
    if (status == HR_OK) {
        rows = hr_rows_of_batches(schema, list->items, list->count);
        list->count = 0; /* taken over */
        if (!rows) HR_UNUSED(HR_OOM(err));
    }
    hr_batch_list_done(list);
    return rows;
}

struct hr_rows *hr_rdd_collect(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct collector c;
    struct hr_batch_list list = {0};
    uint64_t rows = 0;
    hr_status status = collector_init(&c, rdd->partition_count, 0, err);
    struct hr_job_options job = {
        .consume = collect_batch, .reset = collect_reset, .arg = &c, .description = "collect"};
    if (status == HR_OK) status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    if (status == HR_OK) status = collector_move(&c, 0, rdd->partition_count, 0, &list, &rows, err);
    collector_done(&c);
    return result(rdd->schema, &list, status, err);
}

/* --- toLocalIterator -------------------------------------------------------------------------- */

struct local_iter {
    struct hr_batch_iter base;
    struct hr_rdd *rdd;        /* referenced */
    struct hr_batch_list list; /* of the partition before next_partition; read up to at */
    uint32_t at, next_partition;
};

static hr_status local_partition(struct local_iter *it, struct hr_err *err)
{
    struct collector c;
    uint32_t partition = it->next_partition;
    uint64_t rows = 0;
    hr_batch_list_done(&it->list);
    it->at = 0;
    hr_status status = collector_init(&c, it->rdd->partition_count, 0, err);
    struct hr_job_options job = {.partitions = &partition,
                                 .partition_count = 1,
                                 .consume = collect_batch,
                                 .reset = collect_reset,
                                 .arg = &c,
                                 .description = "toLocalIterator"};
    if (status == HR_OK) status = hr_context_run(hr_node_of(it->rdd)->ctx, it->rdd, &job, err);
    if (status == HR_OK)
        status = collector_move(&c, partition, partition + 1, 0, &it->list, &rows, err);
    collector_done(&c);
    if (status == HR_OK) it->next_partition++;
    return status;
}

static hr_status local_next(struct hr_batch_iter *base, struct hr_batch **ret, struct hr_err *err)
{
    struct local_iter *it = (struct local_iter *)base;
    *ret = NULL;
    while (it->at == it->list.count) {
        if (it->next_partition == it->rdd->partition_count) return HR_OK;
        HR_TRY(local_partition(it, err));
    }
    *ret = it->list.items[it->at];
    it->list.items[it->at++] = NULL; /* handed over, so that it can go before its partition */
    return HR_OK;
}

static void local_close(struct hr_batch_iter *base)
{
    struct local_iter *it = (struct local_iter *)base;
    hr_batch_list_done(&it->list);
    hr_rdd_unref(it->rdd);
    hr_free(it);
}

struct hr_rows *hr_rdd_to_local_iterator(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct local_iter *it = hr_zalloc(sizeof *it);
    struct hr_rows *rows = hr_alloc(sizeof *rows);
    if (!it || !rows) {
        hr_free(it);
        hr_free(rows);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    it->base = (struct hr_batch_iter){local_next, local_close};
    it->rdd = hr_rdd_ref(rdd);
    hr_rows_of_iter(rows, rdd->schema, &it->base);
    rows->own_iter = true;
    return rows;
}

/* --- take ------------------------------------------------------------------------------------- */

/* First one partition, then four times as many each time, as Spark does. */
struct hr_rows *hr_rdd_take(struct hr_rdd *rdd, uint64_t n, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct collector c;
    struct hr_batch_list list = {0};
    uint64_t rows = 0;
    uint32_t done = 0, width = 1;
    uint32_t *parts = hr_alloc((rdd->partition_count + 1) * sizeof *parts);
    hr_status status = collector_init(&c, rdd->partition_count, HR_MAX(n, (uint64_t)1), err);
    if (!parts && status == HR_OK) status = HR_OOM(err);
    while (status == HR_OK && rows < n && done < rdd->partition_count) {
        uint32_t count = HR_MIN(width, rdd->partition_count - done);
        for (uint32_t i = 0; i < count; i++) parts[i] = done + i;
        struct hr_job_options job = {.partitions = parts,
                                     .partition_count = count,
                                     .consume = collect_batch,
                                     .reset = collect_reset,
                                     .arg = &c,
                                     .description = "take"};
        status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
        if (status == HR_OK) status = collector_move(&c, done, done + count, n, &list, &rows, err);
        done += count;
        width *= 4;
    }
    collector_done(&c);
    hr_free(parts);
    return result(rdd->schema, &list, status, err);
}

struct hr_rows *hr_rdd_first(struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_take(rdd, 1, err);
    if (!rows || hr_rows_count(rows)) return rows;
    hr_rows_free(rows);
    HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "first of an empty RDD"));
    return NULL;
}

hr_status hr_rdd_is_empty(struct hr_rdd *rdd, bool *ret, struct hr_err *err)
{
    if (!ret) return hr_missing("no place for the result", err);
    struct hr_err own = {0};
    if (!err) err = &own;
    struct hr_rows *rows = hr_rdd_take(rdd, 1, err);
    if (!rows) return err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    *ret = hr_rows_count(rows) == 0;
    hr_rows_free(rows);
    return HR_OK;
}

/* The status of a NULL RDD: the error that made it NULL. */
static hr_status no_rdd(struct hr_err *err)
{
    return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
}

/* --- count ------------------------------------------------------------------------------------ */

static hr_status count_batch(void *arg, uint32_t partition, uint32_t attempt,
                             struct hr_batch *batch, struct hr_err *err)
{
    HR_UNUSED(attempt), HR_UNUSED(err);
    ((uint64_t *)arg)[partition] += batch->sel_count;
    return HR_OK;
}

static void count_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    HR_UNUSED(attempt);
    ((uint64_t *)arg)[partition] = 0;
}

hr_status hr_rdd_count(struct hr_rdd *rdd, uint64_t *ret, struct hr_err *err)
{
    if (!ret) return hr_missing("no place for the result", err);
    if (!rdd) return no_rdd(err);
    uint64_t *counts = hr_zalloc((rdd->partition_count + 1) * sizeof *counts), sum = 0;
    if (!counts) return HR_OOM(err);
    struct hr_job_options job = {
        .consume = count_batch, .reset = count_reset, .arg = counts, .description = "count"};
    hr_status status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    for (uint32_t i = 0; i < rdd->partition_count; i++) sum += counts[i];
    hr_free(counts);
    if (status == HR_OK) *ret = sum;
    return status;
}

/* --- takeOrdered, top, samples ---------------------------------------------------------------- */

struct top_job {
    struct collector c; /* first: reset is collect_reset */
    const struct hr_order *order;
    uint32_t order_count;
    uint64_t n;
};

/* The n first of the batches, which become one that holds on to nothing else. */
static hr_status trim(const struct top_job *job, struct hr_batch_list *list,
                      const struct hr_type *schema, struct hr_err *err)
{
    struct hr_batch *all = hr_batch_concat(list->items, list->count, schema, false);
    struct hr_batch *sorted = NULL, *some = NULL, *copy = NULL;
    hr_status status =
        all ? hr_sort_batch(all, job->order, job->order_count, &sorted, err) : HR_OOM(err);
    if (status == HR_OK) {
        some = hr_batch_slice(sorted, 0, (uint32_t)HR_MIN(job->n, (uint64_t)sorted->sel_count));
        copy = some ? hr_batch_concat(&some, 1, schema, true) : NULL;
        if (!copy) status = HR_OOM(err);
    }
    hr_batch_unref(some);
    hr_batch_unref(sorted);
    hr_batch_unref(all);
    if (status != HR_OK) return status;
    hr_batch_list_done(list);
    return hr_batch_list_push(list, copy, err);
}

/* A partition keeps its n first rows, and at most as many and a batch again while it runs. */
static hr_status top_batch(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                           struct hr_err *err)
{
    struct top_job *job = arg;
    struct hr_batch_list *list = &job->c.parts[partition];
    HR_TRY(collect_batch(&job->c, partition, attempt, batch, err));
    if (job->n == 0 || job->c.rows[partition] / 2 < HR_MAX(job->n, (uint64_t)HR_BATCH_ROWS))
        return HR_OK;
    HR_TRY(trim(job, list, batch->schema, err));
    job->c.rows[partition] = list->items[0]->sel_count;
    return HR_OK;
}

static struct hr_rows *ordered(struct hr_rdd *rdd, uint64_t n, const char *columns, bool reverse,
                               struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    uint32_t count;
    if (!rdd || hr_order_parse(rdd->schema, columns, order, HR_ORDER_MAX, &count, err) != HR_OK)
        return NULL;
    for (uint32_t i = 0; reverse && i < count; i++) order[i].descending = !order[i].descending;
    struct top_job top = {.order = order, .order_count = count, .n = n};
    struct hr_batch_list list = {0};
    uint64_t rows = 0;
    hr_status status = collector_init(&top.c, rdd->partition_count, 0, err);
    struct hr_job_options job = {
        .consume = top_batch, .reset = collect_reset, .arg = &top, .description = "takeOrdered"};
    if (status == HR_OK) status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    if (status == HR_OK)
        status = collector_move(&top.c, 0, rdd->partition_count, 0, &list, &rows, err);
    if (status == HR_OK) status = trim(&top, &list, rdd->schema, err);
    collector_done(&top.c);
    return result(rdd->schema, &list, status, err);
}

struct hr_rows *hr_rdd_take_ordered(struct hr_rdd *rdd, uint64_t n, const char *columns,
                                    struct hr_err *err)
{
    return ordered(rdd, n, columns, false, err);
}

struct hr_rows *hr_rdd_top(struct hr_rdd *rdd, uint64_t n, const char *columns, struct hr_err *err)
{
    return ordered(rdd, n, columns, true, err);
}

/* The first of them in the order, which must be there. */
static struct hr_rows *extreme(struct hr_rdd *rdd, const char *columns, bool reverse,
                               const char *name, struct hr_err *err)
{
    struct hr_rows *rows = ordered(rdd, 1, columns, reverse, err);
    if (!rows || hr_rows_count(rows)) return rows;
    hr_rows_free(rows);
    HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s of an empty RDD", name));
    return NULL;
}

struct hr_rows *hr_rdd_min(struct hr_rdd *rdd, const char *columns, struct hr_err *err)
{
    return extreme(rdd, columns, false, "min", err);
}

struct hr_rows *hr_rdd_max(struct hr_rdd *rdd, const char *columns, struct hr_err *err)
{
    return extreme(rdd, columns, true, "max", err);
}

struct hr_rows *hr_rdd_take_sample(struct hr_rdd *rdd, bool with_replacement, uint64_t n,
                                   uint64_t seed, struct hr_err *err)
{
    struct hr_rows *all = hr_rdd_collect(rdd, err);
    if (!all) return NULL;
    uint64_t count = hr_rows_count(all);
    uint64_t wanted = count == 0 ? 0 : with_replacement ? n : HR_MIN(n, count);
    uint64_t *picks = hr_alloc((count + 1) * sizeof *picks);
    struct hr_emitter out;
    struct hr_batch_list list = {0};
    hr_status status = picks ? HR_OK : HR_OOM(err);
    hr_emitter_init(&out, rdd->schema, NULL);
    for (uint64_t i = 0; status == HR_OK && i < count; i++) picks[i] = i;
    for (uint64_t i = 0; status == HR_OK && i < wanted; i++) {
        struct hr_row row;
        uint64_t r = hr_splitmix64(&seed);
        uint64_t at = with_replacement ? r % count : i + r % (count - i);
        uint64_t pick = picks[at];
        if (!with_replacement) {
            picks[at] = picks[i];
            picks[i] = pick;
        }
        HR_UNUSED(hr_rows_get(all, pick, &row));
        hr_emit_row(&out, &row);
    }
    if (status == HR_OK) status = hr_emitter_check(&out, HR_OK, err);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    for (struct hr_batch *b; status == HR_OK && (b = hr_emitter_pop(&out));)
        status = hr_batch_list_push(&list, b, err);
    hr_emitter_done(&out);
    hr_free(picks);
    hr_rows_free(all);
    return result(rdd->schema, &list, status, err);
}

/* --- foreach ---------------------------------------------------------------------------------- */

/* Accumulator updates are gathered by partition and merged when its attempt has succeeded. */
struct foreach {
    const struct hr_type *schema;
    hr_foreach_fn fn;
    hr_foreach_partition_fn partition_fn;
    void *arg;
    struct hr_acc_delta **deltas; /* by partition */
    struct hr_batch_list *parts;  /* foreach_partition: by partition */
};

static hr_status foreach_batch(void *arg, uint32_t partition, uint32_t attempt,
                               struct hr_batch *batch, struct hr_err *err)
{
    struct foreach *f = arg;
    struct hr_acc_delta **outer = hr_task_local.deltas;
    struct hr_row row;
    hr_status status = HR_OK;
    HR_UNUSED(attempt);
    if (f->partition_fn) return hr_batch_list_push(&f->parts[partition], hr_batch_ref(batch), err);
    hr_task_local.deltas = &f->deltas[partition];
    hr_row_of_batch(batch, 0, &row);
    for (uint32_t i = 0; i < batch->sel_count && status == HR_OK; i++) {
        row.index_ = batch->sel ? batch->sel[i] : i;
        status = hr_emitter_check(NULL, f->fn(f->arg, &row, err), err);
    }
    hr_task_local.deltas = outer;
    return status;
}

static void foreach_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    struct foreach *f = arg;
    HR_UNUSED(attempt);
    hr_acc_drop(&f->deltas[partition]);
    if (f->parts) hr_batch_list_done(&f->parts[partition]);
}

static hr_status foreach_finish(void *arg, uint32_t partition, uint32_t attempt, struct hr_err *err)
{
    struct foreach *f = arg;
    HR_UNUSED(attempt);
    if (f->partition_fn) {
        struct hr_acc_delta **outer = hr_task_local.deltas;
        struct hr_batch_list *list = &f->parts[partition];
        struct hr_rows *rows = hr_rows_of_batches(f->schema, list->items, list->count);
        list->count = 0;
        if (!rows) return HR_OOM(err);
        hr_task_local.deltas = &f->deltas[partition];
        hr_status status =
            hr_emitter_check(NULL, f->partition_fn(f->arg, partition, rows, err), err);
        hr_task_local.deltas = outer;
        hr_rows_free(rows);
        HR_TRY(status);
    }
    return hr_acc_merge(&f->deltas[partition], err);
}

static hr_status run_foreach(struct hr_rdd *rdd, struct foreach *f, struct hr_err *err)
{
    uint32_t n = rdd->partition_count;
    f->schema = rdd->schema;
    f->deltas = hr_zalloc((n + 1) * sizeof *f->deltas);
    f->parts = f->partition_fn ? hr_zalloc((n + 1) * sizeof *f->parts) : NULL;
    hr_status status = f->deltas && (f->parts || !f->partition_fn) ? HR_OK : HR_OOM(err);
    struct hr_job_options job = {.consume = foreach_batch,
                                 .finish = foreach_finish,
                                 .reset = foreach_reset,
                                 .arg = f,
                                 .in_worker = true,
                                 .description = "foreach"};
    if (status == HR_OK) status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    for (uint32_t i = 0; f->deltas && i < n; i++) foreach_reset(f, i, 0);
    hr_free(f->deltas);
    hr_free(f->parts);
    return status;
}

hr_status hr_rdd_foreach(struct hr_rdd *rdd, hr_foreach_fn fn, void *arg, struct hr_err *err)
{
    if (!fn) return hr_missing("no function", err);
    if (!rdd) return no_rdd(err);
    struct foreach f = {.fn = fn, .arg = arg};
    return run_foreach(rdd, &f, err);
}

hr_status hr_rdd_foreach_partition(struct hr_rdd *rdd, hr_foreach_partition_fn fn, void *arg,
                                   struct hr_err *err)
{
    if (!fn) return hr_missing("no function", err);
    if (!rdd) return no_rdd(err);
    struct foreach f = {.partition_fn = fn, .arg = arg};
    return run_foreach(rdd, &f, err);
}
