/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every window operation for lengths and slides that are smaller than, equal to and larger than
 * each other, in every mode of the harness.
 *
 * The texts are what Spark 4.2.0 (Scala, manual clock) gave over the same batches, but for the
 * inverse forms with a slide longer than the window: there Spark counts the batches between two
 * windows as well, and Headrace does not.
 */
#include "dstream_harness.h"

static hr_status number_only(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_field(out, row, hr_row_columns(row) - 1);
    hr_emit_end(out);
    return 0;
}

static hr_status word_and_count(void *arg, const struct hr_row *row, struct hr_emitter *out,
                                struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_field(out, row, 0);
    hr_emit_field(out, row, 2);
    hr_emit_end(out);
    return 0;
}

static bool not_zero(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 1) != 0;
}

static hr_status ten_times(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 1) * 10);
    hr_emit_end(out);
    return 0;
}

/* --- Lengths and slides ----------------------------------------------------------------------- */

struct window_case {
    int length, slide; /* seconds */
    /* the sum of each key in the window; with an inverse and nothing that drops zeros; counts;
     * the sum of all; groups */
    const char *sums, *inverse, *count, *sum, *groups;
};

static const struct window_case WINDOWS[] = {
    {1, 1, "1: (a,2) (b,1); 2: (b,1); 3:; 4: (a,1) (c,1); 5: (c,2); 6:; 7:; 8: (a,1) (b,1); ",
     "1: (a,2) (b,1); 2: (a,0) (b,1); 3: (a,0) (b,0); 4: (a,1) (b,0) (c,1); "
     "5: (a,0) (b,0) (c,2); 6: (a,0) (b,0) (c,0); 7: (a,0) (b,0) (c,0); "
     "8: (a,1) (b,1) (c,0); ",
     "1: 3; 2: 1; 3: 0; 4: 2; 5: 2; 6: 0; 7: 0; 8: 2; ",
     "1: 3; 2: 1; 3:; 4: 2; 5: 2; 6:; 7:; 8: 2; ",
     "1: (a,[1, 1]) (b,[1]); 2: (b,[1]); 3:; 4: (a,[1]) (c,[1]); 5: (c,[1, 1]); 6:; 7:; "
     "8: (a,[1]) (b,[1]); "},
    {1, 2, "2: (b,1); 4: (a,1) (c,1); 6:; 8: (a,1) (b,1); ",
     "2: (b,1); 4: (a,1) (c,1); 6:; 8: (a,1) (b,1); ", "2: 1; 4: 2; 6: 0; 8: 2; ",
     "2: 1; 4: 2; 6:; 8: 2; ", "2: (b,[1]); 4: (a,[1]) (c,[1]); 6:; 8: (a,[1]) (b,[1]); "},
    {1, 3, "3:; 6:; ", "3:; 6:; ", "3: 0; 6: 0; ", "3:; 6:; ", "3:; 6:; "},
    {1, 4, "4: (a,1) (c,1); 8: (a,1) (b,1); ", "4: (a,1) (c,1); 8: (a,1) (b,1); ", "4: 2; 8: 2; ",
     "4: 2; 8: 2; ", "4: (a,[1]) (c,[1]); 8: (a,[1]) (b,[1]); "},
    {2, 1,
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (b,1); 4: (a,1) (c,1); 5: (a,1) (c,3); "
     "6: (c,2); 7:; 8: (a,1) (b,1); ",
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,0) (b,1); 4: (a,1) (b,0) (c,1); "
     "5: (a,1) (b,0) (c,3); 6: (a,0) (b,0) (c,2); 7: (a,0) (b,0) (c,0); "
     "8: (a,1) (b,1) (c,0); ",
     "1: 3; 2: 4; 3: 1; 4: 2; 5: 4; 6: 2; 7: 0; 8: 2; ",
     "1: 3; 2: 4; 3: 1; 4: 2; 5: 4; 6: 2; 7:; 8: 2; ",
     "1: (a,[1, 1]) (b,[1]); 2: (a,[1, 1]) (b,[1, 1]); 3: (b,[1]); 4: (a,[1]) (c,[1]); "
     "5: (a,[1]) (c,[1, 1, 1]); 6: (c,[1, 1]); 7:; 8: (a,[1]) (b,[1]); "},
    {2, 2, "2: (a,2) (b,2); 4: (a,1) (c,1); 6: (c,2); 8: (a,1) (b,1); ",
     "2: (a,2) (b,2); 4: (a,1) (b,0) (c,1); 6: (a,0) (b,0) (c,2); 8: (a,1) (b,1) (c,0); ",
     "2: 4; 4: 2; 6: 2; 8: 2; ", "2: 4; 4: 2; 6: 2; 8: 2; ",
     "2: (a,[1, 1]) (b,[1, 1]); 4: (a,[1]) (c,[1]); 6: (c,[1, 1]); 8: (a,[1]) (b,[1]); "},
    {2, 3, "3: (b,1); 6: (c,2); ", "3: (b,1); 6: (c,2); ", "3: 1; 6: 2; ", "3: 1; 6: 2; ",
     "3: (b,[1]); 6: (c,[1, 1]); "},
    {2, 4, "4: (a,1) (c,1); 8: (a,1) (b,1); ", "4: (a,1) (c,1); 8: (a,1) (b,1); ", "4: 2; 8: 2; ",
     "4: 2; 8: 2; ", "4: (a,[1]) (c,[1]); 8: (a,[1]) (b,[1]); "},
    {3, 1,
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,1) (b,1) (c,1); "
     "5: (a,1) (c,3); 6: (a,1) (c,3); 7: (c,2); 8: (a,1) (b,1); ",
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,1) (b,1) (c,1); "
     "5: (a,1) (b,0) (c,3); 6: (a,1) (b,0) (c,3); 7: (a,0) (b,0) (c,2); "
     "8: (a,1) (b,1) (c,0); ",
     "1: 3; 2: 4; 3: 4; 4: 3; 5: 4; 6: 4; 7: 2; 8: 2; ",
     "1: 3; 2: 4; 3: 4; 4: 3; 5: 4; 6: 4; 7: 2; 8: 2; ",
     "1: (a,[1, 1]) (b,[1]); 2: (a,[1, 1]) (b,[1, 1]); 3: (a,[1, 1]) (b,[1, 1]); "
     "4: (a,[1]) (b,[1]) (c,[1]); 5: (a,[1]) (c,[1, 1, 1]); 6: (a,[1]) (c,[1, 1, 1]); "
     "7: (c,[1, 1]); 8: (a,[1]) (b,[1]); "},
    {3, 2, "2: (a,2) (b,2); 4: (a,1) (b,1) (c,1); 6: (a,1) (c,3); 8: (a,1) (b,1); ",
     "2: (a,2) (b,2); 4: (a,1) (b,1) (c,1); 6: (a,1) (b,0) (c,3); 8: (a,1) (b,1) (c,0); ",
     "2: 4; 4: 3; 6: 4; 8: 2; ", "2: 4; 4: 3; 6: 4; 8: 2; ",
     "2: (a,[1, 1]) (b,[1, 1]); 4: (a,[1]) (b,[1]) (c,[1]); 6: (a,[1]) (c,[1, 1, 1]); "
     "8: (a,[1]) (b,[1]); "},
    {3, 3, "3: (a,2) (b,2); 6: (a,1) (c,3); ", "3: (a,2) (b,2); 6: (a,1) (b,0) (c,3); ",
     "3: 4; 6: 4; ", "3: 4; 6: 4; ", "3: (a,[1, 1]) (b,[1, 1]); 6: (a,[1]) (c,[1, 1, 1]); "},
    {3, 4, "4: (a,1) (b,1) (c,1); 8: (a,1) (b,1); ", "4: (a,1) (b,1) (c,1); 8: (a,1) (b,1); ",
     "4: 3; 8: 2; ", "4: 3; 8: 2; ", "4: (a,[1]) (b,[1]) (c,[1]); 8: (a,[1]) (b,[1]); "},
    {6, 1,
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); "
     "5: (a,3) (b,2) (c,3); 6: (a,3) (b,2) (c,3); 7: (a,1) (b,1) (c,3); "
     "8: (a,2) (b,1) (c,3); ",
     "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); "
     "5: (a,3) (b,2) (c,3); 6: (a,3) (b,2) (c,3); 7: (a,1) (b,1) (c,3); "
     "8: (a,2) (b,1) (c,3); ",
     "1: 3; 2: 4; 3: 4; 4: 6; 5: 8; 6: 8; 7: 5; 8: 6; ",
     "1: 3; 2: 4; 3: 4; 4: 6; 5: 8; 6: 8; 7: 5; 8: 6; ",
     "1: (a,[1, 1]) (b,[1]); 2: (a,[1, 1]) (b,[1, 1]); 3: (a,[1, 1]) (b,[1, 1]); "
     "4: (a,[1, 1, 1]) (b,[1, 1]) (c,[1]); 5: (a,[1, 1, 1]) (b,[1, 1]) (c,[1, 1, 1]); "
     "6: (a,[1, 1, 1]) (b,[1, 1]) (c,[1, 1, 1]); 7: (a,[1]) (b,[1]) (c,[1, 1, 1]); "
     "8: (a,[1, 1]) (b,[1]) (c,[1, 1, 1]); "},
    {6, 2, "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 6: (a,3) (b,2) (c,3); 8: (a,2) (b,1) (c,3); ",
     "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 6: (a,3) (b,2) (c,3); 8: (a,2) (b,1) (c,3); ",
     "2: 4; 4: 6; 6: 8; 8: 6; ", "2: 4; 4: 6; 6: 8; 8: 6; ",
     "2: (a,[1, 1]) (b,[1, 1]); 4: (a,[1, 1, 1]) (b,[1, 1]) (c,[1]); "
     "6: (a,[1, 1, 1]) (b,[1, 1]) (c,[1, 1, 1]); 8: (a,[1, 1]) (b,[1]) (c,[1, 1, 1]); "},
    {6, 3, "3: (a,2) (b,2); 6: (a,3) (b,2) (c,3); ", "3: (a,2) (b,2); 6: (a,3) (b,2) (c,3); ",
     "3: 4; 6: 8; ", "3: 4; 6: 8; ",
     "3: (a,[1, 1]) (b,[1, 1]); 6: (a,[1, 1, 1]) (b,[1, 1]) (c,[1, 1, 1]); "},
    {6, 4, "4: (a,3) (b,2) (c,1); 8: (a,2) (b,1) (c,3); ",
     "4: (a,3) (b,2) (c,1); 8: (a,2) (b,1) (c,3); ", "4: 6; 8: 6; ", "4: 6; 8: 6; ",
     "4: (a,[1, 1, 1]) (b,[1, 1]) (c,[1]); 8: (a,[1, 1]) (b,[1]) (c,[1, 1, 1]); "},
};

static int64_t length_of(const struct ds_bench *b)
{
    return ((const struct window_case *)b->own)->length * SECOND;
}

static int64_t slide_of(const struct ds_bench *b)
{
    return ((const struct window_case *)b->own)->slide * SECOND;
}

#define WINDOW length_of(b), slide_of(b)

DS_PROGRAM(numbers, hr_dstream_map(b->in, "n LONG", number_only, NULL, err))
DS_PROGRAM(window,
           hr_dstream_reduce_by_key(hr_dstream_window(b->in, WINDOW, err), hr_sum, NULL, 0, err))
DS_PROGRAM(reduce_by_key,
           hr_dstream_reduce_by_key_and_window(b->in, hr_sum, NULL, NULL, NULL, WINDOW, 0, err))
DS_PROGRAM(inverse, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, NULL, NULL,
                                                        WINDOW, 0, err))
DS_PROGRAM(filtered, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, not_zero, NULL,
                                                         WINDOW, 3, err))
DS_PROGRAM(count, hr_dstream_count_by_window(b->in, WINDOW, err))
/* (word,1,count) as (word,count) */
DS_PROGRAM(value, hr_dstream_map(hr_dstream_count_by_value_and_window(b->in, WINDOW, 0, err),
                                 "word STRING, n LONG", word_and_count, NULL, err))
DS_PROGRAM(reduce, hr_dstream_reduce_by_window(numbers(b, err), hr_sum, NULL, WINDOW, err))
DS_PROGRAM(group, hr_dstream_group_by_key_and_window(b->in, WINDOW, 0, err))
/* What the window reads is not an input: its RDDs of between the slides are made when it asks. */
DS_PROGRAM(late,
           hr_dstream_reduce_by_key(hr_dstream_window(hr_dstream_filter(b->in, not_zero, NULL, err),
                                                      WINDOW, err),
                                    hr_sum, NULL, 0, err))

static void check_window(const struct window_case *c)
{
    const struct {
        const char *name;
        ds_build_fn build;
        const char *expected;
    } all[] = {{"window", window, c->sums},
               {"reduceByKeyAndWindow", reduce_by_key, c->sums},
               {"reduceByKeyAndWindow with inverse", inverse, c->inverse},
               {"reduceByKeyAndWindow with inverse and filter", filtered, c->sums},
               {"countByWindow", count, c->count},
               {"countByValueAndWindow", value, c->sums},
               {"reduceByWindow", reduce, c->sum},
               {"groupByKeyAndWindow", group, c->groups},
               {"window over a filter", late, c->sums}};
    struct ds_program programs[COUNT(all)];
    char names[COUNT(all)][80];
    for (size_t i = 0; i < COUNT(all); i++) {
        snprintf(names[i], sizeof names[i], "%s of %d s every %d s", all[i].name, c->length,
                 c->slide);
        programs[i] = (struct ds_program){
            .name = names[i], .build = all[i].build, .expected = all[i].expected, .own = c};
        programs[i].alone = c->slide == 3 && (all[i].build == late || all[i].build == inverse);
    }
    ds_check_over(programs, COUNT(programs),
                  &(struct ds_input){DS_WORDS, DS_OTHERS, .quick = c->slide != 2});
}

static void check_windows_of(int length)
{
    for (size_t i = 0; i < COUNT(WINDOWS); i++)
        if (WINDOWS[i].length == length) check_window(&WINDOWS[i]);
}

HR_TEST(windows_of_1_second)
{
    check_windows_of(1);
}

HR_TEST(windows_of_2_seconds)
{
    check_windows_of(2);
}

HR_TEST(windows_of_3_seconds)
{
    check_windows_of(3);
}

HR_TEST(windows_of_6_seconds)
{
    check_windows_of(6);
}

/* --- Windows in graphs ------------------------------------------------------------------------ */

DS_PROGRAM(in_2_by_2, hr_dstream_window(b->in, 2 * SECOND, 2 * SECOND, err))
DS_PROGRAM(window_of_window,
           hr_dstream_reduce_by_key(hr_dstream_window(in_2_by_2(b, err), 4 * SECOND, 2 * SECOND,
                                                      err),
                                    hr_sum, NULL, 0, err))
DS_PROGRAM(slide_of_parent,
           hr_dstream_count(hr_dstream_window(in_2_by_2(b, err), 4 * SECOND, 0, err), err))
DS_PROGRAM(tens_4_by_4,
           hr_dstream_reduce_by_key(hr_dstream_window(hr_dstream_map_values(b->in, "n LONG",
                                                                            ten_times, NULL, err),
                                                      4 * SECOND, 4 * SECOND, err),
                                    hr_sum, NULL, 0, err))
DS_PROGRAM(join_of_windows,
           hr_dstream_join(hr_dstream_window(b->in, 3 * SECOND, 0, err),
                           hr_dstream_window(b->other, 2 * SECOND, SECOND, err), 0, err))
DS_PROGRAM(inverse_of_window,
           hr_dstream_reduce_by_key_and_window(in_2_by_2(b, err), hr_sum, hr_subtract, not_zero,
                                               NULL, 4 * SECOND, 0, 0, err))
DS_PROGRAM(maximum, hr_dstream_reduce_by_window(b->other, hr_max, NULL, 3 * SECOND, 0, err))

HR_TEST(windows_in_graphs)
{
    static const struct ds_program PROGRAMS[] = {
        {"window of a window", window_of_window,
         "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 6: (a,1) (c,3); 8: (a,1) (b,1) (c,2); ",
         .alone = true},
        {"slide of the parent", slide_of_parent, "2: 4; 4: 6; 6: 4; 8: 4; ", .alone = true},
        {"window over mapValues", tens_4_by_4, "4: (a,30) (b,20) (c,10); 8: (a,10) (b,10) (c,20); ",
         .alone = true},
        {"join of windows", join_of_windows,
         "1: (a,1,7) (a,1,7); 2: (a,1,7) (a,1,7); 3: (b,1,8) (b,1,8); "
         "4: (a,1,4) (b,1,8) (c,1,5) (c,1,6); "
         "5: (a,1,4) (c,1,5) (c,1,5) (c,1,5) (c,1,6) (c,1,6) (c,1,6); 6:; 7:; "
         "8: (a,1,2) (a,1,3) (b,1,1) (b,1,2); ",
         .alone = true},
        {"inverse over a window", inverse_of_window,
         "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 6: (a,1) (c,3); 8: (a,1) (b,1) (c,2); ",
         .alone = true},
        {"largest row of a window", maximum,
         "1: (a,7); 2: (a,7); 3: (d,9); 4: (d,9); 5: (d,9); 6: (x,6); 7: (x,2); 8: (x,3); ",
         .alone = true},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}

/* --- Late starts, empty beginnings ------------------------------------------------------------ */

static const char *const LATE[] = {"", "", "a", "", "", NULL};
DS_PROGRAM(count_3, hr_dstream_count_by_window(b->in, 3 * SECOND, 0, err))
DS_PROGRAM(inverse_2, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, NULL, NULL,
                                                          2 * SECOND, 0, 0, err))
DS_PROGRAM(filtered_2, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, not_zero,
                                                           NULL, 2 * SECOND, 0, 0, err))
/* A window that is longer than the stream will ever run. */
DS_PROGRAM(long_window,
           hr_dstream_count(hr_dstream_window(b->in, INT64_C(1000000) * 3600 * 24 * 365, 0, err),
                            err))

HR_TEST(empty_beginnings)
{
    static const struct ds_program PROGRAMS[] = {
        {"countByWindow", count_3, "1: 0; 2: 0; 3: 1; 4: 1; 5: 1; "},
        {"inverse", inverse_2, "1:; 2:; 3: (a,1); 4: (a,1); 5: (a,0); "},
        {"inverse and filter", filtered_2, "1:; 2:; 3: (a,1); 4: (a,1); 5:; "},
        {"a year", long_window, "1: 0; 2: 0; 3: 1; 4: 1; 5: 1; "},
    };
    ds_check_over(PROGRAMS, COUNT(PROGRAMS), &(struct ds_input){.words = LATE});
}

/* The clock stands between two batches at the start: slides count from the batch before. */
HR_TEST(a_start_at_any_time)
{
    struct ds_bench b = {0};
    struct ds_out out = {""};
    struct hr_err err = {0};
    ds_open(&b, &DS_MODES[1], 1000 * SECOND + 700000, NULL);
    struct hr_dstream *w = hr_dstream_window(b.in, 3 * SECOND, 2 * SECOND, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(hr_dstream_count(w, &err), ds_note, &out, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    for (int k = 0; DS_WORDS[k]; k++) HR_EXPECT_OK(ds_step(&b, DS_WORDS[k], NULL, 1, &err));
    HR_EXPECT_EQ_STR(out.text, "1002: 4; 1004: 3; 1006: 4; 1008: 2; ");
    ds_close(&b);
}
