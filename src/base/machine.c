/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups. /proc/self/cgroup has a line for each hierarchy, "ID:CONTROLLERS:PATH"; version 2
 * is the one without controllers. A limit holds for all groups below, so that the least on the way
 * up counts. In a container the path may be one of the host that is not to be seen here: then what
 * is mounted at the top is the container's own.
 */
#include "base/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

#define UNKNOWN_BYTES (INT64_C(1) << 30) /* where the system does not tell */

/* The number in a file; INT64_MAX: no file, or "max". */
static int64_t read_limit(const char *path)
{
    char text[64];
    int64_t bytes;
    FILE *file = fopen(path, "re");
    if (!file) return INT64_MAX;
    bool read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    return read && hr_parse_i64(hr_sv_trim(hr_sv(text)), &bytes) ? bytes : INT64_MAX;
}

/* The least limit of a group and those above it. group is cut on the way. */
static int64_t least_of(const char *root, const char *mount, char *group, const char *file)
{
    char path[4600];
    int64_t least = INT64_MAX;
    for (;;) {
        snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, file);
        int64_t bytes = read_limit(path);
        least = HR_MIN(least, bytes);
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list;; p++) {
        size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, word, len) == 0) return true;
        p += n;
        if (!*p) return false;
    }
}

int64_t hr_cgroup_memory_bytes(const char *root)
{
    char line[4200];
    int64_t least = INT64_MAX;
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    if (!file) return least;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        controllers++;
        *group++ = '\0';
        int64_t bytes = INT64_MAX;
        if (!*controllers)
            bytes = least_of(root, "/sys/fs/cgroup", group, "memory.max");
        else if (has_word(controllers, "memory"))
            bytes = least_of(root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
        least = HR_MIN(least, bytes);
    }
    fclose(file);
    return least;
}

int64_t hr_machine_memory_bytes(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int64_t bytes = pages > 0 && size > 0 ? pages * size : UNKNOWN_BYTES;
    int64_t group = hr_cgroup_memory_bytes("");
    struct rlimit space;
    bytes = HR_MIN(bytes, group);
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY &&
        space.rlim_cur < (rlim_t)bytes)
        bytes = (int64_t)space.rlim_cur;
    return HR_MAX(bytes, 1);
}
