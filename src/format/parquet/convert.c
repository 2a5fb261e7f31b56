/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of a file → values of a column: widths, units, decimals, Spark's old timestamps. Each way
 * is a loop over an array, of a page's values or of a dictionary's.
 */
#include "base/datetime.h"
#include "base/decimal.h"
#include "format/parquet/parquet.h"

#define JULIAN_EPOCH INT64_C(2440588)

#define LOOP(name, from_type, to_type, good, value)                                          \
    static bool name(const struct pq_convert *c, const void *from, void *to, uint32_t count) \
    {                                                                                        \
        const from_type *in = from;                                                          \
        to_type *out = to;                                                                   \
        bool all_good = true;                                                                \
        HR_UNUSED(c);                                                                        \
        for (uint32_t i = 0; i < count; i++) {                                               \
            from_type v = in[i];                                                             \
            all_good &= (good);                                                              \
            out[i] = (to_type)(value);                                                       \
        }                                                                                    \
        return all_good;                                                                     \
    }

LOOP(i32_i8, int32_t, int8_t, v == (int8_t)v, v)
LOOP(i32_i16, int32_t, int16_t, v == (int16_t)v, v)
LOOP(i32_i64, int32_t, int64_t, true, v)
LOOP(u32_i64, uint32_t, int64_t, true, v)
LOOP(u32_i32, uint32_t, int32_t, v <= UINT16_MAX, v)
LOOP(u32_i16, uint32_t, int16_t, v <= UINT8_MAX, v)
LOOP(i32_f64, int32_t, double, true, v)
LOOP(f32_f64, float, double, true, (double)v)
LOOP(days_us, int32_t, int64_t, true, (int64_t)v *HR_US_PER_DAY)
LOOP(u64_decimal, uint64_t, hr_i128, true, v)

static bool times(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    const int64_t *in = from;
    int64_t *out = to;
    bool bad = false;
    for (uint32_t i = 0; i < count; i++) bad |= __builtin_mul_overflow(in[i], c->factor, &out[i]);
    return !bad;
}

static bool put_decimal(const struct pq_convert *c, hr_i128 v, hr_i128 *to)
{
    if (c->scale != 1) {
        if (!hr_decimal_fits(v, 38) || __builtin_mul_overflow(v, c->scale, &v)) return false;
    }
    *to = v;
    return hr_decimal_fits(v, c->precision);
}

static bool i32_decimal(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    bool good = true;
    for (uint32_t i = 0; i < count; i++)
        good &= put_decimal(c, ((const int32_t *)from)[i], (hr_i128 *)to + i);
    return good;
}

static bool i64_decimal(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    bool good = true;
    for (uint32_t i = 0; i < count; i++)
        good &= put_decimal(c, ((const int64_t *)from)[i], (hr_i128 *)to + i);
    return good;
}

/* Big-endian two's complement; bytes in front of the last 16 may only repeat the sign. */
static bool big_endian(const uint8_t *p, uint32_t len, hr_i128 *ret)
{
    hr_u128 v = len && p[0] & 0x80 ? ~(hr_u128)0 : 0;
    uint8_t sign = (uint8_t)v;
    for (; len > 16; p++, len--)
        if (*p != sign) return false;
    for (uint32_t i = 0; i < len; i++) v = v << 8 | p[i];
    *ret = (hr_i128)v;
    return len < 16 || (*ret < 0) == (sign != 0);
}

static bool fixed_decimal(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    const uint8_t *p = from;
    bool good = true;
    for (uint32_t i = 0; i < count; i++, p += c->length) {
        hr_i128 v = 0;
        good &= big_endian(p, c->length, &v) && put_decimal(c, v, (hr_i128 *)to + i);
    }
    return good;
}

static bool string_decimal(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    const struct hr_string *in = from;
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        hr_i128 v = 0;
        good &= big_endian((const uint8_t *)hr_string_ptr(&in[i]), in[i].len, &v) &&
                put_decimal(c, v, (hr_i128 *)to + i);
    }
    return good;
}

/* Nanoseconds of the day and a Julian day; it wraps, as Spark's does. */
static bool int96_us(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    const char *p = from;
    HR_UNUSED(c);
    for (uint32_t i = 0; i < count; i++, p += 12) {
        int64_t nanos;
        int32_t day;
        memcpy(&nanos, p, 8);
        memcpy(&day, p + 8, 4);
        uint64_t us = (uint64_t)(day - JULIAN_EPOCH) * (uint64_t)HR_US_PER_DAY;
        ((int64_t *)to)[i] = (int64_t)(us + (uint64_t)(nanos / 1000));
    }
    return true;
}

static bool half_f32(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    HR_UNUSED(c);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t h;
        memcpy(&h, (const char *)from + (size_t)i * 2, 2);
        uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, rest = h & 1023,
                 bits;
        float f;
        if (exponent == 31) {
            bits = sign | 0x7f800000 | rest << 13;
        } else if (exponent) {
            bits = sign | (exponent + 112) << 23 | rest << 13;
        } else {
            f = (float)rest / 16777216.0f;
            memcpy(&bits, &f, 4);
            bits |= sign;
        }
        memcpy((char *)to + (size_t)i * 4, &bits, 4);
    }
    return true;
}

static bool fixed_binary(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    memcpy(c->text_at, from, (size_t)c->length * count);
    for (uint32_t i = 0; i < count; i++)
        ((struct hr_string *)to)[i] = hr_string_make(c->text_at + (size_t)c->length * i, c->length);
    return true;
}

static bool uuid_text(const struct pq_convert *c, const void *from, void *to, uint32_t count)
{
    const uint8_t *p = from;
    char *text = c->text_at;
    for (uint32_t i = 0; i < count; i++, p += 16, text += 36) {
        char *at = text;
        for (int k = 0; k < 16; k++) {
            if (k == 4 || k == 6 || k == 8 || k == 10) *at++ = '-';
            *at++ = "0123456789abcdef"[p[k] >> 4];
            *at++ = "0123456789abcdef"[p[k] & 15];
        }
        ((struct hr_string *)to)[i] = hr_string_make(text, 36);
    }
    return true;
}

/* --- Which way -------------------------------------------------------------------------------- */

static pq_convert_fn from_i32(const struct pq_node *leaf, const struct hr_type *natural,
                              const struct hr_type *type, bool *ret_ok)
{
    bool is_unsigned = pq_is_unsigned(leaf);
    *ret_ok = true;
    switch (type->id) {
    case HR_T_BYTE: return i32_i8;
    case HR_T_SHORT: return is_unsigned && natural == type ? u32_i16 : i32_i16;
    case HR_T_INT: return is_unsigned && natural->id == HR_T_INT ? u32_i32 : NULL;
    case HR_T_LONG: return is_unsigned ? u32_i64 : i32_i64;
    case HR_T_DOUBLE: return i32_f64;
    case HR_T_INTERVAL_YM: return NULL;
    default: *ret_ok = false; return NULL;
    }
}

static pq_convert_fn from_i64(const struct hr_type *natural, const struct hr_type *type,
                              struct pq_convert *c, bool *ret_ok)
{
    *ret_ok = true;
    if (natural->id == HR_T_TIMESTAMP || natural->id == HR_T_TIMESTAMP_NTZ) {
        *ret_ok = type == natural || type->id == HR_T_TIMESTAMP;
        return c->factor > 1 ? times : NULL;
    }
    switch (type->id) {
    case HR_T_LONG: *ret_ok = natural == type; return NULL;
    case HR_T_INTERVAL_DT: *ret_ok = natural->id == HR_T_LONG; return NULL;
    case HR_T_DECIMAL: return u64_decimal;
    default: *ret_ok = false; return NULL;
    }
}

/* To DECIMAL: from one of no more digits on either side of the point, or from an integer. */
static pq_convert_fn to_decimal(const struct pq_node *leaf, const struct hr_type *natural,
                                const struct hr_type *type, struct pq_convert *c, bool *ret_ok)
{
    static const uint8_t digits[HR_T_COUNT] = {
        [HR_T_BYTE] = 3, [HR_T_SHORT] = 5, [HR_T_INT] = 10, [HR_T_LONG] = 20};
    int scale = natural->id == HR_T_DECIMAL ? natural->scale : 0;
    int whole = natural->id == HR_T_DECIMAL ? natural->precision - scale : digits[natural->id];
    *ret_ok = whole > 0 || natural->id == HR_T_DECIMAL;
    if (type != natural) *ret_ok &= type->scale >= scale && type->precision - type->scale >= whole;
    if (!*ret_ok) return NULL;
    c->scale = hr_pow10[type->scale - scale];
    c->precision = type->precision;
    switch (leaf->element->type) {
    case PQ_INT32: *ret_ok = !pq_is_unsigned(leaf); return i32_decimal;
    case PQ_INT64:
        if (!pq_is_unsigned(leaf)) return i64_decimal;
        *ret_ok = type == natural;
        return u64_decimal;
    case PQ_FIXED: return fixed_decimal;
    case PQ_BYTE_ARRAY: return string_decimal;
    default: *ret_ok = false; return NULL;
    }
}

static pq_convert_fn from_fixed(const struct pq_node *leaf, const struct hr_type *natural,
                                const struct hr_type *type, struct pq_convert *c, bool *ret_ok)
{
    *ret_ok = true;
    if (natural->id == HR_T_FLOAT && type == natural) return half_f32;
    if (natural->id == HR_T_STRING && type == natural) {
        c->text = 36;
        return uuid_text;
    }
    *ret_ok = type->id == HR_T_BINARY;
    c->text = (uint32_t)leaf->element->type_length;
    return fixed_binary;
}

static pq_convert_fn choose(const struct pq_node *leaf, const struct hr_type *natural,
                            const struct hr_type *type, struct pq_convert *c, bool *ret_ok)
{
    *ret_ok = natural == type;
    if (type->id == HR_T_NULL) return NULL;
    if (natural->id == HR_T_NULL) {
        *ret_ok = true; /* all are NULL */
        return NULL;
    }
    if (natural->id == HR_T_DATE) {
        *ret_ok |= type->id == HR_T_TIMESTAMP_NTZ;
        return natural == type ? NULL : days_us;
    }
    if (type->id == HR_T_DECIMAL) return to_decimal(leaf, natural, type, c, ret_ok);
    if (natural->id == HR_T_DECIMAL) return NULL;
    switch ((enum pq_physical)leaf->element->type) {
    case PQ_INT32: return from_i32(leaf, natural, type, ret_ok);
    case PQ_INT64: return from_i64(natural, type, c, ret_ok);
    case PQ_INT96: *ret_ok = type->id == HR_T_TIMESTAMP; return int96_us;
    case PQ_FLOAT:
        *ret_ok |= type->id == HR_T_DOUBLE;
        return type->id == HR_T_DOUBLE ? f32_f64 : NULL;
    case PQ_BYTE_ARRAY: *ret_ok = hr_type_is_string(type); return NULL;
    case PQ_FIXED: return from_fixed(leaf, natural, type, c, ret_ok);
    default: return NULL;
    }
}

static const char *physical_name(const struct pq_element *e)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",  "INT96",
                                        "FLOAT",   "DOUBLE", "BINARY", "FIXED_LEN_BYTE_ARRAY"};
    return names[e->type];
}

hr_status pq_convert_of(const struct pq_file *pq, const struct pq_options *options,
                        const struct pq_node *leaf, const struct hr_type *type,
                        struct pq_convert *ret, struct hr_err *err)
{
    const struct hr_type *natural;
    bool ok = false;
    memset(ret, 0, sizeof *ret);
    hr_status status = pq_type_of(pq, options, leaf, true, &natural, err);
    if (status) return status;
    ret->length = leaf->element->type == PQ_FIXED ? (uint32_t)leaf->element->type_length : 0;
    ret->factor = pq_ticks(leaf) == 1000 ? 1000 : 1;
    ret->from_width = pq_physical_width((enum pq_physical)leaf->element->type, ret->length);
    ret->to_width = type->id == HR_T_BOOLEAN ? 1 : (uint32_t)hr_type_width(type);
    if (hr_type_is_string(type)) ret->to_width = sizeof(struct hr_string);
    ret->fn = choose(leaf, natural, type, ret, &ok);
    if (ok) return HR_OK;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    status = HR_RAISE(err, HR_E_PARQUET_TYPE_MISMATCH, "path", pq->file->path, "column", leaf->name,
                      "expectedType", hr_type_simple(&arena, type), "actualType",
                      physical_name(leaf->element));
    hr_arena_done(&arena);
    return status;
}
