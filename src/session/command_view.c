/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE VIEW: the text is kept and parsed again at each use. */
#include "session/internal.h"

static hr_status exists(struct hr_run *run, const char *name, struct hr_err *err)
{
    if (!run->stmt->is_temporary)
        return HR_RAISE(err, HR_E_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                        hr_full_name(run->arena, name));
    const char *quoted = hr_arena_printf(run->arena, "`%s`", name);
    return HR_RAISE(err, HR_E_TEMP_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                    quoted ? quoted : name);
}

/* The object that the statement would replace: of the same kind, temporary or not. */
static struct hr_table *find_old(const struct hr_run *run, const char *name)
{
    for (uint32_t i = 0; i < run->session->table_count; i++) {
        struct hr_table *table = run->session->tables[i];
        if (table->is_temporary == run->stmt->is_temporary && hr_str_eq_nocase(table->name, name))
            return table;
    }
    return NULL;
}

static hr_status fill_view(const struct hr_run *run, struct hr_table *view, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    int32_t start = stmt->plan->sql_pos;
    if (start < 0 || (size_t)start > stmt->text.len)
        return HR_BUG(err, "the view's query has no position");
    view->is_view = true;
    view->is_temporary = stmt->is_temporary;
    view->view_text = hr_arena_strndup(&view->arena, stmt->text.ptr + start,
                                       stmt->text.len - (size_t)start);
    view->columns = HR_NEW_ARRAY(&view->arena, const char *, stmt->column_count + 1);
    if (!view->view_text || !view->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < stmt->column_count; i++)
        if (!(view->columns[i] = hr_arena_strdup(&view->arena, stmt->columns[i]))) return HR_OOM(err);
    view->column_count = stmt->column_count;
    return HR_OK;
}

/* A view that could not be read is refused at once. */
static hr_status try_view(struct hr_run *run, struct hr_table *view, struct hr_err *err)
{
    struct hr_plan *plan = NULL;
    struct hr_plan *own = run->stmt->plan;
    HR_TRY(hr_run_analyze(run, &own, err)); /* with positions of the statement */
    if (view->column_count == 0) return HR_OK;
    HR_TRY(run->session->catalog.parse_view(&run->session->catalog, run->arena, view, &plan, err));
    return hr_run_analyze(run, &plan, err);
}

hr_status hr_run_create_view(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *name = stmt->name_parts[stmt->name_part_count - 1];
    struct hr_table *old = find_old(run, name), *view = NULL;
    if (old && stmt->if_not_exists) return HR_OK;
    if (old && !stmt->or_replace) return exists(run, name, err);
    HR_TRY(hr_table_new(name, &view, err));
    hr_status status = fill_view(run, view, err);
    if (status == HR_OK) status = try_view(run, view, err);
    if (status != HR_OK) {
        hr_table_unref(view);
        return status;
    }
    if (old) hr_catalog_remove(run->session, old);
    return hr_catalog_put(run->session, view, err);
}
