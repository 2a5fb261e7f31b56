/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables whose records are changes of rows, by their options: a format with an envelope (Debezium's
 * JSON), or a column that says what a row is (changes.column). The source gives the envelope's
 * columns, or all of them; the table has those of its rows.
 */
#include "connector/connector.h"
#include "session/internal.h"

#define COLUMN_OPTION "changes.column"

static enum hr_envelope envelope_of(const struct hr_table *table)
{
    return table->source ? hr_connector_envelope(table->source, &table->options)
                         : HR_ENVELOPE_NONE;
}

bool hr_table_has_envelope(const struct hr_table *table)
{
    return envelope_of(table) != HR_ENVELOPE_NONE;
}

/* Debezium's: before, after and op, which stand in a payload where the message has its schema. */
static hr_status take_envelope(struct hr_table *table, struct hr_err *err)
{
    if (!table->schema || table->schema->field_count == 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "a table of format debezium-json needs its columns to be given: those of "
                       "the rows, without before and after");
    struct hr_field fields[4] = {{"before", table->schema, true},
                                 {"after", table->schema, true},
                                 {"op", hr_type(HR_T_STRING), true}};
    const struct hr_type *payload = hr_type_struct(fields, 3);
    if (!payload) return HR_OOM(err);
    fields[3] = (struct hr_field){"payload", payload, true};
    table->source_schema = hr_type_struct(fields, 4);
    return table->source_schema ? HR_OK : HR_OOM(err);
}

static hr_status take_column(struct hr_table *table, const char *name, struct hr_err *err)
{
    const struct hr_type *all = table->schema;
    uint32_t at = 0;
    while (all && at < all->field_count && !hr_str_eq_nocase(all->fields[at].name, name)) at++;
    if (!all || at == all->field_count)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", COLUMN_OPTION, "why",
                        "the table has no such column");
    const struct hr_type *type = all->fields[at].type;
    if (!hr_type_is_string(type) && !hr_type_is_integral(type))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", COLUMN_OPTION, "why",
                        "the column must be a STRING or a whole number");
    if (all->field_count == 1)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", COLUMN_OPTION, "why",
                        "the table has no other column");
    struct hr_field *fields = hr_arena_alloc(&table->arena, sizeof *fields * all->field_count);
    if (!fields) return HR_OOM(err);
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->field_count; i++)
        if (i != at) fields[count++] = all->fields[i];
    table->source_schema = all;
    table->change_column = all->fields[at].name;
    table->schema = hr_type_struct(fields, count);
    return table->schema ? HR_OK : HR_OOM(err);
}

hr_status hr_table_take_changes(struct hr_table *table, struct hr_err *err)
{
    const char *column = hr_options_get(&table->options, COLUMN_OPTION);
    table->envelope = envelope_of(table);
    if (table->envelope && column)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", COLUMN_OPTION, "why",
                        "the format says itself what a record is");
    if (table->envelope) return take_envelope(table, err);
    if (!column) return HR_OK;
    if (!table->source)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", COLUMN_OPTION, "why",
                        "only tables that a source reads have it");
    return take_column(table, column, err);
}
