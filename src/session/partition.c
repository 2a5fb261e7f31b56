/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of statements: PARTITION (p = 1), defaults; and folders by them. */
#include "connector/file/file.h"
#include "expr/program.h"
#include "plan/nodes/project.h"
#include "plan/tree.h"
#include "session/internal.h"

hr_status hr_resolve_constant(struct hr_run *run, struct hr_expr *x, struct hr_expr **ret,
                              struct hr_err *err)
{
    struct hr_plan *row = hr_plan_new(run->arena, HR_P_ONE_ROW);
    struct hr_plan *plan = row ? hr_plan_new1(run->arena, HR_P_PROJECT, row) : NULL;
    if (!plan) return HR_OOM(err);
    HR_TRY(hr_select_push(run->arena, plan, hr_expr_copy(run->arena, x), err));
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (plan->kind != HR_P_PROJECT)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a constant with a subquery");
    *ret = hr_expr_strip_alias(hr_select_of(plan)->exprs[0]);
    return HR_OK;
}

hr_status hr_constant_text(struct hr_run *run, struct hr_expr *value, const struct hr_type *type,
                           const char **ret, struct hr_err *err)
{
    struct hr_column column;
    struct hr_buf text = {0};
    HR_TRY(hr_resolve_constant(run, value, &value, err));
    if (type) HR_TRY(hr_expr_coerce(run->arena, &run->conf, &value, type, err));
    HR_TRY(hr_expr_fold(run->arena, &run->conf, value, &column, err));
    *ret = NULL;
    if (!hr_column_valid(&column, 0) || column.type->id == HR_T_NULL) return HR_OK;
    hr_column_print(&column, 0, run->conf.tz, &text);
    *ret = hr_arena_strdup(run->arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status hr_partition_folder(struct hr_run *run, const struct hr_table *table, uint32_t column,
                              struct hr_expr *value, const char **spec, struct hr_err *err)
{
    const struct hr_field *field = &table->schema->fields[column];
    const char *text = NULL;
    struct hr_buf folder = {0};
    HR_TRY(hr_constant_text(run, value, field->type, &text, err));
    hr_buf_puts(&folder, *spec);
    hr_file_put_escaped(hr_sv(field->name), &folder);
    hr_buf_putc(&folder, '=');
    if (text && *text)
        hr_file_put_escaped(hr_sv(text), &folder);
    else
        hr_buf_puts(&folder, HR_FILE_NULL_VALUE);
    hr_buf_putc(&folder, '/');
    *spec = hr_arena_strdup(run->arena, hr_buf_cstr(&folder));
    hr_buf_done(&folder);
    return *spec ? HR_OK : HR_OOM(err);
}
