/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as the boxed table of Spark's show(). */
#ifndef HR_CONNECTOR_CONSOLE_TABLE_H
#define HR_CONNECTOR_CONSOLE_TABLE_H

#include "column/column.h"

struct hr_show_options {
    uint32_t rows;     /* at most so many … */
    uint32_t truncate; /* characters a cell; 0: whole, aligned to the left */
    const struct hr_tz *tz;
};

/* "only showing top N rows" follows when there are more. */
void hr_show_table(const struct hr_type *schema, struct hr_batch *const *batches, uint32_t count,
                   const struct hr_show_options *options, struct hr_buf *out);

#endif
