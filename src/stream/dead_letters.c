/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/dead_letters.h"

#include <stdio.h>

#include "column/type_parse.h"
#include "connector/connector.h"

#define RECORD_COLUMNS "value BINARY, headers ARRAY<STRUCT<key: STRING, value: BINARY>>"

const char *hr_dead_letters_option(const struct hr_options *options)
{
    return hr_options_get(options, "deadLetters");
}

/* A table may have any of the columns, in any order. */
static hr_status check_columns(const struct hr_type *schema, struct hr_err *err)
{
    const struct hr_type *all = hr_dead_letter_schema();
    if (!all) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct hr_field *field = &schema->fields[i];
        int32_t at = hr_type_field_index(all, hr_sv(field->name));
        if (at >= 0 && hr_type_same(all->fields[at].type, field->type)) continue;
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option deadLetters: column %s of its table is none of theirs, which "
                       "are " HR_DEAD_LETTER_COLUMNS, field->name);
    }
    return HR_OK;
}

static hr_status columns_of(const struct hr_dead_place *place, const struct hr_type **ret,
                            struct hr_err *err)
{
    if (place->sink->takes_records) return hr_schema_parse(hr_sv(RECORD_COLUMNS), ret, err);
    if (place->schema && place->schema->field_count) {
        *ret = place->schema;
        return check_columns(place->schema, err);
    }
    *ret = hr_dead_letter_schema();
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status hr_dead_output_open(struct hr_query_output *output, const struct hr_dead_place *place,
                              const struct hr_sink_args *run, struct hr_err *err)
{
    struct hr_sink_args args = *run;
    char id[64];
    snprintf(id, sizeof id, "%.36s.dead", run->query_id);
    HR_TRY(columns_of(place, &args.schema, err));
    args.options = place->options;
    args.mode = HR_MODE_APPEND;
    args.creates = false;
    args.starts_late = true;
    args.files = NULL; /* the output's own */
    args.query_id = id;
    output->vt = place->sink;
    output->schema = args.schema;
    hr_status status = hr_sink_open(place->sink, &args, &output->sink, err);
    return status ? hr_err_prefix(err, "the dead letters") : HR_OK;
}

/* The record as it was, and where it came from as headers. */
static void put_header(struct hr_builder *list, const char *name, const struct hr_column *column,
                       uint32_t row)
{
    struct hr_builder *item = hr_builder_child(list, 0), *value = hr_builder_child(item, 1);
    char text[40];
    hr_builder_str(hr_builder_child(item, 0), hr_sv(name));
    if (!hr_column_valid(column, row)) {
        hr_builder_null(value);
    } else if (hr_type_is_string(column->type)) {
        hr_builder_str(value, hr_string_view((const struct hr_string *)column->values + row));
    } else { /* BIGINT, TIMESTAMP in microseconds */
        snprintf(text, sizeof text, "%lld",
                 (long long)((const int64_t *)column->values)[row]);
        hr_builder_str(value, hr_sv(text));
    }
    hr_builder_close(item);
}

static hr_status as_records(const struct hr_type *schema, const struct hr_batch *batch,
                            struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch_builder builder;
    uint32_t raw = batch->schema->field_count - 1;
    HR_TRY(hr_batch_builder_init(&builder, schema, batch->sel_count, NULL, err));
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        const struct hr_string *values = batch->columns[raw].values;
        hr_builder_str(builder.columns[0], hr_string_view(values + row));
        for (uint32_t c = 0; c < raw; c++)
            put_header(builder.columns[1], batch->schema->fields[c].name, &batch->columns[c], row);
        hr_builder_close(builder.columns[1]);
    }
    hr_status status = hr_batch_builder_finish(&builder, ret, err);
    if (status) hr_batch_builder_done(&builder);
    return status;
}

hr_status hr_dead_output_emit(struct hr_query_output *output, uint32_t split, uint32_t attempt,
                              struct hr_batch *batch, struct hr_err *err)
{
    struct hr_batch *made = NULL;
    if (output->vt->takes_records)
        HR_TRY(as_records(output->schema, batch, &made, err));
    else
        HR_TRY(hr_connector_project(hr_batch_ref(batch), output->schema, &made, err));
    hr_status status = hr_output_emit(output, split, attempt, made, err);
    hr_batch_unref(made);
    return status;
}
