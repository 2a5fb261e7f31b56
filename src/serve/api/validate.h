/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a job's statements, without running them. */
#ifndef HR_SERVE_API_VALIDATE_H
#define HR_SERVE_API_VALIDATE_H

#include "base/str.h"

/* {"valid": …, "diagnostics": [{"severity", "line", "column", "errorClass", "message"}]} */
hr_status hr_serve_validate(const char *sql, struct hr_buf *out, struct hr_err *err) HR_CHECKED;

#endif
