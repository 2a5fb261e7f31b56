/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector to copy: a source that counts, a sink that keeps a sum. The steps to make your own:
 *
 *  1. Copy this folder, rename it after the USING name, and template_ in it.
 *  2. Add SOURCE(name) and SINK(name) to connectors.def, sorted.
 *  3. List the options in a table: defaults, ranges and the reference page come from it.
 *  4. open: parse the options, check the user's columns, reach what you read from. Nothing is half
 *     open after a failure. Say in flags what the source can do.
 *  5. initial_offset, latest_offset: texts of your own. The same range must give the same rows for
 *     ever, if you claim HR_SOURCE_REPLAYABLE.
 *  6. plan_splits: what can be read side by side. open_reader, next, close: one task reads one
 * split. Give only the columns of spec->schema; look at spec->cancelled when you wait.
 *  7. The sink: writers belong to tasks; commit_epoch makes the epoch visible at once, or fails.
 *     begin_epoch tells whether an epoch is there already: that is what exactly-once rests on.
 *  8. Test it as test/unit/test_connector_template.c does.
 */
#include "column/type_parse.h"
#include "connector/connector.h"

/* --- Step 3: options -------------------------------------------------------------------------- */

struct template_options {
    int64_t limit;
};
static const struct hr_opt_spec specs[] = {
    {"limit", HR_OPT_INT, offsetof(struct template_options, limit), "10", 0, INT32_MAX, NULL,
     "numbers to count"},
};

/* --- Step 4: open and close ------------------------------------------------------------------- */

struct template_source {
    struct hr_source base; /* first */
    struct template_options options;
};

extern const struct hr_source_vt hr_source_template;

static void template_close(struct hr_source *source)
{
    hr_free(HR_CONTAINER_OF(source, struct template_source, base));
}

static hr_status template_open(const struct hr_source_args *args, struct hr_source **ret,
                               struct hr_err *err)
{
    struct template_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->base.vt = &hr_source_template;
    hr_status status = hr_options_parse(specs, HR_COUNT(specs), args->options, &s->options, err);
    if (!status) status = hr_schema_parse(hr_sv("number BIGINT"), &s->base.schema, err);
    if (!status)
        status = hr_connector_fixed_schema("template", args->schema, s->base.schema, err);
    if (status) {
        template_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

/* --- Step 5: offsets -------------------------------------------------------------------------- */

static hr_status template_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    HR_UNUSED(source);
    hr_buf_puts(ret, "0");
    return hr_buf_status(ret, err);
}

static hr_status template_latest(struct hr_source *source, const char *start,
                                 const struct hr_read_limit *limit, struct hr_buf *ret,
                                 struct hr_err *err)
{
    struct template_source *s = HR_CONTAINER_OF(source, struct template_source, base);
    int64_t from = 0, to = s->options.limit;
    if (start) HR_TRY(hr_connector_parse_offset(start, &from, err));
    if (limit && limit->max_rows) to = HR_MIN(to, from + limit->max_rows);
    hr_buf_put_i64(ret, HR_MAX(from, to));
    return hr_buf_status(ret, err);
}

/* --- Step 6: splits and readers --------------------------------------------------------------- */

struct range {
    int64_t next, end;
};

static hr_status template_plan(struct hr_source *source, const char *start, const char *end,
                               struct hr_arena *arena, struct hr_split **ret_splits,
                               uint32_t *ret_count, struct hr_err *err)
{
    struct template_source *s = HR_CONTAINER_OF(source, struct template_source, base);
    struct range *range = HR_NEW(arena, struct range);
    struct hr_split *split = HR_NEW(arena, struct hr_split);
    if (!range || !split) return HR_OOM(err);
    range->end = s->options.limit;
    if (start) HR_TRY(hr_connector_parse_offset(start, &range->next, err));
    if (end) HR_TRY(hr_connector_parse_offset(end, &range->end, err));
    *split = (struct hr_split){.data = range, .description = "numbers",
                               .rows_estimate = range->end - range->next, .bytes_estimate = -1};
    *ret_splits = split;
    *ret_count = range->next < range->end;
    return HR_OK;
}

struct template_reader {
    struct hr_scan_reader base;
    struct hr_scan_spec spec;
    const struct hr_type *schema;
    struct range range;
};

static hr_status template_next(struct hr_scan_reader *base, struct hr_batch **ret,
                               struct hr_err *err)
{
    struct template_reader *r = HR_CONTAINER_OF(base, struct template_reader, base);
    if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
    *ret = NULL;
    if (r->range.next >= r->range.end) return HR_OK;
    uint32_t rows = (uint32_t)HR_MIN(r->range.end - r->range.next, (int64_t)r->spec.batch_rows);
    struct hr_batch *batch = hr_batch_new(r->schema, rows, r->spec.mem);
    if (!batch) return HR_OOM(err);
    hr_status status = hr_column_alloc(&batch->arena, hr_type(HR_T_LONG), rows, false,
                                       &batch->columns[0], err);
    if (status) {
        hr_batch_unref(batch);
        return status;
    }
    for (uint32_t i = 0; i < rows; i++)
        ((int64_t *)(uintptr_t)batch->columns[0].values)[i] = r->range.next++;
    return hr_connector_project(batch, r->spec.schema, ret, err);
}

static void template_reader_close(struct hr_scan_reader *base)
{
    hr_free(HR_CONTAINER_OF(base, struct template_reader, base));
}

static hr_status template_open_reader(struct hr_source *source, const struct hr_split *split,
                                      const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                      struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {template_next, template_reader_close};
    struct template_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    *r = (struct template_reader){{&vt}, *spec, source->schema, *(const struct range *)split->data};
    if (!r->spec.batch_rows) r->spec.batch_rows = HR_BATCH_ROWS;
    *ret = &r->base;
    return HR_OK;
}

const struct hr_source_vt hr_source_template = {
    .name = "template",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE | HR_SOURCE_BOUNDED,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = template_open,
    .close = template_close,
    .plan_splits = template_plan,
    .open_reader = template_open_reader,
    .initial_offset = template_initial,
    .latest_offset = template_latest,
};

/* --- Step 7: the sink ------------------------------------------------------------------------- */

struct template_sink {
    struct hr_sink base;
    int64_t committed; /* the last epoch */
    int64_t rows;      /* of committed epochs */
};

extern const struct hr_sink_vt hr_sink_template;

static hr_status sink_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    HR_UNUSED(args);
    struct template_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->base.vt = &hr_sink_template;
    s->base.guarantee = HR_NO_GUARANTEE; /* it forgets with the process */
    s->committed = -1;
    *ret = &s->base;
    return HR_OK;
}

static void sink_close(struct hr_sink *sink)
{
    hr_free(HR_CONTAINER_OF(sink, struct template_sink, base));
}

static hr_status sink_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                            struct hr_err *err)
{
    HR_UNUSED(err);
    *ret_committed = epoch <= HR_CONTAINER_OF(sink, struct template_sink, base)->committed;
    return HR_OK;
}

static hr_status writer_write(struct hr_sink_writer *writer, struct hr_batch *batch,
                              struct hr_err *err)
{
    HR_UNUSED(err);
    writer->rows_written += batch->sel_count;
    return HR_OK;
}

/* What the commit needs to know goes into the message: the task may run in another process. */
static hr_status writer_finish(struct hr_sink_writer *writer, struct hr_buf *message,
                               struct hr_err *err)
{
    hr_buf_put_i64(message, writer->rows_written);
    return hr_buf_status(message, err);
}

static void writer_close(struct hr_sink_writer *writer)
{
    hr_free(writer);
}

static hr_status sink_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                             uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {writer_write, writer_finish, writer_close};
    HR_UNUSED(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(partition);
    HR_UNUSED(attempt);
    struct hr_sink_writer *writer = hr_zalloc(sizeof *writer);
    if (!writer) return HR_OOM(err);
    writer->vt = &vt;
    *ret = writer;
    return HR_OK;
}

static hr_status sink_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    struct template_sink *s = HR_CONTAINER_OF(sink, struct template_sink, base);
    for (uint32_t i = 0; i < message_count; i++) {
        int64_t rows;
        if (!hr_parse_i64(messages[i], &rows)) return HR_BUG(err, "not a message of a writer");
        s->rows += rows;
    }
    s->committed = epoch;
    return HR_OK;
}

const struct hr_sink_vt hr_sink_template = {
    .name = "template",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_NO_GUARANTEE,
    .modes = 1 << HR_MODE_APPEND,
    .open = sink_open,
    .close = sink_close,
    .begin_epoch = sink_begin,
    .open_writer = sink_writer,
    .commit_epoch = sink_commit,
};
