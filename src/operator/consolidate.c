/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consolidate: takes all rows of its input, sums the weights of equal ones and puts out what is not
 * zero: as rows (a table of changes at rest), as a changelog, or as the new rows of an update.
 *
 * In a changelog all rows that went stand before those that came, each kind in order of its first
 * change. A row that went and one that came with the same key are an update. A row that comes and
 * goes within an epoch is not there.
 *
 * Memory: a keyed table of the distinct rows of an epoch (or of the table at rest), accounted on
 * the task. Rows are kept as key bytes, exactly.
 */
#include "operator/consolidate.h"
#include "operator/operator.h"
#include "state/table.h"

#define BLOCK HR_REPEAT_BLOCK

struct entry {
    int64_t weight;
    uint8_t *pair; /* of its key; NULL: not looked for */
};

/* What happened to a key. */
struct pair {
    uint64_t went, came;
};

enum phase { PHASE_INPUT, PHASE_WENT, PHASE_CAME, PHASE_DONE };

struct consolidate {
    struct hr_op op;
    enum phase phase;
    uint32_t column_count;
    const struct hr_key_codec *codec, *key_codec;
    struct hr_keys keys;
    struct hr_ktable *rows, *pairs;
    struct hr_vector *vectors;
    struct hr_ktable_iter iter;
    struct hr_repeat repeat;
    struct hr_arena scratch;
    uint8_t *states[BLOCK];
    uint32_t numbers[BLOCK];
};

/* --- Rows as often as they count -------------------------------------------------------------- */

uint32_t hr_repeat_next(struct hr_repeat *repeat, void *iter, bool negative, uint8_t **ret_rows,
                        uint32_t max)
{
    assert(max > 0 && repeat->at <= repeat->count && repeat->count <= HR_REPEAT_BLOCK);
    uint32_t n = 0;
    while (n < max) {
        if (repeat->at == repeat->count) {
            repeat->at = repeat->left = 0;
            repeat->count = hr_ktable_iter_next(iter, repeat->block, HR_REPEAT_BLOCK);
            if (repeat->count == 0) return n;
        }
        uint8_t *row = repeat->block[repeat->at];
        int64_t weight;
        memcpy(&weight, row, sizeof weight);
        if (repeat->left == 0 && weight != 0 && (weight < 0) == negative)
            repeat->left = negative ? -weight : weight;
        for (; repeat->left > 0 && n < max; repeat->left--) ret_rows[n++] = row;
        if (repeat->left == 0) repeat->at++;
    }
    return n;
}

hr_status hr_below_zero(const struct hr_pnode *node, const struct hr_key_codec *codec,
                        const struct hr_type *schema, struct hr_str_view key, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_buf text;
    hr_arena_init(&arena, NULL);
    hr_buf_init(&text, 1 << 20);
    struct hr_column *columns = HR_NEW_ARRAY(&arena, struct hr_column, schema->field_count + 1);
    hr_status status = columns ? hr_keys_decode(codec, &key, 1, &arena, columns, err) : HR_OOM(err);
    for (uint32_t c = 0; c < schema->field_count && status == HR_OK && text.len < 200; c++) {
        hr_buf_printf(&text, "%s%s=", c ? ", " : "", schema->fields[c].name);
        if (hr_column_valid(&columns[c], 0))
            hr_column_print(&columns[c], 0, NULL, &text);
        else
            hr_buf_puts(&text, "NULL");
    }
    if (status == HR_OK)
        status = HR_RAISE(err, HR_E_CHANGE_BELOW_ZERO, "operator", node->vt->name, "row",
                          hr_buf_cstr(&text));
    hr_buf_done(&text);
    hr_arena_done(&arena);
    return status;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void consolidate_close(struct hr_op *base)
{
    struct consolidate *op = (struct consolidate *)base;
    hr_keys_done(&op->keys);
    hr_ktable_free(op->rows);
    hr_ktable_free(op->pairs);
    hr_arena_done(&op->scratch);
}

static hr_status open_tables(struct consolidate *op, struct hr_err *err)
{
    const struct hr_consolidate_pnode *node = HR_PNODE(consolidate, op->op.node);
    const struct hr_type *schema = op->op.node->children[0]->schema;
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    op->keys.mem = task->mem;
    op->column_count = schema->field_count;
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, op->column_count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, op->column_count + 1);
    if (!types || !op->vectors) return HR_OOM(err);
    for (uint32_t i = 0; i < op->column_count; i++) types[i] = schema->fields[i].type;
    HR_TRY(hr_key_codec_new(task->arena, types, op->column_count, &op->codec, err));
    struct hr_ktable_options options = {.states_bytes = sizeof(struct entry), .mem = task->mem};
    HR_TRY(hr_ktable_new(&options, &op->rows, err));
    if (!node->has_key || node->as == HR_CONSOLIDATE_ROWS) return HR_OK;
    for (uint32_t i = 0; i < node->key_count; i++) types[i] = schema->fields[node->key[i]].type;
    if (node->key_count)
        HR_TRY(hr_key_codec_new(task->arena, types, node->key_count, &op->key_codec, err));
    options.states_bytes = sizeof(struct pair);
    return hr_ktable_new(&options, &op->pairs, err);
}

static hr_status consolidate_open(const struct hr_pnode *node, struct hr_task *task,
                                  struct hr_op **children, struct hr_op **ret_op,
                                  struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct consolidate *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_tables(op, err);
    if (status != HR_OK) {
        consolidate_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Input ------------------------------------------------------------------------------------ */

static hr_status take_batch(struct consolidate *op, const struct hr_batch *in, struct hr_err *err)
{
    assert(op->phase == PHASE_INPUT && in->schema->field_count == op->column_count);
    for (uint32_t c = 0; c < op->column_count; c++)
        op->vectors[c] = (struct hr_vector){.col = in->columns[c]};
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->numbers[i] = hr_op_row(in, at + i);
        HR_TRY(hr_keys_encode(op->codec, op->vectors, op->numbers, n, HR_KEYS_EXACT, &op->keys,
                              err));
        HR_TRY(hr_ktable_upsert(op->rows, op->keys.views, op->keys.hashes, n, op->states, NULL,
                                err));
        for (uint32_t i = 0; i < n; i++) {
            struct entry *entry = (struct entry *)(void *)op->states[i];
            entry->weight += in->weights ? in->weights[op->numbers[i]] : 1;
        }
    }
    return HR_OK;
}

/* The rows' columns into `columns`, memory from arena. */
static hr_status decode(struct consolidate *op, uint8_t *const *rows, uint32_t count,
                        struct hr_arena *arena, struct hr_column *columns, struct hr_err *err)
{
    struct hr_str_view *views = hr_arena_alloc(&op->scratch, sizeof *views * (count + 1));
    if (!views) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(op->rows, rows[i]);
    return hr_keys_decode(op->codec, views, count, arena, columns, err);
}

/* Finds the keys of a block of rows. */
static hr_status pair_block(struct consolidate *op, uint32_t count, uint8_t **pairs,
                            struct hr_err *err)
{
    assert(op->pairs && count > 0 && count <= BLOCK);
    const struct hr_consolidate_pnode *node = HR_PNODE(consolidate, op->op.node);
    hr_arena_reset(&op->scratch);
    struct hr_column *columns = HR_NEW_ARRAY(&op->scratch, struct hr_column, op->column_count + 1);
    if (!columns) return HR_OOM(err);
    if (node->key_count == 0) { /* one row at most: one key */
        struct hr_string none = hr_string_make("", 0);
        uint64_t hash = hr_key_hash("", 0);
        HR_TRY(hr_ktable_upsert(op->pairs, &none, &hash, 1, pairs, NULL, err));
        for (uint32_t i = 1; i < count; i++) pairs[i] = pairs[0];
        return HR_OK;
    }
    HR_TRY(decode(op, op->states, count, &op->scratch, columns, err));
    for (uint32_t k = 0; k < node->key_count; k++)
        op->vectors[k] = (struct hr_vector){.col = columns[node->key[k]]};
    HR_TRY(hr_keys_encode(op->key_codec, op->vectors, NULL, count, 0, &op->keys, err));
    return hr_ktable_upsert(op->pairs, op->keys.views, op->keys.hashes, count, pairs, NULL, err);
}

static hr_status find_pairs(struct consolidate *op, struct hr_err *err)
{
    assert(op->pairs && op->phase == PHASE_INPUT);
    uint8_t *pairs[BLOCK];
    struct hr_ktable_iter iter;
    hr_ktable_iter_all(op->rows, &iter);
    uint32_t count;
    while ((count = hr_ktable_iter_next(&iter, op->states, BLOCK)) > 0) {
        HR_TRY(pair_block(op, count, pairs, err));
        for (uint32_t i = 0; i < count; i++) {
            struct entry *entry = (struct entry *)(void *)op->states[i];
            struct pair *pair = (struct pair *)(void *)pairs[i];
            entry->pair = pairs[i];
            pair->went += entry->weight < 0;
            pair->came += entry->weight > 0;
        }
    }
    return HR_OK;
}

static hr_status check_counts(struct consolidate *op, struct hr_err *err)
{
    struct hr_ktable_iter iter;
    hr_ktable_iter_all(op->rows, &iter);
    uint32_t count;
    while ((count = hr_ktable_iter_next(&iter, op->states, BLOCK)) > 0) {
        for (uint32_t i = 0; i < count; i++)
            if (((const struct entry *)(void *)op->states[i])->weight < 0)
                return hr_below_zero(op->op.node, op->codec, op->op.node->children[0]->schema,
                                     hr_ktable_key(op->rows, op->states[i]), err);
    }
    return HR_OK;
}

static hr_status take_input(struct consolidate *op, struct hr_err *err)
{
    assert(op->phase == PHASE_INPUT);
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) break;
        hr_status status = take_batch(op, in, err);
        hr_batch_unref(in);
        HR_TRY(status);
    }
    bool rows = HR_PNODE(consolidate, op->op.node)->as == HR_CONSOLIDATE_ROWS;
    if (rows) HR_TRY(check_counts(op, err));
    if (op->pairs) HR_TRY(find_pairs(op, err));
    hr_ktable_iter_all(op->rows, &op->iter);
    op->phase = HR_PNODE(consolidate, op->op.node)->as == HR_CONSOLIDATE_CHANGELOG ? PHASE_WENT
                                                                                   : PHASE_CAME;
    return HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

static hr_status name_changes(struct consolidate *op, uint32_t count, struct hr_batch *out,
                              struct hr_err *err)
{
    assert(op->phase == PHASE_WENT || op->phase == PHASE_CAME);
    assert(out->schema->field_count == op->column_count + 1);
    bool went = op->phase == PHASE_WENT;
    struct hr_column *col = &out->columns[op->column_count];
    HR_TRY(hr_column_alloc(&out->arena, hr_type(HR_T_STRING), count, false, col, err));
    struct hr_string *names = (struct hr_string *)(uintptr_t)col->values;
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = (const struct entry *)(void *)op->states[i];
        const struct pair *pair = (const struct pair *)(void *)entry->pair;
        bool update = pair && pair->went && pair->came;
        names[i] = hr_string_make(went ? (update ? "-U" : "-D") : (update ? "+U" : "+I"), 2);
    }
    return HR_OK;
}

static hr_status next_rows(struct consolidate *op, struct hr_batch **ret, struct hr_err *err)
{
    assert(op->phase == PHASE_WENT || op->phase == PHASE_CAME);
    bool log = HR_PNODE(consolidate, op->op.node)->as == HR_CONSOLIDATE_CHANGELOG;
    uint32_t rows = op->op.task->conf->batch_rows ? op->op.task->conf->batch_rows : BLOCK;
    uint32_t count = hr_repeat_next(&op->repeat, &op->iter, op->phase == PHASE_WENT, op->states,
                                    HR_MIN(rows, BLOCK));
    if (count == 0) return HR_OK;
    hr_arena_reset(&op->scratch);
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = decode(op, op->states, count, &out->arena, out->columns, err);
    if (status == HR_OK && log) status = name_changes(op, count, out, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

static hr_status consolidate_next(struct hr_op *base, struct hr_batch **ret_batch,
                                  struct hr_err *err)
{
    struct consolidate *op = (struct consolidate *)base;
    *ret_batch = NULL;
    if (op->phase == PHASE_INPUT) HR_TRY(take_input(op, err));
    for (; op->phase != PHASE_DONE; op->phase++) {
        HR_TRY(next_rows(op, ret_batch, err));
        if (*ret_batch) return HR_OK;
        hr_ktable_iter_all(op->rows, &op->iter);
    }
    return HR_OK;
}

static void consolidate_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    static const char *const names[] = {"rows", "changelog", "update"};
    const struct hr_consolidate_pnode *c = HR_PNODE(consolidate, node);
    hr_buf_puts(out, names[c->as]);
    if (!c->has_key) return;
    hr_buf_puts(out, ", key [");
    for (uint32_t i = 0; i < c->key_count; i++)
        hr_buf_printf(out, "%s%s", i ? ", " : "",
                      node->children[0]->schema->fields[c->key[i]].name);
    hr_buf_putc(out, ']');
}

const struct hr_operator_vt hr_op_consolidate = {
    .name = "Consolidate",
    .node_size = sizeof(struct hr_consolidate_pnode),
    .passes_columns = true,
    .gathers = true,
    .open = consolidate_open,
    .next = consolidate_next,
    .close = consolidate_close,
    .explain = consolidate_explain,
};
