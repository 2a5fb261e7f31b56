/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/output.h"

#include "base/plant.h"
#include "base/alloc.h"

hr_status hr_output_begin(struct hr_query_output *output, int64_t epoch, struct hr_err *err)
{
    assert(output->sink && !output->writer_count == !output->writers);
    output->epoch = epoch;
    output->rows = 0;
    output->discard = false;
    HR_TRY(output->sink->vt->begin_epoch(output->sink, epoch, &output->discard, err));
    bool again = output->schema ? HR_PLANTED(DEAD_AGAIN) : HR_PLANTED(SINK_AGAIN);
    output->discard &= !again;
    return HR_OK;
}

/* The writer of a partition for this attempt; what an earlier attempt wrote is discarded. */
static hr_status writer_for(struct hr_query_output *output, uint32_t partition, uint32_t attempt,
                            struct hr_query_writer **ret, struct hr_err *err)
{
    assert(output->sink && ret);
    if (partition >= output->writer_count) {
        uint32_t count = partition + 1;
        struct hr_query_writer *writers = hr_realloc(output->writers, sizeof *writers * count);
        if (!writers) return HR_OOM(err);
        memset(writers + output->writer_count, 0, sizeof *writers * (count - output->writer_count));
        output->writers = writers;
        output->writer_count = count;
    }
    struct hr_query_writer *writer = &output->writers[partition];
    if (writer->writer && writer->attempt != attempt) {
        writer->writer->vt->close(writer->writer);
        *writer = (struct hr_query_writer){0};
    }
    if (!writer->writer) {
        HR_TRY(output->sink->vt->open_writer(output->sink, output->epoch, partition, attempt,
                                             &writer->writer, err));
        writer->attempt = attempt;
        writer->rows = 0;
    }
    *ret = writer;
    return HR_OK;
}

/* The lock covers finding the writer only: a partition has one task at a time. */
hr_status hr_output_emit(struct hr_query_output *output, uint32_t partition, uint32_t attempt,
                         struct hr_batch *batch, struct hr_err *err)
{
    assert(output->sink && batch->sel_count <= batch->row_count);
    if (output->discard) return HR_OK;
    pthread_mutex_lock(&output->lock);
    struct hr_query_writer *entry = NULL;
    hr_status status = writer_for(output, partition, attempt, &entry, err);
    struct hr_sink_writer *writer = entry ? entry->writer : NULL;
    if (entry) entry->rows += batch->sel_count;
    pthread_mutex_unlock(&output->lock);
    HR_TRY(status);
    return writer->vt->write(writer, batch, err);
}

void hr_output_drop(struct hr_query_output *output)
{
    for (uint32_t i = 0; i < output->writer_count; i++) {
        struct hr_sink_writer *writer = output->writers[i].writer;
        if (writer) writer->vt->close(writer);
        output->writers[i] = (struct hr_query_writer){0};
    }
}

void hr_output_abort(struct hr_query_output *output, int64_t epoch)
{
    assert(output->sink && output->epoch <= epoch);
    hr_output_drop(output);
    if (output->sink->vt->abort_epoch) output->sink->vt->abort_epoch(output->sink, epoch);
}

/* Ends the writers well and notes what they tell. */
static hr_status finish(struct hr_query_output *output, struct hr_arena *arena,
                        struct hr_str_view *messages, uint32_t *ret_count, struct hr_err *err)
{
    assert(!output->discard); /* an epoch that the sink has is not written again */
    struct hr_buf buf;
    hr_buf_init(&buf, 64 << 20);
    hr_status status = HR_OK;
    uint32_t count = 0;
    for (uint32_t i = 0; i < output->writer_count; i++) {
        struct hr_query_writer *writer = &output->writers[i];
        if (!writer->writer) continue;
        hr_buf_clear(&buf);
        HR_TRY_OUT(writer->writer->vt->finish(writer->writer, &buf, err));
        HR_TRY_OUT(hr_buf_status(&buf, err));
        char *copy = hr_arena_strndup(arena, buf.ptr ? buf.ptr : "", buf.len);
        if (!copy) {
            status = HR_OOM(err);
            goto out;
        }
        messages[count++] = hr_svn(copy, buf.len);
        output->rows += writer->rows;
    }
    assert(count <= output->writer_count);
    *ret_count = count;
out:
    hr_buf_done(&buf);
    return status;
}

/* Writers ended, and all that may still refuse rows. */
static hr_status prepare(struct hr_query_output *output, struct hr_arena *arena,
                         struct hr_str_view **ret_messages, uint32_t *ret_count,
                         struct hr_err *err)
{
    const struct hr_sink_vt *vt = output->sink->vt;
    struct hr_str_view *messages =
        HR_NEW_ARRAY(arena, struct hr_str_view, output->writer_count + 1);
    if (!messages) return HR_OOM(err);
    HR_TRY(finish(output, arena, messages, ret_count, err));
    *ret_messages = messages;
    return vt->prepare_epoch
               ? vt->prepare_epoch(output->sink, output->epoch, messages, *ret_count, err)
               : HR_OK;
}

hr_status hr_output_commit(struct hr_query_output *output, struct hr_query_output *dead,
                           struct hr_arena *arena, struct hr_err *err)
{
    assert(output->sink && output != dead);
    assert(!dead || dead->epoch == output->epoch);
    struct hr_str_view *messages = NULL;
    uint32_t count = 0;
    hr_status status = HR_OK;
    if (!output->discard) status = prepare(output, arena, &messages, &count, err);
    if (status == HR_OK && output->sink->dead)
        status = hr_dead_letters_flush(output->sink->dead, err);
    if (status == HR_OK && dead) status = hr_output_commit(dead, NULL, arena, err);
    if (status == HR_OK && !output->discard)
        status =
            output->sink->vt->commit_epoch(output->sink, output->epoch, messages, count, err);
    hr_output_drop(output);
    assert(status != HR_OK || output->rows >= 0);
    return status;
}

void hr_output_close(struct hr_query_output *output)
{
    hr_output_drop(output);
    hr_free(output->writers);
    output->writers = NULL;
    output->writer_count = 0;
    if (output->sink) output->sink->vt->close(output->sink);
    output->sink = NULL;
}
