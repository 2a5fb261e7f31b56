/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about definitions: ALTER, schemas; and those that tables of files do not have. */
#include "sql/grammar.h"
#include "sql/sql_internal.h"

struct hr_sql_specs *hr_sql_push_spec(struct hr_sql_parser *p, struct hr_sql_specs *specs,
                                      const struct hr_sql_keys *keys)
{
    if (p->status != HR_OK || !keys) return NULL;
    if (!specs) specs = HR_NEW(p->arena, struct hr_sql_specs);
    struct hr_stmt_spec spec = {keys->keys.items, keys->keys.count};
    if (!specs || !HR_VEC_PUSH(p->arena, &specs->specs, spec)) hr_sql_oom(p);
    return specs;
}

struct hr_stmt *hr_sql_alter(struct hr_sql_parser *p, enum hr_alter alter,
                             struct hr_sql_names *table)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_ALTER);
    if (!stmt) return NULL;
    stmt->alter = alter;
    hr_sql_stmt_name(stmt, table);
    return stmt;
}

struct hr_stmt *hr_sql_alter_column(struct hr_sql_parser *p, enum hr_alter alter,
                                    struct hr_sql_names *table, const struct hr_sql_token *column)
{
    struct hr_stmt *stmt = hr_sql_alter(p, alter, table);
    if (stmt) stmt->column = hr_sql_ident(p, column);
    return stmt;
}

struct hr_stmt *hr_sql_alter_parts(struct hr_sql_parser *p, enum hr_alter alter,
                                   struct hr_sql_names *table, const struct hr_sql_specs *specs)
{
    struct hr_stmt *stmt = hr_sql_alter(p, alter, table);
    if (!stmt || !specs) return NULL;
    stmt->part_specs = specs->specs.items;
    stmt->spec_count = specs->specs.count;
    return stmt;
}

struct hr_stmt *hr_sql_schema(struct hr_sql_parser *p, enum hr_schema_op op,
                              struct hr_sql_names *name, const struct hr_sql_clauses *clauses)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_SCHEMA);
    if (!stmt) return NULL;
    stmt->schema_op = op;
    hr_sql_stmt_name(stmt, name);
    if (!clauses) return stmt;
    stmt->comment = clauses->comment;
    stmt->location = clauses->location;
    stmt->properties = clauses->properties;
    return stmt;
}

void hr_sql_stmt_other(struct hr_stmt *stmt, const struct hr_sql_names *name)
{
    if (!stmt || !name) return;
    stmt->other_parts = name->names.items;
    stmt->other_count = name->names.count;
}

bool hr_sql_refused_write(struct hr_sql_parser *p)
{
    static const struct {
        const char *first, *second, *what;
    } writes[] = {{"MERGE", "INTO", "MERGE INTO TABLE"},
                  {"DELETE", "FROM", "DELETE"},
                  {"UPDATE", NULL, "UPDATE TABLE"}};
    for (size_t i = 0; i < HR_COUNT(writes); i++) {
        uint32_t at = writes[i].second ? 2 : 1;
        if (p->raw_count <= at || !hr_sql_word_is(&p->raw[0], writes[i].first)) continue;
        if (writes[i].second && !hr_sql_word_is(&p->raw[1], writes[i].second)) continue;
        struct hr_sql_names *names = NULL;
        for (;; at += 2) {
            bool is_name = p->raw[at].is_word || p->raw[at].kind == HR_TK_QUOTED;
            if (!is_name) return false;
            names = hr_sql_push_name(p, names, &p->raw[at]);
            if (at + 2 >= p->raw_count || p->raw[at + 1].kind != HR_TK_DOT) break;
        }
        p->stmt = hr_sql_stmt(p, HR_STMT_REFUSED);
        if (!p->stmt) return true;
        p->stmt->value = writes[i].what;
        hr_sql_stmt_name(p->stmt, names);
        return true;
    }
    return false;
}
