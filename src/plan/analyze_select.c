/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Select lists: PROJECT and AGGREGATE. In order: stars, names (an item may use an earlier one),
 * windows of time, generators, names of the columns; at last the values of earlier items take the
 * place of references to them.
 */
#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"

/* The item as written decides the name: "s.f" is f, "CAST(a AS INT)" is a. A cast of a cast keeps
 * its text, unless its type is nested. */
const char *hr_written_name(const struct hr_expr *written)
{
    while (written->kind == HR_X_CAST && !written->implicit_cast) {
        bool nested = written->type && hr_type_is_nested(written->type);
        if (written->args[0]->kind == HR_X_CAST && !nested) return NULL;
        written = written->args[0];
    }
    if (written->kind != HR_X_NAME) return NULL;
    return written->name_parts[written->name_part_count - 1];
}

hr_status hr_name_output(struct hr_analyzer *an, struct hr_expr **expr, const char *written,
                         struct hr_err *err)
{
    struct hr_expr *e = *expr;
    if (e->kind == HR_X_ATTR && !e->is_outer && strncmp(e->name, "lateralAlias", 12) != 0)
        return HR_OK;
    if (e->kind != HR_X_ALIAS) {
        const char *name = e->kind == HR_X_ATTR && !e->is_outer ? NULL : written;
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
    struct hr_select *select = hr_select_of(plan);
    bool any = false;
    for (uint32_t i = 0; i < select->expr_count; i++)
        any = any || select->exprs[i]->kind == HR_X_STAR;
    if (!any) return HR_OK;
    struct hr_exprs out = {0};
    for (uint32_t i = 0; i < select->expr_count; i++) {
        if (select->exprs[i]->kind == HR_X_STAR)
            HR_TRY(hr_expand_star(an, plan->children[0], select->exprs[i], &out, err));
        else if (!HR_VEC_PUSH(an->arena, &out, select->exprs[i]))
            return HR_OOM(err);
    }
    select->exprs = out.items;
    select->expr_count = out.count;
    return HR_OK;
}

/* current_date, written as a name, is called current_date(). */
static bool is_bare_call(const struct hr_expr *item)
{
    while (item->kind == HR_X_CAST) item = item->args[0];
    return item->kind == HR_X_CALL && item->arg_count == 0;
}

/* ALIASes get their ids first, so that later items can refer to them. */
static hr_status resolve_items(struct hr_analyzer *an, struct hr_plan *plan,
                               const char ***ret_written, struct hr_err *err)
{
    struct hr_select *select = hr_select_of(plan);
    const char **written = HR_NEW_ARRAY(an->arena, const char *, select->expr_count + 1);
    if (!written) return HR_OOM(err);
    for (uint32_t i = 0; i < select->expr_count; i++) {
        struct hr_names names = {.inputs = {plan->children[0]},
                                 .input_count = 1,
                                 .lateral = select->exprs,
                                 .lateral_count = i};
        written[i] = hr_written_name(select->exprs[i]);
        HR_TRY(hr_resolve(an, &names, &select->exprs[i], err));
        struct hr_expr *item = select->exprs[i];
        if (is_bare_call(item)) written[i] = NULL;
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
    struct hr_select *select = hr_select_of(plan);
    for (uint32_t i = 0; i < select->expr_count; i++) {
        HR_TRY(hr_name_output(an, &select->exprs[i], written ? written[i] : NULL, err));
        struct hr_expr *item = select->exprs[i];
        if (item->kind != HR_X_ALIAS) continue;
        HR_TRY(hr_expr_inline(an->arena, &item->args[0], select->exprs, i, err));
    }
    return HR_OK;
}

static bool has_aggregates(const struct hr_plan *plan)
{
    const struct hr_select *select = hr_select_of_const(plan);
    for (uint32_t i = 0; i < select->expr_count; i++)
        if (hr_expr_has_aggregate(select->exprs[i])) return true;
    return false;
}

/* Aggregate calls without GROUP BY make one group of all rows. */
static hr_status become_aggregate(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *agg = hr_plan_become(an->arena, HR_P_AGGREGATE, *plan);
    if (!agg) return HR_OOM(err);
    hr_select_of(agg)->exprs = hr_select_of(*plan)->exprs;
    hr_select_of(agg)->expr_count = hr_select_of(*plan)->expr_count;
    *plan = agg;
    return HR_OK;
}

/* |> AGGREGATE: GROUP BY 2 is the second column of the input. */
static hr_status open_pipe_ordinals(struct hr_analyzer *an, struct hr_plan *plan,
                                    struct hr_err *err)
{
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    const struct hr_plan *child = plan->children[0];
    for (uint32_t i = 0; agg->is_pipe && i < agg->group_count; i++) {
        int64_t ordinal;
        if (!hr_group_ordinal(agg->groups[i], &ordinal)) continue;
        uint32_t at = 0, visible = 0;
        for (; at < child->output_count; at++)
            if (!child->output[at].hidden && ++visible == (uint64_t)ordinal) break;
        if (at == child->output_count || ordinal < 1) {
            const char *index = hr_arena_printf(an->arena, "%lld", (long long)ordinal);
            const char *size = hr_arena_printf(an->arena, "%u", visible);
            HR_RAISE(err, HR_E_GROUP_BY_POS_OUT_OF_RANGE, "index", index, "size", size);
            return hr_err_at(err, agg->groups[i]->sql_pos, agg->groups[i]->sql_end);
        }
        struct hr_expr *item = hr_attr_ref(an->arena, &child->output[at]);
        agg->groups[i] = hr_attr_ref(an->arena, &child->output[at]);
        if (!item || !agg->groups[i]) return HR_OOM(err);
        struct hr_expr **place = &hr_select_of(plan)->exprs[i];
        if ((*place)->kind == HR_X_ALIAS) place = &(*place)->args[0];
        *place = item;
    }
    return HR_OK;
}

/* |> AGGREGATE has aggregates alone beside its groups, |> EXTEND, SET, DROP none. */
static hr_status check_pipe(struct hr_analyzer *an, const struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_select *select = hr_select_of_const(plan);
    if (plan->kind == HR_P_AGGREGATE) {
        const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
        for (uint32_t i = agg->group_count; agg->is_pipe && i < select->expr_count; i++) {
            const struct hr_expr *item = select->exprs[i];
            if (hr_expr_has_aggregate(item)) continue;
            if (item->kind == HR_X_ALIAS) item = item->args[0];
            HR_RAISE(err, HR_E_PIPE_NO_AGGREGATE, "expr", hr_expr_text(an->arena, item));
            return hr_err_at(err, item->sql_pos, item->sql_end);
        }
        return HR_OK;
    }
    const char *clause = HR_NODE(project, plan)->pipe_clause;
    for (uint32_t i = 0; clause && i < select->expr_count; i++) {
        const struct hr_expr *item = select->exprs[i];
        if (!hr_expr_has_aggregate(item)) continue;
        if (item->kind == HR_X_ALIAS) item = item->args[0];
        HR_RAISE(err, HR_E_PIPE_HAS_AGGREGATE, "expr", hr_expr_text(an->arena, item), "clause",
                 clause);
        return hr_err_at(err, item->sql_pos, item->sql_end);
    }
    return HR_OK;
}

/* PROJECT: the columns of a generator stand in the place of its item. */
static hr_status take_generator(struct hr_analyzer *an, struct hr_plan *plan, const char ***written,
                                struct hr_err *err)
{
    HR_TRY(hr_extract_generator(an, plan, err));
    if (plan->children[0]->kind == HR_P_GENERATE) *written = NULL; /* may be several for one */
    return HR_OK;
}

static hr_status use_groupings(struct hr_analyzer *an, struct hr_plan *plan, struct hr_expr **item,
                               struct hr_err *err)
{
    const struct hr_aggregate_node *agg =
        plan->kind == HR_P_AGGREGATE ? HR_NODE(aggregate, plan) : NULL;
    return hr_use_groupings(an, agg, item, err);
}

hr_status hr_analyze_select(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_window_use window = {.call = NULL};
    const char **written = NULL;
    HR_TRY(expand_stars(an, *plan, err));
    if ((*plan)->kind == HR_P_AGGREGATE) {
        HR_TRY(open_pipe_ordinals(an, *plan, err));
        HR_TRY(hr_analyze_groups(an, *plan, &window, err));
    }
    HR_TRY(resolve_items(an, *plan, &written, err));
    HR_TRY(check_pipe(an, *plan, err));
    if ((*plan)->kind == HR_P_PROJECT && has_aggregates(*plan))
        HR_TRY(become_aggregate(an, plan, err));
    struct hr_select *select = hr_select_of(*plan);
    HR_TRY(hr_analyze_windows(an, *plan, &window, select->exprs, select->expr_count, err));
    if ((*plan)->kind == HR_P_PROJECT) HR_TRY(take_generator(an, *plan, &written, err));
    HR_TRY(name_items(an, *plan, written, err));
    for (uint32_t i = 0; i < select->expr_count; i++)
        HR_TRY(use_groupings(an, *plan, &select->exprs[i], err));
    HR_TRY(hr_rewrite_window_time(an, select->exprs, select->expr_count, err));
    if ((*plan)->kind != HR_P_AGGREGATE) {
        HR_TRY(hr_extract_over(an, &(*plan)->children[0], select->exprs, select->expr_count, err));
        return hr_plan_refresh(an->arena, *plan, err);
    }
    struct hr_aggregate_node *agg = HR_NODE(aggregate, *plan);
    HR_TRY(hr_rewrite_window_time(an, agg->groups, agg->group_count, err));
    HR_TRY(hr_split_over(an, plan, err));
    if ((*plan)->kind != HR_P_AGGREGATE) return HR_OK;
    HR_TRY(hr_plan_refresh(an->arena, *plan, err));
    return hr_check_aggregate(an, *plan, err);
}
