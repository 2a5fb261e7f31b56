/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory. All of the heap is taken through hr_alloc/hr_realloc/hr_free, which are fault points
 * (the k-th call can be made to fail, see fault.h). Budgets are kept by struct hr_mem: a tree of
 * counters with limits (process → session → query → state of an operator); whoever keeps memory
 * for longer than a call reserves it there first, batches by their arenas.
 */
#ifndef HR_BASE_ALLOC_H
#define HR_BASE_ALLOC_H

#include <stdatomic.h>

#include "base/err.h"

/* NULL when there is no memory (or a fault is injected). size 0 gives a non-NULL pointer. */
void *hr_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *hr_zalloc(size_t size) __attribute__((malloc, alloc_size(1)));
/* 64-byte aligned; size is rounded up to 64. Freed by hr_free. */
void *hr_alloc_aligned(size_t size) __attribute__((malloc));
void *hr_realloc(void *ptr, size_t size);
void hr_free(void *ptr);
char *hr_strdup(const char *text);

struct hr_mem {
    struct hr_mem *parent;
    const char *name;         /* for messages: "query busy_cards" */
    const char *setting;      /* the setting that raises the limit */
    _Atomic int64_t used_bytes;
    _Atomic int64_t peak_bytes;
    int64_t limit_bytes;      /* 0: no limit of its own; may be set while others reserve */
    /* Gives back what can be had again, about bytes of it, and says how much; 0: nothing is left.
     * Called when the limit would be passed, by any thread that reserves; NULL: there is none. */
    int64_t (*reclaim)(struct hr_mem *mem, int64_t bytes);
};

void hr_mem_init(struct hr_mem *mem, struct hr_mem *parent, const char *name,
                 const char *setting, int64_t limit_bytes);
/* Takes bytes from mem and all of its parents, or from none: HR_E_MEMORY_LIMIT, which names mem and
 * the limit that would be passed. mem may be NULL. */
hr_status hr_mem_reserve(struct hr_mem *mem, int64_t bytes, struct hr_err *err) HR_CHECKED;
/* The same for those that tell by NULL that there is no memory: HR_OOM of this thread then says
 * HR_E_MEMORY_LIMIT, up to its next allocation that fails for another reason. */
bool hr_mem_take(struct hr_mem *mem, int64_t bytes) HR_CHECKED;
void hr_mem_release(struct hr_mem *mem, int64_t bytes);
/* What mem and its parents have left, and the limit of the one that has least: a hint, others
 * reserve meanwhile. Both INT64_MAX where there is no limit. */
int64_t hr_mem_room(struct hr_mem *mem, int64_t *ret_limit);

/* The budget of the process, in which all others are: headrace.memory. */
struct hr_mem *hr_mem_process(void);
/* Its limit: at most what the machine grants (machine.h), else HR_E_INVALID_OPTION. */
hr_status hr_mem_process_set(int64_t bytes, struct hr_err *err) HR_CHECKED;
/* Three quarters of what the machine grants, as it is when nobody says otherwise. */
void hr_mem_process_reset(void);

#endif
