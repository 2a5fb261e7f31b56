/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of Spark's show(), with all rows and nothing cut: values to the right, NULL for null.
 * Widths are measured in characters (two for the wide ones of East Asia, as Spark counts). Beyond
 * HR_TABLE_MEASURED rows widths are those of the first ones, so that memory stays bounded.
 */
#include "base/utf8.h"
#include "cli/cli.h"

#define TABLE_MEASURED 10000

struct table {
    const struct hr_conf *conf;
    struct hr_buf *out, value;
    uint32_t *widths;
    uint32_t rows;
};

static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0xffe0 && c <= 0xffe6);
}

static uint32_t width_of(const char *text, size_t len)
{
    uint32_t width = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        i += hr_utf8_decode(text + i, len - i, &c);
        width += is_wide(c) ? 2 : 1;
    }
    return width;
}

/* Control characters as in Spark: \n, \t …, so that a value stays on its line. */
static void cell(struct table *t, const struct hr_column *col, uint32_t row)
{
    static const char from[] = "\n\r\t\f\b\a\v", to[] = "nrtfbav";
    struct hr_buf raw = {0};
    hr_buf_clear(&t->value);
    if (!cli_value(col, row, t->conf, &raw)) {
        hr_buf_puts(&t->value, "NULL");
        return;
    }
    for (size_t i = 0; i < raw.len; i++) {
        const char *hit = raw.ptr[i] ? strchr(from, raw.ptr[i]) : NULL;
        if (hit) {
            hr_buf_putc(&t->value, '\\');
            hr_buf_putc(&t->value, to[hit - from]);
        } else {
            hr_buf_putc(&t->value, raw.ptr[i]);
        }
    }
    t->value.failed = t->value.failed || raw.failed;
    hr_buf_done(&raw);
}

static void measure_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct table *t = arg;
    if (t->rows++ >= TABLE_MEASURED) return;
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        cell(t, &batch->columns[i], row);
        t->widths[i] = HR_MAX(t->widths[i], width_of(t->value.ptr, t->value.len));
    }
}

static void put_padded(struct table *t, uint32_t column, const char *text, size_t len)
{
    for (uint32_t w = width_of(text, len); w < t->widths[column]; w++) hr_buf_putc(t->out, ' ');
    hr_buf_append(t->out, text, len);
    hr_buf_putc(t->out, '|');
}

static void print_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct table *t = arg;
    hr_buf_putc(t->out, '|');
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        cell(t, &batch->columns[i], row);
        put_padded(t, i, t->value.ptr, t->value.len);
    }
    hr_buf_putc(t->out, '\n');
}

static void print_rule(const struct table *t, uint32_t columns)
{
    hr_buf_putc(t->out, '+');
    for (uint32_t i = 0; i < columns; i++) {
        for (uint32_t w = 0; w < t->widths[i]; w++) hr_buf_putc(t->out, '-');
        hr_buf_putc(t->out, '+');
    }
    hr_buf_putc(t->out, '\n');
}

hr_status cli_print_table(const struct hr_result *result, const struct hr_conf *conf,
                          struct hr_buf *out, struct hr_err *err)
{
    uint32_t columns = result->schema->field_count;
    struct table t = {.conf = conf, .out = out};
    t.widths = hr_zalloc(columns * sizeof *t.widths);
    if (!t.widths) return HR_OOM(err);
    for (uint32_t i = 0; i < columns; i++) {
        const char *name = result->schema->fields[i].name;
        t.widths[i] = HR_MAX(3, width_of(name, strlen(name)));
    }
    cli_each_row(result, measure_row, &t);
    print_rule(&t, columns);
    hr_buf_putc(out, '|');
    for (uint32_t i = 0; i < columns; i++) {
        const char *name = result->schema->fields[i].name;
        put_padded(&t, i, name, strlen(name));
    }
    hr_buf_putc(out, '\n');
    print_rule(&t, columns);
    cli_each_row(result, print_row, &t);
    print_rule(&t, columns);
    out->failed = out->failed || t.value.failed;
    hr_buf_done(&t.value);
    hr_free(t.widths);
    return hr_buf_status(out, err);
}
