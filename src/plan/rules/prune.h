/* SPDX-License-Identifier: Apache-2.0 */
/* Column pruning, for the kinds of nodes that have a rule of their own about it. */
#ifndef HR_PLAN_RULES_PRUNE_H
#define HR_PLAN_RULES_PRUNE_H

#include "plan/rules/rules.h"

/* Ids of the attributes that somebody above needs. */
struct hr_wanted {
    uint32_t *items;
    uint32_t count, capacity;
};

bool hr_wanted_has(const struct hr_wanted *w, uint32_t id);
hr_status hr_want(struct hr_rule_ctx *ctx, struct hr_wanted *w, uint32_t id,
                  struct hr_err *err) HR_CHECKED;
hr_status hr_want_output(struct hr_rule_ctx *ctx, struct hr_wanted *w, const struct hr_plan *plan,
                         struct hr_err *err) HR_CHECKED;
/* What the node's own expressions refer to. */
hr_status hr_want_refs(struct hr_rule_ctx *ctx, struct hr_wanted *w, struct hr_plan *plan,
                       struct hr_err *err) HR_CHECKED;
/* Prunes a plan to what is wanted of it. */
hr_status hr_prune(struct hr_rule_ctx *ctx, struct hr_plan **plan, const struct hr_wanted *up,
                   struct hr_err *err) HR_CHECKED;
/* The end of a node's own rule: its children, then its output. */
hr_status hr_prune_children(struct hr_rule_ctx *ctx, struct hr_plan *plan,
                            const struct hr_wanted *down, struct hr_err *err) HR_CHECKED;
/* Drops the items of a projection that are not wanted. */
void hr_prune_exprs(struct hr_plan *plan, const struct hr_wanted *w);

#endif
