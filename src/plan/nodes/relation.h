/* SPDX-License-Identifier: Apache-2.0 */
/* A name in FROM. Analysis puts a scan, rows in memory, a view or a CTE in its place. */
#ifndef HR_PLAN_NODE_RELATION_H
#define HR_PLAN_NODE_RELATION_H

#include "plan/logical.h"

struct hr_relation_node {
    struct hr_plan plan;
    const char **name_parts;
    uint32_t name_part_count;
    bool is_stream;                   /* STREAM(name) */
    const struct hr_options *options; /* of the reader; NULL: the table's */
};

#endif
