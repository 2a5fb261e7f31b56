/* SPDX-License-Identifier: Apache-2.0 */
#include "operator/agg_states.h"

#include "operator/operator.h"

void hr_agg_init(const struct hr_pnode *node, uint8_t *states)
{
    assert(states || hr_agg_node(node)->agg_count == 0);
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        if (hr_agg_of(spec)->init) hr_agg_of(spec)->init(spec->call, states + spec->state_offset);
    }
}

void hr_agg_done(const struct hr_pnode *node, uint8_t *states)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        if (hr_agg_of(spec)->done) hr_agg_of(spec)->done(spec->call, states + spec->state_offset);
    }
}

bool hr_agg_needs_done(const struct hr_pnode *node)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        if (hr_agg_of(&agg->aggs[a])->done) return true;
    }
    return false;
}

bool hr_agg_is_plain(const struct hr_pnode *node)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        if (hr_agg_of(&agg->aggs[a])->save) return false;
    }
    return true;
}

/* Keeps the rows where the FILTER predicate is true. */
static uint32_t apply_filter(const struct hr_vector *predicate, const uint32_t *rows,
                             uint8_t *const *states, uint32_t count, uint32_t *some_rows,
                             uint8_t **some_states)
{
    uint32_t kept = 0;
    assert(some_rows && some_states && predicate->col.type->id == HR_T_BOOLEAN);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = hr_vector_row(predicate, rows[i]);
        bool pass = hr_bit_get(predicate->col.values, row) && hr_column_valid(&predicate->col, row);
        some_rows[kept] = rows[i];
        some_states[kept] = states[i];
        kept += pass;
    }
    return kept;
}

hr_status hr_agg_update(const struct hr_pnode *node, struct hr_eval_ctx *ctx,
                        const struct hr_vector *vectors, const uint32_t *rows,
                        uint8_t *const *states, uint32_t count, const int32_t *weights,
                        uint32_t *some_rows, uint8_t **some_states, struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        assert(spec->filter < (int32_t)node->expr_count);
        const uint32_t *agg_rows = rows;
        uint8_t *const *agg_states = states;
        uint32_t n = count;
        if (spec->filter >= 0) {
            n = apply_filter(&vectors[spec->filter], rows, states, count, some_rows, some_states);
            agg_rows = some_rows;
            agg_states = some_states;
        }
        if (n == 0) continue;
        HR_TRY(hr_agg_of(spec)->update(spec->call, ctx, vectors + spec->first_arg, agg_rows, n,
                                       agg_states, spec->state_offset, weights, err));
    }
    return HR_OK;
}

void hr_agg_save(const struct hr_pnode *node, const uint8_t *states, struct hr_buf *out)
{
    assert(states && out);
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        const uint8_t *state = states + spec->state_offset;
        if (hr_agg_of(spec)->save) {
            hr_agg_of(spec)->save(spec->call, state, out);
        } else {
            hr_buf_append(out, state, spec->state_bytes);
        }
    }
}

static hr_status load_one(const struct hr_agg_spec *spec, uint8_t *state, struct hr_reader *in,
                          struct hr_err *err)
{
    if (hr_agg_of(spec)->load) return hr_agg_of(spec)->load(spec->call, state, in, err);
    if ((size_t)(in->end - in->pos) < spec->state_bytes) {
        in->failed = true;
        return HR_OK;
    }
    memcpy(state, in->pos, spec->state_bytes);
    in->pos += spec->state_bytes;
    return HR_OK;
}

static hr_status cut_short(struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                    "the states of an aggregation are cut short");
}

hr_status hr_agg_load(const struct hr_pnode *node, uint8_t *states, struct hr_reader *in,
                      struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        HR_TRY(load_one(spec, states + spec->state_offset, in, err));
    }
    return in->failed ? cut_short(err) : HR_OK;
}

hr_status hr_agg_merge(const struct hr_pnode *node, uint8_t *scratch, uint8_t *into,
                       struct hr_str_view bytes, struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg_node = hr_agg_node(node);
    struct hr_reader in = hr_reader(bytes.ptr, bytes.len);
    for (uint32_t a = 0; a < agg_node->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg_node->aggs[a];
        const struct hr_aggregate *agg = hr_agg_of(spec);
        uint8_t *from = scratch + spec->state_offset;
        if (agg->load) {
            memset(from, 0, spec->state_bytes);
            if (agg->init) agg->init(spec->call, from);
        }
        hr_status status = load_one(spec, from, &in, err);
        if (status == HR_OK && in.failed) status = cut_short(err);
        if (status == HR_OK) status = agg->merge(spec->call, into + spec->state_offset, from, err);
        if (agg->load && agg->done) agg->done(spec->call, from);
        HR_TRY(status);
    }
    return HR_OK;
}

hr_status hr_agg_emit(const struct hr_pnode *node, struct hr_eval_ctx *ctx, uint8_t *const *states,
                      uint32_t count, struct hr_batch *out, struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        struct hr_column *col = &out->columns[agg->key_count + a];
        const struct hr_type *type = node->schema->fields[agg->key_count + a].type;
        HR_TRY(hr_column_alloc(&out->arena, type, count, true, col, err));
        HR_TRY(hr_agg_of(spec)->emit(spec->call, ctx, states, spec->state_offset, count, col, err));
    }
    return HR_OK;
}

void hr_agg_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    hr_buf_puts(out, "(keys=");
    hr_op_print_exprs(node->exprs, node->exprs ? agg->key_count : 0, out);
    hr_buf_puts(out, ", functions=[");
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        if (a) hr_buf_puts(out, ", ");
        if (agg->mode == HR_AGG_PARTIAL) hr_buf_puts(out, "partial_");
        hr_expr_print(agg->aggs[a].call, out);
    }
    hr_buf_puts(out, "])");
}

void hr_agg_state_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    inout->aggs = hr_agg_node(node);
    inout->key_count = inout->aggs->key_count;
    inout->keys_are_childs = inout->aggs->mode == HR_AGG_FINAL;
    if (inout->aggs->retracts || inout->aggs->emits_changes)
        inout->variant = inout->aggs->retracts ? " retracting" : " counted";
}
