/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate() and array_sort() with a comparator: lambdas that need the result of the one before.
 * They run in rounds over all rows at once. A round's results live in one of two arenas, the state
 * that it started from in the other.
 */
#include "expr/functions/array.h"
#include "expr/internal.h"
#include "expr/lambda_run.h"

/* --- aggregate ---------------------------------------------------------------------------------*/

struct fold {
    struct hr_eval_ctx *ctx;
    const struct hr_expr *call;
    const struct hr_vector *args;
    uint32_t *rows; /* those with the longest lists first */
    uint32_t *from, *lengths;
    uint32_t count;
    struct hr_arena arenas[2];
    struct hr_builder *done; /* states of rows that are through: the last of `rows` first */
};

static int by_length(const void *a, const void *b, void *arg)
{
    const struct fold *f = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (f->lengths[x] != f->lengths[y]) return f->lengths[x] < f->lengths[y] ? 1 : -1;
    return x < y ? -1 : x > y;
}

static hr_status fold_rows(struct fold *f, const struct hr_column *out, struct hr_err *err)
{
    struct hr_eval_ctx *ctx = f->ctx;
    f->rows = hr_arena_alloc(ctx->arena, sizeof(uint32_t) * (ctx->row_count + 1));
    f->from = hr_arena_zalloc(ctx->arena, sizeof(uint32_t) * (ctx->row_count + 1));
    f->lengths = hr_arena_zalloc(ctx->arena, sizeof(uint32_t) * (ctx->row_count + 1));
    if (!f->rows || !f->from || !f->lengths) return HR_OOM(err);
    HR_EACH_ROW(ctx, out, row)
    {
        uint32_t to;
        if (!hr_arg_valid(&f->args[0], row)) continue;
        hr_list_range(&f->args[0], row, &f->from[row], &to);
        f->lengths[row] = to - f->from[row];
        f->rows[f->count++] = row;
    }
    qsort_r(f->rows, f->count, sizeof *f->rows, by_length, f);
    return HR_OK;
}

static void put_value(struct hr_builder *b, const struct hr_column *col, uint32_t row)
{
    if (col->type->id != HR_T_NULL && hr_column_valid(col, row))
        hr_builder_copy(b, col, row);
    else
        hr_builder_null(b);
}

/* A round may have passed on bytes of the arena that the next one overwrites. */
static hr_status own_bytes(struct hr_arena *arena, struct hr_column *col, struct hr_err *err)
{
    if (!hr_type_is_string(col->type) && !hr_type_is_nested(col->type)) return HR_OK;
    struct hr_builder *b = hr_builder_new(arena, col->type, col->length + 1);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < col->length; i++) put_value(b, col, i);
    return hr_builder_finish(b, col, err);
}

static hr_status fold_round(struct fold *f, uint32_t round, uint32_t n, struct hr_column *state,
                            struct hr_err *err)
{
    struct hr_arena *arena = &f->arenas[round % 2];
    struct hr_column vars[2];
    uint32_t *places;
    hr_arena_reset(arena);
    places = hr_arena_alloc(arena, sizeof *places * (n + 1));
    if (!places) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) places[i] = f->from[f->rows[i]] + round;
    const struct hr_column *child = &f->args[0].col.children[0];
    vars[0] = *state;
    vars[0].length = n;
    HR_TRY(child->type->id == HR_T_NULL
               ? hr_column_nulls(arena, child->type, n, &vars[1], err)
               : hr_column_take(arena, child, places, n, &vars[1], err));
    HR_TRY(hr_lambda_eval(f->ctx, f->args, 0, vars, f->rows, n, arena, state, err));
    state->type = f->call->args[1]->type;
    return own_bytes(arena, state, err);
}

/* Rows [left, n) of the state are at their end. */
static void finish_rows(struct fold *f, const struct hr_column *state, uint32_t left, uint32_t n)
{
    for (uint32_t i = n; i > left; i--) put_value(f->done, state, i - 1);
}

/* The k-th end is that of rows[count - 1 - k]; other rows are NULL. */
static hr_status put_ends(struct fold *f, const struct hr_column *ends, struct hr_column *out,
                          struct hr_err *err)
{
    struct hr_arena *arena = f->ctx->arena;
    uint32_t *order = hr_arena_alloc(arena, sizeof *order * (f->ctx->row_count + 1));
    uint32_t *parents = hr_arena_alloc(arena, sizeof *parents * (f->count + 1));
    struct hr_column result;
    if (!order || !parents) return HR_OOM(err);
    if (f->count == 0) return hr_column_nulls(arena, out->type, f->ctx->row_count, out, err);
    for (uint32_t row = 0; row < f->ctx->row_count; row++) order[row] = UINT32_MAX;
    for (uint32_t i = 0; i < f->count; i++) {
        parents[i] = f->rows[f->count - 1 - i];
        order[parents[i]] = i;
    }
    HR_TRY(hr_lambda_eval(f->ctx, f->args, 1, ends, parents, f->count, arena, &result, err));
    if (result.type->id == HR_T_NULL)
        return hr_column_nulls(arena, out->type, f->ctx->row_count, out, err);
    result.type = out->type;
    return hr_column_take(arena, &result, order, f->ctx->row_count, out, err);
}

static hr_status run_fold(struct fold *f, struct hr_column *out, struct hr_err *err)
{
    struct hr_eval_ctx *ctx = f->ctx;
    struct hr_column state, ends;
    HR_TRY(fold_rows(f, out, err));
    uint32_t n = f->count, left;
    f->done = hr_builder_new(ctx->arena, f->call->args[1]->type, n + 1);
    if (!f->done) return HR_OOM(err);
    struct hr_vector zero = f->args[1];
    if (zero.is_const || zero.col.type->id == HR_T_NULL)
        HR_TRY(hr_vector_spread(ctx->arena, &zero, n, &state, err));
    else
        HR_TRY(hr_column_take(ctx->arena, &zero.col, f->rows, n, &state, err));
    for (uint32_t round = 0; n; round++, n = left) {
        for (left = n; left && f->lengths[f->rows[left - 1]] <= round;) left--;
        finish_rows(f, &state, left, n);
        if (left) HR_TRY(fold_round(f, round, left, &state, err));
    }
    HR_TRY(hr_builder_finish(f->done, &ends, err));
    return put_ends(f, &ends, out, err);
}

hr_status hr_fn_fold(HR_EVAL_ARGS)
{
    struct fold f = {.ctx = ctx, .call = call, .args = args};
    hr_arena_init(&f.arenas[0], ctx->arena->mem);
    hr_arena_init(&f.arenas[1], ctx->arena->mem);
    hr_status status = run_fold(&f, out, err);
    hr_arena_done(&f.arenas[0]);
    hr_arena_done(&f.arenas[1]);
    return status;
}

/* --- array_sort --------------------------------------------------------------------------------*/

/* Two neighbouring runs that are merged into one: [at, middle) and [middle, end). */
struct merge {
    uint32_t row, left, middle, right, end, to;
};

struct sorting {
    struct hr_eval_ctx *ctx;
    const struct hr_vector *args;
    uint32_t *places, *spare; /* of the elements in their list's child */
    struct merge *merges;
    uint32_t merge_count;
    struct hr_arena scratch;
    uint32_t *left, *right, *rows; /* a round's pairs */
};

static hr_status comparator_null(const struct sorting *s, uint32_t i, struct hr_err *err)
{
    const struct hr_column *child = &s->args[0].col.children[0];
    struct hr_buf a = {0}, b = {0};
    hr_column_print(child, s->left[i], s->ctx->conf->tz, &a);
    hr_column_print(child, s->right[i], s->ctx->conf->tz, &b);
    hr_status status = HR_RAISE(err, HR_E_COMPARATOR_RETURNS_NULL, "firstValue", hr_buf_cstr(&a),
                                "secondValue", hr_buf_cstr(&b));
    hr_buf_done(&a);
    hr_buf_done(&b);
    return status;
}

/* One element of each merge goes to its place; a merge whose run is through takes the rest. */
static hr_status merge_round(struct sorting *s, struct hr_err *err)
{
    struct hr_column vars[2], answers;
    const struct hr_column *child = &s->args[0].col.children[0];
    hr_arena_reset(&s->scratch);
    for (uint32_t i = 0; i < s->merge_count; i++) {
        s->left[i] = s->places[s->merges[i].left];
        s->right[i] = s->places[s->merges[i].right];
        s->rows[i] = s->merges[i].row;
    }
    HR_TRY(hr_column_take(&s->scratch, child, s->left, s->merge_count, &vars[0], err));
    HR_TRY(hr_column_take(&s->scratch, child, s->right, s->merge_count, &vars[1], err));
    HR_TRY(hr_lambda_eval(s->ctx, s->args, 0, vars, s->rows, s->merge_count, &s->scratch, &answers,
                          err));
    uint32_t open = 0;
    for (uint32_t i = 0; i < s->merge_count; i++) {
        struct merge m = s->merges[i];
        if (answers.type->id == HR_T_NULL || !hr_column_valid(&answers, i))
            return comparator_null(s, i, err);
        bool takes_left = ((const int32_t *)answers.values)[i] <= 0;
        s->spare[m.to++] = s->places[takes_left ? m.left++ : m.right++];
        if (m.left < m.middle && m.right < m.end) {
            s->merges[open++] = m;
            continue;
        }
        while (m.left < m.middle) s->spare[m.to++] = s->places[m.left++];
        while (m.right < m.end) s->spare[m.to++] = s->places[m.right++];
    }
    s->merge_count = open;
    return HR_OK;
}

/* All runs of a width, of all rows; those that have no neighbour stay. */
static void plan_merges(struct sorting *s, const int32_t *offsets, uint32_t width)
{
    s->merge_count = 0;
    for (uint32_t row = 0; row < s->ctx->row_count; row++) {
        uint32_t at = (uint32_t)offsets[row], end = (uint32_t)offsets[row + 1];
        for (; end - at > width; at = HR_MIN(at + 2 * width, end))
            s->merges[s->merge_count++] = (struct merge){
                row, at, at + width, at + width, HR_MIN(at + 2 * width, end), at};
    }
}

static hr_status sort_all(struct sorting *s, const int32_t *offsets, uint32_t count,
                          struct hr_err *err)
{
    struct hr_arena *arena = s->ctx->arena;
    uint32_t longest = 0;
    for (uint32_t row = 0; row < s->ctx->row_count; row++)
        longest = HR_MAX(longest, (uint32_t)(offsets[row + 1] - offsets[row]));
    s->merges = hr_arena_alloc(arena, sizeof *s->merges * (count / 2 + 1));
    uint32_t **arrays[] = {&s->spare, &s->left, &s->right, &s->rows};
    for (uint32_t i = 0; i < HR_COUNT(arrays); i++) {
        *arrays[i] = hr_arena_alloc(arena, sizeof(uint32_t) * (count + 1));
        if (!*arrays[i]) return HR_OOM(err);
    }
    if (!s->merges) return HR_OOM(err);
    for (uint32_t width = 1; width < longest; width *= 2) {
        memcpy(s->spare, s->places, sizeof *s->spare * count);
        plan_merges(s, offsets, width);
        while (s->merge_count) HR_TRY(merge_round(s, err));
        uint32_t *swap = s->places;
        s->places = s->spare;
        s->spare = swap;
    }
    return HR_OK;
}

static hr_status sort_by(struct sorting *s, struct hr_column *out, struct hr_err *err)
{
    struct hr_elements e;
    const struct hr_column *child = &s->args[0].col.children[0];
    HR_TRY(hr_elements_of(s->ctx, s->args, 1, out, &e, err));
    HR_TRY(hr_elements_places(s->ctx, &s->args[0], &e, &s->places, err));
    struct hr_column *sorted = HR_NEW(s->ctx->arena, struct hr_column);
    if (!sorted) return HR_OOM(err);
    if (child->type->id == HR_T_NULL) {
        HR_TRY(hr_column_nulls(s->ctx->arena, child->type, e.count, sorted, err));
    } else {
        HR_TRY(sort_all(s, e.offsets, e.count, err));
        HR_TRY(hr_column_take(s->ctx->arena, child, s->places, e.count, sorted, err));
    }
    sorted->type = out->type->fields[0].type;
    out->children = sorted;
    out->values = e.offsets;
    return HR_OK;
}

hr_status hr_fn_array_sort(HR_EVAL_ARGS)
{
    if (call->arg_count == 1) return hr_fn_sort_array(ctx, call, args, out, err);
    struct sorting s = {.ctx = ctx, .args = args};
    hr_arena_init(&s.scratch, ctx->arena->mem);
    hr_status status = sort_by(&s, out, err);
    hr_arena_done(&s.scratch);
    return status;
}
