/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: the tables of settings.def and spark_settings.def, SET and RESET. Keys that are neither
 * ours nor Spark's are a program's own variables and kept, as in Spark. */
#include <stdio.h>
#include <stdlib.h>

#include "base/datetime.h"
#include "session/internal.h"

enum kind { BOOL, INT, BYTES, DURATION, ZONE, TEXT, CHOICE };

struct setting {
    const char *key;
    enum kind kind;
    const char *def;
    int64_t min, max;
    const char *doc;
};

static const struct setting settings[HR_SET_COUNT] = {
#define X(id, key, kind, def, min, max, doc) [HR_SET_##id] = {key, kind, def, min, max, doc},
#include "session/settings.def"
#undef X
};

static const char *const kind_names[] = {
    [BOOL] = "boolean",  [INT] = "int",     [BYTES] = "bytes",
    [DURATION] = "time", [TEXT] = "string", [CHOICE] = "string",
};

static const struct setting *find(const char *key)
{
    for (uint32_t i = 0; i < HR_SET_COUNT; i++)
        if (strcmp(settings[i].key, key) == 0) return &settings[i];
    return NULL;
}

/* What is not a setting here, but known. values NULL: any. */
static const struct foreign {
    const char *key, *values, *doc;
} foreign[] = {
#define FIXED(key, values, doc) {key, values, doc},
#define HARMLESS(key, doc)      {key, NULL, doc},
#include "session/spark_settings.def"
#undef FIXED
#undef HARMLESS
};

/* The row of the key itself, else the longest one that stands for all below. */
static const struct foreign *find_foreign(const char *key)
{
    const struct foreign *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < HR_COUNT(foreign); i++) {
        size_t len = strlen(foreign[i].key);
        if (strcmp(key, foreign[i].key) == 0) return &foreign[i];
        if (foreign[i].key[len - 1] != '.' || strncmp(key, foreign[i].key, len) != 0) continue;
        if (len <= best_len) continue;
        best = &foreign[i];
        best_len = len;
    }
    return best;
}

static hr_status check_foreign(const struct foreign *f, const char *key, const char *value,
                               struct hr_err *err)
{
    char why[320];
    if (!f->values) return HR_OK;
    for (const char *p = f->values;; p++) {
        size_t len = strcspn(p, "|");
        if (hr_sv_eq_nocase(hr_svn(p, len), hr_sv_trim(hr_sv(value)))) return HR_OK;
        p += len;
        if (!*p) break;
    }
    snprintf(why, sizeof why, "Spark has it, but '%.80s' is not supported here, only '%s'%s%s",
             value, f->values, *f->doc ? ": " : "", f->doc);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", key, "why", why);
}

/* A key in no table. One of ours must be there, and one of Spark's SQL, which might change answers;
 * another of Spark's must not be meant for one that is there. */
static hr_status check_unknown(const char *key, struct hr_err *err)
{
    const char *names[HR_SET_COUNT + HR_COUNT(foreign)];
    bool ours = strncmp(key, "headrace.", 9) == 0 || strncmp(key, "spark.sql.", 10) == 0;
    if (!ours && strncmp(key, "spark.", 6) != 0) return HR_OK;
    for (size_t i = 0; i < HR_SET_COUNT; i++) names[i] = settings[i].key;
    for (size_t i = 0; i < HR_COUNT(foreign); i++) names[HR_SET_COUNT + i] = foreign[i].key;
    const char *near = hr_name_nearest(key, names, HR_COUNT(names));
    if (!near && !ours) return HR_OK;
    char why[200];
    snprintf(why, sizeof why, "is not known%s%s%s", near ? "; did you mean " : "", near ? near : "",
             near ? "?" : "");
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", key, "why", why);
}

static bool number(const struct setting *s, const char *value, int64_t *ret)
{
    switch (s->kind) {
    case INT: return hr_parse_i64(hr_sv_trim(hr_sv(value)), ret);
    case BYTES: return hr_parse_bytes(hr_sv(value), ret);
    case DURATION: return hr_parse_duration(hr_sv(value), ret);
    default: return false;
    }
}

static hr_status check_choice(const struct setting *s, const char *value, struct hr_err *err)
{
    const char *words = strrchr(s->doc, ':') + 2, *end;
    for (const char *at = words; *at; at = *end ? end + 2 : end) {
        end = at + strcspn(at, ",");
        if (hr_sv_eq_nocase(hr_svn(at, (size_t)(end - at)), hr_sv(value))) return HR_OK;
    }
    char why[160];
    snprintf(why, sizeof why, "'%.60s' is none of %s", value, words);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", s->key, "why", why);
}

static hr_status check(const struct setting *s, const char *value, struct hr_err *err)
{
    bool flag, ok = true;
    int64_t n;
    if (s->kind == CHOICE) return check_choice(s, value, err);
    if (s->kind == BOOL)
        ok = hr_parse_bool(hr_sv(value), &flag);
    else if (s->kind == ZONE && !hr_tz_find(hr_sv(value)))
        return HR_RAISE(err, HR_E_INVALID_CONF_TIME_ZONE, "confName", s->key, "confValue", value);
    else if (s->kind == INT || s->kind == BYTES || s->kind == DURATION)
        ok = number(s, value, &n);
    if (!ok)
        return HR_RAISE(err, HR_E_INVALID_CONF_TYPE, "confName", s->key, "confValue", value,
                        "confType", kind_names[s->kind]);
    bool ranged = (s->min || s->max) && s->kind != BOOL;
    if (!ranged || (n >= s->min && n <= s->max)) return HR_OK;
    char why[96];
    snprintf(why, sizeof why, "%lld is not between %lld and %lld", (long long)n, (long long)s->min,
             (long long)s->max);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", s->key, "why", why);
}

const char *hr_setting(struct hr_session *session, enum hr_setting setting)
{
    const char *value = hr_options_get(&session->settings, settings[setting].key);
    return value ? value : settings[setting].def;
}

int64_t hr_setting_int(struct hr_session *session, enum hr_setting setting)
{
    int64_t n = 0;
    const char *value = hr_setting(session, setting);
    return number(&settings[setting], value, &n) ? n : 0;
}

static bool setting_bool(struct hr_session *session, enum hr_setting setting)
{
    bool v = false;
    return hr_parse_bool(hr_sv(hr_setting(session, setting)), &v) && v;
}

/* Brings conf up to date with the settings. */
static void apply(struct hr_session *session)
{
    struct hr_conf *conf = &session->conf;
    conf->ansi = setting_bool(session, HR_SET_ANSI);
    conf->case_sensitive = setting_bool(session, HR_SET_CASE_SENSITIVE);
    conf->tz = hr_tz_find(hr_sv(hr_setting(session, HR_SET_TIME_ZONE)));
    const char *far = hr_setting(session, HR_SET_FAR_FUTURE);
    conf->watermark_max_future_us = hr_setting_int(session, HR_SET_MAX_FUTURE);
    conf->watermark_far_future = hr_str_eq_nocase(far, "drop")     ? HR_FAR_DROP
                                 : hr_str_eq_nocase(far, "ignore") ? HR_FAR_IGNORE
                                                                   : HR_FAR_CAP;
    conf->watermark_by_partition = setting_bool(session, HR_SET_WATERMARK_BY_PARTITION);
    conf->partitions_as_text = !setting_bool(session, HR_SET_PARTITION_TYPES);
    conf->ignore_missing_files = setting_bool(session, HR_SET_IGNORE_MISSING);
    conf->ignore_corrupt_files = setting_bool(session, HR_SET_IGNORE_CORRUPT);
    conf->batch_rows = (uint32_t)hr_setting_int(session, HR_SET_BATCH_SIZE);
    int64_t threads = hr_setting_int(session, HR_SET_THREADS);
    if (threads > 0) conf->threads = (uint32_t)threads;
    int64_t partitions = hr_setting_int(session, HR_SET_SHUFFLE_PARTITIONS);
    conf->shuffle_partitions = partitions > 0 ? (uint32_t)partitions : (uint32_t)hr_cpu_count();
}

/* What a setting has an effect on besides this session's conf: the process. */
static hr_status apply_to_process(const struct setting *s, const char *value, struct hr_err *err)
{
    int64_t bytes;
    if (s != &settings[HR_SET_MEMORY] || !number(s, value, &bytes)) return HR_OK;
    return hr_mem_process_set(bytes, err);
}

void hr_settings_init(struct hr_session *session, const struct hr_session_options *options)
{
    hr_arena_init(&session->settings_arena, NULL);
    hr_options_init(&session->settings, &session->settings_arena);
    int cpus = hr_cpu_count();
    session->conf.threads = options->threads ? options->threads : (uint32_t)(cpus > 0 ? cpus : 1);
    apply(session);
}

hr_status hr_session_set(struct hr_session *session, const char *key, const char *value,
                         struct hr_err *err)
{
    const struct setting *s = find(key);
    const struct foreign *f = s ? NULL : find_foreign(key);
    if (s == &settings[HR_SET_WAREHOUSE] && session->wh)
        return HR_RAISE(err, HR_E_CANNOT_MODIFY_CONFIG, "key", "\"spark.sql.warehouse.dir\"");
    if (s) {
        HR_TRY(check(s, value, err));
        if (!session->check_only) HR_TRY(apply_to_process(s, value, err));
    } else if (f)
        HR_TRY(check_foreign(f, key, value, err));
    else {
        HR_TRY(check_unknown(key, err));
    }
    pthread_mutex_lock(&session->share_lock);
    hr_status status = hr_options_put(&session->settings, key, value, err);
    pthread_mutex_unlock(&session->share_lock);
    HR_TRY(status);
    apply(session);
    return HR_OK;
}

const char *hr_session_get(struct hr_session *session, const char *key)
{
    const char *value = hr_options_get(&session->settings, key);
    const struct setting *s = find(key);
    return value || !s ? value : s->def;
}

const struct hr_conf *hr_session_conf(struct hr_session *session)
{
    return &session->conf;
}

/* SET and RESET -------------------------------------------------------------------------------- */

const char *hr_setting_shown(const char *key, const char *value)
{
    return hr_option_is_secret(key) ? "*********(redacted)" : value;
}

/* It is the process's: another session may have set it. */
static const char *current_memory(struct hr_run *run, const char *value)
{
    int64_t limit = __atomic_load_n(&hr_mem_process()->limit_bytes, __ATOMIC_RELAXED), set;
    if (value && number(&settings[HR_SET_MEMORY], value, &set) && set == limit) return value;
    return hr_arena_printf(run->arena, "%lld", (long long)limit);
}

/* The value as it holds: a default that depends on the machine is told by what came of it. */
static const char *current(struct hr_run *run, const char *key)
{
    const char *value = hr_session_get(run->session, key);
    if (strcmp(key, settings[HR_SET_MEMORY].key) == 0) return current_memory(run, value);
    if (value && *value) return value;
    const struct hr_conf *conf = &run->session->conf;
    if (strcmp(key, settings[HR_SET_SHUFFLE_PARTITIONS].key) == 0)
        return hr_arena_printf(run->arena, "%u", conf->shuffle_partitions);
    if (strcmp(key, settings[HR_SET_THREADS].key) == 0)
        return hr_arena_printf(run->arena, "%u", conf->threads);
    return value;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct hr_option *)a)->key, ((const struct hr_option *)b)->key);
}

static hr_status show_all(struct hr_run *run, bool with_docs, struct hr_err *err)
{
    static const char *const names[] = {"key", "value", "meaning", "Since version"};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, names, with_docs ? 4 : 2, &rows, err));
    if (with_docs) {
        for (uint32_t i = 0; i < HR_SET_COUNT; i++) {
            const char *row[] = {settings[i].key, current(run, settings[i].key), settings[i].doc,
                                 "0.1.0"};
            hr_rows_add(rows, row);
        }
        return hr_rows_finish(rows, err);
    }
    const struct hr_options *set = &run->session->settings;
    struct hr_option *sorted = hr_arena_memdup(run->arena, set->items, sizeof *sorted * set->count);
    if (!sorted && set->count) return HR_OOM(err);
    if (set->count) qsort(sorted, set->count, sizeof *sorted, by_key);
    for (uint32_t i = 0; i < set->count; i++) {
        const char *row[] = {sorted[i].key, hr_setting_shown(sorted[i].key, sorted[i].value)};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

hr_status hr_run_set(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    if (!stmt->key) return show_all(run, false, err);
    if (!stmt->value && strcmp(stmt->key, "-v") == 0) return show_all(run, true, err);
    if (stmt->value && hr_session_has_variable(run->session, stmt->key)) {
        const char *name = hr_arena_printf(run->arena, "`%s`", stmt->key);
        return HR_RAISE(err, HR_E_SET_VARIABLE_USING_SET, "variableName", name ? name : stmt->key);
    }
    if (stmt->value) HR_TRY(hr_session_set(run->session, stmt->key, stmt->value, err));
    static const char *const names[] = {"key", "value"};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, names, 2, &rows, err));
    const char *value = stmt->value ? stmt->value : current(run, stmt->key);
    const char *row[] = {stmt->key, value ? hr_setting_shown(stmt->key, value) : "<undefined>"};
    hr_rows_add(rows, row);
    return hr_rows_finish(rows, err);
}

hr_status hr_run_reset(struct hr_run *run, struct hr_err *err)
{
    HR_UNUSED(err);
    struct hr_options *set = &run->session->settings;
    const char *key = run->stmt->key, *memory = settings[HR_SET_MEMORY].key;
    if (hr_options_get(set, memory) && (!key || strcmp(key, memory) == 0)) hr_mem_process_reset();
    pthread_mutex_lock(&run->session->share_lock);
    if (key)
        hr_options_remove(set, key);
    else
        while (set->count) hr_options_remove(set, set->items[0].key);
    pthread_mutex_unlock(&run->session->share_lock);
    apply(run->session);
    return HR_OK;
}
