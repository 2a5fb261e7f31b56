/* SPDX-License-Identifier: Apache-2.0 */
/* LocalTableScan: batches in memory. */
#ifndef HR_OPERATOR_LOCAL_H
#define HR_OPERATOR_LOCAL_H

#include "operator/physical.h"

struct hr_local_pnode {
    struct hr_pnode node;
    struct hr_batch **batches;
    uint32_t batch_count;
};

#endif
