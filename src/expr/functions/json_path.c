/* SPDX-License-Identifier: Apache-2.0 */
/* get_json_object: Hive's paths ("$.a['b'][3][*]") with Hive's rules of how matches are put
 * together, which differ by whether wildcards were passed on the way. */
#include "expr/functions/functions.h"
#include "expr/functions/json.h"
#include "expr/internal.h"

/* STEP_STAR is ".*", which matches no member: a [*] is STEP_ALL. */
struct step {
    enum { STEP_NAME, STEP_INDEX, STEP_ALL, STEP_STAR } kind;
    struct hr_str_view name;
    int64_t index;
};

#define STEPS_MAX 64

/* "[3]", "[*]", "['name']" from the '['; the offset behind it, or 0. */
static size_t parse_subscript(struct hr_str_view p, size_t i, struct step *ret)
{
    if (i + 1 < p.len && p.ptr[i + 1] == '\'') {
        size_t start = i + 2, end = start;
        while (end < p.len && p.ptr[end] != '\'') end++;
        if (end == start || end + 1 >= p.len || p.ptr[end] != '\'' || p.ptr[end + 1] != ']')
            return 0;
        *ret = (struct step){STEP_NAME, hr_svn(p.ptr + start, end - start), 0};
        if (hr_sv_eq(ret->name, hr_sv("*"))) ret->kind = STEP_STAR;
        return end + 2;
    }
    size_t start = ++i;
    if (i < p.len && p.ptr[i] == '*') {
        ret->kind = STEP_ALL;
        i++;
    } else {
        while (i < p.len && p.ptr[i] >= '0' && p.ptr[i] <= '9') i++;
        if (!hr_parse_i64(hr_svn(p.ptr + start, i - start), &ret->index)) return 0;
        ret->kind = STEP_INDEX;
    }
    return i < p.len && p.ptr[i] == ']' ? i + 1 : 0;
}

static bool parse_path(struct hr_str_view p, struct step *steps, uint32_t *ret_count)
{
    size_t i = 1;
    uint32_t n = 0;
    if (!p.len || p.ptr[0] != '$') return false;
    while (i < p.len) {
        struct step *s = &steps[n++];
        if (n > STEPS_MAX) return false;
        if (p.ptr[i] == '[') {
            if (!(i = parse_subscript(p, i, s))) return false;
            continue;
        }
        if (p.ptr[i] != '.') return false;
        size_t start = ++i;
        while (i < p.len && p.ptr[i] != '.' && p.ptr[i] != '[') i++;
        if (i == start) return false;
        *s = (struct step){STEP_NAME, hr_svn(p.ptr + start, i - start), 0};
        if (hr_sv_eq(s->name, hr_sv("*"))) s->kind = STEP_STAR;
    }
    *ret_count = n;
    return true;
}

/* How matches are written: a text alone without quotes; as JSON; as JSON, arrays opened up. */
enum style { STYLE_RAW, STYLE_QUOTED, STYLE_FLAT };

/* Where matches go: the result, or an array of which it is not known yet how many it gets. */
struct sink {
    struct hr_buf *buf;
    bool in_array, some, escaped;
};

static void next_item(struct sink *to)
{
    if (to->some && to->in_array) hr_buf_putc(to->buf, ',');
    to->some = true;
}

static uint32_t follow(struct hr_str_view value, const struct step *steps, uint32_t count,
                       enum style style, struct sink *to);

/* The number of elements that gave something. */
static uint32_t follow_all(struct hr_str_view value, const struct step *steps, uint32_t count,
                           enum style style, struct sink *to)
{
    struct hr_json j = hr_json(value);
    uint32_t found = 0;
    hr_json_enter(&j, '[');
    for (bool first = true; hr_json_element(&j, first); first = false)
        found += follow(hr_json_value(&j), steps, count, style, to) > 0;
    return found;
}

static uint32_t put_value(struct hr_str_view value, enum style style, struct sink *to)
{
    struct hr_json j = hr_json(value);
    char c = hr_json_peek(&j);
    if (style == STYLE_FLAT && c == '[') return follow_all(value, NULL, 0, style, to);
    next_item(to);
    if (style == STYLE_RAW && (c == '"' || c == '\''))
        hr_json_unquote(value, to->buf);
    else
        hr_json_rewrite(&j, value, to->escaped, to->buf);
    return 1;
}

/* An array of what the elements give, in a row of its own: [*][*] gives one level less. */
static uint32_t put_array(struct hr_str_view value, const struct step *steps, uint32_t count,
                          enum style style, struct sink *to)
{
    struct sink inner = {to->buf, true, false, to->escaped};
    next_item(to);
    hr_buf_putc(to->buf, '[');
    uint32_t found = follow_all(value, steps, count, style, &inner);
    hr_buf_putc(to->buf, ']');
    return found;
}

/* One match stands for itself, more are an array. */
static uint32_t put_matches(struct hr_str_view value, const struct step *steps, uint32_t count,
                            enum style style, struct sink *to)
{
    struct hr_buf matches = {0};
    struct sink inner = {&matches, true, false, false};
    uint32_t found = follow_all(value, steps, count, style, &inner);
    if (found) next_item(to);
    if (found > 1) hr_buf_putc(to->buf, '[');
    if (found) hr_buf_append(to->buf, matches.ptr, matches.len);
    if (found > 1) hr_buf_putc(to->buf, ']');
    if (matches.failed) to->buf->failed = true;
    hr_buf_done(&matches);
    return found;
}

static uint32_t follow_array(struct hr_str_view value, const struct step *steps, uint32_t count,
                             enum style style, struct sink *to)
{
    bool next_all = count > 1 && steps[1].kind == STEP_ALL;
    if (steps->kind == STEP_ALL && next_all)
        return put_array(value, steps + 2, count - 2, STYLE_FLAT, to);
    if (steps->kind == STEP_ALL && style == STYLE_QUOTED)
        return put_array(value, steps + 1, count - 1, STYLE_QUOTED, to);
    if (steps->kind == STEP_ALL)
        return put_matches(value, steps + 1, count - 1,
                           style == STYLE_RAW ? STYLE_QUOTED : STYLE_FLAT, to);
    if (steps->kind != STEP_INDEX) return 0;
    struct hr_json j = hr_json(value);
    int64_t i = 0;
    hr_json_enter(&j, '[');
    for (bool first = true; hr_json_element(&j, first); first = false, i++) {
        struct hr_str_view element = hr_json_value(&j);
        if (i == steps->index)
            return follow(element, steps + 1, count - 1, next_all ? STYLE_QUOTED : style, to);
    }
    return 0;
}

/* Writes what the steps find in the value; 0: nothing. */
static uint32_t follow(struct hr_str_view value, const struct step *steps, uint32_t count,
                       enum style style, struct sink *to)
{
    struct hr_json j = hr_json(value);
    struct hr_str_view key;
    if (count == 0) return put_value(value, style, to);
    if (hr_json_peek(&j) == '[') return follow_array(value, steps, count, style, to);
    if (steps->kind != STEP_NAME || !hr_json_enter(&j, '{')) return 0;
    uint32_t found = 0;
    for (bool first = true; hr_json_member(&j, first, &key); first = false) {
        struct hr_str_view v = hr_json_value(&j);
        if (!found && v.len && *v.ptr != 'n' && hr_json_key_is(key, steps->name))
            found = follow(v, steps + 1, count - 1, style, to);
    }
    return found;
}

hr_status hr_fn_get_json_object(HR_EVAL_ARGS)
{
    struct step steps[STEPS_MAX + 1];
    uint32_t count = 0;
    bool ok = false, parsed = false;
    HR_TEXT_ROWS({
        if (!parsed || !args[1].is_const) {
            ok = parse_path(hr_arg_str(&args[1], row), steps, &count);
            parsed = true;
        }
        struct hr_json j = hr_json(hr_arg_str(&args[0], row));
        struct sink to = {&buf, false, false, true};
        struct hr_str_view value = hr_json_value(&j);
        if (!ok || j.bad || !follow(value, steps, count, STYLE_RAW, &to)) {
            hr_out_null(out, row);
            continue;
        }
    });
}
