/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: records that a decoder could not read or a sink would not take, as rows that say
 * where they came from. A scan has a collector while its table asks for them (option deadLetters);
 * what it collects goes to the run's dead_letters in pieces, by split and attempt, so that a task
 * that is tried again does not say anything twice.
 *
 * Memory: one piece, at most LETTER_ROWS rows or LETTER_BYTES bytes and a record.
 * Threads: a collector belongs to one task.
 */
#ifndef HR_OPERATOR_DEAD_LETTERS_H
#define HR_OPERATOR_DEAD_LETTERS_H

#include "base/bad_rows.h"
#include "column/builder.h"

struct hr_exec;

#define HR_DEAD_LETTER_COLUMNS                                                          \
    "time TIMESTAMP, query STRING, epoch BIGINT, source STRING, partition STRING, "     \
    "offset BIGINT, error STRING, raw BINARY"

struct hr_dead_letters {
    struct hr_bad_rows rows; /* first: what decoders and sinks are given */
    /* The reader's: where its records are. partition NULL: nowhere. */
    const char *partition;
    int64_t first;                              /* added to the place in a stream; or … */
    int64_t (*offset)(void *arg, int64_t at);   /* … of a message; -1: it has none */
    void *arg;
    /* Its own. */
    struct hr_exec *exec;
    const char *source;
    uint32_t number, attempt; /* of the split */
    struct hr_batch_builder builder;
    uint32_t count;
    size_t bytes;
    bool building;
};

/* The columns. NULL: no memory. */
const struct hr_type *hr_dead_letter_schema(void);

/* Of a split, by its number among all of the run, or (sinks) behind them. exec has the query's
 * name, epoch and time; source: the table's name, borrowed. */
void hr_dead_letters_init(struct hr_dead_letters *dead, struct hr_exec *exec, const char *source,
                          uint32_t number, uint32_t attempt);
/* Hands on what is there. */
hr_status hr_dead_letters_flush(struct hr_dead_letters *dead, struct hr_err *err) HR_CHECKED;
void hr_dead_letters_done(struct hr_dead_letters *dead); /* drops what is there */

#endif
