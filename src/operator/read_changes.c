/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReadChanges: records that tell of changes of rows become rows with weights: −1 for what was,
 * +1 for what is. From an envelope (Debezium: before, after, op) a record gives up to two rows; in
 * a table with a change column a record is a row.
 *
 * Rows that were come in batches before those that are: sums of weights do not ask for an order. A
 * record without an operation is none: a tombstone, or one that could not be read, which the
 * decoder has counted.
 */
#include <stdio.h>

#include "operator/read_changes.h"
#include "operator/operator.h"

#define PARTS 4 /* before and after, each as the record's own or its payload's */

struct read_changes {
    struct hr_op op;
    struct hr_batch *in; /* whose parts are going out */
    uint32_t *rows[PARTS];
    uint32_t counts[PARTS];
    struct hr_arena scratch;
    uint32_t part;
};

static hr_status read_changes_open(const struct hr_pnode *node, struct hr_task *task,
                                   struct hr_op **children, struct hr_op **ret_op,
                                   struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct read_changes *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_arena_init(&op->scratch, task->mem);
    *ret_op = &op->op;
    return HR_OK;
}

static void read_changes_close(struct hr_op *base)
{
    struct read_changes *op = (struct read_changes *)base;
    hr_batch_unref(op->in);
    hr_arena_done(&op->scratch);
}

static hr_status invalid(struct hr_err *err, const char *why, struct hr_str_view what)
{
    char text[200];
    snprintf(text, sizeof text, "%s%.*s%s", why, (int)HR_MIN(what.len, 60u), what.ptr,
             what.len > 60 ? "\xe2\x80\xa6" : "");
    return HR_RAISE(err, HR_E_INVALID_CHANGE, "why", text);
}

/* --- A change column -------------------------------------------------------------------------- */

/* The names of Flink, and of Spark's change data feed. */
static int32_t weight_of_text(struct hr_str_view text)
{
    static const char *const plus[] = {"+I", "+U", "insert", "update_postimage"};
    static const char *const minus[] = {"-D", "-U", "delete", "update_preimage"};
    for (size_t i = 0; i < HR_COUNT(plus); i++) {
        if (hr_sv_eq_nocase(text, hr_sv(plus[i]))) return 1;
        if (hr_sv_eq_nocase(text, hr_sv(minus[i]))) return -1;
    }
    return 0;
}

static hr_status weight_at(const struct hr_column *col, uint32_t row, int32_t *ret,
                           struct hr_err *err)
{
    if (!hr_column_valid(col, row))
        return invalid(err, "its change column is NULL", hr_sv(""));
    if (hr_type_is_string(col->type)) {
        struct hr_str_view text = hr_string_view(&((const struct hr_string *)col->values)[row]);
        *ret = weight_of_text(text);
        return *ret ? HR_OK
                    : invalid(err, "its change column is none of +I, -U, +U, -D, but ", text);
    }
    int64_t weight;
    switch (hr_type_width(col->type)) {
    case 1: weight = ((const int8_t *)col->values)[row]; break;
    case 2: weight = ((const int16_t *)col->values)[row]; break;
    case 4: weight = ((const int32_t *)col->values)[row]; break;
    default: weight = ((const int64_t *)col->values)[row];
    }
    if (weight < -INT32_MAX || weight > INT32_MAX)
        return invalid(err, "its count is beyond 31 bits", hr_sv(""));
    *ret = (int32_t)weight;
    return HR_OK;
}

static hr_status fill_weights(struct hr_batch *out, const struct hr_column *change,
                              struct hr_err *err)
{
    int32_t *weights = hr_arena_alloc_aligned(&out->arena, sizeof *weights * (out->row_count + 1));
    uint32_t *sel = hr_arena_alloc(&out->arena, sizeof *sel * (out->sel_count + 1));
    if (!weights || !sel) return HR_OOM(err);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < out->sel_count; i++) {
        uint32_t row = hr_op_row(out, i);
        HR_TRY(weight_at(change, row, &weights[row], err));
        sel[kept] = row;
        kept += weights[row] != 0;
    }
    out->weights = weights;
    out->sel = sel;
    out->sel_count = kept;
    return HR_OK;
}

static hr_status by_column(struct read_changes *op, struct hr_batch **ret_batch,
                           struct hr_err *err)
{
    const struct hr_read_changes_pnode *node = HR_PNODE(read_changes, op->op.node);
    const struct hr_type *schema = op->op.node->schema;
    for (;;) {
        struct hr_batch *in, *out;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) return HR_OK;
        struct hr_column change = in->columns[node->change_column];
        hr_status status = hr_op_derive(schema, in, op->op.task->mem, &out, err);
        if (status != HR_OK) {
            hr_batch_unref(in);
            return status;
        }
        for (uint32_t c = 0; c < schema->field_count; c++)
            out->columns[c] = in->columns[node->columns[c]];
        status = fill_weights(out, &change, err);
        if (status != HR_OK || out->sel_count == 0) {
            hr_batch_unref(out);
            HR_TRY(status);
            continue;
        }
        *ret_batch = out;
        return HR_OK;
    }
}

/* --- Debezium's envelope ---------------------------------------------------------------------- */

/* Columns of the envelope: before, after, op. */
static hr_status open_record(struct read_changes *op, const struct hr_column *columns,
                             uint32_t row, uint32_t part, struct hr_err *err)
{
    const struct hr_column *before = &columns[0], *after = &columns[1];
    struct hr_str_view name =
        hr_string_view(&((const struct hr_string *)columns[2].values)[row]);
    bool was = hr_column_valid(before, row), is = hr_column_valid(after, row);
    char kind = name.len == 1 ? name.ptr[0] : 0;
    switch (kind) {
    case 'c':
    case 'r':
        if (!is) return invalid(err, "its 'after' is missing, though its op is ", name);
        was = false;
        break;
    case 'd':
        if (!was)
            return invalid(err, "its 'before' is missing (Postgres gives it with REPLICA IDENTITY "
                                "FULL), though its op is ", name);
        is = false;
        break;
    case 'u':
        if (!was || !is)
            return invalid(err, was ? "its 'after' is missing, though its op is "
                                    : "its 'before' is missing (Postgres gives it with REPLICA "
                                      "IDENTITY FULL), though its op is ",
                           name);
        break;
    default: return invalid(err, "its op is none of c, r, u, d, but ", name);
    }
    if (was) op->rows[part][op->counts[part]++] = row;
    if (is) op->rows[part + 1][op->counts[part + 1]++] = row;
    return HR_OK;
}

/* Sorts the rows of the batch into parts. */
static hr_status open_batch(struct read_changes *op, struct hr_err *err)
{
    struct hr_batch *in = op->in;
    const struct hr_column *payload = &in->columns[3];
    hr_arena_reset(&op->scratch);
    op->part = 0;
    for (uint32_t p = 0; p < PARTS; p++) {
        op->counts[p] = 0;
        op->rows[p] = hr_arena_alloc(&op->scratch, sizeof(uint32_t) * (in->sel_count + 1));
        if (!op->rows[p]) return HR_OOM(err);
    }
    for (uint32_t i = 0; i < in->sel_count; i++) {
        uint32_t row = hr_op_row(in, i);
        if (hr_column_valid(payload, row) && hr_column_valid(&payload->children[2], row))
            HR_TRY(open_record(op, payload->children, row, 2, err));
        else if (hr_column_valid(&in->columns[2], row))
            HR_TRY(open_record(op, in->columns, row, 0, err));
    }
    return HR_OK;
}

static hr_status take_part(struct read_changes *op, uint32_t part, struct hr_batch **ret,
                           struct hr_err *err)
{
    const struct hr_read_changes_pnode *node = HR_PNODE(read_changes, op->op.node);
    const struct hr_type *schema = op->op.node->schema;
    const struct hr_column *from = part >= 2 ? op->in->columns[3].children : op->in->columns;
    uint32_t count = op->counts[part];
    struct hr_batch *out = hr_batch_new(schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = HR_OK;
    int32_t *weights = hr_arena_alloc_aligned(&out->arena, sizeof *weights * (count + 1));
    if (!weights || !hr_batch_hold_batch(out, op->in)) status = HR_OOM(err);
    for (uint32_t c = 0; c < schema->field_count && status == HR_OK; c++)
        status = hr_column_take(&out->arena, &from[part & 1].children[node->columns[c]],
                                op->rows[part], count, &out->columns[c], err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    for (uint32_t i = 0; i < count; i++) weights[i] = part & 1 ? 1 : -1;
    out->weights = weights;
    *ret = out;
    return HR_OK;
}

static hr_status by_envelope(struct read_changes *op, struct hr_batch **ret_batch,
                             struct hr_err *err)
{
    for (;;) {
        if (!op->in) {
            HR_TRY(hr_op_next(op->op.children[0], &op->in, err));
            if (!op->in) return HR_OK;
            HR_TRY(open_batch(op, err));
        }
        while (op->part < PARTS && op->counts[op->part] == 0) op->part++;
        if (op->part < PARTS) return take_part(op, op->part++, ret_batch, err);
        hr_batch_unref(op->in);
        op->in = NULL;
    }
}

static hr_status read_changes_next(struct hr_op *base, struct hr_batch **ret_batch,
                                   struct hr_err *err)
{
    struct read_changes *op = (struct read_changes *)base;
    *ret_batch = NULL;
    return HR_PNODE(read_changes, base->node)->envelope ? by_envelope(op, ret_batch, err)
                                                         : by_column(op, ret_batch, err);
}

static void read_changes_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_read_changes_pnode *changes = HR_PNODE(read_changes, node);
    if (changes->envelope)
        hr_buf_puts(out, "debezium");
    else
        hr_buf_printf(out, "by %s",
                      node->children[0]->schema->fields[changes->change_column].name);
}

const struct hr_operator_vt hr_op_read_changes = {
    .name = "ReadChanges",
    .node_size = sizeof(struct hr_read_changes_pnode),
    .open = read_changes_open,
    .next = read_changes_next,
    .close = read_changes_close,
    .explain = read_changes_explain,
};
