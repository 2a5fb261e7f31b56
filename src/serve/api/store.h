/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that a server keeps: name, SQL and what it should be doing, in a SQLite file of its own.
 * A change is durable when the function returns. One caller at a time.
 */
#ifndef HR_SERVE_API_STORE_H
#define HR_SERVE_API_STORE_H

#include "base/env.h"

struct hr_job_store;

/* folder is created when missing; HR_E_EXISTS: another server has it. */
hr_status hr_job_store_open(struct hr_env *env, const char *folder, struct hr_job_store **ret,
                            struct hr_err *err) HR_CHECKED;
void hr_job_store_close(struct hr_job_store *store);

/* fn for every job, in order of name; its texts live for the call. */
hr_status hr_job_store_each(struct hr_job_store *store,
                            hr_status (*fn)(void *arg, const char *name, const char *sql,
                                            const char *wanted, int64_t created_us,
                                            struct hr_err *err),
                            void *arg, struct hr_err *err) HR_CHECKED;
/* Adds it, or puts another text and wish in place of what there is. */
hr_status hr_job_store_put(struct hr_job_store *store, const char *name, const char *sql,
                           const char *wanted, int64_t created_us, struct hr_err *err) HR_CHECKED;
hr_status hr_job_store_drop(struct hr_job_store *store, const char *name,
                            struct hr_err *err) HR_CHECKED;

#endif
