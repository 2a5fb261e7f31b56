/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about options that several formats ask. */
#include "format/format.h"

bool hr_format_has_option(const struct hr_options *options, const char *const *names, size_t count)
{
    if (hr_options_get(options, "lineSep")) return true;
    for (size_t i = 0; i < count; i++) {
        const char *value = hr_options_get(options, names[i]);
        if (value && hr_str_eq_nocase(value, "true")) return true;
    }
    return false;
}
