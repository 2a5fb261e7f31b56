/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of a window that are a matter of positions: ranks, and values of a row that is found by
 * its place (lag, lead, first, last, nth_value). Values are taken by row number at the end.
 */
#include "column/builder.h"
#include "expr/function.h"
#include "operator/over_block.h"

bool hr_over_is_value(const struct hr_over_spec *spec)
{
    if (spec->call->function->flags & HR_FN_WINDOW) return true;
    enum hr_function_role role = hr_expr_role(spec->call);
    bool ends = role == HR_ROLE_FIRST || role == HR_ROLE_LAST;
    return ends && spec->filter_column < 0 && spec->carry_at < 0;
}

/* Ranks -----------------------------------------------------------------------------------------*/

static void row_numbers(const struct hr_over_block *b, int32_t *out)
{
    for (uint32_t p = 0; p < b->part_count; p++) {
        const struct hr_over_carry *carry = hr_over_carried(b, p);
        int64_t before = (carry ? carry->rows : 0) + 1 - (int64_t)hr_over_first(b, p);
        for (uint32_t i = b->starts[p]; i < b->starts[p + 1]; i++) out[i] = (int32_t)(before + i);
    }
}

static void ranks(const struct hr_over_block *b, bool dense, int32_t *out)
{
    for (uint32_t p = 0; p < b->part_count; p++) {
        const struct hr_over_carry *carry = hr_over_carried(b, p);
        int64_t values = carry ? carry->values : 0, first = hr_over_first(b, p);
        int64_t before = (carry ? carry->rows : 0) + 1 - first;
        for (uint32_t i = b->starts[p]; i < b->starts[p + 1]; i++) {
            values += i >= first && b->peer_start[i] == i;
            out[i] = (int32_t)(dense ? values : before + b->peer_start[i]);
        }
    }
}

/* cume_dist; else percent_rank */
static void shares(const struct hr_over_block *b, bool cume, double *out)
{
    for (uint32_t p = 0; p < b->part_count; p++) {
        uint32_t start = b->starts[p], size = b->starts[p + 1] - start;
        for (uint32_t i = start; i < start + size; i++) {
            if (cume)
                out[i] = (double)(b->peer_end[i] - start) / size;
            else
                out[i] = size > 1 ? (double)(b->peer_start[i] - start) / (size - 1) : 0;
        }
    }
}

/* The first size % n buckets have one row more. */
static void buckets(const struct hr_over_block *b, int64_t n, int32_t *out)
{
    for (uint32_t p = 0; p < b->part_count; p++) {
        uint32_t start = b->starts[p], size = b->starts[p + 1] - start;
        int64_t small = size / n, larger = size % n, in_larger = larger * (small + 1);
        for (uint32_t i = 0; i < size; i++)
            out[start + i] = (int32_t)(i < in_larger ? i / (small + 1) + 1
                                                     : larger + (i - in_larger) / small + 1);
    }
}

static hr_status rank_column(struct hr_over_block *b, const struct hr_over_spec *spec,
                             struct hr_arena *arena, struct hr_column *ret, struct hr_err *err)
{
    HR_TRY(hr_column_alloc(arena, spec->call->type, b->count, false, ret, err));
    void *out = (void *)(uintptr_t)ret->values;
    enum hr_function_role role = hr_expr_role(spec->call);
    if (role != HR_ROLE_ROW_NUMBER && role != HR_ROLE_NTILE) HR_TRY(hr_over_peers(b, err));
    switch (role) {
    case HR_ROLE_ROW_NUMBER: row_numbers(b, out); return HR_OK;
    case HR_ROLE_RANK: ranks(b, false, out); return HR_OK;
    case HR_ROLE_DENSE_RANK: ranks(b, true, out); return HR_OK;
    case HR_ROLE_PERCENT_RANK: shares(b, false, out); return HR_OK;
    case HR_ROLE_CUME_DIST: shares(b, true, out); return HR_OK;
    case HR_ROLE_NTILE: buckets(b, spec->n, out); return HR_OK;
    default: return HR_BUG(err, "no window function %s", spec->call->function->name);
    }
}

/* Rows by place ---------------------------------------------------------------------------------*/

#define NOWHERE UINT32_MAX

/* The rows that are not NULL in the first argument, and how many are before a row. */
struct valid_rows {
    uint32_t *rows, *before;
};

static hr_status find_valid(struct hr_over_block *b, const struct hr_column *col,
                            struct valid_rows *ret, struct hr_err *err)
{
    ret->rows = hr_arena_alloc(b->arena, (b->count + 1) * sizeof(uint32_t));
    ret->before = hr_arena_alloc(b->arena, (b->count + 1) * sizeof(uint32_t));
    if (!ret->rows || !ret->before) return HR_OOM(err);
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        ret->before[i] = n;
        if (col->type->id != HR_T_NULL && hr_column_valid(col, i)) ret->rows[n++] = i;
    }
    ret->before[b->count] = n;
    return HR_OK;
}

/* The n-th row (from 1) of a frame; from its end where last. */
static uint32_t nth(const struct valid_rows *v, uint32_t lo, uint32_t hi, int64_t n, bool last)
{
    if (lo >= hi) return NOWHERE;
    if (v) {
        uint32_t from = v->before[lo], to = v->before[hi];
        if (n > (int64_t)to - from) return NOWHERE;
        return v->rows[last ? to - n : from + n - 1];
    }
    if (n > (int64_t)hi - lo) return NOWHERE;
    return last ? hi - (uint32_t)n : lo + (uint32_t)n - 1;
}

static hr_status places_in_frame(struct hr_over_block *b, const struct hr_over_spec *spec,
                                 const struct valid_rows *valid, uint32_t *to, struct hr_err *err)
{
    struct hr_frames f;
    bool last = hr_expr_role(spec->call) == HR_ROLE_LAST;
    HR_TRY(hr_over_frames(b, spec, &f, err));
    for (uint32_t i = 0; i < b->count; i++) to[i] = nth(valid, f.lo[i], f.hi[i], spec->n, last);
    return HR_OK;
}

/* n rows ahead of each row; behind it where n is negative. */
static void places_ahead(const struct hr_over_block *b, const struct hr_over_spec *spec,
                         const struct valid_rows *valid, uint32_t *to)
{
    int64_t n = spec->n;
    for (uint32_t p = 0; p < b->part_count; p++) {
        uint32_t start = b->starts[p], end = b->starts[p + 1];
        for (uint32_t i = start; i < end; i++) {
            if (n == 0 || !valid)
                to[i] = (int64_t)i + n >= start && (int64_t)i + n < end ? (uint32_t)(i + n)
                                                                        : NOWHERE;
            else if (n > 0)
                to[i] = nth(valid, i + 1, end, n, false);
            else
                to[i] = nth(valid, start, i, -n, true);
        }
    }
}

/* Where there is no row, the default of the row itself. */
static hr_status with_default(struct hr_over_block *b, const struct hr_over_spec *spec,
                              const uint32_t *places, struct hr_arena *arena, struct hr_column *ret,
                              struct hr_err *err)
{
    const struct hr_column *from = &b->rows->columns[hr_over_arg(spec, 0)];
    const struct hr_column *other = &b->rows->columns[hr_over_arg(spec, 2)];
    struct hr_builder *out = hr_builder_new(arena, from->type, b->count);
    if (!out) return HR_OOM(err);
    for (uint32_t i = 0; i < b->count; i++) {
        bool there = places[i] != NOWHERE;
        hr_builder_copy(out, there ? from : other, there ? places[i] : i);
    }
    return hr_builder_finish(out, ret, err);
}

static hr_status taken(struct hr_over_block *b, const struct hr_over_spec *spec,
                       struct hr_arena *arena, struct hr_column *ret, struct hr_err *err)
{
    const struct hr_column *from = &b->rows->columns[hr_over_arg(spec, 0)];
    enum hr_function_role role = hr_expr_role(spec->call);
    bool ahead = role == HR_ROLE_LAG || role == HR_ROLE_LEAD;
    struct valid_rows valid;
    uint32_t *places = hr_arena_alloc(b->arena, (b->count + 1) * sizeof *places);
    if (!places) return HR_OOM(err);
    if (from->type->id == HR_T_NULL) return hr_column_nulls(arena, from->type, b->count, ret, err);
    if (spec->ignores_nulls) HR_TRY(find_valid(b, from, &valid, err));
    const struct valid_rows *v = spec->ignores_nulls ? &valid : NULL;
    if (!ahead)
        HR_TRY(places_in_frame(b, spec, v, places, err));
    else
        places_ahead(b, spec, v, places);
    if (ahead && !hr_expr_is_literal_null(spec->over->args[0]->args[2]))
        return with_default(b, spec, places, arena, ret, err);
    return hr_column_take(arena, from, places, b->count, ret, err);
}

hr_status hr_over_value(struct hr_over_block *block, const struct hr_over_spec *spec,
                        struct hr_arena *arena, struct hr_column *ret, struct hr_err *err)
{
    switch (hr_expr_role(spec->call)) {
    case HR_ROLE_FIRST:
    case HR_ROLE_LAST:
    case HR_ROLE_NTH_VALUE:
    case HR_ROLE_LAG:
    case HR_ROLE_LEAD: return taken(block, spec, arena, ret, err);
    default: return rank_column(block, spec, arena, ret, err);
    }
}
