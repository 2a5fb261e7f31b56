/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silent: the rows behind which a key has no other row for after_us, when that is certain: when the
 * watermark has passed the row's time and after_us. With the column silent_at, which is that time.
 *
 *   rows → late ones, and those without a time, dropped and counted
 *        → the key's candidates: rows that no row of the key follows within after_us so far
 *   after the input: candidates that are due come out, in order of time
 *
 * Candidates of a key are more than after_us apart, so that a key in its usual life has one, whose
 * payload is written over. Rows in any order give the same: one that comes between two candidates
 * takes the place of the first, or of none. Of rows of one time the last to come counts. At rest
 * all rows are final, and the state is the task's own.
 *
 * State: a row of each key that is not silent yet. Cost of a row: one look-up. Memory: the state's.
 */
#include "operator/silent.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

struct silent {
    struct hr_op op;
    const struct hr_silent_pnode *node;
    struct hr_stateful s;
    struct hr_state *own; /* at rest: the state */
    const struct hr_key_codec *row_codec;
    struct hr_vector *key_vectors, *row_vectors;
    struct hr_keys row_bytes;
    struct hr_buf payload;
    uint32_t rows[BLOCK];
    int64_t times_us[BLOCK];
    /* output of a part */
    bool listed;
    struct hr_lrow **due;
    uint32_t due_count, next;
};

/* --- A candidate: its time, then the row as bytes ----------------------------------------------*/

static int64_t time_of(const struct hr_lrow *row)
{
    int64_t time_us;
    memcpy(&time_us, row + 1, sizeof time_us);
    return time_us;
}

static int64_t due_at(const struct hr_silent_pnode *node, int64_t time_us)
{
    return time_us > INT64_MAX - 1 - node->after_us ? INT64_MAX - 1 : time_us + node->after_us;
}

static int64_t due_of(const void *arg, const uint8_t *payload, uint32_t len)
{
    int64_t time_us;
    assert(len >= sizeof time_us);
    memcpy(&time_us, payload, sizeof time_us);
    return due_at(arg, time_us);
}

static hr_status silent_args(const struct hr_pnode *base, struct hr_arena *arena,
                             struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "silent";
    ret->table_count = 1;
    ret->tables[0] = (struct hr_state_layout){
        .kind = HR_STATE_LISTS,
        .name = "last",
        .lists = {.ordered = true, .time_of = due_of, .arg = HR_PNODE(silent, base)}};
    return HR_OK;
}

/* --- Opening -----------------------------------------------------------------------------------*/

static void silent_close(struct hr_op *base)
{
    struct silent *op = (struct silent *)base;
    hr_stateful_close(&op->s);
    hr_keys_done(&op->row_bytes);
    hr_buf_done(&op->payload);
    hr_state_free(op->own);
    op->own = NULL;
}

/* Rows at rest have no state from before: it is made here. */
static hr_status open_own(struct silent *op, const struct hr_type *const *types, struct hr_err *err)
{
    struct hr_task *task = op->op.task;
    struct hr_state_args args = {.mem = task->mem, .part_count = 1};
    HR_TRY(silent_args(op->op.node, task->arena, &args, err));
    HR_TRY(hr_state_new(&args, &op->own, err));
    op->s = (struct hr_stateful){.task = task,
                                 .parts = op->own->parts,
                                 .part_count = 1,
                                 .late_us = INT64_MIN,
                                 .evict_us = INT64_MAX - 1,
                                 .keys = {.mem = task->mem}};
    return hr_key_codec_new(task->arena, types, op->node->key_count, &op->s.codec, err);
}

static hr_status open_parts(struct silent *op, struct hr_err *err)
{
    struct hr_task *task = op->op.task;
    const struct hr_type *schema = op->op.node->children[0]->schema;
    uint32_t columns = schema->field_count, keys = op->node->key_count;
    op->row_bytes.mem = task->mem;
    hr_buf_init(&op->payload, 64 << 20);
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, HR_MAX(columns, keys) + 1);
    op->key_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, keys + 1);
    op->row_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, columns + 1);
    if (!types || !op->key_vectors || !op->row_vectors) return HR_OOM(err);
    for (uint32_t k = 0; k < keys; k++) types[k] = schema->fields[op->node->keys[k]].type;
    if (op->op.node->state_id < 0)
        HR_TRY(open_own(op, types, err));
    else
        HR_TRY(hr_stateful_open(&op->s, op->op.node, task, types, keys, err));
    for (uint32_t c = 0; c < columns; c++) types[c] = schema->fields[c].type;
    return hr_key_codec_new(task->arena, types, columns, &op->row_codec, err);
}

static hr_status silent_open(const struct hr_pnode *node, struct hr_task *task,
                             struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct silent *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->node = HR_PNODE(silent, node);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        silent_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Rows that come ----------------------------------------------------------------------------*/

/* What becomes of the key's candidates when a row comes: those that it follows go, but one whose
 * place it may take. false: a candidate follows it, so that it is none. */
static hr_status displace(struct silent *op, struct hr_lists *lists, struct hr_lkey *key,
                          int64_t time_us, struct hr_lrow **ret_place, bool *ret_stays,
                          struct hr_err *err)
{
    struct hr_lrow *row = hr_lists_first(lists, key), *next;
    *ret_place = NULL;
    *ret_stays = true;
    for (; row; row = next) {
        int64_t its_us = time_of(row);
        next = hr_lists_next(lists, row);
        if (its_us > time_us) {
            if (its_us <= due_at(op->node, time_us)) *ret_stays = false;
            continue;
        }
        if (due_at(op->node, its_us) < time_us) continue;
        if (!*ret_place && row->len == op->payload.len)
            *ret_place = row;
        else
            HR_TRY(hr_lists_delete(lists, row, err));
    }
    if (*ret_stays || !*ret_place) return HR_OK;
    return hr_lists_delete(lists, *ret_place, err);
}

static hr_status take_row(struct silent *op, uint32_t i, struct hr_err *err)
{
    const struct hr_keys *keys = &op->s.keys;
    struct hr_state_part *part = hr_stateful_part(&op->s, keys->hashes[i]);
    struct hr_lists *lists = hr_state_lists(part, 0);
    struct hr_str_view row = hr_string_view(&op->row_bytes.views[i]);
    struct hr_lkey *key;
    struct hr_lrow *place;
    bool stays;
    hr_buf_clear(&op->payload);
    hr_buf_append(&op->payload, &op->times_us[i], sizeof op->times_us[i]);
    hr_buf_append(&op->payload, row.ptr, row.len);
    HR_TRY(hr_buf_status(&op->payload, err));
    hr_lists_find(lists, &keys->views[i], &keys->hashes[i], 1, &key);
    HR_TRY(displace(op, lists, key, op->times_us[i], &place, &stays, err));
    part->rows_updated++;
    if (!stays) return HR_OK;
    if (place) {
        memcpy(hr_lrow_payload(place), op->payload.ptr, op->payload.len);
        return hr_lists_touch(lists, place, true, err);
    }
    struct hr_str_view payload = hr_svn(op->payload.ptr, op->payload.len);
    int64_t due_us = due_at(op->node, op->times_us[i]);
    return hr_lists_add(lists, &keys->views[i], &keys->hashes[i], &payload, &due_us, 1, NULL, err);
}

static uint32_t drop_late(struct silent *op, uint32_t count)
{
    uint32_t kept = 0;
    count = hr_stateful_drop_late(&op->s, &op->row_vectors[op->node->time], op->rows, op->times_us,
                                  count);
    for (uint32_t i = 0; i < count; i++) {
        op->rows[kept] = op->rows[i];
        op->times_us[kept] = op->times_us[i];
        kept += op->times_us[i] != HR_TIME_NONE;
    }
    op->s.parts[0].rows_late += count - kept;
    return kept;
}

static hr_status take(struct hr_op *base, const struct hr_batch *in, struct hr_err *err)
{
    struct silent *op = (struct silent *)base;
    for (uint32_t c = 0; c < in->schema->field_count; c++)
        op->row_vectors[c] = (struct hr_vector){in->columns[c], false};
    for (uint32_t k = 0; k < op->node->key_count; k++)
        op->key_vectors[k] = op->row_vectors[op->node->keys[k]];
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->rows[i] = hr_op_row(in, at + i);
        n = drop_late(op, n);
        if (n == 0) continue;
        HR_TRY(hr_stateful_encode(&op->s, op->key_vectors, op->rows, n, err));
        HR_TRY(hr_keys_encode(op->row_codec, op->row_vectors, op->rows, n,
                              HR_KEYS_NO_HASH | HR_KEYS_EXACT, &op->row_bytes, err));
        for (uint32_t i = 0; i < n; i++) HR_TRY(take_row(op, i, err));
    }
    return HR_OK;
}

/* --- Rows that are due -------------------------------------------------------------------------*/

static hr_status fill(struct silent *op, struct hr_batch *out, uint32_t count, struct hr_err *err)
{
    uint32_t columns = op->op.node->children[0]->schema->field_count;
    struct hr_str_view *rows = hr_arena_alloc(&out->arena, count * sizeof *rows);
    struct hr_column *at = &out->columns[columns];
    if (!rows) return HR_OOM(err);
    HR_TRY(hr_column_alloc(&out->arena, hr_type(HR_T_TIMESTAMP), count, false, at, err));
    int64_t *times = (int64_t *)(uintptr_t)at->values;
    for (uint32_t i = 0; i < count; i++) {
        struct hr_lrow *row = op->due[op->next + i];
        rows[i] = hr_svn((const char *)hr_lrow_payload(row) + sizeof(int64_t),
                         row->len - sizeof(int64_t));
        times[i] = due_at(op->node, time_of(row));
    }
    return hr_keys_decode(op->row_codec, rows, count, &out->arena, out->columns, err);
}

static hr_status output(struct hr_op *base, struct hr_state_part *part, struct hr_batch **ret,
                        struct hr_err *err)
{
    struct silent *op = (struct silent *)base;
    uint32_t batch_rows = base->task->conf->batch_rows;
    if (!op->listed && op->s.evict_us != INT64_MIN) {
        HR_TRY(hr_lists_expire(hr_state_lists(part, 0), op->s.evict_us, &op->due, &op->due_count,
                               err));
        part->rows_removed += op->due_count;
    }
    op->listed = true;
    uint32_t count = HR_MIN(op->due_count - op->next, batch_rows ? batch_rows : HR_BATCH_ROWS);
    if (count == 0) return HR_OK;
    struct hr_batch *out = hr_batch_new(base->node->schema, count, base->task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = fill(op, out, count, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    op->next += count;
    *ret = out;
    return HR_OK;
}

static hr_status leave(struct hr_op *base, struct hr_state_part *part, struct hr_err *err)
{
    struct silent *op = (struct silent *)base;
    HR_UNUSED(part);
    HR_UNUSED(err);
    op->listed = false;
    op->due_count = op->next = 0;
    return HR_OK;
}

static hr_status silent_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    static const struct hr_stateful_steps steps = {.take = take, .output = output, .leave = leave};
    return hr_stateful_next(base, &((struct silent *)base)->s, &steps, ret_batch, err);
}

/* --- The plan ----------------------------------------------------------------------------------*/

static void silent_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_silent_pnode *silent = HR_PNODE(silent, node);
    hr_buf_puts(out, "(keys=");
    hr_op_print_exprs(node->exprs, silent->key_count, out);
    hr_buf_printf(out, ", for %lld ms)", (long long)(silent->after_us / 1000));
}

static void silent_text(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_silent_pnode *silent = HR_PNODE(silent, node);
    hr_buf_printf(out, "the last row of each key until the watermark reaches %s + %lld ms",
                  node->children[0]->schema->fields[silent->time].name,
                  (long long)(silent->after_us / 1000));
}

static void silent_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    const struct hr_silent_pnode *silent = HR_PNODE(silent, node);
    inout->key_count = silent->key_count;
    inout->side_count = 1;
    inout->form = silent->identity;
    inout->times[0] = (int32_t)silent->time;
}

const struct hr_operator_vt hr_op_silent = {
    .name = "Silent",
    .node_size = sizeof(struct hr_silent_pnode),
    .gathers = true,
    .is_tight_in_explain = true,
    .open = silent_open,
    .next = silent_next,
    .close = silent_close,
    .explain = silent_explain,
    .state_args = silent_args,
    .state_text = silent_text,
    .state_identity = silent_identity,
};
