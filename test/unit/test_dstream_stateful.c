/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updateStateByKey and mapWithState in every mode of the harness: initial states, removed keys,
 * timeouts, snapshots, state over windows.
 *
 * The texts are what Spark 4.2.0 (Scala, manual clock, checkpoints after every batch) gave over the
 * same batches. One thing differs: a key times out once it has had nothing for *at least* the
 * timeout, as the documentation of Spark's StateSpec says; Spark itself waits until it is more. So
 * a timeout of t seconds here is one of t - 1 there, as batches are a second long.
 */
#include "dstream_harness.h"

/* --- updateStateByKey ------------------------------------------------------------------------- */

/* A running sum; a key goes when a batch had nothing for it and its sum is 1. */
static hr_status running(void *arg, const struct hr_row *key, const struct hr_row *values,
                         const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t sum = state ? hr_row_long(state, 0) : 0;
    uint32_t n = hr_row_length(values, 0);
    (void)arg, (void)key, (void)err;
    if (n == 0 && sum == 1) return 0;
    for (uint32_t i = 0; i < n; i++) {
        struct hr_row v;
        if (hr_row_element(values, 0, i, &v)) sum += hr_row_long(&v, 0);
    }
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}

static struct hr_dstream *update_from(struct hr_dstream *in, struct hr_rdd *initial,
                                      struct hr_err *err)
{
    return hr_dstream_update_state_by_key(in, "n LONG", running, NULL, 0, initial, err);
}

DS_PROGRAM(update, update_from(b->in, NULL, err))
DS_PROGRAM(update_initial, update_from(b->in, ds_rdd(b, "a:10 z:1 y:5", 2, err), err))
DS_PROGRAM(update_window,
           update_from(hr_dstream_window(b->in, 2 * SECOND, 2 * SECOND, err), NULL, err))
/* Nobody looks at the state in most batches. */
DS_PROGRAM(update_seldom, hr_dstream_window(update(b, err), SECOND, 4 * SECOND, err))
DS_PROGRAM(two_states, hr_dstream_join(update(b, err), update_from(b->other, NULL, err), 0, err))

HR_TEST(update_state_by_key)
{
    static const struct ds_program PROGRAMS[] = {
        {"updateStateByKey", update,
         "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); "
         "5: (a,3) (b,2) (c,3); 6: (a,3) (b,2) (c,3); 7: (a,3) (b,2) (c,3); "
         "8: (a,4) (b,3) (c,3); "},
        {"updateStateByKey, initial state", update_initial,
         "1: (a,12) (b,1) (y,5); 2: (a,12) (b,2) (y,5); 3: (a,12) (b,2) (y,5); "
         "4: (a,13) (b,2) (c,1) (y,5); 5: (a,13) (b,2) (c,3) (y,5); "
         "6: (a,13) (b,2) (c,3) (y,5); 7: (a,13) (b,2) (c,3) (y,5); "
         "8: (a,14) (b,3) (c,3) (y,5); "},
        {"updateStateByKey over a window", update_window,
         "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 6: (a,3) (b,2) (c,3); "
         "8: (a,4) (b,3) (c,3); "},
        {"updateStateByKey, looked at every 4 s", update_seldom,
         "4: (a,3) (b,2) (c,1); 8: (a,4) (b,3) (c,3); ", .alone = true},
        {"two states", two_states,
         "1: (a,2,7); 2: (a,2,7); 3: (a,2,7) (b,2,8); 4: (a,3,11) (b,2,8) (c,1,11); "
         "5: (a,3,11) (b,2,8) (c,3,11); 6: (a,3,11) (b,2,8) (c,3,11); "
         "7: (a,3,13) (b,2,8) (c,3,11); 8: (a,4,16) (b,3,11) (c,3,11); ",
         .alone = true},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}

/* --- mapWithState ----------------------------------------------------------------------------- */

/* (word, rows so far, open or closed) */
static hr_status session(void *arg, int64_t time_us, const struct hr_row *key,
                         const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)arg, (void)time_us, (void)err;
    int64_t n = hr_state_get(state) ? hr_row_long(hr_state_get(state), 0) : 0;
    if (value) {
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, ++n);
        hr_emit_end(update);
    }
    hr_emit_text(out, hr_row_str(key, 0));
    hr_emit_long(out, n);
    hr_emit_str(out, hr_state_timing_out(state) ? "closed" : "open");
    hr_emit_end(out);
    return 0;
}

static struct hr_dstream *sessions(struct ds_bench *b, int64_t timeout_us, bool initial,
                                   struct hr_err *err)
{
    struct hr_state_spec spec = {.state_schema = "n LONG",
                                 .mapped_schema = "word STRING, n LONG, is STRING",
                                 .fn = session,
                                 .timeout_us = timeout_us,
                                 .initial = initial ? ds_rdd(b, "a:10 z:1", 2, err) : NULL};
    return hr_dstream_map_with_state(b->in, &spec, err);
}

/* A word's state is its sum until it is 6 or more; then it goes. The batch's time comes along. */
static hr_status until_six(void *arg, int64_t time_us, const struct hr_row *key,
                           const struct hr_row *value, struct hr_state *state,
                           struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    int64_t n = hr_row_long(value, 0);
    if (hr_state_get(state)) n += hr_row_long(hr_state_get(state), 0);
    if (n >= 6) {
        hr_state_remove(state);
        hr_emit_text(out, hr_row_str(key, 0));
        hr_emit_long(out, n);
        hr_emit_long(out, time_us / SECOND);
        hr_emit_end(out);
        return 0;
    }
    struct hr_emitter *update = hr_state_update(state);
    hr_emit_long(update, n);
    hr_emit_end(update);
    return 0;
}

static struct hr_dstream *removing(struct ds_bench *b, struct hr_err *err)
{
    struct hr_state_spec spec = {.state_schema = "n LONG",
                                 .mapped_schema = "word STRING, n LONG, s LONG",
                                 .fn = until_six,
                                 .partitions = 3};
    return hr_dstream_map_with_state(b->other, &spec, err);
}

DS_PROGRAM(mapped_0, sessions(b, 0, false, err))
DS_PROGRAM(snapshots_0, hr_dstream_state_snapshots(mapped_0(b, err), err))
DS_PROGRAM(mapped_0_initial, sessions(b, 0, true, err))
DS_PROGRAM(snapshots_0_initial, hr_dstream_state_snapshots(mapped_0_initial(b, err), err))
DS_PROGRAM(mapped_2, sessions(b, 2 * SECOND, false, err))
DS_PROGRAM(snapshots_2, hr_dstream_state_snapshots(mapped_2(b, err), err))
DS_PROGRAM(mapped_2_initial, sessions(b, 2 * SECOND, true, err))
DS_PROGRAM(snapshots_2_initial, hr_dstream_state_snapshots(mapped_2_initial(b, err), err))
DS_PROGRAM(mapped_3, sessions(b, 3 * SECOND, false, err))
DS_PROGRAM(snapshots_3, hr_dstream_state_snapshots(mapped_3(b, err), err))
DS_PROGRAM(mapped_3_initial, sessions(b, 3 * SECOND, true, err))
DS_PROGRAM(snapshots_3_initial, hr_dstream_state_snapshots(mapped_3_initial(b, err), err))
DS_PROGRAM(removing_states, hr_dstream_state_snapshots(removing(b, err), err))

HR_TEST(map_with_state)
{
    static const struct ds_program PROGRAMS[] = {
        {"mapWithState, timeout 0 s", mapped_0,
         "1: (a,1,open) (a,2,open) (b,1,open); 2: (b,2,open); 3:; "
         "4: (a,3,open) (c,1,open); 5: (c,2,open) (c,3,open); 6:; 7:; "
         "8: (a,4,open) (b,3,open); "},
        {"stateSnapshots, timeout 0 s", snapshots_0,
         "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); "
         "5: (a,3) (b,2) (c,3); 6: (a,3) (b,2) (c,3); 7: (a,3) (b,2) (c,3); "
         "8: (a,4) (b,3) (c,3); "},
        {"mapWithState, timeout 0 s, initial state", mapped_0_initial,
         "1: (a,11,open) (a,12,open) (b,1,open); 2: (b,2,open); 3:; "
         "4: (a,13,open) (c,1,open); 5: (c,2,open) (c,3,open); 6:; 7:; "
         "8: (a,14,open) (b,3,open); "},
        {"stateSnapshots, timeout 0 s, initial state", snapshots_0_initial,
         "1: (a,12) (b,1) (z,1); 2: (a,12) (b,2) (z,1); 3: (a,12) (b,2) (z,1); "
         "4: (a,13) (b,2) (c,1) (z,1); 5: (a,13) (b,2) (c,3) (z,1); "
         "6: (a,13) (b,2) (c,3) (z,1); 7: (a,13) (b,2) (c,3) (z,1); "
         "8: (a,14) (b,3) (c,3) (z,1); "},
        {"mapWithState, timeout 2 s", mapped_2,
         "1: (a,1,open) (a,2,open) (b,1,open); 2: (b,2,open); 3: (a,2,closed); "
         "4: (a,1,open) (b,2,closed) (c,1,open); 5: (c,2,open) (c,3,open); "
         "6: (a,1,closed); 7: (c,3,closed); 8: (a,1,open) (b,1,open); "},
        {"stateSnapshots, timeout 2 s", snapshots_2,
         "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (b,2); 4: (a,1) (c,1); 5: (a,1) (c,3); "
         "6: (c,3); 7:; 8: (a,1) (b,1); "},
        {"mapWithState, timeout 2 s, initial state", mapped_2_initial,
         "1: (a,11,open) (a,12,open) (b,1,open); 2: (b,2,open); "
         "3: (a,12,closed) (z,1,closed); 4: (a,1,open) (b,2,closed) (c,1,open); "
         "5: (c,2,open) (c,3,open); 6: (a,1,closed); 7: (c,3,closed); "
         "8: (a,1,open) (b,1,open); "},
        {"stateSnapshots, timeout 2 s, initial state", snapshots_2_initial,
         "1: (a,12) (b,1) (z,1); 2: (a,12) (b,2) (z,1); 3: (b,2); 4: (a,1) (c,1); "
         "5: (a,1) (c,3); 6: (c,3); 7:; 8: (a,1) (b,1); "},
        {"mapWithState, timeout 3 s", mapped_3,
         "1: (a,1,open) (a,2,open) (b,1,open); 2: (b,2,open); 3:; "
         "4: (a,3,open) (c,1,open); 5: (b,2,closed) (c,2,open) (c,3,open); 6:; "
         "7: (a,3,closed); 8: (a,1,open) (b,1,open) (c,3,closed); "},
        {"stateSnapshots, timeout 3 s", snapshots_3,
         "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); "
         "5: (a,3) (c,3); 6: (a,3) (c,3); 7: (c,3); 8: (a,1) (b,1); "},
        {"mapWithState, timeout 3 s, initial state", mapped_3_initial,
         "1: (a,11,open) (a,12,open) (b,1,open); 2: (b,2,open); 3:; "
         "4: (a,13,open) (c,1,open) (z,1,closed); "
         "5: (b,2,closed) (c,2,open) (c,3,open); 6:; 7: (a,13,closed); "
         "8: (a,1,open) (b,1,open) (c,3,closed); "},
        {"stateSnapshots, timeout 3 s, initial state", snapshots_3_initial,
         "1: (a,12) (b,1) (z,1); 2: (a,12) (b,2) (z,1); 3: (a,12) (b,2) (z,1); "
         "4: (a,13) (b,2) (c,1); 5: (a,13) (c,3); 6: (a,13) (c,3); 7: (c,3); "
         "8: (a,1) (b,1); "},
        {"mapWithState that removes", removing,
         "1: (a,7,1); 2:; 3: (b,8,3) (d,9,3); 4: (c,11,4); 5:; 6:; 7: (a,6,7); 8:; "},
        {"what it keeps", removing_states,
         "1:; 2:; 3:; 4: (a,4); 5: (a,4); 6: (a,4) (x,1); 7: (x,1); 8: (a,3) (b,3) (x,1); ",
         .alone = true},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}
