/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed rows: a struct, its schema, and functions that read and write it, from one list of fields.
 *
 *     #define PAIR(F) F(STRING, word) F(LONG, n)
 *     HR_TYPED_ROW(pair, PAIR)
 *
 * makes
 *
 *     struct pair { struct hr_text word; int64_t n; };
 *     pair_schema                       "word STRING, n LONG"
 *     struct pair pair_get(row)         reads columns 0, 1 … of a row
 *     struct pair pair_get_at(row, i)   reads columns i, i + 1 … (the values behind a key)
 *     void pair_emit(out, value)        emits the columns and ends the row
 *     void pair_emit_fields(out, value) emits the columns only
 *
 * Types are BOOLEAN (bool), BYTE, SHORT, INT, LONG, DATE, TIMESTAMP (int64_t; days, µs), FLOAT,
 * DOUBLE (double), STRING and BINARY (struct hr_text; a NULL ptr is emitted as NULL). A NULL reads
 * as 0, false or an empty text with a NULL ptr; where a NULL number matters ask hr_row_is_null, and
 * emit it by hr_emit_null. Texts that were read are borrowed, as from hr_row_str. Nothing here
 * fails by itself: what a row or an emitter cannot do fails the task, see <headrace/row.h>.
 */
#ifndef HEADRACE_TYPED_H
#define HEADRACE_TYPED_H

#include <headrace/headrace.h>

/* For printf: printf(HR_TEXT_FORMAT "\n", HR_TEXT_ARGS(text)). */
#define HR_TEXT_FORMAT     "%.*s"
#define HR_TEXT_ARGS(text) (int)(text).len, (text).ptr

#define HR_TYPED_ROW(name, FIELDS)                                                           \
    struct name {                                                                            \
        FIELDS(HR_TYPED_MEMBER_)                                                             \
    };                                                                                       \
    static const char *const name##_schema __attribute__((unused)) =                         \
        &("" FIELDS(HR_TYPED_DDL_))[2]; /* without the first comma */                        \
    static inline __attribute__((unused)) struct name name##_get_at(const struct hr_row *row_, \
                                                                    uint32_t at_)            \
    {                                                                                        \
        struct name v_;                                                                      \
        FIELDS(HR_TYPED_READ_)                                                               \
        return v_;                                                                           \
    }                                                                                        \
    static inline __attribute__((unused)) struct name name##_get(const struct hr_row *row_)  \
    {                                                                                        \
        return name##_get_at(row_, 0);                                                       \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_emit_fields(struct hr_emitter *out_,   \
                                                                  struct name v_)            \
    {                                                                                        \
        FIELDS(HR_TYPED_WRITE_)                                                              \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_emit(struct hr_emitter *out_,          \
                                                           struct name v_)                   \
    {                                                                                        \
        name##_emit_fields(out_, v_);                                                        \
        hr_emit_end(out_);                                                                   \
    }

/* --- What the above is made of ---------------------------------------------------------------- */

#define HR_TYPED_MEMBER_(type, field) HR_TYPED_C_##type field;
#define HR_TYPED_DDL_(type, field)    ", " #field " " #type
#define HR_TYPED_READ_(type, field)   v_.field = HR_TYPED_GET_##type(row_, at_++);
#define HR_TYPED_WRITE_(type, field)  HR_TYPED_PUT_##type(out_, v_.field);

#define HR_TYPED_C_BOOLEAN   bool
#define HR_TYPED_C_BYTE      int64_t
#define HR_TYPED_C_SHORT     int64_t
#define HR_TYPED_C_INT       int64_t
#define HR_TYPED_C_LONG      int64_t
#define HR_TYPED_C_DATE      int64_t
#define HR_TYPED_C_TIMESTAMP int64_t
#define HR_TYPED_C_FLOAT     double
#define HR_TYPED_C_DOUBLE    double
#define HR_TYPED_C_STRING    struct hr_text
#define HR_TYPED_C_BINARY    struct hr_text

#define HR_TYPED_GET_BOOLEAN   hr_row_bool
#define HR_TYPED_GET_BYTE      hr_row_long
#define HR_TYPED_GET_SHORT     hr_row_long
#define HR_TYPED_GET_INT       hr_row_long
#define HR_TYPED_GET_LONG      hr_row_long
#define HR_TYPED_GET_DATE      hr_row_long
#define HR_TYPED_GET_TIMESTAMP hr_row_long
#define HR_TYPED_GET_FLOAT     hr_row_double
#define HR_TYPED_GET_DOUBLE    hr_row_double
#define HR_TYPED_GET_STRING    hr_typed_get_text_
#define HR_TYPED_GET_BINARY    hr_typed_get_text_

#define HR_TYPED_PUT_BOOLEAN   hr_emit_bool
#define HR_TYPED_PUT_BYTE      hr_emit_long
#define HR_TYPED_PUT_SHORT     hr_emit_long
#define HR_TYPED_PUT_INT       hr_emit_long
#define HR_TYPED_PUT_LONG      hr_emit_long
#define HR_TYPED_PUT_DATE      hr_emit_long
#define HR_TYPED_PUT_TIMESTAMP hr_emit_long
#define HR_TYPED_PUT_FLOAT     hr_emit_double
#define HR_TYPED_PUT_DOUBLE    hr_emit_double
#define HR_TYPED_PUT_STRING    hr_typed_put_text_
#define HR_TYPED_PUT_BINARY    hr_typed_put_text_

static inline __attribute__((unused)) struct hr_text hr_typed_get_text_(const struct hr_row *row,
                                                                        uint32_t column)
{
    struct hr_text text = hr_row_str(row, column);
    if (text.len == 0 && hr_row_is_null(row, column)) text.ptr = NULL;
    return text;
}

static inline __attribute__((unused)) void hr_typed_put_text_(struct hr_emitter *out,
                                                              struct hr_text text)
{
    if (text.ptr)
        hr_emit_text(out, text);
    else
        hr_emit_null(out);
}

#endif
