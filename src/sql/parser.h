/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text → statements. Spark's dialect; errors are PARSE_SYNTAX_ERROR with position. */
#ifndef HR_SQL_PARSER_H
#define HR_SQL_PARSER_H

#include "plan/statement.h"

/* What the one who asks knows beside the text. */
struct hr_sql_context {
    const struct hr_tz *tz; /* of TIMESTAMP literals; NULL: UTC */
    /* The value of a constant STRING, for IDENTIFIER(); NULL: literals alone. */
    hr_status (*constant)(void *arg, struct hr_arena *arena, struct hr_expr *x,
                          const char **ret_text, struct hr_err *err);
    void *arg;
};
hr_status hr_sql_parse_in(struct hr_arena *arena, struct hr_str_view text,
                          const struct hr_sql_context *context, struct hr_stmt **ret,
                          struct hr_err *err) HR_CHECKED;

/* A value for a parameter: ?, or :name. */
struct hr_sql_param {
    const char *name; /* NULL: by its place */
    const char *text; /* as SQL (expr/literal_sql.h) */
};
/* The statement with values in the place of its parameters. */
hr_status hr_sql_bind_params(struct hr_arena *arena, struct hr_str_view text,
                             const struct hr_sql_param *params, uint32_t count,
                             struct hr_str_view *ret, struct hr_err *err) HR_CHECKED;

/* Parses the statement that starts at *pos (white space, comments and empty statements are skipped)
 * and moves *pos behind its ';'. *ret NULL: no statement left. On an error *pos is behind the
 * statement that failed (the next ';' outside quotes and comments, or the end). Positions in nodes
 * and errors are byte offsets within the statement's own text (stmt->text); err->line and column
 * are set, relative to it. */
hr_status hr_sql_parse_next(struct hr_arena *arena, const char *text, size_t len, size_t *pos,
                            struct hr_stmt **ret, struct hr_str_view *ret_text,
                            struct hr_err *err) HR_CHECKED;
/* One statement, its text without ';', with TIMESTAMP literals in the zone (NULL: UTC). */
hr_status hr_sql_parse_statement(struct hr_arena *arena, struct hr_str_view text,
                                 const struct hr_tz *tz, struct hr_stmt **ret,
                                 struct hr_err *err) HR_CHECKED;
hr_status hr_sql_parse_query_tz(struct hr_arena *arena, struct hr_str_view text,
                                const struct hr_tz *tz, struct hr_plan **ret,
                                struct hr_err *err) HR_CHECKED;
/* The statement that starts at *pos, with the comments in front of it; moves *pos behind its ';'.
 * false: nothing but white space and comments is left. */
bool hr_sql_split_next(const char *text, size_t len, size_t *pos, struct hr_str_view *ret_text);
/* Does the text end with a ';' that ends a statement, or say nothing? (For a shell's next line.) */
bool hr_sql_is_complete(const char *text, size_t len);
/* Keywords in alphabetical order; NULL beyond the last. (For completion.) */
const char *hr_sql_keyword_at(uint32_t index);
/* One query (for views). */
hr_status hr_sql_parse_query(struct hr_arena *arena, struct hr_str_view text, struct hr_plan **ret,
                             struct hr_err *err) HR_CHECKED;

#endif
