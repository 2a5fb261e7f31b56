/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a TCP connection: USING socket OPTIONS (host, port). Tasks encode; the rows of an epoch
 * are sent in one go when it commits. The other side keeps no epochs, so that an epoch that is run
 * again is sent again: at least once.
 */
#include <unistd.h>

#include "connector/connector.h"
#include "connector/socket/net.h"
#include "format/format.h"

struct socket_options {
    const char *host, *format;
    int64_t port;
};
static const struct hr_opt_spec specs[] = {
    {"host", HR_OPT_STRING, offsetof(struct socket_options, host), NULL, 0, 0, NULL,
     "where to connect to"},
    {"port", HR_OPT_INT, offsetof(struct socket_options, port), "0", 0, 65535, NULL,
     "where to connect to"},
    {"format", HR_OPT_STRING, offsetof(struct socket_options, format), HR_FORMAT_DEFAULT_OUT, 0,
     0, NULL,
     "json, csv or text"},
};

struct socket_sink {
    struct hr_sink base;
    struct hr_arena arena;
    struct socket_options options;
    struct hr_options all_options;
    struct hr_conf conf;
    const struct hr_type *schema;
    const struct hr_format_vt *format;
    int fd;
};

static struct socket_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct socket_sink, base);
}

static void socket_close(struct hr_sink *sink)
{
    struct socket_sink *s = self(sink);
    if (s->fd >= 0) close(s->fd);
    hr_arena_done(&s->arena);
    hr_free(s);
}

extern const struct hr_sink_vt hr_sink_socket;

static hr_status setup(struct socket_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    hr_options_init(&s->all_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->all_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->all_options, &s->options, err));
    if (!s->options.host || !s->options.port)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "options host and port: must be given");
    HR_TRY(hr_format_choose(s->options.format, HR_FORMAT_RECORDS_OUT, &s->format, err));
    if (args->conf) s->conf = *args->conf;
    s->schema = args->schema;
    return hr_net_connect(s->options.host, s->options.port, 10000000, &s->fd, err);
}

static hr_status socket_open(const struct hr_sink_args *args, struct hr_sink **ret,
                             struct hr_err *err)
{
    struct socket_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    s->base.vt = &hr_sink_socket;
    s->base.guarantee = HR_AT_LEAST_ONCE;
    s->fd = -1;
    hr_status status = setup(s, args, err);
    if (status) {
        socket_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

static hr_status socket_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                              struct hr_err *err)
{
    HR_UNUSED(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(err);
    *ret_committed = false;
    return HR_OK;
}

struct socket_writer {
    struct hr_sink_writer base;
    struct socket_sink *sink;
    struct hr_encoder *encoder;
    struct hr_buf out;
};

static hr_status writer_write(struct hr_sink_writer *base, struct hr_batch *batch,
                              struct hr_err *err)
{
    struct socket_writer *w = HR_CONTAINER_OF(base, struct socket_writer, base);
    HR_TRY(w->sink->format->encode(w->encoder, batch, &w->out, NULL, err));
    base->rows_written += batch->sel_count;
    return HR_OK;
}

static hr_status writer_finish(struct hr_sink_writer *base, struct hr_buf *message,
                               struct hr_err *err)
{
    struct socket_writer *w = HR_CONTAINER_OF(base, struct socket_writer, base);
    if (w->out.len) hr_buf_append(message, w->out.ptr, w->out.len);
    return hr_buf_status(message, err);
}

static void writer_close(struct hr_sink_writer *base)
{
    struct socket_writer *w = HR_CONTAINER_OF(base, struct socket_writer, base);
    if (w->encoder) w->sink->format->encoder_close(w->encoder);
    hr_buf_done(&w->out);
    hr_free(w);
}

static hr_status socket_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                               uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {writer_write, writer_finish, writer_close};
    struct socket_sink *s = self(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(partition);
    HR_UNUSED(attempt);
    struct socket_writer *w = hr_zalloc(sizeof *w);
    if (!w) return HR_OOM(err);
    w->base.vt = &vt;
    w->sink = s;
    struct hr_format_args args = {.conf = &s->conf, .options = &s->all_options,
                                  .schema = s->schema};
    hr_status status = s->format->encoder_open(&args, &w->encoder, err);
    if (status) {
        hr_free(w);
        return status;
    }
    *ret = &w->base;
    return HR_OK;
}

static hr_status socket_commit(struct hr_sink *sink, int64_t epoch,
                               const struct hr_str_view *messages, uint32_t message_count,
                               struct hr_err *err)
{
    struct socket_sink *s = self(sink);
    HR_UNUSED(epoch);
    if (s->fd < 0) /* broken before: the whole epoch again, on a new connection */
        HR_TRY(hr_net_connect(s->options.host, s->options.port, 10000000, &s->fd, err));
    for (uint32_t i = 0; i < message_count; i++) {
        if (messages[i].len == 0) continue;
        hr_status status = hr_net_write(s->fd, messages[i].ptr, messages[i].len, err);
        if (status) {
            close(s->fd);
            s->fd = -1;
            return status;
        }
    }
    return HR_OK;
}

static void socket_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    const struct socket_sink *s = HR_CONTAINER_OF(sink, const struct socket_sink, base);
    hr_buf_printf(out, "Socket[host: %s, port: %d]", s->options.host, (int)s->options.port);
}

const struct hr_sink_vt hr_sink_socket = {
    .name = "socket",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_AT_LEAST_ONCE,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = socket_open,
    .close = socket_close,
    .begin_epoch = socket_begin,
    .open_writer = socket_writer,
    .commit_epoch = socket_commit,
    .describe = socket_describe,
};
