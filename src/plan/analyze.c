/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Analysis: from the parser's tree to one in which every node has its output and every expression
 * a type. Nodes are changed in place or replaced; nothing is shared between two places.
 */
#include "plan/analyze.h"

#include "plan/node.h"
#include "plan/nodes/scan.h"
#include "plan/subquery.h"

static hr_status analyze_children(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    /* Errors about the lower nodes of a SELECT point at the whole of it, as in Spark. */
    if (hr_plan_vt(plan)->in_block && hr_plan_vt(plan->children[0])->in_block &&
        plan->sql_pos >= 0) {
        plan->children[0]->sql_pos = plan->sql_pos;
        plan->children[0]->sql_end = plan->sql_end;
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(hr_analyze(an, &plan->children[i], err));
    return HR_OK;
}

static hr_status analyze_node(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    const struct hr_node_vt *vt = hr_plan_vt(*plan);
    if (!vt->analyzes_children) HR_TRY(analyze_children(an, *plan, err));
    if (!vt->analyze) return hr_plan_refresh(an->arena, *plan, err);
    HR_TRY(vt->analyze(an, plan, err));
    assert((*plan)->resolved);
    return HR_OK;
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
    if (plan->kind == HR_P_SCAN) HR_NODE(scan, plan)->scan_id = (*next)++;
    for (uint32_t i = 0; i < plan->child_count; i++) number_scans(plan->children[i], next);
}

hr_status hr_plan_analyze(struct hr_arena *arena, const struct hr_conf *conf,
                          struct hr_catalog *catalog, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_analyzer an = {.arena = arena, .conf = conf, .catalog = catalog};
    struct hr_err own;
    if (!err) hr_err_init(&own);
    HR_TRY(hr_analyze(&an, plan, err ? err : &own));
    HR_TRY(hr_check_over(&an, *plan, err));
    bool hidden = false;
    for (uint32_t i = 0; i < (*plan)->output_count; i++)
        hidden = hidden || (*plan)->output[i].hidden;
    if (hidden && !(*plan = hr_plan_pass(arena, *plan))) return HR_OOM(err);
    HR_TRY(hr_plan_join_subqueries(arena, conf, plan, err));
    number_scans(*plan, &an.scans);
    return HR_OK;
}
