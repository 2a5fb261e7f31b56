/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds against a dumb model: what is left out holds no row that is asked for. */
#include <math.h>

#include "connector_fixture.h"
#include "format/bound.h"

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % n);
}

static const char *const names[] = {"=", "<", "<=", ">", ">="};

static bool holds(uint32_t op, int64_t a, int64_t b)
{
    switch (op) {
    case 0: return a == b;
    case 1: return a < b;
    case 2: return a <= b;
    case 3: return a > b;
    default: return a >= b;
    }
}

/* The one bound of a filter over columns (a INT, b BIGINT), of which b is read. */
static const struct hr_bound *bound_of(struct fixture *f, struct hr_expr *filter, uint32_t *ret)
{
    const struct hr_bound *bounds = NULL;
    HR_EXPECT_OK(hr_bounds_of(&f->arena, &filter, 1, ddl(f, "a INT, b BIGINT"), ddl(f, "b BIGINT"),
                              &bounds, ret, &f->err));
    return bounds;
}

static struct hr_expr *compare(struct fixture *f, uint32_t op, int64_t value, bool turned)
{
    struct hr_expr *args[2];
    args[turned] = hr_expr_column(&f->arena, hr_type(HR_T_LONG), 1, true);
    args[!turned] = hr_expr_int(&f->arena, hr_type(HR_T_LONG), value);
    return hr_expr_call(&f->arena, names[op], args, 2);
}

HR_TEST(ranges_left_out_have_no_row)
{
    struct fixture *f = fixture();
    uint32_t left_out = 0;
    for (int round = 0; round < 5000; round++) {
        int64_t min = rnd(20), max = min + rnd(5), value = rnd(25);
        uint32_t op = rnd(5), count = 0;
        bool turned = rnd(2), any = false;
        const struct hr_bound *bound = bound_of(f, compare(f, op, value, turned), &count);
        HR_ASSERT_TRUE(count == 1);
        HR_EXPECT_EQ_I64(bound->column, 0);
        for (int64_t v = min; v <= max; v++)
            any |= turned ? holds(op, value, v) : holds(op, v, value);
        struct hr_column low = {.type = hr_type(HR_T_LONG), .length = 1, .values = &min};
        struct hr_column high = {.type = hr_type(HR_T_LONG), .length = 1, .values = &max};
        struct hr_bound_range range = {.min = &low, .max = &high};
        HR_EXPECT_EQ_I64(hr_bound_may_hold(bound, &range), any);
        range.min = range.max = NULL;
        HR_EXPECT_TRUE(hr_bound_may_hold(bound, &range));
        range.only_nulls = true;
        HR_EXPECT_TRUE(!hr_bound_may_hold(bound, &range));
        left_out += !any;
    }
    HR_EXPECT_TRUE(left_out > 500);
    fixture_done(f);
}

HR_TEST(only_simple_filters_are_bounds)
{
    struct fixture *f = fixture();
    uint32_t count;
    struct hr_expr *both[2] = {compare(f, 1, 5, false), compare(f, 4, 2, false)};
    bound_of(f, hr_expr_call(&f->arena, "and", both, 2), &count);
    HR_EXPECT_EQ_I64(count, 2);
    bound_of(f, hr_expr_call(&f->arena, "or", both, 2), &count);
    HR_EXPECT_EQ_I64(count, 0);
    /* a is not read: folders give it, say */
    struct hr_expr *other[2] = {hr_expr_column(&f->arena, hr_type(HR_T_INT), 0, true),
                                hr_expr_int(&f->arena, hr_type(HR_T_INT), 1)};
    bound_of(f, hr_expr_call(&f->arena, "=", other, 2), &count);
    HR_EXPECT_EQ_I64(count, 0);
    struct hr_expr *list[3] = {hr_expr_column(&f->arena, hr_type(HR_T_LONG), 1, true),
                               hr_expr_int(&f->arena, hr_type(HR_T_LONG), 3),
                               hr_expr_int(&f->arena, hr_type(HR_T_LONG), 9)};
    const struct hr_bound *in = bound_of(f, hr_expr_call(&f->arena, "in", list, 3), &count);
    HR_ASSERT_TRUE(count == 1);
    int64_t min = 4, max = 8;
    struct hr_column low = {.type = hr_type(HR_T_LONG), .length = 1, .values = &min};
    struct hr_column high = {.type = hr_type(HR_T_LONG), .length = 1, .values = &max};
    struct hr_bound_range range = {.min = &low, .max = &high};
    HR_EXPECT_TRUE(!hr_bound_may_hold(in, &range));
    max = 9;
    HR_EXPECT_TRUE(hr_bound_may_hold(in, &range));
    list[2] = hr_expr_null(&f->arena, hr_type(HR_T_LONG));
    bound_of(f, hr_expr_call(&f->arena, "in", list, 3), &count);
    HR_EXPECT_EQ_I64(count, 0);
    in = bound_of(f, hr_expr_call(&f->arena, "isnull", list, 1), &count);
    HR_ASSERT_TRUE(count == 1);
    range.no_nulls = true;
    HR_EXPECT_TRUE(!hr_bound_may_hold(in, &range));
    fixture_done(f);
}

/* NaN is greater than all and in no statistics. */
HR_TEST(nan_is_never_left_out)
{
    struct fixture *f = fixture();
    double min = 1, max = 2, nan_value = NAN, seven = 7;
    struct hr_column low = {.type = hr_type(HR_T_DOUBLE), .length = 1, .values = &min};
    struct hr_column high = {.type = hr_type(HR_T_DOUBLE), .length = 1, .values = &max};
    struct hr_column is_nan = {.type = hr_type(HR_T_DOUBLE), .length = 1, .values = &nan_value};
    struct hr_column is_seven = {.type = hr_type(HR_T_DOUBLE), .length = 1, .values = &seven};
    const struct hr_column *nans = &is_nan, *sevens = &is_seven;
    struct hr_bound_range range = {.min = &low, .max = &high};
    struct hr_bound bound = {.op = HR_BOUND_EQ, .values = &nans, .value_count = 1};
    HR_EXPECT_TRUE(hr_bound_may_hold(&bound, &range));
    bound = (struct hr_bound){.op = HR_BOUND_GT, .values = &sevens, .value_count = 1};
    HR_EXPECT_TRUE(hr_bound_may_hold(&bound, &range));
    bound.op = HR_BOUND_LT;
    range.min = &is_seven;
    HR_EXPECT_TRUE(!hr_bound_may_hold(&bound, &range));
    fixture_done(f);
}

HR_TEST(formats_say_what_they_can)
{
    struct fixture *f = fixture();
    const struct hr_format_vt *format;
    HR_EXPECT_OK(hr_format_choose("JSON", HR_FORMAT_MESSAGES_IN, &format, &f->err));
    HR_EXPECT_EQ_I64(hr_format_choose("binaryFile", HR_FORMAT_MESSAGES_IN, &format, &f->err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_EQ_STR(f->err.msg, "option format: binaryFile is no format of messages; there are: "
                                 "csv, debezium-json, json, text");
    HR_EXPECT_EQ_I64(hr_format_choose("nonsense", HR_FORMAT_RECORDS_OUT, &format, &f->err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_TRUE(hr_format_find("csv")->splits(with(f, OPTS("multiLine", "false"))));
    HR_EXPECT_TRUE(!hr_format_find("csv")->splits(with(f, OPTS("header", "TRUE"))));
    HR_EXPECT_TRUE(!hr_format_find("text")->splits(with(f, OPTS("lineSep", "|"))));
    fixture_done(f);
}
