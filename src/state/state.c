/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <inttypes.h>

#define DELTA_VERSION 1
#define ITER_ROWS     1024

/* ---- life
 * ---------------------------------------------------------------------------------------- */

hr_status hr_state_new(const struct hr_state_args *args, struct hr_state **ret, struct hr_err *err)
{
    assert(args->part_count > 0);
    struct hr_state *state = hr_zalloc(sizeof *state);
    if (!state) return HR_OOM(err);
    state->id = args->id;
    state->operator_name = args->operator_name;
    state->value_bytes = args->value_bytes;
    state->codec = args->codec;
    state->mem = args->mem;
    state->part_count = args->part_count;
    uint8_t *init = args->states_init ? hr_alloc(args->value_bytes) : NULL;
    if (init) memcpy(init, args->states_init, args->value_bytes);
    state->states_init = init;
    state->parts = hr_zalloc(sizeof *state->parts * args->part_count);
    if (!state->parts || (args->states_init && !init)) {
        hr_state_free(state);
        return HR_OOM(err);
    }
    for (uint32_t i = 0; i < args->part_count; i++) {
        state->parts[i].state = state;
        state->parts[i].index = i;
    }
    *ret = state;
    return HR_OK;
}

static void part_clear(struct hr_state_part *part)
{
    for (uint32_t i = 0; i < part->pane_count; i++) hr_ktable_free(part->panes[i].table);
    part->pane_count = 0;
    part->dropped_count = 0;
    part->rows_updated = part->rows_removed = 0;
}

void hr_state_clear(struct hr_state *state)
{
    for (uint32_t i = 0; i < state->part_count; i++) part_clear(&state->parts[i]);
}

void hr_state_free(struct hr_state *state)
{
    if (!state) return;
    for (uint32_t i = 0; state->parts && i < state->part_count; i++) {
        part_clear(&state->parts[i]);
        hr_free(state->parts[i].panes);
        hr_free(state->parts[i].dropped);
    }
    hr_free(state->parts);
    hr_free((void *)(uintptr_t)state->states_init);
    hr_free(state);
}

/* ---- panes
 * --------------------------------------------------------------------------------------- */

static void row_done(void *arg, uint8_t *states)
{
    const struct hr_state *state = arg;
    state->codec.done(state->codec.arg, states);
}

/* Index of the first pane with an id of at least pane_id. Few panes are open at a time, and most
 * lookups are for the newest. */
static uint32_t pane_position(const struct hr_state_part *part, int64_t pane_id)
{
    uint32_t i = part->pane_count;
    while (i > 0 && part->panes[i - 1].id >= pane_id) i--;
    return i;
}

hr_status hr_state_pane(struct hr_state_part *part, int64_t pane_id, struct hr_ktable **ret,
                        struct hr_err *err)
{
    uint32_t at = pane_position(part, pane_id);
    if (at < part->pane_count && part->panes[at].id == pane_id) {
        *ret = part->panes[at].table;
        return HR_OK;
    }
    if (part->pane_count == part->pane_capacity) {
        uint32_t capacity = part->pane_capacity ? part->pane_capacity * 2 : 8;
        struct hr_pane *panes = hr_realloc(part->panes, sizeof *panes * capacity);
        if (!panes) return HR_OOM(err);
        part->panes = panes;
        part->pane_capacity = capacity;
    }
    struct hr_state *state = part->state;
    struct hr_ktable_options options = {
        .states_bytes = state->value_bytes,
        .states_init = state->states_init,
        .track_dirty = true,
        .by_slot = true,
        .mem = state->mem,
        .row_done = state->codec.done ? row_done : NULL,
        .arg = state,
    };
    struct hr_ktable *table;
    HR_TRY(hr_ktable_new(&options, &table, err));
    memmove(&part->panes[at + 1], &part->panes[at], sizeof *part->panes * (part->pane_count - at));
    part->panes[at] = (struct hr_pane){pane_id, table};
    part->pane_count++;
    *ret = table;
    return HR_OK;
}

struct hr_pane *hr_state_oldest_pane(struct hr_state_part *part, int64_t limit)
{
    if (part->pane_count == 0 || part->panes[0].id > limit) return NULL;
    return &part->panes[0];
}

hr_status hr_state_drop_oldest(struct hr_state_part *part, struct hr_err *err)
{
    assert(part->pane_count > 0);
    if (part->dropped_count == part->dropped_capacity) {
        uint32_t capacity = part->dropped_capacity ? part->dropped_capacity * 2 : 16;
        int64_t *dropped = hr_realloc(part->dropped, sizeof *dropped * capacity);
        if (!dropped) return HR_OOM(err);
        part->dropped = dropped;
        part->dropped_capacity = capacity;
    }
    part->rows_removed += (int64_t)hr_ktable_count(part->panes[0].table);
    part->dropped[part->dropped_count++] = part->panes[0].id;
    hr_ktable_free(part->panes[0].table);
    part->pane_count--;
    memmove(&part->panes[0], &part->panes[1], sizeof *part->panes * part->pane_count);
    return HR_OK;
}

/* ---- writing
 * --------------------------------------------------------------------------------------
 *
 *   delta = version u8, full u8, value_bytes varint,
 *           dropped varint, pane id i64 …,
 *           panes varint, { id i64, rows varint, { op u8, key bytes, [value] } … } …
 *   op 1: the row's value follows (raw value_bytes, or bytes of the codec); 0: the key is deleted
 */

void hr_state_put_row(const struct hr_state *state, struct hr_str_view key, const uint8_t *value,
                      struct hr_buf *scratch, struct hr_buf *out)
{
    hr_buf_put_u8(out, value != NULL);
    hr_buf_put_bytes(out, key.ptr, key.len);
    if (!value) return;
    if (!state->codec.save) {
        hr_buf_append(out, value, state->value_bytes);
        return;
    }
    hr_buf_clear(scratch);
    state->codec.save(state->codec.arg, value, scratch);
    if (scratch->failed) out->failed = true;
    hr_buf_put_bytes(out, scratch->ptr, scratch->len);
}

void hr_state_put_head(const struct hr_state *state, int64_t pane_id, uint64_t rows,
                       struct hr_buf *out)
{
    hr_buf_put_u8(out, DELTA_VERSION);
    hr_buf_put_u8(out, 0);
    hr_buf_put_varint(out, state->value_bytes);
    hr_buf_put_varint(out, 0); /* panes dropped */
    hr_buf_put_varint(out, 1);
    hr_buf_put_u64(out, (uint64_t)pane_id);
    hr_buf_put_varint(out, rows);
}

uint64_t hr_state_delta_rows(struct hr_str_view delta)
{
    struct hr_reader in = hr_reader(delta.ptr, delta.len);
    HR_UNUSED(hr_get_u8(&in));
    HR_UNUSED(hr_get_u8(&in));
    HR_UNUSED(hr_get_varint(&in));
    uint64_t dropped = hr_get_varint(&in), panes = hr_get_varint(&in);
    HR_UNUSED(hr_get_u64(&in));
    uint64_t rows = hr_get_varint(&in);
    return in.failed || dropped || panes != 1 ? 0 : rows;
}

static void put_table_row(const struct hr_state *state, struct hr_ktable *table,
                          const uint8_t *states, struct hr_buf *scratch, struct hr_buf *out)
{
    bool deleted = hr_krow_of(states)->flags & HR_KROW_DELETED;
    hr_state_put_row(state, hr_ktable_key(table, states), deleted ? NULL : states, scratch, out);
}

static void put_rows(const struct hr_state *state, struct hr_ktable *table,
                     struct hr_ktable_iter *iter, struct hr_buf *scratch, struct hr_buf *out)
{
    uint8_t *rows[ITER_ROWS];
    for (uint32_t n; (n = hr_ktable_iter_next(iter, rows, ITER_ROWS)) > 0;)
        for (uint32_t i = 0; i < n; i++) put_table_row(state, table, rows[i], scratch, out);
}

static void put_pane(const struct hr_state *state, const struct hr_pane *pane, bool full,
                     struct hr_buf *scratch, struct hr_buf *out)
{
    struct hr_ktable *table = pane->table;
    hr_buf_put_u64(out, (uint64_t)pane->id);
    if (!full) {
        uint32_t count = hr_ktable_dirty_count(table);
        hr_buf_put_varint(out, count);
        for (uint32_t i = 0; i < count; i++)
            put_table_row(state, table, hr_ktable_dirty(table, i), scratch, out);
        return;
    }
    hr_buf_put_varint(out, hr_ktable_count(table));
    struct hr_ktable_iter iter;
    hr_ktable_iter_all(table, &iter);
    put_rows(state, table, &iter, scratch, out);
}

/* The rows of the slots in one table, counted first: a delta says how many follow. */
static uint64_t count_slots(const struct hr_ktable *table, uint32_t first, uint32_t count)
{
    uint8_t *rows[ITER_ROWS];
    struct hr_ktable_iter iter;
    uint64_t all = 0;
    hr_ktable_iter_slots(table, first, count, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, rows, ITER_ROWS)) > 0;) all += n;
    return all;
}

hr_status hr_state_put_slots(struct hr_state *state, int64_t pane_id, uint32_t first,
                             uint32_t count, struct hr_buf *out, struct hr_err *err)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    /* the parts that slots [first, first + count) belong to */
    uint32_t from = hr_key_partition((uint64_t)first << 56, state->part_count);
    uint32_t to = hr_key_partition(((uint64_t)(first + count - 1) << 56) | (UINT64_MAX >> 8),
                                   state->part_count);
    uint64_t rows = 0;
    struct hr_buf scratch;
    hr_buf_init(&scratch, 0);
    for (uint32_t p = from; p <= to; p++) {
        struct hr_ktable *table;
        HR_TRY(hr_state_pane(&state->parts[p], pane_id, &table, err));
        rows += count_slots(table, first, count);
    }
    hr_state_put_head(state, pane_id, rows, out);
    for (uint32_t p = from; p <= to; p++) {
        struct hr_ktable *table;
        struct hr_ktable_iter iter;
        HR_TRY(hr_state_pane(&state->parts[p], pane_id, &table, err));
        hr_ktable_iter_slots(table, first, count, &iter);
        put_rows(state, table, &iter, &scratch, out);
    }
    hr_buf_done(&scratch);
    return hr_buf_status(out, err);
}

hr_status hr_state_part_delta(struct hr_state_part *part, bool full, struct hr_buf *out,
                              struct hr_err *err)
{
    const struct hr_state *state = part->state;
    struct hr_buf scratch;
    hr_buf_init(&scratch, 0);
    hr_buf_put_u8(out, DELTA_VERSION);
    hr_buf_put_u8(out, full);
    hr_buf_put_varint(out, state->value_bytes);
    uint32_t dropped = full ? 0 : part->dropped_count;
    hr_buf_put_varint(out, dropped);
    for (uint32_t i = 0; i < dropped; i++) hr_buf_put_u64(out, (uint64_t)part->dropped[i]);
    uint32_t panes = 0;
    for (uint32_t i = 0; i < part->pane_count; i++)
        panes += full || hr_ktable_dirty_count(part->panes[i].table) > 0;
    hr_buf_put_varint(out, panes);
    for (uint32_t i = 0; i < part->pane_count; i++) {
        if (full || hr_ktable_dirty_count(part->panes[i].table) > 0)
            put_pane(state, &part->panes[i], full, &scratch, out);
    }
    hr_buf_done(&scratch);
    return hr_buf_status(out, err);
}

void hr_state_part_committed(struct hr_state_part *part)
{
    for (uint32_t i = 0; i < part->pane_count; i++) hr_ktable_end_epoch(part->panes[i].table);
    part->dropped_count = 0;
    part->rows_updated = part->rows_removed = 0;
}

/* ---- loading
 * ------------------------------------------------------------------------------------- */

static hr_status damaged(struct hr_err *err, const char *why)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why", why);
}

static hr_status load_row(struct hr_state *state, int64_t pane_id, struct hr_reader *in,
                          struct hr_err *err)
{
    uint8_t op = hr_get_u8(in);
    struct hr_str_view key = hr_get_bytes(in);
    if (in->failed || op > 1 || key.len > HR_KROW_KEY_MAX) return damaged(err, "a row is short");
    uint64_t hash = hr_key_hash(key.ptr, key.len);
    struct hr_string view = hr_string_make(key.ptr, (uint32_t)key.len);
    struct hr_state_part *part = &state->parts[hr_key_partition(hash, state->part_count)];
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(part, pane_id, &table, err));
    uint8_t *row;
    if (op == 0) {
        hr_ktable_find(table, &view, &hash, 1, &row);
        return row ? hr_ktable_delete(table, row, err) : HR_OK;
    }
    uint8_t is_new;
    HR_TRY(hr_ktable_upsert(table, &view, &hash, 1, &row, &is_new, err));
    if (!state->codec.load) {
        if ((size_t)(in->end - in->pos) < state->value_bytes)
            return damaged(err, "a value is short");
        memcpy(row, in->pos, state->value_bytes);
        in->pos += state->value_bytes;
        return HR_OK;
    }
    struct hr_str_view bytes = hr_get_bytes(in);
    if (in->failed) return damaged(err, "a value is short");
    if (!is_new) {
        state->codec.done(state->codec.arg, row);
        memset(row, 0, state->value_bytes);
    }
    struct hr_reader value = hr_reader(bytes.ptr, bytes.len);
    return state->codec.load(state->codec.arg, row, &value, err);
}

static hr_status load_dropped(struct hr_state *state, int64_t pane_id)
{
    for (uint32_t p = 0; p < state->part_count; p++) {
        struct hr_state_part *part = &state->parts[p];
        uint32_t at = pane_position(part, pane_id);
        if (at >= part->pane_count || part->panes[at].id != pane_id) continue;
        hr_ktable_free(part->panes[at].table);
        part->pane_count--;
        memmove(&part->panes[at], &part->panes[at + 1],
                sizeof *part->panes * (part->pane_count - at));
    }
    return HR_OK;
}

hr_status hr_state_load(struct hr_state *state, struct hr_str_view delta, struct hr_err *err)
{
    struct hr_reader in = hr_reader(delta.ptr, delta.len);
    if (hr_get_u8(&in) != DELTA_VERSION) return damaged(err, "unknown version");
    hr_get_u8(&in); /* full or not: a snapshot is loaded into empty parts by the caller's order */
    if (hr_get_varint(&in) != state->value_bytes) return damaged(err, "values are of another size");
    uint64_t dropped = hr_get_varint(&in);
    /* A pane dropped and opened again in one epoch (only late data could) comes after its drop. */
    for (uint64_t i = 0; i < dropped && !in.failed; i++)
        HR_TRY(load_dropped(state, (int64_t)hr_get_u64(&in)));
    uint64_t panes = hr_get_varint(&in);
    for (uint64_t i = 0; i < panes && !in.failed; i++) {
        int64_t pane_id = (int64_t)hr_get_u64(&in);
        uint64_t rows = hr_get_varint(&in);
        for (uint64_t r = 0; r < rows && !in.failed; r++)
            HR_TRY(load_row(state, pane_id, &in, err));
    }
    if (in.failed || in.pos != in.end) return damaged(err, "its length does not fit its content");
    return HR_OK;
}

/* ---- figures
 * ------------------------------------------------------------------------------------- */

int64_t hr_state_rows(const struct hr_state *state)
{
    int64_t rows = 0;
    for (uint32_t p = 0; p < state->part_count; p++) {
        for (uint32_t i = 0; i < state->parts[p].pane_count; i++)
            rows += (int64_t)hr_ktable_count(state->parts[p].panes[i].table);
    }
    return rows;
}

int64_t hr_state_bytes(const struct hr_state *state)
{
    int64_t bytes = 0;
    for (uint32_t p = 0; p < state->part_count; p++) {
        for (uint32_t i = 0; i < state->parts[p].pane_count; i++)
            bytes += hr_ktable_bytes(state->parts[p].panes[i].table);
    }
    return bytes;
}
