/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: what the parser makes of one SQL statement, what the session runs. */
#ifndef HR_PLAN_STATEMENT_H
#define HR_PLAN_STATEMENT_H

#include "plan/logical.h"

enum hr_stmt_kind {
    HR_STMT_QUERY,                  /* plan */
    HR_STMT_CREATE_VIEW,            /* name, plan, or_replace, is_temporary, columns */
    HR_STMT_CREATE_TABLE,           /* name, schema, provider, options, [plan: AS SELECT] */
    HR_STMT_CREATE_STREAMING_TABLE, /* name, [schema], provider, options, plan */
    HR_STMT_CREATE_MATERIALIZED_VIEW,
    HR_STMT_CREATE_FLOW, /* flow_name AS INSERT INTO name plan */
    HR_STMT_INSERT,      /* name, columns, plan, overwrite, by_name */
    HR_STMT_DROP,        /* name, if_exists, is_view */
    HR_STMT_SHOW_TABLES, /* pattern; also SHOW VIEWS, SHOW FUNCTIONS by show */
    HR_STMT_DESCRIBE,    /* name or plan; extended */
    HR_STMT_EXPLAIN,     /* inner; extended */
    HR_STMT_SET,         /* key, value (either may be NULL) */
    HR_STMT_RESET,
    HR_STMT_CACHE,
    HR_STMT_UNCACHE,
    HR_STMT_USE,
    HR_STMT_CREATE_MODEL, /* name, [schema: features], provider, options, [value: file] [plan] */
    HR_STMT_TRAIN_MODEL,  /* name, plan; as a flow: CREATE_FLOW with a TRAIN plan */
    HR_STMT_EXPORT_MODEL, /* name, value: file */
    HR_STMT_DROP_MODEL,   /* name, if_exists */
    HR_STMT_DESCRIBE_MODEL,
    HR_STMT_CREATE_ALERT,     /* name, alert, options, plan */
    HR_STMT_DROP_ALERT,       /* name, if_exists */
    HR_STMT_CREATE_DASHBOARD, /* name, comment, options, tiles */
    HR_STMT_DROP_DASHBOARD,   /* name, if_exists */
    HR_STMT_ALTER,            /* name, alter … */
    HR_STMT_SCHEMA,           /* name, schema_op … */
    HR_STMT_TRUNCATE,         /* name, keys */
    HR_STMT_ANALYZE,          /* name; unset: NOSCAN */
    HR_STMT_REFRESH,          /* name */
    HR_STMT_REFUSED,          /* name, value: an operation that tables of files do not have */
    HR_STMT_CREATE_LIKE,      /* name, other, provider, location, properties */
    HR_STMT_DECLARE,          /* variables, type, value, or_replace */
    HR_STMT_SET_VARIABLE,     /* variables, plan */
    HR_STMT_DROP_VARIABLE,    /* name, if_exists */
    HR_STMT_EXECUTE,          /* value_expr: the text; variables: INTO; values: USING */
    HR_STMT_CREATE_FUNCTION,  /* name, function, or_replace, if_not_exists, is_temporary */
    HR_STMT_DROP_FUNCTION,    /* name, if_exists, is_temporary */
};

/* What ALTER, COMMENT ON and their like change. */
enum hr_alter {
    HR_ALTER_RENAME,         /* other */
    HR_ALTER_ADD_COLUMNS,    /* schema, specs */
    HR_ALTER_DROP_COLUMNS,
    HR_ALTER_RENAME_COLUMN,
    HR_ALTER_REPLACE_COLUMNS,
    HR_ALTER_TYPE,           /* column, schema: of one field */
    HR_ALTER_COLUMN_COMMENT, /* column, comment */
    HR_ALTER_DEFAULT,        /* column, value: SQL or NULL */
    HR_ALTER_NOT_NULL,       /* column, unset */
    HR_ALTER_POSITION,       /* column */
    HR_ALTER_ADD_PARTITION,  /* part_specs */
    HR_ALTER_DROP_PARTITION, /* part_specs */
    HR_ALTER_RECOVER,
    HR_ALTER_PROPERTIES, /* properties, unset */
    HR_ALTER_LOCATION,   /* location */
    HR_ALTER_COMMENT,    /* comment or NULL */
    HR_ALTER_VIEW_AS,    /* plan */
};
enum hr_schema_op { HR_SCHEMA_CREATE, HR_SCHEMA_DROP, HR_SCHEMA_ALTER, HR_SCHEMA_DESCRIBE };

enum hr_show {
    HR_SHOW_TABLES,
    HR_SHOW_VIEWS,
    HR_SHOW_FUNCTIONS,
    HR_SHOW_COLUMNS,
    HR_SHOW_CREATE_TABLE,
    HR_SHOW_MODELS,
    HR_SHOW_ALERTS,
    HR_SHOW_DASHBOARDS,
    HR_SHOW_SCHEMAS,
    HR_SHOW_CATALOGS,
    HR_SHOW_CURRENT,
    HR_SHOW_PARTITIONS,  /* name, keys */
    HR_SHOW_PROPERTIES,  /* name, value: a key or NULL */
    HR_SHOW_EXTENDED,    /* name: schema, pattern */
};

/* An action of an alert: WEBHOOK OPTIONS (…), COMMAND name, LOG … WHEN FIRING. */
struct hr_stmt_action {
    const char *kind, *name;
    const struct hr_options *options; /* or NULL */
    bool on_firing, on_resolved;      /* neither: both */
};

/* What CREATE ALERT says beside its query, to which WHEN adds a last column. */
struct hr_stmt_alert {
    const char *severity, *comment;
    const char **keys;
    uint32_t key_count, action_count;
    bool has_condition, has_keep;
    int64_t for_us, keep_us, cooldown_us;
    struct hr_stmt_action *actions;
};

struct hr_function_param {
    const char *name;
    const struct hr_type *type;
    const char *default_text; /* or NULL */
};

/* A SQL function: what it is called with, and what it is, as text. */
struct hr_sql_function {
    const char *name;
    struct hr_function_param *params;
    uint32_t param_count;
    bool is_temporary, is_table, body_is_query;
    const struct hr_type *returns; /* of a scalar; NULL: as the body */
    struct hr_field *columns;      /* of a table; none: as the query */
    uint32_t column_count;
    const char *body;
};

/* A session variable as a statement names it. */
struct hr_stmt_variable {
    const char **parts;
    uint32_t part_count;
    int32_t pos, end;
    bool to_default; /* SET VAR x = DEFAULT: its column of the plan is to be the default */
};

/* A tile of a dashboard: a chart over a query. */
struct hr_stmt_tile {
    const char *name, *kind, *comment;
    struct hr_str_view query; /* as written */
    struct hr_plan *plan;
    const struct hr_options *encode, *thresholds, *options; /* or NULL */
    int32_t pos;
};

/* What a column of CREATE TABLE or ADD COLUMN says beside its name, type and nullability. */
struct hr_stmt_column {
    const char *type;    /* as written: char(5) */
    const char *comment; /* or NULL */
    const char *def;     /* the text of its DEFAULT, or NULL */
};

/* p = 1, or p alone (value NULL). */
struct hr_stmt_key {
    const char *name;
    struct hr_expr *value;
};

/* PARTITION (p = 1, q = 2) of several. */
struct hr_stmt_spec {
    const struct hr_stmt_key *keys;
    uint32_t count;
};

struct hr_stmt {
    enum hr_stmt_kind kind;
    struct hr_str_view text; /* the statement, borrowed from the source text, trimmed */
    int32_t text_pos;        /* its byte offset in the whole text (positions are relative to it) */
    const char **name_parts;
    uint32_t name_part_count;
    const char *flow_name;
    const struct hr_type *schema; /* STRUCT, or NULL */
    const char **columns;
    uint32_t column_count;
    const char *provider; /* USING …, or NULL */
    struct hr_options *options;
    const char *late_name, *late_provider; /* LATE ROWS INTO name USING …, or NULL */
    struct hr_options *late_options;
    struct hr_plan *plan;
    struct hr_stmt *inner;
    const char *key, *value, *pattern, *comment;
    enum hr_show show;
    struct hr_stmt_alert *alert;
    struct hr_stmt_tile *tiles;
    uint32_t tile_count;
    struct hr_sql_function *function;
    struct hr_stmt_variable *variables;
    uint32_t variable_count;
    const struct hr_type *type;       /* DECLARE: as written, or NULL */
    struct hr_expr *value_expr;       /* DECLARE: its default; EXECUTE IMMEDIATE: the text */
    struct hr_expr **values;          /* USING; ALIASes are named */
    uint32_t value_count;
    bool or_replace, if_not_exists, if_exists, is_temporary, is_view, extended, overwrite, by_name;
    bool user_functions; /* SHOW USER FUNCTIONS */
    /* Tables in the warehouse. */
    struct hr_stmt_column *specs; /* of schema's fields */
    const char **partitions;      /* PARTITIONED BY */
    uint32_t partition_count;
    const struct hr_options *properties;
    const char *location;
    bool is_external, is_global;
    struct hr_stmt_key *keys; /* PARTITION (…) */
    uint32_t key_count;
    enum hr_alter alter;
    enum hr_schema_op schema_op;
    const char **other_parts; /* RENAME TO, LIKE */
    uint32_t other_count;
    const char *column;
    struct hr_stmt_spec *part_specs;
    uint32_t spec_count;
    bool cascade, unset;
};

#endif
