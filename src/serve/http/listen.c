/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server listens, whether that is safe, and what names it answers to. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include "late_microhttpd.h"
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "serve/internal.h"

struct place {
    char host[64]; /* without brackets */
    uint16_t port;
    bool is_v6, is_loopback;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

static hr_status parse_place(const char *text, struct place *ret, struct hr_err *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (colon && len > 2 && text[0] == '[' && text[len - 1] == ']') {
        ret->is_v6 = true;
        text++;
        len -= 2;
    }
    if (!colon || len == 0 || len >= sizeof ret->host ||
        !hr_parse_i64(hr_sv(colon + 1), &port) || port < 0 || port > 65535)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "'%.100s' is no place to listen at: HOST:PORT is needed, as in "
                       "127.0.0.1:4040 or [::1]:0",
                       text);
    memcpy(ret->host, text, len);
    ret->host[len] = '\0';
    if (strcmp(ret->host, "localhost") == 0) memcpy(ret->host, "127.0.0.1", 10);
    ret->port = (uint16_t)port;
    ret->address.any.sa_family = ret->is_v6 ? AF_INET6 : AF_INET;
    void *to = ret->is_v6 ? (void *)&ret->address.v6.sin6_addr
                          : (void *)&ret->address.v4.sin_addr;
    if (inet_pton(ret->address.any.sa_family, ret->host, to) != 1)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "'%.60s' is no address: an IPv4 address, an IPv6 address in brackets, or "
                       "localhost is needed",
                       ret->host);
    ret->is_loopback = ret->is_v6
                           ? IN6_IS_ADDR_LOOPBACK(&ret->address.v6.sin6_addr)
                           : (ntohl(ret->address.v4.sin_addr.s_addr) >> 24) == 127;
    return HR_OK;
}

static hr_status check_safe(const struct place *place, const struct hr_serve_options *options,
                            struct hr_err *err)
{
    if (!options->tls_cert != !options->tls_key)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "TLS needs both a certificate and its key");
    if (place->is_loopback) return HR_OK;
    if (!options->token_file)
        return HR_FAIL(err, HR_E_FORBIDDEN,
                       "%s can be reached from other machines: give a token file, or listen at "
                       "127.0.0.1",
                       place->host);
    if (!options->tls_cert && !options->insecure_http)
        return HR_FAIL(err, HR_E_FORBIDDEN,
                       "%s can be reached from other machines: give a TLS certificate and key, or "
                       "say that HTTP without TLS is meant (insecure)",
                       place->host);
    return HR_OK;
}

static void add_host(struct hr_serve *serve, const char *host, size_t len, uint16_t port)
{
    if (serve->host_count == HR_COUNT(serve->hosts)) return;
    char *to = serve->hosts[serve->host_count++];
    bool has_port = memchr(host, ':', len) && host[len - 1] != ']';
    if (has_port || port == (serve->tls ? 443 : 80))
        snprintf(to, sizeof serve->hosts[0], "%.*s", (int)HR_MIN(len, (size_t)110), host);
    else
        snprintf(to, sizeof serve->hosts[0], "%.*s:%u", (int)HR_MIN(len, (size_t)110), host, port);
    for (; *to; to++) *to = (char)tolower((unsigned char)*to);
}

static void fill_hosts(struct hr_serve *serve, const struct place *place, const char *more)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
    char host[70];
    snprintf(host, sizeof host, place->is_v6 ? "[%s]" : "%s", place->host);
    add_host(serve, host, strlen(host), place->port);
    for (size_t i = 0; i < HR_COUNT(own) && place->is_loopback; i++)
        add_host(serve, own[i], strlen(own[i]), place->port);
    while (more && *more) {
        size_t len = strcspn(more, ",");
        struct hr_str_view name = hr_sv_trim(hr_svn(more, len));
        if (name.len) add_host(serve, name.ptr, name.len, place->port);
        more += len + (more[len] == ',');
    }
    snprintf(serve->url, sizeof serve->url, "%s://%s:%u/", serve->tls ? "https" : "http", host,
             place->port);
}

static hr_status read_pem(struct hr_serve *serve, const char *path, char **ret,
                          struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_init(&text, 1 << 20);
    hr_status status = hr_env_read_file(serve->env, path, &text, err);
    if (status == HR_OK && !(*ret = hr_strdup(hr_buf_cstr(&text)))) status = HR_OOM(err);
    hr_buf_done(&text);
    return status;
}

/* A socket bound to the place, whose port is filled in. */
static hr_status bind_place(struct place *place, bool next_ports, int *ret, struct hr_err *err)
{
    socklen_t size = place->is_v6 ? sizeof place->address.v6 : sizeof place->address.v4;
    int fd = socket(place->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, why = 0;
    if (fd < 0) return HR_RAISE(err, HR_E_IO, "what", "a socket", "why", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (place->is_v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    for (int i = 0; i < (next_ports ? 16 : 1); i++) {
        uint16_t port = htons((uint16_t)(place->port + i));
        if (place->is_v6)
            place->address.v6.sin6_port = port;
        else
            place->address.v4.sin_port = port;
        why = bind(fd, &place->address.any, size) || listen(fd, 128) ? errno : 0;
        if (why != EADDRINUSE) break;
    }
    if (why == 0 && getsockname(fd, &place->address.any, &size) == 0) {
        place->port =
            ntohs(place->is_v6 ? place->address.v6.sin6_port : place->address.v4.sin_port);
        *ret = fd;
        return HR_OK;
    }
    close(fd);
    if (why == EADDRINUSE)
        return HR_FAIL(err, HR_E_EXISTS, "port %u of %s is taken by another program", place->port,
                       place->host);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "cannot listen at %s, port %u: %s", place->host,
                   place->port, strerror(why));
}

hr_status hr_http_listen(struct hr_serve *serve, const struct hr_serve_options *options,
                         struct hr_err *err)
{
    struct place place = {.port = 0};
    HR_TRY(parse_place(options->listen ? options->listen : "127.0.0.1:4040", &place, err));
    HR_TRY(check_safe(&place, options, err));
    HR_TRY(hr_late_microhttpd(err));
    if (options->tls_cert) {
        if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
            return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "TLS by this build of libmicrohttpd");
        HR_TRY(read_pem(serve, options->tls_cert, &serve->tls_cert, err));
        HR_TRY(read_pem(serve, options->tls_key, &serve->tls_key, err));
        serve->tls = true;
    }
    int fd = -1;
    HR_TRY(bind_place(&place, options->next_ports, &fd, err));
    fill_hosts(serve, &place, options->hosts);
    serve->daemon = hr_http_start_daemon(serve, fd);
    if (serve->daemon) return HR_OK;
    close(fd);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the HTTP server did not start%s",
                   serve->tls ? ": is the certificate sound, and the key its own?" : "");
}
