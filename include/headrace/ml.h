/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that learn row by row, without a session: the kinds of SQL's CREATE MODEL
 * (docs/LEARNING.md has them with their options), over columns of the caller's memory.
 *
 *     double amount[] = {12, 250, 8, 990}, speed[] = {1, 4, 0, 7}, fraud[] = {0, 1, 0, 1};
 *     struct hr_model_column features[] = {{.numbers = amount}, {.numbers = speed}};
 *     struct hr_model_column label = {.numbers = fraud};
 *     double p[4];
 *     struct hr_err err = {0};
 *     const char *const options[] = {"optimizer", "adagrad", NULL};
 *     struct hr_model *model = hr_model_new("logistic_regression", "amount DOUBLE, speed DOUBLE",
 *                                           options, &err);
 *     if (hr_model_learn(model, features, &label, 4, &err) || hr_model_end(model, &err) ||
 *         hr_model_score(model, features, 4, p, NULL, &err))
 *         fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
 *     hr_model_free(model);
 *
 * A row with a NaN, an infinity or a NULL text is left out of learning and scored NaN, as SQL's
 * NULL. Ownership: the caller's, until hr_model_free. Threads: one at a time learns; any number
 * may score while nobody learns.
 */
#ifndef HEADRACE_ML_H
#define HEADRACE_ML_H

#include <headrace/err.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hr_model;

/* A column of rows: numbers or texts, as the feature's type says; the other is NULL. */
struct hr_model_column {
    const double *numbers;
    const char *const *texts;
};

/* An untrained model. features: "amount DOUBLE, colour STRING", numbers of any type being doubles
 * here; options: names and values in turn, NULL at the end, or NULL for none. NULL on failure.
 * @code
 *     const char *const options[] = {"k", "3", NULL};
 *     struct hr_model *model = hr_model_new("kmeans", "x DOUBLE, y DOUBLE", options, &err);
 * @endcode */
struct hr_model *hr_model_new(const char *kind, const char *features, const char *const *options,
                              struct hr_err *err);
/* NULL is fine.
 * @code
 *     hr_model_free(model);
 * @endcode */
void hr_model_free(struct hr_model *model);

/* Learns rows in their order: features in the model's order, label NULL for kinds without one (of
 * classes it is texts). Learners of whole batches (kmeans, Spark's SGD) learn at hr_model_end.
 * @code
 *     double x[] = {1, 2, 3}, y[] = {2, 4, 6};
 *     struct hr_model_column feature = {.numbers = x}, label = {.numbers = y};
 *     status = hr_model_learn(model, &feature, &label, 3, &err);
 * @endcode */
hr_status hr_model_learn(struct hr_model *model, const struct hr_model_column *features,
                         const struct hr_model_column *label, size_t rows, struct hr_err *err);
/* The end of a batch: the version goes up if there were rows. Scores are those of the last end.
 * @code
 *     status = hr_model_end(model, &err);
 * @endcode */
hr_status hr_model_end(struct hr_model *model, struct hr_err *err);

/* ret_values: for each row the prediction, probability, distance or score. ret_index: the number of
 * the class or cluster, -1 for none; may be NULL.
 * @code
 *     double x[] = {1, 2, 3}, predicted[3];
 *     struct hr_model_column feature = {.numbers = x};
 *     status = hr_model_score(model, &feature, 3, predicted, NULL, &err);
 * @endcode */
hr_status hr_model_score(const struct hr_model *model, const struct hr_model_column *features,
                         size_t rows, double *ret_values, int32_t *ret_index, struct hr_err *err);

/* Batches learned; 0: untrained.
 * @code
 *     printf("version %" PRId64 "\n", hr_model_version(model));
 * @endcode */
int64_t hr_model_version(const struct hr_model *model);
/* The name of a class by its number; NULL when there is none.
 * @code
 *     const char *name = hr_model_class(model, 0);
 * @endcode */
const char *hr_model_class(const struct hr_model *model, uint32_t index);

/* The model as JSON, for hr_model_import, CREATE MODEL … FROM, or a reader; hr_free it. NULL on
 * failure.
 * @code
 *     char *text = hr_model_export(model, &err);
 *     struct hr_model *copy = text ? hr_model_import(text, &err) : NULL;
 *     hr_model_free(copy);
 *     hr_free(text);
 * @endcode */
char *hr_model_export(struct hr_model *model, struct hr_err *err);
struct hr_model *hr_model_import(const char *json, struct hr_err *err);

#ifdef __cplusplus
}
#endif

#endif
