/* SPDX-License-Identifier: Apache-2.0 */
/* A query's result as an RDD. */
#include <headrace/headrace.h>

#include "hr_test.h"

static bool is_b(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_text_eq(hr_row_str(row, 0), hr_text("b"));
}

HR_TEST(sql_to_rdd)
{
    struct hr_err err = {0};
    char text[64];
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_rdd *rdd =
        hr_sql(ctx, "SELECT * FROM VALUES ('a', 1L), ('b', 2L), ('b', 5L) AS t(k, v)", &err);
    struct hr_rdd *sums =
        hr_rdd_reduce_by_key(hr_rdd_filter(rdd, is_b, NULL, &err), hr_sum, NULL, 0, &err);
    struct hr_rows *rows = hr_rdd_collect(sums, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rows_count(rows), 1);
    const struct hr_row *row = hr_rows_next(rows);
    HR_ASSERT_TRUE(row != NULL);
    hr_row_print(row, text, sizeof text);
    HR_EXPECT_EQ_STR(text, "(b,7)");
    hr_rows_free(rows);
    HR_EXPECT_TRUE(hr_sql(ctx, "SELECT nothing FROM nowhere", &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "TABLE_OR_VIEW_NOT_FOUND");
    hr_context_free(ctx);
}
