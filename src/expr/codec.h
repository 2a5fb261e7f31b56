/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as bytes: how aggregates keep values of any type. Equal values (in the sense of grouping)
 * have equal bytes. Also a set of such byte strings, with a count each. Both on the heap.
 */
#ifndef HR_EXPR_CODEC_H
#define HR_EXPR_CODEC_H

#include "column/builder.h"
#include "column/column.h"

void hr_value_encode(const struct hr_column *col, uint32_t row, struct hr_buf *out);
/* Appends one value. false: damaged bytes. */
bool hr_value_decode(const struct hr_type *type, struct hr_reader *in, struct hr_builder *b);

/* Growable bytes inside an aggregate's state: 24 bytes that survive memcpy. */
struct hr_blob {
    char *ptr;
    uint32_t len, cap;
    uint64_t count; /* items, by whoever appends */
};
hr_status hr_blob_append(struct hr_blob *blob, const void *data, size_t size,
                         struct hr_err *err) HR_CHECKED;
hr_status hr_blob_set(struct hr_blob *blob, const void *data, size_t size,
                      struct hr_err *err) HR_CHECKED;
void hr_blob_done(struct hr_blob *blob);

/* Keys with a signed count each; keys whose count fell to 0 are not there. Insertion order. */
struct hr_value_set {
    char *bytes;
    uint32_t len, cap;
    uint32_t *slots; /* offset + 1 into bytes */
    uint32_t mask, used, live;
};
hr_status hr_value_set_add(struct hr_value_set *set, const void *key, uint32_t size, int64_t weight,
                           struct hr_err *err) HR_CHECKED;
/* Visits the live keys: start with *pos 0; false at the end. */
bool hr_value_set_next(const struct hr_value_set *set, uint32_t *pos, struct hr_str_view *ret_key,
                       int64_t *ret_weight);
int64_t hr_value_set_heap_bytes(const struct hr_value_set *set);
void hr_value_set_save(const struct hr_value_set *set, struct hr_buf *out);
hr_status hr_value_set_load(struct hr_value_set *set, struct hr_reader *in,
                            struct hr_err *err) HR_CHECKED;
void hr_value_set_done(struct hr_value_set *set);

#endif
