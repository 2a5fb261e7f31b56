/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builders: grow a batch row by row or column by column when its length is not known beforehand
 * (VALUES, tests, C API rows, complex decoders). Hot decoders fill hr_column_alloc'ed arrays
 * themselves. Errors are sticky: an append after a failure does nothing, finish reports it.
 */
#ifndef HR_COLUMN_BUILDER_H
#define HR_COLUMN_BUILDER_H

#include "column/column.h"

/* One column; nested builders for children. The fields are builder.c's: they are here for the
 * inline appends below. */
struct hr_builder {
    uint32_t length, capacity; /* capacity 0: failed */
    uint32_t width;            /* bytes of a value; 0 where values are no array of them */
    bool failed;
    char *values;       /* capacity values (offsets: capacity + 1) */
    uint64_t *validity; /* capacity bits; NULL until a NULL comes */
    const struct hr_type *type;
    struct hr_arena *arena;
    struct hr_builder **children;
};

struct hr_builder *hr_builder_new(struct hr_arena *arena, const struct hr_type *type,
                                  uint32_t capacity);
void hr_builder_null(struct hr_builder *b);
void hr_builder_bool(struct hr_builder *b, bool v);
void hr_builder_f64(struct hr_builder *b, double v); /* FLOAT, DOUBLE */
void hr_builder_decimal(struct hr_builder *b, hr_i128 unscaled);
/* Bytes are copied into the arena when longer than the inline size. */
void hr_builder_str(struct hr_builder *b, struct hr_str_view s);
/* Room for count more rows; false: the builder has failed. */
bool hr_builder_grow(struct hr_builder *b, uint32_t count);
HR_INLINE bool hr_builder_room(struct hr_builder *b, uint32_t count)
{
    return HR_LIKELY((uint64_t)b->length + count <= b->capacity) || hr_builder_grow(b, count);
}
/* BYTE … LONG, DATE, TIMESTAMPs, intervals */
HR_INLINE void hr_builder_i64(struct hr_builder *b, int64_t v)
{
    assert(b->type->id != HR_T_FLOAT && b->type->id != HR_T_DOUBLE);
    if (!hr_builder_room(b, 1)) return;
    char *to = b->values + (size_t)b->length++ * b->width;
    switch (b->width) {
    case 8: memcpy(to, &v, 8); break;
    case 4: memcpy(to, &(int32_t){(int32_t)v}, 4); break;
    case 2: memcpy(to, &(int16_t){(int16_t)v}, 2); break;
    default: assert(b->width == 1); *to = (char)v;
    }
}
/* Shares the bytes: they must live as long as the batch. */
HR_INLINE void hr_builder_str_shared(struct hr_builder *b, struct hr_str_view s)
{
    assert(hr_type_is_string(b->type));
    if (HR_UNLIKELY(s.len > INT32_MAX)) {
        b->failed = true;
        b->capacity = b->length = 0;
    }
    if (!hr_builder_room(b, 1)) return;
    ((struct hr_string *)(void *)b->values)[b->length++] = hr_string_make(s.ptr, (uint32_t)s.len);
}
/* Copies a value of the same type from a column (deep). */
void hr_builder_copy(struct hr_builder *b, const struct hr_column *col, uint32_t row);
/* Nested: append to the child builders, then close the parent's row. */
struct hr_builder *hr_builder_child(struct hr_builder *b, uint32_t i);
/* STRUCT: the row is done. ARRAY, MAP: its elements are those since the last close. */
void hr_builder_close(struct hr_builder *b);
HR_INLINE uint32_t hr_builder_length(const struct hr_builder *b)
{
    return b->length;
}
/* Whole columns: n values as they lie in a column of the builder's type (bits for BOOLEAN; strings
 * are views, shared); validity as in a column, NULL for none. Not for nested types. */
void hr_builder_append(struct hr_builder *b, const void *values, const uint64_t *validity,
                       uint32_t n);
hr_status hr_builder_finish(struct hr_builder *b, struct hr_column *ret,
                            struct hr_err *err) HR_CHECKED;

/* A whole batch: one builder a field of the schema. */
struct hr_batch_builder {
    struct hr_batch *batch;
    struct hr_builder **columns;
};
hr_status hr_batch_builder_init(struct hr_batch_builder *bb, const struct hr_type *schema,
                                uint32_t capacity, struct hr_mem *mem,
                                struct hr_err *err) HR_CHECKED;
/* All columns must have the same length. The builder is done afterwards. */
hr_status hr_batch_builder_finish(struct hr_batch_builder *bb, struct hr_batch **ret,
                                  struct hr_err *err) HR_CHECKED;
void hr_batch_builder_done(struct hr_batch_builder *bb); /* abandons; fine after finish */

#endif
