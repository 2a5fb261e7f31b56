/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers over TCP: lines, and records that a function of the program's cuts.
 *
 * Threads: the connection belongs to the receiver's thread; another one may shut it down, under the
 * lock.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connector/socket/net.h"
#include "dstream/receiver.h"

#define CONNECT_US INT64_C(5000000)
#define READ_BYTES 65536
#define RECORD_MAX (64u << 20)

struct socket_arg {
    char *host;
    int64_t port;
    hr_cut_fn cut; /* NULL: lines */
    void *cut_arg;
    pthread_mutex_t lock; /* fd */
    int fd;
};

/* --- Rows out of bytes ------------------------------------------------------------------------ */

static hr_status take_lines(struct hr_receiver *r, struct hr_text bytes, bool last, size_t *ret,
                            struct hr_err *err)
{
    size_t at = 0;
    while (at < bytes.len) {
        const char *nl = memchr(bytes.ptr + at, '\n', bytes.len - at);
        if (!nl && !last) break;
        size_t len = (nl ? (size_t)(nl - bytes.ptr) : bytes.len) - at;
        size_t cr = nl && len && bytes.ptr[at + len - 1] == '\r';
        HR_TRY(hr_receiver_store_text(r, (struct hr_text){bytes.ptr + at, len - cr}, err));
        at += len + (nl != NULL);
    }
    *ret = at;
    return HR_OK;
}

struct cutting {
    const struct socket_arg *s;
    struct hr_text bytes;
    bool last;
    size_t taken;
};

static hr_status cut_some(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    struct cutting *c = arg;
    int64_t n = c->s->cut(c->s->cut_arg, c->bytes, c->last, out, err);
    if (n < 0) return err->code ? err->code : hr_err_fail(err, "the bytes cannot be cut into rows");
    if ((uint64_t)n > c->bytes.len)
        return hr_err_fail(err, "%lld of %zu bytes were taken", (long long)n, c->bytes.len);
    c->taken = (size_t)n;
    return HR_OK;
}

static hr_status take(struct socket_arg *s, struct hr_receiver *r, struct hr_text bytes, bool last,
                      size_t *ret, struct hr_err *err)
{
    struct cutting c = {s, bytes, last, 0};
    *ret = 0;
    if (!s->cut) return take_lines(r, bytes, last, ret, err);
    if (bytes.len) HR_TRY(hr_ds_receiver_buffer(r, cut_some, &c, err));
    *ret = c.taken;
    return HR_OK;
}

/* --- The connection --------------------------------------------------------------------------- */

static hr_status read_all(struct socket_arg *s, struct hr_receiver *r, struct hr_buf *buf,
                          struct hr_err *err)
{
    for (;;) {
        char *room = hr_buf_reserve(buf, READ_BYTES);
        size_t taken;
        if (!room) return hr_buf_status(buf, err);
        ssize_t n = recv(s->fd, room, READ_BYTES, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return HR_FAIL(err, HR_E_IO, "socket: %s", strerror(errno));
        buf->len += (size_t)n;
        HR_TRY(take(s, r, (struct hr_text){buf->ptr, buf->len}, n == 0, &taken, err));
        if (n == 0)
            return HR_FAIL(err, HR_E_IO, "socket: the other side has closed the connection");
        memmove(buf->ptr, buf->ptr + taken, buf->len - taken);
        buf->len -= taken;
    }
}

static hr_status socket_start(void *arg, struct hr_receiver *r, struct hr_err *err)
{
    struct socket_arg *s = arg;
    struct hr_buf buf = {.max_bytes = RECORD_MAX};
    int fd;
    HR_TRY(hr_net_connect(s->host, s->port, CONNECT_US, &fd, err));
    pthread_mutex_lock(&s->lock);
    s->fd = fd;
    pthread_mutex_unlock(&s->lock);
    hr_status status = hr_receiver_stopped(r) ? HR_OK : read_all(s, r, &buf, err);
    hr_buf_done(&buf);
    pthread_mutex_lock(&s->lock);
    close(s->fd);
    s->fd = -1;
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void socket_stop(void *arg)
{
    struct socket_arg *s = arg;
    pthread_mutex_lock(&s->lock);
    if (s->fd >= 0) shutdown(s->fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

static void socket_free(void *arg)
{
    struct socket_arg *s = arg;
    pthread_mutex_destroy(&s->lock);
    hr_free(s->host);
    hr_free(s);
}

static struct hr_dstream *socket_new(struct hr_streaming *ssc, const char *host, uint16_t port,
                                     const char *schema, hr_cut_fn cut, void *arg,
                                     struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct socket_arg *s = hr_zalloc(sizeof *s);
    if (!s || !(s->host = hr_strdup(host))) {
        hr_free(s);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    s->port = port;
    s->cut = cut;
    s->cut_arg = arg;
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    struct hr_receiver_vt vt = {cut ? "socket" : "socket-text", socket_start, socket_stop, s};
    struct hr_dstream *ds = hr_ds_receiver_new(ssc, type, &vt, socket_free, err);
    if (!ds) socket_free(s);
    return ds;
}

struct hr_dstream *hr_socket_text_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                         struct hr_err *err)
{
    if (!host) {
        HR_UNUSED(hr_missing("no host", err));
        return NULL;
    }
    return socket_new(ssc, host, port, "value STRING", NULL, NULL, err);
}

struct hr_dstream *hr_socket_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                    const char *schema, hr_cut_fn cut, void *arg,
                                    struct hr_err *err)
{
    if (!cut) {
        HR_UNUSED(
            HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a socket stream needs a function that cuts"));
        return NULL;
    }
    return socket_new(ssc, host, port, schema, cut, arg, err);
}
