/* SPDX-License-Identifier: Apache-2.0 */
/* Operations over partitions of one or several parents: union, coalesce, cartesian, zip. */
#include "api/api.h"

/* --- Several partitions one after the other --------------------------------------------------- */

struct chain_iter {
    struct hr_batch_iter base;
    struct hr_rdd *rdd;
    struct hr_task_ctx *ctx;
    struct hr_batch_iter *current;
    const uint32_t *partitions; /* of the only dependency; NULL: `partition` of each dependency */
    uint32_t partition, next, count;
};

static hr_status chain_open(struct chain_iter *it, struct hr_err *err)
{
    uint32_t i = it->next++;
    return it->partitions
               ? hr_rdd_parent_iter(it->rdd, 0, it->partitions[i], it->ctx, &it->current, err)
               : hr_rdd_parent_iter(it->rdd, i, it->partition, it->ctx, &it->current, err);
}

static hr_status chain_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct chain_iter *it = (struct chain_iter *)iter;
    for (;;) {
        *ret = NULL;
        if (!it->current) {
            if (it->next == it->count) return HR_OK;
            HR_TRY(chain_open(it, err));
        }
        HR_TRY(it->current->next(it->current, ret, err));
        if (*ret) return HR_OK;
        it->current->close(it->current);
        it->current = NULL;
    }
}

static void chain_close(struct hr_batch_iter *iter)
{
    struct chain_iter *it = (struct chain_iter *)iter;
    if (it->current) it->current->close(it->current);
    hr_free(it);
}

static hr_status chain_new(struct hr_rdd *rdd, const uint32_t *partitions, uint32_t partition,
                           uint32_t count, struct hr_task_ctx *ctx, struct hr_batch_iter **ret,
                           struct hr_err *err)
{
    struct chain_iter *it = hr_alloc(sizeof *it);
    if (!it) return HR_OOM(err);
    *it = (struct chain_iter){.base = {chain_next, chain_close},
                              .rdd = rdd,
                              .ctx = ctx,
                              .partitions = partitions,
                              .partition = partition,
                              .count = count};
    *ret = &it->base;
    return HR_OK;
}

/* --- union ------------------------------------------------------------------------------------ */

static hr_status union_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    uint32_t first = 0, end = rdd->dep_count; /* the parent is in [first, end) */
    while (end - first > 1) {
        uint32_t middle = first + (end - first) / 2;
        *(partition < rdd->deps[middle].out_start ? &end : &first) = middle;
    }
    const struct hr_dependency *dep = &rdd->deps[first];
    if (partition < dep->out_start || partition >= dep->out_start + dep->count)
        return HR_BUG(err, "partition %u of a union belongs to no parent", partition);
    return hr_rdd_parent_iter(rdd, first, partition - dep->out_start + dep->in_start, ctx, ret,
                              err);
}
static const struct hr_rdd_vt union_vt = {"UnionRDD", union_compute, NULL, hr_node_free};

/* Parents that are all partitioned alike, by the same key and into the same number of partitions:
 * partition p is theirs, one after the other, and a reduction or join by that key needs no shuffle.
 * A window over reduced batches has as many partitions as one of them, not the sum. */
static hr_status aware_union_compute(struct hr_rdd *rdd, uint32_t partition,
                                     struct hr_task_ctx *ctx, struct hr_batch_iter **ret,
                                     struct hr_err *err)
{
    return chain_new(rdd, NULL, partition, rdd->dep_count, ctx, ret, err);
}
static const struct hr_rdd_vt aware_union_vt = {"PartitionerAwareUnionRDD", aware_union_compute,
                                                NULL, hr_node_free};

static bool same_partitioner(struct hr_rdd *const *rdds, uint32_t count)
{
    const struct hr_node *first = hr_node_of(rdds[0]);
    bool same = first->placed.partitions > 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_node *node = hr_node_of(rdds[i]);
        same = same && hr_node_is_placed(node, first->key_columns, &first->placed) &&
               rdds[i]->partition_count == first->placed.partitions;
    }
    return same;
}

static hr_status union_check(struct hr_rdd *const *rdds, uint32_t count, struct hr_err *err)
{
    if (count == 0) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a union of nothing");
    for (uint32_t i = 1; i < count; i++)
        if (!hr_type_same(rdds[i]->schema, rdds[0]->schema))
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a union of RDDs of different schemas");
    return HR_OK;
}

static void union_deps(struct hr_rdd *const *rdds, uint32_t count, bool aware,
                       struct hr_dependency *deps)
{
    for (uint32_t i = 0, start = 0; i < count; start += rdds[i++]->partition_count)
        deps[i] = (struct hr_dependency){.kind = aware ? HR_DEP_ONE_TO_ONE : HR_DEP_RANGE,
                                         .parent = rdds[i],
                                         .out_start = start,
                                         .count = rdds[i]->partition_count};
}

struct hr_rdd *hr_rdd_union_all(struct hr_rdd *const *rdds, uint32_t count, struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (!rdds[i]) return NULL;
    if (union_check(rdds, count, err) != HR_OK) return NULL;
    struct hr_dependency *deps = hr_zalloc(count * sizeof *deps);
    if (!deps) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    bool aware = same_partitioner(rdds, count);
    union_deps(rdds, count, aware, deps);
    const struct hr_dependency *last = &deps[count - 1];
    const struct hr_placement anywhere = {0};
    const struct hr_node *first = hr_node_of(rdds[0]);
    struct hr_node *node =
        hr_node_new(&(struct hr_node_spec){.vt = aware ? &aware_union_vt : &union_vt,
                                           .size = sizeof *node,
                                           .pool = first->pool,
                                           .schema = rdds[0]->schema,
                                           .partitions = aware ? first->placed.partitions
                                                               : last->out_start + last->count,
                                           .deps = deps,
                                           .dep_count = count,
                                           .key_columns = first->key_columns,
                                           .placed = aware ? first->placed : anywhere},
                    err);
    hr_free(deps);
    return node ? &node->base : NULL;
}

struct hr_rdd *hr_rdd_union(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err)
{
    struct hr_rdd *both[] = {a, b};
    return hr_rdd_union_all(both, 2, err);
}

/* --- coalesce, cartesian: several partitions of a parent -------------------------------------- */

struct many_node {
    struct hr_node node;
    uint32_t *parents; /* coalesce: 0 … n-1, cut at starts; cartesian: see parents_of */
    uint32_t *starts;
};

static void many_done(struct hr_node *node)
{
    struct many_node *m = (struct many_node *)node;
    hr_free(m->parents);
    hr_free(m->starts);
}

static void coalesce_parents(struct hr_rdd *rdd, uint32_t dep, uint32_t partition,
                             const uint32_t **ret, uint32_t *ret_count)
{
    const struct many_node *m = (const struct many_node *)rdd;
    HR_UNUSED(dep);
    *ret = m->parents + m->starts[partition];
    *ret_count = m->starts[partition + 1] - m->starts[partition];
}

static hr_status coalesce_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                  struct hr_batch_iter **ret, struct hr_err *err)
{
    const uint32_t *parents;
    uint32_t count;
    coalesce_parents(rdd, 0, partition, &parents, &count);
    return chain_new(rdd, parents, partition, count, ctx, ret, err);
}
static const struct hr_rdd_vt coalesce_vt = {"CoalescedRDD", coalesce_compute, coalesce_parents,
                                             hr_node_free};

struct hr_rdd *hr_rdd_coalesce(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd || partitions >= rdd->partition_count) return rdd;
    if (!partitions) partitions = 1;
    uint32_t n = rdd->partition_count;
    uint32_t *parents = hr_alloc((n + 1) * sizeof *parents);
    uint32_t *starts = hr_alloc((partitions + 1) * sizeof *starts);
    struct hr_dependency dep = {.kind = HR_DEP_MANY, .parent = rdd};
    struct many_node *m = NULL;
    if (parents && starts)
        m = hr_node_new(&(struct hr_node_spec){.vt = &coalesce_vt,
                                               .size = sizeof *m,
                                               .pool = hr_node_of(rdd)->pool,
                                               .schema = rdd->schema,
                                               .partitions = partitions,
                                               .deps = &dep,
                                               .dep_count = 1,
                                               .key_columns = hr_node_of(rdd)->key_columns,
                                               .op_done = many_done},
                        err);
    else
        HR_UNUSED(HR_OOM(err));
    if (!m) {
        hr_free(parents);
        hr_free(starts);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) parents[i] = i;
    for (uint32_t p = 0; p <= partitions; p++) starts[p] = (uint32_t)((uint64_t)n * p / partitions);
    m->parents = parents;
    m->starts = starts;
    return &m->node.base;
}

/* Partition p pairs a's partition p / n with b's p % n; parents[i] is i. */
static void cartesian_parents(struct hr_rdd *rdd, uint32_t dep, uint32_t partition,
                              const uint32_t **ret, uint32_t *ret_count)
{
    const struct many_node *m = (const struct many_node *)rdd;
    uint32_t n = rdd->deps[1].parent->partition_count;
    *ret = m->parents + (dep == 0 ? partition / n : partition % n);
    *ret_count = 1;
}

static hr_status cross(const struct hr_rdd *rdd, const struct hr_batch *a, uint32_t a_row,
                       struct hr_batch *b, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(rdd->schema, b->row_count, NULL);
    uint32_t *rows = hr_alloc((b->row_count + 1) * sizeof *rows);
    uint32_t left = a->schema->field_count;
    hr_status status = out && rows && hr_batch_hold_batch(out, b) &&
                               hr_batch_hold_batch(out, (struct hr_batch *)(uintptr_t)a)
                           ? HR_OK
                           : HR_OOM(err);
    for (uint32_t i = 0; status == HR_OK && i < b->row_count; i++) rows[i] = a_row;
    for (uint32_t c = 0; status == HR_OK && c < left; c++)
        status =
            hr_column_take(&out->arena, &a->columns[c], rows, b->row_count, &out->columns[c], err);
    if (status == HR_OK)
        memcpy(out->columns + left, b->columns, b->schema->field_count * sizeof *b->columns);
    hr_free(rows);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static hr_status cartesian_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                   struct hr_batch_iter **ret, struct hr_err *err)
{
    const uint32_t *parts;
    uint32_t count;
    struct hr_batch *a = NULL, *b = NULL;
    struct hr_batch_list list = {0};
    cartesian_parents(rdd, 0, partition, &parts, &count);
    HR_TRY(hr_drain_one(rdd, 0, *parts, ctx, &a, err));
    cartesian_parents(rdd, 1, partition, &parts, &count);
    hr_status status = hr_drain_one(rdd, 1, *parts, ctx, &b, err);
    for (uint32_t i = 0; status == HR_OK && b->row_count && i < a->row_count; i++) {
        struct hr_batch *out;
        status = cross(rdd, a, i, b, &out, err);
        if (status == HR_OK) status = hr_batch_list_push(&list, out, err);
        if (status == HR_OK && ctx->cancelled && __atomic_load_n(ctx->cancelled, __ATOMIC_RELAXED))
            status = HR_RAISE(err, HR_E_CANCELLED);
    }
    hr_batch_unref(a);
    hr_batch_unref(b);
    if (status == HR_OK) return hr_iter_of_list(&list, ret, err);
    hr_batch_list_done(&list);
    return status;
}
static const struct hr_rdd_vt cartesian_vt = {"CartesianRDD", cartesian_compute, cartesian_parents,
                                              hr_node_free};

struct hr_rdd *hr_rdd_cartesian(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err)
{
    if (!a || !b) return NULL;
    uint64_t partitions = (uint64_t)a->partition_count * b->partition_count;
    uint32_t n = HR_MAX(a->partition_count, b->partition_count);
    const struct hr_type *schema = hr_schema_concat(a->schema, b->schema, false, false);
    uint32_t *parents = hr_alloc((n + 1) * sizeof *parents);
    struct hr_dependency deps[] = {{.kind = HR_DEP_MANY, .parent = a},
                                   {.kind = HR_DEP_MANY, .parent = b}};
    struct many_node *m = NULL;
    if (partitions > 1000000)
        HR_UNUSED(HR_FAIL(err, HR_E_LIMIT, "a cartesian product of %llu partitions",
                          (unsigned long long)partitions));
    else if (!schema || !parents)
        HR_UNUSED(HR_OOM(err));
    else
        m = hr_node_new(&(struct hr_node_spec){.vt = &cartesian_vt,
                                               .size = sizeof *m,
                                               .pool = hr_node_of(a)->pool,
                                               .schema = schema,
                                               .partitions = (uint32_t)partitions,
                                               .deps = deps,
                                               .dep_count = 2,
                                               .op_done = many_done},
                        err);
    if (!m) {
        hr_free(parents);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) parents[i] = i;
    m->parents = parents;
    return &m->node.base;
}

/* --- zip -------------------------------------------------------------------------------------- */

#define ZIP_MAX 8

struct zip_node {
    struct hr_node node;
    hr_zip_fn two; /* or */
    hr_zip_all_fn all;
    void *arg;
};

static hr_status zip_user(const struct zip_node *op, uint32_t partition, struct hr_rows *rows,
                          struct hr_emitter *out, struct hr_err *err)
{
    struct hr_rows *in[ZIP_MAX];
    uint32_t n = op->node.base.dep_count;
    if (op->two) return op->two(op->arg, partition, &rows[0], &rows[1], out, err);
    for (uint32_t i = 0; i < n; i++) in[i] = &rows[i];
    return op->all(op->arg, partition, in, n, out, err);
}

static hr_status zip_call(const struct zip_node *op, uint32_t partition, struct hr_batch_iter **its,
                          struct hr_emitter *out, struct hr_acc_delta **deltas, struct hr_err *err)
{
    const struct hr_dependency *deps = op->node.base.deps;
    struct hr_acc_delta **outer = hr_task_local.deltas;
    struct hr_rows rows[ZIP_MAX], *failed = NULL;
    uint32_t n = op->node.base.dep_count;
    for (uint32_t i = 0; i < n; i++) hr_rows_of_iter(&rows[i], deps[i].parent->schema, its[i]);
    hr_task_local.deltas = deltas;
    hr_status status = zip_user(op, partition, rows, out, err);
    hr_task_local.deltas = outer;
    for (uint32_t i = 0; i < n && !failed; i++)
        if (rows[i].failed) failed = &rows[i];
    if (failed) {
        if (err) hr_err_copy(err, &failed->err);
        hr_task_local.misused = false;
        status = failed->err.code;
    } else {
        status = hr_emitter_check(out, status, err);
    }
    for (uint32_t i = 0; i < n; i++) hr_rows_done(&rows[i]);
    return status == HR_OK ? hr_emitter_flush(out, err) : status;
}

static hr_status zip_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                             struct hr_batch_iter **ret, struct hr_err *err)
{
    struct hr_batch_iter *its[ZIP_MAX] = {NULL};
    struct hr_batch_list list = {0};
    struct hr_acc_delta *deltas = NULL;
    struct hr_emitter out;
    hr_status status = HR_OK;
    hr_emitter_init(&out, rdd->schema, NULL);
    for (uint32_t i = 0; status == HR_OK && i < rdd->dep_count; i++)
        status = hr_rdd_parent_iter(rdd, i, partition, ctx, &its[i], err);
    if (status == HR_OK)
        status = zip_call((const struct zip_node *)rdd, partition, its, &out, &deltas, err);
    for (struct hr_batch *b; status == HR_OK && (b = hr_emitter_pop(&out));)
        status = hr_batch_list_push(&list, b, err);
    for (uint32_t i = 0; i < rdd->dep_count; i++)
        if (its[i]) its[i]->close(its[i]);
    hr_emitter_done(&out);
    if (status == HR_OK) status = hr_acc_merge(&deltas, err);
    if (status == HR_OK) return hr_iter_of_list(&list, ret, err);
    hr_acc_drop(&deltas);
    hr_batch_list_done(&list);
    return status;
}
/* By number of RDDs, with Spark's names where it has them. */
static const struct hr_rdd_vt zip_vts[] = {
    {"ZippedPartitionsRDD", zip_compute, NULL, hr_node_free},
    {"ZippedPartitionsRDD1", zip_compute, NULL, hr_node_free},
    {"ZippedPartitionsRDD2", zip_compute, NULL, hr_node_free},
    {"ZippedPartitionsRDD3", zip_compute, NULL, hr_node_free},
    {"ZippedPartitionsRDD4", zip_compute, NULL, hr_node_free},
};

static struct zip_node *zip_node(struct hr_rdd *const *rdds, uint32_t count,
                                 const struct hr_type *schema, struct hr_err *err)
{
    struct hr_dependency deps[ZIP_MAX];
    if (count == 0 || count > ZIP_MAX) {
        HR_UNUSED(HR_FAIL(err, HR_E_LIMIT, "zip of %u RDDs; 1 to %d", count, ZIP_MAX));
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        deps[i] = (struct hr_dependency){.kind = HR_DEP_ONE_TO_ONE, .parent = rdds[i]};
        if (rdds[i]->partition_count == rdds[0]->partition_count) continue;
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "zip of RDDs with %u and %u partitions",
                          rdds[0]->partition_count, rdds[i]->partition_count));
        return NULL;
    }
    return hr_node_new(&(struct hr_node_spec){.vt = &zip_vts[count < HR_COUNT(zip_vts) ? count : 0],
                                              .size = sizeof(struct zip_node),
                                              .pool = hr_node_of(rdds[0])->pool,
                                              .schema = schema,
                                              .partitions = rdds[0]->partition_count,
                                              .deps = deps,
                                              .dep_count = count},
                       err);
}

static hr_status zip_rows(void *arg, uint32_t partition, struct hr_rows *left,
                          struct hr_rows *right, struct hr_emitter *out, struct hr_err *err)
{
    HR_UNUSED(arg);
    for (;;) {
        const struct hr_row *a = hr_rows_next(left), *b = hr_rows_next(right);
        if (!a && !b) return HR_OK;
        if (!a || !b)
            return hr_err_fail(err, "zip: the RDDs have different numbers of rows in partition %u",
                               partition);
        hr_emit_fields(out, a);
        hr_emit_fields(out, b);
        hr_emit_end(out);
    }
}

static struct hr_rdd *zip_two(struct hr_rdd *a, struct hr_rdd *b, const struct hr_type *schema,
                              hr_zip_fn fn, void *arg, struct hr_err *err)
{
    struct hr_rdd *both[] = {a, b};
    struct zip_node *z = zip_node(both, 2, schema, err);
    if (!z) return NULL;
    z->two = fn;
    z->arg = arg;
    return &z->node.base;
}

struct hr_rdd *hr_rdd_zip(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err)
{
    if (!a || !b) return NULL;
    const struct hr_type *schema = hr_schema_concat(a->schema, b->schema, false, false);
    if (schema) return zip_two(a, b, schema, zip_rows, NULL, err);
    HR_UNUSED(HR_OOM(err));
    return NULL;
}

struct hr_rdd *hr_rdd_zip_partitions(struct hr_rdd *a, struct hr_rdd *b, const char *schema,
                                     hr_zip_fn fn, void *arg, struct hr_err *err)
{
    const struct hr_type *type;
    if (!a || !b || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    return zip_two(a, b, type, fn, arg, err);
}

struct hr_rdd *hr_rdd_zip_partitions_all(struct hr_rdd *const *rdds, uint32_t count,
                                         const char *schema, hr_zip_all_fn fn, void *arg,
                                         struct hr_err *err)
{
    const struct hr_type *type;
    for (uint32_t i = 0; i < count; i++)
        if (!rdds[i]) return NULL;
    if (hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct zip_node *z = zip_node(rdds, count, type, err);
    if (!z) return NULL;
    z->all = fn;
    z->arg = arg;
    return &z->node.base;
}
