/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions by user from lines "SECOND USER", with a manual clock: a session closes when its user
 * was silent for three seconds.
 */
#include <headrace/headrace.h>
#include <stdio.h>

#define SECOND INT64_C(1000000)

static hr_status session(void *arg, int64_t time_us, const struct hr_row *key,
                         const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                         struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    int64_t events = old ? hr_row_long(old, 0) : 0;
    (void)arg, (void)err;
    if (value) {
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, events + 1);
        hr_emit_end(update);
    }
    if (!hr_state_timing_out(state)) return 0;
    hr_emit_field(out, key, 0);
    hr_emit_long(out, events);
    hr_emit_long(out, time_us / SECOND);
    hr_emit_end(out);
    return 0;
}

struct second {
    int64_t wanted;
    char user[64];
    int64_t at; /* of the line that was read ahead; -1: none left */
};

static void read_ahead(struct second *s)
{
    long long at;
    s->at = scanf("%lld %63s", &at, s->user) == 2 ? at : -1;
}

static hr_status events_of_second(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    struct second *s = arg;
    (void)err;
    for (; s->at >= 0 && s->at <= s->wanted; read_ahead(s)) {
        hr_emit_str(out, s->user);
        hr_emit_long(out, s->at);
        hr_emit_end(out);
    }
    return 0;
}

int main(void)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.manual_clock = true};
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "user STRING, at LONG", true, &err);
    struct hr_state_spec spec = {.state_schema = "events LONG",
                                 .mapped_schema = "user STRING, events LONG, closed LONG",
                                 .fn = session,
                                 .timeout_us = 3 * SECOND};
    hr_status status = hr_dstream_print(hr_dstream_map_with_state(in, &spec, &err), 100, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    struct second s = {0};
    read_ahead(&s);
    for (int silent = 0; status == 0 && silent < 4; s.wanted++) {
        struct hr_rdd *batch =
            hr_parallelize(ctx, "user STRING, at LONG", events_of_second, &s, 1, &err);
        status = hr_queue_push(in, batch, &err);
        hr_rdd_release(batch); /* the queue has it until its batch has been */
        if (status == 0) status = hr_streaming_step(ssc, &err);
        silent = s.at < 0 ? silent + 1 : 0;
    }
    if (status) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}
