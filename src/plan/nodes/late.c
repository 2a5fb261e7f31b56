/* SPDX-License-Identifier: Apache-2.0 */
/* Below a stateful operator of a stream: the rows that are late go to an output of their own. */
#include "plan/nodes/late.h"

#include "operator/late.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/distinct.h"
#include "plan/nodes/over.h"
#include "plan/nodes/silent.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

/* Where it goes ---------------------------------------------------------------------------------*/

struct place {
    struct hr_plan *above;  /* the stateful node */
    struct hr_expr *time;
    bool null_is_late;
    const struct hr_plan *other; /* a second one, or one that cannot have it */
};

static struct hr_expr *time_of(const struct hr_plan *plan, bool *ret_null_is_late)
{
    *ret_null_is_late = false;
    switch (plan->kind) {
    case HR_P_AGGREGATE: {
        const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
        return agg->event_time_key >= 0 ? agg->groups[agg->event_time_key] : NULL;
    }
    case HR_P_DISTINCT: return HR_NODE(distinct, plan)->time;
    case HR_P_SILENT: *ret_null_is_late = true; return HR_NODE(silent, plan)->time;
    case HR_P_OVER: {
        const struct hr_over_node *over = HR_NODE(over, plan);
        const struct hr_over *how = over->exprs[0]->args[0]->over;
        if (over->top || how->order_count == 0) return NULL;
        const struct hr_expr *sort = over->exprs[0]->args[0]->args[1 + how->partition_count];
        *ret_null_is_late = true;
        return hr_expr_watermark_delay(plan, sort->args[0]) >= 0 ? sort->args[0] : NULL;
    }
    default: return NULL;
    }
}

/* Only the lowest stateful operators have late rows: what one puts out is not late for the next. */
static bool find(struct place *place, struct hr_plan *plan)
{
    bool below = false, null_is_late;
    uint32_t streams = 0;
    if (!plan->is_streaming) return false;
    for (uint32_t i = 0; i < plan->child_count; i++) {
        below = find(place, plan->children[i]) || below;
        streams += plan->children[i]->is_streaming;
    }
    if (below) return true;
    if (plan->kind == HR_P_JOIN && streams > 1) {
        place->other = plan;
        return true;
    }
    struct hr_expr *time = time_of(plan, &null_is_late);
    if (!time) return false;
    if (place->above) place->other = plan;
    *place = (struct place){plan, time, null_is_late, place->other};
    return true;
}

hr_status hr_plan_divert_late(struct hr_arena *arena, struct hr_plan *plan,
                              enum hr_output_mode mode, const struct hr_type **ret_schema,
                              struct hr_err *err)
{
    struct place place = {0};
    (void)find(&place, plan);
    if (mode == HR_MODE_COMPLETE || mode == HR_MODE_CHANGELOG)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "LATE ROWS in outputMode '%s': %s",
                       hr_output_mode_name(mode),
                       mode == HR_MODE_COMPLETE ? "there no row is late"
                                                : "rows may be taken back there");
    if (place.other)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "LATE ROWS of a %s: they are of one operator over one stream",
                       place.other->kind == HR_P_JOIN ? "join of streams"
                                                      : "query with several of them");
    if (!place.above || place.time->kind != HR_X_ATTR)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "LATE ROWS of a query in which no row is late: it has no aggregation, "
                       "DEDUPLICATE, SILENT or OVER by an event time with a WATERMARK");
    struct hr_plan *late = hr_plan_new1(arena, HR_P_LATE, place.above->children[0]);
    if (!late) return HR_OOM(err);
    HR_NODE(late, late)->time = place.time;
    HR_NODE(late, late)->null_is_late = place.null_is_late;
    late->is_streaming = late->resolved = true;
    HR_TRY(hr_plan_refresh(arena, late, err));
    place.above->children[0] = late;
    const struct hr_type *columns = hr_plan_schema(late);
    *ret_schema = columns ? hr_late_schema(arena, columns) : NULL;
    return *ret_schema ? HR_OK : HR_OOM(err);
}

/* The node --------------------------------------------------------------------------------------*/

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, ' ');
    hr_expr_print(HR_NODE(late, plan)->time, out);
}

/* All columns are a late row's. */
static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    struct hr_wanted down = {0};
    HR_UNUSED(up);
    HR_TRY(hr_want_output(ctx, &down, plan, err));
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    return hr_prune_children(ctx, plan, &down, err);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_late_node late = *HR_NODE(late, plan);
    struct hr_pnode *child = NULL;
    const struct hr_type *columns = hr_plan_schema(plan);
    const struct hr_type *schema = columns ? hr_late_schema(pl->arena, columns) : NULL;
    if (!schema) return HR_OOM(err);
    pl->late = plan;
    pl->late_schema = schema;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    pl->late = NULL;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_late, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_TRY(hr_bind_all(pl, plan->children[0], &late.time, 1, &node->exprs, err));
    node->expr_count = 1;
    struct hr_late_pnode *out = HR_PNODE(late, node);
    out->column = node->exprs[0]->ordinal;
    out->null_is_late = late.null_is_late;
    out->late_schema = schema;
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_late_node, time),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_late = {
    .name = "LateRows",
    .size = sizeof(struct hr_late_node),
    .exprs = exprs,
    .output = hr_node_output_of_child,
    .print = print,
    .prune = prune,
    .accepts = HR_CHANGES_APPEND,
    .physical = physical,
};
