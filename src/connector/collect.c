/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/collect.h"

struct collect_writer {
    struct hr_sink_writer base;
    struct hr_collect *collect;
    struct hr_collect_part *part;
};

static void free_part(struct hr_collect_part *part)
{
    if (!part) return;
    for (uint32_t i = 0; i < part->count; i++) hr_batch_unref(part->batches[i]);
    hr_free(part->batches);
    hr_free(part);
}

void hr_collect_init(struct hr_collect *collect)
{
    memset(collect, 0, sizeof *collect);
    pthread_mutex_init(&collect->lock, NULL);
}

static void clear_locked(struct hr_collect *collect)
{
    while (collect->parts) {
        struct hr_collect_part *part = collect->parts;
        collect->parts = part->next;
        free_part(part);
    }
}

void hr_collect_clear(struct hr_collect *collect)
{
    pthread_mutex_lock(&collect->lock);
    clear_locked(collect);
    pthread_mutex_unlock(&collect->lock);
}

void hr_collect_done(struct hr_collect *collect)
{
    clear_locked(collect);
    pthread_mutex_destroy(&collect->lock);
}

static hr_status collect_write(struct hr_sink_writer *base, struct hr_batch *batch,
                               struct hr_err *err)
{
    struct collect_writer *w = HR_CONTAINER_OF(base, struct collect_writer, base);
    struct hr_collect_part *part = w->part;
    if (batch->sel_count == 0) return HR_OK;
    if (part->count == part->capacity) {
        uint32_t capacity = part->capacity ? part->capacity * 2 : 8;
        struct hr_batch **grown = hr_realloc(part->batches, capacity * sizeof(struct hr_batch *));
        if (!grown) return HR_OOM(err);
        part->batches = grown;
        part->capacity = capacity;
    }
    /* A reference would keep whole input blocks alive for a few short strings. */
    struct hr_batch *copy = hr_batch_concat(&batch, 1, batch->schema, true);
    if (!copy) {
        hr_status status = HR_OOM(err);
        return err ? hr_err_prefix(err, "the rows of the sink") : status;
    }
    part->batches[part->count++] = copy;
    base->rows_written += batch->sel_count;
    return HR_OK;
}

static hr_status collect_finish(struct hr_sink_writer *base, struct hr_buf *message,
                                struct hr_err *err)
{
    struct collect_writer *w = HR_CONTAINER_OF(base, struct collect_writer, base);
    HR_UNUSED(message);
    HR_UNUSED(err);
    pthread_mutex_lock(&w->collect->lock);
    struct hr_collect_part **at = &w->collect->parts;
    while (*at && (*at)->partition < w->part->partition) at = &(*at)->next;
    if (*at && (*at)->partition == w->part->partition) {
        struct hr_collect_part *old = *at;
        *at = old->next;
        free_part(old);
    }
    w->part->next = *at;
    *at = w->part;
    w->part = NULL;
    pthread_mutex_unlock(&w->collect->lock);
    return HR_OK;
}

static void collect_close(struct hr_sink_writer *base)
{
    struct collect_writer *w = HR_CONTAINER_OF(base, struct collect_writer, base);
    free_part(w->part);
    hr_free(w);
}

hr_status hr_collect_writer(struct hr_collect *collect, uint32_t partition,
                            struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {collect_write, collect_finish, collect_close};
    struct collect_writer *w = hr_zalloc(sizeof *w);
    if (!w || !(w->part = hr_zalloc(sizeof *w->part))) {
        hr_free(w);
        return HR_OOM(err);
    }
    w->base.vt = &vt;
    w->collect = collect;
    w->part->partition = partition;
    *ret = &w->base;
    return HR_OK;
}

hr_status hr_collect_take(struct hr_collect *collect, struct hr_batch ***ret, uint32_t *ret_count,
                          struct hr_err *err)
{
    uint32_t count = 0, at = 0;
    pthread_mutex_lock(&collect->lock);
    for (struct hr_collect_part *p = collect->parts; p; p = p->next) count += p->count;
    struct hr_batch **all = hr_alloc((count + 1) * sizeof(struct hr_batch *));
    for (struct hr_collect_part *p = collect->parts; all && p; p = p->next)
        for (uint32_t i = 0; i < p->count; i++) all[at++] = hr_batch_ref(p->batches[i]);
    pthread_mutex_unlock(&collect->lock);
    if (!all) return HR_OOM(err);
    *ret = all;
    *ret_count = count;
    return HR_OK;
}
