/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict and model_version. The analyser has put the model's name as a literal in front; what is
 * scored is the snapshot that the statement or the epoch has pinned (conf->pins), so that all of
 * its rows see one version.
 */
#include <math.h>

#include "expr/functions/functions.h"
#include "expr/internal.h"
#include "ml/store.h"

static const struct hr_type *result_type(enum hr_ml_task task)
{
    struct hr_field class_fields[] = {{"label", hr_type(HR_T_STRING), true},
                                      {"probability", hr_type(HR_T_DOUBLE), true}};
    struct hr_field cluster_fields[] = {{"cluster", hr_type(HR_T_INT), true},
                                        {"distance", hr_type(HR_T_DOUBLE), true}};
    if (task == HR_ML_CLASSES) return hr_type_struct(class_fields, 2);
    if (task == HR_ML_CLUSTERS) return hr_type_struct(cluster_fields, 2);
    return hr_type(HR_T_DOUBLE);
}

static hr_status find_model(struct hr_arena *arena, const struct hr_conf *conf,
                            struct hr_expr *call, struct hr_err *err)
{
    struct hr_str_view name;
    if (!hr_resolve_const_string(arena, conf, call->args[0], &name))
        return HR_RAISE(err, HR_E_ML_NOT_FOUND, "model", hr_expr_quoted(arena, call->args[0]));
    const char *text = hr_arena_strndup(arena, name.ptr, name.len);
    if (!text) return HR_OOM(err);
    call->bound = hr_ml_store_find(conf->models, text);
    if (call->bound) return HR_OK;
    return HR_RAISE(err, HR_E_ML_NOT_FOUND, "model", hr_arena_printf(arena, "`%s`", text));
}

hr_status hr_bind_model_version(HR_BIND_ARGS)
{
    HR_TRY(find_model(arena, conf, call, err));
    call->type = hr_type(HR_T_LONG);
    return HR_OK;
}

/* Inputs known by now: as declared, or as the model has learned them. NULL: not yet. */
static const struct hr_ml_input *known_inputs(const struct hr_ml_entry *entry,
                                              const struct hr_ml_snapshot *current,
                                              uint32_t *ret_count)
{
    *ret_count = entry->inputs ? entry->input_count : current ? current->model->input_count : 0;
    return entry->inputs ? entry->inputs : current ? current->model->inputs : NULL;
}

static const char *list_inputs(struct hr_arena *arena, const struct hr_ml_input *inputs,
                               uint32_t count)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < count; i++)
        hr_buf_printf(&buf, "%s%s%s", i ? ", " : "", inputs[i].name,
                      inputs[i].is_text ? " STRING" : "");
    const char *text = hr_arena_strdup(arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static const char *column_name(const struct hr_expr *arg)
{
    while (arg->kind == HR_X_CAST && arg->implicit_cast) arg = arg->args[0];
    return arg->kind == HR_X_ATTR || arg->kind == HR_X_FIELD ? arg->name : NULL;
}

/* A column that is the model's at another place is a mistake that no type would find. */
static bool is_swapped(const struct hr_expr *arg, const struct hr_ml_input *inputs, uint32_t count,
                       uint32_t at)
{
    const char *name = column_name(arg);
    if (!name || hr_str_eq_nocase(name, inputs[at].name)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (hr_str_eq_nocase(name, inputs[i].name)) return true;
    return false;
}

static hr_status check_inputs(struct hr_arena *arena, const struct hr_expr *call,
                              const struct hr_ml_entry *entry, const struct hr_ml_input *inputs,
                              uint32_t count, struct hr_err *err)
{
    const char *why = NULL;
    if (call->arg_count - 1 != count)
        why = hr_arena_printf(arena, "predict gives it %u features, it takes %u: %s",
                              call->arg_count - 1, count, list_inputs(arena, inputs, count));
    for (uint32_t i = 0; i < count && !why; i++) {
        const struct hr_expr *arg = call->args[i + 1];
        bool is_text = arg->type->id == HR_T_STRING;
        if (arg->type->id != HR_T_NULL && is_text != inputs[i].is_text)
            why = hr_arena_printf(arena, "feature %u is %s, and predict gives it a %s", i + 1,
                                  inputs[i].is_text ? "a STRING" : "a number",
                                  is_text ? "STRING" : "number");
        else if (is_swapped(arg, inputs, count, i))
            why = hr_arena_printf(arena,
                                  "feature %u is %s, and predict gives it %s; their order is %s",
                                  i + 1, inputs[i].name, column_name(arg),
                                  list_inputs(arena, inputs, count));
    }
    return why ? HR_RAISE(err, HR_E_ML_INPUT, "model", entry->name, "why", why) : HR_OK;
}

hr_status hr_bind_predict(HR_BIND_ARGS)
{
    HR_TRY(find_model(arena, conf, call, err));
    struct hr_ml_entry *entry = call->bound;
    for (uint32_t i = 1; i < call->arg_count; i++) {
        const struct hr_type *type = call->args[i]->type;
        if (type->id == HR_T_NULL || type->id == HR_T_STRING) continue;
        if (!hr_type_is_numeric(type) && type->id != HR_T_BOOLEAN)
            return hr_resolve_unexpected_type(arena, call, i,
                                              "(\"NUMERIC\" or \"BOOLEAN\" or \"STRING\")", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_DOUBLE), err));
    }
    call->type = result_type(entry->vt->task);
    if (!call->type) return HR_OOM(err);
    uint32_t count = 0;
    struct hr_ml_snapshot *current = hr_ml_entry_current(entry);
    const struct hr_ml_input *inputs = known_inputs(entry, current, &count);
    hr_status status = inputs ? check_inputs(arena, call, entry, inputs, count, err) : HR_OK;
    hr_ml_snapshot_unref(current);
    return status;
}

/* ---- running ---- */

static hr_status pinned(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                        const struct hr_ml_snapshot **ret, struct hr_err *err)
{
    const struct hr_ml_entry *entry = call->bound;
    const struct hr_ml_pin *pin = hr_ml_pinned(ctx->conf->pins, entry);
    if (!pin)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                        "a model where no statement or epoch runs (it is no constant)");
    *ret = pin->snapshot;
    return HR_OK;
}

hr_status hr_fn_model_version(HR_EVAL_ARGS)
{
    const struct hr_ml_snapshot *snapshot = NULL;
    HR_UNUSED(args);
    HR_TRY(pinned(ctx, call, &snapshot, err));
    HR_ALL_ROWS(ctx, row)
    {
        HR_OUT(int64_t, out)[row] = snapshot ? snapshot->version : 0;
    }
    return HR_OK;
}

/* Where scores go: the column itself, or the children of a STRUCT. */
struct target {
    double *value;
    int32_t *cluster;
    struct hr_string *label;
};

static hr_status make_target(struct hr_eval_ctx *ctx, struct hr_column *out, struct target *ret,
                             struct hr_err *err)
{
    *ret = (struct target){0};
    if (out->type->id != HR_T_STRUCT) {
        ret->value = HR_OUT(double, out);
        return HR_OK;
    }
    out->children = HR_NEW_ARRAY(ctx->arena, struct hr_column, 2);
    if (!out->children) return HR_OOM(err);
    for (uint32_t i = 0; i < 2; i++)
        HR_TRY(hr_column_alloc(ctx->arena, out->type->fields[i].type, out->length, false,
                               &out->children[i], err));
    ret->value = HR_OUT(double, &out->children[1]);
    memset(ret->value, 0, sizeof *ret->value * out->length);
    if (out->type->fields[0].type->id == HR_T_STRING) {
        ret->label = HR_OUT(struct hr_string, &out->children[0]);
        memset(ret->label, 0, sizeof *ret->label * out->length);
    } else {
        ret->cluster = HR_OUT(int32_t, &out->children[0]);
        memset(ret->cluster, 0, sizeof *ret->cluster * out->length);
    }
    return HR_OK;
}

static hr_status put_scores(struct hr_eval_ctx *ctx, const struct hr_ml_model *model,
                            const struct hr_ml_scores *scores, const uint32_t *rows, uint32_t count,
                            const struct target *to, struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        to->value[rows[i]] = scores->value[i];
        if (to->cluster) to->cluster[rows[i]] = (int32_t)scores->index[i];
        if (!to->label) continue;
        const char *name = model->classes[scores->index[i]];
        size_t len = strlen(name);
        if (len > HR_STRING_INLINE) name = hr_arena_strndup(ctx->arena, name, len);
        if (!name) return HR_OOM(err);
        to->label[rows[i]] = hr_string_make(name, (uint32_t)len);
    }
    return HR_OK;
}

static hr_status score_all(struct hr_eval_ctx *ctx, const struct hr_ml_model *model,
                           const struct hr_ml_column *columns, struct hr_ml_gather *gather,
                           const struct target *to, uint64_t *valid, struct hr_err *err)
{
    struct hr_ml_scores scores;
    struct hr_ml_rows rows;
    for (uint32_t at = 0; at < ctx->sel_count; at += HR_ML_BLOCK) {
        uint32_t count = HR_MIN(ctx->sel_count - at, HR_ML_BLOCK);
        HR_TRY(hr_ml_gather_rows(gather, model->inputs, columns, model->input_count,
                                 ctx->sel ? ctx->sel + at : NULL, at, count, &rows, err));
        hr_ml_score(model, &rows, &scores);
        HR_TRY(put_scores(ctx, model, &scores, gather->rows, rows.count, to, err));
        for (uint32_t i = 0; i < rows.count; i++)
            if (!isnan(scores.value[i])) hr_bit_set(valid, gather->rows[i]);
    }
    return HR_OK;
}

hr_status hr_fn_predict(HR_EVAL_ARGS)
{
    const struct hr_ml_snapshot *snapshot = NULL;
    uint64_t *valid = (uint64_t *)(uintptr_t)out->validity;
    struct target to;
    HR_TRY(pinned(ctx, call, &snapshot, err));
    HR_TRY(make_target(ctx, out, &to, err));
    memset(valid, 0, hr_bit_words(out->length) * 8);
    if (!snapshot) return HR_OK;
    const struct hr_ml_model *model = snapshot->model;
    /* What the model learned may have come after the statement was analysed. */
    HR_TRY(check_inputs(ctx->arena, call, call->bound, model->inputs, model->input_count, err));
    if (model->vt->task == HR_ML_CLASSES && model->class_count == 0) return HR_OK;
    struct hr_ml_column *columns = HR_NEW_ARRAY(ctx->arena, struct hr_ml_column, call->arg_count);
    if (!columns) return HR_OOM(err);
    for (uint32_t i = 1; i < call->arg_count; i++)
        columns[i - 1] = (struct hr_ml_column){&args[i].col, args[i].is_const};
    struct hr_ml_gather gather = {0};
    hr_status status = score_all(ctx, model, columns, &gather, &to, valid, err);
    hr_ml_gather_done(&gather);
    return status;
}

/* ---- choose ---- */

hr_status hr_bind_choose(HR_BIND_ARGS)
{
    struct hr_field fields[] = {{"arm", hr_type(HR_T_STRING), true},
                                {"value", hr_type(HR_T_DOUBLE), true}};
    HR_TRY(find_model(arena, conf, call, err));
    const struct hr_ml_entry *entry = call->bound;
    if (!entry->vt->choose)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", entry->name, "why",
                        "choose is for bandits; predict says what other models say");
    uint32_t last = call->arg_count - 1;
    for (uint32_t i = 1; i < last; i++)
        HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_STRING), err));
    if (!hr_type_is_numeric(call->args[last]->type) && call->args[last]->type->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, last, "\"BIGINT\"", err);
    HR_TRY(hr_resolve_cast(arena, &call->args[last], hr_type(HR_T_LONG), err));
    call->type = hr_type_struct(fields, 2);
    return call->type ? HR_OK : HR_OOM(err);
}

static hr_status choose_rows(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                             const struct hr_ml_model *model, const struct hr_vector *args,
                             const struct target *to, uint64_t *valid, struct hr_err *err)
{
    struct hr_string *context = HR_NEW_ARRAY(ctx->arena, struct hr_string, call->arg_count);
    if (!context) return HR_OOM(err);
    uint32_t last = call->arg_count - 1;
    HR_ALL_ROWS(ctx, row)
    {
        bool whole = hr_arg_valid(&args[last], row);
        for (uint32_t i = 1; i < last && whole; i++) {
            whole = hr_arg_valid(&args[i], row);
            if (whole) context[i - 1] = HR_ARG(struct hr_string, &args[i], row);
        }
        struct hr_ml_scores one;
        if (!whole || !model->vt->choose(model, context, (uint64_t)hr_arg_i64(&args[last], row),
                                         &one.index[0], &one.value[0]))
            continue;
        HR_TRY(put_scores(ctx, model, &one, &row, 1, to, err));
        hr_bit_set(valid, row);
    }
    return HR_OK;
}

/* A bandit that has learned nothing chooses among the arms that its options name. */
static hr_status untrained(const struct hr_expr *call, struct hr_ml_model **ret, struct hr_err *err)
{
    const struct hr_ml_entry *entry = call->bound;
    struct hr_ml_input inputs[HR_ML_INPUTS_MAX];
    uint32_t count = HR_MIN(call->arg_count - 1, HR_ML_INPUTS_MAX);
    for (uint32_t i = 0; i < count; i++) inputs[i] = (struct hr_ml_input){"context", true};
    return hr_ml_new(entry->vt, &entry->options, inputs, count, NULL, ret, err);
}

hr_status hr_fn_choose(HR_EVAL_ARGS)
{
    const struct hr_ml_snapshot *snapshot = NULL;
    uint64_t *valid = (uint64_t *)(uintptr_t)out->validity;
    struct hr_ml_model *fresh = NULL;
    struct target to;
    HR_TRY(pinned(ctx, call, &snapshot, err));
    HR_TRY(make_target(ctx, out, &to, err));
    memset(valid, 0, hr_bit_words(out->length) * 8);
    if (!snapshot) HR_TRY(untrained(call, &fresh, err));
    const struct hr_ml_model *model = snapshot ? snapshot->model : fresh;
    hr_status status = HR_OK;
    if (model->input_count != call->arg_count - 1) {
        const struct hr_ml_entry *entry = call->bound;
        const char *why =
            hr_arena_printf(ctx->arena, "choose gives it %u texts and a number; its context has %u",
                            call->arg_count - 2, model->input_count - 1);
        status = HR_RAISE(err, HR_E_ML_INPUT, "model", entry->name, "why", why ? why : "");
    }
    if (status == HR_OK) status = choose_rows(ctx, call, model, args, &to, valid, err);
    hr_ml_free(fresh);
    return status;
}

/* ---- recommend ---- */

#define RECOMMEND_MAX 1000

hr_status hr_bind_recommend(HR_BIND_ARGS)
{
    struct hr_field fields[] = {{"item", hr_type(HR_T_LONG), false},
                                {"score", hr_type(HR_T_DOUBLE), false}};
    HR_TRY(find_model(arena, conf, call, err));
    const struct hr_ml_entry *entry = call->bound;
    if (!entry->vt->recommend)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", entry->name, "why",
                        "recommend is for recommenders (als)");
    for (uint32_t i = 1; i < 3; i++) {
        const struct hr_type *type = call->args[i]->type;
        if (!hr_type_is_numeric(type) && type->id != HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, i, "\"NUMERIC\"", err);
        HR_TRY(
            hr_resolve_cast(arena, &call->args[i], hr_type(i == 1 ? HR_T_DOUBLE : HR_T_LONG), err));
    }
    const struct hr_type *element = hr_type_struct(fields, 2);
    call->type = element ? hr_type_array(element, false) : NULL;
    return call->type ? HR_OK : HR_OOM(err);
}

static hr_status recommend_row(const struct hr_ml_model *model, double user, int64_t k,
                               struct hr_builder *b, struct hr_err *err)
{
    int64_t items[RECOMMEND_MAX];
    double scores[RECOMMEND_MAX];
    if (k < 1 || k > RECOMMEND_MAX)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "recommend gives between 1 and %d items, not %lld", RECOMMEND_MAX,
                       (long long)k);
    uint32_t count = model->vt->recommend(model, user, (uint32_t)k, items, scores);
    if (count == 0) {
        hr_builder_null(b);
        return HR_OK;
    }
    struct hr_builder *element = hr_builder_child(b, 0);
    for (uint32_t i = 0; i < count; i++) {
        hr_builder_i64(hr_builder_child(element, 0), items[i]);
        hr_builder_f64(hr_builder_child(element, 1), scores[i]);
        hr_builder_close(element);
    }
    hr_builder_close(b);
    return HR_OK;
}

hr_status hr_fn_recommend(HR_EVAL_ARGS)
{
    const struct hr_ml_snapshot *snapshot = NULL;
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_TRY(pinned(ctx, call, &snapshot, err));
    HR_ALL_ROWS(ctx, row)
    {
        hr_build_to(b, row);
        if (snapshot && hr_arg_valid(&args[1], row) && hr_arg_valid(&args[2], row))
            HR_TRY(recommend_row(snapshot->model, HR_ARG(double, &args[1], row),
                                 hr_arg_i64(&args[2], row), b, err));
        else
            hr_builder_null(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}
