/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share among themselves. */
#ifndef HR_EXPR_INTERNAL_H
#define HR_EXPR_INTERNAL_H

#include "column/builder.h"
#include "expr/function.h"

/* --- Resolving ---------------------------------------------------------------------------------*/

/* Spark's implicit cast of *arg to what a word of hr_function.arg_types accepts; the type, or NULL.
 */
const struct hr_type *hr_type_implicit(const struct hr_type *from, struct hr_str_view expected);
/* Casts args [from, to) to their common type: DATA_DIFF_TYPES when there is none. */
hr_status hr_resolve_same_type(struct hr_arena *arena, const struct hr_conf *conf,
                               struct hr_expr *call, uint32_t from, uint32_t to, uint32_t step,
                               const struct hr_type **ret, struct hr_err *err) HR_CHECKED;
/* DATA_DIFF_TYPES of args [from, to). */
hr_status hr_resolve_diff_types(struct hr_arena *arena, const struct hr_expr *call, uint32_t from,
                                uint32_t to, uint32_t step, struct hr_err *err);
/* The cast that is inserted without being printed. */
hr_status hr_resolve_cast(struct hr_arena *arena, struct hr_expr **expr,
                          const struct hr_type *type, struct hr_err *err) HR_CHECKED;
hr_status hr_resolve_unexpected_type(struct hr_arena *arena, const struct hr_expr *call,
                                     uint32_t index, const char *required, struct hr_err *err);
/* WRONG_NUM_ARGS. */
hr_status hr_resolve_wrong_count(struct hr_arena *arena, const struct hr_expr *call,
                                 const char *expected, struct hr_err *err);
/* BINARY_OP_DIFF_TYPES and BINARY_OP_WRONG_TYPE of an operator's operands. */
hr_status hr_resolve_operands_differ(struct hr_arena *arena, const struct hr_expr *call,
                                     struct hr_err *err);
hr_status hr_resolve_operand_type(struct hr_arena *arena, const struct hr_expr *call,
                                  const char *required, struct hr_err *err);
/* The type of decimal that an operand becomes next to one. */
const struct hr_type *hr_resolve_decimal_operand(const struct hr_expr *arg);
/* Looks the function up again under another name and resolves the call as that. */
hr_status hr_resolve_as(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                        const char *name, struct hr_err *err) HR_CHECKED;
/* Appends a literal argument. */
hr_status hr_resolve_add_arg(struct hr_arena *arena, struct hr_expr *call, struct hr_expr *arg,
                             struct hr_err *err) HR_CHECKED;
/* The text of a literal string argument, folded; false when it is NULL or not constant. */
bool hr_resolve_const_string(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *arg, struct hr_str_view *ret);
bool hr_resolve_const_i64(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *arg, int64_t *ret);
bool hr_resolve_const_f64(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *arg, double *ret);

/* The type of decimal that holds every value of an integral type; the type itself for DECIMAL. */
const struct hr_type *hr_type_decimal_for(const struct hr_type *type);
/* Spark's DecimalType.adjustPrecisionScale. */
const struct hr_type *hr_type_decimal_adjusted(int precision, int scale);
/* Bounded without adjusting: DecimalType.bounded. */
const struct hr_type *hr_type_decimal_bounded(int precision, int scale);
/* The wider of two datetime types, of two decimals … : no strings (findTightestCommonType). */
const struct hr_type *hr_type_tightest(const struct hr_type *a, const struct hr_type *b);
bool hr_type_is_datetime(const struct hr_type *type);
bool hr_type_is_interval(const struct hr_type *type);
bool hr_type_is_orderable(const struct hr_type *type);

/* "\"INT\"": Spark's toSQLType. */
const char *hr_type_quoted(struct hr_arena *arena, const struct hr_type *type);

/* --- Running -----------------------------------------------------------------------------------*/

/* Loops over the rows that are asked for and not NULL in out. Rows of one word of validity at a
 * time are not worth it here: these are the loops whose body calls something anyway. */
#define HR_EACH_ROW(ctx, out, row)                                                             \
    for (uint32_t k_ = 0, row = 0;                                                             \
         k_ < (ctx)->sel_count && (row = (ctx)->sel ? (ctx)->sel[k_] : k_, true); k_++)        \
        if (hr_bit_get((out)->validity, row))
/* All rows that are asked for. */
#define HR_ALL_ROWS(ctx, row)                                                                  \
    for (uint32_t k_ = 0, row = 0;                                                             \
         k_ < (ctx)->sel_count && (row = (ctx)->sel ? (ctx)->sel[k_] : k_, true); k_++)

#define HR_ARG(T, v, row) (((const T *)(v)->col.values)[(v)->is_const ? 0 : (row)])
#define HR_OUT(T, out) ((T *)(uintptr_t)(out)->values)

HR_INLINE struct hr_str_view hr_arg_str(const struct hr_vector *v, uint32_t row)
{
    const struct hr_string *s = (const struct hr_string *)v->col.values;
    return hr_string_view(&s[v->is_const ? 0 : row]);
}
HR_INLINE bool hr_arg_valid(const struct hr_vector *v, uint32_t row)
{
    return v->col.type->id != HR_T_NULL && hr_column_valid(&v->col, v->is_const ? 0 : row);
}
HR_INLINE bool hr_arg_bool(const struct hr_vector *v, uint32_t row)
{
    return hr_bit_get((const uint64_t *)v->col.values, v->is_const ? 0 : row);
}
/* Any integral, date, time or interval type. */
int64_t hr_arg_i64(const struct hr_vector *v, uint32_t row);
/* Any FLOAT or DOUBLE. */
double hr_arg_f64(const struct hr_vector *v, uint32_t row);

HR_INLINE void hr_out_null(struct hr_column *out, uint32_t row)
{
    hr_bit_clear((uint64_t *)(uintptr_t)out->validity, row);
}
HR_INLINE void hr_out_bool(struct hr_column *out, uint32_t row, bool v)
{
    hr_bit_put((uint64_t *)(uintptr_t)out->values, row, v);
}
/* The bytes must live in ctx->arena or in an argument. */
HR_INLINE void hr_out_str_shared(struct hr_column *out, uint32_t row, const char *ptr, size_t len)
{
    HR_OUT(struct hr_string, out)[row] = hr_string_make(ptr, (uint32_t)len);
}
/* Copies. */
hr_status hr_out_str(struct hr_eval_ctx *ctx, struct hr_column *out, uint32_t row, const char *ptr,
                     size_t len, struct hr_err *err) HR_CHECKED;

/* Nested results: builders in ctx->arena, one row per physical row (rows outside sel are empty). */
hr_status hr_out_from_builder(struct hr_eval_ctx *ctx, struct hr_builder *b, struct hr_column *out,
                              struct hr_err *err) HR_CHECKED;

/* A builder that failed takes no more rows; its finish says so. */
HR_INLINE void hr_build_to(struct hr_builder *b, uint32_t row)
{
    while (hr_builder_length(b) < row && !b->failed) hr_builder_null(b);
}
/* As HR_EACH_ROW for a result that is built: other rows become NULL. The body appends one value. */
#define HR_BUILD_ROWS(ctx, out, b, row)                                                        \
    HR_ALL_ROWS(ctx, row)                                                                      \
        if (hr_build_to(b, row), hr_bit_get((out)->validity, row) || (hr_builder_null(b), false))

/* Bytes of one text that a function makes. */
#define HR_TEXT_MAX ((size_t)256 << 20)

/* Rows that make one text each in `buf`; `continue` after hr_out_null for NULL. Returns. */
#define HR_TEXT_ROWS(...)                                                                      \
    do {                                                                                       \
        struct hr_buf buf = {.max_bytes = HR_TEXT_MAX};                                        \
        hr_status status_ = HR_OK;                                                             \
        HR_EACH_ROW(ctx, out, row)                                                             \
        {                                                                                      \
            hr_buf_clear(&buf);                                                                \
            __VA_ARGS__                                                                        \
            status_ = hr_buf_status(&buf, err);                                                \
            if (status_ == HR_OK) status_ = hr_out_str(ctx, out, row, buf.ptr, buf.len, err);  \
            if (status_ != HR_OK) break;                                                       \
        }                                                                                      \
        hr_buf_done(&buf);                                                                     \
        return status_;                                                                        \
    } while (0)

/* Appends a text in upper or lower case. */
void hr_text_case(struct hr_buf *out, struct hr_str_view text, bool upper);
void hr_base64_put(struct hr_buf *out, struct hr_str_view bytes);
/* Appends the bytes; false where it met what is neither a digit nor white space. */
bool hr_base64_get(struct hr_buf *out, struct hr_str_view text);

/* An error parameter: the value of one row as Spark writes a literal: 'a', 3000000000L, 1.0E20D. */
const char *hr_value_sql(struct hr_arena *arena, const struct hr_column *col, uint32_t row);

/* ARITHMETIC_OVERFLOW "overflow" with the alternative function, or NULL. */
hr_status hr_raise_overflow(const char *alternative, struct hr_err *err) HR_COLD;
/* INTERVAL_ARITHMETIC_OVERFLOW with the alternative function, or NULL. */
hr_status hr_raise_interval_overflow(const char *alternative, struct hr_err *err) HR_COLD;
hr_status hr_raise_decimal_range(const char *value, const struct hr_type *type,
                                 struct hr_err *err) HR_COLD;
#define HR_ANSI_CONFIG "\"spark.sql.ansi.enabled\""

#endif
