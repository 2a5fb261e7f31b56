/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints seen from outside, for `headrace checkpoint`. Changes nothing, takes no lock. */
#ifndef HR_STREAM_VERIFY_H
#define HR_STREAM_VERIFY_H

#include "base/env.h"

/* Checks every checksum, and that journal, state files, sources' logs and output agree. Each
 * finding is given to found; returns how many there are. */
uint32_t hr_checkpoint_verify(struct hr_env *env, const char *dir,
                              void (*found)(void *arg, const struct hr_err *), void *arg);

/* A line of JSON about the query of the checkpoint: who it is and the last epoch. */
hr_status hr_checkpoint_summary(struct hr_env *env, const char *dir, struct hr_buf *out,
                                struct hr_err *err) HR_CHECKED;
bool hr_checkpoint_is_one(struct hr_env *env, const char *dir);

#endif
