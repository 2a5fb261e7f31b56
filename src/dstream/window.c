/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows over time.
 *
 * window: the union of the parent's RDDs. reduceByKeyAndWindow with an inverse: from the last
 * window's result, what left is taken off and what entered is put on; its RDDs are materialised, so
 * a window's cost does not depend on its length.
 *
 *        │<───────────── window at T - slide ──────────────>│
 *        │  left  │<─────────────── window at T ────────────────────>│
 */
#include "dstream/dstream.h"

static hr_status check_window(const struct hr_dstream *in, int64_t length, int64_t *slide,
                              struct hr_err *err)
{
    const int64_t most = INT64_MAX / 4; /* so that sums of times do not overflow */
    if (*slide == 0) *slide = in->slide;
    if (length > most || *slide > most)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "a window of %lld µs sliding by %lld µs: at most %lld µs", (long long)length,
                       (long long)*slide, (long long)most);
    if (length <= 0 || *slide <= 0 || length % in->slide || *slide % in->slide)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "a window of %lld µs sliding by %lld µs: both must be multiples of the "
                       "stream's slide of %lld µs",
                       (long long)length, (long long)*slide, (long long)in->slide);
    return HR_OK;
}

/* --- window ----------------------------------------------------------------------------------- */

struct window_ds {
    struct hr_dstream ds;
    int64_t length;
    hr_merge_fn merge, inverse;
    hr_predicate_fn keep;
    void *arg;
    uint32_t partitions;
};

static void window_params(const struct hr_dstream *ds, struct hr_buf *out)
{
    const struct window_ds *w = (const struct window_ds *)ds;
    hr_buf_printf(out, "length %lld us\n", (long long)w->length);
    if (w->inverse) hr_buf_printf(out, "filter %s\n", w->keep ? "yes" : "no");
}

static struct hr_rdd *window_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    const struct window_ds *w = (const struct window_ds *)ds;
    struct hr_rdd *rdd = hr_ds_union(ds->parents[0], time - w->length, time, err);
    if (rdd) hr_node_of(rdd)->key_columns = ds->key_columns;
    return rdd;
}
static const struct hr_ds_vt window_vt = {
    .name = "window", .compute = window_compute, .params = window_params, .shares = true};

struct hr_dstream *hr_dstream_window(struct hr_dstream *in, int64_t length_us, int64_t slide_us,
                                     struct hr_err *err)
{
    if (!in || check_window(in, length_us, &slide_us, err) != HR_OK) return NULL;
    struct window_ds *w = hr_ds_new(in->ssc, &window_vt, sizeof *w, in->schema, in, NULL, err);
    if (!w) return NULL;
    w->ds.slide = slide_us;
    w->ds.window = w->length = length_us;
    w->ds.key_columns = in->key_columns;
    w->ds.passes_keys = true;
    return &w->ds;
}

/* --- reduceByKeyAndWindow with an inverse ----------------------------------------------------- */

/* Rows (key, previous ARRAY, entered ARRAY, left ARRAY), each of at most one element. */
static hr_status apply_changes(const struct window_ds *w, const struct hr_row *row, uint32_t keys,
                               struct hr_cells *total, bool *has, struct hr_err *err)
{
    const struct hr_type *values =
        hr_schema_slice(w->ds.schema, keys, w->ds.schema->field_count - keys);
    if (!values) return HR_OOM(err);
    struct hr_row element;
    *has = hr_row_element(row, keys, 0, &element);
    if (*has) HR_TRY(hr_cells_from_row(values, &element, 0, total, err));
    if (hr_row_element(row, keys + 2, 0, &element)) {
        if (*has)
            HR_TRY(hr_merge_cells(w->inverse, w->arg, values, total, &element, err));
        else if (!w->keep) /* else the filter has dropped it: it begins anew, as in Spark */
            return hr_err_fail(
                err, "the window's state has lost a key: is the reducer's inverse right?");
    }
    if (hr_row_element(row, keys + 1, 0, &element)) {
        HR_TRY(*has ? hr_merge_cells(w->merge, w->arg, values, total, &element, err)
                    : hr_cells_from_row(values, &element, 0, total, err));
        *has = true;
    }
    return HR_OK;
}

static hr_status slide_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    const struct window_ds *w = arg;
    uint32_t keys = w->ds.key_columns;
    const struct hr_type *values =
        hr_schema_slice(w->ds.schema, keys, w->ds.schema->field_count - keys);
    union {
        struct hr_cells cells;
        char room[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    } total;
    struct hr_row result;
    bool has = false;
    memset(&total, 0, sizeof total);
    if (!values) return HR_OOM(err);
    hr_status status = apply_changes(w, row, keys, &total.cells, &has, err);
    if (status == HR_OK && has) {
        hr_row_of_cells(values, &total.cells, &result);
        hr_emit_row(out, &result);
    }
    if (has) hr_cells_done(values, &total.cells);
    return status;
}

static char *schema_ddl(const struct hr_type *schema, uint32_t first)
{
    struct hr_buf out = {0};
    for (uint32_t i = first; i < schema->field_count; i++) {
        hr_buf_printf(&out, "%s`%s` ", i > first ? ", " : "", schema->fields[i].name);
        hr_type_print_sql(schema->fields[i].type, &out);
    }
    char *copy = out.failed ? NULL : hr_strdup(hr_buf_cstr(&out));
    hr_buf_done(&out);
    return copy;
}

static struct hr_rdd *slide_window(struct window_ds *w, struct hr_rdd *previous, int64_t time,
                                   struct hr_err *err)
{
    struct hr_dstream *parent = w->ds.parents[0];
    int64_t slide = w->ds.slide, start = time - w->length;
    struct hr_rdd *entered = hr_ds_union(parent, HR_MAX(start, time - slide), time, err);
    struct hr_rdd *left = hr_ds_union(parent, start - slide, HR_MIN(start, time - slide), err);
    entered = hr_rdd_reduce_by_key(entered, w->merge, w->arg, w->partitions, err);
    left = hr_rdd_reduce_by_key(left, w->merge, w->arg, w->partitions, err);
    struct hr_rdd *parts[] = {previous, entered, left};
    struct hr_rdd *grouped = hr_rdd_cogroup(parts, 3, w->partitions, err);
    char *ddl = schema_ddl(w->ds.schema, w->ds.key_columns);
    if (!ddl) HR_UNUSED(HR_OOM(err));
    struct hr_rdd *out = ddl ? hr_rdd_flat_map_values(grouped, ddl, slide_row, w, err) : NULL;
    hr_free(ddl);
    return out;
}

static struct hr_rdd *inverse_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct window_ds *w = (struct window_ds *)ds;
    struct hr_rdd *previous, *out;
    if (hr_ds_rdd(ds, time - ds->slide, &previous, err) != HR_OK) return NULL;
    if (!previous) {
        struct hr_rdd *all = hr_ds_union(ds->parents[0], time - w->length, time, err);
        out = hr_rdd_reduce_by_key(all, w->merge, w->arg, w->partitions, err);
    } else if (w->length < ds->slide) {
        struct hr_rdd *all = hr_ds_union(ds->parents[0], time - w->length, time, err);
        out = hr_rdd_reduce_by_key(all, w->merge, w->arg, w->partitions, err);
    } else {
        out = slide_window(w, previous, time, err);
    }
    if (out && w->keep) out = hr_rdd_filter(out, w->keep, w->arg, err);
    return hr_ds_keep(ds, out, err);
}
static const struct hr_ds_vt inverse_vt = {
    .name = "window-inverse", .compute = inverse_compute, .params = window_params};

hr_status hr_subtract(void *arg, const struct hr_row *a, const struct hr_row *b,
                      struct hr_emitter *out, struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(err);
    for (uint32_t i = 0; i < hr_row_columns(a); i++) {
        const struct hr_type *type = out->schema->fields[i].type;
        if (hr_row_is_null(b, i) || hr_row_is_null(a, i))
            hr_emit_field(out, a, i);
        else if (type->id == HR_T_FLOAT || type->id == HR_T_DOUBLE)
            hr_emit_double(out, hr_row_double(a, i) - hr_row_double(b, i));
        else
            hr_emit_long(out, (int64_t)((uint64_t)hr_row_long(a, i) - (uint64_t)hr_row_long(b, i)));
    }
    hr_emit_end(out);
    return HR_OK;
}

struct hr_dstream *hr_dstream_reduce_by_key_and_window(struct hr_dstream *in, hr_merge_fn fn,
                                                       hr_merge_fn inverse, hr_predicate_fn keep,
                                                       void *arg, int64_t length_us,
                                                       int64_t slide_us, uint32_t partitions,
                                                       struct hr_err *err)
{
    struct hr_dstream *reduced = hr_dstream_reduce_by_key(in, fn, arg, partitions, err);
    if (!reduced || check_window(reduced, length_us, &slide_us, err) != HR_OK) return NULL;
    if (!inverse)
        return hr_dstream_reduce_by_key(hr_dstream_window(reduced, length_us, slide_us, err), fn,
                                        arg, partitions, err);
    struct window_ds *w =
        hr_ds_new(in->ssc, &inverse_vt, sizeof *w, reduced->schema, reduced, NULL, err);
    if (!w) return NULL;
    w->ds.slide = slide_us;
    w->ds.window = length_us + slide_us;
    w->ds.key_columns = reduced->key_columns;
    w->ds.needs_previous = true;
    w->length = length_us;
    w->merge = fn;
    w->inverse = inverse;
    w->keep = keep;
    w->arg = arg;
    w->partitions = partitions ? partitions : in->ssc->ctx->parallelism;
    return &w->ds;
}
