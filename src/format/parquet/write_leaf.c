/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leaf that is written: its values become indices of a dictionary as long as that pays, else
 * plain bytes; pages are packed into the chunk when they are full.
 */
#include "base/hash.h"
#include "format/parquet/codec.h"
#include "format/parquet/write.h"
#include "hr_config.h"
#if HR_HAVE_ZLIB
#include <zlib.h>
#endif

#define TABLE_MIN 1024
#define BOUND_MAX 256 /* bytes of a text in statistics */

static uint32_t bits_of(uint32_t max)
{
    return max ? 32 - (uint32_t)__builtin_clz(max) : 0;
}

/* --- Values as they are in the file ----------------------------------------------------------- */

#define GATHER(to_type, from_type)       \
    for (uint32_t i = 0; i < count; i++) \
    ((to_type *)to)[i] = (to_type)((const from_type *)values)[rows[i]]

static void big_endian(hr_i128 v, uint8_t *to, uint32_t bytes)
{
    for (uint32_t i = bytes; i-- > 0; v >>= 8) to[i] = (uint8_t)v;
}

/* Of fixed width, and of booleans a byte each. */
static void gather(const struct pq_wleaf *leaf, const struct hr_column *col, const uint32_t *rows,
                   uint32_t count, char *to)
{
    const void *values = col->values;
    switch (col->type->id) {
    case HR_T_BOOLEAN:
        for (uint32_t i = 0; i < count; i++) to[i] = hr_bit_get(values, rows[i]);
        break;
    case HR_T_BYTE: GATHER(int32_t, int8_t); break;
    case HR_T_SHORT: GATHER(int32_t, int16_t); break;
    case HR_T_DECIMAL:
        if (leaf->physical == PQ_INT32)
            GATHER(int32_t, hr_i128);
        else if (leaf->physical == PQ_INT64)
            GATHER(int64_t, hr_i128);
        else
            for (uint32_t i = 0; i < count; i++)
                big_endian(((const hr_i128 *)values)[rows[i]],
                           (uint8_t *)to + (size_t)i * leaf->width, leaf->width);
        break;
    default:
        if (leaf->width == 8)
            GATHER(int64_t, int64_t);
        else
            GATHER(int32_t, int32_t);
    }
}

/* --- Statistics ------------------------------------------------------------------------------- */

static void bound_i64(struct pq_bounds *b, int64_t min, int64_t max)
{
    b->min = b->any ? HR_MIN(b->min, min) : min;
    b->max = b->any ? HR_MAX(b->max, max) : max;
    b->any = true;
}

static void bound_text(struct pq_bounds *b, const struct hr_string *s)
{
    struct hr_str_view v = hr_string_view(s);
    if (b->too_long) return;
    if (v.len > BOUND_MAX) {
        b->too_long = true; /* it may be the least or the greatest */
        return;
    }
    if (!b->any || hr_sv_cmp(v, hr_svn(b->smin.ptr ? b->smin.ptr : "", b->smin.len)) < 0) {
        hr_buf_clear(&b->smin);
        hr_buf_put_sv(&b->smin, v);
    }
    if (!b->any || hr_sv_cmp(v, hr_svn(b->smax.ptr ? b->smax.ptr : "", b->smax.len)) > 0) {
        hr_buf_clear(&b->smax);
        hr_buf_put_sv(&b->smax, v);
    }
    b->any = true;
}

static void bound_f64(struct pq_bounds *b, double v)
{
    if (v != v) return; /* NaN is in no bounds */
    b->fmin = b->any ? HR_MIN(b->fmin, v) : v;
    b->fmax = b->any ? HR_MAX(b->fmax, v) : v;
    b->any = true;
}

static void bound(struct pq_wleaf *leaf, const struct hr_column *col, const uint32_t *rows,
                  uint32_t count, const char *fixed)
{
    struct pq_bounds *b = &leaf->bounds;
    if (leaf->physical == PQ_INT32 || leaf->physical == PQ_INT64) {
        int64_t min = INT64_MAX, max = INT64_MIN;
        for (uint32_t i = 0; i < count; i++) {
            int64_t v = leaf->physical == PQ_INT32 ? ((const int32_t *)(const void *)fixed)[i]
                                                   : ((const int64_t *)(const void *)fixed)[i];
            min = HR_MIN(min, v);
            max = HR_MAX(max, v);
        }
        bound_i64(b, min, max);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const void *values = col->values;
        switch (leaf->physical) {
        case PQ_BOOLEAN: bound_i64(b, fixed[i], fixed[i]); break;
        case PQ_FLOAT: bound_f64(b, (double)((const float *)values)[rows[i]]); break;
        case PQ_DOUBLE: bound_f64(b, ((const double *)values)[rows[i]]); break;
        case PQ_BYTE_ARRAY: bound_text(b, (const struct hr_string *)values + rows[i]); break;
        default: {
            hr_i128 v = ((const hr_i128 *)values)[rows[i]];
            b->dmin = b->any ? HR_MIN(b->dmin, v) : v;
            b->dmax = b->any ? HR_MAX(b->dmax, v) : v;
            b->any = true;
        }
        }
    }
}

/* --- Dictionary ------------------------------------------------------------------------------- */

static hr_status new_table(struct pq_wleaf *leaf, uint32_t size, struct hr_err *err)
{
    hr_free(leaf->table);
    leaf->table = hr_zalloc(sizeof *leaf->table * size);
    leaf->table_mask = size - 1;
    return leaf->table ? HR_OK : HR_OOM(err);
}

/* The bytes of an entry, without a length word. */
static struct hr_str_view entry(const struct pq_wleaf *leaf, uint32_t index)
{
    if (leaf->width) return hr_svn(leaf->dictionary.ptr + (size_t)leaf->width * index, leaf->width);
    uint32_t len;
    const char *at = leaf->dictionary.ptr + leaf->dictionary_at[index];
    memcpy(&len, at, 4);
    return hr_svn(at + 4, len);
}

HR_INLINE uint64_t hash_of(struct hr_str_view v)
{
    uint64_t word = 0;
    if (v.len > 8) return hr_hash_bytes(v.ptr, v.len);
    memcpy(&word, v.ptr, v.len);
    return hr_hash_u64(word + v.len);
}

static hr_status grow_table(struct pq_wleaf *leaf, struct hr_err *err)
{
    HR_TRY(new_table(leaf, leaf->table ? (leaf->table_mask + 1) * 2 : TABLE_MIN, err));
    for (uint32_t i = 0; i < leaf->dictionary_count; i++) {
        uint32_t at = (uint32_t)hash_of(entry(leaf, i)) & leaf->table_mask;
        while (leaf->table[at]) at = (at + 1) & leaf->table_mask;
        leaf->table[at] = i + 1;
    }
    return HR_OK;
}

static hr_status add_entry(struct pq_wleaf *leaf, struct hr_str_view v, struct hr_err *err)
{
    uint32_t n = leaf->dictionary_count++;
    if (leaf->width == 0) {
        if (n == leaf->dictionary_capacity) {
            uint32_t capacity = HR_MAX(leaf->dictionary_capacity * 2, (uint32_t)TABLE_MIN);
            uint32_t *grown = hr_realloc(leaf->dictionary_at, sizeof *grown * capacity);
            if (!grown) return HR_OOM(err);
            leaf->dictionary_at = grown;
            leaf->dictionary_capacity = capacity;
        }
        leaf->dictionary_at[n] = (uint32_t)leaf->dictionary.len;
        hr_buf_put_u32(&leaf->dictionary, (uint32_t)v.len);
    }
    hr_buf_put_sv(&leaf->dictionary, v);
    return hr_buf_status(&leaf->dictionary, err);
}

static hr_status index_of(struct pq_wleaf *leaf, struct hr_str_view v, uint32_t *ret,
                          struct hr_err *err)
{
    if ((leaf->dictionary_count + 1) * 2 > leaf->table_mask) HR_TRY(grow_table(leaf, err));
    uint32_t at = (uint32_t)hash_of(v) & leaf->table_mask;
    for (; leaf->table[at]; at = (at + 1) & leaf->table_mask) {
        struct hr_str_view have = entry(leaf, leaf->table[at] - 1);
        if (have.len != v.len || memcmp(have.ptr, v.ptr, v.len) != 0) continue;
        *ret = leaf->table[at] - 1;
        return HR_OK;
    }
    HR_TRY(add_entry(leaf, v, err));
    leaf->table[at] = leaf->dictionary_count;
    *ret = leaf->dictionary_count - 1;
    return HR_OK;
}

static hr_status add_coded(struct pq_wleaf *leaf, const struct hr_column *col, const uint32_t *rows,
                           uint32_t count, const char *fixed, struct hr_err *err)
{
    size_t have = leaf->page_values;
    if (!pq_room_grow(&leaf->indices, leaf->mem, have * 4, (have + count) * 4)) return HR_OOM(err);
    uint32_t *to = (uint32_t *)(void *)leaf->indices.data + have;
    const struct hr_string *strings = col->values;
    for (uint32_t i = 0; i < count; i++) {
        struct hr_str_view v = leaf->width ? hr_svn(fixed + (size_t)leaf->width * i, leaf->width)
                                           : hr_string_view(&strings[rows[i]]);
        HR_TRY(index_of(leaf, v, &to[i], err));
    }
    return HR_OK;
}

static void add_plain(struct pq_wleaf *leaf, const struct hr_column *col, const uint32_t *rows,
                      uint32_t count, const char *fixed)
{
    if (leaf->physical == PQ_BOOLEAN) {
        for (uint32_t i = 0; i < count; i++, leaf->bit++) {
            if (leaf->bit % 8 == 0) hr_buf_putc(&leaf->plain, 0);
            if (!leaf->plain.failed)
                leaf->plain.ptr[leaf->bit / 8] |= (char)(fixed[i] << leaf->bit % 8);
        }
        return;
    }
    if (leaf->width) {
        hr_buf_append(&leaf->plain, fixed, (size_t)leaf->width * count);
        return;
    }
    const struct hr_string *strings = col->values;
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_string *s = &strings[rows[i]];
        char *to = hr_buf_reserve(&leaf->plain, (size_t)s->len + 4);
        if (!to) return;
        memcpy(to, &s->len, 4);
        memcpy(to + 4, hr_string_ptr(s), s->len);
        leaf->plain.len += (size_t)s->len + 4;
    }
}

/* --- Pages ------------------------------------------------------------------------------------ */

static hr_status put_page(struct pq_wleaf *leaf, struct pq_page_header *head, struct hr_buf *out,
                          struct hr_err *err)
{
    HR_TRY(hr_buf_status(&leaf->body, err));
    hr_buf_clear(&leaf->packed);
    HR_TRY(pq_pack(leaf->options->codec, 0, leaf->body.ptr ? leaf->body.ptr : "", leaf->body.len,
                   &leaf->packed, err));
    head->plain_bytes = (int32_t)leaf->body.len;
    head->packed_bytes = (int32_t)leaf->packed.len;
    head->crc = PQ_NONE;
#if HR_HAVE_ZLIB
    head->crc = (int32_t)crc32(0, (const Bytef *)(leaf->packed.ptr ? leaf->packed.ptr : ""),
                               (uInt)leaf->packed.len);
#endif
    size_t before = out->len;
    pq_thrift_write(&pq_page_header_spec, head, out);
    leaf->plain_bytes += (int64_t)(out->len - before) + head->plain_bytes;
    hr_buf_append(out, leaf->packed.ptr, leaf->packed.len);
    return hr_buf_status(out, err);
}

static void put_level_run(struct pq_wleaf *leaf, const struct pq_room *levels, uint8_t max)
{
    if (max == 0) return;
    size_t at = leaf->body.len;
    hr_buf_put_u32(&leaf->body, 0);
    pq_put_levels(&leaf->body, (const uint8_t *)levels->data, leaf->entries, bits_of(max));
    if (leaf->body.failed) return;
    uint32_t size = (uint32_t)(leaf->body.len - at - 4);
    memcpy(leaf->body.ptr + at, &size, 4);
}

/* Has the dictionary saved a fifth of the first page? Else its values become plain. */
static void judge(struct pq_wleaf *leaf)
{
    const uint32_t *indices = (const uint32_t *)(const void *)leaf->indices.data;
    size_t plain = 0, width = leaf->width ? leaf->width : 4;
    if (leaf->was_coded || !leaf->page_values) return;
    for (uint32_t i = 0; i < leaf->page_values; i++)
        plain += width + (leaf->width ? 0 : entry(leaf, indices[i]).len);
    size_t coded =
        leaf->dictionary.len + (size_t)leaf->page_values * bits_of(leaf->dictionary_count) / 8;
    if (coded * 5 <= plain * 4) return;
    for (uint32_t i = 0; i < leaf->page_values; i++) {
        struct hr_str_view v = entry(leaf, indices[i]);
        if (!leaf->width) hr_buf_put_u32(&leaf->plain, (uint32_t)v.len);
        hr_buf_put_sv(&leaf->plain, v);
    }
    leaf->coded = false;
}

hr_status pq_wleaf_flush(struct pq_wleaf *leaf, struct hr_err *err)
{
    struct pq_data_header data = {(int32_t)leaf->entries, PQ_E_PLAIN, PQ_E_RLE, PQ_E_RLE};
    struct pq_page_header head = {.type = PQ_PAGE_DATA, .data = &data};
    if (leaf->entries == 0) return HR_OK;
    if (leaf->coded) judge(leaf);
    hr_buf_clear(&leaf->body);
    put_level_run(leaf, &leaf->reps, leaf->max_rep);
    put_level_run(leaf, &leaf->defs, leaf->max_def);
    if (leaf->coded && leaf->page_values) { /* PyArrow refuses a dictionary without values */
        /* nor indices of 0 bits */
        uint32_t width = HR_MAX(bits_of(leaf->dictionary_count - 1), 1u);
        data.encoding = PQ_E_PLAIN_DICTIONARY;
        hr_buf_put_u8(&leaf->body, (uint8_t)width);
        pq_put_indices(&leaf->body, (const uint32_t *)(const void *)leaf->indices.data,
                       leaf->page_values, width);
        leaf->was_coded = true;
    } else {
        hr_buf_append(&leaf->body, leaf->plain.ptr, leaf->plain.len);
        leaf->was_plain = true;
        HR_TRY(hr_buf_status(&leaf->plain, err));
    }
    HR_TRY(put_page(leaf, &head, &leaf->pages, err));
    if (leaf->coded && (int64_t)leaf->dictionary.len > leaf->options->dictionary_bytes)
        leaf->coded = false; /* the next pages */
    leaf->entries = leaf->page_values = leaf->page_rows = leaf->bit = 0;
    hr_buf_clear(&leaf->plain);
    return HR_OK;
}

static hr_status add_levels(struct pq_wleaf *leaf, struct pq_room *room, const uint8_t *levels,
                            uint32_t count, struct hr_err *err)
{
    size_t have = leaf->entries;
    if (!pq_room_grow(room, leaf->mem, have, have + count)) return HR_OOM(err);
    memcpy(room->data + have, levels, count);
    return HR_OK;
}

hr_status pq_wleaf_add(struct pq_wleaf *leaf, const uint8_t *reps, const uint8_t *defs,
                       uint32_t entries, const struct hr_column *col, const uint32_t *rows,
                       uint32_t count, uint32_t row_count, struct hr_err *err)
{
    uint32_t width = leaf->width ? leaf->width : 1;
    bool is_fixed = leaf->width || leaf->physical == PQ_BOOLEAN;
    if (leaf->max_rep) HR_TRY(add_levels(leaf, &leaf->reps, reps, entries, err));
    if (leaf->max_def) HR_TRY(add_levels(leaf, &leaf->defs, defs, entries, err));
    if (!pq_room_grow(&leaf->scratch, leaf->mem, 0, (size_t)width * count + 1)) return HR_OOM(err);
    if (leaf->value_count == 0)
        leaf->coded = leaf->options->dictionary && leaf->physical != PQ_BOOLEAN;
    if (count && is_fixed) gather(leaf, col, rows, count, leaf->scratch.data);
    if (count) bound(leaf, col, rows, count, leaf->scratch.data);
    if (count && leaf->coded)
        HR_TRY(add_coded(leaf, col, rows, count, leaf->scratch.data, err));
    else if (count)
        add_plain(leaf, col, rows, count, leaf->scratch.data);
    leaf->entries += entries;
    leaf->page_values += count;
    leaf->page_rows += row_count;
    leaf->value_count += entries;
    leaf->null_count += entries - count;
    size_t bytes = leaf->coded ? leaf->page_values * 4 : leaf->plain.len;
    bool full = (int64_t)bytes >= leaf->options->page_bytes ||
                leaf->page_rows >= leaf->options->page_rows ||
                (leaf->coded && (int64_t)leaf->dictionary.len > leaf->options->dictionary_bytes);
    return full ? pq_wleaf_flush(leaf, err) : HR_OK;
}

/* --- The chunk -------------------------------------------------------------------------------- */

static struct hr_str_view bytes_of(struct hr_arena *arena, const void *data, size_t size)
{
    return hr_svn(hr_arena_memdup(arena, data, size), size);
}

static void put_bounds(const struct pq_wleaf *leaf, struct hr_arena *arena,
                       struct pq_statistics *to)
{
    const struct pq_bounds *b = &leaf->bounds;
    double fmin = b->fmin == 0 ? -0.0 : b->fmin, fmax = b->fmax == 0 ? 0.0 : b->fmax;
    float smin = (float)fmin, smax = (float)fmax;
    uint8_t dmin[16], dmax[16];
    if (!b->any || b->too_long) return;
    switch (leaf->physical) {
    case PQ_FLOAT:
        to->min = bytes_of(arena, &smin, 4);
        to->max = bytes_of(arena, &smax, 4);
        return;
    case PQ_DOUBLE:
        to->min = bytes_of(arena, &fmin, 8);
        to->max = bytes_of(arena, &fmax, 8);
        return;
    case PQ_BYTE_ARRAY:
        to->min = bytes_of(arena, b->smin.ptr ? b->smin.ptr : "", b->smin.len);
        to->max = bytes_of(arena, b->smax.ptr ? b->smax.ptr : "", b->smax.len);
        return;
    case PQ_FIXED:
        big_endian(b->dmin, dmin, leaf->width);
        big_endian(b->dmax, dmax, leaf->width);
        to->min = bytes_of(arena, dmin, leaf->width);
        to->max = bytes_of(arena, dmax, leaf->width);
        return;
    default: /* little-endian */
        to->min = bytes_of(arena, &b->min, leaf->width ? leaf->width : 1);
        to->max = bytes_of(arena, &b->max, leaf->width ? leaf->width : 1);
    }
}

static hr_status put_dictionary(struct pq_wleaf *leaf, struct hr_buf *out, struct hr_err *err)
{
    struct pq_dictionary_header h = {(int32_t)leaf->dictionary_count, PQ_E_PLAIN_DICTIONARY};
    struct pq_page_header head = {.type = PQ_PAGE_DICTIONARY, .dictionary = &h};
    hr_buf_clear(&leaf->body);
    hr_buf_append(&leaf->body, leaf->dictionary.ptr, leaf->dictionary.len);
    return put_page(leaf, &head, out, err);
}

static void clear_chunk(struct pq_wleaf *leaf)
{
    hr_buf_clear(&leaf->pages);
    hr_buf_clear(&leaf->dictionary);
    leaf->value_count = leaf->null_count = leaf->plain_bytes = 0;
    leaf->was_coded = leaf->was_plain = false;
    leaf->dictionary_count = 0;
    if (leaf->table) memset(leaf->table, 0, sizeof *leaf->table * ((size_t)leaf->table_mask + 1));
    leaf->bounds.any = leaf->bounds.too_long = false;
}

hr_status pq_wleaf_end(struct pq_wleaf *leaf, int64_t offset, struct hr_arena *arena,
                       struct hr_buf *out, struct pq_chunk *ret, struct hr_err *err)
{
    HR_TRY(pq_wleaf_flush(leaf, err));
    struct pq_column_meta *meta = HR_NEW(arena, struct pq_column_meta);
    struct pq_statistics *statistics = HR_NEW(arena, struct pq_statistics);
    int32_t *encodings = HR_NEW_ARRAY(arena, int32_t, 3);
    if (!meta || !statistics || !encodings) return HR_OOM(err);
    size_t start = out->len;
    meta->dictionary_offset = PQ_NONE64;
    if (leaf->was_coded) {
        meta->dictionary_offset = offset;
        HR_TRY(put_dictionary(leaf, out, err));
    }
    meta->data_offset = offset + (int64_t)(out->len - start);
    hr_buf_append(out, leaf->pages.ptr, leaf->pages.len);
    HR_TRY(hr_buf_status(out, err));
    meta->type = (int32_t)leaf->physical;
    meta->encodings.items = encodings;
    encodings[meta->encodings.count++] = PQ_E_RLE;
    if (leaf->was_plain) encodings[meta->encodings.count++] = PQ_E_PLAIN;
    if (leaf->was_coded) encodings[meta->encodings.count++] = PQ_E_PLAIN_DICTIONARY;
    meta->path.items = leaf->path.items;
    meta->path.count = leaf->path.count;
    meta->codec = leaf->options->codec;
    meta->value_count = leaf->value_count;
    meta->plain_bytes = leaf->plain_bytes;
    meta->packed_bytes = (int64_t)(out->len - start);
    statistics->null_count = leaf->null_count;
    statistics->max_exact = statistics->min_exact = PQ_NONE;
    put_bounds(leaf, arena, statistics);
    meta->statistics = statistics;
    *ret = (struct pq_chunk){.file_offset = 0, .meta = meta};
    clear_chunk(leaf);
    return HR_OK;
}

size_t pq_wleaf_bytes(const struct pq_wleaf *leaf)
{
    return leaf->pages.len + leaf->dictionary.len + leaf->plain.len +
           (leaf->coded ? leaf->page_values * 4 : 0) + (leaf->max_def > 0) * leaf->entries +
           (leaf->max_rep > 0) * leaf->entries;
}

void pq_wleaf_done(struct pq_wleaf *leaf)
{
    struct hr_buf *bufs[] = {&leaf->pages,  &leaf->dictionary,  &leaf->plain,      &leaf->body,
                             &leaf->packed, &leaf->bounds.smin, &leaf->bounds.smax};
    struct pq_room *rooms[] = {&leaf->reps, &leaf->defs, &leaf->indices, &leaf->scratch};
    for (size_t i = 0; i < HR_COUNT(bufs); i++) hr_buf_done(bufs[i]);
    for (size_t i = 0; i < HR_COUNT(rooms); i++) pq_room_done(rooms[i], leaf->mem);
    hr_free(leaf->table);
    hr_free(leaf->dictionary_at);
}
