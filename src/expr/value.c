/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of vectors: reading, writing and showing them. Not for hot loops. */
#include "base/datetime.h"
#include "expr/internal.h"

int64_t hr_arg_i64(const struct hr_vector *v, uint32_t row)
{
    if (v->is_const) row = 0;
    switch (hr_type_width(v->col.type)) {
    case 1: return ((const int8_t *)v->col.values)[row];
    case 2: return ((const int16_t *)v->col.values)[row];
    case 4: return ((const int32_t *)v->col.values)[row];
    case 8: return ((const int64_t *)v->col.values)[row];
    default: return v->col.type->id == HR_T_BOOLEAN && hr_arg_bool(v, row);
    }
}

double hr_arg_f64(const struct hr_vector *v, uint32_t row)
{
    if (v->is_const) row = 0;
    return v->col.type->id == HR_T_FLOAT ? (double)((const float *)v->col.values)[row]
                                         : ((const double *)v->col.values)[row];
}

hr_status hr_out_str(struct hr_eval_ctx *ctx, struct hr_column *out, uint32_t row, const char *ptr,
                     size_t len, struct hr_err *err)
{
    if (len > HR_STRING_INLINE) {
        if (len > HR_TEXT_MAX)
            return HR_RAISE(err, HR_E_LIMIT, "what", "the length of a text", "limit",
                            "268435456 bytes");
        ptr = hr_arena_memdup(ctx->arena, ptr, len);
        if (!ptr) return HR_OOM(err);
    }
    HR_OUT(struct hr_string, out)[row] = hr_string_make(ptr, (uint32_t)len);
    return HR_OK;
}

hr_status hr_out_from_builder(struct hr_eval_ctx *ctx, struct hr_builder *b, struct hr_column *out,
                              struct hr_err *err)
{
    const struct hr_type *type = out->type;
    hr_build_to(b, ctx->row_count);
    HR_TRY(hr_builder_finish(b, out, err));
    out->type = type;
    return HR_OK;
}

const char *hr_value_sql(struct hr_arena *arena, const struct hr_column *col, uint32_t row)
{
    struct hr_buf out = {0};
    if (!hr_column_valid(col, row) || col->type->id == HR_T_NULL) return "NULL";
    static const struct {
        const char *before, *after;
    } marks[HR_T_COUNT] = {
        [HR_T_BYTE] = {"", "Y"}, [HR_T_SHORT] = {"", "S"}, [HR_T_LONG] = {"", "L"},
        [HR_T_DOUBLE] = {"", "D"}, [HR_T_STRING] = {"'", "'"}, [HR_T_DECIMAL] = {"", "BD"},
        [HR_T_DATE] = {"DATE '", "'"}, [HR_T_TIMESTAMP] = {"TIMESTAMP '", "'"},
        [HR_T_TIME] = {"TIME '", "'"},
        [HR_T_TIMESTAMP_NTZ] = {"TIMESTAMP_NTZ '", "'"}, [HR_T_FLOAT] = {"CAST('", "' AS FLOAT)"},
    };
    const char *before = marks[col->type->id].before, *after = marks[col->type->id].after;
    if (before) hr_buf_puts(&out, before);
    if (col->type->id == HR_T_STRING) { /* as Spark writes a literal */
        struct hr_str_view s = hr_string_view(&((const struct hr_string *)col->values)[row]);
        for (size_t i = 0; i < s.len; i++) {
            if (s.ptr[i] == '\\' || s.ptr[i] == '\'') hr_buf_putc(&out, '\\');
            hr_buf_putc(&out, s.ptr[i]);
        }
    } else {
        hr_column_print(col, row, hr_tz_utc(), &out);
    }
    bool number = out.len && out.ptr[out.len - 1] >= '0' && out.ptr[out.len - 1] <= '9';
    if (after && (col->type->id != HR_T_DOUBLE || number)) hr_buf_puts(&out, after);
    const char *text = out.failed ? NULL : hr_arena_strndup(arena, out.ptr, out.len);
    hr_buf_done(&out);
    return text ? text : "?";
}
