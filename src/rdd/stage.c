/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's stages: which partitions are missing, when they can run, and what a failed attempt means.
 *
 * A stage's `todo` holds partitions that must run; they move to the job's queue once no parent
 * stage has anything left to do. A task that finds a shuffle block missing (HR_E_UNAVAILABLE, and a
 * map output is indeed not there) does not count as failed: the lost map partitions go to the todo
 * of their stage, and so on up the lineage, and the task runs again after them. Other RETRIABLE
 * errors are tried max_attempts times; USER and FATAL ones end the job.
 *
 * All of it is called with the scheduler's lock held.
 */
#include <stdio.h>

#include "rdd/job.h"
#include "rdd/shuffle.h"

#define FETCH_FAILURES_MAX 32u

/* --- Lists ------------------------------------------------------------------------------------ */

bool hr_work_push(struct hr_work_list *list, struct hr_work work)
{
    if (list->first && list->first == list->count) list->first = list->count = 0;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct hr_work *items = hr_realloc(list->items, capacity * sizeof *items);
        if (!items) return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = work;
    return true;
}

bool hr_work_pop(struct hr_work_list *list, struct hr_work *ret)
{
    if (list->first == list->count) return false;
    *ret = list->items[list->first++];
    return true;
}

bool hr_work_empty(const struct hr_work_list *list)
{
    return list->first == list->count;
}

bool hr_pointers_grow(void **items, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity) return true;
    uint32_t wider = *capacity ? *capacity * 2 : 4;
    void *more = hr_realloc(*items, wider * sizeof(void *));
    if (!more) return false;
    *items = more;
    *capacity = wider;
    return true;
}

/* --- Stages ----------------------------------------------------------------------------------- */

hr_status hr_stage_new(struct hr_job *job, struct hr_rdd *rdd, struct hr_dependency *dep,
                       struct hr_stage **ret, struct hr_err *err)
{
    struct hr_stage *stage = hr_zalloc(sizeof *stage);
    if (stage) stage->tasks = hr_zalloc(rdd->partition_count * sizeof *stage->tasks);
    if (!stage || !stage->tasks ||
        !hr_pointers_grow((void **)&job->stages, job->stage_count, &job->stage_capacity)) {
        if (stage) hr_free(stage->tasks);
        hr_free(stage);
        return HR_OOM(err);
    }
    stage->id = job->scheduler->next_stage++;
    stage->rdd = rdd;
    stage->dep = dep;
    job->stages[job->stage_count++] = stage;
    *ret = stage;
    return HR_OK;
}

void hr_stage_free(struct hr_stage *stage)
{
    hr_free(stage->parents);
    hr_free(stage->todo.items);
    hr_free(stage->tasks);
    hr_free(stage->took_us);
    hr_free(stage);
}

hr_status hr_stage_add(struct hr_stage *stage, uint32_t partition, struct hr_err *err)
{
    struct hr_task_state *task = &stage->tasks[partition];
    if (!hr_work_push(&stage->todo, (struct hr_work){stage, partition, task->attempts, false}))
        return HR_OOM(err);
    if (task->attempts++ == 0) stage->total++;
    task->busy = true;
    return HR_OK;
}

static bool all_kept(struct hr_job *job, struct hr_rdd *rdd)
{
    if (rdd->storage == HR_STORE_NONE) return false;
    for (uint32_t p = 0; p < rdd->partition_count; p++)
        if (!hr_block_store_has(job->scheduler->blocks, rdd->id, p)) return false;
    return true;
}

/* A walk up the lineage. Lineages are long, and meet again: RDDs are marked and wait in a list,
 * nothing recurses. */
struct walk {
    struct hr_job *job;
    struct hr_stage **stages; /* whose parents have to be looked at */
    uint32_t stage_count, stage_capacity;
    struct hr_rdd **rdds; /* of the stage at hand */
    uint32_t rdd_count, rdd_capacity;
    uint64_t number;
};

/* Puts the missing map outputs of a shuffle on its stage's todo. */
static hr_status need_shuffle(struct walk *walk, struct hr_dependency *dep, struct hr_stage **ret,
                              struct hr_err *err)
{
    struct hr_job *job = walk->job;
    struct hr_stage *stage = NULL;
    for (uint32_t i = 0; i < job->stage_count && !stage; i++)
        if (job->stages[i]->dep == dep) stage = job->stages[i];
    if (!stage) HR_TRY(hr_stage_new(job, dep->parent, dep, &stage, err));
    *ret = stage;
    uint32_t *missing = hr_alloc((dep->parent->partition_count + 1) * sizeof *missing);
    if (!missing) return HR_OOM(err);
    uint32_t count = hr_shuffle_missing(dep->shuffle, missing), added = 0;
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        if (stage->tasks[missing[i]].busy) continue;
        status = hr_stage_add(stage, missing[i], err);
        added++;
    }
    hr_free(missing);
    HR_TRY(status);
    if (stage->ran) job->stats.recomputed_tasks += added;
    if (!added) return HR_OK;
    job->stats.stages++;
    if (!hr_pointers_grow((void **)&walk->stages, walk->stage_count, &walk->stage_capacity))
        return HR_OOM(err);
    walk->stages[walk->stage_count++] = stage;
    return HR_OK;
}

static hr_status add_parent(struct hr_stage *stage, struct hr_stage *parent, struct hr_err *err)
{
    for (uint32_t k = 0; k < stage->parent_count; k++)
        if (stage->parents[k] == parent) return HR_OK;
    if (!hr_pointers_grow((void **)&stage->parents, stage->parent_count, &stage->parent_capacity))
        return HR_OOM(err);
    stage->parents[stage->parent_count++] = parent;
    return HR_OK;
}

static hr_status push_rdd(struct walk *walk, struct hr_rdd *rdd, struct hr_err *err)
{
    if (rdd->visited == walk->number) return HR_OK;
    rdd->visited = walk->number;
    if (!hr_pointers_grow((void **)&walk->rdds, walk->rdd_count, &walk->rdd_capacity))
        return HR_OOM(err);
    walk->rdds[walk->rdd_count++] = rdd;
    return HR_OK;
}

/* Every shuffle that the stage reaches through narrow dependencies and blocks not kept. */
static hr_status visit(struct walk *walk, struct hr_stage *stage, struct hr_err *err)
{
    walk->number = ++walk->job->scheduler->next_walk;
    HR_TRY(push_rdd(walk, stage->rdd, err));
    while (walk->rdd_count) {
        struct hr_rdd *rdd = walk->rdds[--walk->rdd_count];
        if (all_kept(walk->job, rdd)) continue;
        for (uint32_t i = rdd->dep_count; i-- > 0;) {
            struct hr_dependency *dep = &rdd->deps[i];
            struct hr_stage *parent;
            if (dep->kind != HR_DEP_SHUFFLE) {
                HR_TRY(push_rdd(walk, dep->parent, err));
                continue;
            }
            HR_TRY(need_shuffle(walk, dep, &parent, err));
            HR_TRY(add_parent(stage, parent, err));
        }
    }
    return HR_OK;
}

hr_status hr_stage_need_parents(struct hr_job *job, struct hr_stage *stage, struct hr_err *err)
{
    struct walk walk = {.job = job};
    hr_status status = visit(&walk, stage, err);
    while (status == HR_OK && walk.stage_count)
        status = visit(&walk, walk.stages[--walk.stage_count], err);
    hr_free(walk.stages);
    hr_free(walk.rdds);
    return status;
}

/* --- Lock held: moving work ------------------------------------------------------------------- */

void hr_job_fail(struct hr_job *job, hr_status status, const struct hr_err *err)
{
    if (!job->failed) {
        job->failed = true;
        job->status = status;
        hr_err_copy(&job->err, err);
    }
    for (struct hr_attempt *a = job->attempts; a; a = a->next)
        __atomic_store_n(&a->stopped, true, __ATOMIC_RELAXED);
}

bool hr_stage_idle(const struct hr_stage *stage)
{
    return hr_work_empty(&stage->todo) && stage->active == 0;
}

/* Queues the todo of every stage whose parents are done. */
void hr_job_schedule(struct hr_job *job)
{
    uint32_t queued = 0;
    for (uint32_t i = 0; i < job->stage_count && !job->failed; i++) {
        struct hr_stage *stage = job->stages[i];
        if (hr_work_empty(&stage->todo)) continue;
        bool ready = true;
        for (uint32_t k = 0; k < stage->parent_count; k++)
            ready = ready && hr_stage_idle(stage->parents[k]);
        struct hr_work work;
        while (ready && hr_work_pop(&stage->todo, &work)) {
            if (!hr_work_push(&job->queue, work)) {
                struct hr_err err;
                hr_err_init(&err);
                hr_job_fail(job, HR_OOM(&err), &err);
                return;
            }
            stage->active++;
            stage->ran = true;
            queued++;
        }
    }
    if (queued) hr_scheduler_wake(job, queued);
}

static bool shuffle_lost(struct hr_job *job, struct hr_stage *stage)
{
    HR_UNUSED(job);
    for (uint32_t i = 0; i < stage->parent_count; i++) {
        struct hr_dependency *dep = stage->parents[i]->dep;
        for (uint32_t m = 0; m < dep->parent->partition_count; m++)
            if (!hr_shuffle_has(dep->shuffle, m)) return true;
    }
    return false;
}

/* A shuffle block was missing: the task runs again after what makes it. False: that was not it. */
static bool wait_for_parents(struct hr_job *job, const struct hr_work *work)
{
    struct hr_stage *stage = work->stage;
    if (stage->fetch_failures >= FETCH_FAILURES_MAX) return false;
    /* an evicted block may have hidden shuffles until now */
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = hr_stage_need_parents(job, stage, &err);
    if (status != HR_OK) {
        hr_job_fail(job, status, &err);
        return true;
    }
    bool waits = shuffle_lost(job, stage);
    for (uint32_t i = 0; i < stage->parent_count; i++)
        waits = waits || !hr_stage_idle(stage->parents[i]);
    if (!waits) return false;
    stage->fetch_failures++;
    return hr_stage_add(stage, work->partition, &err) == HR_OK;
}

void hr_job_take_failure(struct hr_job *job, const struct hr_work *work, bool other,
                         hr_status status, struct hr_err *err)
{
    struct hr_task_state *task = &work->stage->tasks[work->partition];
    uint32_t max_attempts = job->options->max_attempts ? job->options->max_attempts
                                                       : job->scheduler->options.max_attempts;
    job->stats.failed_tasks++;
    if (job->failed) return;
    if (status == HR_E_UNAVAILABLE && (other || wait_for_parents(job, work))) return;
    task->failures++;
    if ((err->flags & HR_ERR_RETRIABLE) && task->failures < max_attempts &&
        (other || hr_stage_add(work->stage, work->partition, err) == HR_OK))
        return;
    if ((err->flags & HR_ERR_RETRIABLE) && task->failures > 1) {
        struct hr_err last;
        hr_err_copy(&last, err);
        char n[16];
        snprintf(n, sizeof n, "%u", task->failures);
        status = HR_RAISE(err, HR_E_TASK_FAILED, "n", n, "why", last.msg);
    }
    hr_job_fail(job, status, err);
}
