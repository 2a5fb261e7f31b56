/* SPDX-License-Identifier: Apache-2.0 */
/* Logical nodes: making them, their schema, their text. */
#include "plan/logical.h"

#include "plan/catalog.h"

struct hr_plan *hr_plan_new(struct hr_arena *arena, enum hr_plan_kind kind)
{
    struct hr_plan *plan = HR_NEW(arena, struct hr_plan);
    if (!plan) return NULL;
    plan->kind = kind;
    plan->sql_pos = plan->sql_end = -1;
    plan->limit = -1;
    plan->event_time_key = -1;
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

static const char *const kind_names[] = {
    [HR_P_RELATION] = "UnresolvedRelation",
    [HR_P_SUBQUERY_ALIAS] = "SubqueryAlias",
    [HR_P_WITH] = "CTE",
    [HR_P_ONE_ROW] = "OneRowRelation",
    [HR_P_VALUES] = "UnresolvedInlineTable",
    [HR_P_RANGE] = "Range",
    [HR_P_SCAN] = "Relation",
    [HR_P_PROJECT] = "Project",
    [HR_P_FILTER] = "Filter",
    [HR_P_AGGREGATE] = "Aggregate",
    [HR_P_JOIN] = "Join",
    [HR_P_SORT] = "Sort",
    [HR_P_LIMIT] = "Limit",
    [HR_P_UNION] = "Union",
    [HR_P_SETOP] = "Except",
    [HR_P_DISTINCT] = "Distinct",
    [HR_P_WATERMARK] = "EventTimeWatermark",
    [HR_P_EXPAND] = "Expand",
    [HR_P_GENERATE] = "Generate",
    [HR_P_LOCAL] = "LocalRelation",
};

static const char *const join_names[] = {
    [HR_JOIN_INNER] = "Inner",    [HR_JOIN_LEFT] = "LeftOuter", [HR_JOIN_RIGHT] = "RightOuter",
    [HR_JOIN_FULL] = "FullOuter", [HR_JOIN_SEMI] = "LeftSemi",  [HR_JOIN_ANTI] = "LeftAnti",
    [HR_JOIN_CROSS] = "Cross",
};

static void print_list(struct hr_expr *const *exprs, uint32_t count, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, ", ");
        if (exprs[i]) hr_expr_print(exprs[i], out);
    }
    hr_buf_putc(out, ']');
}

static void print_names(const char *const *names, uint32_t count, const char *between,
                        struct hr_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, between);
        hr_buf_puts(out, names[i]);
    }
}

static void print_output(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < plan->output_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        hr_buf_puts(out, plan->output[i].name);
    }
    hr_buf_putc(out, ']');
}

static void print_join(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, ' ');
    if (plan->is_natural) hr_buf_puts(out, "Natural");
    hr_buf_puts(out, join_names[plan->join_type]);
    if (plan->using_count) {
        hr_buf_puts(out, ", using [");
        print_names(plan->using_columns, plan->using_count, ", ", out);
        hr_buf_putc(out, ']');
    } else if (plan->condition) {
        hr_buf_puts(out, ", ");
        hr_expr_print(plan->condition, out);
    }
}

static void print_limit(const struct hr_plan *plan, struct hr_buf *out)
{
    if (plan->limit_expr) {
        hr_buf_putc(out, ' ');
        hr_expr_print(plan->limit_expr, out);
    } else if (plan->limit >= 0) {
        hr_buf_printf(out, " %lld", (long long)plan->limit);
    }
    if (plan->offset_expr) {
        hr_buf_puts(out, " offset ");
        hr_expr_print(plan->offset_expr, out);
    } else if (plan->offset > 0) {
        hr_buf_printf(out, " offset %lld", (long long)plan->offset);
    }
}

static void print_scan(const struct hr_plan *plan, struct hr_buf *out)
{
    if (plan->is_stream) hr_buf_puts(out, " stream");
    hr_buf_putc(out, ' ');
    hr_buf_puts(out, plan->table && plan->table->name ? plan->table->name : "");
    print_output(plan, out);
    if (plan->table && plan->table->provider) hr_buf_printf(out, " %s", plan->table->provider);
}

static void print_arguments(const struct hr_plan *plan, struct hr_buf *out)
{
    switch (plan->kind) {
    case HR_P_RELATION:
        hr_buf_puts(out, " [");
        print_names(plan->name_parts, plan->name_part_count, ".", out);
        hr_buf_puts(out, plan->is_stream ? "], [], true" : "], [], false");
        break;
    case HR_P_SUBQUERY_ALIAS: hr_buf_printf(out, " %s", plan->name ? plan->name : ""); break;
    case HR_P_RANGE:
        hr_buf_printf(out, " (%lld, %lld, step=%lld)", (long long)plan->offset,
                      (long long)plan->limit, (long long)plan->step);
        break;
    case HR_P_SCAN: print_scan(plan, out); break;
    case HR_P_AGGREGATE:
        hr_buf_putc(out, ' ');
        print_list(plan->groups, plan->group_count, out);
        hr_buf_putc(out, ',');
        /* fall through */
    case HR_P_PROJECT:
    case HR_P_GENERATE:
        hr_buf_putc(out, ' ');
        print_list(plan->exprs, plan->expr_count, out);
        break;
    case HR_P_SORT:
        hr_buf_putc(out, ' ');
        print_list(plan->exprs, plan->expr_count, out);
        hr_buf_puts(out, plan->is_global ? ", true" : ", false");
        break;
    case HR_P_FILTER:
        hr_buf_putc(out, ' ');
        hr_expr_print(plan->condition, out);
        break;
    case HR_P_JOIN: print_join(plan, out); break;
    case HR_P_LIMIT: print_limit(plan, out); break;
    case HR_P_WATERMARK:
        hr_buf_putc(out, ' ');
        if (plan->expr_count) hr_expr_print(plan->exprs[0], out);
        hr_buf_printf(out, ", %lld microseconds", (long long)plan->delay_us);
        break;
    case HR_P_EXPAND:
    case HR_P_LOCAL:
        hr_buf_putc(out, ' ');
        print_output(plan, out);
        break;
    default: break;
    }
}

static void print_tree(const struct hr_plan *plan, uint32_t depth, uint64_t open, bool last,
                       struct hr_buf *out)
{
    for (uint32_t i = 1; i < depth; i++)
        hr_buf_puts(out, i < 64 && (open >> i & 1) ? ":  " : "   ");
    if (depth) hr_buf_puts(out, last ? "+- " : ":- ");
    if (!plan->resolved) hr_buf_putc(out, '\'');
    bool intersect = plan->kind == HR_P_SETOP && plan->set_op == HR_SET_INTERSECT;
    hr_buf_puts(out, intersect ? "Intersect" : kind_names[plan->kind]);
    print_arguments(plan, out);
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
