/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and log-ins. A token file has a token a line, with its role (read, operate, write) before
 * it, else write. A browser trades a token for a cookie that scripts cannot read: an event stream
 * can send no header, and a token never stands in an address.
 *
 * Threads: `lock` covers the log-ins; tokens never change.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "serve/internal.h"

#define TOKENS_MAX    64
#define TOKEN_MAX     256
#define LOGINS_MAX    64
#define LOGIN_SECONDS (12 * 3600)
#define COOKIE        "headrace_login"

static const char *const role_names[] = {"none", "read", "operate", "write"};

struct login {
    char id[65];
    enum hr_http_role role;
    int64_t until_us;
};

struct hr_serve_auth {
    struct token {
        char text[TOKEN_MAX];
        enum hr_http_role role;
    } tokens[TOKENS_MAX];
    uint32_t token_count;
    pthread_mutex_t lock;
    struct login logins[LOGINS_MAX];
    uint32_t next_login;
};

/* Takes as long whatever differs. Both have `size` bytes, zeros behind their text. */
static bool is_same(const char *a, const char *b, size_t size)
{
    volatile unsigned char differs = 0;
    for (size_t i = 0; i < size; i++) differs |= (unsigned char)(a[i] ^ b[i]);
    return differs == 0;
}

static hr_status add_token(struct hr_serve_auth *auth, struct hr_str_view line, uint32_t number,
                           const char *path, struct hr_err *err)
{
    enum hr_http_role role = HR_HTTP_WRITE;
    for (int i = HR_HTTP_READ; i <= HR_HTTP_WRITE; i++) {
        size_t len = strlen(role_names[i]);
        if (line.len > len && memcmp(line.ptr, role_names[i], len) == 0 && line.ptr[len] == ' ') {
            role = (enum hr_http_role)i;
            line = hr_sv_trim(hr_svn(line.ptr + len, line.len - len));
            break;
        }
    }
    if (line.len < 16 || line.len >= TOKEN_MAX || memchr(line.ptr, ' ', line.len))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "%s:%u: a line is 'TOKEN' or 'read|operate|write TOKEN', a token 16 to 255 "
                       "characters without blanks",
                       path, number);
    if (auth->token_count == TOKENS_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "%s has more than %d tokens", path, TOKENS_MAX);
    struct token *token = &auth->tokens[auth->token_count++];
    memcpy(token->text, line.ptr, line.len);
    token->role = role;
    return HR_OK;
}

static hr_status read_tokens(struct hr_serve *serve, const char *path, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_init(&text, 1 << 16);
    hr_status status = hr_env_read_file(serve->env, path, &text, err);
    uint32_t number = 0;
    for (size_t at = 0; status == HR_OK && at < text.len; at++) {
        size_t start = at;
        while (at < text.len && text.ptr[at] != '\n') at++;
        struct hr_str_view line = hr_sv_trim(hr_svn(text.ptr + start, at - start));
        number++;
        if (line.len && line.ptr[0] != '#')
            status = add_token(serve->auth, line, number, path, err);
    }
    if (status == HR_OK && serve->auth->token_count == 0)
        status = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s has no token", path);
    hr_buf_done(&text);
    return status;
}

hr_status hr_serve_auth_new(struct hr_serve *serve, const char *token_file, struct hr_err *err)
{
    serve->auth = hr_zalloc(sizeof *serve->auth);
    if (!serve->auth || pthread_mutex_init(&serve->auth->lock, NULL)) return HR_OOM(err);
    return token_file ? read_tokens(serve, token_file, err) : HR_OK;
}

void hr_serve_auth_free(struct hr_serve *serve)
{
    if (!serve->auth) return;
    pthread_mutex_destroy(&serve->auth->lock);
    hr_free(serve->auth);
    serve->auth = NULL;
}

static enum hr_http_role role_of_token(const struct hr_serve_auth *auth, const char *given)
{
    char padded[TOKEN_MAX] = {0};
    enum hr_http_role role = HR_HTTP_ANYONE;
    size_t len = strlen(given);
    if (len >= sizeof padded) return role;
    memcpy(padded, given, len);
    for (uint32_t i = 0; i < auth->token_count; i++)
        if (is_same(padded, auth->tokens[i].text, TOKEN_MAX)) role = auth->tokens[i].role;
    return role;
}

/* The value of our cookie, or NULL. */
static const char *cookie_of(const struct hr_http_request *request, char ret[65])
{
    const char *header = hr_http_header(request, "Cookie");
    while (header && *header) {
        while (*header == ' ' || *header == ';') header++;
        size_t len = strcspn(header, ";");
        size_t name = strlen(COOKIE "=");
        if (len == name + 64 && memcmp(header, COOKIE "=", name) == 0) {
            memcpy(ret, header + name, 64);
            ret[64] = '\0';
            return ret;
        }
        header += len;
    }
    return NULL;
}

static enum hr_http_role role_of_login(struct hr_serve *serve, const char *id)
{
    struct hr_serve_auth *auth = serve->auth;
    enum hr_http_role role = HR_HTTP_ANYONE;
    int64_t now_us = hr_now_us(serve->env);
    pthread_mutex_lock(&auth->lock);
    for (uint32_t i = 0; i < LOGINS_MAX; i++)
        if (auth->logins[i].until_us > now_us && is_same(auth->logins[i].id, id, 64))
            role = auth->logins[i].role;
    pthread_mutex_unlock(&auth->lock);
    return role;
}

enum hr_http_role hr_serve_auth_role(struct hr_http_request *request)
{
    const struct hr_serve_auth *auth = request->serve->auth;
    const char *header = hr_http_header(request, "Authorization");
    char cookie[65];
    if (auth->token_count == 0) return HR_HTTP_WRITE;
    if (header && strncasecmp(header, "Bearer ", 7) == 0) return role_of_token(auth, header + 7);
    if (cookie_of(request, cookie)) return role_of_login(request->serve, cookie);
    return HR_HTTP_ANYONE;
}

/* Routes --------------------------------------------------------------------------------------- */

static hr_status get_session(struct hr_http_request *request, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_buf_putc(&request->out, '{');
    hr_http_put_string(&request->out, "role", role_names[request->role]);
    hr_http_put_bool(&request->out, "tokenNeeded", request->serve->auth->token_count > 0);
    hr_buf_putc(&request->out, '}');
    return HR_OK;
}

static hr_status post_session(struct hr_http_request *request, struct hr_err *err)
{
    static const char *const names[] = {"token", NULL};
    struct hr_serve *serve = request->serve;
    const char *token = NULL;
    HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_string(request->json, "token", &token, err));
    enum hr_http_role role = serve->auth->token_count ? HR_HTTP_ANYONE : HR_HTTP_WRITE;
    if (role == HR_HTTP_ANYONE && token) role = role_of_token(serve->auth, token);
    if (role == HR_HTTP_ANYONE)
        return HR_HTTP_FAIL(request, 401, err, HR_E_NO_TOKEN, "the token is not known");
    struct login login = {.role = role,
                          .until_us = hr_now_us(serve->env) + INT64_C(1000000) * LOGIN_SECONDS};
    unsigned char random[32];
    serve->env->vt->random(serve->env, random, sizeof random);
    for (int i = 0; i < 32; i++) snprintf(login.id + 2 * i, 3, "%02x", random[i]);
    pthread_mutex_lock(&serve->auth->lock);
    serve->auth->logins[serve->auth->next_login++ % LOGINS_MAX] = login;
    pthread_mutex_unlock(&serve->auth->lock);
    hr_http_add_header(request, "Set-Cookie",
                       hr_arena_printf(&request->arena,
                                       COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/; "
                                              "Max-Age=%d%s",
                                       login.id, LOGIN_SECONDS, serve->tls ? "; Secure" : ""));
    request->role = role;
    return get_session(request, err);
}

static hr_status delete_session(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_auth *auth = request->serve->auth;
    char cookie[65];
    if (cookie_of(request, cookie)) {
        pthread_mutex_lock(&auth->lock);
        for (uint32_t i = 0; i < LOGINS_MAX; i++)
            if (is_same(auth->logins[i].id, cookie, 64)) auth->logins[i].until_us = 0;
        pthread_mutex_unlock(&auth->lock);
    }
    hr_http_add_header(request, "Set-Cookie",
                       COOKIE "=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    request->role = HR_HTTP_ANYONE;
    return get_session(request, err);
}

static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/session", HR_HTTP_ANYONE, 0, get_session, "what the caller may do", NULL,
     NULL},
    {"POST", "/api/v1/session", HR_HTTP_ANYONE, 0, post_session, "trade a token for a cookie",
     NULL, "token=the token"},
    {"DELETE", "/api/v1/session", HR_HTTP_ANYONE, 0, delete_session, "forget the cookie", NULL,
     NULL},
};

const struct hr_serve_module hr_serve_access = {
    .name = "access", .routes = routes, .route_count = HR_COUNT(routes)};
