/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transformations that look at one batch: each applies RDD operations to its parents' RDDs of the
 * same time. The result's schema is learnt by applying it once to empty RDDs when the graph is
 * built, so what is wrong is said there.
 */
#include "dstream/dstream.h"

struct op_ds;
typedef struct hr_rdd *(*apply_fn)(const struct op_ds *, struct hr_rdd *const *, int64_t time,
                                   struct hr_err *);

struct op_ds {
    struct hr_dstream ds;
    apply_fn apply;
    char *schema, *state_schema;
    hr_row_fn row_fn;
    hr_merge_fn merge;
    hr_predicate_fn predicate;
    hr_partition_fn partition_fn;
    hr_batch_fn batch_fn;
    hr_select_fn select;
    hr_transform_fn transform;
    hr_transform_with_fn transform_with;
    struct hr_combiner combiner;
    void *arg;
    uint32_t partitions;
    bool by_key, passes_keys;
};

static struct hr_rdd *op_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_rdd *in[HR_DS_PARENTS] = {NULL, NULL};
    for (uint32_t i = 0; i < ds->parent_count; i++) {
        if (hr_ds_rdd(ds->parents[i], time, &in[i], err) != HR_OK) return NULL;
        if (!in[i]) return NULL;
    }
    return ((const struct op_ds *)ds)->apply((const struct op_ds *)ds, in, time, err);
}

static void op_free(struct hr_dstream *ds)
{
    struct op_ds *op = (struct op_ds *)ds;
    hr_free(op->schema);
    hr_free(op->state_schema);
}
static const struct hr_ds_vt op_vt = {.name = "op", .compute = op_compute, .free = op_free};

/* Applies the operation to empty RDDs in a pool that goes away again. */
static hr_status learn_schema(struct op_ds *op, struct hr_err *err)
{
    struct hr_streaming *ssc = op->ds.ssc;
    struct hr_pool pool;
    struct hr_rdd *in[HR_DS_PARENTS] = {NULL, NULL}, *out = NULL;
    hr_pool_init(&pool, ssc->ctx);
    ssc->batch_pool = &pool;
    bool whole = true;
    for (uint32_t i = 0; i < op->ds.parent_count; i++)
        whole = (in[i] = hr_ds_empty(op->ds.parents[i], err)) != NULL && whole;
    if (whole) out = op->apply(op, in, 0, err);
    if (out) {
        op->ds.schema = out->schema;
        op->ds.key_columns = hr_node_of(out)->key_columns;
    }
    ssc->batch_pool = NULL;
    hr_pool_done(&pool);
    return out ? HR_OK : err->code ? err->code : HR_OOM(err);
}

/* A stream that failed to be built stays in the graph, without consumers and never computed. */
static struct hr_dstream *op_new(struct hr_dstream *a, struct hr_dstream *b, bool two,
                                 const struct op_ds *from, struct hr_err *err)
{
    struct hr_err own = {0};
    if (!err) err = &own;
    if (!a || (two && !b)) return NULL;
    struct op_ds *op = hr_ds_new(a->ssc, &op_vt, sizeof *op, NULL, a, b, err);
    if (!op) return NULL;
    struct hr_dstream base = op->ds;
    *op = *from;
    op->ds = base;
    op->schema = from->schema ? hr_strdup(from->schema) : NULL;
    op->state_schema = from->combiner.state_schema ? hr_strdup(from->combiner.state_schema) : NULL;
    op->combiner.state_schema = op->state_schema;
    op->ds.passes_keys = from->passes_keys;
    for (uint32_t i = 0; from->by_key && i < op->ds.parent_count; i++)
        hr_ds_use_keys(op->ds.parents[i]);
    if (op->ds.schema || learn_schema(op, err) == HR_OK) return &op->ds;
    for (uint32_t i = 0; i < op->ds.parent_count; i++) op->ds.parents[i]->consumers--;
    op->ds.parent_count = 0;
    return NULL;
}

#define APPLY(name, expr)                                                                      \
    static struct hr_rdd *name(const struct op_ds *op, struct hr_rdd *const *in, int64_t time, \
                               struct hr_err *err)                                             \
    {                                                                                          \
        HR_UNUSED(time), HR_UNUSED(op);                                                        \
        return expr;                                                                           \
    }

APPLY(apply_map, hr_rdd_map(in[0], op->schema, op->row_fn, op->arg, err))
APPLY(apply_flat_map, hr_rdd_flat_map(in[0], op->schema, op->row_fn, op->arg, err))
APPLY(apply_filter, hr_rdd_filter(in[0], op->predicate, op->arg, err))
APPLY(apply_partitions, hr_rdd_map_partitions(in[0], op->schema, op->partition_fn, op->arg, err))
APPLY(apply_map_batches, hr_rdd_map_batches(in[0], op->schema, op->batch_fn, op->arg, err))
APPLY(apply_filter_batches, hr_rdd_filter_batches(in[0], op->select, op->arg, err))
APPLY(apply_map_values, hr_rdd_map_values(in[0], op->schema, op->row_fn, op->arg, err))
APPLY(apply_flat_map_values, hr_rdd_flat_map_values(in[0], op->schema, op->row_fn, op->arg, err))
APPLY(apply_key_by, hr_rdd_key_by(in[0], op->schema, op->row_fn, op->arg, err))
APPLY(apply_with_keys, hr_rdd_with_keys(in[0], op->partitions, err))
APPLY(apply_glom, hr_rdd_glom(in[0], err))
APPLY(apply_repartition, hr_rdd_repartition(in[0], op->partitions, err))
APPLY(apply_union, hr_rdd_union(in[0], in[1], err))
APPLY(apply_reduce_by_key, hr_rdd_reduce_by_key(in[0], op->merge, op->arg, op->partitions, err))
APPLY(apply_combine, hr_rdd_combine_by_key(in[0], &op->combiner, op->partitions, err))
APPLY(apply_group, hr_rdd_group_by_key(in[0], op->partitions, err))
APPLY(apply_join, hr_rdd_join(in[0], in[1], op->partitions, err))
APPLY(apply_left, hr_rdd_left_outer_join(in[0], in[1], op->partitions, err))
APPLY(apply_right, hr_rdd_right_outer_join(in[0], in[1], op->partitions, err))
APPLY(apply_full, hr_rdd_full_outer_join(in[0], in[1], op->partitions, err))
APPLY(apply_cogroup, hr_rdd_cogroup(in, 2, op->partitions, err))
APPLY(apply_transform, op->transform(op->arg, in[0], time, err))
APPLY(apply_transform_with, op->transform_with(op->arg, in[0], in[1], time, err))

/* --- count, reduce, count_by_value ------------------------------------------------------------ */

static hr_status count_rows(void *arg, uint32_t partition, struct hr_rows *in,
                            struct hr_emitter *out, struct hr_err *err)
{
    struct hr_batch_view view;
    int64_t n = 0;
    HR_UNUSED(arg), HR_UNUSED(partition), HR_UNUSED(err);
    while (hr_rows_next_batch(in, &view)) n += view.live_count;
    hr_emit_long(out, n);
    hr_emit_end(out);
    return HR_OK;
}

static hr_status sum_rows(void *arg, uint32_t partition, struct hr_rows *in, struct hr_emitter *out,
                          struct hr_err *err)
{
    int64_t n = 0;
    HR_UNUSED(arg), HR_UNUSED(partition), HR_UNUSED(err);
    for (const struct hr_row *row; (row = hr_rows_next(in));) n += hr_row_long(row, 0);
    hr_emit_long(out, n);
    hr_emit_end(out);
    return HR_OK;
}

/* An empty partition in front, so that there is one to count in even when the RDD has none. */
static struct hr_rdd *apply_count(const struct op_ds *op, struct hr_rdd *const *in, int64_t time,
                                  struct hr_err *err)
{
    HR_UNUSED(op), HR_UNUSED(time);
    struct hr_rdd *none =
        hr_node_from_batches(hr_node_of(in[0])->pool, in[0]->schema, NULL, NULL, 0, 1, err);
    struct hr_rdd *all = hr_rdd_union(in[0], none, err);
    struct hr_rdd *counts = hr_rdd_map_partitions(all, "count LONG", count_rows, NULL, err);
    return hr_rdd_map_partitions(hr_rdd_coalesce(counts, 1, err), "count LONG", sum_rows, NULL,
                                 err);
}

static hr_status zero_key(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(row), HR_UNUSED(err);
    hr_emit_long(out, 0);
    hr_emit_end(out);
    return HR_OK;
}

static struct hr_rdd *apply_reduce(const struct op_ds *op, struct hr_rdd *const *in, int64_t time,
                                   struct hr_err *err)
{
    HR_UNUSED(time);
    struct hr_rdd *keyed = hr_rdd_key_by(in[0], "__all INT", zero_key, NULL, err);
    struct hr_rdd *one = hr_rdd_reduce_by_key(keyed, op->merge, op->arg, 1, err);
    struct hr_rdd *out = hr_rdd_values(one, err);
    if (out) hr_node_of(out)->key_columns = hr_node_of(in[0])->key_columns;
    return out;
}

static hr_status one_long(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(row), HR_UNUSED(err);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return HR_OK;
}

/* Every row as key of its own, with a 1. */
static struct hr_rdd *apply_ones(const struct op_ds *op, struct hr_rdd *const *in, int64_t time,
                                 struct hr_err *err)
{
    HR_UNUSED(op), HR_UNUSED(time);
    struct hr_rdd *keys = hr_rdd_with_keys(in[0], in[0]->schema->field_count, err);
    return hr_rdd_map_values(keys, "count LONG", one_long, NULL, err);
}

/* --- The public functions --------------------------------------------------------------------- */

#define ONE(...) op_new(in, NULL, false, &(const struct op_ds){__VA_ARGS__}, err)
#define TWO(...) op_new(a, b, true, &(const struct op_ds){__VA_ARGS__}, err)

struct hr_dstream *hr_dstream_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                  void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_map, .schema = (char *)(uintptr_t)schema, .row_fn = fn, .arg = arg);
}

struct hr_dstream *hr_dstream_flat_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                       void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_flat_map, .schema = (char *)(uintptr_t)schema, .row_fn = fn,
               .arg = arg);
}

struct hr_dstream *hr_dstream_filter(struct hr_dstream *in, hr_predicate_fn fn, void *arg,
                                     struct hr_err *err)
{
    return ONE(.apply = apply_filter, .predicate = fn, .arg = arg, .passes_keys = true);
}

struct hr_dstream *hr_dstream_map_partitions(struct hr_dstream *in, const char *schema,
                                             hr_partition_fn fn, void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_partitions, .schema = (char *)(uintptr_t)schema, .partition_fn = fn,
               .arg = arg);
}

struct hr_dstream *hr_dstream_map_batches(struct hr_dstream *in, const char *schema, hr_batch_fn fn,
                                          void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_map_batches, .schema = (char *)(uintptr_t)schema, .batch_fn = fn,
               .arg = arg);
}

struct hr_dstream *hr_dstream_filter_batches(struct hr_dstream *in, hr_select_fn fn, void *arg,
                                             struct hr_err *err)
{
    return ONE(.apply = apply_filter_batches, .select = fn, .arg = arg, .passes_keys = true);
}

struct hr_dstream *hr_dstream_map_values(struct hr_dstream *in, const char *value_schema,
                                         hr_row_fn fn, void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_map_values, .schema = (char *)(uintptr_t)value_schema, .row_fn = fn,
               .arg = arg, .by_key = true);
}

struct hr_dstream *hr_dstream_flat_map_values(struct hr_dstream *in, const char *value_schema,
                                              hr_row_fn fn, void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_flat_map_values, .schema = (char *)(uintptr_t)value_schema,
               .row_fn = fn, .arg = arg, .by_key = true);
}

struct hr_dstream *hr_dstream_key_by(struct hr_dstream *in, const char *key_schema, hr_row_fn fn,
                                     void *arg, struct hr_err *err)
{
    return ONE(.apply = apply_key_by, .schema = (char *)(uintptr_t)key_schema, .row_fn = fn,
               .arg = arg);
}

struct hr_dstream *hr_dstream_with_keys(struct hr_dstream *in, uint32_t n, struct hr_err *err)
{
    return ONE(.apply = apply_with_keys, .partitions = n);
}

struct hr_dstream *hr_dstream_glom(struct hr_dstream *in, struct hr_err *err)
{
    return ONE(.apply = apply_glom);
}

struct hr_dstream *hr_dstream_repartition(struct hr_dstream *in, uint32_t partitions,
                                          struct hr_err *err)
{
    return ONE(.apply = apply_repartition, .partitions = partitions, .passes_keys = true);
}

struct hr_dstream *hr_dstream_union(struct hr_dstream *a, struct hr_dstream *b, struct hr_err *err)
{
    return TWO(.apply = apply_union, .passes_keys = true);
}

struct hr_dstream *hr_dstream_count(struct hr_dstream *in, struct hr_err *err)
{
    return ONE(.apply = apply_count);
}

struct hr_dstream *hr_dstream_reduce(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                     struct hr_err *err)
{
    return ONE(.apply = apply_reduce, .merge = fn, .arg = arg);
}

struct hr_dstream *hr_dstream_count_by_value(struct hr_dstream *in, uint32_t partitions,
                                             struct hr_err *err)
{
    struct hr_dstream *ones = ONE(.apply = apply_ones);
    return hr_dstream_reduce_by_key(ones, hr_sum, NULL, partitions, err);
}

struct hr_dstream *hr_dstream_reduce_by_key(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                            uint32_t partitions, struct hr_err *err)
{
    return ONE(.apply = apply_reduce_by_key, .merge = fn, .arg = arg, .partitions = partitions,
               .by_key = true);
}

struct hr_dstream *hr_dstream_combine_by_key(struct hr_dstream *in,
                                             const struct hr_combiner *combiner,
                                             uint32_t partitions, struct hr_err *err)
{
    if (!combiner) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "combine_by_key without a combiner"));
        return NULL;
    }
    return ONE(.apply = apply_combine, .combiner = *combiner, .partitions = partitions,
               .by_key = true);
}

struct hr_dstream *hr_dstream_group_by_key(struct hr_dstream *in, uint32_t partitions,
                                           struct hr_err *err)
{
    return ONE(.apply = apply_group, .partitions = partitions, .by_key = true);
}

struct hr_dstream *hr_dstream_join(struct hr_dstream *a, struct hr_dstream *b, uint32_t partitions,
                                   struct hr_err *err)
{
    return TWO(.apply = apply_join, .partitions = partitions, .by_key = true);
}

struct hr_dstream *hr_dstream_left_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                              uint32_t partitions, struct hr_err *err)
{
    return TWO(.apply = apply_left, .partitions = partitions, .by_key = true);
}

struct hr_dstream *hr_dstream_right_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                               uint32_t partitions, struct hr_err *err)
{
    return TWO(.apply = apply_right, .partitions = partitions, .by_key = true);
}

struct hr_dstream *hr_dstream_full_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                              uint32_t partitions, struct hr_err *err)
{
    return TWO(.apply = apply_full, .partitions = partitions, .by_key = true);
}

struct hr_dstream *hr_dstream_cogroup(struct hr_dstream *a, struct hr_dstream *b,
                                      uint32_t partitions, struct hr_err *err)
{
    return TWO(.apply = apply_cogroup, .partitions = partitions, .by_key = true);
}

/* The schema is given: the user's function is not called while the graph is built. */
static hr_status given_schema(const struct hr_dstream *in, const char *ddl, struct op_ds *op,
                              struct hr_err *err)
{
    if (!in) return err && err->code ? err->code : HR_E_INVALID_ARGUMENT;
    if (ddl) return hr_schema_from_ddl(ddl, &op->ds.schema, err);
    op->ds.schema = in->schema;
    return HR_OK;
}

static struct hr_dstream *with_given(struct hr_dstream *a, struct hr_dstream *b, bool two,
                                     const char *ddl, struct op_ds *op, struct hr_err *err)
{
    if (given_schema(a, ddl, op, err) != HR_OK) return NULL;
    const struct hr_type *schema = op->ds.schema;
    struct hr_dstream *ds = NULL;
    if (two && !b) return NULL;
    struct op_ds *made = hr_ds_new(a->ssc, &op_vt, sizeof *made, schema, a, b, err);
    if (!made) return NULL;
    made->apply = op->apply;
    made->transform = op->transform;
    made->transform_with = op->transform_with;
    made->arg = op->arg;
    ds = &made->ds;
    if (!ddl) ds->key_columns = a->key_columns;
    return ds;
}

struct hr_dstream *hr_dstream_transform(struct hr_dstream *in, const char *schema,
                                        hr_transform_fn fn, void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    struct op_ds op = {.apply = apply_transform, .transform = fn, .arg = arg};
    return with_given(in, NULL, false, schema, &op, err);
}

struct hr_dstream *hr_dstream_transform_with(struct hr_dstream *a, struct hr_dstream *b,
                                             const char *schema, hr_transform_with_fn fn, void *arg,
                                             struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    struct op_ds op = {.apply = apply_transform_with, .transform_with = fn, .arg = arg};
    return with_given(a, b, true, schema, &op, err);
}

/* --- Windows that are made of others ---------------------------------------------------------- */

/* Counts are summed batch by batch first, so that a window adds up one number of each. */
struct hr_dstream *hr_dstream_count_by_window(struct hr_dstream *in, int64_t length_us,
                                              int64_t slide_us, struct hr_err *err)
{
    return hr_dstream_reduce_by_window(hr_dstream_count(in, err), hr_sum, NULL, length_us, slide_us,
                                       err);
}

struct hr_dstream *hr_dstream_reduce_by_window(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                               int64_t length_us, int64_t slide_us,
                                               struct hr_err *err)
{
    struct hr_dstream *reduced = hr_dstream_reduce(in, fn, arg, err);
    return hr_dstream_reduce(hr_dstream_window(reduced, length_us, slide_us, err), fn, arg, err);
}

struct hr_dstream *hr_dstream_group_by_key_and_window(struct hr_dstream *in, int64_t length_us,
                                                      int64_t slide_us, uint32_t partitions,
                                                      struct hr_err *err)
{
    return hr_dstream_group_by_key(hr_dstream_window(in, length_us, slide_us, err), partitions,
                                   err);
}

static bool not_zero(void *arg, const struct hr_row *row)
{
    HR_UNUSED(arg);
    return hr_row_long(row, hr_row_columns(row) - 1) != 0;
}

struct hr_dstream *hr_dstream_count_by_value_and_window(struct hr_dstream *in, int64_t length_us,
                                                        int64_t slide_us, uint32_t partitions,
                                                        struct hr_err *err)
{
    struct hr_dstream *ones = ONE(.apply = apply_ones);
    return hr_dstream_reduce_by_key_and_window(ones, hr_sum, hr_subtract, not_zero, NULL, length_us,
                                               slide_us, partitions, err);
}
