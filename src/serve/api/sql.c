/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELECT and its kin over the tables of a job while it runs. A statement has a read-only session of
 * its own (session/share.c), which names no files: only what the job's catalog has. Its result is
 * kept for further pages until its place is needed or five minutes are over.
 *
 * Threads: statements run on slow threads; `lock` covers the places. A place that is BUSY belongs
 * to its thread, but for `cancelled` and its session's flag.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "serve/internal.h"

#define PLACES        16
#define PAGE_MAX      10000
#define PAGE_BYTES    (8 << 20)
#define KEPT_US       INT64_C(300000000)
#define STATEMENT_MAX (INT64_C(256) << 20)

enum place_state { FREE, BUSY, DONE };

struct place {
    enum place_state state;
    char id[37];
    struct hr_session *session;
    struct hr_serve_entry *entry;    /* while BUSY */
    const struct hr_serve_entry *of; /* whose tables; to compare with alone */
    struct hr_result result;
    int64_t started_us, ended_us, deadline_us, rows;
    bool timed_out;
};

struct hr_statements {
    pthread_mutex_t lock;
    struct place places[PLACES];
};

static void empty_place(struct place *place)
{
    if (place->session) {
        hr_result_done(&place->result);
        hr_session_free(place->session);
    }
    *place = (struct place){.state = FREE};
}

/* A free place, or the one that has been DONE for longest. */
static struct place *take_place(struct hr_statements *all)
{
    struct place *oldest = NULL;
    for (int i = 0; i < PLACES; i++) {
        struct place *p = &all->places[i];
        if (p->state == FREE) return p;
        if (p->state == DONE && (!oldest || p->ended_us < oldest->ended_us)) oldest = p;
    }
    if (oldest) empty_place(oldest);
    return oldest;
}

static struct place *find_place(struct hr_statements *all, const char *id)
{
    for (int i = 0; i < PLACES; i++)
        if (all->places[i].state != FREE && strcmp(all->places[i].id, id) == 0)
            return &all->places[i];
    return NULL;
}

/* Pages ---------------------------------------------------------------------------------------- */

/* Rows [after, after + limit), or as many of them as fit a page; how many. */
static int64_t put_rows(struct hr_buf *out, const struct place *place, int64_t after,
                        int64_t limit)
{
    struct hr_buf value = {0};
    const struct hr_conf *conf = hr_session_conf(place->session);
    size_t start = out->len;
    int64_t at = 0, put = 0;
    for (uint32_t i = 0; i < place->result.batch_count; i++) {
        const struct hr_batch *batch = place->result.batches[i];
        if (at + batch->sel_count <= after) {
            at += batch->sel_count;
            continue;
        }
        for (uint32_t k = 0; k < batch->sel_count; k++, at++) {
            if (at < after) continue;
            if (put == limit || out->len - start > PAGE_BYTES) goto full;
            if (put++) hr_buf_putc(out, ',');
            hr_batch_print_json(batch, batch->sel ? batch->sel[k] : k, conf->tz, SIZE_MAX, &value,
                                out);
        }
    }
full:
    hr_buf_done(&value);
    return put;
}

static void put_page(struct hr_buf *out, const struct place *place, int64_t after, int64_t limit)
{
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "id", place->id);
    hr_http_put_columns(out, place->result.schema);
    hr_http_put_int(out, "rowCount", place->rows);
    hr_http_put_int(out, "after", after);
    hr_http_put_int(out, "elapsedUs", place->ended_us - place->started_us);
    hr_http_put_name(out, "rows");
    hr_buf_putc(out, '[');
    int64_t next = after + put_rows(out, place, after, limit);
    hr_buf_putc(out, ']');
    hr_http_put_name(out, "next");
    if (next < place->rows)
        hr_buf_put_i64(out, next);
    else
        hr_buf_puts(out, "null");
    hr_buf_putc(out, '}');
}

/* Running -------------------------------------------------------------------------------------- */

struct order {
    const char *statement, *job, *id;
    int64_t limit, timeout_ms;
};

static hr_status read_order(struct hr_http_request *request, struct order *ret,
                            struct hr_err *err)
{
    static const char *const names[] = {"statement", "job", "id", "limit", "timeoutMs", NULL};
    HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_string(request->json, "statement", &ret->statement, err));
    HR_TRY(hr_json_string(request->json, "job", &ret->job, err));
    HR_TRY(hr_json_string(request->json, "id", &ret->id, err));
    HR_TRY(hr_json_int(request->json, "limit", 1000, 1, PAGE_MAX, &ret->limit, err));
    HR_TRY(hr_json_int(request->json, "timeoutMs", 30000, 1, 600000, &ret->timeout_ms, err));
    if (!ret->statement) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"statement\" is missing");
    if (ret->id && strlen(ret->id) > 36)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"id\" has at most 36 characters");
    return HR_OK;
}

/* The session whose tables are meant: the one that is named, or the only one. */
static hr_status find_job(struct hr_http_request *request, const char *name,
                          struct hr_serve_entry **ret, struct hr_err *err)
{
    struct hr_serve *serve = request->serve;
    struct hr_serve_entry *entry =
        name ? hr_serve_acquire_named(serve, name) : hr_serve_acquire(serve, 0);
    struct hr_serve_entry *second = name ? NULL : hr_serve_acquire(serve, 1);
    hr_serve_release(serve, second);
    if (entry && !second) {
        *ret = entry;
        return HR_OK;
    }
    hr_serve_release(serve, entry);
    if (name)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "no job '%.100s' runs", name);
    if (!entry)
        return HR_HTTP_FAIL(request, 409, err, HR_E_NOT_FOUND,
                            "no job runs whose tables could be read");
    return HR_HTTP_FAIL(request, 409, err, HR_E_INVALID_ARGUMENT,
                        "several jobs run: \"job\" says whose tables are meant");
}

static hr_status begin(struct hr_http_request *request, const struct order *order,
                       struct place **ret, struct hr_err *err)
{
    struct hr_serve *serve = request->serve;
    struct hr_statements *all = serve->statements;
    struct hr_serve_entry *entry = NULL;
    struct hr_session *session = NULL;
    HR_TRY(find_job(request, order->job, &entry, err));
    hr_status status = hr_session_new_reader(entry->session, STATEMENT_MAX, &session, err);
    struct place *place = NULL;
    pthread_mutex_lock(&all->lock);
    bool known = order->id && find_place(all, order->id);
    if (status == HR_OK && !known) place = take_place(all);
    if (place) {
        int64_t now_us = hr_now_us(serve->env);
        *place = (struct place){.state = BUSY,
                                .session = session,
                                .entry = entry,
                                .of = entry,
                                .started_us = now_us,
                                .deadline_us = now_us + order->timeout_ms * 1000};
        if (order->id)
            snprintf(place->id, sizeof place->id, "%s", order->id);
        else
            hr_env_uuid(serve->env, place->id);
    }
    pthread_mutex_unlock(&all->lock);
    *ret = place;
    if (place) return HR_OK;
    hr_session_free(session);
    hr_serve_release(serve, entry);
    if (status != HR_OK) return status;
    if (known)
        return HR_HTTP_FAIL(request, 409, err, HR_E_EXISTS, "statement %s exists", order->id);
    return HR_HTTP_FAIL(request, 429, err, HR_E_LIMIT, "%d statements run already", PLACES);
}

/* The one statement of the text; more than one are refused. */
static hr_status run_statement(struct hr_session *session, const char *text,
                               struct hr_result *ret, struct hr_err *err)
{
    size_t pos = 0, len = strlen(text);
    bool more = false;
    struct hr_str_view statement;
    HR_TRY(hr_session_next(session, text, len, &pos, &more, &statement, ret, err));
    if (!more) return HR_RAISE(err, HR_E_PARSE_EMPTY_STATEMENT);
    if (!hr_session_has_more(text, len, pos)) return HR_OK;
    hr_result_done(ret);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "one statement, please: there is a second");
}

static hr_status post_sql(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_statements *all = request->serve->statements;
    struct order order = {0};
    struct place *place = NULL;
    HR_TRY(read_order(request, &order, err));
    HR_TRY(begin(request, &order, &place, err));
    hr_status status = run_statement(place->session, order.statement, &place->result, err);
    for (uint32_t i = 0; status == HR_OK && i < place->result.batch_count; i++)
        place->rows += place->result.batches[i]->sel_count;
    place->ended_us = hr_now_us(request->serve->env);
    if (status == HR_OK) put_page(&request->out, place, 0, order.limit);
    if (place->timed_out && status == HR_E_CANCELLED)
        status = HR_HTTP_FAIL(request, 408, err, HR_E_CANCELLED,
                              "the statement took longer than %" PRId64 " ms", order.timeout_ms);
    struct hr_serve_entry *entry = place->entry;
    pthread_mutex_lock(&all->lock);
    place->entry = NULL;
    if (status == HR_OK) {
        place->state = DONE;
    } else {
        hr_session_free(place->session);
        *place = (struct place){.state = FREE};
    }
    pthread_mutex_unlock(&all->lock);
    hr_serve_release(request->serve, entry);
    return status;
}

static hr_status get_page(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_statements *all = request->serve->statements;
    int64_t after, limit;
    HR_TRY(hr_http_query_int(request, "after", 0, 0, INT64_MAX, &after, err));
    HR_TRY(hr_http_query_int(request, "limit", 1000, 1, PAGE_MAX, &limit, err));
    pthread_mutex_lock(&all->lock); /* held while it prints: other statements wait, no query does */
    struct place *place = find_place(all, request->params[0]);
    bool done = place && place->state == DONE;
    if (done) put_page(&request->out, place, after, limit);
    pthread_mutex_unlock(&all->lock);
    if (done) return HR_OK;
    if (place)
        return HR_HTTP_FAIL(request, 409, err, HR_E_INVALID_ARGUMENT, "it still runs");
    return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no result '%.40s' any more",
                        request->params[0]);
}

static hr_status delete_statement(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_statements *all = request->serve->statements;
    pthread_mutex_lock(&all->lock);
    struct place *place = find_place(all, request->params[0]);
    if (place && place->state == BUSY)
        hr_session_cancel(place->session);
    else if (place)
        empty_place(place);
    pthread_mutex_unlock(&all->lock);
    if (!place)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no statement '%.40s'",
                            request->params[0]);
    hr_buf_puts(&request->out, "{}");
    return HR_OK;
}

/* Tables --------------------------------------------------------------------------------------- */

static hr_status get_tables(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    struct hr_serve_entry *entry;
    HR_UNUSED(err);
    hr_buf_puts(out, "{\"items\":[");
    for (uint32_t i = 0; (entry = hr_serve_acquire(request->serve, i)) != NULL; i++) {
        hr_buf_puts(out, i ? ",{" : "{");
        hr_http_put_string(out, "job", entry->name);
        hr_http_put_name(out, "tables");
        hr_session_put_tables(entry->session, out);
        hr_buf_putc(out, '}');
        hr_serve_release(request->serve, entry);
    }
    hr_buf_puts(out, "]}");
    return HR_OK;
}

/* Life ----------------------------------------------------------------------------------------- */

static hr_status start(struct hr_serve *serve, struct hr_err *err)
{
    serve->statements = hr_zalloc(sizeof *serve->statements);
    if (!serve->statements || pthread_mutex_init(&serve->statements->lock, NULL))
        return HR_OOM(err);
    return HR_OK;
}

/* Statements that took too long are cancelled, old results dropped. */
static void tick(struct hr_serve *serve, int64_t now_s)
{
    struct hr_statements *all = serve->statements;
    int64_t now_us = now_s * 1000000;
    pthread_mutex_lock(&all->lock);
    for (int i = 0; i < PLACES; i++) {
        struct place *p = &all->places[i];
        if (p->state == BUSY && now_us > p->deadline_us) {
            p->timed_out = true;
            hr_session_cancel(p->session);
        }
        if (p->state == DONE && now_us > p->ended_us + KEPT_US) empty_place(p);
    }
    pthread_mutex_unlock(&all->lock);
}

void hr_serve_cancel_statements(struct hr_serve *serve, const struct hr_serve_entry *entry)
{
    struct hr_statements *all = serve->statements;
    if (!all) return;
    pthread_mutex_lock(&all->lock);
    for (int i = 0; i < PLACES; i++) {
        struct place *p = &all->places[i];
        if (entry && p->of != entry) continue;
        if (p->state == BUSY) hr_session_cancel(p->session);
        if (p->state == DONE) empty_place(p);
    }
    pthread_mutex_unlock(&all->lock);
}

static void stop(struct hr_serve *serve)
{
    if (!serve->statements) return;
    for (int i = 0; i < PLACES; i++) empty_place(&serve->statements->places[i]);
    pthread_mutex_destroy(&serve->statements->lock);
    hr_free(serve->statements);
    serve->statements = NULL;
}

static const struct hr_http_route routes[] = {
    {"POST", "/api/v1/sql", HR_HTTP_READ, HR_HTTP_SLOW, post_sql,
     "run a SELECT, SHOW, DESCRIBE or EXPLAIN over the tables of a job; the first page of its rows",
     NULL,
     "statement=the SQL;job=whose tables (where there is one job it need not be said);id=a name "
     "for DELETE and further pages, else one is made;limit=rows of a page, at most 10000 (1000);"
     "timeoutMs=at most 600000 (30000)"},
    {"GET", "/api/v1/sql/{id}", HR_HTTP_READ, HR_HTTP_SLOW, get_page, "a further page of a result",
     "after=rows before it;limit=rows of a page", NULL},
    {"DELETE", "/api/v1/sql/{id}", HR_HTTP_READ, 0, delete_statement,
     "cancel a statement that runs, or forget its result", NULL, NULL},
    {"GET", "/api/v1/tables", HR_HTTP_READ, 0, get_tables, "tables and views of each job", NULL,
     NULL},
};

const struct hr_serve_module hr_serve_sql = {
    .name = "sql",
    .routes = routes,
    .route_count = HR_COUNT(routes),
    .start = start,
    .tick = tick,
    .stop = stop,
};
