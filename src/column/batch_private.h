/* SPDX-License-Identifier: Apache-2.0 */
/* What the rest of this room may see of a batch's holds. */
#ifndef HR_COLUMN_BATCH_PRIVATE_H
#define HR_COLUMN_BATCH_PRIVATE_H

#include "column/column.h"

#define HR_BATCH_BUFFERS_MAX 8

/* Buffers held by batch or by batches that it holds, up to max; their number. Borrowed. */
uint32_t hr_batch_buffers(const struct hr_batch *batch, struct hr_buffer **ret, uint32_t max);

#endif
