/* SPDX-License-Identifier: Apache-2.0 */
/* Actions over numbers and keys, storage levels, and output as text files. */
#include <math.h>
#include <stdio.h>

#include "api/api.h"
#include "api/object_file.h"
#include "base/codec.h"

static hr_status no_rdd(struct hr_err *err)
{
    return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
}

/* --- Numbers ---------------------------------------------------------------------------------- */

/* Count, mean and sum of squares of differences, merged as Chan et al. do: stable for any order. */
struct moments {
    uint64_t count;
    double sum, mean, m2, min, max;
};

struct number_job {
    uint32_t column;
    struct moments *parts; /* stats */
    const double *edges;   /* histogram */
    uint32_t buckets;
    uint64_t *counts; /* by partition and bucket */
};

static void add_number(struct moments *m, double x)
{
    double delta = x - m->mean;
    if (m->count == 0) m->min = m->max = x;
    m->count++;
    m->sum += x;
    m->mean += delta / (double)m->count;
    m->m2 += delta * (x - m->mean);
    m->min = isnan(m->min) || isnan(x) ? NAN : fmin(m->min, x);
    m->max = isnan(m->max) || isnan(x) ? NAN : fmax(m->max, x);
}

static void merge_moments(struct moments *a, const struct moments *b)
{
    if (!b->count) return;
    if (!a->count) {
        *a = *b;
        return;
    }
    double delta = b->mean - a->mean, n = (double)a->count + (double)b->count;
    a->m2 += b->m2 + delta * delta * (double)a->count * (double)b->count / n;
    a->mean += delta * (double)b->count / n;
    a->count += b->count;
    a->sum += b->sum;
    a->min = isnan(a->min) || isnan(b->min) ? NAN : fmin(a->min, b->min);
    a->max = isnan(a->max) || isnan(b->max) ? NAN : fmax(a->max, b->max);
}

static void count_number(const struct number_job *job, uint32_t partition, double x)
{
    const double *edges = job->edges;
    uint32_t n = job->buckets, low = 0, high = n;
    if (!(x >= edges[0] && x <= edges[n])) return;
    while (high - low > 1) {
        uint32_t mid = (low + high) / 2;
        if (x >= edges[mid])
            low = mid;
        else
            high = mid;
    }
    job->counts[(size_t)partition * n + low]++;
}

static hr_status number_batch(void *arg, uint32_t partition, uint32_t attempt,
                              struct hr_batch *batch, struct hr_err *err)
{
    struct number_job *job = arg;
    struct hr_row row;
    HR_UNUSED(attempt);
    hr_row_of_batch(batch, 0, &row);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        row.index_ = batch->sel ? batch->sel[i] : i;
        if (hr_row_is_null(&row, job->column)) continue;
        double x = hr_row_double(&row, job->column);
        if (job->parts)
            add_number(&job->parts[partition], x);
        else
            count_number(job, partition, x);
    }
    return hr_emitter_check(NULL, HR_OK, err);
}

static void number_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    struct number_job *job = arg;
    HR_UNUSED(attempt);
    if (job->parts)
        job->parts[partition] = (struct moments){0};
    else
        memset(job->counts + (size_t)partition * job->buckets, 0, job->buckets * sizeof(uint64_t));
}

static hr_status run_numbers(struct hr_rdd *rdd, const char *column, struct number_job *job,
                             struct hr_err *err)
{
    struct hr_order order;
    uint32_t n;
    HR_TRY(hr_order_parse(rdd->schema, column, &order, 1, &n, err));
    if (!hr_type_is_numeric(rdd->schema->fields[order.column].type))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "column %s is no number", column);
    job->column = order.column;
    struct hr_job_options options = {
        .consume = number_batch, .reset = number_reset, .arg = job, .description = "stats"};
    return hr_context_run(hr_node_of(rdd)->ctx, rdd, &options, err);
}

hr_status hr_rdd_stats(struct hr_rdd *rdd, const char *column, struct hr_stats *ret,
                       struct hr_err *err)
{
    if (!rdd) return no_rdd(err);
    struct moments all = {0};
    struct number_job job = {.parts = hr_zalloc((rdd->partition_count + 1) * sizeof *job.parts)};
    if (!job.parts) return HR_OOM(err);
    hr_status status = run_numbers(rdd, column, &job, err);
    for (uint32_t i = 0; i < rdd->partition_count; i++) merge_moments(&all, &job.parts[i]);
    hr_free(job.parts);
    HR_TRY(status);
    double n = (double)all.count;
    *ret = (struct hr_stats){
        .count = all.count,
        .sum = all.sum,
        .mean = all.mean,
        .min = all.count ? all.min : INFINITY,
        .max = all.count ? all.max : -INFINITY,
        .variance = all.count ? all.m2 / n : NAN,
        .sample_variance = all.count > 1 ? all.m2 / (n - 1) : NAN,
    };
    ret->stdev = sqrt(ret->variance);
    ret->sample_stdev = sqrt(ret->sample_variance);
    return HR_OK;
}

hr_status hr_rdd_histogram(struct hr_rdd *rdd, const char *column, const double *edges,
                           uint32_t count, uint64_t *ret_counts, struct hr_err *err)
{
    if (!rdd) return no_rdd(err);
    for (uint32_t i = 0; i < count; i++)
        if (!(edges[i] < edges[i + 1]) || count > 100000)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a histogram's edges must ascend");
    if (count == 0) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a histogram of 0 buckets");
    struct number_job job = {.edges = edges, .buckets = count};
    job.counts = hr_zalloc((size_t)(rdd->partition_count + 1) * count * sizeof(uint64_t));
    if (!job.counts) return HR_OOM(err);
    hr_status status = run_numbers(rdd, column, &job, err);
    if (status == HR_OK) {
        memset(ret_counts, 0, count * sizeof *ret_counts);
        for (uint32_t p = 0; p < rdd->partition_count; p++)
            for (uint32_t i = 0; i < count; i++) ret_counts[i] += job.counts[(size_t)p * count + i];
    }
    hr_free(job.counts);
    return status;
}

hr_status hr_rdd_histogram_even(struct hr_rdd *rdd, const char *column, uint32_t count,
                                double *ret_edges, uint64_t *ret_counts, struct hr_err *err)
{
    struct hr_stats stats;
    if (count == 0) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a histogram of 0 buckets");
    HR_TRY(hr_rdd_stats(rdd, column, &stats, err));
    if (!stats.count || !isfinite(stats.min) || !isfinite(stats.max))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "a histogram of an empty RDD, or one with infinity or NaN");
    if (stats.min == stats.max) {
        /* As Spark: one value, one bucket; the others stay empty behind it. */
        for (uint32_t i = 0; i <= count; i++) ret_edges[i] = stats.min + (double)i;
    } else {
        for (uint32_t i = 0; i <= count; i++)
            ret_edges[i] = stats.min + (stats.max - stats.min) * i / count;
        ret_edges[count] = stats.max;
    }
    return hr_rdd_histogram(rdd, column, ret_edges, count, ret_counts, err);
}

/* --- By key ----------------------------------------------------------------------------------- */

/* The row that key emits, as an RDD of the keys' schema. */
static struct hr_rdd *one_key(struct hr_pool *pool, const struct hr_type *schema, hr_fill_fn key,
                              void *arg, struct hr_err *err)
{
    struct hr_batch_list list = {0};
    struct hr_emitter out;
    struct hr_rdd *wanted = NULL;
    uint32_t zero = 0;
    hr_emitter_init(&out, schema, NULL);
    hr_status status = hr_emitter_check(&out, key(arg, &out, err), err);
    if (status == HR_OK && out.rows != 1)
        status = hr_err_fail(err, "lookup of one key, not %d", (int)out.rows);
    if (status == HR_OK) status = hr_emitter_flush(&out, err);
    if (status == HR_OK) status = hr_batch_list_push(&list, hr_emitter_pop(&out), err);
    if (status == HR_OK) wanted = hr_node_from_batches(pool, schema, list.items, &zero, 1, 1, err);
    if (wanted) hr_node_of(wanted)->key_columns = schema->field_count;
    hr_batch_list_done(&list);
    hr_emitter_done(&out);
    return wanted;
}

struct hr_rows *hr_rdd_lookup(struct hr_rdd *rdd, hr_fill_fn key, void *arg, struct hr_err *err)
{
    if (!key) {
        HR_UNUSED(hr_missing("no function of the key", err));
        return NULL;
    }
    if (!rdd) return NULL;
    const struct hr_type *schema = hr_schema_slice(rdd->schema, 0, hr_node_of(rdd)->key_columns);
    struct hr_err own = {0};
    struct hr_pool pool;
    if (!err) err = &own;
    if (!schema) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct hr_rdd *from = hr_node_scratch(&pool, rdd, err);
    struct hr_rdd *wanted = from ? one_key(&pool, schema, key, arg, err) : NULL;
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_join(from, wanted, 0, err), err);
    hr_pool_done(&pool);
    return rows;
}

struct hr_rows *hr_rdd_reduce_by_key_locally(struct hr_rdd *rdd, hr_merge_fn fn, void *arg,
                                             struct hr_err *err)
{
    struct hr_pool pool;
    if (!rdd) return NULL;
    struct hr_rdd *from = hr_node_scratch(&pool, rdd, err);
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_reduce_by_key(from, fn, arg, 0, err), err);
    hr_pool_done(&pool);
    return rows;
}

/* --- Storage ---------------------------------------------------------------------------------- */

struct hr_rdd *hr_rdd_persist(struct hr_rdd *rdd, enum hr_persist level, struct hr_err *err)
{
    static const enum hr_storage_level levels[] = {
        [HR_PERSIST_NONE] = HR_STORE_NONE,
        [HR_MEMORY] = HR_STORE_MEMORY,
        [HR_MEMORY_AND_DISK] = HR_STORE_MEMORY_AND_DISK,
        [HR_DISK] = HR_STORE_DISK,
    };
    if (!rdd) return NULL;
    if ((unsigned)level >= HR_COUNT(levels)) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "storage level %d", (int)level));
        return NULL;
    }
    if (level == HR_PERSIST_NONE)
        hr_rdd_unpersist(rdd);
    else
        rdd->storage = levels[level];
    return rdd;
}

struct hr_rdd *hr_rdd_cache(struct hr_rdd *rdd, struct hr_err *err)
{
    return hr_rdd_persist(rdd, HR_MEMORY, err);
}

enum hr_persist hr_rdd_storage_level(const struct hr_rdd *rdd)
{
    if (!rdd) return HR_PERSIST_NONE;
    switch (rdd->storage) {
    case HR_STORE_MEMORY: return HR_MEMORY;
    case HR_STORE_MEMORY_AND_DISK: return HR_MEMORY_AND_DISK;
    case HR_STORE_DISK: return HR_DISK;
    default: return HR_PERSIST_NONE;
    }
}

/* --- Text files ------------------------------------------------------------------------------- */

/* A partition's text is gathered in memory and written whole when its attempt has succeeded, under
 * a name of its own that is then renamed: a retry or a crash never leaves half a file behind. */
struct saver {
    struct hr_env *env;
    const char *path;
    const struct hr_codec *codec; /* or NULL */
    struct hr_buf *texts; /* by partition */
};

static hr_status save_batch(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                            struct hr_err *err)
{
    struct saver *s = arg;
    struct hr_row row;
    HR_UNUSED(attempt);
    hr_row_of_batch(batch, 0, &row);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        row.index_ = batch->sel ? batch->sel[i] : i;
        hr_row_put(&row, &s->texts[partition]);
        hr_buf_putc(&s->texts[partition], '\n');
    }
    return hr_buf_status(&s->texts[partition], err);
}

static void save_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    HR_UNUSED(attempt);
    hr_buf_done(&((struct saver *)arg)->texts[partition]);
    hr_buf_init(&((struct saver *)arg)->texts[partition], 0);
}

static hr_status save_finish(void *arg, uint32_t partition, uint32_t attempt, struct hr_err *err)
{
    struct saver *s = arg;
    struct hr_buf name = {0}, packed = {0}, *text = &s->texts[partition];
    HR_UNUSED(attempt);
    hr_buf_printf(&name, "%s/part-%05u%s", s->path, partition,
                  s->codec ? hr_codec_suffix(s->codec) : "");
    hr_status status = hr_buf_status(&name, err);
    if (status == HR_OK && s->codec) {
        status = hr_codec_pack(s->codec, text->ptr, text->len, &packed, err);
        text = &packed;
    }
    if (status == HR_OK)
        status = hr_env_write_file(s->env, hr_buf_cstr(&name), text->ptr, text->len, err);
    hr_buf_done(&packed);
    hr_buf_done(&name);
    if (status == HR_OK) save_reset(arg, partition, attempt);
    return status;
}

static hr_status save_text(struct hr_rdd *rdd, const char *path, const struct hr_codec *codec,
                           struct hr_err *err)
{
    struct hr_env *env = hr_node_of(rdd)->ctx->env;
    HR_TRY(hr_output_folder(env, path, err));
    struct saver s = {.env = env,
                      .path = path,
                      .codec = codec,
                      .texts = hr_zalloc((rdd->partition_count + 1) * sizeof *s.texts)};
    if (!s.texts) return HR_OOM(err);
    struct hr_job_options job = {.consume = save_batch,
                                 .finish = save_finish,
                                 .reset = save_reset,
                                 .arg = &s,
                                 .description = "saveAsTextFile"};
    hr_status status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    for (uint32_t i = 0; i < rdd->partition_count; i++) hr_buf_done(&s.texts[i]);
    hr_free(s.texts);
    return status == HR_OK ? hr_output_done(env, path, err) : status;
}

hr_status hr_rdd_save_as_text_file(struct hr_rdd *rdd, const char *path, struct hr_err *err)
{
    if (!path) return hr_missing("no path", err);
    return rdd ? save_text(rdd, path, NULL, err) : no_rdd(err);
}

hr_status hr_rdd_save_as_packed_text_file(struct hr_rdd *rdd, const char *path, const char *codec,
                                          struct hr_err *err)
{
    if (!path || !codec) return hr_missing(path ? "no codec" : "no path", err);
    const struct hr_codec *found = hr_codec_find(codec);
    if (!found)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the codec %.60s is none of " HR_CODEC_NAMES,
                       codec);
    return rdd ? save_text(rdd, path, found, err) : no_rdd(err);
}

hr_status hr_rdd_save_as_gzip_text_file(struct hr_rdd *rdd, const char *path, struct hr_err *err)
{
    return hr_rdd_save_as_packed_text_file(rdd, path, "gzip", err);
}
