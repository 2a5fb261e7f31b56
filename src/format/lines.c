/* SPDX-License-Identifier: Apache-2.0 */
#include "format/lines.h"

#include "base/utf8.h"

void hr_lines_init(struct hr_lines *lines, const char *separator, bool whole, size_t max_bytes)
{
    memset(lines, 0, sizeof *lines);
    lines->separator = separator;
    lines->whole = whole;
    lines->max_bytes = max_bytes;
    hr_buf_init(&lines->carry, max_bytes + 64);
}

void hr_lines_done(struct hr_lines *lines)
{
    hr_buffer_unref(lines->buffer);
    hr_buffer_unref(lines->joined);
    hr_buf_done(&lines->carry);
}

hr_status hr_lines_feed(struct hr_lines *lines, struct hr_buffer *buffer, const char *data,
                        size_t size, bool last, struct hr_err *err)
{
    if (lines->pos < lines->end) return HR_BUG(err, "a decoder was fed before it was drained");
    hr_buffer_unref(lines->buffer);
    lines->buffer = buffer ? hr_buffer_ref(buffer) : NULL;
    lines->block = data;
    lines->block_at = lines->fed;
    lines->fed += (int64_t)size;
    lines->pos = data;
    lines->end = data + size;
    lines->last = last;
    lines->has_cr = size && memchr(data, '\r', size);
    return HR_OK;
}

/* The end of the line that begins at p, *ret_next behind its terminator; NULL: cut. */
static const char *line_end(struct hr_lines *lines, const char *p, const char **ret_next)
{
    size_t left = (size_t)(lines->end - p);
    if (lines->whole) return NULL;
    if (lines->separator) {
        size_t len = strlen(lines->separator);
        const char *hit = memmem(p, left, lines->separator, len);
        *ret_next = hit ? hit + len : NULL;
        return hit;
    }
    const char *newline = memchr(p, '\n', left);
    const char *stop = newline ? newline : lines->end;
    const char *cr = lines->has_cr ? memchr(p, '\r', (size_t)(stop - p)) : NULL;
    if (cr) {
        *ret_next = cr + 1 == newline ? cr + 2 : cr + 1;
        lines->skip_lf = cr + 1 == lines->end; /* its \n may come with the next block */
        return cr;
    }
    *ret_next = newline ? newline + 1 : NULL;
    return newline;
}

static hr_status carry(struct hr_lines *lines, const char *data, size_t size, struct hr_err *err)
{
    if (lines->carry.len + size > lines->max_bytes)
        return HR_FAIL(err, HR_E_LIMIT, "a record is longer than maxRecordBytes (%zu)",
                       lines->max_bytes);
    if (!lines->carry.len) lines->carry_at = lines->block_at + (data - lines->block);
    if (size) hr_buf_append(&lines->carry, data, size);
    return hr_buf_status(&lines->carry, err);
}

static hr_status join(struct hr_lines *lines, struct hr_str_view *ret_line,
                      struct hr_buffer **ret_buffer, struct hr_err *err)
{
    struct hr_buffer *joined = hr_buffer_new(lines->carry.len);
    if (!joined) return HR_OOM(err);
    if (lines->carry.len) memcpy(joined->data, lines->carry.ptr, lines->carry.len);
    *ret_line = hr_svn(joined->data, lines->carry.len);
    lines->line_at = lines->carry_at;
    *ret_buffer = joined;
    hr_buf_clear(&lines->carry);
    hr_buffer_unref(lines->joined);
    lines->joined = joined;
    return HR_OK;
}

/* A separator of several bytes may itself be cut: look for it where carry and block meet. */
static bool separator_across(struct hr_lines *lines)
{
    size_t len = lines->separator ? strlen(lines->separator) : 0;
    for (size_t part = len ? len - 1 : 0; part > 0; part--) {
        size_t rest = len - part;
        if (lines->carry.len < part || (size_t)(lines->end - lines->pos) < rest) continue;
        if (memcmp(lines->carry.ptr + lines->carry.len - part, lines->separator, part) == 0 &&
            memcmp(lines->pos, lines->separator + part, rest) == 0) {
            lines->carry.len -= part;
            lines->pos += rest;
            return true;
        }
    }
    return false;
}

hr_status hr_lines_next(struct hr_lines *lines, struct hr_str_view *ret_line,
                        struct hr_buffer **ret_buffer, bool *ret_more, struct hr_err *err)
{
    const char *next = NULL;
    if (lines->skip_lf && lines->pos < lines->end) {
        lines->pos += *lines->pos == '\n';
        lines->skip_lf = false;
    }
    *ret_more = true;
    if (lines->carry.len && separator_across(lines)) return join(lines, ret_line, ret_buffer, err);
    if (lines->pos < lines->end) {
        const char *stop = line_end(lines, lines->pos, &next);
        if (stop && !lines->carry.len) {
            *ret_line = hr_svn(lines->pos, (size_t)(stop - lines->pos));
            lines->line_at = lines->block_at + (lines->pos - lines->block);
            *ret_buffer = lines->buffer;
            lines->pos = next;
            return HR_OK;
        }
        const char *from = lines->pos;
        lines->pos = stop ? next : lines->end;
        HR_TRY(carry(lines, from, (size_t)((stop ? stop : lines->end) - from), err));
        if (stop) return join(lines, ret_line, ret_buffer, err);
    }
    if (lines->last && lines->carry.len) return join(lines, ret_line, ret_buffer, err);
    *ret_more = false;
    return HR_OK;
}

struct hr_str_view hr_lines_utf8(struct hr_arena *arena, struct hr_str_view text)
{
    if (hr_utf8_valid(text.ptr, text.len)) return text;
    char *out = hr_arena_alloc(arena, text.len * 3), *o = out;
    for (size_t i = 0; out && i < text.len;) {
        uint32_t code;
        i += hr_utf8_decode(text.ptr + i, text.len - i, &code);
        o += hr_utf8_encode(code, o);
    }
    return hr_svn(out, (size_t)(o - out));
}
