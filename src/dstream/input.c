/* SPDX-License-Identifier: Apache-2.0 */
/* The input of tests: a queue of RDDs. */
#include "dstream/dstream.h"

struct queue_item {
    struct hr_rdd *rdd;
    struct queue_item *next;
};

struct queue_ds {
    struct hr_dstream ds;
    pthread_mutex_t lock;
    struct queue_item *first, **tail;
    bool one;
};

static struct queue_item *queue_take(struct queue_ds *q)
{
    pthread_mutex_lock(&q->lock);
    struct queue_item *items = q->first;
    if (items && q->one) {
        q->first = items->next;
        items->next = NULL;
    } else {
        q->first = NULL;
    }
    if (!q->first) q->tail = &q->first;
    pthread_mutex_unlock(&q->lock);
    return items;
}

static void items_free(struct queue_item *items)
{
    while (items) {
        struct queue_item *item = items;
        items = item->next;
        hr_rdd_unref(item->rdd);
        hr_free(item);
    }
}

static struct hr_rdd *queue_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_pool *pool = ds->ssc->batch_pool;
    struct queue_item *items = queue_take((struct queue_ds *)ds);
    struct hr_rdd *out = NULL;
    HR_UNUSED(time);
    ds->rows = 0;
    if (!items) return hr_ds_empty(ds, err);
    for (struct queue_item *item = items; item; item = item->next) {
        struct hr_rdd *rdd = hr_node_wrap(pool, item->rdd, err);
        if (rdd) hr_node_of(rdd)->key_columns = hr_node_of(item->rdd)->key_columns;
        if (rdd && item->rdd->rows_estimate > 0) ds->rows += (uint64_t)item->rdd->rows_estimate;
        out = item == items ? rdd : hr_rdd_union(out, rdd, err);
        if (!out) break;
    }
    items_free(items);
    return out;
}

static void queue_free(struct hr_dstream *ds)
{
    struct queue_ds *q = (struct queue_ds *)ds;
    items_free(q->first);
    pthread_mutex_destroy(&q->lock);
}
static const struct hr_ds_vt queue_vt = {
    .name = "queue", .compute = queue_compute, .free = queue_free, .input = true};

struct hr_dstream *hr_queue_stream(struct hr_streaming *ssc, const char *schema, bool one_at_a_time,
                                   struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct queue_ds *q = hr_ds_new(ssc, &queue_vt, sizeof *q, type, NULL, NULL, err);
    if (!q) return NULL;
    pthread_mutex_init(&q->lock, NULL);
    q->tail = &q->first;
    q->one = one_at_a_time;
    return &q->ds;
}

hr_status hr_queue_push(struct hr_dstream *queue, struct hr_rdd *rdd, struct hr_err *err)
{
    if (!queue || queue->vt != &queue_vt)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "not a queue stream");
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    if (!hr_type_same(rdd->schema, queue->schema))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the RDD's schema is not the queue's");
    struct queue_ds *q = (struct queue_ds *)queue;
    struct queue_item *item = hr_alloc(sizeof *item);
    if (!item) return HR_OOM(err);
    *item = (struct queue_item){hr_rdd_ref(rdd), NULL};
    pthread_mutex_lock(&q->lock);
    *q->tail = item;
    q->tail = &item->next;
    pthread_mutex_unlock(&q->lock);
    return HR_OK;
}
