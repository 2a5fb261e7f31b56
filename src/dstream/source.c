/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct streams: any source of src/connector (Kafka, files, rate …) without a receiver. A batch
 * is a range of offsets, planned on the driver; its RDD's partitions are the splits of that
 * range and read it themselves, again when they are recomputed. The offsets are in the
 * checkpoint, so every row is in exactly one batch.
 */
#include "dstream/source.h"

#include "base/datetime.h"
#include "base/fault.h"
#include "base/log.h"

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
    struct hr_source *source = n->source;
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
    struct source_node *n = (struct source_node *)node;
    if (n->own_source) n->source->vt->close(n->source);
    hr_arena_done(&n->arena);
}
static const struct hr_rdd_vt source_rdd_vt = {"KafkaRDD", source_compute_rdd, NULL, hr_node_free};
static const struct hr_rdd_vt other_rdd_vt = {"DataSourceRDD", source_compute_rdd, NULL,
                                              hr_node_free};

struct source_node *hr_source_node_new(struct hr_pool *pool, struct hr_source *source,
                                       struct hr_err *err)
{
    bool kafka = hr_str_eq_nocase(source->vt->name, "kafka");
    struct source_node *n =
        hr_node_new(&(struct hr_node_spec){.vt = kafka ? &source_rdd_vt : &other_rdd_vt,
                                           .size = sizeof *n,
                                           .pool = pool,
                                           .schema = source->schema,
                                           .op_done = source_node_done},
                    err);
    if (n) n->source = source;
    return n;
}

const struct source_node *hr_source_node_of(const struct hr_rdd *rdd)
{
    if (rdd->vt != &source_rdd_vt && rdd->vt != &other_rdd_vt) return NULL;
    return (const struct source_node *)rdd;
}

/* --- One batch -------------------------------------------------------------------------------- */

/* Kafka's limits of a partition are Spark's; the rate is of all partitions. */
static struct hr_read_limit limit_of(const struct source_ds *s)
{
    const struct hr_ds_conf *conf = &s->ds.ssc->conf;
    double seconds = (double)s->ds.ssc->interval / 1e6;
    struct hr_read_limit limit = {0};
    if (s->rate > 0) limit.max_rows = HR_MAX(INT64_C(1), (int64_t)((double)s->rate * seconds));
    if (!s->kafka) return limit;
    limit.min_rows_per_partition = HR_MAX(INT64_C(1), conf->min_rate_per_partition);
    if (conf->max_rate_per_partition > 0)
        limit.max_rows_per_partition =
            HR_MAX(limit.min_rows_per_partition,
                   (int64_t)((double)conf->max_rate_per_partition * seconds));
    return limit;
}

static hr_status plan_splits(struct source_ds *s, struct source_node *n, struct hr_err *err)
{
    uint32_t count = 0;
    if (strcmp(n->start, n->end) != 0)
        HR_TRY(s->source->vt->plan_splits(s->source, n->start, n->end, &n->arena, &n->splits,
                                          &count, err));
    n->node.base.partition_count = count;
    s->ds.rows = 0;
    for (uint32_t i = 0; i < count; i++)
        if (n->splits[i].rows_estimate > 0) s->ds.rows += (uint64_t)n->splits[i].rows_estimate;
    return s->kafka ? hr_kafka_node_ranges(n, err) : HR_OK;
}

static hr_status plan(struct source_ds *s, struct source_node *n, struct hr_err *err)
{
    struct hr_read_limit limit = limit_of(s);
    struct hr_buf end = s->planned;
    hr_status status = HR_OK;
    s->planned = (struct hr_buf){0};
    if (!end.len)
        status =
            s->source->vt->latest_offset(s->source, hr_buf_cstr(&s->offset), &limit, &end, err);
    if (status == HR_OK) {
        n->start = hr_arena_strdup(&n->arena, hr_buf_cstr(&s->offset));
        n->end = hr_arena_strdup(&n->arena, hr_buf_cstr(&end));
        if (!n->start || !n->end) status = HR_OOM(err);
    }
    if (status == HR_OK) status = plan_splits(s, n, err);
    if (status == HR_OK) {
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
    HR_UNUSED(time);
    struct source_node *n = hr_source_node_new(ds->ssc->batch_pool, s->source, err);
    return n && plan(s, n, err) == HR_OK ? &n->node.base : NULL;
}

static void source_describe(struct hr_dstream *ds, int64_t time, struct hr_buf *out)
{
    const struct hr_rdd *rdd = hr_ds_remembered(ds, time);
    const struct source_node *n = rdd ? hr_source_node_of(rdd) : NULL;
    if (!n) return;
    if (n->ranges) {
        hr_kafka_describe(n, out);
        return;
    }
    for (uint32_t i = 0; i < rdd->partition_count; i++)
        hr_buf_printf(out, "%s%s", i ? "\n" : "", n->splits[i].description);
}

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_source_options(struct hr_options *ret, struct hr_arena *arena,
                            const char *const *options, struct hr_err *err)
{
    hr_options_init(ret, arena);
    for (uint32_t i = 0; options && options[i]; i += 2) {
        if (!options[i + 1])
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: has no value", options[i]);
        HR_TRY(hr_options_put(ret, options[i], options[i + 1], err));
    }
    return HR_OK;
}

struct hr_conf hr_source_conf(const struct hr_context *ctx)
{
    return (struct hr_conf){.ansi = true,
                            .batch_rows = HR_BATCH_ROWS,
                            .threads = 1,
                            .shuffle_partitions = ctx->parallelism,
                            .tz = hr_tz_utc()};
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
    HR_TRY(hr_source_open(s->vt, &args, &s->source, err));
    s->ds.schema = s->source->schema;
    return HR_OK;
}

static hr_status source_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct source_ds *s = (struct source_ds *)ds;
    const struct hr_ds_conf *conf = &ds->ssc->conf;
    if (conf->backpressure) s->rate = conf->initial_rate; /* from the first batch on */
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
    hr_buf_done(&s->planned);
    hr_arena_done(&s->arena);
    hr_arena_done(&s->commit_arena);
    pthread_mutex_destroy(&s->lock);
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

/* The offsets of the batch, or those that the program has chosen. What is not confirmed now is
 * confirmed with the next batch: no reason to fail. */
static void confirm(struct source_ds *s, int64_t time)
{
    const struct hr_rdd *rdd = hr_ds_remembered(&s->ds, time);
    const struct source_node *n = rdd ? hr_source_node_of(rdd) : NULL;
    struct hr_buf chosen = {0};
    struct hr_err err = {0};
    const char *end = n ? n->end : NULL;
    if (!s->source->vt->commit) return;
    if (!s->auto_commit) {
        hr_kafka_take_commits(s, &chosen);
        end = chosen.len ? hr_buf_cstr(&chosen) : NULL;
    }
    if (end && s->source->vt->commit(s->source, end, &err) != HR_OK) {
        HR_LOG(HR_LOG_WARN, "stream %u: offsets %s are not committed: %s", s->ds.id, end, err.msg);
        if (chosen.len) hr_kafka_return_commits(s, end);
    }
    hr_buf_done(&chosen);
}

static hr_status source_plan_save(struct hr_dstream *ds, int64_t time, struct hr_buf *out,
                                  struct hr_err *err)
{
    const struct source_ds *s = (const struct source_ds *)ds;
    HR_UNUSED(time);
    hr_buf_append(out, s->offset.ptr, s->offset.len);
    return hr_buf_status(out, err);
}

static hr_status source_plan_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct source_ds *s = (struct source_ds *)ds;
    hr_buf_clear(&s->planned);
    hr_buf_append(&s->planned, in->pos, (size_t)(in->end - in->pos));
    return hr_buf_status(&s->planned, err);
}

static void source_batch_done(struct hr_dstream *ds, int64_t time)
{
    struct source_ds *s = (struct source_ds *)ds;
    const struct hr_batch_info *info = &ds->ssc->info;
    double rate;
    confirm(s, time);
    if (ds->ssc->conf.backpressure &&
        hr_pid_update(&s->pid, info->processing_end_us, ds->rows, info->processing_delay_us,
                      info->scheduling_delay_us, &rate))
        s->rate = (int64_t)rate;
}

static const struct hr_ds_vt source_vt = {.name = "source",
                                          .compute = source_compute,
                                          .free = source_free,
                                          .start = source_start,
                                          .save = source_save,
                                          .load = source_load,
                                          .batch_done = source_batch_done,
                                          .plan_save = source_plan_save,
                                          .plan_load = source_plan_load,
                                          .describe = source_describe,
                                          .input = true};

struct source_ds *hr_source_ds_new(struct hr_streaming *ssc, const struct hr_source_vt *vt,
                                   const struct hr_type *type, const char *const *options,
                                   struct hr_err *err)
{
    struct source_ds *s = hr_ds_new(ssc, &source_vt, sizeof *s, NULL, NULL, NULL, err);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->vt = vt;
    s->given = type;
    s->auto_commit = true;
    s->kafka = hr_str_eq_nocase(vt->name, "kafka");
    s->ds.name = vt->name;
    s->conf = hr_source_conf(ssc->ctx);
    if (hr_source_options(&s->options, &s->arena, options, err) != HR_OK ||
        open_source(s, err) != HR_OK)
        return NULL;
    return s;
}

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
    struct source_ds *s = hr_source_ds_new(ssc, vt, type, options, err);
    return s ? &s->ds : NULL;
}

bool hr_rdd_offset_range(const struct hr_rdd *rdd, const char **ret_start, const char **ret_end)
{
    const struct source_node *n = rdd ? hr_source_node_of(rdd) : NULL;
    if (!n || !n->start) return false;
    *ret_start = n->start;
    *ret_end = n->end;
    return true;
}
