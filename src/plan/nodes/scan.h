/* SPDX-License-Identifier: Apache-2.0 */
/* A table that a source reads, at rest or as a stream. */
#ifndef HR_PLAN_NODE_SCAN_H
#define HR_PLAN_NODE_SCAN_H

#include "plan/logical.h"

struct hr_table; /* catalog.h */

struct hr_scan_node {
    struct hr_plan plan;
    struct hr_table *table; /* borrowed from the catalog, referenced by the plan's owner */
    const struct hr_options *options; /* of the reader */
    uint32_t scan_id;                 /* number of the leaf in the statement, for offsets */
    bool is_stream;
};

#endif
