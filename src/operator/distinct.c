/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct: the first row of every key (all columns where there is no program). */
#include "operator/distinct.h"
#include "operator/operator.h"
#include "state/table.h"

struct distinct_op {
    struct hr_op op;
    struct hr_eval *eval;
    const struct hr_key_codec *codec;
    struct hr_keys keys;
    struct hr_ktable *table;
    struct hr_vector *vectors;
    struct hr_arena scratch;
};

static void distinct_close(struct hr_op *base)
{
    struct distinct_op *op = (struct distinct_op *)base;
    hr_ktable_free(op->table);
    op->table = NULL;
    hr_keys_done(&op->keys);
    hr_eval_free(op->eval);
    hr_arena_done(&op->scratch);
}

static hr_status open_parts(struct distinct_op *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    op->keys.mem = task->mem;
    uint32_t count =
        node->program ? HR_PNODE(distinct, node)->key_count : node->schema->field_count;
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, count + 1);
    if (!types || !op->vectors) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        types[i] = node->program ? node->exprs[i]->type : node->schema->fields[i].type;
    HR_TRY(hr_key_codec_new(task->arena, types, count, &op->codec, err));
    if (node->program) {
        HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
        hr_eval_set_context(op->eval, task->now_us, task->partition);
    }
    struct hr_ktable_options options = {.mem = task->mem};
    return hr_ktable_new(&options, &op->table, err);
}

static hr_status distinct_open(const struct hr_pnode *node, struct hr_task *task,
                               struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct distinct_op *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        distinct_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* The rows of in whose key is new, as a selection; NULL: none. */
static hr_status first_rows(struct distinct_op *op, struct hr_batch *in, struct hr_batch **ret,
                            struct hr_err *err)
{
    hr_arena_reset(&op->scratch);
    if (op->eval)
        HR_TRY(hr_eval_vectors(op->eval, in, &op->scratch, op->vectors, err));
    else
        for (uint32_t i = 0; i < in->schema->field_count; i++)
            op->vectors[i] = (struct hr_vector){.col = in->columns[i]};
    uint32_t count = in->sel_count;
    HR_TRY(hr_keys_encode(op->codec, op->vectors, in->sel, count, 0, &op->keys, err));
    uint8_t **states = hr_arena_alloc(&op->scratch, (count + 1) * sizeof *states);
    uint8_t *is_new = hr_arena_alloc(&op->scratch, count + 1);
    if (!states || !is_new) return HR_OOM(err);
    HR_TRY(
        hr_ktable_upsert(op->table, op->keys.views, op->keys.hashes, count, states, is_new, err));
    uint32_t *sel, n = 0;
    struct hr_batch *out = hr_batch_new_sel(in, count, &sel);
    if (!out) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        sel[n] = hr_op_row(in, i);
        n += is_new[i];
    }
    out->sel_count = n;
    if (n == 0) {
        hr_batch_unref(out);
        out = NULL;
    }
    *ret = out;
    return HR_OK;
}

static hr_status distinct_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *in, *out = NULL;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        *ret_batch = NULL;
        if (!in) return HR_OK;
        hr_status status = first_rows((struct distinct_op *)base, in, &out, err);
        hr_batch_unref(in);
        HR_TRY(status);
        if (!out) continue;
        *ret_batch = out;
        return HR_OK;
    }
}

static void distinct_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_puts(out, "keys=");
    hr_op_print_exprs(node->exprs, node->program ? HR_PNODE(distinct, node)->key_count : 0, out);
}

const struct hr_operator_vt hr_op_distinct = {
    .name = "Deduplicate",
    .node_size = sizeof(struct hr_distinct_pnode),
    .gathers = true,
    .open = distinct_open,
    .next = distinct_next,
    .close = distinct_close,
    .explain = distinct_explain,
};
