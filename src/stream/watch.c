/* SPDX-License-Identifier: Apache-2.0 */
/* What others may see of a query: copies, made under its lock. @thread any */
#include "stream/query_int.h"

static const char *const phases[] = {
    [HR_QUERY_CREATED] = "CREATED",       [HR_QUERY_OPENING] = "OPENING",
    [HR_QUERY_RUNNING] = "RUNNING",       [HR_QUERY_RECOVERING] = "RECOVERING",
    [HR_QUERY_CLOSING] = "CLOSING",       [HR_QUERY_ENDED] = "ENDED",
};

void hr_query_get_info(struct hr_query *query, struct hr_query_info *ret)
{
    *ret = (struct hr_query_info){
        .text = query->text,
        .checkpoint_dir = query->temporary_checkpoint ? NULL : query->checkpoint_dir,
        .description = query->description.len ? query->description.ptr : "{}",
    };
    pthread_mutex_lock(&query->life.lock);
    ret->started_us = query->started_us;
    ret->ended_us = query->ended_us;
    ret->phase = phases[query->life.phase];
    ret->failed = query->life.phase == HR_QUERY_ENDED && query->life.end_status != HR_OK;
    ret->failure_count = query->failure_count;
    uint32_t kept = HR_MIN(query->failure_count, (uint32_t)HR_COUNT(query->failures));
    for (uint32_t i = query->failure_count - kept; i < query->failure_count; i++)
        ret->failures[ret->failures_kept++] = query->failures[i % HR_COUNT(query->failures)];
    pthread_mutex_unlock(&query->life.lock);
}

void hr_query_recent_progress(struct hr_query *query, uint32_t limit, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    pthread_mutex_lock(&query->life.lock);
    const struct hr_history *history = &query->history;
    uint32_t count = HR_MIN(limit, history->report_count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = history->report_newest + HR_HISTORY_REPORTS - (count - 1 - i);
        const struct hr_buf *report = &history->reports[at % HR_HISTORY_REPORTS];
        if (i) hr_buf_putc(out, ',');
        hr_buf_put_sv(out, hr_svn(report->ptr, report->len));
    }
    pthread_mutex_unlock(&query->life.lock);
    hr_buf_putc(out, ']');
}

uint32_t hr_query_recent_epochs(struct hr_query *query, struct hr_progress *ret, uint32_t max)
{
    pthread_mutex_lock(&query->life.lock);
    const struct hr_history *history = &query->history;
    uint32_t count = HR_MIN(max, history->epoch_count);
    for (uint32_t i = 0; i < count; i++)
        ret[i] = history->epochs[(history->epoch_next + HR_HISTORY_EPOCHS - 1 - i) %
                                 HR_HISTORY_EPOCHS];
    pthread_mutex_unlock(&query->life.lock);
    return count;
}

uint32_t hr_query_samples(struct hr_query *query, uint32_t level, int64_t from_s,
                          struct hr_sample *ret, uint32_t max)
{
    assert(level < HR_HISTORY_LEVELS);
    pthread_mutex_lock(&query->life.lock);
    uint32_t count = hr_history_read(&query->history, level, from_s, ret, max);
    pthread_mutex_unlock(&query->life.lock);
    return count;
}

uint32_t hr_query_operators(struct hr_query *query, struct hr_operator_figures *ret, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < query->node_count && count < max; i++) {
        struct hr_node_figures *f = &query->node_figures[i];
        int64_t batches = atomic_load_explicit(&f->batches, memory_order_relaxed);
        if (batches == 0) continue; /* its work is another's */
        ret[count++] = (struct hr_operator_figures){
            .id = i,
            .rows = atomic_load_explicit(&f->rows, memory_order_relaxed),
            .batches = batches,
            .self_us = atomic_load_explicit(&f->self_ns, memory_order_relaxed) / 1000,
        };
    }
    return count;
}

hr_status hr_query_tap(struct hr_query *query, uint32_t id, uint32_t rows, int64_t wait_us,
                       struct hr_buf *out, struct hr_err *err)
{
    if (id >= query->node_count)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "query %s has no operator %u", query->name, id);
    static_assert(HR_QUERY_TAP_ROWS == HR_TAP_ROWS_MAX, "one limit");
    return hr_tap_watch(&query->tap, id, rows, wait_us, out, err);
}

void hr_query_totals(struct hr_query *query, int64_t *ret_figures, uint64_t *ret_bins)
{
    pthread_mutex_lock(&query->life.lock);
    memcpy(ret_figures, query->history.totals, sizeof query->history.totals);
    memcpy(ret_bins, query->history.bins, sizeof query->history.bins);
    pthread_mutex_unlock(&query->life.lock);
}
