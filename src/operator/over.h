/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window: functions over windows of rows. Its input comes sorted by the partition's keys, then by
 * the order; its output is the first pass_count columns of the input, then a column a function.
 */
#ifndef HR_OPERATOR_OVER_H
#define HR_OPERATOR_OVER_H

#include "operator/physical.h"

struct hr_over_spec {
    const struct hr_expr *call; /* its arguments are columns of the input */
    const struct hr_expr *over; /* for EXPLAIN */
    enum hr_frame_unit unit;
    enum hr_frame_bound lower, upper;
    int64_t lower_rows, upper_rows;     /* ROWS: signed distance of an offset */
    int32_t lower_column, upper_column; /* RANGE: columns of the values that an offset leads to */
    int32_t filter_column;              /* -1: none */
    bool ignores_nulls;
    int64_t n; /* of lag, lead (signed: rows ahead), ntile, nth_value */
    int32_t carry_at; /* where an aggregate's state is in a key's carry; -1: it begins anew */
};

/* What a key takes from epoch to epoch on a stream: behind it are states of aggregates. */
struct hr_over_carry {
    int64_t rows, values; /* that came out; different ones by the order */
};

struct hr_over_pnode {
    struct hr_pnode node;
    uint32_t pass_count;
    uint32_t *partition, partition_count; /* columns */
    uint32_t *order, order_count;
    bool *descending, *nulls_first; /* by column of the order */
    struct hr_over_spec *specs;
    uint32_t spec_count;
    /* On a stream (StateWindow). */
    bool by_arrival;        /* ordered by nothing but that */
    bool keeps_history;     /* the last keep_rows of a key, or those of the last keep_us (≥ 0) */
    int64_t keep_rows, keep_us;
    uint32_t *kept, kept_count; /* the columns of a row of history */
    uint32_t carry_bytes;       /* 0: there is none */
    uint32_t top;               /* the first rows of a key by the order are its history and all
                                   that comes out: whenever they change; 0: it is no such node */
    bool newest_first;          /* of a top: among equal rows the one that came last */
    bool all_each_epoch;        /* those of all keys (complete mode) */
    const char *identity;       /* of its functions and frames */
};

HR_INLINE uint32_t hr_over_arg(const struct hr_over_spec *spec, uint32_t i)
{
    assert(spec->call->args[i]->kind == HR_X_COLUMN);
    return spec->call->args[i]->ordinal;
}

#endif
