/* SPDX-License-Identifier: Apache-2.0 */
/* Scan: the splits of a source that were dealt to this task, one after the other. */
#include "base/fault.h"
#include "operator/operator.h"

struct scan {
    struct hr_op op;
    struct hr_exec_scan *scan;
    struct hr_scan_spec spec;
    uint32_t next, end;
    struct hr_scan_reader *reader;
    int64_t rows;
};

static hr_status scan_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    struct hr_exec *exec = task->exec;
    if (node->scan_id >= exec->scan_count || !exec->scans[node->scan_id].source)
        return HR_BUG(err, "scan %u has no source", node->scan_id);
    struct scan *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->scan = &exec->scans[node->scan_id];
    op->spec = (struct hr_scan_spec){
        .schema = node->schema,
        .filters = node->pushed_filters,
        .filter_count = node->pushed_filter_count,
        .batch_rows = task->conf->batch_rows ? task->conf->batch_rows : HR_BATCH_ROWS,
        .mem = task->mem,
        .cancelled = task->cancelled,
        .malformed_rows = &op->scan->malformed_rows,
    };
    op->end = hr_op_share(task, op->scan->split_count, &op->next);
    op->end += op->next;
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status scan_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct scan *op = (struct scan *)base;
    struct hr_source *source = op->scan->source;
    for (;;) {
        if (!op->reader) {
            if (op->next == op->end) break;
            HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
            HR_TRY(source->vt->open_reader(source, &op->scan->splits[op->next], &op->spec,
                                           &op->reader, err));
            op->next++;
        }
        struct hr_batch *batch = NULL;
        HR_TRY(op->reader->vt->next(op->reader, &batch, err));
        if (batch && batch->sel_count) {
            op->rows += batch->sel_count;
            *ret_batch = batch;
            return HR_OK;
        }
        if (batch) {
            hr_batch_unref(batch);
            continue;
        }
        op->reader->vt->close(op->reader);
        op->reader = NULL;
    }
    /* Counted at the end only, so that a retried task counts once. */
    atomic_fetch_add_explicit(&op->scan->rows_read, op->rows, memory_order_relaxed);
    op->rows = 0;
    *ret_batch = NULL;
    return HR_OK;
}

static void scan_close(struct hr_op *base)
{
    struct scan *op = (struct scan *)base;
    if (op->reader) op->reader->vt->close(op->reader);
    op->reader = NULL;
    /* Stopped early by a LIMIT: what was read was read. */
    atomic_fetch_add_explicit(&op->scan->rows_read, op->rows, memory_order_relaxed);
}

static void scan_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < node->schema->field_count; i++)
        hr_buf_printf(out, "%s%s", i ? ", " : "", node->schema->fields[i].name);
    hr_buf_putc(out, ']');
    if (!node->pushed_filter_count) return;
    hr_buf_puts(out, " PushedFilters: ");
    hr_op_print_exprs(node->pushed_filters, node->pushed_filter_count, out);
}

const struct hr_operator_vt hr_op_scan = {
    .name = "Scan",
    .open = scan_open,
    .next = scan_next,
    .close = scan_close,
    .explain = scan_explain,
};
