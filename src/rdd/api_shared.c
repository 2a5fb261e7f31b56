/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accumulators and broadcast variables.
 *
 * A task's additions go to the list that its thread's task local names and are merged by whoever
 * owns the list: an operation's into its attempt's when the partition has ended, an attempt's
 * (task.c) into the accumulators when it has succeeded. On the driver there is no list, and they go
 * to the accumulator.
 */
#include "rdd/api.h"
#include "rdd/executor.h"
#include "rdd/scheduler.h"

struct hr_accumulator {
    struct hr_accumulator *next;
    pthread_mutex_t lock;
    char *name;
    bool is_double;
    int64_t i64;
    double f64;
};

struct hr_broadcast {
    struct hr_broadcast *next;
    void *value;
    void (*free_fn)(void *value);
};

static struct hr_accumulator *accumulator_new(struct hr_context *ctx, const char *name,
                                              bool is_double, struct hr_err *err)
{
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
    acc->is_double = is_double;
    pthread_mutex_lock(&ctx->lock);
    acc->next = ctx->accumulators;
    ctx->accumulators = acc;
    pthread_mutex_unlock(&ctx->lock);
    return acc;
}

struct hr_accumulator *hr_accumulator_long(struct hr_context *ctx, const char *name,
                                           struct hr_err *err)
{
    return accumulator_new(ctx, name, false, err);
}

struct hr_accumulator *hr_accumulator_double(struct hr_context *ctx, const char *name,
                                             struct hr_err *err)
{
    return accumulator_new(ctx, name, true, err);
}

static void add_now(struct hr_accumulator *acc, int64_t i64, double f64)
{
    if (hr_in_worker()) { /* the driver adds it when the attempt has succeeded */
        struct hr_frame frame = {.kind = HR_FRAME_UPDATE, .object = acc, .i64 = i64, .f64 = f64};
        if (hr_worker_send(&frame, &hr_task_local.misuse) != HR_OK) hr_task_local.misused = true;
        return;
    }
    hr_forkable_lock(&acc->lock);
    acc->i64 = (int64_t)((uint64_t)acc->i64 + (uint64_t)i64);
    acc->f64 += f64;
    hr_forkable_unlock(&acc->lock);
}

void hr_acc_take(void *acc, int64_t i64, double f64)
{
    add_now(acc, i64, f64);
}

static void add(struct hr_accumulator *acc, int64_t i64, double f64)
{
    struct hr_acc_delta **list = hr_task_local.deltas;
    if (!list) {
        add_now(acc, i64, f64);
        return;
    }
    struct hr_acc_delta *delta = *list;
    while (delta && delta->acc != acc) delta = delta->next;
    if (!delta) {
        delta = hr_zalloc(sizeof *delta);
        if (!delta) {
            /* Reported as the task's failure: a lost update would be a wrong result. */
            hr_task_local.misused = true;
            HR_UNUSED(HR_OOM(&hr_task_local.misuse));
            return;
        }
        delta->acc = acc;
        delta->next = *list;
        *list = delta;
    }
    delta->i64 = (int64_t)((uint64_t)delta->i64 + (uint64_t)i64);
    delta->f64 += f64;
}

void hr_accumulator_add(struct hr_accumulator *acc, int64_t value)
{
    add(acc, acc->is_double ? 0 : value, acc->is_double ? (double)value : 0);
}

void hr_accumulator_add_double(struct hr_accumulator *acc, double value)
{
    add(acc, acc->is_double ? 0 : (int64_t)value, acc->is_double ? value : 0);
}

/* Into the list that additions go to now; NULL: into the accumulators. */
void hr_acc_merge(struct hr_acc_delta **deltas)
{
    struct hr_acc_delta **list = hr_task_local.deltas;
    while (*deltas) {
        struct hr_acc_delta *delta = *deltas, *there = list ? *list : NULL;
        *deltas = delta->next;
        while (there && there->acc != delta->acc) there = there->next;
        if (list && !there) {
            delta->next = *list;
            *list = delta;
            continue;
        }
        if (there) {
            there->i64 = (int64_t)((uint64_t)there->i64 + (uint64_t)delta->i64);
            there->f64 += delta->f64;
        } else {
            add_now(delta->acc, delta->i64, delta->f64);
        }
        hr_free(delta);
    }
}

void hr_acc_drop(struct hr_acc_delta **deltas)
{
    while (*deltas) {
        struct hr_acc_delta *delta = *deltas;
        *deltas = delta->next;
        hr_free(delta);
    }
}

int64_t hr_accumulator_value(struct hr_accumulator *acc)
{
    hr_forkable_lock(&acc->lock);
    int64_t v = acc->is_double ? (int64_t)acc->f64 : acc->i64;
    hr_forkable_unlock(&acc->lock);
    return v;
}

double hr_accumulator_value_double(struct hr_accumulator *acc)
{
    hr_forkable_lock(&acc->lock);
    double v = acc->is_double ? acc->f64 : (double)acc->i64;
    hr_forkable_unlock(&acc->lock);
    return v;
}

void hr_accumulator_reset(struct hr_accumulator *acc)
{
    hr_forkable_lock(&acc->lock);
    acc->i64 = 0;
    acc->f64 = 0;
    hr_forkable_unlock(&acc->lock);
}

/* --- Broadcasts ------------------------------------------------------------------------------- */

struct hr_broadcast *hr_broadcast(struct hr_context *ctx, void *value, void (*free_fn)(void *value),
                                  struct hr_err *err)
{
    struct hr_broadcast *b = hr_zalloc(sizeof *b);
    if (!b) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    b->value = value;
    b->free_fn = free_fn;
    pthread_mutex_lock(&ctx->lock);
    b->next = ctx->broadcasts;
    ctx->broadcasts = b;
    pthread_mutex_unlock(&ctx->lock);
    return b;
}

const void *hr_broadcast_value(const struct hr_broadcast *broadcast)
{
    return broadcast->value;
}

void hr_broadcast_destroy(struct hr_broadcast *broadcast)
{
    if (!broadcast) return;
    if (broadcast->free_fn) broadcast->free_fn(broadcast->value);
    broadcast->free_fn = NULL;
    broadcast->value = NULL;
}

void hr_context_free_shared(struct hr_context *ctx)
{
    while (ctx->accumulators) {
        struct hr_accumulator *acc = ctx->accumulators;
        ctx->accumulators = acc->next;
        pthread_mutex_destroy(&acc->lock);
        hr_free(acc->name);
        hr_free(acc);
    }
    while (ctx->broadcasts) {
        struct hr_broadcast *b = ctx->broadcasts;
        ctx->broadcasts = b->next;
        hr_broadcast_destroy(b);
        hr_free(b);
    }
}
