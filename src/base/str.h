/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: a borrowed view, and a growable byte buffer with a maximum size. */
#ifndef HR_BASE_STR_H
#define HR_BASE_STR_H

#include <stdarg.h>

#include "base/err.h"

/* Borrowed bytes, not NUL-terminated. */
struct hr_str_view {
    const char *ptr;
    size_t len;
};

HR_INLINE struct hr_str_view hr_sv(const char *text)
{
    return (struct hr_str_view){text, text ? strlen(text) : 0};
}
HR_INLINE struct hr_str_view hr_svn(const char *ptr, size_t len)
{
    return (struct hr_str_view){ptr, len};
}
bool hr_sv_eq(struct hr_str_view a, struct hr_str_view b);
bool hr_sv_eq_nocase(struct hr_str_view a, struct hr_str_view b); /* ASCII case */
int hr_sv_cmp(struct hr_str_view a, struct hr_str_view b);        /* bytewise, unsigned */
struct hr_str_view hr_sv_trim(struct hr_str_view s);              /* ASCII white space */
bool hr_str_eq_nocase(const char *a, const char *b);

/* Whole text or failure; no locale. false leaves *ret untouched. */
bool hr_parse_i64(struct hr_str_view text, int64_t *ret);
bool hr_parse_u64(struct hr_str_view text, uint64_t *ret);
bool hr_parse_f64(struct hr_str_view text, double *ret);
bool hr_parse_bool(struct hr_str_view text, bool *ret); /* true/false/1/0/yes/no/on/off */
/* "64m", "10 GiB", "512k", "1024". */
bool hr_parse_bytes(struct hr_str_view text, int64_t *ret_bytes);
/* "10 seconds", "500 ms", "1 minute 30 seconds", "interval 5 seconds", "2h". Microseconds. */
bool hr_parse_duration(struct hr_str_view text, int64_t *ret_us);

/* Growable bytes on the heap. Zeroed is valid and empty. After an append failed (no memory, or
 * over max_bytes) `failed` stays set and further appends do nothing: check once at the end. */
struct hr_buf {
    char *ptr;
    size_t len, capacity;
    size_t max_bytes; /* 0: 1 GiB */
    bool failed, too_long;
};

void hr_buf_init(struct hr_buf *buf, size_t max_bytes);
void hr_buf_done(struct hr_buf *buf);
HR_INLINE void hr_buf_clear(struct hr_buf *buf)
{
    buf->len = 0;
    buf->failed = buf->too_long = false;
}
/* Room for size more bytes, or NULL; the caller then adds to len itself. */
char *hr_buf_reserve(struct hr_buf *buf, size_t size);
void hr_buf_append(struct hr_buf *buf, const void *data, size_t size);
void hr_buf_puts(struct hr_buf *buf, const char *text);
void hr_buf_putc(struct hr_buf *buf, char c);
void hr_buf_put_sv(struct hr_buf *buf, struct hr_str_view s);
void hr_buf_put_i64(struct hr_buf *buf, int64_t value);
void hr_buf_printf(struct hr_buf *buf, const char *fmt, ...) HR_PRINTF(2, 3);
void hr_buf_vprintf(struct hr_buf *buf, const char *fmt, va_list args);
/* Text as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void hr_buf_put_json(struct hr_buf *buf, struct hr_str_view text);
/* NUL-terminates (not counted in len). Never NULL: "" when empty or failed. */
const char *hr_buf_cstr(struct hr_buf *buf);
/* HR_OK, HR_E_OOM or HR_E_LIMIT: whether any append failed. */
hr_status hr_buf_status(const struct hr_buf *buf, struct hr_err *err) HR_CHECKED;

/* Fixed-width little-endian and varint codecs of the on-disk formats. */
void hr_buf_put_u8(struct hr_buf *buf, uint8_t v);
void hr_buf_put_u32(struct hr_buf *buf, uint32_t v);
void hr_buf_put_u64(struct hr_buf *buf, uint64_t v);
void hr_buf_put_varint(struct hr_buf *buf, uint64_t v);
void hr_buf_put_bytes(struct hr_buf *buf, const void *data, size_t size); /* varint length first */

/* Bounds-checked reading of the same. After a short read `failed` stays set, results are 0. */
struct hr_reader {
    const uint8_t *pos, *end;
    bool failed;
};
HR_INLINE struct hr_reader hr_reader(const void *data, size_t size)
{
    return (struct hr_reader){(const uint8_t *)data, (const uint8_t *)data + size, false};
}
uint8_t hr_get_u8(struct hr_reader *r);
uint32_t hr_get_u32(struct hr_reader *r);
uint64_t hr_get_u64(struct hr_reader *r);
uint64_t hr_get_varint(struct hr_reader *r);
struct hr_str_view hr_get_bytes(struct hr_reader *r);

#endif
