/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateLimit: the first rows over the life of a streaming query. The state is one number, the rows
 * passed so far. When they are all out the input is still read to its end: it counts event times.
 */
#include "operator/limit.h"
#include "operator/stateful.h"

struct state_limit {
    struct hr_op op;
    struct hr_stateful s;
    uint8_t *passed; /* int64_t in the state's one row; NULL until the first rows come */
};

static hr_status state_limit_args(const struct hr_pnode *node, struct hr_arena *arena,
                                  struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(node);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "globalLimit";
    ret->tables[0].value_bytes = sizeof(int64_t);
    return HR_OK;
}

static void state_limit_close(struct hr_op *base)
{
    hr_stateful_close(&((struct state_limit *)base)->s);
}

static hr_status state_limit_open(const struct hr_pnode *node, struct hr_task *task,
                                  struct hr_op **children, struct hr_op **ret_op,
                                  struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(HR_PNODE(limit, node)->limit >= 0 && HR_PNODE(limit, node)->offset == 0);
    struct state_limit *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = hr_stateful_open(&op->s, node, task, NULL, 0, err);
    if (status != HR_OK) {
        state_limit_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* The state's row, of the empty key. */
static hr_status find_passed(struct state_limit *op, struct hr_err *err)
{
    struct hr_string empty = hr_string_make("", 0);
    uint64_t hash = hr_key_hash("", 0);
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(hr_stateful_part(&op->s, hash), 0, HR_PANE_NONE, &table, err));
    return hr_ktable_upsert(table, &empty, &hash, 1, &op->passed, NULL, err);
}

/* How many of count rows may pass; they are counted. */
static hr_status pass(struct state_limit *op, uint32_t count, uint32_t *ret, struct hr_err *err)
{
    int64_t passed;
    if (!op->passed) HR_TRY(find_passed(op, err));
    memcpy(&passed, op->passed, sizeof passed);
    int64_t left = HR_PNODE(limit, op->op.node)->limit - passed;
    assert(passed >= 0 && left >= 0);
    *ret = left < count ? (uint32_t)left : count;
    passed += *ret;
    memcpy(op->passed, &passed, sizeof passed);
    op->s.parts[0].rows_updated = 1;
    return HR_OK;
}

static hr_status state_limit_next(struct hr_op *base, struct hr_batch **ret_batch,
                                  struct hr_err *err)
{
    struct state_limit *op = (struct state_limit *)base;
    for (;;) {
        struct hr_batch *in;
        uint32_t wanted = 0;
        *ret_batch = NULL;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (!in) return HR_OK;
        hr_status status = pass(op, in->sel_count, &wanted, err);
        if (status == HR_OK && wanted == in->sel_count) {
            *ret_batch = in;
            return HR_OK;
        }
        struct hr_batch *out = wanted ? hr_batch_slice(in, 0, wanted) : NULL;
        hr_batch_unref(in);
        HR_TRY(status);
        if (wanted == 0) continue;
        if (!out) return HR_OOM(err);
        *ret_batch = out;
        return HR_OK;
    }
}

static bool state_limit_is_single(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return true;
}

static void state_limit_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_printf(out, "%lld", (long long)HR_PNODE(limit, node)->limit);
}

static void state_limit_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    HR_UNUSED(node);
    inout->key_count = 0;
}

static void state_limit_text(const struct hr_pnode *node, struct hr_buf *out)
{
    HR_UNUSED(node);
    hr_buf_puts(out, "how many rows have passed");
}

const struct hr_operator_vt hr_op_state_limit = {
    .name = "StateLimit",
    .state_identity = state_limit_identity,
    .node_size = sizeof(struct hr_limit_pnode),
    .passes_columns = true,
    .open = state_limit_open,
    .next = state_limit_next,
    .close = state_limit_close,
    .explain = state_limit_explain,
    .is_single = state_limit_is_single,
    .state_args = state_limit_args,
    .state_text = state_limit_text,
};
