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

/* how: what a reader of an exactly-once output must know, or "". */
static void put_guarantee(const char *source, enum hr_guarantee sink, const char *sink_name,
                          const char *how, struct hr_buf *out)
{
    if (source) {
        hr_buf_printf(out, "at-most-once: the source %s cannot be read again", source);
    } else if (sink == HR_EXACTLY_ONCE) {
        hr_buf_printf(out, "exactly-once%s", how);
    } else if (sink == HR_AT_LEAST_ONCE) {
        hr_buf_printf(out, "at-least-once: the sink %s may get an epoch twice after a restart%s",
                      sink_name, how);
    } else {
        hr_buf_printf(out, "none for the output: the sink %s keeps nothing", sink_name);
    }
}

/* What becomes of records that cannot be read, and of rows that the sink refuses. */
static void put_dead(const char *name, enum hr_guarantee guarantee, struct hr_buf *out)
{
    static const char *const texts[] = {"without a guarantee", "at least once", "exactly once"};
    hr_buf_printf(out, "; dead letters to the sink %s, %s", name, texts[guarantee]);
}

void hr_query_guarantee(const struct hr_query *query, struct hr_buf *out)
{
    assert(query->output.sink);
    struct hr_buf how = {0};
    const struct hr_sink_vt *vt = query->output.vt;
    if (vt->explain) vt->explain(&query->output.options, &how);
    enum hr_guarantee guarantee = query->output.sink->guarantee;
    if (query->late.sink && query->late.sink->guarantee < guarantee) {
        guarantee = query->late.sink->guarantee;
        vt = query->late.vt;
    }
    put_guarantee(unreplayable_scan(query), guarantee, vt->name, hr_buf_cstr(&how), out);
    if (query->dead.sink) put_dead(query->dead.vt->name, query->dead.sink->guarantee, out);
    hr_buf_done(&how);
}

void hr_plan_guarantee(const struct hr_plan *plan, const struct hr_sink_vt *sink,
                       const struct hr_options *options, const struct hr_dead_place *dead,
                       struct hr_buf *out)
{
    struct hr_buf how = {0};
    assert(sink);
    enum hr_guarantee guarantee = sink->explain ? sink->explain(options, &how) : sink->guarantee;
    put_guarantee(unreplayable(plan), guarantee, sink->name, hr_buf_cstr(&how), out);
    if (dead->sink) {
        hr_buf_clear(&how);
        guarantee = dead->sink->explain ? dead->sink->explain(dead->options, &how)
                                        : dead->sink->guarantee;
        put_dead(dead->sink->name, guarantee, out);
    }
    hr_buf_done(&how);
}
