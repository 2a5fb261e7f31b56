/* SPDX-License-Identifier: Apache-2.0 */
/* The files of web/, in the program's read-only data: made by tools/assets. */
#ifndef HR_SERVE_HTTP_ASSETS_H
#define HR_SERVE_HTTP_ASSETS_H

#include <stddef.h>

struct hr_asset {
    const char *name; /* "app.js" */
    const char *type;
    const unsigned char *data, *end;
    const unsigned char *packed, *packed_end; /* the same by gzip */
};
extern const struct hr_asset hr_assets[]; /* ended by a row without name */
extern const char hr_assets_hash[];       /* of all of them: a part of their addresses */

#endif
