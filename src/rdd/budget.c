/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets of pools: struct hr_mem, with kept blocks as what can be given back. */
#include "rdd/budget.h"

#include <stdio.h>

#include "rdd/block_store.h"

static int64_t reclaim(struct hr_mem *mem, int64_t bytes)
{
    struct hr_budget *budget = (struct hr_budget *)mem;
    /* what can never fit must not cost the others their places */
    if (bytes > __atomic_load_n(&mem->limit_bytes, __ATOMIC_RELAXED)) return 0;
    return hr_block_store_evict(budget->blocks, budget, bytes);
}

struct hr_budget *hr_budget_new(const char *pool, struct hr_block_store *blocks)
{
    size_t size = strlen(pool) + sizeof "pool ";
    struct hr_budget *budget = hr_zalloc(sizeof *budget + size);
    if (!budget) return NULL;
    snprintf(budget->name, size, "pool %s", pool);
    hr_mem_init(&budget->mem, hr_mem_process(), budget->name,
                "its memory_bytes (hr_context_add_pool)", 0);
    budget->mem.reclaim = reclaim;
    budget->blocks = blocks;
    atomic_init(&budget->refs, 1);
    return budget;
}

struct hr_budget *hr_budget_ref(struct hr_budget *budget)
{
    if (budget) atomic_fetch_add_explicit(&budget->refs, 1, memory_order_relaxed);
    return budget;
}

void hr_budget_unref(struct hr_budget *budget)
{
    if (budget && atomic_fetch_sub_explicit(&budget->refs, 1, memory_order_acq_rel) == 1)
        hr_free(budget);
}

void hr_budget_set_limit(struct hr_budget *budget, int64_t bytes)
{
    __atomic_store_n(&budget->mem.limit_bytes, bytes, __ATOMIC_RELAXED);
}
