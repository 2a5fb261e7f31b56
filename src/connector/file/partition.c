/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition columns: folders named key=value between the folder that is read and a file give the
 * file's rows columns, by Hive's spelling and Spark's types. A reader's data columns pass through;
 * the others are one value a file.
 */
#include "base/datetime.h"
#include "connector/file/file.h"
#include "expr/function.h"
#include "expr/program.h"

#define NULL_VALUE "__HIVE_DEFAULT_PARTITION__"

/* --- What the folders say --------------------------------------------------------------------- */

/* Below which folder key=value names are partitions of this file; NULL: nowhere, or no memory. */
static const char *base_of(struct hr_arena *arena, const struct file_query *query, const char *path)
{
    if (query->base_path) return query->base_path;
    if (query->recursive) return NULL;
    if (!hr_file_is_glob(query->path) || hr_file_within(path, query->path)) return query->path;
    /* What the pattern matched has as many parts as the pattern. */
    const char *end = path;
    for (const char *p = query->path; *p && *end; p++)
        if (*p == '/') end += 1 + strcspn(end + 1, "/");
    return hr_arena_strndup(arena, path, (size_t)(end - path));
}

static hr_status add_key(struct hr_arena *arena, const char *part, size_t len,
                         struct file_keys *keys, struct hr_err *err)
{
    const char *text = hr_arena_strndup(arena, part, len), *equals = memchr(part, '=', len);
    if (!text) return HR_OOM(err);
    if (equals == part) return HR_RAISE(err, HR_E_EMPTY_PARTITION_COLUMN_NAME, "columnSpec", text);
    if (equals == part + len - 1)
        return HR_RAISE(err, HR_E_EMPTY_PARTITION_COLUMN_VALUE, "columnSpec", text);
    struct file_key key = {hr_file_unescape(arena, hr_svn(part, (size_t)(equals - part))),
                           text + (equals + 1 - part)};
    return key.name && HR_VEC_PUSH(arena, keys, key) ? HR_OK : HR_OOM(err);
}

hr_status hr_file_keys(struct hr_arena *arena, const struct file_query *query, const char *path,
                       struct file_keys *ret, struct hr_err *err)
{
    const char *base = base_of(arena, query, path);
    *ret = (struct file_keys){.base = base};
    if (!base || !hr_file_within(path, base)) return HR_OK;
    const char *p = path + (base[1] ? strlen(base) : 0), *file = strrchr(path, '/');
    /* The last run of key=value folders; folders below it mean nothing. */
    for (; p < file; p += strcspn(p + 1, "/") + 1) {
        size_t len = strcspn(p + 1, "/");
        bool is_key = memchr(p + 1, '=', len) != NULL;
        if (is_key && ret->count && ret->gap) *ret = (struct file_keys){.base = base};
        if (is_key && !ret->count) {
            ret->base = hr_arena_strndup(arena, path, (size_t)(p - path));
            if (!ret->base) return HR_OOM(err);
        }
        if (is_key) HR_TRY(add_key(arena, p + 1, len, ret, err));
        ret->gap = !is_key;
    }
    if (!ret->count && file > path) /* as Spark: the file's own folder */
        ret->base = hr_arena_strndup(arena, path, (size_t)(file - path));
    return ret->base ? HR_OK : HR_OOM(err);
}

static const char *names_of(struct hr_arena *arena, const struct file_keys *keys)
{
    const char *text = "";
    for (uint32_t i = 0; text && i < keys->count; i++)
        text = hr_arena_printf(arena, "%s%s%s", text, i ? ", " : "", keys->items[i].name);
    return text ? text : "";
}

static hr_status differ(struct hr_arena *arena, const struct file_keys *a, const char *a_path,
                        const struct file_keys *b, const char *b_path, struct hr_err *err)
{
    if (a->count && b->count && strcmp(a->base, b->base) == 0) {
        const char *lists = hr_arena_printf(arena, "\n\tPartition column name list #0: %s\n\t"
                                            "Partition column name list #1: %s\n",
                                            names_of(arena, a), names_of(arena, b));
        const char *paths = hr_arena_printf(arena, "\n\tfile:%s\n\tfile:%s", a_path, b_path);
        if (!lists || !paths) return HR_OOM(err);
        return HR_RAISE(err, HR_E_CONFLICTING_PARTITION_COLUMN_NAMES, "distinctPartColLists", lists,
                        "suspiciousPaths", paths);
    }
    const char *paths = hr_arena_printf(arena, "\n\tfile:%s\n\tfile:%s\n", a_path, b_path);
    if (!paths) return HR_OOM(err);
    return HR_RAISE(err, HR_E_CONFLICTING_DIRECTORY_STRUCTURES, "discoveredBasePaths", paths);
}

static bool alike(const struct file_keys *a, const struct file_keys *b)
{
    bool same = a->count == b->count && (!a->count || strcmp(a->base, b->base) == 0);
    for (uint32_t i = 0; same && i < a->count; i++)
        same = hr_str_eq_nocase(a->items[i].name, b->items[i].name);
    return same;
}

hr_status hr_file_keys_check(struct hr_arena *arena, const struct file_query *query,
                             const struct file_list *files, struct file_keys *ret,
                             struct hr_err *err)
{
    *ret = (struct file_keys){0};
    for (uint32_t i = 0; i < files->count; i++) {
        struct file_keys keys;
        HR_TRY(hr_file_keys(arena, query, files->items[i].path, &keys, err));
        if (i == 0)
            *ret = keys;
        else if (!alike(ret, &keys))
            return differ(arena, ret, files->items[0].path, &keys, files->items[i].path, err);
    }
    return HR_OK;
}

/* --- Types of values -------------------------------------------------------------------------- */

/* Java's BigDecimal of a scale of at most 0: its precision as DECIMAL(p, 0); 0: none. */
static int decimal_digits(const char *text)
{
    const char *p = text + (*text == '+' || *text == '-');
    int digits = 0, leading = 0, fraction = 0;
    int64_t exponent = 0;
    bool point = false;
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits++;
        leading += *p == '0' && leading == digits - 1;
        fraction += point;
    }
    if (digits == 0 || digits > 100) return 0;
    if (*p == 'e' || *p == 'E') {
        const char *from = p + 1 + (p[1] == '+');
        if (!hr_parse_i64(hr_sv(from), &exponent) || exponent < -1000 || exponent > 1000) return 0;
    } else if (*p) {
        return 0;
    }
    int64_t scale = fraction - exponent, precision = HR_MAX(digits - leading, 1) - scale;
    return scale <= 0 && precision <= 38 ? (int)precision : 0;
}

static bool is_double(const char *text)
{
    double value;
    struct hr_str_view v = hr_sv_trim(hr_sv(text));
    if (v.len > 1 && strchr("dDfF", v.ptr[v.len - 1])) v.len--;
    struct hr_str_view plain = v;
    if (plain.len && strchr("+-", *plain.ptr)) plain = hr_svn(plain.ptr + 1, plain.len - 1);
    if (hr_sv_eq(plain, hr_sv("NaN")) || hr_sv_eq(plain, hr_sv("Infinity"))) return v.ptr == text;
    for (size_t i = 0; i < plain.len; i++)
        if (!strchr("0123456789.eE+-", plain.ptr[i])) return false;
    return hr_parse_f64(v, &value);
}

/* yyyy-MM-dd, or with HH:mm:ss and at most one digit behind the second. */
static const struct hr_type *time_type(const char *text)
{
    static const char shape[] = "0000-00-00 00:00:00.0";
    size_t len = strlen(text);
    int32_t days;
    int64_t us;
    if (len != 10 && len != 19 && len != 21) return NULL;
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i]) return NULL;
    }
    if (len == 10) return hr_parse_date(hr_sv(text), &days) ? hr_type(HR_T_DATE) : NULL;
    return hr_parse_timestamp(hr_sv(text), hr_tz_utc(), &us) ? hr_type(HR_T_TIMESTAMP) : NULL;
}

static const struct hr_type *type_of(struct hr_arena *arena, const char *value)
{
    int64_t number;
    if (strcmp(value, NULL_VALUE) == 0) return hr_type(HR_T_NULL);
    const char *digits = value + (*value == '+');
    if (hr_parse_i64(hr_sv(digits), &number))
        return hr_type(number == (int32_t)number ? HR_T_INT : HR_T_LONG);
    int precision = decimal_digits(value);
    if (precision) return hr_type_decimal(precision, 0);
    if (is_double(value)) return hr_type(HR_T_DOUBLE);
    const char *text = hr_file_unescape(arena, hr_sv(value));
    const struct hr_type *type = text ? time_type(text) : NULL;
    return type ? type : hr_type(HR_T_STRING);
}

/* The type that takes values of both, by Spark's rule for partitions: STRING where others widen. */
static const struct hr_type *wider(const struct hr_type *a, const struct hr_type *b)
{
    static const int whole_digits[] = {[HR_T_INT] = 10, [HR_T_LONG] = 20};
    if (hr_type_same(a, b) || b->id == HR_T_NULL) return a;
    if (a->id == HR_T_NULL) return b;
    if (a->id > b->id) return wider(b, a);
    bool whole = a->id == HR_T_INT || a->id == HR_T_LONG;
    if (whole && b->id == HR_T_LONG) return b;
    if (a->id == HR_T_INT && b->id == HR_T_DOUBLE) return b;
    if (whole && b->id == HR_T_DECIMAL)
        return hr_type_decimal(HR_MAX(whole_digits[a->id], b->precision), 0);
    if (a->id == HR_T_DECIMAL && b->id == HR_T_DECIMAL)
        return a->precision > b->precision ? a : b;
    if (a->id == HR_T_DATE && b->id == HR_T_TIMESTAMP) return b;
    return hr_type(HR_T_STRING);
}

hr_status hr_file_keys_infer(struct hr_arena *arena, const struct file_query *query,
                             const struct file_list *files, bool infer_types,
                             const struct hr_type **ret, struct hr_err *err)
{
    struct file_keys first;
    HR_TRY(hr_file_keys_check(arena, query, files, &first, err));
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, first.count + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t k = 0; k < first.count; k++)
        fields[k] = (struct hr_field){first.items[k].name,
                                      hr_type(infer_types ? HR_T_NULL : HR_T_STRING), true};
    for (uint32_t i = 0; infer_types && first.count && i < files->count; i++) {
        struct file_keys keys;
        HR_TRY(hr_file_keys(arena, query, files->items[i].path, &keys, err));
        for (uint32_t k = 0; k < keys.count; k++) {
            fields[k].type = wider(fields[k].type, type_of(arena, keys.items[k].value));
            if (!fields[k].type) return HR_OOM(err);
        }
    }
    *ret = hr_type_struct(fields, first.count);
    return *ret ? HR_OK : HR_OOM(err);
}

/* One row: the key's value as type. */
static hr_status value_of(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct file_key *key, const struct hr_type *type,
                          struct hr_column *ret, struct hr_err *err)
{
    struct hr_vector text = {.is_const = true};
    struct hr_eval_ctx ctx = {.conf = conf, .arena = arena, .row_count = 1, .sel_count = 1};
    if (strcmp(key->value, NULL_VALUE) == 0) return hr_column_nulls(arena, type, 1, ret, err);
    const char *value = hr_file_unescape(arena, hr_sv(key->value));
    if (!value) return HR_OOM(err);
    HR_TRY(hr_column_alloc(arena, hr_type(HR_T_STRING), 1, false, &text.col, err));
    struct hr_string string = hr_string_make(value, (uint32_t)strlen(value));
    memcpy((void *)(uintptr_t)text.col.values, &string, sizeof string);
    if (!hr_type_can_cast(text.col.type, type))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition column %s cannot have its type",
                       key->name);
    HR_TRY(hr_cast_column(&ctx, &text, type, true, ret, err));
    if (hr_column_valid(ret, 0) && type->id != HR_T_NULL) return HR_OK;
    struct hr_buf sql = {0};
    hr_type_print_sql(type, &sql);
    const char *quoted = hr_arena_printf(arena, "'%s'", value);
    const char *name = hr_arena_printf(arena, "`%s`", key->name);
    const char *wanted = hr_arena_printf(arena, "\"%s\"", hr_buf_cstr(&sql));
    hr_buf_done(&sql);
    if (!quoted || !name || !wanted) return HR_OOM(err);
    return HR_RAISE(err, HR_E_INVALID_PARTITION_VALUE, "value", quoted, "dataType", wanted,
                    "columnName", name);
}

/* --- The reader ------------------------------------------------------------------------------- */

struct keyed_reader {
    struct hr_scan_reader base;
    struct hr_scan_reader *inner; /* the data columns */
    const struct hr_type *schema;
    struct hr_batch *values; /* one row, held by all batches: columns without a type are data's */
    struct hr_mem *mem;
};

static void keyed_close(struct hr_scan_reader *base)
{
    struct keyed_reader *r = HR_CONTAINER_OF(base, struct keyed_reader, base);
    if (r->inner) r->inner->vt->close(r->inner);
    hr_batch_unref(r->values);
    hr_free(r);
}

static hr_status put_values(struct keyed_reader *r, struct hr_batch *data, struct hr_batch *out,
                            struct hr_err *err)
{
    uint32_t *zeros = HR_NEW_ARRAY(&out->arena, uint32_t, data->row_count + 1);
    if (!zeros || !hr_batch_hold_batch(out, data) || !hr_batch_hold_batch(out, r->values))
        return HR_OOM(err);
    for (uint32_t i = 0, from = 0; i < r->schema->field_count; i++) {
        const struct hr_column *value = &r->values->columns[i];
        if (!value->type)
            out->columns[i] = data->columns[from++];
        else
            HR_TRY(hr_column_take(&out->arena, value, zeros, data->row_count, &out->columns[i],
                                  err));
    }
    out->sel = data->sel; /* held with data */
    out->sel_count = data->sel_count;
    out->weights = data->weights;
    return HR_OK;
}

static hr_status keyed_next(struct hr_scan_reader *base, struct hr_batch **ret, struct hr_err *err)
{
    struct keyed_reader *r = HR_CONTAINER_OF(base, struct keyed_reader, base);
    struct hr_batch *data = NULL;
    HR_TRY(r->inner->vt->next(r->inner, &data, err));
    if (!data) {
        *ret = NULL;
        return HR_OK;
    }
    struct hr_batch *out = hr_batch_new(r->schema, data->row_count, r->mem);
    hr_status status = out ? put_values(r, data, out, err) : HR_OOM(err);
    hr_batch_unref(data);
    if (status)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static const struct file_key *key_named(const struct file_keys *keys, const char *name)
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (hr_str_eq_nocase(keys->items[i].name, name)) return &keys->items[i];
    return NULL;
}

hr_status hr_file_data_schema(struct hr_arena *arena, const struct hr_type *schema,
                              const struct file_keys *keys, const struct hr_type **ret,
                              struct hr_err *err)
{
    uint32_t count = 0;
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, schema->field_count + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (!key_named(keys, schema->fields[i].name)) fields[count++] = schema->fields[i];
    *ret = count == schema->field_count ? schema : hr_type_struct(fields, count);
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status hr_file_keyed_reader(const struct hr_conf *conf, const struct hr_scan_spec *spec,
                               const struct file_keys *keys, struct hr_scan_reader *inner,
                               struct hr_scan_reader **ret, struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {keyed_next, keyed_close};
    struct keyed_reader *r = hr_zalloc(sizeof *r);
    if (!r) {
        inner->vt->close(inner);
        return HR_OOM(err);
    }
    r->base.vt = &vt;
    r->inner = inner;
    r->schema = spec->schema;
    r->mem = spec->mem;
    r->values = hr_batch_new(spec->schema, 1, spec->mem);
    hr_status status = r->values ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; !status && i < spec->schema->field_count; i++) {
        const struct hr_field *field = &spec->schema->fields[i];
        const struct file_key *key = key_named(keys, field->name);
        if (key)
            status = value_of(&r->values->arena, conf, key, field->type, &r->values->columns[i],
                              err);
    }
    if (status)
        keyed_close(&r->base);
    else
        *ret = &r->base;
    return status;
}
