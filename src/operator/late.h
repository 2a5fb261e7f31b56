/* SPDX-License-Identifier: Apache-2.0 */
/* LateRows: rows that the operator above would drop as late go to an output of their own. */
#ifndef HR_OPERATOR_LATE_H
#define HR_OPERATOR_LATE_H

#include "operator/physical.h"

#define HR_LATE_COLUMNS 3u /* behind the row's own: _reason, _watermark, _late_ms */

struct hr_late_pnode {
    struct hr_pnode node;
    uint32_t column;   /* the event time: TIMESTAMP, or a window STRUCT */
    bool null_is_late; /* the operator above drops rows without a time */
    const struct hr_type *late_schema;
};

/* Rows of a batch in an order of the caller's, as late ones: rows of `in` (borrowed) with the
 * columns of late_schema that `columns` tells (-1: there is none, NULL; NULL: column i is column
 * i), and why and how late each is. Emitted to exec->emit_late. */
struct hr_late_row {
    uint32_t row;
    int64_t late_us; /* behind the watermark, or beyond what the clock allows; INT64_MIN: unknown */
};
hr_status hr_late_emit(struct hr_task *task, const struct hr_type *late_schema, struct hr_batch *in,
                       const int32_t *columns, const struct hr_late_row *rows, uint32_t count,
                       const char *reason, int64_t mark_us, struct hr_err *err) HR_CHECKED;
/* The schema of late rows with the columns given. NULL: no memory. */
const struct hr_type *hr_late_schema(struct hr_arena *arena, const struct hr_type *columns);

#endif
