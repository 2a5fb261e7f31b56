/* SPDX-License-Identifier: Apache-2.0 */
/* The heap behind fault points, and the tree of memory budgets. */
#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"

void *hr_alloc(size_t size)
{
    if (hr_fault_hit(HR_FAULT_ALLOC)) return NULL;
    return malloc(size ? size : 1);
}

void *hr_zalloc(size_t size)
{
    if (hr_fault_hit(HR_FAULT_ALLOC)) return NULL;
    return calloc(1, size ? size : 1);
}

void *hr_alloc_aligned(size_t size)
{
    if (size > SIZE_MAX - 64 || hr_fault_hit(HR_FAULT_ALLOC)) return NULL;
    return aligned_alloc(64, size ? (size + 63) & ~(size_t)63 : 64);
}

void *hr_realloc(void *ptr, size_t size)
{
    if (hr_fault_hit(HR_FAULT_ALLOC)) return NULL;
    return realloc(ptr, size ? size : 1);
}

void hr_free(void *ptr)
{
    free(ptr);
}

char *hr_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = hr_alloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

void hr_mem_init(struct hr_mem *mem, struct hr_mem *parent, const char *name, const char *setting,
                 int64_t limit_bytes)
{
    assert(limit_bytes >= 0);
    mem->parent = parent;
    mem->name = name;
    mem->setting = setting;
    mem->limit_bytes = limit_bytes;
    mem->reclaim = NULL;
    atomic_init(&mem->used_bytes, 0);
    atomic_init(&mem->peak_bytes, 0);
}

/* One node. The counter goes up first and back down when over the limit: no loop, and two racing
 * reservations can at worst both be refused. */
static bool take(struct hr_mem *mem, int64_t bytes)
{
    int64_t used = atomic_fetch_add_explicit(&mem->used_bytes, bytes, memory_order_relaxed) + bytes;
    int64_t limit = __atomic_load_n(&mem->limit_bytes, __ATOMIC_RELAXED);
    if (limit && used > limit) {
        atomic_fetch_sub_explicit(&mem->used_bytes, bytes, memory_order_relaxed);
        return false;
    }
    int64_t peak = atomic_load_explicit(&mem->peak_bytes, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&mem->peak_bytes, &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed)) {}
    return true;
}

hr_status hr_mem_reserve(struct hr_mem *mem, int64_t bytes, struct hr_err *err)
{
    assert(bytes >= 0);
    for (struct hr_mem *m = mem; m; m = m->parent) {
        bool taken_here = take(m, bytes);
        while (HR_UNLIKELY(!taken_here) && m->reclaim && m->reclaim(m, bytes) > 0)
            taken_here = take(m, bytes);
        if (HR_LIKELY(taken_here)) continue;
        for (struct hr_mem *taken = mem; taken != m; taken = taken->parent)
            atomic_fetch_sub_explicit(&taken->used_bytes, bytes, memory_order_relaxed);
        char limit[24];
        snprintf(limit, sizeof limit, "%" PRId64,
                 __atomic_load_n(&m->limit_bytes, __ATOMIC_RELAXED));
        return HR_RAISE(err, HR_E_MEMORY_LIMIT, "what", m->name ? m->name : "this", "limit", limit,
                        "setting", m->setting ? m->setting : "the limit");
    }
    return HR_OK;
}

void hr_mem_release(struct hr_mem *mem, int64_t bytes)
{
    assert(bytes >= 0);
    for (; mem; mem = mem->parent) {
        int64_t before = atomic_fetch_sub_explicit(&mem->used_bytes, bytes, memory_order_relaxed);
        assert(before >= bytes);
        HR_UNUSED(before);
    }
}
