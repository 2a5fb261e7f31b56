/* SPDX-License-Identifier: Apache-2.0 */
/* The heap behind fault points, and the tree of memory budgets. */
#include "base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/machine.h"

/* Why this thread was last told that there is no memory, where a budget said so. Copies: the budget
 * may be gone when the error is made. */
static _Thread_local struct refusal {
    bool is_set;
    char what[160], limit[24], setting[64];
} refusal;

static void *result(void *ptr)
{
    if (HR_UNLIKELY(!ptr)) refusal.is_set = false;
    return ptr;
}

void *hr_alloc(size_t size)
{
    return result(hr_fault_hit(HR_FAULT_ALLOC) ? NULL : malloc(size ? size : 1));
}

void *hr_zalloc(size_t size)
{
    return result(hr_fault_hit(HR_FAULT_ALLOC) ? NULL : calloc(1, size ? size : 1));
}

void *hr_alloc_aligned(size_t size)
{
    if (size > SIZE_MAX - 64 || hr_fault_hit(HR_FAULT_ALLOC)) return result(NULL);
    return result(aligned_alloc(64, size ? (size + 63) & ~(size_t)63 : 64));
}

void *hr_realloc(void *ptr, size_t size)
{
    return result(hr_fault_hit(HR_FAULT_ALLOC) ? NULL : realloc(ptr, size ? size : 1));
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

static HR_NOINLINE bool take_reclaimed(struct hr_mem *mem, int64_t bytes)
{
    int64_t (*reclaim)(struct hr_mem *, int64_t) = __atomic_load_n(&mem->reclaim, __ATOMIC_RELAXED);
    while (reclaim && reclaim(mem, bytes) > 0)
        if (take(mem, bytes)) return true;
    return false;
}

/* The node that refuses; NULL: all of them have taken. */
static struct hr_mem *take_all(struct hr_mem *mem, int64_t bytes)
{
    assert(bytes >= 0);
    for (struct hr_mem *m = mem; m; m = m->parent) {
        if (HR_LIKELY(take(m, bytes) || take_reclaimed(m, bytes))) continue;
        for (struct hr_mem *taken = mem; taken != m; taken = taken->parent)
            atomic_fetch_sub_explicit(&taken->used_bytes, bytes, memory_order_relaxed);
        return m;
    }
    return NULL;
}

static HR_COLD void describe(const struct hr_mem *mem, const struct hr_mem *refuses,
                             struct refusal *ret)
{
    const char *setting = refuses->setting ? refuses->setting : "the limit";
    ret->is_set = true;
    snprintf(ret->what, sizeof ret->what, "%s", mem->name ? mem->name : "this");
    snprintf(ret->limit, sizeof ret->limit, "%" PRId64,
             __atomic_load_n(&refuses->limit_bytes, __ATOMIC_RELAXED));
    snprintf(ret->setting, sizeof ret->setting, "%s", setting);
}

int64_t hr_mem_room(struct hr_mem *mem, int64_t *ret_limit)
{
    int64_t room = *ret_limit = INT64_MAX;
    for (struct hr_mem *m = mem; m; m = m->parent) {
        int64_t limit = __atomic_load_n(&m->limit_bytes, __ATOMIC_RELAXED);
        int64_t left = limit - atomic_load_explicit(&m->used_bytes, memory_order_relaxed);
        if (limit == 0 || left >= room) continue;
        room = HR_MAX(left, 0);
        *ret_limit = limit;
    }
    return room;
}

hr_status hr_mem_reserve(struct hr_mem *mem, int64_t bytes, struct hr_err *err)
{
    const struct hr_mem *refuses = take_all(mem, bytes);
    if (HR_LIKELY(!refuses)) return HR_OK;
    struct refusal r;
    describe(mem, refuses, &r);
    return HR_RAISE(err, HR_E_MEMORY_LIMIT, "what", r.what, "limit", r.limit, "setting", r.setting);
}

bool hr_mem_take(struct hr_mem *mem, int64_t bytes)
{
    const struct hr_mem *refuses = take_all(mem, bytes);
    if (HR_UNLIKELY(refuses)) describe(mem, refuses, &refusal);
    return !refuses;
}

/* As HR_OOM has it (err.h). */
hr_status hr_err_no_memory(struct hr_err *err, const char *file, int line)
{
    /* Who takes no error leaves the refusal to the caller's, which does. */
    if (!err) return refusal.is_set ? HR_E_MEMORY_LIMIT : HR_E_OOM;
    if (!refusal.is_set) return hr_err_set(err, file, line, HR_E_OOM, "out of memory");
    refusal.is_set = false;
    return hr_err_raise(err, file, line, HR_E_MEMORY_LIMIT, "what", refusal.what, "limit",
                        refusal.limit, "setting", refusal.setting, (char *)NULL);
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

static struct hr_mem process = {.name = "the process", .setting = "headrace.memory"};

static void set_limit(int64_t bytes)
{
    __atomic_store_n(&process.limit_bytes, bytes, __ATOMIC_RELAXED);
}

static void set_default(void)
{
    int64_t bytes = hr_machine_memory_bytes() / 4 * 3;
    set_limit(HR_MAX(bytes, 1));
}

struct hr_mem *hr_mem_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_default);
    return &process;
}

hr_status hr_mem_process_set(int64_t bytes, struct hr_err *err)
{
    int64_t most = hr_machine_memory_bytes();
    char why[128];
    if (bytes >= 1 && bytes <= most) {
        (void)hr_mem_process(); /* else the default might follow */
        set_limit(bytes);
        return HR_OK;
    }
    snprintf(why, sizeof why, "%" PRId64 " bytes are not between 1 and %" PRId64
             ", which is all that the machine grants", bytes, most);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", process.setting, "why", why);
}

void hr_mem_process_reset(void)
{
    (void)hr_mem_process();
    set_default();
}
