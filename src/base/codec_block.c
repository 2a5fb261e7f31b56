/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hadoop's block framing, of lz4 and snappy: a block is the number of its plain bytes (big-endian,
 * 4 bytes), then chunks, each with the number of its packed bytes in front, until these make up the
 * plain ones. An .lz4 file in the format of the lz4 program is taken, too: its magic tells.
 */
#include "base/alloc.h"
#include "base/codec_impl.h"
#include "hr_config.h"

#define NAMES_LZ4 .name = "lz4", .suffix = ".lz4", .suffixes = ".lz4", .library = "liblz4"
#define NAMES_SNAPPY                                                                           \
    .name = "snappy", .suffix = ".snappy", .suffixes = ".snappy", .library = "libsnappy"

#if HR_HAVE_LZ4 || HR_HAVE_SNAPPY

#define PLAIN_BYTES (128u << 10) /* of a block that is written; Hadoop reads up to 256 KiB */
#define CHUNK_MAX   (64u << 20)  /* of one that is read, packed or plain */

enum part { SIZE, CHUNK_SIZE, CHUNK, PLAIN, FRAME };

struct blocks {
    /* Unpacks a chunk of at most max plain bytes, behind what is in *out; false: damaged. */
    bool (*decode)(const char *in, size_t len, size_t max, struct hr_buf *out);
    enum part part;
    size_t want;          /* bytes in packed until the part can be used */
    uint64_t left;        /* plain bytes of the block that are to come */
    struct hr_buf packed, plain;
    size_t plain_at;
    void *frames;         /* LZ4F_dctx */
};

static void put_be32(struct hr_buf *out, size_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) hr_buf_putc(out, (char)(v >> shift & 0xff));
}

static size_t get_be32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

/* Blocks of one chunk each. encode packs into room that bound says; it returns the length. */
static hr_status pack_blocks(const char *data, size_t size, size_t (*bound)(size_t),
                             size_t (*encode)(const char *data, size_t size, char *to, size_t room),
                             struct hr_buf *out, struct hr_err *err)
{
    for (size_t at = 0, n; at < size; at += n) {
        n = HR_MIN(size - at, (size_t)PLAIN_BYTES);
        struct hr_buf sizes = {0};
        char *to = hr_buf_reserve(out, 8 + bound(n));
        if (!to) break;
        size_t len = encode(data + at, n, to + 8, bound(n));
        put_be32(&sizes, n);
        put_be32(&sizes, len);
        hr_status status = hr_buf_status(&sizes, err);
        if (!status) memcpy(to, sizes.ptr, 8);
        hr_buf_done(&sizes);
        HR_TRY(status);
        out->len += 8 + len;
    }
    return hr_buf_status(out, err);
}

static struct blocks *blocks_new(bool (*decode)(const char *, size_t, size_t, struct hr_buf *))
{
    struct blocks *b = hr_zalloc(sizeof *b);
    if (!b) return NULL;
    b->decode = decode;
    b->want = 4;
    return b;
}

static void blocks_free(void *state)
{
    struct blocks *b = state;
    hr_buf_done(&b->packed);
    hr_buf_done(&b->plain);
    hr_free(b);
}

static void begin(struct blocks *b, enum part part, size_t want)
{
    hr_buf_clear(&b->packed);
    b->part = part;
    b->want = want;
}

/* All of a part is there. */
static enum codec_step use_part(struct blocks *b)
{
    const char *bytes = b->packed.ptr;
    size_t n = get_be32(bytes);
    switch (b->part) {
    case SIZE:
        b->left = n;
        begin(b, n ? CHUNK_SIZE : SIZE, 4);
        return n ? CODEC_MORE : CODEC_END;
    case CHUNK_SIZE:
        if (n == 0 || n > CHUNK_MAX) return CODEC_DAMAGED;
        begin(b, CHUNK, n);
        return CODEC_MORE;
    default:
        hr_buf_clear(&b->plain);
        b->plain_at = 0;
        if (!b->decode(bytes, b->want, HR_MIN(b->left, (uint64_t)CHUNK_MAX), &b->plain))
            return hr_buf_status(&b->plain, NULL) ? CODEC_OOM : CODEC_DAMAGED;
        b->left -= b->plain.len;
        begin(b, PLAIN, 0);
        return CODEC_MORE;
    }
}

static enum codec_step gather(struct blocks *b, struct codec_io *io)
{
    size_t n = HR_MIN(io->in_len, b->want - b->packed.len);
    hr_buf_append(&b->packed, io->in, n);
    if (hr_buf_status(&b->packed, NULL)) return CODEC_OOM;
    io->in += n;
    io->in_len -= n;
    return b->packed.len < b->want ? CODEC_MORE : use_part(b);
}

static enum codec_step blocks_unpack(void *state, struct codec_io *io)
{
    struct blocks *b = state;
    if (b->part != PLAIN) return gather(b, io);
    size_t n = HR_MIN(io->out_len, b->plain.len - b->plain_at);
    memcpy(io->out, b->plain.ptr + b->plain_at, n);
    io->out += n;
    io->out_len -= n;
    b->plain_at += n;
    if (b->plain_at < b->plain.len) return CODEC_MORE;
    begin(b, b->left ? CHUNK_SIZE : SIZE, 4);
    return b->left ? CODEC_MORE : CODEC_END;
}
#endif

#if HR_HAVE_SNAPPY
#include "late_snappy.h"

static size_t snappy_encode(const char *data, size_t size, char *to, size_t room)
{
    snappy_status status = snappy_compress(data, size, to, &room);
    assert(status == SNAPPY_OK); /* the room is the bound */
    HR_UNUSED(status);
    return room;
}

static size_t snappy_bound(size_t size)
{
    return snappy_max_compressed_length(size);
}

static hr_status snappy_pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    return pack_blocks(data, size, snappy_bound, snappy_encode, out, err);
}

static bool snappy_decode(const char *in, size_t len, size_t max, struct hr_buf *out)
{
    size_t n;
    if (snappy_uncompressed_length(in, len, &n) != SNAPPY_OK || n == 0 || n > max) return false;
    char *to = hr_buf_reserve(out, n);
    if (!to || snappy_uncompress(in, len, to, &n) != SNAPPY_OK) return false;
    out->len += n;
    return true;
}

static void *snappy_new(void)
{
    return blocks_new(snappy_decode);
}

const struct hr_codec hr_codec_snappy = {NAMES_SNAPPY,           .open = hr_late_snappy,
                                         .pack = snappy_pack,    .unpack_new = snappy_new,
                                         .unpack = blocks_unpack, .unpack_free = blocks_free};
#else
const struct hr_codec hr_codec_snappy = {NAMES_SNAPPY};
#endif

#if HR_HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>

static size_t lz4_bound(size_t size)
{
    return (size_t)LZ4_compressBound((int)size);
}

static size_t lz4_encode(const char *data, size_t size, char *to, size_t room)
{
    int n = LZ4_compress_default(data, to, (int)size, (int)room);
    assert(n > 0);
    return (size_t)n;
}

static hr_status lz4_pack(const void *data, size_t size, struct hr_buf *out, struct hr_err *err)
{
    return pack_blocks(data, size, lz4_bound, lz4_encode, out, err);
}

static bool lz4_decode(const char *in, size_t len, size_t max, struct hr_buf *out)
{
    max = HR_MIN(max, len * 255); /* lz4 packs no better: no huge room for a few damaged bytes */
    char *to = hr_buf_reserve(out, max);
    int n = to ? LZ4_decompress_safe(in, to, (int)len, (int)max) : -1;
    if (n <= 0) return false;
    out->len += (size_t)n;
    return true;
}

static void *lz4_new(void)
{
    struct blocks *b = blocks_new(lz4_decode);
    if (b && LZ4F_isError(LZ4F_createDecompressionContext((LZ4F_dctx **)&b->frames,
                                                          LZ4F_VERSION))) {
        blocks_free(b);
        return NULL;
    }
    return b;
}

/* io's bytes, or those of the head that were gathered before. */
static enum codec_step lz4_frame(struct blocks *b, const char *in, size_t *in_len,
                                 struct codec_io *io)
{
    size_t out = io->out_len;
    size_t rc = LZ4F_decompress(b->frames, io->out, &out, in, in_len, NULL);
    io->out += out;
    io->out_len -= out;
    if (LZ4F_isError(rc)) return CODEC_DAMAGED;
    if (rc == 0) begin(b, SIZE, 4);
    return rc == 0 ? CODEC_END : CODEC_MORE;
}

static enum codec_step lz4_unpack(void *state, struct codec_io *io)
{
    static const char magic[] = "\x04\x22\x4d\x18";
    struct blocks *b = state;
    if (b->part == FRAME) {
        size_t n = io->in_len;
        enum codec_step step = lz4_frame(b, io->in, &n, io);
        io->in += n;
        io->in_len -= n;
        return step;
    }
    bool head = b->part == SIZE && io->in_len >= b->want - b->packed.len;
    if (!head) return blocks_unpack(b, io);
    char bytes[4];
    size_t have = b->packed.len, n = sizeof bytes;
    memcpy(bytes, b->packed.ptr ? b->packed.ptr : "", have);
    memcpy(bytes + have, io->in, 4 - have);
    if (memcmp(bytes, magic, 4) != 0) return blocks_unpack(b, io);
    io->in += 4 - have;
    io->in_len -= 4 - have;
    begin(b, FRAME, 0);
    return lz4_frame(b, bytes, &n, io);
}

static void lz4_free(void *state)
{
    LZ4F_freeDecompressionContext(((struct blocks *)state)->frames);
    blocks_free(state);
}

const struct hr_codec hr_codec_lz4 = {NAMES_LZ4, .pack = lz4_pack, .unpack_new = lz4_new,
                                      .unpack = lz4_unpack, .unpack_free = lz4_free};
#else
const struct hr_codec hr_codec_lz4 = {NAMES_LZ4};
#endif
