/* SPDX-License-Identifier: Apache-2.0 */
/* Takes rows and counts them: for measuring and for tests. */
#include "connector/connector.h"

extern const struct hr_sink_vt hr_sink_noop;

static hr_status noop_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    HR_UNUSED(args);
    struct hr_sink *sink = hr_zalloc(sizeof *sink);
    if (!sink) return HR_OOM(err);
    sink->vt = &hr_sink_noop;
    sink->guarantee = HR_NO_GUARANTEE;
    *ret = sink;
    return HR_OK;
}

static void noop_close(struct hr_sink *sink)
{
    hr_free(sink);
}

static hr_status noop_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                            struct hr_err *err)
{
    HR_UNUSED(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(err);
    *ret_committed = false;
    return HR_OK;
}

static hr_status noop_write(struct hr_sink_writer *writer, struct hr_batch *batch,
                            struct hr_err *err)
{
    HR_UNUSED(err);
    writer->rows_written += batch->sel_count;
    return HR_OK;
}

static hr_status noop_finish(struct hr_sink_writer *writer, struct hr_buf *message,
                             struct hr_err *err)
{
    HR_UNUSED(writer);
    HR_UNUSED(message);
    HR_UNUSED(err);
    return HR_OK;
}

static void noop_writer_close(struct hr_sink_writer *writer)
{
    hr_free(writer);
}

static hr_status noop_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                             uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {noop_write, noop_finish, noop_writer_close};
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

static hr_status noop_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    HR_UNUSED(sink);
    HR_UNUSED(epoch);
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_UNUSED(err);
    return HR_OK;
}

const struct hr_sink_vt hr_sink_noop = {
    .name = "noop",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_NO_GUARANTEE,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .open = noop_open,
    .close = noop_close,
    .begin_epoch = noop_begin,
    .open_writer = noop_writer,
    .commit_epoch = noop_commit,
};
