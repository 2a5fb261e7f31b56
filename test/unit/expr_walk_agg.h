/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One aggregate, many ways to give it the same rows, one answer: row by row is the reference; whole
 * batches, parts, selections (that is what FILTER makes), constants, partial states that are saved,
 * loaded and merged, groups side by side and DISTINCT must give the same.
 */
#ifndef HR_TEST_EXPR_WALK_AGG_H
#define HR_TEST_EXPR_WALK_AGG_H

#include "expr_walk.h"

#define AGG_ROWS 40

/* A resolved call of an aggregate, and the program of its arguments. */
struct agg_call {
    const struct hr_expr *call;
    const struct hr_aggregate *agg;
    const struct hr_program *program;
    struct hr_eval *eval;
    const struct hr_conf *conf;
    uint32_t bytes;
};

static hr_status agg_prepare(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *call, struct agg_call *ret)
{
    *ret = (struct agg_call){.call = call, .agg = hr_aggregate_of(call), .conf = conf};
    HR_TRY(hr_program_compile(arena, conf, call->args, call->arg_count, &ret->program, NULL));
    HR_TRY(hr_eval_new(ret->program, NULL, &ret->eval, NULL));
    ret->bytes = ret->agg->state_bytes(call);
    return HR_OK;
}

static uint8_t *agg_state(const struct agg_call *a)
{
    uint8_t *state = calloc(1, a->bytes + 8);
    if (a->agg->init) a->agg->init(a->call, state);
    return state;
}

static void agg_free(const struct agg_call *a, uint8_t *state)
{
    if (a->agg->done) a->agg->done(a->call, state);
    free(state);
}

/* Rows of a batch into states[i], or all into one by update_one. */
static hr_status agg_take(const struct agg_call *a, struct hr_column *cols, uint32_t rows,
                          const uint32_t *sel, uint32_t sel_count, uint8_t *const *states, bool one)
{
    struct hr_vector args[WALK_ARGS_MAX];
    struct hr_batch batch = {.row_count = rows, .sel = sel,
                             .sel_count = sel ? sel_count : rows, .columns = cols};
    struct hr_eval_ctx ctx = {.conf = a->conf, .arena = &walk_run, .now_us = a->conf->now_us,
                              .row_count = rows, .sel = sel, .sel_count = batch.sel_count};
    walk_dirty();
    HR_TRY(hr_eval_vectors(a->eval, &batch, &walk_run, args, NULL));
    if (one && a->agg->update_one)
        return a->agg->update_one(a->call, &ctx, args, sel, batch.sel_count, states[0], NULL);
    return a->agg->update(a->call, &ctx, args, sel, batch.sel_count, states, 0, NULL, NULL);
}

static hr_status agg_emit(const struct agg_call *a, uint8_t *state, struct hr_arena *arena,
                          struct outcome *ret)
{
    struct hr_column out;
    struct hr_eval_ctx ctx = {.conf = a->conf, .arena = &walk_run, .row_count = 1, .sel_count = 1};
    walk_dirty();
    HR_TRY(hr_column_alloc(&walk_run, a->call->type, 1, true, &out, NULL));
    HR_TRY(a->agg->emit(a->call, &ctx, &state, 0, 1, &out, NULL));
    *ret = outcome_of(arena, &out, 0);
    return HR_OK;
}

/* Rows from[0 … n) of the columns in batches of `size`. */
static hr_status agg_feed(const struct agg_call *a, const struct hr_column *cols, uint32_t count,
                          const uint32_t *from, uint32_t n, uint32_t size, bool one,
                          uint8_t *state)
{
    uint8_t *states[AGG_ROWS];
    for (uint32_t i = 0; i < AGG_ROWS; i++) states[i] = state;
    for (uint32_t at = 0; at < n; at += size) {
        struct hr_column part[WALK_ARGS_MAX];
        uint32_t rows = HR_MIN(size, n - at);
        hr_arena_reset(&walk_scratch);
        take_rows(&walk_scratch, cols, count, from + at, rows, part);
        HR_TRY(agg_take(a, part, rows, NULL, 0, states, one));
    }
    return HR_OK;
}

static struct outcome agg_rows(const struct agg_call *a, struct hr_arena *arena,
                               const struct hr_column *cols, uint32_t count, const uint32_t *from,
                               uint32_t n, uint32_t size, bool one)
{
    struct outcome o = {0};
    uint8_t *state = agg_state(a);
    hr_status status = agg_feed(a, cols, count, from, n, size, one, state);
    if (status == HR_OK) status = agg_emit(a, state, arena, &o);
    if (status != HR_OK) o = (struct outcome){.code = status};
    agg_free(a, state);
    return o;
}

/* Sums of doubles hang on their order in the last bits. */
static bool agg_same(const struct agg_call *a, const struct outcome *x, const struct outcome *y)
{
    if (outcome_same(x, y)) return true;
    if (x->code != y->code || x->len != 9 || y->len != 9) return false;
    if (a->call->type->id != HR_T_DOUBLE) return false;
    double p, q;
    memcpy(&p, x->bytes + 1, 8);
    memcpy(&q, y->bytes + 1, 8);
    return (isnan(p) && isnan(q)) || fabs(p - q) <= 1e-9 * (1 + HR_MAX(fabs(p), fabs(q)));
}

static bool agg_check(const char *mode, const struct agg_call *a, const struct outcome *want,
                      const struct outcome *got)
{
    if (agg_same(a, want, got)) return true;
    struct hr_buf text = {0};
    hr_buf_printf(&text, "%s%s: row by row %s", mode, a->call->distinct ? ", DISTINCT" : "",
                  want->code ? hr_error_info(want->code)->name : "");
    for (uint32_t i = 0; i < HR_MIN(want->len, 40u); i++)
        hr_buf_printf(&text, " %02x", (unsigned char)want->bytes[i]);
    hr_buf_printf(&text, "; here %s", got->code ? hr_error_info(got->code)->name : "");
    for (uint32_t i = 0; i < HR_MIN(got->len, 40u); i++)
        hr_buf_printf(&text, " %02x", (unsigned char)got->bytes[i]);
    snprintf(walk_why, sizeof walk_why, "%s", hr_buf_cstr(&text));
    hr_buf_done(&text);
    return false;
}

/* Saved and loaded: as it comes from another task or a checkpoint. */
static uint8_t *agg_copy(const struct agg_call *a, const uint8_t *state)
{
    struct hr_buf buf = {0};
    uint8_t *copy = agg_state(a);
    if (!a->agg->save) {
        memcpy(copy, state, a->bytes);
        return copy;
    }
    a->agg->save(a->call, state, &buf);
    struct hr_reader in = hr_reader(buf.ptr, buf.len);
    if (a->agg->load(a->call, copy, &in, NULL) != HR_OK || in.failed || in.pos != in.end) abort();
    hr_buf_done(&buf);
    return copy;
}

static bool agg_check_merge(const struct agg_call *a, struct hr_arena *arena,
                            const struct hr_column *cols, uint32_t count, const uint32_t *from,
                            uint32_t n, uint32_t parts, const struct outcome *want)
{
    struct outcome got = {0};
    uint8_t *into = agg_state(a);
    hr_status status = HR_OK;
    for (uint32_t p = 0; p < parts && status == HR_OK; p++) {
        uint32_t start = n * p / parts, end = n * (p + 1) / parts;
        uint8_t *part = agg_state(a);
        status = agg_feed(a, cols, count, from + start, end - start, 7, false, part);
        uint8_t *copy = agg_copy(a, part);
        if (status == HR_OK) status = a->agg->merge(a->call, into, copy, NULL);
        agg_free(a, copy);
        agg_free(a, part);
    }
    if (status == HR_OK) status = agg_emit(a, into, arena, &got);
    if (status != HR_OK) got = (struct outcome){.code = status};
    agg_free(a, into);
    char mode[64];
    snprintf(mode, sizeof mode, "%u parts merged", parts);
    return agg_check(mode, a, want, &got);
}

/* Rows in turn to three groups, one batch. */
static bool agg_check_groups(const struct agg_call *a, struct hr_arena *arena,
                             struct hr_column *cols, uint32_t count, uint32_t rows)
{
    uint8_t *groups[3], *states[AGG_ROWS];
    bool same = true;
    for (uint32_t g = 0; g < 3; g++) groups[g] = agg_state(a);
    for (uint32_t i = 0; i < rows; i++) states[i] = groups[i % 3];
    hr_status status = agg_take(a, cols, rows, NULL, 0, states, false);
    for (uint32_t g = 0; g < 3 && status == HR_OK; g++) {
        struct outcome got = {0};
        uint32_t from[AGG_ROWS], n = 0;
        for (uint32_t i = g; i < rows; i += 3) from[n++] = i;
        struct outcome want = agg_rows(a, arena, cols, count, from, n, 1, false);
        got.code = agg_emit(a, groups[g], arena, &got);
        same = same && agg_check("groups side by side", a, &want, &got);
    }
    for (uint32_t g = 0; g < 3; g++) agg_free(a, groups[g]);
    return same;
}

/* FILTER is a selection. */
static bool agg_check_selected(const struct agg_call *a, struct hr_arena *arena,
                               struct hr_column *cols, uint32_t count, uint32_t rows, bool one)
{
    uint32_t sel[AGG_ROWS], n = 0;
    uint8_t *state = agg_state(a), *states[AGG_ROWS];
    struct outcome got = {0};
    for (uint32_t i = 0; i < rows; i++)
        if (i % 3 != 1) sel[n++] = i;
    for (uint32_t i = 0; i < n; i++) states[i] = state;
    struct outcome want = agg_rows(a, arena, cols, count, sel, n, 1, false);
    got.code = agg_take(a, cols, rows, sel, n, states, one);
    if (got.code == HR_OK) got.code = agg_emit(a, state, arena, &got);
    agg_free(a, state);
    return agg_check(one ? "selected, into one" : "selected", a, &want, &got);
}

/* All ways; exact: no error hangs on the order of the rows. */
static bool agg_check_ways(const struct agg_call *a, struct hr_arena *arena,
                           struct hr_column *cols, uint32_t count, uint32_t rows, bool exact)
{
    uint32_t from[AGG_ROWS];
    for (uint32_t i = 0; i < rows; i++) from[i] = i;
    const uint32_t counts[] = {0, 1, rows};
    for (uint32_t c = 0; c < HR_COUNT(counts); c++) {
        uint32_t take = counts[c];
        struct outcome want = agg_rows(a, arena, cols, count, from, take, 1, false), got;
        static const uint32_t sizes[] = {1, 7, AGG_ROWS};
        for (uint32_t s = 0; s < 6; s++) {
            got = agg_rows(a, arena, cols, count, from, take, sizes[s / 2], s & 1);
            if (exact && !agg_check(s & 1 ? "batches into one" : "batches", a, &want, &got))
                return false;
        }
        for (uint32_t parts = 1; parts <= 5; parts++)
            if (!agg_check_merge(a, arena, cols, count, from, take, parts, &want) && exact)
                return false;
    }
    bool same = agg_check_groups(a, arena, cols, count, rows) &&
                agg_check_selected(a, arena, cols, count, rows, false) &&
                agg_check_selected(a, arena, cols, count, rows, true);
    return same || !exact;
}

/* The first row of each combination of values. */
static uint32_t agg_first_rows(const struct hr_column *cols, uint32_t count, const bool *constant,
                               uint32_t rows, uint32_t *ret)
{
    struct hr_buf keys[AGG_ROWS] = {0};
    uint32_t n = 0;
    for (uint32_t row = 0; row < rows; row++) {
        bool known = false;
        for (uint32_t i = 0; i < count; i++)
            if (!constant[i]) hr_value_encode_key(&cols[i], row, &keys[row]);
        for (uint32_t k = 0; k < n; k++)
            known = known || (keys[ret[k]].len == keys[row].len &&
                              memcmp(keys[ret[k]].ptr, keys[row].ptr, keys[row].len) == 0);
        if (!known) ret[n++] = row;
    }
    for (uint32_t row = 0; row < rows; row++) hr_buf_done(&keys[row]);
    return n;
}

#endif
