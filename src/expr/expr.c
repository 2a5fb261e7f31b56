/* SPDX-License-Identifier: Apache-2.0 */
/* Expression trees: making, copying, walking and comparing them. All memory is the given arena's.
 */
#include "expr/expr.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "expr/codec.h"
#include "expr/function.h"

uint32_t hr_expr_next_attr_id(void)
{
    static _Atomic uint32_t next = 1;
    return atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
}

struct hr_expr *hr_expr_new(struct hr_arena *arena, enum hr_expr_kind kind)
{
    struct hr_expr *expr = HR_NEW(arena, struct hr_expr);
    if (!expr) return NULL;
    expr->kind = kind;
    expr->nullable = true;
    expr->sql_pos = expr->sql_end = -1;
    return expr;
}

static struct hr_expr *new_with_args(struct hr_arena *arena, enum hr_expr_kind kind,
                                     struct hr_expr *const *args, uint32_t arg_count)
{
    struct hr_expr *expr = hr_expr_new(arena, kind);
    if (!expr) return NULL;
    expr->args = HR_NEW_ARRAY(arena, struct hr_expr *, arg_count ? arg_count : 1);
    if (!expr->args) return NULL;
    for (uint32_t i = 0; i < arg_count; i++) {
        if (!args[i]) return NULL; /* the making of an argument failed */
        expr->args[i] = args[i];
    }
    expr->arg_count = arg_count;
    return expr;
}

struct hr_expr *hr_expr_call(struct hr_arena *arena, const char *name, struct hr_expr *const *args,
                             uint32_t arg_count)
{
    struct hr_expr *expr = new_with_args(arena, HR_X_CALL, args, arg_count);
    if (!expr) return NULL;
    expr->name = hr_arena_strdup(arena, name);
    return expr->name ? expr : NULL;
}

struct hr_expr *hr_expr_cast(struct hr_arena *arena, struct hr_expr *arg,
                             const struct hr_type *type)
{
    struct hr_expr *expr = new_with_args(arena, HR_X_CAST, &arg, 1);
    if (!expr || !type) return NULL;
    expr->type = type;
    expr->sql_pos = arg->sql_pos;
    expr->sql_end = arg->sql_end;
    expr->nullable = arg->nullable;
    return expr;
}

struct hr_expr *hr_expr_alias(struct hr_arena *arena, struct hr_expr *arg, const char *name)
{
    struct hr_expr *expr = new_with_args(arena, HR_X_ALIAS, &arg, 1);
    if (!expr) return NULL;
    expr->name = hr_arena_strdup(arena, name);
    expr->type = arg->type;
    expr->nullable = arg->nullable;
    expr->sql_pos = arg->sql_pos;
    expr->sql_end = arg->sql_end;
    return expr->name ? expr : NULL;
}

struct hr_expr *hr_expr_name(struct hr_arena *arena, const char *const *parts, uint32_t count)
{
    struct hr_expr *expr = hr_expr_new(arena, HR_X_NAME);
    if (!expr) return NULL;
    expr->name_parts = HR_NEW_ARRAY(arena, const char *, count ? count : 1);
    if (!expr->name_parts) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        expr->name_parts[i] = hr_arena_strdup(arena, parts[i]);
        if (!expr->name_parts[i]) return NULL;
    }
    expr->name_part_count = count;
    return expr;
}

struct hr_expr *hr_expr_column(struct hr_arena *arena, const struct hr_type *type, uint32_t ordinal,
                               bool nullable)
{
    struct hr_expr *expr = hr_expr_new(arena, HR_X_COLUMN);
    if (!expr) return NULL;
    expr->type = type;
    expr->ordinal = ordinal;
    expr->nullable = nullable;
    return expr;
}

/* --- Literals ----------------------------------------------------------------------------------*/

/* A literal whose one value (to be filled in) is not NULL. */
static struct hr_expr *new_literal(struct hr_arena *arena, const struct hr_type *type,
                                   struct hr_column *ret)
{
    struct hr_expr *expr = hr_expr_new(arena, HR_X_LITERAL);
    struct hr_column *col = HR_NEW(arena, struct hr_column);
    if (!expr || !col || !type) return NULL;
    if (hr_column_alloc(arena, type, 1, false, col, NULL) != HR_OK) return NULL;
    expr->literal = col;
    expr->type = type;
    expr->nullable = false;
    *ret = *col;
    return expr;
}

struct hr_expr *hr_expr_null(struct hr_arena *arena, const struct hr_type *type)
{
    struct hr_expr *expr = hr_expr_new(arena, HR_X_LITERAL);
    struct hr_column *col = HR_NEW(arena, struct hr_column);
    if (!expr || !col) return NULL;
    if (!type) type = hr_type(HR_T_NULL);
    if (hr_column_nulls(arena, type, 1, col, NULL) != HR_OK) return NULL;
    expr->literal = col;
    expr->type = type;
    return expr;
}

struct hr_expr *hr_expr_bool(struct hr_arena *arena, bool v)
{
    struct hr_column col;
    struct hr_expr *expr = new_literal(arena, hr_type(HR_T_BOOLEAN), &col);
    if (expr) *(uint64_t *)(uintptr_t)col.values = v;
    return expr;
}

struct hr_expr *hr_expr_int(struct hr_arena *arena, const struct hr_type *type, int64_t v)
{
    struct hr_column col;
    struct hr_expr *expr = new_literal(arena, type, &col);
    if (!expr) return NULL;
    void *values = (void *)(uintptr_t)col.values;
    switch (hr_type_width(type)) {
    case 1: *(int8_t *)values = (int8_t)v; break;
    case 2: *(int16_t *)values = (int16_t)v; break;
    case 4: *(int32_t *)values = (int32_t)v; break;
    case 8: *(int64_t *)values = v; break;
    default: return NULL;
    }
    return expr;
}

struct hr_expr *hr_expr_double(struct hr_arena *arena, double v)
{
    struct hr_column col;
    struct hr_expr *expr = new_literal(arena, hr_type(HR_T_DOUBLE), &col);
    if (expr) *(double *)(uintptr_t)col.values = v;
    return expr;
}

struct hr_expr *hr_expr_decimal(struct hr_arena *arena, hr_i128 unscaled, int precision, int scale)
{
    struct hr_column col;
    struct hr_expr *expr = new_literal(arena, hr_type_decimal(precision, scale), &col);
    if (expr) *(hr_i128 *)(uintptr_t)col.values = unscaled;
    return expr;
}

struct hr_expr *hr_expr_string(struct hr_arena *arena, struct hr_str_view text)
{
    struct hr_column col;
    struct hr_expr *expr = new_literal(arena, hr_type(HR_T_STRING), &col);
    if (!expr) return NULL;
    const char *bytes = text.ptr;
    if (text.len > HR_STRING_INLINE) bytes = hr_arena_memdup(arena, text.ptr, text.len);
    if (!bytes && text.len) return NULL;
    *(struct hr_string *)(uintptr_t)col.values = hr_string_make(bytes, (uint32_t)text.len);
    return expr;
}

/* --- Copies and walks --------------------------------------------------------------------------*/

struct hr_expr *hr_expr_copy(struct hr_arena *arena, const struct hr_expr *expr)
{
    struct hr_expr *copy = hr_arena_memdup(arena, expr, sizeof *expr);
    if (!copy) return NULL;
    if (expr->args) {
        copy->args = HR_NEW_ARRAY(arena, struct hr_expr *, expr->arg_count ? expr->arg_count : 1);
        if (!copy->args) return NULL;
        for (uint32_t i = 0; i < expr->arg_count; i++) {
            copy->args[i] = hr_expr_copy(arena, expr->args[i]);
            if (!copy->args[i]) return NULL;
        }
    }
    if (expr->filter) {
        copy->filter = hr_expr_copy(arena, expr->filter);
        if (!copy->filter) return NULL;
    }
    return copy;
}

bool hr_expr_is_literal_null(const struct hr_expr *expr)
{
    return expr->kind == HR_X_LITERAL &&
           (expr->type->id == HR_T_NULL || !hr_column_valid(expr->literal, 0));
}

bool hr_expr_walk(const struct hr_expr *expr, bool (*fn)(void *arg, const struct hr_expr *),
                  void *arg)
{
    if (!fn(arg, expr)) return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!hr_expr_walk(expr->args[i], fn, arg)) return false;
    return !expr->filter || hr_expr_walk(expr->filter, fn, arg);
}

hr_status hr_expr_rewrite(struct hr_expr **expr,
                          hr_status (*fn)(void *arg, struct hr_expr **expr, struct hr_err *err),
                          void *arg, struct hr_err *err)
{
    for (uint32_t i = 0; i < (*expr)->arg_count; i++)
        HR_TRY(hr_expr_rewrite(&(*expr)->args[i], fn, arg, err));
    if ((*expr)->filter) HR_TRY(hr_expr_rewrite(&(*expr)->filter, fn, arg, err));
    return fn(arg, expr, err);
}

/* --- Comparison --------------------------------------------------------------------------------*/

static bool same_name(const char *a, const char *b)
{
    return a == b || (a && b && hr_str_eq_nocase(a, b));
}

/* To the bit: 0.0 and -0.0 are equal for grouping, and two constants. */
static bool same_literal(const struct hr_column *a, const struct hr_column *b)
{
    if (!hr_type_same(a->type, b->type)) return false;
    if (!hr_column_equal(a, 0, b, 0)) return false;
    bool has_reals = a->type->id == HR_T_FLOAT || a->type->id == HR_T_DOUBLE;
    if (!hr_type_is_nested(a->type)) /* -0.0 is another literal than 0.0 */
        return !has_reals || !hr_column_valid(a, 0) ||
               memcmp(a->values, b->values, a->type->id == HR_T_FLOAT ? 4 : 8) == 0;
    struct hr_buf x = {0}, y = {0};
    hr_value_encode(a, 0, &x);
    hr_value_encode(b, 0, &y);
    bool same = !x.failed && !y.failed && x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0;
    hr_buf_done(&x);
    hr_buf_done(&y);
    return same;
}

static bool same_subquery(const struct hr_subquery *a, const struct hr_subquery *b)
{
    return a == b || (a->form == b->form && a->scope == b->scope && strcmp(a->text, b->text) == 0);
}

static bool same_over(const struct hr_over *a, const struct hr_over *b)
{
    return a->partition_count == b->partition_count && a->order_count == b->order_count &&
           a->unit == b->unit && a->lower == b->lower && a->upper == b->upper &&
           same_name(a->base, b->base);
}

static bool same_node(const struct hr_expr *a, const struct hr_expr *b)
{
    if (a->type != b->type && (!a->type || !b->type || !hr_type_same(a->type, b->type)))
        return false;
    switch (a->kind) {
    case HR_X_LITERAL: return same_literal(a->literal, b->literal);
    case HR_X_NAME:
    case HR_X_STAR:
        if (a->name_part_count != b->name_part_count) return false;
        for (uint32_t i = 0; i < a->name_part_count; i++)
            if (!same_name(a->name_parts[i], b->name_parts[i])) return false;
        return true;
    case HR_X_LAMBDA:
        return a->name_part_count == b->name_part_count && a->attr_id == b->attr_id;
    case HR_X_VAR:
    case HR_X_ATTR: return a->attr_id == b->attr_id;
    case HR_X_COLUMN: return a->ordinal == b->ordinal;
    case HR_X_CALL:
        if (a->distinct != b->distinct || a->ignores_nulls != b->ignores_nulls ||
            a->is_windowed != b->is_windowed || a->order_count != b->order_count)
            return false;
        return a->function && b->function ? a->function == b->function
                                          : same_name(a->name, b->name);
    case HR_X_CAST: return a->try_cast == b->try_cast;
    case HR_X_ALIAS: return same_name(a->name, b->name);
    case HR_X_FIELD: return a->ordinal == b->ordinal && same_name(a->name, b->name);
    case HR_X_SORT: return a->descending == b->descending && a->nulls_first == b->nulls_first;
    case HR_X_SUBQUERY: return same_subquery(a->subquery, b->subquery);
    case HR_X_OVER: return same_over(a->over, b->over);
    }
    return false;
}

bool hr_expr_equal(const struct hr_expr *a, const struct hr_expr *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || a->arg_count != b->arg_count) return false;
    if (!a->filter != !b->filter || !same_node(a, b)) return false;
    if (a->filter && !hr_expr_equal(a->filter, b->filter)) return false;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!hr_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

static uint64_t hash_node(const struct hr_expr *expr)
{
    switch (expr->kind) {
    case HR_X_VAR:
    case HR_X_ATTR: return expr->attr_id;
    case HR_X_COLUMN:
    case HR_X_FIELD: return expr->ordinal;
    case HR_X_LITERAL: { /* without memory: equal literals hash alike where there is none, too */
        uint64_t hash = 0;
        hr_column_hash(expr->literal, (const uint32_t[]){0}, 1, &hash);
        return hash;
    }
    default: return 0;
    }
}

uint64_t hr_expr_hash(const struct hr_expr *expr)
{
    uint64_t hash = hr_hash_combine((uint64_t)expr->kind, hash_node(expr));
    for (uint32_t i = 0; i < expr->arg_count; i++)
        hash = hr_hash_combine(hash, hr_expr_hash(expr->args[i]));
    return hash;
}

static const struct hr_function *function_of(const struct hr_expr *expr)
{
    if (expr->kind != HR_X_CALL) return NULL;
    return expr->function ? expr->function : hr_function_find(expr->name);
}

static bool node_is_deterministic(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    const struct hr_function *fn = function_of(expr);
    return !fn || !(fn->flags & HR_FN_NONDETERMINISTIC);
}

bool hr_expr_is_deterministic(const struct hr_expr *expr)
{
    return hr_expr_walk(expr, node_is_deterministic, NULL);
}

static bool node_is_no_aggregate(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    const struct hr_function *fn = function_of(expr);
    return !fn || !(fn->flags & HR_FN_AGGREGATE) || expr->is_windowed;
}

static bool node_is_no_over(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return expr->kind != HR_X_OVER;
}

bool hr_expr_has_over(const struct hr_expr *expr)
{
    return !hr_expr_walk(expr, node_is_no_over, NULL);
}

struct hr_expr *hr_over_offset(const struct hr_expr *over, bool upper)
{
    const struct hr_over *o = over->over;
    assert(over->kind == HR_X_OVER);
    if (!hr_bound_has_offset(upper ? o->upper : o->lower)) return NULL;
    uint32_t at = 1 + o->partition_count + o->order_count;
    if (upper && hr_bound_has_offset(o->lower)) at++;
    assert(at < over->arg_count);
    return over->args[at];
}

bool hr_expr_has_aggregate(const struct hr_expr *expr)
{
    return !hr_expr_walk(expr, node_is_no_aggregate, NULL);
}

/* The lambdas around an expression, from the inside. */
struct around {
    const struct around *outer;
    const struct hr_expr *lambda;
};

static bool is_bound(const struct around *around, const struct hr_expr *var)
{
    for (; around; around = around->outer)
        if (var->attr_id - around->lambda->attr_id < around->lambda->name_part_count) return true;
    return false;
}

static bool is_foldable(const struct hr_expr *expr, const struct around *around)
{
    struct around own = {around, expr};
    switch (expr->kind) {
    case HR_X_LITERAL:
    case HR_X_CAST:
    case HR_X_ALIAS:
    case HR_X_FIELD: break;
    case HR_X_VAR: return is_bound(around, expr);
    case HR_X_LAMBDA: around = &own; break;
    case HR_X_CALL: {
        const struct hr_function *fn = function_of(expr);
        if (!fn || fn->flags & (HR_FN_NONDETERMINISTIC | HR_FN_AGGREGATE | HR_FN_GENERATOR |
                                HR_FN_WINDOW))
            return false;
        break;
    }
    default: return false;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!is_foldable(expr->args[i], around)) return false;
    return !expr->filter || is_foldable(expr->filter, around);
}

bool hr_expr_is_foldable(const struct hr_expr *expr)
{
    return is_foldable(expr, NULL);
}
