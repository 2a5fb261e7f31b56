/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches as bytes, for blocks on disk and between processes. Per batch:
 *
 *   u32 length of the body │ u32 CRC32C of the body │ body
 *   body: u32 rows │ u8 has weights [int32 × rows] │ columns
 *   column: u8 has validity [words] │ values (bits, fixed width, offsets, or u32 lengths and then
 *           the bytes of strings) │ children, each with u32 rows first
 *
 * The schema is known to both sides. Batches are compacted first, so all rows are live.
 */
#include "column/batch_bytes.h"

#include "base/hash.h"

/* --- Sizes ------------------------------------------------------------------------------------ */

static int64_t column_bytes(const struct hr_column *col)
{
    const struct hr_type *type = col->type;
    int64_t rows = col->length, bytes = col->validity ? rows / 8 : 0;
    if (type->id == HR_T_BOOLEAN) bytes += rows / 8;
    if (hr_type_is_string(type)) {
        const struct hr_string *s = col->values;
        bytes += rows * (int64_t)sizeof *s;
        for (int64_t i = 0; i < rows; i++) bytes += s[i].len > HR_STRING_INLINE ? s[i].len : 0;
    } else {
        bytes += rows * (int64_t)hr_type_width(type);
    }
    if (type->id == HR_T_ARRAY || type->id == HR_T_MAP) bytes += rows * 4;
    for (uint32_t i = 0; i < type->field_count && col->children; i++)
        bytes += column_bytes(&col->children[i]);
    return bytes;
}

int64_t hr_batch_bytes(const struct hr_batch *batch)
{
    int64_t bytes = sizeof *batch;
    for (uint32_t i = 0; i < batch->schema->field_count; i++)
        bytes += column_bytes(&batch->columns[i]);
    return bytes;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Strings of NULL rows are empty by contract. */
static void put_strings(struct hr_buf *buf, const struct hr_column *col)
{
    const struct hr_string *s = col->values;
    for (uint32_t i = 0; i < col->length; i++)
        hr_buf_put_u32(buf, hr_column_valid(col, i) ? s[i].len : 0);
    for (uint32_t i = 0; i < col->length; i++)
        if (s[i].len && hr_column_valid(col, i)) hr_buf_append(buf, hr_string_ptr(&s[i]), s[i].len);
}

static void put_column(struct hr_buf *buf, const struct hr_column *col)
{
    const struct hr_type *type = col->type;
    hr_buf_put_u32(buf, col->length);
    hr_buf_put_u8(buf, col->validity != NULL);
    if (col->validity) hr_buf_append(buf, col->validity, hr_bit_words(col->length) * 8);
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: break;
    case HR_T_BOOLEAN: hr_buf_append(buf, col->values, hr_bit_words(col->length) * 8); break;
    case HR_T_STRING:
    case HR_T_BINARY: put_strings(buf, col); break;
    case HR_T_ARRAY:
    case HR_T_MAP: hr_buf_append(buf, col->values, ((size_t)col->length + 1) * 4); break;
    default: hr_buf_append(buf, col->values, (size_t)col->length * hr_type_width(type));
    }
    for (uint32_t i = 0; i < type->field_count; i++) put_column(buf, &col->children[i]);
}

hr_status hr_batch_file_append(struct hr_buf *buf, const struct hr_batch *batch, struct hr_err *err)
{
    struct hr_batch *compact = hr_batch_compact((struct hr_batch *)(uintptr_t)batch, false);
    if (!compact) return HR_OOM(err);
    size_t at = buf->len;
    hr_buf_put_u64(buf, 0);
    hr_buf_put_u32(buf, compact->row_count);
    hr_buf_put_u8(buf, compact->weights != NULL);
    if (compact->weights)
        hr_buf_append(buf, compact->weights, (size_t)compact->row_count * sizeof(int32_t));
    for (uint32_t i = 0; i < compact->schema->field_count; i++)
        put_column(buf, &compact->columns[i]);
    hr_batch_unref(compact);
    HR_TRY(hr_buf_status(buf, err));
    size_t body = buf->len - at - 8;
    if (body > UINT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "a block's batch", "limit", "4 GiB");
    uint32_t head[2] = {(uint32_t)body, hr_crc32c(0, buf->ptr + at + 8, body)};
    memcpy(buf->ptr + at, head, sizeof head);
    return HR_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static hr_status damaged(struct hr_err *err)
{
    return HR_RAISE(err, HR_E_IO, "what", "a block file", "why", "it is damaged");
}

static hr_status get_raw(struct hr_reader *r, void *to, size_t size, struct hr_err *err)
{
    if (r->failed || size > (size_t)(r->end - r->pos)) return damaged(err);
    memcpy(to, r->pos, size);
    r->pos += size;
    return HR_OK;
}

static hr_status get_strings(struct hr_reader *r, struct hr_arena *arena, struct hr_column *col,
                             struct hr_err *err)
{
    struct hr_string *s = (struct hr_string *)(uintptr_t)col->values;
    struct hr_reader lengths = *r;
    size_t total = 0, head = (size_t)col->length * 4;
    if (head > (size_t)(r->end - r->pos)) return damaged(err);
    for (uint32_t i = 0; i < col->length; i++) total += hr_get_u32(&lengths);
    if (total > (size_t)(lengths.end - lengths.pos)) return damaged(err);
    const char *bytes = hr_arena_memdup(arena, lengths.pos, HR_MAX(total, 1));
    if (!bytes) return HR_OOM(err);
    for (uint32_t i = 0; i < col->length; i++) {
        uint32_t len = hr_get_u32(r);
        s[i] = hr_string_make(bytes, len);
        bytes += len;
    }
    r->pos = lengths.pos + total;
    return HR_OK;
}

/* The least that a column of so many rows takes: what is not there must not be asked memory for. */
static size_t least_bytes(const struct hr_type *type, size_t length, bool has_validity)
{
    size_t words = hr_bit_words((uint32_t)length) * 8, bytes = has_validity ? words : 0;
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: return bytes;
    case HR_T_BOOLEAN: return bytes + words;
    case HR_T_STRING:
    case HR_T_BINARY: return bytes + length * 4;
    case HR_T_ARRAY:
    case HR_T_MAP: return bytes + (length + 1) * 4;
    default: return bytes + length * hr_type_width(type);
    }
}

static hr_status get_column(struct hr_reader *r, const struct hr_type *type, struct hr_arena *arena,
                            struct hr_column *ret, struct hr_err *err)
{
    uint32_t length = hr_get_u32(r);
    bool has_validity = hr_get_u8(r) != 0;
    if (r->failed || least_bytes(type, length, has_validity) > (size_t)(r->end - r->pos))
        return damaged(err);
    struct hr_column col;
    HR_TRY(hr_column_alloc(arena, type, length, has_validity, &col, err));
    size_t words = hr_bit_words(length) * 8;
    if (has_validity) HR_TRY(get_raw(r, (void *)(uintptr_t)col.validity, words, err));
    void *values = (void *)(uintptr_t)col.values;
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: break;
    case HR_T_BOOLEAN: HR_TRY(get_raw(r, values, words, err)); break;
    case HR_T_STRING:
    case HR_T_BINARY: HR_TRY(get_strings(r, arena, &col, err)); break;
    case HR_T_ARRAY:
    case HR_T_MAP: HR_TRY(get_raw(r, values, ((size_t)length + 1) * 4, err)); break;
    default: HR_TRY(get_raw(r, values, (size_t)length * hr_type_width(type), err));
    }
    if (type->field_count && !col.children) {
        col.children = HR_NEW_ARRAY(arena, struct hr_column, type->field_count);
        if (!col.children) return HR_OOM(err);
    }
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(get_column(r, type->fields[i].type, arena, &col.children[i], err));
    *ret = col;
    return HR_OK;
}

static hr_status get_batch(struct hr_reader *body, const struct hr_type *schema,
                           struct hr_batch *batch, struct hr_err *err)
{
    if (hr_get_u8(body)) {
        size_t size = (size_t)batch->row_count * sizeof(int32_t);
        int32_t *weights = hr_arena_alloc_aligned(&batch->arena, size);
        if (!weights) return HR_OOM(err);
        HR_TRY(get_raw(body, weights, size, err));
        batch->weights = weights;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        HR_TRY(get_column(body, schema->fields[i].type, &batch->arena, &batch->columns[i], err));
        if (batch->columns[i].length != batch->row_count) return damaged(err);
    }
    return body->pos == body->end ? HR_OK : damaged(err);
}

hr_status hr_batch_file_next(struct hr_reader *reader, const struct hr_type *schema,
                             struct hr_mem *mem, struct hr_batch **ret, struct hr_err *err)
{
    *ret = NULL;
    if (reader->pos == reader->end) return HR_OK;
    uint32_t size = hr_get_u32(reader), crc = hr_get_u32(reader);
    if (reader->failed || size > (size_t)(reader->end - reader->pos)) return damaged(err);
    if (hr_crc32c(0, reader->pos, size) != crc) return damaged(err);
    struct hr_reader body = hr_reader(reader->pos, size);
    reader->pos += size;
    uint32_t rows = hr_get_u32(&body);
    struct hr_batch *batch = hr_batch_new(schema, rows, mem);
    if (!batch) return HR_OOM(err);
    hr_status status = get_batch(&body, schema, batch, err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    *ret = batch;
    return HR_OK;
}
