/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing trees of operators, and helpers that several of them use. */
#include "operator/operator.h"
#include "operator/tap.h"

#include "operator/exec.h"

void *hr_op_new(const struct hr_pnode *node, struct hr_task *task, struct hr_op **children,
                size_t size)
{
    assert(size >= sizeof(struct hr_op) && node->vt);
    struct hr_op *op = hr_arena_zalloc(task->arena, size);
    if (!op) return NULL;
    op->vt = node->vt;
    op->node = node;
    op->task = task;
    op->children = children;
    return op;
}

uint32_t hr_pipeline_partitions(const struct hr_pipeline *pipeline, const struct hr_pnode *node)
{
    assert(node && node->vt);
    if (pipeline->collapsed) return 1;
    if (node->vt->partitions) return node->vt->partitions(pipeline, node);
    if (node->child_count == 0) return 1;
    uint32_t sum = 0, most = 0, least = UINT32_MAX;
    for (uint32_t i = 0; i < node->child_count; i++) {
        uint32_t n = hr_pipeline_partitions(pipeline, node->children[i]);
        sum += n;
        if (n == 0) continue;
        most = HR_MAX(most, n);
        least = HR_MIN(least, n);
    }
    if (node->vt->appends_children) return HR_MAX(sum, 1);
    return most == least ? most : 1;
}

/* A union's partitions are those of its children one after the other, unless one task sees all. */
static bool child_has_share(const struct hr_pnode *node, struct hr_task *task, uint32_t child)
{
    assert(child < node->child_count && task->share < task->share_count);
    if (!node->vt->appends_children || task->share_count == 1) return true;
    uint32_t first = 0;
    for (uint32_t i = 0; i < child; i++)
        first += hr_pipeline_partitions(task->pipeline, node->children[i]);
    uint32_t count = hr_pipeline_partitions(task->pipeline, node->children[child]);
    if (task->share < first || task->share - first >= count) return false;
    task->share -= first;
    task->share_count = count;
    return true;
}

hr_status hr_op_open(const struct hr_pnode *node, struct hr_task *task, struct hr_op **ret,
                     struct hr_err *err)
{
    const struct hr_operator_vt *vt = node->vt;
    assert(vt && vt->open && vt->next && node->schema);
    if (vt->opens_children) return vt->open(node, task, NULL, ret, err);
    struct hr_op **children = HR_NEW_ARRAY(task->arena, struct hr_op *, node->child_count + 1);
    if (!children) return HR_OOM(err);
    hr_status status = HR_OK;
    uint32_t share = task->share, share_count = task->share_count;
    bool collapsed = task->pipeline && task->pipeline->collapsed;
    const struct hr_pnode *input = vt->input ? vt->input(node, collapsed) : node;
    assert(input->child_count == node->child_count);
    for (uint32_t i = 0; i < node->child_count && status == HR_OK; i++) {
        if (child_has_share(node, task, i))
            status = hr_op_open(input->children[i], task, &children[i], err);
        task->share = share;
        task->share_count = share_count;
    }
    if (status == HR_OK) status = vt->open(node, task, children, ret, err);
    if (status == HR_OK) return HR_OK;
    for (uint32_t i = 0; i < node->child_count; i++) hr_op_close(children[i]);
    return hr_op_failed(node, task, status);
}

hr_status hr_op_failed(const struct hr_pnode *node, struct hr_task *task, hr_status status)
{
    if (status != HR_E_MEMORY_LIMIT) return status;
    if (!task->short_in) task->short_in = node->vt;
    if (!task->short_for && node->vt->gathers) task->short_for = node->vt;
    return status;
}

void hr_op_name_failed(const struct hr_task *task, hr_status status, struct hr_err *err)
{
    if (status != HR_E_MEMORY_LIMIT || !task->short_in || !err) return;
    if (!task->short_for || task->short_for == task->short_in)
        HR_UNUSED(hr_err_prefix(err, "%s", task->short_in->name));
    else
        HR_UNUSED(hr_err_prefix(err, "%s (for %s)", task->short_in->name, task->short_for->name));
}

hr_status hr_op_verify(const struct hr_op *op, const struct hr_batch *batch, struct hr_err *err)
{
    if (!batch) return HR_OK;
    const struct hr_type *schema = op->node->schema;
    hr_status status = hr_batch_verify(batch, err);
    for (uint32_t i = 0; !status && i < schema->field_count; i++)
        if (batch->schema->fields[i].type != schema->fields[i].type)
            status = HR_BUG(err, "batch: column %s has another type than the plan's",
                            schema->fields[i].name);
    if (status && err) HR_UNUSED(hr_err_prefix(err, "%s hands over", op->vt->name));
    return status;
}

hr_status hr_op_next_measured(struct hr_op *op, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct hr_task *task = op->task;
    int64_t outer_ns = task->nested_ns, start_ns = hr_mono_ns(task->env);
    task->nested_ns = 0;
    hr_status status = op->vt->next(op, ret_batch, err);
    int64_t took_ns = hr_mono_ns(task->env) - start_ns;
    op->self_ns += took_ns - task->nested_ns;
    op->batches_out++;
    task->nested_ns = outer_ns + took_ns;
    if (task->tap && status == HR_OK && *ret_batch) hr_tap_offer(task->tap, op, *ret_batch);
    return status;
}

static void add_figures(const struct hr_op *op)
{
    assert(op->task->figures);
    struct hr_node_figures *figures = &op->task->figures[op->node->id];
    atomic_fetch_add_explicit(&figures->rows, op->rows_out, memory_order_relaxed);
    atomic_fetch_add_explicit(&figures->batches, op->batches_out, memory_order_relaxed);
    atomic_fetch_add_explicit(&figures->self_ns, op->self_ns, memory_order_relaxed);
}

void hr_op_close(struct hr_op *op)
{
    if (!op) return;
    if (op->task->figures) add_figures(op);
    struct hr_op **children = op->children;
    uint32_t child_count = children ? op->node->child_count : 0;
    if (op->vt->close) op->vt->close(op);
    for (uint32_t i = 0; i < child_count; i++) hr_op_close(children[i]);
}

hr_status hr_op_derive(const struct hr_type *schema, struct hr_batch *in, struct hr_mem *mem,
                       struct hr_batch **ret, struct hr_err *err)
{
    assert(in->sel_count <= in->row_count);
    struct hr_batch *out = hr_batch_new(schema, in->row_count, mem);
    if (!out) return HR_OOM(err);
    if (!hr_batch_hold_batch(out, in)) {
        hr_batch_unref(out);
        return HR_OOM(err);
    }
    out->sel = in->sel;
    out->sel_count = in->sel_count;
    out->weights = in->weights;
    hr_batch_unref(in);
    *ret = out;
    return HR_OK;
}

hr_status hr_op_take_weights(struct hr_batch *out, const struct hr_batch *in, const uint32_t *rows,
                             uint32_t count, struct hr_err *err)
{
    assert(!out->weights && out->row_count == count);
    if (!in->weights) return HR_OK;
    int32_t *weights = hr_arena_alloc_aligned(&out->arena, sizeof *weights * (count + 1));
    if (!weights) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) weights[i] = in->weights[rows[i]];
    out->weights = weights;
    return HR_OK;
}

uint32_t hr_op_share(const struct hr_task *task, uint32_t units, uint32_t *ret_first)
{
    assert(task->share < task->share_count);
    uint32_t first = (uint32_t)((uint64_t)units * task->share / task->share_count);
    uint32_t end = (uint32_t)((uint64_t)units * (task->share + 1) / task->share_count);
    *ret_first = first;
    return end - first;
}

void hr_op_print_exprs(struct hr_expr *const *exprs, uint32_t count, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, ", ");
        if (exprs && exprs[i]) hr_expr_print(exprs[i], out);
    }
    hr_buf_putc(out, ']');
}
