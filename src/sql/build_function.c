/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE FUNCTION: parameters and what RETURN says, kept as text. */
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static const char *text_at(struct hr_sql_parser *p, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return NULL;
    struct hr_str_view text = hr_sv_trim(hr_svn(p->text + pos, (size_t)(end - pos)));
    const char *copy = hr_arena_strndup(p->arena, text.ptr, text.len);
    if (!copy) hr_sql_oom(p);
    return copy;
}

struct hr_sql_params *hr_sql_push_param(struct hr_sql_parser *p, struct hr_sql_params *list,
                                        const struct hr_sql_token *name, struct hr_sql_type type,
                                        struct hr_sql_param_options options)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return NULL;
    if (options.not_null) {
        const char *input = text_at(p, name->pos, options.end);
        HR_SQL_RAISE(p, 0, (int32_t)p->len, HR_E_FUNCTION_NOT_NULL, "input", input ? input : "?");
        return NULL;
    }
    if (!list) list = HR_NEW(p->arena, struct hr_sql_params);
    struct hr_function_param param = {.name = text, .type = type.type};
    if (options.value.x) param.default_text = text_at(p, options.value.pos, options.value.end);
    if (list && HR_VEC_PUSH(p->arena, &list->params, param)) return list;
    hr_sql_oom(p);
    return NULL;
}

struct hr_stmt *hr_sql_create_function(struct hr_sql_parser *p, struct hr_sql_names *name,
                                       struct hr_sql_params *params, struct hr_sql_returns returns,
                                       const struct hr_sql_token *start, bool is_query)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_CREATE_FUNCTION);
    if (!stmt) return NULL;
    struct hr_sql_function *f = HR_NEW(p->arena, struct hr_sql_function);
    if (!f) {
        hr_sql_oom(p);
        return NULL;
    }
    hr_sql_stmt_name(stmt, name);
    f->name = name->names.items[name->names.count - 1];
    if (params) {
        f->params = params->params.items;
        f->param_count = params->params.count;
    }
    f->is_table = returns.is_table;
    f->returns = returns.type;
    f->body_is_query = is_query;
    f->body = text_at(p, start->end, (int32_t)p->len);
    if (returns.columns) {
        f->columns = returns.columns->fields.items;
        f->column_count = returns.columns->fields.count;
    }
    stmt->function = f;
    return stmt;
}

void hr_sql_routine_word(struct hr_sql_parser *p, const struct hr_sql_token *what,
                         const struct hr_sql_token *word, const char *expected)
{
    if (p->status != HR_OK || hr_sql_word_is(word, expected)) return;
    const char *text = hr_arena_printf(p->arena, "%.*s %.*s of a function", (int)what->len,
                                       what->ptr, (int)word->len, word->ptr);
    hr_sql_unsupported(p, what->pos, word->end, text ? text : "this clause");
}
