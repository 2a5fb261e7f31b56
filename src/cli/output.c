/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as csv (RFC 4180: CRLF not, quotes where needed), json (one object a row) and results
 * (one object a statement: DESIGN, the form of tools/spark-results). The table is in table.c.
 */
#include <errno.h>

#include "cli/cli.h"
#include "format/format.h"

bool cli_format_parse(const char *name, enum cli_format *ret)
{
    static const char *const names[] = {"table", "csv", "json", "results"};
    for (int i = 0; i < (int)HR_COUNT(names); i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *ret = (enum cli_format)i;
        return true;
    }
    return false;
}

bool cli_value(const struct hr_column *col, uint32_t row, const struct hr_conf *conf,
               struct hr_buf *out)
{
    if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) return false;
    hr_column_print(col, row, conf->tz, out);
    return true;
}

void cli_each_row(const struct hr_result *result,
                  void (*fn)(void *arg, const struct hr_batch *batch, uint32_t row), void *arg)
{
    for (uint32_t i = 0; i < result->batch_count; i++) {
        const struct hr_batch *batch = result->batches[i];
        for (uint32_t k = 0; k < batch->sel_count; k++)
            fn(arg, batch, batch->sel ? batch->sel[k] : k);
    }
}

/* What a row needs to be printed. */
struct printer {
    struct hr_buf *out, value;
    const struct hr_conf *conf;
    uint32_t rows;
};

static void put_csv(struct hr_buf *out, struct hr_str_view s)
{
    bool quote = s.len == 0;
    for (size_t i = 0; i < s.len && !quote; i++)
        quote = s.ptr[i] == '"' || s.ptr[i] == ',' || s.ptr[i] == '\n' || s.ptr[i] == '\r';
    if (!quote) {
        hr_buf_put_sv(out, s);
        return;
    }
    hr_buf_putc(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') hr_buf_putc(out, '"');
        hr_buf_putc(out, s.ptr[i]);
    }
    hr_buf_putc(out, '"');
}

/* NULL is nothing, the empty string "". */
static void csv_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct printer *p = arg;
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        if (i > 0) hr_buf_putc(p->out, ',');
        hr_buf_clear(&p->value);
        if (cli_value(&batch->columns[i], row, p->conf, &p->value))
            put_csv(p->out, hr_svn(p->value.ptr, p->value.len));
    }
    hr_buf_putc(p->out, '\n');
}

static void print_csv(const struct hr_result *result, struct printer *p)
{
    for (uint32_t i = 0; i < result->schema->field_count; i++) {
        if (i > 0) hr_buf_putc(p->out, ',');
        put_csv(p->out, hr_sv(result->schema->fields[i].name));
    }
    hr_buf_putc(p->out, '\n');
    cli_each_row(result, csv_row, p);
}

/* By the format that json files are written with; NULL fields are shown. */
static hr_status print_json(const struct hr_result *result, const struct hr_conf *conf,
                            struct hr_buf *out, struct hr_err *err)
{
    const struct hr_format_vt *vt = hr_format_find("json");
    if (!vt) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "the format json in this build");
    struct hr_arena arena;
    struct hr_options options;
    struct hr_encoder *encoder = NULL;
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    struct hr_format_args args = {.conf = conf, .options = &options, .schema = result->schema};
    hr_status status = hr_options_put(&options, "ignoreNullFields", "false", err);
    if (status == HR_OK) status = vt->encoder_open(&args, &encoder, err);
    for (uint32_t i = 0; i < result->batch_count && status == HR_OK; i++)
        status = vt->encode(encoder, result->batches[i], out, NULL, err);
    if (encoder) vt->encoder_close(encoder);
    hr_arena_done(&arena);
    return status;
}

static void results_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct printer *p = arg;
    hr_buf_puts(p->out, p->rows++ ? ", [" : "[");
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        if (i > 0) hr_buf_puts(p->out, ", ");
        hr_buf_clear(&p->value);
        if (cli_value(&batch->columns[i], row, p->conf, &p->value))
            hr_buf_put_json(p->out, hr_svn(p->value.ptr, p->value.len));
        else
            hr_buf_puts(p->out, "null");
    }
    hr_buf_putc(p->out, ']');
}

static void print_results(const struct hr_result *result, struct hr_str_view sql, struct printer *p)
{
    hr_buf_puts(p->out, "{\"sql\": ");
    hr_buf_put_json(p->out, sql);
    hr_buf_puts(p->out, ", \"columns\": [");
    for (uint32_t i = 0; i < result->schema->field_count; i++) {
        const struct hr_field *field = &result->schema->fields[i];
        hr_buf_puts(p->out, i > 0 ? ", {\"name\": " : "{\"name\": ");
        hr_buf_put_json(p->out, hr_sv(field->name));
        hr_buf_puts(p->out, ", \"type\": ");
        hr_buf_clear(&p->value);
        hr_type_print_simple(field->type, &p->value);
        hr_buf_put_json(p->out, hr_svn(p->value.ptr, p->value.len));
        hr_buf_putc(p->out, '}');
    }
    hr_buf_puts(p->out, "], \"rows\": [");
    cli_each_row(result, results_row, p);
    hr_buf_puts(p->out, "]}\n");
}

/* All of out to standard output. A reader that went away is a failure like any other. */
static hr_status flush(struct hr_buf *out, hr_status status, struct hr_err *err)
{
    if (status == HR_OK) status = hr_buf_status(out, err);
    if (status == HR_OK && out->len > 0 && fwrite(out->ptr, 1, out->len, stdout) != out->len)
        status = HR_RAISE(err, HR_E_IO, "what", "standard output", "why", strerror(errno));
    if (status == HR_OK && fflush(stdout) != 0)
        status = HR_RAISE(err, HR_E_IO, "what", "standard output", "why", strerror(errno));
    hr_buf_done(out);
    return status;
}

hr_status cli_print_result(enum cli_format format, const struct hr_result *result,
                           struct hr_str_view sql, const struct hr_conf *conf, struct hr_err *err)
{
    struct hr_buf out = {0};
    struct printer p = {.out = &out, .conf = conf};
    hr_status status = HR_OK;
    bool columns = result->schema && result->schema->field_count > 0;
    if (format == CLI_RESULTS)
        print_results(result, sql, &p);
    else if (columns && format == CLI_CSV)
        print_csv(result, &p);
    else if (columns && format == CLI_JSON)
        status = print_json(result, conf, &out, err);
    else if (columns)
        status = cli_print_table(result, conf, &out, err);
    if (p.value.failed) out.failed = true;
    hr_buf_done(&p.value);
    return flush(&out, status, err);
}

static void put_parameters(const struct hr_err *error, struct hr_buf *out)
{
    const char *names[16], *values[16];
    uint32_t count = 0;
    const char *at = error->params;
    for (uint16_t i = 0; i < error->param_count && count < HR_COUNT(names); i++) {
        const char *name = at, *value = at + strlen(at) + 1;
        at = value + strlen(value) + 1;
        uint32_t k = count++;
        for (; k > 0 && strcmp(names[k - 1], name) > 0; k--) { /* sorted, as the recorder does */
            names[k] = names[k - 1];
            values[k] = values[k - 1];
        }
        names[k] = name;
        values[k] = value;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) hr_buf_puts(out, ", ");
        hr_buf_put_json(out, hr_sv(names[i]));
        hr_buf_puts(out, ": ");
        hr_buf_put_json(out, hr_sv(values[i]));
    }
}

hr_status cli_print_error_object(const struct hr_err *error, struct hr_str_view sql,
                                 struct hr_err *err)
{
    const struct hr_error_info *info = hr_error_info(error->code);
    struct hr_buf out = {0};
    hr_buf_puts(&out, "{\"sql\": ");
    hr_buf_put_json(&out, sql);
    hr_buf_puts(&out, ", \"error\": {\"class\": ");
    hr_buf_put_json(&out, hr_sv(info->error_class));
    hr_buf_puts(&out, ", \"sqlState\": ");
    hr_buf_put_json(&out, hr_sv(info->sql_state));
    hr_buf_puts(&out, ", \"message\": ");
    hr_buf_put_json(&out, hr_sv(error->msg));
    hr_buf_puts(&out, ", \"parameters\": {");
    put_parameters(error, &out);
    hr_buf_puts(&out, "}, \"line\": ");
    if (error->line > 0)
        hr_buf_printf(&out, "%d, \"column\": %d}}\n", error->line, error->column + 1);
    else
        hr_buf_puts(&out, "null, \"column\": null}}\n");
    return flush(&out, HR_OK, err);
}
