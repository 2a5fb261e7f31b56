/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as bytes: how aggregates keep values of any type. Also a set of such byte strings, with a
 * count each. Both on the heap.
 */
#ifndef HR_EXPR_CODEC_H
#define HR_EXPR_CODEC_H

#include <stdatomic.h>

#include "column/builder.h"
#include "column/column.h"

/* --- The heap behind values --------------------------------------------------------------------*/

/* Where it counts: while an account is this thread's, what hangs off values is taken from mem and
 * given back to it. Accounts nest; several threads may have one at a time. */
struct hr_value_account {
    struct hr_mem *mem;
    _Atomic int64_t bytes;
};
/* Makes account this thread's (NULL: nobody counts); returns the one before, to be put back. */
struct hr_value_account *hr_value_account_enter(struct hr_value_account *account);
/* Gives back what is still counted. */
void hr_value_account_done(struct hr_value_account *account);

/* As hr_realloc and hr_free, counted. NULL when the account's budget is passed, too (HR_OOM says
 * which). */
void *hr_value_realloc(void *ptr, size_t size);
void hr_value_free(void *ptr);

/* --- Values ------------------------------------------------------------------------------------*/

/* The value to the bit: -0.0 comes back as such. */
void hr_value_encode(const struct hr_column *col, uint32_t row, struct hr_buf *out);
/* Equal values (in the sense of grouping: one zero, one NaN) have equal bytes. */
void hr_value_encode_key(const struct hr_column *col, uint32_t row, struct hr_buf *out);
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
void hr_value_set_save(const struct hr_value_set *set, struct hr_buf *out);
hr_status hr_value_set_load(struct hr_value_set *set, struct hr_reader *in,
                            struct hr_err *err) HR_CHECKED;
void hr_value_set_done(struct hr_value_set *set);

#endif
