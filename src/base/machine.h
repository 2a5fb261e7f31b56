/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine grants to this process. */
#ifndef HR_BASE_MACHINE_H
#define HR_BASE_MACHINE_H

#include "base/base.h"

/* Bytes of memory that the process may have at most: the machine's, the limits of its control
 * groups (memory.max of version 2, memory.limit_in_bytes of version 1, of its group and all above
 * it) and its address space (ulimit -v), whichever is the least. Never 0. @thread any */
int64_t hr_machine_memory_bytes(void);

/* The limit of the control groups alone; INT64_MAX: there is none. root: "" or, for tests, a folder
 * in which proc/self/cgroup and sys/fs/cgroup are. */
int64_t hr_cgroup_memory_bytes(const char *root);

#endif
