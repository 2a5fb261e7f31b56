/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the jobs of a scheduling pool may hold: kept blocks, shuffle outputs, the tables of running
 * tasks. It is a part of the process's budget (hr_mem_process) and may have a limit of its own.
 * Over its own the pool's kept blocks go, least recently used first, spilled or dropped by their
 * storage level, and other pools' blocks are not touched; over the process's limit any pool's go.
 * What then finds no room fails with HR_E_MEMORY_LIMIT, which ends its job.
 *
 * Rows that an action brings to the driver, sources and RDDs that the program checkpoints are its
 * own and do not count, nor do the batches that flow through a task. The state of DStreams does
 * (hr_scheduler_budget), in the pool of the thread that started them.
 *
 * Reference-counted: blocks and shuffle outputs outlive jobs, and may outlive the scheduler.
 */
#ifndef HR_RDD_BUDGET_H
#define HR_RDD_BUDGET_H

#include "base/alloc.h"

struct hr_block_store;

struct hr_budget {
    struct hr_mem mem; /* first */
    _Atomic uint32_t refs;
    struct hr_block_store *blocks; /* where its kept blocks are; borrowed */
    char name[];                   /* "pool etl" */
};

struct hr_budget *hr_budget_new(const char *pool,
                                struct hr_block_store *blocks);    /* NULL: no memory */
struct hr_budget *hr_budget_ref(struct hr_budget *budget);         /* NULL is fine */
void hr_budget_unref(struct hr_budget *budget);                    /* NULL is fine */
void hr_budget_set_limit(struct hr_budget *budget, int64_t bytes); /* 0: none */

#endif
