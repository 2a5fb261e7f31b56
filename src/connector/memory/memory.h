/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named tables in the process's memory: what the memory sink writes and the memory source reads, as
 * a table at rest or as a stream. Rows are only appended or replaced as a whole. Thread-safe.
 */
#ifndef HR_CONNECTOR_MEMORY_MEMORY_H
#define HR_CONNECTOR_MEMORY_MEMORY_H

#include "column/column.h"

/* A new empty table, or the existing one where it has the same columns; HR_E_EXISTS otherwise. */
hr_status hr_memory_create(const char *name, const struct hr_type *schema,
                           struct hr_err *err) HR_CHECKED;
/* Empties it as well where replace. Batches are referenced. HR_E_TABLE_OR_VIEW_NOT_FOUND. */
hr_status hr_memory_append(const char *name, struct hr_batch *const *batches, uint32_t count,
                           bool replace, struct hr_err *err) HR_CHECKED;
/* NULL when there is no such table. */
const struct hr_type *hr_memory_schema(const char *name);
/* Live rows that were ever appended, -1: no such table. Grows; replacing starts a new count. */
int64_t hr_memory_rows(const char *name);
/* References on the batches, in an array of hr_alloc that the caller frees; *ret_first: the number
 * of the first row of the first batch. */
hr_status hr_memory_batches(const char *name, struct hr_batch ***ret, uint32_t *ret_count,
                            struct hr_err *err) HR_CHECKED;
bool hr_memory_drop(const char *name);

#endif
