/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: an RDD's rows kept apart from its lineage, which is thereby cut. In files, that
 * outlive blocks, workers and the program (checkpoint); in this process's memory (localCheckpoint),
 * which is what DStreams cut their states' lineage with.
 *
 * Spark marks an RDD and cuts it after its next job. Here the job runs at once and a new RDD stands
 * for the old one: an RDD never changes under a job that another thread runs.
 */
#include "api/object_file.h"

/* The keys of one RDD are where the other one's are. */
static void stand_for(struct hr_rdd *out, const struct hr_rdd *rdd)
{
    hr_node_of(out)->key_columns = hr_node_of(rdd)->key_columns;
    hr_node_place(hr_node_of(out), hr_node_of(rdd)->placed);
}

/* --- In files --------------------------------------------------------------------------------- */

hr_status hr_context_set_checkpoint_dir(struct hr_context *ctx, const char *path,
                                        struct hr_err *err)
{
    char uuid[37];
    struct hr_buf dir = {0};
    if (!path || !*path) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no checkpoint folder given");
    /* A folder of its own, so that runs of a program do not meet in it. */
    hr_env_uuid(ctx->env, uuid);
    hr_buf_printf(&dir, "%s/%s", path, uuid);
    hr_status status = hr_buf_status(&dir, err);
    if (status == HR_OK) status = ctx->env->vt->mkdirs(ctx->env, hr_buf_cstr(&dir), err);
    char *copy = status == HR_OK ? hr_strdup(hr_buf_cstr(&dir)) : NULL;
    hr_buf_done(&dir);
    HR_TRY(status);
    if (!copy) return HR_OOM(err);
    pthread_mutex_lock(&ctx->lock);
    char *old = ctx->checkpoint_dir;
    ctx->checkpoint_dir = copy;
    pthread_mutex_unlock(&ctx->lock);
    hr_free(old);
    return HR_OK;
}

/* The folder of this checkpoint; an RDD may have several. */
static hr_status folder_of(struct hr_context *ctx, const struct hr_rdd *rdd, struct hr_buf *ret,
                           struct hr_err *err)
{
    pthread_mutex_lock(&ctx->lock);
    bool set = ctx->checkpoint_dir != NULL;
    if (set) hr_buf_printf(ret, "%s/rdd-%u-%u", ctx->checkpoint_dir, rdd->id, ctx->checkpoints++);
    pthread_mutex_unlock(&ctx->lock);
    if (set) return hr_buf_status(ret, err);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "no checkpoint folder is set; call hr_context_set_checkpoint_dir first, or use "
                   "hr_rdd_local_checkpoint");
}

struct hr_rdd *hr_rdd_checkpoint(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    if (hr_object_folder(rdd)) return rdd; /* it stands on files already */
    struct hr_context *ctx = hr_node_of(rdd)->ctx;
    struct hr_buf path = {0};
    struct hr_rdd *out = NULL;
    uint64_t rows;
    hr_status status = folder_of(ctx, rdd, &path, err);
    if (status == HR_OK) status = hr_object_save(rdd, hr_buf_cstr(&path), "checkpoint", &rows, err);
    if (status == HR_OK)
        out = hr_object_parts(hr_node_of(rdd)->pool, hr_buf_cstr(&path), rdd->partition_count,
                              rdd->schema, err);
    else if (path.len) /* parts that nobody will read */
        (void)!hr_env_remove_tree(ctx->env, hr_buf_cstr(&path), NULL);
    hr_buf_done(&path);
    if (!out) return NULL;
    stand_for(out, rdd);
    out->rows_estimate = (int64_t)rows;
    return out;
}

const char *hr_rdd_checkpoint_file(const struct hr_rdd *rdd)
{
    if (!rdd) return NULL;
    return hr_object_folder(rdd);
}

bool hr_rdd_is_checkpointed(const struct hr_rdd *rdd)
{
    if (!rdd) return false;
    return hr_object_folder(rdd) != NULL;
}

/* --- In memory -------------------------------------------------------------------------------- */

struct keeper {
    struct hr_batch_list *parts;
};

static hr_status keep_batch(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                            struct hr_err *err)
{
    HR_UNUSED(attempt);
    if (!batch->sel_count) return HR_OK;
    /* Deep: the copy must not hold on to the buffers of the lineage that is being cut. */
    struct hr_batch *copy = hr_batch_concat(&batch, 1, batch->schema, true);
    if (!copy) return HR_OOM(err);
    return hr_batch_list_push(&((struct keeper *)arg)->parts[partition], copy, err);
}

static void keep_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    HR_UNUSED(attempt);
    hr_batch_list_done(&((struct keeper *)arg)->parts[partition]);
}

struct hr_rdd *hr_rdd_local_checkpoint(struct hr_rdd *rdd, struct hr_err *err)
{
    if (!rdd) return NULL;
    uint32_t n = rdd->partition_count, count = 0;
    struct keeper k = {.parts = hr_zalloc((n + 1) * sizeof *k.parts)};
    struct hr_batch **batches = NULL;
    uint32_t *parts = NULL;
    struct hr_rdd *out = NULL;
    hr_status status = k.parts ? HR_OK : HR_OOM(err);
    struct hr_job_options job = {
        .consume = keep_batch, .reset = keep_reset, .arg = &k, .description = "localCheckpoint"};
    if (status == HR_OK) status = hr_context_run(hr_node_of(rdd)->ctx, rdd, &job, err);
    for (uint32_t p = 0; status == HR_OK && p < n; p++) count += k.parts[p].count;
    if (status == HR_OK) {
        batches = hr_alloc((count + 1) * sizeof *batches);
        parts = hr_alloc((count + 1) * sizeof *parts);
        if (!batches || !parts) status = HR_OOM(err);
    }
    count = 0;
    for (uint32_t p = 0; status == HR_OK && p < n; p++)
        for (uint32_t i = 0; i < k.parts[p].count; i++) {
            parts[count] = p;
            batches[count++] = k.parts[p].items[i];
        }
    if (status == HR_OK)
        out =
            hr_node_from_batches(hr_node_of(rdd)->pool, rdd->schema, batches, parts, count, n, err);
    if (out) stand_for(out, rdd);
    for (uint32_t p = 0; k.parts && p < n; p++) hr_batch_list_done(&k.parts[p]);
    hr_free(k.parts);
    hr_free(batches);
    hr_free(parts);
    return out;
}
