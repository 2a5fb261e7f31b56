/* SPDX-License-Identifier: Apache-2.0 */
/* What exec.c and the exchanges share with the rest of the room. */
#ifndef HR_OPERATOR_EXEC_H
#define HR_OPERATOR_EXEC_H

#include "operator/operator.h"
#include "rdd/rdd.h"

/* One run of one plan. Read-only while tasks run. */
struct hr_pipeline {
    const struct hr_pnode *root;
    struct hr_exec *exec;
    /* The whole plan is one task: exchanges hand their input through. */
    bool collapsed;
    /* Of the fragment that this task runs; NULL when collapsed or without exchanges. */
    struct hr_rdd *rdd;
    struct hr_task_ctx *rdd_task;
    /* dependency i of rdd reads exchange exchanges[i] */
    const struct hr_pnode **exchanges;
    uint32_t exchange_count;
};

/* Tasks that a node's data is dealt to; 0: any number (a broadcast side). */
uint32_t hr_pipeline_partitions(const struct hr_pipeline *pipeline, const struct hr_pnode *node);

/* What cuts the map side of an exchange. Owned by the caller until given to a dependency. */
hr_status hr_exchange_partitioner(const struct hr_pnode *node, struct hr_exec *exec,
                                  struct hr_partitioner **ret, struct hr_err *err) HR_CHECKED;
uint32_t hr_exchange_partitions(const struct hr_pnode *node);

#endif
