/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes: the cells are printed into one buffer with their ends, then laid out. Wide East Asian
 * characters take two columns, as in Spark.
 */
#include "connector/console/table.h"

#include "base/utf8.h"

#define MIN_WIDTH 3

struct cells {
    struct hr_buf text;
    struct hr_buf ends; /* size_t each */
    uint32_t columns;
    uint32_t *widths;
};

static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf && c != 0x303f) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0xffe0 && c <= 0xffe6);
}

static uint32_t width_of(const char *p, size_t len)
{
    uint32_t width = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        i += hr_utf8_decode(p + i, len - i, &c);
        width += is_wide(c) ? 2 : 1;
    }
    return width;
}

/* Closes the cell that begins at start: shortens it and measures. */
static void end_cell(struct cells *cells, size_t start, uint32_t column, uint32_t truncate)
{
    const char *p = cells->text.ptr + start;
    size_t len = cells->text.len - start;
    if (truncate && hr_utf8_count(p, len) > truncate) {
        bool dots = truncate > 3;
        cells->text.len = start + hr_utf8_offset(p, len, dots ? truncate - 3 : truncate);
        if (dots) hr_buf_append(&cells->text, "...", 3);
        p = cells->text.ptr + start;
        len = cells->text.len - start;
    }
    uint32_t width = len ? width_of(p, len) : 0;
    if (width > cells->widths[column]) cells->widths[column] = width;
    hr_buf_append(&cells->ends, &cells->text.len, sizeof(size_t));
}

/* Control characters are shown, not obeyed. */
static void put_cell(struct hr_buf *out, const struct hr_column *col, uint32_t row,
                     const struct hr_tz *tz)
{
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) {
        hr_buf_puts(out, "NULL");
        return;
    }
    size_t start = out->len;
    if (col->type->id == HR_T_BINARY) {
        struct hr_str_view v = hr_string_view((const struct hr_string *)col->values + row);
        hr_buf_putc(out, '[');
        for (size_t i = 0; i < v.len; i++)
            hr_buf_printf(out, i ? " %02X" : "%02X", (unsigned char)v.ptr[i]);
        hr_buf_putc(out, ']');
        return;
    }
    hr_column_print(col, row, tz, out);
    static const char from[] = "\n\r\t\f\b\v\a", to[] = "nrtfbva";
    for (size_t i = start; i < out->len; i++) {
        const char *hit = out->ptr[i] ? strchr(from, out->ptr[i]) : NULL;
        if (!hit) continue;
        hr_buf_putc(out, ' ');
        if (out->failed) return;
        memmove(out->ptr + i + 2, out->ptr + i + 1, out->len - i - 2);
        out->ptr[i] = '\\';
        out->ptr[++i] = to[hit - from];
    }
}

static void rule(const struct cells *cells, struct hr_buf *out)
{
    for (uint32_t c = 0; c < cells->columns; c++) {
        hr_buf_putc(out, '+');
        for (uint32_t i = 0; i < cells->widths[c]; i++) hr_buf_putc(out, '-');
    }
    hr_buf_puts(out, "+\n");
}

static void line(const struct cells *cells, uint32_t row, bool right, struct hr_buf *out)
{
    const size_t *ends = (const size_t *)(const void *)cells->ends.ptr;
    for (uint32_t c = 0; c < cells->columns; c++) {
        size_t at = (size_t)row * cells->columns + c, start = at ? ends[at - 1] : 0;
        const char *p = cells->text.ptr + start;
        size_t len = ends[at] - start;
        uint32_t pad = cells->widths[c] - (len ? width_of(p, len) : 0);
        hr_buf_putc(out, '|');
        for (uint32_t i = 0; right && i < pad; i++) hr_buf_putc(out, ' ');
        if (len) hr_buf_append(out, p, len);
        for (uint32_t i = 0; !right && i < pad; i++) hr_buf_putc(out, ' ');
    }
    hr_buf_puts(out, "|\n");
}

static uint32_t put_rows(struct cells *cells, struct hr_batch *const *batches, uint32_t count,
                         const struct hr_show_options *options, bool *ret_more)
{
    uint32_t rows = 0;
    for (uint32_t b = 0; b < count; b++) {
        for (uint32_t i = 0; i < batches[b]->sel_count; i++, rows++) {
            if (rows == options->rows) {
                *ret_more = true;
                return rows;
            }
            uint32_t row = batches[b]->sel ? batches[b]->sel[i] : i;
            for (uint32_t c = 0; c < cells->columns; c++) {
                size_t start = cells->text.len;
                put_cell(&cells->text, &batches[b]->columns[c], row, options->tz);
                end_cell(cells, start, c, options->truncate);
            }
        }
    }
    return rows;
}

void hr_show_table(const struct hr_type *schema, struct hr_batch *const *batches, uint32_t count,
                   const struct hr_show_options *options, struct hr_buf *out)
{
    struct cells cells = {.columns = schema->field_count};
    bool more = false;
    cells.widths = hr_alloc(sizeof *cells.widths * (schema->field_count + 1));
    if (!cells.widths) {
        out->failed = true;
        return;
    }
    for (uint32_t c = 0; c < cells.columns; c++) {
        size_t start = cells.text.len;
        cells.widths[c] = MIN_WIDTH;
        hr_buf_puts(&cells.text, schema->fields[c].name);
        end_cell(&cells, start, c, options->truncate);
    }
    uint32_t rows = put_rows(&cells, batches, count, options, &more);
    if (cells.text.failed || cells.ends.failed) {
        out->failed = true;
    } else {
        rule(&cells, out);
        line(&cells, 0, options->truncate > 0, out);
        rule(&cells, out);
        for (uint32_t r = 0; r < rows; r++) line(&cells, r + 1, options->truncate > 0, out);
        rule(&cells, out);
        if (more)
            hr_buf_printf(out, "only showing top %u row%s\n", options->rows,
                          options->rows == 1 ? "" : "s");
    }
    hr_buf_done(&cells.text);
    hr_buf_done(&cells.ends);
    hr_free(cells.widths);
}
