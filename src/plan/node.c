/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every kind of node gets from the data in its vtable: refreshing, copies, visits of its
 * expressions; and answers that several kinds share.
 */
#include <stdio.h>

#include "plan/node.h"

/* Outputs -------------------------------------------------------------------------------------- */

hr_status hr_plan_refresh(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 0 || plan->children);
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    bool streaming = false;
    for (uint32_t i = 0; i < plan->child_count; i++) {
        assert(plan->children[i]);
        streaming = streaming || plan->children[i]->is_streaming;
    }
    plan->is_streaming = streaming;
    plan->resolved = true;
    return vt->output ? vt->output(arena, plan, err) : HR_OK;
}

hr_status hr_node_output_of_child(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count > 0);
    assert(plan->child_count >= 1);
    const struct hr_plan *child = plan->children[0];
    struct hr_attr *output =
        hr_arena_memdup(arena, child->output, sizeof *output * child->output_count);
    if (!output && child->output_count) return HR_OOM(err);
    plan->output = output;
    plan->output_count = child->output_count;
    return HR_OK;
}

/* Expressions ---------------------------------------------------------------------------------- */

/* The array of expressions (or of rows of them) and its counts behind a member. */
static void *member_at(struct hr_plan *plan, uint16_t offset)
{
    assert(offset >= sizeof(struct hr_plan)); /* behind the head */
    return (char *)plan + offset;
}

static hr_status each_of(struct hr_expr **exprs, uint32_t count, hr_node_expr_fn fn, void *arg,
                         struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (exprs[i]) HR_TRY(fn(arg, &exprs[i], err));
    return HR_OK;
}

hr_status hr_plan_each_expr(struct hr_plan *plan, hr_node_expr_fn fn, void *arg, struct hr_err *err)
{
    const struct hr_node_exprs *m = hr_plan_vt(plan)->exprs;
    for (; m && m->shape != HR_EXPRS_END; m++) {
        void *items = member_at(plan, m->items);
        if (m->shape == HR_EXPRS_ONE) {
            HR_TRY(each_of(items, 1, fn, arg, err));
            continue;
        }
        uint32_t count = *(const uint32_t *)member_at(plan, m->count);
        if (m->shape == HR_EXPRS_LIST) {
            HR_TRY(each_of(*(struct hr_expr ***)items, count, fn, arg, err));
            continue;
        }
        struct hr_expr ***rows = *(struct hr_expr ****)items;
        uint32_t width = *(const uint32_t *)member_at(plan, m->width);
        for (uint32_t i = 0; i < count; i++) HR_TRY(each_of(rows[i], width, fn, arg, err));
    }
    return HR_OK;
}

/* Copies --------------------------------------------------------------------------------------- */

/* A query in an expression, which analysis has not put a join in the place of yet. */
static hr_status copy_query(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_arena *arena = arg;
    if ((*expr)->kind != HR_X_SUBQUERY) return HR_OK;
    struct hr_subquery *copy = hr_arena_memdup(arena, (*expr)->subquery, sizeof *copy);
    if (!copy || !(copy->plan = hr_plan_twin(arena, copy->plan))) return HR_OOM(err);
    (*expr)->subquery = copy;
    return HR_OK;
}

static struct hr_expr *copy_expr(struct hr_arena *arena, const struct hr_expr *expr)
{
    struct hr_expr *copy = hr_expr_copy(arena, expr);
    return copy && hr_expr_rewrite(&copy, copy_query, arena, NULL) == HR_OK ? copy : NULL;
}

static bool copy_list(struct hr_arena *arena, struct hr_expr ***exprs, uint32_t count)
{
    if (!*exprs) return true;
    struct hr_expr **copy = HR_NEW_ARRAY(arena, struct hr_expr *, count + 1);
    if (!copy) return false;
    for (uint32_t i = 0; i < count; i++)
        if ((*exprs)[i] && !(copy[i] = copy_expr(arena, (*exprs)[i]))) return false;
    *exprs = copy;
    return true;
}

static bool copy_rows(struct hr_arena *arena, struct hr_expr ****rows, uint32_t count,
                      uint32_t width)
{
    if (!*rows) return true;
    struct hr_expr ***copy = HR_NEW_ARRAY(arena, struct hr_expr **, count + 1);
    if (!copy) return false;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = (*rows)[i];
        if (!copy_list(arena, &copy[i], width)) return false;
    }
    *rows = copy;
    return true;
}

static bool copy_member(struct hr_arena *arena, struct hr_plan *copy, const struct hr_node_exprs *m)
{
    void *items = member_at(copy, m->items);
    if (m->shape == HR_EXPRS_ONE) {
        struct hr_expr **expr = items;
        return !*expr || (*expr = copy_expr(arena, *expr)) != NULL;
    }
    uint32_t count = *(const uint32_t *)member_at(copy, m->count);
    if (m->shape == HR_EXPRS_LIST) return copy_list(arena, items, count);
    return copy_rows(arena, items, count, *(const uint32_t *)member_at(copy, m->width));
}

struct hr_plan *hr_plan_twin(struct hr_arena *arena, const struct hr_plan *plan)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    struct hr_plan *copy = hr_arena_memdup(arena, plan, vt->size);
    if (!copy) return NULL;
    for (const struct hr_node_exprs *m = vt->exprs; m && m->shape != HR_EXPRS_END; m++)
        if (!copy_member(arena, copy, m)) return NULL;
    copy->output = hr_arena_memdup(arena, plan->output, sizeof *plan->output * plan->output_count);
    if (!copy->output && plan->output_count) return NULL;
    copy->children = HR_NEW_ARRAY(arena, struct hr_plan *, plan->child_count + 1);
    if (!copy->children) return NULL;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (!(copy->children[i] = hr_plan_twin(arena, plan->children[i]))) return NULL;
    return !vt->copy || vt->copy(arena, copy) ? copy : NULL;
}

struct hr_plan *hr_plan_copy(struct hr_arena *arena, const struct hr_plan *plan)
{
    assert(!plan->resolved); /* attributes would be shared */
    return hr_plan_twin(arena, plan);
}

/* Old and new ids of what a plan makes. */
struct renaming {
    struct hr_arena *arena;
    HR_VEC(uint32_t) from, to;
};

static uint32_t *renamed(struct renaming *r, uint32_t id)
{
    for (uint32_t i = 0; i < r->from.count; i++)
        if (r->from.items[i] == id) return &r->to.items[i];
    return NULL;
}

static hr_status note_made(struct renaming *r, const struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->output_count == 0 || plan->output);
    for (uint32_t i = 0; i < plan->child_count; i++) HR_TRY(note_made(r, plan->children[i], err));
    for (uint32_t i = 0; i < plan->output_count; i++) {
        if (renamed(r, plan->output[i].id)) continue;
        if (!HR_VEC_PUSH(r->arena, &r->from, plan->output[i].id) ||
            !HR_VEC_PUSH(r->arena, &r->to, hr_expr_next_attr_id()))
            return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status rename_ref(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    HR_UNUSED(err);
    const uint32_t *id = (*expr)->attr_id ? renamed(arg, (*expr)->attr_id) : NULL;
    if (id) (*expr)->attr_id = *id;
    return HR_OK;
}

static hr_status rename_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    return hr_expr_rewrite(expr, rename_ref, arg, err);
}

static hr_status rename_plan(struct renaming *r, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 0 || plan->children);
    HR_TRY(hr_plan_each_expr(plan, rename_expr, r, err));
    for (uint32_t i = 0; i < plan->output_count; i++)
        plan->output[i].id = *renamed(r, plan->output[i].id);
    for (uint32_t i = 0; i < plan->child_count; i++) HR_TRY(rename_plan(r, plan->children[i], err));
    return HR_OK;
}

hr_status hr_plan_again(struct hr_arena *arena, const struct hr_plan *plan, struct hr_plan **ret,
                        struct hr_err *err)
{
    assert(plan->resolved);
    struct renaming r = {.arena = arena};
    struct hr_plan *copy = hr_plan_twin(arena, plan);
    if (!copy) return HR_OOM(err);
    HR_TRY(note_made(&r, copy, err));
    HR_TRY(rename_plan(&r, copy, err));
    *ret = copy;
    return HR_OK;
}

/* Shared answers ------------------------------------------------------------------------------- */

int64_t hr_node_rows_of_child(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 1);
    return child_rows[0];
}

int64_t hr_node_rows_none_of_none(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count >= 1);
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (child_rows[i] != 0) return -1;
    return 0;
}

int64_t hr_plan_max_rows(const struct hr_plan *plan)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    int64_t few[8];
    if (!vt->max_rows || plan->child_count > HR_COUNT(few)) return -1;
    for (uint32_t i = 0; i < plan->child_count; i++) few[i] = hr_plan_max_rows(plan->children[i]);
    return vt->max_rows(plan, few);
}

hr_status hr_node_sink_if_within(struct hr_arena *arena, const struct hr_plan *plan,
                                 struct hr_expr **part, bool *ret_sinks, struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    *ret_sinks = hr_expr_within(*part, plan->children[0]);
    return HR_OK;
}

hr_status hr_node_refuse(const struct hr_plan *plan, struct hr_err *err, const char *msg)
{
    HR_RAISE(err, HR_E_UNSUPPORTED_STREAMING, "msg", msg);
    if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
    return HR_E_UNSUPPORTED_STREAMING;
}

hr_status hr_node_refuse_mode(const struct hr_plan *plan, struct hr_err *err, const char *mode,
                              const char *operation)
{
    HR_RAISE(err, HR_E_OUTPUT_MODE_OPERATION, "outputMode", mode, "operation", operation);
    if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
    return HR_E_OUTPUT_MODE_OPERATION;
}

hr_status hr_node_not_supported(const struct hr_plan *plan, struct hr_err *err, const char *what)
{
    HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what);
    if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
    return HR_E_NOT_SUPPORTED;
}
