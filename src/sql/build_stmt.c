/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: what the grammar's actions make of CREATE, INSERT, SHOW …, and SET by its text. */
#include "base/options.h"
#include "plan/nodes/train.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

struct hr_stmt *hr_sql_stmt(struct hr_sql_parser *p, enum hr_stmt_kind kind)
{
    if (p->status != HR_OK) return NULL;
    struct hr_stmt *stmt = HR_NEW(p->arena, struct hr_stmt);
    if (!stmt) {
        hr_sql_oom(p);
        return NULL;
    }
    stmt->kind = kind;
    return stmt;
}

void hr_sql_stmt_name(struct hr_stmt *stmt, const struct hr_sql_names *name)
{
    if (!name) return;
    stmt->name_parts = name->names.items;
    stmt->name_part_count = name->names.count;
}

/* The root of a query stands for all of its text: a view is kept as that text. */
void hr_sql_stmt_query(struct hr_stmt *stmt, struct hr_sql_q q)
{
    stmt->plan = q.plan;
    if (!q.plan) return;
    q.plan->sql_pos = q.pos;
    q.plan->sql_end = q.end;
}

const char *hr_sql_dotted(struct hr_sql_parser *p, const struct hr_sql_names *names)
{
    if (p->status != HR_OK) return NULL;
    if (names->names.count == 1) return names->names.items[0];
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < names->names.count; i++) {
        if (i > 0) hr_buf_putc(&buf, '.');
        hr_buf_puts(&buf, names->names.items[i]);
    }
    char *text = buf.failed ? NULL : hr_arena_strndup(p->arena, buf.ptr, buf.len);
    hr_buf_done(&buf);
    if (!text) hr_sql_oom(p);
    return text;
}

const char *hr_sql_word(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    return hr_sql_ident(p, token);
}

const char *hr_sql_negative_word(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    if (p->status != HR_OK) return NULL;
    char *text = hr_arena_printf(p->arena, "-%.*s", (int)token->len, token->ptr);
    if (!text) hr_sql_oom(p);
    return text;
}

const char *hr_sql_slice(struct hr_sql_parser *p, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return NULL;
    const char *text = hr_arena_strndup(p->arena, p->text + pos, (size_t)(end - pos));
    if (!text) hr_sql_oom(p);
    return text;
}

/* Columns and clauses -------------------------------------------------------------------------- */

struct hr_sql_columns *hr_sql_push_column(struct hr_sql_parser *p, struct hr_sql_columns *columns,
                                          const struct hr_sql_token *name, struct hr_sql_type type,
                                          struct hr_sql_column_options options)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return NULL;
    if (!columns) columns = HR_NEW(p->arena, struct hr_sql_columns);
    struct hr_field field = {.name = text, .type = type.type, .nullable = !options.not_null};
    struct hr_stmt_column spec = {.comment = options.comment, .def = options.def};
    if (type.type) spec.type = hr_sql_slice(p, type.pos, type.end);
    if (!columns || !HR_VEC_PUSH(p->arena, &columns->fields, field) ||
        !HR_VEC_PUSH(p->arena, &columns->specs, spec)) {
        hr_sql_oom(p);
        return NULL;
    }
    return columns;
}

struct hr_sql_clauses *hr_sql_clauses(struct hr_sql_parser *p)
{
    if (p->status != HR_OK) return NULL;
    struct hr_sql_clauses *clauses = HR_NEW(p->arena, struct hr_sql_clauses);
    if (!clauses) hr_sql_oom(p);
    return clauses;
}

struct hr_options *hr_sql_put_option(struct hr_sql_parser *p, struct hr_options *options,
                                     const char *key, const char *value)
{
    if (p->status != HR_OK) return NULL;
    if (!options) {
        options = HR_NEW(p->arena, struct hr_options);
        if (!options) {
            hr_sql_oom(p);
            return NULL;
        }
        hr_options_init(options, p->arena);
    }
    hr_status status = hr_options_put(options, key, value, p->err);
    if (status != HR_OK) hr_sql_fail(p, status, -1, -1);
    return options;
}

void hr_sql_merge_options(struct hr_sql_parser *p, struct hr_sql_clauses *clauses,
                          const struct hr_options *options)
{
    if (p->status != HR_OK) return;
    struct hr_options **to = clauses->late ? &clauses->late_options : &clauses->options;
    for (uint32_t i = 0; i < options->count; i++)
        *to = hr_sql_put_option(p, *to, options->items[i].key, options->items[i].value);
}

void hr_sql_using(struct hr_sql_parser *p, struct hr_sql_clauses *clauses,
                  const struct hr_sql_names *name)
{
    if (p->status != HR_OK) return;
    *(clauses->late ? &clauses->late_provider : &clauses->provider) = hr_sql_dotted(p, name);
}

static void late_rows(struct hr_sql_parser *p, struct hr_stmt *stmt,
                      const struct hr_sql_clauses *clauses)
{
    if (p->status != HR_OK || !clauses->late) return;
    stmt->late_name = hr_sql_dotted(p, clauses->late);
    stmt->late_provider = clauses->late_provider;
    stmt->late_options = clauses->late_options;
}

struct hr_sql_keys *hr_sql_push_key(struct hr_sql_parser *p, struct hr_sql_keys *keys,
                                    const struct hr_sql_token *name, struct hr_expr *value)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return NULL;
    if (!keys) keys = HR_NEW(p->arena, struct hr_sql_keys);
    struct hr_stmt_key key = {text, value};
    if (!keys || !HR_VEC_PUSH(p->arena, &keys->keys, key)) {
        hr_sql_oom(p);
        return NULL;
    }
    return keys;
}

void hr_sql_stmt_keys(struct hr_stmt *stmt, const struct hr_sql_keys *keys)
{
    if (!stmt || !keys) return;
    stmt->keys = keys->keys.items;
    stmt->key_count = keys->keys.count;
    stmt->if_not_exists |= keys->if_not_exists;
}

static void set_columns(struct hr_sql_parser *p, struct hr_stmt *stmt,
                        const struct hr_sql_columns *columns)
{
    uint32_t count = columns->fields.count;
    if (columns->fields.items[0].type) {
        stmt->schema = hr_type_struct(columns->fields.items, count);
        if (!stmt->schema) hr_sql_oom(p);
    }
    stmt->columns = HR_NEW_ARRAY(p->arena, const char *, count);
    if (!stmt->columns) {
        hr_sql_oom(p);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool typed = columns->fields.items[i].type != NULL;
        if (typed != (stmt->schema != NULL)) {
            HR_SQL_RAISE(p, 0, (int32_t)p->len, HR_E_INVALID_ARGUMENT, "what",
                         "either all columns have a type or none");
            return;
        }
        stmt->columns[i] = columns->fields.items[i].name;
    }
    stmt->column_count = count;
    stmt->specs = columns->specs.items;
}

/* PARTITIONED BY (p INT): columns behind the others. */
static struct hr_sql_columns *append_columns(struct hr_sql_parser *p,
                                             struct hr_sql_columns *columns,
                                             const struct hr_sql_columns *more)
{
    if (!columns) columns = HR_NEW(p->arena, struct hr_sql_columns);
    bool ok = columns != NULL;
    for (uint32_t i = 0; ok && i < more->fields.count; i++)
        ok = HR_VEC_PUSH(p->arena, &columns->fields, more->fields.items[i]) &&
             HR_VEC_PUSH(p->arena, &columns->specs, more->specs.items[i]);
    if (!ok) hr_sql_oom(p);
    return columns;
}

/* PARTITIONED BY is the option partitionBy: a connector that does not know it says so. */
static void set_partitions(struct hr_sql_parser *p, struct hr_stmt *stmt, const char **names,
                           uint32_t count)
{
    const char *list = "";
    for (uint32_t i = 0; list && i < count; i++)
        list = hr_arena_printf(p->arena, "%s%s%s", list, i ? "," : "", names[i]);
    if (!list) {
        hr_sql_oom(p);
        return;
    }
    stmt->partitions = names;
    stmt->partition_count = count;
    stmt->options = hr_sql_put_option(p, stmt->options, "partitionBy", list);
}

static void set_partition_columns(struct hr_sql_parser *p, struct hr_stmt *stmt,
                                  const struct hr_sql_columns *columns)
{
    uint32_t count = columns->fields.count;
    const char **names = HR_NEW_ARRAY(p->arena, const char *, count);
    if (!names) {
        hr_sql_oom(p);
        return;
    }
    for (uint32_t i = 0; i < count; i++) names[i] = columns->fields.items[i].name;
    set_partitions(p, stmt, names, count);
}

void hr_sql_stmt_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_columns *columns, struct hr_sql_clauses *clauses)
{
    if (p->status != HR_OK) return;
    if (clauses && clauses->partition_columns)
        columns = append_columns(p, columns, clauses->partition_columns);
    if (columns) set_columns(p, stmt, columns);
    if (!clauses || p->status != HR_OK) return;
    bool streams =
        stmt->kind == HR_STMT_CREATE_STREAMING_TABLE || stmt->kind == HR_STMT_CREATE_FLOW;
    if (clauses->late && !streams)
        hr_sql_unsupported(p, 0, (int32_t)p->len, "LATE ROWS INTO of what is no streaming query");
    late_rows(p, stmt, clauses);
    stmt->provider = clauses->provider;
    stmt->options = clauses->options;
    stmt->comment = clauses->comment;
    stmt->properties = clauses->properties;
    stmt->location = clauses->location;
    if (clauses->partitions)
        set_partitions(p, stmt, clauses->partitions->names.items,
                       clauses->partitions->names.count);
    if (clauses->partition_columns) set_partition_columns(p, stmt, clauses->partition_columns);
}

/* CREATE VIEW … AS: what a query's own text does not say has no place here. */
void hr_sql_view_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_columns *columns, struct hr_sql_clauses *clauses)
{
    const int32_t end = (int32_t)p->len;
    if (p->status != HR_OK) return;
    if (stmt->if_not_exists && stmt->or_replace) {
        HR_SQL_RAISE(p, 0, end, HR_E_CREATE_VIEW_IF_NOT_EXISTS_AND_REPLACE, "viewName",
                     stmt->name_parts[stmt->name_part_count - 1]);
    } else if (stmt->if_not_exists && stmt->is_temporary) {
        hr_sql_unsupported(p, 0, end, "a TEMPORARY view with IF NOT EXISTS");
    } else if (clauses->properties && stmt->is_temporary) {
        hr_sql_unsupported(p, 0, end, "TBLPROPERTIES of a TEMPORARY view");
    } else if (clauses->provider || clauses->options || clauses->partitions || clauses->location ||
               clauses->partition_columns) {
        hr_sql_unsupported(p, 0, end, "USING, OPTIONS, LOCATION or PARTITIONED BY of a view");
    }
    hr_sql_stmt_clauses(p, stmt, columns, clauses);
}

void hr_sql_flow_clauses(struct hr_sql_parser *p, struct hr_stmt *stmt,
                         struct hr_sql_clauses *clauses)
{
    if (p->status != HR_OK) return;
    if (clauses->provider || clauses->options || clauses->partitions || clauses->properties ||
        clauses->partition_columns || clauses->location)
        hr_sql_unsupported(p, 0, (int32_t)p->len,
                           "USING, OPTIONS or PARTITIONED BY of a flow that writes to a table "
                           "(they are the table's)");
    hr_sql_stmt_clauses(p, stmt, NULL, clauses);
}

void hr_sql_train(struct hr_sql_parser *p, struct hr_stmt *stmt, struct hr_sql_names *model,
                  struct hr_sql_q q)
{
    if (p->status != HR_OK || !q.plan) return;
    struct hr_plan *plan = hr_plan_new1(p->arena, HR_P_TRAIN, q.plan);
    if (!plan) {
        hr_sql_oom(p);
        return;
    }
    HR_NODE(train, plan)->model_name = model->names.items[model->names.count - 1];
    hr_sql_stmt_name(stmt, model);
    q.plan = plan;
    hr_sql_stmt_query(stmt, q);
}

/* CREATE TEMPORARY VIEW v [(columns)] USING … : a table that goes with the session. */
void hr_sql_view_over_source(struct hr_sql_parser *p, struct hr_stmt *stmt,
                             struct hr_sql_columns *columns, struct hr_sql_clauses *clauses)
{
    if (p->status != HR_OK) return;
    if (!clauses->provider) {
        hr_sql_syntax_error(p, &p->tokens[p->token_count], "");
        return;
    }
    hr_sql_stmt_clauses(p, stmt, columns, clauses);
}

struct hr_stmt *hr_sql_insert(struct hr_sql_parser *p, bool overwrite, struct hr_sql_names *table,
                              struct hr_sql_names *columns, bool by_name, struct hr_sql_q q)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_INSERT);
    if (!stmt) return NULL;
    stmt->overwrite = overwrite;
    stmt->by_name = by_name;
    hr_sql_stmt_name(stmt, table);
    if (columns) {
        stmt->columns = columns->names.items;
        stmt->column_count = columns->names.count;
    }
    hr_sql_stmt_query(stmt, q);
    return stmt;
}

struct hr_stmt *hr_sql_show(struct hr_sql_parser *p, enum hr_show show, struct hr_sql_names *name,
                            const char *pattern)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_SHOW_TABLES);
    if (!stmt) return NULL;
    stmt->show = show;
    stmt->pattern = pattern;
    hr_sql_stmt_name(stmt, name);
    return stmt;
}

/* SET ------------------------------------------------------------------------------------------ */

static const char *strip(struct hr_sql_parser *p, struct hr_str_view text, char quote)
{
    text = hr_sv_trim(text);
    if (text.len >= 2 && text.ptr[0] == quote && text.ptr[text.len - 1] == quote)
        text = hr_svn(text.ptr + 1, text.len - 2);
    char *copy = hr_arena_strndup(p->arena, text.ptr, text.len);
    if (!copy) hr_sql_oom(p);
    return copy;
}

/* SET TIME ZONE 'zone': the setting of the session's zone. */
static bool set_time_zone(struct hr_sql_parser *p)
{
    if (p->raw_count < 4 || !hr_sql_word_is(&p->raw[1], "TIME") ||
        !hr_sql_word_is(&p->raw[2], "ZONE"))
        return false;
    p->stmt->key = "spark.sql.session.timeZone";
    if (p->raw[3].kind == HR_TK_STRING && p->raw_count == 4) {
        struct hr_sql_token t = p->raw[3];
        t.first = 3;
        t.count = 1;
        p->stmt->value = hr_sql_cstring(p, &t);
    } else {
        hr_sql_unsupported(p, p->raw[3].pos, p->raw[p->raw_count - 1].end,
                           "this form of SET TIME ZONE (give the zone's name as a string)");
    }
    return true;
}

/* SET VAR x = …: the grammar's. */
static bool sets_variable(const struct hr_sql_parser *p)
{
    return p->raw_count > 2 && p->raw[1].kind == HR_TK_VARIABLE && p->raw[2].kind != HR_TK_EQ;
}

/* SET of something that is not a setting. */
static bool refused_set(struct hr_sql_parser *p)
{
    static const char *const words[] = {"CATALOG", "ROLE"};
    for (size_t i = 0; p->raw_count > 2 && i < HR_COUNT(words); i++) {
        if (!hr_sql_word_is(&p->raw[1], words[i]) || p->raw[2].kind == HR_TK_EQ) continue;
        const char *what = hr_arena_printf(p->arena, "SET %s", words[i]);
        hr_sql_unsupported(p, 0, (int32_t)p->len, what ? what : "SET");
        return true;
    }
    return false;
}

/* A key is a word or in back quotes. */
static bool is_key(struct hr_str_view key)
{
    key = hr_sv_trim(key);
    if (key.len >= 2 && key.ptr[0] == '`' && key.ptr[key.len - 1] == '`') return key.len > 2;
    for (size_t i = 0; i < key.len; i++)
        if (strchr(" \t\r\n`", key.ptr[i])) return false;
    return key.len > 0;
}

bool hr_sql_set_statement(struct hr_sql_parser *p)
{
    bool reset = hr_sql_word_is(&p->raw[0], "RESET");
    if (!reset && (!hr_sql_word_is(&p->raw[0], "SET") || sets_variable(p))) return false;
    p->stmt = hr_sql_stmt(p, reset ? HR_STMT_RESET : HR_STMT_SET);
    if (!p->stmt || p->raw_count == 1 || (!reset && (set_time_zone(p) || refused_set(p))))
        return true;
    size_t start = (size_t)p->raw[0].end;
    struct hr_str_view rest = hr_sv_trim(hr_svn(p->text + start, p->len - start));
    if (!reset && hr_sv_eq(rest, hr_sv("-v"))) {
        p->stmt->extended = true;
        return true;
    }
    const char *eq = reset ? NULL : memchr(rest.ptr, '=', rest.len);
    size_t key_len = eq ? (size_t)(eq - rest.ptr) : rest.len;
    if (!is_key(hr_svn(rest.ptr, key_len))) {
        HR_SQL_RAISE(p, 0, (int32_t)p->len, HR_E_INVALID_SET_SYNTAX);
        return true;
    }
    p->stmt->key = strip(p, hr_svn(rest.ptr, key_len), '`');
    if (eq) p->stmt->value = strip(p, hr_svn(eq + 1, rest.len - key_len - 1), '`');
    return true;
}

/* Statements of Spark's that are not here ------------------------------------------------------ */

/* By their first words; "" any, and there must be one. */
static const char *const refused[][3] = {
    {"ADD", ""},
    {"BEGIN"},
    {"CALL", ""},
    {"DESC", "CATALOG", ""},
    {"DESC", "FUNCTION", ""},
    {"DESCRIBE", "CATALOG", ""},
    {"DESCRIBE", "FUNCTION", ""},
    {"EXPORT", "TABLE"},
    {"GRANT", ""},
    {"IMPORT", ""},
    {"INSERT", "OVERWRITE", "DIRECTORY"},
    {"INSERT", "OVERWRITE", "LOCAL"},
    {"LIST", ""},
    {"LOAD", "DATA"},
    {"REFRESH", "FUNCTION"},
    {"REVOKE", ""},
};

static bool begins_with(const struct hr_sql_parser *p, const char *const *words)
{
    for (uint32_t i = 0; i < 3 && words[i]; i++) {
        if (i >= p->raw_count) return false;
        if (*words[i] && !hr_sql_word_is(&p->raw[i], words[i])) return false;
    }
    return true;
}

bool hr_sql_refused_statement(struct hr_sql_parser *p)
{
    for (size_t i = 0; i < HR_COUNT(refused); i++) {
        if (!begins_with(p, refused[i])) continue;
        uint32_t words = refused[i][1] && p->raw_count > 1 ? 2 : 1;
        const struct hr_sql_token *last = &p->raw[words - 1];
        const char *what =
            hr_arena_printf(p->arena, "%.*s", last->end - p->raw[0].pos, p->text + p->raw[0].pos);
        if (what)
            hr_sql_unsupported(p, p->raw[0].pos, last->end, what);
        else
            hr_sql_oom(p);
        return true;
    }
    return false;
}
