/* SPDX-License-Identifier: Apache-2.0 */
/* get_json_object, from_json, to_json, json_array_length, json_object_keys, schema_of_json. */
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "column/type_parse.h"
#include "expr/cast.h"
#include "expr/functions/array.h"
#include "expr/functions/functions.h"
#include "expr/functions/json.h"
#include "expr/internal.h"
#include "expr/read_text.h"

/* --- get_json_object ---------------------------------------------------------------------------*/

/* A path as steps: ".name", "['name']", "[3]", "[*]". */
struct step {
    enum { STEP_NAME, STEP_INDEX, STEP_ALL } kind;
    struct hr_str_view name;
    int64_t index;
};

#define STEPS_MAX 64

static bool parse_path(struct hr_str_view path, struct step *steps, uint32_t *ret_count)
{
    size_t i = 1;
    uint32_t n = 0;
    if (!path.len || path.ptr[0] != '$') return false;
    while (i < path.len) {
        struct step *s = &steps[n++];
        if (n > STEPS_MAX) return false;
        size_t start;
        if (path.ptr[i] == '.') {
            start = ++i;
            while (i < path.len && path.ptr[i] != '.' && path.ptr[i] != '[') i++;
            *s = (struct step){STEP_NAME, hr_svn(path.ptr + start, i - start), 0};
            if (!s->name.len) return false;
            if (s->name.len == 1 && s->name.ptr[0] == '*') s->kind = STEP_ALL;
            continue;
        }
        const char *close = memchr(path.ptr + i, ']', path.len - i);
        if (path.ptr[i] != '[' || !close) return false;
        struct hr_str_view in = hr_svn(path.ptr + i + 1, (size_t)(close - path.ptr) - i - 1);
        if (in.len == 1 && in.ptr[0] == '*')
            s->kind = STEP_ALL;
        else if (in.len > 2 && in.ptr[0] == '\'' && in.ptr[in.len - 1] == '\'')
            *s = (struct step){STEP_NAME, hr_svn(in.ptr + 1, in.len - 2), 0};
        else if (hr_parse_i64(in, &s->index) && s->index >= 0)
            s->kind = STEP_INDEX;
        else
            return false;
        i = (size_t)(close - path.ptr) + 1;
    }
    *ret_count = n;
    return true;
}

static bool key_is(struct hr_str_view quoted, struct hr_str_view name)
{
    if (!memchr(quoted.ptr, '\\', quoted.len))
        return hr_sv_eq(hr_svn(quoted.ptr + 1, quoted.len - 2), name);
    struct hr_buf text = {0};
    hr_json_unquote(quoted, &text);
    bool same = hr_sv_eq(hr_svn(text.ptr, text.len), name);
    hr_buf_done(&text);
    return same;
}

/* Without white space, and fractions as Java writes a DOUBLE: 1.50 is 1.5, 1e3 is 1000.0. */
static void put_normal(struct hr_str_view value, struct hr_buf *out)
{
    struct hr_buf compact = {0};
    hr_json_compact(value, &compact);
    const char *p = compact.ptr, *end = p + compact.len;
    while (p < end) {
        const char *start = p;
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++) p += *p == '\\' && p + 1 < end;
            p += p < end;
            hr_buf_append(out, start, (size_t)(p - start));
            continue;
        }
        bool fraction = false;
        for (; p < end && (strchr("+-.eE", *p) || (*p >= '0' && *p <= '9')); p++)
            fraction = fraction || *p == '.' || *p == 'e' || *p == 'E';
        struct hr_str_view number = hr_svn(start, (size_t)(p - start));
        double d;
        char text[64];
        if (p == start) /* a mark, or a letter of true, false, null */
            hr_buf_putc(out, *p++);
        else if (fraction && number.len > 1 && hr_text_to_f64(number, &d) && isfinite(d))
            hr_buf_append(out, text, hr_format_f64(d, text));
        else
            hr_buf_put_sv(out, number);
    }
    if (compact.failed) out->failed = true;
    hr_buf_done(&compact);
}

/* Appends the matches of steps in value to out, each as JSON, with commas. */
static void follow(struct hr_str_view value, const struct step *steps, uint32_t count,
                   struct hr_buf *out, uint32_t *found)
{
    struct hr_json j = hr_json(value);
    struct hr_str_view key;
    if (count == 0) {
        if ((*found)++) hr_buf_putc(out, ',');
        put_normal(value, out);
    } else if (steps->kind == STEP_NAME) {
        if (hr_json_enter(&j,
                          '[')) { /* a name of an array: of each of its objects, after a [*] only */
            return;
        }
        if (!hr_json_enter(&j, '{')) return;
        for (bool first = true; hr_json_member(&j, first, &key); first = false) {
            struct hr_str_view v = hr_json_value(&j);
            if (key_is(key, steps->name)) {
                if (hr_json_peek(&(struct hr_json){v.ptr, v.ptr + v.len, false, 0}) == 'n') return;
                follow(v, steps + 1, count - 1, out, found);
                return;
            }
        }
    } else if (hr_json_enter(&j, '[')) {
        int64_t i = 0;
        for (bool first = true; hr_json_element(&j, first); first = false, i++) {
            struct hr_str_view v = hr_json_value(&j);
            if (steps->kind == STEP_INDEX && i != steps->index) continue;
            follow(v, steps + 1, count - 1, out, found);
        }
    }
}

static hr_status objects(HR_EVAL_ARGS, struct hr_buf *text)
{
    struct step steps[STEPS_MAX + 1];
    uint32_t count = 0;
    bool ok = false, all = false, parsed = false;
    HR_TEXT_ROWS({
        if (!parsed || !args[1].is_const) {
            ok = parse_path(hr_arg_str(&args[1], row), steps, &count);
            parsed = true;
            all = false;
            for (uint32_t i = 0; ok && i < count; i++) all = all || steps[i].kind == STEP_ALL;
        }
        struct hr_json j = hr_json(hr_arg_str(&args[0], row));
        struct hr_str_view value = hr_json_value(&j);
        uint32_t found = 0;
        hr_buf_clear(text);
        if (ok && !j.bad) follow(value, steps, count, text, &found);
        struct hr_str_view r = hr_svn(text->ptr, text->len);
        if (!found) {
            hr_out_null(out, row);
        } else if (found > 1 || (all && count && steps[count - 1].kind == STEP_ALL && found)) {
            hr_buf_printf(&buf, "[");
            hr_buf_put_sv(&buf, r);
            hr_buf_putc(&buf, ']');
        } else if (r.len && r.ptr[0] == '"' && !all) {
            hr_json_unquote(r, &buf);
        } else {
            hr_buf_put_sv(&buf, r);
        }
        if (text->failed) buf.failed = true;
    });
}

hr_status hr_fn_get_json_object(HR_EVAL_ARGS)
{
    struct hr_buf text = {0};
    hr_status status = objects(ctx, call, args, out, err, &text);
    hr_buf_done(&text);
    return status;
}

/* --- Lengths and keys --------------------------------------------------------------------------*/

hr_status hr_fn_json_array_length(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_json j = hr_json(hr_arg_str(&args[0], row));
        int32_t n = 0;
        bool array = hr_json_enter(&j, '[');
        for (bool first = true; array && hr_json_element(&j, first); first = false, n++)
            hr_json_value(&j);
        if (!array || j.bad) hr_out_null(out, row);
        HR_OUT(int32_t, out)[row] = n;
    }
    return HR_OK;
}

hr_status hr_fn_json_object_keys(HR_EVAL_ARGS)
{
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    struct hr_buf text = {0};
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row) {
        struct hr_json check = hr_json(hr_arg_str(&args[0], row)), j = check;
        struct hr_str_view key;
        hr_json_value(&check);
        if (check.bad || !hr_json_enter(&j, '{')) {
            hr_builder_null(b);
            continue;
        }
        for (bool first = true; hr_json_member(&j, first, &key); first = false) {
            hr_json_value(&j);
            hr_buf_clear(&text);
            hr_json_unquote(key, &text);
            hr_builder_str(hr_builder_child(b, 0), hr_svn(text.ptr, text.len));
        }
        hr_builder_close(b);
    }
    hr_buf_done(&text);
    return hr_out_from_builder(ctx, b, out, err);
}

/* --- from_json ---------------------------------------------------------------------------------*/

struct from_json {
    const struct hr_type *type;
    bool fail_fast;
    struct hr_time_format *timestamp_format, *date_format; /* NULL: the usual ones */
};

struct reading {
    const struct hr_conf *conf;
    const struct from_json *options;
    struct hr_buf *text;
    bool failed; /* a value of the record does not fit its type */
};

#define CORRUPT "_corrupt_record"

static int32_t corrupt_field(const struct hr_type *type)
{
    if (type->id != HR_T_STRUCT) return -1;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, CORRUPT) == 0 && type->fields[i].type->id == HR_T_STRING)
            return (int32_t)i;
    return -1;
}

static bool read_value(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                       struct hr_builder *b);

static bool read_struct(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                        struct hr_builder *b)
{
    struct hr_str_view values[64] = {{0}}, key, *at = values, *heap = NULL;
    struct hr_json j = hr_json(v);
    int32_t skip = type == r->options->type ? corrupt_field(type) : -1;
    if (!hr_json_enter(&j, '{')) {
        hr_builder_null(b);
        return false;
    }
    if (type->field_count > HR_COUNT(values) &&
        !(at = heap = hr_zalloc(sizeof *heap * type->field_count))) {
        hr_builder_null(b);
        return false;
    }
    for (bool first = true; hr_json_member(&j, first, &key); first = false) {
        struct hr_str_view value = hr_json_value(&j);
        for (uint32_t i = 0; i < type->field_count; i++)
            if (key_is(key, hr_sv(type->fields[i].name))) at[i] = value;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct hr_builder *child = hr_builder_child(b, i);
        if ((int32_t)i == skip) continue;
        if (!at[i].ptr)
            hr_builder_null(child);
        else
            read_value(r, type->fields[i].type, at[i], child);
    }
    if (skip >= 0 && r->failed)
        hr_builder_str(hr_builder_child(b, (uint32_t)skip), v);
    else if (skip >= 0)
        hr_builder_null(hr_builder_child(b, (uint32_t)skip));
    hr_builder_close(b);
    hr_free(heap);
    return true;
}

static bool read_list(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                      struct hr_builder *b)
{
    struct hr_json j = hr_json(v);
    struct hr_str_view key;
    bool map = type->id == HR_T_MAP;
    if (!hr_json_enter(&j, map ? '{' : '[')) {
        hr_builder_null(b);
        return false;
    }
    for (bool first = true; map ? hr_json_member(&j, first, &key) : hr_json_element(&j, first);
         first = false) {
        struct hr_str_view value = hr_json_value(&j);
        if (map) {
            hr_buf_clear(r->text);
            hr_json_unquote(key, r->text);
            hr_builder_str(hr_builder_child(b, 0), hr_svn(r->text->ptr, r->text->len));
        }
        read_value(r, type->fields[map].type, value, hr_builder_child(b, map));
    }
    hr_builder_close(b);
    return true;
}

static bool read_number(const struct hr_type *type, struct hr_str_view v, bool quoted,
                        struct hr_builder *b)
{
    static const int64_t limits[] = {[HR_T_BYTE] = INT8_MAX,
                                     [HR_T_SHORT] = INT16_MAX,
                                     [HR_T_INT] = INT32_MAX,
                                     [HR_T_LONG] = INT64_MAX};
    int64_t i;
    double d;
    hr_i128 wide;
    if (type->id == HR_T_DECIMAL) {
        if (!hr_read_decimal(v, type, &wide)) return false;
        hr_builder_decimal(b, wide);
        return true;
    }
    if (hr_type_is_integral(type)) {
        if (quoted || !hr_parse_i64(v, &i) || i > limits[type->id] || i < -limits[type->id] - 1)
            return false;
        hr_builder_i64(b, i);
        return true;
    }
    if (quoted && !(v.len && (v.ptr[0] == 'N' || v.ptr[v.len > 1] == 'I' || v.ptr[0] == 'I')))
        return false;
    if (!hr_text_to_f64(v, &d)) return false;
    hr_builder_f64(b, d);
    return true;
}

static bool read_text(struct reading *r, const struct hr_type *type, struct hr_str_view s,
                      struct hr_builder *b)
{
    int32_t day;
    int64_t us;
    if (type->id == HR_T_STRING) {
        hr_builder_str(b, s);
        return true;
    }
    if (type->id == HR_T_BINARY) {
        struct hr_buf bytes = {0};
        bool good = hr_base64_get(&bytes, s) && !bytes.failed;
        if (good) hr_builder_str(b, hr_svn(bytes.ptr, bytes.len));
        hr_buf_done(&bytes);
        return good;
    }
    const struct hr_time_format *format = type->id == HR_T_DATE ? r->options->date_format
                                          : type->id == HR_T_TIMESTAMP
                                              ? r->options->timestamp_format : NULL;
    if (format) {
        const struct hr_tz *tz = type->id == HR_T_DATE ? hr_tz_utc() : r->conf->tz;
        if (!hr_time_format_parse(format, s, tz, &us)) return false;
        hr_builder_i64(b, type->id == HR_T_DATE ? us / HR_US_PER_DAY - (us % HR_US_PER_DAY < 0)
                                                : us);
        return true;
    }
    if (type->id == HR_T_DATE && hr_parse_date(s, &day)) {
        hr_builder_i64(b, day);
        return true;
    }
    bool ok = type->id == HR_T_TIMESTAMP       ? hr_parse_timestamp(s, r->conf->tz, &us)
              : type->id == HR_T_TIMESTAMP_NTZ ? hr_read_timestamp_ntz(s, &us)
              : hr_type_is_interval(type) && hr_text_to_interval(s, type, &us);
    if (ok) {
        hr_builder_i64(b, us);
        return true;
    }
    return hr_type_is_numeric(type) && read_number(type, s, true, b);
}

static bool read_scalar(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                        struct hr_builder *b)
{
    char c = v.ptr[0];
    hr_buf_clear(r->text);
    if (c == '"' || c == '\'') {
        hr_json_unquote(v, r->text);
        return read_text(r, type, hr_svn(r->text->ptr, r->text->len), b);
    }
    if (type->id == HR_T_STRING) {
        if (c == '{' || c == '[') {
            hr_json_compact(v, r->text);
            v = hr_svn(r->text->ptr, r->text->len);
        }
        hr_builder_str(b, v);
        return true;
    }
    if (type->id == HR_T_BOOLEAN && (c == 't' || c == 'f')) {
        hr_builder_bool(b, c == 't');
        return true;
    }
    if (type->id == HR_T_TIMESTAMP && (c == '-' || (c >= '0' && c <= '9'))) {
        int64_t s;
        if (!hr_parse_i64(v, &s) || __builtin_mul_overflow(s, HR_US_PER_SECOND, &s)) return false;
        hr_builder_i64(b, s);
        return true;
    }
    return hr_type_is_numeric(type) && c != 't' && c != 'f' && read_number(type, v, false, b);
}

static bool read_value(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                       struct hr_builder *b)
{
    if (v.len && v.ptr[0] == 'n') {
        hr_builder_null(b);
        return true;
    }
    if (type->id == HR_T_STRUCT) return read_struct(r, type, v, b);
    if (hr_type_is_nested(type)) return read_list(r, type, v, b);
    if (v.len && read_scalar(r, type, v, b)) return true;
    r->failed = true;
    hr_builder_null(b);
    return false;
}

static hr_status malformed(struct hr_str_view record, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_put_sv(&text, record);
    hr_status status = HR_RAISE(err, HR_E_MALFORMED_RECORD, "badRecord", hr_buf_cstr(&text),
                                "failFastMode", "FAILFAST");
    hr_buf_done(&text);
    return status;
}

static hr_status read_row(struct reading *r, const struct from_json *f, struct hr_str_view s,
                          struct hr_builder *b, struct hr_err *err)
{
    struct hr_json j = hr_json(s);
    if (!hr_json_peek(&j)) {
        hr_builder_null(b);
        return HR_OK;
    }
    struct hr_str_view v = hr_json_value(&j);
    bool shape = f->type->id == HR_T_ARRAY ? v.len && v.ptr[0] == '[' : v.len && v.ptr[0] == '{';
    if (!j.bad && shape) {
        r->failed = false;
        read_value(r, f->type, v, b);
        return r->failed && f->fail_fast ? malformed(s, err) : HR_OK;
    }
    if (!j.bad && f->type->id == HR_T_ARRAY && v.len && v.ptr[0] == '{' &&
        f->type->fields[0].type->id == HR_T_STRUCT) {
        read_value(r, f->type->fields[0].type, v,
                   hr_builder_child(b, 0)); /* one object: an array of it */
        hr_builder_close(b);
        return HR_OK;
    }
    if (f->fail_fast) return malformed(s, err);
    if (f->type->id != HR_T_STRUCT) {
        hr_builder_null(b);
        return HR_OK;
    }
    int32_t corrupt = corrupt_field(f->type);
    for (uint32_t i = 0; i < f->type->field_count; i++) {
        if ((int32_t)i == corrupt)
            hr_builder_str(hr_builder_child(b, i), s);
        else
            hr_builder_null(hr_builder_child(b, i));
    }
    hr_builder_close(b);
    return HR_OK;
}

hr_status hr_fn_from_json(HR_EVAL_ARGS)
{
    const struct from_json *f = call->bound;
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    struct hr_buf text = {0};
    struct reading r = {ctx->conf, f, &text, false};
    hr_status status = HR_OK;
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row) {
        status = read_row(&r, f, hr_arg_str(&args[0], row), b, err);
        if (status != HR_OK) break;
    }
    hr_buf_done(&text);
    return status == HR_OK ? hr_out_from_builder(ctx, b, out, err) : status;
}

/* The value of an option in map('name', 'value', …). */
static bool json_option(struct hr_arena *arena, const struct hr_conf *conf,
                        const struct hr_expr *call, const char *name, struct hr_str_view *ret)
{
    if (call->arg_count < 2) return false;
    const struct hr_expr *map = call->args[call->arg_count - 1];
    while (map->kind == HR_X_CAST) map = map->args[0];
    if (map->kind != HR_X_CALL || map->arg_count % 2) return false;
    for (uint32_t i = 0; i < map->arg_count; i += 2) {
        struct hr_str_view key;
        if (hr_resolve_const_string(arena, conf, map->args[i], &key) &&
            hr_sv_eq_nocase(key, hr_sv(name)))
            return hr_resolve_const_string(arena, conf, map->args[i + 1], ret);
    }
    return false;
}

static hr_status parse_mode(struct hr_str_view mode, bool *ret_fail_fast, struct hr_err *err)
{
    *ret_fail_fast = hr_sv_eq_nocase(mode, hr_sv("failfast"));
    if (!hr_sv_eq_nocase(mode, hr_sv("dropmalformed"))) return HR_OK;
    return HR_RAISE(err, HR_E_PARSE_MODE_UNSUPPORTED, "funcName", "`from_json`", "mode",
                    "DROPMALFORMED");
}

/* Keys of JSON are texts. */
static bool has_other_keys(const struct hr_type *type)
{
    if (type->id == HR_T_MAP && type->fields[0].type->id != HR_T_STRING) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_other_keys(type->fields[i].type)) return true;
    return false;
}

hr_status hr_bind_from_json(HR_BIND_ARGS)
{
    struct from_json *f = HR_NEW(arena, struct from_json);
    struct hr_str_view ddl;
    if (!f) return HR_OOM(err);
    struct hr_expr *text = call->args[0];
    if (text->implicit_cast && text->args[0]->type->id != HR_T_NULL) { /* no other type will do */
        call->args[0] = text->args[0];
        return hr_resolve_unexpected_type(arena, call, 0, "\"STRING\"", err);
    }
    if (!hr_resolve_const_string(arena, conf, call->args[1], &ddl))
        return HR_RAISE(err, HR_E_INVALID_SCHEMA_NON_STRING_LITERAL, "inputSchema",
                        hr_expr_quoted(arena, call->args[1]));
    if (hr_type_parse(ddl, &f->type, NULL) != HR_OK) HR_TRY(hr_schema_parse(ddl, &f->type, err));
    if (f->type->id != HR_T_STRUCT && f->type->id != HR_T_ARRAY && f->type->id != HR_T_MAP)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_JSON_SCHEMA, "sqlExpr",
                        hr_expr_quoted(arena, call), "schema", hr_type_quoted(arena, f->type));
    struct hr_str_view v;
    if (call->arg_count > 2 && json_option(arena, conf, call, "mode", &v))
        HR_TRY(parse_mode(v, &f->fail_fast, err));
    if (has_other_keys(f->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_JSON_MAP_KEY_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "schema", hr_type_quoted(arena, f->type));
    if (call->arg_count > 2 && json_option(arena, conf, call, "timestampFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->timestamp_format, err));
    if (call->arg_count > 2 && json_option(arena, conf, call, "dateFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->date_format, err));
    call->bound = f;
    call->type = f->type;
    call->nullable = true;
    return HR_OK;
}

/* --- to_json -----------------------------------------------------------------------------------*/

struct to_json {
    bool nulls; /* ignoreNullFields is false */
    struct hr_time_format *timestamp_format, *date_format; /* NULL: the usual ones */
};

struct writing {
    const struct hr_conf *conf;
    const struct to_json *options;
    bool nulls;
};

static void write_value(const struct hr_column *col, uint32_t row, const struct writing *w,
                        struct hr_buf *text, struct hr_buf *out);

static bool is_null(const struct hr_column *col, uint32_t row)
{
    return col->type->id == HR_T_NULL || !hr_column_valid(col, row);
}

static void write_timestamp(int64_t us, const struct hr_tz *tz, bool zoned, struct hr_buf *out)
{
    int64_t local = zoned ? hr_tz_to_local(tz, us) : us;
    struct hr_civil c = hr_civil_from_us(local);
    hr_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03d", c.year, c.month, c.day, c.hour,
                  c.minute, c.second, c.us / 1000);
    int32_t offset = zoned ? hr_tz_offset_at(tz, us) : 0, magnitude = offset < 0 ? -offset : offset;
    if (zoned && offset)
        hr_buf_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', magnitude / 3600,
                      magnitude / 60 % 60);
    else if (zoned)
        hr_buf_putc(out, 'Z');
    hr_buf_putc(out, '"');
}

static void write_nested(const struct hr_column *col, uint32_t row, const struct writing *w,
                         struct hr_buf *text, struct hr_buf *out)
{
    bool first = true;
    if (col->type->id == HR_T_STRUCT) {
        hr_buf_putc(out, '{');
        for (uint32_t i = 0; i < col->type->field_count; i++) {
            if (!w->nulls && is_null(&col->children[i], row)) continue;
            if (!first) hr_buf_putc(out, ',');
            first = false;
            hr_buf_put_json(out, hr_sv(col->type->fields[i].name));
            hr_buf_putc(out, ':');
            write_value(&col->children[i], row, w, text, out);
        }
        hr_buf_putc(out, '}');
        return;
    }
    const int32_t *offsets = col->values;
    bool map = col->type->id == HR_T_MAP;
    hr_buf_putc(out, map ? '{' : '[');
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (!first) hr_buf_putc(out, ',');
        first = false;
        if (map) {
            struct hr_buf key = {0};
            hr_column_print(&col->children[0], (uint32_t)i, w->conf->tz, &key);
            hr_buf_put_json(out, hr_svn(key.ptr, key.len));
            hr_buf_done(&key);
            hr_buf_putc(out, ':');
        }
        write_value(&col->children[map], (uint32_t)i, w, text, out);
    }
    hr_buf_putc(out, map ? '}' : ']');
}

static void write_value(const struct hr_column *col, uint32_t row, const struct writing *w,
                        struct hr_buf *text, struct hr_buf *out)
{
    if (is_null(col, row)) {
        hr_buf_puts(out, "null");
        return;
    }
    enum hr_type_id id = col->type->id;
    if (hr_type_is_nested(col->type)) {
        write_nested(col, row, w, text, out);
    } else if (id == HR_T_TIMESTAMP && w->options->timestamp_format) {
        hr_buf_clear(text);
        hr_time_format_print(w->options->timestamp_format,
                             hr_tz_to_local(w->conf->tz, ((const int64_t *)col->values)[row]),
                             w->conf->tz, text);
        hr_buf_put_json(out, hr_svn(text->ptr, text->len));
    } else if (id == HR_T_DATE && w->options->date_format) {
        hr_buf_clear(text);
        hr_time_format_print(w->options->date_format,
                             ((const int32_t *)col->values)[row] * HR_US_PER_DAY, w->conf->tz,
                             text);
        hr_buf_put_json(out, hr_svn(text->ptr, text->len));
    } else if (id == HR_T_BINARY) {
        hr_buf_putc(out, '"');
        hr_base64_put(out, hr_string_view(&((const struct hr_string *)col->values)[row]));
        hr_buf_putc(out, '"');
    } else if (id == HR_T_TIMESTAMP || id == HR_T_TIMESTAMP_NTZ) {
        write_timestamp(((const int64_t *)col->values)[row], w->conf->tz, id == HR_T_TIMESTAMP,
                        out);
    } else {
        hr_buf_clear(text);
        hr_column_print(col, row, w->conf->tz, text);
        bool bare = hr_type_is_numeric(col->type) || id == HR_T_BOOLEAN;
        if (id == HR_T_DOUBLE) bare = isfinite(((const double *)col->values)[row]);
        if (id == HR_T_FLOAT) bare = isfinite(((const float *)col->values)[row]);
        if (bare)
            hr_buf_append(out, text->ptr, text->len);
        else
            hr_buf_put_json(out, hr_svn(text->ptr, text->len));
    }
}

hr_status hr_bind_to_json(HR_BIND_ARGS)
{
    struct to_json *f = HR_NEW(arena, struct to_json);
    struct hr_str_view v;
    if (!f) return HR_OOM(err);
    const struct hr_type *to =
        hr_type_implicit(call->args[0]->type, hr_sv("struct|map|array"));
    if (!to)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_JSON_SCHEMA, "sqlExpr",
                        hr_expr_quoted(arena, call), "schema",
                        hr_type_quoted(arena, call->args[0]->type));
    HR_TRY(hr_resolve_cast(arena, &call->args[0], to, err));
    if (json_option(arena, conf, call, "ignoreNullFields", &v))
        f->nulls = hr_sv_eq_nocase(v, hr_sv("false"));
    if (json_option(arena, conf, call, "timestampFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->timestamp_format, err));
    if (json_option(arena, conf, call, "dateFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->date_format, err));
    call->bound = f;
    return HR_OK;
}

hr_status hr_fn_to_json(HR_EVAL_ARGS)
{
    const struct to_json *options = call->bound;
    struct writing w = {ctx->conf, options, options->nulls};
    struct hr_buf text = {0};
    hr_status status = HR_OK;
    struct hr_buf json = {0};
    HR_EACH_ROW(ctx, out, row) {
        hr_buf_clear(&json);
        write_value(&args[0].col, hr_vector_row(&args[0], row), &w, &text, &json);
        status = hr_buf_status(&json, err);
        if (status == HR_OK) status = hr_out_str(ctx, out, row, json.ptr, json.len, err);
        if (status != HR_OK) break;
    }
    hr_buf_done(&text);
    hr_buf_done(&json);
    return status;
}

/* --- schema_of_json ----------------------------------------------------------------------------*/

static const struct hr_type *infer(struct hr_str_view v, struct hr_arena *arena);

static const struct hr_type *infer_object(struct hr_str_view v, struct hr_arena *arena)
{
    HR_VEC(struct hr_field) fields = {0};
    struct hr_json j = hr_json(v);
    struct hr_str_view key;
    struct hr_buf text = {0};
    hr_json_enter(&j, '{');
    for (bool first = true; hr_json_member(&j, first, &key); first = false) {
        hr_buf_clear(&text);
        hr_json_unquote(key, &text);
        const struct hr_type *t = infer(hr_json_value(&j), arena);
        struct hr_field f = {hr_arena_strndup(arena, text.ptr ? text.ptr : "", text.len), t, true};
        if (!t || !f.name || !HR_VEC_PUSH(arena, &fields, f)) break;
    }
    hr_buf_done(&text);
    for (uint32_t i = 1; i < fields.count; i++) /* Spark sorts the names */
        for (uint32_t k = i; k > 0 && strcmp(fields.items[k - 1].name, fields.items[k].name) > 0;
             k--) {
            struct hr_field f = fields.items[k];
            fields.items[k] = fields.items[k - 1];
            fields.items[k - 1] = f;
        }
    return hr_type_struct(fields.items, fields.count);
}

static const struct hr_type *infer(struct hr_str_view v, struct hr_arena *arena)
{
    int64_t i;
    char c = v.len ? v.ptr[0] : 'n';
    if (c == '{') return infer_object(v, arena);
    if (c == '[') {
        const struct hr_type *element = hr_type(HR_T_NULL);
        struct hr_json j = hr_json(v);
        hr_json_enter(&j, '[');
        for (bool first = true; hr_json_element(&j, first); first = false) {
            const struct hr_type *t = infer(hr_json_value(&j), arena);
            const struct hr_type *wide = t ? hr_type_common(element, t) : NULL;
            element = wide ? wide : hr_type(HR_T_STRING);
        }
        if (element->id == HR_T_NULL) element = hr_type(HR_T_STRING);
        return hr_type_array(element, true);
    }
    if (c == '"' || c == '\'' || c == 'n') return hr_type(HR_T_STRING);
    if (c == 't' || c == 'f') return hr_type(HR_T_BOOLEAN);
    return hr_type(hr_parse_i64(v, &i) ? HR_T_LONG : HR_T_DOUBLE);
}

hr_status hr_fn_schema_of_json(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_json j = hr_json(hr_arg_str(&args[0], row));
        struct hr_str_view v = hr_json_value(&j);
        const struct hr_type *t = j.bad ? NULL : infer(v, ctx->arena);
        if (t)
            hr_type_print_sql(t, &buf);
        else
            hr_buf_puts(&buf, "STRING");
    });
}
