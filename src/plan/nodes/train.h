/* SPDX-License-Identifier: Apache-2.0 */
/* TRAIN MODEL m ON query: one row a run tells how far the model has come. */
#ifndef HR_PLAN_NODE_TRAIN_H
#define HR_PLAN_NODE_TRAIN_H

#include "ml/store.h"
#include "plan/logical.h"

struct hr_train_node {
    struct hr_plan plan;
    const char *model_name;
    bool afresh; /* CREATE MODEL … AS: nothing is known before */
    /* by analysis */
    struct hr_ml_entry *entry;
    struct hr_ml_input *inputs;
    uint32_t input_count;
    const char *label;
    struct hr_expr **exprs; /* features, then the label */
    uint32_t expr_count;
};

#endif
