/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a streaming query may do in an output mode: Spark's UnsupportedOperationChecker, its rules
 * and its words. The rules about one kind of node are in nodes/; here is the walk, and what is
 * about the whole query: rows that change must not reach a node that takes only rows for ever.
 */
#include <stdio.h>

#include "expr/function.h"
#include "plan/catalog.h"
#include "plan/node.h"
#include "plan/nodes/write_changes.h"

static const char *const mode_names[] = {"Append", "Update", "Complete", "Changelog"};

static bool counts(const struct hr_plan *plan)
{
    assert(plan);
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    return vt->counts ? vt->counts(plan) : vt->counts_as_aggregate;
}

uint32_t hr_plan_aggregates(const struct hr_plan *plan)
{
    uint32_t count = plan->is_streaming && counts(plan);
    for (uint32_t i = 0; i < plan->child_count; i++) count += hr_plan_aggregates(plan->children[i]);
    return count;
}

/* Spark's words, but for the setting that switches its check off: there is none here. */
static const char late_by_design[] =
    "Detected pattern of possible 'correctness' issue due to global watermark. The query contains "
    "stateful operation which can emit rows older than the current watermark plus allowed late "
    "record delay, which are \"late rows\" in downstream stateful operations and these rows can be "
    "discarded.";

/* What a walk from the leaves up has found. */
struct walk {
    const struct hr_conf *conf;
    enum hr_output_mode mode;
    bool changes;                      /* the query runs by changes */
    uint32_t aggregates;               /* so far */
    const struct hr_plan *overwhelmed; /* the first node that gets more than it accepts */
};

/* Is the expression the same for the same row, whenever it is asked? */
static bool is_lasting(void *arg, const struct hr_expr *expr)
{
    const struct hr_function *fn = expr->kind == HR_X_CALL ? expr->function : NULL;
    const char **bad = arg;
    if (!fn) return true;
    bool clock = fn->flags & HR_FN_CLOCK && expr->arg_count == 0;
    if (!clock && !(fn->flags & (HR_FN_NONDETERMINISTIC | HR_FN_CONTEXT))) return true;
    *bad = fn->name;
    return false;
}

static hr_status find_passing(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_expr_walk(*expr, is_lasting, arg);
    return HR_OK;
}

/* A row that is taken back must be made as it was when it came. */
static hr_status check_lasting(const struct hr_plan *plan, struct hr_err *err)
{
    const char *bad = NULL;
    HR_TRY(hr_plan_each_expr((struct hr_plan *)(uintptr_t)plan, find_passing, &bad, err));
    if (!bad) return HR_OK;
    char msg[160];
    snprintf(msg, sizeof msg,
             "%s() gives something else each time, so that a row made with it could not be taken "
             "back",
             bad);
    return hr_node_refuse(plan, err, msg);
}

static hr_status check_node(struct walk *w, const struct hr_plan *plan, enum hr_changes *ret_emits,
                            struct hr_err *err)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    uint32_t before = w->aggregates;
    struct hr_streaming_check check = {
        .conf = w->conf, .mode = w->mode, .changes = w->changes, .input = HR_CHANGES_APPEND};
    for (uint32_t i = 0; i < plan->child_count; i++) {
        enum hr_changes input = HR_CHANGES_APPEND;
        HR_TRY(check_node(w, plan->children[i], &input, err));
        check.input = HR_MAX(check.input, input);
    }
    check.aggregates = w->aggregates - before;
    *ret_emits = check.input;
    if (!plan->is_streaming) return HR_OK;
    bool replaced = check.input == HR_CHANGES_UPDATE || check.input == HR_CHANGES_COMPLETE;
    if (vt->keeps_state && replaced)
        return hr_node_refuse(plan, err, late_by_design);
    if (vt->check_streaming) HR_TRY(vt->check_streaming(plan, &check, err));
    bool is_leaf = plan->child_count == 0;
    if (!is_leaf && !(vt->accepts & check.input) && !w->overwhelmed) w->overwhelmed = plan;
    if (vt->emits) *ret_emits = vt->emits(plan, &check);
    if (check.input == HR_CHANGES_WEIGHTED || *ret_emits == HR_CHANGES_WEIGHTED)
        HR_TRY(check_lasting(plan, err));
    w->aggregates += counts(plan);
    return HR_OK;
}

/* Rows are taken back, which only the changes' own encodings can say. */
static hr_status refuse_changes(const struct hr_plan *plan, enum hr_output_mode mode,
                                struct hr_err *err)
{
    char msg[200];
    assert((uint32_t)mode < HR_COUNT(mode_names));
    snprintf(msg, sizeof msg,
             "The query reads changes, and rows of its result can be taken back, which %s output "
             "mode cannot say; outputMode 'changelog' or 'complete' can",
             mode_names[mode]);
    return hr_node_refuse(plan, err, msg);
}

hr_status hr_plan_check_changes(struct hr_arena *arena, const struct hr_conf *conf,
                                struct hr_plan **plan, enum hr_output_mode mode,
                                struct hr_err *err)
{
    assert((*plan)->resolved && mode != HR_MODE_APPEND);
    struct hr_plan **at = NULL;
    if (!(*plan)->is_streaming)
        return HR_RAISE(err, HR_E_WRITE_STREAM_NOT_ALLOWED);
    HR_TRY(hr_plan_write_changes(arena, plan, mode, &at, err));
    struct walk walk = {.conf = conf, .mode = mode, .changes = true};
    enum hr_changes emits = HR_CHANGES_APPEND;
    hr_status status = check_node(&walk, *plan, &emits, err);
    if (status == HR_OK && walk.overwhelmed) {
        char msg[160];
        snprintf(msg, sizeof msg, "%s is not supported on rows that can be taken back",
                 hr_plan_vt(walk.overwhelmed)->name);
        status = hr_node_refuse(walk.overwhelmed, err, msg);
    }
    if (status != HR_OK) *at = (*at)->children[0];
    return status;
}

hr_status hr_plan_check_streaming(const struct hr_plan *plan, const struct hr_conf *conf,
                                  enum hr_output_mode mode, struct hr_err *err)
{
    assert(plan && conf && mode < HR_MODE_COUNT);
    assert(plan->resolved && (uint32_t)mode < HR_COUNT(mode_names));
    uint32_t aggregates = hr_plan_aggregates(plan);
    if (!plan->is_streaming)
        return HR_RAISE(err, HR_E_WRITE_STREAM_NOT_ALLOWED);
    if (mode == HR_MODE_COMPLETE && aggregates == 0)
        return hr_node_refuse_mode(plan, err, "complete", "no streaming aggregations");
    struct walk walk = {.conf = conf, .mode = mode};
    enum hr_changes emits = HR_CHANGES_APPEND;
    HR_TRY(check_node(&walk, plan, &emits, err));
    assert(walk.aggregates == aggregates);
    if (emits == HR_CHANGES_WEIGHTED && !walk.overwhelmed) return refuse_changes(plan, mode, err);
    bool several = aggregates > 1 && mode != HR_MODE_APPEND;
    if (!several && !walk.overwhelmed) return HR_OK;
    char msg[200];
    if (!several) { /* kinds whose own check says nothing about it */
        snprintf(msg, sizeof msg, "%s is not supported on rows that change, in %s output mode",
                 hr_plan_vt(walk.overwhelmed)->name, mode_names[mode]);
        return hr_node_refuse(walk.overwhelmed, err, msg);
    }
    snprintf(msg, sizeof msg,
             "Multiple streaming aggregations are not supported with streaming "
             "DataFrames/Datasets in %s output mode",
             mode_names[mode]);
    return hr_node_refuse(plan, err, msg);
}
