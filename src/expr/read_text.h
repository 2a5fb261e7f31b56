/* SPDX-License-Identifier: Apache-2.0 */
/* Values as readers of CSV and JSON take them, of files and in from_json: not as CAST does. */
#ifndef HR_EXPR_READ_TEXT_H
#define HR_EXPR_READ_TEXT_H

#include "base/decimal.h"
#include "base/str.h"
#include "column/type.h"

/* A TIMESTAMP_NTZ; a zone behind it is an error (CAST drops it). */
bool hr_read_timestamp_ntz(struct hr_str_view text, int64_t *ret_us);
/* "1,000.5": commas do not count, spaces are an error. */
bool hr_read_decimal(struct hr_str_view text, const struct hr_type *type, hr_i128 *ret);

#endif
