/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers: a thread that stores rows, and the batches that take them.
 *
 * Blocks wait in a list under the lock until the next batch takes all of them. With a checkpoint
 * folder every stored block is first appended to a write-ahead log and synced:
 *
 *   wal-STREAM-0000000007   [u32 length, u32 crc, rows]*      one segment a batch
 *
 * A batch starts the next segment; once its checkpoint is written (which names the first live
 * segment) the older ones are deleted. A restart reads the live segments back: what was stored and
 * not processed is processed, and a torn last record was never acknowledged.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "connector/socket/net.h"
#include "dstream/dstream.h"
#include "rdd/block_store.h"

#define RESTART_US       INT64_C(2000000)
#define CONNECT_US       INT64_C(5000000)
#define TEXT_FLUSH_ROWS  HR_BATCH_ROWS
#define WAITING_ROWS_MAX UINT64_C(50000000)

struct hr_receiver {
    struct hr_dstream ds;
    struct hr_receiver_vt user;
    pthread_t thread;
    bool has_thread;
    _Atomic bool stopped;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t wake;
    struct hr_batch_list blocks;
    uint64_t waiting_rows;
    struct hr_emitter texts; /* lines that are no block yet */
    double rate;             /* rows a second; 0: no limit */
    int64_t next_us;         /* monotonic: when the next block may come */
    struct hr_pid pid;
    /* The write-ahead log. */
    bool wal;
    uint64_t live, segment; /* first segment that is needed; the one being written */
    int fd;
    int64_t wal_pos;
    void (*free_user)(void *);
};

static struct hr_env *env_of(const struct hr_receiver *r)
{
    return r->ds.ssc->ctx->env;
}

/* --- The log ---------------------------------------------------------------------------------- */

static hr_status wal_path(const struct hr_receiver *r, uint64_t segment, struct hr_buf *ret,
                          struct hr_err *err)
{
    hr_buf_clear(ret);
    hr_buf_printf(ret, "%s/wal-%u-%010llu", r->ds.ssc->checkpoint_dir, r->ds.id,
                  (unsigned long long)segment);
    return hr_buf_status(ret, err);
}

static hr_status wal_append(struct hr_receiver *r, struct hr_batch *const *batches, uint32_t count,
                            struct hr_err *err)
{
    struct hr_env *env = env_of(r);
    struct hr_buf body = {0}, head = {0}, path = {0};
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++)
        status = hr_batch_file_append(&body, batches[i], err);
    if (status == HR_OK) status = hr_buf_status(&body, err);
    if (status == HR_OK && r->fd < 0) {
        status = wal_path(r, r->segment, &path, err);
        if (status == HR_OK)
            status = env->vt->open(env, hr_buf_cstr(&path), HR_OPEN_CREATE, &r->fd, err);
        r->wal_pos = 0;
    }
    hr_buf_put_u32(&head, (uint32_t)body.len);
    hr_buf_put_u32(&head, hr_crc32c(0, body.ptr, body.len));
    if (status == HR_OK) status = hr_buf_status(&head, err);
    if (status == HR_OK) status = env->vt->pwrite(env, r->fd, head.ptr, head.len, r->wal_pos, err);
    if (status == HR_OK)
        status = env->vt->pwrite(env, r->fd, body.ptr, body.len, r->wal_pos + 8, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, r->fd, err);
    if (status == HR_OK) r->wal_pos += (int64_t)(head.len + body.len);
    hr_buf_done(&body);
    hr_buf_done(&head);
    hr_buf_done(&path);
    return status;
}

static void wal_rotate(struct hr_receiver *r)
{
    if (r->fd >= 0) HR_UNUSED(env_of(r)->vt->close(env_of(r), r->fd, NULL));
    r->fd = -1;
    r->segment++;
}

static hr_status replay_segment(struct hr_receiver *r, const struct hr_buf *file,
                                struct hr_err *err)
{
    size_t at = 0;
    while (file->len - at >= 8) {
        struct hr_reader head = hr_reader(file->ptr + at, 8);
        uint32_t len = hr_get_u32(&head), crc = hr_get_u32(&head);
        const char *body = file->ptr + at + 8;
        if (len > file->len - at - 8 || hr_crc32c(0, body, len) != crc) break; /* torn */
        struct hr_reader in = hr_reader(body, len);
        for (;;) {
            struct hr_batch *batch = NULL;
            HR_TRY(hr_batch_file_next(&in, r->ds.schema, NULL, &batch, err));
            if (!batch) break;
            r->waiting_rows += batch->sel_count;
            HR_TRY(hr_batch_list_push(&r->blocks, batch, err));
        }
        at += 8 + (size_t)len;
    }
    return HR_OK;
}

static hr_status wal_replay(struct hr_receiver *r, struct hr_err *err)
{
    struct hr_buf path = {0};
    hr_status status = HR_OK;
    r->segment = r->live;
    for (; status == HR_OK; r->segment++) {
        struct hr_buf file = {0};
        status = wal_path(r, r->segment, &path, err);
        if (status != HR_OK || !hr_env_exists(env_of(r), hr_buf_cstr(&path))) break;
        status = hr_env_read_file(env_of(r), hr_buf_cstr(&path), &file, err);
        if (status == HR_OK) status = replay_segment(r, &file, err);
        hr_buf_done(&file);
    }
    hr_buf_done(&path);
    return status;
}

/* --- Storing ---------------------------------------------------------------------------------- */

/* Lock held. Waits for the rate limit and for room. */
static hr_status admit(struct hr_receiver *r, uint64_t rows, struct hr_err *err)
{
    while (!atomic_load(&r->stopped)) {
        int64_t now = hr_mono_ns(hr_env_default()) / 1000;
        int64_t wait = r->rate > 0 && !r->ds.ssc->ctx->own_env ? r->next_us - now : 0;
        if (r->waiting_rows + rows > WAITING_ROWS_MAX && r->waiting_rows) wait = 100000;
        if (wait <= 0) {
            if (r->rate > 0)
                r->next_us = HR_MAX(r->next_us, now) + (int64_t)((double)rows / r->rate * 1e6);
            return HR_OK;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        int64_t ns = until.tv_nsec + HR_MIN(wait, INT64_C(100000)) * 1000;
        until.tv_sec += ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
        pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    return HR_RAISE(err, HR_E_CANCELLED);
}

/* Lock held. Takes the ready batches of out. */
static hr_status keep(struct hr_receiver *r, struct hr_emitter *out, struct hr_err *err)
{
    struct hr_batch_list list = {0};
    hr_status status = HR_OK;
    for (struct hr_batch *b; status == HR_OK && (b = hr_emitter_pop(out));)
        status = hr_batch_list_push(&list, b, err);
    if (status == HR_OK && r->wal && list.count)
        status = wal_append(r, list.items, list.count, err);
    for (uint32_t i = 0; i < list.count && status == HR_OK; i++) {
        r->waiting_rows += list.items[i]->sel_count;
        status = hr_batch_list_push(&r->blocks, hr_batch_ref(list.items[i]), err);
    }
    hr_batch_list_done(&list);
    return status;
}

hr_status hr_receiver_store(struct hr_receiver *r, hr_fill_fn fill, void *arg, struct hr_err *err)
{
    struct hr_emitter out;
    struct hr_err own = {0};
    if (!err) err = &own;
    hr_emitter_init(&out, r->ds.schema, NULL);
    hr_status status = hr_emitter_check(&out, fill(arg, &out, err), err);
    uint64_t rows = out.rows;
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    if (status == HR_OK) {
        pthread_mutex_lock(&r->lock);
        status = admit(r, rows, err);
        if (status == HR_OK) status = keep(r, &out, err);
        pthread_mutex_unlock(&r->lock);
    }
    hr_emitter_done(&out);
    return status;
}

hr_status hr_receiver_store_text(struct hr_receiver *r, struct hr_text text, struct hr_err *err)
{
    pthread_mutex_lock(&r->lock);
    hr_status status = admit(r, 1, err);
    if (status == HR_OK) {
        hr_emit_text(&r->texts, text);
        hr_emit_end(&r->texts);
        status = hr_emitter_check(&r->texts, HR_OK, err);
    }
    /* Full batches become blocks now, what is left when the batch takes it. */
    if (status == HR_OK && r->texts.rows % TEXT_FLUSH_ROWS == 0) status = keep(r, &r->texts, err);
    pthread_mutex_unlock(&r->lock);
    return status;
}

bool hr_receiver_stopped(const struct hr_receiver *receiver)
{
    return atomic_load(&((struct hr_receiver *)(uintptr_t)receiver)->stopped);
}

void hr_receiver_report_error(struct hr_receiver *r, const char *message)
{
    HR_DS_NOTIFY(r->ds.ssc, on_receiver_error, r->ds.id, message);
}

/* --- The stream ------------------------------------------------------------------------------- */

static struct hr_rdd *receiver_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    struct hr_batch_list list;
    HR_UNUSED(time);
    pthread_mutex_lock(&r->lock);
    hr_status status = hr_emitter_flush(&r->texts, err);
    if (status == HR_OK) status = keep(r, &r->texts, err);
    list = r->blocks;
    r->blocks = (struct hr_batch_list){0};
    ds->rows = r->waiting_rows;
    r->waiting_rows = 0;
    if (r->wal) wal_rotate(r);
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    struct hr_rdd *rdd = NULL;
    uint32_t *parts = hr_alloc((list.count + 1) * sizeof *parts);
    for (uint32_t i = 0; parts && i < list.count; i++) parts[i] = i;
    if (!parts)
        HR_UNUSED(HR_OOM(err));
    else if (status == HR_OK)
        rdd = hr_node_from_batches(ds->ssc->batch_pool, ds->schema, list.items, parts, list.count,
                                   list.count, err);
    hr_free(parts);
    hr_batch_list_done(&list);
    return rdd;
}

/* A pause that ends when the receiver is stopped. */
static void pause_before_restart(struct hr_receiver *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RESTART_US / 1000000;
    pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->stopped) &&
           pthread_cond_timedwait(&r->wake, &r->lock, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&r->lock);
}

static void *receiver_thread(void *arg)
{
    struct hr_receiver *r = arg;
    HR_DS_NOTIFY(r->ds.ssc, on_receiver_started, r->ds.id);
    while (!atomic_load(&r->stopped)) {
        struct hr_err err = {0};
        hr_status status = r->user.start(r->user.arg, r, &err);
        if (status == HR_OK || atomic_load(&r->stopped)) break;
        hr_receiver_report_error(r, err.msg);
        pause_before_restart(r);
    }
    HR_DS_NOTIFY(r->ds.ssc, on_receiver_stopped, r->ds.id);
    return NULL;
}

static hr_status receiver_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    const struct hr_ds_conf *conf = &ds->ssc->conf;
    r->wal = ds->ssc->checkpoint_dir != NULL;
    if (r->wal) HR_TRY(wal_replay(r, err));
    r->pid = (struct hr_pid){.proportional = conf->pid_proportional,
                             .integral = conf->pid_integral,
                             .derived = conf->pid_derived,
                             .min_rate = (double)conf->pid_min_rate,
                             .interval_us = ds->ssc->interval};
    r->rate = (double)conf->max_rate;
    if (conf->backpressure && conf->initial_rate &&
        (r->rate == 0 || (double)conf->initial_rate < r->rate))
        r->rate = (double)conf->initial_rate; /* from the first batch on */
    HR_TRY(hr_thread_start(&r->thread, "hr-receiver", receiver_thread, r, err));
    r->has_thread = true;
    return HR_OK;
}

static void receiver_stop(struct hr_dstream *ds)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    if (!r->has_thread) return;
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->stopped, true);
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (r->user.stop) r->user.stop(r->user.arg);
    pthread_join(r->thread, NULL);
    r->has_thread = false;
}

static void receiver_free(struct hr_dstream *ds)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    receiver_stop(ds);
    if (r->fd >= 0) HR_UNUSED(env_of(r)->vt->close(env_of(r), r->fd, NULL));
    hr_batch_list_done(&r->blocks);
    hr_emitter_done(&r->texts);
    if (r->free_user) r->free_user(r->user.arg);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
}

/* In the checkpoint: from which segment on the log is still needed. */
static hr_status receiver_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    pthread_mutex_lock(&r->lock);
    hr_buf_put_u64(out, r->segment);
    pthread_mutex_unlock(&r->lock);
    return hr_buf_status(out, err);
}

static hr_status receiver_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    ((struct hr_receiver *)ds)->live = hr_get_u64(in);
    return in->failed ? HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ds->ssc->checkpoint_dir,
                                 "why", "a receiver's part is cut short")
                      : HR_OK;
}

static void receiver_batch_done(struct hr_dstream *ds, int64_t time)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    const struct hr_batch_info *info = &ds->ssc->info;
    struct hr_buf path = {0};
    double rate;
    HR_UNUSED(time);
    for (; r->wal && r->live < r->segment; r->live++)
        if (wal_path(r, r->live, &path, NULL) == HR_OK &&
            hr_env_exists(env_of(r), hr_buf_cstr(&path)))
            HR_UNUSED(env_of(r)->vt->unlink(env_of(r), hr_buf_cstr(&path), NULL));
    hr_buf_done(&path);
    if (!ds->ssc->conf.backpressure) return;
    pthread_mutex_lock(&r->lock);
    if (hr_pid_update(&r->pid, info->processing_end_us, ds->rows, info->processing_delay_us,
                      info->scheduling_delay_us, &rate)) {
        double most = (double)ds->ssc->conf.max_rate;
        r->rate = most > 0 && rate > most ? most : rate;
    }
    pthread_mutex_unlock(&r->lock);
}

static const struct hr_ds_vt receiver_vt = {.name = "receiver",
                                            .compute = receiver_compute,
                                            .free = receiver_free,
                                            .start = receiver_start,
                                            .stop = receiver_stop,
                                            .save = receiver_save,
                                            .load = receiver_load,
                                            .batch_done = receiver_batch_done,
                                            .input = true};

struct hr_dstream *hr_receiver_stream(struct hr_streaming *ssc, const char *schema,
                                      const struct hr_receiver_vt *vt, struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct hr_receiver *r = hr_ds_new(ssc, &receiver_vt, sizeof *r, type, NULL, NULL, err);
    if (!r) return NULL;
    r->user = *vt;
    r->fd = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    hr_emitter_init(&r->texts, type, NULL);
    return &r->ds;
}

/* --- Socket text ------------------------------------------------------------------------------ */

struct socket_arg {
    char *host;
    int64_t port;
    pthread_mutex_t lock; /* fd: shut down by another thread */
    int fd;
};

static hr_status socket_connect(struct socket_arg *s, struct hr_err *err)
{
    int fd;
    HR_TRY(hr_net_connect(s->host, s->port, CONNECT_US, &fd, err));
    pthread_mutex_lock(&s->lock);
    s->fd = fd;
    pthread_mutex_unlock(&s->lock);
    return HR_OK;
}

static hr_status socket_lines(struct hr_receiver *r, int fd, struct hr_buf *buf, struct hr_err *err)
{
    for (;;) {
        char *room = hr_buf_reserve(buf, 65536);
        if (!room) return hr_buf_status(buf, err);
        ssize_t n = recv(fd, room, 65536, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return HR_FAIL(err, HR_E_IO, "socket: %s", strerror(errno));
        buf->len += (size_t)n;
        size_t at = 0;
        for (char *nl; at < buf->len && (nl = memchr(buf->ptr + at, '\n', buf->len - at));) {
            size_t len = (size_t)(nl - buf->ptr) - at;
            size_t cr = len && buf->ptr[at + len - 1] == '\r';
            HR_TRY(hr_receiver_store_text(r, (struct hr_text){buf->ptr + at, len - cr}, err));
            at += len + 1;
        }
        if (n == 0) {
            if (at < buf->len)
                HR_TRY(
                    hr_receiver_store_text(r, (struct hr_text){buf->ptr + at, buf->len - at}, err));
            return HR_FAIL(err, HR_E_IO, "socket: the other side has closed the connection");
        }
        memmove(buf->ptr, buf->ptr + at, buf->len - at);
        buf->len -= at;
    }
}

static hr_status socket_start(void *arg, struct hr_receiver *r, struct hr_err *err)
{
    struct socket_arg *s = arg;
    struct hr_buf buf = {.max_bytes = 64u << 20};
    HR_TRY(socket_connect(s, err));
    hr_status status = hr_receiver_stopped(r) ? HR_OK : socket_lines(r, s->fd, &buf, err);
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

struct hr_dstream *hr_socket_text_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                         struct hr_err *err)
{
    struct socket_arg *s = hr_zalloc(sizeof *s);
    char *copy = hr_strdup(host);
    struct hr_dstream *ds = NULL;
    if (s && copy) {
        struct hr_receiver_vt vt = {"socket-text", socket_start, socket_stop, s};
        *s = (struct socket_arg){.host = copy, .port = port, .fd = -1};
        pthread_mutex_init(&s->lock, NULL);
        ds = hr_receiver_stream(ssc, "value STRING", &vt, err);
        if (ds) {
            ((struct hr_receiver *)ds)->free_user = socket_free;
            return ds;
        }
        pthread_mutex_destroy(&s->lock);
    } else {
        HR_UNUSED(HR_OOM(err));
    }
    hr_free(copy);
    hr_free(s);
    return NULL;
}
