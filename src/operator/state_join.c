/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateJoin: two streams. Each side's rows are kept by key (state/lists.h, one table a side) for
 * as long as a partner may come. An epoch goes as in Spark:
 *
 *   left rows    probe the right side's state, are kept
 *   right rows   probe the left side's state with this epoch's left rows in it, are kept
 *   eviction     left, then right: what the watermark has made final goes; rows that found no
 *                partner come out padded with NULLs where the join wants them (ANTI: as they are)
 *
 * Rows are worked on by blocks: their keys are looked up at once, the pairs are gathered by up to a
 * batch at a time, the condition is tested on them, and then the block's rows are kept with the
 * mark whether they matched. Kept is the row as bytes (state/table.h: a key codec over all columns,
 * exact). SEMI and ANTI let a left row go with its first partner.
 *
 * A row that can have no partner (a NULL in a key, a NULL time, a filter of its own side) is not
 * kept; where rows without a partner are wanted it comes out at once, but one with a NULL key that
 * has a time comes out when its time has passed, as in Spark.
 *
 * An attempt that fails leaves its parts ahead of the last commit (state.h).
 */
#include "operator/state_join.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

enum phase { PROBE_LEFT, PROBE_RIGHT, EVICT_LEFT, EVICT_RIGHT, DONE };

struct side {
    const struct hr_join_side *plan;
    struct hr_op *input;
    const struct hr_type *schema;
    struct hr_eval *keys, *filter;
    const struct hr_key_codec *codec; /* of its rows */
    bool pads;                        /* rows without a partner are wanted */
    bool marks;                       /* whether a kept row has matched matters */
    int64_t limit_us;                 /* times at or below are final; INT64_MIN: none is */
    bool has_new;
};

/* Rows of one side under way: those that can have a partner. */
struct block {
    uint32_t rows[BLOCK]; /* of the batch */
    int64_t times_us[BLOCK];
    struct hr_lkey *partners[BLOCK]; /* keys of the other side's state */
    uint8_t matched[BLOCK];
    uint32_t count;
    uint32_t lone[BLOCK]; /* rows that come out when the block is done */
    uint32_t lone_count;
    uint32_t at; /* whose partners are being gathered */
    struct hr_lrow *cursor;
    bool is_open;
    /* of a part's share, or of the rows that are kept */
    uint32_t order[BLOCK];
    struct hr_string views[BLOCK];
    uint64_t hashes[BLOCK];
    struct hr_lkey *found[BLOCK];
    struct hr_str_view payloads[BLOCK];
    int64_t due_us[BLOCK];
    struct hr_lrow *kept[BLOCK];
};

struct state_join {
    struct hr_op op;
    struct hr_stateful s;
    struct side sides[2];
    enum hr_join_kind kind;
    struct hr_eval *condition;
    const struct hr_type *pair_schema; /* left ++ right */
    uint32_t *left_columns;            /* 0 … of the left side */
    struct hr_vector *key_vectors, *row_vectors;
    struct hr_keys row_bytes;
    enum phase phase;
    /* the batch under way */
    struct hr_arena scratch;
    struct hr_batch *in;
    uint8_t *fails; /* by row: the side's filter; NULL: none does */
    uint32_t in_at;
    struct block *block;
    /* of one output batch */
    uint32_t most;
    uint32_t *pair_at, *pair_rows;
    struct hr_lrow **pair_partners;
    struct hr_str_view *bytes;
    /* eviction */
    uint32_t part;
    struct hr_lrow **expired;
    uint32_t expired_count, expired_at;
    bool is_expired;
};

static bool is_half(const struct state_join *op)
{
    return op->kind == HR_PJOIN_SEMI || op->kind == HR_PJOIN_ANTI;
}

/* --- Opening and closing ---------------------------------------------------------------------- */

static hr_status state_join_args(const struct hr_pnode *node, struct hr_arena *arena,
                                 struct hr_state_args *ret, struct hr_err *err)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "symmetricHashJoin";
    ret->table_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        ret->tables[i].kind = HR_STATE_LISTS;
        ret->tables[i].name = i ? "right" : "left";
        ret->tables[i].lists.ordered = join->sides[i].bound != HR_JOIN_FOR_EVER;
    }
    return HR_OK;
}

static void state_join_close(struct hr_op *base)
{
    struct state_join *op = (struct state_join *)base;
    for (uint32_t i = 0; i < 2; i++) {
        hr_eval_free(op->sides[i].keys);
        hr_eval_free(op->sides[i].filter);
    }
    hr_eval_free(op->condition);
    hr_batch_unref(op->in);
    hr_keys_done(&op->row_bytes);
    hr_stateful_close(&op->s);
    hr_arena_done(&op->scratch);
}

static int64_t state_watermark(const struct hr_join_side *side, int64_t watermark_us)
{
    if (watermark_us == INT64_MIN || side->bound == HR_JOIN_FOR_EVER) return INT64_MIN;
    if (side->bound == HR_JOIN_BY_KEY) return watermark_us;
    int64_t limit_us;
    bool wrapped = __builtin_add_overflow(watermark_us, side->offset_us, &limit_us);
    return !wrapped              ? HR_MIN(limit_us, HR_LISTS_NEVER - 1)
           : side->offset_us < 0 ? INT64_MIN
                                 : HR_LISTS_NEVER - 1;
}

static bool side_pads(enum hr_join_kind kind, uint32_t side)
{
    if (kind == HR_PJOIN_FULL) return true;
    return side == 0 ? kind == HR_PJOIN_LEFT || kind == HR_PJOIN_ANTI : kind == HR_PJOIN_RIGHT;
}

static hr_status open_side(struct state_join *op, uint32_t index, struct hr_err *err)
{
    assert(index < 2 && op->op.children[index]);
    struct side *side = &op->sides[index];
    struct hr_task *task = op->op.task;
    side->plan = &HR_PNODE(state_join, op->op.node)->sides[index];
    side->input = op->op.children[index];
    side->schema = op->op.node->children[index]->schema;
    side->pads = side_pads(op->kind, index);
    side->marks = side->pads || (index == 0 && op->kind == HR_PJOIN_SEMI);
    side->limit_us = state_watermark(side->plan, op->s.evict_us);
    HR_TRY(hr_join_open_eval(task, side->plan->keys, &side->keys, err));
    HR_TRY(hr_join_open_eval(task, side->plan->filter, &side->filter, err));
    uint32_t count = side->schema->field_count;
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, count + 1);
    if (!types) return HR_OOM(err);
    for (uint32_t c = 0; c < count; c++) types[c] = side->schema->fields[c].type;
    return hr_key_codec_new(task->arena, types, count, &side->codec, err);
}

static hr_status open_pairs(struct state_join *op, struct hr_err *err)
{
    struct hr_arena *arena = op->op.task->arena;
    uint32_t left = op->sides[0].schema->field_count, right = op->sides[1].schema->field_count;
    op->row_vectors = HR_NEW_ARRAY(arena, struct hr_vector, HR_MAX(left, right) + 1);
    op->left_columns = HR_NEW_ARRAY(arena, uint32_t, left + 1);
    if (!op->row_vectors || !op->left_columns) return HR_OOM(err);
    for (uint32_t i = 0; i < left; i++) op->left_columns[i] = i;
    return hr_join_pair_schema(op->op.node, op->kind, arena, &op->pair_schema, err);
}

static hr_status open_parts(struct state_join *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    struct hr_task *task = op->op.task;
    uint32_t keys = join->key_count;
    op->kind = join->kind;
    op->row_bytes.mem = task->mem;
    hr_arena_init(&op->scratch, task->mem);
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, keys);
    op->key_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, keys);
    if (!types || !op->key_vectors) return HR_OOM(err);
    for (uint32_t k = 0; k < keys; k++) types[k] = node->exprs[k]->type;
    HR_TRY(hr_stateful_open(&op->s, node, task, types, keys, err));
    for (uint32_t i = 0; i < 2; i++) HR_TRY(open_side(op, i, err));
    HR_TRY(hr_join_open_eval(task, node->program, &op->condition, err));
    return open_pairs(op, err);
}

static hr_status state_join_open(const struct hr_pnode *node, struct hr_task *task,
                                 struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 2);
    assert(node->state_id >= 0 && task->exec->states);
    assert(HR_PNODE(state_join, node)->key_count > 0);
    struct state_join *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        state_join_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* Arrays that only an epoch with rows needs. */
static hr_status ensure_arrays(struct state_join *op, struct hr_err *err)
{
    struct hr_task *task = op->op.task;
    if (op->most) return HR_OK;
    uint32_t most = task->conf->batch_rows ? task->conf->batch_rows : HR_BATCH_ROWS;
    op->block = hr_arena_alloc(task->arena, sizeof *op->block);
    op->pair_at = hr_arena_alloc(task->arena, most * sizeof *op->pair_at);
    op->pair_rows = hr_arena_alloc(task->arena, most * sizeof *op->pair_rows);
    op->pair_partners = hr_arena_alloc(task->arena, most * sizeof(struct hr_lrow *));
    op->bytes = hr_arena_alloc(task->arena, most * sizeof *op->bytes);
    if (!op->block || !op->pair_at || !op->pair_rows || !op->pair_partners || !op->bytes)
        return HR_OOM(err);
    op->block->is_open = false;
    op->most = most;
    return HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* One side's columns of an output batch: rows of the input batch, rows of the state, or NULLs. */
static hr_status put_rows(const struct state_join *op, uint32_t side, struct hr_batch *out,
                          const uint32_t *rows, struct hr_err *err)
{
    assert(op->in && side < 2);
    uint32_t first = side ? op->sides[0].schema->field_count : 0;
    if (!hr_batch_hold_batch(out, op->in)) return HR_OOM(err);
    for (uint32_t c = 0; c < op->sides[side].schema->field_count; c++)
        HR_TRY(hr_column_take(&out->arena, &op->in->columns[c], rows, out->row_count,
                              &out->columns[first + c], err));
    return HR_OK;
}

static hr_status put_kept(struct state_join *op, uint32_t side, struct hr_batch *out,
                          struct hr_lrow *const *rows, struct hr_err *err)
{
    assert(side < 2 && out->row_count <= op->most);
    uint32_t first = side ? op->sides[0].schema->field_count : 0;
    for (uint32_t i = 0; i < out->row_count; i++)
        op->bytes[i] = hr_svn((const char *)hr_lrow_payload(rows[i]), rows[i]->len);
    return hr_keys_decode(op->sides[side].codec, op->bytes, out->row_count, &out->arena,
                          &out->columns[first], err);
}

static hr_status put_nulls(const struct state_join *op, uint32_t side, struct hr_batch *out,
                           struct hr_err *err)
{
    assert(side < 2 && !is_half(op));
    const struct hr_type *schema = op->sides[side].schema;
    uint32_t first = side ? op->sides[0].schema->field_count : 0;
    for (uint32_t c = 0; c < schema->field_count; c++)
        HR_TRY(hr_column_nulls(&out->arena, schema->fields[c].type, out->row_count,
                               &out->columns[first + c], err));
    return HR_OK;
}

/* Rows of one side without a partner, from the input batch (rows) or the state (kept). */
static hr_status make_lone(struct state_join *op, uint32_t side, const uint32_t *rows,
                           struct hr_lrow *const *kept, uint32_t count, struct hr_batch **ret,
                           struct hr_err *err)
{
    assert(count > 0 && !rows != !kept);
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status =
        rows ? put_rows(op, side, out, rows, err) : put_kept(op, side, out, kept, err);
    if (status == HR_OK && !is_half(op)) status = put_nulls(op, 1 - side, out, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static hr_status mark_failing(struct state_join *op, struct side *side, struct hr_err *err)
{
    const uint32_t *sel;
    uint32_t count;
    op->fails = NULL;
    if (!side->filter) return HR_OK;
    op->fails = hr_arena_alloc(&op->scratch, op->in->row_count + 1);
    if (!op->fails) return HR_OOM(err);
    memset(op->fails, 1, op->in->row_count);
    HR_TRY(hr_eval_filter(side->filter, op->in, &op->scratch, &sel, &count, err));
    for (uint32_t i = 0; i < count; i++) op->fails[sel ? sel[i] : i] = 0;
    return HR_OK;
}

static hr_status start_batch(struct state_join *op, uint32_t index, struct hr_err *err)
{
    assert(op->in && (!op->block || !op->block->is_open));
    struct side *side = &op->sides[index];
    HR_TRY(ensure_arrays(op, err));
    hr_arena_reset(&op->scratch);
    op->in_at = 0;
    HR_TRY(hr_eval_vectors(side->keys, op->in, &op->scratch, op->key_vectors, err));
    for (uint32_t c = 0; c < side->schema->field_count; c++)
        op->row_vectors[c] = (struct hr_vector){op->in->columns[c], false};
    return mark_failing(op, side, err);
}

/* When the rows of the block become final: times_us. */
static void time_rows(const struct state_join *op, const struct side *side, struct block *b,
                      uint32_t count)
{
    const struct hr_vector *time = side->plan->bound == HR_JOIN_BY_KEY
                                       ? &op->key_vectors[side->plan->time]
                                       : &op->row_vectors[side->plan->time];
    bool is_timed = side->plan->bound != HR_JOIN_FOR_EVER;
    for (uint32_t i = 0; i < count; i++)
        b->times_us[i] = is_timed ? hr_stateful_time(time, b->rows[i]) : HR_TIME_NONE;
}

/* Keeps in the block what may have a partner; the others are lone or dropped. */
static void set_aside(struct state_join *op, const struct side *side, struct block *b)
{
    assert(b->count <= BLOCK);
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, op->op.node);
    const struct hr_join_side *plan = side->plan;
    bool needs_time = plan->bound == HR_JOIN_BY_RANGE ||
                      (plan->bound == HR_JOIN_BY_KEY && !join->null_safe[plan->time]);
    uint32_t kept = 0;
    b->lone_count = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t row = b->rows[i];
        bool fails = op->fails && op->fails[row];
        if (fails || (needs_time && b->times_us[i] == HR_TIME_NONE)) {
            if (side->pads) b->lone[b->lone_count++] = row;
            continue;
        }
        b->rows[kept] = row;
        b->times_us[kept++] = b->times_us[i];
    }
    b->count = kept;
}

/* Of the rows with a NULL key, which have no partner, only those that are padded stay. */
static void drop_null_keys(struct state_join *op, const struct side *side, struct block *b)
{
    assert(op->s.keys.count == b->count);
    struct hr_keys *keys = &op->s.keys;
    uint32_t kept = 0;
    if (side->pads) return;
    for (uint32_t i = 0; i < b->count; i++) {
        if (keys->nulls[i]) continue;
        keys->views[kept] = keys->views[i];
        keys->hashes[kept] = keys->hashes[i];
        keys->nulls[kept] = 0;
        b->rows[kept] = b->rows[i];
        b->times_us[kept++] = b->times_us[i];
    }
    b->count = keys->count = kept;
}

/* A part's share of the block's rows, by b->order. */
static uint32_t take_share(struct state_join *op, struct block *b, uint32_t part)
{
    assert(part < op->s.part_count && op->s.keys.count >= b->count);
    const struct hr_keys *keys = &op->s.keys;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        b->order[n] = i;
        n += op->s.part_count == 1 || hr_key_partition(keys->hashes[i], op->s.part_count) == part;
    }
    for (uint32_t i = 0; i < n; i++) {
        b->views[i] = keys->views[b->order[i]];
        b->hashes[i] = keys->hashes[b->order[i]];
    }
    return n;
}

static void find_partners(struct state_join *op, uint32_t other, struct block *b)
{
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        uint32_t n = take_share(op, b, p);
        if (n == 0) continue;
        hr_lists_find(hr_state_lists(&op->s.parts[p], other), b->views, b->hashes, n, b->found);
        for (uint32_t i = 0; i < n; i++) b->partners[b->order[i]] = b->found[i];
    }
    for (uint32_t i = 0; i < b->count; i++)
        if (op->s.keys.nulls[i]) b->partners[i] = NULL;
}

static hr_status open_block(struct state_join *op, uint32_t index, struct hr_err *err)
{
    assert(!op->block->is_open && op->in_at < op->in->sel_count);
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, op->op.node);
    struct side *side = &op->sides[index];
    struct block *b = op->block;
    uint32_t n = HR_MIN(HR_MIN(BLOCK, op->most), op->in->sel_count - op->in_at);
    for (uint32_t i = 0; i < n; i++) b->rows[i] = hr_op_row(op->in, op->in_at + i);
    op->in_at += n;
    int32_t event_time = side->plan->event_time;
    const struct hr_vector *time = event_time >= 0 ? &op->row_vectors[event_time] : NULL;
    b->count = hr_stateful_drop_late(&op->s, time, b->rows, b->times_us, n);
    time_rows(op, side, b, b->count);
    set_aside(op, side, b);
    HR_TRY(hr_keys_encode(op->s.codec, op->key_vectors, b->rows, b->count, HR_KEYS_NULLS,
                          &op->s.keys, err));
    hr_join_mark_nulls(op->key_vectors, join->null_safe, join->key_count, b->rows, b->count,
                       op->s.keys.nulls);
    drop_null_keys(op, side, b);
    find_partners(op, 1 - index, b);
    memset(b->matched, 0, b->count);
    b->at = 0;
    b->cursor = NULL;
    b->is_open = true;
    if (index == 0 && is_half(op) && !op->condition) { /* no pairs are wanted */
        for (; b->at < b->count; b->at++) b->matched[b->at] = b->partners[b->at] != NULL;
    }
    return HR_OK;
}

/* --- Pairs ------------------------------------------------------------------------------------ */

/* The next pairs of the block, up to most. A partner that a SEMI or ANTI join has let go in this
 * block is still linked to those behind it. */
static uint32_t gather(struct state_join *op, uint32_t other)
{
    assert(op->block->is_open && other < 2);
    struct block *b = op->block;
    uint32_t n = 0;
    for (; b->at < b->count && n < op->most; b->at++) {
        if (!b->partners[b->at]) continue;
        struct hr_state_part *part = hr_stateful_part(&op->s, op->s.keys.hashes[b->at]);
        const struct hr_lists *lists = hr_state_lists(part, other);
        struct hr_lrow *row = b->cursor ? b->cursor : hr_lists_first(lists, b->partners[b->at]);
        for (; row && n < op->most; row = hr_lists_next(lists, row)) {
            if (row->flags & HR_LROW_GONE) continue;
            op->pair_at[n] = b->at;
            op->pair_rows[n] = b->rows[b->at];
            op->pair_partners[n++] = row;
        }
        b->cursor = row;
        if (row) break;
    }
    return n;
}

/* A kept row has found a partner. */
static hr_status match_kept(struct state_join *op, uint32_t side, uint32_t at, struct hr_lrow *row,
                            struct hr_err *err)
{
    struct hr_state_part *part = hr_stateful_part(&op->s, op->s.keys.hashes[at]);
    struct hr_lists *lists = hr_state_lists(part, side);
    if (!op->sides[side].marks || row->flags & HR_LROW_MATCHED) return HR_OK;
    if (!is_half(op)) HR_TRY(hr_lists_touch(lists, row, false, err));
    row->flags |= HR_LROW_MATCHED;
    if (!is_half(op)) return HR_OK;
    part->rows_removed++;
    return hr_lists_delete(lists, row, err);
}

/* Notes the pairs that passed; sel keeps those that come out. Returns how many do. */
static hr_status take_pairs(struct state_join *op, uint32_t index, const uint32_t *passed,
                            uint32_t count, uint32_t *sel, uint32_t *ret_count, struct hr_err *err)
{
    assert(count <= op->most);
    bool first_only = is_half(op) && index == 1;
    bool none = is_half(op) && (index == 0 || op->kind == HR_PJOIN_ANTI);
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = passed ? passed[i] : i;
        struct hr_lrow *partner = op->pair_partners[p];
        op->block->matched[op->pair_at[p]] = 1;
        bool is_first = !(partner->flags & HR_LROW_MATCHED);
        HR_TRY(match_kept(op, 1 - index, op->pair_at[p], partner, err));
        sel[n] = p;
        n += !none && (!first_only || is_first);
    }
    *ret_count = n;
    return HR_OK;
}

static hr_status test_pairs(struct state_join *op, uint32_t index, struct hr_batch *pairs,
                            struct hr_batch **ret, struct hr_err *err)
{
    const uint32_t *passed = NULL;
    uint32_t count = pairs->row_count, n = 0, *sel;
    if (op->condition)
        HR_TRY(hr_eval_filter(op->condition, pairs, &pairs->arena, &passed, &count, err));
    struct hr_batch *out = hr_batch_new_sel(pairs, pairs->row_count, &sel);
    if (!out) return HR_OOM(err);
    hr_status status = take_pairs(op, index, passed, count, sel, &n, err);
    out->sel_count = n;
    if (status == HR_OK && n && is_half(op)) {
        *ret = hr_batch_project(out, op->op.node->schema, op->left_columns);
        if (!*ret) status = HR_OOM(err);
    } else if (status == HR_OK && n) {
        *ret = hr_batch_ref(out);
    }
    hr_batch_unref(out);
    return status;
}

/* The next output of the block's pairs; NULL: there are no more. */
static hr_status next_pairs(struct state_join *op, uint32_t index, struct hr_batch **ret,
                            struct hr_err *err)
{
    assert(!*ret && op->block->is_open);
    while (!*ret) {
        uint32_t n = gather(op, 1 - index);
        if (n == 0) break;
        struct hr_batch *pairs = hr_batch_new(op->pair_schema, n, op->op.task->mem);
        if (!pairs) return HR_OOM(err);
        hr_status status = put_rows(op, index, pairs, op->pair_rows, err);
        if (status == HR_OK) status = put_kept(op, 1 - index, pairs, op->pair_partners, err);
        if (status == HR_OK) status = test_pairs(op, index, pairs, ret, err);
        hr_batch_unref(pairs);
        HR_TRY(status);
    }
    return HR_OK;
}

/* --- Keeping rows ----------------------------------------------------------------------------- */

/* Rows that nothing can be waited for are not kept: right ones of this epoch that are final have
 * seen all left ones; a left row of SEMI and ANTI is done with its first partner. */
static void choose_kept(struct state_join *op, uint32_t index, struct block *b)
{
    const struct side *side = &op->sides[index];
    struct hr_keys *keys = &op->s.keys;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_done = is_half(op) && index == 0 && b->matched[i];
        bool is_final = index == 1 && !side->pads && b->times_us[i] != HR_TIME_NONE &&
                        b->times_us[i] <= side->limit_us;
        if (is_done && op->kind == HR_PJOIN_SEMI) b->lone[b->lone_count++] = b->rows[i];
        if (is_done || is_final) continue;
        b->rows[n] = b->rows[i];
        b->times_us[n] = b->times_us[i];
        b->matched[n] = b->matched[i];
        keys->views[n] = keys->views[i];
        keys->hashes[n++] = keys->hashes[i];
    }
    assert(b->lone_count <= BLOCK);
    b->count = keys->count = n;
}

static hr_status keep_share(struct state_join *op, uint32_t index, uint32_t part, uint32_t n,
                            struct hr_err *err)
{
    assert(n > 0 && n <= op->block->count);
    struct block *b = op->block;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = b->order[i];
        b->payloads[i] = hr_string_view(&op->row_bytes.views[at]);
        b->due_us[i] = b->times_us[at] == HR_TIME_NONE ? HR_LISTS_NEVER : b->times_us[at];
    }
    struct hr_state_part *to = &op->s.parts[part];
    HR_TRY(hr_lists_add(hr_state_lists(to, index), b->views, b->hashes, b->payloads, b->due_us, n,
                        b->kept, err));
    for (uint32_t i = 0; i < n && op->sides[index].marks; i++)
        if (b->matched[b->order[i]]) b->kept[i]->flags |= HR_LROW_MATCHED;
    to->rows_updated += n;
    return HR_OK;
}

/* The block's pairs are done: its rows are kept, the lone ones come out. */
static hr_status close_block(struct state_join *op, uint32_t index, struct hr_batch **ret,
                             struct hr_err *err)
{
    assert(op->block->is_open && op->block->at == op->block->count);
    struct block *b = op->block;
    struct side *side = &op->sides[index];
    choose_kept(op, index, b);
    HR_TRY(hr_keys_encode(side->codec, op->row_vectors, b->rows, b->count,
                          HR_KEYS_NO_HASH | HR_KEYS_EXACT, &op->row_bytes, err));
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        uint32_t n = take_share(op, b, p);
        if (n) HR_TRY(keep_share(op, index, p, n, err));
    }
    side->has_new = side->has_new || b->count;
    b->is_open = false;
    return b->lone_count ? make_lone(op, index, b->lone, NULL, b->lone_count, ret, err) : HR_OK;
}

static hr_status probe(struct state_join *op, uint32_t index, struct hr_batch **ret,
                       struct hr_err *err)
{
    if (!op->in) {
        HR_TRY(hr_op_next(op->sides[index].input, &op->in, err));
        if (!op->in) {
            op->phase++;
            return HR_OK;
        }
        HR_TRY(start_batch(op, index, err));
    }
    if (!op->block->is_open && op->in_at < op->in->sel_count) HR_TRY(open_block(op, index, err));
    if (op->block->is_open) {
        HR_TRY(next_pairs(op, index, ret, err));
        if (*ret) return HR_OK;
        HR_TRY(close_block(op, index, ret, err));
    }
    if (op->in_at < op->in->sel_count) return HR_OK;
    hr_batch_unref(op->in);
    op->in = NULL;
    return HR_OK;
}

/* --- Eviction --------------------------------------------------------------------------------- */

/* Takes a part's final rows out of the state. */
static hr_status expire(struct state_join *op, uint32_t index, struct hr_err *err)
{
    assert(!op->is_expired && op->part < op->s.part_count);
    struct hr_state_part *part = &op->s.parts[op->part];
    HR_TRY(hr_lists_expire(hr_state_lists(part, index), op->sides[index].limit_us, &op->expired,
                           &op->expired_count, err));
    part->rows_removed += op->expired_count;
    op->expired_at = 0;
    op->is_expired = true;
    return HR_OK;
}

static hr_status evict(struct state_join *op, uint32_t index, struct hr_batch **ret,
                       struct hr_err *err)
{
    const struct side *side = &op->sides[index];
    bool may_be_due = side->has_new || hr_stateful_moved(&op->s);
    if (side->limit_us == INT64_MIN || !may_be_due) op->part = op->s.part_count;
    for (; op->part < op->s.part_count; op->part++) {
        if (!op->is_expired) HR_TRY(expire(op, index, err));
        uint32_t n = 0;
        if (side->pads && op->expired_count) HR_TRY(ensure_arrays(op, err));
        for (; side->pads && op->expired_at < op->expired_count && n < op->most; op->expired_at++)
            if (!(op->expired[op->expired_at]->flags & HR_LROW_MATCHED))
                op->pair_partners[n++] = op->expired[op->expired_at];
        if (n) return make_lone(op, index, NULL, op->pair_partners, n, ret, err);
        op->is_expired = false;
    }
    op->part = 0;
    op->phase++;
    return HR_OK;
}

static hr_status state_join_next(struct hr_op *base, struct hr_batch **ret_batch,
                                 struct hr_err *err)
{
    struct state_join *op = (struct state_join *)base;
    struct hr_batch *out = NULL;
    while (op->phase != DONE && !out) {
        if (op->phase <= PROBE_RIGHT)
            HR_TRY(probe(op, op->phase == PROBE_RIGHT, &out, err));
        else
            HR_TRY(evict(op, op->phase == EVICT_RIGHT, &out, err));
    }
    *ret_batch = out;
    return HR_OK;
}

/* --- The plan --------------------------------------------------------------------------------- */

static int64_t state_join_watermark(const struct hr_pnode *node, int64_t input_us)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    int64_t output_us = input_us;
    for (uint32_t i = 0; i < 2; i++)
        if (join->sides[i].bound == HR_JOIN_BY_RANGE)
            output_us = HR_MIN(output_us, state_watermark(&join->sides[i], input_us));
    return output_us;
}

static const char *state_join_grows(const struct hr_pnode *node)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    bool left = join->sides[0].bound == HR_JOIN_FOR_EVER;
    bool right = join->sides[1].bound == HR_JOIN_FOR_EVER;
    return left && right ? "left and right rows" : left ? "left rows" : right ? "right rows" : NULL;
}

static void print_bound(const struct hr_pnode *node, uint32_t index, struct hr_buf *out)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    const struct hr_join_side *side = &join->sides[index];
    hr_buf_puts(out, index ? ", right rows kept " : ", left rows kept ");
    if (side->bound == HR_JOIN_FOR_EVER) {
        hr_buf_puts(out, "for ever");
        return;
    }
    hr_buf_puts(out, "until the watermark passes ");
    if (side->bound == HR_JOIN_BY_KEY) {
        hr_expr_print(node->exprs[index * join->key_count + side->time], out);
        return;
    }
    hr_buf_puts(out, node->children[index]->schema->fields[side->time].name);
    if (side->offset_us != 0)
        hr_buf_printf(out, " %c %lld ms", side->offset_us < 0 ? '+' : '-',
                      (long long)(side->offset_us < 0 ? -side->offset_us : side->offset_us) / 1000);
}

static void state_join_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    hr_buf_printf(out, "%s, left keys=", hr_join_kind_name(join->kind));
    hr_op_print_exprs(node->exprs, join->key_count, out);
    hr_buf_puts(out, ", right keys=");
    hr_op_print_exprs(node->exprs + join->key_count, join->key_count, out);
    for (uint32_t i = 0; i < 2; i++) print_bound(node, i, out);
    for (uint32_t i = 0; i < 2; i++) {
        if (!join->sides[i].filter) continue;
        hr_buf_puts(out, i ? ", right filter " : ", left filter ");
        hr_expr_print(join->sides[i].filter_expr, out);
    }
    if (!node->program) return;
    hr_buf_puts(out, ", ");
    hr_expr_print(node->exprs[2 * join->key_count], out);
}

/* Rows are kept as they come from the children: their columns are part of what a checkpoint is of,
 * and so is the column that orders them. */
static void state_join_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    const struct hr_state_join_pnode *join = HR_PNODE(state_join, node);
    inout->key_count = join->key_count;
    inout->side_count = 2;
    inout->null_safe = join->null_safe;
    inout->form = hr_join_kind_name(join->kind);
    for (uint32_t i = 0; i < 2; i++)
        inout->times[i] =
            join->sides[i].bound == HR_JOIN_BY_RANGE ? (int32_t)join->sides[i].time : -1;
}

const struct hr_operator_vt hr_op_state_join = {
    .name = "StateJoin",
    .node_size = sizeof(struct hr_state_join_pnode),
    .open = state_join_open,
    .next = state_join_next,
    .close = state_join_close,
    .explain = state_join_explain,
    .state_args = state_join_args,
    .state_identity = state_join_identity,
    .output_watermark = state_join_watermark,
    .grows = state_join_grows,
};
