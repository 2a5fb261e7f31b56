/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as input and output, inside.
 *
 * The log of a streaming source, <checkpoint>/log: which files each offset stands for, for ever.
 * A line a file, {"path":…,"timestamp":ms,"size":…,"offset":n}; appended and made durable before
 * the offset n is given to anybody. Offset n means all files of lines with offset ≤ n.
 *
 * The log of a sink, <path>/_spark_metadata/<epoch>[.compact]: Spark's manifest. A directory with
 * one is read by it: files that it does not name do not exist.
 */
#ifndef HR_CONNECTOR_FILE_FILE_H
#define HR_CONNECTOR_FILE_FILE_H

#include "base/env.h"
#include "connector/connector.h"
#include "format/format.h"

#define FILE_METADATA "_spark_metadata"

struct file_entry {
    const char *path;
    int64_t mtime_us;
    int64_t size;
    int64_t offset; /* log offset; -1: not yet in the log */
};

struct file_list {
    struct file_entry *items;
    uint32_t count, capacity;
};

/* Files that path (a file, a folder, a glob; folders are searched to their bottom) names now,
 * hidden ones left out, in any order. A manifest in the folder decides when there is one.
 * HR_E_PATH_NOT_FOUND when a plain path does not exist. Strings are in the arena. */
hr_status hr_file_find(struct hr_env *env, struct hr_arena *arena, const char *path,
                       struct file_list *ret, struct hr_err *err) HR_CHECKED;
/* Without a file: in front. */
const char *hr_file_plain_path(const char *path);
/* Older first, then by name. */
void hr_file_sort(struct file_list *list, bool latest_first);

struct hr_split;
/* Splits of files that the caller has found, for a source of files: paths are taken as they are. */
hr_status hr_file_splits_of(struct hr_source *source, const char *const *paths, uint32_t count,
                            struct hr_arena *arena, struct hr_split **ret_splits,
                            uint32_t *ret_count, struct hr_err *err) HR_CHECKED;

/* Files that are valid by the manifest in <dir>/_spark_metadata; *ret_found false: no manifest. */
hr_status hr_file_manifest_read(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                struct file_list *ret, bool *ret_found,
                                struct hr_err *err) HR_CHECKED;
/* The last epoch in the manifest, -1: none. */
hr_status hr_file_manifest_last(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                int64_t *ret_epoch, struct hr_err *err) HR_CHECKED;
/* Commits entries as epoch: durable when it returns. Every 10th epoch is compacted. */
hr_status hr_file_manifest_write(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                 int64_t epoch, const struct file_list *entries,
                                 bool replace_all, struct hr_err *err) HR_CHECKED;

/* The value of a string or number member of one flat JSON object on a line; false: not there. */
bool hr_file_json_string(struct hr_arena *arena, struct hr_str_view line, const char *key,
                         const char **ret);
bool hr_file_json_number(struct hr_str_view line, const char *key, int64_t *ret);

/* reader.c: rows of one byte range of a file. */
struct file_split {
    const char *path;
    int64_t start, end; /* lines that begin in [start, end) */
    bool whole;
};
hr_status hr_file_reader_open(struct hr_env *env, const struct hr_format_vt *format,
                              const struct hr_format_args *format_args,
                              const struct hr_scan_spec *spec, const struct file_split *split,
                              bool fail_on_missing, struct hr_scan_reader **ret,
                              struct hr_err *err) HR_CHECKED;

#endif
