/* SPDX-License-Identifier: Apache-2.0 */
/* hr_sql: a statement of the C API, in a session that the context keeps. */
#include "rdd/api.h"
#include "session/api.h"

static void free_session(void *session)
{
    hr_session_free(session);
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
        struct hr_session_options options = {.env = ctx->env, .threads = ctx->parallelism};
        struct hr_session *session;
        if (hr_session_new(&options, &session, err) != HR_OK) return NULL;
        ctx->sql = session;
        ctx->sql_free = free_session;
    }
    return ctx->sql;
}

struct hr_rdd *hr_sql(struct hr_context *ctx, const char *statement, struct hr_err *err)
{
    struct hr_result result;
    struct hr_session *session = ctx ? hr_context_session(ctx, err) : NULL;
    if (!session || hr_session_sql(session, hr_sv(statement), &result, err) != HR_OK) return NULL;
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
    struct hr_session *session = ctx ? hr_context_session(ctx, err) : NULL;
    if (!session || hr_session_sql(session, hr_sv(statement), &result, err) != HR_OK) return NULL;
    const struct hr_type *schema = result.schema ? result.schema : hr_type_struct(NULL, 0);
    /* The rows take the references over, whether it works or not. */
    struct hr_rows *rows = hr_rows_of_batches(schema, result.batches, result.batch_count);
    if (!rows) HR_UNUSED(HR_OOM(err));
    result.batch_count = 0;
    hr_result_done(&result);
    return rows;
}
