/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State as bytes: the changes of an epoch, pieces of snapshots, and the way back. README.md
 * describes the format. What is read is foreign: nothing in it is believed before it has been
 * checked.
 */
#include "state/state.h"

#define ITER_ROWS 1024

/* ---- writing ---- */

void hr_state_put_row(const struct hr_state_layout *layout, struct hr_str_view key,
                      const uint8_t *value, struct hr_buf *scratch, struct hr_buf *out)
{
    hr_buf_put_u8(out, value != NULL);
    hr_buf_put_bytes(out, key.ptr, key.len);
    if (!value) return;
    if (!layout->codec.save) {
        hr_buf_append(out, value, layout->value_bytes);
        return;
    }
    hr_buf_clear(scratch);
    layout->codec.save(layout->codec.arg, value, scratch);
    if (scratch->failed) out->failed = true;
    hr_buf_put_bytes(out, scratch->ptr, scratch->len);
}

static void put_start(const struct hr_state *state, bool full, uint32_t first, uint32_t count,
                      struct hr_buf *out)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    hr_buf_put_u8(out, HR_STATE_VERSION);
    hr_buf_put_u8(out, full);
    hr_buf_put_u8(out, (uint8_t)first);
    hr_buf_put_u8(out, (uint8_t)(first + count - 1));
    hr_buf_put_varint(out, state->table_count);
}

void hr_state_put_head(const struct hr_state *state, int64_t pane_id, uint64_t rows,
                       struct hr_buf *out)
{
    assert(state->table_count == 1 && state->layouts[0].kind == HR_STATE_KEYED);
    put_start(state, false, 0, HR_SLOT_COUNT, out);
    hr_buf_put_u8(out, HR_STATE_KEYED);
    hr_buf_put_varint(out, state->layouts[0].value_bytes);
    hr_buf_put_varint(out, 0); /* panes dropped */
    hr_buf_put_varint(out, 1);
    hr_buf_put_u64(out, (uint64_t)pane_id);
    hr_buf_put_varint(out, rows);
}

uint64_t hr_state_delta_rows(struct hr_str_view delta)
{
    struct hr_reader in = hr_reader(delta.ptr, delta.len);
    uint8_t version = hr_get_u8(&in);
    HR_UNUSED(hr_get_u8(&in));
    if (version >= 2) {
        HR_UNUSED(hr_get_u8(&in));
        HR_UNUSED(hr_get_u8(&in));
        if (hr_get_varint(&in) != 1 || hr_get_u8(&in) != HR_STATE_KEYED) return 0;
    }
    HR_UNUSED(hr_get_varint(&in));
    uint64_t dropped = hr_get_varint(&in), panes = hr_get_varint(&in);
    HR_UNUSED(hr_get_u64(&in));
    uint64_t rows = hr_get_varint(&in);
    return in.failed || dropped || panes != 1 ? 0 : rows;
}

static void put_table_row(const struct hr_state_layout *layout, struct hr_ktable *table,
                          const uint8_t *states, struct hr_buf *scratch, struct hr_buf *out)
{
    bool deleted = hr_krow_of(states)->flags & HR_KROW_DELETED;
    hr_state_put_row(layout, hr_ktable_key(table, states), deleted ? NULL : states, scratch, out);
}

static void put_dirty(const struct hr_state_layout *layout, const struct hr_pane *pane,
                      struct hr_buf *scratch, struct hr_buf *out)
{
    uint32_t count = hr_ktable_dirty_count(pane->table);
    hr_buf_put_u64(out, (uint64_t)pane->id);
    hr_buf_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        put_table_row(layout, pane->table, hr_ktable_dirty(pane->table, i), scratch, out);
}

static void start_slots(const struct hr_ktable *table, uint32_t first, uint32_t count,
                        struct hr_ktable_iter *iter)
{
    if (count == HR_SLOT_COUNT)
        hr_ktable_iter_all(table, iter);
    else
        hr_ktable_iter_slots(table, first, count, iter);
}

/* The rows of the slots in one pane, counted first: a delta says how many follow. */
static void put_pane_slots(const struct hr_state_layout *layout, const struct hr_pane *pane,
                           uint32_t first, uint32_t count, struct hr_buf *scratch,
                           struct hr_buf *out)
{
    uint8_t *rows[ITER_ROWS];
    struct hr_ktable_iter iter;
    uint64_t all = 0, put = 0;
    start_slots(pane->table, first, count, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, rows, ITER_ROWS)) > 0;) all += n;
    hr_buf_put_u64(out, (uint64_t)pane->id);
    hr_buf_put_varint(out, all);
    start_slots(pane->table, first, count, &iter);
    for (uint32_t n; (n = hr_ktable_iter_next(&iter, rows, ITER_ROWS)) > 0; put += n)
        for (uint32_t i = 0; i < n; i++) put_table_row(layout, pane->table, rows[i], scratch, out);
    assert(put == all);
    HR_UNUSED(put);
}

/* A keyed table's section: what the parts [from, to] have of the slots. */
static void put_keyed_slots(const struct hr_state *state, uint32_t table, uint32_t from,
                            uint32_t to, uint32_t first, uint32_t count, struct hr_buf *out)
{
    const struct hr_state_layout *layout = &state->layouts[table];
    struct hr_buf scratch;
    hr_buf_init(&scratch, 0);
    hr_buf_put_varint(out, layout->value_bytes);
    hr_buf_put_varint(out, 0); /* panes dropped */
    uint64_t panes = 0;
    for (uint32_t p = from; p <= to; p++) panes += state->parts[p].tables[table].pane_count;
    hr_buf_put_varint(out, panes);
    for (uint32_t p = from; p <= to; p++) {
        const struct hr_state_table *t = &state->parts[p].tables[table];
        for (uint32_t i = 0; i < t->pane_count; i++)
            put_pane_slots(layout, &t->panes[i], first, count, &scratch, out);
    }
    hr_buf_done(&scratch);
}

/* A snapshot of the slots, as far as the parts [from, to] have them. */
static hr_status put_full(const struct hr_state *state, uint32_t from, uint32_t to, uint32_t first,
                          uint32_t count, struct hr_buf *out, struct hr_err *err)
{
    put_start(state, true, first, count, out);
    for (uint32_t k = 0; k < state->table_count; k++) {
        hr_buf_put_u8(out, (uint8_t)state->layouts[k].kind);
        if (state->layouts[k].kind == HR_STATE_KEYED) {
            put_keyed_slots(state, k, from, to, first, count, out);
            continue;
        }
        hr_buf_put_varint(out, to - from + 1);
        for (uint32_t p = from; p <= to; p++)
            HR_TRY(hr_lists_put_slots(state->parts[p].tables[k].lists, first, count, out, err));
    }
    return hr_buf_status(out, err);
}

hr_status hr_state_put_slots(struct hr_state *state, uint32_t first, uint32_t count,
                             struct hr_buf *out, struct hr_err *err)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    /* the parts that slots [first, first + count) belong to */
    uint32_t from = hr_key_partition((uint64_t)first << 56, state->part_count);
    uint32_t to = hr_key_partition(((uint64_t)(first + count - 1) << 56) | (UINT64_MAX >> 8),
                                   state->part_count);
    return put_full(state, from, to, first, count, out, err);
}

static void put_keyed_delta(const struct hr_state_layout *layout, const struct hr_state_table *t,
                            struct hr_buf *out)
{
    struct hr_buf scratch;
    hr_buf_init(&scratch, 0);
    hr_buf_put_varint(out, layout->value_bytes);
    hr_buf_put_varint(out, t->dropped_count);
    for (uint32_t i = 0; i < t->dropped_count; i++) hr_buf_put_u64(out, (uint64_t)t->dropped[i]);
    uint32_t panes = 0;
    for (uint32_t i = 0; i < t->pane_count; i++)
        panes += hr_ktable_dirty_count(t->panes[i].table) > 0;
    hr_buf_put_varint(out, panes);
    for (uint32_t i = 0; i < t->pane_count; i++) {
        if (hr_ktable_dirty_count(t->panes[i].table) > 0)
            put_dirty(layout, &t->panes[i], &scratch, out);
    }
    hr_buf_done(&scratch);
}

bool hr_state_part_is_dirty(const struct hr_state_part *part)
{
    for (uint32_t k = 0; k < part->state->table_count; k++) {
        const struct hr_state_table *t = &part->tables[k];
        if (t->dropped_count || (t->lists && hr_lists_is_dirty(t->lists))) return true;
        for (uint32_t i = 0; i < t->pane_count; i++)
            if (hr_ktable_dirty_count(t->panes[i].table)) return true;
    }
    return false;
}

/* The slots whose keys a part has (hr_key_partition). Of more than 256 parts several share one. */
static void slots_of_part(const struct hr_state_part *part, uint32_t *ret_first,
                          uint32_t *ret_count)
{
    uint64_t n = part->state->part_count, p = part->index;
    uint64_t round = n <= HR_SLOT_COUNT ? n - 1 : 0;
    uint64_t first = (p * HR_SLOT_COUNT + round) / n;
    uint64_t end = n <= HR_SLOT_COUNT ? ((p + 1) * HR_SLOT_COUNT + round) / n
                                      : ((p + 1) * HR_SLOT_COUNT - 1) / n + 1;
    assert(first < end && end <= HR_SLOT_COUNT);
    assert(hr_key_partition(first << 56, (uint32_t)n) == p || n > HR_SLOT_COUNT);
    *ret_first = (uint32_t)first;
    *ret_count = (uint32_t)(end - first);
}

hr_status hr_state_part_delta(struct hr_state_part *part, bool full, struct hr_buf *out,
                              struct hr_err *err)
{
    const struct hr_state *state = part->state;
    if (full) return put_full(state, part->index, part->index, 0, HR_SLOT_COUNT, out, err);
    uint32_t first, count;
    slots_of_part(part, &first, &count);
    put_start(state, false, first, count, out);
    for (uint32_t k = 0; k < state->table_count; k++) {
        hr_buf_put_u8(out, (uint8_t)state->layouts[k].kind);
        if (state->layouts[k].kind == HR_STATE_KEYED) {
            put_keyed_delta(&state->layouts[k], &part->tables[k], out);
            continue;
        }
        hr_buf_put_varint(out, 1);
        HR_TRY(hr_lists_put_delta(part->tables[k].lists, out, err));
    }
    return hr_buf_status(out, err);
}

/* ---- loading ---- */

struct load {
    struct hr_state *state;
    struct hr_reader in;
    uint32_t first, count; /* slots that are wanted */
    uint32_t from, to;     /* slots that the delta is about */
};

static hr_status damaged(struct hr_err *err, const char *why)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why", why);
}

static bool is_wanted(const struct load *l, uint64_t hash)
{
    return hr_hash_slot(hash) - l->first < l->count;
}

/* Steps over a value without loading it. */
static hr_status skip_value(struct load *l, const struct hr_state_layout *layout,
                            struct hr_err *err)
{
    if (layout->codec.load) {
        HR_UNUSED(hr_get_bytes(&l->in));
        return l->in.failed ? damaged(err, "a value is short") : HR_OK;
    }
    if ((size_t)(l->in.end - l->in.pos) < layout->value_bytes)
        return damaged(err, "a value is short");
    l->in.pos += layout->value_bytes;
    return HR_OK;
}

static hr_status load_value(struct load *l, const struct hr_state_layout *layout, uint8_t *row,
                            bool is_new, struct hr_err *err)
{
    const uint8_t *at = l->in.pos;
    HR_TRY(skip_value(l, layout, err));
    if (!layout->codec.load) {
        memcpy(row, at, layout->value_bytes);
        return HR_OK;
    }
    struct hr_reader bytes = hr_reader(at, (size_t)(l->in.pos - at));
    struct hr_str_view value = hr_get_bytes(&bytes);
    if (!is_new) {
        layout->codec.done(layout->codec.arg, row);
        memset(row, 0, layout->value_bytes);
    }
    struct hr_reader in = hr_reader(value.ptr, value.len);
    return layout->codec.load(layout->codec.arg, row, &in, err);
}

static hr_status load_row(struct load *l, uint32_t table, int64_t pane_id, struct hr_err *err)
{
    struct hr_state *state = l->state;
    const struct hr_state_layout *layout = &state->layouts[table];
    assert(layout->kind == HR_STATE_KEYED);
    uint8_t op = hr_get_u8(&l->in);
    struct hr_str_view key = hr_get_bytes(&l->in);
    if (l->in.failed || op > 1 || key.len > HR_KROW_KEY_MAX) return damaged(err, "a row is short");
    uint64_t hash = hr_key_hash(key.ptr, key.len);
    if (!is_wanted(l, hash)) return op ? skip_value(l, layout, err) : HR_OK;
    struct hr_string view = hr_string_make(key.ptr, (uint32_t)key.len);
    struct hr_state_part *part = &state->parts[hr_key_partition(hash, state->part_count)];
    struct hr_ktable *rows;
    HR_TRY(hr_state_pane(part, table, pane_id, &rows, err));
    uint8_t *row;
    if (op == 0) {
        hr_ktable_find(rows, &view, &hash, 1, &row);
        return row ? hr_ktable_delete(rows, row, err) : HR_OK;
    }
    uint8_t is_new;
    HR_TRY(hr_ktable_upsert(rows, &view, &hash, 1, &row, &is_new, err));
    HR_TRY(load_value(l, layout, row, is_new, err));
    return layout->has_deadline && is_new ? hr_state_arm(part, table, row, err) : HR_OK;
}

static void load_dropped(struct load *l, uint32_t table, int64_t pane_id)
{
    for (uint32_t p = 0; p < l->state->part_count; p++) {
        struct hr_state_table *t = &l->state->parts[p].tables[table];
        uint32_t at = 0;
        while (at < t->pane_count && t->panes[at].id != pane_id) at++;
        if (at == t->pane_count) continue;
        hr_ktable_free(t->panes[at].table);
        t->pane_count--;
        memmove(&t->panes[at], &t->panes[at + 1], sizeof *t->panes * (t->pane_count - at));
    }
}

static hr_status load_keyed(struct load *l, uint32_t table, struct hr_err *err)
{
    struct hr_reader *in = &l->in;
    const struct hr_state_layout *layout = &l->state->layouts[table];
    if (hr_get_varint(in) != layout->value_bytes) return damaged(err, "values are of another size");
    uint64_t dropped = hr_get_varint(in);
    /* A pane dropped and opened again in one epoch (only late data could) comes after its drop. */
    for (uint64_t i = 0; i < dropped && !in->failed; i++)
        load_dropped(l, table, (int64_t)hr_get_u64(in));
    uint64_t panes = hr_get_varint(in);
    for (uint64_t i = 0; i < panes && !in->failed; i++) {
        int64_t pane_id = (int64_t)hr_get_u64(in);
        uint64_t rows = hr_get_varint(in);
        if (layout->has_deadline && pane_id != HR_PANE_NONE)
            return damaged(err, "rows with a deadline are in a pane");
        for (uint64_t r = 0; r < rows && !in->failed; r++) HR_TRY(load_row(l, table, pane_id, err));
    }
    return HR_OK;
}

static hr_status load_change(struct load *l, uint32_t table, struct hr_err *err)
{
    struct hr_lists_change change;
    if (!hr_lists_get_change(&l->in, &change)) return damaged(err, "a list's row is short");
    uint64_t hash = hr_key_hash(change.key.ptr, change.key.len);
    if (!is_wanted(l, hash)) return HR_OK;
    uint32_t p = hr_key_partition(hash, l->state->part_count);
    return hr_lists_load(l->state->parts[p].tables[table].lists, hash, &change, err);
}

/* One part's section: what it says of expired rows is about the delta's slots. */
static hr_status load_lists(struct load *l, uint32_t table, struct hr_err *err)
{
    struct hr_reader *in = &l->in;
    assert(l->state->layouts[table].kind == HR_STATE_LISTS && l->from <= l->to);
    uint8_t has_expiry = hr_get_u8(in);
    if (has_expiry > 1) return damaged(err, "a list's head is wrong");
    if (has_expiry) {
        int64_t limit_us = (int64_t)hr_get_u64(in);
        if (in->failed) return damaged(err, "a list's head is short");
        for (uint32_t p = 0; p < l->state->part_count; p++)
            HR_TRY(hr_lists_load_expiry(l->state->parts[p].tables[table].lists, l->from,
                                        l->to - l->from + 1, limit_us, err));
    }
    uint64_t changes = hr_get_varint(in);
    for (uint64_t i = 0; i < changes && !in->failed; i++) HR_TRY(load_change(l, table, err));
    return HR_OK;
}

static hr_status load_table(struct load *l, uint32_t table, struct hr_err *err)
{
    if (hr_get_u8(&l->in) != l->state->layouts[table].kind)
        return damaged(err, "a table is of another kind");
    if (l->state->layouts[table].kind == HR_STATE_KEYED) return load_keyed(l, table, err);
    uint64_t sections = hr_get_varint(&l->in);
    for (uint64_t i = 0; i < sections && !l->in.failed; i++) HR_TRY(load_lists(l, table, err));
    return HR_OK;
}

static hr_status load_slots(struct hr_state *state, struct hr_str_view delta, uint32_t first,
                            uint32_t count, struct hr_err *err)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    struct load l = {state, hr_reader(delta.ptr, delta.len), first, count, 0, HR_SLOT_COUNT - 1};
    struct hr_reader *in = &l.in;
    uint8_t version = hr_get_u8(in);
    if (version == 0 || version > HR_STATE_VERSION)
        return damaged(err, "it is of a version that this program does not know");
    uint8_t full = hr_get_u8(in); /* a snapshot is loaded into empty parts by the caller's order */
    if (full > 1) return damaged(err, "its head is wrong");
    if (version == 1) {
        if (state->table_count != 1 || state->layouts[0].kind != HR_STATE_KEYED)
            return damaged(err, "it is of version 1, which had no such operator");
        HR_TRY(load_keyed(&l, 0, err));
    } else {
        l.from = hr_get_u8(in);
        l.to = hr_get_u8(in);
        if (l.from > l.to) return damaged(err, "its slots are wrong");
        if (l.to < first || l.from >= first + count) return HR_OK;
        if (hr_get_varint(in) != state->table_count)
            return damaged(err, "it has another number of tables");
        for (uint32_t k = 0; k < state->table_count && !in->failed; k++)
            HR_TRY(load_table(&l, k, err));
    }
    if (in->failed || in->pos != in->end)
        return damaged(err, "its length does not fit its content");
    return HR_OK;
}

hr_status hr_state_load_slots(struct hr_state *state, struct hr_str_view delta, uint32_t first,
                              uint32_t count, struct hr_err *err)
{
    struct hr_value_account *before = hr_value_account_enter(&state->heap);
    hr_status status = load_slots(state, delta, first, count, err);
    (void)hr_value_account_enter(before);
    return status;
}

hr_status hr_state_load(struct hr_state *state, struct hr_str_view delta, struct hr_err *err)
{
    return hr_state_load_slots(state, delta, 0, HR_SLOT_COUNT, err);
}
