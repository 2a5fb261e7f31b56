/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Train: a model learns from every row of its child, in the order of the data, in one task. On a
 * stream the model is the operator's state: one row of one keyed table holds it.
 */
#ifndef HR_OPERATOR_TRAIN_H
#define HR_OPERATOR_TRAIN_H

#include "ml/store.h"
#include "operator/physical.h"

struct hr_train_pnode {
    struct hr_pnode node; /* exprs: the features, then the label, if there is one */
    struct hr_ml_entry *entry;
    const struct hr_ml_input *inputs;
    uint32_t input_count;
    const char *label; /* NULL: the kind has none */
    bool afresh;       /* at rest: forgets what the model knew before */
};

#endif
