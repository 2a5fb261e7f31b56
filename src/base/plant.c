/* SPDX-License-Identifier: Apache-2.0 */
#include "base/plant.h"

#if HR_PLANTS
#include <stdlib.h>
#include <string.h>

bool hr_planted(enum hr_plant plant)
{
    static const char *const names[] = {
#define X(id, name, doc, test) name,
#include "base/plant.def"
#undef X
    };
    const char *chosen = getenv("HEADRACE_PLANT");
    return chosen && strcmp(chosen, names[plant]) == 0;
}
#endif
