/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a streaming query may do in an output mode: Spark's UnsupportedOperationChecker, its rules
 * and its words. The rules about one kind of node are in nodes/; here is the walk, and what is
 * about the whole query: rows that change must not reach a node that takes only rows for ever.
 */
#include <stdio.h>

#include "plan/catalog.h"
#include "plan/node.h"

static const char *const mode_names[] = {"Append", "Update", "Complete"};

uint32_t hr_plan_aggregates(const struct hr_plan *plan)
{
    uint32_t count = plan->is_streaming && hr_plan_vt(plan)->counts_as_aggregate;
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
    uint32_t aggregates;               /* so far */
    const struct hr_plan *overwhelmed; /* the first node that gets more than it accepts */
};

static hr_status check_node(struct walk *w, const struct hr_plan *plan, enum hr_changes *ret_emits,
                            struct hr_err *err)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    uint32_t before = w->aggregates;
    struct hr_streaming_check check = {
        .conf = w->conf, .mode = w->mode, .input = HR_CHANGES_APPEND};
    for (uint32_t i = 0; i < plan->child_count; i++) {
        enum hr_changes input = HR_CHANGES_APPEND;
        HR_TRY(check_node(w, plan->children[i], &input, err));
        check.input = HR_MAX(check.input, input);
    }
    check.aggregates = w->aggregates - before;
    *ret_emits = check.input;
    if (!plan->is_streaming) return HR_OK;
    if (vt->keeps_state && check.input != HR_CHANGES_APPEND)
        return hr_node_refuse(plan, err, late_by_design);
    if (vt->check_streaming) HR_TRY(vt->check_streaming(plan, &check, err));
    bool is_leaf = plan->child_count == 0;
    if (!is_leaf && !(vt->accepts & check.input) && !w->overwhelmed) w->overwhelmed = plan;
    if (vt->emits) *ret_emits = vt->emits(plan, &check);
    w->aggregates += vt->counts_as_aggregate;
    return HR_OK;
}

hr_status hr_plan_check_streaming(const struct hr_plan *plan, const struct hr_conf *conf,
                                  enum hr_output_mode mode, struct hr_err *err)
{
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
    bool several = aggregates > 1 && mode != HR_MODE_APPEND;
    if (!several && !walk.overwhelmed) return HR_OK;
    char msg[160];
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
