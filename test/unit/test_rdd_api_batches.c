/* SPDX-License-Identifier: Apache-2.0 */
/* Functions over whole batches: columns in and out, selections, and what is told of mistakes. */
#include <headrace/headrace.h>

#include "hr_test.h"

#define SCHEMA                                                                                   \
    "a TINYINT, b SMALLINT, c INT, d BIGINT, e FLOAT, f DOUBLE, g BOOLEAN, s STRING, t BINARY, " \
    "u DATE, v TIMESTAMP"

static struct hr_context *new_context(void)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.threads = 2, .default_parallelism = 2};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

/* The rows as printed, each ended by a space. Frees rows. */
static const char *text_of(struct hr_rows *rows)
{
    static char out[65536];
    size_t at = 0;
    if (!rows) return "(failed)";
    out[0] = '\0';
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && at + 512 < sizeof out;) {
        at += hr_row_print(row, out + at, 500);
        out[at++] = ' ';
        out[at] = '\0';
    }
    hr_rows_free(rows);
    return out;
}

#define EXPECT(rdd, text)                                       \
    do {                                                        \
        struct hr_err err_ = {0};                               \
        const char *got_ = text_of(hr_rdd_collect(rdd, &err_)); \
        HR_EXPECT_EQ_STR(got_, text);                           \
        HR_EXPECT_EQ_STR(err_.msg, "");                         \
    } while (0)

#define EXPECT_FAILS(rdd, part)                                        \
    do {                                                               \
        struct hr_err err_ = {0};                                      \
        struct hr_rows *rows_ = hr_rdd_collect(rdd, &err_);            \
        HR_EXPECT_TRUE(rows_ == NULL);                                 \
        if (!strstr(err_.msg, part)) HR_EXPECT_EQ_STR(err_.msg, part); \
        hr_rows_free(rows_);                                           \
    } while (0)

/* --- All types -------------------------------------------------------------------------------- */

/* Four rows a column; bit 1 of validity is clear: the second row is NULL throughout. */
static const uint64_t HOLE = 0xd;

static hr_status emit_arrays(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                             struct hr_err *err)
{
    static const int8_t a[] = {-128, 99, 0, 127};
    static const int16_t b[] = {-32768, 99, 0, 32767};
    static const int32_t c[] = {INT32_MIN, 99, 0, INT32_MAX}, u[] = {0, 99, 1, 365};
    static const int64_t d[] = {INT64_MIN, 99, 0, INT64_MAX}, v[] = {0, 99, 1000000, 1500000};
    static const float e[] = {-1.5f, 99, 0, 0.25f};
    static const double f[] = {-1e300, 99, 0, 0.125};
    static const uint64_t g = 0x9;
    static const struct hr_text s[] = {
        {"", 0}, {"?", 1}, {"twelve bytes", 12}, {"thirteen byte", 13}};
    const uint64_t *validity = arg;
    (void)in, (void)err;
    hr_emit_int8s(out, a, validity, 4);
    hr_emit_int16s(out, b, validity, 4);
    hr_emit_int32s(out, c, validity, 4);
    hr_emit_int64s(out, d, validity, 4);
    hr_emit_floats(out, e, validity, 4);
    hr_emit_doubles(out, f, validity, 4);
    hr_emit_bools(out, &g, validity, 4);
    hr_emit_texts(out, s, validity, 4);
    hr_emit_texts(out, s, validity, 4);
    hr_emit_int32s(out, u, validity, 4);
    hr_emit_int64s(out, v, validity, 4);
    hr_emit_end(out);
    return 0;
}

#define ROW0                                                                         \
    "(-128,-32768,-2147483648,-9223372036854775808,-1.5,-1.0E300,true,,,1970-01-01," \
    "1970-01-01 00:00:00) "
#define ROW1  "(99,99,99,99,99.0,99.0,false,?,?,1970-04-10,1970-01-01 00:00:00.000099) "
#define NULLS "(null,null,null,null,null,null,null,null,null,null,null) "
#define ROW2  "(0,0,0,0,0.0,0.0,false,twelve bytes,twelve bytes,1970-01-02,1970-01-01 00:00:01) "
#define ROW3                                                                                 \
    "(127,32767,2147483647,9223372036854775807,0.25,0.125,true,thirteen byte,thirteen byte," \
    "1971-01-01,1970-01-01 00:00:01.5) "

static struct hr_rdd *typed(struct hr_context *ctx, const uint64_t *validity)
{
    struct hr_err err = {0};
    struct hr_rdd *one = hr_range(ctx, 0, 1, 1, 1, &err);
    struct hr_rdd *rdd =
        hr_rdd_map_batches(one, SCHEMA, emit_arrays, (void *)(uintptr_t)validity, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return rdd;
}

static hr_status copy_columns(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                              struct hr_err *err)
{
    (void)arg, (void)err;
    for (uint32_t i = 0; i < in->column_count; i++) hr_emit_column(out, in, i);
    hr_emit_end(out);
    return 0;
}

/* Live rows but every second of them. */
static hr_status every_second(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                              uint32_t *ret_count, struct hr_err *err)
{
    (void)arg, (void)err;
    for (uint32_t i = 1; i < in->live_count; i += 2)
        ret_rows[(*ret_count)++] = in->sel ? in->sel[i] : i;
    return 0;
}

static hr_status all_but_first(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                               uint32_t *ret_count, struct hr_err *err)
{
    (void)arg, (void)err;
    for (uint32_t i = 1; i < in->live_count; i++)
        ret_rows[(*ret_count)++] = in->sel ? in->sel[i] : i;
    return 0;
}

HR_TEST(arrays_of_every_type)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    EXPECT(typed(ctx, NULL), ROW0 ROW1 ROW2 ROW3);
    EXPECT(typed(ctx, &HOLE), ROW0 NULLS ROW2 ROW3);
    for (int nulls = 0; nulls < 2; nulls++) {
        struct hr_rdd *rdd = typed(ctx, nulls ? &HOLE : NULL);
        EXPECT(hr_rdd_map_batches(rdd, SCHEMA, copy_columns, NULL, &err),
               nulls ? ROW0 NULLS ROW2 ROW3 : ROW0 ROW1 ROW2 ROW3);
        struct hr_rdd *second = hr_rdd_filter_batches(rdd, every_second, NULL, &err);
        EXPECT(second, nulls ? NULLS ROW3 : ROW1 ROW3);
        EXPECT(hr_rdd_map_batches(second, SCHEMA, copy_columns, NULL, &err),
               nulls ? NULLS ROW3 : ROW1 ROW3);
        struct hr_rdd *rest = hr_rdd_filter_batches(rdd, all_but_first, NULL, &err);
        EXPECT(hr_rdd_map_batches(rest, SCHEMA, copy_columns, NULL, &err),
               nulls ? NULLS ROW2 ROW3 : ROW1 ROW2 ROW3);
        EXPECT(hr_rdd_filter_batches(rest, all_but_first, NULL, &err), ROW2 ROW3);
    }
    hr_context_free(ctx);
}

/* What is no array: groups of values, copied column by column. */
HR_TEST(columns_of_nested_types)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *twelve = hr_range(ctx, 0, 12, 1, 1, &err);
    struct hr_rdd *pairs = hr_rdd_zip_with_index(twelve, &err);
    struct hr_rdd *groups = hr_rdd_glom(pairs, &err);
    const char *ddl = "rows ARRAY<STRUCT<id: BIGINT, index: BIGINT>>";
    struct hr_rdd *copy = hr_rdd_map_batches(groups, ddl, copy_columns, NULL, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    char first[4096];
    snprintf(first, sizeof first, "%s", text_of(hr_rdd_collect(groups, &err)));
    HR_EXPECT_TRUE(strstr(first, "11") != NULL);
    EXPECT(copy, first);
    hr_context_free(ctx);
}

/* --- Computing -------------------------------------------------------------------------------- */

static hr_status squares(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                         struct hr_err *err)
{
    const int64_t *n = hr_view_values(in, 0);
    int64_t *to = malloc(in->live_count * sizeof *to);
    (void)arg;
    if (!to) return hr_err_fail(err, "out of memory");
    for (uint32_t i = 0; i < in->live_count; i++) {
        int64_t v = n[in->sel ? in->sel[i] : i];
        to[i] = v * v;
    }
    hr_emit_column(out, in, 0);
    hr_emit_int64s(out, to, NULL, in->live_count);
    hr_emit_end(out);
    free(to);
    return 0;
}

static hr_status odd(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                     uint32_t *ret_count, struct hr_err *err)
{
    const int64_t *n = hr_view_values(in, 0);
    (void)arg, (void)err;
    for (uint32_t i = 0; i < in->live_count; i++) {
        uint32_t row = in->sel ? in->sel[i] : i;
        ret_rows[*ret_count] = row;
        *ret_count += n[row] & 1;
    }
    return 0;
}

/* Rows of a batch read one by one. */
static hr_status first_columns(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                               struct hr_err *err)
{
    struct hr_row row;
    (void)arg, (void)err;
    for (uint32_t i = 0; i < in->live_count; i++) {
        hr_view_row(in, in->sel ? in->sel[i] : i, &row);
        hr_emit_long(out, hr_row_long(&row, 0) * 10);
        hr_emit_end(out);
    }
    return 0;
}

HR_TEST(rows_of_a_batch)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *odds = hr_rdd_filter_batches(hr_range(ctx, 0, 10, 1, 1, &err), odd, NULL, &err);
    EXPECT(hr_rdd_map_batches(odds, "n LONG", first_columns, NULL, &err), "10 30 50 70 90 ");
    hr_context_free(ctx);
}

HR_TEST(filter_and_map)
{
    struct hr_context *ctx = new_context();
    for (uint32_t partitions = 1; partitions <= 3; partitions++) {
        struct hr_err err = {0};
        struct hr_rdd *ten = hr_range(ctx, 0, 10, 1, partitions, &err);
        struct hr_rdd *odds = hr_rdd_filter_batches(ten, odd, NULL, &err);
        EXPECT(odds, "1 3 5 7 9 ");
        EXPECT(hr_rdd_map_batches(odds, "n LONG, nn LONG", squares, NULL, &err),
               "(1,1) (3,9) (5,25) (7,49) (9,81) ");
    }
    hr_context_free(ctx);
}

/* Rows and columns by turns, and more of each than a batch has. */
static hr_status many(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                      struct hr_err *err)
{
    static int64_t values[100000];
    (void)arg, (void)in, (void)err;
    for (int64_t i = 0; i < 100000; i++) values[i] = i + 20000;
    for (int64_t i = 0; i < 10000; i++) {
        hr_emit_long(out, i);
        hr_emit_end(out);
    }
    hr_emit_int64s(out, values - 0, NULL, 0); /* none are fine */
    hr_emit_end(out);
    for (int64_t i = 10000; i < 20000; i += 100) {
        int64_t hundred[100];
        for (int64_t k = 0; k < 100; k++) hundred[k] = i + k;
        hr_emit_int64s(out, hundred, NULL, 100);
        hr_emit_end(out);
    }
    hr_emit_int64s(out, values, NULL, 100000);
    hr_emit_end(out);
    hr_emit_long(out, 120000);
    hr_emit_end(out);
    return 0;
}

static hr_status largest_batch(void *arg, uint32_t partition, struct hr_rows *in,
                               struct hr_emitter *out, struct hr_err *err)
{
    struct hr_batch_view view;
    int64_t largest = 0, rows = 0, wrong = 0;
    (void)arg, (void)err, (void)partition;
    while (hr_rows_next_batch(in, &view)) {
        const int64_t *n = hr_view_values(&view, 0);
        if (view.live_count > largest) largest = view.live_count;
        for (uint32_t i = 0; i < view.live_count; i++)
            wrong += n[view.sel ? view.sel[i] : i] != rows++;
    }
    hr_emit_long(out, largest);
    hr_emit_long(out, rows);
    hr_emit_long(out, wrong);
    hr_emit_end(out);
    return 0;
}

HR_TEST(long_columns_are_cut)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *one = hr_range(ctx, 0, 1, 1, 1, &err);
    struct hr_rdd *rdd = hr_rdd_map_batches(one, "n LONG", many, NULL, &err);
    EXPECT(hr_rdd_map_partitions(rdd, "largest LONG, n LONG, wrong LONG", largest_batch, NULL,
                                 &err),
           "(8192,120001,0) ");
    hr_context_free(ctx);
}

static hr_status never(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)in, (void)out;
    return hr_err_fail(err, "called");
}

static hr_status none(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                      uint32_t *ret_count, struct hr_err *err)
{
    (void)arg, (void)in, (void)ret_rows, (void)ret_count, (void)err;
    return 0;
}

HR_TEST(nothing_in_nothing_out)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    EXPECT(hr_rdd_map_batches(hr_empty_rdd(ctx, "n LONG", &err), "n LONG", never, NULL, &err), "");
    struct hr_rdd *ten = hr_range(ctx, 0, 10, 1, 2, &err);
    struct hr_rdd *gone = hr_rdd_filter_batches(ten, none, NULL, &err);
    EXPECT(gone, "");
    EXPECT(hr_rdd_map_batches(gone, "n LONG", never, NULL, &err), "");
    EXPECT_FAILS(hr_rdd_map_batches(ten, "n LONG", never, NULL, &err), "called");
    HR_EXPECT_TRUE(hr_rdd_map_batches(NULL, "n LONG", never, NULL, &err) == NULL);
    HR_EXPECT_TRUE(hr_rdd_filter_batches(NULL, none, NULL, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_TRUE(hr_rdd_map_batches(ten, "n LUNG", never, NULL, &err) == NULL);
    HR_EXPECT_TRUE(err.code != 0);
    hr_context_free(ctx);
}

/* --- Keys ------------------------------------------------------------------------------------- */

/* A filter keeps where rows are: reducing behind it needs no second shuffle; a map does not. */
HR_TEST(filter_keeps_the_partitioning)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *pairs = hr_rdd_zip_with_index(hr_range(ctx, 0, 100, 1, 4, &err), &err);
    struct hr_rdd *sums = hr_rdd_reduce_by_key(pairs, hr_sum, NULL, 4, &err);
    struct hr_rdd *odds = hr_rdd_filter_batches(sums, odd, NULL, &err);
    struct hr_rdd *again = hr_rdd_reduce_by_key(odds, hr_sum, NULL, 4, &err);
    char *plan = hr_rdd_to_debug_string(again);
    int shuffles = 0;
    for (const char *at = plan; at && (at = strstr(at, "ShuffledRDD")); at++) shuffles++;
    HR_EXPECT_EQ_I64(shuffles, 1);
    hr_free(plan);
    uint64_t n = 0;
    HR_EXPECT_TRUE(hr_rdd_count(again, &n, &err) == 0);
    HR_EXPECT_EQ_U64(n, 50);
    hr_context_free(ctx);
}

/* --- Mistakes --------------------------------------------------------------------------------- */

static hr_status mistake(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                         struct hr_err *err)
{
    static const int64_t n[] = {1, 2, 3};
    static const int32_t i[] = {1, 2, 3};
    static const struct hr_text s[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    (void)err;
    switch (*(const char *)arg) {
    case 'l': /* another length */
        hr_emit_int64s(out, n, NULL, 3);
        hr_emit_texts(out, s, NULL, 2);
        break;
    case 't': /* another type */ hr_emit_int32s(out, i, NULL, 3); break;
    case 'x': /* a text for a number */ hr_emit_texts(out, s, NULL, 3); break;
    case 'c': /* a column of another type */
        hr_emit_int64s(out, n, NULL, 1);
        hr_emit_column(out, in, 0);
        break;
    case 'n': /* no such column */ hr_emit_column(out, in, 7); break;
    case 'f': /* too few columns */ hr_emit_int64s(out, n, NULL, 3); break;
    case 'm': /* too many */
        hr_emit_int64s(out, n, NULL, 3);
        hr_emit_texts(out, s, NULL, 3);
        hr_emit_texts(out, s, NULL, 3);
        break;
    case 's': /* a single value among columns */
        hr_emit_int64s(out, n, NULL, 3);
        hr_emit_str(out, "a");
        break;
    default: /* columns in a row that was begun */
        hr_emit_long(out, 1);
        hr_emit_texts(out, s, NULL, 3);
    }
    if (*(const char *)arg != 'u') hr_emit_end(out);
    return 0;
}

static hr_status whole_in_values(void *arg, const struct hr_row *row, struct hr_emitter *out,
                                 struct hr_err *err)
{
    static const int64_t n[] = {1};
    (void)arg, (void)row, (void)err;
    hr_emit_int64s(out, n, NULL, 1);
    hr_emit_end(out);
    return 0;
}

static hr_status whole_in_merge(void *arg, const struct hr_row *a, const struct hr_row *b,
                                struct hr_emitter *out, struct hr_err *err)
{
    (void)b;
    return whole_in_values(arg, a, out, err);
}

HR_TEST(mistakes_in_columns)
{
    static const char *const cases[][2] = {
        {"l", "output column s was given 2 values, the columns before it 3"},
        {"t", "output column n is BIGINT and was given int32_t values"},
        {"x", "output column n is BIGINT and was given texts"},
        {"c", "output column s is STRING and was given BIGINT"},
        {"n", "column 7 of a batch with 1 columns"},
        {"f", "a row ended after 1 of 2 columns"},
        {"m", "more columns than the 2 of the output"},
        {"s", "one value among whole columns"},
        {"b", "whole columns in a row that was begun"},
    };
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *one = hr_range(ctx, 0, 1, 1, 1, &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EXPECT_FAILS(hr_rdd_map_batches(one, "n LONG, s STRING", mistake,
                                        (void *)(uintptr_t)cases[i][0], &err),
                     cases[i][1]);
    struct hr_rdd *pairs = hr_rdd_zip_with_index(one, &err);
    EXPECT_FAILS(hr_rdd_map_values(pairs, "n LONG", whole_in_values, NULL, &err),
                 "whole columns from a function that sees one row");
    struct hr_rdd *twice = hr_rdd_union(pairs, pairs, &err);
    EXPECT_FAILS(hr_rdd_reduce_by_key(twice, whole_in_merge, NULL, 1, &err),
                 "whole columns from a function that sees one row");
    hr_context_free(ctx);
}

static hr_status bad_rows(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                          uint32_t *ret_count, struct hr_err *err)
{
    (void)in;
    switch (*(const char *)arg) {
    case 'd': ret_rows[0] = 3, ret_rows[1] = 2; break;
    case 'e': ret_rows[0] = 3, ret_rows[1] = 3; break;
    case 'o': ret_rows[0] = 3, ret_rows[1] = 1000; break;
    case 'g': ret_rows[0] = 1, ret_rows[1] = 2; break; /* 2 was filtered out */
    case 'c': *ret_count = in->live_count + 1; return 0;
    default: return hr_err_fail(err, "no selection");
    }
    *ret_count = 2;
    return 0;
}

HR_TEST(mistakes_in_selections)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context();
    struct hr_rdd *ten = hr_range(ctx, 0, 10, 1, 1, &err);
    struct hr_rdd *odds = hr_rdd_filter_batches(ten, odd, NULL, &err);
    EXPECT_FAILS(hr_rdd_filter_batches(ten, bad_rows, (char[]){"d"}, &err), "2 comes after 3");
    EXPECT_FAILS(hr_rdd_filter_batches(ten, bad_rows, (char[]){"e"}, &err), "3 comes after 3");
    EXPECT_FAILS(hr_rdd_filter_batches(ten, bad_rows, (char[]){"o"}, &err), "row 1000 is kept");
    EXPECT_FAILS(hr_rdd_filter_batches(odds, bad_rows, (char[]){"o"}, &err), "row 1000 is kept");
    EXPECT_FAILS(hr_rdd_filter_batches(odds, bad_rows, (char[]){"g"}, &err), "row 2 is kept");
    EXPECT_FAILS(hr_rdd_filter_batches(odds, bad_rows, (char[]){"c"}, &err),
                 "6 rows kept of a batch of 5");
    EXPECT_FAILS(hr_rdd_filter_batches(ten, bad_rows, (char[]){"u"}, &err), "no selection");
    hr_context_free(ctx);
}

/* --- Streams ---------------------------------------------------------------------------------- */

static hr_status take_text(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    snprintf(arg, 256, "%s", text_of(rows));
    return 0;
}

HR_TEST(streams_of_batches)
{
    struct hr_err err = {0};
    char out[256] = "";
    struct hr_context_options options = {.threads = 1, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, 1000000, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "id LONG", true, &err);
    struct hr_dstream *odds = hr_dstream_filter_batches(in, odd, NULL, &err);
    struct hr_dstream *ds = hr_dstream_map_batches(odds, "n LONG, nn LONG", squares, NULL, &err);
    HR_EXPECT_TRUE(hr_dstream_foreach_rdd(ds, take_text, out, &err) == 0);
    HR_EXPECT_TRUE(hr_streaming_start(ssc, &err) == 0);
    HR_EXPECT_TRUE(hr_queue_push(in, hr_range(ctx, 0, 6, 1, 2, &err), &err) == 0);
    HR_EXPECT_TRUE(hr_streaming_step(ssc, &err) == 0);
    HR_EXPECT_EQ_STR(out, "(1,1) (3,9) (5,25) ");
    HR_EXPECT_TRUE(hr_queue_push(in, hr_range(ctx, 6, 10, 1, 2, &err), &err) == 0);
    HR_EXPECT_TRUE(hr_streaming_step(ssc, &err) == 0);
    HR_EXPECT_EQ_STR(out, "(7,49) (9,81) ");
    HR_EXPECT_EQ_STR(err.msg, "");
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}
