/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates over frames. A state follows the frames of a partition, from row to row:
 *
 *   the frame grew            the new rows are added: without a lower bound none is met twice
 *   it moved                  what left is taken back, where that gives back the very same state
 *                             (counts, sums of integers and short decimals)
 *   it moved, and is short    computed anew: up to SHORT rows by one call, in the order of the rows
 *   it moved, and is long     from a tree of partial states, FAN rows or nodes each, made once a
 *                             partition: O(FAN log n) merges a row, whatever the frame's length
 *
 * Rows with one frame (peers, whole partitions) share one result. Results are emitted by the chunk
 * where states are plain bytes.
 */
#include "column/builder.h"
#include "expr/function.h"
#include "operator/over_block.h"

#define SHORT      64u
#define FAN        16u
#define LEVELS_MAX 8
#define FEED       1024u /* rows a call */
#define CHUNK      1024u /* results an emit */

struct tree {
    uint8_t *nodes[LEVELS_MAX]; /* [0]: of FAN rows each */
    uint32_t counts[LEVELS_MAX], levels;
    bool made, failed; /* for this partition; failed: an overflow, which a frame need not have */
};

struct fold {
    struct hr_over_block *block;
    const struct hr_expr *call;
    const struct hr_aggregate *agg;
    struct hr_eval_ctx ctx;
    struct hr_vector *args;
    uint32_t bytes;                /* of a state */
    uint32_t *rows;                /* that pass FILTER; of all, without one */
    uint32_t *before;              /* how many of them are before a row; NULL: without FILTER */
    uint8_t **same, **many;        /* FEED pointers: to state; scratch */
    int32_t *minus;                /* weights that take rows back; made when first needed */
    uint8_t *state;
    bool plain, retracts;
    bool carried;                  /* state is in the partition's carry: it goes on from there */
    uint32_t start, first, end;    /* of the partition; first: that has a result */
    struct tree tree;
    /* Results. */
    uint8_t *chunk, **chunk_states;
    uint32_t chunk_count;
    struct hr_builder *out;
    struct hr_arena scratch;
};

/* Does taking a row back leave what was there before it? Not with rounding, and not where an
 * overflow is kept. */
static bool retracts_exactly(const struct hr_expr *call, const struct hr_aggregate *agg)
{
    if (!agg->can_retract || agg->save || agg->done || call->function->flags & HR_FN_TRY)
        return false;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_type *t = call->args[i]->type;
        bool counts = call->type->id == HR_T_LONG && hr_expr_is(call, HR_ROLE_COUNT);
        if (counts) continue;
        if (t->id == HR_T_FLOAT || t->id == HR_T_DOUBLE) return false;
        if (t->id == HR_T_DECIMAL && t->precision > 28) return false;
        if (t->id == HR_T_LONG && call->type->id == HR_T_DOUBLE) return false; /* avg */
    }
    return true;
}

/* Rows ------------------------------------------------------------------------------------------*/

static hr_status update(struct fold *f, const uint32_t *rows, uint32_t count, uint8_t **states,
                        const int32_t *weights, struct hr_err *err)
{
    return f->agg->update(f->call, &f->ctx, f->args, rows, count, states, 0, weights, err);
}

static hr_status feed(struct fold *f, uint32_t from, uint32_t to, const int32_t *weights,
                      struct hr_err *err)
{
    assert(from <= to && to <= f->block->count);
    if (f->before) {
        from = f->before[from];
        to = f->before[to];
    }
    for (; from < to; from += HR_MIN(to - from, FEED))
        HR_TRY(update(f, f->rows + from, HR_MIN(to - from, FEED), f->same, weights, err));
    return HR_OK;
}

static void clear(struct fold *f, uint8_t *state)
{
    memset(state, 0, f->bytes);
    if (f->agg->init) f->agg->init(f->call, state);
}

static void reset(struct fold *f)
{
    if (f->agg->done) f->agg->done(f->call, f->state);
    clear(f, f->state);
}

static hr_status anew(struct fold *f, uint32_t lo, uint32_t hi, struct hr_err *err)
{
    reset(f);
    return feed(f, lo, hi, NULL, err);
}

/* The tree --------------------------------------------------------------------------------------*/

static void drop_tree(struct fold *f)
{
    for (uint32_t l = 0; l < f->tree.levels && f->agg->done; l++)
        for (uint32_t k = 0; k < f->tree.counts[l]; k++)
            f->agg->done(f->call, f->tree.nodes[l] + (size_t)k * f->bytes);
    for (uint32_t l = 0; l < f->tree.levels; l++) hr_free(f->tree.nodes[l]);
    f->tree = (struct tree){.levels = 0};
}

static hr_status add_level(struct fold *f, uint32_t count, struct hr_err *err)
{
    struct tree *t = &f->tree;
    assert(t->levels < LEVELS_MAX);
    uint8_t *nodes = hr_alloc((size_t)count * f->bytes);
    if (!nodes) return HR_OOM(err);
    for (uint32_t k = 0; k < count; k++) clear(f, nodes + (size_t)k * f->bytes);
    t->nodes[t->levels] = nodes;
    t->counts[t->levels++] = count;
    return HR_OK;
}

static hr_status fill_leaves(struct fold *f, struct hr_err *err)
{
    assert(f->start < f->end && f->tree.levels > 0);
    uint32_t from = f->before ? f->before[f->start] : f->start;
    uint32_t to = f->before ? f->before[f->end] : f->end;
    while (from < to) {
        uint32_t n = HR_MIN(to - from, FEED);
        for (uint32_t i = 0; i < n; i++)
            f->many[i] =
                f->tree.nodes[0] + (size_t)((f->rows[from + i] - f->start) / FAN) * f->bytes;
        HR_TRY(update(f, f->rows + from, n, f->many, NULL, err));
        from += n;
    }
    return HR_OK;
}

static hr_status fill_level(struct fold *f, uint32_t level, struct hr_err *err)
{
    assert(level > 0 && level < f->tree.levels && f->agg->merge);
    const struct tree *t = &f->tree;
    for (uint32_t k = 0; k < t->counts[level - 1]; k++)
        HR_TRY(f->agg->merge(f->call, t->nodes[level] + (size_t)(k / FAN) * f->bytes,
                             t->nodes[level - 1] + (size_t)k * f->bytes, err));
    return HR_OK;
}

static hr_status make_tree(struct fold *f, struct hr_err *err)
{
    assert(!f->tree.made && f->start < f->end);
    struct hr_err own;
    uint32_t count = (f->end - f->start + FAN - 1) / FAN;
    hr_err_init(&own);
    f->tree.made = true;
    HR_TRY(add_level(f, count, err));
    hr_status status = fill_leaves(f, &own);
    while (status == HR_OK && count > FAN) {
        count = (count + FAN - 1) / FAN;
        HR_TRY(add_level(f, count, err));
        status = fill_level(f, f->tree.levels - 1, &own);
    }
    f->tree.failed = status != HR_OK;
    return HR_OK;
}

/* Items [a, b) of a level, into the state: rows, or nodes of level - 1. */
static hr_status take_items(struct fold *f, uint32_t level, uint32_t a, uint32_t b,
                            struct hr_err *err)
{
    assert(level <= f->tree.levels && a <= b);
    if (level == 0) return feed(f, f->start + a, f->start + b, NULL, err);
    for (uint32_t k = a; k < b; k++)
        HR_TRY(f->agg->merge(f->call, f->state, f->tree.nodes[level - 1] + (size_t)k * f->bytes,
                             err));
    return HR_OK;
}

/* From the left up, from the top down to the right: in the order of the rows. */
static hr_status from_tree(struct fold *f, uint32_t lo, uint32_t hi, struct hr_err *err)
{
    assert(f->tree.made && !f->tree.failed);
    assert(f->start <= lo && lo < hi && hi <= f->end);
    uint32_t a = lo - f->start, b = hi - f->start, level = 0;
    uint32_t right[LEVELS_MAX + 1][2];
    reset(f);
    for (;; level++) {
        uint32_t up = (a + FAN - 1) / FAN * FAN, down = b / FAN * FAN;
        if (up >= down || level == f->tree.levels) {
            HR_TRY(take_items(f, level, a, b, err));
            break;
        }
        HR_TRY(take_items(f, level, a, up, err));
        right[level][0] = down;
        right[level][1] = b;
        a = up / FAN;
        b = down / FAN;
    }
    while (level-- > 0) HR_TRY(take_items(f, level, right[level][0], right[level][1], err));
    return HR_OK;
}

/* From frame to frame ---------------------------------------------------------------------------*/

static hr_status make_minus(struct fold *f, struct hr_err *err)
{
    if (f->minus) return HR_OK;
    f->minus = hr_arena_alloc(f->block->arena, f->block->count * sizeof *f->minus);
    if (!f->minus) return HR_OOM(err);
    for (uint32_t i = 0; i < f->block->count; i++) f->minus[i] = -1;
    return HR_OK;
}

/* [lo0, hi0) became [lo, hi): neither went back. */
static hr_status move_on(struct fold *f, uint32_t lo0, uint32_t hi0, uint32_t lo, uint32_t hi,
                         struct hr_err *err)
{
    assert(f->retracts && lo0 <= lo && hi0 <= hi); /* a frame never goes back */
    struct hr_err own;
    HR_TRY(make_minus(f, err));
    hr_err_init(&own);
    hr_status status = feed(f, lo0, HR_MIN(lo, hi0), f->minus, &own);
    if (status == HR_OK) status = feed(f, HR_MAX(lo, hi0), hi, NULL, &own);
    return status == HR_OK ? HR_OK : anew(f, lo, hi, err); /* an overflow, on the way or true */
}

static hr_status slide(struct fold *f, uint32_t lo0, uint32_t hi0, uint32_t lo, uint32_t hi,
                       struct hr_err *err)
{
    if (lo >= hi) {
        reset(f);
        return HR_OK;
    }
    bool overlaps = lo0 < hi0 && lo >= lo0 && hi >= hi0 && lo < hi0;
    if (overlaps && lo == lo0) return feed(f, hi0, hi, NULL, err);
    if (overlaps && f->retracts && lo - lo0 < hi - lo) return move_on(f, lo0, hi0, lo, hi, err);
    if (hi - lo <= SHORT) return anew(f, lo, hi, err);
    if (!f->tree.made) HR_TRY(make_tree(f, err));
    return f->tree.failed ? anew(f, lo, hi, err) : from_tree(f, lo, hi, err);
}

/* Results ---------------------------------------------------------------------------------------*/

static hr_status emit(struct fold *f, uint8_t *const *states, uint32_t count, struct hr_err *err)
{
    struct hr_column col;
    const struct hr_type *type = f->call->type;
    if (count == 0) return HR_OK;
    hr_arena_reset(&f->scratch);
    HR_TRY(hr_column_alloc(&f->scratch, type, count, true, &col, err));
    f->ctx.arena = &f->scratch;
    f->ctx.row_count = f->ctx.sel_count = count;
    HR_TRY(f->agg->emit(f->call, &f->ctx, states, 0, count, &col, err));
    f->ctx.arena = f->block->arena;
    f->ctx.row_count = f->ctx.sel_count = f->block->count;
    if (!hr_type_is_nested(type) && !hr_type_is_string(type)) {
        hr_builder_append(f->out, col.values, col.validity, count);
        return HR_OK;
    }
    for (uint32_t i = 0; i < count; i++) hr_builder_copy(f->out, &col, i);
    return HR_OK;
}

static hr_status flush(struct fold *f, struct hr_err *err)
{
    assert(f->chunk_count <= CHUNK && (f->plain || f->chunk_count == 0));
    uint32_t count = f->chunk_count;
    f->chunk_count = 0;
    return emit(f, f->chunk_states, count, err);
}

static hr_status keep_result(struct fold *f, struct hr_err *err)
{
    assert(!f->plain || f->chunk_count < CHUNK);
    if (!f->plain) return emit(f, &f->state, 1, err);
    memcpy(f->chunk_states[f->chunk_count++], f->state, f->bytes);
    return f->chunk_count == CHUNK ? flush(f, err) : HR_OK;
}

static hr_status fold_partition(struct fold *f, const struct hr_frames *frames, uint32_t *places,
                                uint32_t *results, struct hr_err *err)
{
    assert(f->start <= f->first && f->first <= f->end && f->end <= f->block->count);
    uint32_t lo = f->start, hi = f->start;
    if (!f->carried) reset(f);
    for (uint32_t i = f->start; i < f->first; i++) places[i] = UINT32_MAX;
    for (uint32_t i = f->first; i < f->end; i++) {
        uint32_t to_lo = frames->lo[i], to_hi = frames->hi[i];
        if (i > f->first && to_lo == lo && to_hi == hi) {
            places[i] = *results - 1;
            continue;
        }
        if (i == f->first) lo = hi = to_lo;
        if (i == f->first && to_lo < to_hi)
            HR_TRY(feed(f, to_lo, to_hi, NULL, err));
        else
            HR_TRY(slide(f, lo, hi, to_lo, to_hi, err));
        lo = to_lo;
        hi = to_hi;
        HR_TRY(keep_result(f, err));
        places[i] = (*results)++;
    }
    return HR_OK;
}

/* Opening ---------------------------------------------------------------------------------------*/

static hr_status filter_rows(struct fold *f, const struct hr_column *filter, struct hr_err *err)
{
    uint32_t count = f->block->count, n = 0;
    f->rows = hr_arena_alloc(f->block->arena, (count + 1) * sizeof *f->rows);
    if (filter) f->before = hr_arena_alloc(f->block->arena, (count + 1) * sizeof *f->before);
    if (!f->rows || (filter && !f->before)) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        if (filter) f->before[i] = n;
        bool pass = !filter || (hr_column_valid(filter, i) && hr_bit_get(filter->values, i));
        if (pass) f->rows[n++] = i;
    }
    if (filter) f->before[count] = n;
    return HR_OK;
}

static void set_state(struct fold *f, uint8_t *state)
{
    f->state = state;
    for (uint32_t i = 0; i < FEED; i++) f->same[i] = state;
}

static hr_status open_fold(struct fold *f, const struct hr_over_spec *spec, struct hr_arena *arena,
                           struct hr_err *err)
{
    struct hr_over_block *b = f->block;
    const struct hr_expr *call = f->call;
    f->bytes = (f->agg->state_bytes(call) + 7u) & ~7u;
    f->plain = !f->agg->save && !f->agg->done;
    f->retracts = retracts_exactly(call, f->agg);
    f->ctx = (struct hr_eval_ctx){.conf = b->conf,
                                  .arena = b->arena,
                                  .now_us = b->now_us,
                                  .row_count = b->count,
                                  .sel_count = b->count};
    f->args = hr_arena_zalloc(b->arena, (call->arg_count + 1) * sizeof *f->args);
    f->state = hr_arena_zalloc(b->arena, HR_MAX(f->bytes, 8));
    f->same = hr_arena_alloc(b->arena, FEED * sizeof *f->same);
    f->many = hr_arena_alloc(b->arena, FEED * sizeof *f->many);
    f->chunk = hr_arena_alloc(b->arena, (size_t)CHUNK * f->bytes + 8);
    f->chunk_states = hr_arena_alloc(b->arena, CHUNK * sizeof *f->chunk_states);
    f->out = hr_builder_new(arena, call->type, b->count);
    if (!f->args || !f->state || !f->same || !f->many || !f->chunk || !f->chunk_states || !f->out)
        return HR_OOM(err);
    set_state(f, f->state);
    for (uint32_t i = 0; i < CHUNK; i++) f->chunk_states[i] = f->chunk + (size_t)i * f->bytes;
    for (uint32_t i = 0; i < call->arg_count; i++)
        f->args[i].col = b->rows->columns[hr_over_arg(spec, i)];
    clear(f, f->state);
    bool filtered = spec->filter_column >= 0;
    return filter_rows(f, filtered ? &b->rows->columns[spec->filter_column] : NULL, err);
}

static hr_status fold_all(struct fold *f, const struct hr_over_spec *spec, struct hr_arena *arena,
                          struct hr_column *ret, struct hr_err *err)
{
    struct hr_frames frames;
    struct hr_over_block *b = f->block;
    uint32_t results = 0, *places = hr_arena_alloc(b->arena, (b->count + 1) * sizeof *places);
    if (!places) return HR_OOM(err);
    HR_TRY(hr_over_frames(b, spec, &frames, err));
    for (uint32_t p = 0; p < b->part_count; p++) {
        f->start = b->starts[p];
        f->first = hr_over_first(b, p);
        f->end = b->starts[p + 1];
        if (f->carried) set_state(f, b->carry[p] + spec->carry_at);
        HR_TRY(fold_partition(f, &frames, places, &results, err));
        if (f->tree.made) drop_tree(f);
    }
    HR_TRY(flush(f, err));
    struct hr_column distinct;
    HR_TRY(hr_builder_finish(f->out, &distinct, err));
    if (results == b->count) {
        *ret = distinct;
        return HR_OK;
    }
    return hr_column_take(arena, &distinct, places, b->count, ret, err);
}

hr_status hr_over_aggregate(struct hr_over_block *block, const struct hr_over_spec *spec,
                            struct hr_arena *arena, struct hr_column *ret, struct hr_err *err)
{
    struct fold f = {.block = block, .call = spec->call, .agg = hr_aggregate_of(spec->call)};
    f.carried = block->carry && spec->carry_at >= 0;
    hr_arena_init(&f.scratch, block->arena->mem);
    hr_status status = open_fold(&f, spec, arena, err);
    if (status == HR_OK) status = fold_all(&f, spec, arena, ret, err);
    if (f.state && f.agg->done && !f.carried) f.agg->done(f.call, f.state);
    drop_tree(&f);
    hr_arena_done(&f.scratch);
    return status;
}
