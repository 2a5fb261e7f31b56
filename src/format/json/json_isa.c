/* SPDX-License-Identifier: Apache-2.0 */
/* Which variant of the fast JSON parsers this machine runs. HEADRACE_JSON=slow|base|v3|v4 picks
 * one for tests. */
#include "format/json/json.h"
#include "hr_config.h"

#if defined(__x86_64__)
extern const struct json_isa hr_json_isa_base;
#if HR_HAVE_KERNEL_V3
extern const struct json_isa hr_json_isa_v3, hr_json_isa_v4;
#endif

const struct json_isa *hr_json_isa(void)
{
    const char *want = getenv("HEADRACE_JSON");
    if (want && strcmp(want, "slow") == 0) return NULL;
    if (want && strcmp(want, "base") == 0) return &hr_json_isa_base;
#if HR_HAVE_KERNEL_V3
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512cd");
    if (v4 && !(want && strcmp(want, "v3") == 0)) return &hr_json_isa_v4;
    if (v3) return &hr_json_isa_v3;
#endif
    return &hr_json_isa_base;
}
#else
const struct json_isa *hr_json_isa(void)
{
    return NULL;
}
#endif
