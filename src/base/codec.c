/* SPDX-License-Identifier: Apache-2.0 */
/* Which codec a file needs, and the loop around all of them (codec.h). */
#include "base/codec_impl.h"

#include "base/alloc.h"

#define IN_BYTES (1u << 18)

static const struct hr_codec *const codecs[] = {&hr_codec_gzip, &hr_codec_deflate, &hr_codec_bzip2,
                                                &hr_codec_zstd, &hr_codec_lz4, &hr_codec_snappy};

/* Suffixes of packed files and archives that are known and not unpacked here. */
static const char foreign[] =
    ".xz .lzo .lzo_deflate .lzma .lz .lzh .z .br .zip .jar .7z .rar .tar .tgz .tbz .tbz2 .txz "
    ".tar.gz .tar.bz2 .tar.zst .tar.lz4 .sz .passthrough";

/* Whether the path has a name and ends in one of the suffixes, whose view goes to *ret. */
static bool ends_in(const char *path, const char *suffixes, struct hr_str_view *ret)
{
    const char *name = strrchr(path, '/');
    size_t len = strlen(name ? name + 1 : path);
    for (const char *p = suffixes; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        *ret = hr_svn(p, n);
        if (len > n && strncasecmp(path + strlen(path) - n, p, n) == 0) return true;
        p += n;
    }
    return false;
}

static const struct hr_codec *of_path(const char *path)
{
    struct hr_str_view suffix;
    for (size_t i = 0; i < HR_COUNT(codecs); i++)
        if (ends_in(path, codecs[i]->suffixes, &suffix)) return codecs[i];
    return NULL;
}

const struct hr_codec *hr_codec_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(codecs); i++)
        if (hr_str_eq_nocase(codecs[i]->name, name)) return codecs[i];
    return NULL;
}

const char *hr_codec_suffix(const struct hr_codec *codec)
{
    return codec->suffix;
}

bool hr_codec_packs(const char *path)
{
    struct hr_str_view suffix;
    return of_path(path) || ends_in(path, foreign, &suffix);
}

static hr_status check_built(const struct hr_codec *codec, struct hr_err *err)
{
    if (codec->unpack) return codec->open ? codec->open(err) : HR_OK;
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: this build has no %s", codec->name,
                   codec->library);
}

hr_status hr_codec_pack(const struct hr_codec *codec, const void *data, size_t size,
                        struct hr_buf *out, struct hr_err *err)
{
    HR_TRY(check_built(codec, err));
    HR_TRY(codec->pack(data, size, out, err));
    return hr_buf_status(out, err);
}

struct hr_unpack {
    const struct hr_codec *codec;
    void *state;
    struct hr_env *env;
    const char *path;
    int fd;
    int64_t pos;   /* of the next packed byte to read */
    size_t at, len; /* in: not used yet */
    bool inside;   /* a member that has begun */
    bool eof, done;
    char in[IN_BYTES];
};

/* The first bytes of packed files whose names do not say so. */
static const char *packing_of(const char *bytes, size_t len)
{
    static const struct {
        const char *what, *magic;
        size_t at, len;
    } rows[] = {
        {"gzip", "\x1f\x8b\x08", 0, 3},
        {"bzip2", "1AY&SY", 4, 6}, /* behind BZh9 */
        {"zstd", "\x28\xb5\x2f\xfd", 0, 4},
        {"lz4", "\x04\x22\x4d\x18", 0, 4},
        {"xz", "\xfd" "7zXZ\0", 0, 6},
        {"snappy", "\xff\x06\0\0sNaPpY", 0, 10},
        {"zip", "PK\x03\x04", 0, 4},
        {"7z", "7z\xbc\xaf\x27\x1c", 0, 6},
    };
    for (size_t i = 0; i < HR_COUNT(rows); i++)
        if (len >= rows[i].at + rows[i].len &&
            memcmp(bytes + rows[i].at, rows[i].magic, rows[i].len) == 0)
            return rows[i].what;
    return NULL;
}

static hr_status check_plain(struct hr_env *env, int fd, const char *path, struct hr_err *err)
{
    struct hr_str_view suffix;
    char head[16];
    size_t n;
    if (ends_in(path, foreign, &suffix))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: files packed as %.*s are not supported; .gz, "
                       ".deflate, .bz2, .zst, .lz4 and .snappy are", path, (int)suffix.len,
                       suffix.ptr);
    HR_TRY(env->vt->pread(env, fd, head, sizeof head, 0, &n, err));
    const char *what = packing_of(head, n);
    if (!what) return HR_OK;
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: its first bytes are those of a file packed by "
                   "%s, which its name does not say; give it the suffix", path, what);
}

hr_status hr_unpack_new(struct hr_env *env, int fd, const char *path, struct hr_unpack **ret,
                        struct hr_err *err)
{
    const struct hr_codec *codec = of_path(path);
    struct hr_str_view suffix;
    *ret = NULL;
    if (!codec || ends_in(path, foreign, &suffix)) return check_plain(env, fd, path, err);
    HR_TRY(check_built(codec, err));
    struct hr_unpack *u = hr_alloc(sizeof *u);
    if (!u) return HR_OOM(err);
    memset(u, 0, offsetof(struct hr_unpack, in));
    u->codec = codec;
    u->env = env;
    u->path = path;
    u->fd = fd;
    u->state = codec->unpack_new();
    if (!u->state) {
        hr_free(u);
        return HR_OOM(err);
    }
    *ret = u;
    return HR_OK;
}

static hr_status refill(struct hr_unpack *u, struct hr_err *err)
{
    if (u->at < u->len || u->eof) return HR_OK;
    u->at = 0;
    HR_TRY(u->env->vt->pread(u->env, u->fd, u->in, IN_BYTES, u->pos, &u->len, err));
    u->pos += (int64_t)u->len;
    u->eof = u->len == 0;
    return HR_OK;
}

static hr_status step(struct hr_unpack *u, struct codec_io *io, struct hr_err *err)
{
    HR_TRY(refill(u, err));
    if (u->eof && !u->inside) { /* an empty file has no rows, as Hadoop reads it */
        u->done = true;
        return HR_OK;
    }
    const char *name = u->codec->name;
    size_t room = io->out_len;
    io->in = u->in + u->at;
    io->in_len = u->len - u->at;
    enum codec_step result = u->codec->unpack(u->state, io);
    bool idle = io->out_len == room && io->in_len == u->len - u->at;
    u->at = u->len - io->in_len;
    u->inside = result == CODEC_MORE;
    if (result == CODEC_OOM) return HR_OOM(err);
    if (idle && result == CODEC_MORE && u->eof)
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: the %s data is cut off", u->path, name);
    if (idle || result == CODEC_DAMAGED)
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: the %s data is damaged", u->path, name);
    return HR_OK;
}

hr_status hr_unpack_read(struct hr_unpack *u, void *to, size_t size, size_t *ret_read,
                         struct hr_err *err)
{
    struct codec_io io = {.out = to, .out_len = HR_MIN(size, (size_t)1 << 30)};
    size_t want = io.out_len;
    while (io.out_len && !u->done) HR_TRY(step(u, &io, err));
    *ret_read = want - io.out_len;
    return HR_OK;
}

bool hr_unpack_at_end(const struct hr_unpack *u)
{
    return u->done;
}

void hr_unpack_free(struct hr_unpack *u)
{
    if (!u) return;
    u->codec->unpack_free(u->state);
    hr_free(u);
}
