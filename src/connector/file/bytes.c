/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's bytes as formats want them: unpacked by the name's suffix, as UTF-8 whatever the
 * encoding, without a byte order mark. What cannot be decoded becomes U+FFFD, as in Java.
 */
#include <errno.h>
#include <iconv.h>

#include "base/codec.h"
#include "connector/file/file.h"

#define RAW_BYTES   (1 << 18)
#define REPLACEMENT "\xef\xbf\xbd"

struct file_bytes {
    struct hr_env *env;
    const char *path; /* the caller's */
    int fd;
    int64_t pos;
    struct hr_unpack *packed; /* or NULL: it is not */
    /* Another encoding than UTF-8: */
    bool convert;
    iconv_t conversion;
    uint32_t unit;   /* bytes that a bad character takes */
    char *raw;       /* RAW_BYTES, [raw_at, raw_len) not converted yet */
    size_t raw_at, raw_len;
    bool started, raw_end;
};

bool hr_file_is_utf8(const char *encoding)
{
    static const char *const names[] = {"UTF-8", "UTF8", "US-ASCII", "ASCII"};
    for (size_t i = 0; i < HR_COUNT(names); i++)
        if (!encoding || hr_str_eq_nocase(encoding, names[i])) return true;
    return false;
}

const char *hr_file_encoding(const struct hr_options *options)
{
    const char *encoding = hr_options_get(options, "encoding");
    return encoding ? encoding : hr_options_get(options, "charset");
}

/* UTF-16 and UTF-32 without an order: the mark says, else big-endian, as in Java. Needs the first
 * bytes in raw. */
static const char *with_order(const struct file_bytes *b, const char *encoding)
{
    const unsigned char *p = (const unsigned char *)b->raw;
    bool utf16 = hr_str_eq_nocase(encoding, "UTF-16") || hr_str_eq_nocase(encoding, "UTF16");
    bool utf32 = hr_str_eq_nocase(encoding, "UTF-32") || hr_str_eq_nocase(encoding, "UTF32");
    bool little = b->raw_len >= 2 && p[0] == 0xff && p[1] == 0xfe;
    if (utf16) return little ? "UTF-16LE" : "UTF-16BE";
    if (utf32) return little ? "UTF-32LE" : "UTF-32BE";
    return encoding;
}

static hr_status read_raw(struct file_bytes *b, char *to, size_t size, size_t *ret_size,
                          bool *ret_last, struct hr_err *err)
{
    if (b->packed) {
        HR_TRY(hr_unpack_read(b->packed, to, size, ret_size, err));
        *ret_last = hr_unpack_at_end(b->packed);
        return HR_OK;
    }
    HR_TRY(b->env->vt->pread(b->env, b->fd, to, size, b->pos, ret_size, err));
    b->pos += (int64_t)*ret_size;
    *ret_last = *ret_size == 0;
    return HR_OK;
}

static hr_status open_conversion(struct file_bytes *b, const char *encoding, struct hr_err *err)
{
    b->raw = hr_alloc(RAW_BYTES);
    if (!b->raw) return HR_OOM(err);
    HR_TRY(read_raw(b, b->raw, RAW_BYTES, &b->raw_len, &b->raw_end, err));
    const char *name = with_order(b, encoding);
    b->unit = strncasecmp(name, "UTF-32", 6) == 0 ? 4 : strncasecmp(name, "UTF-16", 6) == 0 ? 2 : 1;
    b->conversion = iconv_open("UTF-8", name);
    if (b->conversion == (iconv_t)-1)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option encoding: '%.60s' is unknown", encoding);
    b->convert = true;
    return HR_OK;
}

hr_status hr_file_bytes_open(struct hr_env *env, const char *path, int fd, int64_t pos,
                             const char *encoding, struct file_bytes **ret, struct hr_err *err)
{
    struct file_bytes *b = hr_zalloc(sizeof *b);
    if (!b) return HR_OOM(err);
    b->env = env;
    b->path = path;
    b->fd = fd;
    b->pos = pos;
    b->started = pos > 0; /* a mark is at the beginning only */
    hr_status status = HR_OK;
    if (pos == 0) status = hr_unpack_new(env, fd, path, &b->packed, err);
    if (!status && !hr_file_is_utf8(encoding)) status = open_conversion(b, encoding, err);
    if (status) {
        hr_file_bytes_close(b);
        return status;
    }
    *ret = b;
    return HR_OK;
}

void hr_file_bytes_close(struct file_bytes *b)
{
    if (!b) return;
    if (b->convert) iconv_close(b->conversion);
    hr_unpack_free(b->packed);
    hr_free(b->raw);
    hr_free(b);
}

static hr_status refill(struct file_bytes *b, struct hr_err *err)
{
    size_t left = b->raw_len - b->raw_at, n = 0;
    if (left && b->raw_at) memmove(b->raw, b->raw + b->raw_at, left);
    b->raw_at = 0;
    b->raw_len = left;
    if (b->raw_end) return HR_OK;
    HR_TRY(read_raw(b, b->raw + left, RAW_BYTES - left, &n, &b->raw_end, err));
    b->raw_len += n;
    return HR_OK;
}

/* One character that is none. */
static void replace(struct file_bytes *b, char **to, size_t *room)
{
    b->raw_at += HR_MIN((size_t)b->unit, b->raw_len - b->raw_at);
    memcpy(*to, REPLACEMENT, 3);
    *to += 3;
    *room -= 3;
}

static hr_status convert(struct file_bytes *b, char *to, size_t size, size_t *ret_size,
                         bool *ret_last, struct hr_err *err)
{
    char *out = to;
    size_t room = size;
    while (room >= 8) {
        if (b->raw_at == b->raw_len) HR_TRY(refill(b, err));
        if (b->raw_at == b->raw_len && b->raw_end) break;
        char *in = b->raw + b->raw_at;
        size_t in_left = b->raw_len - b->raw_at;
        size_t rc = iconv(b->conversion, &in, &in_left, &out, &room);
        b->raw_at = b->raw_len - in_left;
        if (rc != (size_t)-1) continue;
        if (errno == E2BIG) break;
        if (errno == EILSEQ || b->raw_end)
            replace(b, &out, &room);
        else
            HR_TRY(refill(b, err)); /* a character that the block's end cut */
    }
    *ret_size = (size_t)(out - to);
    *ret_last = b->raw_end && b->raw_at == b->raw_len;
    return HR_OK;
}

hr_status hr_file_bytes_read(struct file_bytes *b, char *to, size_t size, size_t *ret_size,
                             bool *ret_last, struct hr_err *err)
{
    if (b->convert)
        HR_TRY(convert(b, to, size, ret_size, ret_last, err));
    else
        HR_TRY(read_raw(b, to, size, ret_size, ret_last, err));
    if (!b->started && *ret_size >= 3 && memcmp(to, "\xef\xbb\xbf", 3) == 0) {
        *ret_size -= 3;
        memmove(to, to + 3, *ret_size);
    }
    if (*ret_size) b->started = true;
    return HR_OK;
}
