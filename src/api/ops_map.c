/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on one partition, row by row or as a whole: map, flatMap, filter, mapPartitions,
 * select, sample, glom, unique ids. Each is a node with one narrow parent and an iterator that
 * pulls the parent's batches.
 */
#include "api/api.h"
#include "api/random.h"
#include "base/hash.h"

struct fn_node {
    struct hr_node node;
    hr_row_fn row_fn;
    hr_predicate_fn predicate;
    hr_partition_fn partition_fn;
    void *arg;
    bool one_to_one;   /* map: exactly one row each */
    uint32_t prefix;   /* columns kept before what the function emits */
    bool suffix;       /* the row behind it */
    uint32_t *columns; /* select */
    bool replacement;  /* sample */
    double fraction, lower;
    uint64_t seed;
    int64_t *starts; /* zip_with_index: first number of each partition */
};

struct fn_iter {
    struct hr_batch_iter base;
    struct fn_node *op;
    struct hr_batch_iter *parent;
    struct hr_emitter out;
    struct hr_acc_delta *deltas;
    const volatile bool *cancelled;
    uint32_t partition;
    uint64_t random, index;
    bool ended;
};

static void fn_done(struct hr_node *node)
{
    struct fn_node *op = (struct fn_node *)node;
    hr_free(op->columns);
    hr_free(op->starts);
}

static void fn_close(struct hr_batch_iter *iter)
{
    struct fn_iter *it = (struct fn_iter *)iter;
    if (it->parent) it->parent->close(it->parent);
    hr_emitter_done(&it->out);
    hr_acc_drop(&it->deltas);
    hr_free(it);
}

static hr_status fn_open(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                         hr_status (*next)(struct hr_batch_iter *, struct hr_batch **,
                                           struct hr_err *),
                         struct hr_batch_iter **ret, struct hr_err *err)
{
    struct fn_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){next, fn_close};
    it->op = (struct fn_node *)rdd;
    it->partition = partition;
    it->cancelled = ctx->cancelled;
    /* Hashed: starts that differ by the generator's own step would be one sequence, shifted. */
    it->random = hr_hash_combine(it->op->seed, hr_hash_u64(partition + UINT64_C(1)));
    hr_emitter_init(&it->out, rdd->schema, NULL);
    it->out.prefix = it->op->prefix;
    it->out.suffix = it->op->suffix;
    hr_status status = hr_rdd_parent_iter(rdd, 0, partition, ctx, &it->parent, err);
    if (status != HR_OK) {
        fn_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}

static hr_status pull(struct fn_iter *it, struct hr_batch **ret, struct hr_err *err)
{
    if (it->cancelled && __atomic_load_n(it->cancelled, __ATOMIC_RELAXED))
        return HR_RAISE(err, HR_E_CANCELLED);
    HR_TRY(it->parent->next(it->parent, ret, err));
    if (!*ret) {
        it->ended = true;
        HR_TRY(hr_acc_merge(&it->deltas, err));
    }
    return HR_OK;
}

/* --- map, flatMap ----------------------------------------------------------------------------- */

static hr_status run_rows(struct fn_iter *it, struct hr_batch *batch, struct hr_err *err)
{
    struct fn_node *op = it->op;
    struct hr_acc_delta **outer = hr_task_local.deltas;
    hr_status status = HR_OK;
    struct hr_row row;
    hr_row_of_batch(batch, 0, &row);
    it->out.source = &row;
    it->out.source_batch = batch;
    hr_task_local.deltas = &it->deltas;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint64_t before = it->out.rows;
        row.index_ = batch->sel ? batch->sel[i] : i;
        status = hr_emitter_check(&it->out, op->row_fn(op->arg, &row, &it->out, err), err);
        if (status == HR_OK && op->one_to_one && it->out.rows != before + 1)
            status = hr_err_fail(err, "map emits one row for each, this one %d",
                                 (int)(it->out.rows - before));
        if (status != HR_OK) break;
    }
    it->out.source_batch = NULL;
    hr_task_local.deltas = outer;
    return status;
}

static hr_status rows_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct fn_iter *it = (struct fn_iter *)iter;
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
        hr_status status = run_rows(it, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
}

static hr_status rows_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    return fn_open(rdd, partition, ctx, rows_next, ret, err);
}
static const struct hr_rdd_vt rows_vt = {"MapPartitionsRDD", rows_compute, NULL, hr_node_free};

static struct fn_node *row_node(struct hr_rdd *rdd, const struct hr_type *schema, hr_row_fn fn,
                                void *arg, struct hr_err *err)
{
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct fn_node *op = hr_node_narrow(&rows_vt, sizeof *op, rdd, schema, fn_done, err);
    if (!op) return NULL;
    op->row_fn = fn;
    op->arg = arg;
    op->node.key_columns = 1;
    return op;
}

static struct hr_rdd *map_like(struct hr_rdd *rdd, const char *ddl, hr_row_fn fn, void *arg,
                               bool one_to_one, struct hr_err *err)
{
    const struct hr_type *schema;
    if (!rdd || hr_schema_from_ddl(ddl, &schema, err) != HR_OK) return NULL;
    struct fn_node *op = row_node(rdd, schema, fn, arg, err);
    if (!op) return NULL;
    op->one_to_one = one_to_one;
    return &op->node.base;
}

struct hr_rdd *hr_rdd_map(struct hr_rdd *rdd, const char *schema, hr_row_fn fn, void *arg,
                          struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    return map_like(rdd, schema, fn, arg, true, err);
}

struct hr_rdd *hr_rdd_flat_map(struct hr_rdd *rdd, const char *schema, hr_row_fn fn, void *arg,
                               struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    return map_like(rdd, schema, fn, arg, false, err);
}

static struct hr_rdd *values_like(struct hr_rdd *rdd, const char *ddl, hr_row_fn fn, void *arg,
                                  bool one_to_one, struct hr_err *err)
{
    const struct hr_type *values;
    if (!rdd || hr_schema_from_ddl(ddl, &values, err) != HR_OK) return NULL;
    const struct hr_node *from = hr_node_of(rdd);
    const struct hr_type *keys = hr_schema_slice(rdd->schema, 0, from->key_columns);
    struct fn_node *op =
        row_node(rdd, keys ? hr_schema_concat(keys, values, false, false) : NULL, fn, arg, err);
    if (!op) return NULL;
    op->one_to_one = one_to_one;
    op->prefix = from->key_columns;
    op->node.key_columns = from->key_columns;
    hr_node_place(&op->node, from->placed);
    return &op->node.base;
}

struct hr_rdd *hr_rdd_map_values(struct hr_rdd *rdd, const char *value_schema, hr_row_fn fn,
                                 void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    return values_like(rdd, value_schema, fn, arg, true, err);
}

struct hr_rdd *hr_rdd_flat_map_values(struct hr_rdd *rdd, const char *value_schema, hr_row_fn fn,
                                      void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    return values_like(rdd, value_schema, fn, arg, false, err);
}

struct hr_rdd *hr_rdd_key_by(struct hr_rdd *rdd, const char *key_schema, hr_row_fn fn, void *arg,
                             struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *keys;
    if (!rdd || hr_schema_from_ddl(key_schema, &keys, err) != HR_OK) return NULL;
    struct fn_node *op =
        row_node(rdd, hr_schema_concat(keys, rdd->schema, false, false), fn, arg, err);
    if (!op) return NULL;
    op->one_to_one = true;
    op->suffix = true;
    op->node.key_columns = keys->field_count;
    return &op->node.base;
}

/* --- filter, sample: selections --------------------------------------------------------------- */

static hr_status filter_batch(struct fn_iter *it, struct hr_batch *batch, struct hr_batch **ret,
                              struct hr_err *err)
{
    struct fn_node *op = it->op;
    uint32_t *sel, n = 0;
    struct hr_batch *out = hr_batch_new_sel(batch, batch->sel_count, &sel);
    if (!out) return HR_OOM(err);
    struct hr_acc_delta **outer = hr_task_local.deltas;
    struct hr_row row;
    hr_row_of_batch(batch, 0, &row);
    hr_task_local.deltas = &it->deltas;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        row.index_ = batch->sel ? batch->sel[i] : i;
        if (op->predicate(op->arg, &row)) sel[n++] = row.index_;
    }
    hr_task_local.deltas = outer;
    out->sel_count = n;
    hr_status status = hr_emitter_check(NULL, HR_OK, err);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static hr_status sample_batch(struct fn_iter *it, struct hr_batch *batch, struct hr_batch **ret,
                              struct hr_err *err)
{
    const struct fn_node *op = it->op;
    if (!op->replacement) {
        uint32_t *sel, n = 0;
        struct hr_batch *out = hr_batch_new_sel(batch, batch->sel_count, &sel);
        if (!out) return HR_OOM(err);
        for (uint32_t i = 0; i < batch->sel_count; i++) {
            double u = hr_random_uniform(&it->random);
            if (u >= op->lower && u < op->fraction) sel[n++] = batch->sel ? batch->sel[i] : i;
        }
        out->sel_count = n;
        *ret = out;
        return HR_OK;
    }
    struct hr_row row;
    hr_row_of_batch(batch, 0, &row);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        row.index_ = batch->sel ? batch->sel[i] : i;
        uint32_t times = hr_random_poisson(&it->random, op->fraction);
        while (times--) hr_emit_row(&it->out, &row);
    }
    HR_TRY(hr_emitter_check(&it->out, HR_OK, err));
    HR_TRY(hr_emitter_flush(&it->out, err));
    *ret = hr_emitter_pop(&it->out);
    return HR_OK;
}

static hr_status select_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct fn_iter *it = (struct fn_iter *)iter;
    struct hr_batch *out = hr_emitter_pop(&it->out);
    while (!out && !it->ended) {
        struct hr_batch *batch;
        HR_TRY(pull(it, &batch, err));
        if (!batch) break;
        hr_status status = it->op->predicate ? filter_batch(it, batch, &out, err)
                                             : sample_batch(it, batch, &out, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        if (out && out->sel_count == 0) {
            hr_batch_unref(out);
            out = NULL;
        }
    }
    *ret = out;
    return HR_OK;
}

static hr_status select_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    return fn_open(rdd, partition, ctx, select_next, ret, err);
}
static const struct hr_rdd_vt filter_vt = {"MapPartitionsRDD", select_compute, NULL, hr_node_free};
static const struct hr_rdd_vt sample_vt = {"PartitionwiseSampledRDD", select_compute, NULL,
                                           hr_node_free};

/* A node that keeps rows whole, so keys and partitioning too. */
static struct fn_node *same_rows(const struct hr_rdd_vt *vt, struct hr_rdd *rdd, struct hr_err *err)
{
    struct fn_node *op = hr_node_narrow(vt, sizeof *op, rdd, rdd->schema, fn_done, err);
    if (op) hr_node_place(&op->node, hr_node_of(rdd)->placed);
    return op;
}

struct hr_rdd *hr_rdd_filter(struct hr_rdd *rdd, hr_predicate_fn fn, void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    struct fn_node *op = rdd ? same_rows(&filter_vt, rdd, err) : NULL;
    if (!op) return NULL;
    op->predicate = fn;
    op->arg = arg;
    return &op->node.base;
}

static struct fn_node *sample_node(struct hr_rdd *rdd, bool with_replacement, double lower,
                                   double upper, uint64_t seed, struct hr_err *err)
{
    struct fn_node *op = same_rows(&sample_vt, rdd, err);
    if (!op) return NULL;
    op->replacement = with_replacement;
    op->lower = lower;
    op->fraction = upper;
    op->seed = seed;
    return op;
}

struct hr_rdd *hr_rdd_sample(struct hr_rdd *rdd, bool with_replacement, double fraction,
                             uint64_t seed, struct hr_err *err)
{
    if (!rdd) return NULL;
    if (!(fraction >= 0) || (!with_replacement && fraction > 1) || fraction > 1e6) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a sample's fraction of %g", fraction));
        return NULL;
    }
    struct fn_node *op = sample_node(rdd, with_replacement, 0, fraction, seed, err);
    return op ? &op->node.base : NULL;
}

hr_status hr_rdd_random_split(struct hr_rdd *rdd, const double *weights, uint32_t count,
                              uint64_t seed, struct hr_rdd **ret, struct hr_err *err)
{
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    double sum = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!(weights[i] >= 0)) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "weight %g", weights[i]);
        sum += weights[i];
    }
    if (!(sum > 0)) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "weights that sum to 0");
    for (uint32_t i = 0; i < count; i++) {
        double upper = i + 1 == count ? 1.0 : at + weights[i] / sum;
        struct fn_node *op = sample_node(rdd, false, at, upper, seed, err);
        if (!op) return err ? err->code : HR_E_OOM;
        ret[i] = &op->node.base;
        at = upper;
    }
    return HR_OK;
}

/* --- select ----------------------------------------------------------------------------------- */

static hr_status project_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct fn_iter *it = (struct fn_iter *)iter;
    struct hr_batch *batch;
    HR_TRY(pull(it, &batch, err));
    if (batch) {
        struct hr_batch *out = hr_batch_project(batch, it->op->node.base.schema, it->op->columns);
        hr_batch_unref(batch);
        if (!out) return HR_OOM(err);
        batch = out;
    }
    *ret = batch;
    return HR_OK;
}

static hr_status project_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                 struct hr_batch_iter **ret, struct hr_err *err)
{
    return fn_open(rdd, partition, ctx, project_next, ret, err);
}
static const struct hr_rdd_vt project_vt = {"MapPartitionsRDD", project_compute, NULL,
                                            hr_node_free};

static struct hr_rdd *project(struct hr_rdd *rdd, const uint32_t *columns, uint32_t count,
                              struct hr_err *err)
{
    struct hr_field fields[HR_ORDER_MAX * 4];
    if (count == 0 || count > HR_COUNT(fields)) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%u columns selected; 1 to %zu", count,
                          HR_COUNT(fields)));
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) fields[i] = rdd->schema->fields[columns[i]];
    const struct hr_type *schema = hr_type_struct(fields, count);
    uint32_t *copy = hr_alloc(count * sizeof *copy);
    struct fn_node *op = NULL;
    if (schema && copy)
        op = hr_node_narrow(&project_vt, sizeof *op, rdd, schema, fn_done, err);
    else
        HR_UNUSED(HR_OOM(err));
    if (!op) {
        hr_free(copy);
        return NULL;
    }
    memcpy(copy, columns, count * sizeof *copy);
    op->columns = copy;
    return &op->node.base;
}

struct hr_rdd *hr_rdd_select(struct hr_rdd *rdd, const char *columns, struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    uint32_t indexes[HR_ORDER_MAX], count;
    if (!rdd || hr_order_parse(rdd->schema, columns, order, HR_ORDER_MAX, &count, err) != HR_OK)
        return NULL;
    for (uint32_t i = 0; i < count; i++) indexes[i] = order[i].column;
    struct hr_rdd *out = project(rdd, indexes, count, err);
    if (out) hr_node_of(out)->key_columns = 1;
    return out;
}

static struct hr_rdd *column_range(struct hr_rdd *rdd, uint32_t first, uint32_t end,
                                   struct hr_err *err)
{
    uint32_t indexes[HR_ORDER_MAX * 4], count = 0;
    for (uint32_t i = first; i < end && count < HR_COUNT(indexes); i++) indexes[count++] = i;
    return project(rdd, indexes, count, err);
}

struct hr_rdd *hr_node_columns(struct hr_rdd *rdd, uint32_t first, const struct hr_type *schema,
                               struct hr_err *err)
{
    if (!rdd) return NULL;
    struct hr_rdd *out = column_range(rdd, first, first + schema->field_count, err);
    if (out) out->schema = schema;
    return out;
}

struct hr_rdd *hr_rdd_keys(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct hr_rdd *out = column_range(rdd, 0, hr_node_of(rdd)->key_columns, err);
    if (out) hr_node_place(hr_node_of(out), hr_node_of(rdd)->placed);
    return out;
}

struct hr_rdd *hr_rdd_values(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct hr_rdd *out =
        column_range(rdd, hr_node_of(rdd)->key_columns, rdd->schema->field_count, err);
    if (out) hr_node_of(out)->key_columns = 1;
    return out;
}

struct hr_rdd *hr_rdd_with_keys(struct hr_rdd *rdd, uint32_t n, struct hr_err *err)
{
    if (!rdd) return NULL;
    if (n == 0 || n > rdd->schema->field_count) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%u key columns of %u", n,
                          rdd->schema->field_count));
        return NULL;
    }
    struct hr_rdd *out = column_range(rdd, 0, rdd->schema->field_count, err);
    if (!out) return NULL;
    hr_node_of(out)->key_columns = n;
    if (n == hr_node_of(rdd)->key_columns) hr_node_place(hr_node_of(out), hr_node_of(rdd)->placed);
    return out;
}

/* --- mapPartitions ---------------------------------------------------------------------------- */

static hr_status partition_next(struct hr_batch_iter *iter, struct hr_batch **ret,
                                struct hr_err *err)
{
    struct fn_iter *it = (struct fn_iter *)iter;
    if (!it->ended) {
        struct fn_node *op = it->op;
        struct hr_rows rows;
        struct hr_acc_delta **outer = hr_task_local.deltas;
        hr_rows_of_iter(&rows, op->node.base.deps[0].parent->schema, it->parent);
        hr_task_local.deltas = &it->deltas;
        hr_status status = op->partition_fn(op->arg, it->partition, &rows, &it->out, err);
        hr_task_local.deltas = outer;
        if (rows.failed) {
            if (err) hr_err_copy(err, &rows.err);
            hr_task_local.misused = false;
            status = rows.err.code;
        } else {
            status = hr_emitter_check(&it->out, status, err);
        }
        hr_rows_done(&rows);
        if (status == HR_OK) status = hr_emitter_flush(&it->out, err);
        HR_TRY(status);
        it->ended = true;
        HR_TRY(hr_acc_merge(&it->deltas, err));
    }
    *ret = hr_emitter_pop(&it->out);
    return HR_OK;
}

static hr_status partition_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                   struct hr_batch_iter **ret, struct hr_err *err)
{
    return fn_open(rdd, partition, ctx, partition_next, ret, err);
}
static const struct hr_rdd_vt partition_vt = {"MapPartitionsRDD", partition_compute, NULL,
                                              hr_node_free};

static struct hr_rdd *partition_node(struct hr_rdd *rdd, const struct hr_type *schema,
                                     hr_partition_fn fn, void *arg, struct hr_err *err)
{
    struct fn_node *op = hr_node_narrow(&partition_vt, sizeof *op, rdd, schema, fn_done, err);
    if (!op) return NULL;
    op->partition_fn = fn;
    op->arg = arg;
    op->node.key_columns = 1;
    return &op->node.base;
}

struct hr_rdd *hr_rdd_map_partitions(struct hr_rdd *rdd, const char *schema, hr_partition_fn fn,
                                     void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *type;
    if (!rdd || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    return partition_node(rdd, type, fn, arg, err);
}

static hr_status glom_partition(void *arg, uint32_t partition, struct hr_rows *in,
                                struct hr_emitter *out, struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(partition), HR_UNUSED(err);
    const struct hr_row *row;
    hr_emit_array_begin(out);
    while ((row = hr_rows_next(in))) {
        if (!out->array) break;
        struct hr_builder *element = hr_builder_child(out->array, 0);
        const struct hr_column *columns = row->columns_;
        if (row->count_ == 1) {
            hr_builder_copy(element, &columns[0], row->index_);
            continue;
        }
        for (uint32_t i = 0; i < row->count_; i++)
            hr_builder_copy(hr_builder_child(element, i), &columns[i], row->index_);
        hr_builder_close(element);
    }
    hr_emit_array_end(out);
    hr_emit_end(out);
    return HR_OK;
}

struct hr_rdd *hr_rdd_glom(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    const struct hr_type *element =
        rdd->schema->field_count == 1 ? rdd->schema->fields[0].type : rdd->schema;
    const struct hr_type *array = hr_type_array(element, true);
    struct hr_field field = {"rows", array, false};
    const struct hr_type *schema = array ? hr_type_struct(&field, 1) : NULL;
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    return partition_node(rdd, schema, glom_partition, NULL, err);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static hr_status number_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct fn_iter *it = (struct fn_iter *)iter;
    const struct hr_rdd *rdd = &it->op->node.base;
    struct hr_batch *batch;
    HR_TRY(pull(it, &batch, err));
    *ret = NULL;
    if (!batch) return HR_OK;
    struct hr_batch *in = hr_batch_compact(batch, false);
    hr_batch_unref(batch);
    if (!in) return HR_OOM(err);
    struct hr_batch *out = hr_batch_new(rdd->schema, in->row_count, NULL);
    uint32_t last = rdd->schema->field_count - 1;
    hr_status status = out && hr_batch_hold_batch(out, in) ? HR_OK : HR_OOM(err);
    if (status == HR_OK)
        status = hr_column_alloc(&out->arena, rdd->schema->fields[last].type, in->row_count, false,
                                 &out->columns[last], err);
    if (status == HR_OK) {
        memcpy(out->columns, in->columns, last * sizeof *in->columns);
        int64_t *values = (int64_t *)(uintptr_t)out->columns[last].values;
        for (uint32_t i = 0; i < in->row_count; i++, it->index++)
            values[i] = it->op->starts
                            ? it->op->starts[it->partition] + (int64_t)it->index
                            : (int64_t)(it->index * rdd->partition_count + it->partition);
        *ret = out;
    } else {
        hr_batch_unref(out);
    }
    hr_batch_unref(in);
    return status;
}

static hr_status number_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    return fn_open(rdd, partition, ctx, number_next, ret, err);
}
static const struct hr_rdd_vt number_vt = {"ZippedWithIndexRDD", number_compute, NULL,
                                           hr_node_free};

static struct fn_node *number_node(struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_field field = {"index", hr_type(HR_T_LONG), false};
    const struct hr_type *index = hr_type_struct(&field, 1);
    const struct hr_type *schema =
        index ? hr_schema_concat(rdd->schema, index, false, false) : NULL;
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct fn_node *op = hr_node_narrow(&number_vt, sizeof *op, rdd, schema, fn_done, err);
    if (op) hr_node_place(&op->node, hr_node_of(rdd)->placed);
    return op;
}

struct hr_rdd *hr_rdd_zip_with_unique_id(struct hr_rdd *rdd, struct hr_err *err)
{
    struct fn_node *op = rdd ? number_node(rdd, err) : NULL;
    return op ? &op->node.base : NULL;
}

static hr_status count_batch(void *arg, uint32_t partition, uint32_t attempt,
                             struct hr_batch *batch, struct hr_err *err)
{
    HR_UNUSED(attempt), HR_UNUSED(err);
    ((int64_t *)arg)[partition] += batch->sel_count; /* a partition belongs to one task */
    return HR_OK;
}

static void count_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    HR_UNUSED(attempt);
    ((int64_t *)arg)[partition] = 0;
}

struct hr_rdd *hr_rdd_zip_with_index(struct hr_rdd *rdd, struct hr_err *err)
{
    struct fn_node *op = rdd ? number_node(rdd, err) : NULL;
    if (!op) return NULL;
    op->starts = hr_zalloc((rdd->partition_count + 1) * sizeof *op->starts);
    if (!op->starts) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    if (rdd->partition_count > 1) {
        struct hr_job_options job = {.consume = count_batch,
                                     .reset = count_reset,
                                     .arg = op->starts,
                                     .description = "zipWithIndex"};
        if (hr_context_run(op->node.ctx, rdd, &job, err) != HR_OK) return NULL;
    }
    int64_t sum = 0;
    for (uint32_t i = 0; i < rdd->partition_count; i++) {
        int64_t n = op->starts[i];
        op->starts[i] = sum;
        sum += n;
    }
    return &op->node.base;
}
