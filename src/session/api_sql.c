/* SPDX-License-Identifier: Apache-2.0 */
/* hr_sql: a statement of the C API, in a session that the context keeps. */
#include "api/api.h"
#include "session/api.h"

static void free_session(void *session)
{
    hr_session_free(session);
}

/* A statement's memory, for rows that outlive it. */
struct kept {
    struct hr_buffer buffer; /* what batches hold; it has no bytes of its own */
    struct hr_arena arena;
};

static void free_kept(struct hr_buffer *buffer)
{
    struct kept *kept = HR_CONTAINER_OF(buffer, struct kept, buffer);
    hr_arena_done(&kept->arena);
    hr_free(kept);
}

/* A new batch over the old one, because that may be a view's, which others read at this moment. */
static hr_status hold(struct hr_batch **batch, const uint32_t *all, struct hr_buffer *buffer,
                      struct hr_err *err)
{
    struct hr_batch *holding = hr_batch_project(*batch, (*batch)->schema, all);
    if (!holding || !hr_batch_hold_buffer(holding, buffer)) {
        hr_batch_unref(holding);
        return HR_OOM(err);
    }
    hr_batch_unref(*batch);
    *batch = holding;
    return HR_OK;
}

/* The rows of a result may point into its arena: literals are there, and what was folded. The rows
 * of an RDD outlive the result, so its arena goes with the last of its batches. */
static hr_status hold_arena(struct hr_result *result, struct hr_err *err)
{
    if (!result->batch_count) return HR_OK;
    uint32_t columns = result->batches[0]->schema->field_count;
    uint32_t *all = HR_NEW_ARRAY(&result->arena, uint32_t, columns + 1);
    struct kept *kept = all ? hr_zalloc(sizeof *kept) : NULL;
    if (!kept) return HR_OOM(err);
    for (uint32_t c = 0; c < columns; c++) all[c] = c;
    kept->buffer.free_fn = free_kept;
    atomic_init(&kept->buffer.refs, 1);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < result->batch_count && status == HR_OK; i++)
        status = hold(&result->batches[i], all, &kept->buffer, err);
    if (status == HR_OK) {
        kept->arena = result->arena;
        result->arena = (struct hr_arena){0};
    }
    hr_buffer_unref(&kept->buffer);
    return status;
}

/* The result's batches become an RDD in memory; it holds them. */
static struct hr_rdd *rdd_of(struct hr_context *ctx, const struct hr_result *result,
                             struct hr_err *err)
{
    uint32_t *parts = hr_zalloc((result->batch_count + 1) * sizeof *parts);
    if (!parts) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    for (uint32_t i = 0; i < result->batch_count; i++) parts[i] = i;
    struct hr_rdd *rdd =
        hr_node_from_batches(&ctx->pool, result->schema, result->batches, parts,
                             result->batch_count, HR_MAX(1u, result->batch_count), err);
    hr_free(parts);
    return rdd;
}

struct hr_session *hr_context_session(struct hr_context *ctx, struct hr_err *err)
{
    if (!ctx->sql) {
        /* A query's states are this process's: its tasks do not go to worker processes. */
        struct hr_session_options options = {.env = ctx->env,
                                             .threads = ctx->parallelism,
                                             .scheduler = ctx->executors ? NULL : ctx->scheduler};
        struct hr_session *session;
        if (hr_session_new(&options, &session, err) != HR_OK) return NULL;
        ctx->sql = session;
        ctx->sql_free = free_session;
    }
    return ctx->sql;
}

/* A statement's result, of which the batches need nothing but themselves. */
static bool run(struct hr_context *ctx, const char *statement, struct hr_result *ret,
                struct hr_err *err)
{
    struct hr_session *session = ctx ? hr_context_session(ctx, err) : NULL;
    if (!session || hr_session_sql(session, hr_sv(statement), ret, err) != HR_OK) return false;
    if (hold_arena(ret, err) == HR_OK) return true;
    hr_result_done(ret);
    return false;
}

struct hr_rdd *hr_sql(struct hr_context *ctx, const char *statement, struct hr_err *err)
{
    struct hr_result result;
    if (!run(ctx, statement, &result, err)) return NULL;
    struct hr_rdd *rdd = NULL;
    if (result.schema && result.schema->field_count) {
        rdd = rdd_of(ctx, &result, err);
    } else {
        struct hr_field none = {"result", hr_type(HR_T_STRING), true};
        const struct hr_type *schema = hr_type_struct(&none, 1);
        if (schema)
            rdd = hr_node_from_batches(&ctx->pool, schema, NULL, NULL, 0, 1, err);
        else
            HR_UNUSED(HR_OOM(err));
    }
    hr_result_done(&result);
    return rdd;
}

struct hr_rows *hr_sql_rows(struct hr_context *ctx, const char *statement, struct hr_err *err)
{
    struct hr_result result;
    if (!run(ctx, statement, &result, err)) return NULL;
    const struct hr_type *schema = result.schema ? result.schema : hr_type_struct(NULL, 0);
    /* The rows take the references over, whether it works or not. */
    struct hr_rows *rows = hr_rows_of_batches(schema, result.batches, result.batch_count);
    if (!rows) HR_UNUSED(HR_OOM(err));
    result.batch_count = 0;
    hr_result_done(&result);
    return rows;
}
