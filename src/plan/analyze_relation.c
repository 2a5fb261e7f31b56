/* SPDX-License-Identifier: Apache-2.0 */
/* Where rows come from: tables, views, CTEs, aliases of them, VALUES, ranges, watermarks. */
#include <stdio.h>

#include "column/builder.h"
#include "expr/program.h"
#include "plan/analyze.h"

#define RELATIONS_MAX  10000
#define VIEW_DEPTH_MAX 100

static void unref_table(void *table)
{
    hr_table_unref(table);
}
static void unref_batch(void *batch)
{
    hr_batch_unref(batch);
}

/* Attributes for the columns of a schema. */
static hr_status output_of_schema(struct hr_analyzer *an, struct hr_plan *plan,
                                  const struct hr_type *schema, const char *qualifier,
                                  struct hr_err *err)
{
    plan->output = HR_NEW_ARRAY(an->arena, struct hr_attr, schema->field_count + 1);
    if (!plan->output) return HR_OOM(err);
    plan->output_count = schema->field_count;
    for (uint32_t i = 0; i < schema->field_count; i++)
        plan->output[i] = (struct hr_attr){
            .id = hr_expr_next_attr_id(),
            .name = schema->fields[i].name,
            .qualifier = qualifier,
            .type = schema->fields[i].type,
            .nullable = schema->fields[i].nullable,
            .watermark_delay_us = -1,
        };
    return hr_plan_refresh(an->arena, plan, err);
}

/* Puts an analysed plan under another qualifier. */
static hr_status alias_plan(struct hr_analyzer *an, struct hr_plan **plan, const char *name,
                            struct hr_err *err)
{
    struct hr_plan *alias = hr_plan_new1(an->arena, HR_P_SUBQUERY_ALIAS, *plan);
    if (!alias) return HR_OOM(err);
    alias->name = name;
    *plan = alias;
    return hr_analyze_subquery_alias(an, plan, err);
}

static hr_status rename_columns(struct hr_analyzer *an, struct hr_plan **child,
                                const char *const *columns, uint32_t count, int32_t pos,
                                int32_t end, struct hr_err *err)
{
    struct hr_plan *project = hr_plan_pass(an->arena, *child);
    if (!project) return HR_OOM(err);
    if (project->expr_count != count) {
        char expected[16], actual[16];
        snprintf(expected, sizeof expected, "%u", project->expr_count);
        snprintf(actual, sizeof actual, "%u", count);
        if ((*child)->kind == HR_P_LOCAL) { /* VALUES … AS t(a) */
            HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_NUM_COLUMNS, "actualNumCols", expected,
                     "expectedNumCols", actual, "rowIndex", "0");
            return hr_err_at(err, pos, end);
        }
        HR_RAISE(err, HR_E_ASSIGNMENT_ARITY_MISMATCH, "numExpr", actual, "numTarget", expected);
        return hr_err_at(err, pos, end);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hr_expr *alias = hr_expr_alias(an->arena, project->exprs[i], columns[i]);
        if (!alias) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, alias, err));
        alias->attr_id = hr_expr_next_attr_id();
        project->exprs[i] = alias;
    }
    *child = project;
    return hr_plan_refresh(an->arena, project, err);
}

hr_status hr_analyze_subquery_alias(struct hr_analyzer *an, struct hr_plan **plan,
                                    struct hr_err *err)
{
    struct hr_plan *alias = *plan, **child = &alias->children[0];
    if (alias->column_count)
        HR_TRY(rename_columns(an, child, alias->columns, alias->column_count, alias->sql_pos,
                              alias->sql_end, err));
    bool hidden = false;
    for (uint32_t i = 0; i < (*child)->output_count; i++)
        hidden = hidden || (*child)->output[i].hidden;
    if (hidden && !(*child = hr_plan_pass(an->arena, *child))) return HR_OOM(err);
    alias->output_count = (*child)->output_count;
    alias->output = HR_NEW_ARRAY(an->arena, struct hr_attr, alias->output_count + 1);
    if (!alias->output) return HR_OOM(err);
    for (uint32_t i = 0; i < alias->output_count; i++) {
        alias->output[i] = (*child)->output[i];
        alias->output[i].was_hidden = false;
        if (alias->name) alias->output[i].qualifier = alias->name;
    }
    return hr_plan_refresh(an->arena, alias, err);
}

static hr_status duplicate_cte(struct hr_analyzer *an, const struct hr_plan *with, const char *name,
                               struct hr_err *err)
{
    HR_RAISE(err, HR_E_DUPLICATED_CTE_NAMES, "duplicateNames", hr_quote_name(an->arena, &name, 1));
    return hr_err_at(err, with->sql_pos, with->sql_end);
}

hr_status hr_analyze_with(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *with = *plan;
    const struct hr_cte_scope *outer = an->ctes;
    struct hr_cte_scope *scopes = HR_NEW_ARRAY(an->arena, struct hr_cte_scope, with->cte_count + 1);
    if (!scopes) return HR_OOM(err);
    for (uint32_t i = 0; i < with->cte_count; i++) {
        for (uint32_t j = 0; j < i; j++)
            if (hr_name_eq(an, with->ctes[i].name, with->ctes[j].name))
                return duplicate_cte(an, with, with->ctes[i].name, err);
        scopes[i] = (struct hr_cte_scope){&with->ctes[i], an->ctes};
        an->ctes = &scopes[i];
        /* Errors of a definition count even when nobody uses it. */
        struct hr_plan *probe = hr_plan_copy(an->arena, with->ctes[i].plan);
        if (!probe) return HR_OOM(err);
        an->ctes = scopes[i].outer;
        hr_status status = hr_analyze(an, &probe, err);
        an->ctes = &scopes[i];
        HR_TRY(status);
    }
    hr_status status = hr_analyze(an, &with->children[0], err);
    an->ctes = outer;
    *plan = with->children[0];
    return status;
}

static hr_status expand_cte(struct hr_analyzer *an, const struct hr_cte_scope *scope,
                            struct hr_plan **plan, struct hr_err *err)
{
    const struct hr_cte *cte = scope->cte;
    int32_t pos = (*plan)->sql_pos, end = (*plan)->sql_end;
    struct hr_plan *copy = hr_plan_copy(an->arena, cte->plan);
    if (!copy) return HR_OOM(err);
    const struct hr_cte_scope *here = an->ctes;
    an->ctes = scope->outer;
    hr_status status = hr_analyze(an, &copy, err);
    an->ctes = here;
    HR_TRY(status);
    if (cte->column_count)
        HR_TRY(rename_columns(an, &copy, cte->columns, cte->column_count, pos, end, err));
    *plan = copy;
    return alias_plan(an, plan, cte->name, err);
}

/* Positions in a view's text mean nothing in the statement: all become the place of its name. */
static hr_status place_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct hr_plan *at = arg;
    (*expr)->sql_pos = at->sql_pos;
    (*expr)->sql_end = at->sql_end;
    return HR_OK;
}

static hr_status place_exprs(struct hr_expr **exprs, uint32_t count, struct hr_plan *at,
                             struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (exprs[i]) HR_TRY(hr_expr_rewrite(&exprs[i], place_expr, at, err));
    return HR_OK;
}

static hr_status place_plan(struct hr_plan *plan, struct hr_plan *at, struct hr_err *err)
{
    plan->sql_pos = at->sql_pos;
    plan->sql_end = at->sql_end;
    HR_TRY(place_exprs(plan->exprs, plan->expr_count, at, err));
    HR_TRY(place_exprs(plan->groups, plan->group_count, at, err));
    HR_TRY(place_exprs(&plan->condition, 1, at, err));
    for (uint32_t i = 0; i < plan->row_count; i++)
        HR_TRY(place_exprs(plan->rows[i], plan->row_width, at, err));
    for (uint32_t i = 0; i < plan->cte_count; i++) HR_TRY(place_plan(plan->ctes[i].plan, at, err));
    for (uint32_t i = 0; i < plan->child_count; i++) HR_TRY(place_plan(plan->children[i], at, err));
    return HR_OK;
}

static hr_status check_view_cycle(struct hr_analyzer *an, const char *name, struct hr_err *err)
{
    uint32_t depth = 0;
    for (const struct hr_view_frame *f = an->views; f; f = f->outer) {
        depth++;
        if (!hr_name_eq(an, f->name, name)) continue;
        const char *quoted = hr_quote_name(an->arena, &name, 1);
        const char *path = hr_arena_printf(an->arena, "%s -> %s", quoted, quoted);
        return HR_RAISE(err, HR_E_RECURSIVE_VIEW, "viewIdent", quoted, "newPath",
                        path ? path : quoted);
    }
    if (depth < VIEW_DEPTH_MAX) return HR_OK;
    return HR_RAISE(err, HR_E_VIEW_EXCEEDS_MAX_NESTED_DEPTH, "viewName",
                    hr_quote_name(an->arena, &name, 1), "maxNestedDepth", "100");
}

static hr_status expand_view(struct hr_analyzer *an, const struct hr_table *view,
                             struct hr_plan **plan, struct hr_err *err)
{
    HR_TRY(check_view_cycle(an, view->name, err));
    struct hr_plan *body = NULL;
    HR_TRY(an->catalog->parse_view(an->catalog, an->arena, view, &body, err));
    HR_TRY(place_plan(body, *plan, err));
    struct hr_view_frame frame = {view->name, an->views};
    const struct hr_cte_scope *ctes = an->ctes;
    an->views = &frame;
    an->ctes = NULL;
    hr_status status = hr_analyze(an, &body, err);
    an->views = frame.outer;
    an->ctes = ctes;
    HR_TRY(status);
    *plan = body;
    const char *name = hr_arena_strdup(an->arena, view->name);
    return name ? alias_plan(an, plan, name, err) : HR_OOM(err);
}

/* A table in memory: its batches as they are now. */
static hr_status local_of_table(struct hr_analyzer *an, struct hr_plan *plan,
                                const struct hr_table *table, struct hr_err *err)
{
    plan->kind = HR_P_LOCAL;
    plan->batches = HR_NEW_ARRAY(an->arena, struct hr_batch *, table->batch_count + 1);
    if (!plan->batches) return HR_OOM(err);
    for (uint32_t i = 0; i < table->batch_count; i++) {
        HR_TRY(hr_arena_on_done(an->arena, unref_batch, table->batches[i], err));
        plan->batches[plan->batch_count++] = hr_batch_ref(table->batches[i]);
    }
    return HR_OK;
}

static hr_status open_table(struct hr_analyzer *an, struct hr_plan *plan, struct hr_table *table,
                            struct hr_err *err)
{
    const char *name = hr_arena_strdup(an->arena, table->name);
    if (!name) return HR_OOM(err);
    if (table->source) {
        plan->kind = HR_P_SCAN;
        plan->table = table;
        if (!plan->options || plan->options->count == 0) plan->options = &table->options;
    } else if (plan->is_stream) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "reading a table in memory as a stream");
        return hr_err_at(err, plan->sql_pos, plan->sql_end);
    } else {
        HR_TRY(local_of_table(an, plan, table, err));
    }
    return output_of_schema(an, plan, table->schema, name, err);
}

hr_status hr_analyze_relation(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *relation = *plan;
    if (++an->relations > RELATIONS_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the number of relations in a query", "limit",
                        "10000");
    if (relation->name_part_count == 1)
        for (const struct hr_cte_scope *s = an->ctes; s; s = s->outer)
            if (hr_name_eq(an, s->cte->name, relation->name_parts[0]))
                return expand_cte(an, s, plan, err);
    struct hr_table *table = NULL;
    hr_status status = an->catalog->find(an->catalog, relation->name_parts,
                                         relation->name_part_count, &table, err);
    if (status != HR_OK) {
        hr_err_at(err, relation->sql_pos, relation->sql_end);
        return status;
    }
    status = hr_arena_on_done(an->arena, unref_table, table, err);
    if (status != HR_OK) {
        hr_table_unref(table);
        return status;
    }
    return table->is_view ? expand_view(an, table, plan, err)
                          : open_table(an, relation, table, err);
}

/* VALUES --------------------------------------------------------------------------------------- */

hr_status hr_one_row(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_type *schema = hr_type_struct(NULL, 0);
    struct hr_batch *batch = schema ? hr_batch_new(schema, 1, NULL) : NULL;
    if (!batch) return HR_OOM(err);
    hr_status status = hr_arena_on_done(arena, unref_batch, batch, err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    plan->kind = HR_P_LOCAL;
    plan->batches = HR_NEW_ARRAY(arena, struct hr_batch *, 1);
    if (!plan->batches) return HR_OOM(err);
    plan->batches[0] = batch;
    plan->batch_count = 1;
    return hr_plan_refresh(arena, plan, err);
}

static hr_status bad_row_width(const struct hr_plan *plan, uint32_t row, uint32_t width,
                               struct hr_err *err)
{
    char expected[16], actual[16], index[16];
    snprintf(expected, sizeof expected, "%u", plan->row_width);
    snprintf(actual, sizeof actual, "%u", width);
    snprintf(index, sizeof index, "%u", row);
    HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_NUM_COLUMNS, "actualNumCols", actual, "expectedNumCols",
             expected, "rowIndex", index);
    return hr_err_at(err, plan->sql_pos, plan->sql_end);
}

/* The common type of a column, and casts of its values to it. */
static hr_status unify_column(struct hr_analyzer *an, struct hr_plan *plan, uint32_t column,
                              struct hr_attr *attr, struct hr_err *err)
{
    const struct hr_type *type = NULL;
    for (uint32_t i = 0; i < plan->row_count; i++) {
        const struct hr_expr *value = plan->rows[i][column];
        attr->nullable = attr->nullable || value->nullable;
        const struct hr_type *common = type ? hr_type_common(type, value->type) : value->type;
        bool mixed = common && type &&
                     (common->id == HR_T_STRING) != (value->type->id == HR_T_STRING) &&
                     value->type->id != HR_T_NULL && type->id != HR_T_NULL;
        if (!common || mixed) {
            HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_TYPES, "colName",
                     hr_quote_name(an->arena, &attr->name, 1));
            return hr_err_at(err, plan->sql_pos, plan->sql_end);
        }
        type = common;
    }
    attr->type = type;
    for (uint32_t i = 0; i < plan->row_count; i++)
        HR_TRY(hr_expr_coerce(an->arena, an->conf, &plan->rows[i][column], type, err));
    return HR_OK;
}

static hr_status resolve_rows(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_names names = {.input_count = 0};
    for (uint32_t i = 0; i < plan->row_count; i++) {
        for (uint32_t j = 0; j < plan->row_width; j++) {
            struct hr_expr **value = &plan->rows[i][j];
            if (!*value) return bad_row_width(plan, i, j, err);
            HR_TRY(hr_resolve(an, &names, value, err));
            *value = hr_expr_strip_alias(*value);
            if (hr_expr_is_foldable(*value) && !hr_expr_has_aggregate(*value)) continue;
            HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_EXPRESSION, "expr",
                     hr_expr_quoted(an->arena, *value));
            return hr_err_at(err, (*value)->sql_pos, (*value)->sql_end);
        }
    }
    return HR_OK;
}

static hr_status fold_values(struct hr_analyzer *an, struct hr_plan *plan,
                             struct hr_batch_builder *bb, struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->row_count; i++) {
        for (uint32_t j = 0; j < plan->row_width; j++) {
            const struct hr_expr *value = plan->rows[i][j];
            struct hr_column folded;
            hr_status status = hr_expr_fold(an->arena, an->conf, value, &folded, err);
            if (status != HR_OK) {
                hr_err_at(err, value->sql_pos, value->sql_end);
                return status;
            }
            hr_builder_copy(bb->columns[j], &folded, 0);
        }
    }
    return HR_OK;
}

/* Rows as batches of at most batch_rows. */
static hr_status batches_of_rows(struct hr_analyzer *an, struct hr_plan *plan,
                                 const struct hr_type *schema, struct hr_err *err)
{
    uint32_t total = plan->row_count, most = an->conf->batch_rows ? an->conf->batch_rows : 8192;
    struct hr_expr ***rows = plan->rows;
    plan->batches = HR_NEW_ARRAY(an->arena, struct hr_batch *, total / most + 2);
    if (!plan->batches) return HR_OOM(err);
    for (uint32_t at = 0; at < total; at += most) {
        struct hr_batch_builder bb = {0};
        struct hr_batch *batch = NULL;
        plan->row_count = HR_MIN(most, total - at);
        plan->rows = rows + at;
        HR_TRY(hr_batch_builder_init(&bb, schema, plan->row_count, NULL, err));
        hr_status status = fold_values(an, plan, &bb, err);
        if (status == HR_OK) status = hr_batch_builder_finish(&bb, &batch, err);
        hr_batch_builder_done(&bb);
        HR_TRY(status);
        status = hr_arena_on_done(an->arena, unref_batch, batch, err);
        if (status != HR_OK) {
            hr_batch_unref(batch);
            return status;
        }
        plan->batches[plan->batch_count++] = batch;
    }
    plan->rows = NULL;
    plan->row_count = 0;
    return HR_OK;
}

/* Rows of one struct(…) each are rows of its fields, as in Spark. */
static hr_status open_structs(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    if (plan->row_width != 1 || plan->row_count == 0) return HR_OK;
    for (uint32_t i = 0; i < plan->row_count; i++)
        if (plan->rows[i][0]->kind != HR_X_CALL ||
            (!hr_str_eq_nocase(plan->rows[i][0]->name, "struct") &&
             strcmp(plan->rows[i][0]->name, "__row") != 0))
            return HR_OK;
    uint32_t width = plan->rows[0][0]->arg_count;
    for (uint32_t i = 0; i < plan->row_count; i++) {
        const struct hr_expr *call = plan->rows[i][0];
        struct hr_expr **row = HR_NEW_ARRAY(an->arena, struct hr_expr *, width + 1);
        if (!row) return HR_OOM(err);
        plan->row_width = width;
        if (call->arg_count != width) return bad_row_width(plan, i, call->arg_count, err);
        for (uint32_t j = 0; j < width; j++) row[j] = hr_expr_strip_alias(call->args[j]);
        plan->rows[i] = row;
    }
    return HR_OK;
}

hr_status hr_analyze_values(struct hr_analyzer *an, struct hr_plan **ret_plan, struct hr_err *err)
{
    struct hr_plan *plan = *ret_plan;
    HR_TRY(open_structs(an, plan, err));
    HR_TRY(resolve_rows(an, plan, err));
    plan->output = HR_NEW_ARRAY(an->arena, struct hr_attr, plan->row_width + 1);
    if (!plan->output) return HR_OOM(err);
    plan->output_count = plan->row_width;
    for (uint32_t j = 0; j < plan->row_width; j++) {
        struct hr_attr *attr = &plan->output[j];
        attr->id = hr_expr_next_attr_id();
        attr->watermark_delay_us = -1;
        attr->name = hr_arena_printf(an->arena, "col%u", j + 1);
        if (!attr->name) return HR_OOM(err);
        HR_TRY(unify_column(an, plan, j, attr, err));
    }
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(batches_of_rows(an, plan, schema, err));
    plan->kind = HR_P_LOCAL;
    return hr_plan_refresh(an->arena, plan, err);
}

/* Ranges and watermarks ------------------------------------------------------------------------ */

hr_status hr_analyze_range(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_field id = {"id", hr_type(HR_T_LONG), false};
    const struct hr_type *schema = hr_type_struct(&id, 1);
    if (!schema) return HR_OOM(err);
    if (plan->step == 0) plan->step = 1;
    return output_of_schema(an, plan, schema, NULL, err);
}

hr_status hr_analyze_watermark(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *mark = *plan;
    struct hr_expr *time = mark->exprs[0];
    bool makes_column = time->kind != HR_X_NAME;
    const char *name = hr_written_name(time);
    int32_t pos = time->sql_pos, end = time->sql_end;
    struct hr_names names = {.inputs = {mark->children[0]}, .input_count = 1};
    HR_TRY(hr_resolve(an, &names, &time, err));
    if (makes_column) {
        struct hr_plan *project = hr_plan_pass(an->arena, mark->children[0]);
        if (!project) return HR_OOM(err);
        HR_TRY(hr_name_output(an, &time, name, err));
        struct hr_exprs exprs = {project->exprs, project->expr_count, project->expr_count};
        if (!HR_VEC_PUSH(an->arena, &exprs, time)) return HR_OOM(err);
        project->exprs = exprs.items;
        project->expr_count = exprs.count;
        HR_TRY(hr_plan_refresh(an->arena, project, err));
        mark->children[0] = project;
        time = hr_attr_ref(an->arena, hr_plan_attr(project, time->attr_id));
        if (!time) return HR_OOM(err);
    }
    bool is_window = time->type->id == HR_T_STRUCT && time->type->field_count == 2;
    if (time->kind != HR_X_ATTR || (time->type->id != HR_T_TIMESTAMP && !is_window)) {
        const char *type = hr_type_simple(an->arena, time->type);
        HR_FAIL(err, HR_E_UNSUPPORTED_STREAMING,
                "Event time must be defined on a window or a timestamp, but %s is of type %s",
                time->name ? time->name : hr_expr_text(an->arena, time), type);
        return hr_err_at(err, pos, end);
    }
    mark->exprs[0] = time;
    return hr_plan_refresh(an->arena, mark, err);
}
