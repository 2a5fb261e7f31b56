/* SPDX-License-Identifier: Apache-2.0 */
/* bzip2, by libbz2. */
#include "base/alloc.h"
#include "base/codec_impl.h"
#include "hr_config.h"

#define NAMES .name = "bzip2", .suffix = ".bz2", .suffixes = ".bz2 .bzip2", .library = "libbz2"

#if HR_HAVE_BZIP2
#include <bzlib.h>

#define BLOCK_BYTES (1u << 20)
#define LEVEL       9 /* blocks of 900 kB, as Hadoop writes them */

static hr_status pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    bz_stream z = {.next_in = (char *)(uintptr_t)data};
    int rc = BZ2_bzCompressInit(&z, LEVEL, 0, 0);
    if (rc != BZ_OK) return HR_OOM(err);
    size_t left = size; /* not handed over yet */
    while (rc != BZ_STREAM_END) {
        char *to = hr_buf_reserve(out, BLOCK_BYTES);
        if (!to) break;
        if (z.avail_in == 0) {
            z.avail_in = (unsigned)HR_MIN(left, (size_t)1 << 30);
            left -= z.avail_in;
        }
        z.next_out = to;
        z.avail_out = BLOCK_BYTES;
        rc = BZ2_bzCompress(&z, left ? BZ_RUN : BZ_FINISH);
        assert(rc >= 0);
        out->len += BLOCK_BYTES - z.avail_out;
    }
    BZ2_bzCompressEnd(&z);
    return hr_buf_status(out, err);
}

static void *unpack_new(void)
{
    bz_stream *z = hr_zalloc(sizeof *z);
    if (z && BZ2_bzDecompressInit(z, 0, 0) != BZ_OK) {
        hr_free(z);
        return NULL;
    }
    return z;
}

static enum codec_step unpack(void *state, struct codec_io *io)
{
    bz_stream *z = state;
    unsigned in = (unsigned)io->in_len, out = (unsigned)io->out_len;
    z->next_in = (char *)(uintptr_t)io->in;
    z->avail_in = in;
    z->next_out = io->out;
    z->avail_out = out;
    int rc = BZ2_bzDecompress(z);
    io->in += in - z->avail_in;
    io->in_len -= in - z->avail_in;
    io->out += out - z->avail_out;
    io->out_len -= out - z->avail_out;
    if (rc == BZ_OK) return CODEC_MORE;
    if (rc == BZ_MEM_ERROR) return CODEC_OOM;
    if (rc != BZ_STREAM_END) return CODEC_DAMAGED;
    BZ2_bzDecompressEnd(z);
    *z = (bz_stream){0};
    return BZ2_bzDecompressInit(z, 0, 0) == BZ_OK ? CODEC_END : CODEC_OOM;
}

static void unpack_free(void *state)
{
    BZ2_bzDecompressEnd(state);
    hr_free(state);
}

const struct hr_codec hr_codec_bzip2 = {NAMES, .pack = pack, .unpack_new = unpack_new,
                                        .unpack = unpack, .unpack_free = unpack_free};
#else
const struct hr_codec hr_codec_bzip2 = {NAMES};
#endif
