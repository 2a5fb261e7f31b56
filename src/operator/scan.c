/* SPDX-License-Identifier: Apache-2.0 */
/* Scan: the splits of a source that were dealt to this task, one after the other. */
#include "operator/scan.h"
#include "base/fault.h"
#include "base/plant.h"
#include "operator/exec.h"
#include "operator/input.h"
#include "operator/operator.h"

#define TASKS_PER_THREAD 4u /* splits dealt to a thread, at most */

struct scan {
    struct hr_op op;
    struct hr_exec_scan *scan;
    struct hr_scan_spec spec;
    uint32_t next, end;
    struct hr_scan_reader *reader;
    int64_t rows;
    uint64_t partition_read; /* as the task's */
    /* With dead letters every record is judged by all columns of the table, whatever the query
     * reads of them: all are decoded, and these of them given on. */
    uint32_t *columns;
    struct hr_dead_letters dead; /* of the split being read */
};

static hr_status want_all(struct scan *op, const struct hr_pnode *node, struct hr_task *task,
                          struct hr_err *err)
{
    const struct hr_type *all = op->scan->source->schema, *wanted = node->schema;
    op->columns = HR_NEW_ARRAY(task->arena, uint32_t, wanted->field_count + 1);
    if (!op->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < wanted->field_count; i++) {
        int32_t at = hr_type_field_index(all, hr_sv(wanted->fields[i].name));
        if (at < 0) return HR_BUG(err, "the source has no column %s", wanted->fields[i].name);
        op->columns[i] = (uint32_t)at;
    }
    op->spec.schema = all;
    op->spec.filters = NULL; /* they number the wanted columns */
    op->spec.filter_count = 0;
    return HR_OK;
}

static hr_status scan_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 0);
    assert(task->share_count > 0 && task->share < task->share_count);
    const struct hr_scan_pnode *scan = HR_PNODE(scan, node);
    struct hr_exec *exec = task->exec;
    if (scan->scan_id >= exec->scan_count || !exec->scans[scan->scan_id].source)
        return HR_BUG(err, "scan %u has no source", scan->scan_id);
    struct scan *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->scan = &exec->scans[scan->scan_id];
    op->spec = (struct hr_scan_spec){
        .schema = node->schema,
        .filters = scan->pushed_filters,
        .filter_count = scan->pushed_filter_count,
        .batch_rows = task->conf->batch_rows ? task->conf->batch_rows : HR_BATCH_ROWS,
        .mem = task->mem,
        .cancelled = task->cancelled,
        .malformed_rows = &op->scan->malformed_rows,
    };
    if (op->scan->letters_of) HR_TRY(want_all(op, node, task, err));
    op->end = hr_op_share(task, op->scan->split_count, &op->next);
    op->end += op->next;
    *ret_op = &op->op;
    return HR_OK;
}

/* The next split's reader. */
static hr_status open_split(struct scan *op, struct hr_err *err)
{
    struct hr_source *source = op->scan->source;
    struct hr_task *task = op->op.task;
    HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
    if (op->scan->letters_of) {
        hr_dead_letters_init(&op->dead, task->exec, op->scan->letters_of,
                             op->scan->first_split + op->next, task->attempt);
        op->spec.dead = &op->dead;
    }
    const struct hr_split *split = &op->scan->splits[op->next];
    if (op->scan->input)
        HR_TRY(hr_input_open(op->scan->input, source, split, &op->spec, &op->reader, err));
    else
        HR_TRY(source->vt->open_reader(source, split, &op->spec, &op->reader, err));
    op->partition_read =
        (uint64_t)HR_PNODE(scan, op->op.node)->scan_id << 32 | split->watermark_partition;
    op->next++;
    return HR_OK;
}

static hr_status give(struct scan *op, struct hr_batch *batch, struct hr_batch **ret,
                      struct hr_err *err)
{
    if (op->columns) {
        struct hr_batch *part = hr_batch_project(batch, op->op.node->schema, op->columns);
        hr_batch_unref(batch);
        if (!part) return HR_OOM(err);
        batch = part;
    }
    *ret = batch;
    return HR_OK;
}

static hr_status scan_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct scan *op = (struct scan *)base;
    for (;;) {
        if (!op->reader) {
            if (op->next == op->end) break;
            HR_TRY(open_split(op, err));
        }
        struct hr_batch *batch = NULL;
        HR_TRY(op->reader->vt->next(op->reader, &batch, err));
        if (batch && batch->sel_count) {
            op->rows += batch->sel_count;
            base->task->partition_read = op->partition_read;
            return give(op, batch, ret_batch, err);
        }
        if (batch) {
            hr_batch_unref(batch);
            continue;
        }
        op->reader->vt->close(op->reader);
        op->reader = NULL;
        if (HR_PLANTED(DEAD_TAIL)) hr_dead_letters_done(&op->dead);
        HR_TRY(hr_dead_letters_flush(&op->dead, err));
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
    hr_dead_letters_done(&op->dead);
    /* Stopped early by a LIMIT: what was read was read. */
    atomic_fetch_add_explicit(&op->scan->rows_read, op->rows, memory_order_relaxed);
}

static void scan_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_scan_pnode *scan = HR_PNODE(scan, node);
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < node->schema->field_count; i++)
        hr_buf_printf(out, "%s%s", i ? ", " : "", node->schema->fields[i].name);
    hr_buf_putc(out, ']');
    if (!scan->pushed_filter_count) return;
    hr_buf_puts(out, " PushedFilters: ");
    hr_op_print_exprs(scan->pushed_filters, scan->pushed_filter_count, out);
}

static uint32_t scan_partitions(const struct hr_pipeline *pipeline, const struct hr_pnode *node)
{
    const struct hr_exec *exec = pipeline->exec;
    uint32_t id = HR_PNODE(scan, node)->scan_id;
    if (id >= exec->scan_count) return 1;
    uint32_t threads = HR_MAX(exec->conf->threads, 1);
    uint32_t splits = exec->scans[id].split_count;
    return HR_MAX(HR_MIN(splits, threads * TASKS_PER_THREAD), 1);
}

static int64_t scan_rows(const struct hr_exec *exec, const struct hr_pnode *node)
{
    uint32_t id = HR_PNODE(scan, node)->scan_id;
    int64_t rows = 0;
    if (id >= exec->scan_count) return 0;
    const struct hr_exec_scan *scan = &exec->scans[id];
    for (uint32_t i = 0; i < scan->split_count; i++) {
        const struct hr_split *split = &scan->splits[i];
        if (split->rows_estimate < 0 && split->bytes_estimate < 0) return -1;
        rows += split->rows_estimate >= 0 ? split->rows_estimate : split->bytes_estimate / 64;
    }
    return rows;
}

static void scan_push_filters(struct hr_pnode *node, struct hr_expr **filters, uint32_t count)
{
    struct hr_scan_pnode *scan = HR_PNODE(scan, node);
    scan->pushed_filters = filters;
    scan->pushed_filter_count = count;
}

const struct hr_operator_vt hr_op_scan = {
    .name = "Scan",
    .node_size = sizeof(struct hr_scan_pnode),
    .reads_source = true,
    .partitions = scan_partitions,
    .rows_estimate = scan_rows,
    .push_filters = scan_push_filters,
    .open = scan_open,
    .next = scan_next,
    .close = scan_close,
    .explain = scan_explain,
};
