/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data types: Spark's. A type is interned for the life of the process: equal types are the same
 * pointer, so types are compared with ==, never freed, and shared between threads freely. (The
 * number of distinct types is limited to HR_TYPE_LIMIT; beyond it constructors fail.)
 */
#ifndef HR_COLUMN_TYPE_H
#define HR_COLUMN_TYPE_H

#include "base/arena.h"

#define HR_TYPE_LIMIT 65536
#define HR_TIME_PRECISION 6 /* of TIME without one */

enum hr_type_id {
    HR_T_NULL,          /* only NULLs; no values buffer */
    HR_T_BOOLEAN,       /* bits in 64-bit words */
    HR_T_BYTE,          /* int8_t */
    HR_T_SHORT,         /* int16_t */
    HR_T_INT,           /* int32_t */
    HR_T_LONG,          /* int64_t */
    HR_T_FLOAT,         /* float */
    HR_T_DOUBLE,        /* double */
    HR_T_DECIMAL,       /* hr_i128, unscaled */
    HR_T_STRING,        /* struct hr_string, UTF-8 */
    HR_T_BINARY,        /* struct hr_string */
    HR_T_DATE,          /* int32_t days since 1970-01-01 */
    HR_T_TIMESTAMP,     /* int64_t µs since the epoch, UTC */
    HR_T_TIMESTAMP_NTZ, /* int64_t µs of a wall clock */
    HR_T_INTERVAL_YM,   /* int32_t months; start and end field in the type */
    HR_T_INTERVAL_DT,   /* int64_t µs */
    HR_T_TIME,          /* int64_t ns since midnight; precision 0 to 9 in the type */
    HR_T_ARRAY,         /* int32_t offsets (length + 1) into child 0 */
    HR_T_MAP,           /* int32_t offsets into children 0 (keys) and 1 (values) */
    HR_T_STRUCT,        /* no values buffer; one child a field */
    HR_T_COUNT
};

struct hr_field {
    const char *name;
    const struct hr_type *type;
    bool nullable;
};

struct hr_type {
    enum hr_type_id id;
    uint8_t precision, scale;       /* DECIMAL; precision: TIME */
    uint8_t start_field, end_field; /* intervals: HR_IV_… */
    uint32_t field_count;           /* ARRAY 1 (element), MAP 2 (key, value), STRUCT n */
    const struct hr_field *fields;
    uint64_t hash;
};

/* Facts by type id. */
struct hr_type_info {
    const char *name;         /* Spark's SQL name: "INT" */
    uint8_t width_bytes;      /* of a fixed-width value; 0: bits, nested or NULL */
    const char *arrow_format; /* NULL where parameters decide */
};
extern const struct hr_type_info hr_type_info[HR_T_COUNT];

/* Singletons of the types without parameters (all below HR_T_ARRAY but DECIMAL and intervals; TIME
 * is TIME(6)). */
const struct hr_type *hr_type(enum hr_type_id id);
/* NULL when out of memory or precision/scale are out of range. */
const struct hr_type *hr_type_decimal(int precision, int scale);
const struct hr_type *hr_type_interval_ym(int start_field, int end_field);
const struct hr_type *hr_type_interval_dt(int start_field, int end_field);
const struct hr_type *hr_type_time(int precision);
const struct hr_type *hr_type_array(const struct hr_type *element, bool contains_null);
const struct hr_type *hr_type_map(const struct hr_type *key, const struct hr_type *value,
                                  bool value_contains_null);
/* A STRUCT is also the schema of a batch. Names are copied. */
const struct hr_type *hr_type_struct(const struct hr_field *fields, uint32_t field_count);

/* Same type but for names' case and nullability at any depth. */
bool hr_type_same(const struct hr_type *a, const struct hr_type *b);

HR_INLINE bool hr_type_is_string(const struct hr_type *t)
{
    return t->id == HR_T_STRING || t->id == HR_T_BINARY;
}
HR_INLINE bool hr_type_is_integral(const struct hr_type *t)
{
    return t->id >= HR_T_BYTE && t->id <= HR_T_LONG;
}
HR_INLINE bool hr_type_is_fractional(const struct hr_type *t)
{
    return t->id >= HR_T_FLOAT && t->id <= HR_T_DECIMAL;
}
HR_INLINE bool hr_type_is_numeric(const struct hr_type *t)
{
    return t->id >= HR_T_BYTE && t->id <= HR_T_DECIMAL;
}
HR_INLINE bool hr_type_is_nested(const struct hr_type *t) { return t->id >= HR_T_ARRAY; }
HR_INLINE size_t hr_type_width(const struct hr_type *t) { return hr_type_info[t->id].width_bytes; }

/* "DECIMAL(12,2)", "STRUCT<a: INT, b: STRING NOT NULL>" – Spark's dataType.sql. */
void hr_type_print_sql(const struct hr_type *type, struct hr_buf *out);
/* "decimal(12,2)", "struct<a:int,b:string>" – Spark's simpleString / DESCRIBE. */
void hr_type_print_simple(const struct hr_type *type, struct hr_buf *out);
/* As arena strings; "?" when out of memory. */
const char *hr_type_sql(struct hr_arena *arena, const struct hr_type *type);
const char *hr_type_simple(struct hr_arena *arena, const struct hr_type *type);
/* Index of the field (ASCII case ignored), or -1. */
int32_t hr_type_field_index(const struct hr_type *type, struct hr_str_view name);

#endif
