/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by the table of well-formed sequences (Unicode 3.9): no overlong forms, no surrogates. */
#include "base/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* Bytes of the well-formed sequence at p, 0 when there is none. */
HR_INLINE size_t sequence(const unsigned char *p, size_t len)
{
    unsigned char c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    if (c < 0xE0) return len >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    if (c == 0xE0) low = 0xA0;
    if (c == 0xED) high = 0x9F;
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F;
    if (len < 3 || p[1] < low || p[1] > high || (p[2] & 0xC0) != 0x80) return 0;
    if (c < 0xF0) return 3;
    return len >= 4 && (p[3] & 0xC0) == 0x80 ? 4 : 0;
}

bool hr_utf8_valid(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (len - i >= 32 && !((load8(text + i) | load8(text + i + 8) | load8(text + i + 16) |
                                load8(text + i + 24)) &
                               HIGH_BITS)) {
            i += 32;
            continue;
        }
        if (len - i >= 8 && !(load8(text + i) & HIGH_BITS)) {
            i += 8;
            continue;
        }
        size_t n = sequence((const unsigned char *)text + i, len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

size_t hr_utf8_count(const char *text, size_t len)
{
    size_t i = 0, count = 0;
    while (i < len) {
        if (len - i >= 8 && !(load8(text + i) & HIGH_BITS)) {
            i += 8;
            count += 8;
            continue;
        }
        size_t n = sequence((const unsigned char *)text + i, len - i);
        i += n ? n : 1;
        count++;
    }
    return count;
}

size_t hr_utf8_offset(const char *text, size_t len, size_t index)
{
    size_t i = 0;
    while (i < len && index > 0) {
        if (index >= 8 && len - i >= 8 && !(load8(text + i) & HIGH_BITS)) {
            i += 8;
            index -= 8;
            continue;
        }
        size_t n = sequence((const unsigned char *)text + i, len - i);
        i += n ? n : 1;
        index--;
    }
    return i;
}

size_t hr_utf8_decode(const char *text, size_t len, uint32_t *ret_code_point)
{
    const unsigned char *p = (const unsigned char *)text;
    assert(len > 0);
    size_t n = sequence(p, len);
    switch (n) {
    case 1: *ret_code_point = p[0]; return 1;
    case 2: *ret_code_point = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F); return 2;
    case 3:
        *ret_code_point =
            (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    case 4:
        *ret_code_point = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
                          (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
        return 4;
    default: *ret_code_point = 0xFFFD; return 1;
    }
}

size_t hr_utf8_encode(uint32_t code_point, char *out)
{
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
        code_point = 0xFFFD;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}
