/* SPDX-License-Identifier: Apache-2.0 */
/* Times of day as text: Spark's TIME, in nanoseconds since midnight. */
#include "base/datetime.h"

static bool take_digits(const char **p, const char *end, int most, int32_t *ret)
{
    int n = 0;
    for (*ret = 0; *p < end && **p >= '0' && **p <= '9' && n <= most; (*p)++, n++)
        *ret = *ret * 10 + (**p - '0');
    return n > 0 && n <= most;
}

/* .123 as nanoseconds; digits beyond the ninth are cut. */
static int64_t take_fraction(const char **p, const char *end, int *ret_digits)
{
    int64_t ns = 0, unit = 100000000;
    for (*ret_digits = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++, (*ret_digits)++) {
        ns += (**p - '0') * unit;
        unit /= 10;
    }
    return ns;
}

/* AM or PM at the end, with or without a blank before. */
static bool take_half(struct hr_str_view *text, bool *ret_pm)
{
    if (text->len < 2 || (text->ptr[text->len - 1] | 0x20) != 'm') return false;
    char half = text->ptr[text->len - 2] | 0x20;
    if (half != 'a' && half != 'p') return false;
    *ret_pm = half == 'p';
    text->len -= 2;
    if (text->len && text->ptr[text->len - 1] == ' ') text->len--;
    return true;
}

bool hr_parse_time_of_day(struct hr_str_view text, int64_t *ret_ns, int *ret_digits)
{
    int32_t h, m, s = 0;
    int64_t ns = 0;
    bool pm = false;
    *ret_digits = 0;
    while (text.len && (unsigned char)text.ptr[0] <= ' ') text.ptr++, text.len--;
    while (text.len && (unsigned char)text.ptr[text.len - 1] <= ' ') text.len--;
    bool half = take_half(&text, &pm);
    const char *p = text.ptr, *end = p + text.len;
    if (!half && p < end && *p == 'T') p++;
    if (!take_digits(&p, end, 2, &h) || p == end || *p++ != ':') return false;
    if (!take_digits(&p, end, 2, &m)) return false;
    if (p < end && *p == ':') {
        p++;
        if (!take_digits(&p, end, 2, &s)) return false;
        if (p < end && *p == '.') {
            p++;
            ns = take_fraction(&p, end, ret_digits);
        }
    }
    if (p != end || m > 59 || s > 59 || h > 23 || (half && (h < 1 || h > 12))) return false;
    if (half) h = h % 12 + (pm ? 12 : 0);
    *ret_ns = (h * INT64_C(3600) + m * INT64_C(60) + s) * HR_NS_PER_SECOND + ns;
    return true;
}

size_t hr_format_time_of_day(int64_t ns, char *out)
{
    int64_t second = ns / HR_NS_PER_SECOND, fraction = ns % HR_NS_PER_SECOND;
    const int fields[] = {(int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60)};
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        if (i) out[n++] = ':';
        out[n++] = (char)('0' + fields[i] / 10 % 10);
        out[n++] = (char)('0' + fields[i] % 10);
    }
    if (fraction) out[n++] = '.';
    for (int64_t unit = HR_NS_PER_SECOND / 10; fraction; unit /= 10) {
        out[n++] = (char)('0' + fraction / unit);
        fraction %= unit;
    }
    return n;
}
