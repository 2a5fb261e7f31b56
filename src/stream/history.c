/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/history.h"

#include "base/alloc.h"

#define REPORT_EVERY_US INT64_C(100000)
#define NONE_MS         INT64_C(-1)

const char *const hr_figure_names[HR_FIGURE_COUNT] = {
#define X(id, name, kind, doc) name,
#include "stream/figures.def"
#undef X
};

enum kind { SUM, MAX, LAST, SHARE };
static const enum kind kinds[HR_FIGURE_COUNT] = {
#define X(id, name, kind, doc) kind,
#include "stream/figures.def"
#undef X
};

static const struct {
    int32_t step_s;
    uint32_t capacity;
} levels[HR_HISTORY_LEVELS] = {{1, 600}, {10, 2160}, {60, 2880}};

int32_t hr_history_step(uint32_t level)
{
    assert(level < HR_HISTORY_LEVELS);
    return levels[level].step_s;
}

uint32_t hr_history_capacity(uint32_t level)
{
    assert(level < HR_HISTORY_LEVELS);
    return levels[level].capacity;
}

uint32_t hr_history_level_of(int64_t seconds)
{
    uint32_t level = 0;
    while (level + 1 < HR_HISTORY_LEVELS &&
           (int64_t)levels[level].step_s * levels[level].capacity < seconds)
        level++;
    return level;
}

void hr_history_init(struct hr_history *history)
{
    *history = (struct hr_history){0};
    history->totals[HR_FIGURE_WATERMARK_GAP_MS] = NONE_MS;
    for (uint32_t i = 0; i < HR_HISTORY_REPORTS; i++)
        hr_buf_init(&history->reports[i], 16 << 20);
}

void hr_history_done(struct hr_history *history)
{
    for (uint32_t i = 0; i < HR_HISTORY_LEVELS; i++) hr_free(history->levels[i].ring);
    hr_free(history->epochs);
    for (uint32_t i = 0; i < HR_HISTORY_REPORTS; i++) hr_buf_done(&history->reports[i]);
}

/* Durations ------------------------------------------------------------------------------------ */

/* The bin of a duration: (2^k, 2^(k+1)] in eight parts. */
static uint32_t bin_of(int64_t us)
{
    uint64_t v = us > 1 ? (uint64_t)us - 1 : 0;
    if (v < 8) return (uint32_t)v;
    uint32_t log = 63 - (uint32_t)__builtin_clzll(v);
    uint32_t bin = (log - 2) * 8 + (uint32_t)(v >> (log - 3) & 7);
    return HR_MIN(bin, (uint32_t)HR_HISTORY_BINS - 1);
}

/* The largest duration of a bin. */
static int64_t bin_end(uint32_t bin)
{
    if (bin < 8) return bin + 1;
    uint32_t log = bin / 8 + 2;
    return (int64_t)((UINT64_C(8) + bin % 8 + 1) << (log - 3));
}

uint64_t hr_history_within(const uint64_t bins[HR_HISTORY_BINS], uint32_t power)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HR_HISTORY_BINS && bin_end(i) <= INT64_C(1) << power; i++)
        count += bins[i];
    return count;
}

static void put_quantiles(const struct hr_history_level *level, struct hr_sample *sample)
{
    uint64_t total = 0, seen = 0;
    int64_t longest = sample->figures[HR_FIGURE_MAX_US];
    for (uint32_t i = 0; i < HR_HISTORY_BINS; i++) total += level->bins[i];
    sample->figures[HR_FIGURE_P50_US] = sample->figures[HR_FIGURE_P99_US] = 0;
    for (uint32_t i = 0; i < HR_HISTORY_BINS && seen < total; i++) {
        uint64_t before = seen;
        seen += level->bins[i];
        int64_t end = HR_MIN(bin_end(i), longest);
        if (before * 2 < total && seen * 2 >= total) sample->figures[HR_FIGURE_P50_US] = end;
        if (before * 100 < total * 99 && seen * 100 >= total * 99)
            sample->figures[HR_FIGURE_P99_US] = end;
    }
}

/* Adding --------------------------------------------------------------------------------------- */

static struct hr_sample *newest(struct hr_history_level *level)
{
    assert(level->count > 0 && level->first < level->capacity);
    return &level->ring[(level->first + level->count - 1) % level->capacity];
}

/* Twice as long; the samples from the oldest on are at its beginning then. */
static void grow(struct hr_history_level *level, uint32_t most)
{
    assert(level->capacity < most && level->count <= level->capacity);
    uint32_t capacity = HR_MIN(level->capacity ? level->capacity * 2 : 16, most);
    struct hr_sample *ring = hr_alloc(capacity * sizeof *ring);
    if (!ring) return;
    for (uint32_t i = 0; i < level->count; i++)
        ring[i] = level->ring[(level->first + i) % level->capacity];
    hr_free(level->ring);
    level->ring = ring;
    level->capacity = capacity;
    level->first = 0;
}

/* The sample of that time; NULL: no memory for a first one. A clock that was set back adds to the
 * newest. */
static struct hr_sample *sample_of(struct hr_history_level *level, uint32_t index, int64_t now_s)
{
    int64_t start_s = now_s - now_s % levels[index].step_s;
    if (level->count && newest(level)->start_s >= start_s) return newest(level);
    if (level->count) put_quantiles(level, newest(level));
    if (level->count == level->capacity && level->capacity < levels[index].capacity)
        grow(level, levels[index].capacity);
    if (!level->capacity) return NULL;
    if (level->count == level->capacity)
        level->first = (level->first + 1) % level->capacity;
    else
        level->count++;
    memset(level->bins, 0, sizeof level->bins);
    struct hr_sample *sample = newest(level);
    *sample = (struct hr_sample){.start_s = start_s};
    return sample;
}

static void merge(int64_t to[HR_FIGURE_COUNT], const int64_t from[HR_FIGURE_COUNT])
{
    for (int i = 0; i < HR_FIGURE_COUNT; i++) {
        if (kinds[i] == SUM)
            to[i] += from[i];
        else if (kinds[i] == MAX)
            to[i] = HR_MAX(to[i], from[i]);
        else if (kinds[i] == LAST)
            to[i] = from[i];
    }
}

static void add_epoch(struct hr_history *history, const struct hr_progress *progress)
{
    assert(history->epoch_next < HR_HISTORY_EPOCHS);
    if (!history->epochs)
        history->epochs = hr_alloc(HR_HISTORY_EPOCHS * sizeof *history->epochs);
    if (!history->epochs) return;
    history->epochs[history->epoch_next] = *progress;
    history->epoch_next = (history->epoch_next + 1) % HR_HISTORY_EPOCHS;
    history->epoch_count = HR_MIN(history->epoch_count + 1, (uint32_t)HR_HISTORY_EPOCHS);
}

void hr_history_add(struct hr_history *history, const struct hr_progress *p)
{
    int64_t end_us = p->timestamp_us + p->duration_us;
    int64_t gap_ms =
        p->watermark_us == INT64_MIN ? NONE_MS
                                     : HR_MAX((p->timestamp_us - p->watermark_us) / 1000, 0);
    const int64_t figures[HR_FIGURE_COUNT] = {
        [HR_FIGURE_INPUT_ROWS] = p->input_rows,
        [HR_FIGURE_OUTPUT_ROWS] = p->output_rows,
        [HR_FIGURE_EPOCHS] = 1,
        [HR_FIGURE_BUSY_US] = p->duration_us,
        [HR_FIGURE_LATEST_OFFSET_US] = p->latest_offset_us,
        [HR_FIGURE_WAL_COMMIT_US] = p->wal_commit_us,
        [HR_FIGURE_GET_BATCH_US] = p->get_batch_us,
        [HR_FIGURE_ADD_BATCH_US] = p->add_batch_us,
        [HR_FIGURE_COMMIT_OFFSETS_US] = p->commit_offsets_us,
        [HR_FIGURE_MAX_US] = p->duration_us,
        [HR_FIGURE_STATE_ROWS] = p->state_rows,
        [HR_FIGURE_STATE_BYTES] = p->state_bytes,
        [HR_FIGURE_STATE_UPDATED] = p->state_updated,
        [HR_FIGURE_STATE_REMOVED] = p->state_removed,
        [HR_FIGURE_LATE_ROWS] = p->late_rows,
        [HR_FIGURE_MALFORMED_ROWS] = p->malformed_rows,
        [HR_FIGURE_WATERMARK_GAP_MS] = gap_ms,
    };
    uint32_t bin = bin_of(p->duration_us);
    assert(bin < HR_HISTORY_BINS);
    for (uint32_t i = 0; i < HR_HISTORY_LEVELS; i++) {
        struct hr_sample *sample = sample_of(&history->levels[i], i, end_us / 1000000);
        if (!sample) continue;
        merge(sample->figures, figures);
        history->levels[i].bins[bin]++;
    }
    merge(history->totals, figures);
    history->bins[bin]++;
    add_epoch(history, p);
}

/* Reports -------------------------------------------------------------------------------------- */

struct hr_buf *hr_history_report(struct hr_history *history, int64_t now_us)
{
    assert(history->report_count <= HR_HISTORY_REPORTS);
    bool keep = now_us - history->report_us >= REPORT_EVERY_US || now_us < history->report_us;
    if (history->report_count == 0 || keep) {
        if (history->report_count)
            history->report_newest = (history->report_newest + 1) % HR_HISTORY_REPORTS;
        history->report_count =
            HR_MIN(history->report_count + 1, (uint32_t)HR_HISTORY_REPORTS);
        history->report_us = now_us;
    }
    hr_buf_clear(&history->reports[history->report_newest]);
    return &history->reports[history->report_newest];
}

struct hr_buf *hr_history_newest(struct hr_history *history)
{
    return history->report_count ? &history->reports[history->report_newest] : NULL;
}

/* Reading -------------------------------------------------------------------------------------- */

uint32_t hr_history_read(struct hr_history *history, uint32_t index, int64_t from_s,
                         struct hr_sample *ret, uint32_t max)
{
    struct hr_history_level *level = &history->levels[index];
    uint32_t count = 0;
    if (level->count) put_quantiles(level, newest(level));
    for (uint32_t i = 0; i < level->count && count < max; i++) {
        const struct hr_sample *sample = &level->ring[(level->first + i) % level->capacity];
        if (sample->start_s >= from_s) ret[count++] = *sample;
    }
    return count;
}
