/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums of manifest files, where and as Hadoop's local file system keeps them, so that Spark
 * checks ours and we check Spark's: .<name>.crc beside the file.
 *
 *   "crc\0" │ 512 (bytes a sum covers, big-endian u32) │ CRC-32 big-endian, for each 512 bytes
 *
 * The sums are written after their file has appeared: a crash in between leaves a file that is not
 * checked, never one that is refused for nothing. One that is missing or was never filled (a power
 * failure) says nothing.
 */
#include "base/plant.h"
#include "connector/file/file.h"

#define SUM_COVERS 512

/* CRC-32 as in zlib, four bits at a time: manifests are small. */
static uint32_t crc32_of(uint32_t before, const char *data, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = ~before;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void put_big(struct hr_buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) hr_buf_put_u8(out, (uint8_t)(value >> shift));
}

static void put_head(struct hr_buf *out)
{
    hr_buf_append(out, "crc", 4);
    put_big(out, SUM_COVERS);
}

void hr_file_sums_add(struct file_sums *sums, struct hr_str_view content)
{
    if (sums->out.len == 0) put_head(&sums->out);
    for (size_t at = 0; at < content.len;) {
        size_t size = HR_MIN(content.len - at, SUM_COVERS - sums->pending);
        sums->crc = crc32_of(sums->crc, content.ptr + at, size);
        sums->pending += size;
        at += size;
        if (sums->pending < SUM_COVERS) continue;
        put_big(&sums->out, sums->crc);
        sums->crc = 0;
        sums->pending = 0;
    }
}

void hr_file_sums_done(struct file_sums *sums)
{
    hr_buf_done(&sums->out);
}

static void finish(struct file_sums *sums)
{
    if (sums->out.len == 0) put_head(&sums->out);
    if (sums->pending) put_big(&sums->out, sums->crc);
    sums->pending = 0;
}

static const char *sums_path(struct hr_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return hr_arena_printf(arena, "%.*s/.%s.crc", (int)(slash - path), path, slash + 1);
}

hr_status hr_file_sums_write(struct hr_env *env, struct hr_arena *arena, const char *path,
                             struct file_sums *sums, struct hr_err *err)
{
    const char *name = sums_path(arena, path);
    int fd;
    if (!name) return HR_OOM(err);
    finish(sums);
    HR_TRY(hr_buf_status(&sums->out, err));
    HR_TRY(env->vt->open(env, name, HR_OPEN_CREATE, &fd, err));
    hr_status status = env->vt->pwrite(env, fd, sums->out.ptr, sums->out.len, 0, err);
    /* Within a sector it is written as a whole or not at all. */
    if (!status && sums->out.len > SUM_COVERS) status = env->vt->fdatasync(env, fd, err);
    hr_status closed = env->vt->close(env, fd, status ? NULL : err);
    return status ? status : closed;
}

static bool says_nothing(const struct hr_buf *sums)
{
    for (size_t i = 0; i < sums->len; i++)
        if (sums->ptr[i]) return false;
    return true;
}

hr_status hr_file_sums_check(struct hr_env *env, struct hr_arena *arena, const char *path,
                             struct hr_str_view content, struct hr_err *err)
{
    const char *name = sums_path(arena, path);
    struct file_sums expected = {0};
    struct hr_buf sums = {0};
    if (!name) return HR_OOM(err);
    hr_status status = hr_env_read_file(env, name, &sums, err);
    if (status == HR_E_NOT_FOUND) {
        if (err) hr_err_init(err);
        hr_buf_done(&sums);
        return HR_OK;
    }
    hr_file_sums_add(&expected, content);
    finish(&expected);
    if (!status) status = hr_buf_status(&expected.out, err);
    if (!status && !says_nothing(&sums) && !HR_PLANTED(SUMS_ANY) &&
        !hr_sv_eq(hr_svn(sums.ptr, sums.len), hr_svn(expected.out.ptr, expected.out.len)))
        status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why",
                          "its checksums are wrong");
    hr_buf_done(&sums);
    hr_file_sums_done(&expected);
    return status;
}

void hr_file_sums_remove(struct hr_env *env, struct hr_arena *arena, const char *path)
{
    const char *name = sums_path(arena, path);
    struct hr_err ignored;
    hr_err_init(&ignored);
    /* One left behind is harmless: its file's name does not come again. */
    if (name && env->vt->unlink(env, name, &ignored) != HR_OK) return;
}
