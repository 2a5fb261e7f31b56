/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where errors are born. Everything here works without memory. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct hr_error_info info_table[HR_ERROR_COUNT] = {
    [HR_OK] = {"HR_OK", "OK", "00000", 0, "ok"},
#define X(code, error_class, sql_state, flags, text) \
    [code] = {#code, error_class, sql_state, flags, text},
#include "base/errors.def"
#undef X
};

const struct hr_error_info *hr_error_info(hr_status code)
{
    if (code < 0 || code >= HR_ERROR_COUNT) code = HR_E_INTERNAL;
    return &info_table[code];
}

void hr_err_init(struct hr_err *err)
{
    if (!err) return;
    memset(err, 0, offsetof(struct hr_err, msg));
    err->sql_pos = err->sql_end = -1;
    err->msg[0] = '\0';
    err->params[0] = '\0';
}

/* Breakpoint here: every error passes. */
static hr_status born(struct hr_err *err, const char *file, int line, hr_status code)
{
    assert(code > HR_OK && code < HR_ERROR_COUNT);
    if (err) {
        hr_err_init(err);
        err->code = code;
        err->flags = hr_error_info(code)->flags;
        err->file = file;
        err->file_line = line;
    }
    return code;
}

/* Cuts text at size - 1 bytes, but never inside a UTF-8 sequence. */
static void cut(char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) len--;
    text[len] = '\0';
}

static void format(char *out, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(out, size, fmt, args);
    if (n < 0)
        out[0] = '\0';
    else if ((size_t)n >= size) {
        /* The byte at size - 1 became NUL; whether a sequence was cut shows before it. */
        size_t end = size - 1, start = end;
        while (start > 0 && end - start < 3 && ((unsigned char)out[start - 1] & 0xC0) == 0x80)
            start--;
        if (start > 0 && (unsigned char)out[start - 1] >= 0xC0) cut(out, start - 1);
    }
}

hr_status hr_err_set(struct hr_err *err, const char *file, int line, hr_status code,
                     const char *fmt, ...)
{
    /* The arguments may point into err itself, so the text is made before err is reset. */
    char msg[HR_ERR_MSG_MAX];
    if (!err) return born(err, file, line, code);
    va_list args;
    va_start(args, fmt);
    format(msg, sizeof msg, fmt, args);
    va_end(args);
    born(err, file, line, code);
    memcpy(err->msg, msg, strlen(msg) + 1);
    return code;
}

/* Appends name and value (NUL-terminated both) when there is room. */
static void add_param(struct hr_err *err, const char *name, const char *value)
{
    size_t name_size = strlen(name) + 1, value_len = strlen(value);
    size_t room = sizeof err->params - err->params_len;
    if (name_size + 1 > room) return;
    memcpy(err->params + err->params_len, name, name_size);
    char *to = err->params + err->params_len + name_size;
    if (value_len + 1 > room - name_size) {
        value_len = room - name_size - 1;
        while (value_len > 0 && ((unsigned char)value[value_len] & 0xC0) == 0x80) value_len--;
    }
    memcpy(to, value, value_len);
    to[value_len] = '\0';
    err->params_len += (uint16_t)(name_size + value_len + 1);
    err->param_count++;
}

/* text with every <name> replaced by its parameter; unknown names stay as they are. */
static void fill(struct hr_err *err, const char *text)
{
    size_t at = 0;
    const size_t max = sizeof err->msg - 1;
    while (*text && at < max) {
        const char *close = *text == '<' ? strchr(text, '>') : NULL;
        char name[64];
        size_t len = close ? (size_t)(close - text - 1) : 0;
        const char *value = NULL;
        if (close && len < sizeof name) {
            memcpy(name, text + 1, len);
            name[len] = '\0';
            value = hr_err_param(err, name);
        }
        if (!value) {
            err->msg[at++] = *text++;
            continue;
        }
        size_t value_len = strlen(value);
        if (value_len > max - at) {
            value_len = max - at;
            while (value_len > 0 && ((unsigned char)value[value_len] & 0xC0) == 0x80) value_len--;
            memcpy(err->msg + at, value, value_len);
            at += value_len;
            break;
        }
        memcpy(err->msg + at, value, value_len);
        at += value_len;
        text = close + 1;
    }
    err->msg[at] = '\0';
}

hr_status hr_err_raise(struct hr_err *err, const char *file, int line, hr_status code, ...)
{
    if (!err) return born(err, file, line, code);
    struct hr_err fresh;
    born(&fresh, file, line, code);
    va_list args;
    va_start(args, code);
    for (;;) {
        const char *name = va_arg(args, const char *);
        if (!name) break;
        const char *value = va_arg(args, const char *);
        add_param(&fresh, name, value ? value : "null");
        if (!value) break; /* a NULL value ends the list as far as va_arg can tell */
    }
    va_end(args);
    fill(&fresh, hr_error_info(code)->text);
    hr_err_copy(err, &fresh);
    return code;
}

hr_status hr_err_prefix(struct hr_err *err, const char *fmt, ...)
{
    if (!err) return HR_E_INTERNAL;
    char text[HR_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    format(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = strlen(text), old = strlen(err->msg);
    if (len + 2 >= sizeof err->msg) return err->code;
    if (len + 2 + old >= sizeof err->msg) old = sizeof err->msg - len - 3;
    memmove(err->msg + len + 2, err->msg, old);
    memcpy(err->msg, text, len);
    memcpy(err->msg + len, ": ", 2);
    err->msg[len + 2 + old] = '\0';
    return err->code;
}

hr_status hr_err_at(struct hr_err *err, int32_t sql_pos, int32_t sql_end)
{
    if (!err) return HR_E_INTERNAL;
    if (err->sql_pos < 0) {
        err->sql_pos = sql_pos;
        err->sql_end = sql_end;
    }
    return err->code;
}

void hr_err_locate(struct hr_err *err, const char *sql, size_t sql_len)
{
    if (!err || err->sql_pos < 0 || (size_t)err->sql_pos > sql_len) return;
    int32_t line = 1, column = 0;
    for (int32_t i = 0; i < err->sql_pos; i++) {
        if (sql[i] == '\n') {
            line++;
            column = 0;
        } else if (((unsigned char)sql[i] & 0xC0) != 0x80) {
            column++; /* code points, not bytes */
        }
    }
    err->line = line;
    err->column = column;
}

const char *hr_err_param(const struct hr_err *err, const char *name)
{
    if (!err || !name) return NULL;
    const char *p = err->params;
    for (uint16_t i = 0; i < err->param_count; i++) {
        const char *value = p + strlen(p) + 1;
        if (strcmp(p, name) == 0) return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

void hr_err_copy(struct hr_err *to, const struct hr_err *from)
{
    if (!to || to == from) return;
    memcpy(to, from, offsetof(struct hr_err, msg));
    memcpy(to->msg, from->msg, strlen(from->msg) + 1);
    memcpy(to->params, from->params, from->params_len);
}

/* The public accessors ------------------------------------------------------------------------ */

const char *hr_err_class(const struct hr_err *err)
{
    return hr_error_info(err ? err->code : HR_OK)->error_class;
}

const char *hr_err_sql_state(const struct hr_err *err)
{
    return hr_error_info(err ? err->code : HR_OK)->sql_state;
}

hr_status hr_err_fail(struct hr_err *err, const char *fmt, ...)
{
    char msg[HR_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    format(msg, sizeof msg, fmt, args);
    va_end(args);
    return HR_FAIL(err, HR_E_USER_FUNCTION, "%s", msg);
}
