/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds: what a format's reader is told of the scan's filters, in a form that the statistics in a
 * footer can answer. A filter that has another form is no bound: it is left to the scan.
 */
#ifndef HR_FORMAT_BOUND_H
#define HR_FORMAT_BOUND_H

#include "expr/expr.h"

enum hr_bound_op {
    HR_BOUND_EQ,
    HR_BOUND_LT,
    HR_BOUND_LE,
    HR_BOUND_GT,
    HR_BOUND_GE,
    HR_BOUND_IN, /* one of values */
    HR_BOUND_NULL,
    HR_BOUND_NOT_NULL,
};

/* column op value, for every row that is asked for. */
struct hr_bound {
    uint32_t column; /* of the columns that are read */
    enum hr_bound_op op;
    const struct hr_column *const *values; /* of one row, of the column's type, not NULL */
    uint32_t value_count;
};

/* The bounds in filters, which number the columns of over; those of other columns than wanted's are
 * left out. They live in the arena, their values with the filters. */
hr_status hr_bounds_of(struct hr_arena *arena, struct hr_expr *const *filters, uint32_t count,
                       const struct hr_type *over, const struct hr_type *wanted,
                       const struct hr_bound **ret, uint32_t *ret_count,
                       struct hr_err *err) HR_CHECKED;

/* What is known of the values of a column in a part of a file. */
struct hr_bound_range {
    const struct hr_column *min, *max; /* of one row; NULL: not known. NaN counts in neither */
    bool no_nulls, only_nulls;         /* known to be so */
};
/* Can a row of the part fulfil the bound? true where it is not known. */
bool hr_bound_may_hold(const struct hr_bound *bound, const struct hr_bound_range *range);

#endif
