/* SPDX-License-Identifier: Apache-2.0 */
/* The state of streams counts against the memory of its scheduling pool: beyond it the batch fails
 * by name, and when the stream is gone nothing is left on the account. */
#include <headrace/headrace.h>
#include <stdio.h>

#include "hr_test.h"

#define SECOND 1000000

static hr_status pair(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    char key[64];
    (void)arg, (void)err;
    snprintf(key, sizeof key, "a key of some length, number %lld", (long long)hr_row_long(row, 0));
    hr_emit_str(out, key);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static hr_status count(void *arg, int64_t time_us, const struct hr_row *key,
                       const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)time_us, (void)err, (void)value;
    struct hr_emitter *next = hr_state_update(state);
    hr_emit_field(next, key, 0);
    hr_emit_end(next);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static hr_status keep(void *arg, const struct hr_row *key, const struct hr_row *values,
                      const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)key, (void)values, (void)state, (void)err;
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static hr_status look(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    uint64_t n;
    (void)arg, (void)time_us;
    return hr_rdd_count(rdd, &n, err);
}

enum kind { MAPPED, UPDATED, INVERSE, KINDS };

static struct hr_dstream *stateful(enum kind kind, struct hr_dstream *in, struct hr_err *err)
{
    struct hr_state_spec spec = {
        .mapped_schema = "n LONG", .state_schema = "name STRING", .fn = count};
    if (kind == MAPPED) return hr_dstream_map_with_state(in, &spec, err);
    if (kind == UPDATED)
        return hr_dstream_update_state_by_key(in, "n LONG", keep, NULL, 0, NULL, err);
    return hr_dstream_reduce_by_key_and_window(in, hr_sum, hr_subtract, NULL, NULL, 100 * SECOND,
                                               SECOND, 0, err);
}

HR_TEST(state_counts_against_its_pool)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct hr_err err = {0};
        struct hr_context_options o = {.manual_clock = true, .threads = 1};
        struct hr_context *ctx = hr_context_new(&o, &err);
        HR_EXPECT_OK(hr_context_add_pool(
            ctx, &(struct hr_pool_options){.name = "state", .memory_bytes = 4 << 20}, &err));
        HR_EXPECT_OK(hr_context_set_pool(ctx, "state", &err));
        struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
        struct hr_dstream *in = hr_queue_stream(ssc, "id LONG", true, &err);
        struct hr_dstream *pairs = hr_dstream_map(in, "k STRING, n LONG", pair, NULL, &err);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(stateful(kind, pairs, &err), look, NULL, &err));
        HR_ASSERT_OK(hr_streaming_start(ssc, &err));
        hr_status status = 0;
        int64_t held = 0;
        for (int64_t i = 0; i < 200 && status == 0; i++) {
            held = hr_context_pool_memory_bytes(ctx, "state");
            struct hr_rdd *ids = hr_range(ctx, i * 1000, (i + 1) * 1000, 1, 1, &err);
            HR_EXPECT_OK(hr_queue_push(in, ids, &err));
            hr_rdd_release(ids);
            status = hr_streaming_step(ssc, &err);
        }
        HR_EXPECT_TRUE(status != 0 && held > 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_MEMORY_LIMIT");
        HR_EXPECT_TRUE(strstr(err.msg, "pool state") != NULL);
        hr_streaming_free(ssc);
        HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "state"), 0);
        hr_context_free(ctx);
    }
}
