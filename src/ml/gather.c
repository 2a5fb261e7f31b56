/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clean rows of a batch: numbers in blocks of columns, rows with a NULL or a number that is not
 * finite left out. Column by column; the rows are moved together only where one was left out.
 */
#include "ml/ml.h"

#include <assert.h>

void hr_ml_gather_done(struct hr_ml_gather *g)
{
    hr_free(g->values);
    hr_free(g->strings);
    hr_free(g->x);
    hr_free(g->texts);
    *g = (struct hr_ml_gather){0};
}

hr_status hr_ml_gather_room(struct hr_ml_gather *g, uint32_t inputs, struct hr_err *err)
{
    if (g->input_count == inputs) return HR_OK;
    hr_ml_gather_done(g);
    g->values = hr_alloc(sizeof *g->values * HR_ML_BLOCK * inputs);
    g->strings = hr_zalloc(sizeof *g->strings * HR_ML_BLOCK * inputs);
    g->x = hr_zalloc(sizeof *g->x * inputs);
    g->texts = hr_zalloc(sizeof *g->texts * inputs);
    if (!g->values || !g->strings || !g->x || !g->texts) return HR_OOM(err);
    for (uint32_t i = 0; i < inputs; i++) {
        g->x[i] = g->values + (size_t)HR_ML_BLOCK * i;
        g->texts[i] = g->strings + (size_t)HR_ML_BLOCK * i;
    }
    g->input_count = inputs;
    return HR_OK;
}

static uint32_t row_of(const uint32_t *rows, uint32_t first, uint32_t i)
{
    return rows ? rows[i] : first + i;
}

static void mark_nulls(const struct hr_ml_column *c, const uint32_t *rows, uint32_t first,
                       uint32_t count, uint8_t *bad)
{
    if (c->col->type->id == HR_T_NULL || (c->is_const && !hr_column_valid(c->col, 0))) {
        memset(bad, 1, count);
    } else if (!c->is_const && c->col->validity) {
        for (uint32_t i = 0; i < count; i++)
            bad[i] |= !hr_bit_get(c->col->validity, row_of(rows, first, i));
    }
}

static void take_numbers(const struct hr_ml_column *c, const uint32_t *rows, uint32_t first,
                         uint32_t count, double *to, uint8_t *bad)
{
    const double *from = c->col->values;
    if (c->is_const)
        for (uint32_t i = 0; i < count; i++) to[i] = from[0];
    else if (rows)
        for (uint32_t i = 0; i < count; i++) to[i] = from[rows[i]];
    else
        memcpy(to, from + first, sizeof *to * count);
    for (uint32_t i = 0; i < count; i++) bad[i] |= !(to[i] - to[i] == 0); /* NaN, infinities */
}

static void take_texts(const struct hr_ml_column *c, const uint32_t *rows, uint32_t first,
                       uint32_t count, struct hr_string *to)
{
    const struct hr_string *from = c->col->values;
    for (uint32_t i = 0; i < count; i++) to[i] = from[c->is_const ? 0 : row_of(rows, first, i)];
}

/* Moves the clean rows together. */
static uint32_t compress(struct hr_ml_gather *g, const struct hr_ml_input *inputs, uint32_t count,
                         const uint8_t *bad)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (bad[i]) continue;
        if (kept != i) {
            g->rows[kept] = g->rows[i];
            for (uint32_t j = 0; j < g->input_count; j++) {
                size_t at = (size_t)HR_ML_BLOCK * j;
                if (inputs[j].is_text)
                    g->strings[at + kept] = g->strings[at + i];
                else
                    g->values[at + kept] = g->values[at + i];
            }
        }
        kept++;
    }
    return kept;
}

hr_status hr_ml_gather_rows(struct hr_ml_gather *g, const struct hr_ml_input *inputs,
                            const struct hr_ml_column *columns, uint32_t input_count,
                            const uint32_t *rows, uint32_t first, uint32_t count,
                            struct hr_ml_rows *ret, struct hr_err *err)
{
    uint8_t bad[HR_ML_BLOCK] = {0};
    assert(count <= HR_ML_BLOCK && input_count > 0);
    HR_TRY(hr_ml_gather_room(g, input_count, err));
    for (uint32_t j = 0; j < input_count; j++) {
        size_t at = (size_t)HR_ML_BLOCK * j;
        mark_nulls(&columns[j], rows, first, count, bad);
        if (columns[j].col->type->id == HR_T_NULL) continue;
        if (inputs[j].is_text)
            take_texts(&columns[j], rows, first, count, g->strings + at);
        else
            take_numbers(&columns[j], rows, first, count, g->values + at, bad);
    }
    for (uint32_t i = 0; i < count; i++) g->rows[i] = row_of(rows, first, i);
    bool any = memchr(bad, 1, count) != NULL;
    uint32_t kept = any ? compress(g, inputs, count, bad) : count;
    g->bad = count - kept;
    *ret = (struct hr_ml_rows){.count = kept, .x = g->x, .texts = g->texts, .y = g->y};
    return HR_OK;
}
