/* SPDX-License-Identifier: Apache-2.0 */
/* Which type a value may become: Spark's ANSI rules of widening, implicit and explicit casts. */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/internal.h"

#define BIT(id) (UINT32_C(1) << (id))
#define INTEGRAL (BIT(HR_T_BYTE) | BIT(HR_T_SHORT) | BIT(HR_T_INT) | BIT(HR_T_LONG))
#define NUMERIC (INTEGRAL | BIT(HR_T_FLOAT) | BIT(HR_T_DOUBLE) | BIT(HR_T_DECIMAL))
#define DATETIME (BIT(HR_T_DATE) | BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIMESTAMP_NTZ))
#define INTERVAL (BIT(HR_T_INTERVAL_YM) | BIT(HR_T_INTERVAL_DT))

bool hr_type_is_datetime(const struct hr_type *type) { return BIT(type->id) & DATETIME; }
bool hr_type_is_interval(const struct hr_type *type) { return BIT(type->id) & INTERVAL; }

bool hr_type_is_orderable(const struct hr_type *type)
{
    if (type->id == HR_T_MAP) return false;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (!hr_type_is_orderable(type->fields[i].type)) return false;
    return true;
}

const char *hr_type_quoted(struct hr_arena *arena, const struct hr_type *type)
{
    const char *text = hr_arena_printf(arena, "\"%s\"", hr_type_sql(arena, type));
    return text ? text : "?";
}

/* --- Decimals ----------------------------------------------------------------------------------*/

const struct hr_type *hr_type_decimal_for(const struct hr_type *type)
{
    switch (type->id) {
    case HR_T_BYTE: return hr_type_decimal(3, 0);
    case HR_T_SHORT: return hr_type_decimal(5, 0);
    case HR_T_INT: return hr_type_decimal(10, 0);
    case HR_T_LONG: return hr_type_decimal(20, 0);
    case HR_T_FLOAT: return hr_type_decimal(14, 7);
    case HR_T_DOUBLE: return hr_type_decimal(30, 15);
    case HR_T_DECIMAL: return type;
    default: return NULL;
    }
}

const struct hr_type *hr_type_decimal_bounded(int precision, int scale)
{
    return hr_type_decimal(HR_MIN(precision, 38), HR_MIN(scale, 38));
}

const struct hr_type *hr_type_decimal_adjusted(int precision, int scale)
{
    if (precision <= 38) return hr_type_decimal(precision, scale);
    int digits = precision - scale;
    int min_scale = HR_MIN(scale, 6);
    return hr_type_decimal(38, HR_MAX(38 - digits, min_scale));
}

static const struct hr_type *wider_decimal(const struct hr_type *a, const struct hr_type *b)
{
    a = hr_type_decimal_for(a);
    b = hr_type_decimal_for(b);
    int scale = HR_MAX(a->scale, b->scale);
    int range = HR_MAX(a->precision - a->scale, b->precision - b->scale);
    if (range + scale <= 38) return hr_type_decimal(range + scale, scale);
    /* Spark keeps the integral digits (boundedPreferIntegralDigits). */
    return hr_type_decimal(38, HR_MAX(0, HR_MIN(scale, 38 - range)));
}

/* --- Widening ----------------------------------------------------------------------------------*/

typedef const struct hr_type *widen_fn(const struct hr_type *, const struct hr_type *);

static const struct hr_type *widen_nested(const struct hr_type *a, const struct hr_type *b,
                                          widen_fn *widen)
{
    if (a->id != b->id || a->field_count != b->field_count || !hr_type_is_nested(a)) return NULL;
    struct hr_field small[16];
    if (a->field_count > HR_COUNT(small)) return NULL;
    for (uint32_t i = 0; i < a->field_count; i++) {
        const struct hr_type *t = widen(a->fields[i].type, b->fields[i].type);
        if (!t) return NULL;
        if (a->id == HR_T_STRUCT && !hr_str_eq_nocase(a->fields[i].name, b->fields[i].name))
            return NULL;
        bool null_cast =
            (a->fields[i].type->id == HR_T_NULL) != (b->fields[i].type->id == HR_T_NULL);
        small[i] = (struct hr_field){a->fields[i].name, t,
                                     a->fields[i].nullable || b->fields[i].nullable || null_cast};
    }
    if (a->id == HR_T_ARRAY) return hr_type_array(small[0].type, small[0].nullable);
    if (a->id == HR_T_MAP) return hr_type_map(small[0].type, small[1].type, small[1].nullable);
    return hr_type_struct(small, a->field_count);
}

const struct hr_type *hr_type_tightest(const struct hr_type *a, const struct hr_type *b)
{
    if (a == b) return a;
    if (a->id == HR_T_NULL) return b;
    if (b->id == HR_T_NULL) return a;
    if (hr_type_is_numeric(a) && hr_type_is_numeric(b)) {
        if (a->id == HR_T_DECIMAL || b->id == HR_T_DECIMAL) {
            bool real = a->id == HR_T_FLOAT || a->id == HR_T_DOUBLE || b->id == HR_T_FLOAT ||
                        b->id == HR_T_DOUBLE;
            return real ? hr_type(HR_T_DOUBLE) : wider_decimal(a, b);
        }
        enum hr_type_id wider = HR_MAX(a->id, b->id);
        if (wider == HR_T_FLOAT && a->id != b->id) wider = HR_T_DOUBLE;
        return hr_type(wider);
    }
    if (hr_type_is_datetime(a) && hr_type_is_datetime(b))
        return hr_type(a->id == HR_T_TIMESTAMP || b->id == HR_T_TIMESTAMP ? HR_T_TIMESTAMP
                                                                          : HR_T_TIMESTAMP_NTZ);
    if (a->id == b->id && a->id == HR_T_TIME)
        return hr_type_time(HR_MAX(a->precision, b->precision));
    if (a->id == b->id && a->id == HR_T_INTERVAL_YM)
        return hr_type_interval_ym(HR_MIN(a->start_field, b->start_field),
                                   HR_MAX(a->end_field, b->end_field));
    if (a->id == b->id && a->id == HR_T_INTERVAL_DT)
        return hr_type_interval_dt(HR_MIN(a->start_field, b->start_field),
                                   HR_MAX(a->end_field, b->end_field));
    return widen_nested(a, b, hr_type_tightest);
}

const struct hr_type *hr_type_common(const struct hr_type *a, const struct hr_type *b)
{
    const struct hr_type *t = hr_type_tightest(a, b);
    if (t) return t;
    if (b->id == HR_T_STRING) {
        const struct hr_type *swap = a;
        a = b;
        b = swap;
    }
    if (a->id == HR_T_STRING) {
        if (hr_type_is_nested(b) || hr_type_is_interval(b)) return NULL;
        if (hr_type_is_integral(b)) return hr_type(HR_T_LONG);
        if (hr_type_is_fractional(b)) return hr_type(HR_T_DOUBLE);
        return b;
    }
    return widen_nested(a, b, hr_type_common);
}

static const struct hr_type *common_text(const struct hr_type *a, const struct hr_type *b)
{
    const struct hr_type *t = hr_type_tightest(a, b);
    if (t) return t;
    const struct hr_type *other = a->id == HR_T_STRING ? b : a;
    if (a->id != HR_T_STRING && b->id != HR_T_STRING) return widen_nested(a, b, common_text);
    bool meets = !hr_type_is_nested(other) && other->id != HR_T_BINARY && other->id != HR_T_BOOLEAN;
    return meets ? hr_type(HR_T_STRING) : NULL;
}

const struct hr_type *hr_conf_common(const struct hr_conf *conf, const struct hr_type *a,
                                     const struct hr_type *b)
{
    return conf->ansi ? hr_type_common(a, b) : common_text(a, b);
}

/* --- Casts -------------------------------------------------------------------------------------*/

#define NUMBERS_FROM \
    (BIT(HR_T_STRING) | BIT(HR_T_BOOLEAN) | NUMERIC | BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIME))

/* [to]: the types that a cast comes from; STRING takes all. */
static const uint32_t castable[HR_T_COUNT] = {
    [HR_T_BOOLEAN] = BIT(HR_T_STRING) | NUMERIC,
    [HR_T_BYTE] = NUMBERS_FROM | INTERVAL,
    [HR_T_SHORT] = NUMBERS_FROM | INTERVAL,
    [HR_T_INT] = NUMBERS_FROM | INTERVAL,
    [HR_T_LONG] = NUMBERS_FROM | INTERVAL,
    [HR_T_FLOAT] = BIT(HR_T_STRING) | BIT(HR_T_BOOLEAN) | NUMERIC | BIT(HR_T_TIMESTAMP),
    [HR_T_DOUBLE] = BIT(HR_T_STRING) | BIT(HR_T_BOOLEAN) | NUMERIC | BIT(HR_T_TIMESTAMP),
    [HR_T_DECIMAL] = NUMBERS_FROM | INTERVAL,
    [HR_T_BINARY] = BIT(HR_T_STRING),
    [HR_T_DATE] = BIT(HR_T_STRING) | BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIMESTAMP_NTZ),
    [HR_T_TIMESTAMP] = BIT(HR_T_STRING) | BIT(HR_T_DATE) | BIT(HR_T_TIMESTAMP_NTZ) | NUMERIC |
                       BIT(HR_T_TIME),
    [HR_T_TIMESTAMP_NTZ] =
        BIT(HR_T_STRING) | BIT(HR_T_DATE) | BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIME),
    [HR_T_TIME] = BIT(HR_T_STRING) | BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIMESTAMP_NTZ) | BIT(HR_T_TIME),
    [HR_T_INTERVAL_YM] = BIT(HR_T_STRING) | BIT(HR_T_INTERVAL_YM) | INTEGRAL | BIT(HR_T_DECIMAL),
    [HR_T_INTERVAL_DT] = BIT(HR_T_STRING) | BIT(HR_T_INTERVAL_DT) | INTEGRAL | BIT(HR_T_DECIMAL),
};

bool hr_type_can_cast(const struct hr_type *from, const struct hr_type *to)
{
    if (from == to || from->id == HR_T_NULL || to->id == HR_T_STRING) return true;
    if (!hr_type_is_nested(to)) return castable[to->id] & BIT(from->id);
    if (from->id != to->id || from->field_count != to->field_count) return false;
    for (uint32_t i = 0; i < to->field_count; i++) {
        if (!hr_type_can_cast(from->fields[i].type, to->fields[i].type)) return false;
        if (from->fields[i].nullable && !to->fields[i].nullable && to->id == HR_T_STRUCT)
            return false;
    }
    return true;
}

bool hr_type_can_store(const struct hr_type *from, const struct hr_type *to)
{
    if (from == to || from->id == HR_T_NULL) return true;
    if (hr_type_is_numeric(from) && hr_type_is_numeric(to)) return true;
    if (to->id == HR_T_STRING) return !hr_type_is_nested(from);
    if (hr_type_is_datetime(from) && hr_type_is_datetime(to)) return true;
    if (from->id != to->id) return false;
    if (hr_type_is_interval(from) || from->id == HR_T_TIME) return true;
    if (!hr_type_is_nested(from) || from->field_count != to->field_count) return false;
    for (uint32_t i = 0; i < to->field_count; i++) {
        if (!hr_type_can_store(from->fields[i].type, to->fields[i].type)) return false;
        if (from->fields[i].nullable && !to->fields[i].nullable) return false;
    }
    return true;
}

/* --- Implicit casts of arguments ---------------------------------------------------------------*/

static const struct {
    const char *word;
    uint32_t accepts;
    enum hr_type_id cast_to; /* what others become; HR_T_COUNT: nothing */
} words[] = {
    {"any", ~UINT32_C(0), HR_T_COUNT},
    {"numeric", NUMERIC, HR_T_DOUBLE},
    {"integral", INTEGRAL, HR_T_COUNT},
    {"fractional", BIT(HR_T_DOUBLE) | BIT(HR_T_FLOAT) | BIT(HR_T_DECIMAL), HR_T_DOUBLE},
    {"interval", INTERVAL, HR_T_COUNT},
    {"boolean", BIT(HR_T_BOOLEAN), HR_T_BOOLEAN},
    {"byte", BIT(HR_T_BYTE), HR_T_BYTE},
    {"short", BIT(HR_T_SHORT), HR_T_SHORT},
    {"int", BIT(HR_T_INT), HR_T_INT},
    {"long", BIT(HR_T_LONG), HR_T_LONG},
    {"float", BIT(HR_T_FLOAT), HR_T_FLOAT},
    {"double", BIT(HR_T_DOUBLE), HR_T_DOUBLE},
    {"decimal", BIT(HR_T_DECIMAL), HR_T_DECIMAL},
    {"string", BIT(HR_T_STRING), HR_T_STRING},
    {"binary", BIT(HR_T_BINARY), HR_T_BINARY},
    {"date", BIT(HR_T_DATE), HR_T_DATE},
    {"timestamp", BIT(HR_T_TIMESTAMP), HR_T_TIMESTAMP},
    {"timestamp_ntz", BIT(HR_T_TIMESTAMP_NTZ), HR_T_TIMESTAMP_NTZ},
    {"time", BIT(HR_T_TIME), HR_T_TIME},
    {"clock", BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIMESTAMP_NTZ) | BIT(HR_T_TIME), HR_T_TIMESTAMP},
    {"anytime", BIT(HR_T_TIMESTAMP) | BIT(HR_T_TIMESTAMP_NTZ), HR_T_TIMESTAMP},
    {"array", BIT(HR_T_ARRAY), HR_T_COUNT},
    {"map", BIT(HR_T_MAP), HR_T_COUNT},
    {"struct", BIT(HR_T_STRUCT), HR_T_COUNT},
};

static const struct hr_type *default_type(enum hr_type_id id)
{
    return id == HR_T_DECIMAL ? hr_type_decimal(38, 18) : id < HR_T_COUNT ? hr_type(id) : NULL;
}

/* What NULL becomes: Spark's defaultConcreteType. */
static const struct hr_type *null_as(uint32_t accepts, enum hr_type_id to)
{
    const struct hr_type *null = hr_type(HR_T_NULL);
    if (accepts == BIT(HR_T_ARRAY)) return hr_type_array(null, true);
    if (accepts == BIT(HR_T_MAP)) return hr_type_map(null, null, true);
    if (accepts == INTERVAL) return hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    return accepts == INTEGRAL ? hr_type(HR_T_INT) : default_type(to);
}

static size_t find_word(struct hr_str_view word)
{
    size_t i = 0;
    while (i < HR_COUNT(words) && !hr_sv_eq(word, hr_sv(words[i].word))) i++;
    return i;
}

/* Spark's AnsiTypeCoercion.implicitCast to one type or class of types. exact: the function takes
 * no implicit casts (ExpectsInputTypes), only NULL finds a type. */
static const struct hr_type *implicit_word(const struct hr_type *from, struct hr_str_view word,
                                           bool exact)
{
    size_t i = find_word(word);
    if (i == HR_COUNT(words)) return NULL;
    uint32_t accepts = words[i].accepts;
    enum hr_type_id to = words[i].cast_to;
    if (accepts == ~UINT32_C(0) || accepts & BIT(from->id)) return from;
    if (from->id == HR_T_NULL) return null_as(accepts, to);
    if (exact || to == HR_T_COUNT) return NULL;
    if (to == HR_T_DECIMAL && hr_type_is_numeric(from)) return hr_type_decimal_for(from);
    bool one = (accepts & (accepts - 1)) == 0;
    if (from->id == HR_T_STRING)
        return one || to == HR_T_TIMESTAMP || accepts == NUMERIC ? default_type(to) : NULL;
    if (!one) /* a class: only dates become timestamps */
        return from->id == HR_T_DATE && to == HR_T_TIMESTAMP ? hr_type(to) : NULL;
    const struct hr_type *target = default_type(to);
    if (from->id == HR_T_TIME && hr_type_is_datetime(target) && to != HR_T_DATE) return target;
    return target && hr_type_can_store(from, target) ? target : NULL;
}

static struct hr_str_view next_alternative(struct hr_str_view *rest)
{
    const char *bar = memchr(rest->ptr, '|', rest->len);
    size_t len = bar ? (size_t)(bar - rest->ptr) : rest->len;
    struct hr_str_view word = hr_svn(rest->ptr, len);
    rest->ptr += len + (bar != NULL);
    rest->len -= len + (bar != NULL);
    return word;
}

/* Of several types that the argument may become, the one that may become all the others. */
const struct hr_type *hr_type_implicit(const struct hr_type *from, struct hr_str_view expected)
{
    bool exact = expected.len && expected.ptr[0] == '=';
    if (exact) expected = hr_svn(expected.ptr + 1, expected.len - 1);
    const struct hr_type *choices[8];
    struct hr_str_view names[8];
    uint32_t count = 0;
    for (struct hr_str_view rest = expected; rest.len && count < HR_COUNT(choices);) {
        names[count] = next_alternative(&rest);
        size_t i = find_word(names[count]);
        if (i < HR_COUNT(words) && words[i].accepts & BIT(from->id)) return from;
        choices[count] = implicit_word(from, names[count], exact);
        count += choices[count] != NULL;
    }
    if (count && from->id == HR_T_NULL) return choices[0];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t castable_to = 0;
        for (uint32_t j = 0; j < count; j++)
            castable_to += implicit_word(choices[i], names[j], false) != NULL;
        if (castable_to < count) continue;
        for (uint32_t j = 0; choices[i]->id == HR_T_FLOAT && j < count; j++)
            if (choices[j]->id == HR_T_DOUBLE) return choices[j];
        return choices[i];
    }
    return NULL;
}
