/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling pools, and which job's task is next.
 *
 * FIFO: the job that started first, whatever its pool. FAIR is Spark's FairSchedulingAlgorithm:
 * pools that run fewer tasks than their minimum share come first, the one with the smallest part of
 * it before the others; then the smallest number of running tasks by weight; then the name. Inside
 * a pool: the first job, or, where the pool is FAIR itself, the one with the fewest running tasks.
 */
#include "rdd/job.h"

#define DEFAULT_POOL "default"

static struct hr_sched_pool *find(struct hr_scheduler *s, const char *name)
{
    struct hr_sched_pool *pool = s->pools;
    while (pool && strcmp(pool->name, name) != 0) pool = pool->next;
    return pool;
}

static void pool_free(struct hr_sched_pool *pool)
{
    hr_budget_unref(pool->budget);
    hr_free(pool->name);
    hr_free(pool);
}

struct hr_sched_pool *hr_sched_pool_get(struct hr_scheduler *s, const char *name)
{
    if (!name) name = DEFAULT_POOL;
    struct hr_sched_pool *pool = find(s, name);
    if (pool) return pool;
    pool = hr_zalloc(sizeof *pool);
    if (pool) {
        pool->name = hr_strdup(name);
        pool->budget = hr_budget_new(name, s->blocks);
    }
    if (!pool || !pool->name || !pool->budget) {
        if (pool) pool_free(pool);
        return NULL;
    }
    pool->weight = 1;
    pool->next = s->pools;
    s->pools = pool;
    return pool;
}

hr_status hr_scheduler_add_pool(struct hr_scheduler *s, const struct hr_sched_pool_options *o,
                                struct hr_err *err)
{
    assert(o->name && o->memory_bytes >= 0);
    pthread_mutex_lock(&s->lock);
    struct hr_sched_pool *pool = hr_sched_pool_get(s, o->name);
    if (pool) {
        pool->weight = HR_MAX(o->weight, 1u);
        pool->min_share = o->min_share;
        pool->fair = o->fair;
        hr_budget_set_limit(pool->budget, o->memory_bytes);
    }
    pthread_mutex_unlock(&s->lock);
    return pool ? HR_OK : HR_OOM(err);
}

struct hr_budget *hr_scheduler_budget(struct hr_scheduler *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    struct hr_sched_pool *pool = hr_sched_pool_get(s, name);
    struct hr_budget *budget = pool ? hr_budget_ref(pool->budget) : NULL;
    pthread_mutex_unlock(&s->lock);
    return budget;
}

int64_t hr_scheduler_pool_bytes(struct hr_scheduler *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    struct hr_sched_pool *pool = find(s, name ? name : DEFAULT_POOL);
    int64_t bytes = pool ? atomic_load(&pool->budget->mem.used_bytes) : 0;
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

void hr_sched_pools_free(struct hr_scheduler *s)
{
    while (s->pools) {
        struct hr_sched_pool *pool = s->pools;
        s->pools = pool->next;
        pool_free(pool);
    }
}

/* < 0: running1 of share1 is less than running2 of share2. */
static int compare_parts(uint64_t running1, uint64_t share1, uint64_t running2, uint64_t share2)
{
    uint64_t a = running1 * share2, b = running2 * share1;
    return a < b ? -1 : a > b;
}

static bool pool_before(const struct hr_sched_pool *a, const struct hr_sched_pool *b)
{
    bool a_needs = a->running < a->min_share, b_needs = b->running < b->min_share;
    if (a_needs != b_needs) return a_needs;
    int order = a_needs ? compare_parts(a->running, a->min_share, b->running, b->min_share)
                        : compare_parts(a->running, a->weight, b->running, b->weight);
    return order ? order < 0 : strcmp(a->name, b->name) < 0;
}

bool hr_job_before(const struct hr_job *a, const struct hr_job *b)
{
    bool fair = a->scheduler->options.fair;
    if (fair && a->pool != b->pool) return pool_before(a->pool, b->pool);
    if (fair && a->pool->fair && a->slots != b->slots) return a->slots < b->slots;
    return a->id < b->id;
}
