/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons, IN, NULL and truth tests, greatest and least. Fixed-width comparisons are
 * kernels over all rows; NaN equals NaN and is above all else, as in Spark.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include <math.h>

#include "base/hash.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"
#include "kernel/kernel.h"

static void compare_strings(struct hr_eval_ctx *ctx, const struct hr_vector *a,
                            const struct hr_vector *b, enum hr_cmp_op op,
                            struct hr_column *out)
{
    const struct hr_string *x = a->col.values, *y = b->col.values;
    uint32_t xs = a->is_const ? 0 : 1, ys = b->is_const ? 0 : 1;
    if (op == HR_CMP_EQ) {
        HR_EACH_ROW(ctx, out, row)
            hr_out_bool(out, row, hr_string_eq(&x[row * xs], &y[row * ys]));
        return;
    }
    HR_EACH_ROW(ctx, out, row) {
        int c = hr_string_cmp(&x[row * xs], &y[row * ys]);
        hr_out_bool(out, row, op == HR_CMP_LT ? c < 0 : c <= 0);
    }
}

static void compare_words(const struct hr_vector *a, const struct hr_vector *b, enum hr_cmp_op op,
                          uint64_t *bits, uint32_t n)
{
    const uint64_t *x = a->col.values, *y = b->col.values;
    uint64_t xc = a->is_const ? (x[0] & 1 ? ~UINT64_C(0) : 0) : 0;
    uint64_t yc = b->is_const ? (y[0] & 1 ? ~UINT64_C(0) : 0) : 0;
    for (size_t i = 0; i < hr_bit_words(n); i++) {
        uint64_t v = a->is_const ? xc : x[i], w = b->is_const ? yc : y[i];
        bits[i] = op == HR_CMP_EQ ? ~(v ^ w) : op == HR_CMP_LT ? ~v & w : ~v | w;
    }
}

/* The operator with its sides changed. */
static enum hr_cmp_op turned(enum hr_cmp_op op)
{
    switch (op) {
    case HR_CMP_LT: return HR_CMP_GT;
    case HR_CMP_LE: return HR_CMP_GE;
    case HR_CMP_GT: return HR_CMP_LT;
    case HR_CMP_GE: return HR_CMP_LE;
    default: return op;
    }
}

static void compare_fixed(enum hr_ktype type, const struct hr_vector *a, const struct hr_vector *b,
                          enum hr_cmp_op op, uint64_t *bits, uint32_t n)
{
    const struct hr_compare_kernels *k = hr_kernels()->compare;
    const void *x = a->col.values, *y = b->col.values;
    if (a->is_const && b->is_const) { /* two items of an IN whose other items are columns */
        uint64_t word = 0;
        k->cols[type](op, x, y, 1, &word);
        for (size_t i = 0; i < hr_bit_words(n); i++) bits[i] = 0 - word;
    } else if (a->is_const) {
        k->to_const[type](turned(op), y, x, n, bits);
    } else if (b->is_const) {
        k->to_const[type](op, x, y, n, bits);
    } else {
        k->cols[type](op, x, y, n, bits);
    }
}

/* Bits of a op b for every row where both have values; op is EQ, LT or LE. */
static void compare_into(struct hr_eval_ctx *ctx, const struct hr_vector *a,
                         const struct hr_vector *b, enum hr_cmp_op op, struct hr_column *out)
{
    uint64_t *bits = HR_OUT(uint64_t, out);
    uint32_t n = ctx->row_count;
    enum hr_ktype type = hr_ktype_of(a->col.type);
    if (type != HR_K_COUNT) {
        compare_fixed(type, a, b, op, bits, n);
        return;
    }
    switch (a->col.type->id) {
    case HR_T_BOOLEAN: compare_words(a, b, op, bits, n); break;
    case HR_T_STRING:
    case HR_T_BINARY: compare_strings(ctx, a, b, op, out); break;
    default:
        HR_EACH_ROW(ctx, out, row) {
            int c = hr_column_compare(&a->col, hr_vector_row(a, row), &b->col,
                                      hr_vector_row(b, row));
            hr_out_bool(out, row, op == HR_CMP_EQ ? c == 0 : op == HR_CMP_LT ? c < 0 : c <= 0);
        }
    }
}

static hr_status compare(struct hr_eval_ctx *ctx, const struct hr_vector *args,
                         struct hr_column *out, enum hr_cmp_op op)
{
    bool swap = op == HR_CMP_GT || op == HR_CMP_GE;
    enum hr_cmp_op base = op == HR_CMP_NE ? HR_CMP_EQ : swap ? turned(op) : op;
    compare_into(ctx, &args[swap], &args[!swap], base, out);
    if (op == HR_CMP_NE)
        for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
            HR_OUT(uint64_t, out)[i] = ~HR_OUT(uint64_t, out)[i];
    return HR_OK;
}

hr_status hr_fn_eq(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_EQ); }
hr_status hr_fn_ne(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_NE); }
hr_status hr_fn_lt(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_LT); }
hr_status hr_fn_le(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_LE); }
hr_status hr_fn_gt(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_GT); }
hr_status hr_fn_ge(HR_EVAL_ARGS) { return compare(ctx, args, out, HR_CMP_GE); }

/* --- NULLs -------------------------------------------------------------------------------------*/

static uint64_t valid_word(const struct hr_vector *v, size_t i)
{
    if (v->col.type->id == HR_T_NULL) return 0;
    if (!v->col.validity) return ~UINT64_C(0);
    if (v->is_const) return v->col.validity[0] & 1 ? ~UINT64_C(0) : 0;
    return v->col.validity[i];
}

hr_status hr_fn_eq_null_safe(HR_EVAL_ARGS)
{
    size_t words = hr_bit_words(ctx->row_count);
    uint64_t *bits = HR_OUT(uint64_t, out), *valid = (uint64_t *)(uintptr_t)out->validity;
    for (size_t i = 0; i < words; i++)
        valid[i] = valid_word(&args[0], i) & valid_word(&args[1], i);
    if (args[0].col.type->id != HR_T_NULL && args[1].col.type->id != HR_T_NULL)
        compare_into(ctx, &args[0], &args[1], HR_CMP_EQ, out);
    for (size_t i = 0; i < words; i++) {
        uint64_t a = valid_word(&args[0], i), b = valid_word(&args[1], i);
        bits[i] = (bits[i] & a & b) | ~(a | b);
        valid[i] = ~UINT64_C(0);
    }
    HR_UNUSED(call);
    HR_UNUSED(err);
    return HR_OK;
}

hr_status hr_fn_isnull(HR_EVAL_ARGS)
{
    for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
        HR_OUT(uint64_t, out)[i] = ~valid_word(&args[0], i);
    return HR_OK;
}

hr_status hr_fn_isnotnull(HR_EVAL_ARGS)
{
    for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
        HR_OUT(uint64_t, out)[i] = valid_word(&args[0], i);
    return HR_OK;
}

static uint64_t bool_word(const struct hr_vector *v, size_t i)
{
    const uint64_t *bits = v->col.values;
    if (!bits) return 0;
    return v->is_const ? (bits[0] & 1 ? ~UINT64_C(0) : 0) : bits[i];
}

hr_status hr_fn_not(HR_EVAL_ARGS)
{
    for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
        HR_OUT(uint64_t, out)[i] = ~bool_word(&args[0], i);
    return HR_OK;
}

hr_status hr_fn_istrue(HR_EVAL_ARGS)
{
    for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
        HR_OUT(uint64_t, out)[i] = bool_word(&args[0], i) & valid_word(&args[0], i);
    return HR_OK;
}

hr_status hr_fn_isfalse(HR_EVAL_ARGS)
{
    for (size_t i = 0; i < hr_bit_words(ctx->row_count); i++)
        HR_OUT(uint64_t, out)[i] = ~bool_word(&args[0], i) & valid_word(&args[0], i);
    return HR_OK;
}

hr_status hr_fn_isnan(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row)
        hr_out_bool(out, row, hr_arg_valid(&args[0], row) && isnan(hr_arg_f64(&args[0], row)));
    return HR_OK;
}

/* --- IN ----------------------------------------------------------------------------------------*/

#define IN_SET_MIN 8

/* Constant items as a set of row numbers by hash: built per batch, worth it for many items. */
struct in_set {
    const struct hr_vector *items;
    uint32_t *slots; /* item + 1 */
    uint32_t mask;
};

static hr_status in_set_build(struct hr_eval_ctx *ctx, const struct hr_vector *items,
                              uint32_t count, struct in_set *set, struct hr_err *err)
{
    uint32_t size = 16;
    while (size < 2 * count) size *= 2;
    set->items = items;
    set->mask = size - 1;
    set->slots = hr_arena_zalloc(ctx->arena, sizeof *set->slots * size);
    if (!set->slots) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        if (!hr_arg_valid(&items[i], 0)) continue;
        uint64_t hash = 0;
        hr_column_hash(&items[i].col, NULL, 1, &hash);
        uint32_t at = (uint32_t)hash & set->mask;
        while (set->slots[at]) at = (at + 1) & set->mask;
        set->slots[at] = i + 1;
    }
    return HR_OK;
}

static bool in_set_has(const struct in_set *set, const struct hr_vector *v, uint32_t row,
                       uint64_t hash)
{
    for (uint32_t at = (uint32_t)hash & set->mask; set->slots[at]; at = (at + 1) & set->mask)
        if (hr_column_equal(&v->col, hr_vector_row(v, row), &set->items[set->slots[at] - 1].col, 0))
            return true;
    return false;
}

static hr_status in_by_set(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t count,
                           bool null_item, struct hr_column *out, struct hr_err *err)
{
    struct in_set set;
    HR_TRY(in_set_build(ctx, args + 1, count, &set, err));
    uint32_t n = args[0].is_const ? 1 : ctx->row_count;
    uint64_t *hashes = hr_arena_zalloc(ctx->arena, 8 * ((size_t)n + 1));
    if (!hashes) return HR_OOM(err);
    if (args[0].is_const || !ctx->sel) {
        hr_column_hash(&args[0].col, NULL, n, hashes);
    } else {
        hr_column_hash(&args[0].col, ctx->sel, ctx->sel_count, hashes);
    }
    for (uint32_t k = 0; k < ctx->sel_count; k++) {
        uint32_t row = ctx->sel ? ctx->sel[k] : k;
        bool found = hr_arg_valid(&args[0], row) &&
                     in_set_has(&set, &args[0], row, hashes[args[0].is_const ? 0 : k]);
        hr_out_bool(out, row, found);
        if (!found && (null_item || !hr_arg_valid(&args[0], row))) hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_in(HR_EVAL_ARGS)
{
    uint32_t items = call->arg_count - 1;
    bool null_item = false, all_const = true;
    for (uint32_t i = 1; i <= items; i++) {
        all_const = all_const && args[i].is_const;
        null_item = null_item || (args[i].is_const && !hr_arg_valid(&args[i], 0));
    }
    if (all_const && items >= IN_SET_MIN && args[0].col.type->id != HR_T_NULL)
        return in_by_set(ctx, args, items, null_item, out, err);
    size_t words = hr_bit_words(ctx->row_count) + 1;
    uint64_t *bits = HR_OUT(uint64_t, out), *valid = (uint64_t *)(uintptr_t)out->validity;
    uint64_t *hit = hr_arena_alloc(ctx->arena, words * 16);
    if (!hit) return HR_OOM(err);
    uint64_t *both = hit + words;
    struct hr_column one = *out;
    one.values = hit;
    one.validity = both;
    words--;
    memset(bits, 0, words * 8);
    for (size_t i = 0; i < words; i++) valid[i] = valid_word(&args[0], i);
    for (uint32_t k = 1; k <= items; k++) {
        for (size_t i = 0; i < words; i++)
            both[i] = valid_word(&args[0], i) & valid_word(&args[k], i);
        if (args[k].col.type->id != HR_T_NULL && args[0].col.type->id != HR_T_NULL)
            compare_into(ctx, &args[0], &args[k], HR_CMP_EQ, &one);
        for (size_t i = 0; i < words; i++) {
            bits[i] |= hit[i] & both[i];
            valid[i] &= valid_word(&args[k], i); /* a NULL item hides a no … */
        }
    }
    for (size_t i = 0; i < words; i++) valid[i] |= bits[i]; /* … but not a yes */
    return HR_OK;
}

/* --- greatest, least ---------------------------------------------------------------------------*/

static void copy_value(const struct hr_vector *v, uint32_t row, struct hr_column *out)
{
    size_t width = hr_type_width(out->type);
    if (out->type->id == HR_T_BOOLEAN)
        hr_out_bool(out, row, hr_arg_bool(v, row));
    else
        memcpy(HR_OUT(char, out) + row * width,
               (const char *)v->col.values + hr_vector_row(v, row) * width, width);
}

static hr_status extreme(HR_EVAL_ARGS, int sign)
{
    bool nested = hr_type_is_nested(call->type);
    struct hr_builder *b = nested ? hr_builder_new(ctx->arena, call->type, ctx->row_count) : NULL;
    uint32_t next = 0;
    if (nested && !b) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) {
        const struct hr_vector *best = NULL;
        for (uint32_t i = 0; i < call->arg_count; i++) {
            const struct hr_vector *v = &args[i];
            if (!hr_arg_valid(v, row)) continue;
            if (!best || sign * hr_column_compare(&v->col, hr_vector_row(v, row), &best->col,
                                                  hr_vector_row(best, row)) > 0)
                best = v;
        }
        if (!best) hr_out_null(out, row);
        if (nested) {
            for (; next < row; next++) hr_builder_null(b);
            if (best)
                hr_builder_copy(b, &best->col, hr_vector_row(best, row));
            else
                hr_builder_null(b);
            next = row + 1;
        } else if (best) {
            copy_value(best, row, out);
        }
    }
    return nested ? hr_out_from_builder(ctx, b, out, err) : HR_OK;
}

hr_status hr_fn_greatest(HR_EVAL_ARGS) { return extreme(ctx, call, args, out, err, 1); }
hr_status hr_fn_least(HR_EVAL_ARGS) { return extreme(ctx, call, args, out, err, -1); }
