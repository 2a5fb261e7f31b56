/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs of one batch: in order, or several side by side (spark.streaming.concurrentJobs).
 *
 * All RDDs of the batch are generated first, by the batch's thread and in order of the outputs: the
 * graph belongs to that thread. Then up to concurrentJobs threads, it is one of them, take the
 * outputs one after the other. After a failure no further output begins; those that have begun are
 * waited for, since their functions use what belongs to the batch; the first in order of those that
 * failed gives the batch's error. Listeners are called by one thread at a time.
 */
#include <stdio.h>

#include "dstream/dstream.h"
#include "rdd/locals.h"

struct todo {
    struct hr_ds_output *output;
    struct hr_rdd *rdd; /* NULL: the time is not one of its */
    hr_status status;
    struct hr_err err;
};

struct run {
    struct hr_streaming *ssc;
    int64_t time;
    struct todo *todo;
    uint32_t count;
    _Atomic uint32_t next;
    _Atomic bool failed;
    pthread_mutex_t listening;
};

static hr_status run_output(struct run *run, struct todo *todo, uint32_t number)
{
    struct hr_streaming *ssc = run->ssc;
    struct hr_err *err = &todo->err;
    char description[64];
    snprintf(description, sizeof description, "output %u of batch %lld ms", number,
             (long long)(run->time / 1000));
    /* a pool that the last output's function has set was its own affair */
    hr_status status = hr_locals_set(ssc->ctx->id, ssc->sched_pool, NULL, description, err);
    if (status != HR_OK) {
        atomic_store(&run->failed, true);
        return status;
    }
    pthread_mutex_lock(&run->listening);
    hr_ds_output_begin(todo->output, number, run->time);
    pthread_mutex_unlock(&run->listening);
    status = todo->output->fn(todo->output->arg, todo->rdd, run->time, err);
    if (status != HR_OK && err->code != status)
        status = HR_FAIL(err, HR_E_USER_FUNCTION, "output %u: status %d", number, status);
    if (status != HR_OK) atomic_store(&run->failed, true);
    pthread_mutex_lock(&run->listening);
    hr_ds_output_end(todo->output, status == HR_OK ? NULL : err->msg);
    pthread_mutex_unlock(&run->listening);
    return status;
}

static void *work(void *arg)
{
    struct run *run = arg;
    const struct hr_streaming *outer = hr_ds_batch_of;
    struct hr_pool *outer_pool = hr_pool_swap(run->ssc->batch_pool);
    hr_ds_batch_of = run->ssc;
    while (!atomic_load(&run->failed)) {
        uint32_t i = atomic_fetch_add(&run->next, 1);
        if (i >= run->count) break;
        struct todo *todo = &run->todo[i];
        if (!todo->rdd) continue;
        todo->status = run_output(run, todo, i);
    }
    hr_ds_batch_of = outer;
    hr_pool_swap(outer_pool);
    return NULL;
}

static hr_status run_all(struct run *run, struct hr_err *err)
{
    int64_t wanted = HR_MIN(run->ssc->conf.concurrent_jobs, (int64_t)run->count) - 1;
    pthread_t *threads = hr_alloc(((size_t)HR_MAX(wanted, INT64_C(0)) + 1) * sizeof *threads);
    int64_t started = 0;
    if (!threads) return HR_OOM(err);
    /* With fewer threads than wanted it takes longer, and that is all. */
    while (started < wanted &&
           hr_thread_start(&threads[started], "hr-output", work, run, NULL) == HR_OK)
        started++;
    work(run);
    while (started > 0) pthread_join(threads[--started], NULL);
    hr_free(threads);
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->todo[i].status == HR_OK) continue;
        hr_err_copy(err, &run->todo[i].err);
        return run->todo[i].status;
    }
    return HR_OK;
}

static hr_status generate(struct run *run, struct hr_err *err)
{
    struct hr_streaming *ssc = run->ssc;
    uint32_t i = 0;
    for (struct hr_ds_output *o = ssc->outputs; o; o = o->next, i++) {
        run->todo[i].output = o;
        HR_TRY(hr_ds_rdd(o->in, run->time, &run->todo[i].rdd, err));
    }
    /* State moves on even where nobody looks at it in this batch; and what a window will read later
     * is made now if it has to be in the checkpoint: after a restart its input is gone. */
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) {
        struct hr_rdd *rdd;
        bool wanted = ds->needs_previous || (ds->checkpointed && ssc->checkpoint_dir);
        if (wanted && ds->used) HR_TRY(hr_ds_rdd(ds, run->time, &rdd, err));
    }
    return HR_OK;
}

hr_status hr_ds_run_outputs(struct hr_streaming *ssc, int64_t time, struct hr_err *err)
{
    struct run run = {.ssc = ssc, .time = time};
    for (struct hr_ds_output *o = ssc->outputs; o; o = o->next) run.count++;
    run.todo = hr_zalloc((run.count + 1) * sizeof *run.todo);
    if (!run.todo) return HR_OOM(err);
    pthread_mutex_init(&run.listening, NULL);
    hr_status status = generate(&run, err);
    if (status == HR_OK) status = run_all(&run, err);
    if (status == HR_OK) status = hr_locals_set(ssc->ctx->id, ssc->sched_pool, NULL, NULL, err);
    pthread_mutex_destroy(&run.listening);
    hr_free(run.todo);
    return status;
}
