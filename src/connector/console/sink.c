/* SPDX-License-Identifier: Apache-2.0 */
/* Every epoch as a boxed table on stdout, as Spark's console sink prints it. */
#include <stdio.h>

#include "connector/collect.h"
#include "connector/console/table.h"

struct console_options {
    int64_t rows;
    const char *truncate;
};
static const struct hr_opt_spec specs[] = {
    {"numRows", HR_OPT_INT, offsetof(struct console_options, rows), "20", 0, 1 << 20, NULL,
     "rows an epoch prints at most"},
    {"truncate", HR_OPT_STRING, offsetof(struct console_options, truncate), "true", 0, 0, NULL,
     "cut cells to 20 characters; or a number, or false"},
};

struct console_sink {
    struct hr_sink base;
    struct hr_collect collect;
    const struct hr_type *schema;
    struct hr_show_options show;
};

static struct console_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct console_sink, base);
}

static void console_close(struct hr_sink *sink)
{
    hr_collect_done(&self(sink)->collect);
    hr_free(self(sink));
}

extern const struct hr_sink_vt hr_sink_console;

static hr_status console_open(const struct hr_sink_args *args, struct hr_sink **ret,
                              struct hr_err *err)
{
    struct console_options o;
    bool cut;
    int64_t width;
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, &o, err));
    if (hr_parse_i64(hr_sv(o.truncate), &width) && width >= 0 && width < 1 << 20)
        ;
    else if (hr_parse_bool(hr_sv(o.truncate), &cut))
        width = cut ? 20 : 0;
    else
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option truncate: true, false or a number of characters, not %s",
                       o.truncate);
    struct console_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->base.vt = &hr_sink_console;
    s->base.guarantee = HR_NO_GUARANTEE;
    s->schema = args->schema;
    s->show = (struct hr_show_options){(uint32_t)o.rows, (uint32_t)width,
                                       args->conf && args->conf->tz ? args->conf->tz : hr_tz_utc()};
    hr_collect_init(&s->collect);
    *ret = &s->base;
    return HR_OK;
}

static hr_status console_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                               struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(err);
    hr_collect_clear(&self(sink)->collect);
    *ret_committed = false;
    return HR_OK;
}

static hr_status console_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                                uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    return hr_collect_writer(&self(sink)->collect, partition, ret, err);
}

static hr_status console_commit(struct hr_sink *sink, int64_t epoch,
                                const struct hr_str_view *messages, uint32_t message_count,
                                struct hr_err *err)
{
    struct console_sink *s = self(sink);
    struct hr_batch **batches;
    struct hr_buf out = {0};
    uint32_t count;
    static const char dashes[] = "-------------------------------------------\n";
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_TRY(hr_collect_take(&s->collect, &batches, &count, err));
    hr_buf_printf(&out, "%sBatch: %lld\n%s", dashes, (long long)epoch, dashes);
    hr_show_table(s->schema, batches, count, &s->show, &out);
    hr_buf_putc(&out, '\n');
    hr_status status = hr_buf_status(&out, err);
    if (!status && (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout)))
        status = HR_FAIL(err, HR_E_IO_FATAL, "console: cannot write to the standard output");
    for (uint32_t i = 0; i < count; i++) hr_batch_unref(batches[i]);
    hr_free(batches);
    hr_buf_done(&out);
    hr_collect_clear(&s->collect);
    return status;
}

static void console_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    HR_UNUSED(sink);
    hr_buf_puts(out, "ConsoleTable");
}

const struct hr_sink_vt hr_sink_console = {
    .name = "console",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_NO_GUARANTEE,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = console_open,
    .close = console_close,
    .begin_epoch = console_begin,
    .open_writer = console_writer,
    .commit_epoch = console_commit,
    .describe = console_describe,
};
