/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream's part of a checkpoint depends on: its place and kind in the graph, its columns and
 * key, its slide and window, and what its kind adds. Text, so that a mismatch can say what differs.
 *
 * Functions have no identity that outlives the process, and partitions may change: all that is kept
 * is rows and keys. How long RDDs are remembered may become less; more would be missing rows.
 */
#include "dstream/dstream.h"

void hr_ds_params_put(const struct hr_dstream *ds, struct hr_buf *out)
{
    hr_buf_printf(out, "kind %s\nparents", ds->vt->name);
    for (uint32_t i = 0; i < ds->parent_count; i++) hr_buf_printf(out, " %u", ds->parents[i]->id);
    hr_buf_puts(out, "\ncolumns ");
    if (ds->schema) hr_type_print_sql(ds->schema, out);
    hr_buf_printf(out, "\nkey columns %u\nslide %lld us\n", ds->key_columns, (long long)ds->slide);
    if (ds->vt->params) ds->vt->params(ds, out);
    bool kept = ds->used && (ds->checkpointed || ds->needs_previous);
    hr_buf_printf(out, "kept %s\n", kept ? "yes" : "no");
}

static bool next_line(struct hr_str_view *rest, struct hr_str_view *line)
{
    if (!rest->len) return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *line = hr_svn(rest->ptr, len);
    len += end != NULL;
    *rest = hr_svn(rest->ptr + len, rest->len - len);
    return true;
}

bool hr_ds_params_differ(const struct hr_dstream *ds, struct hr_str_view saved, struct hr_buf *why)
{
    struct hr_buf own = {0};
    hr_ds_params_put(ds, &own);
    struct hr_str_view now = hr_svn(own.ptr, own.len);
    bool differ = !hr_sv_eq(now, saved);
    for (bool more = differ; more;) {
        struct hr_str_view was = {0}, is = {0};
        more = next_line(&saved, &was) | next_line(&now, &is);
        if (hr_sv_eq(was, is)) continue;
        hr_buf_printf(why, "stream %u (%s) had \"%.*s\", now it has \"%.*s\"", ds->id, ds->vt->name,
                      (int)was.len, was.ptr ? was.ptr : "", (int)is.len, is.ptr ? is.ptr : "");
        break;
    }
    hr_buf_done(&own);
    return differ;
}
