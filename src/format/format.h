/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats: bytes ↔ batches. A decoder takes blocks of a byte stream (files, sockets) or separate
 * messages (Kafka values) and gives batches whose strings point into those bytes.
 *
 * A damaged record is not an error of the call: by the mode it becomes NULLs with the text in the
 * corrupt-record column (PERMISSIVE), is dropped and counted (DROPMALFORMED), or stops the query
 * with HR_E_MALFORMED_RECORD (FAILFAST).
 */
#ifndef HR_FORMAT_FORMAT_H
#define HR_FORMAT_FORMAT_H

#include "base/options.h"
#include "expr/expr.h"

struct hr_format_args {
    const struct hr_conf *conf;
    const struct hr_options *options;
    const struct hr_type *schema; /* all columns of the table */
    const struct hr_type *wanted; /* the columns to produce, by name; NULL: schema */
    uint32_t batch_rows;
    struct hr_mem *mem;
    _Atomic int64_t *malformed_rows; /* may be NULL */
    const char *origin;              /* for messages: file name, topic */
};

struct hr_decoder {
    const struct hr_format_vt *vt;
};
struct hr_encoder {
    const struct hr_format_vt *vt;
};

struct hr_format_vt {
    const char *name;           /* "json" */
    const char *file_extension; /* ".json" */
    const struct hr_opt_spec *options;
    size_t option_count;
    hr_status (*decoder_open)(const struct hr_format_args *, struct hr_decoder **ret,
                              struct hr_err *);
    /* The next bytes of the stream, in a buffer that batches will hold on to. last: nothing
     * follows. A record cut by the block's end is kept until the next feed. */
    hr_status (*feed)(struct hr_decoder *, struct hr_buffer *buffer, const char *data, size_t size,
                      bool last, struct hr_err *);
    /* A batch of up to batch_rows rows; *ret_batch NULL: feed more (or, after last, the end). */
    hr_status (*next)(struct hr_decoder *, struct hr_batch **ret_batch, struct hr_err *);
    /* Exactly one row a message (NULL ptr: tombstone, a row of NULLs). Rows dropped by the mode are
     * left out of the batch's selection. The caller makes the batch hold the messages' buffers. */
    hr_status (*messages)(struct hr_decoder *, const struct hr_str_view *messages, uint32_t count,
                          struct hr_batch **ret_batch, struct hr_err *);
    void (*decoder_close)(struct hr_decoder *);
    /* Schema of a sample (the first max_bytes of the data). optional */
    hr_status (*infer)(const struct hr_format_args *, const char *sample, size_t size,
                       const struct hr_type **ret, struct hr_err *);

    hr_status (*encoder_open)(const struct hr_format_args *, struct hr_encoder **ret,
                              struct hr_err *);
    /* Header of a file, if any (CSV). optional */
    hr_status (*begin)(struct hr_encoder *, struct hr_buf *out, struct hr_err *);
    /* Appends the live rows, one record a line. ret_ends (may be NULL): end offset of each record
     * in out. */
    hr_status (*encode)(struct hr_encoder *, const struct hr_batch *, struct hr_buf *out,
                        uint64_t *ret_ends, struct hr_err *);
    void (*encoder_close)(struct hr_encoder *);
};

/* "json", "csv", "text"; NULL when there is none. */
const struct hr_format_vt *hr_format_find(const char *name);
/* By number, in the order of formats.def; NULL behind the last. */
const struct hr_format_vt *hr_format_at(size_t index);

#endif
