/* SPDX-License-Identifier: Apache-2.0 */
/* The physical plan as Spark's tree text. */
#include "operator/operator.h"

static void print_exchange(const struct hr_pnode *node, struct hr_buf *out)
{
    switch (node->dist) {
    case HR_DIST_BROADCAST: hr_buf_puts(out, "BroadcastExchange"); return;
    case HR_DIST_SINGLE: hr_buf_puts(out, "Exchange SinglePartition"); return;
    case HR_DIST_HASH:
        hr_buf_puts(out, "Exchange hashpartitioning(");
        for (uint32_t i = 0; i < node->expr_count; i++) {
            if (i) hr_buf_puts(out, ", ");
            if (node->exprs) hr_expr_print(node->exprs[i], out);
        }
        hr_buf_printf(out, ", %u)", node->partition_count);
        return;
    default: hr_buf_printf(out, "Exchange RoundRobinPartitioning(%u)", node->partition_count);
    }
}

/* prefix: the bars of the levels above. */
static void print_node(const struct hr_pnode *node, struct hr_buf *prefix, bool is_root,
                       bool is_last, struct hr_buf *out)
{
    hr_buf_append(out, prefix->ptr, prefix->len);
    if (!is_root) hr_buf_puts(out, is_last ? "+- " : ":- ");
    if (!node->vt) {
        print_exchange(node, out);
    } else {
        hr_buf_puts(out, node->vt->name);
        if (node->vt->explain) {
            size_t at = out->len;
            hr_buf_putc(out, ' ');
            node->vt->explain(node, out);
            /* "HashAggregate(keys=…", but "Filter (a > 1)" */
            if (node->vt == &hr_op_hash_aggregate && !out->failed && out->len > at) {
                memmove(out->ptr + at, out->ptr + at + 1, out->len - at - 1);
                out->len--;
            }
        }
    }
    hr_buf_putc(out, '\n');
    size_t mark = prefix->len;
    if (!is_root) hr_buf_puts(prefix, is_last ? "   " : ":  ");
    for (uint32_t i = 0; i < node->child_count; i++)
        print_node(node->children[i], prefix, false, i + 1 == node->child_count, out);
    prefix->len = mark;
}

void hr_pnode_print(const struct hr_pnode *root, struct hr_buf *out)
{
    struct hr_buf prefix = {0};
    print_node(root, &prefix, true, true, out);
    hr_buf_done(&prefix);
}
