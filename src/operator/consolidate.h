/* SPDX-License-Identifier: Apache-2.0 */
/* Consolidate: the weights of equal rows summed. View: the same over all epochs of a query. */
#ifndef HR_OPERATOR_CONSOLIDATE_H
#define HR_OPERATOR_CONSOLIDATE_H

#include "operator/physical.h"

enum hr_consolidate_as {
    HR_CONSOLIDATE_ROWS,      /* rows that are there, as often as they are */
    HR_CONSOLIDATE_CHANGELOG, /* what went, then what came; the last column says which */
    HR_CONSOLIDATE_UPDATE,    /* what came: the new row of each key */
};

struct hr_consolidate_pnode {
    struct hr_pnode node;
    enum hr_consolidate_as as;
    /* Columns in which no two rows of the result agree: by them a row that went and one that came
     * are an update. */
    bool has_key;
    const uint32_t *key;
    uint32_t key_count;
};

/* Rows of a keyed table with a signed count as the first of their states, each as often as its
 * count says; signs other than the wanted one are left out. A task's scratch. */
#define HR_REPEAT_BLOCK 1024u
struct hr_ktable;
struct hr_repeat {
    uint8_t *block[HR_REPEAT_BLOCK];
    uint32_t count, at;
    int64_t left; /* of block[at]; 0: not begun */
};
/* iter: struct hr_ktable_iter *. Up to max rows into ret_rows; 0: the end. */
uint32_t hr_repeat_next(struct hr_repeat *repeat, void *iter, bool negative, uint8_t **ret_rows,
                        uint32_t max);

/* A row of the table whose count is below zero: the error that names it. */
struct hr_key_codec;
hr_status hr_below_zero(const struct hr_pnode *node, const struct hr_key_codec *codec,
                        const struct hr_type *schema, struct hr_str_view key, struct hr_err *err);

#endif
