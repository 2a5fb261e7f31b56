/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChangesJoin: a join of two streams of which rows may be taken back. program: what is left of the
 * condition beside the keys, over left ++ right columns, or NULL. exprs: the left keys, the right
 * keys, then that condition. Output as HashJoin's, with weights.
 */
#ifndef HR_OPERATOR_CHANGES_JOIN_H
#define HR_OPERATOR_CHANGES_JOIN_H

#include "operator/hash_join.h"

struct hr_changes_join_pnode {
    struct hr_pnode node;
    enum hr_join_kind kind;
    uint32_t key_count; /* 0: every row meets every row */
    const bool *null_safe;
    const struct hr_program *keys[2]; /* by child */
};

#endif
