/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from a TCP connection: USING socket OPTIONS (host, port). The column is value STRING (and
 * timestamp with includeTimestamp); with format 'json'|'csv' the table's own columns. The offset is
 * the number of lines received by this process: not replayable.
 *
 *   reader thread ── recv ─→ block ─ whole lines ─→ segment ─→ … list … ─→ tasks
 *                              └ the cut line moves to the next block
 *
 * Bytes are not copied on the way: batches keep the blocks. What nobody committed yet is bounded by
 * maxBufferedBytes; then the thread stops reading and TCP holds the sender back. Under the lock:
 * the list of segments and the counters; a published segment does not change.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "column/type_parse.h"
#include "connector/connector.h"
#include "connector/socket/net.h"
#include "format/format.h"

#define BLOCK_BYTES (256 << 10)

struct socket_options {
    const char *host, *format;
    int64_t port, max_bytes;
    bool timestamp;
};
#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct socket_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(host, HR_OPT_STRING, "host", NULL, 0, 0, "where to connect to"),
    OPT(port, HR_OPT_INT, "port", "0", 0, 65535, "where to connect to"),
    OPT(timestamp, HR_OPT_BOOL, "includeTimestamp", "false", 0, 0,
        "a column timestamp: when the line arrived"),
    OPT(format, HR_OPT_STRING, "format", HR_FORMAT_DEFAULT_IN, 0, 0,
        "a format of lines: text, json, csv"),
    OPT(max_bytes, HR_OPT_BYTES, "maxBufferedBytes", "256m", 1 << 20, INT64_MAX,
        "bytes that wait for a commit before reading stops"),
    {"numPartitions", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a connection is one split"},
};

struct segment {
    struct segment *next;
    struct hr_buffer *buffer;
    const char *data;
    size_t size;
    int64_t first_line, line_count;
    int64_t received_us;
};

struct socket_source {
    struct hr_source base;
    struct hr_arena arena;
    struct hr_env *env;
    struct socket_options options;
    struct hr_options format_options;
    struct hr_conf conf;
    const struct hr_format_vt *format;
    const struct hr_type *format_schema; /* what the format decodes: without timestamp */
    int fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct segment *first, *last;
    int64_t lines, buffered_bytes;
    bool stopping, ended;
    struct hr_wakeup *wakeup;
};

static struct socket_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct socket_source, base);
}

/* --- The reader thread ------------------------------------------------------------------------ */

static int64_t count_lines(const char *p, size_t size)
{
    int64_t count = 0;
    for (size_t i = 0; i < size; i++) count += p[i] == '\n';
    return count;
}

/* false: no memory, or the source is closing. */
static bool publish(struct socket_source *s, struct hr_buffer *buffer, const char *data,
                    size_t size)
{
    struct segment *segment = hr_zalloc(sizeof *segment);
    if (!segment) return false;
    segment->buffer = hr_buffer_ref(buffer);
    segment->data = data;
    segment->size = size;
    segment->line_count = count_lines(data, size) + (data[size - 1] != '\n');
    segment->received_us = hr_now_us(s->env);
    pthread_mutex_lock(&s->lock);
    segment->first_line = s->lines;
    s->lines += segment->line_count;
    if (s->last)
        s->last->next = segment;
    else
        s->first = segment;
    s->last = segment;
    s->buffered_bytes += (int64_t)size;
    struct hr_wakeup *wakeup = s->wakeup;
    if (wakeup) hr_wakeup_signal(wakeup);
    while (s->buffered_bytes > s->options.max_bytes && !s->stopping)
        pthread_cond_wait(&s->room, &s->lock);
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

struct block {
    struct hr_buffer *buffer;
    size_t used;  /* bytes received */
    size_t given; /* bytes published */
};

/* Room behind what was received: a new block takes over the line that is not whole yet. */
static bool make_room(const struct socket_source *s, struct block *b)
{
    if (b->buffer && b->buffer->size - b->used >= 4096) return true;
    size_t rest = b->buffer ? b->used - b->given : 0;
    size_t size = HR_MAX((size_t)BLOCK_BYTES, rest * 2);
    if (rest > (size_t)s->options.max_bytes) return false;
    struct hr_buffer *next = hr_buffer_new(size);
    if (!next) return false;
    if (rest) memcpy(next->data, b->buffer->data + b->given, rest);
    hr_buffer_unref(b->buffer);
    *b = (struct block){next, rest, 0};
    return true;
}

static void *read_socket(void *arg)
{
    struct socket_source *s = arg;
    struct block b = {0};
    while (make_room(s, &b)) {
        char *to = b.buffer->data + b.used;
        ssize_t n = recv(s->fd, to, b.buffer->size - b.used, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        b.used += (size_t)n;
        const char *newline = memrchr(to, '\n', (size_t)n);
        if (!newline) continue;
        size_t end = (size_t)(newline + 1 - b.buffer->data);
        if (!publish(s, b.buffer, b.buffer->data + b.given, end - b.given)) break;
        b.given = end;
    }
    if (b.buffer && b.used > b.given)
        publish(s, b.buffer, b.buffer->data + b.given, b.used - b.given);
    hr_buffer_unref(b.buffer);
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- The source ------------------------------------------------------------------------------- */

static void free_segment(struct segment *segment)
{
    hr_buffer_unref(segment->buffer);
    hr_free(segment);
}

static void socket_close(struct hr_source *source)
{
    struct socket_source *s = self(source);
    if (s->started) {
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        pthread_cond_broadcast(&s->room);
        pthread_mutex_unlock(&s->lock);
        shutdown(s->fd, SHUT_RDWR);
        pthread_join(s->thread, NULL);
    }
    if (s->fd >= 0) close(s->fd);
    while (s->first) {
        struct segment *segment = s->first;
        s->first = segment->next;
        free_segment(segment);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->room);
    hr_arena_done(&s->arena);
    hr_free(s);
}

extern const struct hr_source_vt hr_source_socket;

/* The format's columns and when the line arrived. NULL: no memory. */
static const struct hr_type *with_arrival(struct socket_source *s)
{
    uint32_t count = s->format_schema->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(&s->arena, struct hr_field, count + 1);
    if (!fields) return NULL;
    memcpy(fields, s->format_schema->fields, sizeof *fields * count);
    fields[count] = (struct hr_field){"timestamp", hr_type(HR_T_TIMESTAMP), true};
    return hr_type_struct(fields, count + 1);
}

static hr_status find_schema(struct socket_source *s, const struct hr_source_args *args,
                             struct hr_err *err)
{
    if (!s->format->columns) {
        if (s->options.timestamp)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option includeTimestamp: only for a format with columns of its own");
        HR_TRY(hr_format_schema(s->format, args->schema, "a socket", &s->format_schema, err));
        s->base.schema = s->format_schema;
        return HR_OK;
    }
    HR_TRY(hr_schema_parse(hr_sv(s->format->columns), &s->format_schema, err));
    s->base.schema = s->options.timestamp ? with_arrival(s) : s->format_schema;
    if (!s->base.schema) return HR_OOM(err);
    return hr_connector_fixed_schema("socket", args->schema, s->base.schema, err);
}

static hr_status setup(struct socket_source *s, const struct hr_source_args *args,
                       struct hr_err *err)
{
    hr_options_init(&s->format_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->format_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->format_options, &s->options, err));
    if (!s->options.host) return HR_FAIL(err, HR_E_INVALID_OPTION, "option host: must be given");
    if (!s->options.port) return HR_FAIL(err, HR_E_INVALID_OPTION, "option port: must be given");
    HR_TRY(hr_format_choose(s->options.format, HR_FORMAT_LINES_IN, &s->format, err));
    if (!s->format->splits(&s->format_options))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "a socket gives lines, each a record: options of "
                       "%s that make it something else have no place", s->format->name);
    if (args->conf) s->conf = *args->conf;
    HR_TRY(find_schema(s, args, err));
    if (args->schema_only) return HR_OK;
    return hr_net_connect(s->options.host, s->options.port, 10000000, &s->fd, err);
}

static hr_status socket_open(const struct hr_source_args *args, struct hr_source **ret,
                             struct hr_err *err)
{
    if (!args->streaming && !args->schema_only)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "reading a socket as a table is not supported; read STREAM of it");
    struct socket_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->room, NULL);
    s->base.vt = &hr_source_socket;
    s->env = args->env;
    s->fd = -1;
    hr_status status = setup(s, args, err);
    if (!status && !args->schema_only) {
        status = hr_thread_start(&s->thread, "hr-socket", read_socket, s, err);
        s->started = !status;
    }
    if (status) {
        socket_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

struct line_range {
    int64_t first, end;
};

static hr_status socket_plan(struct hr_source *source, const char *start, const char *end,
                             struct hr_arena *arena, struct hr_split **ret_splits,
                             uint32_t *ret_count, struct hr_err *err)
{
    struct socket_source *s = self(source);
    struct line_range *range = HR_NEW(arena, struct line_range);
    struct hr_split *split = HR_NEW(arena, struct hr_split);
    if (!range || !split) return HR_OOM(err);
    if (start) HR_TRY(hr_connector_parse_offset(start, &range->first, err));
    range->end = range->first;
    if (end) HR_TRY(hr_connector_parse_offset(end, &range->end, err));
    pthread_mutex_lock(&s->lock);
    int64_t oldest = s->first ? s->first->first_line : s->lines, newest = s->lines;
    pthread_mutex_unlock(&s->lock);
    if (range->end > range->first && (range->end > newest || range->first < oldest))
        return HR_FAIL(err, HR_E_DATA_LOSS, "lines [%lld, %lld) of the socket are gone: a socket "
                       "cannot be read again after a restart; start with a new checkpoint",
                       (long long)range->first, (long long)range->end);
    *split = (struct hr_split){.data = range, .description = "socket",
                               .rows_estimate = range->end - range->first, .bytes_estimate = -1};
    *ret_splits = split;
    *ret_count = range->end > range->first;
    return HR_OK;
}

struct socket_reader {
    struct hr_scan_reader base;
    struct socket_source *source;
    struct hr_decoder *decoder;
    struct hr_scan_spec spec;
    struct line_range range;
    const struct segment *segment;
    int64_t received_us;
    bool begun;
};

/* The part of the segment that is in the range. */
static void cut(const struct socket_reader *r, const char **ret_data, size_t *ret_size)
{
    const struct segment *segment = r->segment;
    const char *p = segment->data, *end = p + segment->size;
    for (int64_t line = segment->first_line; line < r->range.first; line++)
        p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
    int64_t last = segment->first_line + segment->line_count;
    if (r->range.end < last) {
        end = p;
        for (int64_t line = HR_MAX(segment->first_line, r->range.first); line < r->range.end;
             line++)
            end = (const char *)memchr(end, '\n', segment->size) + 1;
    }
    *ret_data = p;
    *ret_size = (size_t)(end - p);
}

static const struct segment *next_segment(struct socket_reader *r)
{
    struct socket_source *s = r->source;
    pthread_mutex_lock(&s->lock);
    const struct segment *segment = r->begun ? r->segment->next : s->first;
    while (segment && segment->first_line + segment->line_count <= r->range.first)
        segment = segment->next;
    if (segment && segment->first_line >= r->range.end) segment = NULL;
    pthread_mutex_unlock(&s->lock);
    return segment;
}

/* The decoder's value column and when it came. */
static hr_status with_timestamp(struct socket_reader *r, struct hr_batch *lines,
                                struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *batch = hr_batch_new(r->source->base.schema, lines->row_count, r->spec.mem);
    hr_status status = batch && hr_batch_hold_batch(batch, lines) ? HR_OK : HR_OOM(err);
    if (!status) {
        batch->columns[0] = lines->columns[0];
        status = hr_column_alloc(&batch->arena, hr_type(HR_T_TIMESTAMP), lines->row_count, false,
                                 &batch->columns[1], err);
    }
    for (uint32_t i = 0; !status && i < lines->row_count; i++)
        ((int64_t *)(uintptr_t)batch->columns[1].values)[i] = r->received_us / 1000 * 1000;
    hr_batch_unref(lines);
    if (status) {
        hr_batch_unref(batch);
        return status;
    }
    return hr_connector_project(batch, r->spec.schema, ret, err);
}

static hr_status socket_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct socket_reader *r = HR_CONTAINER_OF(base, struct socket_reader, base);
    const struct hr_format_vt *format = r->source->format;
    for (;;) {
        struct hr_batch *batch = NULL;
        if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
        if (r->begun) HR_TRY(format->next(r->decoder, &batch, err));
        if (batch) {
            if (r->source->options.timestamp) return with_timestamp(r, batch, ret, err);
            *ret = batch;
            return HR_OK;
        }
        const char *data;
        size_t size;
        const struct segment *segment = next_segment(r);
        if (!segment) break;
        r->segment = segment;
        r->begun = true;
        r->received_us = segment->received_us;
        cut(r, &data, &size);
        /* Every segment ends with a whole line. */
        HR_TRY(format->feed(r->decoder, segment->buffer, data, size, true, err));
    }
    *ret = NULL;
    return HR_OK;
}

static void socket_reader_close(struct hr_scan_reader *base)
{
    struct socket_reader *r = HR_CONTAINER_OF(base, struct socket_reader, base);
    if (r->decoder) r->source->format->decoder_close(r->decoder);
    hr_free(r);
}

/* A connection cannot be read again: where a line stood says nothing. */
static int64_t no_offset(void *arg, int64_t at)
{
    HR_UNUSED(arg);
    HR_UNUSED(at);
    return -1;
}

static hr_status socket_open_reader(struct hr_source *source, const struct hr_split *split,
                                    const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                    struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {socket_next, socket_reader_close};
    struct socket_source *s = self(source);
    struct socket_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->source = s;
    r->spec = *spec;
    r->range = *(const struct line_range *)split->data;
    struct hr_format_args args = {
        .conf = &s->conf, .options = &s->format_options, .schema = s->format_schema,
        .wanted = s->options.timestamp ? s->format_schema : spec->schema,
        .batch_rows = spec->batch_rows, .mem = spec->mem, .malformed_rows = spec->malformed_rows,
        .bad = spec->dead ? &spec->dead->rows : NULL, .origin = "the socket"};
    if (spec->dead) spec->dead->offset = no_offset;
    hr_status status = s->format->decoder_open(&args, &r->decoder, err);
    if (status) {
        hr_free(r);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}

static hr_status socket_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    HR_UNUSED(source);
    hr_buf_puts(ret, "0");
    return hr_buf_status(ret, err);
}

static hr_status socket_latest(struct hr_source *source, const char *start,
                               const struct hr_read_limit *limit, struct hr_buf *ret,
                               struct hr_err *err)
{
    struct socket_source *s = self(source);
    int64_t from = 0;
    if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
    pthread_mutex_lock(&s->lock);
    int64_t to = s->lines;
    pthread_mutex_unlock(&s->lock);
    if (limit && limit->max_rows && to - from > limit->max_rows) to = from + limit->max_rows;
    hr_buf_put_i64(ret, HR_MAX(to, from));
    return hr_buf_status(ret, err);
}

/* Readers of committed epochs are closed: their segments can go. */
static hr_status socket_commit(struct hr_source *source, const char *end, struct hr_err *err)
{
    struct socket_source *s = self(source);
    int64_t to;
    HR_TRY(hr_connector_parse_offset(end, &to, err));
    pthread_mutex_lock(&s->lock);
    while (s->first && s->first->first_line + s->first->line_count <= to) {
        struct segment *segment = s->first;
        s->first = segment->next;
        if (!s->first) s->last = NULL;
        s->buffered_bytes -= (int64_t)segment->size;
        free_segment(segment);
    }
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    return HR_OK;
}

static hr_status socket_subscribe(struct hr_source *source, struct hr_wakeup *wakeup,
                                  struct hr_err *err)
{
    struct socket_source *s = self(source);
    HR_UNUSED(err);
    pthread_mutex_lock(&s->lock);
    s->wakeup = wakeup;
    if (s->lines) hr_wakeup_signal(wakeup);
    pthread_mutex_unlock(&s->lock);
    return HR_OK;
}

static void socket_describe(const struct hr_source *source, struct hr_buf *out)
{
    const struct socket_source *s = HR_CONTAINER_OF(source, const struct socket_source, base);
    hr_buf_printf(out, "TextSocketV2[host: %s, port: %d]", s->options.host, (int)s->options.port);
}

const struct hr_source_vt hr_source_socket = {
    .name = "socket",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_STREAM,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = socket_open,
    .close = socket_close,
    .plan_splits = socket_plan,
    .open_reader = socket_open_reader,
    .initial_offset = socket_initial,
    .latest_offset = socket_latest,
    .commit = socket_commit,
    .subscribe = socket_subscribe,
    .describe = socket_describe,
};
