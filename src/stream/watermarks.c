/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/watermarks.h"

#include "base/alloc.h"

#define TICK_US INT64_C(1000000) /* the idle clock's steps, at most */

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_watermarks_init(struct hr_watermarks *w, const struct hr_watermark_options *options,
                             uint32_t count, int64_t now_us, struct hr_arena *arena,
                             struct hr_err *err)
{
    assert(!w->inputs && options->idle_us >= 0);
    w->options = *options;
    w->inputs = HR_NEW_ARRAY(arena, struct hr_watermark_input, count + 1);
    w->newest_us = HR_NEW_ARRAY(arena, int64_t, count + 1);
    if (!w->inputs || !w->newest_us) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) w->newest_us[i] = HR_WATERMARK_NONE;
    w->count = count;
    w->opened_us = w->ticked_us = now_us;
    return HR_OK;
}

void hr_watermarks_done(struct hr_watermarks *w)
{
    for (uint32_t i = 0; i < w->count; i++) hr_free(w->inputs[i].marks);
    *w = (struct hr_watermarks){0};
}

hr_status hr_watermarks_run_init(struct hr_exec *exec, uint32_t count, struct hr_arena *arena,
                                 struct hr_err *err)
{
    assert(!exec->watermarks || exec->watermark_count == 0);
    exec->watermarks = HR_NEW_ARRAY(arena, struct hr_exec_watermark, count + 1);
    if (!exec->watermarks) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        atomic_store(&exec->watermarks[i].max_us, INT64_MIN);
        atomic_store(&exec->watermarks[i].min_us, INT64_MAX);
        pthread_mutex_init(&exec->watermarks[i].lock, NULL);
    }
    exec->watermark_count = count;
    return HR_OK;
}

void hr_watermarks_run_done(struct hr_exec *exec)
{
    for (uint32_t i = 0; i < exec->watermark_count; i++) {
        hr_free(exec->watermarks[i].marks);
        pthread_mutex_destroy(&exec->watermarks[i].lock);
    }
    exec->watermark_count = 0;
}

/* --- Marks ------------------------------------------------------------------------------------ */

static hr_status move(struct hr_watermarks *w, uint32_t node, uint64_t partition, int64_t mark_us,
                      int64_t now_us, struct hr_err *err)
{
    assert(node < w->count);
    assert(mark_us >= 0); /* below 1970 a watermark has no effect */
    struct hr_watermark_input *in = &w->inputs[node];
    uint32_t at = 0;
    while (at < in->count && in->marks[at].partition != partition) at++;
    if (at == in->capacity) {
        uint32_t capacity = in->capacity ? in->capacity * 2 : 4;
        struct hr_watermark_mark *marks = hr_realloc(in->marks, capacity * sizeof *marks);
        if (!marks) return HR_OOM(err);
        in->marks = marks;
        in->capacity = capacity;
    }
    if (at == in->count) in->marks[in->count++] = (struct hr_watermark_mark){partition, mark_us, 0};
    in->marks[at].mark_us = HR_MAX(in->marks[at].mark_us, mark_us);
    in->marks[at].moved_us = now_us;
    w->newest_us[node] = HR_MAX(w->newest_us[node], mark_us);
    return HR_OK;
}

static int64_t mark_of(const struct hr_watermark_input *in, int64_t max_us)
{
    assert(in->delay_us >= 0);
    if (max_us < INT64_MIN + in->delay_us) return 0;
    return HR_MAX(max_us - in->delay_us, INT64_C(0)); /* Spark's watermark starts at 0 */
}

hr_status hr_watermarks_take(struct hr_watermarks *w, const struct hr_exec *exec, int64_t now_us,
                             struct hr_err *err)
{
    assert(w->count == exec->watermark_count);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct hr_exec_watermark *seen = &exec->watermarks[i];
        int64_t max_us = atomic_load(&seen->max_us);
        if (!w->options.by_partition && max_us != INT64_MIN)
            HR_TRY(move(w, i, 0, mark_of(&w->inputs[i], max_us), now_us, err));
        for (uint32_t k = 0; w->options.by_partition && k < seen->mark_count; k++)
            HR_TRY(move(w, i, seen->marks[k].partition,
                        mark_of(&w->inputs[i], seen->marks[k].max_us), now_us, err));
    }
    return HR_OK;
}

static bool is_idle(const struct hr_watermarks *w, int64_t moved_us, int64_t now_us)
{
    return w->options.idle_us > 0 && now_us - moved_us >= w->options.idle_us;
}

/* Of the marks that are not idle: the node's least; NONE: all are. holds: a node without rows. */
static int64_t least_of(const struct hr_watermarks *w, uint32_t node, int64_t now_us, bool *holds)
{
    assert(node < w->count);
    const struct hr_watermark_input *in = &w->inputs[node];
    int64_t least = HR_WATERMARK_NONE;
    *holds = in->count == 0 && !is_idle(w, w->opened_us, now_us);
    for (uint32_t k = 0; k < in->count; k++) {
        const struct hr_watermark_mark *mark = &in->marks[k];
        if (is_idle(w, mark->moved_us, now_us)) continue;
        if (least == HR_WATERMARK_NONE || mark->mark_us < least) least = mark->mark_us;
    }
    return least;
}

/* All are idle: the newest, which the clock may have carried on. */
static int64_t of_idle(const struct hr_watermarks *w, int64_t now_us)
{
    int64_t next = HR_WATERMARK_NONE;
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t k = 0; k < w->inputs[i].count; k++) {
            const struct hr_watermark_mark *mark = &w->inputs[i].marks[k];
            int64_t us = mark->mark_us;
            if (w->options.idle_clock) us += now_us - mark->moved_us;
            next = HR_MAX(next, us);
        }
    }
    return next;
}

int64_t hr_watermarks_now(const struct hr_watermarks *w, int64_t current_us, int64_t now_us)
{
    int64_t next = HR_WATERMARK_NONE;
    bool held = false, active = false;
    for (uint32_t i = 0; i < w->count; i++) {
        bool holds;
        int64_t least = least_of(w, i, now_us, &holds);
        held = held || holds;
        if (least == HR_WATERMARK_NONE) continue;
        if (!active)
            next = least;
        else
            next = w->options.policy_max ? HR_MAX(next, least) : HR_MIN(next, least);
        active = true;
    }
    if (held && !w->options.policy_max) next = HR_WATERMARK_NONE;
    if (!held && !active) next = of_idle(w, now_us);
    if (next <= 0) next = HR_WATERMARK_NONE; /* where Spark's has no effect */
    int64_t now = HR_MAX(next, current_us);
    assert(now >= current_us); /* a watermark never goes back */
    return now;
}

/* --- The clock -------------------------------------------------------------------------------- */

int64_t hr_watermarks_idle(struct hr_watermarks *w, int64_t current_us, int64_t now_us)
{
    if (w->options.idle_us == 0 || w->count == 0) return current_us;
    if (now_us - w->ticked_us < HR_MIN(w->options.idle_us, TICK_US)) return current_us;
    assert(now_us >= w->opened_us || w->opened_us == w->ticked_us);
    w->ticked_us = now_us;
    return hr_watermarks_now(w, current_us, now_us);
}

int64_t hr_watermarks_wait(const struct hr_watermarks *w, int64_t now_us)
{
    if (w->options.idle_us == 0 || w->count == 0) return INT64_MAX;
    int64_t due_us = w->ticked_us + HR_MIN(w->options.idle_us, TICK_US);
    return HR_MAX(due_us - now_us, INT64_C(1000));
}

/* --- The journal ------------------------------------------------------------------------------ */

hr_status hr_watermarks_put(const struct hr_watermarks *w, struct hr_arena *arena,
                            struct hr_commit_record *ret, struct hr_err *err)
{
    uint32_t count = 0;
    ret->source_watermarks_us = w->newest_us;
    ret->watermark_count = w->count;
    for (uint32_t i = 0; w->options.by_partition && i < w->count; i++) count += w->inputs[i].count;
    if (count == 0) return HR_OK;
    ret->marks = HR_NEW_ARRAY(arena, struct hr_mark_record, count);
    if (!ret->marks) return HR_OOM(err);
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t k = 0; k < w->inputs[i].count; k++) {
            const struct hr_watermark_mark *mark = &w->inputs[i].marks[k];
            ret->marks[ret->mark_count++] =
                (struct hr_mark_record){i, mark->partition, mark->mark_us};
        }
    }
    return HR_OK;
}

hr_status hr_watermarks_restore(struct hr_watermarks *w, const struct hr_commit_record *commit,
                                struct hr_err *err)
{
    assert(commit->watermark_count == w->count);
    for (uint32_t i = 0; i < w->count; i++) {
        int64_t newest_us = commit->source_watermarks_us[i];
        w->inputs[i].count = 0;
        w->newest_us[i] = newest_us;
        if (!w->options.by_partition && newest_us != HR_WATERMARK_NONE)
            HR_TRY(move(w, i, 0, newest_us, w->opened_us, err));
    }
    for (uint32_t k = 0; w->options.by_partition && k < commit->mark_count; k++) {
        const struct hr_mark_record *mark = &commit->marks[k];
        if (mark->node >= w->count)
            return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "journal", "why",
                            "a COMMIT record names a watermark that the query does not have");
        HR_TRY(move(w, mark->node, mark->partition, mark->mark_us, w->opened_us, err));
    }
    return HR_OK;
}
