/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emitters: append rows to batches under construction (or one row to cells, for combiners).
 *
 * What a user does wrong is noted once, in the emitter; the calls after it do nothing, and
 * hr_emitter_check() turns it into the task's error. Full batches queue up until the iterator that
 * owns the emitter takes them.
 */
#include "api/api.h"

#include <stdio.h>

void hr_emitter_init(struct hr_emitter *out, const struct hr_type *schema, struct hr_mem *mem)
{
    memset(out, 0, offsetof(struct hr_emitter, err));
    out->err.code = HR_OK;
    out->schema = schema;
    out->mem = mem;
}

void hr_emitter_init_cells(struct hr_emitter *out, const struct hr_type *schema,
                           struct hr_cells *cells)
{
    hr_emitter_init(out, schema, NULL);
    out->cells = cells;
    memset(cells, 0, hr_cells_bytes(schema->field_count));
}

void hr_emitter_done(struct hr_emitter *out)
{
    if (out->open) hr_batch_builder_done(&out->builder);
    for (uint32_t i = out->ready_head; i < out->ready_count; i++) hr_batch_unref(out->ready[i]);
    hr_free(out->ready);
    out->open = false;
    out->limit = 0;
    out->ready = NULL;
    out->ready_head = out->ready_count = out->ready_capacity = 0;
}

HR_COLD void hr_emitter_fail(struct hr_emitter *out, const char *fmt, ...)
{
    if (!out) return;
    char msg[512];
    if (out->failed) return;
    out->failed = true;
    out->limit = 0;
    va_list args;
    va_start(args, fmt);
    HR_UNUSED(vsnprintf(msg, sizeof msg, fmt, args));
    va_end(args);
    HR_UNUSED(hr_err_fail(&out->err, "%s", msg));
}

HR_COLD void hr_emitter_fail_type(struct hr_emitter *out, const struct hr_type *type,
                                  const char *got)
{
    if (!out) return;
    struct hr_buf text = {0};
    hr_type_print_sql(type, &text);
    hr_emitter_fail(out, "output column %s is %s and was given %s",
                    out->array ? "element" : out->schema->fields[out->column].name,
                    hr_buf_cstr(&text), got);
    hr_buf_done(&text);
}

hr_status hr_emitter_check(struct hr_emitter *out, hr_status status, struct hr_err *err)
{
    struct hr_task_local *t = &hr_task_local;
    if (HR_UNLIKELY(status != HR_OK)) {
        /* A function may return a number without having filled err. */
        t->misused = false;
        if (err && err->code != status)
            return HR_FAIL(err, HR_E_USER_FUNCTION, "status %d", status);
        return status;
    }
    if (HR_UNLIKELY(t->misused)) {
        t->misused = false;
        if (err) hr_err_copy(err, &t->misuse);
        return t->misuse.code;
    }
    if (HR_UNLIKELY(out && out->failed)) {
        if (err) hr_err_copy(err, &out->err);
        return out->err.code;
    }
    if (HR_UNLIKELY(out && out->column != 0))
        return hr_err_fail(err, "a row was begun (%u of %u columns) and not ended", out->column,
                           out->schema->field_count);
    return HR_OK;
}

/* --- Batches ---------------------------------------------------------------------------------- */

/* Small at first: most streams have few rows a batch. */
#define FIRST_ROWS 1024

static bool open_batch(struct hr_emitter *out, uint32_t expected)
{
    uint32_t rows = HR_MAX(expected, out->full ? HR_BATCH_ROWS : FIRST_ROWS);
    hr_status status = hr_batch_builder_init(&out->builder, out->schema, rows, out->mem, &out->err);
    out->failed = status != HR_OK;
    out->open = !out->failed;
    out->columns = out->builder.columns;
    out->held = NULL;
    out->limit = out->open && !out->prefix ? out->schema->field_count : 0;
    return out->open;
}

static hr_status push(struct hr_emitter *out, struct hr_batch *batch, struct hr_err *err)
{
    if (out->ready_count == out->ready_capacity) {
        if (out->ready_head) {
            memmove(out->ready, out->ready + out->ready_head,
                    (out->ready_count - out->ready_head) * sizeof *out->ready);
            out->ready_count -= out->ready_head;
            out->ready_head = 0;
        } else {
            uint32_t capacity = HR_MAX(8u, out->ready_capacity * 2);
            struct hr_batch **ready = hr_realloc(out->ready, capacity * sizeof *ready);
            if (!ready) {
                hr_batch_unref(batch);
                return HR_OOM(err);
            }
            out->ready = ready;
            out->ready_capacity = capacity;
        }
    }
    out->ready[out->ready_count++] = batch;
    return HR_OK;
}

/* A batch of whole columns may be of any length: it is cut for those that come after. */
static hr_status push_cut(struct hr_emitter *out, struct hr_batch *batch, struct hr_err *err)
{
    hr_status status = HR_OK;
    for (uint32_t at = 0; at < batch->row_count && status == HR_OK; at += HR_BATCH_ROWS) {
        uint32_t rows = HR_MIN(batch->row_count - at, HR_BATCH_ROWS);
        struct hr_batch *slice = hr_batch_slice(batch, at, rows);
        status = slice ? push(out, slice, err) : HR_OOM(err);
    }
    hr_batch_unref(batch);
    return status;
}

hr_status hr_emitter_flush(struct hr_emitter *out, struct hr_err *err)
{
    if (!out->open) return HR_OK;
    struct hr_batch *batch;
    out->open = false;
    out->limit = 0;
    HR_TRY(hr_batch_builder_finish(&out->builder, &batch, err));
    out->full = batch->row_count >= HR_BATCH_ROWS;
    if (batch->row_count > HR_BATCH_ROWS) return push_cut(out, batch, err);
    if (batch->row_count || !batch->schema->field_count) return push(out, batch, err);
    hr_batch_unref(batch);
    return HR_OK;
}

struct hr_batch *hr_emitter_pop(struct hr_emitter *out)
{
    return out->ready_head < out->ready_count ? out->ready[out->ready_head++] : NULL;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Each value has a fast path, for the common types into an open batch, and a slow one that asks
 * about everything. */

/* Where the next value goes: a builder or a cell. */
struct target {
    struct hr_builder *builder;
    union hr_cell *cell;
    const struct hr_type *type;
};

/* The builder of the next value when nothing is out of the ordinary and it has room, or NULL. */
HR_INLINE struct hr_builder *fast_builder(const struct hr_emitter *out)
{
    if (HR_UNLIKELY(!out || out->column >= out->limit)) return NULL;
    struct hr_builder *b = out->columns[out->column];
    return HR_LIKELY(b->length < b->capacity) ? b : NULL;
}

/* Whether a text lies in one of the row that the function was given, so that it can be shared
 * instead of copied: then the output keeps the input's bytes, so only where they are not much more
 * than what is used. */
#define SHARE_COLUMNS 8u

static bool in_source(const struct hr_emitter *out, struct hr_text value)
{
    const struct hr_row *row = out->source;
    const struct hr_column *columns = row->columns_;
    for (uint32_t i = 0; i < HR_MIN(row->count_, SHARE_COLUMNS); i++) {
        if (!hr_type_is_string(columns[i].type) || !hr_column_valid(&columns[i], row->index_))
            continue;
        const struct hr_string *s = (const struct hr_string *)columns[i].values + row->index_;
        if (s->len <= HR_STRING_INLINE) continue;
        uintptr_t at = (uintptr_t)value.ptr, from = (uintptr_t)s->ptr;
        if (at >= from && at + value.len <= from + s->len) return value.len >= s->len / 4;
    }
    return false;
}

bool hr_emitter_hold(struct hr_emitter *out, struct hr_batch *batch)
{
    if (out->held == batch) return true;
    if (batch->sel_count < batch->row_count / 2) return false; /* bytes of rows that are gone */
    if (!hr_batch_hold_batch(out->builder.batch, batch)) return false;
    out->held = batch;
    return true;
}

/* A text of a type that is one. */
static void put_text(struct hr_emitter *out, struct hr_builder *b, struct hr_text value)
{
    struct hr_str_view view = hr_svn(value.ptr, value.len);
    if (value.len > HR_STRING_INLINE && out->source_batch && in_source(out, value) &&
        hr_emitter_hold(out, out->source_batch))
        hr_builder_str_shared(b, view);
    else
        hr_builder_str(b, view);
}

/* A column of a row of a batch, of the builder's type. */
static void put_field(struct hr_emitter *out, struct hr_builder *b, const struct hr_row *row,
                      uint32_t column)
{
    const struct hr_column *col = (const struct hr_column *)row->columns_ + column;
    if (!hr_type_is_string(col->type) || !hr_column_valid(col, row->index_)) {
        hr_builder_copy(b, col, row->index_);
        return;
    }
    const struct hr_string *s = (const struct hr_string *)col->values + row->index_;
    put_text(out, b, (struct hr_text){hr_string_ptr(s), s->len});
}

static void put_prefix(struct hr_emitter *out)
{
    for (uint32_t i = 0; i < out->prefix; i++) put_field(out, out->columns[i], out->source, i);
    out->column = out->prefix;
    out->limit = out->schema->field_count;
}

HR_INLINE bool next(struct hr_emitter *out, struct target *ret)
{
    if (HR_UNLIKELY(!out || out->failed)) return false;
    if (HR_UNLIKELY(out->whole)) {
        hr_emitter_fail(out, "one value among whole columns: end their rows first");
        return false;
    }
    if (HR_UNLIKELY(out->array != NULL)) {
        const struct hr_type *type = out->schema->fields[out->column].type;
        *ret = (struct target){hr_builder_child(out->array, 0), NULL, type->fields[0].type};
        return true;
    }
    if (HR_UNLIKELY(out->column >= out->schema->field_count)) {
        hr_emitter_fail(out, "more values than the %u columns of the output",
                        out->schema->field_count);
        return false;
    }
    if (out->cells) {
        *ret = (struct target){NULL, &out->cells->cell[out->column],
                               out->schema->fields[out->column].type};
        return true;
    }
    if (HR_UNLIKELY(!out->open) && !open_batch(out, 0)) return false;
    if (out->column == 0 && out->prefix) put_prefix(out);
    if (HR_UNLIKELY(out->column >= out->schema->field_count)) {
        hr_emitter_fail(out, "more values than the %u columns of the output",
                        out->schema->field_count);
        return false;
    }
    *ret = (struct target){out->builder.columns[out->column], NULL,
                           out->schema->fields[out->column].type};
    return true;
}

HR_INLINE void advance(struct hr_emitter *out)
{
    if (HR_LIKELY(!out->array)) out->column++;
}

void hr_emit_null(struct hr_emitter *out)
{
    struct target t;
    if (!next(out, &t)) return;
    if (t.builder)
        hr_builder_null(t.builder);
    else
        out->cells->nulls |= UINT64_C(1) << out->column;
    advance(out);
}

void hr_emit_bool(struct hr_emitter *out, bool value)
{
    struct target t;
    if (!next(out, &t)) return;
    if (t.type->id != HR_T_BOOLEAN) {
        hr_emitter_fail_type(out, t.type, "a BOOLEAN");
        return;
    }
    if (t.builder)
        hr_builder_bool(t.builder, value);
    else
        t.cell->i64 = value;
    advance(out);
}

static bool in_range(enum hr_type_id id, int64_t v)
{
    switch (id) {
    case HR_T_BYTE: return v >= INT8_MIN && v <= INT8_MAX;
    case HR_T_SHORT: return v >= INT16_MIN && v <= INT16_MAX;
    default: return v >= INT32_MIN && v <= INT32_MAX;
    }
}

static HR_NOINLINE void emit_long_slow(struct hr_emitter *out, int64_t value)
{
    if (out && out->cells && !out->failed && out->column < out->schema->field_count &&
        out->schema->fields[out->column].type->id == HR_T_LONG) {
        out->cells->cell[out->column++].i64 = value;
        return;
    }
    struct target t;
    if (!next(out, &t)) return;
    switch (t.type->id) {
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM:
        if (!in_range(t.type->id, value)) {
            hr_emitter_fail_type(out, t.type, "a number out of its range");
            return;
        }
        break;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: break;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: hr_emit_double(out, (double)value); return;
    default: hr_emitter_fail_type(out, t.type, "a LONG"); return;
    }
    if (t.builder)
        hr_builder_i64(t.builder, value);
    else
        t.cell->i64 = value;
    advance(out);
}

void hr_emit_long(struct hr_emitter *out, int64_t value)
{
    struct hr_builder *b = fast_builder(out);
    if (HR_UNLIKELY(!b || b->type->id != HR_T_LONG)) {
        emit_long_slow(out, value);
        return;
    }
    ((int64_t *)(void *)b->values)[b->length++] = value;
    out->column++;
}

void hr_emit_double(struct hr_emitter *out, double value)
{
    struct hr_builder *b = fast_builder(out);
    if (HR_LIKELY(b && b->type->id == HR_T_DOUBLE)) {
        ((double *)(void *)b->values)[b->length++] = value;
        out->column++;
        return;
    }
    struct target t;
    if (!next(out, &t)) return;
    if (t.type->id != HR_T_DOUBLE && t.type->id != HR_T_FLOAT) {
        hr_emitter_fail_type(out, t.type, "a DOUBLE");
        return;
    }
    if (t.builder)
        hr_builder_f64(t.builder, value);
    else
        t.cell->f64 = t.type->id == HR_T_FLOAT ? (float)value : value;
    advance(out);
}

/* A string that the cell owns. */
static bool cell_string(union hr_cell *cell, const char *ptr, size_t len)
{
    if (len <= HR_STRING_INLINE) {
        cell->str = hr_string_make(ptr, (uint32_t)len);
        return true;
    }
    char *copy = hr_alloc(len);
    if (!copy) return false;
    memcpy(copy, ptr, len);
    cell->str = hr_string_make(copy, (uint32_t)len);
    return true;
}

static HR_NOINLINE void emit_text_slow(struct hr_emitter *out, struct hr_text value)
{
    struct target t;
    if (!next(out, &t)) return;
    if (!hr_type_is_string(t.type)) {
        hr_emitter_fail_type(out, t.type, "a STRING");
        return;
    }
    if (value.len > INT32_MAX) {
        hr_emitter_fail(out, "a STRING of %zu bytes", value.len);
        return;
    }
    if (t.builder)
        put_text(out, t.builder, value);
    else if (!cell_string(t.cell, value.ptr, value.len)) {
        hr_emitter_fail(out, "out of memory");
        return;
    }
    advance(out);
}

void hr_emit_text(struct hr_emitter *out, struct hr_text value)
{
    struct hr_builder *b = fast_builder(out);
    if (HR_UNLIKELY(!b || !hr_type_is_string(b->type) || value.len > HR_STRING_INLINE)) {
        emit_text_slow(out, value);
        return;
    }
    ((struct hr_string *)(void *)b->values)[b->length++] =
        hr_string_make(value.ptr, (uint32_t)value.len);
    out->column++;
}

void hr_emit_str(struct hr_emitter *out, const char *cstr)
{
    if (!cstr)
        hr_emit_null(out);
    else
        hr_emit_text(out, hr_text(cstr));
}

/* A field of cells, or of a column into cells: by value. */
static void copy_scalar(struct hr_emitter *out, const struct target *t, const struct hr_row *row,
                        uint32_t column)
{
    switch (t->type->id) {
    case HR_T_BOOLEAN: hr_emit_bool(out, hr_row_bool(row, column)); break;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: hr_emit_double(out, hr_row_double(row, column)); break;
    case HR_T_STRING:
    case HR_T_BINARY: hr_emit_text(out, hr_row_str(row, column)); break;
    case HR_T_DECIMAL: {
        hr_i128 v;
        const struct hr_column *cols = row->columns_;
        const struct hr_cells *cells = row->cells_;
        if (cols)
            memcpy(&v, (const hr_i128 *)cols[column].values + row->index_, sizeof v);
        else
            memcpy(&v, &cells->cell[column], sizeof v);
        if (t->builder)
            hr_builder_decimal(t->builder, v);
        else
            memcpy(t->cell, &v, sizeof v);
        advance(out);
        break;
    }
    default: hr_emit_long(out, hr_row_long(row, column));
    }
}

void hr_emit_field(struct hr_emitter *out, const struct hr_row *row, uint32_t column)
{
    if (!row) {
        hr_emitter_fail(out, "a field of no row");
        return;
    }
    struct target t;
    if (column >= row->count_) {
        hr_emitter_fail(out, "field %u of a row with %u columns", column, row->count_);
        return;
    }
    if (!next(out, &t)) return;
    if (row->columns_) {
        const struct hr_column *col = (const struct hr_column *)row->columns_ + column;
        if (!hr_type_same(col->type, t.type)) {
            struct hr_buf text = {0};
            hr_type_print_sql(col->type, &text);
            hr_emitter_fail_type(out, t.type, hr_buf_cstr(&text));
            hr_buf_done(&text);
            return;
        }
        if (t.builder) {
            put_field(out, t.builder, row, column);
            advance(out);
            return;
        }
    } else {
        const struct hr_type *from = ((const struct hr_type *)row->schema_)->fields[column].type;
        if (!hr_type_same(from, t.type)) {
            hr_emitter_fail_type(out, t.type, "another type");
            return;
        }
    }
    if (hr_row_is_null(row, column))
        hr_emit_null(out);
    else
        copy_scalar(out, &t, row, column);
}

void hr_emit_fields(struct hr_emitter *out, const struct hr_row *row)
{
    if (!row) {
        hr_emitter_fail(out, "a field of no row");
        return;
    }
    for (uint32_t i = 0; i < row->count_; i++) hr_emit_field(out, row, i);
}

void hr_emit_array_begin(struct hr_emitter *out)
{
    if (!out) return;
    struct target t;
    if (out->array) {
        hr_emitter_fail(out, "an ARRAY inside an ARRAY");
        return;
    }
    if (!next(out, &t)) return;
    if (t.type->id != HR_T_ARRAY || !t.builder) {
        hr_emitter_fail_type(out, t.type, "an ARRAY");
        return;
    }
    out->array = t.builder;
    out->limit = 0;
}

void hr_emit_array_end(struct hr_emitter *out)
{
    if (!out) return;
    if (out->failed) return;
    if (!out->array) {
        hr_emitter_fail(out, "the end of an ARRAY that was not begun");
        return;
    }
    hr_builder_close(out->array);
    out->array = NULL;
    out->limit = out->schema->field_count;
    out->column++;
}

static void end_row(struct hr_emitter *out)
{
    out->column = 0;
    out->rows++;
    if (!out->open) return;
    if (out->prefix) out->limit = 0;
    if (HR_UNLIKELY(out->columns[0]->length >= HR_BATCH_ROWS))
        out->failed = hr_emitter_flush(out, &out->err) != HR_OK;
}

static HR_NOINLINE void emit_end_slow(struct hr_emitter *out)
{
    if (HR_UNLIKELY(out->failed)) return;
    if (out->column == 0 && out->prefix && out->prefix == out->schema->field_count) {
        if (!out->open && !open_batch(out, 0)) return;
        put_prefix(out);
    }
    if (out->suffix)
        for (uint32_t i = 0; i < out->source->count_; i++) hr_emit_field(out, out->source, i);
    if (HR_UNLIKELY(out->column != out->schema->field_count || out->array)) {
        hr_emitter_fail(out, "a row ended after %u of %u columns", out->column,
                        out->schema->field_count);
        return;
    }
    if (out->whole) {
        out->whole = false;
        out->limit = out->schema->field_count;
        out->rows += out->whole_rows - UINT64_C(1); /* end_row counts one */
    }
    end_row(out);
}

void hr_emit_end(struct hr_emitter *out)
{
    if (!out) return;
    if (HR_LIKELY(out->limit && out->column == out->limit && !out->suffix))
        end_row(out);
    else
        emit_end_slow(out);
}

void hr_emit_row(struct hr_emitter *out, const struct hr_row *row)
{
    if (!row) {
        hr_emitter_fail(out, "a field of no row");
        return;
    }
    hr_emit_fields(out, row);
    hr_emit_end(out);
}

/* --- Whole columns (api_emit_columns.c) ------------------------------------------------------- */

static bool begin_columns(struct hr_emitter *out, uint32_t count)
{
    if (out->cells || out->array || out->prefix || out->suffix || out->column) {
        hr_emitter_fail(out, out->cells || out->prefix || out->suffix
                                 ? "whole columns from a function that sees one row"
                                 : "whole columns in a row that was begun and not ended");
        return false;
    }
    uint32_t rows = out->open ? out->columns[0]->length : 0;
    if (rows && count > HR_BATCH_ROWS - rows) {
        out->failed = hr_emitter_flush(out, &out->err) != HR_OK;
        if (out->failed) return false;
    }
    if (!out->open && !open_batch(out, count)) return false;
    out->whole = true;
    out->whole_rows = count;
    out->limit = 0;
    return true;
}

struct hr_builder *hr_emitter_column(struct hr_emitter *out, uint32_t count)
{
    if (!out || out->failed || (!out->whole && !begin_columns(out, count))) return NULL;
    if (out->column >= out->schema->field_count)
        hr_emitter_fail(out, "more columns than the %u of the output", out->schema->field_count);
    else if (count != out->whole_rows)
        hr_emitter_fail(out, "output column %s was given %u values, the columns before it %u",
                        out->schema->fields[out->column].name, count, out->whole_rows);
    return out->failed ? NULL : out->columns[out->column];
}
