/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines "HOST LEVEL text" from files: errors by host, and the hosts that are more than one
 * standard deviation above the mean. Lines that do not parse are counted in an accumulator.
 *
 *     log_anomalies 'logs/?*.log'
 */
#include <headrace/headrace.h>
#include <stdio.h>

static hr_status parse(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), host, level;
    (void)err;
    if (!hr_text_next_word(&line, &host) || !hr_text_next_word(&line, &level)) {
        hr_accumulator_add(arg, 1);
        return 0;
    }
    hr_emit_text(out, host);
    hr_emit_long(out, hr_text_eq(level, hr_text("ERROR")));
    hr_emit_end(out);
    return 0;
}

static bool above(void *arg, const struct hr_row *row)
{
    const struct hr_stats *s = arg;
    return (double)hr_row_long(row, 1) > s->mean + s->stdev;
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    struct hr_stats stats = {0};
    struct hr_rows *rows = NULL;
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_accumulator *bad = hr_accumulator_long(ctx, "unparsed lines", &err);
    struct hr_rdd *lines = hr_text_file(ctx, argc > 1 ? argv[1] : "README.md", 0, &err);
    struct hr_rdd *events = hr_rdd_flat_map(lines, "host STRING, errors LONG", parse, bad, &err);
    struct hr_rdd *by_host =
        hr_rdd_cache(hr_rdd_reduce_by_key(events, hr_sum, NULL, 0, &err), &err);
    if (hr_rdd_stats(by_host, "errors", &stats, &err) == 0)
        rows = hr_rdd_collect(hr_rdd_sort_by(hr_rdd_filter(by_host, above, &stats, &err),
                                             "errors DESC, host", 1, &err),
                              &err);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        printf("%.*s: %lld errors\n", (int)hr_row_str(row, 0).len, hr_row_str(row, 0).ptr,
               (long long)hr_row_long(row, 1));
    if (!rows)
        fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    else
        printf("%llu hosts, mean %.2f, unparsed lines %lld\n", (unsigned long long)stats.count,
               stats.mean, (long long)hr_accumulator_value(bad));
    hr_rows_free(rows);
    hr_context_free(ctx);
    return err.code != 0;
}
