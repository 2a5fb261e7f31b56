/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reduce, fold, aggregate and their tree forms, with every call of a user's function in a task.
 *
 *   rows ── fold each partition ── [fold groups of partitions] … ── fold all into one row
 *
 * Each level is a node that folds a partition's rows into one row of the state; between levels is a
 * shuffle whose first column says where the row goes. So a merge that crashes costs a worker
 * process and not the program, also the last one, which Spark runs in its driver. Groups are of
 * neighbours and a shuffle is read in order of its maps: the function need not be commutative.
 *
 * Memory: one state a partition. The nodes live in a pool of the action's own and go with it.
 */
#include <math.h>

#include "api/api.h"

struct fold_node {
    struct hr_node node;
    const struct hr_type *state;
    hr_fill_fn zero; /* the first state; NULL: the first row */
    hr_merge_fn merge;
    void *arg;
    uint32_t skip;  /* columns of the parent before the row's own */
    uint32_t slots; /* > 0: the first column is this partition's place among so many */
};

/* --- Folding a partition ---------------------------------------------------------------------- */

static hr_status fold_batch(const struct fold_node *op, const struct hr_batch *batch,
                            struct hr_cells *cells, bool *has, struct hr_err *err)
{
    struct hr_row row, own;
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, op->skip, row.count_ - op->skip, &own);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        own.index_ = batch->sel ? batch->sel[i] : i;
        if (*has)
            HR_TRY(hr_merge_cells(op->merge, op->arg, op->state, cells, &own, err));
        else
            HR_TRY(hr_cells_from_row(op->state, &own, 0, cells, err));
        *has = true;
    }
    return HR_OK;
}

static hr_status fold_all(const struct fold_node *op, struct hr_batch_iter *in,
                          const volatile bool *cancelled, struct hr_cells *cells, bool *has,
                          struct hr_err *err)
{
    if (op->zero) {
        HR_TRY(hr_fill_cells(op->zero, op->arg, op->state, cells, err));
        *has = true;
    }
    for (;;) {
        struct hr_batch *batch;
        HR_TRY(in->next(in, &batch, err));
        if (!batch) return HR_OK;
        hr_status status = fold_batch(op, batch, cells, has, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        if (cancelled && __atomic_load_n(cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
    }
}

static hr_status emit_state(const struct fold_node *op, uint32_t partition,
                            const struct hr_cells *cells, struct hr_batch_iter **ret,
                            struct hr_err *err)
{
    struct hr_batch_list list = {0};
    struct hr_emitter out;
    struct hr_row row;
    hr_emitter_init(&out, op->node.base.schema, NULL);
    hr_row_of_cells(op->state, cells, &row);
    /* Neighbours together, so that the order of partitions is kept. */
    if (op->slots)
        hr_emit_long(&out,
                     (int64_t)((uint64_t)partition * op->slots / op->node.base.partition_count));
    hr_emit_row(&out, &row);
    hr_status status = hr_emitter_check(&out, HR_OK, err);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    if (status == HR_OK) status = hr_batch_list_push(&list, hr_emitter_pop(&out), err);
    hr_emitter_done(&out);
    return status == HR_OK ? hr_iter_of_list(&list, ret, err) : status;
}

static hr_status fold_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct fold_node *op = (const struct fold_node *)rdd;
    union {
        struct hr_cells cells;
        char room[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    } state;
    struct hr_acc_delta *deltas = NULL, **outer = hr_task_local.deltas;
    struct hr_batch_list none = {0};
    struct hr_batch_iter *in;
    bool has = false;
    HR_TRY(hr_rdd_parent_iter(rdd, 0, partition, ctx, &in, err));
    hr_task_local.deltas = &deltas;
    hr_status status = fold_all(op, in, ctx->cancelled, &state.cells, &has, err);
    hr_task_local.deltas = outer;
    in->close(in);
    if (status == HR_OK) status = hr_acc_merge(&deltas, err);
    hr_acc_drop(&deltas);
    if (status == HR_OK)
        status = has ? emit_state(op, partition, &state.cells, ret, err)
                     : hr_iter_of_list(&none, ret, err);
    if (has) hr_cells_done(op->state, &state.cells);
    return status;
}
static const struct hr_rdd_vt fold_vt = {"MapPartitionsRDD", fold_compute, NULL, hr_node_free};

/* --- The levels ------------------------------------------------------------------------------- */

static hr_status slot_assign(struct hr_partitioner *p, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    const int64_t *slots = batch->columns[0].values;
    HR_UNUSED(p), HR_UNUSED(err);
    for (uint32_t i = 0; i < batch->sel_count; i++)
        ret_partition[i] = (uint32_t)slots[batch->sel ? batch->sel[i] : i];
    return HR_OK;
}

static void slot_free(struct hr_partitioner *p)
{
    hr_free(p);
}

static const struct hr_type *with_slot(const struct hr_type *state, struct hr_err *err)
{
    struct hr_field field = {"slot", hr_type(HR_T_LONG), false};
    const struct hr_type *slot = hr_type_struct(&field, 1);
    const struct hr_type *schema = slot ? hr_schema_concat(slot, state, false, false) : NULL;
    if (!schema) HR_UNUSED(HR_OOM(err));
    return schema;
}

struct aggregation {
    const struct hr_type *state;
    hr_fill_fn zero;
    hr_merge_fn seq, comb;
    void *arg;
    const char *name;
    uint32_t depth; /* levels of merging */
};

/* Folds rdd's partitions, for a next level of so many slots (0: there is none). over > 0: rdd's
 * rows are states with their place, to be folded behind a shuffle into so many partitions. */
static struct hr_rdd *level(struct hr_rdd *rdd, struct hr_pool *pool, const struct aggregation *a,
                            uint32_t over, uint32_t slots, struct hr_err *err)
{
    const struct hr_type *schema = slots ? with_slot(a->state, err) : a->state;
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    if (!schema) return NULL;
    if (over) {
        dep.kind = HR_DEP_SHUFFLE;
        dep.partitioner = hr_alloc(sizeof *dep.partitioner);
        if (!dep.partitioner) {
            HR_UNUSED(HR_OOM(err));
            return NULL;
        }
        *dep.partitioner = (struct hr_partitioner){over, slot_assign, slot_free, "slot"};
    }
    struct fold_node *op =
        hr_node_new(&(struct hr_node_spec){.vt = &fold_vt,
                                           .size = sizeof *op,
                                           .pool = pool,
                                           .schema = schema,
                                           .partitions = over ? over : rdd->partition_count,
                                           .deps = &dep,
                                           .dep_count = 1},
                    err);
    if (!op) return NULL;
    op->state = a->state;
    op->merge = over ? a->comb : a->seq;
    /* As in Spark the zero starts every partition, and the merge of all. */
    if (!over || !slots) op->zero = a->zero;
    op->arg = a->arg;
    op->skip = over ? 1 : 0;
    op->slots = slots;
    op->node.base.rows_estimate = rdd->rows_estimate;
    return &op->node.base;
}

/* Spark's way of thinning out: each level divides by the same factor, while that saves work. */
static uint32_t next_width(uint32_t width, uint32_t scale)
{
    return width > scale + (width + scale - 1) / scale ? width / scale : 1;
}

static struct hr_rdd *levels(struct hr_rdd *rdd, struct hr_pool *pool, const struct aggregation *a,
                             struct hr_err *err)
{
    uint32_t width = rdd->partition_count, over = 0, slots;
    uint32_t scale = (uint32_t)HR_MAX(ceil(pow(width, 1.0 / a->depth)), 2.0);
    do {
        slots = a->depth > 1 ? next_width(width, scale) : 1;
        rdd = level(rdd, pool, a, over, slots, err);
        over = width = slots;
    } while (rdd && slots > 1);
    return rdd ? level(rdd, pool, a, 1, 0, err) : NULL;
}

static struct hr_rows *run(struct hr_rdd *rdd, const struct aggregation *a, struct hr_err *err)
{
    struct hr_pool pool;
    struct hr_err own = {0};
    if (!err) err = &own;
    if (a->depth == 0) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s of depth 0; at least 1", a->name));
        return NULL;
    }
    if (hr_cells_check(a->state, err) != HR_OK) return NULL;
    hr_pool_init(&pool, hr_node_of(rdd)->ctx);
    struct hr_rows *rows = hr_rdd_collect(levels(rdd, &pool, a, err), err);
    hr_pool_done(&pool);
    if (!rows || hr_rows_count(rows)) return rows;
    hr_rows_free(rows);
    HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s of an empty RDD", a->name));
    return NULL;
}

/* --- The actions ------------------------------------------------------------------------------ */

struct hr_rows *hr_rdd_reduce(struct hr_rdd *rdd, hr_merge_fn fn, void *arg, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!rdd) return NULL;
    struct aggregation a = {rdd->schema, NULL, fn, fn, arg, "reduce", 1};
    return run(rdd, &a, err);
}

struct hr_rows *hr_rdd_tree_reduce(struct hr_rdd *rdd, hr_merge_fn fn, void *arg, uint32_t depth,
                                   struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!rdd) return NULL;
    struct aggregation a = {rdd->schema, NULL, fn, fn, arg, "treeReduce", depth};
    return run(rdd, &a, err);
}

struct hr_rows *hr_rdd_fold(struct hr_rdd *rdd, hr_fill_fn zero, hr_merge_fn fn, void *arg,
                            struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!zero) {
        HR_UNUSED(hr_missing("no function of zero", err));
        return NULL;
    }
    if (!rdd) return NULL;
    struct aggregation a = {rdd->schema, zero, fn, fn, arg, "fold", 1};
    return run(rdd, &a, err);
}

struct hr_rows *hr_rdd_aggregate(struct hr_rdd *rdd, const char *state_schema, hr_fill_fn zero,
                                 hr_merge_fn seq, hr_merge_fn comb, void *arg, struct hr_err *err)
{
    if (!zero) {
        HR_UNUSED(hr_missing("no function of zero", err));
        return NULL;
    }
    if (!seq) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!comb) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *state;
    if (!rdd || hr_schema_from_ddl(state_schema, &state, err) != HR_OK) return NULL;
    struct aggregation a = {state, zero, seq, comb, arg, "aggregate", 1};
    return run(rdd, &a, err);
}

struct hr_rows *hr_rdd_tree_aggregate(struct hr_rdd *rdd, const char *state_schema, hr_fill_fn zero,
                                      hr_merge_fn seq, hr_merge_fn comb, void *arg, uint32_t depth,
                                      struct hr_err *err)
{
    if (!zero) {
        HR_UNUSED(hr_missing("no function of zero", err));
        return NULL;
    }
    if (!seq) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!comb) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *state;
    if (!rdd || hr_schema_from_ddl(state_schema, &state, err) != HR_OK) return NULL;
    struct aggregation a = {state, zero, seq, comb, arg, "treeAggregate", depth};
    return run(rdd, &a, err);
}
