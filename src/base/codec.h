/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed files: which codec a name says, packing a buffer, unpacking a file as it is read. The
 * codecs and their suffixes are Hadoop's: what Spark writes is read, and the other way round.
 */
#ifndef HR_BASE_CODEC_H
#define HR_BASE_CODEC_H

#include "base/env.h"
#include "base/str.h"

struct hr_codec;
/* For an option table: the names that hr_codec_find knows, and those of no codec. */
#define HR_CODEC_NAMES "none|uncompressed|gzip|bzip2|deflate|zstd|lz4|snappy"

/* By Spark's short name, in any case; NULL: there is none, or the name of none. */
const struct hr_codec *hr_codec_find(const char *name);
/* With its dot: ".gz". */
const char *hr_codec_suffix(const struct hr_codec *codec);
/* The path ends in a suffix of packed files, known here or not. In any case of letters. */
bool hr_codec_packs(const char *path);
/* data packed, behind what is in *out, as a member that may follow others. NOT_SUPPORTED when this
 * build lacks the library. */
hr_status hr_codec_pack(const struct hr_codec *codec, const void *data, size_t size,
                        struct hr_buf *out, struct hr_err *err) HR_CHECKED;

/* Unpacks the members of an open file one after the other. The file and the path (for messages)
 * stay the caller's and outlive it. One thread. */
struct hr_unpack;
/* By the suffix of the path; *ret is NULL for a file that is not packed. NOT_SUPPORTED: the suffix
 * says a packing that is not known here, or the name says none and the first bytes are those of a
 * packed file. */
hr_status hr_unpack_new(struct hr_env *env, int fd, const char *path, struct hr_unpack **ret,
                        struct hr_err *err) HR_CHECKED;
/* Up to size bytes; none, or less, at the end. Cut off or damaged: HR_E_IO_FATAL. */
hr_status hr_unpack_read(struct hr_unpack *u, void *to, size_t size, size_t *ret_read,
                         struct hr_err *err) HR_CHECKED;
bool hr_unpack_at_end(const struct hr_unpack *u);
void hr_unpack_free(struct hr_unpack *u); /* NULL is fine */

#endif
