/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting rows: Sort and TopN. Batches are added with their sort keys as further columns; sort
 * makes
 * one batch of all rows and an order over it.
 */
#ifndef HR_OPERATOR_SORTER_H
#define HR_OPERATOR_SORTER_H

#include "operator/operator.h"

struct hr_sorter;

/* Keys, directions and schema are the node's. */
hr_status hr_sorter_new(const struct hr_pnode *node, struct hr_task *task, struct hr_sorter **ret,
                        struct hr_err *err) HR_CHECKED;
void hr_sorter_free(struct hr_sorter *sorter); /* NULL is fine */
/* Takes the batch over, also when it fails. */
hr_status hr_sorter_add(struct hr_sorter *sorter, struct hr_batch *batch,
                        struct hr_err *err) HR_CHECKED;
uint64_t hr_sorter_rows(const struct hr_sorter *sorter);
/* Sorts what was added. keep ≥ 0: only the first keep rows stay; more may then be added. */
hr_status hr_sorter_sort(struct hr_sorter *sorter, int64_t keep, struct hr_err *err) HR_CHECKED;
/* Rows [first, first + count) of the sorted ones as a batch of the node's schema. */
hr_status hr_sorter_take(struct hr_sorter *sorter, uint64_t first, uint32_t count,
                         struct hr_batch **ret, struct hr_err *err) HR_CHECKED;

/* --- Runs: what is sorted goes to a file, and more is added (sort_runs.c) --- */

/* Bytes of what was added, about. */
int64_t hr_sorter_bytes(struct hr_sorter *sorter);
void hr_sorter_clear(struct hr_sorter *sorter);
/* The node's columns and, behind them, keys that were computed. */
const struct hr_type *hr_sorter_schema(const struct hr_sorter *sorter);
/* As take, of that schema. */
hr_status hr_sorter_take_keyed(struct hr_sorter *sorter, uint64_t first, uint32_t count,
                               struct hr_batch **ret, struct hr_err *err) HR_CHECKED;
/* Rows of batches of that schema, by all keys. */
int hr_sorter_compare(const struct hr_sorter *sorter, const struct hr_batch *a, uint32_t row_a,
                      const struct hr_batch *b, uint32_t row_b);

struct hr_sort_runs;
/* out: the node's schema, of which the rows are in the end. */
hr_status hr_sort_runs_new(struct hr_task *task, struct hr_sorter *sorter,
                           const struct hr_type *out, struct hr_sort_runs **ret,
                           struct hr_err *err) HR_CHECKED;
void hr_sort_runs_free(struct hr_sort_runs *runs); /* NULL is fine */
/* All that the sorter has becomes a run; the sorter is empty then. */
hr_status hr_sort_runs_add(struct hr_sort_runs *runs, struct hr_err *err) HR_CHECKED;
/* The next rows in order, of the node's schema; NULL: the end. */
hr_status hr_sort_runs_next(struct hr_sort_runs *runs, struct hr_batch **ret,
                            struct hr_err *err) HR_CHECKED;

#endif
