/* SPDX-License-Identifier: Apache-2.0 */
#include "rdd/batch_list.h"

hr_status hr_batch_list_push(struct hr_batch_list *list, struct hr_batch *batch, struct hr_err *err)
{
    if (list->count == list->capacity) {
        uint32_t capacity = HR_MAX(8u, list->capacity * 2);
        struct hr_batch **items = hr_realloc(list->items, capacity * sizeof *items);
        if (!items) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = batch;
    return HR_OK;
}

void hr_batch_list_done(struct hr_batch_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) hr_batch_unref(list->items[i]);
    hr_free(list->items);
    *list = (struct hr_batch_list){0};
}
