/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink, inside: what its options say (sink.c) and how a task writes (sink_writer.c). */
#ifndef HR_CONNECTOR_FILE_SINK_H
#define HR_CONNECTOR_FILE_SINK_H

#include "base/codec.h"
#include "connector/file/file.h"

struct file_sink {
    struct hr_sink base;
    struct hr_arena arena;
    struct hr_env *env;
    const struct hr_format_vt *format;
    struct hr_options format_options;
    struct hr_conf conf;
    const struct hr_type *schema;      /* of the rows */
    const struct hr_type *data_schema; /* of the files: without the partition columns */
    const uint32_t *data_columns;      /* their numbers in schema */
    const uint32_t *partition_columns; /* in the order of the folders */
    uint32_t partition_count;
    const char *dir;
    const char *extension; /* ".json", ".json.gz" */
    const struct hr_codec *codec; /* or NULL: not packed */
    bool streaming, replace;
    struct file_owner owner; /* streaming: this query's right to write */
    int64_t number;          /* of the running epoch in the manifest */
    const struct hr_file_catalog *files; /* of a table in a catalog: it has no manifest */
    const char *query_id;                /* then: of a stream, NULL of a batch */
};

/* As hr_sink_vt.open_writer. */
hr_status hr_file_sink_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                              uint32_t attempt, struct hr_sink_writer **ret,
                              struct hr_err *err) HR_CHECKED;
/* What a batch query's file is called until the job commits: hidden, beside it. NULL: no memory. */
const char *hr_file_temp_path(struct hr_arena *arena, const char *path);
/* The files that a writer's message names, behind what is in *ret. */
hr_status hr_file_read_message(struct hr_arena *arena, struct hr_str_view message,
                               struct file_list *ret, struct hr_err *err) HR_CHECKED;

#endif
