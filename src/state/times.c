/* SPDX-License-Identifier: Apache-2.0 */
#include "state/times.h"

#include <assert.h>
#include <stdlib.h>

#define KEEP_ENTRIES 64u

/* Times as unsigned numbers of the same order. */
static uint64_t biased(int64_t time_us)
{
    return (uint64_t)time_us ^ (UINT64_C(1) << 63);
}

/* The bucket of a time that is ahead of `last`; 0: it is due. */
static uint32_t bucket_of(uint64_t last, uint64_t time)
{
    return time <= last ? 0 : 64 - (uint32_t)__builtin_clzll(time ^ last);
}

static hr_status make_slot(struct hr_times *order, uint32_t slot, struct hr_err *err)
{
    void *memory;
    HR_TRY(hr_heap_take(order->heap, sizeof(struct hr_times_slot), true, &memory, err));
    order->slots[slot] = memory;
    order->slots[slot]->last = biased(order->last_us);
    return HR_OK;
}

static hr_status make_room(struct hr_times *order, struct hr_times_entry **entries,
                           uint32_t *capacity, uint64_t needed, struct hr_err *err)
{
    void *array = *entries;
    hr_status status = hr_heap_grow(order->heap, &array, capacity, needed, sizeof **entries, err);
    *entries = array;
    return status;
}

static hr_status put(struct hr_times *order, struct hr_times_slot *s, int64_t time_us, uint32_t ref,
                     struct hr_err *err)
{
    uint32_t b = bucket_of(s->last, biased(time_us));
    struct hr_times_bucket *bucket = &s->buckets[b];
    HR_TRY(make_room(order, &bucket->entries, &bucket->capacity, (uint64_t)bucket->count + 1, err));
    bucket->entries[bucket->count++] = (struct hr_times_entry){time_us, ref};
    if (b) s->occupied |= UINT64_C(1) << (b - 1);
    return HR_OK;
}

hr_status hr_times_add(struct hr_times *order, uint32_t slot, int64_t time_us, uint32_t ref,
                       struct hr_err *err)
{
    assert(slot < HR_SLOT_COUNT && ref != 0);
    if (!order->slots[slot]) HR_TRY(make_slot(order, slot, err));
    HR_TRY(put(order, order->slots[slot], time_us, ref, err));
    order->count++;
    return HR_OK;
}

static void free_bucket(struct hr_times *order, struct hr_times_bucket *bucket)
{
    hr_heap_give(order->heap, bucket->entries, bucket->capacity * sizeof *bucket->entries);
    *bucket = (struct hr_times_bucket){0};
}

/* Large memory goes: the next rows of the bucket's range may be long in coming. Small memory stays,
 * for the lower buckets are filled and emptied at every advance. */
static void empty_bucket(struct hr_times *order, struct hr_times_bucket *bucket)
{
    bucket->count = 0;
    if (bucket->capacity > KEEP_ENTRIES) free_bucket(order, bucket);
}

/* All of a bucket is due. */
static hr_status drain(struct hr_times *order, struct hr_times_bucket *bucket,
                       struct hr_times_due *due, struct hr_err *err)
{
    if (bucket->count == 0) return HR_OK;
    HR_TRY(
        make_room(order, &due->entries, &due->capacity, (uint64_t)due->count + bucket->count, err));
    memcpy(due->entries + due->count, bucket->entries, bucket->count * sizeof *bucket->entries);
    due->count += bucket->count;
    assert(order->count >= bucket->count);
    order->count -= bucket->count;
    empty_bucket(order, bucket);
    return HR_OK;
}

/* Room for what the entries of bucket `top` become when the slot's time is limit: after it, moving
 * them cannot fail. */
static hr_status make_room_below(struct hr_times *order, struct hr_times_slot *s, uint32_t top,
                                 uint64_t limit, struct hr_times_due *due, struct hr_err *err)
{
    uint32_t counts[HR_TIMES_BUCKETS] = {0};
    const struct hr_times_bucket *from = &s->buckets[top];
    for (uint32_t i = 0; i < from->count; i++)
        counts[bucket_of(limit, biased(from->entries[i].time_us))]++;
    assert(counts[top] == 0);
    HR_TRY(make_room(order, &due->entries, &due->capacity, (uint64_t)due->count + counts[0], err));
    for (uint32_t b = 1; b < top; b++) {
        struct hr_times_bucket *to = &s->buckets[b];
        if (counts[b])
            HR_TRY(make_room(order, &to->entries, &to->capacity, (uint64_t)to->count + counts[b],
                             err));
    }
    return HR_OK;
}

/* Sets the slot's time to limit, which lies within bucket `top`; the lower ones are empty. */
static hr_status split(struct hr_times *order, struct hr_times_slot *s, uint32_t top,
                       uint64_t limit, struct hr_times_due *due, struct hr_err *err)
{
    HR_TRY(make_room_below(order, s, top, limit, due, err));
    struct hr_times_bucket *from = &s->buckets[top];
    for (uint32_t i = 0; i < from->count; i++) {
        struct hr_times_entry entry = from->entries[i];
        uint32_t b = bucket_of(limit, biased(entry.time_us));
        if (b == 0) {
            due->entries[due->count++] = entry;
            order->count--;
            continue;
        }
        struct hr_times_bucket *to = &s->buckets[b];
        assert(b < top && to->count < to->capacity);
        to->entries[to->count++] = entry;
        s->occupied |= UINT64_C(1) << (b - 1);
    }
    empty_bucket(order, from);
    s->occupied &= ~(UINT64_C(1) << (top - 1));
    s->last = limit;
    return HR_OK;
}

/* The time has not moved, or is before the last: only what was due on arrival can be due. */
static hr_status take_arrived(struct hr_times *order, struct hr_times_slot *s, int64_t limit_us,
                              struct hr_times_due *due, struct hr_err *err)
{
    struct hr_times_bucket *bucket = &s->buckets[0];
    HR_TRY(
        make_room(order, &due->entries, &due->capacity, (uint64_t)due->count + bucket->count, err));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < bucket->count; i++) {
        struct hr_times_entry entry = bucket->entries[i];
        if (entry.time_us <= limit_us)
            due->entries[due->count++] = entry;
        else
            bucket->entries[kept++] = entry;
    }
    order->count -= bucket->count - kept;
    bucket->count = kept;
    if (kept == 0) free_bucket(order, bucket);
    return HR_OK;
}

static hr_status advance_slot(struct hr_times *order, struct hr_times_slot *s, int64_t limit_us,
                              struct hr_times_due *due, struct hr_err *err)
{
    uint64_t limit = biased(limit_us);
    if (limit <= s->last)
        return s->buckets[0].count ? take_arrived(order, s, limit_us, due, err) : HR_OK;
    uint32_t top = bucket_of(s->last, limit);
    for (uint32_t b = 0; b < top; b++) {
        if (b && !(s->occupied >> (b - 1) & 1)) continue;
        HR_TRY(drain(order, &s->buckets[b], due, err));
        if (b) s->occupied &= ~(UINT64_C(1) << (b - 1));
    }
    if (s->buckets[top].count) return split(order, s, top, limit, due, err);
    s->last = limit;
    return HR_OK;
}

hr_status hr_times_advance_slots(struct hr_times *order, uint32_t first, uint32_t count,
                                 int64_t limit_us, struct hr_times_due *due, struct hr_err *err)
{
    assert(first + count <= HR_SLOT_COUNT);
    for (uint32_t i = first; i < first + count; i++) {
        if (order->slots[i]) HR_TRY(advance_slot(order, order->slots[i], limit_us, due, err));
    }
    return HR_OK;
}

hr_status hr_times_advance(struct hr_times *order, int64_t limit_us, struct hr_times_due *due,
                           struct hr_err *err)
{
    HR_TRY(hr_times_advance_slots(order, 0, HR_SLOT_COUNT, limit_us, due, err));
    order->last_us = HR_MAX(order->last_us, limit_us);
    return HR_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct hr_times_entry *x = a, *y = b;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return x->ref < y->ref ? -1 : x->ref > y->ref;
}

void hr_times_sort(struct hr_times_due *due)
{
    if (due->count > 1) qsort(due->entries, due->count, sizeof *due->entries, by_time);
}

void hr_times_init(struct hr_times *order, struct hr_slot_heap *heap)
{
    *order = (struct hr_times){.heap = heap, .last_us = INT64_MIN};
}

void hr_times_drop_slot(struct hr_times *order, uint32_t slot)
{
    assert(slot < HR_SLOT_COUNT);
    struct hr_times_slot *s = order->slots[slot];
    if (!s) return;
    for (uint32_t b = 0; b < HR_TIMES_BUCKETS; b++) {
        order->count -= s->buckets[b].count;
        free_bucket(order, &s->buckets[b]);
    }
    hr_heap_give(order->heap, s, sizeof *s);
    order->slots[slot] = NULL;
}

void hr_times_done(struct hr_times *order)
{
    for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) hr_times_drop_slot(order, i);
    assert(order->count == 0);
}

void hr_times_due_done(struct hr_times *order, struct hr_times_due *due)
{
    hr_heap_give(order->heap, due->entries, due->capacity * sizeof *due->entries);
    *due = (struct hr_times_due){0};
}
