/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times as Spark has them: DATE is days since 1970-01-01, TIMESTAMP is µs since the
 * epoch in UTC, TIMESTAMP_NTZ is µs of a wall clock without a zone; proleptic Gregorian, years
 * 0001 to 9999 when printed without a sign. Zones come from the system's tzdata.
 */
#ifndef HR_BASE_DATETIME_H
#define HR_BASE_DATETIME_H

#include "base/str.h"

#define HR_US_PER_SECOND INT64_C(1000000)
#define HR_US_PER_MINUTE (60 * HR_US_PER_SECOND)
#define HR_US_PER_HOUR (60 * HR_US_PER_MINUTE)
#define HR_US_PER_DAY (24 * HR_US_PER_HOUR)

struct hr_civil {
    int32_t year, month, day;          /* 1-based month and day */
    int32_t hour, minute, second, us;
};

int64_t hr_days_from_civil(int64_t year, int32_t month, int32_t day);
void hr_civil_from_days(int64_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day);
int32_t hr_days_in_month(int64_t year, int32_t month);
/* Splits wall-clock µs (no zone). */
struct hr_civil hr_civil_from_us(int64_t us);
/* "2024-01-31T12:34:56.789Z" with its quotes, or null for 0. */
void hr_put_json_time(int64_t us, struct hr_buf *out);
int64_t hr_us_from_civil(const struct hr_civil *civil);

/* A time zone: fixed offset or tzdata region. Immutable, cached for the process, never freed. */
struct hr_tz;
const struct hr_tz *hr_tz_utc(void);
/* "UTC", "Europe/Berlin", "+02:00", "GMT-3", "Z". NULL when unknown. */
const struct hr_tz *hr_tz_find(struct hr_str_view name);
const char *hr_tz_name(const struct hr_tz *tz);
/* Seconds east of UTC at a UTC instant. */
int32_t hr_tz_offset_at(const struct hr_tz *tz, int64_t utc_us);
/* The same, and the half-open range of instants around it that has this offset: loops over a column
 * look up once a range instead of once a row. */
int32_t hr_tz_offset_span(const struct hr_tz *tz, int64_t utc_us, int64_t *ret_from,
                          int64_t *ret_until);
/* Wall clock → UTC; in a gap the later offset's shift is added, in an overlap the earlier
 * instant. */
int64_t hr_tz_to_utc(const struct hr_tz *tz, int64_t local_us);
HR_INLINE int64_t hr_tz_to_local(const struct hr_tz *tz, int64_t utc_us)
{
    return utc_us + (int64_t)hr_tz_offset_at(tz, utc_us) * HR_US_PER_SECOND;
}

/* Spark's cast of STRING to DATE / TIMESTAMP / TIMESTAMP_NTZ (trimmed; y, y-m, y-m-d, time part
 * after T or blank, up to 9 fraction digits, zone id or offset). false: malformed. */
bool hr_parse_date(struct hr_str_view text, int32_t *ret_days);
bool hr_parse_timestamp(struct hr_str_view text, const struct hr_tz *tz, int64_t *ret_us);
bool hr_parse_timestamp_ntz(struct hr_str_view text, int64_t *ret_us);

/* TIME: nanoseconds since midnight. "h:m", "h:m:s", "h:m:s.fraction", an AM or PM behind it; how
 * many digits the fraction has. */
#define HR_NS_PER_SECOND INT64_C(1000000000)
#define HR_NS_PER_DAY    (86400 * HR_NS_PER_SECOND)
bool hr_parse_time_of_day(struct hr_str_view text, int64_t *ret_ns, int *ret_digits);
size_t hr_format_time_of_day(int64_t ns, char *out); /* as hr_format_date; 18 bytes at most */

/* Spark's cast to STRING: "2024-01-31", "2024-01-31 12:34:56.5" (fraction without trailing
 * zeros). Returns the length; out has room for 40 bytes; not NUL-terminated. */
size_t hr_format_date(int32_t days, char *out);
size_t hr_format_timestamp(int64_t us, const struct hr_tz *tz, char *out);
size_t hr_format_timestamp_ntz(int64_t us, char *out);

/* Java's DateTimeFormatter patterns, compiled once ("yyyy-MM-dd HH:mm:ss[.SSS][XXX]", quotes,
 * optional sections). Immutable after compile. */
struct hr_time_format;
struct hr_arena;
hr_status hr_time_format_compile(struct hr_arena *arena, struct hr_str_view pattern,
                                 struct hr_time_format **ret, struct hr_err *err) HR_CHECKED;
/* The error of a pattern that only prints (E, F, q, Q), as Spark has it. */
hr_status hr_time_format_check_parse(const struct hr_time_format *format,
                                     struct hr_err *err) HR_CHECKED;
/* local_us: wall clock; offset_seconds for X/x/Z/z letters. */
void hr_time_format_print(const struct hr_time_format *format, int64_t local_us,
                          const struct hr_tz *tz, struct hr_buf *out);
/* false: does not match. *ret_us is UTC where the text has a zone or tz applies. */
bool hr_time_format_parse(const struct hr_time_format *format, struct hr_str_view text,
                          const struct hr_tz *tz, int64_t *ret_us);

/* Intervals in Spark's ANSI form: "INTERVAL '1 02:03:04.5' DAY TO SECOND", "INTERVAL '1-2' YEAR TO
 * MONTH". start/end: HR_IV_… fields. */
enum { HR_IV_YEAR, HR_IV_MONTH, HR_IV_DAY, HR_IV_HOUR, HR_IV_MINUTE, HR_IV_SECOND };
void hr_format_interval_ym(int32_t months, int start, int end, struct hr_buf *out);
void hr_format_interval_dt(int64_t us, int start, int end, struct hr_buf *out);

#endif
