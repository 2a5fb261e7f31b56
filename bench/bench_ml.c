/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning and scoring of --features numbers on one core: rows a second from columns of a batch to
 * the learned model (cleaning, learning, measuring) and to scores, as lines of JSON.
 *
 *     bench_ml [--rows N] [--features N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "ml/ml.h"

#define FEATURES_MAX 64
#define BATCH        8192

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct batch {
    double *x[FEATURES_MAX], y[BATCH];
    struct hr_column columns[FEATURES_MAX];
    struct hr_ml_column args[FEATURES_MAX];
    struct hr_ml_input inputs[FEATURES_MAX];
    uint32_t features;
};

static void fill(struct batch *b, uint32_t features)
{
    static char names[FEATURES_MAX][8];
    uint64_t seed = 3;
    b->features = features;
    for (uint32_t j = 0; j < features; j++) {
        b->x[j] = hr_alloc_aligned(sizeof(double) * BATCH);
        if (!b->x[j]) exit(1);
        for (uint32_t i = 0; i < BATCH; i++)
            b->x[j][i] = (double)(hr_splitmix64(&seed) >> 11) * 0x1p-53 - 0.5;
        snprintf(names[j], sizeof names[j], "f%u", j);
        b->inputs[j] = (struct hr_ml_input){names[j], false};
        b->columns[j] =
            (struct hr_column){.type = hr_type(HR_T_DOUBLE), .length = BATCH, .values = b->x[j]};
        b->args[j] = (struct hr_ml_column){&b->columns[j], false};
    }
    for (uint32_t i = 0; i < BATCH; i++) b->y[i] = b->x[0][i] + b->x[1][i] > 0;
}

static uint64_t run_once(struct hr_ml_model *m, struct hr_ml_gather *g, struct batch *b, bool learn,
                         struct hr_err *err)
{
    static struct hr_ml_scores scores;
    struct hr_ml_rows rows;
    for (uint32_t at = 0; at < BATCH; at += HR_ML_BLOCK) {
        if (hr_ml_gather_rows(g, b->inputs, b->args, m->input_count, NULL, at, HR_ML_BLOCK, &rows,
                              err))
            exit(1);
        if (learn) {
            memcpy(g->y, b->y + at, sizeof(double) * HR_ML_BLOCK);
            if (hr_ml_learn(m, &rows, err)) exit(1);
        } else {
            hr_ml_score(m, &rows, &scores);
        }
    }
    return BATCH;
}

static void measure(const char *kind, const char *optimizer, struct batch *b, uint64_t wanted)
{
    struct hr_err err = {0};
    struct hr_arena arena = {0};
    struct hr_options options;
    struct hr_ml_model *m = NULL;
    struct hr_ml_gather g = {0};
    uint32_t number;
    hr_options_init(&options, &arena);
    if (optimizer && hr_options_put(&options, "optimizer", optimizer, &err)) exit(1);
    if (hr_ml_new(hr_ml_find(kind), &options, b->inputs, b->features, "y", &m, &err)) exit(1);
    if (m->vt->task == HR_ML_CLASSES)
        for (int i = 0; i < 2; i++)
            if (hr_ml_class(m, hr_sv(i ? "1" : "0"), &number, &err)) exit(1);
    double ns[2];
    for (int learn = 1; learn >= 0; learn--) {
        uint64_t rows = 0;
        int64_t start = cpu_ns();
        while (rows < wanted) rows += run_once(m, &g, b, learn, &err);
        ns[learn] = (double)(cpu_ns() - start) / (double)rows;
        if (learn && hr_ml_end(m, &err)) exit(1);
    }
    printf("{\"kind\":\"%s\",\"optimizer\":\"%s\",\"features\":%u,\"learnMRows\":%.2f,"
           "\"scoreMRows\":%.2f}\n",
           kind, optimizer ? optimizer : "", b->features, 1000 / ns[1], 1000 / ns[0]);
    hr_ml_gather_done(&g);
    hr_ml_free(m);
    hr_arena_done(&arena);
}

int main(int argc, char **argv)
{
    static struct batch b;
    int64_t rows = 2000000, features = 20;
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t *to = !strcmp(argv[i], "--rows")       ? &rows
                      : !strcmp(argv[i], "--features") ? &features
                                                       : NULL;
        if (!to || !hr_parse_i64(hr_sv(argv[i + 1]), to)) return 2;
    }
    if (rows < 1 || features < 2 || features > FEATURES_MAX) return 2;
    fill(&b, (uint32_t)features);
    static const char *const optimizers[] = {"sgd", "adagrad", "ftrl", "newton"};
    for (size_t i = 0; i < HR_COUNT(optimizers); i++)
        measure("logistic_regression", optimizers[i], &b, (uint64_t)rows);
    static const char *const kinds[] = {"kmeans", "naive_bayes", "half_space_trees",
                                        "hoeffding_tree"};
    for (size_t i = 0; i < HR_COUNT(kinds); i++) measure(kinds[i], NULL, &b, (uint64_t)rows / 4);
    return 0;
}
