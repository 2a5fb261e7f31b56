/* SPDX-License-Identifier: Apache-2.0 */
/* Lambdas at run time: over the elements of all rows of a batch at once. */
#ifndef HR_EXPR_LAMBDA_RUN_H
#define HR_EXPR_LAMBDA_RUN_H

#include "expr/eval.h"

struct hr_lambda_run {
    const struct hr_lambda_code *code;
    struct hr_eval *eval;
};

/* Elements of a list column, or of several side by side, of all rows that count, in their order. */
struct hr_elements {
    uint32_t count;
    uint32_t *parents; /* the row of each */
    int32_t *offsets;  /* of a list column of ctx->row_count rows over them */
};

/* Those of the lists (side by side: as many as the longest has) at rows that count and are not NULL
 * in out. functions/scalar_lambda.c */
hr_status hr_elements_of(struct hr_eval_ctx *ctx, const struct hr_vector *lists,
                         uint32_t list_count, const struct hr_column *out, struct hr_elements *ret,
                         struct hr_err *err) HR_CHECKED;
/* Where they stand in a list's children; UINT32_MAX behind the end of a shorter list. */
hr_status hr_elements_places(struct hr_eval_ctx *ctx, const struct hr_vector *list,
                             const struct hr_elements *e, uint32_t **ret,
                             struct hr_err *err) HR_CHECKED;

/* Runs lambda `index` of the call over elements: vars are its variables, each of count rows. What
 * it captures is taken from the call's arguments by the elements' rows. The result has count
 * rows. */
hr_status hr_lambda_eval(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t index,
                         const struct hr_column *vars, const uint32_t *parents, uint32_t count,
                         struct hr_arena *arena, struct hr_column *ret,
                         struct hr_err *err) HR_CHECKED;

#endif
