/* SPDX-License-Identifier: Apache-2.0 */
/* What a whole query guarantees: the weakest of what its streaming sources and its sink declare. */
#include "plan/nodes/scan.h"
#include "stream/query_int.h"

/* The first streaming source of a plan that cannot be read again, or NULL. */
static const char *unreplayable(const struct hr_plan *plan)
{
    const struct hr_source_vt *source =
        plan->kind == HR_P_SCAN ? HR_NODE(scan, plan)->table->source : NULL;
    if (source && plan->is_streaming && !(source->flags & HR_SOURCE_REPLAYABLE))
        return source->name;
    for (uint32_t i = 0; i < plan->child_count; i++) {
        const char *name = unreplayable(plan->children[i]);
        if (name) return name;
    }
    return NULL;
}

/* The same of opened sources: what they add to their kind's flags counts too. */
static const char *unreplayable_scan(const struct hr_query *query)
{
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_query_scan *scan = &query->scans[i];
        if (scan->streaming && !(scan->source->flags & HR_SOURCE_REPLAYABLE))
            return scan->source->vt->name;
    }
    return NULL;
}

static void put_guarantee(const char *source, enum hr_guarantee sink, const char *sink_name,
                          struct hr_buf *out)
{
    if (source) {
        hr_buf_printf(out, "at-most-once: the source %s cannot be read again", source);
    } else if (sink == HR_EXACTLY_ONCE) {
        hr_buf_puts(out, "exactly-once");
    } else if (sink == HR_AT_LEAST_ONCE) {
        hr_buf_printf(out, "at-least-once: the sink %s may get an epoch twice after a restart",
                      sink_name);
    } else {
        hr_buf_printf(out, "none for the output: the sink %s keeps nothing", sink_name);
    }
}

void hr_query_guarantee(const struct hr_query *query, struct hr_buf *out)
{
    assert(query->output.sink);
    put_guarantee(unreplayable_scan(query), query->output.sink->guarantee, query->output.vt->name,
                  out);
}

void hr_plan_guarantee(const struct hr_plan *plan, const struct hr_sink_vt *sink,
                       struct hr_buf *out)
{
    assert(sink);
    put_guarantee(unreplayable(plan), sink->guarantee, sink->name, out);
}
