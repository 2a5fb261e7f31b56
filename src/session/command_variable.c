/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session variables: DECLARE, SET VAR, DROP TEMPORARY VARIABLE. A value is a batch of one row;
 * plans get it as a literal, so that a statement (a streaming query, too) works with the values of
 * its beginning.
 */
#include "column/builder.h"
#include "expr/literal_sql.h"
#include "expr/program.h"
#include "plan/nodes/project.h"
#include "plan/tree.h"
#include "session/internal.h"
#include "session/variable.h"

#define SEARCH_PATH "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"

struct hr_variable {
    char *name, *default_text; /* NULL: NULL */
    struct hr_batch *value;    /* one row, one column */
};

/* The list ------------------------------------------------------------------------------------- */

static void free_variable(struct hr_variable *v)
{
    hr_free(v->name);
    hr_free(v->default_text);
    hr_batch_unref(v->value);
    hr_free(v);
}

void hr_variables_done(struct hr_session *session)
{
    for (uint32_t i = 0; i < session->variable_count; i++) free_variable(session->variables[i]);
    hr_free(session->variables);
    session->variables = NULL;
    session->variable_count = 0;
}

static struct hr_variable *find(const struct hr_session *session, const char *name)
{
    for (uint32_t i = 0; i < session->variable_count; i++)
        if (hr_str_eq_nocase(session->variables[i]->name, name)) return session->variables[i];
    return NULL;
}

bool hr_session_has_variable(const struct hr_session *session, const char *name)
{
    return find(session, name) != NULL;
}

const char *hr_quoted_name(struct hr_arena *arena, const char *const *parts, uint32_t count)
{
    const char *text = "";
    for (uint32_t i = 0; text && i < count; i++)
        text = hr_arena_printf(arena, "%s%s`%s`", text, i ? "." : "", parts[i]);
    return text ? text : "?";
}

static const char *full_name(struct hr_arena *arena, const char *name)
{
    const char *parts[] = {"system", "session", name};
    return hr_quoted_name(arena, parts, 3);
}

/* x, session.x, system.session.x: the last part; else NULL. */
static const char *variable_name(const char *const *parts, uint32_t count)
{
    if (count > 3 || (count == 3 && !hr_str_eq_nocase(parts[0], "system"))) return NULL;
    if (count >= 2 && !hr_str_eq_nocase(parts[count - 2], "session")) return NULL;
    return parts[count - 1];
}

static void unref_batch(void *batch)
{
    hr_batch_unref(batch);
}

static hr_status literal_of(struct hr_session *session, struct hr_arena *arena,
                            const struct hr_variable *v, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *literal = hr_expr_new(arena, HR_X_LITERAL);
    struct hr_buf text = {0};
    if (!literal) return HR_OOM(err);
    HR_TRY(hr_arena_on_done(arena, unref_batch, v->value, err));
    hr_batch_ref(v->value);
    literal->literal = &v->value->columns[0];
    literal->type = v->value->schema->fields[0].type;
    literal->nullable = true;
    literal->is_variable = true;
    hr_buf_printf(&text, "variablereference(system.session.%s=", v->name);
    hr_literal_sql(literal->literal, 0, session->conf.tz, false, &text);
    hr_buf_putc(&text, ')');
    literal->name = hr_arena_strdup(arena, hr_buf_cstr(&text));
    hr_status status = hr_buf_status(&text, err);
    hr_buf_done(&text);
    HR_TRY(status);
    *ret = literal;
    return literal->name ? HR_OK : HR_OOM(err);
}

hr_status hr_catalog_variable(struct hr_catalog *catalog, struct hr_arena *arena, const char *name,
                              struct hr_expr **ret, struct hr_err *err)
{
    struct hr_session *session = HR_CONTAINER_OF(catalog, struct hr_session, catalog);
    const struct hr_variable *v = find(session, name);
    *ret = NULL;
    return v ? literal_of(session, arena, v, ret, err) : HR_OK;
}

/* Values --------------------------------------------------------------------------------------- */

/* One row of one column, in memory of its own; column NULL: NULL. */
static hr_status batch_of(const struct hr_type *type, const struct hr_column *column, uint32_t row,
                          struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch_builder bb = {0};
    struct hr_field field = {"value", type, true};
    const struct hr_type *schema = hr_type_struct(&field, 1);
    struct hr_batch *batch = NULL;
    if (!schema) return HR_OOM(err);
    HR_TRY(hr_batch_builder_init(&bb, schema, 1, NULL, err));
    if (column)
        hr_builder_copy(bb.columns[0], column, row);
    else
        hr_builder_null(bb.columns[0]);
    hr_status status = hr_batch_builder_finish(&bb, &batch, err);
    hr_batch_builder_done(&bb);
    HR_TRY(status);
    *ret = hr_batch_concat(&batch, 1, schema, true); /* needs nothing of the column */
    hr_batch_unref(batch);
    return *ret ? HR_OK : HR_OOM(err);
}

/* SELECT x, analysed: the expression. */
static hr_status analyze_one(struct hr_session *session, const struct hr_conf *conf,
                             struct hr_arena *arena, struct hr_expr *x, struct hr_expr **ret,
                             struct hr_err *err)
{
    struct hr_plan *row = hr_plan_new(arena, HR_P_ONE_ROW);
    struct hr_plan *plan = row ? hr_plan_new1(arena, HR_P_PROJECT, row) : NULL;
    struct hr_expr **exprs = HR_NEW(arena, struct hr_expr *);
    if (!plan || !exprs) return HR_OOM(err);
    exprs[0] = x;
    hr_select_of(plan)->exprs = exprs;
    hr_select_of(plan)->expr_count = 1;
    HR_TRY(hr_plan_analyze(arena, conf, &session->catalog, &plan, err));
    if (plan->kind != HR_P_PROJECT || hr_select_of(plan)->expr_count != 1) {
        *ret = NULL; /* an aggregate, a generator, a query */
        return HR_OK;
    }
    *ret = hr_expr_strip_alias(hr_select_of(plan)->exprs[0]);
    return HR_OK;
}

static bool is_no_subquery(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return expr->kind != HR_X_SUBQUERY;
}

static bool is_constant(const struct hr_expr *x)
{
    return x && hr_expr_is_foldable(x) && hr_expr_is_deterministic(x) && !hr_expr_has_aggregate(x);
}

/* The value of a constant; *ret_column NULL: it is none. */
hr_status hr_session_evaluate(struct hr_session *session, const struct hr_conf *conf,
                              struct hr_arena *arena, struct hr_expr *x, const struct hr_type *type,
                              const struct hr_column **ret, struct hr_err *err)
{
    struct hr_expr *resolved = NULL;
    *ret = NULL;
    if (!hr_expr_walk(x, is_no_subquery, NULL)) return HR_OK;
    if (type) {
        x = hr_expr_cast(arena, x, type);
        if (!x) return HR_OOM(err);
    }
    HR_TRY(analyze_one(session, conf, arena, x, &resolved, err));
    if (!is_constant(resolved)) return HR_OK;
    struct hr_column *column = HR_NEW(arena, struct hr_column);
    if (!column) return HR_OOM(err);
    HR_TRY(hr_expr_fold(arena, conf, resolved, column, err));
    *ret = column;
    return HR_OK;
}

static hr_status parse_expr(struct hr_run *run, const char *text, struct hr_expr **ret,
                            struct hr_err *err)
{
    struct hr_plan *plan = NULL;
    const char *query = hr_arena_printf(run->arena, "SELECT %s", text);
    if (!query) return HR_OOM(err);
    HR_TRY(hr_session_parse_query(run->session, run->arena, hr_sv(query), &plan, err));
    *ret = hr_expr_strip_alias(hr_select_of(plan)->exprs[0]);
    return HR_OK;
}

/* DECLARE -------------------------------------------------------------------------------------- */

static hr_status bad_default(struct hr_run *run, hr_status code, const char *name,
                             struct hr_err *err)
{
    return hr_err_raise(err, __FILE__, __LINE__, code, "statement", "DECLARE VARIABLE", "colName",
                        full_name(run->arena, name), "defaultValue", run->stmt->value,
                        (char *)NULL);
}

static hr_status initial_value(struct hr_run *run, const char *name, struct hr_batch **ret,
                               struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_column *column = NULL;
    struct hr_expr *value = stmt->value_expr ? hr_expr_copy(run->arena, stmt->value_expr)
                                             : hr_expr_null(run->arena, NULL);
    if (!value) return HR_OOM(err);
    if (!hr_expr_walk(value, is_no_subquery, NULL))
        return bad_default(run, HR_E_DEFAULT_SUBQUERY, name, err);
    hr_status status =
        hr_session_evaluate(run->session, &run->conf, run->arena, value, stmt->type, &column, err);
    if (status != HR_OK) {
        hr_err_at(err, 0, (int32_t)stmt->text.len);
        return status;
    }
    if (!column) return bad_default(run, HR_E_DEFAULT_NOT_CONSTANT, name, err);
    return batch_of(column->type, column, 0, ret, err);
}

static hr_status new_variable(struct hr_run *run, const char *name, struct hr_variable **ret,
                              struct hr_err *err)
{
    struct hr_variable *v = hr_zalloc(sizeof *v);
    if (!v) return HR_OOM(err);
    hr_status status = initial_value(run, name, &v->value, err);
    v->name = hr_strdup(name);
    for (char *c = v->name; c && *c && !run->conf.case_sensitive; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    if (run->stmt->value) v->default_text = hr_strdup(run->stmt->value);
    if (status == HR_OK && (!v->name || (run->stmt->value && !v->default_text)))
        status = HR_OOM(err);
    if (status != HR_OK)
        free_variable(v);
    else
        *ret = v;
    return status;
}

static hr_status check_names(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    for (uint32_t i = 0; i < stmt->variable_count; i++) {
        const struct hr_stmt_variable *v = &stmt->variables[i];
        const char *name = variable_name(v->parts, v->part_count);
        if (!name) {
            HR_RAISE(err, HR_E_UNRESOLVED_VARIABLE, "variableName",
                     hr_quoted_name(run->arena, v->parts, v->part_count), "searchPath",
                     "[`system`.`session`]");
            return hr_err_at(err, v->pos, v->end);
        }
        for (uint32_t j = 0; j < i; j++) {
            const struct hr_stmt_variable *other = &stmt->variables[j];
            if (!hr_str_eq_nocase(name, other->parts[other->part_count - 1])) continue;
            HR_RAISE(err, HR_E_DUPLICATE_VARIABLE, "variableName", full_name(run->arena, name));
            return hr_err_at(err, 0, (int32_t)stmt->text.len);
        }
        if (!stmt->or_replace && find(run->session, name))
            return HR_RAISE(err, HR_E_VARIABLE_ALREADY_EXISTS, "variableName",
                            full_name(run->arena, name));
    }
    return HR_OK;
}

static void remove_variable(struct hr_session *session, const struct hr_variable *v)
{
    for (uint32_t i = 0; i < session->variable_count; i++) {
        if (session->variables[i] != v) continue;
        free_variable(session->variables[i]);
        session->variables[i] = session->variables[--session->variable_count];
        return;
    }
}

hr_status hr_run_declare(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_session *session = run->session;
    uint32_t made = 0;
    HR_TRY(check_names(run, err));
    struct hr_variable **fresh =
        HR_NEW_ARRAY(run->arena, struct hr_variable *, stmt->variable_count);
    struct hr_variable **grown = hr_realloc(
        session->variables, (session->variable_count + stmt->variable_count + 1) * sizeof *grown);
    if (grown) session->variables = grown;
    hr_status status = fresh && grown ? HR_OK : HR_OOM(err);
    for (; status == HR_OK && made < stmt->variable_count; made++) {
        const struct hr_stmt_variable *v = &stmt->variables[made];
        status = new_variable(run, v->parts[v->part_count - 1], &fresh[made], err);
        if (status != HR_OK) break;
    }
    for (uint32_t i = 0; i < made; i++) {
        if (status != HR_OK) {
            free_variable(fresh[i]);
            continue;
        }
        struct hr_variable *old = find(session, fresh[i]->name);
        if (old) remove_variable(session, old);
        session->variables[session->variable_count++] = fresh[i];
    }
    return status;
}

hr_status hr_run_drop_variable(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *name = variable_name(stmt->name_parts, stmt->name_part_count);
    struct hr_variable *v = name ? find(run->session, name) : NULL;
    if (v)
        remove_variable(run->session, v);
    else if (!name)
        return HR_RAISE(err, HR_E_UNRESOLVED_VARIABLE, "variableName",
                        hr_quoted_name(run->arena, stmt->name_parts, stmt->name_part_count),
                        "searchPath", "[`system`.`session`]");
    else if (!stmt->if_exists)
        return HR_RAISE(err, HR_E_VARIABLE_NOT_FOUND, "variableName", full_name(run->arena, name));
    return HR_OK;
}

/* SET VAR -------------------------------------------------------------------------------------- */

hr_status hr_find_variables(struct hr_run *run, struct hr_variable ***ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_variable **found =
        HR_NEW_ARRAY(run->arena, struct hr_variable *, stmt->variable_count + 1);
    if (!found) return HR_OOM(err);
    for (uint32_t i = 0; i < stmt->variable_count; i++) {
        const struct hr_stmt_variable *v = &stmt->variables[i];
        const char *name = variable_name(v->parts, v->part_count);
        found[i] = name ? find(run->session, name) : NULL;
        if (!found[i]) {
            HR_RAISE(err, HR_E_UNRESOLVED_VARIABLE, "variableName",
                     hr_quoted_name(run->arena, v->parts, v->part_count), "searchPath",
                     SEARCH_PATH);
            return hr_err_at(err, v->pos, v->end);
        }
        for (uint32_t j = 0; j < i; j++) {
            const char *twice = found[j]->name;
            if (found[j] == found[i])
                return HR_RAISE(err, HR_E_DUPLICATE_ASSIGNMENTS, "nameList",
                                hr_quoted_name(run->arena, &twice, 1));
        }
    }
    *ret = found;
    return HR_OK;
}

static hr_status arity(struct hr_run *run, uint32_t targets, uint32_t columns, struct hr_err *err)
{
    const char *num = hr_arena_printf(run->arena, "%u", targets);
    const char *exprs = hr_arena_printf(run->arena, "%u", columns);
    if (!num || !exprs) return HR_OOM(err);
    return HR_RAISE(err, HR_E_ASSIGNMENT_ARITY_MISMATCH, "numTarget", num, "numExpr", exprs);
}

/* Puts the defaults' expressions into the select list that SET VAR a = DEFAULT made. */
static hr_status put_defaults(struct hr_run *run, struct hr_variable *const *targets,
                              struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    for (uint32_t i = 0; i < stmt->variable_count; i++) {
        if (!stmt->variables[i].to_default || !targets[i]->default_text) continue;
        struct hr_expr *item = hr_select_of(stmt->plan)->exprs[i];
        HR_TRY(parse_expr(run, targets[i]->default_text, &item->args[0], err));
    }
    return HR_OK;
}

static const struct hr_type *variable_type(const struct hr_variable *v)
{
    return v->value->schema->fields[0].type;
}

/* The query's columns as the variables' types. */
static hr_status cast_to_targets(struct hr_run *run, struct hr_plan **plan,
                                 struct hr_variable *const *targets, uint32_t count,
                                 struct hr_err *err)
{
    struct hr_plan *project = hr_plan_new1(run->arena, HR_P_PROJECT, *plan);
    struct hr_expr **exprs = HR_NEW_ARRAY(run->arena, struct hr_expr *, count + 1);
    if (!project || !exprs) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_expr *value = hr_attr_ref(run->arena, &(*plan)->output[i]);
        if (!value) return HR_OOM(err);
        if (!hr_type_same(value->type, variable_type(targets[i]))) {
            value = hr_expr_cast(run->arena, value, variable_type(targets[i]));
            if (!value) return HR_OOM(err);
            value->sql_pos = 0;
            value->sql_end = (int32_t)run->stmt->text.len;
            HR_TRY(hr_expr_resolve_node(run->arena, &run->conf, value, err));
        }
        struct hr_expr *alias = hr_expr_alias(run->arena, value, targets[i]->name);
        if (!alias) return HR_OOM(err);
        alias->attr_id = hr_expr_next_attr_id();
        HR_TRY(hr_expr_resolve_node(run->arena, &run->conf, alias, err));
        exprs[i] = alias;
    }
    hr_select_of(project)->exprs = exprs;
    hr_select_of(project)->expr_count = count;
    *plan = project;
    return hr_plan_refresh(run->arena, project, err);
}

static hr_status one_row(const struct hr_batches *rows, const struct hr_batch **ret_batch,
                         uint32_t *ret_row, struct hr_err *err)
{
    *ret_batch = NULL;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct hr_batch *b = rows->items[i];
        if (b->sel_count == 0) continue;
        if (*ret_batch || b->sel_count > 1) return HR_RAISE(err, HR_E_ROW_SUBQUERY_TOO_MANY_ROWS);
        *ret_batch = b;
        *ret_row = b->sel ? b->sel[0] : 0;
    }
    return HR_OK;
}

/* The row's values, or NULLs, into the variables: all or none. */
static hr_status store(struct hr_run *run, struct hr_variable *const *targets, uint32_t count,
                       const struct hr_batch *batch, uint32_t row, struct hr_err *err)
{
    struct hr_batch **values = HR_NEW_ARRAY(run->arena, struct hr_batch *, count + 1);
    uint32_t made = 0;
    hr_status status = values ? HR_OK : HR_OOM(err);
    for (; status == HR_OK && made < count; made++) {
        const struct hr_column *column = batch ? &batch->columns[made] : NULL;
        status = batch_of(variable_type(targets[made]), column, row, &values[made], err);
        if (status != HR_OK) break;
    }
    for (uint32_t i = 0; i < made; i++) {
        if (status == HR_OK) {
            hr_batch_unref(targets[i]->value);
            targets[i]->value = values[i];
        } else {
            hr_batch_unref(values[i]);
        }
    }
    return status;
}

/* The one row of the query into the variables. */
hr_status hr_assign_row(struct hr_run *run, struct hr_plan *plan,
                        struct hr_variable *const *targets, uint32_t count, struct hr_err *err)
{
    struct hr_batches rows = {0};
    const struct hr_batch *batch = NULL;
    uint32_t row = 0;
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (plan->output_count != count) return arity(run, count, plan->output_count, err);
    HR_TRY(cast_to_targets(run, &plan, targets, count, err));
    HR_TRY(hr_run_collect(run, plan, &rows, err));
    hr_status status = one_row(&rows, &batch, &row, err);
    if (status == HR_OK && !run->session->check_only)
        status = store(run, targets, count, batch, row, err);
    hr_batches_done(&rows);
    return status;
}

hr_status hr_run_set_variable(struct hr_run *run, struct hr_err *err)
{
    struct hr_variable **targets = NULL;
    HR_TRY(hr_find_variables(run, &targets, err));
    HR_TRY(put_defaults(run, targets, err));
    return hr_assign_row(run, run->stmt->plan, targets, run->stmt->variable_count, err);
}
