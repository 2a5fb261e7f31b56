/* SPDX-License-Identifier: Apache-2.0 */
#include "operator/stateful.h"

struct hr_stateful_scratch {
    struct hr_string views[HR_STATEFUL_BLOCK];
    uint64_t hashes[HR_STATEFUL_BLOCK];
    uint32_t order[HR_STATEFUL_BLOCK]; /* of a part's share: place in the block */
    uint8_t *states[HR_STATEFUL_BLOCK];
    uint8_t is_new[HR_STATEFUL_BLOCK];
};

/* --- Life ------------------------------------------------------------------------------------- */

static hr_status take_parts(struct hr_stateful *s, const struct hr_pnode *node, struct hr_err *err)
{
    struct hr_task *task = s->task;
    struct hr_exec *exec = task->exec;
    assert(node->state_id >= 0 && (uint32_t)node->state_id < exec->state_count);
    struct hr_state *state = exec->states[node->state_id];
    if (task->partition_count == 1) {
        s->parts = state->parts;
        s->part_count = state->part_count;
    } else {
        if (task->partition >= state->part_count)
            return HR_BUG(err, "task %u of a state of %u parts", task->partition,
                          state->part_count);
        s->parts = &state->parts[task->partition];
        s->part_count = 1;
    }
    const struct hr_node_time *time = &exec->node_times[node->state_id];
    assert(time->late_us <= time->evict_us);
    s->late_us = time->late_us;
    s->evict_us = time->evict_us;
    return HR_OK;
}

hr_status hr_stateful_open(struct hr_stateful *s, const struct hr_pnode *node, struct hr_task *task,
                           const struct hr_type *const *types, uint32_t key_count,
                           struct hr_err *err)
{
    assert(!s->task && task->exec->node_times);
    s->task = task;
    s->keys.mem = task->mem;
    HR_TRY(take_parts(s, node, err));
    if (s->part_count > 1) {
        s->scratch = hr_arena_alloc(task->arena, sizeof *s->scratch);
        if (!s->scratch) return HR_OOM(err);
    }
    if (key_count == 0) return HR_OK;
    return hr_key_codec_new(task->arena, types, key_count, &s->codec, err);
}

void hr_stateful_close(struct hr_stateful *s)
{
    hr_keys_done(&s->keys);
}

/* --- Input, then output ----------------------------------------------------------------------- */

static hr_status take_input(struct hr_op *op, struct hr_stateful *s,
                            const struct hr_stateful_steps *steps, struct hr_err *err)
{
    assert(s->phase == HR_STATEFUL_INPUT && s->part_index == 0);
    if (steps->begin) HR_TRY(steps->begin(op, err));
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->children[0], &in, err));
        if (!in) break;
        hr_status status = steps->take(op, in, err);
        hr_batch_unref(in);
        HR_TRY(status);
    }
    for (uint32_t p = 0; p < s->part_count; p++) {
        struct hr_state_part *part = &s->parts[p];
        const struct hr_state_table *t = &part->tables[0];
        for (uint32_t i = 0; i < t->pane_count; i++)
            part->rows_updated += hr_ktable_dirty_count(t->panes[i].table);
    }
    s->phase = HR_STATEFUL_OUTPUT;
    return HR_OK;
}

static hr_status put_out(struct hr_op *op, struct hr_stateful *s,
                         const struct hr_stateful_steps *steps, struct hr_batch **ret,
                         struct hr_err *err)
{
    *ret = NULL;
    if (s->phase == HR_STATEFUL_INPUT) HR_TRY(take_input(op, s, steps, err));
    assert(s->phase != HR_STATEFUL_DONE || s->part_index == s->part_count);
    for (; s->part_index < s->part_count; s->part_index++) {
        struct hr_state_part *part = &s->parts[s->part_index];
        HR_TRY(steps->output(op, part, ret, err));
        if (*ret) return HR_OK;
        HR_TRY(steps->leave(op, part, err));
    }
    s->phase = HR_STATEFUL_DONE;
    return HR_OK;
}

hr_status hr_stateful_next(struct hr_op *op, struct hr_stateful *s,
                           const struct hr_stateful_steps *steps, struct hr_batch **ret,
                           struct hr_err *err)
{
    assert(s->part_count > 0 && op->children && steps->take && steps->output && steps->leave);
    struct hr_value_account *before = hr_value_account_enter(&s->parts[0].state->heap);
    hr_status status = put_out(op, s, steps, ret, err);
    (void)hr_value_account_enter(before);
    return status;
}

/* --- Event time ------------------------------------------------------------------------------- */

int64_t hr_stateful_time(const struct hr_vector *time, uint32_t row)
{
    uint32_t r = hr_vector_row(time, row);
    const struct hr_column *col = &time->col;
    assert(r < col->length);
    if (!hr_column_valid(col, r)) return HR_TIME_NONE;
    if (col->type->id == HR_T_STRUCT) col = &col->children[col->type->field_count - 1];
    return hr_column_valid(col, r) ? ((const int64_t *)col->values)[r] : HR_TIME_NONE;
}

uint32_t hr_stateful_drop_late(struct hr_stateful *s, const struct hr_vector *time, uint32_t *rows,
                               int64_t *times_us, uint32_t count)
{
    if (!time) {
        for (uint32_t i = 0; i < count; i++) times_us[i] = HR_TIME_NONE;
        return count;
    }
    uint32_t kept = 0;
    assert(s->part_count > 0 && count <= HR_STATEFUL_BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        int64_t time_us = hr_stateful_time(time, rows[i]);
        rows[kept] = rows[i];
        times_us[kept] = time_us;
        kept += time_us > s->late_us || time_us == HR_TIME_NONE;
    }
    /* One part counts for the task: figures are sums over the parts. */
    s->parts[0].rows_late += count - kept;
    return kept;
}

/* --- Keys ------------------------------------------------------------------------------------- */

/* Several parts: each one's share of the keys is looked up apart. */
static hr_status upsert_share(struct hr_stateful *s, uint32_t p, uint32_t table, int64_t pane,
                              uint32_t count, uint8_t **ret_states, uint8_t *ret_new,
                              struct hr_err *err)
{
    struct hr_stateful_scratch *x = s->scratch;
    uint32_t n = 0;
    assert(x && p < s->part_count);
    for (uint32_t i = 0; i < count; i++) {
        x->order[n] = i;
        n += hr_key_partition(s->keys.hashes[i], s->part_count) == p;
    }
    if (n == 0) return HR_OK;
    for (uint32_t i = 0; i < n; i++) {
        x->views[i] = s->keys.views[x->order[i]];
        x->hashes[i] = s->keys.hashes[x->order[i]];
    }
    struct hr_ktable *rows;
    HR_TRY(hr_state_pane(&s->parts[p], table, pane, &rows, err));
    HR_TRY(
        hr_ktable_upsert(rows, x->views, x->hashes, n, x->states, ret_new ? x->is_new : NULL, err));
    for (uint32_t i = 0; i < n; i++) ret_states[x->order[i]] = x->states[i];
    for (uint32_t i = 0; ret_new && i < n; i++) ret_new[x->order[i]] = x->is_new[i];
    return HR_OK;
}

hr_status hr_stateful_upsert(struct hr_stateful *s, uint32_t table, int64_t pane, uint32_t count,
                             uint8_t **ret_states, uint8_t *ret_new, struct hr_err *err)
{
    assert(count <= HR_STATEFUL_BLOCK && count <= s->keys.count);
    if (count == 0) return HR_OK;
    if (s->part_count == 1) {
        struct hr_ktable *rows;
        HR_TRY(hr_state_pane(s->parts, table, pane, &rows, err));
        return hr_ktable_upsert(rows, s->keys.views, s->keys.hashes, count, ret_states, ret_new,
                                err);
    }
    for (uint32_t p = 0; p < s->part_count; p++)
        HR_TRY(upsert_share(s, p, table, pane, count, ret_states, ret_new, err));
    return HR_OK;
}

/* --- Watermarks by node ----------------------------------------------------------------------- */

static int64_t output_of(const struct hr_pnode *node, int64_t input_us)
{
    if (!node->vt->output_watermark || input_us == INT64_MIN) return input_us;
    int64_t output_us = node->vt->output_watermark(node, input_us);
    assert(output_us <= input_us); /* nothing is final before its input is */
    return output_us;
}

static struct hr_node_time propagate(const struct hr_pnode *node, struct hr_exec *exec)
{
    struct hr_node_time in = {exec->late_watermark_us, exec->evict_watermark_us};
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct hr_node_time child = propagate(node->children[i], exec);
        in.late_us = HR_MIN(in.late_us, child.late_us);
        in.evict_us = HR_MIN(in.evict_us, child.evict_us);
    }
    if (node->state_id >= 0 && (uint32_t)node->state_id < exec->state_count)
        exec->node_times[node->state_id] = in;
    return (struct hr_node_time){output_of(node, in.late_us), output_of(node, in.evict_us)};
}

void hr_stateful_propagate(const struct hr_pnode *root, struct hr_exec *exec)
{
    assert(exec->node_times && exec->late_watermark_us <= exec->evict_watermark_us);
    propagate(root, exec);
}

/* --- Figures ---------------------------------------------------------------------------------- */

void hr_stateful_figures(const struct hr_state *state, struct hr_stateful_figures *ret)
{
    *ret = (struct hr_stateful_figures){.rows_total = hr_state_rows(state),
                                        .memory_bytes = hr_state_bytes(state)};
    for (uint32_t p = 0; p < state->part_count; p++) {
        ret->rows_updated += state->parts[p].rows_updated;
        ret->rows_removed += state->parts[p].rows_removed;
        ret->rows_late += state->parts[p].rows_late;
    }
}

void hr_stateful_put_growing(const struct hr_pnode *root, struct hr_buf *out)
{
    const char *what = root->vt->grows ? root->vt->grows(root) : NULL;
    if (what) hr_buf_printf(out, "%s%s: %s", out->len ? "; " : "", root->vt->name, what);
    for (uint32_t i = 0; i < root->child_count; i++)
        hr_stateful_put_growing(root->children[i], out);
}
