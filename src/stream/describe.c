/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query is, as one JSON object for pages and tools: made once when all is open, never
 * changed. Operators are listed in the order of their ids, with the ids of their children, so that
 * figures by operator find their place.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "operator/scan.h"
#include "plan/logical.h"
#include "stream/query_int.h"

static void put_text(struct hr_buf *out, const char *name, const struct hr_buf *text)
{
    hr_buf_printf(out, ",\"%s\":", name);
    hr_buf_put_json(out, hr_svn(text->ptr, text->len));
}

static void put_trigger(const struct hr_query *query, struct hr_buf *out)
{
    static const char *const names[] = {"as soon as possible", "", "once", "available now"};
    hr_buf_puts(out, ",\"trigger\":");
    if (query->trigger.kind == HR_TRIGGER_PROCESSING_TIME)
        hr_buf_printf(out, "\"every %g s\"", (double)query->trigger.interval_us / 1e6);
    else
        hr_buf_printf(out, "\"%s\"", names[query->trigger.kind]);
}

/* Place of a scan among the streaming ones, as in the list of sources of a report; -1: none. */
static int32_t stream_of(const struct hr_query *query, const struct hr_pnode *node)
{
    const struct hr_scan_pnode *scan = hr_pnode_scan(node);
    if (!scan || scan->scan_id >= query->scan_count || !query->scans[scan->scan_id].streaming)
        return -1;
    return (int32_t)query->scans[scan->scan_id].stream_index;
}

static void put_columns(const struct hr_pnode *node, struct hr_buf *out)
{
    struct hr_buf type = {0};
    hr_buf_puts(out, ",\"columns\":[");
    for (uint32_t i = 0; i < node->schema->field_count; i++) {
        hr_buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        hr_buf_put_json(out, hr_sv(node->schema->fields[i].name));
        hr_buf_clear(&type);
        hr_type_print_simple(node->schema->fields[i].type, &type);
        put_text(out, "type", &type);
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
    hr_buf_done(&type);
}

static void put_operator(const struct hr_query *query, const struct hr_pnode *node,
                         struct hr_buf *out)
{
    assert(node->vt && node->schema);
    const struct hr_operator_vt *vt = node->vt;
    struct hr_buf text = {0};
    hr_buf_printf(out, "%s{\"id\":%u,\"name\":", node == query->root ? "" : ",", node->id);
    hr_buf_put_json(out, hr_sv(vt->title ? vt->title(node) : vt->name));
    if (vt->explain) vt->explain(node, &text);
    put_text(out, "detail", &text);
    if (node->state_id >= 0) {
        hr_buf_clear(&text);
        if (vt->state_text) vt->state_text(node, &text);
        put_text(out, "state", &text);
        hr_buf_printf(out, ",\"stateId\":%d", node->state_id);
    }
    if (stream_of(query, node) >= 0)
        hr_buf_printf(out, ",\"source\":%d", stream_of(query, node));
    hr_buf_puts(out, vt->is_exchange ? ",\"exchange\":true" : "");
    put_columns(node, out);
    hr_buf_puts(out, ",\"children\":[");
    for (uint32_t i = 0; i < node->child_count; i++)
        hr_buf_printf(out, "%s%u", i ? "," : "", node->children[i]->id);
    hr_buf_puts(out, "]}");
    hr_buf_done(&text);
    for (uint32_t i = 0; i < node->child_count; i++) put_operator(query, node->children[i], out);
}

static void put_sources(const struct hr_query *query, struct hr_buf *out)
{
    bool first = true;
    hr_buf_puts(out, ",\"sources\":[");
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        struct hr_buf text = {0};
        if (scan->source->vt->describe)
            scan->source->vt->describe(scan->source, &text);
        else
            hr_buf_puts(&text, scan->source->vt->name);
        hr_buf_printf(out, "%s{\"kind\":\"%s\"", first ? "" : ",", scan->source->vt->name);
        put_text(out, "description", &text);
        hr_buf_printf(out, ",\"replayable\":%s,\"bounded\":%s}",
                      scan->source->flags & HR_SOURCE_REPLAYABLE ? "true" : "false",
                      scan->source->flags & HR_SOURCE_BOUNDED ? "true" : "false");
        hr_buf_done(&text);
        first = false;
    }
    hr_buf_putc(out, ']');
}

static void put_sink(const struct hr_query *query, struct hr_buf *out)
{
    struct hr_buf text = {0};
    const struct hr_sink *sink = query->output.sink;
    if (sink->vt->describe)
        sink->vt->describe(query->output.sink, &text);
    else
        hr_buf_puts(&text, sink->vt->name);
    hr_buf_printf(out, ",\"sink\":{\"kind\":\"%s\"", sink->vt->name);
    put_text(out, "description", &text);
    hr_buf_putc(out, '}');
    hr_buf_done(&text);
}

static uint32_t count_nodes(const struct hr_pnode *node)
{
    uint32_t count = node->id + 1;
    for (uint32_t i = 0; i < node->child_count; i++)
        count = HR_MAX(count, count_nodes(node->children[i]));
    return count;
}

void hr_query_describe(struct hr_query *query)
{
    assert(query->root && query->description.len == 0);
    /* Ids are the same whenever the plan is made anew. Without memory operators go unmeasured. */
    query->node_count = count_nodes(query->root);
    query->node_figures = hr_zalloc(query->node_count * sizeof *query->node_figures);
    if (!query->node_figures) query->node_count = 0;
    struct hr_buf *out = &query->description;
    struct hr_buf text = {0};
    hr_buf_printf(out, "{\"outputMode\":\"%s\"", hr_output_mode_name(query->mode));
    put_trigger(query, out);
    hr_query_guarantee(query, &text);
    put_text(out, "guarantee", &text);
    hr_buf_clear(&text);
    hr_stateful_put_growing(query->root, &text);
    put_text(out, "growing", &text);
    put_sources(query, out);
    put_sink(query, out);
    hr_buf_clear(&text);
    hr_plan_print(query->plan, &text);
    put_text(out, "logicalPlan", &text);
    hr_buf_clear(&text);
    hr_pnode_print(query->root, &text);
    put_text(out, "physicalPlan", &text);
    hr_buf_puts(out, ",\"operators\":[");
    put_operator(query, query->root, out);
    hr_buf_puts(out, "]}");
    hr_buf_done(&text);
    hr_buf_cstr(out);
}
