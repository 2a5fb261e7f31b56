/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches to and from the Arrow C Data Interface. What the other side hands over is checked as far
 * as the interface allows (it does not tell the sizes of buffers): wrong counts, negative lengths,
 * offsets that go back, views outside of their buffers give HR_E_INVALID_ARGUMENT, formats without
 * a Spark type HR_E_NOT_SUPPORTED.
 */
#ifndef HR_COLUMN_ARROW_H
#define HR_COLUMN_ARROW_H

#include <headrace/arrow.h>

#include "column/column.h"

enum {
    HR_ARROW_PLAIN_STRINGS = 1, /* utf8/binary ("u", "z") instead of views ("vu", "vz"): copies */
};

/* A type as an ArrowSchema; name may be "". A batch's schema is exported as its STRUCT. */
hr_status hr_arrow_export_type(const struct hr_type *type, const char *name, bool nullable,
                               uint32_t flags, struct ArrowSchema *ret,
                               struct hr_err *err) HR_CHECKED;

/* The live rows. Fixed-width values and long strings inside of held buffers are shared, and batch
 * stays referenced until the result (and whatever was moved out of it) is released. Weights are not
 * exported. */
hr_status hr_arrow_export_batch(struct hr_batch *batch, uint32_t flags, struct ArrowArray *ret,
                                struct hr_err *err) HR_CHECKED;

hr_status hr_arrow_import_type(const struct ArrowSchema *schema, const struct hr_type **ret,
                               struct hr_err *err) HR_CHECKED;

/* Takes array over (its release becomes NULL) when it succeeds; array is the caller's still when it
 * fails. schema must be a struct and is only read. mem may be NULL. */
hr_status hr_arrow_import_batch(const struct ArrowSchema *schema, struct ArrowArray *array,
                                struct hr_mem *mem, struct hr_batch **ret,
                                struct hr_err *err) HR_CHECKED;

#endif
