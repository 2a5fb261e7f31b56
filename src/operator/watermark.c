/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watermark: notes the range of event times that pass (for the next epoch's watermark and for
 * progress) and lets the rows through. The column is a TIMESTAMP, or a window STRUCT whose end
 * counts. Numbers are added to the run's only at the end, so that a retried task counts once.
 *
 * A row too far ahead of the epoch's time (one bad clock) moves the watermark to the limit at most,
 * or not at all, or is left out, as the settings say. The epoch's time is in its PLAN record.
 */
#include "operator/watermark.h"
#include "base/alloc.h"
#include "operator/late.h"
#include "operator/operator.h"

struct watermark {
    struct hr_op op;
    const struct hr_watermark_pnode *node;
    int64_t max_us, min_us, count;
    int64_t sum_ms;
    int64_t far_us; /* times above are too far in the future */
    int64_t far_rows;
    struct hr_exec_mark *marks; /* by partition */
    uint32_t mark_count, mark_capacity, mark; /* the last one used */
};

static hr_status watermark_open(const struct hr_pnode *node, struct hr_task *task,
                                struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(HR_PNODE(watermark, node)->column < node->schema->field_count);
    struct watermark *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->node = HR_PNODE(watermark, node);
    op->max_us = INT64_MIN;
    op->min_us = INT64_MAX;
    op->far_us = INT64_MAX;
    if (op->node->max_future_us > 0 && op->node->max_future_us < INT64_MAX - task->now_us)
        op->far_us = task->now_us + op->node->max_future_us;
    *ret_op = &op->op;
    return HR_OK;
}

/* The event times of a batch; a window counts by its end. */
struct times {
    const struct hr_column *col;
    const uint64_t *outer;
};

static struct times times_of(const struct watermark *op, const struct hr_batch *batch)
{
    assert(op->node->column < batch->schema->field_count);
    struct times t = {&batch->columns[op->node->column], NULL};
    if (t.col->type->id != HR_T_STRUCT) return t;
    t.outer = t.col->validity;
    t.col = &t.col->children[t.col->type->field_count - 1];
    return t;
}

static bool time_at(const struct times *t, uint32_t row, int64_t *ret_us)
{
    if (!hr_column_valid(t->col, row) || (t->outer && !hr_bit_get(t->outer, row))) return false;
    *ret_us = ((const int64_t *)t->col->values)[row];
    return true;
}

/* Returns the newest time of the batch, INT64_MIN: none counts. */
static int64_t observe(struct watermark *op, const struct hr_batch *batch)
{
    struct times t = times_of(op, batch);
    bool ignores = op->node->far_future == HR_FAR_IGNORE;
    int64_t max = INT64_MIN, min = op->min_us, count = 0, sum = 0, v;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        if (!time_at(&t, hr_op_row(batch, i), &v)) continue;
        if (HR_UNLIKELY(v > op->far_us)) {
            if (ignores) continue;
            v = op->far_us;
        }
        max = HR_MAX(max, v);
        min = HR_MIN(min, v);
        sum += v / 1000;
        count++;
    }
    op->max_us = HR_MAX(op->max_us, max);
    op->min_us = min;
    op->sum_ms += sum;
    op->count += count;
    return max;
}

static hr_status add_mark(struct hr_exec_mark **marks, uint32_t *count, uint32_t *capacity,
                          const struct hr_exec_mark *mark, uint32_t *at, struct hr_err *err)
{
    assert(*count <= *capacity && *at <= *count);
    while (*at < *count && (*marks)[*at].partition != mark->partition) ++*at;
    if (*at == *capacity) {
        uint32_t to = *capacity ? *capacity * 2 : 8;
        struct hr_exec_mark *grown = hr_realloc(*marks, to * sizeof *grown);
        if (!grown) return HR_OOM(err);
        *marks = grown;
        *capacity = to;
    }
    if (*at == *count) (*marks)[(*count)++] = *mark;
    (*marks)[*at].max_us = HR_MAX((*marks)[*at].max_us, mark->max_us);
    return HR_OK;
}

/* Notes the newest time of the partition that the batch came from. */
static hr_status mark_partition(struct watermark *op, int64_t max_us, struct hr_err *err)
{
    struct hr_exec_mark mark = {op->op.task->partition_read, max_us};
    if (max_us == INT64_MIN) return HR_OK;
    if (op->mark >= op->mark_count || op->marks[op->mark].partition != mark.partition) op->mark = 0;
    return add_mark(&op->marks, &op->mark_count, &op->mark_capacity, &mark, &op->mark, err);
}

static hr_status publish_marks(struct watermark *op, struct hr_exec_watermark *w,
                               struct hr_err *err)
{
    hr_status status = HR_OK;
    pthread_mutex_lock(&w->lock);
    for (uint32_t k = 0; status == HR_OK && k < op->mark_count; k++) {
        uint32_t at = 0;
        status = add_mark(&w->marks, &w->mark_count, &w->mark_capacity, &op->marks[k], &at, err);
    }
    pthread_mutex_unlock(&w->lock);
    op->mark_count = 0;
    return status;
}

static hr_status publish(struct watermark *op, struct hr_err *err)
{
    struct hr_exec *exec = op->op.task->exec;
    uint32_t index = op->node->index;
    if (!exec->watermarks || index >= exec->watermark_count) return HR_OK;
    struct hr_exec_watermark *w = &exec->watermarks[index];
    atomic_fetch_add(&w->far_rows, op->far_rows);
    op->far_rows = 0;
    if (!op->count) return HR_OK;
    int64_t seen = atomic_load(&w->max_us);
    while (seen < op->max_us && !atomic_compare_exchange_weak(&w->max_us, &seen, op->max_us)) {}
    seen = atomic_load(&w->min_us);
    while (seen > op->min_us && !atomic_compare_exchange_weak(&w->min_us, &seen, op->min_us)) {}
    atomic_fetch_add(&w->sum_ms, op->sum_ms);
    atomic_fetch_add(&w->count, op->count);
    op->count = 0;
    return publish_marks(op, w, err);
}

static uint32_t count_far(const struct watermark *op, const struct times *t,
                          const struct hr_batch *in)
{
    uint32_t far = 0;
    int64_t v;
    for (uint32_t i = 0; i < in->sel_count; i++)
        far += time_at(t, hr_op_row(in, i), &v) && v > op->far_us;
    return far;
}

static hr_status emit_far(struct watermark *op, struct hr_batch *in, const struct times *t,
                          uint32_t far, struct hr_err *err)
{
    assert(far > 0 && op->node->late_schema);
    struct hr_late_row *rows = hr_arena_alloc(&in->arena, far * sizeof *rows);
    uint32_t n = 0;
    int64_t v;
    if (!rows) return HR_OOM(err);
    for (uint32_t i = 0; i < in->sel_count; i++) {
        uint32_t row = hr_op_row(in, i);
        if (time_at(t, row, &v) && v > op->far_us)
            rows[n++] = (struct hr_late_row){row, op->far_us - v};
    }
    return hr_late_emit(op->op.task, op->node->late_schema, in, op->node->late_columns, rows, n,
                        "far future", INT64_MIN, err);
}

/* Leaves out the rows that are too far in the future. *batch is the caller's in any case. */
static hr_status drop_far(struct watermark *op, struct hr_batch **batch, struct hr_err *err)
{
    struct hr_batch *in = *batch, *out;
    struct times t = times_of(op, in);
    uint32_t kept = 0, far = count_far(op, &t, in);
    int64_t v;
    if (far == 0) return HR_OK;
    HR_TRY(hr_op_derive(op->op.node->schema, in, op->op.task->mem, &out, err));
    *batch = out;
    memcpy(out->columns, in->columns, in->schema->field_count * sizeof *in->columns);
    uint32_t *sel = hr_arena_alloc(&out->arena, (in->sel_count + 1) * sizeof *sel);
    if (!sel) return HR_OOM(err);
    for (uint32_t i = 0; i < in->sel_count; i++) {
        uint32_t row = hr_op_row(in, i);
        sel[kept] = row;
        kept += !time_at(&t, row, &v) || v <= op->far_us;
    }
    assert(kept + far == in->sel_count);
    out->sel = sel;
    out->sel_count = kept;
    op->far_rows += far;
    return op->node->late_schema ? emit_far(op, in, &t, far, err) : HR_OK;
}

static hr_status take(struct watermark *op, struct hr_batch **batch, struct hr_err *err)
{
    if (op->far_us != INT64_MAX && op->node->far_future == HR_FAR_DROP)
        HR_TRY(drop_far(op, batch, err));
    int64_t max_us = observe(op, *batch);
    return op->node->by_partition ? mark_partition(op, max_us, err) : HR_OK;
}

static hr_status watermark_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct watermark *op = (struct watermark *)base;
    for (;;) {
        struct hr_batch *batch;
        HR_TRY(hr_op_next(base->children[0], &batch, err));
        *ret_batch = NULL;
        if (!batch) return publish(op, err);
        bool had_rows = batch->sel_count > 0;
        hr_status status = take(op, &batch, err);
        if (status == HR_OK && (batch->sel_count > 0 || !had_rows)) {
            *ret_batch = batch;
            return HR_OK;
        }
        hr_batch_unref(batch);
        HR_TRY(status);
    }
}

static void watermark_close(struct hr_op *base)
{
    struct watermark *op = (struct watermark *)base;
    hr_free(op->marks);
    op->marks = NULL;
}

static void watermark_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_watermark_pnode *mark = HR_PNODE(watermark, node);
    static const char *const far[] = {[HR_FAR_CAP] = "capped",
                                      [HR_FAR_IGNORE] = "ignored",
                                      [HR_FAR_DROP] = "dropped"};
    hr_buf_printf(out, "%s, interval %lld microseconds", node->schema->fields[mark->column].name,
                  (long long)mark->delay_us);
    if (mark->max_future_us)
        hr_buf_printf(out, ", times more than %lld ms ahead are %s",
                      (long long)(mark->max_future_us / 1000), far[mark->far_future]);
    if (mark->by_partition) hr_buf_puts(out, ", by partition");
}

const struct hr_operator_vt hr_op_watermark = {
    .name = "EventTimeWatermark",
    .passes_columns = true,
    .node_size = sizeof(struct hr_watermark_pnode),
    .marks_event_time = true,
    .open = watermark_open,
    .next = watermark_next,
    .close = watermark_close,
    .explain = watermark_explain,
};
