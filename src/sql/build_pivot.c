/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT and UNPIVOT. */
#include "plan/nodes/pivot.h"
#include "plan/nodes/unpivot.h"
#include "sql/sql_internal.h"

struct hr_sql_q hr_sql_pivoted(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_plan *pivot)
{
    if (p->status != HR_OK || !pivot) return (struct hr_sql_q){0};
    pivot->children = HR_NEW(p->arena, struct hr_plan *);
    if (!pivot->children) {
        hr_sql_oom(p);
        return (struct hr_sql_q){0};
    }
    pivot->children[0] = q.plan;
    pivot->child_count = 1;
    q.plan = pivot;
    q.end = pivot->sql_end;
    q.is_union_all = false;
    return q;
}

static struct hr_plan *new_node(struct hr_sql_parser *p, enum hr_plan_kind kind,
                                const struct hr_sql_token *start, const struct hr_sql_token *rp)
{
    if (p->status != HR_OK) return NULL;
    if (++p->relation_count > HR_SQL_MAX_RELATIONS) {
        HR_SQL_RAISE(p, start->pos, rp->end, HR_E_LIMIT, "what",
                     "the number of relations and set operations in a statement", "limit", "1000");
        return NULL;
    }
    struct hr_plan *plan = hr_plan_new(p->arena, kind);
    if (!plan) {
        hr_sql_oom(p);
        return NULL;
    }
    plan->sql_pos = start->pos;
    plan->sql_end = rp->end;
    return plan;
}

struct hr_plan *hr_sql_pivot(struct hr_sql_parser *p, const struct hr_sql_token *start,
                             struct hr_sql_list *aggregates, struct hr_sql_names *columns,
                             struct hr_sql_list *values, const struct hr_sql_token *rp)
{
    struct hr_plan *plan = new_node(p, HR_P_PIVOT, start, rp);
    if (!plan) return NULL;
    struct hr_pivot_node *pivot = HR_NODE(pivot, plan);
    struct hr_sql_list *names = NULL;
    for (uint32_t i = 0; i < columns->names.count; i++) {
        struct hr_expr *name = hr_expr_name(p->arena, &columns->names.items[i], 1);
        names = hr_sql_push(p, names, hr_sql_wrap(p, name, columns->pos, columns->end, 1));
    }
    if (p->status != HR_OK) return NULL;
    pivot->aggregates = aggregates->exprs.items;
    pivot->aggregate_count = aggregates->exprs.count;
    pivot->columns = names->exprs.items;
    pivot->column_count = names->exprs.count;
    pivot->values = values->exprs.items;
    pivot->value_count = values->exprs.count;
    return plan;
}

struct hr_sql_list *hr_sql_push_group(struct hr_sql_parser *p, struct hr_sql_list *list,
                                      struct hr_sql_x group, const struct hr_sql_token *name)
{
    bool is_row = group.is_row;
    if (name) group = hr_sql_alias(p, group, hr_sql_push_name(p, NULL, name));
    group.is_row = is_row;
    return hr_sql_push(p, list, group);
}

struct hr_plan *hr_sql_unpivot(struct hr_sql_parser *p, const struct hr_sql_token *start,
                               bool include_nulls, struct hr_sql_names *values,
                               const struct hr_sql_token *name, struct hr_sql_list *groups,
                               const struct hr_sql_token *rp)
{
    struct hr_plan *plan = new_node(p, HR_P_UNPIVOT, start, rp);
    if (!plan) return NULL;
    struct hr_unpivot_node *unpivot = HR_NODE(unpivot, plan);
    uint32_t count = groups->exprs.count;
    unpivot->include_nulls = include_nulls;
    unpivot->name = hr_sql_ident(p, name);
    unpivot->values = values->names.items;
    unpivot->value_count = unpivot->row_width = values->names.count;
    unpivot->row_count = count;
    unpivot->rows = HR_NEW_ARRAY(p->arena, struct hr_expr **, count);
    unpivot->aliases = HR_NEW_ARRAY(p->arena, const char *, count);
    if (!unpivot->rows || !unpivot->aliases) hr_sql_oom(p);
    for (uint32_t i = 0; p->status == HR_OK && i < count; i++) {
        struct hr_expr **group = &groups->exprs.items[i];
        if ((*group)->kind == HR_X_ALIAS) {
            unpivot->aliases[i] = (*group)->name;
            group = &(*group)->args[0];
        }
        bool row = groups->is_row.items[i];
        uint32_t width = row ? (*group)->arg_count : 1;
        unpivot->rows[i] = row ? (*group)->args : group;
        if (width == unpivot->value_count) continue;
        const char *names = "";
        for (uint32_t j = 0; names && j < unpivot->value_count; j++)
            names = hr_arena_printf(p->arena, "%s%s%s", names, j ? ", " : "", unpivot->values[j]);
        HR_SQL_RAISE(p, start->pos, rp->end, HR_E_UNPIVOT_VALUE_SIZE_MISMATCH, "names",
                     names ? names : "?");
    }
    return p->status == HR_OK ? plan : NULL;
}
