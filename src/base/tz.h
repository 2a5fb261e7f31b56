/* SPDX-License-Identifier: Apache-2.0 */
/* What time formats need of time zones beyond datetime.h. */
#ifndef HR_BASE_TZ_H
#define HR_BASE_TZ_H

#include "base/datetime.h"

/* "CEST", "-03", "UTC": the zone's abbreviation at an instant. Borrowed for ever. */
const char *hr_tz_abbreviation(const struct hr_tz *tz, int64_t utc_us);
/* "+02:00", "-0330", "+5", "+01:00:30" → seconds east; up to 18 hours. */
bool hr_tz_parse_offset(struct hr_str_view text, int32_t *ret_seconds);
/* "+02:00" or "+01:00:30"; out has room for 9 bytes. Returns the length. */
size_t hr_tz_format_offset(int32_t seconds, char *out);

#endif
