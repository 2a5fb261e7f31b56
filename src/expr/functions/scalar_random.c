/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers. rand and randn give what Spark's XORShiftRandom gives for the same seed and
 * partition: a seed that is written in a query means the same rows.
 */
#include <stdio.h>

#include "base/env.h"
#include "base/hash.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"
#include "expr/program.h"

/* The seed that is written in the call (NULL is 0); else the call's own, another for each epoch. */
static struct hr_java_random first_state(const struct hr_eval_ctx *ctx, const struct hr_expr *call,
                                         const struct hr_vector *args)
{
    uint32_t at = call->bound ? *(const uint32_t *)call->bound : 0; /* where the seed is */
    uint64_t s = call->seed ^ hr_hash_u64((uint64_t)ctx->now_us);
    if (call->arg_count > at)
        s = hr_arg_valid(&args[at], 0) ? (uint64_t)hr_arg_i64(&args[at], 0) : 0;
    else if (!call->seed)
        hr_env_default()->vt->random(hr_env_default(), &s, sizeof s);
    return hr_xorshift_random((int64_t)(s + ctx->partition));
}

/* Each call has a sequence of its own: what else the query computes does not change its rows. */
static struct hr_random *random_of(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                                   const struct hr_vector *args)
{
    for (uint32_t i = 0; i < ctx->random_count; i++)
        if (ctx->randoms[i].call == call) return &ctx->randoms[i];
    struct hr_random *more =
        hr_realloc(ctx->randoms, sizeof *ctx->randoms * (ctx->random_count + 1));
    if (!more) return NULL;
    ctx->randoms = more;
    more[ctx->random_count] =
        (struct hr_random){.call = call, .draws = first_state(ctx, call, args)};
    return &more[ctx->random_count++];
}

hr_status hr_fn_rand(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = hr_java_double(&r->draws);
    return HR_OK;
}

hr_status hr_fn_randn(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = hr_java_gaussian(&r->draws);
    return HR_OK;
}

/* --- uniform, randstr --------------------------------------------------------------------------*/

static hr_status constant(struct hr_arena *arena, struct hr_expr *call, uint32_t i,
                          const char *name, const char *kind, struct hr_err *err)
{
    if (hr_expr_is_foldable(call->args[i])) return HR_OK;
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputName", name, "inputType", kind, "inputExpr",
                    hr_expr_quoted(arena, call->args[i]));
}

/* The seed is argument `at`, where it is written. */
static hr_status bind_seed(struct hr_arena *arena, struct hr_expr *call, uint32_t at,
                           struct hr_err *err)
{
    uint32_t *where = HR_NEW(arena, uint32_t);
    if (!where) return HR_OOM(err);
    *where = at;
    call->bound = where;
    if (call->arg_count <= at) return HR_OK;
    HR_TRY(constant(arena, call, at, "`seed`", "integer or floating-point", err));
    const struct hr_type *to = hr_type_implicit(call->args[at]->type, hr_sv("=int|long"));
    if (!to)
        return hr_resolve_unexpected_type(arena, call, at, "\"INT\" or \"BIGINT\"", err);
    return hr_resolve_cast(arena, &call->args[at], to, err);
}

hr_status hr_bind_uniform(HR_BIND_ARGS)
{
    static const char *const names[] = {"`min`", "`max`"};
    HR_UNUSED(conf);
    const struct hr_type *types[2];
    for (uint32_t i = 0; i < 2; i++) {
        types[i] = call->args[i]->type;
        if (!hr_type_is_numeric(types[i]) && types[i]->id != HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, i, "\"NUMERIC\"", err);
        HR_TRY(constant(arena, call, i, names[i], "integer or floating-point", err));
    }
    HR_TRY(bind_seed(arena, call, 2, err));
    bool integral[2] = {hr_type_is_integral(types[0]), hr_type_is_integral(types[1])};
    call->type = integral[0] && integral[1] ? hr_type(HR_MAX(types[0]->id, types[1]->id))
                 : integral[0]              ? types[1]
                 : integral[1]              ? types[0]
                                            : hr_type_tightest(types[0], types[1]);
    call->nullable = call->args[0]->nullable || call->args[1]->nullable ||
                     types[0]->id == HR_T_NULL || types[1]->id == HR_T_NULL;
    for (uint32_t i = 0; i < 2; i++)
        HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_DOUBLE), err));
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_uniform(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    struct hr_vector drawn = {.is_const = false};
    if (!r) return HR_OOM(err);
    bool null = !hr_arg_valid(&args[0], 0) || !hr_arg_valid(&args[1], 0);
    if (null) return hr_column_nulls(ctx->arena, call->type, ctx->row_count, out, err);
    HR_TRY(hr_column_alloc(ctx->arena, hr_type(HR_T_DOUBLE), ctx->row_count, false, &drawn.col,
                           err));
    double low = HR_ARG(double, &args[0], 0), span = HR_ARG(double, &args[1], 0) - low;
    memset(HR_OUT(double, &drawn.col), 0, sizeof(double) * ctx->row_count);
    HR_ALL_ROWS(ctx, row) HR_OUT(double, &drawn.col)[row] = low + span * hr_java_double(&r->draws);
    if (call->type->id == HR_T_DOUBLE) {
        *out = drawn.col;
        return HR_OK;
    }
    return hr_cast_column(ctx, &drawn, call->type, false, out, err);
}

hr_status hr_bind_randstr(HR_BIND_ARGS)
{
    int64_t length = 0;
    if (!hr_type_is_integral(call->args[0]->type) && call->args[0]->type->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, 0, "\"INT\" or \"SMALLINT\"", err);
    HR_TRY(constant(arena, call, 0, "`length`", "INT or SMALLINT", err));
    HR_TRY(bind_seed(arena, call, 1, err));
    if (hr_resolve_const_i64(arena, conf, call->args[0], &length) &&
        (length < 0 || length > INT32_MAX)) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)length);
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                        hr_expr_quoted(arena, call), "exprName", "`length`", "valueRange",
                        "[0, 2147483647]", "currentValue", text);
    }
    return hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_INT), err);
}

hr_status hr_fn_randstr(HR_EVAL_ARGS)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    int32_t length = hr_arg_valid(&args[0], 0) ? HR_ARG(int32_t, &args[0], 0) : 0;
    HR_TEXT_ROWS({
        for (int32_t i = 0; i < length && !buf.failed; i++)
            hr_buf_putc(&buf, letters[labs(hr_java_bits(&r->draws, 32) % 62)]);
    });
}

hr_status hr_fn_monotonically_increasing_id(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row)
        HR_OUT(int64_t, out)[row] = (int64_t)ctx->partition << 33 | r->rows++;
    return HR_OK;
}

/* Version 4 of RFC 9562. */
hr_status hr_fn_uuid(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) {
        uint64_t high = hr_splitmix64(&r->draws.seed), low = hr_splitmix64(&r->draws.seed);
        char text[37];
        snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
                 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
                 (unsigned)(low >> 48 & 0x3fff) | 0x8000u,
                 (unsigned long long)(low & UINT64_C(0xffffffffffff)));
        HR_TRY(hr_out_str(ctx, out, row, text, 36, err));
    }
    return HR_OK;
}
