/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet files as a container: their schema, and the rows of the row groups that begin in a
 * range. */
#include "format/parquet/parquet.h"

#define WINDOW_MAX   (4 << 20) /* read at once of a column */
#define WINDOW_MIN   (64 << 10)
#define WINDOWS      (64 << 20) /* of all columns */
#define VALUES_BATCH (1 << 20)  /* of a nested column in a batch, about */

struct pq_reader {
    struct hr_format_reader base;
    struct pq_file pq;
    struct pq_options options;
    struct pq_binding binding;
    const struct hr_type *wanted;
    const struct hr_bound *bounds;
    uint32_t bound_count, batch_rows;
    int64_t start, end;
    uint32_t group;    /* the next one */
    int64_t rows_left; /* of the one that is read */
    uint32_t rows_at_once;
};

static struct pq_reader *self(struct hr_format_reader *base)
{
    return HR_CONTAINER_OF(base, struct pq_reader, base);
}

static void reader_close(struct hr_format_reader *base)
{
    struct pq_reader *r = self(base);
    for (uint32_t i = 0; i < r->binding.leaf_count; i++) pq_leaf_done(&r->binding.leaves[i]);
    pq_file_done(&r->pq);
    hr_free(r);
}

static hr_status setup(struct pq_reader *r, const struct hr_format_args *args,
                       const struct hr_format_file *file, struct hr_err *err)
{
    HR_TRY(pq_options_parse(args->options, &r->options, err));
    HR_TRY(pq_file_open(&r->pq, file, args->mem, err));
    HR_TRY(pq_bind(&r->pq, &r->options, r->wanted, args->conf && args->conf->case_sensitive,
                   &r->binding, err));
    uint32_t count = HR_MAX(r->binding.leaf_count, 1u);
    for (uint32_t i = 0; i < r->binding.leaf_count; i++)
        r->binding.leaves[i].window_bytes =
            (size_t)HR_MIN(HR_MAX(WINDOWS / (int64_t)count, WINDOW_MIN), WINDOW_MAX);
    return HR_OK;
}

static hr_status reader_open(const struct hr_format_args *args, const struct hr_format_file *file,
                             int64_t start, int64_t end, struct hr_format_reader **ret,
                             struct hr_err *err)
{
    struct pq_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &pq_container;
    r->wanted = args->wanted ? args->wanted : args->schema;
    r->bounds = args->bounds;
    r->bound_count = args->bound_count;
    r->batch_rows = args->batch_rows ? args->batch_rows : HR_BATCH_ROWS;
    r->start = start;
    r->end = end;
    hr_status status = setup(r, args, file, err);
    if (status)
        reader_close(&r->base);
    else
        *ret = &r->base;
    return status;
}

/* Where its first column begins. */
static int64_t first_byte(const struct pq_row_group *group)
{
    const struct pq_column_meta *meta = group->columns.count ? group->columns.items[0].meta : NULL;
    if (!meta) return group->file_offset == PQ_NONE64 ? 0 : group->file_offset;
    return meta->dictionary_offset != PQ_NONE64 ? meta->dictionary_offset : meta->data_offset;
}

static hr_status begin_group(struct pq_reader *r, const struct pq_row_group *group,
                             struct hr_err *err)
{
    int64_t most = 1; /* values of a row, on average */
    for (uint32_t i = 0; i < r->binding.leaf_count; i++) {
        struct pq_leaf *leaf = &r->binding.leaves[i];
        HR_TRY(pq_leaf_begin(leaf, group, err));
        most = HR_MAX(most, leaf->meta->value_count / group->row_count);
    }
    r->rows_at_once = (uint32_t)HR_MAX(HR_MIN(VALUES_BATCH / most, (int64_t)r->batch_rows), 1);
    r->rows_left = group->row_count;
    return HR_OK;
}

/* The next group of the range that a filter may want; no rows_left: there is none. */
static hr_status next_group(struct pq_reader *r, struct hr_err *err)
{
    while (r->rows_left == 0 && r->group < r->pq.meta.groups.count) {
        const struct pq_row_group *group = &r->pq.meta.groups.items[r->group++];
        int64_t at = first_byte(group);
        bool wanted;
        if (group->row_count == 0 || at < r->start || at >= r->end) continue;
        HR_TRY(
            pq_group_may_hold(&r->pq, &r->binding, group, r->bounds, r->bound_count, &wanted, err));
        if (wanted) HR_TRY(begin_group(r, group, err));
    }
    return HR_OK;
}

static hr_status fill(struct pq_reader *r, struct hr_batch *batch, struct hr_err *err)
{
    for (uint32_t i = 0; i < r->binding.column_count; i++)
        HR_TRY(pq_assemble(&r->pq, &r->binding, &r->binding.columns[i], batch->row_count, batch,
                           &batch->columns[i], err));
    return HR_OK;
}

static hr_status reader_next(struct hr_format_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct pq_reader *r = self(base);
    *ret = NULL;
    if (r->rows_left == 0) HR_TRY(next_group(r, err));
    if (r->rows_left == 0) return HR_OK;
    uint32_t rows = (uint32_t)HR_MIN(r->rows_left, (int64_t)r->rows_at_once);
    struct hr_batch *batch = hr_batch_new(r->wanted, rows, r->pq.mem);
    if (!batch) return HR_OOM(err);
    hr_status status = fill(r, batch, err);
    if (status) {
        hr_batch_unref(batch);
        return status;
    }
    r->rows_left -= rows;
    *ret = batch;
    return HR_OK;
}

static hr_status infer(const struct hr_format_args *args, const struct hr_format_file *file,
                       const struct hr_type **ret, struct hr_err *err)
{
    struct pq_file pq;
    struct pq_options options;
    HR_TRY(pq_options_parse(args->options, &options, err));
    hr_status status = pq_file_open(&pq, file, args->mem, err);
    if (!status) status = pq_schema_of(&pq, &options, ret, err);
    pq_file_done(&pq);
    return status;
}

static bool merges(const struct hr_options *options)
{
    const char *value = hr_options_get(options, "mergeSchema");
    return value && hr_str_eq_nocase(value, "true");
}

const struct hr_container_vt pq_container = {
    .infer = infer,
    .merges = merges,
    .merge = pq_schema_merge,
    .reader_open = reader_open,
    .next = reader_next,
    .reader_close = reader_close,
};
