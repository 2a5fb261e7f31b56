/* SPDX-License-Identifier: Apache-2.0 */
#include "operator/tap.h"

#include <inttypes.h>
#include <time.h>

#include "operator/operator.h"

hr_status hr_tap_init(struct hr_tap *tap, struct hr_err *err)
{
    pthread_condattr_t attr;
    memset(tap, 0, sizeof *tap);
    pthread_mutex_init(&tap->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&tap->arrived, &attr);
    pthread_condattr_destroy(&attr);
    return failed ? HR_OOM(err) : HR_OK;
}

void hr_tap_done(struct hr_tap *tap)
{
    assert(!tap->watched);
    pthread_cond_destroy(&tap->arrived);
    pthread_mutex_destroy(&tap->lock);
    hr_buf_done(&tap->rows);
}

static void put_row(const struct hr_op *op, const struct hr_batch *batch, uint32_t at,
                    struct hr_buf *value, struct hr_buf *out)
{
    uint32_t row = hr_op_row(batch, at);
    hr_buf_printf(out, "{\"epoch\":%" PRId64, op->task->epoch);
    if (batch->weights) hr_buf_printf(out, ",\"weight\":%" PRId64, (int64_t)batch->weights[row]);
    hr_buf_puts(out, ",\"values\":");
    hr_batch_print_json(batch, row, op->task->conf->tz, HR_TAP_VALUE_MAX, value, out);
    hr_buf_putc(out, '}');
}

void hr_tap_offer(struct hr_tap *tap, const struct hr_op *op, const struct hr_batch *batch)
{
    if (HR_LIKELY(atomic_load_explicit(&tap->wanted, memory_order_relaxed) == 0)) return;
    pthread_mutex_lock(&tap->lock);
    struct hr_buf value = {0};
    uint32_t wanted = atomic_load_explicit(&tap->wanted, memory_order_relaxed);
    if (op->node->id != tap->node_id) wanted = 0;
    for (uint32_t i = 0; i < batch->sel_count && i < wanted; i++) {
        if (tap->count++ > 0) hr_buf_putc(&tap->rows, ',');
        put_row(op, batch, i, &value, &tap->rows);
        atomic_fetch_sub_explicit(&tap->wanted, 1, memory_order_relaxed);
    }
    hr_buf_done(&value);
    if (wanted > 0) pthread_cond_signal(&tap->arrived);
    pthread_mutex_unlock(&tap->lock);
}

static struct timespec deadline_after(int64_t us)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + us % 1000000 * 1000;
    t.tv_sec += us / 1000000 + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

hr_status hr_tap_watch(struct hr_tap *tap, uint32_t node_id, uint32_t rows, int64_t wait_us,
                       struct hr_buf *out, struct hr_err *err)
{
    struct timespec deadline = deadline_after(wait_us);
    assert(rows > 0 && rows <= HR_TAP_ROWS_MAX);
    pthread_mutex_lock(&tap->lock);
    if (tap->watched) {
        pthread_mutex_unlock(&tap->lock);
        return HR_FAIL(err, HR_E_EXISTS, "another watches this query's rows; one can at a time");
    }
    tap->watched = true;
    tap->node_id = node_id;
    tap->count = 0;
    hr_buf_clear(&tap->rows);
    atomic_store_explicit(&tap->wanted, rows, memory_order_relaxed);
    int timed_out = 0;
    while (!timed_out && atomic_load_explicit(&tap->wanted, memory_order_relaxed) > 0)
        timed_out = pthread_cond_timedwait(&tap->arrived, &tap->lock, &deadline);
    atomic_store_explicit(&tap->wanted, 0, memory_order_relaxed);
    tap->watched = false;
    hr_buf_put_sv(out, hr_svn(tap->rows.ptr, tap->rows.len));
    hr_status status = hr_buf_status(&tap->rows, err);
    hr_buf_done(&tap->rows);
    pthread_mutex_unlock(&tap->lock);
    return status;
}
