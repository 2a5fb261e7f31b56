/* SPDX-License-Identifier: Apache-2.0 */
/* The states of all aggregates of one group, side by side in a row: what the plain and the stateful
 * aggregation share. */
#ifndef HR_OPERATOR_AGG_STATES_H
#define HR_OPERATOR_AGG_STATES_H

#include "operator/aggregate.h"
#include "operator/physical.h"

HR_INLINE const struct hr_aggregate *hr_agg_of(const struct hr_agg_spec *spec)
{
    return hr_aggregate_of(spec->call);
}

/* Initial states into node->states_bytes zeroed bytes. */
void hr_agg_init(const struct hr_pnode *node, uint8_t *states);
/* Releases what hangs off them; a no-op for most aggregates (see hr_agg_needs_done). */
void hr_agg_done(const struct hr_pnode *node, uint8_t *states);
bool hr_agg_needs_done(const struct hr_pnode *node);
/* Are the bytes of the states all there is (no aggregate with save)? */
bool hr_agg_is_plain(const struct hr_pnode *node);

/* Rows into the states of their groups. vectors: of the node's program. some_rows, some_states:
 * scratch for count of each, where aggregates have a FILTER. */
hr_status hr_agg_update(const struct hr_pnode *node, struct hr_eval_ctx *ctx,
                        const struct hr_vector *vectors, const uint32_t *rows,
                        uint8_t *const *states, uint32_t count, const int32_t *weights,
                        uint32_t *some_rows, uint8_t **some_states,
                        struct hr_err *err) HR_CHECKED;
/* Appends the states: saved where an aggregate can grow, else as they are. The form that partial
 * aggregation hands through an exchange, and that checkpoints of growing states hold. */
void hr_agg_save(const struct hr_pnode *node, const uint8_t *states, struct hr_buf *out);
/* The other way, into initialised states. */
hr_status hr_agg_load(const struct hr_pnode *node, uint8_t *states, struct hr_reader *in,
                      struct hr_err *err) HR_CHECKED;
/* into += saved bytes; scratch: node->states_bytes of working memory. */
hr_status hr_agg_merge(const struct hr_pnode *node, uint8_t *scratch, uint8_t *into,
                       struct hr_str_view bytes, struct hr_err *err) HR_CHECKED;
/* Results of count groups into the columns after the keys. */
hr_status hr_agg_emit(const struct hr_pnode *node, struct hr_eval_ctx *ctx, uint8_t *const *states,
                      uint32_t count, struct hr_batch *out, struct hr_err *err) HR_CHECKED;
/* "(keys=[…], functions=[…])" */
void hr_agg_explain(const struct hr_pnode *node, struct hr_buf *out);

/* state_identity of aggregations: a FINAL finds its keys where the PARTIAL below put them. */
void hr_agg_state_identity(const struct hr_pnode *node, struct hr_state_identity *inout);

#endif
