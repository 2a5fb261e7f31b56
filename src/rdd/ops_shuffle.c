/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shuffles: partitioners (hash, range, round robin), the node behind a shuffle, and sorting.
 *
 * The hash is the keyed table's (state/table.h), so that tables, state and shuffles agree about who
 * owns a key. A partitioner is shared by the map tasks: assign keeps nothing between calls.
 */
#include "rdd/api.h"
#include "state/table.h"

/* --- Partitioners ----------------------------------------------------------------------------- */

struct hash_partitioner {
    struct hr_partitioner base;
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    uint32_t key_columns;
};

static hr_status hash_assign(struct hr_partitioner *base, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    const struct hash_partitioner *p = (const struct hash_partitioner *)base;
    struct hr_keys keys = {0};
    struct hr_vector vectors[HR_ORDER_MAX];
    for (uint32_t i = 0; i < p->key_columns; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    hr_status status =
        hr_keys_encode(p->codec, vectors, batch->sel, batch->sel_count, 0, &keys, err);
    for (uint32_t i = 0; status == HR_OK && i < batch->sel_count; i++)
        ret_partition[i] = hr_key_partition(keys.hashes[i], base->partition_count);
    hr_keys_done(&keys);
    return status;
}

static void hash_free(struct hr_partitioner *base)
{
    struct hash_partitioner *p = (struct hash_partitioner *)base;
    hr_arena_done(&p->arena);
    hr_free(p);
}

struct hr_partitioner *hr_partitioner_hash(const struct hr_type *schema, uint32_t key_columns,
                                           uint32_t partitions, struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    if (key_columns > HR_ORDER_MAX) {
        HR_UNUSED(
            HR_FAIL(err, HR_E_LIMIT, "a key of %u columns; at most %d", key_columns, HR_ORDER_MAX));
        return NULL;
    }
    struct hash_partitioner *p = hr_zalloc(sizeof *p);
    if (!p) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    p->base = (struct hr_partitioner){partitions, hash_assign, hash_free, "hash"};
    p->key_columns = key_columns;
    for (uint32_t i = 0; i < key_columns; i++) types[i] = schema->fields[i].type;
    if (hr_key_codec_new(&p->arena, types, key_columns, &p->codec, err) != HR_OK) {
        hash_free(&p->base);
        return NULL;
    }
    return &p->base;
}

static hr_status simple_assign(struct hr_partitioner *p, const struct hr_batch *batch,
                               uint32_t *ret_partition, struct hr_err *err)
{
    HR_UNUSED(err);
    /* Starts at the number of rows, so that many small batches do not all begin at partition 0, and
     * a task that runs again deals the same way. */
    uint32_t at = batch->sel_count % p->partition_count;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        ret_partition[i] = at;
        if (++at == p->partition_count) at = 0;
    }
    return HR_OK;
}

static void simple_free(struct hr_partitioner *p)
{
    hr_free(p);
}

struct hr_partitioner *hr_partitioner_round_robin(uint32_t partitions, struct hr_err *err)
{
    struct hr_partitioner *p = hr_alloc(sizeof *p);
    if (!p)
        HR_UNUSED(HR_OOM(err));
    else
        *p = (struct hr_partitioner){partitions, simple_assign, simple_free, "round-robin"};
    return p;
}

struct hr_partitioner *hr_partitioner_single(struct hr_err *err)
{
    return hr_partitioner_round_robin(1, err);
}

/* Ranges: bounds is a batch of partition_count - 1 rows of the order's columns, ascending. */
struct range_partitioner {
    struct hr_partitioner base;
    struct hr_batch *bounds;
    struct hr_order order[HR_ORDER_MAX];
    uint32_t order_count;
};

static int compare(const struct hr_order *order, uint32_t count, const struct hr_column *a,
                   uint32_t a_row, const struct hr_column *b, uint32_t b_row)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t c = order[i].column;
        int cmp = hr_column_compare(&a[c], a_row, &b[c], b_row);
        if (cmp) return order[i].descending ? -cmp : cmp;
    }
    return 0;
}

static hr_status range_assign(struct hr_partitioner *base, const struct hr_batch *batch,
                              uint32_t *ret_partition, struct hr_err *err)
{
    const struct range_partitioner *p = (const struct range_partitioner *)base;
    HR_UNUSED(err);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        uint32_t low = 0, high = p->bounds->row_count;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            if (compare(p->order, p->order_count, batch->columns, row, p->bounds->columns, mid) <=
                0)
                high = mid;
            else
                low = mid + 1;
        }
        ret_partition[i] = low;
    }
    return HR_OK;
}

static void range_free(struct hr_partitioner *base)
{
    struct range_partitioner *p = (struct range_partitioner *)base;
    hr_batch_unref(p->bounds);
    hr_free(p);
}

/* --- The node behind a shuffle ---------------------------------------------------------------- */

static hr_status shuffled_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                  struct hr_batch_iter **ret, struct hr_err *err)
{
    return hr_rdd_parent_iter(rdd, 0, partition, ctx, ret, err);
}
static const struct hr_rdd_vt shuffled_vt = {"ShuffledRDD", shuffled_compute, NULL, hr_node_free};

/* Takes the partitioner over. */
struct hr_rdd *hr_shuffled(struct hr_rdd *rdd, struct hr_partitioner *partitioner, const char *name,
                           struct hr_err *err)
{
    HR_UNUSED(name);
    if (!partitioner) return NULL;
    const struct hr_node *from = hr_node_of(rdd);
    bool hashed = partitioner->assign == hash_assign;
    struct hr_dependency dep = {.kind = HR_DEP_SHUFFLE, .parent = rdd, .partitioner = partitioner};
    struct hr_node *node = hr_node_new(
        &(struct hr_node_spec){.vt = &shuffled_vt,
                               .size = sizeof *node,
                               .pool = from->pool,
                               .schema = rdd->schema,
                               .partitions = partitioner->partition_count,
                               .deps = &dep,
                               .dep_count = 1,
                               .key_columns = from->key_columns,
                               .hash_partitions = hashed ? partitioner->partition_count : 0},
        err);
    return node ? &node->base : NULL;
}

struct hr_rdd *hr_rdd_partition_by(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    const struct hr_node *node = hr_node_of(rdd);
    partitions = hr_default_partitions(&rdd, 1, partitions);
    if (node->hash_partitions == partitions) return rdd;
    return hr_shuffled(rdd, hr_partitioner_hash(rdd->schema, node->key_columns, partitions, err),
                       NULL, err);
}

struct hr_rdd *hr_rdd_repartition(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    if (!partitions) partitions = hr_node_of(rdd)->ctx->parallelism;
    return hr_shuffled(rdd, hr_partitioner_round_robin(partitions, err), NULL, err);
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
    int cmp = compare(s->order, s->order_count, s->batch->columns, x, s->batch->columns, y);
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
                             uint32_t partitions, uint32_t hash_partitions,
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
                                           .hash_partitions = hash_partitions},
                    err);
    if (!s) return NULL;
    memcpy(s->order, order, count * sizeof *order);
    s->order_count = count;
    return &s->node.base;
}

/* Bounds that cut the sampled rows evenly. */
static hr_status cut_bounds(struct hr_rows *sample, struct range_partitioner *p, struct hr_err *err)
{
    struct hr_batch *all =
        hr_batch_concat(sample->batches, sample->batch_count, sample->schema, true);
    if (!all) return HR_OOM(err);
    struct hr_batch *ordered = NULL;
    hr_status status = hr_sort_batch(all, p->order, p->order_count, &ordered, err);
    hr_batch_unref(all);
    HR_TRY(status);
    uint32_t n = ordered->row_count, count = 0, wanted = p->base.partition_count;
    uint32_t *sel = hr_alloc(wanted * sizeof *sel);
    if (!sel) status = HR_OOM(err);
    for (uint32_t i = 1; sel && i < wanted && n; i++) {
        uint32_t row = (uint32_t)((uint64_t)n * i / wanted);
        if (row >= n) row = n - 1;
        if (count && compare(p->order, p->order_count, ordered->columns, sel[count - 1],
                             ordered->columns, row) >= 0)
            continue;
        sel[count++] = row;
    }
    if (status == HR_OK) {
        struct hr_batch *some = hr_batch_with_sel(ordered, sel, count);
        p->bounds = some ? hr_batch_compact(some, true) : NULL;
        hr_batch_unref(some);
        if (!p->bounds) status = HR_OOM(err);
    }
    hr_free(sel);
    hr_batch_unref(ordered);
    return status;
}

#define SAMPLES_PER_PARTITION 64

static struct hr_partitioner *range_partitioner_new(struct hr_rdd *rdd,
                                                    const struct hr_order *order, uint32_t count,
                                                    uint32_t partitions, struct hr_err *err)
{
    struct range_partitioner *p = hr_zalloc(sizeof *p);
    if (!p) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    p->base = (struct hr_partitioner){partitions, range_assign, range_free, "range"};
    memcpy(p->order, order, count * sizeof *order);
    p->order_count = count;
    uint64_t rows;
    hr_status status = hr_rdd_count(rdd, &rows, err);
    struct hr_rdd *sampled = rdd;
    double fraction = (double)SAMPLES_PER_PARTITION * partitions * 4 / HR_MAX(rows, (uint64_t)1);
    if (status == HR_OK && fraction < 1) sampled = hr_rdd_sample(rdd, false, fraction, 42, err);
    struct hr_rows *sample = status == HR_OK ? hr_rdd_collect(sampled, err) : NULL;
    if (sample) status = cut_bounds(sample, p, err);
    if (!sample || status != HR_OK) {
        range_free(&p->base);
        p = NULL;
    }
    hr_rows_free(sample);
    return p ? &p->base : NULL;
}

static struct hr_rdd *sort_by(struct hr_rdd *rdd, const struct hr_order *order, uint32_t count,
                              uint32_t partitions, struct hr_err *err)
{
    partitions = partitions ? partitions : HR_MAX(1u, rdd->partition_count);
    struct hr_partitioner *p = partitions == 1
                                   ? hr_partitioner_single(err)
                                   : range_partitioner_new(rdd, order, count, partitions, err);
    if (!p) return NULL;
    struct hr_dependency dep = {.kind = HR_DEP_SHUFFLE, .parent = rdd, .partitioner = p};
    return sorted(rdd, &dep, partitions, 0, order, count, err);
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
    return sort_by(rdd, order, key_order(rdd, ascending, order), partitions, err);
}

struct hr_rdd *hr_rdd_sort_by(struct hr_rdd *rdd, const char *columns, uint32_t partitions,
                              struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    uint32_t count;
    if (!rdd || hr_order_parse(rdd->schema, columns, order, HR_ORDER_MAX, &count, err) != HR_OK)
        return NULL;
    return sort_by(rdd, order, count, partitions, err);
}

struct hr_rdd *hr_rdd_repartition_and_sort(struct hr_rdd *rdd, uint32_t partitions,
                                           struct hr_err *err)
{
    struct hr_order order[HR_ORDER_MAX];
    if (!rdd) return NULL;
    const struct hr_node *node = hr_node_of(rdd);
    partitions = hr_default_partitions(&rdd, 1, partitions);
    uint32_t count = key_order(rdd, true, order);
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    if (node->hash_partitions != partitions) {
        dep.kind = HR_DEP_SHUFFLE;
        dep.partitioner = hr_partitioner_hash(rdd->schema, node->key_columns, partitions, err);
        if (!dep.partitioner) return NULL;
    }
    return sorted(rdd, &dep, partitions, partitions, order, count, err);
}
