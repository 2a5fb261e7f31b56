/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers: a thread that stores rows, and the batches that take them.
 *
 * Blocks wait in a list under the lock until the next batch takes all of them. Single rows gather
 * in an open block, which is closed after spark.streaming.blockInterval, when it is full, or by the
 * batch. With a checkpoint folder every block is first appended to a write-ahead log and synced
 * (wal.c); a restart reads back what was stored and not processed.
 *
 * Rates are as Guava's RateLimiter, which Spark uses: a row (or block) is let in when those before
 * it are paid for, and up to a second of what was not used may be caught up. They follow the
 * context's clock, so that with a manual clock a step lets in exactly rate × interval rows.
 */
#include "dstream/receiver.h"

#include <stdio.h>
#include <time.h>

#include "dstream/wal.h"

#define OPEN_ROWS_MAX    HR_BATCH_ROWS
#define WAITING_ROWS_MAX UINT64_C(50000000)
#define BURST_US         1e6
#define LOOK_US          INT64_C(100000)
#define LOOK_MANUAL_US   INT64_C(1000) /* nobody wakes us when a manual clock moves */

struct hr_receiver {
    struct hr_dstream ds;
    struct hr_receiver_vt user;
    void (*free_user)(void *);
    pthread_t thread;
    bool has_thread;
    _Atomic bool stopped; /* by the context: for good */
    _Atomic bool leave;   /* the user's start shall return */
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t wake;
    struct hr_batch_list blocks;
    HR_VEC(uint32_t) parts; /* blocks.items[i] is in this partition */
    struct hr_arena parts_arena;
    uint64_t part_rows;        /* of the last partition */
    int64_t part_since_us;     /* when it was begun */
    struct hr_batch_list open; /* of the open block: whole batches, */
    struct hr_emitter singles; /* and the rows behind them */
    uint64_t open_rows;        /* of both */
    int64_t open_since_us;     /* when its first row came */
    uint64_t waiting_rows;     /* of all blocks */
    double rate, next_us;      /* rows a second, 0: no limit; when the next may come */
    struct hr_pid pid;
    struct hr_ds_wal wal;
    uint64_t planned;           /* a crash cut a batch short that had taken the segments before */
    struct hr_batch_list first; /* this one (0: none did): its rows, which the first batch takes */
    bool active, restart, quit;
    int64_t delay_us; /* of the restart that is due */
    char last_error[HR_ERR_MSG_MAX];
    int64_t last_error_us;
};

static struct hr_env *env_of(const struct hr_receiver *r)
{
    return r->ds.ssc->ctx->env;
}

static int64_t clock_us(const struct hr_receiver *r)
{
    return hr_mono_ns(env_of(r)) / 1000;
}

/* Lock held. */
static void wait_us(struct hr_receiver *r, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

/* --- Blocks (lock held) ----------------------------------------------------------------------- */

/* A partition of the batch takes blocks until it is full or a block interval old. */
static hr_status add_to_partition(struct hr_receiver *r, struct hr_batch *batch, int64_t now,
                                  struct hr_err *err)
{
    int64_t interval = r->ds.ssc->conf.block_interval_ms * 1000;
    uint32_t last = r->parts.count ? r->parts.items[r->parts.count - 1] : 0;
    if (!r->parts.count || r->part_rows >= HR_BATCH_ROWS || now - r->part_since_us >= interval) {
        last = r->parts.count ? last + 1 : 0;
        r->part_rows = 0;
        r->part_since_us = now;
    }
    if (!HR_VEC_PUSH(&r->parts_arena, &r->parts, last)) return HR_OOM(err);
    hr_status status = hr_batch_list_push(&r->blocks, hr_batch_ref(batch), err);
    if (status == HR_OK)
        r->part_rows += batch->sel_count;
    else
        r->parts.count--;
    return status;
}

/* One block: logged, then kept. Empties the list, also on failure. */
static hr_status keep(struct hr_receiver *r, struct hr_batch_list *list, struct hr_err *err)
{
    int64_t now = clock_us(r);
    hr_status status = hr_ds_wal_append(&r->wal, list->items, list->count, err);
    for (uint32_t i = 0; i < list->count && status == HR_OK; i++)
        status = add_to_partition(r, list->items[i], now, err);
    hr_batch_list_done(list);
    *list = (struct hr_batch_list){0};
    return status;
}

static hr_status pop_all(struct hr_emitter *out, struct hr_batch_list *list, struct hr_err *err)
{
    HR_TRY(hr_emitter_flush(out, err));
    for (struct hr_batch *b; (b = hr_emitter_pop(out));) HR_TRY(hr_batch_list_push(list, b, err));
    return HR_OK;
}

/* When it fails the rows of the block are gone. */
static hr_status close_open(struct hr_receiver *r, struct hr_err *err)
{
    uint64_t rows = r->open_rows;
    if (!rows) return HR_OK;
    hr_status status = pop_all(&r->singles, &r->open, err);
    r->open_rows = 0;
    if (status == HR_OK) status = keep(r, &r->open, err);
    if (status != HR_OK) {
        hr_emitter_done(&r->singles);
        hr_emitter_init(&r->singles, r->ds.schema, NULL);
        hr_batch_list_done(&r->open);
        r->open = (struct hr_batch_list){0};
        r->waiting_rows -= rows;
    }
    return status;
}

/* --- Rates (lock held) ------------------------------------------------------------------------ */

/* Waits until what came before is paid for, and for room. */
static hr_status admit(struct hr_receiver *r, struct hr_err *err)
{
    int64_t look = r->ds.ssc->ctx->own_env ? LOOK_MANUAL_US : LOOK_US;
    while (!atomic_load(&r->leave)) {
        double wait = r->rate > 0 ? r->next_us - (double)clock_us(r) : 0;
        if (r->waiting_rows >= WAITING_ROWS_MAX) wait = (double)look;
        if (wait <= 0) return HR_OK;
        wait_us(r, wait < (double)look ? (int64_t)wait + 1 : look);
    }
    return HR_RAISE(err, HR_E_CANCELLED);
}

static void charge(struct hr_receiver *r, uint64_t rows)
{
    r->waiting_rows += rows;
    if (r->rate <= 0) return;
    r->next_us = HR_MAX(r->next_us, (double)clock_us(r) - BURST_US) + (double)rows / r->rate * 1e6;
}

/* After rows have joined the open block. */
static hr_status opened(struct hr_receiver *r, uint64_t rows, struct hr_err *err)
{
    int64_t now = clock_us(r);
    bool first = r->open_rows == 0;
    if (first) r->open_since_us = now;
    r->open_rows += rows;
    charge(r, rows);
    return r->open_rows >= OPEN_ROWS_MAX ? close_open(r, err) : HR_OK;
}

/* Before a row joins the open block: is that one done? */
static hr_status close_old(struct hr_receiver *r, struct hr_err *err)
{
    int64_t interval = r->ds.ssc->conf.block_interval_ms * 1000;
    bool old = r->open_rows && clock_us(r) - r->open_since_us >= interval;
    return old ? close_open(r, err) : HR_OK;
}

/* --- Storing ---------------------------------------------------------------------------------- */

hr_status hr_receiver_store(struct hr_receiver *r, hr_fill_fn fill, void *arg, struct hr_err *err)
{
    if (!r) return hr_missing("no receiver", err);
    struct hr_emitter out;
    struct hr_batch_list list = {0};
    struct hr_err own = {0};
    if (!err) err = &own;
    hr_emitter_init(&out, r->ds.schema, NULL);
    hr_status status = hr_emitter_check(&out, fill(arg, &out, err), err);
    uint64_t rows = out.rows;
    if (status == HR_OK) status = pop_all(&out, &list, err);
    if (status == HR_OK) {
        pthread_mutex_lock(&r->lock);
        status = admit(r, err);
        if (status == HR_OK) status = keep(r, &list, err);
        if (status == HR_OK) charge(r, rows);
        pthread_mutex_unlock(&r->lock);
    }
    hr_batch_list_done(&list);
    hr_emitter_done(&out);
    return status;
}

/* Single rows first, so that the order stays. */
static hr_status join_open(struct hr_receiver *r, struct hr_batch_list *list, struct hr_err *err)
{
    HR_TRY(close_old(r, err));
    HR_TRY(pop_all(&r->singles, &r->open, err));
    for (uint32_t i = 0; i < list->count; i++)
        HR_TRY(hr_batch_list_push(&r->open, hr_batch_ref(list->items[i]), err));
    return HR_OK;
}

hr_status hr_ds_receiver_buffer(struct hr_receiver *r, hr_fill_fn fill, void *arg,
                                struct hr_err *err)
{
    struct hr_emitter out;
    struct hr_batch_list list = {0};
    hr_emitter_init(&out, r->ds.schema, NULL);
    hr_status status = hr_emitter_check(&out, fill(arg, &out, err), err);
    uint64_t rows = out.rows;
    if (status == HR_OK) status = pop_all(&out, &list, err);
    if (status == HR_OK && rows) {
        pthread_mutex_lock(&r->lock);
        status = admit(r, err);
        if (status == HR_OK) status = join_open(r, &list, err);
        if (status == HR_OK) status = opened(r, rows, err);
        pthread_mutex_unlock(&r->lock);
    }
    hr_batch_list_done(&list);
    hr_emitter_done(&out);
    return status;
}

hr_status hr_receiver_store_row(struct hr_receiver *r, hr_fill_fn fill, void *arg,
                                struct hr_err *err)
{
    if (!r) return hr_missing("no receiver", err);
    union {
        struct hr_cells cells;
        char room[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    } one;
    struct hr_row row;
    struct hr_err own = {0};
    if (!err) err = &own;
    HR_TRY(hr_cells_check(r->ds.schema, err));
    HR_TRY(hr_fill_cells(fill, arg, r->ds.schema, &one.cells, err));
    hr_row_of_cells(r->ds.schema, &one.cells, &row);
    pthread_mutex_lock(&r->lock);
    hr_status status = admit(r, err);
    if (status == HR_OK) status = close_old(r, err);
    if (status == HR_OK) {
        hr_emit_row(&r->singles, &row);
        status = hr_emitter_check(&r->singles, HR_OK, err);
    }
    if (status == HR_OK) status = opened(r, 1, err);
    pthread_mutex_unlock(&r->lock);
    hr_cells_done(r->ds.schema, &one.cells);
    return status;
}

hr_status hr_receiver_store_text(struct hr_receiver *r, struct hr_text text, struct hr_err *err)
{
    if (!r) return hr_missing("no receiver", err);
    const struct hr_type *schema = r->ds.schema;
    if (schema->field_count != 1 || schema->fields[0].type->id != HR_T_STRING)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "a text is stored where the receiver's rows are one STRING");
    pthread_mutex_lock(&r->lock);
    hr_status status = admit(r, err);
    if (status == HR_OK) status = close_old(r, err);
    if (status == HR_OK) {
        hr_emit_text(&r->singles, text);
        hr_emit_end(&r->singles);
        status = hr_emitter_check(&r->singles, HR_OK, err);
    }
    if (status == HR_OK) status = opened(r, 1, err);
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* --- What a receiver says of itself ----------------------------------------------------------- */

enum receiver_event { RECEIVER_STARTED, RECEIVER_ERROR, RECEIVER_STOPPED };

/* Without the lock. message NULL: the last error stays. */
static void tell(struct hr_receiver *r, enum receiver_event event, const char *message)
{
    char copy[HR_ERR_MSG_MAX];
    pthread_mutex_lock(&r->lock);
    if (event != RECEIVER_ERROR) r->active = event == RECEIVER_STARTED;
    if (message) {
        snprintf(r->last_error, sizeof r->last_error, "%s", message);
        r->last_error_us = hr_now_us(env_of(r));
    }
    memcpy(copy, r->last_error, sizeof copy);
    struct hr_receiver_info info = {.stream_id = r->ds.id,
                                    .name = r->ds.name,
                                    .active = r->active,
                                    .last_error = copy,
                                    .last_error_us = r->last_error_us};
    pthread_mutex_unlock(&r->lock);
    if (event == RECEIVER_STARTED) HR_DS_NOTIFY(r->ds.ssc, on_receiver_started, &info);
    if (event == RECEIVER_ERROR) HR_DS_NOTIFY(r->ds.ssc, on_receiver_error, &info);
    if (event == RECEIVER_STOPPED) HR_DS_NOTIFY(r->ds.ssc, on_receiver_stopped, &info);
}

bool hr_receiver_stopped(const struct hr_receiver *receiver)
{
    if (!receiver) return true;
    return atomic_load(&((struct hr_receiver *)(uintptr_t)receiver)->leave);
}

void hr_receiver_report_error(struct hr_receiver *r, const char *message)
{
    if (!r) return;
    tell(r, RECEIVER_ERROR, message);
}

/* Makes the user's start return: it may wait for our lock, or in its own blocking call. */
static void ask_to_leave(struct hr_receiver *r, const char *message, bool restart, int64_t delay_us)
{
    pthread_mutex_lock(&r->lock);
    bool ask = r->active && !r->quit && !atomic_load(&r->leave);
    if (ask) {
        r->restart = restart;
        r->quit = !restart;
        r->delay_us = delay_us;
        snprintf(r->last_error, sizeof r->last_error, "%s", message ? message : "");
        r->last_error_us = hr_now_us(env_of(r));
        atomic_store(&r->leave, true);
        pthread_cond_broadcast(&r->wake);
    }
    pthread_mutex_unlock(&r->lock);
    if (ask && r->user.stop && !pthread_equal(pthread_self(), r->thread)) r->user.stop(r->user.arg);
}

void hr_receiver_restart(struct hr_receiver *r, const char *message, int64_t delay_us)
{
    if (!r) return;
    ask_to_leave(r, message, true, delay_us);
}

void hr_receiver_stop(struct hr_receiver *r, const char *message)
{
    if (!r) return;
    ask_to_leave(r, message, false, 0);
}

/* --- The thread ------------------------------------------------------------------------------- */

/* A pause that ends when the receiver is stopped, in real time. */
static void pause_before_restart(struct hr_receiver *r, int64_t delay_us)
{
    int64_t end = hr_mono_ns(hr_env_default()) / 1000 + delay_us, left;
    pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->stopped) && (left = end - hr_mono_ns(hr_env_default()) / 1000) > 0)
        wait_us(r, left);
    pthread_mutex_unlock(&r->lock);
}

/* After start has returned: how long until it is called again; -1: never. */
static int64_t next_start(struct hr_receiver *r, hr_status status)
{
    int64_t usual = r->ds.ssc->conf.restart_delay_ms * 1000, delay = -1;
    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->stopped) && !r->quit) {
        if (r->restart)
            delay = r->delay_us < 0 ? usual : r->delay_us;
        else if (status != HR_OK)
            delay = usual;
        if (delay >= 0) atomic_store(&r->leave, false);
    }
    r->restart = false;
    pthread_mutex_unlock(&r->lock);
    return delay;
}

static void *receiver_thread(void *arg)
{
    struct hr_receiver *r = arg;
    int64_t delay = 0;
    while (delay >= 0 && !atomic_load(&r->stopped)) {
        struct hr_err err = {0};
        tell(r, RECEIVER_STARTED, NULL);
        hr_status status = r->user.start(r->user.arg, r, &err);
        if (status != HR_OK && !atomic_load(&r->leave))
            tell(r, RECEIVER_ERROR, err.msg[0] ? err.msg : "the receiver's start failed");
        tell(r, RECEIVER_STOPPED, NULL);
        delay = next_start(r, status);
        if (delay > 0) pause_before_restart(r, delay);
    }
    return NULL;
}

/* --- The stream ------------------------------------------------------------------------------- */

/* Lock held. Rows that are in the log already become blocks; the list is emptied. */
static hr_status add_logged(struct hr_receiver *r, struct hr_batch_list *list, struct hr_err *err)
{
    int64_t now = clock_us(r);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < list->count && status == HR_OK; i++) {
        r->waiting_rows += list->items[i]->sel_count;
        status = add_to_partition(r, list->items[i], now, err);
    }
    hr_batch_list_done(list);
    *list = (struct hr_batch_list){0};
    return status;
}

/* The batch that a crash cut short: what it had taken, not what has come since. */
static struct hr_rdd *compute_again(struct hr_receiver *r, struct hr_err *err)
{
    uint32_t *parts = hr_alloc((r->first.count + 1) * sizeof *parts);
    struct hr_rdd *rdd = NULL;
    if (!parts) HR_UNUSED(HR_OOM(err));
    r->ds.rows = 0;
    for (uint32_t i = 0; parts && i < r->first.count; i++) {
        parts[i] = i;
        r->ds.rows += r->first.items[i]->sel_count;
    }
    if (parts)
        rdd = hr_node_from_batches(r->ds.ssc->batch_pool, r->ds.schema, r->first.items, parts,
                                   r->first.count, r->first.count, err);
    hr_free(parts);
    if (!rdd) return NULL;
    hr_batch_list_done(&r->first);
    r->first = (struct hr_batch_list){0};
    pthread_mutex_lock(&r->lock);
    r->wal.needed = r->planned;
    r->planned = 0;
    pthread_mutex_unlock(&r->lock);
    return rdd;
}

static struct hr_rdd *receiver_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    struct hr_rdd *rdd = NULL;
    HR_UNUSED(time);
    if (r->planned) return compute_again(r, err);
    pthread_mutex_lock(&r->lock);
    hr_status status = close_open(r, err);
    if (status == HR_OK) {
        uint32_t n = r->parts.count, last = n ? r->parts.items[n - 1] + 1 : 0;
        hr_context_share(ds->ssc->ctx, r->blocks.items, r->blocks.count);
        rdd = hr_node_from_batches(ds->ssc->batch_pool, ds->schema, r->blocks.items, r->parts.items,
                                   n, last, err);
    }
    if (rdd) {
        ds->rows = r->waiting_rows;
        r->waiting_rows = 0;
        hr_batch_list_done(&r->blocks);
        r->blocks = (struct hr_batch_list){0};
        memset(&r->parts, 0, sizeof r->parts);
        hr_arena_reset(&r->parts_arena);
        hr_ds_wal_taken(&r->wal);
        pthread_cond_broadcast(&r->wake);
    }
    pthread_mutex_unlock(&r->lock);
    return rdd;
}

static hr_status replay(struct hr_receiver *r, struct hr_err *err)
{
    struct hr_batch_list rest = {0};
    hr_status status = hr_ds_wal_replay(&r->wal, r->ds.schema, r->planned, &r->first, &rest, err);
    if (status == HR_OK) status = add_logged(r, &rest, err);
    hr_batch_list_done(&rest);
    return status;
}

static hr_status receiver_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    const struct hr_ds_conf *conf = &ds->ssc->conf;
    r->wal.env = env_of(r);
    r->wal.dir = ds->ssc->checkpoint_dir;
    r->wal.stream = ds->id;
    HR_TRY(replay(r, err));
    r->pid = (struct hr_pid){.proportional = conf->pid_proportional,
                             .integral = conf->pid_integral,
                             .derived = conf->pid_derived,
                             .min_rate = (double)conf->pid_min_rate,
                             .interval_us = ds->ssc->interval};
    r->rate = (double)conf->max_rate;
    if (conf->backpressure && conf->initial_rate &&
        (r->rate == 0 || (double)conf->initial_rate < r->rate))
        r->rate = (double)conf->initial_rate; /* from the first batch on */
    r->next_us = (double)clock_us(r);
    /* The thread compares r->thread with itself (ask_to_leave): it waits until that is set. */
    pthread_mutex_lock(&r->lock);
    hr_status status = hr_thread_start(&r->thread, "hr-receiver", receiver_thread, r, err);
    r->has_thread = status == HR_OK;
    pthread_mutex_unlock(&r->lock);
    return status;
}

static void receiver_stop(struct hr_dstream *ds)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    if (!r->has_thread) return;
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->stopped, true);
    atomic_store(&r->leave, true);
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
    hr_ds_wal_done(&r->wal);
    hr_batch_list_done(&r->blocks);
    hr_batch_list_done(&r->open);
    hr_batch_list_done(&r->first);
    hr_arena_done(&r->parts_arena);
    hr_emitter_done(&r->singles);
    if (r->free_user) r->free_user(r->user.arg);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
}

/* In the checkpoint: from which segment on the log is still needed. */
static hr_status receiver_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    pthread_mutex_lock(&r->lock);
    hr_buf_put_u64(out, r->wal.needed);
    hr_ds_wal_save(&r->wal, out);
    pthread_mutex_unlock(&r->lock);
    return hr_buf_status(out, err);
}

static hr_status receiver_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    r->wal.live = hr_get_u64(in);
    HR_TRY(hr_ds_wal_load(&r->wal, in, err));
    return in->failed ? HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ds->ssc->checkpoint_dir,
                                 "why", "a receiver's part is cut short")
                      : HR_OK;
}

/* In the plan: the segments before this one are the batch's. */
static hr_status receiver_plan_save(struct hr_dstream *ds, int64_t time, struct hr_buf *out,
                                    struct hr_err *err)
{
    HR_UNUSED(time);
    return receiver_save(ds, out, err);
}

static hr_status receiver_plan_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    r->planned = hr_get_u64(in);
    HR_TRY(hr_ds_wal_load(&r->wal, in, err));
    return in->failed ? HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ds->ssc->checkpoint_dir,
                                 "why", "a receiver's plan is cut short")
                      : HR_OK;
}

static void receiver_batch_done(struct hr_dstream *ds, int64_t time)
{
    struct hr_receiver *r = (struct hr_receiver *)ds;
    const struct hr_ds_conf *conf = &ds->ssc->conf;
    const struct hr_batch_info *info = &ds->ssc->info;
    double rate;
    HR_UNUSED(time);
    pthread_mutex_lock(&r->lock);
    hr_ds_wal_trim(&r->wal);
    if (conf->backpressure &&
        hr_pid_update(&r->pid, info->processing_end_us, ds->rows, info->processing_delay_us,
                      info->scheduling_delay_us, &rate)) {
        double most = (double)conf->max_rate;
        rate = (double)(int64_t)rate; /* whole rows a second, as Spark publishes it */
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
                                            .plan_save = receiver_plan_save,
                                            .plan_load = receiver_plan_load,
                                            .input = true};

struct hr_dstream *hr_ds_receiver_new(struct hr_streaming *ssc, const struct hr_type *schema,
                                      const struct hr_receiver_vt *vt, void (*free_arg)(void *),
                                      struct hr_err *err)
{
    struct hr_receiver *r = hr_ds_new(ssc, &receiver_vt, sizeof *r, schema, NULL, NULL, err);
    if (!r) return NULL;
    r->user = *vt;
    r->free_user = free_arg;
    if (vt->name) r->ds.name = vt->name;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    hr_arena_init(&r->parts_arena, NULL);
    hr_emitter_init(&r->singles, schema, NULL);
    return &r->ds;
}

struct hr_dstream *hr_receiver_stream(struct hr_streaming *ssc, const char *schema,
                                      const struct hr_receiver_vt *vt, struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    return hr_ds_receiver_new(ssc, type, vt, NULL, err);
}
