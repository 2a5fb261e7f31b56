/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones from the system's tzdata (TZif version 2 and later, RFC 8536).
 *
 * A zone becomes a table of transitions, sorted by instant. Files end with a POSIX rule for all
 * later years; the calendar repeats every 400 years, so the rule is unrolled over 401 years at load
 * and a later instant is looked up 400 years (or a multiple) earlier: no rule is evaluated per row.
 * Zones are cached in a hash table that only grows; readers take no lock.
 */
#include "base/thread.h"
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/datetime.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/tz.h"

#define ZONEINFO      "/usr/share/zoneinfo/"
#define NAME_MAX_LEN  64
#define MAX_OFFSET    (18 * 3600)
#define CYCLE_SECONDS (INT64_C(146097) * 86400) /* 400 years */

struct hr_tz {
    const struct hr_tz *_Atomic next; /* in its bucket */
    char name[NAME_MAX_LEN + 1];
    /* transition i is at at[i]; offsets[i] holds before it, offsets[i + 1] from it on */
    uint32_t count;
    int64_t *at;
    int64_t *local; /* at[i] + max(offset before, after): wall clocks below belong to before */
    int32_t *offsets;
    uint8_t *abbreviation; /* index into abbreviations, parallel to offsets */
    char *abbreviations;
    int64_t cycle_from; /* instants from here on repeat every 400 years; INT64_MAX: never */
};

/* Bounds of a file's data: far more than any zone has. */
#define MAX_TRANSITIONS 4096

/* Reading TZif -------------------------------------------------------------------------------- */

struct tzif {
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static uint32_t be32(struct hr_reader *r)
{
    return __builtin_bswap32(hr_get_u32(r));
}

static bool read_header(struct hr_reader *r, struct tzif *h, uint8_t *ret_version)
{
    if (hr_get_u32(r) != 0x66695a54u) return false; /* "TZif" */
    *ret_version = hr_get_u8(r);
    for (int i = 0; i < 15; i++) hr_get_u8(r);
    h->isutcnt = be32(r);
    h->isstdcnt = be32(r);
    h->leapcnt = be32(r);
    h->timecnt = be32(r);
    h->typecnt = be32(r);
    h->charcnt = be32(r);
    return !r->failed && h->timecnt <= MAX_TRANSITIONS && h->typecnt >= 1 && h->typecnt <= 256 &&
           h->charcnt <= 1024 && h->leapcnt <= 1024 && h->isutcnt <= 256 && h->isstdcnt <= 256;
}

static bool skip(struct hr_reader *r, size_t bytes)
{
    if ((size_t)(r->end - r->pos) < bytes)
        r->failed = true;
    else
        r->pos += bytes;
    return !r->failed;
}

/* A zone under construction: room for the file's transitions and the unrolled rule. */
#define RULE_YEARS 401

static bool reserve(struct hr_tz *tz)
{
    size_t n = MAX_TRANSITIONS + 2 * RULE_YEARS + 8;
    tz->at = hr_alloc(n * 8);
    tz->local = hr_alloc(n * 8);
    tz->offsets = hr_alloc(n * 4);
    tz->abbreviation = hr_alloc(n);
    tz->abbreviations = hr_zalloc(256 * 8);
    return tz->at && tz->local && tz->offsets && tz->abbreviation && tz->abbreviations;
}

/* Gives back what the transitions did not need; a failure to shrink changes nothing. */
static void trim_block(void *field, size_t bytes)
{
    void *old, *p;
    memcpy(&old, field, sizeof old);
    p = hr_realloc(old, bytes);
    if (p) memcpy(field, &p, sizeof p);
}

static void shrink(struct hr_tz *tz)
{
    trim_block(&tz->at, (tz->count + 1) * 8);
    trim_block(&tz->local, (tz->count + 1) * 8);
    trim_block(&tz->offsets, (tz->count + 1) * 4);
    trim_block(&tz->abbreviation, tz->count + 1);
}

static void free_tz(struct hr_tz *tz)
{
    if (!tz) return;
    hr_free(tz->at);
    hr_free(tz->local);
    hr_free(tz->offsets);
    hr_free(tz->abbreviation);
    hr_free(tz->abbreviations);
    hr_free(tz);
}

static void add_transition(struct hr_tz *tz, int64_t at, int32_t offset, uint8_t abbreviation)
{
    uint32_t i = tz->count;
    if (i && at <= tz->at[i - 1]) return; /* out of order: a damaged file, or a rule's overlap */
    if (tz->offsets[i] == offset && tz->abbreviation[i] == abbreviation) return;
    tz->at[i] = at;
    tz->local[i] = at + HR_MAX(tz->offsets[i], offset);
    tz->offsets[i + 1] = offset;
    tz->abbreviation[i + 1] = abbreviation;
    tz->count++;
}

/* abbreviations holds up to 255 names of up to 7 characters. */
static uint8_t add_name(struct hr_tz *tz, const char *name, size_t len)
{
    char entry[8] = {0};
    memcpy(entry, name, HR_MIN(len, 7));
    for (int i = 0; i < 255; i++) {
        char *have = tz->abbreviations + i * 8;
        if (have[0] == '\0') memcpy(have, entry, 8);
        if (memcmp(have, entry, 8) == 0) return (uint8_t)i;
    }
    return 254;
}

/* The version 2 block: transitions and types. */
static bool read_block(struct hr_tz *tz, struct hr_reader *r, const struct tzif *h)
{
    const uint8_t *times = r->pos, *indexes, *types;
    if (!skip(r, h->timecnt * 8)) return false;
    indexes = r->pos;
    if (!skip(r, h->timecnt)) return false;
    types = r->pos;
    if (!skip(r, h->typecnt * 6)) return false;
    const char *names = (const char *)r->pos;
    if (!skip(r, h->charcnt + h->leapcnt * 12 + h->isstdcnt + h->isutcnt)) return false;
    int32_t offsets[256];
    uint8_t abbreviations[256];
    for (uint32_t i = 0; i < h->typecnt; i++) {
        struct hr_reader t = hr_reader(types + i * 6, 6);
        offsets[i] = (int32_t)be32(&t);
        (void)hr_get_u8(&t);
        uint8_t name = hr_get_u8(&t);
        if (offsets[i] < -100000 || offsets[i] > 100000 || name >= h->charcnt) return false;
        abbreviations[i] = add_name(tz, names + name, strnlen(names + name, h->charcnt - name));
    }
    tz->offsets[0] = offsets[0];
    tz->abbreviation[0] = abbreviations[0];
    for (uint32_t i = 0; i < h->timecnt; i++) {
        struct hr_reader t = hr_reader(times + i * 8, 8);
        int64_t at = (int64_t)__builtin_bswap64(hr_get_u64(&t));
        if (indexes[i] >= h->typecnt) return false;
        if (at < INT64_MIN / 4 || at > INT64_MAX / 4) continue; /* "the beginning of time" */
        add_transition(tz, at, offsets[indexes[i]], abbreviations[indexes[i]]);
    }
    return true;
}

/* The POSIX rule ------------------------------------------------------------------------------ */

struct rule_date {
    char kind; /* M: month.week.day, J: day 1 … 365 without leap day, 0: day 0 … 365 */
    int32_t month, week, day;
    int32_t seconds; /* wall clock, may be negative or beyond a day */
};

struct rule {
    int32_t std_offset, dst_offset;
    uint8_t std_name, dst_name;
    bool has_dst;
    struct rule_date begin, end;
};

static bool rule_int(const char **p, int32_t max, int32_t *ret)
{
    int32_t v = 0;
    if (**p < '0' || **p > '9') return false;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if ((v = v * 10 + (**p - '0')) > max) return false;
    *ret = v;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool rule_time(const char **p, int32_t *ret_seconds)
{
    int32_t h, m = 0, s = 0;
    bool negative = **p == '-';
    if (negative || **p == '+') (*p)++;
    if (!rule_int(p, 167, &h)) return false;
    if (**p == ':' && ((*p)++, !rule_int(p, 59, &m))) return false;
    if (**p == ':' && ((*p)++, !rule_int(p, 59, &s))) return false;
    *ret_seconds = (h * 3600 + m * 60 + s) * (negative ? -1 : 1);
    return true;
}

static bool rule_name(const char **p, struct hr_tz *tz, uint8_t *ret)
{
    const char *start = *p;
    if (*start == '<') {
        const char *close = strchr(start, '>');
        if (!close) return false;
        *ret = add_name(tz, start + 1, (size_t)(close - start - 1));
        *p = close + 1;
        return true;
    }
    while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z')) (*p)++;
    *ret = add_name(tz, start, (size_t)(*p - start));
    return *p - start >= 3;
}

static bool rule_date(const char **p, struct rule_date *ret)
{
    ret->kind = **p == 'M' || **p == 'J' ? *(*p)++ : '0';
    if (ret->kind == 'M') {
        if (!rule_int(p, 12, &ret->month) || *(*p)++ != '.' || !rule_int(p, 5, &ret->week) ||
            *(*p)++ != '.' || !rule_int(p, 6, &ret->day) || ret->month < 1 || ret->week < 1)
            return false;
    } else if (!rule_int(p, 365, &ret->day)) {
        return false;
    }
    ret->seconds = 7200;
    return **p != '/' || ((*p)++, rule_time(p, &ret->seconds));
}

static bool read_rule(const char *p, struct hr_tz *tz, struct rule *rule)
{
    memset(rule, 0, sizeof *rule);
    int32_t west;
    if (!rule_name(&p, tz, &rule->std_name) || !rule_time(&p, &west)) return false;
    rule->std_offset = -west;
    if (*p == '\0') return true;
    rule->has_dst = true;
    rule->dst_offset = rule->std_offset + 3600;
    if (!rule_name(&p, tz, &rule->dst_name)) return false;
    if (*p != ',') {
        if (!rule_time(&p, &west)) return false;
        rule->dst_offset = -west;
    }
    if (*p++ != ',' || !rule_date(&p, &rule->begin) || *p++ != ',' || !rule_date(&p, &rule->end))
        return false;
    return *p == '\0';
}

/* The wall-clock second at which a rule's date falls in a year. */
static int64_t rule_local(const struct rule_date *d, int32_t year)
{
    int64_t day;
    if (d->kind == 'M') {
        int64_t first = hr_days_from_civil(year, d->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
        if (day >= first + hr_days_in_month(year, d->month)) day -= 7;
    } else {
        int64_t leap_shift = d->kind == 'J' && d->day >= 60 && hr_days_in_month(year, 2) == 29;
        day = hr_days_from_civil(year, 1, 1) + d->day - (d->kind == 'J') + leap_shift;
    }
    return day * 86400 + d->seconds;
}

static void unroll_rule(struct hr_tz *tz, const struct rule *rule)
{
    if (!rule->has_dst) {
        /* The file's last transition has led here already, or there is none. */
        if (tz->count == 0) {
            tz->offsets[0] = rule->std_offset;
            tz->abbreviation[0] = rule->std_name;
        }
        return;
    }
    int32_t year = 1970, month, day;
    if (tz->count) hr_civil_from_days(tz->at[tz->count - 1] / 86400, &year, &month, &day);
    int64_t last = tz->count ? tz->at[tz->count - 1] : INT64_MIN;
    for (int32_t y = year; y < year + RULE_YEARS; y++) {
        int64_t begin = rule_local(&rule->begin, y) - rule->std_offset;
        int64_t end = rule_local(&rule->end, y) - rule->dst_offset;
        bool south = end < begin;
        for (int half = 0; half < 2; half++) {
            bool to_dst = (half == 0) != south;
            int64_t at = to_dst ? begin : end;
            if (at <= last) continue;
            add_transition(tz, at, to_dst ? rule->dst_offset : rule->std_offset,
                           to_dst ? rule->dst_name : rule->std_name);
        }
    }
    if (tz->count) tz->cycle_from = tz->at[tz->count - 1] + 1;
}

static bool load(struct hr_tz *tz, const char *data, size_t size)
{
    struct hr_reader r = hr_reader(data, size);
    struct tzif h;
    uint8_t version;
    if (!read_header(&r, &h, &version) || version < '2') return false;
    if (!skip(&r,
              h.timecnt * 5 + h.typecnt * 6 + h.charcnt + h.leapcnt * 8 + h.isstdcnt + h.isutcnt))
        return false;
    if (!read_header(&r, &h, &version) || !read_block(tz, &r, &h)) return false;
    char footer[128];
    size_t n = (size_t)(r.end - r.pos);
    if (n < 2 || n >= sizeof footer || r.pos[0] != '\n' || r.pos[n - 1] != '\n') return true;
    memcpy(footer, r.pos + 1, n - 2);
    footer[n - 2] = '\0';
    struct rule rule;
    if (footer[0] && read_rule(footer, tz, &rule)) unroll_rule(tz, &rule);
    return true;
}

/* The cache ----------------------------------------------------------------------------------- */

#define BUCKETS 512
static const struct hr_tz *_Atomic buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t odd_offsets; /* cached offsets with seconds */
#define MAX_ODD_OFFSETS 1024

static const struct hr_tz *lookup(struct hr_str_view name, uint32_t bucket)
{
    const struct hr_tz *tz = atomic_load_explicit(&buckets[bucket], memory_order_acquire);
    for (; tz; tz = atomic_load_explicit(&tz->next, memory_order_acquire))
        if (hr_sv_eq(hr_sv(tz->name), name)) return tz;
    return NULL;
}

static uint32_t bucket_of(struct hr_str_view name)
{
    return (uint32_t)(hr_hash_bytes(name.ptr, name.len) % BUCKETS);
}

static const struct hr_tz *publish(struct hr_tz *tz)
{
    uint32_t bucket = bucket_of(hr_sv(tz->name));
    hr_forkable_lock(&lock);
    const struct hr_tz *have = lookup(hr_sv(tz->name), bucket);
    if (!have) {
        atomic_init(&tz->next, atomic_load(&buckets[bucket]));
        atomic_store_explicit(&buckets[bucket], tz, memory_order_release);
    }
    hr_forkable_unlock(&lock);
    if (!have) return tz;
    free_tz(tz);
    return have;
}

static struct hr_tz *new_tz(struct hr_str_view name)
{
    struct hr_tz *tz = hr_zalloc(sizeof *tz);
    if (!tz) return NULL;
    memcpy(tz->name, name.ptr, HR_MIN(name.len, NAME_MAX_LEN));
    tz->cycle_from = INT64_MAX;
    return tz;
}

static const struct hr_tz *fixed_zone(struct hr_str_view name, int32_t offset)
{
    uint32_t bucket = bucket_of(name);
    const struct hr_tz *have = lookup(name, bucket);
    if (have) return have;
    if (offset % 60 && __atomic_fetch_add(&odd_offsets, 1, __ATOMIC_RELAXED) >= MAX_ODD_OFFSETS)
        return NULL;
    struct hr_tz *tz = new_tz(name);
    if (!tz) return NULL;
    tz->offsets = hr_alloc(4);
    tz->abbreviation = hr_zalloc(1);
    tz->abbreviations = hr_zalloc(8);
    if (!tz->offsets || !tz->abbreviation || !tz->abbreviations) {
        free_tz(tz);
        return NULL;
    }
    tz->offsets[0] = offset;
    return publish(tz);
}

/* Names --------------------------------------------------------------------------------------- */

static bool two_digits(const char *p, int32_t *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
    *ret = (p[0] - '0') * 10 + p[1] - '0';
    return true;
}

bool hr_tz_parse_offset(struct hr_str_view text, int32_t *ret_seconds)
{
    /* ±h ±hh ±hhmm ±hhmmss ±h:mm ±hh:m ±hh:mm ±hh:mm:ss, brought to ±hhmmss. */
    char d[8] = "000000";
    if (text.len < 2 || text.len > 9 || (text.ptr[0] != '+' && text.ptr[0] != '-')) return false;
    const char *p = text.ptr + 1, *end = text.ptr + text.len;
    const char *colon = memchr(p, ':', (size_t)(end - p));
    if (!colon) {
        size_t n = (size_t)(end - p);
        if (n == 1)
            d[1] = p[0];
        else if (n == 2 || n == 4 || n == 6)
            memcpy(d, p, n);
        else
            return false;
    } else {
        size_t hours = (size_t)(colon - p), rest = (size_t)(end - colon - 1);
        if (hours < 1 || hours > 2) return false;
        memcpy(d + 2 - hours, p, hours);
        if (rest == 1)
            d[3] = colon[1];
        else if (rest == 2)
            memcpy(d + 2, colon + 1, 2);
        else if (rest == 5 && colon[3] == ':')
            memcpy(d + 2, colon + 1, 2), memcpy(d + 4, colon + 4, 2);
        else
            return false;
    }
    int32_t h, m, s;
    if (!two_digits(d, &h) || !two_digits(d + 2, &m) || !two_digits(d + 4, &s)) return false;
    int32_t total = h * 3600 + m * 60 + s;
    if (m > 59 || s > 59 || total > MAX_OFFSET) return false;
    *ret_seconds = text.ptr[0] == '-' ? -total : total;
    return true;
}

/* "+02:00", "GMT-03:00", "Z": the one spelling of a fixed offset. */
static const struct hr_tz *find_fixed(struct hr_str_view name)
{
    static const char *const prefixes[] = {"UTC", "GMT", "UT"};
    int32_t offset = 0;
    char text[32];
    size_t n = 0;
    struct hr_str_view rest = name;
    if (hr_sv_eq(name, hr_sv("Z"))) return hr_tz_utc();
    for (size_t i = 0; i < HR_COUNT(prefixes) && n == 0; i++) {
        size_t len = strlen(prefixes[i]);
        if (name.len < len || memcmp(name.ptr, prefixes[i], len) != 0) continue;
        if (name.len == len) return fixed_zone(name, 0);
        memcpy(text, prefixes[i], len);
        n = len;
        rest = hr_svn(name.ptr + len, name.len - len);
    }
    if (!hr_tz_parse_offset(rest, &offset)) return NULL;
    n += hr_tz_format_offset(offset, text + n);
    return fixed_zone(hr_svn(text, n), offset);
}

size_t hr_tz_format_offset(int32_t seconds, char *out)
{
    int32_t v = seconds < 0 ? -seconds : seconds, parts[3] = {v / 3600, v / 60 % 60, v % 60};
    size_t n = 0;
    out[n++] = seconds < 0 ? '-' : '+';
    for (int i = 0; i < (parts[2] ? 3 : 2); i++) {
        if (i) out[n++] = ':';
        out[n++] = (char)('0' + parts[i] / 10);
        out[n++] = (char)('0' + parts[i] % 10);
    }
    return n;
}

/* Java's ZoneId.SHORT_IDS, which Spark passes. */
static const struct {
    char from[4];
    const char *to;
} short_ids[] = {
    {"ACT", "Australia/Darwin"},
    {"AET", "Australia/Sydney"},
    {"AGT", "America/Argentina/Buenos_Aires"},
    {"ART", "Africa/Cairo"},
    {"AST", "America/Anchorage"},
    {"BET", "America/Sao_Paulo"},
    {"BST", "Asia/Dhaka"},
    {"CAT", "Africa/Harare"},
    {"CNT", "America/St_Johns"},
    {"CST", "America/Chicago"},
    {"CTT", "Asia/Shanghai"},
    {"EAT", "Africa/Addis_Ababa"},
    {"ECT", "Europe/Paris"},
    {"IET", "America/Indiana/Indianapolis"},
    {"IST", "Asia/Kolkata"},
    {"JST", "Asia/Tokyo"},
    {"MIT", "Pacific/Apia"},
    {"NET", "Asia/Yerevan"},
    {"NST", "Pacific/Auckland"},
    {"PLT", "Asia/Karachi"},
    {"PNT", "America/Phoenix"},
    {"PRT", "America/Puerto_Rico"},
    {"PST", "America/Los_Angeles"},
    {"SST", "Pacific/Guadalcanal"},
    {"VST", "Asia/Ho_Chi_Minh"},
    {"EST", "-05:00"},
    {"MST", "-07:00"},
    {"HST", "-10:00"},
};

/* A region name that cannot leave the zoneinfo folder: letters, digits and _ + - by single
 * slashes. */
static bool safe_name(struct hr_str_view name)
{
    static const char *const not_zones[] = {"posix/", "right/", "localtime", "posixrules",
                                            "Factory"};
    if (name.len < 2 || name.len > NAME_MAX_LEN) return false;
    char before = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (c == '/' ? before == '/' : !letter && !(other && before != '/')) return false;
        before = c;
    }
    for (size_t i = 0; i < HR_COUNT(not_zones); i++) {
        size_t len = strlen(not_zones[i]);
        if (name.len >= len && memcmp(name.ptr, not_zones[i], len) == 0) return false;
    }
    return before != '/';
}

static const struct hr_tz *find_region(struct hr_str_view name)
{
    if (!safe_name(name)) return NULL;
    char path[sizeof ZONEINFO + NAME_MAX_LEN];
    memcpy(path, ZONEINFO, sizeof ZONEINFO - 1);
    memcpy(path + sizeof ZONEINFO - 1, name.ptr, name.len);
    path[sizeof ZONEINFO - 1 + name.len] = '\0';
    struct hr_buf data;
    hr_buf_init(&data, 1 << 20);
    struct hr_tz *tz = NULL;
    if (hr_env_read_file(hr_env_default(), path, &data, NULL) == HR_OK) {
        tz = new_tz(name);
        if (!tz || !reserve(tz) || !load(tz, data.ptr, data.len)) {
            free_tz(tz);
            tz = NULL;
        }
    }
    hr_buf_done(&data);
    if (!tz) return NULL;
    shrink(tz);
    return publish(tz);
}

const struct hr_tz *hr_tz_utc(void)
{
    static int32_t offset;
    static uint8_t abbreviation;
    static char utc[8] = "UTC";
    static struct hr_tz tz = {.name = "UTC",
                              .offsets = &offset,
                              .abbreviation = &abbreviation,
                              .abbreviations = utc,
                              .cycle_from = INT64_MAX};
    return &tz;
}

const struct hr_tz *hr_tz_find(struct hr_str_view name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN) return NULL;
    if (hr_sv_eq(name, hr_sv("UTC")) || hr_sv_eq(name, hr_sv("Z"))) return hr_tz_utc();
    const struct hr_tz *tz = lookup(name, bucket_of(name));
    if (tz) return tz;
    if (name.len == 3) {
        for (size_t i = 0; i < HR_COUNT(short_ids); i++)
            if (memcmp(name.ptr, short_ids[i].from, 3) == 0)
                return hr_tz_find(hr_sv(short_ids[i].to));
    }
    tz = find_fixed(name);
    return tz ? tz : find_region(name);
}

const char *hr_tz_name(const struct hr_tz *tz)
{
    return tz->name;
}

/* Lookup -------------------------------------------------------------------------------------- */

static int64_t floor_seconds(int64_t us)
{
    return us / HR_US_PER_SECOND - (us % HR_US_PER_SECOND < 0);
}

/* Number of entries of table that are <= value. */
static uint32_t upper_bound(const int64_t *table, uint32_t count, int64_t value)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Brings an instant beyond the table back by whole cycles of 400 years. */
static int64_t fold(const struct hr_tz *tz, int64_t seconds)
{
    if (HR_LIKELY(seconds < tz->cycle_from)) return seconds;
    return seconds - ((seconds - tz->cycle_from) / CYCLE_SECONDS + 1) * CYCLE_SECONDS;
}

int32_t hr_tz_offset_at(const struct hr_tz *tz, int64_t utc_us)
{
    if (tz->count == 0) return tz->offsets[0];
    return tz->offsets[upper_bound(tz->at, tz->count, fold(tz, floor_seconds(utc_us)))];
}

int32_t hr_tz_offset_span(const struct hr_tz *tz, int64_t utc_us, int64_t *ret_from,
                          int64_t *ret_until)
{
    *ret_from = INT64_MIN;
    *ret_until = INT64_MAX;
    if (tz->count == 0) return tz->offsets[0];
    int64_t seconds = floor_seconds(utc_us), folded = fold(tz, seconds), shift = seconds - folded;
    uint32_t i = upper_bound(tz->at, tz->count, folded);
    int64_t v;
    if (i > 0 && !__builtin_mul_overflow(tz->at[i - 1] + shift, HR_US_PER_SECOND, &v))
        *ret_from = v;
    if (i < tz->count && !__builtin_mul_overflow(tz->at[i] + shift, HR_US_PER_SECOND, &v))
        *ret_until = v;
    else if (i == tz->count && tz->cycle_from != INT64_MAX)
        *ret_until = utc_us + 1;
    return tz->offsets[i];
}

int64_t hr_tz_to_utc(const struct hr_tz *tz, int64_t local_us)
{
    int32_t offset = tz->offsets[0];
    if (tz->count) {
        /* In a gap and in an overlap alike the offset before the transition is the one to take. */
        int64_t local = fold(tz, floor_seconds(local_us));
        offset = tz->offsets[upper_bound(tz->local, tz->count, local)];
    }
    return local_us - offset * HR_US_PER_SECOND;
}

const char *hr_tz_abbreviation(const struct hr_tz *tz, int64_t utc_us)
{
    uint32_t i = tz->count ? upper_bound(tz->at, tz->count, fold(tz, floor_seconds(utc_us))) : 0;
    const char *text = tz->abbreviations + tz->abbreviation[i] * 8;
    return *text ? text : tz->name;
}
