/* SPDX-License-Identifier: Apache-2.0 */
/* The models that a plan scores with or trains. */
#ifndef HR_PLAN_MODELS_H
#define HR_PLAN_MODELS_H

#include "ml/store.h"
#include "plan/logical.h"

struct hr_plan_model {
    struct hr_ml_entry *entry;
    bool trains, scores;
};
struct hr_plan_models {
    struct hr_plan_model *items;
    uint32_t count, capacity;
};
/* Of an analysed plan, each once. The list is in the arena. */
hr_status hr_plan_find_models(struct hr_arena *arena, struct hr_plan *plan,
                              struct hr_plan_models *ret, struct hr_err *err) HR_CHECKED;

#endif
