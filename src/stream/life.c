/* SPDX-License-Identifier: Apache-2.0 */
/* The table of phases, and waiting for the end. */
#include "stream/life.h"

#include <assert.h>
#include <time.h>

#define TO(phase) (1u << HR_QUERY_##phase)

/* From a phase to those that may follow it. */
static const uint32_t followers[] = {
    [HR_QUERY_CREATED] = TO(OPENING),
    [HR_QUERY_OPENING] = TO(RUNNING) | TO(CLOSING),
    [HR_QUERY_RUNNING] = TO(RECOVERING) | TO(CLOSING),
    [HR_QUERY_RECOVERING] = TO(OPENING) | TO(CLOSING), /* stopped while it waited to open again */
    [HR_QUERY_CLOSING] = TO(ENDED),
    [HR_QUERY_ENDED] = 0,
};

hr_status hr_life_init(struct hr_query_life *life, struct hr_err *err)
{
    pthread_condattr_t attr;
    hr_err_init(&life->end_err);
    life->phase = HR_QUERY_CREATED;
    if (pthread_mutex_init(&life->lock, NULL) || pthread_condattr_init(&attr)) return HR_OOM(err);
    /* What is waited for is a stretch of time: the clock of the wall may jump. */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&life->changed, &attr);
    pthread_condattr_destroy(&attr);
    return failed ? HR_OOM(err) : HR_OK;
}

void hr_life_done(struct hr_query_life *life)
{
    pthread_cond_destroy(&life->changed);
    pthread_mutex_destroy(&life->lock);
}

static void change(struct hr_query_life *life, enum hr_query_phase phase)
{
    assert(life->phase <= HR_QUERY_ENDED && phase <= HR_QUERY_ENDED);
    assert(followers[life->phase] & (1u << phase));
    life->phase = phase;
    pthread_cond_broadcast(&life->changed);
}

void hr_life_enter(struct hr_query_life *life, enum hr_query_phase phase)
{
    assert(phase != HR_QUERY_ENDED); /* which has a status: hr_life_end */
    pthread_mutex_lock(&life->lock);
    change(life, phase);
    pthread_mutex_unlock(&life->lock);
}

void hr_life_end(struct hr_query_life *life, hr_status status, const struct hr_err *err)
{
    assert(status == HR_OK || err);
    pthread_mutex_lock(&life->lock);
    life->end_status = status;
    if (status != HR_OK) hr_err_copy(&life->end_err, err);
    change(life, HR_QUERY_ENDED);
    pthread_mutex_unlock(&life->lock);
}

bool hr_life_has_ended(struct hr_query_life *life)
{
    pthread_mutex_lock(&life->lock);
    bool ended = life->phase == HR_QUERY_ENDED;
    pthread_mutex_unlock(&life->lock);
    return ended;
}

void hr_life_stop(struct hr_query_life *life, bool at_once)
{
    assert(life->phase != HR_QUERY_CREATED);
    atomic_store(&life->stop, true);
    if (at_once) __atomic_store_n(&life->cancelled, true, __ATOMIC_RELAXED);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* deadline_ns -1: none. */
static bool wait_until(struct hr_query_life *life, int64_t deadline_ns)
{
    if (deadline_ns < 0) {
        pthread_cond_wait(&life->changed, &life->lock);
        return true;
    }
    struct timespec ts = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    return pthread_cond_timedwait(&life->changed, &life->lock, &ts) == 0;
}

static int64_t deadline_after(int64_t timeout_us)
{
    return timeout_us < 0 ? -1 : now_ns() + timeout_us * 1000;
}

bool hr_life_wait(struct hr_query_life *life, int64_t timeout_us)
{
    /* Without the lock the wake-up between looking and waiting would be lost. */
    assert(pthread_mutex_trylock(&life->lock) != 0);
    return wait_until(life, deadline_after(timeout_us));
}

bool hr_life_await(struct hr_query_life *life, int64_t timeout_us, hr_status *ret_status,
                   struct hr_err *err)
{
    int64_t deadline_ns = deadline_after(timeout_us);
    pthread_mutex_lock(&life->lock);
    while (life->phase != HR_QUERY_ENDED) {
        if (!wait_until(life, deadline_ns)) break;
    }
    bool ended = life->phase == HR_QUERY_ENDED;
    if (ended) {
        *ret_status = life->end_status;
        if (life->end_status != HR_OK && err) hr_err_copy(err, &life->end_err);
    }
    pthread_mutex_unlock(&life->lock);
    return ended;
}
