/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs programs. One task's state: a vector a slot, a selection a register, valid for one batch.
 * NULLs of strict functions are ANDed as 64-bit words before the function sees anything; a step
 * whose arguments are all constants runs on one row; a step without rows does not run at all.
 */
#include "expr/eval.h"

#include "base/datetime.h"
#include "expr/internal.h"
#include "expr/lambda_run.h"
#include "kernel/kernel.h"

struct hr_eval {
    const struct hr_program *program;
    struct hr_eval_ctx ctx;
    struct hr_mem *mem;
    struct hr_vector *slots;
    struct hr_sel *regs;
    struct hr_vector *args; /* of the step that runs */
    struct hr_lambda_run *lambdas; /* of all steps */
    struct hr_arena scratch;
};

hr_status hr_eval_new(const struct hr_program *program, struct hr_mem *mem, struct hr_eval **ret,
                      struct hr_err *err)
{
    struct hr_eval *eval = hr_zalloc(sizeof *eval);
    if (!eval) return HR_OOM(err);
    eval->program = program;
    eval->mem = mem;
    eval->slots = hr_zalloc(sizeof *eval->slots * (program->slot_count + 1));
    eval->regs = hr_zalloc(sizeof *eval->regs * (program->reg_count + 1));
    eval->args = hr_zalloc(sizeof *eval->args * (program->max_args + 1));
    eval->ctx.conf = program->conf;
    eval->ctx.now_us = program->conf->now_us;
    eval->lambdas = hr_zalloc(sizeof *eval->lambdas * (program->lambda_count + 1));
    hr_status status = HR_OK;
    if (!eval->slots || !eval->regs || !eval->args || !eval->lambdas) status = HR_OOM(err);
    for (uint32_t i = 0; i < program->lambda_count && status == HR_OK; i++) {
        eval->lambdas[i].code = &program->lambdas[i];
        status = hr_eval_new(program->lambdas[i].program, mem, &eval->lambdas[i].eval, err);
    }
    if (status == HR_OK)
        *ret = eval;
    else
        hr_eval_free(eval);
    return status;
}

void hr_eval_free(struct hr_eval *eval)
{
    if (!eval) return;
    for (uint32_t i = 0; eval->lambdas && i < eval->program->lambda_count; i++)
        hr_eval_free(eval->lambdas[i].eval);
    hr_free(eval->lambdas);
    hr_free(eval->slots);
    hr_free(eval->regs);
    hr_free(eval->args);
    hr_free(eval->ctx.randoms);
    hr_free(eval);
}

void hr_eval_set_context(struct hr_eval *eval, int64_t now_us, uint32_t partition)
{
    eval->ctx.now_us = now_us;
    eval->ctx.partition = partition;
    eval->ctx.random_count = 0;
    for (uint32_t i = 0; i < eval->program->lambda_count; i++)
        hr_eval_set_context(eval->lambdas[i].eval, now_us, partition);
}

/* --- Selections --------------------------------------------------------------------------------*/

/* Word i of "the slot is <select>". */
HR_INLINE uint64_t select_word(const struct hr_column *col, enum hr_select select, size_t i)
{
    uint64_t valid = col->validity ? col->validity[i] : ~UINT64_C(0);
    uint64_t bits = select <= HR_SELECT_NOT_FALSE ? ((const uint64_t *)col->values)[i] : 0;
    switch (select) {
    case HR_SELECT_TRUE: return bits & valid;
    case HR_SELECT_NOT_TRUE: return ~(bits & valid);
    case HR_SELECT_NOT_FALSE: return bits | ~valid;
    case HR_SELECT_NULL: return ~valid;
    case HR_SELECT_NOT_NULL: return valid;
    }
    return 0;
}

static bool select_const(const struct hr_vector *v, enum hr_select select)
{
    if (v->col.type->id == HR_T_NULL)
        return select == HR_SELECT_NULL || select == HR_SELECT_NOT_TRUE ||
               select == HR_SELECT_NOT_FALSE;
    return select_word(&v->col, select, 0) & 1;
}

static hr_status run_select(const struct hr_vector *v, enum hr_select select, struct hr_sel in,
                            uint32_t row_count, struct hr_arena *arena, struct hr_sel *ret,
                            struct hr_err *err)
{
    if (in.count == 0) { /* nobody computed v: its bits mean nothing */
        *ret = (struct hr_sel){NULL, 0};
        return HR_OK;
    }
    assert(in.rows || in.count == row_count);
    if (v->is_const || v->col.type->id == HR_T_NULL ||
        (select >= HR_SELECT_NULL && !v->col.validity)) {
        bool all = v->is_const || v->col.type->id == HR_T_NULL ? select_const(v, select)
                                                               : select == HR_SELECT_NOT_NULL;
        *ret = all ? in : (struct hr_sel){NULL, 0};
        return HR_OK;
    }
    uint32_t *rows = hr_arena_alloc(arena, sizeof *rows * (in.count + 64));
    uint64_t *bits = hr_arena_alloc(arena, hr_bit_words(row_count + 1) * 8);
    if (!rows || !bits) return HR_OOM(err);
    size_t words = hr_bit_words(row_count);
    for (size_t i = 0; i < words; i++) bits[i] = select_word(&v->col, select, i);
    uint32_t n = 0;
    if (!in.rows) {
        n = (uint32_t)hr_kernels()->bits->to_sel(bits, row_count, rows);
    } else {
        for (uint32_t i = 0; i < in.count; i++) {
            rows[n] = in.rows[i];
            n += hr_bit_get(bits, in.rows[i]);
        }
    }
    *ret = (struct hr_sel){rows, n};
    if (n == in.count) *ret = in;
    return HR_OK;
}

/* --- Results -----------------------------------------------------------------------------------*/

static hr_status null_vector(struct hr_arena *arena, const struct hr_type *type,
                             struct hr_vector *ret, struct hr_err *err)
{
    ret->is_const = true;
    return hr_column_nulls(arena, type, 1, &ret->col, err);
}

/* A column for results: validity all ones, strings empty (rows that nobody computes stay so). */
hr_status hr_out_alloc(struct hr_arena *arena, const struct hr_type *type, uint32_t rows,
                       struct hr_column *ret, struct hr_err *err)
{
    size_t words = hr_bit_words(rows) + (rows == 0);
    memset(ret, 0, sizeof *ret);
    ret->type = type;
    ret->length = rows;
    uint64_t *validity = hr_arena_alloc_aligned(arena, words * 8);
    if (!validity) return HR_OOM(err);
    memset(validity, 0xff, words * 8);
    ret->validity = validity;
    if (type->id == HR_T_NULL) memset(validity, 0, words * 8);
    if (hr_type_is_nested(type) || type->id == HR_T_NULL) return HR_OK;
    size_t bytes = type->id == HR_T_BOOLEAN ? words * 8 : hr_type_width(type) * rows;
    void *values = hr_arena_alloc_aligned(arena, bytes + 64);
    if (!values) return HR_OOM(err);
    if (hr_type_is_string(type)) memset(values, 0, bytes);
    ret->values = values;
    return HR_OK;
}

/* Downstream loops are faster when they know that nothing is NULL. */
static void drop_full_validity(struct hr_column *col)
{
    if (!col->validity || col->type->id == HR_T_NULL) return;
    uint32_t full = col->length / 64;
    for (uint32_t i = 0; i < full; i++)
        if (col->validity[i] != ~UINT64_C(0)) return;
    uint32_t tail = col->length % 64;
    uint64_t mask = (UINT64_C(1) << tail) - 1;
    if (tail && (col->validity[full] & mask) != mask) return;
    col->validity = NULL;
}

static void and_words(uint64_t *restrict into, const uint64_t *restrict from, size_t words)
{
    for (size_t i = 0; i < words; i++) into[i] &= from[i];
}

/* --- Steps -------------------------------------------------------------------------------------*/

static hr_status run_call(struct hr_eval *eval, const struct hr_step *step, struct hr_sel sel,
                          uint32_t row_count, struct hr_vector *ret, struct hr_err *err)
{
    const struct hr_function *fn = step->expr->function;
    bool is_const = !(fn->flags & HR_FN_NONDETERMINISTIC), null = false;
    for (uint32_t i = 0; i < step->arg_count; i++) {
        const struct hr_vector *v = eval->args + i;
        is_const = is_const && v->is_const;
        null = null || (i < step->own_args && (v->col.type->id == HR_T_NULL ||
                                               (v->is_const && !hr_column_valid(&v->col, 0))));
    }
    if (step->lambda_count && is_const) is_const = hr_expr_is_deterministic(step->expr);
    if ((fn->flags & HR_FN_STRICT) && null)
        return null_vector(eval->ctx.arena, step->type, ret, err);
    if (is_const) {
        row_count = 1;
        sel = (struct hr_sel){NULL, 1};
    }
    ret->is_const = is_const;
    HR_TRY(hr_out_alloc(eval->ctx.arena, step->type, row_count, &ret->col, err));
    if (fn->flags & HR_FN_STRICT) {
        uint64_t *validity = (uint64_t *)(uintptr_t)ret->col.validity;
        for (uint32_t i = 0; i < step->own_args; i++)
            if (!eval->args[i].is_const && eval->args[i].col.validity)
                and_words(validity, eval->args[i].col.validity, hr_bit_words(row_count));
    }
    eval->ctx.row_count = row_count;
    eval->ctx.sel = sel.rows;
    eval->ctx.sel_count = sel.count;
    eval->ctx.lambdas = eval->lambdas + step->lambda;
    HR_TRY(fn->eval(&eval->ctx, step->expr, eval->args, &ret->col, err));
    drop_full_validity(&ret->col);
    return HR_OK;
}

static hr_status run_cast(struct hr_eval *eval, const struct hr_step *step, struct hr_sel sel,
                          uint32_t row_count, struct hr_vector *ret, struct hr_err *err)
{
    const struct hr_vector *v = eval->args;
    ret->is_const = v->is_const;
    eval->ctx.row_count = v->is_const ? 1 : row_count;
    eval->ctx.sel = v->is_const ? NULL : sel.rows;
    eval->ctx.sel_count = v->is_const ? 1 : sel.count;
    HR_TRY(hr_cast_column(&eval->ctx, v, step->type, step->expr->try_cast, &ret->col, err));
    drop_full_validity(&ret->col);
    return HR_OK;
}

/* A field's values are those of the child; NULL where the struct is. */
hr_status hr_struct_field(struct hr_arena *arena, const struct hr_column *col, uint32_t ordinal,
                          struct hr_column *ret, struct hr_err *err)
{
    struct hr_column field = col->children[ordinal];
    if (col->validity) {
        size_t words = hr_bit_words(col->length) + (col->length == 0);
        uint64_t *validity = hr_arena_memdup(arena, col->validity, words * 8);
        if (!validity) return HR_OOM(err);
        if (field.validity) and_words(validity, field.validity, hr_bit_words(col->length));
        field.validity = validity;
    }
    *ret = field;
    return HR_OK;
}

static hr_status run_field(struct hr_eval *eval, const struct hr_step *step, struct hr_vector *ret,
                           struct hr_err *err)
{
    const struct hr_vector *v = eval->args;
    ret->is_const = v->is_const;
    if (v->col.type->id == HR_T_STRUCT)
        return hr_struct_field(eval->ctx.arena, &v->col, step->expr->ordinal, &ret->col, err);
    /* an array of structs: an array of that field */
    struct hr_column *child = HR_NEW(eval->ctx.arena, struct hr_column);
    if (!child) return HR_OOM(err);
    HR_TRY(hr_struct_field(eval->ctx.arena, &v->col.children[0], step->expr->ordinal, child, err));
    ret->col = v->col;
    ret->col.type = step->type;
    ret->col.children = child;
    return HR_OK;
}

struct words {
    const uint64_t *bits, *valid;
    uint64_t bit_const, valid_const; /* where the pointer is NULL */
};

static struct words words_of(const struct hr_vector *v)
{
    struct words w = {.valid_const = ~UINT64_C(0)};
    if (v->col.type->id == HR_T_NULL || (v->is_const && !hr_column_valid(&v->col, 0))) {
        w.valid_const = 0;
    } else if (v->is_const) {
        w.bit_const = hr_arg_bool(v, 0) ? ~UINT64_C(0) : 0;
    } else {
        w.bits = v->col.values;
        w.valid = v->col.validity;
    }
    return w;
}

/* Three-valued logic on words. Rows that the right side was not computed for are decided by the
 * left side alone, so their garbage does not show. */
static hr_status run_logic(struct hr_eval *eval, const struct hr_step *step, uint32_t row_count,
                           struct hr_vector *ret, struct hr_err *err)
{
    bool is_and = step->kind == HR_STEP_AND;
    ret->is_const = eval->args[0].is_const && eval->args[1].is_const;
    if (ret->is_const) row_count = 1;
    HR_TRY(hr_out_alloc(eval->ctx.arena, step->type, row_count, &ret->col, err));
    struct words a = words_of(&eval->args[0]), b = words_of(&eval->args[1]);
    uint64_t *bits = HR_OUT(uint64_t, &ret->col);
    uint64_t *valid = (uint64_t *)(uintptr_t)ret->col.validity;
    size_t words = hr_bit_words(row_count);
    for (size_t i = 0; i < words; i++) {
        uint64_t av = a.valid ? a.valid[i] : a.valid_const, ab = a.bits ? a.bits[i] : a.bit_const;
        uint64_t bv = b.valid ? b.valid[i] : b.valid_const, bb = b.bits ? b.bits[i] : b.bit_const;
        uint64_t a_true = ab & av, a_false = ~ab & av, b_true = bb & bv, b_false = ~bb & bv;
        uint64_t is_true = is_and ? a_true & b_true : a_true | b_true;
        uint64_t is_false = is_and ? a_false | b_false : a_false & b_false;
        bits[i] = is_true;
        valid[i] = is_true | is_false;
    }
    drop_full_validity(&ret->col);
    return HR_OK;
}

#define COPY_ROWS(T)                                                                   \
    do {                                                                               \
        const T *from = (const T *)v->col.values;                                      \
        T *to = HR_OUT(T, out);                                                        \
        if (v->is_const)                                                               \
            for (uint32_t i = 0; i < sel.count; i++) to[sel.rows[i]] = from[0];        \
        else                                                                           \
            for (uint32_t i = 0; i < sel.count; i++) to[sel.rows[i]] = from[sel.rows[i]]; \
    } while (0)

static void merge_rows(const struct hr_vector *v, struct hr_sel sel, struct hr_column *out)
{
    uint64_t *validity = (uint64_t *)(uintptr_t)out->validity;
    if (v->col.type->id == HR_T_NULL || (v->is_const && !hr_column_valid(&v->col, 0)))
        return; /* NULL already */
    for (uint32_t i = 0; i < sel.count; i++) {
        uint32_t row = sel.rows[i];
        if (hr_column_valid(&v->col, v->is_const ? 0 : row)) hr_bit_set(validity, row);
    }
    if (out->type->id == HR_T_BOOLEAN) {
        for (uint32_t i = 0; i < sel.count; i++)
            hr_out_bool(out, sel.rows[i], hr_arg_bool(v, sel.rows[i]));
        return;
    }
    switch (hr_type_width(out->type)) {
    case 1: COPY_ROWS(uint8_t); break;
    case 2: COPY_ROWS(uint16_t); break;
    case 4: COPY_ROWS(uint32_t); break;
    case 8: COPY_ROWS(uint64_t); break;
    case 16: COPY_ROWS(hr_u128); break;
    default: break;
    }
}

static const uint32_t *all_rows(struct hr_arena *arena, uint32_t count)
{
    uint32_t *rows = hr_arena_alloc(arena, sizeof *rows * (count + 1));
    for (uint32_t i = 0; rows && i < count; i++) rows[i] = i;
    return rows;
}

static hr_status merge_nested(struct hr_eval *eval, const struct hr_step *step, uint32_t row_count,
                              struct hr_vector *ret, struct hr_err *err)
{
    struct hr_arena *arena = eval->ctx.arena;
    uint16_t *from = hr_arena_zalloc(arena, sizeof *from * (row_count + 1));
    struct hr_builder *b = hr_builder_new(arena, step->type, row_count);
    if (!from || !b) return HR_OOM(err);
    for (uint32_t p = 0; p < step->arg_count; p += 2) {
        struct hr_sel sel = eval->regs[step->args[p]];
        for (uint32_t i = 0; i < sel.count; i++)
            from[sel.rows ? sel.rows[i] : i] = (uint16_t)(p / 2 + 1);
    }
    for (uint32_t row = 0; row < row_count; row++) {
        const struct hr_vector *v =
            from[row] ? &eval->slots[step->args[2 * (from[row] - 1u) + 1]] : NULL;
        if (v && hr_arg_valid(v, row))
            hr_builder_copy(b, &v->col, hr_vector_row(v, row));
        else
            hr_builder_null(b);
    }
    return hr_builder_finish(b, &ret->col, err);
}

static hr_status run_merge(struct hr_eval *eval, const struct hr_step *step, uint32_t row_count,
                           struct hr_vector *ret, struct hr_err *err)
{
    for (uint32_t p = 0; p < step->arg_count; p += 2) { /* one branch has it all */
        struct hr_sel sel = eval->regs[step->args[p]];
        const struct hr_vector *v = &eval->slots[step->args[p + 1]];
        if (sel.count != eval->regs[step->reg].count || v->col.type->id == HR_T_NULL) continue;
        *ret = *v;
        ret->col.type = step->type;
        return HR_OK;
    }
    ret->is_const = false;
    if (hr_type_is_nested(step->type)) return merge_nested(eval, step, row_count, ret, err);
    HR_TRY(hr_out_alloc(eval->ctx.arena, step->type, row_count, &ret->col, err));
    memset((void *)(uintptr_t)ret->col.validity, 0, hr_bit_words(row_count) * 8);
    for (uint32_t p = 0; p < step->arg_count && step->type->id != HR_T_NULL; p += 2) {
        struct hr_sel sel = eval->regs[step->args[p]];
        if (sel.count && !sel.rows) {
            sel.rows = all_rows(eval->ctx.arena, sel.count);
            if (!sel.rows) return HR_OOM(err);
        }
        merge_rows(&eval->slots[step->args[p + 1]], sel, &ret->col);
    }
    drop_full_validity(&ret->col);
    return HR_OK;
}

static hr_status run_step(struct hr_eval *eval, const struct hr_step *step, uint32_t row_count,
                          struct hr_err *err)
{
    struct hr_sel sel = eval->regs[step->reg];
    struct hr_vector *out = step->kind == HR_STEP_SELECT ? NULL : &eval->slots[step->out];
    if (step->kind == HR_STEP_SELECT)
        return run_select(&eval->slots[step->args[0]], step->select, sel, row_count,
                          eval->ctx.arena, &eval->regs[step->out], err);
    if (sel.count == 0) return null_vector(eval->ctx.arena, step->type, out, err);
    if (step->kind == HR_STEP_MERGE) return run_merge(eval, step, row_count, out, err);
    for (uint32_t i = 0; i < step->arg_count; i++) eval->args[i] = eval->slots[step->args[i]];
    switch (step->kind) {
    case HR_STEP_CALL: return run_call(eval, step, sel, row_count, out, err);
    case HR_STEP_CAST: return run_cast(eval, step, sel, row_count, out, err);
    case HR_STEP_FIELD: return run_field(eval, step, out, err);
    default: return run_logic(eval, step, row_count, out, err);
    }
}

static hr_status run_steps(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                           struct hr_err *err)
{
    const struct hr_program *p = eval->program;
    eval->ctx.arena = arena;
    eval->regs[0] = (struct hr_sel){in->sel, in->sel ? in->sel_count : in->row_count};
    for (uint32_t i = 0; i < p->slot_count; i++) {
        const struct hr_slot *slot = &p->slots[i];
        if (slot->kind == HR_SLOT_COLUMN)
            eval->slots[i] = (struct hr_vector){.col = in->columns[slot->ordinal]};
        else if (slot->kind == HR_SLOT_CONST)
            eval->slots[i] = (struct hr_vector){.col = *slot->constant, .is_const = true};
    }
    for (uint32_t i = 0; i < p->step_count; i++) {
        const struct hr_step *step = &p->steps[i];
        hr_status status = run_step(eval, step, in->row_count, err);
        if (HR_UNLIKELY(status != HR_OK)) {
            if (err && step->expr) hr_err_at(err, step->expr->sql_pos, step->expr->sql_end);
            return status;
        }
    }
    return HR_OK;
}

/* --- Entry points ------------------------------------------------------------------------------*/

hr_status hr_vector_spread(struct hr_arena *arena, const struct hr_vector *v, uint32_t row_count,
                           struct hr_column *ret, struct hr_err *err)
{
    if (!v->is_const || row_count == 1) {
        *ret = v->col;
        return HR_OK;
    }
    if (v->col.type->id == HR_T_NULL || !hr_column_valid(&v->col, 0))
        return hr_column_nulls(arena, v->col.type, row_count, ret, err);
    uint32_t *rows = hr_arena_zalloc(arena, sizeof *rows * (row_count + 1));
    if (!rows) return HR_OOM(err);
    return hr_column_take(arena, &v->col, rows, row_count, ret, err);
}

hr_status hr_eval_run(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                      struct hr_column *ret_columns, struct hr_err *err)
{
    HR_TRY(run_steps(eval, in, arena, err));
    for (uint32_t i = 0; i < eval->program->output_count; i++) {
        struct hr_vector *v = &eval->slots[eval->program->outputs[i]];
        HR_TRY(hr_vector_spread(arena, v, in->row_count, &ret_columns[i], err));
        ret_columns[i].type = eval->program->output_types[i];
    }
    return HR_OK;
}

hr_status hr_eval_vectors(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                          struct hr_vector *ret_vectors, struct hr_err *err)
{
    HR_TRY(run_steps(eval, in, arena, err));
    for (uint32_t i = 0; i < eval->program->output_count; i++)
        ret_vectors[i] = eval->slots[eval->program->outputs[i]];
    return HR_OK;
}

hr_status hr_eval_filter(struct hr_eval *eval, const struct hr_batch *in, struct hr_arena *arena,
                         const uint32_t **ret_sel, uint32_t *ret_count, struct hr_err *err)
{
    HR_TRY(run_steps(eval, in, arena, err));
    struct hr_sel sel;
    HR_TRY(run_select(&eval->slots[eval->program->outputs[0]], HR_SELECT_TRUE, eval->regs[0],
                      in->row_count, arena, &sel, err));
    if (!sel.rows && sel.count) { /* all rows: callers want numbers */
        sel.rows = all_rows(arena, sel.count);
        if (!sel.rows) return HR_OOM(err);
    }
    *ret_sel = sel.rows;
    *ret_count = sel.count;
    return HR_OK;
}
