/* SPDX-License-Identifier: Apache-2.0 */
/* Subqueries of an analysed plan become joins: the last step of analysis. */
#ifndef HR_PLAN_SUBQUERY_H
#define HR_PLAN_SUBQUERY_H

#include "plan/tree.h"

hr_status hr_plan_join_subqueries(struct hr_arena *arena, const struct hr_conf *conf,
                                  struct hr_plan **plan, struct hr_err *err) HR_CHECKED;

#endif
