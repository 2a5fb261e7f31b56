/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows: results of actions, and a partition as a stream of rows or batches. */
#include "api/api.h"

void hr_rows_of_iter(struct hr_rows *rows, const struct hr_type *schema, struct hr_batch_iter *iter)
{
    *rows = (struct hr_rows){.schema = schema, .iter = iter};
}

void hr_rows_done(struct hr_rows *rows)
{
    if (rows->iter) hr_batch_unref(rows->current);
    rows->current = NULL;
}

struct hr_rows *hr_rows_of_batches(const struct hr_type *schema, struct hr_batch **batches,
                                   uint32_t count)
{
    struct hr_rows *rows = hr_zalloc(sizeof *rows);
    uint64_t *ends = hr_alloc((count + 1) * sizeof *ends);
    struct hr_batch **copy = hr_alloc((count + 1) * sizeof *copy);
    if (!rows || !ends || !copy) {
        for (uint32_t i = 0; i < count; i++) hr_batch_unref(batches[i]);
        hr_free(rows);
        hr_free(ends);
        hr_free(copy);
        return NULL;
    }
    uint64_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = batches[i];
        ends[i] = end += batches[i]->sel_count;
    }
    *rows = (struct hr_rows){.schema = schema, .batches = copy, .ends = ends, .batch_count = count};
    return rows;
}

void hr_rows_free(struct hr_rows *rows)
{
    if (!rows) return;
    if (rows->own_iter) {
        hr_rows_done(rows);
        rows->iter->close(rows->iter);
    }
    for (uint32_t i = 0; i < rows->batch_count; i++) hr_batch_unref(rows->batches[i]);
    hr_free(rows->batches);
    hr_free(rows->ends);
    hr_free(rows);
}

/* The next batch with rows in it becomes current; false: none. */
static bool next_batch(struct hr_rows *rows)
{
    rows->pos = 0;
    if (!rows->iter) {
        rows->current = NULL;
        while (rows->next_batch < rows->batch_count) {
            rows->current = rows->batches[rows->next_batch++];
            if (rows->current->sel_count) return true;
        }
        rows->current = NULL;
        return false;
    }
    for (;;) {
        hr_batch_unref(rows->current);
        rows->current = NULL;
        if (rows->failed) return false;
        rows->failed = rows->iter->next(rows->iter, &rows->current, &rows->err) != HR_OK;
        if (rows->failed) rows->current = NULL;
        if (!rows->current) return false;
        if (rows->current->sel_count) return true;
    }
}

const struct hr_row *hr_rows_next(struct hr_rows *rows)
{
    if (!rows) return NULL;
    if (!rows->current || rows->pos >= rows->current->sel_count) {
        if (!next_batch(rows)) return NULL;
        hr_row_of_batch(rows->current, 0, &rows->row);
    }
    rows->row.index_ = rows->current->sel ? rows->current->sel[rows->pos] : rows->pos;
    rows->pos++;
    return &rows->row;
}

hr_status hr_rows_status(const struct hr_rows *rows, struct hr_err *err)
{
    if (!rows) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no rows");
    if (!rows->failed) return HR_OK;
    if (err) hr_err_copy(err, &rows->err);
    return rows->err.code;
}

uint64_t hr_rows_count(const struct hr_rows *rows)
{
    return rows && rows->batch_count ? rows->ends[rows->batch_count - 1] : 0;
}

bool hr_rows_get(const struct hr_rows *rows, uint64_t i, struct hr_row *ret_row)
{
    if (i >= hr_rows_count(rows)) return false;
    uint32_t low = 0, high = rows->batch_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (rows->ends[mid] > i)
            high = mid;
        else
            low = mid + 1;
    }
    const struct hr_batch *batch = rows->batches[low];
    uint32_t at = (uint32_t)(i - (rows->ends[low] - batch->sel_count));
    hr_row_of_batch(batch, batch->sel ? batch->sel[at] : at, ret_row);
    return true;
}

void hr_rows_rewind(struct hr_rows *rows)
{
    if (!rows || rows->iter) return;
    rows->next_batch = rows->pos = 0;
    rows->current = NULL;
}

bool hr_rows_next_batch(struct hr_rows *rows, struct hr_batch_view *ret_view)
{
    if (!rows || !next_batch(rows)) return false;
    rows->pos = rows->current->sel_count;
    *ret_view = (struct hr_batch_view){.row_count = rows->current->row_count,
                                       .live_count = rows->current->sel_count,
                                       .column_count = rows->schema->field_count,
                                       .sel = rows->current->sel,
                                       .batch_ = rows->current};
    return true;
}

static const struct hr_column *view_column(const struct hr_batch_view *view, uint32_t column)
{
    const struct hr_batch *batch = view->batch_;
    return column < view->column_count ? &batch->columns[column] : NULL;
}

const void *hr_view_values(const struct hr_batch_view *view, uint32_t column)
{
    if (!view) return NULL;
    const struct hr_column *col = view_column(view, column);
    return col ? col->values : NULL;
}

const uint64_t *hr_view_validity(const struct hr_batch_view *view, uint32_t column)
{
    if (!view) return NULL;
    const struct hr_column *col = view_column(view, column);
    return col ? col->validity : NULL;
}

struct hr_text hr_view_text(const struct hr_batch_view *view, uint32_t column, uint32_t row)
{
    if (!view) return (struct hr_text){"", 0};
    const struct hr_column *col = view_column(view, column);
    if (!col || !hr_type_is_string(col->type) || row >= col->length || !hr_column_valid(col, row))
        return (struct hr_text){"", 0};
    const struct hr_string *s = (const struct hr_string *)col->values + row;
    return (struct hr_text){hr_string_ptr(s), s->len};
}

void hr_view_row(const struct hr_batch_view *view, uint32_t row, struct hr_row *ret_row)
{
    if (!view) {
        *ret_row = (struct hr_row){0}; /* of no columns: reading one is a mistake */
        return;
    }
    hr_row_of_batch(view->batch_, row, ret_row);
}
