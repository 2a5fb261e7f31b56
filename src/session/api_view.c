/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An RDD as a temporary view: a source with a split for each partition. Reading a split runs the
 * partition as a job of the RDD's own context, so that its lineage, its shuffles and its kept
 * blocks serve SQL as they serve actions; partitions that a query does not read (LIMIT) are not
 * computed. One partition a task is held in memory.
 */
#include "session/api.h"

struct rdd_source {
    struct hr_source base;
    struct hr_rdd *rdd;
};

struct rdd_reader {
    struct hr_scan_reader base;
    struct hr_rdd *rdd;
    uint32_t partition;
    const struct hr_scan_spec *spec;
    uint32_t *columns; /* of the RDD, by column wanted */
    struct hr_batch_list batches;
    uint32_t next;
    bool ran;
};

static hr_status keep(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                      struct hr_err *err)
{
    struct rdd_reader *r = arg;
    HR_UNUSED(partition), HR_UNUSED(attempt);
    if (r->spec->cancelled && __atomic_load_n(r->spec->cancelled, __ATOMIC_RELAXED))
        return HR_RAISE(err, HR_E_CANCELLED);
    if (!batch->sel_count) return HR_OK;
    struct hr_batch *wanted = hr_batch_project(batch, r->spec->schema, r->columns);
    return wanted ? hr_batch_list_push(&r->batches, wanted, err) : HR_OOM(err);
}

static void forget(void *arg, uint32_t partition, uint32_t attempt)
{
    HR_UNUSED(partition), HR_UNUSED(attempt);
    hr_batch_list_done(&((struct rdd_reader *)arg)->batches);
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret_batch,
                             struct hr_err *err)
{
    struct rdd_reader *r = (struct rdd_reader *)base;
    struct hr_job_options job = {.partitions = &r->partition,
                                 .partition_count = 1,
                                 .consume = keep,
                                 .reset = forget,
                                 .arg = r,
                                 .description = "view"};
    if (!r->ran) HR_TRY(hr_context_run(hr_node_of(r->rdd)->ctx, r->rdd, &job, err));
    r->ran = true;
    *ret_batch = NULL;
    if (r->next == r->batches.count) return HR_OK;
    *ret_batch = r->batches.items[r->next];
    r->batches.items[r->next++] = NULL;
    return HR_OK;
}

static void reader_close(struct hr_scan_reader *base)
{
    struct rdd_reader *r = (struct rdd_reader *)base;
    hr_batch_list_done(&r->batches);
    hr_free(r->columns);
    hr_free(r);
}
static const struct hr_scan_reader_vt reader_vt = {reader_next, reader_close};

static hr_status source_open_reader(struct hr_source *base, const struct hr_split *split,
                                    const struct hr_scan_spec *spec,
                                    struct hr_scan_reader **ret_reader, struct hr_err *err)
{
    struct hr_rdd *rdd = ((struct rdd_source *)base)->rdd;
    struct rdd_reader *r = hr_zalloc(sizeof *r);
    uint32_t *columns = hr_zalloc((spec->schema->field_count + 1) * sizeof *columns);
    if (!r || !columns) {
        hr_free(r);
        hr_free(columns);
        return HR_OOM(err);
    }
    *r = (struct rdd_reader){.base = {&reader_vt}, .rdd = rdd, .spec = spec, .columns = columns};
    r->partition = *(const uint32_t *)split->data;
    for (uint32_t i = 0; i < spec->schema->field_count; i++) {
        const char *name = spec->schema->fields[i].name;
        while (columns[i] < rdd->schema->field_count &&
               strcmp(rdd->schema->fields[columns[i]].name, name) != 0)
            columns[i]++;
        if (columns[i] < rdd->schema->field_count) continue;
        reader_close(&r->base);
        return HR_BUG(err, "column %s is not in the RDD", name);
    }
    *ret_reader = &r->base;
    return HR_OK;
}

static hr_status source_open(const struct hr_source_args *args, struct hr_source **ret,
                             struct hr_err *err);

static void source_close(struct hr_source *base)
{
    struct rdd_source *source = (struct rdd_source *)base;
    hr_rdd_unref(source->rdd);
    hr_free(source);
}

static hr_status plan_splits(struct hr_source *base, const char *start, const char *end,
                             struct hr_arena *arena, struct hr_split **ret_splits,
                             uint32_t *ret_count, struct hr_err *err)
{
    const struct hr_rdd *rdd = ((struct rdd_source *)base)->rdd;
    uint32_t n = rdd->partition_count;
    HR_UNUSED(start), HR_UNUSED(end);
    struct hr_split *splits = HR_NEW_ARRAY(arena, struct hr_split, n + 1);
    uint32_t *numbers = HR_NEW_ARRAY(arena, uint32_t, n + 1);
    if (!splits || !numbers) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) {
        numbers[i] = i;
        splits[i] = (struct hr_split){
            .data = &numbers[i],
            .description = "partition of an RDD",
            .rows_estimate = rdd->rows_estimate < 0 ? -1 : rdd->rows_estimate / (int64_t)n + 1,
            .bytes_estimate = -1,
        };
    }
    *ret_splits = splits;
    *ret_count = n;
    return HR_OK;
}

static const struct hr_source_vt source_vt = {
    .name = "rdd",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH,
    .open = source_open,
    .close = source_close,
    .plan_splits = plan_splits,
    .open_reader = source_open_reader,
};

static hr_status source_open(const struct hr_source_args *args, struct hr_source **ret,
                             struct hr_err *err)
{
    struct rdd_source *source = hr_zalloc(sizeof *source);
    if (!source) return HR_OOM(err);
    source->rdd = hr_rdd_ref(args->user);
    source->base = (struct hr_source){.vt = &source_vt, .schema = source->rdd->schema};
    *ret = &source->base;
    return HR_OK;
}

/* --- The calls -------------------------------------------------------------------------------- */

static void release(void *rdd)
{
    hr_rdd_unref(rdd);
}

/* SQL tells columns apart by name, without case. */
static hr_status check_names(const struct hr_type *schema, struct hr_err *err)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (hr_str_eq_nocase(schema->fields[i].name, schema->fields[j].name))
                return HR_RAISE(err, HR_E_COLUMN_ALREADY_EXISTS, "columnName",
                                schema->fields[i].name);
    return HR_OK;
}

static hr_status put_view(struct hr_rdd *rdd, const char *name, bool replace, struct hr_err *err)
{
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    struct hr_err own = {0};
    if (!err) err = &own;
    struct hr_session *session = hr_context_session(hr_node_of(rdd)->ctx, err);
    if (!session) return err->code;
    HR_TRY(check_names(rdd->schema, err));
    struct hr_view_spec spec = {.name = name,
                                .schema = rdd->schema,
                                .source = &source_vt,
                                .user = hr_rdd_ref(rdd),
                                .user_free = release,
                                .replace = replace};
    return hr_session_put_view(session, &spec, err);
}

hr_status hr_rdd_create_temp_view(struct hr_rdd *rdd, const char *name, struct hr_err *err)
{
    if (!name) return hr_missing("no name", err);
    return put_view(rdd, name, false, err);
}

hr_status hr_rdd_create_or_replace_temp_view(struct hr_rdd *rdd, const char *name,
                                             struct hr_err *err)
{
    if (!name) return hr_missing("no name", err);
    return put_view(rdd, name, true, err);
}

struct hr_rdd *hr_rdd_to_df(struct hr_rdd *rdd, const char *names, struct hr_err *err)
{
    if (!rdd) return NULL;
    uint32_t n = 0, wanted = rdd->schema->field_count;
    struct hr_field *fields = hr_zalloc((wanted + 1) * sizeof *fields);
    struct hr_text rest = hr_text(names), field, word;
    struct hr_arena arena;
    struct hr_rdd *out = NULL;
    hr_arena_init(&arena, NULL);
    hr_status status = fields ? HR_OK : HR_OOM(err);
    while (status == HR_OK && hr_text_next_field(&rest, ',', &field)) {
        char *name = NULL;
        if (n < wanted && hr_text_next_word(&field, &word)) {
            fields[n] = rdd->schema->fields[n];
            fields[n].name = name = hr_arena_strndup(&arena, word.ptr, word.len);
            if (!name) status = HR_OOM(err);
        }
        n++;
    }
    if (status == HR_OK && n != wanted)
        status = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%u names for %u columns", n, wanted);
    for (uint32_t i = 0; status == HR_OK && i < n; i++)
        if (!fields[i].name)
            status = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "column %u has no name", i);
    const struct hr_type *schema = status == HR_OK ? hr_type_struct(fields, n) : NULL;
    if (schema)
        out = hr_node_columns(rdd, 0, schema, err);
    else if (status == HR_OK)
        HR_UNUSED(HR_OOM(err));
    if (out) {
        hr_node_of(out)->key_columns = hr_node_of(rdd)->key_columns;
        hr_node_place(hr_node_of(out), hr_node_of(rdd)->placed);
    }
    hr_arena_done(&arena);
    hr_free(fields);
    return out;
}
