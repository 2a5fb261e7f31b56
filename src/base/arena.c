/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: chunks in a list, a bump pointer into the newest. A chunk is twice as large as the one
 * before (up to 1 MiB) or as large as the request needs, so that a batch costs a handful of
 * mallocs. Under AddressSanitizer each allocation is a chunk of its own.
 */
#include "base/arena.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define ONE_MALLOC_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_MALLOC_EACH 1
#endif
#endif
#ifndef ONE_MALLOC_EACH
#define ONE_MALLOC_EACH 0
#endif

#define FIRST_CHUNK_BYTES 1024
#define MAX_CHUNK_BYTES   (1024 * 1024)

struct hr_arena_chunk {
    struct hr_arena_chunk *next;
    size_t size;  /* with this header */
    char pad[48]; /* what follows a 64-byte aligned header is aligned too */
};
static_assert(sizeof(struct hr_arena_chunk) == 64, "allocations follow the header");

struct hr_arena_cleanup {
    struct hr_arena_cleanup *next;
    void (*fn)(void *);
    void *arg;
};

void hr_arena_init(struct hr_arena *arena, struct hr_mem *mem)
{
    memset(arena, 0, sizeof *arena);
    arena->mem = mem;
}

static void free_chunk(struct hr_arena *arena, struct hr_arena_chunk *chunk)
{
    assert(arena->total_bytes >= chunk->size);
    arena->total_bytes -= chunk->size;
    if (arena->mem) hr_mem_release(arena->mem, (int64_t)chunk->size);
#ifdef HR_DEBUG_FILL
    memset(chunk, 0xAB, chunk->size);
#endif
    hr_free(chunk);
}

static void run_cleanups(struct hr_arena *arena)
{
    while (arena->cleanups) {
        struct hr_arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->fn(cleanup->arg);
    }
}

static void free_chunks(struct hr_arena *arena, struct hr_arena_chunk *but)
{
    struct hr_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct hr_arena_chunk *next = chunk->next;
        if (chunk != but) free_chunk(arena, chunk);
        chunk = next;
    }
    arena->chunks = but;
    arena->pos = arena->end = NULL;
}

void hr_arena_done(struct hr_arena *arena)
{
    if (!arena) return;
    run_cleanups(arena);
    free_chunks(arena, NULL);
    assert(arena->total_bytes == 0);
    arena->chunk_bytes = 0;
}

void hr_arena_reset(struct hr_arena *arena)
{
    run_cleanups(arena);
    struct hr_arena_chunk *keep = NULL;
    if (!ONE_MALLOC_EACH) {
        for (struct hr_arena_chunk *c = arena->chunks; c; c = c->next)
            if (c->size <= MAX_CHUNK_BYTES && (!keep || c->size > keep->size)) keep = c;
    }
    free_chunks(arena, keep);
    if (keep) {
        keep->next = NULL;
        arena->pos = (char *)(keep + 1);
        arena->end = (char *)keep + keep->size;
#ifdef HR_DEBUG_FILL
        memset(arena->pos, 0xAB, (size_t)(arena->end - arena->pos));
#endif
    }
}

/* A chunk of bytes with its header, first in the list. NULL on failure. */
static struct hr_arena_chunk *add_chunk(struct hr_arena *arena, size_t bytes, size_t align)
{
    if (!hr_mem_take(arena->mem, (int64_t)bytes)) return NULL;
    struct hr_arena_chunk *chunk = align <= 16 ? hr_alloc(bytes) : hr_alloc_aligned(bytes);
    if (!chunk) {
        if (arena->mem) hr_mem_release(arena->mem, (int64_t)bytes);
        return NULL;
    }
    chunk->size = bytes;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->total_bytes += bytes;
    return chunk;
}

#if ONE_MALLOC_EACH
static void *alloc_slow(struct hr_arena *arena, size_t size, size_t align)
{
    if (size > (size_t)1 << 46) return NULL;
    struct hr_arena_chunk *chunk = add_chunk(arena, sizeof *chunk + size, align);
    return chunk ? chunk + 1 : NULL;
}
#else
static HR_NOINLINE void *alloc_slow(struct hr_arena *arena, size_t size, size_t align)
{
    if (size > (size_t)1 << 46) return NULL;
    size_t need = (sizeof(struct hr_arena_chunk) + size + align + 63) & ~(size_t)63;
    size_t next = arena->chunk_bytes ? arena->chunk_bytes : FIRST_CHUNK_BYTES;
    bool own = need > next && need > MAX_CHUNK_BYTES / 2;
    if (own) {
        /* A large one gets a chunk to itself, behind the current one, which stays in use. */
        struct hr_arena_chunk *first = arena->chunks;
        struct hr_arena_chunk *chunk = add_chunk(arena, need, 64);
        if (!chunk) return NULL;
        if (first) {
            arena->chunks = first;
            chunk->next = first->next;
            first->next = chunk;
        }
        return chunk + 1; /* header and chunk are 64-byte aligned */
    }
    size_t bytes = HR_MAX(need, next);
    struct hr_arena_chunk *chunk = add_chunk(arena, bytes, 64);
    if (!chunk && bytes > need) chunk = add_chunk(arena, need, 64);
    if (!chunk) return NULL;
    arena->chunk_bytes = HR_MIN(HR_MAX(next, need) * 2, (size_t)MAX_CHUNK_BYTES);
    arena->pos = (char *)(chunk + 1) + size;
    arena->end = (char *)chunk + chunk->size;
    return chunk + 1;
}
#endif

HR_INLINE void *alloc(struct hr_arena *arena, size_t size, size_t align)
{
#if !ONE_MALLOC_EACH
    uintptr_t at = ((uintptr_t)arena->pos + (align - 1)) & ~(uintptr_t)(align - 1);
    if (HR_LIKELY(arena->pos && at <= (uintptr_t)arena->end &&
                  size <= (uintptr_t)arena->end - at)) {
        arena->pos = (char *)at + size;
        return (void *)at;
    }
#endif
    return alloc_slow(arena, size, align);
}

void *hr_arena_alloc(struct hr_arena *arena, size_t size)
{
    return alloc(arena, size, 16);
}

void *hr_arena_zalloc(struct hr_arena *arena, size_t size)
{
    void *p = alloc(arena, size, 16);
    return p ? memset(p, 0, size) : NULL;
}

void *hr_arena_alloc_aligned(struct hr_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    return alloc(arena, (size + 63) & ~(size_t)63, 64);
}

char *hr_arena_strdup(struct hr_arena *arena, const char *text)
{
    return hr_arena_memdup(arena, text, strlen(text) + 1);
}

char *hr_arena_strndup(struct hr_arena *arena, const char *text, size_t len)
{
    char *copy = alloc(arena, len + 1, 16);
    if (!copy) return NULL;
    if (len) memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *hr_arena_printf(struct hr_arena *arena, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (n < 0) return NULL;
    char *out = alloc(arena, (size_t)n + 1, 16);
    if (!out) return NULL;
    if ((size_t)n < sizeof small) {
        memcpy(out, small, (size_t)n + 1);
    } else {
        va_start(args, fmt);
        vsnprintf(out, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    return out;
}

void *hr_arena_memdup(struct hr_arena *arena, const void *data, size_t size)
{
    void *copy = alloc(arena, size, 16);
    if (copy && size) memcpy(copy, data, size);
    return copy;
}

void *hr_arena_grow(struct hr_arena *arena, const void *items, size_t old_bytes, size_t new_bytes)
{
    assert(new_bytes >= old_bytes);
    void *grown = alloc(arena, new_bytes, 16);
    if (grown && old_bytes) memcpy(grown, items, old_bytes);
    return grown;
}

hr_status hr_arena_on_done(struct hr_arena *arena, void (*fn)(void *), void *arg,
                           struct hr_err *err)
{
    struct hr_arena_cleanup *cleanup = alloc(arena, sizeof *cleanup, 16);
    if (!cleanup) return HR_OOM(err);
    cleanup->next = arena->cleanups;
    cleanup->fn = fn;
    cleanup->arg = arg;
    arena->cleanups = cleanup;
    return HR_OK;
}

bool hr_vec_grow_(struct hr_arena *arena, void **items, uint32_t *capacity, size_t item_bytes)
{
    if (*capacity > UINT32_MAX / 2) return false;
    uint32_t grown = *capacity ? *capacity * 2 : 8;
    void *p = hr_arena_grow(arena, *items, *capacity * item_bytes, grown * item_bytes);
    if (!p) return false;
    *items = p;
    *capacity = grown;
    return true;
}
