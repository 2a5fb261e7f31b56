/* SPDX-License-Identifier: Apache-2.0 */
/* What analysis, rules and physical planning share: outputs, references, conjunctions, copies. */
#ifndef HR_PLAN_TREE_H
#define HR_PLAN_TREE_H

#include "expr/function.h"
#include "plan/logical.h"

/* Deeper plans are refused: everything here recurses. */
#define HR_PLAN_DEPTH_MAX 400

/* The attribute in plan's output, or NULL. */
const struct hr_attr *hr_plan_attr(const struct hr_plan *plan, uint32_t id);
/* The same in any of plan's children. */
const struct hr_attr *hr_plan_input_attr(const struct hr_plan *plan, uint32_t id);
/* The delay of the watermark when expr over plan's children is an event time: an attribute that is
 * one, or the last instant of a window that is one (window_time). -1: it is none. */
int64_t hr_expr_watermark_delay(const struct hr_plan *plan, const struct hr_expr *expr);
/* A reference to the attribute. NULL: out of memory. */
struct hr_expr *hr_attr_ref(struct hr_arena *arena, const struct hr_attr *attr);

/* Computes plan->output anew from its expressions and children (nodes that make attributes of
 * their own, such as scans and unions, keep theirs), and is_streaming. */
hr_status hr_plan_refresh(struct hr_arena *arena, struct hr_plan *plan,
                          struct hr_err *err) HR_CHECKED;
/* A projection of all of child's visible attributes. NULL: out of memory. */
struct hr_plan *hr_plan_pass(struct hr_arena *arena, struct hr_plan *child);
/* A resolved filter on child, or child itself when condition is NULL. */
hr_status hr_plan_filter(struct hr_arena *arena, struct hr_plan *child, struct hr_expr *condition,
                         struct hr_plan **ret, struct hr_err *err) HR_CHECKED;

/* Deep copy of a plan as the parser made it (no attributes yet). NULL: out of memory. */
struct hr_plan *hr_plan_copy(struct hr_arena *arena, const struct hr_plan *plan);
/* Deep copy with the same attributes: for one that takes the other's place. NULL: out of memory. */
struct hr_plan *hr_plan_twin(struct hr_arena *arena, const struct hr_plan *plan);
/* Deep copy of an analysed plan with attributes of its own, column by column the same. */
hr_status hr_plan_again(struct hr_arena *arena, const struct hr_plan *plan, struct hr_plan **ret,
                        struct hr_err *err) HR_CHECKED;

/* Are all attributes of expr in plan's output? */
bool hr_expr_within(const struct hr_expr *expr, const struct hr_plan *plan);
/* Does expr refer to the attribute? */
bool hr_expr_uses(const struct hr_expr *expr, uint32_t attr_id);

struct hr_exprs {
    struct hr_expr **items;
    uint32_t count, capacity;
};
/* Appends the parts of a AND b AND c. */
hr_status hr_expr_split_and(struct hr_arena *arena, struct hr_expr *condition,
                            struct hr_exprs *parts, struct hr_err *err) HR_CHECKED;
/* NULL in *ret when there are no parts. */
hr_status hr_expr_join_and(struct hr_arena *arena, const struct hr_conf *conf,
                           const struct hr_exprs *parts, struct hr_expr **ret,
                           struct hr_err *err) HR_CHECKED;
/* A resolved call. */
hr_status hr_call(struct hr_arena *arena, const struct hr_conf *conf, const char *name,
                  struct hr_expr *const *args, uint32_t arg_count, struct hr_expr **ret,
                  struct hr_err *err) HR_CHECKED;

/* Replaces attributes by copies of the expressions that list's ALIASes give them. */
hr_status hr_expr_inline(struct hr_arena *arena, struct hr_expr **expr, struct hr_expr *const *list,
                         uint32_t list_count, struct hr_err *err) HR_CHECKED;
/* The value behind an output expression: an ALIAS's argument, or the expression itself. */
HR_INLINE struct hr_expr *hr_expr_strip_alias(struct hr_expr *expr)
{
    return expr->kind == HR_X_ALIAS ? expr->args[0] : expr;
}

/* A literal that a filter never passes: false or NULL. */
bool hr_expr_never_true(const struct hr_expr *condition);
HR_INLINE bool hr_expr_is_aggregate(const struct hr_expr *expr)
{
    return expr->kind == HR_X_CALL && expr->function && !expr->is_windowed &&
           (expr->function->flags & HR_FN_AGGREGATE);
}
HR_INLINE bool hr_expr_is_generator(const struct hr_expr *expr)
{
    return expr->kind == HR_X_CALL && expr->function && (expr->function->flags & HR_FN_GENERATOR);
}

#endif
