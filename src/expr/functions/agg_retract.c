/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates whose rows may be taken back. Counts, exact sums and what follows from them subtract.
 * All others keep their values: a set of tuples of arguments with their counts. Minima and maxima
 * have their own state beside it and look through the set when the extreme has gone; for the others
 * the set is played to a fresh state of the aggregate when the result is asked for, in SQL's order,
 * so that the result follows from the values alone and not from the way that led to them: what was
 * said in one epoch can be taken back in any other.
 *
 * Sums of FLOAT and DOUBLE are played, too: subtracting would leave rounding errors, and NaN for
 * ever.
 */
#include "expr/functions/agg.h"

#define REPLAY_ROWS 4096u

static bool subtracts(const struct hr_expr *call)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    if (!agg->can_retract || agg == &hr_agg_collect_set || agg == &hr_agg_mode) return false;
    return call->arg_count == 0 || agg == &hr_agg_count ||
           !hr_type_is_fractional(call->args[0]->type);
}

/* --- Values in SQL's order -------------------------------------------------------------------- */

struct tuples {
    struct hr_vector *vectors;
    int64_t *weights;
    uint32_t *order;
    uint32_t arg_count, count;
};

static int compare_tuples(const void *a, const void *b, void *arg)
{
    const struct tuples *t = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    for (uint32_t c = 0; c < t->arg_count; c++) {
        int order = hr_column_compare(&t->vectors[c].col, x, &t->vectors[c].col, y);
        if (order) return order;
    }
    return 0;
}

static hr_status read_tuples(const struct hr_expr *call, struct hr_arena *arena,
                             const struct hr_value_set *set, struct tuples *ret,
                             struct hr_err *err)
{
    uint32_t n = ret->arg_count = call->arg_count, pos = 0;
    struct hr_builder **builders = HR_NEW_ARRAY(arena, struct hr_builder *, n + 1);
    ret->vectors = HR_NEW_ARRAY(arena, struct hr_vector, n + 1);
    ret->weights = hr_arena_alloc(arena, sizeof *ret->weights * (set->live + 1));
    ret->order = hr_arena_alloc(arena, sizeof *ret->order * (set->live + 1));
    if (!builders || !ret->vectors || !ret->weights || !ret->order) return HR_OOM(err);
    for (uint32_t a = 0; a < n; a++)
        if (!(builders[a] = hr_builder_new(arena, call->args[a]->type, set->live)))
            return HR_OOM(err);
    struct hr_str_view key;
    int64_t weight;
    while (hr_value_set_next(set, &pos, &key, &weight)) {
        struct hr_reader in = hr_reader(key.ptr, key.len);
        for (uint32_t a = 0; a < n; a++)
            if (!hr_value_decode(call->args[a]->type, &in, builders[a]))
                return HR_BUG(err, "a kept value cannot be read");
        ret->order[ret->count] = ret->count;
        ret->weights[ret->count++] = weight;
    }
    for (uint32_t a = 0; a < n; a++)
        HR_TRY(hr_builder_finish(builders[a], &ret->vectors[a].col, err));
    const struct hr_aggregate *agg = call->function->aggregate;
    if (agg != &hr_agg_min && agg != &hr_agg_max)
        qsort_r(ret->order, ret->count, sizeof *ret->order, compare_tuples, ret);
    for (uint32_t a = 0; a < n; a++) { /* constants stay what their function expects */
        if (call->args[a]->kind != HR_X_LITERAL) continue;
        ret->vectors[a] = (struct hr_vector){.col = *call->args[a]->literal, .is_const = true};
    }
    return HR_OK;
}

/* The values, as often as they count, into a fresh state of the aggregate. */
static hr_status replay(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                        const struct hr_value_set *set, uint8_t *state, struct hr_err *err)
{
    struct tuples t = {.count = 0};
    const struct hr_aggregate *agg = call->function->aggregate;
    HR_TRY(read_tuples(call, ctx->arena, set, &t, err));
    bool once = call->distinct || agg == &hr_agg_min || agg == &hr_agg_max;
    uint32_t *rows = hr_arena_alloc(ctx->arena, sizeof *rows * REPLAY_ROWS);
    uint8_t **states = hr_arena_alloc(ctx->arena, sizeof *states * REPLAY_ROWS);
    if (!rows || !states) return HR_OOM(err);
    for (uint32_t i = 0; i < REPLAY_ROWS; i++) states[i] = state;
    struct hr_eval_ctx one = *ctx;
    one.row_count = t.count;
    one.sel = NULL;
    uint32_t n = 0, at = 0;
    int64_t left = 0;
    while (at < t.count || n) {
        for (; at < t.count && n < REPLAY_ROWS; at++) {
            int64_t weight = t.weights[t.order[at]];
            if (left == 0) left = weight > 0 ? (once ? 1 : weight) : 0;
            for (; left > 0 && n < REPLAY_ROWS; left--) rows[n++] = t.order[at];
            if (left > 0) break;
        }
        if (n == 0) break;
        one.sel_count = n;
        HR_TRY(agg->update(call, &one, t.vectors, rows, n, states, 0, NULL, err));
        n = 0;
    }
    return HR_OK;
}

static hr_status replay_update(HR_UPDATE_ARGS)
{
    return hr_agg_set_update_args(call, ctx, args, rows, count, states, offset, weights, err,
                                  call->arg_count, false);
}

static hr_status replay_emit(HR_EMIT_ARGS)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    uint32_t bytes = (agg->state_bytes(call) + 7u) & ~7u, made = 0;
    uint8_t **inner = HR_NEW_ARRAY(ctx->arena, uint8_t *, count + 1);
    if (!inner) return HR_OOM(err);
    hr_status status = HR_OK;
    for (; made < count && status == HR_OK; made++) {
        inner[made] = hr_arena_zalloc(ctx->arena, bytes);
        if (!inner[made]) {
            status = HR_OOM(err);
            break;
        }
        if (agg->init) agg->init(call, inner[made]);
        status = replay(call, ctx, HR_STATE(struct hr_value_set, made), inner[made], err);
    }
    if (status == HR_OK) status = agg->emit(call, ctx, inner, 0, count, out, err);
    for (uint32_t i = 0; i < made && agg->done; i++) agg->done(call, inner[i]);
    return status;
}

static const struct hr_aggregate agg_replay = {.state_bytes = hr_agg_set_bytes,
    .update = replay_update, .merge = hr_agg_set_merge, .emit = replay_emit,
    .save = hr_agg_set_save, .load = hr_agg_set_load, .done = hr_agg_set_done,
    .can_retract = true};

/* --- Minima and maxima ------------------------------------------------------------------------ */

/* The values, and the aggregate's own state over them: looked through again only when the extreme
 * itself has gone. Not for FLOAT and DOUBLE, of which -0.0 and 0.0 are one value in the set. */
struct kept_extreme {
    struct hr_value_set set;
    uint64_t is_stale;
    uint8_t state[24]; /* of min and max */
};
static_assert(sizeof(struct kept_extreme) % 8 == 0, "a multiple of 8 bytes");

static uint32_t extreme_bytes(const struct hr_expr *call)
{
    assert(call->function->aggregate->state_bytes(call) == sizeof((struct kept_extreme *)0)->state);
    return call ? sizeof(struct kept_extreme) : 0;
}

/* Is the row's value what the state has? */
static hr_status is_extreme(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                            const struct hr_vector *args, uint32_t row,
                            const struct kept_extreme *kept, bool *ret, struct hr_err *err)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    uint64_t one[3] = {0};
    uint8_t *states[] = {(uint8_t *)one};
    struct hr_buf a = {0}, b = {0};
    hr_status status = agg->update(call, ctx, args, &row, 1, states, 0, NULL, err);
    agg->save(call, (const uint8_t *)one, &a);
    agg->save(call, kept->state, &b);
    if (status == HR_OK) status = hr_buf_status(&a, err);
    if (status == HR_OK) status = hr_buf_status(&b, err);
    *ret = status == HR_OK && a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    agg->done(call, (uint8_t *)one);
    hr_buf_done(&a);
    hr_buf_done(&b);
    return status;
}

static hr_status keep_row(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                          const struct hr_vector *args, uint32_t row, int64_t weight,
                          struct hr_buf *scratch, struct kept_extreme *kept, struct hr_err *err)
{
    uint32_t live = kept->set.live;
    bool gone = false;
    hr_buf_clear(scratch);
    hr_value_encode_key(&args[0].col, hr_vector_row(&args[0], row), scratch);
    HR_TRY(hr_buf_status(scratch, err));
    HR_TRY(hr_value_set_add(&kept->set, scratch->ptr, (uint32_t)scratch->len, weight, err));
    if (kept->set.live >= live || kept->is_stale) return HR_OK;
    HR_TRY(is_extreme(call, ctx, args, row, kept, &gone, err));
    kept->is_stale = gone;
    return HR_OK;
}

/* First what comes, so that a value that goes in the same block is compared with all. */
static hr_status extreme_update(HR_UPDATE_ARGS)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    uint32_t *some = hr_arena_alloc(ctx->arena, sizeof *some * (count + 1)), n = 0;
    uint8_t **some_states = hr_arena_alloc(ctx->arena, sizeof *some_states * (count + 1));
    if (!some || !some_states) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (weights && weights[row] < 0) continue;
        some[n] = row;
        some_states[n++] = states[i];
    }
    uint32_t inner = offset + (uint32_t)offsetof(struct kept_extreme, state);
    if (n) HR_TRY(agg->update(call, ctx, args, some, n, some_states, inner, NULL, err));
    struct hr_buf scratch = {0};
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (!hr_arg_valid(&args[0], row)) continue;
        status = keep_row(call, ctx, args, row, weights ? weights[row] : 1, &scratch,
                          HR_STATE(struct kept_extreme, i), err);
    }
    hr_buf_done(&scratch);
    return status;
}

static hr_status extreme_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                               struct hr_err *err)
{
    ((struct kept_extreme *)(void *)into)->is_stale = 1;
    return hr_agg_set_merge(call, into, from, err);
}

static hr_status extreme_emit(HR_EMIT_ARGS)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    for (uint32_t i = 0; i < count; i++) {
        struct kept_extreme *kept = HR_STATE(struct kept_extreme, i);
        if (!kept->is_stale) continue;
        agg->done(call, kept->state);
        memset(kept->state, 0, sizeof kept->state);
        HR_TRY(replay(call, ctx, &kept->set, kept->state, err));
        kept->is_stale = 0;
    }
    uint32_t inner = offset + (uint32_t)offsetof(struct kept_extreme, state);
    return agg->emit(call, ctx, states, inner, count, out, err);
}

static hr_status extreme_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                              struct hr_err *err)
{
    ((struct kept_extreme *)(void *)state)->is_stale = 1;
    return hr_agg_set_load(call, state, in, err);
}

static void extreme_done(const struct hr_expr *call, uint8_t *state)
{
    call->function->aggregate->done(call, ((struct kept_extreme *)(void *)state)->state);
    hr_agg_set_done(call, state);
}

static const struct hr_aggregate agg_extreme = {.state_bytes = extreme_bytes,
    .update = extreme_update, .merge = extreme_merge, .emit = extreme_emit,
    .save = hr_agg_set_save, .load = extreme_load, .done = extreme_done, .can_retract = true};

static bool keeps_extreme(const struct hr_expr *call)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    const struct hr_type *type = call->arg_count ? call->args[0]->type : NULL;
    return (agg == &hr_agg_min || agg == &hr_agg_max) && !hr_type_is_nested(type) &&
           type->id != HR_T_FLOAT && type->id != HR_T_DOUBLE && type->id != HR_T_NULL;
}

const struct hr_aggregate *hr_agg_retracting(const struct hr_expr *call)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    if (call->distinct && agg == &hr_agg_count) return &hr_agg_distinct;
    if (keeps_extreme(call)) return &agg_extreme;
    return !call->distinct && subtracts(call) ? agg : &agg_replay;
}
