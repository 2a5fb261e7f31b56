/* SPDX-License-Identifier: Apache-2.0 */
/* What a whole query guarantees: the weakest of its streaming sources and its sink. */
#include "plan/nodes/scan.h"
#include "stream/query_int.h"

/* The first streaming source that cannot be read again, or NULL. */
static const char *unreplayable(const struct hr_plan *plan)
{
    const struct hr_source_vt *source =
        plan->kind == HR_P_SCAN ? HR_NODE(scan, plan)->table->source : NULL;
    if (source && plan->is_streaming) {
        /* Sockets are the only source without a past; the source's flags say it once it is open. */
        const char *name = source->name;
        if (strcmp(name, "socket") == 0) return name;
    }
    for (uint32_t i = 0; i < plan->child_count; i++) {
        const char *name = unreplayable(plan->children[i]);
        if (name) return name;
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
    const struct hr_sink *sink = query->output.sink;
    put_guarantee(unreplayable(query->plan), sink ? sink->guarantee : HR_NO_GUARANTEE,
                  query->output.vt->name, out);
}

void hr_plan_guarantee(const struct hr_plan *plan, const struct hr_sink_vt *sink,
                       const struct hr_options *sink_options, struct hr_buf *out)
{
    HR_UNUSED(sink_options);
    put_guarantee(unreplayable(plan), sink->guarantee, sink->name, out);
}
