/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots, made in the background. A thread reads what the COMMIT records list of one state (an
 * older snapshot and the deltas since: bytes that nobody changes any more), merges them in a state
 * of its own and writes that as one file. The next COMMIT puts the file in the place of what it was
 * made of.
 *
 * Chosen over copying slots of the live state on write: an epoch that touches keys of every slot
 * would pay for a copy of all of it, whereas reading back costs the epoch nothing, needs no lock
 * on the state, and walks the way of a restore every time. The price is the reading, and memory:
 * the merge goes by ranges of slots, as many as keep each at about MERGE_BYTES.
 *
 * A merge that fails is logged and tried again after more deltas; the query goes on with the log
 * that it has.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "stream/query_int.h"

#define MERGE_BYTES (INT64_C(64) << 20)

struct hr_snapshot_job {
    struct hr_query *query; /* env, state_dir: never changed while it runs */
    struct hr_state_args args;
    struct hr_state_ref *refs; /* a copy; what they point to stays while the job is there */
    uint32_t ref_count;
    int64_t bytes; /* of the refs */
    char name[80];
    struct hr_state_ref result;
    pthread_t thread;
    _Atomic bool cancelled, ended;
    bool joined; /* the query's thread has waited for it */
    hr_status status;
    struct hr_err err;
};

/* One range of slots: loaded, then written as a frame. */
static hr_status merge_slots(struct hr_snapshot_job *job, uint32_t first, uint32_t count,
                             struct hr_buf *file, struct hr_err *err)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    struct hr_state *state;
    struct hr_buf raw;
    HR_TRY(hr_state_new(&job->args, &state, err));
    hr_buf_init(&raw, (size_t)64 << 30);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < job->ref_count; i++) {
        if (atomic_load(&job->cancelled)) {
            status = HR_RAISE(err, HR_E_CANCELLED);
            goto out;
        }
        HR_TRY_OUT(hr_query_load_ref(job->query, state, &job->refs[i], first, count, err));
    }
    HR_TRY_OUT(hr_state_put_slots(state, first, count, &raw, err));
    hr_state_file_put(file, hr_svn(raw.ptr, raw.len));
    status = hr_buf_status(file, err);
out:
    hr_buf_done(&raw);
    hr_state_free(state);
    return status;
}

static hr_status merge(struct hr_snapshot_job *job, struct hr_err *err)
{
    struct hr_buf file;
    hr_buf_init(&file, (size_t)64 << 30);
    /* Packed bytes: the state takes several times that. */
    int64_t ranges = HR_MIN(job->bytes * 4 / MERGE_BYTES + 1, (int64_t)HR_SLOT_COUNT);
    uint32_t step = (uint32_t)((HR_SLOT_COUNT + ranges - 1) / ranges);
    hr_status status = HR_OK;
    assert(ranges > 0 && step > 0 && (int64_t)step * ranges >= HR_SLOT_COUNT);
    for (uint32_t first = 0; first < HR_SLOT_COUNT; first += step)
        HR_TRY_OUT(merge_slots(job, first, HR_MIN(step, HR_SLOT_COUNT - first), &file, err));
    HR_TRY_OUT(hr_query_write_state(job->query, job->name, &file, err));
    HR_TRY_OUT(job->query->env->vt->sync_dir(job->query->env, job->query->state_dir, err));
    job->result.file = job->name;
    job->result.size_bytes = file.len;
    job->result.crc = hr_crc32c(0, file.ptr, file.len);
out:
    hr_buf_done(&file);
    return status;
}

static void *job_main(void *arg)
{
    struct hr_snapshot_job *job = arg;
    hr_err_init(&job->err);
    assert(!atomic_load(&job->ended));
    job->status = merge(job, &job->err);
    atomic_store(&job->ended, true);
    return NULL;
}

static void job_free(struct hr_snapshot_job *job)
{
    hr_free(job->refs);
    hr_free(job);
}

static hr_status job_new(struct hr_query *query, struct hr_query_state *state,
                         struct hr_snapshot_job **ret, struct hr_err *err)
{
    assert(state->state && state->delta_bytes >= 0 && state->snapshot_bytes >= 0);
    struct hr_snapshot_job *job = hr_zalloc(sizeof *job);
    if (!job) return HR_OOM(err);
    job->refs = hr_alloc(sizeof *job->refs * (state->ref_count + 1));
    if (!job->refs) {
        job_free(job);
        return HR_OOM(err);
    }
    memcpy(job->refs, state->refs, sizeof *job->refs * state->ref_count);
    job->ref_count = state->ref_count;
    job->query = query;
    job->args = state->args;
    job->args.part_count = 1;
    job->args.budget_bytes = 0; /* the budget is the live state's */
    job->bytes = state->delta_bytes + state->snapshot_bytes;
    /* A snapshot stands for all refs up to its epoch: the last must be the newest. */
    int64_t epoch = state->refs[state->ref_count - 1].epoch;
    assert(epoch >= state->refs[0].epoch);
    job->result =
        (struct hr_state_ref){.state_id = state->state->id, .is_snapshot = true, .epoch = epoch};
    snprintf(job->name, sizeof job->name, "%u-%" PRId64 "-0.snapshot", state->state->id, epoch);
    *ret = job;
    return HR_OK;
}

void hr_query_start_snapshot(struct hr_query *query, struct hr_query_state *state)
{
    assert(!state->job && state->ref_count > 0);
    struct hr_err err;
    struct hr_snapshot_job *job = NULL;
    hr_err_init(&err);
    hr_status status = job_new(query, state, &job, &err);
    if (status == HR_OK) status = hr_thread_start(&job->thread, "hr-snapshot", job_main, job, &err);
    if (status == HR_OK) {
        state->job = job;
        return;
    }
    if (job) job_free(job);
    HR_LOG(HR_LOG_WARN, "query %s: no snapshot of its state: %s", query->name, err.msg);
}

bool hr_query_take_snapshot(struct hr_query *query, struct hr_query_state *state,
                            struct hr_state_ref *ret_ref)
{
    struct hr_snapshot_job *job = state->job;
    if (!job || !atomic_load(&job->ended)) return false;
    if (!job->joined) pthread_join(job->thread, NULL);
    state->job = NULL;
    bool good = job->status == HR_OK;
    if (good) {
        state->not_before = 0;
        *ret_ref = job->result;
        ret_ref->file = hr_arena_strdup(&query->epoch_arena, job->name);
        good = ret_ref->file != NULL;
    } else {
        HR_LOG(HR_LOG_WARN, "query %s: no snapshot of its state: %s", query->name, job->err.msg);
        state->not_before = state->deltas + query->snapshot_every;
    }
    job_free(job);
    return good;
}

void hr_query_wait_snapshot(struct hr_query_state *state)
{
    pthread_join(state->job->thread, NULL);
    state->job->joined = true;
    assert(atomic_load(&state->job->ended));
}

void hr_query_stop_snapshot(struct hr_query_state *state)
{
    struct hr_snapshot_job *job = state->job;
    if (!job) return;
    atomic_store(&job->cancelled, true);
    pthread_join(job->thread, NULL);
    state->job = NULL;
    job_free(job);
}

const char *hr_query_snapshot_name(const struct hr_query_state *state)
{
    return state->job ? state->job->name : NULL;
}
