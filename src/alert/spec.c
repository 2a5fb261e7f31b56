/* SPDX-License-Identifier: Apache-2.0 */
/* A definition, checked: columns, times, actions and their options. */
#include <stdlib.h>

#include "base/alloc.h"
#include "hr_config.h"
#include "alert/internal.h"

struct action_options {
    const char *url, *url_env, *token_env;
    int64_t connect_us, timeout_us, retry_first_us, retry_max_us, give_up_us;
};
#define OPT(name, type, field, def, min, max, doc) \
    {name, type, offsetof(struct action_options, field), def, min, max, NULL, doc}
#define RETRIES                                                                              \
    OPT("timeout", HR_OPT_DURATION, timeout_us, "15 seconds", 1000, INT64_C(600000000),      \
        "of an attempt"),                                                                    \
    OPT("retryFirst", HR_OPT_DURATION, retry_first_us, "5 seconds", 1000,                    \
        INT64_C(3600000000), "wait after the first failure; doubled each time, ±20 %"),      \
    OPT("retryMax", HR_OPT_DURATION, retry_max_us, "1 hour", 1000, INT64_C(86400000000),     \
        "the longest wait"),                                                                 \
    OPT("giveUpAfter", HR_OPT_DURATION, give_up_us, "24 hours", 0, INT64_C(2592000000000),   \
        "then the delivery is dead")
static const struct hr_opt_spec webhook_specs[] = {
    OPT("url", HR_OPT_STRING, url, NULL, 0, 0, "where to POST"),
    OPT("urlEnv", HR_OPT_STRING, url_env, NULL, 0, 0, "the environment variable that has it"),
    OPT("tokenEnv", HR_OPT_STRING, token_env, NULL, 0, 0,
        "the environment variable of a bearer token"),
    OPT("connectTimeout", HR_OPT_DURATION, connect_us, "5 seconds", 1000, INT64_C(600000000),
        "of connecting"),
    RETRIES,
};
static const struct hr_opt_spec command_specs[] = {RETRIES};

static const char *keep(struct hr_alert *alert, const char *text)
{
    return text ? hr_arena_strdup(&alert->arena, text) : NULL;
}

/* "https://host:port" of an address: what may be shown. */
static const char *shown_url(struct hr_alert *alert, const char *url)
{
    const char *host = strstr(url, "//");
    if (!host) return "WEBHOOK";
    size_t len = (size_t)(host + 2 - url) + strcspn(host + 2, "/?#");
    return hr_arena_printf(&alert->arena, "WEBHOOK %.*s", (int)HR_MIN(len, 200), url);
}

static hr_status read_webhook(struct hr_alert *alert, struct hr_alert_action *action,
                              const struct action_options *o, struct hr_err *err)
{
    if (!o->url == !o->url_env)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "WEBHOOK needs the option url, or urlEnv");
    const char *url = o->url ? o->url : getenv(o->url_env);
    if (!url)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option urlEnv of WEBHOOK: there is no environment variable %.60s",
                       o->url_env);
    if (o->token_env && !getenv(o->token_env))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option tokenEnv of WEBHOOK: there is no environment variable %.60s",
                       o->token_env);
    action->url = keep(alert, url);
    if (!action->url) return HR_OOM(err);
    HR_TRY(hr_alert_check_webhook(action, err));
    action->token_env = keep(alert, o->token_env);
    action->target = o->url ? shown_url(alert, url) : "WEBHOOK";
    return action->target ? HR_OK : HR_OOM(err);
}

static hr_status read_action(struct hr_alert *alert, const struct hr_stmt_action *from,
                             struct hr_alert_action *action, struct hr_err *err)
{
    struct hr_opt_table table = {NULL, 0};
    struct action_options o = {0};
    action->on = from->on_firing == from->on_resolved ? HR_ALERT_ON_FIRING | HR_ALERT_ON_RESOLVED
                 : from->on_firing                    ? HR_ALERT_ON_FIRING
                                                      : HR_ALERT_ON_RESOLVED;
    if (hr_str_eq_nocase(from->kind, "LOG")) {
        action->kind = HR_ALERT_LOG;
        action->target = "LOG";
    } else if (hr_str_eq_nocase(from->kind, "WEBHOOK")) {
        action->kind = HR_ALERT_WEBHOOK;
        table = (struct hr_opt_table){webhook_specs, HR_COUNT(webhook_specs)};
    } else if (hr_str_eq_nocase(from->kind, "COMMAND")) {
        action->kind = HR_ALERT_COMMAND;
        table = (struct hr_opt_table){command_specs, HR_COUNT(command_specs)};
    } else if (hr_str_eq_nocase(from->kind, "EMAIL") || hr_str_eq_nocase(from->kind, "KAFKA")) {
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "the action %s is not supported yet; there are LOG, WEBHOOK and COMMAND",
                       from->kind);
    } else {
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "there is no action %.60s; there are LOG, WEBHOOK and COMMAND", from->kind);
    }
    if ((action->kind == HR_ALERT_COMMAND) != (from->name != NULL))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, from->name ? "%s takes no name"
                                                              : "%s needs a name: COMMAND name",
                       from->kind);
    HR_TRY(hr_options_check_known(from->options, NULL, &table, 1, err));
    HR_TRY(hr_options_parse(table.specs, table.count, from->options, &o, err));
    action->connect_us = o.connect_us;
    action->timeout_us = o.timeout_us;
    action->retry_first_us = o.retry_first_us;
    action->retry_max_us = o.retry_max_us;
    action->give_up_us = o.give_up_us;
    if (action->kind == HR_ALERT_WEBHOOK) return read_webhook(alert, action, &o, err);
    if (action->kind != HR_ALERT_COMMAND) return HR_OK;
    action->command = keep(alert, from->name);
    action->target = hr_arena_printf(&alert->arena, "COMMAND %s", from->name);
    if (!action->command || !action->target) return HR_OOM(err);
    return hr_alert_find_command(alert, action, err);
}

/* The rows without the condition, the key's columns in the order of KEY. */
static hr_status read_columns(struct hr_alert *alert, const struct hr_stmt_alert *def,
                              struct hr_err *err)
{
    const struct hr_type *schema = alert->schema;
    uint32_t rows = schema->field_count - (alert->has_condition ? 1 : 0);
    struct hr_field *keys = HR_NEW_ARRAY(&alert->arena, struct hr_field, def->key_count + 1);
    alert->row_columns = HR_NEW_ARRAY(&alert->arena, uint32_t, rows + 1);
    alert->key_columns = HR_NEW_ARRAY(&alert->arena, uint32_t, def->key_count + 1);
    if (!keys || !alert->row_columns || !alert->key_columns) return HR_OOM(err);
    for (uint32_t i = 0; i < rows; i++) alert->row_columns[i] = i;
    for (uint32_t k = 0; k < def->key_count; k++) {
        uint32_t i = 0;
        while (i < rows && !hr_str_eq_nocase(schema->fields[i].name, def->keys[k])) i++;
        if (i == rows)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "KEY of alert %s: its query has no column %.60s", alert->name,
                           def->keys[k]);
        alert->key_columns[k] = i;
        keys[k] = schema->fields[i];
    }
    alert->row_schema = hr_type_struct(schema->fields, rows);
    alert->key_schema = hr_type_struct(keys, def->key_count);
    if (!alert->row_schema || !alert->key_schema) return HR_OOM(err);
    if (alert->has_condition && schema->fields[rows].type->id != HR_T_BOOLEAN)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "WHEN of alert %s must be a condition",
                       alert->name);
    return HR_OK;
}

static hr_status read_times(struct hr_alert *alert, const struct hr_stmt_alert *def,
                            struct hr_err *err)
{
    if (def->for_us < 0 || def->cooldown_us < 0 || (def->has_keep && def->keep_us < 0))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the times of an alert must not be negative");
    if (def->for_us && !alert->has_condition)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "FOR of alert %s needs WHEN: without a condition every row is an event, "
                       "which lasts no time",
                       alert->name);
    alert->for_us = def->for_us;
    alert->cooldown_us = def->cooldown_us;
    alert->keep_given = def->has_keep;
    alert->keep_us = def->keep_us; /* where none is said, sink.c knows what kind it is */
    return HR_OK;
}

hr_status hr_alert_read_spec(struct hr_alert *alert, const struct hr_stmt_alert *def,
                             struct hr_err *err)
{
    static const char *const severities[] = {"info", "warning", "critical"};
    if (!HR_HAVE_SQLITE) return HR_FAIL(err, HR_E_NOT_SUPPORTED, "alerts need a build with SQLite");
    for (int i = 0; i < 3; i++)
        if (hr_str_eq_nocase(severities[i], def->severity ? def->severity : "warning"))
            alert->severity = severities[i];
    if (!alert->severity)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "SEVERITY of alert %s: '%.40s' is none of info, warning, critical",
                       alert->name, def->severity);
    alert->comment = keep(alert, def->comment);
    alert->has_condition = def->has_condition;
    HR_TRY(read_times(alert, def, err));
    HR_TRY(read_columns(alert, def, err));
    alert->action_count = def->action_count ? def->action_count : 1;
    alert->actions = HR_NEW_ARRAY(&alert->arena, struct hr_alert_action, alert->action_count);
    if (!alert->actions) return HR_OOM(err);
    static const struct hr_stmt_action log = {.kind = "LOG"};
    if (!def->action_count) return read_action(alert, &log, &alert->actions[0], err);
    for (uint32_t i = 0; i < def->action_count; i++)
        HR_TRY(read_action(alert, &def->actions[i], &alert->actions[i], err));
    return HR_OK;
}
