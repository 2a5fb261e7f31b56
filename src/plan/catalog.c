/* SPDX-License-Identifier: Apache-2.0 */
/* Tables are counted: plans that read a table keep it while the catalog may have dropped it. */
#include "plan/catalog.h"

struct hr_table *hr_table_ref(struct hr_table *table)
{
    atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

void hr_table_unref(struct hr_table *table)
{
    if (!table || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < table->batch_count; i++) hr_batch_unref(table->batches[i]);
    hr_free(table->batches);
    if (table->user_free) table->user_free(table->user);
    hr_arena_done(&table->arena);
    hr_free(table);
}
