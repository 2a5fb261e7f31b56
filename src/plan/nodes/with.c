/* SPDX-License-Identifier: Apache-2.0 */
/* WITH: definitions in sight of the query below. Analysis puts the query in its place. */
#include "plan/nodes/with.h"

#include "plan/analyze.h"
#include "plan/node.h"

static struct hr_plan **inner(struct hr_plan *plan, uint32_t index)
{
    struct hr_with_node *with = HR_NODE(with, plan);
    return index < with->cte_count ? &with->ctes[index].plan : NULL;
}

static bool copy(struct hr_arena *arena, struct hr_plan *plan)
{
    struct hr_with_node *with = HR_NODE(with, plan);
    if (with->cte_count == 0) return true;
    with->ctes = hr_arena_memdup(arena, with->ctes, sizeof *with->ctes * with->cte_count);
    if (!with->ctes) return false;
    for (uint32_t i = 0; i < with->cte_count; i++)
        if (!(with->ctes[i].plan = hr_plan_copy(arena, with->ctes[i].plan))) return false;
    return true;
}

const struct hr_node_vt hr_node_with = {
    .name = "CTE",
    .size = sizeof(struct hr_with_node),
    .analyzes_children = true, /* with the definitions in sight */
    .analyze = hr_analyze_with,
    .inner = inner,
    .copy = copy,
};
