/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expression, many ways to evaluate it, one answer: row by row over columns is the reference;
 * whole batches, selections, parts of batches, columns that begin inside of others and columns
 * without NULLs must give the same rows, and an error only where a row that counts has it.
 */
#ifndef HR_TEST_EXPR_WALK_H
#define HR_TEST_EXPR_WALK_H

#include "expr/codec.h"
#include "expr/function.h"
#include "expr/internal.h"
#include "expr/program.h"
#include "expr_values.h"

#define WALK_ARGS_MAX 8

/* What one row gives: an error's code, or a value's bytes. */
struct outcome {
    hr_status code;
    bool is_null;
    uint32_t len;
    const char *bytes;
};

struct prepared {
    const struct hr_program *program;
    struct hr_eval *eval;
    const struct hr_type *type;
};

static struct hr_mem walk_budget;    /* rows that need more are not tried */
static struct hr_arena walk_run;     /* of one evaluation */
static struct hr_arena walk_scratch; /* of one comparison: columns that are made for it */
static char walk_where[512];         /* for a crash: what ran */
static char walk_why[2048];          /* the first difference */

/* Memory that an evaluation takes is neither zero nor what the last one left. */
static void walk_dirty(void)
{
    static unsigned char fill;
    hr_arena_reset(&walk_run);
    void *p = hr_arena_alloc(&walk_run, 16 << 10);
    if (p) memset(p, fill = fill ? 0 : 0xff, 16 << 10);
    hr_arena_reset(&walk_run);
}

static hr_status prepare(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *expr,
                         struct prepared *ret)
{
    HR_TRY(hr_program_compile(arena, conf, &expr, 1, &ret->program, NULL));
    ret->type = expr->type;
    HR_TRY(hr_eval_new(ret->program, NULL, &ret->eval, NULL));
    hr_eval_set_context(ret->eval, conf->now_us, 0);
    return HR_OK;
}

static hr_status run_rows(const struct prepared *p, struct hr_column *cols, uint32_t rows,
                          const uint32_t *sel, uint32_t sel_count, struct hr_column *ret)
{
    struct hr_batch batch = {.row_count = rows,
                             .sel = sel,
                             .sel_count = sel ? sel_count : rows,
                             .columns = cols};
    walk_dirty();
    return hr_eval_run(p->eval, &batch, &walk_run, ret, NULL);
}

static struct outcome outcome_of(struct hr_arena *arena, const struct hr_column *col, uint32_t row)
{
    struct hr_buf buf = {0};
    hr_value_encode(col, row, &buf);
    struct outcome o = {.len = (uint32_t)buf.len,
                        .is_null = col->type->id == HR_T_NULL || !hr_column_valid(col, row)};
    o.bytes = hr_arena_memdup(arena, buf.ptr, buf.len);
    hr_buf_done(&buf);
    return o;
}

static bool outcome_same(const struct outcome *a, const struct outcome *b)
{
    return a->code == b->code && a->len == b->len &&
           (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static void take_rows(struct hr_arena *arena, const struct hr_column *cols, uint32_t count,
                      const uint32_t *rows, uint32_t n, struct hr_column *ret)
{
    for (uint32_t i = 0; i < count; i++)
        if (hr_column_take(arena, &cols[i], rows, n, &ret[i], NULL) != HR_OK) abort();
}

/* Row by row. */
static void run_each(struct hr_arena *arena, const struct prepared *p, const struct hr_column *cols,
                     uint32_t count, uint32_t rows, struct outcome *ret)
{
    for (uint32_t row = 0; row < rows; row++) {
        struct hr_column one[WALK_ARGS_MAX], out;
        hr_arena_reset(&walk_scratch);
        take_rows(&walk_scratch, cols, count, &row, 1, one);
        hr_status status = run_rows(p, one, 1, NULL, 0, &out);
        ret[row] = status == HR_OK ? outcome_of(arena, &out, 0) : (struct outcome){.code = status};
    }
}

/* --- Saying what differs -----------------------------------------------------------------------*/

static void walk_print(struct hr_buf *text, const struct hr_column *col, uint32_t row)
{
    hr_buf_printf(text, " %s:", hr_type_simple(&walk_scratch, col->type));
    if (row >= col->length)
        hr_buf_printf(text, "a column of %u rows", col->length);
    else if (col->type->id == HR_T_NULL || !hr_column_valid(col, row))
        hr_buf_puts(text, "NULL");
    else
        hr_column_print(col, row, hr_tz_utc(), text);
}

static bool differs(const char *mode, const struct hr_column *cols, uint32_t count, uint32_t row,
                    const struct outcome *want, hr_status got, const struct hr_column *out,
                    uint32_t out_row)
{
    struct hr_buf text = {0};
    hr_buf_printf(&text, "%s, row %u:", mode, row);
    for (uint32_t i = 0; i < count; i++) walk_print(&text, &cols[i], row);
    if (want)
        hr_buf_printf(&text, "; row by row: %s%s",
                      want->code ? hr_error_info(want->code)->name : "a value",
                      want->is_null ? " (NULL)" : "");
    for (uint32_t i = 0; want && i < HR_MIN(want->len, 24u); i++)
        hr_buf_printf(&text, " %02x", (unsigned char)want->bytes[i]);
    hr_buf_printf(&text, "; here: %s", got ? hr_error_info(got)->name : "");
    if (!got && out) walk_print(&text, out, out_row);
    snprintf(walk_why, sizeof walk_why, "%s", hr_buf_cstr(&text));
    hr_buf_done(&text);
    return false;
}

/* --- Ways to evaluate --------------------------------------------------------------------------*/

/* Rows [0, rows) under sel (NULL: all); row i of the columns has want[from[i]] (from NULL: i). */
static bool check_run(const char *mode, const struct prepared *p, struct hr_column *cols,
                      uint32_t count, uint32_t rows, const uint32_t *sel, uint32_t sel_count,
                      const struct outcome *want, const uint32_t *from)
{
    struct hr_column out;
    hr_status status = run_rows(p, cols, rows, sel, sel_count, &out);
    uint32_t n = sel ? sel_count : rows;
    bool may_fail = false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = sel ? sel[i] : i;
        const struct outcome *w = &want[from ? from[row] : row];
        if (status == HR_OK && row >= out.length) {
            return differs(mode, cols, count, row, w, 0, &out, row);
        } else if (w->code == 0 && status == HR_OK) {
            struct outcome got = outcome_of(&walk_scratch, &out, row);
            if (!outcome_same(&got, w)) return differs(mode, cols, count, row, w, 0, &out, row);
        } else if (w->code && status == HR_OK) {
            return differs(mode, cols, count, row, w, 0, &out, row);
        }
        may_fail = may_fail || (status && w->code == status);
    }
    if (status && !may_fail) return differs(mode, cols, count, 0, NULL, status, NULL, 0);
    struct hr_field field = {"r", out.type, true};
    struct hr_batch batch = {.row_count = rows,
                             .sel_count = rows,
                             .columns = &out,
                             .schema = status ? NULL : hr_type_struct(&field, 1)};
    struct hr_err err;
    hr_err_init(&err);
    if (status == HR_OK && hr_batch_verify(&batch, &err) != HR_OK) {
        snprintf(walk_why, sizeof walk_why, "%s: %s", mode, err.msg);
        return false;
    }
    return true;
}

/* A predicate's rows. */
static bool check_filter(const struct prepared *p, struct hr_column *cols, uint32_t count,
                         uint32_t rows, const uint32_t *sel, uint32_t sel_count,
                         const struct outcome *want)
{
    struct hr_batch batch = {.row_count = rows, .sel = sel, .sel_count = sel_count,
                             .columns = cols};
    const uint32_t *live;
    uint32_t n, at = 0;
    walk_dirty();
    hr_status status = hr_eval_filter(p->eval, &batch, &walk_run, &live, &n, NULL);
    if (status) return differs("filter", cols, count, 0, NULL, status, NULL, 0);
    for (uint32_t i = 0; i < sel_count; i++) {
        const struct outcome *w = &want[sel[i]];
        bool keep = !w->is_null && w->len == 2 && w->bytes[1];
        bool kept = at < n && live[at] == sel[i];
        at += kept;
        if (keep != kept) return differs("filter", cols, count, sel[i], w, 0, NULL, 0);
    }
    return at == n || differs("filter", cols, count, 0, NULL, 0, NULL, 0);
}

/* The same values, but the arrays begin 64 rows before. */
static void shift_column(struct hr_column *col, uint32_t rows)
{
    const struct hr_type *type = col->type;
    col->length -= rows;
    if (col->validity) col->validity += rows / 64;
    if (type->id == HR_T_STRUCT)
        for (uint32_t f = 0; f < type->field_count; f++) shift_column(&col->children[f], rows);
    else if (type->id != HR_T_NULL)
        col->values = (const char *)col->values + (type->id == HR_T_BOOLEAN ? rows / 8
                                                   : hr_type_is_nested(type)
                                                       ? rows * 4
                                                       : rows * hr_type_width(type));
}

static bool check_parts(const struct prepared *p, const struct hr_column *cols, uint32_t count,
                        uint32_t rows, const struct outcome *want)
{
    for (uint32_t at = 0; at < rows; at += 7) {
        uint32_t from[7], n = HR_MIN(rows - at, 7u);
        struct hr_column part[WALK_ARGS_MAX];
        hr_arena_reset(&walk_scratch);
        for (uint32_t i = 0; i < n; i++) from[i] = at + i;
        take_rows(&walk_scratch, cols, count, from, n, part);
        if (!check_run("batches of 7", p, part, count, n, NULL, 0, want, from)) return false;
    }
    return true;
}

static bool check_shifted(const struct prepared *p, const struct hr_column *cols, uint32_t count,
                          uint32_t rows, const struct outcome *want)
{
    uint32_t *from = calloc(rows + 64, sizeof *from);
    struct hr_column all[WALK_ARGS_MAX];
    hr_arena_reset(&walk_scratch);
    for (uint32_t i = 0; i < rows + 64; i++) from[i] = i < 64 ? i % rows : i - 64;
    take_rows(&walk_scratch, cols, count, from, rows + 64, all);
    for (uint32_t i = 0; i < count; i++) shift_column(&all[i], 64);
    bool same = check_run("from row 64 on", p, all, count, rows, NULL, 0, want, from + 64);
    free(from);
    return same;
}

/* Whole batches of 8192 of the rows that are without an error. */
static bool check_large(const struct prepared *p, const struct hr_column *cols, uint32_t count,
                        const uint32_t *good, uint32_t good_count, const struct outcome *want)
{
    static uint32_t from[HR_BATCH_ROWS], sel[HR_BATCH_ROWS];
    struct hr_column all[WALK_ARGS_MAX];
    uint32_t n = 0;
    hr_arena_reset(&walk_scratch);
    for (uint32_t i = 0; i < HR_BATCH_ROWS; i++) {
        from[i] = good[i % good_count];
        if (i % 3 != 1) sel[n++] = i;
    }
    take_rows(&walk_scratch, cols, count, from, HR_BATCH_ROWS, all);
    return check_run("8192 rows", p, all, count, HR_BATCH_ROWS, NULL, 0, want, from) &&
           check_run("8192 rows, some selected", p, all, count, HR_BATCH_ROWS, sel, n, want, from);
}

/* Rows where nothing is NULL, in columns that have no validity. */
static bool check_no_nulls(const struct prepared *p, const struct hr_column *cols, uint32_t count,
                           uint32_t rows, const struct outcome *want)
{
    uint32_t from[256], n = 0;
    struct hr_column part[WALK_ARGS_MAX];
    for (uint32_t row = 0; row < rows && n < HR_COUNT(from); row++) {
        bool valid = true;
        for (uint32_t i = 0; i < count; i++)
            valid = valid && cols[i].type->id != HR_T_NULL && hr_column_valid(&cols[i], row);
        if (valid) from[n++] = row;
    }
    if (n == 0) return true;
    hr_arena_reset(&walk_scratch);
    take_rows(&walk_scratch, cols, count, from, n, part);
    for (uint32_t i = 0; i < count; i++) part[i].validity = NULL;
    return check_run("columns without NULLs", p, part, count, n, NULL, 0, want, from);
}

/* All of them. */
static bool check_ways(const struct prepared *p, struct hr_column *cols, uint32_t count,
                       uint32_t rows, const struct outcome *want, bool large)
{
    uint32_t good[256], n = 0;
    assert(rows <= HR_COUNT(good));
    for (uint32_t row = 0; row < rows; row++)
        if (want[row].code == 0) good[n++] = row;
    hr_arena_reset(&walk_scratch);
    if (!check_run("all rows", p, cols, count, rows, NULL, 0, want, NULL)) return false;
    if (n && n < rows &&
        !check_run("rows without an error", p, cols, count, rows, good, n, want, NULL))
        return false;
    if (n && p->type->id == HR_T_BOOLEAN && !check_filter(p, cols, count, rows, good, n, want))
        return false;
    return check_parts(p, cols, count, rows, want) &&
           check_shifted(p, cols, count, rows, want) &&
           check_no_nulls(p, cols, count, rows, want) &&
           (!large || n == 0 || check_large(p, cols, count, good, n, want));
}

/* Functions that no expression of its own can call, and where they are tried. */
static bool is_elsewhere(const struct hr_function *fn)
{
    static const char *const names[] = {
        "window", "session_window", "window_time",  /* rewritten by the analyser: test/stream */
        "cumulate_window",
        "grouping", "grouping_id",                 /* likewise: test/sql/group */
        "__window_bound", "__session_end",         /* what it writes instead */
        "__extractansiintervaldays",               /* written by extract: test/sql */
        "from_csv", "to_csv", "schema_of_csv",     /* the room format's: test/spark/csv.sql */
        "__timestampadd", "__timestampdiff",       /* a constant says how: test/spark */
        "to_number", "try_to_number",
        "percentile_cont", "percentile_disc",      /* WITHIN GROUP: test/spark */
        "vector_norm", "vector_normalize", "vector_inner_product", /* of ARRAY<FLOAT>: likewise */
        "vector_l2_distance", "vector_cosine_similarity",
        "predict", "model_version", "choose", "recommend", /* of a session's models: test/sql/ml */
    };
    enum hr_function_role role = hr_function_role(fn);
    for (uint32_t i = 0; i < HR_COUNT(names); i++)
        if (strcmp(names[i], fn->name) == 0) return true;
    /* with lambdas, which need names: test/spark/lambdas.sql */
    if (role >= HR_ROLE_EACH_ELEMENT && role <= HR_ROLE_FOLD) return true;
    return fn->flags & (HR_FN_GENERATOR | HR_FN_NONDETERMINISTIC | HR_FN_WINDOW);
}

#endif
