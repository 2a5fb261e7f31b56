/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's DDL text of types → types. Errors: PARSE_SYNTAX_ERROR or UNSUPPORTED_DATATYPE with
 * sql_pos/sql_end as byte offsets within the text. Thread-safe.
 */
#ifndef HR_COLUMN_TYPE_PARSE_H
#define HR_COLUMN_TYPE_PARSE_H

#include "column/type.h"

/* Types nested deeper are refused (HR_E_LIMIT). */
#define HR_TYPE_MAX_DEPTH 64

/* "INT", "DECIMAL(12,2)", "array<struct<a: INT NOT NULL COMMENT 'x', b: STRING>>", "interval day
 * to second". Case does not matter. VARCHAR(n) and CHAR(n) are STRING. */
hr_status hr_type_parse(struct hr_str_view text, const struct hr_type **ret,
                        struct hr_err *err) HR_CHECKED;
/* "a INT, b STRING NOT NULL, `c d`: DATE COMMENT 'x'", or "struct<…>": a STRUCT. */
hr_status hr_schema_parse(struct hr_str_view text, const struct hr_type **ret,
                          struct hr_err *err) HR_CHECKED;

/* "day" → HR_IV_DAY, singular or plural, any case; -1: no field of an interval. */
int hr_interval_field(struct hr_str_view word);

#endif
