/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dashboards: a name, and tiles, each a chart over a query of tables and views at rest. What a tile
 * draws is decided here, at CREATE: kind, channels, thresholds; who watches runs its query.
 */
#include <strings.h>

#include "session/internal.h"

struct hr_dashboard_tile {
    char *name, *query;
};

struct hr_dashboard {
    char *name, *json; /* json: the whole definition */
    struct hr_dashboard_tile *tiles;
    uint32_t tile_count;
};

/* Kinds, and their channels; * takes several columns, ? may be missing. */
static const struct {
    const char *name, *channels[4];
} kinds[] = {
    {"line", {"x", "y*", "series?"}},      {"area", {"x", "y*", "series?"}},
    {"stacked", {"x", "y*", "series?"}},   {"bar", {"x", "y*", "series?"}},
    {"number", {"value", "trend?"}},       {"gauge", {"value", "min?", "max?"}},
    {"histogram", {"bucket", "value"}},    {"heatmap", {"x", "y", "value"}},
    {"table", {NULL}},
};

static void free_dashboard(struct hr_dashboard *d)
{
    if (!d) return;
    for (uint32_t i = 0; i < d->tile_count; i++) {
        hr_free(d->tiles[i].name);
        hr_free(d->tiles[i].query);
    }
    hr_free(d->tiles);
    hr_free(d->name);
    hr_free(d->json);
    hr_free(d);
}

static void put_text(struct hr_buf *out, const char *name, const char *value)
{
    hr_buf_printf(out, ",\"%s\":", name);
    if (value)
        hr_buf_put_json(out, hr_sv(value));
    else
        hr_buf_puts(out, "null");
}

static void put_options(struct hr_buf *out, const char *name, const struct hr_options *options)
{
    hr_buf_printf(out, ",\"%s\":{", name);
    for (uint32_t i = 0; options && i < options->count; i++) {
        if (i) hr_buf_putc(out, ',');
        hr_buf_put_json(out, hr_sv(options->items[i].key));
        hr_buf_putc(out, ':');
        hr_buf_put_json(out, hr_sv(options->items[i].value));
    }
    hr_buf_putc(out, '}');
}

/* Channels ------------------------------------------------------------------------------------- */

static const struct hr_field *column(const struct hr_type *schema, const char *name, size_t len)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (strlen(schema->fields[i].name) == len &&
            strncasecmp(schema->fields[i].name, name, len) == 0)
            return &schema->fields[i];
    return NULL;
}

static bool is_time(const struct hr_field *field)
{
    return field->type->id == HR_T_TIMESTAMP || field->type->id == HR_T_TIMESTAMP_NTZ ||
           field->type->id == HR_T_DATE;
}

/* Without ENCODE: the first time (else the first column) is x, texts are the series, numbers y. */
static const char *guess(struct hr_run *run, const struct hr_type *schema, const char *channel,
                         bool many, const char *x)
{
    struct hr_buf list = {0};
    bool numbers = *channel == 'y' || strcmp(channel, "value") == 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct hr_field *f = &schema->fields[i];
        if (x && hr_str_eq_nocase(f->name, x)) continue;
        bool fits = numbers ? hr_type_is_numeric(f->type)
                    : strcmp(channel, "series") == 0
                        ? f->type->id == HR_T_STRING
                        : strcmp(channel, "x") == 0 ? is_time(f) : strcmp(channel, "bucket") == 0;
        if (!fits) continue;
        hr_buf_printf(&list, "%s%s", list.len ? "," : "", f->name);
        if (!many) break;
    }
    if (!list.len && strcmp(channel, "x") == 0 && schema->field_count)
        hr_buf_puts(&list, schema->fields[0].name);
    const char *text = list.len ? hr_arena_strdup(run->arena, hr_buf_cstr(&list)) : NULL;
    hr_buf_done(&list);
    return text;
}

static hr_status check_channel(const struct hr_stmt_tile *tile, const struct hr_type *schema,
                               const char *channel, bool many, const char *columns,
                               struct hr_err *err)
{
    for (const char *p = columns; *p;) {
        size_t len = strcspn(p, ",");
        if (!many && p[len])
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "tile %s: %s takes one column", tile->name,
                           channel);
        if (!column(schema, p, len))
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "tile %s: %s => %.*s: its query has no such column", tile->name, channel,
                           (int)len, p);
        p += len + (p[len] == ',');
    }
    return HR_OK;
}

static hr_status put_channels(struct hr_run *run, const struct hr_stmt_tile *tile, size_t kind,
                              const struct hr_type *schema, struct hr_buf *out, struct hr_err *err)
{
    const char *x = NULL;
    uint32_t known = 0, put = 0;
    hr_buf_puts(out, ",\"encode\":{");
    for (int c = 0; c < 4 && kinds[kind].channels[c]; c++) {
        const char *row = kinds[kind].channels[c];
        size_t len = strcspn(row, "*?");
        const char *name = hr_arena_strndup(run->arena, row, len);
        if (!name) return HR_OOM(err);
        bool many = row[len] == '*', optional = row[len] == '?';
        const char *given = hr_options_get(tile->encode, name), *columns = given;
        known += given != NULL;
        bool may_guess = !optional || strcmp(name, "series") == 0;
        if (!columns && may_guess) columns = guess(run, schema, name, many, x);
        if (!columns && !optional)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "tile %s: a %s needs a column for %s; ENCODE (%s => column) names it",
                           tile->name, kinds[kind].name, name, name);
        if (!columns) continue;
        bool constant = kind < HR_COUNT(kinds) && strcmp(kinds[kind].name, "gauge") == 0 && c > 0;
        if (!constant) HR_TRY(check_channel(tile, schema, name, many, columns, err));
        if (c == 0) x = columns;
        hr_buf_printf(out, "%s\"%s\":", put++ ? "," : "", name);
        hr_buf_put_json(out, hr_sv(columns));
    }
    hr_buf_putc(out, '}');
    if (tile->encode && known < tile->encode->count)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "tile %s: ENCODE has a channel that a %s has not", tile->name,
                       kinds[kind].name);
    return HR_OK;
}

/* Options -------------------------------------------------------------------------------------- */

static hr_status check_names(const char *what, const char *of, const struct hr_options *given,
                             const char *const *names, struct hr_err *err)
{
    for (uint32_t i = 0; given && i < given->count; i++) {
        int n = 0;
        while (names[n] && !hr_str_eq_nocase(names[n], given->items[i].key)) n++;
        if (!names[n])
            return HR_FAIL(err, HR_E_INVALID_OPTION, "%s %s has no %.60s", of, what,
                           given->items[i].key);
    }
    return HR_OK;
}

static hr_status check_thresholds(const struct hr_stmt_tile *tile, struct hr_err *err)
{
    static const char *const names[] = {"warning", "critical", "direction", NULL};
    HR_TRY(check_names("THRESHOLD", tile->name, tile->thresholds, names, err));
    for (uint32_t i = 0; tile->thresholds && i < tile->thresholds->count; i++) {
        const struct hr_option *o = &tile->thresholds->items[i];
        double value;
        bool fine = hr_str_eq_nocase(o->key, "direction")
                        ? strcmp(o->value, "above") == 0 || strcmp(o->value, "below") == 0
                        : hr_parse_f64(hr_sv(o->value), &value);
        if (!fine)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "tile %s: THRESHOLD: warning and critical are numbers, direction is "
                           "'above' or 'below'",
                           tile->name);
    }
    return HR_OK;
}

static hr_status put_tile(struct hr_run *run, const struct hr_stmt_tile *tile, struct hr_buf *out,
                          struct hr_err *err)
{
    static const char *const names[] = {"unit", "width", "limit", NULL};
    struct hr_plan *plan = tile->plan;
    size_t kind = 0;
    while (kind < HR_COUNT(kinds) && !hr_str_eq_nocase(kinds[kind].name, tile->kind)) kind++;
    if (kind == HR_COUNT(kinds))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "tile %s: there is no kind %.40s; there are line, area, stacked, bar, "
                       "number, gauge, histogram, heatmap, table",
                       tile->name, tile->kind);
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (plan->is_streaming)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "tile %s reads a stream: make a streaming table of it first, and read that",
                       tile->name);
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(check_names("OPTIONS", tile->name, tile->options, names, err));
    HR_TRY(check_thresholds(tile, err));
    hr_buf_puts(out, "{\"name\":");
    hr_buf_put_json(out, hr_sv(tile->name));
    put_text(out, "kind", kinds[kind].name);
    put_text(out, "comment", tile->comment);
    HR_TRY(put_channels(run, tile, kind, schema, out, err));
    put_options(out, "thresholds", tile->thresholds);
    put_options(out, "options", tile->options);
    hr_buf_puts(out, ",\"query\":");
    hr_buf_put_json(out, tile->query);
    hr_buf_putc(out, '}');
    return HR_OK;
}

/* Statements ----------------------------------------------------------------------------------- */

static const char *last_part(const struct hr_stmt *stmt)
{
    return stmt->name_parts[stmt->name_part_count - 1];
}

static struct hr_dashboard *find(struct hr_session *session, const char *name, uint32_t *ret_at)
{
    for (uint32_t i = 0; i < session->dashboard_count; i++) {
        if (!hr_str_eq_nocase(session->dashboards[i]->name, name)) continue;
        if (ret_at) *ret_at = i;
        return session->dashboards[i];
    }
    return NULL;
}

/* "SELECT …", or a view's name. */
static char *query_text(struct hr_run *run, const struct hr_stmt_tile *tile)
{
    bool is_name = tile->plan && tile->plan->kind == HR_P_PROJECT && tile->query.len &&
                   strncasecmp(tile->query.ptr, "SELECT", 6) != 0 &&
                   strncasecmp(tile->query.ptr, "WITH", 4) != 0;
    const char *text = hr_arena_printf(run->arena, "%s%.*s", is_name ? "SELECT * FROM " : "",
                                       (int)tile->query.len, tile->query.ptr);
    return text ? hr_strdup(text) : NULL;
}

static hr_status fill(struct hr_run *run, struct hr_dashboard *d, struct hr_buf *json,
                      struct hr_err *err)
{
    static const char *const names[] = {"refresh", NULL};
    const struct hr_stmt *stmt = run->stmt;
    HR_TRY(check_names("OPTIONS", "a dashboard", stmt->options, names, err));
    d->name = hr_strdup(last_part(stmt));
    d->tiles = hr_zalloc((stmt->tile_count + 1) * sizeof *d->tiles);
    if (!d->name || !d->tiles) return HR_OOM(err);
    hr_buf_puts(json, "{\"name\":");
    hr_buf_put_json(json, hr_sv(d->name));
    put_text(json, "comment", stmt->comment);
    put_options(json, "options", stmt->options);
    hr_buf_puts(json, ",\"tiles\":[");
    for (uint32_t i = 0; i < stmt->tile_count; i++) {
        for (uint32_t k = 0; k < i; k++)
            if (hr_str_eq_nocase(d->tiles[k].name, stmt->tiles[i].name))
                return HR_FAIL(err, HR_E_EXISTS, "there are two tiles %.60s", stmt->tiles[i].name);
        d->tiles[i].name = hr_strdup(stmt->tiles[i].name);
        d->tiles[i].query = query_text(run, &stmt->tiles[i]);
        d->tile_count = i + 1;
        if (!d->tiles[i].name || !d->tiles[i].query) return HR_OOM(err);
        if (i) hr_buf_putc(json, ',');
        HR_TRY(put_tile(run, &stmt->tiles[i], json, err));
    }
    hr_buf_puts(json, "]}");
    d->json = json->failed ? NULL : hr_strdup(hr_buf_cstr(json));
    return d->json ? HR_OK : HR_OOM(err);
}

static hr_status put(struct hr_session *session, struct hr_dashboard *d, struct hr_err *err)
{
    uint32_t at = session->dashboard_count;
    struct hr_dashboard *old = find(session, d->name, &at), **grown = NULL;
    pthread_mutex_lock(&session->share_lock);
    if (!old) {
        grown = hr_realloc(session->dashboards, (at + 1) * sizeof *session->dashboards);
        if (grown) session->dashboards = grown;
    }
    if (old || grown) session->dashboards[at] = d;
    if (grown) session->dashboard_count++;
    pthread_mutex_unlock(&session->share_lock);
    free_dashboard(old);
    return old || grown ? HR_OK : HR_OOM(err);
}

hr_status hr_run_create_dashboard(struct hr_run *run, struct hr_err *err)
{
    struct hr_session *session = run->session;
    const struct hr_stmt *stmt = run->stmt;
    if (find(session, last_part(stmt), NULL) && !stmt->or_replace) {
        if (stmt->if_not_exists) return HR_OK;
        return HR_FAIL(err, HR_E_EXISTS, "dashboard %.100s exists; CREATE OR REPLACE DASHBOARD",
                       last_part(stmt));
    }
    struct hr_dashboard *d = hr_zalloc(sizeof *d);
    struct hr_buf json = {0};
    if (!d) return HR_OOM(err);
    hr_status status = fill(run, d, &json, err);
    hr_buf_done(&json);
    if (status == HR_OK && !session->check_only) status = put(session, d, err);
    else if (status == HR_OK) free_dashboard(d);
    if (status != HR_OK) free_dashboard(d);
    return status;
}

hr_status hr_run_drop_dashboard(struct hr_run *run, struct hr_err *err)
{
    struct hr_session *session = run->session;
    uint32_t at = 0;
    struct hr_dashboard *d = find(session, last_part(run->stmt), &at);
    if (!d && (run->stmt->if_exists || session->check_only)) return HR_OK;
    if (!d)
        return HR_FAIL(err, HR_E_NOT_FOUND, "there is no dashboard %.100s", last_part(run->stmt));
    pthread_mutex_lock(&session->share_lock);
    session->dashboard_count--;
    for (; at < session->dashboard_count; at++)
        session->dashboards[at] = session->dashboards[at + 1];
    pthread_mutex_unlock(&session->share_lock);
    free_dashboard(d);
    return HR_OK;
}

hr_status hr_run_show_dashboards(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"dashboard", "tiles"};
    struct hr_session *session = run->session;
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, names, 2, &rows, err));
    for (uint32_t i = 0; i < session->dashboard_count; i++) {
        const struct hr_dashboard *d = session->dashboards[i];
        if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, d->name)) continue;
        const char *row[] = {d->name, hr_arena_printf(run->arena, "%u", d->tile_count)};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

void hr_dashboards_done(struct hr_session *session)
{
    for (uint32_t i = 0; i < session->dashboard_count; i++) free_dashboard(session->dashboards[i]);
    hr_free(session->dashboards);
}

/* Watchers ------------------------------------------------------------------------------------- */

bool hr_session_put_dashboards(struct hr_session *session, const char *name, struct hr_buf *out)
{
    bool found = false;
    pthread_mutex_lock(&session->share_lock);
    for (uint32_t i = 0; i < session->dashboard_count; i++) {
        const struct hr_dashboard *d = session->dashboards[i];
        if (name && !hr_str_eq_nocase(d->name, name)) continue;
        if (found) hr_buf_putc(out, ',');
        hr_buf_puts(out, d->json);
        found = true;
        if (name) break;
    }
    pthread_mutex_unlock(&session->share_lock);
    return found;
}

char *hr_session_tile_query(struct hr_session *session, const char *dashboard, const char *tile)
{
    char *text = NULL;
    pthread_mutex_lock(&session->share_lock);
    for (uint32_t i = 0; i < session->dashboard_count && !text; i++) {
        const struct hr_dashboard *d = session->dashboards[i];
        if (!hr_str_eq_nocase(d->name, dashboard)) continue;
        for (uint32_t k = 0; k < d->tile_count && !text; k++)
            if (hr_str_eq_nocase(d->tiles[k].name, tile)) text = hr_strdup(d->tiles[k].query);
    }
    pthread_mutex_unlock(&session->share_lock);
    return text;
}
