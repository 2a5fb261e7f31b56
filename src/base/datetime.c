/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Civil dates by era arithmetic (no loops, no tables of years), Spark's casts between text and
 * dates, and the text of ANSI intervals. The parsers are Spark's state machines, segment by
 * segment, because what they accept by accident ("2024-1-1T", "12:30") is behaviour too.
 */
#include "base/datetime.h"

#include "base/decimal.h"
#include "base/env.h"

/* Calendar ------------------------------------------------------------------------------------ */

/* Years begin in March, so that the leap day is the last one; 400 years are one era of days. */
#define ERA_DAYS    146097
#define EPOCH_SHIFT 719468 /* days from 0000-03-01 to 1970-01-01 */

int64_t hr_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_SHIFT;
}

void hr_civil_from_days(int64_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    days += EPOCH_SHIFT;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    uint32_t doe = (uint32_t)(days - era * ERA_DAYS);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    int32_t month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
    *ret_day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = month;
    *ret_year = (int32_t)((int64_t)yoe + era * 400 + (month <= 2));
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t hr_days_in_month(int64_t year, int32_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && is_leap(year));
}

struct hr_civil hr_civil_from_us(int64_t us)
{
    struct hr_civil c;
    int64_t days = us / HR_US_PER_DAY, rest = us % HR_US_PER_DAY;
    if (rest < 0) {
        rest += HR_US_PER_DAY;
        days--;
    }
    hr_civil_from_days(days, &c.year, &c.month, &c.day);
    int32_t seconds = (int32_t)(rest / HR_US_PER_SECOND);
    c.us = (int32_t)(rest % HR_US_PER_SECOND);
    c.hour = seconds / 3600;
    c.minute = seconds / 60 % 60;
    c.second = seconds % 60;
    return c;
}

int64_t hr_us_from_civil(const struct hr_civil *c)
{
    int64_t seconds = hr_days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
                      c->minute * 60 + c->second;
    return seconds * HR_US_PER_SECOND + c->us;
}

/* Text to dates ------------------------------------------------------------------------------- */

/* Spark's trimAll: ASCII control characters and blanks. */
static struct hr_str_view trim_all(struct hr_str_view s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') s.ptr++, s.len--;
    while (s.len && ((unsigned char)s.ptr[s.len - 1] <= ' ')) s.len--;
    return s;
}

static bool valid_date(int64_t year, int64_t month, int64_t day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= hr_days_in_month(year, (int32_t)month);
}

bool hr_parse_date(struct hr_str_view text, int32_t *ret_days)
{
    struct hr_str_view s = trim_all(text);
    int64_t segments[3] = {1, 1, 1}, value = 0;
    int i = 0, digits = 0;
    size_t j = 0;
    if (s.len == 0) return false;
    bool negative = s.ptr[0] == '-';
    if (negative || s.ptr[0] == '+') j++;
    for (; j < s.len && s.ptr[j] != ' ' && s.ptr[j] != 'T'; j++) {
        char c = s.ptr[j];
        if (c == '-' && i < 2) {
            if (i == 0 ? digits < 4 || digits > 7 : digits < 1 || digits > 2) return false;
            segments[i++] = value;
            value = digits = 0;
        } else if (c >= '0' && c <= '9' && digits < 8) {
            value = value * 10 + (c - '0');
            digits++;
        } else {
            return false;
        }
    }
    if (i == 0 ? digits < 4 || digits > 7 : digits < 1 || digits > 2) return false;
    if (i < 2 && j < s.len) return false; /* a year, or year and month, stand alone */
    segments[i] = value;
    if (negative) segments[0] = -segments[0];
    if (!valid_date(segments[0], segments[1], segments[2])) return false;
    int64_t days = hr_days_from_civil(segments[0], (int32_t)segments[1], (int32_t)segments[2]);
    if (days < INT32_MIN || days > INT32_MAX) return false;
    *ret_days = (int32_t)days;
    return true;
}

/* Spark's parseTimestampString. Segments: year month day hour minute second fraction (zone). */
struct stamp {
    int64_t segments[9];
    struct hr_str_view zone;
    bool has_zone, just_time;
};

static bool digits_fit(int segment, int digits)
{
    if (segment == 6) return true;
    if (segment == 0) return digits >= 4 && digits <= 6;
    if (segment == 7) return digits <= 2;
    return digits > 0 && digits <= 2;
}

struct stamp_reader {
    struct stamp *stamp;
    int i, digits;
    int64_t value;
};

/* Ends segment i as `segment` and goes on with `next`. */
static bool end_segment(struct stamp_reader *r, int segment, int next)
{
    if (!digits_fit(segment, r->digits)) return false;
    r->stamp->segments[segment] = r->value;
    r->value = 0;
    r->digits = 0;
    r->i = next;
    return true;
}

/* A character that is no digit, at s[j]. true in *ret_end: the zone took the rest. */
static bool separator(struct stamp_reader *r, struct hr_str_view s, size_t j, bool signed_year,
                      bool *ret_end)
{
    char c = s.ptr[j];
    struct stamp *stamp = r->stamp;
    if (j == 0 && c == 'T') {
        stamp->just_time = true;
        r->i = 3;
        return true;
    }
    switch (r->i) {
    case 0:
        if (c == ':' && !signed_year) {
            stamp->just_time = true;
            return end_segment(r, 3, 4);
        }
        return c == '-' && end_segment(r, 0, 1);
    case 1: return c == '-' && end_segment(r, 1, 2);
    case 2: return (c == ' ' || c == 'T') && end_segment(r, 2, 3);
    case 3:
    case 4: return c == ':' && end_segment(r, r->i, r->i + 1);
    case 5:
        if (c == '.') return end_segment(r, 5, 6);
        break;
    case 6: break;
    default: return false;
    }
    if (!end_segment(r, r->i, 7)) return false;
    stamp->zone = trim_all(hr_svn(s.ptr + j, s.len - j));
    stamp->has_zone = true;
    *ret_end = true;
    return true;
}

static bool read_stamp(struct hr_str_view text, struct stamp *stamp)
{
    struct hr_str_view s = trim_all(text);
    struct stamp_reader r = {.stamp = stamp};
    int fraction_digits = 0;
    size_t j = 0;
    memset(stamp, 0, sizeof *stamp);
    stamp->segments[0] = stamp->segments[1] = stamp->segments[2] = 1;
    if (s.len == 0) return false;
    bool sign = s.ptr[0] == '-' || s.ptr[0] == '+';
    if (sign) j++;
    for (bool end = false; j < s.len && !end; j++) {
        unsigned digit = (unsigned char)s.ptr[j] - '0';
        if (digit > 9) {
            if (!separator(&r, s, j, sign, &end)) return false;
            continue;
        }
        fraction_digits += r.i == 6;
        if (r.i != 6 || r.digits < 6) r.value = r.value * 10 + digit;
        if (++r.digits > 17 && r.i != 6) return false; /* before the value overflows */
    }
    if (!digits_fit(r.i, r.digits)) return false;
    stamp->segments[r.i] = r.value;
    for (; fraction_digits < 6; fraction_digits++) stamp->segments[6] *= 10;
    if (s.ptr[0] == '-') stamp->segments[0] = -stamp->segments[0];
    return true;
}

/* The wall clock of a stamp; today's date in tz where it has only a time. */
static bool stamp_local(const struct stamp *stamp, const struct hr_tz *tz, int64_t *ret_us)
{
    const int64_t *s = stamp->segments;
    if (s[3] > 23 || s[4] > 59 || s[5] > 59) return false;
    int64_t days;
    if (stamp->just_time) {
        int64_t local = hr_tz_to_local(tz, hr_now_us(hr_env_default()));
        days = local / HR_US_PER_DAY - (local % HR_US_PER_DAY < 0);
    } else {
        if (!valid_date(s[0], s[1], s[2])) return false;
        days = hr_days_from_civil(s[0], (int32_t)s[1], (int32_t)s[2]);
    }
    int64_t rest = (s[3] * 3600 + s[4] * 60 + s[5]) * HR_US_PER_SECOND + s[6], us;
    if (__builtin_mul_overflow(days, HR_US_PER_DAY, &us)) return false;
    return !__builtin_add_overflow(us, rest, ret_us);
}

bool hr_parse_timestamp(struct hr_str_view text, const struct hr_tz *tz, int64_t *ret_us)
{
    struct stamp stamp;
    int64_t local;
    if (!read_stamp(text, &stamp)) return false;
    if (stamp.has_zone) tz = hr_tz_find(stamp.zone);
    if (!tz || !stamp_local(&stamp, tz, &local)) return false;
    int64_t inward = local > INT64_MAX - HR_US_PER_DAY   ? HR_US_PER_DAY
                     : local < INT64_MIN + HR_US_PER_DAY ? -HR_US_PER_DAY : 0;
    return !__builtin_add_overflow(hr_tz_to_utc(tz, local - inward), inward, ret_us);
}

bool hr_parse_timestamp_ntz(struct hr_str_view text, int64_t *ret_us)
{
    struct stamp stamp;
    if (!read_stamp(text, &stamp) || stamp.just_time) return false;
    if (stamp.has_zone && !hr_tz_find(stamp.zone)) return false;
    return stamp_local(&stamp, NULL, ret_us);
}

/* Dates to text ------------------------------------------------------------------------------- */

static char *put2(char *out, int32_t v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
    return out + 2;
}

/* At least four digits; beyond 9999 with a plus sign, as Java. */
static char *put_year(char *out, int64_t year)
{
    if (HR_LIKELY(year >= 0 && year <= 9999)) {
        out = put2(out, (int32_t)(year / 100));
        return put2(out, (int32_t)(year % 100));
    }
    *out++ = year < 0 ? '-' : '+';
    char digits[24];
    size_t n = hr_format_i64(year < 0 ? -year : year, digits);
    for (size_t i = n; i < 4; i++) *out++ = '0';
    memcpy(out, digits, n);
    return out + n;
}

static char *put_date(char *out, int32_t year, int32_t month, int32_t day)
{
    out = put_year(out, year);
    *out++ = '-';
    out = put2(out, month);
    *out++ = '-';
    return put2(out, day);
}

size_t hr_format_date(int32_t days, char *out)
{
    int32_t year, month, day;
    hr_civil_from_days(days, &year, &month, &day);
    return (size_t)(put_date(out, year, month, day) - out);
}

size_t hr_format_timestamp_ntz(int64_t us, char *out)
{
    struct hr_civil c = hr_civil_from_us(us);
    char *p = put_date(out, c.year, c.month, c.day);
    *p++ = ' ';
    p = put2(p, c.hour);
    *p++ = ':';
    p = put2(p, c.minute);
    *p++ = ':';
    p = put2(p, c.second);
    if (c.us) {
        *p++ = '.';
        int32_t rest = c.us;
        for (int32_t unit = 100000; rest; unit /= 10) {
            *p++ = (char)('0' + rest / unit);
            rest %= unit;
        }
    }
    return (size_t)(p - out);
}

size_t hr_format_timestamp(int64_t us, const struct hr_tz *tz, char *out)
{
    return hr_format_timestamp_ntz(hr_tz_to_local(tz, us), out);
}

/* Intervals ----------------------------------------------------------------------------------- */

static void put_fields(int start, int end, struct hr_buf *out)
{
    static const char *const names[] = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    hr_buf_puts(out, "' ");
    hr_buf_puts(out, names[start]);
    if (start == end) return;
    hr_buf_puts(out, " TO ");
    hr_buf_puts(out, names[end]);
}

void hr_format_interval_ym(int32_t months, int start, int end, struct hr_buf *out)
{
    int64_t rest = months < 0 ? -(int64_t)months : months;
    hr_buf_puts(out, months < 0 ? "INTERVAL '-" : "INTERVAL '");
    if (start == HR_IV_YEAR) hr_buf_put_i64(out, rest / 12);
    if (start != end) hr_buf_putc(out, '-');
    if (end == HR_IV_MONTH) hr_buf_put_i64(out, start == HR_IV_MONTH ? rest : rest % 12);
    put_fields(start, end, out);
}

static void put_seconds(uint64_t us, struct hr_buf *out)
{
    if (us < 10 * (uint64_t)HR_US_PER_SECOND) hr_buf_putc(out, '0');
    hr_buf_put_i64(out, (int64_t)(us / (uint64_t)HR_US_PER_SECOND));
    uint64_t fraction = us % (uint64_t)HR_US_PER_SECOND;
    if (fraction == 0) return;
    hr_buf_putc(out, '.');
    for (uint64_t unit = 100000; fraction; unit /= 10) {
        hr_buf_putc(out, (char)('0' + fraction / unit));
        fraction %= unit;
    }
}

void hr_format_interval_dt(int64_t us, int start, int end, struct hr_buf *out)
{
    static const uint64_t units[] = {
        [HR_IV_DAY] = (uint64_t)HR_US_PER_DAY,
        [HR_IV_HOUR] = (uint64_t)HR_US_PER_HOUR,
        [HR_IV_MINUTE] = (uint64_t)HR_US_PER_MINUTE,
    };
    static const char marks[] = {[HR_IV_HOUR] = ' ', [HR_IV_MINUTE] = ':', [HR_IV_SECOND] = ':'};
    assert(start >= HR_IV_DAY && end <= HR_IV_SECOND && start <= end);
    uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    hr_buf_puts(out, us < 0 ? "INTERVAL '-" : "INTERVAL '");
    for (int field = start; field <= end; field++) {
        if (field > start) hr_buf_putc(out, marks[field]);
        if (field == HR_IV_SECOND) {
            put_seconds(rest, out);
            break;
        }
        uint64_t n = rest / units[field];
        if (field > HR_IV_DAY && n < 10) hr_buf_putc(out, '0');
        hr_buf_put_i64(out, (int64_t)n);
        rest %= units[field];
    }
    put_fields(start, end, out);
}

void hr_put_json_time(int64_t us, struct hr_buf *out)
{
    if (us == 0) {
        hr_buf_puts(out, "null");
        return;
    }
    struct hr_civil c = hr_civil_from_us(us);
    hr_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", c.year, c.month, c.day, c.hour,
                  c.minute, c.second, c.us / 1000);
}
