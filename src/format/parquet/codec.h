/* SPDX-License-Identifier: Apache-2.0 */
/* Packed pages. */
#ifndef HR_FORMAT_PARQUET_CODEC_H
#define HR_FORMAT_PARQUET_CODEC_H

#include "base/str.h"

/* In front of all else. HR_E_NOT_SUPPORTED: there is no such codec here. */
hr_status pq_codec_open(int32_t codec, struct hr_err *err) HR_CHECKED;
/* Exactly plain bytes; false: the data are damaged. */
bool pq_unpack(int32_t codec, const void *data, size_t size, void *to, size_t plain);
/* Behind what is in out. level 0: the codec's own. */
hr_status pq_pack(int32_t codec, int level, const void *data, size_t size, struct hr_buf *out,
                  struct hr_err *err) HR_CHECKED;

#endif
