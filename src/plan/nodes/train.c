/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRAIN MODEL m ON query. The query's columns are the features and, for kinds that learn from
 * labels, the label: the last column, or the one that CREATE MODEL named. Where CREATE MODEL has
 * declared the features they are found by name, in any order.
 */
#include "operator/train.h"
#include "plan/nodes/train.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

static hr_status fail(const struct hr_train_node *node, const char *why, struct hr_err *err)
{
    HR_RAISE(err, HR_E_ML_INPUT, "model", node->model_name, "why", why ? why : "out of memory");
    return hr_err_at(err, node->plan.sql_pos, node->plan.sql_end);
}

static const struct hr_attr *find_column(struct hr_analyzer *an, const struct hr_plan *child,
                                         const char *name)
{
    for (uint32_t i = 0; i < child->output_count; i++)
        if (!child->output[i].hidden && hr_name_eq(an, child->output[i].name, name))
            return &child->output[i];
    return NULL;
}

static hr_status push(struct hr_analyzer *an, struct hr_train_node *node,
                      const struct hr_attr *attr, const struct hr_type *to, struct hr_err *err)
{
    struct hr_expr *ref = hr_attr_ref(an->arena, attr);
    if (!ref) return HR_OOM(err);
    if (ref->type->id != HR_T_NULL || to->id != HR_T_STRING)
        HR_TRY(hr_expr_coerce(an->arena, an->conf, &ref, to, err));
    node->exprs[node->expr_count++] = ref;
    return HR_OK;
}

static hr_status push_feature(struct hr_analyzer *an, struct hr_train_node *node,
                              const struct hr_attr *attr, struct hr_err *err)
{
    bool is_text = attr->type->id == HR_T_STRING;
    if (!is_text && !hr_type_is_numeric(attr->type) && attr->type->id != HR_T_BOOLEAN)
        return fail(node,
                    hr_arena_printf(an->arena,
                                    "feature %s is a %s; features are numbers, BOOLEAN or STRING",
                                    attr->name, hr_type_simple(an->arena, attr->type)),
                    err);
    if (is_text && !node->entry->vt->takes_texts)
        return fail(node,
                    hr_arena_printf(an->arena, "feature %s is a STRING, and a %s takes numbers",
                                    attr->name, node->entry->vt->name),
                    err);
    node->inputs[node->input_count++] = (struct hr_ml_input){attr->name, is_text};
    return push(an, node, attr, hr_type(is_text ? HR_T_STRING : HR_T_DOUBLE), err);
}

/* The label's column, or NULL for kinds without one. */
static hr_status find_label(struct hr_analyzer *an, struct hr_train_node *node,
                            const struct hr_plan *child, const struct hr_attr **ret,
                            struct hr_err *err)
{
    const struct hr_ml_entry *entry = node->entry;
    *ret = NULL;
    if (!hr_ml_task_has_label(entry->vt->task)) return HR_OK;
    for (uint32_t i = 0; !entry->label && i < child->output_count; i++)
        if (!child->output[i].hidden) *ret = &child->output[i];
    if (entry->label) *ret = find_column(an, child, entry->label);
    if (!*ret)
        return fail(node,
                    hr_arena_printf(an->arena, "the query has no column %s, which is the label",
                                    entry->label ? entry->label : ""),
                    err);
    bool is_text = (*ret)->type->id == HR_T_STRING, is_class = entry->vt->task == HR_ML_CLASSES;
    bool is_number = hr_type_is_numeric((*ret)->type) || (*ret)->type->id == HR_T_BOOLEAN ||
                     (*ret)->type->id == HR_T_NULL;
    if (!is_number && !(is_text && is_class))
        return fail(node,
                    hr_arena_printf(an->arena, "the label %s is a %s; a %s learns from %s",
                                    (*ret)->name, hr_type_simple(an->arena, (*ret)->type),
                                    entry->vt->name,
                                    is_class ? "numbers, BOOLEAN or STRING" : "numbers or BOOLEAN"),
                    err);
    return HR_OK;
}

static hr_status push_declared(struct hr_analyzer *an, struct hr_train_node *node,
                               const struct hr_plan *child, struct hr_err *err)
{
    const struct hr_ml_entry *entry = node->entry;
    for (uint32_t i = 0; i < entry->input_count; i++) {
        const struct hr_attr *attr = find_column(an, child, entry->inputs[i].name);
        if (!attr)
            return fail(node,
                        hr_arena_printf(an->arena, "the query has no column %s, which is a feature",
                                        entry->inputs[i].name),
                        err);
        HR_TRY(push_feature(an, node, attr, err));
        if (node->inputs[i].is_text != entry->inputs[i].is_text)
            return fail(node,
                        hr_arena_printf(an->arena, "feature %s is declared as a %s", attr->name,
                                        entry->inputs[i].is_text ? "STRING" : "number"),
                        err);
    }
    return HR_OK;
}

static hr_status analyze(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_train_node *node = HR_NODE(train, *plan);
    const struct hr_plan *child = node->plan.children[0];
    const struct hr_attr *label = NULL;
    node->entry = hr_ml_store_find(an->conf->models, node->model_name);
    if (!node->entry) {
        HR_RAISE(err, HR_E_ML_NOT_FOUND, "model", hr_quote_name(an->arena, &node->model_name, 1));
        return hr_err_at(err, node->plan.sql_pos, node->plan.sql_end);
    }
    node->exprs = HR_NEW_ARRAY(an->arena, struct hr_expr *, child->output_count + 1);
    node->inputs = HR_NEW_ARRAY(an->arena, struct hr_ml_input, child->output_count + 1);
    if (!node->exprs || !node->inputs) return HR_OOM(err);
    HR_TRY(find_label(an, node, child, &label, err));
    if (node->entry->inputs) {
        HR_TRY(push_declared(an, node, child, err));
    } else {
        for (uint32_t i = 0; i < child->output_count; i++)
            if (!child->output[i].hidden && &child->output[i] != label)
                HR_TRY(push_feature(an, node, &child->output[i], err));
    }
    if (node->input_count == 0 || node->input_count > HR_ML_INPUTS_MAX)
        return fail(node, "it needs between 1 and 1024 features beside the label", err);
    if (label) {
        bool is_class = node->entry->vt->task == HR_ML_CLASSES;
        node->label = label->name;
        HR_TRY(push(an, node, label, hr_type(is_class ? HR_T_STRING : HR_T_DOUBLE), err));
    }
    return hr_plan_refresh(an->arena, *plan, err);
}

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    static const char *const names[] = {"version", "rows", "rowsWithoutLabel",
                                        "rowsWithBadFeatures"};
    if (plan->output) return HR_OK;
    plan->output = HR_NEW_ARRAY(arena, struct hr_attr, HR_COUNT(names));
    if (!plan->output) return HR_OOM(err);
    for (uint32_t i = 0; i < HR_COUNT(names); i++)
        plan->output[i] = (struct hr_attr){.id = hr_expr_next_attr_id(),
                                           .name = names[i],
                                           .type = hr_type(HR_T_LONG),
                                           .watermark_delay_us = -1};
    plan->output_count = HR_COUNT(names);
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_train_node *node = HR_NODE(train, plan);
    hr_buf_printf(out, " %s, [", node->model_name);
    hr_node_print_list(node->exprs, node->expr_count, out);
    hr_buf_putc(out, ']');
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 1);
    HR_UNUSED(plan);
    HR_UNUSED(child_rows);
    return 1;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    const struct hr_train_node *train = HR_NODE(train, plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    if (pl->parallel && !hr_pnode_is_single(child)) HR_TRY(hr_single(pl, child, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_train, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_train_pnode *own = HR_PNODE(train, node);
    own->entry = train->entry;
    own->inputs = train->inputs;
    own->input_count = train->input_count;
    own->label = train->label;
    own->afresh = train->afresh;
    HR_TRY(hr_bind_program(pl, node, plan->children[0], train->exprs, train->expr_count, err));
    node->state_id = plan->is_streaming ? pl->next_state++ : -1;
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_train_node, exprs, expr_count),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_train = {
    .name = "Train",
    .size = sizeof(struct hr_train_node),
    .exprs = exprs,
    .keeps_state = true,
    .analyze = analyze,
    .output = output,
    .print = print,
    .max_rows = max_rows,
    .accepts = HR_CHANGES_APPEND,
    .physical = physical,
};
