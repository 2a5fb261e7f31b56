/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting beyond memory: sorted runs on disk, merged at the end by a heap of their first rows. At
 * most FAN runs at a time; more are first merged into longer ones, neighbours with neighbours, so
 * that equal rows keep the order in which they came.
 */
#include "column/builder.h"
#include "operator/sorter.h"
#include "operator/spill.h"

#define FAN 32u

struct cursor {
    struct hr_spill_run run;
    struct hr_batch *batch; /* NULL: the end */
    uint32_t row;
};

struct hr_sort_runs {
    struct hr_task *task;
    struct hr_sorter *sorter;
    const struct hr_type *out; /* the node's columns */
    struct hr_spill *spill;
    struct hr_spill_run *runs;
    uint32_t run_count, run_capacity;
    uint32_t slice; /* rows of a batch in the file */
    bool merging;
    struct cursor cursors[FAN];
    uint32_t heap[FAN], heap_count;
};

hr_status hr_sort_runs_new(struct hr_task *task, struct hr_sorter *sorter,
                           const struct hr_type *out, struct hr_sort_runs **ret, struct hr_err *err)
{
    struct hr_sort_runs *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->task = task;
    r->out = out;
    r->sorter = sorter;
    hr_status status = hr_spill_new(task, hr_sorter_schema(sorter), &r->spill, err);
    if (status)
        hr_sort_runs_free(r);
    else
        *ret = r;
    return status;
}

void hr_sort_runs_free(struct hr_sort_runs *runs)
{
    if (!runs) return;
    for (uint32_t i = 0; i < FAN; i++) hr_batch_unref(runs->cursors[i].batch);
    hr_spill_free(runs->spill);
    hr_free(runs->runs);
    hr_free(runs);
}

static hr_status push_run(struct hr_sort_runs *r, struct hr_spill_run run, struct hr_err *err)
{
    if (r->run_count == r->run_capacity) {
        uint32_t capacity = HR_MAX(r->run_capacity * 2, FAN);
        struct hr_spill_run *grown = hr_realloc(r->runs, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        r->runs = grown;
        r->run_capacity = capacity;
    }
    r->runs[r->run_count++] = run;
    return HR_OK;
}

hr_status hr_sort_runs_add(struct hr_sort_runs *r, struct hr_err *err)
{
    uint64_t rows = hr_sorter_rows(r->sorter);
    struct hr_spill_run run = {.at = hr_spill_end(r->spill)};
    if (rows == 0) return HR_OK;
    if (!r->slice)
        r->slice = hr_spill_rows(r->task, hr_sorter_bytes(r->sorter) / (int64_t)rows + 1);
    HR_TRY(hr_sorter_sort(r->sorter, -1, err));
    for (uint64_t at = 0; at < rows; at += r->slice) {
        struct hr_batch *batch;
        uint32_t count = (uint32_t)HR_MIN(rows - at, (uint64_t)r->slice);
        HR_TRY(hr_sorter_take_keyed(r->sorter, at, count, &batch, err));
        hr_status status = hr_spill_write(r->spill, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
    hr_sorter_clear(r->sorter);
    run.end = hr_spill_end(r->spill);
    return push_run(r, run, err);
}

/* --- Merging ---------------------------------------------------------------------------------- */

/* Does a's row come before b's? Of equal ones that of the earlier run. */
static bool before(const struct hr_sort_runs *r, uint32_t a, uint32_t b)
{
    const struct cursor *ca = &r->cursors[a], *cb = &r->cursors[b];
    int c = hr_sorter_compare(r->sorter, ca->batch, ca->row, cb->batch, cb->row);
    return c ? c < 0 : a < b;
}

static void sift_down(struct hr_sort_runs *r, uint32_t at)
{
    uint32_t moved = r->heap[at];
    for (uint32_t child; (child = at * 2 + 1) < r->heap_count; at = child) {
        if (child + 1 < r->heap_count && before(r, r->heap[child + 1], r->heap[child])) child++;
        if (!before(r, r->heap[child], moved)) break;
        r->heap[at] = r->heap[child];
    }
    r->heap[at] = moved;
}

static hr_status advance_batch(struct hr_sort_runs *r, struct hr_spill *spill, struct cursor *c,
                               struct hr_err *err)
{
    hr_batch_unref(c->batch);
    c->batch = NULL;
    c->row = 0;
    return hr_spill_read(spill, &c->run, &c->batch, err);
}

static hr_status begin_merge(struct hr_sort_runs *r, struct hr_spill *spill,
                             const struct hr_spill_run *runs, uint32_t count, struct hr_err *err)
{
    r->heap_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        r->cursors[i].run = runs[i];
        HR_TRY(advance_batch(r, spill, &r->cursors[i], err));
        if (r->cursors[i].batch) r->heap[r->heap_count++] = i;
    }
    for (uint32_t i = r->heap_count / 2; i-- > 0;) sift_down(r, i);
    return HR_OK;
}

struct pick {
    const struct hr_batch *batch;
    uint32_t row;
};

static hr_status build(struct hr_sort_runs *r, const struct hr_type *schema,
                       const struct pick *picks, uint32_t count, struct hr_batch **ret,
                       struct hr_err *err)
{
    struct hr_batch_builder builder;
    HR_TRY(hr_batch_builder_init(&builder, schema, count, r->task->mem, err));
    for (uint32_t c = 0; c < schema->field_count; c++)
        for (uint32_t i = 0; i < count; i++)
            hr_builder_copy(builder.columns[c], &picks[i].batch->columns[c], picks[i].row);
    hr_status status = hr_batch_builder_finish(&builder, ret, err);
    hr_batch_builder_done(&builder);
    return status;
}

/* Rows in order, as long as no batch of a run ends; NULL: all runs have ended. */
static hr_status merge(struct hr_sort_runs *r, struct hr_spill *spill, const struct hr_type *schema,
                       struct hr_batch **ret, struct hr_err *err)
{
    struct pick picks[1024];
    uint32_t count = 0, most = HR_MIN(r->slice, (uint32_t)HR_COUNT(picks));
    *ret = NULL;
    if (r->heap_count == 0) return HR_OK;
    while (count < most) {
        struct cursor *c = &r->cursors[r->heap[0]];
        picks[count++] = (struct pick){c->batch, c->row};
        if (++c->row == c->batch->row_count) break;
        sift_down(r, 0);
    }
    HR_TRY(build(r, schema, picks, count, ret, err));
    struct cursor *c = &r->cursors[r->heap[0]];
    if (c->row < c->batch->row_count) return HR_OK;
    hr_status status = advance_batch(r, spill, c, err);
    if (status) {
        hr_batch_unref(*ret);
        return status;
    }
    if (!c->batch) r->heap[0] = r->heap[--r->heap_count];
    if (r->heap_count) sift_down(r, 0);
    return HR_OK;
}

/* Groups of FAN neighbours become a run each, in a new file. */
static hr_status merge_groups(struct hr_sort_runs *r, struct hr_err *err)
{
    struct hr_spill *old = r->spill, *new_file;
    const struct hr_type *schema = hr_sorter_schema(r->sorter);
    uint32_t count = 0;
    hr_status status = hr_spill_new(r->task, schema, &new_file, err);
    if (status) return status;
    r->spill = new_file;
    for (uint32_t at = 0; !status && at < r->run_count; at += FAN) {
        struct hr_spill_run run = {.at = hr_spill_end(new_file)};
        struct hr_batch *batch = NULL;
        status = begin_merge(r, old, r->runs + at, HR_MIN(r->run_count - at, FAN), err);
        while (!status && !(status = merge(r, old, schema, &batch, err)) && batch) {
            status = hr_spill_write(new_file, batch, err);
            hr_batch_unref(batch);
        }
        run.end = hr_spill_end(new_file);
        r->runs[count++] = run;
    }
    r->run_count = count;
    hr_spill_free(old);
    return status;
}

hr_status hr_sort_runs_next(struct hr_sort_runs *runs, struct hr_batch **ret, struct hr_err *err)
{
    if (!runs->merging) {
        runs->merging = true;
        while (runs->run_count > FAN) HR_TRY(merge_groups(runs, err));
        HR_TRY(begin_merge(runs, runs->spill, runs->runs, runs->run_count, err));
    }
    return merge(runs, runs->spill, runs->out, ret, err);
}
