/* SPDX-License-Identifier: Apache-2.0 */
/* gzip and zlib's own form (Hadoop's DefaultCodec, .deflate), by zlib. */
#include "base/alloc.h"
#include "base/codec_impl.h"
#include "hr_config.h"

#define NAMES_GZIP    .name = "gzip", .suffix = ".gz", .suffixes = ".gz", .library = "zlib"
#define NAMES_DEFLATE                                                                          \
    .name = "deflate", .suffix = ".deflate", .suffixes = ".deflate", .library = "zlib"

#if HR_HAVE_ZLIB
#include <zlib.h>

#define BLOCK_BYTES  (1u << 20)
#define GZIP_BITS    (15 + 16) /* the largest window, gzip's head */
#define ZLIB_BITS    15
#define ANY_HEAD     (15 + 32)
#define MEMORY_LEVEL 8

static hr_status pack(const void *data, size_t size, int bits, struct hr_buf *out,
                      struct hr_err *err)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)data};
    int rc = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, MEMORY_LEVEL,
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

static hr_status pack_gzip(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    return pack(data, size, GZIP_BITS, out, err);
}

static hr_status pack_deflate(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    return pack(data, size, ZLIB_BITS, out, err);
}

static void *unpack_new(void)
{
    z_stream *z = hr_zalloc(sizeof *z);
    if (z && inflateInit2(z, ANY_HEAD) != Z_OK) {
        hr_free(z);
        return NULL;
    }
    return z;
}

static enum codec_step unpack(void *state, struct codec_io *io)
{
    z_stream *z = state;
    unsigned in = (unsigned)io->in_len, out = (unsigned)io->out_len;
    z->next_in = (unsigned char *)(uintptr_t)io->in;
    z->avail_in = in;
    z->next_out = (unsigned char *)io->out;
    z->avail_out = out;
    int rc = inflate(z, Z_NO_FLUSH);
    io->in += in - z->avail_in;
    io->in_len -= in - z->avail_in;
    io->out += out - z->avail_out;
    io->out_len -= out - z->avail_out;
    if (rc == Z_MEM_ERROR) return CODEC_OOM;
    if (rc == Z_STREAM_END) return inflateReset(z) == Z_OK ? CODEC_END : CODEC_OOM;
    return rc == Z_OK || rc == Z_BUF_ERROR ? CODEC_MORE : CODEC_DAMAGED;
}

static void unpack_free(void *state)
{
    inflateEnd(state);
    hr_free(state);
}

const struct hr_codec hr_codec_gzip = {NAMES_GZIP, .pack = pack_gzip, .unpack_new = unpack_new,
                                       .unpack = unpack, .unpack_free = unpack_free};
const struct hr_codec hr_codec_deflate = {NAMES_DEFLATE, .pack = pack_deflate,
                                          .unpack_new = unpack_new, .unpack = unpack,
                                          .unpack_free = unpack_free};
#else
const struct hr_codec hr_codec_gzip = {NAMES_GZIP};
const struct hr_codec hr_codec_deflate = {NAMES_DEFLATE};
#endif
