/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded streams of made-up events: USING generator OPTIONS (name 'payments', …) and
 * `headrace generate payments`. Event n is a pure function of (seed, n, start, rate), so any range
 * can be made again, by any thread, after any crash.
 */
#ifndef HR_CONNECTOR_GENERATOR_GENERATOR_H
#define HR_CONNECTOR_GENERATOR_GENERATOR_H

#include "base/hash.h"
#include "operator/source.h"

struct hr_generator {
    const struct hr_generator_vt *vt;
    uint64_t seed;
    int64_t start_us;       /* event time of event 0 */
    int64_t events_per_second; /* of event time */
    const struct hr_type *schema;
};

/* A made-up stream. Columns are filled one by one, so that only the wanted ones cost anything. */
struct hr_generator_vt {
    const char *name;
    const char *doc;
    const char *schema; /* DDL */
    bool own_times;     /* eventsPerSecond is not for it */
    /* Which of the events [first, first + count) are rows; NULL: all. Returns their number. */
    uint32_t (*select)(const struct hr_generator *, uint64_t first, uint32_t count,
                       uint64_t *ret_events);
    /* Fills col (of schema field `field`, zeroed, all valid) at rows[i] with events[i]. */
    hr_status (*fill)(const struct hr_generator *, struct hr_arena *, uint32_t field,
                      const uint64_t *events, uint32_t count, struct hr_column *col,
                      struct hr_err *);
};

const struct hr_generator_vt *hr_generator_find(const char *name);
const struct hr_generator_vt *hr_generator_at(size_t index); /* NULL behind the last */

/* Rows of the events [first, first + count), count ≤ HR_BATCH_ROWS, with the columns of wanted. */
hr_status hr_generator_batch(const struct hr_generator *, uint64_t first, uint32_t count,
                             const struct hr_type *wanted, struct hr_mem *mem,
                             struct hr_batch **ret, struct hr_err *err) HR_CHECKED;

struct hr_generate_args {
    struct hr_env *env;
    const char *name;
    int64_t rows;          /* 0: for ever */
    double rows_per_second; /* 0: as fast as it goes */
    uint64_t seed;
    const char *format;    /* NULL: json */
    const struct hr_options *options; /* as of the source; may be NULL */
    /* Takes complete lines; a failure ends the run with that status. */
    hr_status (*write)(void *arg, const char *data, size_t size, struct hr_err *err);
    void *arg;
    const volatile bool *cancelled; /* may be NULL */
};
/* What `headrace generate` does: events as lines. Unknown name: HR_E_NOT_FOUND with the list. */
hr_status hr_generate(const struct hr_generate_args *args, struct hr_err *err) HR_CHECKED;

/* For the generators: the random number `salt` of event n. */
HR_INLINE uint64_t hr_gen_random(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    return hr_hash_u64(hr_hash_u64(g->seed ^ ((uint64_t)salt << 48)) + n * 0x9e3779b97f4a7c15ull);
}
/* x scaled to [0, n). */
HR_INLINE uint32_t hr_gen_below(uint64_t x, uint32_t n)
{
    return (uint32_t)(((x >> 32) * n) >> 32);
}
HR_INLINE int64_t hr_gen_time_us(const struct hr_generator *g, uint64_t n)
{
    uint64_t rate = (uint64_t)g->events_per_second;
    return g->start_us + (int64_t)(n / rate * 1000000 + n % rate * 1000000 / rate);
}
/* Letter and number: "u000123", up to 12 bytes. */
HR_INLINE struct hr_string hr_gen_id(const char *prefix, uint32_t number, int digits)
{
    char text[12];
    size_t len = strlen(prefix);
    memcpy(text, prefix, len);
    for (int i = digits - 1; i >= 0; i--) {
        text[len + (size_t)i] = (char)('0' + number % 10);
        number /= 10;
    }
    return hr_string_make(text, (uint32_t)(len + (size_t)digits));
}

#endif
