/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generate. exprs[0]: the generator's call; program: its arguments. Output: the child's
 * columns, then its own.
 */
#ifndef HR_OPERATOR_GENERATE_H
#define HR_OPERATOR_GENERATE_H

#include "operator/physical.h"

struct hr_generate_pnode {
    struct hr_pnode node;
    bool outer; /* a row without elements gives one row of NULLs */
};

#endif
