/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of time. window(ts, length[, slide[, start]]) becomes a column that is made below the
 * node: a projection when each row is in one window, else an EXPAND to the length/slide windows
 * that may hold it (rounded up) and a filter for those that do. Rows without a time are dropped, as
 * in Spark. session_window(ts, gap) becomes the column of each row's own session, which the
 * aggregation above merges. window_time(w) is the last microsecond of w.
 */
#include "base/datetime.h"
#include "expr/internal.h"
#include "expr/program.h"
#include "plan/analyze.h"
#include "plan/nodes/expand.h"
#include "plan/nodes/project.h"

/*
 * cumulate_window(ts, step, length[, start]): windows of length that are looked at after each step:
 * [s, s + step), [s, s + 2 step) … [s, s + length). A row is in those that end behind it.
 */

/* More copies of each row than this are surely a mistake in the units. */
#define WINDOWS_MAX 10000

struct window_args {
    struct hr_expr *time;
    int64_t length, slide, start; /* µs */
    int64_t step;                 /* cumulate_window: the windows are length / step; else 0 */
};

/* Arguments ------------------------------------------------------------------------------------ */

static hr_status duration(struct hr_analyzer *an, const struct hr_expr *call, uint32_t index,
                          int64_t *ret, struct hr_err *err)
{
    const struct hr_expr *arg = call->args[index];
    struct hr_column value;
    struct hr_str_view text = {0};
    bool valid = hr_expr_is_foldable(arg);
    if (valid) {
        hr_status folded = hr_expr_fold(an->arena, an->conf, arg, &value, NULL);
        if (folded == HR_E_OOM) return HR_OOM(err);
        valid = folded == HR_OK && value.type->id != HR_T_NULL && hr_column_valid(&value, 0);
    }
    if (valid && value.type->id == HR_T_STRING) {
        text = hr_string_view((const struct hr_string *)value.values);
        valid = hr_parse_duration(text, ret);
        if (!valid && text.len > 1 && text.ptr[0] == '-') {
            valid = hr_parse_duration(hr_svn(text.ptr + 1, text.len - 1), ret);
            *ret = -*ret;
        }
    } else if (valid && (value.type->id == HR_T_INTERVAL_DT || value.type->id == HR_T_LONG)) {
        *ret = *(const int64_t *)value.values;
    } else if (valid && value.type->id == HR_T_INT) {
        *ret = *(const int32_t *)value.values;
    } else {
        valid = false;
    }
    if (valid) return HR_OK;
    if (text.len) {
        const char *input = hr_arena_strndup(an->arena, text.ptr, text.len);
        return HR_RAISE(err, HR_E_CANNOT_PARSE_INTERVAL, "intervalString", input ? input : "?");
    }
    HR_FAIL(err, HR_E_INVALID_ARGUMENT,
            "argument %u of %s must be a constant duration such as '10 minutes', not %s",
            index + 1, call->name, hr_expr_text(an->arena, arg));
    return hr_err_at(err, arg->sql_pos, arg->sql_end);
}

static hr_status out_of_range(struct hr_analyzer *an, const struct window_args *w,
                              const struct hr_expr *call, const char *name, int64_t value,
                              struct hr_err *err)
{
    const char *sql = hr_arena_printf(an->arena, "\"window(%s, %lld, %lld, %lld)\"",
                                      hr_expr_text(an->arena, w->time), (long long)w->length,
                                      (long long)w->slide, (long long)w->start);
    const char *current = hr_arena_printf(an->arena, "%lldL", (long long)value);
    if (!sql || !current) return HR_OOM(err);
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr", sql, "exprName", name,
             "valueRange", "(0, 9223372036854775807]", "currentValue", current);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status constraint(struct hr_analyzer *an, const struct window_args *w,
                            const struct hr_expr *call, const char *left, int64_t left_value,
                            const char *op, struct hr_err *err)
{
    const char *bound = strcmp(op, "<=") == 0 ? "`window_duration`" : "`slide_duration`";
    int64_t bound_value = strcmp(op, "<=") == 0 ? w->length : w->slide;
    const char *sql = hr_arena_printf(an->arena, "\"window(%s, %lld, %lld, %lld)\"",
                                      hr_expr_text(an->arena, w->time), (long long)w->length,
                                      (long long)w->slide, (long long)w->start);
    const char *l = hr_arena_printf(an->arena, "%lldL", (long long)left_value);
    const char *r = hr_arena_printf(an->arena, "%lldL", (long long)bound_value);
    if (!sql || !l || !r) return HR_OOM(err);
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_PARAMETER_CONSTRAINT_VIOLATION, "sqlExpr", sql,
             "leftExprName", left, "leftExprValue", l, "constraint", op, "rightExprName", bound,
             "rightExprValue", r);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status read_args(struct hr_analyzer *an, struct hr_expr *call, struct window_args *w,
                           struct hr_err *err)
{
    w->time = call->args[0];
    w->start = 0;
    HR_TRY(duration(an, call, 1, &w->length, err));
    w->slide = w->length;
    if (call->arg_count > 2) HR_TRY(duration(an, call, 2, &w->slide, err));
    if (call->arg_count > 3) HR_TRY(duration(an, call, 3, &w->start, err));
    if (w->length <= 0) return out_of_range(an, w, call, "`window_duration`", w->length, err);
    if (w->slide <= 0) return out_of_range(an, w, call, "`slide_duration`", w->slide, err);
    if (w->slide > w->length)
        return constraint(an, w, call, "`slide_duration`", w->slide, "<=", err);
    int64_t start = w->start < 0 ? -w->start : w->start;
    if (start >= w->slide) return constraint(an, w, call, "`abs(start_time)`", start, "<", err);
    if (w->length / w->slide < WINDOWS_MAX) return HR_OK;
    HR_RAISE(err, HR_E_LIMIT, "what", "the number of windows that a row is in", "limit", "10000");
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status cumulate_args(struct hr_analyzer *an, struct hr_expr *call, struct window_args *w,
                               struct hr_err *err)
{
    const char *why = NULL;
    w->time = call->args[0];
    w->start = 0;
    HR_TRY(duration(an, call, 1, &w->step, err));
    HR_TRY(duration(an, call, 2, &w->length, err));
    if (call->arg_count > 3) HR_TRY(duration(an, call, 3, &w->start, err));
    w->slide = w->length;
    if (w->step <= 0 || w->length <= 0)
        why = "step and length of cumulate_window must be above zero";
    else if (w->length % w->step != 0)
        why = "the length of cumulate_window must be a multiple of its step";
    else if ((w->start < 0 ? -w->start : w->start) >= w->length)
        why = "the start of cumulate_window must be below its length";
    else if (w->length / w->step > WINDOWS_MAX)
        HR_RAISE(err, HR_E_LIMIT, "what", "the number of windows that a row is in", "limit",
                 "10000");
    else
        return HR_OK;
    if (why) HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what", why);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

/* Rewriting ------------------------------------------------------------------------------------ */

/* The start of the newest window that time may be in, plus shift. */
static hr_status bound(struct hr_analyzer *an, const struct window_args *w, int64_t shift,
                       struct hr_expr **ret, struct hr_err *err)
{
    const struct hr_type *l = hr_type(HR_T_LONG);
    struct hr_expr *args[] = {hr_expr_copy(an->arena, w->time), hr_expr_int(an->arena, l, w->slide),
                              hr_expr_int(an->arena, l, w->start),
                              hr_expr_int(an->arena, l, shift)};
    for (uint32_t i = 0; i < HR_COUNT(args); i++)
        if (!args[i]) return HR_OOM(err);
    struct hr_expr *call = hr_expr_call(an->arena, "__window_bound", args, 4);
    if (!call) return HR_OOM(err);
    HR_TRY(hr_resolve_as(an->arena, an->conf, call, "__window_bound", err));
    *ret = call;
    return HR_OK;
}

/* named_struct('start', …, 'end', …) of the window that began index slides before the newest; of
 * those that cumulate the one of index + 1 steps. */
static hr_status window_struct(struct hr_analyzer *an, const struct window_args *w, int64_t index,
                               struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *args[] = {hr_expr_string(an->arena, hr_sv("start")), NULL,
                              hr_expr_string(an->arena, hr_sv("end")), NULL};
    if (!args[0] || !args[2]) return HR_OOM(err);
    int64_t start = w->step ? 0 : -index * w->slide;
    HR_TRY(bound(an, w, start, &args[1], err));
    HR_TRY(bound(an, w, w->step ? (index + 1) * w->step : start + w->length, &args[3], err));
    return hr_call(an->arena, an->conf, "named_struct", args, 4, ret, err);
}

static hr_status drop_null_times(struct hr_analyzer *an, struct hr_plan *plan,
                                 const struct window_args *w, struct hr_err *err)
{
    struct hr_expr *time = hr_expr_copy(an->arena, w->time), *condition = NULL;
    if (!time) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, "isnotnull", &time, 1, &condition, err));
    return hr_plan_filter(an->arena, plan->children[0], condition, &plan->children[0], err);
}

static struct hr_attr window_attr(const struct hr_plan *above, const char *name,
                                  const struct hr_expr *time, const struct hr_type *type)
{
    return (struct hr_attr){.id = hr_expr_next_attr_id(),
                            .name = name,
                            .type = type,
                            .watermark_delay_us = hr_expr_watermark_delay(above, time)};
}

/* A projection below plan that adds the column of the windows, value. */
static hr_status add_column(struct hr_analyzer *an, struct hr_plan *plan, const char *name,
                            const struct hr_expr *time, struct hr_expr *value, struct hr_attr *ret,
                            struct hr_err *err)
{
    *ret = window_attr(plan, name, time, value->type);
    struct hr_expr *alias = hr_expr_alias(an->arena, value, name);
    struct hr_plan *project = hr_plan_pass(an->arena, plan->children[0]);
    if (!alias || !project) return HR_OOM(err);
    alias->attr_id = ret->id;
    HR_TRY(hr_select_push(an->arena, project, alias, err));
    HR_TRY(hr_plan_refresh(an->arena, project, err));
    /* The event time of the window is that of its column. */
    project->output[project->output_count - 1].watermark_delay_us = ret->watermark_delay_us;
    HR_NODE(project, project)->keeps_event_time = ret->watermark_delay_us >= 0;
    plan->children[0] = project;
    return HR_OK;
}

/* One window a row. */
static hr_status project_window(struct hr_analyzer *an, struct hr_plan *plan,
                                const struct window_args *w, struct hr_attr *ret,
                                struct hr_err *err)
{
    assert(w->length == w->slide);
    struct hr_expr *value = NULL;
    HR_TRY(window_struct(an, w, 0, &value, err));
    return add_column(an, plan, "window", w->time, value, ret, err);
}

/* time >= window.start AND time < window.end, over the EXPAND. */
static hr_status inside(struct hr_analyzer *an, struct hr_plan *expand, const struct window_args *w,
                        const struct hr_attr *window, struct hr_plan **ret, struct hr_err *err)
{
    static const char *const ops[] = {">=", "<"};
    struct hr_exprs parts = {0};
    struct hr_expr *condition = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        struct hr_expr *field = hr_expr_new(an->arena, HR_X_FIELD);
        if (!field) return HR_OOM(err);
        field->args = HR_NEW(an->arena, struct hr_expr *);
        if (!field->args) return HR_OOM(err);
        field->args[0] = hr_attr_ref(an->arena, window);
        field->arg_count = 1;
        field->name = i == 0 ? "start" : "end";
        if (!field->args[0]) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, field, err));
        struct hr_expr *args[] = {hr_expr_copy(an->arena, w->time), field};
        struct hr_expr *compare = NULL;
        if (!args[0]) return HR_OOM(err);
        HR_TRY(hr_call(an->arena, an->conf, ops[i], args, 2, &compare, err));
        if (!HR_VEC_PUSH(an->arena, &parts, compare)) return HR_OOM(err);
    }
    HR_TRY(hr_expr_join_and(an->arena, an->conf, &parts, &condition, err));
    return hr_plan_filter(an->arena, expand, condition, ret, err);
}

/* Several windows a row: an EXPAND with one projection a window. */
static hr_status expand_window(struct hr_analyzer *an, struct hr_plan *plan,
                               const struct window_args *w, struct hr_attr *ret, struct hr_err *err)
{
    assert(w->slide > 0 && (w->step || w->length > w->slide));
    int64_t step = w->step ? w->step : w->slide;
    struct hr_plan *child = plan->children[0];
    struct hr_plan *expand = hr_plan_new1(an->arena, HR_P_EXPAND, child);
    if (!expand) return HR_OOM(err);
    struct hr_expand_node *node = HR_NODE(expand, expand);
    node->row_count = (uint32_t)((w->length + step - 1) / step);
    node->row_width = child->output_count + 1;
    node->rows = HR_NEW_ARRAY(an->arena, struct hr_expr **, node->row_count);
    expand->output = HR_NEW_ARRAY(an->arena, struct hr_attr, node->row_width);
    if (!node->rows || !expand->output) return HR_OOM(err);
    for (uint32_t i = 0; i < node->row_count; i++) {
        struct hr_expr **row = HR_NEW_ARRAY(an->arena, struct hr_expr *, node->row_width);
        if (!row) return HR_OOM(err);
        for (uint32_t j = 0; j < child->output_count; j++)
            if (!(row[j] = hr_attr_ref(an->arena, &child->output[j]))) return HR_OOM(err);
        HR_TRY(window_struct(an, w, i, &row[child->output_count], err));
        node->rows[i] = row;
    }
    /* The copied columns keep their ids: each output row holds the values of its input row. */
    memcpy(expand->output, child->output, sizeof *child->output * child->output_count);
    *ret = window_attr(expand, "window", w->time, node->rows[0][child->output_count]->type);
    expand->output[child->output_count] = *ret;
    expand->output_count = node->row_width;
    HR_TRY(hr_plan_refresh(an->arena, expand, err));
    plan->children[0] = expand;
    if (!w->step && w->length % w->slide == 0) return HR_OK;
    return inside(an, expand, w, ret, &plan->children[0], err);
}

/* window(w, …) of a window counts by its last instant, window_time(w). */
static hr_status time_of_window(struct hr_analyzer *an, struct hr_expr **time, struct hr_err *err)
{
    if (hr_expr_is(*time, HR_ROLE_WINDOW_TIME)) *time = (*time)->args[0];
    if ((*time)->type->id != HR_T_STRUCT) return HR_OK;
    struct hr_expr *end = hr_expr_new(an->arena, HR_X_FIELD);
    if (!end) return HR_OOM(err);
    end->args = HR_NEW(an->arena, struct hr_expr *);
    if (!end->args) return HR_OOM(err);
    end->args[0] = *time;
    end->arg_count = 1;
    end->name = "end";
    HR_TRY(hr_expr_resolve_node(an->arena, an->conf, end, err));
    const struct hr_type *interval = hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    struct hr_expr *args[] = {end, interval ? hr_expr_int(an->arena, interval, 1) : NULL};
    if (!args[1]) return HR_OOM(err);
    return hr_call(an->arena, an->conf, "-", args, 2, time, err);
}

static hr_status rewrite_window_time(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_analyzer *an = arg;
    if (!hr_expr_is(*expr, HR_ROLE_WINDOW_TIME)) return HR_OK;
    struct hr_expr *time = (*expr)->args[0];
    HR_TRY(time_of_window(an, &time, err));
    *expr = time;
    return HR_OK;
}

/* A column of the input that is called as the one made here goes before it. */
static void stand_back(struct hr_plan *made, const struct hr_plan *input, const char *name)
{
    bool clash = false;
    for (uint32_t i = 0; i < input->output_count && !clash; i++)
        clash = !input->output[i].hidden && hr_str_eq_nocase(input->output[i].name, name);
    for (uint32_t i = 0; clash && i < made->output_count; i++)
        if (!hr_plan_attr(input, made->output[i].id)) made->output[i].hidden = true;
}

/* Sessions ------------------------------------------------------------------------------------- */

/* Where a row's own session ends: time + gap. A text that changes from row to row is read then. */
static hr_status session_end(struct hr_analyzer *an, const struct hr_expr *call,
                             struct hr_expr *time, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *gap = call->args[1];
    struct hr_expr *args[] = {hr_expr_copy(an->arena, time), hr_expr_copy(an->arena, gap)};
    if (!args[0] || !args[1]) return HR_OOM(err);
    enum hr_type_id type = gap->type->id;
    if (type == HR_T_INTERVAL_DT || type == HR_T_INTERVAL_YM)
        return hr_call(an->arena, an->conf, "+", args, 2, ret, err);
    if (type == HR_T_STRING && !hr_expr_is_foldable(gap)) {
        *ret = hr_expr_call(an->arena, "__session_end", args, 2);
        return *ret ? hr_resolve_as(an->arena, an->conf, *ret, "__session_end", err) : HR_OOM(err);
    }
    int64_t us = 0;
    HR_TRY(duration(an, call, 1, &us, err));
    const struct hr_type *interval = hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    args[1] = interval ? hr_expr_int(an->arena, interval, us) : NULL;
    if (!args[1]) return HR_OOM(err);
    return hr_call(an->arena, an->conf, "+", args, 2, ret, err);
}

/*
 * session_window(ts, gap): each row brings [ts, ts + gap), which the aggregation merges. Rows whose
 * gap is not above zero, and those without time or gap, are dropped, as in Spark.
 */
static hr_status make_session(struct hr_analyzer *an, struct hr_plan *plan, struct hr_expr *call,
                              struct hr_window_use *use, struct hr_err *err)
{
    assert(!use->call && plan->child_count == 1);
    struct hr_expr *time = call->args[0], *end = NULL, *value = NULL, *condition = NULL;
    use->is_session = true;
    use->call = hr_expr_copy(an->arena, call);
    if (!use->call) return HR_OOM(err);
    HR_TRY(rewrite_window_time(an, &time, err));
    HR_TRY(time_of_window(an, &time, err));
    HR_TRY(session_end(an, call, time, &end, err));
    struct hr_expr *order[] = {hr_expr_copy(an->arena, end), hr_expr_copy(an->arena, time)};
    if (!order[0] || !order[1]) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, ">", order, 2, &condition, err));
    HR_TRY(hr_plan_filter(an->arena, plan->children[0], condition, &plan->children[0], err));
    struct hr_expr *args[] = {hr_expr_string(an->arena, hr_sv("start")),
                              hr_expr_copy(an->arena, time),
                              hr_expr_string(an->arena, hr_sv("end")), end};
    if (!args[0] || !args[1] || !args[2]) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, "named_struct", args, 4, &value, err));
    const struct hr_plan *input = plan->children[0];
    HR_TRY(add_column(an, plan, "session_window", time, value, &use->attr, err));
    stand_back(plan->children[0], input, "session_window");
    return HR_OK;
}

static hr_status make_window(struct hr_analyzer *an, struct hr_plan *plan, struct hr_expr *call,
                             struct hr_window_use *use, struct hr_err *err)
{
    assert(!use->call && plan->child_count == 1);
    struct window_args w = {0};
    if (hr_expr_is(call, HR_ROLE_CUMULATE_WINDOW))
        HR_TRY(cumulate_args(an, call, &w, err));
    else
        HR_TRY(read_args(an, call, &w, err));
    use->call = hr_expr_copy(an->arena, call);
    if (!use->call) return HR_OOM(err);
    HR_TRY(rewrite_window_time(an, &w.time, err));
    HR_TRY(time_of_window(an, &w.time, err));
    HR_TRY(drop_null_times(an, plan, &w, err));
    const struct hr_plan *input = plan->children[0];
    if (w.length == w.slide && !w.step)
        HR_TRY(project_window(an, plan, &w, &use->attr, err));
    else
        HR_TRY(expand_window(an, plan, &w, &use->attr, err));
    stand_back(plan->children[0], input, "window");
    return HR_OK;
}

struct window_rewrite {
    struct hr_analyzer *an;
    struct hr_plan *plan;
    struct hr_window_use *use;
};

static hr_status rewrite_window(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct window_rewrite *r = arg;
    struct hr_expr *call = *expr;
    if (call->kind != HR_X_CALL) return HR_OK;
    bool is_session = hr_expr_is(call, HR_ROLE_SESSION_WINDOW);
    bool is_window = (hr_expr_is(call, HR_ROLE_WINDOW) && call->arg_count >= 2) ||
                     hr_expr_is(call, HR_ROLE_CUMULATE_WINDOW);
    if (!is_session && !is_window) return HR_OK;
    if (!r->use->call)
        HR_TRY((is_session ? make_session : make_window)(r->an, r->plan, call, r->use, err));
    if (!hr_expr_equal(r->use->call, call)) {
        HR_RAISE(err, HR_E_MULTIPLE_TIME_WINDOWS);
        return hr_err_at(err, r->plan->sql_pos, r->plan->sql_end);
    }
    struct hr_expr *ref = hr_attr_ref(r->an->arena, &r->use->attr);
    if (!ref) return HR_OOM(err);
    ref->sql_pos = call->sql_pos;
    ref->sql_end = call->sql_end;
    *expr = ref;
    return HR_OK;
}

hr_status hr_analyze_windows(struct hr_analyzer *an, struct hr_plan *plan,
                             struct hr_window_use *use, struct hr_expr **exprs, uint32_t count,
                             struct hr_err *err)
{
    struct window_rewrite r = {an, plan, use};
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(hr_expr_rewrite(&exprs[i], rewrite_window, &r, err));
    return HR_OK;
}

hr_status hr_rewrite_window_time(struct hr_analyzer *an, struct hr_expr **exprs, uint32_t count,
                                 struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(hr_expr_rewrite(&exprs[i], rewrite_window_time, an, err));
    return HR_OK;
}
