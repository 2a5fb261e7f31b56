/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of all functions, declared from the table. */
#ifndef HR_EXPR_FUNCTIONS_FUNCTIONS_H
#define HR_EXPR_FUNCTIONS_FUNCTIONS_H

#include "expr/function.h"

#define HR_EVAL_ARGS                                                                          \
    struct hr_eval_ctx *ctx, const struct hr_expr *call, const struct hr_vector *args,        \
        struct hr_column *out, struct hr_err *err
#define HR_BIND_ARGS                                                                          \
    struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call, struct hr_err *err

#define S(name, flags, min, max, args, ret, eval, doc) hr_status eval(HR_EVAL_ARGS);
#define B(name, flags, min, max, args, ret, bind, eval, doc) \
    hr_status bind(HR_BIND_ARGS);                            \
    hr_status eval(HR_EVAL_ARGS);
#define A(name, flags, min, max, args, ret, bind, agg, doc) \
    hr_status bind(HR_BIND_ARGS);                           \
    extern const struct hr_aggregate agg;
#define P(name, flags, min, max, args, ret, bind, doc) hr_status bind(HR_BIND_ARGS);
#include "expr/functions/functions.def"
#undef S
#undef B
#undef A
#undef P

#endif
