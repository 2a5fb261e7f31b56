/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value as SQL text: variables in names of columns (Spark's form), and values that take the place
 * of parameters in a statement's text, where the text must give the value back as it is.
 */
#include "expr/literal_sql.h"

struct sql_form {
    const struct hr_tz *tz;
    bool again; /* to be parsed again: names of functions in lower case, exact types */
    struct hr_buf *out;
};

#define AS(type) (((const type *)col->values)[row])

static void put_quoted(struct hr_buf *out, struct hr_str_view text)
{
    hr_buf_putc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\') hr_buf_putc(out, '\\');
        hr_buf_putc(out, text.ptr[i]);
    }
    hr_buf_putc(out, '\'');
}

static void put_null(const struct sql_form *f, const struct hr_type *type)
{
    if (type->id == HR_T_NULL) {
        hr_buf_puts(f->out, "NULL");
        return;
    }
    hr_buf_puts(f->out, "CAST(NULL AS ");
    hr_type_print_sql(type, f->out);
    hr_buf_putc(f->out, ')');
}

static void put_value(const struct sql_form *f, const struct hr_column *col, uint32_t row);

/* array(1, 2), map('a', 1). */
static void put_list(const struct sql_form *f, const struct hr_column *col, uint32_t row)
{
    const int32_t *offsets = col->values;
    bool map = col->type->id == HR_T_MAP, empty = offsets[row] == offsets[row + 1];
    if (empty && f->again) hr_buf_puts(f->out, "CAST(");
    hr_buf_puts(f->out, map ? (f->again ? "map(" : "MAP(") : (f->again ? "array(" : "ARRAY("));
    for (int32_t e = offsets[row]; e < offsets[row + 1]; e++) {
        if (e > offsets[row]) hr_buf_puts(f->out, ", ");
        put_value(f, &col->children[0], (uint32_t)e);
        if (!map) continue;
        hr_buf_puts(f->out, ", ");
        put_value(f, &col->children[1], (uint32_t)e);
    }
    hr_buf_putc(f->out, ')');
    if (!empty || !f->again) return;
    hr_buf_puts(f->out, " AS ");
    hr_type_print_sql(col->type, f->out);
    hr_buf_putc(f->out, ')');
}

static void put_struct(const struct sql_form *f, const struct hr_column *col, uint32_t row)
{
    hr_buf_puts(f->out, f->again ? "named_struct(" : "NAMED_STRUCT(");
    for (uint32_t i = 0; i < col->type->field_count; i++) {
        if (i) hr_buf_puts(f->out, ", ");
        put_quoted(f->out, hr_sv(col->type->fields[i].name));
        hr_buf_puts(f->out, ", ");
        put_value(f, &col->children[i], row);
    }
    hr_buf_putc(f->out, ')');
}

/* NaN and the infinities have no literal. */
static void put_number(const struct sql_form *f, const struct hr_column *col, uint32_t row)
{
    double value = col->type->id == HR_T_FLOAT ? (double)AS(float) : AS(double);
    bool is_float = col->type->id == HR_T_FLOAT;
    if (value - value != 0 || is_float) {
        hr_buf_puts(f->out, "CAST('");
        hr_column_print(col, row, f->tz, f->out);
        hr_buf_puts(f->out, is_float ? "' AS FLOAT)" : "' AS DOUBLE)");
        return;
    }
    hr_column_print(col, row, f->tz, f->out);
    hr_buf_putc(f->out, 'D');
}

static void put_typed(const struct sql_form *f, const char *word, const struct hr_column *col,
                      uint32_t row)
{
    hr_buf_printf(f->out, "%s '", word);
    hr_column_print(col, row, f->tz, f->out);
    hr_buf_putc(f->out, '\'');
}

static void put_binary(const struct sql_form *f, struct hr_str_view bytes)
{
    hr_buf_puts(f->out, "X'");
    for (size_t i = 0; i < bytes.len; i++)
        hr_buf_printf(f->out, "%02X", (unsigned char)bytes.ptr[i]);
    hr_buf_putc(f->out, '\'');
}

static void put_value(const struct sql_form *f, const struct hr_column *col, uint32_t row)
{
    const char *suffix = "";
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) {
        put_null(f, col->type);
        return;
    }
    switch (col->type->id) {
    case HR_T_STRING:
        put_quoted(f->out, hr_string_view((const struct hr_string *)col->values + row));
        return;
    case HR_T_BINARY:
        put_binary(f, hr_string_view((const struct hr_string *)col->values + row));
        return;
    case HR_T_ARRAY:
    case HR_T_MAP: put_list(f, col, row); return;
    case HR_T_STRUCT: put_struct(f, col, row); return;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: put_number(f, col, row); return;
    case HR_T_DATE: put_typed(f, "DATE", col, row); return;
    case HR_T_TIMESTAMP: put_typed(f, "TIMESTAMP", col, row); return;
    case HR_T_TIMESTAMP_NTZ: put_typed(f, "TIMESTAMP_NTZ", col, row); return;
    case HR_T_BYTE: suffix = "Y"; break;
    case HR_T_SHORT: suffix = "S"; break;
    case HR_T_LONG: suffix = "L"; break;
    case HR_T_DECIMAL: suffix = "BD"; break;
    default: break;
    }
    hr_column_print(col, row, f->tz, f->out);
    hr_buf_puts(f->out, suffix);
}

void hr_literal_sql(const struct hr_column *col, uint32_t row, const struct hr_tz *tz, bool again,
                    struct hr_buf *out)
{
    assert(row < col->length);
    struct sql_form form = {tz, again, out};
    put_value(&form, col, row);
}
