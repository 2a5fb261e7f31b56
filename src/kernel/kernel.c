/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of an instruction set, made once. */
#include "kernel/kernel.h"

#include "base/log.h"
#include "hr_config.h"
#include "kernel/scalar.h"

#define DECLARE(isa)                                           \
    extern const struct hr_compare_kernels hr_k_compare_##isa; \
    extern const struct hr_bits_kernels hr_k_bits_##isa;
#define TABLE(isa) {#isa, &hr_k_compare_##isa, &hr_k_bits_##isa}

DECLARE(base)
static const struct hr_kernels base_table = TABLE(base);

#if HR_HAVE_KERNEL_V3
DECLARE(v3)
static const struct hr_kernels v3_table = TABLE(v3);

static bool runs_v3(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("popcnt");
}
#endif

#if HR_HAVE_KERNEL_V4
DECLARE(v4)
static const struct hr_kernels v4_table = TABLE(v4);

static bool runs_v4(void)
{
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

const struct hr_kernels *hr_kernels_named(const char *name)
{
    if (strcmp(name, "scalar") == 0) return &hr_kernels_scalar;
    if (strcmp(name, "base") == 0) return &base_table;
#if HR_HAVE_KERNEL_V3
    if (strcmp(name, "v3") == 0 && runs_v3()) return &v3_table;
#endif
#if HR_HAVE_KERNEL_V4
    if (strcmp(name, "v4") == 0 && runs_v4()) return &v4_table;
#endif
    return NULL;
}

static const struct hr_kernels *choose(void)
{
    static const char *const best_first[] = {"v4", "v3", "base"};
    const char *wish = getenv("HR_ISA");
    if (wish && *wish) {
        const struct hr_kernels *wished = hr_kernels_named(wish);
        if (wished) return wished;
        HR_LOG(HR_LOG_DEBUG, "HR_ISA=%s is not available here", wish);
    }
    for (size_t i = 0; i < HR_COUNT(best_first); i++) {
        const struct hr_kernels *k = hr_kernels_named(best_first[i]);
        if (k) return k;
    }
    return &hr_kernels_scalar;
}

const struct hr_kernels *hr_kernels(void)
{
    /* Racing threads choose the same. */
    static const struct hr_kernels *chosen;
    const struct hr_kernels *k = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (HR_UNLIKELY(!k)) {
        k = choose();
        __atomic_store_n(&chosen, k, __ATOMIC_RELEASE);
    }
    return k;
}
