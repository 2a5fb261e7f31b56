/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of column.h, checked one by one: debug builds and foreign batches. */
#include "column/column.h"

#include <inttypes.h>

static hr_status bad(struct hr_err *err, const char *name, const char *what)
{
    return HR_BUG(err, "batch: column %s: %s", name, what);
}

static hr_status verify_strings(const struct hr_column *col, const char *name, struct hr_err *err)
{
    const struct hr_string *s = col->values;
    for (uint32_t i = 0; i < col->length; i++) {
        if (s[i].len <= HR_STRING_INLINE) {
            for (uint32_t k = s[i].len; k < HR_STRING_INLINE; k++)
                if (s[i].inlined[k])
                    return bad(err, name, "inline string is not padded with zeros");
        } else if (!s[i].ptr || memcmp(s[i].prefix, s[i].ptr, 4) != 0) {
            return bad(err, name, "string prefix differs from its bytes");
        }
    }
    return HR_OK;
}

static hr_status verify_offsets(const struct hr_column *col, const char *name, struct hr_err *err)
{
    const int32_t *offsets = col->values;
    if (offsets[0] < 0) return bad(err, name, "negative offset");
    for (uint32_t i = 0; i < col->length; i++)
        if (offsets[i + 1] < offsets[i]) return bad(err, name, "offsets go back");
    for (uint32_t f = 0; f < col->type->field_count; f++)
        if ((uint32_t)offsets[col->length] > col->children[f].length)
            return bad(err, name, "offsets beyond the children");
    return HR_OK;
}

static hr_status verify_column(const struct hr_column *col, const struct hr_type *type,
                               const char *name, struct hr_err *err)
{
    if (col->type != type) return bad(err, name, "type differs from the schema's");
    bool has_values = type->id != HR_T_NULL && type->id != HR_T_STRUCT;
    if (has_values && !col->values) return bad(err, name, "no values");
    size_t align = type->id == HR_T_BOOLEAN ? 8 : type->id >= HR_T_ARRAY ? 4 : hr_type_width(type);
    if (has_values && (uintptr_t)col->values % HR_MAX(align, 1))
        return bad(err, name, "values are not aligned");
    if ((uintptr_t)col->validity % 8) return bad(err, name, "validity is not aligned");
    if (type->field_count && !col->children) return bad(err, name, "no children");
    if (hr_type_is_string(type)) HR_TRY(verify_strings(col, name, err));
    if (type->id == HR_T_ARRAY || type->id == HR_T_MAP) HR_TRY(verify_offsets(col, name, err));
    for (uint32_t f = 0; f < type->field_count; f++) {
        const struct hr_column *child = &col->children[f];
        if (type->id == HR_T_STRUCT && child->length < col->length)
            return bad(err, type->fields[f].name, "shorter than its struct");
        HR_TRY(verify_column(child, type->fields[f].type, type->fields[f].name, err));
    }
    return HR_OK;
}

hr_status hr_batch_verify(const struct hr_batch *batch, struct hr_err *err)
{
    if (!batch->schema || batch->schema->id != HR_T_STRUCT) return HR_BUG(err, "batch: no schema");
    if (!batch->sel && batch->sel_count != batch->row_count)
        return HR_BUG(err, "batch: %u live of %u rows without a selection", batch->sel_count,
                      batch->row_count);
    for (uint32_t i = 0; batch->sel && i < batch->sel_count; i++) {
        if (batch->sel[i] >= batch->row_count || (i && batch->sel[i] <= batch->sel[i - 1]))
            return HR_BUG(err, "batch: selection is not ascending within the rows at %u", i);
    }
    for (uint32_t c = 0; c < batch->schema->field_count; c++) {
        const struct hr_field *field = &batch->schema->fields[c];
        if (batch->columns[c].length != batch->row_count)
            return HR_BUG(err, "batch: column %s has %u of %u rows", field->name,
                          batch->columns[c].length, batch->row_count);
        HR_TRY(verify_column(&batch->columns[c], field->type, field->name, err));
    }
    return HR_OK;
}
