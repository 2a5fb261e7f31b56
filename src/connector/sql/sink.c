/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of SQL databases. An epoch's rows are kept until its end, then written in the order of
 * partitions, in one transaction with the note of the epoch:
 *
 *   prepare_epoch   BEGIN; is the row of this query still ours? rows; epoch := e
 *   (dead letters become durable)
 *   commit_epoch    COMMIT
 *
 * A commit whose answer is lost is decided by the row: the query opens the sink again and asks it.
 */
#include <stdio.h>

#include "base/plant.h"
#include "connector/sql/sql.h"
#include "operator/dead_letters.h"

#define BLOCK_ROWS 512u

struct sql_sink {
    struct hr_sink base;
    const struct sql_driver *driver;
    struct hr_arena arena;
    struct hr_env *env;
    struct sql_options options;
    struct sql_db *db;
    const struct hr_type *schema;
    struct hr_collect collect;
    const char *query_id, *writer;
    bool streaming, replace, starts_late, open; /* open: a transaction */
    int32_t change;     /* the column that says what a row is, or -1 */
    uint32_t *columns;  /* those that are written, */
    uint32_t column_count;
    uint32_t *keys;     /* and those that tell rows apart */
    uint32_t key_count;
};

static struct sql_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct sql_sink, base);
}

void hr_sql_sink_close(struct hr_sink *sink)
{
    struct sql_sink *s = self(sink);
    s->driver->close(s->db);
    hr_collect_done(&s->collect);
    hr_arena_done(&s->arena);
    hr_free(s);
}

/* --- Statements ------------------------------------------------------------------------------- */

static void put_names(const struct sql_sink *s, const uint32_t *columns, uint32_t count,
                      struct hr_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        hr_buf_puts(out, i ? ", " : "");
        hr_sql_put_name(s->schema->fields[columns[i]].name, out);
    }
}

static bool is_key(const struct sql_sink *s, uint32_t column)
{
    for (uint32_t i = 0; i < s->key_count; i++)
        if (s->keys[i] == column) return true;
    return false;
}

static void put_insert(const struct sql_sink *s, struct hr_buf *out)
{
    bool any = false;
    hr_buf_puts(out, "INSERT INTO ");
    hr_sql_put_table(s->options.table, out);
    hr_buf_puts(out, " (");
    put_names(s, s->columns, s->column_count, out);
    hr_buf_puts(out, ") VALUES (");
    for (uint32_t i = 0; i < s->column_count; i++)
        hr_buf_printf(out, "%s$%u", i ? ", " : "", i + 1);
    hr_buf_puts(out, ")");
    if (!s->key_count) return;
    hr_buf_puts(out, " ON CONFLICT (");
    put_names(s, s->keys, s->key_count, out);
    hr_buf_puts(out, ") DO ");
    for (uint32_t i = 0; i < s->column_count; i++) {
        if (is_key(s, s->columns[i])) continue;
        hr_buf_puts(out, any ? ", " : "UPDATE SET ");
        hr_sql_put_name(s->schema->fields[s->columns[i]].name, out);
        hr_buf_puts(out, " = excluded.");
        hr_sql_put_name(s->schema->fields[s->columns[i]].name, out);
        any = true;
    }
    if (!any) hr_buf_puts(out, "NOTHING");
}

static void put_delete(const struct sql_sink *s, struct hr_buf *out)
{
    hr_buf_puts(out, "DELETE FROM ");
    hr_sql_put_table(s->options.table, out);
    for (uint32_t i = 0; i < s->key_count; i++) {
        hr_buf_puts(out, i ? " AND " : " WHERE ");
        hr_sql_put_name(s->schema->fields[s->keys[i]].name, out);
        hr_buf_printf(out, " = $%u", i + 1);
    }
}

static hr_status put_create(const struct sql_sink *s, struct hr_buf *out, struct hr_err *err)
{
    hr_buf_puts(out, "CREATE TABLE IF NOT EXISTS ");
    hr_sql_put_table(s->options.table, out);
    hr_buf_puts(out, " (");
    for (uint32_t i = 0; i < s->column_count; i++) {
        const struct hr_field *field = &s->schema->fields[s->columns[i]];
        hr_buf_puts(out, i ? ", " : "");
        hr_sql_put_name(field->name, out);
        hr_buf_printf(out, " %s", s->driver->type(field->type));
    }
    if (s->key_count) {
        hr_buf_puts(out, ", PRIMARY KEY (");
        put_names(s, s->keys, s->key_count, out);
        hr_buf_puts(out, ")");
    }
    hr_buf_puts(out, ")");
    return hr_buf_status(out, err);
}

static hr_status exec(struct sql_sink *s, struct hr_buf *sql, struct hr_err *err)
{
    hr_status status = hr_buf_status(sql, err);
    if (!status) status = s->driver->exec(s->db, hr_buf_cstr(sql), err);
    hr_buf_done(sql);
    return status;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static hr_status find_keys(struct sql_sink *s, struct hr_err *err)
{
    const char *p = s->options.key;
    s->keys = HR_NEW_ARRAY(&s->arena, uint32_t, s->schema->field_count + 1);
    if (!s->keys) return HR_OOM(err);
    while (p && *p) {
        struct hr_str_view name = hr_sv_trim(hr_svn(p, strcspn(p, ",")));
        int32_t at = hr_type_field_index(s->schema, name);
        if (at < 0 || at == s->change || is_key(s, (uint32_t)at))
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option key: %.*s is none of the columns, or "
                           "there twice", (int)HR_MIN(name.len, (size_t)100), name.ptr);
        s->keys[s->key_count++] = (uint32_t)at;
        p += strcspn(p, ",");
        p += *p == ',';
    }
    return HR_OK;
}

static hr_status find_columns(struct sql_sink *s, struct hr_err *err)
{
    s->change = hr_type_field_index(s->schema, hr_sv("_change"));
    s->columns = HR_NEW_ARRAY(&s->arena, uint32_t, s->schema->field_count + 1);
    if (!s->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < s->schema->field_count; i++) {
        const struct hr_field *field = &s->schema->fields[i];
        if ((int32_t)i == s->change) continue;
        if (!s->driver->type(field->type))
            return HR_FAIL(err, HR_E_NOT_SUPPORTED, "column %s: %s has no such type; to_json(%s) "
                           "or a CAST makes it a text", field->name, s->driver->name, field->name);
        s->columns[s->column_count++] = i;
    }
    if (s->change >= 0 && !hr_type_is_string(s->schema->fields[s->change].type))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "column _change must be a STRING");
    return find_keys(s, err);
}

/* The row of the query: epoch and writer. */
static hr_status note_of(struct sql_sink *s, const char *behind, int64_t *ret_epoch,
                         bool *ret_ours, bool *ret_found, struct hr_err *err)
{
    struct hr_buf sql = {0}, got[2] = {{0}, {0}};
    hr_buf_puts(&sql, "SELECT epoch, writer FROM ");
    hr_sql_put_table(s->options.epoch_table, &sql);
    hr_buf_printf(&sql, " WHERE query_id = $1%s", behind);
    hr_status status = hr_buf_status(&sql, err);
    if (!status)
        status = s->driver->row(s->db, hr_buf_cstr(&sql), &s->query_id, 1, got, ret_found, err);
    if (!status && *ret_found) {
        if (!hr_parse_i64(hr_svn(got[0].ptr, got[0].len), ret_epoch))
            status = HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "table %s: an epoch that is no number",
                             s->options.epoch_table);
        *ret_ours = strcmp(hr_buf_cstr(&got[1]), s->writer) == 0;
    }
    hr_buf_done(&sql);
    hr_buf_done(&got[0]);
    hr_buf_done(&got[1]);
    return status;
}

/* From here on whoever wrote for this query before is fenced. */
static hr_status take_over(struct sql_sink *s, struct hr_err *err)
{
    struct hr_buf sql = {0};
    hr_buf_puts(&sql, "CREATE TABLE IF NOT EXISTS ");
    hr_sql_put_table(s->options.epoch_table, &sql);
    hr_buf_puts(&sql, " (query_id VARCHAR(64) PRIMARY KEY, epoch BIGINT NOT NULL, "
                      "writer VARCHAR(64) NOT NULL)");
    HR_TRY(exec(s, &sql, err));
    hr_buf_puts(&sql, "INSERT INTO ");
    hr_sql_put_table(s->options.epoch_table, &sql);
    hr_buf_printf(&sql, " (query_id, epoch, writer) VALUES ('%s', -1, '%s') ON CONFLICT (query_id) "
                  "DO UPDATE SET writer = excluded.writer", s->query_id, s->writer);
    return exec(s, &sql, err);
}

static hr_status open_db(struct sql_sink *s, struct hr_err *err)
{
    struct hr_buf sql = {0};
    HR_TRY(s->driver->open(&s->options, true, &s->db, err));
    if (s->streaming) HR_TRY(take_over(s, err));
    if (s->options.create) {
        hr_status status = put_create(s, &sql, err);
        if (status) hr_buf_done(&sql);
        HR_TRY(status);
        HR_TRY(exec(s, &sql, err));
    }
    put_insert(s, &sql);
    hr_status status = hr_buf_status(&sql, err);
    if (!status)
        status =
            s->driver->prepare(s->db, SQL_PUT, hr_buf_cstr(&sql), s->column_count, err);
    hr_buf_clear(&sql);
    if (!status && s->key_count) {
        put_delete(s, &sql);
        status = hr_buf_status(&sql, err);
        if (!status)
            status = s->driver->prepare(s->db, SQL_DELETE, hr_buf_cstr(&sql), s->key_count, err);
    }
    hr_buf_done(&sql);
    return status;
}

static hr_status copy_options(struct sql_sink *s, const struct hr_sink_args *args,
                              struct hr_err *err)
{
    struct hr_options *copy = HR_NEW(&s->arena, struct hr_options);
    if (!copy) return HR_OOM(err);
    hr_options_init(copy, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(copy, args->options->items[i].key, args->options->items[i].value,
                              err));
    return hr_options_parse(s->base.vt->options, s->base.vt->option_count, copy, &s->options, err);
}

static hr_status setup(struct sql_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    char writer[37];
    HR_TRY(copy_options(s, args, err));
    if (!s->options.table) return HR_FAIL(err, HR_E_INVALID_OPTION, "option table: must be given");
    s->schema = args->schema;
    s->streaming = args->streaming;
    s->starts_late = args->starts_late;
    s->replace = args->streaming && args->mode == HR_MODE_COMPLETE;
    HR_TRY(find_columns(s, err));
    if (!s->key_count && (s->change >= 0 || args->mode == HR_MODE_UPDATE))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option key: must be given, for %s",
                       s->change >= 0 ? "the rows are changes" : "update mode replaces rows");
    hr_env_uuid(args->env, writer);
    s->query_id = hr_arena_strdup(&s->arena, args->query_id ? args->query_id : "");
    s->writer = hr_arena_strdup(&s->arena, writer);
    if (!s->query_id || !s->writer) return HR_OOM(err);
    return open_db(s, err);
}

hr_status hr_sql_sink_open(const struct hr_sink_args *args, const struct sql_driver *driver,
                           const struct hr_sink_vt *vt, struct hr_sink **ret, struct hr_err *err)
{
    struct sql_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    hr_collect_init(&s->collect);
    s->base.vt = vt;
    s->base.guarantee = HR_EXACTLY_ONCE;
    s->driver = driver;
    s->env = args->env;
    hr_status status = setup(s, args, err);
    if (status) {
        hr_sql_sink_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

/* --- Epochs ----------------------------------------------------------------------------------- */

static hr_status mismatch(const struct sql_sink *s, int64_t noted, int64_t epoch,
                          struct hr_err *err)
{
    char why[160];
    snprintf(why, sizeof why, "the database has the query's epoch %lld, the journal goes on with "
             "%lld: one of them is an older copy", (long long)noted, (long long)epoch);
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", s->options.table, "why", why);
}

hr_status hr_sql_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                       struct hr_err *err)
{
    struct sql_sink *s = self(sink);
    int64_t noted = -1;
    bool ours = false, found = false;
    hr_collect_clear(&s->collect);
    *ret_committed = false;
    if (!s->streaming) return HR_OK;
    HR_TRY(note_of(s, "", &noted, &ours, &found, err));
    ours |= HR_PLANTED(SQL_FENCE);
    if (!found || !ours) return HR_RAISE(err, HR_E_FENCED, "what", s->options.table);
    if (HR_PLANTED(SQL_AGE)) noted = HR_MIN(noted, epoch - 1);
    if (noted != epoch && noted != epoch - 1 && !(noted < 0 && s->starts_late))
        return mismatch(s, noted, epoch, err);
    *ret_committed = noted == epoch;
    return HR_OK;
}

hr_status hr_sql_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition, uint32_t attempt,
                        struct hr_sink_writer **ret, struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    return hr_collect_writer(&self(sink)->collect, partition, ret, err);
}

struct block {
    struct sql_sink *sink;
    struct hr_arena arena;
    const struct hr_batch *batch;
    struct sql_op ops[BLOCK_ROWS];
    uint32_t rows[BLOCK_ROWS];
    uint32_t count;
};

/* A row as JSON, for who looks after it. */
static void put_row(const struct block *b, uint32_t index, struct hr_buf *out)
{
    const struct sql_sink *s = b->sink;
    const struct sql_op *op = &b->ops[index];
    const uint32_t *columns = op->statement == SQL_DELETE ? s->keys : s->columns;
    for (uint32_t i = 0; i < op->count; i++) {
        const struct sql_value *v = &op->values[i];
        hr_buf_puts(out, i ? "," : "{");
        hr_buf_put_json(out, hr_sv(s->schema->fields[columns[i]].name));
        hr_buf_putc(out, ':');
        switch (v->kind) {
        case SQL_NULL: hr_buf_puts(out, "null"); break;
        case SQL_BOOL: hr_buf_puts(out, v->i64 ? "true" : "false"); break;
        case SQL_I64: hr_buf_put_i64(out, v->i64); break;
        case SQL_F64: hr_buf_printf(out, "%.17g", v->f64); break;
        case SQL_TEXT:
        case SQL_BYTES: hr_buf_put_json(out, v->text); break;
        }
    }
    hr_buf_putc(out, '}');
}

static hr_status refuse(void *arg, uint32_t index, const char *why, struct hr_err *err)
{
    struct block *b = arg;
    struct hr_dead_letters *dead = b->sink->base.dead;
    if (HR_PLANTED(SQL_REFUSED)) return HR_OK;
    if (!dead) return HR_RAISE(err, HR_E_SINK_ROW, "what", b->sink->options.table, "why", why);
    struct hr_buf row = {0};
    put_row(b, index, &row);
    hr_status status = hr_buf_status(&row, err);
    dead->partition = b->sink->options.table;
    if (!status) status = hr_bad_row(&dead->rows, hr_svn(row.ptr, row.len), -1, why, err);
    hr_buf_done(&row);
    return status;
}

static hr_status apply(struct block *b, struct hr_err *err)
{
    hr_status status =
        b->count ? b->sink->driver->apply(b->sink->db, b->ops, b->count, refuse, b, err) : HR_OK;
    b->count = 0;
    hr_arena_reset(&b->arena);
    return status;
}

static hr_status add_row(struct block *b, uint32_t row, struct hr_err *err)
{
    const struct sql_sink *s = b->sink;
    struct sql_op *op = &b->ops[b->count++];
    op->statement = SQL_PUT;
    if (s->change >= 0 && hr_column_valid(&b->batch->columns[s->change], row)) {
        const struct hr_string *kinds = b->batch->columns[s->change].values;
        op->statement = *hr_string_ptr(&kinds[row]) == '-' ? SQL_DELETE : SQL_PUT;
    }
    const uint32_t *columns = op->statement == SQL_DELETE ? s->keys : s->columns;
    op->count = op->statement == SQL_DELETE ? s->key_count : s->column_count;
    struct sql_value *values = HR_NEW_ARRAY(&b->arena, struct sql_value, op->count + 1);
    if (!values) return HR_OOM(err);
    for (uint32_t i = 0; i < op->count; i++)
        HR_TRY(hr_sql_value(&b->batch->columns[columns[i]], row, &b->arena, &values[i], err));
    op->values = values;
    if (HR_PLANTED(SQL_COMPLETE) && op->statement == SQL_DELETE) b->count--;
    return b->count == BLOCK_ROWS ? apply(b, err) : HR_OK;
}

static hr_status write_all(struct sql_sink *s, struct hr_err *err)
{
    struct hr_batch **batches = NULL;
    uint32_t count = 0;
    struct block *b = hr_zalloc(sizeof *b);
    if (!b) return HR_OOM(err);
    b->sink = s;
    hr_arena_init(&b->arena, NULL);
    hr_status status = hr_collect_take(&s->collect, &batches, &count, err);
    for (uint32_t i = 0; !status && i < count; i++) {
        b->batch = batches[i];
        for (uint32_t j = 0; !status && j < b->batch->sel_count; j++)
            status = add_row(b, b->batch->sel ? b->batch->sel[j] : j, err);
        if (!status) status = apply(b, err); /* values are the batch's */
    }
    for (uint32_t i = 0; i < count; i++) hr_batch_unref(batches[i]);
    hr_free(batches);
    hr_collect_clear(&s->collect);
    hr_arena_done(&b->arena);
    hr_free(b);
    return status;
}

static hr_status note_epoch(struct sql_sink *s, int64_t epoch, struct hr_err *err)
{
    struct hr_buf sql = {0};
    hr_buf_puts(&sql, "UPDATE ");
    hr_sql_put_table(s->options.epoch_table, &sql);
    hr_buf_printf(&sql, " SET epoch = %lld WHERE query_id = '%s'", (long long)epoch, s->query_id);
    return exec(s, &sql, err);
}

hr_status hr_sql_prepare(struct hr_sink *sink, int64_t epoch, const struct hr_str_view *messages,
                         uint32_t count, struct hr_err *err)
{
    struct sql_sink *s = self(sink);
    int64_t noted = -1;
    bool ours = true, found = true;
    HR_UNUSED(messages);
    HR_UNUSED(count);
    HR_TRY(s->driver->exec(s->db, s->driver->begin, err));
    s->open = true;
    if (s->streaming) HR_TRY(note_of(s, s->driver->now_owned, &noted, &ours, &found, err));
    ours |= HR_PLANTED(SQL_FENCE);
    if (!found || !ours) return HR_RAISE(err, HR_E_FENCED, "what", s->options.table);
    if (s->replace) {
        struct hr_buf sql = {0};
        hr_buf_puts(&sql, "DELETE FROM ");
        hr_sql_put_table(s->options.table, &sql);
        HR_TRY(exec(s, &sql, err));
    }
    HR_TRY(write_all(s, err));
    return s->streaming && !HR_PLANTED(SQL_NOTE) ? note_epoch(s, epoch, err) : HR_OK;
}

hr_status hr_sql_commit(struct hr_sink *sink, int64_t epoch, const struct hr_str_view *messages,
                        uint32_t count, struct hr_err *err)
{
    struct sql_sink *s = self(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(messages);
    HR_UNUSED(count);
    HR_TRY(s->driver->exec(s->db, "COMMIT", err));
    s->open = false;
    return HR_OK;
}

void hr_sql_abort(struct hr_sink *sink, int64_t epoch)
{
    struct sql_sink *s = self(sink);
    struct hr_err ignored;
    hr_err_init(&ignored);
    HR_UNUSED(epoch);
    hr_collect_clear(&s->collect);
    if (s->open && s->driver->exec(s->db, "ROLLBACK", &ignored)) return; /* closing does it, too */
    s->open = false;
}

enum hr_guarantee hr_sql_explain(const struct hr_options *options, struct hr_buf *out)
{
    HR_UNUSED(options);
    hr_buf_puts(out, ": an epoch is a transaction, noted in it");
    return HR_EXACTLY_ONCE;
}
