/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random batches with a dumb model beside them: every row is also kept as the text that its values
 * must print as, made by the test and not by the library. Included by the column tests.
 */
#ifndef HR_TEST_COLUMN_MODEL_H
#define HR_TEST_COLUMN_MODEL_H

#include "base/decimal.h"
#include "base/hash.h"
#include "column/builder.h"
#include "hr_test.h"

#define MODEL_COLUMNS 8

struct model {
    char **rows;
    size_t count;
};

static void model_free(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) free(m->rows[i]);
    free(m->rows);
    memset(m, 0, sizeof *m);
}

static void model_add(struct model *m, const char *row)
{
    m->rows = realloc(m->rows, (m->count + 1) * sizeof *m->rows);
    m->rows[m->count++] = strdup(row);
}

static const struct hr_type *model_schema(void)
{
    struct hr_field inner[] = {{"x", hr_type(HR_T_STRING), true},
                               {"y", hr_type_decimal(12, 2), true}};
    const struct hr_type *st = hr_type_struct(inner, 2);
    struct hr_field fields[MODEL_COLUMNS] = {
        {"i", hr_type(HR_T_INT), true},
        {"s", hr_type(HR_T_STRING), true},
        {"b", hr_type(HR_T_BOOLEAN), true},
        {"d", hr_type(HR_T_DOUBLE), true},
        {"l", hr_type_array(hr_type(HR_T_STRING), true), true},
        {"m", hr_type_map(hr_type(HR_T_BYTE), st, true), true},
        {"st", st, true},
        {"n", hr_type(HR_T_NULL), true},
    };
    return hr_type_struct(fields, MODEL_COLUMNS);
}

/* A text of 0 to 30 bytes. */
static const char *model_text(uint64_t r, char *out)
{
    int n = (int)(r % 31);
    for (int i = 0; i < n; i++) out[i] = (char)('a' + (r >> (i % 50)) % 26);
    out[n] = '\0';
    return out;
}

static void model_struct(struct hr_builder *b, uint64_t r, char *text, size_t size)
{
    char s[32], y[32] = "null";
    hr_builder_str(hr_builder_child(b, 0), hr_sv(model_text(r, s)));
    if (r & 1 << 20) {
        hr_builder_null(hr_builder_child(b, 1));
    } else {
        int cents = (int)((r >> 34) % 100000);
        hr_builder_decimal(hr_builder_child(b, 1), cents);
        snprintf(y, sizeof y, "%d.%02d", cents / 100, cents % 100);
    }
    hr_builder_close(b);
    snprintf(text, size, "{%s, %s}", s, y);
}

static void model_list(struct hr_builder *b, uint64_t r, char *text, size_t size)
{
    char s[32];
    size_t at = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < (int)(r % 4); i++) {
        bool null = (r >> (i + 8)) % 5 == 0;
        if (null)
            hr_builder_null(hr_builder_child(b, 0));
        else
            hr_builder_str(hr_builder_child(b, 0), hr_sv(model_text(r >> i, s)));
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", null ? "null" : s);
    }
    snprintf(text + at, size - at, "]");
    hr_builder_close(b);
}

static void model_map(struct hr_builder *b, uint64_t r, char *text, size_t size)
{
    char st[100];
    size_t at = (size_t)snprintf(text, size, "{");
    for (int i = 0; i < (int)(r % 3); i++) {
        hr_builder_i64(hr_builder_child(b, 0), i - 1);
        model_struct(hr_builder_child(b, 1), r >> i, st, sizeof st);
        at += (size_t)snprintf(text + at, size - at, "%s%d -> %s", i ? ", " : "", i - 1, st);
    }
    snprintf(text + at, size - at, "}");
    hr_builder_close(b);
}

/* One row into the builders; its text, values by |. */
static void model_row(struct hr_builder **c, uint64_t *seed, char *text, size_t size)
{
    char parts[MODEL_COLUMNS][400];
    uint64_t r[MODEL_COLUMNS];
    for (int i = 0; i < MODEL_COLUMNS; i++) {
        r[i] = hr_splitmix64(seed);
        snprintf(parts[i], sizeof parts[i], "NULL");
        if (r[i] >> 60 == 0 || i == 7) hr_builder_null(c[i]);
    }
#define LIVE(i) (r[i] >> 60 != 0)
    if (LIVE(0)) {
        hr_builder_i64(c[0], (int32_t)r[0]);
        snprintf(parts[0], sizeof parts[0], "%d", (int32_t)r[0]);
    }
    if (LIVE(1)) hr_builder_str(c[1], hr_sv(model_text(r[1], parts[1])));
    if (LIVE(2)) {
        hr_builder_bool(c[2], r[2] & 1);
        snprintf(parts[2], sizeof parts[2], "%s", r[2] & 1 ? "true" : "false");
    }
    if (LIVE(3)) {
        hr_builder_f64(c[3], (double)(r[3] % 1000) + 0.5);
        snprintf(parts[3], sizeof parts[3], "%d.5", (int)(r[3] % 1000));
    }
    if (LIVE(4)) model_list(c[4], r[4], parts[4], sizeof parts[4]);
    if (LIVE(5)) model_map(c[5], r[5], parts[5], sizeof parts[5]);
    if (LIVE(6)) model_struct(c[6], r[6], parts[6], sizeof parts[6]);
#undef LIVE
    size_t at = 0;
    for (int i = 0; i < MODEL_COLUMNS; i++)
        at += (size_t)snprintf(text + at, size - at, "%s|", parts[i]);
}

/* NULL when memory ran out. */
static struct hr_batch *model_batch(uint32_t rows, uint64_t *seed, struct hr_mem *mem,
                                    struct model *m)
{
    struct hr_batch_builder bb;
    struct hr_batch *batch = NULL;
    char text[4000];
    if (hr_batch_builder_init(&bb, model_schema(), rows / 2, mem, NULL) != HR_OK) return NULL;
    for (uint32_t i = 0; i < rows; i++) {
        model_row(bb.columns, seed, text, sizeof text);
        if (m) model_add(m, text);
    }
    if (hr_batch_builder_finish(&bb, &batch, NULL) != HR_OK) return NULL;
    return batch;
}

/* The live rows as text. */
static void model_print(const struct hr_batch *batch, uint32_t live, struct hr_buf *out)
{
    uint32_t row = batch->sel ? batch->sel[live] : live;
    hr_buf_clear(out);
    for (uint32_t c = 0; c < batch->schema->field_count; c++) {
        const struct hr_column *col = &batch->columns[c];
        if (col->type->id != HR_T_NULL && hr_column_valid(col, row))
            hr_column_print(col, row, NULL, out);
        else
            hr_buf_puts(out, "NULL");
        hr_buf_putc(out, '|');
    }
}

static bool model_same(const struct hr_batch *batch, const struct model *m)
{
    struct hr_err err = {0};
    struct hr_buf buf = {0};
    bool same = HR_EXPECT_OK(hr_batch_verify(batch, &err));
    if (!same) puts(err.msg);
    same = same && HR_EXPECT_EQ_U64(batch->sel_count, m->count);
    for (uint32_t i = 0; same && i < batch->sel_count; i++) {
        model_print(batch, i, &buf);
        same = HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), m->rows[i]);
    }
    hr_buf_done(&buf);
    return same;
}

#endif
