/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of a byte stream cut into lines, for the formats that are made of them. A line ends at
 * \n, \r\n, \r, or at a separator of the user's. Lines lie in the block that was fed, or, where a
 * block's end cut them, in a buffer of their own; batches hold both.
 */
#ifndef HR_FORMAT_LINES_H
#define HR_FORMAT_LINES_H

#include "column/column.h"

struct hr_lines {
    struct hr_buffer *buffer;  /* the block */
    struct hr_buffer *joined;  /* the last line that was put together */
    const char *pos, *end;
    const char *separator;     /* NULL: the usual ends */
    size_t max_bytes;          /* a longer line is HR_E_LIMIT */
    struct hr_buf carry;
    bool last, has_cr, skip_lf, whole;
    /* Places in all that was fed: of the block, the carry, and the line that was given last. */
    int64_t fed, block_at, carry_at, line_at;
    const char *block;
};

/* whole: all of the stream is one line. */
void hr_lines_init(struct hr_lines *lines, const char *separator, bool whole, size_t max_bytes);
void hr_lines_done(struct hr_lines *lines);
hr_status hr_lines_feed(struct hr_lines *lines, struct hr_buffer *buffer, const char *data,
                        size_t size, bool last, struct hr_err *err) HR_CHECKED;
/* *ret_more false: no whole line is left. The line is valid as long as ret_buffer lives. */
hr_status hr_lines_next(struct hr_lines *lines, struct hr_str_view *ret_line,
                        struct hr_buffer **ret_buffer, bool *ret_more,
                        struct hr_err *err) HR_CHECKED;

/* text as valid UTF-8: itself, or a copy in the arena with U+FFFD for what is none. ptr NULL: out
 * of memory. */
struct hr_str_view hr_lines_utf8(struct hr_arena *arena, struct hr_str_view text);

#endif
