/* SPDX-License-Identifier: Apache-2.0 */
/* Models: the table of kinds, life, counters and measures, bytes and JSON. */
#include "ml/ml.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "ml/io.h"
#include "ml/json.h"

#define FORMAT         "headrace.model"
#define FORMAT_VERSION 1
#define LOSS_CLIP      1e-15

#define X(name) extern const struct hr_ml_vt hr_ml_##name;
#include "ml/models.def"
#undef X

static const struct hr_ml_vt *const kinds[] = {
#define X(name) &hr_ml_##name,
#include "ml/models.def"
#undef X
};

const struct hr_ml_vt *hr_ml_at(size_t index)
{
    return index < HR_COUNT(kinds) ? kinds[index] : NULL;
}

const struct hr_ml_vt *hr_ml_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(kinds); i++)
        if (hr_str_eq_nocase(kinds[i]->name, name)) return kinds[i];
    return NULL;
}

const char *hr_ml_task_name(enum hr_ml_task task)
{
    static const char *const names[] = {"regression", "binary classification", "classification",
                                        "clustering", "anomaly detection"};
    return names[task];
}

/* ---- life ---- */

hr_status hr_ml_check_options(const struct hr_ml_vt *vt, const struct hr_options *options,
                              struct hr_err *err)
{
    struct hr_opt_table own = {vt->options, vt->option_count};
    HR_TRY(hr_options_check_known(options, NULL, &own, 1, err));
    void *read = hr_zalloc(vt->options_size + 1);
    if (!read) return HR_OOM(err);
    hr_status status = hr_options_parse(vt->options, vt->option_count, options, read, err);
    if (status == HR_OK && vt->check) status = vt->check(read, err);
    hr_free(read);
    return status;
}

static hr_status copy_inputs(struct hr_ml_model *model, const struct hr_ml_input *inputs,
                             uint32_t count, struct hr_err *err)
{
    if (count == 0 || count > HR_ML_INPUTS_MAX)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", model->vt->name, "why",
                        "it needs between 1 and 1024 features");
    model->inputs = HR_NEW_ARRAY(&model->arena, struct hr_ml_input, count);
    if (!model->inputs) return HR_OOM(err);
    model->input_count = count;
    for (uint32_t i = 0; i < count; i++) {
        model->inputs[i].is_text = inputs[i].is_text;
        model->inputs[i].name = hr_arena_strdup(&model->arena, inputs[i].name);
        if (!model->inputs[i].name) return HR_OOM(err);
        if (inputs[i].is_text && !model->vt->takes_texts) {
            char why[200];
            snprintf(why, sizeof why,
                     "feature %.100s is a STRING, and this kind of model takes numbers",
                     inputs[i].name);
            return HR_RAISE(err, HR_E_ML_INPUT, "model", model->vt->name, "why", why);
        }
        model->text_count += inputs[i].is_text;
    }
    model->number_count = count - model->text_count;
    return HR_OK;
}

static hr_status fill(struct hr_ml_model *model, const struct hr_options *options,
                      const struct hr_ml_input *inputs, uint32_t input_count, const char *label,
                      struct hr_err *err)
{
    const struct hr_ml_vt *vt = model->vt;
    hr_options_init(&model->options, &model->arena);
    for (uint32_t i = 0; options && i < options->count; i++)
        HR_TRY(
            hr_options_put(&model->options, options->items[i].key, options->items[i].value, err));
    void *opt = hr_arena_zalloc(&model->arena, vt->options_size + 1);
    if (!opt) return HR_OOM(err);
    HR_TRY(hr_options_parse(vt->options, vt->option_count, &model->options, opt, err));
    model->opt = opt;
    HR_TRY(copy_inputs(model, inputs, input_count, err));
    if (label && !(model->label = hr_arena_strdup(&model->arena, label))) return HR_OOM(err);
    return vt->open(model, err);
}

hr_status hr_ml_new(const struct hr_ml_vt *vt, const struct hr_options *options,
                    const struct hr_ml_input *inputs, uint32_t input_count, const char *label,
                    struct hr_ml_model **ret, struct hr_err *err)
{
    assert(vt->size >= sizeof(struct hr_ml_model));
    HR_TRY(hr_ml_check_options(vt, options, err));
    struct hr_ml_model *model = hr_zalloc(vt->size);
    if (!model) return HR_OOM(err);
    model->vt = vt;
    hr_arena_init(&model->arena, NULL);
    hr_status status = fill(model, options, inputs, input_count, label, err);
    if (status != HR_OK) {
        hr_ml_free(model);
        return status;
    }
    *ret = model;
    return HR_OK;
}

void hr_ml_free(struct hr_ml_model *model)
{
    if (!model) return;
    if (model->vt->close) model->vt->close(model);
    hr_arena_done(&model->arena);
    hr_free(model);
}

hr_status hr_ml_class(struct hr_ml_model *model, struct hr_str_view name, uint32_t *ret,
                      struct hr_err *err)
{
    for (uint32_t i = 0; i < model->class_count; i++) {
        if (!hr_sv_eq(hr_sv(model->classes[i]), name)) continue;
        *ret = i;
        return HR_OK;
    }
    if (model->class_count == HR_ML_CLASSES_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the number of classes of a model", "limit",
                        "1000");
    if (model->class_count == model->class_capacity) {
        uint32_t capacity = HR_MAX(8u, model->class_capacity * 2);
        char **grown = hr_arena_grow(&model->arena, model->classes,
                                     sizeof *grown * model->class_count, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        model->classes = grown;
        model->class_capacity = capacity;
    }
    char *copy = hr_arena_strndup(&model->arena, name.ptr, name.len);
    if (!copy) return HR_OOM(err);
    *ret = model->class_count;
    model->classes[model->class_count++] = copy;
    return HR_OK;
}

/* ---- learning ---- */

/* What the model said before it learned, against the labels. */
static void measure(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                    const struct hr_ml_scores *before)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        double v = before->value[i], y = rows->y[i];
        if (isnan(v)) continue;
        model->scored++;
        if (model->vt->task == HR_ML_BINARY) {
            double p = HR_MIN(HR_MAX(v, LOSS_CLIP), 1 - LOSS_CLIP);
            model->loss_sum -= y != 0 ? log(p) : log1p(-p);
            model->error_sum += (v > 0.5) != (y != 0);
        } else if (model->vt->task == HR_ML_CLASSES) {
            model->error_sum += before->index[i] != (uint32_t)y;
        } else {
            model->loss_sum += (v - y) * (v - y);
            model->error_sum += fabs(v - y);
        }
    }
}

hr_status hr_ml_learn(struct hr_ml_model *model, const struct hr_ml_rows *rows, struct hr_err *err)
{
    assert(rows->count <= HR_ML_BLOCK);
    struct hr_ml_scores before;
    if (rows->count == 0) return HR_OK;
    before.value[0] = NAN;
    for (uint32_t i = 1; i < rows->count; i++) before.value[i] = NAN;
    HR_TRY(model->vt->learn(model, rows, &before, err));
    model->rows += rows->count;
    model->touched = true;
    if (hr_ml_task_has_label(model->vt->task)) measure(model, rows, &before);
    return HR_OK;
}

hr_status hr_ml_end(struct hr_ml_model *model, struct hr_err *err)
{
    if (!model->touched) return HR_OK;
    if (model->vt->end) HR_TRY(model->vt->end(model, err));
    struct hr_ml_io io = {.mode = HR_ML_CHECK};
    model->vt->fields(model, &io);
    if (io.why) return HR_RAISE(err, HR_E_ML_DIVERGED, "model", model->vt->name, "field", io.name);
    model->touched = false;
    model->version++;
    return HR_OK;
}

void hr_ml_score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                 struct hr_ml_scores *ret)
{
    assert(rows->count <= HR_ML_BLOCK);
    if (rows->count) model->vt->score(model, rows, ret);
}

void hr_ml_put_metrics(const struct hr_ml_model *model, struct hr_buf *out)
{
    double n = (double)model->scored;
    if (model->scored == 0) return;
    if (model->vt->task == HR_ML_BINARY)
        hr_buf_printf(out, "log loss %.6g, accuracy %.6g", model->loss_sum / n,
                      1 - model->error_sum / n);
    else if (model->vt->task == HR_ML_CLASSES)
        hr_buf_printf(out, "accuracy %.6g", 1 - model->error_sum / n);
    else
        hr_buf_printf(out, "RMSE %.6g, MAE %.6g", sqrt(model->loss_sum / n), model->error_sum / n);
    hr_buf_printf(out, " over %lld rows, each scored before it was learned from",
                  (long long)model->scored);
}

bool hr_ml_is_like(const struct hr_ml_model *model, const struct hr_ml_vt *vt,
                   const struct hr_options *options, const char **ret_why)
{
    uint32_t count = options ? options->count : 0;
    *ret_why = "it is of another kind";
    if (model->vt != vt) return false;
    *ret_why = "it has other options";
    if (model->options.count != count) return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *own = hr_options_get(&model->options, options->items[i].key);
        if (!own || strcmp(own, options->items[i].value) != 0) return false;
    }
    return true;
}

/* ---- bytes and JSON ---- */

/* Who it is: before the model can be made. */
struct head {
    char *format, *kind, *label;
    int64_t format_version;
    uint32_t input_count, option_count, class_count;
    char **names, **types, **keys, **values, **classes;
    int64_t version, counts[4];
    double sums[2];
};

static char **room(struct hr_ml_io *io, struct hr_arena *arena, char **have, uint32_t count)
{
    if (!hr_ml_io_reads(io)) return have;
    char **made = HR_NEW_ARRAY(arena, char *, io->why ? 1 : count + 1);
    if (!made) hr_ml_io_fail(io, "inputs", "do not fit into memory");
    return made;
}

static void check_head(struct hr_ml_io *io, const struct head *h)
{
    if (io->why) return;
    if (!h->format || strcmp(h->format, FORMAT) != 0)
        hr_ml_io_fail(io, "format", "is not " FORMAT);
    else if (h->format_version != FORMAT_VERSION)
        hr_ml_io_fail(io, "formatVersion", "is one that this program does not know");
    else if (!h->kind || !hr_ml_find(h->kind))
        hr_ml_io_fail(io, "kind", "is no kind of model that this program has");
}

static void transfer_head(struct hr_ml_io *io, struct head *h, struct hr_arena *arena)
{
    hr_ml_io_str(io, "format", &h->format, arena);
    hr_ml_io_i64(io, "formatVersion", &h->format_version);
    hr_ml_io_str(io, "kind", &h->kind, arena);
    if (hr_ml_io_reads(io)) check_head(io, h);
    hr_ml_io_i64(io, "version", &h->version);
    hr_ml_io_str(io, "label", &h->label, arena);
    hr_ml_io_count(io, "inputCount", &h->input_count, HR_ML_INPUTS_MAX);
    h->names = room(io, arena, h->names, h->input_count);
    h->types = room(io, arena, h->types, h->input_count);
    if (io->why && hr_ml_io_reads(io)) return;
    hr_ml_io_strs(io, "inputs", h->names, h->input_count, arena);
    hr_ml_io_strs(io, "inputTypes", h->types, h->input_count, arena);
    hr_ml_io_count(io, "optionCount", &h->option_count, 1000);
    h->keys = room(io, arena, h->keys, h->option_count);
    h->values = room(io, arena, h->values, h->option_count);
    if (io->why && hr_ml_io_reads(io)) return;
    hr_ml_io_strs(io, "optionNames", h->keys, h->option_count, arena);
    hr_ml_io_strs(io, "optionValues", h->values, h->option_count, arena);
    hr_ml_io_count(io, "classCount", &h->class_count, HR_ML_CLASSES_MAX);
    h->classes = room(io, arena, h->classes, h->class_count);
    if (io->why && hr_ml_io_reads(io)) return;
    hr_ml_io_strs(io, "classes", h->classes, h->class_count, arena);
    hr_ml_io_i64(io, "rows", &h->counts[0]);
    hr_ml_io_i64(io, "rowsWithoutLabel", &h->counts[1]);
    hr_ml_io_i64(io, "rowsWithBadFeatures", &h->counts[2]);
    hr_ml_io_i64(io, "rowsScoredBefore", &h->counts[3]);
    hr_ml_io_f64(io, "lossSum", &h->sums[0]);
    hr_ml_io_f64(io, "errorSum", &h->sums[1]);
}

static hr_status head_of(struct hr_ml_model *model, struct hr_arena *arena, struct head *h,
                         struct hr_err *err)
{
    *h = (struct head){
        .format = (char *)(uintptr_t)FORMAT,
        .kind = (char *)(uintptr_t)model->vt->name,
        .label = model->label,
        .format_version = FORMAT_VERSION,
        .input_count = model->input_count,
        .option_count = model->options.count,
        .class_count = model->class_count,
        .classes = model->classes,
        .version = model->version,
        .counts = {model->rows, model->null_labels, model->bad_features, model->scored},
        .sums = {model->loss_sum, model->error_sum},
    };
    h->names = HR_NEW_ARRAY(arena, char *, h->input_count + 1);
    h->types = HR_NEW_ARRAY(arena, char *, h->input_count + 1);
    h->keys = HR_NEW_ARRAY(arena, char *, h->option_count + 1);
    h->values = HR_NEW_ARRAY(arena, char *, h->option_count + 1);
    if (!h->names || !h->types || !h->keys || !h->values) return HR_OOM(err);
    for (uint32_t i = 0; i < h->input_count; i++) {
        h->names[i] = (char *)(uintptr_t)model->inputs[i].name;
        h->types[i] = (char *)(uintptr_t)(model->inputs[i].is_text ? "text" : "number");
    }
    for (uint32_t i = 0; i < h->option_count; i++) {
        h->keys[i] = (char *)(uintptr_t)model->options.items[i].key;
        h->values[i] = (char *)(uintptr_t)model->options.items[i].value;
    }
    return HR_OK;
}

static hr_status bad_format(const struct hr_ml_io *io, struct hr_err *err)
{
    char why[256];
    snprintf(why, sizeof why, "field %.100s %s", io->name, io->why);
    return HR_RAISE(err, HR_E_ML_FORMAT, "why", why);
}

static hr_status write_all(struct hr_ml_io *io, struct hr_ml_model *model, struct hr_err *err)
{
    struct hr_arena scratch = {0};
    struct head h;
    hr_status status = head_of(model, &scratch, &h, err);
    if (status == HR_OK) {
        hr_ml_io_begin(io, NULL);
        transfer_head(io, &h, &scratch);
        hr_ml_io_begin(io, "parameters");
        model->vt->fields(model, io);
        hr_ml_io_end(io);
        hr_ml_io_end(io);
        status = hr_buf_status(io->out, err);
    }
    hr_arena_done(&scratch);
    if (status != HR_OK || !io->why) return status;
    return HR_RAISE(err, HR_E_ML_DIVERGED, "model", model->vt->name, "field", io->name);
}

hr_status hr_ml_save(struct hr_ml_model *model, struct hr_buf *out, struct hr_err *err)
{
    struct hr_ml_io io = {.mode = HR_ML_SAVE, .out = out};
    return write_all(&io, model, err);
}

hr_status hr_ml_export(struct hr_ml_model *model, struct hr_buf *out, struct hr_err *err)
{
    struct hr_ml_io io = {.mode = HR_ML_EXPORT, .out = out};
    HR_TRY(write_all(&io, model, err));
    hr_buf_putc(out, '\n');
    return hr_buf_status(out, err);
}

static hr_status make(const struct head *h, struct hr_arena *scratch, struct hr_ml_model **ret,
                      struct hr_err *err)
{
    struct hr_ml_input *inputs = HR_NEW_ARRAY(scratch, struct hr_ml_input, h->input_count + 1);
    struct hr_options options;
    hr_options_init(&options, scratch);
    if (!inputs) return HR_OOM(err);
    for (uint32_t i = 0; i < h->input_count; i++) {
        bool is_text = h->types[i] && strcmp(h->types[i], "text") == 0;
        if (!h->names[i] || !h->types[i] || (!is_text && strcmp(h->types[i], "number") != 0))
            return HR_RAISE(err, HR_E_ML_FORMAT, "why",
                            "each input needs a name and the type number or text");
        inputs[i] = (struct hr_ml_input){h->names[i], is_text};
    }
    for (uint32_t i = 0; i < h->option_count; i++) {
        if (!h->keys[i] || !h->values[i])
            return HR_RAISE(err, HR_E_ML_FORMAT, "why", "an option without a name or a value");
        HR_TRY(hr_options_put(&options, h->keys[i], h->values[i], err));
    }
    return hr_ml_new(hr_ml_find(h->kind), &options, inputs, h->input_count, h->label, ret, err);
}

static hr_status restore_head(struct hr_ml_model *model, const struct head *h, struct hr_err *err)
{
    uint32_t number;
    for (uint32_t i = 0; i < h->class_count; i++) {
        HR_TRY(hr_ml_class(model, hr_sv(h->classes[i] ? h->classes[i] : ""), &number, err));
        if (number != i) return HR_RAISE(err, HR_E_ML_FORMAT, "why", "a class stands there twice");
    }
    model->version = h->version;
    model->rows = h->counts[0];
    model->null_labels = h->counts[1];
    model->bad_features = h->counts[2];
    model->scored = h->counts[3];
    model->loss_sum = h->sums[0];
    model->error_sum = h->sums[1];
    return HR_OK;
}

static hr_status read_all(struct hr_ml_io *io, struct hr_arena *scratch, struct hr_ml_model **ret,
                          struct hr_err *err)
{
    struct head h = {0};
    struct hr_ml_model *model = NULL;
    hr_ml_io_begin(io, NULL);
    transfer_head(io, &h, scratch);
    if (io->why) return bad_format(io, err);
    HR_TRY(make(&h, scratch, &model, err));
    hr_status status = restore_head(model, &h, err);
    if (status == HR_OK) {
        hr_ml_io_begin(io, "parameters");
        if (!io->why) model->vt->fields(model, io);
        if (io->why) status = bad_format(io, err);
    }
    if (status != HR_OK) {
        hr_ml_free(model);
        return status;
    }
    *ret = model;
    return HR_OK;
}

hr_status hr_ml_load(struct hr_str_view bytes, struct hr_ml_model **ret, struct hr_err *err)
{
    struct hr_ml_io io = {.mode = HR_ML_LOAD, .in = hr_reader(bytes.ptr, bytes.len)};
    struct hr_arena scratch = {0};
    hr_status status = read_all(&io, &scratch, ret, err);
    hr_arena_done(&scratch);
    return status;
}

hr_status hr_ml_import(struct hr_str_view json, struct hr_ml_model **ret, struct hr_err *err)
{
    struct hr_ml_io io = {.mode = HR_ML_IMPORT};
    struct hr_arena scratch = {0};
    hr_status status = hr_ml_json_parse(&scratch, json, &io.at[0], err);
    if (status == HR_OK) status = read_all(&io, &scratch, ret, err);
    hr_arena_done(&scratch);
    return status;
}

hr_status hr_ml_clone(struct hr_ml_model *model, struct hr_ml_model **ret, struct hr_err *err)
{
    struct hr_buf bytes = {0};
    hr_status status = hr_ml_save(model, &bytes, err);
    if (status == HR_OK) status = hr_ml_load(hr_svn(bytes.ptr, bytes.len), ret, err);
    hr_buf_done(&bytes);
    return status;
}
