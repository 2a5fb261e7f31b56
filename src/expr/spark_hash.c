/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/spark_hash.h"

#include <xxhash.h>

/* --- Murmur3, with Spark's tail: every byte beyond the last word is a word of its own
 * --------------*/

static uint32_t rotl32(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t mix(uint32_t h, uint32_t k)
{
    k = rotl32(k * 0xcc9e2d51u, 15) * 0x1b873593u;
    return rotl32(h ^ k, 13) * 5 + 0xe6546b64u;
}

static uint32_t finish(uint32_t h, uint32_t len)
{
    h ^= len;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

static uint32_t murmur_bytes(const char *p, size_t len, uint32_t seed)
{
    size_t i = 0;
    for (; i + 4 <= len; i += 4) {
        uint32_t k;
        memcpy(&k, p + i, 4);
        seed = mix(seed, k);
    }
    for (; i < len; i++) seed = mix(seed, (uint32_t)(int32_t)(signed char)p[i]);
    return finish(seed, (uint32_t)len);
}

static uint32_t murmur_long(uint64_t v, uint32_t seed)
{
    return finish(mix(mix(seed, (uint32_t)v), (uint32_t)(v >> 32)), 8);
}

/* Java's BigInteger.toByteArray: big-endian two's complement, as short as it goes. */
static size_t big_integer(hr_i128 v, char out[16])
{
    size_t n = 16;
    for (int i = 15; i >= 0; i--, v >>= 8) out[i] = (char)v;
    size_t skip = 0;
    while (n - skip > 1 && ((out[skip] == 0 && out[skip + 1] >= 0) ||
                            (out[skip] == -1 && out[skip + 1] < 0)))
        skip++;
    memmove(out, out + skip, n - skip);
    return n - skip;
}

/* The 32 or 64 bits that a value of fixed width is hashed by; width 0: none of these. */
static size_t fixed_bits(const struct hr_column *col, uint32_t row, uint64_t *ret)
{
    int64_t v;
    switch (col->type->id) {
    case HR_T_BOOLEAN: v = hr_bit_get(col->values, row); break;
    case HR_T_BYTE: v = ((const int8_t *)col->values)[row]; break;
    case HR_T_SHORT: v = ((const int16_t *)col->values)[row]; break;
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM: v = ((const int32_t *)col->values)[row]; break;
    case HR_T_FLOAT: {
        float f = ((const float *)col->values)[row];
        uint32_t bits;
        f = f == 0 ? 0.0f : f;
        memcpy(&bits, &f, 4);
        v = f != f ? 0x7fc00000 : (int32_t)bits;
        break;
    }
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: *ret = ((const uint64_t *)col->values)[row]; return 8;
    case HR_T_DOUBLE: {
        double d = ((const double *)col->values)[row];
        d = d == 0 ? 0.0 : d;
        memcpy(ret, &d, 8);
        if (d != d) *ret = 0x7ff8000000000000u;
        return 8;
    }
    case HR_T_DECIMAL:
        if (col->type->precision > 18) return 0;
        *ret = (uint64_t)((const hr_i128 *)col->values)[row];
        return 8;
    default: return 0;
    }
    *ret = (uint32_t)v;
    return 4;
}

uint32_t hr_spark_murmur3(const struct hr_column *col, uint32_t row, uint32_t seed)
{
    uint64_t bits;
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) return seed;
    size_t width = fixed_bits(col, row, &bits);
    if (width == 4) return finish(mix(seed, (uint32_t)bits), 4);
    if (width == 8) return murmur_long(bits, seed);
    if (hr_type_is_string(col->type)) {
        const struct hr_string *s = &((const struct hr_string *)col->values)[row];
        return murmur_bytes(hr_string_ptr(s), s->len, seed);
    }
    if (col->type->id == HR_T_DECIMAL) {
        char bytes[16];
        size_t n = big_integer(((const hr_i128 *)col->values)[row], bytes);
        return murmur_bytes(bytes, n, seed);
    }
    if (col->type->id == HR_T_STRUCT) {
        for (uint32_t i = 0; i < col->type->field_count; i++)
            seed = hr_spark_murmur3(&col->children[i], row, seed);
        return seed;
    }
    const int32_t *offsets = col->values;
    for (int32_t at = offsets[row]; at < offsets[row + 1]; at++)
        for (uint32_t i = 0; i < col->type->field_count; i++)
            seed = hr_spark_murmur3(&col->children[i], (uint32_t)at, seed);
    return seed;
}

uint64_t hr_spark_xxhash64(const struct hr_column *col, uint32_t row, uint64_t seed)
{
    uint64_t bits;
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) return seed;
    size_t width = fixed_bits(col, row, &bits);
    if (width) return XXH64(&bits, width, seed);
    if (hr_type_is_string(col->type)) {
        const struct hr_string *s = &((const struct hr_string *)col->values)[row];
        return XXH64(hr_string_ptr(s), s->len, seed);
    }
    if (col->type->id == HR_T_DECIMAL) {
        char bytes[16];
        size_t n = big_integer(((const hr_i128 *)col->values)[row], bytes);
        return XXH64(bytes, n, seed);
    }
    if (col->type->id == HR_T_STRUCT) {
        for (uint32_t i = 0; i < col->type->field_count; i++)
            seed = hr_spark_xxhash64(&col->children[i], row, seed);
        return seed;
    }
    const int32_t *offsets = col->values;
    for (int32_t at = offsets[row]; at < offsets[row + 1]; at++)
        for (uint32_t i = 0; i < col->type->field_count; i++)
            seed = hr_spark_xxhash64(&col->children[i], (uint32_t)at, seed);
    return seed;
}
