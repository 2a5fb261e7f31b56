/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SILENT BY (keys) FOR INTERVAL …: the last row of each key that has no other behind it for so
 * long, with the column silent_at, which is the event time from there on.
 */
#include "operator/silent.h"
#include "plan/nodes/silent.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

static hr_status find_time(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_silent_node *silent = HR_NODE(silent, plan);
    const struct hr_plan *child = plan->children[0];
    for (uint32_t i = 0; i < child->output_count && !silent->time; i++) {
        const struct hr_attr *attr = &child->output[i];
        if (attr->watermark_delay_us < 0 || attr->type->id != HR_T_TIMESTAMP) continue;
        silent->time = hr_attr_ref(an->arena, attr);
        if (!silent->time) return HR_OOM(err);
    }
    if (silent->time) return HR_OK;
    HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what",
             "SILENT BY needs an event time: write WATERMARK column DELAY OF INTERVAL … before it");
    return hr_err_at(err, plan->sql_pos, plan->sql_end);
}

static hr_status analyze(struct hr_analyzer *an, struct hr_plan **ret_plan, struct hr_err *err)
{
    struct hr_plan *plan = *ret_plan;
    struct hr_silent_node *silent = HR_NODE(silent, plan);
    struct hr_names names = {.inputs = {plan->children[0]}, .input_count = 1};
    for (uint32_t i = 0; i < silent->key_count; i++) {
        HR_TRY(hr_resolve(an, &names, &silent->keys[i], err));
        const struct hr_expr *key = silent->keys[i];
        if (key->kind == HR_X_ATTR && key->type->id != HR_T_MAP) continue;
        HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what",
                 "the keys of SILENT BY must be columns, and no maps");
        return hr_err_at(err, key->sql_pos, key->sql_end);
    }
    HR_TRY(find_time(an, plan, err));
    silent->at_id = hr_expr_next_attr_id();
    return hr_plan_refresh(an->arena, plan, err);
}

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_plan *child = plan->children[0];
    const struct hr_silent_node *silent = HR_NODE(silent, plan);
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, child->output_count + 1);
    if (!output) return HR_OOM(err);
    int64_t delay_us = 0;
    for (uint32_t i = 0; i < child->output_count; i++) {
        output[i] = child->output[i];
        delay_us = HR_MAX(delay_us, output[i].watermark_delay_us);
        output[i].watermark_delay_us = -1;
    }
    output[child->output_count] = (struct hr_attr){.id = silent->at_id,
                                                   .name = "silent_at",
                                                   .type = hr_type(HR_T_TIMESTAMP),
                                                   .watermark_delay_us = delay_us};
    plan->output = output;
    plan->output_count = child->output_count + 1;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_silent_node *silent = HR_NODE(silent, plan);
    hr_buf_putc(out, ' ');
    hr_node_print_list(silent->keys, silent->key_count, out);
    hr_buf_printf(out, ", %lld microseconds", (long long)silent->after_us);
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    struct hr_wanted down = {0};
    for (uint32_t i = 0; i < up->count; i++)
        if (hr_plan_attr(plan->children[0], up->items[i]))
            HR_TRY(hr_want(ctx, &down, up->items[i], err));
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    return hr_prune_children(ctx, plan, &down, err);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_silent_node *silent = HR_NODE(silent, plan);
    struct hr_expr *time_expr = silent->time, **keys, **time;
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    HR_TRY(hr_bind_all(pl, plan->children[0], silent->keys, silent->key_count, &keys, err));
    HR_TRY(hr_bind_all(pl, plan->children[0], &time_expr, 1, &time, err));
    if (pl->parallel) HR_TRY(hr_exchange_by_keys(pl, child, keys, silent->key_count, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_silent, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = keys;
    node->expr_count = silent->key_count;
    struct hr_silent_pnode *out = HR_PNODE(silent, node);
    out->keys = HR_NEW_ARRAY(pl->arena, uint32_t, silent->key_count + 1);
    out->identity = hr_arena_printf(pl->arena, " for %lld us", (long long)silent->after_us);
    if (!out->keys || !out->identity) return HR_OOM(err);
    for (uint32_t i = 0; i < silent->key_count; i++) out->keys[i] = keys[i]->ordinal;
    out->key_count = silent->key_count;
    out->time = time[0]->ordinal;
    out->after_us = silent->after_us;
    if (plan->is_streaming) node->state_id = pl->next_state++;
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_silent_node, keys, key_count),
    HR_NODE_EXPR(hr_silent_node, time),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_silent = {
    .name = "Silent",
    .size = sizeof(struct hr_silent_node),
    .exprs = exprs,
    .in_block = true,
    .keeps_state = true,
    .analyze = analyze,
    .output = output,
    .print = print,
    .prune = prune,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_APPEND,
    .physical = physical,
};
