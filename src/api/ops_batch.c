/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations whose functions see whole batches: mapBatches emits columns (or rows), filterBatches
 * names the rows that stay, which become a selection of the batch, without a copy.
 */
#include "api/api.h"

struct batch_node {
    struct hr_node node;
    hr_batch_fn fn;
    hr_select_fn select; /* one of these two */
    void *arg;
};

struct batch_iter {
    struct hr_batch_iter base;
    struct batch_node *op;
    struct hr_batch_iter *parent;
    struct hr_emitter out;
    struct hr_acc_delta *deltas;
    const volatile bool *cancelled;
    bool ended;
};

static void batch_close(struct hr_batch_iter *iter)
{
    struct batch_iter *it = (struct batch_iter *)iter;
    if (it->parent) it->parent->close(it->parent);
    hr_emitter_done(&it->out);
    hr_acc_drop(&it->deltas);
    hr_free(it);
}

/* The parent's next batch with rows; NULL: the end. */
static hr_status pull(struct batch_iter *it, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *batch = NULL;
    do {
        hr_batch_unref(batch);
        if (it->cancelled && __atomic_load_n(it->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        HR_TRY(it->parent->next(it->parent, &batch, err));
    } while (batch && batch->sel_count == 0);
    if (!batch) {
        it->ended = true;
        HR_TRY(hr_acc_merge(&it->deltas, err));
    }
    *ret = batch;
    return HR_OK;
}

static struct hr_batch_view view_of(const struct hr_batch *batch)
{
    return (struct hr_batch_view){.row_count = batch->row_count,
                                  .live_count = batch->sel_count,
                                  .column_count = batch->schema->field_count,
                                  .sel = batch->sel,
                                  .batch_ = batch};
}

/* --- mapBatches ------------------------------------------------------------------------------- */

static hr_status map_batch(struct batch_iter *it, struct hr_batch *batch, struct hr_err *err)
{
    struct hr_batch_view view = view_of(batch);
    struct hr_acc_delta **outer = hr_task_local.deltas;
    hr_task_local.deltas = &it->deltas;
    hr_status status = it->op->fn(it->op->arg, &view, &it->out, err);
    hr_task_local.deltas = outer;
    return hr_emitter_check(&it->out, status, err);
}

static hr_status map_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct batch_iter *it = (struct batch_iter *)iter;
    for (;;) {
        struct hr_batch *batch = hr_emitter_pop(&it->out);
        if (batch || it->ended) {
            *ret = batch;
            return HR_OK;
        }
        HR_TRY(pull(it, &batch, err));
        if (!batch) {
            HR_TRY(hr_emitter_flush(&it->out, err));
            continue;
        }
        hr_status status = map_batch(it, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
}

/* --- filterBatches ---------------------------------------------------------------------------- */

/* Ascending, each once, and only rows that the function was shown. */
static hr_status check_rows(const struct hr_batch *batch, const uint32_t *rows, uint32_t count,
                            struct hr_err *err)
{
    if (count > batch->sel_count)
        return hr_err_fail(err, "%u rows kept of a batch of %u", count, batch->sel_count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i && rows[i] <= rows[i - 1])
            return hr_err_fail(err, "rows kept must ascend, and %u comes after %u", rows[i],
                               rows[i - 1]);
        if (!batch->sel) continue;
        while (at < batch->sel_count && batch->sel[at] < rows[i]) at++;
        if (at == batch->sel_count || batch->sel[at] != rows[i])
            return hr_err_fail(err, "row %u is kept and is not one of the batch", rows[i]);
    }
    if (count && rows[count - 1] >= batch->row_count)
        return hr_err_fail(err, "row %u is kept of a batch of %u", rows[count - 1],
                           batch->row_count);
    return HR_OK;
}

/* *ret stays NULL when no row is kept. */
static hr_status select_batch(struct batch_iter *it, struct hr_batch *batch, struct hr_batch **ret,
                              struct hr_err *err)
{
    struct hr_batch_view view = view_of(batch);
    uint32_t *rows, count = 0;
    struct hr_batch *out = hr_batch_new_sel(batch, batch->sel_count, &rows);
    if (!out) return HR_OOM(err);
    struct hr_acc_delta **outer = hr_task_local.deltas;
    hr_task_local.deltas = &it->deltas;
    hr_status status = it->op->select(it->op->arg, &view, rows, &count, err);
    hr_task_local.deltas = outer;
    status = hr_emitter_check(NULL, status, err);
    if (status == HR_OK) status = check_rows(batch, rows, count, err);
    if (status != HR_OK || count == 0) {
        hr_batch_unref(out);
        return status;
    }
    out->sel_count = count;
    *ret = out;
    return HR_OK;
}

static hr_status select_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct batch_iter *it = (struct batch_iter *)iter;
    struct hr_batch *out = NULL;
    while (!out && !it->ended) {
        struct hr_batch *batch;
        HR_TRY(pull(it, &batch, err));
        if (!batch) break;
        hr_status status = select_batch(it, batch, &out, err);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
    *ret = out;
    return HR_OK;
}

/* --- The nodes -------------------------------------------------------------------------------- */

static hr_status batch_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    struct batch_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->op = (struct batch_node *)rdd;
    it->base = (struct hr_batch_iter){it->op->fn ? map_next : select_next, batch_close};
    it->cancelled = ctx->cancelled;
    hr_emitter_init(&it->out, rdd->schema, NULL);
    hr_status status = hr_rdd_parent_iter(rdd, 0, partition, ctx, &it->parent, err);
    if (status != HR_OK) {
        batch_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt batch_vt = {"MapPartitionsRDD", batch_compute, NULL, hr_node_free};

struct hr_rdd *hr_rdd_map_batches(struct hr_rdd *rdd, const char *schema, hr_batch_fn fn, void *arg,
                                  struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *type;
    if (!rdd || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct batch_node *op = hr_node_narrow(&batch_vt, sizeof *op, rdd, type, NULL, err);
    if (!op) return NULL;
    op->fn = fn;
    op->arg = arg;
    op->node.key_columns = 1;
    return &op->node.base;
}

struct hr_rdd *hr_rdd_filter_batches(struct hr_rdd *rdd, hr_select_fn fn, void *arg,
                                     struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!rdd) return NULL;
    struct batch_node *op = hr_node_narrow(&batch_vt, sizeof *op, rdd, rdd->schema, NULL, err);
    if (!op) return NULL;
    op->select = fn;
    op->arg = arg;
    hr_node_place(&op->node, hr_node_of(rdd)->placed);
    return &op->node.base;
}
