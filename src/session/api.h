/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the C API (api_*.c) share. */
#ifndef HR_SESSION_API_H
#define HR_SESSION_API_H

#include "api/api.h"
#include "session/session.h"

/* The session behind the context's statements, made at first use; the context's. NULL: failed. */
struct hr_session *hr_context_session(struct hr_context *ctx, struct hr_err *err);

#endif
