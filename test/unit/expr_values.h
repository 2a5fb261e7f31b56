/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values at the edges of every type, for tests that call functions with anything: the walk over
 * functions.def and the fuzzer of calls. Chosen by dice, which are a seed or a fuzzer's bytes.
 */
#ifndef HR_TEST_EXPR_VALUES_H
#define HR_TEST_EXPR_VALUES_H

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/datetime.h"
#include "column/builder.h"
#include "expr/expr.h"

/* --- Dice --------------------------------------------------------------------------------------*/

struct dice {
    uint64_t state;
    const uint8_t *data; /* used up first, a byte a throw */
    size_t size;
};

/* 0 … sides-1 */
static uint32_t dice_roll(struct dice *d, uint32_t sides)
{
    if (sides < 2) return 0;
    if (d->size) {
        uint32_t v = *d->data++;
        d->size--;
        if (sides > 256 && d->size) {
            v |= (uint32_t)*d->data++ << 8;
            d->size--;
        }
        d->state = (d->state ^ v) * UINT64_C(0x100000001b3);
        return v % sides;
    }
    uint64_t z = (d->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32) % sides;
}

/* --- Types -------------------------------------------------------------------------------------*/

#define VALUE_TYPES_MAX 40

/* Every kind of type, nested ones of several; *ret_count of them. */
static const struct hr_type *const *value_types(uint32_t *ret_count)
{
    static const struct hr_type *types[VALUE_TYPES_MAX];
    static uint32_t n;
    *ret_count = n;
    if (n) return types;
    for (enum hr_type_id id = HR_T_BOOLEAN; id <= HR_T_DOUBLE; id++) types[n++] = hr_type(id);
    types[n++] = hr_type_decimal(7, 2);
    types[n++] = hr_type_decimal(38, 0);
    types[n++] = hr_type_decimal(38, 18);
    for (enum hr_type_id id = HR_T_STRING; id <= HR_T_TIMESTAMP_NTZ; id++) types[n++] = hr_type(id);
    types[n++] = hr_type_interval_ym(HR_IV_YEAR, HR_IV_MONTH);
    types[n++] = hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    types[n++] = hr_type_interval_dt(HR_IV_HOUR, HR_IV_MINUTE);
    types[n++] = hr_type(HR_T_NULL);
    const struct hr_type *i = hr_type(HR_T_INT), *s = hr_type(HR_T_STRING);
    const struct hr_type *doubles = hr_type_array(hr_type(HR_T_DOUBLE), true);
    struct hr_field pair[] = {{"k", s, true}, {"v", i, true}};
    struct hr_field entry[] = {{"key", i, false}, {"value", s, true}};
    struct hr_field row[] = {{"a", i, true}, {"b", s, true}, {"c", doubles, true}};
    types[n++] = hr_type_array(i, true);
    types[n++] = hr_type_array(s, true);
    types[n++] = doubles;
    types[n++] = hr_type_array(hr_type(HR_T_BOOLEAN), true);
    types[n++] = hr_type_array(hr_type_decimal(7, 2), true);
    types[n++] = hr_type_array(hr_type(HR_T_DATE), true);
    types[n++] = hr_type_array(hr_type_array(i, true), true);
    types[n++] = hr_type_array(hr_type_struct(pair, 2), true);
    types[n++] = hr_type_array(hr_type_struct(entry, 2), false);
    types[n++] = hr_type_map(s, i, true);
    types[n++] = hr_type_map(s, s, true);
    types[n++] = hr_type_map(i, hr_type_array(s, true), true);
    types[n++] = hr_type_struct(row, 3);
    assert(n <= VALUE_TYPES_MAX);
    *ret_count = n;
    return types;
}

/* --- Values ------------------------------------------------------------------------------------*/

static bool values_calm; /* only numbers whose sums are small */

static const char *const value_texts[] = {
    "", "a", "abc", "ABC", "  x y ", "a,b,,c", ",", "ba", "h\xc3\xa9llo w\xc3\xb6rld",
    "\xf0\x9d\x84\x9ex\xf0\x9d\x84\x9e", "stra\xc3\x9f" "e \xc4\xb0stanbul \xef\xac\x81",
    "a long text of more than twelve bytes, of more than sixty-four bytes even", "twelve bytes",
    "thirteen byte", "0", "-1", "12", "1.5", "-0.0", "1e400", "NaN", "Infinity", " 7 ",
    "99999999999999999999999999999999999999", "9223372036854775808", "true", "f", "2020-02-29",
    "2020-01-01 12:34:56.789", "0001-01-01", "+294247-01-10T04:00:54.775807Z", "yyyy-MM-dd",
    "yyyy-MM-dd HH:mm:ss", "dd/MM/yy", "UTC", "America/New_York", "+05:30", "YEAR", "SECOND",
    "MONTH", "WEEK", "DAY", "{\"a\":[1,2,{\"b\":null}],\"k\":\"v\"}", "[1,[2],\"3\"]", "{\"a\":",
    "$.a[1]", "$.a", "$[*]", "a INT, b STRING", "map<string,int>", "array<int>", "%s|%5.2f|%-4d|%x",
    "%s", "#,###.##", "a%_", "%b_", "(a)(b)?c", "[a-c]+", "[", "\\d+", "\\", "a:1,b:2,a:3",
    "http://u:p@h.com:80/a/b?q=1&r=2#f", "QUERY", "q", "UTF-8", "UTF-16", "deadBEEF", "YWJj",
    "a%20b+c", "%zz", "1 day", "10 minutes", "FAILFAST", "mode", "\xff\xfe", "a\xc3", "4111 1111 1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
};

static const int64_t value_integers[] = {
    0, 1, -1, INT8_MIN, INT8_MAX, INT16_MIN, INT16_MAX, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX,
    2, 3, -2, -3, 5, 7, 10, 16, 31, 32, 36, 63, 64, 100, 1000, -100, 2020, 255, 256, 4096,
    INT64_C(1) << 53, (INT64_C(1) << 53) + 1, -86400, INT64_C(1577836800123456)};
static const int64_t value_days[] = {0, 1, -1, 18321, 18262, 11016, -25567, -719162, -719163,
                                     2932896, 2932897, -141428, 59, 365, 7305, 364};
static const int64_t value_micros[] = {
    0, 1, -1, 999999, -1000001, INT64_C(1577836800123456), INT64_C(-62135596800000000),
    INT64_C(253402300799999999), INT64_C(-2208988800000001), INT64_C(1583650800000000),
    INT64_C(86400000000), INT64_C(951782400000000), INT64_C(1604208600000000)};
static const double value_reals[] = {
    0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 3, 100, 1e-7, 12345.678, 1e15, -1e16, 1e300,
    2147483648.0, -2147483649.0, 9223372036854775808.0, 9007199254740993.0, DBL_MAX, -DBL_MAX,
    DBL_MIN, 4.9e-324, FLT_MAX, INFINITY, -INFINITY, NAN, 0.99, 1.0000001};

static void value_put_text(struct hr_builder *b, uint32_t index)
{
    hr_builder_str(b, hr_sv(value_texts[index % HR_COUNT(value_texts)]));
}

static hr_i128 value_decimal(const struct hr_type *type, uint32_t index)
{
    hr_i128 power = 1, max, five = 5;
    for (int i = 0; i < type->precision; i++) power *= 10;
    for (int i = 1; i < type->scale; i++) five *= 10;
    max = power - 1;
    switch (index % 10) {
    case 0: return 0;
    case 1: return max;
    case 2: return -max;
    case 3: return 1;
    case 4: return -1;
    case 5: return five;
    case 6: return -3 * five;
    case 7: return max / 2 + 1;
    case 8: return 10 * five;
    default: return (hr_i128)(index * 79) % power;
    }
}

static void value_put(struct hr_builder *b, const struct hr_type *type, struct dice *d, int depth);

/* The index-th value: neighbours differ, as keys of a map must. */
static void value_put_at(struct hr_builder *b, const struct hr_type *type, uint32_t index)
{
    static const double calm[] = {0, 1, -1, 0.5, 2.5, -2.5, 100};
    if (values_calm && (hr_type_is_numeric(type) || type->id == HR_T_INTERVAL_YM)) {
        if (type->id == HR_T_DECIMAL)
            hr_builder_decimal(b, (hr_i128)calm[index % HR_COUNT(calm)] * 3);
        else if (type->id == HR_T_FLOAT || type->id == HR_T_DOUBLE)
            hr_builder_f64(b, calm[index % HR_COUNT(calm)]);
        else
            hr_builder_i64(b, (int64_t)calm[index % HR_COUNT(calm)]);
        return;
    }
    switch (type->id) {
    case HR_T_BOOLEAN: hr_builder_bool(b, index & 1); break;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: hr_builder_f64(b, value_reals[index % HR_COUNT(value_reals)]); break;
    case HR_T_DECIMAL: hr_builder_decimal(b, value_decimal(type, index)); break;
    case HR_T_STRING:
    case HR_T_BINARY: value_put_text(b, index); break;
    case HR_T_DATE: hr_builder_i64(b, value_days[index % HR_COUNT(value_days)]); break;
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ: hr_builder_i64(b, value_micros[index % HR_COUNT(value_micros)]); break;
    case HR_T_INTERVAL_DT: {
        int64_t v = index & 1 ? value_micros[index / 2 % HR_COUNT(value_micros)]
                              : value_integers[index / 2 % HR_COUNT(value_integers)];
        hr_builder_i64(b, type->end_field == HR_IV_SECOND ? v : v / 60000000 * 60000000);
        break;
    }
    default: hr_builder_i64(b, value_integers[index % HR_COUNT(value_integers)]); break;
    }
}

static void value_put_entries(struct hr_builder *b, const struct hr_type *type, struct dice *d,
                              int depth)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 5, 2, 1, 3};
    uint32_t n = counts[dice_roll(d, HR_COUNT(counts))], at = dice_roll(d, 64);
    for (uint32_t i = 0; i < n; i++) {
        if (type->id == HR_T_MAP)
            value_put_at(hr_builder_child(b, 0), type->fields[0].type, at + i);
        uint32_t f = type->id == HR_T_MAP;
        const struct hr_field *field = &type->fields[f];
        struct hr_builder *to = hr_builder_child(b, f);
        if (field->nullable && dice_roll(d, 6) == 0)
            hr_builder_null(to);
        else
            value_put(to, field->type, d, depth + 1);
    }
    hr_builder_close(b);
}

/* Any value but NULL (that is for the caller to choose). */
static void value_put(struct hr_builder *b, const struct hr_type *type, struct dice *d, int depth)
{
    if (type->id == HR_T_NULL) {
        hr_builder_null(b);
    } else if (type->id == HR_T_ARRAY || type->id == HR_T_MAP) {
        value_put_entries(b, type, d, depth);
    } else if (type->id == HR_T_STRUCT) {
        for (uint32_t f = 0; f < type->field_count; f++) {
            struct hr_builder *to = hr_builder_child(b, f);
            if (type->fields[f].nullable && dice_roll(d, 8) == 0)
                hr_builder_null(to);
            else
                value_put(to, type->fields[f].type, d, depth + 1);
        }
        hr_builder_close(b);
    } else {
        uint32_t sides = hr_type_is_string(type)     ? HR_COUNT(value_texts)
                         : hr_type_width(type) == 16 ? 40
                         : type->id == HR_T_BYTE     ? 5
                         : type->id == HR_T_DATE     ? HR_COUNT(value_days)
                                                     : 70;
        value_put_at(b, type, dice_roll(d, sides));
    }
}

/* A column of rows values, about one in null_in of them NULL (0: none). */
static void value_column(struct hr_arena *arena, const struct hr_type *type, uint32_t rows,
                         uint32_t null_in, struct dice *d, struct hr_column *ret)
{
    struct hr_builder *b = hr_builder_new(arena, type, rows ? rows : 1);
    for (uint32_t i = 0; i < rows; i++) {
        if (null_in && dice_roll(d, null_in) == 0)
            hr_builder_null(b);
        else
            value_put(b, type, d, 0);
    }
    if (hr_builder_finish(b, ret, NULL) != HR_OK) abort();
}

/* Row `row` of the column as a literal. */
static struct hr_expr *value_literal(struct hr_arena *arena, const struct hr_column *col,
                                     uint32_t row)
{
    struct hr_expr *expr = hr_expr_null(arena, col->type);
    struct hr_column *one = HR_NEW(arena, struct hr_column);
    if (!expr || !one || hr_column_take(arena, col, &row, 1, one, NULL) != HR_OK) abort();
    expr->nullable = col->type->id == HR_T_NULL || !hr_column_valid(col, row);
    expr->literal = one;
    return expr;
}

#endif
