/* SPDX-License-Identifier: Apache-2.0 */
/* Where rows come from: tables, views, CTEs, aliases of them, VALUES, ranges, watermarks. */
#include <stdio.h>

#include "column/builder.h"
#include "expr/program.h"
#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/local.h"
#include "plan/nodes/project.h"
#include "plan/nodes/range.h"
#include "plan/nodes/read_changes.h"
#include "plan/nodes/relation.h"
#include "plan/nodes/scan.h"
#include "plan/nodes/subquery_alias.h"
#include "plan/nodes/values.h"
#include "plan/nodes/watermark.h"

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
hr_status hr_alias_plan(struct hr_analyzer *an, struct hr_plan **plan, const char *name,
                            struct hr_err *err)
{
    assert(*plan && name);
    struct hr_plan *alias = hr_plan_new1(an->arena, HR_P_SUBQUERY_ALIAS, *plan);
    if (!alias) return HR_OOM(err);
    HR_NODE(subquery_alias, alias)->name = name;
    *plan = alias;
    return hr_analyze_subquery_alias(an, plan, err);
}

static hr_status rename_columns(struct hr_analyzer *an, struct hr_plan **child,
                                const char *const *columns, uint32_t count, int32_t pos,
                                int32_t end, struct hr_err *err)
{
    struct hr_plan *project = hr_plan_pass(an->arena, *child);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    if (select->expr_count != count) {
        char expected[16], actual[16];
        snprintf(expected, sizeof expected, "%u", select->expr_count);
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
        struct hr_expr *alias = hr_expr_alias(an->arena, select->exprs[i], columns[i]);
        if (!alias) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, alias, err));
        alias->attr_id = hr_expr_next_attr_id();
        select->exprs[i] = alias;
    }
    *child = project;
    return hr_plan_refresh(an->arena, project, err);
}

hr_status hr_rename_columns(struct hr_analyzer *an, struct hr_plan **child,
                            const char *const *columns, uint32_t count, struct hr_err *err)
{
    return rename_columns(an, child, columns, count, (*child)->sql_pos, (*child)->sql_end, err);
}

hr_status hr_analyze_subquery_alias(struct hr_analyzer *an, struct hr_plan **plan,
                                    struct hr_err *err)
{
    assert((*plan)->kind == HR_P_SUBQUERY_ALIAS && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_plan *alias = *plan, **child = &alias->children[0];
    const struct hr_subquery_alias_node *node = HR_NODE(subquery_alias, alias);
    if (node->column_count)
        HR_TRY(rename_columns(an, child, node->columns, node->column_count, alias->sql_pos,
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
        if (node->name) alias->output[i].qualifier = node->name;
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
    assert((*plan)->kind == HR_P_WITH);
    struct hr_with_node *with = HR_NODE(with, *plan);
    const struct hr_cte_scope *outer = an->ctes;
    struct hr_cte_scope *scopes = HR_NEW_ARRAY(an->arena, struct hr_cte_scope, with->cte_count + 1);
    if (!scopes) return HR_OOM(err);
    for (uint32_t i = 0; i < with->cte_count; i++) {
        for (uint32_t j = 0; j < i; j++)
            if (hr_name_eq(an, with->ctes[i].name, with->ctes[j].name))
                return duplicate_cte(an, *plan, with->ctes[i].name, err);
        scopes[i] = (struct hr_cte_scope){&with->ctes[i], an->ctes, an->outer};
        an->ctes = &scopes[i];
        /* Errors of a definition count even when nobody uses it. */
        struct hr_plan *probe = hr_plan_copy(an->arena, with->ctes[i].plan);
        if (!probe) return HR_OOM(err);
        an->ctes = scopes[i].outer;
        hr_status status = hr_analyze(an, &probe, err);
        an->ctes = &scopes[i];
        HR_TRY(status);
    }
    hr_status status = hr_analyze(an, &(*plan)->children[0], err);
    an->ctes = outer;
    *plan = (*plan)->children[0];
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
    const struct hr_outer_scope *around = an->outer;
    an->ctes = scope->outer;
    an->outer = scope->around;
    hr_status status = hr_analyze(an, &copy, err);
    an->ctes = here;
    an->outer = around;
    HR_TRY(status);
    if (cte->column_count)
        HR_TRY(rename_columns(an, &copy, cte->columns, cte->column_count, pos, end, err));
    *plan = copy;
    return hr_alias_plan(an, plan, cte->name, err);
}

/* Positions in a view's text mean nothing in the statement: all become the place of its name. */
static hr_status place_plan(struct hr_plan *plan, struct hr_plan *at, struct hr_err *err);

static hr_status place_node(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_plan *at = arg;
    (*expr)->sql_pos = at->sql_pos;
    (*expr)->sql_end = at->sql_end;
    if ((*expr)->kind != HR_X_SUBQUERY) return HR_OK;
    return place_plan((*expr)->subquery->plan, at, err);
}

static hr_status place_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    return hr_expr_rewrite(expr, place_node, arg, err);
}

static hr_status place_plan(struct hr_plan *plan, struct hr_plan *at, struct hr_err *err)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    plan->sql_pos = at->sql_pos;
    plan->sql_end = at->sql_end;
    HR_TRY(hr_plan_each_expr(plan, place_expr, at, err));
    struct hr_plan **inner;
    for (uint32_t i = 0; vt->inner && (inner = vt->inner(plan, i)); i++)
        HR_TRY(place_plan(*inner, at, err));
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
    assert(view->is_view && view->view_text);
    HR_TRY(check_view_cycle(an, view->name, err));
    struct hr_plan *body = NULL;
    HR_TRY(an->catalog->parse_view(an->catalog, an->arena, view, &body, err));
    HR_TRY(place_plan(body, *plan, err));
    struct hr_view_frame frame = {view->name, an->views};
    const struct hr_cte_scope *ctes = an->ctes;
    const struct hr_outer_scope *around = an->outer;
    const struct hr_param_scope *params = an->params;
    const char *schema = an->catalog->view_schema;
    an->views = &frame;
    an->ctes = NULL;
    an->outer = NULL;
    an->params = NULL;
    an->catalog->view_schema = view->is_temporary ? NULL : view->schema_name;
    hr_status status = hr_analyze(an, &body, err);
    an->catalog->view_schema = schema;
    an->views = frame.outer;
    an->params = params;
    an->ctes = ctes;
    an->outer = around;
    HR_TRY(status);
    *plan = body;
    const char *name = hr_arena_strdup(an->arena, view->name);
    return name ? hr_alias_plan(an, plan, name, err) : HR_OOM(err);
}

/* A table in memory: its batches as they are now. */
static hr_status local_of_table(struct hr_analyzer *an, struct hr_plan **plan,
                                const struct hr_table *table, struct hr_err *err)
{
    struct hr_plan *node = hr_plan_become(an->arena, HR_P_LOCAL, *plan);
    if (!node) return HR_OOM(err);
    struct hr_local_node *local = HR_NODE(local, node);
    local->batches = HR_NEW_ARRAY(an->arena, struct hr_batch *, table->batch_count + 1);
    if (!local->batches) return HR_OOM(err);
    for (uint32_t i = 0; i < table->batch_count; i++) {
        HR_TRY(hr_arena_on_done(an->arena, unref_batch, table->batches[i], err));
        local->batches[local->batch_count++] = hr_batch_ref(table->batches[i]);
    }
    *plan = node;
    return HR_OK;
}

static hr_status scan_of_table(struct hr_analyzer *an, struct hr_plan **plan,
                               struct hr_table *table, struct hr_err *err)
{
    assert(table->source && !table->is_view);
    const struct hr_relation_node *relation = HR_NODE(relation, *plan);
    bool own_options = relation->options && relation->options->count;
    struct hr_plan *node = hr_plan_become(an->arena, HR_P_SCAN, *plan);
    if (!node) return HR_OOM(err);
    struct hr_scan_node *scan = HR_NODE(scan, node);
    scan->table = table;
    scan->options = own_options ? relation->options : &table->options;
    scan->is_stream = relation->is_stream;
    *plan = node;
    return HR_OK;
}

/* Rows of a table whose records are changes. */
static hr_status read_changes(struct hr_analyzer *an, struct hr_plan **plan,
                              const struct hr_table *table, const char *qualifier,
                              struct hr_err *err)
{
    struct hr_plan *node = hr_plan_new1(an->arena, HR_P_READ_CHANGES, *plan);
    if (!node) return HR_OOM(err);
    node->sql_pos = (*plan)->sql_pos;
    node->sql_end = (*plan)->sql_end;
    HR_NODE(read_changes, node)->envelope = table->envelope;
    HR_NODE(read_changes, node)->change_column = table->change_column;
    *plan = node;
    return output_of_schema(an, node, table->schema, qualifier, err);
}

static hr_status open_table(struct hr_analyzer *an, struct hr_plan **plan, struct hr_table *table,
                            struct hr_err *err)
{
    const char *name = hr_arena_strdup(an->arena, table->name);
    if (!name) return HR_OOM(err);
    if (!table->schema) {
        HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what",
                 "the table has no columns yet: they come with the query that fills it");
        return hr_err_at(err, (*plan)->sql_pos, (*plan)->sql_end);
    }
    if (table->source) {
        HR_TRY(scan_of_table(an, plan, table, err));
    } else if (HR_NODE(relation, *plan)->is_stream) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "reading a table in memory as a stream");
        return hr_err_at(err, (*plan)->sql_pos, (*plan)->sql_end);
    } else {
        HR_TRY(local_of_table(an, plan, table, err));
    }
    const struct hr_type *schema = table->source ? hr_table_source_schema(table) : table->schema;
    HR_TRY(output_of_schema(an, *plan, schema, name, err));
    return table->source_schema ? read_changes(an, plan, table, name, err) : HR_OK;
}

hr_status hr_analyze_relation(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_RELATION);
    const struct hr_relation_node *relation = HR_NODE(relation, *plan);
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
        hr_err_at(err, (*plan)->sql_pos, (*plan)->sql_end);
        return status;
    }
    status = hr_arena_on_done(an->arena, unref_table, table, err);
    if (status != HR_OK) {
        hr_table_unref(table);
        return status;
    }
    return table->is_view ? expand_view(an, table, plan, err) : open_table(an, plan, table, err);
}

/* VALUES --------------------------------------------------------------------------------------- */

/* The batch lives as long as the arena. */
static hr_status push_batch(struct hr_analyzer *an, struct hr_local_node *local,
                            struct hr_batch *batch, struct hr_err *err)
{
    hr_status status = hr_arena_on_done(an->arena, unref_batch, batch, err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    local->batches[local->batch_count++] = batch;
    return HR_OK;
}

hr_status hr_analyze_one_row(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *node = hr_plan_become(an->arena, HR_P_LOCAL, *plan);
    if (!node) return HR_OOM(err);
    struct hr_local_node *local = HR_NODE(local, node);
    local->batches = HR_NEW_ARRAY(an->arena, struct hr_batch *, 1);
    if (!local->batches) return HR_OOM(err);
    const struct hr_type *schema = hr_type_struct(NULL, 0);
    struct hr_batch *batch = schema ? hr_batch_new(schema, 1, NULL) : NULL;
    if (!batch) return HR_OOM(err);
    HR_TRY(push_batch(an, local, batch, err));
    *plan = node;
    return hr_plan_refresh(an->arena, node, err);
}

static hr_status bad_row_width(const struct hr_values_node *values, uint32_t row, uint32_t width,
                               struct hr_err *err)
{
    char expected[16], actual[16], index[16];
    snprintf(expected, sizeof expected, "%u", values->row_width);
    snprintf(actual, sizeof actual, "%u", width);
    snprintf(index, sizeof index, "%u", row);
    HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_NUM_COLUMNS, "actualNumCols", actual, "expectedNumCols",
             expected, "rowIndex", index);
    return hr_err_at(err, values->plan.sql_pos, values->plan.sql_end);
}

/* The common type of a column, and casts of its values to it. */
static hr_status unify_column(struct hr_analyzer *an, struct hr_values_node *values,
                              uint32_t column, struct hr_attr *attr, struct hr_err *err)
{
    const struct hr_type *type = NULL;
    for (uint32_t i = 0; i < values->row_count; i++) {
        const struct hr_expr *value = values->rows[i][column];
        attr->nullable = attr->nullable || value->nullable;
        const struct hr_type *common = type ? hr_type_common(type, value->type) : value->type;
        bool mixed = common && type &&
                     (common->id == HR_T_STRING) != (value->type->id == HR_T_STRING) &&
                     value->type->id != HR_T_NULL && type->id != HR_T_NULL;
        if (!common || mixed) {
            HR_RAISE(err, HR_E_INVALID_INLINE_TABLE_TYPES, "colName",
                     hr_quote_name(an->arena, &attr->name, 1));
            return hr_err_at(err, values->plan.sql_pos, values->plan.sql_end);
        }
        type = common;
    }
    attr->type = type;
    for (uint32_t i = 0; i < values->row_count; i++)
        HR_TRY(hr_expr_coerce(an->arena, an->conf, &values->rows[i][column], type, err));
    return HR_OK;
}

static bool is_no_subquery(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return expr->kind != HR_X_SUBQUERY;
}

static hr_status resolve_rows(struct hr_analyzer *an, struct hr_values_node *values,
                              struct hr_err *err)
{
    struct hr_names names = {.input_count = 0};
    for (uint32_t i = 0; i < values->row_count; i++) {
        for (uint32_t j = 0; j < values->row_width; j++) {
            struct hr_expr **value = &values->rows[i][j];
            if (!*value) return bad_row_width(values, i, j, err);
            if (!hr_expr_walk(*value, is_no_subquery, NULL)) {
                HR_RAISE(err, HR_E_SCALAR_SUBQUERY_IN_VALUES);
                return hr_err_at(err, values->plan.sql_pos, values->plan.sql_end);
            }
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

static hr_status fold_values(struct hr_analyzer *an, const struct hr_values_node *values,
                             uint32_t start, uint32_t end, struct hr_batch_builder *bb,
                             struct hr_err *err)
{
    assert(start <= end && end <= values->row_count);
    for (uint32_t i = start; i < end; i++) {
        for (uint32_t j = 0; j < values->row_width; j++) {
            const struct hr_expr *value = values->rows[i][j];
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
static hr_status batches_of_rows(struct hr_analyzer *an, const struct hr_values_node *values,
                                 const struct hr_type *schema, struct hr_local_node *local,
                                 struct hr_err *err)
{
    uint32_t total = values->row_count, most = an->conf->batch_rows ? an->conf->batch_rows : 8192;
    local->batches = HR_NEW_ARRAY(an->arena, struct hr_batch *, total / most + 2);
    if (!local->batches) return HR_OOM(err);
    for (uint32_t at = 0; at < total; at += most) {
        struct hr_batch_builder bb = {0};
        struct hr_batch *batch = NULL;
        uint32_t end = at + HR_MIN(most, total - at);
        HR_TRY(hr_batch_builder_init(&bb, schema, end - at, NULL, err));
        hr_status status = fold_values(an, values, at, end, &bb, err);
        if (status == HR_OK) status = hr_batch_builder_finish(&bb, &batch, err);
        hr_batch_builder_done(&bb);
        HR_TRY(status);
        HR_TRY(push_batch(an, local, batch, err));
    }
    return HR_OK;
}

/* Rows of one struct(…) each are rows of its fields, as in Spark. */
static hr_status open_structs(struct hr_analyzer *an, struct hr_values_node *values,
                              struct hr_err *err)
{
    if (values->row_width != 1 || values->row_count == 0) return HR_OK;
    for (uint32_t i = 0; i < values->row_count; i++)
        if (values->rows[i][0]->kind != HR_X_CALL ||
            (!hr_expr_is(values->rows[i][0], HR_ROLE_STRUCT) &&
             !hr_expr_is(values->rows[i][0], HR_ROLE_ROW)))
            return HR_OK;
    uint32_t width = values->rows[0][0]->arg_count;
    for (uint32_t i = 0; i < values->row_count; i++) {
        const struct hr_expr *call = values->rows[i][0];
        struct hr_expr **row = HR_NEW_ARRAY(an->arena, struct hr_expr *, width + 1);
        if (!row) return HR_OOM(err);
        values->row_width = width;
        if (call->arg_count != width) return bad_row_width(values, i, call->arg_count, err);
        for (uint32_t j = 0; j < width; j++) row[j] = hr_expr_strip_alias(call->args[j]);
        values->rows[i] = row;
    }
    return HR_OK;
}

hr_status hr_analyze_values(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_VALUES);
    struct hr_values_node *values = HR_NODE(values, *plan);
    HR_TRY(open_structs(an, values, err));
    HR_TRY(resolve_rows(an, values, err));
    struct hr_plan *node = hr_plan_become(an->arena, HR_P_LOCAL, *plan);
    if (!node) return HR_OOM(err);
    node->output = HR_NEW_ARRAY(an->arena, struct hr_attr, values->row_width + 1);
    if (!node->output) return HR_OOM(err);
    node->output_count = values->row_width;
    for (uint32_t j = 0; j < values->row_width; j++) {
        struct hr_attr *attr = &node->output[j];
        attr->id = hr_expr_next_attr_id();
        attr->watermark_delay_us = -1;
        attr->name = hr_arena_printf(an->arena, "col%u", j + 1);
        if (!attr->name) return HR_OOM(err);
        HR_TRY(unify_column(an, values, j, attr, err));
    }
    const struct hr_type *schema = hr_plan_schema(node);
    if (!schema) return HR_OOM(err);
    HR_TRY(batches_of_rows(an, values, schema, HR_NODE(local, node), err));
    *plan = node;
    return hr_plan_refresh(an->arena, node, err);
}

/* Ranges and watermarks ------------------------------------------------------------------------ */

hr_status hr_analyze_range(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_RANGE);
    struct hr_field id = {"id", hr_type(HR_T_LONG), false};
    const struct hr_type *schema = hr_type_struct(&id, 1);
    if (!schema) return HR_OOM(err);
    struct hr_range_node *range = HR_NODE(range, *plan);
    if (range->step == 0) range->step = 1;
    return output_of_schema(an, *plan, schema, NULL, err);
}

hr_status hr_analyze_watermark(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_WATERMARK && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_plan *mark = *plan;
    struct hr_expr *time = HR_NODE(watermark, mark)->time;
    bool makes_column = time->kind != HR_X_NAME;
    const char *name = hr_written_name(time);
    int32_t pos = time->sql_pos, end = time->sql_end;
    struct hr_names names = {.inputs = {mark->children[0]}, .input_count = 1};
    HR_TRY(hr_resolve(an, &names, &time, err));
    if (makes_column) {
        struct hr_plan *project = hr_plan_pass(an->arena, mark->children[0]);
        if (!project) return HR_OOM(err);
        HR_TRY(hr_name_output(an, &time, name, err));
        HR_TRY(hr_select_push(an->arena, project, time, err));
        HR_TRY(hr_plan_refresh(an->arena, project, err));
        mark->children[0] = project;
        time = hr_attr_ref(an->arena, hr_plan_attr(project, time->attr_id));
        if (!time) return HR_OOM(err);
    }
    bool is_window = time->type->id == HR_T_STRUCT && time->type->field_count == 2;
    if (time->kind != HR_X_ATTR || (time->type->id != HR_T_TIMESTAMP && !is_window)) {
        const char *type =
            hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, time->type));
        HR_RAISE(err, HR_E_EVENT_TIME_TYPE, "eventName",
                 time->name ? time->name : hr_expr_text(an->arena, time), "eventType", type);
        return hr_err_at(err, pos, end);
    }
    HR_NODE(watermark, mark)->time = time;
    return hr_plan_refresh(an->arena, mark, err);
}
