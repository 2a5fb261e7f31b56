/* SPDX-License-Identifier: Apache-2.0 */
/* ReadChanges: records that tell of changes → rows with weights. */
#ifndef HR_OPERATOR_READ_CHANGES_H
#define HR_OPERATOR_READ_CHANGES_H

#include "operator/physical.h"

struct hr_read_changes_pnode {
    struct hr_pnode node;
    enum hr_envelope envelope;
    uint32_t change_column;  /* without an envelope: of the child */
    const uint32_t *columns; /* by output column: of the child, or of the envelope's rows */
};

#endif
