/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: how a user's function reads its input and writes its output.
 *
 * Data moves in batches of columns; a struct hr_row is a cursor into one of them (nothing is copied
 * or allocated for a row), and a struct hr_emitter appends to the columns of the output. Columns
 * are numbered from 0 in the order of the schema, a Spark DDL text: "word STRING, n LONG".
 *
 *     static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
 *                            struct hr_err *err)
 *     {
 *         struct hr_text line = hr_row_str(row, 0), word;
 *         while (hr_text_next_word(&line, &word)) {
 *             hr_emit_text(out, word);
 *             hr_emit_long(out, 1);
 *             hr_emit_end(out);
 *         }
 *         return 0;
 *     }
 *
 * Rules for user functions
 *
 * - Threads: called from several threads at once, one partition each: arg is shared, so it is
 *   read-only or synchronised by its owner. Rows, texts and emitters must not be kept after the
 *   function returns, nor used from another thread.
 *
 * - Failure: return hr_err_fail(err, …), and the job ends with that error. (What the machine
 *   causes, such as a failed read, is tried again: four attempts.) Reading a column as the wrong
 *   type, leaving a row half written or writing the wrong type fails the task too; it never yields
 *   a wrong value.
 *
 * - Repetition: a function may run more than once for one row (retries, lost blocks). It must give
 *   the same answer each time, and its effects belong into actions.
 *
 * - Cleanup: arg is the caller's; hr_rdd_on_free() says when an RDD no longer needs it.
 */
#ifndef HEADRACE_ROW_H
#define HEADRACE_ROW_H

#include <headrace/err.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed bytes, not NUL-terminated; UTF-8 for STRING. */
struct hr_text {
    const char *ptr;
    size_t len;
};

/* A NUL-terminated string as a text (borrowed).
 * @code
 *     struct hr_text greeting = hr_text("hello");
 *     if (hr_text_eq(hr_row_str(row, 0), hr_text("ERROR"))) hr_emit_row(out, row);
 * @endcode */
struct hr_text hr_text(const char *cstr);
bool hr_text_eq(struct hr_text a, struct hr_text b);
/* <0, 0, >0 by unsigned bytes, as Spark orders strings.
 * @code
 *     bool before = hr_text_cmp(hr_row_str(row, 0), hr_text("m")) < 0;
 * @endcode */
int hr_text_cmp(struct hr_text a, struct hr_text b);
/* Takes the next word (ASCII white space around it) off *rest; false: there is none.
 * @code
 *     struct hr_text line = hr_row_str(row, 0), word;
 *     while (hr_text_next_word(&line, &word)) {
 *         hr_emit_text(out, word);
 *         hr_emit_end(out);
 *     }
 * @endcode */
bool hr_text_next_word(struct hr_text *rest, struct hr_text *ret_word);
/* Takes the next field up to separator off *rest; a text with n separators has n + 1 fields. Start
 * with the whole text; false at the end (rest->ptr is NULL then).
 * @code
 *     struct hr_text rest = hr_text("2026-11-28,ann,12.5"), day, name;
 *     bool good = hr_text_next_field(&rest, ',', &day) && hr_text_next_field(&rest, ',', &name);
 * @endcode */
bool hr_text_next_field(struct hr_text *rest, char separator, struct hr_text *ret_field);
/* Whether part is somewhere in text (Spark's and Java's contains); an empty part always is.
 * @code
 *     if (hr_text_contains(hr_row_str(row, 0), hr_text("ERROR"))) hr_emit_row(out, row);
 * @endcode */
bool hr_text_contains(struct hr_text text, struct hr_text part);
/* The whole text as a number; false (and *ret untouched) when it is none or does not fit.
 * @code
 *     int64_t count;
 *     double price;
 *     if (!hr_text_to_long(hr_text("42"), &count)) hr_emit_null(out);
 *     if (hr_text_to_double(hr_text("12.5"), &price)) hr_emit_double(out, price);
 * @endcode */
bool hr_text_to_long(struct hr_text text, int64_t *ret);
bool hr_text_to_double(struct hr_text text, double *ret);

/* --- Reading ---------------------------------------------------------------------------------- */

/* A cursor; the fields are the library's own.
 * @code
 *     for (uint32_t i = 0; i < hr_row_columns(row); i++)
 *         if (hr_row_is_null(row, i)) printf("column %" PRIu32 " is NULL\n", i);
 * @endcode */
struct hr_row {
    const void *columns_;
    const void *cells_;
    const void *schema_;
    uint32_t index_;
    uint32_t count_;
};

uint32_t hr_row_columns(const struct hr_row *row);
/* Number of the column called name (ASCII case ignored), or -1.
 * @code
 *     int price = hr_row_find(row, "price");
 *     if (price >= 0 && hr_row_is_null(row, (uint32_t)price)) printf("no price\n");
 * @endcode */
int hr_row_find(const struct hr_row *row, const char *name);
bool hr_row_is_null(const struct hr_row *row, uint32_t column);

/* The value of a column. NULL reads as 0, false or the empty text: ask hr_row_is_null first where
 * it matters. long: BOOLEAN (0, 1), BYTE … LONG, DATE (days), TIMESTAMP (µs since 1970 UTC) and
 * intervals (months, µs). double: any number. str: STRING and BINARY, borrowed until the function
 * returns. Another type fails the task.
 * @code
 *     int64_t id = hr_row_long(row, 0);
 *     double price = hr_row_double(row, 1);
 *     bool paid = hr_row_bool(row, 2);
 *     struct hr_text name = hr_row_str(row, 3);
 * @endcode */
int64_t hr_row_long(const struct hr_row *row, uint32_t column);
double hr_row_double(const struct hr_row *row, uint32_t column);
bool hr_row_bool(const struct hr_row *row, uint32_t column);
struct hr_text hr_row_str(const struct hr_row *row, uint32_t column);

/* ARRAY and MAP: number of elements (entries) of the value; 0 for NULL.
 * @code
 *     int64_t sum = 0; // of column 1, an ARRAY of numbers
 *     struct hr_row element;
 *     for (uint32_t i = 0; i < hr_row_length(row, 1); i++)
 *         if (hr_row_element(row, 1, i, &element)) sum += hr_row_long(&element, 0);
 * @endcode */
uint32_t hr_row_length(const struct hr_row *row, uint32_t column);
/* Element i of an ARRAY as a row: of one column, or of the STRUCT's columns. false: no such.
 * @code
 *     struct hr_row first;
 *     if (hr_row_element(row, 1, 0, &first)) hr_emit_field(out, &first, 0);
 * @endcode */
bool hr_row_element(const struct hr_row *row, uint32_t column, uint32_t i,
                    struct hr_row *ret_element);
/* Entry i of a MAP: key and value as rows.
 * @code
 *     struct hr_row key, value;
 *     if (hr_row_entry(row, 1, 0, &key, &value))
 *         printf("%.*s\n", (int)hr_row_str(&key, 0).len, hr_row_str(&key, 0).ptr);
 * @endcode */
bool hr_row_entry(const struct hr_row *row, uint32_t column, uint32_t i, struct hr_row *ret_key,
                  struct hr_row *ret_value);
/* A STRUCT as a row of its columns. false: NULL.
 * @code
 *     struct hr_row address;
 *     if (hr_row_struct(row, 2, &address)) hr_emit_field(out, &address, 0);
 * @endcode */
bool hr_row_struct(const struct hr_row *row, uint32_t column, struct hr_row *ret_row);

/* The row as Spark prints a tuple, "(a,1)", and a row of one STRING as that string. Writes at most
 * size bytes with the NUL; returns the full length, as snprintf.
 * @code
 *     char text[256];
 *     hr_row_print(row, text, sizeof text);
 *     puts(text);
 * @endcode */
size_t hr_row_print(const struct hr_row *row, char *buf, size_t size);

/* --- Many rows -------------------------------------------------------------------------------- */

/* Rows one after the other: the result of an action (whole, in memory, the caller's: free it), or
 * one partition inside hr_rdd_map_partitions (streamed, borrowed). One thread at a time. */
struct hr_rows;

/* The next row, borrowed until the next call; NULL at the end or on failure.
 * @code
 *     for (const struct hr_row *r; (r = hr_rows_next(rows));)
 *         printf("%" PRId64 "\n", hr_row_long(r, 0));
 * @endcode */
const struct hr_row *hr_rows_next(struct hr_rows *rows);
/* 0, or why hr_rows_next ended before the end, filled into err: for rows that are computed as they
 * are read (hr_rdd_to_local_iterator). Inside a user's function the library looks itself. */
hr_status hr_rows_status(const struct hr_rows *rows, struct hr_err *err);
/* Of an action's result: how many rows; row number i at random (filled into *ret_row).
 * @code
 *     struct hr_row last;
 *     if (hr_rows_get(rows, hr_rows_count(rows) - 1, &last)) hr_row_long(&last, 0);
 * @endcode */
uint64_t hr_rows_count(const struct hr_rows *rows);
bool hr_rows_get(const struct hr_rows *rows, uint64_t i, struct hr_row *ret_row);
/* Starts over. Results of actions only.
 * @code
 *     hr_rows_rewind(rows);
 *     const struct hr_row *first = hr_rows_next(rows);
 *     hr_rows_free(rows);
 * @endcode */
void hr_rows_rewind(struct hr_rows *rows);
void hr_rows_free(struct hr_rows *rows); /* NULL is fine */

/* The columns of a batch, for functions that work on arrays (hr_rdd_map_batches,
 * hr_rdd_filter_batches, hr_rows_next_batch). values by type: int8_t … int64_t, float, double, bits
 * in 64-bit words for BOOLEAN; texts are read by hr_view_text. validity: 1 bit a row, set: not
 * NULL; NULL pointer: no NULLs. Values of NULLs and of rows that are not live are undefined.
 * sel: numbers of the live rows, ascending (NULL: all of row_count are live); live_count of them.
 * Borrowed until the next batch, or until the function returns. */
struct hr_batch_view {
    uint32_t row_count, live_count, column_count;
    const uint32_t *sel;
    const void *batch_;
};
/* The next batch of rows (do not mix with hr_rows_next). false at the end or on failure.
 * @code
 *     int64_t sum = 0; // of column 0, a LONG without NULLs
 *     struct hr_batch_view batch;
 *     while (hr_rows_next_batch(rows, &batch)) {
 *         const int64_t *v = hr_view_values(&batch, 0);
 *         const uint64_t *valid = hr_view_validity(&batch, 0);
 *         for (uint32_t i = 0; !valid && i < batch.live_count; i++)
 *             sum += v[batch.sel ? batch.sel[i] : i];
 *         struct hr_text name = hr_view_text(&batch, 1, batch.sel ? batch.sel[0] : 0);
 *         printf("%.*s …\n", (int)name.len, name.ptr);
 *     }
 * @endcode */
bool hr_rows_next_batch(struct hr_rows *rows, struct hr_batch_view *ret_view);
const void *hr_view_values(const struct hr_batch_view *view, uint32_t column);
const uint64_t *hr_view_validity(const struct hr_batch_view *view, uint32_t column);
struct hr_text hr_view_text(const struct hr_batch_view *view, uint32_t column, uint32_t row);
/* A row as the functions of rows read it: for the columns that are no arrays.
 * @code
 *     struct hr_row first;
 *     hr_view_row(view, view->sel ? view->sel[0] : 0, &first);
 *     printf("%" PRId64 "\n", hr_row_long(&first, 0));
 * @endcode */
void hr_view_row(const struct hr_batch_view *view, uint32_t row, struct hr_row *ret_row);

/* --- Writing ---------------------------------------------------------------------------------- */

struct hr_emitter;

/* The next column's value. Numbers are checked against the column's range. Bytes are copied, or
 * shared where they lie in a text of the row that the function was given: either way they are the
 * caller's again when the call returns.
 * @code
 *     hr_emit_long(out, 42);                  // the row's columns in turn
 *     hr_emit_double(out, 0.5);
 *     hr_emit_bool(out, true);
 *     hr_emit_text(out, hr_row_str(row, 0));
 *     hr_emit_str(out, getenv("USER"));
 *     hr_emit_null(out);
 *     hr_emit_end(out);                       // the row is whole
 * @endcode */
void hr_emit_null(struct hr_emitter *out);
void hr_emit_bool(struct hr_emitter *out, bool value);
void hr_emit_long(struct hr_emitter *out, int64_t value);
void hr_emit_double(struct hr_emitter *out, double value);
void hr_emit_text(struct hr_emitter *out, struct hr_text value);
void hr_emit_str(struct hr_emitter *out, const char *cstr); /* NULL pointer: NULL */
/* Column `column` of row, of the same type as the next output column (any type, nested too).
 * @code
 *     hr_emit_field(out, row, 2);
 *     hr_emit_field(out, row, 0);
 *     hr_emit_end(out);
 * @endcode */
void hr_emit_field(struct hr_emitter *out, const struct hr_row *row, uint32_t column);
/* All columns of row, one after the other.
 * @code
 *     hr_emit_fields(out, row); // and one column more
 *     hr_emit_long(out, (int64_t)hr_row_str(row, 0).len);
 *     hr_emit_end(out);
 * @endcode */
void hr_emit_fields(struct hr_emitter *out, const struct hr_row *row);
/* An ARRAY: values emitted between begin and end are its elements (of scalar type).
 * @code
 *     hr_emit_array_begin(out);
 *     for (int64_t i = 1; i <= 3; i++) hr_emit_long(out, i);
 *     hr_emit_array_end(out);
 *     hr_emit_end(out);
 * @endcode */
void hr_emit_array_begin(struct hr_emitter *out);
void hr_emit_array_end(struct hr_emitter *out);
/* Closes the row: every column must have its value. */
void hr_emit_end(struct hr_emitter *out);
/* hr_emit_fields and hr_emit_end.
 * @code
 *     if (hr_row_long(row, 1) > 100) hr_emit_row(out, row);
 * @endcode */
void hr_emit_row(struct hr_emitter *out, const struct hr_row *row);

/* Whole columns at once, where a function emits to a stream of rows (not one that sees one value of
 * a key): each call gives the next column count values, hr_emit_end then ends count rows. Columns
 * of other lengths, and single values among them, fail the task. By the C type of the array, which
 * must be the column's: int8_t BYTE, int16_t SHORT, int32_t INT, DATE and INTERVAL YEAR TO MONTH,
 * int64_t LONG, TIMESTAMPs and INTERVAL DAY TO SECOND; bools are bits, bit i % 64 of word i / 64;
 * texts STRING and BINARY. validity: bits likewise, set: not NULL; NULL pointer: no NULLs. Arrays
 * and bytes are copied.
 * @code
 *     int64_t squares[] = {1, 4, 9};
 *     hr_emit_int64s(out, squares, NULL, 3);
 *     hr_emit_end(out); // three rows of one LONG column
 *
 *     static const struct hr_text names[] = {{"a", 1}, {"b", 1}};
 *     static const uint64_t first_only = 1; // the second is NULL
 *     hr_emit_texts(out, names, NULL, 2);
 *     hr_emit_int8s(out, (int8_t[]){1, 2}, NULL, 2);
 *     hr_emit_int16s(out, (int16_t[]){1, 2}, &first_only, 2);
 *     hr_emit_int32s(out, (int32_t[]){1, 2}, NULL, 2);
 *     hr_emit_floats(out, (float[]){0.5f, 1}, NULL, 2);
 *     hr_emit_doubles(out, (double[]){0.5, 1}, NULL, 2);
 *     hr_emit_bools(out, &first_only, NULL, 2);
 *     hr_emit_end(out); // two rows of seven columns
 * @endcode */
void hr_emit_int8s(struct hr_emitter *out, const int8_t *values, const uint64_t *validity,
                   uint32_t count);
void hr_emit_int16s(struct hr_emitter *out, const int16_t *values, const uint64_t *validity,
                    uint32_t count);
void hr_emit_int32s(struct hr_emitter *out, const int32_t *values, const uint64_t *validity,
                    uint32_t count);
void hr_emit_int64s(struct hr_emitter *out, const int64_t *values, const uint64_t *validity,
                    uint32_t count);
void hr_emit_floats(struct hr_emitter *out, const float *values, const uint64_t *validity,
                    uint32_t count);
void hr_emit_doubles(struct hr_emitter *out, const double *values, const uint64_t *validity,
                     uint32_t count);
void hr_emit_bools(struct hr_emitter *out, const uint64_t *bits, const uint64_t *validity,
                   uint32_t count);
void hr_emit_texts(struct hr_emitter *out, const struct hr_text *values, const uint64_t *validity,
                   uint32_t count);
/* The live rows of a column of the input, of the same type as the next output column (any type,
 * nested too): live_count values. Strings are shared with the input, not copied. */
void hr_emit_column(struct hr_emitter *out, const struct hr_batch_view *view, uint32_t column);

#ifdef __cplusplus
}
#endif

#endif
