/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a query's figures against sums that are made the long way. */
#include "hr_test.h"
#include "stream/history.h"

#define START_S INT64_C(1700000000)

static struct hr_progress epoch_at(int64_t number, int64_t end_us, int64_t duration_us)
{
    return (struct hr_progress){
        .epoch = number,
        .timestamp_us = end_us - duration_us,
        .duration_us = duration_us,
        .input_rows = number % 7,
        .output_rows = 1,
        .watermark_us = INT64_MIN,
        .state_rows = number,
    };
}

/* Two hours of epochs, ten a second: every level has what its stretches should. */
HR_TEST(stretches_sum_up_their_epochs)
{
    struct hr_history *h = malloc(sizeof *h);
    hr_history_init(h);
    int64_t count = 72000;
    for (int64_t i = 0; i < count; i++) {
        struct hr_progress p =
            epoch_at(i, (START_S * 10 + i) * 100000 + 50000, 100 + i % 100);
        hr_history_add(h, &p);
    }
    for (uint32_t level = 0; level < HR_HISTORY_LEVELS; level++) {
        int64_t step = hr_history_step(level);
        uint32_t max = hr_history_capacity(level);
        struct hr_sample *samples = malloc(max * sizeof *samples);
        uint32_t n = hr_history_read(h, level, 0, samples, max);
        int64_t kept = HR_MIN((int64_t)max, (7200 + step - 1) / step + (START_S % step != 0));
        HR_EXPECT_EQ_I64(n, kept);
        for (uint32_t k = 0; k < n; k++) {
            int64_t rows = 0, epochs = 0, longest = 0, last = 0;
            int64_t from = HR_MAX((samples[k].start_s - START_S) * 10, (int64_t)0);
            int64_t to = HR_MIN((samples[k].start_s - START_S + step) * 10, count);
            for (int64_t i = from; i < to; i++) {
                rows += i % 7;
                epochs++;
                longest = HR_MAX(longest, 100 + i % 100);
                last = i;
            }
            HR_EXPECT_EQ_I64(samples[k].figures[HR_FIGURE_INPUT_ROWS], rows);
            HR_EXPECT_EQ_I64(samples[k].figures[HR_FIGURE_EPOCHS], epochs);
            HR_EXPECT_EQ_I64(samples[k].figures[HR_FIGURE_MAX_US], longest);
            HR_EXPECT_EQ_I64(samples[k].figures[HR_FIGURE_STATE_ROWS], last);
        }
        free(samples);
    }
    HR_EXPECT_EQ_I64(h->totals[HR_FIGURE_EPOCHS], count);
    HR_EXPECT_EQ_I64(h->epoch_count, HR_HISTORY_EPOCHS);
    hr_history_done(h);
    free(h);
}

/* A quantile is the end of its bin: at most an eighth above the truth. */
HR_TEST(quantiles_are_near)
{
    struct hr_history *h = malloc(sizeof *h);
    hr_history_init(h);
    for (int64_t i = 1; i <= 1000; i++) {
        struct hr_progress p = epoch_at(i, START_S * 1000000 + 1000, i * 10);
        hr_history_add(h, &p);
    }
    struct hr_sample s;
    HR_EXPECT_EQ_I64(hr_history_read(h, 0, 0, &s, 1), 1);
    int64_t p50 = s.figures[HR_FIGURE_P50_US], p99 = s.figures[HR_FIGURE_P99_US];
    HR_EXPECT_TRUE(p50 >= 5000 && p50 <= 5625);
    HR_EXPECT_TRUE(p99 >= 9900 && p99 <= 10000);
    HR_EXPECT_EQ_I64((int64_t)hr_history_within(h->bins, 10), 102); /* up to 1024 µs */
    HR_EXPECT_EQ_I64((int64_t)hr_history_within(h->bins, 40), 1000);
    hr_history_done(h);
    free(h);
}

/* A clock that is set back adds to the newest stretch, and loses nothing. */
HR_TEST(a_clock_set_back_loses_nothing)
{
    struct hr_history *h = malloc(sizeof *h);
    struct hr_sample s[4];
    hr_history_init(h);
    const int64_t ends_s[] = {100, 101, 50, 101, 102};
    for (int64_t i = 0; i < 5; i++) {
        struct hr_progress p = epoch_at(i, ends_s[i] * 1000000, 10);
        hr_history_add(h, &p);
    }
    HR_EXPECT_EQ_I64(hr_history_read(h, 0, 0, s, 4), 3);
    HR_EXPECT_EQ_I64(s[1].figures[HR_FIGURE_EPOCHS], 3);
    HR_EXPECT_EQ_I64(s[2].start_s, 102);
    HR_EXPECT_EQ_I64(hr_history_read(h, 0, 102, s, 4), 1);
    hr_history_done(h);
    free(h);
}

/* Reports of the same tenth of a second replace each other; the newest is the last. */
HR_TEST(reports_keep_their_distance)
{
    struct hr_history *h = malloc(sizeof *h);
    hr_history_init(h);
    for (int64_t i = 0; i < 5000; i++)
        hr_buf_put_i64(hr_history_report(h, 1000000 + i * 10000), i);
    HR_EXPECT_EQ_STR(hr_buf_cstr(hr_history_newest(h)), "4999");
    HR_EXPECT_EQ_I64(h->report_count, HR_HISTORY_REPORTS);
    uint32_t before = (h->report_newest + HR_HISTORY_REPORTS - 1) % HR_HISTORY_REPORTS;
    HR_EXPECT_EQ_STR(hr_buf_cstr(&h->reports[before]), "4989");
    hr_history_done(h);
    free(h);
}
