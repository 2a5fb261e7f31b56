/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HashJoin. program: extra condition over left ++ right columns, or NULL. Output: left ++
 * right; SEMI and ANTI: left; MARK: left ++ whether.
 */
#ifndef HR_OPERATOR_HASH_JOIN_H
#define HR_OPERATOR_HASH_JOIN_H

#include "operator/physical.h"

enum hr_join_kind {
    HR_PJOIN_INNER,
    HR_PJOIN_LEFT,
    HR_PJOIN_RIGHT,
    HR_PJOIN_FULL,
    HR_PJOIN_SEMI,
    HR_PJOIN_ANTI,
    HR_PJOIN_CROSS,
    HR_PJOIN_SINGLE, /* LEFT, where a second partner is an error */
    HR_PJOIN_MARK    /* left ++ BOOLEAN: has it a partner? */
};

/* ANTI and MARK for NOT IN: a comparison that is NULL counts as true. */
enum hr_join_nulls {
    HR_JOIN_NULLS_NONE,
    HR_JOIN_NULLS_IN_KEY,      /* the one key is the comparison */
    HR_JOIN_NULLS_IN_CONDITION /* the condition is: NULL counts as maybe */
};

/* No keys: nested loop. A side that every task gets is an EXCHANGE of BROADCAST. */
struct hr_join_pnode {
    struct hr_pnode node;
    enum hr_join_kind kind;
    const struct hr_program *left_keys, *right_keys;
    uint32_t key_count;
    bool *null_safe; /* <=> keys */
    enum hr_join_nulls nulls;
    bool build_left; /* the hash table is made of child 0, else of child 1 */
};

/* What both joins open: an expression's evaluation (none for program NULL), and the columns of a
 * pair, left ++ right. Memory: the task's arena; the evaluation is freed by hr_eval_free. */
hr_status hr_join_open_eval(struct hr_task *task, const struct hr_program *program,
                            struct hr_eval **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_join_pair_schema(const struct hr_pnode *node, enum hr_join_kind kind,
                              struct hr_arena *arena, const struct hr_type **ret,
                              struct hr_err *err) HR_CHECKED;
/* Spark's name: "LeftOuter". */
const char *hr_join_kind_name(enum hr_join_kind kind);
/* 1 for each of rows (NULL: 0 … count - 1) that has a NULL in a key that is not null-safe: it has
 * no partner. */
void hr_join_mark_nulls(const struct hr_vector *keys, const bool *null_safe, uint32_t key_count,
                        const uint32_t *rows, uint32_t count, uint8_t *ret_nulls);

#endif
