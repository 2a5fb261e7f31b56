/* SPDX-License-Identifier: Apache-2.0 */
/* The table of functions and the way to find one by name. Immutable after the first look-up. */
#include "expr/function.h"

#include <pthread.h>

#include "base/hash.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

static const struct hr_function table[] = {
#define S(name, flags, min, max, args, ret, eval, doc) \
    {name, flags, min, max, args, ret, NULL, eval, NULL, doc},
#define B(name, flags, min, max, args, ret, bind, eval, doc) \
    {name, flags, min, max, args, ret, bind, eval, NULL, doc},
#define A(name, flags, min, max, args, ret, bind, agg, doc) \
    {name, (flags) | HR_FN_AGGREGATE, min, max, args, ret, bind, NULL, &agg, doc},
#define P(name, flags, min, max, args, ret, bind, doc) \
    {name, flags, min, max, args, ret, bind, NULL, NULL, doc},
#include "expr/functions/functions.def"
#undef S
#undef B
#undef A
#undef P
};

#define SLOTS 2048
static_assert(HR_COUNT(table) < SLOTS / 2, "the look-up table of functions is too small");
static uint16_t slots[SLOTS]; /* index + 1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return h;
}

static void build(void)
{
    for (uint32_t i = 0; i < HR_COUNT(table); i++) {
        uint32_t at = hash_name(table[i].name) % SLOTS;
        while (slots[at]) {
            assert(strcmp(table[slots[at] - 1].name, table[i].name) != 0);
            at = (at + 1) % SLOTS;
        }
        slots[at] = (uint16_t)(i + 1);
    }
}

const struct hr_function *hr_function_find_internal(const char *name)
{
    pthread_once(&once, build);
    for (uint32_t at = hash_name(name) % SLOTS; slots[at]; at = (at + 1) % SLOTS)
        if (hr_str_eq_nocase(table[slots[at] - 1].name, name)) return &table[slots[at] - 1];
    return NULL;
}

const struct hr_function *hr_function_find(const char *name)
{
    return name[0] == '_' && name[1] == '_' ? NULL : hr_function_find_internal(name);
}

const struct hr_function *hr_function_at(uint32_t index)
{
    return index < HR_COUNT(table) ? &table[index] : NULL;
}
