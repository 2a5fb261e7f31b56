/* SPDX-License-Identifier: Apache-2.0 */
/* What statements with session variables share. */
#ifndef HR_SESSION_VARIABLE_H
#define HR_SESSION_VARIABLE_H

#include "plan/tree.h"
#include "session/internal.h"

struct hr_variable;

/* "`a`.`b`" */
const char *hr_quoted_name(struct hr_arena *arena, const char *const *parts, uint32_t count);
/* The value of a constant, cast to type where that is not NULL; *ret NULL: it is none. x is used
 * up. */
hr_status hr_session_evaluate(struct hr_session *session, const struct hr_conf *conf,
                              struct hr_arena *arena, struct hr_expr *x, const struct hr_type *type,
                              const struct hr_column **ret, struct hr_err *err) HR_CHECKED;
/* The statement's variables, each once. */
hr_status hr_find_variables(struct hr_run *run, struct hr_variable ***ret,
                            struct hr_err *err) HR_CHECKED;
/* The one row of the query into the variables; without a row NULLs. */
hr_status hr_assign_row(struct hr_run *run, struct hr_plan *plan,
                        struct hr_variable *const *targets, uint32_t count,
                        struct hr_err *err) HR_CHECKED;

#endif
