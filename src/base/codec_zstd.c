/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard, by libzstd. */
#include "base/codec_impl.h"
#include "hr_config.h"

#define NAMES .name = "zstd", .suffix = ".zst", .suffixes = ".zst .zstd", .library = "libzstd"

#if HR_HAVE_ZSTD
#include <zstd.h>

#define LEVEL 3 /* Hadoop's */

static hr_status pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    size_t bound = ZSTD_compressBound(size);
    char *to = hr_buf_reserve(out, bound);
    if (!to) return hr_buf_status(out, err);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (!z) return HR_OOM(err);
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1); /* else a changed byte may go unseen */
    size_t n = ZSTD_compress2(z, to, bound, data, size);
    ZSTD_freeCCtx(z);
    if (ZSTD_isError(n)) return HR_OOM(err);
    out->len += n;
    return HR_OK;
}

static void *unpack_new(void)
{
    return ZSTD_createDStream();
}

static enum codec_step unpack(void *state, struct codec_io *io)
{
    ZSTD_inBuffer in = {io->in, io->in_len, 0};
    ZSTD_outBuffer out = {io->out, io->out_len, 0};
    size_t rc = ZSTD_decompressStream(state, &out, &in);
    io->in += in.pos;
    io->in_len -= in.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    if (ZSTD_isError(rc)) return CODEC_DAMAGED;
    return rc == 0 ? CODEC_END : CODEC_MORE;
}

static void unpack_free(void *state)
{
    ZSTD_freeDStream(state);
}

const struct hr_codec hr_codec_zstd = {NAMES, .pack = pack, .unpack_new = unpack_new,
                                       .unpack = unpack, .unpack_free = unpack_free};
#else
const struct hr_codec hr_codec_zstd = {NAMES};
#endif
