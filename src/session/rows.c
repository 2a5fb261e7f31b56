/* SPDX-License-Identifier: Apache-2.0 */
/* Results of commands: a small table of texts. */
#include "column/builder.h"
#include "session/internal.h"

struct hr_rows {
    struct hr_run *run;
    const struct hr_type *schema;
    struct hr_batch_builder builder;
};

hr_status hr_rows_new(struct hr_run *run, const char *const *names, uint32_t count,
                      struct hr_rows **ret, struct hr_err *err)
{
    struct hr_rows *rows = HR_NEW(run->arena, struct hr_rows);
    struct hr_field *fields = HR_NEW_ARRAY(run->arena, struct hr_field, count);
    if (!rows || !fields) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        bool is_bool = strncmp(names[i], "is", 2) == 0;
        fields[i] =
            (struct hr_field){names[i], hr_type(is_bool ? HR_T_BOOLEAN : HR_T_STRING), true};
    }
    rows->run = run;
    rows->schema = hr_type_struct(fields, count);
    if (!rows->schema) return HR_OOM(err);
    HR_TRY(hr_batch_builder_init(&rows->builder, rows->schema, 16, NULL, err));
    *ret = rows;
    return HR_OK;
}

void hr_rows_add(struct hr_rows *rows, const char *const *values)
{
    for (uint32_t i = 0; i < rows->schema->field_count; i++) {
        struct hr_builder *column = rows->builder.columns[i];
        if (!values[i])
            hr_builder_null(column);
        else if (rows->schema->fields[i].type->id == HR_T_BOOLEAN)
            hr_builder_bool(column, strcmp(values[i], "true") == 0);
        else
            hr_builder_str(column, hr_sv(values[i]));
    }
}

hr_status hr_rows_finish(struct hr_rows *rows, struct hr_err *err)
{
    struct hr_result *result = rows->run->result;
    struct hr_batch *batch = NULL;
    hr_status status = hr_batch_builder_finish(&rows->builder, &batch, err);
    hr_batch_builder_done(&rows->builder);
    HR_TRY(status);
    result->batches = HR_NEW(rows->run->arena, struct hr_batch *);
    if (!result->batches) {
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
    result->schema = rows->schema;
    result->batches[0] = batch;
    result->batch_count = 1;
    return HR_OK;
}
