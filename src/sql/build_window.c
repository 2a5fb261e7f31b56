/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: OVER (…), WINDOW w AS (…) and QUALIFY. A window's name is replaced by its definition
 * when its SELECT is complete; one that is not there is analysis' to report, as in Spark.
 *
 * Beyond Spark: OVER (w ORDER BY …) adds to w what w does not have.
 */
#include "base/options.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static bool is_constant(const struct hr_expr *x)
{
    if (x->kind == HR_X_NAME || x->kind == HR_X_STAR) return false;
    return hr_expr_is_foldable(x);
}

struct hr_sql_bound hr_sql_offset(struct hr_sql_parser *p, enum hr_frame_bound bound,
                                  struct hr_sql_x x, const struct hr_sql_token *end)
{
    struct hr_sql_bound b = {.bound = bound, .offset = x};
    if (p->status != HR_OK || !x.x) return b;
    if (!is_constant(x.x)) HR_SQL_RAISE(p, x.pos, end->end, HR_E_WINDOW_FRAME_BOUND);
    return b;
}

struct hr_sql_window *hr_sql_window_ref(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                        int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return NULL;
    struct hr_sql_window *w = HR_NEW(p->arena, struct hr_sql_window);
    if (!w) {
        hr_sql_oom(p);
        return NULL;
    }
    *w = (struct hr_sql_window){
        .base = hr_sql_ident(p, name), .is_reference = true, .pos = pos, .end = end, .depth = 1};
    return w;
}

struct hr_sql_window *hr_sql_window(struct hr_sql_parser *p, const struct hr_sql_token *base,
                                    struct hr_sql_list *partition, struct hr_sql_list *order,
                                    struct hr_sql_frame frame, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return NULL;
    struct hr_sql_window *w = HR_NEW(p->arena, struct hr_sql_window);
    if (!w) {
        hr_sql_oom(p);
        return NULL;
    }
    uint16_t depth = HR_MAX(partition ? partition->depth : 0, order ? order->depth : 0);
    *w = (struct hr_sql_window){.partition = partition, .order = order, .frame = frame};
    w->depth = HR_MAX(depth, HR_MAX(frame.lower.offset.depth, frame.upper.offset.depth));
    w->pos = pos;
    w->end = end;
    if (base) w->base = hr_sql_ident(p, base);
    w->is_reference = base && !partition && !order && frame.unit == HR_FRAME_NONE;
    return w;
}

static void push_all(struct hr_sql_parser *p, struct hr_expr ***to, struct hr_sql_list *list)
{
    for (uint32_t i = 0; list && i < list->exprs.count; i++) *(*to)++ = list->exprs.items[i];
    HR_UNUSED(p);
}

/* The OVER node of a call with the window's expressions. */
static struct hr_expr *over_node(struct hr_sql_parser *p, struct hr_expr *call,
                                 const struct hr_sql_window *w)
{
    uint32_t keys = w->partition ? w->partition->exprs.count : 0;
    uint32_t order = w->order ? w->order->exprs.count : 0;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_OVER);
    struct hr_over *over = HR_NEW(p->arena, struct hr_over);
    struct hr_expr **args = HR_NEW_ARRAY(p->arena, struct hr_expr *, 3 + keys + order), **to = args;
    if (!x || !over || !args) {
        hr_sql_oom(p);
        return NULL;
    }
    *over = (struct hr_over){.partition_count = keys,
                             .order_count = order,
                             .unit = w->frame.unit,
                             .lower = w->frame.lower.bound,
                             .upper = w->frame.upper.bound,
                             .base = w->base,
                             .sql_pos = w->pos,
                             .sql_end = w->end};
    *to++ = call;
    push_all(p, &to, w->partition);
    push_all(p, &to, w->order);
    if (w->frame.lower.offset.x) *to++ = w->frame.lower.offset.x;
    if (w->frame.upper.offset.x) *to++ = w->frame.upper.offset.x;
    x->args = args;
    x->arg_count = (uint32_t)(to - args);
    x->over = over;
    return x;
}

struct hr_sql_x hr_sql_over(struct hr_sql_parser *p, struct hr_sql_x call,
                            struct hr_sql_window *window)
{
    if (p->status != HR_OK || !window) return (struct hr_sql_x){0};
    call.x->is_windowed = true;
    struct hr_expr *x = over_node(p, call.x, window);
    return hr_sql_wrap(p, x, call.pos, window->end, HR_MAX(call.depth, window->depth) + 1u);
}

/* WINDOW --------------------------------------------------------------------------------------- */

static struct hr_sql_window *find(const struct hr_sql_windows *list, const char *name)
{
    for (uint32_t i = 0; list && i < list->names.count; i++)
        if (strcmp(list->names.items[i], name) == 0) return list->windows.items[i];
    return NULL;
}

static const char *quoted(struct hr_sql_parser *p, const char *name)
{
    const char *text = hr_arena_printf(p->arena, "`%s`", name);
    return text ? text : "?";
}

struct hr_sql_windows *hr_sql_push_window(struct hr_sql_parser *p, struct hr_sql_windows *list,
                                          const struct hr_sql_token *name,
                                          struct hr_sql_window *window)
{
    if (p->status != HR_OK || !window) return list;
    char *text = hr_sql_ident(p, name);
    if (!list) list = HR_NEW(p->arena, struct hr_sql_windows);
    if (!text || !list) {
        hr_sql_oom(p);
        return NULL;
    }
    if (list->names.count == 0) list->pos = name->pos;
    if (find(list, text)) {
        HR_SQL_RAISE(p, list->pos, window->end, HR_E_WINDOW_REPEATED, "windowName",
                     quoted(p, text));
        return list;
    }
    if (!HR_VEC_PUSH(p->arena, &list->names, (const char *)text) ||
        !HR_VEC_PUSH(p->arena, &list->windows, window))
        hr_sql_oom(p);
    return list;
}

/* w with what its base has and it has not. A base must be a definition, not another reference. */
static void inherit(struct hr_sql_parser *p, const struct hr_sql_windows *list,
                    struct hr_sql_window *w)
{
    if (!w->base || p->status != HR_OK) return;
    const struct hr_sql_window *base = find(list, w->base);
    if (!base) {
        HR_SQL_RAISE(p, list->pos, w->end, HR_E_WINDOW_UNKNOWN, "windowName", quoted(p, w->base));
    } else if (base->base) {
        HR_SQL_RAISE(p, list->pos, w->end, HR_E_WINDOW_NO_SPECIFICATION, "windowName",
                     quoted(p, w->base));
    } else {
        if ((w->partition && base->partition) || (w->order && base->order)) {
            hr_sql_unsupported(p, w->pos, w->end,
                               "a window with a PARTITION BY or ORDER BY that its base has too");
            return;
        }
        if (!w->partition) w->partition = base->partition;
        if (!w->order) w->order = base->order;
        if (w->frame.unit == HR_FRAME_NONE) w->frame = base->frame;
        w->base = NULL;
    }
}

struct hr_sql_select *hr_sql_windows(struct hr_sql_parser *p, struct hr_sql_select *select,
                                     struct hr_sql_windows *windows)
{
    if (p->status != HR_OK || !select || !windows) return select;
    if (select->windows) {
        hr_sql_unsupported(p, windows->pos, windows->pos + 1, "a second WINDOW clause");
        return select;
    }
    select->windows = windows;
    /* References among them point at definitions, which are found before any is completed. */
    struct hr_sql_windows as_written = *windows;
    for (uint32_t i = 0; i < windows->windows.count; i++) {
        const struct hr_sql_window *w = windows->windows.items[i];
        const struct hr_sql_window *base = w->base ? find(&as_written, w->base) : NULL;
        if (base && base->base)
            HR_SQL_RAISE(p, windows->pos, w->end, HR_E_WINDOW_NO_SPECIFICATION, "windowName",
                         quoted(p, w->base));
    }
    for (uint32_t i = 0; i < windows->windows.count; i++)
        inherit(p, windows, windows->windows.items[i]);
    return select;
}

struct hr_sql_select *hr_sql_qualify(struct hr_sql_parser *p, struct hr_sql_select *select,
                                     const struct hr_sql_token *start, struct hr_sql_x condition)
{
    if (p->status != HR_OK || !select) return select;
    if (select->qualify.x)
        hr_sql_unsupported(p, start->pos, start->end, "a second QUALIFY clause");
    select->qualify = condition;
    return select;
}

/* Names replaced ------------------------------------------------------------------------------- */

static struct hr_sql_list *copy_list(struct hr_sql_parser *p, const struct hr_sql_list *list)
{
    if (!list) return NULL;
    struct hr_sql_list *copy = HR_NEW(p->arena, struct hr_sql_list);
    if (!copy) return NULL;
    copy->depth = list->depth;
    for (uint32_t i = 0; i < list->exprs.count; i++) {
        struct hr_expr *x = hr_expr_copy(p->arena, list->exprs.items[i]);
        if (!x || !HR_VEC_PUSH(p->arena, &copy->exprs, x)) return NULL;
    }
    return copy;
}

static struct hr_sql_list *part(struct hr_sql_parser *p, const struct hr_expr *over, uint32_t from,
                                uint32_t count)
{
    struct hr_sql_list *list = HR_NEW(p->arena, struct hr_sql_list);
    for (uint32_t i = 0; list && i < count; i++)
        if (!HR_VEC_PUSH(p->arena, &list->exprs, over->args[from + i])) return NULL;
    return count ? list : NULL;
}

/* The window that is written at an OVER, again as the parser had it. */
static struct hr_sql_window window_of(struct hr_sql_parser *p, const struct hr_expr *x)
{
    const struct hr_over *o = x->over;
    struct hr_sql_window w = {.base = o->base, .pos = o->sql_pos, .end = o->sql_end};
    w.partition = part(p, x, 1, o->partition_count);
    w.order = part(p, x, 1 + o->partition_count, o->order_count);
    w.frame = (struct hr_sql_frame){.unit = o->unit,
                                    .lower = {.bound = o->lower},
                                    .upper = {.bound = o->upper}};
    w.frame.lower.offset.x = hr_over_offset(x, false);
    w.frame.upper.offset.x = hr_over_offset(x, true);
    return w;
}

static void apply(struct hr_sql_parser *p, const struct hr_sql_windows *list, struct hr_expr **x)
{
    for (uint32_t i = 0; i < (*x)->arg_count; i++) apply(p, list, &(*x)->args[i]);
    if ((*x)->filter) apply(p, list, &(*x)->filter);
    if ((*x)->kind != HR_X_OVER || !(*x)->over->base || p->status != HR_OK) return;
    const struct hr_sql_window *base = find(list, (*x)->over->base);
    if (!base) return; /* MISSING_WINDOW_SPECIFICATION: analysis */
    struct hr_sql_window own = window_of(p, *x), copy = *base;
    copy.partition = copy_list(p, base->partition);
    copy.order = copy_list(p, base->order);
    if ((base->partition && !copy.partition) || (base->order && !copy.order)) {
        hr_sql_oom(p);
        return;
    }
    if (copy.frame.lower.offset.x)
        copy.frame.lower.offset.x = hr_expr_copy(p->arena, copy.frame.lower.offset.x);
    if (copy.frame.upper.offset.x)
        copy.frame.upper.offset.x = hr_expr_copy(p->arena, copy.frame.upper.offset.x);
    const char *name = own.base;
    struct hr_sql_windows one = {.pos = own.pos};
    struct hr_sql_window *found = &copy;
    if (!HR_VEC_PUSH(p->arena, &one.names, name) || !HR_VEC_PUSH(p->arena, &one.windows, found)) {
        hr_sql_oom(p);
        return;
    }
    inherit(p, &one, &own);
    if (p->status != HR_OK) return;
    struct hr_expr *node = over_node(p, (*x)->args[0], &own);
    if (!node) return;
    node->sql_pos = (*x)->sql_pos;
    node->sql_end = (*x)->sql_end;
    *x = node;
}

void hr_sql_apply_windows(struct hr_sql_parser *p, struct hr_sql_select *select)
{
    if (p->status != HR_OK || !select->windows) return;
    for (uint32_t i = 0; i < select->items->exprs.count; i++)
        apply(p, select->windows, &select->items->exprs.items[i]);
    if (select->qualify.x) apply(p, select->windows, &select->qualify.x);
}
