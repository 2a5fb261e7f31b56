/* SPDX-License-Identifier: Apache-2.0 */
/* Options: the key/value list and the table-driven parser with its messages. */
#include "base/options.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"

void hr_options_init(struct hr_options *options, struct hr_arena *arena)
{
    memset(options, 0, sizeof *options);
    options->arena = arena;
}

static struct hr_option *find(const struct hr_options *options, const char *key)
{
    for (uint32_t i = 0; options && i < options->count; i++)
        if (hr_str_eq_nocase(options->items[i].key, key)) return &options->items[i];
    return NULL;
}

hr_status hr_options_put(struct hr_options *options, const char *key, const char *value,
                         struct hr_err *err)
{
    assert(options->arena);
    const char *value_copy = value ? hr_arena_strdup(options->arena, value) : NULL;
    if (value && !value_copy) return HR_OOM(err);
    struct hr_option *have = find(options, key);
    if (have) {
        have->value = value_copy;
        return HR_OK;
    }
    struct hr_option item = {hr_arena_strdup(options->arena, key), value_copy};
    if (!item.key || !HR_VEC_PUSH(options->arena, options, item)) return HR_OOM(err);
    return HR_OK;
}

bool hr_options_remove(struct hr_options *options, const char *key)
{
    struct hr_option *have = find(options, key);
    if (!have) return false;
    uint32_t i = (uint32_t)(have - options->items);
    memmove(have, have + 1, (options->count - i - 1) * sizeof *have);
    options->count--;
    return true;
}

const char *hr_options_get(const struct hr_options *options, const char *key)
{
    struct hr_option *have = find(options, key);
    return have ? have->value : NULL;
}

bool hr_option_is_secret(const char *key)
{
    static const char *const words[] = {"password",   "passwd",      "secret",        "token",
                                        "jaas",       "credential",  "sasl.username", "api.key",
                                        "apikey",     "private.key", "access.key",    "accesskey",
                                        "ssl.key.pem"};
    size_t len = strlen(key);
    for (size_t i = 0; i < HR_COUNT(words); i++) {
        size_t n = strlen(words[i]);
        for (size_t at = 0; at + n <= len; at++)
            if (hr_sv_eq_nocase(hr_svn(key + at, n), hr_svn(words[i], n))) return true;
    }
    return false;
}

/* Messages ------------------------------------------------------------------------------------ */

static hr_status bad(const struct hr_opt_spec *spec, const char *value, const char *wanted,
                     struct hr_err *err)
{
    char why[320];
    if (hr_option_is_secret(spec->name))
        snprintf(why, sizeof why, "must be %s", wanted);
    else
        snprintf(why, sizeof why, "'%.100s' is not %s", value, wanted);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", spec->name, "why", why);
}

static hr_status check_range(const struct hr_opt_spec *spec, int64_t v, const char *value,
                             struct hr_err *err)
{
    if ((spec->min == 0 && spec->max == 0) || (v >= spec->min && v <= spec->max)) return HR_OK;
    const char *unit = spec->type == HR_OPT_DURATION ? " microseconds"
                       : spec->type == HR_OPT_BYTES  ? " bytes"
                                                     : "";
    char wanted[128];
    if (spec->max == INT64_MAX)
        snprintf(wanted, sizeof wanted, "at least %" PRId64 "%s", spec->min, unit);
    else
        snprintf(wanted, sizeof wanted, "between %" PRId64 " and %" PRId64 "%s", spec->min,
                 spec->max, unit);
    return bad(spec, value, wanted, err);
}

/* Values by type ------------------------------------------------------------------------------ */

static hr_status parse_enum(const struct hr_opt_spec *spec, const char *value, int *ret,
                            struct hr_err *err)
{
    assert(spec->choices);
    const char *p = spec->choices;
    for (int i = 0;; i++) {
        size_t len = strcspn(p, "|");
        if (hr_sv_eq_nocase(hr_svn(p, len), hr_sv(value))) {
            *ret = i;
            return HR_OK;
        }
        if (!p[len]) break;
        p += len + 1;
    }
    char wanted[200];
    snprintf(wanted, sizeof wanted, "one of %s", spec->choices);
    for (char *c = wanted; *c; c++)
        if (*c == '|') *c = ',';
    return bad(spec, value, wanted, err);
}

static hr_status parse_char(const struct hr_opt_spec *spec, const char *value, uint32_t *ret,
                            struct hr_err *err)
{
    static const char escapes[] = "t\tr\rb\bf\fn\n\\\\\"\"''0";
    size_t len = strlen(value);
    if (len == 0) {
        *ret = UINT32_MAX;
        return HR_OK;
    }
    if (len == 2 && value[0] == '\\') {
        for (size_t i = 0; i < sizeof escapes; i += 2) {
            if (value[1] == escapes[i]) {
                *ret = (unsigned char)escapes[i + 1];
                return HR_OK;
            }
        }
    }
    uint32_t code_point;
    if (strcmp(value, "\\u0000") == 0)
        *ret = 0;
    else if (hr_utf8_decode(value, len, &code_point) == len)
        *ret = code_point;
    else
        return bad(spec, value, "a single character", err);
    return HR_OK;
}

static hr_status parse_number(const struct hr_opt_spec *spec, const char *value, int64_t *ret,
                              struct hr_err *err)
{
    struct hr_str_view text = hr_sv_trim(hr_sv(value));
    int64_t v = 0;
    switch (spec->type) {
    case HR_OPT_BYTES:
        if (!hr_parse_bytes(text, &v)) return bad(spec, value, "a size such as 64m or 1g", err);
        break;
    case HR_OPT_DURATION:
        if (!hr_parse_duration(text, &v))
            return bad(spec, value, "a duration such as '10 seconds' or '500 ms'", err);
        break;
    default:
        if (!hr_parse_i64(text, &v)) return bad(spec, value, "a whole number", err);
    }
    HR_TRY(check_range(spec, v, value, err));
    *ret = v;
    return HR_OK;
}

static hr_status parse_one(const struct hr_opt_spec *spec, const char *value, void *target,
                           struct hr_err *err)
{
    void *to = (char *)target + spec->offset;
    struct hr_str_view text = hr_sv_trim(hr_sv(value));
    switch (spec->type) {
    case HR_OPT_STRING: *(const char **)to = value; return HR_OK;
    case HR_OPT_BOOL:
        if (!hr_parse_bool(text, (bool *)to)) return bad(spec, value, "true or false", err);
        return HR_OK;
    case HR_OPT_DOUBLE:
        if (!hr_parse_f64(text, (double *)to)) return bad(spec, value, "a number", err);
        return HR_OK;
    case HR_OPT_ENUM: return parse_enum(spec, value, (int *)to, err);
    case HR_OPT_CHAR: return parse_char(spec, value, (uint32_t *)to, err);
    case HR_OPT_INT:
    case HR_OPT_BYTES:
    case HR_OPT_DURATION: return parse_number(spec, value, (int64_t *)to, err);
    case HR_OPT_ACCEPTED:
    case HR_OPT_REFUSED: return HR_OK;
    }
    return HR_BUG(err, "option %s has no type", spec->name);
}

static void set_zero(const struct hr_opt_spec *spec, void *target)
{
    static const size_t sizes[] = {
        [HR_OPT_STRING] = sizeof(char *),
        [HR_OPT_INT] = 8,
        [HR_OPT_BOOL] = sizeof(bool),
        [HR_OPT_DOUBLE] = 8,
        [HR_OPT_BYTES] = 8,
        [HR_OPT_DURATION] = 8,
        [HR_OPT_ENUM] = sizeof(int),
        [HR_OPT_CHAR] = 4,
    };
    memset((char *)target + spec->offset, 0, sizes[spec->type]);
}

/* Rows that only say what becomes of a key. */
static bool has_no_value(const struct hr_opt_spec *spec)
{
    return spec->type == HR_OPT_ACCEPTED || spec->type == HR_OPT_REFUSED;
}

hr_status hr_options_parse(const struct hr_opt_spec *specs, size_t spec_count,
                           const struct hr_options *options, void *target, struct hr_err *err)
{
    for (size_t i = 0; i < spec_count; i++) {
        if (has_no_value(&specs[i])) continue;
        const char *value = hr_options_get(options, specs[i].name);
        if (!value) value = specs[i].def;
        if (!value)
            set_zero(&specs[i], target);
        else
            HR_TRY(parse_one(&specs[i], value, target, err));
    }
    return HR_OK;
}

/* Unknown keys -------------------------------------------------------------------------------- */

/* Edits from a to b without case, capped: enough for names of options. */
static uint32_t distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX || m > MAX) return UINT32_MAX;
    uint32_t row[MAX + 1];
    for (size_t j = 0; j <= m; j++) row[j] = (uint32_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = hr_sv_eq_nocase(hr_svn(a + i - 1, 1), hr_svn(b + j - 1, 1));
            uint32_t best = HR_MIN(diagonal + !same, HR_MIN(row[j], row[j - 1]) + 1);
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

static bool near_enough(const char *given, uint32_t edits)
{
    return edits <= 2 + strlen(given) / 4;
}

const char *hr_name_nearest(const char *given, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    uint32_t best = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        uint32_t d = distance(given, names[i]);
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest && near_enough(given, best) ? nearest : NULL;
}

const struct hr_opt_spec *hr_opt_find(const struct hr_opt_table *tables, size_t count,
                                      const char *name)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (hr_str_eq_nocase(name, tables[t].specs[i].name)) return &tables[t].specs[i];
    return NULL;
}

static hr_status unknown(const char *key, const struct hr_opt_table *tables, size_t count,
                         struct hr_err *err)
{
    const char *nearest = NULL;
    uint32_t best = UINT32_MAX;
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            if (has_no_value(&tables[t].specs[i])) continue;
            uint32_t d = distance(key, tables[t].specs[i].name);
            if (d < best) {
                best = d;
                nearest = tables[t].specs[i].name;
            }
        }
    }
    char why[200];
    if (nearest && near_enough(key, best))
        snprintf(why, sizeof why, "is not known here; did you mean %s?", nearest);
    else
        snprintf(why, sizeof why, "is not known here");
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", key, "why", why);
}

hr_status hr_options_check_known(const struct hr_options *options, const char *prefix,
                                 const struct hr_opt_table *tables, size_t count,
                                 struct hr_err *err)
{
    size_t prefix_len = prefix ? strlen(prefix) : 0;
    for (uint32_t o = 0; options && o < options->count; o++) {
        const char *key = options->items[o].key;
        const struct hr_opt_spec *spec = hr_opt_find(tables, count, key);
        if (spec && spec->type == HR_OPT_REFUSED) {
            char why[300];
            snprintf(why, sizeof why, "Spark has it, it is not supported here: %s", spec->doc);
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", key, "why", why);
        }
        if (spec) continue;
        bool foreign = prefix_len && strlen(key) > prefix_len &&
                       hr_sv_eq_nocase(hr_svn(key, prefix_len), hr_svn(prefix, prefix_len));
        if (!foreign) return unknown(key, tables, count, err);
    }
    return HR_OK;
}

/* Descriptions -------------------------------------------------------------------------------- */

static void describe_range(const struct hr_opt_spec *spec, struct hr_buf *out)
{
    if (spec->min == 0 && spec->max == 0) return;
    const char *unit = spec->type == HR_OPT_DURATION ? " \xc2\xb5s"
                       : spec->type == HR_OPT_BYTES  ? " bytes"
                                                     : "";
    if (spec->max >= INT32_MAX)
        hr_buf_printf(out, ", at least %" PRId64 "%s", spec->min, unit);
    else
        hr_buf_printf(out, ", %" PRId64 " to %" PRId64 "%s", spec->min, spec->max, unit);
}

void hr_opt_describe(const struct hr_opt_spec *spec, struct hr_buf *out)
{
    static const char *const names[] = {
        [HR_OPT_STRING] = "text",      [HR_OPT_INT] = "integer",   [HR_OPT_BOOL] = "true or false",
        [HR_OPT_DOUBLE] = "number",    [HR_OPT_BYTES] = "size",    [HR_OPT_DURATION] = "duration",
        [HR_OPT_CHAR] = "character",   [HR_OPT_ENUM] = "one of ",  [HR_OPT_ACCEPTED] = "no effect",
        [HR_OPT_REFUSED] = "refused",
    };
    hr_buf_puts(out, names[spec->type]);
    if (spec->type != HR_OPT_ENUM) {
        describe_range(spec, out);
        return;
    }
    for (const char *p = spec->choices; *p; p++)
        if (*p == '|')
            hr_buf_puts(out, ", ");
        else
            hr_buf_append(out, p, 1);
}
