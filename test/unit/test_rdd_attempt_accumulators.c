/* SPDX-License-Identifier: Apache-2.0 */
/* Accumulators in transformations: once for each partition, whatever becomes of the attempts. */
#include <headrace/headrace.h>

#include "base/err.h"
#include "hr_test.h"

struct fixture {
    struct hr_accumulator *rows, *halves;
    _Atomic int fail; /* attempts that are still to fail */
};

static hr_status counted(void *arg, const struct hr_row *row, struct hr_emitter *out,
                         struct hr_err *err)
{
    struct fixture *f = arg;
    (void)err;
    hr_accumulator_add(f->rows, 1);
    hr_accumulator_add_double(f->halves, 0.5);
    hr_emit_row(out, row);
    return 0;
}

/* Reads all rows first, so that the map has ended when this fails. */
static hr_status drain(void *arg, uint32_t partition, struct hr_rows *rows, struct hr_err *err)
{
    struct fixture *f = arg;
    (void)partition;
    while (hr_rows_next(rows)) continue;
    hr_accumulator_add(f->rows, 1000000);
    if (f->fail-- > 0) return HR_FAIL(err, HR_E_IO, "once more");
    return 0;
}

HR_TEST(a_failed_attempt_adds_nothing)
{
    for (uint32_t threads = 1; threads <= 2; threads++) {
        struct hr_err err = {0};
        struct hr_context_options o = {.threads = threads};
        struct hr_context *ctx = hr_context_new(&o, &err);
        struct fixture f = {hr_accumulator_long(ctx, "rows", &err),
                            hr_accumulator_double(ctx, "halves", &err), 3};
        struct hr_rdd *rdd =
            hr_rdd_map(hr_range(ctx, 0, 5000, 1, 2, &err), "id LONG", counted, &f, &err);
        rdd = hr_rdd_map(rdd, "id LONG", counted, &f, &err);
        HR_EXPECT_OK(hr_rdd_foreach_partition(rdd, drain, &f, &err));
        struct hr_context_stats stats;
        hr_context_get_stats(ctx, &stats);
        HR_EXPECT_EQ_U64(stats.failed_tasks, 3);
        HR_EXPECT_EQ_I64(hr_accumulator_value(f.rows), 10000 + 2000000);
        HR_EXPECT_EQ_F64(hr_accumulator_value_double(f.halves), 5000);
        hr_context_free(ctx);
    }
}
