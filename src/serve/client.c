/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/client.h"

#include "base/arena.h"
#include "base/env.h"
#include "hr_config.h"
#include "serve/http/json.h"

#define ANSWER_MAX (16 << 20)

/* "TOKEN", "read TOKEN"; comments and empty lines are none. */
static struct hr_str_view token_of_line(const char *line, size_t len)
{
    struct hr_str_view word = {0};
    for (size_t at = 0; at < len;) {
        size_t start = at;
        while (at < len && line[at] != ' ' && line[at] != '\t' && line[at] != '\r') at++;
        if (at > start && line[start] == '#') break;
        if (at > start) word = hr_svn(line + start, at - start);
        at++;
    }
    return word;
}

hr_status hr_client_read_token(const char *path, struct hr_buf *ret, struct hr_err *err)
{
    struct hr_buf text;
    hr_buf_init(&text, 1 << 20);
    hr_status status = hr_env_read_file(hr_env_default(), path, &text, err);
    struct hr_str_view token = {0};
    const char *end = status == HR_OK ? text.ptr + text.len : NULL;
    for (const char *p = text.ptr; status == HR_OK && p < end && !token.len;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        token = token_of_line(p, (size_t)(stop - p));
        p = stop + 1;
    }
    if (status == HR_OK && !token.len)
        status = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s holds no token", path);
    hr_buf_put_sv(ret, token);
    if (status == HR_OK) status = hr_buf_status(ret, err);
    hr_buf_done(&text);
    return status;
}

#if HR_HAVE_CURL
#include "late_curl.h"

static size_t take(char *data, size_t size, size_t count, void *arg)
{
    struct hr_buf *out = arg;
    hr_buf_append(out, data, size * count);
    return out->failed ? 0 : size * count;
}

/* What an answer other than 200 says: the detail of application/problem+json. */
static hr_status refused(const char *url, long http, struct hr_buf *body, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_json *json = NULL;
    struct hr_err ignored;
    const char *detail = NULL;
    hr_err_init(&ignored);
    hr_arena_init(&arena, NULL);
    if (hr_json_parse(&arena, hr_svn(body->ptr, body->len), &json, &ignored) == HR_OK &&
        hr_json_string(json, "detail", &detail, &ignored) != HR_OK)
        detail = NULL;
    hr_status status =
        HR_FAIL(err, http == 404 ? HR_E_NOT_FOUND : HR_E_IO, "%s: HTTP status %ld%s%.300s", url,
                http, detail ? ": " : "", detail ? detail : "");
    hr_arena_done(&arena);
    return status;
}

static hr_status perform(CURL *curl, const char *url, struct hr_buf *ret, struct hr_err *err)
{
    long http = 0;
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return HR_FAIL(err, HR_E_IO, "%s: %s; is a job running there with its page (--ui)?", url,
                       curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    return http == 200 ? hr_buf_status(ret, err) : refused(url, http, ret, err);
}

hr_status hr_client_get(const char *url, const char *token, struct hr_buf *ret, struct hr_err *err)
{
    HR_TRY(hr_late_curl(err));
    CURL *curl = curl_easy_init();
    if (!curl) return HR_OOM(err);
    struct hr_buf line = {0};
    struct curl_slist *headers = NULL;
    hr_buf_clear(ret);
    ret->max_bytes = ANSWER_MAX;
    if (token) {
        hr_buf_printf(&line, "Authorization: Bearer %s", token);
        headers = curl_slist_append(NULL, hr_buf_cstr(&line));
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    hr_status status = perform(curl, url, ret, err);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    hr_buf_done(&line);
    return status;
}
#else
hr_status hr_client_get(const char *url, const char *token, struct hr_buf *ret, struct hr_err *err)
{
    HR_UNUSED(url);
    HR_UNUSED(token);
    HR_UNUSED(ret);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "watching a server without libcurl");
}
#endif
