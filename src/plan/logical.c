/* SPDX-License-Identifier: Apache-2.0 */
/* Logical nodes: making them, their schema, their text. */
#include "plan/logical.h"

#include "plan/node.h"

static const struct hr_node_vt *const vts[] = {
#define X(KIND, name) [HR_P_##KIND] = &hr_node_##name,
#include "plan/nodes/nodes.def"
#undef X
};

const struct hr_node_vt *hr_plan_vt(const struct hr_plan *plan)
{
    assert(plan && plan->kind < HR_PLAN_KIND_COUNT);
    return vts[plan->kind];
}

struct hr_plan *hr_plan_new(struct hr_arena *arena, enum hr_plan_kind kind)
{
    assert(kind < HR_PLAN_KIND_COUNT);
    const struct hr_node_vt *vt = vts[kind];
    assert(vt->size >= sizeof(struct hr_plan));
    struct hr_plan *plan = hr_arena_zalloc(arena, vt->size);
    if (!plan) return NULL;
    plan->kind = kind;
    plan->sql_pos = plan->sql_end = -1;
    if (vt->init) vt->init(plan);
    return plan;
}

static struct hr_plan *new_with(struct hr_arena *arena, enum hr_plan_kind kind,
                                struct hr_plan *left, struct hr_plan *right)
{
    struct hr_plan *plan = hr_plan_new(arena, kind);
    if (!plan) return NULL;
    plan->children = HR_NEW_ARRAY(arena, struct hr_plan *, 2);
    if (!plan->children) return NULL;
    plan->children[0] = left;
    plan->children[1] = right;
    plan->child_count = right ? 2 : 1;
    if (left) { /* the parser may put it in later */
        plan->sql_pos = left->sql_pos;
        plan->sql_end = right ? right->sql_end : left->sql_end;
    }
    return plan;
}

struct hr_plan *hr_plan_new1(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *child)
{
    return new_with(arena, kind, child, NULL);
}

struct hr_plan *hr_plan_new2(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *left,
                             struct hr_plan *right)
{
    return new_with(arena, kind, left, right);
}

struct hr_plan *hr_plan_become(struct hr_arena *arena, enum hr_plan_kind kind,
                               const struct hr_plan *plan)
{
    assert(plan->kind != kind);
    struct hr_plan *node = hr_plan_new(arena, kind);
    if (!node) return NULL;
    *node = *plan;
    node->kind = kind;
    return node;
}

const struct hr_type *hr_plan_schema(const struct hr_plan *plan)
{
    struct hr_field few[32], *fields = few;
    if (plan->output_count > HR_COUNT(few)) {
        fields = hr_alloc(sizeof *fields * plan->output_count);
        if (!fields) return NULL;
    }
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const struct hr_attr *attr = &plan->output[i];
        fields[i] = (struct hr_field){attr->name, attr->type, attr->nullable};
    }
    const struct hr_type *schema = hr_type_struct(fields, plan->output_count);
    if (fields != few) hr_free(fields);
    return schema;
}

/* Text ----------------------------------------------------------------------------------------- */

void hr_node_print_list(struct hr_expr *const *exprs, uint32_t count, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, ", ");
        if (exprs[i]) hr_expr_print(exprs[i], out);
    }
    hr_buf_putc(out, ']');
}

void hr_node_print_names(const char *const *names, uint32_t count, const char *between,
                         struct hr_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, between);
        hr_buf_puts(out, names[i]);
    }
}

void hr_node_print_output(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < plan->output_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        hr_buf_puts(out, plan->output[i].name);
    }
    hr_buf_putc(out, ']');
}

static void print_tree(const struct hr_plan *plan, uint32_t depth, uint64_t open, bool last,
                       struct hr_buf *out)
{
    for (uint32_t i = 1; i < depth; i++)
        hr_buf_puts(out, i < 64 && (open >> i & 1) ? ":  " : "   ");
    if (depth) hr_buf_puts(out, last ? "+- " : ":- ");
    if (!plan->resolved) hr_buf_putc(out, '\'');
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    hr_buf_puts(out, vt->title ? vt->title(plan) : vt->name);
    if (vt->print) vt->print(plan, out);
    hr_buf_putc(out, '\n');
    for (uint32_t i = 0; i < plan->child_count; i++) {
        bool is_last = i + 1 == plan->child_count;
        uint64_t below = is_last || depth + 1 > 63 ? open : open | UINT64_C(1) << (depth + 1);
        print_tree(plan->children[i], depth + 1, below, is_last, out);
    }
}

void hr_plan_print(const struct hr_plan *plan, struct hr_buf *out)
{
    print_tree(plan, 0, 0, true, out);
}
