/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/http/http.h"

#include <stdio.h>

#include "base/alloc.h"
#include "hr_config.h"

hr_status hr_http_check_url(const char *what, const char *url, struct hr_err *err)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: an address of http:// or https://",
                       what);
    const char *host = strstr(url, "//") + 2;
    size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option %s: names and passwords do not belong into it; tokenEnv "
                       "names an environment variable with a bearer token, urlEnv one with the "
                       "whole address", what);
    if (len == 0) return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: it has no host", what);
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p == 0x7f)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option %s: spaces and control characters are written %%20", what);
    return HR_OK;
}

#if HR_HAVE_CURL
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "late_curl.h"

struct hr_http_client {
    CURL *curl;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static size_t ignore_body(char *data, size_t size, size_t count, void *arg)
{
    HR_UNUSED(data);
    HR_UNUSED(arg);
    return size * count;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct hr_http_post *post = arg;
    HR_UNUSED(a);
    HR_UNUSED(b);
    HR_UNUSED(c);
    HR_UNUSED(d);
    return post->gives_up && post->gives_up(post->arg);
}

static bool is_link_local(const struct curl_sockaddr *address)
{
    if (address->family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&address->addr;
        return (ntohl(in->sin_addr.s_addr) >> 16) == 0xa9fe;
    }
    if (address->family != AF_INET6) return false;
    const struct sockaddr_in6 *in6 = (const void *)&address->addr;
    const uint8_t *b = in6->sin6_addr.s6_addr;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(b, mapped, 12) == 0) return b[12] == 0xa9 && b[13] == 0xfe;
    return b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    HR_UNUSED(arg);
    HR_UNUSED(purpose);
    if (is_link_local(address)) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

hr_status hr_http_client_new(struct hr_http_client **ret, struct hr_err *err)
{
    HR_TRY(hr_late_curl(err));
    pthread_once(&curl_once, curl_start);
    struct hr_http_client *client = hr_zalloc(sizeof *client);
    if (!client || !(client->curl = curl_easy_init())) {
        hr_free(client);
        return HR_OOM(err);
    }
    *ret = client;
    return HR_OK;
}

void hr_http_client_free(struct hr_http_client *client)
{
    if (!client) return;
    curl_easy_cleanup(client->curl);
    hr_free(client);
}

static enum hr_http_outcome judge(CURL *curl, CURLcode code, int64_t *ret_wait_us, char *why,
                                  size_t why_size)
{
    long http = 0;
    curl_off_t after = 0;
    if (code != CURLE_OK) {
        snprintf(why, why_size, "%s", curl_easy_strerror(code));
        return HR_HTTP_AGAIN;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    if (http >= 200 && http < 300) return HR_HTTP_DONE;
    snprintf(why, why_size, "HTTP status %ld", http);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    *ret_wait_us = (int64_t)HR_MIN(after, 3600) * 1000000;
    bool passes = http == 408 || http == 425 || http == 429 || http >= 500;
    return passes ? HR_HTTP_AGAIN : HR_HTTP_REFUSED;
}

enum hr_http_outcome hr_http_post(struct hr_http_client *client, const struct hr_http_post *post,
                                  int64_t *ret_wait_us, char *why, size_t why_size)
{
    CURL *curl = client->curl;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    *ret_wait_us = 0;
    *why = 0;
    for (uint32_t i = 0; i < post->header_count; i++)
        list = curl_slist_append(list, post->headers[i]);
    curl_easy_reset(curl); /* connections stay */
    curl_easy_setopt(curl, CURLOPT_URL, post->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(post->connect_us / 1000));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(post->timeout_us / 1000));
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)post);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    enum hr_http_outcome outcome =
        judge(curl, curl_easy_perform(curl), ret_wait_us, why, why_size);
    curl_slist_free_all(list);
    return outcome;
}

#else

hr_status hr_http_client_new(struct hr_http_client **ret, struct hr_err *err)
{
    HR_UNUSED(ret);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "HTTP: this build has no libcurl, so it");
}

void hr_http_client_free(struct hr_http_client *client)
{
    HR_UNUSED(client);
}

enum hr_http_outcome hr_http_post(struct hr_http_client *client, const struct hr_http_post *post,
                                  int64_t *ret_wait_us, char *why, size_t why_size)
{
    HR_UNUSED(client);
    HR_UNUSED(post);
    *ret_wait_us = 0;
    snprintf(why, why_size, "this build has no libcurl");
    return HR_HTTP_REFUSED;
}
#endif
