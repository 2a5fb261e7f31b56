/* SPDX-License-Identifier: Apache-2.0 */
/* A value as SQL text. */
#ifndef HR_EXPR_LITERAL_SQL_H
#define HR_EXPR_LITERAL_SQL_H

#include "expr/expr.h"

/* "1.5BD", "DATE '2020-01-01'", "ARRAY(1, 2)". again: the text, parsed again in the time zone tz,
 * gives the value back ("array(1, 2)"); else as Spark shows it. */
void hr_literal_sql(const struct hr_column *col, uint32_t row, const struct hr_tz *tz, bool again,
                    struct hr_buf *out);

#endif
