/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window. Gathers sorted rows until a partition is complete, computes what it has of whole
 * partitions as one block, and hands it out by the batch. Memory: the rows of a block, twice while
 * they are brought together, and its results; a partition is at least a block.
 */
#include "operator/over.h"

#include "operator/operator.h"
#include "operator/over_block.h"

struct over {
    struct hr_op op;
    const struct hr_over_pnode *node;
    struct hr_batch **parts; /* of partitions that are not complete */
    uint32_t part_count, part_capacity;
    struct hr_batch *out; /* the block's result, from row next on */
    uint32_t next;
    bool ended;
    struct hr_arena scratch;
};

static hr_status over_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct over *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->node = HR_PNODE(over, node);
    hr_arena_init(&op->scratch, task->mem);
    *ret_op = &op->op;
    return HR_OK;
}

static void over_close(struct hr_op *base)
{
    struct over *op = (struct over *)base;
    for (uint32_t i = 0; i < op->part_count; i++) hr_batch_unref(op->parts[i]);
    hr_free(op->parts);
    op->parts = NULL;
    op->part_count = 0;
    hr_batch_unref(op->out);
    op->out = NULL;
    hr_arena_done(&op->scratch);
}

static hr_status push(struct over *op, struct hr_batch *batch, struct hr_err *err)
{
    if (op->part_count == op->part_capacity) {
        uint32_t capacity = op->part_capacity ? op->part_capacity * 2 : 16;
        struct hr_batch **parts = hr_realloc(op->parts, capacity * sizeof *parts);
        if (!parts) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
        op->parts = parts;
        op->part_capacity = capacity;
    }
    op->parts[op->part_count++] = batch;
    return HR_OK;
}

/* The first row of batch's last partition; 0 where it is that of the rows before, too. */
static uint32_t last_partition(const struct over *op, const struct hr_batch *batch)
{
    uint32_t last = batch->row_count - 1, low = 0, high = last;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hr_over_same_partition(op->node, batch, middle, batch, last))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool continues(const struct over *op, const struct hr_batch *batch)
{
    if (op->part_count == 0) return true;
    const struct hr_batch *before = op->parts[op->part_count - 1];
    return hr_over_same_partition(op->node, before, before->row_count - 1, batch, 0);
}

static hr_status compute(struct over *op, struct hr_batch *rows, struct hr_err *err)
{
    const struct hr_over_pnode *node = op->node;
    struct hr_task *task = op->op.task;
    struct hr_over_block block = {.conf = task->conf, .now_us = task->now_us};
    hr_arena_reset(&op->scratch);
    struct hr_batch *out = hr_batch_new(op->op.node->schema, rows->row_count, task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, rows) ? HR_OK : HR_OOM(err);
    memcpy(out->columns, rows->columns, node->pass_count * sizeof *out->columns);
    if (status == HR_OK) status = hr_over_block_init(&block, node, rows, &op->scratch, err);
    for (uint32_t i = 0; i < node->spec_count && status == HR_OK; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        struct hr_column *col = &out->columns[node->pass_count + i];
        if (hr_over_is_value(spec))
            status = hr_over_value(&block, spec, &out->arena, col, err);
        else
            status = hr_over_aggregate(&block, spec, &out->arena, col, err);
    }
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    op->out = out;
    op->next = 0;
    return HR_OK;
}

/* The rows that have come, less the last keep of them, as one block. */
static hr_status compute_parts(struct over *op, struct hr_err *err)
{
    const struct hr_type *schema = op->op.children[0]->node->schema;
    bool one = op->part_count == 1;
    struct hr_batch *rows = one ? hr_batch_compact(op->parts[0], false)
                                : hr_batch_concat(op->parts, op->part_count, schema, false);
    if (!rows) return HR_OOM(err);
    hr_status status = compute(op, rows, err);
    hr_batch_unref(rows);
    for (uint32_t i = 0; i < op->part_count; i++) hr_batch_unref(op->parts[i]);
    op->part_count = 0;
    return status;
}

/* Takes a batch over. A partition that ends in it completes a block. */
static hr_status add(struct over *op, struct hr_batch *batch, struct hr_err *err)
{
    struct hr_batch *plain = hr_batch_compact(batch, false);
    hr_batch_unref(batch);
    if (!plain) return HR_OOM(err);
    if (plain->row_count == 0) {
        hr_batch_unref(plain);
        return HR_OK;
    }
    bool joins = continues(op, plain);
    uint32_t cut = last_partition(op, plain);
    if (cut == 0 && joins) return push(op, plain, err);
    struct hr_batch *rest = cut ? hr_batch_slice(plain, cut, plain->row_count - cut) : plain;
    struct hr_batch *head = cut ? hr_batch_slice(plain, 0, cut) : NULL;
    if (cut) hr_batch_unref(plain);
    hr_status status = rest && (head || !cut) ? HR_OK : HR_OOM(err);
    if (status == HR_OK && head) {
        status = push(op, head, err);
        head = NULL;
    }
    if (status == HR_OK) status = compute_parts(op, err);
    if (status == HR_OK) return push(op, rest, err);
    hr_batch_unref(head);
    hr_batch_unref(rest);
    return status;
}

static hr_status over_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct over *op = (struct over *)base;
    *ret_batch = NULL;
    while (!op->out) {
        if (op->ended) return HR_OK;
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (in) {
            HR_TRY(add(op, in, err));
            continue;
        }
        op->ended = true;
        if (op->part_count) HR_TRY(compute_parts(op, err));
    }
    uint32_t batch_rows = base->task->conf->batch_rows;
    uint32_t count = HR_MIN(op->out->row_count - op->next, batch_rows ? batch_rows : HR_BATCH_ROWS);
    if (op->next == 0 && count == op->out->row_count) {
        *ret_batch = op->out;
        op->out = NULL;
        return HR_OK;
    }
    *ret_batch = hr_batch_slice(op->out, op->next, count);
    if (!*ret_batch) return HR_OOM(err);
    op->next += count;
    if (op->next < op->out->row_count) return HR_OK;
    hr_batch_unref(op->out);
    op->out = NULL;
    return HR_OK;
}

static void over_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_over_pnode *over = HR_PNODE(over, node);
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < over->spec_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        hr_expr_print(over->specs[i].over, out);
    }
    hr_buf_putc(out, ']');
}

const struct hr_operator_vt hr_op_over = {
    .name = "Window",
    .node_size = sizeof(struct hr_over_pnode),
    .gathers = true,
    .open = over_open,
    .next = over_next,
    .close = over_close,
    .explain = over_explain,
};
