/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <stdio.h>

/* ---- life ---- */

static void table_done(struct hr_state_table *t)
{
    for (uint32_t i = 0; i < t->pane_count; i++) hr_ktable_free(t->panes[i].table);
    hr_free(t->panes);
    hr_free(t->dropped);
    hr_lists_free(t->lists);
    hr_times_done(&t->order);
    hr_times_due_done(&t->order, &t->due);
    hr_heap_done(&t->order_heap);
    *t = (struct hr_state_table){0};
}

static hr_status table_init(struct hr_state *state, const struct hr_state_layout *layout,
                            struct hr_state_table *t, struct hr_err *err)
{
    *t = (struct hr_state_table){0};
    HR_TRY(hr_heap_init(&t->order_heap, false, &state->mem, err));
    hr_times_init(&t->order, &t->order_heap);
    if (layout->kind == HR_STATE_LISTS) return hr_lists_new(&layout->lists, &t->lists, err);
    return HR_OK;
}

static hr_status part_init(struct hr_state_part *part, struct hr_err *err)
{
    struct hr_state *state = part->state;
    part->rows_updated = part->rows_removed = part->rows_late = 0;
    for (uint32_t t = 0; t < state->table_count; t++)
        HR_TRY(table_init(state, &state->layouts[t], &part->tables[t], err));
    return HR_OK;
}

static void part_done(struct hr_state_part *part)
{
    for (uint32_t t = 0; t < part->state->table_count; t++) table_done(&part->tables[t]);
}

static void parts_done(struct hr_state *state)
{
    struct hr_value_account *before = hr_value_account_enter(&state->heap);
    for (uint32_t i = 0; i < state->part_count; i++) part_done(&state->parts[i]);
    (void)hr_value_account_enter(before);
}

static hr_status copy_layout(struct hr_state *state, const struct hr_state_layout *from,
                             struct hr_state_layout *to, struct hr_err *err)
{
    assert(!from->has_deadline || from->deadline_at + sizeof(int64_t) <= from->value_bytes);
    assert(!from->codec.save == !from->codec.load);
    *to = *from;
    to->states_init = NULL;
    to->lists.mem = &state->mem;
    if (!from->states_init) return HR_OK;
    uint8_t *init = hr_alloc(from->value_bytes);
    if (!init) return HR_OOM(err);
    memcpy(init, from->states_init, from->value_bytes);
    to->states_init = init;
    return HR_OK;
}

static hr_status state_init(struct hr_state *state, const struct hr_state_args *args,
                            struct hr_err *err)
{
    state->table_count = HR_MAX(args->table_count, 1u);
    for (uint32_t t = 0; t < state->table_count; t++)
        HR_TRY(copy_layout(state, &args->tables[t], &state->layouts[t], err));
    state->parts = hr_zalloc(sizeof *state->parts * args->part_count);
    if (!state->parts) return HR_OOM(err);
    state->part_count = args->part_count;
    for (uint32_t i = 0; i < args->part_count; i++) {
        state->parts[i].state = state;
        state->parts[i].index = i;
    }
    for (uint32_t i = 0; i < args->part_count; i++) HR_TRY(part_init(&state->parts[i], err));
    return HR_OK;
}

hr_status hr_state_new(const struct hr_state_args *args, struct hr_state **ret, struct hr_err *err)
{
    assert(args->part_count > 0 && args->table_count <= HR_STATE_TABLES_MAX);
    struct hr_state *state = hr_zalloc(sizeof *state);
    if (!state) return HR_OOM(err);
    state->id = args->id;
    state->operator_name = args->operator_name;
    const char *query = args->query_name;
    snprintf(state->mem_name, sizeof state->mem_name, "the state of %s (operator %u)%s%.100s",
             args->operator_name, args->id, query ? " in query " : "", query ? query : "");
    hr_mem_init(&state->mem, args->mem, state->mem_name, args->budget_setting, args->budget_bytes);
    state->heap.mem = &state->mem;
    hr_status status = state_init(state, args, err);
    if (status != HR_OK) {
        hr_state_free(state);
        return status;
    }
    *ret = state;
    return HR_OK;
}

hr_status hr_state_clear(struct hr_state *state, struct hr_err *err)
{
    parts_done(state);
    for (uint32_t i = 0; i < state->part_count; i++) HR_TRY(part_init(&state->parts[i], err));
    return HR_OK;
}

void hr_state_free(struct hr_state *state)
{
    if (!state) return;
    parts_done(state);
    hr_value_account_done(&state->heap);
    hr_free(state->parts);
    for (uint32_t t = 0; t < state->table_count; t++)
        hr_free((void *)(uintptr_t)state->layouts[t].states_init);
    assert(atomic_load(&state->mem.used_bytes) == 0);
    hr_free(state);
}

void hr_state_set_budget(struct hr_state *state, int64_t bytes)
{
    assert(bytes >= 0);
    __atomic_store_n(&state->mem.limit_bytes, bytes, __ATOMIC_RELAXED);
}

/* ---- panes ---- */

static void row_done(void *arg, uint8_t *states)
{
    const struct hr_state_layout *layout = arg;
    layout->codec.done(layout->codec.arg, states);
}

/* Index of the first pane with an id of at least pane_id. Few panes are open at a time, and most
 * lookups are for the newest. */
static uint32_t pane_position(const struct hr_state_table *t, int64_t pane_id)
{
    uint32_t i = t->pane_count;
    while (i > 0 && t->panes[i - 1].id >= pane_id) i--;
    return i;
}

static hr_status new_pane(struct hr_state_part *part, uint32_t table, struct hr_ktable **ret,
                          struct hr_err *err)
{
    struct hr_state *state = part->state;
    struct hr_state_layout *layout = &state->layouts[table];
    struct hr_ktable_options options = {
        .states_bytes = layout->value_bytes,
        .states_init = layout->states_init,
        .track_dirty = true,
        .by_slot = true,
        .mem = &state->mem,
        .row_done = layout->codec.done ? row_done : NULL,
        .arg = layout,
    };
    return hr_ktable_new(&options, ret, err);
}

hr_status hr_state_pane(struct hr_state_part *part, uint32_t table, int64_t pane_id,
                        struct hr_ktable **ret, struct hr_err *err)
{
    assert(table < part->state->table_count);
    assert(part->state->layouts[table].kind == HR_STATE_KEYED);
    struct hr_state_table *t = &part->tables[table];
    uint32_t at = pane_position(t, pane_id);
    if (at < t->pane_count && t->panes[at].id == pane_id) {
        *ret = t->panes[at].table;
        return HR_OK;
    }
    if (t->pane_count == t->pane_capacity) {
        uint32_t capacity = t->pane_capacity ? t->pane_capacity * 2 : 8;
        struct hr_pane *panes = hr_realloc(t->panes, sizeof *panes * capacity);
        if (!panes) return HR_OOM(err);
        t->panes = panes;
        t->pane_capacity = capacity;
    }
    HR_TRY(new_pane(part, table, ret, err));
    memmove(&t->panes[at + 1], &t->panes[at], sizeof *t->panes * (t->pane_count - at));
    t->panes[at] = (struct hr_pane){pane_id, *ret};
    t->pane_count++;
    assert(at == 0 || t->panes[at - 1].id < pane_id);
    return HR_OK;
}

struct hr_pane *hr_state_oldest_pane(struct hr_state_part *part, uint32_t table, int64_t limit)
{
    assert(table < part->state->table_count);
    struct hr_state_table *t = &part->tables[table];
    if (t->pane_count == 0 || t->panes[0].id > limit) return NULL;
    return &t->panes[0];
}

hr_status hr_state_drop_oldest(struct hr_state_part *part, uint32_t table, struct hr_err *err)
{
    struct hr_state_table *t = &part->tables[table];
    assert(t->pane_count > 0);
    if (t->dropped_count == t->dropped_capacity) {
        uint32_t capacity = t->dropped_capacity ? t->dropped_capacity * 2 : 16;
        int64_t *dropped = hr_realloc(t->dropped, sizeof *dropped * capacity);
        if (!dropped) return HR_OOM(err);
        t->dropped = dropped;
        t->dropped_capacity = capacity;
    }
    part->rows_removed += (int64_t)hr_ktable_count(t->panes[0].table);
    t->dropped[t->dropped_count++] = t->panes[0].id;
    hr_ktable_free(t->panes[0].table);
    t->pane_count--;
    memmove(&t->panes[0], &t->panes[1], sizeof *t->panes * t->pane_count);
    return HR_OK;
}

/* ---- deadlines ---- */

static int64_t deadline_of(const struct hr_state_layout *layout, const uint8_t *states)
{
    int64_t time_us;
    memcpy(&time_us, states + layout->deadline_at, sizeof time_us);
    return time_us;
}

hr_status hr_state_arm(struct hr_state_part *part, uint32_t table, const uint8_t *states,
                       struct hr_err *err)
{
    const struct hr_state_layout *layout = &part->state->layouts[table];
    struct hr_state_table *t = &part->tables[table];
    assert(layout->has_deadline && t->pane_count == 1 && t->panes[0].id == HR_PANE_NONE);
    int64_t time_us = deadline_of(layout, states);
    if (time_us == INT64_MIN || time_us == INT64_MAX) return HR_OK;
    const struct hr_ktable *rows = t->panes[0].table;
    struct hr_str_view key = hr_ktable_key(rows, states);
    uint32_t slot = hr_hash_slot(hr_key_hash(key.ptr, key.len));
    return hr_times_add(&t->order, slot, time_us, hr_ktable_ref(rows, states), err);
}

/* Gives the entries their rows' deadlines of now and sorts by them. An entry may be stale: its row
 * has been deleted, and its memory may have a new row, which has an entry of its own. Equal
 * references stand side by side after this. */
static void order_by_deadline(const struct hr_state_layout *layout, const struct hr_ktable *rows,
                              struct hr_times_due *due)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < due->count; i++) {
        struct hr_times_entry entry = due->entries[i];
        const uint8_t *states = hr_ktable_at(rows, entry.ref);
        if (hr_krow_of(states)->flags & (HR_KROW_DELETED | HR_KROW_FREE)) continue;
        entry.time_us = deadline_of(layout, states);
        if (entry.time_us == INT64_MIN || entry.time_us == INT64_MAX) continue;
        due->entries[kept++] = entry;
    }
    due->count = kept;
    hr_times_sort(due);
}

hr_status hr_state_due(struct hr_state_part *part, uint32_t table, int64_t limit_us,
                       uint8_t ***ret_rows, uint32_t *ret_count, struct hr_err *err)
{
    const struct hr_state_layout *layout = &part->state->layouts[table];
    struct hr_state_table *t = &part->tables[table];
    assert(layout->kind == HR_STATE_KEYED && layout->has_deadline);
    *ret_count = 0;
    *ret_rows = NULL;
    if (t->pane_count == 0) return HR_OK;
    t->due.count = 0;
    HR_TRY(hr_times_advance(&t->order, limit_us, &t->due, err));
    const struct hr_ktable *rows = t->panes[0].table;
    order_by_deadline(layout, rows, &t->due);
    /* Pointers are written over the entries that they are made from, which are larger. */
    static_assert(sizeof(struct hr_times_entry) >= sizeof(uint8_t *), "a pointer fits");
    uint8_t *to = (uint8_t *)t->due.entries;
    struct hr_times_entry last = {0};
    for (uint32_t i = 0; i < t->due.count; i++) {
        struct hr_times_entry entry = t->due.entries[i];
        if (entry.ref == last.ref) continue;
        last = entry;
        uint8_t *states = hr_ktable_at(rows, entry.ref);
        if (entry.time_us > limit_us)
            HR_TRY(hr_state_arm(part, table, states, err));
        else
            memcpy(to + (*ret_count)++ * sizeof states, &states, sizeof states);
    }
    *ret_rows = (uint8_t **)(void *)to;
    return HR_OK;
}

/* ---- epochs and figures ---- */

void hr_state_part_committed(struct hr_state_part *part)
{
    struct hr_value_account *before = hr_value_account_enter(&part->state->heap);
    for (uint32_t k = 0; k < part->state->table_count; k++) {
        struct hr_state_table *t = &part->tables[k];
        for (uint32_t i = 0; i < t->pane_count; i++) hr_ktable_end_epoch(t->panes[i].table);
        if (t->lists) hr_lists_end_epoch(t->lists);
        t->dropped_count = 0;
    }
    part->rows_updated = part->rows_removed = part->rows_late = 0;
    (void)hr_value_account_enter(before);
}

void hr_state_drop_slot(struct hr_state *state, uint32_t slot)
{
    assert(slot < HR_SLOT_COUNT);
    struct hr_value_account *before = hr_value_account_enter(&state->heap);
    for (uint32_t p = 0; p < state->part_count; p++) {
        for (uint32_t k = 0; k < state->table_count; k++) {
            struct hr_state_table *t = &state->parts[p].tables[k];
            for (uint32_t i = 0; i < t->pane_count; i++)
                hr_ktable_drop_slot(t->panes[i].table, slot);
            if (t->lists) hr_lists_drop_slot(t->lists, slot);
            hr_times_drop_slot(&t->order, slot);
        }
    }
    (void)hr_value_account_enter(before);
}

int64_t hr_state_table_rows(const struct hr_state *state, uint32_t table)
{
    assert(table < state->table_count);
    uint64_t rows = 0;
    for (uint32_t p = 0; p < state->part_count; p++) {
        const struct hr_state_table *t = &state->parts[p].tables[table];
        for (uint32_t i = 0; i < t->pane_count; i++) rows += hr_ktable_count(t->panes[i].table);
        if (t->lists) rows += hr_lists_row_count(t->lists);
    }
    return (int64_t)rows;
}

int64_t hr_state_rows(const struct hr_state *state)
{
    int64_t rows = 0;
    for (uint32_t t = 0; t < state->table_count; t++) rows += hr_state_table_rows(state, t);
    return rows;
}

int64_t hr_state_bytes(const struct hr_state *state)
{
    return atomic_load_explicit(&state->mem.used_bytes, memory_order_relaxed);
}
