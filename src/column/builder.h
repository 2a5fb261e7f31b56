/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builders: grow a batch row by row or column by column when its length is not known beforehand
 * (VALUES, tests, C API rows, complex decoders). Hot decoders fill hr_column_alloc'ed arrays
 * themselves. Errors are sticky: an append after a failure does nothing, finish reports it.
 */
#ifndef HR_COLUMN_BUILDER_H
#define HR_COLUMN_BUILDER_H

#include "column/column.h"

struct hr_builder; /* one column; nested builders for children */

struct hr_builder *hr_builder_new(struct hr_arena *arena, const struct hr_type *type,
                                  uint32_t capacity);
void hr_builder_null(struct hr_builder *b);
void hr_builder_bool(struct hr_builder *b, bool v);
void hr_builder_i64(struct hr_builder *b, int64_t v); /* BYTE … LONG, DATE, TIMESTAMPs, intervals */
void hr_builder_f64(struct hr_builder *b, double v);  /* FLOAT, DOUBLE */
void hr_builder_decimal(struct hr_builder *b, hr_i128 unscaled);
/* Bytes are copied into the arena when longer than the inline size. */
void hr_builder_str(struct hr_builder *b, struct hr_str_view s);
/* Shares the bytes: they must live as long as the batch. */
void hr_builder_str_shared(struct hr_builder *b, struct hr_str_view s);
/* Copies a value of the same type from a column (deep). */
void hr_builder_copy(struct hr_builder *b, const struct hr_column *col, uint32_t row);
/* Nested: append to the child builders, then close the parent's row. */
struct hr_builder *hr_builder_child(struct hr_builder *b, uint32_t i);
/* STRUCT: the row is done. ARRAY, MAP: its elements are those since the last close. */
void hr_builder_close(struct hr_builder *b);
uint32_t hr_builder_length(const struct hr_builder *b);
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
