/* SPDX-License-Identifier: Apache-2.0 */
/* The physical plan as Spark's tree text. */
#include "operator/operator.h"

/* prefix: the bars of the levels above. */
static void print_node(const struct hr_pnode *node, struct hr_buf *prefix, bool is_root,
                       bool is_last, struct hr_buf *out)
{
    hr_buf_append(out, prefix->ptr, prefix->len);
    if (!is_root) hr_buf_puts(out, is_last ? "+- " : ":- ");
    const struct hr_operator_vt *vt = node->vt;
    hr_buf_puts(out, vt->title ? vt->title(node) : vt->name);
    if (vt->explain && !vt->is_tight_in_explain) hr_buf_putc(out, ' ');
    if (vt->explain) vt->explain(node, out);
    if (node->state_id >= 0 && vt->state_text) {
        hr_buf_puts(out, " [state: ");
        vt->state_text(node, out);
        hr_buf_putc(out, ']');
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
