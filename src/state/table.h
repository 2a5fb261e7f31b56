/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed table: what grouping, deduplication, joins and streaming state stand on, and what a
 * checkpoint writes. (The catalog's tables are struct hr_table; this one is struct hr_ktable.)
 *
 *   parts[256]  one per slot of the hash (1 while the table is small)
 *     └ slots[] open addressing, linear: 32 top bits of the hash │ 32 bits row reference
 *   heap        rows, by slot for states (slot_heap.h); a row never moves, so pointers to it stay
 *               valid until deleted
 *     └ row     epoch (4) │ key length + flags (4) │ states (fixed) │ key bytes, zero-padded to 8
 *
 * A row is handed out as a pointer to its states; hr_krow_of() gives the head before it and
 * hr_ktable_key() the key behind it. New rows' states are a copy of the template given at creation.
 *
 * The hash is hr_key_hash() of the key bytes, nothing else: a checkpoint stores keys only. Slots
 * are in hash order within a part, and a part grows alone, so that no growth step moves more than
 * 1/256 of the table.
 *
 * With tracking on, every row touched by upsert is put on a dirty list once an epoch (guarded by
 * the
 * epoch number in the row). A deleted row stays readable, flagged HR_KROW_DELETED, on that list
 * until the epoch ends; its memory is reused after hr_ktable_end_epoch.
 *
 * Memory is reserved from the hr_mem given. One thread at a time.
 */
#ifndef HR_STATE_TABLE_H
#define HR_STATE_TABLE_H

#include "base/hash.h"
#include "expr/function.h"

struct hr_ktable;

/* --- Keys ------------------------------------------------------------------------------------- */

/*
 * Key bytes of one or more columns. Equal in the sense of GROUP BY (NULL = NULL, NaN = NaN,
 * -0.0 = 0.0) means equal bytes. Part of the state format:
 *
 *   one column of ≤ 8 fixed bytes:  the value, little-endian; NULL: no bytes at all
 *   one STRING or BINARY column:    its bytes; NULL: none; '' is FF; a leading FF is doubled
 *   else:  a null bit for each column and each field of a STRUCT (depth first; set: NULL), then the
 *          fixed-width values, then u32 length and bytes of each variable one. Structs are
 *          flattened, arrays and maps written as one variable value. NULLs are zeroes or no bytes.
 */
struct hr_key_codec; /* immutable, in the arena it was made in; shared by tasks */

hr_status hr_key_codec_new(struct hr_arena *arena, const struct hr_type *const *types,
                           uint32_t count, const struct hr_key_codec **ret,
                           struct hr_err *err) HR_CHECKED;

/* Encoded keys of a batch; a task's scratch, reused. Zeroed is valid and empty. */
struct hr_keys {
    struct hr_string *views; /* count key byte strings (short ones inline, as in columns) */
    uint64_t *hashes;        /* hr_key_hash of each */
    uint32_t count;
    uint8_t *nulls; /* any key column NULL in row i (1) or not; only where asked for */
    uint32_t capacity;
    uint8_t *bytes;
    size_t bytes_capacity;
    uint8_t **cursors;
    struct hr_mem *mem; /* accounted here; set before first use */
    int64_t reserved_bytes;
};
void hr_keys_done(struct hr_keys *keys);

enum {
    HR_KEYS_NULLS = 1, /* fill keys->nulls (joins) */
    HR_KEYS_NO_HASH = 2,
    HR_KEYS_EXACT = 4, /* rows, not keys: -0.0 and the bits of a NaN stay what they are */
};
/* Keys of rows[0 … count) (rows NULL: 0 … count-1) of the vectors, one per key column. Views may
 * point into the vectors' strings: valid while both the vectors and keys live unchanged. */
hr_status hr_keys_encode(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                         const uint32_t *rows, uint32_t count, uint32_t flags, struct hr_keys *keys,
                         struct hr_err *err) HR_CHECKED;
/* The other way: one column per key column, memory from arena, strings copied. */
hr_status hr_keys_decode(const struct hr_key_codec *codec, const struct hr_str_view *keys,
                         uint32_t count, struct hr_arena *arena, struct hr_column *ret_columns,
                         struct hr_err *err) HR_CHECKED;

/*
 * The hash of key bytes. Up to 32 bytes are four words, overlapping where the key is short (below 8
 * bytes: one word padded with zeroes), so that lengths cost one branch; longer keys are XXH3.
 */
uint64_t hr_key_hash_long(const void *key, size_t len); /* empty or above HR_KEY_SHORT */
#define HR_KEY_SHORT 32u

HR_INLINE uint64_t hr_key_mix(uint64_t a, uint64_t b)
{
    hr_u128 m = (hr_u128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64) ^ a ^ (b << 32 | b >> 32);
}
/* Of 1 … HR_KEY_SHORT bytes; 8 bytes from p on must be readable, zero behind the key. */
HR_INLINE uint64_t hr_key_hash_short(const char *p, size_t len)
{
    uint64_t first, second, third, last;
    memcpy(&first, p, 8);
    memcpy(&last, p + (len > 8 ? len - 8 : 0), 8);
    second = third = first;
    if (HR_UNLIKELY(len > 16)) {
        memcpy(&second, p + 8, 8);
        memcpy(&third, p + len - 16, 8);
    }
    uint64_t x = hr_key_mix(first ^ 0x9e3779b97f4a7c15ull, last ^ (0xbf58476d1ce4e5b9ull + len));
    uint64_t y = hr_key_mix(second ^ 0xd1b54a32d192ed03ull, third ^ 0x94d049bb133111ebull);
    return hr_key_mix(x ^ 0x2545f4914f6cdd1dull, y ^ 0x9e3779b97f4a7c15ull);
}
HR_INLINE uint64_t hr_key_hash(const void *key, size_t len)
{
    if (HR_UNLIKELY(len - 1 >= HR_KEY_SHORT)) return hr_key_hash_long(key, len);
    char padded[8] = {0};
    if (len < 8) memcpy(padded, key, len);
    return hr_key_hash_short(len < 8 ? padded : (const char *)key, len);
}
HR_INLINE uint64_t hr_key_hash_view(const struct hr_string *key)
{
    if (HR_UNLIKELY(key->len - 1 >= HR_KEY_SHORT))
        return hr_key_hash_long(hr_string_ptr(key), key->len);
    return hr_key_hash_short(hr_string_ptr(key), key->len);
}

/* The reduce partition of a key hash: whole slots go together while there are at most 256. Shuffles
 * and state agree on this. */
HR_INLINE uint32_t hr_key_partition(uint64_t hash, uint32_t partition_count)
{
    if (partition_count <= HR_SLOT_COUNT) return (hr_hash_slot(hash) * partition_count) >> 8;
    return (uint32_t)(((hash >> 32) * partition_count) >> 32);
}

/* --- Rows ------------------------------------------------------------------------------------- */

enum {
    HR_KROW_DELETED = 1, /* gone from the index; readable until the epoch ends */
    HR_KROW_FREE = 2,    /* on a free list: never handed out */
    HR_KROW_USER = 4,    /* the owner's own mark */
};
#define HR_KROW_KEY_MAX ((1u << 28) - 1)

struct hr_krow {
    uint32_t epoch; /* the table's epoch tag when last touched */
    uint32_t key_len : 28;
    uint32_t flags : 4;
};
static_assert(sizeof(struct hr_krow) == 8, "a row's head is 8 bytes");

HR_INLINE struct hr_krow *hr_krow_of(const uint8_t *states)
{
    return (struct hr_krow *)(void *)((uintptr_t)states - sizeof(struct hr_krow));
}

/* --- The table -------------------------------------------------------------------------------- */

struct hr_ktable_options {
    uint32_t states_bytes;      /* of a row; rounded up to 8 */
    const uint8_t *states_init; /* copied into new rows; NULL: zeroes. Copied at creation. */
    bool track_dirty;
    /* Rows of one slot are in memory of that slot: for state, which may leave memory slot by slot.
     * Iteration over all rows then goes by slot; else in order of insertion while none is deleted.
 * */
    bool by_slot;
    struct hr_mem *mem;
    /* Releases what hangs off a row's states: called when the row's memory goes. May be NULL. */
    void (*row_done)(void *arg, uint8_t *states);
    void *arg;
};

hr_status hr_ktable_new(const struct hr_ktable_options *options, struct hr_ktable **ret,
                        struct hr_err *err) HR_CHECKED;
void hr_ktable_free(struct hr_ktable *table); /* NULL is fine */
/* Drops all rows (without noting deletions) and keeps a little memory for the next use. */
void hr_ktable_clear(struct hr_ktable *table);

/* Frees the slot's rows and their memory, without noting deletions; no row may be dirty. For tables
 * by slot: the slot has left memory, or is about to be loaded anew. */
void hr_ktable_drop_slot(struct hr_ktable *table, uint32_t slot);

/* Finds or inserts each key; ret_states[i] is its row. ret_new (may be NULL): 1 where the row was
 * made by this call. On failure some keys may have been inserted with their initial states. */
hr_status hr_ktable_upsert(struct hr_ktable *table, const struct hr_string *keys,
                           const uint64_t *hashes, uint32_t count, uint8_t **ret_states,
                           uint8_t *ret_new, struct hr_err *err) HR_CHECKED;
/* Rows or NULL. Touches nothing. */
void hr_ktable_find(const struct hr_ktable *table, const struct hr_string *keys,
                    const uint64_t *hashes, uint32_t count, uint8_t **ret_states);
/* Marks a row found by other means (find, iteration) as touched in this epoch. */
hr_status hr_ktable_touch(struct hr_ktable *table, uint8_t *states, struct hr_err *err) HR_CHECKED;
/* Takes the row out. Its key and states stay readable until the epoch ends (with tracking), else
 * until the next insertion. Can fail only where tracking needs memory. */
hr_status hr_ktable_delete(struct hr_ktable *table, uint8_t *states, struct hr_err *err) HR_CHECKED;

HR_INLINE struct hr_str_view hr_ktable_key_at(const uint8_t *states, uint32_t states_bytes)
{
    return (struct hr_str_view){(const char *)states + states_bytes, hr_krow_of(states)->key_len};
}
uint32_t hr_ktable_states_bytes(const struct hr_ktable *table); /* rounded up */
HR_INLINE struct hr_str_view hr_ktable_key(const struct hr_ktable *table, const uint8_t *states)
{
    return hr_ktable_key_at(states, hr_ktable_states_bytes(table));
}

/* A row's reference: 32 bits that name it while it lives, for those who link to rows. 0: none. */
uint32_t hr_ktable_ref(const struct hr_ktable *table, const uint8_t *states);
uint8_t *hr_ktable_at(const struct hr_ktable *table, uint32_t ref);

uint64_t hr_ktable_count(const struct hr_ktable *table); /* live rows */
int64_t hr_ktable_bytes(const struct hr_ktable *table);  /* reserved for it */

/* Live rows. Zeroed but for the fields given by init. Rows may be deleted and states changed during
 * an iteration; rows inserted meanwhile may or may not be seen. */
struct hr_ktable_iter {
    const struct hr_ktable *table;
    uint32_t chunk, part, part_end;
    uint64_t pos;
    bool by_slot;
};
void hr_ktable_iter_all(const struct hr_ktable *table, struct hr_ktable_iter *ret);
/* Rows of the slots [first, first + count) in slot order. No deletion meanwhile. */
void hr_ktable_iter_slots(const struct hr_ktable *table, uint32_t first, uint32_t count,
                          struct hr_ktable_iter *ret);
/* Up to max rows; 0: the end. */
uint32_t hr_ktable_iter_next(struct hr_ktable_iter *iter, uint8_t **ret_states, uint32_t max);

/* The dirty list of the current epoch, in order of first touch: rows alive and rows with
 * HR_KROW_DELETED. A key deleted and inserted again is there twice, the deletion first. */
uint32_t hr_ktable_dirty_count(const struct hr_ktable *table);
uint8_t *hr_ktable_dirty(const struct hr_ktable *table, uint32_t index);
/* Starts the next epoch: forgets the dirty list, reuses the memory of deleted rows. */
void hr_ktable_end_epoch(struct hr_ktable *table);

#endif
