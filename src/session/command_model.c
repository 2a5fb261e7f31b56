/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, TRAIN, EXPORT, DROP, DESCRIBE MODEL and SHOW MODELS. */
#include <inttypes.h>

#include "plan/nodes/train.h"
#include "session/internal.h"

#define MODEL_FILE_MAX (1u << 30)

static const char *model_name(const struct hr_run *run)
{
    return run->stmt->name_parts[run->stmt->name_part_count - 1];
}

static hr_status find_model(struct hr_run *run, struct hr_ml_entry **ret, struct hr_err *err)
{
    *ret = hr_ml_store_find(run->conf.models, model_name(run)); /* a watcher has another's */
    if (*ret) return HR_OK;
    const char *quoted = hr_arena_printf(run->arena, "`%s`", model_name(run));
    return quoted ? HR_RAISE(err, HR_E_ML_NOT_FOUND, "model", quoted) : HR_OOM(err);
}

hr_status hr_check_model_free(struct hr_session *session, const struct hr_ml_entry *entry,
                              bool trained_only, struct hr_err *err)
{
    struct hr_query *query;
    hr_status status = HR_OK;
    for (uint32_t i = 0; status == HR_OK && (query = hr_registry_at(&session->queries, i)); i++) {
        if (hr_query_is_active(query) && hr_query_uses_model(query, entry, trained_only))
            status =
                HR_RAISE(err, HR_E_ML_IN_USE, "model", entry->name, "query", hr_query_name(query));
        hr_query_unref(query);
    }
    return status;
}

/* ---- CREATE ---- */

static hr_status no_kind(struct hr_run *run, const char *given, struct hr_err *err)
{
    struct hr_buf list = {0};
    const struct hr_ml_vt *vt;
    for (size_t i = 0; (vt = hr_ml_at(i)); i++)
        hr_buf_printf(&list, "%s%s", i ? ", " : "", vt->name);
    hr_status status =
        given ? HR_FAIL(err, HR_E_NOT_FOUND, "there is no kind of model '%.100s'; there are %s",
                        given, hr_buf_cstr(&list))
              : HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                        "CREATE MODEL %s needs USING and a kind of model: one of %s",
                        model_name(run), hr_buf_cstr(&list));
    hr_buf_done(&list);
    return status;
}

/* The features as declared. */
static hr_status declared_inputs(struct hr_run *run, struct hr_ml_entry_spec *spec,
                                 struct hr_err *err)
{
    const struct hr_type *schema = run->stmt->schema;
    if (!schema && run->stmt->column_count)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "the features of a model need types: CREATE MODEL m (a DOUBLE, b STRING)");
    if (!schema) return HR_OK;
    struct hr_ml_input *inputs = HR_NEW_ARRAY(run->arena, struct hr_ml_input, schema->field_count);
    if (!inputs) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct hr_field *field = &schema->fields[i];
        bool is_text = field->type->id == HR_T_STRING;
        const char *why = NULL;
        if (!is_text && !hr_type_is_numeric(field->type) && field->type->id != HR_T_BOOLEAN)
            why = "features are numbers, BOOLEAN or STRING";
        else if (is_text && !spec->vt->takes_texts)
            why = "this kind of model takes numbers";
        for (uint32_t j = 0; j < i && !why; j++)
            if (hr_str_eq_nocase(field->name, schema->fields[j].name))
                why = "it stands there twice";
        if (why) {
            why = hr_arena_printf(run->arena, "feature %s: %s", field->name, why);
            return why ? HR_RAISE(err, HR_E_ML_INPUT, "model", spec->name, "why", why)
                       : HR_OOM(err);
        }
        inputs[i] = (struct hr_ml_input){field->name, is_text};
    }
    spec->inputs = inputs;
    spec->input_count = schema->field_count;
    return HR_OK;
}

/* OPTIONS: the label is every kind's with labels, the rest is the kind's own. */
static hr_status split_options(struct hr_run *run, struct hr_ml_entry_spec *spec,
                               struct hr_options *own, struct hr_err *err)
{
    const struct hr_options *given = run->stmt->options;
    hr_options_init(own, run->arena);
    for (uint32_t i = 0; given && i < given->count; i++) {
        if (!hr_str_eq_nocase(given->items[i].key, "label"))
            HR_TRY(hr_options_put(own, given->items[i].key, given->items[i].value, err));
    }
    spec->label = hr_options_get(given, "label");
    if (spec->label && !hr_ml_task_has_label(spec->vt->task))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "label", "why",
                        "this kind of model learns without labels");
    spec->options = own;
    return hr_ml_check_options(spec->vt, own, err);
}

static hr_status read_model(struct hr_run *run, struct hr_ml_model **ret, struct hr_err *err)
{
    struct hr_buf text;
    hr_buf_init(&text, MODEL_FILE_MAX);
    hr_status status = hr_env_read_file(run->session->env, run->stmt->value, &text, err);
    if (status == HR_OK) status = hr_ml_import(hr_svn(text.ptr, text.len), ret, err);
    if (status != HR_OK) hr_err_prefix(err, "%s", run->stmt->value);
    hr_buf_done(&text);
    return status;
}

static hr_status create_from_file(struct hr_run *run, struct hr_ml_entry **ret, struct hr_err *err)
{
    struct hr_ml_model *model = NULL;
    HR_TRY(read_model(run, &model, err));
    struct hr_ml_entry_spec spec = {
        .name = model_name(run),
        .vt = model->vt,
        .options = &model->options,
        .inputs = model->inputs,
        .input_count = model->input_count,
        .label = model->label,
    };
    hr_status status = hr_ml_store_add(&run->session->models, &spec, ret, err);
    if (status == HR_OK && model->version > 0) {
        status = hr_ml_publish(*ret, model, err);
        if (status != HR_OK) hr_ml_store_drop(*ret);
    }
    hr_ml_free(model);
    return status;
}

static hr_status create_by_kind(struct hr_run *run, struct hr_ml_entry **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_ml_entry_spec spec = {.name = model_name(run)};
    struct hr_options own;
    spec.vt = stmt->provider ? hr_ml_find(stmt->provider) : NULL;
    if (!spec.vt) return no_kind(run, stmt->provider, err);
    HR_TRY(split_options(run, &spec, &own, err));
    HR_TRY(declared_inputs(run, &spec, err));
    return hr_ml_store_add(&run->session->models, &spec, ret, err);
}

/* Learns from an analysed query at rest. */
static hr_status train(struct hr_run *run, bool afresh, struct hr_err *err)
{
    struct hr_plan *plan = run->stmt->plan;
    struct hr_batches batches = {0};
    HR_TRY(hr_run_analyze(run, &plan, err));
    HR_NODE(train, plan)->afresh = afresh;
    HR_TRY(hr_check_model_free(run->session, HR_NODE(train, plan)->entry, true, err));
    hr_status status = hr_run_collect(run, plan, &batches, err);
    if (status != HR_OK) {
        hr_batches_done(&batches);
        return status;
    }
    run->result->batches = HR_NEW_ARRAY(run->arena, struct hr_batch *, batches.count + 1);
    run->result->schema = hr_plan_schema(plan);
    if (!run->result->batches || !run->result->schema) {
        hr_batches_done(&batches);
        return HR_OOM(err);
    }
    for (uint32_t i = 0; i < batches.count; i++)
        run->result->batches[i] = hr_batch_ref(batches.items[i]);
    run->result->batch_count = batches.count;
    hr_batches_done(&batches);
    return HR_OK;
}

hr_status hr_run_create_model(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_ml_entry *old = hr_ml_store_find(&run->session->models, model_name(run));
    struct hr_ml_entry *entry = NULL;
    if (old && stmt->if_not_exists) return HR_OK;
    if (old && !stmt->or_replace)
        return HR_RAISE(err, HR_E_ML_EXISTS, "model",
                        hr_arena_printf(run->arena, "`%s`", old->name));
    if (old) HR_TRY(hr_check_model_free(run->session, old, false, err));
    /* The old one must be out of sight while the new one learns; back when that fails. */
    if (old) old->dropped = true;
    hr_status status =
        stmt->value ? create_from_file(run, &entry, err) : create_by_kind(run, &entry, err);
    if (status == HR_OK && stmt->plan) status = train(run, true, err);
    if (status == HR_OK) return HR_OK;
    if (entry) hr_ml_store_drop(entry);
    if (old) old->dropped = false;
    return status;
}

hr_status hr_run_train_model(struct hr_run *run, struct hr_err *err)
{
    return train(run, false, err);
}

/* ---- EXPORT, DROP ---- */

hr_status hr_run_export_model(struct hr_run *run, struct hr_err *err)
{
    struct hr_ml_entry *entry = NULL;
    HR_TRY(find_model(run, &entry, err));
    struct hr_ml_snapshot *snapshot = hr_ml_entry_current(entry);
    if (!snapshot)
        return HR_RAISE(err, HR_E_ML_UNTRAINED, "model", entry->name, "what",
                        "there is nothing to export");
    struct hr_buf text;
    hr_buf_init(&text, MODEL_FILE_MAX);
    hr_status status = hr_ml_export(snapshot->model, &text, err);
    if (status == HR_OK)
        status = hr_env_write_file(run->session->env, run->stmt->value, text.ptr, text.len, err);
    hr_buf_done(&text);
    hr_ml_snapshot_unref(snapshot);
    return status;
}

hr_status hr_run_drop_model(struct hr_run *run, struct hr_err *err)
{
    struct hr_ml_entry *entry = hr_ml_store_find(&run->session->models, model_name(run));
    if (!entry && run->stmt->if_exists) return HR_OK;
    HR_TRY(find_model(run, &entry, err));
    HR_TRY(hr_check_model_free(run->session, entry, false, err));
    hr_ml_store_drop(entry);
    return HR_OK;
}

/* ---- SHOW, DESCRIBE ---- */

static const char *number(struct hr_run *run, int64_t v)
{
    const char *text = hr_arena_printf(run->arena, "%" PRId64, v);
    return text ? text : "";
}

hr_status hr_run_show_models(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"name", "kind", "version", "rows"};
    struct hr_rows *rows = NULL;
    struct hr_ml_entry *entry;
    HR_TRY(hr_rows_new(run, names, 4, &rows, err));
    for (uint32_t i = 0; (entry = hr_ml_store_at(run->conf.models, i)); i++) {
        if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, entry->name)) continue;
        struct hr_ml_snapshot *s = hr_ml_entry_current(entry);
        const char *row[] = {entry->name, entry->vt->name, number(run, s ? s->version : 0),
                             number(run, s ? s->model->rows : 0)};
        hr_rows_add(rows, row);
        hr_ml_snapshot_unref(s);
    }
    return hr_rows_finish(rows, err);
}

static void add(struct hr_rows *rows, const char *name, const char *value)
{
    const char *row[] = {name, value};
    hr_rows_add(rows, row);
}

static const char *feature_list(struct hr_run *run, const struct hr_ml_input *inputs,
                                uint32_t count)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < count; i++)
        hr_buf_printf(&buf, "%s%s %s", i ? ", " : "", inputs[i].name,
                      inputs[i].is_text ? "STRING" : "DOUBLE");
    const char *text = hr_arena_strdup(run->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static void add_learned(struct hr_run *run, struct hr_rows *rows, const struct hr_ml_model *model)
{
    struct hr_buf metrics = {0};
    add(rows, "rows", number(run, model->rows));
    if (hr_ml_task_has_label(model->vt->task))
        add(rows, "rows without label", number(run, model->null_labels));
    add(rows, "rows with bad features", number(run, model->bad_features));
    hr_ml_put_metrics(model, &metrics);
    if (metrics.len) add(rows, "prequential", hr_buf_cstr(&metrics));
    hr_buf_clear(&metrics);
    if (model->vt->describe) {
        model->vt->describe(model, &metrics);
        add(rows, "found", hr_buf_cstr(&metrics));
    }
    hr_buf_done(&metrics);
    for (uint32_t i = 0; i < model->class_count; i++) add(rows, "class", model->classes[i]);
}

static const char *trainer_of(struct hr_run *run, const struct hr_ml_entry *entry)
{
    struct hr_query *query;
    const char *name = NULL;
    for (uint32_t i = 0; !name && (query = hr_registry_at(&run->session->queries, i)); i++) {
        if (hr_query_is_active(query) && hr_query_uses_model(query, entry, true))
            name = hr_arena_strdup(run->arena, hr_query_name(query));
        hr_query_unref(query);
    }
    return name;
}

/* DESCRIBE MODEL EXTENDED: the parameters, as EXPORT writes them. */
static hr_status add_json(struct hr_run *run, struct hr_rows *rows, struct hr_ml_model *model,
                          struct hr_err *err)
{
    struct hr_buf text = {0};
    HR_UNUSED(run);
    hr_status status = hr_ml_export(model, &text, err);
    if (status == HR_OK) add(rows, "json", hr_buf_cstr(&text));
    hr_buf_done(&text);
    return status;
}

hr_status hr_run_describe_model(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"property", "value"};
    struct hr_ml_entry *entry = NULL;
    struct hr_rows *rows = NULL;
    hr_status status = HR_OK;
    HR_TRY(find_model(run, &entry, err));
    HR_TRY(hr_rows_new(run, names, 2, &rows, err));
    struct hr_ml_snapshot *s = hr_ml_entry_current(entry);
    const struct hr_ml_model *model = s ? s->model : NULL;
    add(rows, "name", entry->name);
    add(rows, "kind", entry->vt->name);
    add(rows, "task", hr_ml_task_name(entry->vt->task));
    add(rows, "version", number(run, s ? s->version : 0));
    if (entry->inputs || model)
        add(rows, "features",
            feature_list(run, model ? model->inputs : entry->inputs,
                         model ? model->input_count : entry->input_count));
    const char *label = model && model->label ? model->label : entry->label;
    if (label) add(rows, "label", label);
    const char *trainer = trainer_of(run, entry);
    if (trainer) add(rows, "trained by", trainer);
    for (uint32_t i = 0; i < entry->options.count; i++)
        add(rows, hr_arena_printf(run->arena, "option %s", entry->options.items[i].key),
            entry->options.items[i].value);
    if (model) add_learned(run, rows, model);
    if (model && run->stmt->extended) status = add_json(run, rows, s->model, err);
    hr_ml_snapshot_unref(s);
    return status == HR_OK ? hr_rows_finish(rows, err) : status;
}
