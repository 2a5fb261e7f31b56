/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/socket/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0, or why not. */
static int try_connect(int fd, const struct addrinfo *to, int64_t timeout_us)
{
    int flags = fcntl(fd, F_GETFL), error = 0;
    socklen_t len = sizeof error;
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return errno;
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        if (errno != EINPROGRESS) return errno;
        struct pollfd p = {fd, POLLOUT, 0};
        int n = poll(&p, 1, (int)(timeout_us / 1000));
        if (n <= 0) return n < 0 ? errno : ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) return errno;
        if (error) return error;
    }
    return fcntl(fd, F_SETFL, flags) < 0 ? errno : 0;
}

hr_status hr_net_connect(const char *host, int64_t port, int64_t timeout_us, int *ret_fd,
                         struct hr_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    char service[16], text[64];
    int error = 0, one = 1;
    snprintf(service, sizeof service, "%d", (int)port);
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc)
        return HR_FAIL(err, HR_E_UNAVAILABLE, "%s:%d cannot be reached: %s", host, (int)port,
                       gai_strerror(rc));
    for (const struct addrinfo *to = list; to; to = to->ai_next) {
        int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
        if (fd < 0) {
            error = errno;
            continue;
        }
        error = try_connect(fd, to, timeout_us);
        if (!error) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            freeaddrinfo(list);
            *ret_fd = fd;
            return HR_OK;
        }
        close(fd);
    }
    freeaddrinfo(list);
    return HR_FAIL(err, HR_E_UNAVAILABLE, "%s:%d cannot be reached: %s", host, (int)port,
                   strerror_r(error, text, sizeof text));
}

hr_status hr_net_write(int fd, const char *data, size_t size, struct hr_err *err)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            char text[64];
            return HR_FAIL(err, HR_E_UNAVAILABLE, "the connection broke: %s",
                           strerror_r(errno, text, sizeof text));
        }
        data += n;
        size -= (size_t)n;
    }
    return HR_OK;
}
