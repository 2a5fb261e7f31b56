/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that few runs need are opened when they are, not at every start: libcurl, microhttpd,
 * sqlite, librdkafka and snappy bring 30 more with them, whose symbols took longer to bind than a
 * small query takes. tools/late makes a header for each, late_NAME.h, from the calls that stand in
 * the sources: it includes the library's own, declares hr_late_NAME(err), which opens the library
 * that was there at build time, by its soname, and lets the library's functions be called by their
 * names once that has returned HR_OK. Opened libraries stay.
 *
 * Threads: any; what is called before hr_late_NAME has succeeded crashes, so the one function of a
 * room that makes the library's handles calls it.
 */
#ifndef HR_BASE_LATE_H
#define HR_BASE_LATE_H

#include "base/err.h"

struct hr_late {
    const char *soname;
    const char *const *names;
    void **functions; /* as many */
    size_t count;
    bool is_open; /* under late.c's lock */
};

/* Opens it, unless it is. HR_E_NOT_SUPPORTED when it, or a function of it, is not there. */
hr_status hr_late_open(struct hr_late *late, struct hr_err *err) HR_CHECKED;

#endif
