/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that this build has: the rows of formats.def. */
#include "format/format.h"

#include "base/datetime.h"
#include "base/decimal.h"

#define X(name) extern const struct hr_format_vt hr_format_##name;
#include "format/formats.def"
#undef X

static const struct hr_format_vt *const formats[] = {
#define X(name) &hr_format_##name,
#include "format/formats.def"
#undef X
};

const struct hr_format_vt *hr_format_at(size_t index)
{
    return index < HR_COUNT(formats) ? formats[index] : NULL;
}

const struct hr_format_vt *hr_format_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(formats); i++)
        if (hr_str_eq_nocase(formats[i]->name, name)) return formats[i];
    return NULL;
}
