/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HashJoin: all kinds. The build side is read first and kept as one batch; a keyed table maps a
 * key to the first of its rows, next[] chains the others in order. The probe side streams: a
 * batch's
 * keys are looked up at once, then pairs are gathered by up to a batch at a time.
 *
 *   pairs      (probe row, build row); NONE on the side that has no partner
 *   condition  tested on the pairs; who passed is noted per probe row of the batch and build row
 *   SEMI, ANTI a selection of the probe batch; MARK: the batch and a column
 *   outer      of the probe side: with the pairs, or after a batch's pairs where there is a
 *              condition; of the build side: after the last batch
 *
 * Without keys every probe row is chained to all build rows (nested loop). NULL keys match nothing
 * unless the key is null-safe.
 */
#include "operator/hash_join.h"
#include "operator/operator.h"
#include "state/table.h"

#define NONE UINT32_MAX

struct chain {
    uint32_t head, tail;
};

enum { NO, YES, MAYBE };

enum phase { PHASE_BUILD, PHASE_PROBE, PHASE_REST, PHASE_DONE };

struct join {
    struct hr_op op;
    struct hr_op *build_op, *probe_op;
    bool probe_outer, build_outer, is_semi, is_anti, is_mark, is_single;
    bool only_probe; /* SEMI, ANTI, MARK: no pairs come out */
    enum hr_join_nulls nulls;
    bool build_has_null; /* a NULL among the build side's keys */
    struct hr_eval *build_eval, *probe_eval, *condition;
    const struct hr_type *pair_schema; /* left ++ right */
    const struct hr_key_codec *codec;
    struct hr_keys keys;
    struct hr_vector *vectors;
    struct hr_arena scratch; /* of the batch being read */
    struct hr_ktable *table;
    struct hr_batch *build; /* all of its rows; NULL: none */
    uint32_t *next;         /* by build row */
    uint64_t *build_matched;
    int64_t reserved_bytes;
    bool one_row;              /* the build side, and every probe row takes it */
    struct hr_batch *repeated; /* that row again and again */
    enum phase phase;
    /* the probe batch being worked on */
    struct hr_batch *in;
    uint8_t **states;
    uint8_t *matched;    /* by live row: YES, or MAYBE, where a comparison was NULL */
    uint32_t at, cursor; /* live row, next build row of its chain */
    bool cursor_open;    /* cursor is in the middle of at's chain */
    bool rest_of_in;     /* pairs are done: the unmatched rows remain */
    uint32_t rest_at;    /* build row */
    /* of one output batch */
    uint32_t most;
    uint32_t *probe_rows, *build_rows, *live_rows;
};

/* --- Opening and closing ---------------------------------------------------------------------- */

static void join_close(struct hr_op *base)
{
    struct join *op = (struct join *)base;
    hr_ktable_free(op->table);
    hr_batch_unref(op->build);
    hr_batch_unref(op->in);
    hr_batch_unref(op->repeated);
    hr_free(op->next);
    hr_free(op->build_matched);
    hr_mem_release(base->task->mem, op->reserved_bytes);
    hr_keys_done(&op->keys);
    hr_eval_free(op->build_eval);
    hr_eval_free(op->probe_eval);
    hr_eval_free(op->condition);
    hr_arena_done(&op->scratch);
}

hr_status hr_join_open_eval(struct hr_task *task, const struct hr_program *program,
                            struct hr_eval **ret, struct hr_err *err)
{
    if (!program) return HR_OK;
    HR_TRY(hr_eval_new(program, task->mem, ret, err));
    hr_eval_set_context(*ret, task->now_us, task->partition);
    return HR_OK;
}

hr_status hr_join_pair_schema(const struct hr_pnode *node, enum hr_join_kind kind,
                              struct hr_arena *arena, const struct hr_type **ret,
                              struct hr_err *err)
{
    *ret = node->schema;
    if (kind != HR_PJOIN_SEMI && kind != HR_PJOIN_ANTI && kind != HR_PJOIN_MARK) return HR_OK;
    const struct hr_type *left = node->children[0]->schema, *right = node->children[1]->schema;
    uint32_t count = left->field_count + right->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, count + 1);
    if (!fields) return HR_OOM(err);
    uint32_t at = 0; /* a side may have no column at all */
    for (uint32_t i = 0; i < left->field_count; i++) fields[at++] = left->fields[i];
    for (uint32_t i = 0; i < right->field_count; i++) fields[at++] = right->fields[i];
    *ret = hr_type_struct(fields, count);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status open_parts(struct join *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_join_pnode *join = HR_PNODE(join, node);
    struct hr_task *task = op->op.task;
    enum hr_join_kind kind = join->kind;
    op->build_op = op->op.children[join->build_left ? 0 : 1];
    op->probe_op = op->op.children[join->build_left ? 1 : 0];
    op->is_semi = kind == HR_PJOIN_SEMI;
    op->is_anti = kind == HR_PJOIN_ANTI;
    op->is_mark = kind == HR_PJOIN_MARK;
    op->is_single = kind == HR_PJOIN_SINGLE;
    op->only_probe = op->is_semi || op->is_anti || op->is_mark;
    op->nulls = join->nulls;
    op->probe_outer = kind == HR_PJOIN_FULL || op->is_single ||
                      kind == (join->build_left ? HR_PJOIN_RIGHT : HR_PJOIN_LEFT);
    op->build_outer =
        kind == HR_PJOIN_FULL || kind == (join->build_left ? HR_PJOIN_LEFT : HR_PJOIN_RIGHT);
    if (join->build_left && (op->only_probe || op->is_single))
        return HR_BUG(err, "a %s join is built of its right side", hr_join_kind_name(kind));
    hr_arena_init(&op->scratch, task->mem);
    op->keys.mem = task->mem;
    op->most = task->conf->batch_rows ? task->conf->batch_rows : HR_BATCH_ROWS;
    op->probe_rows = hr_arena_alloc(task->arena, op->most * sizeof(uint32_t));
    op->build_rows = hr_arena_alloc(task->arena, op->most * sizeof(uint32_t));
    op->live_rows = hr_arena_alloc(task->arena, op->most * sizeof(uint32_t));
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, join->key_count + 1);
    if (!op->probe_rows || !op->build_rows || !op->live_rows || !op->vectors) return HR_OOM(err);
    const struct hr_program *left = join->left_keys, *right = join->right_keys;
    if (join->key_count) {
        HR_TRY(hr_join_open_eval(task, join->build_left ? left : right, &op->build_eval, err));
        HR_TRY(hr_join_open_eval(task, join->build_left ? right : left, &op->probe_eval, err));
    }
    HR_TRY(hr_join_open_eval(task, node->program, &op->condition, err));
    return hr_join_pair_schema(node, kind, task->arena, &op->pair_schema, err);
}

static hr_status join_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 2);
    assert(!HR_PNODE(join, node)->key_count || HR_PNODE(join, node)->left_keys);
    struct join *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        join_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Keys ------------------------------------------------------------------------------------- */

void hr_join_mark_nulls(const struct hr_vector *keys, const bool *null_safe, uint32_t key_count,
                        const uint32_t *rows, uint32_t count, uint8_t *ret_nulls)
{
    if (count) memset(ret_nulls, 0, count);
    for (uint32_t k = 0; k < key_count; k++) {
        const struct hr_vector *v = &keys[k];
        bool can_be_null = v->col.validity || v->col.type->id == HR_T_NULL;
        if ((null_safe && null_safe[k]) || !can_be_null) continue;
        for (uint32_t i = 0; i < count; i++)
            if (!hr_column_valid(&v->col, hr_vector_row(v, rows ? rows[i] : i))) ret_nulls[i] = 1;
    }
}

/* Encodes the keys of a batch's live rows; nulls[i] is set where row i can match nothing. */
static hr_status encode(struct join *op, struct hr_eval *eval, const struct hr_batch *in,
                        struct hr_err *err)
{
    assert(eval && HR_PNODE(join, op->op.node)->key_count > 0);
    const struct hr_pnode *node = op->op.node;
    const struct hr_join_pnode *join = HR_PNODE(join, node);
    hr_arena_reset(&op->scratch);
    HR_TRY(hr_eval_vectors(eval, in, &op->scratch, op->vectors, err));
    if (!op->codec) {
        struct hr_arena *arena = op->op.task->arena;
        const struct hr_type **types = HR_NEW_ARRAY(arena, const struct hr_type *, join->key_count);
        if (!types) return HR_OOM(err);
        for (uint32_t k = 0; k < join->key_count; k++) types[k] = op->vectors[k].col.type;
        HR_TRY(hr_key_codec_new(arena, types, join->key_count, &op->codec, err));
    }
    HR_TRY(hr_keys_encode(op->codec, op->vectors, in->sel, in->sel_count, HR_KEYS_NULLS, &op->keys,
                          err));
    bool any_safe = false;
    for (uint32_t k = 0; k < join->key_count; k++)
        any_safe = any_safe || (join->null_safe && join->null_safe[k]);
    if (!any_safe) return HR_OK;
    hr_join_mark_nulls(op->vectors, join->null_safe, join->key_count, in->sel, in->sel_count,
                       op->keys.nulls);
    return HR_OK;
}

/* --- Building --------------------------------------------------------------------------------- */

static hr_status grow_next(struct join *op, uint32_t rows, uint32_t *capacity, struct hr_err *err)
{
    assert(rows < NONE); /* which ends a chain */
    if (rows <= *capacity) return HR_OK;
    uint32_t wider = HR_MAX(*capacity, 4096);
    while (wider < rows) wider = wider > UINT32_MAX / 2 ? UINT32_MAX : wider * 2;
    int64_t more = (int64_t)(wider - *capacity) * (int64_t)sizeof *op->next;
    HR_TRY(hr_mem_reserve(op->op.task->mem, more, err));
    op->reserved_bytes += more;
    uint32_t *next = hr_realloc(op->next, wider * sizeof *next);
    if (!next) return HR_OOM(err);
    op->next = next;
    *capacity = wider;
    return HR_OK;
}

/* Chains the rows of one build batch; the first of them is row number first. */
static hr_status add_rows(struct join *op, const struct hr_batch *in, uint32_t first,
                          struct hr_err *err)
{
    assert(op->phase == PHASE_BUILD && (uint64_t)first + in->sel_count < NONE);
    if (!op->build_eval) {
        for (uint32_t i = 0; i < in->sel_count; i++) op->next[first + i] = first + i + 1;
        return HR_OK;
    }
    HR_TRY(encode(op, op->build_eval, in, err));
    if (!op->table) {
        struct chain init = {NONE, NONE};
        struct hr_ktable_options options = {
            .states_bytes = sizeof init,
            .states_init = (const uint8_t *)&init,
            .mem = op->op.task->mem,
        };
        HR_TRY(hr_ktable_new(&options, &op->table, err));
    }
    uint8_t **states = hr_arena_alloc(&op->scratch, (in->sel_count + 1) * sizeof *states);
    if (!states) return HR_OOM(err);
    HR_TRY(hr_ktable_upsert(op->table, op->keys.views, op->keys.hashes, in->sel_count, states, NULL,
                            err));
    for (uint32_t i = 0; i < in->sel_count; i++) {
        uint32_t row = first + i;
        op->next[row] = NONE;
        op->build_has_null = op->build_has_null || op->keys.nulls[i];
        if (op->keys.nulls[i]) continue;
        struct chain *chain = (struct chain *)(void *)states[i];
        if (chain->head == NONE)
            chain->head = row;
        else
            op->next[chain->tail] = row;
        chain->tail = row;
    }
    return HR_OK;
}

struct inputs {
    struct hr_batch **items;
    uint32_t count, capacity;
    uint64_t rows;
};

static hr_status read_build(struct join *op, struct inputs *inputs, struct hr_err *err)
{
    assert(op->phase == PHASE_BUILD);
    uint32_t next_capacity = 0;
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->build_op, &in, err));
        if (!in) return HR_OK;
        if (inputs->count == inputs->capacity) {
            uint32_t capacity = inputs->capacity ? inputs->capacity * 2 : 16;
            struct hr_batch **items = hr_realloc(inputs->items, capacity * sizeof *items);
            if (!items) {
                hr_batch_unref(in);
                return HR_OOM(err);
            }
            inputs->items = items;
            inputs->capacity = capacity;
        }
        inputs->items[inputs->count++] = in;
        uint64_t first = inputs->rows;
        inputs->rows += in->sel_count;
        if (inputs->rows >= NONE)
            return HR_RAISE(err, HR_E_LIMIT, "what", "the build side of a join", "limit",
                            "2^32 rows");
        HR_TRY(grow_next(op, (uint32_t)inputs->rows, &next_capacity, err));
        HR_TRY(add_rows(op, in, (uint32_t)first, err));
    }
}

static hr_status build(struct join *op, struct hr_err *err)
{
    struct inputs inputs = {0};
    hr_status status = read_build(op, &inputs, err);
    if (status == HR_OK && inputs.rows) {
        op->build = hr_batch_concat(inputs.items, inputs.count, op->build_op->node->schema, false);
        if (!op->build) status = HR_OOM(err);
        if (!op->build_eval) op->next[inputs.rows - 1] = NONE;
    }
    if (status == HR_OK && op->is_single && !op->build_eval && !op->condition && inputs.rows > 1)
        status = HR_RAISE(err, HR_E_SCALAR_SUBQUERY_TOO_MANY_ROWS);
    if (status == HR_OK && op->build_outer && inputs.rows) {
        op->build_matched = hr_zalloc(hr_bit_words(inputs.rows) * 8);
        if (!op->build_matched) status = HR_OOM(err);
    }
    op->one_row = op->build && inputs.rows == 1 && !op->build_eval && !op->only_probe &&
                  !op->build_outer && !(op->probe_outer && op->condition) &&
                  !HR_PNODE(join, op->op.node)->build_left;
    for (uint32_t i = 0; i < inputs.count; i++) hr_batch_unref(inputs.items[i]);
    hr_free(inputs.items);
    assert(!op->build || op->build->row_count == inputs.rows);
    op->phase = PHASE_PROBE;
    return status;
}

/* --- Output ----------------------------------------------------------------------------------- */

static hr_status take_side(struct hr_batch *out, uint32_t at, struct hr_batch *side,
                           const struct hr_type *schema, const uint32_t *rows, uint32_t n,
                           struct hr_err *err)
{
    assert(at + schema->field_count <= out->schema->field_count);
    if (side && !hr_batch_hold_batch(out, side)) return HR_OOM(err);
    for (uint32_t c = 0; c < schema->field_count; c++) {
        struct hr_column *to = &out->columns[at + c];
        if (side)
            HR_TRY(hr_column_take(&out->arena, &side->columns[c], rows, n, to, err));
        else
            HR_TRY(hr_column_nulls(&out->arena, schema->fields[c].type, n, to, err));
    }
    return HR_OK;
}

/* n pairs as a batch of left ++ right. probe NULL: that side is all NULLs. */
static hr_status make_pairs(struct join *op, struct hr_batch *probe, uint32_t n,
                            struct hr_batch **ret, struct hr_err *err)
{
    assert(n > 0 && n <= op->most);
    const struct hr_pnode *node = op->op.node;
    struct hr_batch *out = hr_batch_new(op->pair_schema, n, op->op.task->mem);
    if (!out) return HR_OOM(err);
    const struct hr_type *left = node->children[0]->schema, *right = node->children[1]->schema;
    bool bl = HR_PNODE(join, node)->build_left;
    hr_status status = take_side(out, 0, bl ? op->build : probe, left,
                                 bl ? op->build_rows : op->probe_rows, n, err);
    if (status == HR_OK)
        status = take_side(out, left->field_count, bl ? probe : op->build, right,
                           bl ? op->probe_rows : op->build_rows, n, err);
    if (status == HR_OK && probe) status = hr_op_take_weights(out, probe, op->probe_rows, n, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

/* The next pairs of the probe batch, up to most. NONE: a row has two where it may have one. */
static uint32_t gather_pairs(struct join *op)
{
    assert(op->in && op->phase == PHASE_PROBE && !op->rest_of_in);
    const struct hr_batch *in = op->in;
    bool keyed = op->probe_eval != NULL;
    bool lone = op->probe_outer && !op->condition; /* rows without a partner come along */
    uint32_t n = 0;
    while (op->at < in->sel_count && n < op->most) {
        uint32_t row = hr_op_row(in, op->at), build_row = op->cursor;
        if (!op->cursor_open) {
            if (keyed)
                build_row = op->states[op->at] && !op->keys.nulls[op->at]
                                ? ((const struct chain *)(void *)op->states[op->at])->head
                                : NONE;
            else
                build_row = op->build ? 0 : NONE;
            if (build_row == NONE && lone) {
                op->probe_rows[n] = row;
                op->build_rows[n++] = NONE;
            }
        }
        if (op->is_single && !op->condition && build_row != NONE && op->next[build_row] != NONE)
            return NONE;
        while (build_row != NONE && n < op->most) {
            op->probe_rows[n] = row;
            op->build_rows[n] = build_row;
            op->live_rows[n++] = op->at;
            build_row = op->next[build_row];
        }
        op->cursor_open = build_row != NONE;
        op->cursor = build_row;
        if (!op->cursor_open) op->at++;
    }
    return n;
}

/* IN's comparison on the pairs: true, or NULL, which may be true. */
static hr_status test_maybe(struct join *op, struct hr_batch *pairs, struct hr_err *err)
{
    assert(op->condition && pairs->row_count <= op->most);
    struct hr_vector v;
    HR_TRY(hr_eval_vectors(op->condition, pairs, &pairs->arena, &v, err));
    for (uint32_t i = 0; i < pairs->row_count; i++) {
        uint32_t row = hr_vector_row(&v, i);
        uint8_t *matched = &op->matched[op->live_rows[i]];
        if (!hr_column_valid(&v.col, row))
            *matched = *matched == YES ? YES : MAYBE;
        else if (hr_bit_get(v.col.values, row))
            *matched = YES;
    }
    return HR_OK;
}

/* SINGLE: a row that passes a second time. */
static hr_status note_passed(struct join *op, const uint32_t *sel, uint32_t count,
                             struct hr_err *err)
{
    assert(count <= op->most && op->matched);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *matched = &op->matched[op->live_rows[sel ? sel[i] : i]];
        if (op->is_single && *matched == YES)
            return HR_RAISE(err, HR_E_SCALAR_SUBQUERY_TOO_MANY_ROWS);
        *matched = YES;
    }
    return HR_OK;
}

/* Tests the condition on the pairs in out, which may lose rows; notes who passed. NULL: none
 * did. */
static hr_status test_pairs(struct join *op, struct hr_batch **out, struct hr_err *err)
{
    struct hr_batch *pairs = *out;
    const uint32_t *sel = NULL;
    uint32_t count = pairs->row_count;
    if (op->condition) {
        if (op->nulls == HR_JOIN_NULLS_IN_CONDITION) return test_maybe(op, pairs, err);
        HR_TRY(hr_eval_filter(op->condition, pairs, &pairs->arena, &sel, &count, err));
        HR_TRY(note_passed(op, sel, count, err));
    }
    for (uint32_t i = 0; op->build_matched && i < count; i++) {
        uint32_t row = op->build_rows[sel ? sel[i] : i];
        if (row != NONE) hr_bit_set(op->build_matched, row);
    }
    if (count == pairs->row_count) return HR_OK;
    struct hr_batch *kept = count ? hr_batch_with_sel(pairs, sel, count) : NULL;
    if (count && !kept) return HR_OOM(err);
    hr_batch_unref(pairs);
    *out = kept;
    return HR_OK;
}

/* The pairs of the batch are done: rows that found no partner. NULL: none. */
static hr_status lone_rows(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    assert(op->rest_of_in && op->probe_outer);
    uint32_t n = 0;
    *ret = NULL;
    for (; op->at < op->in->sel_count && n < op->most; op->at++) {
        if (op->matched[op->at]) continue;
        op->probe_rows[n] = hr_op_row(op->in, op->at);
        op->build_rows[n++] = NONE;
    }
    return n ? make_pairs(op, op->in, n, ret, err) : HR_OK;
}

/* MARK: the rows of the batch and whether they matched. */
static hr_status mark_rows(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    assert(op->is_mark && op->matched);
    const struct hr_batch *in = op->in;
    const struct hr_type *schema = op->op.node->schema;
    uint32_t last = schema->field_count - 1;
    struct hr_batch *out = hr_batch_widen(op->in, schema);
    if (!out) return HR_OOM(err);
    struct hr_column *to = &out->columns[last];
    hr_status status =
        hr_column_alloc(&out->arena, hr_type(HR_T_BOOLEAN), in->row_count, false, to, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    uint64_t *values = (uint64_t *)(uintptr_t)to->values;
    memset(values, 0, hr_bit_words(in->row_count) * 8);
    for (uint32_t i = 0; i < in->sel_count; i++)
        if (op->matched[i] != NO) hr_bit_set(values, hr_op_row(in, i));
    *ret = out;
    return HR_OK;
}

/* SEMI and ANTI: the rows of the batch by whether they matched. */
static hr_status select_rows(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    assert((op->is_semi || op->is_anti) && op->matched);
    uint32_t *sel, n = 0;
    struct hr_batch *out = hr_batch_new_sel(op->in, op->in->sel_count, &sel);
    if (!out) return HR_OOM(err);
    for (uint32_t i = 0; i < op->in->sel_count; i++) {
        sel[n] = hr_op_row(op->in, i);
        n += op->matched[i] == (op->is_semi ? YES : NO);
    }
    out->sel_count = n;
    out->schema = op->op.node->schema;
    if (!n) {
        hr_batch_unref(out);
        out = NULL;
    }
    *ret = out;
    return HR_OK;
}

/* --- Probing ---------------------------------------------------------------------------------- */

/* Who matches, by the keys alone. */
static void match_keys(struct join *op)
{
    assert(op->only_probe && op->in);
    bool in_key = op->nulls == HR_JOIN_NULLS_IN_KEY;
    for (uint32_t i = 0; i < op->in->sel_count; i++) {
        const struct chain *chain = (const struct chain *)(void *)op->states[i];
        bool is_null = op->probe_eval && op->keys.nulls[i];
        bool found = op->probe_eval ? chain && chain->head != NONE && !is_null : op->build != NULL;
        op->matched[i] = found ? YES : NO;
        if (in_key && !found && op->build && (is_null || op->build_has_null))
            op->matched[i] = MAYBE;
    }
}

static hr_status start_batch(struct join *op, struct hr_err *err)
{
    assert(op->in && op->phase == PHASE_PROBE);
    assert(op->build || !op->table || !op->build_outer);
    struct hr_batch *in = op->in;
    op->at = 0;
    op->cursor_open = op->rest_of_in = false;
    op->states = NULL;
    if (op->probe_eval)
        HR_TRY(encode(op, op->probe_eval, in, err));
    else
        hr_arena_reset(&op->scratch);
    op->matched = hr_arena_zalloc(&op->scratch, in->sel_count + 1);
    op->states = hr_arena_zalloc(&op->scratch, (in->sel_count + 1) * sizeof *op->states);
    if (!op->matched || !op->states) return HR_OOM(err);
    if (op->table)
        hr_ktable_find(op->table, op->keys.views, op->keys.hashes, in->sel_count, op->states);
    if (op->only_probe && !op->condition) {
        match_keys(op);
        op->at = in->sel_count; /* no pairs are wanted */
    }
    return HR_OK;
}

/* The next output of the probe batch; NULL with in gone: it is done. */
static hr_status probe_batch(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    *ret = NULL;
    while (!op->rest_of_in) {
        uint32_t n = gather_pairs(op);
        if (n == NONE) return HR_RAISE(err, HR_E_SCALAR_SUBQUERY_TOO_MANY_ROWS);
        if (n == 0) {
            op->rest_of_in = true;
            op->at = 0;
            break;
        }
        struct hr_batch *pairs;
        HR_TRY(make_pairs(op, op->in, n, &pairs, err));
        hr_status status = test_pairs(op, &pairs, err);
        if (status != HR_OK || op->only_probe) {
            hr_batch_unref(pairs);
            HR_TRY(status);
            continue;
        }
        if (!pairs) continue;
        *ret = pairs;
        return HR_OK;
    }
    if (op->is_mark)
        HR_TRY(mark_rows(op, ret, err));
    else if (op->only_probe)
        HR_TRY(select_rows(op, ret, err));
    else if (op->probe_outer && op->condition)
        HR_TRY(lone_rows(op, ret, err));
    if (*ret && !op->only_probe) return HR_OK; /* there may be more of them */
    hr_batch_unref(op->in);
    op->in = NULL;
    return HR_OK;
}

/* One build row for all: the probe batch as it is, and columns of that row. */
static hr_status repeat_row(struct join *op, uint32_t rows, struct hr_err *err)
{
    assert(op->one_row && op->build->row_count == 1);
    const struct hr_type *schema = op->build_op->node->schema;
    if (op->repeated && op->repeated->row_count >= rows) return HR_OK;
    struct hr_batch *out = hr_batch_new(schema, rows, op->op.task->mem);
    uint32_t *zeros = hr_arena_zalloc(&op->scratch, rows * sizeof *zeros);
    if (!out || !zeros || !hr_batch_hold_batch(out, op->build)) {
        hr_batch_unref(out);
        return HR_OOM(err);
    }
    hr_batch_unref(op->repeated);
    op->repeated = out;
    for (uint32_t c = 0; c < schema->field_count; c++)
        HR_TRY(hr_column_take(&out->arena, &op->build->columns[c], zeros, rows, &out->columns[c],
                              err));
    return HR_OK;
}

static hr_status join_one_row(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    hr_arena_reset(&op->scratch);
    HR_TRY(repeat_row(op, op->in->row_count, err));
    struct hr_batch *out = hr_batch_widen(op->in, op->pair_schema);
    if (!out || !hr_batch_hold_batch(out, op->repeated)) {
        hr_batch_unref(out);
        return HR_OOM(err);
    }
    uint32_t own = op->in->schema->field_count, count = op->in->sel_count;
    for (uint32_t c = own; c < op->pair_schema->field_count; c++) {
        out->columns[c] = op->repeated->columns[c - own];
        out->columns[c].length = op->in->row_count;
    }
    const uint32_t *sel = NULL;
    hr_status status = HR_OK;
    if (op->condition) status = hr_eval_filter(op->condition, out, &out->arena, &sel, &count, err);
    if (status == HR_OK && count < op->in->sel_count) {
        out->sel = sel;
        out->sel_count = count;
    }
    if (status == HR_OK && count) *ret = hr_batch_ref(out);
    hr_batch_unref(out);
    hr_batch_unref(op->in);
    op->in = NULL;
    return status;
}

/* Build rows without a partner, after the last probe batch. */
static hr_status rest_of_build(struct join *op, struct hr_batch **ret, struct hr_err *err)
{
    *ret = NULL;
    uint32_t n = 0, rows = op->build_outer && op->build ? op->build->row_count : 0;
    for (; op->rest_at < rows && n < op->most; op->rest_at++)
        if (!hr_bit_get(op->build_matched, op->rest_at)) op->build_rows[n++] = op->rest_at;
    if (n) return make_pairs(op, NULL, n, ret, err);
    op->phase = PHASE_DONE;
    return HR_OK;
}

static bool nothing_can_match(const struct join *op)
{
    return !op->build && !op->probe_outer && !op->is_anti && !op->is_mark;
}

static hr_status join_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct join *op = (struct join *)base;
    if (op->phase == PHASE_BUILD) {
        HR_TRY(build(op, err));
        if (nothing_can_match(op)) op->phase = PHASE_DONE;
    }
    struct hr_batch *out = NULL;
    while (op->phase == PHASE_PROBE && !out) {
        if (!op->in) {
            HR_TRY(hr_op_next(op->probe_op, &op->in, err));
            if (!op->in) {
                op->phase = PHASE_REST;
                break;
            }
            if (op->one_row) {
                HR_TRY(join_one_row(op, &out, err));
                continue;
            }
            HR_TRY(start_batch(op, err));
        }
        HR_TRY(probe_batch(op, &out, err));
    }
    if (op->phase == PHASE_REST && !out) HR_TRY(rest_of_build(op, &out, err));
    *ret_batch = out;
    return HR_OK;
}

const char *hr_join_kind_name(enum hr_join_kind kind)
{
    static const char *const names[] = {
        [HR_PJOIN_INNER] = "Inner",        [HR_PJOIN_LEFT] = "LeftOuter",
        [HR_PJOIN_RIGHT] = "RightOuter",   [HR_PJOIN_FULL] = "FullOuter",
        [HR_PJOIN_SEMI] = "LeftSemi",      [HR_PJOIN_ANTI] = "LeftAnti",
        [HR_PJOIN_CROSS] = "Cross",        [HR_PJOIN_SINGLE] = "LeftSingle",
        [HR_PJOIN_MARK] = "ExistenceJoin",
    };
    assert((uint32_t)kind < HR_COUNT(names));
    return names[kind];
}

static void join_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_join_pnode *join = HR_PNODE(join, node);
    hr_buf_printf(out, "%u keys, %s, Build%s", join->key_count, hr_join_kind_name(join->kind),
                  join->build_left ? "Left" : "Right");
    if (join->nulls) hr_buf_puts(out, ", NULL-aware");
    if (node->program && node->exprs && node->expr_count) {
        hr_buf_puts(out, ", ");
        hr_expr_print(node->exprs[0], out);
    }
}

const struct hr_operator_vt hr_op_hash_join = {
    .name = "HashJoin",
    .node_size = sizeof(struct hr_join_pnode),
    .gathers = true,
    .open = join_open,
    .next = join_next,
    .close = join_close,
    .explain = join_explain,
};
