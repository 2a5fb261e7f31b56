/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet as a format: its options and its table. */
#include "format/parquet/parquet.h"

#define OPT(member, type, option, default_, min, max, choices, doc)                         \
    {                                                                                       \
        option, type, offsetof(struct pq_options, member), default_, min, max, choices, doc \
    }
static const struct hr_opt_spec specs[] = {
    OPT(binary_as_string, HR_OPT_BOOL, "binaryAsString", "false", 0, 0, NULL,
        "bytes without an annotation are STRING, as some old writers meant them"),
    OPT(nanos_as_long, HR_OPT_BOOL, "nanosAsLong", "false", 0, 0, NULL,
        "timestamps of nanoseconds are BIGINT"),
    OPT(infer_ntz, HR_OPT_BOOL, "inferTimestampNTZ", "true", 0, 0, NULL,
        "timestamps that are not adjusted to UTC are TIMESTAMP_NTZ, else TIMESTAMP"),
};
const struct hr_opt_table pq_option_table = {specs, HR_COUNT(specs)};

hr_status pq_options_parse(const struct hr_options *options, struct pq_options *ret,
                           struct hr_err *err)
{
    memset(ret, 0, sizeof *ret);
    return hr_options_parse(specs, HR_COUNT(specs), options, ret, err);
}

static bool splits(const struct hr_options *options)
{
    HR_UNUSED(options);
    return true;
}

const struct hr_format_vt hr_format_parquet = {
    .name = "parquet",
    .file_extension = ".parquet",
    .options = &pq_option_table,
    .splits = splits,
    .container = &pq_container,
};
