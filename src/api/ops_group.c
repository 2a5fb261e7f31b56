/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that see all rows of a key at once: groupByKey, cogroup, the joins, subtract,
 * subtractByKey, intersection.
 *
 * Each input's partition (behind its shuffle by key) is drained into one batch. A keyed table maps
 * each key to a chain of row numbers per input: heads in the table's row, links in next[].
 * Output is gathered column by column with hr_column_take; no row is copied one by one.
 *
 *   key ─ {head0, tail0, count0} {head1, tail1, count1} …       next0[row] next1[row] …
 */
#include <stdio.h>

#include "api/api.h"
#include "state/table.h"

#define INPUTS_MAX 8
#define NO_ROW     UINT32_MAX

enum group_mode { GROUP, INNER, LEFT, RIGHT, FULL, SUBTRACT, INTERSECT };

struct group_node {
    struct hr_node node;
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    enum group_mode mode;
    uint32_t keys, inputs;
};

struct chain {
    uint32_t head, tail, count, pad;
};

struct groups {
    const struct group_node *op;
    struct hr_batch *inputs[INPUTS_MAX]; /* without selection */
    uint32_t *next[INPUTS_MAX];
    struct hr_ktable *table;
    uint8_t **rows; /* the table's rows in order of first sight */
    uint32_t count;
};

static void groups_done(struct groups *g)
{
    for (uint32_t i = 0; i < INPUTS_MAX; i++) {
        hr_batch_unref(g->inputs[i]);
        hr_free(g->next[i]);
    }
    hr_ktable_free(g->table);
    hr_free(g->rows);
}

HR_INLINE struct chain *chain_of(uint8_t *states, uint32_t input)
{
    return (struct chain *)(void *)states + input;
}

static hr_status add_input(struct groups *g, uint32_t input, struct hr_keys *keys,
                           struct hr_err *err)
{
    const struct hr_batch *batch = g->inputs[input];
    uint32_t n = batch->row_count;
    struct hr_vector vectors[HR_ORDER_MAX];
    uint8_t **states = hr_alloc((n + 1) * sizeof *states);
    g->next[input] = hr_alloc((n + 1) * sizeof(uint32_t));
    hr_status status = states && g->next[input] ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; i < g->op->keys; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    if (status == HR_OK) status = hr_keys_encode(g->op->codec, vectors, NULL, n, 0, keys, err);
    if (status == HR_OK)
        status = hr_ktable_upsert(g->table, keys->views, keys->hashes, n, states, NULL, err);
    for (uint32_t row = 0; status == HR_OK && row < n; row++) {
        struct chain *c = chain_of(states[row], input);
        g->next[input][row] = NO_ROW;
        if (c->count++)
            g->next[input][c->tail] = row;
        else
            c->head = row;
        c->tail = row;
    }
    hr_free(states);
    return status;
}

static hr_status list_rows(struct groups *g, struct hr_err *err)
{
    struct hr_ktable_iter iter;
    uint64_t n = hr_ktable_count(g->table);
    g->rows = hr_alloc((n + 1) * sizeof *g->rows);
    if (!g->rows) return HR_OOM(err);
    hr_ktable_iter_all(g->table, &iter);
    while (g->count < n) {
        uint32_t got = hr_ktable_iter_next(&iter, g->rows + g->count, (uint32_t)(n - g->count));
        if (!got) break;
        g->count += got;
    }
    return HR_OK;
}

static hr_status build(struct groups *g, struct hr_rdd *rdd, uint32_t partition,
                       struct hr_task_ctx *ctx, struct hr_err *err)
{
    struct hr_ktable_options options = {
        .states_bytes = (uint32_t)sizeof(struct chain) * g->op->inputs, .mem = ctx->mem};
    struct hr_keys keys = {.mem = ctx->mem};
    HR_TRY(hr_ktable_new(&options, &g->table, err));
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < g->op->inputs && status == HR_OK; i++) {
        status = hr_drain_one(rdd, i, partition, ctx, &g->inputs[i], err);
        if (status == HR_OK) status = add_input(g, i, &keys, err);
    }
    hr_keys_done(&keys);
    return status == HR_OK ? list_rows(g, err) : status;
}

/* --- Output ----------------------------------------------------------------------------------- */

static hr_status key_columns(const struct groups *g, uint8_t *const *rows, uint32_t count,
                             struct hr_batch *out, struct hr_err *err)
{
    struct hr_str_view *keys = hr_alloc((count + 1) * sizeof *keys);
    if (!keys) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) keys[i] = hr_ktable_key(g->table, rows[i]);
    hr_status status = hr_keys_decode(g->op->codec, keys, count, &out->arena, out->columns, err);
    hr_free(keys);
    return status;
}

/* The values of an input by key, as an ARRAY column. */
static hr_status array_column(const struct groups *g, uint32_t input, struct hr_batch *out,
                              struct hr_err *err)
{
    struct hr_column *col = &out->columns[g->op->keys + input];
    const struct hr_type *type = out->schema->fields[g->op->keys + input].type;
    const struct hr_batch *in = g->inputs[input];
    uint32_t *rows = hr_alloc((in->row_count + 1) * sizeof *rows), n = 0;
    if (!rows) return HR_OOM(err);
    hr_status status = hr_column_alloc(&out->arena, type, g->count, false, col, err);
    if (status == HR_OK) {
        int32_t *offsets = (int32_t *)(uintptr_t)col->values;
        offsets[0] = 0;
        for (uint32_t k = 0; k < g->count; k++) {
            const struct chain *c = chain_of(g->rows[k], input);
            uint32_t row = c->count ? c->head : NO_ROW;
            for (; row != NO_ROW; row = g->next[input][row]) rows[n++] = row;
            offsets[k + 1] = (int32_t)n;
        }
    }
    struct hr_column *element = status == HR_OK ? &col->children[0] : NULL;
    bool whole = element && type->fields[0].type->id == HR_T_STRUCT &&
                 in->schema->field_count - g->op->keys != 1;
    if (element && !whole)
        status = hr_column_take(&out->arena, &in->columns[g->op->keys], rows, n, element, err);
    if (whole) {
        status = hr_column_alloc(&out->arena, type->fields[0].type, n, false, element, err);
        for (uint32_t i = 0; status == HR_OK && i < type->fields[0].type->field_count; i++)
            status = hr_column_take(&out->arena, &in->columns[g->op->keys + i], rows, n,
                                    &element->children[i], err);
    }
    hr_free(rows);
    return status;
}

static hr_status emit_groups(struct groups *g, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(g->op->node.base.schema, g->count, NULL);
    if (!out) return HR_OOM(err);
    hr_status status = key_columns(g, g->rows, g->count, out, err);
    for (uint32_t i = 0; i < g->op->inputs && status == HR_OK; i++) {
        status = array_column(g, i, out, err);
        if (status == HR_OK && !hr_batch_hold_batch(out, g->inputs[i])) status = HR_OOM(err);
    }
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

/* Pairs of row numbers. keys[i] is the table's row of pair i. */
struct pairs {
    uint32_t *left, *right;
    uint8_t **keys;
    uint64_t count;
};

static hr_status pairs_alloc(struct pairs *p, uint64_t n, struct hr_err *err)
{
    if (n > INT32_MAX) return HR_FAIL(err, HR_E_LIMIT, "a join's partition of more than 2^31 rows");
    p->left = hr_alloc((n + 1) * sizeof *p->left);
    p->right = hr_alloc((n + 1) * sizeof *p->right);
    p->keys = hr_alloc((n + 1) * sizeof *p->keys);
    return p->left && p->right && p->keys ? HR_OK : HR_OOM(err);
}

static void pairs_done(struct pairs *p)
{
    hr_free(p->left);
    hr_free(p->right);
    hr_free(p->keys);
}

static uint64_t pair_count(enum group_mode mode, uint64_t left, uint64_t right)
{
    switch (mode) {
    case LEFT: return left * HR_MAX(right, (uint64_t)1);
    case RIGHT: return right * HR_MAX(left, (uint64_t)1);
    case FULL: return HR_MAX(left, (uint64_t)1) * HR_MAX(right, (uint64_t)1);
    case SUBTRACT: return right ? 0 : left;
    case INTERSECT: return left && right;
    default: return left * right;
    }
}

static void add_pairs(const struct groups *g, uint8_t *row, struct pairs *p)
{
    const struct chain *a = chain_of(row, 0), *b = chain_of(row, 1);
    uint64_t wanted = pair_count(g->op->mode, a->count, b->count);
    bool first_only = g->op->mode == INTERSECT;
    if (!wanted) return;
    uint32_t l = a->count ? a->head : NO_ROW;
    do {
        uint32_t r = b->count && !first_only ? b->head : NO_ROW;
        do {
            p->left[p->count] = l;
            p->right[p->count] = r;
            p->keys[p->count++] = row;
            if (r != NO_ROW) r = g->next[1][r];
        } while (r != NO_ROW);
        if (l != NO_ROW) l = g->next[0][l];
    } while (l != NO_ROW && !first_only);
}

static hr_status take_columns(struct hr_batch *out, uint32_t at, const struct hr_batch *in,
                              uint32_t first, const struct pairs *p, const uint32_t *rows,
                              struct hr_err *err)
{
    for (uint32_t i = first; i < in->schema->field_count; i++)
        HR_TRY(hr_column_take(&out->arena, &in->columns[i], rows, (uint32_t)p->count,
                              &out->columns[at + i - first], err));
    return hr_batch_hold_batch(out, (struct hr_batch *)(uintptr_t)in) ? HR_OK : HR_OOM(err);
}

static hr_status emit_pairs(struct groups *g, struct hr_batch **ret, struct hr_err *err)
{
    const struct group_node *op = g->op;
    struct pairs p = {0};
    uint64_t n = 0;
    for (uint32_t k = 0; k < g->count; k++)
        n += pair_count(op->mode, chain_of(g->rows[k], 0)->count, chain_of(g->rows[k], 1)->count);
    hr_status status = pairs_alloc(&p, n, err);
    for (uint32_t k = 0; status == HR_OK && k < g->count; k++) add_pairs(g, g->rows[k], &p);
    struct hr_batch *out =
        status == HR_OK ? hr_batch_new(op->node.base.schema, (uint32_t)p.count, NULL) : NULL;
    if (status == HR_OK && !out) status = HR_OOM(err);
    bool left_only = op->mode == SUBTRACT || op->mode == INTERSECT;
    if (status == HR_OK && left_only) {
        status = take_columns(out, 0, g->inputs[0], 0, &p, p.left, err);
    } else if (status == HR_OK) {
        uint32_t left = g->inputs[0]->schema->field_count;
        status = key_columns(g, p.keys, (uint32_t)p.count, out, err);
        if (status == HR_OK)
            status = take_columns(out, op->keys, g->inputs[0], op->keys, &p, p.left, err);
        if (status == HR_OK)
            status = take_columns(out, left, g->inputs[1], op->keys, &p, p.right, err);
    }
    pairs_done(&p);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static hr_status group_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    struct groups g = {.op = (const struct group_node *)rdd};
    struct hr_batch *out = NULL;
    hr_status status = build(&g, rdd, partition, ctx, err);
    if (status == HR_OK)
        status = g.op->mode == GROUP ? emit_groups(&g, &out, err) : emit_pairs(&g, &out, err);
    groups_done(&g);
    return status == HR_OK ? hr_iter_of_batch(out, ret, err) : status;
}
static const struct hr_rdd_vt cogroup_vt = {"CoGroupedRDD", group_compute, NULL, hr_node_free};
static const struct hr_rdd_vt grouped_vt = {"ShuffledRDD", group_compute, NULL, hr_node_free};
static const struct hr_rdd_vt subtract_vt = {"SubtractedRDD", group_compute, NULL, hr_node_free};

/* --- Building --------------------------------------------------------------------------------- */

static void group_done(struct hr_node *node)
{
    hr_arena_done(&((struct group_node *)node)->arena);
}

static hr_status check_keys(struct hr_rdd *const *rdds, uint32_t count, uint32_t keys,
                            struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rdds[i]->schema->field_count < keys || keys > HR_ORDER_MAX)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a key of %u columns", keys);
        for (uint32_t k = 0; k < keys; k++)
            if (!hr_type_same(rdds[i]->schema->fields[k].type, rdds[0]->schema->fields[k].type))
                return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                               "the keys differ in type: column %u of RDD %u and of RDD 0", k, i);
    }
    return HR_OK;
}

/* Dependencies on the inputs: narrow where they are in place already. */
static hr_status place(struct hr_rdd *const *rdds, uint32_t count, uint32_t keys,
                       const struct hr_placement *to, struct hr_dependency *deps,
                       struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_node *node = hr_node_of(rdds[i]);
        deps[i] = (struct hr_dependency){.kind = HR_DEP_ONE_TO_ONE, .parent = rdds[i]};
        if (hr_node_is_placed(node, keys, to)) continue;
        deps[i].kind = HR_DEP_SHUFFLE;
        deps[i].partitioner = hr_partitioner_of(rdds[i]->schema, keys, to, err);
        if (deps[i].partitioner) continue;
        while (i--)
            if (deps[i].partitioner) deps[i].partitioner->free(deps[i].partitioner);
        return err ? err->code : HR_E_OOM;
    }
    return HR_OK;
}

static struct hr_rdd *group(struct hr_rdd *const *rdds, uint32_t count, uint32_t keys,
                            const struct hr_type *schema, enum group_mode mode,
                            const struct hr_rdd_vt *vt, uint32_t partitions, struct hr_err *err)
{
    struct hr_dependency deps[INPUTS_MAX];
    const struct hr_type *types[HR_ORDER_MAX];
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    if (check_keys(rdds, count, keys, err) != HR_OK) return NULL;
    const struct hr_placement to = hr_default_placement(rdds, count, keys, partitions);
    if (place(rdds, count, keys, &to, deps, err) != HR_OK) return NULL;
    struct group_node *op = hr_node_new(&(struct hr_node_spec){.vt = vt,
                                                               .size = sizeof *op,
                                                               .pool = hr_node_of(rdds[0])->pool,
                                                               .schema = schema,
                                                               .partitions = to.partitions,
                                                               .deps = deps,
                                                               .dep_count = count,
                                                               .key_columns = keys,
                                                               .placed = to,
                                                               .op_done = group_done},
                                        err);
    if (!op) return NULL;
    for (uint32_t i = 0; i < keys; i++) types[i] = rdds[0]->schema->fields[i].type;
    op->mode = mode;
    op->keys = keys;
    op->inputs = count;
    if (hr_key_codec_new(&op->arena, types, keys, &op->codec, err) != HR_OK) return NULL;
    return &op->node.base;
}

/* The key's columns, then ARRAYs of the values: called name, or name0, name1 … */
static const struct hr_type *cogroup_schema(struct hr_rdd *const *rdds, uint32_t count,
                                            uint32_t keys, bool numbered, struct hr_err *err)
{
    char names[INPUTS_MAX][16];
    struct hr_field fields[HR_ORDER_MAX + INPUTS_MAX];
    if (keys > HR_ORDER_MAX) return NULL;
    for (uint32_t k = 0; k < keys; k++) fields[k] = rdds[0]->schema->fields[k];
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_type *schema = rdds[i]->schema, *value;
        if (schema->field_count <= keys) {
            HR_UNUSED(
                HR_FAIL(err, HR_E_INVALID_ARGUMENT, "RDD %u has no values beside its key", i));
            return NULL;
        }
        uint32_t n = schema->field_count - keys;
        value = n == 1 ? schema->fields[keys].type : hr_schema_slice(schema, keys, n);
        const struct hr_type *array = value ? hr_type_array(value, true) : NULL;
        if (!array) {
            HR_UNUSED(HR_OOM(err));
            return NULL;
        }
        snprintf(names[i], sizeof names[i], numbered ? "values%u" : "values", i);
        fields[keys + i] = (struct hr_field){names[i], array, false};
    }
    return hr_type_struct(fields, keys + count);
}

struct hr_rdd *hr_rdd_group_by_key(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    uint32_t keys = hr_node_of(rdd)->key_columns;
    const struct hr_type *schema = cogroup_schema(&rdd, 1, keys, false, err);
    return schema ? group(&rdd, 1, keys, schema, GROUP, &grouped_vt, partitions, err) : NULL;
}

struct hr_rdd *hr_rdd_group_by(struct hr_rdd *rdd, const char *key_schema, hr_row_fn fn, void *arg,
                               uint32_t partitions, struct hr_err *err)
{
    return hr_rdd_group_by_key(hr_rdd_key_by(rdd, key_schema, fn, arg, err), partitions, err);
}

struct hr_rdd *hr_rdd_cogroup(struct hr_rdd *const *rdds, uint32_t count, uint32_t partitions,
                              struct hr_err *err)
{
    if (count == 0 || count > INPUTS_MAX) {
        HR_UNUSED(HR_FAIL(err, HR_E_LIMIT, "cogroup of %u RDDs; 1 to %d", count, INPUTS_MAX));
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!rdds[i]) return NULL;
    uint32_t keys = hr_node_of(rdds[0])->key_columns;
    const struct hr_type *schema = cogroup_schema(rdds, count, keys, true, err);
    return schema ? group(rdds, count, keys, schema, GROUP, &cogroup_vt, partitions, err) : NULL;
}

static struct hr_rdd *join(struct hr_rdd *a, struct hr_rdd *b, enum group_mode mode,
                           uint32_t partitions, struct hr_err *err)
{
    if (!a || !b) return NULL;
    struct hr_rdd *both[] = {a, b};
    uint32_t keys = hr_node_of(a)->key_columns;
    if (check_keys(both, 2, keys, err) != HR_OK) return NULL;
    const struct hr_type *key = hr_schema_slice(a->schema, 0, keys);
    const struct hr_type *left = hr_schema_slice(a->schema, keys, a->schema->field_count - keys);
    const struct hr_type *right = hr_schema_slice(b->schema, keys, b->schema->field_count - keys);
    bool left_null = mode == RIGHT || mode == FULL, right_null = mode == LEFT || mode == FULL;
    const struct hr_type *values =
        left && right ? hr_schema_concat(left, right, left_null, right_null) : NULL;
    const struct hr_type *schema =
        key && values ? hr_schema_concat(key, values, false, false) : NULL;
    return group(both, 2, keys, schema, mode, &cogroup_vt, partitions, err);
}

struct hr_rdd *hr_rdd_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                           struct hr_err *err)
{
    return join(a, b, INNER, partitions, err);
}

struct hr_rdd *hr_rdd_left_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err)
{
    return join(a, b, LEFT, partitions, err);
}

struct hr_rdd *hr_rdd_right_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                       struct hr_err *err)
{
    return join(a, b, RIGHT, partitions, err);
}

struct hr_rdd *hr_rdd_full_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err)
{
    return join(a, b, FULL, partitions, err);
}

struct hr_rdd *hr_rdd_subtract_by_key(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err)
{
    if (!a || !b) return NULL;
    struct hr_rdd *both[] = {a, b};
    return group(both, 2, hr_node_of(a)->key_columns, a->schema, SUBTRACT, &subtract_vt, partitions,
                 err);
}

/* Whole rows as keys. */
static struct hr_rdd *whole_rows(struct hr_rdd *a, struct hr_rdd *b, enum group_mode mode,
                                 uint32_t partitions, struct hr_err *err)
{
    if (!a || !b) return NULL;
    struct hr_rdd *both[] = {a, b};
    uint32_t keys = a->schema->field_count;
    if (b->schema->field_count != keys) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "RDDs of %u and %u columns", keys,
                          b->schema->field_count));
        return NULL;
    }
    struct hr_rdd *out = group(both, 2, keys, a->schema, mode, &subtract_vt, partitions, err);
    if (out && hr_node_of(a)->key_columns != keys) {
        hr_node_of(out)->key_columns = hr_node_of(a)->key_columns;
        hr_node_place(hr_node_of(out), (struct hr_placement){0});
    }
    return out;
}

struct hr_rdd *hr_rdd_intersection(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                   struct hr_err *err)
{
    return whole_rows(a, b, INTERSECT, partitions, err);
}

struct hr_rdd *hr_rdd_subtract(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                               struct hr_err *err)
{
    return whole_rows(a, b, SUBTRACT, partitions, err);
}
