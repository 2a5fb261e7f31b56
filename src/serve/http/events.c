/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-Sent Events. An event is made once and shared by all clients: the last 1 MiB (at most 60 s
 * and 4 096 events) are kept, and a client is a place in them. One that falls out of what is kept
 * gets "resync" and fetches anew; so a slow client costs nothing and holds up nobody.
 *
 * ids are BOOT-NUMBER: Last-Event-ID of this server goes on behind that event, where it is kept.
 *
 * Threads: `lock` covers all. The reader runs on the server's thread, publishers are any. A client
 * that has read all is suspended, and resumed by the next publisher.
 */
#include <inttypes.h>
#include "late_microhttpd.h"
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "serve/internal.h"

#define EVENTS_MAX  4096
#define BYTES_MAX   (1 << 20)
#define KEPT_US     INT64_C(60000000)
#define CLIENTS_MAX 256
#define TOPICS_MAX  16

struct event {
    uint32_t refs;
    uint64_t seq;
    int64_t time_us;
    char topic[96]; /* "": for all */
    size_t len;
    char text[];
};

struct client {
    struct hr_serve_events *events;
    struct MHD_Connection *connection;
    char topics[TOPICS_MAX][96];
    uint32_t topic_count; /* 0: all but those with a colon */
    uint64_t next_seq;
    struct event *current; /* being sent */
    size_t sent;
    bool suspended;
    struct client *next, **link;
};

struct hr_serve_events {
    pthread_mutex_t lock;
    struct event *ring[EVENTS_MAX]; /* seq % EVENTS_MAX */
    uint64_t first_seq, next_seq;   /* [first, next) are kept */
    size_t bytes;
    struct client *clients;
    uint32_t client_count;
    bool closing;
};

hr_status hr_serve_events_new(struct hr_serve *serve, struct hr_err *err)
{
    struct hr_serve_events *events = hr_zalloc(sizeof *events);
    if (!events || pthread_mutex_init(&events->lock, NULL)) return HR_OOM(err);
    events->first_seq = events->next_seq = 1;
    serve->events = events;
    return HR_OK;
}

static void event_unref(struct event *event)
{
    if (event && --event->refs == 0) hr_free(event);
}

static void drop_oldest(struct hr_serve_events *events)
{
    struct event **slot = &events->ring[events->first_seq++ % EVENTS_MAX];
    events->bytes -= (*slot)->len;
    event_unref(*slot);
    *slot = NULL;
}

void hr_serve_events_free(struct hr_serve *serve)
{
    struct hr_serve_events *events = serve->events;
    if (!events) return;
    while (events->first_seq < events->next_seq) drop_oldest(events);
    pthread_mutex_destroy(&events->lock);
    hr_free(events);
    serve->events = NULL;
}

/* Publishing ----------------------------------------------------------------------------------- */

static bool wants(const struct client *client, const char *topic)
{
    if (!*topic) return true;
    if (client->topic_count == 0) return !strchr(topic, ':');
    for (uint32_t i = 0; i < client->topic_count; i++)
        if (strcmp(client->topics[i], topic) == 0) return true;
    return false;
}

static struct event *event_new(const char *topic, const char *text, size_t len)
{
    struct event *event = hr_zalloc(sizeof *event + len);
    if (!event) return NULL;
    event->refs = 1;
    snprintf(event->topic, sizeof event->topic, "%s", topic);
    memcpy(event->text, text, len);
    event->len = len;
    return event;
}

static void resume(struct client *client)
{
    if (!client->suspended) return;
    client->suspended = false;
    MHD_resume_connection(client->connection);
}

static void keep(struct hr_serve *serve, struct event *event)
{
    struct hr_serve_events *events = serve->events;
    event->time_us = hr_now_us(serve->env);
    while (events->first_seq < events->next_seq &&
           (events->next_seq - events->first_seq >= EVENTS_MAX ||
            events->bytes + event->len > BYTES_MAX ||
            event->time_us - events->ring[events->first_seq % EVENTS_MAX]->time_us > KEPT_US))
        drop_oldest(events);
    events->bytes += event->len;
    events->ring[events->next_seq % EVENTS_MAX] = event;
    event->seq = events->next_seq++;
}

void hr_serve_publish(struct hr_serve *serve, const char *topic, const char *name,
                      struct hr_str_view json)
{
    struct hr_serve_events *events = serve->events;
    struct hr_buf text = {0};
    pthread_mutex_lock(&events->lock);
    if (name)
        hr_buf_printf(&text, "id: %s-%" PRIu64 "\nevent: %s\ndata: ", serve->boot,
                      events->next_seq, name);
    else
        hr_buf_puts(&text, ": ");
    hr_buf_put_sv(&text, json);
    hr_buf_puts(&text, "\n\n");
    struct event *event = text.failed || text.len > BYTES_MAX
                              ? NULL
                              : event_new(topic, text.ptr, text.len);
    if (event && !events->closing) {
        keep(serve, event);
        for (struct client *c = events->clients; c; c = c->next)
            if (wants(c, event->topic)) resume(c);
    } else {
        hr_free(event);
    }
    pthread_mutex_unlock(&events->lock);
    hr_buf_done(&text);
}

bool hr_serve_is_wanted(struct hr_serve *serve, const char *topic)
{
    bool wanted = false;
    pthread_mutex_lock(&serve->events->lock);
    for (struct client *c = serve->events->clients; c && !wanted; c = c->next)
        wanted = wants(c, topic);
    pthread_mutex_unlock(&serve->events->lock);
    return wanted;
}

void hr_serve_events_wake_all(struct hr_serve *serve)
{
    pthread_mutex_lock(&serve->events->lock);
    serve->events->closing = true;
    for (struct client *c = serve->events->clients; c; c = c->next) resume(c);
    pthread_mutex_unlock(&serve->events->lock);
}

uint32_t hr_serve_events_clients(struct hr_serve *serve)
{
    pthread_mutex_lock(&serve->events->lock);
    uint32_t count = serve->events->client_count;
    pthread_mutex_unlock(&serve->events->lock);
    return count;
}

/* A client ------------------------------------------------------------------------------------- */

/* The next event for the client, referenced, or NULL. */
static struct event *next_event(struct client *client)
{
    struct hr_serve_events *events = client->events;
    static const char resync[] = "event: resync\ndata: {}\n\n";
    if (client->next_seq < events->first_seq) {
        client->next_seq = events->next_seq;
        return event_new("", resync, sizeof resync - 1);
    }
    while (client->next_seq < events->next_seq) {
        struct event *event = events->ring[client->next_seq++ % EVENTS_MAX];
        if (!wants(client, event->topic)) continue;
        event->refs++;
        return event;
    }
    return NULL;
}

static ssize_t read_events(void *arg, uint64_t pos, char *out, size_t max)
{
    struct client *client = arg;
    struct hr_serve_events *events = client->events;
    size_t filled = 0;
    HR_UNUSED(pos);
    pthread_mutex_lock(&events->lock);
    bool closing = events->closing;
    while (filled < max && !closing) {
        if (!client->current) {
            client->current = next_event(client);
            client->sent = 0;
        }
        if (!client->current) break;
        size_t n = HR_MIN(max - filled, client->current->len - client->sent);
        memcpy(out + filled, client->current->text + client->sent, n);
        filled += n;
        client->sent += n;
        if (client->sent < client->current->len) break;
        event_unref(client->current);
        client->current = NULL;
    }
    if (filled == 0 && !closing) {
        client->suspended = true;
        MHD_suspend_connection(client->connection);
    }
    pthread_mutex_unlock(&events->lock);
    return filled == 0 && closing ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)filled;
}

static void client_free(void *arg)
{
    struct client *client = arg;
    struct hr_serve_events *events = client->events;
    pthread_mutex_lock(&events->lock);
    *client->link = client->next;
    if (client->next) client->next->link = client->link;
    events->client_count--;
    event_unref(client->current);
    pthread_mutex_unlock(&events->lock);
    hr_free(client);
}

static hr_status read_topics(const struct hr_http_request *request, struct client *client,
                             struct hr_err *err)
{
    const char *text = hr_http_query(request, "topics");
    while (text && *text) {
        size_t len = strcspn(text, ",");
        if (len >= sizeof client->topics[0] || client->topic_count == TOPICS_MAX)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "topics: at most %d names of up to 95 characters", TOPICS_MAX);
        if (len) memcpy(client->topics[client->topic_count++], text, len);
        text += len + (text[len] == ',');
    }
    return HR_OK;
}

/* Where to go on: behind the event that the client saw last, if it was of this server. */
static uint64_t resume_at(const struct hr_http_request *request, uint64_t newest)
{
    const char *id = hr_http_header(request, "Last-Event-ID");
    if (!id) id = hr_http_query(request, "lastEventId");
    const char *boot = request->serve->boot;
    uint64_t seq = 0;
    if (!id) return newest;
    if (strncmp(id, boot, strlen(boot)) != 0 || id[strlen(boot)] != '-' ||
        !hr_parse_u64(hr_sv(id + strlen(boot) + 1), &seq) || seq >= newest)
        return 0; /* of another server: fetch anew */
    return seq + 1;
}

hr_status hr_serve_events_handle(struct hr_http_request *request, struct hr_err *err)
{
    struct client *client = HR_NEW(&request->arena, struct client);
    if (!client) return HR_OOM(err);
    HR_TRY(read_topics(request, client, err));
    if (hr_serve_events_clients(request->serve) >= CLIENTS_MAX) {
        hr_http_add_header(request, "Retry-After", "5");
        return HR_HTTP_FAIL(request, 503, err, HR_E_LIMIT, "%d pages listen already", CLIENTS_MAX);
    }
    return HR_OK;
}

static struct event *hello(struct hr_serve *serve)
{
    char text[400];
    int len = snprintf(text, sizeof text,
                       "retry: 1000\nevent: hello\ndata: {\"boot\":\"%s\",\"now\":%" PRId64
                       ",\"started\":%" PRId64 "}\n\n",
                       serve->boot, hr_now_us(serve->env) / 1000, serve->started_us / 1000);
    return event_new("", text, (size_t)len);
}

int hr_serve_events_answer(struct hr_http_request *request)
{
    struct hr_serve_events *events = request->serve->events;
    struct client *client = hr_zalloc(sizeof *client);
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (!client || read_topics(request, client, &ignored) != HR_OK) {
        hr_free(client);
        return MHD_NO;
    }
    client->events = events;
    client->connection = request->connection;
    client->current = hello(request->serve);
    pthread_mutex_lock(&events->lock);
    client->next_seq = resume_at(request, events->next_seq);
    client->next = events->clients;
    client->link = &events->clients;
    if (client->next) client->next->link = &client->next;
    events->clients = client;
    events->client_count++;
    pthread_mutex_unlock(&events->lock);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 16384, read_events, client, client_free);
    if (!response) {
        client_free(client);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    atomic_fetch_add(&request->serve->answers[2], 1);
    int result = MHD_queue_response(request->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}
