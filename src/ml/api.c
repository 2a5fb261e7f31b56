/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface of models: <headrace/ml.h>. */
#include <headrace/ml.h>

#include <assert.h>
#include <math.h>

#include "column/type_parse.h"
#include "ml/ml.h"

struct hr_model {
    struct hr_ml_model *model;
};

static hr_status no_argument(const char *what, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what", what);
}

/* ---- life ---- */

static struct hr_model *wrap(struct hr_ml_model *model, struct hr_err *err)
{
    struct hr_model *made = hr_zalloc(sizeof *made);
    if (!made) {
        hr_ml_free(model);
        HR_OOM(err);
        return NULL;
    }
    made->model = model;
    return made;
}

static hr_status make(const char *kind, const char *features, const char *const *options,
                      struct hr_arena *arena, struct hr_ml_model **ret, struct hr_err *err)
{
    const struct hr_ml_vt *vt = hr_ml_find(kind);
    const struct hr_type *schema = NULL;
    struct hr_options given;
    if (!vt) return HR_FAIL(err, HR_E_NOT_FOUND, "there is no kind of model '%.100s'", kind);
    HR_TRY(hr_schema_parse(hr_sv(features), &schema, err));
    struct hr_ml_input *inputs = HR_NEW_ARRAY(arena, struct hr_ml_input, schema->field_count + 1);
    if (!inputs) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct hr_type *type = schema->fields[i].type;
        inputs[i] = (struct hr_ml_input){schema->fields[i].name, type->id == HR_T_STRING};
        if (type->id != HR_T_STRING && type->id != HR_T_BOOLEAN && !hr_type_is_numeric(type))
            return HR_RAISE(err, HR_E_ML_INPUT, "model", kind, "why",
                            "features are numbers, BOOLEAN or STRING");
    }
    hr_options_init(&given, arena);
    for (uint32_t i = 0; options && options[i]; i += 2) {
        if (!options[i + 1]) return no_argument("an option without a value", err);
        HR_TRY(hr_options_put(&given, options[i], options[i + 1], err));
    }
    return hr_ml_new(vt, &given, inputs, schema->field_count, NULL, ret, err);
}

struct hr_model *hr_model_new(const char *kind, const char *features, const char *const *options,
                              struct hr_err *err)
{
    struct hr_arena arena = {0};
    struct hr_ml_model *model = NULL;
    if (!kind || !features) {
        no_argument("hr_model_new without a kind or features", err);
        return NULL;
    }
    hr_status status = make(kind, features, options, &arena, &model, err);
    hr_arena_done(&arena);
    return status == HR_OK ? wrap(model, err) : NULL;
}

void hr_model_free(struct hr_model *model)
{
    if (!model) return;
    hr_ml_free(model->model);
    hr_free(model);
}

/* ---- rows ---- */

static bool is_missing(const struct hr_ml_model *m, const struct hr_model_column *features,
                       size_t row)
{
    for (uint32_t j = 0; j < m->input_count; j++) {
        if (m->inputs[j].is_text ? !features[j].texts[row] : !isfinite(features[j].numbers[row]))
            return true;
    }
    return false;
}

/* Up to HR_ML_BLOCK clean rows from *at on; their numbers in g->rows. */
static hr_status take_block(const struct hr_ml_model *m, const struct hr_model_column *features,
                            size_t rows, size_t *at, struct hr_ml_gather *g, struct hr_ml_rows *ret,
                            struct hr_err *err)
{
    HR_TRY(hr_ml_gather_room(g, m->input_count, err));
    uint32_t count = 0;
    size_t first = *at;
    g->bad = 0;
    for (; *at < rows && *at - first < HR_ML_BLOCK; (*at)++) {
        if (is_missing(m, features, *at)) {
            g->bad++;
            continue;
        }
        for (uint32_t j = 0; j < m->input_count; j++) {
            size_t to = (size_t)HR_ML_BLOCK * j + count;
            if (m->inputs[j].is_text)
                g->strings[to] = hr_string_make(features[j].texts[*at],
                                                (uint32_t)strlen(features[j].texts[*at]));
            else
                g->values[to] = features[j].numbers[*at];
        }
        g->rows[count++] = (uint32_t)(*at - first);
    }
    *ret = (struct hr_ml_rows){.count = count, .x = g->x, .texts = g->texts, .y = g->y};
    return HR_OK;
}

static hr_status check_columns(const struct hr_model *model, const struct hr_model_column *features,
                               struct hr_err *err)
{
    if (!model || !features) return no_argument("a model or its features are NULL", err);
    const struct hr_ml_model *m = model->model;
    for (uint32_t j = 0; j < m->input_count; j++)
        if (m->inputs[j].is_text ? !features[j].texts : !features[j].numbers)
            return HR_RAISE(err, HR_E_ML_INPUT, "model", m->vt->name, "why",
                            m->inputs[j].is_text ? "a STRING feature needs texts"
                                                 : "a feature needs numbers");
    return HR_OK;
}

static hr_status take_label(struct hr_ml_model *m, const struct hr_model_column *label, size_t row,
                            double *ret, struct hr_err *err)
{
    uint32_t number = 0;
    if (m->vt->task == HR_ML_CLASSES) {
        HR_TRY(hr_ml_class(m, hr_sv(label->texts[row]), &number, err));
        *ret = number;
        return HR_OK;
    }
    double y = label->numbers[row];
    if (isfinite(y) && (m->vt->task != HR_ML_BINARY || y == 0 || y == 1)) {
        *ret = y;
        return HR_OK;
    }
    return HR_RAISE(err, HR_E_ML_LABEL, "model", m->vt->name, "label",
                    isfinite(y) ? "a number" : "NaN", "expected",
                    m->vt->task == HR_ML_BINARY ? "0 or 1" : "a finite number");
}

static hr_status learn_block(struct hr_ml_model *m, const struct hr_model_column *label,
                             size_t first, struct hr_ml_gather *g, struct hr_ml_rows *block,
                             struct hr_err *err)
{
    m->bad_features += g->bad;
    for (uint32_t i = 0; label && i < block->count; i++)
        HR_TRY(take_label(m, label, first + g->rows[i], &g->y[i], err));
    return hr_ml_learn(m, block, err);
}

hr_status hr_model_learn(struct hr_model *model, const struct hr_model_column *features,
                         const struct hr_model_column *label, size_t rows, struct hr_err *err)
{
    HR_TRY(check_columns(model, features, err));
    struct hr_ml_model *m = model->model;
    bool has_label = hr_ml_task_has_label(m->vt->task);
    bool texts = m->vt->task == HR_ML_CLASSES;
    if (has_label && (!label || (texts ? !label->texts : !label->numbers)))
        return no_argument(texts ? "this kind of model needs labels that are texts"
                                 : "this kind of model needs labels that are numbers",
                           err);
    struct hr_ml_gather g = {0};
    struct hr_ml_rows block;
    hr_status status = HR_OK;
    for (size_t at = 0; at < rows && status == HR_OK;) {
        size_t first = at;
        status = take_block(m, features, rows, &at, &g, &block, err);
        if (status == HR_OK)
            status = learn_block(m, has_label ? label : NULL, first, &g, &block, err);
    }
    hr_ml_gather_done(&g);
    return status;
}

hr_status hr_model_end(struct hr_model *model, struct hr_err *err)
{
    return model ? hr_ml_end(model->model, err) : no_argument("the model is NULL", err);
}

hr_status hr_model_score(const struct hr_model *model, const struct hr_model_column *features,
                         size_t rows, double *ret_values, int32_t *ret_index, struct hr_err *err)
{
    HR_TRY(check_columns(model, features, err));
    if (!ret_values) return no_argument("hr_model_score needs room for the values", err);
    const struct hr_ml_model *m = model->model;
    struct hr_ml_gather g = {0};
    struct hr_ml_rows block;
    struct hr_ml_scores scores;
    hr_status status = HR_OK;
    for (size_t i = 0; i < rows; i++) ret_values[i] = NAN;
    for (size_t i = 0; ret_index && i < rows; i++) ret_index[i] = -1;
    bool untrained = m->version == 0 || (m->vt->task == HR_ML_CLASSES && m->class_count == 0);
    for (size_t at = 0; at < rows && !untrained && status == HR_OK;) {
        size_t first = at;
        status = take_block(m, features, rows, &at, &g, &block, err);
        if (status != HR_OK) break;
        hr_ml_score(m, &block, &scores);
        for (uint32_t i = 0; i < block.count; i++) {
            ret_values[first + g.rows[i]] = scores.value[i];
            bool numbered = m->vt->task == HR_ML_CLASSES || m->vt->task == HR_ML_CLUSTERS;
            if (ret_index && numbered) ret_index[first + g.rows[i]] = (int32_t)scores.index[i];
        }
    }
    hr_ml_gather_done(&g);
    return status;
}

/* ---- what it is ---- */

int64_t hr_model_version(const struct hr_model *model)
{
    return model ? model->model->version : 0;
}

const char *hr_model_class(const struct hr_model *model, uint32_t index)
{
    return model && index < model->model->class_count ? model->model->classes[index] : NULL;
}

char *hr_model_export(struct hr_model *model, struct hr_err *err)
{
    struct hr_buf out = {0};
    if (!model) {
        no_argument("the model is NULL", err);
        return NULL;
    }
    hr_status status = hr_ml_export(model->model, &out, err);
    char *text = status == HR_OK ? hr_strdup(hr_buf_cstr(&out)) : NULL;
    if (status == HR_OK && !text) HR_OOM(err);
    hr_buf_done(&out);
    return text;
}

struct hr_model *hr_model_import(const char *json, struct hr_err *err)
{
    struct hr_ml_model *model = NULL;
    if (!json) {
        no_argument("the text of the model is NULL", err);
        return NULL;
    }
    return hr_ml_import(hr_sv(json), &model, err) == HR_OK ? wrap(model, err) : NULL;
}
