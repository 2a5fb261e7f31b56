/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault points: named places where a test makes the program fail or die. Listed in fault.def.
 *
 *     HR_FAULT_POINT(HR_FAULT_SINK_COMMIT, err);      may return an injected HR_E_IO
 *
 * From outside: HR_CRASH_AT=name:k ends the process (as kill -9 would) at the k-th passing,
 * HR_FAIL_AT=name:k makes the k-th passing fail once, HR_FAIL_AT=name:k+ from then on. A program
 * without these variables pays one load of a global per point. In tests: hr_fault_arm().
 */
#ifndef HR_BASE_FAULT_H
#define HR_BASE_FAULT_H

#include "base/err.h"

enum hr_fault {
#define X(id, name, doc) id,
#include "base/fault.def"
#undef X
    HR_FAULT_COUNT
};

extern bool hr_fault_active; /* any point armed */

/* fail_at: 1 = the next passing; persistent: all from there on. */
void hr_fault_arm(enum hr_fault fault, int64_t fail_at, bool persistent);
void hr_fault_disarm_all(void);
/* Passings of the point since it was armed. */
int64_t hr_fault_passed(enum hr_fault fault);
void hr_fault_init_from_environment(void);
bool hr_fault_hit_(enum hr_fault fault); /* may not return */

HR_INLINE bool hr_fault_hit(enum hr_fault fault)
{
    return HR_UNLIKELY(hr_fault_active) && hr_fault_hit_(fault);
}

#define HR_FAULT_POINT(fault, err)                                            \
    do {                                                                      \
        if (hr_fault_hit(fault)) return HR_FAIL((err), HR_E_IO, "injected fault at %s", #fault); \
    } while (0)

#endif
