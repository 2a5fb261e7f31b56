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

bool hr_format_parse_ntz(struct hr_str_view text, int64_t *ret_us)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    for (const char *p = colon; p && p < text.ptr + text.len; p++)
        if (!(*p >= '0' && *p <= '9') && *p != ':' && *p != '.' && (unsigned char)*p > ' ')
            return false;
    return hr_parse_timestamp_ntz(text, ret_us);
}

bool hr_format_parse_decimal(struct hr_str_view text, const struct hr_type *type, hr_i128 *ret)
{
    char copy[128];
    size_t len = 0;
    bool overflow = false;
    if (text.len >= sizeof copy) return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ',') copy[len++] = text.ptr[i];
    if (len == 0 || (unsigned char)copy[0] <= ' ' || (unsigned char)copy[len - 1] <= ' ')
        return false;
    return hr_decimal_parse(hr_svn(copy, len), type->precision, type->scale, ret, &overflow) &&
           !overflow;
}
