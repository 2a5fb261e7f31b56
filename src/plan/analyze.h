/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Analysis, inside: one analyser a statement, on one stack. Children are analysed before their
 * parents; each topic has a file analyze_<topic>.c whose entry point is below.
 */
#ifndef HR_PLAN_ANALYZE_H
#define HR_PLAN_ANALYZE_H

#include "expr/lambda.h"
#include "plan/catalog.h"
#include "plan/name_index.h"
#include "plan/nodes/with.h"
#include "plan/tree.h"

/* CTEs in sight, innermost first. A definition sees what was in sight before it. */
struct hr_cte_scope {
    const struct hr_cte *cte;
    const struct hr_cte_scope *outer;
    const struct hr_outer_scope *around; /* the queries around the WITH */
};

/* The query around the subquery being analysed: what its names may mean there. */
struct hr_names;
struct hr_outer_scope {
    const struct hr_names *names;
    const char *in_call;      /* the aggregate around the subquery, or NULL */
    struct hr_expr *subquery; /* its expression: gets args for what the query refers to */
    const struct hr_outer_scope *outer;
    const struct hr_param_scope *params; /* of the function whose body it stands in, or NULL */
};

/* A SQL function in whose body names are resolved. */
struct hr_param_scope {
    const struct hr_sql_function *function;
    struct hr_expr **args; /* resolved where the function is called */
    uint32_t *uses;
    const struct hr_param_scope *outer; /* the function in whose body this one is called */
};

/* Views being expanded, innermost first. */
struct hr_view_frame {
    const char *name;
    const struct hr_view_frame *outer;
};

struct hr_analyzer {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    struct hr_catalog *catalog;
    const struct hr_cte_scope *ctes;
    const struct hr_view_frame *views;
    const struct hr_outer_scope *outer;
    const struct hr_param_scope *params;  /* what else names may mean here, or NULL */
    const struct hr_param_scope *inlined; /* functions being inlined, innermost first */
    uint32_t depth;     /* of plans */
    uint32_t relations; /* met so far: nested CTEs and views can multiply */
    uint32_t scans;
    struct hr_name_index indexes[2]; /* of the inputs looked at last */
    uint32_t open_names; /* names left as they are, counted (hr_names.optional) */
};

/* What names may mean at a place. */
struct hr_names {
    const struct hr_plan *inputs[2];
    uint32_t input_count;
    bool descend;                   /* also what lies below projections and filters (ORDER BY) */
    bool optional;                  /* names that are not found stay as they are */
    struct hr_expr *const *lateral; /* earlier items of the select list */
    uint32_t lateral_count;
    const struct hr_plan *aggregate;      /* inside aggregate calls its input comes first */
    const struct hr_expr *in_over;        /* the OVER that the name is in */
    const struct hr_lambda_scope *lambda; /* the lambdas around it */
    bool groups_first;                    /* HAVING: what the node groups by goes before an alias */
};

/* The one window() or session_window() call of a node, and the column that stands for it. */
struct hr_window_use {
    const struct hr_expr *call;
    struct hr_attr attr;
    bool is_session;
};

hr_status hr_analyze(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err) HR_CHECKED;

/* analyze_name.c: names, stars, calls of an expression tree. */
hr_status hr_resolve(struct hr_analyzer *an, const struct hr_names *names, struct hr_expr **expr,
                     struct hr_err *err) HR_CHECKED;
hr_status hr_expand_star(struct hr_analyzer *an, const struct hr_plan *input,
                         const struct hr_expr *star, struct hr_exprs *out,
                         struct hr_err *err) HR_CHECKED;
/* UNRESOLVED_COLUMN at expr, with the names of plans[] that come nearest. */
hr_status hr_unresolved(struct hr_analyzer *an, const struct hr_expr *expr,
                        const struct hr_plan *const *plans, uint32_t plan_count,
                        struct hr_err *err);
bool hr_name_eq(const struct hr_analyzer *an, const char *a, const char *b);
/* "`t`.`a`" */
const char *hr_quote_name(struct hr_arena *arena, const char *const *parts, uint32_t count);
/* Spark's text with qualifiers: "sum(t.a)". */
const char *hr_qualified_text(struct hr_analyzer *an, const struct hr_expr *expr,
                              const struct hr_plan *input);
/* The attributes that a name may mean there: how many (*ret_attr: the one), and how many of its
 * parts that took. More than one: AMBIGUOUS_REFERENCE is raised. */
hr_status hr_find_name(struct hr_analyzer *an, const struct hr_names *names, bool in_call,
                       const struct hr_expr *name, const struct hr_attr **ret_attr,
                       uint32_t *ret_used_parts, struct hr_err *err) HR_CHECKED;
/* base.field.field … from part `from` of the name on. */
hr_status hr_take_fields(struct hr_analyzer *an, struct hr_expr *base, const struct hr_expr *name,
                         uint32_t from, struct hr_expr **ret, struct hr_err *err) HR_CHECKED;
/* Makes plan's output contain an attribute of a node below it. */
hr_status hr_carry_up(struct hr_analyzer *an, struct hr_plan *plan, uint32_t attr_id,
                      struct hr_err *err) HR_CHECKED;

/* analyze_function.c */
/* A call of a SQL function is replaced by the function's body; others stay. */
hr_status hr_inline_function(struct hr_analyzer *an, struct hr_expr **expr,
                             struct hr_err *err) HR_CHECKED;
/* GENERATE of a SQL table function; *ret_done: it was one, and is in its place. */
hr_status hr_inline_table_function(struct hr_analyzer *an, struct hr_plan **plan, bool *ret_done,
                                   struct hr_err *err) HR_CHECKED;
const struct hr_sql_function *hr_find_sql_function(struct hr_analyzer *an, const char *name);
/* The parameter that the name means, and how many of its parts that took. */
bool hr_find_param(const struct hr_param_scope *scope, const struct hr_expr *name, uint32_t *ret,
                   uint32_t *ret_used_parts);
/* A copy of its argument; constant: without columns, fit for any place. */
hr_status hr_param_value(struct hr_analyzer *an, const struct hr_param_scope *scope, uint32_t i,
                         struct hr_expr **ret, bool *ret_is_constant,
                         struct hr_err *err) HR_CHECKED;
/* A parameter of the function in whose body the name itself stands. *ret NULL: there is none. */
hr_status hr_resolve_param(struct hr_analyzer *an, const struct hr_expr *name,
                           struct hr_expr **ret, struct hr_err *err) HR_CHECKED;

/* analyze_pivot.c */
hr_status hr_analyze_pivot(struct hr_analyzer *an, struct hr_plan **plan,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_unpivot(struct hr_analyzer *an, struct hr_plan **plan,
                             struct hr_err *err) HR_CHECKED;

/* analyze_routine.c */
/* The value of a session variable: x, session.x, system.session.x, and fields of it. *ret NULL:
 * there is none. */
hr_status hr_resolve_variable(struct hr_analyzer *an, const struct hr_expr *name,
                              struct hr_expr **ret, struct hr_err *err) HR_CHECKED;
/* f(b => 1): the arguments in the order of the function's parameters. */
hr_status hr_place_arguments(struct hr_analyzer *an, struct hr_expr *call,
                             struct hr_err *err) HR_CHECKED;

/* analyze_subquery.c */
/* The query inside an expression, and the expression's type. */
hr_status hr_resolve_subquery(struct hr_analyzer *an, const struct hr_names *names,
                              const char *in_call, struct hr_expr *expr,
                              struct hr_err *err) HR_CHECKED;
/* A name that the query itself does not have, in those around it. *ret NULL: nor do they. */
hr_status hr_resolve_outer(struct hr_analyzer *an, const struct hr_expr *name, bool in_call,
                           struct hr_expr **ret, struct hr_err *err) HR_CHECKED;
/* Aggregates over nothing but columns of the query around are that query's own. */
hr_status hr_take_outer_aggregates(struct hr_analyzer *an, struct hr_expr **expr,
                                   struct hr_err *err) HR_CHECKED;

/* JOIN LATERAL */
hr_status hr_analyze_lateral(struct hr_analyzer *an, struct hr_plan **plan,
                             struct hr_err *err) HR_CHECKED;

/* analyze_relation.c */
/* Puts an analysed plan under another qualifier; gives its columns other names. */
hr_status hr_alias_plan(struct hr_analyzer *an, struct hr_plan **plan, const char *name,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_rename_columns(struct hr_analyzer *an, struct hr_plan **child,
                            const char *const *columns, uint32_t count,
                            struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_relation(struct hr_analyzer *an, struct hr_plan **plan,
                              struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_with(struct hr_analyzer *an, struct hr_plan **plan,
                          struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_subquery_alias(struct hr_analyzer *an, struct hr_plan **plan,
                                    struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_values(struct hr_analyzer *an, struct hr_plan **plan,
                            struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_range(struct hr_analyzer *an, struct hr_plan **plan,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_watermark(struct hr_analyzer *an, struct hr_plan **plan,
                               struct hr_err *err) HR_CHECKED;
/* Puts a LOCAL node of one row without columns in its place. */
hr_status hr_analyze_one_row(struct hr_analyzer *an, struct hr_plan **plan,
                             struct hr_err *err) HR_CHECKED;

/* analyze_select.c: PROJECT and AGGREGATE. */
hr_status hr_analyze_select(struct hr_analyzer *an, struct hr_plan **plan,
                            struct hr_err *err) HR_CHECKED;
/* The name that an item not resolved yet gives its column by itself, or NULL. */
const char *hr_written_name(const struct hr_expr *written);
/* Gives an output expression its name (written, or Spark's text of it) and id. */
hr_status hr_name_output(struct hr_analyzer *an, struct hr_expr **expr, const char *written,
                         struct hr_err *err) HR_CHECKED;

/* analyze_aggregate.c */
hr_status hr_analyze_groups(struct hr_analyzer *an, struct hr_plan *plan, /* AGGREGATE */
                            struct hr_window_use *window, struct hr_err *err) HR_CHECKED;
hr_status hr_check_aggregate(struct hr_analyzer *an, const struct hr_plan *plan,
                             struct hr_err *err) HR_CHECKED;
/* Resolves *expr over an analysed AGGREGATE: aggregates and groups that it needs are added to the
 * node's output. */
hr_status hr_resolve_over_aggregate(struct hr_analyzer *an, struct hr_plan *agg,
                                    const struct hr_plan *visible, struct hr_expr **expr,
                                    struct hr_err *err) HR_CHECKED;
/* Resolves what a windowed item needs of an AGGREGATE whose select list holds the other items. */
hr_status hr_over_aggregate_columns(struct hr_analyzer *an, struct hr_plan *agg,
                                    struct hr_expr **expr, struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_having(struct hr_analyzer *an, struct hr_plan **plan,
                            struct hr_err *err) HR_CHECKED;

/* analyze_grouping.c: GROUPING SETS, ROLLUP, CUBE. */
struct hr_aggregate_node;
bool hr_has_grouping_sets(const struct hr_aggregate_node *agg);
hr_status hr_analyze_grouping_sets(struct hr_analyzer *an, struct hr_plan *plan,
                                   struct hr_window_use *window, struct hr_err *err) HR_CHECKED;
/* Puts the copies of the groups in place of the groups, and what grouping() and grouping_id() mean.
 * agg NULL, or without sets: an error where there is a call of these. */
hr_status hr_use_groupings(struct hr_analyzer *an, const struct hr_aggregate_node *agg,
                           struct hr_expr **expr, struct hr_err *err) HR_CHECKED;
/* Is the group an integer literal? */
bool hr_group_ordinal(const struct hr_expr *expr, int64_t *ret);
/* A group as written: an ordinal, an alias, an expression. */
hr_status hr_resolve_group(struct hr_analyzer *an, const struct hr_plan *plan,
                           struct hr_expr **group, struct hr_err *err) HR_CHECKED;

/* analyze_sort.c */
hr_status hr_analyze_filter(struct hr_analyzer *an, struct hr_plan **plan,
                            struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_sort(struct hr_analyzer *an, struct hr_plan **plan,
                          struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_limit(struct hr_analyzer *an, struct hr_plan **plan,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_distinct(struct hr_analyzer *an, struct hr_plan **plan,
                              struct hr_err *err) HR_CHECKED;

/* analyze_join.c */
hr_status hr_analyze_join(struct hr_analyzer *an, struct hr_plan **plan,
                          struct hr_err *err) HR_CHECKED;

/* analyze_set.c */
/* A projection with casts above a plan whose columns are not of the types; errors are placed. */
hr_status hr_cast_columns(struct hr_analyzer *an, struct hr_plan **plan,
                          const struct hr_type *const *types, int32_t pos, int32_t end,
                          struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_union(struct hr_analyzer *an, struct hr_plan **plan,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_setop(struct hr_analyzer *an, struct hr_plan **plan,
                           struct hr_err *err) HR_CHECKED;

/* analyze_window.c: replaces window() calls in exprs by a column that a new child of plan makes. */
hr_status hr_analyze_windows(struct hr_analyzer *an, struct hr_plan *plan,
                             struct hr_window_use *use, struct hr_expr **exprs, uint32_t count,
                             struct hr_err *err) HR_CHECKED;

/* window_time(w) → w.end - 1 µs, after the columns have their names. */
hr_status hr_rewrite_window_time(struct hr_analyzer *an, struct hr_expr **exprs, uint32_t count,
                                 struct hr_err *err) HR_CHECKED;

/* analyze_over.c: windows of rows (OVER). */
/* Frame, types and rules of an OVER whose expressions are resolved. */
hr_status hr_over_resolve(struct hr_analyzer *an, struct hr_expr *over,
                          struct hr_err *err) HR_CHECKED;
/* OVER w without a w; an earlier item's alias inside. */
hr_status hr_over_missing(struct hr_analyzer *an, const struct hr_expr *over, struct hr_err *err);
hr_status hr_lateral_in_over(struct hr_analyzer *an, const char *alias, const struct hr_expr *over,
                             struct hr_err *err);
/* Takes the OVERs out of exprs: nodes above *child compute them, references take their place. */
hr_status hr_extract_over(struct hr_analyzer *an, struct hr_plan **child, struct hr_expr **exprs,
                          uint32_t count, struct hr_err *err) HR_CHECKED;
/* An AGGREGATE whose items have OVERs becomes a projection over windows over the groups. */
hr_status hr_split_over(struct hr_analyzer *an, struct hr_plan **agg,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_analyze_qualify(struct hr_analyzer *an, struct hr_plan **plan,
                             struct hr_err *err) HR_CHECKED;
/* Is there an OVER in the plan that no window computes? */
hr_status hr_check_over(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err);
/* OVER in WHERE, HAVING. */
hr_status hr_over_in_clause(const struct hr_expr *condition, const char *clause,
                            struct hr_err *err);

/* analyze_generate.c */
/* A call of a generator: resolved here, not by its function row. */
bool hr_is_generator(const struct hr_expr *expr);
hr_status hr_analyze_generate(struct hr_analyzer *an, struct hr_plan **plan,
                              struct hr_err *err) HR_CHECKED;
/* Takes the one generator of a select list out into a GENERATE below it. */
hr_status hr_extract_generator(struct hr_analyzer *an, struct hr_plan *plan,
                               struct hr_err *err) HR_CHECKED;

#endif
