/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import. Fixed-width values of the same layout are shared where they are aligned; bitmaps are
 * always copied (a bit a row, and the other side's may start anywhere and end without padding), and
 * strings become views into the foreign bytes. Types that Spark lacks are widened: unsigned
 * integers, half floats, dates in ms, timestamps in s, ms and ns, large and fixed-size lists.
 * Dictionaries are decoded. The batch holds the whole foreign array.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/datetime.h"
#include "column/arrow.h"

#define MAX_DEPTH 64

static hr_status wrong(struct hr_err *err, const char *name, const char *why)
{
    char what[300];
    snprintf(what, sizeof what, "Arrow data: column %.100s: %s", name ? name : "", why);
    return HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what", what);
}

static hr_status unsupported(struct hr_err *err, const char *format)
{
    char what[200];
    snprintf(what, sizeof what, "the Arrow format '%.80s'", format);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what);
}

/* Formats ------------------------------------------------------------------------------------- */

/* How the values of a format become ours. */
enum conversion {
    SAME, /* same layout: shared */
    BITS,
    NONE,
    U8,
    U16,
    U32,
    U64,
    HALF,
    DEC32,
    DEC64,
    DATE_MS,
    SCALE, /* SCALE: int64 × or ÷ factor */
    VIEWS,
    OFFSETS32,
    OFFSETS64,
    FIXED_BYTES,
    LIST32,
    LIST64,
    FIXED_LIST,
    MAP,
    STRUCTURE
};

struct layout {
    enum conversion conversion;
    const struct hr_type *type; /* NULL for nested ones: children decide */
    int64_t factor;             /* SCALE: > 1 multiplies, < -1 divides; FIXED_…: the size */
};

static const struct {
    const char *format;
    enum conversion conversion;
    enum hr_type_id id;
    int64_t factor;
} plain_formats[] = {
    {"n", NONE, HR_T_NULL, 0},        {"b", BITS, HR_T_BOOLEAN, 0},
    {"c", SAME, HR_T_BYTE, 0},        {"C", U8, HR_T_SHORT, 0},
    {"s", SAME, HR_T_SHORT, 0},       {"S", U16, HR_T_INT, 0},
    {"i", SAME, HR_T_INT, 0},         {"I", U32, HR_T_LONG, 0},
    {"l", SAME, HR_T_LONG, 0},        {"e", HALF, HR_T_FLOAT, 0},
    {"f", SAME, HR_T_FLOAT, 0},       {"g", SAME, HR_T_DOUBLE, 0},
    {"u", OFFSETS32, HR_T_STRING, 0}, {"U", OFFSETS64, HR_T_STRING, 0},
    {"vu", VIEWS, HR_T_STRING, 0},    {"z", OFFSETS32, HR_T_BINARY, 0},
    {"Z", OFFSETS64, HR_T_BINARY, 0}, {"vz", VIEWS, HR_T_BINARY, 0},
    {"tdD", SAME, HR_T_DATE, 0},      {"tdm", DATE_MS, HR_T_DATE, 0},
};

static bool parse_int(const char **p, int64_t *ret)
{
    size_t n = strspn(*p, "0123456789");
    if (n == 0 || n > 9 || !hr_parse_i64(hr_svn(*p, n), ret)) return false;
    *p += n;
    return true;
}

/* "d:12,2" or "d:12,2,128" */
static hr_status decimal_layout(const char *format, struct layout *ret, struct hr_err *err)
{
    int64_t precision, scale, bits = 128;
    const char *p = format + 2;
    bool ok = parse_int(&p, &precision) && *p++ == ',' && parse_int(&p, &scale);
    if (ok && *p == ',') ok = (p++, parse_int(&p, &bits));
    if (!ok || *p || precision < 1 || precision > 38 || scale > precision)
        return unsupported(err, format);
    if (bits != 32 && bits != 64 && bits != 128) return unsupported(err, format);
    ret->type = hr_type_decimal((int)precision, (int)scale);
    ret->conversion = bits == 32 ? DEC32 : bits == 64 ? DEC64 : SAME;
    return ret->type ? HR_OK : HR_OOM(err);
}

/* "tsu:Europe/Berlin", "tDn", "tiM": the unit gives the factor to µs. */
static hr_status time_layout(const char *format, struct layout *ret, struct hr_err *err)
{
    if (strcmp(format, "tiM") == 0) {
        ret->conversion = SAME;
        ret->type = hr_type_interval_ym(HR_IV_YEAR, HR_IV_MONTH);
        return ret->type ? HR_OK : HR_OOM(err);
    }
    bool stamp = format[1] == 's', duration = format[1] == 'D', of_day = format[1] == 't';
    const char *unit = format[1] && format[2] ? strchr("smun", format[2]) : NULL;
    static const int64_t factors[] = {1000000, 1000, 1, -1000};
    if (of_day && unit && *unit != 's' && *unit != 'm' && !format[3]) { /* 64 bits */
        ret->factor = *unit == 'u' ? 1000 : 1;
        ret->conversion = ret->factor == 1 ? SAME : SCALE;
        ret->type = hr_type_time(*unit == 'u' ? 6 : 9);
        return ret->type ? HR_OK : HR_OOM(err);
    }
    if (!unit || (!stamp && !duration) || (stamp && format[3] != ':') || (duration && format[3]))
        return unsupported(err, format);
    ret->factor = factors[strlen("smun") - strlen(unit)];
    ret->conversion = ret->factor == 1 ? SAME : SCALE;
    ret->type = duration ? hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND)
                         : hr_type(format[4] ? HR_T_TIMESTAMP : HR_T_TIMESTAMP_NTZ);
    return ret->type ? HR_OK : HR_OOM(err);
}

static hr_status nested_layout(const char *format, struct layout *ret, struct hr_err *err)
{
    ret->type = NULL;
    if (strcmp(format, "+l") == 0)
        ret->conversion = LIST32;
    else if (strcmp(format, "+L") == 0)
        ret->conversion = LIST64;
    else if (strcmp(format, "+m") == 0)
        ret->conversion = MAP;
    else if (strcmp(format, "+s") == 0)
        ret->conversion = STRUCTURE;
    else {
        const char *p = format + 3;
        if (strncmp(format, "+w:", 3) != 0 || !parse_int(&p, &ret->factor) || *p)
            return unsupported(err, format);
        ret->conversion = FIXED_LIST;
    }
    return HR_OK;
}

static hr_status read_layout(const char *format, struct layout *ret, struct hr_err *err)
{
    memset(ret, 0, sizeof *ret);
    if (!format || !*format) return unsupported(err, "");
    for (size_t i = 0; i < HR_COUNT(plain_formats); i++) {
        if (strcmp(plain_formats[i].format, format) != 0) continue;
        ret->conversion = plain_formats[i].conversion;
        ret->type = hr_type(plain_formats[i].id);
        return HR_OK;
    }
    if (strcmp(format, "L") == 0) {
        ret->conversion = U64;
        ret->type = hr_type_decimal(20, 0);
        return ret->type ? HR_OK : HR_OOM(err);
    }
    if (format[0] == 'd' && format[1] == ':') return decimal_layout(format, ret, err);
    if (format[0] == 't') return time_layout(format, ret, err);
    if (format[0] == '+') return nested_layout(format, ret, err);
    if (format[0] == 'w' && format[1] == ':') {
        const char *p = format + 2;
        if (!parse_int(&p, &ret->factor) || *p) return unsupported(err, format);
        ret->conversion = FIXED_BYTES;
        ret->type = hr_type(HR_T_BINARY);
        return HR_OK;
    }
    return unsupported(err, format);
}

/* Types --------------------------------------------------------------------------------------- */

static hr_status import_type(const struct ArrowSchema *schema, int depth,
                             const struct hr_type **ret, struct hr_err *err);

static hr_status import_fields(const struct ArrowSchema *schema, int depth, struct hr_field *fields,
                               struct hr_err *err)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        if (!child) return wrong(err, schema->name, "a child is missing");
        fields[i].name = child->name ? child->name : "";
        fields[i].nullable = (child->flags & ARROW_FLAG_NULLABLE) != 0;
        HR_TRY(import_type(child, depth + 1, &fields[i].type, err));
    }
    return HR_OK;
}

static hr_status import_struct(const struct ArrowSchema *schema, int depth,
                               const struct hr_type **ret, struct hr_err *err)
{
    struct hr_field few[32], *fields = few;
    if (schema->n_children > (int64_t)HR_COUNT(few)) {
        fields = hr_alloc((size_t)schema->n_children * sizeof *fields);
        if (!fields) return HR_OOM(err);
    }
    hr_status status = import_fields(schema, depth, fields, err);
    if (status == HR_OK) {
        const struct hr_type *type = hr_type_struct(fields, (uint32_t)schema->n_children);
        if (type)
            *ret = type;
        else
            status = HR_OOM(err);
    }
    if (fields != few) hr_free(fields);
    return status;
}

static hr_status import_nested(const struct ArrowSchema *schema, const struct layout *layout,
                               int depth, const struct hr_type **ret, struct hr_err *err)
{
    if (schema->n_children < 0 || schema->n_children > 100000 ||
        (schema->n_children && !schema->children))
        return wrong(err, schema->name, "a wrong number of children");
    if (layout->conversion == STRUCTURE) return import_struct(schema, depth, ret, err);
    if (schema->n_children != 1) return wrong(err, schema->name, "a list must have one child");
    struct hr_field child;
    HR_TRY(import_fields(schema, depth, &child, err));
    const struct hr_type *type;
    if (layout->conversion == MAP) {
        if (child.type->id != HR_T_STRUCT || child.type->field_count != 2)
            return wrong(err, schema->name, "the entries of a map must be key and value");
        const struct hr_field *f = child.type->fields;
        type = hr_type_map(f[0].type, f[1].type, f[1].nullable);
    } else {
        type = hr_type_array(child.type, child.nullable);
    }
    if (!type) return HR_OOM(err);
    *ret = type;
    return HR_OK;
}

static hr_status import_type(const struct ArrowSchema *schema, int depth,
                             const struct hr_type **ret, struct hr_err *err)
{
    struct layout layout;
    if (depth > MAX_DEPTH) return wrong(err, schema->name, "nested too deeply");
    if (schema->dictionary) return import_type(schema->dictionary, depth + 1, ret, err);
    HR_TRY(read_layout(schema->format, &layout, err));
    if (!layout.type) return import_nested(schema, &layout, depth, ret, err);
    *ret = layout.type;
    return HR_OK;
}

hr_status hr_arrow_import_type(const struct ArrowSchema *schema, const struct hr_type **ret,
                               struct hr_err *err)
{
    if (!schema->release) return wrong(err, NULL, "the schema has been released");
    return import_type(schema, 0, ret, err);
}

/* Arrays -------------------------------------------------------------------------------------- */

struct importer {
    struct hr_arena *arena;
    struct hr_err *err;
};

/* One array's rows: `first` and `length` within its buffers, and where they go. */
struct source {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    const struct layout *layout;
    int64_t first, length;
};

static hr_status fail(const struct importer *im, const struct source *src, const char *why)
{
    return wrong(im->err, src->schema->name, why);
}

static bool foreign_bit(const uint8_t *bits, int64_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

/* Bits from anywhere to fresh words. */
static uint64_t *copy_bits(struct hr_arena *arena, const uint8_t *bits, int64_t first,
                           int64_t length)
{
    size_t words = HR_MAX(hr_bit_words((size_t)length), 1);
    uint64_t *to = hr_arena_alloc_aligned(arena, words * 8);
    if (!to) return NULL;
    memset(to, 0, words * 8);
    int64_t i = 0;
    if (first % 8 == 0) {
        int64_t bytes = length / 8;
        if (bytes) memcpy(to, bits + first / 8, (size_t)bytes);
        i = bytes * 8;
    }
    for (; i < length; i++)
        if (foreign_bit(bits, first + i)) hr_bit_set(to, (uint32_t)i);
    return to;
}

static hr_status import_validity(const struct importer *im, const struct source *src,
                                 struct hr_column *col)
{
    const uint8_t *bits = src->array->n_buffers ? src->array->buffers[0] : NULL;
    col->validity = NULL;
    if (src->layout->conversion == NONE || (bits && src->array->null_count != 0)) {
        static const uint8_t none;
        bool null_type = src->layout->conversion == NONE;
        uint64_t *copy =
            copy_bits(im->arena, null_type ? &none : bits, src->first, null_type ? 0 : src->length);
        if (null_type && copy) {
            size_t bytes = HR_MAX(hr_bit_words((size_t)src->length), 1) * 8;
            copy = hr_arena_zalloc(im->arena, bytes);
        }
        if (!copy) return HR_OOM(im->err);
        col->validity = copy;
    } else if (!bits && src->array->null_count > 0) {
        return fail(im, src, "NULLs without a validity buffer");
    }
    return HR_OK;
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023,
             bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        float small = (float)mantissa * (1.0F / 16777216.0F);
        return sign ? -small : small;
    }
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

#define WIDEN(to_type, from_type, expr)                                        \
    do {                                                                       \
        to_type *to = values;                                                  \
        for (int64_t i = 0; i < src->length; i++) {                            \
            from_type v;                                                       \
            memcpy(&v, from + (src->first + i) * (int64_t)sizeof v, sizeof v); \
            to[i] = (expr);                                                    \
        }                                                                      \
    } while (0)

static hr_status import_scaled(const struct importer *im, const struct source *src,
                               const char *from, const struct hr_column *col, int64_t *values)
{
    int64_t factor = src->layout->factor;
    for (int64_t i = 0; i < src->length; i++) {
        int64_t v;
        memcpy(&v, from + (src->first + i) * 8, 8);
        if (factor < 0) {
            int64_t q = v / -factor;
            values[i] = q - (v % -factor < 0); /* towards the past */
        } else if (__builtin_mul_overflow(v, factor, &values[i])) {
            if (hr_column_valid(col, (uint32_t)i)) return fail(im, src, "a time is out of range");
            values[i] = 0;
        }
    }
    return HR_OK;
}

static int64_t floor_div(int64_t v, int64_t by)
{
    assert(by > 0);
    return v / by - (v % by < 0);
}

/* Fixed-width values that need another layout. */
static hr_status import_converted(const struct importer *im, const struct source *src,
                                  struct hr_column *col)
{
    const char *from = src->array->buffers[1];
    void *values = (void *)(uintptr_t)col->values;
    switch (src->layout->conversion) {
    case U8: WIDEN(int16_t, uint8_t, (int16_t)v); break;
    case U16: WIDEN(int32_t, uint16_t, (int32_t)v); break;
    case U32: WIDEN(int64_t, uint32_t, (int64_t)v); break;
    case U64: WIDEN(hr_i128, uint64_t, (hr_i128)v); break;
    case HALF: WIDEN(float, uint16_t, half_to_float(v)); break;
    case DEC32: WIDEN(hr_i128, int32_t, (hr_i128)v); break;
    case DEC64: WIDEN(hr_i128, int64_t, (hr_i128)v); break;
    case DATE_MS: WIDEN(int32_t, int64_t, (int32_t)floor_div(v, 86400000)); break;
    case SCALE: return import_scaled(im, src, from, col, values);
    default: return HR_BUG(im->err, "Arrow conversion %d", src->layout->conversion);
    }
    return HR_OK;
}

static hr_status import_fixed(const struct importer *im, const struct source *src,
                              struct hr_column *col)
{
    const char *from = src->array->buffers[1];
    size_t width = hr_type_width(col->type);
    if (src->layout->conversion == SAME) {
        const char *at = from + (size_t)src->first * width;
        if ((uintptr_t)at % width == 0) {
            col->values = at;
            return HR_OK;
        }
    }
    char *values = hr_arena_alloc_aligned(im->arena, HR_MAX((size_t)src->length * width, 1));
    if (!values) return HR_OOM(im->err);
    col->values = values;
    if (src->layout->conversion != SAME) return import_converted(im, src, col);
    memcpy(values, from + (size_t)src->first * width, (size_t)src->length * width);
    return HR_OK;
}

/* Offset i of a list or string array, whatever its width. */
static int64_t offset_at(const struct source *src, int64_t i)
{
    const char *offsets = src->array->buffers[1];
    if (src->layout->conversion == OFFSETS64 || src->layout->conversion == LIST64) {
        int64_t v;
        memcpy(&v, offsets + (src->first + i) * 8, 8);
        return v;
    }
    int32_t v;
    memcpy(&v, offsets + (src->first + i) * 4, 4);
    return v;
}

static hr_status import_offset_strings(const struct importer *im, const struct source *src,
                                       struct hr_column *col)
{
    const char *bytes = src->array->buffers[2];
    struct hr_string *to = (struct hr_string *)(uintptr_t)col->values;
    int64_t from = src->length ? offset_at(src, 0) : 0;
    if (from < 0) return fail(im, src, "a negative offset");
    for (int64_t i = 0; i < src->length; i++) {
        int64_t end = offset_at(src, i + 1), len = end - from;
        if (len < 0 || len > INT32_MAX) return fail(im, src, "offsets go back");
        if (len && !bytes) return fail(im, src, "no bytes");
        bool valid = hr_column_valid(col, (uint32_t)i);
        to[i] = valid ? hr_string_make(bytes ? bytes + from : "", (uint32_t)len)
                      : hr_string_make("", 0);
        from = end;
    }
    return HR_OK;
}

static hr_status import_views(const struct importer *im, const struct source *src,
                              struct hr_column *col)
{
    const struct ArrowArray *array = src->array;
    int64_t variadic = array->n_buffers - 3;
    const char *views = array->buffers[1];
    const int64_t *sizes = variadic > 0 ? array->buffers[2 + variadic] : NULL;
    struct hr_string *to = (struct hr_string *)(uintptr_t)col->values;
    if (variadic > 0 && !sizes) return fail(im, src, "views without the sizes of their buffers");
    for (int64_t i = 0; i < src->length; i++) {
        const char *view = views + (src->first + i) * 16;
        int32_t len, buffer, offset;
        memcpy(&len, view, 4);
        if (!hr_column_valid(col, (uint32_t)i)) {
            to[i] = hr_string_make("", 0);
            continue;
        }
        if (len < 0) return fail(im, src, "a view of negative length");
        if (len <= HR_STRING_INLINE) {
            to[i] = hr_string_make(view + 4, (uint32_t)len);
            continue;
        }
        memcpy(&buffer, view + 8, 4);
        memcpy(&offset, view + 12, 4);
        if (buffer < 0 || buffer >= variadic || offset < 0 ||
            sizes[buffer] < (int64_t)offset + len || !array->buffers[2 + buffer])
            return fail(im, src, "a view outside of its buffers");
        to[i] = hr_string_make((const char *)array->buffers[2 + buffer] + offset, (uint32_t)len);
    }
    return HR_OK;
}

static hr_status import_strings(const struct importer *im, const struct source *src,
                                struct hr_column *col)
{
    struct hr_string *to =
        hr_arena_alloc_aligned(im->arena, (size_t)HR_MAX(src->length, 1) * sizeof *to);
    if (!to) return HR_OOM(im->err);
    col->values = to;
    if (src->layout->conversion == VIEWS) return import_views(im, src, col);
    if (src->layout->conversion != FIXED_BYTES) return import_offset_strings(im, src, col);
    int64_t size = src->layout->factor;
    const char *from = (const char *)src->array->buffers[1];
    for (int64_t i = 0; i < src->length; i++)
        to[i] = hr_string_make(from + (src->first + i) * size, (uint32_t)size);
    return HR_OK;
}

static hr_status import_column(const struct importer *im, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t first, int64_t length,
                               const struct hr_type *type, struct hr_column *ret);

static hr_status import_offsets(const struct importer *im, const struct source *src, int64_t limit,
                                struct hr_column *col)
{
    int32_t *to = hr_arena_alloc_aligned(im->arena, ((size_t)src->length + 1) * 4);
    if (!to) return HR_OOM(im->err);
    int64_t before = 0;
    bool fixed = src->layout->conversion == FIXED_LIST;
    /* An empty array may come without offsets. */
    bool none = !fixed && (!src->array->buffers[1] || src->length == 0);
    for (int64_t i = 0; i <= src->length; i++) {
        int64_t v = fixed ? (src->first + i) * src->layout->factor : none ? 0 : offset_at(src, i);
        if (v < before || v > limit || v > INT32_MAX)
            return fail(im, src, "offsets outside of the elements");
        to[i] = (int32_t)(before = v);
    }
    col->values = to;
    return HR_OK;
}

static hr_status import_list(const struct importer *im, const struct source *src,
                             struct hr_column *col)
{
    if (src->array->n_children != 1 || !src->array->children || !src->array->children[0])
        return fail(im, src, "a list must have one child");
    const struct ArrowArray *child = src->array->children[0];
    const struct ArrowSchema *schema = src->schema->children[0];
    HR_TRY(import_offsets(im, src, child->length, col));
    col->children = HR_NEW_ARRAY(im->arena, struct hr_column, col->type->field_count);
    if (!col->children) return HR_OOM(im->err);
    if (src->layout->conversion != MAP)
        return import_column(im, schema, child, 0, child->length, col->type->fields[0].type,
                             &col->children[0]);
    if (child->n_children != 2 || !child->children || child->length < 0 || child->offset < 0)
        return fail(im, src, "the entries of a map must be key and value");
    for (int i = 0; i < 2; i++) {
        if (!child->children[i]) return fail(im, src, "a child is missing");
        HR_TRY(import_column(im, schema->children[i], child->children[i], child->offset,
                             child->length, col->type->fields[i].type, &col->children[i]));
    }
    return HR_OK;
}

static hr_status import_children(const struct importer *im, const struct source *src,
                                 struct hr_column *col)
{
    uint32_t n = col->type->field_count;
    if (src->array->n_children != (int64_t)n || (n && !src->array->children))
        return fail(im, src, "children differ from the schema's");
    col->children = HR_NEW_ARRAY(im->arena, struct hr_column, n + 1);
    if (!col->children) return HR_OOM(im->err);
    for (uint32_t i = 0; i < n; i++) {
        if (!src->array->children[i]) return fail(im, src, "a child is missing");
        HR_TRY(import_column(im, src->schema->children[i], src->array->children[i], src->first,
                             src->length, col->type->fields[i].type, &col->children[i]));
    }
    return HR_OK;
}

static hr_status check_buffers(const struct importer *im, const struct source *src)
{
    static const int8_t needed[] = {
        [NONE] = 0,      [STRUCTURE] = 1, [FIXED_LIST] = 1,  [BITS] = 2,   [SAME] = 2,
        [U8] = 2,        [U16] = 2,       [U32] = 2,         [U64] = 2,    [HALF] = 2,
        [DEC32] = 2,     [DEC64] = 2,     [DATE_MS] = 2,     [SCALE] = 2,  [VIEWS] = 3,
        [OFFSETS32] = 3, [OFFSETS64] = 3, [FIXED_BYTES] = 2, [LIST32] = 2, [LIST64] = 2,
        [MAP] = 2};
    const struct ArrowArray *a = src->array;
    enum conversion how = src->layout->conversion;
    if (how == NONE) return a->n_buffers <= 1 ? HR_OK : fail(im, src, "a wrong number of buffers");
    bool ok = how == VIEWS ? a->n_buffers >= 3 : a->n_buffers == needed[how];
    if (!ok || (a->n_buffers && !a->buffers)) return fail(im, src, "a wrong number of buffers");
    if (needed[how] >= 2 && src->length > 0 && !a->buffers[1]) return fail(im, src, "no values");
    return HR_OK;
}

static hr_status import_values(const struct importer *im, const struct source *src,
                               struct hr_column *col)
{
    switch (src->layout->conversion) {
    case NONE: return HR_OK;
    case BITS: {
        static const uint8_t empty;
        const uint8_t *from = src->length ? src->array->buffers[1] : &empty;
        col->values = copy_bits(im->arena, from, src->length ? src->first : 0, src->length);
        return col->values ? HR_OK : HR_OOM(im->err);
    }
    case VIEWS:
    case OFFSETS32:
    case OFFSETS64:
    case FIXED_BYTES: return import_strings(im, src, col);
    case LIST32:
    case LIST64:
    case FIXED_LIST:
    case MAP: return import_list(im, src, col);
    case STRUCTURE: return import_children(im, src, col);
    default: {
        static const hr_i128 empty;
        if (src->length > 0) return import_fixed(im, src, col);
        col->values = &empty;
        return HR_OK;
    }
    }
}

static bool index_value(const char *format, const void *values, int64_t i, int64_t *ret)
{
    switch (format[1] ? 0 : format[0]) {
    case 'c': *ret = ((const int8_t *)values)[i]; return true;
    case 'C': *ret = ((const uint8_t *)values)[i]; return true;
    case 's': *ret = ((const int16_t *)values)[i]; return true;
    case 'S': *ret = ((const uint16_t *)values)[i]; return true;
    case 'i': *ret = ((const int32_t *)values)[i]; return true;
    case 'I': *ret = ((const uint32_t *)values)[i]; return true;
    case 'l':
    case 'L': *ret = ((const int64_t *)values)[i]; return true;
    default: return false;
    }
}

static hr_status import_dictionary(const struct importer *im, const struct source *src,
                                   const struct hr_type *type, struct hr_column *ret)
{
    const struct ArrowArray *array = src->array, *dictionary = array->dictionary;
    struct hr_column words, indexes = {.type = type};
    if (!dictionary) return fail(im, src, "the dictionary is missing");
    if (array->n_buffers != 2 || !array->buffers || (src->length && !array->buffers[1]))
        return fail(im, src, "a wrong number of buffers");
    HR_TRY(import_column(im, src->schema->dictionary, dictionary, 0, dictionary->length, type,
                         &words));
    struct layout layout = {.conversion = SAME};
    struct source with_layout = *src;
    with_layout.layout = &layout;
    HR_TRY(import_validity(im, &with_layout, &indexes));
    uint32_t *rows = hr_arena_alloc(im->arena, ((size_t)src->length + 1) * sizeof *rows);
    if (!rows) return HR_OOM(im->err);
    for (int64_t i = 0; i < src->length; i++) {
        int64_t index;
        rows[i] = UINT32_MAX;
        if (indexes.validity && !hr_bit_get(indexes.validity, (uint32_t)i)) continue;
        if (!src->schema->format ||
            !index_value(src->schema->format, array->buffers[1], src->first + i, &index))
            return fail(im, src, "dictionary indexes must be integers");
        if (index < 0 || index >= words.length)
            return fail(im, src, "an index outside of the dictionary");
        rows[i] = (uint32_t)index;
    }
    return hr_column_take(im->arena, &words, rows, (uint32_t)src->length, ret, im->err);
}

/* Rows [first, first + length) of array, on top of array's own offset. */
static hr_status import_column(const struct importer *im, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t first, int64_t length,
                               const struct hr_type *type, struct hr_column *ret)
{
    struct layout layout = {.conversion = NONE};
    struct source src = {schema, array, &layout, 0, length};
    if (array->length < 0 || array->offset < 0 || array->length > INT32_MAX ||
        array->offset > INT64_MAX / 64 || first < 0 || length < 0 || first > array->length ||
        length > array->length - first)
        return fail(im, &src, "lengths do not fit");
    src.first = array->offset + first;
    if (schema->dictionary) return import_dictionary(im, &src, type, ret);
    HR_TRY(read_layout(schema->format, &layout, im->err));
    HR_TRY(check_buffers(im, &src));
    struct hr_column col = {.type = type, .length = (uint32_t)length};
    HR_TRY(import_validity(im, &src, &col));
    HR_TRY(import_values(im, &src, &col));
    *ret = col;
    return HR_OK;
}

/* The foreign array as a buffer that the batch holds. */
static void release_foreign(struct hr_buffer *buffer)
{
    struct ArrowArray *array = buffer->owner;
    if (array->release) array->release(array);
    hr_free(array);
    hr_free(buffer);
}

static hr_status hold_foreign(struct hr_batch *batch, struct ArrowArray *array, struct hr_err *err)
{
    assert(array->release);
    struct hr_buffer *buffer = hr_buffer_new(0);
    struct ArrowArray *moved = hr_alloc(sizeof *moved);
    if (!buffer || !moved) {
        hr_free(moved);
        hr_buffer_unref(buffer);
        return HR_OOM(err);
    }
    *moved = *array;
    moved->release = NULL; /* until nothing can fail any more */
    buffer->owner = moved;
    buffer->free_fn = release_foreign;
    bool held = hr_batch_hold_buffer(batch, buffer);
    if (held) {
        moved->release = array->release;
        array->release = NULL;
    }
    hr_buffer_unref(buffer);
    return held ? HR_OK : HR_OOM(err);
}

hr_status hr_arrow_import_batch(const struct ArrowSchema *schema, struct ArrowArray *array,
                                struct hr_mem *mem, struct hr_batch **ret, struct hr_err *err)
{
    const struct hr_type *type;
    HR_TRY(hr_arrow_import_type(schema, &type, err));
    if (type->id != HR_T_STRUCT) return wrong(err, schema->name, "a batch must be a struct");
    if (!array->release) return wrong(err, NULL, "the array has been released");
    if (array->length < 0 || array->length > INT32_MAX)
        return wrong(err, NULL, "lengths do not fit");
    struct hr_batch *batch = hr_batch_new(type, (uint32_t)array->length, mem);
    if (!batch) return HR_OOM(err);
    struct importer im = {&batch->arena, err};
    struct hr_column root;
    hr_status status = HR_OK;
    HR_TRY_OUT(import_column(&im, schema, array, 0, array->length, type, &root));
    /* A batch has no place for rows that are NULL as a whole. */
    if (root.validity && hr_column_null_count(&root)) {
        status = wrong(err, NULL, "rows of the batch itself are NULL");
        goto out;
    }
    for (uint32_t i = 0; i < type->field_count; i++) batch->columns[i] = root.children[i];
    HR_TRY_OUT(hold_foreign(batch, array, err));
    *ret = batch;
out:
    if (status != HR_OK) hr_batch_unref(batch);
    return status;
}
