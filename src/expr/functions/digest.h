/* SPDX-License-Identifier: Apache-2.0 */
/* The digests that SQL functions need; not for secrets. */
#ifndef HR_EXPR_FUNCTIONS_DIGEST_H
#define HR_EXPR_FUNCTIONS_DIGEST_H

#include "base/base.h"

void hr_md5(const void *data, size_t len, uint8_t ret[16]);
void hr_sha1(const void *data, size_t len, uint8_t ret[20]);
/* bits: 224, 256, 384 or 512. */
void hr_sha2(const void *data, size_t len, int bits, uint8_t ret[64]);
uint32_t hr_crc32_ieee(const void *data, size_t len);

#endif
