/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a page as they are in the file, by their encoding. Never beyond the page's end. */
#include "format/parquet/parquet.h"

uint32_t pq_physical_width(enum pq_physical physical, uint32_t length)
{
    static const uint8_t widths[PQ_PHYSICAL_COUNT] = {1, 4, 8, 12, 4, 8, sizeof(struct hr_string)};
    return physical == PQ_FIXED ? length : widths[physical];
}

static size_t bytes_left(const struct pq_values *v)
{
    return (size_t)(v->end - v->pos);
}

static bool open_delta_bytes(struct pq_values *v)
{
    if (!pq_delta_open(&v->lengths, v->pos, bytes_left(v))) return false;
    const uint8_t *end = pq_delta_end(&v->lengths);
    if (!end) return false;
    v->lengths.end = end;
    v->pos = end;
    return true;
}

bool pq_values_open(struct pq_values *v, int32_t encoding, enum pq_physical physical,
                    uint32_t length, const void *data, size_t size, uint32_t count)
{
    uint32_t bytes;
    bool is_int = physical == PQ_INT32 || physical == PQ_INT64;
    bool is_bytes = physical == PQ_BYTE_ARRAY || physical == PQ_FIXED;
    memset(v, 0, sizeof *v);
    v->encoding = encoding;
    v->physical = physical;
    v->length = length;
    v->pos = data;
    v->end = v->pos + size;
    switch (encoding) {
    case PQ_E_PLAIN: return true;
    case PQ_E_RLE_DICTIONARY:
    case PQ_E_PLAIN_DICTIONARY:
        v->encoding = PQ_E_RLE_DICTIONARY;
        if (size == 0) return count == 0;
        if (*v->pos > 32) return false;
        v->rle = pq_rle(v->pos + 1, size - 1, *v->pos);
        return true;
    case PQ_E_RLE:
        if (physical != PQ_BOOLEAN) return false;
        if (size == 0) return count == 0;
        if (size < 4) return false;
        memcpy(&bytes, v->pos, 4);
        if (bytes > size - 4) return false;
        v->rle = pq_rle(v->pos + 4, bytes, 1);
        return true;
    case PQ_E_DELTA_BINARY_PACKED:
        if (!is_int) return false;
        return (size == 0 && count == 0) || pq_delta_open(&v->delta, data, size);
    case PQ_E_DELTA_LENGTH_BYTE_ARRAY:
        if (physical != PQ_BYTE_ARRAY) return false;
        return (size == 0 && count == 0) || open_delta_bytes(v);
    case PQ_E_DELTA_BYTE_ARRAY: {
        if (!is_bytes) return false;
        if (size == 0) return count == 0;
        if (!open_delta_bytes(v)) return false;
        v->delta = v->lengths; /* of prefixes; those of suffixes follow */
        return open_delta_bytes(v);
    }
    case PQ_E_BYTE_STREAM_SPLIT:
        if (physical == PQ_BOOLEAN || physical == PQ_BYTE_ARRAY || physical == PQ_INT96)
            return false;
        v->count = (uint32_t)(size / pq_physical_width(physical, length));
        return v->count >= count;
    default: return false;
    }
}

static bool read_plain_bools(struct pq_values *v, uint8_t *out, uint32_t count)
{
    if ((uint64_t)v->bit + count > (uint64_t)bytes_left(v) * 8) return false;
    for (uint32_t i = 0; i < count; i++, v->bit++) out[i] = v->pos[v->bit >> 3] >> (v->bit & 7) & 1;
    v->pos += v->bit >> 3;
    v->bit &= 7;
    return true;
}

static bool read_plain_strings(struct pq_values *v, struct hr_string *out, uint32_t count)
{
    const uint8_t *p = v->pos, *end = v->end;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len;
        if (HR_UNLIKELY(end - p < 4)) return false;
        memcpy(&len, p, 4);
        p += 4;
        if (HR_UNLIKELY(len > (size_t)(end - p) || len > INT32_MAX)) return false;
        out[i] = hr_string_make((const char *)p, len);
        p += len;
    }
    v->pos = p;
    return true;
}

static bool read_plain(struct pq_values *v, void *out, uint32_t count)
{
    if (v->physical == PQ_BOOLEAN) return read_plain_bools(v, out, count);
    if (v->physical == PQ_BYTE_ARRAY) return read_plain_strings(v, out, count);
    size_t bytes = (size_t)pq_physical_width(v->physical, v->length) * count;
    if (bytes > bytes_left(v)) return false;
    memcpy(out, v->pos, bytes);
    v->pos += bytes;
    return true;
}

static bool read_delta(struct pq_values *v, void *out, uint32_t count)
{
    uint64_t some[256];
    if (v->physical == PQ_INT64) return pq_delta_read(&v->delta, out, count);
    for (uint32_t *to = out; count;) {
        uint32_t n = HR_MIN(count, (uint32_t)HR_COUNT(some));
        if (!pq_delta_read(&v->delta, some, n)) return false;
        for (uint32_t i = 0; i < n; i++) to[i] = (uint32_t)some[i];
        to += n;
        count -= n;
    }
    return true;
}

static bool read_delta_length(struct pq_values *v, struct hr_string *out, uint32_t count)
{
    uint64_t lengths[256];
    while (count) {
        uint32_t n = HR_MIN(count, (uint32_t)HR_COUNT(lengths));
        if (!pq_delta_read(&v->lengths, lengths, n)) return false;
        for (uint32_t i = 0; i < n; i++) {
            if (lengths[i] > bytes_left(v) || lengths[i] > INT32_MAX) return false;
            out[i] = hr_string_make((const char *)v->pos, (uint32_t)lengths[i]);
            v->pos += lengths[i];
        }
        out += n;
        count -= n;
    }
    return true;
}

/* Each is a prefix of the one before and what follows it. */
static bool read_delta_bytes(struct pq_values *v, void *out, uint32_t count, struct hr_arena *arena,
                             bool *ret_no_memory)
{
    char *fixed = out;
    struct hr_string *strings = out;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t prefix, suffix;
        if (!pq_delta_read(&v->delta, &prefix, 1) || !pq_delta_read(&v->lengths, &suffix, 1) ||
            prefix > v->last.len || suffix > bytes_left(v) || prefix + suffix > INT32_MAX)
            return false;
        uint32_t len = (uint32_t)(prefix + suffix);
        struct hr_string value;
        if (prefix == 0) {
            value = hr_string_make((const char *)v->pos, len);
        } else {
            char *text = hr_arena_alloc(arena, (size_t)len + 1);
            if (!text) {
                *ret_no_memory = true;
                return false;
            }
            memcpy(text, hr_string_ptr(&v->last), prefix);
            memcpy(text + prefix, v->pos, suffix);
            value = hr_string_make(text, len);
        }
        v->pos += suffix;
        v->last = value;
        if (v->physical == PQ_BYTE_ARRAY) {
            strings[i] = value;
            continue;
        }
        if (len != v->length) return false;
        memcpy(fixed + (size_t)i * len, hr_string_ptr(&value), len);
    }
    /* The arena may be gone when the next is read. */
    struct hr_buf *keep = v->last_text;
    if (v->last.len <= HR_STRING_INLINE || v->last.ptr == keep->ptr) return true;
    hr_buf_clear(keep);
    hr_buf_append(keep, v->last.ptr, v->last.len);
    *ret_no_memory = keep->failed;
    if (!keep->failed) v->last = hr_string_make(keep->ptr, v->last.len);
    return !keep->failed;
}

HR_INLINE void join_streams(const struct pq_values *v, uint8_t *out, uint32_t count, uint32_t width)
{
    for (uint32_t k = 0; k < width; k++) {
        const uint8_t *stream = v->pos + (size_t)k * v->count + v->at;
        for (uint32_t i = 0; i < count; i++) out[(size_t)i * width + k] = stream[i];
    }
}

static bool read_split(struct pq_values *v, uint8_t *out, uint32_t count)
{
    uint32_t width = pq_physical_width(v->physical, v->length);
    if (count > v->count - v->at) return false;
    if (width == 4)
        join_streams(v, out, count, 4);
    else if (width == 8)
        join_streams(v, out, count, 8);
    else
        join_streams(v, out, count, width);
    v->at += count;
    return true;
}

bool pq_values_read(struct pq_values *v, void *out, uint32_t count, struct hr_arena *arena,
                    bool *ret_no_memory)
{
    *ret_no_memory = false;
    if (count == 0) return true;
    switch (v->encoding) {
    case PQ_E_PLAIN: return read_plain(v, out, count);
    case PQ_E_RLE: return pq_rle_bytes(&v->rle, out, count);
    case PQ_E_DELTA_BINARY_PACKED: return read_delta(v, out, count);
    case PQ_E_DELTA_LENGTH_BYTE_ARRAY: return read_delta_length(v, out, count);
    case PQ_E_DELTA_BYTE_ARRAY: return read_delta_bytes(v, out, count, arena, ret_no_memory);
    case PQ_E_BYTE_STREAM_SPLIT: return read_split(v, out, count);
    default: return false;
    }
}
