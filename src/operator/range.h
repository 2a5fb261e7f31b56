/* SPDX-License-Identifier: Apache-2.0 */
/* Range: one LONG column. */
#ifndef HR_OPERATOR_RANGE_H
#define HR_OPERATOR_RANGE_H

#include "operator/physical.h"

struct hr_range_pnode {
    struct hr_pnode node;
    int64_t start, end, step;
};

#endif
