/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Select lists: PROJECT and AGGREGATE. In order: stars, names (an item may use an earlier one),
 * windows of time, generators, names of the columns; at last the values of earlier items take the
 * place of references to them.
 */
#include "plan/analyze.h"

/* The item as written decides the name: "s.f" is f, "CAST(a AS INT)" is a. */
const char *hr_written_name(const struct hr_expr *written)
{
    while (written->kind == HR_X_CAST && !written->implicit_cast) written = written->args[0];
    if (written->kind != HR_X_NAME) return NULL;
    return written->name_parts[written->name_part_count - 1];
}

hr_status hr_name_output(struct hr_analyzer *an, struct hr_expr **expr, const char *written,
                         struct hr_err *err)
{
    struct hr_expr *e = *expr;
    if (e->kind == HR_X_ATTR && strncmp(e->name, "lateralAlias", 12) != 0) return HR_OK;
    if (e->kind != HR_X_ALIAS) {
        const char *name = e->kind == HR_X_ATTR ? NULL : written;
        e = hr_expr_alias(an->arena, e, name ? name : hr_expr_text(an->arena, e));
        if (!e) return HR_OOM(err);
        e->is_generated_alias = true;
    }
    HR_TRY(hr_expr_resolve_node(an->arena, an->conf, e, err));
    if (!e->attr_id) e->attr_id = hr_expr_next_attr_id();
    *expr = e;
    return HR_OK;
}

static hr_status expand_stars(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    bool any = false;
    for (uint32_t i = 0; i < plan->expr_count; i++) any = any || plan->exprs[i]->kind == HR_X_STAR;
    if (!any) return HR_OK;
    struct hr_exprs out = {0};
    for (uint32_t i = 0; i < plan->expr_count; i++) {
        if (plan->exprs[i]->kind == HR_X_STAR)
            HR_TRY(hr_expand_star(an, plan->children[0], plan->exprs[i], &out, err));
        else if (!HR_VEC_PUSH(an->arena, &out, plan->exprs[i]))
            return HR_OOM(err);
    }
    plan->exprs = out.items;
    plan->expr_count = out.count;
    return HR_OK;
}

/* ALIASes get their ids first, so that later items can refer to them. */
static hr_status resolve_items(struct hr_analyzer *an, struct hr_plan *plan,
                               const char ***ret_written, struct hr_err *err)
{
    const char **written = HR_NEW_ARRAY(an->arena, const char *, plan->expr_count + 1);
    if (!written) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->expr_count; i++) {
        struct hr_names names = {.inputs = {plan->children[0]},
                                 .input_count = 1,
                                 .lateral = plan->exprs,
                                 .lateral_count = i};
        written[i] = hr_written_name(plan->exprs[i]);
        HR_TRY(hr_resolve(an, &names, &plan->exprs[i], err));
        struct hr_expr *item = plan->exprs[i];
        if (item->kind == HR_X_ALIAS) {
            item->attr_id = hr_expr_next_attr_id();
            item->type = item->args[0]->type;
            item->nullable = item->args[0]->nullable;
        }
    }
    *ret_written = written;
    return HR_OK;
}

static hr_status name_items(struct hr_analyzer *an, struct hr_plan *plan,
                            const char *const *written, struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->expr_count; i++) {
        HR_TRY(hr_name_output(an, &plan->exprs[i], written ? written[i] : NULL, err));
        struct hr_expr *item = plan->exprs[i];
        if (item->kind != HR_X_ALIAS) continue;
        HR_TRY(hr_expr_inline(an->arena, &item->args[0], plan->exprs, i, err));
    }
    return HR_OK;
}

static bool has_aggregates(const struct hr_plan *plan)
{
    for (uint32_t i = 0; i < plan->expr_count; i++)
        if (hr_expr_has_aggregate(plan->exprs[i])) return true;
    return false;
}

hr_status hr_analyze_select(struct hr_analyzer *an, struct hr_plan **ret_plan, struct hr_err *err)
{
    struct hr_plan *plan = *ret_plan;
    struct hr_window_use window = {.call = NULL};
    const char **written = NULL;
    HR_TRY(expand_stars(an, plan, err));
    if (plan->kind == HR_P_AGGREGATE) HR_TRY(hr_analyze_groups(an, plan, &window, err));
    HR_TRY(resolve_items(an, plan, &written, err));
    if (plan->kind == HR_P_PROJECT && has_aggregates(plan)) plan->kind = HR_P_AGGREGATE;
    HR_TRY(hr_analyze_windows(an, plan, &window, plan->exprs, plan->expr_count, err));
    if (plan->kind == HR_P_PROJECT) HR_TRY(hr_extract_generator(an, plan, err));
    /* A generator may have put several columns in the place of one. */
    if (plan->kind == HR_P_PROJECT && plan->children[0]->kind == HR_P_GENERATE) written = NULL;
    HR_TRY(name_items(an, plan, written, err));
    HR_TRY(hr_rewrite_window_time(an, plan->groups, plan->group_count, err));
    HR_TRY(hr_rewrite_window_time(an, plan->exprs, plan->expr_count, err));
    HR_TRY(hr_plan_refresh(an->arena, plan, err));
    return plan->kind == HR_P_AGGREGATE ? hr_check_aggregate(an, plan, err) : HR_OK;
}
