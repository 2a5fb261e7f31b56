/* SPDX-License-Identifier: Apache-2.0 */
/* The array forms of functions that are for texts too. */
#ifndef HR_EXPR_FUNCTIONS_ARRAY_H
#define HR_EXPR_FUNCTIONS_ARRAY_H

#include "expr/functions/functions.h"

hr_status hr_array_reverse(HR_EVAL_ARGS);
hr_status hr_array_concat(HR_EVAL_ARGS);

/* The elements of an array or map vector at a row. */
HR_INLINE void hr_list_range(const struct hr_vector *v, uint32_t row, uint32_t *ret_from,
                             uint32_t *ret_to)
{
    const int32_t *offsets = (const int32_t *)v->col.values;
    uint32_t at = hr_vector_row(v, row);
    *ret_from = (uint32_t)offsets[at];
    *ret_to = (uint32_t)offsets[at + 1];
}

/* Elements of one array that a function makes. */
#define HR_ELEMENTS_MAX 10000000
/* COLLECTION_SIZE_LIMIT_EXCEEDED. */
hr_status hr_elements_exceeded(struct hr_eval_ctx *ctx, const char *function, hr_i128 elements,
                               struct hr_err *err);

#endif
