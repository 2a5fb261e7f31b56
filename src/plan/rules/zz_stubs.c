#include "plan/rules/rules.h"
#define S(n) hr_status hr_rule_##n(struct hr_rule_ctx *c, struct hr_plan **p, struct hr_err *e){(void)c;(void)p;(void)e;return HR_OK;}
S(fold_constants) S(combine_filters) S(combine_projects) S(push_filters) S(simplify_joins) S(push_limits) S(empty_relations)
hr_status hr_prune_columns(struct hr_rule_ctx *ctx, struct hr_plan **root, struct hr_err *err){(void)ctx;(void)root;(void)err;return HR_OK;}
