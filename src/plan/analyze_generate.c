/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generators: explode and its like make several rows of one. They stand in LATERAL VIEW or once at
 * the top of a select list; both become a GENERATE node whose own columns follow the child's.
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/project.h"

struct generator {
    bool positions, fields, outer;
};

bool hr_is_generator(const struct hr_expr *expr)
{
    enum hr_function_role role = hr_expr_role(expr);
    return expr->arg_count == 1 &&
           (role == HR_ROLE_EXPLODE || role == HR_ROLE_POSEXPLODE || role == HR_ROLE_INLINE);
}

static struct generator generator_of(const struct hr_expr *call)
{
    assert(hr_is_generator(call));
    const struct hr_function *fn = hr_function_find(call->name);
    return (struct generator){.positions = hr_expr_is(call, HR_ROLE_POSEXPLODE),
                              .fields = hr_expr_is(call, HR_ROLE_INLINE),
                              .outer = fn && fn->flags & HR_FN_OUTER};
}

static hr_status wrong_input(struct hr_analyzer *an, const struct hr_expr *call,
                             const char *required, struct hr_err *err)
{
    const char *type =
        hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, call->args[0]->type));
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_INPUT_TYPE, "sqlExpr",
             hr_expr_quoted(an->arena, call), "paramIndex", "first", "requiredType", required,
             "inputSql", hr_expr_quoted(an->arena, call->args[0]), "inputType", type ? type : "?");
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

/* The columns that the call makes: at most two but for inline. */
static hr_status element_fields(struct hr_analyzer *an, const struct generator *g,
                                const struct hr_expr *call, struct hr_field **ret_fields,
                                uint32_t *ret_count, struct hr_err *err)
{
    const struct hr_type *type = call->args[0]->type;
    bool array = type->id == HR_T_ARRAY, map = type->id == HR_T_MAP;
    if (g->fields && (!array || type->fields[0].type->id != HR_T_STRUCT))
        return wrong_input(an, call, "\"ARRAY<STRUCT>\"", err);
    if (!array && !map) return wrong_input(an, call, "(\"ARRAY\" or \"MAP\")", err);
    const struct hr_type *element = type->fields[0].type;
    uint32_t most = g->fields ? element->field_count : 3, count = 0;
    struct hr_field *fields = HR_NEW_ARRAY(an->arena, struct hr_field, most + 1);
    if (!fields) return HR_OOM(err);
    if (g->positions) fields[count++] = (struct hr_field){"pos", hr_type(HR_T_INT), g->outer};
    if (g->fields) {
        for (uint32_t i = 0; i < element->field_count; i++) fields[count++] = element->fields[i];
    } else if (map) {
        fields[count++] = (struct hr_field){"key", type->fields[0].type, g->outer};
        fields[count++] = (struct hr_field){"value", type->fields[1].type, true};
    } else {
        fields[count++] = (struct hr_field){"col", element, true};
    }
    *ret_fields = fields;
    *ret_count = count;
    return HR_OK;
}

static const char *join_names(struct hr_analyzer *an, const char *const *names, uint32_t count)
{
    const char *text = names[0];
    for (uint32_t i = 1; text && i < count; i++)
        text = hr_arena_printf(an->arena, "%s,%s", text, names[i]);
    return text ? text : names[0];
}

/* The names that the item gives its columns. AS a names one, or the only one there is. */
static void alias_names(const struct hr_expr *item, const char *const **names, uint32_t *count)
{
    *names = NULL;
    *count = 0;
    if (item->kind != HR_X_ALIAS) return;
    bool several = item->name_part_count > 1;
    *names = several ? item->name_parts : &item->name;
    *count = several ? item->name_part_count : 1;
}

/* Fills a GENERATE whose call is resolved: type of the call, outer, output. */
static hr_status finish_generate(struct hr_analyzer *an, struct hr_plan *plan,
                                 const char *const *names, uint32_t name_count,
                                 const char *qualifier, struct hr_err *err)
{
    struct hr_generate_node *generate = HR_NODE(generate, plan);
    struct hr_expr *call = generate->call;
    struct generator g = generator_of(call);
    struct hr_field *fields = NULL;
    uint32_t count = 0;
    HR_TRY(element_fields(an, &g, call, &fields, &count, err));
    if (name_count && name_count != count && !qualifier) { /* SELECT f(…) AS (a, b) */
        char want[16];
        snprintf(want, sizeof want, "%u", count);
        HR_RAISE(err, HR_E_UDTF_ALIAS_NUMBER_MISMATCH, "aliasesSize", want, "aliasesNames",
                 join_names(an, names, name_count));
        return hr_err_at(err, call->sql_pos, call->sql_end);
    }
    if (name_count && name_count != count) {
        char have[16], want[16];
        snprintf(have, sizeof have, "%u", name_count);
        snprintf(want, sizeof want, "%u", count);
        HR_RAISE(err, HR_E_ASSIGNMENT_ARITY_MISMATCH, "numExpr", have, "numTarget", want);
        return hr_err_at(err, call->sql_pos, call->sql_end);
    }
    generate->outer = generate->outer || g.outer;
    generate->column_count = count;
    plan->output_count = count;
    plan->output = HR_NEW_ARRAY(an->arena, struct hr_attr, count);
    if (!plan->output) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        plan->output[i] = (struct hr_attr){.id = hr_expr_next_attr_id(),
                                           .name = name_count ? names[i] : fields[i].name,
                                           .qualifier = qualifier,
                                           .type = fields[i].type,
                                           .nullable = fields[i].nullable || generate->outer,
                                           .watermark_delay_us = -1};
    call->type = hr_type_struct(fields, count);
    if (!call->type) return HR_OOM(err);
    return hr_plan_refresh(an->arena, plan, err);
}

hr_status hr_analyze_generate(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_generate_node *generate = HR_NODE(generate, *plan);
    struct hr_names names = {.inputs = {(*plan)->children[0]}, .input_count = 1};
    bool done = false;
    HR_TRY(hr_inline_table_function(an, plan, &done, err));
    if (done) return HR_OK;
    HR_TRY(hr_resolve(an, &names, &generate->call, err));
    if (!hr_is_generator(generate->call)) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", hr_expr_text(an->arena, generate->call));
        return hr_err_at(err, generate->call->sql_pos, generate->call->sql_end);
    }
    return finish_generate(an, *plan, generate->columns, generate->column_count, generate->name,
                           err);
}

static bool no_generator(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return !hr_is_generator(expr);
}

static hr_status nested(struct hr_analyzer *an, const struct hr_expr *expr, struct hr_err *err)
{
    HR_RAISE(err, HR_E_UNSUPPORTED_GENERATOR, "expression", hr_expr_quoted(an->arena, expr));
    return hr_err_at(err, expr->sql_pos, expr->sql_end);
}

/* 1 AS (a, b) */
static hr_status not_a_generator(struct hr_analyzer *an, const struct hr_expr *item,
                                 struct hr_err *err)
{
    const char *names = item->name_parts[0];
    for (uint32_t i = 1; names && i < item->name_part_count; i++)
        names = hr_arena_printf(an->arena, "%s, %s", names, item->name_parts[i]);
    HR_RAISE(err, HR_E_MULTI_ALIAS_WITHOUT_GENERATOR, "expr",
             hr_expr_quoted(an->arena, item->args[0]), "names", names ? names : "?");
    return hr_err_at(err, item->sql_pos, item->sql_end);
}

/* Puts the GENERATE's own columns in the place of item index. */
static hr_status replace_item(struct hr_analyzer *an, struct hr_plan *plan, uint32_t index,
                              struct hr_err *err)
{
    const struct hr_plan *generate = plan->children[0];
    struct hr_select *select = hr_select_of(plan);
    uint32_t own = HR_NODE(generate, generate)->column_count;
    struct hr_exprs out = {0};
    for (uint32_t i = 0; i < select->expr_count; i++) {
        if (i != index) {
            if (!HR_VEC_PUSH(an->arena, &out, select->exprs[i])) return HR_OOM(err);
            continue;
        }
        for (uint32_t j = 0; j < own; j++) {
            struct hr_expr *ref =
                hr_attr_ref(an->arena, &generate->output[generate->output_count - own + j]);
            if (!ref || !HR_VEC_PUSH(an->arena, &out, ref)) return HR_OOM(err);
        }
    }
    select->exprs = out.items;
    select->expr_count = out.count;
    return HR_OK;
}

hr_status hr_extract_generator(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_select *select = hr_select_of(plan);
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < select->expr_count; i++) {
        struct hr_expr *value = hr_expr_strip_alias(select->exprs[i]);
        if (hr_is_generator(value)) {
            if (found != UINT32_MAX) {
                HR_RAISE(err, HR_E_UNSUPPORTED_MULTI_GENERATOR, "num", "2", "generators",
                         hr_expr_quoted(an->arena, value));
                return hr_err_at(err, plan->sql_pos, plan->sql_end);
            }
            found = i;
            if (!hr_expr_walk(value->args[0], no_generator, NULL)) return nested(an, value, err);
        } else if (!hr_expr_walk(value, no_generator, NULL)) {
            return nested(an, value, err);
        } else if (select->exprs[i]->kind == HR_X_ALIAS && select->exprs[i]->name_part_count > 1) {
            return not_a_generator(an, select->exprs[i], err);
        }
    }
    if (found == UINT32_MAX) return HR_OK;
    struct hr_expr *item = select->exprs[found];
    struct hr_plan *generate = hr_plan_new1(an->arena, HR_P_GENERATE, plan->children[0]);
    if (!generate) return HR_OOM(err);
    HR_NODE(generate, generate)->call = hr_expr_strip_alias(item);
    const char *const *names;
    uint32_t name_count;
    alias_names(item, &names, &name_count);
    HR_TRY(finish_generate(an, generate, names, name_count, NULL, err));
    plan->children[0] = generate;
    return replace_item(an, plan, found, err);
}
