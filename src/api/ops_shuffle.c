/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shuffles: the node behind one, partitioning by key, and sorting. What puts a row where is in
 * partitioner.c.
 */
#include "api/api.h"

/* --- The node behind a shuffle ---------------------------------------------------------------- */

static hr_status shuffled_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                  struct hr_batch_iter **ret, struct hr_err *err)
{
    return hr_rdd_parent_iter(rdd, 0, partition, ctx, ret, err);
}
static const struct hr_rdd_vt shuffled_vt = {"ShuffledRDD", shuffled_compute, NULL, hr_node_free};

struct hr_rdd *hr_shuffled(struct hr_rdd *rdd, struct hr_partitioner *partitioner,
                           struct hr_placement placed, struct hr_err *err)
{
    if (!partitioner) return NULL;
    const struct hr_node *from = hr_node_of(rdd);
    struct hr_dependency dep = {.kind = HR_DEP_SHUFFLE, .parent = rdd, .partitioner = partitioner};
    struct hr_node *node =
        hr_node_new(&(struct hr_node_spec){.vt = &shuffled_vt,
                                           .size = sizeof *node,
                                           .pool = from->pool,
                                           .schema = rdd->schema,
                                           .partitions = partitioner->partition_count,
                                           .deps = &dep,
                                           .dep_count = 1,
                                           .key_columns = from->key_columns,
                                           .placed = placed},
                    err);
    return node ? &node->base : NULL;
}

/* Itself when its rows are in place already. */
static struct hr_rdd *place_by(struct hr_rdd *rdd, struct hr_placement to, struct hr_err *err)
{
    uint32_t keys = hr_node_of(rdd)->key_columns;
    if (hr_node_is_placed(hr_node_of(rdd), keys, &to)) return rdd;
    return hr_shuffled(rdd, hr_partitioner_of(rdd->schema, keys, &to, err), to, err);
}

struct hr_rdd *hr_rdd_partition_by(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    return place_by(rdd, (struct hr_placement){hr_default_partitions(&rdd, 1, partitions), NULL},
                    err);
}

struct hr_rdd *hr_rdd_partition_by_fn(struct hr_rdd *rdd, uint32_t partitions,
                                      hr_partition_by_fn fn, void *arg, const char *name,
                                      struct hr_err *err)
{
    if (!rdd) return NULL;
    if (!fn || !name || !*name) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a partitioner without a %s",
                          fn ? "name" : "function"));
        return NULL;
    }
    struct hr_placer *placer = hr_placer_fn(name, fn, arg, err);
    if (!placer) return NULL;
    partitions = hr_default_partitions(&rdd, 1, partitions);
    struct hr_rdd *out = place_by(rdd, (struct hr_placement){partitions, placer}, err);
    hr_placer_unref(placer);
    return out;
}

struct hr_rdd *hr_rdd_partition_like(struct hr_rdd *rdd, const struct hr_rdd *other,
                                     struct hr_err *err)
{
    if (!rdd || !other) return NULL;
    const struct hr_node *a = hr_node_of(rdd), *b = hr_node_of(other);
    bool same = a->key_columns == b->key_columns;
    for (uint32_t i = 0; same && i < a->key_columns; i++)
        same = hr_type_same(rdd->schema->fields[i].type, other->schema->fields[i].type);
    if (same && b->placed.partitions) return place_by(rdd, b->placed, err);
    HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                      same ? "the other RDD is not partitioned by its key"
                           : "the keys of the RDDs differ in type"));
    return NULL;
}

const char *hr_rdd_partitioner(const struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    const struct hr_placement *placed = &hr_node_of(rdd)->placed;
    if (!placed->partitions) return NULL;
    return placed->by ? hr_placer_name(placed->by) : "hash";
}

struct hr_rdd *hr_rdd_repartition(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    if (!partitions) partitions = hr_node_of(rdd)->ctx->parallelism;
    return hr_shuffled(rdd, hr_partitioner_round_robin(partitions, err), (struct hr_placement){0},
                       err);
}

/* --- Sorting ---------------------------------------------------------------------------------- */

struct sort_ctx {
    const struct hr_batch *batch;
    const struct hr_order *order;
    uint32_t order_count;
};

/* Row number last: a stable order whatever qsort does. */
static int sort_compare(const void *a, const void *b, void *arg)
{
    const struct sort_ctx *s = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int cmp =
        hr_order_compare(s->order, s->order_count, s->batch->columns, x, s->batch->columns, y);
    return cmp ? cmp : x < y ? -1 : x > y;
}

hr_status hr_sort_batch(struct hr_batch *batch, const struct hr_order *order, uint32_t order_count,
                        struct hr_batch **ret, struct hr_err *err)
{
    uint32_t n = batch->sel_count;
    uint32_t *rows = hr_alloc((n + 1) * sizeof *rows);
    struct hr_batch *out = hr_batch_new(batch->schema, n, NULL);
    hr_status status = rows && out && hr_batch_hold_batch(out, batch) ? HR_OK : HR_OOM(err);
    if (status == HR_OK) {
        struct sort_ctx ctx = {batch, order, order_count};
        for (uint32_t i = 0; i < n; i++) rows[i] = batch->sel ? batch->sel[i] : i;
        qsort_r(rows, n, sizeof *rows, sort_compare, &ctx);
    }
    for (uint32_t c = 0; status == HR_OK && c < batch->schema->field_count; c++)
        status = hr_column_take(&out->arena, &batch->columns[c], rows, n, &out->columns[c], err);
    hr_free(rows);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

struct sort_node {
    struct hr_node node;
    struct hr_order order[HR_ORDER_MAX];
    uint32_t order_count;
};

static hr_status sort_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct sort_node *s = (const struct sort_node *)rdd;
    struct hr_batch *all, *sorted;
    HR_TRY(hr_drain_one(rdd, 0, partition, ctx, &all, err));
    hr_status status = hr_sort_batch(all, s->order, s->order_count, &sorted, err);
    hr_batch_unref(all);
    return status == HR_OK ? hr_iter_of_batch(sorted, ret, err) : status;
}
static const struct hr_rdd_vt sort_vt = {"ShuffledRDD", sort_compute, NULL, hr_node_free};

/* Sorted within its partitions. dep: the shuffle's (or narrow) dependency on the parent. */
static struct hr_rdd *sorted(struct hr_rdd *rdd, const struct hr_dependency *dep,
                             uint32_t partitions, struct hr_placement placed,
                             const struct hr_order *order, uint32_t count, struct hr_err *err)
{
    struct sort_node *s =
        hr_node_new(&(struct hr_node_spec){.vt = &sort_vt,
                                           .size = sizeof *s,
                                           .pool = hr_node_of(rdd)->pool,
                                           .schema = rdd->schema,
                                           .partitions = partitions,
                                           .deps = dep,
                                           .dep_count = 1,
                                           .key_columns = hr_node_of(rdd)->key_columns,
                                           .placed = placed},
                    err);
    if (!s) return NULL;
    memcpy(s->order, order, count * sizeof *order);
    s->order_count = count;
    return &s->node.base;
}

/* Bounds that cut the sampled rows evenly into so many ranges. */
static hr_status cut_bounds(struct hr_rows *sample, const struct hr_order *order, uint32_t count,
                            uint32_t wanted, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *all =
        hr_batch_concat(sample->batches, sample->batch_count, sample->schema, true);
    if (!all) return HR_OOM(err);
    struct hr_batch *ordered = NULL;
    hr_status status = hr_sort_batch(all, order, count, &ordered, err);
    hr_batch_unref(all);
    HR_TRY(status);
    uint32_t n = ordered->row_count, bounds = 0;
    uint32_t *sel = hr_alloc(wanted * sizeof *sel);
    if (!sel) status = HR_OOM(err);
    for (uint32_t i = 1; sel && i < wanted && n; i++) {
        uint32_t row = (uint32_t)((uint64_t)n * i / wanted);
        if (row >= n) row = n - 1;
        if (bounds && hr_order_compare(order, count, ordered->columns, sel[bounds - 1],
                                       ordered->columns, row) >= 0)
            continue;
        sel[bounds++] = row;
    }
    if (status == HR_OK) {
        struct hr_batch *some = hr_batch_with_sel(ordered, sel, bounds);
        struct hr_batch *copy = some ? hr_batch_compact(some, true) : NULL;
        hr_batch_unref(some);
        if (copy)
            *ret = copy;
        else
            status = HR_OOM(err);
    }
    hr_free(sel);
    hr_batch_unref(ordered);
    return status;
}

#define SAMPLES_PER_PARTITION 64

/* Samples the RDD (two jobs). NULL: failed. */
static struct hr_placer *ranges_of(struct hr_rdd *rdd, const struct hr_order *order, uint32_t count,
                                   uint32_t partitions, struct hr_err *err)
{
    uint64_t rows;
    struct hr_rdd *sampled = rdd;
    struct hr_batch *bounds = NULL;
    if (hr_rdd_count(rdd, &rows, err) != HR_OK) return NULL;
    double fraction = (double)SAMPLES_PER_PARTITION * partitions * 4 / HR_MAX(rows, (uint64_t)1);
    if (fraction < 1) sampled = hr_rdd_sample(rdd, false, fraction, 42, err);
    struct hr_rows *sample = hr_rdd_collect(sampled, err);
    if (!sample) return NULL;
    hr_status status = cut_bounds(sample, order, count, partitions, &bounds, err);
    hr_rows_free(sample);
    return status == HR_OK ? hr_placer_ranges(bounds, order, count, err) : NULL;
}

/* by_key: the order is of the key columns alone, so that the rows of a key end up together. */
static struct hr_rdd *sort_by(struct hr_rdd *rdd, const struct hr_order *order, uint32_t count,
                              bool by_key, uint32_t partitions, struct hr_err *err)
{
    struct hr_placement to = {partitions ? partitions : HR_MAX(1u, rdd->partition_count), NULL};
    struct hr_dependency dep = {.kind = HR_DEP_SHUFFLE, .parent = rdd};
    if (to.partitions > 1) {
        to.by = ranges_of(rdd, order, count, to.partitions, err);
        if (!to.by) return NULL;
    }
    dep.partitioner =
        to.by ? hr_partitioner_of(rdd->schema, count, &to, err) : hr_partitioner_single(err);
    struct hr_rdd *out = NULL;
    if (dep.partitioner)
        out = sorted(rdd, &dep, to.partitions, by_key ? to : (struct hr_placement){0}, order, count,
                     err);
    hr_placer_unref(to.by);
    return out;
}

static uint32_t key_order(const struct hr_rdd *rdd, bool ascending, struct hr_order *ret)
{
    uint32_t n = HR_MIN(hr_node_of(rdd)->key_columns, (uint32_t)HR_ORDER_MAX);
    for (uint32_t i = 0; i < n; i++) ret[i] = (struct hr_order){i, !ascending};
    return n;
}

struct hr_rdd *hr_rdd_sort_by_key(struct hr_rdd *rdd, bool ascending, uint32_t partitions,
                                  struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    if (!rdd) return NULL;
    return sort_by(rdd, order, key_order(rdd, ascending, order), true, partitions, err);
}

struct hr_rdd *hr_rdd_sort_by(struct hr_rdd *rdd, const char *columns, uint32_t partitions,
                              struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    uint32_t count;
    if (!rdd || hr_order_parse(rdd->schema, columns, order, HR_ORDER_MAX, &count, err) != HR_OK)
        return NULL;
    return sort_by(rdd, order, count, false, partitions, err);
}

struct hr_rdd *hr_rdd_partition_by_range(struct hr_rdd *rdd, bool ascending, uint32_t partitions,
                                         struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    if (!rdd) return NULL;
    struct hr_placement to = {hr_default_partitions(&rdd, 1, partitions), NULL};
    if (to.partitions > 1) {
        to.by = ranges_of(rdd, order, key_order(rdd, ascending, order), to.partitions, err);
        if (!to.by) return NULL;
    }
    struct hr_rdd *out = place_by(rdd, to, err);
    hr_placer_unref(to.by);
    return out;
}

struct hr_rdd *hr_rdd_repartition_and_sort(struct hr_rdd *rdd, uint32_t partitions,
                                           struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    if (!rdd) return NULL;
    uint32_t keys = hr_node_of(rdd)->key_columns, count = key_order(rdd, true, order);
    const struct hr_placement to = hr_default_placement(&rdd, 1, keys, partitions);
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    if (!hr_node_is_placed(hr_node_of(rdd), keys, &to)) {
        dep.kind = HR_DEP_SHUFFLE;
        dep.partitioner = hr_partitioner_of(rdd->schema, keys, &to, err);
        if (!dep.partitioner) return NULL;
    }
    return sorted(rdd, &dep, to.partitions, to, order, count, err);
}
