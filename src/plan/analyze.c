/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Analysis: from the parser's tree to one in which every node has its output and every expression
 * a type. Nodes are changed in place or replaced; nothing is shared between two places.
 */
#include "plan/analyze.h"

/* Nodes of one SELECT: errors about the lower ones point at the whole of it, as in Spark. */
static bool in_block(const struct hr_plan *plan)
{
    switch (plan->kind) {
    case HR_P_PROJECT:
    case HR_P_AGGREGATE:
    case HR_P_FILTER:
    case HR_P_SORT:
    case HR_P_LIMIT:
    case HR_P_DISTINCT: return true;
    default: return false;
    }
}

static hr_status analyze_children(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    /* HAVING without GROUP BY groups everything into one row. */
    bool having = plan->kind == HR_P_FILTER && plan->is_having;
    if (having && plan->children[0]->kind == HR_P_PROJECT) plan->children[0]->kind = HR_P_AGGREGATE;
    if (in_block(plan) && in_block(plan->children[0]) && plan->sql_pos >= 0) {
        plan->children[0]->sql_pos = plan->sql_pos;
        plan->children[0]->sql_end = plan->sql_end;
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(hr_analyze(an, &plan->children[i], err));
    return HR_OK;
}

static hr_status analyze_node(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *p = *plan;
    switch (p->kind) {
    case HR_P_RELATION: return hr_analyze_relation(an, plan, err);
    case HR_P_WITH: return hr_analyze_with(an, plan, err);
    case HR_P_VALUES: return hr_analyze_values(an, plan, err);
    case HR_P_ONE_ROW: return hr_one_row(an->arena, p, err);
    case HR_P_RANGE: return hr_analyze_range(an, p, err);
    default: break;
    }
    HR_TRY(analyze_children(an, p, err));
    switch (p->kind) {
    case HR_P_SUBQUERY_ALIAS: return hr_analyze_subquery_alias(an, plan, err);
    case HR_P_PROJECT:
    case HR_P_AGGREGATE: return hr_analyze_select(an, plan, err);
    case HR_P_FILTER:
        return p->is_having ? hr_analyze_having(an, plan, err) : hr_analyze_filter(an, plan, err);
    case HR_P_SORT: return hr_analyze_sort(an, plan, err);
    case HR_P_LIMIT: return hr_analyze_limit(an, p, err);
    case HR_P_DISTINCT: return hr_analyze_distinct(an, p, err);
    case HR_P_JOIN: return hr_analyze_join(an, plan, err);
    case HR_P_UNION: return hr_analyze_union(an, p, err);
    case HR_P_SETOP: return hr_analyze_setop(an, plan, err);
    case HR_P_WATERMARK: return hr_analyze_watermark(an, plan, err);
    case HR_P_GENERATE: return hr_analyze_generate(an, p, err);
    default: return hr_plan_refresh(an->arena, p, err);
    }
}

hr_status hr_analyze(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    if ((*plan)->resolved) return HR_OK;
    if (an->depth >= HR_PLAN_DEPTH_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of the query", "limit", "400");
    an->depth++;
    hr_status status = analyze_node(an, plan, err);
    an->depth--;
    return status;
}

/* Sources are numbered in the order of the text, before the rules move them. */
static void number_scans(struct hr_plan *plan, uint32_t *next)
{
    if (plan->kind == HR_P_SCAN) plan->scan_id = (*next)++;
    for (uint32_t i = 0; i < plan->child_count; i++) number_scans(plan->children[i], next);
}

hr_status hr_plan_analyze(struct hr_arena *arena, const struct hr_conf *conf,
                          struct hr_catalog *catalog, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_analyzer an = {.arena = arena, .conf = conf, .catalog = catalog};
    struct hr_err own;
    if (!err) hr_err_init(&own);
    HR_TRY(hr_analyze(&an, plan, err ? err : &own));
    bool hidden = false;
    for (uint32_t i = 0; i < (*plan)->output_count; i++)
        hidden = hidden || (*plan)->output[i].hidden;
    if (hidden && !(*plan = hr_plan_pass(arena, *plan))) return HR_OOM(err);
    number_scans(*plan, &an.scans);
    return HR_OK;
}
