/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator: results, NULLs, laziness, common parts, folding. */
#include "hr_test.h"

#include "base/datetime.h"
#include "column/builder.h"
#include "expr/function.h"
#include "expr/internal.h"
#include "expr/program.h"

static struct hr_arena arena;
static struct hr_conf conf;

static void setup(void)
{
    hr_arena_init(&arena, NULL);
    conf = (struct hr_conf){.ansi = true, .tz = hr_tz_utc(), .batch_rows = HR_BATCH_ROWS};
}

static struct hr_expr *resolved(struct hr_expr *expr)
{
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = hr_expr_resolve_node(&arena, &conf, expr, &err);
    if (status != HR_OK) printf("  %s\n", err.msg);
    HR_EXPECT_OK(status);
    return expr;
}

static struct hr_expr *call(const char *name, struct hr_expr *a, struct hr_expr *b)
{
    struct hr_expr *args[] = {a, b};
    return resolved(hr_expr_call(&arena, name, args, b ? 2 : 1));
}

static struct hr_expr *integer(int64_t v) { return hr_expr_int(&arena, hr_type(HR_T_INT), v); }
static struct hr_expr *col(uint32_t i, enum hr_type_id t)
{
    return hr_expr_column(&arena, hr_type(t), i, true);
}

/* Rows: a INT 0, 1, …; NULL where i % 7 == 3; b BIGINT i * i; s STRING "s<i>". */
static struct hr_batch *make_batch(uint32_t rows)
{
    struct hr_field fields[] = {{"a", hr_type(HR_T_INT), true}, {"b", hr_type(HR_T_LONG), true},
                                {"s", hr_type(HR_T_STRING), true}};
    struct hr_batch_builder bb;
    if (hr_batch_builder_init(&bb, hr_type_struct(fields, 3), rows, NULL, NULL) != HR_OK)
        return NULL;
    for (uint32_t i = 0; i < rows; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "s%u", i);
        if (i % 7 == 3)
            hr_builder_null(bb.columns[0]);
        else
            hr_builder_i64(bb.columns[0], i);
        hr_builder_i64(bb.columns[1], (int64_t)i * i);
        hr_builder_str(bb.columns[2], hr_svn(text, (size_t)n));
    }
    struct hr_batch *batch;
    return hr_batch_builder_finish(&bb, &batch, NULL) == HR_OK ? batch : NULL;
}

static hr_status run(struct hr_expr *expr, struct hr_batch *batch, struct hr_column *ret,
                     struct hr_err *err)
{
    const struct hr_program *program;
    struct hr_eval *eval;
    hr_err_init(err);
    HR_TRY(hr_program_compile(&arena, &conf, &expr, 1, &program, err));
    HR_TRY(hr_eval_new(program, NULL, &eval, err));
    hr_status status = hr_eval_run(eval, batch, &arena, ret, err);
    hr_eval_free(eval);
    return status;
}

HR_TEST(arithmetic_and_nulls)
{
    setup();
    struct hr_batch *batch = make_batch(200);
    HR_ASSERT_TRUE(batch != NULL);
    struct hr_column out;
    struct hr_err err;
    struct hr_expr *sum = call("+", col(0, HR_T_INT), integer(10));
    HR_ASSERT_OK(run(sum, batch, &out, &err));
    for (uint32_t i = 0; i < 200; i++) {
        HR_EXPECT_EQ_I64(hr_column_valid(&out, i), i % 7 != 3);
        if (i % 7 != 3) HR_EXPECT_EQ_I64(((const int32_t *)out.values)[i], i + 10);
    }
    struct hr_expr *cmp = call("<", call("*", col(0, HR_T_INT), col(1, HR_T_LONG)), integer(1000));
    HR_ASSERT_OK(run(cmp, batch, &out, &err));
    for (uint32_t i = 0; i < 200; i++)
        if (i % 7 != 3) HR_EXPECT_EQ_I64(hr_bit_get(out.values, i), (int64_t)i * i * i < 1000);
    hr_batch_unref(batch);
    hr_arena_done(&arena);
}

HR_TEST(overflow_only_where_it_counts)
{
    setup();
    struct hr_batch *batch = make_batch(100);
    struct hr_column out;
    struct hr_err err;
    struct hr_expr *big = call("+", col(0, HR_T_INT), integer(INT32_MAX - 50));
    HR_EXPECT_EQ_I64(run(big, batch, &out, &err), HR_E_ARITHMETIC_OVERFLOW);
    /* CASE WHEN a < 50 THEN a + big END never adds where it would overflow */
    struct hr_expr *args[] = {call("<", col(0, HR_T_INT), integer(50)), big};
    struct hr_expr *lazy = resolved(hr_expr_call(&arena, "case", args, 2));
    HR_ASSERT_OK(run(lazy, batch, &out, &err));
    HR_EXPECT_EQ_I64(((const int32_t *)out.values)[49], INT32_MAX - 1);
    HR_EXPECT_FALSE(hr_column_valid(&out, 60));
    /* a = 0 OR 10 / a > 1 */
    struct hr_expr *guarded = call("or", call("=", col(0, HR_T_INT), integer(0)),
                                   call(">", call("/", integer(10), col(0, HR_T_INT)), integer(1)));
    HR_ASSERT_OK(run(guarded, batch, &out, &err));
    HR_EXPECT_TRUE(hr_bit_get(out.values, 0));
    HR_EXPECT_TRUE(hr_bit_get(out.values, 9));
    HR_EXPECT_FALSE(hr_bit_get(out.values, 11));
    struct hr_expr *open = call(">", call("/", integer(10), col(0, HR_T_INT)), integer(1));
    HR_EXPECT_EQ_I64(run(open, batch, &out, &err), HR_E_DIVIDE_BY_ZERO);
    hr_batch_unref(batch);
    hr_arena_done(&arena);
}

HR_TEST(filter_gives_a_selection)
{
    setup();
    struct hr_batch *batch = make_batch(300);
    struct hr_err err;
    hr_err_init(&err);
    struct hr_expr *pred = call("and", call(">=", col(1, HR_T_LONG), integer(100)),
                                call("<", col(0, HR_T_INT), integer(20)));
    const struct hr_program *program;
    struct hr_eval *eval;
    HR_ASSERT_OK(hr_program_compile(&arena, &conf, &pred, 1, &program, &err));
    HR_ASSERT_OK(hr_eval_new(program, NULL, &eval, &err));
    const uint32_t *sel;
    uint32_t count;
    HR_ASSERT_OK(hr_eval_filter(eval, batch, &arena, &sel, &count, &err));
    uint32_t want[] = {11, 12, 13, 14, 15, 16, 18, 19}; /* 10 and 17 are NULL */
    HR_ASSERT(HR_EXPECT_EQ_I64(count, 8));
    for (uint32_t i = 0; i < 8; i++) HR_EXPECT_EQ_I64(sel[i], want[i]);
    hr_eval_free(eval);
    hr_batch_unref(batch);
    hr_arena_done(&arena);
}

HR_TEST(common_parts_once_and_constants_folded)
{
    setup();
    struct hr_err err;
    struct hr_expr *part = call("*", col(0, HR_T_INT), integer(3));
    struct hr_expr *again = call("*", col(0, HR_T_INT), integer(3));
    struct hr_expr *exprs[] = {call("+", part, again), call("+", integer(1), integer(2))};
    const struct hr_program *program;
    HR_ASSERT_OK(hr_program_compile(&arena, &conf, exprs, 2, &program, &err));
    struct hr_buf text = {0};
    hr_program_print(program, &text);
    HR_EXPECT_TRUE(strstr(hr_buf_cstr(&text), "const 3") != NULL);
    const char *first = strstr(hr_buf_cstr(&text), "call *");
    HR_ASSERT_TRUE(first != NULL);
    HR_EXPECT_TRUE(strstr(first + 1, "call *") == NULL);
    hr_buf_done(&text);
    hr_arena_done(&arena);
}

HR_TEST(three_valued_logic)
{
    setup();
    struct hr_batch *batch = make_batch(10);
    struct hr_column out;
    struct hr_err err;
    struct hr_expr *isnull = call("=", col(0, HR_T_INT), integer(0)); /* NULL in row 3 */
    struct hr_expr *f = hr_expr_bool(&arena, false), *t = hr_expr_bool(&arena, true);
    HR_ASSERT_OK(run(call("and", isnull, f), batch, &out, &err));
    HR_EXPECT_TRUE(hr_column_valid(&out, 3));
    HR_EXPECT_FALSE(hr_bit_get(out.values, 3));
    HR_ASSERT_OK(run(call("and", isnull, t), batch, &out, &err));
    HR_EXPECT_FALSE(hr_column_valid(&out, 3));
    HR_ASSERT_OK(run(call("or", isnull, t), batch, &out, &err));
    HR_EXPECT_TRUE(hr_column_valid(&out, 3));
    HR_EXPECT_TRUE(hr_bit_get(out.values, 3));
    hr_batch_unref(batch);
    hr_arena_done(&arena);
}

/* Does some type do as this argument? A misspelt word of a row would take none. */
static bool accepts_any(struct hr_str_view word)
{
    const struct hr_type *l = hr_type(HR_T_LONG);
    struct hr_field field = {"a", l, true};
    const struct hr_type *samples[] = {
        l,
        hr_type(HR_T_INT),
        hr_type(HR_T_DOUBLE),
        hr_type(HR_T_STRING),
        hr_type(HR_T_BINARY),
        hr_type(HR_T_BOOLEAN),
        hr_type(HR_T_DATE),
        hr_type(HR_T_TIMESTAMP),
        hr_type(HR_T_TIMESTAMP_NTZ),
        hr_type(HR_T_TIME),
        hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND),
        hr_type_array(l, true),
        hr_type_map(l, l, true),
        hr_type_struct(&field, 1),
    };
    for (uint32_t i = 0; i < HR_COUNT(samples); i++)
        if (hr_type_implicit(samples[i], word)) return true;
    return false;
}

HR_TEST(signatures_are_understood)
{
    const struct hr_function *fn;
    HR_EXPECT_TRUE(hr_function_find("count") != NULL);
    for (uint32_t i = 0; (fn = hr_function_at(i)); i++) {
        const struct hr_signature *sig = hr_function_signature(fn);
        HR_EXPECT_TRUE((sig->word_count > 0) == (fn->arg_types != NULL));
        HR_EXPECT_TRUE(fn->max_args < 0 || sig->word_count <= (uint32_t)fn->max_args);
        HR_EXPECT_TRUE((sig->result == HR_RESULT_BIND) == (fn->result_type == NULL));
        for (uint32_t w = 0; w < sig->word_count; w++) {
            bool known = accepts_any(sig->words[w]);
            if (!known) printf("  %s: %s\n", fn->name, fn->arg_types);
            HR_EXPECT_TRUE(known);
        }
    }
    HR_EXPECT_FALSE(accepts_any(hr_sv("strnig")));
}

HR_TEST(roles_go_with_functions)
{
    setup();
    HR_EXPECT_TRUE(hr_expr_is(call("nvl", integer(1), integer(2)), HR_ROLE_COALESCE));
    HR_EXPECT_TRUE(hr_expr_is(call("==", integer(1), integer(2)), HR_ROLE_EQUAL));
    HR_EXPECT_TRUE(hr_expr_is(call("+", integer(1), integer(2)), HR_ROLE_NONE));
    HR_EXPECT_TRUE(hr_expr_is(integer(1), HR_ROLE_NONE));
    hr_arena_done(&arena);
}
