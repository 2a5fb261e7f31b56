/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats: bytes ↔ batches. A decoder takes blocks of a byte stream (files, sockets) or separate
 * messages (Kafka values) and gives batches whose strings point into those bytes. A container is
 * a format that reads a file by itself, anywhere in it (a footer at its end, blocks, one value).
 *
 * Whoever uses formats asks the table below, never a name: what a format cannot do is a method that
 * is NULL, what it does with options is an answer of a method.
 *
 * A damaged record is not an error of the call: by the mode it becomes NULLs with the text in the
 * corrupt-record column (PERMISSIVE), is dropped and counted (DROPMALFORMED), or stops the query
 * with HR_E_MALFORMED_RECORD (FAILFAST).
 */
#ifndef HR_FORMAT_FORMAT_H
#define HR_FORMAT_FORMAT_H

#include "base/bad_rows.h"
#include "base/env.h"
#include "base/options.h"
#include "expr/expr.h"

/* What records are when nobody says it: those that come in, and those that go out. */
#define HR_FORMAT_DEFAULT_IN  "text"
#define HR_FORMAT_DEFAULT_OUT "json"

struct hr_bound;

/* Of a row of formats.def: a stream of bytes; a container; one whose reader uses bounds to leave
 * things out (only then filters are pushed, and shown by EXPLAIN). */
enum hr_format_kind { HR_FORMAT_STREAM, HR_FORMAT_CONTAINER, HR_FORMAT_SKIPPING };

struct hr_format_args {
    const struct hr_conf *conf;
    const struct hr_options *options;
    const struct hr_type *schema; /* all columns of the table */
    const struct hr_type *wanted; /* the columns to produce, by name; NULL: schema */
    uint32_t batch_rows;
    struct hr_mem *mem;
    _Atomic int64_t *malformed_rows; /* may be NULL */
    /* Gets damaged records, or NULL. With it, and without an option mode, they are no rows. */
    struct hr_bad_rows *bad;
    const char *origin;              /* for messages: file name, topic */
    bool file; /* whole files are read or written, not separate records */
    bool texts_of_nested; /* writing: of nested values their text, where the format has none */
    /* SKIPPING containers: what all rows asked for fulfil (bound.h), over wanted, valid as long as
     * the reader. What cannot may be left out; the scan's filter looks at the rest again. */
    const struct hr_bound *bounds;
    uint32_t bound_count;
};

/* A file that is there, open for reading as long as its reader is. */
struct hr_format_file {
    struct hr_env *env;
    const char *path; /* absolute */
    int fd;
    int64_t size;
    int64_t mtime_us;
};

struct hr_decoder {
    const struct hr_format_vt *vt;
};
struct hr_encoder {
    const struct hr_format_vt *vt;
};

struct hr_format_reader {
    const struct hr_container_vt *vt;
};

/* Files that are no stream of bytes. Options compression and encoding are a container's own: its
 * files are neither unpacked nor converted. */
struct hr_container_vt {
    /* Columns of a file. Not asked of a format with fixed columns. */
    hr_status (*infer)(const struct hr_format_args *, const struct hr_format_file *,
                       const struct hr_type **ret, struct hr_err *);
    /* By the options: are the columns those of all files? Then merge puts those of two together.
     * optional: those of the first file */
    bool (*merges)(const struct hr_options *);
    hr_status (*merge)(const struct hr_type *, const struct hr_type *, const struct hr_type **ret,
                       struct hr_err *);
    /* Rows of what begins in the bytes [start, end) of the file: row groups, blocks. Ranges are cut
     * blindly: every part must begin in one only; [0, size) are all. Damage: HR_E_FILE_DAMAGED. */
    hr_status (*reader_open)(const struct hr_format_args *, const struct hr_format_file *,
                             int64_t start, int64_t end, struct hr_format_reader **ret,
                             struct hr_err *);
    /* The next batch, of the wanted columns; *ret NULL: the end. */
    hr_status (*next)(struct hr_format_reader *, struct hr_batch **ret, struct hr_err *);
    void (*reader_close)(struct hr_format_reader *);
};

struct hr_format_vt {
    const char *name;           /* "json" */
    const char *file_extension; /* ".json" */
    /* Not NONE: the decoder is given the envelope's columns, and an operator opens it. */
    enum hr_envelope envelope;
    const struct hr_opt_table *options; /* NULL: none */
    bool tells_damage; /* its decoder gives damaged records to args.bad */
    /* Columns that all its data have, as DDL ("value STRING"); NULL: the user's, or inferred. */
    const char *columns;
    /* Can it read (else: write) these columns? Without those that folders give. NULL: any. */
    hr_status (*check)(const struct hr_type *schema, bool writing, struct hr_err *);
    /* May a file be cut into ranges of bytes that are read apart: of a stream at line ends, of a
     * container anywhere? Then a line is also a record of its own. NULL: never. */
    bool (*splits)(const struct hr_options *);
    const struct hr_container_vt *container; /* how files are read; NULL: as a stream of bytes */

    /* --- Reading. decoder_open to next NULL: no stream of bytes; messages NULL: no messages. */
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
    /* Schema of a sample: the first bytes of all data, cut behind a line. optional */
    hr_status (*infer)(const struct hr_format_args *, const char *sample, size_t size,
                       const struct hr_type **ret, struct hr_err *);

    /* --- Writing. NULL: it is only read. */
    hr_status (*encoder_open)(const struct hr_format_args *, struct hr_encoder **ret,
                              struct hr_err *);
    /* Header of a file, if any (CSV). optional */
    hr_status (*begin)(struct hr_encoder *, struct hr_buf *out, struct hr_err *);
    /* Appends the live rows, one record a line. ret_ends (may be NULL): end offset of each record
     * in out. Of a file (args.file) it may keep rows back, until a group is full, or end. */
    hr_status (*encode)(struct hr_encoder *, const struct hr_batch *, struct hr_buf *out,
                        uint64_t *ret_ends, struct hr_err *);
    /* What a file has behind its rows: those kept back, a footer. optional */
    hr_status (*end)(struct hr_encoder *, struct hr_buf *out, struct hr_err *);
    void (*encoder_close)(struct hr_encoder *);
};

/* Gives the functions of expressions that read and write CSV what they stand on. */
void hr_format_csv_functions(void);

/* By name, in any case; NULL when there is none. */
const struct hr_format_vt *hr_format_find(const char *name);
/* By number, in the order of formats.def; NULL behind the last. */
const struct hr_format_vt *hr_format_at(size_t index);

/* What a format is wanted for. */
enum hr_format_use { HR_FORMAT_LINES_IN, HR_FORMAT_MESSAGES_IN, HR_FORMAT_RECORDS_OUT };

/* The format that the option format names, for that use. HR_E_INVALID_OPTION when there is none, or
 * when it has no such side; then the message names those that have. */
hr_status hr_format_choose(const char *name, enum hr_format_use use,
                           const struct hr_format_vt **ret, struct hr_err *err) HR_CHECKED;
/* The columns of records: those given, when the format can read them, else its own. what ("a Kafka
 * table") needs them to be given where it has none. */
hr_status hr_format_schema(const struct hr_format_vt *format, const struct hr_type *given,
                           const char *what, const struct hr_type **ret,
                           struct hr_err *err) HR_CHECKED;
/* Is one of the options "true", or lineSep given? Then lines are not records. For hr_format_vt's
 * splits. */
bool hr_format_has_option(const struct hr_options *options, const char *const *names,
                          size_t count);

#endif
