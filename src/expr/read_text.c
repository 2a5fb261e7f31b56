/* SPDX-License-Identifier: Apache-2.0 */
/* Values as readers of CSV and JSON take them (read_text.h). */
#include "expr/read_text.h"

#include "base/datetime.h"

bool hr_read_timestamp_ntz(struct hr_str_view text, int64_t *ret_us)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    for (const char *p = colon; p && p < text.ptr + text.len; p++)
        if (!(*p >= '0' && *p <= '9') && *p != ':' && *p != '.' && (unsigned char)*p > ' ')
            return false;
    return hr_parse_timestamp_ntz(text, ret_us);
}

bool hr_read_decimal(struct hr_str_view text, const struct hr_type *type, hr_i128 *ret)
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
