/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updateStateByKey: each batch cogroups the new rows with the state of the batch before, which is
 * in place already, and materialises the result: the state of time T is an RDD like any other.
 * (mapWithState, which touches only the keys that have something to do: map_state.c.)
 */
#include "dstream/dstream.h"

struct update_ds {
    struct hr_dstream ds;
    hr_update_fn update;
    void *arg;
    uint32_t partitions;
    char *ddl;              /* of the state */
    struct hr_rdd *initial; /* referenced */
};

hr_status hr_ds_state_schema(struct hr_dstream *in, const char *ddl, struct hr_rdd *initial,
                             const struct hr_type **ret_state, const struct hr_type **ret_schema,
                             struct hr_err *err)
{
    const struct hr_type *state;
    HR_TRY(hr_schema_from_ddl(ddl, &state, err));
    hr_ds_use_keys(in);
    if (in->schema->field_count <= in->key_columns)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the stream has no values beside its key");
    const struct hr_type *keys = hr_schema_slice(in->schema, 0, in->key_columns);
    const struct hr_type *schema = keys ? hr_schema_concat(keys, state, false, false) : NULL;
    if (!schema) return HR_OOM(err);
    if (initial && !hr_type_same(initial->schema, schema))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "the initial state's schema is not (key, state)");
    if (initial) hr_node_of(initial)->key_columns = in->key_columns;
    *ret_state = state;
    *ret_schema = schema;
    return HR_OK;
}

/* Row: key, new values ARRAY, old state ARRAY of at most one. */
static hr_status update_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    const struct update_ds *s = arg;
    uint32_t keys = s->ds.key_columns;
    struct hr_row key, values, state;
    hr_row_slice(row, 0, keys, &key);
    hr_row_slice(row, keys, 1, &values);
    bool has = hr_row_element(row, keys + 1, 0, &state);
    uint64_t before = out->rows;
    HR_TRY(s->update(s->arg, &key, &values, has ? &state : NULL, out, err));
    if (out->rows > before + 1)
        return hr_err_fail(err, "an update emits one state at most, this one %d",
                           (int)(out->rows - before));
    return HR_OK;
}

static struct hr_rdd *update_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct update_ds *s = (struct update_ds *)ds;
    struct hr_rdd *in, *state;
    if (hr_ds_rdd(ds->parents[0], time, &in, err) != HR_OK || !in) return NULL;
    if (hr_ds_rdd(ds, time - ds->slide, &state, err) != HR_OK) return NULL;
    if (!state) state = s->initial ? s->initial : hr_ds_empty(ds, err);
    struct hr_rdd *both[] = {in, state};
    struct hr_rdd *grouped = hr_rdd_cogroup(both, 2, s->partitions, err);
    struct hr_rdd *out = hr_rdd_flat_map_values(grouped, s->ddl, update_row, s, err);
    return hr_ds_keep(ds, out, err);
}

static void update_free(struct hr_dstream *ds)
{
    struct update_ds *s = (struct update_ds *)ds;
    hr_free(s->ddl);
    hr_rdd_unref(s->initial);
}
static const struct hr_ds_vt update_vt = {
    .name = "update-state", .compute = update_compute, .free = update_free};

struct hr_dstream *hr_dstream_update_state_by_key(struct hr_dstream *in, const char *state_schema,
                                                  hr_update_fn fn, void *arg, uint32_t partitions,
                                                  struct hr_rdd *initial, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *state, *schema;
    if (!in || hr_ds_state_schema(in, state_schema, initial, &state, &schema, err) != HR_OK)
        return NULL;
    char *ddl = hr_strdup(state_schema);
    struct update_ds *s = NULL;
    if (!ddl)
        HR_UNUSED(HR_OOM(err));
    else
        s = hr_ds_new(in->ssc, &update_vt, sizeof *s, schema, in, NULL, err);
    if (!s) {
        hr_free(ddl);
        return NULL;
    }
    s->ddl = ddl;
    s->update = fn;
    s->arg = arg;
    s->ds.key_columns = in->key_columns;
    s->partitions = partitions ? partitions : in->ssc->ctx->parallelism;
    s->ds.needs_previous = true;
    s->initial = initial ? hr_rdd_ref(initial) : NULL;
    return &s->ds;
}
