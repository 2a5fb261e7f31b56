/* SPDX-License-Identifier: Apache-2.0 */
/* SQL texts from files, errors with the line they are about, and sessions from options. */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/secrets.h"
#include "base/utf8.h"
#include "cli/cli.h"

static hr_status read_stdin(struct hr_buf *buf, struct hr_err *err)
{
    for (;;) {
        char *room = hr_buf_reserve(buf, 65536);
        if (!room) return hr_buf_status(buf, err);
        ssize_t n = read(STDIN_FILENO, room, 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return HR_RAISE(err, HR_E_IO, "what", "standard input", "why", strerror(errno));
        if (n == 0) return HR_OK;
        buf->len += (size_t)n;
    }
}

hr_status cli_read(const char *path, struct cli_text *ret, struct hr_err *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    hr_buf_init(&ret->buf, 256 << 20);
    ret->name = standard_input ? "<stdin>" : path;
    if (standard_input) return read_stdin(&ret->buf, err);
    return hr_env_read_file(hr_env_default(), path, &ret->buf, err);
}

/* The line of text around pos, and where in it pos is, in characters. */
static void print_caret(const char *text, size_t len, size_t pos)
{
    size_t start = pos, end = pos;
    while (start > 0 && text[start - 1] != '\n') start--;
    while (end < len && text[end] != '\n' && text[end] != '\r') end++;
    size_t from = start;
    if (hr_utf8_count(text + start, pos - start) > 160) { /* a long line: what is around pos */
        from = pos - 80;
        while (from < pos && ((unsigned char)text[from] & 0xc0) == 0x80) from++;
    }
    if (end - from > 240) {
        end = from + 240;
        while (end > pos && ((unsigned char)text[end] & 0xc0) == 0x80) end--;
    }
    char *shown = hr_alloc(len + 1); /* all of it: a key may stand in a line before */
    if (shown) {
        memcpy(shown, text, len);
        hr_hide_secrets(shown, len);
        fprintf(stderr, "  %.*s\n  ", (int)(end - from), shown + from);
    }
    hr_free(shown);
    if (!shown) return;
    for (size_t i = from; i < pos; i++) {
        if (text[i] == '\t')
            fputc('\t', stderr);
        else if (((unsigned char)text[i] & 0xc0) != 0x80)
            fputc(' ', stderr);
    }
    fputs("^\n", stderr);
}

void cli_print_error(const struct hr_err *err, const struct cli_text *text,
                     struct hr_str_view statement)
{
    const struct hr_error_info *info = hr_error_info(err->code);
    bool placed =
        text && statement.ptr && err->sql_pos >= 0 && (size_t)err->sql_pos <= statement.len;
    fflush(stdout);
    fprintf(stderr, "headrace: error: [%s] %s (%s)", info->error_class, err->msg, info->sql_state);
    if (placed) {
        struct hr_err whole = {.sql_pos = (int32_t)(statement.ptr - text->buf.ptr) + err->sql_pos};
        hr_err_locate(&whole, text->buf.ptr, text->buf.len);
        fprintf(stderr, " at %s:%d:%d\n", text->name, whole.line, whole.column + 1);
        print_caret(text->buf.ptr, text->buf.len, (size_t)whole.sql_pos);
    } else {
        fputc('\n', stderr);
    }
}

hr_status cli_session_new(const struct hr_session_options *options,
                          const struct cli_settings *settings, struct hr_session **ret,
                          struct hr_err *err)
{
    struct hr_session *session;
    HR_TRY(hr_session_new(options, &session, err));
    for (uint32_t i = 0; i < settings->count; i++) {
        const char *equals = strchr(settings->items[i], '=');
        struct hr_buf key = {0};
        hr_buf_append(&key, settings->items[i], (size_t)(equals - settings->items[i]));
        hr_status status = hr_session_set(session, hr_buf_cstr(&key), equals + 1, err);
        hr_buf_done(&key);
        if (status != HR_OK) {
            hr_session_free(session);
            return status;
        }
    }
    *ret = session;
    return HR_OK;
}
