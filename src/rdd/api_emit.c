/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emitters: append rows to batches under construction (or one row to cells, for combiners).
 *
 * What a user does wrong is noted once, in the emitter; the calls after it do nothing, and
 * hr_emitter_check() turns it into the task's error. Full batches queue up until the iterator that
 * owns the emitter takes them.
 */
#include "rdd/api.h"

#include <stdio.h>

void hr_emitter_init(struct hr_emitter *out, const struct hr_type *schema, struct hr_mem *mem)
{
    *out = (struct hr_emitter){.schema = schema, .mem = mem};
}

void hr_emitter_init_cells(struct hr_emitter *out, const struct hr_type *schema,
                           struct hr_cells *cells)
{
    *out = (struct hr_emitter){.schema = schema, .cells = cells};
    memset(cells, 0, hr_cells_bytes(schema->field_count));
}

void hr_emitter_done(struct hr_emitter *out)
{
    if (out->open) hr_batch_builder_done(&out->builder);
    for (uint32_t i = out->ready_head; i < out->ready_count; i++) hr_batch_unref(out->ready[i]);
    hr_free(out->ready);
    out->open = false;
    out->ready = NULL;
    out->ready_head = out->ready_count = out->ready_capacity = 0;
}

static HR_COLD void fail(struct hr_emitter *out, const char *fmt, ...) HR_PRINTF(2, 3);
static HR_COLD void fail(struct hr_emitter *out, const char *fmt, ...)
{
    char msg[512];
    if (out->failed) return;
    out->failed = true;
    va_list args;
    va_start(args, fmt);
    HR_UNUSED(vsnprintf(msg, sizeof msg, fmt, args));
    va_end(args);
    HR_UNUSED(hr_err_fail(&out->err, "%s", msg));
}

static HR_COLD void fail_type(struct hr_emitter *out, const struct hr_type *type, const char *got)
{
    struct hr_buf text = {0};
    hr_type_print_sql(type, &text);
    fail(out, "output column %s is %s and was given %s",
         out->array ? "element" : out->schema->fields[out->column].name, hr_buf_cstr(&text), got);
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

static bool open_batch(struct hr_emitter *out)
{
    hr_status status = hr_batch_builder_init(&out->builder, out->schema, 1024, out->mem, &out->err);
    out->failed = status != HR_OK;
    out->open = !out->failed;
    return out->open;
}

hr_status hr_emitter_flush(struct hr_emitter *out, struct hr_err *err)
{
    if (!out->open) return HR_OK;
    struct hr_batch *batch;
    if (out->ready_count == out->ready_capacity) {
        if (out->ready_head) {
            memmove(out->ready, out->ready + out->ready_head,
                    (out->ready_count - out->ready_head) * sizeof *out->ready);
            out->ready_count -= out->ready_head;
            out->ready_head = 0;
        } else {
            uint32_t capacity = HR_MAX(8u, out->ready_capacity * 2);
            struct hr_batch **ready = hr_realloc(out->ready, capacity * sizeof *ready);
            if (!ready) return HR_OOM(err);
            out->ready = ready;
            out->ready_capacity = capacity;
        }
    }
    out->open = false;
    HR_TRY(hr_batch_builder_finish(&out->builder, &batch, err));
    out->ready[out->ready_count++] = batch;
    return HR_OK;
}

struct hr_batch *hr_emitter_pop(struct hr_emitter *out)
{
    return out->ready_head < out->ready_count ? out->ready[out->ready_head++] : NULL;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Where the next value goes: a builder or a cell. */
struct target {
    struct hr_builder *builder;
    union hr_cell *cell;
    const struct hr_type *type;
};

static void put_prefix(struct hr_emitter *out)
{
    const struct hr_column *columns = out->source->columns_;
    for (uint32_t i = 0; i < out->prefix; i++)
        hr_builder_copy(out->builder.columns[i], &columns[i], out->source->index_);
    out->column = out->prefix;
}

HR_INLINE bool next(struct hr_emitter *out, struct target *ret)
{
    if (HR_UNLIKELY(out->failed)) return false;
    if (HR_UNLIKELY(out->array != NULL)) {
        const struct hr_type *type = out->schema->fields[out->column].type;
        *ret = (struct target){hr_builder_child(out->array, 0), NULL, type->fields[0].type};
        return true;
    }
    if (HR_UNLIKELY(out->column >= out->schema->field_count)) {
        fail(out, "more values than the %u columns of the output", out->schema->field_count);
        return false;
    }
    if (out->cells) {
        *ret = (struct target){NULL, &out->cells->cell[out->column],
                               out->schema->fields[out->column].type};
        return true;
    }
    if (HR_UNLIKELY(!out->open) && !open_batch(out)) return false;
    if (out->column == 0 && out->prefix) put_prefix(out);
    if (HR_UNLIKELY(out->column >= out->schema->field_count)) {
        fail(out, "more values than the %u columns of the output", out->schema->field_count);
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
        fail_type(out, t.type, "a BOOLEAN");
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

void hr_emit_long(struct hr_emitter *out, int64_t value)
{
    struct target t;
    if (!next(out, &t)) return;
    switch (t.type->id) {
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM:
        if (!in_range(t.type->id, value)) {
            fail_type(out, t.type, "a number out of its range");
            return;
        }
        break;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_INTERVAL_DT: break;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: hr_emit_double(out, (double)value); return;
    default: fail_type(out, t.type, "a LONG"); return;
    }
    if (t.builder)
        hr_builder_i64(t.builder, value);
    else
        t.cell->i64 = value;
    advance(out);
}

void hr_emit_double(struct hr_emitter *out, double value)
{
    struct target t;
    if (!next(out, &t)) return;
    if (t.type->id != HR_T_DOUBLE && t.type->id != HR_T_FLOAT) {
        fail_type(out, t.type, "a DOUBLE");
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

void hr_emit_text(struct hr_emitter *out, struct hr_text value)
{
    struct target t;
    if (!next(out, &t)) return;
    if (!hr_type_is_string(t.type)) {
        fail_type(out, t.type, "a STRING");
        return;
    }
    if (value.len > INT32_MAX) {
        fail(out, "a STRING of %zu bytes", value.len);
        return;
    }
    if (t.builder)
        hr_builder_str(t.builder, hr_svn(value.ptr, value.len));
    else if (!cell_string(t.cell, value.ptr, value.len)) {
        fail(out, "out of memory");
        return;
    }
    advance(out);
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
    struct target t;
    if (column >= row->count_) {
        fail(out, "field %u of a row with %u columns", column, row->count_);
        return;
    }
    if (!next(out, &t)) return;
    if (row->columns_) {
        const struct hr_column *col = (const struct hr_column *)row->columns_ + column;
        if (!hr_type_same(col->type, t.type)) {
            struct hr_buf text = {0};
            hr_type_print_sql(col->type, &text);
            fail_type(out, t.type, hr_buf_cstr(&text));
            hr_buf_done(&text);
            return;
        }
        if (t.builder) {
            hr_builder_copy(t.builder, col, row->index_);
            advance(out);
            return;
        }
    } else {
        const struct hr_type *from = ((const struct hr_type *)row->schema_)->fields[column].type;
        if (!hr_type_same(from, t.type)) {
            fail_type(out, t.type, "another type");
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
    for (uint32_t i = 0; i < row->count_; i++) hr_emit_field(out, row, i);
}

void hr_emit_array_begin(struct hr_emitter *out)
{
    struct target t;
    if (out->array) {
        fail(out, "an ARRAY inside an ARRAY");
        return;
    }
    if (!next(out, &t)) return;
    if (t.type->id != HR_T_ARRAY || !t.builder) {
        fail_type(out, t.type, "an ARRAY");
        return;
    }
    out->array = t.builder;
}

void hr_emit_array_end(struct hr_emitter *out)
{
    if (out->failed) return;
    if (!out->array) {
        fail(out, "the end of an ARRAY that was not begun");
        return;
    }
    hr_builder_close(out->array);
    out->array = NULL;
    out->column++;
}

void hr_emit_end(struct hr_emitter *out)
{
    if (HR_UNLIKELY(out->failed)) return;
    if (out->column == 0 && out->prefix && out->prefix == out->schema->field_count) {
        if (!out->open && !open_batch(out)) return;
        put_prefix(out);
    }
    if (out->suffix)
        for (uint32_t i = 0; i < out->source->count_; i++) hr_emit_field(out, out->source, i);
    if (HR_UNLIKELY(out->column != out->schema->field_count || out->array)) {
        fail(out, "a row ended after %u of %u columns", out->column, out->schema->field_count);
        return;
    }
    out->column = 0;
    out->rows++;
    if (!out->cells && out->open && hr_builder_length(out->builder.columns[0]) >= HR_BATCH_ROWS)
        out->failed = hr_emitter_flush(out, &out->err) != HR_OK;
}

void hr_emit_row(struct hr_emitter *out, const struct hr_row *row)
{
    hr_emit_fields(out, row);
    hr_emit_end(out);
}

/* --- Cells ------------------------------------------------------------------------------------ */

void hr_cells_done(const struct hr_type *schema, struct hr_cells *cells)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (hr_type_is_string(schema->fields[i].type) && cells->cell[i].str.len > HR_STRING_INLINE)
            hr_free((char *)(uintptr_t)cells->cell[i].str.ptr);
    memset(cells, 0, hr_cells_bytes(schema->field_count));
}

hr_status hr_cells_check(const struct hr_type *schema, struct hr_err *err)
{
    if (schema->field_count > HR_CELLS_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "a combined row of %u columns; at most %d",
                       schema->field_count, HR_CELLS_MAX);
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (hr_type_is_nested(schema->fields[i].type))
            return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                           "column %s: combining values of nested type; "
                           "use hr_rdd_group_by_key",
                           schema->fields[i].name);
    return HR_OK;
}

hr_status hr_cells_from_row(const struct hr_type *schema, const struct hr_row *row, uint32_t first,
                            struct hr_cells *cells, struct hr_err *err)
{
    struct hr_emitter out;
    hr_emitter_init_cells(&out, schema, cells);
    for (uint32_t i = 0; i < schema->field_count; i++) hr_emit_field(&out, row, first + i);
    hr_emit_end(&out);
    hr_status status = hr_emitter_check(&out, HR_OK, err);
    if (status != HR_OK) hr_cells_done(schema, cells);
    return status;
}

hr_status hr_fill_cells(hr_fill_fn fill, void *arg, const struct hr_type *schema,
                        struct hr_cells *cells, struct hr_err *err)
{
    struct hr_emitter out;
    hr_emitter_init_cells(&out, schema, cells);
    hr_status status = hr_emitter_check(&out, fill(arg, &out, err), err);
    if (status == HR_OK && out.rows != 1)
        status = hr_err_fail(err, "expected one row, got %d", (int)out.rows);
    if (status != HR_OK) hr_cells_done(schema, cells);
    return status;
}

hr_status hr_merge_cells(hr_merge_fn fn, void *arg, const struct hr_type *schema,
                         struct hr_cells *into, const struct hr_row *value, struct hr_err *err)
{
    union {
        struct hr_cells cells;
        char room[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    } result;
    struct hr_row state;
    struct hr_emitter out;
    hr_row_of_cells(schema, into, &state);
    hr_emitter_init_cells(&out, schema, &result.cells);
    hr_status status = hr_emitter_check(&out, fn(arg, &state, value, &out, err), err);
    if (status == HR_OK && out.rows != 1)
        status = hr_err_fail(err, "a merge emits one row, this one %d", (int)out.rows);
    if (status != HR_OK) {
        hr_cells_done(schema, &result.cells);
        return status;
    }
    hr_cells_done(schema, into);
    memcpy(into, &result.cells, hr_cells_bytes(schema->field_count));
    return HR_OK;
}

static void cells_values(enum hr_type_id id, uint8_t *const *states, size_t at, uint32_t count,
                         void *values)
{
    for (uint32_t i = 0; i < count; i++) {
        union hr_cell cell;
        memcpy(&cell, states[i] + at, sizeof cell);
        switch (id) {
        case HR_T_BOOLEAN: hr_bit_put(values, i, cell.i64 != 0); break;
        case HR_T_BYTE: ((int8_t *)values)[i] = (int8_t)cell.i64; break;
        case HR_T_SHORT: ((int16_t *)values)[i] = (int16_t)cell.i64; break;
        case HR_T_INT:
        case HR_T_DATE:
        case HR_T_INTERVAL_YM: ((int32_t *)values)[i] = (int32_t)cell.i64; break;
        case HR_T_FLOAT: ((float *)values)[i] = (float)cell.f64; break;
        case HR_T_DOUBLE: ((double *)values)[i] = cell.f64; break;
        case HR_T_DECIMAL: memcpy((hr_i128 *)values + i, &cell, sizeof(hr_i128)); break;
        default: ((int64_t *)values)[i] = cell.i64;
        }
    }
}

hr_status hr_cells_to_column(const struct hr_type *schema, uint32_t index, uint8_t *const *states,
                             uint32_t offset, uint32_t count, struct hr_arena *arena,
                             struct hr_column *ret, struct hr_err *err)
{
    const struct hr_type *type = schema->fields[index].type;
    size_t at = offset + offsetof(struct hr_cells, cell) + index * sizeof(union hr_cell);
    bool nulls = false;
    for (uint32_t i = 0; i < count && !nulls; i++)
        nulls = (((const struct hr_cells *)(void *)(states[i] + offset))->nulls >> index) & 1;
    if (type->id == HR_T_NULL) return hr_column_nulls(arena, type, count, ret, err);
    HR_TRY(hr_column_alloc(arena, type, count, nulls, ret, err));
    for (uint32_t i = 0; nulls && i < count; i++)
        if ((((const struct hr_cells *)(void *)(states[i] + offset))->nulls >> index) & 1)
            hr_bit_clear((uint64_t *)(uintptr_t)ret->validity, i);
    if (!hr_type_is_string(type)) {
        cells_values(type->id, states, at, count, (void *)(uintptr_t)ret->values);
        return HR_OK;
    }
    struct hr_string *strings = (struct hr_string *)(uintptr_t)ret->values;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&strings[i], states[i] + at, sizeof strings[i]);
        if (strings[i].len <= HR_STRING_INLINE) continue;
        char *copy = hr_arena_memdup(arena, strings[i].ptr, strings[i].len);
        if (!copy) return HR_OOM(err);
        strings[i].ptr = copy;
    }
    return HR_OK;
}
