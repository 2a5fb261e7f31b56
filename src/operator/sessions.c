/* SPDX-License-Identifier: Apache-2.0 */
#include "operator/sessions.h"

static void init_session(const struct hr_pnode *node, struct hr_session *session, int64_t start_us,
                         int64_t end_us)
{
    assert(start_us <= end_us); /* both 0: a value that has none yet */
    memset(session, 0, hr_session_bytes(node));
    session->start_us = start_us;
    session->end_us = end_us;
    hr_agg_init(node, hr_session_states(session));
}

static void renew_deadline(const struct hr_pnode *node, struct hr_sessions *s)
{
    assert(s->count == 0 || hr_sessions_at(node, s, 0)->end_us <= s->newest.end_us);
    s->deadline_us = s->count ? hr_sessions_at(node, s, 0)->end_us : INT64_MAX;
}

/* Room for one more older session. */
static hr_status reserve(const struct hr_pnode *node, struct hr_sessions *s, uint32_t older,
                         struct hr_err *err)
{
    if (older <= s->capacity) return HR_OK;
    uint32_t capacity = HR_MAX(older, s->capacity + s->capacity / 2 + 2);
    uint8_t *grown = hr_value_realloc(s->older, (size_t)capacity * hr_session_bytes(node));
    if (!grown) return HR_OOM(err);
    s->older = grown;
    s->capacity = capacity;
    return HR_OK;
}

/* The first session whose end is at or behind time_us; count when there is none. */
static uint32_t first_reaching(const struct hr_pnode *node, struct hr_sessions *s, int64_t time_us)
{
    assert(s->count == 0 || s->capacity + 1 >= s->count);
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hr_sessions_at(node, s, middle)->end_us < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A session behind all others. */
static hr_status append(const struct hr_pnode *node, struct hr_sessions *s, int64_t start_us,
                        int64_t end_us, struct hr_err *err)
{
    size_t bytes = hr_session_bytes(node);
    if (s->count) {
        HR_TRY(reserve(node, s, s->count, err));
        memcpy(s->older + (s->count - 1) * bytes, &s->newest, bytes);
    } else { /* the states of an empty value are initialised */
        hr_agg_done(node, hr_session_states(&s->newest));
    }
    /* Sessions are in order of time, and none touches the next: else they were one. */
    assert(s->count == 0 || hr_sessions_at(node, s, s->count - 1)->end_us < start_us);
    s->count++;
    init_session(node, &s->newest, start_us, end_us);
    return HR_OK;
}

/* A session in front of the index-th. */
static hr_status insert(const struct hr_pnode *node, struct hr_sessions *s, uint32_t index,
                        int64_t start_us, int64_t end_us, struct hr_err *err)
{
    assert(index < s->count);
    size_t bytes = hr_session_bytes(node);
    HR_TRY(reserve(node, s, s->count, err));
    uint8_t *at = s->older + index * bytes;
    memmove(at + bytes, at, (s->count - 1 - index) * bytes);
    s->count++;
    init_session(node, (struct hr_session *)(void *)at, start_us, end_us);
    return HR_OK;
}

/* Removes the sessions (into, last], whose states have gone into the into-th. */
static void close_gap(const struct hr_pnode *node, struct hr_sessions *s, uint32_t into,
                      uint32_t last)
{
    assert(into <= last && last < s->count);
    size_t bytes = hr_session_bytes(node);
    if (last == into) return;
    if (last + 1 == s->count) { /* it is the newest now */
        memcpy(&s->newest, s->older + into * bytes, bytes);
    } else {
        uint8_t *to = s->older + (into + 1) * bytes;
        memmove(to, to + (last - into) * bytes, (s->count - 2 - last) * bytes);
    }
    s->count -= last - into;
}

/* The sessions [first, last] become one, which also covers [start, end). */
static hr_status merge(const struct hr_pnode *node, struct hr_sessions *s, uint32_t first,
                       uint32_t last, int64_t start_us, int64_t end_us,
                       struct hr_sessions_scratch *scratch, struct hr_err *err)
{
    assert(first <= last && last < s->count);
    struct hr_session *into = hr_sessions_at(node, s, first);
    hr_status status = HR_OK;
    uint32_t at = first;
    while (status == HR_OK && at < last) {
        struct hr_session *from = hr_sessions_at(node, s, at + 1);
        hr_buf_clear(&scratch->buf);
        hr_agg_save(node, hr_session_states(from), &scratch->buf);
        status = hr_buf_status(&scratch->buf, err);
        if (status != HR_OK) break;
        status = hr_agg_merge(node, scratch->states, hr_session_states(into),
                              hr_svn(scratch->buf.ptr, scratch->buf.len), err);
        if (status != HR_OK) break;
        hr_agg_done(node, hr_session_states(from));
        into->end_us = from->end_us;
        at++;
    }
    if (status == HR_OK) {
        into->start_us = HR_MIN(into->start_us, start_us);
        into->end_us = HR_MAX(into->end_us, end_us);
    }
    close_gap(node, s, first, at);
    return status;
}

hr_status hr_sessions_place(const struct hr_pnode *node, struct hr_sessions *s, int64_t start_us,
                            int64_t end_us, struct hr_sessions_scratch *scratch,
                            struct hr_session **ret, bool *ret_earlier, struct hr_err *err)
{
    assert(start_us < end_us);
    uint32_t first = first_reaching(node, s, start_us), last = first;
    int64_t deadline_us = s->count ? s->deadline_us : INT64_MAX;
    if (first == s->count) {
        HR_TRY(append(node, s, start_us, end_us, err));
    } else if (hr_sessions_at(node, s, first)->start_us > end_us) {
        HR_TRY(insert(node, s, first, start_us, end_us, err));
    } else {
        while (last + 1 < s->count && hr_sessions_at(node, s, last + 1)->start_us <= end_us) last++;
        HR_TRY(merge(node, s, first, last, start_us, end_us, scratch, err));
    }
    renew_deadline(node, s);
    *ret = hr_sessions_at(node, s, first);
    *ret_earlier = s->deadline_us < deadline_us;
    return HR_OK;
}

uint32_t hr_sessions_ended(const struct hr_pnode *node, struct hr_sessions *s, int64_t limit_us)
{
    uint32_t count = 0;
    while (count < s->count && hr_sessions_at(node, s, count)->end_us <= limit_us) count++;
    return count;
}

void hr_sessions_drop(const struct hr_pnode *node, struct hr_sessions *s, uint32_t count)
{
    assert(count <= s->count);
    size_t bytes = hr_session_bytes(node);
    for (uint32_t i = 0; i < count; i++)
        hr_agg_done(node, hr_session_states(hr_sessions_at(node, s, i)));
    if (count == s->count) {
        hr_value_free(s->older);
        hr_sessions_init(node, s);
        return;
    }
    if (s->older)
        memmove(s->older, s->older + count * bytes, (s->count - 1 - count) * bytes);
    s->count -= count;
    renew_deadline(node, s);
}

/* Codec ---------------------------------------------------------------------------------------- */

void hr_sessions_init(const struct hr_pnode *node, struct hr_sessions *s)
{
    memset(s, 0, sizeof *s - sizeof s->newest);
    init_session(node, &s->newest, 0, 0);
    s->deadline_us = INT64_MAX;
}

void hr_sessions_save(const void *node, const uint8_t *value, struct hr_buf *out)
{
    struct hr_sessions *s = (struct hr_sessions *)(uintptr_t)value;
    hr_buf_put_varint(out, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        struct hr_session *session = hr_sessions_at(node, s, i);
        hr_buf_put_u64(out, (uint64_t)session->start_us);
        hr_buf_put_u64(out, (uint64_t)session->end_us);
        hr_agg_save(node, hr_session_states(session), out);
    }
}

static hr_status damaged(struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                    "the sessions of a key are damaged");
}

hr_status hr_sessions_load(const void *node, uint8_t *value, struct hr_reader *in,
                           struct hr_err *err)
{
    struct hr_sessions *s = (struct hr_sessions *)(void *)value;
    hr_sessions_init(node, s);
    uint64_t count = hr_get_varint(in);
    int64_t last_us = INT64_MIN;
    for (uint64_t i = 0; i < count; i++) {
        int64_t start_us = (int64_t)hr_get_u64(in), end_us = (int64_t)hr_get_u64(in);
        if (in->failed || start_us >= end_us || (i && start_us <= last_us)) return damaged(err);
        HR_TRY(append(node, s, start_us, end_us, err));
        HR_TRY(hr_agg_load(node, hr_session_states(&s->newest), in, err));
        last_us = end_us;
    }
    if (in->failed || count == 0) return damaged(err);
    renew_deadline(node, s);
    return HR_OK;
}

void hr_sessions_done(const void *node, uint8_t *value)
{
    struct hr_sessions *s = (struct hr_sessions *)(void *)value;
    if (s->count == 0) hr_agg_done(node, hr_session_states(&s->newest));
    for (uint32_t i = 0; i < s->count; i++)
        hr_agg_done(node, hr_session_states(hr_sessions_at(node, s, i)));
    hr_value_free(s->older);
    s->older = NULL;
    s->count = 0;
}
