/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: a.b.c to an attribute and fields of it, t.* to attributes, and what to say when there is
 * none or more than one. A qualified match goes before an unqualified one, as in Spark.
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/project.h"

#define PROPOSALS_MAX 5

bool hr_name_eq(const struct hr_analyzer *an, const char *a, const char *b)
{
    if (!a || !b || ((*a ^ *b) & ~0x20)) return false; /* most names: without a call */
    return an->conf->case_sensitive ? strcmp(a, b) == 0 : hr_str_eq_nocase(a, b);
}

static void quote_parts(struct hr_buf *out, const char *const *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_putc(out, '.');
        hr_buf_putc(out, '`');
        for (const char *c = parts[i]; *c; c++) {
            if (*c == '`') hr_buf_putc(out, '`');
            hr_buf_putc(out, *c);
        }
        hr_buf_putc(out, '`');
    }
}

const char *hr_quote_name(struct hr_arena *arena, const char *const *parts, uint32_t count)
{
    assert(count > 0 && parts);
    struct hr_buf buf = {0};
    quote_parts(&buf, parts, count);
    const char *text = hr_arena_strdup(arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "?";
}

static void quote_attr(struct hr_buf *out, const struct hr_attr *attr)
{
    const char *parts[] = {attr->qualifier, attr->name};
    bool qualified = attr->qualifier != NULL;
    quote_parts(out, parts + !qualified, qualified ? 2 : 1);
}

struct qualify {
    struct hr_analyzer *an;
    const struct hr_plan *input;
};

static hr_status qualify_attr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct qualify *q = arg;
    if ((*expr)->kind != HR_X_ATTR) return HR_OK;
    const struct hr_attr *attr = hr_plan_attr(q->input, (*expr)->attr_id);
    if (!attr || !attr->qualifier) return HR_OK;
    (*expr)->name = hr_arena_printf(q->an->arena, "%s.%s", attr->qualifier, attr->name);
    return (*expr)->name ? HR_OK : HR_OOM(err);
}

const char *hr_qualified_text(struct hr_analyzer *an, const struct hr_expr *expr,
                              const struct hr_plan *input)
{
    struct qualify q = {an, input};
    struct hr_expr *copy = hr_expr_copy(an->arena, expr);
    if (!copy || hr_expr_rewrite(&copy, qualify_attr, &q, NULL) != HR_OK)
        return hr_expr_text(an->arena, expr);
    if (copy->kind != HR_X_ALIAS) return hr_expr_text(an->arena, copy);
    const char *text = hr_arena_printf(an->arena, "%s AS `%s`",
                                       hr_expr_text(an->arena, copy->args[0]), copy->name);
    return text ? text : "?";
}

/* Suggestions ---------------------------------------------------------------------------------- */

static uint32_t levenshtein(const char *a, const char *b)
{
    uint32_t row[128];
    size_t n = HR_MIN(strlen(b), HR_COUNT(row) - 1), m = HR_MIN(strlen(a), (size_t)127);
    for (size_t j = 0; j <= n; j++) row[j] = (uint32_t)j;
    for (size_t i = 1; i <= m; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= n; j++) {
            uint32_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = HR_MIN(change, HR_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

struct proposal {
    const char *text;
    const char *name; /* the column's own: decides between equally near ones */
    uint32_t distance;
};

/* Are all columns of one qualifier (or of none)? Then a plain name is answered by plain names. */
static bool one_qualifier(const struct hr_plan *const *plans, uint32_t plan_count)
{
    const char *seen = NULL;
    bool first = true;
    for (uint32_t p = 0; p < plan_count; p++) {
        for (uint32_t i = 0; i < plans[p]->output_count; i++) {
            const char *q = plans[p]->output[i].qualifier;
            if (!first && (q == NULL) != (seen == NULL)) return false;
            if (!first && q && strcmp(q, seen) != 0) return false;
            seen = q;
            first = false;
        }
    }
    return true;
}

static hr_status add_proposal(struct hr_arena *arena, struct proposal *best, uint32_t *count,
                              const char *text, const char *name, const char *wanted,
                              struct hr_err *err)
{
    const char *copy = hr_arena_strdup(arena, text);
    if (!copy) return HR_OOM(err);
    struct proposal add = {copy, name, levenshtein(wanted, copy)};
    uint32_t at = *count;
    while (at > 0 &&
           (best[at - 1].distance > add.distance ||
            (best[at - 1].distance == add.distance && strcmp(best[at - 1].name, name) > 0)))
        at--;
    if (at >= PROPOSALS_MAX) return HR_OK;
    uint32_t last = HR_MIN(*count, PROPOSALS_MAX - 1u);
    memmove(&best[at + 1], &best[at], (last - at) * sizeof *best);
    best[at] = add;
    *count = last + 1;
    return HR_OK;
}

static const char *join_parts(struct hr_arena *arena, const char *const *parts, uint32_t count)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < count; i++) hr_buf_printf(&buf, "%s%s", i ? "." : "", parts[i]);
    const char *text = hr_arena_strdup(arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

hr_status hr_unresolved(struct hr_analyzer *an, const struct hr_expr *expr,
                        const struct hr_plan *const *plans, uint32_t plan_count, struct hr_err *err)
{
    const char *one[] = {expr->name};
    bool is_name = expr->kind == HR_X_NAME;
    const char *wanted = is_name ? hr_quote_name(an->arena, expr->name_parts, expr->name_part_count)
                                 : hr_quote_name(an->arena, one, 1);
    /* Spark compares the name as written with the quoted names of the columns. */
    const char *plain_name =
        is_name ? join_parts(an->arena, expr->name_parts, expr->name_part_count) : expr->name;
    bool plain = (!is_name || expr->name_part_count == 1) && one_qualifier(plans, plan_count);
    struct proposal best[PROPOSALS_MAX + 1];
    uint32_t count = 0;
    struct hr_buf buf = {0};
    hr_status status = HR_OK;
    for (uint32_t p = 0; p < plan_count && status == HR_OK; p++) {
        for (uint32_t i = 0; i < plans[p]->output_count && status == HR_OK; i++) {
            struct hr_attr attr = plans[p]->output[i];
            if (attr.hidden) continue;
            if (plain) attr.qualifier = NULL;
            hr_buf_clear(&buf);
            quote_attr(&buf, &attr);
            status = add_proposal(an->arena, best, &count, hr_buf_cstr(&buf), attr.name, plain_name,
                                  err);
        }
    }
    hr_buf_clear(&buf);
    for (uint32_t i = 0; i < count; i++) hr_buf_printf(&buf, "%s%s", i ? ", " : "", best[i].text);
    if (status == HR_OK && count)
        status = HR_RAISE(err, HR_E_UNRESOLVED_COLUMN_WITH_SUGGESTION, "objectName", wanted,
                          "proposal", hr_buf_cstr(&buf));
    else if (status == HR_OK)
        status = HR_RAISE(err, HR_E_UNRESOLVED_COLUMN_WITHOUT_SUGGESTION, "objectName", wanted);
    hr_buf_done(&buf);
    hr_err_at(err, expr->sql_pos, expr->sql_end);
    return status;
}

/* Resolution ----------------------------------------------------------------------------------- */

#define MATCHES_MAX 8
struct matches {
    const struct hr_attr *attrs[MATCHES_MAX];
    uint32_t count;
    uint32_t used_parts; /* the rest are fields */
};

static void add_match(struct matches *m, const struct hr_attr *attr)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->attrs[i]->id == attr->id) return;
    if (m->count < MATCHES_MAX) m->attrs[m->count++] = attr;
}

/* A key of USING stands back behind the key of the result, also when it was selected as t.key. */
static void prefer_plain(struct matches *m)
{
    uint32_t plain = 0;
    for (uint32_t i = 0; i < m->count; i++) plain += !m->attrs[i]->was_hidden;
    if (plain == 0 || plain == m->count) return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (!m->attrs[i]->was_hidden) m->attrs[kept++] = m->attrs[i];
    m->count = kept;
}

/* Is parts[0 … at) the way to the attribute's relation: "t", "default.t" or
 * "spark_catalog.default.t"? */
static bool qualifier_matches(const struct hr_analyzer *an, const struct hr_attr *attr,
                              const char *const *parts, uint32_t at)
{
    if (!attr->qualifier || !hr_name_eq(an, parts[at - 1], attr->qualifier)) return false;
    if (at >= 2 && !hr_name_eq(an, parts[at - 2], "default")) return false;
    return at < 3 || hr_name_eq(an, parts[at - 3], "spark_catalog");
}

static void match_level(struct hr_analyzer *an, const struct hr_plan *const *inputs,
                        uint32_t input_count, const struct hr_expr *name, struct matches *m)
{
    uint32_t deepest = HR_MIN(name->name_part_count - 1, 3u);
    for (uint32_t at = deepest + 1; at-- > 0 && m->count == 0;) {
        m->used_parts = at + 1;
        for (uint32_t p = 0; p < input_count; p++) {
            const char *part = name->name_parts[at];
            struct hr_name_index *index = &an->indexes[p];
            for (uint32_t i = 0;; i++) {
                i = hr_name_index_next(an->arena, index, inputs[p], part, i);
                if (i >= inputs[p]->output_count) break;
                const struct hr_attr *attr = &inputs[p]->output[i];
                if (at == 0 && attr->hidden) continue;
                if (!hr_name_eq(an, part, attr->name)) continue;
                if (at == 0 || qualifier_matches(an, attr, name->name_parts, at))
                    add_match(m, attr);
            }
        }
        if (at == 0) prefer_plain(m);
    }
}

static bool goes_before(const struct hr_attr *a, const struct hr_attr *b)
{
    int order = strcmp(a->qualifier ? a->qualifier : "", b->qualifier ? b->qualifier : "");
    return order ? order < 0 : strcmp(a->name, b->name) < 0;
}

static hr_status ambiguous(struct hr_analyzer *an, const struct hr_expr *name, struct matches *m,
                           struct hr_err *err)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 1; i < m->count; i++) {
        const struct hr_attr *attr = m->attrs[i];
        uint32_t at = i;
        for (; at > 0 && goes_before(attr, m->attrs[at - 1]); at--) m->attrs[at] = m->attrs[at - 1];
        m->attrs[at] = attr;
    }
    hr_buf_putc(&buf, '[');
    for (uint32_t i = 0; i < m->count; i++) {
        if (i) hr_buf_puts(&buf, ", ");
        quote_attr(&buf, m->attrs[i]);
    }
    hr_buf_putc(&buf, ']');
    hr_status status = HR_RAISE(err, HR_E_AMBIGUOUS_REFERENCE, "name",
                                hr_quote_name(an->arena, name->name_parts, name->name_part_count),
                                "referenceNames", hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    hr_err_at(err, name->sql_pos, name->sql_end);
    return status;
}

hr_status hr_take_fields(struct hr_analyzer *an, struct hr_expr *base, const struct hr_expr *name,
                         uint32_t from, struct hr_expr **ret, struct hr_err *err)
{
    for (uint32_t i = from; i < name->name_part_count; i++) {
        struct hr_expr *field = hr_expr_new(an->arena, HR_X_FIELD);
        if (!field) return HR_OOM(err);
        field->args = HR_NEW(an->arena, struct hr_expr *);
        if (!field->args) return HR_OOM(err);
        field->args[0] = base;
        field->arg_count = 1;
        field->name = name->name_parts[i];
        field->sql_pos = name->sql_pos;
        field->sql_end = name->sql_end;
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, field, err));
        base = field;
    }
    *ret = base;
    return HR_OK;
}

/* The one earlier item that is called so, or NULL. */
static hr_status find_lateral(struct hr_analyzer *an, const struct hr_names *names,
                              const struct hr_expr *name, const struct hr_expr **ret,
                              struct hr_err *err)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < names->lateral_count; i++) {
        const struct hr_expr *item = names->lateral[i];
        if (item->kind != HR_X_ALIAS || !item->type ||
            !hr_name_eq(an, name->name_parts[0], item->name))
            continue;
        if (found++ == 0) *ret = item;
    }
    if (found < 2) return HR_OK;
    char n[16];
    snprintf(n, sizeof n, "%u", found);
    HR_RAISE(err, HR_E_AMBIGUOUS_LATERAL_COLUMN_ALIAS, "name",
             hr_quote_name(an->arena, name->name_parts, 1), "n", n);
    return hr_err_at(err, name->sql_pos, name->sql_end);
}

/* An earlier item of the same select list. Its value is put in place of the reference when the
 * columns have their names (analyze_select.c). */
static hr_status resolve_lateral(struct hr_analyzer *an, const struct hr_names *names,
                                 const char *in_call, const struct hr_expr *name,
                                 struct hr_expr **ret, struct hr_err *err)
{
    assert(name->kind == HR_X_NAME);
    const struct hr_expr *item = NULL;
    HR_TRY(find_lateral(an, names, name, &item, err));
    if (!item) return HR_OK;
    if (names->in_over)
        return hr_lateral_in_over(an, hr_quote_name(an->arena, name->name_parts, 1), names->in_over,
                                  err);
    if (in_call) {
        HR_RAISE(err, HR_E_LATERAL_COLUMN_ALIAS_IN_AGGREGATE_FUNC, "lca",
                 hr_quote_name(an->arena, name->name_parts, 1), "aggFunc", in_call);
        return hr_err_at(err, name->sql_pos, name->sql_end);
    }
    struct hr_expr *ref = hr_expr_new(an->arena, HR_X_ATTR);
    if (!ref) return HR_OOM(err);
    ref->name = hr_arena_printf(an->arena, "lateralAliasReference(%s)", name->name_parts[0]);
    if (!ref->name) return HR_OOM(err);
    ref->type = item->type;
    ref->nullable = item->nullable;
    ref->attr_id = item->attr_id;
    ref->sql_pos = name->sql_pos;
    ref->sql_end = name->sql_end;
    return hr_take_fields(an, ref, name, 1, ret, err);
}

/* Functions that need no parentheses, where no column has their name. */
static hr_status resolve_bare_call(struct hr_analyzer *an, const struct hr_expr *name,
                                   struct hr_expr **ret, struct hr_err *err)
{
    assert(name->kind == HR_X_NAME);
    static const char *const bare[] = {
        "current_date", "current_timestamp", "localtimestamp",   "current_user",   "session_user",
        "user",         "current_time",      "localtime",        "current_catalog",
        "current_database", "current_schema"};
    bool found = false;
    for (size_t i = 0; name->name_part_count == 1 && i < HR_COUNT(bare) && !found; i++)
        found = hr_str_eq_nocase(name->name_parts[0], bare[i]);
    if (!found || !hr_function_find(name->name_parts[0])) return HR_OK;
    struct hr_expr *call = hr_expr_call(an->arena, name->name_parts[0], NULL, 0);
    if (!call) return HR_OOM(err);
    call->sql_pos = name->sql_pos;
    call->sql_end = name->sql_end;
    HR_TRY(hr_expr_resolve_node(an->arena, an->conf, call, err));
    *ret = call;
    return HR_OK;
}

static bool groups_by(const struct hr_plan *agg, const struct matches *m)
{
    const struct hr_aggregate_node *node = HR_NODE(aggregate, agg);
    for (uint32_t i = 0; m->count == 1 && i < node->group_count; i++)
        if (node->groups[i]->kind == HR_X_ATTR && node->groups[i]->attr_id == m->attrs[0]->id)
            return true;
    return false;
}

static void match_names(struct hr_analyzer *an, const struct hr_names *names, bool in_call,
                        const struct hr_expr *name, struct matches *m)
{
    const struct hr_plan *below = names->aggregate ? names->aggregate->children[0] : NULL;
    if (below && (in_call || names->groups_first)) match_level(an, &below, 1, name, m);
    if (below && !in_call && !groups_by(names->aggregate, m)) m->count = 0;
    if (m->count == 0) match_level(an, names->inputs, names->input_count, name, m);
    if (m->count == 0 && below && !in_call) match_level(an, &below, 1, name, m);
    if (!names->descend || names->aggregate) return;
    const struct hr_plan *level = names->inputs[0];
    while (m->count == 0 && (level->kind == HR_P_PROJECT || level->kind == HR_P_FILTER ||
                             level->kind == HR_P_OVER)) {
        level = level->children[0];
        match_level(an, &level, 1, name, m);
    }
}

/* ORDER BY: a column that got its name by itself, as CAST(a AS INT), stands back. */
static void prefer_written(const struct hr_plan *project, struct matches *m)
{
    uint32_t kept = 0;
    const struct hr_attr *all[MATCHES_MAX];
    if (project->kind != HR_P_PROJECT) return;
    const struct hr_select *select = hr_select_of_const(project);
    for (uint32_t i = 0; i < m->count; i++) {
        bool by_itself = false;
        for (uint32_t j = 0; j < select->expr_count; j++)
            by_itself = by_itself || (select->exprs[j]->attr_id == m->attrs[i]->id &&
                                      select->exprs[j]->kind == HR_X_ALIAS &&
                                      select->exprs[j]->is_generated_alias);
        if (!by_itself) all[kept++] = m->attrs[i];
    }
    if (kept == 0) return;
    memcpy(m->attrs, all, kept * sizeof *all);
    m->count = kept;
}

hr_status hr_find_name(struct hr_analyzer *an, const struct hr_names *names, bool in_call,
                       const struct hr_expr *name, const struct hr_attr **ret_attr,
                       uint32_t *ret_used_parts, struct hr_err *err)
{
    struct matches m = {.count = 0};
    match_names(an, names, in_call, name, &m);
    if (m.count > 1 && names->descend) prefer_written(names->inputs[0], &m);
    if (m.count > 1) return ambiguous(an, name, &m, err);
    *ret_attr = m.count ? m.attrs[0] : NULL;
    *ret_used_parts = m.used_parts;
    return HR_OK;
}

/* A variable of the innermost lambda that has one of the name. */
static hr_status resolve_variable(struct hr_analyzer *an, const struct hr_names *names,
                                  const struct hr_expr *name, struct hr_expr **ret,
                                  struct hr_err *err)
{
    for (const struct hr_lambda_scope *s = names->lambda; s; s = s->outer) {
        for (uint32_t i = 0; i < s->count; i++) {
            if (!hr_name_eq(an, name->name_parts[0], s->names[i])) continue;
            struct hr_expr *var = hr_expr_new(an->arena, HR_X_VAR);
            if (!var) return HR_OOM(err);
            var->name = name->name_parts[0];
            var->type = s->types[i];
            var->nullable = s->nullable[i];
            var->attr_id = s->first_id + i;
            var->sql_pos = name->sql_pos;
            var->sql_end = name->sql_end;
            return hr_take_fields(an, var, name, 1, ret, err);
        }
    }
    return HR_OK;
}

static hr_status resolve_name(struct hr_analyzer *an, const struct hr_names *names,
                              const char *in_call, struct hr_expr **expr, struct hr_err *err)
{
    const struct hr_expr *name = *expr;
    const struct hr_attr *attr = NULL;
    uint32_t used_parts = 0;
    struct hr_expr *variable = NULL;
    HR_TRY(resolve_variable(an, names, name, &variable, err));
    if (variable) {
        *expr = variable;
        return HR_OK;
    }
    HR_TRY(hr_find_name(an, names, in_call != NULL, name, &attr, &used_parts, err));
    if (!attr) {
        struct hr_expr *other = NULL;
        HR_TRY(resolve_lateral(an, names, in_call, name, &other, err));
        if (!other) HR_TRY(resolve_bare_call(an, name, &other, err));
        if (!other && !names->optional) HR_TRY(hr_resolve_param(an, name, &other, err));
        if (!other && !names->optional)
            HR_TRY(hr_resolve_outer(an, name, in_call != NULL, &other, err));
        if (!other && !names->optional) HR_TRY(hr_resolve_variable(an, name, &other, err));
        if (other) {
            *expr = other;
            return HR_OK;
        }
        if (names->optional) {
            an->open_names++;
            return HR_OK;
        }
        return hr_unresolved(an, name, names->inputs, names->input_count, err);
    }
    struct hr_expr *ref = hr_attr_ref(an->arena, attr);
    if (!ref) return HR_OOM(err);
    ref->name = name->name_parts[used_parts - 1]; /* as written */
    ref->sql_pos = name->sql_pos;
    ref->sql_end = name->sql_end;
    return hr_take_fields(an, ref, name, used_parts, expr, err);
}

/* Calls ---------------------------------------------------------------------------------------- */

static hr_status expand_star_args(struct hr_analyzer *an, const struct hr_names *names,
                                  struct hr_expr *call, struct hr_err *err)
{
    bool any = false;
    for (uint32_t i = 0; i < call->arg_count; i++) any = any || call->args[i]->kind == HR_X_STAR;
    if (!any) return HR_OK;
    struct hr_exprs args = {0};
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (call->args[i]->kind != HR_X_STAR) {
            if (!HR_VEC_PUSH(an->arena, &args, call->args[i])) return HR_OOM(err);
            continue;
        }
        for (uint32_t p = 0; p < names->input_count; p++)
            HR_TRY(hr_expand_star(an, names->inputs[p], call->args[i], &args, err));
    }
    call->args = args.items;
    call->arg_count = args.count;
    return HR_OK;
}

/* A TIMESTAMP prints in the time zone of the session; expressions alone do not know it. */
static hr_status name_literal(struct hr_analyzer *an, struct hr_expr *e, struct hr_err *err)
{
    if (!e->type || e->type->id != HR_T_TIMESTAMP || hr_expr_is_literal_null(e)) return HR_OK;
    if (e->is_variable) return HR_OK;
    struct hr_buf buf = {0};
    hr_column_print(e->literal, 0, an->conf->tz, &buf);
    e->name = hr_arena_strdup(an->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return e->name ? HR_OK : HR_OOM(err);
}

static hr_status nested_generator(struct hr_analyzer *an, const struct hr_expr *e,
                                  struct hr_err *err)
{
    if (e->kind == HR_X_ALIAS) return HR_OK;
    for (uint32_t i = 0; i < e->arg_count; i++) {
        if (!hr_is_generator(e->args[i])) continue;
        HR_RAISE(err, HR_E_UNSUPPORTED_GENERATOR, "expression", hr_expr_quoted(an->arena, e));
        return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    return HR_OK;
}

/* predict(m, …): the first argument is no column, but the name of a model. */
static hr_status name_model(struct hr_analyzer *an, struct hr_expr *call, struct hr_err *err)
{
    struct hr_expr *name = call->arg_count ? call->args[0] : NULL;
    if (!name || name->kind != HR_X_NAME) return HR_OK;
    struct hr_expr *literal =
        hr_expr_string(an->arena, hr_sv(name->name_parts[name->name_part_count - 1]));
    if (!literal) return HR_OOM(err);
    literal->sql_pos = name->sql_pos;
    literal->sql_end = name->sql_end;
    call->args[0] = literal;
    return HR_OK;
}

static hr_status resolve_in(struct hr_analyzer *an, const struct hr_names *names,
                            const char *in_call, struct hr_expr **expr, struct hr_err *err);

/* What an OVER has is over the rows that it ranges over: not in the call around it, if any. */
static hr_status resolve_over(struct hr_analyzer *an, const struct hr_names *names,
                              struct hr_expr *e, struct hr_err *err)
{
    struct hr_names own = *names;
    own.in_over = e;
    uint32_t open = an->open_names;
    if (e->over->base) return hr_over_missing(an, e, err);
    for (uint32_t i = 0; i < e->arg_count; i++)
        HR_TRY(resolve_in(an, &own, NULL, &e->args[i], err));
    if (an->open_names != open) return HR_OK;
    return hr_over_resolve(an, e, err);
}

/* The bodies of a call's lambdas, whose variables have the types of the other arguments. */
static hr_status resolve_lambdas(struct hr_analyzer *an, const struct hr_names *names,
                                 const char *in_call, struct hr_expr *e, struct hr_err *err)
{
    for (uint32_t i = 0; i < e->arg_count; i++) {
        struct hr_lambda_scope scope = {.outer = names->lambda};
        struct hr_names own = *names;
        HR_TRY(hr_lambda_open(an->arena, an->conf, e, i, &scope, err));
        if (!scope.lambda) continue;
        own.lambda = &scope;
        HR_TRY(resolve_in(an, &own, in_call, &scope.lambda->args[0], err));
        if (scope.lambda->args[0]->type) HR_TRY(hr_lambda_close(&scope, err));
    }
    return HR_OK;
}

/* in_call: the text of the aggregate around it, or NULL. */
static hr_status resolve_in(struct hr_analyzer *an, const struct hr_names *names,
                            const char *in_call, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    switch (e->kind) {
    case HR_X_LITERAL: return name_literal(an, e, err);
    case HR_X_COLUMN:
    case HR_X_ATTR:
    case HR_X_VAR:
    case HR_X_LAMBDA: return HR_OK;
    case HR_X_NAME: return resolve_name(an, names, in_call, expr, err);
    case HR_X_STAR:
        HR_RAISE(err, HR_E_INVALID_USAGE_OF_STAR, "elem", "'*'", "prettyName", "expression");
        return hr_err_at(err, e->sql_pos, e->sql_end);
    case HR_X_OVER: return e->type ? HR_OK : resolve_over(an, names, e, err);
    default: break;
    }
    if (e->kind == HR_X_CALL) {
        if (e->type) return HR_OK;
        const struct hr_function *fn = hr_function_find(e->name);
        if (fn && hr_function_role(fn) == HR_ROLE_MODEL) HR_TRY(name_model(an, e, err));
        HR_TRY(hr_place_arguments(an, e, err));
        HR_TRY(expand_star_args(an, names, e, err));
        if (fn && (fn->flags & HR_FN_AGGREGATE) && !e->is_windowed)
            in_call = hr_expr_quoted(an->arena, e);
    }
    uint32_t open = an->open_names;
    for (uint32_t i = 0; i < e->arg_count; i++)
        HR_TRY(resolve_in(an, names, in_call, &e->args[i], err));
    if (e->filter) HR_TRY(resolve_in(an, names, in_call, &e->filter, err));
    if (hr_lambda_is_taken(e) && an->open_names == open) {
        hr_status status = resolve_lambdas(an, names, in_call, e, err);
        if (status != HR_OK) return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    if (an->open_names != open) return HR_OK; /* a name was left: names->optional */
    if (e->kind == HR_X_SUBQUERY && names->lambda) {
        HR_RAISE(err, HR_E_SUBQUERY_IN_LAMBDA);
        return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    if (e->kind == HR_X_SUBQUERY) return hr_resolve_subquery(an, names, in_call, e, err);
    HR_TRY(nested_generator(an, e, err));
    if (hr_is_generator(e)) { /* its type comes with the node that is made of it */
        e->type = e->args[0]->type;
        return HR_OK;
    }
    if (e->kind == HR_X_CALL && !e->type) {
        HR_TRY(hr_inline_function(an, expr, err));
        if (*expr != e) return HR_OK;
    }
    hr_status status = hr_expr_resolve_node(an->arena, an->conf, e, err);
    if (status != HR_OK) hr_err_at(err, e->sql_pos, e->sql_end);
    return status;
}

hr_status hr_resolve(struct hr_analyzer *an, const struct hr_names *names, struct hr_expr **expr,
                     struct hr_err *err)
{
    assert(names->input_count <= HR_COUNT(names->inputs) && *expr);
    return resolve_in(an, names, NULL, expr, err);
}

/* Stars ---------------------------------------------------------------------------------------- */

static hr_status star_not_found(struct hr_analyzer *an, const struct hr_plan *input,
                                const struct hr_expr *star, struct hr_err *err)
{
    struct hr_buf buf = {0};
    bool first = true;
    for (uint32_t i = 0; i < input->output_count; i++) {
        if (input->output[i].hidden) continue;
        if (!first) hr_buf_puts(&buf, ", ");
        const char *name = input->output[i].name;
        quote_parts(&buf, &name, 1);
        first = false;
    }
    hr_status status = HR_RAISE(err, HR_E_CANNOT_RESOLVE_STAR_EXPAND, "targetString",
                                hr_quote_name(an->arena, star->name_parts, star->name_part_count),
                                "columns", hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    hr_err_at(err, star->sql_pos, star->sql_end);
    return status;
}

static hr_status push_attr(struct hr_analyzer *an, const struct hr_attr *attr,
                           const struct hr_expr *star, struct hr_exprs *out, struct hr_err *err)
{
    struct hr_expr *ref = hr_attr_ref(an->arena, attr);
    if (!ref) return HR_OOM(err);
    ref->sql_pos = star->sql_pos;
    ref->sql_end = star->sql_end;
    return HR_VEC_PUSH(an->arena, out, ref) ? HR_OK : HR_OOM(err);
}

/* s.*: the fields of a STRUCT column. */
static hr_status expand_struct(struct hr_analyzer *an, const struct hr_plan *input,
                               const struct hr_expr *star, struct hr_exprs *out, struct hr_err *err)
{
    struct hr_names names = {.inputs = {input}, .input_count = 1, .optional = true};
    struct hr_expr *base = hr_expr_name(an->arena, star->name_parts, star->name_part_count);
    if (!base) return HR_OOM(err);
    base->sql_pos = star->sql_pos;
    base->sql_end = star->sql_end;
    HR_TRY(hr_resolve(an, &names, &base, err));
    if (!base->type || base->type->id != HR_T_STRUCT) return star_not_found(an, input, star, err);
    for (uint32_t i = 0; i < base->type->field_count; i++) {
        const char *field = base->type->fields[i].name;
        struct hr_expr *copy = hr_expr_copy(an->arena, base), *value = NULL;
        struct hr_expr *name = hr_expr_name(an->arena, &field, 1);
        if (!copy || !name) return HR_OOM(err);
        HR_TRY(hr_take_fields(an, copy, name, 0, &value, err));
        struct hr_expr *alias = hr_expr_alias(an->arena, value, field);
        if (!alias) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, alias, err));
        if (!HR_VEC_PUSH(an->arena, out, alias)) return HR_OOM(err);
    }
    return HR_OK;
}

/* EXCEPT (a, b) */
static bool is_excepted(const struct hr_analyzer *an, const struct hr_expr *star,
                        const struct hr_attr *attr)
{
    for (uint32_t i = 0; i < star->arg_count; i++) {
        const struct hr_expr *name = star->args[i];
        if (name->kind != HR_X_NAME || name->name_part_count == 0) continue;
        if (hr_name_eq(an, name->name_parts[name->name_part_count - 1], attr->name)) return true;
    }
    return false;
}

/* SET x = …: what takes the place of the column, or NULL. */
static struct hr_expr *replacement(const struct hr_analyzer *an, const struct hr_expr *star,
                                   const struct hr_attr *attr)
{
    for (uint32_t i = 0; i < star->arg_count; i++)
        if (star->args[i]->kind == HR_X_ALIAS && hr_name_eq(an, star->args[i]->name, attr->name))
            return star->args[i];
    return NULL;
}

/* A name in EXCEPT that is no column is a mistake, not nothing. */
static hr_status overlapping(struct hr_analyzer *an, const struct hr_expr *star, struct hr_err *err)
{
    const char *list = "";
    for (uint32_t i = 0; list && i < star->arg_count; i++)
        list =
            hr_arena_printf(an->arena, "%s%s%s", list, i ? ", " : "", star->args[i]->name_parts[0]);
    HR_RAISE(err, HR_E_EXCEPT_OVERLAPPING_COLUMNS, "columns", list ? list : "?");
    return hr_err_at(err, star->sql_pos, star->sql_end);
}

static hr_status check_excepted(struct hr_analyzer *an, const struct hr_plan *input,
                                const struct hr_expr *star, struct hr_err *err)
{
    for (uint32_t i = 0; i < star->arg_count; i++) {
        const struct hr_expr *name = star->args[i];
        bool found = false, is_alias = name->kind == HR_X_ALIAS;
        const char *text = is_alias ? name->name : name->name_parts[name->name_part_count - 1];
        for (uint32_t j = 0; j < input->output_count && !found; j++)
            found = hr_name_eq(an, text, input->output[j].name);
        if (!found) return hr_unresolved(an, name, &input, 1, err);
        for (uint32_t j = 0; j < i; j++)
            if (!is_alias && hr_name_eq(an, text, star->args[j]->name_parts[0]))
                return overlapping(an, star, err);
    }
    return HR_OK;
}

hr_status hr_expand_star(struct hr_analyzer *an, const struct hr_plan *input,
                         const struct hr_expr *star, struct hr_exprs *out, struct hr_err *err)
{
    assert(star->kind == HR_X_STAR && input->resolved);
    uint32_t parts = star->name_part_count, before = out->count;
    HR_TRY(check_excepted(an, input, star, err));
    for (int hidden = parts > 0; hidden >= 0; hidden--) {
        for (uint32_t i = 0; i < input->output_count; i++) {
            const struct hr_attr *attr = &input->output[i];
            if (attr->hidden != (hidden == 1)) continue;
            if (parts && !qualifier_matches(an, attr, star->name_parts, parts)) continue;
            if (is_excepted(an, star, attr)) continue;
            struct hr_expr *other = replacement(an, star, attr);
            if (other && !HR_VEC_PUSH(an->arena, out, other)) return HR_OOM(err);
            if (!other) HR_TRY(push_attr(an, attr, star, out, err));
        }
    }
    if (parts == 0 || out->count > before) return HR_OK;
    return expand_struct(an, input, star, out, err);
}

hr_status hr_carry_up(struct hr_analyzer *an, struct hr_plan *plan, uint32_t attr_id,
                      struct hr_err *err)
{
    assert(plan->resolved);
    if (hr_plan_attr(plan, attr_id)) return HR_OK;
    if (plan->kind != HR_P_PROJECT && plan->kind != HR_P_FILTER && plan->kind != HR_P_OVER)
        return HR_BUG(err, "attribute %u is not below %s", attr_id, hr_plan_vt(plan)->name);
    HR_TRY(hr_carry_up(an, plan->children[0], attr_id, err));
    if (plan->kind == HR_P_PROJECT) {
        struct hr_expr *ref = hr_attr_ref(an->arena, hr_plan_attr(plan->children[0], attr_id));
        if (!ref) return HR_OOM(err);
        HR_TRY(hr_select_push(an->arena, plan, ref, err));
    }
    return hr_plan_refresh(an->arena, plan, err);
}
