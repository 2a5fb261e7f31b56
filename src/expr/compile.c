/* SPDX-License-Identifier: Apache-2.0 */
/* From trees to steps: constants folded, common parts once, branches under selections. */
#include "base/hash.h"
#include "expr/internal.h"
#include "expr/step.h"

struct compiler {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    bool fold;
    bool strict; /* folding: a part that cannot be folded ends the attempt (else it is exponential)
                  */
    HR_VEC(struct hr_step) steps;
    HR_VEC(struct hr_slot) slots;
    HR_VEC(uint32_t) regs; /* parents */
    HR_VEC(struct hr_lambda_code) lambdas;
    struct {               /* slots of leaves by hash, open addressing; 0: free, else slot + 1 */
        uint32_t *cells;
        uint32_t size, used;
    } leaves;
    uint32_t max_args;
    uint32_t depth;
};

#define DEPTH_LIMIT 2000

static hr_status compile_expr(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err) HR_CHECKED;

#define SHARED_SLOTS  256u
#define SHARED_LEVELS 256u

/* Of registers far out of a long CASE, only the outermost is found: see find_slot. */
static bool reg_is_within(const struct compiler *c, uint32_t reg, uint32_t outer)
{
    if (outer == 0) return true;
    for (uint32_t i = 0; i < SHARED_LEVELS && reg != outer && reg != 0; i++)
        reg = c->regs.items[reg];
    return reg == outer;
}

/* What is found by its hash: lists have thousands of them. */
static bool is_leaf(const struct hr_expr *expr)
{
    if (expr->kind == HR_X_CAST) expr = expr->args[0];
    return expr->kind == HR_X_LITERAL || expr->kind == HR_X_COLUMN;
}

static uint32_t leaf_hash(const struct hr_expr *expr)
{
    return (uint32_t)hr_hash_combine((uint64_t)(uintptr_t)expr->type, hr_expr_hash(expr));
}

static hr_status add_leaf(struct compiler *c, uint32_t slot, struct hr_err *err)
{
    if (2 * c->leaves.used >= c->leaves.size) {
        const uint32_t size = c->leaves.size ? 2 * c->leaves.size : 64, old = c->leaves.size;
        const uint32_t *from = c->leaves.cells;
        uint32_t *cells = HR_NEW_ARRAY(c->arena, uint32_t, size);
        if (!cells) return HR_OOM(err);
        for (uint32_t i = 0; i < old; i++) {
            if (!from[i]) continue;
            uint32_t at = leaf_hash(c->slots.items[from[i] - 1].expr) & (size - 1);
            while (cells[at]) at = (at + 1) & (size - 1);
            cells[at] = from[i];
        }
        c->leaves.cells = cells;
        c->leaves.size = size;
    }
    uint32_t at = leaf_hash(c->slots.items[slot].expr) & (c->leaves.size - 1);
    while (c->leaves.cells[at]) at = (at + 1) & (c->leaves.size - 1);
    c->leaves.cells[at] = slot + 1;
    c->leaves.used++;
    return HR_OK;
}

static bool slot_holds(const struct compiler *c, const struct hr_slot *slot,
                       const struct hr_expr *expr, uint32_t reg)
{
    return slot->expr && slot->expr->type == expr->type && hr_expr_equal(slot->expr, expr) &&
           reg_is_within(c, reg, slot->reg);
}

static bool find_leaf(const struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                      uint32_t *ret_slot)
{
    if (c->leaves.size == 0) return false;
    uint32_t at = leaf_hash(expr) & (c->leaves.size - 1);
    for (; c->leaves.cells[at]; at = (at + 1) & (c->leaves.size - 1)) {
        *ret_slot = c->leaves.cells[at] - 1;
        if (slot_holds(c, &c->slots.items[*ret_slot], expr, reg)) return true;
    }
    return false;
}

/* A value that is there already. Of many that are no leaves only the first and the last slots are
 * looked at, so that a list of n costs n steps, not n * n: sharing saves work, no answer hangs on
 * it. */
static bool find_slot(const struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                      uint32_t *ret_slot)
{
    const uint32_t count = c->slots.count;
    if (is_leaf(expr)) return find_leaf(c, expr, reg, ret_slot);
    for (uint32_t i = 0; i < count; i++) {
        if (i == SHARED_SLOTS && count > 2 * SHARED_SLOTS) i = count - SHARED_SLOTS;
        if (!slot_holds(c, &c->slots.items[i], expr, reg)) continue;
        *ret_slot = i;
        return true;
    }
    return false;
}

static hr_status add_slot(struct compiler *c, struct hr_slot slot, uint32_t *ret_slot,
                          struct hr_err *err)
{
    if (!HR_VEC_PUSH(c->arena, &c->slots, slot)) return HR_OOM(err);
    *ret_slot = c->slots.count - 1;
    return slot.expr && is_leaf(slot.expr) ? add_leaf(c, *ret_slot, err) : HR_OK;
}

static hr_status add_step(struct compiler *c, struct hr_step step, struct hr_err *err)
{
    c->max_args = HR_MAX(c->max_args, step.arg_count);
    return HR_VEC_PUSH(c->arena, &c->steps, step) ? HR_OK : HR_OOM(err);
}

/* A step with a slot of its own. The slots of its arguments are copied. */
static hr_status add_result(struct compiler *c, enum hr_step_kind kind, uint32_t reg,
                            const struct hr_expr *expr, const uint32_t *args, uint32_t arg_count,
                            uint32_t *ret_slot, struct hr_err *err)
{
    bool again = hr_expr_is_deterministic(expr);
    struct hr_slot slot = {.kind = HR_SLOT_STEP, .expr = again ? expr : NULL, .reg = reg};
    uint32_t out;
    HR_TRY(add_slot(c, slot, &out, err));
    uint32_t *copy = hr_arena_memdup(c->arena, args, sizeof *args * (arg_count ? arg_count : 1));
    if (!copy) return HR_OOM(err);
    struct hr_step step = {.kind = kind,
                           .reg = reg,
                           .out = out,
                           .arg_count = arg_count,
                           .args = copy,
                           .own_args = arg_count,
                           .expr = expr,
                           .type = expr->type};
    HR_TRY(add_step(c, step, err));
    *ret_slot = out;
    return HR_OK;
}

static hr_status add_select(struct compiler *c, uint32_t reg, uint32_t slot, enum hr_select select,
                            uint32_t *ret_reg, struct hr_err *err)
{
    uint32_t *args = hr_arena_memdup(c->arena, &slot, sizeof slot);
    if (!args || !HR_VEC_PUSH(c->arena, &c->regs, reg)) return HR_OOM(err);
    struct hr_step step = {.kind = HR_STEP_SELECT,
                           .select = select,
                           .reg = reg,
                           .out = c->regs.count - 1,
                           .arg_count = 1,
                           .args = args};
    HR_TRY(add_step(c, step, err));
    *ret_reg = c->regs.count - 1;
    return HR_OK;
}

/* --- What may run on all rows ------------------------------------------------------------------*/

/* A cast that keeps every value, in one instruction. */
static bool cast_is_cheap(const struct hr_type *from, const struct hr_type *to)
{
    if (!hr_type_is_integral(from)) return from->id == HR_T_FLOAT && to->id == HR_T_DOUBLE;
    return (hr_type_is_integral(to) && to->id >= from->id) || to->id == HR_T_DOUBLE ||
           to->id == HR_T_FLOAT;
}

/* Besides its arguments. */
static bool call_is_cheap(const struct hr_function *fn)
{
    enum hr_function_role role = hr_function_role(fn);
    return (fn->flags & HR_FN_INFALLIBLE) || role == HR_ROLE_AND || role == HR_ROLE_OR ||
           role == HR_ROLE_BETWEEN;
}

static bool is_cheap(const struct hr_expr *expr)
{
    switch (expr->kind) {
    case HR_X_LITERAL:
    case HR_X_COLUMN: return true;
    case HR_X_ALIAS: break;
    case HR_X_CAST:
        if (!cast_is_cheap(expr->args[0]->type, expr->type)) return false;
        break;
    case HR_X_CALL:
        if (!expr->function) return false;
        if (!call_is_cheap(expr->function)) return false;
        break;
    default: return false;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!is_cheap(expr->args[i])) return false;
    return true;
}

/* --- Folding -----------------------------------------------------------------------------------*/

static bool no_context(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    if (expr->kind == HR_X_CAST && expr->args[0]->type->id == HR_T_TIME &&
        hr_type_is_datetime(expr->type))
        return false; /* of today */
    return !(expr->kind == HR_X_CALL && expr->function && expr->function->flags & HR_FN_CONTEXT);
}

/* A constant that cannot be computed (1/0) stays a step: its row may never be reached. */
static bool try_fold(struct compiler *c, const struct hr_expr *expr, struct hr_column **ret)
{
    if (!c->fold || !hr_expr_is_foldable(expr) || !hr_expr_walk(expr, no_context, NULL))
        return false;
    struct hr_column *col = HR_NEW(c->arena, struct hr_column);
    if (!col || hr_expr_fold(c->arena, c->conf, expr, col, NULL) != HR_OK) return false;
    *ret = col;
    return true;
}

/* --- Special forms -----------------------------------------------------------------------------*/

static hr_status compile_logic(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                               enum hr_step_kind kind, uint32_t *ret_slot, struct hr_err *err)
{
    uint32_t slots[2], inner = reg;
    HR_TRY(compile_expr(c, expr->args[0], reg, &slots[0], err));
    if (!is_cheap(expr->args[1]))
        HR_TRY(add_select(c, reg, slots[0],
                          kind == HR_STEP_AND ? HR_SELECT_NOT_FALSE : HR_SELECT_NOT_TRUE, &inner,
                          err));
    HR_TRY(compile_expr(c, expr->args[1], inner, &slots[1], err));
    return add_result(c, kind, reg, expr, slots, 2, ret_slot, err);
}

/* Condition, value, condition, value, …, [else]. */
static hr_status compile_case(struct compiler *c, const struct hr_expr *expr,
                              struct hr_expr *const *args, uint32_t count, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err)
{
    uint32_t *pairs = HR_NEW_ARRAY(c->arena, uint32_t, count + 2), n = 0, rest = reg;
    if (!pairs) return HR_OOM(err);
    uint32_t i = 0;
    for (; i + 1 < count; i += 2) {
        uint32_t cond, taken, value;
        HR_TRY(compile_expr(c, args[i], rest, &cond, err));
        HR_TRY(add_select(c, rest, cond, HR_SELECT_TRUE, &taken, err));
        HR_TRY(compile_expr(c, args[i + 1], is_cheap(args[i + 1]) ? reg : taken, &value, err));
        pairs[n++] = taken;
        pairs[n++] = value;
        if (i + 2 < count) HR_TRY(add_select(c, rest, cond, HR_SELECT_NOT_TRUE, &rest, err));
    }
    if (i < count) {
        pairs[n++] = rest;
        HR_TRY(compile_expr(c, args[i], is_cheap(args[i]) ? reg : rest, &pairs[n], err));
        n++;
    }
    return add_result(c, HR_STEP_MERGE, reg, expr, pairs, n, ret_slot, err);
}

static hr_status compile_coalesce(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                                  uint32_t *ret_slot, struct hr_err *err)
{
    uint32_t *pairs = HR_NEW_ARRAY(c->arena, uint32_t, 2 * expr->arg_count), n = 0, rest = reg;
    if (!pairs) return HR_OOM(err);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        uint32_t value, taken = rest;
        bool last = i + 1 == expr->arg_count;
        HR_TRY(compile_expr(c, expr->args[i], is_cheap(expr->args[i]) ? reg : rest, &value, err));
        if (!last) HR_TRY(add_select(c, rest, value, HR_SELECT_NOT_NULL, &taken, err));
        pairs[n++] = taken;
        pairs[n++] = value;
        if (!last) HR_TRY(add_select(c, rest, value, HR_SELECT_NULL, &rest, err));
    }
    return add_result(c, HR_STEP_MERGE, reg, expr, pairs, n, ret_slot, err);
}

static hr_status make_call(struct compiler *c, const char *name, struct hr_expr *a,
                           struct hr_expr *b, const struct hr_expr *at, struct hr_expr **ret,
                           struct hr_err *err)
{
    struct hr_expr *args[] = {a, b};
    struct hr_expr *call = hr_expr_call(c->arena, name, args, b ? 2 : 1);
    if (!call) return HR_OOM(err);
    call->sql_pos = at->sql_pos;
    call->sql_end = at->sql_end;
    HR_TRY(hr_expr_resolve_node(c->arena, c->conf, call, err));
    *ret = call;
    return HR_OK;
}

static hr_status compile_between(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                                 uint32_t *ret_slot, struct hr_err *err)
{
    struct hr_expr *low, *high, *both;
    HR_TRY(make_call(c, ">=", expr->args[0], expr->args[1], expr, &low, err));
    HR_TRY(make_call(c, "<=", expr->args[0], expr->args[2], expr, &high, err));
    HR_TRY(make_call(c, "and", low, high, expr, &both, err));
    return compile_expr(c, both, reg, ret_slot, err);
}

static hr_status compile_nullif(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                                uint32_t *ret_slot, struct hr_err *err)
{
    struct hr_expr *args[] = {NULL, hr_expr_null(c->arena, expr->type), expr->args[0]};
    if (!args[1]) return HR_OOM(err);
    HR_TRY(make_call(c, "=", expr->args[0], expr->args[1], expr, &args[0], err));
    return compile_case(c, expr, args, 3, reg, ret_slot, err);
}

static hr_status compile_nvl2(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err)
{
    struct hr_expr *args[] = {NULL, expr->args[1], expr->args[2]};
    HR_TRY(make_call(c, "isnotnull", expr->args[0], NULL, expr, &args[0], err));
    return compile_case(c, expr, args, 3, reg, ret_slot, err);
}

/* The second argument where the first is NaN; the first is computed once, whatever it draws. */
static hr_status compile_nanvl(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                               uint32_t *ret_slot, struct hr_err *err)
{
    struct hr_expr *nan, *first = expr->args[0], *second = expr->args[1];
    uint32_t value, cond, other, taken, rest;
    HR_TRY(make_call(c, "isnan", first, NULL, expr, &nan, err));
    HR_TRY(compile_expr(c, first, reg, &value, err));
    uint32_t seen = value;
    if (nan->args[0] != first)
        HR_TRY(add_result(c, HR_STEP_CAST, reg, nan->args[0], &value, 1, &seen, err));
    HR_TRY(add_result(c, HR_STEP_CALL, reg, nan, &seen, 1, &cond, err));
    HR_TRY(add_select(c, reg, cond, HR_SELECT_TRUE, &taken, err));
    HR_TRY(compile_expr(c, second, is_cheap(second) ? reg : taken, &other, err));
    HR_TRY(add_select(c, reg, cond, HR_SELECT_NOT_TRUE, &rest, err));
    uint32_t pairs[] = {taken, other, rest, value};
    return add_result(c, HR_STEP_MERGE, reg, expr, pairs, 4, ret_slot, err);
}

static hr_status compile_special(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                                 uint32_t *ret_slot, struct hr_err *err)
{
    switch (hr_function_role(expr->function)) {
    case HR_ROLE_AND: return compile_logic(c, expr, reg, HR_STEP_AND, ret_slot, err);
    case HR_ROLE_OR: return compile_logic(c, expr, reg, HR_STEP_OR, ret_slot, err);
    case HR_ROLE_BETWEEN: return compile_between(c, expr, reg, ret_slot, err);
    case HR_ROLE_CASE:
    case HR_ROLE_IF: return compile_case(c, expr, expr->args, expr->arg_count, reg, ret_slot, err);
    case HR_ROLE_COALESCE: return compile_coalesce(c, expr, reg, ret_slot, err);
    case HR_ROLE_NULLIF: return compile_nullif(c, expr, reg, ret_slot, err);
    case HR_ROLE_NVL2: return compile_nvl2(c, expr, reg, ret_slot, err);
    case HR_ROLE_NANVL: return compile_nanvl(c, expr, reg, ret_slot, err);
    default:
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s is not supported here", expr->function->name);
    }
}

/* --- Lambdas -----------------------------------------------------------------------------------*/

/* Columns that a lambda's body reads, in the order of the sub-program's columns. */
struct capture {
    struct compiler *c;
    const struct hr_expr *lambda;
    HR_VEC(const struct hr_expr *) columns;
};

static hr_status capture_column(struct capture *cap, struct hr_expr *e, struct hr_err *err)
{
    uint32_t i = 0;
    while (i < cap->columns.count && cap->columns.items[i]->ordinal != e->ordinal) i++;
    if (i == cap->columns.count) {
        const struct hr_expr *column = hr_expr_copy(cap->c->arena, e);
        if (!column || !HR_VEC_PUSH(cap->c->arena, &cap->columns, column)) return HR_OOM(err);
    }
    e->ordinal = cap->lambda->name_part_count + i;
    return HR_OK;
}

/* hidden: a lambda inside has variables of the same numbers. */
static hr_status capture(struct capture *cap, struct hr_expr *e, bool hidden, struct hr_err *err)
{
    uint32_t var = e->attr_id - cap->lambda->attr_id;
    if (e->kind == HR_X_COLUMN) return capture_column(cap, e, err);
    if (e->kind == HR_X_VAR && !hidden && var < cap->lambda->name_part_count) {
        e->kind = HR_X_COLUMN;
        e->ordinal = var;
        e->name = "namedlambdavariable()";
    }
    hidden = hidden || (e->kind == HR_X_LAMBDA && var == 0);
    for (uint32_t i = 0; i < e->arg_count; i++) HR_TRY(capture(cap, e->args[i], hidden, err));
    return e->filter ? capture(cap, e->filter, hidden, err) : HR_OK;
}

/* What it captures becomes arguments of the call: computed under its register, as they are. */
static hr_status compile_lambda(struct compiler *c, const struct hr_expr *lambda, uint32_t reg,
                                uint32_t **slots, uint32_t *count, struct hr_err *err)
{
    struct capture cap = {.c = c, .lambda = lambda};
    struct hr_expr *body = hr_expr_copy(c->arena, lambda->args[0]);
    if (!body) return HR_OOM(err);
    HR_TRY(capture(&cap, body, false, err));
    struct hr_lambda_code code = {.var_count = lambda->name_part_count,
                                  .first_arg = *count,
                                  .arg_count = cap.columns.count};
    HR_TRY(hr_program_compile(c->arena, c->conf, &body, 1, &code.program, err));
    uint32_t *all = hr_arena_grow(c->arena, *slots, sizeof *all * *count,
                                  sizeof *all * (*count + cap.columns.count + 1));
    if (!all || !HR_VEC_PUSH(c->arena, &c->lambdas, code)) return HR_OOM(err);
    *slots = all;
    for (uint32_t i = 0; i < cap.columns.count; i++)
        HR_TRY(compile_expr(c, cap.columns.items[i], reg, &all[(*count)++], err));
    return HR_OK;
}

/* Its program is made once all plain arguments have their slots. */
static hr_status compile_lambdas(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                                 uint32_t *slots, uint32_t own, uint32_t *ret_slot,
                                 struct hr_err *err)
{
    uint32_t first = c->lambdas.count, count = own;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i]->kind == HR_X_LAMBDA)
            HR_TRY(compile_lambda(c, expr->args[i], reg, &slots, &count, err));
    HR_TRY(add_result(c, HR_STEP_CALL, reg, expr, slots, count, ret_slot, err));
    struct hr_step *step = &c->steps.items[c->steps.count - 1];
    step->own_args = own;
    step->lambda = first;
    step->lambda_count = c->lambdas.count - first;
    return HR_OK;
}

/* --- Trees -------------------------------------------------------------------------------------*/

static hr_status compile_call(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err)
{
    const struct hr_function *fn = expr->function;
    if (!fn) return HR_BUG(err, "call of %s is not resolved", expr->name);
    if (fn->flags & HR_FN_SPECIAL) return compile_special(c, expr, reg, ret_slot, err);
    if (!fn->eval) return HR_BUG(err, "%s cannot be computed row by row", fn->name);
    uint32_t *slots = HR_NEW_ARRAY(c->arena, uint32_t, expr->arg_count + 1), count = 0;
    if (!slots) return HR_OOM(err);
    bool lambdas = false;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        lambdas = lambdas || expr->args[i]->kind == HR_X_LAMBDA;
        if (expr->args[i]->kind == HR_X_LAMBDA) continue; /* the function runs it */
        if (hr_function_role(fn) == HR_ROLE_TYPEOF) break;
        HR_TRY(compile_expr(c, expr->args[i], reg, &slots[count++], err));
    }
    if (lambdas) return compile_lambdas(c, expr, reg, slots, count, ret_slot, err);
    return add_result(c, HR_STEP_CALL, reg, expr, slots, count, ret_slot, err);
}

static hr_status compile_node(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err)
{
    uint32_t arg;
    switch (expr->kind) {
    case HR_X_COLUMN: {
        struct hr_slot slot = {.kind = HR_SLOT_COLUMN, .ordinal = expr->ordinal, .expr = expr};
        return add_slot(c, slot, ret_slot, err);
    }
    case HR_X_CALL: return compile_call(c, expr, reg, ret_slot, err);
    case HR_X_CAST:
    case HR_X_FIELD:
        HR_TRY(compile_expr(c, expr->args[0], reg, &arg, err));
        if (expr->kind == HR_X_CAST && expr->args[0]->type == expr->type) {
            *ret_slot = arg;
            return HR_OK;
        }
        return add_result(c, expr->kind == HR_X_CAST ? HR_STEP_CAST : HR_STEP_FIELD, reg, expr,
                          &arg, 1, ret_slot, err);
    default: {
        struct hr_arena *arena = c->arena;
        return HR_BUG(err, "expression %s is not bound", hr_expr_text(arena, expr));
    }
    }
}

static hr_status compile_expr(struct compiler *c, const struct hr_expr *expr, uint32_t reg,
                              uint32_t *ret_slot, struct hr_err *err)
{
    while (expr->kind == HR_X_ALIAS || expr->kind == HR_X_SORT) expr = expr->args[0];
    if (!expr->type) return HR_BUG(err, "expression %s has no type", hr_expr_text(c->arena, expr));
    if (find_slot(c, expr, reg, ret_slot)) return HR_OK;
    struct hr_column *folded = NULL;
    const struct hr_column *constant = expr->kind == HR_X_LITERAL ? expr->literal : NULL;
    bool keep = c->fold;
    if (!constant && expr->kind != HR_X_COLUMN) {
        if (try_fold(c, expr, &folded))
            constant = folded;
        else if (c->strict && c->fold)
            return HR_E_NOT_SUPPORTED;
        c->fold = true; /* only the root of a fold is spared */
    }
    if (constant) {
        c->fold = keep;
        struct hr_slot slot = {.kind = HR_SLOT_CONST, .constant = constant, .expr = expr};
        return add_slot(c, slot, ret_slot, err);
    }
    if (++c->depth > DEPTH_LIMIT)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of an expression", "limit", "2000");
    hr_status status = compile_node(c, expr, reg, ret_slot, err);
    c->depth--;
    c->fold = keep;
    return status;
}

/* fold_roots false: called to fold, so the roots themselves are run. */
static hr_status compile_program(struct hr_arena *arena, const struct hr_conf *conf,
                                 struct hr_expr *const *exprs, uint32_t count, bool fold_roots,
                                 const struct hr_program **ret, struct hr_err *err)
{
    struct compiler c = {.arena = arena, .conf = conf, .strict = !fold_roots};
    struct hr_program *p = HR_NEW(arena, struct hr_program);
    if (!p || !HR_VEC_PUSH(arena, &c.regs, 0)) return HR_OOM(err);
    p->outputs = HR_NEW_ARRAY(arena, uint32_t, count ? count : 1);
    p->output_types = HR_NEW_ARRAY(arena, const struct hr_type *, count ? count : 1);
    if (!p->outputs || !p->output_types) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        c.fold = fold_roots;
        HR_TRY(compile_expr(&c, exprs[i], 0, &p->outputs[i], err));
        p->output_types[i] = exprs[i]->type;
    }
    p->conf = conf;
    p->output_count = count;
    p->steps = c.steps.items;
    p->step_count = c.steps.count;
    p->lambdas = c.lambdas.items;
    p->lambda_count = c.lambdas.count;
    p->slots = c.slots.items;
    p->slot_count = c.slots.count;
    p->reg_parents = c.regs.items;
    p->reg_count = c.regs.count;
    p->max_args = c.max_args;
    *ret = p;
    return HR_OK;
}

hr_status hr_program_compile(struct hr_arena *arena, const struct hr_conf *conf,
                             struct hr_expr *const *exprs, uint32_t count,
                             const struct hr_program **ret, struct hr_err *err)
{
    return compile_program(arena, conf, exprs, count, true, ret, err);
}

hr_status hr_expr_fold(struct hr_arena *arena, const struct hr_conf *conf,
                       const struct hr_expr *expr, struct hr_column *ret, struct hr_err *err)
{
    const struct hr_program *program;
    struct hr_expr *root = (struct hr_expr *)(uintptr_t)expr;
    HR_TRY(compile_program(arena, conf, &root, 1, false, &program, err));
    struct hr_eval *eval;
    HR_TRY(hr_eval_new(program, NULL, &eval, err));
    hr_eval_set_context(eval, conf->now_us, 0);
    struct hr_batch row = {.row_count = 1, .sel_count = 1};
    struct hr_column col;
    hr_status status = hr_eval_run(eval, &row, arena, &col, err);
    hr_eval_free(eval);
    if (status == HR_OK) *ret = col;
    return status;
}

/* --- Text --------------------------------------------------------------------------------------*/

void hr_program_print(const struct hr_program *program, struct hr_buf *out)
{
    static const char *const kinds[] = {"call", "cast", "field", "and", "or", "select", "merge"};
    static const char *const selects[] = {"true", "not true", "not false", "null", "not null"};
    for (uint32_t i = 0; i < program->slot_count; i++) {
        const struct hr_slot *slot = &program->slots[i];
        if (slot->kind == HR_SLOT_STEP) continue;
        hr_buf_printf(out, "$%u = %s ", i, slot->kind == HR_SLOT_CONST ? "const" : "column");
        if (slot->kind == HR_SLOT_COLUMN)
            hr_buf_printf(out, "#%u", slot->ordinal);
        else if (hr_column_valid(slot->constant, 0) && slot->constant->type->id != HR_T_NULL)
            hr_column_print(slot->constant, 0, program->conf->tz, out);
        else
            hr_buf_puts(out, "NULL");
        hr_buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct hr_step *step = &program->steps[i];
        if (step->kind == HR_STEP_SELECT) {
            hr_buf_printf(out, "@%u = select $%u %s [@%u]\n", step->out, step->args[0],
                          selects[step->select], step->reg);
            continue;
        }
        hr_buf_printf(out, "$%u = %s", step->out, kinds[step->kind]);
        if (step->kind == HR_STEP_CALL) hr_buf_printf(out, " %s", step->expr->function->name);
        for (uint32_t a = 0; a < step->arg_count; a++)
            hr_buf_printf(out, " %c%u", step->kind == HR_STEP_MERGE && a % 2 == 0 ? '@' : '$',
                          step->args[a]);
        hr_buf_printf(out, " [@%u]\n", step->reg);
    }
    hr_buf_puts(out, "return");
    for (uint32_t i = 0; i < program->output_count; i++)
        hr_buf_printf(out, " $%u", program->outputs[i]);
    hr_buf_putc(out, '\n');
}
