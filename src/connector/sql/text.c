/* SPDX-License-Identifier: Apache-2.0 */
/* Names, and values both ways. */
#include "base/decimal.h"
#include "base/plant.h"
#include "base/utf8.h"
#include "connector/sql/sql.h"
#include "expr/read_text.h"

static void put_part(struct hr_str_view name, struct hr_buf *out)
{
    hr_buf_putc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"' && !HR_PLANTED(SQL_NUL)) hr_buf_putc(out, '"');
        hr_buf_putc(out, name.ptr[i]);
    }
    hr_buf_putc(out, '"');
}

void hr_sql_put_name(const char *name, struct hr_buf *out)
{
    put_part(hr_sv(name), out);
}

void hr_sql_put_table(const char *table, struct hr_buf *out)
{
    const char *dot = strchr(table, '.');
    if (dot) {
        put_part(hr_svn(table, (size_t)(dot - table)), out);
        hr_buf_putc(out, '.');
        table = dot + 1;
    }
    put_part(hr_sv(table), out);
}

/* 2024-01-01 12:00:00.5+00, which databases and we read alike. */
static hr_status time_text(const struct hr_column *column, uint32_t row, struct hr_arena *arena,
                           struct hr_str_view *ret, struct hr_err *err)
{
    char *text = hr_arena_alloc(arena, 64);
    size_t len;
    if (!text) return HR_OOM(err);
    switch (column->type->id) {
    case HR_T_DATE: len = hr_format_date(((const int32_t *)column->values)[row], text); break;
    case HR_T_TIMESTAMP:
        len = hr_format_timestamp(((const int64_t *)column->values)[row], hr_tz_utc(), text);
        memcpy(text + len, "+00", 3);
        len += 3;
        break;
    default: len = hr_format_timestamp_ntz(((const int64_t *)column->values)[row], text);
    }
    *ret = hr_svn(text, len);
    return HR_OK;
}

hr_status hr_sql_value(const struct hr_column *column, uint32_t row, struct hr_arena *arena,
                       struct sql_value *ret, struct hr_err *err)
{
    *ret = (struct sql_value){.kind = SQL_NULL};
    if (!hr_column_valid(column, row)) return HR_OK;
    const void *v = column->values;
    ret->kind = SQL_I64;
    switch (column->type->id) {
    case HR_T_BOOLEAN:
        ret->kind = SQL_BOOL;
        ret->i64 = hr_bit_get(v, row);
        return HR_OK;
    case HR_T_BYTE: ret->i64 = ((const int8_t *)v)[row]; return HR_OK;
    case HR_T_SHORT: ret->i64 = ((const int16_t *)v)[row]; return HR_OK;
    case HR_T_INT: ret->i64 = ((const int32_t *)v)[row]; return HR_OK;
    case HR_T_LONG: ret->i64 = ((const int64_t *)v)[row]; return HR_OK;
    case HR_T_FLOAT:
        ret->kind = SQL_F64;
        ret->f64 = (double)((const float *)v)[row];
        return HR_OK;
    case HR_T_DOUBLE:
        ret->kind = SQL_F64;
        ret->f64 = ((const double *)v)[row];
        return HR_OK;
    case HR_T_STRING:
    case HR_T_BINARY:
        ret->kind = column->type->id == HR_T_STRING ? SQL_TEXT : SQL_BYTES;
        ret->text = hr_string_view((const struct hr_string *)v + row);
        return HR_OK;
    case HR_T_DECIMAL: {
        char *text = hr_arena_alloc(arena, 64);
        if (!text) return HR_OOM(err);
        ret->kind = SQL_TEXT;
        ret->text = hr_svn(text, hr_decimal_format(((const hr_i128 *)v)[row],
                                                   column->type->scale, text));
        return HR_OK;
    }
    default:
        ret->kind = SQL_TEXT;
        return time_text(column, row, arena, &ret->text, err);
    }
}

static bool read_time(struct hr_str_view text, enum hr_type_id id, struct hr_builder *b)
{
    int64_t us;
    int32_t days;
    if (id == HR_T_DATE) {
        if (!hr_parse_date(text, &days)) return false;
        hr_builder_i64(b, days);
        return true;
    }
    if (text.len > 3 && memcmp(text.ptr + text.len - 3, "+00", 3) == 0) text.len -= 3;
    bool good = id == HR_T_TIMESTAMP ? hr_parse_timestamp(text, hr_tz_utc(), &us)
                                     : hr_parse_timestamp_ntz(text, &us);
    if (good) hr_builder_i64(b, us);
    return good;
}

static bool read_whole(struct hr_str_view text, enum hr_type_id id, struct hr_builder *b)
{
    int64_t v;
    if (!hr_parse_i64(text, &v)) return false;
    if (id == HR_T_BYTE && v != (int8_t)v) return false;
    if (id == HR_T_SHORT && v != (int16_t)v) return false;
    if (id == HR_T_INT && v != (int32_t)v) return false;
    hr_builder_i64(b, v);
    return true;
}

bool hr_sql_read(struct hr_str_view text, const struct hr_type *type, struct hr_builder *b)
{
    double f64;
    hr_i128 decimal;
    switch (type->id) {
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_LONG: return read_whole(text, type->id, b);
    case HR_T_FLOAT:
    case HR_T_DOUBLE:
        if (!hr_parse_f64(text, &f64)) return false;
        hr_builder_f64(b, f64);
        return true;
    case HR_T_BOOLEAN:
        if (text.len == 0 || !strchr("tf10", text.ptr[0])) return false;
        hr_builder_bool(b, text.ptr[0] == 't' || text.ptr[0] == '1');
        return true;
    case HR_T_DECIMAL:
        if (!hr_read_decimal(text, type, &decimal)) return false;
        hr_builder_decimal(b, decimal);
        return true;
    case HR_T_STRING:
        if (!hr_utf8_valid(text.ptr, text.len)) return false;
        hr_builder_str(b, text);
        return true;
    case HR_T_BINARY: hr_builder_str(b, text); return true;
    case HR_T_DATE:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ: return read_time(text, type->id, b);
    default: return false;
    }
}

hr_status hr_sql_no_value(const char *db, const struct hr_field *field, struct hr_str_view text,
                          struct hr_err *err)
{
    struct hr_buf type = {0};
    hr_type_print_simple(field->type, &type);
    HR_FAIL(err, HR_E_SQL, "%s: column %s: '%.*s' is no %s here", db, field->name,
            (int)HR_MIN(text.len, (size_t)60), text.ptr, hr_buf_cstr(&type));
    hr_buf_done(&type);
    return HR_E_SQL;
}
