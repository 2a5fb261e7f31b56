/* SPDX-License-Identifier: Apache-2.0 */
/* What a codec is: a new one is a struct hr_codec in a codec_*.c and its row in codec.c. */
#ifndef HR_BASE_CODEC_IMPL_H
#define HR_BASE_CODEC_IMPL_H

#include "base/codec.h"

/* Packed bytes not read yet, room for plain ones; both advance as they are used. */
struct codec_io {
    const char *in;
    size_t in_len;
    char *out;
    size_t out_len;
};

enum codec_step {
    CODEC_MORE, /* go on, with more of what was used up */
    CODEC_END,  /* of a member; another may follow */
    CODEC_DAMAGED,
    CODEC_OOM,
};

struct hr_codec {
    const char *name;     /* Spark's */
    const char *suffix;   /* of files that are written */
    const char *suffixes; /* that are read, blanks between them */
    const char *library;  /* for the message of a build without it */
    hr_status (*open)(struct hr_err *err); /* opens the library (base/late.h); NULL: it is linked */
    /* NULL, all of them: not built. */
    hr_status (*pack)(const void *data, size_t size, struct hr_buf *out, struct hr_err *err);
    void *(*unpack_new)(void); /* NULL: no memory */
    /* Uses some of the input or fills some of the output, or says that it cannot. */
    enum codec_step (*unpack)(void *state, struct codec_io *io);
    void (*unpack_free)(void *state);
};

extern const struct hr_codec hr_codec_gzip, hr_codec_deflate, hr_codec_bzip2, hr_codec_zstd,
    hr_codec_lz4, hr_codec_snappy;

#endif
