/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups beyond memory: what a table of groups holds goes to disk by slots of the keys' hash, as
 * key bytes and saved states, as often as there is no room; in the end slots are read back, so many
 * at a time as fit, and merged. Belongs to the operator's thread.
 */
#ifndef HR_OPERATOR_AGG_SPILL_H
#define HR_OPERATOR_AGG_SPILL_H

#include "operator/operator.h"
#include "state/table.h"

struct hr_agg_spill;
/* node: the aggregate whose states the table's rows are. */
hr_status hr_agg_spill_new(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_agg_spill **ret, struct hr_err *err) HR_CHECKED;
void hr_agg_spill_free(struct hr_agg_spill *spill); /* NULL is fine */
/* All groups of the table go out, and it is empty. */
hr_status hr_agg_spill_flush(struct hr_agg_spill *spill, struct hr_ktable *table,
                             struct hr_err *err) HR_CHECKED;
/* The next groups into the table, in place of what it has; *ret_more false: there are none. */
hr_status hr_agg_spill_load(struct hr_agg_spill *spill, struct hr_ktable *table, bool *ret_more,
                            struct hr_err *err) HR_CHECKED;

#endif
