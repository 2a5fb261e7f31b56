/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of a column's values, combined into one hash a row. The words are those of hr_column_hash;
 * a unit test holds the two together. */
#include "kernel/isa.h"

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NULL_HASH UINT64_C(0x9e3779b97f4a7c15)

HR_INLINE uint64_t f64_word(double v)
{
    if (v == 0) v = 0; /* -0.0 */
    uint64_t bits;
    memcpy(&bits, &v, 8);
    return v != v ? UINT64_C(0x7ff8000000000000) : bits;
}

HR_INLINE uint64_t i128_word(hr_i128 v)
{
    return (uint64_t)v + hr_hash_u64((uint64_t)((hr_u128)v >> 64));
}

HR_INLINE uint64_t string_word(const struct hr_string *s)
{
    return XXH3_64bits(hr_string_ptr(s), s->len);
}

#define HASH(name, type, WORD)                                                                  \
    static void hash_##name(const void *from, const uint64_t *valid, size_t n, uint64_t *hash)  \
    {                                                                                           \
        const type *values = from;                                                              \
        if (!valid) {                                                                           \
            for (size_t i = 0; i < n; i++) hash[i] = hr_hash_combine(hash[i], WORD(values[i])); \
            return;                                                                             \
        }                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                        \
            uint64_t word = hr_bit_get(valid, (uint32_t)i) ? WORD(values[i]) : NULL_HASH;       \
            hash[i] = hr_hash_combine(hash[i], word);                                           \
        }                                                                                       \
    }
#define INT_WORD(v) ((uint64_t)(int64_t)(v))
#define F64_WORD(v) f64_word((double)(v))
#define STRING_WORD(v) string_word(&(v))
HASH(i8, int8_t, INT_WORD)
HASH(i16, int16_t, INT_WORD)
HASH(i32, int32_t, INT_WORD)
HASH(i64, int64_t, INT_WORD)
HASH(f32, float, F64_WORD)
HASH(f64, double, F64_WORD)
HASH(i128, hr_i128, i128_word)
HASH(str, struct hr_string, STRING_WORD)

const struct hr_hash_kernels HR_K_NAME(hash) = {
    .combine = {[HR_K_I8] = hash_i8, [HR_K_I16] = hash_i16, [HR_K_I32] = hash_i32,
                [HR_K_I64] = hash_i64, [HR_K_F32] = hash_f32, [HR_K_F64] = hash_f64,
                [HR_K_I128] = hash_i128, [HR_K_STR] = hash_str},
};
