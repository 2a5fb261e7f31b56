/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emitting whole columns: arrays of values into the batch under construction, one copy and one
 * check of the type for all of them.
 */
#include "api/api.h"

/* The type's place in a set of type ids. */
#define IS(id) (UINT32_C(1) << (id))

/* The builder of the next column if its type is one of types. */
static struct hr_builder *column_of(struct hr_emitter *out, uint32_t types, const char *got,
                                    uint32_t count)
{
    struct hr_builder *b = hr_emitter_column(out, count);
    if (!b || types & IS(b->type->id)) return b;
    hr_emitter_fail_type(out, b->type, got);
    return NULL;
}

static void put_values(struct hr_emitter *out, uint32_t types, const char *got, const void *values,
                       const uint64_t *validity, uint32_t count)
{
    struct hr_builder *b = column_of(out, types, got, count);
    if (!b) return;
    hr_builder_append(b, values, validity, count);
    out->column++;
}

void hr_emit_int8s(struct hr_emitter *out, const int8_t *values, const uint64_t *validity,
                   uint32_t count)
{
    put_values(out, IS(HR_T_BYTE), "int8_t values", values, validity, count);
}

void hr_emit_int16s(struct hr_emitter *out, const int16_t *values, const uint64_t *validity,
                    uint32_t count)
{
    put_values(out, IS(HR_T_SHORT), "int16_t values", values, validity, count);
}

void hr_emit_int32s(struct hr_emitter *out, const int32_t *values, const uint64_t *validity,
                    uint32_t count)
{
    put_values(out, IS(HR_T_INT) | IS(HR_T_DATE) | IS(HR_T_INTERVAL_YM), "int32_t values", values,
               validity, count);
}

void hr_emit_int64s(struct hr_emitter *out, const int64_t *values, const uint64_t *validity,
                    uint32_t count)
{
    put_values(out,
               IS(HR_T_LONG) | IS(HR_T_TIMESTAMP) | IS(HR_T_TIMESTAMP_NTZ) | IS(HR_T_TIME) |
                   IS(HR_T_INTERVAL_DT),
               "int64_t values", values, validity, count);
}

void hr_emit_floats(struct hr_emitter *out, const float *values, const uint64_t *validity,
                    uint32_t count)
{
    put_values(out, IS(HR_T_FLOAT), "float values", values, validity, count);
}

void hr_emit_doubles(struct hr_emitter *out, const double *values, const uint64_t *validity,
                     uint32_t count)
{
    put_values(out, IS(HR_T_DOUBLE), "double values", values, validity, count);
}

void hr_emit_bools(struct hr_emitter *out, const uint64_t *bits, const uint64_t *validity,
                   uint32_t count)
{
    put_values(out, IS(HR_T_BOOLEAN), "bits", bits, validity, count);
}

void hr_emit_texts(struct hr_emitter *out, const struct hr_text *values, const uint64_t *validity,
                   uint32_t count)
{
    struct hr_builder *b = column_of(out, IS(HR_T_STRING) | IS(HR_T_BINARY), "texts", count);
    if (!b || !hr_builder_room(b, count)) return;
    for (uint32_t i = 0; i < count; i++) {
        if (HR_UNLIKELY(validity && !hr_bit_get(validity, i)))
            hr_builder_null(b);
        else
            hr_builder_str(b, hr_svn(values[i].ptr, values[i].len));
    }
    out->column++;
}

/* --- Columns of the input --------------------------------------------------------------------- */

#define GATHER(type_)                                                                  \
    do {                                                                               \
        type_ *to_ = (type_ *)(void *)(b->values + (size_t)b->length * sizeof(type_)); \
        const type_ *from_ = (const type_ *)col->values;                               \
        for (uint32_t i_ = 0; i_ < count; i_++) to_[i_] = from_[rows[i_]];             \
    } while (0)

/* Rows of a column without NULLs whose values are an array; strings are shared. */
static bool gather(struct hr_builder *b, const struct hr_column *col, const uint32_t *rows,
                   uint32_t count)
{
    if (!b->width || col->validity || !hr_builder_room(b, count)) return false;
    switch (b->width) {
    case 1: GATHER(uint8_t); break;
    case 2: GATHER(uint16_t); break;
    case 4: GATHER(uint32_t); break;
    case 8: GATHER(uint64_t); break;
    default: assert(b->width == sizeof(struct hr_string)); GATHER(struct hr_string);
    }
    b->length += count;
    return true;
}

void hr_emit_column(struct hr_emitter *out, const struct hr_batch_view *view, uint32_t column)
{
    if (!out) return;
    struct hr_batch *batch = (struct hr_batch *)(uintptr_t)view->batch_;
    if (column >= view->column_count) {
        hr_emitter_fail(out, "column %u of a batch with %u columns", column, view->column_count);
        return;
    }
    const struct hr_column *col = &batch->columns[column];
    uint32_t count = view->live_count;
    struct hr_builder *b = hr_emitter_column(out, count);
    if (!b) return;
    if (!hr_type_same(b->type, col->type)) {
        struct hr_buf text = {0};
        hr_type_print_sql(col->type, &text);
        hr_emitter_fail_type(out, b->type, hr_buf_cstr(&text));
        hr_buf_done(&text);
        return;
    }
    bool shared = !hr_type_is_string(b->type) || hr_emitter_hold(out, batch);
    bool flat = shared && !hr_type_is_nested(b->type);
    if (flat && !batch->sel) {
        hr_builder_append(b, col->values, col->validity, count);
    } else if (!flat || !gather(b, col, batch->sel, count)) {
        for (uint32_t i = 0; i < count; i++)
            hr_builder_copy(b, col, batch->sel ? batch->sel[i] : i);
    }
    out->column++;
}
