/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to host:port, and writing all of it. */
#ifndef HR_CONNECTOR_SOCKET_NET_H
#define HR_CONNECTOR_SOCKET_NET_H

#include "base/err.h"

/* TCP, no delay. HR_E_UNAVAILABLE with the address and the reason. */
hr_status hr_net_connect(const char *host, int64_t port, int64_t timeout_us, int *ret_fd,
                         struct hr_err *err) HR_CHECKED;
hr_status hr_net_write(int fd, const char *data, size_t size, struct hr_err *err) HR_CHECKED;

#endif
