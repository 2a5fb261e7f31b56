/* SPDX-License-Identifier: Apache-2.0 */
/* Silent: the last row of each key that has no other row for a while behind it. */
#ifndef HR_OPERATOR_SILENT_H
#define HR_OPERATOR_SILENT_H

#include "operator/physical.h"

struct hr_silent_pnode {
    struct hr_pnode node;            /* its schema: the child's columns, then silent_at */
    uint32_t *keys, key_count, time; /* columns */
    int64_t after_us;
    const char *identity;
};

#endif
