/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, nodes, and what all operations use: schemas, orders, draining, iterators over lists. */
#include "api/api.h"
#include "column/type_parse.h"

/* --- Pools ------------------------------------------------------------------------------------ */

void hr_pool_init(struct hr_pool *pool, struct hr_context *ctx)
{
    pthread_mutex_init(&pool->lock, NULL);
    pool->ctx = ctx;
    pool->first = NULL;
}

static _Thread_local struct hr_pool *batch_pool;

struct hr_pool *hr_pool_swap(struct hr_pool *pool)
{
    struct hr_pool *before = batch_pool;
    batch_pool = pool;
    return before;
}

static void pool_add(struct hr_pool *pool, struct hr_node *node)
{
    if (batch_pool && pool == &batch_pool->ctx->pool) pool = batch_pool;
    pthread_mutex_lock(&pool->lock);
    node->pool = node->owner = pool;
    node->pool_prev = NULL;
    node->pool_next = pool->first;
    if (pool->first) pool->first->pool_prev = node;
    pool->first = node;
    pthread_mutex_unlock(&pool->lock);
}

void hr_pool_done(struct hr_pool *pool)
{
    struct hr_node *node = pool->first;
    pool->first = NULL;
    while (node) {
        struct hr_node *rest = node->pool_next;
        node->pool_prev = node->pool_next = NULL;
        node->pool = &pool->ctx->pool;
        node->owner = NULL;
        hr_rdd_unref(&node->base);
        node = rest;
    }
    pthread_mutex_destroy(&pool->lock);
}

void hr_rdd_release(struct hr_rdd *rdd)
{
    struct hr_node *node = rdd ? hr_node_of(rdd) : NULL;
    struct hr_pool *pool = node ? node->owner : NULL;
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    *(node->pool_prev ? &node->pool_prev->pool_next : &pool->first) = node->pool_next;
    if (node->pool_next) node->pool_next->pool_prev = node->pool_prev;
    node->pool_prev = node->pool_next = NULL;
    node->owner = NULL;
    pthread_mutex_unlock(&pool->lock);
    hr_rdd_unref(rdd);
}

/* --- Nodes ------------------------------------------------------------------------------------ */

void hr_node_free(struct hr_rdd *rdd)
{
    struct hr_node *node = hr_node_of(rdd);
    if (node->op_done) node->op_done(node);
    hr_placer_unref(node->placed.by);
    while (node->cleanups) {
        struct hr_node_cleanup *c = node->cleanups;
        node->cleanups = c->next;
        c->fn(c->arg);
        hr_free(c);
    }
}

void *hr_node_new(const struct hr_node_spec *spec, struct hr_err *err)
{
    struct hr_node *node = hr_zalloc(spec->size);
    hr_status status = node ? HR_OK : HR_OOM(err);
    if (status == HR_OK)
        status = hr_rdd_init(&node->base, spec->vt, spec->schema, spec->partitions, spec->deps,
                             spec->dep_count, err);
    if (status != HR_OK) {
        for (uint32_t i = 0; i < spec->dep_count; i++) {
            struct hr_partitioner *p = spec->deps[i].partitioner;
            if (spec->deps[i].kind == HR_DEP_SHUFFLE && p && p->free) p->free(p);
        }
        hr_free(node);
        return NULL;
    }
    node->ctx = spec->pool->ctx;
    node->key_columns = HR_MIN(HR_MAX(spec->key_columns, 1u), spec->schema->field_count);
    hr_node_place(node, spec->placed);
    node->op_done = spec->op_done;
    pool_add(spec->pool, node);
    return node;
}

void hr_node_place(struct hr_node *node, struct hr_placement placed)
{
    hr_placer_ref(placed.by);
    hr_placer_unref(node->placed.by);
    node->placed = placed;
}

void *hr_node_narrow(const struct hr_rdd_vt *vt, size_t size, struct hr_rdd *parent,
                     const struct hr_type *schema, void (*op_done)(struct hr_node *),
                     struct hr_err *err)
{
    struct hr_node *from = hr_node_of(parent);
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = parent};
    return hr_node_new(&(struct hr_node_spec){.vt = vt,
                                              .size = size,
                                              .pool = from->pool,
                                              .schema = schema,
                                              .partitions = parent->partition_count,
                                              .deps = &dep,
                                              .dep_count = 1,
                                              .key_columns = from->key_columns,
                                              .op_done = op_done},
                       err);
}

static hr_status pass_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    return hr_rdd_parent_iter(rdd, 0, partition, ctx, ret_iter, err);
}
static const struct hr_rdd_vt wrap_vt = {"MapPartitionsRDD", pass_compute, NULL, hr_node_free};

struct hr_rdd *hr_node_wrap(struct hr_pool *pool, struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    return hr_node_new(&(struct hr_node_spec){.vt = &wrap_vt,
                                              .size = sizeof(struct hr_node),
                                              .pool = pool,
                                              .schema = rdd->schema,
                                              .partitions = rdd->partition_count,
                                              .deps = &dep,
                                              .dep_count = 1},
                       err);
}

struct hr_rdd *hr_node_scratch(struct hr_pool *pool, struct hr_rdd *rdd, struct hr_err *err)
{
    const struct hr_node *from = hr_node_of(rdd);
    hr_pool_init(pool, from->ctx);
    struct hr_rdd *out = hr_node_wrap(pool, rdd, err);
    if (!out) return NULL;
    hr_node_of(out)->key_columns = from->key_columns;
    hr_node_place(hr_node_of(out), from->placed);
    out->rows_estimate = rdd->rows_estimate;
    return out;
}

hr_status hr_rdd_on_free(struct hr_rdd *rdd, void (*fn)(void *arg), void *arg, struct hr_err *err)
{
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    struct hr_node_cleanup *c = hr_alloc(sizeof *c);
    if (!c) return HR_OOM(err);
    *c = (struct hr_node_cleanup){fn, arg, hr_node_of(rdd)->cleanups};
    hr_node_of(rdd)->cleanups = c;
    return HR_OK;
}

uint32_t hr_rdd_id(const struct hr_rdd *rdd)
{
    if (!rdd) return 0;
    return rdd->id;
}
uint32_t hr_rdd_partitions(const struct hr_rdd *rdd)
{
    if (!rdd) return 0;
    return rdd->partition_count;
}
const char *hr_rdd_name(const struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    return rdd->label;
}
struct hr_context *hr_rdd_context(const struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    return hr_node_of(rdd)->ctx;
}

struct hr_rdd *hr_rdd_set_name(struct hr_rdd *rdd, const char *name, struct hr_err *err)
{
    if (!name) {
        HR_UNUSED(hr_missing("no name", err));
        return NULL;
    }
    if (!rdd) return NULL;
    char *copy = hr_strdup(name);
    if (!copy) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    hr_free((char *)(uintptr_t)rdd->label);
    rdd->label = copy;
    return rdd;
}

/* The buffer's bytes as a text of the caller's. */
static char *take_text(struct hr_buf *buf)
{
    char *copy = buf->failed ? NULL : hr_strdup(hr_buf_cstr(buf));
    hr_buf_done(buf);
    return copy;
}

char *hr_rdd_schema(const struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    struct hr_buf out = {0};
    for (uint32_t i = 0; i < rdd->schema->field_count; i++) {
        const struct hr_field *f = &rdd->schema->fields[i];
        hr_buf_printf(&out, "%s%s ", i ? ", " : "", f->name);
        hr_type_print_sql(f->type, &out);
    }
    return take_text(&out);
}

char *hr_rdd_to_debug_string(struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    struct hr_buf out = {0};
    hr_rdd_debug_string(rdd, &out);
    return take_text(&out);
}

hr_status hr_missing(const char *what, struct hr_err *err)
{
    return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s", what);
}

/* --- Schemas ---------------------------------------------------------------------------------- */

hr_status hr_schema_from_ddl(const char *ddl, const struct hr_type **ret, struct hr_err *err)
{
    const struct hr_type *schema;
    if (!ddl) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no schema given");
    HR_TRY(hr_schema_parse(hr_sv(ddl), &schema, err));
    if (schema->field_count == 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "schema \"%s\" has no columns", ddl);
    *ret = schema;
    return HR_OK;
}

const struct hr_type *hr_schema_slice(const struct hr_type *schema, uint32_t first, uint32_t count)
{
    return hr_type_struct(schema->fields + first, count);
}

const struct hr_type *hr_schema_concat(const struct hr_type *a, const struct hr_type *b,
                                       bool a_nullable, bool b_nullable)
{
    uint32_t n = a->field_count + b->field_count;
    struct hr_field *fields = hr_alloc(n * sizeof *fields);
    if (!fields) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        bool left = i < a->field_count;
        fields[i] = left ? a->fields[i] : b->fields[i - a->field_count];
        if (left ? a_nullable : b_nullable) fields[i].nullable = true;
    }
    const struct hr_type *schema = hr_type_struct(fields, n);
    hr_free(fields);
    return schema;
}

uint32_t hr_default_partitions(struct hr_rdd *const *parents, uint32_t count, uint32_t wanted)
{
    if (wanted) return wanted;
    uint32_t n = 0, placed = 0;
    for (uint32_t i = 0; i < count; i++) {
        n = HR_MAX(n, parents[i]->partition_count);
        placed = HR_MAX(placed, hr_node_of(parents[i])->placed.partitions);
    }
    if (placed) return placed; /* keep what is partitioned already */
    uint32_t parallelism = hr_node_of(parents[0])->ctx->parallelism;
    return HR_MAX(1u, HR_MAX(n, parallelism));
}

bool hr_node_is_placed(const struct hr_node *node, uint32_t keys, const struct hr_placement *placed)
{
    return node->key_columns == keys && hr_placed_alike(&node->placed, placed);
}

struct hr_placement hr_default_placement(struct hr_rdd *const *parents, uint32_t count,
                                         uint32_t keys, uint32_t wanted)
{
    struct hr_placement best = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_node *node = hr_node_of(parents[i]);
        bool fits = !wanted || node->placed.partitions == wanted;
        if (node->key_columns == keys && fits && node->placed.partitions > best.partitions)
            best = node->placed;
    }
    if (!best.partitions) best.partitions = hr_default_partitions(parents, count, wanted);
    return best;
}

static hr_status order_term(const struct hr_type *schema, struct hr_str_view term,
                            struct hr_order *ret, struct hr_err *err)
{
    struct hr_text rest = {term.ptr, term.len}, name, how = {NULL, 0}, extra;
    if (!hr_text_next_word(&rest, &name))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "an empty column name in an order");
    bool has = hr_text_next_word(&rest, &how);
    bool desc = has && hr_sv_eq_nocase(hr_svn(how.ptr, how.len), hr_sv("DESC"));
    bool asc = !has || hr_sv_eq_nocase(hr_svn(how.ptr, how.len), hr_sv("ASC"));
    if ((!asc && !desc) || hr_text_next_word(&rest, &extra))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"%.*s\": expected COLUMN [ASC|DESC]",
                       (int)term.len, term.ptr);
    int32_t column = hr_type_field_index(schema, hr_svn(name.ptr, name.len));
    if (column < 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "there is no column \"%.*s\"", (int)name.len,
                       name.ptr);
    *ret = (struct hr_order){(uint32_t)column, desc};
    return HR_OK;
}

hr_status hr_order_parse(const struct hr_type *schema, const char *text, struct hr_order *ret,
                         uint32_t max, uint32_t *ret_count, struct hr_err *err)
{
    struct hr_text rest = hr_text(text), field;
    uint32_t n = 0;
    while (hr_text_next_field(&rest, ',', &field)) {
        if (n == max) return HR_FAIL(err, HR_E_LIMIT, "more than %u columns", max);
        HR_TRY(order_term(schema, hr_svn(field.ptr, field.len), &ret[n], err));
        n++;
    }
    if (!n) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no columns given");
    *ret_count = n;
    return HR_OK;
}

/* --- Draining ------------------------------------------------------------------------------- */

hr_status hr_drain(struct hr_rdd *rdd, uint32_t dep, uint32_t partition, struct hr_task_ctx *ctx,
                   struct hr_batch_list *list, struct hr_err *err)
{
    struct hr_batch_iter *iter;
    HR_TRY(hr_rdd_parent_iter(rdd, dep, partition, ctx, &iter, err));
    hr_status status;
    for (;;) {
        struct hr_batch *batch = NULL;
        status = iter->next(iter, &batch, err);
        if (status != HR_OK || !batch) break;
        if (batch->sel_count == 0) {
            hr_batch_unref(batch);
            continue;
        }
        status = hr_batch_list_push(list, batch, err);
        if (status == HR_OK && ctx->cancelled && __atomic_load_n(ctx->cancelled, __ATOMIC_RELAXED))
            status = HR_RAISE(err, HR_E_CANCELLED);
        if (status != HR_OK) break;
    }
    iter->close(iter);
    return status;
}

hr_status hr_drain_one(struct hr_rdd *rdd, uint32_t dep, uint32_t partition,
                       struct hr_task_ctx *ctx, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch_list list = {0};
    hr_status status = hr_drain(rdd, dep, partition, ctx, &list, err);
    if (status == HR_OK) {
        struct hr_batch *one =
            hr_batch_concat(list.items, list.count, rdd->deps[dep].parent->schema, false);
        if (one)
            *ret = one;
        else
            status = HR_OOM(err);
    }
    hr_batch_list_done(&list);
    return status;
}

struct list_iter {
    struct hr_batch_iter base;
    struct hr_batch_list list;
    uint32_t next;
};

static hr_status list_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct list_iter *it = (struct list_iter *)iter;
    HR_UNUSED(err);
    *ret = it->next < it->list.count ? hr_batch_ref(it->list.items[it->next++]) : NULL;
    return HR_OK;
}

static void list_close(struct hr_batch_iter *iter)
{
    struct list_iter *it = (struct list_iter *)iter;
    hr_batch_list_done(&it->list);
    hr_free(it);
}

hr_status hr_iter_of_list(struct hr_batch_list *list, struct hr_batch_iter **ret,
                          struct hr_err *err)
{
    struct list_iter *it = hr_zalloc(sizeof *it);
    if (!it) {
        hr_batch_list_done(list);
        return HR_OOM(err);
    }
    it->base = (struct hr_batch_iter){list_next, list_close};
    it->list = *list;
    *list = (struct hr_batch_list){0};
    *ret = &it->base;
    return HR_OK;
}

hr_status hr_iter_of_batch(struct hr_batch *batch, struct hr_batch_iter **ret, struct hr_err *err)
{
    struct hr_batch_list list = {0};
    hr_status status = HR_OK;
    if (batch->sel_count <= HR_BATCH_ROWS) {
        if (batch->sel_count)
            status = hr_batch_list_push(&list, batch, err);
        else
            hr_batch_unref(batch);
    } else {
        for (uint32_t at = 0; at < batch->sel_count && status == HR_OK; at += HR_BATCH_ROWS) {
            uint32_t n = HR_MIN((uint32_t)HR_BATCH_ROWS, batch->sel_count - at);
            struct hr_batch *piece = hr_batch_slice(batch, at, n);
            status = piece ? hr_batch_list_push(&list, piece, err) : HR_OOM(err);
        }
        hr_batch_unref(batch);
    }
    if (status == HR_OK) return hr_iter_of_list(&list, ret, err);
    hr_batch_list_done(&list);
    return status;
}
