/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a decoder, or a sink, puts a record that it cannot take, beside what the mode makes of it.
 * Who gives one to a decoder knows what a place in its bytes is (operator/dead_letters.h).
 *
 * Threads: as the decoder that has it.
 */
#ifndef HR_BASE_BAD_ROWS_H
#define HR_BASE_BAD_ROWS_H

#include "base/str.h"

struct hr_bad_rows {
    /* raw: the record's bytes, borrowed. at: in a stream of bytes where it begins, from the first
     * byte that was fed; of messages its number in the call. why: a few words. */
    hr_status (*put)(struct hr_bad_rows *, struct hr_str_view raw, int64_t at, const char *why,
                     struct hr_err *);
};

/* bad NULL: nobody asks. */
HR_INLINE hr_status hr_bad_row(struct hr_bad_rows *bad, struct hr_str_view raw, int64_t at,
                               const char *why, struct hr_err *err)
{
    return bad ? bad->put(bad, raw, at, why, err) : HR_OK;
}

#endif
