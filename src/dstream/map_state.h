/* SPDX-License-Identifier: Apache-2.0 */
/* The two sides of mapWithState: map_state.c (the stream, in the driver), map_step.c (a task). */
#ifndef HR_DSTREAM_MAP_STATE_H
#define HR_DSTREAM_MAP_STATE_H

#include "dstream/dstream.h"
#include "dstream/keyed.h"

#define HR_MAP_ROWS 1024u /* so many keys are looked up or decoded at once */

struct hr_map_ds {
    struct hr_dstream ds; /* the mapped stream */
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    hr_state_fn fn;
    void *arg;
    uint32_t partitions, keys;
    int64_t timeout;
    const struct hr_type *key_schema, *state, *key_state, *step;
    uint32_t *mapped_columns; /* of a step's row */
    struct hr_rdd *initial;   /* referenced; NULL when it has been taken in */
    struct hr_ds_keyed *tables;
    int64_t applied; /* the batch whose changes are in the tables; 0: none */
    /* For the checkpoint. */
    struct hr_batch_list deltas; /* of the batches since the last one */
    int64_t owed_bytes;          /* of snapshot for the deltas written */
    uint64_t delta_keys, delta_bytes;
    uint32_t next_slot;
    uint64_t round_from; /* segment in which the round of snapshots began */
};

/* The RDD of a batch's step: rows (delta BINARY, mapped columns…). in and initial (may be NULL):
 * placed by key in the state's partitions. */
struct hr_rdd *hr_map_step(const struct hr_map_ds *s, struct hr_rdd *in, struct hr_rdd *initial,
                           int64_t time, struct hr_err *err);

#endif
