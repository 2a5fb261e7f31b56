/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDDs over a connector's tables at rest (JSON and CSV files): a partition for each split of the
 * source. The source is opened and its splits are cut when the RDD is made; a split is read when
 * its partition is computed, by the decoders that SQL uses.
 */
#include "connector/connector.h"
#include "session/api.h"

struct read_node {
    struct hr_node node;
    struct hr_arena arena; /* of the splits */
    struct hr_source *source;
    struct hr_split *splits;
};

struct read_iter {
    struct hr_batch_iter base;
    struct hr_scan_spec spec;
    struct hr_scan_reader *reader;
};

static hr_status read_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct read_iter *it = (struct read_iter *)iter;
    return it->reader->vt->next(it->reader, ret, err);
}

static void read_close(struct hr_batch_iter *iter)
{
    struct read_iter *it = (struct read_iter *)iter;
    it->reader->vt->close(it->reader);
    hr_free(it);
}

static hr_status read_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret, struct hr_err *err)
{
    struct read_node *r = (struct read_node *)rdd;
    struct read_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){read_next, read_close};
    it->spec = (struct hr_scan_spec){
        .schema = rdd->schema, .batch_rows = HR_BATCH_ROWS, .cancelled = ctx->cancelled};
    hr_status status =
        r->source->vt->open_reader(r->source, &r->splits[partition], &it->spec, &it->reader, err);
    if (status != HR_OK)
        hr_free(it);
    else
        *ret = &it->base;
    return status;
}
static const struct hr_rdd_vt read_vt = {"FileScanRDD", read_compute, NULL, hr_node_free};

static void read_done(struct hr_node *node)
{
    struct read_node *r = (struct read_node *)node;
    if (r->source) r->source->vt->close(r->source);
    hr_arena_done(&r->arena);
}

static hr_status open_source(struct hr_context *ctx, const char *format, const char *path,
                             const struct hr_type *schema, const char *const *pairs,
                             struct hr_source **ret, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_options options;
    struct hr_session *session = hr_context_session(ctx, err);
    if (!session) return err->code;
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    hr_status status = hr_options_put(&options, "path", path, err);
    for (uint32_t i = 0; status == HR_OK && pairs && pairs[i]; i += 2)
        status = pairs[i + 1]
                     ? hr_options_put(&options, pairs[i], pairs[i + 1], err)
                     : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "option %s: no value", pairs[i]);
    const struct hr_source_vt *vt = hr_source_find(format);
    if (status == HR_OK && !vt) status = HR_BUG(err, "no source %s", format);
    struct hr_source_args args = {.env = ctx->env,
                                  .conf = hr_session_conf(session),
                                  .options = &options,
                                  .schema = schema,
                                  .query_name = format};
    if (status == HR_OK) status = hr_source_open(vt, &args, ret, err);
    hr_arena_done(&arena);
    return status;
}

static struct hr_rdd *read_files(struct hr_context *ctx, const char *format, const char *path,
                                 const char *ddl, const char *const *pairs, struct hr_err *err)
{
    const struct hr_type *schema = NULL;
    struct hr_source *source = NULL;
    struct hr_err own = {0};
    if (!ctx) return NULL;
    if (!err) err = &own;
    if (ddl && hr_schema_from_ddl(ddl, &schema, err) != HR_OK) return NULL;
    if (open_source(ctx, format, path, schema, pairs, &source, err) != HR_OK) return NULL;
    struct read_node *r = hr_node_new(&(struct hr_node_spec){.vt = &read_vt,
                                                             .size = sizeof *r,
                                                             .pool = &ctx->pool,
                                                             .schema = source->schema,
                                                             .op_done = read_done},
                                      err);
    if (!r) {
        source->vt->close(source);
        return NULL;
    }
    r->source = source;
    uint32_t count = 0;
    if (source->vt->plan_splits(source, NULL, NULL, &r->arena, &r->splits, &count, err) != HR_OK)
        return NULL;
    if (count == 0 && strpbrk(path, "*?[{")) {
        HR_UNUSED(HR_FAIL(err, HR_E_NOT_FOUND, "no file matches %s", path));
        return NULL;
    }
    r->node.base.partition_count = count;
    return &r->node.base;
}

struct hr_rdd *hr_json_files(struct hr_context *ctx, const char *path, const char *schema,
                             const char *const *options, struct hr_err *err)
{
    return read_files(ctx, "json", path, schema, options, err);
}

struct hr_rdd *hr_csv_files(struct hr_context *ctx, const char *path, const char *schema,
                            const char *const *options, struct hr_err *err)
{
    return read_files(ctx, "csv", path, schema, options, err);
}
