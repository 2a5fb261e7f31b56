/* SPDX-License-Identifier: Apache-2.0 */
/* schema_of_json: the type of a JSON text. */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/functions/json.h"
#include "expr/internal.h"

struct inference {
    struct hr_arena *arena;
    uint32_t allow;
    bool decimals, primitives_as_string, timestamps;
    const struct hr_tz *tz;
};

static const struct hr_type *infer(const struct inference *in, struct hr_str_view v);

typedef HR_VEC(struct hr_field) fields_t;

/* Into its place in the order of names, as Spark has them, or merged with the one of that name. */
static bool add_field(const struct inference *in, fields_t *fields, const char *name,
                      const struct hr_type *type);

static const struct hr_type *merge(const struct inference *in, const struct hr_type *a,
                                   const struct hr_type *b)
{
    if (a->id == HR_T_NULL) return b;
    if (b->id == HR_T_NULL || a == b) return a;
    if (a->id == HR_T_ARRAY && b->id == HR_T_ARRAY) {
        const struct hr_type *t = merge(in, a->fields[0].type, b->fields[0].type);
        return t ? hr_type_array(t, true) : NULL;
    }
    if (a->id == HR_T_STRUCT && b->id == HR_T_STRUCT) {
        fields_t fields = {0};
        for (uint32_t i = 0; i < a->field_count; i++)
            if (!add_field(in, &fields, a->fields[i].name, a->fields[i].type)) return NULL;
        for (uint32_t i = 0; i < b->field_count; i++)
            if (!add_field(in, &fields, b->fields[i].name, b->fields[i].type)) return NULL;
        return hr_type_struct(fields.items, fields.count);
    }
    if (hr_type_is_numeric(a) && hr_type_is_numeric(b)) {
        if (a->id == HR_T_DOUBLE || b->id == HR_T_DOUBLE) return hr_type(HR_T_DOUBLE);
        return hr_type_common(a, b);
    }
    return hr_type(HR_T_STRING);
}

static bool add_field(const struct inference *in, fields_t *fields, const char *name,
                      const struct hr_type *type)
{
    uint32_t at = 0;
    while (at < fields->count && strcmp(fields->items[at].name, name) < 0) at++;
    if (at < fields->count && strcmp(fields->items[at].name, name) == 0) {
        const struct hr_type *t = merge(in, fields->items[at].type, type);
        if (t) fields->items[at].type = t;
        return t != NULL;
    }
    struct hr_field f = {name, type, true};
    if (!HR_VEC_PUSH(in->arena, fields, f)) return false;
    memmove(&fields->items[at + 1], &fields->items[at],
            sizeof f * (fields->count - 1 - at));
    fields->items[at] = f;
    return true;
}

static const struct hr_type *infer_object(const struct inference *in, struct hr_str_view v)
{
    fields_t fields = {0};
    struct hr_json j = hr_json_allowing(v, in->allow);
    struct hr_str_view key;
    struct hr_buf text = {0};
    bool ok = true;
    hr_json_enter(&j, '{');
    for (bool first = true; ok && hr_json_member(&j, first, &key); first = false) {
        hr_buf_clear(&text);
        hr_json_unquote(key, &text);
        const struct hr_type *t = infer(in, hr_json_value(&j));
        const char *name = hr_arena_strndup(in->arena, text.ptr ? text.ptr : "", text.len);
        ok = t && name && add_field(in, &fields, name, t);
    }
    hr_buf_done(&text);
    return ok ? hr_type_struct(fields.items, fields.count) : NULL;
}

static const struct hr_type *infer_array(const struct inference *in, struct hr_str_view v)
{
    const struct hr_type *element = hr_type(HR_T_NULL);
    struct hr_json j = hr_json_allowing(v, in->allow);
    hr_json_enter(&j, '[');
    for (bool first = true; element && hr_json_element(&j, first); first = false) {
        const struct hr_type *t = infer(in, hr_json_value(&j));
        element = t ? merge(in, element, t) : NULL;
    }
    return element ? hr_type_array(element, true) : NULL;
}

/* Integers are BIGINT, or as wide a DECIMAL as they need; fractions DOUBLE, or DECIMAL if wished.
 */
static const struct hr_type *infer_number(const struct inference *in, struct hr_str_view v)
{
    int64_t i;
    hr_i128 wide;
    bool over = false;
    bool fraction = memchr(v.ptr, '.', v.len) || memchr(v.ptr, 'e', v.len) ||
                    memchr(v.ptr, 'E', v.len);
    if (hr_parse_i64(v, &i)) return hr_type(HR_T_LONG);
    const char *point = memchr(v.ptr, '.', v.len);
    int scale = point ? (int)HR_MIN((size_t)(v.ptr + v.len - point - 1), 100u) : 0;
    if (fraction && (!in->decimals || memchr(v.ptr, 'e', v.len) || memchr(v.ptr, 'E', v.len)))
        return hr_type(HR_T_DOUBLE);
    if (scale > 38 || !hr_decimal_parse(v, 38, scale, &wide, &over) || over)
        return hr_type(HR_T_DOUBLE);
    char text[64];
    size_t n = hr_decimal_format(wide < 0 ? -wide : wide, 0, text);
    return hr_type_decimal(HR_MAX((int)n, scale), scale);
}

static const struct hr_type *infer(const struct inference *in, struct hr_str_view v)
{
    char c = v.len ? v.ptr[0] : 'n';
    int64_t us;
    if (c == '{') return infer_object(in, v);
    if (c == '[') return infer_array(in, v);
    if (c == 'n') return hr_type(HR_T_NULL);
    if (in->timestamps && c == '"' && memchr(v.ptr, ':', v.len) &&
        hr_parse_timestamp(hr_svn(v.ptr + 1, v.len - 2), in->tz, &us))
        return hr_type(HR_T_TIMESTAMP);
    if (in->primitives_as_string || c == '"' || c == '\'') return hr_type(HR_T_STRING);
    if (c == 't' || c == 'f') return hr_type(HR_T_BOOLEAN);
    return infer_number(in, v);
}

/* Without fields that hold or are called nothing, NULL as STRING; NULL: nothing is left. */
static const struct hr_type *canonical(const struct inference *in, const struct hr_type *t)
{
    if (t->id == HR_T_NULL) return hr_type(HR_T_STRING);
    if (t->id == HR_T_ARRAY) {
        const struct hr_type *e = canonical(in, t->fields[0].type);
        return e ? hr_type_array(e, true) : NULL;
    }
    if (t->id != HR_T_STRUCT) return t;
    fields_t fields = {0};
    for (uint32_t i = 0; i < t->field_count; i++) {
        const struct hr_type *f = canonical(in, t->fields[i].type);
        struct hr_field field = {t->fields[i].name, f, true};
        if (f && *field.name && !HR_VEC_PUSH(in->arena, &fields, field)) return NULL;
    }
    return fields.count ? hr_type_struct(fields.items, fields.count) : NULL;
}

hr_status hr_bind_schema_of_json(HR_BIND_ARGS)
{
    struct inference *in = HR_NEW(arena, struct inference);
    if (!in) return HR_OOM(err);
    HR_TRY(hr_json_check_options(arena, conf, call, HR_JSON_SCHEMA_OF, err));
    HR_TRY(hr_json_allowed(arena, conf, call, &in->allow, err));
    HR_TRY(hr_json_flag(arena, conf, call, "prefersDecimal", &in->decimals, err));
    HR_TRY(hr_json_flag(arena, conf, call, "primitivesAsString", &in->primitives_as_string, err));
    HR_TRY(hr_json_flag(arena, conf, call, "inferTimestamp", &in->timestamps, err));
    in->tz = conf->tz;
    call->bound = in;
    return HR_OK;
}

hr_status hr_fn_schema_of_json(HR_EVAL_ARGS)
{
    struct inference in = *(const struct inference *)call->bound;
    in.arena = ctx->arena;
    HR_TEXT_ROWS({
        struct hr_json j = hr_json_allowing(hr_arg_str(&args[0], row), in.allow);
        bool empty = !hr_json_peek(&j) && j.pos == j.end;
        struct hr_str_view v = empty ? hr_sv("null") : hr_json_value(&j);
        if (j.bad) {
            status_ = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "schema_of_json: this is not JSON: %.*s",
                              (int)HR_MIN(v.len, 200u), v.ptr);
            break;
        }
        const struct hr_type *t = infer(&in, v);
        const struct hr_type *shown = t ? canonical(&in, t) : NULL;
        if (t && !shown) shown = hr_type_struct(NULL, 0);
        if (t && t->id == HR_T_ARRAY && shown && shown->id == HR_T_STRUCT)
            shown = hr_type_array(shown, true);
        if (shown)
            hr_type_print_sql(shown, &buf);
        else
            buf.failed = true;
    });
}
