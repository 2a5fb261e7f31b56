/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: validation and code-point counting; fast paths for ASCII. */
#ifndef HR_BASE_UTF8_H
#define HR_BASE_UTF8_H

#include "base/str.h"

bool hr_utf8_valid(const char *text, size_t len);
/* Code points; each byte that starts none counts as one. */
size_t hr_utf8_count(const char *text, size_t len);
/* Byte offset of the code point number index (len when beyond the end). */
size_t hr_utf8_offset(const char *text, size_t len, size_t index);
/* Decodes one code point; returns its bytes (1 for an invalid byte, U+FFFD). */
size_t hr_utf8_decode(const char *text, size_t len, uint32_t *ret_code_point);
/* Writes up to 4 bytes; returns their number. */
size_t hr_utf8_encode(uint32_t code_point, char *out);

#endif
