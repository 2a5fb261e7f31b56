/* SPDX-License-Identifier: Apache-2.0 */
/* gzip over zlib (gzip.h). */
#include "base/gzip.h"

#include "base/alloc.h"
#include "hr_config.h"

bool hr_gzip_named(const char *path)
{
    size_t len = strlen(path);
    return (len > 3 && hr_str_eq_nocase(path + len - 3, ".gz")) ||
           (len > 8 && hr_str_eq_nocase(path + len - 8, ".deflate"));
}

#if HR_HAVE_ZLIB
#include <zlib.h>

#define BLOCK_BYTES  (1u << 20)
#define GZIP_BITS    (15 + 16) /* the largest window, gzip's head */
#define ANY_HEAD     (15 + 32)
#define MEMORY_LEVEL 8

hr_status hr_gzip_pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)data};
    int rc = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_BITS, MEMORY_LEVEL,
                          Z_DEFAULT_STRATEGY);
    if (rc != Z_OK) return HR_OOM(err);
    size_t left = size; /* not handed to deflate yet */
    while (rc == Z_OK) {
        char *to = hr_buf_reserve(out, BLOCK_BYTES);
        if (!to) break;
        if (z.avail_in == 0) {
            z.avail_in = (unsigned)HR_MIN(left, (size_t)1 << 30);
            left -= z.avail_in;
        }
        z.next_out = (unsigned char *)to;
        z.avail_out = BLOCK_BYTES;
        rc = deflate(&z, left ? Z_NO_FLUSH : Z_FINISH);
        out->len += BLOCK_BYTES - z.avail_out;
    }
    deflateEnd(&z);
    return hr_buf_status(out, err);
}

struct hr_gunzip {
    struct hr_env *env;
    const char *path;
    int fd;
    int64_t pos; /* of the next packed byte to read */
    z_stream z;
    bool done;
    unsigned char in[BLOCK_BYTES];
};

hr_status hr_gunzip_new(struct hr_env *env, int fd, const char *path, struct hr_gunzip **ret,
                        struct hr_err *err)
{
    struct hr_gunzip *gz = hr_alloc(sizeof *gz);
    if (!gz) return HR_OOM(err);
    gz->env = env;
    gz->path = path;
    gz->fd = fd;
    gz->pos = 0;
    gz->z = (z_stream){.avail_in = 0};
    gz->done = false;
    if (inflateInit2(&gz->z, ANY_HEAD) != Z_OK) {
        hr_free(gz);
        return HR_OOM(err);
    }
    *ret = gz;
    return HR_OK;
}

/* More packed bytes; *ret_none: there are none. */
static hr_status refill(struct hr_gunzip *gz, bool *ret_none, struct hr_err *err)
{
    size_t n = 0;
    *ret_none = false;
    if (gz->z.avail_in) return HR_OK;
    HR_TRY(gz->env->vt->pread(gz->env, gz->fd, gz->in, BLOCK_BYTES, gz->pos, &n, err));
    gz->pos += (int64_t)n;
    gz->z.next_in = gz->in;
    gz->z.avail_in = (unsigned)n;
    *ret_none = n == 0;
    return HR_OK;
}

hr_status hr_gunzip_read(struct hr_gunzip *gz, void *to, size_t size, size_t *ret_read,
                         struct hr_err *err)
{
    unsigned want = (unsigned)HR_MIN(size, (size_t)1 << 30);
    gz->z.next_out = to;
    gz->z.avail_out = want;
    while (gz->z.avail_out > 0 && !gz->done) {
        bool none;
        HR_TRY(refill(gz, &none, err));
        if (none && gz->pos == 0) { /* an empty file has no rows, as Hadoop reads it */
            gz->done = true;
            break;
        }
        if (none) return HR_FAIL(err, HR_E_IO_FATAL, "%s: the gzip data is cut off", gz->path);
        int rc = inflate(&gz->z, Z_NO_FLUSH);
        if (rc == Z_STREAM_END) {
            /* members may follow one another */
            HR_TRY(refill(gz, &none, err));
            gz->done = none || inflateReset(&gz->z) != Z_OK;
        } else if (rc != Z_OK) {
            return HR_FAIL(err, HR_E_IO_FATAL, "%s: the gzip data is damaged", gz->path);
        }
    }
    *ret_read = want - gz->z.avail_out;
    return HR_OK;
}

bool hr_gunzip_at_end(const struct hr_gunzip *gz)
{
    return gz->done;
}

void hr_gunzip_free(struct hr_gunzip *gz)
{
    if (!gz) return;
    inflateEnd(&gz->z);
    hr_free(gz);
}

#else

static hr_status not_built(struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "gzip: this build has no zlib");
}

hr_status hr_gzip_pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    HR_UNUSED(data), HR_UNUSED(size), HR_UNUSED(out);
    return not_built(err);
}

hr_status hr_gunzip_new(struct hr_env *env, int fd, const char *path, struct hr_gunzip **ret,
                        struct hr_err *err)
{
    HR_UNUSED(env), HR_UNUSED(fd), HR_UNUSED(path), HR_UNUSED(ret);
    return not_built(err);
}

hr_status hr_gunzip_read(struct hr_gunzip *gz, void *to, size_t size, size_t *ret_read,
                         struct hr_err *err)
{
    HR_UNUSED(gz), HR_UNUSED(to), HR_UNUSED(size), HR_UNUSED(ret_read);
    return not_built(err);
}

bool hr_gunzip_at_end(const struct hr_gunzip *gz)
{
    HR_UNUSED(gz);
    return true;
}

void hr_gunzip_free(struct hr_gunzip *gz)
{
    HR_UNUSED(gz);
}

#endif
