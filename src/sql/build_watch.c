/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE ALERT and CREATE DASHBOARD. */
#include "plan/tree.h"
#include "sql/sql_internal.h"

/* Alerts --------------------------------------------------------------------------------------- */

struct hr_sql_alert_clauses *hr_sql_alert_clauses(struct hr_sql_parser *p)
{
    struct hr_sql_alert_clauses *clauses = HR_NEW(p->arena, struct hr_sql_alert_clauses);
    if (!clauses) hr_sql_oom(p);
    return clauses;
}

void hr_sql_alert_key(struct hr_sql_alert_clauses *clauses, const struct hr_sql_names *names)
{
    if (!clauses || !names) return;
    clauses->def.keys = names->names.items;
    clauses->def.key_count = names->names.count;
}

int64_t hr_sql_span(struct hr_sql_parser *p, const struct hr_sql_token *interval)
{
    const struct hr_type *type;
    int64_t value = 0;
    if (p->status != HR_OK || !hr_sql_interval_value(p, interval, &type, &value)) return 0;
    if (type->id == HR_T_INTERVAL_YM)
        HR_SQL_RAISE(p, interval->pos, interval->end, HR_E_INVALID_ARGUMENT, "what",
                     "an alert's times are days, hours, minutes or seconds, not months");
    return value;
}

void hr_sql_alert_action(struct hr_sql_parser *p, const struct hr_sql_token *kind,
                         const char *name, const struct hr_options *options, int on)
{
    if (p->status != HR_OK) return;
    struct hr_stmt_action action = {.kind = hr_sql_ident(p, kind),
                                    .name = name,
                                    .options = options,
                                    .on_firing = on == 1,
                                    .on_resolved = on == 2};
    if (!HR_VEC_PUSH(p->arena, &p->actions, action)) hr_sql_oom(p);
}

/* SELECT *, condition AS `alert condition` FROM (query) */
static struct hr_sql_q with_condition(struct hr_sql_parser *p, struct hr_sql_x when,
                                      struct hr_sql_q q)
{
    struct hr_sql_list *list = HR_NEW(p->arena, struct hr_sql_list);
    struct hr_sql_names *names = HR_NEW(p->arena, struct hr_sql_names);
    struct hr_sql_select *select = HR_NEW(p->arena, struct hr_sql_select);
    struct hr_sql_token star = {.pos = q.pos, .end = q.end};
    if (!list || !names || !select) {
        hr_sql_oom(p);
        return q;
    }
    if (!HR_VEC_PUSH(p->arena, &names->names, "alert condition")) hr_sql_oom(p);
    list = hr_sql_push(p, NULL, hr_sql_star(p, NULL, &star, NULL, q.end));
    list = hr_sql_push(p, list, hr_sql_alias(p, when, names));
    select->items = list;
    select->from = q;
    select->pos = q.pos;
    return hr_sql_select(p, select);
}

struct hr_stmt *hr_sql_alert(struct hr_sql_parser *p, struct hr_sql_names *name,
                             struct hr_sql_alert_clauses *clauses, struct hr_sql_q q)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_CREATE_ALERT);
    if (!stmt || !clauses || p->status != HR_OK) return stmt;
    hr_sql_stmt_name(stmt, name);
    stmt->alert = &clauses->def;
    stmt->options = clauses->options;
    stmt->alert->actions = p->actions.items;
    stmt->alert->action_count = p->actions.count;
    stmt->alert->has_condition = clauses->when.x != NULL;
    if (clauses->when.x) q = with_condition(p, clauses->when, q);
    hr_sql_stmt_query(stmt, q);
    return stmt;
}

/* Dashboards ----------------------------------------------------------------------------------- */

struct hr_sql_q hr_sql_tile_view(struct hr_sql_parser *p, struct hr_sql_names *name)
{
    struct hr_sql_list *list = NULL;
    struct hr_sql_select *select = HR_NEW(p->arena, struct hr_sql_select);
    if (!select || !name) return (struct hr_sql_q){0};
    struct hr_sql_token star = {.pos = name->pos, .end = name->end};
    list = hr_sql_push(p, list, hr_sql_star(p, NULL, &star, NULL, name->end));
    select->items = list;
    select->from = hr_sql_relation(p, name, false, NULL, name->pos, name->end);
    select->pos = name->pos;
    return hr_sql_select(p, select);
}

void hr_sql_tile(struct hr_sql_parser *p, const struct hr_sql_token *name,
                 const struct hr_sql_token *kind, const char *comment,
                 struct hr_sql_tile_parts parts, struct hr_sql_q q)
{
    if (p->status != HR_OK) return;
    struct hr_stmt_tile tile = {.name = hr_sql_ident(p, name),
                                .kind = hr_sql_ident(p, kind),
                                .comment = comment,
                                .query = hr_svn(p->text + q.pos, (size_t)(q.end - q.pos)),
                                .plan = q.plan,
                                .encode = parts.encode,
                                .thresholds = parts.thresholds,
                                .options = parts.options,
                                .pos = name->pos};
    if (!HR_VEC_PUSH(p->arena, &p->tiles, tile)) hr_sql_oom(p);
}

struct hr_stmt *hr_sql_dashboard(struct hr_sql_parser *p, struct hr_sql_names *name,
                                 const char *comment, struct hr_options *options)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_CREATE_DASHBOARD);
    if (!stmt || p->status != HR_OK) return stmt;
    hr_sql_stmt_name(stmt, name);
    stmt->comment = comment;
    stmt->options = options;
    stmt->tiles = p->tiles.items;
    stmt->tile_count = p->tiles.count;
    return stmt;
}

const char *hr_sql_joined(struct hr_sql_parser *p, const struct hr_sql_names *names)
{
    struct hr_buf buf = {0};
    if (p->status != HR_OK || !names) return NULL;
    for (uint32_t i = 0; i < names->names.count; i++)
        hr_buf_printf(&buf, "%s%s", i ? "," : "", names->names.items[i]);
    const char *joined = hr_arena_strdup(p->arena, hr_buf_cstr(&buf));
    if (!joined) hr_sql_oom(p);
    hr_buf_done(&buf);
    return joined;
}
