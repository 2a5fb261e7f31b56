/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of pipelines: a job's SQL file, rows for its sources, and the rows that its tables
 * must then have (docs/TESTING.md has the form). pipeline_file.c reads a test's file,
 * pipeline_job.c runs the job with its sources and sinks replaced, test.c is the command.
 */
#ifndef HR_CLI_PIPELINE_H
#define HR_CLI_PIPELINE_H

#include "cli/cli.h"

enum pipeline_step_kind {
    PIPELINE_INPUT,   /* name, body: lines for the source of that table */
    PIPELINE_ADVANCE, /* us */
    PIPELINE_EXPECT,  /* name, body: the rows that the table has got since the last EXPECT */
    PIPELINE_QUERY,   /* sql, body: the rows that it must give */
};

struct pipeline_step {
    enum pipeline_step_kind kind;
    const char *name;         /* NULL: none */
    struct hr_str_view sql;
    struct hr_str_view *rows; /* body, a line each */
    uint32_t row_count;
    int64_t us;
    int32_t line;
};

/* All of it lies in the arena and in the text that it was read from. */
struct pipeline {
    const char *path;
    const char *job; /* its path */
    const char **settings; /* KEY=VALUE */
    uint32_t setting_count, step_count;
    int64_t start_us;
    struct pipeline_step *steps;
};

/* HR_E_INVALID_ARGUMENT names the line that is not understood. */
hr_status pipeline_read(struct hr_arena *arena, const char *path, struct hr_str_view text,
                        struct pipeline *ret, struct hr_err *err) HR_CHECKED;

/* A job under test: its streaming queries run until pipeline_job_free. One at a time a process. */
struct pipeline_job;
/* tmp: a folder that is there, for inputs and the checkpoint. A failure has been printed. */
hr_status pipeline_job_start(const struct pipeline *pipeline, const struct cli_text *text,
                             const char *tmp, struct pipeline_job **ret,
                             struct hr_err *err) HR_CHECKED;
void pipeline_job_free(struct pipeline_job *job);
/* The lines become the next file that the table's source finds; then all is processed. */
hr_status pipeline_job_input(struct pipeline_job *job, const struct pipeline_step *step,
                             struct hr_err *err) HR_CHECKED;
hr_status pipeline_job_advance(struct pipeline_job *job, int64_t us, struct hr_err *err) HR_CHECKED;
/* The rows of a statement, or of a streaming table since the last call for it; in the form of
 * tests: values with bars between them. */
hr_status pipeline_job_rows(struct pipeline_job *job, const struct pipeline_step *step,
                            struct hr_arena *arena, struct hr_str_view **ret, uint32_t *ret_count,
                            struct hr_err *err) HR_CHECKED;

#endif
