/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of JSON lines, by Spark's rules: BIGINT, DECIMAL for integers beyond it (and, if
 * preferred, for fractions), DOUBLE, BOOLEAN, STRING, STRUCT with its fields sorted, ARRAY, and if
 * asked TIMESTAMP; numbers give the wider type, other pairs STRING; all-null columns are STRING and
 * objects without members are left out; a damaged record adds the corrupt-record column.
 *
 * A tree of kinds is merged record by record; the types are made from it at the end.
 */
#include <ctype.h>

#include "base/utf8.h"
#include "format/json/json.h"

enum kind { K_NONE, K_BOOL, K_LONG, K_DECIMAL, K_DOUBLE, K_TIMESTAMP, K_STRING, K_STRUCT, K_ARRAY };

struct inferred {
    enum kind kind;
    int precision, scale; /* DECIMAL */
    const char *name;
    HR_VEC(struct inferred *) children; /* STRUCT: fields by name; ARRAY: one */
};

struct infer {
    struct hr_arena *arena;
    const struct json_options *options;
    struct hr_time_format *timestamp_format; /* or NULL */
    const struct hr_tz *tz;
    bool fold; /* names of several records that differ by case are one */
    const char *p, *end;
    uint32_t depth;
    bool oom;
};

static bool infer_value(struct infer *in, struct inferred *to);

static void skip_space(struct infer *in)
{
    while (in->p < in->end && isspace((unsigned char)*in->p)) in->p++;
}

static bool next_is(struct infer *in, char c)
{
    return in->p < in->end && *in->p == c;
}

static bool is_number(enum kind kind)
{
    return kind == K_LONG || kind == K_DECIMAL || kind == K_DOUBLE;
}

static void merge_kind(struct inferred *to, enum kind kind)
{
    if (kind == K_NONE || to->kind == kind) return;
    if (to->kind == K_NONE)
        to->kind = kind;
    else if (is_number(to->kind) && is_number(kind))
        to->kind = HR_MAX(to->kind, kind);
    else
        to->kind = K_STRING;
}

static void merge_decimal(struct inferred *to, int precision, int scale)
{
    if (to->kind == K_LONG) {
        to->precision = 20;
        to->scale = 0;
    }
    int whole = HR_MAX(to->precision - to->scale, precision - scale);
    to->scale = HR_MAX(to->scale, scale);
    to->precision = whole + to->scale;
    merge_kind(to, to->precision > 38 ? K_DOUBLE : K_DECIMAL);
}

static struct inferred *child_named(struct infer *in, struct inferred *of, struct hr_str_view name)
{
    uint32_t low = 0, high = of->children.count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        int cmp = hr_sv_cmp(hr_sv(of->children.items[mid]->name), name);
        if (cmp == 0) return of->children.items[mid];
        if (cmp < 0) low = mid + 1;
        else high = mid;
    }
    struct inferred *child = HR_NEW(in->arena, struct inferred);
    if (!child || !(child->name = hr_arena_strndup(in->arena, name.ptr, name.len)) ||
        !HR_VEC_PUSH(in->arena, &of->children, child)) {
        in->oom = true;
        return NULL;
    }
    struct inferred **items = of->children.items;
    memmove(items + low + 1, items + low, (of->children.count - 1 - low) * sizeof *items);
    items[low] = child;
    return child;
}

/* The same for a member of another record. */
static struct inferred *merged_child(struct infer *in, struct inferred *of, const char *name)
{
    for (uint32_t i = 0; in->fold && i < of->children.count; i++)
        if (hr_str_eq_nocase(of->children.items[i]->name, name)) return of->children.items[i];
    return child_named(in, of, hr_sv(name));
}

static bool infer_string(struct infer *in, struct hr_str_view *ret)
{
    char quote = *in->p++;
    const char *start = in->p;
    bool escaped = false;
    while (in->p < in->end && *in->p != quote) {
        if ((unsigned char)*in->p < 0x20 && !in->options->control_chars) return false;
        if (*in->p == '\\') {
            escaped = true;
            in->p++;
        }
        in->p++;
    }
    if (in->p >= in->end) return false;
    size_t len = (size_t)(in->p++ - start);
    if (!hr_utf8_valid(start, len)) return false;
    *ret = hr_svn(start, len);
    if (!escaped) return true;
    char *out = hr_arena_alloc(in->arena, len + 1);
    if (!out) {
        in->oom = true;
        return false;
    }
    ret->ptr = out;
    return hr_json_unescape(start, start + len,
                            in->options->any_backslash || quote == '\'', out, &ret->len);
}

static bool infer_object(struct infer *in, struct inferred *to)
{
    struct inferred scratch = {0};
    bool into = to->kind == K_NONE || to->kind == K_STRUCT;
    merge_kind(to, K_STRUCT);
    if (!into) to = &scratch;
    in->p++;
    skip_space(in);
    if (next_is(in, '}')) {
        in->p++;
        return true;
    }
    for (;;) {
        struct hr_str_view name;
        if (!next_is(in, '"') && !(in->options->single_quotes && next_is(in, '\''))) return false;
        if (!infer_string(in, &name)) return false;
        skip_space(in);
        if (!next_is(in, ':')) return false;
        in->p++;
        struct inferred *child = child_named(in, to, name);
        if (!child || !infer_value(in, child)) return false;
        skip_space(in);
        if (next_is(in, '}')) break;
        if (!next_is(in, ',')) return false;
        in->p++;
        skip_space(in);
    }
    in->p++;
    return true;
}

static bool infer_array(struct infer *in, struct inferred *to)
{
    struct inferred scratch = {0};
    bool into = to->kind == K_NONE || to->kind == K_ARRAY;
    merge_kind(to, K_ARRAY);
    if (!into) to = &scratch;
    struct inferred *element = child_named(in, to, hr_sv("element"));
    if (!element) return false;
    in->p++;
    skip_space(in);
    if (next_is(in, ']')) {
        in->p++;
        return true;
    }
    for (;;) {
        if (!infer_value(in, element)) return false;
        skip_space(in);
        if (next_is(in, ']')) break;
        if (!next_is(in, ',')) return false;
        in->p++;
    }
    in->p++;
    return true;
}

/* Digits of a number as BigDecimal counts them; false: beyond 38, or a negative scale. */
static bool decimal_shape(struct hr_str_view text, int *ret_precision, int *ret_scale)
{
    int64_t digits = 0, scale = 0, exponent = 0;
    bool fraction = false;
    size_t i = text.len && (*text.ptr == '-' || *text.ptr == '+');
    for (; i < text.len && (text.ptr[i] | 32) != 'e'; i++) {
        if (text.ptr[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (!isdigit((unsigned char)text.ptr[i])) return false;
        digits += digits || text.ptr[i] != '0';
        scale += fraction;
    }
    if (i + 1 < text.len && text.ptr[i + 1] == '+') i++;
    if (i < text.len && !hr_parse_i64(hr_svn(text.ptr + i + 1, text.len - i - 1), &exponent))
        return false;
    scale -= exponent;
    if (scale < 0 || scale > 38 || digits > 38) return false;
    *ret_scale = (int)scale;
    *ret_precision = (int)HR_MAX(HR_MAX(digits, scale), 1);
    return true;
}

static void infer_text(struct infer *in, struct inferred *to, struct hr_str_view text)
{
    int precision, scale;
    int64_t us;
    if (!text.len) return; /* as null */
    bool digits = memchr("+-.0123456789", *text.ptr, 13) != NULL;
    if (in->options->prefers_decimal && digits && decimal_shape(text, &precision, &scale)) {
        merge_decimal(to, precision, scale);
        return;
    }
    bool is_time = in->options->infer_timestamp &&
                   (in->timestamp_format
                        ? hr_time_format_parse(in->timestamp_format, text, in->tz, &us)
                        : hr_parse_timestamp(text, in->tz, &us));
    merge_kind(to, is_time ? K_TIMESTAMP : K_STRING);
}

static bool infer_scalar(struct infer *in, struct inferred *to)
{
    static const struct {
        const char *text;
        enum kind kind;
    } words[] = {{"true", K_BOOL},       {"false", K_BOOL},      {"null", K_NONE},
                 {"NaN", K_DOUBLE},      {"Infinity", K_DOUBLE}, {"-Infinity", K_DOUBLE},
                 {"-INF", K_DOUBLE},     {"+INF", K_DOUBLE}};
    const char *start = in->p;
    while (in->p < in->end && !strchr(" \t\r\n,]}", *in->p)) in->p++;
    struct hr_str_view text = hr_svn(start, (size_t)(in->p - start));
    enum kind kind = K_NONE;
    for (size_t i = 0; i < HR_COUNT(words); i++) {
        if (!hr_sv_eq(text, hr_sv(words[i].text))) continue;
        kind = words[i].kind;
        if (kind != K_NONE && in->options->primitives_as_string) kind = K_STRING;
        merge_kind(to, kind);
        return true;
    }
    int64_t integer;
    double real;
    if (!text.len || (*text.ptr != '-' && !isdigit((unsigned char)*text.ptr))) return false;
    int precision, scale;
    bool whole = !memchr(text.ptr, '.', text.len) && !memchr(text.ptr, 'e', text.len) &&
                 !memchr(text.ptr, 'E', text.len);
    bool exact = (whole || in->options->prefers_decimal) && !in->options->primitives_as_string;
    if (hr_parse_i64(text, &integer)) {
        kind = K_LONG;
    } else if (exact && decimal_shape(text, &precision, &scale)) {
        merge_decimal(to, precision, scale);
        return true;
    } else if (hr_parse_f64(text, &real)) {
        kind = K_DOUBLE;
    } else {
        return false;
    }
    merge_kind(to, in->options->primitives_as_string ? K_STRING : kind);
    return true;
}

static bool infer_value(struct infer *in, struct inferred *to)
{
    struct hr_str_view text;
    bool good;
    skip_space(in);
    if (in->p >= in->end || ++in->depth > 60) return false;
    switch (*in->p) {
    case '{': good = infer_object(in, to); break;
    case '[': good = infer_array(in, to); break;
    case '\'':
    case '"':
        good = infer_string(in, &text);
        if (good) infer_text(in, to, text);
        break;
    default: good = infer_scalar(in, to); break;
    }
    in->depth--;
    return good;
}

/* Damage half-way must not leave its fields behind: a record is read into a tree of its own. */
static void merge(struct infer *in, struct inferred *to, const struct inferred *from)
{
    bool into = to->kind == K_NONE || to->kind == from->kind;
    if (from->kind == K_DECIMAL)
        merge_decimal(to, from->precision, from->scale);
    else if (from->kind == K_LONG && to->kind == K_DECIMAL)
        merge_decimal(to, 20, 0);
    else
        merge_kind(to, from->kind);
    if (!into) return;
    for (uint32_t i = 0; i < from->children.count; i++) {
        const struct inferred *child = from->children.items[i];
        struct inferred *mine = merged_child(in, to, child->name);
        if (mine) merge(in, mine, child);
    }
}

static bool infer_record(struct infer *in, struct inferred *root)
{
    struct inferred record = {0};
    in->depth = 0;
    skip_space(in);
    if (in->p >= in->end) return true;
    if (*in->p != '{' && *in->p != '[') return false;
    if (!infer_value(in, &record)) return false;
    if (record.kind == K_ARRAY) {
        const struct inferred *element = record.children.items[0];
        if (element->kind == K_NONE) return true;
        if (element->kind != K_STRUCT) return false;
        merge(in, root, element);
        return true;
    }
    merge(in, root, &record);
    return true;
}

/* Leaves out what has no members, and, if asked, what was always null. */
static bool has_type(const struct infer *in, const struct inferred *of)
{
    if (of->kind == K_NONE) return !in->options->drop_all_null;
    if (of->kind == K_ARRAY) return has_type(in, of->children.items[0]);
    for (uint32_t i = 0; of->kind == K_STRUCT && i < of->children.count; i++)
        if (has_type(in, of->children.items[i])) return true;
    return of->kind != K_STRUCT;
}

static const struct hr_type *to_type(struct infer *in, const struct inferred *from)
{
    const struct hr_type *element;
    struct hr_field *fields;
    uint32_t count = 0;
    switch (from->kind) {
    case K_DECIMAL: return hr_type_decimal(from->precision, from->scale);
    case K_TIMESTAMP: return hr_type(HR_T_TIMESTAMP);
    case K_BOOL: return hr_type(HR_T_BOOLEAN);
    case K_LONG: return hr_type(HR_T_LONG);
    case K_DOUBLE: return hr_type(HR_T_DOUBLE);
    case K_ARRAY:
        element = to_type(in, from->children.items[0]);
        return element ? hr_type_array(element, true) : NULL;
    case K_STRUCT:
        fields = HR_NEW_ARRAY(in->arena, struct hr_field, from->children.count + 1);
        if (!fields) return NULL;
        for (uint32_t i = 0; i < from->children.count; i++) {
            const struct inferred *child = from->children.items[i];
            if (!has_type(in, child)) continue;
            fields[count] = (struct hr_field){child->name, to_type(in, child), true};
            if (!fields[count++].type) return NULL;
        }
        return hr_type_struct(fields, count);
    default: return hr_type(HR_T_STRING);
    }
}

static hr_status infer_all(struct infer *in, const char *sample, size_t size, bool multi_line,
                           const struct hr_type **ret, struct hr_err *err)
{
    struct inferred root = {.kind = K_STRUCT};
    bool damaged = false;
    for (const char *p = sample, *end = sample + size; p < end;) {
        const char *newline = multi_line ? NULL : memchr(p, '\n', (size_t)(end - p));
        in->p = p;
        in->end = newline ? newline : end;
        bool good = infer_record(in, &root);
        damaged |= !good;
        p = multi_line && good ? in->p : in->end + 1; /* several files follow one another */
    }
    if (in->oom) return HR_OOM(err);
    if (damaged && in->options->mode == JSON_FAILFAST)
        return HR_RAISE(err, HR_E_MALFORMED_RECORD, "badRecord", "in schema inference",
                        "failFastMode", "FAILFAST");
    if (damaged && in->options->mode == JSON_PERMISSIVE) {
        struct inferred *corrupt = child_named(in, &root, hr_sv(in->options->corrupt_name));
        if (corrupt) corrupt->kind = K_STRING;
    }
    const struct hr_type *type = to_type(in, &root);
    if (!type || in->oom) return HR_OOM(err);
    *ret = type;
    return HR_OK;
}

hr_status hr_json_infer(const struct hr_format_args *args, const char *sample, size_t size,
                        const struct hr_type **ret, struct hr_err *err)
{
    struct json_options options;
    memset(&options, 0, sizeof options);
    HR_TRY(hr_options_parse(hr_json_options.specs, hr_json_options.count, args->options, &options,
                            err));
    struct hr_arena arena;
    hr_arena_init(&arena, args->mem);
    struct infer in = {.arena = &arena, .options = &options, .tz = hr_tz_utc()};
    in.fold = !args->conf || !args->conf->case_sensitive;
    hr_status status = HR_OK;
    if (options.timestamp_format)
        status = hr_time_format_compile(&arena, hr_sv(options.timestamp_format),
                                        &in.timestamp_format, err);
    if (!status) status = infer_all(&in, sample, size, options.multi_line, ret, err);
    hr_arena_done(&arena);
    return status;
}
