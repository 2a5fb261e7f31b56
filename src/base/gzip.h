/* SPDX-License-Identifier: Apache-2.0 */
/* Files named .gz: packing a buffer, unpacking a file as it is read. Without zlib both say so. */
#ifndef HR_BASE_GZIP_H
#define HR_BASE_GZIP_H

#include "base/env.h"
#include "base/str.h"

/* The path ends in .gz or .deflate, in any case, as Hadoop takes it. */
bool hr_gzip_named(const char *path);
/* data packed, behind what is in *out. */
hr_status hr_gzip_pack(const void *data, size_t size, struct hr_buf *out,
                       struct hr_err *err) HR_CHECKED;

/* Unpacks the members of an open file one after the other. The file and the path (for messages)
 * stay the caller's and outlive it. One thread. */
struct hr_gunzip;
hr_status hr_gunzip_new(struct hr_env *env, int fd, const char *path, struct hr_gunzip **ret,
                        struct hr_err *err) HR_CHECKED;
/* Up to size bytes; less, or none, at the end. Cut off or damaged: HR_E_IO_FATAL. */
hr_status hr_gunzip_read(struct hr_gunzip *gz, void *to, size_t size, size_t *ret_read,
                         struct hr_err *err) HR_CHECKED;
bool hr_gunzip_at_end(const struct hr_gunzip *gz);
void hr_gunzip_free(struct hr_gunzip *gz); /* NULL is fine */

#endif
