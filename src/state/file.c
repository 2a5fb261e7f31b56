/* SPDX-License-Identifier: Apache-2.0 */
#include "state/file.h"

#include <assert.h>

#include "base/hash.h"
#include "hr_config.h"

#ifdef HR_HAVE_LZ4
#include <lz4.h>
#endif

#define MAGIC_OLD     "HRST" /* one frame without a checksum of its own */
#define MAGIC         "HRS2"
#define MAGIC_BYTES   4
#define FRAME_BYTES   21 /* codec u8, raw size u64, packed size u64, crc32c u32 */
#define RAW_MAX_BYTES (UINT64_C(1) << 40)
#define LZ4_MIN_RATIO 255 /* LZ4 packs no byte into less than a 255th */

enum { CODEC_NONE = 0, CODEC_LZ4 = 1 };

/* ---- writing ---- */

static uint8_t pack(struct hr_str_view raw, struct hr_buf *out)
{
#ifdef HR_HAVE_LZ4
    if (raw.len < LZ4_MAX_INPUT_SIZE) {
        int bound = LZ4_compressBound((int)raw.len);
        char *to = hr_buf_reserve(out, (size_t)bound);
        if (to) out->len += (size_t)LZ4_compress_default(raw.ptr, to, (int)raw.len, bound);
        return CODEC_LZ4;
    }
#endif
    hr_buf_append(out, raw.ptr, raw.len);
    return CODEC_NONE;
}

static uint32_t frame_crc(const void *head, const void *packed, size_t size)
{
    return hr_crc32c(hr_crc32c(0, head, FRAME_BYTES - 4), packed, size);
}

void hr_state_file_put(struct hr_buf *out, struct hr_str_view raw)
{
    struct hr_buf packed, head;
    hr_buf_init(&packed, 0);
    hr_buf_init(&head, 0);
    if (out->len == 0) hr_buf_append(out, MAGIC, MAGIC_BYTES);
    assert(out->len >= MAGIC_BYTES || out->failed);
    uint8_t codec = pack(raw, &packed);
    hr_buf_put_u8(&head, codec);
    hr_buf_put_u64(&head, raw.len);
    hr_buf_put_u64(&head, packed.len);
    if (packed.failed || head.failed) {
        out->failed = true;
    } else {
        assert(head.len == FRAME_BYTES - 4);
        hr_buf_put_u32(&head, frame_crc(head.ptr, packed.ptr, packed.len));
        hr_buf_append(out, head.ptr, head.len);
        hr_buf_append(out, packed.ptr, packed.len);
    }
    hr_buf_done(&head);
    hr_buf_done(&packed);
}

/* ---- reading ---- */

static hr_status damaged(const char *path, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", why);
}

static hr_status unpack(const char *path, uint8_t codec, uint64_t raw_size,
                        struct hr_str_view packed, struct hr_buf *out, struct hr_err *err)
{
    /* A size is believed only as far as these bytes can have made it. */
    uint64_t most = codec == CODEC_LZ4 ? (uint64_t)packed.len * LZ4_MIN_RATIO + 64 : packed.len;
    if (raw_size > RAW_MAX_BYTES || raw_size > most || codec > CODEC_LZ4)
        return damaged(path, "it is no state file", err);
    hr_buf_clear(out);
    char *to = hr_buf_reserve(out, raw_size + 1);
    if (!to) return hr_buf_status(out, err);
    bool good = false;
    if (codec == CODEC_NONE && packed.len == raw_size) {
        if (raw_size) memcpy(to, packed.ptr, raw_size);
        good = true;
    }
#ifdef HR_HAVE_LZ4
    if (codec == CODEC_LZ4 && raw_size < LZ4_MAX_INPUT_SIZE && packed.len < LZ4_MAX_INPUT_SIZE)
        good = LZ4_decompress_safe(packed.ptr, to, (int)packed.len, (int)raw_size) == (int)raw_size;
#else
    if (codec == CODEC_LZ4)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "%s is compressed with LZ4, which this build is without", path);
#endif
    if (!good) return damaged(path, "its content cannot be unpacked", err);
    assert(out->len == 0); /* the frame before is gone */
    out->len += raw_size;
    return HR_OK;
}

/* The next frame's bytes into raw. */
static hr_status next_frame(const char *path, struct hr_reader *in, bool is_old, struct hr_buf *raw,
                            struct hr_err *err)
{
    const uint8_t *head = in->pos;
    uint8_t codec = hr_get_u8(in);
    uint64_t raw_size = hr_get_u64(in);
    uint64_t packed_size = is_old ? (uint64_t)(in->end - in->pos) : hr_get_u64(in);
    uint32_t crc = is_old ? 0 : hr_get_u32(in);
    if (in->failed || packed_size > (uint64_t)(in->end - in->pos))
        return damaged(path, "it is cut short", err);
    if (!is_old && crc != frame_crc(head, in->pos, packed_size))
        return damaged(path, "its checksum is wrong", err);
    struct hr_str_view packed = {(const char *)in->pos, packed_size};
    in->pos += packed_size;
    return unpack(path, codec, raw_size, packed, raw, err);
}

hr_status hr_state_file_read(const char *path, struct hr_str_view file,
                             hr_status (*fn)(void *arg, struct hr_str_view raw, struct hr_err *err),
                             void *arg, struct hr_err *err)
{
    if (file.len < MAGIC_BYTES) return damaged(path, "it is cut short", err);
    bool is_old = memcmp(file.ptr, MAGIC_OLD, MAGIC_BYTES) == 0;
    if (!is_old && memcmp(file.ptr, MAGIC, MAGIC_BYTES) != 0)
        return damaged(path, "it is no state file", err);
    struct hr_reader in = hr_reader(file.ptr, file.len);
    in.pos += MAGIC_BYTES;
    if (in.pos == in.end) return damaged(path, "it is cut short", err);
    struct hr_buf raw;
    hr_buf_init(&raw, (size_t)64 << 30);
    hr_status status = HR_OK;
    while (status == HR_OK && in.pos < in.end) {
        status = next_frame(path, &in, is_old, &raw, err);
        if (status == HR_OK) status = fn(arg, hr_svn(raw.ptr ? raw.ptr : "", raw.len), err);
    }
    hr_buf_done(&raw);
    return status;
}
