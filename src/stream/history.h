/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a query's figures, for pages and metrics: not a point an epoch, of which there may
 * be thousands a second, but stretches of 1 s (ten minutes of them), 10 s (six hours) and 60 s (two
 * days); beside them totals since the start, the last epochs as they were, and the last progress
 * reports.
 *
 * Memory: rings that grow with use to at most 0.9 MB, and the reports. Without memory the oldest
 * stretch is overwritten: an epoch never fails for its history.
 * Threads: none of its own; whoever calls holds the query's lock. hr_query_… (query.h) do.
 */
#ifndef HR_STREAM_HISTORY_H
#define HR_STREAM_HISTORY_H

#include "stream/query.h"

enum hr_figure {
#define X(id, name, kind, doc) HR_FIGURE_##id,
#include "stream/figures.def"
#undef X
    HR_FIGURE_COUNT
};
extern const char *const hr_figure_names[HR_FIGURE_COUNT];

#define HR_HISTORY_LEVELS  3
#define HR_HISTORY_BINS    320 /* eight to a power of two */
#define HR_HISTORY_EPOCHS  200
#define HR_HISTORY_REPORTS 100

struct hr_sample {
    int64_t start_s; /* since 1970: a multiple of the level's step */
    int64_t figures[HR_FIGURE_COUNT];
};

struct hr_history_level {
    struct hr_sample *ring; /* the newest is at (first + count − 1) % capacity */
    uint32_t first, count, capacity;
    uint32_t bins[HR_HISTORY_BINS]; /* durations of the newest stretch's epochs */
};

struct hr_history {
    struct hr_history_level levels[HR_HISTORY_LEVELS];
    int64_t totals[HR_FIGURE_COUNT]; /* of SUM; the newest of LAST; the largest of MAX */
    uint64_t bins[HR_HISTORY_BINS];  /* durations of all epochs */
    struct hr_progress *epochs;      /* a ring of HR_HISTORY_EPOCHS */
    uint32_t epoch_next, epoch_count;
    struct hr_buf reports[HR_HISTORY_REPORTS]; /* a ring, at least 100 ms between two */
    uint32_t report_newest, report_count;
    int64_t report_us;
};

/* Seconds of a stretch, and how many are kept at most. */
int32_t hr_history_step(uint32_t level);
uint32_t hr_history_capacity(uint32_t level);
/* The finest level that goes back so far. */
uint32_t hr_history_level_of(int64_t seconds);

void hr_history_init(struct hr_history *history);
void hr_history_done(struct hr_history *history);
void hr_history_add(struct hr_history *history, const struct hr_progress *progress);
/* Where the report of an epoch that ends at now_us is to be written: emptied. */
struct hr_buf *hr_history_report(struct hr_history *history, int64_t now_us);
/* The newest report, or NULL. */
struct hr_buf *hr_history_newest(struct hr_history *history);
/* Copies the samples of a level from from_s on, oldest first, to ret, which has room for max; how
 * many. */
uint32_t hr_history_read(struct hr_history *history, uint32_t level, int64_t from_s,
                         struct hr_sample *ret, uint32_t max);
/* Durations of at most 2^power µs, of all epochs. */
uint64_t hr_history_within(const uint64_t bins[HR_HISTORY_BINS], uint32_t power);

#endif
