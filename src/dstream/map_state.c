/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapWithState: a batch costs what it touches, not what the state holds.
 *
 *   new rows ── shuffle by key ──▶ step, a task per partition of the state (map_step.c):
 *                                    looks keys up in the tables (keyed.h), calls the function
 *                                      ├──▶ mapped rows ──▶ the stream's RDD
 *                                      └──▶ keys that changed, as deltas ──▶ tables, checkpoint
 *
 * The step's rows are (delta BINARY, mapped columns…): a batch of it is mapped rows, whose delta is
 * NULL, or deltas. The job's callbacks tell them apart; mapped rows become the stream's RDD, deltas
 * are applied once all tasks have ended well.
 *
 * In the checkpoint: every batch's deltas, and pieces of a snapshot, slot by slot, in proportion to
 * them: so a batch writes about twice what it changed, never all of the state at once, and when the
 * last slot has had its turn, what was written before the first one's is not needed any more.
 */
#include "dstream/map_state.h"

#define SNAPSHOT_MIN_BYTES 65536
#define BUFFER_MAX         ((size_t)64 << 30)

/* --- A batch on the driver -------------------------------------------------------------------- */

struct outcome {
    const struct hr_map_ds *s;
    struct hr_batch_list *mapped, *deltas; /* by partition */
};

static hr_status take_mapped(struct outcome *o, uint32_t partition, struct hr_batch *batch,
                             struct hr_err *err)
{
    struct hr_batch *rows = hr_batch_project(batch, o->s->ds.schema, o->s->mapped_columns);
    /* Deep: it must not hold on to the buffers of the input. */
    struct hr_batch *copy = rows ? hr_batch_concat(&rows, 1, o->s->ds.schema, true) : NULL;
    hr_batch_unref(rows);
    return copy ? hr_batch_list_push(&o->mapped[partition], copy, err) : HR_OOM(err);
}

static hr_status take_batch(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                            struct hr_err *err)
{
    struct outcome *o = arg;
    HR_UNUSED(attempt);
    if (!batch->sel_count) return HR_OK;
    if (!hr_column_valid(&batch->columns[0], batch->sel ? batch->sel[0] : 0))
        return take_mapped(o, partition, batch, err);
    return hr_batch_list_push(&o->deltas[partition], hr_batch_ref(batch), err);
}

static void forget_batches(void *arg, uint32_t partition, uint32_t attempt)
{
    struct outcome *o = arg;
    HR_UNUSED(attempt);
    hr_batch_list_done(&o->mapped[partition]);
    hr_batch_list_done(&o->deltas[partition]);
}

static struct hr_str_view delta_of(const struct hr_batch *batch)
{
    const struct hr_string *bytes = batch->columns[0].values;
    return hr_svn(hr_string_ptr(bytes), bytes->len);
}

static hr_status apply(struct hr_map_ds *s, struct outcome *o, int64_t time, struct hr_err *err)
{
    bool keep = s->ds.ssc->checkpoint_dir != NULL;
    for (uint32_t p = 0; p < s->partitions; p++) {
        for (uint32_t i = 0; i < o->deltas[p].count; i++) {
            struct hr_batch *batch = o->deltas[p].items[i];
            HR_TRY(hr_ds_keyed_apply(s->tables, delta_of(batch), err));
            if (keep) HR_TRY(hr_batch_list_push(&s->deltas, hr_batch_ref(batch), err));
        }
    }
    s->applied = time;
    return HR_OK;
}

static struct hr_rdd *mapped_rdd(const struct hr_map_ds *s, const struct outcome *o,
                                 struct hr_err *err)
{
    uint32_t count = 0, n = 0;
    for (uint32_t p = 0; p < s->partitions; p++) count += o->mapped[p].count;
    struct hr_batch **batches = hr_alloc((count + 1) * sizeof *batches);
    uint32_t *parts = hr_alloc((count + 1) * sizeof *parts);
    struct hr_rdd *out = NULL;
    for (uint32_t p = 0; batches && parts && p < s->partitions; p++) {
        for (uint32_t i = 0; i < o->mapped[p].count; i++) {
            parts[n] = p;
            batches[n++] = o->mapped[p].items[i];
        }
    }
    if (batches && parts)
        out = hr_node_from_batches(s->ds.ssc->batch_pool, s->ds.schema, batches, parts, count,
                                   s->partitions, err);
    else
        HR_UNUSED(HR_OOM(err));
    hr_free(batches);
    hr_free(parts);
    return out;
}

static struct hr_rdd *run_step(struct hr_map_ds *s, struct hr_rdd *step, int64_t time,
                               struct hr_err *err)
{
    struct outcome o = {.s = s,
                        .mapped = hr_zalloc(s->partitions * sizeof *o.mapped),
                        .deltas = hr_zalloc(s->partitions * sizeof *o.deltas)};
    struct hr_job_options job = {
        .consume = take_batch, .reset = forget_batches, .arg = &o, .description = "mapWithState"};
    hr_status status = o.mapped && o.deltas ? HR_OK : HR_OOM(err);
    if (status == HR_OK) status = hr_context_run(s->ds.ssc->ctx, step, &job, err);
    if (status == HR_OK) status = apply(s, &o, time, err);
    struct hr_rdd *out = status == HR_OK ? mapped_rdd(s, &o, err) : NULL;
    for (uint32_t p = 0; o.mapped && o.deltas && p < s->partitions; p++) forget_batches(&o, p, 0);
    hr_free(o.mapped);
    hr_free(o.deltas);
    return out;
}

/* In the state's partitions by key. */
static struct hr_rdd *placed(const struct hr_map_ds *s, struct hr_rdd *rdd, struct hr_err *err)
{
    if (hr_node_of(rdd)->key_columns != s->keys) {
        rdd = hr_node_wrap(s->ds.ssc->batch_pool, rdd, err);
        if (!rdd) return NULL;
        hr_node_of(rdd)->key_columns = s->keys;
    }
    return hr_rdd_partition_by(rdd, s->partitions, err);
}

static struct hr_rdd *map_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_map_ds *s = (struct hr_map_ds *)ds;
    struct hr_rdd *in, *initial = NULL;
    if (time <= s->applied) {
        HR_UNUSED(HR_FAIL(err, HR_E_INTERNAL, "stream %u: the state of a past batch is asked for",
                          ds->id));
        return NULL;
    }
    if (hr_ds_rdd(ds->parents[0], time, &in, err) != HR_OK || !in) return NULL;
    in = placed(s, in, err);
    if (in && s->initial && !s->applied) {
        initial = hr_node_wrap(ds->ssc->batch_pool, s->initial, err);
        if (initial) initial = placed(s, initial, err);
        if (!initial) return NULL;
    }
    if (!in) return NULL;
    struct hr_rdd *step = hr_map_step(s, in, initial, time, err);
    return step ? run_step(s, step, time, err) : NULL;
}

static void map_free(struct hr_dstream *ds)
{
    struct hr_map_ds *s = (struct hr_map_ds *)ds;
    hr_ds_keyed_free(s->tables);
    hr_batch_list_done(&s->deltas);
    hr_rdd_unref(s->initial);
    hr_arena_done(&s->arena);
}

/* --- In the checkpoint ------------------------------------------------------------------------ */

static hr_status put_record(struct hr_map_ds *s, enum hr_ds_record_kind kind,
                            struct hr_str_view bytes, struct hr_err *err)
{
    struct hr_ds_record record = {
        .stream = s->ds.id, .kind = kind, .time = s->applied, .bytes = bytes};
    if (!s->ds.needs_from) {
        s->ds.needs_from = s->round_from = hr_ds_segments_position(&s->ds.ssc->log);
    }
    return hr_ds_segments_put(&s->ds.ssc->log, &record, err);
}

/* How many slots are due: none until it is worth a record. */
static uint32_t slots_due(const struct hr_map_ds *s)
{
    double key = (double)s->delta_bytes / (double)HR_MAX(s->delta_keys, UINT64_C(1));
    double slot = key * (double)hr_ds_keyed_rows(s->tables) / HR_SLOT_COUNT;
    if (s->owed_bytes < SNAPSHOT_MIN_BYTES || (double)s->owed_bytes < slot) return 0;
    double due = (double)s->owed_bytes / HR_MAX(slot, 1.0);
    return (uint32_t)HR_MIN(due, (double)(HR_SLOT_COUNT - s->next_slot));
}

static hr_status put_snapshot(struct hr_map_ds *s, struct hr_err *err)
{
    uint32_t count = slots_due(s);
    struct hr_buf bytes;
    if (!count) return HR_OK;
    hr_buf_init(&bytes, BUFFER_MAX);
    if (s->next_slot == 0) s->round_from = hr_ds_segments_position(&s->ds.ssc->log);
    hr_status status = hr_ds_keyed_put_slots(s->tables, s->next_slot, count, &bytes, err);
    if (status == HR_OK)
        status = put_record(s, HR_DS_RECORD_SNAPSHOT, hr_svn(bytes.ptr, bytes.len), err);
    s->owed_bytes = HR_MAX(INT64_C(0), s->owed_bytes - (int64_t)bytes.len);
    s->next_slot += count;
    hr_buf_done(&bytes);
    if (s->next_slot < HR_SLOT_COUNT) return status;
    s->next_slot = 0;
    s->ds.needs_from = s->round_from;
    return status;
}

static hr_status map_put_changes(struct hr_dstream *ds, struct hr_err *err)
{
    struct hr_map_ds *s = (struct hr_map_ds *)ds;
    bool first = !s->ds.needs_from; /* what begins with nothing is all there is */
    for (uint32_t i = 0; i < s->deltas.count; i++) {
        struct hr_str_view delta = delta_of(s->deltas.items[i]);
        HR_TRY(put_record(s, HR_DS_RECORD_DELTA, delta, err));
        if (!first) s->owed_bytes += (int64_t)delta.len;
        s->delta_bytes += delta.len;
        s->delta_keys += hr_ds_keyed_delta_keys(delta);
    }
    hr_batch_list_done(&s->deltas);
    return put_snapshot(s, err);
}

static hr_status map_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    const struct hr_map_ds *s = (const struct hr_map_ds *)ds;
    hr_buf_put_u64(out, (uint64_t)s->applied);
    hr_buf_put_u64(out, (uint64_t)s->owed_bytes);
    hr_buf_put_u64(out, s->delta_keys);
    hr_buf_put_u64(out, s->delta_bytes);
    hr_buf_put_u64(out, s->round_from);
    hr_buf_put_u32(out, s->next_slot);
    return hr_buf_status(out, err);
}

static hr_status map_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct hr_map_ds *s = (struct hr_map_ds *)ds;
    s->applied = (int64_t)hr_get_u64(in);
    s->owed_bytes = (int64_t)hr_get_u64(in);
    s->delta_keys = hr_get_u64(in);
    s->delta_bytes = hr_get_u64(in);
    s->round_from = hr_get_u64(in);
    s->next_slot = hr_get_u32(in);
    if (!in->failed && s->next_slot < HR_SLOT_COUNT) return HR_OK;
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ds->ssc->checkpoint_dir, "why",
                    "a state's part is cut short");
}

static hr_status map_replay(struct hr_dstream *ds, const struct hr_ds_record *record,
                            struct hr_err *err)
{
    return hr_ds_keyed_apply(((struct hr_map_ds *)ds)->tables, record->bytes, err);
}

static hr_status map_replayed(struct hr_dstream *ds, struct hr_err *err)
{
    return hr_ds_keyed_sort(((struct hr_map_ds *)ds)->tables, err);
}

static hr_status map_start(struct hr_dstream *ds, struct hr_err *err)
{
    return hr_ds_keyed_account(((struct hr_map_ds *)ds)->tables, ds->ssc->budget, err);
}

static void map_params(const struct hr_dstream *ds, struct hr_buf *out)
{
    const struct hr_map_ds *s = (const struct hr_map_ds *)ds;
    hr_buf_puts(out, "key and state ");
    hr_type_print_sql(s->key_state, out);
    hr_buf_printf(out, "\ntimeout %lld us\n", (long long)s->timeout);
}

static const struct hr_ds_vt map_vt = {.name = "map-with-state",
                                       .params = map_params,
                                       .start = map_start,
                                       .compute = map_compute,
                                       .free = map_free,
                                       .save = map_save,
                                       .load = map_load,
                                       .put_changes = map_put_changes,
                                       .replay = map_replay,
                                       .replayed = map_replayed};

/* --- Building --------------------------------------------------------------------------------- */

static hr_status map_init(struct hr_map_ds *s, const struct hr_state_spec *spec, struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    struct hr_dstream *in = s->ds.parents[0];
    struct hr_field delta = {"delta", hr_type(HR_T_BINARY), true};
    const struct hr_type *head = hr_type_struct(&delta, 1);
    s->fn = spec->fn;
    s->arg = spec->arg;
    s->timeout = spec->timeout_us;
    s->keys = in->key_columns;
    s->partitions = spec->partitions ? spec->partitions : in->ssc->ctx->parallelism;
    s->ds.needs_previous = true;
    s->initial = spec->initial ? hr_rdd_ref(spec->initial) : NULL;
    s->key_schema = hr_schema_slice(in->schema, 0, s->keys);
    s->step = head ? hr_schema_concat(head, s->ds.schema, false, true) : NULL;
    s->mapped_columns = HR_NEW_ARRAY(&s->arena, uint32_t, s->ds.schema->field_count);
    if (!s->key_schema || !s->step || !s->mapped_columns) return HR_OOM(err);
    for (uint32_t i = 0; i < s->ds.schema->field_count; i++) s->mapped_columns[i] = i + 1;
    for (uint32_t i = 0; i < s->keys; i++) types[i] = in->schema->fields[i].type;
    HR_TRY(hr_key_codec_new(&s->arena, types, s->keys, &s->codec, err));
    return hr_ds_keyed_new(s->state, s->partitions, &s->tables, err);
}

struct hr_dstream *hr_dstream_map_with_state(struct hr_dstream *in,
                                             const struct hr_state_spec *spec, struct hr_err *err)
{
    if (!spec) {
        HR_UNUSED(hr_missing("no specification of the state", err));
        return NULL;
    }
    const struct hr_type *mapped, *state, *key_state;
    if (!in || hr_schema_from_ddl(spec->mapped_schema, &mapped, err) != HR_OK ||
        hr_ds_state_schema(in, spec->state_schema, spec->initial, &state, &key_state, err) !=
            HR_OK ||
        hr_cells_check(state, err) != HR_OK)
        return NULL;
    if (in->key_columns > HR_ORDER_MAX || spec->timeout_us < 0) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a key of %u columns, a timeout of %lld µs",
                          in->key_columns, (long long)spec->timeout_us));
        return NULL;
    }
    struct hr_map_ds *s = hr_ds_new(in->ssc, &map_vt, sizeof *s, mapped, in, NULL, err);
    if (!s) return NULL;
    s->state = state;
    s->key_state = key_state;
    return map_init(s, spec, err) == HR_OK ? &s->ds : NULL;
}

/* --- Snapshots -------------------------------------------------------------------------------- */

/* Partition p reads table p. It is materialised within its batch: the tables go on. */
struct scan_node {
    struct hr_node node;
    const struct hr_map_ds *s;
};

static hr_status scan_batch(const struct hr_map_ds *s, const struct hr_ktable *table,
                            uint8_t *const *rows, uint32_t count, struct hr_batch **ret,
                            struct hr_err *err)
{
    struct hr_str_view names[HR_MAP_ROWS];
    struct hr_batch *batch = hr_batch_new(s->key_state, count, NULL);
    if (!batch) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) names[i] = hr_ktable_key(table, rows[i]);
    hr_status status = hr_keys_decode(s->codec, names, count, &batch->arena, batch->columns, err);
    for (uint32_t c = 0; status == HR_OK && c < s->state->field_count; c++)
        status = hr_cells_to_column(s->state, c, rows, sizeof(struct hr_ds_key), count,
                                    &batch->arena, &batch->columns[s->keys + c], err);
    if (status != HR_OK)
        hr_batch_unref(batch);
    else
        *ret = batch;
    return status;
}

static hr_status scan_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct hr_map_ds *s = ((const struct scan_node *)rdd)->s;
    const struct hr_ktable *table = hr_ds_keyed_table(s->tables, partition);
    struct hr_batch_list list = {0};
    struct hr_ktable_iter iter;
    uint8_t *rows[HR_MAP_ROWS];
    hr_status status = HR_OK;
    HR_UNUSED(ctx);
    hr_ktable_iter_all(table, &iter);
    for (uint32_t n; status == HR_OK && (n = hr_ktable_iter_next(&iter, rows, HR_MAP_ROWS)) > 0;) {
        struct hr_batch *batch;
        status = scan_batch(s, table, rows, n, &batch, err);
        if (status == HR_OK) status = hr_batch_list_push(&list, batch, err);
    }
    if (status == HR_OK) return hr_iter_of_list(&list, ret, err);
    hr_batch_list_done(&list);
    return status;
}
static const struct hr_rdd_vt scan_vt = {"StateSnapshotRDD", scan_compute, NULL, hr_node_free};

static struct hr_rdd *snapshot_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_map_ds *s = (struct hr_map_ds *)ds->parents[0];
    struct hr_rdd *mapped;
    if (hr_ds_rdd(ds->parents[0], time, &mapped, err) != HR_OK || !mapped) return NULL;
    if (s->applied != time) {
        HR_UNUSED(HR_FAIL(err, HR_E_INTERNAL, "stream %u: the state of a past batch is asked for",
                          ds->id));
        return NULL;
    }
    const struct hr_node_spec spec = {.vt = &scan_vt,
                                      .size = sizeof(struct scan_node),
                                      .pool = ds->ssc->batch_pool,
                                      .schema = s->key_state,
                                      .partitions = s->partitions,
                                      .key_columns = s->keys,
                                      .placed = {.partitions = s->partitions}};
    struct scan_node *scan = hr_node_new(&spec, err);
    if (!scan) return NULL;
    scan->s = s;
    return hr_rdd_local_checkpoint(&scan->node.base, err);
}
static const struct hr_ds_vt snapshot_vt = {.name = "snapshots", .compute = snapshot_compute};

struct hr_dstream *hr_dstream_state_snapshots(struct hr_dstream *in, struct hr_err *err)
{
    if (!in) return NULL;
    if (in->vt != &map_vt) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "only map_with_state has state snapshots"));
        return NULL;
    }
    struct hr_map_ds *s = (struct hr_map_ds *)in;
    struct hr_dstream *ds =
        hr_ds_new(in->ssc, &snapshot_vt, sizeof *ds, s->key_state, in, NULL, err);
    if (ds) ds->key_columns = s->keys;
    return ds;
}
