/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What from_csv, to_csv and schema_of_csv stand on. Reading and writing CSV is the room format's,
 * which is above this one and puts its own here when a session begins (hr_connector_functions);
 * before that they are not supported.
 */
#ifndef HR_EXPR_FUNCTIONS_CSV_H
#define HR_EXPR_FUNCTIONS_CSV_H

#include "base/options.h"
#include "expr/function.h"

struct hr_csv_functions {
    /* Are the options good for rows of this schema? An error that says which is not. */
    hr_status (*check)(const struct hr_conf *, const struct hr_options *,
                       const struct hr_type *schema, bool writing, struct hr_err *);
    /* A row of the schema a text (NULL ptr: of NULLs). The batch is the caller's. */
    hr_status (*read)(const struct hr_conf *, const struct hr_options *,
                      const struct hr_type *schema, const struct hr_str_view *texts,
                      uint32_t count, struct hr_batch **ret, struct hr_err *);
    /* The rows of the batch, one behind the other; ends[i] is the end of the i-th. */
    hr_status (*write)(const struct hr_conf *, const struct hr_options *, const struct hr_batch *,
                       struct hr_buf *out, uint64_t *ends, struct hr_err *);
    /* The schema of a text. */
    hr_status (*infer)(const struct hr_conf *, const struct hr_options *, struct hr_str_view text,
                       const struct hr_type **ret, struct hr_err *);
};
void hr_csv_functions_set(const struct hr_csv_functions *functions);

#endif
