/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's output: its sink, and the writers of the running epoch, one a partition.
 *
 *   begin(e) → emit(batch)* from the tasks → commit(e)      or drop, when the epoch fails
 *
 * Threads: emit by any task, several at a time; all else by the query's thread.
 */
#ifndef HR_STREAM_OUTPUT_H
#define HR_STREAM_OUTPUT_H

#include "operator/sink.h"

/* Output of one partition of the last stage. */
struct hr_query_writer {
    struct hr_sink_writer *writer;
    uint32_t attempt;
    int64_t rows;
};

struct hr_query_output {
    const struct hr_sink_vt *vt;
    struct hr_options options;
    const struct hr_type *schema; /* of dead letters: what their sink takes */
    const struct hr_file_catalog *files; /* or NULL */
    struct hr_sink *sink; /* NULL: not open */

    /* Of the running epoch. */
    int64_t epoch;
    bool discard; /* the sink has this epoch already */
    int64_t rows;
    pthread_mutex_t lock; /* over the two below; a writer itself belongs to one task at a time */
    struct hr_query_writer *writers;
    uint32_t writer_count;
};

/* Asks the sink whether it has the epoch: then nothing of it is written again. */
hr_status hr_output_begin(struct hr_query_output *output, int64_t epoch,
                          struct hr_err *err) HR_CHECKED;
/* Writes a batch, which is borrowed. @thread task */
hr_status hr_output_emit(struct hr_query_output *output, uint32_t partition, uint32_t attempt,
                         struct hr_batch *batch, struct hr_err *err) HR_CHECKED;
/* Makes the epoch durable, its dead letters (NULL: there are none) before the rest. Messages of the
 * writers live in the arena. */
hr_status hr_output_commit(struct hr_query_output *output, struct hr_query_output *dead,
                           struct hr_arena *arena, struct hr_err *err) HR_CHECKED;
/* Gives up what was not committed, and tells the sink. */
void hr_output_abort(struct hr_query_output *output, int64_t epoch);
/* Gives up what was not committed. */
void hr_output_drop(struct hr_query_output *output);
/* Closes sink and writers; may be opened again. */
void hr_output_close(struct hr_query_output *output);

#endif
