/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LateRows: below the stateful operator whose late rows are wanted (LATE ROWS INTO). A row at or
 * below the watermark of the epoch before goes to the query's second output, with the reason and by
 * how much it is late; the others go on, and the operator above finds no late row any more. A row
 * that is in several windows comes once for each, and is late for those that are closed.
 */
#include "operator/late.h"
#include "operator/operator.h"

struct late {
    struct hr_op op;
    const struct hr_late_pnode *node;
    int64_t late_us;
    int64_t count;
    struct hr_late_row *rows; /* of a batch: late ones from the front, without a time from behind */
};

static hr_status late_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct late *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->node = HR_PNODE(late, node);
    op->late_us = task->exec->late_watermark_us;
    op->rows = hr_arena_alloc(task->arena, HR_BATCH_ROWS * sizeof *op->rows);
    if (!op->rows) return HR_OOM(err);
    *ret_op = &op->op;
    return HR_OK;
}

const struct hr_type *hr_late_schema(struct hr_arena *arena, const struct hr_type *columns)
{
    uint32_t n = columns->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, n + HR_LATE_COLUMNS);
    if (!fields) return NULL;
    memcpy(fields, columns->fields, n * sizeof *fields);
    for (uint32_t i = 0; i < n; i++) fields[i].nullable = true;
    fields[n] = (struct hr_field){"_reason", hr_type(HR_T_STRING), false};
    fields[n + 1] = (struct hr_field){"_watermark", hr_type(HR_T_TIMESTAMP), true};
    fields[n + 2] = (struct hr_field){"_late_ms", hr_type(HR_T_LONG), true};
    return hr_type_struct(fields, n + HR_LATE_COLUMNS);
}

/* --- Emitting --------------------------------------------------------------------------------- */

static hr_status own_columns(struct hr_batch *out, const struct hr_late_row *rows, uint32_t count,
                             const char *reason, int64_t mark_us, struct hr_err *err)
{
    uint32_t n = out->schema->field_count - HR_LATE_COLUMNS;
    struct hr_column *c = &out->columns[n];
    for (uint32_t k = 0; k < HR_LATE_COLUMNS; k++)
        HR_TRY(hr_column_alloc(&out->arena, out->schema->fields[n + k].type, count, k > 0, &c[k],
                               err));
    struct hr_string *reasons = (void *)(uintptr_t)c[0].values;
    int64_t *marks = (void *)(uintptr_t)c[1].values, *lates = (void *)(uintptr_t)c[2].values;
    struct hr_string text = hr_string_make(reason, (uint32_t)strlen(reason)); /* inline: ≤ 12 */
    for (uint32_t i = 0; i < count; i++) {
        bool known = rows[i].late_us != INT64_MIN;
        reasons[i] = text;
        marks[i] = mark_us;
        lates[i] = known ? rows[i].late_us / 1000 : 0;
        hr_bit_put((uint64_t *)(uintptr_t)c[1].validity, i, mark_us != INT64_MIN);
        hr_bit_put((uint64_t *)(uintptr_t)c[2].validity, i, known);
    }
    return HR_OK;
}

static hr_status fill(struct hr_batch *out, const struct hr_batch *in, const int32_t *columns,
                      const struct hr_late_row *rows, uint32_t count, const char *reason,
                      int64_t mark_us, struct hr_err *err)
{
    uint32_t n = out->schema->field_count - HR_LATE_COLUMNS;
    uint32_t *places = hr_arena_alloc(&out->arena, (count + 1) * sizeof *places);
    if (!places) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) places[i] = rows[i].row;
    for (uint32_t c = 0; c < n; c++) {
        int32_t from = columns ? columns[c] : (int32_t)c;
        if (from < 0)
            HR_TRY(hr_column_nulls(&out->arena, out->schema->fields[c].type, count,
                                   &out->columns[c], err));
        else
            HR_TRY(hr_column_take(&out->arena, &in->columns[from], places, count,
                                  &out->columns[c], err));
    }
    return own_columns(out, rows, count, reason, mark_us, err);
}

hr_status hr_late_emit(struct hr_task *task, const struct hr_type *late_schema, struct hr_batch *in,
                       const int32_t *columns, const struct hr_late_row *rows, uint32_t count,
                       const char *reason, int64_t mark_us, struct hr_err *err)
{
    struct hr_exec *exec = task->exec;
    assert(exec->emit_late && count > 0 && strlen(reason) <= 12);
    struct hr_batch *out = hr_batch_new(late_schema, count, task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = fill(out, in, columns, rows, count, reason, mark_us, err);
    if (status == HR_OK)
        status = exec->emit_late(exec, task->partition, task->attempt, out, err);
    hr_batch_unref(out);
    return status;
}

/* --- Rows ------------------------------------------------------------------------------------- */

static hr_status emit_late(struct late *op, struct hr_batch *in, uint32_t from, uint32_t to,
                           const char *reason, struct hr_err *err)
{
    op->count += to - from;
    if (from == to) return HR_OK;
    return hr_late_emit(op->op.task, op->node->late_schema, in, NULL, op->rows + from, to - from,
                        reason, op->late_us, err);
}

/* *ret: the rows of the batch that are not late, none of them maybe. */
static hr_status split(struct late *op, struct hr_batch *in, struct hr_batch **ret,
                       struct hr_err *err)
{
    const struct hr_column *col = &in->columns[op->node->column];
    bool is_window = col->type->id == HR_T_STRUCT;
    const uint64_t *outer = is_window ? col->validity : NULL;
    if (is_window) col = &col->children[col->type->field_count - 1];
    const int64_t *times = col->values;
    uint32_t *kept, n = 0, k = 0, nulls = HR_BATCH_ROWS;
    assert(in->sel_count <= HR_BATCH_ROWS);
    struct hr_batch *out = hr_batch_new_sel(in, in->sel_count, &kept);
    if (!out) return HR_OOM(err);
    *ret = out;
    for (uint32_t i = 0; i < in->sel_count; i++) {
        uint32_t row = hr_op_row(in, i);
        bool valid = hr_column_valid(col, row) && (!outer || hr_bit_get(outer, row));
        if (valid && times[row] <= op->late_us)
            op->rows[n++] = (struct hr_late_row){row, op->late_us - times[row]};
        else if (!valid && op->node->null_is_late)
            op->rows[--nulls] = (struct hr_late_row){row, INT64_MIN};
        else
            kept[k++] = row;
    }
    out->sel_count = k;
    HR_TRY(emit_late(op, in, 0, n, is_window ? "late window" : "late row", err));
    return emit_late(op, in, nulls, HR_BATCH_ROWS, "no time", err);
}

static hr_status late_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct late *op = (struct late *)base;
    for (;;) {
        struct hr_batch *in, *out = NULL;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (!in) {
            atomic_fetch_add(&base->task->exec->late_rows, op->count);
            op->count = 0;
            *ret_batch = NULL;
            return HR_OK;
        }
        hr_status status = split(op, in, &out, err);
        bool is_empty = status == HR_OK && out->sel_count == 0 && in->sel_count > 0;
        hr_batch_unref(in);
        *ret_batch = out;
        if (status == HR_OK && !is_empty) return HR_OK;
        hr_batch_unref(out);
        HR_TRY(status);
    }
}

static void late_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_late_pnode *late = HR_PNODE(late, node);
    hr_buf_puts(out, node->schema->fields[late->column].name);
}

const struct hr_operator_vt hr_op_late = {
    .name = "LateRows",
    .passes_columns = true,
    .node_size = sizeof(struct hr_late_pnode),
    .open = late_open,
    .next = late_next,
    .explain = late_explain,
};
