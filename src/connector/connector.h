/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connectors of this build, by the name in USING. The list is connectors.def.
 */
#ifndef HR_CONNECTOR_CONNECTOR_H
#define HR_CONNECTOR_CONNECTOR_H

#include "operator/sink.h"

/* Any case; NULL when there is none. "parquet" and other names may be known as one and not as the
 * other. */
/* Gives expressions what their functions of formats stand on: each session does so. */
void hr_connector_functions(void);

const struct hr_source_vt *hr_source_find(const char *name);
const struct hr_sink_vt *hr_sink_find(const char *name);
/* By number, in the order of connectors.def; NULL behind the last. */
const struct hr_source_vt *hr_source_at(size_t index);
const struct hr_sink_vt *hr_sink_at(size_t index);

/* Opens one, all options checked: a key that neither it, nor its format, nor the table's other side
 * nor the query knows is HR_E_INVALID_OPTION with a proposal, one that it refuses says why. Every
 * source and sink is opened by these. */
hr_status hr_source_open(const struct hr_source_vt *vt, const struct hr_source_args *args,
                         struct hr_source **ret_source, struct hr_err *err) HR_CHECKED;
hr_status hr_sink_open(const struct hr_sink_vt *vt, const struct hr_sink_args *args,
                       struct hr_sink **ret_sink, struct hr_err *err) HR_CHECKED;
/* The same check for a table that nothing opens yet: what either side takes is fine. */
hr_status hr_connector_check_options(const char *name, const struct hr_options *options,
                                     struct hr_err *err) HR_CHECKED;

/* What a record of the table is, by its format. */
enum hr_envelope hr_connector_envelope(const struct hr_source_vt *source,
                                       const struct hr_options *options);

/* OPTIONS of a table that are its streaming query's (Spark's writer options). */
struct hr_query_options {
    const char *mode, *trigger, *checkpoint, *name;
};
extern const struct hr_opt_table hr_query_option_table;
/* OPTIONS of a table that say how its rows are changes. */
extern const struct hr_opt_table hr_change_option_table;
/* The option deadLetters of any table: the engine's. */
extern const struct hr_opt_table hr_dead_letter_option_table;

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
