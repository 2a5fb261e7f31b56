/* SPDX-License-Identifier: Apache-2.0 */
/* Finding input files by path, folder or glob (ops_files.c). */
#ifndef HR_RDD_FILES_H
#define HR_RDD_FILES_H

#include "base/arena.h"
#include "base/env.h"

struct hr_found_file {
    const char *path;
    int64_t size_bytes;
};
struct hr_found_files {
    HR_VEC(struct hr_found_file) files; /* in the arena */
};
/* paths: several separated by commas, each a file, a folder (its files but _… and .…) or a glob.
 * One that is not there, and a glob that matches nothing, are errors. */
hr_status hr_files_find(struct hr_env *env, struct hr_arena *arena, const char *paths,
                        struct hr_found_files *ret, struct hr_err *err) HR_CHECKED;

#endif
