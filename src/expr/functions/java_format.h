/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HR_EXPR_FUNCTIONS_JAVA_FORMAT_H
#define HR_EXPR_FUNCTIONS_JAVA_FORMAT_H

#include "column/column.h"

struct hr_conf;

/* A value as Spark's rows hold and print it: dates and times are numbers, "[1,2]" is an array or a
 * struct, "keys: [1], values: [2]" a map. */
void hr_java_print_row(const struct hr_conf *conf, const struct hr_column *col, uint32_t row,
                       struct hr_buf *out);

#endif
