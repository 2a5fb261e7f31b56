/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of rows: f(…) OVER (PARTITION BY … ORDER BY … frame). Here: the frame that an OVER has
 * when none is written, Spark's rules about frames, and the way from expressions to nodes. OVERs
 * with one PARTITION BY and ORDER BY share a node; an OVER inside another one is a node below.
 */
#include <stdio.h>

#include "base/datetime.h"
#include "expr/program.h"
#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/over.h"
#include "plan/nodes/project.h"

#define HR_TOP_MAX 10000 /* rows of a key: they are compared at every epoch that has one of it */

/* Refusals ------------------------------------------------------------------------------------- */

static const char *type_text(struct hr_analyzer *an, const struct hr_type *type)
{
    const char *text = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, type));
    return text ? text : "?";
}

static const char *kept(struct hr_analyzer *an, struct hr_buf *buf)
{
    const char *text = hr_arena_strdup(an->arena, hr_buf_cstr(buf));
    hr_buf_done(buf);
    return text ? text : "?";
}

static const char *frame_text(struct hr_analyzer *an, const struct hr_expr *over)
{
    assert(over->kind == HR_X_OVER && over->over);
    struct hr_buf buf = {0};
    hr_buf_putc(&buf, '"');
    hr_over_print_frame(over, &buf);
    hr_buf_putc(&buf, '"');
    return kept(an, &buf);
}

static const char *spec_text(struct hr_analyzer *an, const struct hr_expr *over)
{
    assert(over->kind == HR_X_OVER && over->over);
    struct hr_buf buf = {0};
    hr_buf_putc(&buf, '"');
    hr_over_print_spec(over, &buf);
    hr_buf_putc(&buf, '"');
    return kept(an, &buf);
}

/* "(- 1)", "UNBOUNDED FOLLOWING" */
static const char *bound_text(struct hr_analyzer *an, const struct hr_expr *over, bool upper)
{
    assert(over->kind == HR_X_OVER && over->over);
    enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
    const struct hr_expr *offset = hr_over_offset(over, upper);
    if (bound == HR_BOUND_UNBOUNDED_PRECEDING) return "\"UNBOUNDED PRECEDING\"";
    if (bound == HR_BOUND_UNBOUNDED_FOLLOWING) return "\"UNBOUNDED FOLLOWING\"";
    if (bound == HR_BOUND_CURRENT) return "\"CURRENT ROW\"";
    const char *text = hr_expr_text(an->arena, offset);
    bool before = bound == HR_BOUND_PRECEDING;
    text = hr_arena_printf(an->arena, before ? "\"(- %s)\"" : "\"%s\"", text);
    return text ? text : "?";
}

static hr_status at_spec(const struct hr_expr *over, struct hr_err *err)
{
    return hr_err_at(err, over->over->sql_pos, over->over->sql_end);
}

hr_status hr_over_missing(struct hr_analyzer *an, const struct hr_expr *over, struct hr_err *err)
{
    HR_UNUSED(an);
    return HR_RAISE(err, HR_E_WINDOW_MISSING, "windowName", over->over->base, "docroot",
                    "https://spark.apache.org/docs/latest");
}

hr_status hr_lateral_in_over(struct hr_analyzer *an, const char *alias, const struct hr_expr *over,
                             struct hr_err *err)
{
    return HR_RAISE(err, HR_E_LATERAL_COLUMN_ALIAS_IN_WINDOW, "lca", alias, "windowExpr",
                    hr_expr_quoted(an->arena, over));
}

hr_status hr_over_in_clause(const struct hr_expr *condition, const char *clause, struct hr_err *err)
{
    HR_UNUSED(condition);
    return HR_RAISE(err, HR_E_WINDOW_NOT_ALLOWED_IN_CLAUSE, "clauseName", clause);
}

/* The frame ------------------------------------------------------------------------------------ */

static bool has_map(const struct hr_type *type)
{
    if (type->id == HR_T_MAP) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_map(type->fields[i].type)) return true;
    return false;
}

static bool is_date_or_time(const struct hr_type *type)
{
    return type->id == HR_T_DATE || type->id == HR_T_TIMESTAMP || type->id == HR_T_TIMESTAMP_NTZ;
}

static bool is_own_function(const struct hr_expr *call) /* not an aggregate */
{
    return call->function->flags & HR_FN_WINDOW;
}

static hr_status set_frame(struct hr_analyzer *an, struct hr_expr *over, enum hr_frame_unit unit,
                           enum hr_frame_bound lower, enum hr_frame_bound upper, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    struct hr_over *o = hr_arena_memdup(an->arena, over->over, sizeof *o);
    if (!o) return HR_OOM(err);
    o->unit = unit;
    o->lower = lower;
    o->upper = upper;
    over->over = o;
    return HR_OK;
}

/* lag and lead range over the one row that they look at. */
static hr_status frame_of_offset(struct hr_analyzer *an, struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_expr *call = over->args[0];
    int64_t n = *(const int64_t *)call->bound;
    if (hr_expr_is(call, HR_ROLE_LAG)) n = -n;
    if (over->over->unit != HR_FRAME_NONE)
        return HR_RAISE(err, HR_E_WINDOW_FRAME_FIXED, "prettyName", call->function->name);
    struct hr_expr **args = HR_NEW_ARRAY(an->arena, struct hr_expr *, over->arg_count + 2);
    if (!args) return HR_OOM(err);
    for (uint32_t i = 0; i < over->arg_count; i++) args[i] = over->args[i];
    for (int k = 0; k < 2; k++) {
        args[over->arg_count] = hr_expr_int(an->arena, hr_type(HR_T_INT), n);
        if (!args[over->arg_count++]) return HR_OOM(err);
    }
    over->args = args;
    return set_frame(an, over, HR_FRAME_ROWS, HR_BOUND_FOLLOWING, HR_BOUND_FOLLOWING, err);
}

static const char *frame_word(const struct hr_expr *over, bool upper)
{
    assert(over->kind == HR_X_OVER && over->over);
    enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
    return bound == HR_BOUND_UNBOUNDED_PRECEDING   ? "unboundedpreceding$()"
           : bound == HR_BOUND_CURRENT             ? "currentrow$()"
           : bound == HR_BOUND_UNBOUNDED_FOLLOWING ? "unboundedfollowing$()"
                                                   : NULL;
}

/* Spark's inner form, which its error shows. */
static const char *inner_frame(struct hr_analyzer *an, const struct hr_expr *over)
{
    assert(over->kind == HR_X_OVER && over->over);
    struct hr_buf buf = {0};
    hr_buf_printf(&buf, "specifiedwindowframe(%s",
                  over->over->unit == HR_FRAME_ROWS ? "RowFrame" : "RangeFrame");
    for (int upper = 0; upper < 2; upper++) {
        const struct hr_expr *offset = hr_over_offset(over, upper);
        enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
        hr_buf_puts(&buf, ", ");
        if (offset && bound == HR_BOUND_PRECEDING) hr_buf_putc(&buf, '-');
        if (offset)
            hr_expr_print(offset, &buf);
        else
            hr_buf_puts(&buf, frame_word(over, upper));
    }
    hr_buf_putc(&buf, ')');
    return kept(an, &buf);
}

/* Ranks know their frame; another one is an error. */
static hr_status frame_of_rank(struct hr_analyzer *an, struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    bool range = hr_expr_is(over->args[0], HR_ROLE_CUME_DIST);
    enum hr_frame_unit unit = range ? HR_FRAME_RANGE : HR_FRAME_ROWS;
    const struct hr_over *o = over->over;
    if (o->unit == HR_FRAME_NONE)
        return set_frame(an, over, unit, HR_BOUND_UNBOUNDED_PRECEDING, HR_BOUND_CURRENT, err);
    if (o->unit == unit && o->lower == HR_BOUND_UNBOUNDED_PRECEDING && o->upper == HR_BOUND_CURRENT)
        return HR_OK;
    const char *required = hr_arena_printf(
        an->arena, "specifiedwindowframe(%s, unboundedpreceding$(), currentrow$())",
        range ? "RangeFrame" : "RowFrame");
    return HR_RAISE(err, HR_E_WINDOW_FRAME_REQUIRED, "wf", inner_frame(an, over), "required",
                    required ? required : "?");
}

static hr_status default_frame(struct hr_analyzer *an, struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_expr *call = over->args[0];
    enum hr_function_role role = hr_expr_role(call);
    if (role == HR_ROLE_LAG || role == HR_ROLE_LEAD) return frame_of_offset(an, over, err);
    if (is_own_function(call) && role != HR_ROLE_NTH_VALUE) return frame_of_rank(an, over, err);
    if (over->over->unit != HR_FRAME_NONE) return HR_OK;
    bool ordered = over->over->order_count > 0;
    return set_frame(an, over, ordered ? HR_FRAME_RANGE : HR_FRAME_ROWS,
                     HR_BOUND_UNBOUNDED_PRECEDING,
                     ordered ? HR_BOUND_CURRENT : HR_BOUND_UNBOUNDED_FOLLOWING, err);
}

/* Bounds --------------------------------------------------------------------------------------- */

static struct hr_expr **offset_place(struct hr_expr *over, bool upper)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_over *o = over->over;
    uint32_t at = 1 + o->partition_count + o->order_count;
    if (upper && hr_bound_has_offset(o->lower)) at++;
    return &over->args[at];
}

static const struct hr_type *order_type(const struct hr_expr *over)
{
    assert(over->over->order_count > 0); /* an offset in values has an order */
    return over->args[1 + over->over->partition_count]->args[0]->type;
}

/* A distance in values has the order's type, but for those of dates and times. */
static hr_status cast_offset(struct hr_analyzer *an, struct hr_expr *over, bool upper,
                             struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    struct hr_expr **offset = offset_place(over, upper);
    const struct hr_type *to = order_type(over);
    if (is_date_or_time(to) || hr_type_same((*offset)->type, to)) return HR_OK;
    if (!hr_type_can_cast((*offset)->type, to)) return HR_OK; /* refused below */
    return hr_expr_coerce(an->arena, an->conf, offset, to, err);
}

static bool is_interval(const struct hr_type *type)
{
    return type->id == HR_T_INTERVAL_YM || type->id == HR_T_INTERVAL_DT;
}

static hr_status check_offset(struct hr_analyzer *an, const struct hr_expr *over, bool upper,
                              struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_expr *offset = hr_over_offset(over, upper);
    if (!offset) return HR_OK;
    bool rows = over->over->unit == HR_FRAME_ROWS;
    const struct hr_type *t = offset->type;
    if (rows ? t->id == HR_T_INT : hr_type_is_numeric(t) || is_interval(t)) return HR_OK;
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FRAME_UNACCEPTED_TYPE, "sqlExpr", frame_text(an, over),
             "location", upper ? "upper" : "lower", "exprType", type_text(an, t), "expectedType",
             rows ? "\"INT\""
                  : "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH\" or "
                    "\"INTERVAL\")");
    return at_spec(over, err);
}

/* The offset as a signed number of rows, or sign of comparison for values; false: not a number. */
static bool signed_offset(struct hr_analyzer *an, const struct hr_expr *over, bool upper,
                          double *ret)
{
    assert(hr_over_offset(over, upper));
    const struct hr_expr *offset = hr_over_offset(over, upper);
    enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
    struct hr_column col;
    struct hr_buf text = {0};
    if (hr_expr_fold(an->arena, an->conf, offset, &col, NULL) != HR_OK) return false;
    if (col.type->id == HR_T_NULL || !hr_column_valid(&col, 0)) return false;
    if (is_interval(col.type)) {
        *ret = col.type->id == HR_T_INTERVAL_YM ? *(const int32_t *)col.values
                                                : (double)*(const int64_t *)col.values;
    } else {
        hr_column_print(&col, 0, an->conf->tz, &text);
        *ret = strtod(hr_buf_cstr(&text), NULL);
        hr_buf_done(&text);
    }
    if (bound == HR_BOUND_PRECEDING) *ret = -*ret;
    return true;
}

static hr_status check_bounds(struct hr_analyzer *an, const struct hr_expr *over,
                              struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_over *o = over->over;
    if (o->lower == HR_BOUND_UNBOUNDED_FOLLOWING || o->upper == HR_BOUND_UNBOUNDED_PRECEDING) {
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FRAME_INVALID_BOUND, "sqlExpr", frame_text(an, over),
                 "upper", bound_text(an, over, true), "lower", bound_text(an, over, false));
        return at_spec(over, err);
    }
    const struct hr_expr *lower = hr_over_offset(over, false), *upper = hr_over_offset(over, true);
    if (!lower || !upper) return HR_OK;
    if (!hr_type_same(lower->type, upper->type)) {
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FRAME_DIFF_TYPES, "sqlExpr", frame_text(an, over),
                 "lower", bound_text(an, over, false), "upper", bound_text(an, over, true),
                 "lowerType", type_text(an, lower->type), "upperType", type_text(an, upper->type));
        return at_spec(over, err);
    }
    double from = 0, to = 0;
    if (!signed_offset(an, over, false, &from) || !signed_offset(an, over, true, &to)) return HR_OK;
    if (from <= to) return HR_OK;
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FRAME_WRONG_COMPARISON, "sqlExpr", frame_text(an, over),
             "comparison", "less than or equal");
    return at_spec(over, err);
}

/* Spark's WindowSpecDefinition.isValidFrameType */
static bool fits_order(const struct hr_type *order, const struct hr_type *offset)
{
    if (order->id == HR_T_DATE)
        return offset->id == HR_T_INT || offset->id == HR_T_INTERVAL_YM ||
               (offset->id == HR_T_INTERVAL_DT && offset->end_field == HR_IV_DAY);
    if (is_date_or_time(order)) return is_interval(offset);
    return hr_type_same(order, offset) || (is_interval(order) && order->id == offset->id);
}

static hr_status check_range(struct hr_analyzer *an, const struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_over *o = over->over;
    bool whole = o->lower == HR_BOUND_UNBOUNDED_PRECEDING &&
                 o->upper == HR_BOUND_UNBOUNDED_FOLLOWING;
    const struct hr_expr *offset = hr_over_offset(over, false);
    if (!offset) offset = hr_over_offset(over, true);
    if (o->unit != HR_FRAME_RANGE) return HR_OK;
    if (o->order_count == 0 && !whole) {
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_RANGE_FRAME_WITHOUT_ORDER, "sqlExpr",
                 spec_text(an, over));
        return at_spec(over, err);
    }
    if (offset && o->order_count > 1) {
        struct hr_buf order = {0};
        for (uint32_t i = 0; i < o->order_count; i++) {
            if (i) hr_buf_putc(&order, ',');
            hr_expr_print(over->args[1 + o->partition_count + i], &order);
        }
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_RANGE_FRAME_MULTI_ORDER, "sqlExpr",
                 spec_text(an, over), "orderSpec", kept(an, &order));
        return at_spec(over, err);
    }
    if (!offset || fits_order(order_type(over), offset->type)) return HR_OK;
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_RANGE_FRAME_INVALID_TYPE, "sqlExpr", spec_text(an, over),
             "orderSpecType", type_text(an, order_type(over)), "valueBoundaryType",
             type_text(an, offset->type));
    return at_spec(over, err);
}

/* Keys ----------------------------------------------------------------------------------------- */

static hr_status check_keys(struct hr_analyzer *an, const struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_over *o = over->over;
    for (uint32_t i = 0; i < o->order_count; i++) {
        struct hr_expr *key = over->args[1 + o->partition_count + i];
        key->type = key->args[0]->type;
        key->nullable = key->args[0]->nullable;
        if (!has_map(key->type)) continue;
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                 hr_expr_quoted(an->arena, key), "functionName", "`sortorder`", "dataType",
                 type_text(an, key->type));
        return hr_err_at(err, key->sql_pos, key->sql_end);
    }
    for (uint32_t i = 0; i < o->partition_count; i++) {
        const struct hr_expr *key = over->args[1 + i];
        if (!has_map(key->type)) continue;
        HR_RAISE(err, HR_E_EXPRESSION_NOT_ORDERABLE, "expr", hr_expr_quoted(an->arena, key),
                 "exprType", type_text(an, key->type));
        return hr_err_at(err, over->sql_pos, over->sql_end);
    }
    return HR_OK;
}

static hr_status check_function(struct hr_analyzer *an, const struct hr_expr *over,
                                struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_expr *call = over->args[0];
    const struct hr_over *o = over->over;
    bool is_call = call->kind == HR_X_CALL && call->function;
    if (!is_call || !(call->function->flags & (HR_FN_AGGREGATE | HR_FN_WINDOW))) {
        HR_RAISE(err, HR_E_UNSUPPORTED_EXPR_FOR_WINDOW, "sqlExpr",
                 hr_expr_quoted(an->arena, call));
        return hr_err_at(err, over->sql_pos, over->sql_end);
    }
    if (is_own_function(call) && o->order_count == 0)
        return HR_RAISE(err, HR_E_WINDOW_FRAME_NOT_ORDERED, "wf", call->function->name, "wfExpr",
                        hr_expr_text(an->arena, call));
    return HR_OK;
}

static hr_status check_aggregate(struct hr_analyzer *an, const struct hr_expr *over,
                                 struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->over);
    const struct hr_expr *call = over->args[0];
    const struct hr_over *o = over->over;
    bool whole = o->lower == HR_BOUND_UNBOUNDED_PRECEDING &&
                 o->upper == HR_BOUND_UNBOUNDED_FOLLOWING;
    if (call->distinct) {
        HR_RAISE(err, HR_E_DISTINCT_WINDOW_FUNCTION, "windowExpr",
                 hr_expr_quoted(an->arena, over));
        return hr_err_at(err, over->sql_pos, over->sql_end);
    }
    if (!hr_expr_is(call, HR_ROLE_WHOLE) || (o->order_count == 0 && whole)) return HR_OK;
    HR_RAISE(err, HR_E_WINDOW_SPEC_FOR_AGGREGATE, "aggFunc", hr_expr_quoted(an->arena, call));
    return hr_err_at(err, over->sql_pos, over->sql_end);
}

hr_status hr_over_resolve(struct hr_analyzer *an, struct hr_expr *over, struct hr_err *err)
{
    assert(over->kind == HR_X_OVER && over->arg_count > 0 && over->args[0]->type);
    HR_TRY(check_function(an, over, err));
    HR_TRY(check_keys(an, over, err));
    HR_TRY(default_frame(an, over, err));
    bool by_value = over->over->unit == HR_FRAME_RANGE && over->over->order_count == 1;
    for (int upper = 0; upper < 2; upper++) {
        if (by_value && hr_over_offset(over, upper)) HR_TRY(cast_offset(an, over, upper, err));
        HR_TRY(check_offset(an, over, upper, err));
    }
    HR_TRY(check_bounds(an, over, err));
    HR_TRY(check_range(an, over, err));
    HR_TRY(check_aggregate(an, over, err));
    return hr_expr_resolve_node(an->arena, an->conf, over, err);
}

/* To nodes ------------------------------------------------------------------------------------- */

struct extract {
    struct hr_analyzer *an;
    struct hr_plan **child;
    const struct hr_plan *below; /* what the nodes of this round stand on */
    bool deeper;                 /* an OVER was left for the next round */
};

static bool same_keys(const struct hr_expr *a, const struct hr_expr *b)
{
    const struct hr_over *x = a->over, *y = b->over;
    if (x->partition_count != y->partition_count || x->order_count != y->order_count) return false;
    for (uint32_t i = 1; i <= x->partition_count + x->order_count; i++)
        if (!hr_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

static hr_status refresh_from(struct hr_analyzer *an, struct hr_plan *plan,
                              const struct hr_plan *below, struct hr_err *err)
{
    if (plan->children[0] != below) HR_TRY(refresh_from(an, plan->children[0], below, err));
    return hr_plan_refresh(an->arena, plan, err);
}

/* The node of this round that has over's keys: a new one on top where there is none. */
static hr_status find_node(struct extract *x, const struct hr_expr *over, struct hr_plan **ret,
                           struct hr_err *err)
{
    for (struct hr_plan *p = *x->child; p != x->below; p = p->children[0]) {
        assert(p->kind == HR_P_OVER);
        if (!same_keys(HR_NODE(over, p)->exprs[0]->args[0], over)) continue;
        *ret = p;
        return HR_OK;
    }
    struct hr_plan *node = hr_plan_new1(x->an->arena, HR_P_OVER, *x->child);
    if (!node) return HR_OOM(err);
    node->sql_pos = over->sql_pos;
    node->sql_end = over->sql_end;
    *x->child = *ret = node;
    return HR_OK;
}

static hr_status push_expr(struct hr_analyzer *an, struct hr_over_node *node, struct hr_expr *over,
                           struct hr_expr **ret_alias, struct hr_err *err)
{
    for (uint32_t i = 0; i < node->expr_count; i++) {
        if (!hr_expr_equal(node->exprs[i]->args[0], over)) continue;
        *ret_alias = node->exprs[i];
        return HR_OK;
    }
    struct hr_exprs list = {node->exprs, node->expr_count, node->expr_count};
    struct hr_expr *alias = hr_expr_alias(an->arena, over, hr_expr_text(an->arena, over));
    if (!alias) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(an->arena, an->conf, alias, err));
    alias->attr_id = hr_expr_next_attr_id();
    if (!HR_VEC_PUSH(an->arena, &list, alias)) return HR_OOM(err);
    node->exprs = list.items;
    node->expr_count = list.count;
    *ret_alias = alias;
    return HR_OK;
}

static hr_status take_over(struct extract *x, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *over = *expr, *alias = NULL;
    struct hr_plan *node = NULL;
    HR_TRY(find_node(x, over, &node, err));
    HR_TRY(push_expr(x->an, HR_NODE(over, node), over, &alias, err));
    HR_TRY(refresh_from(x->an, *x->child, x->below, err));
    struct hr_expr *ref = hr_attr_ref(x->an->arena, hr_plan_attr(node, alias->attr_id));
    if (!ref) return HR_OOM(err);
    ref->sql_pos = over->sql_pos;
    ref->sql_end = over->sql_end;
    *expr = ref;
    return HR_OK;
}

/* The OVERs of one round: those that have none inside. */
static hr_status take_round(struct extract *x, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    if (e->kind == HR_X_OVER) {
        bool nested = e->args[0]->filter && hr_expr_has_over(e->args[0]->filter);
        for (uint32_t i = 0; i < e->arg_count && !nested; i++)
            nested = hr_expr_has_over(e->args[i]);
        if (!nested) return take_over(x, expr, err);
        x->deeper = true;
    }
    for (uint32_t i = 0; i < e->arg_count; i++) HR_TRY(take_round(x, &e->args[i], err));
    return e->filter ? take_round(x, &e->filter, err) : HR_OK;
}

hr_status hr_extract_over(struct hr_analyzer *an, struct hr_plan **child, struct hr_expr **exprs,
                          uint32_t count, struct hr_err *err)
{
    assert((*child)->resolved);
    struct extract x = {.an = an, .child = child, .deeper = true};
    while (x.deeper) {
        x.deeper = false;
        x.below = *child;
        for (uint32_t i = 0; i < count; i++) HR_TRY(take_round(&x, &exprs[i], err));
    }
    return HR_OK;
}

/* Grouped -------------------------------------------------------------------------------------- */

/* The items without OVER, which stay with the groups. */
static hr_status keep_plain(struct hr_analyzer *an, struct hr_select *select, struct hr_err *err)
{
    struct hr_expr **plain = HR_NEW_ARRAY(an->arena, struct hr_expr *, select->expr_count + 1);
    uint32_t count = 0;
    if (!plain) return HR_OOM(err);
    for (uint32_t i = 0; i < select->expr_count; i++)
        if (!hr_expr_has_over(select->exprs[i])) plain[count++] = select->exprs[i];
    select->exprs = plain;
    select->expr_count = count;
    return HR_OK;
}

hr_status hr_split_over(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *agg = *plan;
    struct hr_select *select = hr_select_of(agg);
    bool any = false;
    for (uint32_t i = 0; i < select->expr_count; i++)
        any = any || hr_expr_has_over(select->exprs[i]);
    if (!any) return HR_OK;
    uint32_t count = select->expr_count;
    struct hr_expr **items = hr_arena_memdup(an->arena, select->exprs, count * sizeof *items);
    if (!items) return HR_OOM(err);
    HR_TRY(keep_plain(an, select, err));
    HR_TRY(hr_plan_refresh(an->arena, agg, err));
    HR_TRY(hr_check_aggregate(an, agg, err));
    for (uint32_t i = 0; i < count; i++) {
        if (hr_expr_has_over(items[i])) {
            HR_TRY(hr_over_aggregate_columns(an, agg, &items[i], err));
            continue;
        }
        items[i] = hr_attr_ref(an->arena, hr_plan_attr(agg, items[i]->attr_id));
        if (!items[i]) return HR_OOM(err);
    }
    struct hr_plan *project = hr_plan_new1(an->arena, HR_P_PROJECT, agg);
    if (!project) return HR_OOM(err);
    project->sql_pos = agg->sql_pos;
    project->sql_end = agg->sql_end;
    hr_select_of(project)->exprs = items;
    hr_select_of(project)->expr_count = count;
    HR_TRY(hr_extract_over(an, &project->children[0], items, count, err));
    *plan = project;
    return hr_plan_refresh(an->arena, project, err);
}

/* QUALIFY -------------------------------------------------------------------------------------- */

static bool plan_has_over(const struct hr_plan *plan)
{
    while (plan->kind == HR_P_PROJECT) plan = plan->children[0];
    return plan->kind == HR_P_OVER;
}

static bool find_aggregate(void *arg, const struct hr_expr *expr)
{
    const struct hr_expr **found = arg;
    bool outside = expr->kind != HR_X_OVER;
    if (hr_expr_is_aggregate(expr)) *found = expr;
    return outside && !*found;
}

struct carry {
    struct hr_analyzer *an;
    struct hr_plan *child;
    struct hr_err *err;
    hr_status status;
};

static bool carry_ref(void *arg, const struct hr_expr *expr)
{
    struct carry *c = arg;
    if (expr->kind == HR_X_ATTR) c->status = hr_carry_up(c->an, c->child, expr->attr_id, c->err);
    return c->status == HR_OK;
}

static hr_status check_qualify(struct hr_analyzer *an, const struct hr_plan *filter,
                               const struct hr_expr *condition, struct hr_err *err)
{
    const struct hr_expr *aggregate = NULL;
    hr_expr_walk(condition, find_aggregate, &aggregate);
    if (aggregate) {
        HR_RAISE(err, HR_E_QUALIFY_AGGREGATE, "aggregateExpr",
                 hr_expr_quoted(an->arena, aggregate));
        return hr_err_at(err, aggregate->sql_pos, aggregate->sql_end);
    }
    if (hr_expr_has_aggregate(condition)) {
        HR_RAISE(err, HR_E_MISSING_GROUP_BY);
        return hr_err_at(err, filter->sql_pos, filter->sql_end);
    }
    if (!hr_expr_has_over(condition) && !plan_has_over(filter->children[0]))
        return HR_RAISE(err, HR_E_QUALIFY_WITHOUT_WINDOW);
    if (condition->type->id == HR_T_BOOLEAN) return HR_OK;
    const char *quoted = hr_expr_quoted(an->arena, condition);
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FILTER_NOT_BOOLEAN, "sqlExpr", quoted, "filter", quoted,
             "type", type_text(an, condition->type));
    return hr_err_at(err, filter->sql_pos, filter->sql_end);
}

hr_status hr_analyze_qualify(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *filter = *plan;
    struct hr_expr **condition = &HR_NODE(filter, filter)->condition;
    struct hr_plan *restore = hr_plan_pass(an->arena, filter->children[0]);
    if (!restore) return HR_OOM(err);
    struct hr_names names = {.inputs = {filter->children[0]}, .input_count = 1, .descend = true};
    HR_TRY(hr_resolve(an, &names, condition, err));
    HR_TRY(check_qualify(an, filter, *condition, err));
    struct carry carry = {an, filter->children[0], err, HR_OK};
    if (!hr_expr_walk(*condition, carry_ref, &carry)) return carry.status;
    HR_TRY(hr_extract_over(an, &filter->children[0], condition, 1, err));
    HR_TRY(hr_plan_refresh(an->arena, filter, err));
    restore->children[0] = filter;
    *plan = restore;
    return hr_plan_refresh(an->arena, restore, err);
}

/* What is left --------------------------------------------------------------------------------- */

struct left {
    struct hr_analyzer *an;
    const struct hr_plan *plan;
};

static hr_status refuse_over(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct left *left = arg;
    const struct hr_expr *e = *expr;
    if (!hr_expr_has_over(e)) return HR_OK;
    while (e->kind != HR_X_OVER) {
        uint32_t i = 0;
        while (i < e->arg_count && !hr_expr_has_over(e->args[i])) i++;
        e = i < e->arg_count ? e->args[i] : e->filter;
    }
    const struct hr_node_vt *vt = hr_plan_vt(left->plan);
    HR_RAISE(err, HR_E_UNSUPPORTED_EXPR_FOR_OPERATOR, "operator", vt->name, "invalidExprSqls",
             hr_expr_quoted(left->an->arena, e));
    return hr_err_at(err, e->sql_pos, e->sql_end);
}

/* The attribute of below that plan shows as id; 0: it shows something else. */
static uint32_t shown_as(const struct hr_plan *plan, uint32_t id)
{
    const struct hr_select *select = hr_select_of_const(plan);
    for (uint32_t i = 0; i < select->expr_count; i++) {
        const struct hr_expr *e = select->exprs[i];
        if (e->attr_id != id) continue;
        if (e->kind == HR_X_ALIAS) e = e->args[0];
        return e->kind == HR_X_ATTR ? e->attr_id : 0;
    }
    return 0;
}

/* n of "attribute <= n", "attribute < n + 1" or "attribute = 1"; 0: it is none of them. */
static uint32_t bound_of(struct hr_analyzer *an, const struct hr_expr *part, uint32_t *ret_id)
{
    enum hr_function_role role = hr_expr_role(part);
    bool at_most = role == HR_ROLE_LESS_EQUAL, below = role == HR_ROLE_LESS;
    if (!at_most && !below && role != HR_ROLE_EQUAL) return 0;
    const struct hr_expr *attr = part->args[0];
    struct hr_column col;
    if (attr->kind != HR_X_ATTR || attr->type->id != HR_T_INT) return 0;
    if (!hr_expr_is_foldable(part->args[1]) || part->args[1]->type->id != HR_T_INT) return 0;
    if (hr_expr_fold(an->arena, an->conf, part->args[1], &col, NULL) != HR_OK) return 0;
    if (!hr_column_valid(&col, 0)) return 0;
    int64_t n = (int64_t)*(const int32_t *)col.values - below;
    *ret_id = attr->attr_id;
    return n < 1 || n > HR_TOP_MAX || (role == HR_ROLE_EQUAL && n != 1) ? 0 : (uint32_t)n;
}

/* A filter that keeps the first rows of each key of a stream: the window need know no others. */
static hr_status find_top(struct hr_analyzer *an, struct hr_plan *filter, struct hr_err *err)
{
    struct hr_exprs parts = {0};
    HR_TRY(hr_expr_split_and(an->arena, HR_NODE(filter, filter)->condition, &parts, err));
    for (uint32_t i = 0; i < parts.count; i++) {
        uint32_t id = 0, n = bound_of(an, parts.items[i], &id);
        struct hr_plan *below = filter->children[0];
        while (n && id && (below->kind == HR_P_PROJECT || below->kind == HR_P_SUBQUERY_ALIAS)) {
            if (below->kind == HR_P_PROJECT) id = shown_as(below, id);
            below = below->children[0];
        }
        if (!n || below->kind != HR_P_OVER || !hr_over_may_be_top(below)) continue;
        if (HR_NODE(over, below)->exprs[0]->attr_id == id) HR_NODE(over, below)->top = n;
    }
    return HR_OK;
}

hr_status hr_check_over(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct left left = {an, plan};
    if (plan->kind == HR_P_FILTER && plan->is_streaming) HR_TRY(find_top(an, plan, err));
    if (plan->kind != HR_P_OVER) HR_TRY(hr_plan_each_expr(plan, refuse_over, &left, err));
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(hr_check_over(an, plan->children[i], err));
    return HR_OK;
}
