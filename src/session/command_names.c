/* SPDX-License-Identifier: Apache-2.0 */
/* USE changes the current schema; CACHE and UNCACHE check a name and change nothing. */
#include "session/internal.h"

hr_status hr_check_namespace(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    uint32_t count = stmt->name_part_count, at = 0;
    if (count && hr_str_eq_nocase(stmt->name_parts[0], "spark_catalog")) at = 1;
    if (at == count) return HR_OK;
    if (at + 1 == count) return hr_check_schema(run, stmt->name_parts[at], err);
    const char *text = "`spark_catalog`";
    for (; text && at < count; at++)
        text = hr_arena_printf(run->arena, "%s.`%s`", text, stmt->name_parts[at]);
    return HR_RAISE(err, HR_E_SCHEMA_NOT_FOUND, "schemaName", text ? text : "?");
}

hr_status hr_run_use(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    assert(stmt->name_part_count > 0);
    HR_TRY(hr_check_namespace(run, err));
    const char *name = stmt->name_parts[stmt->name_part_count - 1];
    if (stmt->name_part_count == 1 && hr_str_eq_nocase(name, "spark_catalog")) name = HR_WH_DEFAULT;
    /* Plans and queries that began before keep theirs: it lives as long as the session. */
    char *copy = hr_arena_strdup(&run->session->settings_arena, name);
    if (!copy) return HR_OOM(err);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    run->session->schema = copy;
    run->session->conf.schema = copy;
    return HR_OK;
}

static hr_status check_table(struct hr_run *run, struct hr_err *err)
{
    struct hr_catalog *catalog = &run->session->catalog;
    struct hr_table *table = NULL;
    HR_TRY(catalog->find(catalog, run->stmt->name_parts, run->stmt->name_part_count, &table, err));
    hr_table_unref(table);
    return HR_OK;
}

static hr_status check_storage_level(const struct hr_options *options, struct hr_err *err)
{
    static const char *const levels[] = {
        "NONE",          "DISK_ONLY",         "DISK_ONLY_2",         "DISK_ONLY_3",
        "MEMORY_ONLY",   "MEMORY_ONLY_2",     "MEMORY_ONLY_SER",     "MEMORY_ONLY_SER_2",
        "MEMORY_AND_DISK", "MEMORY_AND_DISK_2", "MEMORY_AND_DISK_SER", "MEMORY_AND_DISK_SER_2",
        "OFF_HEAP"};
    for (uint32_t i = 0; options && i < options->count; i++) {
        const struct hr_option *o = &options->items[i];
        bool known = false;
        if (!hr_str_eq_nocase(o->key, "storageLevel"))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", o->key, "why",
                            "CACHE TABLE knows only storageLevel");
        for (size_t l = 0; l < HR_COUNT(levels) && !known; l++)
            known = hr_str_eq_nocase(o->value, levels[l]);
        if (!known)
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", o->key, "why",
                            "is no storage level of Spark");
    }
    return HR_OK;
}

/* Nothing is kept: tables are read, and views computed, at each use. CACHE TABLE v AS query makes
 * the temporary view. */
hr_status hr_run_cache(struct hr_run *run, struct hr_err *err)
{
    HR_TRY(check_storage_level(run->stmt->options, err));
    return run->stmt->plan ? hr_run_create_view(run, err) : check_table(run, err);
}

hr_status hr_run_uncache(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    bool all = stmt->name_part_count == 0; /* CLEAR CACHE */
    return all || stmt->if_exists ? HR_OK : check_table(run, err);
}
