/* SPDX-License-Identifier: Apache-2.0 */
/* The place that a statement's tables name for their dead letters (option deadLetters). */
#include "connector/connector.h"
#include "plan/nodes/scan.h"
#include "session/internal.h"

static hr_status one_place(const char *name, const char **place, struct hr_err *err)
{
    if (!name || (*place && strcmp(*place, name) == 0)) return HR_OK;
    if (*place)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option deadLetters: a query has one place for all its tables, not both "
                       "%.200s and %.200s", *place, name);
    *place = name;
    return HR_OK;
}

static hr_status of_plan(const struct hr_plan *plan, const char **place, struct hr_err *err)
{
    if (plan->kind == HR_P_SCAN && HR_NODE(scan, plan)->table->source) {
        const struct hr_scan_node *node = HR_NODE(scan, plan);
        const struct hr_options *options = node->options ? node->options : &node->table->options;
        HR_TRY(one_place(hr_dead_letters_option(options), place, err));
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(of_plan(plan->children[i], place, err));
    return HR_OK;
}

/* A folder's: JSON lines in it. */
static hr_status folder(struct hr_run *run, const char *path, struct hr_dead_place *ret,
                        struct hr_err *err)
{
    struct hr_options *options = HR_NEW(run->arena, struct hr_options);
    if (!options) return HR_OOM(err);
    hr_options_init(options, run->arena);
    ret->sink = hr_sink_find("json");
    ret->options = options;
    return hr_options_put(options, "path", path, err);
}

hr_status hr_run_dead_letters(struct hr_run *run, const struct hr_plan *plan,
                              const struct hr_options *sink_options, struct hr_dead_place *ret,
                              struct hr_err *err)
{
    const char *place = NULL;
    *ret = (struct hr_dead_place){0};
    HR_TRY(of_plan(plan, &place, err));
    HR_TRY(one_place(hr_dead_letters_option(sink_options), &place, err));
    if (!place) return HR_OK;
    if (strchr(place, '/')) return folder(run, place, ret, err);
    struct hr_object_name name = hr_object_name(run->session, &place, 1);
    const struct hr_table *table = hr_catalog_own(run->session, name.schema, name.name, false);
    if (!table)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option deadLetters: there is no table %.200s; a folder is written with a "
                       "slash, as ./dead", place);
    ret->sink = table->provider ? hr_sink_find(table->provider) : NULL;
    ret->options = &table->options;
    ret->schema = table->schema;
    if (ret->sink) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_OPTION, "option deadLetters: table %.200s cannot be written",
                   place);
}
