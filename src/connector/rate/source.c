/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's rate and rate-micro-batch sources: (timestamp, value) rows for tests.
 *
 *   rate              rowsPerSecond values for every whole second since the query was created;
 *                     the offset is that second. With rampUpTime the rate grows linearly.
 *   rate-micro-batch  rowsPerBatch values an epoch, at times that advance by advanceMillisPerBatch;
 *                     the offset is {"offset":rows,"timestamp":ms}, a function of the epoch alone.
 */
#include <stdio.h>

#include "column/type_parse.h"
#include "connector/connector.h"

#define SCHEMA "timestamp TIMESTAMP, value BIGINT"

struct rate_options {
    int64_t rows_per_second, ramp_up_us, partitions;
    int64_t rows_per_batch, start_ms, advance_ms;
};

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct rate_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec rate_specs[] = {
    OPT(rows_per_second, HR_OPT_INT, "rowsPerSecond", "1", 1, INT64_C(10000000000),
        "rows a second"),
    OPT(ramp_up_us, HR_OPT_DURATION, "rampUpTime", "0s", 0, 0,
        "how long the rate takes to reach rowsPerSecond"),
    OPT(partitions, HR_OPT_INT, "numPartitions", "0", 0, 1024, "splits; 0: as threads"),
};
static const struct hr_opt_spec micro_specs[] = {
    OPT(rows_per_batch, HR_OPT_INT, "rowsPerBatch", "0", 0, INT64_C(1000000000), "rows an epoch"),
    OPT(start_ms, HR_OPT_INT, "startTimestamp", "0", 0, 0, "time of the first batch, ms"),
    OPT(advance_ms, HR_OPT_INT, "advanceMillisPerBatch", "1000", 0, INT64_C(1) << 40,
        "how much later each batch is"),
    OPT(partitions, HR_OPT_INT, "numPartitions", "0", 0, 1024, "splits; 0: as threads"),
};

struct rate_source {
    struct hr_source base;
    struct rate_options options;
    struct hr_env *env;
    char *checkpoint_dir;
    int64_t created_us;
    uint32_t threads;
    bool micro;
};

/* Values [first, first + count) of which value v is at start_us + (v - first) × step. */
struct rate_range {
    int64_t first, end, origin, start_us, total;
    int64_t span_us; /* time that `total` values spread over; 0: all at start_us */
};

static struct rate_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct rate_source, base);
}

static void rate_close(struct hr_source *source)
{
    hr_free(self(source)->checkpoint_dir);
    hr_free(self(source));
}

/* The moment of creation lives with the checkpoint: offsets count seconds from it. */
static hr_status remember_creation(struct rate_source *s, struct hr_err *err)
{
    struct hr_buf text = {0};
    char path[4096];
    s->created_us = hr_now_us(s->env);
    if (!s->checkpoint_dir) return HR_OK;
    snprintf(path, sizeof path, "%s/created", s->checkpoint_dir);
    if (hr_env_exists(s->env, path)) {
        hr_status status = hr_env_read_file(s->env, path, &text, err);
        int64_t us;
        if (!status && !hr_parse_i64(hr_sv_trim(hr_svn(text.ptr, text.len)), &us))
            status = HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "%s: not a time", path);
        if (!status) s->created_us = us;
        hr_buf_done(&text);
        return status;
    }
    HR_TRY(s->env->vt->mkdirs(s->env, s->checkpoint_dir, err));
    char number[32];
    int len = snprintf(number, sizeof number, "%lld\n", (long long)s->created_us);
    return hr_env_write_file(s->env, path, number, (size_t)len, err);
}

static hr_status open_any(const struct hr_source_args *args, bool micro,
                          const struct hr_source_vt *vt, struct hr_source **ret,
                          struct hr_err *err)
{
    struct rate_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->base.vt = vt;
    s->env = args->env;
    s->micro = micro;
    s->threads = args->conf && args->conf->threads ? args->conf->threads : 1;
    hr_status status = hr_options_parse(micro ? micro_specs : rate_specs,
                                        micro ? HR_COUNT(micro_specs) : HR_COUNT(rate_specs),
                                        args->options, &s->options, err);
    if (!status) status = hr_schema_parse(hr_sv(SCHEMA), &s->base.schema, err);
    if (!status) status = hr_connector_fixed_schema(vt->name, args->schema, s->base.schema, err);
    if (!status && micro && s->options.rows_per_batch == 0)
        status = HR_FAIL(err, HR_E_INVALID_OPTION, "option rowsPerBatch: must be given");
    if (!status && args->checkpoint_dir && !micro &&
        !(s->checkpoint_dir = hr_strdup(args->checkpoint_dir)))
        status = HR_OOM(err);
    if (!status && !micro) status = remember_creation(s, err);
    if (status) {
        rate_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

extern const struct hr_source_vt hr_source_rate, hr_source_rate_micro_batch;

static hr_status rate_open(const struct hr_source_args *args, struct hr_source **ret,
                           struct hr_err *err)
{
    return open_any(args, false, &hr_source_rate, ret, err);
}

static hr_status micro_open(const struct hr_source_args *args, struct hr_source **ret,
                            struct hr_err *err)
{
    return open_any(args, true, &hr_source_rate_micro_batch, ret, err);
}

/* Values made in the first `seconds`: a ramp, then a line (Spark's integer arithmetic). */
static int64_t value_at(const struct rate_source *s, int64_t seconds)
{
    int64_t ramp = s->options.ramp_up_us / 1000000, rate = s->options.rows_per_second;
    int64_t speed_delta = rate / (ramp + 1);
    if (seconds <= ramp) {
        if (seconds % 2 == 1) return (seconds + 1) / 2 * speed_delta * seconds;
        return seconds / 2 * speed_delta * (seconds + 1);
    }
    int64_t ramp_value = value_at(s, ramp);
    return ramp_value + (seconds - ramp) * rate;
}

static hr_status parse_micro(const char *text, int64_t *ret_rows, int64_t *ret_ms,
                             struct hr_err *err)
{
    long long rows, ms;
    if (sscanf(text, "{\"offset\":%lld,\"timestamp\":%lld}", &rows, &ms) != 2)
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "not an offset: %s", text);
    *ret_rows = rows;
    *ret_ms = ms;
    return HR_OK;
}

static hr_status make_splits(struct rate_source *s, const struct rate_range *range,
                             struct hr_arena *arena, struct hr_split **ret_splits,
                             uint32_t *ret_count, struct hr_err *err)
{
    int64_t rows = range->end - range->first;
    int64_t parts = s->options.partitions ? s->options.partitions
                                          : HR_MIN((int64_t)s->threads, rows / 8192 + 1);
    if (rows <= 0) parts = 0;
    struct hr_split *splits = HR_NEW_ARRAY(arena, struct hr_split, parts + 1);
    struct rate_range *ranges = HR_NEW_ARRAY(arena, struct rate_range, parts + 1);
    if (!splits || !ranges) return HR_OOM(err);
    for (int64_t i = 0; i < parts; i++) {
        ranges[i] = *range;
        ranges[i].first = range->first + (int64_t)((hr_i128)rows * i / parts);
        ranges[i].end = range->first + (int64_t)((hr_i128)rows * (i + 1) / parts);
        splits[i] = (struct hr_split){.data = &ranges[i], .description = s->base.vt->name,
                                      .rows_estimate = ranges[i].end - ranges[i].first,
                                      .bytes_estimate = -1};
    }
    *ret_splits = splits;
    *ret_count = (uint32_t)parts;
    return HR_OK;
}

static hr_status rate_plan(struct hr_source *source, const char *start, const char *end,
                           struct hr_arena *arena, struct hr_split **ret_splits,
                           uint32_t *ret_count, struct hr_err *err)
{
    struct rate_source *s = self(source);
    struct rate_range range = {0};
    int64_t from = 0, to = 0;
    if (s->micro) {
        int64_t ms = s->options.start_ms;
        if (start) HR_TRY(parse_micro(start, &from, &ms, err));
        range.start_us = ms * 1000;
        to = from;
        if (end) HR_TRY(parse_micro(end, &to, &ms, err));
        range.first = range.origin = from;
        range.end = to;
        return make_splits(s, &range, arena, ret_splits, ret_count, err);
    }
    if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
    to = from;
    if (end) HR_TRY(hr_connector_parse_offset(end, &to, err));
    range.first = range.origin = value_at(s, from);
    range.end = value_at(s, to);
    range.total = range.end - range.first;
    range.start_us = s->created_us / 1000 * 1000 + from * 1000000;
    range.span_us = (to - from) * 1000000;
    return make_splits(s, &range, arena, ret_splits, ret_count, err);
}

struct rate_reader {
    struct hr_scan_reader base;
    struct hr_scan_spec spec;
    const struct hr_type *schema;
    struct rate_range range;
};

static hr_status rate_next(struct hr_scan_reader *base, struct hr_batch **ret, struct hr_err *err)
{
    struct rate_reader *r = HR_CONTAINER_OF(base, struct rate_reader, base);
    struct rate_range *range = &r->range;
    if (range->first >= range->end) {
        *ret = NULL;
        return HR_OK;
    }
    if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
    uint32_t rows = (uint32_t)HR_MIN((int64_t)r->spec.batch_rows, range->end - range->first);
    struct hr_batch *batch = hr_batch_new(r->schema, rows, r->spec.mem);
    if (!batch) return HR_OOM(err);
    for (uint32_t c = 0; c < 2; c++) {
        hr_status status = hr_column_alloc(&batch->arena, r->schema->fields[c].type, rows, false,
                                           &batch->columns[c], err);
        if (status) {
            hr_batch_unref(batch);
            return status;
        }
    }
    int64_t *times = (int64_t *)(uintptr_t)batch->columns[0].values;
    int64_t *values = (int64_t *)(uintptr_t)batch->columns[1].values;
    for (uint32_t i = 0; i < rows; i++) {
        int64_t v = range->first + i;
        times[i] = range->start_us;
        if (range->span_us) /* milliseconds, as Spark */
            times[i] += (int64_t)((hr_i128)(v - range->origin) * range->span_us / range->total) /
                        1000 * 1000;
        values[i] = v;
    }
    range->first += rows;
    return hr_connector_project(batch, r->spec.schema, ret, err);
}

static void rate_reader_close(struct hr_scan_reader *base)
{
    hr_free(HR_CONTAINER_OF(base, struct rate_reader, base));
}

static hr_status rate_open_reader(struct hr_source *source, const struct hr_split *split,
                                  const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                  struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {rate_next, rate_reader_close};
    const struct rate_range *range = split->data;
    struct rate_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    *r = (struct rate_reader){{&vt}, *spec, source->schema, *range};
    if (!r->spec.batch_rows) r->spec.batch_rows = HR_BATCH_ROWS;
    *ret = &r->base;
    return HR_OK;
}

static hr_status rate_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    struct rate_source *s = self(source);
    if (s->micro)
        hr_buf_printf(ret, "{\"offset\":0,\"timestamp\":%lld}", (long long)s->options.start_ms);
    else
        hr_buf_puts(ret, "0");
    return hr_buf_status(ret, err);
}

static hr_status rate_latest(struct hr_source *source, const char *start,
                             const struct hr_read_limit *limit, struct hr_buf *ret,
                             struct hr_err *err)
{
    struct rate_source *s = self(source);
    HR_UNUSED(limit);
    if (s->micro) {
        int64_t rows = 0, ms = s->options.start_ms;
        if (start) HR_TRY(parse_micro(start, &rows, &ms, err));
        hr_buf_printf(ret, "{\"offset\":%lld,\"timestamp\":%lld}",
                      (long long)(rows + s->options.rows_per_batch),
                      (long long)(ms + s->options.advance_ms));
    } else {
        int64_t from = 0, now = (hr_now_us(s->env) - s->created_us) / 1000000;
        if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
        hr_buf_put_i64(ret, HR_MAX(now, from)); /* a clock set back gives nothing new */
    }
    return hr_buf_status(ret, err);
}

static void rate_describe(const struct hr_source *source, struct hr_buf *out)
{
    const struct rate_source *s = HR_CONTAINER_OF(source, struct rate_source, base);
    if (s->micro)
        hr_buf_printf(out, "RateStreamMicroBatch[rowsPerBatch=%lld]",
                      (long long)s->options.rows_per_batch);
    else
        hr_buf_printf(out, "RateStreamV2[rowsPerSecond=%lld, rampUpTimeSeconds=%lld]",
                      (long long)s->options.rows_per_second,
                      (long long)(s->options.ramp_up_us / 1000000));
}

const struct hr_source_vt hr_source_rate = {
    .name = "rate",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE,
    .options = rate_specs,
    .option_count = HR_COUNT(rate_specs),
    .open = rate_open,
    .close = rate_close,
    .plan_splits = rate_plan,
    .open_reader = rate_open_reader,
    .initial_offset = rate_initial,
    .latest_offset = rate_latest,
    .describe = rate_describe,
    .poll_interval_us = 50000,
};

const struct hr_source_vt hr_source_rate_micro_batch = {
    .name = "rate-micro-batch",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE,
    .options = micro_specs,
    .option_count = HR_COUNT(micro_specs),
    .open = micro_open,
    .close = rate_close,
    .plan_splits = rate_plan,
    .open_reader = rate_open_reader,
    .initial_offset = rate_initial,
    .latest_offset = rate_latest,
    .describe = rate_describe,
    .poll_interval_us = 1000,
};
