/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed tables of mapWithState (keyed.h): one pane per part of an operator's state. */
#include "dstream/keyed.h"

#include "state/state.h"

struct hr_ds_keyed {
    const struct hr_type *schema; /* of the state */
    struct hr_state *state;
    struct hr_ds_key *rings; /* per part: newer is its oldest key, older its newest */
    struct hr_mem mem;
    struct hr_budget *budget; /* its parent; NULL: not yet */
};

HR_INLINE struct hr_ds_key *key_at(const uint8_t *states)
{
    return (struct hr_ds_key *)(void *)(uintptr_t)states;
}

/* --- Rings ------------------------------------------------------------------------------------ */

static void ring_out(struct hr_ds_key *key)
{
    if (!key->older) return;
    key->older->newer = key->newer;
    key->newer->older = key->older;
    key->older = key->newer = NULL;
}

static void ring_in(struct hr_ds_key *ring, struct hr_ds_key *key)
{
    assert(!key->older && !key->newer);
    key->older = ring->older;
    key->newer = ring;
    ring->older->newer = key;
    ring->older = key;
}

static struct hr_ds_key *ring_of(const struct hr_ds_keyed *keyed, const struct hr_ds_key *key)
{
    if (keyed->state->part_count == 1) return keyed->rings;
    struct hr_str_view name = hr_ds_keyed_key(keyed, key);
    uint64_t hash = hr_key_hash(name.ptr, name.len);
    return &keyed->rings[hr_key_partition(hash, keyed->state->part_count)];
}

/* --- Cells as bytes --------------------------------------------------------------------------- */

static void cells_save(const void *arg, const uint8_t *value, struct hr_buf *out)
{
    const struct hr_ds_keyed *keyed = arg;
    const struct hr_ds_key *key = key_at(value);
    const struct hr_cells *cells = hr_ds_key_cells(key);
    hr_buf_put_u64(out, (uint64_t)key->touched_us);
    hr_buf_put_varint(out, cells->nulls);
    for (uint32_t i = 0; i < keyed->schema->field_count; i++) {
        const struct hr_type *type = keyed->schema->fields[i].type;
        const union hr_cell *cell = &cells->cell[i];
        if ((cells->nulls >> i) & 1 || type->id == HR_T_NULL) continue;
        if (hr_type_is_string(type))
            hr_buf_put_bytes(out, hr_string_ptr(&cell->str), cell->str.len);
        else
            hr_buf_append(out, cell, type->id == HR_T_DECIMAL ? 16 : 8);
    }
}

static int64_t heap_bytes(const struct hr_type *schema, const struct hr_cells *cells)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (hr_type_is_string(schema->fields[i].type) && cells->cell[i].str.len > HR_STRING_INLINE)
            bytes += cells->cell[i].str.len;
    return bytes;
}

static hr_status damaged(struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why", "a state is short");
}

static hr_status cell_load(const struct hr_type *type, union hr_cell *cell, struct hr_reader *in,
                           struct hr_err *err)
{
    if (hr_type_is_string(type)) {
        struct hr_str_view bytes = hr_get_bytes(in);
        if (in->failed || bytes.len > INT32_MAX) return damaged(err);
        const char *ptr = bytes.ptr;
        if (bytes.len > HR_STRING_INLINE) {
            char *copy = hr_alloc(bytes.len);
            if (!copy) return HR_OOM(err);
            memcpy(copy, bytes.ptr, bytes.len);
            ptr = copy;
        }
        cell->str = hr_string_make(ptr, (uint32_t)bytes.len);
        return HR_OK;
    }
    size_t size = type->id == HR_T_DECIMAL ? 16 : 8;
    if (in->failed || (size_t)(in->end - in->pos) < size) return damaged(err);
    memcpy(cell, in->pos, size);
    in->pos += size;
    return HR_OK;
}

static hr_status cells_load(const void *arg, uint8_t *value, struct hr_reader *in,
                            struct hr_err *err)
{
    struct hr_ds_keyed *keyed = (struct hr_ds_keyed *)(uintptr_t)arg;
    struct hr_ds_key *key = key_at(value);
    struct hr_cells *cells = hr_ds_key_cells(key);
    assert(!key->older);
    key->touched_us = (int64_t)hr_get_u64(in);
    uint64_t nulls = hr_get_varint(in);
    hr_status status = HR_OK;
    for (uint32_t i = 0; status == HR_OK && i < keyed->schema->field_count; i++) {
        const struct hr_type *type = keyed->schema->fields[i].type;
        if (!((nulls >> i) & 1) && type->id != HR_T_NULL)
            status = cell_load(type, &cells->cell[i], in, err);
    }
    if (status == HR_OK && (in->failed || in->pos != in->end)) status = damaged(err);
    if (status == HR_OK)
        status = hr_mem_reserve(&keyed->mem, heap_bytes(keyed->schema, cells), err);
    if (status != HR_OK) {
        hr_cells_done(keyed->schema, cells);
        return status;
    }
    cells->nulls = nulls;
    ring_in(ring_of(keyed, key), key);
    return HR_OK;
}

static void cells_done(const void *arg, uint8_t *value)
{
    struct hr_ds_keyed *keyed = (struct hr_ds_keyed *)(uintptr_t)arg;
    struct hr_ds_key *key = key_at(value);
    ring_out(key);
    hr_mem_release(&keyed->mem, heap_bytes(keyed->schema, hr_ds_key_cells(key)));
    hr_cells_done(keyed->schema, hr_ds_key_cells(key));
}

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_ds_keyed_new(const struct hr_type *state, uint32_t parts, struct hr_ds_keyed **ret,
                          struct hr_err *err)
{
    struct hr_ds_keyed *keyed = hr_zalloc(sizeof *keyed);
    if (!keyed) return HR_OOM(err);
    keyed->schema = state;
    hr_mem_init(&keyed->mem, NULL, "the state of mapWithState", NULL, 0);
    struct hr_state_args args = {
        .operator_name = "mapWithState",
        .tables =
            {{.value_bytes = hr_ds_key_bytes(state),
              .codec = {.save = cells_save, .load = cells_load, .done = cells_done, .arg = keyed}}},
        .mem = &keyed->mem,
        .part_count = parts};
    keyed->rings = hr_zalloc(parts * sizeof *keyed->rings);
    hr_status status = keyed->rings ? hr_state_new(&args, &keyed->state, err) : HR_OOM(err);
    for (uint32_t p = 0; status == HR_OK && p < parts; p++) {
        struct hr_ktable *table; /* made now: tasks must find them all */
        keyed->rings[p].older = keyed->rings[p].newer = &keyed->rings[p];
        status = hr_state_pane(&keyed->state->parts[p], 0, HR_PANE_NONE, &table, err);
    }
    if (status != HR_OK) {
        hr_ds_keyed_free(keyed);
        return status;
    }
    *ret = keyed;
    return HR_OK;
}

void hr_ds_keyed_free(struct hr_ds_keyed *keyed)
{
    if (!keyed) return;
    hr_state_free(keyed->state);
    hr_free(keyed->rings);
    if (keyed->budget) hr_mem_release(&keyed->budget->mem, atomic_load(&keyed->mem.used_bytes));
    hr_budget_unref(keyed->budget);
    hr_free(keyed);
}

hr_status hr_ds_keyed_account(struct hr_ds_keyed *keyed, struct hr_budget *budget,
                              struct hr_err *err)
{
    if (keyed->budget) return HR_OK;
    HR_TRY(hr_mem_reserve(&budget->mem, atomic_load(&keyed->mem.used_bytes), err));
    keyed->budget = hr_budget_ref(budget);
    keyed->mem.parent = &budget->mem;
    return HR_OK;
}

int64_t hr_ds_keyed_rows(const struct hr_ds_keyed *keyed)
{
    return hr_state_rows(keyed->state);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static struct hr_ktable *table_of(const struct hr_ds_keyed *keyed, uint32_t part)
{
    const struct hr_state_table *p = &keyed->state->parts[part].tables[0];
    assert(part < keyed->state->part_count && p->pane_count == 1);
    return p->panes[0].table;
}

void hr_ds_keyed_find(const struct hr_ds_keyed *keyed, uint32_t part, const struct hr_string *keys,
                      const uint64_t *hashes, uint32_t count, struct hr_ds_key **ret)
{
    hr_ktable_find(table_of(keyed, part), keys, hashes, count, (uint8_t **)ret);
}

const struct hr_ds_key *hr_ds_keyed_next_oldest(const struct hr_ds_keyed *keyed, uint32_t part,
                                                const struct hr_ds_key *after)
{
    const struct hr_ds_key *ring = &keyed->rings[part];
    const struct hr_ds_key *key = after ? after->newer : ring->newer;
    return key == ring ? NULL : key;
}

struct hr_str_view hr_ds_keyed_key(const struct hr_ds_keyed *keyed, const struct hr_ds_key *key)
{
    return hr_ktable_key_at((const uint8_t *)key, (keyed->state->layouts[0].value_bytes + 7) & ~7u);
}

const struct hr_ktable *hr_ds_keyed_table(const struct hr_ds_keyed *keyed, uint32_t part)
{
    return table_of(keyed, part);
}

/* --- Deltas ----------------------------------------------------------------------------------- */

void hr_ds_keyed_put_head(const struct hr_ds_keyed *keyed, uint64_t keys, struct hr_buf *out)
{
    hr_state_put_head(keyed->state, HR_PANE_NONE, keys, out);
}

void hr_ds_keyed_put(const struct hr_ds_keyed *keyed, struct hr_str_view name,
                     const struct hr_ds_key *key, struct hr_buf *scratch, struct hr_buf *out)
{
    hr_state_put_row(&keyed->state->layouts[0], name, (const uint8_t *)key, scratch, out);
}

hr_status hr_ds_keyed_apply(struct hr_ds_keyed *keyed, struct hr_str_view delta, struct hr_err *err)
{
    hr_status status = hr_state_load(keyed->state, delta, err);
    /* What was deleted gives its memory back; nothing is kept as dirty. */
    for (uint32_t p = 0; p < keyed->state->part_count; p++)
        hr_state_part_committed(&keyed->state->parts[p]);
    return status;
}

uint64_t hr_ds_keyed_delta_keys(struct hr_str_view delta)
{
    return hr_state_delta_rows(delta);
}

static int by_touched(const void *a, const void *b)
{
    int64_t x = (*(struct hr_ds_key *const *)a)->touched_us;
    int64_t y = (*(struct hr_ds_key *const *)b)->touched_us;
    return x < y ? -1 : x > y;
}

static hr_status sort_ring(struct hr_ds_key *ring, uint64_t count, struct hr_err *err)
{
    struct hr_ds_key **keys = hr_alloc((count + 1) * sizeof(struct hr_ds_key *));
    uint64_t n = 0;
    if (!keys) return HR_OOM(err);
    while (ring->newer != ring) {
        assert(n < count);
        keys[n++] = ring->newer;
        ring_out(ring->newer);
    }
    qsort(keys, n, sizeof *keys, by_touched);
    for (uint64_t i = 0; i < n; i++) ring_in(ring, keys[i]);
    hr_free(keys);
    return HR_OK;
}

hr_status hr_ds_keyed_sort(struct hr_ds_keyed *keyed, struct hr_err *err)
{
    for (uint32_t p = 0; p < keyed->state->part_count; p++)
        HR_TRY(sort_ring(&keyed->rings[p], hr_ktable_count(table_of(keyed, p)), err));
    return HR_OK;
}

hr_status hr_ds_keyed_put_slots(struct hr_ds_keyed *keyed, uint32_t first, uint32_t count,
                                struct hr_buf *out, struct hr_err *err)
{
    return hr_state_put_slots(keyed->state, first, count, out, err);
}
