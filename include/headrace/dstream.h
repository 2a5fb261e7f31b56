/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DStreams: live data as one RDD per micro-batch.
 *
 *     struct hr_streaming *ssc = hr_streaming_new(ctx, 1000000, &err); // a batch a second
 *     struct hr_dstream *lines = hr_socket_text_stream(ssc, "localhost", 9999, &err);
 *     struct hr_dstream *words =
 *         hr_dstream_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
 *     struct hr_dstream *counts = hr_dstream_reduce_by_key(words, hr_sum, NULL, 0, &err);
 *     hr_dstream_print(counts, 10, &err);
 *     if (hr_streaming_start(ssc, &err) == 0) hr_streaming_await(ssc, -1, NULL, &err);
 *     hr_streaming_free(ssc);
 *
 * Times and durations are in microseconds. Window and slide durations are multiples of the batch
 * interval. The batch of time T holds what arrived in [T - interval, T).
 *
 * Errors and ownership are those of <headrace/rdd.h>: a NULL stream in gives NULL out; streams
 * belong to the streaming context. The graph is built before hr_streaming_start, by one thread.
 * RDDs made inside transform and foreach_rdd, from the batch's or from any source, belong to the
 * batch and go with it; hr_rdd_ref keeps one.
 *
 * Keys: operations by key take the stream's first column, or its first n behind
 * hr_dstream_with_keys(stream, n). The key that a function of transform gives its RDD
 * (hr_rdd_with_keys) is not known when the graph is built: say it by hr_dstream_with_keys behind
 * the transform. A batch whose RDD has another key than the operations behind take fails.
 *
 * A batch that fails ends the stream: hr_streaming_await returns its error, and a restart from the
 * checkpoint runs that batch again.
 *
 * Tests: a context with manual_clock runs no thread; hr_streaming_step runs one batch at a time.
 *
 *     struct hr_context_options o = {.manual_clock = true};
 *     struct hr_context *test = hr_context_new(&o, &err);
 *     ssc = hr_streaming_new(test, 1000000, &err);
 *     static const int64_t values[] = {1, 2, 3};
 *     struct hr_dstream *in = hr_queue_stream(ssc, "value LONG", true, &err);
 *     hr_dstream_print(in, 10, &err);
 *     hr_queue_push(in, hr_parallelize_longs(test, values, 3, 1, &err), &err);
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

/* interval_us: at least 1 000. The context must outlive it.
 * @code
 *     struct hr_streaming *mine = hr_streaming_new(ctx, 500000, &err); // two batches a second
 * @endcode */
struct hr_streaming *hr_streaming_new(struct hr_context *ctx, int64_t interval_us,
                                      struct hr_err *err);
/* Stops at once if it runs, and frees all streams. NULL is fine.
 * @code
 *     hr_streaming_free(ssc);
 *     hr_context_free(ctx);
 * @endcode */
void hr_streaming_free(struct hr_streaming *ssc);
/* Checks the graph (at least one output) and begins. Restores the checkpoint if there is one. The
 * jobs of the batches are in the scheduling pool that the calling thread has set
 * (hr_context_set_pool); a function of foreach_rdd may set another for its own jobs.
 * @code
 *     if (hr_streaming_start(ssc, &err) != 0) fprintf(stderr, "%s\n", err.msg);
 * @endcode */
hr_status hr_streaming_start(struct hr_streaming *ssc, struct hr_err *err);
/* Manual clock only: advances the clock by one interval and runs that batch on this thread.
 * @code
 *     struct hr_rdd *batch = hr_range(ctx, 0, 3, 1, 1, &err);
 *     hr_queue_push(stream, batch, &err);
 *     status = hr_streaming_step(ssc, &err); // its outputs have run when this returns
 * @endcode */
hr_status hr_streaming_step(struct hr_streaming *ssc, struct hr_err *err);
/* graceful: receivers end first, and what they had stored is processed. Waits for the end. Inside
 * of a batch (foreach_rdd, transform, a listener) it returns at once, and the stream ends behind
 * that batch.
 * @code
 *     status = hr_streaming_stop(ssc, true, &err);
 * @endcode */
hr_status hr_streaming_stop(struct hr_streaming *ssc, bool graceful, struct hr_err *err);
/* Until it is stopped or fails (that batch's error), or timeout_us has passed (-1: for ever):
 * *ret_ended says which, and may be NULL.
 * @code
 *     bool ended;
 *     status = hr_streaming_await(ssc, 60000000, &ended, &err); // a minute at most
 * @endcode */
hr_status hr_streaming_await(struct hr_streaming *ssc, int64_t timeout_us, bool *ret_ended,
                             struct hr_err *err);
/* Spark's getState. STOPPED also after a batch that failed. Any thread.
 * @code
 *     if (hr_streaming_get_state(ssc) == HR_STREAMING_ACTIVE) hr_streaming_stop(ssc, true, &err);
 * @endcode */
enum hr_streaming_state { HR_STREAMING_INITIALIZED, HR_STREAMING_ACTIVE, HR_STREAMING_STOPPED };
enum hr_streaming_state hr_streaming_get_state(struct hr_streaming *ssc);
/* Keeps every batch's RDDs for at least so long, for slices and queries from outside.
 * @code
 *     hr_streaming_remember(ssc, 300000000); // five minutes
 * @endcode */
void hr_streaming_remember(struct hr_streaming *ssc, int64_t duration_us);
/* After every batch, what it changed goes to the folder (made when missing): new RDDs of windows,
 * changes of states, positions of inputs, unprocessed blocks. The next program with the same
 * streams goes on behind the last batch, with any number of partitions and threads. One program at
 * a time: the second one's start fails (HR_CHECKPOINT_BUSY) until the first has stopped. A damaged
 * file is found at the start and named (HR_CHECKPOINT_CORRUPT). Before start.
 * @code
 *     status = hr_streaming_checkpoint(ssc, "/var/lib/counts", &err);
 * @endcode */
hr_status hr_streaming_checkpoint(struct hr_streaming *ssc, const char *dir, struct hr_err *err);
/* create builds the graph (always: functions cannot be read from disk). If dir holds a checkpoint,
 * the context goes on behind its last batch; a graph that does not fit it fails at start.
 * @code
 *     static struct hr_streaming *create(void *arg, struct hr_err *err)
 *     {
 *         struct hr_streaming *ssc = hr_streaming_new(arg, 1000000, err);
 *         struct hr_dstream *lines = hr_socket_text_stream(ssc, "localhost", 9999, err);
 *         if (hr_dstream_print(lines, 10, err) == 0) return ssc;
 *         hr_streaming_free(ssc);
 *         return NULL;
 *     }
 *     struct hr_streaming *again = hr_streaming_get_or_create("/var/lib/lines", create, ctx, &err);
 *     struct hr_context *its = hr_streaming_context(ssc);
 *     printf("last batch at %" PRId64 " µs\n", hr_streaming_last_batch_us(ssc));
 * @endcode */
struct hr_streaming *hr_streaming_get_or_create(const char *dir,
                                                struct hr_streaming *(*create)(void *arg,
                                                                               struct hr_err *err),
                                                void *arg, struct hr_err *err);
struct hr_context *hr_streaming_context(const struct hr_streaming *ssc);
int64_t hr_streaming_last_batch_us(const struct hr_streaming *ssc); /* 0: none yet */

/* Spark's names and defaults, before start:
 *   spark.streaming.receiver.maxRate        rows a second of each receiver; 0: no limit
 *   spark.streaming.kafka.maxRatePerPartition   messages a second of each partition; 0: no limit
 *   spark.streaming.kafka.minRatePerPartition   1; messages a batch that every partition may
 *                                           always have while a rate limits it (at least 1)
 *   spark.streaming.backpressure.enabled    false; the rate follows what batches could process
 *   spark.streaming.backpressure.initialRate    rows a second until there is an estimate, from the
 *                                           first batch on; 0: no limit
 *   spark.streaming.backpressure.pid.proportional, .integral, .derived, .minRate
 *                                           1.0, 0.2, 0.0, 100 (rows a second)
 *   spark.streaming.blockInterval           200 (ms): single rows stored by a receiver become a
 *                                           block (a partition of the batch) that often
 *   spark.streaming.concurrentJobs          1: so many outputs of one batch run at a time, from as
 *                                           many threads; batches stay one after the other
 *   spark.streaming.receiverRestartDelay    2000 (ms)
 * Backpressure: the estimate is of each receiver; of a direct stream for all its partitions, shared
 * out by how far each is behind. There is no spark.streaming.stopGracefullyOnShutdown, because a
 * library does not own its process's signals: wait for them (sigwait, signalfd) and call
 * hr_streaming_stop(ssc, true, …).
 * @code
 *     status = hr_streaming_set(ssc, "spark.streaming.backpressure.enabled", "true", &err);
 * @endcode */
hr_status hr_streaming_set(struct hr_streaming *ssc, const char *key, const char *value,
                           struct hr_err *err);

/* --- Listeners -------------------------------------------------------------------------------- */

/* Spark's StreamInputInfo: what a batch took from one input. */
struct hr_input_info {
    uint32_t stream_id;
    const char *name; /* "kafka", "socket-text", "queue" … */
    uint64_t rows;    /* 0 where it is not known before they are read (files) */
    /* A line each: Kafka's offsets ("topic: t\tpartition: 0\toffsets: 5 to 9\tcount: 4", the
     * largest first), the files' names, the ranges of another source. "" for others. */
    const char *description;
};
/* Spark's OutputOperationInfo. */
struct hr_output_info {
    int64_t batch_time_us;
    uint32_t output;          /* 0 …, in the order in which they were made */
    int64_t start_us, end_us; /* 0: not started (a slide that this batch is not part of, or an
                                 output before it failed); not ended */
    const char *error;        /* or NULL */
};
/* Spark's ReceiverInfo. */
struct hr_receiver_info {
    uint32_t stream_id;
    const char *name;
    bool active;
    const char *last_error; /* "": none */
    int64_t last_error_us;  /* 0: none */
};
/* Times are 0 and delays -1 until they are known. All pointers are borrowed for the call. */
struct hr_batch_info {
    int64_t batch_time_us;
    int64_t submission_us, processing_start_us, processing_end_us;
    /* From the batch's time to its start; from there to its end; both. */
    int64_t scheduling_delay_us, processing_delay_us, total_delay_us;
    uint64_t rows; /* of all inputs */
    uint32_t outputs;
    const char *error;                         /* of a failed batch, or NULL */
    const struct hr_input_info *inputs;        /* input_count of them */
    const struct hr_output_info *output_infos; /* outputs of them */
    uint32_t input_count;
};
/*
 * Unused members NULL. Called from the batch's thread (receiver events: the receiver's; output
 * events: the output's, one call at a time). The order, as in Spark:
 *   streaming_started, then for each batch submitted, started, for each output output_started and
 *   output_completed, completed (also for a batch that fails);
 *   for a receiver started, then (its start returned an error: error,) stopped; again from started
 *   on after a restart; stopped once more is not sent at the end of a receiver that has stopped.
 * A listener must not stop or free the streaming context.
 */
struct hr_streaming_listener {
    void *arg;
    void (*on_streaming_started)(void *arg, int64_t time_us);
    void (*on_receiver_started)(void *arg, const struct hr_receiver_info *info);
    void (*on_receiver_error)(void *arg, const struct hr_receiver_info *info);
    void (*on_receiver_stopped)(void *arg, const struct hr_receiver_info *info);
    void (*on_batch_submitted)(void *arg, const struct hr_batch_info *info);
    void (*on_batch_started)(void *arg, const struct hr_batch_info *info);
    void (*on_batch_completed)(void *arg, const struct hr_batch_info *info);
    void (*on_output_started)(void *arg, const struct hr_output_info *info);
    void (*on_output_completed)(void *arg, const struct hr_output_info *info);
};
/* The struct is copied. Before start.
 * @code
 *     static void done(void *arg, const struct hr_batch_info *info)
 *     {
 *         printf("%" PRIu64 " rows, %" PRId64 " µs late\n", info->rows, info->scheduling_delay_us);
 *     }
 *     struct hr_streaming_listener listener = {.on_batch_completed = done};
 *     status = hr_streaming_add_listener(ssc, &listener, &err);
 * @endcode */
hr_status hr_streaming_add_listener(struct hr_streaming *ssc,
                                    const struct hr_streaming_listener *listener,
                                    struct hr_err *err);

/* --- Inputs ----------------------------------------------------------------------------------- */

/* Takes RDDs that are pushed: one a batch, or all there are. An empty queue gives an empty
 * batch.
 * @code
 *     struct hr_dstream *queue = hr_queue_stream(ssc, "value LONG", true, &err);
 * @endcode */
struct hr_dstream *hr_queue_stream(struct hr_streaming *ssc, const char *schema, bool one_at_a_time,
                                   struct hr_err *err);
/* Any thread. The RDD is referenced until it has been processed.
 * @code
 *     status = hr_queue_push(stream, hr_range(ctx, 0, 100, 1, 2, &err), &err);
 * @endcode */
hr_status hr_queue_push(struct hr_dstream *queue, struct hr_rdd *rdd, struct hr_err *err);
/* Lines of a TCP connection as column `value`; connects again after
 * spark.streaming.receiverRestartDelay when it is lost.
 * @code
 *     struct hr_dstream *typed = hr_socket_text_stream(ssc, "localhost", 9999, &err);
 * @endcode */
struct hr_dstream *hr_socket_text_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                         struct hr_err *err);
/* Lines of files that appear in a folder (moved there whole) after the start, as column `value`;
 * names that begin with . or _ are not seen, folders within are not searched. dir may be a glob of
 * folders ("logs/2026-*"). new_only false: also those that are there already. A file is read once,
 * whatever its modification time is; Spark's remember window is not needed.
 * @code
 *     struct hr_dstream *logs = hr_text_file_stream(ssc, "/var/spool/logs", true, &err);
 * @endcode */
struct hr_dstream *hr_text_file_stream(struct hr_streaming *ssc, const char *dir, bool new_only,
                                       struct hr_err *err);
/* Records of record_bytes each as column `value` BINARY, of files as above. A file whose size is no
 * multiple fails the batch.
 * @code
 *     struct hr_dstream *records = hr_binary_records_stream(ssc, "incoming", 16, true, &err);
 * @endcode */
struct hr_dstream *hr_binary_records_stream(struct hr_streaming *ssc, const char *dir,
                                            uint32_t record_bytes, bool new_only,
                                            struct hr_err *err);
/* Whether a path (folder and name) is taken. On the batch's thread, at every look. */
typedef bool (*hr_path_filter_fn)(void *arg, const char *path);
/* Spark's fileStream. Zeroed: lines of all files. */
struct hr_file_stream_spec {
    const char *format; /* "text" (also NULL), "json", "csv" …: a format of files of SQL */
    const char *schema; /* its columns; required but for text */
    const char *const *options; /* its options: names and values in turn, NULL at the end */
    uint32_t record_bytes;      /* not 0: records, without format, schema and options */
    hr_path_filter_fn filter;   /* NULL: names that do not begin with . or _ */
    void *filter_arg;
    bool new_only;
};
/* Files that appear in dir, a batch each time. hr_source_stream(ssc, "json", …) is the same with
 * SQL's rules: folders within are searched, maxFilesPerTrigger limits a batch.
 * @code
 *     struct hr_file_stream_spec spec = {.format = "csv", .schema = "k STRING, n LONG",
 *                                        .filter = is_report, .new_only = true};
 *     struct hr_dstream *in = hr_file_stream(ssc, "incoming", &spec, &err);
 * @endcode */
struct hr_dstream *hr_file_stream(struct hr_streaming *ssc, const char *dir,
                                  const struct hr_file_stream_spec *spec, struct hr_err *err);

/* Direct streams, without a receiver: format is what SQL knows after USING ("kafka", "json",
 * "rate" …), options are its options as key, value, …, NULL; schema as for the table, or NULL
 * for the source's own. A batch is a range of offsets that its RDD's partitions read, again when
 * they are recomputed; the checkpoint holds the offsets, so that each row is in exactly one batch.
 * How much a batch takes is limited by the source's options (maxFilesPerTrigger …) and, with
 * backpressure, by the rate (sources of whole files: not).
 * @code
 *     const char *options[] = {"path", "in", "maxFilesPerTrigger", "10", NULL};
 *     struct hr_dstream *in = hr_source_stream(ssc, "json", "k STRING, n LONG", options, &err);
 * @endcode */
struct hr_dstream *hr_source_stream(struct hr_streaming *ssc, const char *format,
                                    const char *schema, const char *const *options,
                                    struct hr_err *err);
/* Inside foreach_rdd or transform on such a stream itself: the batch's offsets [start, end) as the
 * source writes them (Kafka: Spark's JSON). Borrowed from rdd. false: rdd is of another kind.
 * @code
 *     const char *from, *until;
 *     if (hr_rdd_offset_range(rdd, &from, &until)) printf("%s to %s\n", from, until);
 * @endcode */
bool hr_rdd_offset_range(const struct hr_rdd *rdd, const char **ret_start, const char **ret_end);

/*
 * Kafka without a receiver, Spark's KafkaUtils.createDirectStream. topics: names separated by
 * commas (ConsumerStrategies.Subscribe), or NULL where params say "subscribePattern" or "assign".
 * Columns: key BINARY, value BINARY, topic STRING, partition INT, offset LONG, timestamp TIMESTAMP,
 * timestampType INT (and headers, with "includeHeaders"). params are names and values in turn, then
 * NULL:
 *   - those of a Kafka consumer as Spark's kafkaParams: "bootstrap.servers" (required), "group.id",
 *     "security.protocol" … librdkafka's are understood. "key.deserializer" and
 *     "value.deserializer" are accepted and mean nothing, the columns being bytes.
 *   - "auto.offset.reset": "latest" (default), "earliest", or "none" (an error): where a stream
 *     starts for which neither the checkpoint nor the group has an offset.
 *   - "enable.auto.commit": "true" (default): the offsets of each batch are committed to the group
 *     when the batch is done. "false": only what hr_dstream_commit_offsets is given.
 *   - the options of SQL's Kafka source, under their own names ("startingOffsets" …).
 * A start goes on at the checkpoint; without one at what the group has committed; a partition that
 * is new since then at its beginning (Spark: at auto.offset.reset, which may lose messages). Each
 * partition's messages come without gap and without repetition: messages that are gone (retention,
 * a topic made anew) end the stream with an error of class HR_DATA_LOSS, unless "failOnDataLoss" is
 * "false".
 * @code
 *     const char *params[] = {"bootstrap.servers", "localhost:9092", "group.id", "totals",
 *                             "auto.offset.reset", "earliest",
 *                             "enable.auto.commit", "false", NULL};
 *     struct hr_dstream *in = hr_kafka_direct_stream(ssc, "payments", params, &err);
 *     hr_dstream_foreach_rdd(in, save, in, &err);
 * @endcode
 * Its decoded form ("format" 'json' and columns) is hr_source_stream(ssc, "kafka", …), with SQL's
 * names of the options; "groupOffsets" 'true' makes it use the group "kafka.group.id" as above.
 */
struct hr_dstream *hr_kafka_direct_stream(struct hr_streaming *ssc, const char *topics,
                                          const char *const *params, struct hr_err *err);
/* Spark's OffsetRange: the messages [from, until) of a partition. */
struct hr_offset_range {
    const char *topic;
    int32_t partition;
    int64_t from, until;
};
/* Spark's HasOffsetRanges, inside foreach_rdd or transform on a Kafka stream itself (or of an RDD
 * by hr_kafka_rdd): the ranges of all partitions, those without new messages too, by topic and
 * number. Fills at most max places and returns how many there are (0: rdd is of another kind, or of
 * a windowed or transformed stream). The topics are borrowed from rdd. */
uint32_t hr_rdd_offset_ranges(const struct hr_rdd *rdd, struct hr_offset_range *ret, uint32_t max);
/* Spark's CanCommitOffsets.commitAsync: commits the ends of the ranges to the stream's group when
 * the batch that runs is done (its checkpoint written), the largest for each partition. Returns at
 * once; what the broker refuses is logged and tried again after the next batch. Any thread.
 * @code
 *     static hr_status save(void *stream, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
 *     {
 *         struct hr_offset_range ranges[64];
 *         uint32_t n = hr_rdd_offset_ranges(rdd, ranges, 64);
 *         // … store the rows …
 *         return hr_dstream_commit_offsets(stream, ranges, n, err);
 *     }
 * @endcode */
hr_status hr_dstream_commit_offsets(struct hr_dstream *stream, const struct hr_offset_range *ranges,
                                    uint32_t count, struct hr_err *err);
/* KafkaUtils.createRDD: the messages of the ranges, a partition each, with the columns and params
 * of hr_kafka_direct_stream. A range beyond what the broker has is an error now.
 * @code
 *     const char *params[] = {"bootstrap.servers", "localhost:9092", NULL};
 *     struct hr_offset_range ranges[] = {{"payments", 0, 100, 200}};
 *     struct hr_rdd *hundred = hr_kafka_rdd(ctx, params, ranges, 1, &err);
 * @endcode */
struct hr_rdd *hr_kafka_rdd(struct hr_context *ctx, const char *const *params,
                            const struct hr_offset_range *ranges, uint32_t count,
                            struct hr_err *err);

/* Spark's socketStream: cut takes rows out of the bytes of a TCP connection. It is given all bytes
 * that came and were not taken yet, emits a row for each whole record, and returns how many bytes
 * those were (0: none is whole yet). last: no more will come. A negative number, or an error of the
 * emitter, ends the connection; it is made again after spark.streaming.receiverRestartDelay. A
 * record may have up to 64 MiB. Called on the receiver's thread.
 * @code
 *     static int64_t cut(void *arg, struct hr_text bytes, bool last, struct hr_emitter *out,
 *                        struct hr_err *err) // records of 8 bytes each
 *     {
 *         size_t at = 0;
 *         for (; bytes.len - at >= 8; at += 8) {
 *             hr_emit_text(out, (struct hr_text){bytes.ptr + at, 8});
 *             hr_emit_end(out);
 *         }
 *         return (int64_t)at;
 *     }
 *     struct hr_dstream *in =
 *         hr_socket_stream(ssc, "localhost", 9999, "record BINARY", cut, NULL, &err);
 * @endcode */
typedef int64_t (*hr_cut_fn)(void *arg, struct hr_text bytes, bool last, struct hr_emitter *out,
                             struct hr_err *err);
struct hr_dstream *hr_socket_stream(struct hr_streaming *ssc, const char *host, uint16_t port,
                                    const char *schema, hr_cut_fn cut, void *arg,
                                    struct hr_err *err);

/*
 * Receivers of your own. start is called on a thread of the receiver's own and should return when
 * hr_receiver_stopped says so; it stores rows as they come. When it returns an error it is called
 * again after spark.streaming.receiverRestartDelay (2 seconds); when it returns 0 the receiver has
 * ended. stop (may be NULL) must make a blocked start return; it is called by other threads, also
 * when start is not running. A graceful stop of the context lets start return first, then a last
 * batch takes what was stored.
 *
 * Reliable: hr_receiver_store of a block; when it returns 0 the rows are kept (with a checkpoint
 * folder: on disk), so the receiver acknowledges its source then, and none is lost. Unreliable:
 * single rows, which become a block every spark.streaming.blockInterval; a crash may lose those of
 * the block that is open.
 * @code
 *     static hr_status listen(void *arg, struct hr_receiver *receiver, struct hr_err *err)
 *     {
 *         char line[256];
 *         while (!hr_receiver_stopped(receiver) && fgets(line, sizeof line, arg)) {
 *             hr_status status = hr_receiver_store_text(receiver, hr_text(line), err);
 *             if (status) return status;
 *         }
 *         return 0;
 *     }
 *     struct hr_receiver_vt vt = {.name = "stdin", .start = listen, .arg = stdin};
 *     struct hr_dstream *in = hr_receiver_stream(ssc, "value STRING", &vt, &err);
 * @endcode */
struct hr_receiver_vt {
    const char *name; /* for listeners; as long as the stream */
    hr_status (*start)(void *arg, struct hr_receiver *receiver, struct hr_err *err);
    void (*stop)(void *arg);
    void *arg;
};
struct hr_dstream *hr_receiver_stream(struct hr_streaming *ssc, const char *schema,
                                      const struct hr_receiver_vt *vt, struct hr_err *err);
/* Stores what fill emits (on this thread, at once) as one block. Any thread, several at a time.
 * Blocks while over the rate limit; HR_CANCELLED when the receiver is being stopped. After any
 * error nothing of the block is kept: the source may send it again.
 * @code
 *     status = hr_receiver_store(receiver, fill, arg, &err);
 *     if (status == 0) printf("safe: acknowledge them\n");
 * @endcode */
hr_status hr_receiver_store(struct hr_receiver *receiver, hr_fill_fn fill, void *arg,
                            struct hr_err *err);
/* One row (fill emits exactly one, of scalar columns); one row of one STRING. An error of the
 * write-ahead log (HR_IO …) is that of the row which closed the block, whose rows are gone.
 * @code
 *     status = hr_receiver_store_text(receiver, hr_text("one line"), &err);
 *     if (hr_receiver_stopped(receiver)) return 0;
 *     status = hr_receiver_store_row(receiver, fill, arg, &err);
 * @endcode */
hr_status hr_receiver_store_row(struct hr_receiver *receiver, hr_fill_fn fill, void *arg,
                                struct hr_err *err);
hr_status hr_receiver_store_text(struct hr_receiver *receiver, struct hr_text text,
                                 struct hr_err *err);
/* Whether start should return: the context stops, or a restart or stop was asked for. */
bool hr_receiver_stopped(const struct hr_receiver *receiver);
/* Tells the listeners; goes on. message is copied.
 * @code
 *     hr_receiver_report_error(receiver, "a message could not be parsed");
 * @endcode */
void hr_receiver_report_error(struct hr_receiver *receiver, const char *message);
/* Any thread: makes start return and be called again after delay_us (-1: the setting; real time,
 * also with a manual clock); or ends this receiver, the context goes on. message is copied into the
 * receiver's info as its last error. From another thread than start's it calls stop. Return at
 * once; without effect where start is not running.
 * @code
 *     hr_receiver_restart(receiver, "the connection is gone", 5000000); // again in 5 s
 *     hr_receiver_stop(receiver, "there is no more");
 * @endcode */
void hr_receiver_restart(struct hr_receiver *receiver, const char *message, int64_t delay_us);
void hr_receiver_stop(struct hr_receiver *receiver, const char *message);

/* --- Transformations: batch by batch, as the RDD operations of the same names ----------------- */

/* Schemas, functions and rules are those of the RDD operations.
 * @code
 *     struct hr_dstream *loud = hr_dstream_map(stream, "value STRING", upper, NULL, &err);
 *     struct hr_dstream *words_of =
 *         hr_dstream_flat_map(stream, "word STRING, n LONG", split, NULL, &err);
 *     struct hr_dstream *errors = hr_dstream_filter(stream, is_error, NULL, &err);
 *     struct hr_dstream *same = hr_dstream_map_values(pairs, "n LONG", upper, NULL, &err);
 *     struct hr_dstream *more = hr_dstream_flat_map_values(pairs, "n LONG", upper, NULL, &err);
 *     struct hr_dstream *keyed =
 *         hr_dstream_key_by(stream, "letter STRING", first_letter, NULL, &err);
 *     struct hr_dstream *by_two = hr_dstream_with_keys(stream, 2, &err);
 *     struct hr_dstream *arrays = hr_dstream_glom(stream, &err);
 *     struct hr_dstream *spread = hr_dstream_repartition(stream, 8, &err);
 *     struct hr_dstream *both = hr_dstream_union(stream, loud, &err);
 *     static hr_status count_them(void *arg, uint32_t partition, struct hr_rows *in,
 *                                 struct hr_emitter *out, struct hr_err *err)
 *     {
 *         int64_t n = 0;
 *         while (hr_rows_next(in)) n++;
 *         hr_emit_long(out, n);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_dstream *sizes =
 *         hr_dstream_map_partitions(stream, "n LONG", count_them, NULL, &err);
 *     static hr_status first_rows(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
 *                                 uint32_t *ret_count, struct hr_err *err)
 *     {
 *         ret_rows[(*ret_count)++] = in->sel ? in->sel[0] : 0;
 *         return 0;
 *     }
 *     static hr_status pass(void *arg, const struct hr_batch_view *in, struct hr_emitter *out,
 *                           struct hr_err *err)
 *     {
 *         hr_emit_column(out, in, 0);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_dstream *few = hr_dstream_filter_batches(stream, first_rows, NULL, &err);
 *     struct hr_dstream *all = hr_dstream_map_batches(few, "value STRING", pass, NULL, &err);
 * @endcode */
struct hr_dstream *hr_dstream_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                  void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_flat_map(struct hr_dstream *in, const char *schema, hr_row_fn fn,
                                       void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_filter(struct hr_dstream *in, hr_predicate_fn fn, void *arg,
                                     struct hr_err *err);
struct hr_dstream *hr_dstream_map_partitions(struct hr_dstream *in, const char *schema,
                                             hr_partition_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_map_batches(struct hr_dstream *in, const char *schema, hr_batch_fn fn,
                                          void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_filter_batches(struct hr_dstream *in, hr_select_fn fn, void *arg,
                                             struct hr_err *err);
struct hr_dstream *hr_dstream_map_values(struct hr_dstream *in, const char *value_schema,
                                         hr_row_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_flat_map_values(struct hr_dstream *in, const char *value_schema,
                                              hr_row_fn fn, void *arg, struct hr_err *err);
struct hr_dstream *hr_dstream_key_by(struct hr_dstream *in, const char *key_schema, hr_row_fn fn,
                                     void *arg, struct hr_err *err);
/* The same stream with its first n columns as the key. */
struct hr_dstream *hr_dstream_with_keys(struct hr_dstream *in, uint32_t n, struct hr_err *err);
struct hr_dstream *hr_dstream_glom(struct hr_dstream *in, struct hr_err *err);
struct hr_dstream *hr_dstream_repartition(struct hr_dstream *in, uint32_t partitions,
                                          struct hr_err *err);
struct hr_dstream *hr_dstream_union(struct hr_dstream *a, struct hr_dstream *b, struct hr_err *err);
/* One row `count` a batch, 0 for an empty one; the merged row, none for an empty one; (row,
 * count).
 * @code
 *     struct hr_dstream *count = hr_dstream_count(stream, &err);
 *     struct hr_dstream *one = hr_dstream_reduce(stream, longer, NULL, &err);
 *     struct hr_dstream *per_row = hr_dstream_count_by_value(stream, 0, &err);
 *     struct hr_dstream *sums = hr_dstream_reduce_by_key(pairs, hr_sum, NULL, 0, &err);
 *     struct hr_dstream *grouped = hr_dstream_group_by_key(pairs, 0, &err);
 *     struct hr_combiner combiner = {.state_schema = "value STRING",
 *                                    .create = upper,
 *                                    .merge_value = longer,
 *                                    .merge_states = longer};
 *     struct hr_dstream *longest = hr_dstream_combine_by_key(pairs, &combiner, 0, &err);
 *     struct hr_dstream *inner = hr_dstream_join(pairs, stream, 0, &err);
 *     struct hr_dstream *left = hr_dstream_left_outer_join(pairs, stream, 0, &err);
 *     struct hr_dstream *right = hr_dstream_right_outer_join(pairs, stream, 0, &err);
 *     struct hr_dstream *full = hr_dstream_full_outer_join(pairs, stream, 0, &err);
 *     struct hr_dstream *together = hr_dstream_cogroup(pairs, stream, 0, &err);
 * @endcode */
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
 * that of the input.
 * @code
 *     static struct hr_rdd *known(void *arg, struct hr_rdd *rdd, int64_t time_us,
 *                                 struct hr_err *err)
 *     {
 *         return hr_rdd_join(rdd, arg, 0, err); // with data at rest
 *     }
 *     static struct hr_rdd *without(void *arg, struct hr_rdd *a, struct hr_rdd *b, int64_t time_us,
 *                                   struct hr_err *err)
 *     {
 *         return hr_rdd_subtract_by_key(a, b, 0, err);
 *     }
 *     struct hr_dstream *joined =
 *         hr_dstream_transform(pairs, "word STRING, n LONG, kind STRING", known, rdd, &err);
 *     struct hr_dstream *rest =
 *         hr_dstream_transform_with(pairs, stream, NULL, without, NULL, &err);
 * @endcode */
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

/* The rows of the batches in (T - length, T], every slide.
 * @code
 *     const int64_t minute = 60000000;
 *     struct hr_dstream *rows_of_10 = hr_dstream_window(stream, 10 * minute, minute, &err);
 *     struct hr_dstream *count = hr_dstream_count_by_window(stream, 10 * minute, minute, &err);
 *     struct hr_dstream *one =
 *         hr_dstream_reduce_by_window(stream, longer, NULL, 10 * minute, minute, &err);
 *     struct hr_dstream *grouped =
 *         hr_dstream_group_by_key_and_window(pairs, 10 * minute, minute, 0, &err);
 *     struct hr_dstream *counts =
 *         hr_dstream_count_by_value_and_window(stream, 10 * minute, minute, 0, &err);
 * @endcode */
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
 * rows for which it is false are dropped from the window's state, as with Spark's filterFunc: a key
 * so dropped begins anew with its next value, whatever of it is still in the window, so keep should
 * be false only for totals that nothing more will be taken off (a count of 0).
 * @code
 *     static bool positive(void *arg, const struct hr_row *row)
 *     {
 *         return hr_row_long(row, 1) > 0;
 *     }
 *     struct hr_dstream *hot = hr_dstream_reduce_by_key_and_window(
 *         pairs, hr_sum, hr_subtract, positive, NULL, 30000000, 1000000, 0, &err);
 * @endcode */
struct hr_dstream *hr_dstream_reduce_by_key_and_window(struct hr_dstream *in, hr_merge_fn fn,
                                                       hr_merge_fn inverse, hr_predicate_fn keep,
                                                       void *arg, int64_t length_us,
                                                       int64_t slide_us, uint32_t partitions,
                                                       struct hr_err *err);
/* The difference for hr_sum: a - b, column by column.
 * @code
 *     struct hr_dstream *totals = hr_dstream_reduce_by_key_and_window(
 *         pairs, hr_sum, hr_subtract, NULL, NULL, 30000000, 1000000, 0, &err);
 * @endcode */
hr_status hr_subtract(void *arg, const struct hr_row *a, const struct hr_row *b,
                      struct hr_emitter *out, struct hr_err *err);

/* --- State ------------------------------------------------------------------------------------ */

/* For every key with state or new rows, each batch. values: a row whose column 0 is the ARRAY of
 * new values (maybe empty; hr_row_length, hr_row_element); state: the old one, or NULL. Emit the
 * new state, or nothing to remove the key.
 * @code
 *     static hr_status total(void *arg, const struct hr_row *key, const struct hr_row *values,
 *                            const struct hr_row *state, struct hr_emitter *out,
 *                            struct hr_err *err)
 *     {
 *         int64_t sum = state ? hr_row_long(state, 0) : 0;
 *         struct hr_row value;
 *         for (uint32_t i = 0; hr_row_element(values, 0, i, &value); i++)
 *             sum += hr_row_long(&value, 0);
 *         hr_emit_long(out, sum);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_dstream *totals =
 *         hr_dstream_update_state_by_key(pairs, "total LONG", total, NULL, 0, NULL, &err);
 * @endcode */
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
 * @code
 *     static hr_status running(void *arg, int64_t time_us, const struct hr_row *key,
 *                              const struct hr_row *value, struct hr_state *state,
 *                              struct hr_emitter *out, struct hr_err *err)
 *     {
 *         if (hr_state_timing_out(state)) return 0; // the key goes, nothing to say
 *         const struct hr_row *old = hr_state_get(state);
 *         int64_t sum = (old ? hr_row_long(old, 0) : 0) + hr_row_long(value, 0);
 *         if (sum < 0) {
 *             hr_state_remove(state);
 *             return 0;
 *         }
 *         struct hr_emitter *update = hr_state_update(state);
 *         hr_emit_long(update, sum);
 *         hr_emit_end(update);
 *         hr_emit_fields(out, key);
 *         hr_emit_long(out, sum);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_state_spec spec = {.state_schema = "sum LONG",
 *                                  .mapped_schema = "word STRING, sum LONG",
 *                                  .fn = running,
 *                                  .timeout_us = 60000000};
 *     struct hr_dstream *sums = hr_dstream_map_with_state(pairs, &spec, &err);
 *     struct hr_dstream *all = hr_dstream_state_snapshots(sums, &err);
 * @endcode */
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
 * level. Of a window it is what the window reads that is kept, once. Before start. Returns in.
 * @code
 *     hr_dstream_persist(stream, HR_MEMORY_AND_DISK, &err);
 *     hr_dstream_cache(pairs, &err);
 * @endcode */
struct hr_dstream *hr_dstream_persist(struct hr_dstream *in, enum hr_persist level,
                                      struct hr_err *err);
struct hr_dstream *hr_dstream_cache(struct hr_dstream *in, struct hr_err *err);
/* The RDDs of the batches in [from_us, to_us] that are remembered, into ret (max places). They are
 * borrowed from the stream: hr_rdd_ref to keep one. Not while a batch runs on another thread.
 * @code
 *     struct hr_rdd *last_minute[60];
 *     int64_t now_us = hr_streaming_last_batch_us(ssc);
 *     uint32_t found = hr_dstream_slice(stream, now_us - 60000000, now_us, last_minute, 60);
 *     printf("%u batches of stream %u, one each %" PRId64 " µs\n", found, hr_dstream_id(stream),
 *            hr_dstream_slide_us(stream));
 * @endcode */
uint32_t hr_dstream_slice(struct hr_dstream *in, int64_t from_us, int64_t to_us,
                          struct hr_rdd **ret, uint32_t max);
uint32_t hr_dstream_id(const struct hr_dstream *in);
int64_t hr_dstream_slide_us(const struct hr_dstream *in);

/* --- Outputs: run for every batch, in the order in which they were made ----------------------- */

typedef hr_status (*hr_foreach_rdd_fn)(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                       struct hr_err *err);
/* fn runs for every batch on the loop's thread; an error ends the stream.
 * @code
 *     static hr_status save(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
 *     {
 *         uint64_t n;
 *         hr_status status = hr_rdd_count(rdd, &n, err);
 *         if (status == 0) printf("%" PRIu64 " rows at %" PRId64 "\n", n, time_us);
 *         return status;
 *     }
 *     status = hr_dstream_foreach_rdd(stream, save, NULL, &err);
 * @endcode */
hr_status hr_dstream_foreach_rdd(struct hr_dstream *in, hr_foreach_rdd_fn fn, void *arg,
                                 struct hr_err *err);
/* The first n rows of each batch on standard output, in Spark's form.
 * @code
 *     status = hr_dstream_print(stream, 10, &err);
 * @endcode */
hr_status hr_dstream_print(struct hr_dstream *in, uint32_t n, struct hr_err *err);
/* Folders PREFIX-MILLISECONDS[.SUFFIX]; without a prefix (NULL or empty) MILLISECONDS[.SUFFIX].
 * @code
 *     status = hr_dstream_save_as_text_files(pairs, "out/counts", "txt", &err);
 * @endcode */
hr_status hr_dstream_save_as_text_files(struct hr_dstream *in, const char *prefix,
                                        const char *suffix, struct hr_err *err);

#ifdef __cplusplus
}
#endif

#endif
