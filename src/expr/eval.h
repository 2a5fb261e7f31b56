/* SPDX-License-Identifier: Apache-2.0 */
/* What the evaluator shares with functions that run programs or make columns themselves. */
#ifndef HR_EXPR_EVAL_H
#define HR_EXPR_EVAL_H

#include "expr/step.h"

/* Some rows of a batch, ascending. */
struct hr_sel {
    const uint32_t *rows; /* NULL: 0 … count-1 */
    uint32_t count;
};

/* A column for results: validity all ones; strings empty; nested types without children. */
hr_status hr_out_alloc(struct hr_arena *arena, const struct hr_type *type, uint32_t rows,
                       struct hr_column *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_struct_field(struct hr_arena *arena, const struct hr_column *col, uint32_t ordinal,
                          struct hr_column *ret, struct hr_err *err) HR_CHECKED;
/* A vector as a column of row_count rows. */
hr_status hr_vector_spread(struct hr_arena *arena, const struct hr_vector *v, uint32_t row_count,
                           struct hr_column *ret, struct hr_err *err) HR_CHECKED;

#endif
