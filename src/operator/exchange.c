/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges. The writing end is a partitioner of the shuffle (hash: by key slots, so that state and
 * shuffle agree; round-robin; single); the reading end an operator over the blocks of its
 * partitions. In a collapsed plan there is neither: the child's rows pass through.
 */
#include "operator/exchange.h"
#include "operator/exec.h"
#include "state/table.h"

uint32_t hr_exchange_partitions(const struct hr_pnode *node)
{
    const struct hr_exchange_pnode *exchange = HR_PNODE(exchange, node);
    if (exchange->dist == HR_DIST_SINGLE || exchange->dist == HR_DIST_BROADCAST) return 1;
    return HR_MAX(exchange->partition_count, 1);
}

/* --- The writing end -------------------------------------------------------------------------- */

struct partitioner {
    struct hr_partitioner base;
    const struct hr_pnode *node;
    struct hr_exec *exec;
    struct hr_arena arena; /* of the codec */
    const struct hr_key_codec *codec;
};

static void partitioner_free(struct hr_partitioner *base)
{
    struct partitioner *p = (struct partitioner *)base;
    hr_arena_done(&p->arena);
    hr_free(p);
}

static hr_status assign_single(struct hr_partitioner *base, const struct hr_batch *batch,
                               uint32_t *ret_partition, struct hr_err *err)
{
    HR_UNUSED(base);
    HR_UNUSED(err);
    memset(ret_partition, 0, batch->sel_count * sizeof *ret_partition);
    return HR_OK;
}

/* Any distribution will do: by position, which a recomputation repeats. */
static hr_status assign_round_robin(struct hr_partitioner *base, const struct hr_batch *batch,
                                    uint32_t *ret_partition, struct hr_err *err)
{
    HR_UNUSED(err);
    for (uint32_t i = 0; i < batch->sel_count; i++) ret_partition[i] = i % base->partition_count;
    return HR_OK;
}

static hr_status assign_keys(struct partitioner *p, struct hr_eval *eval, struct hr_arena *arena,
                             struct hr_keys *keys, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    assert(p->codec && p->base.partition_count > 1);
    struct hr_vector *vectors = HR_NEW_ARRAY(arena, struct hr_vector, p->node->expr_count);
    if (!vectors) return HR_OOM(err);
    HR_TRY(hr_eval_vectors(eval, batch, arena, vectors, err));
    HR_TRY(hr_keys_encode(p->codec, vectors, batch->sel, batch->sel_count, 0, keys, err));
    for (uint32_t i = 0; i < batch->sel_count; i++)
        ret_partition[i] = hr_key_partition(keys->hashes[i], p->base.partition_count);
    return HR_OK;
}

static hr_status assign_hash(struct hr_partitioner *base, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    struct partitioner *p = (struct partitioner *)base;
    struct hr_eval *eval;
    HR_TRY(hr_eval_new(p->node->program, p->exec->mem, &eval, err));
    hr_eval_set_context(eval, p->exec->now_us, 0);
    struct hr_arena arena;
    hr_arena_init(&arena, p->exec->mem);
    struct hr_keys keys = {.mem = p->exec->mem};
    hr_status status = assign_keys(p, eval, &arena, &keys, batch, ret_partition, err);
    hr_keys_done(&keys);
    hr_arena_done(&arena);
    hr_eval_free(eval);
    return status;
}

static hr_status partitioner_codec(struct partitioner *p, struct hr_err *err)
{
    assert(p->node->expr_count > 0 && p->node->exprs);
    const struct hr_pnode *node = p->node;
    const struct hr_type **types =
        HR_NEW_ARRAY(&p->arena, const struct hr_type *, HR_MAX(node->expr_count, 1));
    if (!types) return HR_OOM(err);
    for (uint32_t i = 0; i < node->expr_count; i++) types[i] = node->exprs[i]->type;
    return hr_key_codec_new(&p->arena, types, node->expr_count, &p->codec, err);
}

hr_status hr_exchange_partitioner(const struct hr_pnode *node, struct hr_exec *exec,
                                  struct hr_partitioner **ret, struct hr_err *err)
{
    struct partitioner *p = hr_zalloc(sizeof *p);
    if (!p) return HR_OOM(err);
    hr_arena_init(&p->arena, NULL);
    p->node = node;
    p->exec = exec;
    p->base.partition_count = hr_exchange_partitions(node);
    p->base.free = partitioner_free;
    if (p->base.partition_count == 1) {
        p->base.assign = assign_single;
        p->base.name = "single";
    } else if (HR_PNODE(exchange, node)->dist == HR_DIST_HASH) {
        p->base.assign = assign_hash;
        p->base.name = "hash";
        hr_status status = partitioner_codec(p, err);
        if (status != HR_OK) {
            partitioner_free(&p->base);
            return status;
        }
    } else {
        p->base.assign = assign_round_robin;
        p->base.name = "round-robin";
    }
    *ret = &p->base;
    return HR_OK;
}

/* --- The reading end -------------------------------------------------------------------------- */

struct exchange {
    struct hr_op op;
    uint32_t dep, next, end;
    struct hr_batch_iter *iter;
};

static hr_status exchange_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct exchange *op = (struct exchange *)base;
    struct hr_pipeline *pipeline = base->task->pipeline;
    *ret_batch = NULL;
    for (;;) {
        if (!op->iter) {
            if (op->next == op->end) return HR_OK;
            HR_TRY(hr_rdd_parent_iter(pipeline->rdd, op->dep, op->next, pipeline->rdd_task,
                                      &op->iter, err));
            op->next++;
        }
        HR_TRY(op->iter->next(op->iter, ret_batch, err));
        if (*ret_batch) return HR_OK;
        op->iter->close(op->iter);
        op->iter = NULL;
    }
}

static void exchange_close(struct hr_op *base)
{
    struct exchange *op = (struct exchange *)base;
    if (op->iter) op->iter->close(op->iter);
    op->iter = NULL;
}

/* A broadcast side goes with any number of tasks. */
static uint32_t exchange_tasks(const struct hr_pipeline *pipeline, const struct hr_pnode *node)
{
    HR_UNUSED(pipeline);
    return hr_pnode_is_broadcast(node) ? 0 : hr_exchange_partitions(node);
}

/* Nor does it keep a join from being one task. */
static bool exchange_is_single(const struct hr_pnode *node)
{
    enum hr_dist dist = HR_PNODE(exchange, node)->dist;
    return dist == HR_DIST_SINGLE || dist == HR_DIST_BROADCAST;
}

static const char *exchange_title(const struct hr_pnode *node)
{
    return hr_pnode_is_broadcast(node) ? "BroadcastExchange" : "Exchange";
}

static void exchange_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_exchange_pnode *exchange = HR_PNODE(exchange, node);
    switch (exchange->dist) {
    case HR_DIST_BROADCAST: return;
    case HR_DIST_SINGLE: hr_buf_puts(out, " SinglePartition"); return;
    case HR_DIST_HASH:
        hr_buf_puts(out, " hashpartitioning(");
        for (uint32_t i = 0; i < node->expr_count; i++) {
            if (i) hr_buf_puts(out, ", ");
            if (node->exprs) hr_expr_print(node->exprs[i], out);
        }
        hr_buf_printf(out, ", %u)", exchange->partition_count);
        return;
    default: hr_buf_printf(out, " RoundRobinPartitioning(%u)", exchange->partition_count);
    }
}

static hr_status exchange_open(const struct hr_pnode *node, struct hr_task *task,
                               struct hr_op **children, struct hr_op **ret, struct hr_err *err)
{
    assert(task->pipeline && node->child_count == 1);
    struct hr_pipeline *pipeline = task->pipeline;
    HR_UNUSED(children);
    if (pipeline->collapsed) return hr_op_open(node->children[0], task, ret, err);
    struct exchange *op = hr_op_new(node, task, NULL, sizeof *op);
    if (!op) return HR_OOM(err);
    while (op->dep < pipeline->exchange_count && pipeline->exchanges[op->dep] != node) op->dep++;
    if (op->dep == pipeline->exchange_count) return HR_BUG(err, "an exchange without its shuffle");
    if (hr_pnode_is_broadcast(node))
        op->end = 1;
    else
        op->end = hr_op_share(task, hr_exchange_partitions(node), &op->next);
    if (!hr_pnode_is_broadcast(node)) op->end += op->next;
    assert(op->next <= op->end);
    *ret = &op->op;
    return HR_OK;
}

const struct hr_operator_vt hr_op_exchange = {
    .name = "Exchange",
    .passes_columns = true,
    .node_size = sizeof(struct hr_exchange_pnode),
    .is_exchange = true,
    .opens_children = true,
    .is_tight_in_explain = true,
    .open = exchange_open,
    .next = exchange_next,
    .close = exchange_close,
    .title = exchange_title,
    .explain = exchange_explain,
    .partitions = exchange_tasks,
    .is_single = exchange_is_single,
};
