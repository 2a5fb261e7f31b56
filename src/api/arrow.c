/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as an Arrow stream, and an Arrow stream as an RDD in memory. */
#include "column/arrow.h"
#include <errno.h>

#include "api/api.h"

/* --- Out -------------------------------------------------------------------------------------- */

/* Behind an exported stream. */
struct out_stream {
    const struct hr_type *schema;
    struct hr_batch **batches; /* referenced */
    uint32_t count, next;
    struct hr_err err; /* of the last call */
};

static struct out_stream *out_of(const struct ArrowArrayStream *stream)
{
    assert(stream->private_data);
    return stream->private_data;
}

/* The interface's errors are errno's; the text is told by get_last_error. */
static int code_of(hr_status status)
{
    if (status == HR_OK) return 0;
    return status == HR_E_OOM ? ENOMEM : EINVAL;
}

static int out_schema(struct ArrowArrayStream *stream, struct ArrowSchema *ret)
{
    struct out_stream *out = out_of(stream);
    hr_err_init(&out->err);
    return code_of(hr_arrow_export_type(out->schema, "", false, 0, ret, &out->err));
}

static int out_next(struct ArrowArrayStream *stream, struct ArrowArray *ret)
{
    struct out_stream *out = out_of(stream);
    hr_err_init(&out->err);
    while (out->next < out->count && out->batches[out->next]->sel_count == 0) out->next++;
    if (out->next == out->count) { /* the end is an array that is released already */
        *ret = (struct ArrowArray){0};
        return 0;
    }
    int code = code_of(hr_arrow_export_batch(out->batches[out->next], 0, ret, &out->err));
    if (code == 0) out->next++;
    return code;
}

static const char *out_error(struct ArrowArrayStream *stream)
{
    const struct out_stream *out = out_of(stream);
    return out->err.code ? out->err.msg : NULL;
}

static void out_release(struct ArrowArrayStream *stream)
{
    struct out_stream *out = out_of(stream);
    for (uint32_t i = 0; i < out->count; i++) hr_batch_unref(out->batches[i]);
    hr_free(out->batches);
    hr_free(out);
    stream->release = NULL;
    stream->private_data = NULL;
}

hr_status hr_rows_export_arrow(const struct hr_rows *rows, struct ArrowArrayStream *ret,
                               struct hr_err *err)
{
    if (!rows) return hr_missing("no rows", err);
    if (!ret) return hr_missing("no stream", err);
    if (rows->iter)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "rows of a partition cannot be exported");
    struct out_stream *out = hr_zalloc(sizeof *out);
    struct hr_batch **batches = hr_alloc((rows->batch_count + 1) * sizeof *batches);
    if (!out || !batches) {
        hr_free(out);
        hr_free(batches);
        return HR_OOM(err);
    }
    for (uint32_t i = 0; i < rows->batch_count; i++) batches[i] = hr_batch_ref(rows->batches[i]);
    *out = (struct out_stream){
        .schema = rows->schema, .batches = batches, .count = rows->batch_count};
    *ret = (struct ArrowArrayStream){out_schema, out_next, out_error, out_release, out};
    return HR_OK;
}

/* --- In --------------------------------------------------------------------------------------- */

struct incoming {
    struct ArrowArrayStream *stream;
    struct ArrowSchema schema;
    const struct hr_type *type;
    HR_VEC(struct hr_batch *) batches;
    struct hr_arena arena; /* of the list */
};

static hr_status stream_failed(struct ArrowArrayStream *stream, int code, struct hr_err *err)
{
    const char *why = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the Arrow stream failed: %.400s",
                   why ? why : strerror(code));
}

static hr_status read_schema(struct incoming *in, struct hr_err *err)
{
    int code = in->stream->get_schema(in->stream, &in->schema);
    if (code) return stream_failed(in->stream, code, err);
    HR_TRY(hr_arrow_import_type(&in->schema, &in->type, err));
    if (in->type->id == HR_T_STRUCT) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the Arrow stream is of no struct");
}

static hr_status read_batches(struct incoming *in, struct hr_err *err)
{
    for (;;) {
        struct ArrowArray array = {0};
        struct hr_batch *batch = NULL;
        int code = in->stream->get_next(in->stream, &array);
        if (code) return stream_failed(in->stream, code, err);
        if (!array.release) return HR_OK;
        hr_status status = hr_arrow_import_batch(&in->schema, &array, NULL, &batch, err);
        if (array.release) array.release(&array);
        HR_TRY(status);
        if (HR_VEC_PUSH(&in->arena, &in->batches, batch)) continue;
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
}

static struct hr_rdd *rdd_of(struct hr_context *ctx, const struct incoming *in, struct hr_err *err)
{
    uint32_t count = in->batches.count;
    uint32_t *parts = hr_alloc((count + 1) * sizeof *parts);
    if (!parts) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) parts[i] = i;
    struct hr_rdd *rdd = hr_node_from_batches(&ctx->pool, in->type, in->batches.items, parts,
                                              count, HR_MAX(1u, count), err);
    hr_free(parts);
    return rdd;
}

struct hr_rdd *hr_import_arrow(struct hr_context *ctx, struct ArrowArrayStream *stream,
                               struct hr_err *err)
{
    struct hr_err own = {0};
    if (!err) err = &own;
    if (!stream || !stream->release || !ctx) {
        HR_UNUSED(hr_missing(ctx ? "no stream" : "no context", err));
        return NULL;
    }
    struct incoming in = {.stream = stream};
    hr_arena_init(&in.arena, NULL);
    hr_status status = read_schema(&in, err);
    if (status == HR_OK) status = read_batches(&in, err);
    struct hr_rdd *rdd = status == HR_OK ? rdd_of(ctx, &in, err) : NULL;
    for (uint32_t i = 0; i < in.batches.count; i++) hr_batch_unref(in.batches.items[i]);
    if (in.schema.release) in.schema.release(&in.schema);
    stream->release(stream);
    hr_arena_done(&in.arena);
    return rdd;
}
