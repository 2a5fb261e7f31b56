/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast JSON parsers, compiled once per instruction set (HR_ISA, HR_ISA_LEVEL).
 *
 * Both are strict and validate every byte, unread values too. They commit a record only when all
 * of it is good and fits its columns; anything else is undone and left to json_slow.c, which knows
 * Spark's leniencies and names the damage.
 *
 *   walk   one pass by the grammar; strings are found by vector scans for quote, backslash,
 *          control and non-ASCII bytes
 *   shape  from a good record a list of steps is learned, `{"ts":"` time `","card":"` string …;
 *          the next record is then checked literal by literal with one masked vector compare, and
 *          a value ends where its bytes do. Four shapes are kept; where records keep changing,
 *          speculation pauses.
 *
 * Lengths of values are guessed to be as in the last record: the processor then runs on while the
 * scan is still under way. Steps whose lengths vary (`var`) do without.
 *
 * Reads: at p < end of up to a vector's width, so 64 bytes behind end must be readable.
 */
#include "format/json/json.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

#define SHAPES     4
#define STEPS      128
#define LEARN_MISS 160 /* misses in 256 records that pause speculation … */
#define PAUSE      4096 /* … for so many */

/* --- Vectors ---------------------------------------------------------------------------------- */

#if HR_ISA_LEVEL >= 4
#define VW 64
typedef uint64_t vmask;
HR_INLINE vmask special(const char *p)
{
    __m512i v = _mm512_loadu_si512(p);
    return _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8(0x20)) |
           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) |
           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    return _mm512_mask_cmpneq_epi8_mask(mask, _mm512_loadu_si512(p), _mm512_load_si512(lit)) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return (unsigned)_tzcnt_u64(m); }
#elif HR_ISA_LEVEL >= 3
#define VW 32
typedef uint32_t vmask;
HR_INLINE vmask special(const char *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v);
    __m256i quote = _mm256_cmpeq_epi8(_mm256_set1_epi8('"'), v);
    __m256i slash = _mm256_cmpeq_epi8(_mm256_set1_epi8('\\'), v);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_or_si256(quote, slash)));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    __m256i eq = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)p),
                                   _mm256_load_si256((const __m256i *)(const void *)lit));
    return (~(uint32_t)_mm256_movemask_epi8(eq) & mask) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return _tzcnt_u32(m); }
#else
#define VW 16
typedef uint32_t vmask; /* 16 bits used */
HR_INLINE vmask special(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(_mm_set1_epi8('"'), v);
    __m128i slash = _mm_cmpeq_epi8(_mm_set1_epi8('\\'), v);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    __m128i eq = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                                _mm_load_si128((const __m128i *)(const void *)lit));
    return (~(uint32_t)_mm_movemask_epi8(eq) & mask) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return (unsigned)__builtin_ctz(m | 1u << 16); }
#endif

HR_INLINE uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}
HR_INLINE uint32_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}
/* The low n bytes, n ≤ 8. */
HR_INLINE uint64_t low_bytes(uint64_t v, uint32_t n)
{
#if HR_ISA_LEVEL >= 3
    return _bzhi_u64(v, n * 8);
#else
    return n >= 8 ? v : v & ((UINT64_C(1) << (n * 8)) - 1);
#endif
}

/* Digits at p, up to 16. */
HR_INLINE unsigned digits_at(const char *p)
{
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                             _mm_set1_epi8('0'));
    __m128i ok = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(ok));
}

/* The value of n ≤ 16 digits. */
HR_INLINE uint64_t digits_value(const char *p, unsigned n)
{
#if HR_ISA_LEVEL >= 3
    static const uint8_t align[32] = {128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                                      128, 128, 128, 128, 128, 0,   1,   2,   3,   4,   5,
                                      6,   7,   8,   9,   10,  11,  12,  13,  14,  15};
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                             _mm_set1_epi8('0'));
    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)(const void *)(align + n)));
    v = _mm_maddubs_epi16(v, _mm_set1_epi16(0x010a));
    v = _mm_madd_epi16(v, _mm_set1_epi32(0x00010064));
    v = _mm_packus_epi32(v, v);
    v = _mm_madd_epi16(v, _mm_set1_epi32(0x00012710));
    uint64_t w = (uint64_t)_mm_cvtsi128_si64(v);
    return (w & 0xffffffffu) * 100000000u + (w >> 32);
#else
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v = v * 10 + (uint64_t)(p[i] - '0');
    return v;
#endif
}

/* Without a branch on the length: lengths around 12 would mispredict. */
HR_INLINE void put_view(struct hr_string *to, const char *p, uint32_t len)
{
    uint64_t head = low_bytes(load4(p), len < 4 ? len : 4);
    uint64_t tail = low_bytes(load8(p + 4), len < 4 ? 0 : len < 12 ? len - 4 : 8);
    uint64_t words[2] = {len | head << 32, len <= HR_STRING_INLINE ? tail : (uint64_t)(uintptr_t)p};
    memcpy(to, words, 16);
}

/* --- Strings ---------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at p (lead ≥ 0x80), 0: invalid. */
static unsigned utf8_sequence(const char *s, const char *end)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t left = (size_t)(end - s);
    unsigned c = p[0], n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || left < n) return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (c == 0xe0 && p[1] < 0xa0) return 0;
    if (c == 0xed && p[1] > 0x9f) return 0;
    if (c == 0xf0 && p[1] < 0x90) return 0;
    if (c == 0xf4 && p[1] > 0x8f) return 0;
    return n;
}

/* The closing quote of a string body with something special in it; NULL: damaged. */
static HR_NOINLINE const char *string_end_slow(const char *p, const char *end, bool *ret_escaped)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"') return p;
        if (c == '\\') {
            *ret_escaped = true;
            p += 2;
        } else if (c >= 0x80) {
            unsigned n = utf8_sequence(p, end);
            if (!n) return NULL;
            p += n;
        } else if (c < 0x20) {
            return NULL;
        } else {
            p += first_bit(special(p));
        }
    }
    return NULL;
}

HR_INLINE const char *string_end(const char *p, const char *end, bool *ret_escaped)
{
    unsigned n = first_bit(special(p));
    if (HR_LIKELY(n < VW && p[n] == '"' && p + n < end)) return p + n;
    return string_end_slow(p, end, ret_escaped);
}

/* An escaped or unusual string body [p, q) into its column. */
static HR_NOINLINE bool put_text(struct json_decoder *d, struct json_node *node, uint32_t idx,
                                 const char *p, const char *q, bool escaped)
{
    size_t len = (size_t)(q - p);
    if (escaped) {
        char *out = hr_json_bytes(d, len);
        if (!out || !hr_json_unescape(p, q, false, out, &len)) return false;
        p = out;
    }
    hr_json_put_string(d, node, idx, p, len);
    return !d->mismatch;
}

/* An escape of an unread string still has to be right. */
static HR_NOINLINE bool check_escapes(struct json_decoder *d, const char *p, const char *q)
{
    size_t len;
    char small[256], *out = (size_t)(q - p) <= sizeof small ? small
                                                             : hr_json_bytes(d, (size_t)(q - p));
    return out && hr_json_unescape(p, q, false, out, &len);
}

/* "…:ss.mmmZ" within the remembered minute. */
HR_INLINE bool time_in_minute(const struct json_node *node, const char *p, size_t len,
                              int64_t *ret_us)
{
    if (len < 20 || len > 27 || !node->ts_cached) return false;
    __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                                  _mm_loadu_si128((const __m128i *)(const void *)node->ts_prefix));
    if (_mm_movemask_epi8(same) != 0xffff) return false;
    unsigned s10 = (unsigned)(p[17] - '0'), s1 = (unsigned)(p[18] - '0');
    if (p[16] != ':' || s10 > 5 || s1 > 9 || p[len - 1] != 'Z') return false;
    int64_t us = node->ts_base_us + (int64_t)(s10 * 10 + s1) * 1000000;
    if (len > 20) {
        unsigned n = (unsigned)len - 21;
        static const uint32_t scale[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
        if (p[19] != '.' || n == 0 || digits_at(p + 20) != n) return false;
        us += (int64_t)digits_value(p + 20, n) * scale[n];
    }
    *ret_us = us;
    return true;
}

HR_INLINE bool put_string(struct json_decoder *d, struct json_node *node, uint32_t idx,
                          const char *p, const char *q)
{
    if (HR_LIKELY(node->id == HR_T_STRING)) {
        put_view((struct hr_string *)node->values + idx, p, (uint32_t)(q - p));
        json_mark(node, idx);
        return true;
    }
    if (node->id == HR_T_TIMESTAMP &&
        time_in_minute(node, p, (size_t)(q - p), (int64_t *)node->values + idx)) {
        json_mark(node, idx);
        return true;
    }
    return put_text(d, node, idx, p, q, false);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static const char *number_end(const char *p, const char *end, bool *ret_integer)
{
#define DIGIT (p < end && (unsigned)(*p - '0') < 10)
    *ret_integer = true;
    if (p < end && *p == '-') p++;
    if (!DIGIT) return NULL;
    if (*p == '0')
        p++;
    else
        while (DIGIT) p++;
    if (p < end && *p == '.') {
        *ret_integer = false;
        p++;
        if (!DIGIT) return NULL;
        while (DIGIT) p++;
    }
    if (p < end && (*p | 32) == 'e') {
        *ret_integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!DIGIT) return NULL;
        while (DIGIT) p++;
    }
    return p;
#undef DIGIT
}

static HR_NOINLINE const char *number_slow(struct json_decoder *d, struct json_node *node,
                                           uint32_t idx, const char *p, const char *end)
{
    bool is_integer;
    const char *q = number_end(p, end, &is_integer);
    if (!q || q >= end) return NULL;
    if (node) hr_json_put_number(d, node, idx, p, (size_t)(q - p), is_integer);
    return d->mismatch ? NULL : q;
}

/* mantissa × 10^-fraction of the usual number: few digits, no exponent. */
HR_INLINE bool put_mantissa(struct json_node *node, uint32_t idx, bool negative, uint64_t mantissa,
                            unsigned fraction)
{
    static const double pow10[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    static const uint64_t ipow10[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
                                      100000000, 1000000000, 10000000000, 100000000000,
                                      1000000000000, 10000000000000, 100000000000000,
                                      1000000000000000};
    int64_t v = negative ? -(int64_t)mantissa : (int64_t)mantissa;
    switch (node->id) {
    case HR_T_LONG:
        if (fraction) return false;
        ((int64_t *)node->values)[idx] = v;
        break;
    case HR_T_INT:
        if (fraction || v != (int32_t)v) return false;
        ((int32_t *)node->values)[idx] = (int32_t)v;
        break;
    case HR_T_DOUBLE: {
        if (mantissa >> 53) return false;
        double real = (double)mantissa / pow10[fraction];
        ((double *)node->values)[idx] = negative ? -real : real;
        break;
    }
    case HR_T_DECIMAL: {
        unsigned scale = node->type->scale;
        if (fraction > scale || scale - fraction > 15) return false;
        hr_u128 unscaled = (hr_u128)mantissa * ipow10[scale - fraction];
        unsigned whole = node->type->precision;
        if (whole <= 15 ? unscaled >= ipow10[whole] : unscaled >> 49) return false;
        hr_i128 out = negative ? -(hr_i128)unscaled : (hr_i128)unscaled;
        memcpy((char *)node->values + (size_t)idx * 16, &out, 16);
        break;
    }
    default: return false;
    }
    json_mark(node, idx);
    return true;
}

/* A number at p; its end, or NULL. */
HR_INLINE const char *number(struct json_decoder *d, struct json_node *node, uint32_t idx,
                             const char *p, const char *end)
{
    bool negative = *p == '-';
    const char *start = p + negative, *q;
    unsigned n = digits_at(start), fraction = 0;
    if (HR_UNLIKELY(n - 1 >= 15 || (n > 1 && *start == '0')))
        return number_slow(d, node, idx, p, end);
    q = start + n;
    uint64_t mantissa = digits_value(start, n);
    if (*q == '.') {
        fraction = digits_at(q + 1);
        if (fraction == 0 || n + fraction > 15) return number_slow(d, node, idx, p, end);
        uint64_t scale = 1;
        for (unsigned i = 0; i < fraction; i++) scale *= 10;
        mantissa = mantissa * scale + digits_value(q + 1, fraction);
        q += fraction + 1;
    }
    if (HR_UNLIKELY((*q | 32) == 'e' || q >= end)) return number_slow(d, node, idx, p, end);
    if (node && !put_mantissa(node, idx, negative, mantissa, fraction))
        return number_slow(d, node, idx, p, end);
    return q;
}

/* --- Walk ------------------------------------------------------------------------------------- */

struct walk {
    struct json_decoder *d;
    const char *end;
    bool newlines; /* messages: newlines are white space */
    unsigned depth;
};

static HR_NOINLINE const char *space_slow(const struct walk *w, const char *p)
{
    while (p < w->end && (*p == ' ' || *p == '\t' || (w->newlines && (*p == '\n' || *p == '\r'))))
        p++;
    return p;
}
HR_INLINE const char *space(const struct walk *w, const char *p)
{
    return HR_LIKELY((unsigned char)*p > ' ') ? p : space_slow(w, p);
}

HR_INLINE bool is_true(const char *p) { return load4(p) == 0x65757274; }
HR_INLINE bool is_null(const char *p) { return load4(p) == 0x6c6c756e; }
HR_INLINE bool is_false(const char *p) { return load4(p + 1) == 0x65736c61; }

/* The end of a literal; NULL: no such. */
HR_INLINE const char *word_end(const char *p)
{
    if (*p == 't') return is_true(p) ? p + 4 : NULL;
    if (*p == 'n') return is_null(p) ? p + 4 : NULL;
    return *p == 'f' && is_false(p) ? p + 5 : NULL;
}

HR_INLINE const char *skip_string(struct walk *w, const char *p)
{
    bool escaped = false;
    const char *q = string_end(p, w->end, &escaped);
    if (HR_UNLIKELY(!q)) return NULL;
    if (HR_UNLIKELY(escaped) && !check_escapes(w->d, p, q)) return NULL;
    return q + 1;
}

/* Any value, validated and not kept; no recursion. */
static const char *skip(struct walk *w, const char *p)
{
    uint64_t objects[(JSON_MAX_DEPTH + 63) / 64] = {0}; /* per open container: is it an object? */
    unsigned depth = 0, max = JSON_MAX_DEPTH - w->depth;
#define IN_OBJECT ((objects[(depth - 1) >> 6] >> ((depth - 1) & 63)) & 1)
#define OPEN(bit)                                                                       \
    do {                                                                                \
        if (depth >= max) return NULL;                                                  \
        uint64_t m_ = UINT64_C(1) << (depth & 63);                                      \
        objects[depth >> 6] = (bit) ? objects[depth >> 6] | m_ : objects[depth >> 6] & ~m_; \
        depth++;                                                                        \
    } while (0)
value:
    p = space(w, p);
    if (p >= w->end) return NULL;
    switch (*p) {
    case '"':
        p = skip_string(w, p + 1);
        break;
    case '{':
        OPEN(1);
        p = space(w, p + 1);
        if (*p != '}') goto key;
        p++;
        depth--;
        break;
    case '[':
        OPEN(0);
        p = space(w, p + 1);
        if (*p != ']') goto value;
        p++;
        depth--;
        break;
    case 't':
    case 'f':
    case 'n': p = word_end(p); break;
    default: p = number(w->d, NULL, 0, p, w->end); break;
    }
    if (HR_UNLIKELY(!p)) return NULL;
    while (depth) {
        p = space(w, p);
        if (p >= w->end) return NULL;
        if (*p == ',') {
            p++;
            if (!IN_OBJECT) goto value;
            p = space(w, p);
            goto key;
        }
        if (*p != (IN_OBJECT ? '}' : ']')) return NULL;
        p++;
        depth--;
    }
    return p;
key:
    if (p >= w->end || *p != '"') return NULL;
    p = skip_string(w, p + 1);
    if (!p) return NULL;
    p = space(w, p);
    if (*p != ':') return NULL;
    p++;
    goto value;
#undef IN_OBJECT
#undef OPEN
}

static const char *object(struct walk *w, struct json_node *node, uint32_t idx, const char *p);
static const char *array(struct walk *w, struct json_node *node, uint32_t idx, const char *p);
static const char *map(struct walk *w, struct json_node *node, uint32_t idx, const char *p);

static HR_NOINLINE const char *value_other(struct walk *w, struct json_node *node, uint32_t idx,
                                           const char *p)
{
    const char *q;
    switch (*p) {
    case '{':
        if (node->id == HR_T_STRUCT) {
            json_mark(node, idx);
            return object(w, node, idx, p);
        }
        if (node->id == HR_T_MAP) return map(w, node, idx, p);
        break;
    case '[':
        if (node->id == HR_T_ARRAY) return array(w, node, idx, p);
        break;
    case 'n': return is_null(p) ? p + 4 : NULL;
    case 't':
    case 'f':
        q = word_end(p);
        if (q) hr_json_put_bool(w->d, node, idx, *p == 't', p, (size_t)(q - p));
        return w->d->mismatch ? NULL : q;
    default: return NULL;
    }
    if (node->id != HR_T_STRING) return NULL;
    q = skip(w, p);
    if (q) hr_json_put_raw(w->d, node, idx, p, (size_t)(q - p));
    return q;
}

/* A wanted value at p < end. */
HR_INLINE const char *value(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    if (HR_LIKELY(*p == '"')) {
        bool escaped = false;
        const char *q = string_end(++p, w->end, &escaped);
        if (HR_UNLIKELY(!q)) return NULL;
        bool good = HR_UNLIKELY(escaped) ? put_text(w->d, node, idx, p, q, true)
                                         : put_string(w->d, node, idx, p, q);
        return good ? q + 1 : NULL;
    }
    if ((unsigned)(*p - '0') < 10 || *p == '-') return number(w->d, node, idx, p, w->end);
    return value_other(w, node, idx, p);
}

HR_INLINE struct json_node *find(struct json_node *node, const char *key, uint32_t len)
{
    uint64_t name8 = low_bytes(load8(key), len < 8 ? len : 8);
    struct json_node *child = &node->children[node->hint];
    bool hit = child->name8 == name8 && child->name_len == len && !child->skip &&
               (len <= 8 || memcmp(child->name + 8, key + 8, len - 8) == 0);
    if (HR_UNLIKELY(!hit)) child = hr_json_find8(node, key, name8, len);
    if (child) {
        uint32_t next = (uint32_t)(child - node->children) + 1;
        node->hint = next < node->child_count ? next : 0;
    }
    return child;
}

static HR_NOINLINE bool escaped_key(struct walk *w, const char *p, const char *q,
                                    struct json_node *node, struct json_node **ret)
{
    size_t len;
    char *out = hr_json_bytes(w->d, (size_t)(q - p));
    if (!out || !hr_json_unescape(p, q, false, out, &len)) return false;
    *ret = hr_json_find(node, out, (uint32_t)len);
    return true;
}

/* p at the brace; the closing brace + 1. */
static const char *object(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == '}') {
        w->depth--;
        return p + 1;
    }
    for (;;) {
        bool escaped = false;
        if (p >= w->end || *p != '"') return NULL;
        const char *key = p + 1, *q = string_end(key, w->end, &escaped);
        if (HR_UNLIKELY(!q)) return NULL;
        struct json_node *child;
        if (HR_LIKELY(!escaped)) child = find(node, key, (uint32_t)(q - key));
        else if (!escaped_key(w, key, q, node, &child)) return NULL;
        p = q + 1;
        if (HR_UNLIKELY(*p != ':')) {
            p = space(w, p);
            if (*p != ':') return NULL;
        }
        p = space(w, p + 1);
        if (HR_UNLIKELY(p >= w->end)) return NULL;
        /* Repeated keys are rare; the slow parser knows what then counts. */
        if (child && HR_UNLIKELY(json_has(child, idx))) return NULL;
        p = child ? value(w, child, idx, p) : skip(w, p);
        if (HR_UNLIKELY(!p)) return NULL;
        p = space(w, p);
        if (HR_LIKELY(*p == ',')) {
            p = space(w, p + 1);
            continue;
        }
        w->depth--;
        return *p == '}' && p < w->end ? p + 1 : NULL;
    }
}

static const char *array(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == ']') {
        p++;
    } else {
        for (;;) {
            if (p >= w->end) return NULL;
            uint32_t at = hr_json_level_push(w->d, node->inner);
            if (at == UINT32_MAX) return NULL;
            p = value(w, &node->children[0], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p == ']') break;
            if (*p != ',') return NULL;
            p = space(w, p + 1);
        }
        p++;
    }
    w->depth--;
    ((int32_t *)node->values)[idx] = (int32_t)node->inner->len;
    json_mark(node, idx);
    return p;
}

static const char *map(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == '}') {
        p++;
    } else {
        for (;;) {
            if (p >= w->end || *p != '"') return NULL;
            uint32_t at = hr_json_level_push(w->d, node->inner);
            if (at == UINT32_MAX) return NULL;
            p = value(w, &node->children[0], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p != ':') return NULL;
            p = space(w, p + 1);
            if (p >= w->end) return NULL;
            p = value(w, &node->children[1], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p == '}') break;
            if (*p != ',') return NULL;
            p = space(w, p + 1);
        }
        p++;
    }
    w->depth--;
    ((int32_t *)node->values)[idx] = (int32_t)node->inner->len;
    json_mark(node, idx);
    return p;
}

/* A whole record by the grammar; the byte behind its closing brace, or NULL. */
static HR_NOINLINE const char *walk_record(struct json_decoder *d, const char *p, const char *end,
                                           bool newlines)
{
    struct walk w = {.d = d, .end = end, .newlines = newlines};
    struct json_level *level = d->levels[0];
    json_row_clear(level);
    d->mismatch = false;
    p = space(&w, p);
    if (p >= end || *p != '{') return NULL;
    d->root.hint = 0;
    p = object(&w, &d->root, level->len, p);
    if (HR_UNLIKELY(!p)) return NULL;
    p = space(&w, p);
    if (p > end) return NULL;
    if (newlines) return p == end ? p : NULL;
    if (*p == '\r') p++;
    return p < end && *p == '\n' ? p : NULL;
}

/* --- Shapes ----------------------------------------------------------------------------------- */

enum step_kind {
    STEP_LITERAL, /* the literal goes on in the next step */
    STEP_STRING,  /* STRING column */
    STEP_TIME,    /* TIMESTAMP column */
    STEP_TEXT,    /* string into any other column */
    STEP_UNREAD,  /* string that nobody wants */
    STEP_LONG,    /* integer into a LONG column */
    STEP_NUMBER,  /* number into any other column, or none */
    STEP_WALK,    /* any value, by the grammar */
    STEP_END,
};

/* A literal, then a value of a kind. */
struct step {
    char literal[VW];
    vmask mask;
    struct json_node *node;
    uint16_t len;
    uint16_t guess; /* length of the value last time */
    uint16_t misses;
    uint8_t kind;
    bool var;
} __attribute__((aligned(VW)));

struct shape {
    struct step steps[STEPS];
    uint64_t have; /* bits of a row of this shape */
    uint32_t runs;
    bool learned;
} __attribute__((aligned(64)));

struct json_shapes {
    struct shape shapes[SHAPES];
    uint32_t current, next;
    uint32_t seen, missed, learned; /* of the last 256 records */
    uint32_t paused;
};

static HR_NOINLINE void adapt(struct shape *s)
{
    for (struct step *t = s->steps; t->kind != STEP_END; t++) {
        t->var = t->misses > 64 || (t->var && (s->runs & 0xffff));
        t->misses = 0;
    }
}

/* The string of step t at p has something special at q: the real end, its value put. */
static HR_NOINLINE const char *repair(struct json_decoder *d, const struct step *t, uint32_t row,
                                      const char *p, const char *end)
{
    bool escaped = false;
    const char *q = string_end_slow(p, end, &escaped);
    if (!q) return NULL;
    if (t->kind == STEP_UNREAD) return !escaped || check_escapes(d, p, q) ? q : NULL;
    if (!put_text(d, t->node, row, p, q, escaped)) return NULL;
    return q;
}

HR_INLINE const char *guess_end(struct step *t, const char *p, unsigned n)
{
    if (t->var) return p + n;
    const char *q = p + t->guess;
    __asm__("" : "+r"(q)); /* q does not depend on the scan */
    if (HR_UNLIKELY((size_t)(q - p) != n)) {
        t->misses++;
        t->guess = (uint16_t)n;
        q = p + n;
    }
    return q;
}

HR_INLINE const char *step_string(struct json_decoder *d, struct step *t, uint32_t row,
                                  const char *p, const char *end)
{
    unsigned n = first_bit(special(p));
    const char *q;
    if (HR_LIKELY(n < VW)) {
        q = guess_end(t, p, n);
    } else {
        q = p + VW;
        while (q < end) {
            n = first_bit(special(q));
            q += n;
            if (n < VW) break;
        }
    }
    if (HR_UNLIKELY(q >= end)) return NULL;
    if (HR_UNLIKELY(*q != '"')) return repair(d, t, row, p, end);
    switch (t->kind) {
    case STEP_STRING:
        put_view((struct hr_string *)t->node->values + row, p, (uint32_t)(q - p));
        return q;
    case STEP_TIME:
        if (HR_LIKELY(time_in_minute(t->node, p, (size_t)(q - p),
                                     (int64_t *)t->node->values + row)))
            return q;
        /* fall through */
    case STEP_TEXT: return put_text(d, t->node, row, p, q, false) ? q : NULL;
    default: return q;
    }
}

HR_INLINE const char *step_long(struct json_decoder *d, struct step *t, uint32_t row,
                                const char *p, const char *end)
{
    unsigned n = digits_at(p);
    if (HR_UNLIKELY(n - 1 >= 15 || (n > 1 && *p == '0'))) return number(d, t->node, row, p, end);
    const char *q = guess_end(t, p, n);
    if (HR_UNLIKELY(*q == '.' || (*q | 32) == 'e')) return NULL;
    ((int64_t *)t->node->values)[row] = (int64_t)digits_value(p, n);
    return q;
}

/* The record at p by shape s: the byte behind its closing brace, or NULL. */
HR_INLINE const char *run_shape(struct json_decoder *d, struct shape *s, const char *p,
                                const char *end, bool newlines)
{
    struct json_level *level = d->levels[0];
    uint32_t row = level->len;
    if (HR_UNLIKELY((++s->runs & 1023) == 0)) adapt(s);
    level->have[row] = 0;
    for (struct step *t = s->steps;; t++) {
        if (HR_UNLIKELY(differs(p, t->literal, t->mask))) return NULL;
        p += t->len;
        if (HR_UNLIKELY(p > end)) return NULL;
        switch (t->kind) {
        case STEP_LITERAL: break;
        case STEP_STRING:
        case STEP_TIME:
        case STEP_TEXT:
        case STEP_UNREAD: p = step_string(d, t, row, p, end); break;
        case STEP_LONG: p = step_long(d, t, row, p, end); break;
        case STEP_NUMBER: p = number(d, t->node, row, p, end); break;
        case STEP_WALK: {
            struct walk w = {.d = d, .end = end, .newlines = newlines, .depth = 1};
            if (p >= end) return NULL;
            p = t->node ? value(&w, t->node, row, p) : skip(&w, p);
            break;
        }
        default: level->have[row] |= s->have; return p;
        }
        if (HR_UNLIKELY(!p || p >= end)) return NULL;
    }
}

/* --- Learning --------------------------------------------------------------------------------- */

struct learner {
    struct json_decoder *d;
    struct shape *shape;
    uint32_t count;
    const char *literal; /* where the literal under way began */
    const char *end;
    uint64_t have, seen;
    unsigned depth;
};

/* The literal [l->literal, upto), then a value [upto, after) of a kind. */
static bool add_step(struct learner *l, const char *upto, enum step_kind kind,
                     struct json_node *node, const char *after)
{
    const char *a = l->literal;
    for (;;) {
        if (l->count >= STEPS) return false;
        struct step *t = &l->shape->steps[l->count++];
        size_t n = HR_MIN((size_t)(upto - a), (size_t)VW);
        memset(t, 0, sizeof *t);
        memcpy(t->literal, a, n);
        t->mask = n == sizeof(vmask) * 8 ? (vmask)-1 : (vmask)(((vmask)1 << n) - 1);
        t->len = (uint16_t)n;
        a += n;
        if (a < upto) {
            t->kind = STEP_LITERAL;
            continue;
        }
        t->kind = (uint8_t)kind;
        t->node = node;
        t->guess = (uint16_t)HR_MIN((size_t)(after - upto), (size_t)UINT16_MAX);
        break;
    }
    l->literal = after;
    return true;
}

static const char *blank(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n') p++;
    return p;
}

static const char *learn_value(struct learner *l, struct json_node *node, const char *p);

static const char *learn_string(struct learner *l, struct json_node *node, const char *p)
{
    bool escaped = false;
    const char *q = string_end_slow(p + 1, l->end, &escaped);
    if (!q) return NULL;
    enum step_kind kind = !node                           ? STEP_UNREAD
                          : node->id == HR_T_STRING       ? STEP_STRING
                          : node->id == HR_T_TIMESTAMP    ? STEP_TIME
                                                          : STEP_TEXT;
    if (node) l->have |= UINT64_C(1) << node->bit;
    return add_step(l, p + 1, kind, node, q) ? q + 1 : NULL;
}

static const char *learn_number(struct learner *l, struct json_node *node, const char *p)
{
    bool is_integer;
    const char *q = number_end(p, l->end, &is_integer);
    if (!q) return NULL;
    bool is_long = node && node->id == HR_T_LONG && is_integer;
    if (node) l->have |= UINT64_C(1) << node->bit;
    return add_step(l, p, is_long ? STEP_LONG : STEP_NUMBER, node, q) ? q : NULL;
}

static const char *learn_any(struct learner *l, struct json_node *node, const char *p)
{
    struct walk w = {.d = l->d, .end = l->end, .newlines = true, .depth = 1};
    const char *q = skip(&w, p);
    return q && add_step(l, p, STEP_WALK, node, q) ? q : NULL;
}

static const char *learn_object(struct learner *l, struct json_node *node, const char *p)
{
    if (++l->depth > 32) return NULL;
    if (node && node != &l->d->root) l->have |= UINT64_C(1) << node->bit;
    p = blank(p + 1);
    if (*p == '}') {
        l->depth--;
        return p + 1;
    }
    for (;;) {
        bool escaped = false;
        const char *q = string_end_slow(p + 1, l->end, &escaped);
        if (!q || escaped) return NULL;
        struct json_node *child = node ? hr_json_find(node, p + 1, (uint32_t)(q - p - 1)) : NULL;
        if (child) {
            uint64_t bit = UINT64_C(1) << child->bit;
            if (l->seen & bit) return NULL; /* a repeated key */
            l->seen |= bit;
        }
        p = blank(blank(q + 1) + 1);
        p = learn_value(l, child, p);
        if (!p) return NULL;
        p = blank(p);
        if (*p == '}') break;
        p = blank(p + 1);
    }
    l->depth--;
    return p + 1;
}

/* The record is known to be good: only its outline is read. */
static const char *learn_value(struct learner *l, struct json_node *node, const char *p)
{
    switch (*p) {
    case '"': return learn_string(l, node, p);
    case '{':
        if (!node || node->id == HR_T_STRUCT) return learn_object(l, node, p);
        return learn_any(l, node, p);
    case '[': return learn_any(l, node, p);
    case 't':
    case 'f': return learn_any(l, node, p);
    case 'n': return p + 4; /* null: part of the literal */
    default: return learn_number(l, node, p);
    }
}

/* From the good record [p, q). A key repeated in an unread object does no harm. */
static HR_NOINLINE bool learn(struct json_decoder *d, struct shape *s, const char *p,
                              const char *q)
{
    struct learner l = {.d = d, .shape = s, .literal = p, .end = q};
    s->learned = false;
    if (d->levels[0]->words != 1) return false;
    const char *end = learn_object(&l, &d->root, blank(p));
    if (!end || !add_step(&l, end, STEP_END, NULL, end)) return false;
    s->have = l.have;
    s->runs = 0;
    s->learned = true;
    return true;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Behind a record's closing brace: its end when the record ends there. */
HR_INLINE const char *record_end(const char *p, const char *end, bool newlines)
{
    if (HR_UNLIKELY(!p)) return NULL;
    if (newlines) return p == end ? p : NULL;
    if (HR_LIKELY(*p == '\n')) return p;
    return p[0] == '\r' && p + 1 < end && p[1] == '\n' ? p + 1 : NULL;
}

static void undo(struct json_decoder *d)
{
    struct json_level *level = d->levels[0];
    if (d->level_count > 1) hr_json_truncate(level, level->len);
    json_row_clear(level);
    d->mismatch = false;
}

static HR_NOINLINE const char *missed(struct json_decoder *d, const char *p, const char *end,
                                      bool newlines)
{
    struct json_shapes *shapes = d->shapes;
    for (uint32_t i = 0; i < SHAPES; i++) {
        if (i == shapes->current || !shapes->shapes[i].learned) continue;
        undo(d);
        const char *q = run_shape(d, &shapes->shapes[i], p, end, newlines);
        q = record_end(q, end, newlines);
        if (q) {
            shapes->current = i;
            return q;
        }
    }
    undo(d);
    shapes->missed++;
    const char *q = walk_record(d, p, end, newlines);
    if (!q || shapes->learned >= 4) return q;
    shapes->learned++;
    if (learn(d, &shapes->shapes[shapes->next], p, q)) {
        shapes->current = shapes->next;
        shapes->next = (shapes->next + 1) % SHAPES;
    }
    return q;
}

/* One record: its end, or NULL with nothing left behind. */
HR_INLINE const char *record(struct json_decoder *d, const char *p, const char *end, bool newlines)
{
    struct json_shapes *shapes = d->shapes;
    const char *q;
    if (HR_LIKELY(!shapes->paused)) {
        if (HR_UNLIKELY(++shapes->seen == 256)) {
            if (shapes->missed > LEARN_MISS) shapes->paused = PAUSE;
            shapes->seen = shapes->missed = shapes->learned = 0;
        }
        struct shape *s = &shapes->shapes[shapes->current];
        if (HR_LIKELY(s->learned)) {
            q = record_end(run_shape(d, s, p, end, newlines), end, newlines);
            if (HR_LIKELY(q != NULL)) return q;
        }
        q = missed(d, p, end, newlines);
    } else {
        shapes->paused--;
        q = walk_record(d, p, end, newlines);
    }
    if (HR_UNLIKELY(!q)) undo(d);
    return q;
}

static bool lines(struct json_decoder *d, const char **pos, const char *end)
{
    struct json_level *level = d->levels[0];
    const char *p = *pos;
    uint32_t capacity = d->capacity;
    d->mismatch = false;
    while (p < end && level->len < capacity) {
        const char *q = record(d, p, end, false);
        if (HR_UNLIKELY(!q)) {
            if (*p == '\n') {
                p++;
                continue;
            }
            *pos = p;
            return true;
        }
        level->len++;
        p = q + 1;
    }
    *pos = p;
    return false;
}

static bool message(struct json_decoder *d, const char *p, const char *end)
{
    d->mismatch = false;
    if (!record(d, p, end, true)) return false;
    d->levels[0]->len++;
    return true;
}

static struct json_shapes *shapes_new(void)
{
    struct json_shapes *shapes = hr_alloc_aligned(sizeof *shapes);
    if (shapes) memset(shapes, 0, sizeof *shapes);
    return shapes;
}

extern const struct json_isa PASTE(hr_json_isa_, HR_ISA);
const struct json_isa PASTE(hr_json_isa_, HR_ISA) = {
    .name = HR_ISA_LEVEL == 4 ? "v4" : HR_ISA_LEVEL == 3 ? "v3" : "base",
    .lines = lines,
    .message = message,
    .shapes_new = shapes_new,
};
#endif
