/* SPDX-License-Identifier: Apache-2.0 */
/* Expand: each row as several. projections: each with the output's columns. */
#ifndef HR_OPERATOR_EXPAND_H
#define HR_OPERATOR_EXPAND_H

#include "operator/physical.h"

struct hr_expand_pnode {
    struct hr_pnode node;
    const struct hr_program **projections;
    uint32_t projection_count;
};

#endif
