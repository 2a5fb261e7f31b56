/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leaf's chunk in a row group: its bytes are read in windows, its pages unpacked. Values that are
 * text point into the window or the unpacked page, so a batch holds what it reads from.
 */
#include "base/utf8.h"
#include "format/parquet/codec.h"
#include "format/parquet/parquet.h"
#include "hr_config.h"
#if HR_HAVE_ZLIB
#include <zlib.h>
#endif

#define HEAD_BYTES    256 /* most page heads; longer ones are read on */
#define HEAD_MAX      (16 << 20)
#define PAGE_MAX      (1 << 30) /* unpacked */
#define EXPANSION_MAX 4096      /* unpacked bytes of a packed one */

/* --- Bytes ------------------------------------------------------------------------------------ */

/* Does nobody else look at it, and are bytes no more than it has? */
static bool usable(struct hr_buffer *buffer, size_t bytes)
{
    return buffer && buffer->size >= bytes && atomic_load(&buffer->refs) == 1;
}

/* The size bytes at pos, in the window. Only within the chunk. */
static hr_status window_at(struct pq_leaf *leaf, int64_t pos, size_t size, const char **ret,
                           struct hr_err *err)
{
    assert(pos >= 0 && (int64_t)size <= leaf->end - pos);
    int64_t window_end = leaf->window_pos + (int64_t)leaf->window_size;
    if (!leaf->window || pos < leaf->window_pos || pos + (int64_t)size > window_end) {
        size_t bytes = (size_t)HR_MIN(leaf->end - pos, (int64_t)HR_MAX(size, leaf->window_bytes));
        if (!usable(leaf->window, bytes)) {
            hr_buffer_unref(leaf->window);
            leaf->window = pq_buffer_new(leaf->pq->mem, bytes);
        }
        if (!leaf->window) return HR_OOM(err);
        leaf->window_size = 0;
        HR_TRY(pq_read_at(leaf->pq, pos, leaf->window->data, bytes, err));
        leaf->window_pos = pos;
        leaf->window_size = bytes;
    }
    *ret = leaf->window->data + (pos - leaf->window_pos);
    return HR_OK;
}

static hr_status bad_page(struct pq_leaf *leaf, const char *why, struct hr_err *err)
{
    return pq_damaged(leaf->pq, err, "column %s: %s near byte %lld", leaf->node->name, why,
                      (long long)leaf->pos);
}

/* The head of the next page; leaf->pos is behind it. */
static hr_status read_head(struct pq_leaf *leaf, struct hr_arena *arena, struct pq_page_header *ret,
                           struct hr_err *err)
{
    for (int64_t size = HEAD_BYTES;; size *= 8) {
        const char *data;
        int64_t n = HR_MIN(size, leaf->end - leaf->pos);
        HR_TRY(window_at(leaf, leaf->pos, (size_t)n, &data, err));
        struct pq_thrift t = {
            .pos = (const uint8_t *)data, .end = (const uint8_t *)data + n, .arena = arena};
        if (pq_thrift_read(&t, &pq_page_header_spec, ret)) {
            leaf->pos += (const char *)t.pos - data;
            break;
        }
        if (t.no_memory) return HR_OOM(err);
        if (!t.cut || n == leaf->end - leaf->pos || n >= HEAD_MAX)
            return bad_page(leaf, "no page begins", err);
        hr_arena_reset(arena);
    }
    if (ret->packed_bytes < 0 || ret->plain_bytes < 0 || ret->packed_bytes > leaf->end - leaf->pos)
        return bad_page(leaf, "a page is longer than its column", err);
    if (ret->plain_bytes > PAGE_MAX ||
        ret->plain_bytes > (int64_t)ret->packed_bytes * EXPANSION_MAX + (1 << 20))
        return bad_page(leaf, "a page would become too long", err);
    return HR_OK;
}

static bool sum_is_right(const struct pq_page_header *head, const char *data)
{
#if HR_HAVE_ZLIB
    if (head->crc != PQ_NONE)
        return (uint32_t)crc32(0, (const Bytef *)data, (uInt)head->packed_bytes) ==
               (uint32_t)head->crc;
#endif
    HR_UNUSED(head);
    HR_UNUSED(data);
    return true;
}

/* The page's bytes, of which the first levels are stored as they are. Gives a reference. */
static hr_status read_body(struct pq_leaf *leaf, const struct pq_page_header *head, size_t levels,
                           bool packed, struct hr_buffer **ret, const char **ret_data,
                           struct hr_err *err)
{
    const char *data;
    size_t size = (size_t)head->packed_bytes, plain = (size_t)head->plain_bytes;
    if (levels > size || levels > plain)
        return bad_page(leaf, "levels are longer than a page", err);
    HR_TRY(window_at(leaf, leaf->pos, size, &data, err));
    if (!sum_is_right(head, data)) return bad_page(leaf, "a page's checksum is wrong", err);
    if (!packed || leaf->meta->codec == PQ_CODEC_NONE) {
        if (size != plain) return bad_page(leaf, "a page has two sizes", err);
        *ret = leaf->window ? hr_buffer_ref(leaf->window) : NULL;
        *ret_data = data;
    } else {
        struct hr_buffer *page = leaf->spare;
        leaf->spare = NULL;
        if (!usable(page, plain)) {
            hr_buffer_unref(page);
            page = pq_buffer_new(leaf->pq->mem, plain);
        }
        if (!page) return HR_OOM(err);
        memcpy(page->data, data, levels);
        /* What is empty may have been packed to nothing. */
        if (plain > levels && !pq_unpack(leaf->meta->codec, data + levels, size - levels,
                                         page->data + levels, plain - levels)) {
            hr_buffer_unref(page);
            return bad_page(leaf, "a page cannot be unpacked", err);
        }
        *ret = page;
        *ret_data = page->data;
    }
    leaf->pos += head->packed_bytes;
    return HR_OK;
}

/* --- Text ------------------------------------------------------------------------------------- */

static bool is_ascii(const char *data, size_t size)
{
    uint64_t all = 0, word;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, data + i, 8);
        all |= word;
    }
    for (; i < size; i++) all |= (uint8_t)data[i];
    return !(all & UINT64_C(0x8080808080808080));
}

static bool are_utf8(const struct hr_string *strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!hr_utf8_valid(hr_string_ptr(&strings[i]), strings[i].len)) return false;
    return true;
}

static hr_status not_text(struct pq_leaf *leaf, struct hr_err *err)
{
    return bad_page(leaf, "a text is no UTF-8 (declare the column BINARY to read it)", err);
}

/* --- Dictionary ------------------------------------------------------------------------------- */

bool pq_room_grow(struct pq_room *room, struct hr_mem *mem, size_t kept, size_t bytes)
{
    if (bytes <= room->capacity) return true;
    bytes = HR_MAX(bytes, room->capacity * 2);
    if (!hr_mem_take(mem, (int64_t)bytes)) return false;
    char *grown = hr_alloc_aligned(bytes + 64);
    if (!grown) {
        hr_mem_release(mem, (int64_t)bytes);
        return false;
    }
    if (kept) memcpy(grown, room->data, kept);
    pq_room_done(room, mem);
    *room = (struct pq_room){grown, bytes};
    return true;
}

void pq_room_done(struct pq_room *room, struct hr_mem *mem)
{
    if (!room->data) return;
    hr_mem_release(mem, (int64_t)room->capacity);
    hr_free(room->data);
    *room = (struct pq_room){0};
}

/* count values of values, converted. *ret_text: a buffer that text was put into, or NULL. */
static hr_status read_values(struct pq_leaf *leaf, struct pq_values *values, void *to,
                             uint32_t count, struct hr_arena *arena, struct hr_buffer **ret_text,
                             struct hr_err *err)
{
    struct pq_convert c = leaf->convert;
    bool no_memory;
    *ret_text = NULL;
    if (c.fn && !pq_room_grow(&leaf->scratch, leaf->pq->mem, 0, (size_t)c.from_width * count))
        return HR_OOM(err);
    if (!pq_values_read(values, c.fn ? leaf->scratch.data : to, count, arena, &no_memory))
        return no_memory ? HR_OOM(err) : bad_page(leaf, "values are damaged", err);
    if (!c.fn) return HR_OK;
    if (c.text) {
        if (!(*ret_text = pq_buffer_new(leaf->pq->mem, (size_t)c.text * count))) return HR_OOM(err);
        c.text_at = (*ret_text)->data;
    }
    if (c.fn(&c, leaf->scratch.data, to, count)) return HR_OK;
    hr_buffer_unref(*ret_text);
    *ret_text = NULL;
    return bad_page(leaf, "a value does not fit its type", err);
}

static hr_status read_dictionary(struct pq_leaf *leaf, const struct pq_page_header *head,
                                 struct hr_err *err)
{
    const char *data;
    struct pq_values values;
    if (!head->dictionary || head->dictionary->value_count < 0 || leaf->dictionary)
        return bad_page(leaf, "a dictionary is not where it should be", err);
    if (head->dictionary->encoding != PQ_E_PLAIN &&
        head->dictionary->encoding != PQ_E_PLAIN_DICTIONARY)
        return bad_page(leaf, "a dictionary has no plain values", err);
    uint32_t count = (uint32_t)head->dictionary->value_count;
    uint32_t least = leaf->node->element->type == PQ_BYTE_ARRAY ? 4 : leaf->convert.from_width;
    HR_TRY(read_body(leaf, head, 0, true, &leaf->dictionary_bytes, &data, err));
    size_t size = (size_t)head->plain_bytes;
    if (leaf->levels_only) return HR_OK;
    if (leaf->node->element->type == PQ_BOOLEAN || (uint64_t)count * least > size)
        return bad_page(leaf, "a dictionary is too short", err);
    leaf->dictionary = pq_buffer_new(leaf->pq->mem, (size_t)leaf->convert.to_width * count);
    if (!leaf->dictionary) return HR_OOM(err);
    leaf->dictionary_count = count;
    pq_values_open(&values, PQ_E_PLAIN, (enum pq_physical)leaf->node->element->type,
                   leaf->convert.length, data, size, count);
    HR_TRY(read_values(leaf, &values, leaf->dictionary->data, count, NULL, &leaf->dictionary_text,
                       err));
    if (leaf->check_utf8 && !is_ascii(data, size) &&
        !are_utf8((const struct hr_string *)(const void *)leaf->dictionary->data, count))
        return not_text(leaf, err);
    return HR_OK;
}

/* --- Pages ------------------------------------------------------------------------------------ */

static uint32_t bits_of(uint8_t max)
{
    return max ? 32 - (uint32_t)__builtin_clz(max) : 0;
}

/* A length word and levels; data goes behind them. */
static hr_status levels_v1(struct pq_leaf *leaf, uint8_t max, int32_t encoding, const char **data,
                           const char *end, struct pq_rle *ret, struct hr_err *err)
{
    uint32_t size;
    *ret = pq_rle(NULL, 0, 0);
    if (max == 0) return HR_OK;
    if (encoding != PQ_E_RLE)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: levels of the encoding BIT_PACKED",
                       leaf->pq->file->path);
    if (end - *data < 4) return bad_page(leaf, "levels are cut off", err);
    memcpy(&size, *data, 4);
    *data += 4;
    if (size > (size_t)(end - *data)) return bad_page(leaf, "levels are cut off", err);
    *ret = pq_rle(*data, size, bits_of(max));
    *data += size;
    return HR_OK;
}

static hr_status open_values(struct pq_leaf *leaf, int32_t encoding, const char *data,
                             const char *end, struct hr_err *err)
{
    const struct pq_element *e = leaf->node->element;
    size_t size = (size_t)(end - data);
    if (leaf->levels_only) return HR_OK;
    bool coded = encoding == PQ_E_RLE_DICTIONARY || encoding == PQ_E_PLAIN_DICTIONARY;
    if (coded && !leaf->dictionary && size)
        return bad_page(leaf, "a page wants a dictionary that is not there", err);
    /* How many there are the definition levels say: no more than levels, 0 is always fine. */
    if (!pq_values_open(&leaf->values, encoding, (enum pq_physical)e->type, leaf->convert.length,
                        data, size, 0))
        return bad_page(leaf, "a page has an encoding that is damaged or unknown", err);
    leaf->values.last_text = &leaf->last_text;
    leaf->check_utf8 = leaf->is_text && !coded && !is_ascii(data, size);
    return HR_OK;
}

static hr_status page_v1(struct pq_leaf *leaf, const struct pq_page_header *head,
                         struct hr_err *err)
{
    const struct pq_data_header *h = head->data;
    const char *data, *end;
    if (!h || h->value_count < 0) return bad_page(leaf, "a page has no head", err);
    HR_TRY(read_body(leaf, head, 0, true, &leaf->page, &data, err));
    end = data + head->plain_bytes;
    HR_TRY(levels_v1(leaf, leaf->node->rep, h->rep_encoding, &data, end, &leaf->rep, err));
    HR_TRY(levels_v1(leaf, leaf->node->def, h->def_encoding, &data, end, &leaf->def, err));
    leaf->page_left = (uint32_t)h->value_count;
    return open_values(leaf, h->encoding, data, end, err);
}

static hr_status page_v2(struct pq_leaf *leaf, const struct pq_page_header *head,
                         struct hr_err *err)
{
    const struct pq_data_v2_header *h = head->data_v2;
    const char *data;
    if (!h || h->value_count < 0 || h->rep_bytes < 0 || h->def_bytes < 0)
        return bad_page(leaf, "a page has no head", err);
    size_t levels = (size_t)h->rep_bytes + (size_t)h->def_bytes;
    HR_TRY(read_body(leaf, head, levels, h->packed != 0, &leaf->page, &data, err));
    leaf->rep = pq_rle(data, (size_t)h->rep_bytes, bits_of(leaf->node->rep));
    leaf->def = pq_rle(data + h->rep_bytes, (size_t)h->def_bytes, bits_of(leaf->node->def));
    leaf->page_left = (uint32_t)h->value_count;
    return open_values(leaf, h->encoding, data + levels, data + head->plain_bytes, err);
}

static hr_status next_page(struct pq_leaf *leaf, struct hr_arena *arena, struct hr_err *err)
{
    struct pq_page_header head;
    if (leaf->pos >= leaf->end) return bad_page(leaf, "its pages have too few values", err);
    HR_TRY(read_head(leaf, arena, &head, err));
    hr_buffer_unref(leaf->spare);
    leaf->spare = leaf->page != leaf->window ? leaf->page : NULL;
    if (!leaf->spare) hr_buffer_unref(leaf->page);
    leaf->page = NULL;
    leaf->page_left = 0;
    leaf->held = false;
    switch (head.type) {
    case PQ_PAGE_DATA: HR_TRY(page_v1(leaf, &head, err)); break;
    case PQ_PAGE_DATA_V2: HR_TRY(page_v2(leaf, &head, err)); break;
    case PQ_PAGE_DICTIONARY: {
        leaf->check_utf8 = leaf->is_text;
        return read_dictionary(leaf, &head, err);
    }
    default: leaf->pos += head.packed_bytes; return HR_OK;
    }
    if (leaf->page_left > leaf->entries_left)
        return bad_page(leaf, "its pages have too many values", err);
    leaf->entries_left -= leaf->page_left;
    return HR_OK;
}

hr_status pq_leaf_page(struct pq_leaf *leaf, struct hr_err *err)
{
    struct hr_arena arena;
    hr_status status = HR_OK;
    hr_arena_init(&arena, leaf->pq->mem);
    while (!status && leaf->page_left == 0) {
        status = next_page(leaf, &arena, err);
        hr_arena_reset(&arena);
    }
    hr_arena_done(&arena);
    return status;
}

static void drop_chunk(struct pq_leaf *leaf)
{
    hr_buffer_unref(leaf->window);
    hr_buffer_unref(leaf->page);
    hr_buffer_unref(leaf->spare);
    hr_buffer_unref(leaf->dictionary);
    hr_buffer_unref(leaf->dictionary_bytes);
    hr_buffer_unref(leaf->dictionary_text);
    leaf->window = leaf->page = leaf->spare = NULL;
    leaf->dictionary = leaf->dictionary_bytes = leaf->dictionary_text = NULL;
}

hr_status pq_leaf_begin(struct pq_leaf *leaf, const struct pq_row_group *group, struct hr_err *err)
{
    const struct pq_chunk *chunk = &group->columns.items[leaf->number];
    drop_chunk(leaf);
    if (chunk->crypto || !chunk->meta)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "reading encrypted Parquet columns");
    const struct pq_column_meta *meta = leaf->meta = chunk->meta;
    hr_status status = pq_codec_open(meta->codec, err);
    if (status) {
        hr_err_prefix(err, "%s: column %s", leaf->pq->file->path, leaf->node->name);
        return status;
    }
    leaf->pos = meta->dictionary_offset != PQ_NONE64 ? meta->dictionary_offset : meta->data_offset;
    leaf->end = leaf->pos + meta->packed_bytes;
    leaf->entries_left = meta->value_count;
    leaf->page_left = leaf->ahead_at = leaf->ahead_count = leaf->dictionary_count = 0;
    return HR_OK;
}

void pq_leaf_done(struct pq_leaf *leaf)
{
    drop_chunk(leaf);
    pq_room_done(&leaf->scratch, leaf->pq->mem);
    pq_room_done(&leaf->levels, leaf->pq->mem);
    pq_room_done(&leaf->dense, leaf->pq->mem);
    hr_buf_done(&leaf->last_text);
    hr_free(leaf->ahead_rep);
    hr_free(leaf->indices);
}

/* --- Values of a page ------------------------------------------------------------------------- */

HR_INLINE void pick(const char *from, const uint32_t *indices, char *to, uint32_t count, size_t w)
{
    for (uint32_t i = 0; i < count; i++) memcpy(to + i * w, from + indices[i] * w, w);
}

static hr_status from_dictionary(struct pq_leaf *leaf, char *to, uint32_t count, struct hr_err *err)
{
    uint32_t width = leaf->convert.to_width, most = 0;
    const char *from = leaf->dictionary->data;
    for (uint32_t n; count; count -= n, to += (size_t)n * width) {
        uint32_t *indices = leaf->indices;
        n = HR_MIN(count, (uint32_t)HR_BATCH_ROWS);
        if (!pq_rle_read(&leaf->values.rle, indices, n))
            return bad_page(leaf, "values are damaged", err);
        for (uint32_t i = 0; i < n; i++) most = HR_MAX(most, indices[i]);
        if (most >= leaf->dictionary_count)
            return bad_page(leaf, "a value is not in the dictionary", err);
        switch (width) {
        case 1: pick(from, indices, to, n, 1); break;
        case 2: pick(from, indices, to, n, 2); break;
        case 4: pick(from, indices, to, n, 4); break;
        case 8: pick(from, indices, to, n, 8); break;
        default: assert(width == 16); pick(from, indices, to, n, 16);
        }
    }
    return HR_OK;
}

static hr_status hold(struct hr_batch *batch, struct hr_buffer *buffer, struct hr_err *err)
{
    return !buffer || hr_batch_hold_buffer(batch, buffer) ? HR_OK : HR_OOM(err);
}

hr_status pq_leaf_values(struct pq_leaf *leaf, void *to, uint32_t count, struct hr_batch *batch,
                         struct hr_err *err)
{
    struct hr_buffer *text;
    bool strings = leaf->convert.to_width == sizeof(struct hr_string) && leaf->is_view;
    if (count == 0) return HR_OK;
    if (leaf->values.encoding == PQ_E_RLE_DICTIONARY) {
        if (!leaf->dictionary) return bad_page(leaf, "values are missing", err);
        HR_TRY(from_dictionary(leaf, to, count, err));
        if (!strings || leaf->held) return HR_OK;
        leaf->held = true;
        HR_TRY(hold(batch, leaf->dictionary_bytes, err));
        return hold(batch, leaf->dictionary_text, err);
    }
    HR_TRY(read_values(leaf, &leaf->values, to, count, &batch->arena, &text, err));
    hr_status status = hold(batch, text, err);
    hr_buffer_unref(text);
    HR_TRY(status);
    if (leaf->check_utf8 && !are_utf8(to, count)) return not_text(leaf, err);
    if (!strings || leaf->held) return HR_OK;
    leaf->held = true;
    return hold(batch, leaf->page, err);
}
