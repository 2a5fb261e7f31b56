/* SPDX-License-Identifier: Apache-2.0 */
/* Scan: a table that a source reads; its splits are dealt to the tasks. */
#ifndef HR_OPERATOR_SCAN_H
#define HR_OPERATOR_SCAN_H

#include "operator/physical.h"

struct hr_table;

struct hr_scan_pnode {
    struct hr_pnode node;
    struct hr_table *table;
    const struct hr_options *options;
    uint32_t scan_id; /* its place in exec->scans */
    /* Conditions that the source may use to skip; a Filter above still asks them. */
    struct hr_expr **pushed_filters;
    uint32_t pushed_filter_count;
};

/* NULL: the node reads no source. */
HR_INLINE const struct hr_scan_pnode *hr_pnode_scan(const struct hr_pnode *node)
{
    return node->vt->reads_source ? HR_PNODE(scan, node) : NULL;
}

#endif
