/* SPDX-License-Identifier: Apache-2.0 */
/* Words of files, counted:  word_count 'book/?*.txt'  (the word count of every Spark tutorial) */
#include <headrace/typed.h>
#include <inttypes.h>
#include <stdio.h>

#define PAIR(F) F(STRING, word) F(LONG, n)
HR_TYPED_ROW(pair, PAIR)

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) pair_emit(out, (struct pair){word, 1});
    return 0;
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_rdd *lines = hr_text_file(ctx, argc > 1 ? argv[1] : "README.md", 0, &err);
    struct hr_rdd *words = hr_rdd_flat_map(lines, pair_schema, split, NULL, &err);
    struct hr_rdd *counts = hr_rdd_reduce_by_key(words, hr_sum, NULL, 0, &err);
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_sort_by(counts, "n DESC, word", 1, &err), &err);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        printf(HR_TEXT_FORMAT " %" PRId64 "\n", HR_TEXT_ARGS(pair_get(row).word), pair_get(row).n);
    if (!rows) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_rows_free(rows);
    hr_context_free(ctx);
    return err.code != 0;
}
