/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers, as the sockets of this room see them. */
#ifndef HR_DSTREAM_RECEIVER_H
#define HR_DSTREAM_RECEIVER_H

#include "dstream/dstream.h"

/* free_arg (may be NULL) is called with vt->arg when the stream is freed; not on failure. */
struct hr_dstream *hr_ds_receiver_new(struct hr_streaming *ssc, const struct hr_type *schema,
                                      const struct hr_receiver_vt *vt, void (*free_arg)(void *),
                                      struct hr_err *err);
/* What fill emits joins the block that is open, as single rows do. fill runs without a lock. */
hr_status hr_ds_receiver_buffer(struct hr_receiver *receiver, hr_fill_fn fill, void *arg,
                                struct hr_err *err) HR_CHECKED;

#endif
