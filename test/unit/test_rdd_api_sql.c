/* SPDX-License-Identifier: Apache-2.0 */
/* A query's result as an RDD; an RDD as a view; RDDs over JSON and CSV files. */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>

#include "hr_test.h"

static struct hr_context *with_threads(uint32_t threads)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.threads = threads, .default_parallelism = threads};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

/* Rows printed one after the other. Frees them. */
static const char *printed(struct hr_rows *rows)
{
    static char out[4096];
    size_t at = 0;
    if (!rows) return "(failed)";
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && at < sizeof out;)
        at += hr_row_print(row, out + at, sizeof out - at);
    if (!at) out[0] = '\0';
    hr_rows_free(rows);
    return out;
}

static _Atomic int computed;

/* id → (name, amount), counting the rows that were computed. */
static hr_status sale(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    static const char *const names[] = {"ann", "bob", "eve"};
    int64_t id = hr_row_long(row, 0);
    (void)arg, (void)err;
    computed++;
    hr_emit_str(out, names[id % 3]);
    hr_emit_long(out, id);
    hr_emit_end(out);
    return 0;
}

static void view(uint32_t threads)
{
    struct hr_err err = {0};
    struct hr_context *ctx = with_threads(threads);
    struct hr_rdd *ids = hr_range(ctx, 0, 9, 1, threads, &err);
    struct hr_rdd *sales = hr_rdd_map(ids, "name STRING, amount LONG", sale, NULL, &err);
    struct hr_rdd *sums = hr_rdd_reduce_by_key(sales, hr_sum, NULL, threads, &err);
    computed = 0;
    hr_rdd_create_temp_view(sums, "sums", &err);
    hr_rdd_create_temp_view(sales, "sales", &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_I64(computed, 0); /* lazily */
    struct hr_rdd *joined = hr_sql(ctx,
                                   "SELECT s.name, max(s.amount) AS m, first(t.amount) AS total "
                                   "FROM sales s JOIN sums t ON s.name = t.name "
                                   "WHERE s.name <> 'eve' GROUP BY s.name",
                                   &err);
    struct hr_rdd *sorted = hr_rdd_sort_by(joined, "name", 1, &err);
    HR_EXPECT_EQ_STR(printed(hr_rdd_collect(sorted, &err)), "(ann,6,9)(bob,7,12)");
    HR_EXPECT_EQ_STR(printed(hr_sql_rows(ctx, "SELECT sum(amount) FROM SALES", &err)), "36");
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_TRUE(hr_rdd_create_temp_view(ids, "sums", &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS");
    hr_err_init(&err);
    hr_rdd_create_or_replace_temp_view(hr_rdd_to_df(sales, "a, b", &err), "sums", &err);
    HR_EXPECT_EQ_STR(printed(hr_sql_rows(ctx, "SELECT max(b), min(a) FROM sums", &err)), "(8,ann)");
    hr_rows_free(hr_sql_rows(ctx, "DROP VIEW sums", &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_TRUE(hr_sql(ctx, "SELECT * FROM sums", &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "TABLE_OR_VIEW_NOT_FOUND");
    hr_context_free(ctx);
}

HR_TEST(rdd_as_a_view)
{
    view(1);
    view(2);
    view(8);
}

static hr_status fails(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)row, (void)out;
    return hr_err_fail(err, "no such sale");
}

HR_TEST(view_errors_and_names)
{
    struct hr_err err = {0};
    struct hr_context *ctx = with_threads(2);
    struct hr_rdd *ids = hr_range(ctx, 0, 4, 1, 2, &err);
    hr_rdd_create_temp_view(hr_rdd_map(ids, "a LONG", fails, NULL, &err), "bad", &err);
    HR_EXPECT_TRUE(hr_sql(ctx, "SELECT * FROM bad", &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
    hr_err_init(&err);
    struct hr_rdd *twice = hr_rdd_cartesian(ids, ids, &err);
    HR_EXPECT_TRUE(hr_rdd_create_temp_view(twice, "t", &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "COLUMN_ALREADY_EXISTS");
    hr_err_init(&err);
    HR_EXPECT_TRUE(hr_rdd_to_df(twice, "a", &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_INVALID_ARGUMENT");
    hr_err_init(&err);
    hr_rdd_create_temp_view(hr_rdd_to_df(twice, "a, b", &err), "t", &err);
    HR_EXPECT_EQ_STR(printed(hr_sql_rows(ctx, "SELECT count(*), sum(b - a) FROM t", &err)),
                     "(16,0)");
    HR_EXPECT_EQ_STR(err.msg, "");
    hr_context_free(ctx);
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    HR_ASSERT_TRUE(f != NULL);
    fputs(text, f);
    HR_EXPECT_EQ_I64(fclose(f), 0);
}

HR_TEST(json_and_csv_files)
{
    static const char *const header[] = {"header", "true", "mode", "FAILFAST", NULL};
    static const char *const dropped[] = {"mode", "DROPMALFORMED", NULL};
    struct hr_err err = {0};
    char dir[] = "/tmp/hr-read-XXXXXX", glob[128];
    struct hr_context *ctx = with_threads(2);
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    put_file(dir, "a.json", "{\"k\":\"x\",\"n\":1}\n{\"k\":\"y\",\"n\":2}\n");
    put_file(dir, "b.json", "{\"n\":40,\"k\":\"x\"}\nnot json\n");
    put_file(dir, "a.csv", "k,n\nx,5\n\"y,z\",6\n");
    put_file(dir, "bad.csv", "k,n\nx,five\n");
    snprintf(glob, sizeof glob, "%s/*.json", dir);
    struct hr_rdd *json = hr_json_files(ctx, glob, "k STRING, n LONG", dropped, &err);
    struct hr_rdd *sums = hr_rdd_reduce_by_key(json, hr_sum, NULL, 1, &err);
    HR_EXPECT_EQ_STR(printed(hr_rdd_collect(hr_rdd_sort_by(sums, "k", 1, &err), &err)),
                     "(x,41)(y,2)");
    snprintf(glob, sizeof glob, "%s/a.csv", dir);
    struct hr_rdd *csv = hr_csv_files(ctx, glob, "k STRING, n LONG", header, &err);
    HR_EXPECT_EQ_STR(printed(hr_rdd_collect(csv, &err)), "(x,5)(y,z,6)");
    HR_EXPECT_EQ_STR(err.msg, "");
    snprintf(glob, sizeof glob, "%s/a.json", dir);
    struct hr_rdd *found = hr_json_files(ctx, glob, NULL, NULL, &err);
    char *schema = hr_rdd_schema(found);
    HR_EXPECT_EQ_STR(schema, "k STRING, n BIGINT");
    hr_free(schema);
    snprintf(glob, sizeof glob, "%s/bad.csv", dir);
    HR_EXPECT_TRUE(
        hr_rdd_collect(hr_csv_files(ctx, glob, "k STRING, n LONG", header, &err), &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION");
    hr_err_init(&err);
    snprintf(glob, sizeof glob, "%s/none-*.csv", dir);
    HR_EXPECT_TRUE(hr_csv_files(ctx, glob, "k STRING", NULL, &err) == NULL);
    HR_EXPECT_TRUE(err.code != 0);
    hr_context_free(ctx);
}

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

/* Literals and what is folded from them lie in the statement's memory, which is gone by then. */
#define LITERALS                                                                                \
    "SELECT id, 'a text beyond twelve' AS s, map('key', concat('another ', 'long one')) AS m, " \
    "if(id = 1, 'and one more of them', NULL) AS o FROM range(0, 2)"

HR_TEST(rows_outlive_their_statement)
{
    struct hr_err err = {0};
    struct hr_context *ctx = with_threads(2);
    struct hr_rdd *rdd = hr_sql(ctx, LITERALS, &err);
    struct hr_rdd *one = hr_sql(ctx, "SELECT 7, 'a single row, beyond twelve'", &err);
    struct hr_rows *rows = hr_sql_rows(ctx, LITERALS, &err);
    struct hr_rows *again = hr_rdd_collect(hr_rdd_coalesce(rdd, 1, &err), &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    static const char expected[] =
        "(0,a text beyond twelve,{key -> another long one},null)"
        "(1,a text beyond twelve,{key -> another long one},and one more of them)";
    HR_EXPECT_EQ_STR(printed(rows), expected);
    HR_EXPECT_EQ_STR(printed(again), expected);
    HR_EXPECT_EQ_STR(printed(hr_rdd_collect(one, &err)), "(7,a single row, beyond twelve)");
    hr_rdd_create_temp_view(rdd, "kept", &err);
    HR_EXPECT_EQ_STR(printed(hr_sql_rows(ctx, "SELECT o, m['key'] FROM kept WHERE id = 1", &err)),
                     "(and one more of them,another long one)");
    HR_EXPECT_EQ_STR(err.msg, "");
    hr_context_free(ctx);
}
