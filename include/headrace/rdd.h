/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDDs: immutable, partitioned data sets that know how to compute themselves.
 *
 * Word count:
 *
 *     struct hr_err err = {0};
 *     struct hr_context *ctx = hr_context_new(NULL, &err);
 *     struct hr_rdd *lines = hr_text_file(ctx, "book/?*.txt", 0, &err);
 *     struct hr_rdd *words = hr_rdd_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
 *     struct hr_rdd *counts = hr_rdd_reduce_by_key(words, hr_sum, NULL, 0, &err);
 *     struct hr_rows *rows = hr_rdd_collect(counts, &err);
 *     for (const struct hr_row *row; (row = hr_rows_next(rows));)
 *         printf("%.*s %ld\n", (int)hr_row_str(row, 0).len, hr_row_str(row, 0).ptr,
 *                (long)hr_row_long(row, 1));
 *     if (!rows) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
 *     hr_rows_free(rows);
 *     hr_context_free(ctx);
 *
 * Transformations only build a plan and return at once (sort_by_key and zip_with_index may run a
 * small job first, as in Spark); actions run it and block.
 *
 * Errors: a transformation that fails returns NULL and fills err; given a NULL rdd it returns NULL
 * and leaves err alone. So a chain is checked once, at its action.
 *
 * Ownership: an RDD belongs to the context and lives as long; nothing has to be released. One that
 * is made by a DStream's functions (transform, foreach_rdd), from whatever, belongs to the batch:
 * hr_rdd_ref keeps it longer, until hr_rdd_unref. A driver that goes on making RDDs lets go of them
 * by hr_rdd_release. What a function is given as arg stays the caller's and must outlive the RDD.
 *
 * Threads: a context and its RDDs may be used from several threads, each RDD being built by one.
 * User functions run on the context's task threads: see <headrace/row.h>.
 *
 * Keys: operations "by key" take the first column as the key, or the first n after
 * hr_rdd_with_keys(rdd, n). Keys are equal as in GROUP BY (NULL equals NULL, NaN equals NaN).
 *
 * Partitions: 0 wherever a number of partitions is asked for means the default: the larger of the
 * parents', or the context's default parallelism. An RDD that is partitioned by its key keeps its
 * partitioner where the number is 0 or its own.
 */
#ifndef HEADRACE_RDD_H
#define HEADRACE_RDD_H

#include <headrace/row.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hr_context;
struct hr_rdd;

/* --- User functions --------------------------------------------------------------------------- */

/* One row in, rows out (map: exactly one). */
typedef hr_status (*hr_row_fn)(void *arg, const struct hr_row *row, struct hr_emitter *out,
                               struct hr_err *err);
/* Two rows in, one row out: reducers. Must be associative; commutative too across partitions. */
typedef hr_status (*hr_merge_fn)(void *arg, const struct hr_row *a, const struct hr_row *b,
                                 struct hr_emitter *out, struct hr_err *err);
typedef bool (*hr_predicate_fn)(void *arg, const struct hr_row *row);
/* A whole partition: read in until it ends, emit rows. */
typedef hr_status (*hr_partition_fn)(void *arg, uint32_t partition, struct hr_rows *in,
                                     struct hr_emitter *out, struct hr_err *err);
/* The same for two RDDs side by side (zip_partitions). */
typedef hr_status (*hr_zip_fn)(void *arg, uint32_t partition, struct hr_rows *left,
                               struct hr_rows *right, struct hr_emitter *out, struct hr_err *err);
/* The partition, 0 … partitions - 1, of the rows with this key (a row of the key's columns). */
typedef int64_t (*hr_partition_by_fn)(void *arg, const struct hr_row *key, uint32_t partitions);
/* The same for several RDDs: in[0 … count). */
typedef hr_status (*hr_zip_all_fn)(void *arg, uint32_t partition, struct hr_rows *const *in,
                                   uint32_t count, struct hr_emitter *out, struct hr_err *err);
/* The fraction of the rows with this key that a sample wants. */
typedef double (*hr_fraction_fn)(void *arg, const struct hr_row *key);
/* A batch of rows (up to some thousands, never none): emit rows or whole columns. */
typedef hr_status (*hr_batch_fn)(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
                                 struct hr_err *err);
/* A batch of rows: write the numbers of those that stay into ret_rows (room for in->live_count),
 * ascending, and how many into *ret_count (0 before the call). */
typedef hr_status (*hr_select_fn)(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                                  uint32_t *ret_count, struct hr_err *err);
/* For actions: sees a row, emits nothing. */
typedef hr_status (*hr_foreach_fn)(void *arg, const struct hr_row *row, struct hr_err *err);
typedef hr_status (*hr_foreach_partition_fn)(void *arg, uint32_t partition, struct hr_rows *rows,
                                             struct hr_err *err);

/* Ready reducers: column by column sum (numbers), smaller, larger of two rows; the first (last) of
 * them. They run on whole columns without a call per row.
 * @code
 *     struct hr_rdd *sums = hr_rdd_reduce_by_key(words, hr_sum, NULL, 0, &err);
 *     struct hr_rdd *least = hr_rdd_reduce_by_key(words, hr_min, NULL, 0, &err);
 *     struct hr_rdd *most = hr_rdd_reduce_by_key(words, hr_max, NULL, 0, &err);
 * @endcode */
hr_status hr_sum(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err);
hr_status hr_min(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err);
hr_status hr_max(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err);

/* --- Sources ---------------------------------------------------------------------------------- */

/* Arrays, copied: one column `value` of LONG, DOUBLE or STRING.
 * @code
 *     static const int64_t longs[] = {1, 2, 3};
 *     static const double doubles[] = {0.5, 1.5};
 *     static const char *const strings[] = {"a", "b"};
 *     struct hr_rdd *l = hr_parallelize_longs(ctx, longs, 3, 1, &err);
 *     struct hr_rdd *d = hr_parallelize_doubles(ctx, doubles, 2, 1, &err);
 *     struct hr_rdd *s = hr_parallelize_strings(ctx, strings, 2, 1, &err);
 * @endcode */
struct hr_rdd *hr_parallelize_longs(struct hr_context *ctx, const int64_t *values, size_t count,
                                    uint32_t partitions, struct hr_err *err);
struct hr_rdd *hr_parallelize_doubles(struct hr_context *ctx, const double *values, size_t count,
                                      uint32_t partitions, struct hr_err *err);
struct hr_rdd *hr_parallelize_strings(struct hr_context *ctx, const char *const *values,
                                      size_t count, uint32_t partitions, struct hr_err *err);
/* Rows written by fill, called once before this returns: emit rows of the schema.
 *     static hr_status two(void *arg, struct hr_emitter *out, struct hr_err *err) { … }
 * @code
 *     static hr_status two(void *arg, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_str(out, "ann");
 *         hr_emit_long(out, 41);
 *         hr_emit_end(out);
 *         hr_emit_str(out, "bob");
 *         hr_emit_null(out);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *people = hr_parallelize(ctx, "name STRING, age INT", two, NULL, 1, &err);
 * @endcode */
typedef hr_status (*hr_fill_fn)(void *arg, struct hr_emitter *out, struct hr_err *err);
struct hr_rdd *hr_parallelize(struct hr_context *ctx, const char *schema, hr_fill_fn fill,
                              void *arg, uint32_t partitions, struct hr_err *err);
/* LONG column `id` from start (inclusive) to end (exclusive) by step (not 0).
 * @code
 *     struct hr_rdd *even = hr_range(ctx, 0, 1000, 2, 4, &err); // 0, 2 … 998 in 4 partitions
 * @endcode */
struct hr_rdd *hr_range(struct hr_context *ctx, int64_t start, int64_t end, int64_t step,
                        uint32_t partitions, struct hr_err *err);
/* Lines of files as column `value` STRING. path: a file, a folder (its files but _… and .…), or a
 * glob with * ? [] in any part; several separated by commas. Large files are cut at lines.
 * partitions is a minimum. A file named .gz, .bz2, .deflate, .zst, .lz4 or .snappy
 * is unpacked, and is one partition. The files are listed
 * now, read when computed.
 * @code
 *     struct hr_rdd *logs = hr_text_file(ctx, "/var/log/app/2026-*.log,extra.log", 8, &err);
 * @endcode */
struct hr_rdd *hr_text_file(struct hr_context *ctx, const char *path, uint32_t partitions,
                            struct hr_err *err);
/* Whole files: columns `path` STRING, `content` STRING.
 * @code
 *     struct hr_rdd *pages = hr_whole_text_files(ctx, "pages/?*.html", 0, &err);
 * @endcode */
struct hr_rdd *hr_whole_text_files(struct hr_context *ctx, const char *path, uint32_t partitions,
                                   struct hr_err *err);
/* The same as bytes: columns `path` STRING, `content` BINARY.
 * @code
 *     struct hr_rdd *images = hr_binary_files(ctx, "images", 0, &err);
 * @endcode */
struct hr_rdd *hr_binary_files(struct hr_context *ctx, const char *path, uint32_t partitions,
                               struct hr_err *err);
/* What hr_rdd_save_as_object_file wrote, with its columns and key; path: its folder, files of it or
 * a glob. A file is a partition. A folder from which a part is missing and a file that is none fail
 * now, a damaged file (HR_FILE_DAMAGED) when it is read.
 * @code
 *     status = hr_rdd_save_as_object_file(words, "out/words", &err);
 *     struct hr_rdd *again = hr_object_file(ctx, "out/words", &err); // in any later program
 * @endcode */
struct hr_rdd *hr_object_file(struct hr_context *ctx, const char *path, struct hr_err *err);
/* Records of record_bytes each as column `value` BINARY; a file whose size is no multiple fails.
 * @code
 *     struct hr_rdd *records = hr_binary_records(ctx, "sensor.dat", 16, &err);
 * @endcode */
struct hr_rdd *hr_binary_records(struct hr_context *ctx, const char *path, uint32_t record_bytes,
                                 struct hr_err *err);
/* JSON lines; CSV: the columns of schema, or (NULL) those found by reading a part of the files, as
 * SQL does. path: a file, a folder or a glob. options: names and values in turn, then NULL (or NULL
 * for none), as in SQL's OPTIONS: "mode" (PERMISSIVE, DROPMALFORMED, FAILFAST), "header", "sep" …;
 * an option that is none and a path without files fail now, a damaged record by the mode when it is
 * read. A file is a partition, large ones are several.
 * @code
 *     static const char *const options[] = {"header", "true", NULL};
 *     struct hr_rdd *r = hr_csv_files(ctx, "in/2026-*.csv", "k STRING, n LONG", options, &err);
 *     struct hr_rdd *events = hr_json_files(ctx, "in", "id LONG, at TIMESTAMP", NULL, &err);
 * @endcode */
struct hr_rdd *hr_json_files(struct hr_context *ctx, const char *path, const char *schema,
                             const char *const *options, struct hr_err *err);
struct hr_rdd *hr_csv_files(struct hr_context *ctx, const char *path, const char *schema,
                            const char *const *options, struct hr_err *err);
/* No rows, no partitions.
 * @code
 *     struct hr_rdd *nothing = hr_empty_rdd(ctx, "word STRING, n LONG", &err);
 * @endcode */
struct hr_rdd *hr_empty_rdd(struct hr_context *ctx, const char *schema, struct hr_err *err);

/* --- Transformations -------------------------------------------------------------------------- */

/* fn emits exactly one row of the schema for each row.
 * @code
 *     static hr_status length(void *arg, const struct hr_row *row, struct hr_emitter *out,
 *                             struct hr_err *err)
 *     {
 *         hr_emit_long(out, (int64_t)hr_row_str(row, 0).len);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *lengths = hr_rdd_map(lines, "length LONG", length, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_map(struct hr_rdd *rdd, const char *schema, hr_row_fn fn, void *arg,
                          struct hr_err *err);
/* fn emits any number of rows.
 * @code
 *     struct hr_rdd *pairs_of_1 = hr_rdd_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_flat_map(struct hr_rdd *rdd, const char *schema, hr_row_fn fn, void *arg,
                               struct hr_err *err);
/* Rows for which fn is true.
 * @code
 *     static bool is_error(void *arg, const struct hr_row *row)
 *     {
 *         return hr_text_eq(hr_row_str(row, 0), hr_text("ERROR"));
 *     }
 *     struct hr_rdd *errors = hr_rdd_filter(lines, is_error, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_filter(struct hr_rdd *rdd, hr_predicate_fn fn, void *arg, struct hr_err *err);
/* fn sees each partition once (and its number: mapPartitionsWithIndex). Its output is held in
 * memory until it returns.
 * @code
 *     static hr_status count_them(void *arg, uint32_t partition, struct hr_rows *in,
 *                                 struct hr_emitter *out, struct hr_err *err)
 *     {
 *         int64_t n = 0;
 *         while (hr_rows_next(in)) n++;
 *         hr_emit_long(out, partition);
 *         hr_emit_long(out, n);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *sizes =
 *         hr_rdd_map_partitions(rdd, "partition LONG, n LONG", count_them, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_map_partitions(struct hr_rdd *rdd, const char *schema, hr_partition_fn fn,
                                     void *arg, struct hr_err *err);
/* As flat_map and filter, for speed: one call a batch, whose columns are arrays that a compiler can
 * vectorise. map_batches emits rows or whole columns (hr_emit_int64s, hr_emit_column …), any
 * number; what filter_batches keeps becomes a selection, nothing is copied. Not in Spark's RDDs,
 * where a row is always an object. How rows are cut into batches is not defined; inputs may have a
 * selection already (in->sel).
 * @code
 *     static hr_status big(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
 *                          uint32_t *ret_count, struct hr_err *err)
 *     {
 *         const int64_t *n = hr_view_values(in, 1), limit = *(const int64_t *)arg;
 *         for (uint32_t i = 0; i < in->live_count; i++) {
 *             uint32_t row = in->sel ? in->sel[i] : i;
 *             ret_rows[*ret_count] = row;
 *             *ret_count += n[row] > limit;
 *         }
 *         return 0;
 *     }
 *     static hr_status twice(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
 *                            struct hr_err *err)
 *     {
 *         const int64_t *n = hr_view_values(in, 1);
 *         int64_t *doubled = malloc(in->live_count * sizeof *doubled);
 *         if (!doubled) return hr_err_fail(err, "out of memory");
 *         for (uint32_t i = 0; i < in->live_count; i++)
 *             doubled[i] = 2 * n[in->sel ? in->sel[i] : i];
 *         hr_emit_column(out, in, 0);
 *         hr_emit_int64s(out, doubled, NULL, in->live_count);
 *         hr_emit_end(out);
 *         free(doubled);
 *         return 0;
 *     }
 *     static int64_t limit = 100;
 *     rdd = hr_rdd_filter_batches(rdd, big, &limit, &err);
 *     rdd = hr_rdd_map_batches(rdd, "word STRING, n LONG", twice, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_map_batches(struct hr_rdd *rdd, const char *schema, hr_batch_fn fn, void *arg,
                                  struct hr_err *err);
struct hr_rdd *hr_rdd_filter_batches(struct hr_rdd *rdd, hr_select_fn fn, void *arg,
                                     struct hr_err *err);
/* Only these columns, in this order: "word, n".
 * @code
 *     struct hr_rdd *swapped = hr_rdd_select(words, "n, word", &err);
 * @endcode */
struct hr_rdd *hr_rdd_select(struct hr_rdd *rdd, const char *columns, struct hr_err *err);
/* Each row with probability fraction (with replacement: fraction times on average). The same seed
 * gives the same sample.
 * @code
 *     struct hr_rdd *tenth = hr_rdd_sample(rdd, false, 0.1, 42, &err);
 * @endcode */
struct hr_rdd *hr_rdd_sample(struct hr_rdd *rdd, bool with_replacement, double fraction,
                             uint64_t seed, struct hr_err *err);
/* Splits by weight into count RDDs, filled into ret; every row is in exactly one.
 * @code
 *     static const double weights[] = {0.8, 0.2};
 *     struct hr_rdd *part[2];
 *     status = hr_rdd_random_split(rdd, weights, 2, 42, part, &err); // train, test
 * @endcode */
hr_status hr_rdd_random_split(struct hr_rdd *rdd, const double *weights, uint32_t count,
                              uint64_t seed, struct hr_rdd **ret, struct hr_err *err);
/* All rows of both; the schemas must be the same.
 * @code
 *     struct hr_rdd *three[] = {a, b, rdd};
 *     struct hr_rdd *both = hr_rdd_union(a, b, &err);
 *     struct hr_rdd *all = hr_rdd_union_all(three, 3, &err);
 * @endcode */
struct hr_rdd *hr_rdd_union(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err);
struct hr_rdd *hr_rdd_union_all(struct hr_rdd *const *rdds, uint32_t count, struct hr_err *err);
/* Rows of both without repetition; rows of a that are not in b (with repetition).
 * @code
 *     struct hr_rdd *common = hr_rdd_intersection(a, b, 0, &err);
 *     struct hr_rdd *only_a = hr_rdd_subtract(a, b, 0, &err);
 *     struct hr_rdd *once = hr_rdd_distinct(a, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_intersection(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                   struct hr_err *err);
struct hr_rdd *hr_rdd_subtract(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                               struct hr_err *err);
struct hr_rdd *hr_rdd_distinct(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err);
/* Every pair of rows: a's columns, then b's.
 * @code
 *     struct hr_rdd *pairs_of_rows = hr_rdd_cartesian(a, b, &err);
 * @endcode */
struct hr_rdd *hr_rdd_cartesian(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err);
/* One row a partition: column `rows` ARRAY of the rows.
 * @code
 *     struct hr_rdd *arrays = hr_rdd_glom(rdd, &err);
 * @endcode */
struct hr_rdd *hr_rdd_glom(struct hr_rdd *rdd, struct hr_err *err);
/* Fewer partitions without a shuffle; more or fewer with one.
 * @code
 *     struct hr_rdd *one = hr_rdd_coalesce(rdd, 1, &err);
 *     struct hr_rdd *many = hr_rdd_repartition(rdd, 32, &err);
 * @endcode */
struct hr_rdd *hr_rdd_coalesce(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err);
struct hr_rdd *hr_rdd_repartition(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err);
/* Row i of a beside row i of b: equal numbers of partitions and of rows in each, else the job
 * fails.
 * @code
 *     static hr_status longest(void *arg, uint32_t partition, struct hr_rows *left,
 *                              struct hr_rows *right, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         const struct hr_row *l, *r;
 *         while ((l = hr_rows_next(left)) && (r = hr_rows_next(right)))
 *             hr_emit_row(out, hr_row_str(l, 0).len > hr_row_str(r, 0).len ? l : r);
 *         return 0;
 *     }
 *     struct hr_rdd *side_by_side = hr_rdd_zip(a, b, &err);
 *     struct hr_rdd *longer_ones =
 *         hr_rdd_zip_partitions(a, b, "value STRING", longest, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_zip(struct hr_rdd *a, struct hr_rdd *b, struct hr_err *err);
struct hr_rdd *hr_rdd_zip_partitions(struct hr_rdd *a, struct hr_rdd *b, const char *schema,
                                     hr_zip_fn fn, void *arg, struct hr_err *err);
/* The same for up to 8 RDDs side by side.
 * @code
 *     static hr_status firsts(void *arg, uint32_t partition, struct hr_rows *const *in,
 *                             uint32_t count, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         const struct hr_row *row;
 *         for (uint32_t i = 0; i < count; i++)
 *             if ((row = hr_rows_next(in[i]))) hr_emit_row(out, row);
 *         return 0;
 *     }
 *     struct hr_rdd *three[] = {a, b, rdd};
 *     struct hr_rdd *heads =
 *         hr_rdd_zip_partitions_all(three, 3, "value STRING", firsts, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_zip_partitions_all(struct hr_rdd *const *rdds, uint32_t count,
                                         const char *schema, hr_zip_all_fn fn, void *arg,
                                         struct hr_err *err);
/* Adds a LONG column `index`: 0, 1, … in the order of partitions (runs a job that counts them when
 * there are several); or a unique number, k + i·partitions, without a job.
 * @code
 *     struct hr_rdd *numbered = hr_rdd_zip_with_index(lines, &err);
 *     struct hr_rdd *labelled = hr_rdd_zip_with_unique_id(lines, &err);
 * @endcode */
struct hr_rdd *hr_rdd_zip_with_index(struct hr_rdd *rdd, struct hr_err *err);
struct hr_rdd *hr_rdd_zip_with_unique_id(struct hr_rdd *rdd, struct hr_err *err);
/* Rows as lines through a program's standard input and output, one process a partition: argv is
 * NULL-terminated, no shell. Gives column `value` STRING. A status other than 0 fails the task.
 * @code
 *     static const char *const sort[] = {"sort", "-u", NULL};
 *     struct hr_rdd *sorted = hr_rdd_pipe(lines, sort, &err);
 * @endcode */
struct hr_rdd *hr_rdd_pipe(struct hr_rdd *rdd, const char *const *argv, struct hr_err *err);
/* Ordered by columns: "n DESC, word". NULLs first (last with DESC), as in Spark.
 * @code
 *     struct hr_rdd *by_count = hr_rdd_sort_by(words, "n DESC, word", 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_sort_by(struct hr_rdd *rdd, const char *columns, uint32_t partitions,
                              struct hr_err *err);

/* --- By key ----------------------------------------------------------------------------------- */

/* The same RDD with its first n columns as the key.
 * @code
 *     // (country, city, n): the key is both of the first two
 *     struct hr_rdd *by_city = hr_rdd_with_keys(rdd, 2, &err);
 *     struct hr_rdd *per_city = hr_rdd_reduce_by_key(by_city, hr_sum, NULL, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_with_keys(struct hr_rdd *rdd, uint32_t n, struct hr_err *err);
/* fn emits the key (key_schema); the row's columns follow.
 * @code
 *     struct hr_rdd *keyed = hr_rdd_key_by(words, "letter STRING", first_letter, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_key_by(struct hr_rdd *rdd, const char *key_schema, hr_row_fn fn, void *arg,
                             struct hr_err *err);
/* fn sees the whole row and emits the new values (value_schema) only; the key stays.
 * @code
 *     static hr_status doubled(void *arg, const struct hr_row *row, struct hr_emitter *out,
 *                              struct hr_err *err)
 *     {
 *         hr_emit_long(out, 2 * hr_row_long(row, 1));
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *twice = hr_rdd_map_values(words, "n LONG", doubled, NULL, &err);
 *     struct hr_rdd *same = hr_rdd_flat_map_values(words, "n LONG", doubled, NULL, &err);
 * @endcode */
struct hr_rdd *hr_rdd_map_values(struct hr_rdd *rdd, const char *value_schema, hr_row_fn fn,
                                 void *arg, struct hr_err *err);
struct hr_rdd *hr_rdd_flat_map_values(struct hr_rdd *rdd, const char *value_schema, hr_row_fn fn,
                                      void *arg, struct hr_err *err);
/* Only the key columns; only the others.
 * @code
 *     struct hr_rdd *keys = hr_rdd_keys(words, &err), *values = hr_rdd_values(words, &err);
 * @endcode */
struct hr_rdd *hr_rdd_keys(struct hr_rdd *rdd, struct hr_err *err);
struct hr_rdd *hr_rdd_values(struct hr_rdd *rdd, struct hr_err *err);
/* Rows of one key into one row: fn merges two rows of values (without the key) into one. Combines
 * before the shuffle. Values are of scalar types.
 * @code
 *     static hr_status add(void *arg, const struct hr_row *a, const struct hr_row *b,
 *                          struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_long(out, hr_row_long(a, 0) + hr_row_long(b, 0));
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *counts = hr_rdd_reduce_by_key(words, add, NULL, 0, &err); // or hr_sum
 * @endcode */
struct hr_rdd *hr_rdd_reduce_by_key(struct hr_rdd *rdd, hr_merge_fn fn, void *arg,
                                    uint32_t partitions, struct hr_err *err);
/* As reduce_by_key, from a zero row (the values' schema) that zero emits for every key and
 * partition.
 * @code
 *     static hr_status zero(void *arg, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_long(out, 0);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *sums = hr_rdd_fold_by_key(words, zero, hr_sum, NULL, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_fold_by_key(struct hr_rdd *rdd, hr_fill_fn zero, hr_merge_fn fn, void *arg,
                                  uint32_t partitions, struct hr_err *err);
/* State of another type than the values: zero emits the first state, seq(state, values) and
 * comb(state, state) emit the next one.
 * @code
 *     // (sum, count) of (key, number)
 *     static hr_status zeroes(void *arg, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_double(out, 0);
 *         hr_emit_long(out, 0);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     static hr_status take_in(void *arg, const struct hr_row *state, const struct hr_row *value,
 *                              struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_double(out, hr_row_double(state, 0) + hr_row_double(value, 0));
 *         hr_emit_long(out, hr_row_long(state, 1) + 1);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *means = hr_rdd_aggregate_by_key(words, "sum DOUBLE, n LONG", zeroes, take_in,
 *                                                    hr_sum, NULL, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_aggregate_by_key(struct hr_rdd *rdd, const char *state_schema,
                                       hr_fill_fn zero, hr_merge_fn seq, hr_merge_fn comb,
                                       void *arg, uint32_t partitions, struct hr_err *err);
/* The general form: create(values) emits a state. map_side false: combine after the shuffle
 * only.
 * @code
 *     struct hr_combiner combiner = {.state_schema = "value STRING",
 *                                    .create = upper,
 *                                    .merge_value = longer,
 *                                    .merge_states = longer};
 *     struct hr_rdd *longest = hr_rdd_combine_by_key(rdd, &combiner, 0, &err);
 * @endcode */
struct hr_combiner {
    const char *state_schema;
    hr_row_fn create;
    hr_merge_fn merge_value;
    hr_merge_fn merge_states;
    void *arg;
    bool no_map_side;
};
struct hr_rdd *hr_rdd_combine_by_key(struct hr_rdd *rdd, const struct hr_combiner *combiner,
                                     uint32_t partitions, struct hr_err *err);
/* The key and a column `values` ARRAY: of the value, or of a STRUCT of the values.
 * @code
 *     struct hr_rdd *grouped = hr_rdd_group_by_key(words, 0, &err); // (word, [n, n …])
 * @endcode */
struct hr_rdd *hr_rdd_group_by_key(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err);
/* key_by and group_by_key.
 * @code
 *     struct hr_rdd *by_letter =
 *         hr_rdd_group_by(lines, "letter STRING", first_letter, NULL, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_group_by(struct hr_rdd *rdd, const char *key_schema, hr_row_fn fn, void *arg,
                               uint32_t partitions, struct hr_err *err);
/* The key and one ARRAY a parent: `values0`, `values1` … Keys of any parent. Up to 8 parents.
 * @code
 *     struct hr_rdd *both[] = {a, b};
 *     struct hr_rdd *together = hr_rdd_cogroup(both, 2, 0, &err); // (key, [a's …], [b's …])
 * @endcode */
struct hr_rdd *hr_rdd_cogroup(struct hr_rdd *const *rdds, uint32_t count, uint32_t partitions,
                              struct hr_err *err);
/* Pairs of rows of equal key: the key, a's values, b's values (NULL where the side has none). Keys
 * that are NULL match each other, as in Spark's RDDs (SQL joins differ).
 * @code
 *     struct hr_rdd *inner = hr_rdd_join(a, b, 0, &err);
 *     struct hr_rdd *left = hr_rdd_left_outer_join(a, b, 0, &err);
 *     struct hr_rdd *right = hr_rdd_right_outer_join(a, b, 0, &err);
 *     struct hr_rdd *full = hr_rdd_full_outer_join(a, b, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                           struct hr_err *err);
struct hr_rdd *hr_rdd_left_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err);
struct hr_rdd *hr_rdd_right_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                       struct hr_err *err);
struct hr_rdd *hr_rdd_full_outer_join(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err);
/* Rows of a whose key is not in b.
 * @code
 *     struct hr_rdd *unpaid = hr_rdd_subtract_by_key(a, b, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_subtract_by_key(struct hr_rdd *a, struct hr_rdd *b, uint32_t partitions,
                                      struct hr_err *err);
/* A sample with a fraction for each key, which fraction says (from 0, at most 1 without
 * replacement; anything else fails the task by name): on average, in one pass; or exactly
 * ceil(fraction * rows) rows of each key, which takes a shuffle by key where the rows are not in
 * place. The same seed gives the same sample.
 * @code
 *     static double rare_ones(void *arg, const struct hr_row *key)
 *     {
 *         return hr_text_eq(hr_row_str(key, 0), hr_text("fraud")) ? 1 : 0.01;
 *     }
 *     struct hr_rdd *some = hr_rdd_sample_by_key(words, false, rare_ones, NULL, 42, &err);
 *     struct hr_rdd *exact = hr_rdd_sample_by_key_exact(words, false, rare_ones, NULL, 42, &err);
 * @endcode */
struct hr_rdd *hr_rdd_sample_by_key(struct hr_rdd *rdd, bool with_replacement,
                                    hr_fraction_fn fraction, void *arg, uint64_t seed,
                                    struct hr_err *err);
struct hr_rdd *hr_rdd_sample_by_key_exact(struct hr_rdd *rdd, bool with_replacement,
                                          hr_fraction_fn fraction, void *arg, uint64_t seed,
                                          struct hr_err *err);
/* The key and a column `count` LONG: about how many different rows of values it has, with about
 * this relative standard deviation (above 0.002, at most 1; Spark's default is 0.05).
 * @code
 *     struct hr_rdd *visitors = hr_rdd_count_approx_distinct_by_key(words, 0.05, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_count_approx_distinct_by_key(struct hr_rdd *rdd, double relative_sd,
                                                   uint32_t partitions, struct hr_err *err);
/* Ordered by key, over all partitions; runs a job that samples the keys when there are several.
 * @code
 *     struct hr_rdd *sorted = hr_rdd_sort_by_key(words, true, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_sort_by_key(struct hr_rdd *rdd, bool ascending, uint32_t partitions,
                                  struct hr_err *err);
/* By hash of the key; joins and reductions of RDDs so partitioned need no further shuffle.
 * @code
 *     struct hr_rdd *placed = hr_rdd_cache(hr_rdd_partition_by(a, 16, &err), &err);
 *     struct hr_rdd *joined = hr_rdd_join(placed, b, 16, &err); // only b is shuffled
 * @endcode */
struct hr_rdd *hr_rdd_partition_by(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err);
/* By a partitioner of your own: fn says in which partition the rows of a key are, the same at every
 * call. An answer out of range fails the task by name. RDDs partitioned by the same fn, arg, name
 * and number are placed alike: joins and reductions of them need no further shuffle, and those of
 * such an RDD with another one move the other one only (with partitions 0 or that number). fn and
 * arg must outlive every RDD so placed.
 * @code
 *     static int64_t by_country(void *arg, const struct hr_row *key, uint32_t partitions)
 *     {
 *         return country_number(hr_row_str(key, 0)) % partitions;
 *     }
 *     struct hr_rdd *users = hr_rdd_partition_by_fn(a, 8, by_country, NULL, "country", &err);
 *     struct hr_rdd *sales = hr_rdd_partition_by_fn(b, 8, by_country, NULL, "country", &err);
 *     struct hr_rdd *both = hr_rdd_join(users, sales, 0, &err);
 * @endcode */
struct hr_rdd *hr_rdd_partition_by_fn(struct hr_rdd *rdd, uint32_t partitions,
                                      hr_partition_by_fn fn, void *arg, const char *name,
                                      struct hr_err *err);
/* By ranges of the key that hold about as many rows each, in order of the partitions but not within
 * them; runs a job that samples the keys when there are several. Each call cuts its own ranges: use
 * hr_rdd_partition_like for a second RDD.
 * @code
 *     struct hr_rdd *ranges = hr_rdd_partition_by_range(a, true, 16, &err);
 *     struct hr_rdd *same_places = hr_rdd_partition_like(b, ranges, &err);
 *     struct hr_rdd *joined = hr_rdd_join(ranges, same_places, 0, &err); // without a shuffle
 * @endcode */
struct hr_rdd *hr_rdd_partition_by_range(struct hr_rdd *rdd, bool ascending, uint32_t partitions,
                                         struct hr_err *err);
/* As the other one is partitioned by its key (hash, function, ranges), which must be of the same
 * types: b.partitionBy(a.partitioner.get). */
struct hr_rdd *hr_rdd_partition_like(struct hr_rdd *rdd, const struct hr_rdd *other,
                                     struct hr_err *err);
/* As partitioned already, or by hash of the key; each partition in order of the key.
 * @code
 *     struct hr_rdd *runs = hr_rdd_repartition_and_sort(words, 16, &err);
 * @endcode */
struct hr_rdd *hr_rdd_repartition_and_sort(struct hr_rdd *rdd, uint32_t partitions,
                                           struct hr_err *err);

/* --- Actions ---------------------------------------------------------------------------------- */

/* All rows, in order of partitions; the caller's. NULL: failed.
 * @code
 *     struct hr_rows *found = hr_rdd_collect(words, &err);
 *     for (const struct hr_row *r; (r = hr_rows_next(found));)
 *         printf("%.*s\n", (int)hr_row_str(r, 0).len, hr_row_str(r, 0).ptr);
 *     hr_rows_free(found);
 * @endcode */
struct hr_rows *hr_rdd_collect(struct hr_rdd *rdd, struct hr_err *err);
/* The same rows, a partition computed (as a job of its own) when the one before it has been read:
 * as much memory as the largest partition. NULL from hr_rows_next may be a failure: ask
 * hr_rows_status. Holds a reference on the RDD; the caller's, to be freed before the context.
 * @code
 *     struct hr_rows *rows = hr_rdd_to_local_iterator(rdd, &err);
 *     for (const struct hr_row *row; (row = hr_rows_next(rows));) use(row);
 *     if (hr_rows_status(rows, &err)) fprintf(stderr, "%s\n", err.msg);
 *     hr_rows_free(rows);
 *     bool empty;
 *     status = hr_rdd_count(rdd, &n, &err);
 *     if (status == 0) status = hr_rdd_is_empty(rdd, &empty, &err);
 * @endcode */
struct hr_rows *hr_rdd_to_local_iterator(struct hr_rdd *rdd, struct hr_err *err);
hr_status hr_rdd_count(struct hr_rdd *rdd, uint64_t *ret, struct hr_err *err);
/* About how many different rows there are, see hr_rdd_count_approx_distinct_by_key.
 * @code
 *     status = hr_rdd_count_approx_distinct(words, 0.05, &n, &err);
 * @endcode */
hr_status hr_rdd_count_approx_distinct(struct hr_rdd *rdd, double relative_sd, uint64_t *ret,
                                       struct hr_err *err);
hr_status hr_rdd_is_empty(struct hr_rdd *rdd, bool *ret, struct hr_err *err);
/* The first n rows, computing as few partitions as that takes; first: none is an error.
 * @code
 *     struct hr_rows *ten = hr_rdd_take(rdd, 10, &err), *one = hr_rdd_first(rdd, &err);
 *     hr_rows_free(ten);
 *     hr_rows_free(one);
 * @endcode */
struct hr_rows *hr_rdd_take(struct hr_rdd *rdd, uint64_t n, struct hr_err *err);
struct hr_rows *hr_rdd_first(struct hr_rdd *rdd, struct hr_err *err);
/* The n smallest by columns ("n DESC, word"); top: the n largest.
 * @code
 *     struct hr_rows *rarest = hr_rdd_take_ordered(words, 10, "n, word", &err);
 *     struct hr_rows *commonest = hr_rdd_top(words, 10, "n", &err);
 *     hr_rows_free(rarest);
 *     hr_rows_free(commonest);
 * @endcode */
struct hr_rows *hr_rdd_take_ordered(struct hr_rdd *rdd, uint64_t n, const char *columns,
                                    struct hr_err *err);
struct hr_rows *hr_rdd_top(struct hr_rdd *rdd, uint64_t n, const char *columns, struct hr_err *err);
/* The one row that is first (last) in that order; none is an error. NULL is smaller than all.
 * @code
 *     struct hr_rows *some = hr_rdd_take_sample(rdd, false, 100, 42, &err);
 *     hr_rows_free(some);
 *     struct hr_rows *least = hr_rdd_min(words, "n", &err), *most = hr_rdd_max(words, "n", &err);
 *     hr_rows_free(least);
 *     hr_rows_free(most);
 * @endcode */
struct hr_rows *hr_rdd_min(struct hr_rdd *rdd, const char *columns, struct hr_err *err);
struct hr_rows *hr_rdd_max(struct hr_rdd *rdd, const char *columns, struct hr_err *err);
struct hr_rows *hr_rdd_take_sample(struct hr_rdd *rdd, bool with_replacement, uint64_t n,
                                   uint64_t seed, struct hr_err *err);
/* One row, of scalar columns. reduce of no rows is an error; fold and aggregate start from what
 * zero emits (one row), once for each partition and once for the whole, as in Spark: it must be
 * neutral. Rows are merged in order of partitions: fn has to be associative, not commutative. All
 * functions, zero too, run in tasks: with executors the driver is safe from them.
 * @code
 *     struct hr_rows *total = hr_rdd_reduce(hr_rdd_values(words, &err), hr_sum, NULL, &err);
 *     struct hr_rows *folded = hr_rdd_fold(rdd, none, add, NULL, &err);
 *     struct hr_rows *whole = hr_rdd_aggregate(rdd, "sum LONG", none, add, hr_sum, NULL, &err);
 *     hr_rows_free(total);
 *     hr_rows_free(folded);
 *     hr_rows_free(whole);
 * @endcode */
struct hr_rows *hr_rdd_reduce(struct hr_rdd *rdd, hr_merge_fn fn, void *arg, struct hr_err *err);
struct hr_rows *hr_rdd_fold(struct hr_rdd *rdd, hr_fill_fn zero, hr_merge_fn fn, void *arg,
                            struct hr_err *err);
struct hr_rows *hr_rdd_aggregate(struct hr_rdd *rdd, const char *state_schema, hr_fill_fn zero,
                                 hr_merge_fn seq, hr_merge_fn comb, void *arg, struct hr_err *err);
/* The same in about depth levels of tasks (at least 1, Spark's default is 2), so that the merges of
 * many partitions' large states run side by side.
 * @code
 *     struct hr_rdd *counts = hr_rdd_values(words, &err);
 *     struct hr_rows *total = hr_rdd_tree_reduce(counts, hr_sum, NULL, 2, &err);
 *     struct hr_rows *state =
 *         hr_rdd_tree_aggregate(rdd, "sum LONG", none, add, hr_sum, NULL, 2, &err);
 *     hr_rows_free(total);
 *     hr_rows_free(state);
 * @endcode */
struct hr_rows *hr_rdd_tree_reduce(struct hr_rdd *rdd, hr_merge_fn fn, void *arg, uint32_t depth,
                                   struct hr_err *err);
struct hr_rows *hr_rdd_tree_aggregate(struct hr_rdd *rdd, const char *state_schema, hr_fill_fn zero,
                                      hr_merge_fn seq, hr_merge_fn comb, void *arg, uint32_t depth,
                                      struct hr_err *err);
/* Rows (key, `count` LONG); rows (all columns, `count` LONG).
 * @code
 *     struct hr_rows *per_key = hr_rdd_count_by_key(words, &err);
 *     struct hr_rows *per_row = hr_rdd_count_by_value(words, &err);
 *     hr_rows_free(per_key);
 *     hr_rows_free(per_row);
 * @endcode */
struct hr_rows *hr_rdd_count_by_key(struct hr_rdd *rdd, struct hr_err *err);
struct hr_rows *hr_rdd_count_by_value(struct hr_rdd *rdd, struct hr_err *err);
/* reduce_by_key, collected.
 * @code
 *     struct hr_rows *sums = hr_rdd_reduce_by_key_locally(words, hr_sum, NULL, &err);
 *     hr_rows_free(sums);
 * @endcode */
struct hr_rows *hr_rdd_reduce_by_key_locally(struct hr_rdd *rdd, hr_merge_fn fn, void *arg,
                                             struct hr_err *err);
/* The rows whose key is as emitted by key, which is called once, now.
 * @code
 *     static hr_status key_the(void *arg, struct hr_emitter *out, struct hr_err *err)
 *     {
 *         hr_emit_str(out, "the");
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rows *of_the = hr_rdd_lookup(words, key_the, NULL, &err);
 *     hr_rows_free(of_the);
 * @endcode */
struct hr_rows *hr_rdd_lookup(struct hr_rdd *rdd, hr_fill_fn key, void *arg, struct hr_err *err);
/* For effects. fn runs on task threads; accumulators updated in it count each row exactly once.
 * @code
 *     static hr_status note(void *arg, const struct hr_row *row, struct hr_err *err)
 *     {
 *         hr_accumulator_add(arg, hr_row_long(row, 1));
 *         return 0;
 *     }
 *     static hr_status note_all(void *arg, uint32_t partition, struct hr_rows *rows,
 *                               struct hr_err *err)
 *     {
 *         while (hr_rows_next(rows)) hr_accumulator_add(arg, 1);
 *         return 0;
 *     }
 *     status = hr_rdd_foreach(words, note, acc, &err);
 *     if (status == 0) status = hr_rdd_foreach_partition(words, note_all, acc, &err);
 * @endcode */
hr_status hr_rdd_foreach(struct hr_rdd *rdd, hr_foreach_fn fn, void *arg, struct hr_err *err);
hr_status hr_rdd_foreach_partition(struct hr_rdd *rdd, hr_foreach_partition_fn fn, void *arg,
                                   struct hr_err *err);
/* Files part-00000 … in the folder, one a partition, then _SUCCESS. A folder with files in it is an
 * error. A row of one column is its value, others print as "(a,1)".
 * @code
 *     status = hr_rdd_save_as_text_file(words, "out/words", &err);
 * @endcode */
hr_status hr_rdd_save_as_text_file(struct hr_rdd *rdd, const char *path, struct hr_err *err);
/* The same packed by gzip, part-00000.gz …, as with Spark's GzipCodec.
 * @code
 *     status = hr_rdd_save_as_gzip_text_file(words, "out/words.gz", &err);
 * @endcode */
hr_status hr_rdd_save_as_gzip_text_file(struct hr_rdd *rdd, const char *path, struct hr_err *err);
/* The same packed by gzip, bzip2, deflate, zstd, lz4 or snappy, with Hadoop's suffixes and framing.
 * @code
 *     status = hr_rdd_save_as_packed_text_file(words, "out/words.bz2", "bzip2", &err);
 * @endcode */
hr_status hr_rdd_save_as_packed_text_file(struct hr_rdd *rdd, const char *path, const char *codec,
                                          struct hr_err *err);
/* The same with all columns of any type as they are, for hr_object_file: a format of this library,
 * with checksums, that later versions can read. */
hr_status hr_rdd_save_as_object_file(struct hr_rdd *rdd, const char *path, struct hr_err *err);

/* Numbers of a numeric column, in one pass; NULLs do not count. Of no rows, as Spark's StatCounter
 * has them: sum and mean 0, min +infinity, max -infinity, the rest NaN.
 * @code
 *     struct hr_stats stats;
 *     status = hr_rdd_stats(words, "n", &stats, &err);
 *     printf("%g ± %g\n", stats.mean, stats.sample_stdev);
 * @endcode */
struct hr_stats {
    uint64_t count;
    double sum, mean, min, max;
    double variance, stdev;               /* of the population */
    double sample_variance, sample_stdev; /* NaN for one row */
};
hr_status hr_rdd_stats(struct hr_rdd *rdd, const char *column, struct hr_stats *ret,
                       struct hr_err *err);
/* Counts of values in count buckets; edges has count + 1 ascending numbers, the last bucket is
 * closed. Values outside and NULLs are not counted.
 * @code
 *     static const double edges[] = {0, 10, 100, 1000};
 *     uint64_t counts[3];
 *     status = hr_rdd_histogram(words, "n", edges, 3, counts, &err);
 * @endcode */
hr_status hr_rdd_histogram(struct hr_rdd *rdd, const char *column, const double *edges,
                           uint32_t count, uint64_t *ret_counts, struct hr_err *err);
/* Even buckets between the smallest and the largest value; fills edges (count + 1).
 * @code
 *     double edges[11];
 *     uint64_t counts[10];
 *     status = hr_rdd_histogram_even(words, "n", 10, edges, counts, &err);
 * @endcode */
hr_status hr_rdd_histogram_even(struct hr_rdd *rdd, const char *column, uint32_t count,
                                double *ret_edges, uint64_t *ret_counts, struct hr_err *err);

/* --- SQL -------------------------------------------------------------------------------------- */

/* Makes the RDD a temporary view of its context, for hr_sql and hr_sql_rows; drop it by DROP VIEW.
 * The columns are the RDD's, whose names must differ (ASCII case ignored). Nothing is computed now:
 * a query computes the partitions that it reads, through the RDD's lineage and its kept blocks. The
 * view holds a reference, so that a batch's RDD may be given too (in hr_dstream_foreach_rdd). The
 * first form refuses a name that is taken (TEMP_TABLE_OR_VIEW_ALREADY_EXISTS). Not while another
 * thread runs a statement of the same context.
 * @code
 *     hr_rdd_create_or_replace_temp_view(words, "words", &err);
 *     struct hr_rdd *top = hr_sql(ctx, "SELECT word, sum(n) FROM words GROUP BY word", &err);
 * @endcode */
hr_status hr_rdd_create_temp_view(struct hr_rdd *rdd, const char *name, struct hr_err *err);
hr_status hr_rdd_create_or_replace_temp_view(struct hr_rdd *rdd, const char *name,
                                             struct hr_err *err);
/* The rows of one SQL statement (see hr_sql), the caller's: hr_rows_free, before the context's end.
 * For programs that ask again and again, since an RDD lives as long as its context. NULL:
 * failed.
 * @code
 *     struct hr_rows *answer = hr_sql_rows(ctx, "SELECT count(*) FROM words", &err);
 *     hr_rows_free(answer);
 * @endcode */
struct hr_rows *hr_sql_rows(struct hr_context *ctx, const char *statement, struct hr_err *err);
/* The same rows under other column names, one for each column: "word, n" (toDF).
 * @code
 *     struct hr_rdd *named = hr_rdd_to_df(rdd, "city, visitors", &err);
 *     status = hr_rdd_create_temp_view(named, "cities", &err);
 * @endcode */
struct hr_rdd *hr_rdd_to_df(struct hr_rdd *rdd, const char *names, struct hr_err *err);

/* --- Life, storage, facts --------------------------------------------------------------------- */

/* Where computed partitions are kept for later jobs. Of all that is kept in memory, within the
 * context's memory_bytes, the least recently used makes room, but an RDD's never for more of its
 * own:
 *   HR_MEMORY           what makes room or does not fit is forgotten, and computed again
 *   HR_MEMORY_AND_DISK  is written to the spill folder and read back from there
 *   HR_DISK             is written there at once, and takes no memory
 * A file that cannot be read back counts as forgotten. Spark's other levels are these: _SER, since
 * blocks are columns without objects already (their size is that of the serialised form); _2 and
 * _3, since a copy on the same machine would be lost with the first, and lineage makes lost blocks
 * again; OFF_HEAP, since there is no heap of a collector's. */
enum hr_persist { HR_PERSIST_NONE, HR_MEMORY, HR_MEMORY_AND_DISK, HR_DISK };
/* Returns rdd itself. cache: HR_MEMORY.
 * @code
 *     hr_rdd_persist(words, HR_MEMORY_AND_DISK, &err);
 *     hr_rdd_cache(lines, &err);
 *     if (hr_rdd_storage_level(words) != HR_PERSIST_NONE) hr_rdd_unpersist(words);
 * @endcode */
struct hr_rdd *hr_rdd_persist(struct hr_rdd *rdd, enum hr_persist level, struct hr_err *err);
struct hr_rdd *hr_rdd_cache(struct hr_rdd *rdd, struct hr_err *err);
void hr_rdd_unpersist(struct hr_rdd *rdd);
enum hr_persist hr_rdd_storage_level(const struct hr_rdd *rdd);
/* Runs the RDD, writes its rows to files, and returns the RDD that stands on them and is
 * partitioned alike: parents are no longer needed nor computed again, whatever blocks are lost. The
 * files stay after the program's end (as Spark's do); hr_object_file reads them. One that is
 * missing or damaged is an error by name when it is read (HR_FILE_DAMAGED). Unlike Spark's, which
 * waits for the RDD's next job and changes it, this runs at once and gives a new RDD: use that one
 * from here on.
 * @code
 *     hr_context_set_checkpoint_dir(ctx, "checkpoints", &err);
 *     for (int i = 0; i < 100; i++) {
 *         rdd = next_ranks(rdd, &err);
 *         if (i % 10 == 9) rdd = hr_rdd_checkpoint(rdd, &err);
 *     }
 * @endcode */
struct hr_rdd *hr_rdd_checkpoint(struct hr_rdd *rdd, struct hr_err *err);
/* Where: a folder of its own is made in path. Needed before hr_rdd_checkpoint. */
hr_status hr_context_set_checkpoint_dir(struct hr_context *ctx, const char *path,
                                        struct hr_err *err);
/* The same in this process's memory: faster, and gone with the RDD.
 * @code
 *     struct hr_rdd *cut = hr_rdd_local_checkpoint(rdd, &err);
 *     if (hr_rdd_is_checkpointed(cut) && hr_rdd_checkpoint_file(cut))
 *         printf("in %s\n", hr_rdd_checkpoint_file(cut));
 * @endcode */
struct hr_rdd *hr_rdd_local_checkpoint(struct hr_rdd *rdd, struct hr_err *err);
/* It stands on checkpoint files; their folder (borrowed), or NULL. */
bool hr_rdd_is_checkpointed(const struct hr_rdd *rdd);
const char *hr_rdd_checkpoint_file(const struct hr_rdd *rdd);

/* A reference beyond the life of the context's pool (or batch). Thread-safe.
 * @code
 *     struct hr_rdd *kept = hr_rdd_ref(rdd); // in foreach_rdd: for later
 *     hr_rdd_unref(kept);
 * @endcode */
struct hr_rdd *hr_rdd_ref(struct hr_rdd *rdd);
void hr_rdd_unref(struct hr_rdd *rdd); /* NULL is fine */
/* The program needs the RDD no longer: it goes now, with its rows and kept blocks, and not with the
 * context (or batch); once per RDD, not to be used afterwards. RDDs made from it, queues that it
 * was pushed to and hr_rdd_ref hold on to what they need: it then goes with the last of them. For
 * drivers that run for long. Thread-safe. NULL is fine.
 * @code
 *     struct hr_rdd *today = hr_text_file(ctx, "today.txt", 0, &err);
 *     status = hr_queue_push(stream, today, &err);
 *     hr_rdd_release(today); // the queue has it until its batch has been
 * @endcode */
void hr_rdd_release(struct hr_rdd *rdd);
/* fn(arg) once the RDD is gone and no task uses it. Several are called in turn.
 * @code
 *     void *table = malloc(1 << 20);
 *     struct hr_rdd *mapped = hr_rdd_map(lines, "value STRING", upper, table, &err);
 *     status = hr_rdd_on_free(mapped, free, table, &err);
 * @endcode */
hr_status hr_rdd_on_free(struct hr_rdd *rdd, void (*fn)(void *arg), void *arg, struct hr_err *err);
/* A name for debug strings; returns rdd.
 * @code
 *     hr_rdd_set_name(words, "words of the book", &err);
 *     printf("%s\n", hr_rdd_name(words));
 *     printf("RDD %u of %u partitions\n", hr_rdd_id(rdd), hr_rdd_partitions(rdd));
 *     struct hr_context *its = hr_rdd_context(rdd);
 * @endcode */
struct hr_rdd *hr_rdd_set_name(struct hr_rdd *rdd, const char *name, struct hr_err *err);
const char *hr_rdd_name(const struct hr_rdd *rdd); /* or NULL; borrowed */
uint32_t hr_rdd_id(const struct hr_rdd *rdd);
uint32_t hr_rdd_partitions(const struct hr_rdd *rdd);
/* What the RDD is partitioned by: "hash", "range", a function's name, or NULL; borrowed.
 * @code
 *     const char *by = hr_rdd_partitioner(words);
 *     printf("partitioned by %s\n", by ? by : "nothing");
 * @endcode */
const char *hr_rdd_partitioner(const struct hr_rdd *rdd);
struct hr_context *hr_rdd_context(const struct hr_rdd *rdd);
/* The schema as DDL text and Spark's toDebugString; the caller's, released by hr_free. NULL: no
 * memory.
 * @code
 *     char *schema = hr_rdd_schema(words), *lineage = hr_rdd_to_debug_string(words);
 *     if (schema && lineage) printf("%s\n%s\n", schema, lineage);
 *     hr_free(schema);
 *     hr_free(lineage);
 * @endcode */
char *hr_rdd_schema(const struct hr_rdd *rdd);
char *hr_rdd_to_debug_string(struct hr_rdd *rdd);

#ifdef __cplusplus
}
#endif

#include <headrace/shared.h>

#endif
