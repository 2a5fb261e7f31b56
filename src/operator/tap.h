/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that pass by an operator, shown to whoever asks (headrace tap). Tasks look at one atomic a
 * batch; only while a watcher waits for rows do they print some, as JSON, so that nothing of a
 * batch is kept. One watcher at a time.
 */
#ifndef HR_OPERATOR_TAP_H
#define HR_OPERATOR_TAP_H

#include <pthread.h>

#include "operator/physical.h"

#define HR_TAP_ROWS_MAX 1000
/* Of a value; what is longer is cut. */
#define HR_TAP_VALUE_MAX 1000

struct hr_tap {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    _Atomic uint32_t wanted; /* rows that the watcher still waits for; 0: nobody does */
    uint32_t node_id, count; /* … and has got */
    bool watched;
    struct hr_buf rows; /* JSON objects with commas between them */
};

hr_status hr_tap_init(struct hr_tap *tap, struct hr_err *err) HR_CHECKED;
void hr_tap_done(struct hr_tap *tap);
/* @thread tasks: op has handed over batch (not NULL). */
void hr_tap_offer(struct hr_tap *tap, const struct hr_op *op, const struct hr_batch *batch);
/*
 * Waits until `rows` rows (at most HR_TAP_ROWS_MAX) have passed by the node, or wait_us are over;
 * appends {"epoch": n, "weight": n, "values": [text or null, …]} with commas to out. The weight is
 * there where rows are changes. HR_E_EXISTS: another watches. @thread any but tasks
 */
hr_status hr_tap_watch(struct hr_tap *tap, uint32_t node_id, uint32_t rows, int64_t wait_us,
                       struct hr_buf *out, struct hr_err *err) HR_CHECKED;

#endif
