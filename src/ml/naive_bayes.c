/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Naive Bayes: numbers as a Gaussian for each class, texts as bags of words (multinomial, words
 * hashed). Words are runs of letters, digits and what is not ASCII; ASCII letters in lower case.
 * Only sums are kept: the order of the rows changes nothing but roundings.
 */
#include <stdio.h>

#include "ml/features.h"
#include "ml/io.h"
#include "ml/ml.h"

struct bayes_options {
    double alpha, floor;
    int64_t hash_bits;
};

struct bayes_class {
    double rows, word_total;
    struct hr_ml_moments *moments; /* by input; of numbers */
    double *words;                 /* by slot; NULL: there are no texts */
};

struct bayes {
    struct hr_ml_model model;
    uint32_t d, slots, capacity;
    double rows;
    struct hr_ml_moments *all; /* of all rows, by input */
    struct bayes_class *classes;
};

static const struct hr_opt_spec specs[] = {
    {"alpha", HR_OPT_DOUBLE, offsetof(struct bayes_options, alpha), "1", 0, 0, NULL,
     "texts: how often each word counts as seen before the first row"},
    {"varianceFloor", HR_OPT_DOUBLE, offsetof(struct bayes_options, floor), "1e-9", 0, 0, NULL,
     "numbers: this share of the largest variance is added to every variance"},
    {"hashBits", HR_OPT_INT, offsetof(struct bayes_options, hash_bits), "14", 1, 22, NULL,
     "texts: 2^hashBits different words are told apart"},
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct bayes_options *o = options;
    if (!(o->alpha > 0 && isfinite(o->alpha)))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "alpha", "why", "must be above 0");
    if (!(o->floor > 0 && isfinite(o->floor)))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "varianceFloor", "why",
                        "must be above 0");
    return HR_OK;
}

static struct bayes *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct bayes, model);
}
static const struct bayes *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct bayes, model);
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct bayes *m = self(model);
    const struct bayes_options *o = model->opt;
    static const char *const needs_text[] = {"alpha", "hashBits"};
    for (size_t i = 0; i < HR_COUNT(needs_text); i++)
        if (model->text_count == 0 && hr_options_get(&model->options, needs_text[i]))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", needs_text[i], "why",
                            "it is for STRING features, and there are none");
    if (model->number_count == 0 && hr_options_get(&model->options, "varianceFloor"))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "varianceFloor", "why",
                        "it is for numbers, and there are none");
    m->d = model->input_count;
    m->slots = model->text_count ? 1u << o->hash_bits : 0;
    m->all = HR_NEW_ARRAY(&model->arena, struct hr_ml_moments, m->d);
    return m->all ? HR_OK : HR_OOM(err);
}

static void close_model(struct hr_ml_model *model)
{
    hr_free(self(model)->classes);
}

/* Room for every class that the model has by now. */
static hr_status make_classes(struct bayes *m, struct hr_err *err)
{
    uint32_t count = m->model.class_count;
    if (count <= m->capacity) return HR_OK;
    struct bayes_class *grown = hr_realloc(m->classes, sizeof *grown * count);
    if (!grown) return HR_OOM(err);
    m->classes = grown;
    for (; m->capacity < count; m->capacity++) {
        struct bayes_class *c = &grown[m->capacity];
        *c = (struct bayes_class){0};
        c->moments = HR_NEW_ARRAY(&m->model.arena, struct hr_ml_moments, m->d);
        if (m->slots) c->words = HR_NEW_ARRAY(&m->model.arena, double, m->slots);
        if (!c->moments || (m->slots && !c->words)) return HR_OOM(err);
    }
    return HR_OK;
}

/* ---- words ---- */

struct words {
    const uint8_t *at, *end;
    uint32_t mask;
};

static bool is_word(uint8_t c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The slot of the next word: FNV-1a over its bytes, mixed. */
static bool next_word(struct words *w, uint32_t *ret)
{
    uint32_t h = 2166136261u;
    while (w->at < w->end && !is_word(*w->at)) w->at++;
    if (w->at == w->end) return false;
    for (; w->at < w->end && is_word(*w->at); w->at++) {
        uint8_t c = *w->at;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    h = (h ^ h >> 16) * 0x85ebca6bu;
    *ret = (h ^ h >> 13) & w->mask;
    return true;
}

static struct words words_of(const struct bayes *m, const struct hr_string *text)
{
    const uint8_t *start = (const uint8_t *)hr_string_ptr(text);
    return (struct words){start, start + text->len, m->slots - 1};
}

/* ---- learning and scoring ---- */

static void learn_row(struct bayes *m, const struct hr_ml_rows *rows, uint32_t i)
{
    struct bayes_class *c = &m->classes[(uint32_t)rows->y[i]];
    uint32_t slot;
    m->rows++;
    c->rows++;
    for (uint32_t j = 0; j < m->d; j++) {
        if (!m->model.inputs[j].is_text) {
            hr_ml_moments_add(&m->all[j], m->rows, rows->x[j][i]);
            hr_ml_moments_add(&c->moments[j], c->rows, rows->x[j][i]);
            continue;
        }
        struct words words = words_of(m, &rows->texts[j][i]);
        while (next_word(&words, &slot)) {
            c->words[slot]++;
            c->word_total++;
        }
    }
}

static double floor_of(const struct bayes *m)
{
    const struct bayes_options *o = m->model.opt;
    double most = 0;
    for (uint32_t j = 0; j < m->d; j++) most = HR_MAX(most, m->all[j].m2);
    return o->floor * most / HR_MAX(m->rows, 1.0);
}

static double log_likelihood(const struct bayes *m, const struct bayes_class *c,
                             const struct hr_ml_rows *rows, uint32_t i, double floor)
{
    const struct bayes_options *o = m->model.opt;
    double sum = log(c->rows / m->rows);
    uint32_t slot;
    for (uint32_t j = 0; j < m->d; j++) {
        if (!m->model.inputs[j].is_text) {
            double var = c->moments[j].m2 / c->rows + floor;
            double by = rows->x[j][i] - c->moments[j].mean;
            if (var > 0) sum -= 0.5 * (log(6.283185307179586 * var) + by * by / var);
            continue;
        }
        struct words words = words_of(m, &rows->texts[j][i]);
        while (next_word(&words, &slot))
            sum += log((c->words[slot] + o->alpha) / (c->word_total + o->alpha * m->slots));
    }
    return sum;
}

static void score_row(const struct bayes *m, const struct hr_ml_rows *rows, uint32_t i,
                      double floor, struct hr_ml_scores *ret)
{
    double best = -INFINITY, total = 0;
    uint32_t winner = 0;
    for (uint32_t c = 0; c < m->capacity; c++) {
        if (m->classes[c].rows == 0) continue;
        double v = log_likelihood(m, &m->classes[c], rows, i, floor);
        if (v > best) {
            total = total * exp(best - v) + 1;
            best = v;
            winner = c;
        } else {
            total += exp(v - best);
        }
    }
    ret->index[i] = winner;
    ret->value[i] = total > 0 ? 1 / total : NAN;
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct bayes *m = self(model);
    HR_TRY(make_classes(m, err));
    for (uint32_t i = 0; i < rows->count; i++) {
        score_row(m, rows, i, floor_of(m), ret_before);
        learn_row(m, rows, i);
    }
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct bayes *m = self_const(model);
    double floor = floor_of(m);
    for (uint32_t i = 0; i < rows->count; i++) score_row(m, rows, i, floor, ret);
}

/* Words that occurred, by slot. */
static void word_fields(struct bayes *m, struct bayes_class *c, struct hr_ml_io *io)
{
    struct hr_arena scratch = {0};
    uint32_t count = 0;
    for (uint32_t s = 0; s < m->slots; s++) count += c->words[s] != 0;
    hr_ml_io_count(io, "wordCount", &count, m->slots);
    uint32_t *slots = HR_NEW_ARRAY(&scratch, uint32_t, count + 1);
    double *counts = HR_NEW_ARRAY(&scratch, double, count + 1);
    if (!slots || !counts) {
        hr_ml_io_fail(io, "words", "do not fit into memory");
        hr_arena_done(&scratch);
        return;
    }
    uint32_t at = 0;
    for (uint32_t s = 0; s < m->slots && !hr_ml_io_reads(io); s++) {
        if (c->words[s] == 0) continue;
        slots[at] = s;
        counts[at++] = c->words[s];
    }
    hr_ml_io_u32s(io, "wordSlots", slots, count);
    hr_ml_io_f64s(io, "wordCounts", counts, count);
    for (uint32_t i = 0; i < count && hr_ml_io_reads(io) && !io->why; i++) {
        if (slots[i] >= m->slots)
            hr_ml_io_fail(io, "wordSlots", "is out of its range");
        else
            c->words[slots[i]] = counts[i];
    }
    hr_arena_done(&scratch);
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct bayes *m = self(model);
    if (hr_ml_io_reads(io) && make_classes(m, NULL) != HR_OK)
        hr_ml_io_fail(io, "classes", "do not fit into memory");
    hr_ml_io_f64(io, "rows", &m->rows);
    hr_ml_io_f64s(io, "moments", (double *)m->all, (size_t)m->d * 2);
    for (uint32_t i = 0; i < m->model.class_count && !io->why; i++) {
        struct bayes_class *c = &m->classes[i];
        char name[32];
        snprintf(name, sizeof name, "class%u", i);
        hr_ml_io_begin(io, name);
        hr_ml_io_f64(io, "rows", &c->rows);
        hr_ml_io_f64s(io, "moments", (double *)c->moments, (size_t)m->d * 2);
        hr_ml_io_f64(io, "wordTotal", &c->word_total);
        if (m->slots && !io->why) word_fields(m, c, io);
        hr_ml_io_end(io);
    }
}

extern const struct hr_ml_vt hr_ml_naive_bayes;
const struct hr_ml_vt hr_ml_naive_bayes = {
    .name = "naive_bayes",
    .task = HR_ML_CLASSES,
    .doc = "the likeliest class, numbers and words taken as independent",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct bayes_options),
    .size = sizeof(struct bayes),
    .takes_texts = true,
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .score = score,
    .fields = fields,
};
