/* SPDX-License-Identifier: Apache-2.0 */
/* Groups on disk, by slot of their key's hash. */
#include "operator/agg_spill.h"

#include "operator/agg_states.h"
#include "operator/aggregate.h"
#include "operator/spill.h"

#define BLOCK 1024u

struct flush {
    struct hr_spill_run slots[HR_SLOT_COUNT];
};

struct hr_agg_spill {
    const struct hr_pnode *node;
    struct hr_task *task;
    struct hr_spill *file;
    const struct hr_type *schema; /* key bytes, states */
    struct flush *flushes;
    uint32_t flush_count, flush_capacity;
    uint32_t next_slot; /* to be loaded */
    uint8_t *scratch;   /* of one row's states */
    struct hr_buf buf;
};

hr_status hr_agg_spill_new(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_agg_spill **ret, struct hr_err *err)
{
    struct hr_field fields[] = {{.name = "key", .type = hr_type(HR_T_BINARY)},
                                {.name = "states", .type = hr_type(HR_T_BINARY)}};
    struct hr_agg_spill *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->node = node;
    s->task = task;
    s->schema = hr_type_struct(fields, 2);
    s->scratch = hr_zalloc(HR_MAX(hr_agg_node(node)->states_bytes, 8));
    hr_status status = s->schema && s->scratch ? HR_OK : HR_OOM(err);
    if (!status) status = hr_spill_new(task, s->schema, &s->file, err);
    if (status)
        hr_agg_spill_free(s);
    else
        *ret = s;
    return status;
}

void hr_agg_spill_free(struct hr_agg_spill *spill)
{
    if (!spill) return;
    hr_spill_free(spill->file);
    hr_free(spill->flushes);
    hr_free(spill->scratch);
    hr_buf_done(&spill->buf);
    hr_free(spill);
}

/* --- Out -------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct hr_ktable *table, const uint8_t *states)
{
    struct hr_str_view key = hr_ktable_key(table, states);
    return hr_hash_slot(hr_key_hash(key.ptr, key.len));
}

/* The table's rows by slot; starts[slot] to starts[slot + 1]. The caller frees them. */
static hr_status sort_rows(const struct hr_ktable *table, uint8_t ***ret,
                           uint32_t starts[HR_SLOT_COUNT + 1], struct hr_err *err)
{
    struct hr_ktable_iter it;
    uint8_t *states[256];
    uint32_t at[HR_SLOT_COUNT];
    uint8_t **rows = hr_alloc(sizeof *rows * (hr_ktable_count(table) + 1));
    if (!rows) return HR_OOM(err);
    memset(starts, 0, sizeof *starts * (HR_SLOT_COUNT + 1));
    hr_ktable_iter_all(table, &it);
    for (uint32_t n; (n = hr_ktable_iter_next(&it, states, HR_COUNT(states))) > 0;)
        for (uint32_t i = 0; i < n; i++) starts[slot_of(table, states[i]) + 1]++;
    for (uint32_t i = 0; i < HR_SLOT_COUNT; i++) {
        at[i] = starts[i];
        starts[i + 1] += starts[i];
    }
    hr_ktable_iter_all(table, &it);
    for (uint32_t n; (n = hr_ktable_iter_next(&it, states, HR_COUNT(states))) > 0;)
        for (uint32_t i = 0; i < n; i++) rows[at[slot_of(table, states[i])]++] = states[i];
    *ret = rows;
    return HR_OK;
}

static hr_status fill(struct hr_agg_spill *s, const struct hr_ktable *table, uint8_t *const *rows,
                      struct hr_batch *batch, struct hr_err *err)
{
    struct hr_string *columns[2];
    for (int c = 0; c < 2; c++) {
        HR_TRY(hr_column_alloc(&batch->arena, hr_type(HR_T_BINARY), batch->row_count, false,
                               &batch->columns[c], err));
        columns[c] = (struct hr_string *)(uintptr_t)batch->columns[c].values;
    }
    for (uint32_t i = 0; i < batch->row_count; i++) {
        struct hr_str_view key = hr_ktable_key(table, rows[i]);
        columns[0][i] = hr_string_make(key.ptr, (uint32_t)key.len);
        hr_buf_clear(&s->buf);
        hr_agg_save(s->node, rows[i], &s->buf);
        HR_TRY(hr_buf_status(&s->buf, err));
        const char *copy = s->buf.ptr;
        if (s->buf.len > HR_STRING_INLINE)
            copy = hr_arena_memdup(&batch->arena, s->buf.ptr, s->buf.len);
        if (!copy && s->buf.len) return HR_OOM(err);
        columns[1][i] = hr_string_make(copy ? copy : "", (uint32_t)s->buf.len);
    }
    return HR_OK;
}

static hr_status write_slot(struct hr_agg_spill *s, const struct hr_ktable *table,
                            uint8_t *const *rows, uint32_t count, struct hr_err *err)
{
    for (uint32_t at = 0, n; at < count; at += n) {
        n = HR_MIN(count - at, BLOCK);
        struct hr_batch *batch = hr_batch_new(s->schema, n, s->task->mem);
        if (!batch) return HR_OOM(err);
        hr_status status = fill(s, table, rows + at, batch, err);
        if (!status) status = hr_spill_write(s->file, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status new_flush(struct hr_agg_spill *s, struct flush **ret, struct hr_err *err)
{
    if (s->flush_count == s->flush_capacity) {
        uint32_t capacity = HR_MAX(s->flush_capacity * 2, 8u);
        struct flush *grown = hr_realloc(s->flushes, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        s->flushes = grown;
        s->flush_capacity = capacity;
    }
    *ret = &s->flushes[s->flush_count++];
    return HR_OK;
}

hr_status hr_agg_spill_flush(struct hr_agg_spill *spill, struct hr_ktable *table,
                             struct hr_err *err)
{
    uint32_t starts[HR_SLOT_COUNT + 1];
    uint8_t **rows;
    struct flush *flush;
    HR_TRY(new_flush(spill, &flush, err));
    HR_TRY(sort_rows(table, &rows, starts, err));
    hr_status status = HR_OK;
    for (uint32_t slot = 0; !status && slot < HR_SLOT_COUNT; slot++) {
        flush->slots[slot].at = hr_spill_end(spill->file);
        status =
            write_slot(spill, table, rows + starts[slot], starts[slot + 1] - starts[slot], err);
        flush->slots[slot].end = hr_spill_end(spill->file);
    }
    hr_free(rows);
    hr_ktable_clear(table);
    return status;
}

/* --- In --------------------------------------------------------------------------------------- */

static hr_status merge(struct hr_agg_spill *s, struct hr_ktable *table, const struct hr_batch *in,
                       struct hr_err *err)
{
    const struct hr_string *keys = in->columns[0].values, *saved = in->columns[1].values;
    uint64_t hashes[BLOCK];
    uint8_t *states[BLOCK];
    assert(in->row_count <= BLOCK);
    for (uint32_t i = 0; i < in->row_count; i++) hashes[i] = hr_key_hash_view(&keys[i]);
    HR_TRY(hr_ktable_upsert(table, keys, hashes, in->row_count, states, NULL, err));
    for (uint32_t i = 0; i < in->row_count; i++)
        HR_TRY(hr_agg_merge(s->node, s->scratch, states[i], hr_string_view(&saved[i]), err));
    return HR_OK;
}

static hr_status load_slot(struct hr_agg_spill *s, struct hr_ktable *table, uint32_t slot,
                           struct hr_err *err)
{
    for (uint32_t f = 0; f < s->flush_count; f++) {
        struct hr_spill_run run = s->flushes[f].slots[slot];
        for (struct hr_batch *batch;; hr_batch_unref(batch)) {
            HR_TRY(hr_spill_read(s->file, &run, &batch, err));
            if (!batch) break;
            hr_status status = merge(s, table, batch, err);
            if (status) {
                hr_batch_unref(batch);
                return status;
            }
        }
    }
    return HR_OK;
}

hr_status hr_agg_spill_load(struct hr_agg_spill *spill, struct hr_ktable *table, bool *ret_more,
                            struct hr_err *err)
{
    /* A flush was what fits: of so many, this part does at least. */
    uint32_t slots = HR_MAX(HR_SLOT_COUNT / (spill->flush_count * 2 + 1), 1u);
    hr_ktable_clear(table);
    *ret_more = spill->next_slot < HR_SLOT_COUNT;
    for (; slots && spill->next_slot < HR_SLOT_COUNT; slots--)
        HR_TRY(load_slot(spill, table, spill->next_slot++, err));
    return HR_OK;
}
