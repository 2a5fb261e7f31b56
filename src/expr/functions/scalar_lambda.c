/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that run lambdas. All elements of a batch lie in one flat batch, over which a lambda
 * runs once; aggregate runs it once for the first elements of all rows, once for the second ones …;
 * a comparator once for all pairs that a step of merging compares.
 */
#include "expr/functions/array.h"
#include "expr/functions/value_set.h"
#include "expr/internal.h"
#include "expr/lambda.h"
#include "expr/lambda_run.h"

/* --- Types -------------------------------------------------------------------------------------*/

static hr_status needs_boolean(struct hr_arena *arena, struct hr_expr *call, struct hr_err *err)
{
    struct hr_expr *lambda = call->args[1];
    if (lambda->type->id == HR_T_NULL)
        HR_TRY(hr_resolve_cast(arena, &lambda->args[0], hr_type(HR_T_BOOLEAN), err));
    lambda->type = lambda->args[0]->type;
    if (lambda->type->id == HR_T_BOOLEAN) return HR_OK;
    return hr_resolve_unexpected_type(arena, call, 1, "\"BOOLEAN\"", err);
}

hr_status hr_bind_transform(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    call->type = hr_type_array(call->args[1]->type, call->args[1]->nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_filter(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    call->type = call->args[0]->type;
    return needs_boolean(arena, call, err);
}

hr_status hr_bind_exists(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    call->type = hr_type(HR_T_BOOLEAN);
    call->nullable = call->args[0]->nullable || call->args[1]->nullable;
    return needs_boolean(arena, call, err);
}

hr_status hr_bind_zip_with(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    call->type = hr_type_array(call->args[2]->type, call->args[2]->nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_transform_map(HR_BIND_ARGS)
{
    const struct hr_field *f = call->args[0]->type->fields;
    const struct hr_expr *lambda = call->args[1];
    HR_UNUSED(conf);
    call->type = hr_str_eq_nocase(call->function->name, "transform_keys")
                     ? hr_type_map(lambda->type, f[1].type, f[1].nullable)
                     : hr_type_map(f[0].type, lambda->type, lambda->nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_map_zip_with(HR_BIND_ARGS)
{
    const struct hr_expr *lambda = call->args[2];
    HR_UNUSED(conf);
    call->type = hr_type_map(call->args[0]->type->fields[0].type, lambda->type, lambda->nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_fold(HR_BIND_ARGS)
{
    struct hr_expr *merge = call->args[2], *finish = call->args[3];
    const struct hr_type *state = call->args[1]->type;
    HR_UNUSED(conf);
    if (call->arg_count < 4) return HR_BUG(err, "a fold without its end");
    if (merge->type->id == HR_T_NULL)
        HR_TRY(hr_resolve_cast(arena, &merge->args[0], state, err));
    else if (!hr_type_same(merge->type, state))
        return hr_resolve_unexpected_type(arena, call, 2, hr_type_quoted(arena, state), err);
    call->type = finish->type;
    call->nullable = call->args[0]->nullable || finish->nullable;
    return HR_OK;
}

hr_status hr_bind_array_sort(HR_BIND_ARGS)
{
    if (call->arg_count == 1) return hr_bind_sort_array(arena, conf, call, err);
    const struct hr_expr *lambda = call->args[1];
    call->type = call->args[0]->type;
    call->nullable = call->args[0]->nullable;
    if (lambda->type->id == HR_T_INT) return HR_OK;
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_RETURN_TYPE, "sqlExpr",
                    hr_expr_quoted(arena, call), "functionName", "`lambdafunction`",
                    "expectedType", "\"INT\"", "actualType", hr_type_quoted(arena, lambda->type));
}

/* --- Elements ----------------------------------------------------------------------------------*/

/* The length of every row's list; 0 for rows that do not count. Offsets of a list of such rows. */
hr_status hr_elements_of(struct hr_eval_ctx *ctx, const struct hr_vector *lists,
                              uint32_t list_count, const struct hr_column *out,
                              struct hr_elements *ret, struct hr_err *err)
{
    int32_t *offsets = hr_arena_zalloc(ctx->arena, sizeof *offsets * (ctx->row_count + 1));
    uint64_t total = 0;
    if (!offsets) return HR_OOM(err);
    HR_EACH_ROW(ctx, out, row)
    {
        uint32_t longest = 0, from, to;
        for (uint32_t i = 0; i < list_count; i++) {
            hr_list_range(&lists[i], row, &from, &to);
            longest = HR_MAX(longest, to - from);
        }
        offsets[row + 1] = (int32_t)longest;
        total += longest;
    }
    if (total > INT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the elements of a batch's arrays", "limit",
                        "2147483647");
    for (uint32_t row = 0; row < ctx->row_count; row++) offsets[row + 1] += offsets[row];
    ret->offsets = offsets;
    ret->count = (uint32_t)total;
    ret->parents = hr_arena_alloc(ctx->arena, sizeof(uint32_t) * (total + 1));
    if (!ret->parents) return HR_OOM(err);
    for (uint32_t row = 0; row < ctx->row_count; row++)
        for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) ret->parents[i] = row;
    return HR_OK;
}

/* Where the elements stand in a list's children; UINT32_MAX behind the end of a shorter list. */
hr_status hr_elements_places(struct hr_eval_ctx *ctx, const struct hr_vector *list,
                           const struct hr_elements *e, uint32_t **ret, struct hr_err *err)
{
    uint32_t *places = hr_arena_alloc(ctx->arena, sizeof *places * (e->count + 1));
    if (!places) return HR_OOM(err);
    for (uint32_t row = 0; row < ctx->row_count; row++) {
        uint32_t at = (uint32_t)e->offsets[row], end = (uint32_t)e->offsets[row + 1], from, to;
        if (at == end) continue;
        hr_list_range(list, row, &from, &to);
        for (; at < end; at++) places[at] = from < to ? from++ : UINT32_MAX;
    }
    *ret = places;
    return HR_OK;
}

/* A child's values at places: itself where it is all of them in order. */
static hr_status take_places(struct hr_arena *arena, const struct hr_column *child,
                             const uint32_t *places, uint32_t count, struct hr_column *ret,
                             struct hr_err *err)
{
    uint32_t i = 0;
    if (child->type->id == HR_T_NULL) return hr_column_nulls(arena, child->type, count, ret, err);
    if (count == child->length)
        while (i < count && places[i] == i) i++;
    if (i == count && count == child->length) {
        *ret = *child;
        return HR_OK;
    }
    return hr_column_take(arena, child, places, count, ret, err);
}

static hr_status positions(struct hr_eval_ctx *ctx, const struct hr_elements *e,
                           struct hr_column *ret, struct hr_err *err)
{
    HR_TRY(hr_column_alloc(ctx->arena, hr_type(HR_T_INT), e->count, false, ret, err));
    for (uint32_t i = 0; i < e->count; i++)
        HR_OUT(int32_t, ret)[i] = (int32_t)i - e->offsets[e->parents[i]];
    return HR_OK;
}

static hr_status run_lambda(struct hr_eval_ctx *ctx, const struct hr_vector *args,
                            const struct hr_elements *e, const struct hr_column *vars,
                            struct hr_column *ret, struct hr_err *err)
{
    if (e->count == 0) {
        const struct hr_program *p = ctx->lambdas[0].code->program;
        return hr_column_nulls(ctx->arena, p->output_types[0], 0, ret, err);
    }
    return hr_lambda_eval(ctx, args, 0, vars, e->parents, e->count, ctx->arena, ret, err);
}

static hr_status set_children(struct hr_eval_ctx *ctx, const struct hr_column *children,
                              const int32_t *offsets, struct hr_column *out, struct hr_err *err)
{
    uint32_t n = out->type->field_count;
    struct hr_column *copy = hr_arena_memdup(ctx->arena, children, sizeof *copy * n);
    if (!copy) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) copy[i].type = out->type->fields[i].type;
    out->children = copy;
    out->values = offsets;
    return HR_OK;
}

/* The elements of the first argument, and what a lambda's variables are: (element, position), or
 * (key, value). */
struct input {
    struct hr_elements e;
    uint32_t *places;
    struct hr_column vars[HR_LAMBDA_VARS_MAX];
};

static hr_status read_input(struct hr_eval_ctx *ctx, const struct hr_vector *args,
                            const struct hr_column *out, struct input *in, struct hr_err *err)
{
    const struct hr_column *list = &args[0].col;
    HR_TRY(hr_elements_of(ctx, args, 1, out, &in->e, err));
    HR_TRY(hr_elements_places(ctx, &args[0], &in->e, &in->places, err));
    for (uint32_t i = 0; i < list->type->field_count; i++)
        HR_TRY(take_places(ctx->arena, &list->children[i], in->places, in->e.count, &in->vars[i],
                           err));
    if (list->type->id == HR_T_ARRAY && ctx->lambdas[0].code->var_count > 1)
        HR_TRY(positions(ctx, &in->e, &in->vars[1], err));
    return HR_OK;
}

hr_status hr_fn_transform(HR_EVAL_ARGS)
{
    struct input in;
    struct hr_column result;
    HR_UNUSED(call);
    HR_TRY(read_input(ctx, args, out, &in, err));
    HR_TRY(run_lambda(ctx, args, &in.e, in.vars, &result, err));
    return set_children(ctx, &result, in.e.offsets, out, err);
}

hr_status hr_fn_filter(HR_EVAL_ARGS)
{
    struct input in;
    struct hr_column keep, children[2];
    HR_TRY(read_input(ctx, args, out, &in, err));
    HR_TRY(run_lambda(ctx, args, &in.e, in.vars, &keep, err));
    uint32_t *places = in.places, n = 0;
    for (uint32_t row = 0; row < ctx->row_count; row++) {
        uint32_t i = (uint32_t)in.e.offsets[row], end = (uint32_t)in.e.offsets[row + 1];
        in.e.offsets[row] = (int32_t)n;
        for (; i < end; i++)
            if (hr_column_valid(&keep, i) && hr_bit_get(keep.values, i)) places[n++] = places[i];
    }
    in.e.offsets[ctx->row_count] = (int32_t)n;
    for (uint32_t i = 0; i < call->type->field_count; i++)
        HR_TRY(take_places(ctx->arena, &args[0].col.children[i], places, n, &children[i], err));
    return set_children(ctx, children, in.e.offsets, out, err);
}

/* --- exists, forall ----------------------------------------------------------------------------*/

/* One element's answer: true where the row is decided. */
static bool decide(struct hr_column *out, uint32_t row, const struct hr_column *answers, uint32_t i,
                   bool stop_at)
{
    if (!hr_column_valid(answers, i)) {
        hr_out_null(out, row);
        return false;
    }
    if (hr_bit_get(answers->values, i) != stop_at) return false;
    hr_bit_set((uint64_t *)(uintptr_t)out->validity, row);
    hr_out_bool(out, row, stop_at);
    return true;
}

/* The first elements of all rows, the second ones …: an error behind the element that decides is
 * none. Only where a run over all elements failed. */
static hr_status decide_in_order(struct hr_eval_ctx *ctx, const struct hr_vector *args,
                                 struct input *in, bool stop_at, struct hr_column *out,
                                 struct hr_err *err)
{
    uint32_t *open = hr_arena_alloc(ctx->arena, sizeof *open * (ctx->row_count + 1));
    uint32_t *places = hr_arena_alloc(ctx->arena, sizeof *places * (ctx->row_count + 1));
    uint32_t n = 0;
    if (!open || !places) return HR_OOM(err);
    HR_EACH_ROW(ctx, out, row)
    {
        hr_out_bool(out, row, !stop_at);
        open[n++] = row;
    }
    for (int32_t at = 0; n; at++) {
        uint32_t left = 0;
        struct hr_column element, answers;
        for (uint32_t i = 0; i < n; i++) {
            if (in->e.offsets[open[i]] + at >= in->e.offsets[open[i] + 1]) continue;
            places[left] = in->places[in->e.offsets[open[i]] + at];
            open[left++] = open[i];
        }
        n = 0;
        if (left == 0) break;
        HR_TRY(take_places(ctx->arena, &args[0].col.children[0], places, left, &element, err));
        HR_TRY(hr_lambda_eval(ctx, args, 0, &element, open, left, ctx->arena, &answers, err));
        for (uint32_t i = 0; i < left; i++)
            if (!decide(out, open[i], &answers, i, stop_at)) open[n++] = open[i];
    }
    return HR_OK;
}

static hr_status any_or_all(HR_EVAL_ARGS, bool stop_at)
{
    struct input in;
    struct hr_column answers;
    HR_UNUSED(call);
    HR_TRY(read_input(ctx, args, out, &in, err));
    struct hr_err ignored = {0};
    hr_status status = run_lambda(ctx, args, &in.e, in.vars, &answers, &ignored);
    if (status == HR_E_MEMORY_LIMIT || status == HR_E_OOM)
        return run_lambda(ctx, args, &in.e, in.vars, &answers, err);
    if (status != HR_OK) return decide_in_order(ctx, args, &in, stop_at, out, err);
    HR_EACH_ROW(ctx, out, row)
    {
        uint32_t i = (uint32_t)in.e.offsets[row], end = (uint32_t)in.e.offsets[row + 1];
        hr_out_bool(out, row, !stop_at);
        while (i < end && !decide(out, row, &answers, i, stop_at)) i++;
    }
    return HR_OK;
}

hr_status hr_fn_exists(HR_EVAL_ARGS)
{
    return any_or_all(ctx, call, args, out, err, true);
}
hr_status hr_fn_forall(HR_EVAL_ARGS)
{
    return any_or_all(ctx, call, args, out, err, false);
}

/* --- Two lists ---------------------------------------------------------------------------------*/

hr_status hr_fn_zip_with(HR_EVAL_ARGS)
{
    struct hr_elements e;
    struct hr_column vars[2], result;
    HR_UNUSED(call);
    HR_TRY(hr_elements_of(ctx, args, 2, out, &e, err));
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t *places;
        HR_TRY(hr_elements_places(ctx, &args[i], &e, &places, err));
        HR_TRY(take_places(ctx->arena, &args[i].col.children[0], places, e.count, &vars[i], err));
    }
    HR_TRY(run_lambda(ctx, args, &e, vars, &result, err));
    return set_children(ctx, &result, e.offsets, out, err);
}

/* Keys of a row's two maps: all of the first, then those that only the second has. */
struct key_union {
    struct hr_place_set keys;
    uint32_t *left, *right; /* places of the values, UINT32_MAX for none */
    uint32_t count;
    struct hr_builder *all;
};

static hr_status union_row(const struct hr_vector *args, uint32_t row, struct key_union *u,
                           struct hr_err *err)
{
    uint32_t start = u->count, from, to;
    for (uint32_t side = 0; side < 2; side++) {
        const struct hr_column *keys = &args[side].col.children[0];
        hr_list_range(&args[side], row, &from, &to);
        for (uint32_t at = from; at < to; at++) {
            bool is_new;
            HR_TRY(hr_place_set_add(&u->keys, keys, at, &is_new, err));
            uint32_t i = u->count;
            if (is_new) {
                hr_builder_copy(u->all, keys, at);
                u->left[i] = u->right[i] = UINT32_MAX;
                u->count++;
            } else {
                for (i = start; !hr_column_equal(u->keys.items[i - start].col,
                                                 u->keys.items[i - start].row, keys, at);)
                    i++;
            }
            uint32_t *places = side ? u->right : u->left;
            if (places[i] == UINT32_MAX) places[i] = at;
        }
    }
    return HR_OK;
}

static hr_status unite_keys(struct hr_eval_ctx *ctx, const struct hr_vector *args,
                            const struct hr_column *out, struct key_union *u,
                            struct hr_elements *e, struct hr_err *err)
{
    HR_EACH_ROW(ctx, out, row)
    {
        uint32_t before = u->count;
        hr_place_set_clear(&u->keys);
        HR_TRY(union_row(args, row, u, err));
        e->offsets[row + 1] = (int32_t)(u->count - before);
        for (uint32_t i = before; i < u->count; i++) e->parents[i] = row;
    }
    for (uint32_t row = 0; row < ctx->row_count; row++) e->offsets[row + 1] += e->offsets[row];
    e->count = u->count;
    return HR_OK;
}

static hr_status zip_maps(HR_EVAL_ARGS, struct key_union *u)
{
    struct hr_elements e = {0};
    struct hr_column vars[3], result;
    uint64_t most = 0;
    HR_EACH_ROW(ctx, out, row)
    {
        for (uint32_t i = 0, from, to; i < 2; i++) {
            hr_list_range(&args[i], row, &from, &to);
            most += to - from;
        }
    }
    if (most > INT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the entries of a batch's maps", "limit",
                        "2147483647");
    e.offsets = hr_arena_zalloc(ctx->arena, sizeof(int32_t) * (ctx->row_count + 1));
    e.parents = hr_arena_alloc(ctx->arena, sizeof(uint32_t) * (most + 1));
    u->left = hr_arena_alloc(ctx->arena, sizeof(uint32_t) * (most + 1));
    u->right = hr_arena_alloc(ctx->arena, sizeof(uint32_t) * (most + 1));
    u->all = hr_builder_new(ctx->arena, call->type->fields[0].type, (uint32_t)most + 1);
    if (!e.offsets || !e.parents || !u->left || !u->right || !u->all) return HR_OOM(err);
    HR_TRY(unite_keys(ctx, args, out, u, &e, err));
    HR_TRY(hr_builder_finish(u->all, &vars[0], err));
    HR_TRY(take_places(ctx->arena, &args[0].col.children[1], u->left, e.count, &vars[1], err));
    HR_TRY(take_places(ctx->arena, &args[1].col.children[1], u->right, e.count, &vars[2], err));
    HR_TRY(run_lambda(ctx, args, &e, vars, &result, err));
    struct hr_column children[] = {vars[0], result};
    return set_children(ctx, children, e.offsets, out, err);
}

hr_status hr_fn_map_zip_with(HR_EVAL_ARGS)
{
    struct key_union u = {0};
    hr_status status = zip_maps(ctx, call, args, out, err, &u);
    hr_place_set_done(&u.keys);
    return status;
}

/* --- Maps --------------------------------------------------------------------------------------*/

hr_status hr_fn_transform_values(HR_EVAL_ARGS)
{
    struct input in;
    HR_UNUSED(call);
    HR_TRY(read_input(ctx, args, out, &in, err));
    struct hr_column children[] = {in.vars[0], {0}};
    HR_TRY(run_lambda(ctx, args, &in.e, in.vars, &children[1], err));
    return set_children(ctx, children, in.e.offsets, out, err);
}

static hr_status check_keys(struct hr_eval_ctx *ctx, const struct hr_elements *e,
                            const struct hr_column *keys, struct hr_place_set *seen,
                            struct hr_err *err)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (i == 0 || e->parents[i] != e->parents[i - 1]) hr_place_set_clear(seen);
        HR_TRY(hr_map_check_key(ctx, seen, keys, i, err));
    }
    return HR_OK;
}

hr_status hr_fn_transform_keys(HR_EVAL_ARGS)
{
    struct input in;
    struct hr_place_set seen = {0};
    HR_UNUSED(call);
    HR_TRY(read_input(ctx, args, out, &in, err));
    struct hr_column children[] = {{0}, in.vars[1]};
    HR_TRY(run_lambda(ctx, args, &in.e, in.vars, &children[0], err));
    hr_status status = check_keys(ctx, &in.e, &children[0], &seen, err);
    hr_place_set_done(&seen);
    HR_TRY(status);
    return set_children(ctx, children, in.e.offsets, out, err);
}
