/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of SQL databases at rest: one split, read over a connection of the reader's own, as the
 * database shows the table when the reader begins. Only the wanted columns are asked for.
 */
#include "connector/sql/sql.h"

struct sql_source {
    struct hr_source base;
    const struct sql_driver *driver;
    struct hr_arena arena;
    struct sql_options options;
};

static struct sql_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct sql_source, base);
}

void hr_sql_source_close(struct hr_source *source)
{
    hr_arena_done(&self(source)->arena);
    hr_free(self(source));
}

static void put_from(const struct sql_source *s, struct hr_buf *out)
{
    hr_buf_puts(out, " FROM ");
    if (s->options.query)
        hr_buf_printf(out, "(%s) AS q", s->options.query);
    else
        hr_sql_put_table(s->options.table, out);
}

static hr_status infer(struct sql_source *s, struct hr_err *err)
{
    struct sql_db *db = NULL;
    struct hr_buf sql = {0};
    hr_buf_puts(&sql, "SELECT *");
    put_from(s, &sql);
    hr_buf_puts(&sql, " LIMIT 0");
    hr_status status = hr_buf_status(&sql, err);
    if (!status) status = s->driver->open(&s->options, false, &db, err);
    if (!status) status = s->driver->columns(db, hr_buf_cstr(&sql), &s->base.schema, err);
    s->driver->close(db);
    hr_buf_done(&sql);
    return status;
}

static hr_status setup(struct sql_source *s, const struct hr_source_args *args, struct hr_err *err)
{
    struct hr_options *copy = HR_NEW(&s->arena, struct hr_options);
    if (!copy) return HR_OOM(err);
    hr_options_init(copy, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(copy, args->options->items[i].key, args->options->items[i].value,
                              err));
    HR_TRY(hr_options_parse(s->base.vt->options, s->base.vt->option_count, copy, &s->options, err));
    if (!s->options.table == !s->options.query)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option table: it, or query, must be given");
    if (!args->schema || !args->schema->field_count) return infer(s, err);
    for (uint32_t i = 0; i < args->schema->field_count; i++)
        if (!s->driver->type(args->schema->fields[i].type))
            return HR_FAIL(err, HR_E_NOT_SUPPORTED, "column %s: %s has no such type",
                           args->schema->fields[i].name, s->driver->name);
    s->base.schema = args->schema;
    return HR_OK;
}

hr_status hr_sql_source_open(const struct hr_source_args *args, const struct sql_driver *driver,
                             const struct hr_source_vt *vt, struct hr_source **ret,
                             struct hr_err *err)
{
    if (args->streaming)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "a table of %s is read at rest, not as a stream; "
                       "join it, or read its changes over Kafka (debezium-json)", driver->name);
    struct sql_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    s->base.vt = vt;
    s->driver = driver;
    hr_status status = setup(s, args, err);
    if (status) {
        hr_sql_source_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

hr_status hr_sql_plan(struct hr_source *source, const char *start, const char *end,
                      struct hr_arena *arena, struct hr_split **ret_splits, uint32_t *ret_count,
                      struct hr_err *err)
{
    struct hr_split *split = HR_NEW(arena, struct hr_split);
    HR_UNUSED(source);
    HR_UNUSED(start);
    HR_UNUSED(end);
    if (!split) return HR_OOM(err);
    *split = (struct hr_split){.description = "table", .rows_estimate = -1, .bytes_estimate = -1};
    *ret_splits = split;
    *ret_count = 1;
    return HR_OK;
}

struct sql_reader {
    struct hr_scan_reader base;
    const struct sql_driver *driver;
    struct sql_db *db;
    struct hr_scan_spec spec;
    bool done;
};

static void reader_close(struct hr_scan_reader *base)
{
    struct sql_reader *r = HR_CONTAINER_OF(base, struct sql_reader, base);
    r->driver->close(r->db);
    hr_free(r);
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct sql_reader *r = HR_CONTAINER_OF(base, struct sql_reader, base);
    struct hr_batch_builder builder;
    uint32_t rows = 0, max = r->spec.batch_rows;
    *ret = NULL;
    if (r->done) return HR_OK;
    if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
    HR_TRY(hr_batch_builder_init(&builder, r->spec.schema, 64, r->spec.mem, err));
    hr_status status =
        r->driver->fetch(r->db, r->spec.schema, builder.columns, max, &rows, err);
    struct hr_batch *batch = NULL;
    if (!status) status = hr_batch_builder_finish(&builder, &batch, err);
    if (status) {
        hr_batch_builder_done(&builder);
        return status;
    }
    r->done = rows < max;
    if (r->spec.schema->field_count == 0) batch->row_count = batch->sel_count = rows;
    if (rows == 0) {
        hr_batch_unref(batch);
        return HR_OK;
    }
    *ret = batch;
    return HR_OK;
}

static hr_status start(const struct sql_source *s, struct sql_reader *r, struct hr_err *err)
{
    const struct hr_type *wanted = r->spec.schema;
    struct hr_buf sql = {0};
    hr_buf_puts(&sql, "SELECT ");
    for (uint32_t i = 0; i < wanted->field_count; i++) {
        hr_buf_puts(&sql, i ? ", " : "");
        hr_sql_put_name(wanted->fields[i].name, &sql);
    }
    if (!wanted->field_count) hr_buf_puts(&sql, "1");
    put_from(s, &sql);
    hr_status status = hr_buf_status(&sql, err);
    if (!status) status = s->driver->open(&s->options, false, &r->db, err);
    if (!status) status = s->driver->query(r->db, hr_buf_cstr(&sql), err);
    hr_buf_done(&sql);
    return status;
}

hr_status hr_sql_open_reader(struct hr_source *source, const struct hr_split *split,
                             const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                             struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    const struct sql_source *s = self(source);
    HR_UNUSED(split);
    struct sql_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->driver = s->driver;
    r->spec = *spec;
    if (!r->spec.batch_rows) r->spec.batch_rows = HR_BATCH_ROWS;
    hr_status status = start(s, r, err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}
