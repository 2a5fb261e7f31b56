/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session: catalog, settings, and the running of statements. Every interface (command line, C API,
 * Spark Connect, HTTP) talks to this. One thread at a time uses a session; the streaming queries
 * that it starts run on threads of their own.
 */
#ifndef HR_SESSION_SESSION_H
#define HR_SESSION_SESSION_H

#include "plan/catalog.h"

struct hr_scheduler;
struct hr_session;
struct hr_stmt;
struct hr_query; /* stream/query.h */
struct hr_query_listener;

struct hr_session_options {
    struct hr_env *env;          /* NULL: the machine */
    uint32_t threads;            /* 0: one a core */
    int64_t memory_bytes;        /* of the process: headrace.memory; 0: as it is */
    struct hr_scheduler *scheduler; /* that its queries run on, borrowed; NULL: one of its own */
    const char *checkpoint_root; /* streaming tables without checkpointLocation get a folder here */
    const struct hr_query_listener *listener; /* of every query, from its first epoch; or NULL */
    bool available_now, once;    /* overrides the triggers of streaming tables */
    bool check_only; /* statements are analysed and planned; tables become known, nothing runs */
    /* Sees, and may change, each statement before it runs (tests of pipelines put other sources
     * and sinks in); what it adds lies in the arena. Or NULL. */
    hr_status (*before)(void *arg, struct hr_stmt *stmt, struct hr_arena *arena,
                        struct hr_err *err);
    void *before_arg;
};

hr_status hr_session_new(const struct hr_session_options *options, struct hr_session **ret,
                         struct hr_err *err) HR_CHECKED;
/* Stops its queries first. */
void hr_session_free(struct hr_session *session);

/* "spark.sql.shuffle.partitions", "headrace.batchSize" … (settings.def). */
hr_status hr_session_set(struct hr_session *session, const char *key, const char *value,
                         struct hr_err *err) HR_CHECKED;
const char *hr_session_get(struct hr_session *session, const char *key);
const struct hr_conf *hr_session_conf(struct hr_session *session);

/* A statement's result: a table of batches. Commands give their result rows (SHOW TABLES …) or
 * none. */
struct hr_result {
    struct hr_arena arena;
    const struct hr_type *schema;
    struct hr_batch **batches;
    uint32_t batch_count;
    struct hr_query *query; /* CREATE STREAMING TABLE …: the started query, owned by the session */
};
void hr_result_done(struct hr_result *result);

/* Splits text at ';', parses and runs the first statement from *pos, moves *pos behind it.
 * *ret_text is the statement as written. HR_E_NOT_FOUND-free: at the end of text *ret_more is false
 * and nothing ran. On an error *pos is behind the failed statement, so that a caller may go on. */
hr_status hr_session_next(struct hr_session *session, const char *text, size_t text_len,
                          size_t *pos, bool *ret_more, struct hr_str_view *ret_text,
                          struct hr_result *ret_result, struct hr_err *err) HR_CHECKED;
/* While held, streaming queries wait before their first epoch until the next statement that does
 * more than declare something, or until they are held no more: those of one script that read the
 * same table then read it together from the first row on (operator/input.h). */
void hr_session_hold(struct hr_session *session, bool hold);
/* All statements of text, one after the other; wrong hears of each that fails and says whether to
 * go on. How many there were. For sessions with check_only. */
uint32_t hr_session_check(struct hr_session *session, const char *text, size_t text_len,
                          bool (*wrong)(void *arg, struct hr_str_view statement,
                                        const struct hr_err *err),
                          void *arg);
/* Is there another statement behind pos? */
bool hr_session_has_more(const char *text, size_t text_len, size_t pos);
/* The key and value of a SET statement, in the arena; any other is HR_E_INVALID_ARGUMENT. */
hr_status hr_session_parse_set(struct hr_arena *arena, struct hr_str_view text,
                               const char **ret_key, const char **ret_value,
                               struct hr_err *err) HR_CHECKED;
/* One statement. */
hr_status hr_session_sql(struct hr_session *session, struct hr_str_view text, struct hr_result *ret,
                         struct hr_err *err) HR_CHECKED;

/* A temporary view over rows that the program has: source reads them, with user given to its open.
 * user is released by user_free once neither the catalog nor a query needs it, on failure too. */
struct hr_view_spec {
    const char *name;
    const struct hr_type *schema; /* of the view */
    const struct hr_source_vt *source;
    void *user;
    void (*user_free)(void *user);
    bool replace; /* false: a view of that name is an error */
};
hr_status hr_session_put_view(struct hr_session *session, const struct hr_view_spec *spec,
                              struct hr_err *err) HR_CHECKED;

/*
 * For watchers (share.c): a session of its own over the tables, views, models and settings that
 * `of` has at the call, with so much memory at most. It reads only: SELECT, SHOW, DESCRIBE, EXPLAIN
 * and SET are run, others refused; the memory sink's tables are read as they grow. @thread any,
 * while `of` is not freed.
 */
hr_status hr_session_new_reader(struct hr_session *of, int64_t memory_bytes,
                                struct hr_session **ret, struct hr_err *err) HR_CHECKED;
/* The settings as a JSON object, secrets left out. @thread any */
void hr_session_put_settings(struct hr_session *session, struct hr_buf *out);
/* Tables and views: [{"name", "kind": "table|view", "provider", "columns": [{"name", "type"}]}].
 * @thread any */
void hr_session_put_tables(struct hr_session *session, struct hr_buf *out);

/* Dashboards as JSON objects with commas between them, or the one of that name; false: there is
 * none. @thread any */
bool hr_session_put_dashboards(struct hr_session *session, const char *name, struct hr_buf *out);
/* The SELECT of a tile, hr_alloc'ed; NULL: there is no such tile. @thread any */
char *hr_session_tile_query(struct hr_session *session, const char *dashboard, const char *tile);

/* Ends the running batch statement with HR_E_CANCELLED; its operators see it at their next batch.
 * Without a running statement nothing happens: the next one begins afresh. Streaming queries go on
 * (hr_query_stop). @thread any, and signal handlers: one atomic store. */
void hr_session_cancel(struct hr_session *session);

/* Running queries, in order of start. */
uint32_t hr_session_query_count(struct hr_session *session);
struct hr_query *hr_session_query(struct hr_session *session, uint32_t index);
/* The same for any thread: stream/registry.h. */
struct hr_query_registry;
struct hr_query_registry *hr_session_registry(struct hr_session *session);

#endif
