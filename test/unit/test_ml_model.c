/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of model: stopped and gone on is never stopped, bit for bit; damaged bytes are
 * refused; the public interface. */
#include <headrace/ml.h>
#include <math.h>

#include "base/hash.h"
#include "hr_test.h"
#include "ml/ml.h"

#define ROWS 900

/* Rows of three features that say something about the label. */
struct data {
    double x[3][ROWS], y[ROWS], z[ROWS];
    double step[ROWS];
    double ids[2][ROWS]; /* of users and items */
    struct hr_string texts[ROWS];
};

static void make_data(struct data *d)
{
    static const char *const words[] = {"red cheap now", "blue", "green meeting noon", "cheap"};
    uint64_t seed = 7;
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t j = 0; j < 3; j++)
            d->x[j][i] = (double)(hr_splitmix64(&seed) >> 11) * 0x1p-53 * (j + 1);
        d->y[i] = d->x[0][i] + d->x[1][i] / 2 > 1;
        const char *word = words[(hr_splitmix64(&seed) >> 60) % 4];
        d->step[i] = (double)(i / 3 + i % 50 / 49 * 2); /* with gaps, and some late */
        for (uint32_t j = 0; j < 2; j++) d->ids[j][i] = (double)(hr_splitmix64(&seed) % 40);
        d->texts[i] = hr_string_make(word, (uint32_t)strlen(word));
    }
}

/* Kinds with inputs of their own; else three numbers. */
static uint32_t inputs_of(const struct hr_ml_vt *vt, struct hr_ml_input *ret)
{
    bool bandit = strcmp(vt->name, "bandit") == 0, text = vt->takes_texts && !bandit;
    bool one = strcmp(vt->name, "adwin") == 0 || strcmp(vt->name, "ddm") == 0 ||
               strcmp(vt->name, "page_hinkley") == 0;
    if (strcmp(vt->name, "holt_winters") == 0) { /* a key and a step */
        ret[0] = (struct hr_ml_input){"a", true};
        ret[1] = (struct hr_ml_input){"b", false};
        return 2;
    }
    ret[0] = (struct hr_ml_input){"a", bandit};
    ret[1] = (struct hr_ml_input){"b", bandit};
    ret[2] = (struct hr_ml_input){"c", text};
    return one ? 1 : bandit || strcmp(vt->name, "als") == 0 ? 2 : 3;
}

static hr_status learn(struct hr_ml_model *m, const struct data *d, uint32_t first, uint32_t end,
                       struct hr_err *err)
{
    for (uint32_t at = first; at < end;) {
        uint32_t count = HR_MIN(end - at, 100u), number = 0;
        const double *x[] = {d->x[0] + at, d->x[1] + at, d->x[2] + at};
        const struct hr_string *texts[] = {d->texts + at, d->texts + at, d->texts + at};
        double y[100];
        if (m->input_count == 1) x[0] = d->y + at; /* detectors watch errors */
        if (strcmp(m->vt->name, "holt_winters") == 0) x[1] = d->step + at;
        for (int j = 0; j < 2 && strcmp(m->vt->name, "als") == 0; j++) x[j] = d->ids[j] + at;
        for (uint32_t i = 0; i < count; i++) {
            y[i] = d->y[at + i];
            if (m->vt->task != HR_ML_CLASSES) continue;
            HR_TRY(hr_ml_class(m, hr_sv(y[i] != 0 ? "yes" : "no"), &number, err));
            y[i] = number;
        }
        struct hr_ml_rows rows = {count, x, texts, y};
        HR_TRY(hr_ml_learn(m, &rows, err));
        at += count;
        if (at % 300 == 0) HR_TRY(hr_ml_end(m, err));
    }
    return HR_OK;
}

static struct hr_ml_model *new_model(const struct hr_ml_vt *vt)
{
    struct hr_err err = {0};
    struct hr_ml_input inputs[3];
    struct hr_ml_model *m = NULL;
    uint32_t count = inputs_of(vt, inputs);
    if (hr_ml_new(vt, NULL, inputs, count, "y", &m, &err) != HR_OK) printf("%s\n", err.msg);
    return m;
}

static bool same_bytes(const struct hr_buf *a, const struct hr_buf *b)
{
    return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

HR_TEST(stopped_and_gone_on_is_never_stopped)
{
    static struct data d;
    struct hr_err err = {0};
    const struct hr_ml_vt *vt;
    make_data(&d);
    for (size_t k = 0; (vt = hr_ml_at(k)); k++) {
        struct hr_ml_model *whole = new_model(vt), *half = new_model(vt);
        HR_ASSERT_TRUE(whole && half);
        HR_ASSERT_OK(learn(whole, &d, 0, ROWS, &err));
        for (uint32_t at = 0; at < ROWS; at += 300) {
            struct hr_buf bytes = {0}, json = {0};
            struct hr_ml_model *loaded = NULL, *imported = NULL;
            HR_ASSERT_OK(learn(half, &d, at, at + 300, &err));
            HR_ASSERT_OK(hr_ml_save(half, &bytes, &err));
            HR_ASSERT_OK(hr_ml_export(half, &json, &err));
            HR_ASSERT_OK(hr_ml_load(hr_svn(bytes.ptr, bytes.len), &loaded, &err));
            HR_ASSERT_OK(hr_ml_import(hr_svn(json.ptr, json.len), &imported, &err));
            struct hr_buf again = {0};
            HR_ASSERT_OK(hr_ml_save(imported, &again, &err));
            if (!same_bytes(&bytes, &again)) printf("%s: JSON loses something\n", vt->name);
            HR_EXPECT_TRUE(same_bytes(&bytes, &again));
            hr_ml_free(half);
            hr_ml_free(imported);
            half = loaded;
            hr_buf_done(&bytes);
            hr_buf_done(&again);
            hr_buf_done(&json);
        }
        struct hr_buf a = {0}, b = {0};
        HR_ASSERT_OK(hr_ml_save(whole, &a, &err));
        HR_ASSERT_OK(hr_ml_save(half, &b, &err));
        if (!same_bytes(&a, &b)) printf("%s: another model after stops\n", vt->name);
        HR_EXPECT_TRUE(same_bytes(&a, &b));
        hr_buf_done(&a);
        hr_buf_done(&b);
        hr_ml_free(whole);
        hr_ml_free(half);
    }
}

HR_TEST(damaged_models_are_refused)
{
    static struct data d;
    struct hr_err err = {0};
    const struct hr_ml_vt *vt;
    uint64_t seed = 11;
    make_data(&d);
    for (size_t k = 0; (vt = hr_ml_at(k)); k++) {
        struct hr_ml_model *m = new_model(vt), *out;
        struct hr_buf bytes = {0}, json = {0};
        HR_ASSERT_TRUE(m);
        HR_ASSERT_OK(learn(m, &d, 0, 600, &err));
        HR_ASSERT_OK(hr_ml_save(m, &bytes, &err));
        HR_ASSERT_OK(hr_ml_export(m, &json, &err));
        for (int i = 0; i < 60; i++) { /* cut short */
            size_t len = (size_t)(hr_splitmix64(&seed) % bytes.len);
            out = NULL;
            hr_err_init(&err);
            HR_EXPECT_TRUE(hr_ml_load(hr_svn(bytes.ptr, len), &out, &err) != HR_OK);
            HR_EXPECT_TRUE(hr_ml_import(hr_svn(json.ptr, hr_splitmix64(&seed) % (json.len - 2)),
                                        &out, &err) != HR_OK);
        }
        for (int i = 0; i < 200; i++) { /* bytes changed: read or refused, no crash */
            struct hr_buf *buf = i % 2 ? &bytes : &json;
            size_t at = (size_t)(hr_splitmix64(&seed) % buf->len);
            char old = buf->ptr[at];
            buf->ptr[at] = (char)hr_splitmix64(&seed);
            out = NULL;
            hr_err_init(&err);
            hr_status status = i % 2 ? hr_ml_load(hr_svn(buf->ptr, buf->len), &out, &err)
                                     : hr_ml_import(hr_svn(buf->ptr, buf->len), &out, &err);
            if (status == HR_OK) {
                struct hr_ml_scores scores;
                const double *x[] = {d.x[0], d.x[1], d.x[2]};
                const struct hr_string *texts[] = {d.texts, d.texts, d.texts};
                struct hr_ml_rows rows = {50, x, texts, d.y};
                if (out->input_count <= 3 && (out->vt->task != HR_ML_CLASSES || out->class_count))
                    hr_ml_score(out, &rows, &scores);
            }
            hr_ml_free(out);
            buf->ptr[at] = old;
        }
        hr_buf_done(&bytes);
        hr_buf_done(&json);
        hr_ml_free(m);
    }
}

HR_TEST(public_interface)
{
    double a[] = {0, 1, NAN, 9, 10}, p[5], y[] = {0, 0, 1, 1, 1};
    const char *const colours[] = {"red", "blue", "red", NULL, "blue"};
    const char *const names[] = {"low", "low", "high", "high", "high"};
    struct hr_model_column features[] = {{.numbers = a}, {.texts = colours}};
    struct hr_model_column label = {.texts = names}, numbers = {.numbers = y};
    struct hr_err err = {0};
    int32_t index[5];
    struct hr_model *m = hr_model_new("naive_bayes", "a DOUBLE, colour STRING", NULL, &err);
    HR_ASSERT_TRUE(m);
    HR_ASSERT_OK(hr_model_score(m, features, 5, p, index, &err));
    HR_EXPECT_TRUE(isnan(p[0]) && index[0] == -1); /* untrained */
    HR_ASSERT_OK(hr_model_learn(m, features, &label, 5, &err));
    HR_EXPECT_TRUE(hr_model_learn(m, features, &numbers, 5, &err) != HR_OK);
    HR_ASSERT_OK(hr_model_end(m, &err));
    HR_EXPECT_EQ_I64(hr_model_version(m), 1);
    HR_ASSERT_OK(hr_model_score(m, features, 5, p, index, &err));
    HR_EXPECT_TRUE(isnan(p[2]) && isnan(p[3]) && index[2] == -1);
    HR_EXPECT_TRUE(strcmp(hr_model_class(m, (uint32_t)index[0]), "low") == 0);
    HR_EXPECT_TRUE(strcmp(hr_model_class(m, (uint32_t)index[4]), "high") == 0);
    HR_EXPECT_TRUE(hr_model_class(m, 2) == NULL);
    char *text = hr_model_export(m, &err);
    struct hr_model *copy = hr_model_import(text, &err);
    HR_ASSERT_TRUE(copy);
    double again[5];
    HR_ASSERT_OK(hr_model_score(copy, features, 5, again, NULL, &err));
    HR_EXPECT_TRUE(again[0] == p[0] && again[4] == p[4]);
    hr_free(text);
    hr_model_free(copy);
    hr_model_free(m);
    HR_EXPECT_TRUE(hr_model_new("nothing", "a DOUBLE", NULL, &err) == NULL);
    HR_EXPECT_TRUE(hr_model_new("kmeans", "a DATE", NULL, &err) == NULL);
}
