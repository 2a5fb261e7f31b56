/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows by slot (slot_heap.h).
 *
 * Chunks of a slot begin at 256 bytes, for there are 256 slots and most states are small; each
 * further one is a third of what the slot has, up to 2 MiB, so that at most a quarter of a state is
 * unused. A heap that is not by slot begins at 4 KiB and goes fourfold to 16 MiB. A row that does
 * not fit in the open chunk opens the next; one larger than any chunk gets its own, and the open
 * one stays open.
 */
#include "state/slot_heap.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#define SHARED_BITS      21u
#define SHARED_MIN_BYTES 4096u
#define SLOT_BITS        18u
#define SLOT_MIN_BYTES   256u
#define IDLE_MIN_BYTES   4096u /* of a slot: less is kept for the rows to come */
#define LARGE_BYTES      ((size_t)2 << 20)
#define EXACT_UNITS      128u /* rows up to 1 KiB have a free list for each size */
#define CLASS_COUNT      (EXACT_UNITS + 4 * 21 + 1)

/* --- Accounted memory ------------------------------------------------------------------------- */

static hr_status reserve(struct hr_slot_heap *heap, int64_t bytes, struct hr_err *err)
{
    HR_TRY(hr_mem_reserve(heap->mem, bytes, err));
    heap->reserved_bytes += bytes;
    return HR_OK;
}

static void release(struct hr_slot_heap *heap, int64_t bytes)
{
    hr_mem_release(heap->mem, bytes);
    heap->reserved_bytes -= bytes;
    assert(heap->reserved_bytes >= 0);
}

hr_status hr_heap_take(struct hr_slot_heap *heap, size_t bytes, bool zero, void **ret,
                       struct hr_err *err)
{
    assert(bytes > 0);
    HR_TRY(reserve(heap, (int64_t)bytes, err));
    bool large = bytes >= LARGE_BYTES;
    void *memory = zero && !large ? hr_zalloc(bytes)
                   : bytes < 4096 ? hr_alloc(bytes)
                                  : hr_alloc_aligned(bytes);
    if (!memory) {
        release(heap, (int64_t)bytes);
        return HR_OOM(err);
    }
    if (large) {
        uintptr_t start = ((uintptr_t)memory + 0x1fffff) & ~(uintptr_t)0x1fffff;
        uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)0x1fffff;
        if (start < end) (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
        if (zero) memset(memory, 0, bytes);
    }
    *ret = memory;
    return HR_OK;
}

void hr_heap_give(struct hr_slot_heap *heap, void *memory, size_t bytes)
{
    if (!memory) return;
    hr_free(memory);
    release(heap, (int64_t)bytes);
}

hr_status hr_heap_grow(struct hr_slot_heap *heap, void **array, uint32_t *capacity, uint64_t needed,
                       uint32_t size, struct hr_err *err)
{
    assert(size > 0);
    if (needed <= *capacity) return HR_OK;
    uint64_t more = HR_MAX((uint64_t)*capacity + *capacity / 2, 8);
    more = HR_MAX(more, needed);
    if (more > UINT32_MAX) return HR_RAISE(err, HR_E_LIMIT, "what", "a state", "limit", "2^32");
    int64_t added = (int64_t)(more - *capacity) * size;
    HR_TRY(reserve(heap, added, err));
    void *bigger = hr_realloc(*array, more * size);
    if (!bigger) {
        release(heap, added);
        return HR_OOM(err);
    }
    *array = bigger;
    *capacity = (uint32_t)more;
    return HR_OK;
}

/* --- Chunks ----------------------------------------------------------------------------------- */

static size_t chunk_bytes(const struct hr_slot_heap *heap, const struct hr_heap_slot *s)
{
    size_t max = (size_t)HR_HEAP_UNIT << heap->bits;
    if (heap->by_slot)
        return HR_MIN(HR_MAX((size_t)SLOT_MIN_BYTES, s->bytes / 3 & ~(size_t)63), max);
    return s->chunk_count < 6 ? (size_t)SHARED_MIN_BYTES << (2 * s->chunk_count) : max;
}

/* A number for a new chunk: a free one, or the next. */
static hr_status chunk_number(struct hr_slot_heap *heap, uint32_t *ret, struct hr_err *err)
{
    if (heap->free_numbers) {
        uint32_t c = 0;
        while (heap->bases[c]) c++;
        assert(c < heap->chunk_count);
        *ret = c;
        return HR_OK;
    }
    if (heap->chunk_count == 1u << (32 - heap->bits))
        return HR_RAISE(err, HR_E_LIMIT, "what", "a keyed table", "limit", "32 GiB");
    if (heap->chunk_count == heap->chunk_capacity) {
        uint32_t capacity = heap->chunk_capacity ? heap->chunk_capacity * 2 : 8;
        uint8_t **bases = hr_realloc(heap->bases, capacity * sizeof *bases);
        if (!bases) return HR_OOM(err);
        heap->bases = bases;
        struct hr_heap_chunk *chunks = hr_realloc(heap->chunks, capacity * sizeof *chunks);
        if (!chunks) return HR_OOM(err);
        heap->chunks = chunks;
        heap->chunk_capacity = capacity;
    }
    *ret = heap->chunk_count;
    return HR_OK;
}

/* A chunk of the slot that holds at least units. */
static hr_status add_chunk(struct hr_slot_heap *heap, uint32_t slot, uint32_t units,
                           uint32_t *ret_chunk, struct hr_err *err)
{
    struct hr_heap_slot *s = &heap->slots[slot];
    uint32_t c;
    HR_TRY(chunk_number(heap, &c, err));
    size_t bytes = chunk_bytes(heap, s);
    uint32_t first = c == 0; /* reference 0 is no row */
    bool own = (size_t)(units + first) * HR_HEAP_UNIT > bytes;
    if (own) bytes = (size_t)(units + first) * HR_HEAP_UNIT;
    void *base;
    HR_TRY(hr_heap_take(heap, bytes, false, &base, err));
    if (c == heap->chunk_count)
        heap->chunk_count++;
    else
        heap->free_numbers--;
    heap->bases[c] = base;
    heap->chunks[c] = (struct hr_heap_chunk){
        .used = first, .capacity = (uint32_t)(bytes / HR_HEAP_UNIT), .slot = slot};
    s->chunk_count++;
    s->bytes += bytes;
    s->idle_bytes += bytes;
    if (!own || s->open_chunk == HR_HEAP_NO_CHUNK) s->open_chunk = c;
    *ret_chunk = c;
    return HR_OK;
}

static void drop_chunk(struct hr_slot_heap *heap, uint32_t c)
{
    if (!heap->bases[c]) return;
    hr_heap_give(heap, heap->bases[c], (size_t)heap->chunks[c].capacity * HR_HEAP_UNIT);
    heap->bases[c] = NULL;
    heap->chunks[c] = (struct hr_heap_chunk){0};
    heap->free_numbers++;
}

/* --- Rows ------------------------------------------------------------------------------------- */

static uint32_t rounded(uint32_t units, uint32_t *ret_class)
{
    if (units <= EXACT_UNITS) {
        *ret_class = units;
        return units;
    }
    /* up to a quarter of a power of two */
    uint32_t log2 = 31 - (uint32_t)__builtin_clz(units - 1);
    uint32_t step = 1u << (log2 - 2);
    units = (units + step - 1) & ~(step - 1);
    *ret_class = EXACT_UNITS + (log2 - 7) * 4 + (units / step - 4);
    assert(*ret_class < CLASS_COUNT);
    return units;
}

uint32_t hr_heap_units(uint32_t units)
{
    uint32_t class;
    return rounded(units, &class);
}

static size_t bytes_of(const struct hr_heap_chunk *chunk)
{
    return (size_t)chunk->capacity * HR_HEAP_UNIT;
}

static void add_live(struct hr_slot_heap *heap, uint32_t c, uint32_t units)
{
    struct hr_heap_chunk *chunk = &heap->chunks[c];
    if (chunk->live == 0) heap->slots[chunk->slot].idle_bytes -= bytes_of(chunk);
    chunk->live += units;
}

static void take_live(struct hr_slot_heap *heap, uint32_t c, uint32_t units)
{
    struct hr_heap_chunk *chunk = &heap->chunks[c];
    assert(chunk->live >= units);
    chunk->live -= units;
    if (chunk->live == 0) heap->slots[chunk->slot].idle_bytes += bytes_of(chunk);
}

hr_status hr_heap_alloc(struct hr_slot_heap *heap, uint32_t slot, uint32_t units, uint32_t *ret_ref,
                        struct hr_err *err)
{
    assert(units > 0 && slot < HR_SLOT_COUNT);
    slot = hr_heap_slot_index(heap, slot);
    struct hr_heap_slot *s = &heap->slots[slot];
    if (s->free_rows) {
        uint32_t class, whole = rounded(units, &class);
        assert(whole == units);
        HR_UNUSED(whole);
        uint32_t ref = s->free_rows[class];
        if (ref) {
            memcpy(&s->free_rows[class], hr_heap_at(heap, ref), sizeof ref);
            add_live(heap, ref >> heap->bits, units);
            *ret_ref = ref;
            return HR_OK;
        }
    }
    uint32_t c = s->open_chunk;
    if (c == HR_HEAP_NO_CHUNK || heap->chunks[c].capacity - heap->chunks[c].used < units)
        HR_TRY(add_chunk(heap, slot, units, &c, err));
    assert(heap->chunks[c].slot == slot);
    *ret_ref = c << heap->bits | heap->chunks[c].used;
    heap->chunks[c].used += units;
    add_live(heap, c, units);
    assert(heap->chunks[c].used <= heap->chunks[c].capacity && *ret_ref != 0);
    return HR_OK;
}

void hr_heap_free(struct hr_slot_heap *heap, uint32_t slot, uint32_t ref, uint32_t units)
{
    assert(ref != 0 && heap->bases[ref >> heap->bits]);
    slot = hr_heap_slot_index(heap, slot);
    assert(heap->chunks[ref >> heap->bits].slot == slot);
    struct hr_heap_slot *s = &heap->slots[slot];
    take_live(heap, ref >> heap->bits, units);
    if (!s->free_rows) {
        void *lists;
        struct hr_err err;
        /* Without memory for the lists the row's memory waits until its slot is dropped. */
        if (hr_heap_take(heap, CLASS_COUNT * sizeof(uint32_t), true, &lists, &err) != HR_OK) return;
        s->free_rows = lists;
    }
    uint32_t class, whole = rounded(units, &class);
    assert(whole == units);
    HR_UNUSED(whole);
    memcpy(hr_heap_at(heap, ref), &s->free_rows[class], sizeof ref);
    s->free_rows[class] = ref;
}

static void reset_slot(struct hr_slot_heap *heap, struct hr_heap_slot *s)
{
    hr_heap_give(heap, s->free_rows, CLASS_COUNT * sizeof(uint32_t));
    *s = (struct hr_heap_slot){.open_chunk = HR_HEAP_NO_CHUNK};
}

void hr_heap_drop_slot(struct hr_slot_heap *heap, uint32_t slot)
{
    assert(heap->by_slot && slot < HR_SLOT_COUNT);
    struct hr_heap_slot *s = &heap->slots[slot];
    uint32_t left = s->chunk_count;
    for (uint32_t c = 0; c < heap->chunk_count && left; c++) {
        if (!heap->bases[c] || heap->chunks[c].slot != slot) continue;
        drop_chunk(heap, c);
        left--;
    }
    assert(left == 0);
    reset_slot(heap, s);
}

static bool is_worth_trimming(const struct hr_heap_slot *s)
{
    return s->idle_bytes >= IDLE_MIN_BYTES && s->idle_bytes >= s->bytes / 4;
}

/* Takes the rows of chunks without a live one off the slot's free lists. */
static void forget_idle_rows(struct hr_slot_heap *heap, struct hr_heap_slot *s)
{
    for (uint32_t class = 0; s->free_rows && class < CLASS_COUNT; class++) {
        uint32_t kept = 0, next;
        for (uint32_t ref = s->free_rows[class]; ref; ref = next) {
            memcpy(&next, hr_heap_at(heap, ref), sizeof next);
            if (heap->chunks[ref >> heap->bits].live == 0) continue;
            memcpy(hr_heap_at(heap, ref), &kept, sizeof kept);
            kept = ref;
        }
        s->free_rows[class] = kept;
    }
}

void hr_heap_trim(struct hr_slot_heap *heap)
{
    assert(heap->by_slot);
    bool any = false;
    for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) {
        if (!is_worth_trimming(&heap->slots[i])) continue;
        forget_idle_rows(heap, &heap->slots[i]);
        heap->slots[i].is_trimmed = any = true;
    }
    for (uint32_t c = 0; any && c < heap->chunk_count; c++) {
        struct hr_heap_slot *s = &heap->slots[heap->chunks[c].slot];
        if (!heap->bases[c] || !s->is_trimmed || heap->chunks[c].live) continue;
        s->bytes -= bytes_of(&heap->chunks[c]);
        s->idle_bytes -= bytes_of(&heap->chunks[c]);
        s->chunk_count--;
        if (s->open_chunk == c) s->open_chunk = HR_HEAP_NO_CHUNK;
        drop_chunk(heap, c);
    }
    for (uint32_t i = 0; any && i < HR_SLOT_COUNT; i++) {
        struct hr_heap_slot *s = &heap->slots[i];
        s->is_trimmed = false;
        if (s->chunk_count == 0 && s->free_rows) reset_slot(heap, s);
    }
}

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_heap_init(struct hr_slot_heap *heap, bool by_slot, struct hr_mem *mem,
                       struct hr_err *err)
{
    uint32_t bits = by_slot ? SLOT_BITS : SHARED_BITS;
    *heap = (struct hr_slot_heap){
        .bits = bits, .mask = (1u << bits) - 1, .by_slot = by_slot, .mem = mem};
    heap->single.open_chunk = HR_HEAP_NO_CHUNK;
    heap->slots = &heap->single;
    if (!by_slot) return HR_OK;
    void *slots;
    HR_TRY(hr_heap_take(heap, HR_SLOT_COUNT * sizeof *heap->slots, true, &slots, err));
    heap->slots = slots;
    for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) heap->slots[i].open_chunk = HR_HEAP_NO_CHUNK;
    return HR_OK;
}

void hr_heap_clear(struct hr_slot_heap *heap)
{
    uint32_t keep = heap->by_slot || heap->chunk_count == 0 || !heap->bases[0] ? 0 : 1;
    for (uint32_t c = keep; c < heap->chunk_count; c++) drop_chunk(heap, c);
    heap->chunk_count = keep;
    heap->free_numbers = 0;
    uint32_t count = heap->by_slot ? HR_SLOT_COUNT : 1;
    for (uint32_t i = 0; i < count; i++) reset_slot(heap, &heap->slots[i]);
    if (!keep) return;
    heap->chunks[0].used = 1;
    heap->chunks[0].live = 0;
    heap->slots[0].open_chunk = 0;
    heap->slots[0].chunk_count = 1;
    heap->slots[0].bytes = heap->slots[0].idle_bytes = bytes_of(&heap->chunks[0]);
}

void hr_heap_done(struct hr_slot_heap *heap)
{
    if (!heap->slots) return;
    hr_heap_clear(heap);
    if (heap->chunk_count) drop_chunk(heap, 0);
    if (heap->by_slot) hr_heap_give(heap, heap->slots, HR_SLOT_COUNT * sizeof *heap->slots);
    hr_free(heap->bases);
    hr_free(heap->chunks);
    assert(heap->reserved_bytes == 0);
    *heap = (struct hr_slot_heap){0};
}
