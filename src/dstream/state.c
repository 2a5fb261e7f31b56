/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updateStateByKey and mapWithState.
 *
 * Each batch cogroups the new rows with the state of the batch before and materialises the result:
 * the state of time T is an RDD like any other, so a failed task is simply run again, and a
 * checkpoint writes it as rows. mapWithState's step has two outputs; it gives rows (is_state, key,
 * touched, state, mapped), kept once, which the mapped stream and the state's next step select
 * from.
 */
#include "dstream/dstream.h"

struct state_ds {
    struct hr_dstream ds;
    hr_update_fn update;
    hr_state_fn fn;
    void *arg;
    uint32_t partitions, keys;
    int64_t timeout, now;
    const struct hr_type *state, *mapped, *step; /* step: what the task emits behind the key */
    char *ddl;
    struct hr_rdd *initial; /* referenced */
};

static void state_free(struct hr_dstream *ds)
{
    struct state_ds *s = (struct state_ds *)ds;
    hr_free(s->ddl);
    hr_rdd_unref(s->initial);
}

static hr_status check_initial(struct hr_rdd *initial, const struct hr_type *schema,
                               struct hr_err *err)
{
    if (!initial || hr_type_same(initial->schema, schema)) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the initial state's schema is not (key, state)");
}

/* --- updateStateByKey ------------------------------------------------------------------------- */

/* Row: key, new values ARRAY, old state ARRAY of at most one. */
static hr_status update_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    const struct state_ds *s = arg;
    struct hr_row key, values, state;
    hr_row_slice(row, 0, s->keys, &key);
    hr_row_slice(row, s->keys, 1, &values);
    bool has = hr_row_element(row, s->keys + 1, 0, &state);
    uint64_t before = out->rows;
    HR_TRY(s->update(s->arg, &key, &values, has ? &state : NULL, out, err));
    if (out->rows > before + 1)
        return hr_err_fail(err, "an update emits one state at most, this one %d",
                           (int)(out->rows - before));
    return HR_OK;
}

static struct hr_rdd *previous_state(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_rdd *previous;
    if (hr_ds_rdd(ds, time - ds->slide, &previous, err) != HR_OK) return NULL;
    return previous;
}

static struct hr_rdd *update_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct state_ds *s = (struct state_ds *)ds;
    struct hr_rdd *in, *state;
    if (hr_ds_rdd(ds->parents[0], time, &in, err) != HR_OK || !in) return NULL;
    state = previous_state(ds, time, err);
    if (!state && err->code) return NULL;
    if (!state) state = s->initial ? s->initial : hr_ds_empty(ds, err);
    struct hr_rdd *both[] = {in, state};
    struct hr_rdd *grouped = hr_rdd_cogroup(both, 2, s->partitions, err);
    struct hr_rdd *out = hr_rdd_flat_map_values(grouped, s->ddl, update_row, s, err);
    return hr_rdd_local_checkpoint(out, err);
}
static const struct hr_ds_vt update_vt = {
    .name = "update-state", .compute = update_compute, .free = state_free};

static struct state_ds *state_new(struct hr_dstream *in, const struct hr_ds_vt *vt,
                                  const char *state_schema, uint32_t partitions,
                                  struct hr_rdd *initial, struct hr_err *err)
{
    const struct hr_type *state;
    if (!in || hr_schema_from_ddl(state_schema, &state, err) != HR_OK) return NULL;
    if (in->schema->field_count <= in->key_columns) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the stream has no values beside its key"));
        return NULL;
    }
    const struct hr_type *keys = hr_schema_slice(in->schema, 0, in->key_columns);
    const struct hr_type *schema = keys ? hr_schema_concat(keys, state, false, false) : NULL;
    char *ddl = hr_strdup(state_schema);
    struct state_ds *s = NULL;
    if (!schema || !ddl)
        HR_UNUSED(HR_OOM(err));
    else if (check_initial(initial, schema, err) == HR_OK)
        s = hr_ds_new(in->ssc, vt, sizeof *s, schema, in, NULL, err);
    if (!s) {
        hr_free(ddl);
        return NULL;
    }
    s->ddl = ddl;
    s->state = state;
    s->keys = s->ds.key_columns = in->key_columns;
    s->partitions = partitions ? partitions : in->ssc->ctx->parallelism;
    s->ds.needs_previous = true;
    if (initial) {
        s->initial = hr_rdd_ref(initial);
        hr_node_of(initial)->key_columns = s->keys;
    }
    return s;
}

struct hr_dstream *hr_dstream_update_state_by_key(struct hr_dstream *in, const char *state_schema,
                                                  hr_update_fn fn, void *arg, uint32_t partitions,
                                                  struct hr_rdd *initial, struct hr_err *err)
{
    struct state_ds *s = state_new(in, &update_vt, state_schema, partitions, initial, err);
    if (!s) return NULL;
    s->update = fn;
    s->arg = arg;
    return &s->ds;
}

/* --- mapWithState ----------------------------------------------------------------------------- */

struct hr_state {
    const struct state_ds *s;
    struct hr_cells *cells;
    bool has, timing_out, updating;
    struct hr_row row;
    struct hr_emitter out; /* of the new state, into fresh */
    struct hr_cells *fresh;
};

const struct hr_row *hr_state_get(const struct hr_state *state)
{
    return state->has ? &state->row : NULL;
}

bool hr_state_timing_out(const struct hr_state *state)
{
    return state->timing_out;
}

struct hr_emitter *hr_state_update(struct hr_state *state)
{
    hr_cells_done(state->s->state, state->fresh);
    hr_emitter_init_cells(&state->out, state->s->state, state->fresh);
    if (state->timing_out) {
        state->out.failed = true;
        HR_UNUSED(hr_err_fail(&state->out.err, "a state that is timing out cannot be updated"));
    }
    state->updating = true;
    return &state->out;
}

void hr_state_remove(struct hr_state *state)
{
    hr_cells_done(state->s->state, state->cells);
    state->has = false;
    state->updating = false;
}

/* After the user's function: takes the update over. */
static hr_status settle(struct hr_state *state, struct hr_err *err)
{
    if (!state->updating) return HR_OK;
    HR_TRY(hr_emitter_check(&state->out, HR_OK, err));
    if (state->out.rows != 1)
        return hr_err_fail(err, "a state update emits one row, this one %d", (int)state->out.rows);
    hr_cells_done(state->s->state, state->cells);
    memcpy(state->cells, state->fresh, hr_cells_bytes(state->s->state->field_count));
    memset(state->fresh, 0, hr_cells_bytes(state->s->state->field_count));
    state->has = true;
    state->updating = false;
    return HR_OK;
}

/* The user emits mapped rows into an emitter of the mapped schema; they are then re-emitted behind
 * the tag. Batches stay small: one key's rows. */
static hr_status call(struct hr_state *state, const struct hr_row *key, const struct hr_row *value,
                      struct hr_emitter *mapped, struct hr_err *err)
{
    const struct state_ds *s = state->s;
    HR_TRY(hr_emitter_check(mapped, s->fn(s->arg, s->now, key, value, state, mapped, err), err));
    return settle(state, err);
}

static void emit_nulls(struct hr_emitter *out, uint32_t n)
{
    while (n--) hr_emit_null(out);
}

static hr_status emit_mapped(const struct state_ds *s, const struct hr_row *key,
                             struct hr_emitter *mapped, struct hr_emitter *out, struct hr_err *err)
{
    HR_TRY(hr_emitter_flush(mapped, err));
    for (struct hr_batch *batch; (batch = hr_emitter_pop(mapped));) {
        for (uint32_t i = 0; i < batch->row_count; i++) {
            struct hr_row row;
            hr_row_of_batch(batch, i, &row);
            hr_emit_bool(out, false);
            hr_emit_fields(out, key);
            hr_emit_null(out);
            emit_nulls(out, s->state->field_count);
            hr_emit_fields(out, &row);
            hr_emit_end(out);
        }
        hr_batch_unref(batch);
    }
    return HR_OK;
}

static void emit_state(const struct state_ds *s, const struct hr_row *key, int64_t touched,
                       const struct hr_cells *cells, struct hr_emitter *out)
{
    struct hr_row row;
    hr_row_of_cells(s->state, cells, &row);
    hr_emit_bool(out, true);
    hr_emit_fields(out, key);
    hr_emit_long(out, touched);
    hr_emit_fields(out, &row);
    emit_nulls(out, s->mapped->field_count);
    hr_emit_end(out);
}

/* Row: key, new values ARRAY, old ARRAY of at most one STRUCT (touched, state…). */
static hr_status step_key(const struct state_ds *s, const struct hr_row *row,
                          struct hr_state *state, struct hr_emitter *mapped, struct hr_emitter *out,
                          struct hr_err *err)
{
    struct hr_row key, old, value;
    int64_t touched = s->now;
    uint32_t n = hr_row_length(row, s->keys);
    hr_row_slice(row, 0, s->keys, &key);
    state->has = hr_row_element(row, s->keys + 1, 0, &old);
    if (state->has) {
        struct hr_row part;
        touched = hr_row_long(&old, 0);
        hr_row_slice(&old, 1, s->state->field_count, &part);
        HR_TRY(hr_cells_from_row(s->state, &part, 0, state->cells, err));
    }
    for (uint32_t i = 0; i < n; i++) {
        HR_UNUSED(hr_row_element(row, s->keys, i, &value));
        HR_TRY(call(state, &key, &value, mapped, err));
        touched = s->now;
    }
    if (n == 0 && state->has && s->timeout && s->now - touched >= s->timeout) {
        state->timing_out = true;
        HR_TRY(call(state, &key, NULL, mapped, err));
        hr_state_remove(state);
    }
    HR_TRY(emit_mapped(s, &key, mapped, out, err));
    if (state->has) emit_state(s, &key, touched, state->cells, out);
    return HR_OK;
}

union room {
    struct hr_cells cells;
    char bytes[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
};

static hr_status step_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    const struct state_ds *s = arg;
    union room cells, fresh;
    struct hr_emitter mapped;
    memset(&cells, 0, sizeof cells);
    memset(&fresh, 0, sizeof fresh);
    struct hr_state state = {.s = s, .cells = &cells.cells, .fresh = &fresh.cells};
    hr_row_of_cells(s->state, &cells.cells, &state.row);
    hr_emitter_init(&mapped, s->mapped, NULL);
    hr_status status = step_key(s, row, &state, &mapped, out, err);
    hr_cells_done(s->state, &cells.cells);
    hr_cells_done(s->state, &fresh.cells);
    hr_emitter_done(&mapped);
    return status;
}

/* The step's rows: (is_state, key, touched, state, mapped). */
static const struct hr_type *step_schema(const struct state_ds *s, const struct hr_type *keys)
{
    struct hr_field tag = {"is_state", hr_type(HR_T_BOOLEAN), false};
    struct hr_field at = {"touched", hr_type(HR_T_LONG), true};
    const struct hr_type *head = hr_type_struct(&tag, 1), *touched = hr_type_struct(&at, 1);
    const struct hr_type *a = head ? hr_schema_concat(head, keys, false, false) : NULL;
    const struct hr_type *b = a && touched ? hr_schema_concat(a, touched, false, false) : NULL;
    const struct hr_type *c = b ? hr_schema_concat(b, s->state, false, true) : NULL;
    return c ? hr_schema_concat(c, s->mapped, false, true) : NULL;
}

static bool is_state(void *arg, const struct hr_row *row)
{
    return hr_row_bool(row, 0) == (arg != NULL);
}

/* The states among a step's rows as (key, touched, state). */
static struct hr_rdd *states_of(const struct state_ds *s, struct hr_rdd *step, bool touched,
                                struct hr_err *err)
{
    static int yes;
    uint32_t n = s->keys + 1 + s->state->field_count;
    const struct hr_type *schema = hr_schema_slice(s->step, 1, n);
    struct hr_rdd *states = hr_rdd_filter(step, is_state, &yes, err);
    struct hr_rdd *out = schema ? hr_node_columns(states, 1, schema, err) : NULL;
    if (out) hr_node_of(out)->key_columns = s->keys;
    HR_UNUSED(touched);
    return out;
}

static hr_status add_touched(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    const struct state_ds *s = arg;
    HR_UNUSED(err);
    hr_emit_long(out, s->now);
    for (uint32_t i = s->keys; i < hr_row_columns(row); i++) hr_emit_field(out, row, i);
    hr_emit_end(out);
    return HR_OK;
}

static struct hr_rdd *first_states(struct state_ds *s, struct hr_err *err)
{
    const struct hr_type *schema = hr_schema_slice(s->step, 1, s->keys + 1 + s->state->field_count);
    struct hr_pool *pool = s->ds.ssc->batch_pool;
    if (!schema) return NULL;
    if (s->initial) {
        struct hr_buf ddl = {0};
        hr_buf_printf(&ddl, "touched LONG, %s", s->ddl);
        struct hr_rdd *out = hr_rdd_map_values(hr_node_wrap(pool, s->initial, err),
                                               hr_buf_cstr(&ddl), add_touched, s, err);
        hr_buf_done(&ddl);
        return out;
    }
    return hr_node_from_batches(pool, schema, NULL, NULL, 0, 0, err);
}

static struct hr_rdd *step_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct state_ds *s = (struct state_ds *)ds;
    struct hr_rdd *in, *states;
    if (hr_ds_rdd(ds->parents[0], time, &in, err) != HR_OK || !in) return NULL;
    struct hr_rdd *previous = previous_state(ds, time, err);
    if (!previous && err->code) return NULL;
    s->now = time;
    states = previous ? states_of(s, previous, true, err) : first_states(s, err);
    if (!states) return NULL;
    hr_node_of(states)->key_columns = s->keys;
    struct hr_rdd *both[] = {in, states};
    struct hr_rdd *grouped = hr_rdd_cogroup(both, 2, s->partitions, err);
    struct hr_buf ddl = {0};
    for (uint32_t i = 0; i < s->step->field_count; i++) {
        hr_buf_printf(&ddl, "%s`%s` ", i ? ", " : "", s->step->fields[i].name);
        hr_type_print_sql(s->step->fields[i].type, &ddl);
    }
    struct hr_rdd *rows = hr_rdd_flat_map(grouped, hr_buf_cstr(&ddl), step_row, s, err);
    hr_buf_done(&ddl);
    return hr_rdd_local_checkpoint(rows, err);
}
static const struct hr_ds_vt step_vt = {
    .name = "map-with-state", .compute = step_compute, .free = state_free};

/* --- The two streams that select from the steps ----------------------------------------------- */

static struct hr_rdd *mapped_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    const struct state_ds *s = (const struct state_ds *)ds->parents[0];
    struct hr_rdd *step;
    if (hr_ds_rdd(ds->parents[0], time, &step, err) != HR_OK || !step) return NULL;
    struct hr_rdd *rows = hr_rdd_filter(step, is_state, NULL, err);
    return hr_node_columns(rows, 2 + s->keys + s->state->field_count, s->mapped, err);
}
static const struct hr_ds_vt mapped_vt = {.name = "mapped", .compute = mapped_compute};

static hr_status key_and_state(void *arg, const struct hr_row *row, struct hr_emitter *out,
                               struct hr_err *err)
{
    const struct state_ds *s = arg;
    HR_UNUSED(err);
    for (uint32_t i = 0; i < s->state->field_count; i++) hr_emit_field(out, row, s->keys + 1 + i);
    hr_emit_end(out);
    return HR_OK;
}

static struct hr_rdd *snapshot_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct state_ds *s = (struct state_ds *)ds->parents[0];
    struct hr_rdd *step;
    if (hr_ds_rdd(ds->parents[0], time, &step, err) != HR_OK || !step) return NULL;
    return hr_rdd_map_values(states_of(s, step, false, err), s->ddl, key_and_state, s, err);
}
static const struct hr_ds_vt snapshot_vt = {.name = "snapshots", .compute = snapshot_compute};

struct hr_dstream *hr_dstream_map_with_state(struct hr_dstream *in,
                                             const struct hr_state_spec *spec, struct hr_err *err)
{
    const struct hr_type *mapped;
    if (!in || hr_schema_from_ddl(spec->mapped_schema, &mapped, err) != HR_OK) return NULL;
    struct state_ds *s =
        state_new(in, &step_vt, spec->state_schema, spec->partitions, spec->initial, err);
    if (!s) return NULL;
    s->fn = spec->fn;
    s->arg = spec->arg;
    s->timeout = spec->timeout_us;
    s->mapped = mapped;
    s->step = step_schema(s, hr_schema_slice(in->schema, 0, in->key_columns));
    if (!s->step || hr_cells_check(s->state, err) != HR_OK) return NULL;
    s->ds.schema = s->step;
    return hr_ds_new(in->ssc, &mapped_vt, sizeof(struct hr_dstream), mapped, &s->ds, NULL, err);
}

struct hr_dstream *hr_dstream_state_snapshots(struct hr_dstream *in, struct hr_err *err)
{
    if (!in) return NULL;
    if (in->vt != &mapped_vt) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "only map_with_state has state snapshots"));
        return NULL;
    }
    struct state_ds *s = (struct state_ds *)in->parents[0];
    const struct hr_type *keys = hr_schema_slice(s->step, 1, s->keys);
    const struct hr_type *schema = keys ? hr_schema_concat(keys, s->state, false, false) : NULL;
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct hr_dstream *ds = hr_ds_new(in->ssc, &snapshot_vt, sizeof *ds, schema, &s->ds, NULL, err);
    if (ds) ds->key_columns = s->keys;
    return ds;
}
