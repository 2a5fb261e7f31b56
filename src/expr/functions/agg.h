/* SPDX-License-Identifier: Apache-2.0 */
/* What the aggregates share: walking rows into states. */
#ifndef HR_EXPR_FUNCTIONS_AGG_H
#define HR_EXPR_FUNCTIONS_AGG_H

#include "expr/codec.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

#define HR_UPDATE_ARGS                                                                      \
    const struct hr_expr *call, struct hr_eval_ctx *ctx, const struct hr_vector *args,      \
        const uint32_t *rows, uint32_t count, uint8_t *const *states, uint32_t offset,      \
        const int32_t *weights, struct hr_err *err
#define HR_EMIT_ARGS                                                                        \
    const struct hr_expr *call, struct hr_eval_ctx *ctx, uint8_t *const *states,            \
        uint32_t offset, uint32_t count, struct hr_column *out, struct hr_err *err

/* For i in [0, count): row, at (the row in arg 0) and w, for rows where argument 0 is not NULL. */
#define HR_EACH_INPUT(v)                                                      \
    for (uint32_t i = 0, row = 0, at = 0; i < count; i++)                     \
        if (row = rows ? rows[i] : i, at = (v)->is_const ? 0 : row, (void)at, \
            hr_arg_valid((v), row))

/* The state of group i. */
#define HR_STATE(T, i) ((T *)(void *)(states[i] + offset))

typedef hr_i128 hr_i128_in_state __attribute__((aligned(8)));

/* An argument as a double, whatever number it is. */
double hr_agg_f64(const struct hr_vector *v, uint32_t at);

/* The parameter of a percentile: one number or an array of them (call->bound). */
struct hr_percentages {
    uint32_t count;
    bool is_array;
    const double *values;
};

/* Sets of tuples of arguments with counts (agg_values.c). */
uint32_t hr_agg_set_bytes(const struct hr_expr *call);
hr_status hr_agg_set_update_args(HR_UPDATE_ARGS, uint32_t arg_count, bool skip_nulls);
hr_status hr_agg_set_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err);
void hr_agg_set_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out);
hr_status hr_agg_set_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                          struct hr_err *err);
void hr_agg_set_done(const struct hr_expr *call, uint8_t *state);
extern const struct hr_aggregate hr_agg_distinct;
/* listagg with WITHIN GROUP (agg_ordered.c). */
hr_status hr_listagg_ordered_update(HR_UPDATE_ARGS);
hr_status hr_listagg_ordered_emit(HR_EMIT_ARGS);
/* The aggregate of a call whose rows may be taken back (agg_retract.c). */
const struct hr_aggregate *hr_agg_retracting(const struct hr_expr *call);

#endif
