/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists by key (lists.h).
 *
 * A row's memory goes when nothing can reach it any more: rows without an order at the end of the
 * epoch in which they were deleted; ordered ones only when their entry in the order has been taken
 * out as due, for entries hold references and are never searched for.
 */
#include "state/lists.h"

#include <assert.h>
#include <stdlib.h>

#define BLOCK 256u

struct hr_lists {
    struct hr_ktable *keys;
    struct hr_slot_heap heap;
    struct hr_times order;
    struct hr_times_due due;
    struct hr_lists_options options;
    uint64_t row_count, empty_keys;
    /* of the epoch */
    struct hr_times_entry *dirty; /* rows that came, changed or were deleted; times of new ones */
    uint32_t dirty_count, dirty_capacity;
    uint32_t *gone; /* rows whose memory goes when it ends */
    uint32_t gone_count, gone_capacity;
    uint32_t *emptied; /* keys that lost their last row */
    uint32_t emptied_count, emptied_capacity;
    struct hr_lrow **expired; /* what hr_lists_expire handed out */
    uint32_t expired_capacity;
    bool has_expiry;
    int64_t expired_to_us;
};

/* --- Small parts ------------------------------------------------------------------------------ */

struct hr_lrow *hr_lists_row(const struct hr_lists *lists, uint32_t ref)
{
    assert(ref != 0);
    return hr_heap_at(&lists->heap, ref);
}

struct hr_lkey *hr_lists_key_of(const struct hr_lists *lists, const struct hr_lrow *row)
{
    return (struct hr_lkey *)(void *)hr_ktable_at(lists->keys, row->key);
}

struct hr_str_view hr_lists_key_bytes(const struct hr_lists *lists, const struct hr_lkey *key)
{
    return hr_ktable_key(lists->keys, (const uint8_t *)key);
}

static uint32_t slot_of(const struct hr_lists *lists, uint32_t ref)
{
    return lists->heap.chunks[ref >> lists->heap.bits].slot;
}

static uint32_t row_units(uint32_t payload_len)
{
    return hr_heap_units(((uint32_t)sizeof(struct hr_lrow) + payload_len + 7) / 8);
}

static hr_status grow(struct hr_lists *lists, void **array, uint32_t *capacity, uint64_t needed,
                      uint32_t size, struct hr_err *err)
{
    return hr_heap_grow(&lists->heap, array, capacity, needed, size, err);
}

static hr_status reserve_dirty(struct hr_lists *lists, uint32_t more, struct hr_err *err)
{
    void *array = lists->dirty;
    hr_status status = grow(lists, &array, &lists->dirty_capacity,
                            (uint64_t)lists->dirty_count + more, sizeof *lists->dirty, err);
    lists->dirty = array;
    return status;
}

static hr_status reserve_refs(struct hr_lists *lists, uint32_t **refs, uint32_t *capacity,
                              uint64_t needed, struct hr_err *err)
{
    void *array = *refs;
    hr_status status = grow(lists, &array, capacity, needed, sizeof **refs, err);
    *refs = array;
    return status;
}

static void note_dirty(struct hr_lists *lists, uint32_t ref, int64_t time_us)
{
    assert(lists->dirty_count < lists->dirty_capacity);
    lists->dirty[lists->dirty_count++] = (struct hr_times_entry){time_us, ref};
}

static void note_gone(struct hr_lists *lists, struct hr_lrow *row, uint32_t ref)
{
    assert(row->flags & HR_LROW_GONE && !(row->flags & HR_LROW_FREEING));
    assert(lists->gone_count < lists->gone_capacity);
    row->flags |= HR_LROW_FREEING;
    lists->gone[lists->gone_count++] = ref;
}

static int64_t time_of(const struct hr_lists *lists, const struct hr_lrow *row, int64_t added_us)
{
    if (!lists->options.time_of) return added_us;
    return lists->options.time_of(lists->options.arg, (const uint8_t *)(row + 1), row->len);
}

/* --- The links -------------------------------------------------------------------------------- */

static uint32_t ref_of(const struct hr_lists *lists, const struct hr_lrow *row)
{
    if (row->prev) return hr_lists_row(lists, row->prev)->next;
    return hr_lists_key_of(lists, row)->first;
}

static void link_last(struct hr_lists *lists, struct hr_lkey *key, struct hr_lrow *row,
                      uint32_t ref)
{
    assert((key->count == 0) == (key->last == 0));
    row->prev = key->last;
    row->next = 0;
    if (key->last)
        hr_lists_row(lists, key->last)->next = ref;
    else
        key->first = ref;
    key->last = ref;
    if (key->count++ == 0 && key->is_empty) lists->empty_keys--;
    lists->row_count++;
}

/* The row's own links stay: a walk that stands on it can go on. */
static void unlink_row(struct hr_lists *lists, struct hr_lkey *key, struct hr_lrow *row)
{
    assert(key->count > 0 && lists->row_count > 0);
    if (row->prev)
        hr_lists_row(lists, row->prev)->next = row->next;
    else
        key->first = row->next;
    if (row->next)
        hr_lists_row(lists, row->next)->prev = row->prev;
    else
        key->last = row->prev;
    key->count--;
    lists->row_count--;
}

/* After the key may have lost its last row. Room has been made. */
static void note_emptied(struct hr_lists *lists, struct hr_lkey *key)
{
    if (key->count) return;
    lists->empty_keys++;
    if (key->is_empty) return;
    key->is_empty = 1;
    assert(lists->emptied_count < lists->emptied_capacity);
    lists->emptied[lists->emptied_count++] = key->self;
}

/* --- Rows come -------------------------------------------------------------------------------- */

static hr_status make_row(struct hr_lists *lists, struct hr_lkey *key, uint32_t slot,
                          struct hr_str_view payload, uint32_t *ret_ref, struct hr_err *err)
{
    if (payload.len > HR_LROW_PAYLOAD_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "a row of state", "limit", "16 MiB");
    uint32_t ref;
    HR_TRY(hr_heap_alloc(&lists->heap, slot, row_units((uint32_t)payload.len), &ref, err));
    struct hr_lrow *row = hr_lists_row(lists, ref);
    *row = (struct hr_lrow){.key = key->self, .len = (uint32_t)payload.len, .weight = 1};
    if (payload.len) memcpy(hr_lrow_payload(row), payload.ptr, payload.len);
    *ret_ref = ref;
    return HR_OK;
}

/* The key's row; made, and told its own reference, where it is new. */
static hr_status make_keys(struct hr_lists *lists, const struct hr_string *keys,
                           const uint64_t *hashes, uint32_t count, uint8_t **ret_states,
                           struct hr_err *err)
{
    uint8_t is_new[BLOCK];
    assert(count <= BLOCK);
    HR_TRY(hr_ktable_upsert(lists->keys, keys, hashes, count, ret_states, is_new, err));
    for (uint32_t i = 0; i < count; i++) {
        if (!is_new[i]) continue;
        ((struct hr_lkey *)(void *)ret_states[i])->self = hr_ktable_ref(lists->keys, ret_states[i]);
    }
    return HR_OK;
}

/* Payload, order and place in the list; the row's memory goes back when its entry cannot be made.
 * */
static hr_status insert(struct hr_lists *lists, struct hr_lkey *key, uint32_t slot,
                        struct hr_str_view payload, int64_t time_us, uint32_t *ret_ref,
                        struct hr_err *err)
{
    HR_TRY(make_row(lists, key, slot, payload, ret_ref, err));
    struct hr_lrow *row = hr_lists_row(lists, *ret_ref);
    if (lists->options.ordered) {
        hr_status status = hr_times_add(&lists->order, slot, time_us, *ret_ref, err);
        if (status != HR_OK) {
            hr_heap_free(&lists->heap, slot, *ret_ref, row_units(row->len));
            return status;
        }
    }
    link_last(lists, key, row, *ret_ref);
    return HR_OK;
}

static hr_status add_block(struct hr_lists *lists, const struct hr_string *keys,
                           const uint64_t *hashes, const struct hr_str_view *payloads,
                           const int64_t *times_us, uint32_t count, struct hr_lrow **ret_rows,
                           struct hr_err *err)
{
    uint8_t *states[BLOCK];
    HR_TRY(reserve_dirty(lists, count, err));
    HR_TRY(make_keys(lists, keys, hashes, count, states, err));
    for (uint32_t i = 0; i < count; i++) {
        struct hr_lkey *key = (struct hr_lkey *)(void *)states[i];
        int64_t time_us = times_us ? times_us[i] : HR_LISTS_NEVER;
        uint32_t ref;
        HR_TRY(insert(lists, key, hr_hash_slot(hashes[i]), payloads[i], time_us, &ref, err));
        struct hr_lrow *row = hr_lists_row(lists, ref);
        row->id = key->next_id++;
        row->flags = HR_LROW_NEW;
        note_dirty(lists, ref, time_us);
        if (ret_rows) ret_rows[i] = row;
    }
    return HR_OK;
}

hr_status hr_lists_add(struct hr_lists *lists, const struct hr_string *keys, const uint64_t *hashes,
                       const struct hr_str_view *payloads, const int64_t *times_us, uint32_t count,
                       struct hr_lrow **ret_rows, struct hr_err *err)
{
    assert(!lists->options.ordered || times_us || count == 0);
    for (uint32_t at = 0; at < count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, count - at);
        HR_TRY(add_block(lists, keys + at, hashes + at, payloads + at,
                         times_us ? times_us + at : NULL, n, ret_rows ? ret_rows + at : NULL, err));
    }
    return HR_OK;
}

void hr_lists_find(const struct hr_lists *lists, const struct hr_string *keys,
                   const uint64_t *hashes, uint32_t count, struct hr_lkey **ret_keys)
{
    uint8_t **states = (uint8_t **)(void *)ret_keys;
    hr_ktable_find(lists->keys, keys, hashes, count, states);
    for (uint32_t i = 0; i < count; i++)
        if (ret_keys[i] && ret_keys[i]->count == 0) ret_keys[i] = NULL;
}

/* --- Rows change and go ----------------------------------------------------------------------- */

hr_status hr_lists_touch(struct hr_lists *lists, struct hr_lrow *row, bool payload,
                         struct hr_err *err)
{
    assert(!(row->flags & HR_LROW_GONE));
    if (!(row->flags & (HR_LROW_NEW | HR_LROW_TOUCHED))) {
        HR_TRY(reserve_dirty(lists, 1, err));
        note_dirty(lists, ref_of(lists, row), HR_LISTS_NEVER);
        row->flags |= HR_LROW_TOUCHED;
    }
    if (payload) row->flags |= HR_LROW_REWRITTEN;
    return HR_OK;
}

/* Takes a live row out of its list, as deleted or as expired. */
static hr_status take_out(struct hr_lists *lists, struct hr_lrow *row, uint32_t ref, bool is_popped,
                          bool is_noted, struct hr_err *err)
{
    bool is_dirty = row->flags & (HR_LROW_NEW | HR_LROW_TOUCHED);
    HR_TRY(reserve_dirty(lists, 1, err));
    HR_TRY(reserve_refs(lists, &lists->gone, &lists->gone_capacity, (uint64_t)lists->gone_count + 1,
                        err));
    HR_TRY(reserve_refs(lists, &lists->emptied, &lists->emptied_capacity,
                        (uint64_t)lists->emptied_count + 1, err));
    if (is_noted && !is_dirty) {
        note_dirty(lists, ref, HR_LISTS_NEVER);
        row->flags |= HR_LROW_TOUCHED;
    }
    struct hr_lkey *key = hr_lists_key_of(lists, row);
    unlink_row(lists, key, row);
    note_emptied(lists, key);
    row->flags |= HR_LROW_GONE;
    if (is_popped || !lists->options.ordered) note_gone(lists, row, ref);
    return HR_OK;
}

hr_status hr_lists_delete(struct hr_lists *lists, struct hr_lrow *row, struct hr_err *err)
{
    assert(!(row->flags & HR_LROW_GONE));
    return take_out(lists, row, ref_of(lists, row), false, true, err);
}

/* A due entry: the row goes, or was gone, or has a later time by now. */
static hr_status take_due(struct hr_lists *lists, const struct hr_times_entry *entry,
                          int64_t limit_us, uint32_t *expired, struct hr_err *err)
{
    struct hr_lrow *row = hr_lists_row(lists, entry->ref);
    assert(!(row->flags & HR_LROW_FREEING)); /* its only entry is this one */
    if (row->flags & HR_LROW_GONE) {
        HR_TRY(reserve_refs(lists, &lists->gone, &lists->gone_capacity,
                            (uint64_t)lists->gone_count + 1, err));
        note_gone(lists, row, entry->ref);
        return HR_OK;
    }
    int64_t time_us = time_of(lists, row, entry->time_us);
    if (time_us > limit_us)
        return hr_times_add(&lists->order, slot_of(lists, entry->ref), time_us, entry->ref, err);
    HR_TRY(take_out(lists, row, entry->ref, true, lists->options.time_of != NULL, err));
    row->flags |= HR_LROW_EXPIRED;
    lists->expired[(*expired)++] = row;
    return HR_OK;
}

/* Takes the due rows out of the slots [first, first + count) into lists->expired. */
static hr_status expire_slots(struct hr_lists *lists, uint32_t first, uint32_t count,
                              int64_t limit_us, uint32_t *ret_count, struct hr_err *err)
{
    assert(lists->options.ordered && limit_us != HR_LISTS_NEVER);
    lists->due.count = 0;
    *ret_count = 0;
    HR_TRY(hr_times_advance_slots(&lists->order, first, count, limit_us, &lists->due, err));
    hr_times_sort(&lists->due);
    void *array = lists->expired;
    hr_status status = grow(lists, &array, &lists->expired_capacity, lists->due.count,
                            sizeof *lists->expired, err);
    lists->expired = array;
    HR_TRY(status);
    for (uint32_t i = 0; i < lists->due.count; i++)
        HR_TRY(take_due(lists, &lists->due.entries[i], limit_us, ret_count, err));
    return HR_OK;
}

hr_status hr_lists_expire(struct hr_lists *lists, int64_t limit_us, struct hr_lrow ***ret_rows,
                          uint32_t *ret_count, struct hr_err *err)
{
    HR_TRY(expire_slots(lists, 0, HR_SLOT_COUNT, limit_us, ret_count, err));
    *ret_rows = lists->expired;
    if (*ret_count == 0 || lists->options.time_of) return HR_OK;
    lists->expired_to_us = lists->has_expiry ? HR_MAX(lists->expired_to_us, limit_us) : limit_us;
    lists->has_expiry = true;
    return HR_OK;
}

/* --- Figures ---------------------------------------------------------------------------------- */

uint64_t hr_lists_row_count(const struct hr_lists *lists)
{
    return lists->row_count;
}

uint64_t hr_lists_key_count(const struct hr_lists *lists)
{
    assert(hr_ktable_count(lists->keys) >= lists->empty_keys);
    return hr_ktable_count(lists->keys) - lists->empty_keys;
}

int64_t hr_lists_bytes(const struct hr_lists *lists)
{
    return lists->heap.reserved_bytes + hr_ktable_bytes(lists->keys);
}

/* --- Epochs ----------------------------------------------------------------------------------- */

bool hr_lists_is_dirty(const struct hr_lists *lists)
{
    return lists->dirty_count > 0 || lists->has_expiry;
}

static void remove_emptied(struct hr_lists *lists)
{
    struct hr_err err;
    for (uint32_t i = 0; i < lists->emptied_count; i++) {
        uint8_t *states = hr_ktable_at(lists->keys, lists->emptied[i]);
        struct hr_lkey *key = (struct hr_lkey *)(void *)states;
        key->is_empty = 0;
        if (key->count) continue;
        hr_status status = hr_ktable_delete(lists->keys, states, &err);
        assert(status == HR_OK); /* it is not tracked */
        HR_UNUSED(status);
    }
    lists->emptied_count = 0;
    lists->empty_keys = 0;
}

void hr_lists_end_epoch(struct hr_lists *lists)
{
    for (uint32_t i = 0; i < lists->dirty_count; i++)
        hr_lists_row(lists, lists->dirty[i].ref)->flags &=
            (uint8_t) ~(HR_LROW_NEW | HR_LROW_TOUCHED | HR_LROW_REWRITTEN);
    for (uint32_t i = 0; i < lists->gone_count; i++) {
        uint32_t ref = lists->gone[i];
        struct hr_lrow *row = hr_lists_row(lists, ref);
        hr_heap_free(&lists->heap, slot_of(lists, ref), ref, row_units(row->len));
    }
    if (lists->gone_count) hr_heap_trim(&lists->heap);
    remove_emptied(lists);
    lists->dirty_count = lists->gone_count = 0;
    lists->has_expiry = false;
}

void hr_lists_drop_slot(struct hr_lists *lists, uint32_t slot)
{
    assert(!hr_lists_is_dirty(lists) && lists->gone_count == 0 && lists->emptied_count == 0);
    struct hr_ktable_iter iter;
    uint8_t *states[BLOCK];
    hr_ktable_iter_slots(lists->keys, slot, 1, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, states, BLOCK)) > 0;)
        for (uint32_t i = 0; i < n; i++)
            lists->row_count -= ((struct hr_lkey *)(void *)states[i])->count;
    hr_times_drop_slot(&lists->order, slot);
    hr_heap_drop_slot(&lists->heap, slot);
    hr_ktable_drop_slot(lists->keys, slot);
}

/* --- Deltas -----------------------------------------------------------------------------------
 *
 *   delta  = has expiry u8, [expired up to i64], changes varint, change …
 *   change = op u8, key bytes, id varint,
 *            PUT: marks u8, weight u32, time i64, payload bytes
 *            CHANGE: marks u8, weight u32       REWRITE: the same, time i64, payload bytes
 *
 * The expiry comes first: it is about rows of earlier epochs, whatever the order of the calls was.
 */

static void put_change(const struct hr_lists *lists, const struct hr_lrow *row, enum hr_lists_op op,
                       int64_t time_us, struct hr_buf *out)
{
    struct hr_str_view key = hr_lists_key_bytes(lists, hr_lists_key_of(lists, row));
    hr_buf_put_u8(out, (uint8_t)op);
    hr_buf_put_bytes(out, key.ptr, key.len);
    hr_buf_put_varint(out, row->id);
    if (op == HR_LISTS_DELETE) return;
    hr_buf_put_u8(out, row->flags & HR_LROW_MARKS);
    hr_buf_put_u32(out, (uint32_t)row->weight);
    if (op == HR_LISTS_CHANGE) return;
    hr_buf_put_u64(out, (uint64_t)time_of(lists, row, time_us));
    hr_buf_put_bytes(out, row + 1, row->len);
}

/* What the delta says of a dirty row; -1: nothing. */
static int op_of(const struct hr_lists *lists, const struct hr_lrow *row)
{
    if (row->flags & HR_LROW_GONE) {
        if (row->flags & HR_LROW_NEW) return -1;
        return row->flags & HR_LROW_EXPIRED && !lists->options.time_of ? -1 : HR_LISTS_DELETE;
    }
    if (row->flags & HR_LROW_NEW) return HR_LISTS_PUT;
    return row->flags & HR_LROW_REWRITTEN ? HR_LISTS_REWRITE : HR_LISTS_CHANGE;
}

hr_status hr_lists_put_delta(const struct hr_lists *lists, struct hr_buf *out, struct hr_err *err)
{
    uint64_t count = 0;
    hr_buf_put_u8(out, lists->has_expiry);
    if (lists->has_expiry) hr_buf_put_u64(out, (uint64_t)lists->expired_to_us);
    for (uint32_t i = 0; i < lists->dirty_count; i++)
        count += op_of(lists, hr_lists_row(lists, lists->dirty[i].ref)) >= 0;
    hr_buf_put_varint(out, count);
    for (uint32_t i = 0; i < lists->dirty_count; i++) {
        struct hr_lrow *row = hr_lists_row(lists, lists->dirty[i].ref);
        int op = op_of(lists, row);
        if (op >= 0) put_change(lists, row, (enum hr_lists_op)op, lists->dirty[i].time_us, out);
    }
    return hr_buf_status(out, err);
}

struct place {
    const struct hr_lrow *row;
    int64_t time_us;
};

static int by_key_and_arrival(const void *a, const void *b)
{
    const struct hr_lrow *x = ((const struct place *)a)->row, *y = ((const struct place *)b)->row;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The live rows of a slot and their times, which only the order knows, in the order in which a
 * restored list has to have them. NULL: no memory. */
static struct place *places_of(const struct hr_lists *lists, uint32_t slot, uint64_t *ret_count)
{
    const struct hr_times_slot *s = lists->order.slots[slot];
    uint64_t room = 0, count = 0;
    for (uint32_t b = 0; s && b < HR_TIMES_BUCKETS; b++) room += s->buckets[b].count;
    struct place *places = hr_alloc(sizeof *places * (room + 1));
    for (uint32_t b = 0; places && s && b < HR_TIMES_BUCKETS; b++) {
        for (uint32_t i = 0; i < s->buckets[b].count; i++) {
            struct hr_times_entry entry = s->buckets[b].entries[i];
            const struct hr_lrow *row = hr_lists_row(lists, entry.ref);
            if (!(row->flags & HR_LROW_GONE)) places[count++] = (struct place){row, entry.time_us};
        }
    }
    if (places && count) qsort(places, count, sizeof *places, by_key_and_arrival);
    *ret_count = count;
    return places;
}

/* Writes every live row of the slot. */
static bool put_ordered_slot(const struct hr_lists *lists, uint32_t slot, struct hr_buf *out)
{
    uint64_t count;
    struct place *places = places_of(lists, slot, &count);
    if (!places) return false;
    for (uint64_t i = 0; i < count; i++)
        put_change(lists, places[i].row, HR_LISTS_PUT, places[i].time_us, out);
    hr_free(places);
    return true;
}

/* Rows of the slot; written where out is given. */
static uint64_t walk_slot(const struct hr_lists *lists, uint32_t slot, struct hr_buf *out)
{
    struct hr_ktable_iter iter;
    uint8_t *states[BLOCK];
    uint64_t count = 0;
    hr_ktable_iter_slots(lists->keys, slot, 1, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, states, BLOCK)) > 0;) {
        for (uint32_t i = 0; i < n; i++) {
            struct hr_lkey *key = (struct hr_lkey *)(void *)states[i];
            count += key->count;
            struct hr_lrow *row = out ? hr_lists_first(lists, key) : NULL;
            for (; row; row = hr_lists_next(lists, row))
                put_change(lists, row, HR_LISTS_PUT, HR_LISTS_NEVER, out);
        }
    }
    return count;
}

hr_status hr_lists_put_slots(const struct hr_lists *lists, uint32_t first, uint32_t count,
                             struct hr_buf *out, struct hr_err *err)
{
    assert(first + count <= HR_SLOT_COUNT && !hr_lists_is_dirty(lists));
    uint64_t rows = 0;
    for (uint32_t s = first; s < first + count; s++) rows += walk_slot(lists, s, NULL);
    hr_buf_put_u8(out, 0);
    hr_buf_put_varint(out, rows);
    for (uint32_t s = first; s < first + count; s++) {
        if (!lists->options.ordered)
            walk_slot(lists, s, out);
        else if (!put_ordered_slot(lists, s, out))
            return HR_OOM(err);
    }
    return hr_buf_status(out, err);
}

/* --- Loading ---------------------------------------------------------------------------------- */

bool hr_lists_get_change(struct hr_reader *in, struct hr_lists_change *ret)
{
    *ret = (struct hr_lists_change){.op = (enum hr_lists_op)hr_get_u8(in)};
    ret->key = hr_get_bytes(in);
    uint64_t id = hr_get_varint(in);
    ret->id = (uint32_t)id;
    if (in->failed || ret->op > HR_LISTS_REWRITE || id > UINT32_MAX) return false;
    if (ret->key.len > HR_KROW_KEY_MAX) return false;
    if (ret->op == HR_LISTS_DELETE) return true;
    ret->marks = hr_get_u8(in);
    ret->weight = (int32_t)hr_get_u32(in);
    if (ret->op != HR_LISTS_CHANGE) {
        ret->time_us = (int64_t)hr_get_u64(in);
        ret->payload = hr_get_bytes(in);
    }
    return !in->failed && ret->marks <= HR_LROW_MARKS && ret->payload.len <= HR_LROW_PAYLOAD_MAX;
}

hr_status hr_lists_load_expiry(struct hr_lists *lists, uint32_t first, uint32_t count,
                               int64_t limit_us, struct hr_err *err)
{
    uint32_t expired;
    if (!lists->options.ordered || limit_us == HR_LISTS_NEVER)
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                        "it expires rows that have no time");
    return expire_slots(lists, first, count, limit_us, &expired, err);
}

/* Numbers rise along a list: from the nearer end. */
static struct hr_lrow *find_id(const struct hr_lists *lists, const struct hr_lkey *key, uint32_t id)
{
    if (!key || !key->first) return NULL;
    struct hr_lrow *row = hr_lists_row(lists, key->first);
    struct hr_lrow *last = hr_lists_row(lists, key->last);
    if (last->id - id < id - row->id) {
        for (row = last; row && row->id != id;)
            row = row->prev ? hr_lists_row(lists, row->prev) : NULL;
        return row;
    }
    while (row && row->id != id) row = hr_lists_next(lists, row);
    return row;
}

static hr_status load_put(struct hr_lists *lists, const struct hr_string *view, uint64_t hash,
                          const struct hr_lists_change *change, struct hr_err *err)
{
    uint8_t *states;
    uint32_t ref;
    HR_TRY(make_keys(lists, view, &hash, 1, &states, err));
    struct hr_lkey *key = (struct hr_lkey *)(void *)states;
    HR_TRY(insert(lists, key, hr_hash_slot(hash), change->payload, change->time_us, &ref, err));
    struct hr_lrow *row = hr_lists_row(lists, ref);
    row->id = change->id;
    row->flags = (uint8_t)change->marks;
    row->weight = change->weight;
    key->next_id = HR_MAX(key->next_id, change->id + 1);
    return HR_OK;
}

hr_status hr_lists_load(struct hr_lists *lists, uint64_t hash, const struct hr_lists_change *change,
                        struct hr_err *err)
{
    struct hr_string view = hr_string_make(change->key.ptr, (uint32_t)change->key.len);
    if (change->op == HR_LISTS_PUT) return load_put(lists, &view, hash, change, err);
    struct hr_lkey *key;
    hr_lists_find(lists, &view, &hash, 1, &key);
    struct hr_lrow *row = find_id(lists, key, change->id);
    /* A deleted row may have expired besides, and expiries are loaded first. */
    if (!row && change->op == HR_LISTS_DELETE) return HR_OK;
    if (!row)
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                        "it changes a row that is not there");
    if (change->op == HR_LISTS_DELETE)
        return take_out(lists, row, ref_of(lists, row), false, false, err);
    if (change->op == HR_LISTS_REWRITE) {
        if (change->payload.len != row->len)
            return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                            "a row has changed its length");
        if (row->len) memcpy(hr_lrow_payload(row), change->payload.ptr, row->len);
    }
    row->flags = (row->flags & (uint8_t)~HR_LROW_MARKS) | (uint8_t)change->marks;
    row->weight = change->weight;
    return HR_OK;
}

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_lists_new(const struct hr_lists_options *options, struct hr_lists **ret,
                       struct hr_err *err)
{
    assert(!options->time_of || options->ordered);
    struct hr_lists *lists = hr_zalloc(sizeof *lists);
    if (!lists) return HR_OOM(err);
    lists->options = *options;
    struct hr_ktable_options keys = {
        .states_bytes = sizeof(struct hr_lkey), .by_slot = true, .mem = options->mem};
    hr_status status = hr_heap_init(&lists->heap, true, options->mem, err);
    if (status == HR_OK) status = hr_ktable_new(&keys, &lists->keys, err);
    if (status != HR_OK) {
        hr_heap_done(&lists->heap);
        hr_free(lists);
        return status;
    }
    hr_times_init(&lists->order, &lists->heap);
    *ret = lists;
    return HR_OK;
}

void hr_lists_free(struct hr_lists *lists)
{
    if (!lists) return;
    hr_times_done(&lists->order);
    hr_times_due_done(&lists->order, &lists->due);
    struct hr_slot_heap *heap = &lists->heap;
    hr_heap_give(heap, lists->dirty, lists->dirty_capacity * sizeof *lists->dirty);
    hr_heap_give(heap, lists->gone, lists->gone_capacity * sizeof *lists->gone);
    hr_heap_give(heap, lists->emptied, lists->emptied_capacity * sizeof *lists->emptied);
    hr_heap_give(heap, lists->expired, lists->expired_capacity * sizeof *lists->expired);
    hr_heap_done(heap);
    hr_ktable_free(lists->keys);
    hr_free(lists);
}
