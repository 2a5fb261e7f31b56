/* SPDX-License-Identifier: Apache-2.0 */
/* One column: its buffers, and its values compared, hashed and printed. */
#include "column/column.h"

#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "column/hash.h"

/* Strings ------------------------------------------------------------------------------------- */

int hr_string_cmp(const struct hr_string *a, const struct hr_string *b)
{
    uint32_t x, y;
    memcpy(&x, a->prefix, 4);
    memcpy(&y, b->prefix, 4);
    if (x != y) {
        x = __builtin_bswap32(x);
        y = __builtin_bswap32(y);
        return x < y ? -1 : 1; /* zero padding sorts a prefix first */
    }
    uint32_t n = HR_MIN(a->len, b->len);
    int c = n > 4 ? memcmp(hr_string_ptr(a) + 4, hr_string_ptr(b) + 4, n - 4) : 0;
    if (c) return c < 0 ? -1 : 1;
    return (a->len > b->len) - (a->len < b->len);
}

/* Bits ---------------------------------------------------------------------------------------- */

void hr_bit_copy(uint64_t *dst, uint32_t dst_at, const uint64_t *src, uint32_t src_at,
                 uint32_t count)
{
    uint32_t i = 0;
    if (dst_at % 64 == 0) {
        uint32_t shift = src_at % 64;
        const uint64_t *from = src ? src + src_at / 64 : NULL;
        uint64_t *to = dst + dst_at / 64;
        for (; i + 64 <= count; i += 64, to++) {
            if (!from) {
                *to = UINT64_MAX;
                continue;
            }
            *to = shift ? from[0] >> shift | from[1] << (64 - shift) : from[0];
            from++;
        }
    }
    for (; i < count; i++) hr_bit_put(dst, dst_at + i, !src || hr_bit_get(src, src_at + i));
}

/* Buffers ------------------------------------------------------------------------------------- */

static size_t values_bytes(const struct hr_type *type, uint32_t length)
{
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: return 0;
    case HR_T_BOOLEAN: return hr_bit_words(length) * 8;
    case HR_T_ARRAY:
    case HR_T_MAP: return ((size_t)length + 1) * sizeof(int32_t);
    default: return (size_t)length * hr_type_width(type);
    }
}

hr_status hr_column_alloc(struct hr_arena *arena, const struct hr_type *type, uint32_t length,
                          bool with_validity, struct hr_column *ret, struct hr_err *err)
{
    struct hr_column col = {.type = type, .length = length};
    if (with_validity || type->id == HR_T_NULL) {
        size_t bytes = HR_MAX(hr_bit_words(length), 1) * 8;
        uint64_t *validity = hr_arena_alloc_aligned(arena, bytes);
        if (!validity) return HR_OOM(err);
        memset(validity, type->id == HR_T_NULL ? 0 : 0xFF, bytes);
        col.validity = validity;
    }
    size_t bytes = values_bytes(type, length);
    if (type->id != HR_T_NULL && type->id != HR_T_STRUCT) {
        col.values = hr_arena_alloc_aligned(arena, bytes ? bytes : 64);
        if (!col.values) return HR_OOM(err);
        if (hr_type_is_nested(type)) *(int32_t *)(uintptr_t)col.values = 0;
    }
    if (type->field_count) {
        col.children = HR_NEW_ARRAY(arena, struct hr_column, type->field_count);
        if (!col.children) return HR_OOM(err);
        for (uint32_t i = 0; i < type->field_count; i++)
            col.children[i].type = type->fields[i].type;
    }
    *ret = col;
    return HR_OK;
}

hr_status hr_column_nulls(struct hr_arena *arena, const struct hr_type *type, uint32_t length,
                          struct hr_column *ret, struct hr_err *err)
{
    struct hr_column col;
    HR_TRY(hr_column_alloc(arena, type, length, true, &col, err));
    memset((void *)(uintptr_t)col.validity, 0, hr_bit_words(length) * 8);
    if (col.values) memset((void *)(uintptr_t)col.values, 0, values_bytes(type, length));
    uint32_t inner = type->id == HR_T_STRUCT ? length : 0;
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(hr_column_nulls(arena, type->fields[i].type, inner, &col.children[i], err));
    *ret = col;
    return HR_OK;
}

uint32_t hr_column_null_count(const struct hr_column *col)
{
    if (col->type->id == HR_T_NULL) return col->length;
    if (!col->validity) return 0;
    uint32_t valid = 0, words = col->length / 64;
    for (uint32_t i = 0; i < words; i++) valid += (uint32_t)__builtin_popcountll(col->validity[i]);
    if (col->length % 64) {
        uint64_t mask = (UINT64_C(1) << (col->length % 64)) - 1;
        valid += (uint32_t)__builtin_popcountll(col->validity[words] & mask);
    }
    return col->length - valid;
}

/* Order and equality -------------------------------------------------------------------------- */

static bool is_null(const struct hr_column *col, uint32_t row)
{
    return col->type->id == HR_T_NULL || !hr_column_valid(col, row);
}

static int compare_f64(double x, double y)
{
    if (x < y) return -1;
    if (x > y) return 1;
    return (int)isnan(x) - (int)isnan(y);
}

static int compare_lists(const struct hr_column *a, uint32_t i, const struct hr_column *b,
                         uint32_t j)
{
    assert(i < a->length && j < b->length && a->values && b->values);
    const int32_t *x = a->values, *y = b->values;
    int32_t n = x[i + 1] - x[i], m = y[j + 1] - y[j];
    for (int32_t k = 0; k < HR_MIN(n, m); k++) {
        for (uint32_t f = 0; f < a->type->field_count; f++) {
            int c = hr_column_compare(&a->children[f], (uint32_t)(x[i] + k), &b->children[f],
                                      (uint32_t)(y[j] + k));
            if (c) return c;
        }
    }
    return (n > m) - (n < m);
}

#define COMPARE_AS(type_)                                                                   \
    do {                                                                                    \
        type_ x = ((const type_ *)a->values)[a_row], y = ((const type_ *)b->values)[b_row]; \
        return (x > y) - (x < y);                                                           \
    } while (0)

int hr_column_compare(const struct hr_column *a, uint32_t a_row, const struct hr_column *b,
                      uint32_t b_row)
{
    assert(a->type->id == b->type->id && a_row < a->length && b_row < b->length);
    bool a_null = is_null(a, a_row), b_null = is_null(b, b_row);
    if (a_null || b_null) return (int)b_null - (int)a_null;
    switch (a->type->id) {
    case HR_T_NULL:
    case HR_T_COUNT: return 0;
    case HR_T_BOOLEAN: return (int)hr_bit_get(a->values, a_row) - (int)hr_bit_get(b->values, b_row);
    case HR_T_BYTE: COMPARE_AS(int8_t);
    case HR_T_SHORT: COMPARE_AS(int16_t);
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM: COMPARE_AS(int32_t);
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: COMPARE_AS(int64_t);
    case HR_T_DECIMAL: COMPARE_AS(hr_i128);
    case HR_T_FLOAT:
        return compare_f64(((const float *)a->values)[a_row], ((const float *)b->values)[b_row]);
    case HR_T_DOUBLE:
        return compare_f64(((const double *)a->values)[a_row], ((const double *)b->values)[b_row]);
    case HR_T_STRING:
    case HR_T_BINARY:
        return hr_string_cmp((const struct hr_string *)a->values + a_row,
                             (const struct hr_string *)b->values + b_row);
    case HR_T_ARRAY:
    case HR_T_MAP: return compare_lists(a, a_row, b, b_row);
    case HR_T_STRUCT:
        for (uint32_t f = 0; f < a->type->field_count; f++) {
            int c = hr_column_compare(&a->children[f], a_row, &b->children[f], b_row);
            if (c) return c;
        }
        return 0;
    }
    return 0;
}

bool hr_column_equal(const struct hr_column *a, uint32_t a_row, const struct hr_column *b,
                     uint32_t b_row)
{
    if (hr_type_is_string(a->type)) {
        assert(a_row < a->length && b_row < b->length);
        bool a_valid = hr_column_valid(a, a_row), b_valid = hr_column_valid(b, b_row);
        if (!a_valid || !b_valid) return a_valid == b_valid;
        return hr_string_eq((const struct hr_string *)a->values + a_row,
                            (const struct hr_string *)b->values + b_row);
    }
    return hr_column_compare(a, a_row, b, b_row) == 0;
}

/* Hashes -------------------------------------------------------------------------------------- */

#define HASH_LOOP(expr)                                                                          \
    do {                                                                                         \
        if (!rows && !col->validity) {                                                           \
            for (uint32_t i = 0; i < count; i++) {                                               \
                const uint32_t row = i;                                                          \
                hash[i] = hr_hash_combine(hash[i], (expr));                                      \
            }                                                                                    \
        } else {                                                                                 \
            for (uint32_t i = 0; i < count; i++) {                                               \
                const uint32_t row = rows ? rows[i] : i;                                         \
                hash[i] =                                                                        \
                    hr_hash_combine(hash[i], hr_column_valid(col, row) ? (expr) : HR_NULL_WORD); \
            }                                                                                    \
        }                                                                                        \
    } while (0)
#define AS(type_) (((const type_ *)col->values)[row])

static void hash_lists(const struct hr_column *col, const uint32_t *rows, uint32_t count,
                       uint64_t *hash)
{
    assert(col->type->id == HR_T_ARRAY || col->type->id == HR_T_MAP);
    const int32_t *offsets = col->values;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (!hr_column_valid(col, row)) {
            hash[i] = hr_hash_combine(hash[i], HR_NULL_WORD);
            continue;
        }
        for (int32_t e = offsets[row]; e < offsets[row + 1]; e++) {
            uint32_t at = (uint32_t)e;
            for (uint32_t f = 0; f < col->type->field_count; f++)
                hr_column_hash(&col->children[f], &at, 1, &hash[i]);
        }
        hash[i] = hr_hash_combine(hash[i], (uint64_t)(offsets[row + 1] - offsets[row]));
    }
}

static void hash_struct(const struct hr_column *col, const uint32_t *rows, uint32_t count,
                        uint64_t *hash)
{
    assert(col->type->id == HR_T_STRUCT);
    const struct hr_type *type = col->type;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (!hr_column_valid(col, row)) {
            hash[i] = hr_hash_combine(hash[i], HR_NULL_WORD);
            continue;
        }
        for (uint32_t f = 0; f < type->field_count; f++)
            hr_column_hash(&col->children[f], &row, 1, &hash[i]);
    }
}

void hr_column_hash(const struct hr_column *col, const uint32_t *rows, uint32_t count,
                    uint64_t *hash)
{
    assert(rows || count <= col->length);
    switch (col->type->id) {
    case HR_T_NULL:
    case HR_T_COUNT:
        for (uint32_t i = 0; i < count; i++) hash[i] = hr_hash_combine(hash[i], HR_NULL_WORD);
        break;
    case HR_T_BOOLEAN: HASH_LOOP(hr_bit_get(col->values, row)); break;
    case HR_T_BYTE: HASH_LOOP((uint64_t)AS(int8_t)); break;
    case HR_T_SHORT: HASH_LOOP((uint64_t)AS(int16_t)); break;
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM: HASH_LOOP((uint64_t)AS(int32_t)); break;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: HASH_LOOP((uint64_t)AS(int64_t)); break;
    case HR_T_FLOAT: HASH_LOOP(hr_word_of_f64((double)AS(float))); break;
    case HR_T_DOUBLE: HASH_LOOP(hr_word_of_f64(AS(double))); break;
    case HR_T_DECIMAL: HASH_LOOP(hr_word_of_i128(AS(hr_i128))); break;
    case HR_T_STRING:
    case HR_T_BINARY:
        HASH_LOOP(hr_word_of_string((const struct hr_string *)col->values + row));
        break;
    case HR_T_ARRAY:
    case HR_T_MAP: hash_lists(col, rows, count, hash); break;
    case HR_T_STRUCT: hash_struct(col, rows, count, hash); break;
    }
}

/* Text ---------------------------------------------------------------------------------------- */

static void print_inner(const struct hr_column *col, uint32_t row, const struct hr_tz *tz,
                        struct hr_buf *out)
{
    if (is_null(col, row))
        hr_buf_puts(out, "null");
    else
        hr_column_print(col, row, tz, out);
}

static void print_list(const struct hr_column *col, uint32_t row, const struct hr_tz *tz,
                       struct hr_buf *out)
{
    assert(row < col->length && col->children);
    const int32_t *offsets = col->values;
    bool map = col->type->id == HR_T_MAP;
    hr_buf_putc(out, map ? '{' : '[');
    for (int32_t e = offsets[row]; e < offsets[row + 1]; e++) {
        if (e > offsets[row]) hr_buf_puts(out, ", ");
        print_inner(&col->children[0], (uint32_t)e, tz, out);
        if (!map) continue;
        hr_buf_puts(out, " -> ");
        print_inner(&col->children[1], (uint32_t)e, tz, out);
    }
    hr_buf_putc(out, map ? '}' : ']');
}

static void print_struct(const struct hr_column *col, uint32_t row, const struct hr_tz *tz,
                         struct hr_buf *out)
{
    assert(row < col->length && (col->children || col->type->field_count == 0));
    hr_buf_putc(out, '{');
    for (uint32_t f = 0; f < col->type->field_count; f++) {
        if (f) hr_buf_puts(out, ", ");
        print_inner(&col->children[f], row, tz, out);
    }
    hr_buf_putc(out, '}');
}

void hr_column_print(const struct hr_column *col, uint32_t row, const struct hr_tz *tz,
                     struct hr_buf *out)
{
    assert(row < col->length);
    char text[64];
    const struct hr_type *type = col->type;
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_COUNT: hr_buf_puts(out, "null"); break;
    case HR_T_BOOLEAN: hr_buf_puts(out, hr_bit_get(col->values, row) ? "true" : "false"); break;
    case HR_T_BYTE: hr_buf_put_i64(out, AS(int8_t)); break;
    case HR_T_SHORT: hr_buf_put_i64(out, AS(int16_t)); break;
    case HR_T_INT: hr_buf_put_i64(out, AS(int32_t)); break;
    case HR_T_LONG: hr_buf_put_i64(out, AS(int64_t)); break;
    case HR_T_FLOAT: hr_buf_append(out, text, hr_format_f32(AS(float), text)); break;
    case HR_T_DOUBLE: hr_buf_append(out, text, hr_format_f64(AS(double), text)); break;
    case HR_T_DECIMAL:
        hr_buf_append(out, text, hr_decimal_format(AS(hr_i128), type->scale, text));
        break;
    case HR_T_STRING:
    case HR_T_BINARY:
        hr_buf_put_sv(out, hr_string_view((const struct hr_string *)col->values + row));
        break;
    case HR_T_DATE: hr_buf_append(out, text, hr_format_date(AS(int32_t), text)); break;
    case HR_T_TIMESTAMP:
        hr_buf_append(out, text, hr_format_timestamp(AS(int64_t), tz ? tz : hr_tz_utc(), text));
        break;
    case HR_T_TIMESTAMP_NTZ:
        hr_buf_append(out, text, hr_format_timestamp_ntz(AS(int64_t), text));
        break;
    case HR_T_TIME: hr_buf_append(out, text, hr_format_time_of_day(AS(int64_t), text)); break;
    case HR_T_INTERVAL_YM:
        hr_format_interval_ym(AS(int32_t), type->start_field, type->end_field, out);
        break;
    case HR_T_INTERVAL_DT:
        hr_format_interval_dt(AS(int64_t), type->start_field, type->end_field, out);
        break;
    case HR_T_ARRAY:
    case HR_T_MAP: print_list(col, row, tz, out); break;
    case HR_T_STRUCT: print_struct(col, row, tz, out); break;
    }
}

void hr_batch_print_json(const struct hr_batch *batch, uint32_t row, const struct hr_tz *tz,
                         size_t value_max, struct hr_buf *value, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        const struct hr_column *col = &batch->columns[i];
        if (i > 0) hr_buf_putc(out, ',');
        if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) {
            hr_buf_puts(out, "null");
            continue;
        }
        hr_buf_clear(value);
        hr_column_print(col, row, tz, value);
        hr_buf_put_json(out, hr_svn(value->ptr, HR_MIN(value->len, value_max)));
    }
    hr_buf_putc(out, ']');
}
