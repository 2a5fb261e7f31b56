/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to another library of the process and back, as Arrow arrays:  arrow_exchange */
#include <headrace/arrow.h>
#include <headrace/typed.h>
#include <inttypes.h>
#include <stdio.h>

/* Stands for the other library: adds up a column of 64-bit integers. */
static int64_t sum_of(struct ArrowArrayStream *stream, int column)
{
    struct ArrowArray array;
    int64_t sum = 0;
    while (stream->get_next(stream, &array) == 0 && array.release) {
        const int64_t *values = array.children[column]->buffers[1];
        for (int64_t i = 0; i < array.length; i++) sum += values[i];
        array.release(&array);
    }
    stream->release(stream);
    return sum;
}

int main(void)
{
    struct hr_err err = {0};
    struct ArrowArrayStream stream = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);

    /* Out: a query's rows. */
    struct hr_rows *rows = hr_sql_rows(ctx, "SELECT id, id * id AS square FROM range(1000)", &err);
    hr_rows_export_arrow(rows, &stream, &err);
    hr_rows_free(rows);
    if (stream.release) printf("sum of squares: %" PRId64 "\n", sum_of(&stream, 1));

    /* In: a stream (here our own) becomes a table. */
    rows = hr_sql_rows(ctx, "SELECT id, concat('row ', id) AS name FROM range(5)", &err);
    if (hr_rows_export_arrow(rows, &stream, &err) == 0) {
        struct hr_rdd *imported = hr_import_arrow(ctx, &stream, &err);
        hr_rdd_create_or_replace_temp_view(imported, "imported", &err);
    }
    hr_rows_free(rows);
    rows = hr_sql_rows(ctx, "SELECT name FROM imported WHERE id > 2 ORDER BY id", &err);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        printf(HR_TEXT_FORMAT "\n", HR_TEXT_ARGS(hr_row_str(row, 0)));
    hr_rows_free(rows);
    if (err.code) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_context_free(ctx);
    return err.code != 0;
}
