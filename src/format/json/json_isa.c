/* SPDX-License-Identifier: Apache-2.0 */
/* Which variant of the fast JSON parsers this machine runs. HEADRACE_JSON=slow|portable|base|v3|v4
 * picks one for tests. */
#include "format/json/json.h"
#include "hr_config.h"

extern const struct json_isa hr_json_isa_portable, hr_json_isa_base;
#if HR_HAVE_KERNEL_V3
extern const struct json_isa hr_json_isa_v3, hr_json_isa_v4;
#endif

static const struct json_isa *best(bool not_v4)
{
    HR_UNUSED(not_v4);
#if HR_HAVE_KERNEL_V3
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512cd");
    if (v4 && !not_v4) return &hr_json_isa_v4;
    if (v3) return &hr_json_isa_v3;
#endif
    return &hr_json_isa_base;
}

const struct json_isa *hr_json_isa(void)
{
    const char *want = getenv("HEADRACE_JSON");
    if (!want) want = "";
    /* The vectors are read as words whose lowest byte comes first. */
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || strcmp(want, "slow") == 0) return NULL;
    if (strcmp(want, "portable") == 0) return &hr_json_isa_portable;
    if (strcmp(want, "base") == 0) return &hr_json_isa_base;
    return best(strcmp(want, "v3") == 0);
}
