/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed table (layout in table.h).
 *
 * Looking up a batch goes in groups of GROUP keys, in three passes: prefetch the slots, find each
 * key's first slot with its 32 hash bits and prefetch that row, compare keys. Only keys that are
 * new, or whose hash bits lie, go through the slow path one by one.
 *
 * Rows are in a slot heap (slot_heap.h), which links freed ones through their first field, the
 * epoch; key_len stays, so that a walk over a chunk can step over them.
 */
#include "state/table.h"
#include "state/slot_heap.h"

#define GROUP           128u
#define FIRST_CAPACITY  64u
#define SINGLE_CAPACITY 4096u /* slots at which one part becomes 256 */
#define SPLIT_CAPACITY  32u
#define SMALL_ROWS      4096u /* so many rows of some 64 bytes are in the second-level cache */

struct part {
    uint64_t *slots;
    uint32_t shift; /* 64 - log2(capacity) */
    uint32_t count;
};

struct hr_ktable {
    struct part *parts;
    uint32_t part_mask; /* 0 or 255 */
    uint32_t states_bytes;
    uint32_t epoch;
    bool track_dirty;
    struct part single;
    struct hr_slot_heap heap;
    uint32_t *dirty;
    uint32_t dirty_count, dirty_capacity;
    uint8_t *states_init;
    uint64_t count;
    void (*row_done)(void *arg, uint8_t *states);
    void *arg;
};

/* --- Small parts ------------------------------------------------------------------------------ */

HR_INLINE struct hr_krow *row_at(const struct hr_ktable *t, uint32_t ref)
{
    return hr_heap_at(&t->heap, ref);
}
HR_INLINE uint8_t *states_of(struct hr_krow *row)
{
    return (uint8_t *)(row + 1);
}
HR_INLINE struct part *part_of(const struct hr_ktable *t, uint64_t hash)
{
    return &t->parts[(hash >> 56) & t->part_mask];
}
/* The top 8 bits choose the part and say nothing within it. */
HR_INLINE uint32_t home_of(const struct part *p, uint64_t hash)
{
    return (uint32_t)((hash << 8) >> p->shift);
}
HR_INLINE uint32_t mask_of(const struct part *p)
{
    return (uint32_t)(UINT64_MAX >> p->shift);
}

/* Up to HR_KEY_SHORT bytes without a branch on the length: four words that may overlap. Row keys
 * and
 * inline views are padded with zeroes. */
HR_INLINE bool same_key(const uint8_t *row_key, uint32_t row_len, const struct hr_string *key)
{
    if (row_len != key->len) return false;
    const uint8_t *k = (const uint8_t *)hr_string_ptr(key);
    if (HR_UNLIKELY(row_len - 1 >= HR_KEY_SHORT))
        return row_len == 0 || memcmp(row_key, k, row_len) == 0;
    uint32_t last = row_len > 8 ? row_len - 8 : 0;
    uint64_t x[2], y[2];
    memcpy(&x[0], row_key, 8);
    memcpy(&y[0], k, 8);
    memcpy(&x[1], row_key + last, 8);
    memcpy(&y[1], k + last, 8);
    uint64_t differ = (x[0] ^ y[0]) | (x[1] ^ y[1]);
    if (HR_LIKELY(row_len <= 16)) return differ == 0;
    memcpy(&x[0], row_key + 8, 8);
    memcpy(&y[0], k + 8, 8);
    memcpy(&x[1], row_key + row_len - 16, 8);
    memcpy(&y[1], k + row_len - 16, 8);
    return (differ | (x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* --- Rows ------------------------------------------------------------------------------------- */

HR_INLINE uint32_t row_units(const struct hr_ktable *t, uint32_t key_len)
{
    return hr_heap_units(1 + t->states_bytes / 8 + (key_len + 7) / 8);
}

static hr_status new_row(struct hr_ktable *t, const struct hr_string *key, uint64_t hash,
                         uint32_t *ret_ref, struct hr_err *err)
{
    if (HR_UNLIKELY(key->len > HR_KROW_KEY_MAX))
        return HR_RAISE(err, HR_E_LIMIT, "what", "a grouping key", "limit", "256 MiB");
    uint32_t ref;
    HR_TRY(hr_heap_alloc(&t->heap, hr_hash_slot(hash), row_units(t, key->len), &ref, err));
    struct hr_krow *row = row_at(t, ref);
    row->epoch = 0;
    row->key_len = key->len;
    row->flags = 0;
    uint8_t *states = states_of(row);
    if (t->states_init)
        memcpy(states, t->states_init, t->states_bytes);
    else
        memset(states, 0, t->states_bytes);
    if (key->len) {
        uint8_t *bytes = states + t->states_bytes;
        memset(bytes + ((key->len - 1) & ~7u), 0, 8);
        memcpy(bytes, hr_string_ptr(key), key->len);
    }
    *ret_ref = ref;
    return HR_OK;
}

static uint32_t slot_of(const struct hr_ktable *t, struct hr_krow *row)
{
    if (!t->heap.by_slot) return 0;
    return hr_hash_slot(hr_key_hash(states_of(row) + t->states_bytes, row->key_len));
}

static void free_row(struct hr_ktable *t, uint32_t ref)
{
    struct hr_krow *row = row_at(t, ref);
    assert(!(row->flags & HR_KROW_FREE));
    if (t->row_done) t->row_done(t->arg, states_of(row));
    row->flags = HR_KROW_FREE;
    hr_heap_free(&t->heap, slot_of(t, row), ref, row_units(t, row->key_len));
}

/* --- The index -------------------------------------------------------------------------------- */

static hr_status part_init(struct hr_ktable *t, struct part *p, uint32_t capacity,
                           struct hr_err *err)
{
    void *slots;
    HR_TRY(hr_heap_take(&t->heap, capacity * sizeof(uint64_t), true, &slots, err));
    *p = (struct part){slots, 64 - (uint32_t)__builtin_ctz(capacity), 0};
    return HR_OK;
}

static void part_done(struct hr_ktable *t, struct part *p)
{
    if (!p->slots) return;
    hr_heap_give(&t->heap, p->slots, ((size_t)mask_of(p) + 1) * sizeof(uint64_t));
    *p = (struct part){0};
}

HR_INLINE void place(struct part *p, uint64_t slot)
{
    uint32_t mask = mask_of(p), i = home_of(p, slot & 0xffffffff00000000ull);
    while (p->slots[i]) i = (i + 1) & mask;
    p->slots[i] = slot;
    p->count++;
}

static hr_status split(struct hr_ktable *t, struct hr_err *err)
{
    void *memory;
    size_t bytes = HR_SLOT_COUNT * sizeof(struct part);
    HR_TRY(hr_heap_take(&t->heap, bytes, true, &memory, err));
    struct part *parts = memory;
    for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) {
        hr_status status = part_init(t, &parts[i], SPLIT_CAPACITY, err);
        if (status == HR_OK) continue;
        while (i--) part_done(t, &parts[i]);
        hr_heap_give(&t->heap, parts, bytes);
        return status;
    }
    /* Unevenly filled parts (a task that owns few slots) must not overflow: grow on the way. */
    uint32_t mask = mask_of(&t->single);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i <= mask && status == HR_OK; i++) {
        uint64_t slot = t->single.slots[i];
        if (!slot) continue;
        struct part *p = &parts[slot >> 56];
        if (p->count * 8 >= (mask_of(p) + 1) * 5) {
            struct part bigger;
            status = part_init(t, &bigger, (mask_of(p) + 1) * 2, err);
            if (status != HR_OK) break;
            for (uint32_t k = 0; k <= mask_of(p); k++)
                if (p->slots[k]) place(&bigger, p->slots[k]);
            part_done(t, p);
            *p = bigger;
        }
        place(p, slot);
    }
    if (status != HR_OK) {
        for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) part_done(t, &parts[i]);
        hr_heap_give(&t->heap, parts, bytes);
        return status;
    }
    part_done(t, &t->single);
    t->parts = parts;
    t->part_mask = HR_SLOT_COUNT - 1;
    return HR_OK;
}

/* Makes room for one more row of this hash. */
static hr_status make_room(struct hr_ktable *t, uint64_t hash, struct hr_err *err)
{
    struct part *p = part_of(t, hash);
    uint32_t capacity = mask_of(p) + 1;
    if (HR_LIKELY((uint64_t)p->count * 8 < (uint64_t)capacity * 5)) return HR_OK;
    if (t->part_mask == 0 && capacity >= SINGLE_CAPACITY) {
        HR_TRY(split(t, err));
        return make_room(t, hash, err);
    }
    if (capacity > UINT32_MAX >> 8)
        return HR_RAISE(err, HR_E_LIMIT, "what", "a keyed table", "limit", "2^31 rows");
    struct part bigger;
    HR_TRY(part_init(t, &bigger, capacity * 2, err));
    for (uint32_t i = 0; i < capacity; i++)
        if (p->slots[i]) place(&bigger, p->slots[i]);
    assert(bigger.count == p->count);
    part_done(t, p);
    *p = bigger;
    return HR_OK;
}

static hr_status grow_dirty(struct hr_ktable *t, uint32_t more, struct hr_err *err)
{
    uint64_t needed = HR_MAX((uint64_t)t->dirty_count + more, 256);
    void *dirty = t->dirty;
    HR_TRY(hr_heap_grow(&t->heap, &dirty, &t->dirty_capacity, needed, sizeof *t->dirty, err));
    t->dirty = dirty;
    return HR_OK;
}

HR_INLINE void mark_dirty(struct hr_ktable *t, struct hr_krow *row, uint32_t ref)
{
    if (row->epoch == t->epoch) return;
    assert(t->dirty_count < t->dirty_capacity);
    row->epoch = t->epoch;
    t->dirty[t->dirty_count++] = ref;
}

/* The whole search for one key; *ret_ref 0: not there. */
static struct hr_krow *search(const struct hr_ktable *t, const struct hr_string *key, uint64_t hash,
                              uint32_t *ret_ref)
{
    const struct part *p = part_of(t, hash);
    uint32_t mask = mask_of(p);
    for (uint32_t i = home_of(p, hash);; i = (i + 1) & mask) {
        uint64_t slot = p->slots[i];
        *ret_ref = (uint32_t)slot;
        if (!slot) return NULL;
        if ((slot ^ hash) >> 32) continue;
        struct hr_krow *row = row_at(t, (uint32_t)slot);
        if (same_key(states_of(row) + t->states_bytes, row->key_len, key)) return row;
    }
}

static HR_NOINLINE hr_status upsert_slow(struct hr_ktable *t, const struct hr_string *key,
                                         uint64_t hash, uint8_t **ret_states, bool *ret_new,
                                         struct hr_err *err)
{
    uint32_t ref;
    struct hr_krow *row = search(t, key, hash, &ref);
    *ret_new = row == NULL;
    if (!row) {
        HR_TRY(make_room(t, hash, err));
        HR_TRY(new_row(t, key, hash, &ref, err));
        place(part_of(t, hash), (hash & 0xffffffff00000000ull) | ref);
        t->count++;
        row = row_at(t, ref);
    }
    if (t->track_dirty) mark_dirty(t, row, ref);
    *ret_states = states_of(row);
    return HR_OK;
}

/* Passes one and two over a group: refs[i] is the first row with the key's hash bits, or 0. */
HR_INLINE void probe(const struct hr_ktable *t, const uint64_t *hashes, uint32_t n, uint32_t *refs)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct part *p = part_of(t, hashes[i]);
        __builtin_prefetch(p->slots + home_of(p, hashes[i]));
    }
    uint32_t key_at = t->states_bytes + (uint32_t)sizeof(struct hr_krow);
    for (uint32_t i = 0; i < n; i++) {
        const struct part *p = part_of(t, hashes[i]);
        uint32_t mask = mask_of(p), at = home_of(p, hashes[i]);
        uint64_t slot;
        while ((slot = p->slots[at]) != 0 && (slot ^ hashes[i]) >> 32) at = (at + 1) & mask;
        refs[i] = (uint32_t)slot;
        if (slot) {
            const uint8_t *row = (const uint8_t *)row_at(t, (uint32_t)slot);
            __builtin_prefetch(row, 1);
            __builtin_prefetch(row + key_at, 1);
        }
    }
}

/* A table that sits in the cache: one pass, nothing to prefetch. */
HR_INLINE hr_status upsert_small(struct hr_ktable *t, const struct hr_string *keys,
                                 const uint64_t *hashes, uint32_t n, uint8_t **ret_states,
                                 uint8_t *ret_new, bool track, struct hr_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct part *p = part_of(t, hashes[i]);
        uint32_t mask = mask_of(p), at = home_of(p, hashes[i]);
        uint64_t slot;
        while ((slot = p->slots[at]) != 0 && (slot ^ hashes[i]) >> 32) at = (at + 1) & mask;
        if (HR_LIKELY(slot != 0)) {
            struct hr_krow *row = row_at(t, (uint32_t)slot);
            uint8_t *states = states_of(row);
            if (HR_LIKELY(same_key(states + t->states_bytes, row->key_len, &keys[i]))) {
                ret_states[i] = states;
                if (track) mark_dirty(t, row, (uint32_t)slot);
                if (ret_new) ret_new[i] = 0;
                continue;
            }
        }
        bool is_new;
        HR_TRY(upsert_slow(t, &keys[i], hashes[i], &ret_states[i], &is_new, err));
        if (ret_new) ret_new[i] = is_new;
    }
    return HR_OK;
}

HR_INLINE hr_status upsert_group(struct hr_ktable *t, const struct hr_string *keys,
                                 const uint64_t *hashes, uint32_t n, uint8_t **ret_states,
                                 uint8_t *ret_new, bool track, struct hr_err *err)
{
    uint32_t refs[GROUP];
    probe(t, hashes, n, refs);
    for (uint32_t i = 0; i < n; i++) {
        if (HR_LIKELY(refs[i] != 0)) {
            struct hr_krow *row = row_at(t, refs[i]);
            uint8_t *states = states_of(row);
            if (HR_LIKELY(same_key(states + t->states_bytes, row->key_len, &keys[i]))) {
                ret_states[i] = states;
                if (track) mark_dirty(t, row, refs[i]);
                if (ret_new) ret_new[i] = 0;
                continue;
            }
        }
        bool is_new;
        HR_TRY(upsert_slow(t, &keys[i], hashes[i], &ret_states[i], &is_new, err));
        if (ret_new) ret_new[i] = is_new;
    }
    return HR_OK;
}

hr_status hr_ktable_upsert(struct hr_ktable *table, const struct hr_string *keys,
                           const uint64_t *hashes, uint32_t count, uint8_t **ret_states,
                           uint8_t *ret_new, struct hr_err *err)
{
    assert(table->dirty_count <= table->dirty_capacity);
    if (table->track_dirty && table->dirty_capacity - table->dirty_count < count)
        HR_TRY(grow_dirty(table, count, err));
    for (uint32_t at = 0; at < count; at += GROUP) {
        uint32_t n = HR_MIN(GROUP, count - at);
        uint8_t *is_new = ret_new ? ret_new + at : NULL;
        if (table->count <= SMALL_ROWS && !table->track_dirty && !ret_new)
            HR_TRY(
                upsert_small(table, keys + at, hashes + at, n, ret_states + at, NULL, false, err));
        else if (table->count <= SMALL_ROWS)
            HR_TRY(upsert_small(table, keys + at, hashes + at, n, ret_states + at, is_new,
                                table->track_dirty, err));
        else if (table->track_dirty)
            HR_TRY(
                upsert_group(table, keys + at, hashes + at, n, ret_states + at, is_new, true, err));
        else
            HR_TRY(upsert_group(table, keys + at, hashes + at, n, ret_states + at, is_new, false,
                                err));
    }
    return HR_OK;
}

void hr_ktable_find(const struct hr_ktable *table, const struct hr_string *keys,
                    const uint64_t *hashes, uint32_t count, uint8_t **ret_states)
{
    uint32_t refs[GROUP];
    for (uint32_t at = 0; at < count; at += GROUP) {
        uint32_t n = HR_MIN(GROUP, count - at);
        probe(table, hashes + at, n, refs);
        for (uint32_t i = 0; i < n; i++) {
            ret_states[at + i] = NULL;
            if (!refs[i]) continue;
            struct hr_krow *row = row_at(table, refs[i]);
            if (!same_key(states_of(row) + table->states_bytes, row->key_len, &keys[at + i]))
                row = search(table, &keys[at + i], hashes[at + i], &refs[i]);
            if (row) ret_states[at + i] = states_of(row);
        }
    }
}

static uint32_t find_slot(const struct hr_ktable *t, const struct hr_krow *row, struct part **ret)
{
    const uint8_t *key = (const uint8_t *)(row + 1) + t->states_bytes;
    uint64_t hash = hr_key_hash(key, row->key_len);
    struct part *p = part_of(t, hash);
    uint32_t mask = mask_of(p), i = home_of(p, hash);
    for (; p->slots[i]; i = (i + 1) & mask) {
        if (!((p->slots[i] ^ hash) >> 32) && row_at(t, (uint32_t)p->slots[i]) == row) {
            *ret = p;
            return i;
        }
    }
    assert(!"a row that is not in the index");
    *ret = NULL;
    return 0;
}

uint32_t hr_ktable_ref(const struct hr_ktable *table, const uint8_t *states)
{
    struct part *p;
    uint32_t i = find_slot(table, hr_krow_of(states), &p);
    return (uint32_t)p->slots[i];
}

uint8_t *hr_ktable_at(const struct hr_ktable *table, uint32_t ref)
{
    assert(ref != 0);
    return states_of(row_at(table, ref));
}

hr_status hr_ktable_touch(struct hr_ktable *table, uint8_t *states, struct hr_err *err)
{
    struct hr_krow *row = hr_krow_of(states);
    assert(!(row->flags & (HR_KROW_DELETED | HR_KROW_FREE)));
    if (!table->track_dirty || row->epoch == table->epoch) return HR_OK;
    if (table->dirty_count == table->dirty_capacity) HR_TRY(grow_dirty(table, 1, err));
    struct part *p;
    uint32_t i = find_slot(table, row, &p);
    mark_dirty(table, row, (uint32_t)p->slots[i]);
    return HR_OK;
}

/* Takes entry i out of the index and closes its run. */
static void vacate(struct part *p, uint32_t i)
{
    uint32_t mask = mask_of(p);
    for (uint32_t k = (i + 1) & mask; p->slots[k]; k = (k + 1) & mask) {
        uint32_t home = home_of(p, p->slots[k] & 0xffffffff00000000ull);
        if (((k - home) & mask) < ((k - i) & mask)) continue; /* it would leave its run */
        p->slots[i] = p->slots[k];
        i = k;
    }
    p->slots[i] = 0;
    assert(p->count > 0);
    p->count--;
}

hr_status hr_ktable_delete(struct hr_ktable *table, uint8_t *states, struct hr_err *err)
{
    struct hr_krow *row = hr_krow_of(states);
    assert(!(row->flags & (HR_KROW_DELETED | HR_KROW_FREE)));
    if (table->track_dirty && table->dirty_count == table->dirty_capacity)
        HR_TRY(grow_dirty(table, 1, err));
    struct part *p;
    uint32_t i = find_slot(table, row, &p);
    uint32_t ref = (uint32_t)p->slots[i];
    assert(table->count > 0);
    vacate(p, i);
    table->count--;
    row->flags |= HR_KROW_DELETED;
    if (table->track_dirty)
        mark_dirty(table, row, ref);
    else
        free_row(table, ref);
    return HR_OK;
}

/* --- Iteration -------------------------------------------------------------------------------- */

void hr_ktable_iter_all(const struct hr_ktable *table, struct hr_ktable_iter *ret)
{
    *ret = (struct hr_ktable_iter){.table = table, .pos = 1};
}

void hr_ktable_iter_slots(const struct hr_ktable *table, uint32_t first, uint32_t count,
                          struct hr_ktable_iter *ret)
{
    assert(first + count <= HR_SLOT_COUNT);
    *ret = (struct hr_ktable_iter){
        .table = table, .part = first, .part_end = first + count, .by_slot = true};
}

static uint32_t next_by_slot(struct hr_ktable_iter *it, uint8_t **ret_states, uint32_t max)
{
    const struct hr_ktable *t = it->table;
    uint32_t n = 0;
    while (it->part < it->part_end && n < max) {
        const struct part *p = &t->parts[it->part & t->part_mask];
        for (; it->pos <= mask_of(p) && n < max; it->pos++) {
            uint64_t slot = p->slots[it->pos];
            if (slot && slot >> 56 == it->part)
                ret_states[n++] = states_of(row_at(t, (uint32_t)slot));
        }
        if (it->pos > mask_of(p)) {
            it->part++;
            it->pos = 0;
        }
    }
    return n;
}

uint32_t hr_ktable_iter_next(struct hr_ktable_iter *iter, uint8_t **ret_states, uint32_t max)
{
    if (iter->by_slot) return next_by_slot(iter, ret_states, max);
    const struct hr_ktable *t = iter->table;
    const struct hr_slot_heap *heap = &t->heap;
    uint32_t n = 0;
    while (iter->chunk < heap->chunk_count && n < max) {
        uint32_t used = heap->chunks[iter->chunk].used;
        while (iter->pos < used && n < max) {
            struct hr_krow *row = (void *)(heap->bases[iter->chunk] + iter->pos * 8);
            iter->pos += row_units(t, row->key_len);
            if (!(row->flags & (HR_KROW_DELETED | HR_KROW_FREE))) ret_states[n++] = states_of(row);
        }
        if (iter->pos >= used) {
            iter->chunk++;
            iter->pos = 0;
        }
    }
    return n;
}

/* --- Epochs and life -------------------------------------------------------------------------- */

uint32_t hr_ktable_dirty_count(const struct hr_ktable *table)
{
    return table->dirty_count;
}

uint8_t *hr_ktable_dirty(const struct hr_ktable *table, uint32_t index)
{
    assert(index < table->dirty_count);
    return states_of(row_at(table, table->dirty[index]));
}

void hr_ktable_end_epoch(struct hr_ktable *table)
{
    for (uint32_t i = 0; i < table->dirty_count; i++) {
        struct hr_krow *row = row_at(table, table->dirty[i]);
        if (row->flags & HR_KROW_DELETED) free_row(table, table->dirty[i]);
    }
    table->dirty_count = 0;
    if (++table->epoch) return;
    /* After 2^32 epochs: no row may look touched by chance. */
    table->epoch = 1;
    uint8_t *states[64];
    struct hr_ktable_iter it;
    hr_ktable_iter_all(table, &it);
    for (uint32_t n; (n = hr_ktable_iter_next(&it, states, 64)) > 0;)
        for (uint32_t i = 0; i < n; i++) hr_krow_of(states[i])->epoch = 0;
}

uint32_t hr_ktable_states_bytes(const struct hr_ktable *table)
{
    return table->states_bytes;
}
uint64_t hr_ktable_count(const struct hr_ktable *table)
{
    return table->count;
}
int64_t hr_ktable_bytes(const struct hr_ktable *table)
{
    return table->heap.reserved_bytes;
}

hr_status hr_ktable_new(const struct hr_ktable_options *options, struct hr_ktable **ret,
                        struct hr_err *err)
{
    struct hr_ktable *t = hr_zalloc(sizeof *t);
    if (!t) return HR_OOM(err);
    t->states_bytes = (options->states_bytes + 7) & ~7u;
    t->track_dirty = options->track_dirty;
    t->row_done = options->row_done;
    t->arg = options->arg;
    t->epoch = 1;
    t->parts = &t->single;
    hr_status status = hr_heap_init(&t->heap, options->by_slot, options->mem, err);
    if (status == HR_OK && options->states_init && t->states_bytes) {
        t->states_init = hr_zalloc(t->states_bytes);
        if (!t->states_init)
            status = HR_OOM(err);
        else
            memcpy(t->states_init, options->states_init, options->states_bytes);
    }
    if (status == HR_OK) status = part_init(t, &t->single, FIRST_CAPACITY, err);
    if (status != HR_OK) {
        hr_free(t->states_init);
        hr_heap_done(&t->heap);
        hr_free(t);
        return status;
    }
    *ret = t;
    return HR_OK;
}

/* row_done for every row of a chunk that still has states: live ones, and the deleted of this
 * epoch. */
static void finish_chunk(struct hr_ktable *t, uint32_t c)
{
    for (uint32_t pos = c == 0; pos < t->heap.chunks[c].used;) {
        struct hr_krow *row = (void *)(t->heap.bases[c] + (uint64_t)pos * 8);
        pos += row_units(t, row->key_len);
        if (!(row->flags & HR_KROW_FREE)) t->row_done(t->arg, states_of(row));
    }
}

static void finish_rows(struct hr_ktable *t)
{
    for (uint32_t c = 0; t->row_done && c < t->heap.chunk_count; c++) finish_chunk(t, c);
}

/* Takes the slot's entries out of an index that all slots share. */
static void unplace_slot(struct hr_ktable *t, uint32_t slot)
{
    struct part *p = &t->single;
    uint32_t mask = mask_of(p);
    for (uint32_t i = 0; i <= mask;) {
        if (!p->slots[i] || p->slots[i] >> 56 != slot) {
            i++;
            continue;
        }
        vacate(p, i); /* may move another of the slot's entries to i */
        t->count--;
    }
}

void hr_ktable_drop_slot(struct hr_ktable *t, uint32_t slot)
{
    assert(t->heap.by_slot && slot < HR_SLOT_COUNT);
    assert(t->dirty_count == 0); /* what was touched must have been written */
    for (uint32_t c = 0; t->row_done && c < t->heap.chunk_count; c++)
        if (t->heap.bases[c] && t->heap.chunks[c].slot == slot) finish_chunk(t, c);
    if (t->part_mask) {
        struct part *p = &t->parts[slot];
        assert(t->count >= p->count);
        t->count -= p->count;
        memset(p->slots, 0, ((size_t)mask_of(p) + 1) * sizeof(uint64_t));
        p->count = 0;
    } else {
        /* An entry that wraps around the array's end may be met only in a second walk. */
        unplace_slot(t, slot);
        unplace_slot(t, slot);
    }
    hr_heap_drop_slot(&t->heap, slot);
}

/* Parts that keys of few slots have filled go back to the size that all begin with: else a table
 * that is filled with one slot after the other would keep all of them. */
static void shrink(struct hr_ktable *t, struct part *p)
{
    struct part small;
    if (!t->part_mask || mask_of(p) < SPLIT_CAPACITY) return;
    if (part_init(t, &small, SPLIT_CAPACITY, NULL)) return;
    part_done(t, p);
    *p = small;
}

void hr_ktable_clear(struct hr_ktable *table)
{
    finish_rows(table);
    hr_heap_clear(&table->heap);
    for (uint32_t i = 0; i <= table->part_mask; i++) {
        struct part *p = &table->parts[i];
        shrink(table, p);
        memset(p->slots, 0, ((size_t)mask_of(p) + 1) * sizeof(uint64_t));
        p->count = 0;
    }
    table->count = 0;
    table->dirty_count = 0;
    if (++table->epoch == 0) table->epoch = 1;
}

void hr_ktable_free(struct hr_ktable *table)
{
    if (!table) return;
    finish_rows(table);
    for (uint32_t i = 0; i <= table->part_mask; i++) part_done(table, &table->parts[i]);
    if (table->parts != &table->single)
        hr_heap_give(&table->heap, table->parts, HR_SLOT_COUNT * sizeof(struct part));
    if (table->dirty_capacity)
        hr_heap_give(&table->heap, table->dirty, table->dirty_capacity * sizeof(uint32_t));
    hr_heap_done(&table->heap);
    hr_free(table->states_init);
    hr_free(table);
}
