/* SPDX-License-Identifier: Apache-2.0 */
/* to_json, json_array_length, json_object_keys, and the options of JSON functions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "base/options.h"
#include "column/type_parse.h"
#include "expr/cast.h"
#include "expr/functions/array.h"
#include "expr/functions/functions.h"
#include "expr/functions/java_format.h"
#include "expr/functions/json.h"
#include "expr/internal.h"

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

/* --- Options -----------------------------------------------------------------------------------*/

bool hr_json_option(struct hr_arena *arena, const struct hr_conf *conf, const struct hr_expr *call,
                    const char *name, struct hr_str_view *ret)
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

hr_status hr_json_flag(struct hr_arena *arena, const struct hr_conf *conf,
                       const struct hr_expr *call, const char *name, bool *ret, struct hr_err *err)
{
    struct hr_str_view v;
    if (!hr_json_option(arena, conf, call, name, &v)) return HR_OK;
    *ret = hr_sv_eq_nocase(v, hr_sv("true"));
    if (*ret || hr_sv_eq_nocase(v, hr_sv("false"))) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "the option %s is '%.*s', but has to be true or "
                   "false", name, (int)HR_MIN(v.len, 100u), v.ptr);
}

hr_status hr_json_allowed(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *call, uint32_t *ret, struct hr_err *err)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } features[] = {{"allowComments", HR_JSON_COMMENTS},
                    {"allowSingleQuotes", HR_JSON_SINGLE_QUOTES},
                    {"allowUnquotedFieldNames", HR_JSON_UNQUOTED_NAMES},
                    {"allowNumericLeadingZeros", HR_JSON_LEADING_ZEROS},
                    {"allowBackslashEscapingAnyCharacter", HR_JSON_ANY_ESCAPE},
                    {"allowUnquotedControlChars", HR_JSON_CONTROL_CHARS},
                    {"allowNonNumericNumbers", HR_JSON_NON_NUMERIC}};
    *ret = HR_JSON_SINGLE_QUOTES | HR_JSON_NON_NUMERIC;
    for (size_t i = 0; i < HR_COUNT(features); i++) {
        bool on = (*ret & features[i].bit) != 0;
        HR_TRY(hr_json_flag(arena, conf, call, features[i].name, &on, err));
        *ret = on ? *ret | features[i].bit : *ret & ~features[i].bit;
    }
    return HR_OK;
}

/* What the options of Spark's JSON are; refused: by whom, unless the value is the usual one. */
static const struct {
    const char *name;
    uint32_t refused;
    const char *usual;
} known[] = {
    {"mode", 0, NULL},
    {"columnNameOfCorruptRecord", 0, NULL},
    {"timestampFormat", HR_JSON_SCHEMA_OF, NULL},
    {"timestampNTZFormat", HR_JSON_SCHEMA_OF, NULL},
    {"dateFormat", 0, NULL},
    {"timeZone", HR_JSON_SCHEMA_OF, NULL},
    {"locale", HR_JSON_FROM | HR_JSON_TO | HR_JSON_SCHEMA_OF, "en-US"},
    {"allowComments", 0, NULL},
    {"allowSingleQuotes", 0, NULL},
    {"allowUnquotedFieldNames", 0, NULL},
    {"allowNumericLeadingZeros", 0, NULL},
    {"allowBackslashEscapingAnyCharacter", 0, NULL},
    {"allowUnquotedControlChars", 0, NULL},
    {"allowNonNumericNumbers", 0, NULL},
    {"primitivesAsString", 0, NULL},
    {"prefersDecimal", 0, NULL},
    {"inferTimestamp", 0, NULL},
    {"dropFieldIfAllNull", HR_JSON_SCHEMA_OF, "false"},
    {"ignoreNullFields", 0, NULL},
    {"pretty", 0, NULL},
    {"enableDateTimeParsingFallback", HR_JSON_FROM, "false"},
    {"singleVariantColumn", HR_JSON_FROM, NULL},
    {"writeNonAsciiCharacterAsCodePoint", HR_JSON_TO, "false"},
    {"maxNestingDepth", HR_JSON_FROM | HR_JSON_SCHEMA_OF, "1000"},
    {"maxNumLen", HR_JSON_FROM | HR_JSON_SCHEMA_OF, "1000"},
    {"maxStringLen", HR_JSON_FROM | HR_JSON_SCHEMA_OF, NULL},
    {"multiLine", 0, NULL},
    {"lineSep", 0, NULL},
    {"samplingRatio", 0, NULL},
    {"encoding", 0, NULL},
    {"charset", 0, NULL},
    {"compression", 0, NULL},
};

static hr_status check_option(enum hr_json_use use, const char *name, const char *value,
                              struct hr_err *err)
{
    const char *names[HR_COUNT(known)], *near;
    char why[160];
    for (size_t i = 0; i < HR_COUNT(known); i++) {
        names[i] = known[i].name;
        if (!hr_str_eq_nocase(name, known[i].name)) continue;
        if (!(known[i].refused & use)) return HR_OK;
        if (known[i].usual && hr_str_eq_nocase(value, known[i].usual)) return HR_OK;
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why",
                        "Spark has it, but it is not supported here; leave it out");
    }
    near = hr_name_nearest(name, names, HR_COUNT(names));
    snprintf(why, sizeof why, "is not known%s%s%s", near ? "; did you mean " : "", near ? near : "",
             near ? "?" : "");
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why", why);
}

hr_status hr_call_options(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *call, uint32_t at, struct hr_options *ret,
                          struct hr_err *err)
{
    hr_options_init(ret, arena);
    if (call->arg_count <= at) return HR_OK;
    const struct hr_expr *map = call->args[at];
    while (map->kind == HR_X_CAST) map = map->args[0];
    if (map->kind != HR_X_CALL || !map->function || strcmp(map->function->name, "map") != 0)
        return HR_RAISE(err, HR_E_INVALID_OPTIONS_NON_MAP_FUNCTION);
    for (uint32_t i = 0; map->arg_count && i < 2; i++)
        if (map->type->fields[i].type->id != HR_T_STRING)
            return HR_RAISE(err, HR_E_INVALID_OPTIONS_NON_STRING_TYPE, "mapType",
                            hr_type_quoted(arena, map->type));
    for (uint32_t i = 0; i + 1 < map->arg_count; i += 2) {
        struct hr_str_view key, value;
        if (!hr_resolve_const_string(arena, conf, map->args[i], &key) ||
            !hr_resolve_const_string(arena, conf, map->args[i + 1], &value))
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "the options of %s have to be constants", call->function->name);
        const char *k = hr_arena_strndup(arena, key.ptr, key.len);
        const char *v = hr_arena_strndup(arena, value.ptr, value.len);
        if (!k || !v) return HR_OOM(err);
        HR_TRY(hr_options_put(ret, k, v, err));
    }
    return HR_OK;
}

hr_status hr_json_check_options(struct hr_arena *arena, const struct hr_conf *conf,
                                const struct hr_expr *call, enum hr_json_use use,
                                struct hr_err *err)
{
    struct hr_options options;
    HR_TRY(hr_call_options(arena, conf, call, use == HR_JSON_FROM ? 2 : 1, &options, err));
    for (uint32_t i = 0; i < options.count; i++)
        HR_TRY(check_option(use, options.items[i].key, options.items[i].value, err));
    return HR_OK;
}

/* --- to_json -----------------------------------------------------------------------------------*/

struct to_json {
    bool skip_nulls, pretty;
    const struct hr_tz *tz; /* NULL: the session's */
    /* NULL: the usual ones */
    struct hr_time_format *timestamp_format, *ntz_format, *date_format;
};

struct writing {
    const struct hr_conf *conf;
    const struct hr_tz *tz;
    const struct to_json *options;
    int depth; /* objects around, of which each is two blanks deeper */
};

/* A new line within an object, when the text is to be pretty. */
static void new_line(const struct writing *w, struct hr_buf *out)
{
    if (!w->options->pretty) return;
    hr_buf_putc(out, '\n');
    for (int i = 0; i < w->depth; i++) hr_buf_puts(out, "  ");
}

static void colon(const struct writing *w, struct hr_buf *out)
{
    hr_buf_puts(out, w->options->pretty ? " : " : ":");
}

static void write_value(const struct hr_column *col, uint32_t row, struct writing *w,
                        struct hr_buf *text, struct hr_buf *out);

static bool is_null(const struct hr_column *col, uint32_t row)
{
    return col->type->id == HR_T_NULL || !hr_column_valid(col, row);
}

static void write_timestamp(int64_t us, const struct hr_tz *tz, bool zoned, struct hr_buf *out)
{
    int64_t local = zoned ? hr_tz_to_local(tz, us) : us;
    struct hr_civil c = hr_civil_from_us(local);
    const char *sign = c.year < 0 ? "-" : c.year > 9999 ? "+" : "";
    hr_buf_printf(out, "\"%s%04d-%02d-%02dT%02d:%02d:%02d.%03d", sign, abs((int)c.year), c.month,
                  c.day, c.hour, c.minute, c.second, c.us / 1000);
    int32_t offset = zoned ? hr_tz_offset_at(tz, us) : 0, magnitude = offset < 0 ? -offset : offset;
    if (zoned && offset)
        hr_buf_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', magnitude / 3600,
                      magnitude / 60 % 60);
    else if (zoned)
        hr_buf_putc(out, 'Z');
    hr_buf_putc(out, '"');
}

static void write_struct(const struct hr_column *col, uint32_t row, struct writing *w,
                         struct hr_buf *text, struct hr_buf *out)
{
    bool first = true;
    hr_buf_putc(out, '{');
    w->depth++;
    for (uint32_t i = 0; i < col->type->field_count; i++) {
        if (w->options->skip_nulls && is_null(&col->children[i], row)) continue;
        if (!first) hr_buf_putc(out, ',');
        first = false;
        new_line(w, out);
        hr_buf_put_json(out, hr_sv(col->type->fields[i].name));
        colon(w, out);
        write_value(&col->children[i], row, w, text, out);
    }
    w->depth--;
    if (!first)
        new_line(w, out);
    else if (w->options->pretty)
        hr_buf_putc(out, ' ');
    hr_buf_putc(out, '}');
}

static void write_array(const struct hr_column *col, uint32_t row, struct writing *w,
                        struct hr_buf *text, struct hr_buf *out)
{
    const int32_t *offsets = col->values;
    const char *space = w->options->pretty ? " " : "";
    hr_buf_printf(out, "[%s", space);
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (i > offsets[row]) hr_buf_printf(out, ",%s", space);
        write_value(&col->children[0], (uint32_t)i, w, text, out);
    }
    hr_buf_printf(out, "%s]", offsets[row] < offsets[row + 1] ? space : "");
}

/* Keys are what Java's toString makes of what a row holds: dates and times are numbers. */
static void write_map(const struct hr_column *col, uint32_t row, struct writing *w,
                      struct hr_buf *text, struct hr_buf *out)
{
    const int32_t *offsets = col->values;
    hr_buf_putc(out, '{');
    w->depth++;
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (i > offsets[row]) hr_buf_putc(out, ',');
        new_line(w, out);
        hr_buf_clear(text);
        hr_java_print_row(w->conf, &col->children[0], (uint32_t)i, text);
        hr_buf_put_json(out, hr_svn(text->ptr, text->len));
        colon(w, out);
        write_value(&col->children[1], (uint32_t)i, w, text, out);
    }
    w->depth--;
    if (offsets[row] < offsets[row + 1])
        new_line(w, out);
    else if (w->options->pretty)
        hr_buf_putc(out, ' ');
    hr_buf_putc(out, '}');
}

/* A date or time by the format that the options give; false: they give none. */
static bool write_formatted(const struct hr_column *col, uint32_t row, const struct writing *w,
                            struct hr_buf *text, struct hr_buf *out)
{
    enum hr_type_id id = col->type->id;
    const struct hr_time_format *f = id == HR_T_DATE            ? w->options->date_format
                                     : id == HR_T_TIMESTAMP     ? w->options->timestamp_format
                                     : id == HR_T_TIMESTAMP_NTZ ? w->options->ntz_format
                                                                : NULL;
    if (!f) return false;
    struct hr_vector v = {.col = *col};
    int64_t us = hr_arg_i64(&v, row);
    if (id == HR_T_DATE) us *= HR_US_PER_DAY;
    if (id == HR_T_TIMESTAMP) us = hr_tz_to_local(w->tz, us);
    hr_buf_clear(text);
    hr_time_format_print(f, us, w->tz, text);
    hr_buf_put_json(out, hr_svn(text->ptr, text->len));
    return true;
}

static void write_value(const struct hr_column *col, uint32_t row, struct writing *w,
                        struct hr_buf *text, struct hr_buf *out)
{
    if (is_null(col, row)) {
        hr_buf_puts(out, "null");
        return;
    }
    enum hr_type_id id = col->type->id;
    if (id == HR_T_STRUCT) {
        write_struct(col, row, w, text, out);
    } else if (hr_type_is_nested(col->type)) {
        (id == HR_T_MAP ? write_map : write_array)(col, row, w, text, out);
    } else if (write_formatted(col, row, w, text, out)) {
        return;
    } else if (id == HR_T_BINARY) {
        hr_buf_putc(out, '"');
        hr_base64_put(out, hr_string_view(&((const struct hr_string *)col->values)[row]));
        hr_buf_putc(out, '"');
    } else if (id == HR_T_TIMESTAMP || id == HR_T_TIMESTAMP_NTZ) {
        write_timestamp(((const int64_t *)col->values)[row], w->tz, id == HR_T_TIMESTAMP,
                        out);
    } else {
        hr_buf_clear(text);
        hr_column_print(col, row, w->tz, text);
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
    HR_TRY(hr_json_check_options(arena, conf, call, HR_JSON_TO, err));
    f->skip_nulls = true;
    HR_TRY(hr_json_flag(arena, conf, call, "ignoreNullFields", &f->skip_nulls, err));
    HR_TRY(hr_json_flag(arena, conf, call, "pretty", &f->pretty, err));
    if (hr_json_option(arena, conf, call, "timeZone", &v) && !(f->tz = hr_tz_find(v)))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "timeZone '%.*s' is not known", (int)v.len,
                       v.ptr);
    if (hr_json_option(arena, conf, call, "timestampNTZFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->ntz_format, err));
    if (hr_json_option(arena, conf, call, "timestampFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->timestamp_format, err));
    if (hr_json_option(arena, conf, call, "dateFormat", &v))
        HR_TRY(hr_time_format_compile(arena, v, &f->date_format, err));
    call->bound = f;
    return HR_OK;
}

hr_status hr_fn_to_json(HR_EVAL_ARGS)
{
    const struct to_json *options = call->bound;
    struct writing w = {ctx->conf, options->tz ? options->tz : ctx->conf->tz, options, 0};
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
