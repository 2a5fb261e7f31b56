/* SPDX-License-Identifier: Apache-2.0 */
/* Qualifiers are for names; behind analysis a subquery alias is its child. */
#include "plan/rules/rules.h"

hr_status hr_rule_remove_aliases(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    HR_UNUSED(err);
    while ((*plan)->kind == HR_P_SUBQUERY_ALIAS) {
        *plan = (*plan)->children[0];
        ctx->changed = true;
    }
    return HR_OK;
}
