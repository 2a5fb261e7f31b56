/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns and batches: the only form in which rows move.
 *
 *   batch ─ schema (STRUCT type)
 *         ├ row_count physical rows
 *         ├ sel: numbers of the live rows, ascending (NULL: all)      ← a filter makes only this
 *         ├ weights: signed multiplicities (NULL: all +1)
 *         └ columns[] ─ validity: 1 bit a row, 64-bit words (NULL: all valid)
 *                      ├ values:   fixed width │ bits │ struct hr_string │ int32 offsets
 *                      └ children[]
 *
 * Arrow's columnar layout, except that a string view holds a pointer instead of buffer number and
 * offset (export rewrites it). Strings point into bytes that the batch holds a reference on.
 *
 * Ownership: a batch is reference-counted as a whole and immutable once published (returned from
 * the function that built it). Its memory is its arena, plus references on buffers and other
 * batches (hr_batch_hold_…): a projection that passes a column through holds the batch it came
 * from. References may be taken and dropped on any thread; building belongs to one.
 *
 * Slack: value arrays are 64-byte aligned and padded to 64 bytes, validity and bit values to whole
 * words whose bits past the end are unspecified. Imported and sliced arrays are aligned to their
 * width only and end with their last value, so nothing reads or aligns beyond that. Values of NULL
 * rows are unspecified but readable; strings of NULL rows are valid empty strings unless stated.
 */
#ifndef HR_COLUMN_COLUMN_H
#define HR_COLUMN_COLUMN_H

#include <stdatomic.h>

#include "column/type.h"

/* 16-byte string view. Up to 12 bytes are kept inline, else the first 4 bytes and a pointer. Unused
 * inline bytes are zero, so that short strings compare as two words. */
struct hr_string {
    uint32_t len;
    union {
        char inlined[12];
        struct {
            char prefix[4];
            const char *ptr;
        } __attribute__((packed, aligned(4)));
    };
};
static_assert(sizeof(struct hr_string) == 16, "string views are 16 bytes");
#define HR_STRING_INLINE 12

HR_INLINE const char *hr_string_ptr(const struct hr_string *s)
{
    return s->len <= HR_STRING_INLINE ? s->inlined : s->ptr;
}
HR_INLINE struct hr_str_view hr_string_view(const struct hr_string *s)
{
    return (struct hr_str_view){hr_string_ptr(s), s->len};
}
/* The first 12 bytes of a short string as two words, zero behind it: overlapping loads, no call. */
HR_INLINE void hr_string_load_(const char *ptr, uint32_t len, uint64_t *ret_low, uint64_t *ret_high)
{
    uint64_t low = 0, high = 0;
    if (len >= 8) {
        memcpy(&low, ptr, 8);
        memcpy(&high, ptr + len - 8, 8);
        high = high >> (8 * (15 - len)) >> 8; /* in two steps: 64 at once is undefined */
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, ptr, 4);
        memcpy(&last, ptr + len - 4, 4);
        low = first | (uint64_t)last << (8 * (len - 4));
    } else if (len) {
        const uint8_t *p = (const uint8_t *)ptr;
        low = p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) |
              (uint64_t)p[len - 1] << (8 * (len - 1));
    }
    *ret_low = low;
    *ret_high = high;
}
/* View over bytes that outlive it; copies them when they fit inline. */
HR_INLINE struct hr_string hr_string_make(const char *ptr, uint32_t len)
{
    struct hr_string s;
    if (HR_LIKELY(len <= HR_STRING_INLINE)) {
        uint64_t low, high;
        hr_string_load_(ptr, len, &low, &high);
        uint64_t words[2] = {len | low << 32, low >> 32 | high << 32};
        memcpy(&s, words, sizeof s);
    } else {
        s.len = len;
        memcpy(s.prefix, ptr, 4);
        s.ptr = ptr;
    }
    return s;
}
HR_INLINE bool hr_string_eq(const struct hr_string *a, const struct hr_string *b)
{
    uint64_t a0, b0;
    memcpy(&a0, a, 8);
    memcpy(&b0, b, 8);
    if (a0 != b0) return false; /* length and first four bytes */
    if (a->len <= HR_STRING_INLINE) return memcmp(a->inlined + 4, b->inlined + 4, 8) == 0;
    return a->ptr == b->ptr || memcmp(a->ptr, b->ptr, a->len) == 0;
}
int hr_string_cmp(const struct hr_string *a, const struct hr_string *b); /* unsigned bytes */

struct hr_column {
    const struct hr_type *type;
    uint32_t length;          /* rows */
    const uint64_t *validity; /* bit set: not NULL; NULL pointer: all valid */
    const void *values;
    struct hr_column *children; /* type->field_count of them */
};

HR_INLINE bool hr_bit_get(const uint64_t *bits, uint32_t i)
{
    return (bits[i >> 6] >> (i & 63)) & 1;
}
HR_INLINE void hr_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i >> 6] |= UINT64_C(1) << (i & 63);
}
HR_INLINE void hr_bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}
HR_INLINE void hr_bit_put(uint64_t *bits, uint32_t i, bool v)
{
    bits[i >> 6] = (bits[i >> 6] & ~(UINT64_C(1) << (i & 63))) | ((uint64_t)v << (i & 63));
}
/* Bits from (bit src_at) to (bit dst_at), count of them; a NULL src is all ones. */
void hr_bit_copy(uint64_t *dst, uint32_t dst_at, const uint64_t *src, uint32_t src_at,
                 uint32_t count);
HR_INLINE size_t hr_bit_words(size_t bits)
{
    return (bits + 63) / 64;
}
HR_INLINE bool hr_column_valid(const struct hr_column *col, uint32_t row)
{
    return !col->validity || hr_bit_get(col->validity, row);
}
/* col is of type NULL when type->id == HR_T_NULL: all rows NULL whatever validity says; builders
 * give such columns an all-zero validity. */

/* Reference-counted bytes that string views point into (file blocks, Kafka messages, sockets). */
struct hr_buffer {
    _Atomic uint32_t refs;
    size_t size;
    char *data;
    void (*free_fn)(struct hr_buffer *); /* frees data and struct; NULL: hr_free of the struct */
    void *owner;                         /* for free_fn */
};
/* One block: the struct and size bytes with 64 bytes of readable slack behind. NULL: no memory. */
struct hr_buffer *hr_buffer_new(size_t size);
struct hr_buffer *hr_buffer_ref(struct hr_buffer *buffer);
void hr_buffer_unref(struct hr_buffer *buffer); /* NULL is fine */

/* What a record of a source is: a row, or a change of a row in an envelope. */
enum hr_envelope { HR_ENVELOPE_NONE, HR_ENVELOPE_DEBEZIUM };

struct hr_batch_hold;

struct hr_batch {
    _Atomic uint32_t refs;
    const struct hr_type *schema; /* STRUCT */
    uint32_t row_count;           /* physical rows; columns[i].length */
    uint32_t sel_count;           /* live rows; == row_count when sel is NULL */
    const uint32_t *sel;          /* NULL: all rows live */
    const int32_t *weights;       /* by physical row; NULL: all +1 */
    struct hr_column *columns;    /* schema->field_count */
    struct hr_arena arena;
    struct hr_batch_hold *holds;
};

/* A batch under construction: columns zeroed (the caller fills them), refs 1. mem may be NULL. */
struct hr_batch *hr_batch_new(const struct hr_type *schema, uint32_t row_count, struct hr_mem *mem);
struct hr_batch *hr_batch_ref(struct hr_batch *batch);
void hr_batch_unref(struct hr_batch *batch); /* NULL is fine */
/* Keeps the other alive as long as batch lives. false: out of memory. */
bool hr_batch_hold_batch(struct hr_batch *batch, struct hr_batch *other);
bool hr_batch_hold_buffer(struct hr_batch *batch, struct hr_buffer *buffer);

/* Same columns, fewer live rows: sel (ascending physical row numbers) is copied. */
struct hr_batch *hr_batch_with_sel(struct hr_batch *batch, const uint32_t *sel, uint32_t sel_count);
/* The same without the copy: a batch under construction with room for capacity row numbers in
 * *ret_sel and sel_count 0; the caller writes them and sets sel_count. */
struct hr_batch *hr_batch_new_sel(struct hr_batch *batch, uint32_t capacity, uint32_t **ret_sel);
/* Columns `indexes` of batch under another schema, sharing memory and selection. */
struct hr_batch *hr_batch_project(struct hr_batch *batch, const struct hr_type *schema,
                                  const uint32_t *indexes);
/* The columns of batch with more of schema behind them, which the caller makes; sharing memory and
 * selection. */
struct hr_batch *hr_batch_widen(struct hr_batch *batch, const struct hr_type *schema);
/* A batch without selection holding copies of the live rows (or batch itself, re-referenced, when
 * it has no selection). String bytes are not copied unless deep. */
struct hr_batch *hr_batch_compact(struct hr_batch *batch, bool deep);
/* Rows [offset, offset+count) of the live rows. */
struct hr_batch *hr_batch_slice(struct hr_batch *batch, uint32_t offset, uint32_t count);
/* One batch of all live rows of several of one schema. deep: string bytes are copied too. */
struct hr_batch *hr_batch_concat(struct hr_batch *const *batches, uint32_t count,
                                 const struct hr_type *schema, bool deep);

/* Allocates col's buffers in the arena for length rows: values (uninitialised), validity only
 * where with_validity (set to all ones). Nested types: the offsets, of which the first is 0, and
 * the array of children with their types set; filling the children is the caller's. */
hr_status hr_column_alloc(struct hr_arena *arena, const struct hr_type *type, uint32_t length,
                          bool with_validity, struct hr_column *ret, struct hr_err *err) HR_CHECKED;
/* All rows NULL. */
hr_status hr_column_nulls(struct hr_arena *arena, const struct hr_type *type, uint32_t length,
                          struct hr_column *ret, struct hr_err *err) HR_CHECKED;
/* rows[i] of src for i < count, UINT32_MAX giving NULL. Strings share their bytes. */
hr_status hr_column_take(struct hr_arena *arena, const struct hr_column *src, const uint32_t *rows,
                         uint32_t count, struct hr_column *ret, struct hr_err *err) HR_CHECKED;
uint32_t hr_column_null_count(const struct hr_column *col);

/* The order of SQL: NULLs first, NaN above all, nested types field by field. Any type. Less, equal,
 * greater: < 0, 0, > 0. */
int hr_column_compare(const struct hr_column *a, uint32_t a_row, const struct hr_column *b,
                      uint32_t b_row);
/* Equal in the sense of grouping: NULL = NULL, NaN = NaN, -0.0 = 0.0. */
bool hr_column_equal(const struct hr_column *a, uint32_t a_row, const struct hr_column *b,
                     uint32_t b_row);
/* hash[i] = combine(hash[i], value at rows[i]) for grouping and shuffles; equal values, equal
 * hashes. rows NULL: 0 … count-1. Part of the state format. */
void hr_column_hash(const struct hr_column *col, const uint32_t *rows, uint32_t count,
                    uint64_t *hash);

/* Checks every invariant above; for debug builds between operators and for foreign batches. */
hr_status hr_batch_verify(const struct hr_batch *batch, struct hr_err *err) HR_CHECKED;

/* Spark's cast of one value to STRING (NULL prints as "null" inside nested values; the caller
 * handles a NULL at the top). tz for TIMESTAMP. */
struct hr_tz;
void hr_column_print(const struct hr_column *col, uint32_t row, const struct hr_tz *tz,
                     struct hr_buf *out);
/* A physical row as a JSON array: the same texts, cut behind value_max bytes, or null. value is the
 * caller's scratch, so that rows share one. */
void hr_batch_print_json(const struct hr_batch *batch, uint32_t row, const struct hr_tz *tz,
                         size_t value_max, struct hr_buf *value, struct hr_buf *out);

#endif
