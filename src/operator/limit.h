/* SPDX-License-Identifier: Apache-2.0 */
/* Limit. */
#ifndef HR_OPERATOR_LIMIT_H
#define HR_OPERATOR_LIMIT_H

#include "operator/physical.h"

struct hr_limit_pnode {
    struct hr_pnode node;
    int64_t limit, offset; /* limit -1: none */
};

#endif
