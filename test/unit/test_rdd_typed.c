/* SPDX-License-Identifier: Apache-2.0 */
/* Typed rows: every type there and back, NULLs, values behind a key. */
#include <headrace/typed.h>

#include "hr_test.h"

#define ALL(F)                                                                            \
    F(BOOLEAN, yes)                                                                       \
    F(BYTE, b) F(SHORT, s) F(INT, i) F(LONG, l) F(DATE, day) F(TIMESTAMP, at) F(FLOAT, f) \
        F(DOUBLE, d) F(STRING, text) F(BINARY, bytes)
HR_TYPED_ROW(all, ALL)

#define VALUES(F) F(LONG, n) F(STRING, name)
HR_TYPED_ROW(values, VALUES)

static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    all_emit(out, (struct all){true, -128, 32767, -7, INT64_MAX, 20420, 1795850000000000, 0.5, 2.5,
                               hr_text("text"), hr_text("\x01")});
    all_emit(out, (struct all){0});
    return 0;
}

static hr_status again(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)err;
    all_emit(out, all_get(row));
    return 0;
}

HR_TEST(every_type_there_and_back)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    HR_EXPECT_EQ_STR(all_schema,
                     "yes BOOLEAN, b BYTE, s SHORT, i INT, l LONG, day DATE, at TIMESTAMP, "
                     "f FLOAT, d DOUBLE, text STRING, bytes BINARY");
    struct hr_rdd *rdd = hr_parallelize(ctx, all_schema, fill, NULL, 1, &err);
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_map(rdd, all_schema, again, NULL, &err), &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_ASSERT_TRUE(rows && hr_rows_count(rows) == 2);
    struct all v = all_get(hr_rows_next(rows));
    HR_EXPECT_TRUE(v.yes && v.b == -128 && v.s == 32767 && v.i == -7 && v.l == INT64_MAX);
    HR_EXPECT_EQ_I64(v.day, 20420);
    HR_EXPECT_EQ_I64(v.at, 1795850000000000);
    HR_EXPECT_TRUE(v.f == 0.5 && v.d == 2.5 && hr_text_eq(v.text, hr_text("text")));
    HR_EXPECT_TRUE(v.bytes.len == 1 && v.bytes.ptr[0] == 1);
    const struct hr_row *second = hr_rows_next(rows);
    v = all_get(second);
    HR_EXPECT_TRUE(!v.yes && v.l == 0 && v.d == 0 && v.text.ptr == NULL && v.text.len == 0);
    HR_EXPECT_TRUE(hr_row_is_null(second, 9) && hr_row_is_null(second, 10));
    HR_EXPECT_FALSE(hr_row_is_null(second, 4)); /* a number is never NULL by itself */
    hr_rows_free(rows);
    hr_context_free(ctx);
}

static hr_status keyed(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 0) % 2);
    values_emit_fields(out, (struct values){hr_row_long(row, 0), hr_text("")});
    hr_emit_end(out);
    return 0;
}

/* The larger n; values without the key. */
static hr_status larger(void *arg, const struct hr_row *a, const struct hr_row *b,
                        struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    struct values x = values_get(a), y = values_get(b);
    values_emit(out, x.n > y.n ? x : y);
    return 0;
}

HR_TEST(values_behind_a_key)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_rdd *rdd = hr_rdd_map(hr_range(ctx, 0, 10, 1, 3, &err), "k LONG, n LONG, name STRING",
                                    keyed, NULL, &err);
    struct hr_rows *rows = hr_rdd_collect(
        hr_rdd_sort_by_key(hr_rdd_reduce_by_key(rdd, larger, NULL, 2, &err), true, 1, &err), &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_ASSERT_TRUE(rows && hr_rows_count(rows) == 2);
    for (int64_t i = 0; i < 2; i++) {
        struct values v = values_get_at(hr_rows_next(rows), 1);
        HR_EXPECT_EQ_I64(v.n, 8 + i);
        HR_EXPECT_TRUE(v.name.ptr != NULL && v.name.len == 0); /* empty, not NULL */
    }
    hr_rows_free(rows);
    hr_context_free(ctx);
}
