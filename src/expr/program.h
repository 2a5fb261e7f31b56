/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: bound expressions (attributes replaced by HR_X_COLUMN) compiled once into a flat list
 * of steps over column slots; common sub-expressions computed once, constants folded, CASE / AND /
 * OR / COALESCE evaluated only on the rows that need them (an ANSI error in a branch not taken does
 * not happen). No tree walk and no allocation per row at run time.
 */
#ifndef HR_EXPR_PROGRAM_H
#define HR_EXPR_PROGRAM_H

#include "expr/function.h"

struct hr_program; /* immutable, shared by tasks; in the plan's arena */
struct hr_eval;    /* one task's evaluation state */

hr_status hr_program_compile(struct hr_arena *arena, const struct hr_conf *conf,
                             struct hr_expr *const *exprs, uint32_t count,
                             const struct hr_program **ret, struct hr_err *err) HR_CHECKED;

hr_status hr_eval_new(const struct hr_program *program, struct hr_mem *mem, struct hr_eval **ret,
                      struct hr_err *err) HR_CHECKED;
void hr_eval_free(struct hr_eval *eval);
/* current_timestamp and the number of the partition, before the first run of an epoch. */
void hr_eval_set_context(struct hr_eval *eval, int64_t now_us, uint32_t partition);

/* Computes all expressions for the live rows of in. Results are aligned to in's physical rows (so
 * in's selection applies to them); plain column references are passed through. Memory is taken from
 * arena, normally the output batch's; string results may point into in's strings, so the output
 * batch must hold `in`. */
hr_status hr_eval_run(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                      struct hr_column *ret_columns, struct hr_err *err) HR_CHECKED;
/* As run, but constants stay one-row vectors: for aggregates' arguments. */
hr_status hr_eval_vectors(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                          struct hr_vector *ret_vectors, struct hr_err *err) HR_CHECKED;
/* The first expression as a predicate: live rows of in where it is true, in the arena. */
hr_status hr_eval_filter(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                         const uint32_t **ret_sel, uint32_t *ret_count,
                         struct hr_err *err) HR_CHECKED;

/* Folds an expression without attributes to a one-row column in the arena. */
hr_status hr_expr_fold(struct hr_arena *arena, const struct hr_conf *conf,
                       const struct hr_expr *expr, struct hr_column *ret,
                       struct hr_err *err) HR_CHECKED;
/* The steps, for EXPLAIN and tests. */
void hr_program_print(const struct hr_program *program, struct hr_buf *out);

/* Cast of a whole column, Spark's rules; try_cast: NULL instead of an error. */
hr_status hr_cast_column(struct hr_eval_ctx *ctx, const struct hr_vector *in,
                         const struct hr_type *to, bool try_cast, struct hr_column *out,
                         struct hr_err *err) HR_CHECKED;

#endif
