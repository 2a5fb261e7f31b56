/* SPDX-License-Identifier: Apache-2.0 */
/*
 * View: the whole result of a query over changes, kept from epoch to epoch and put out in each:
 * complete mode, where no operator below has it.
 *
 * State: each distinct row with its count. A row that is no longer there is deleted.
 */
#include "operator/consolidate.h"
#include "operator/stateful.h"

#define BLOCK HR_REPEAT_BLOCK

struct view {
    struct hr_op op;
    struct hr_stateful s;
    struct hr_vector *vectors;
    struct hr_arena scratch;
    struct hr_ktable_iter iter;
    struct hr_repeat repeat;
    bool has_input, iterating;
    uint32_t part_index;
    uint8_t *states[BLOCK];
    uint32_t numbers[BLOCK];
};

static hr_status view_args(const struct hr_pnode *node, struct hr_arena *arena,
                           struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(node);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "view";
    ret->tables[0].value_bytes = sizeof(int64_t);
    return HR_OK;
}

static void view_close(struct hr_op *base)
{
    struct view *op = (struct view *)base;
    hr_stateful_close(&op->s);
    hr_arena_done(&op->scratch);
}

static hr_status view_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct view *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    uint32_t count = node->schema->field_count;
    hr_arena_init(&op->scratch, task->mem);
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, count + 1);
    hr_status status = types && op->vectors ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; i < count && status == HR_OK; i++)
        types[i] = node->schema->fields[i].type;
    if (status == HR_OK) status = hr_stateful_open(&op->s, node, task, types, count, err);
    if (status != HR_OK) {
        view_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status take_batch(struct view *op, const struct hr_batch *in, struct hr_err *err)
{
    for (uint32_t c = 0; c < op->op.node->schema->field_count; c++)
        op->vectors[c] = (struct hr_vector){.col = in->columns[c]};
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->numbers[i] = hr_op_row(in, at + i);
        HR_TRY(hr_stateful_encode(&op->s, op->vectors, op->numbers, n, err));
        HR_TRY(hr_stateful_upsert(&op->s, 0, HR_PANE_NONE, n, op->states, NULL, err));
        for (uint32_t i = 0; i < n; i++)
            *(int64_t *)(void *)op->states[i] += in->weights ? in->weights[op->numbers[i]] : 1;
    }
    return HR_OK;
}

/* Rows of the epoch that are no longer there go. */
static hr_status sweep(struct view *op, struct hr_state_part *part, struct hr_err *err)
{
    struct hr_pane *pane = hr_state_oldest_pane(part, 0, HR_PANE_NONE);
    if (!pane) return HR_OK;
    uint32_t count = hr_ktable_dirty_count(pane->table);
    part->rows_updated += count;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *row = hr_ktable_dirty(pane->table, i);
        int64_t weight = *(const int64_t *)(void *)row;
        if (weight < 0)
            return hr_below_zero(op->op.node, op->s.codec, op->op.node->schema,
                                 hr_ktable_key(pane->table, row), err);
        if (weight > 0 || hr_krow_of(row)->flags & HR_KROW_DELETED) continue;
        HR_TRY(hr_ktable_delete(pane->table, row, err));
        part->rows_removed++;
    }
    return HR_OK;
}

static hr_status take_input(struct view *op, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) break;
        hr_status status = take_batch(op, in, err);
        hr_batch_unref(in);
        HR_TRY(status);
    }
    for (uint32_t p = 0; p < op->s.part_count; p++) HR_TRY(sweep(op, &op->s.parts[p], err));
    op->has_input = true;
    return HR_OK;
}

static hr_status make_output(struct view *op, const struct hr_ktable *table, uint32_t count,
                             struct hr_batch **ret, struct hr_err *err)
{
    hr_arena_reset(&op->scratch);
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    struct hr_str_view *views = hr_arena_alloc(&op->scratch, sizeof *views * count);
    hr_status status = out && views ? HR_OK : HR_OOM(err);
    if (status == HR_OK) {
        for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(table, op->states[i]);
        status = hr_keys_decode(op->s.codec, views, count, &out->arena, out->columns, err);
    }
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

static hr_status view_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct view *op = (struct view *)base;
    uint32_t rows = base->task->conf->batch_rows ? base->task->conf->batch_rows : BLOCK;
    *ret_batch = NULL;
    if (!op->has_input) HR_TRY(take_input(op, err));
    for (; op->part_index < op->s.part_count; op->part_index++, op->iterating = false) {
        struct hr_pane *pane =
            hr_state_oldest_pane(&op->s.parts[op->part_index], 0, HR_PANE_NONE);
        if (!pane) continue;
        if (!op->iterating) {
            hr_ktable_iter_all(pane->table, &op->iter);
            op->repeat.count = op->repeat.at = 0;
            op->iterating = true;
        }
        uint32_t count =
            hr_repeat_next(&op->repeat, &op->iter, false, op->states, HR_MIN(rows, BLOCK));
        if (count) return make_output(op, pane->table, count, ret_batch, err);
    }
    return HR_OK;
}

static void view_text(const struct hr_pnode *node, struct hr_buf *out)
{
    HR_UNUSED(node);
    hr_buf_puts(out, "each row of the result");
}

static const char *view_grows(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return "the rows of the result, as many as there are";
}

const struct hr_operator_vt hr_op_view = {
    .name = "View",
    .passes_columns = true,
    .gathers = true,
    .open = view_open,
    .next = view_next,
    .close = view_close,
    .state_args = view_args,
    .state_text = view_text,
    .grows = view_grows,
};
