/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generate: explode, posexplode and inline: a row for each element of an ARRAY or MAP, with all of
 * the input's columns. outer: a row without elements (or NULL) gives one row of NULLs.
 */
#include "operator/generate.h"
#include "expr/function.h"
#include "operator/operator.h"

#define NONE UINT32_MAX

struct generate {
    struct hr_op op;
    struct hr_eval *eval;
    bool positions, fields;
    uint32_t most;             /* rows of an output batch */
    uint32_t *rows, *elements; /* of the output: row of in, element or NONE */
    int32_t *positions_of;
    struct hr_batch *in;     /* being worked on */
    struct hr_arena scratch; /* of in's argument */
    struct hr_vector arg;
    uint32_t next_row;    /* live row of in */
    int32_t next_element; /* within it */
};

static hr_status generate_open(const struct hr_pnode *node, struct hr_task *task,
                               struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->program && node->expr_count == 1);
    struct generate *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->positions = hr_expr_is(node->exprs[0], HR_ROLE_POSEXPLODE);
    op->fields = hr_expr_is(node->exprs[0], HR_ROLE_INLINE);
    op->most = task->conf->batch_rows ? task->conf->batch_rows : HR_BATCH_ROWS;
    op->rows = hr_arena_alloc(task->arena, op->most * sizeof *op->rows);
    op->elements = hr_arena_alloc(task->arena, op->most * sizeof *op->elements);
    op->positions_of = hr_arena_alloc(task->arena, op->most * sizeof *op->positions_of);
    if (!op->rows || !op->elements || !op->positions_of) return HR_OOM(err);
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    hr_arena_init(&op->scratch, task->mem);
    *ret_op = &op->op;
    return HR_OK;
}

static void generate_close(struct hr_op *base)
{
    struct generate *op = (struct generate *)base;
    hr_batch_unref(op->in);
    op->in = NULL;
    hr_eval_free(op->eval);
    hr_arena_done(&op->scratch);
}

/* Fills rows, elements and positions with up to most output rows of in. */
static uint32_t gather(struct generate *op)
{
    const struct hr_column *col = &op->arg.col;
    const int32_t *offsets = col->values;
    uint32_t n = 0;
    for (; op->next_row < op->in->sel_count && n < op->most; op->next_row++) {
        uint32_t row = hr_op_row(op->in, op->next_row);
        uint32_t at = hr_vector_row(&op->arg, row);
        bool valid = hr_column_valid(col, at);
        int32_t count = valid ? offsets[at + 1] - offsets[at] : 0;
        if (count == 0 && HR_PNODE(generate, op->op.node)->outer) {
            op->rows[n] = row;
            op->elements[n] = NONE;
            op->positions_of[n++] = -1;
        }
        for (; op->next_element < count && n < op->most; op->next_element++, n++) {
            op->rows[n] = row;
            op->elements[n] = (uint32_t)(offsets[at] + op->next_element);
            op->positions_of[n] = op->next_element;
        }
        if (op->next_element < count) break; /* the batch is full in the middle of a row */
        op->next_element = 0;
    }
    return n;
}

static hr_status put_positions(struct generate *op, uint32_t n, struct hr_batch *out,
                               struct hr_column *col, struct hr_err *err)
{
    HR_TRY(hr_column_alloc(&out->arena, hr_type(HR_T_INT), n, true, col, err));
    for (uint32_t i = 0; i < n; i++) {
        ((int32_t *)(uintptr_t)col->values)[i] = op->positions_of[i];
        if (op->elements[i] == NONE) hr_bit_clear((uint64_t *)(uintptr_t)col->validity, i);
    }
    return HR_OK;
}

static hr_status put_generated(struct generate *op, uint32_t n, struct hr_batch *out, uint32_t at,
                               struct hr_err *err)
{
    const struct hr_column *children = op->arg.col.children;
    if (op->positions) HR_TRY(put_positions(op, n, out, &out->columns[at++], err));
    if (!op->fields) {
        for (uint32_t c = 0; c < op->arg.col.type->field_count; c++)
            HR_TRY(hr_column_take(&out->arena, &children[c], op->elements, n, &out->columns[at++],
                                  err));
        return HR_OK;
    }
    /* a NULL struct gives NULL fields */
    for (uint32_t i = 0; i < n; i++)
        if (op->elements[i] != NONE && !hr_column_valid(&children[0], op->elements[i]))
            op->elements[i] = NONE;
    for (uint32_t f = 0; f < children[0].type->field_count; f++)
        HR_TRY(hr_column_take(&out->arena, &children[0].children[f], op->elements, n,
                              &out->columns[at++], err));
    return HR_OK;
}

static hr_status make_output(struct generate *op, uint32_t n, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(op->op.node->schema, n, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, op->in) ? HR_OK : HR_OOM(err);
    uint32_t own = op->in->schema->field_count;
    for (uint32_t c = 0; c < own && status == HR_OK; c++)
        status =
            hr_column_take(&out->arena, &op->in->columns[c], op->rows, n, &out->columns[c], err);
    if (status == HR_OK) status = hr_op_take_weights(out, op->in, op->rows, n, err);
    if (status == HR_OK) status = put_generated(op, n, out, own, err);
    /* strings made by the argument's expression live in scratch: copy what points there */
    struct hr_batch *deep = NULL;
    if (status == HR_OK) {
        deep = hr_batch_concat(&out, 1, out->schema, true);
        if (!deep) status = HR_OOM(err);
    }
    hr_batch_unref(out);
    HR_TRY(status);
    *ret = deep;
    return HR_OK;
}

static hr_status generate_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct generate *op = (struct generate *)base;
    for (;;) {
        if (op->in && op->next_row == op->in->sel_count) {
            hr_batch_unref(op->in);
            op->in = NULL;
        }
        if (!op->in) {
            HR_TRY(hr_op_next(base->children[0], &op->in, err));
            *ret_batch = NULL;
            if (!op->in) return HR_OK;
            op->next_row = 0;
            op->next_element = 0;
            hr_arena_reset(&op->scratch);
            HR_TRY(hr_eval_vectors(op->eval, op->in, &op->scratch, &op->arg, err));
        }
        uint32_t n = gather(op);
        if (n) return make_output(op, n, ret_batch, err);
    }
}

static void generate_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_expr_print(node->exprs[0], out);
    hr_buf_puts(out, HR_PNODE(generate, node)->outer ? ", true" : ", false");
}

const struct hr_operator_vt hr_op_generate = {
    .name = "Generate",
    .node_size = sizeof(struct hr_generate_pnode),
    .open = generate_open,
    .next = generate_next,
    .close = generate_close,
    .explain = generate_explain,
};
