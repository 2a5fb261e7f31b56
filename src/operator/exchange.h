/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange: where rows change tasks, and the scheduler cuts stages. */
#ifndef HR_OPERATOR_EXCHANGE_H
#define HR_OPERATOR_EXCHANGE_H

#include "operator/physical.h"

enum hr_dist { HR_DIST_ANY, HR_DIST_SINGLE, HR_DIST_HASH, HR_DIST_BROADCAST };

/* HASH: program: the key expressions. */
struct hr_exchange_pnode {
    struct hr_pnode node;
    enum hr_dist dist;
    uint32_t partition_count; /* of its output */
};

/* NULL: the node is no stage boundary. */
HR_INLINE const struct hr_exchange_pnode *hr_pnode_exchange(const struct hr_pnode *node)
{
    return node->vt->is_exchange ? HR_PNODE(exchange, node) : NULL;
}
HR_INLINE bool hr_pnode_is_broadcast(const struct hr_pnode *node)
{
    return node->vt->is_exchange && HR_PNODE(exchange, node)->dist == HR_DIST_BROADCAST;
}

#endif
