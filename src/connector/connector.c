/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of connectors. */
#include "connector/connector.h"

#include "format/format.h"
#include "hr_config.h"

#define SOURCE(x) extern const struct hr_source_vt hr_source_##x;
#define SINK(x)   extern const struct hr_sink_vt hr_sink_##x;
#include "connector/connectors.def"
#undef SOURCE
#undef SINK

static const struct hr_source_vt *const sources[] = {
#define SOURCE(x) &hr_source_##x,
#define SINK(x)
#include "connector/connectors.def"
#undef SOURCE
#undef SINK
};

static const struct hr_sink_vt *const sinks[] = {
#define SOURCE(x)
#define SINK(x) &hr_sink_##x,
#include "connector/connectors.def"
#undef SOURCE
#undef SINK
};

const struct hr_source_vt *hr_source_at(size_t index)
{
    if (index >= HR_COUNT(sources)) return NULL;
    const struct hr_source_vt *vt = sources[index];
    assert(vt->abi == HR_CONNECTOR_ABI && vt->open && vt->close && vt->plan_splits &&
           vt->open_reader);
    return vt;
}

const struct hr_sink_vt *hr_sink_at(size_t index)
{
    if (index >= HR_COUNT(sinks)) return NULL;
    const struct hr_sink_vt *vt = sinks[index];
    assert(vt->abi == HR_CONNECTOR_ABI && vt->open && vt->close && vt->begin_epoch &&
           vt->open_writer && vt->commit_epoch);
    return vt;
}

void hr_connector_functions(void)
{
    hr_format_csv_functions();
}

const struct hr_source_vt *hr_source_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(sources); i++)
        if (hr_str_eq_nocase(sources[i]->name, name)) return hr_source_at(i);
    return NULL;
}

const struct hr_sink_vt *hr_sink_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(sinks); i++)
        if (hr_str_eq_nocase(sinks[i]->name, name)) return hr_sink_at(i);
    return NULL;
}
