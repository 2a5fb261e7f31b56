/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChangesJoin: two streams of which rows may be taken back, without a bound in time. Each side's
 * rows are kept by key with their counts (state/lists.h, one table a side), for as long as they are
 * there.
 *
 * An epoch's rows are summed up by row and sorted by key first; then every touched key is joined
 * once. With Δ for what the epoch brings:
 *
 *   pairs          ΔL × R, then (L + ΔL) × ΔR; counts multiply
 *   rows that      a row counts while the sum d of its partners' counts is 0 (padded, ANTI) or
 *   stand alone    above 0 (SEMI): what comes out is the difference between before and after the
 *                  epoch, so that nothing flickers inside one
 *
 * Without a further condition d is the key's: one sum a side. With one it is each row's own; outer
 * and half joins then test all pairs of a touched key. A row with a NULL in a key has no partner
 * and needs no state.
 *
 * Rows are kept as bytes (state/table.h: a key codec over all columns, exact); a row that comes
 * again is kept again, one that is taken back is looked for among its key's. Output of one key is
 * gathered before it goes out.
 */
#include "operator/changes_join.h"
#include "operator/consolidate.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

/* A row of the epoch: the sum of its changes. Its key in the table: the row's bytes. */
struct delta {
    int64_t weight;
    uint32_t next; /* of the same key: reference in the side's table; 0: none */
    uint32_t unused;
};

/* A key that the epoch touches: its rows by side. */
struct touched {
    uint32_t first[2];
};

struct side {
    struct hr_op *input;
    const struct hr_type *schema;
    struct hr_eval *keys;
    const struct hr_key_codec *codec; /* of its rows */
    struct hr_ktable *deltas;
    bool stands; /* rows without a partner (SEMI: with one) come out by themselves */
    /* rows that stand alone, to go out */
    struct hr_str_view *lone;
    int64_t *lone_weights;
    uint32_t lone_count;
};

/* A row of a key while all its pairs are tested. */
struct member {
    struct hr_str_view bytes;
    int64_t before, after; /* its count */
    int64_t partners_before, partners_after;
};

struct changes_join {
    struct hr_op op;
    struct hr_stateful s;
    struct side sides[2];
    enum hr_join_kind kind;
    struct hr_eval *condition;
    bool tests_all; /* the condition decides who stands alone */
    const struct hr_type *pair_schema;
    struct hr_vector *key_vectors, *row_vectors;
    struct hr_keys row_bytes;
    struct hr_ktable *touched;
    struct hr_arena scratch;
    bool has_input, is_done;
    struct hr_ktable_iter iter;
    /* pairs to be tested and put out */
    uint32_t most, pair_count;
    struct hr_str_view *pair_bytes[2];
    int64_t *pair_weights;
    struct member **pair_members[2];
    /* rows of a key that is tested as a whole */
    struct member *members[2];
    uint32_t member_counts[2], member_capacities[2];
    /* batches that go out */
    struct hr_batch **queue;
    uint32_t queue_count, queue_capacity, queue_at;
};

static bool is_half(const struct changes_join *op)
{
    return op->kind == HR_PJOIN_SEMI || op->kind == HR_PJOIN_ANTI;
}

static bool side_stands(enum hr_join_kind kind, uint32_t side)
{
    if (kind == HR_PJOIN_FULL) return true;
    return side == 0
               ? kind == HR_PJOIN_LEFT || kind == HR_PJOIN_ANTI || kind == HR_PJOIN_SEMI
               : kind == HR_PJOIN_RIGHT;
}

/* Does a row with partners of this count come out by itself? */
static bool stands_with(const struct changes_join *op, int64_t partners)
{
    return op->kind == HR_PJOIN_SEMI ? partners > 0 : partners == 0;
}

/* --- Opening and closing ---------------------------------------------------------------------- */

static hr_status changes_join_args(const struct hr_pnode *node, struct hr_arena *arena,
                                   struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(node);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "changesJoin";
    ret->table_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        ret->tables[i].kind = HR_STATE_LISTS;
        ret->tables[i].name = i ? "right" : "left";
    }
    return HR_OK;
}

static void changes_join_close(struct hr_op *base)
{
    struct changes_join *op = (struct changes_join *)base;
    for (uint32_t i = 0; i < 2; i++) {
        hr_eval_free(op->sides[i].keys);
        hr_ktable_free(op->sides[i].deltas);
        hr_free(op->members[i]);
    }
    hr_eval_free(op->condition);
    hr_ktable_free(op->touched);
    for (uint32_t i = op->queue_at; i < op->queue_count; i++) hr_batch_unref(op->queue[i]);
    hr_free(op->queue);
    hr_keys_done(&op->row_bytes);
    hr_stateful_close(&op->s);
    hr_arena_done(&op->scratch);
}

static hr_status open_side(struct changes_join *op, uint32_t index, struct hr_err *err)
{
    assert(index < 2 && op->most > 0);
    struct side *side = &op->sides[index];
    struct hr_task *task = op->op.task;
    side->input = op->op.children[index];
    side->schema = op->op.node->children[index]->schema;
    side->stands = side_stands(op->kind, index);
    HR_TRY(hr_join_open_eval(task, HR_PNODE(changes_join, op->op.node)->keys[index], &side->keys,
                             err));
    uint32_t count = side->schema->field_count;
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, count + 1);
    side->lone = hr_arena_alloc(task->arena, sizeof *side->lone * op->most);
    side->lone_weights = hr_arena_alloc(task->arena, sizeof *side->lone_weights * op->most);
    op->pair_bytes[index] = hr_arena_alloc(task->arena, sizeof(struct hr_str_view) * op->most);
    op->pair_members[index] = hr_arena_alloc(task->arena, sizeof(struct member *) * op->most);
    if (!types || !side->lone || !side->lone_weights || !op->pair_bytes[index] ||
        !op->pair_members[index])
        return HR_OOM(err);
    for (uint32_t c = 0; c < count; c++) types[c] = side->schema->fields[c].type;
    HR_TRY(hr_key_codec_new(task->arena, types, count, &side->codec, err));
    struct hr_ktable_options options = {.states_bytes = sizeof(struct delta), .mem = task->mem};
    return hr_ktable_new(&options, &side->deltas, err);
}

static hr_status open_parts(struct changes_join *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_changes_join_pnode *join = HR_PNODE(changes_join, node);
    struct hr_task *task = op->op.task;
    uint32_t keys = join->key_count;
    uint32_t columns = HR_MAX(node->children[0]->schema->field_count,
                              node->children[1]->schema->field_count);
    op->kind = join->kind;
    op->row_bytes.mem = task->mem;
    op->most = task->conf->batch_rows ? task->conf->batch_rows : BLOCK;
    hr_arena_init(&op->scratch, task->mem);
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, keys + 1);
    op->key_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, keys + 1);
    op->row_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, columns + 1);
    op->pair_weights = hr_arena_alloc(task->arena, sizeof *op->pair_weights * op->most);
    if (!types || !op->key_vectors || !op->row_vectors || !op->pair_weights) return HR_OOM(err);
    for (uint32_t k = 0; k < keys; k++) types[k] = node->exprs[k]->type;
    HR_TRY(hr_stateful_open(&op->s, node, task, types, keys, err));
    for (uint32_t i = 0; i < 2; i++) HR_TRY(open_side(op, i, err));
    HR_TRY(hr_join_open_eval(task, node->program, &op->condition, err));
    op->tests_all = op->condition && (op->sides[0].stands || op->sides[1].stands);
    struct hr_ktable_options options = {.states_bytes = sizeof(struct touched), .mem = task->mem};
    HR_TRY(hr_ktable_new(&options, &op->touched, err));
    return hr_join_pair_schema(node, op->kind, task->arena, &op->pair_schema, err);
}

static hr_status changes_join_open(const struct hr_pnode *node, struct hr_task *task,
                                   struct hr_op **children, struct hr_op **ret_op,
                                   struct hr_err *err)
{
    assert(children && node->child_count == 2);
    assert(node->state_id >= 0 && task->exec->states);
    struct changes_join *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        changes_join_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

static hr_status enqueue(struct changes_join *op, struct hr_batch *batch, struct hr_err *err)
{
    assert(op->queue_at <= op->queue_count);
    if (op->queue_count == op->queue_capacity) {
        uint32_t capacity = op->queue_capacity ? 2 * op->queue_capacity : 16;
        void *grown = hr_realloc(op->queue, sizeof *op->queue * capacity);
        if (!grown) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
        op->queue = grown;
        op->queue_capacity = capacity;
    }
    op->queue[op->queue_count++] = batch;
    return HR_OK;
}

static hr_status weigh(struct hr_batch *batch, const int64_t *weights, struct hr_err *err)
{
    assert(!batch->weights);
    int32_t *to = hr_arena_alloc_aligned(&batch->arena, sizeof *to * (batch->row_count + 1));
    if (!to) return HR_OOM(err);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        if (weights[i] > INT32_MAX || weights[i] < -INT32_MAX)
            return HR_RAISE(err, HR_E_LIMIT, "what", "how often a row of a join is there", "limit",
                            "2147483647");
        to[i] = (int32_t)weights[i];
    }
    batch->weights = to;
    return HR_OK;
}

static hr_status fill_lone(struct changes_join *op, uint32_t index, struct hr_batch *out,
                           struct hr_err *err)
{
    assert(op->sides[index].lone_count <= op->most);
    assert(out->row_count == op->sides[index].lone_count);
    struct side *side = &op->sides[index];
    uint32_t left = op->sides[0].schema->field_count;
    uint32_t first = index ? left : 0, other = index ? 0 : left;
    HR_TRY(weigh(out, side->lone_weights, err));
    HR_TRY(hr_keys_decode(side->codec, side->lone, side->lone_count, &out->arena,
                          &out->columns[first], err));
    const struct hr_type *nulls = op->sides[1 - index].schema;
    for (uint32_t c = 0; !is_half(op) && c < nulls->field_count; c++)
        HR_TRY(hr_column_nulls(&out->arena, nulls->fields[c].type, side->lone_count,
                               &out->columns[other + c], err));
    return HR_OK;
}

static hr_status flush_lone(struct changes_join *op, uint32_t index, struct hr_err *err)
{
    struct side *side = &op->sides[index];
    if (side->lone_count == 0) return HR_OK;
    struct hr_batch *out = hr_batch_new(op->op.node->schema, side->lone_count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = fill_lone(op, index, out, err);
    side->lone_count = 0;
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    return enqueue(op, out, err);
}

static hr_status push_lone(struct changes_join *op, uint32_t index, struct hr_str_view bytes,
                           int64_t weight, struct hr_err *err)
{
    assert(op->sides[index].stands && op->sides[index].lone_count < op->most);
    struct side *side = &op->sides[index];
    if (weight == 0) return HR_OK;
    side->lone[side->lone_count] = bytes;
    side->lone_weights[side->lone_count++] = weight;
    return side->lone_count == op->most ? flush_lone(op, index, err) : HR_OK;
}

/* Those of the pairs that passed which come out; the rows of a key note their partners. */
static uint32_t take_pairs(struct changes_join *op, const uint32_t *passed, uint32_t count,
                           uint32_t *sel)
{
    assert(count <= op->pair_count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = passed ? passed[i] : i;
        if (op->tests_all) {
            struct member *l = op->pair_members[0][p], *r = op->pair_members[1][p];
            l->partners_before += r->before;
            l->partners_after += r->after;
            r->partners_before += l->before;
            r->partners_after += l->after;
        }
        sel[n] = p;
        n += op->pair_weights[p] != 0 && !is_half(op);
    }
    return n;
}

static hr_status fill_pairs(struct changes_join *op, struct hr_batch *out, struct hr_err *err)
{
    assert(out->row_count == op->pair_count && op->pair_count <= op->most);
    uint32_t left = op->sides[0].schema->field_count, count = op->pair_count;
    for (uint32_t s = 0; s < 2; s++)
        HR_TRY(hr_keys_decode(op->sides[s].codec, op->pair_bytes[s], count, &out->arena,
                              &out->columns[s ? left : 0], err));
    const uint32_t *passed = NULL;
    uint32_t *sel = hr_arena_alloc(&out->arena, sizeof *sel * count);
    if (!sel) return HR_OOM(err);
    if (op->condition)
        HR_TRY(hr_eval_filter(op->condition, out, &out->arena, &passed, &count, err));
    count = take_pairs(op, passed, count, sel);
    out->sel = sel;
    out->sel_count = count;
    return weigh(out, op->pair_weights, err);
}

static hr_status flush_pairs(struct changes_join *op, struct hr_err *err)
{
    if (op->pair_count == 0) return HR_OK;
    struct hr_batch *out = hr_batch_new(op->pair_schema, op->pair_count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = fill_pairs(op, out, err);
    op->pair_count = 0;
    if (status != HR_OK || out->sel_count == 0) {
        hr_batch_unref(out);
        return status;
    }
    out->schema = op->op.node->schema;
    return enqueue(op, out, err);
}

static hr_status push_pair(struct changes_join *op, struct hr_str_view left,
                           struct hr_str_view right, int64_t weight, struct hr_err *err)
{
    assert(op->pair_count < op->most);
    op->pair_bytes[0][op->pair_count] = left;
    op->pair_bytes[1][op->pair_count] = right;
    op->pair_weights[op->pair_count++] = weight;
    return op->pair_count == op->most ? flush_pairs(op, err) : HR_OK;
}

/* --- Input ------------------------------------------------------------------------------------ */

static hr_status link_rows(struct changes_join *op, uint32_t index, const struct hr_batch *in,
                           const uint32_t *rows, uint32_t count, struct hr_err *err)
{
    assert(index < 2 && count > 0 && count <= BLOCK);
    struct side *side = &op->sides[index];
    uint8_t *entries[BLOCK], *keys[BLOCK], is_new[BLOCK];
    struct hr_string none = hr_string_make("", 0);
    uint64_t none_hash = hr_key_hash("", 0);
    HR_TRY(hr_ktable_upsert(side->deltas, op->row_bytes.views, op->row_bytes.hashes, count, entries,
                            is_new, err));
    if (op->s.codec) {
        HR_TRY(hr_ktable_upsert(op->touched, op->s.keys.views, op->s.keys.hashes, count, keys, NULL,
                                err));
    } else {
        HR_TRY(hr_ktable_upsert(op->touched, &none, &none_hash, 1, keys, NULL, err));
        for (uint32_t i = 1; i < count; i++) keys[i] = keys[0];
    }
    for (uint32_t i = 0; i < count; i++) {
        struct delta *delta = (struct delta *)(void *)entries[i];
        struct touched *key = (struct touched *)(void *)keys[i];
        delta->weight += in->weights ? in->weights[rows[i]] : 1;
        if (!is_new[i]) continue;
        delta->next = key->first[index];
        key->first[index] = hr_ktable_ref(side->deltas, entries[i]);
    }
    return HR_OK;
}

/* Rows with a NULL in a key have no partner: they come out at once, or are of no interest. */
static hr_status part_nulls(struct changes_join *op, uint32_t index, const struct hr_batch *in,
                            uint32_t *rows, uint32_t *count, struct hr_err *err)
{
    assert(op->s.codec && *count <= BLOCK);
    const struct hr_changes_join_pnode *join = HR_PNODE(changes_join, op->op.node);
    struct side *side = &op->sides[index];
    uint8_t nulls[BLOCK];
    uint32_t alone[BLOCK], n = 0, kept = 0;
    hr_join_mark_nulls(op->key_vectors, join->null_safe, join->key_count, rows, *count, nulls);
    for (uint32_t i = 0; i < *count; i++) {
        if (nulls[i])
            alone[n++] = rows[i];
        else
            rows[kept++] = rows[i];
    }
    *count = kept;
    if (n == 0 || !side->stands || op->kind == HR_PJOIN_SEMI) return HR_OK;
    HR_TRY(hr_keys_encode(side->codec, op->row_vectors, alone, n, HR_KEYS_NO_HASH | HR_KEYS_EXACT,
                          &op->row_bytes, err));
    for (uint32_t i = 0; i < n; i++)
        HR_TRY(push_lone(op, index, hr_string_view(&op->row_bytes.views[i]),
                         in->weights ? in->weights[alone[i]] : 1, err));
    return flush_lone(op, index, err); /* the bytes are used again */
}

static hr_status take_batch(struct changes_join *op, uint32_t index, const struct hr_batch *in,
                            struct hr_err *err)
{
    assert(!op->has_input && index < 2);
    struct side *side = &op->sides[index];
    hr_arena_reset(&op->scratch);
    if (side->keys) HR_TRY(hr_eval_vectors(side->keys, in, &op->scratch, op->key_vectors, err));
    for (uint32_t c = 0; c < side->schema->field_count; c++)
        op->row_vectors[c] = (struct hr_vector){.col = in->columns[c]};
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t rows[BLOCK], n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) rows[i] = hr_op_row(in, at + i);
        if (op->s.codec) {
            HR_TRY(part_nulls(op, index, in, rows, &n, err));
            HR_TRY(hr_stateful_encode(&op->s, op->key_vectors, rows, n, err));
        }
        HR_TRY(hr_keys_encode(side->codec, op->row_vectors, rows, n, HR_KEYS_EXACT, &op->row_bytes,
                              err));
        if (n) HR_TRY(link_rows(op, index, in, rows, n, err));
    }
    return HR_OK;
}

static hr_status take_input(struct changes_join *op, struct hr_err *err)
{
    assert(!op->has_input && op->queue_at == 0);
    for (uint32_t i = 0; i < 2; i++) {
        for (;;) {
            struct hr_batch *in;
            HR_TRY(hr_op_next(op->sides[i].input, &in, err));
            if (!in) break;
            hr_status status = take_batch(op, i, in, err);
            hr_batch_unref(in);
            HR_TRY(status);
        }
    }
    hr_ktable_iter_all(op->touched, &op->iter);
    op->has_input = true;
    return HR_OK;
}

/* --- One key ---------------------------------------------------------------------------------- */

/* A key that is being joined. */
struct meeting {
    const struct touched *touched;
    struct hr_state_part *part;
    struct hr_string key;
    uint64_t hash;
    struct hr_lkey *kept[2]; /* NULL: none of this side */
};

static struct delta *delta_at(const struct changes_join *op, uint32_t side, uint32_t ref)
{
    return ref ? (struct delta *)(void *)hr_ktable_at(op->sides[side].deltas, ref) : NULL;
}

static struct hr_str_view delta_bytes(const struct changes_join *op, uint32_t side,
                                      const struct delta *delta)
{
    return hr_ktable_key(op->sides[side].deltas, (const uint8_t *)delta);
}

static struct hr_str_view row_bytes(struct hr_lrow *row)
{
    return hr_svn((const char *)hr_lrow_payload(row), row->len);
}

/* for each delta of a key's side; for each kept row of it */
#define EACH_DELTA(d, s)                                                               \
    for (struct delta *d = delta_at(op, s, m->touched->first[s]); d;                   \
         d = delta_at(op, s, d->next))
#define EACH_KEPT(r, s)                                                                \
    for (struct hr_lrow *r = hr_lists_first(hr_state_lists(m->part, s), m->kept[s]); r; \
         r = hr_lists_next(hr_state_lists(m->part, s), r))

static hr_status pair_deltas(struct changes_join *op, const struct meeting *m, struct hr_err *err)
{
    if (is_half(op)) return HR_OK;
    EACH_DELTA(l, 0)
    {
        if (l->weight == 0) continue;
        struct hr_str_view left = delta_bytes(op, 0, l);
        EACH_KEPT(r, 1) HR_TRY(push_pair(op, left, row_bytes(r), l->weight * r->weight, err));
    }
    EACH_DELTA(r, 1)
    {
        if (r->weight == 0) continue;
        struct hr_str_view right = delta_bytes(op, 1, r);
        EACH_KEPT(l, 0) HR_TRY(push_pair(op, row_bytes(l), right, l->weight * r->weight, err));
        EACH_DELTA(l, 0)
        {
            if (l->weight == 0) continue;
            HR_TRY(push_pair(op, delta_bytes(op, 0, l), right, l->weight * r->weight, err));
        }
    }
    return HR_OK;
}

/* Without a further condition all rows of the key's side have the same partners. */
static hr_status stand_by_key(struct changes_join *op, const struct meeting *m, uint32_t side,
                              struct hr_err *err)
{
    assert(!op->tests_all && op->sides[side].stands);
    int64_t before = 0;
    EACH_KEPT(r, 1 - side) before += r->weight;
    int64_t after = before;
    EACH_DELTA(d, 1 - side) after += d->weight;
    bool was = stands_with(op, before), is = stands_with(op, after);
    EACH_DELTA(d, side)
    {
        if (is) HR_TRY(push_lone(op, side, delta_bytes(op, side, d), d->weight, err));
    }
    if (was == is) return HR_OK;
    EACH_KEPT(r, side)
    HR_TRY(push_lone(op, side, row_bytes(r), is ? r->weight : -r->weight, err));
    return HR_OK;
}

static hr_status add_member(struct changes_join *op, uint32_t side, struct hr_str_view bytes,
                            int64_t before, int64_t after, struct hr_err *err)
{
    assert(before >= 0); /* what is kept is there once at least, or never was */
    if (op->member_counts[side] == op->member_capacities[side]) {
        uint32_t capacity = op->member_capacities[side] ? 2 * op->member_capacities[side] : 64;
        void *grown = hr_realloc(op->members[side], sizeof(struct member) * capacity);
        if (!grown) return HR_OOM(err);
        op->members[side] = grown;
        op->member_capacities[side] = capacity;
    }
    op->members[side][op->member_counts[side]++] =
        (struct member){.bytes = bytes, .before = before, .after = after};
    return HR_OK;
}

/* All pairs of the key are tested: who stands alone is for the condition to say. */
static hr_status test_key(struct changes_join *op, const struct meeting *m, struct hr_err *err)
{
    assert(op->tests_all && op->condition);
    for (uint32_t s = 0; s < 2; s++) {
        op->member_counts[s] = 0;
        EACH_KEPT(r, s) HR_TRY(add_member(op, s, row_bytes(r), r->weight, r->weight, err));
        EACH_DELTA(d, s) HR_TRY(add_member(op, s, delta_bytes(op, s, d), 0, d->weight, err));
    }
    HR_TRY(flush_pairs(op, err));
    for (uint32_t i = 0; i < op->member_counts[0]; i++) {
        struct member *l = &op->members[0][i];
        for (uint32_t k = 0; k < op->member_counts[1]; k++) {
            struct member *r = &op->members[1][k];
            op->pair_members[0][op->pair_count] = l;
            op->pair_members[1][op->pair_count] = r;
            HR_TRY(push_pair(op, l->bytes, r->bytes, l->after * r->after - l->before * r->before,
                             err));
        }
    }
    HR_TRY(flush_pairs(op, err));
    for (uint32_t s = 0; s < 2; s++) {
        for (uint32_t i = 0; op->sides[s].stands && i < op->member_counts[s]; i++) {
            const struct member *row = &op->members[s][i];
            int64_t was = stands_with(op, row->partners_before) ? row->before : 0;
            int64_t is = stands_with(op, row->partners_after) ? row->after : 0;
            HR_TRY(push_lone(op, s, row->bytes, is - was, err));
        }
    }
    return HR_OK;
}

/* --- Keeping rows ----------------------------------------------------------------------------- */

static hr_status take_back(struct changes_join *op, const struct meeting *m, uint32_t side,
                           struct hr_str_view bytes, int64_t count, struct hr_err *err)
{
    assert(count > 0);
    struct hr_lists *lists = hr_state_lists(m->part, side);
    struct hr_lrow *next;
    for (struct hr_lrow *r = hr_lists_first(lists, m->kept[side]); r && count > 0; r = next) {
        next = hr_lists_next(lists, r);
        if (r->len != bytes.len || memcmp(hr_lrow_payload(r), bytes.ptr, bytes.len) != 0) continue;
        int64_t less = HR_MIN(count, (int64_t)r->weight);
        count -= less;
        if (less == r->weight) {
            HR_TRY(hr_lists_delete(lists, r, err));
            m->part->rows_removed++;
            continue;
        }
        HR_TRY(hr_lists_touch(lists, r, false, err));
        r->weight -= (int32_t)less;
        m->part->rows_updated++;
    }
    return count ? hr_below_zero(op->op.node, op->sides[side].codec, op->sides[side].schema, bytes,
                                 err)
                 : HR_OK;
}

static hr_status keep_deltas(struct changes_join *op, const struct meeting *m, uint32_t side,
                             struct hr_err *err)
{
    EACH_DELTA(d, side)
    {
        if (d->weight < 0)
            HR_TRY(take_back(op, m, side, delta_bytes(op, side, d), -d->weight, err));
    }
    EACH_DELTA(d, side)
    {
        struct hr_str_view bytes = delta_bytes(op, side, d);
        struct hr_lrow *row;
        if (d->weight <= 0) continue;
        if (d->weight > INT32_MAX)
            return HR_RAISE(err, HR_E_LIMIT, "what", "how often a row of a join is there", "limit",
                            "2147483647");
        HR_TRY(hr_lists_add(hr_state_lists(m->part, side), &m->key, &m->hash, &bytes, NULL, 1, &row,
                            err));
        row->weight = (int32_t)d->weight;
        m->part->rows_updated++;
    }
    return HR_OK;
}

static hr_status join_key(struct changes_join *op, const uint8_t *states, struct hr_err *err)
{
    struct hr_str_view key = hr_ktable_key(op->touched, states);
    struct meeting meeting = {.touched = (const struct touched *)(const void *)states,
                              .key = hr_string_make(key.ptr, (uint32_t)key.len),
                              .hash = hr_key_hash(key.ptr, key.len)};
    struct meeting *m = &meeting;
    m->part = hr_stateful_part(&op->s, m->hash);
    for (uint32_t s = 0; s < 2; s++)
        hr_lists_find(hr_state_lists(m->part, s), &m->key, &m->hash, 1, &m->kept[s]);
    if (op->tests_all) {
        HR_TRY(test_key(op, m, err));
    } else {
        HR_TRY(pair_deltas(op, m, err));
        for (uint32_t s = 0; s < 2; s++)
            if (op->sides[s].stands) HR_TRY(stand_by_key(op, m, s, err));
    }
    for (uint32_t s = 0; s < 2; s++) HR_TRY(keep_deltas(op, m, s, err));
    return HR_OK;
}

/* Output waits until there is a batch of it: its bytes are the epoch's and the state's, where rows
 * that went stay readable until the epoch ends. */
static hr_status changes_join_next(struct hr_op *base, struct hr_batch **ret_batch,
                                   struct hr_err *err)
{
    struct changes_join *op = (struct changes_join *)base;
    *ret_batch = NULL;
    if (!op->has_input) HR_TRY(take_input(op, err));
    while (op->queue_at == op->queue_count) {
        uint8_t *key;
        op->queue_at = op->queue_count = 0;
        if (op->is_done) return HR_OK;
        if (hr_ktable_iter_next(&op->iter, &key, 1)) {
            HR_TRY(join_key(op, key, err));
            continue;
        }
        op->is_done = true;
        HR_TRY(flush_pairs(op, err));
        for (uint32_t s = 0; s < 2; s++) HR_TRY(flush_lone(op, s, err));
    }
    assert(op->queue_at < op->queue_count && op->queue[op->queue_at]->weights);
    *ret_batch = op->queue[op->queue_at++];
    return HR_OK;
}

/* --- The plan --------------------------------------------------------------------------------- */

static void changes_join_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_changes_join_pnode *join = HR_PNODE(changes_join, node);
    hr_buf_printf(out, "%s, left keys=", hr_join_kind_name(join->kind));
    hr_op_print_exprs(node->exprs, join->key_count, out);
    hr_buf_puts(out, ", right keys=");
    hr_op_print_exprs(node->exprs + join->key_count, join->key_count, out);
    if (!node->program) return;
    hr_buf_puts(out, ", ");
    hr_expr_print(node->exprs[2 * join->key_count], out);
}

static void changes_join_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    const struct hr_changes_join_pnode *join = HR_PNODE(changes_join, node);
    inout->key_count = join->key_count;
    inout->side_count = 2;
    inout->null_safe = join->null_safe;
    inout->form = hr_join_kind_name(join->kind);
    inout->times[0] = inout->times[1] = -1;
}

static void changes_join_text(const struct hr_pnode *node, struct hr_buf *out)
{
    HR_UNUSED(node);
    hr_buf_puts(out, "each row of both sides, kept while it is there");
}

static const char *changes_join_grows(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return "left and right rows, as many as there are; a watermark on both sides and a range "
           "condition between their times would bound them";
}

const struct hr_operator_vt hr_op_changes_join = {
    .name = "ChangesJoin",
    .node_size = sizeof(struct hr_changes_join_pnode),
    .gathers = true,
    .open = changes_join_open,
    .next = changes_join_next,
    .close = changes_join_close,
    .explain = changes_join_explain,
    .state_args = changes_join_args,
    .state_identity = changes_join_identity,
    .state_text = changes_join_text,
    .grows = changes_join_grows,
};
