/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks: take the output of an epoch. Tasks write through writers of their own; the query's thread
 * then commits the whole epoch under its number, or aborts it.
 *
 *   begin_epoch(e) → already committed?  then nothing of e is written again
 *   open_writer(e, partition) … write(batch)* … finish → message
 *   commit_epoch(e, messages)            durable when it returns
 */
#ifndef HR_OPERATOR_SINK_H
#define HR_OPERATOR_SINK_H

#include "operator/source.h"

/* A sink is never given CHANGELOG: to it these are rows that are appended. */
enum hr_output_mode { HR_MODE_APPEND, HR_MODE_UPDATE, HR_MODE_COMPLETE, HR_MODE_CHANGELOG };
#define HR_MODE_COUNT 4

HR_INLINE const char *hr_output_mode_name(enum hr_output_mode mode)
{
    static const char *const names[HR_MODE_COUNT] = {"append", "update", "complete", "changelog"};
    assert((int)mode < HR_MODE_COUNT);
    return names[mode];
}

/* From none to most: a sink that declares nothing promises nothing. */
enum hr_guarantee { HR_NO_GUARANTEE, HR_AT_LEAST_ONCE, HR_EXACTLY_ONCE };

struct hr_sink_args {
    struct hr_env *env;
    const struct hr_conf *conf;
    struct hr_mem *mem;
    const struct hr_options *options;
    const struct hr_type *schema; /* of the rows that will be written */
    enum hr_output_mode mode;
    bool streaming; /* false: INSERT INTO / CREATE TABLE AS: one epoch, number 0 */
    bool creates;   /* CREATE TABLE AS: nothing may be there yet */
    bool starts_late; /* an output with no epoch yet may begin with any: dead letters, which are
                         asked for when a query has run for long, or are taken away */
    const char *query_id;
    const char *query_name;
    /* Is the query asked to end? A sink that waits for others gives up then, HR_E_CANCELLED, and
     * the epoch runs again at the next start. NULL: it never is. */
    bool (*is_stopping)(void *arg);
    void *stopping_arg;
    const struct hr_file_catalog *files; /* of a table in a catalog: it names what is there */
};

/* What an epoch is made of, for sinks that label their output with it. */
struct hr_epoch_label {
    uint64_t digest;     /* of the PLAN record: ranges, timestamp, watermarks */
    bool replanned;      /* planned before a restart: the output may have it, or a part */
    const char *offsets; /* where its sources' ranges end: JSON; NULL: not known */
};

struct hr_sink {
    const struct hr_sink_vt *vt;
    struct hr_epoch_label label; /* of the epoch that begins; the engine's to set before
                                    begin_epoch, valid until the commit */
    enum hr_guarantee guarantee; /* set by open: may depend on options */
    /* Gets rows that cannot be stored, until the commit; the engine's to set before begin_epoch.
     * NULL: such a row is an error. */
    struct hr_dead_letters *dead;
};

struct hr_sink_writer;
struct hr_sink_writer_vt {
    /* The batch is borrowed. */
    hr_status (*write)(struct hr_sink_writer *, struct hr_batch *, struct hr_err *);
    /* Ends the writer well; message (may stay empty) goes to commit_epoch. */
    hr_status (*finish)(struct hr_sink_writer *, struct hr_buf *message, struct hr_err *);
    /* Frees it; what was not finished is discarded. */
    void (*close)(struct hr_sink_writer *);
};
struct hr_sink_writer {
    const struct hr_sink_writer_vt *vt;
    int64_t rows_written;
};

struct hr_sink_vt {
    const char *name;
    uint32_t abi;
    enum hr_guarantee guarantee; /* at best: what EXPLAIN says of a sink not yet open */
    /* optional: the same by options, and to a reader what it must know ("", or "by …"). */
    enum hr_guarantee (*explain)(const struct hr_options *, struct hr_buf *out);
    uint32_t modes;              /* bit 1 << HR_MODE_… */
    const struct hr_opt_spec *options;
    size_t option_count;
    const char *option_prefix; /* as a source's */
    const char *format;        /* as a source's */
    bool takes_records; /* its columns are a record's: value, headers … */
    bool refuses_rows;  /* it gives rows that it cannot store to dead letters, if there are any */
    hr_status (*open)(const struct hr_sink_args *, struct hr_sink **ret_sink, struct hr_err *);
    void (*close)(struct hr_sink *);
    hr_status (*begin_epoch)(struct hr_sink *, int64_t epoch, bool *ret_already_committed,
                             struct hr_err *);
    /* @thread task */
    hr_status (*open_writer)(struct hr_sink *, int64_t epoch, uint32_t partition, uint32_t attempt,
                             struct hr_sink_writer **ret_writer, struct hr_err *);
    /* optional: all of the commit that may refuse rows or fail; then the dead letters are made
     * durable, then commit_epoch is called. */
    hr_status (*prepare_epoch)(struct hr_sink *, int64_t epoch,
                               const struct hr_str_view *messages, uint32_t message_count,
                               struct hr_err *);
    hr_status (*commit_epoch)(struct hr_sink *, int64_t epoch, const struct hr_str_view *messages,
                              uint32_t message_count, struct hr_err *);
    void (*abort_epoch)(struct hr_sink *, int64_t epoch);         /* optional */
    void (*describe)(const struct hr_sink *, struct hr_buf *out); /* optional */
    /* optional: the name of a file as it will write them. */
    void (*sample)(const struct hr_sink *, struct hr_buf *out);
    /* optional: what a checkpoint is bound to (a path, a topic), from the options, for the sink is
     * not open yet. NULL: the name alone. */
    hr_status (*identity)(const struct hr_options *, struct hr_buf *out, struct hr_err *);
    /* optional: checks the output that identity names against the journal's last planned and
     * committed epochs (-1: none). Changes nothing. */
    hr_status (*verify)(struct hr_env *, const char *identity, const char *query_id,
                        int64_t planned, int64_t committed, struct hr_err *);
};

#endif
