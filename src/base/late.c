/* SPDX-License-Identifier: Apache-2.0 */
#include "base/late.h"

#include <dlfcn.h>

#include "base/thread.h"

/* A forked worker opens libraries too: nobody forks while the linker's own lock is held. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static hr_status open_locked(struct hr_late *late, struct hr_err *err)
{
    if (late->is_open) return HR_OK;
    void *library = dlopen(late->soname, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "this needs the library %s, which cannot be opened: %s; install it",
                       late->soname, dlerror());
    for (size_t i = 0; i < late->count; i++) {
        late->functions[i] = dlsym(library, late->names[i]);
        if (!late->functions[i])
            return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                           "the library %s is not the one that this program was built with: it has "
                           "no %s",
                           late->soname, late->names[i]);
    }
    late->is_open = true;
    return HR_OK;
}

hr_status hr_late_open(struct hr_late *late, struct hr_err *err)
{
    assert(late->soname && late->count > 0);
    hr_forkable_lock(&lock);
    hr_status status = open_locked(late, err);
    hr_forkable_unlock(&lock);
    return status;
}
