/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE ALERT's part of a streaming statement, DROP ALERT, SHOW ALERTS. */
#include <inttypes.h>

#include "session/internal.h"

static struct hr_alert *find_alert(struct hr_session *session, const char *name)
{
    for (uint32_t i = 0; i < session->alert_count; i++)
        if (hr_str_eq_nocase(hr_alert_name(session->alerts[i]), name)) return session->alerts[i];
    return NULL;
}

bool hr_session_has_alert(struct hr_session *session, const char *name)
{
    return find_alert(session, name) != NULL;
}

hr_status hr_session_add_alert(struct hr_run *run, const struct hr_type *schema,
                               struct hr_options *sink_options, struct hr_alert **ret,
                               struct hr_err *err)
{
    struct hr_session *session = run->session;
    const struct hr_stmt *stmt = run->stmt;
    const char *name = stmt->name_parts[stmt->name_part_count - 1];
    struct hr_alert **grown =
        hr_realloc(session->alerts, (session->alert_count + 1) * sizeof(struct hr_alert *));
    if (!grown) return HR_OOM(err);
    session->alerts = grown;
    HR_TRY(hr_options_put(sink_options, "name", name, err));
    HR_TRY(hr_alert_new(session->env, name, stmt->alert, schema, session->check_only, ret, err));
    if (*ret) session->alerts[session->alert_count++] = *ret;
    return HR_OK;
}

void hr_session_remove_alert(struct hr_session *session, struct hr_alert *alert)
{
    uint32_t i = 0;
    while (i < session->alert_count && session->alerts[i] != alert) i++;
    if (i == session->alert_count) return;
    session->alert_count--;
    for (; i < session->alert_count; i++) session->alerts[i] = session->alerts[i + 1];
    hr_alert_free(alert);
}

const char *hr_alert_shown_text(struct hr_run *run)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_plan *plan = stmt->plan;
    size_t pos = plan->sql_pos > 0 && (size_t)plan->sql_pos < stmt->text.len
                     ? (size_t)plan->sql_pos
                     : stmt->text.len;
    return hr_arena_printf(run->arena, "CREATE ALERT %s … AS %.*s",
                           stmt->name_parts[stmt->name_part_count - 1],
                           (int)(stmt->text.len - pos), stmt->text.ptr + pos);
}

hr_status hr_run_drop_alert(struct hr_run *run, struct hr_err *err)
{
    struct hr_session *session = run->session;
    const char *name = run->stmt->name_parts[run->stmt->name_part_count - 1];
    struct hr_alert *alert = find_alert(session, name);
    if (!alert && (run->stmt->if_exists || session->check_only)) return HR_OK;
    if (!alert) return HR_FAIL(err, HR_E_NOT_FOUND, "there is no alert %.100s", name);
    struct hr_query *query = hr_registry_find(&session->queries, name);
    if (query) {
        struct hr_err ignored; /* what ended it before was said where it ended */
        hr_status ended = HR_OK;
        hr_err_init(&ignored);
        hr_query_stop(query, false);
        while (!hr_query_await(query, 100000, &ended, &ignored)) {}
        hr_query_unref(query);
    }
    hr_session_remove_alert(session, alert);
    return HR_OK;
}

struct listing {
    struct hr_run *run;
    struct hr_rows *rows;
};

static void add_row(void *arg, struct hr_alert *alert)
{
    struct listing *l = arg;
    struct hr_alert_counts counts;
    if (l->run->stmt->pattern && !hr_name_matches(l->run->stmt->pattern, hr_alert_name(alert)))
        return;
    hr_alert_get_counts(alert, &counts);
    int64_t numbers[] = {counts.pending, counts.firing, counts.acknowledged, counts.resolved,
                         counts.waiting, counts.delivered_total, counts.dead_total};
    const char *values[2 + HR_COUNT(numbers)] = {hr_alert_name(alert), hr_alert_severity(alert)};
    for (size_t i = 0; i < HR_COUNT(numbers); i++)
        values[2 + i] = hr_arena_printf(l->run->arena, "%" PRId64, numbers[i]);
    hr_rows_add(l->rows, values);
}

hr_status hr_run_show_alerts(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"alert",        "severity", "pending",
                                        "firing",       "acknowledged", "resolved",
                                        "waiting",      "delivered",    "dead"};
    struct listing listing = {.run = run};
    HR_TRY(hr_rows_new(run, names, HR_COUNT(names), &listing.rows, err));
    hr_alerts_each(add_row, &listing);
    return hr_rows_finish(listing.rows, err);
}
