/* SPDX-License-Identifier: Apache-2.0 */
/* RDDs kept as files: object files and reliable checkpoints (object_file.c). */
#ifndef HR_RDD_OBJECT_FILE_H
#define HR_RDD_OBJECT_FILE_H

#include "api/api.h"

/* Runs the RDD and writes path/part-00000 … and _SUCCESS. The folder may exist, empty.
 * *ret_rows: rows written. */
hr_status hr_object_save(struct hr_rdd *rdd, const char *path, const char *description,
                         uint64_t *ret_rows, struct hr_err *err) HR_CHECKED;
/* An RDD over count such parts of path, in order. */
struct hr_rdd *hr_object_parts(struct hr_pool *pool, const char *path, uint32_t count,
                               const struct hr_type *schema, struct hr_err *err);
/* It is one, and the folder it stands on; NULL: it is none. */
const char *hr_object_folder(const struct hr_rdd *rdd);
/* HR_E_EXISTS when the folder has files in it; makes it otherwise. */
hr_status hr_output_folder(struct hr_env *env, const char *path, struct hr_err *err) HR_CHECKED;
/* Writes path/_SUCCESS. */
hr_status hr_output_done(struct hr_env *env, const char *path, struct hr_err *err) HR_CHECKED;

#endif
