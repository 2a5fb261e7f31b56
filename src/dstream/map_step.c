/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task of mapWithState (map_state.c has the whole picture).
 *
 * Its working set is a table of the keys that it has met: a copy of each key's state, which the
 * rows of the batch read and change in turn. Then the keys that are due to time out are taken from
 * the old end of the partition's ring; those met in this batch are not due. It yields batches of
 * mapped rows, whose delta is NULL, and rows that are deltas.
 *
 * It writes to nothing but its working set: it may fail, be killed, or run twice.
 */
#include "dstream/map_state.h"

#define DELTA_KEYS 65536u
#define BUFFER_MAX ((size_t)64 << 30)

/* --- The user's handle ------------------------------------------------------------------------ */

enum { BASE_HAS = 1 /* the tables have the key */, HAS = 2, CHANGED = 4 };

/* The working set's entry; laid out as struct hr_ds_key, so that it can be written as one. */
struct work_key {
    int64_t touched_us;
    uint64_t flags, unused;
};
static_assert(sizeof(struct work_key) == sizeof(struct hr_ds_key), "one is written as the other");

HR_INLINE struct hr_cells *work_cells(const struct work_key *key)
{
    return hr_ds_key_cells((const struct hr_ds_key *)(const void *)key);
}

union room {
    struct hr_cells cells;
    char bytes[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
};

struct hr_state {
    const struct hr_map_ds *s;
    struct work_key *key;
    bool timing_out, updating, removed;
    struct hr_row row, fresh_row;
    struct hr_emitter out; /* of the new state, into fresh */
    union room fresh;
};

/* A state that has been given in this call is seen at once. */
const struct hr_row *hr_state_get(const struct hr_state *state)
{
    if (!state) return NULL;
    if (state->updating) return state->out.rows ? &state->fresh_row : NULL;
    return (state->key->flags & HAS) && !state->removed ? &state->row : NULL;
}

bool hr_state_timing_out(const struct hr_state *state)
{
    if (!state) return false;
    return state->timing_out;
}

struct hr_emitter *hr_state_update(struct hr_state *state)
{
    if (!state) return NULL;
    hr_cells_done(state->s->state, &state->fresh.cells);
    hr_emitter_init_cells(&state->out, state->s->state, &state->fresh.cells);
    if (state->timing_out) {
        state->out.failed = true;
        HR_UNUSED(hr_err_fail(&state->out.err, "a state that is timing out cannot be updated"));
    }
    state->updating = true;
    state->removed = false;
    return &state->out;
}

void hr_state_remove(struct hr_state *state)
{
    if (!state) return;
    state->updating = false;
    state->removed = true;
}

/* After the user's function: takes over what it did last. */
static hr_status settle(struct hr_state *state, struct hr_err *err)
{
    const struct hr_type *schema = state->s->state;
    struct work_key *key = state->key;
    struct hr_cells *cells = work_cells(key);
    if (state->updating) {
        HR_TRY(hr_emitter_check(&state->out, HR_OK, err));
        if (state->out.rows != 1)
            return hr_err_fail(err, "a state update emits one row, this one %d",
                               (int)state->out.rows);
        hr_cells_done(schema, cells);
        memcpy(cells, &state->fresh.cells, hr_cells_bytes(schema->field_count));
        memset(&state->fresh, 0, hr_cells_bytes(schema->field_count));
        key->flags |= HAS | CHANGED;
    } else if (state->removed || state->timing_out) {
        hr_cells_done(schema, cells);
        key->flags = (key->flags & ~(uint64_t)HAS) | CHANGED;
    }
    return HR_OK;
}

/* --- A task's step ---------------------------------------------------------------------------- */

struct step_node {
    struct hr_node node;
    const struct hr_map_ds *s;
    int64_t now;
};

struct step {
    const struct step_node *op;
    const struct hr_map_ds *s;
    uint32_t partition;
    struct hr_task_ctx *ctx;
    struct hr_ktable *work;
    struct hr_keys keys;
    uint8_t **states;
    uint8_t *is_new;
    uint32_t capacity;
    struct hr_emitter mapped;
    struct hr_state state;
    struct hr_batch_list out;
};

static void work_done(void *arg, uint8_t *states)
{
    const struct hr_map_ds *s = arg;
    hr_cells_done(s->state, work_cells((struct work_key *)(void *)states));
}

static hr_status step_init(struct step *st, struct hr_err *err)
{
    struct hr_ktable_options options = {.states_bytes = hr_ds_key_bytes(st->s->state),
                                        .mem = st->ctx->mem,
                                        .row_done = work_done,
                                        .arg = (void *)(uintptr_t)st->s};
    st->keys.mem = st->ctx->mem;
    st->state.s = st->s;
    hr_row_of_cells(st->s->state, &st->state.fresh.cells, &st->state.fresh_row);
    hr_emitter_init(&st->mapped, st->s->ds.schema, NULL);
    return hr_ktable_new(&options, &st->work, err);
}

static void step_done(struct step *st)
{
    hr_cells_done(st->s->state, &st->state.fresh.cells);
    hr_emitter_done(&st->mapped);
    hr_batch_list_done(&st->out);
    hr_ktable_free(st->work);
    hr_keys_done(&st->keys);
    hr_free(st->states);
    hr_free(st->is_new);
}

static hr_status scratch(struct step *st, uint32_t rows, struct hr_err *err)
{
    if (rows <= st->capacity) return HR_OK;
    hr_free(st->states);
    hr_free(st->is_new);
    st->capacity = 0;
    st->states = hr_alloc(rows * sizeof *st->states);
    st->is_new = hr_alloc(rows);
    if (!st->states || !st->is_new) return HR_OOM(err);
    st->capacity = rows;
    return HR_OK;
}

static hr_status copy_base(const struct step *st, const struct hr_ds_key *base,
                           struct work_key *key, struct hr_err *err)
{
    struct hr_row row;
    if (!base) return HR_OK;
    hr_row_of_cells(st->s->state, hr_ds_key_cells(base), &row);
    HR_TRY(hr_cells_from_row(st->s->state, &row, 0, work_cells(key), err));
    key->touched_us = base->touched_us;
    key->flags = BASE_HAS | HAS;
    return HR_OK;
}

/* Keys of this batch seen for the first time: their states from the tables. */
static hr_status look_up(struct step *st, uint32_t rows, struct hr_err *err)
{
    struct hr_string names[HR_MAP_ROWS];
    uint64_t hashes[HR_MAP_ROWS];
    uint32_t at[HR_MAP_ROWS];
    struct hr_ds_key *base[HR_MAP_ROWS];
    for (uint32_t i = 0; i < rows;) {
        uint32_t n = 0;
        for (; i < rows && n < HR_MAP_ROWS; i++) {
            if (!st->is_new[i]) continue;
            names[n] = st->keys.views[i];
            hashes[n] = st->keys.hashes[i];
            at[n++] = i;
        }
        hr_ds_keyed_find(st->s->tables, st->partition, names, hashes, n, base);
        for (uint32_t k = 0; k < n; k++)
            HR_TRY(copy_base(st, base[k], (struct work_key *)(void *)st->states[at[k]], err));
    }
    return HR_OK;
}

/* The entries of a batch's keys into st->states. */
static hr_status enter(struct step *st, const struct hr_batch *batch, struct hr_err *err)
{
    struct hr_vector vectors[HR_ORDER_MAX];
    uint32_t n = batch->sel_count;
    for (uint32_t i = 0; i < st->s->keys; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    HR_TRY(scratch(st, n, err));
    HR_TRY(hr_keys_encode(st->s->codec, vectors, batch->sel, n, 0, &st->keys, err));
    HR_TRY(hr_ktable_upsert(st->work, st->keys.views, st->keys.hashes, n, st->states, st->is_new,
                            err));
    return look_up(st, n, err);
}

static hr_status call(struct step *st, struct work_key *key, const struct hr_row *name,
                      const struct hr_row *value, struct hr_err *err)
{
    const struct hr_map_ds *s = st->s;
    struct hr_state *state = &st->state;
    state->key = key;
    state->timing_out = value == NULL;
    state->updating = state->removed = false;
    hr_row_of_cells(s->state, work_cells(key), &state->row);
    HR_TRY(hr_emitter_check(&st->mapped,
                            s->fn(s->arg, st->op->now, name, value, state, &st->mapped, err), err));
    return settle(state, err);
}

static hr_status take_rows(struct step *st, const struct hr_batch *batch, struct hr_err *err)
{
    struct hr_row row, name, value;
    uint32_t keys = st->s->keys;
    HR_TRY(enter(st, batch, err));
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, 0, keys, &name);
    hr_row_slice(&row, keys, row.count_ - keys, &value);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        struct work_key *key = (struct work_key *)(void *)st->states[i];
        name.index_ = value.index_ = batch->sel ? batch->sel[i] : i;
        HR_TRY(call(st, key, &name, &value, err));
        /* New data keeps a state alive, whether it changes it or not. */
        if (st->s->timeout && (key->flags & HAS)) key->flags |= CHANGED;
        key->touched_us = st->op->now;
    }
    return HR_OK;
}

/* Rows (key, state): what the stream starts with. */
static hr_status take_initial(struct step *st, const struct hr_batch *batch, struct hr_err *err)
{
    struct hr_row row;
    HR_TRY(enter(st, batch, err));
    hr_row_of_batch(batch, 0, &row);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        struct work_key *key = (struct work_key *)(void *)st->states[i];
        row.index_ = batch->sel ? batch->sel[i] : i;
        hr_cells_done(st->s->state, work_cells(key));
        HR_TRY(hr_cells_from_row(st->s->state, &row, st->s->keys, work_cells(key), err));
        key->touched_us = st->op->now;
        key->flags |= HAS | CHANGED;
    }
    return HR_OK;
}

static hr_status take_all(struct step *st, uint32_t dep,
                          hr_status (*take)(struct step *, const struct hr_batch *,
                                            struct hr_err *),
                          struct hr_err *err)
{
    struct hr_batch_iter *iter;
    struct hr_rdd *rdd = (struct hr_rdd *)(uintptr_t)&st->op->node.base;
    HR_TRY(hr_rdd_parent_iter(rdd, dep, st->partition, st->ctx, &iter, err));
    hr_status status = HR_OK;
    while (status == HR_OK) {
        struct hr_batch *batch;
        if (st->ctx->cancelled && __atomic_load_n(st->ctx->cancelled, __ATOMIC_RELAXED))
            status = HR_RAISE(err, HR_E_CANCELLED);
        else
            status = iter->next(iter, &batch, err);
        if (status != HR_OK || !batch) break;
        if (batch->sel_count) status = take(st, batch, err);
        hr_batch_unref(batch);
    }
    iter->close(iter);
    return status;
}

/* --- Timeouts --------------------------------------------------------------------------------- */

/* One call for each of these keys of the tables that this batch had no row for. */
static hr_status time_out(struct step *st, const struct hr_ds_key *const *due, uint32_t count,
                          struct hr_err *err)
{
    struct hr_str_view names[HR_MAP_ROWS];
    struct hr_string views[HR_MAP_ROWS];
    uint64_t hashes[HR_MAP_ROWS];
    for (uint32_t i = 0; i < count; i++) {
        names[i] = hr_ds_keyed_key(st->s->tables, due[i]);
        views[i] = hr_string_make(names[i].ptr, (uint32_t)names[i].len);
        hashes[i] = hr_key_hash(names[i].ptr, names[i].len);
    }
    HR_TRY(scratch(st, count, err));
    HR_TRY(hr_ktable_upsert(st->work, views, hashes, count, st->states, st->is_new, err));
    struct hr_batch *batch = hr_batch_new(st->s->key_schema, count, NULL);
    if (!batch) return HR_OOM(err);
    struct hr_row name;
    hr_status status =
        hr_keys_decode(st->s->codec, names, count, &batch->arena, batch->columns, err);
    hr_row_of_batch(batch, 0, &name);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        struct work_key *key = (struct work_key *)(void *)st->states[i];
        if (!st->is_new[i]) continue;
        name.index_ = i;
        status = copy_base(st, due[i], key, err);
        if (status == HR_OK) status = call(st, key, &name, NULL, err);
    }
    hr_batch_unref(batch);
    return status;
}

static hr_status time_out_all(struct step *st, struct hr_err *err)
{
    const struct hr_ds_key *due[HR_MAP_ROWS], *key = NULL;
    int64_t limit = st->op->now - st->s->timeout;
    uint32_t n = 0;
    if (!st->s->timeout) return HR_OK;
    while ((key = hr_ds_keyed_next_oldest(st->s->tables, st->partition, key)) &&
           key->touched_us <= limit) {
        due[n++] = key;
        if (n < HR_MAP_ROWS) continue;
        HR_TRY(time_out(st, due, n, err));
        n = 0;
    }
    return n ? time_out(st, due, n, err) : HR_OK;
}

/* --- What a task yields ----------------------------------------------------------------------- */

/* Mapped rows behind a delta of NULL. */
static hr_status put_mapped(struct step *st, struct hr_err *err)
{
    HR_TRY(hr_emitter_flush(&st->mapped, err));
    for (struct hr_batch *rows; (rows = hr_emitter_pop(&st->mapped));) {
        struct hr_batch *batch = hr_batch_new(st->s->step, rows->row_count, NULL);
        hr_status status = batch && hr_batch_hold_batch(batch, rows) ? HR_OK : HR_OOM(err);
        if (status == HR_OK)
            status = hr_column_nulls(&batch->arena, hr_type(HR_T_BINARY), rows->row_count,
                                     &batch->columns[0], err);
        if (status == HR_OK)
            memcpy(batch->columns + 1, rows->columns,
                   rows->schema->field_count * sizeof *rows->columns);
        hr_batch_unref(rows);
        if (status != HR_OK) {
            hr_batch_unref(batch);
            return status;
        }
        HR_TRY(hr_batch_list_push(&st->out, batch, err));
    }
    return HR_OK;
}

/* A row of this delta and no mapped row. */
static hr_status put_delta(struct step *st, const struct hr_buf *delta, struct hr_err *err)
{
    if (delta->len > INT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the changes of 65536 keys", "limit", "2 GiB");
    struct hr_batch *batch = hr_batch_new(st->s->step, 1, NULL);
    if (!batch) return HR_OOM(err);
    const struct hr_type *step = st->s->step;
    const char *bytes = hr_arena_memdup(&batch->arena, delta->ptr, delta->len);
    hr_status status = bytes ? HR_OK : HR_OOM(err);
    if (status == HR_OK)
        status =
            hr_column_alloc(&batch->arena, hr_type(HR_T_BINARY), 1, false, &batch->columns[0], err);
    for (uint32_t i = 1; status == HR_OK && i < step->field_count; i++)
        status = hr_column_nulls(&batch->arena, step->fields[i].type, 1, &batch->columns[i], err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    *(struct hr_string *)(uintptr_t)batch->columns[0].values =
        hr_string_make(bytes, (uint32_t)delta->len);
    return hr_batch_list_push(&st->out, batch, err);
}

/* Of rows[0 … count), those that changed; moved to the front. A key that came and went within the
 * batch is none. */
static uint32_t changed_ones(uint8_t **rows, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct work_key *key = (const struct work_key *)(void *)rows[i];
        if ((key->flags & CHANGED) && (key->flags & (HAS | BASE_HAS))) rows[n++] = rows[i];
    }
    return n;
}

static hr_status put_deltas(struct step *st, struct hr_err *err)
{
    const struct hr_ds_keyed *tables = st->s->tables;
    struct hr_ktable_iter iter;
    struct hr_buf delta, scratch_buf = {0};
    hr_status status = scratch(st, DELTA_KEYS, err);
    hr_buf_init(&delta, BUFFER_MAX);
    hr_ktable_iter_all(st->work, &iter);
    for (uint32_t n; status == HR_OK;) {
        n = hr_ktable_iter_next(&iter, st->states, DELTA_KEYS);
        if (!n) break;
        n = changed_ones(st->states, n);
        if (!n) continue;
        hr_buf_clear(&delta);
        hr_ds_keyed_put_head(tables, n, &delta);
        for (uint32_t i = 0; i < n; i++) {
            const struct work_key *key = (const struct work_key *)(void *)st->states[i];
            bool has = key->flags & HAS;
            hr_ds_keyed_put(tables, hr_ktable_key(st->work, st->states[i]),
                            has ? (const struct hr_ds_key *)(const void *)key : NULL, &scratch_buf,
                            &delta);
        }
        status = hr_buf_status(&delta, err);
        if (status == HR_OK) status = put_delta(st, &delta, err);
    }
    hr_buf_done(&delta);
    hr_buf_done(&scratch_buf);
    return status;
}

static hr_status step_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct step_node *op = (const struct step_node *)rdd;
    struct step *st = hr_zalloc(sizeof *st); /* large for a stack */
    if (!st) return HR_OOM(err);
    st->op = op;
    st->s = op->s;
    st->partition = partition;
    st->ctx = ctx;
    hr_status status = step_init(st, err);
    if (status == HR_OK && rdd->dep_count > 1) status = take_all(st, 1, take_initial, err);
    if (status == HR_OK) status = take_all(st, 0, take_rows, err);
    if (status == HR_OK) status = time_out_all(st, err);
    if (status == HR_OK) status = put_mapped(st, err);
    if (status == HR_OK) status = put_deltas(st, err);
    if (status == HR_OK) status = hr_iter_of_list(&st->out, ret, err);
    step_done(st);
    hr_free(st);
    return status;
}
static const struct hr_rdd_vt step_vt = {"MapWithStateRDD", step_compute, NULL, hr_node_free};

struct hr_rdd *hr_map_step(const struct hr_map_ds *s, struct hr_rdd *in, struct hr_rdd *initial,
                           int64_t time, struct hr_err *err)
{
    struct hr_dependency deps[] = {{.kind = HR_DEP_ONE_TO_ONE, .parent = in},
                                   {.kind = HR_DEP_ONE_TO_ONE, .parent = initial}};
    struct step_node *op = hr_node_new(&(struct hr_node_spec){.vt = &step_vt,
                                                              .size = sizeof *op,
                                                              .pool = s->ds.ssc->batch_pool,
                                                              .schema = s->step,
                                                              .partitions = s->partitions,
                                                              .deps = deps,
                                                              .dep_count = initial ? 2 : 1},
                                       err);
    if (!op) return NULL;
    op->s = s;
    op->now = time;
    return &op->node.base;
}
