/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a model by key: in order of first sight, found by hash. A row's struct begins with its
 * key, a char * in the model's arena. A model's lock is theirs. */
#ifndef HR_ML_KEYED_H
#define HR_ML_KEYED_H

#include "base/arena.h"

#define HR_ML_KEYED_MAX (1u << 20)

struct hr_ml_keyed {
    void *rows;
    size_t row_size;
    uint32_t count, capacity;
    uint32_t *slots; /* number of a row + 1, by hash of its key; a power of two of them */
    uint32_t slot_count;
};

void hr_ml_keyed_init(struct hr_ml_keyed *keyed, size_t row_size);
void hr_ml_keyed_done(struct hr_ml_keyed *keyed);
/* NULL: there is none. */
void *hr_ml_keyed_find(const struct hr_ml_keyed *keyed, struct hr_str_view key);
/* The row of key; a new one is all 0 but for its key. Moves the others. HR_E_LIMIT says that there
 * are too many of `what`. */
hr_status hr_ml_keyed_take(struct hr_ml_keyed *keyed, struct hr_arena *arena,
                           struct hr_str_view key, const char *what, void **ret,
                           struct hr_err *err) HR_CHECKED;

#endif
