/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator as a source. Its offset is the number of events so far. A stream grows by
 * rowsPerSecond of the wall clock from the moment the query started (a restarted query does not
 * make up for the time it was down), or without a rate as fast as epochs ask.
 */
#include <stdio.h>

#include "base/datetime.h"
#include "column/type_parse.h"
#include "connector/connector.h"
#include "connector/generator/generator.h"
#include "format/format.h"

#define X(name) extern const struct hr_generator_vt hr_generator_##name;
#include "connector/generator/generators.def"
#undef X

static const struct hr_generator_vt *const generators[] = {
#define X(name) &hr_generator_##name,
#include "connector/generator/generators.def"
#undef X
};

struct gen_options {
    const char *name, *start;
    int64_t rows_per_second, rows, seed, partitions, events_per_second, rows_per_epoch;
};

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct gen_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(name, HR_OPT_STRING, "name", "payments", 0, 0, "which stream: payments, clicks, sensors …"),
    OPT(rows_per_second, HR_OPT_INT, "rowsPerSecond", "0", 0, INT64_C(1000000000),
        "events a second of the wall clock; 0: as fast as it goes"),
    OPT(rows, HR_OPT_INT, "numRows", "0", 0, INT64_MAX / 2, "the stream ends here; 0: never"),
    OPT(seed, HR_OPT_INT, "seed", "42", INT64_MIN / 2, INT64_MAX / 2, "another seed, other events"),
    OPT(partitions, HR_OPT_INT, "numPartitions", "0", 0, 1024, "splits a read; 0: as threads"),
    OPT(start, HR_OPT_STRING, "startTimestamp", "2024-01-01 00:00:00", 0, 0,
        "event time of the first event"),
    OPT(events_per_second, HR_OPT_INT, "eventsPerSecond", "0", 0, INT64_C(1000000000),
        "events a second of event time; 0: rowsPerSecond, or 10000"),
    OPT(rows_per_epoch, HR_OPT_INT, "maxRowsPerTrigger", "0", 0, INT64_MAX / 2,
        "events an epoch takes at most; 0: 1 000 000 when there is no rate"),
};

const struct hr_generator_vt *hr_generator_at(size_t index)
{
    return index < HR_COUNT(generators) ? generators[index] : NULL;
}

const struct hr_generator_vt *hr_generator_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(generators); i++)
        if (hr_str_eq_nocase(generators[i]->name, name)) return generators[i];
    return NULL;
}

static hr_status setup(struct hr_generator *g, struct gen_options *o,
                       const struct hr_options *options, struct hr_err *err)
{
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), options, o, err));
    g->vt = hr_generator_find(o->name);
    if (!g->vt) {
        struct hr_buf names = {0};
        for (size_t i = 0; i < HR_COUNT(generators); i++)
            hr_buf_printf(&names, "%s%s", i ? ", " : "", generators[i]->name);
        HR_FAIL(err, HR_E_NOT_FOUND, "generator %s not found; there are %s", o->name,
                hr_buf_cstr(&names));
        hr_buf_done(&names);
        return HR_E_NOT_FOUND;
    }
    if (g->vt->own_times && o->events_per_second)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option eventsPerSecond: generator %s has times of its own", o->name);
    g->seed = (uint64_t)o->seed;
    g->events_per_second = o->events_per_second ? o->events_per_second
                           : o->rows_per_second ? o->rows_per_second
                                                : 10000;
    if (!hr_parse_timestamp(hr_sv(o->start), hr_tz_utc(), &g->start_us))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option startTimestamp: not a time: %s", o->start);
    return hr_schema_parse(hr_sv(g->vt->schema), &g->schema, err);
}

/* Zeroed values, so that rows which nothing fills are empty strings. */
static hr_status zero_column(struct hr_arena *arena, const struct hr_type *type, uint32_t rows,
                             struct hr_column *col, struct hr_err *err)
{
    HR_TRY(hr_column_alloc(arena, type, rows, false, col, err));
    size_t width = type->id == HR_T_BOOLEAN ? 0 : hr_type_width(type);
    if (type->id == HR_T_BOOLEAN && rows)
        memset((void *)(uintptr_t)col->values, 0, hr_bit_words(rows) * 8);
    if (width && rows) memset((void *)(uintptr_t)col->values, 0, width * rows);
    if (type->id != HR_T_STRUCT) return HR_OK;
    if (!col->children) col->children = HR_NEW_ARRAY(arena, struct hr_column, type->field_count);
    if (!col->children) return HR_OOM(err);
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(zero_column(arena, type->fields[i].type, rows, &col->children[i], err));
    return HR_OK;
}

static hr_status fill_columns(const struct hr_generator *g, struct hr_batch *batch,
                              const uint64_t *events, uint32_t rows, struct hr_err *err)
{
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        int32_t field = hr_type_field_index(g->schema, hr_sv(batch->schema->fields[i].name));
        if (field < 0)
            return HR_BUG(err, "generator %s has no column %s", g->vt->name,
                          batch->schema->fields[i].name);
        HR_TRY(zero_column(&batch->arena, g->schema->fields[field].type, rows, &batch->columns[i],
                           err));
        HR_TRY(g->vt->fill(g, &batch->arena, (uint32_t)field, events, rows, &batch->columns[i],
                           err));
    }
    return HR_OK;
}

hr_status hr_generator_batch(const struct hr_generator *g, uint64_t first, uint32_t count,
                             const struct hr_type *wanted, struct hr_mem *mem,
                             struct hr_batch **ret, struct hr_err *err)
{
    uint64_t events[HR_BATCH_ROWS];
    uint32_t rows = count;
    assert(count <= HR_BATCH_ROWS);
    if (g->vt->select)
        rows = g->vt->select(g, first, count, events);
    else
        for (uint32_t i = 0; i < count; i++) events[i] = first + i;
    struct hr_batch *batch = hr_batch_new(wanted, rows, mem);
    if (!batch) return HR_OOM(err);
    hr_status status = fill_columns(g, batch, events, rows, err);
    if (status) {
        hr_batch_unref(batch);
        return status;
    }
    *ret = batch;
    return HR_OK;
}

/* --- Source ----------------------------------------------------------------------------------- */

struct gen_source {
    struct hr_source base;
    struct hr_arena arena;
    struct hr_generator gen;
    struct gen_options options;
    struct hr_env *env;
    uint32_t threads;
    bool started;
    int64_t started_us, started_at; /* the clock and the offset when the query began */
};

struct gen_range {
    int64_t first, end;
};

static struct gen_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct gen_source, base);
}

static void gen_close(struct hr_source *source)
{
    struct gen_source *s = self(source);
    hr_arena_done(&s->arena);
    hr_free(s);
}

extern const struct hr_source_vt hr_source_generator;

static hr_status gen_open(const struct hr_source_args *args, struct hr_source **ret,
                          struct hr_err *err)
{
    struct gen_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, args->mem);
    s->base.vt = &hr_source_generator;
    s->env = args->env;
    s->threads = args->conf && args->conf->threads ? args->conf->threads : 1;
    hr_status status = setup(&s->gen, &s->options, args->options, err);
    if (!status)
        status = hr_connector_fixed_schema("generator", args->schema, s->gen.schema, err);
    if (!status && !args->streaming && !args->schema_only && s->options.rows == 0)
        status = HR_FAIL(err, HR_E_INVALID_OPTION,
                         "option numRows: a batch query over a generator needs an end");
    if (status) {
        gen_close(&s->base);
        return status;
    }
    s->base.schema = s->gen.schema;
    s->base.flags = s->options.rows ? HR_SOURCE_BOUNDED : 0;
    *ret = &s->base;
    return HR_OK;
}

static hr_status gen_plan(struct hr_source *source, const char *start, const char *end,
                          struct hr_arena *arena, struct hr_split **ret_splits,
                          uint32_t *ret_count, struct hr_err *err)
{
    struct gen_source *s = self(source);
    int64_t first = 0, last = s->options.rows;
    if (start) HR_TRY(hr_connector_parse_offset(start, &first, err));
    if (end) HR_TRY(hr_connector_parse_offset(end, &last, err));
    int64_t rows = last > first ? last - first : 0;
    int64_t parts = s->options.partitions ? s->options.partitions : s->threads;
    if (!s->options.partitions) parts = HR_MIN(parts, rows / HR_BATCH_ROWS + 1);
    if (rows == 0) parts = 0;
    struct hr_split *splits = HR_NEW_ARRAY(arena, struct hr_split, parts + 1);
    struct gen_range *ranges = HR_NEW_ARRAY(arena, struct gen_range, parts + 1);
    if (!splits || !ranges) return HR_OOM(err);
    for (int64_t i = 0; i < parts; i++) {
        ranges[i].first = first + (int64_t)((hr_i128)rows * i / parts);
        ranges[i].end = first + (int64_t)((hr_i128)rows * (i + 1) / parts);
        splits[i] = (struct hr_split){
            .data = &ranges[i],
            .description = hr_arena_printf(arena, "%s [%lld, %lld)", s->gen.vt->name,
                                           (long long)ranges[i].first, (long long)ranges[i].end),
            .rows_estimate = ranges[i].end - ranges[i].first,
            .bytes_estimate = -1,
        };
        splits[i].key = splits[i].description;
    }
    *ret_splits = splits;
    *ret_count = (uint32_t)parts;
    return HR_OK;
}

struct gen_reader {
    struct hr_scan_reader base;
    const struct hr_generator *gen;
    struct hr_scan_spec spec;
    int64_t at, end;
};

static hr_status gen_next(struct hr_scan_reader *base, struct hr_batch **ret, struct hr_err *err)
{
    struct gen_reader *r = HR_CONTAINER_OF(base, struct gen_reader, base);
    while (r->at < r->end) {
        if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
        uint32_t count = (uint32_t)HR_MIN((int64_t)r->spec.batch_rows, r->end - r->at);
        struct hr_batch *batch;
        HR_TRY(hr_generator_batch(r->gen, (uint64_t)r->at, count, r->spec.schema, r->spec.mem,
                                  &batch, err));
        r->at += count;
        if (batch->row_count) {
            *ret = batch;
            return HR_OK;
        }
        hr_batch_unref(batch);
    }
    *ret = NULL;
    return HR_OK;
}

static void gen_reader_close(struct hr_scan_reader *base)
{
    hr_free(HR_CONTAINER_OF(base, struct gen_reader, base));
}

static hr_status gen_open_reader(struct hr_source *source, const struct hr_split *split,
                                 const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                 struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {gen_next, gen_reader_close};
    const struct gen_range *range = split->data;
    struct gen_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    *r = (struct gen_reader){{&vt}, &self(source)->gen, *spec, range->first, range->end};
    if (!r->spec.batch_rows || r->spec.batch_rows > HR_BATCH_ROWS)
        r->spec.batch_rows = HR_BATCH_ROWS;
    *ret = &r->base;
    return HR_OK;
}

static hr_status gen_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    HR_UNUSED(source);
    hr_buf_puts(ret, "0");
    return hr_buf_status(ret, err);
}

static hr_status gen_latest(struct hr_source *source, const char *start,
                            const struct hr_read_limit *limit, struct hr_buf *ret,
                            struct hr_err *err)
{
    struct gen_source *s = self(source);
    int64_t from = 0, to, room = s->options.rows_per_epoch;
    if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
    if (!s->started) {
        s->started = true;
        s->started_us = hr_now_us(s->env);
        s->started_at = from;
    }
    if (s->options.rows_per_second) {
        int64_t us = HR_MAX(0, hr_now_us(s->env) - s->started_us);
        to = s->started_at + (int64_t)((hr_i128)us * s->options.rows_per_second / 1000000);
    } else {
        to = INT64_MAX;
        if (!room) room = 1000000;
    }
    if (limit && limit->max_rows) room = room ? HR_MIN(room, limit->max_rows) : limit->max_rows;
    to = HR_MAX(to, from);
    if (room && to - from > room) to = from + room;
    if (s->options.rows) to = HR_MIN(to, s->options.rows);
    hr_buf_put_i64(ret, HR_MAX(to, from));
    return hr_buf_status(ret, err);
}

static hr_status gen_final(struct hr_source *source, const char *start, struct hr_buf *ret,
                           struct hr_err *err)
{
    struct gen_source *s = self(source);
    if (!s->options.rows) return gen_latest(source, start, NULL, ret, err);
    hr_buf_put_i64(ret, s->options.rows);
    return hr_buf_status(ret, err);
}

static void gen_describe(const struct hr_source *source, struct hr_buf *out)
{
    const struct gen_source *s = HR_CONTAINER_OF(source, struct gen_source, base);
    hr_buf_printf(out, "Generator[%s]", s->gen.vt->name);
}

const struct hr_source_vt hr_source_generator = {
    .name = "generator",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE | HR_SOURCE_BY_COLUMN,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = gen_open,
    .close = gen_close,
    .plan_splits = gen_plan,
    .open_reader = gen_open_reader,
    .initial_offset = gen_initial,
    .latest_offset = gen_latest,
    .final_offset = gen_final,
    .describe = gen_describe,
    .poll_interval_us = 1000,
};

/* --- headrace generate ------------------------------------------------------------------------ */

struct generate {
    const struct hr_generate_args *args;
    struct hr_generator gen;
    struct hr_encoder *encoder;
    struct hr_buf out;
};

static hr_status generate_rows(struct generate *run, struct hr_err *err)
{
    const struct hr_generate_args *args = run->args;
    int64_t started = hr_now_us(args->env);
    uint32_t step = HR_BATCH_ROWS;
    if (args->rows_per_second > 0)
        step = (uint32_t)HR_MAX(1.0, HR_MIN(args->rows_per_second / 100, HR_BATCH_ROWS));
    for (int64_t at = 0; !args->rows || at < args->rows;) {
        if (args->cancelled && __atomic_load_n(args->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        uint32_t count = args->rows ? (uint32_t)HR_MIN((int64_t)step, args->rows - at) : step;
        struct hr_batch *batch;
        HR_TRY(hr_generator_batch(&run->gen, (uint64_t)at, count, run->gen.schema, NULL, &batch,
                                  err));
        hr_status status = run->encoder->vt->encode(run->encoder, batch, &run->out, NULL, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        HR_TRY(args->write(args->arg, run->out.ptr, run->out.len, err));
        hr_buf_clear(&run->out);
        at += count;
        if (args->rows_per_second > 0) {
            int64_t due = started + (int64_t)((double)at / args->rows_per_second * 1e6);
            int64_t now = hr_now_us(args->env);
            if (due > now) args->env->vt->sleep_us(args->env, due - now);
        }
    }
    return HR_OK;
}

hr_status hr_generate(const struct hr_generate_args *args, struct hr_err *err)
{
    struct generate run = {.args = args};
    struct gen_options parsed;
    struct hr_arena arena;
    struct hr_options options;
    char text[32];
    memset(&parsed, 0, sizeof parsed);
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && args->options && i < args->options->count; i++)
        status = hr_options_put(&options, args->options->items[i].key,
                                args->options->items[i].value, err);
    snprintf(text, sizeof text, "%lld", (long long)args->seed);
    if (!status) status = hr_options_put(&options, "name", args->name, err);
    if (!status && args->seed) status = hr_options_put(&options, "seed", text, err);
    snprintf(text, sizeof text, "%lld", (long long)args->rows_per_second);
    if (!status && args->rows_per_second >= 1 && !hr_options_get(&options, "eventsPerSecond"))
        status = hr_options_put(&options, "eventsPerSecond", text, err);
    const struct hr_format_vt *format = NULL;
    if (!status)
        status = hr_format_choose(args->format ? args->format : HR_FORMAT_DEFAULT_OUT,
                                  HR_FORMAT_RECORDS_OUT, &format, err);
    if (!status) status = setup(&run.gen, &parsed, &options, err);
    struct hr_format_args format_args = {.options = args->options, .schema = run.gen.schema};
    if (!status) status = format->encoder_open(&format_args, &run.encoder, err);
    if (!status && format->begin) status = format->begin(run.encoder, &run.out, err);
    if (!status) status = generate_rows(&run, err);
    if (run.encoder) format->encoder_close(run.encoder);
    hr_buf_done(&run.out);
    hr_arena_done(&arena);
    return status;
}
