/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the public RDD interface (<headrace/rdd.h>): contexts, pools, rows, emitters, and the node
 * that every public RDD is.
 *
 * A public struct hr_rdd is a struct hr_node: the lineage node of rdd.h plus its context, its pool
 * and what is known of its keys. The pool holds one reference on each of its nodes, so that users
 * need not release anything: the context's pool lives as long as the context, the pool of a
 * micro-batch as long as the batch. A node joins the pool of its first parent; where that is the
 * context's, and for sources, a thread that works for a batch has its batch's pool instead.
 */
#ifndef HR_API_API_H
#define HR_API_API_H

#include <headrace/headrace.h>

#include "column/builder.h"
#include "rdd/batch_list.h"
#include "rdd/rdd.h"

struct hr_node;

/* --- Context ---------------------------------------------------------------------------------- */

struct hr_pool {
    pthread_mutex_t lock;
    struct hr_context *ctx;
    struct hr_node *first;
};
void hr_pool_init(struct hr_pool *pool, struct hr_context *ctx);
/* Gives the pool's references back. Nodes that live on move to the context's pool. */
void hr_pool_done(struct hr_pool *pool);
/* What the calling thread makes from now on belongs to pool (of a batch; NULL: to the context).
 * Returns what was set before. */
struct hr_pool *hr_pool_swap(struct hr_pool *pool);

struct hr_context {
    uint64_t id; /* of this process's contexts */
    struct hr_env *env;
    bool own_env;
    struct hr_scheduler *scheduler;
    uint32_t parallelism, executors;
    struct hr_pool pool;
    pthread_mutex_t lock; /* what follows */
    struct hr_accumulator *accumulators;
    struct hr_broadcast *broadcasts;
    struct hr_context_stats stats;
    char *app_name;
    char *checkpoint_dir; /* or NULL */
    uint32_t checkpoints; /* made so far */
    void *sql;            /* the session behind hr_sql, made at first use; freed by sql_free */
    void (*sql_free)(void *);
};

/* Runs a job of the context, with the settings of the thread (locals.h); counted. */
hr_status hr_context_run(struct hr_context *ctx, struct hr_rdd *rdd,
                         const struct hr_job_options *options, struct hr_err *err) HR_CHECKED;

/* --- Nodes ------------------------------------------------------------------------------------ */

struct hr_node_cleanup {
    void (*fn)(void *arg);
    void *arg;
    struct hr_node_cleanup *next;
};

/* Where the rows of a key are: in which of so many partitions, and by what. */
struct hr_placer; /* a user's function of the key, or ranges of it; reference-counted */
struct hr_placement {
    uint32_t partitions;  /* 0: rows of a key may be anywhere */
    struct hr_placer *by; /* NULL: hash of the key columns */
};

struct hr_node {
    struct hr_rdd base;
    struct hr_context *ctx;
    struct hr_pool *pool;  /* of what is derived from it */
    struct hr_pool *owner; /* has a reference on it, and it in its list; NULL: none (any more) */
    struct hr_node *pool_prev, *pool_next;
    uint32_t key_columns;       /* at least 1 where the schema has columns */
    struct hr_placement placed; /* by the key columns; holds a reference */
    struct hr_node_cleanup *cleanups;
    void (*op_done)(struct hr_node *); /* releases the operation's own parts; NULL: none */
};

HR_INLINE struct hr_node *hr_node_of(const struct hr_rdd *rdd)
{
    return (struct hr_node *)(uintptr_t)rdd;
}

struct hr_node_spec {
    const struct hr_rdd_vt *vt;
    size_t size; /* of the struct that begins with struct hr_node */
    struct hr_pool *pool;
    const struct hr_type *schema;
    uint32_t partitions;
    const struct hr_dependency *deps;
    uint32_t dep_count;
    uint32_t key_columns;
    struct hr_placement placed; /* a reference is taken */
    void (*op_done)(struct hr_node *);
};
/* A zeroed struct of spec->size, in the pool, whose reference belongs to the pool. NULL: failed; a
 * SHUFFLE dependency's partitioner is freed then. */
void *hr_node_new(const struct hr_node_spec *spec, struct hr_err *err);
/* For the vt of nodes. */
void hr_node_free(struct hr_rdd *rdd);
/* The node's rows are placed so (as another node's: their keys are where that one's are). */
void hr_node_place(struct hr_node *node, struct hr_placement placed);
/* A node with one narrow parent and the parent's keys; not its placement. */
void *hr_node_narrow(const struct hr_rdd_vt *vt, size_t size, struct hr_rdd *parent,
                     const struct hr_type *schema, void (*op_done)(struct hr_node *),
                     struct hr_err *err);
/* One over an RDD that another interface made (SQL). Takes a reference. */
struct hr_rdd *hr_node_wrap(struct hr_pool *pool, struct hr_rdd *rdd, struct hr_err *err);
/* The same RDD at the head of a pool of its own (made by this call), for an action that needs
 * nodes: operations on it join that pool, and hr_pool_done ends them all. NULL: failed, and the
 * pool still has to be done. */
struct hr_rdd *hr_node_scratch(struct hr_pool *pool, struct hr_rdd *rdd, struct hr_err *err);
/* From batches in memory, which are referenced: batch i is in partition parts[i]. */
struct hr_rdd *hr_node_from_batches(struct hr_pool *pool, const struct hr_type *schema,
                                    struct hr_batch *const *batches, const uint32_t *parts,
                                    uint32_t count, uint32_t partitions, struct hr_err *err);

/* Its batches count against budget until it goes; an RDD that has none in memory does not. */
hr_status hr_node_account(struct hr_rdd *rdd, struct hr_budget *budget,
                          struct hr_err *err) HR_CHECKED;

/* The lines (record_bytes 0) or records of files whose paths are taken as they are, without
 * patterns or commas, in their order; schema: of its one column. */
struct hr_rdd *hr_node_files(struct hr_pool *pool, const char *const *paths, uint32_t count,
                             const struct hr_type *schema, uint32_t record_bytes,
                             struct hr_err *err);

/* With worker processes: moves batches that the context's RDDs will keep into shared memory, so
 * that they do not weigh on every fork. */
void hr_context_share(struct hr_context *ctx, struct hr_batch **batches, uint32_t count);

/* The count asked for, or the default: the largest parent's or the context's parallelism. */
uint32_t hr_default_partitions(struct hr_rdd *const *parents, uint32_t count, uint32_t wanted);
/* Where an operation by the first `keys` columns puts its rows: as a parent is placed already, when
 * it is so by these columns and the count fits; else by hash. Borrowed. */
struct hr_placement hr_default_placement(struct hr_rdd *const *parents, uint32_t count,
                                         uint32_t keys, uint32_t wanted);
/* The rows of each key are where `placed` wants them. */
bool hr_node_is_placed(const struct hr_node *node, uint32_t keys,
                       const struct hr_placement *placed);
/* Columns [first, first + count) of schema as a schema; NULL: no memory (or none). */
const struct hr_type *hr_schema_slice(const struct hr_type *schema, uint32_t first, uint32_t count);
/* Fields of a, then fields of b (of both, nullable where asked). */
const struct hr_type *hr_schema_concat(const struct hr_type *a, const struct hr_type *b,
                                       bool a_nullable, bool b_nullable);
/* A call lacks something: "no RDD". What made it so, an error that is there already, stays. */
hr_status hr_missing(const char *what, struct hr_err *err);
hr_status hr_schema_from_ddl(const char *ddl, const struct hr_type **ret,
                             struct hr_err *err) HR_CHECKED;
/* "n DESC, word" over a schema. */
struct hr_order {
    uint32_t column;
    bool descending;
};
hr_status hr_order_parse(const struct hr_type *schema, const char *text, struct hr_order *ret,
                         uint32_t max, uint32_t *ret_count, struct hr_err *err) HR_CHECKED;
#define HR_ORDER_MAX 32
int hr_order_compare(const struct hr_order *order, uint32_t count, const struct hr_column *a,
                     uint32_t a_row, const struct hr_column *b, uint32_t b_row);

/* --- Rows and emitters ------------------------------------------------------------------------ */

/* Scalars outside of columns: states of combiners. Strings beyond the inline size are owned by the
 * cell and freed by hr_cells_done. */
union hr_cell {
    int64_t i64;
    double f64;
    struct hr_string str;
    uint64_t words[2]; /* DECIMAL */
};
struct hr_cells {
    uint64_t nulls; /* bit set: NULL. At most 64 cells */
    union hr_cell cell[];
};
#define HR_CELLS_MAX 64
HR_INLINE size_t hr_cells_bytes(uint32_t count)
{
    return sizeof(struct hr_cells) + count * sizeof(union hr_cell);
}
void hr_cells_done(const struct hr_type *schema, struct hr_cells *cells);
/* The cells of a row (scalar columns from first on). Long strings are copied. */
hr_status hr_cells_from_row(const struct hr_type *schema, const struct hr_row *row, uint32_t first,
                            struct hr_cells *cells, struct hr_err *err) HR_CHECKED;
hr_status hr_cells_check(const struct hr_type *schema, struct hr_err *err) HR_CHECKED;
/* Column `index` of count cells structs (at states[i] + offset); strings are copied to the
 * arena. */
hr_status hr_cells_to_column(const struct hr_type *schema, uint32_t index, uint8_t *const *states,
                             uint32_t offset, uint32_t count, struct hr_arena *arena,
                             struct hr_column *ret, struct hr_err *err) HR_CHECKED;

void hr_row_of_batch(const struct hr_batch *batch, uint32_t physical_row, struct hr_row *ret);
void hr_row_of_cells(const struct hr_type *schema, const struct hr_cells *cells,
                     struct hr_row *ret);
/* The columns [first, first + count) of a row of a batch, as a row. */
void hr_row_slice(const struct hr_row *row, uint32_t first, uint32_t count, struct hr_row *ret);
/* As hr_row_print, with no limit. */
void hr_row_put(const struct hr_row *row, struct hr_buf *out);

struct hr_emitter {
    const struct hr_type *schema;
    struct hr_builder **columns; /* of the open batch */
    uint32_t column;             /* next to be emitted */
    /* Values of columns below it go to their builders without further questions: the number of
     * columns, or 0 while anything is out of the ordinary (no open batch, a failure, an array, a
     * prefix to be put first, cells). */
    uint32_t limit;
    uint64_t rows;                 /* rows ended so far */
    const struct hr_row *source;   /* the row that prefix and suffix are taken from */
    struct hr_batch *source_batch; /* its batch; NULL: texts are copied always */
    struct hr_batch *held;         /* the batch that the open one holds last */
    uint32_t prefix;               /* columns of source put before what the function emits */
    bool suffix;                   /* all columns of source put behind it */
    bool failed;
    bool open;  /* the builder is */
    bool full;  /* the last batch came to its end: the next one may be as large */
    bool whole; /* the row under construction is whole_rows rows, given by columns */
    uint32_t whole_rows;
    struct hr_batch_builder builder;
    struct hr_builder *array; /* between array_begin and array_end */
    struct hr_cells *cells;   /* cell mode: one row into here instead of batches */
    struct hr_mem *mem;
    struct hr_batch **ready; /* full batches, [ready_head, ready_count) */
    uint32_t ready_head, ready_count, ready_capacity;
    struct hr_err err; /* why it failed; last, as it is large and not cleared (but for its code) */
};
void hr_emitter_init(struct hr_emitter *out, const struct hr_type *schema, struct hr_mem *mem);
void hr_emitter_init_cells(struct hr_emitter *out, const struct hr_type *schema,
                           struct hr_cells *cells);
void hr_emitter_done(struct hr_emitter *out);
/* After a call of a user's function that returned status: the first of its error, the emitter's,
 * and what reading rows noted. */
hr_status hr_emitter_check(struct hr_emitter *out, hr_status status, struct hr_err *err) HR_CHECKED;
/* Closes the batch under construction into the ready queue. */
hr_status hr_emitter_flush(struct hr_emitter *out, struct hr_err *err) HR_CHECKED;
struct hr_batch *hr_emitter_pop(struct hr_emitter *out); /* NULL: none ready */
/* For the functions that emit: notes the user's mistake, once. */
void hr_emitter_fail(struct hr_emitter *out, const char *fmt, ...) HR_PRINTF(2, 3);
void hr_emitter_fail_type(struct hr_emitter *out, const struct hr_type *type, const char *got);
/* The builder of the next column for count values at once; NULL: it failed. */
struct hr_builder *hr_emitter_column(struct hr_emitter *out, uint32_t count);
/* Makes the open batch keep another one; false: it should not, or cannot: copy. */
bool hr_emitter_hold(struct hr_emitter *out, struct hr_batch *batch);
/* A row of cells from a filler: exactly one row. */
hr_status hr_fill_cells(hr_fill_fn fill, void *arg, const struct hr_type *schema,
                        struct hr_cells *cells, struct hr_err *err) HR_CHECKED;
/* into = fn(into, value). */
hr_status hr_merge_cells(hr_merge_fn fn, void *arg, const struct hr_type *schema,
                         struct hr_cells *into, const struct hr_row *value,
                         struct hr_err *err) HR_CHECKED;
/* The same for many values: what a call needs is set up once. One thread at a time; it holds
 * nothing between calls. */
struct hr_merger {
    hr_merge_fn fn;
    void *arg;
    const struct hr_type *schema;
    bool strings; /* some cell may own bytes */
    struct hr_row state;
    struct hr_emitter out; /* into result */
    union {
        struct hr_cells result;
        char room[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    };
};
void hr_merger_init(struct hr_merger *merger, hr_merge_fn fn, void *arg,
                    const struct hr_type *schema);
hr_status hr_merger_merge(struct hr_merger *merger, struct hr_cells *into,
                          const struct hr_row *value, struct hr_err *err) HR_CHECKED;

struct hr_rows {
    const struct hr_type *schema;
    struct hr_batch **batches; /* a result */
    uint64_t *ends;            /* rows up to and with batch i */
    uint32_t batch_count;
    uint32_t next_batch;
    struct hr_batch_iter *iter; /* a partition; borrowed, unless */
    bool own_iter;              /* it is closed with the rows */
    struct hr_batch *current;   /* owned when from iter */
    uint32_t pos;
    struct hr_row row;
    bool failed;
    struct hr_err err;
};
/* Over a partition; done by hr_rows_done. */
void hr_rows_of_iter(struct hr_rows *rows, const struct hr_type *schema,
                     struct hr_batch_iter *iter);
void hr_rows_done(struct hr_rows *rows);
/* A result that takes over the references. NULL: no memory, and the batches are released. */
struct hr_rows *hr_rows_of_batches(const struct hr_type *schema, struct hr_batch **batches,
                                   uint32_t count);

/* --- What a task keeps to itself -------------------------------------------------------------- */

struct hr_acc_delta; /* what an attempt has added to an accumulator so far */
struct hr_task_local {
    struct hr_acc_delta **deltas; /* where accumulators add to; NULL: the accumulator itself */
    bool misused;                 /* a row was read as the wrong type */
    struct hr_err misuse;
};
extern __thread struct hr_task_local hr_task_local;
extern const struct hr_effects hr_acc_effects; /* for the engine (rdd.h) */
/* Adds them to what additions go to now (the list of the function that is running, or else the
 * accumulators; a worker sends them there) and frees them, also on failure. */
hr_status hr_acc_merge(struct hr_acc_delta **deltas, struct hr_err *err) HR_CHECKED;
void hr_acc_drop(struct hr_acc_delta **deltas);
void hr_context_free_shared(struct hr_context *ctx); /* accumulators, broadcasts, settings */

/* --- Draining a parent ------------------------------------------------------------------------ */

/* All of a parent's partition; as one batch (never NULL). */
hr_status hr_drain(struct hr_rdd *rdd, uint32_t dep, uint32_t partition, struct hr_task_ctx *ctx,
                   struct hr_batch_list *list, struct hr_err *err) HR_CHECKED;
hr_status hr_drain_one(struct hr_rdd *rdd, uint32_t dep, uint32_t partition,
                       struct hr_task_ctx *ctx, struct hr_batch **ret,
                       struct hr_err *err) HR_CHECKED;

/* Columns [first, first + schema->field_count) under another schema of the same types. */
struct hr_rdd *hr_node_columns(struct hr_rdd *rdd, uint32_t first, const struct hr_type *schema,
                               struct hr_err *err);

/* Partitioners. NULL: no memory. */
struct hr_partitioner *hr_partitioner_hash(const struct hr_type *schema, uint32_t key_columns,
                                           uint32_t partitions, struct hr_err *err);
struct hr_partitioner *hr_partitioner_round_robin(uint32_t partitions, struct hr_err *err);
struct hr_partitioner *hr_partitioner_single(struct hr_err *err);
struct hr_partitioner *hr_partitioner_of(const struct hr_type *schema, uint32_t key_columns,
                                         const struct hr_placement *placed, struct hr_err *err);
bool hr_placed_alike(const struct hr_placement *a, const struct hr_placement *b);
struct hr_placer *hr_placer_fn(const char *name, hr_partition_by_fn fn, void *arg,
                               struct hr_err *err);
/* Takes the bounds over, also on failure. */
struct hr_placer *hr_placer_ranges(struct hr_batch *bounds, const struct hr_order *order,
                                   uint32_t count, struct hr_err *err);
struct hr_placer *hr_placer_ref(struct hr_placer *placer); /* NULL is fine, here and below */
void hr_placer_unref(struct hr_placer *placer);
const char *hr_placer_name(const struct hr_placer *placer);
/* The RDD behind a shuffle, which takes the partitioner over (NULL: failed already) and leaves its
 * rows so placed. */
struct hr_rdd *hr_shuffled(struct hr_rdd *rdd, struct hr_partitioner *partitioner,
                           struct hr_placement placed, struct hr_err *err);
hr_status hr_sort_batch(struct hr_batch *batch, const struct hr_order *order, uint32_t order_count,
                        struct hr_batch **ret, struct hr_err *err) HR_CHECKED;
/* An iterator over batches already made; takes the references of list (which is emptied). */
hr_status hr_iter_of_list(struct hr_batch_list *list, struct hr_batch_iter **ret,
                          struct hr_err *err) HR_CHECKED;
/* batch cut into pieces of at most HR_BATCH_ROWS as an iterator; takes the reference. */
hr_status hr_iter_of_batch(struct hr_batch *batch, struct hr_batch_iter **ret,
                           struct hr_err *err) HR_CHECKED;

#endif
