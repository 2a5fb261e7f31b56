/* SPDX-License-Identifier: Apache-2.0 */
/* Batches as bytes, with a checksum. */
#ifndef HR_COLUMN_BATCH_BYTES_H
#define HR_COLUMN_BATCH_BYTES_H

#include "column/column.h"

/* Files of api/object_file.c and of format/headrace hold them: when the bytes change, so do the
 * versions there. */
hr_status hr_batch_file_append(struct hr_buf *buf, const struct hr_batch *batch,
                               struct hr_err *err) HR_CHECKED;
/* The next batch, or NULL at the end of the bytes. HR_E_IO when they are damaged. */
hr_status hr_batch_file_next(struct hr_reader *reader, const struct hr_type *schema,
                             struct hr_mem *mem, struct hr_batch **ret,
                             struct hr_err *err) HR_CHECKED;
/* Bytes that the values of the live rows take. */
int64_t hr_batch_bytes(const struct hr_batch *batch);

#endif
