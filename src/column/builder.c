/* SPDX-License-Identifier: Apache-2.0 */
/* Builders: doubling arrays in the arena, a validity bitmap from the first NULL on. */
#include "column/builder.h"

#define MIN_CAPACITY 16

static size_t bytes_for(const struct hr_builder *b, uint32_t capacity)
{
    switch (b->type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: return 0;
    case HR_T_BOOLEAN: return hr_bit_words(capacity) * 8;
    case HR_T_ARRAY:
    case HR_T_MAP: return ((size_t)capacity + 1) * 4;
    default: return (size_t)capacity * hr_type_width(b->type);
    }
}

static void fail(struct hr_builder *b)
{
    b->failed = true;
    b->capacity = b->length = 0; /* so that the inline appends come to hr_builder_grow */
}

/* Values are left as they come, but for bits, which are read to be written. */
static bool set_capacity(struct hr_builder *b, uint32_t capacity)
{
    assert(capacity >= b->length && capacity % 64 == 0);
    size_t bytes = bytes_for(b, capacity), used = b->capacity ? bytes_for(b, b->capacity) : 0;
    if (bytes) {
        char *values = hr_arena_alloc_aligned(b->arena, bytes);
        if (!values) return false;
        if (used) memcpy(values, b->values, used);
        if (!b->width) memset(values + used, 0, bytes - used);
        b->values = values;
    }
    if (b->validity) {
        uint64_t *validity = hr_arena_alloc_aligned(b->arena, hr_bit_words(capacity) * 8);
        if (!validity) return false;
        memset(validity, 0xFF, hr_bit_words(capacity) * 8);
        memcpy(validity, b->validity, hr_bit_words(b->capacity) * 8);
        b->validity = validity;
    }
    b->capacity = capacity;
    return true;
}

struct hr_builder *hr_builder_new(struct hr_arena *arena, const struct hr_type *type,
                                  uint32_t capacity)
{
    assert(type);
    struct hr_builder *b = HR_NEW(arena, struct hr_builder);
    if (!b) return NULL;
    b->arena = arena;
    b->type = type;
    b->width = hr_type_is_nested(type) ? 0 : (uint32_t)hr_type_width(type);
    capacity = (HR_MAX(capacity, MIN_CAPACITY) + 63) & ~63u;
    if (!set_capacity(b, capacity)) return NULL;
    if (type->field_count) {
        b->children = HR_NEW_ARRAY(arena, struct hr_builder *, type->field_count);
        if (!b->children) return NULL;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        b->children[i] = hr_builder_new(arena, type->fields[i].type, capacity);
        if (!b->children[i]) return NULL;
    }
    return b;
}

bool hr_builder_grow(struct hr_builder *b, uint32_t count)
{
    if (b->failed) return false;
    uint64_t wanted = (uint64_t)b->length + count, capacity = b->capacity;
    while (capacity < wanted) capacity *= 2;
    if (wanted <= INT32_MAX) capacity = HR_MIN(capacity, (uint64_t)INT32_MAX + 1);
    if (wanted <= INT32_MAX && set_capacity(b, (uint32_t)capacity)) return true;
    fail(b);
    return false;
}

static bool make_validity(struct hr_builder *b)
{
    assert(b->length <= b->capacity);
    if (b->validity) return true;
    size_t bytes = hr_bit_words(b->capacity) * 8;
    b->validity = hr_arena_alloc_aligned(b->arena, bytes);
    if (!b->validity) {
        fail(b);
        return false;
    }
    memset(b->validity, 0xFF, bytes);
    return true;
}

void hr_builder_null(struct hr_builder *b)
{
    if (!hr_builder_room(b, 1)) return;
    if (b->type->id != HR_T_NULL) {
        if (!make_validity(b)) return;
        hr_bit_clear(b->validity, b->length);
    }
    if (b->type->id == HR_T_STRUCT) {
        for (uint32_t i = 0; i < b->type->field_count; i++)
            if (b->children[i]->length == b->length) hr_builder_null(b->children[i]);
    } else if (b->type->id == HR_T_ARRAY || b->type->id == HR_T_MAP) {
        /* Elements appended since the last close, if any, stay hidden below the NULL. */
        ((int32_t *)(void *)b->values)[b->length + 1] = (int32_t)b->children[0]->length;
    } else if (b->width) {
        memset(b->values + (size_t)b->length * b->width, 0, b->width);
    }
    b->length++;
}

void hr_builder_bool(struct hr_builder *b, bool v)
{
    assert(b->type->id == HR_T_BOOLEAN);
    if (!hr_builder_room(b, 1)) return;
    hr_bit_put((uint64_t *)(void *)b->values, b->length++, v);
}

void hr_builder_f64(struct hr_builder *b, double v)
{
    assert(b->type->id == HR_T_FLOAT || b->type->id == HR_T_DOUBLE);
    if (!hr_builder_room(b, 1)) return;
    void *to = b->values;
    if (b->type->id == HR_T_FLOAT)
        ((float *)to)[b->length++] = (float)v;
    else
        ((double *)to)[b->length++] = v;
}

void hr_builder_decimal(struct hr_builder *b, hr_i128 unscaled)
{
    assert(b->type->id == HR_T_DECIMAL);
    if (!hr_builder_room(b, 1)) return;
    ((hr_i128 *)(void *)b->values)[b->length++] = unscaled;
}

void hr_builder_str(struct hr_builder *b, struct hr_str_view s)
{
    if (s.len > HR_STRING_INLINE && !b->failed) {
        const char *copy = s.len <= INT32_MAX ? hr_arena_memdup(b->arena, s.ptr, s.len) : NULL;
        if (!copy) {
            fail(b);
            return;
        }
        s.ptr = copy;
    }
    hr_builder_str_shared(b, s);
}

static void copy_list(struct hr_builder *b, const struct hr_column *col, uint32_t row)
{
    assert(row < col->length && b->type->field_count == col->type->field_count);
    const int32_t *offsets = col->values;
    for (uint32_t f = 0; f < b->type->field_count; f++)
        for (int32_t e = offsets[row]; e < offsets[row + 1]; e++)
            hr_builder_copy(b->children[f], &col->children[f], (uint32_t)e);
    hr_builder_close(b);
}

void hr_builder_copy(struct hr_builder *b, const struct hr_column *col, uint32_t row)
{
    assert(b->type->id == col->type->id && row < col->length);
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) {
        hr_builder_null(b);
        return;
    }
    switch (b->type->id) {
    case HR_T_BOOLEAN: hr_builder_bool(b, hr_bit_get(col->values, row)); break;
    case HR_T_STRING:
    case HR_T_BINARY:
        hr_builder_str(b, hr_string_view((const struct hr_string *)col->values + row));
        break;
    case HR_T_ARRAY:
    case HR_T_MAP: copy_list(b, col, row); break;
    case HR_T_STRUCT:
        for (uint32_t f = 0; f < b->type->field_count; f++)
            hr_builder_copy(b->children[f], &col->children[f], row);
        hr_builder_close(b);
        break;
    default: {
        size_t width = hr_type_width(b->type);
        if (!hr_builder_room(b, 1)) return;
        memcpy(b->values + b->length++ * width, (const char *)col->values + row * width, width);
    }
    }
}

struct hr_builder *hr_builder_child(struct hr_builder *b, uint32_t i)
{
    assert(i < b->type->field_count);
    return b->children[i];
}

void hr_builder_close(struct hr_builder *b)
{
    assert(hr_type_is_nested(b->type));
    if (!hr_builder_room(b, 1)) return;
    bool whole = true;
    if (b->type->id == HR_T_STRUCT) {
        for (uint32_t i = 0; i < b->type->field_count; i++)
            whole = whole && b->children[i]->length == b->length + 1;
    } else {
        uint32_t elements = b->children[0]->length;
        whole = b->type->id != HR_T_MAP || b->children[1]->length == elements;
        ((int32_t *)(void *)b->values)[b->length + 1] = (int32_t)elements;
    }
    if (whole)
        b->length++;
    else
        fail(b);
}

void hr_builder_append(struct hr_builder *b, const void *values, const uint64_t *validity,
                       uint32_t n)
{
    assert(!hr_type_is_nested(b->type));
    if (!hr_builder_room(b, n)) return;
    if (validity && b->type->id != HR_T_NULL && !make_validity(b)) return;
    if (b->width && n)
        memcpy(b->values + (size_t)b->length * b->width, values, (size_t)n * b->width);
    if (b->type->id == HR_T_BOOLEAN)
        hr_bit_copy((uint64_t *)(void *)b->values, b->length, values, 0, n);
    if (validity && b->validity) hr_bit_copy(b->validity, b->length, validity, 0, n);
    b->length += n;
}

hr_status hr_builder_finish(struct hr_builder *b, struct hr_column *ret, struct hr_err *err)
{
    assert(b->failed || b->length <= b->capacity);
    const struct hr_type *type = b->type;
    struct hr_column col = {.type = type, .length = b->length, .values = b->values};
    if (type->field_count) {
        col.children = HR_NEW_ARRAY(b->arena, struct hr_column, type->field_count);
        if (!col.children) return HR_OOM(err);
    }
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(hr_builder_finish(b->children[i], &col.children[i], err));
    if (b->failed) return HR_OOM(err);
    col.validity = b->validity;
    if (type->id == HR_T_NULL) {
        uint64_t *none = hr_arena_alloc_aligned(b->arena, hr_bit_words(b->length) * 8 + 8);
        if (!none) return HR_OOM(err);
        memset(none, 0, hr_bit_words(b->length) * 8 + 8);
        col.validity = none;
    }
    *ret = col;
    return HR_OK;
}

/* Batches ------------------------------------------------------------------------------------- */

hr_status hr_batch_builder_init(struct hr_batch_builder *bb, const struct hr_type *schema,
                                uint32_t capacity, struct hr_mem *mem, struct hr_err *err)
{
    assert(schema->id == HR_T_STRUCT);
    memset(bb, 0, sizeof *bb);
    struct hr_batch *batch = hr_batch_new(schema, HR_MAX(capacity, MIN_CAPACITY), mem);
    if (!batch) return HR_OOM(err);
    struct hr_builder **columns =
        HR_NEW_ARRAY(&batch->arena, struct hr_builder *, schema->field_count + 1);
    bool ok = columns != NULL;
    for (uint32_t i = 0; ok && i < schema->field_count; i++) {
        columns[i] = hr_builder_new(&batch->arena, schema->fields[i].type, capacity);
        ok = columns[i] != NULL;
    }
    if (!ok) {
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
    bb->batch = batch;
    bb->columns = columns;
    return HR_OK;
}

hr_status hr_batch_builder_finish(struct hr_batch_builder *bb, struct hr_batch **ret,
                                  struct hr_err *err)
{
    struct hr_batch *batch = bb->batch;
    assert(batch);
    hr_status status = HR_OK;
    uint32_t columns = batch->schema->field_count;
    uint32_t rows = columns ? hr_builder_length(bb->columns[0]) : 0;
    for (uint32_t i = 0; i < columns && status == HR_OK; i++) {
        status = hr_builder_finish(bb->columns[i], &batch->columns[i], err);
        if (status == HR_OK && batch->columns[i].length != rows)
            status = HR_BUG(err, "batch builder: column %s has %u rows, not %u",
                            batch->schema->fields[i].name, batch->columns[i].length, rows);
    }
    if (status != HR_OK) {
        hr_batch_builder_done(bb);
        return status;
    }
    assert(!batch->sel && atomic_load(&batch->refs) == 1); /* nobody else has seen it */
    batch->row_count = batch->sel_count = rows;
    bb->batch = NULL;
    bb->columns = NULL;
    *ret = batch;
    return HR_OK;
}

void hr_batch_builder_done(struct hr_batch_builder *bb)
{
    hr_batch_unref(bb->batch);
    bb->batch = NULL;
    bb->columns = NULL;
}
