/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch_server.h"

int cli_server_open(const struct cli_command *command, struct cli_server *server)
{
    struct hr_err err;
    hr_err_init(&err);
    if (strncmp(server->url, "http://", 7) != 0 && strncmp(server->url, "https://", 8) != 0)
        return cli_usage_error(command, "--url %s: http://HOST:PORT", server->url);
    if (!server->token_file ||
        hr_client_read_token(server->token_file, &server->token, &err) == HR_OK)
        return CLI_DONE;
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return CLI_FAILED;
}

void cli_server_done(struct cli_server *server)
{
    hr_buf_done(&server->token);
}

hr_status cli_server_get(struct cli_server *server, struct hr_arena *arena, const char *path,
                         struct hr_json **ret, struct hr_err *err)
{
    struct hr_buf body = {0}, url = {0};
    const char *token = server->token.len ? hr_buf_cstr(&server->token) : NULL;
    size_t len = strlen(server->url);
    while (len > 0 && server->url[len - 1] == '/') len--;
    hr_buf_append(&url, server->url, len);
    hr_buf_puts(&url, path);
    hr_status status = hr_client_get(hr_buf_cstr(&url), token, &body, err);
    if (status == HR_OK) status = hr_json_parse(arena, hr_svn(body.ptr, body.len), ret, err);
    hr_buf_done(&body);
    hr_buf_done(&url);
    return status;
}

double cli_json_number(const struct hr_json *object, const char *name)
{
    const struct hr_json *value = hr_json_get(object, name);
    double ret = 0;
    if (value && value->kind == HR_JSON_NUMBER) hr_parse_f64(hr_sv(value->text), &ret);
    return ret;
}

const char *cli_json_text(const struct hr_json *object, const char *name)
{
    const struct hr_json *value = hr_json_get(object, name);
    return value && value->kind == HR_JSON_STRING ? value->text : "-";
}

void cli_put_text(struct hr_buf *out, const char *text, uint32_t width)
{
    uint32_t at = 0;
    for (const char *p = text; *p && (at < width || !width); at++) {
        size_t len = 1;
        while (((unsigned char)p[len] & 0xc0) == 0x80) len++;
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            hr_buf_putc(out, '?');
        else
            hr_buf_append(out, p, len);
        p += len;
    }
    for (; at < width; at++) hr_buf_putc(out, ' ');
}
