/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the optimiser. A rule looks at one node of an analysed plan and may replace it by one
 * with the same rows and the same output attributes (ids, types, order). They are rows of rules.def
 * and run over the tree from the leaves up, again and again until none changes anything.
 */
#ifndef HR_PLAN_RULES_H
#define HR_PLAN_RULES_H

#include "plan/tree.h"

struct hr_rule_ctx {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    bool changed; /* set by a rule that changed the plan */
};

typedef hr_status (*hr_rule_fn)(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err);

#define X(name, doc) \
    hr_status hr_rule_##name(struct hr_rule_ctx *, struct hr_plan **, struct hr_err *);
#include "plan/rules/rules.def"
#undef X

/* Runs once, when filters have reached the joins. */
hr_status hr_reorder_joins(struct hr_rule_ctx *ctx, struct hr_plan **root, struct hr_err *err);
/* Runs once, over the whole tree: who needs which columns is known from the top only. */
hr_status hr_prune_columns(struct hr_rule_ctx *ctx, struct hr_plan **root, struct hr_err *err);

#endif
