/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted bugs: one for each thing that is promised, to see that a test sees it. Only builds with
 * -Dplant=true have them (tools/campaign --plants makes one); HEADRACE_PLANT=name picks one. In all
 * others HR_PLANTED is 0.
 */
#ifndef HR_BASE_PLANT_H
#define HR_BASE_PLANT_H

#include "base/base.h"
#include "hr_config.h"

enum hr_plant {
#define X(id, name, doc, test) HR_PLANT_##id,
#include "base/plant.def"
#undef X
    HR_PLANT_COUNT
};

#if HR_PLANTS
bool hr_planted(enum hr_plant plant);
#define HR_PLANTED(id) hr_planted(HR_PLANT_##id)
#else
#define HR_PLANTED(id) 0
#endif

#endif
