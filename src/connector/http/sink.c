/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web hook: USING http OPTIONS (url). A request a row (its JSON object), or rowsPerRequest rows
 * as JSON lines. The key of a request (Idempotency-Key) is made of query, epoch and body, so it is
 * the same when an epoch is written again: a receiver that keeps keys gets every row once.
 *
 * What is worth another try is tried with growing pauses until giveUpAfter; what the receiver
 * refuses for good (a status of 4xx) is a dead letter, or stops the query.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/plant.h"
#include "connector/collect.h"
#include "connector/connector.h"
#include "connector/http/http.h"
#include "format/format.h"
#include "operator/dead_letters.h"

#define PAUSE_US INT64_C(50000)

struct http_options {
    const char *url, *url_env, *token_env;
    int64_t rows, per_second, timeout_us, first_us, longest_us, give_up_us;
};

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct http_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(url, HR_OPT_STRING, "url", NULL, 0, 0, "where to: http:// or https://, no redirects"),
    OPT(url_env, HR_OPT_STRING, "urlEnv", NULL, 0, 0,
        "an environment variable with the address, where that is a secret"),
    OPT(token_env, HR_OPT_STRING, "tokenEnv", NULL, 0, 0,
        "an environment variable with a bearer token"),
    OPT(rows, HR_OPT_INT, "rowsPerRequest", "1", 1, 100000,
        "1: a request is a row as a JSON object; else so many rows as JSON lines"),
    OPT(per_second, HR_OPT_INT, "maxRequestsPerSecond", "0", 0, 1000000, "0: no limit"),
    OPT(timeout_us, HR_OPT_DURATION, "timeout", "10 seconds", 1000, INT64_C(600000000),
        "of a request"),
    OPT(first_us, HR_OPT_DURATION, "retryFirst", "500 milliseconds", 1000, INT64_C(600000000),
        "the pause before the second try; it doubles with each"),
    OPT(longest_us, HR_OPT_DURATION, "retryMax", "10 seconds", 1000, INT64_C(3600000000),
        "the longest pause"),
    OPT(give_up_us, HR_OPT_DURATION, "giveUpAfter", "1 minute", 0, INT64_C(86400000000),
        "tries of one request end then, and the epoch fails"),
};

/* How often a body was sent in this epoch, by its hash: open addressing. */
struct counts {
    uint64_t *hashes;
    uint32_t *times;
    uint32_t used, capacity;
};

struct http_sink {
    struct hr_sink base;
    struct hr_arena arena;
    struct hr_env *env;
    struct hr_conf conf;
    struct http_options options;
    struct hr_options format_options;
    const char *url, *query_id, *token; /* token: the header's line */
    const struct hr_type *schema;
    const struct hr_format_vt *format;
    struct hr_http_client *client;
    struct hr_collect collect;
    struct counts counts;
    struct hr_buf body; /* rows of the next request, … */
    int64_t body_rows;  /* … so many */
    bool (*is_stopping)(void *arg);
    void *stopping_arg;
    int64_t next_ns; /* when the limit lets the next request go */
};

static struct http_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct http_sink, base);
}

static void http_close(struct hr_sink *sink)
{
    struct http_sink *s = self(sink);
    hr_http_client_free(s->client);
    hr_collect_done(&s->collect);
    hr_free(s->counts.hashes);
    hr_free(s->counts.times);
    hr_buf_done(&s->body);
    hr_arena_done(&s->arena);
    hr_free(s);
}

static hr_status find_address(struct http_sink *s, struct hr_err *err)
{
    const struct http_options *o = &s->options;
    if (!o->url == !o->url_env)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option url: it, or urlEnv, must be given");
    s->url = o->url ? o->url : getenv(o->url_env);
    if (!s->url)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option urlEnv: no variable %s is set",
                       o->url_env);
    const char *token = o->token_env ? getenv(o->token_env) : NULL;
    if (o->token_env && !token)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option tokenEnv: no variable %s is set",
                       o->token_env);
    if (token && strpbrk(token, "\r\n"))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option tokenEnv: more than a line");
    s->token = token ? hr_arena_printf(&s->arena, "Authorization: Bearer %s", token) : NULL;
    if (token && !s->token) return HR_OOM(err);
    return hr_http_check_url(o->url ? "url" : "urlEnv", s->url, err);
}

static hr_status setup(struct http_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    struct hr_options *copy = HR_NEW(&s->arena, struct hr_options);
    if (!copy) return HR_OOM(err);
    hr_options_init(copy, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(copy, args->options->items[i].key, args->options->items[i].value,
                              err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), copy, &s->options, err));
    HR_TRY(find_address(s, err));
    hr_options_init(&s->format_options, &s->arena);
    if (args->conf) s->conf = *args->conf;
    s->schema = args->schema;
    s->query_id = hr_arena_strdup(&s->arena, args->query_id ? args->query_id : "");
    if (!s->query_id) return HR_OOM(err);
    HR_TRY(hr_format_choose("json", HR_FORMAT_RECORDS_OUT, &s->format, err));
    return hr_http_client_new(&s->client, err);
}

extern const struct hr_sink_vt hr_sink_http;

static hr_status http_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    struct http_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    hr_collect_init(&s->collect);
    s->base.vt = &hr_sink_http;
    s->base.guarantee = HR_AT_LEAST_ONCE;
    s->env = args->env;
    s->is_stopping = args->is_stopping;
    s->stopping_arg = args->stopping_arg;
    hr_status status = setup(s, args, err);
    if (status) {
        http_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

static hr_status http_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                            struct hr_err *err)
{
    struct http_sink *s = self(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(err);
    hr_collect_clear(&s->collect);
    s->counts.used = 0;
    hr_buf_clear(&s->body);
    s->body_rows = 0;
    if (s->counts.capacity) memset(s->counts.times, 0, sizeof(uint32_t) * s->counts.capacity);
    *ret_committed = false;
    return HR_OK;
}

static hr_status http_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                             uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    return hr_collect_writer(&self(sink)->collect, partition, ret, err);
}

/* --- Keys ------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct counts *c, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (c->capacity - 1);
    while (c->times[i] && c->hashes[i] != hash) i = (i + 1) & (c->capacity - 1);
    return i;
}

static bool grow(struct counts *c)
{
    struct counts old = *c;
    c->capacity = old.capacity ? old.capacity * 2 : 64;
    c->hashes = hr_alloc(sizeof *c->hashes * c->capacity);
    c->times = hr_zalloc(sizeof *c->times * c->capacity);
    for (uint32_t i = 0; c->hashes && c->times && i < old.capacity; i++) {
        if (!old.times[i]) continue;
        uint32_t at = slot_of(c, old.hashes[i]);
        c->hashes[at] = old.hashes[i];
        c->times[at] = old.times[i];
    }
    hr_free(old.hashes);
    hr_free(old.times);
    return c->hashes && c->times;
}

/* The same body may be sent several times in an epoch: which time is this? */
static bool count(struct counts *c, uint64_t hash, uint32_t *ret)
{
    if ((c->used + 1) * 2 > c->capacity && !grow(c)) return false;
    uint32_t at = slot_of(c, hash);
    c->used += c->times[at] == 0;
    c->hashes[at] = hash;
    *ret = c->times[at]++;
    return true;
}

/* --- Requests --------------------------------------------------------------------------------- */

static void keep_rate(struct http_sink *s)
{
    if (!s->options.per_second) return;
    int64_t now_ns = hr_mono_ns(s->env), step = INT64_C(1000000000) / s->options.per_second;
    if (s->next_ns > now_ns) s->env->vt->sleep_us(s->env, (s->next_ns - now_ns) / 1000 + 1);
    s->next_ns = HR_MAX(s->next_ns, now_ns) + step;
}

static hr_status refused(struct http_sink *s, struct hr_str_view body, const char *why,
                         struct hr_err *err)
{
    if (HR_PLANTED(HTTP_REFUSED)) return HR_OK;
    if (!s->base.dead) return HR_RAISE(err, HR_E_SINK_ROW, "what", "the web hook", "why", why);
    while (body.len && body.ptr[body.len - 1] == '\n') body.len--;
    return hr_bad_row(&s->base.dead->rows, body, -1, why, err);
}

/* Between two tries; ends early when the query is to end. */
static hr_status pause(struct http_sink *s, int64_t wait_us, struct hr_err *err)
{
    for (; wait_us > 0; wait_us -= PAUSE_US) {
        if (s->is_stopping && s->is_stopping(s->stopping_arg)) return HR_RAISE(err, HR_E_CANCELLED);
        s->env->vt->sleep_us(s->env, HR_MIN(wait_us, PAUSE_US));
    }
    return HR_OK;
}

/* One request, until it is done, refused, or given up. */
static hr_status send(struct http_sink *s, int64_t epoch, struct hr_str_view body,
                      struct hr_err *err)
{
    char key[128], kind[64], why[256];
    uint64_t hash = hr_hash_bytes(body.ptr, body.len);
    if (HR_PLANTED(HTTP_KEY)) hash += (uint64_t)hr_now_us(s->env);
    uint32_t time = 0;
    if (!count(&s->counts, hash, &time)) return HR_OOM(err);
    snprintf(key, sizeof key, "Idempotency-Key: %.36s-%" PRId64 "-%016" PRIx64 "-%u", s->query_id,
             epoch, hash, time);
    snprintf(kind, sizeof kind, "Content-Type: application/%s",
             s->options.rows == 1 ? "json" : "x-ndjson");
    const char *headers[3] = {key, kind, s->token};
    struct hr_http_post post = {.url = s->url, .body = body, .headers = headers,
                                .header_count = s->token ? 3 : 2,
                                .connect_us = s->options.timeout_us,
                                .timeout_us = s->options.timeout_us};
    int64_t pause_us = s->options.first_us, start_ns = hr_mono_ns(s->env);
    for (;;) {
        int64_t asked_us = 0;
        keep_rate(s);
        enum hr_http_outcome outcome = hr_http_post(s->client, &post, &asked_us, why, sizeof why);
        if (outcome == HR_HTTP_DONE || HR_PLANTED(HTTP_ONCE)) return HR_OK;
        if (outcome == HR_HTTP_REFUSED) return refused(s, body, why, err);
        int64_t wait_us = HR_MAX(pause_us, asked_us);
        int64_t spent_us = (hr_mono_ns(s->env) - start_ns) / 1000;
        if (spent_us + wait_us > s->options.give_up_us)
            return HR_RAISE(err, HR_E_UNAVAILABLE, "what",
                            HR_PLANTED(HTTP_LEAK) ? s->url : "the web hook", "why", why);
        HR_TRY(pause(s, wait_us, err));
        pause_us = HR_MIN(pause_us * 2, s->options.longest_us);
    }
}

/* The rows of the body, if there are any. */
static hr_status send_body(struct http_sink *s, int64_t epoch, struct hr_err *err)
{
    if (!s->body_rows) return HR_OK;
    HR_TRY(hr_buf_status(&s->body, err));
    size_t cut = s->options.rows == 1 && s->body.ptr[s->body.len - 1] == '\n';
    HR_TRY(send(s, epoch, hr_svn(s->body.ptr, s->body.len - cut), err));
    hr_buf_clear(&s->body);
    s->body_rows = 0;
    return HR_OK;
}

/* Requests are cut by rows alone, wherever batches end: so they are the same when written again. */
static hr_status send_batch(struct http_sink *s, int64_t epoch, struct hr_encoder *encoder,
                            const struct hr_batch *batch, struct hr_buf *text, uint64_t *ends,
                            struct hr_err *err)
{
    hr_buf_clear(text);
    HR_TRY(s->format->encode(encoder, batch, text, ends, err));
    uint64_t from = 0;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        hr_buf_append(&s->body, text->ptr + from, (size_t)(ends[i] - from));
        from = ends[i];
        if (++s->body_rows >= s->options.rows) HR_TRY(send_body(s, epoch, err));
    }
    return HR_OK;
}

static hr_status send_all(struct http_sink *s, int64_t epoch, struct hr_encoder *encoder,
                          struct hr_err *err)
{
    struct hr_batch **batches = NULL;
    struct hr_buf text = {0};
    uint32_t batch_count = 0;
    hr_status status = hr_collect_take(&s->collect, &batches, &batch_count, err);
    for (uint32_t i = 0; i < batch_count; i++) {
        uint64_t *ends = status ? NULL : hr_alloc(sizeof *ends * (batches[i]->sel_count + 1));
        if (!status && !ends) status = HR_OOM(err);
        if (!status) status = send_batch(s, epoch, encoder, batches[i], &text, ends, err);
        hr_free(ends);
        hr_batch_unref(batches[i]);
    }
    if (!status) status = send_body(s, epoch, err);
    hr_free(batches);
    hr_buf_done(&text);
    hr_collect_clear(&s->collect);
    return status;
}

static hr_status http_prepare(struct hr_sink *sink, int64_t epoch,
                              const struct hr_str_view *messages, uint32_t message_count,
                              struct hr_err *err)
{
    struct http_sink *s = self(sink);
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    struct hr_format_args args = {
        .conf = &s->conf, .options = &s->format_options, .schema = s->schema};
    struct hr_encoder *encoder = NULL;
    HR_TRY(s->format->encoder_open(&args, &encoder, err));
    hr_status status = send_all(s, epoch, encoder, err);
    s->format->encoder_close(encoder);
    return status;
}

static hr_status http_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    HR_UNUSED(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_UNUSED(err);
    return HR_OK; /* all is sent */
}

static enum hr_guarantee http_explain(const struct hr_options *options, struct hr_buf *out)
{
    HR_UNUSED(options);
    hr_buf_puts(out, ", with the same Idempotency-Key");
    return HR_AT_LEAST_ONCE;
}

/* The place, without what may be secret behind the host. */
static hr_status http_identity(const struct hr_options *options, struct hr_buf *out,
                               struct hr_err *err)
{
    const char *url = hr_options_get(options, "url");
    const char *host = url ? strstr(url, "//") : NULL;
    size_t len = host ? strcspn(host += 2, "/?#") : 0;
    const char *at = len ? memrchr(host, '@', len) : NULL;
    if (at) len -= (size_t)(at + 1 - host), host = at + 1;
    if (len) hr_buf_append(out, host, len);
    return hr_buf_status(out, err);
}

const struct hr_sink_vt hr_sink_http = {
    .name = "http",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_AT_LEAST_ONCE,
    .explain = http_explain,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .refuses_rows = true,
    .open = http_open,
    .close = http_close,
    .begin_epoch = http_begin,
    .open_writer = http_writer,
    .prepare_epoch = http_prepare,
    .commit_epoch = http_commit,
    .identity = http_identity,
};
