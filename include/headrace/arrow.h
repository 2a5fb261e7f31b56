/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structs of the Arrow C Data Interface (arrow.apache.org/docs/format/CDataInterface.html): how
 * batches cross to and from other programs in one process without a copy. They are defined by that
 * specification, with its guard, so that any other header may define them too. Below them, rows as
 * a stream of arrays, and a stream as an RDD.
 */
#ifndef HEADRACE_ARROW_H
#define HEADRACE_ARROW_H

#include <headrace/err.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif

struct hr_context;
struct hr_rdd;
struct hr_rows;

/* The rows of a result (hr_rdd_collect, hr_sql_rows) as a stream of Arrow arrays, a struct a batch;
 * fixed-width values and long strings are shared and not copied. The stream is the caller's: it
 * ends by its release, and so may the rows before it. Rows of a partition, which are read once
 * (hr_rdd_foreach_partition), cannot be exported. One thread at a time. Returns 0 or the failure,
 * with *ret untouched.
 * @code
 *     struct ArrowArrayStream stream;
 *     struct hr_rows *rows = hr_sql_rows(ctx, "SELECT word, n FROM words", &err);
 *     status = hr_rows_export_arrow(rows, &stream, &err);
 *     hr_rows_free(rows);
 * @endcode */
hr_status hr_rows_export_arrow(const struct hr_rows *rows, struct ArrowArrayStream *ret,
                               struct hr_err *err);
/* An RDD in memory of what a stream of structs still gives, a partition an array; buffers are
 * shared where the types allow it. The stream is read to its end and released, also on failure. A
 * view of the RDD (hr_rdd_create_temp_view) makes it a table for SQL. NULL: failed; types that
 * Spark has not are UNSUPPORTED_FEATURE.
 * @code
 *     struct hr_rdd *rdd = hr_import_arrow(ctx, &stream, &err);
 *     status = hr_rdd_create_temp_view(rdd, "imported", &err);
 * @endcode */
struct hr_rdd *hr_import_arrow(struct hr_context *ctx, struct ArrowArrayStream *stream,
                               struct hr_err *err);

#ifdef __cplusplus
}
#endif
#endif
