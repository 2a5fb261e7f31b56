/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accumulators and broadcast variables.
 *
 * A task's additions go to the list that its thread's task local names and are merged by whoever
 * owns the list once its part has succeeded: an inner function's into the list of the function that
 * reads from it, an attempt's (task.c) into the accumulators. Outside of such a list (in the
 * driver) an addition is a list of its own, merged at once. In a
 * worker process merging means sending: the driver merges what a worker sent when the worker is
 * done.
 *
 * A lost addition would be a wrong result that nobody sees, so one that fails inside a task fails
 * the task, whatever the user's function returns.
 */
#include "api/api.h"
#include "rdd/executor.h"
#include "rdd/scheduler.h"

enum acc_kind { ACC_LONG, ACC_DOUBLE, ACC_ROWS, ACC_STATE };

struct hr_accumulator {
    struct hr_context *ctx;
    struct hr_accumulator *prev, *next;
    pthread_mutex_t lock;
    char *name;
    enum acc_kind kind;
    uint64_t count; /* additions */
    int64_t i64;
    double f64;
    const struct hr_type *rows;  /* of what is added: ROWS, STATE */
    const struct hr_type *state; /* STATE */
    struct hr_accumulator_fn fn; /* STATE */
    struct hr_batch_list list;   /* ROWS */
    struct hr_cells *cells;      /* STATE; NULL: zero */
};

struct hr_acc_delta {
    struct hr_acc_delta *next;
    struct hr_accumulator *acc;
    uint64_t count;
    int64_t i64;
    double f64;
    struct hr_emitter *out; /* ROWS */
    struct hr_cells *cells; /* STATE */
};

struct hr_broadcast {
    struct hr_context *ctx;
    struct hr_broadcast *prev, *next;
    void *value;
    void (*free_fn)(void *value);
};

/* --- Making them ------------------------------------------------------------------------------ */

static struct hr_accumulator *accumulator_new(struct hr_context *ctx, const char *name,
                                              enum acc_kind kind, struct hr_err *err)
{
    if (!ctx) return NULL;
    struct hr_accumulator *acc = hr_zalloc(sizeof *acc);
    char *copy = hr_strdup(name ? name : "");
    if (!acc || !copy) {
        hr_free(acc);
        hr_free(copy);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    pthread_mutex_init(&acc->lock, NULL);
    acc->name = copy;
    acc->kind = kind;
    acc->ctx = ctx;
    pthread_mutex_lock(&ctx->lock);
    acc->next = ctx->accumulators;
    if (acc->next) acc->next->prev = acc;
    ctx->accumulators = acc;
    pthread_mutex_unlock(&ctx->lock);
    return acc;
}

struct hr_accumulator *hr_accumulator_long(struct hr_context *ctx, const char *name,
                                           struct hr_err *err)
{
    return accumulator_new(ctx, name, ACC_LONG, err);
}

struct hr_accumulator *hr_accumulator_double(struct hr_context *ctx, const char *name,
                                             struct hr_err *err)
{
    return accumulator_new(ctx, name, ACC_DOUBLE, err);
}

struct hr_accumulator *hr_accumulator_collection(struct hr_context *ctx, const char *name,
                                                 const char *schema, struct hr_err *err)
{
    const struct hr_type *rows;
    if (hr_schema_from_ddl(schema, &rows, err) != HR_OK) return NULL;
    struct hr_accumulator *acc = accumulator_new(ctx, name, ACC_ROWS, err);
    if (acc) acc->rows = rows;
    return acc;
}

struct hr_accumulator *hr_accumulator_custom(struct hr_context *ctx, const char *name,
                                             const struct hr_accumulator_fn *fn, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no functions of the accumulator", err));
        return NULL;
    }
    const struct hr_type *rows, *state;
    if (hr_schema_from_ddl(fn->row_schema, &rows, err) != HR_OK ||
        hr_schema_from_ddl(fn->state_schema, &state, err) != HR_OK ||
        hr_cells_check(state, err) != HR_OK)
        return NULL;
    if (!fn->zero || !fn->add || !fn->merge) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                          "an accumulator of your own needs zero, add and merge"));
        return NULL;
    }
    struct hr_accumulator *acc = accumulator_new(ctx, name, ACC_STATE, err);
    if (!acc) return NULL;
    acc->rows = rows;
    acc->state = state;
    acc->fn = *fn;
    acc->fn.row_schema = acc->fn.state_schema = NULL; /* were the caller's memory */
    return acc;
}

/* --- Merging ---------------------------------------------------------------------------------- */

static void cells_free(const struct hr_type *schema, struct hr_cells **cells)
{
    if (*cells) hr_cells_done(schema, *cells);
    hr_free(*cells);
    *cells = NULL;
}

static void delta_free(struct hr_acc_delta *delta)
{
    if (delta->out) hr_emitter_done(delta->out);
    hr_free(delta->out);
    cells_free(delta->acc->state, &delta->cells);
    hr_free(delta);
}

static hr_status state_to_batch(const struct hr_type *schema, const struct hr_cells *cells,
                                struct hr_batch **ret, struct hr_err *err)
{
    struct hr_emitter out;
    struct hr_row row;
    hr_emitter_init(&out, schema, NULL);
    hr_row_of_cells(schema, cells, &row);
    hr_emit_row(&out, &row);
    hr_status status = hr_emitter_check(&out, HR_OK, err);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    if (status == HR_OK) *ret = hr_emitter_pop(&out);
    hr_emitter_done(&out);
    return status;
}

static hr_status send(struct hr_accumulator *acc, const struct hr_acc_delta *delta,
                      struct hr_batch *batch, struct hr_err *err)
{
    struct hr_frame frame = {.kind = HR_FRAME_UPDATE,
                             .object = acc,
                             .i64 = acc->kind == ACC_LONG ? delta->i64 : (int64_t)delta->count,
                             .f64 = acc->kind == ACC_LONG ? (double)delta->count : delta->f64,
                             .batch = batch};
    return hr_worker_send(&frame, err);
}

/* In a worker. */
static hr_status send_delta(struct hr_acc_delta *delta, struct hr_err *err)
{
    struct hr_accumulator *acc = delta->acc;
    struct hr_batch *batch;
    if (acc->kind == ACC_LONG || acc->kind == ACC_DOUBLE) return send(acc, delta, NULL, err);
    if (acc->kind == ACC_STATE) {
        HR_TRY(state_to_batch(acc->state, delta->cells, &batch, err));
        hr_status status = send(acc, delta, batch, err);
        hr_batch_unref(batch);
        return status;
    }
    HR_TRY(hr_emitter_flush(delta->out, err));
    while ((batch = hr_emitter_pop(delta->out))) {
        hr_status status = send(acc, delta, batch, err);
        delta->count = 0; /* it went with the first */
        hr_batch_unref(batch);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status merge_state(struct hr_accumulator *acc, const struct hr_row *state,
                             struct hr_err *err)
{
    if (acc->cells)
        return hr_merge_cells(acc->fn.merge, acc->fn.arg, acc->state, acc->cells, state, err);
    struct hr_cells *cells = hr_zalloc(hr_cells_bytes(acc->state->field_count));
    if (!cells) return HR_OOM(err);
    hr_status status = hr_cells_from_row(acc->state, state, 0, cells, err);
    if (status == HR_OK)
        acc->cells = cells;
    else
        hr_free(cells);
    return status;
}

/* With the lock held. */
static hr_status merge_batch(struct hr_accumulator *acc, struct hr_batch *batch, struct hr_err *err)
{
    if (acc->kind == ACC_ROWS) return hr_batch_list_push(&acc->list, hr_batch_ref(batch), err);
    struct hr_row row;
    hr_row_of_batch(batch, 0, &row);
    return merge_state(acc, &row, err);
}

static hr_status merge_delta(struct hr_acc_delta *delta, struct hr_err *err)
{
    struct hr_accumulator *acc = delta->acc;
    hr_status status = HR_OK;
    struct hr_row row;
    if (hr_in_worker()) return send_delta(delta, err);
    if (delta->out) HR_TRY(hr_emitter_flush(delta->out, err));
    hr_forkable_lock(&acc->lock);
    acc->i64 = (int64_t)((uint64_t)acc->i64 + (uint64_t)delta->i64);
    acc->f64 += delta->f64;
    if (delta->cells) {
        hr_row_of_cells(acc->state, delta->cells, &row);
        status = merge_state(acc, &row, err);
    }
    for (struct hr_batch *b; delta->out && status == HR_OK && (b = hr_emitter_pop(delta->out));)
        status = hr_batch_list_push(&acc->list, b, err);
    if (status == HR_OK) acc->count += delta->count;
    hr_forkable_unlock(&acc->lock);
    return status;
}

static hr_status acc_take(const struct hr_frame *frame, struct hr_err *err)
{
    struct hr_accumulator *acc = frame->object;
    bool is_long = acc->kind == ACC_LONG;
    hr_forkable_lock(&acc->lock);
    hr_status status = frame->batch ? merge_batch(acc, frame->batch, err) : HR_OK;
    if (status == HR_OK) {
        acc->count += is_long ? (uint64_t)frame->f64 : (uint64_t)frame->i64;
        if (is_long) acc->i64 = (int64_t)((uint64_t)acc->i64 + (uint64_t)frame->i64);
        if (acc->kind == ACC_DOUBLE) acc->f64 += frame->f64;
    }
    hr_forkable_unlock(&acc->lock);
    return status;
}

static const struct hr_type *acc_schema(const void *accumulator)
{
    const struct hr_accumulator *acc = accumulator;
    return acc->kind == ACC_STATE ? acc->state : acc->rows;
}

/* Into a list that holds on to it; a list may have several of an accumulator. */
static void join_delta(struct hr_acc_delta **list, struct hr_acc_delta *delta)
{
    struct hr_acc_delta *there = *list;
    while (there && there->acc != delta->acc) there = there->next;
    if (!there || delta->acc->rows) {
        delta->next = *list;
        *list = delta;
        return;
    }
    there->i64 = (int64_t)((uint64_t)there->i64 + (uint64_t)delta->i64);
    there->f64 += delta->f64;
    there->count += delta->count;
    delta_free(delta);
}

hr_status hr_acc_merge(struct hr_acc_delta **deltas, struct hr_err *err)
{
    struct hr_acc_delta **list = hr_task_local.deltas;
    hr_status status = HR_OK;
    while (*deltas && status == HR_OK) {
        struct hr_acc_delta *delta = *deltas;
        *deltas = delta->next;
        if (list) {
            join_delta(list, delta);
            continue;
        }
        status = merge_delta(delta, err);
        delta_free(delta);
    }
    if (status != HR_OK) hr_acc_drop(deltas);
    return status;
}

void hr_acc_drop(struct hr_acc_delta **deltas)
{
    while (*deltas) {
        struct hr_acc_delta *delta = *deltas;
        *deltas = delta->next;
        delta_free(delta);
    }
}

/* What an attempt adds counts when it has succeeded. */
static hr_status acc_attempt(hr_status (*run)(void *arg, struct hr_err *err), void *arg,
                             struct hr_err *err)
{
    struct hr_acc_delta **outer = hr_task_local.deltas, *deltas = NULL;
    hr_task_local.deltas = &deltas;
    hr_status status = run(arg, err);
    hr_task_local.deltas = NULL;
    if (status == HR_OK) status = hr_acc_merge(&deltas, err);
    hr_acc_drop(&deltas);
    hr_task_local.deltas = outer;
    return status;
}

const struct hr_effects hr_acc_effects = {acc_attempt, acc_take, acc_schema};

/* --- Adding ----------------------------------------------------------------------------------- */

static hr_status wrong_kind(const struct hr_accumulator *acc, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "accumulator %s %s", acc->name,
                   acc->rows ? "takes rows" : "takes numbers");
}

/* Ready for its first addition. */
static hr_status delta_init(struct hr_acc_delta *delta, struct hr_err *err)
{
    const struct hr_accumulator *acc = delta->acc;
    if (acc->kind == ACC_ROWS) {
        delta->out = hr_alloc(sizeof *delta->out);
        if (!delta->out) return HR_OOM(err);
        hr_emitter_init(delta->out, acc->rows, NULL);
    }
    if (acc->kind != ACC_STATE) return HR_OK;
    struct hr_cells *cells = hr_zalloc(hr_cells_bytes(acc->state->field_count));
    if (!cells) return HR_OOM(err);
    hr_status status = hr_fill_cells(acc->fn.zero, acc->fn.arg, acc->state, cells, err);
    if (status == HR_OK)
        delta->cells = cells;
    else
        hr_free(cells);
    return status;
}

static hr_status delta_of(struct hr_acc_delta **list, struct hr_accumulator *acc,
                          struct hr_acc_delta **ret, struct hr_err *err)
{
    struct hr_acc_delta *delta = *list;
    while (delta && delta->acc != acc) delta = delta->next;
    if (!delta) {
        delta = hr_zalloc(sizeof *delta);
        if (!delta) return HR_OOM(err);
        delta->acc = acc;
        hr_status status = delta_init(delta, err);
        if (status != HR_OK) {
            delta_free(delta);
            return status;
        }
        delta->next = *list;
        *list = delta;
    }
    *ret = delta;
    return HR_OK;
}

/* What is added: a number, a row, or what a filler emits. */
struct addition {
    int64_t i64;
    double f64;
    const struct hr_row *row;
    hr_fill_fn fill;
    void *arg;
};

static hr_status check_row(const struct hr_accumulator *acc, const struct hr_row *row,
                           struct hr_err *err)
{
    if (row->count_ == acc->rows->field_count) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "accumulator %s takes rows of %u columns, not %u",
                   acc->name, acc->rows->field_count, row->count_);
}

static hr_status add_row(struct hr_acc_delta *delta, const struct hr_row *row, struct hr_err *err)
{
    struct hr_accumulator *acc = delta->acc;
    HR_TRY(check_row(acc, row, err));
    delta->count++;
    if (delta->cells)
        return hr_merge_cells(acc->fn.add, acc->fn.arg, acc->state, delta->cells, row, err);
    hr_emit_row(delta->out, row);
    return hr_emitter_check(delta->out, HR_OK, err);
}

/* The rows that fill emits, one after the other. */
static hr_status add_filled(struct hr_acc_delta *delta, const struct addition *what,
                            struct hr_err *err)
{
    struct hr_emitter out;
    struct hr_row row;
    hr_emitter_init(&out, delta->acc->rows, NULL);
    hr_status status = hr_emitter_check(&out, what->fill(what->arg, &out, err), err);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    for (struct hr_batch *b; status == HR_OK && (b = hr_emitter_pop(&out));) {
        hr_row_of_batch(b, 0, &row);
        for (row.index_ = 0; row.index_ < b->row_count && status == HR_OK; row.index_++)
            status = add_row(delta, &row, err);
        hr_batch_unref(b);
    }
    hr_emitter_done(&out);
    return status;
}

static hr_status add_to(struct hr_acc_delta **list, struct hr_accumulator *acc,
                        const struct addition *what, struct hr_err *err)
{
    struct hr_acc_delta *delta;
    bool is_row = what->row || what->fill;
    if (is_row != (acc->rows != NULL)) return wrong_kind(acc, err);
    HR_TRY(delta_of(list, acc, &delta, err));
    if (what->row) return add_row(delta, what->row, err);
    if (what->fill) return add_filled(delta, what, err);
    if (acc->kind == ACC_DOUBLE)
        delta->f64 += what->f64;
    else
        delta->i64 = (int64_t)((uint64_t)delta->i64 + (uint64_t)what->i64);
    delta->count++;
    return HR_OK;
}

static hr_status add(struct hr_accumulator *acc, const struct addition *what, struct hr_err *err)
{
    struct hr_acc_delta **list = hr_task_local.deltas, *own = NULL;
    struct hr_err why = {0};
    hr_task_local.deltas = list ? list : &own; /* also for what its functions add */
    hr_status status = add_to(list ? list : &own, acc, what, &why);
    hr_task_local.deltas = list;
    if (status == HR_OK)
        status = hr_acc_merge(&own, &why);
    else
        hr_acc_drop(&own);
    if (status == HR_OK) return HR_OK;
    if (err) hr_err_copy(err, &why);
    if (list && !hr_task_local.misused) {
        hr_task_local.misused = true;
        hr_err_copy(&hr_task_local.misuse, &why);
    }
    return status;
}

void hr_accumulator_add(struct hr_accumulator *acc, int64_t value)
{
    if (!acc) return;
    HR_UNUSED(add(acc, &(struct addition){.i64 = value, .f64 = (double)value}, NULL));
}

void hr_accumulator_add_double(struct hr_accumulator *acc, double value)
{
    if (!acc) return;
    HR_UNUSED(add(acc, &(struct addition){.i64 = (int64_t)value, .f64 = value}, NULL));
}

hr_status hr_accumulator_add_row(struct hr_accumulator *acc, const struct hr_row *row,
                                 struct hr_err *err)
{
    if (!acc) return hr_missing("no accumulator", err);
    if (!row) return hr_missing("no row", err);
    return add(acc, &(struct addition){.row = row}, err);
}

hr_status hr_accumulator_emit(struct hr_accumulator *acc, hr_fill_fn fill, void *arg,
                              struct hr_err *err)
{
    if (!acc) return hr_missing("no accumulator", err);
    if (!fill) return hr_missing("no function", err);
    return add(acc, &(struct addition){.fill = fill, .arg = arg}, err);
}

/* --- Reading ---------------------------------------------------------------------------------- */

int64_t hr_accumulator_value(struct hr_accumulator *acc)
{
    if (!acc) return 0;
    hr_forkable_lock(&acc->lock);
    int64_t v = acc->kind == ACC_DOUBLE ? (int64_t)acc->f64 : acc->i64;
    hr_forkable_unlock(&acc->lock);
    return v;
}

double hr_accumulator_value_double(struct hr_accumulator *acc)
{
    if (!acc) return 0;
    hr_forkable_lock(&acc->lock);
    double v = acc->kind == ACC_DOUBLE ? acc->f64 : (double)acc->i64;
    hr_forkable_unlock(&acc->lock);
    return v;
}

uint64_t hr_accumulator_count(struct hr_accumulator *acc)
{
    if (!acc) return 0;
    hr_forkable_lock(&acc->lock);
    uint64_t n = acc->count;
    hr_forkable_unlock(&acc->lock);
    return n;
}

static hr_status state_rows(struct hr_accumulator *acc, struct hr_batch_list *list,
                            struct hr_err *err)
{
    struct hr_batch *batch;
    struct hr_cells *zero = NULL;
    if (!acc->cells) {
        zero = hr_zalloc(hr_cells_bytes(acc->state->field_count));
        if (!zero) return HR_OOM(err);
        hr_status filled = hr_fill_cells(acc->fn.zero, acc->fn.arg, acc->state, zero, err);
        if (filled != HR_OK) {
            hr_free(zero);
            return filled;
        }
    }
    hr_status status = state_to_batch(acc->state, zero ? zero : acc->cells, &batch, err);
    cells_free(acc->state, &zero);
    return status == HR_OK ? hr_batch_list_push(list, batch, err) : status;
}

struct hr_rows *hr_accumulator_rows(struct hr_accumulator *acc, struct hr_err *err)
{
    if (!acc) return NULL;
    struct hr_batch_list list = {0};
    struct hr_rows *rows = NULL;
    struct hr_err own = {0};
    if (!err) err = &own;
    hr_forkable_lock(&acc->lock);
    hr_status status = acc->rows ? HR_OK : wrong_kind(acc, err);
    if (status == HR_OK && acc->kind == ACC_STATE) status = state_rows(acc, &list, err);
    for (uint32_t i = 0; status == HR_OK && i < acc->list.count; i++)
        status = hr_batch_list_push(&list, hr_batch_ref(acc->list.items[i]), err);
    hr_forkable_unlock(&acc->lock);
    if (status == HR_OK) {
        rows = hr_rows_of_batches(acc_schema(acc), list.items, list.count);
        list.count = 0; /* taken over */
        if (!rows) HR_UNUSED(HR_OOM(err));
    }
    hr_batch_list_done(&list);
    return rows;
}

void hr_accumulator_reset(struct hr_accumulator *acc)
{
    if (!acc) return;
    hr_forkable_lock(&acc->lock);
    acc->i64 = 0;
    acc->f64 = 0;
    acc->count = 0;
    hr_batch_list_done(&acc->list);
    cells_free(acc->state, &acc->cells);
    hr_forkable_unlock(&acc->lock);
}

/* --- Broadcasts ------------------------------------------------------------------------------- */

struct hr_broadcast *hr_broadcast(struct hr_context *ctx, void *value, void (*free_fn)(void *value),
                                  struct hr_err *err)
{
    struct hr_broadcast *b = ctx ? hr_zalloc(sizeof *b) : NULL;
    if (!ctx) return NULL;
    if (!b) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    b->value = value;
    b->free_fn = free_fn;
    b->ctx = ctx;
    pthread_mutex_lock(&ctx->lock);
    b->next = ctx->broadcasts;
    if (b->next) b->next->prev = b;
    ctx->broadcasts = b;
    pthread_mutex_unlock(&ctx->lock);
    return b;
}

const void *hr_broadcast_value(const struct hr_broadcast *broadcast)
{
    return broadcast ? broadcast->value : NULL;
}

void hr_broadcast_destroy(struct hr_broadcast *broadcast)
{
    if (!broadcast) return;
    struct hr_context *ctx = broadcast->ctx;
    pthread_mutex_lock(&ctx->lock);
    *(broadcast->prev ? &broadcast->prev->next : &ctx->broadcasts) = broadcast->next;
    if (broadcast->next) broadcast->next->prev = broadcast->prev;
    pthread_mutex_unlock(&ctx->lock);
    if (broadcast->free_fn) broadcast->free_fn(broadcast->value);
    hr_free(broadcast);
}

void hr_accumulator_free(struct hr_accumulator *acc)
{
    if (!acc) return;
    struct hr_context *ctx = acc->ctx;
    pthread_mutex_lock(&ctx->lock);
    *(acc->prev ? &acc->prev->next : &ctx->accumulators) = acc->next;
    if (acc->next) acc->next->prev = acc->prev;
    pthread_mutex_unlock(&ctx->lock);
    hr_batch_list_done(&acc->list);
    cells_free(acc->state, &acc->cells);
    pthread_mutex_destroy(&acc->lock);
    hr_free(acc->name);
    hr_free(acc);
}

void hr_context_free_shared(struct hr_context *ctx)
{
    hr_free(ctx->checkpoint_dir);
    while (ctx->accumulators) hr_accumulator_free(ctx->accumulators);
    while (ctx->broadcasts) hr_broadcast_destroy(ctx->broadcasts);
}
