/* SPDX-License-Identifier: Apache-2.0 */
/* What analysis asks the session: tables and views by name. */
#ifndef HR_PLAN_CATALOG_H
#define HR_PLAN_CATALOG_H

#include "plan/statement.h"

/* A table or view. Reference-counted by the catalog; plans keep a reference (hr_table_ref). */
struct hr_table {
    _Atomic uint32_t refs;
    char *name;
    bool has_declared_columns; /* the user's, not what a source has by itself */
    bool is_view, is_temporary;
    bool is_output; /* a streaming query of the session writes it */
    char *view_text;                   /* views: the text of the SELECT, parsed again at each use */
    const struct hr_source_vt *source; /* tables: how it is read, or NULL */
    char *provider;
    struct hr_options options;
    const struct hr_type *schema; /* user's or inferred; NULL for views */
    /* Tables whose records are changes of rows: what the source gives (schema: the rows' columns),
     * and how a change is told: in an envelope, or in a column. source_schema NULL: records are
     * rows. */
    const struct hr_type *source_schema;
    enum hr_envelope envelope;
    const char *change_column;
    const char **columns;         /* views: names for its columns, or NULL */
    uint32_t column_count;
    struct hr_arena arena;     /* of name, options … */
    struct hr_batch **batches; /* tables in memory (no source): their rows; hr_alloc'ed */
    uint32_t batch_count;
    const struct hr_file_catalog *files; /* which the catalog says it has; NULL: what path names */
    struct hr_durable *durable; /* the session's: of what is in the warehouse; else NULL */
    const char *schema_name;    /* the schema that it is in; NULL: of temporary views */
    void *user; /* given to the source's open; released by user_free with the table */
    void (*user_free)(void *user);
};
/* What a source is asked for. */
HR_INLINE const struct hr_type *hr_table_source_schema(const struct hr_table *table)
{
    return table->source_schema ? table->source_schema : table->schema;
}
struct hr_table *hr_table_ref(struct hr_table *table);
void hr_table_unref(struct hr_table *table);

struct hr_durable;
struct hr_catalog {
    /* Where names without a schema are looked up, while a permanent view is expanded: there it
     * was made, and what is temporary it does not see. NULL: the session's own schema. */
    const char *view_schema;
    /* HR_E_TABLE_OR_VIEW_NOT_FOUND when there is none. *ret_table is referenced for the caller. */
    hr_status (*find)(struct hr_catalog *, const char *const *name_parts, uint32_t count,
                      struct hr_table **ret_table, struct hr_err *);
    /* Parses a view's text into the arena (the parser lives above this room). */
    hr_status (*parse_view)(struct hr_catalog *, struct hr_arena *, const struct hr_table *view,
                            struct hr_plan **ret_plan, struct hr_err *);
    /* The value of a session variable as a literal in the arena; *ret NULL: there is none. May be
     * NULL: there are no variables. */
    hr_status (*variable)(struct hr_catalog *, struct hr_arena *, const char *name,
                          struct hr_expr **ret, struct hr_err *);
    /* A SQL function by its name as written, dots between the parts; NULL: there is none. May be
     * NULL itself. It lives as long as the statement. */
    const struct hr_sql_function *(*function)(struct hr_catalog *, const char *name);
    /* Parses a query into the arena: what functions are made of. */
    hr_status (*parse)(struct hr_catalog *, struct hr_arena *, const char *text,
                       struct hr_plan **ret_plan, struct hr_err *);
};

/* Resolves plan in place (new nodes in arena): relations, stars, names, functions, types, grouping,
 * time windows. *plan may be replaced. Errors are Spark's, with positions. */
hr_status hr_plan_analyze(struct hr_arena *arena, const struct hr_conf *conf,
                          struct hr_catalog *catalog, struct hr_plan **plan,
                          struct hr_err *err) HR_CHECKED;
/* Spark's rules of what a streaming query may do in an output mode (UnsupportedOperationChecker).
 */
hr_status hr_plan_check_streaming(const struct hr_plan *plan, const struct hr_conf *conf,
                                  enum hr_output_mode mode, struct hr_err *err) HR_CHECKED;
/* The same of a query that is to run by changes: what Spark refuses, with rows that are taken back.
 * The plan gets a node that writes its result as the mode (not APPEND) wants it; an error leaves it
 * as it was. */
hr_status hr_plan_check_changes(struct hr_arena *arena, const struct hr_conf *conf,
                                struct hr_plan **plan, enum hr_output_mode mode,
                                struct hr_err *err) HR_CHECKED;
/* Rules of rules/ until nothing changes: constant folding, filter and projection push-down, column
 * pruning, limit push-down, join sides. */
hr_status hr_plan_optimize(struct hr_arena *arena, const struct hr_conf *conf,
                           struct hr_plan **plan, struct hr_err *err) HR_CHECKED;

struct hr_pnode; /* operator/physical.h */
/* Physical plan: operators, exchanges, bound expressions. Stateful operators of a streaming plan
 * get their operator ids in plan order. */
hr_status hr_plan_physical(struct hr_arena *arena, const struct hr_conf *conf,
                           const struct hr_plan *plan, enum hr_output_mode mode,
                           struct hr_pnode **ret, struct hr_err *err) HR_CHECKED;

#endif
