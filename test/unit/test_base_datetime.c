/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar, zones, Spark's casts between text and time, Java's patterns, intervals. */
#include "base/arena.h"
#include "base/datetime.h"
#include "base/tz.h"
#include "hr_test.h"

/* Day by day from 0001-01-01 to 9999-12-31, by a calendar that only knows how to add one. */
HR_TEST(civil_every_day)
{
    int64_t day = hr_days_from_civil(1, 1, 1);
    HR_EXPECT_EQ_I64(day, -719162);
    HR_EXPECT_EQ_I64(hr_days_from_civil(1970, 1, 1), 0);
    for (int y = 1; y <= 9999; y++) {
        for (int m = 1; m <= 12; m++) {
            static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
            int n = lengths[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 || y % 400 == 0));
            HR_ASSERT_TRUE(hr_days_in_month(y, m) == n);
            for (int d = 1; d <= n; d++, day++) {
                int32_t year, month, dom;
                hr_civil_from_days(day, &year, &month, &dom);
                HR_ASSERT_TRUE(year == y && month == m && dom == d &&
                               hr_days_from_civil(y, m, d) == day);
            }
        }
    }
    HR_EXPECT_EQ_I64(day, 2932897);
    struct hr_civil c = hr_civil_from_us(-1);
    HR_EXPECT_TRUE(c.year == 1969 && c.hour == 23 && c.second == 59 && c.us == 999999);
    HR_EXPECT_EQ_I64(hr_us_from_civil(&c), -1);
}

static int64_t instant(const char *text)
{
    int64_t us = 0;
    HR_EXPECT_TRUE(hr_parse_timestamp(hr_sv(text), hr_tz_utc(), &us));
    return us;
}

HR_TEST(tz_berlin_changes)
{
    const struct hr_tz *berlin = hr_tz_find(hr_sv("Europe/Berlin"));
    HR_ASSERT_TRUE(berlin != NULL);
    HR_EXPECT_TRUE(hr_tz_find(hr_sv("Europe/Berlin")) == berlin);
    int64_t spring = instant("2024-03-31 01:00:00"), autumn = instant("2024-10-27 01:00:00");
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, spring - 1), 3600);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, spring), 7200);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, autumn - 1), 7200);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, autumn), 3600);
    HR_EXPECT_EQ_STR(hr_tz_abbreviation(berlin, spring), "CEST");
    HR_EXPECT_EQ_STR(hr_tz_abbreviation(berlin, autumn), "CET");
    /* a gap moves forward, an overlap takes the earlier instant */
    HR_EXPECT_EQ_I64(hr_tz_to_utc(berlin, instant("2024-03-31 02:30:00")),
                     instant("2024-03-31 01:30:00"));
    HR_EXPECT_EQ_I64(hr_tz_to_utc(berlin, instant("2024-10-27 02:30:00")),
                     instant("2024-10-27 00:30:00"));
    HR_EXPECT_EQ_I64(hr_tz_to_utc(berlin, instant("2024-10-27 03:00:00")),
                     instant("2024-10-27 02:00:00"));
    /* beyond the file's own transitions, by the rule and by the 400-year cycle */
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, instant("2150-07-01 00:00:00")), 7200);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, instant("9999-07-01 00:00:00")), 7200);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, instant("9999-12-31 00:00:00")), 3600);
    HR_EXPECT_EQ_I64(hr_tz_offset_at(berlin, instant("1880-01-01 00:00:00")),
                     3208); /* local mean time */
}

/* The span that comes with an offset must be true at its ends. */
HR_TEST(tz_spans)
{
    static const char *const names[] = {"Europe/Berlin",
                                        "America/New_York",
                                        "Australia/Lord_Howe",
                                        "Asia/Kolkata",
                                        "Africa/Casablanca",
                                        "Europe/Dublin",
                                        "Pacific/Apia",
                                        "UTC",
                                        "+05:30"};
    for (size_t z = 0; z < HR_COUNT(names); z++) {
        const struct hr_tz *tz = hr_tz_find(hr_sv(names[z]));
        HR_ASSERT_TRUE(tz != NULL);
        for (int64_t us = instant("1850-01-01 00:00:00"); us < instant("2600-01-01 00:00:00");
             us += INT64_C(777777777777777)) {
            int64_t from, until;
            int32_t offset = hr_tz_offset_span(tz, us, &from, &until);
            HR_ASSERT_TRUE(from <= us && us < until && offset == hr_tz_offset_at(tz, us));
            if (from > INT64_MIN) HR_ASSERT_TRUE(hr_tz_offset_at(tz, from) == offset);
            if (until < INT64_MAX) HR_ASSERT_TRUE(hr_tz_offset_at(tz, until - 1) == offset);
            /* every instant that is not in an overlap comes back */
            int64_t local = hr_tz_to_local(tz, us), back = hr_tz_to_utc(tz, local);
            HR_ASSERT_TRUE(back == us || hr_tz_to_local(tz, back) == local);
        }
    }
}

HR_TEST(tz_names)
{
    static const char *const bad[] = {"",
                                      "Nowhere/City",
                                      "../../etc/passwd",
                                      "/etc/passwd",
                                      "Europe/../Berlin",
                                      "Europe//Berlin",
                                      "Europe/Berlin/",
                                      "posix/Europe/Berlin",
                                      "zone.tab",
                                      "tzdata.zi",
                                      "Europe",
                                      "+19:00",
                                      "+1:2:3",
                                      "+",
                                      "GMT+",
                                      "UTC 1",
                                      "+01:60",
                                      "leapseconds",
                                      "Europe/Berlin\n"};
    for (size_t i = 0; i < HR_COUNT(bad); i++)
        if (!HR_EXPECT_TRUE(hr_tz_find(hr_sv(bad[i])) == NULL)) puts(bad[i]);
    static const struct {
        const char *name, *printed;
        int32_t offset;
    } fixed[] = {{"Z", "UTC", 0},
                 {"+2", "+02:00", 7200},
                 {"+02", "+02:00", 7200},
                 {"-0330", "-03:30", -12600},
                 {"+05:30", "+05:30", 19800},
                 {"UTC+1", "UTC+01:00", 3600},
                 {"GMT-3", "GMT-03:00", -10800},
                 {"+18:00", "+18:00", 64800},
                 {"+01:02:03", "+01:02:03", 3723},
                 {"GMT", "GMT", 0},
                 {"+7:03", "+07:03", 25380},
                 {"+07:3", "+07:03", 25380}};
    for (size_t i = 0; i < HR_COUNT(fixed); i++) {
        const struct hr_tz *tz = hr_tz_find(hr_sv(fixed[i].name));
        HR_ASSERT_TRUE(tz != NULL);
        HR_EXPECT_EQ_STR(hr_tz_name(tz), fixed[i].printed);
        HR_EXPECT_EQ_I64(hr_tz_offset_at(tz, 0), fixed[i].offset);
    }
    HR_EXPECT_EQ_STR(hr_tz_name(hr_tz_find(hr_sv("PST"))), "America/Los_Angeles");
}

HR_TEST(cast_text_to_time)
{
    static const struct {
        const char *text, *timestamp, *date; /* NULL: malformed */
    } cases[] = {
        {"2024", "2024-01-01 00:00:00", "2024-01-01"},
        {"2024-2", "2024-02-01 00:00:00", "2024-02-01"},
        {" 2024-2-29 ", "2024-02-29 00:00:00", "2024-02-29"},
        {"2023-02-29", NULL, NULL},
        {"2024-1-1 1", "2024-01-01 01:00:00", "2024-01-01"},
        {"2024-01-01T12:3", "2024-01-01 12:03:00", "2024-01-01"},
        {"2024-01-01 12:30:15.1234567", "2024-01-01 12:30:15.123456", "2024-01-01"},
        {"2024-01-01 12:30:15.1234567890123456789012345678901234567890",
         "2024-01-01 12:30:15.123456", "2024-01-01"},
        {"99999999999999999999999999999999999999999-01-01", NULL, NULL},
        {"2024-01-01 12:30:15.5Z", "2024-01-01 12:30:15.5", "2024-01-01"},
        {"2024-01-01 12:30:15 Europe/Berlin", "2024-01-01 11:30:15", "2024-01-01"},
        {"2024-01-01 12:30:15+1:00", "2024-01-01 11:30:15", "2024-01-01"},
        {"2024-01-01 12:30:15 Mars/Base", NULL, "2024-01-01"},
        {"2024-01-01 12:30Z", NULL, "2024-01-01"},
        {"2024-01-01T", NULL, "2024-01-01"},
        {"2024-01-01 24:00:00", NULL, "2024-01-01"},
        {"2024-01-01 12:60", NULL, "2024-01-01"},
        {"2024-13-01", NULL, NULL},
        {"+2024-01-01", "2024-01-01 00:00:00", "2024-01-01"},
        {"-0001-01-01", "-0001-01-01 00:00:00", "-0001-01-01"},
        {"12024-01-01", "+12024-01-01 00:00:00", "+12024-01-01"},
        {"1234567-01-01", NULL, "+1234567-01-01"},
        {"12345678-01-01", NULL, NULL},
        {"24", NULL, NULL},
        {"", NULL, NULL},
        {"  ", NULL, NULL},
        {"abc", NULL, NULL},
        {"2024-", NULL, NULL},
        {"2024-01-01x", NULL, NULL},
        {"2024/01/01", NULL, NULL},
        {"-", NULL, NULL},
        {"2024-111-01", NULL, NULL},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        char text[48];
        int64_t us;
        int32_t days;
        bool ok = hr_parse_timestamp(hr_sv(cases[i].text), hr_tz_utc(), &us);
        if (!HR_EXPECT_EQ_I64(ok, cases[i].timestamp != NULL)) puts(cases[i].text);
        if (ok && cases[i].timestamp)
            HR_EXPECT_EQ_BYTES(text, hr_format_timestamp(us, hr_tz_utc(), text),
                               cases[i].timestamp);
        ok = hr_parse_date(hr_sv(cases[i].text), &days);
        if (!HR_EXPECT_EQ_I64(ok, cases[i].date != NULL)) puts(cases[i].text);
        if (ok && cases[i].date)
            HR_EXPECT_EQ_BYTES(text, hr_format_date(days, text), cases[i].date);
    }
    int64_t us;
    HR_EXPECT_TRUE(hr_parse_timestamp(hr_sv("12:30:01"), hr_tz_utc(), &us) &&
                   us % HR_US_PER_DAY == 45001000000);
    HR_EXPECT_FALSE(hr_parse_timestamp_ntz(hr_sv("12:30:01"), &us));
    HR_EXPECT_TRUE(hr_parse_timestamp_ntz(hr_sv("1970-01-02 00:00:00+05:00"), &us) &&
                   us == HR_US_PER_DAY);
}

/* Patterns ------------------------------------------------------------------------------------ */

/* Parses text and prints what it gave, both by pattern; NULL: must not parse. */
static void check_pattern(const char *pattern, const char *text, const char *zone, const char *utc,
                          const char *again)
{
    struct hr_arena arena = {0};
    struct hr_time_format *format;
    struct hr_buf buf = {0};
    struct hr_err err;
    int64_t us = 0;
    const struct hr_tz *tz = hr_tz_find(hr_sv(zone));
    if (!HR_EXPECT_OK(hr_time_format_compile(&arena, hr_sv(pattern), &format, &err)))
        puts(err.msg);
    else {
        bool ok = hr_time_format_parse(format, hr_sv(text), tz, &us);
        if (!HR_EXPECT_EQ_I64(ok, utc != NULL)) printf("  %s by %s\n", text, pattern);
        if (ok && utc) {
            char printed[48];
            HR_EXPECT_EQ_BYTES(printed, hr_format_timestamp(us, hr_tz_utc(), printed), utc);
            hr_time_format_print(format, hr_tz_to_local(tz, us), tz, &buf);
            HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), again ? again : text);
        }
    }
    hr_buf_done(&buf);
    hr_arena_done(&arena);
}

HR_TEST(patterns_parse_and_print)
{
    const char *berlin = "Europe/Berlin";
    check_pattern("yyyy-MM-dd HH:mm:ss", "2024-07-01 12:34:56", berlin, "2024-07-01 10:34:56",
                  NULL);
    check_pattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "2024-07-01T12:34:56.123456+02:00", berlin,
                  "2024-07-01 10:34:56.123456", NULL);
    check_pattern("yyyy-MM-dd HH:mm:ss[.SSS][XXX]", "2024-07-01 12:34:56", berlin,
                  "2024-07-01 10:34:56", "2024-07-01 12:34:56.000+02:00");
    check_pattern("yyyyMMddHHmmssSSS", "20240701123456789", "UTC", "2024-07-01 12:34:56.789", NULL);
    check_pattern("dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "UTC",
                  "2000-10-10 20:55:36", "10/Oct/2000:20:55:36 +0000");
    check_pattern("EEE, d MMM yyyy h:mm a z", "Wed, 3 Jul 2024 1:05 PM CEST", berlin,
                  "2024-07-03 11:05:00", NULL);
    check_pattern("EEEE MMMM d y 'o''clock'", "WEDNESDAY july 3 2024 O'Clock", "UTC",
                  "2024-07-03 00:00:00", "Wednesday July 3 2024 o'clock");
    check_pattern("EEE yyyy-MM-dd", "Mon 2024-07-03", "UTC", NULL, NULL);
    check_pattern("yyyy-DDD", "2024-366", "UTC", "2024-12-31 00:00:00", NULL);
    check_pattern("yyyy-DDD", "2023-366", "UTC", NULL, NULL);
    check_pattern("yyyy-MM-dd VV", "2024-01-01 Asia/Tokyo", "Asia/Tokyo", "2023-12-31 15:00:00",
                  NULL);
    check_pattern("y-M-d K:m a O", "2024-1-2 0:5 PM GMT+8", "+08:00", "2024-01-02 04:05:00", NULL);
    check_pattern("k", "24", "UTC", "1970-01-01 00:00:00", NULL);
    check_pattern("yy", "24", "UTC", "2024-01-01 00:00:00", NULL);
    check_pattern("G yyyy", "BC 0001", "UTC", "0000-01-01 00:00:00", NULL);
    check_pattern("yyyy", "+12024", "UTC", "+12024-01-01 00:00:00", NULL);
    check_pattern("yyyy", "12024", "UTC", NULL, NULL);
    check_pattern("yyyy", "024", "UTC", NULL, NULL);
    check_pattern("HH:mm", "24:00", "UTC", NULL, NULL);
    check_pattern("yyyy-MM-dd", "2023-02-29", "UTC", NULL, NULL);
    check_pattern("yyyy-MM-dd", "2024-02-09 ", "UTC", NULL, NULL);
    check_pattern("d", "7", "UTC", "1970-01-07 00:00:00", NULL);
    check_pattern("dd", "7", "UTC", NULL, NULL);
    check_pattern("ss.SSS", "05.5", "UTC", "1970-01-01 00:00:05.5", "05.500");
    check_pattern("ZZZZ xxx ZZZZZ", "GMT+02:00 +02:00 +02:00", "+02:00", "1969-12-31 22:00:00",
                  NULL);
    check_pattern("X x", "Z +00", "UTC", "1970-01-01 00:00:00", NULL);
    check_pattern("QQQ yyyy-MM", "Q1 2024-02", "UTC", "2024-02-01 00:00:00", NULL);
    check_pattern("[yyyy][MM]", "", "UTC", "1970-01-01 00:00:00", "197001");
}

HR_TEST(patterns_refused)
{
    static const char *const bad[] = {
        "YYYY", "'abc", "]", "yyyyyyy", "ddd", "B",          "V",
        "OO",   "{",    "#", "w",       "e",   "SSSSSSSSSS", "[[[[[[[[[[[[[[[[[y"};
    for (size_t i = 0; i < HR_COUNT(bad); i++) {
        struct hr_arena arena = {0};
        struct hr_time_format *format = NULL;
        if (!HR_EXPECT_TRUE(hr_time_format_compile(&arena, hr_sv(bad[i]), &format, NULL) != HR_OK))
            puts(bad[i]);
        HR_EXPECT_TRUE(format == NULL);
        hr_arena_done(&arena);
    }
}

HR_TEST(intervals)
{
    struct hr_buf b = {0};
    hr_format_interval_dt(INT64_C(93784500000), HR_IV_DAY, HR_IV_SECOND, &b);
    hr_buf_putc(&b, '|');
    hr_format_interval_dt(INT64_MIN, HR_IV_DAY, HR_IV_SECOND, &b);
    hr_buf_putc(&b, '|');
    hr_format_interval_dt(-5500000, HR_IV_SECOND, HR_IV_SECOND, &b);
    hr_buf_putc(&b, '|');
    hr_format_interval_dt(7200000000, HR_IV_HOUR, HR_IV_MINUTE, &b);
    hr_buf_putc(&b, '|');
    hr_format_interval_dt(0, HR_IV_DAY, HR_IV_DAY, &b);
    HR_EXPECT_EQ_STR(
        hr_buf_cstr(&b),
        "INTERVAL '1 02:03:04.5' DAY TO SECOND|INTERVAL '-106751991 04:00:54.775808' DAY TO SECOND|"
        "INTERVAL '-05.5' SECOND|INTERVAL '02:00' HOUR TO MINUTE|INTERVAL '0' DAY");
    hr_buf_clear(&b);
    hr_format_interval_ym(-14, HR_IV_YEAR, HR_IV_MONTH, &b);
    hr_format_interval_ym(14, HR_IV_MONTH, HR_IV_MONTH, &b);
    hr_format_interval_ym(INT32_MIN, HR_IV_YEAR, HR_IV_YEAR, &b);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&b),
                     "INTERVAL '-1-2' YEAR TO MONTHINTERVAL '14' MONTHINTERVAL '-178956970' YEAR");
    hr_buf_done(&b);
}
