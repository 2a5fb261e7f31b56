/* SPDX-License-Identifier: Apache-2.0 */
/* Physical planning, inside: one planner a plan. Not to be confused with operator/physical.h, which
 * says what a physical node is. */
#ifndef HR_PLAN_PHYSICAL_H
#define HR_PLAN_PHYSICAL_H

#include "operator/exchange.h"
#include "plan/catalog.h"
#include "plan/tree.h"

struct hr_planner {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    enum hr_output_mode mode;
    bool parallel; /* exchanges make sense */
    bool changes;  /* stateful operators tell of what they take back */
    int32_t next_state;
    uint32_t next_watermark;
    const struct hr_plan *late; /* the LATE node above what is being planned; NULL: there is none */
    const struct hr_type *late_schema;
    uint32_t depth;
};

hr_status hr_physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                      struct hr_err *err) HR_CHECKED;

/* A node of plan's schema with the given children (NULL ends them). */
struct hr_pnode *hr_pnode_new(struct hr_planner *pl, const struct hr_operator_vt *vt,
                              const struct hr_type *schema, struct hr_pnode *child0,
                              struct hr_pnode *child1);
/* An exchange above child; exprs (bound to its schema) for HASH. */
hr_status hr_exchange(struct hr_planner *pl, struct hr_pnode *child, enum hr_dist dist,
                      struct hr_expr **exprs, uint32_t expr_count, struct hr_pnode **ret,
                      struct hr_err *err) HR_CHECKED;
/* Does the node surely run as one task? */
bool hr_pnode_is_single(const struct hr_pnode *node);
/* child in one partition. */
hr_status hr_single(struct hr_planner *pl, struct hr_pnode *child, struct hr_pnode **ret,
                    struct hr_err *err) HR_CHECKED;
/* A copy of expr with columns of the inputs (one after the other) for its attributes. */
hr_status hr_bind(struct hr_planner *pl, const struct hr_plan *const *inputs, uint32_t input_count,
                  const struct hr_expr *expr, struct hr_expr **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_bind_all(struct hr_planner *pl, const struct hr_plan *input,
                      struct hr_expr *const *exprs, uint32_t count, struct hr_expr ***ret,
                      struct hr_err *err) HR_CHECKED;
/* Compiles node->exprs (without their aliases) into node->program. */
hr_status hr_compile(struct hr_planner *pl, struct hr_expr *const *exprs, uint32_t count,
                     const struct hr_program **ret, struct hr_err *err) HR_CHECKED;

/* Binds exprs to input and makes them node's expressions and its program. */
hr_status hr_bind_program(struct hr_planner *pl, struct hr_pnode *node, const struct hr_plan *input,
                          struct hr_expr *const *exprs, uint32_t count,
                          struct hr_err *err) HR_CHECKED;
/* Rows with equal keys in one task; without keys all rows are in one. */
hr_status hr_exchange_by_keys(struct hr_planner *pl, struct hr_pnode *child, struct hr_expr **keys,
                              uint32_t key_count, struct hr_pnode **ret,
                              struct hr_err *err) HR_CHECKED;
/* The same by columns of the child (columns NULL: the first count); nothing where there is one
 * task. */
hr_status hr_exchange_by_columns(struct hr_planner *pl, struct hr_pnode *child,
                                 const uint32_t *columns, uint32_t count, struct hr_pnode **ret,
                                 struct hr_err *err) HR_CHECKED;

#endif
