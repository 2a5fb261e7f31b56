/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into a named table of the process: option name, else the query's name. Complete mode
 * replaces the table. An epoch that this sink has committed is not taken twice.
 */
#include "connector/collect.h"
#include "connector/memory/memory.h"

struct mem_options {
    const char *name;
};
static const struct hr_opt_spec specs[] = {
    {"name", HR_OPT_STRING, offsetof(struct mem_options, name), NULL, 0, 0, NULL,
     "the table; else the query's name"},
};

struct mem_sink {
    struct hr_sink base;
    struct hr_collect collect;
    char *name;
    bool replace, streaming;
    int64_t committed; /* last epoch; -1: none */
};

static struct mem_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct mem_sink, base);
}

static void mem_close(struct hr_sink *sink)
{
    hr_collect_done(&self(sink)->collect);
    hr_free(self(sink)->name);
    hr_free(self(sink));
}

extern const struct hr_sink_vt hr_sink_memory;

static hr_status mem_open(const struct hr_sink_args *args, struct hr_sink **ret, struct hr_err *err)
{
    struct mem_options o;
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, &o, err));
    const char *name = o.name ? o.name : args->query_name;
    if (!name)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option name: the memory sink needs a table name");
    HR_TRY(hr_memory_create(name, args->schema, err));
    struct mem_sink *s = hr_zalloc(sizeof *s);
    if (!s || !(s->name = hr_strdup(name))) {
        hr_free(s);
        return HR_OOM(err);
    }
    s->base.vt = &hr_sink_memory;
    s->base.guarantee = HR_NO_GUARANTEE;
    s->replace = args->mode == HR_MODE_COMPLETE;
    s->streaming = args->streaming;
    s->committed = -1;
    hr_collect_init(&s->collect);
    *ret = &s->base;
    return HR_OK;
}

static hr_status mem_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                           struct hr_err *err)
{
    HR_UNUSED(err);
    hr_collect_clear(&self(sink)->collect);
    *ret_committed = self(sink)->streaming && epoch <= self(sink)->committed;
    return HR_OK;
}

static hr_status mem_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                            uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    return hr_collect_writer(&self(sink)->collect, partition, ret, err);
}

static hr_status mem_commit(struct hr_sink *sink, int64_t epoch, const struct hr_str_view *messages,
                            uint32_t message_count, struct hr_err *err)
{
    struct mem_sink *s = self(sink);
    struct hr_batch **batches;
    uint32_t count;
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_TRY(hr_collect_take(&s->collect, &batches, &count, err));
    hr_status status = hr_memory_append(s->name, batches, count, s->replace, err);
    for (uint32_t i = 0; i < count; i++) hr_batch_unref(batches[i]);
    hr_free(batches);
    if (!status) {
        s->committed = epoch;
        hr_collect_clear(&s->collect);
    }
    return status;
}

static void mem_abort(struct hr_sink *sink, int64_t epoch)
{
    HR_UNUSED(epoch);
    hr_collect_clear(&self(sink)->collect);
}

static void mem_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    HR_UNUSED(sink);
    hr_buf_puts(out, "MemorySink");
}

const struct hr_sink_vt hr_sink_memory = {
    .name = "memory",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_NO_GUARANTEE,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = mem_open,
    .close = mem_close,
    .begin_epoch = mem_begin,
    .open_writer = mem_writer,
    .commit_epoch = mem_commit,
    .abort_epoch = mem_abort,
    .describe = mem_describe,
};
