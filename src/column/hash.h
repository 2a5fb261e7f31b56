/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a value contributes to a hash, shared by hr_column_hash and the hash kernels. Part of the
 * state format: an integer counts as its 64-bit value whatever its width, a float as the bits of
 * its double (one zero, one NaN), a decimal as its low word plus its mixed high word, a string of
 * up to 12 bytes as the two words of its view (no branch on its length, no bytes to fetch), a
 * longer one as XXH3 of its bytes.
 */
#ifndef HR_COLUMN_HASH_H
#define HR_COLUMN_HASH_H

#include "base/hash.h"
#include "column/column.h"

#define HR_NULL_WORD UINT64_C(0x9e3779b97f4a7c15)

HR_INLINE uint64_t hr_word_of_f64(double v)
{
    uint64_t bits;
    if (v == 0) v = 0; /* -0.0 */
    memcpy(&bits, &v, 8);
    return v != v ? UINT64_C(0x7ff8000000000000) : bits;
}

HR_INLINE uint64_t hr_word_of_i128(hr_i128 v)
{
    return (uint64_t)v + hr_hash_u64((uint64_t)((hr_u128)v >> 64));
}

HR_INLINE uint64_t hr_word_of_short_string(const struct hr_string *s)
{
    uint64_t head, tail; /* length and four bytes; eight bytes, zero where there are none */
    memcpy(&head, s, 8);
    memcpy(&tail, s->inlined + 4, 8);
    return hr_hash_u64(head) + tail;
}

HR_INLINE uint64_t hr_word_of_string(const struct hr_string *s)
{
    if (HR_LIKELY(s->len <= HR_STRING_INLINE)) return hr_word_of_short_string(s);
    return hr_hash_bytes(s->ptr, s->len);
}

#endif
