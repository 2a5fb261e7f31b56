/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lambdas: x -> …, (x, y) -> …, as arguments of functions over arrays and maps.
 *
 * A lambda's variables are numbered by how deep it stands in others, not by which lambda it is, so
 * that copies need no renaming and equal lambdas are equal. A VAR means the innermost lambda around
 * it that has its number. The body is compiled to a program of its own, whose columns are the
 * variables and then the columns that it captures; a function runs it over all elements of a batch
 * at once, never row by row.
 */
#ifndef HR_EXPR_LAMBDA_H
#define HR_EXPR_LAMBDA_H

#include "expr/function.h"

#define HR_LAMBDA_VARS_MAX 3

/* Names inside a lambda's body, from the innermost outwards. */
struct hr_lambda_scope {
    const struct hr_lambda_scope *outer;
    struct hr_expr *lambda; /* whose body is to be resolved; NULL: the argument is none */
    uint32_t count, first_id;
    const char *const *names;
    const struct hr_type *types[HR_LAMBDA_VARS_MAX];
    bool nullable[HR_LAMBDA_VARS_MAX];
};

/* Does the function of the call take lambdas? */
bool hr_lambda_is_taken(const struct hr_expr *call);
/* Are the arguments that must be lambdas, all opened and closed? True for other functions. */
bool hr_lambda_is_complete(const struct hr_expr *call);
/* Argument i of such a call, all plain arguments being resolved, and lambdas before it: a lambda's
 * variables get their types; what is none becomes one where the function takes one. */
hr_status hr_lambda_open(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                         uint32_t i, struct hr_lambda_scope *scope,
                         struct hr_err *err) HR_CHECKED;
/* Its body is resolved. */
hr_status hr_lambda_close(struct hr_lambda_scope *scope, struct hr_err *err) HR_CHECKED;

#endif
