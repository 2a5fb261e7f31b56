/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct streams: any source of src/connector (Kafka, files, rate …) without a receiver. A batch
 * is a range of offsets, planned on the driver; its RDD's partitions are the splits of that
 * range and read it themselves, again when they are recomputed. The offsets are in the
 * checkpoint, so every row is in exactly one batch.
 */
#include "base/datetime.h"
#include "base/fault.h"
#include "connector/connector.h"
#include "dstream/dstream.h"
#include "expr/expr.h"

struct source_ds {
    struct hr_dstream ds;
    struct hr_arena arena; /* options */
    struct hr_options options;
    struct hr_conf conf;
    const struct hr_source_vt *vt;
    const struct hr_type *given; /* the user's columns, or NULL */
    struct hr_source *source;
    struct hr_buf offset; /* where the next batch starts */
    bool has_offset;
    struct hr_pid pid;
    double rate;
};

/* One batch's range. */
struct source_node {
    struct hr_node node;
    struct hr_arena arena;
    struct source_ds *from;
    struct hr_split *splits;
    const char *start, *end;
};

struct split_iter {
    struct hr_batch_iter base;
    struct hr_scan_reader *reader;
    struct hr_scan_spec spec;
};

static hr_status split_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct split_iter *it = (struct split_iter *)iter;
    return it->reader->vt->next(it->reader, ret, err);
}

static void split_close(struct hr_batch_iter *iter)
{
    struct split_iter *it = (struct split_iter *)iter;
    if (it->reader) it->reader->vt->close(it->reader);
    hr_free(it);
}

static hr_status source_compute_rdd(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                    struct hr_batch_iter **ret, struct hr_err *err)
{
    struct source_node *n = (struct source_node *)rdd;
    struct hr_source *source = n->from->source;
    HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
    struct split_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){split_next, split_close};
    it->spec = (struct hr_scan_spec){.schema = rdd->schema,
                                     .batch_rows = HR_BATCH_ROWS,
                                     .mem = ctx->mem,
                                     .cancelled = ctx->cancelled};
    hr_status status =
        source->vt->open_reader(source, &n->splits[partition], &it->spec, &it->reader, err);
    if (status != HR_OK) {
        hr_free(it);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}

static void source_node_done(struct hr_node *node)
{
    hr_arena_done(&((struct source_node *)node)->arena);
}
static const struct hr_rdd_vt source_rdd_vt = {"KafkaRDD", source_compute_rdd, NULL, hr_node_free};
static const struct hr_rdd_vt other_rdd_vt = {"DataSourceRDD", source_compute_rdd, NULL,
                                              hr_node_free};

static hr_status plan(struct source_ds *s, struct source_node *n, struct hr_err *err)
{
    const struct hr_source_vt *vt = s->source->vt;
    struct hr_read_limit limit = {0};
    struct hr_buf end = {0};
    if (s->rate > 0)
        limit.max_rows = HR_MAX(INT64_C(1), (int64_t)(s->rate * (double)s->ds.ssc->interval / 1e6));
    hr_status status = vt->latest_offset(s->source, hr_buf_cstr(&s->offset), &limit, &end, err);
    if (status == HR_OK) {
        n->start = hr_arena_strdup(&n->arena, hr_buf_cstr(&s->offset));
        n->end = hr_arena_strdup(&n->arena, hr_buf_cstr(&end));
        if (!n->start || !n->end) status = HR_OOM(err);
    }
    uint32_t count = 0;
    if (status == HR_OK && strcmp(n->start, n->end) != 0)
        status = vt->plan_splits(s->source, n->start, n->end, &n->arena, &n->splits, &count, err);
    if (status == HR_OK) {
        n->node.base.partition_count = count;
        s->ds.rows = 0;
        for (uint32_t i = 0; i < count; i++)
            if (n->splits[i].rows_estimate > 0) s->ds.rows += (uint64_t)n->splits[i].rows_estimate;
        hr_buf_clear(&s->offset);
        hr_buf_puts(&s->offset, n->end);
        status = hr_buf_status(&s->offset, err);
    }
    hr_buf_done(&end);
    return status;
}

static struct hr_rdd *source_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct source_ds *s = (struct source_ds *)ds;
    bool kafka = hr_str_eq_nocase(s->source->vt->name, "kafka");
    HR_UNUSED(time);
    struct source_node *n =
        hr_node_new(&(struct hr_node_spec){.vt = kafka ? &source_rdd_vt : &other_rdd_vt,
                                           .size = sizeof *n,
                                           .pool = ds->ssc->batch_pool,
                                           .schema = ds->schema,
                                           .op_done = source_node_done},
                    err);
    if (!n) return NULL;
    n->from = s;
    return plan(s, n, err) == HR_OK ? &n->node.base : NULL;
}

static hr_status put_options(struct source_ds *s, const char *const *options, struct hr_err *err)
{
    hr_options_init(&s->options, &s->arena);
    for (uint32_t i = 0; options && options[i] && options[i + 1]; i += 2)
        HR_TRY(hr_options_put(&s->options, options[i], options[i + 1], err));
    s->conf = (struct hr_conf){.ansi = true,
                               .batch_rows = HR_BATCH_ROWS,
                               .threads = 1,
                               .shuffle_partitions = s->ds.ssc->ctx->parallelism};
    s->conf.tz = hr_tz_utc();
    return HR_OK;
}

/* When the graph is built, to learn the schema; again at the start, when the checkpoint is
 * known. */
static hr_status open_source(struct source_ds *s, struct hr_err *err)
{
    const struct hr_streaming *ssc = s->ds.ssc;
    const char *dir = NULL;
    if (ssc->checkpoint_dir) {
        dir = hr_arena_printf(&s->arena, "%s/source-%u", ssc->checkpoint_dir, s->ds.id);
        if (!dir) return HR_OOM(err);
    }
    struct hr_source_args args = {.env = ssc->ctx->env,
                                  .conf = &s->conf,
                                  .options = &s->options,
                                  .schema = s->given,
                                  .streaming = true,
                                  .checkpoint_dir = dir,
                                  .query_name = ssc->ctx->app_name};
    HR_TRY(s->vt->open(&args, &s->source, err));
    s->ds.schema = s->source->schema;
    return HR_OK;
}

static hr_status source_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct source_ds *s = (struct source_ds *)ds;
    const struct hr_ds_conf *conf = &ds->ssc->conf;
    s->rate = (double)conf->max_rate;
    if (conf->backpressure && conf->initial_rate &&
        (s->rate == 0 || (double)conf->initial_rate < s->rate))
        s->rate = (double)conf->initial_rate;
    s->pid = (struct hr_pid){.proportional = conf->pid_proportional,
                             .integral = conf->pid_integral,
                             .derived = conf->pid_derived,
                             .min_rate = (double)conf->pid_min_rate,
                             .interval_us = ds->ssc->interval};
    if (!s->source)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "stream %u could not be made", ds->id);
    if (ds->ssc->checkpoint_dir) {
        s->source->vt->close(s->source);
        s->source = NULL;
        HR_TRY(open_source(s, err));
    }
    if (s->has_offset) return HR_OK;
    HR_TRY(s->source->vt->initial_offset(s->source, &s->offset, err));
    s->has_offset = true;
    return HR_OK;
}

static void source_free(struct hr_dstream *ds)
{
    struct source_ds *s = (struct source_ds *)ds;
    if (s->source) s->source->vt->close(s->source);
    hr_buf_done(&s->offset);
    hr_arena_done(&s->arena);
}

static hr_status source_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    const struct source_ds *s = (const struct source_ds *)ds;
    hr_buf_append(out, s->offset.ptr, s->offset.len);
    return hr_buf_status(out, err);
}

static hr_status source_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct source_ds *s = (struct source_ds *)ds;
    hr_buf_clear(&s->offset);
    hr_buf_append(&s->offset, in->pos, (size_t)(in->end - in->pos));
    s->has_offset = true;
    return hr_buf_status(&s->offset, err);
}

static void source_batch_done(struct hr_dstream *ds, int64_t time)
{
    struct source_ds *s = (struct source_ds *)ds;
    const struct hr_batch_info *info = &ds->ssc->info;
    double rate;
    HR_UNUSED(time);
    /* What is not confirmed now is confirmed with the next batch: no reason to fail. */
    if (s->source->vt->commit && s->offset.len)
        HR_UNUSED(s->source->vt->commit(s->source, hr_buf_cstr(&s->offset), NULL));
    if (ds->ssc->conf.backpressure &&
        hr_pid_update(&s->pid, info->processing_end_us, ds->rows, info->processing_delay_us,
                      info->scheduling_delay_us, &rate)) {
        double most = (double)ds->ssc->conf.max_rate;
        s->rate = most > 0 && rate > most ? most : rate;
    }
}

static const struct hr_ds_vt source_vt = {.name = "source",
                                          .compute = source_compute,
                                          .free = source_free,
                                          .start = source_start,
                                          .save = source_save,
                                          .load = source_load,
                                          .batch_done = source_batch_done,
                                          .input = true};

struct hr_dstream *hr_source_stream(struct hr_streaming *ssc, const char *format,
                                    const char *schema, const char *const *options,
                                    struct hr_err *err)
{
    const struct hr_type *type = NULL;
    if (!ssc || (schema && hr_schema_from_ddl(schema, &type, err) != HR_OK)) return NULL;
    const struct hr_source_vt *vt = hr_source_find(format);
    if (!vt || !vt->latest_offset || !vt->initial_offset) {
        HR_UNUSED(HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", format));
        return NULL;
    }
    struct source_ds *s = hr_ds_new(ssc, &source_vt, sizeof *s, NULL, NULL, NULL, err);
    if (!s) return NULL;
    s->vt = vt;
    s->given = type;
    if (put_options(s, options, err) != HR_OK || open_source(s, err) != HR_OK) return NULL;
    return &s->ds;
}

bool hr_rdd_offset_range(const struct hr_rdd *rdd, const char **ret_start, const char **ret_end)
{
    if (rdd->vt != &source_rdd_vt && rdd->vt != &other_rdd_vt) return false;
    *ret_start = ((const struct source_node *)rdd)->start;
    *ret_end = ((const struct source_node *)rdd)->end;
    return true;
}
