/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: one tree for all stages, as in Spark's Catalyst. The parser (or the DataFrame API)
 * builds it unresolved; analysis resolves names to attributes, binds functions and inserts casts;
 * physical planning binds attributes to column ordinals; program.h compiles it to steps.
 *
 * Nodes live in the arena of their plan and are not shared between parents once analysis starts
 * (hr_expr_copy makes another). A resolved node has a type. Operators are calls: "+", "=", "and",
 * "not", "case", "in", "like", "isnull", "between" … the grammar knows no function names.
 */
#ifndef HR_EXPR_EXPR_H
#define HR_EXPR_EXPR_H

#include "column/column.h"

struct hr_function;
struct hr_plan;
struct hr_tz;

/* Settings that expressions depend on. Owned by the session, immutable while a plan lives. */
struct hr_ml_store; /* ml/store.h */
struct hr_ml_pins;
struct hr_conf {
    bool ansi;              /* spark.sql.ansi.enabled, default true */
    bool case_sensitive;    /* spark.sql.caseSensitive, default false */
    const struct hr_tz *tz; /* spark.sql.session.timeZone */
    int64_t now_us;         /* current_timestamp() of a batch query */
    uint32_t batch_rows;    /* ≤ HR_BATCH_ROWS; tests make it small */
    uint32_t shuffle_partitions;
    uint32_t threads;
    int64_t watermark_max_future_us; /* headrace.watermark.maxFuture; 0: none */
    /* headrace.watermark.farFuture: what a row that is further ahead does. */
    enum hr_far_future { HR_FAR_CAP, HR_FAR_IGNORE, HR_FAR_DROP } watermark_far_future;
    bool watermark_by_partition; /* headrace.watermark.byPartition */
    bool partitions_as_text; /* …partitionColumnTypeInference.enabled is false */
    bool ignore_missing_files, ignore_corrupt_files; /* spark.sql.files.…, for sources of files */
    const char *schema; /* current_schema(); NULL: default */
    struct hr_ml_store *models;     /* of the session, by name; NULL: there are none */
    const struct hr_ml_pins *pins;  /* as the running statement or epoch sees them; else NULL */
};

enum hr_expr_kind {
    HR_X_LITERAL,  /* literal: a one-row column */
    HR_X_NAME,     /* unresolved: name_parts a.b.c */
    HR_X_STAR,     /* unresolved: name_parts.* */
    HR_X_ATTR,     /* attribute attr_id of a child's output */
    HR_X_COLUMN,   /* bound: ordinal in the input schema */
    HR_X_CALL,     /* name(args…); function set when resolved; distinct, filter for aggregates */
    HR_X_CAST,     /* args[0] to type; try_cast flag */
    HR_X_ALIAS,    /* args[0] AS name (attr_id of the attribute that it makes) */
    HR_X_FIELD,    /* args[0].name, ordinal: field of a STRUCT */
    HR_X_SORT,     /* args[0] as a sort key: descending, nulls_first */
    HR_X_LAMBDA,   /* name_parts -> args[0]; its variables are attr_id, attr_id + 1 … */
    HR_X_VAR,      /* variable attr_id of a lambda around it */
    HR_X_SUBQUERY, /* subquery; args: the values of IN, then what it refers to outside */
    HR_X_OVER,     /* args[0] OVER (…): args and over, see struct hr_over */
};

enum hr_subquery_form {
    HR_SUBQUERY_SCALAR,
    HR_SUBQUERY_IN,
    HR_SUBQUERY_EXISTS,
    HR_SUBQUERY_LATERAL, /* a relation of FROM */
};

/*
 * A query inside an expression, shared by the copies of the expression. Inside the query an
 * attribute of the query around it is the attribute params[i]; what that stands for is the
 * expression's args[value_count + i]. So whoever rewrites expressions need not look inside.
 * Analysis puts joins in the place of all subqueries (plan/subquery.h).
 */
struct hr_subquery {
    enum hr_subquery_form form;
    struct hr_plan *plan;
    const char *text;     /* as written: equal texts of one scope are equal queries */
    const void *scope;    /* the CTEs that it sees */
    uint32_t value_count; /* IN: how many values are compared */
    uint32_t *params, param_count;
    struct hr_expr **outer; /* what the params stand for where it was analysed first */
};

/* Where a frame begins or ends. */
enum hr_frame_bound {
    HR_BOUND_UNBOUNDED_PRECEDING,
    HR_BOUND_PRECEDING, /* an offset before the current row, by number or by value */
    HR_BOUND_CURRENT,
    HR_BOUND_FOLLOWING,
    HR_BOUND_UNBOUNDED_FOLLOWING,
};
enum hr_frame_unit { HR_FRAME_NONE /* not written */, HR_FRAME_ROWS, HR_FRAME_RANGE };

/*
 * The shape of an OVER; its expressions are the node's args: the call, partition_count keys,
 * order_count SORTs, then the offsets of lower and upper where they are PRECEDING or FOLLOWING.
 * Shared by copies of the expression: immutable once analysed.
 */
struct hr_over {
    uint32_t partition_count, order_count;
    enum hr_frame_unit unit;
    enum hr_frame_bound lower, upper;
    const char *base; /* OVER w: until the parser has put the window's definition there */
    int32_t sql_pos, sql_end; /* of the specification */
};

struct hr_expr {
    enum hr_expr_kind kind;
    bool nullable;
    bool distinct;                /* CALL of an aggregate */
    bool retracts;                /* the same: its rows may be taken back */
    bool try_cast;                /* CAST */
    bool implicit_cast;           /* CAST inserted by coercion: not printed in column names */
    bool descending, nulls_first; /* SORT */
    bool is_named_argument;       /* ALIAS: f(name => args[0]), until the call is resolved */
    bool is_variable;             /* LITERAL: the value of a session variable; name: its text */
    bool is_generated_alias;      /* ALIAS made by us for an unnamed column */
    bool is_windowed;             /* CALL: args[0] of an OVER, not an aggregate of a grouping */
    bool ignores_nulls;           /* CALL of a window function: IGNORE NULLS */
    const struct hr_type *type;   /* NULL: not resolved yet */
    int32_t sql_pos, sql_end;     /* in the statement's text; -1: none */
    struct hr_expr **args;
    uint32_t arg_count;
    const char *name;        /* CALL (as written), ALIAS, FIELD, ATTR */
    const char **name_parts; /* NAME, STAR, LAMBDA */
    uint32_t name_part_count;
    uint32_t order_count;    /* CALL: that many of its last args are SORTs, of WITHIN GROUP */
    uint32_t attr_id;                   /* ATTR, ALIAS; LAMBDA, VAR: see expr/lambda.h */
    uint32_t ordinal;                   /* COLUMN, FIELD */
    const struct hr_column *literal;    /* LITERAL, length 1 */
    const struct hr_function *function; /* CALL, resolved */
    void *bound;                        /* CALL: what the function's bind prepared (plan arena) */
    /* CALL of a random function: chosen when it was parsed, so that the copies of a CTE's query
     * give the same rows. */
    uint64_t seed;
    struct hr_expr *filter;       /* CALL of an aggregate: FILTER (WHERE …) */
    struct hr_subquery *subquery; /* SUBQUERY */
    const char *shown;            /* in place of its text: the call that it was made of */
    bool is_outer;                /* ATTR: of the query around the one that it stands in */
    const struct hr_over *over;   /* OVER */
};

HR_INLINE bool hr_bound_has_offset(enum hr_frame_bound bound)
{
    return bound == HR_BOUND_PRECEDING || bound == HR_BOUND_FOLLOWING;
}
/* The offset of an OVER's lower or upper bound, or NULL. */
struct hr_expr *hr_over_offset(const struct hr_expr *over, bool upper);
bool hr_expr_has_over(const struct hr_expr *expr);

/* Attribute ids are unique in a process; 0 is none. */
uint32_t hr_expr_next_attr_id(void);

/* Constructors: NULL when out of memory. Strings are copied into the arena. */
struct hr_expr *hr_expr_new(struct hr_arena *arena, enum hr_expr_kind kind);
struct hr_expr *hr_expr_call(struct hr_arena *arena, const char *name, struct hr_expr *const *args,
                             uint32_t arg_count);
struct hr_expr *hr_expr_cast(struct hr_arena *arena, struct hr_expr *arg,
                             const struct hr_type *type);
struct hr_expr *hr_expr_alias(struct hr_arena *arena, struct hr_expr *arg, const char *name);
struct hr_expr *hr_expr_name(struct hr_arena *arena, const char *const *parts, uint32_t count);
struct hr_expr *hr_expr_column(struct hr_arena *arena, const struct hr_type *type, uint32_t ordinal,
                               bool nullable);
struct hr_expr *hr_expr_null(struct hr_arena *arena, const struct hr_type *type);
struct hr_expr *hr_expr_bool(struct hr_arena *arena, bool v);
struct hr_expr *hr_expr_int(struct hr_arena *arena, const struct hr_type *type,
                            int64_t v); /* integral, dates, times */
struct hr_expr *hr_expr_double(struct hr_arena *arena, double v);
struct hr_expr *hr_expr_decimal(struct hr_arena *arena, hr_i128 unscaled, int precision, int scale);
struct hr_expr *hr_expr_string(struct hr_arena *arena, struct hr_str_view text);
struct hr_expr *hr_expr_copy(struct hr_arena *arena, const struct hr_expr *expr); /* deep */

bool hr_expr_is_literal_null(const struct hr_expr *expr);
/* Bottom-up or top-down walk; fn false stops (and makes the walk return false). */
bool hr_expr_walk(const struct hr_expr *expr, bool (*fn)(void *arg, const struct hr_expr *),
                  void *arg);
/* Rewrites children first, then the node: fn may replace *expr. */
hr_status hr_expr_rewrite(struct hr_expr **expr,
                          hr_status (*fn)(void *arg, struct hr_expr **expr, struct hr_err *err),
                          void *arg, struct hr_err *err) HR_CHECKED;
/* Equal but for positions and aliases' ids: for GROUP BY matching and common parts. */
bool hr_expr_equal(const struct hr_expr *a, const struct hr_expr *b);
/* Equal expressions have equal ones. */
uint64_t hr_expr_hash(const struct hr_expr *expr);
bool hr_expr_is_deterministic(const struct hr_expr *expr);
bool hr_expr_has_aggregate(const struct hr_expr *expr);
/* No attribute and no variable of a lambda around it: its value is the same for every row. */
bool hr_expr_is_foldable(const struct hr_expr *expr);

/* Spark's text of an expression: the name of an unnamed column, "(a + 1)", "count(1)",
 * "CASE WHEN (a > 1) THEN x END". Pretty: without qualifiers and implicit casts. */
void hr_expr_print(const struct hr_expr *expr, struct hr_buf *out);
/* Of an OVER: "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"; "(ORDER BY a ASC NULLS FIRST ROWS …)". */
void hr_over_print_frame(const struct hr_expr *over, struct hr_buf *out);
void hr_over_print_spec(const struct hr_expr *over, struct hr_buf *out);
const char *hr_expr_text(struct hr_arena *arena, const struct hr_expr *expr);
/* The name that an unnamed column of the select list gets: as text, but a cast of a column keeps
 * the column's name and a field its own. */
const char *hr_expr_column_name(struct hr_arena *arena, const struct hr_expr *expr);
/* Spark's toSQLExpr for error parameters: quoted, "\"(a + b)\"". */
const char *hr_expr_quoted(struct hr_arena *arena, const struct hr_expr *expr);

/* Resolves a CALL, CAST, FIELD or ALIAS whose arguments are resolved: finds the function, checks
 * and coerces argument types (inserting implicit casts), sets type, nullable and bound. Errors are
 * Spark's, with positions. Idempotent. */
hr_status hr_expr_resolve_node(struct hr_arena *arena, const struct hr_conf *conf,
                               struct hr_expr *expr, struct hr_err *err) HR_CHECKED;
/* Puts an implicit cast around *expr unless it has the type already. HR_E_DATATYPE_MISMATCH_… */
hr_status hr_expr_coerce(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr **expr,
                         const struct hr_type *type, struct hr_err *err) HR_CHECKED;
/* The type both sides widen to under Spark's ANSI rules (set operations, CASE, IN), or NULL. */
const struct hr_type *hr_type_common(const struct hr_type *a, const struct hr_type *b);
/* The same by the session's rules: without ANSI a text beside another makes both texts. */
const struct hr_type *hr_conf_common(const struct hr_conf *conf, const struct hr_type *a,
                                     const struct hr_type *b);
/* May a value of type from be stored into type to by an INSERT (ANSI store assignment)? */
bool hr_type_can_store(const struct hr_type *from, const struct hr_type *to);
bool hr_type_can_cast(const struct hr_type *from, const struct hr_type *to);

#endif
