/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A named table of the process as a source: USING memory OPTIONS (name 't'). Its offset is the
 * number of rows that were appended so far, so that tests can feed a stream by appending.
 */
#include <stdio.h>

#include "connector/connector.h"
#include "connector/memory/memory.h"

struct mem_options {
    const char *name;
};
static const struct hr_opt_spec specs[] = {
    {"name", HR_OPT_STRING, offsetof(struct mem_options, name), NULL, 0, 0, NULL,
     "the table: what a memory sink of that name wrote"},
};

struct mem_source {
    struct hr_source base;
    char *name;
};
struct mem_range {
    int64_t first, end;
};

static struct mem_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct mem_source, base);
}

static void mem_close(struct hr_source *source)
{
    hr_free(self(source)->name);
    hr_free(self(source));
}

extern const struct hr_source_vt hr_source_memory;

static hr_status mem_open(const struct hr_source_args *args, struct hr_source **ret,
                          struct hr_err *err)
{
    struct mem_options o;
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, &o, err));
    if (!o.name) return HR_FAIL(err, HR_E_INVALID_OPTION, "option name: must be given");
    const struct hr_type *schema = hr_memory_schema(o.name);
    if (!schema && args->schema && args->schema->field_count) {
        HR_TRY(hr_memory_create(o.name, args->schema, err));
        schema = hr_memory_schema(o.name);
    }
    if (!schema) return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", o.name);
    HR_TRY(hr_connector_fixed_schema("memory", args->schema, schema, err));
    struct mem_source *s = hr_zalloc(sizeof *s);
    if (!s || !(s->name = hr_strdup(o.name))) {
        hr_free(s);
        return HR_OOM(err);
    }
    s->base = (struct hr_source){.vt = &hr_source_memory, .schema = schema};
    *ret = &s->base;
    return HR_OK;
}

static hr_status mem_plan(struct hr_source *source, const char *start, const char *end,
                          struct hr_arena *arena, struct hr_split **ret_splits,
                          uint32_t *ret_count, struct hr_err *err)
{
    struct mem_range *range = HR_NEW(arena, struct mem_range);
    struct hr_split *split = HR_NEW(arena, struct hr_split);
    if (!range || !split) return HR_OOM(err);
    range->end = HR_MAX(0, hr_memory_rows(self(source)->name));
    if (start) HR_TRY(hr_connector_parse_offset(start, &range->first, err));
    if (end) HR_TRY(hr_connector_parse_offset(end, &range->end, err));
    *split = (struct hr_split){.data = range, .description = self(source)->name,
                               .rows_estimate = range->end - range->first, .bytes_estimate = -1};
    *ret_splits = split;
    *ret_count = range->end > range->first;
    return HR_OK;
}

struct mem_reader {
    struct hr_scan_reader base;
    const struct hr_type *wanted;
    struct hr_batch **batches;
    uint32_t count, at, batch_rows;
    int64_t row;          /* number of the first row of batches[at] not given out */
    uint32_t row_in_batch;
    struct mem_range range;
};

static hr_status mem_next(struct hr_scan_reader *base, struct hr_batch **ret, struct hr_err *err)
{
    struct mem_reader *r = HR_CONTAINER_OF(base, struct mem_reader, base);
    while (r->at < r->count && r->row < r->range.end) {
        struct hr_batch *batch = r->batches[r->at];
        uint32_t left = batch->sel_count - r->row_in_batch;
        if (left == 0) {
            r->at++;
            r->row_in_batch = 0;
            continue;
        }
        if (r->row < r->range.first) {
            uint32_t skip = (uint32_t)HR_MIN((int64_t)left, r->range.first - r->row);
            r->row += skip;
            r->row_in_batch += skip;
            continue;
        }
        uint32_t rows = (uint32_t)HR_MIN((int64_t)HR_MIN(left, r->batch_rows),
                                         r->range.end - r->row);
        struct hr_batch *piece = hr_batch_slice(batch, r->row_in_batch, rows);
        if (!piece) return HR_OOM(err);
        r->row += rows;
        r->row_in_batch += rows;
        return hr_connector_project(piece, r->wanted, ret, err);
    }
    *ret = NULL;
    return HR_OK;
}

static void mem_reader_close(struct hr_scan_reader *base)
{
    struct mem_reader *r = HR_CONTAINER_OF(base, struct mem_reader, base);
    for (uint32_t i = 0; i < r->count; i++) hr_batch_unref(r->batches[i]);
    hr_free(r->batches);
    hr_free(r);
}

static hr_status mem_open_reader(struct hr_source *source, const struct hr_split *split,
                                 const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                 struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {mem_next, mem_reader_close};
    struct mem_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->wanted = spec->schema;
    r->batch_rows = spec->batch_rows ? spec->batch_rows : HR_BATCH_ROWS;
    r->range = *(const struct mem_range *)split->data;
    hr_status status = hr_memory_batches(self(source)->name, &r->batches, &r->count, err);
    if (status) {
        hr_free(r);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}

static hr_status mem_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    HR_UNUSED(source);
    hr_buf_puts(ret, "0");
    return hr_buf_status(ret, err);
}

static hr_status mem_latest(struct hr_source *source, const char *start,
                            const struct hr_read_limit *limit, struct hr_buf *ret,
                            struct hr_err *err)
{
    int64_t from = 0, rows = HR_MAX(0, hr_memory_rows(self(source)->name));
    if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
    if (limit && limit->max_rows && rows - from > limit->max_rows) rows = from + limit->max_rows;
    hr_buf_put_i64(ret, HR_MAX(rows, from));
    return hr_buf_status(ret, err);
}

static void mem_describe(const struct hr_source *source, struct hr_buf *out)
{
    hr_buf_printf(out, "MemoryStream[%s]",
                  HR_CONTAINER_OF(source, const struct mem_source, base)->name);
}

const struct hr_source_vt hr_source_memory = {
    .name = "memory",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = mem_open,
    .close = mem_close,
    .plan_splits = mem_plan,
    .open_reader = mem_open_reader,
    .initial_offset = mem_initial,
    .latest_offset = mem_latest,
    .describe = mem_describe,
    .poll_interval_us = 1000,
};
