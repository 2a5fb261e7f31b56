/* SPDX-License-Identifier: Apache-2.0 */
/* What every file may use: fixed-width types, attributes and the few macros of the house. */
#ifndef HR_BASE_BASE_H
#define HR_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Result of a function that can fail: 0 (HR_OK) or a code of errors.def. */
typedef int32_t hr_status;

typedef __int128 hr_i128;
typedef unsigned __int128 hr_u128;

#define HR_CHECKED __attribute__((warn_unused_result))
#define HR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HR_COLD __attribute__((cold, noinline))
#define HR_NOINLINE __attribute__((noinline))
#define HR_INLINE static inline __attribute__((always_inline))
#define HR_LIKELY(x) __builtin_expect(!!(x), 1)
#define HR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HR_CLEANUP(fn) __attribute__((cleanup(fn)))
#define HR_SENTINEL __attribute__((sentinel))

#define HR_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define HR_MAX(a, b) ((a) > (b) ? (a) : (b))
#define HR_UNUSED(x) ((void)(x))
/* From a pointer to an embedded base struct to the struct around it. */
#define HR_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Rows in a full batch; operators may see fewer, never more. */
#define HR_BATCH_ROWS 8192

/* Key-hash ranges that state is kept by (DESIGN: slot). */
#define HR_SLOT_COUNT 256

#endif
