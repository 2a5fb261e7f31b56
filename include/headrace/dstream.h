/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DStreams: live data as one RDD per micro-batch.
 *
 *     struct hr_streaming *ssc = hr_streaming_new(ctx, 1000000, &err);          a batch a second
 *     struct hr_dstream *lines = hr_socket_text_stream(ssc, "localhost", 9999, &err);
 *     struct hr_dstream *words =
 *         hr_dstream_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
 *     struct hr_dstream *counts = hr_dstream_reduce_by_key(words, hr_sum, NULL, 0, &err);
 *     hr_dstream_print(counts, 10, &err);
 *     if (hr_streaming_start(ssc, &err) == 0) hr_streaming_await(ssc, -1, &err);
 *     hr_streaming_free(ssc);
 *
 * Times and durations are in microseconds. Window and slide durations are multiples of the batch
 * interval. The batch of time T holds what arrived in [T - interval, T).
 *
 * Errors and ownership are those of <headrace/rdd.h>: a NULL stream in gives NULL out; streams
 * belong to the streaming context. The graph is built before hr_streaming_start, by one thread.
 * RDDs made inside transform and foreach_rdd belong to the batch and go with it.
 *
 * A batch that fails ends the stream: hr_streaming_await returns its error, and a restart from the
 * checkpoint runs that batch again.
 *
 * Tests: a context with manual_clock runs no thread; hr_streaming_step runs one batch at a time.
 *
 *     struct hr_context_options o = {.manual_clock = true};
 *     …
 *     struct hr_dstream *in = hr_queue_stream(ssc, "value LONG", true, &err);
 *     hr_queue_push(in, hr_parallelize_longs(ctx, values, 3, 1, &err), &err);
 *     hr_streaming_start(ssc, &err);
 *     hr_streaming_step(ssc, &err);
 */
#ifndef HEADRACE_DSTREAM_H
#define HEADRACE_DSTREAM_H

#include <headrace/rdd.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hr_streaming;
struct hr_dstream;
struct hr_receiver;

/* --- Streaming context ------------------------------------------------------------------------ */

/* interval_us: at least 1 000. The context must outlive it. */
struct hr_streaming *hr_streaming_new(struct hr_context *ctx, int64_t interval_us,
                                      struct hr_err *err);
/* Stops at once if it runs, and frees all streams. NULL is fine. */
void hr_streaming_free(struct hr_streaming *ssc);
/* Checks the graph (at least one output) and begins. Restores the checkpoint if there is one. */
hr_status hr_streaming_start(struct hr_streaming *ssc, struct hr_err *err);
/* Manual clock only: advances the clock by one interval and runs that batch on this thread. */
hr_status hr_streaming_step(struct hr_streaming *ssc, struct hr_err *err);
/* graceful: receivers end first, and what they had stored is processed. Waits for the end. */
hr_status hr_streaming_stop(struct hr_streaming *ssc, bool graceful, struct hr_err *err);
/* Until it is stopped or fails (that batch's error), or timeout_us has passed (-1: for ever):
 * *ret_ended says which, and may be NULL. */
hr_status hr_streaming_await(struct hr_streaming *ssc, int64_t timeout_us, bool *ret_ended,
                             struct hr_err *err);
/* Keeps every batch's RDDs for at least so long, for slices and queries from outside. */
void hr_streaming_remember(struct hr_streaming *ssc, int64_t duration_us);
/* After every batch, what it changed goes to the folder (made when missing): new RDDs of windows,
 * changes of states, positions of inputs, unprocessed blocks. The next program with the same
 * streams goes on behind the last batch, with any number of partitions and threads. One program at
 * a time: the second one's start fails (HR_CHECKPOINT_BUSY) until the first has stopped. A damaged
 * file is found at the start and named (HR_CHECKPOINT_CORRUPT). Before start. */
hr_status hr_streaming_checkpoint(struct hr_streaming *ssc, const char *dir, struct hr_err *err);
/* create builds the graph (always: functions cannot be read from disk). If dir holds a checkpoint,
 * the context goes on behind its last batch; a graph that does not fit it fails at start. */
struct hr_streaming *hr_streaming_get_or_create(const char *dir,
                                                struct hr_streaming *(*create)(void *arg,
                                                                               struct hr_err *err),
                                                void *arg, struct hr_err *err);
struct hr_context *hr_streaming_context(const struct hr_streaming *ssc);
int64_t hr_streaming_last_batch_us(const struct hr_streaming *ssc); /* 0: none yet */

/* Spark's names and defaults: "spark.streaming.receiver.maxRate" (rows a second, 0: none),
 * "spark.streaming.backpressure.enabled", "….initialRate", "….pid.proportional", "….integral",
 * "….derived", "….minRate", "spark.streaming.blockInterval" (ms). Before start. */
hr_status hr_streaming_set(struct hr_streaming *ssc, const char *key, const char *value,
                           struct hr_err *err);

/* --- Listeners -------------------------------------------------------------------------------- */

struct hr_batch_info {
    int64_t batch_time_us;
    int64_t submission_us, processing_start_us, processing_end_us;
    int64_t scheduling_delay_us, processing_delay_us, total_delay_us;
    uint64_t rows; /* of all inputs */
    uint32_t outputs;
    const char *error; /* of a failed batch, or NULL */
};
/* Unused members NULL. Called from the batch's thread (receiver events: the receiver's). */
struct hr_streaming_listener {
    void *arg;
    void (*on_streaming_started)(void *arg, int64_t time_us);
    void (*on_receiver_started)(void *arg, uint32_t stream_id);
    void (*on_receiver_error)(void *arg, uint32_t stream_id, const char *message);
    void (*on_receiver_stopped)(void *arg, uint32_t stream_id);
    void (*on_batch_submitted)(void *arg, const struct hr_batch_info *info);
    void (*on_batch_started)(void *arg, const struct hr_batch_info *info);
    void (*on_batch_completed)(void *arg, const struct hr_batch_info *info);
    void (*on_output_started)(void *arg, int64_t batch_time_us, uint32_t output);
    void (*on_output_completed)(void *arg, int64_t batch_time_us, uint32_t output, int64_t took_us,
                                const char *error);
};
/* The struct is copied. Before start. */
hr_status hr_streaming_add_listener(struct hr_streaming *ssc,
                                    const struct hr_streaming_listener *listener,
                                    struct hr_err *err);

/* --- Inputs ----------------------------------------------------------------------------------- */

/* Takes RDDs that are pushed: one a batch, or all there are. An empty queue gives an empty
 * batch. */
struct hr_dstream *hr_queue_stream(struct hr_streaming *ssc, const char *schema, bool one_at_a_time,
                                   struct hr_err *err);
/* Any thread. The RDD is referenced until it has been processed. */
hr_status hr_queue_push(struct hr_dstream *queue, struct hr_rdd *rdd, struct hr_err *err);
/* Lines of a TCP connection as column `value`; connects again after 2 seconds when it is lost. */
struct hr_dstream *hr_socket_text_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                         struct hr_err *err);
/* Lines of files that appear in a folder (moved there whole) after the start; names that begin with
 * . or _ are not seen. new_only false: also those that are there already. */
struct hr_dstream *hr_text_file_stream(struct hr_streaming *ssc, const char *dir, bool new_only,
                                       struct hr_err *err);

/* Direct streams, without a receiver: format is what SQL knows after USING ("kafka", "json",
 * "rate" …), options are its options as key, value, …, NULL; schema as for the table, or NULL
 * for the source's own. A batch is a range of offsets that its RDD's partitions read (Kafka:
 * createDirectStream); the checkpoint holds the offsets, and the source is told of them after
 * each batch (Kafka: they are committed to the group). "spark.streaming.receiver.maxRate" limits
 * the rows of all partitions.
 *     const char *options[] = {"kafka.bootstrap.servers", "localhost:9092",
 *                              "subscribe", "payments", NULL};
 *     struct hr_dstream *in = hr_source_stream(ssc, "kafka", NULL, options, &err); */
struct hr_dstream *hr_source_stream(struct hr_streaming *ssc, const char *format,
                                    const char *schema, const char *const *options,
                                    struct hr_err *err);
/* Inside foreach_rdd or transform on such a stream itself: the batch's offsets [start, end) as the
 * source writes them (Kafka: Spark's JSON). Borrowed from rdd. false: rdd is of another kind. */
bool hr_rdd_offset_range(const struct hr_rdd *rdd, const char **ret_start, const char **ret_end);

/*
 * Receivers of your own. start is called on a thread of the receiver's own and should return when
 * hr_receiver_stopped says so; it stores rows as they come. When it returns an error it is called
 * again after 2 seconds (Spark's restart). stop (may be NULL) must make a blocked start return.
 */
struct hr_receiver_vt {
    const char *name;
    hr_status (*start)(void *arg, struct hr_receiver *receiver, struct hr_err *err);
    void (*stop)(void *arg);
    void *arg;
};
struct hr_dstream *hr_receiver_stream(struct hr_streaming *ssc, const char *schema,
                                      const struct hr_receiver_vt *vt, struct hr_err *err);
/* Stores what fill emits as one block. When it returns 0 the rows are kept (with a checkpoint
 * folder: on disk), so a reliable receiver acknowledges its source then. Blocks while over the rate
 * limit; HR_CANCELLED when the receiver is being stopped. */
hr_status hr_receiver_store(struct hr_receiver *receiver, hr_fill_fn fill, void *arg,
                            struct hr_err *err);
/* One row of one STRING. */
hr_status hr_receiver_store_text(struct hr_receiver *receiver, struct hr_text text,
                                 struct hr_err *err);
bool hr_receiver_stopped(const struct hr_receiver *receiver);
/* Tells the listeners; goes on. */
void hr_receiver_report_error(struct hr_receiver *receiver, const char *message);

/* --- Transformations: batch by batch, as the RDD operations of the same names ----------------- */

struct hr_dstream *hr_dstream_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                  void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_flat_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                       void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_filter(struct hr_dstream *in, hr_predicate_fn fn, void *arg,
                                     struct hr_err *err);
struct hr_dstream *hr_dstream_map_partitions(struct hr_dstream *in, const char *schema,
                                             hr_partition_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_map_values(struct hr_dstream *in, const char *value_schema,
                                         hr_row_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_flat_map_values(struct hr_dstream *in, const char *value_schema,
                                              hr_row_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_key_by(struct hr_dstream *in, const char *key_schema, hr_row_fn fn,
                                     void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_glom(struct hr_dstream *in, struct hr_err *err);
struct hr_dstream *hr_dstream_repartition(struct hr_dstream *in, uint32_t partitions,
                                          struct hr_err *err);
struct hr_dstream *hr_dstream_union(struct hr_dstream *a, struct hr_dstream *b, struct hr_err *err);
/* One row `count` a batch, 0 for an empty one; the merged row, none for an empty one; (row,
 * count). */
struct hr_dstream *hr_dstream_count(struct hr_dstream *in, struct hr_err *err);
struct hr_dstream *hr_dstream_reduce(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                     struct hr_err *err);
struct hr_dstream *hr_dstream_count_by_value(struct hr_dstream *in, uint32_t partitions,
                                             struct hr_err *err);
struct hr_dstream *hr_dstream_reduce_by_key(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                            uint32_t partitions, struct hr_err *err);
struct hr_dstream *hr_dstream_combine_by_key(struct hr_dstream *in,
                                             const struct hr_combiner *combiner,
                                             uint32_t partitions, struct hr_err *err);
struct hr_dstream *hr_dstream_group_by_key(struct hr_dstream *in, uint32_t partitions,
                                           struct hr_err *err);
struct hr_dstream *hr_dstream_join(struct hr_dstream *a, struct hr_dstream *b, uint32_t partitions,
                                   struct hr_err *err);
struct hr_dstream *hr_dstream_left_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                              uint32_t partitions, struct hr_err *err);
struct hr_dstream *hr_dstream_right_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                               uint32_t partitions, struct hr_err *err);
struct hr_dstream *hr_dstream_full_outer_join(struct hr_dstream *a, struct hr_dstream *b,
                                              uint32_t partitions, struct hr_err *err);
struct hr_dstream *hr_dstream_cogroup(struct hr_dstream *a, struct hr_dstream *b,
                                      uint32_t partitions, struct hr_err *err);
/* Any RDD to any RDD: called on the driver for every batch. schema: of what fn returns; NULL:
 * that of the input. */
typedef struct hr_rdd *(*hr_transform_fn)(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                          struct hr_err *err);
typedef struct hr_rdd *(*hr_transform_with_fn)(void *arg, struct hr_rdd *a, struct hr_rdd *b,
                                               int64_t time_us, struct hr_err *err);
struct hr_dstream *hr_dstream_transform(struct hr_dstream *in, const char *schema,
                                        hr_transform_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_transform_with(struct hr_dstream *a, struct hr_dstream *b,
                                             const char *schema, hr_transform_with_fn fn, void *arg,
                                             struct hr_err *err);

/* --- Windows: length and slide in µs, multiples of the stream's own slide; slide 0: that ------ */

struct hr_dstream *hr_dstream_window(struct hr_dstream *in, int64_t length_us, int64_t slide_us,
                                     struct hr_err *err);
struct hr_dstream *hr_dstream_count_by_window(struct hr_dstream *in, int64_t length_us,
                                              int64_t slide_us, struct hr_err *err);
struct hr_dstream *hr_dstream_reduce_by_window(struct hr_dstream *in, hr_merge_fn fn, void *arg,
                                               int64_t length_us, int64_t slide_us,
                                               struct hr_err *err);
struct hr_dstream *hr_dstream_group_by_key_and_window(struct hr_dstream *in, int64_t length_us,
                                                      int64_t slide_us, uint32_t partitions,
                                                      struct hr_err *err);
struct hr_dstream *hr_dstream_count_by_value_and_window(struct hr_dstream *in, int64_t length_us,
                                                        int64_t slide_us, uint32_t partitions,
                                                        struct hr_err *err);
/* inverse (may be NULL) takes what left the window off again: inverse(total, old). With it each
 * slide costs what entered and left, not the whole window. keep (may be NULL, only with inverse):
 * rows for which it is false are dropped from the window's state. */
struct hr_dstream *hr_dstream_reduce_by_key_and_window(struct hr_dstream *in, hr_merge_fn fn,
                                                       hr_merge_fn inverse, hr_predicate_fn keep,
                                                       void *arg, int64_t length_us,
                                                       int64_t slide_us, uint32_t partitions,
                                                       struct hr_err *err);
/* The difference for hr_sum: a - b, column by column. */
hr_status hr_subtract(void *arg, const struct hr_row *a, const struct hr_row *b,
                      struct hr_emitter *out, struct hr_err *err);

/* --- State ------------------------------------------------------------------------------------ */

/* For every key with state or new rows, each batch. values: a row whose column 0 is the ARRAY of
 * new values (maybe empty; hr_row_length, hr_row_element); state: the old one, or NULL. Emit the
 * new state, or nothing to remove the key. */
typedef hr_status (*hr_update_fn)(void *arg, const struct hr_row *key, const struct hr_row *values,
                                  const struct hr_row *state, struct hr_emitter *out,
                                  struct hr_err *err);
struct hr_dstream *hr_dstream_update_state_by_key(struct hr_dstream *in, const char *state_schema,
                                                  hr_update_fn fn, void *arg, uint32_t partitions,
                                                  struct hr_rdd *initial, struct hr_err *err);

/*
 * For every new row, and once for a key that had none for timeout_us (value NULL then; its state
 * goes). Emits mapped rows; state is changed through hr_state_… Rows of a key come in their order
 * and see what the ones before them did. A batch costs what it touches and what times out in it,
 * however many keys there are.
 *
 * @code
 *     static hr_status count(void *arg, int64_t time_us, const struct hr_row *key,
 *                            const struct hr_row *value, struct hr_state *state,
 *                            struct hr_emitter *out, struct hr_err *err)
 *     {
 *         const struct hr_row *old = hr_state_get(state);
 *         if (!value) return 0;
 *         struct hr_emitter *update = hr_state_update(state);
 *         hr_emit_long(update, (old ? hr_row_long(old, 0) : 0) + 1);
 *         hr_emit_end(update);
 *         hr_emit_fields(out, key);
 *         hr_emit_fields(out, hr_state_get(state));
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *
 *     struct hr_state_spec spec = {.state_schema = "n LONG",
 *                                  .mapped_schema = "word STRING, n LONG",
 *                                  .fn = count,
 *                                  .timeout_us = 60 * 1000000};
 *     struct hr_dstream *counts = hr_dstream_map_with_state(words, &spec, &err);
 * @endcode
 */
struct hr_state;
typedef hr_status (*hr_state_fn)(void *arg, int64_t time_us, const struct hr_row *key,
                                 const struct hr_row *value, struct hr_state *state,
                                 struct hr_emitter *out, struct hr_err *err);
struct hr_state_spec {
    const char *state_schema, *mapped_schema;
    hr_state_fn fn;
    void *arg;
    int64_t timeout_us; /* 0: none */
    uint32_t partitions;
    struct hr_rdd *initial; /* rows (key, state); NULL: none */
};
struct hr_dstream *hr_dstream_map_with_state(struct hr_dstream *in,
                                             const struct hr_state_spec *spec, struct hr_err *err);
/* All keys and states after each batch, of a stream made by map_with_state. Reads all of them. */
struct hr_dstream *hr_dstream_state_snapshots(struct hr_dstream *mapped, struct hr_err *err);
/* The state as a row, or NULL: what the key had, or what this call has given it so far. Borrowed
 * until the function returns. Then: whether the key is timing out. */
const struct hr_row *hr_state_get(const struct hr_state *state);
bool hr_state_timing_out(const struct hr_state *state);
/* The emitter of the new state: emit one row and end it. An error while timing out. Of several
 * updates and removals in one call the last one counts. */
struct hr_emitter *hr_state_update(struct hr_state *state);
void hr_state_remove(struct hr_state *state);

/* --- Storage and slices ----------------------------------------------------------------------- */

/* Batches' RDDs are kept by themselves where several consumers or windows need them; this forces a
 * level. Returns in. */
struct hr_dstream *hr_dstream_persist(struct hr_dstream *in, enum hr_persist level,
                                      struct hr_err *err);
struct hr_dstream *hr_dstream_cache(struct hr_dstream *in, struct hr_err *err);
/* The RDDs of the batches in [from_us, to_us] that are remembered, into ret (max places). They are
 * borrowed from the stream: hr_rdd_ref to keep one. Not while a batch runs on another thread. */
uint32_t hr_dstream_slice(struct hr_dstream *in, int64_t from_us, int64_t to_us,
                          struct hr_rdd **ret, uint32_t max);
uint32_t hr_dstream_id(const struct hr_dstream *in);
int64_t hr_dstream_slide_us(const struct hr_dstream *in);

/* --- Outputs: run for every batch, in the order in which they were made ----------------------- */

typedef hr_status (*hr_foreach_rdd_fn)(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                       struct hr_err *err);
hr_status hr_dstream_foreach_rdd(struct hr_dstream *in, hr_foreach_rdd_fn fn, void *arg,
                                 struct hr_err *err);
/* The first n rows of each batch on standard output, in Spark's form. */
hr_status hr_dstream_print(struct hr_dstream *in, uint32_t n, struct hr_err *err);
/* Folders PREFIX-MILLISECONDS[.SUFFIX]; suffix may be NULL. */
hr_status hr_dstream_save_as_text_files(struct hr_dstream *in, const char *prefix,
                                        const char *suffix, struct hr_err *err);

#ifdef __cplusplus
}
#endif

#endif
