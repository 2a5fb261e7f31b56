/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: ARRAY<FLOAT>, counted in double. A NULL among the elements makes the result NULL. */
#include <math.h>
#include <stdio.h>

#include "base/decimal.h"
#include "expr/functions/array.h"
#include "expr/internal.h"

static hr_status check_vector(struct hr_arena *arena, const struct hr_expr *call, uint32_t i,
                              struct hr_err *err)
{
    const struct hr_type *t = call->args[i]->type;
    if (t->id == HR_T_ARRAY && t->fields[0].type->id == HR_T_FLOAT) return HR_OK;
    return hr_resolve_unexpected_type(arena, call, i, "\"ARRAY<FLOAT>\"", err);
}

hr_status hr_bind_vectors(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    HR_TRY(check_vector(arena, call, 0, err));
    return check_vector(arena, call, 1, err);
}

/* (vector, degree): 1, 2 or infinity; 2 is the default. */
hr_status hr_bind_vector_norm(HR_BIND_ARGS)
{
    if (call->arg_count == 1) {
        struct hr_expr *two = hr_expr_double(arena, 2), *cast;
        if (!two || !(cast = hr_expr_cast(arena, two, hr_type(HR_T_FLOAT)))) return HR_OOM(err);
        cast->implicit_cast = true;
        HR_TRY(hr_expr_resolve_node(arena, conf, cast, err));
        HR_TRY(hr_resolve_add_arg(arena, call, cast, err));
    }
    HR_TRY(check_vector(arena, call, 0, err));
    if (call->args[1]->type->id != HR_T_FLOAT)
        return hr_resolve_unexpected_type(arena, call, 1, "\"FLOAT\"", err);
    bool normalizes = strcmp(call->function->name, "vector_normalize") == 0;
    call->type = normalizes ? hr_type_array(hr_type(HR_T_FLOAT), false) : hr_type(HR_T_FLOAT);
    call->nullable = true;
    return call->type ? HR_OK : HR_OOM(err);
}

struct vector {
    const float *values;
    uint32_t count;
};

/* false: an element is NULL. */
static bool read_vector(const struct hr_vector *v, uint32_t row, struct vector *ret)
{
    const struct hr_column *child = &v->col.children[0];
    uint32_t from, to;
    hr_list_range(v, row, &from, &to);
    ret->values = (const float *)child->values + from;
    ret->count = to - from;
    for (; from < to && child->validity; from++)
        if (!hr_bit_get(child->validity, from)) return false;
    return true;
}

static double inner(const struct vector *a, const struct vector *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < a->count; i++) sum += (double)a->values[i] * (double)b->values[i];
    return sum;
}

static double distance(const struct vector *a, const struct vector *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        double d = (double)(a->values[i] - b->values[i]);
        sum += d * d;
    }
    return sqrt(sum);
}

typedef bool measure(const struct vector *a, const struct vector *b, double *ret);

static bool inner_product(const struct vector *a, const struct vector *b, double *ret)
{
    *ret = inner(a, b);
    return true;
}

static bool l2_distance(const struct vector *a, const struct vector *b, double *ret)
{
    *ret = distance(a, b);
    return true;
}

static bool cosine(const struct vector *a, const struct vector *b, double *ret)
{
    double square = inner(a, a) * inner(b, b);
    if (square == 0) return false;
    *ret = inner(a, b) / sqrt(square);
    return true;
}

static hr_status compare_vectors(HR_EVAL_ARGS, measure *fn)
{
    HR_EACH_ROW(ctx, out, row)
    {
        struct vector a, b;
        double v;
        bool whole = read_vector(&args[0], row, &a);
        whole = read_vector(&args[1], row, &b) && whole;
        if (a.count != b.count) {
            char left[16], right[16];
            const char *name = hr_arena_printf(ctx->arena, "`%s`", call->function->name);
            snprintf(left, sizeof left, "%u", a.count);
            snprintf(right, sizeof right, "%u", b.count);
            return HR_RAISE(err, HR_E_VECTOR_DIMENSION_MISMATCH, "functionName", name ? name : "?",
                            "leftDim", left, "rightDim", right);
        }
        if (whole && fn(&a, &b, &v))
            HR_OUT(float, out)[row] = (float)v;
        else
            hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_vector_inner_product(HR_EVAL_ARGS)
{
    return compare_vectors(ctx, call, args, out, err, inner_product);
}
hr_status hr_fn_vector_l2_distance(HR_EVAL_ARGS)
{
    return compare_vectors(ctx, call, args, out, err, l2_distance);
}
hr_status hr_fn_vector_cosine_similarity(HR_EVAL_ARGS)
{
    return compare_vectors(ctx, call, args, out, err, cosine);
}

static hr_status norm_of(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                         const struct vector *v, float degree, double *ret, struct hr_err *err)
{
    double sum = 0;
    if (degree != 1 && degree != 2 && !(isinf(degree) && degree > 0)) {
        char text[32];
        text[hr_format_f32(degree, text)] = 0;
        const char *name = hr_arena_printf(ctx->arena, "`%s`", call->function->name);
        return HR_RAISE(err, HR_E_INVALID_VECTOR_NORM_DEGREE, "functionName", name ? name : "?",
                        "degree", text);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        double x = (double)v->values[i];
        if (degree == 2)
            sum += x * x;
        else if (degree == 1)
            sum += fabs(x);
        else if (fabs(x) > sum || isnan(x))
            sum = fabs(x);
    }
    *ret = degree == 2 ? sqrt(sum) : sum;
    return HR_OK;
}

hr_status hr_fn_vector_norm(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
    {
        struct vector v;
        double norm;
        bool whole = read_vector(&args[0], row, &v);
        HR_TRY(norm_of(ctx, call, &v, HR_ARG(float, &args[1], row), &norm, err));
        HR_OUT(float, out)[row] = (float)norm;
        if (!whole) hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_vector_normalize(HR_EVAL_ARGS)
{
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        struct vector v;
        double norm;
        bool whole = read_vector(&args[0], row, &v);
        HR_TRY(norm_of(ctx, call, &v, HR_ARG(float, &args[1], row), &norm, err));
        if (!whole || norm == 0) {
            hr_builder_null(b);
            continue;
        }
        for (uint32_t i = 0; i < v.count; i++)
            hr_builder_f64(hr_builder_child(b, 0), (double)v.values[i] / norm);
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}
