/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What listeners are told of a batch's inputs and outputs (Spark's StreamInputInfo and
 * OutputOperationInfo), and the context's state.
 *
 * Memory: the arrays of a batch are in its arena, an output's error is its own until the next
 * batch.
 * Threads: inputs and the arrays belong to the batch's thread; begin and end of an output to the
 * thread that runs it, which touches no other output.
 */
#include "dstream/dstream.h"

/* Also of inputs that could not be made: no rows, no description. */
hr_status hr_ds_info_inputs(struct hr_streaming *ssc, struct hr_batch_info *info,
                            struct hr_arena *arena, struct hr_err *err)
{
    struct hr_input_info *inputs = HR_NEW_ARRAY(arena, struct hr_input_info, ssc->stream_count + 1);
    struct hr_buf text = {0};
    hr_status status = inputs ? HR_OK : HR_OOM(err);
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next) {
        if (!ds->vt->input) continue;
        hr_buf_clear(&text);
        bool made = hr_ds_remembered(ds, info->batch_time_us) != NULL;
        if (made && ds->vt->describe && ssc->listeners)
            ds->vt->describe(ds, info->batch_time_us, &text);
        const char *copy = text.len ? hr_arena_strdup(arena, hr_buf_cstr(&text)) : "";
        if (!copy) status = HR_OOM(err);
        inputs[info->input_count++] =
            (struct hr_input_info){ds->id, ds->name, made ? ds->rows : 0, copy};
    }
    hr_buf_done(&text);
    info->inputs = inputs;
    if (status != HR_OK) info->input_count = 0;
    return status;
}

/* Before the outputs run: none has begun. Afterwards: how they went. */
void hr_ds_info_outputs(struct hr_streaming *ssc, struct hr_batch_info *info,
                        struct hr_arena *arena)
{
    uint32_t count = 0, at = 0;
    for (const struct hr_ds_output *o = ssc->outputs; o; o = o->next) count++;
    struct hr_output_info *infos = HR_NEW_ARRAY(arena, struct hr_output_info, count + 1);
    info->outputs = count;
    info->output_infos = infos;
    if (!infos) info->outputs = 0;
    for (struct hr_ds_output *o = ssc->outputs; o && infos; o = o->next) {
        if (o->info.batch_time_us != info->batch_time_us)
            o->info = (struct hr_output_info){.batch_time_us = info->batch_time_us, .output = at};
        infos[at++] = o->info;
    }
}

void hr_ds_output_begin(struct hr_ds_output *output, uint32_t number, int64_t time)
{
    struct hr_streaming *ssc = output->in->ssc;
    hr_free(output->error);
    output->error = NULL;
    output->info = (struct hr_output_info){
        .batch_time_us = time, .output = number, .start_us = hr_now_us(ssc->ctx->env)};
    HR_DS_NOTIFY(ssc, on_output_started, &output->info);
}

void hr_ds_output_end(struct hr_ds_output *output, const char *error)
{
    struct hr_streaming *ssc = output->in->ssc;
    output->error = error ? hr_strdup(error) : NULL;
    output->info.end_us = hr_now_us(ssc->ctx->env);
    output->info.error = output->error ? output->error : error ? "failed" : NULL;
    HR_DS_NOTIFY(ssc, on_output_completed, &output->info);
}

enum hr_streaming_state hr_streaming_get_state(struct hr_streaming *ssc)
{
    if (!ssc) return HR_STREAMING_STOPPED;
    pthread_mutex_lock(&ssc->lock);
    enum hr_streaming_state state = ssc->state == HR_DS_NEW ? HR_STREAMING_INITIALIZED
                                    : ssc->state == HR_DS_STOPPED || ssc->finished || ssc->failed
                                        ? HR_STREAMING_STOPPED
                                        : HR_STREAMING_ACTIVE;
    pthread_mutex_unlock(&ssc->lock);
    return state;
}
