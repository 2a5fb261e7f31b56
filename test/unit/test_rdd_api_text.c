/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in functions: searching and splitting beside plain models, and emitting parts of the input,
 * which share its bytes. */
#include <headrace/headrace.h>

#include "hr_test.h"

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return *seed;
}

/* --- contains --------------------------------------------------------------------------------- */

static bool plain_contains(struct hr_text text, struct hr_text part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0) return true;
    return false;
}

/* Two letters only, so that many places are nearly right. The buffers have the exact sizes: a read
 * beyond the end is seen by the sanitizer. */
HR_TEST(contains_as_a_plain_search)
{
    uint64_t seed = 42;
    int hits = 0;
    for (int round = 0; round < 20000; round++) {
        size_t len = next(&seed) % 80, part_len = next(&seed) % 12;
        char *text = malloc(len + 1), *part = malloc(part_len + 1);
        for (size_t i = 0; i < len; i++) text[i] = next(&seed) % 4 ? 'a' : 'b';
        for (size_t i = 0; i < part_len; i++) part[i] = next(&seed) % 4 ? 'a' : 'b';
        char *exact = malloc(len ? len : 1);
        memcpy(exact, text, len);
        struct hr_text t = {exact, len}, p = {part, part_len};
        HR_EXPECT_EQ_I64(hr_text_contains(t, p), plain_contains(t, p));
        hits += plain_contains(t, p);
        free(text), free(part), free(exact);
    }
    HR_EXPECT_TRUE(hits > 2000 && hits < 18000);
}

HR_TEST(contains_at_the_edges)
{
    struct hr_text line =
        hr_text("word00042 in front, in the middle word00043, at the end word00044");
    HR_EXPECT_TRUE(hr_text_contains(line, hr_text("word00042")));
    HR_EXPECT_TRUE(hr_text_contains(line, hr_text("word00043")));
    HR_EXPECT_TRUE(hr_text_contains(line, hr_text("word00044")));
    HR_EXPECT_FALSE(hr_text_contains(line, hr_text("word00045")));
    HR_EXPECT_TRUE(hr_text_contains(line, line));
    HR_EXPECT_TRUE(hr_text_contains(line, hr_text("")));
    HR_EXPECT_TRUE(hr_text_contains(hr_text(""), hr_text("")));
    HR_EXPECT_FALSE(hr_text_contains(hr_text(""), hr_text("a")));
    /* Many likely places: the search gives up on shortcuts and stays right. */
    char same[4097];
    memset(same, 'a', 4096);
    same[4096] = '\0';
    HR_EXPECT_FALSE(hr_text_contains(hr_text(same), hr_text("aaaabaaaa")));
    memcpy(same + 4000, "aaaabaaaa", 9);
    HR_EXPECT_TRUE(hr_text_contains(hr_text(same), hr_text("aaaabaaaa")));
}

/* --- words ------------------------------------------------------------------------------------ */

static bool plain_word(struct hr_text *rest, struct hr_text *word)
{
    size_t i = 0, k;
    while (i < rest->len && strchr(" \t\n\v\f\r", rest->ptr[i])) i++;
    for (k = i; k < rest->len && !strchr(" \t\n\v\f\r", rest->ptr[k]);) k++;
    *word = (struct hr_text){rest->ptr + i, k - i};
    *rest = (struct hr_text){rest->ptr + k, rest->len - k};
    return k > i;
}

HR_TEST(words_as_a_plain_split)
{
    static const char letters[] = " \t\n\v\f\r\x08\x0e\x1f!az\x7f\x80\x89\xa0\xff";
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t len = next(&seed) % 90, spaces = 1 + next(&seed) % 20;
        char *bytes = malloc(len ? len : 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = next(&seed) % spaces ? letters[6 + next(&seed) % (sizeof letters - 7)]
                                            : letters[next(&seed) % 6];
        struct hr_text a = {bytes, len}, b = a, word, expected;
        for (bool more = true; more;) {
            more = plain_word(&b, &expected);
            HR_EXPECT_EQ_I64(hr_text_next_word(&a, &word), more);
            HR_EXPECT_EQ_PTR(a.ptr, b.ptr);
            HR_EXPECT_EQ_U64(a.len, b.len);
            if (more) HR_EXPECT_TRUE(word.ptr == expected.ptr && word.len == expected.len);
        }
        free(bytes);
    }
}

/* --- Emitting parts of the input -------------------------------------------------------------- */

/* Texts of 0 to 40 bytes: "", "a", "ab" … as lines of one width. */
static hr_status fill_lengths(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    char bytes[64];
    (void)arg, (void)err;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)('a' + i % 26);
    for (size_t len = 0; len <= 40; len++) {
        char *exact = malloc(len ? len : 1); /* seen by the sanitizer if read beyond its end */
        memcpy(exact, bytes, len);
        hr_emit_long(out, (int64_t)len);
        hr_emit_text(out, (struct hr_text){exact, len});
        hr_emit_end(out);
        free(exact);
    }
    return 0;
}

HR_TEST(texts_of_every_length)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_rdd *rdd = hr_parallelize(ctx, "n LONG, s STRING", fill_lengths, NULL, 1, &err);
    struct hr_rows *rows = hr_rdd_collect(rdd, &err);
    HR_EXPECT_EQ_U64(hr_rows_count(rows), 41);
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        struct hr_text s = hr_row_str(row, 1);
        HR_EXPECT_EQ_I64((int64_t)s.len, hr_row_long(row, 0));
        for (size_t i = 0; i < s.len; i++) HR_EXPECT_EQ_I64(s.ptr[i], 'a' + (int)(i % 26));
    }
    hr_rows_free(rows);
    hr_context_free(ctx);
}

static hr_status fill_lines(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    char line[128];
    (void)err;
    for (int i = 0; i < *(const int *)arg; i++) {
        int len = snprintf(line, sizeof line, "key-%05d|this is the value of the line %05d|%d", i,
                           i, i % 7);
        hr_emit_text(out, (struct hr_text){line, (size_t)len});
        hr_emit_end(out);
    }
    return 0;
}

/* The line's three fields, and the line. */
static hr_status fields(void *arg, const struct hr_row *row, struct hr_emitter *out,
                        struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), field;
    (void)arg, (void)err;
    while (hr_text_next_field(&line, '|', &field)) hr_emit_text(out, field);
    hr_emit_field(out, row, 0);
    hr_emit_end(out);
    return 0;
}

static bool seventh(void *arg, const struct hr_row *row)
{
    struct hr_text line = hr_row_str(row, 0);
    (void)arg;
    return line.ptr[line.len - 1] == '6';
}

static void expect_fields(struct hr_rdd *rdd, int first, int step, uint64_t count)
{
    struct hr_err err = {0};
    char text[128];
    struct hr_rows *rows = hr_rdd_collect(rdd, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rows_count(rows), count);
    for (const struct hr_row *row; (row = hr_rows_next(rows)); first += step) {
        snprintf(text, sizeof text,
                 "(key-%05d,this is the value of the line %05d,%d,key-%05d|this "
                 "is the value of the line %05d|%d)",
                 first, first, first % 7, first, first, first % 7);
        char got[128];
        hr_row_print(row, got, sizeof got);
        HR_EXPECT_EQ_STR(got, text);
    }
    hr_rows_free(rows);
}

/* Fields are views into lines: they must outlive the lines' own batches, in caches, shuffles and
 * results, also where a filter left few of the lines. */
HR_TEST(parts_of_the_input_outlive_it)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.threads = 2, .default_parallelism = 2};
    int count = 20000;
    const char *ddl = "k STRING, v STRING, d STRING, line STRING";
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct hr_rdd *lines = hr_parallelize(ctx, "value STRING", fill_lines, &count, 2, &err);
    struct hr_rdd *some =
        hr_rdd_flat_map(hr_rdd_filter(lines, seventh, NULL, &err), ddl, fields, NULL, &err);
    expect_fields(some, 6, 7, 2857);
    struct hr_rdd *all = hr_rdd_cache(hr_rdd_map(lines, ddl, fields, NULL, &err), &err);
    expect_fields(all, 0, 1, 20000);
    expect_fields(all, 0, 1, 20000);
    expect_fields(hr_rdd_sort_by(all, "line", 3, &err), 0, 1, 20000);
    expect_fields(hr_rdd_sort_by(some, "line", 3, &err), 6, 7, 2857);
    hr_context_free(ctx);
}
