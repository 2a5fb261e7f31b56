/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operators share. An operator's struct begins with struct hr_op and lives in the task's
 * arena; open makes it, next pulls from children by hr_op_next, close frees what is not in the
 * arena.
 */
#ifndef HR_OPERATOR_OPERATOR_H
#define HR_OPERATOR_OPERATOR_H

#include "operator/physical.h"

/* Opens a node's whole tree. On failure nothing stays open. A child that has nothing for this task
 * (a union's other partitions) is NULL. */
hr_status hr_op_open(const struct hr_pnode *node, struct hr_task *task, struct hr_op **ret,
                     struct hr_err *err) HR_CHECKED;
/* NULL is fine. */
void hr_op_close(struct hr_op *op);

/* Notes which operator ran out of memory; returns status. */
hr_status hr_op_failed(const struct hr_pnode *node, struct hr_task *task, hr_status status) HR_COLD;
/* At the end of a task that failed: puts that operator's name before the error. */
void hr_op_name_failed(const struct hr_task *task, hr_status status, struct hr_err *err);

/* Is what op hands over (NULL: nothing) a batch of its node's schema in which all invariants of
 * column.h hold? An HR_E_INTERNAL that names the operator, so that a fault shows where it is made
 * and not three operators later. Debug and sanitizer builds call it at every hand-over. */
hr_status hr_op_verify(const struct hr_op *op, const struct hr_batch *batch,
                       struct hr_err *err) HR_CHECKED;

/* vt->next with the time that it takes, less that of the operators it calls. */
hr_status hr_op_next_measured(struct hr_op *op, struct hr_batch **ret_batch,
                              struct hr_err *err) HR_CHECKED;

/* The next batch of op, or NULL at its end. HR_E_CANCELLED when the task was cancelled. */
HR_INLINE hr_status hr_op_next(struct hr_op *op, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct hr_task *task = op->task;
    if (HR_UNLIKELY((task->cancelled && __atomic_load_n(task->cancelled, __ATOMIC_RELAXED)) ||
                    (task->stopped && __atomic_load_n(task->stopped, __ATOMIC_RELAXED))))
        return HR_RAISE(err, HR_E_CANCELLED);
    hr_status status = task->figures ? hr_op_next_measured(op, ret_batch, err)
                                     : op->vt->next(op, ret_batch, err);
    if (HR_UNLIKELY(status != HR_OK)) return hr_op_failed(op->node, task, status);
    assert(!*ret_batch ||
           (*ret_batch)->schema->field_count == op->node->schema->field_count);
    assert(!*ret_batch || (*ret_batch)->sel_count <= (*ret_batch)->row_count);
#ifdef HR_VERIFY
    HR_TRY(hr_op_verify(op, *ret_batch, err));
#endif
    if (*ret_batch) op->rows_out += (*ret_batch)->sel_count;
    return HR_OK;
}

/* Makes the op of a vt: size bytes in the task's arena, zeroed, head filled. NULL: no memory. */
void *hr_op_new(const struct hr_pnode *node, struct hr_task *task, struct hr_op **children,
                size_t size);

/* The same rows as other columns: columns zeroed, selection and weights of in, in held. Takes over
 * the caller's reference on in only when it succeeds. */
hr_status hr_op_derive(const struct hr_type *schema, struct hr_batch *in, struct hr_mem *mem,
                       struct hr_batch **ret, struct hr_err *err) HR_CHECKED;
/* Gives out, whose row i is made of row rows[i] of in, that row's weight. */
hr_status hr_op_take_weights(struct hr_batch *out, const struct hr_batch *in, const uint32_t *rows,
                             uint32_t count, struct hr_err *err) HR_CHECKED;
/* Live rows of a batch as physical row numbers: NULL means 0 … sel_count-1. */
HR_INLINE uint32_t hr_op_row(const struct hr_batch *batch, uint32_t i)
{
    return batch->sel ? batch->sel[i] : i;
}
/* How many of a leaf's `units` (splits, batches, partitions) are this task's: [*ret_first,
 * …+count) */
uint32_t hr_op_share(const struct hr_task *task, uint32_t units, uint32_t *ret_first);

/* "[a#1, b#2]"-like list of expressions for EXPLAIN. */
void hr_op_print_exprs(struct hr_expr *const *exprs, uint32_t count, struct hr_buf *out);

#endif
