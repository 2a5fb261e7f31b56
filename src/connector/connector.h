/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connectors of this build, by the name in USING. The list is connectors.def.
 */
#ifndef HR_CONNECTOR_CONNECTOR_H
#define HR_CONNECTOR_CONNECTOR_H

#include "operator/sink.h"

/* Any case; NULL when there is none. "parquet" and other names may be known as one and not as the
 * other. */
const struct hr_source_vt *hr_source_find(const char *name);
const struct hr_sink_vt *hr_sink_find(const char *name);
/* By number, in the order of connectors.def; NULL behind the last. */
const struct hr_source_vt *hr_source_at(size_t index);
const struct hr_sink_vt *hr_sink_at(size_t index);

/* --- For the connectors themselves ------------------------------------------------------------ */

/* batch with the columns that the scan wants, by name; takes over the reference on batch, also on
 * failure. */
hr_status hr_connector_project(struct hr_batch *batch, const struct hr_type *wanted,
                               struct hr_batch **ret, struct hr_err *err) HR_CHECKED;
/* The user's schema must be empty or the source's own (names and types). */
hr_status hr_connector_fixed_schema(const char *source, const struct hr_type *given,
                                    const struct hr_type *own, struct hr_err *err) HR_CHECKED;
/* An offset that is one number, as text. */
hr_status hr_connector_parse_offset(const char *text, int64_t *ret, struct hr_err *err) HR_CHECKED;
HR_INLINE bool hr_connector_cancelled(const struct hr_scan_spec *spec)
{
    return spec->cancelled && __atomic_load_n(spec->cancelled, __ATOMIC_RELAXED);
}

#endif
