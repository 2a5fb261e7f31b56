/* SPDX-License-Identifier: Apache-2.0 */
#include "ml/features.h"

#include <stdio.h>

static uint32_t rotate(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

uint32_t hr_murmur3_32(const void *data, size_t size, uint32_t seed)
{
    const uint8_t *p = data;
    uint32_t h = seed, k = 0;
    for (size_t left = size; left >= 4; left -= 4, p += 4) {
        memcpy(&k, p, 4);
        h ^= rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u;
        h = rotate(h, 13) * 5 + 0xe6546b64u;
    }
    k = 0;
    for (size_t i = size & 3; i > 0; i--) k = k << 8 | p[i - 1];
    if (size & 3) h ^= rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u;
    h ^= (uint32_t)size;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

hr_status hr_ml_parse_numbers(const char *text, const char *option, double *ret, size_t count,
                              struct hr_err *err)
{
    size_t found = 0;
    char why[120];
    for (const char *at = text; *at || found == 0;) {
        size_t len = strcspn(at, ",;");
        double v = 0;
        if (!hr_parse_f64(hr_sv_trim(hr_svn(at, len)), &v) || !isfinite(v)) {
            snprintf(why, sizeof why, "'%.*s' is no number", (int)HR_MIN(len, 60), at);
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", option, "why", why);
        }
        if (found < count) ret[found] = v;
        found++;
        at += len;
        if (*at) at++;
    }
    if (found == count) return HR_OK;
    snprintf(why, sizeof why, "it has %zu numbers, %zu are needed", found, count);
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", option, "why", why);
}
