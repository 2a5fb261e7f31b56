/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: memory of one lifetime (a plan, a batch, an epoch), freed at once. Passed explicitly,
 * never ambient. In AddressSanitizer builds every allocation is a malloc of its own, so that an
 * overrun is caught. Belongs to one thread at a time.
 */
#ifndef HR_BASE_ARENA_H
#define HR_BASE_ARENA_H

#include "base/alloc.h"
#include "base/str.h"

struct hr_arena_chunk;
struct hr_arena_cleanup;

struct hr_arena {
    char *pos, *end;
    struct hr_arena_chunk *chunks;
    struct hr_arena_cleanup *cleanups;
    struct hr_mem *mem;    /* accounted here; may be NULL */
    size_t chunk_bytes;    /* size of the next chunk: doubles up to 1 MiB */
    size_t total_bytes;
};

/* A zeroed arena is valid and empty. mem may be NULL. Takes nothing until first used. */
void hr_arena_init(struct hr_arena *arena, struct hr_mem *mem);
/* Runs the cleanups, last registered first, and frees everything. */
void hr_arena_done(struct hr_arena *arena);
/* As done, but keeps one chunk for the next use. */
void hr_arena_reset(struct hr_arena *arena);

/* 16-byte aligned; NULL when out of memory or over the budget. */
void *hr_arena_alloc(struct hr_arena *arena, size_t size);
void *hr_arena_zalloc(struct hr_arena *arena, size_t size);
/* 64-byte aligned, and the size rounded up to 64: for column values read by vector kernels. */
void *hr_arena_alloc_aligned(struct hr_arena *arena, size_t size);
/* NUL-terminated copies. NULL on failure. */
char *hr_arena_strdup(struct hr_arena *arena, const char *text);
char *hr_arena_strndup(struct hr_arena *arena, const char *text, size_t len);
char *hr_arena_printf(struct hr_arena *arena, const char *fmt, ...) HR_PRINTF(2, 3);
void *hr_arena_memdup(struct hr_arena *arena, const void *data, size_t size);
/* A longer array: copies old_count items into a fresh one. NULL on failure. */
void *hr_arena_grow(struct hr_arena *arena, const void *items, size_t old_bytes, size_t new_bytes);

/* fn(arg) is called when the arena is done or reset. */
hr_status hr_arena_on_done(struct hr_arena *arena, void (*fn)(void *), void *arg,
                           struct hr_err *err) HR_CHECKED;

#define HR_NEW(arena, type) ((type *)hr_arena_zalloc((arena), sizeof(type)))
#define HR_NEW_ARRAY(arena, type, count) \
    ((type *)hr_arena_zalloc((arena), sizeof(type) * (size_t)(count)))

/* Growable array in an arena: struct { T *items; uint32_t count, capacity; }. */
#define HR_VEC(type)              \
    struct {                      \
        type *items;              \
        uint32_t count, capacity; \
    }
/* Appends item; evaluates to false when out of memory. */
#define HR_VEC_PUSH(arena, vec, item)                                                      \
    (((vec)->count < (vec)->capacity ||                                                    \
      hr_vec_grow_((arena), (void **)&(vec)->items, &(vec)->capacity, sizeof(*(vec)->items))) \
         ? ((vec)->items[(vec)->count++] = (item), true)                                   \
         : false)
bool hr_vec_grow_(struct hr_arena *arena, void **items, uint32_t *capacity, size_t item_bytes);

#endif
