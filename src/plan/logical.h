/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical plans: one tree from the parser (unresolved) through analysis to the optimised form, as
 * Spark's LogicalPlan. Nodes and their expressions live in one arena. After analysis every node has
 * its output attributes and every expression a type; attributes are found by id, never by place.
 */
#ifndef HR_PLAN_LOGICAL_H
#define HR_PLAN_LOGICAL_H

#include "expr/expr.h"
#include "operator/sink.h"

struct hr_table; /* catalog.h */

/* An output column of a node. */
struct hr_attr {
    uint32_t id;
    const char *name;
    const char *qualifier; /* table or alias that it can be reached by, or NULL */
    const struct hr_type *type;
    bool nullable;
    int64_t watermark_delay_us; /* ≥ 0: event time with this delay; -1: none */
    bool hidden;                /* reached by its qualifier only, not by stars (keys of USING) */
    bool was_hidden;            /* the same attribute further up, selected as t.key */
};

enum hr_plan_kind {
    HR_P_RELATION,       /* unresolved: name_parts, is_stream, options */
    HR_P_SUBQUERY_ALIAS, /* child AS name [(columns…)] */
    HR_P_WITH,           /* ctes[] in front of child 0 */
    HR_P_ONE_ROW,        /* SELECT without FROM */
    HR_P_VALUES,         /* rows of expressions */
    HR_P_RANGE,          /* range(start, end, step) */
    HR_P_SCAN,           /* table resolved to a source */
    HR_P_PROJECT,        /* exprs: NAMEs, ALIASes, STARs before analysis; ALIAS or ATTR after */
    HR_P_FILTER,         /* condition; is_having before analysis */
    HR_P_AGGREGATE,      /* groups[] and exprs[] (the output list, with aggregate calls inside) */
    HR_P_JOIN,           /* join_type, condition or using_columns / natural */
    HR_P_SORT,           /* exprs are HR_X_SORT; is_global */
    HR_P_LIMIT,          /* limit (-1 none), offset */
    HR_P_UNION,          /* two or more children; by_name; ALL (DISTINCT has one above) */
    HR_P_SETOP,          /* EXCEPT, INTERSECT: set_op, is_all */
    HR_P_DISTINCT,       /* all columns, or keys (dropDuplicates) in exprs */
    HR_P_WATERMARK,      /* exprs[0] is the event-time column, delay_us */
    HR_P_EXPAND,   /* one input row to several: projections[][] (sliding windows, grouping sets) */
    HR_P_GENERATE, /* explode: exprs[0] generator call, outer */
    HR_P_LOCAL,    /* batches in memory (folded VALUES, tests, cached RDDs) */
};

enum hr_join_type {
    HR_JOIN_INNER,
    HR_JOIN_LEFT,
    HR_JOIN_RIGHT,
    HR_JOIN_FULL,
    HR_JOIN_SEMI,
    HR_JOIN_ANTI,
    HR_JOIN_CROSS
};
enum hr_set_op { HR_SET_EXCEPT, HR_SET_INTERSECT };

struct hr_cte {
    const char *name;
    const char **columns;
    uint32_t column_count;
    struct hr_plan *plan;
};

struct hr_plan {
    enum hr_plan_kind kind;
    int32_t sql_pos, sql_end;
    struct hr_plan **children;
    uint32_t child_count;
    /* Set by analysis. */
    struct hr_attr *output;
    uint32_t output_count;
    bool resolved;
    bool is_streaming; /* this node or one below reads a stream */
    /* By kind. */
    struct hr_expr **exprs;
    uint32_t expr_count;
    struct hr_expr **groups;
    uint32_t group_count;
    bool group_by_all;
    struct hr_expr *condition;
    bool is_having, is_natural, is_global, is_all, by_name, is_stream, outer;
    enum hr_join_type join_type;
    enum hr_set_op set_op;
    const char **using_columns;
    uint32_t using_count;
    int64_t limit, offset;                    /* LIMIT; RANGE: start in offset, end in limit */
    struct hr_expr *limit_expr, *offset_expr; /* before analysis */
    int64_t step;
    int64_t delay_us;
    const char *name;     /* SUBQUERY_ALIAS */
    const char **columns; /* its column aliases */
    uint32_t column_count;
    const char **name_parts; /* RELATION */
    uint32_t name_part_count;
    const struct hr_options *options; /* RELATION, SCAN: reader options */
    struct hr_cte *ctes;
    uint32_t cte_count;
    struct hr_expr ***rows; /* VALUES: rows[i][column]; EXPAND: projections */
    uint32_t row_count, row_width;
    struct hr_table *table;    /* SCAN; borrowed from the catalog, referenced by the plan's owner */
    int32_t event_time_key;    /* AGGREGATE: the group that is the event time or its window; -1 */
    uint32_t scan_id;          /* SCAN: number of the leaf in the plan, for offsets */
    struct hr_batch **batches; /* LOCAL; held until the arena is done */
    uint32_t batch_count;
};

struct hr_plan *hr_plan_new(struct hr_arena *arena, enum hr_plan_kind kind);
struct hr_plan *hr_plan_new1(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *child);
struct hr_plan *hr_plan_new2(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *left,
                             struct hr_plan *right);
/* Deep copy with fresh attribute ids where needed is the analyser's own business. */

/* The output of a resolved plan as a STRUCT type. NULL: out of memory. */
const struct hr_type *hr_plan_schema(const struct hr_plan *plan);
/* Spark's tree text: "+- Filter (a > 1)". */
void hr_plan_print(const struct hr_plan *plan, struct hr_buf *out);

#endif
