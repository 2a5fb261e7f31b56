/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells: scalars outside of columns, the states of combiners. Read through rows, written through an
 * emitter in cell mode. A long string belongs to its cell. One thread at a time, as their table.
 */
#include "api/api.h"

static void cells_release(const struct hr_type *schema, struct hr_cells *cells)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (hr_type_is_string(schema->fields[i].type) && cells->cell[i].str.len > HR_STRING_INLINE)
            hr_free((char *)(uintptr_t)cells->cell[i].str.ptr);
}

void hr_cells_done(const struct hr_type *schema, struct hr_cells *cells)
{
    cells_release(schema, cells);
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

void hr_merger_init(struct hr_merger *merger, hr_merge_fn fn, void *arg,
                    const struct hr_type *schema)
{
    merger->fn = fn;
    merger->arg = arg;
    merger->schema = schema;
    merger->strings = false;
    for (uint32_t i = 0; i < schema->field_count; i++)
        merger->strings = merger->strings || hr_type_is_string(schema->fields[i].type);
    hr_row_of_cells(schema, NULL, &merger->state);
    hr_emitter_init_cells(&merger->out, schema, &merger->result);
}

/* Loops rather than memset and memcpy: most states are one or two cells. */
static void clear(struct hr_cells *cells, uint32_t count)
{
    cells->nulls = 0;
    for (uint32_t i = 0; i < count; i++) cells->cell[i].words[0] = cells->cell[i].words[1] = 0;
}

hr_status hr_merger_merge(struct hr_merger *merger, struct hr_cells *into,
                          const struct hr_row *value, struct hr_err *err)
{
    const struct hr_type *schema = merger->schema;
    struct hr_emitter *out = &merger->out;
    clear(&merger->result, schema->field_count);
    merger->state.cells_ = into;
    out->rows = 0;
    hr_status status =
        hr_emitter_check(out, merger->fn(merger->arg, &merger->state, value, out, err), err);
    if (status == HR_OK && out->rows != 1)
        status = hr_err_fail(err, "a merge emits one row, this one %d", (int)out->rows);
    if (status != HR_OK) {
        hr_cells_done(schema, &merger->result);
        hr_emitter_init_cells(out, schema, &merger->result);
        return status;
    }
    if (merger->strings) cells_release(schema, into);
    into->nulls = merger->result.nulls;
    for (uint32_t i = 0; i < schema->field_count; i++)
        memcpy(&into->cell[i], &merger->result.cell[i], sizeof into->cell[i]);
    return HR_OK;
}

hr_status hr_merge_cells(hr_merge_fn fn, void *arg, const struct hr_type *schema,
                         struct hr_cells *into, const struct hr_row *value, struct hr_err *err)
{
    struct hr_merger merger;
    hr_merger_init(&merger, fn, arg, schema);
    return hr_merger_merge(&merger, into, value, err);
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
