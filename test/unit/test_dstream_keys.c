/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of more than one column on streams, keys that a window's filter drops, and text files that
 * are written over. */
#include <headrace/headrace.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/env.h"
#include "hr_test.h"

#define SECOND 1000000

struct text {
    char text[512];
};

static hr_status show(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct text *out = arg;
    (void)time_us;
    struct hr_rdd *sorted = hr_rdd_sort_by(rdd, "city, year", 1, err);
    struct hr_rows *rows = hr_rdd_collect(sorted, err);
    if (!rows) return err->code;
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        size_t at = strlen(out->text);
        hr_row_print(row, out->text + at, sizeof out->text - at);
        at = strlen(out->text);
        snprintf(out->text + at, sizeof out->text - at, " ");
    }
    hr_rows_free(rows);
    return 0;
}

static hr_status fill_cities(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    for (int i = 0; i < 6; i++) {
        hr_emit_str(out, i % 2 ? "a" : "b");
        hr_emit_long(out, i / 3);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static struct hr_rdd *two_keys(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)time_us;
    return hr_rdd_with_keys(rdd, 2, err);
}

enum op { REDUCE, WINDOW, INVERSE, GROUP, FILTERED, PLAIN, OPS };

static bool all(void *arg, const struct hr_row *row)
{
    (void)arg, (void)row;
    return true;
}

static struct hr_dstream *apply(enum op op, struct hr_dstream *in, struct hr_err *err)
{
    switch (op) {
    case REDUCE: return hr_dstream_reduce_by_key(in, hr_sum, NULL, 0, err);
    case WINDOW:
        return hr_dstream_reduce_by_key_and_window(in, hr_sum, NULL, NULL, NULL, 2 * SECOND, SECOND,
                                                   0, err);
    case INVERSE:
        return hr_dstream_reduce_by_key_and_window(in, hr_sum, hr_subtract, NULL, NULL, 2 * SECOND,
                                                   SECOND, 0, err);
    case GROUP: return hr_dstream_group_by_key(in, 0, err);
    case FILTERED:
        return hr_dstream_reduce_by_key(hr_dstream_filter(in, all, NULL, err), hr_sum, NULL, 0,
                                        err);
    default: return hr_dstream_filter(in, all, NULL, err); /* has no use for keys */
    }
}

/* with_keys: in front of the operation, or (0) not. */
static void run_keys(enum op op, uint32_t with_keys, struct text *out, struct hr_err *err)
{
    struct hr_context *ctx =
        hr_context_new(&(struct hr_context_options){.manual_clock = true, .threads = 2}, err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, err);
    struct hr_dstream *in = hr_queue_stream(ssc, "city STRING, year LONG, n LONG", true, err);
    struct hr_dstream *keyed = hr_dstream_transform(in, NULL, two_keys, NULL, err);
    if (with_keys) keyed = hr_dstream_with_keys(keyed, with_keys, err);
    *out = (struct text){""};
    HR_EXPECT_OK(hr_dstream_foreach_rdd(apply(op, keyed, err), show, out, err));
    HR_EXPECT_OK(hr_streaming_start(ssc, err));
    HR_EXPECT_OK(hr_queue_push(
        in, hr_parallelize(ctx, "city STRING, year LONG, n LONG", fill_cities, NULL, 2, err), err));
    if (hr_streaming_step(ssc, err) == 0) HR_EXPECT_EQ_STR(err->msg, "");
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(keys_of_a_transformed_stream)
{
    for (enum op op = 0; op < OPS; op++) {
        struct hr_err err = {0};
        struct text out;
        run_keys(op, 0, &out, &err);
        if (op == PLAIN) {
            HR_EXPECT_EQ_STR(out.text, "(a,0,1) (a,1,1) (a,1,1) (b,0,1) (b,0,1) (b,1,1) ");
            continue;
        }
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
        HR_EXPECT_TRUE(strstr(err.msg, "hr_dstream_with_keys(stream, 2, err)") != NULL);
        HR_EXPECT_EQ_STR(out.text, "");
        hr_err_init(&err);
        run_keys(op, 2, &out, &err);
        HR_EXPECT_EQ_STR(out.text, op == GROUP ? "(a,0,[1]) (a,1,[1, 1]) (b,0,[1, 1]) (b,1,[1]) "
                                               : "(a,0,1) (a,1,2) (b,0,2) (b,1,1) ");
    }
}

/* --- A filter beside an inverse --------------------------------------------------------------- */

static hr_status fill_value(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_emit_str(out, "a");
    hr_emit_long(out, 0);
    hr_emit_long(out, *(int64_t *)arg);
    hr_emit_end(out);
    return 0;
}

static bool not_zero(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 2) != 0;
}

/* As Spark's ReducedWindowedDStream: a dropped key begins anew with its new values. */
HR_TEST(a_key_that_the_filter_dropped_begins_anew)
{
    static int64_t VALUES[] = {1, -1, 5, 0, 0, 2};
    struct hr_err err = {0};
    struct text out = {""};
    struct hr_context *ctx =
        hr_context_new(&(struct hr_context_options){.manual_clock = true, .threads = 2}, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "city STRING, year LONG, n LONG", true, &err);
    struct hr_dstream *keyed = hr_dstream_with_keys(in, 2, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(
        hr_dstream_reduce_by_key_and_window(keyed, hr_sum, hr_subtract, not_zero, NULL, 2 * SECOND,
                                            SECOND, 0, &err),
        show, &out, &err));
    HR_ASSERT_OK(hr_streaming_start(ssc, &err));
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        if (VALUES[i])
            HR_EXPECT_OK(hr_queue_push(in,
                                       hr_parallelize(ctx, "city STRING, year LONG, n LONG",
                                                      fill_value, &VALUES[i], 1, &err),
                                       &err));
        HR_EXPECT_OK(hr_streaming_step(ssc, &err));
        size_t at = strlen(out.text);
        snprintf(out.text + at, sizeof out.text - at, "; ");
    }
    HR_EXPECT_EQ_STR(out.text, "(a,0,1) ; ; (a,0,5) ; (a,0,6) ; (a,0,1) ; (a,0,3) ; ");
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

/* --- saveAsTextFiles -------------------------------------------------------------------------- */

static char folder[64];

static void save(const char *line, bool checkpoint, bool goes_on, const char *expected)
{
    struct hr_err err = {0};
    char path[128];
    struct hr_context *ctx =
        hr_context_new(&(struct hr_context_options){.manual_clock = true}, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "value STRING", true, &err);
    snprintf(path, sizeof path, "%s/lines", folder);
    HR_EXPECT_OK(hr_dstream_save_as_text_files(in, path, NULL, &err));
    snprintf(path, sizeof path, "%s/ckpt", folder);
    if (!goes_on) HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), path, &err));
    if (checkpoint) HR_EXPECT_OK(hr_streaming_checkpoint(ssc, path, &err));
    HR_ASSERT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_OK(hr_queue_push(in, hr_parallelize_strings(ctx, &line, 1, 1, &err), &err));
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    struct hr_buf text = {0};
    snprintf(path, sizeof path, "%s/lines-1000/part-00000", folder);
    HR_EXPECT_OK(hr_env_read_file(hr_env_default(), path, &text, &err));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&text), expected);
    hr_buf_done(&text);
}

HR_TEST(another_run_writes_over_text_files)
{
    snprintf(folder, sizeof folder, "/tmp/hr-save-XXXXXX");
    HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
    save("first", false, false, "first\n");
    save("second", false, false, "second\n");
    save("third", true, false, "third\n");
    save("fourth", true, false, "fourth\n"); /* another checkpoint */
    save("fifth", false, false, "fifth\n");
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), folder, NULL));
}
