/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows by time: the radix heap of src/state/times.h against buckets of a fixed width, which scan
 * the bucket that the time cuts. Rows come in a stream with some disorder and live for --life; the
 * time advances every --every rows. ns a row, insertion and eviction together, as lines of JSON.
 *
 *     bench_times [--rows N] [--every N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "state/times.h"

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t mixed(uint64_t i)
{
    return hr_splitmix64(&i);
}

/* Row i arrives at i µs; its time is up to 1 ms off, and it leaves `life` later: one in a hundred
 * stays a thousand times as long. */
static int64_t time_of(uint64_t i, int64_t life_us)
{
    uint64_t x = mixed(i);
    int64_t lives_us = (x >> 20) % 100 == 0 ? life_us * 1000 : life_us;
    return (int64_t)i + (int64_t)(x % 1000) + lives_us;
}

static uint64_t run_heap(uint64_t rows, uint64_t every, int64_t life_us)
{
    struct hr_slot_heap heap;
    struct hr_times times;
    struct hr_times_due due = {0};
    struct hr_err err;
    uint64_t out = 0;
    if (hr_heap_init(&heap, false, NULL, &err)) exit(1);
    hr_times_init(&times, &heap);
    for (uint64_t i = 0; i < rows; i++) {
        uint32_t slot = (uint32_t)(mixed(i ^ 77) >> 56);
        if (hr_times_add(&times, slot, time_of(i, life_us), (uint32_t)i + 1, &err)) exit(1);
        if (i % every) continue;
        due.count = 0;
        if (hr_times_advance(&times, (int64_t)i, &due, &err)) exit(1);
        out += due.count;
    }
    hr_times_due_done(&times, &due);
    hr_times_done(&times);
    hr_heap_done(&heap);
    return out;
}

/* The rival: a ring of 4096 buckets a slot would be as here, but of one width for all. */
struct bucket {
    struct hr_times_entry *entries;
    uint32_t count, capacity;
};

static uint64_t run_buckets(uint64_t rows, uint64_t every, int64_t life_us, int64_t width_us)
{
    uint64_t last = (rows + (uint64_t)life_us * 1000 + 2000) / (uint64_t)width_us + 2, out = 0;
    uint64_t oldest = 0;
    struct bucket *buckets = calloc(last, sizeof *buckets);
    for (uint64_t i = 0; i < rows; i++) {
        int64_t time_us = time_of(i, life_us);
        struct bucket *b = &buckets[(uint64_t)time_us / (uint64_t)width_us];
        if (b->count == b->capacity) {
            b->capacity = b->capacity ? b->capacity * 2 : 8;
            b->entries = realloc(b->entries, b->capacity * sizeof *b->entries);
        }
        b->entries[b->count++] = (struct hr_times_entry){time_us, (uint32_t)i + 1};
        if (i % every) continue;
        for (; (oldest + 1) * (uint64_t)width_us <= i + 1; oldest++) {
            out += buckets[oldest].count;
            free(buckets[oldest].entries);
            buckets[oldest] = (struct bucket){0};
        }
        struct bucket *cut = &buckets[oldest];
        uint32_t kept = 0;
        for (uint32_t k = 0; k < cut->count; k++) {
            if (cut->entries[k].time_us <= (int64_t)i)
                out++;
            else
                cut->entries[kept++] = cut->entries[k];
        }
        cut->count = kept;
    }
    for (uint64_t b = 0; b < last; b++) free(buckets[b].entries);
    free(buckets);
    return out;
}

static void report(const char *name, uint64_t rows, int64_t took_ns, uint64_t out)
{
    printf("{\"name\": \"times %s\", \"ns_a_row\": %.1f, \"evicted\": %llu}\n", name,
           (double)took_ns / (double)rows, (unsigned long long)out);
}

int main(int argc, char **argv)
{
    uint64_t rows = 5000000, every = 10000;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rows") == 0) rows = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--every") == 0) every = strtoull(argv[i + 1], NULL, 10);
    }
    int64_t life_us = 1000000, start = now_ns();
    uint64_t out = run_heap(rows, every, life_us);
    report("radix heap", rows, now_ns() - start, out);
    static const int64_t widths_us[] = {1000, 31250, 1000000, 30000000};
    for (uint32_t w = 0; w < HR_COUNT(widths_us); w++) {
        char name[64];
        start = now_ns();
        uint64_t same = run_buckets(rows, every, life_us, widths_us[w]);
        snprintf(name, sizeof name, "buckets of %lld us", (long long)widths_us[w]);
        report(name, rows, now_ns() - start, same);
        if (same != out) return fprintf(stderr, "%s: another number of rows\n", name), 1;
    }
    return 0;
}
