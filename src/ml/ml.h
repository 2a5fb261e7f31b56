/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that learn from rows. A kind of model (logistic_regression, kmeans …) is a row of
 * models.def and a file with its struct hr_ml_vt; a model is an object of a kind.
 *
 *   hr_ml_new      kind, options, inputs → an untrained model
 *   hr_ml_learn    blocks of clean rows, in the order of the data
 *   hr_ml_end      the end of an epoch: learners of whole batches learn here; version + 1
 *   hr_ml_score    blocks of clean rows → scores; changes nothing
 *   hr_ml_save     all of it as bytes: load + going on = never stopped, bit for bit
 *   hr_ml_export   the same as JSON (docs/LEARNING.md has the form)
 *
 * Threads: one at a time learns; any number may score at once, while nobody learns. Memory: the
 * model's arena for what has a fixed size, the heap for what grows; no allocation a row.
 * Arithmetic: -ffp-contract=off and sums in fixed order, so that the bits depend on the rows and
 * their order, never on threads.
 */
#ifndef HR_ML_ML_H
#define HR_ML_ML_H

#include "base/arena.h"
#include "base/options.h"
#include "column/column.h"

#define HR_ML_BLOCK       512u  /* rows at a time */
#define HR_ML_INPUTS_MAX  1024u /* features of a model */
#define HR_ML_CLASSES_MAX 1000u

/* What a model gives for a row, and what a label is to it. */
enum hr_ml_task {
    HR_ML_REGRESSION, /* a number; the label is one */
    HR_ML_BINARY,     /* the probability of true, or true and false; the label is 0 or 1 */
    HR_ML_CLASSES,    /* a class and its probability; the label is a text */
    HR_ML_CLUSTERS,   /* the number of a cluster and the distance from its centre; no label */
    HR_ML_ANOMALY,    /* a score in [0, 1], 1 being the oddest; no label */
};
HR_INLINE bool hr_ml_task_has_label(enum hr_ml_task task)
{
    return task <= HR_ML_CLASSES;
}
const char *hr_ml_task_name(enum hr_ml_task task);

struct hr_ml_input {
    const char *name;
    bool is_text;
};

/* Clean rows: no NULL, every number finite. */
struct hr_ml_rows {
    uint32_t count;                       /* at most HR_ML_BLOCK */
    const double *const *x;               /* by input; of a text: unspecified */
    const struct hr_string *const *texts; /* by input; of a number: unspecified */
    const double *y;                      /* learning: labels; of CLASSES the number of the class */
};
struct hr_ml_scores {
    double value[HR_ML_BLOCK];   /* prediction, probability, distance, score */
    uint32_t index[HR_ML_BLOCK]; /* CLASSES: class; CLUSTERS: cluster */
};

struct hr_ml_model;
struct hr_ml_io; /* io.h */

struct hr_ml_vt {
    const char *name;
    enum hr_ml_task task;
    const char *doc;
    const struct hr_opt_spec *options;
    size_t option_count, options_size;
    size_t size;      /* of its struct, which begins with struct hr_ml_model */
    bool takes_texts; /* inputs may be STRING */
    /* Options whose ranges the table cannot say. NULL: there are none. */
    hr_status (*check)(const void *options, struct hr_err *err);
    /* Inputs and options are known: makes the parameters, in model->arena or on the heap. */
    hr_status (*open)(struct hr_ml_model *model, struct hr_err *err);
    void (*close)(struct hr_ml_model *model); /* NULL: all is in the arena */
    /* Learns the rows, one after the other, or keeps them for end. scores: what the model said of
     * each before it learned from it, where that costs nothing; value NaN: it did not say. */
    hr_status (*learn)(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err);
    /* The end of an epoch that had rows. NULL: nothing to do. */
    hr_status (*end)(struct hr_ml_model *model, struct hr_err *err);
    void (*score)(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret);
    /* What it has learned, and all that going on needs: written or read, by io. */
    void (*fields)(struct hr_ml_model *model, struct hr_ml_io *io);
    /* For DESCRIBE MODEL: what it has found, in words. NULL: nothing beside its measures. */
    void (*describe)(const struct hr_ml_model *model, struct hr_buf *out);
    /* Recommenders: the k items that are best for a user, best first; how many there are. NULL: no
     * kind to recommend with. */
    uint32_t (*recommend)(const struct hr_ml_model *model, double user, uint32_t k,
                          int64_t *ret_items, double *ret_scores);
    /* Bandits: the class to take in a context (the texts before the last input), row being what a
     * draw depends on. False: there is none. NULL: no kind to choose with. */
    bool (*choose)(const struct hr_ml_model *model, const struct hr_string *context, uint64_t row,
                   uint32_t *ret_class, double *ret_value);
};

/* The head that all models share. */
struct hr_ml_model {
    const struct hr_ml_vt *vt;
    struct hr_arena arena;
    struct hr_options options; /* as given */
    const void *opt;           /* the same, read: struct of the kind */
    struct hr_ml_input *inputs;
    uint32_t input_count, number_count, text_count;
    char *label; /* the label's column, or NULL */
    char **classes;
    uint32_t class_count, class_capacity;
    int64_t version;                         /* epochs learned */
    int64_t rows, null_labels, bad_features; /* learned from; left out */
    int64_t scored;                          /* rows with a score before learning … */
    double loss_sum, error_sum;              /* … their log loss or square; wrong or |error| */
    bool touched;                            /* rows since the last end */
};

/* Any case; NULL when there is none. By number in the order of models.def, NULL behind the last. */
const struct hr_ml_vt *hr_ml_find(const char *name);
const struct hr_ml_vt *hr_ml_at(size_t index);

/* Are the options right for the kind? HR_E_INVALID_OPTION, with the nearest name there is. */
hr_status hr_ml_check_options(const struct hr_ml_vt *vt, const struct hr_options *options,
                              struct hr_err *err) HR_CHECKED;
/* label may be NULL. Everything given is copied. */
hr_status hr_ml_new(const struct hr_ml_vt *vt, const struct hr_options *options,
                    const struct hr_ml_input *inputs, uint32_t input_count, const char *label,
                    struct hr_ml_model **ret, struct hr_err *err) HR_CHECKED;
void hr_ml_free(struct hr_ml_model *model); /* NULL is fine */

hr_status hr_ml_learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                      struct hr_err *err) HR_CHECKED;
/* A model whose parameters are no longer finite: HR_E_ML_DIVERGED. */
hr_status hr_ml_end(struct hr_ml_model *model, struct hr_err *err) HR_CHECKED;
void hr_ml_score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                 struct hr_ml_scores *ret);
/* The number of a class, made when it is new. */
hr_status hr_ml_class(struct hr_ml_model *model, struct hr_str_view name, uint32_t *ret,
                      struct hr_err *err) HR_CHECKED;

/* Bytes and JSON. load and import check everything: HR_E_ML_FORMAT says what is wrong. */
hr_status hr_ml_save(struct hr_ml_model *model, struct hr_buf *out, struct hr_err *err) HR_CHECKED;
hr_status hr_ml_load(struct hr_str_view bytes, struct hr_ml_model **ret,
                     struct hr_err *err) HR_CHECKED;
hr_status hr_ml_export(struct hr_ml_model *model, struct hr_buf *out,
                       struct hr_err *err) HR_CHECKED;
hr_status hr_ml_import(struct hr_str_view json, struct hr_ml_model **ret,
                       struct hr_err *err) HR_CHECKED;
hr_status hr_ml_clone(struct hr_ml_model *model, struct hr_ml_model **ret,
                      struct hr_err *err) HR_CHECKED;
/* Figures for people: "logLoss 0.31, accuracy 0.89 over 1250 rows". */
void hr_ml_put_metrics(const struct hr_ml_model *model, struct hr_buf *out);

/* Same kind, options, inputs and label? Else *ret_why says what differs, as a static text. */
bool hr_ml_is_like(const struct hr_ml_model *model, const struct hr_ml_vt *vt,
                   const struct hr_options *options, const char **ret_why);

/* --- Rows from columns ------------------------------------------------------------------------ */

/* A column of a batch: DOUBLE, or STRING where the input is a text. */
struct hr_ml_column {
    const struct hr_column *col;
    bool is_const; /* one row for all */
};
/* A task's scratch, reused; zeroed is valid and empty. */
struct hr_ml_gather {
    uint32_t input_count;
    double *values;
    struct hr_string *strings;
    const double **x;
    const struct hr_string **texts;
    double y[HR_ML_BLOCK];
    uint32_t rows[HR_ML_BLOCK]; /* the batch's row of each clean row */
    uint32_t bad;               /* rows left out for a NULL or a number that is not finite */
};
void hr_ml_gather_done(struct hr_ml_gather *g);
/* Room for a block of so many inputs. */
hr_status hr_ml_gather_room(struct hr_ml_gather *g, uint32_t inputs, struct hr_err *err) HR_CHECKED;
/* Of count rows of the batch (rows NULL: from first on) those that are clean. */
hr_status hr_ml_gather_rows(struct hr_ml_gather *g, const struct hr_ml_input *inputs,
                            const struct hr_ml_column *columns, uint32_t input_count,
                            const uint32_t *rows, uint32_t first, uint32_t count,
                            struct hr_ml_rows *ret, struct hr_err *err) HR_CHECKED;

#endif
