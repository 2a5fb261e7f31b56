/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of rows, by slot: what the keyed table and the lists keep their rows in.
 *
 *   slot s ── chunk, chunk, …     each chunk belongs to one slot and holds rows of that slot only
 *
 * So the rows of one slot can leave memory, be written or be read again without touching another
 * slot's. A table that is no state (grouping, joins of a batch) has one heap for all slots instead,
 * with larger chunks: it is filled once, read once and dropped.
 *
 * A row is named by a reference of 32 bits: chunk number and offset in units of 8 bytes. Rows never
 * move. Reference 0 is no row. Freed rows are listed by size in their own slot and linked through
 * their first four bytes: the rest stays, so that an owner can still step over them.
 *
 * Memory is reserved from the hr_mem given. One thread at a time.
 */
#ifndef HR_STATE_SLOT_HEAP_H
#define HR_STATE_SLOT_HEAP_H

#include "base/alloc.h"
#include "base/hash.h"

#define HR_HEAP_UNIT 8u

struct hr_heap_chunk {
    uint32_t used, capacity; /* units */
    uint32_t slot;           /* whose it is; 0 in a heap that is not by slot */
    uint32_t live;           /* units of its rows that are not freed */
};

struct hr_heap_slot {
    uint32_t open_chunk; /* where rows are added; HR_HEAP_NO_CHUNK: none yet */
    uint32_t chunk_count;
    size_t bytes;        /* of its chunks */
    size_t idle_bytes;   /* of those without a live row */
    bool is_trimmed;     /* while hr_heap_trim runs */
    uint32_t *free_rows; /* reference by size class; made when the first row is freed */
};
#define HR_HEAP_NO_CHUNK UINT32_MAX

struct hr_slot_heap {
    uint8_t **bases;     /* chunk number → address; NULL: the number is free */
    uint32_t bits, mask; /* of a reference: the offset within the chunk */
    bool by_slot;
    struct hr_heap_chunk *chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t free_numbers;      /* chunk numbers below chunk_count without a chunk */
    struct hr_heap_slot *slots; /* HR_SLOT_COUNT of them, or &single */
    struct hr_heap_slot single;
    int64_t reserved_bytes; /* by this heap and by hr_heap_take */
    struct hr_mem *mem;
};

hr_status hr_heap_init(struct hr_slot_heap *heap, bool by_slot, struct hr_mem *mem,
                       struct hr_err *err) HR_CHECKED;
void hr_heap_done(struct hr_slot_heap *heap);
/* Forgets all rows and keeps the first chunk of a heap that is not by slot for the next use. */
void hr_heap_clear(struct hr_slot_heap *heap);

HR_INLINE void *hr_heap_at(const struct hr_slot_heap *heap, uint32_t ref)
{
    return heap->bases[ref >> heap->bits] + ((uint64_t)(ref & heap->mask) << 3);
}
HR_INLINE uint32_t hr_heap_slot_index(const struct hr_slot_heap *heap, uint32_t slot)
{
    return heap->by_slot ? slot : 0;
}

/* Units that a row of so many takes: large ones are rounded up, so that freed rows find a new
 * tenant. */
uint32_t hr_heap_units(uint32_t units);
/* Memory for a row of `units` (already rounded by hr_heap_units) in the slot. Not zeroed. */
hr_status hr_heap_alloc(struct hr_slot_heap *heap, uint32_t slot, uint32_t units, uint32_t *ret_ref,
                        struct hr_err *err) HR_CHECKED;
void hr_heap_free(struct hr_slot_heap *heap, uint32_t slot, uint32_t ref, uint32_t units);
/* Gives back chunks that have no live row, of slots where these are a quarter of the memory and
 * worth it: then the search for their freed rows costs no more than freeing them did. For heaps by
 * slot whose owner keeps no reference to a freed row. */
void hr_heap_trim(struct hr_slot_heap *heap);
/* Gives back all memory of the slot's rows. */
void hr_heap_drop_slot(struct hr_slot_heap *heap, uint32_t slot);

/* Accounted memory beside the rows (indexes, lists). Zeroed where asked; large pieces ask for huge
 * pages. */
hr_status hr_heap_take(struct hr_slot_heap *heap, size_t bytes, bool zero, void **ret,
                       struct hr_err *err) HR_CHECKED;
void hr_heap_give(struct hr_slot_heap *heap, void *memory, size_t bytes);
/* Grows an accounted array of `size`-byte elements so that *capacity is at least `needed`. */
hr_status hr_heap_grow(struct hr_slot_heap *heap, void **array, uint32_t *capacity, uint64_t needed,
                       uint32_t size, struct hr_err *err) HR_CHECKED;

#endif
