/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a query is, as far as its checkpoint depends on it: the META record, and the comparison of an
 * old one with this query.
 *
 * Bound to a checkpoint are the sources (connector, and what it says it reads), the keys and
 * aggregates of stateful operators with the window they fall into, and the sink that keeps rows.
 * Keys are described by what they are made of, down to the columns of the sources: renaming a
 * column on the way, another filter, projection, trigger or parallelism changes nothing.
 */
#include <stdio.h>

#include "base/hash.h"
#include "base/plant.h"
#include "operator/aggregate.h"
#include "stream/query_int.h"

#define DEPTH_MAX 200

struct lineage {
    struct hr_query *query;
    const struct hr_pnode *input; /* of the expression that is printed */
    int depth;
};

static hr_status put_column(struct hr_query *query, const struct hr_pnode *node, uint32_t ordinal,
                            int depth, struct hr_buf *out, struct hr_err *err);

static bool find_field(const struct hr_type *schema, const char *name, uint32_t *ret)
{
    for (uint32_t i = 0; schema && name && i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) != 0) continue;
        *ret = i;
        return true;
    }
    return false;
}

/* A column becomes a name: the text of what it is made of. */
static hr_status replace_column(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct lineage *lineage = arg;
    struct hr_arena *arena = &lineage->query->plan_arena;
    uint32_t ordinal = (*expr)->ordinal;
    if ((*expr)->kind == HR_X_ALIAS) {
        *expr = (*expr)->args[0];
        return HR_OK;
    }
    if ((*expr)->kind == HR_X_ATTR) {
        if (!find_field(lineage->input->schema, (*expr)->name, &ordinal)) return HR_OK;
    } else if ((*expr)->kind != HR_X_COLUMN) {
        return HR_OK;
    }
    struct hr_buf text;
    hr_buf_init(&text, 1 << 20);
    hr_status status =
        put_column(lineage->query, lineage->input, ordinal, lineage->depth + 1, &text, err);
    if (status == HR_OK) status = hr_buf_status(&text, err);
    const char *name = status ? NULL : hr_arena_strdup(arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    HR_TRY(status);
    struct hr_expr *made = name ? hr_expr_name(arena, &name, 1) : NULL;
    if (!made) return HR_OOM(err);
    made->type = (*expr)->type;
    *expr = made;
    return HR_OK;
}

static hr_status put_expr(struct hr_query *query, const struct hr_pnode *input,
                          const struct hr_expr *expr, int depth, struct hr_buf *out,
                          struct hr_err *err)
{
    struct lineage lineage = {query, input, depth};
    struct hr_expr *copy = hr_expr_copy(&query->plan_arena, expr);
    if (!copy) return HR_OOM(err);
    HR_TRY(hr_expr_rewrite(&copy, replace_column, &lineage, err));
    hr_expr_print(copy, out);
    return HR_OK;
}

/* What output column `ordinal` of node is made of. */
static hr_status put_column(struct hr_query *query, const struct hr_pnode *node, uint32_t ordinal,
                            int depth, struct hr_buf *out, struct hr_err *err)
{
    const struct hr_operator_vt *vt = node->vt;
    if (vt->passes_columns && node->child_count == 1 && depth < DEPTH_MAX)
        return put_column(query, node->children[0], ordinal, depth + 1, out, err);
    if (vt->computes_columns && node->exprs && ordinal < node->expr_count &&
        node->child_count == 1 && depth < DEPTH_MAX) {
        if (vt->put_origin) vt->put_origin(node, out);
        return put_expr(query, node->children[0], node->exprs[ordinal], depth, out, err);
    }
    /* The column of a source, or of an operator that makes it. */
    if (ordinal < node->schema->field_count) hr_buf_puts(out, node->schema->fields[ordinal].name);
    return HR_OK;
}

static hr_status put_keys(struct hr_query *query, const struct hr_pnode *node, uint32_t count,
                          bool of_child, struct hr_buf *out, struct hr_err *err)
{
    hr_buf_puts(out, "(keys=[");
    for (uint32_t i = 0; i < count && node->child_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        if (of_child || !node->exprs || i >= node->expr_count)
            HR_TRY(put_column(query, node->children[0], i, 0, out, err));
        else
            HR_TRY(put_expr(query, node->children[0], node->exprs[i], 0, out, err));
        if (i >= node->schema->field_count) continue;
        hr_buf_puts(out, ": ");
        hr_type_print_simple(node->schema->fields[i].type, out);
    }
    hr_buf_puts(out, "])");
    return HR_OK;
}

/* The keys of one side of a join, the columns that are kept of it, and what orders them. */
static hr_status put_side(struct hr_query *query, const struct hr_pnode *node,
                          const struct hr_state_identity *identity, uint32_t side,
                          struct hr_buf *out, struct hr_err *err)
{
    assert(side < node->child_count && node->expr_count >= (side + 1) * identity->key_count);
    const struct hr_pnode *child = node->children[side];
    struct hr_expr *const *keys = node->exprs + side * identity->key_count;
    hr_buf_puts(out, "(keys=[");
    for (uint32_t i = 0; i < identity->key_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        if (identity->null_safe && identity->null_safe[i]) hr_buf_puts(out, "<=> ");
        HR_TRY(put_expr(query, child, keys[i], 0, out, err));
        hr_buf_puts(out, ": ");
        hr_type_print_simple(keys[i]->type, out);
    }
    hr_buf_puts(out, "], rows=[");
    for (uint32_t i = 0; i < child->schema->field_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        HR_TRY(put_column(query, child, i, 0, out, err));
        hr_buf_puts(out, ": ");
        hr_type_print_simple(child->schema->fields[i].type, out);
    }
    hr_buf_puts(out, "]");
    if (identity->times[side] >= 0) {
        hr_buf_puts(out, ", time=");
        HR_TRY(put_column(query, child, (uint32_t)identity->times[side], 0, out, err));
    }
    hr_buf_puts(out, ")");
    return HR_OK;
}

static void put_functions(const struct hr_aggregate_pnode *node, struct hr_buf *out)
{
    hr_buf_puts(out, " functions=[");
    for (uint32_t a = 0; a < node->agg_count; a++) {
        const struct hr_expr *call = node->aggs[a].call;
        hr_buf_printf(out, "%s%s(%s", a ? ", " : "", call->name, call->distinct ? "distinct " : "");
        for (uint32_t i = 0; i < call->arg_count; i++) {
            if (i) hr_buf_puts(out, ", ");
            if (call->args[i]->type) hr_type_print_simple(call->args[i]->type, out);
        }
        hr_buf_puts(out, ")");
    }
    hr_buf_puts(out, "]");
}

static hr_status put_state(struct hr_query *query, const struct hr_pnode *node, struct hr_buf *out,
                           struct hr_err *err)
{
    hr_buf_printf(out, "%s%s", out->len ? "; " : "", node->vt->name);
    struct hr_state_identity identity = {.key_count = node->schema->field_count};
    if (node->vt->state_identity) node->vt->state_identity(node, &identity);
    if (identity.form) hr_buf_printf(out, " %s", identity.form);
    for (uint32_t i = 0; i < identity.side_count; i++)
        HR_TRY(put_side(query, node, &identity, i, out, err));
    if (identity.side_count) return HR_OK;
    assert(identity.key_count <= node->schema->field_count);
    if (identity.variant) hr_buf_puts(out, identity.variant);
    HR_TRY(put_keys(query, node, identity.key_count, identity.keys_are_childs, out, err));
    if (identity.aggs) put_functions(identity.aggs, out);
    return HR_OK;
}

/* In the order in which states are numbered: pre-order. */
static hr_status put_states(struct hr_query *query, const struct hr_pnode *node, struct hr_buf *out,
                            struct hr_err *err)
{
    if (node->state_id >= 0 && node->vt->state_args) HR_TRY(put_state(query, node, out, err));
    for (uint32_t i = 0; i < node->child_count; i++)
        HR_TRY(put_states(query, node->children[i], out, err));
    return HR_OK;
}

static void put_sources(const struct hr_query *query, struct hr_buf *out)
{
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        if (out->len) hr_buf_puts(out, ", ");
        hr_buf_puts(out, scan->source->vt->name);
        if (!scan->source->vt->identity) continue;
        hr_buf_putc(out, ' ');
        scan->source->vt->identity(scan->source, out);
    }
}

static const char *keep(struct hr_query *query, struct hr_buf *text)
{
    return text->failed ? NULL : hr_arena_strdup(&query->plan_arena, hr_buf_cstr(text));
}

static hr_status put_sink(const struct hr_query_output *output, struct hr_buf *text,
                          struct hr_err *err)
{
    hr_buf_puts(text, output->vt->name);
    if (!output->vt->identity) return HR_OK;
    hr_buf_putc(text, ' ');
    return output->vt->identity(&output->options, text, err);
}

hr_status hr_query_make_meta(struct hr_query *query, struct hr_err *err)
{
    assert(query->root); /* physical operators and opened sources are what it is */
    struct hr_buf text;
    struct hr_meta_record *meta = &query->meta;
    hr_buf_init(&text, 1 << 20);
    hr_status status;
    HR_TRY_OUT(put_states(query, query->root, &text, err));
    meta->state_text = keep(query, &text);
    meta->state_fingerprint = hr_hash_bytes(text.ptr ? text.ptr : "", text.len);
    hr_buf_clear(&text);
    put_sources(query, &text);
    meta->sources_text = keep(query, &text);
    hr_buf_clear(&text);
    HR_TRY_OUT(put_sink(&query->output, &text, err));
    if (query->late.vt) {
        hr_buf_putc(&text, HR_META_LATE);
        HR_TRY_OUT(put_sink(&query->late, &text, err));
    }
    meta->sink_text = keep(query, &text);
    meta->name = query->name;
    meta->query_id = query->id;
    if (!meta->state_text || !meta->sources_text || !meta->sink_text) status = HR_OOM(err);
out:
    hr_buf_done(&text);
    return status;
}

/* A sink that keeps nothing may be changed for any other, as in Spark. */
static bool keeps_rows(const char *sink_text)
{
    return strncmp(sink_text, "console", 7) != 0 && strncmp(sink_text, "noop", 4) != 0 &&
           strncmp(sink_text, "memory", 6) != 0;
}

/* Is the other the same but for where late rows go, which went nowhere? That may be added. */
static bool adds_late(const char *old, const char *now)
{
    size_t len = strlen(old);
    return strncmp(old, now, len) == 0 && now[len] == HR_META_LATE;
}

/* Where two texts begin to differ, and a little before it. */
static const char *difference(const char *text, size_t same)
{
    size_t at = same > 60 ? same - 40 : 0;
    while (at < same && ((uint8_t)text[at] & 0xC0) == 0x80) at++; /* not inside a character */
    return text + at;
}

hr_status hr_query_check_meta(struct hr_query *query, const struct hr_meta_record *old,
                              struct hr_err *err)
{
    assert(old->query_id && query->meta.state_text);
    const struct hr_meta_record *now = &query->meta;
    const char *what = NULL, *was = NULL, *is = NULL;
    if (HR_PLANTED(META_ANY)) {
        memcpy(query->id, old->query_id, HR_MIN(strlen(old->query_id), sizeof query->id - 1));
        return HR_OK;
    }
    if (strcmp(old->sources_text, now->sources_text) != 0) {
        what = "reads from", was = old->sources_text, is = now->sources_text;
    } else if (old->state_fingerprint != now->state_fingerprint) {
        what = "keeps the state of", was = old->state_text, is = now->state_text;
    } else if (strcmp(old->sink_text, now->sink_text) != 0 &&
               !adds_late(old->sink_text, now->sink_text) &&
               (keeps_rows(old->sink_text) && keeps_rows(now->sink_text))) {
        what = "writes to", was = old->sink_text, is = now->sink_text;
    } else {
        memcpy(query->id, old->query_id, HR_MIN(strlen(old->query_id), sizeof query->id - 1));
        return HR_OK;
    }
    size_t same = 0;
    while (was[same] && was[same] == is[same]) same++;
    const char *dots = difference(was, same) > was ? "…" : "";
    char why[700];
    snprintf(why, sizeof why, "it %s [%s%.300s], this query %s [%s%.300s]", what, dots,
             difference(was, same), what, dots, difference(is, same));
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why", why);
}
