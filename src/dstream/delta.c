/* SPDX-License-Identifier: Apache-2.0 */
/* States by key as deltas between the RDDs of two batches (delta.h). */
#include "dstream/delta.h"

#include "rdd/block_store.h"
#include "state/table.h"

#define DATA_MAX    ((size_t)64 << 30)
#define SKIP_ROUNDS 8 /* comparisons left out when one has shown that most has changed */
#define ITER_ROWS   1024

/* Rows of a delta: (gone, key, state); gone: the key has no state any more. */
struct hr_ds_delta {
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    const struct hr_type *schema;
    uint32_t keys;
    uint64_t base; /* segment of the last whole RDD; 0: none */
    size_t whole_bytes, delta_bytes;
    uint32_t skip;
    /* While a checkpoint is read: where each key's row is. */
    struct hr_ktable *table;
    struct hr_batch_list batches; /* of both schemas */
};

struct place {
    uint32_t batch, row;
};

bool hr_ds_delta_fits(const struct hr_dstream *ds)
{
    return ds->needs_previous && ds->checkpointed && ds->remember == ds->slide &&
           ds->key_columns < ds->schema->field_count && ds->key_columns <= HR_ORDER_MAX;
}

static hr_status delta_of(struct hr_dstream *ds, struct hr_ds_delta **ret, struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    struct hr_field gone = {"gone", hr_type(HR_T_BOOLEAN), false};
    if (!ds->delta) {
        struct hr_ds_delta *d = hr_zalloc(sizeof *d);
        if (!d) return HR_OOM(err);
        ds->delta = d;
        d->keys = ds->key_columns;
        const struct hr_type *head = hr_type_struct(&gone, 1);
        d->schema = head ? hr_schema_concat(head, ds->schema, false, true) : NULL;
        if (!d->schema) return HR_OOM(err);
        for (uint32_t i = 0; i < d->keys; i++) types[i] = ds->schema->fields[i].type;
        HR_TRY(hr_key_codec_new(&d->arena, types, d->keys, &d->codec, err));
    }
    *ret = ds->delta;
    return HR_OK;
}

void hr_ds_delta_free(struct hr_dstream *ds)
{
    struct hr_ds_delta *d = ds->delta;
    ds->delta = NULL;
    if (!d) return;
    hr_ktable_free(d->table);
    hr_batch_list_done(&d->batches);
    hr_arena_done(&d->arena);
    hr_free(d);
}

/* --- Comparing -------------------------------------------------------------------------------- */

struct diff_node {
    struct hr_node node;
    const struct hr_ds_delta *d;
};

/* One partition of both. */
struct diff {
    const struct hr_ds_delta *d;
    struct hr_batch *now, *before;
    struct hr_ktable *table; /* keys before; struct place: seen now, row */
    struct hr_keys keys;
    uint8_t **states;
    uint32_t *rows; /* of now that differ; of before that are gone */
    uint32_t count;
};

static bool has_floats(const struct hr_type *type)
{
    if (type->id == HR_T_FLOAT || type->id == HR_T_DOUBLE) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_floats(type->fields[i].type)) return true;
    return false;
}

/* To the bit: 0.0 and -0.0 are equal for grouping, and two states. */
static bool same_value(const struct hr_column *a, uint32_t i, const struct hr_column *b, uint32_t k)
{
    if (!has_floats(a->type)) return hr_column_equal(a, i, b, k);
    if (hr_type_is_nested(a->type)) return false;
    if (!hr_column_valid(a, i) || !hr_column_valid(b, k))
        return !hr_column_valid(a, i) && !hr_column_valid(b, k);
    size_t width = hr_type_width(a->type);
    return memcmp((const char *)a->values + i * width, (const char *)b->values + k * width,
                  width) == 0;
}

static bool same_state(const struct diff *f, uint32_t now, uint32_t before)
{
    for (uint32_t c = f->d->keys; c < f->now->schema->field_count; c++)
        if (!same_value(&f->now->columns[c], now, &f->before->columns[c], before)) return false;
    return true;
}

static hr_status encode(const struct hr_ds_delta *d, const struct hr_batch *batch, uint32_t first,
                        struct hr_keys *keys, struct hr_err *err)
{
    struct hr_vector vectors[HR_ORDER_MAX];
    for (uint32_t i = 0; i < d->keys; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[first + i]};
    return hr_keys_encode(d->codec, vectors, NULL, batch->row_count, 0, keys, err);
}

static hr_status enter_before(struct diff *f, struct hr_err *err)
{
    struct hr_ktable_options options = {.states_bytes = sizeof(struct place)};
    HR_TRY(hr_ktable_new(&options, &f->table, err));
    HR_TRY(encode(f->d, f->before, 0, &f->keys, err));
    HR_TRY(hr_ktable_upsert(f->table, f->keys.views, f->keys.hashes, f->before->row_count,
                            f->states, NULL, err));
    for (uint32_t i = 0; i < f->before->row_count; i++)
        *(struct place *)(void *)f->states[i] = (struct place){0, i};
    return HR_OK;
}

static hr_status find_changed(struct diff *f, struct hr_err *err)
{
    HR_TRY(encode(f->d, f->now, 0, &f->keys, err));
    hr_ktable_find(f->table, f->keys.views, f->keys.hashes, f->now->row_count, f->states);
    for (uint32_t i = 0; i < f->now->row_count; i++) {
        struct place *old = (struct place *)(void *)f->states[i];
        if (old) old->batch = 1;
        if (!old || !same_state(f, i, old->row)) f->rows[f->count++] = i;
    }
    return HR_OK;
}

static void find_gone(struct diff *f)
{
    struct hr_ktable_iter iter;
    uint8_t *states[ITER_ROWS];
    f->count = 0;
    hr_ktable_iter_all(f->table, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, states, ITER_ROWS)) > 0;) {
        for (uint32_t i = 0; i < n; i++) {
            const struct place *old = (const struct place *)(void *)states[i];
            if (!old->batch) f->rows[f->count++] = old->row;
        }
    }
}

/* The rows found as rows of a delta. */
static hr_status put_rows(const struct diff *f, const struct hr_batch *from, bool gone,
                          struct hr_batch_list *list, struct hr_err *err)
{
    if (!f->count) return HR_OK;
    struct hr_batch *out = hr_batch_new(f->d->schema, f->count, NULL);
    if (!out) return HR_OOM(err);
    hr_status status =
        hr_column_alloc(&out->arena, hr_type(HR_T_BOOLEAN), f->count, false, &out->columns[0], err);
    if (status == HR_OK)
        memset((void *)(uintptr_t)out->columns[0].values, gone ? 0xff : 0,
               hr_bit_words(f->count) * 8);
    for (uint32_t c = 0; status == HR_OK && c < from->schema->field_count; c++) {
        struct hr_column *to = &out->columns[c + 1];
        if (gone && c >= f->d->keys)
            status = hr_column_nulls(&out->arena, from->schema->fields[c].type, f->count, to, err);
        else
            status = hr_column_take(&out->arena, &from->columns[c], f->rows, f->count, to, err);
    }
    if (status == HR_OK && !hr_batch_hold_batch(out, (struct hr_batch *)(uintptr_t)from))
        status = HR_OOM(err);
    if (status == HR_OK) return hr_batch_list_push(list, out, err);
    hr_batch_unref(out);
    return status;
}

static hr_status diff_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    struct diff f = {.d = ((const struct diff_node *)rdd)->d, .keys = {.mem = ctx->mem}};
    struct hr_batch_list list = {0};
    hr_status status = hr_drain_one(rdd, 0, partition, ctx, &f.now, err);
    if (status == HR_OK) status = hr_drain_one(rdd, 1, partition, ctx, &f.before, err);
    if (status == HR_OK) {
        size_t rows = (size_t)HR_MAX(f.now->row_count, f.before->row_count) + 1;
        f.states = hr_alloc(rows * sizeof *f.states);
        f.rows = hr_alloc(rows * sizeof *f.rows);
        if (!f.states || !f.rows) status = HR_OOM(err);
    }
    if (status == HR_OK) status = enter_before(&f, err);
    if (status == HR_OK) status = find_changed(&f, err);
    if (status == HR_OK) status = put_rows(&f, f.now, false, &list, err);
    if (status == HR_OK) {
        find_gone(&f);
        status = put_rows(&f, f.before, true, &list, err);
    }
    if (status == HR_OK) status = hr_iter_of_list(&list, ret, err);
    hr_batch_list_done(&list);
    hr_ktable_free(f.table);
    hr_keys_done(&f.keys);
    hr_free(f.states);
    hr_free(f.rows);
    hr_batch_unref(f.now);
    hr_batch_unref(f.before);
    return status;
}
static const struct hr_rdd_vt diff_vt = {"StateDeltaRDD", diff_compute, NULL, hr_node_free};

/* --- Writing ---------------------------------------------------------------------------------- */

static bool in_place(const struct hr_rdd *a, const struct hr_rdd *b, uint32_t keys)
{
    const struct hr_node *x = hr_node_of(a), *y = hr_node_of(b);
    return x->placed.partitions && hr_placed_alike(&x->placed, &y->placed) &&
           a->partition_count == b->partition_count && x->key_columns == keys &&
           y->key_columns == keys;
}

static hr_status compare(struct hr_dstream *ds, const struct hr_ds_delta *d, struct hr_rdd *now,
                         struct hr_rdd *before, struct hr_buf *out, struct hr_err *err)
{
    struct hr_dependency deps[] = {{.kind = HR_DEP_ONE_TO_ONE, .parent = now},
                                   {.kind = HR_DEP_ONE_TO_ONE, .parent = before}};
    struct diff_node *op = hr_node_new(&(struct hr_node_spec){.vt = &diff_vt,
                                                              .size = sizeof *op,
                                                              .pool = ds->ssc->batch_pool,
                                                              .schema = d->schema,
                                                              .partitions = now->partition_count,
                                                              .deps = deps,
                                                              .dep_count = 2},
                                       err);
    if (!op) return err->code;
    op->d = d;
    struct hr_rows *rows = hr_rdd_collect(&op->node.base, err);
    hr_status status = rows ? HR_OK : err->code;
    for (uint32_t i = 0; status == HR_OK && i < rows->batch_count; i++)
        status = hr_batch_file_append(out, rows->batches[i], err);
    hr_rows_free(rows);
    return status == HR_OK ? hr_buf_status(out, err) : status;
}

static hr_status put_delta(struct hr_dstream *ds, struct hr_ds_delta *d, struct hr_ds_generated *g,
                           const struct hr_buf *bytes, bool *ret_done, struct hr_err *err)
{
    *ret_done = d->delta_bytes + bytes->len <= d->whole_bytes;
    if (!*ret_done && bytes->len > d->whole_bytes / 2) d->skip = SKIP_ROUNDS;
    if (!*ret_done) return HR_OK;
    g->segment = d->base;
    g->saved = true;
    if (!bytes->len) return HR_OK;
    d->delta_bytes += bytes->len;
    struct hr_ds_record record = {.stream = ds->id,
                                  .kind = HR_DS_RECORD_DELTA,
                                  .time = g->time,
                                  .bytes = hr_svn(bytes->ptr, bytes->len)};
    return hr_ds_segments_put(&ds->ssc->log, &record, err);
}

hr_status hr_ds_delta_put(struct hr_dstream *ds, struct hr_ds_generated *g, bool *ret_done,
                          struct hr_err *err)
{
    struct hr_ds_delta *d;
    *ret_done = false;
    HR_TRY(delta_of(ds, &d, err));
    struct hr_rdd *before = hr_ds_remembered(ds, g->time - ds->slide);
    if (!d->base || !before || !in_place(g->rdd, before, d->keys)) return HR_OK;
    if (d->skip) {
        d->skip--;
        return HR_OK;
    }
    struct hr_buf bytes;
    hr_buf_init(&bytes, DATA_MAX);
    hr_status status = compare(ds, d, g->rdd, before, &bytes, err);
    if (status == HR_OK) status = put_delta(ds, d, g, &bytes, ret_done, err);
    hr_buf_done(&bytes);
    return status;
}

void hr_ds_delta_whole(struct hr_dstream *ds, const struct hr_ds_generated *g, size_t bytes)
{
    ds->delta->base = ds->needs_from = g->segment;
    ds->delta->whole_bytes = bytes;
    ds->delta->delta_bytes = 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static hr_status begin(struct hr_ds_delta *d, bool whole, struct hr_err *err)
{
    struct hr_ktable_options options = {.states_bytes = sizeof(struct place)};
    if (!d->table) return hr_ktable_new(&options, &d->table, err);
    if (!whole) return HR_OK;
    hr_ktable_clear(d->table);
    hr_batch_list_done(&d->batches);
    return HR_OK;
}

static hr_status take(struct hr_ds_delta *d, struct hr_batch *batch, bool whole,
                      struct hr_keys *keys, struct hr_err *err)
{
    uint32_t number = d->batches.count, n = batch->row_count;
    hr_status status = encode(d, batch, whole ? 0 : 1, keys, err);
    uint8_t *states;
    for (uint32_t i = 0; i < n && status == HR_OK; i++) {
        bool gone = !whole && hr_bit_get(batch->columns[0].values, i);
        if (!gone) {
            status = hr_ktable_upsert(d->table, &keys->views[i], &keys->hashes[i], 1, &states, NULL,
                                      err);
            if (status == HR_OK) *(struct place *)(void *)states = (struct place){number, i};
            continue;
        }
        hr_ktable_find(d->table, &keys->views[i], &keys->hashes[i], 1, &states);
        if (states) status = hr_ktable_delete(d->table, states, err);
    }
    if (status == HR_OK) return hr_batch_list_push(&d->batches, batch, err);
    hr_batch_unref(batch);
    return status;
}

hr_status hr_ds_delta_replay(struct hr_dstream *ds, const struct hr_ds_record *record,
                             struct hr_err *err)
{
    struct hr_ds_delta *d;
    bool whole = record->kind == HR_DS_RECORD_RDD;
    struct hr_reader in = hr_reader(record->bytes.ptr, record->bytes.len);
    struct hr_keys keys = {0};
    HR_TRY(delta_of(ds, &d, err));
    HR_TRY(begin(d, whole, err));
    hr_status status = HR_OK;
    while (status == HR_OK) {
        struct hr_batch *batch = NULL;
        status = hr_batch_file_next(&in, whole ? ds->schema : d->schema, NULL, &batch, err);
        if (status != HR_OK || !batch) break;
        status = take(d, batch, whole, &keys, err);
    }
    hr_keys_done(&keys);
    if (whole)
        d->whole_bytes = record->bytes.len;
    else
        d->delta_bytes += record->bytes.len;
    return status;
}

/* The rows of batch `number` that still count, under the stream's schema; NULL in *ret: none. */
static hr_status rows_left(struct hr_dstream *ds, uint32_t number, const uint64_t *left,
                           struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *batch = ds->delta->batches.items[number], *copy = NULL;
    bool whole = batch->schema->field_count == ds->schema->field_count;
    uint32_t indexes[HR_ORDER_MAX + HR_CELLS_MAX], count = 0, n = ds->schema->field_count;
    uint32_t *sel = hr_alloc((batch->row_count + 1) * sizeof *sel);
    uint32_t *columns = n <= HR_COUNT(indexes) ? indexes : hr_alloc(n * sizeof *columns);
    *ret = NULL;
    for (uint32_t i = 0; sel && i < batch->row_count; i++)
        if (hr_bit_get(left, i)) sel[count++] = i;
    for (uint32_t i = 0; columns && i < n; i++) columns[i] = i + !whole;
    struct hr_batch *some = sel && columns ? hr_batch_with_sel(batch, sel, count) : NULL;
    struct hr_batch *rows = some ? hr_batch_project(some, ds->schema, columns) : NULL;
    if (rows) copy = hr_batch_concat(&rows, 1, ds->schema, true);
    hr_batch_unref(some);
    hr_batch_unref(rows);
    hr_free(sel);
    if (columns != indexes) hr_free(columns);
    if (!copy) return HR_OOM(err);
    if (count)
        *ret = copy;
    else
        hr_batch_unref(copy);
    return HR_OK;
}

static hr_status mark_left(const struct hr_ds_delta *d, uint64_t **left, struct hr_err *err)
{
    struct hr_ktable_iter iter;
    uint8_t *states[ITER_ROWS];
    for (uint32_t i = 0; i < d->batches.count; i++) {
        left[i] = hr_zalloc((hr_bit_words(d->batches.items[i]->row_count) + 1) * 8);
        if (!left[i]) return HR_OOM(err);
    }
    hr_ktable_iter_all(d->table, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, states, ITER_ROWS)) > 0;) {
        for (uint32_t i = 0; i < n; i++) {
            const struct place *p = (const struct place *)(void *)states[i];
            hr_bit_set(left[p->batch], p->row);
        }
    }
    return HR_OK;
}

hr_status hr_ds_delta_rows(struct hr_dstream *ds, struct hr_batch_list *ret, struct hr_err *err)
{
    struct hr_ds_delta *d;
    HR_TRY(delta_of(ds, &d, err));
    uint32_t count = d->batches.count;
    d->base = ds->needs_from;
    if (!d->table) return HR_OK;
    uint64_t **left = hr_zalloc((count + 1) * sizeof *left);
    hr_status status = left ? mark_left(d, left, err) : HR_OOM(err);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        struct hr_batch *rows;
        status = rows_left(ds, i, left[i], &rows, err);
        if (status == HR_OK && rows) status = hr_batch_list_push(ret, rows, err);
    }
    for (uint32_t i = 0; left && i < count; i++) hr_free(left[i]);
    hr_free(left);
    hr_ktable_free(d->table);
    d->table = NULL;
    hr_batch_list_done(&d->batches);
    return status;
}
