/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web hook: POST of the JSON body, with the delivery's id as Idempotency-Key and webhook-id, the
 * same at each attempt. No redirects; nothing of the machine's link (169.254.0.0/16, fe80::/10),
 * where clouds keep secrets. The address is never printed: it may be one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "hr_config.h"
#include "alert/internal.h"

#if HR_HAVE_CURL
#include <arpa/inet.h>
#include "late_curl.h"
#include <sys/socket.h>
#include <unistd.h>

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
    HR_UNUSED(a);
    HR_UNUSED(b);
    HR_UNUSED(c);
    HR_UNUSED(d);
    return hr_alert_gives_up(arg);
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

static struct curl_slist *headers(const struct hr_alert_action *action,
                                  const struct hr_alert_delivery *d, int64_t now_us)
{
    char line[1200];
    const char *token = action->token_env ? getenv(action->token_env) : NULL;
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(line, sizeof line, "Idempotency-Key: %s", d->id);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "webhook-id: %s", d->id);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "webhook-timestamp: %lld", (long long)(now_us / 1000000));
    list = curl_slist_append(list, line);
    if (token) {
        snprintf(line, sizeof line, "Authorization: Bearer %.1100s", token);
        list = curl_slist_append(list, line);
    }
    return curl_slist_append(list, "Expect:");
}

static enum hr_alert_outcome judge(CURL *curl, CURLcode code, int64_t *ret_wait_us, char *why,
                                   size_t why_size)
{
    long http = 0;
    curl_off_t after = 0;
    if (code != CURLE_OK) {
        snprintf(why, why_size, "%s", curl_easy_strerror(code));
        return HR_ALERT_AGAIN;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    if (http >= 200 && http < 300) return HR_ALERT_DONE;
    snprintf(why, why_size, "HTTP status %ld", http);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    *ret_wait_us = (int64_t)HR_MIN(after, 3600) * 1000000;
    bool passes = http == 408 || http == 425 || http == 429 || http >= 500;
    return passes ? HR_ALERT_AGAIN : HR_ALERT_DEAD;
}

enum hr_alert_outcome hr_alert_send_webhook(struct hr_alert *alert,
                                            const struct hr_alert_action *action,
                                            const struct hr_alert_delivery *d,
                                            int64_t *ret_wait_us, char *why, size_t why_size)
{
    struct hr_err err;
    hr_err_init(&err);
    if (hr_late_curl(&err) != HR_OK) {
        snprintf(why, why_size, "%.200s", err.msg);
        return HR_ALERT_DEAD;
    }
    pthread_once(&curl_once, curl_start);
    CURL *curl = curl_easy_init();
    if (!curl) {
        snprintf(why, why_size, "out of memory");
        return HR_ALERT_AGAIN;
    }
    struct curl_slist *list = headers(action, d, hr_now_us(alert->env));
    curl_easy_setopt(curl, CURLOPT_URL, action->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, d->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(d->body));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(action->connect_us / 1000));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(action->timeout_us / 1000));
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, alert);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    enum hr_alert_outcome outcome =
        judge(curl, curl_easy_perform(curl), ret_wait_us, why, why_size);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return outcome;
}

hr_status hr_alert_check_webhook(const struct hr_alert_action *action, struct hr_err *err)
{
    const char *url = action->url;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option url of WEBHOOK: an address of http:// or https://");
    const char *host = strstr(url, "//") + 2;
    size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option url of WEBHOOK: names and passwords do not belong into it; tokenEnv "
                       "names an environment variable with a bearer token, urlEnv one with the "
                       "whole address");
    if (len == 0) return HR_FAIL(err, HR_E_INVALID_OPTION, "option url of WEBHOOK: it has no host");
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p == 0x7f)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option url of WEBHOOK: spaces and control characters are written %%20");
    return hr_late_curl(err); /* rather now than when there is something to tell */
}

#else

enum hr_alert_outcome hr_alert_send_webhook(struct hr_alert *alert,
                                            const struct hr_alert_action *action,
                                            const struct hr_alert_delivery *d,
                                            int64_t *ret_wait_us, char *why, size_t why_size)
{
    HR_UNUSED(alert);
    HR_UNUSED(action);
    HR_UNUSED(d);
    HR_UNUSED(ret_wait_us);
    snprintf(why, why_size, "this build has no libcurl");
    return HR_ALERT_DEAD;
}

hr_status hr_alert_check_webhook(const struct hr_alert_action *action, struct hr_err *err)
{
    HR_UNUSED(action);
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "WEBHOOK needs a build with libcurl");
}
#endif
