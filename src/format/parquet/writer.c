/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as a Parquet file: row groups as they become full, the footer at the end. */
#include "format/parquet/codec.h"
#include "format/parquet/write.h"
#include "hr_config.h"

#define SLICE_ROWS  1024
#define SLICE_BYTES (8 << 20)
#define SPARK       "4.0.0" /* whose calendar and types the file has */

struct pq_encoder {
    struct hr_encoder base;
    struct hr_arena arena, slice;
    struct pq_options options;
    struct pq_wschema schema;
    struct hr_mem *mem;
    HR_VEC(struct pq_row_group) groups;
    int64_t rows, total_rows; /* of the running group; of the file */
    int64_t offset;           /* in the file, of what comes next */
};

extern const struct hr_format_vt hr_format_parquet;

static struct pq_encoder *self(struct hr_encoder *base)
{
    return HR_CONTAINER_OF(base, struct pq_encoder, base);
}

void pq_encoder_close(struct hr_encoder *base)
{
    if (!base) return;
    struct pq_encoder *e = self(base);
    for (uint32_t i = 0; i < e->schema.leaf_count; i++) pq_wleaf_done(&e->schema.leaves[i]);
    hr_buf_done(&e->schema.json);
    hr_arena_done(&e->slice);
    hr_arena_done(&e->arena);
    hr_free(e);
}

static hr_status setup(struct pq_encoder *e, const struct hr_format_args *args, struct hr_err *err)
{
    HR_TRY(pq_options_parse(args->options, &e->options, err));
    HR_TRY(pq_codec_open(e->options.codec, err));
    HR_TRY(pq_wschema_make(&e->arena, args->schema, &e->options, &e->schema, err));
    for (uint32_t i = 0; i < e->schema.leaf_count; i++) e->schema.leaves[i].mem = args->mem;
    return HR_OK;
}

hr_status pq_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                          struct hr_err *err)
{
    struct pq_encoder *e = hr_zalloc(sizeof *e);
    if (!e) return HR_OOM(err);
    e->base.vt = &hr_format_parquet;
    e->mem = args->mem;
    hr_arena_init(&e->arena, args->mem);
    hr_arena_init(&e->slice, args->mem);
    hr_status status = setup(e, args, err);
    if (status)
        pq_encoder_close(&e->base);
    else
        *ret = &e->base;
    return status;
}

hr_status pq_encoder_begin(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err)
{
    self(base)->offset = 4;
    hr_buf_puts(out, "PAR1");
    return hr_buf_status(out, err);
}

static hr_status end_group(struct pq_encoder *e, struct hr_buf *out, struct hr_err *err)
{
    struct pq_row_group group = {.row_count = e->rows, .file_offset = e->offset};
    uint32_t count = group.columns.count = e->schema.leaf_count;
    group.columns.items = HR_NEW_ARRAY(&e->arena, struct pq_chunk, count + 1);
    if (!group.columns.items) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        size_t before = out->len;
        HR_TRY(pq_wleaf_end(&e->schema.leaves[i], e->offset, &e->arena, out,
                            &group.columns.items[i], err));
        e->offset += (int64_t)(out->len - before);
        group.plain_bytes += group.columns.items[i].meta->plain_bytes;
        group.packed_bytes += group.columns.items[i].meta->packed_bytes;
    }
    group.ordinal = e->groups.count <= INT16_MAX ? (int32_t)e->groups.count : PQ_NONE;
    e->total_rows += e->rows;
    e->rows = 0;
    return HR_VEC_PUSH(&e->arena, &e->groups, group) ? HR_OK : HR_OOM(err);
}

/* Bytes of text in a column and those below it. */
static size_t text_bytes(const struct hr_column *col)
{
    size_t bytes = 0;
    if (hr_type_is_string(col->type))
        for (uint32_t i = 0; i < col->length; i++)
            bytes += ((const struct hr_string *)col->values)[i].len;
    for (uint32_t i = 0; i < col->type->field_count; i++) bytes += text_bytes(&col->children[i]);
    return bytes;
}

/* Rows between two looks at how full pages are. */
static uint32_t slice_rows(const struct hr_batch *batch)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < batch->schema->field_count; i++)
        bytes += text_bytes(&batch->columns[i]);
    size_t row = bytes / HR_MAX(batch->row_count, 1u) + 1;
    return (uint32_t)HR_MAX(HR_MIN(SLICE_BYTES / row, (size_t)SLICE_ROWS), 1);
}

static hr_status encode_slice(struct pq_encoder *e, const struct hr_batch *batch, uint32_t from,
                              uint32_t count, struct hr_buf *out, struct hr_err *err)
{
    size_t bytes = 0;
    uint32_t *live = hr_arena_alloc(&e->slice, sizeof *live * count);
    if (!live) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) live[i] = batch->sel ? batch->sel[from + i] : from + i;
    for (uint32_t i = 0; i < batch->schema->field_count; i++)
        HR_TRY(pq_shred(&e->slice, e->schema.leaves, &e->schema.root.children[i],
                        &batch->columns[i], live, count, err));
    e->rows += count;
    for (uint32_t i = 0; i < e->schema.leaf_count; i++)
        bytes += pq_wleaf_bytes(&e->schema.leaves[i]);
    return (int64_t)bytes >= e->options.block_bytes ? end_group(e, out, err) : HR_OK;
}

hr_status pq_encoder_encode(struct hr_encoder *base, const struct hr_batch *batch,
                            struct hr_buf *out, uint64_t *ret_ends, struct hr_err *err)
{
    struct pq_encoder *e = self(base);
    uint32_t step = slice_rows(batch);
    HR_UNUSED(ret_ends); /* rows of a file have no ends */
    for (uint32_t from = 0; from < batch->sel_count; from += step) {
        uint32_t count = HR_MIN(step, batch->sel_count - from);
        hr_status status = encode_slice(e, batch, from, count, out, err);
        hr_arena_reset(&e->slice);
        HR_TRY(status);
    }
    return HR_OK;
}

hr_status pq_encoder_end(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err)
{
    static struct pq_empty there;
    struct pq_encoder *e = self(base);
    if (e->rows) HR_TRY(end_group(e, out, err));
    struct pq_key_value pairs[] = {{hr_sv("org.apache.spark.version"), hr_sv(SPARK)},
                                   {hr_sv("org.apache.spark.sql.parquet.row.metadata"),
                                    hr_svn(e->schema.json.ptr, e->schema.json.len)}};
    struct pq_file_meta meta = {.version = 1,
                                .row_count = e->total_rows,
                                .created_by = hr_sv("headrace version " HR_VERSION " (build 0)")};
    meta.schema.items = e->schema.elements;
    meta.schema.count = e->schema.element_count;
    meta.groups.items =
        e->groups.items ? e->groups.items : HR_NEW_ARRAY(&e->arena, struct pq_row_group, 1);
    meta.groups.count = e->groups.count;
    meta.key_values.items = pairs;
    meta.key_values.count = HR_COUNT(pairs);
    meta.column_orders.count = e->schema.leaf_count;
    meta.column_orders.items =
        HR_NEW_ARRAY(&e->arena, struct pq_column_order, e->schema.leaf_count + 1);
    if (!meta.groups.items || !meta.column_orders.items) return HR_OOM(err);
    for (uint32_t i = 0; i < e->schema.leaf_count; i++)
        meta.column_orders.items[i].type_order = &there;
    size_t before = out->len;
    pq_thrift_write(&pq_file_meta_spec, &meta, out);
    hr_buf_put_u32(out, (uint32_t)(out->len - before));
    hr_buf_puts(out, "PAR1");
    return hr_buf_status(out, err);
}
