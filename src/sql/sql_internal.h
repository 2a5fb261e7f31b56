/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the parser share: tokens, the values that the grammar's rules carry, and the
 * builders that its actions call. Everything lives in the statement's arena.
 *
 * Errors are sticky: the first one is kept in parser->status, builders called after it do nothing
 * and return empty values, and the driver stops feeding tokens. So actions need no checks.
 */
#ifndef HR_SQL_SQL_INTERNAL_H
#define HR_SQL_SQL_INTERNAL_H

#include "plan/nodes/join.h"
#include "plan/statement.h"
#include "sql/parser.h"

#define HR_SQL_MAX_STATEMENT_BYTES (16 << 20)
#define HR_SQL_MAX_DEPTH           1000 /* of expressions */
#define HR_SQL_MAX_RELATIONS       1000 /* joins, set operations, subqueries in one statement */

struct hr_sql_token {
    uint16_t kind; /* HR_TK_… */
    bool is_word;  /* an unquoted word, whatever its kind has become */
    const char *ptr;
    uint32_t len;
    int32_t pos, end;      /* bytes in the statement */
    uint32_t first, count; /* the raw tokens that were folded into this one */
};

/* A type in the text; nested types are one token. */
struct hr_sql_type {
    const struct hr_type *type;
    int32_t pos, end;
};

struct hr_sql_x {
    struct hr_expr *x;
    int32_t pos, end; /* with parentheses; the node's own range is without */
    uint16_t depth;
    bool is_row; /* (a, b): VALUES takes it apart */
};

/* A word or two that may be there: what they say, and where they end (0: they are not there). */
struct hr_sql_flag {
    int value;
    int32_t end;
};

struct hr_sql_list {
    HR_VEC(struct hr_expr *) exprs;
    int32_t pos, end;
    uint16_t depth;
    HR_VEC(bool) is_row; /* VALUES: which were (a, b) */
};

struct hr_sql_names {
    HR_VEC(const char *) names;
    int32_t pos, end;
    bool first_is_word; /* not in back quotes */
};

struct hr_sql_q {
    struct hr_plan *plan;
    int32_t pos, end;
    bool is_union_all; /* of this very level: more children may be added */
    bool is_lateral;   /* may refer to what stands left of it in FROM */
};

/* JOIN's parts before the tables are known. */
struct hr_sql_join {
    enum hr_join_type type;
    bool natural, comma;
};
struct hr_sql_on {
    struct hr_expr *condition;
    struct hr_sql_names *names; /* USING */
    int32_t end;
};

struct hr_sql_columns {
    HR_VEC(struct hr_field) fields; /* type NULL: a name alone (views) */
    HR_VEC(struct hr_stmt_column) specs;
};
struct hr_sql_column_options {
    bool not_null;
    const char *comment, *def;
};
struct hr_sql_specs { /* several PARTITION (…) */
    HR_VEC(struct hr_stmt_spec) specs;
};
struct hr_sql_keys { /* PARTITION (p = 1, q) */
    HR_VEC(struct hr_stmt_key) keys;
    bool if_not_exists;
};

/* CREATE …'s clauses, in any order. */
struct hr_sql_clauses {
    const char *provider, *comment;
    struct hr_options *options;
    struct hr_sql_names *partitions;
    struct hr_sql_names *late; /* LATE ROWS INTO: what follows is about that table */
    const char *late_provider;
    struct hr_options *late_options;
    struct hr_sql_columns *partition_columns; /* PARTITIONED BY (p INT) */
    struct hr_options *properties;            /* TBLPROPERTIES */
    const char *location;
};

struct hr_sql_alert_clauses { /* CREATE ALERT's, in any order */
    struct hr_stmt_alert def;
    struct hr_sql_x when;
    struct hr_options *options;
};

struct hr_sql_tile_parts {
    struct hr_options *encode, *thresholds, *options;
};

struct hr_sql_group {
    struct hr_sql_list *items;
    struct hr_expr *sets; /* GROUP BY … GROUPING SETS (…) */
    int32_t end;
    bool has, all;
};

/* OVER (…) and WINDOW w AS (…). */
struct hr_sql_bound {
    enum hr_frame_bound bound;
    struct hr_sql_x offset;
};
struct hr_sql_frame {
    enum hr_frame_unit unit;
    struct hr_sql_bound lower, upper;
};
struct hr_sql_window {
    const char *base;  /* the window it is or adds to, or NULL */
    bool is_reference; /* that and nothing else */
    struct hr_sql_list *partition, *order;
    struct hr_sql_frame frame;
    int32_t pos, end;
    uint16_t depth;
};
struct hr_sql_windows {
    HR_VEC(const char *) names;
    HR_VEC(struct hr_sql_window *) windows;
    int32_t pos;
};

struct hr_sql_select {
    struct hr_sql_list *items;
    struct hr_sql_q from;
    struct hr_sql_x where, having, qualify;
    struct hr_sql_windows *windows; /* WINDOW */
    struct hr_sql_group group;
    bool distinct;
    int32_t pos;
};

struct hr_sql_wm { /* WATERMARK … */
    struct hr_sql_x column;
    const struct hr_sql_token *interval;
};

struct hr_sql_alias { /* of a table: AS name [(columns)] */
    const char *name;
    struct hr_sql_names *columns;
    int32_t end;
};

struct hr_sql_name_list { /* of variables, and what is assigned to them */
    HR_VEC(struct hr_stmt_variable) items;
    HR_VEC(struct hr_sql_x) values; /* SET VAR a = 1, …; without an expression: DEFAULT */
};

struct hr_sql_params { /* of CREATE FUNCTION */
    HR_VEC(struct hr_function_param) params;
};
struct hr_sql_param_options {
    struct hr_sql_x value; /* DEFAULT */
    bool not_null;
    int32_t end;
};
struct hr_sql_returns {
    const struct hr_type *type;
    bool is_table;
    struct hr_sql_columns *columns;
};

struct hr_sql_parser {
    struct hr_arena *arena;
    const struct hr_sql_context *context;
    const struct hr_tz *tz;
    struct hr_err *err;
    hr_status status;
    const char *text; /* the statement, NUL-terminated */
    size_t len;
    struct hr_sql_token *raw;
    uint32_t raw_count;
    struct hr_sql_token *tokens; /* what the grammar sees; the last has kind 0 */
    uint32_t token_count;
    uint32_t at;          /* the token being fed */
    bool failed_at_token; /* the error is the grammar's: PARSE_SYNTAX_ERROR at tokens[at] */
    bool end_is_fine;     /* … and the statement could have ended there */
    int expected;         /* the one token that the grammar would have taken there, or 0 */
    uint32_t relation_count;
    HR_VEC(struct hr_stmt_action) actions; /* of the alert being read */
    HR_VEC(struct hr_stmt_tile) tiles;     /* of the dashboard being read */
    const char *property_rest; /* strings behind a property's key, which the lexer joined to it */
    struct hr_stmt *stmt;
};

/* lexer.re */
bool hr_sql_lex(const char *text, const char **cursor, const char *end, struct hr_sql_token *ret);

/* tokens.c */
hr_status hr_sql_tokenize(struct hr_sql_parser *p);
/* HR_TK_… of a word, HR_TK_ID when it is none. */
int hr_sql_keyword(const char *word, size_t len);
bool hr_sql_word_is(const struct hr_sql_token *token, const char *word);

/* Errors: set status once, with the position of the text at fault. */
void hr_sql_oom(struct hr_sql_parser *p);
void hr_sql_fail(struct hr_sql_parser *p, hr_status status, int32_t pos, int32_t end);
void hr_sql_syntax_error(struct hr_sql_parser *p, const struct hr_sql_token *token,
                         const char *hint);
void hr_sql_unsupported(struct hr_sql_parser *p, int32_t pos, int32_t end, const char *what);
#define HR_SQL_RAISE(p, pos, end, ...) \
    hr_sql_fail((p), HR_RAISE((p)->err, __VA_ARGS__), (pos), (end))

/* build_literal.c */
char *hr_sql_ident(struct hr_sql_parser *p, const struct hr_sql_token *token);
struct hr_str_view hr_sql_string(struct hr_sql_parser *p, const struct hr_sql_token *token);
const char *hr_sql_cstring(struct hr_sql_parser *p, const struct hr_sql_token *token);
/* The first of the strings that stand side by side; the others are left in p->property_rest. */
const char *hr_sql_property_key(struct hr_sql_parser *p, const struct hr_sql_token *token);
/* The value of the key before it: this one, else the strings behind the key, else nothing. */
const char *hr_sql_property_value(struct hr_sql_parser *p, const char *value);
struct hr_sql_x hr_sql_number(struct hr_sql_parser *p, const struct hr_sql_token *minus,
                              const struct hr_sql_token *token);
struct hr_sql_x hr_sql_string_literal(struct hr_sql_parser *p, const struct hr_sql_token *token);
struct hr_sql_x hr_sql_hex(struct hr_sql_parser *p, const struct hr_sql_token *token);
struct hr_sql_x hr_sql_typed(struct hr_sql_parser *p, const struct hr_sql_token *token);
struct hr_sql_x hr_sql_simple(struct hr_sql_parser *p, const struct hr_sql_token *token, int kind);

/* build_interval.c: the tokens folded into an interval → its type and value. */
bool hr_sql_interval_value(struct hr_sql_parser *p, const struct hr_sql_token *token,
                           const struct hr_type **ret_type, int64_t *ret_value);
struct hr_sql_x hr_sql_interval(struct hr_sql_parser *p, const struct hr_sql_token *token);

/* build_expr.c */
struct hr_sql_x hr_sql_wrap(struct hr_sql_parser *p, struct hr_expr *x, int32_t pos, int32_t end,
                            uint32_t depth);
struct hr_sql_x hr_sql_unary(struct hr_sql_parser *p, const struct hr_sql_token *op,
                             const char *name, struct hr_sql_x a);
struct hr_sql_x hr_sql_binary(struct hr_sql_parser *p, struct hr_sql_x a, const char *name,
                              struct hr_sql_x b);
struct hr_sql_x hr_sql_call(struct hr_sql_parser *p, int32_t pos, int32_t end, const char *name,
                            const struct hr_sql_x *args, uint32_t count);
struct hr_sql_x hr_sql_not(struct hr_sql_parser *p, struct hr_sql_x a, bool negated);
struct hr_sql_x hr_sql_in(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                          struct hr_sql_list *list, int32_t end);
struct hr_sql_x hr_sql_like_many(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                                 const char *name, bool all, struct hr_sql_list *list, int32_t end);
struct hr_sql_x hr_sql_case(struct hr_sql_parser *p, const struct hr_sql_token *start,
                            struct hr_sql_x operand, struct hr_sql_list *whens,
                            struct hr_sql_x otherwise, const struct hr_sql_token *end);
struct hr_sql_x hr_sql_cast(struct hr_sql_parser *p, struct hr_sql_x a, struct hr_sql_type type,
                            bool try_cast, int32_t pos, int32_t end);
struct hr_sql_x hr_sql_paren(struct hr_sql_x a, const struct hr_sql_token *lp,
                             const struct hr_sql_token *rp);
struct hr_sql_x hr_sql_row(struct hr_sql_parser *p, struct hr_sql_list *list,
                           const struct hr_sql_token *lp, const struct hr_sql_token *rp);
struct hr_sql_x hr_sql_name_expr(struct hr_sql_parser *p, struct hr_sql_names *names);
struct hr_sql_x hr_sql_star(struct hr_sql_parser *p, struct hr_sql_names *qualifier,
                            const struct hr_sql_token *star, struct hr_sql_names *except,
                            int32_t end);
struct hr_sql_x hr_sql_field(struct hr_sql_parser *p, struct hr_sql_x a,
                             const struct hr_sql_token *name);
struct hr_sql_x hr_sql_function(struct hr_sql_parser *p, struct hr_sql_names *name, bool distinct,
                                struct hr_sql_list *args, const struct hr_sql_token *rp);
struct hr_sql_x hr_sql_within(struct hr_sql_parser *p, struct hr_sql_x call,
                              struct hr_sql_list *keys, const struct hr_sql_token *rp);
struct hr_sql_x hr_sql_filter(struct hr_sql_parser *p, struct hr_sql_x call, struct hr_sql_x filter,
                              const struct hr_sql_token *rp);
/* first_value(x) with a word about NULLs is first(x). */
struct hr_sql_x hr_sql_plain_name(struct hr_sql_x call);
struct hr_sql_x hr_sql_ignore_nulls(struct hr_sql_parser *p, struct hr_sql_x call,
                                    const struct hr_sql_token *last);
struct hr_sql_x hr_sql_lambda(struct hr_sql_parser *p, struct hr_sql_names *names, int32_t pos,
                              struct hr_sql_x body);
struct hr_sql_x hr_sql_alias(struct hr_sql_parser *p, struct hr_sql_x a,
                             struct hr_sql_names *names);
struct hr_sql_x hr_sql_sort_key(struct hr_sql_parser *p, struct hr_sql_x a,
                                struct hr_sql_flag descending, struct hr_sql_flag nulls);
struct hr_sql_x hr_sql_extract(struct hr_sql_parser *p, const struct hr_sql_token *start,
                               const struct hr_sql_token *field, struct hr_sql_x a,
                               const struct hr_sql_token *rp);
struct hr_sql_x hr_sql_subquery(struct hr_sql_parser *p, enum hr_subquery_form form,
                                struct hr_sql_list *values, struct hr_sql_q q, int32_t pos,
                                int32_t end);
struct hr_sql_x hr_sql_in_subquery(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                                   struct hr_sql_q q, int32_t end);
struct hr_sql_list *hr_sql_push(struct hr_sql_parser *p, struct hr_sql_list *list,
                                struct hr_sql_x a);
struct hr_sql_names *hr_sql_push_name(struct hr_sql_parser *p, struct hr_sql_names *names,
                                      const struct hr_sql_token *name);
struct hr_sql_type hr_sql_type(struct hr_sql_parser *p, const struct hr_sql_token *first,
                               const struct hr_sql_token *last);

/* build_window.c */
struct hr_sql_bound hr_sql_offset(struct hr_sql_parser *p, enum hr_frame_bound bound,
                                  struct hr_sql_x x, const struct hr_sql_token *end);
struct hr_sql_window *hr_sql_window_ref(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                        int32_t pos, int32_t end);
struct hr_sql_window *hr_sql_window(struct hr_sql_parser *p, const struct hr_sql_token *base,
                                    struct hr_sql_list *partition, struct hr_sql_list *order,
                                    struct hr_sql_frame frame, int32_t pos, int32_t end);
struct hr_sql_x hr_sql_over(struct hr_sql_parser *p, struct hr_sql_x call,
                            struct hr_sql_window *window);
struct hr_sql_windows *hr_sql_push_window(struct hr_sql_parser *p, struct hr_sql_windows *list,
                                          const struct hr_sql_token *name,
                                          struct hr_sql_window *window);
struct hr_sql_select *hr_sql_windows(struct hr_sql_parser *p, struct hr_sql_select *select,
                                     struct hr_sql_windows *windows);
struct hr_sql_select *hr_sql_qualify(struct hr_sql_parser *p, struct hr_sql_select *select,
                                     const struct hr_sql_token *start, struct hr_sql_x condition);
/* Puts the definitions of WINDOW in the place of the names. */
void hr_sql_apply_windows(struct hr_sql_parser *p, struct hr_sql_select *select);

/* build_query.c */
struct hr_sql_q hr_sql_select(struct hr_sql_parser *p, struct hr_sql_select *select);
struct hr_sql_q hr_sql_values(struct hr_sql_parser *p, const struct hr_sql_token *start,
                              struct hr_sql_list *rows);
struct hr_sql_q hr_sql_set_op(struct hr_sql_parser *p, struct hr_sql_q a, int op, bool all,
                              bool by_name, struct hr_sql_q b);
struct hr_sql_q hr_sql_order(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_sql_list *keys,
                             bool global);
struct hr_sql_q hr_sql_limit(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_sql_x limit,
                             struct hr_sql_x offset);
struct hr_sql_q hr_sql_relation(struct hr_sql_parser *p, struct hr_sql_names *name, bool stream,
                                struct hr_options *options, int32_t pos, int32_t end);
struct hr_sql_q hr_sql_table_function(struct hr_sql_parser *p, struct hr_sql_names *name,
                                      struct hr_sql_list *args, const struct hr_sql_token *rp);
struct hr_sql_wm *hr_sql_new_wm(struct hr_sql_parser *p, struct hr_sql_x column,
                                const struct hr_sql_token *interval);
struct hr_sql_q hr_sql_watermarked(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_wm *watermark);
/* keys NULL: all columns. */
struct hr_sql_q hr_sql_silent(struct hr_sql_parser *p, struct hr_sql_q q,
                              const struct hr_sql_token *start, struct hr_sql_list *keys,
                              const struct hr_sql_token *interval);
struct hr_sql_q hr_sql_deduplicate(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_token *start, struct hr_sql_list *keys,
                                   bool within_watermark);
struct hr_sql_alias *hr_sql_table_alias(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                        struct hr_sql_names *columns, int32_t end);
struct hr_sql_q hr_sql_alias_query(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_alias *alias);
struct hr_sql_group hr_sql_group(struct hr_sql_parser *p, struct hr_sql_list *items,
                                 struct hr_expr *sets);
/* … WITH ROLLUP, WITH CUBE: last is the word. */
struct hr_sql_group hr_sql_group_with(struct hr_sql_parser *p, struct hr_sql_list *items,
                                      const char *name, const struct hr_sql_token *last);
struct hr_sql_x hr_sql_grouping_sets(struct hr_sql_parser *p, struct hr_sql_list *sets, int32_t pos,
                                     int32_t end);
struct hr_sql_x hr_sql_empty_set(struct hr_sql_parser *p, int32_t pos, int32_t end);
struct hr_sql_q hr_sql_join(struct hr_sql_parser *p, struct hr_sql_q a, struct hr_sql_join join,
                            struct hr_sql_q b, struct hr_sql_on on);
struct hr_sql_q hr_sql_lateral_view(struct hr_sql_parser *p, struct hr_sql_q q, bool outer,
                                    struct hr_sql_x call, const char *table,
                                    struct hr_sql_names *columns, int32_t end);
struct hr_sql_q hr_sql_paren_query(struct hr_sql_q q, const struct hr_sql_token *lp,
                                   const struct hr_sql_token *rp);
struct hr_plan *hr_sql_with(struct hr_sql_parser *p);
void hr_sql_push_cte(struct hr_sql_parser *p, struct hr_plan *with, const struct hr_sql_token *name,
                     struct hr_sql_names *columns, struct hr_sql_q q);
struct hr_sql_q hr_sql_with_query(struct hr_sql_parser *p, struct hr_plan *with, int32_t pos,
                                  struct hr_sql_q q);
struct hr_sql_select *hr_sql_new_select(struct hr_sql_parser *p, const struct hr_sql_token *start);

/* build_stmt.c */
struct hr_stmt *hr_sql_stmt(struct hr_sql_parser *p, enum hr_stmt_kind kind);
void hr_sql_stmt_name(struct hr_stmt *stmt, const struct hr_sql_names *name);
void hr_sql_stmt_query(struct hr_stmt *stmt, struct hr_sql_q q);
void hr_sql_stmt_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_columns *columns, struct hr_sql_clauses *clauses);
/* CREATE FLOW … AS INSERT: the output's options are its table's. */
void hr_sql_flow_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_clauses *clauses);
/* A TRAIN node over the query becomes the statement's plan. */
void hr_sql_train(struct hr_sql_parser *p, struct hr_stmt *stmt, struct hr_sql_names *model,
                  struct hr_sql_q q);
struct hr_stmt *hr_sql_insert(struct hr_sql_parser *p, bool overwrite, struct hr_sql_names *table,
                              struct hr_sql_names *columns, bool by_name, struct hr_sql_q q);
struct hr_stmt *hr_sql_show(struct hr_sql_parser *p, enum hr_show show, struct hr_sql_names *name,
                            const char *pattern);
void hr_sql_view_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_columns *columns, struct hr_sql_clauses *clauses);
/* Raises for a statement of Spark's that is not here. */
bool hr_sql_refused_statement(struct hr_sql_parser *p);
void hr_sql_view_over_source(struct hr_sql_parser *p, struct hr_stmt *stmt,
                             struct hr_sql_columns *columns, struct hr_sql_clauses *clauses);
struct hr_sql_columns *hr_sql_push_column(struct hr_sql_parser *p, struct hr_sql_columns *columns,
                                          const struct hr_sql_token *name, struct hr_sql_type type,
                                          struct hr_sql_column_options options);
/* The statement's text from pos to end. */
const char *hr_sql_slice(struct hr_sql_parser *p, int32_t pos, int32_t end);
struct hr_sql_keys *hr_sql_push_key(struct hr_sql_parser *p, struct hr_sql_keys *keys,
                                    const struct hr_sql_token *name, struct hr_expr *value);
/* build_alter.c */
struct hr_sql_specs *hr_sql_push_spec(struct hr_sql_parser *p, struct hr_sql_specs *specs,
                                      const struct hr_sql_keys *keys);
struct hr_stmt *hr_sql_alter(struct hr_sql_parser *p, enum hr_alter alter,
                             struct hr_sql_names *table);
struct hr_stmt *hr_sql_alter_column(struct hr_sql_parser *p, enum hr_alter alter,
                                    struct hr_sql_names *table, const struct hr_sql_token *column);
struct hr_stmt *hr_sql_alter_parts(struct hr_sql_parser *p, enum hr_alter alter,
                                   struct hr_sql_names *table, const struct hr_sql_specs *specs);
struct hr_stmt *hr_sql_schema(struct hr_sql_parser *p, enum hr_schema_op op,
                              struct hr_sql_names *name, const struct hr_sql_clauses *clauses);
void hr_sql_stmt_other(struct hr_stmt *stmt, const struct hr_sql_names *name);
/* MERGE, UPDATE, DELETE: their table is all that is read. false: another statement. */
bool hr_sql_refused_write(struct hr_sql_parser *p);

void hr_sql_stmt_keys(struct hr_stmt *stmt, const struct hr_sql_keys *keys);
struct hr_sql_clauses *hr_sql_clauses(struct hr_sql_parser *p);
void hr_sql_merge_options(struct hr_sql_parser *p, struct hr_sql_clauses *clauses,
                          const struct hr_options *options);
/* USING name: of the table, or behind LATE ROWS INTO of that one. */
void hr_sql_using(struct hr_sql_parser *p, struct hr_sql_clauses *clauses,
                  const struct hr_sql_names *name);
struct hr_options *hr_sql_put_option(struct hr_sql_parser *p, struct hr_options *options,
                                     const char *key, const char *value);
/* "a.b.c" */
const char *hr_sql_dotted(struct hr_sql_parser *p, const struct hr_sql_names *names);
const char *hr_sql_word(struct hr_sql_parser *p, const struct hr_sql_token *token);
const char *hr_sql_negative_word(struct hr_sql_parser *p, const struct hr_sql_token *token);
/* SET, RESET: read by their text, as Spark does. false: another statement. */
bool hr_sql_set_statement(struct hr_sql_parser *p);

/* build_function.c */
struct hr_sql_params *hr_sql_push_param(struct hr_sql_parser *p, struct hr_sql_params *list,
                                        const struct hr_sql_token *name, struct hr_sql_type type,
                                        struct hr_sql_param_options options);
/* The body is what follows start, to the end of the statement. */
struct hr_stmt *hr_sql_create_function(struct hr_sql_parser *p, struct hr_sql_names *name,
                                       struct hr_sql_params *params,
                                       struct hr_sql_returns returns,
                                       const struct hr_sql_token *start, bool is_query);
/* LANGUAGE SQL and the like: another word is refused. */
void hr_sql_routine_word(struct hr_sql_parser *p, const struct hr_sql_token *what,
                         const struct hr_sql_token *word, const char *expected);

/* build_pipe.c */
struct hr_sql_q hr_sql_pipe_select(struct hr_sql_parser *p, struct hr_sql_q q,
                                   struct hr_sql_select *select);
struct hr_sql_q hr_sql_pipe_where(struct hr_sql_parser *p, struct hr_sql_q q,
                                  struct hr_sql_x condition);
struct hr_sql_q hr_sql_pipe_order(struct hr_sql_parser *p, struct hr_sql_q q,
                                  struct hr_sql_list *keys, bool global);
struct hr_sql_q hr_sql_pipe_extend(struct hr_sql_parser *p, struct hr_sql_q q,
                                   struct hr_sql_list *items);
struct hr_sql_q hr_sql_pipe_drop(struct hr_sql_parser *p, struct hr_sql_q q,
                                 const struct hr_sql_token *start, struct hr_sql_names *names);
struct hr_sql_q hr_sql_pipe_set(struct hr_sql_parser *p, struct hr_sql_q q,
                                const struct hr_sql_name_list *list);
/* items, groups: or NULL. */
struct hr_sql_q hr_sql_pipe_aggregate(struct hr_sql_parser *p, struct hr_sql_q q,
                                      const struct hr_sql_token *start, struct hr_sql_list *items,
                                      struct hr_sql_list *groups);
void hr_sql_pipe_two_clauses(struct hr_sql_parser *p, const struct hr_sql_token *start, int32_t end,
                             const char *one, const char *two);
struct hr_sql_q hr_sql_sample(struct hr_sql_parser *p, struct hr_sql_q q,
                              const struct hr_sql_token *t);

/* build_pivot.c */
struct hr_sql_q hr_sql_pivoted(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_plan *pivot);
struct hr_plan *hr_sql_pivot(struct hr_sql_parser *p, const struct hr_sql_token *start,
                             struct hr_sql_list *aggregates, struct hr_sql_names *columns,
                             struct hr_sql_list *values, const struct hr_sql_token *rp);
struct hr_sql_list *hr_sql_push_group(struct hr_sql_parser *p, struct hr_sql_list *list,
                                      struct hr_sql_x group, const struct hr_sql_token *name);
struct hr_plan *hr_sql_unpivot(struct hr_sql_parser *p, const struct hr_sql_token *start,
                               bool include_nulls, struct hr_sql_names *values,
                               const struct hr_sql_token *name, struct hr_sql_list *groups,
                               const struct hr_sql_token *rp);

/* build_routine.c: session variables, EXECUTE IMMEDIATE, IDENTIFIER() */
struct hr_sql_name_list *hr_sql_push_names(struct hr_sql_parser *p, struct hr_sql_name_list *list,
                                           struct hr_sql_names *names);
struct hr_sql_name_list *hr_sql_assign(struct hr_sql_parser *p, struct hr_sql_name_list *list,
                                       struct hr_sql_names *names, struct hr_sql_x value);
struct hr_stmt *hr_sql_declare(struct hr_sql_parser *p, struct hr_sql_name_list *names,
                               struct hr_sql_type type, struct hr_sql_x value);
struct hr_stmt *hr_sql_set_variables(struct hr_sql_parser *p, struct hr_sql_name_list *list);
struct hr_stmt *hr_sql_execute(struct hr_sql_parser *p, struct hr_sql_x text,
                               struct hr_sql_name_list *into, struct hr_sql_list *values);
struct hr_sql_list *hr_sql_push_first(struct hr_sql_parser *p, struct hr_sql_x first,
                                      struct hr_sql_list *rest);
struct hr_sql_names *hr_sql_identifier(struct hr_sql_parser *p, const struct hr_sql_token *start,
                                       struct hr_sql_x x, const struct hr_sql_token *rp);
/* A parameter that has no value: ?, or :name. */
void hr_sql_unbound(struct hr_sql_parser *p, const struct hr_sql_token *marker,
                    const struct hr_sql_token *name);
/* IDENTIFIER('x') is the identifier x; false: its text is more than that. */
bool hr_sql_fold_identifier(struct hr_sql_parser *p, struct hr_sql_token *token);
struct hr_sql_x hr_sql_named_argument(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                      struct hr_sql_x x);

/* build_watch.c: alerts and dashboards */
struct hr_sql_alert_clauses *hr_sql_alert_clauses(struct hr_sql_parser *p);
void hr_sql_alert_key(struct hr_sql_alert_clauses *clauses, const struct hr_sql_names *names);
void hr_sql_alert_action(struct hr_sql_parser *p, const struct hr_sql_token *kind, const char *name,
                         const struct hr_options *options, int on);
struct hr_stmt *hr_sql_alert(struct hr_sql_parser *p, struct hr_sql_names *name,
                             struct hr_sql_alert_clauses *clauses, struct hr_sql_q q);
/* An interval of days and parts of them, in microseconds. */
int64_t hr_sql_span(struct hr_sql_parser *p, const struct hr_sql_token *interval);
void hr_sql_tile(struct hr_sql_parser *p, const struct hr_sql_token *name,
                 const struct hr_sql_token *kind, const char *comment,
                 struct hr_sql_tile_parts parts, struct hr_sql_q q);
struct hr_sql_q hr_sql_tile_view(struct hr_sql_parser *p, struct hr_sql_names *name);
struct hr_stmt *hr_sql_dashboard(struct hr_sql_parser *p, struct hr_sql_names *name,
                                 const char *comment, struct hr_options *options);
/* "a,b,c" */
const char *hr_sql_joined(struct hr_sql_parser *p, const struct hr_sql_names *names);

/* grammar.y, as Lemon makes it */
size_t hr_sql_lemon_size(void);
void hr_sql_lemonInit(void *parser, struct hr_sql_parser *p);
void hr_sql_lemonFinalize(void *parser);
void hr_sql_lemon(void *parser, int kind, const struct hr_sql_token *token);

#endif
