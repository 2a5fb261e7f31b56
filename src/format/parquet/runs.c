/* SPDX-License-Identifier: Apache-2.0 */
/* RLE runs and DELTA_BINARY_PACKED, read. */
#include "format/parquet/runs.h"

/* --- Bits ------------------------------------------------------------------------------------- */

/* count values of w bits from bit on; end: behind the last byte that may be read. */
HR_INLINE uint64_t bits_at(const uint8_t *data, uint64_t bit, uint32_t w, const uint8_t *end)
{
    const uint8_t *p = data + (bit >> 3);
    unsigned __int128 v = 0;
    size_t n = (size_t)HR_MIN(end - p, (ptrdiff_t)9);
    memcpy(&v, p, n);
    v >>= bit & 7;
    return w == 64 ? (uint64_t)v : (uint64_t)v & ((UINT64_C(1) << w) - 1);
}

/* Groups of 8 values of a width that is known when this is compiled; 8 bytes behind them are
 * readable. */
HR_INLINE void unpack_groups(const uint8_t *in, uint32_t *out, uint32_t groups, uint32_t w)
{
    uint64_t mask = (UINT64_C(1) << w) - 1;
    for (uint32_t g = 0; g < groups; g++, in += w, out += 8)
        for (uint32_t i = 0; i < 8; i++) {
            uint64_t v;
            memcpy(&v, in + (i * w >> 3), 8);
            out[i] = (uint32_t)(v >> (i * w & 7) & mask);
        }
}

static void unpack_width(const uint8_t *in, uint32_t *out, uint32_t groups, uint32_t w)
{
#define CASE(n)                            \
    case n:                                \
        unpack_groups(in, out, groups, n); \
        return
#define CASES(n) \
    CASE(n);     \
    CASE(n + 1); \
    CASE(n + 2); \
    CASE(n + 3)
    switch (w) {
        CASES(1);
        CASES(5);
        CASES(9);
        CASES(13);
        CASES(17);
        CASES(21);
        CASES(25);
        CASES(29);
    default: memset(out, 0, sizeof *out * 8 * groups);
    }
#undef CASES
#undef CASE
}

static void unpack(const uint8_t *data, uint64_t bit, uint32_t w, uint32_t *out, uint32_t count,
                   const uint8_t *end)
{
    uint32_t i = 0;
    if (w == 0) {
        memset(out, 0, sizeof *out * count);
        return;
    }
    for (; i < count && (bit + (uint64_t)i * w) % 8; i++)
        out[i] = (uint32_t)bits_at(data, bit + (uint64_t)i * w, w, end);
    const uint8_t *in = data + ((bit + (uint64_t)i * w) >> 3);
    uint32_t groups = (count - i) / 8;
    if (end - in < 16)
        groups = 0;
    else
        groups = (uint32_t)HR_MIN((size_t)groups, (size_t)(end - in - 8) / w);
    unpack_width(in, out + i, groups, w);
    for (i += groups * 8; i < count; i++)
        out[i] = (uint32_t)bits_at(data, bit + (uint64_t)i * w, w, end);
}

static bool get_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70 && *pos < end; shift += 7) {
        uint8_t b = *(*pos)++;
        v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
        if (b & 0x80) continue;
        *ret = v;
        return true;
    }
    return false;
}

/* --- RLE -------------------------------------------------------------------------------------- */

struct pq_rle pq_rle(const void *data, size_t size, uint32_t width)
{
    const uint8_t *pos = data ? data : (const uint8_t *)""; /* of nothing, too */
    return (struct pq_rle){.pos = pos, .end = pos + size, .width = width};
}

/* The next run that holds values. */
static bool next_run(struct pq_rle *r)
{
    while (r->left == 0) {
        uint64_t head, bytes = (r->width + 7) / 8, avail;
        if (r->width == 0) { /* nothing has to be stored */
            r->packed = false;
            r->value = 0;
            r->left = UINT64_MAX;
            return true;
        }
        if (!get_varint(&r->pos, r->end, &head)) return false;
        avail = (uint64_t)(r->end - r->pos);
        r->packed = head & 1;
        if (!r->packed) {
            if (bytes > avail) return false;
            r->value = 0;
            memcpy(&r->value, r->pos, bytes);
            r->pos += bytes;
            r->left = head >> 1;
            if (r->width < 32 && r->value >> r->width) return false;
            continue;
        }
        /* The last group may be cut behind the last value. */
        if (head >> 1 > UINT64_MAX / 64) return false;
        bytes = HR_MIN((head >> 1) * r->width, avail);
        r->bits = r->pos;
        r->bit = 0;
        r->left = HR_MIN((head >> 1) * 8, bytes * 8 / r->width);
        r->pos += bytes;
        if (bytes == 0 && head >> 1) return false;
    }
    return true;
}

bool pq_rle_read(struct pq_rle *r, uint32_t *out, uint32_t count)
{
    while (count) {
        if (!next_run(r)) return false;
        uint32_t n = (uint32_t)HR_MIN((uint64_t)count, r->left);
        if (r->packed)
            unpack(r->bits, r->bit, r->width, out, n, r->pos);
        else
            for (uint32_t i = 0; i < n; i++) out[i] = r->value;
        r->bit += (uint64_t)n * r->width;
        r->left -= n;
        out += n;
        count -= n;
    }
    return true;
}

bool pq_rle_bytes(struct pq_rle *r, uint8_t *out, uint32_t count)
{
    while (count) {
        uint32_t some[64], n = 64;
        if (!next_run(r)) return false;
        n = (uint32_t)HR_MIN((uint64_t)count, r->packed ? HR_MIN(r->left, (uint64_t)n) : r->left);
        if (r->packed) {
            unpack(r->bits, r->bit, r->width, some, n, r->pos);
            for (uint32_t i = 0; i < n; i++) out[i] = (uint8_t)some[i];
        } else {
            memset(out, (int)r->value, n);
        }
        r->bit += (uint64_t)n * r->width;
        r->left -= n;
        out += n;
        count -= n;
    }
    return true;
}

/* Up to 56 bits into words. */
static void put_bits(uint64_t *out, uint32_t at, uint64_t bits, uint32_t n)
{
    out[at >> 6] |= bits << (at & 63);
    if ((at & 63) + n > 64) out[(at >> 6) + 1] |= bits >> (64 - (at & 63));
}

bool pq_rle_bits(struct pq_rle *r, uint64_t *out, uint32_t at, uint32_t count, uint32_t *ret_ones)
{
    *ret_ones = 0;
    while (count) {
        if (!next_run(r)) return false;
        uint32_t n = (uint32_t)HR_MIN((uint64_t)HR_MIN(count, 56u), r->left);
        if (!r->packed) {
            n = (uint32_t)HR_MIN((uint64_t)count, r->left);
            if (r->value) *ret_ones += n;
            for (uint32_t i = 0, k; r->value && i < n; i += k) {
                k = HR_MIN(n - i, 56u);
                put_bits(out, at + i, (UINT64_C(1) << k) - 1, k);
            }
        } else {
            uint64_t bits = bits_at(r->bits, r->bit, n, r->pos);
            *ret_ones += (uint32_t)__builtin_popcountll(bits);
            put_bits(out, at, bits, n);
        }
        r->bit += n;
        r->left -= n;
        at += n;
        count -= n;
    }
    return true;
}

/* --- DELTA_BINARY_PACKED ---------------------------------------------------------------------- */

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

bool pq_delta_open(struct pq_delta *d, const void *data, size_t size)
{
    uint64_t block, minis, total, first;
    memset(d, 0, sizeof *d);
    d->pos = data;
    d->end = d->pos + size;
    if (!get_varint(&d->pos, d->end, &block) || !get_varint(&d->pos, d->end, &minis) ||
        !get_varint(&d->pos, d->end, &total) || !get_varint(&d->pos, d->end, &first))
        return false;
    if (block == 0 || block % 128 || block > 1 << 24 || minis == 0 || block % minis ||
        block / minis % 32)
        return false;
    d->per_block = (uint32_t)block;
    d->minis = (uint32_t)minis;
    d->per_mini = (uint32_t)(block / minis);
    d->left = total;
    d->last = (uint64_t)unzigzag(first);
    d->first = true;
    d->mini = d->minis;
    return true;
}

/* The head of a block: its least delta and the widths of its miniblocks. */
static bool block_head(struct pq_delta *d)
{
    uint64_t min;
    if (!get_varint(&d->pos, d->end, &min) || (size_t)(d->end - d->pos) < d->minis) return false;
    d->min_delta = (uint64_t)unzigzag(min);
    d->widths = d->pos;
    d->pos += d->minis;
    d->mini = 0;
    return true;
}

/* The next 32 values, or what is left, into the buffer. */
static bool fill(struct pq_delta *d)
{
    d->at = 0;
    if (d->left == 0) return false;
    if (d->first) {
        d->first = false;
        d->buffer[0] = d->last;
        d->count = 1;
        d->left--;
        return true;
    }
    if (d->mini_left == 0) {
        if (d->mini == d->minis ? !block_head(d) : false) return false;
        d->mini++;
        d->mini_left = d->per_mini;
    }
    uint32_t w = d->widths[d->mini - 1], n = (uint32_t)HR_MIN(d->left, UINT64_C(32));
    size_t bytes = (size_t)w * 4, need = ((size_t)n * w + 7) / 8, avail = (size_t)(d->end - d->pos);
    if (w > 64 || need > avail) return false;
    uint32_t narrow[32];
    if (w <= 32) unpack(d->pos, 0, w, narrow, n, d->end);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t delta = w <= 32 ? narrow[i] : bits_at(d->pos, (uint64_t)i * w, w, d->end);
        d->last += d->min_delta + delta;
        d->buffer[i] = d->last;
    }
    d->pos += HR_MIN(bytes, avail);
    d->mini_left -= 32;
    d->count = n;
    d->left -= n;
    return true;
}

bool pq_delta_read(struct pq_delta *d, uint64_t *out, uint32_t count)
{
    while (count) {
        if (d->at == d->count && !fill(d)) return false;
        uint32_t n = HR_MIN(count, d->count - d->at);
        memcpy(out, d->buffer + d->at, sizeof *out * n);
        d->at += n;
        out += n;
        count -= n;
    }
    return true;
}

const uint8_t *pq_delta_end(const struct pq_delta *delta)
{
    struct pq_delta d = *delta;
    uint64_t left = d.left ? d.left - 1 : 0;
    while (left) {
        if (!block_head(&d)) return NULL;
        for (uint32_t i = 0; i < d.minis && left; i++) {
            size_t bytes = (size_t)d.widths[i] * d.per_mini / 8;
            if (d.widths[i] > 64 || bytes > (size_t)(d.end - d.pos)) return NULL;
            d.pos += bytes;
            left -= HR_MIN(left, (uint64_t)d.per_mini);
        }
    }
    return d.pos;
}
