/* SPDX-License-Identifier: Apache-2.0 */
/* from_json: values of a schema out of a JSON text, and what is kept of a damaged one. */
#include "base/datetime.h"
#include "column/type_parse.h"
#include "expr/cast.h"
#include "expr/functions/functions.h"
#include "expr/functions/json.h"
#include "expr/internal.h"
#include "expr/read_text.h"

struct from_json {
    const struct hr_type *type;
    bool fail_fast;
    uint32_t allow;       /* HR_JSON_… */
    int32_t corrupt;      /* the field that takes a damaged record, or -1 */
    const struct hr_tz *tz; /* NULL: the session's */
    /* NULL: the usual ones */
    struct hr_time_format *timestamp_format, *ntz_format, *date_format;
};

struct reading {
    const struct hr_tz *tz;
    const struct from_json *options;
    struct hr_buf *text;
    struct hr_buf *mended;
    struct hr_str_view record;
    bool failed;   /* a value of the record does not fit its type */
    bool hopeless; /* and what follows it cannot be read either */
};

static struct hr_json json_of(const struct reading *r, struct hr_str_view text)
{
    return hr_json_allowing(text, r->options->allow);
}

static bool read_value(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                       struct hr_builder *b);

static bool read_struct(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                        struct hr_builder *b)
{
    struct hr_str_view values[64] = {{0}}, key, *at = values, *heap = NULL;
    struct hr_json j = json_of(r, v);
    int32_t skip = type == r->options->type ? r->options->corrupt : -1;
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
        for (uint32_t i = type->field_count; i-- > 0;) /* the last field of a name has it */
            if (hr_json_key_is(key, hr_sv(type->fields[i].name))) {
                at[i] = value;
                break;
            }
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
        hr_builder_str(hr_builder_child(b, (uint32_t)skip), r->record);
    else if (skip >= 0)
        hr_builder_null(hr_builder_child(b, (uint32_t)skip));
    hr_builder_close(b);
    hr_free(heap);
    return true;
}

/* An element that does not fit its type spoils the whole; one that fits in part does not. */
static bool read_list(struct reading *r, const struct hr_type *type, struct hr_str_view v,
                      struct hr_builder *b)
{
    struct hr_json j = json_of(r, v);
    struct hr_str_view key;
    bool map = type->id == HR_T_MAP, good = true;
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
        good = read_value(r, type->fields[map].type, value, hr_builder_child(b, map)) && good;
    }
    if (good)
        hr_builder_close(b);
    else
        hr_builder_null(b);
    return good;
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
        if (quoted || !hr_parse_i64(v, &i)) return false;
        if (type->id == HR_T_BYTE && i > INT8_MAX && i <= UINT8_MAX) i -= UINT8_MAX + 1;
        if (i > limits[type->id] || i < -limits[type->id] - 1) return false;
        hr_builder_i64(b, i);
        return true;
    }
    if (quoted && !(v.len && (v.ptr[0] == 'N' || v.ptr[v.len > 1] == 'I' || v.ptr[0] == 'I')))
        return false;
    if (!hr_text_to_f64(v, &d)) return false;
    hr_builder_f64(b, d);
    return true;
}

/* Base64 in whole units of four. */
static bool read_base64(struct reading *r, struct hr_str_view s, struct hr_builder *b)
{
    struct hr_buf bytes = {0};
    size_t digits = 0, pads = 0;
    bool good = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '=')
            pads++;
        else if (s.ptr[i] > ' ')
            digits++;
        good = good && (s.ptr[i] == '=' || s.ptr[i] <= ' ' || !pads);
    }
    good = good && (digits + pads) % 4 == 0 && pads < 3;
    good = hr_base64_get(&bytes, s) && good && !bytes.failed;
    if (good) hr_builder_str(b, hr_svn(bytes.ptr, bytes.len));
    hr_buf_done(&bytes);
    if (digits % 4 == 1 && !pads) r->hopeless = true; /* Jackson loses its place there */
    return good;
}

static bool read_time(struct reading *r, const struct hr_type *type, struct hr_str_view s,
                      int64_t *ret)
{
    const struct from_json *o = r->options;
    const struct hr_time_format *format = type->id == HR_T_DATE        ? o->date_format
                                          : type->id == HR_T_TIMESTAMP ? o->timestamp_format
                                                                       : o->ntz_format;
    int32_t day;
    if (format) {
        const struct hr_tz *tz = type->id == HR_T_TIMESTAMP ? r->tz : hr_tz_utc();
        if (!hr_time_format_parse(format, s, tz, ret)) return false;
        if (type->id == HR_T_DATE)
            *ret = *ret / HR_US_PER_DAY - (*ret % HR_US_PER_DAY < 0);
        return true;
    }
    if (type->id == HR_T_TIMESTAMP) return hr_parse_timestamp(s, r->tz, ret);
    if (type->id == HR_T_TIMESTAMP_NTZ) return hr_read_timestamp_ntz(s, ret);
    if (!hr_parse_date(s, &day)) return false;
    *ret = day;
    return true;
}

static bool read_text(struct reading *r, const struct hr_type *type, struct hr_str_view s,
                      struct hr_builder *b)
{
    int64_t v;
    if (type->id == HR_T_STRING) {
        hr_builder_str(b, s);
        return true;
    }
    if (type->id == HR_T_BINARY) return read_base64(r, s, b);
    if (type->id == HR_T_TIME && hr_parse_time_of_day(s, &v, &(int){0})) {
        hr_builder_i64(b, v);
        return true;
    }
    if (hr_type_is_datetime(type) ? read_time(r, type, s, &v)
                                  : hr_type_is_interval(type) && hr_text_to_interval(s, type, &v)) {
        hr_builder_i64(b, v);
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
        struct hr_json j = json_of(r, v);
        hr_json_rewrite(&j, v, true, r->text);
        hr_builder_str(b, hr_svn(r->text->ptr, r->text->len));
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
    bool good = true;
    if (type->id == HR_T_STRUCT) {
        good = read_struct(r, type, v, b);
    } else if (hr_type_is_nested(type)) {
        good = read_list(r, type, v, b);
    } else if (!v.len || !read_scalar(r, type, v, b)) {
        good = false;
        hr_builder_null(b);
    }
    if (!good) r->failed = true;
    return good;
}

static hr_status malformed(int code, struct hr_str_view record, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_put_sv(&text, record);
    hr_status status = HR_RAISE(err, code, "badRecord", hr_buf_cstr(&text),
                                "failFastMode", "FAILFAST");
    hr_buf_done(&text);
    return status;
}

/* A struct of NULLs, with the record where one is asked for. */
static void put_damaged(const struct from_json *f, struct hr_str_view record, struct hr_builder *b)
{
    if (f->type->id != HR_T_STRUCT) {
        hr_builder_null(b);
        return;
    }
    for (uint32_t i = 0; i < f->type->field_count; i++) {
        if ((int32_t)i == f->corrupt)
            hr_builder_str(hr_builder_child(b, i), record);
        else
            hr_builder_null(hr_builder_child(b, i));
    }
    hr_builder_close(b);
}

static hr_status read_row(struct reading *r, struct hr_str_view s, struct hr_builder *scratch,
                          struct hr_builder *b, struct hr_err *err)
{
    const struct from_json *f = r->options;
    struct hr_json j = json_of(r, s);
    char c = hr_json_peek(&j);
    if (!c && j.pos == j.end) {
        hr_builder_null(b);
        return HR_OK;
    }
    struct hr_str_view v = hr_json_value(&j);
    bool array = f->type->id == HR_T_ARRAY;
    r->failed = r->hopeless = false;
    r->record = s;
    bool mended = j.bad && c == '{' && !f->fail_fast && f->type->id == HR_T_STRUCT &&
                  hr_json_mend(s, f->allow, f->type, r->mended);
    if (mended) {
        v = hr_svn(r->mended->ptr, r->mended->len);
        j.bad = false;
    }
    if (!j.bad && c == 'n') {
        read_value(r, f->type, hr_sv(f->type->id == HR_T_STRUCT ? "{}" : "null"), b);
    } else if (!j.bad && (array ? c == '[' : c == '{')) {
        if (scratch) read_value(r, f->type, v, scratch);
        if (r->hopeless)
            put_damaged(f, s, b);
        else if (r->failed = mended, true)
            read_value(r, f->type, v, b);
    } else if (!j.bad && array && c == '{' && f->type->fields[0].type->id == HR_T_STRUCT) {
        read_value(r, f->type->fields[0].type, v, hr_builder_child(b, 0)); /* an array of one */
        hr_builder_close(b);
    } else {
        r->failed = true;
        if (!f->fail_fast) put_damaged(f, s, b);
        if (f->fail_fast && !j.bad && c == '[' && f->type->id == HR_T_STRUCT)
            return malformed(HR_E_MALFORMED_JSON_ARRAYS, s, err);
    }
    return r->failed && f->fail_fast ? malformed(HR_E_MALFORMED_RECORD, s, err) : HR_OK;
}

/* BINARY can make what follows it unreadable. */
static bool has_binary(const struct hr_type *type)
{
    if (type->id == HR_T_BINARY) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_binary(type->fields[i].type)) return true;
    return false;
}

hr_status hr_fn_from_json(HR_EVAL_ARGS)
{
    const struct from_json *f = call->bound;
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    struct hr_buf text = {0}, mended = {0};
    struct reading r = {.tz = f->tz ? f->tz : ctx->conf->tz,
                        .options = f,
                        .text = &text,
                        .mended = &mended};
    hr_status status = HR_OK;
    struct hr_builder *scratch = NULL;
    if (b && has_binary(call->type))
        scratch = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row) {
        status = read_row(&r, hr_arg_str(&args[0], row), scratch, b, err);
        if (status != HR_OK) break;
    }
    hr_buf_done(&text);
    hr_buf_done(&mended);
    return status == HR_OK ? hr_out_from_builder(ctx, b, out, err) : status;
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

static hr_status read_options(struct hr_arena *arena, const struct hr_conf *conf,
                              const struct hr_expr *call, struct from_json *f, struct hr_err *err)
{
    struct hr_str_view v, corrupt = hr_sv("_corrupt_record");
    if (hr_json_option(arena, conf, call, "mode", &v)) HR_TRY(parse_mode(v, &f->fail_fast, err));
    HR_TRY(hr_json_allowed(arena, conf, call, &f->allow, err));
    if (hr_json_option(arena, conf, call, "timestampFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->timestamp_format, err));
    if (hr_json_option(arena, conf, call, "timestampNTZFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->ntz_format, err));
    if (hr_json_option(arena, conf, call, "dateFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->date_format, err));
    if (hr_json_option(arena, conf, call, "timeZone", &v) && !(f->tz = hr_tz_find(v)))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "timeZone '%.*s' is not known", (int)v.len,
                       v.ptr);
    hr_json_option(arena, conf, call, "columnNameOfCorruptRecord", &corrupt);
    f->corrupt = -1;
    for (uint32_t i = 0; f->type->id == HR_T_STRUCT && i < f->type->field_count; i++)
        if (hr_sv_eq(hr_sv(f->type->fields[i].name), corrupt) &&
            f->type->fields[i].type->id == HR_T_STRING)
            f->corrupt = (int32_t)i;
    return HR_OK;
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
    HR_TRY(hr_json_check_options(arena, conf, call, HR_JSON_FROM, err));
    HR_TRY(read_options(arena, conf, call, f, err));
    if (has_other_keys(f->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_JSON_MAP_KEY_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "schema", hr_type_quoted(arena, f->type));
    call->bound = f;
    call->type = f->type;
    call->nullable = true;
    return HR_OK;
}
