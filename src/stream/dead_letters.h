/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a run's dead letters go (operator/dead_letters.h): a sink of their own beside the run's,
 * under the same epochs. It commits before the run's sink does: what an epoch refused is there
 * before what it accepted, and an epoch that is run again finds its letters written.
 */
#ifndef HR_STREAM_DEAD_LETTERS_H
#define HR_STREAM_DEAD_LETTERS_H

#include "stream/output.h"

struct hr_dead_place {
    const struct hr_sink_vt *sink; /* NULL: nobody asks for them */
    const struct hr_options *options;
    const struct hr_type *schema; /* the columns of the table; NULL: all of a letter */
};

/* The option of a table that is read or written, or NULL. */
const char *hr_dead_letters_option(const struct hr_options *options);
/* Opens the sink into output, with what run says of env, query and mode. Its name is that of the
 * run's query and ".dead". */
hr_status hr_dead_output_open(struct hr_query_output *output, const struct hr_dead_place *place,
                              const struct hr_sink_args *run, struct hr_err *err) HR_CHECKED;
/* A batch of letters. @thread task */
hr_status hr_dead_output_emit(struct hr_query_output *output, uint32_t split, uint32_t attempt,
                              struct hr_batch *batch, struct hr_err *err) HR_CHECKED;

#endif
