/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that have files of their own, and figures of the process. */
#ifndef HR_SERVE_API_PROCESS_H
#define HR_SERVE_API_PROCESS_H

#include "serve/internal.h"

hr_status hr_serve_get_metrics(struct hr_http_request *request, struct hr_err *err) HR_CHECKED;
hr_status hr_serve_get_openapi(struct hr_http_request *request, struct hr_err *err) HR_CHECKED;
hr_status hr_serve_get_ready(struct hr_http_request *request, struct hr_err *err) HR_CHECKED;

int64_t hr_serve_resident_bytes(struct hr_serve *serve);
double hr_serve_cpu_seconds(void);

/* Metrics of modules. A family: its head, then its lines. type: "counter" (name without _total),
 * "gauge", "histogram", "info". */
void hr_metrics_family(struct hr_buf *out, const char *name, const char *type, const char *unit,
                       const char *help);
/* name="value", escaped; a comma before it unless it is the first behind {. */
void hr_metrics_label(struct hr_buf *out, const char *name, const char *value);

#endif
