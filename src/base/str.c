/* SPDX-License-Identifier: Apache-2.0 */
/* Views, number parsing without locale, the byte buffer and the codecs of the on-disk formats. */
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/datetime.h"
#include "base/decimal.h"
#include "base/utf8.h"

/* Views --------------------------------------------------------------------------------------- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool hr_sv_eq(struct hr_str_view a, struct hr_str_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool hr_sv_eq_nocase(struct hr_str_view a, struct hr_str_view b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

int hr_sv_cmp(struct hr_str_view a, struct hr_str_view b)
{
    size_t n = HR_MIN(a.len, b.len);
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

struct hr_str_view hr_sv_trim(struct hr_str_view s)
{
#define IS_SPACE(c) ((c) == ' ' || ((c) >= '\t' && (c) <= '\r'))
    while (s.len && IS_SPACE(s.ptr[0])) s.ptr++, s.len--;
    while (s.len && IS_SPACE(s.ptr[s.len - 1])) s.len--;
#undef IS_SPACE
    return s;
}

bool hr_str_eq_nocase(const char *a, const char *b)
{
    return hr_sv_eq_nocase(hr_sv(a), hr_sv(b));
}

/* Numbers ------------------------------------------------------------------------------------- */

static bool digits(const char *p, const char *end, uint64_t *ret)
{
    uint64_t v = 0;
    if (p == end) return false;
    for (; p < end; p++) {
        unsigned d = (unsigned char)*p - '0';
        if (d > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *ret = v;
    return true;
}

bool hr_parse_i64(struct hr_str_view text, int64_t *ret)
{
    bool negative = text.len && text.ptr[0] == '-';
    size_t skip = text.len && (negative || text.ptr[0] == '+');
    uint64_t v;
    if (!digits(text.ptr + skip, text.ptr + text.len, &v)) return false;
    if (v > (uint64_t)INT64_MAX + negative) return false;
    *ret = (int64_t)(negative ? 0 - v : v);
    return true;
}

bool hr_parse_u64(struct hr_str_view text, uint64_t *ret)
{
    return digits(text.ptr, text.ptr + text.len, ret);
}

/* A decimal number's parts; true when the whole text is one. */
struct number {
    uint64_t mantissa; /* first 19 significant digits */
    int32_t exponent;  /* value = mantissa × 10^exponent when exact */
    bool exact, negative;
};

static bool scan_number(const char *p, const char *end, struct number *n)
{
    memset(n, 0, sizeof *n);
    n->exact = true;
    if (p < end && (*p == '-' || *p == '+')) n->negative = *p++ == '-';
    int seen = 0, kept = 0;
    bool point = false;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        unsigned d = (unsigned char)*p - '0';
        if (d > 9) break;
        seen++;
        if (kept < 19) {
            n->mantissa = n->mantissa * 10 + d;
            kept += n->mantissa != 0;
            n->exponent -= point;
        } else {
            n->exact = n->exact && d == 0;
            n->exponent += !point;
        }
    }
    if (!seen) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        int32_t e = 0;
        for (; p < end; p++) {
            unsigned d = (unsigned char)*p - '0';
            if (d > 9) return false;
            if (e < 100000) e = e * 10 + (int32_t)d;
        }
        n->exponent += minus ? -e : e;
    }
    return p == end;
}

static bool special_f64(struct hr_str_view t, double *ret)
{
    bool negative = t.len && t.ptr[0] == '-';
    struct hr_str_view s = t;
    if (t.len && (negative || t.ptr[0] == '+')) s.ptr++, s.len--;
    if (hr_sv_eq_nocase(s, hr_sv("inf")) || hr_sv_eq_nocase(s, hr_sv("infinity")))
        *ret = negative ? -INFINITY : INFINITY;
    else if (hr_sv_eq_nocase(t, hr_sv("nan")))
        *ret = NAN;
    else
        return false;
    return true;
}

/* strtod in the C locale, whatever the host program has set. */
static double strtod_c(const char *text)
{
    static locale_t c_locale;
    locale_t have = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!have) {
        locale_t fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        if (!fresh) return strtod(text, NULL);
        if (__atomic_compare_exchange_n(&c_locale, &have, fresh, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            have = fresh;
        else
            freelocale(fresh);
    }
    return strtod_l(text, NULL, have);
}

bool hr_parse_f64(struct hr_str_view text, double *ret)
{
    static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct number n;
    if (!scan_number(text.ptr, text.ptr + text.len, &n)) return special_f64(text, ret);
    /* Clinger: both exactly representable, so one correctly rounded operation is the answer. */
    if (n.exact && n.mantissa <= UINT64_C(1) << 53 && n.exponent >= -22 && n.exponent <= 22) {
        double v = (double)n.mantissa;
        v = n.exponent < 0 ? v / pow10_exact[-n.exponent] : v * pow10_exact[n.exponent];
        *ret = n.negative ? -v : v;
        return true;
    }
    char small[128], *copy = small;
    if (text.len >= sizeof small) {
        copy = hr_alloc(text.len + 1);
        if (!copy) return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret = strtod_c(copy);
    if (copy != small) hr_free(copy);
    return true;
}

bool hr_parse_bool(struct hr_str_view text, bool *ret)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
    for (size_t i = 0; i < HR_COUNT(words); i++) {
        if (hr_sv_eq_nocase(text, hr_sv(words[i]))) {
            *ret = i & 1;
            return true;
        }
    }
    return false;
}

/* Splits "<number><blank><unit>" from the front of *text; the unit may be empty. */
static bool number_and_unit(struct hr_str_view *text, struct hr_str_view *number,
                            struct hr_str_view *unit)
{
    const char *p = text->ptr, *end = p + text->len;
    const char *start = p;
    if (p < end && (*p == '-' || *p == '+')) p++;
    while (p < end && ((*p >= '0' && *p <= '9') || *p == '.')) p++;
    *number = hr_svn(start, (size_t)(p - start));
    while (p < end && *p == ' ') p++;
    start = p;
    while (p < end && lower(*p) >= 'a' && lower(*p) <= 'z') p++;
    *unit = hr_svn(start, (size_t)(p - start));
    *text = hr_sv_trim(hr_svn(p, (size_t)(end - p)));
    return number->len > 0;
}

bool hr_parse_bytes(struct hr_str_view text, int64_t *ret_bytes)
{
    static const char letters[] = "bkmgtp";
    struct hr_str_view rest = hr_sv_trim(text), number, unit;
    int64_t v;
    if (!number_and_unit(&rest, &number, &unit) || rest.len || !hr_parse_i64(number, &v))
        return false;
    int shift = 0;
    if (unit.len) {
        const char *at = memchr(letters, lower(unit.ptr[0]), sizeof letters - 1);
        if (!at) return false;
        shift = (int)(at - letters) * 10;
        struct hr_str_view tail = hr_svn(unit.ptr + 1, unit.len - 1);
        bool plain = tail.len == 0;
        bool b = shift && (hr_sv_eq_nocase(tail, hr_sv("b")) || hr_sv_eq_nocase(tail, hr_sv("ib")));
        if (!plain && !b && !hr_sv_eq_nocase(unit, hr_sv("bytes"))) return false;
    }
    return !__builtin_mul_overflow(v, INT64_C(1) << shift, ret_bytes);
}

static int64_t unit_us(struct hr_str_view unit)
{
    static const struct {
        const char *names;
        int64_t us;
    } units[] = {
        {"us microsecond microseconds", 1},
        {"ms millisecond milliseconds msec", 1000},
        {"s second seconds sec secs", HR_US_PER_SECOND},
        {"m minute minutes min mins", HR_US_PER_MINUTE},
        {"h hour hours hr hrs", HR_US_PER_HOUR},
        {"d day days", HR_US_PER_DAY},
        {"w week weeks", 7 * HR_US_PER_DAY},
    };
    for (size_t i = 0; i < HR_COUNT(units); i++) {
        const char *p = units[i].names;
        while (*p) {
            size_t len = strcspn(p, " ");
            if (hr_sv_eq_nocase(unit, hr_svn(p, len))) return units[i].us;
            p += len + (p[len] == ' ');
        }
    }
    return 0;
}

/* number (with a fraction) times unit, cut to whole microseconds. */
static bool scaled_us(struct hr_str_view number, int64_t unit, int64_t *ret)
{
    const char *point = memchr(number.ptr, '.', number.len);
    struct hr_str_view whole = number;
    int64_t v = 0, fraction = 0;
    bool negative = number.ptr[0] == '-';
    if (point) {
        whole.len = (size_t)(point - number.ptr);
        int64_t part = unit;
        if (point + 1 == number.ptr + number.len) return false;
        __int128 sum = 0, scale = 1;
        for (const char *p = point + 1; p < number.ptr + number.len; p++) {
            if (*p < '0' || *p > '9') return false;
            if (scale > (__int128)1000000000000000) continue;
            sum = sum * 10 + (*p - '0');
            scale *= 10;
        }
        fraction = (int64_t)(sum * part / scale);
        if (negative) fraction = -fraction;
    }
    bool bare = whole.len == 0 || (whole.len == 1 && (negative || whole.ptr[0] == '+'));
    if (!(bare && point) && !hr_parse_i64(whole, &v)) return false;
    return !__builtin_mul_overflow(v, unit, &v) && !__builtin_add_overflow(v, fraction, ret);
}

bool hr_parse_duration(struct hr_str_view text, int64_t *ret_us)
{
    struct hr_str_view rest = hr_sv_trim(text), number, unit;
    if (rest.len > 9 && hr_sv_eq_nocase(hr_svn(rest.ptr, 9), hr_sv("interval ")))
        rest = hr_sv_trim(hr_svn(rest.ptr + 9, rest.len - 9));
    if (rest.len == 0) return false;
    int64_t total = 0;
    bool lone_zero = rest.len == 1 && rest.ptr[0] == '0';
    while (rest.len && !lone_zero) {
        int64_t us;
        if (!number_and_unit(&rest, &number, &unit)) return false;
        int64_t per = unit_us(unit);
        if (!per || !scaled_us(number, per, &us)) return false;
        if (__builtin_add_overflow(total, us, &total)) return false;
    }
    *ret_us = total;
    return true;
}

/* Buffer -------------------------------------------------------------------------------------- */

#define BUF_DEFAULT_MAX ((size_t)1 << 30)

void hr_buf_init(struct hr_buf *buf, size_t max_bytes)
{
    memset(buf, 0, sizeof *buf);
    buf->max_bytes = max_bytes;
}

void hr_buf_done(struct hr_buf *buf)
{
    if (!buf) return;
    hr_free(buf->ptr);
    buf->ptr = NULL;
    buf->len = buf->capacity = 0;
    buf->failed = buf->too_long = false;
}

/* Room for size bytes and a NUL. */
static HR_NOINLINE bool grow(struct hr_buf *buf, size_t size)
{
    size_t max = buf->max_bytes ? buf->max_bytes : BUF_DEFAULT_MAX;
    buf->too_long = size > max || buf->len > max - size;
    if (buf->too_long) return false;
    size_t need = buf->len + size + 1;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity * 2;
    if (capacity < need) capacity = need;
    char *p = hr_realloc(buf->ptr, capacity);
    if (!p) return false;
    buf->ptr = p;
    buf->capacity = capacity;
    return true;
}

char *hr_buf_reserve(struct hr_buf *buf, size_t size)
{
    if (HR_UNLIKELY(buf->failed)) return NULL;
    size_t max = buf->max_bytes ? buf->max_bytes : BUF_DEFAULT_MAX;
    bool fits = size < buf->capacity - buf->len && buf->capacity && buf->len + size <= max;
    if (HR_UNLIKELY(!fits) && !grow(buf, size)) {
        buf->failed = true;
        return NULL;
    }
    return buf->ptr + buf->len;
}

void hr_buf_append(struct hr_buf *buf, const void *data, size_t size)
{
    char *to = hr_buf_reserve(buf, size);
    if (!to || !size) return;
    memcpy(to, data, size);
    buf->len += size;
}

void hr_buf_puts(struct hr_buf *buf, const char *text)
{
    hr_buf_append(buf, text, strlen(text));
}

void hr_buf_putc(struct hr_buf *buf, char c)
{
    char *to = hr_buf_reserve(buf, 1);
    if (!to) return;
    *to = c;
    buf->len++;
}

void hr_buf_put_sv(struct hr_buf *buf, struct hr_str_view s)
{
    hr_buf_append(buf, s.ptr, s.len);
}

void hr_buf_put_i64(struct hr_buf *buf, int64_t value)
{
    char *to = hr_buf_reserve(buf, 20);
    if (to) buf->len += hr_format_i64(value, to);
}

void hr_buf_vprintf(struct hr_buf *buf, const char *fmt, va_list args)
{
    if (buf->failed) return;
    va_list again;
    va_copy(again, args);
    size_t room = buf->capacity - buf->len;
    int n =
        vsnprintf(buf->capacity ? buf->ptr + buf->len : NULL, buf->capacity ? room : 0, fmt, args);
    if (n < 0) {
        buf->failed = true;
    } else {
        bool whole = buf->capacity && (size_t)n < room;
        char *to = hr_buf_reserve(buf, (size_t)n);
        if (to) {
            if (!whole) vsnprintf(to, (size_t)n + 1, fmt, again);
            buf->len += (size_t)n;
        }
    }
    va_end(again);
}

void hr_buf_printf(struct hr_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hr_buf_vprintf(buf, fmt, args);
    va_end(args);
}

/* One character of a JSON string that cannot stand for itself; returns the bytes it used. */
static size_t put_json_special(struct hr_buf *buf, struct hr_str_view s, size_t at)
{
    unsigned char c = (unsigned char)s.ptr[at];
    static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i < sizeof shorts - 1; i += 2) {
        if ((char)c == shorts[i]) {
            hr_buf_putc(buf, '\\');
            hr_buf_putc(buf, shorts[i + 1]);
            return 1;
        }
    }
    if (c < 0x20) {
        hr_buf_printf(buf, "\\u%04x", c);
        return 1;
    }
    uint32_t code_point;
    size_t n = hr_utf8_decode(s.ptr + at, s.len - at, &code_point);
    if (n == 1)
        hr_buf_puts(buf, "\xEF\xBF\xBD");
    else
        hr_buf_append(buf, s.ptr + at, n);
    return n;
}

void hr_buf_put_json(struct hr_buf *buf, struct hr_str_view text)
{
    hr_buf_putc(buf, '"');
    size_t from = 0, at = 0;
    while (at < text.len) {
        unsigned char c = (unsigned char)text.ptr[at];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            at++;
            continue;
        }
        hr_buf_append(buf, text.ptr + from, at - from);
        at += put_json_special(buf, text, at);
        from = at;
    }
    hr_buf_append(buf, text.ptr + from, at - from);
    hr_buf_putc(buf, '"');
}

const char *hr_buf_cstr(struct hr_buf *buf)
{
    if (buf->failed || buf->len == 0 || !buf->ptr) return "";
    assert(buf->len < buf->capacity);
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

hr_status hr_buf_status(const struct hr_buf *buf, struct hr_err *err)
{
    if (!buf->failed) return HR_OK;
    size_t max = buf->max_bytes ? buf->max_bytes : BUF_DEFAULT_MAX;
    if (buf->too_long)
        return HR_FAIL(err, HR_E_LIMIT, "text exceeds the limit of %zu bytes", max);
    return HR_OOM(err);
}

/* Codecs -------------------------------------------------------------------------------------- */

void hr_buf_put_u8(struct hr_buf *buf, uint8_t v)
{
    hr_buf_putc(buf, (char)v);
}

void hr_buf_put_u32(struct hr_buf *buf, uint32_t v)
{
    hr_buf_append(buf, &v, 4);
}

void hr_buf_put_u64(struct hr_buf *buf, uint64_t v)
{
    hr_buf_append(buf, &v, 8);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are written as in memory");

void hr_buf_put_varint(struct hr_buf *buf, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    hr_buf_append(buf, bytes, n);
}

void hr_buf_put_bytes(struct hr_buf *buf, const void *data, size_t size)
{
    hr_buf_put_varint(buf, size);
    hr_buf_append(buf, data, size);
}

/* The next size bytes, or NULL and the reader failed. */
static const uint8_t *next(struct hr_reader *r, size_t size)
{
    if (r->failed || (size_t)(r->end - r->pos) < size) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->pos;
    r->pos += size;
    return p;
}

uint8_t hr_get_u8(struct hr_reader *r)
{
    const uint8_t *p = next(r, 1);
    return p ? *p : 0;
}

uint32_t hr_get_u32(struct hr_reader *r)
{
    uint32_t v = 0;
    const uint8_t *p = next(r, 4);
    if (p) memcpy(&v, p, 4);
    return v;
}

uint64_t hr_get_u64(struct hr_reader *r)
{
    uint64_t v = 0;
    const uint8_t *p = next(r, 8);
    if (p) memcpy(&v, p, 8);
    return v;
}

uint64_t hr_get_varint(struct hr_reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        const uint8_t *p = next(r, 1);
        if (!p) return 0;
        uint64_t bits = *p & 0x7f;
        if (shift == 63 && bits > 1) break;
        v |= bits << shift;
        if (!(*p & 0x80)) return v;
    }
    r->failed = true;
    return 0;
}

struct hr_str_view hr_get_bytes(struct hr_reader *r)
{
    uint64_t size = hr_get_varint(r);
    const uint8_t *p = r->failed ? NULL : next(r, size);
    return p ? hr_svn((const char *)p, size) : hr_svn("", 0);
}
