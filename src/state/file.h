/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of state: deltas and snapshots as a run of frames, each packed and checked by itself, so
 * that a reader needs the memory of one frame. README.md describes the format.
 */
#ifndef HR_STATE_FILE_H
#define HR_STATE_FILE_H

#include "base/str.h"

/* Appends a frame to out; the file's head before it when out is empty. A failure is in out. */
void hr_state_file_put(struct hr_buf *out, struct hr_str_view raw);
/* Calls fn with each frame's bytes, borrowed. Files of before frames (magic HRST) are one. path:
 * for messages. HR_E_CHECKPOINT_CORRUPT when a byte is not as it was written. */
hr_status hr_state_file_read(const char *path, struct hr_str_view file,
                             hr_status (*fn)(void *arg, struct hr_str_view raw, struct hr_err *err),
                             void *arg, struct hr_err *err) HR_CHECKED;

#endif
