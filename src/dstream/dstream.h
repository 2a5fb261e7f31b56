/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the public DStream interface: the graph, its memory of generated RDDs, inputs, and the
 * batch loop.
 *
 * A stream's RDD of a time is generated once (hr_ds_rdd) and remembered as long as windows, slices
 * or the user need it; forgetting it drops its blocks. Streams whose next RDD depends on their last
 * one (state, windows with an inverse) materialise each (hr_rdd_local_checkpoint), so lineage never
 * grows.
 */
#ifndef HR_DSTREAM_DSTREAM_H
#define HR_DSTREAM_DSTREAM_H

#include "api/api.h"
#include "dstream/rate.h"
#include "dstream/segments.h"

struct hr_ds_vt {
    const char *name;
    /* The RDD of a valid time; NULL: failed. */
    struct hr_rdd *(*compute)(struct hr_dstream *, int64_t time, struct hr_err *);
    void (*free)(struct hr_dstream *); /* own parts; NULL: none */
    /* At the stream's start and end: receivers; states that count their memory. Optional. */
    hr_status (*start)(struct hr_dstream *, struct hr_err *);
    void (*stop)(struct hr_dstream *);
    /* What a checkpoint keeps beside the remembered RDDs; NULL: nothing. */
    hr_status (*save)(struct hr_dstream *, struct hr_buf *, struct hr_err *);
    hr_status (*load)(struct hr_dstream *, struct hr_reader *, struct hr_err *);
    /* State that is kept by its changes: appends them to ssc->log (before save); takes a record
     * back (after load, in the order of writing); all have been taken back. NULL: none. */
    hr_status (*put_changes)(struct hr_dstream *, struct hr_err *);
    hr_status (*replay)(struct hr_dstream *, const struct hr_ds_record *, struct hr_err *);
    hr_status (*replayed)(struct hr_dstream *, struct hr_err *);
    void (*batch_done)(struct hr_dstream *, int64_t time); /* after the checkpoint */
    /* Inputs whose data outlive a crash: what the batch of time takes; that the first batch takes
     * the same again (after load, before start). Both or none. */
    hr_status (*plan_save)(struct hr_dstream *, int64_t time, struct hr_buf *, struct hr_err *);
    hr_status (*plan_load)(struct hr_dstream *, struct hr_reader *, struct hr_err *);
    /* Inputs, optional: the batch's struct hr_input_info.description. */
    void (*describe)(struct hr_dstream *, int64_t time, struct hr_buf *out);
    /* What its state in a checkpoint depends on beside what hr_ds_params_put says of every stream:
     * lines "name value"; optional. */
    void (*params)(const struct hr_dstream *, struct hr_buf *out);
    bool input;
    bool shares; /* its RDDs are its parent's, put together: no blocks of its own are kept */
};

struct hr_ds_generated {
    int64_t time;
    struct hr_rdd *rdd; /* referenced; NULL: none for this time */
    struct hr_ds_generated *next;
    uint64_t segment; /* of the checkpoint, where it is; 0: not written, or without rows */
    bool saved;
};

#define HR_DS_PARENTS 2

struct hr_dstream {
    const struct hr_ds_vt *vt;
    struct hr_streaming *ssc;
    struct hr_dstream *next; /* in order of creation */
    uint32_t id;
    const char *name; /* inputs: for listeners; the vt's own unless set */
    const struct hr_type *schema;
    uint32_t key_columns;
    struct hr_dstream *parents[HR_DS_PARENTS];
    uint32_t parent_count, consumers;
    int64_t slide, window;     /* window: how far back it reads its parents; 0: this time only */
    int64_t remember;          /* set at start */
    int64_t remembered;        /* when the checkpoint was written */
    bool keys_used;            /* an operation by key stands on its RDDs' key columns */
    bool passes_keys;          /* its RDDs' key columns are its parents' */
    bool needs_previous;       /* computes from its own last RDD, or from state of its own */
    bool used;                 /* an output needs it; set at start, as the next one */
    bool checkpointed;         /* its remembered RDDs go into checkpoints */
    uint64_t needs_from;       /* the first segment with changes of its state; 0: none */
    struct hr_ds_delta *delta; /* delta.c; NULL: none */
    enum hr_persist level;
    struct hr_ds_generated *generated; /* newest first */
    uint64_t rows;                     /* inputs: of the batch last generated */
};

struct hr_ds_output {
    struct hr_ds_output *next;
    struct hr_dstream *in;
    hr_foreach_rdd_fn fn;
    void *arg;
    void (*free_arg)(void *arg);
    struct hr_output_info info; /* of the batch that runs */
    char *error;                /* its text */
};

struct hr_ds_listener {
    struct hr_ds_listener *next;
    struct hr_streaming_listener l;
};

struct hr_ds_conf {
    int64_t max_rate, initial_rate, block_interval_ms, concurrent_jobs;
    bool backpressure;
    double pid_proportional, pid_integral, pid_derived;
    int64_t pid_min_rate;
    int64_t max_rate_per_partition, min_rate_per_partition, restart_delay_ms;
};

enum hr_ds_state { HR_DS_NEW, HR_DS_RUNNING, HR_DS_STOPPED };

struct hr_streaming {
    struct hr_context *ctx;
    int64_t interval, zero,
        last; /* times of the first batch less one interval, of the last batch */
    int64_t remember;
    struct hr_dstream *first, **tail;
    uint32_t stream_count;
    struct hr_ds_output *outputs, **outputs_tail;
    struct hr_ds_listener *listeners;
    struct hr_ds_conf conf;
    char *checkpoint_dir;
    char checkpoint_id[37];    /* of the folder's content since its first start */
    struct hr_budget *budget;  /* of its pool, where state counts; from the start on */
    char *sched_pool;          /* scheduling pool of the batches' jobs; NULL: "default" */
    struct hr_ds_segments log; /* of the checkpoint */
    int lock_fd;
    bool has_log, locked;
    struct hr_pool *batch_pool; /* of the batch being generated */
    struct hr_batch_info info;  /* of the last batch */
    enum hr_ds_state state;
    bool has_thread, graceful;
    _Atomic bool stopping;
    pthread_t thread;
    struct hr_wakeup wakeup;
    bool has_wakeup;
    pthread_mutex_t lock; /* state, failed, err */
    pthread_cond_t ended;
    bool failed, finished;
    struct hr_err err;
};

/* A zeroed stream of size bytes at the end of the graph. */
void *hr_ds_new(struct hr_streaming *ssc, const struct hr_ds_vt *vt, size_t size,
                const struct hr_type *schema, struct hr_dstream *a, struct hr_dstream *b,
                struct hr_err *err);
/* An operation by key is put on ds: what its key is must be known before the first batch. */
void hr_ds_use_keys(struct hr_dstream *ds);
/* The RDD of a time, generated when it is not remembered. Borrowed. *ret NULL: the time is not one
 * of this stream's. */
hr_status hr_ds_rdd(struct hr_dstream *ds, int64_t time, struct hr_rdd **ret,
                    struct hr_err *err) HR_CHECKED;
/* Only what is remembered. */
struct hr_rdd *hr_ds_remembered(struct hr_dstream *ds, int64_t time);
hr_status hr_ds_put(struct hr_dstream *ds, int64_t time, struct hr_rdd *rdd,
                    struct hr_err *err) HR_CHECKED;
struct hr_rdd *hr_ds_empty(struct hr_dstream *ds, struct hr_err *err);
/* The state of a time, made now and kept in memory, on the account of the stream's pool. */
struct hr_rdd *hr_ds_keep(struct hr_dstream *ds, struct hr_rdd *rdd, struct hr_err *err);
/* The union of a stream's RDDs of the times in (after, upto]. NULL: failed. */
struct hr_rdd *hr_ds_union(struct hr_dstream *in, int64_t after, int64_t upto, struct hr_err *err);
hr_status hr_ds_output_add(struct hr_dstream *in, hr_foreach_rdd_fn fn, void *arg,
                           void (*free_arg)(void *), struct hr_err *err) HR_CHECKED;
void hr_ds_free_all(struct hr_streaming *ssc);
void hr_ds_forget(struct hr_streaming *ssc, int64_t time);
void hr_ds_plan_remember(struct hr_streaming *ssc);

/* The stream whose batch this thread is in: it may ask for the stream's end, and cannot wait for
 * it. */
extern _Thread_local const struct hr_streaming *hr_ds_batch_of;

/* run_outputs.c */
hr_status hr_ds_run_outputs(struct hr_streaming *ssc, int64_t time, struct hr_err *err) HR_CHECKED;

/* listener.c. What listeners are told of a batch. The arrays are in the arena. */
hr_status hr_ds_info_inputs(struct hr_streaming *ssc, struct hr_batch_info *info,
                            struct hr_arena *arena, struct hr_err *err) HR_CHECKED;
void hr_ds_info_outputs(struct hr_streaming *ssc, struct hr_batch_info *info,
                        struct hr_arena *arena);
void hr_ds_output_begin(struct hr_ds_output *output, uint32_t number, int64_t time);
void hr_ds_output_end(struct hr_ds_output *output, const char *error);

/* plan.c. Before the outputs of a batch; at the start, behind hr_ds_checkpoint_restore. */
hr_status hr_ds_plan_write(struct hr_streaming *ssc, int64_t time, struct hr_err *err) HR_CHECKED;
hr_status hr_ds_plan_restore(struct hr_streaming *ssc, struct hr_err *err) HR_CHECKED;

/* The types of a state by key, and of (key, state); checks the initial state (may be NULL). */
hr_status hr_ds_state_schema(struct hr_dstream *in, const char *ddl, struct hr_rdd *initial,
                             const struct hr_type **ret_state, const struct hr_type **ret_schema,
                             struct hr_err *err) HR_CHECKED;

/* params.c. What the state of a stream depends on, as lines "name value"; its first difference from
 * what a checkpoint has. false: there is none. */
void hr_ds_params_put(const struct hr_dstream *ds, struct hr_buf *out);
bool hr_ds_params_differ(const struct hr_dstream *ds, struct hr_str_view saved, struct hr_buf *why);

/* checkpoint.c */
hr_status hr_ds_checkpoint_write(struct hr_streaming *ssc, struct hr_err *err) HR_CHECKED;
/* Takes the folder for this context, and what is in it back. */
hr_status hr_ds_checkpoint_restore(struct hr_streaming *ssc, struct hr_err *err) HR_CHECKED;
void hr_ds_checkpoint_close(struct hr_streaming *ssc);

#define HR_DS_NOTIFY(ssc, event, ...)                                               \
    do {                                                                            \
        for (const struct hr_ds_listener *l_ = (ssc)->listeners; l_; l_ = l_->next) \
            if (l_->l.event) l_->l.event(l_->l.arg, __VA_ARGS__);                   \
    } while (0)

#endif
