/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Train. A row whose label is NULL is left out and counted, so is one with a feature that is NULL
 * or not finite. A flow begins with what the model knows already; then its state goes on alone, and
 * what is seen of it is published when an epoch is committed. At rest the model is published when
 * the last row is learned.
 */
#include "operator/train.h"

#include <stdio.h>

#include "operator/operator.h"
#include "operator/stateful.h"

struct train {
    struct hr_op op;
    struct hr_stateful s;
    struct hr_eval *eval;
    struct hr_arena arena; /* of one batch */
    struct hr_ml_gather gather;
    struct hr_ml_model *own; /* at rest */
    bool done;
};

static const struct hr_train_pnode *pnode(const struct train *op)
{
    return HR_PNODE(train, op->op.node);
}

/* ---- the state: a pointer to the model ---- */

static struct hr_ml_model *get_model(const uint8_t *value)
{
    struct hr_ml_model *model;
    memcpy(&model, value, sizeof model);
    return model;
}

static void set_model(uint8_t *value, struct hr_ml_model *model)
{
    memcpy(value, &model, sizeof model);
}

static void save_model(const void *arg, const uint8_t *value, struct hr_buf *out)
{
    struct hr_buf bytes = {0};
    struct hr_ml_model *model = get_model(value);
    HR_UNUSED(arg);
    if (model && hr_ml_save(model, &bytes, NULL) != HR_OK) out->failed = true;
    hr_buf_put_bytes(out, bytes.ptr, bytes.len);
    hr_buf_done(&bytes);
}

static hr_status load_model(const void *arg, uint8_t *value, struct hr_reader *in,
                            struct hr_err *err)
{
    struct hr_str_view bytes = hr_get_bytes(in);
    struct hr_ml_model *model = NULL, *old = get_model(value);
    HR_UNUSED(arg);
    if (bytes.len) HR_TRY(hr_ml_load(bytes, &model, err));
    hr_ml_free(old);
    set_model(value, model);
    return HR_OK;
}

static void free_model(const void *arg, uint8_t *value)
{
    HR_UNUSED(arg);
    hr_ml_free(get_model(value));
    set_model(value, NULL);
}

static hr_status train_state_args(const struct hr_pnode *node, struct hr_arena *arena,
                                  struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "model";
    ret->tables[0].value_bytes = sizeof(struct hr_ml_model *);
    ret->tables[0].codec = (struct hr_state_codec){save_model, load_model, free_model, node};
    return HR_OK;
}

static hr_status find_row(struct hr_state_part *part, uint8_t **ret, struct hr_err *err)
{
    struct hr_string empty = hr_string_make("", 0);
    uint64_t hash = hr_key_hash("", 0);
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(part, 0, HR_PANE_NONE, &table, err));
    return hr_ktable_upsert(table, &empty, &hash, 1, ret, NULL, err);
}

/* ---- the model ---- */

static hr_status mismatch(const struct hr_train_pnode *node, const char *why, struct hr_err *err)
{
    char text[300];
    snprintf(text, sizeof text, "%s; DROP MODEL and make it anew, or train it as before", why);
    return HR_RAISE(err, HR_E_ML_INPUT, "model", node->entry->name, "why", text);
}

/* Does what the model knows fit what it is to learn? */
static hr_status check_model(const struct hr_train_pnode *node, const struct hr_ml_model *model,
                             struct hr_err *err)
{
    const char *why = NULL;
    char text[240];
    if (!hr_ml_is_like(model, node->entry->vt, &node->entry->options, &why)) {
        snprintf(text, sizeof text, "%s than what was learned before", why);
        return mismatch(node, text, err);
    }
    if (model->input_count != node->input_count) {
        snprintf(text, sizeof text, "it has learned from %u features, now there are %u",
                 model->input_count, node->input_count);
        return mismatch(node, text, err);
    }
    for (uint32_t i = 0; i < model->input_count; i++) {
        const struct hr_ml_input *was = &model->inputs[i], *is = &node->inputs[i];
        if (hr_str_eq_nocase(was->name, is->name) && was->is_text == is->is_text) continue;
        snprintf(text, sizeof text, "its feature %u was %.80s%s, now it is %.80s%s", i + 1,
                 was->name, was->is_text ? " STRING" : "", is->name, is->is_text ? " STRING" : "");
        return mismatch(node, text, err);
    }
    return HR_OK;
}

/* What the model knows already, as a copy that may learn; else a new one. */
static hr_status begin_model(const struct hr_train_pnode *node, struct hr_ml_model **ret,
                             struct hr_err *err)
{
    struct hr_ml_snapshot *current = node->afresh ? NULL : hr_ml_entry_current(node->entry);
    hr_status status;
    if (current) {
        status = check_model(node, current->model, err);
        if (status == HR_OK) status = hr_ml_clone(current->model, ret, err);
        hr_ml_snapshot_unref(current);
    } else {
        status = hr_ml_new(node->entry->vt, &node->entry->options, node->inputs, node->input_count,
                           node->label, ret, err);
    }
    return status == HR_OK ? HR_OK : hr_err_prefix(err, "model %s", node->entry->name);
}

static hr_status find_model(struct train *op, struct hr_ml_model **ret, struct hr_err *err)
{
    const struct hr_train_pnode *node = pnode(op);
    uint8_t *row = NULL;
    if (op->op.node->state_id < 0) {
        if (!op->own) HR_TRY(begin_model(node, &op->own, err));
        *ret = op->own;
        return HR_OK;
    }
    struct hr_state_part *part = hr_stateful_part(&op->s, hr_key_hash("", 0));
    HR_TRY(find_row(part, &row, err));
    part->rows_updated = 1;
    struct hr_ml_model *model = get_model(row);
    if (!model) {
        HR_TRY(begin_model(node, &model, err));
        set_model(row, model);
    }
    *ret = model;
    return HR_OK;
}

/* ---- rows ---- */

static hr_status bad_label(const struct hr_train_pnode *node, double y, struct hr_err *err)
{
    char text[40];
    snprintf(text, sizeof text, "%g", y);
    return HR_RAISE(err, HR_E_ML_LABEL, "model", node->entry->name, "label", text, "expected",
                    node->entry->vt->task == HR_ML_BINARY ? "0 or 1, true or false"
                                                          : "a finite number");
}

static hr_status take_labels(const struct hr_train_pnode *node, struct hr_ml_model *model,
                             const struct hr_vector *label, struct hr_ml_gather *g, uint32_t count,
                             struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = hr_vector_row(label, g->rows[i]);
        if (model->vt->task == HR_ML_CLASSES) {
            uint32_t number = 0;
            const struct hr_string *text = (const struct hr_string *)label->col.values + row;
            HR_TRY(hr_ml_class(model, hr_string_view(text), &number, err));
            g->y[i] = number;
            continue;
        }
        double y = ((const double *)label->col.values)[row];
        if (!(y - y == 0) || (model->vt->task == HR_ML_BINARY && y != 0 && y != 1))
            return bad_label(node, y, err);
        g->y[i] = y;
    }
    return HR_OK;
}

/* Rows of the block whose label is not NULL. */
static uint32_t with_label(struct hr_ml_model *model, const struct hr_batch *in, uint32_t at,
                           uint32_t count, const struct hr_vector *label, uint32_t *rows)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = hr_op_row(in, at + i);
        rows[kept] = row;
        kept += !label || (label->col.type->id != HR_T_NULL &&
                           hr_column_valid(&label->col, hr_vector_row(label, row)));
    }
    model->null_labels += count - kept;
    return kept;
}

static hr_status learn_batch(struct train *op, struct hr_ml_model *model, struct hr_batch *in,
                             struct hr_err *err)
{
    const struct hr_train_pnode *node = pnode(op);
    uint32_t expr_count = op->op.node->expr_count;
    struct hr_vector *vectors = HR_NEW_ARRAY(&op->arena, struct hr_vector, expr_count);
    struct hr_ml_column *columns = HR_NEW_ARRAY(&op->arena, struct hr_ml_column, expr_count);
    if (!vectors || !columns) return HR_OOM(err);
    HR_TRY(hr_eval_vectors(op->eval, in, &op->arena, vectors, err));
    for (uint32_t i = 0; i < node->input_count; i++)
        columns[i] = (struct hr_ml_column){&vectors[i].col, vectors[i].is_const};
    const struct hr_vector *label = node->label ? &vectors[node->input_count] : NULL;
    for (uint32_t at = 0; at < in->sel_count; at += HR_ML_BLOCK) {
        uint32_t rows[HR_ML_BLOCK];
        uint32_t count = HR_MIN(in->sel_count - at, HR_ML_BLOCK);
        struct hr_ml_rows clean;
        count = with_label(model, in, at, count, label, rows);
        HR_TRY(hr_ml_gather_rows(&op->gather, node->inputs, columns, node->input_count, rows, 0,
                                 count, &clean, err));
        model->bad_features += op->gather.bad;
        if (label) HR_TRY(take_labels(node, model, label, &op->gather, clean.count, err));
        HR_TRY(hr_ml_learn(model, &clean, err));
    }
    return HR_OK;
}

static hr_status learn_all(struct train *op, struct hr_ml_model **ret_model, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) return HR_OK;
        hr_status status = *ret_model ? HR_OK : find_model(op, ret_model, err);
        if (status == HR_OK) status = learn_batch(op, *ret_model, in, err);
        hr_batch_unref(in);
        hr_arena_reset(&op->arena);
        HR_TRY(status);
    }
}

/* One row a run: version, rows learned from, rows left out. */
static hr_status put_row(struct train *op, const struct hr_ml_model *model,
                         struct hr_batch **ret_batch, struct hr_err *err)
{
    const int64_t values[] = {model->version, model->rows, model->null_labels, model->bad_features};
    struct hr_batch *out = hr_batch_new(op->op.node->schema, 1, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < HR_COUNT(values) && status == HR_OK; i++) {
        status = hr_column_alloc(&out->arena, hr_type(HR_T_LONG), 1, false, &out->columns[i], err);
        if (status == HR_OK) *(int64_t *)(uintptr_t)out->columns[i].values = values[i];
    }
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret_batch = out;
    return status;
}

static hr_status train_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct train *op = (struct train *)base;
    struct hr_ml_model *model = NULL;
    *ret_batch = NULL;
    if (op->done) return HR_OK;
    op->done = true;
    HR_TRY(learn_all(op, &model, err));
    if (!model) return HR_OK; /* no row came */
    hr_status status = hr_ml_end(model, err);
    if (status == HR_OK && op->own && model->version > 0)
        status = hr_ml_publish(pnode(op)->entry, model, err);
    if (status != HR_OK) return hr_err_prefix(err, "model %s", pnode(op)->entry->name);
    return put_row(op, model, ret_batch, err);
}

/* ---- life ---- */

static void train_close(struct hr_op *base)
{
    struct train *op = (struct train *)base;
    hr_eval_free(op->eval);
    hr_arena_done(&op->arena);
    hr_ml_gather_done(&op->gather);
    hr_ml_free(op->own);
    if (base->node->state_id >= 0) hr_stateful_close(&op->s);
}

static hr_status train_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct train *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_arena_init(&op->arena, task->mem);
    hr_status status = hr_eval_new(node->program, task->mem, &op->eval, err);
    if (status == HR_OK) hr_eval_set_context(op->eval, task->now_us, task->partition);
    if (status == HR_OK && node->state_id >= 0)
        status = hr_stateful_open(&op->s, node, task, NULL, 0, err);
    if (status != HR_OK) {
        train_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

static bool train_is_single(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return true;
}

/* What is committed may be seen. After a restore it replaces whatever is there. */
static hr_status train_committed(const struct hr_pnode *node, struct hr_state *state, bool restored,
                                 struct hr_err *err)
{
    const struct hr_train_pnode *own = HR_PNODE(train, node);
    struct hr_state_part *part = &state->parts[0];
    if (hr_state_rows(state) == 0) return HR_OK;
    struct hr_pane *pane = hr_state_oldest_pane(part, 0, INT64_MAX);
    struct hr_ktable_iter iter;
    uint8_t *row = NULL;
    if (!pane) return HR_OK;
    hr_ktable_iter_all(pane->table, &iter);
    if (hr_ktable_iter_next(&iter, &row, 1) != 1 || !get_model(row)) return HR_OK;
    struct hr_ml_model *model = get_model(row);
    if (restored) HR_TRY(check_model(own, model, err));
    struct hr_ml_snapshot *current = hr_ml_entry_current(own->entry);
    bool same = current && current->version == model->version;
    hr_ml_snapshot_unref(current);
    if (model->version == 0 || (same && !restored)) return HR_OK;
    return hr_ml_publish(own->entry, model, err);
}

static void train_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_train_pnode *own = HR_PNODE(train, node);
    hr_buf_printf(out, "%s %s, ", own->entry->vt->name, own->entry->name);
    hr_op_print_exprs(node->exprs, node->expr_count, out);
}

static void train_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    inout->key_count = 0;
    inout->variant = HR_PNODE(train, node)->entry->vt->name;
}

static void train_text(const struct hr_pnode *node, struct hr_buf *out)
{
    HR_UNUSED(node);
    hr_buf_puts(out, "the model");
}

const struct hr_operator_vt hr_op_train = {
    .name = "Train",
    .node_size = sizeof(struct hr_train_pnode),
    .open = train_open,
    .next = train_next,
    .close = train_close,
    .explain = train_explain,
    .is_single = train_is_single,
    .state_args = train_state_args,
    .state_identity = train_identity,
    .state_text = train_text,
    .committed = train_committed,
};
