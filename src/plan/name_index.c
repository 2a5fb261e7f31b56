/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/name_index.h"

#define NAME_INDEX_AFTER 16u
#define NAME_INDEX_WIDTH 64u

static uint32_t name_hash(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        uint8_t c = (uint8_t)*name;
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        hash = (hash ^ c) * 16777619u;
    }
    return hash ^ hash >> 15;
}

/* False without memory: then the columns are walked through, as before. */
static bool fill(struct hr_arena *arena, struct hr_name_index *index)
{
    uint32_t size = 1;
    while (size < index->output_count) size *= 2;
    index->first = HR_NEW_ARRAY(arena, uint32_t, size);
    index->next = HR_NEW_ARRAY(arena, uint32_t, index->output_count);
    if (!index->first || !index->next) return false;
    index->mask = size - 1;
    for (uint32_t i = index->output_count; i-- > 0;) { /* chains in the order of the columns */
        if (!index->output[i].name) continue;
        uint32_t *head = &index->first[name_hash(index->output[i].name) & index->mask];
        index->next[i] = *head;
        *head = i + 1;
    }
    return true;
}

uint32_t hr_name_index_next(struct hr_arena *arena, struct hr_name_index *index,
                            const struct hr_plan *plan, const char *name, uint32_t from)
{
    const uint32_t count = plan->output_count;
    if (count < NAME_INDEX_WIDTH || !name) return from;
    if (index->output != plan->output || index->output_count != count)
        *index = (struct hr_name_index){.output = plan->output, .output_count = count};
    if (from == 0 && index->looks < NAME_INDEX_AFTER && ++index->looks == NAME_INDEX_AFTER &&
        !fill(arena, index))
        index->looks = 0;
    if (index->looks < NAME_INDEX_AFTER) return from;
    uint32_t at = from ? index->next[from - 1] : index->first[name_hash(name) & index->mask];
    return at ? at - 1 : count;
}
