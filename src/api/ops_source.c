/* SPDX-License-Identifier: Apache-2.0 */
/* RDDs that stand on memory: arrays, rows of a filler, ranges, batches that are there already. */
#include "api/api.h"
#include "rdd/block_store.h"

/* --- Batches in memory ------------------------------------------------------------------------ */

struct memory_node {
    struct hr_node node;
    struct hr_batch **batches;
    uint32_t *parts; /* partition of each batch, ascending */
    uint32_t count;
    struct hr_budget *budget; /* where bytes are reserved for them; NULL: nowhere */
    int64_t bytes;
};

static void memory_done(struct hr_node *node)
{
    struct memory_node *m = (struct memory_node *)node;
    for (uint32_t i = 0; i < m->count; i++) hr_batch_unref(m->batches[i]);
    hr_free(m->batches);
    hr_free(m->parts);
    if (m->budget) hr_mem_release(&m->budget->mem, m->bytes);
    hr_budget_unref(m->budget);
}

/* The first batch of a partition, or of a later one. */
static uint32_t first_of(const struct memory_node *m, uint32_t partition)
{
    uint32_t first = 0, end = m->count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (m->parts[middle] < partition)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static hr_status memory_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    struct memory_node *m = (struct memory_node *)rdd;
    struct hr_batch_list list = {0};
    HR_UNUSED(ctx);
    for (uint32_t i = first_of(m, partition); i < m->count && m->parts[i] == partition; i++) {
        hr_status status = hr_batch_list_push(&list, hr_batch_ref(m->batches[i]), err);
        if (status != HR_OK) {
            hr_batch_list_done(&list);
            return status;
        }
    }
    return hr_iter_of_list(&list, ret, err);
}
static const struct hr_rdd_vt memory_vt = {"ParallelCollectionRDD", memory_compute, NULL,
                                           hr_node_free};

hr_status hr_node_account(struct hr_rdd *rdd, struct hr_budget *budget, struct hr_err *err)
{
    struct memory_node *m = (struct memory_node *)rdd;
    int64_t bytes = 0;
    if (rdd->vt != &memory_vt || !budget || m->budget) return HR_OK;
    for (uint32_t i = 0; i < m->count; i++) bytes += hr_batch_bytes(m->batches[i]);
    HR_TRY(hr_mem_reserve(&budget->mem, bytes, err));
    m->budget = hr_budget_ref(budget);
    m->bytes = bytes;
    return HR_OK;
}

struct hr_rdd *hr_node_from_batches(struct hr_pool *pool, const struct hr_type *schema,
                                    struct hr_batch *const *batches, const uint32_t *parts,
                                    uint32_t count, uint32_t partitions, struct hr_err *err)
{
    struct hr_batch **copy = hr_alloc((count + 1) * sizeof *copy);
    uint32_t *copy_parts = hr_alloc((count + 1) * sizeof *copy_parts);
    struct memory_node *m = NULL;
    if (copy && copy_parts)
        m = hr_node_new(&(struct hr_node_spec){.vt = &memory_vt,
                                               .size = sizeof *m,
                                               .pool = pool,
                                               .schema = schema,
                                               .partitions = partitions,
                                               .op_done = memory_done},
                        err);
    else
        HR_UNUSED(HR_OOM(err));
    if (!m) {
        hr_free(copy);
        hr_free(copy_parts);
        return NULL;
    }
    int64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = hr_batch_ref(batches[i]);
        copy_parts[i] = parts[i];
        rows += batches[i]->sel_count;
    }
    m->batches = copy;
    m->parts = copy_parts;
    m->count = count;
    m->node.base.rows_estimate = rows;
    return &m->node.base;
}

/* One batch cut evenly into partitions, as Spark slices a collection; takes the reference. */
static struct hr_rdd *slice_evenly(struct hr_context *ctx, struct hr_batch_list *list,
                                   const struct hr_type *schema, uint32_t partitions,
                                   struct hr_err *err)
{
    struct hr_rdd *rdd = NULL;
    struct hr_batch_list pieces = {0};
    uint32_t *parts = NULL;
    if (!partitions) partitions = ctx->parallelism;
    struct hr_batch *whole = hr_batch_concat(list->items, list->count, schema, false);
    hr_status status = whole ? HR_OK : HR_OOM(err);
    if (whole) hr_context_share(ctx, &whole, 1);
    uint64_t n = whole ? whole->sel_count : 0;
    parts = hr_alloc((n / HR_BATCH_ROWS + partitions + 1) * 2 * sizeof *parts);
    if (status == HR_OK && !parts) status = HR_OOM(err);
    for (uint32_t p = 0; p < partitions && status == HR_OK; p++) {
        uint64_t at = n * p / partitions, end = n * (p + 1) / partitions;
        while (at < end && status == HR_OK) {
            uint32_t rows = (uint32_t)HR_MIN((uint64_t)HR_BATCH_ROWS, end - at);
            struct hr_batch *piece = hr_batch_slice(whole, (uint32_t)at, rows);
            parts[pieces.count] = p;
            status = piece ? hr_batch_list_push(&pieces, piece, err) : HR_OOM(err);
            at += rows;
        }
    }
    if (status == HR_OK)
        rdd = hr_node_from_batches(&ctx->pool, schema, pieces.items, parts, pieces.count,
                                   partitions, err);
    hr_batch_list_done(&pieces);
    hr_batch_unref(whole);
    hr_free(parts);
    return rdd;
}

struct hr_rdd *hr_parallelize(struct hr_context *ctx, const char *schema, hr_fill_fn fill,
                              void *arg, uint32_t partitions, struct hr_err *err)
{
    if (!fill) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *type;
    if (!ctx || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct hr_err own = {0};
    if (!err) err = &own;
    struct hr_emitter out;
    struct hr_batch_list list = {0};
    struct hr_rdd *rdd = NULL;
    hr_emitter_init(&out, type, NULL);
    hr_status status = hr_emitter_check(&out, fill ? fill(arg, &out, err) : HR_OK, err);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    for (struct hr_batch *b; status == HR_OK && (b = hr_emitter_pop(&out));)
        status = hr_batch_list_push(&list, b, err);
    if (status == HR_OK) rdd = slice_evenly(ctx, &list, type, partitions, err);
    hr_batch_list_done(&list);
    hr_emitter_done(&out);
    return rdd;
}

struct arrays {
    const int64_t *longs;
    const double *doubles;
    const char *const *strings;
    size_t count;
};

static hr_status fill_arrays(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct arrays *a = arg;
    HR_UNUSED(err);
    for (size_t i = 0; i < a->count; i++) {
        if (a->longs)
            hr_emit_long(out, a->longs[i]);
        else if (a->doubles)
            hr_emit_double(out, a->doubles[i]);
        else
            hr_emit_str(out, a->strings[i]);
        hr_emit_end(out);
    }
    return HR_OK;
}

struct hr_rdd *hr_parallelize_longs(struct hr_context *ctx, const int64_t *values, size_t count,
                                    uint32_t partitions, struct hr_err *err)
{
    struct arrays a = {.longs = values, .count = values ? count : 0};
    return hr_parallelize(ctx, "value LONG", fill_arrays, &a, partitions, err);
}

struct hr_rdd *hr_parallelize_doubles(struct hr_context *ctx, const double *values, size_t count,
                                      uint32_t partitions, struct hr_err *err)
{
    struct arrays a = {.doubles = values, .count = values ? count : 0};
    return hr_parallelize(ctx, "value DOUBLE", fill_arrays, &a, partitions, err);
}

struct hr_rdd *hr_parallelize_strings(struct hr_context *ctx, const char *const *values,
                                      size_t count, uint32_t partitions, struct hr_err *err)
{
    struct arrays a = {.strings = values, .count = values ? count : 0};
    return hr_parallelize(ctx, "value STRING", fill_arrays, &a, partitions, err);
}

struct hr_rdd *hr_empty_rdd(struct hr_context *ctx, const char *schema, struct hr_err *err)
{
    const struct hr_type *type;
    if (!ctx || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    return hr_node_from_batches(&ctx->pool, type, NULL, NULL, 0, 0, err);
}

/* --- Ranges ----------------------------------------------------------------------------------- */

struct range_node {
    struct hr_node node;
    int64_t start, step;
    uint64_t count;
};

struct range_iter {
    struct hr_batch_iter base;
    const struct range_node *range;
    uint64_t at, end;
};

static hr_status range_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct range_iter *it = (struct range_iter *)iter;
    *ret = NULL;
    if (it->at == it->end) return HR_OK;
    const struct range_node *r = it->range;
    uint32_t n = (uint32_t)HR_MIN((uint64_t)HR_BATCH_ROWS, it->end - it->at);
    struct hr_batch *batch = hr_batch_new(r->node.base.schema, n, NULL);
    if (!batch) return HR_OOM(err);
    hr_status status = hr_column_alloc(&batch->arena, batch->schema->fields[0].type, n, false,
                                       &batch->columns[0], err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    int64_t *values = (int64_t *)(uintptr_t)batch->columns[0].values;
    uint64_t first = (uint64_t)r->start + it->at * (uint64_t)r->step;
    for (uint32_t i = 0; i < n; i++) values[i] = (int64_t)(first + i * (uint64_t)r->step);
    it->at += n;
    *ret = batch;
    return HR_OK;
}

static void range_close(struct hr_batch_iter *iter)
{
    hr_free(iter);
}

static hr_status range_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct range_node *r = (const struct range_node *)rdd;
    struct range_iter *it = hr_alloc(sizeof *it);
    HR_UNUSED(ctx);
    if (!it) return HR_OOM(err);
    hr_u128 n = r->count;
    *it = (struct range_iter){.base = {range_next, range_close},
                              .range = r,
                              .at = (uint64_t)(n * partition / rdd->partition_count),
                              .end = (uint64_t)(n * (partition + 1) / rdd->partition_count)};
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt range_vt = {"MapPartitionsRDD", range_compute, NULL, hr_node_free};

struct hr_rdd *hr_range(struct hr_context *ctx, int64_t start, int64_t end, int64_t step,
                        uint32_t partitions, struct hr_err *err)
{
    if (!ctx) return NULL;
    if (step == 0) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a range by steps of 0"));
        return NULL;
    }
    hr_i128 span = step > 0 ? (hr_i128)end - start : (hr_i128)start - end;
    hr_i128 by = step > 0 ? (hr_i128)step : -(hr_i128)step;
    uint64_t count = span > 0 ? (uint64_t)((span + by - 1) / by) : 0;
    struct hr_field field = {"id", hr_type(HR_T_LONG), false};
    const struct hr_type *schema = hr_type_struct(&field, 1);
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct range_node *r = hr_node_new(
        &(struct hr_node_spec){.vt = &range_vt,
                               .size = sizeof *r,
                               .pool = &ctx->pool,
                               .schema = schema,
                               .partitions = partitions ? partitions : ctx->parallelism},
        err);
    if (!r) return NULL;
    r->start = start;
    r->step = step;
    r->count = count;
    r->node.base.rows_estimate = count > INT64_MAX ? INT64_MAX : (int64_t)count;
    return &r->node.base;
}
