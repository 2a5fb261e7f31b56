/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as input and output, inside.
 *
 * The log of a streaming source, <checkpoint>/log: which files each offset stands for, for ever.
 * A record log (base/record_log.h): record n holds the files of offset n, a line each,
 * {"path":…,"timestamp":ms,"size":…,"offset":n}; durable before the offset n is given to anybody.
 * Offset n means all files of records up to n.
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

/* --- Paths (path.c) --------------------------------------------------------------------------- */

/* The absolute, normal path that the user's text means: ./in, a/../in, file:/in and file:///in are
 * one file. Links are not resolved, as in Hadoop. Refused: other schemes, other machines, "". */
hr_status hr_file_path(struct hr_arena *arena, const char *text, const char **ret,
                       struct hr_err *err) HR_CHECKED;
/* An absolute path as Spark writes it into logs: file:///…, percent-encoded as by Java's URI.
 * Bytes that are not UTF-8 are encoded one by one. */
void hr_file_put_uri(const char *path, struct hr_buf *out);
/* And back. A text without a scheme is a plain path, as older logs have it. */
hr_status hr_file_from_uri(struct hr_arena *arena, const char *uri, const char **ret,
                           struct hr_err *err) HR_CHECKED;
/* %41 becomes A; anything else stays. NULL: no memory. */
const char *hr_file_unescape(struct hr_arena *arena, struct hr_str_view text);
/* Is path (absolute and normal, both) folder or below it? */
bool hr_file_within(const char *path, const char *folder);

/* --- Patterns (glob.c) ------------------------------------------------------------------------ */

/* Patterns without braces, one of which must match. */
struct file_glob {
    const char **items;
    uint32_t count, capacity;
};
bool hr_file_is_glob(const char *path);
hr_status hr_file_glob_compile(struct hr_arena *arena, const char *pattern, struct file_glob *ret,
                               struct hr_err *err) HR_CHECKED;
bool hr_file_glob_match(const struct file_glob *glob, const char *name);

/* --- Which files there are (find.c) ----------------------------------------------------------- */

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

struct file_query {
    const char *path; /* from hr_file_path: a file, a folder or a glob of them */
    bool recursive;
    struct file_glob name_filter; /* count 0: all names */
    const int64_t *modified_before_us, *modified_after_us; /* exclusive; NULL: no bound */
    const char *skip_dir;         /* a folder that is not looked into, or NULL */
    const char *base_path;        /* where partition folders begin, or NULL: the matched folder */
};

/* The files that query names now, in any order. A manifest in a folder decides when there is one.
 * HR_E_PATH_NOT_FOUND when nothing has the name. Strings are in the arena. */
hr_status hr_file_find(struct hr_env *env, struct hr_arena *arena, const struct file_query *query,
                       struct file_list *ret, struct hr_err *err) HR_CHECKED;
/* Would hr_file_find find a file of that name, were it there? */
hr_status hr_file_would_find(struct hr_arena *arena, const struct file_query *query,
                             const char *path, bool *ret, struct hr_err *err) HR_CHECKED;
/* Names that are no data, by Hadoop's rules: .x, _x (but _a=b), x._COPYING_. */
bool hr_file_hidden(const char *name);
/* Older first, then by name. */
void hr_file_sort(struct file_list *list, bool latest_first);

/* A key or value as a folder's name spells it (sink_writer.c). */
void hr_file_put_escaped(struct hr_str_view text, struct hr_buf *out);
#define HR_FILE_NULL_VALUE "__HIVE_DEFAULT_PARTITION__"

/* --- Partition folders (partition.c) ---------------------------------------------------------- */

struct file_key {
    const char *name;
    const char *value; /* as the folder spells it */
};
struct file_keys {
    struct file_key *items;
    uint32_t count, capacity;
    const char *base; /* the folder that holds the first of them */
    bool gap;         /* folders without a key are below the last one */
};

/* The partition columns that the folders above a file give it. */
hr_status hr_file_keys(struct hr_arena *arena, const struct file_query *query, const char *path,
                       struct file_keys *ret, struct hr_err *err) HR_CHECKED;
/* Those of the first file, when all files agree in them; else Spark's error. */
hr_status hr_file_keys_check(struct hr_arena *arena, const struct file_query *query,
                             const struct file_list *files, struct file_keys *ret,
                             struct hr_err *err) HR_CHECKED;
/* Their names and the types that hold the values of all files, in a STRUCT. */
hr_status hr_file_keys_infer(struct hr_arena *arena, const struct file_query *query,
                             const struct file_list *files, bool infer_types,
                             const struct hr_type **ret, struct hr_err *err) HR_CHECKED;
/* schema without the columns that keys give. */
hr_status hr_file_data_schema(struct hr_arena *arena, const struct hr_type *schema,
                              const struct file_keys *keys, const struct hr_type **ret,
                              struct hr_err *err) HR_CHECKED;
/* A reader that puts the keys' columns beside those of inner, which reads the data schema of
 * spec's. Takes inner over, also on failure. keys may go afterwards. */
hr_status hr_file_keyed_reader(const struct hr_conf *conf, const struct hr_scan_spec *spec,
                               const struct file_keys *keys, struct hr_scan_reader *inner,
                               struct hr_scan_reader **ret, struct hr_err *err) HR_CHECKED;

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

/* checksum.c: .<name>.crc beside a manifest file, as Hadoop writes and checks it. */
struct file_sums {
    struct hr_buf out; /* zeroed: empty */
    uint32_t crc;      /* of what is not in it yet */
    size_t pending;
};
void hr_file_sums_add(struct file_sums *sums, struct hr_str_view content);
/* What was added, for the file at path, which is there. */
hr_status hr_file_sums_write(struct hr_env *env, struct hr_arena *arena, const char *path,
                             struct file_sums *sums, struct hr_err *err) HR_CHECKED;
void hr_file_sums_done(struct file_sums *sums);
/* HR_E_CHECKPOINT_CORRUPT when there are sums and they are others. */
hr_status hr_file_sums_check(struct hr_env *env, struct hr_arena *arena, const char *path,
                             struct hr_str_view content, struct hr_err *err) HR_CHECKED;
void hr_file_sums_remove(struct hr_env *env, struct hr_arena *arena, const char *path);

/* owner.c: the one query that may write a folder with a manifest. */
struct file_owner {
    struct hr_env *env;
    const char *dir, *query_id; /* borrowed */
    bool take_over, mine;
    bool starts_late; /* without a manifest any epoch may be its first */
    int lock_fd;
    int64_t first_epoch; /* epoch 0 of this query in the manifest's count */
};
/* Locks the folder. HR_E_OUTPUT_BUSY, HR_E_OUTPUT_OWNED; close also after a failure. */
hr_status hr_file_owner_open(struct file_owner *owner, struct hr_env *env, const char *dir,
                             const char *query_id, bool take_over, struct hr_err *err) HR_CHECKED;
void hr_file_owner_close(struct file_owner *owner);
/* The manifest's number of the epoch that is about to run, and whether it is there already.
 * HR_E_CHECKPOINT_MISMATCH when the manifest is not where the query is. */
hr_status hr_file_owner_begin(struct file_owner *owner, struct hr_arena *arena, int64_t epoch,
                              int64_t *ret_number, bool *ret_committed,
                              struct hr_err *err) HR_CHECKED;
/* Checks owner, manifest and its files against a journal, from outside. */
hr_status hr_file_owner_verify(struct hr_env *env, const char *dir, const char *query_id,
                               int64_t planned, int64_t committed, struct hr_err *err) HR_CHECKED;
/* For a batch's output: the folder must be no query's. */
hr_status hr_file_owner_none(struct hr_env *env, struct hr_arena *arena, const char *dir,
                             struct hr_err *err) HR_CHECKED;

/* The value of a string or number member of one flat JSON object on a line; false: not there, or
 * not well-formed. */
bool hr_file_json_string(struct hr_arena *arena, struct hr_str_view line, const char *key,
                         const char **ret);
bool hr_file_json_number(struct hr_str_view line, const char *key, int64_t *ret);

/* bytes.c: a file's bytes from pos on, unpacked by its suffix, converted from the encoding (NULL:
 * UTF-8), without a byte order mark. The open file and the path stay the caller's. */
struct file_bytes;
hr_status hr_file_bytes_open(struct hr_env *env, const char *path, int fd, int64_t pos,
                             const char *encoding, struct file_bytes **ret,
                             struct hr_err *err) HR_CHECKED;
/* Up to size (at least 1024) bytes; *ret_last: nothing follows. Damage is HR_E_FILE_DAMAGED or
 * HR_E_IO_FATAL. */
hr_status hr_file_bytes_read(struct file_bytes *bytes, char *to, size_t size, size_t *ret_size,
                             bool *ret_last, struct hr_err *err) HR_CHECKED;
void hr_file_bytes_close(struct file_bytes *bytes); /* NULL is fine */
/* Files of another encoding are read whole. */
bool hr_file_is_utf8(const char *encoding);
/* The option encoding, or its other name. */
const char *hr_file_encoding(const struct hr_options *options);

/* reader.c: rows of one byte range of a file. */
struct file_split {
    const char *path;
    int64_t start, end; /* lines that begin in [start, end) */
    bool whole;
};
/* What a reader is opened with; all but env, format and split's path may go afterwards. */
struct file_read {
    struct hr_env *env;
    const struct hr_format_vt *format;
    const struct hr_format_args *args;  /* of all of the source's columns */
    const struct hr_scan_spec *spec;    /* of columns that are in the file */
    const struct hr_type *filters_over; /* the columns that spec's filters number */
    const struct file_split *split;
    bool ignore_missing, ignore_corrupt;
};
/* Does no column depend on which others are read? Damaged records do, where they are kept, go, or
 * end the query (HR_SOURCE_BY_COLUMN). */
bool hr_file_reads_by_column(const struct hr_options *options, const struct hr_type *schema);
hr_status hr_file_reader_open(const struct file_read *read, struct hr_scan_reader **ret,
                              struct hr_err *err) HR_CHECKED;
/* container.c: the same of a format that reads files by itself, and the columns of one file. */
hr_status hr_file_container_open(const struct file_read *read, struct hr_scan_reader **ret,
                                 struct hr_err *err) HR_CHECKED;
hr_status hr_file_container_infer(struct hr_env *env, const struct hr_format_vt *format,
                                  const struct hr_format_args *args, const char *path,
                                  const struct hr_type **ret, struct hr_err *err) HR_CHECKED;
/* What a format's reader of it is told. */
struct hr_format_args hr_file_reader_args(const struct file_read *read);
/* Opens a file that was planned; *ret_fd -1: it is gone, and that is no error. */
hr_status hr_file_open(struct hr_env *env, const char *path, bool ignore_missing, int *ret_fd,
                       struct hr_err *err) HR_CHECKED;
/* What a reader makes of a damaged file with ignoreCorruptFiles: its rest has no rows. */
bool hr_file_ignores(bool ignore_corrupt, bool damaged, const char *path, const struct hr_err *err);

#endif
