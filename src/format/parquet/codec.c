/* SPDX-License-Identifier: Apache-2.0 */
/* Packed pages: snappy, gzip, zstd, LZ4 in its three forms. */
#include "format/parquet/codec.h"

#include "format/parquet/meta.h"
#include "hr_config.h"

#if HR_HAVE_SNAPPY
#include "late_snappy.h"
#endif
#if HR_HAVE_ZSTD
#include <zstd.h>
#endif
#if HR_HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#endif
#if HR_HAVE_ZLIB
#include <zlib.h>
#endif

static const char *refusal(int32_t codec)
{
    switch (codec) {
    case PQ_CODEC_NONE: return NULL;
    case PQ_CODEC_SNAPPY: return HR_HAVE_SNAPPY ? NULL : "snappy (this build is without libsnappy)";
    case PQ_CODEC_GZIP: return HR_HAVE_ZLIB ? NULL : "gzip (this build is without zlib)";
    case PQ_CODEC_LZ4:
    case PQ_CODEC_LZ4_RAW: return HR_HAVE_LZ4 ? NULL : "lz4 (this build is without liblz4)";
    case PQ_CODEC_ZSTD: return HR_HAVE_ZSTD ? NULL : "zstd (this build is without libzstd)";
    case PQ_CODEC_LZO: return "lzo";
    case PQ_CODEC_BROTLI: return "brotli";
    default: return "of an unknown number";
    }
}

hr_status pq_codec_open(int32_t codec, struct hr_err *err)
{
    const char *why = refusal(codec);
    if (why)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "Parquet's codec %s is not supported", why);
#if HR_HAVE_SNAPPY
    if (codec == PQ_CODEC_SNAPPY) return hr_late_snappy(err);
#endif
    return HR_OK;
}

#if HR_HAVE_ZLIB
/* gzip with any number of members, or zlib, as some writers have it. */
static bool gunzip(const void *data, size_t size, void *to, size_t plain)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)size,
                  .next_out = to,
                  .avail_out = (uInt)plain};
    if (inflateInit2(&z, 47) != Z_OK) return false;
    int rc = Z_STREAM_END;
    while (rc == Z_STREAM_END && z.avail_in) {
        rc = inflate(&z, Z_FINISH);
        if (rc == Z_STREAM_END && z.avail_in && inflateReset(&z) != Z_OK) break;
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END && z.avail_out == 0;
}

static hr_status gzip(int level, const void *data, size_t size, struct hr_buf *out,
                      struct hr_err *err)
{
    z_stream z = {0};
    if (deflateInit2(&z, level ? level : Z_DEFAULT_COMPRESSION, Z_DEFLATED, 31, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return HR_OOM(err);
    size_t bound = deflateBound(&z, size);
    char *to = hr_buf_reserve(out, bound);
    int rc = Z_STREAM_END;
    if (to) {
        z.next_in = (Bytef *)(uintptr_t)data;
        z.avail_in = (uInt)size;
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)bound;
        rc = deflate(&z, Z_FINISH);
        out->len += bound - z.avail_out;
    }
    deflateEnd(&z);
    return rc == Z_STREAM_END ? hr_buf_status(out, err) : HR_BUG(err, "deflate: %d", rc);
}
#endif

#if HR_HAVE_LZ4
static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool lz4_block(const void *data, size_t size, void *to, size_t plain)
{
    return size <= INT32_MAX && plain <= INT32_MAX &&
           LZ4_decompress_safe(data, to, (int)size, (int)plain) == (int)plain;
}

/* Hadoop's: blocks of [plain bytes, big-endian][packed bytes][data] … until the plain ones are
 * there. All sizes must agree: the codec's number does not say which form it is. */
static bool lz4_hadoop(const uint8_t *p, size_t size, char *to, size_t plain)
{
    const uint8_t *end = p + size;
    while (end - p >= 8) {
        size_t block = be32(p);
        if (block > plain) return false;
        for (p += 4; block;) {
            if (end - p < 4) return false;
            size_t packed = be32(p);
            p += 4;
            if (packed > (size_t)(end - p) || packed > INT32_MAX) return false;
            int n = LZ4_decompress_safe((const char *)p, to, (int)packed, (int)block);
            if (n <= 0) return false;
            p += packed;
            to += n;
            block -= (size_t)n;
            plain -= (size_t)n;
        }
    }
    return p == end && plain == 0;
}

static bool lz4_frame(const void *data, size_t size, void *to, size_t plain)
{
    LZ4F_dctx *dctx;
    size_t in = size, out = plain;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&dctx, LZ4F_VERSION))) return false;
    size_t rc = LZ4F_decompress(dctx, to, &out, data, &in, NULL);
    LZ4F_freeDecompressionContext(dctx);
    return rc == 0 && out == plain;
}
#endif

#if HR_HAVE_ZSTD
static bool unzstd(const void *data, size_t size, void *to, size_t plain)
{
    return ZSTD_decompress(to, plain, data, size) == plain;
}
#endif

bool pq_unpack(int32_t codec, const void *data, size_t size, void *to, size_t plain)
{
    switch (codec) {
    case PQ_CODEC_NONE:
        if (size == plain) memcpy(to, data, size);
        return size == plain;
#if HR_HAVE_SNAPPY
    case PQ_CODEC_SNAPPY: {
        size_t n = 0;
        if (snappy_uncompressed_length(data, size, &n) != SNAPPY_OK || n != plain) return false;
        return snappy_uncompress(data, size, to, &n) == SNAPPY_OK && n == plain;
    }
#endif
#if HR_HAVE_ZLIB
    case PQ_CODEC_GZIP: return gunzip(data, size, to, plain);
#endif
#if HR_HAVE_ZSTD
    case PQ_CODEC_ZSTD: return unzstd(data, size, to, plain);
#endif
#if HR_HAVE_LZ4
    case PQ_CODEC_LZ4:
        return lz4_hadoop(data, size, to, plain) || lz4_block(data, size, to, plain) ||
               lz4_frame(data, size, to, plain);
    case PQ_CODEC_LZ4_RAW: return lz4_block(data, size, to, plain);
#endif
    default: return false;
    }
}

hr_status pq_pack(int32_t codec, int level, const void *data, size_t size, struct hr_buf *out,
                  struct hr_err *err)
{
    char *to;
    HR_UNUSED(level);
    HR_UNUSED(to);
    switch (codec) {
    case PQ_CODEC_NONE: hr_buf_append(out, data, size); return hr_buf_status(out, err);
#if HR_HAVE_SNAPPY
    case PQ_CODEC_SNAPPY: {
        size_t n = snappy_max_compressed_length(size);
        if ((to = hr_buf_reserve(out, n)) && snappy_compress(data, size, to, &n) == SNAPPY_OK)
            out->len += n;
        return hr_buf_status(out, err);
    }
#endif
#if HR_HAVE_ZLIB
    case PQ_CODEC_GZIP: return gzip(level, data, size, out, err);
#endif
#if HR_HAVE_ZSTD
    case PQ_CODEC_ZSTD: {
        size_t n = ZSTD_compressBound(size);
        if (!(to = hr_buf_reserve(out, n))) return hr_buf_status(out, err);
        n = ZSTD_compress(to, n, data, size, level ? level : ZSTD_CLEVEL_DEFAULT);
        if (ZSTD_isError(n)) return HR_OOM(err);
        out->len += n;
        return HR_OK;
    }
#endif
#if HR_HAVE_LZ4
    case PQ_CODEC_LZ4_RAW: {
        int n = LZ4_compressBound((int)size);
        if (!(to = hr_buf_reserve(out, (size_t)n + 1))) return hr_buf_status(out, err);
        out->len += (size_t)LZ4_compress_default(data, to, (int)size, n);
        return HR_OK;
    }
#endif
    default: return HR_BUG(err, "no codec %d", codec);
    }
}
