/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs from the inside. A slot is a column of results; a register is a selection of rows.
 * Register 0 is the batch's own selection; a SELECT step makes another from a boolean slot, always
 * a subset of the one it runs under. Every step runs under one register: rows outside of it are
 * never computed, so that their errors do not happen. A slot computed under a register may be used
 * under it and under those made from it.
 */
#ifndef HR_EXPR_STEP_H
#define HR_EXPR_STEP_H

#include "expr/program.h"

enum hr_step_kind { HR_STEP_CALL, HR_STEP_CAST, HR_STEP_FIELD, HR_STEP_AND, HR_STEP_OR,
                    HR_STEP_SELECT, HR_STEP_MERGE };

/* SELECT: the rows of the register where the slot is … */
enum hr_select { HR_SELECT_TRUE, HR_SELECT_NOT_TRUE, HR_SELECT_NOT_FALSE, HR_SELECT_NULL,
                 HR_SELECT_NOT_NULL };

/* A lambda's body as a program of its own: its columns are the variables, then what it captures. */
struct hr_lambda_code {
    const struct hr_program *program;
    uint32_t var_count;
    uint32_t first_arg, arg_count; /* of the step: the captured columns */
};

struct hr_step {
    enum hr_step_kind kind;
    enum hr_select select;
    uint32_t reg;        /* runs on these rows */
    uint32_t out;        /* slot; SELECT: register */
    uint32_t arg_count;
    uint32_t *args;      /* slots; MERGE: register, slot, register, slot, … */
    uint32_t own_args;   /* CALL: those that are not captured by lambdas */
    uint32_t lambda, lambda_count; /* CALL: of the program's */
    const struct hr_expr *expr;
    const struct hr_type *type; /* of the result */
};

enum hr_slot_kind { HR_SLOT_STEP, HR_SLOT_COLUMN, HR_SLOT_CONST };

struct hr_slot {
    enum hr_slot_kind kind;
    uint32_t ordinal;                 /* COLUMN */
    const struct hr_column *constant; /* CONST: one row */
    const struct hr_expr *expr;       /* what it holds, to find it again */
    uint32_t reg;                     /* computed under */
};

struct hr_program {
    const struct hr_conf *conf;
    struct hr_step *steps;
    uint32_t step_count;
    struct hr_slot *slots;
    uint32_t slot_count;
    uint32_t *reg_parents; /* by register; register 0 is its own */
    uint32_t reg_count;
    const struct hr_lambda_code *lambdas;
    uint32_t lambda_count;
    uint32_t *outputs; /* slots */
    const struct hr_type **output_types;
    uint32_t output_count;
    uint32_t max_args;
};

#endif
