/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateWindow: functions over windows of rows on a stream. A row comes out when it is final: when
 * the watermark has passed its event time, so that all rows before it are known. In order of
 * arrival every row is final at once.
 *
 *   pending   key → rows that wait, by event time        (lists, ordered)
 *   history   key → the rows that frames of later rows may reach back to: the last n of a key, or
 *             those of the last so many µs; only the columns that functions look at
 *   carry     key → how many rows there were, and the states of aggregates without a lower bound
 *
 * At the end of an epoch the rows that are final leave `pending`. Those of a key, behind its
 * history, are a partition of a block (over_block.h), which is computed as a batch query's is: the
 * answers are the same. The results come out in order of event time. Then the rows become history,
 * and what no later frame reaches is let go.
 *
 * The first n rows of each key (top): its history is they, by any order. Every row is compared with
 * them when it comes; keys whose rows changed come out with all of theirs, or in complete mode all
 * keys, which `carry` then lists.
 *
 * Cost of an epoch: the final rows, and the history of the keys that have one. Late rows, and rows
 * without an event time, are dropped and counted. An attempt that fails leaves its parts ahead of
 * the last commit (state.h).
 */
#include "expr/function.h"
#include "operator/over_block.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

struct state_over {
    struct hr_op op;
    const struct hr_over_pnode *node;
    struct hr_stateful s;
    const struct hr_type *schema;        /* of the input */
    const struct hr_key_codec *row_codec, *kept_codec;
    struct hr_vector *key_vectors, *row_vectors, *kept_vectors;
    struct hr_keys row_bytes;
    struct hr_arena scratch; /* of a batch; then of the end */
    bool has_new, ended;
    struct hr_batch *out;
    uint32_t next;
    /* of one block of a batch */
    uint32_t rows[BLOCK];
    int64_t times_us[BLOCK];
    uint32_t order[BLOCK];
    struct hr_string views[BLOCK];
    uint64_t hashes[BLOCK];
    struct hr_str_view payloads[BLOCK];
};

/* --- Layout ------------------------------------------------------------------------------------*/

static uint32_t history_table(const struct hr_over_pnode *node)
{
    HR_UNUSED(node);
    return 1;
}

static uint32_t carry_table(const struct hr_over_pnode *node)
{
    return node->keeps_history ? 2 : 1;
}

static void carry_init(const struct hr_over_pnode *node, uint8_t *value)
{
    assert(node->carry_bytes >= sizeof(struct hr_over_carry));
    for (uint32_t i = 0; i < node->spec_count; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        if (spec->carry_at < 0) continue;
        const struct hr_aggregate *agg = hr_aggregate_of(spec->call);
        if (agg->init) agg->init(spec->call, value + spec->carry_at);
    }
}

static void carry_save(const void *arg, const uint8_t *value, struct hr_buf *out)
{
    const struct hr_over_pnode *node = arg;
    hr_buf_append(out, value, sizeof(struct hr_over_carry));
    for (uint32_t i = 0; i < node->spec_count; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        if (spec->carry_at < 0) continue;
        const struct hr_aggregate *agg = hr_aggregate_of(spec->call);
        if (agg->save)
            agg->save(spec->call, value + spec->carry_at, out);
        else
            hr_buf_append(out, value + spec->carry_at, agg->state_bytes(spec->call));
    }
}

static bool take_bytes(struct hr_reader *in, uint8_t *to, size_t bytes)
{
    if ((size_t)(in->end - in->pos) < bytes) {
        in->failed = true;
        return false;
    }
    memcpy(to, in->pos, bytes);
    in->pos += bytes;
    return true;
}

static hr_status carry_load(const void *arg, uint8_t *value, struct hr_reader *in,
                            struct hr_err *err)
{
    const struct hr_over_pnode *node = arg;
    carry_init(node, value);
    if (!take_bytes(in, value, sizeof(struct hr_over_carry))) return HR_OK;
    for (uint32_t i = 0; i < node->spec_count && !in->failed; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        if (spec->carry_at < 0) continue;
        const struct hr_aggregate *agg = hr_aggregate_of(spec->call);
        uint8_t *state = value + spec->carry_at;
        if (agg->load)
            HR_TRY(agg->load(spec->call, state, in, err));
        else
            take_bytes(in, state, agg->state_bytes(spec->call));
    }
    return HR_OK;
}

static void carry_done(const void *arg, uint8_t *value)
{
    const struct hr_over_pnode *node = arg;
    for (uint32_t i = 0; i < node->spec_count; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        if (spec->carry_at < 0) continue;
        const struct hr_aggregate *agg = hr_aggregate_of(spec->call);
        if (agg->done) agg->done(spec->call, value + spec->carry_at);
    }
}

static hr_status carry_layout(const struct hr_over_pnode *node, struct hr_arena *arena,
                              struct hr_state_layout *table, struct hr_err *err)
{
    assert(node->carry_bytes > 0);
    bool plain = true;
    for (uint32_t i = 0; i < node->spec_count; i++) {
        if (node->specs[i].carry_at < 0) continue;
        const struct hr_aggregate *agg = hr_aggregate_of(node->specs[i].call);
        plain = plain && !agg->save && !agg->done;
    }
    uint8_t *init = hr_arena_zalloc(arena, node->carry_bytes);
    if (!init) return HR_OOM(err);
    carry_init(node, init);
    *table = (struct hr_state_layout){.kind = HR_STATE_KEYED,
                                      .name = "carry",
                                      .value_bytes = node->carry_bytes,
                                      .states_init = init};
    if (!plain)
        table->codec = (struct hr_state_codec){carry_save, carry_load, carry_done, node};
    return HR_OK;
}

static hr_status state_over_args(const struct hr_pnode *base, struct hr_arena *arena,
                                 struct hr_state_args *ret, struct hr_err *err)
{
    const struct hr_over_pnode *node = HR_PNODE(over, base);
    ret->operator_name = "window";
    ret->table_count = 1 + node->keeps_history + (node->carry_bytes > 0);
    ret->tables[0] = (struct hr_state_layout){
        .kind = HR_STATE_LISTS, .name = "pending", .lists = {.ordered = true}};
    if (node->keeps_history)
        ret->tables[1] = (struct hr_state_layout){.kind = HR_STATE_LISTS,
                                                  .name = "history",
                                                  .lists = {.ordered = node->keep_us >= 0}};
    if (node->carry_bytes == 0) return HR_OK;
    return carry_layout(node, arena, &ret->tables[carry_table(node)], err);
}

/* --- Opening -----------------------------------------------------------------------------------*/

static void state_over_close(struct hr_op *base)
{
    struct state_over *op = (struct state_over *)base;
    hr_stateful_close(&op->s);
    hr_keys_done(&op->row_bytes);
    hr_batch_unref(op->out);
    op->out = NULL;
    hr_arena_done(&op->scratch);
}

static hr_status codec_of(struct state_over *op, const uint32_t *columns, uint32_t count,
                          const struct hr_key_codec **ret, struct hr_err *err)
{
    struct hr_arena *arena = op->op.task->arena;
    const struct hr_type **types = HR_NEW_ARRAY(arena, const struct hr_type *, count + 1);
    if (!types) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        types[i] = op->schema->fields[columns ? columns[i] : i].type;
    return hr_key_codec_new(arena, types, count, ret, err);
}

static hr_status open_parts(struct state_over *op, struct hr_err *err)
{
    const struct hr_over_pnode *node = op->node;
    struct hr_task *task = op->op.task;
    uint32_t columns = op->schema->field_count, keys = node->partition_count;
    hr_arena_init(&op->scratch, task->mem);
    op->row_bytes.mem = task->mem;
    const struct hr_type **types = HR_NEW_ARRAY(task->arena, const struct hr_type *, keys + 1);
    op->key_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, keys + 1);
    op->row_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, columns + 1);
    op->kept_vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, node->kept_count + 1);
    if (!types || !op->key_vectors || !op->row_vectors || !op->kept_vectors) return HR_OOM(err);
    for (uint32_t k = 0; k < keys; k++) types[k] = op->schema->fields[node->partition[k]].type;
    HR_TRY(hr_stateful_open(&op->s, op->op.node, task, types, keys, err));
    HR_TRY(codec_of(op, NULL, columns, &op->row_codec, err));
    return node->kept_count ? codec_of(op, node->kept, node->kept_count, &op->kept_codec, err)
                            : HR_OK;
}

static hr_status state_over_open(const struct hr_pnode *node, struct hr_task *task,
                                 struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1 && node->state_id >= 0);
    struct state_over *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->node = HR_PNODE(over, node);
    op->schema = node->children[0]->schema;
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        state_over_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Rows that come ----------------------------------------------------------------------------*/

/* In order of arrival the time is nothing. Rows without an event time go the way of late ones. */
static uint32_t drop_late(struct state_over *op, uint32_t count)
{
    assert(count <= BLOCK);
    assert(op->node->by_arrival || op->node->order); /* by the time it is ordered by */
    uint32_t kept = 0;
    if (op->node->by_arrival) {
        memset(op->times_us, 0, count * sizeof *op->times_us);
        return count;
    }
    const struct hr_vector *time = &op->row_vectors[op->node->order[0]];
    count = hr_stateful_drop_late(&op->s, time, op->rows, op->times_us, count);
    for (uint32_t i = 0; i < count; i++) {
        op->rows[kept] = op->rows[i];
        op->times_us[kept] = op->times_us[i];
        kept += op->times_us[i] != HR_TIME_NONE;
    }
    op->s.parts[0].rows_late += count - kept;
    return kept;
}

static hr_status keep_share(struct state_over *op, uint32_t p, uint32_t count, struct hr_err *err)
{
    assert(p < op->s.part_count && count <= BLOCK);
    const struct hr_keys *keys = &op->s.keys;
    struct hr_state_part *part = &op->s.parts[p];
    int64_t due[BLOCK];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (op->s.part_count > 1 && hr_key_partition(keys->hashes[i], op->s.part_count) != p)
            continue;
        op->views[n] = keys->views[i];
        op->hashes[n] = keys->hashes[i];
        op->payloads[n] = hr_string_view(&op->row_bytes.views[i]);
        due[n++] = op->times_us[i];
    }
    assert(n <= count);
    part->rows_updated += n;
    if (n == 0) return HR_OK;
    return hr_lists_add(hr_state_lists(part, 0), op->views, op->hashes, op->payloads, due, n, NULL,
                        err);
}

static hr_status take_batch(struct state_over *op, struct hr_batch *in, struct hr_err *err)
{
    assert(in->schema->field_count == op->schema->field_count);
    const struct hr_over_pnode *node = op->node;
    for (uint32_t c = 0; c < op->schema->field_count; c++)
        op->row_vectors[c] = (struct hr_vector){in->columns[c], false};
    for (uint32_t k = 0; k < node->partition_count; k++)
        op->key_vectors[k] = op->row_vectors[node->partition[k]];
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->rows[i] = hr_op_row(in, at + i);
        n = drop_late(op, n);
        if (n == 0) continue;
        HR_TRY(hr_stateful_encode(&op->s, op->key_vectors, op->rows, n, err));
        HR_TRY(hr_keys_encode(op->row_codec, op->row_vectors, op->rows, n,
                              HR_KEYS_NO_HASH | HR_KEYS_EXACT, &op->row_bytes, err));
        for (uint32_t p = 0; p < op->s.part_count; p++) HR_TRY(keep_share(op, p, n, err));
        op->has_new = true;
    }
    return HR_OK;
}

/* --- Final rows --------------------------------------------------------------------------------*/

/* A key with final rows. */
struct due_key {
    struct hr_state_part *part;
    uint32_t ref;            /* of the key in `pending` */
    struct hr_str_view bytes;
    uint64_t hash;
    uint32_t count, first;   /* its final rows, in `by_key` */
    uint32_t history;        /* rows before them */
};

struct finals {
    struct hr_lrow **rows;   /* in order of event time */
    uint32_t *part_of;       /* by row */
    uint32_t *key_of;        /* by row: index of its key */
    uint32_t count;
    struct due_key *keys;
    uint32_t key_count;
    uint32_t *by_key;        /* rows, key by key, in order of time and arrival */
    struct hr_lrow **past;   /* rows of history, key by key */
    uint32_t past_count;
};

static hr_status collect(struct state_over *op, struct finals *f, struct hr_err *err)
{
    int64_t limit = op->node->by_arrival ? 0 : op->s.evict_us;
    uint32_t capacity = 0;
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        struct hr_state_part *part = &op->s.parts[p];
        struct hr_lrow **rows;
        uint32_t n;
        HR_TRY(hr_lists_expire(hr_state_lists(part, 0), limit, &rows, &n, err));
        if (n == 0) continue;
        if (f->count + n > capacity) {
            uint32_t to = HR_MAX(f->count + n, capacity * 2);
            f->rows = hr_arena_grow(&op->scratch, f->rows, f->count * sizeof *f->rows,
                                    to * sizeof *f->rows);
            f->part_of = hr_arena_grow(&op->scratch, f->part_of, f->count * sizeof *f->part_of,
                                       to * sizeof *f->part_of);
            if (!f->rows || !f->part_of) return HR_OOM(err);
            capacity = to;
        }
        memcpy(f->rows + f->count, rows, n * sizeof *rows);
        for (uint32_t i = 0; i < n; i++) f->part_of[f->count + i] = p;
        f->count += n;
        part->rows_removed += n;
    }
    return HR_OK;
}

/* Numbers the keys of the rows in the order in which they are met. */
static hr_status find_keys(struct state_over *op, struct finals *f, struct hr_err *err)
{
    assert(f->key_count == 0);
    uint32_t slots = 64;
    while (slots < f->count * 2) slots *= 2;
    uint32_t *table = hr_arena_zalloc(&op->scratch, slots * sizeof *table);
    f->keys = hr_arena_alloc(&op->scratch, f->count * sizeof *f->keys);
    f->key_of = hr_arena_alloc(&op->scratch, f->count * sizeof *f->key_of);
    if (!table || !f->keys || !f->key_of) return HR_OOM(err);
    for (uint32_t i = 0; i < f->count; i++) {
        struct hr_state_part *part = &op->s.parts[f->part_of[i]];
        uint32_t ref = f->rows[i]->key;
        uint32_t at = (ref * 2654435761u ^ f->part_of[i] * 40503u) & (slots - 1);
        while (table[at] &&
               (f->keys[table[at] - 1].ref != ref || f->keys[table[at] - 1].part != part))
            at = (at + 1) & (slots - 1);
        if (!table[at]) {
            const struct hr_lists *lists = hr_state_lists(part, 0);
            struct due_key *key = &f->keys[f->key_count++];
            *key = (struct due_key){.part = part, .ref = ref};
            key->bytes = hr_lists_key_bytes(lists, hr_lists_key_of(lists, f->rows[i]));
            key->hash = hr_key_hash(key->bytes.ptr, key->bytes.len);
            table[at] = f->key_count;
        }
        f->key_of[i] = table[at] - 1;
        f->keys[table[at] - 1].count++;
    }
    return HR_OK;
}

/* Rows of one key with one time: in order of arrival. The times are those of the batch's column. */
static void order_ties(const struct state_over *op, const struct finals *f,
                       const struct hr_batch *due, uint32_t *rows, uint32_t count)
{
    const int64_t *times = due->columns[op->node->order[0]].values;
    bool timed = !op->node->by_arrival;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t row = rows[i], k = i;
        for (; k; k--) {
            uint32_t before = rows[k - 1];
            bool tie = !timed || times[before] == times[row];
            bool after = timed && times[before] > times[row];
            if (!after && !(tie && f->rows[before]->id > f->rows[row]->id)) break;
            rows[k] = before;
        }
        rows[k] = row;
    }
}

static hr_status group_by_key(struct state_over *op, struct finals *f, const struct hr_batch *due,
                              struct hr_err *err)
{
    uint32_t at = 0;
    f->by_key = hr_arena_alloc(&op->scratch, f->count * sizeof *f->by_key);
    if (!f->by_key) return HR_OOM(err);
    for (uint32_t k = 0; k < f->key_count; k++) {
        f->keys[k].first = at;
        at += f->keys[k].count;
        f->keys[k].count = 0;
    }
    assert(at == f->count);
    for (uint32_t i = 0; i < f->count; i++) {
        struct due_key *key = &f->keys[f->key_of[i]];
        f->by_key[key->first + key->count++] = i;
    }
    for (uint32_t k = 0; k < f->key_count; k++)
        order_ties(op, f, due, f->by_key + f->keys[k].first, f->keys[k].count);
    return HR_OK;
}

static hr_status decode(struct state_over *op, const struct hr_key_codec *codec,
                        struct hr_lrow *const *rows, uint32_t count, struct hr_arena *arena,
                        struct hr_column *ret, struct hr_err *err)
{
    struct hr_str_view *bytes = hr_arena_alloc(&op->scratch, (count + 1) * sizeof *bytes);
    if (!bytes) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = hr_svn((const char *)hr_lrow_payload(rows[i]), rows[i]->len);
    return hr_keys_decode(codec, bytes, count, arena, ret, err);
}

/* --- History -----------------------------------------------------------------------------------*/

static hr_status find_history(struct state_over *op, struct finals *f, struct hr_err *err)
{
    assert(f->past_count == 0);
    uint32_t capacity = 0;
    if (!op->node->keeps_history) return HR_OK;
    for (uint32_t k = 0; k < f->key_count; k++) {
        struct due_key *key = &f->keys[k];
        const struct hr_lists *lists = hr_state_lists(key->part, history_table(op->node));
        struct hr_string view = hr_string_make(key->bytes.ptr, (uint32_t)key->bytes.len);
        struct hr_lkey *found;
        hr_lists_find(lists, &view, &key->hash, 1, &found);
        for (struct hr_lrow *row = hr_lists_first(lists, found); row;
             row = hr_lists_next(lists, row)) {
            if (f->past_count == capacity) {
                uint32_t to = capacity ? capacity * 2 : 256;
                f->past = hr_arena_grow(&op->scratch, f->past, capacity * sizeof *f->past,
                                        to * sizeof *f->past);
                if (!f->past) return HR_OOM(err);
                capacity = to;
            }
            f->past[f->past_count++] = row;
            key->history++;
        }
    }
    return HR_OK;
}

/* Rows of history as a batch of the input's columns; what is not kept is NULL. */
static hr_status history_batch(struct state_over *op, const struct finals *f, struct hr_batch **ret,
                               struct hr_err *err)
{
    assert(op->node->keeps_history && f->past_count > 0);
    const struct hr_over_pnode *node = op->node;
    struct hr_batch *out = hr_batch_new(op->schema, f->past_count, op->op.task->mem);
    struct hr_column *kept = hr_arena_zalloc(&op->scratch, (node->kept_count + 1) * sizeof *kept);
    hr_status status = out && kept ? HR_OK : HR_OOM(err);
    if (status == HR_OK)
        status = decode(op, op->kept_codec, f->past, f->past_count, &out->arena, kept, err);
    for (uint32_t c = 0; c < op->schema->field_count && status == HR_OK; c++)
        status = hr_column_nulls(&out->arena, op->schema->fields[c].type, f->past_count,
                                 &out->columns[c], err);
    for (uint32_t i = 0; i < node->kept_count && status == HR_OK; i++)
        out->columns[node->kept[i]] = kept[i];
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

/* The rows that became final are the next ones' history: of a ROWS frame's no more than it has. */
static hr_status add_history(struct state_over *op, const struct finals *f,
                             const struct hr_batch *due, struct hr_err *err)
{
    assert(op->node->keeps_history);
    const struct hr_over_pnode *node = op->node;
    const int64_t *times = due->columns[node->order[0]].values;
    for (uint32_t i = 0; i < node->kept_count; i++)
        op->kept_vectors[i] = (struct hr_vector){due->columns[node->kept[i]], false};
    for (uint32_t k = 0; k < f->key_count; k++) {
        const struct due_key *key = &f->keys[k];
        struct hr_lists *lists = hr_state_lists(key->part, history_table(node));
        struct hr_string view = hr_string_make(key->bytes.ptr, (uint32_t)key->bytes.len);
        uint32_t from = 0;
        if (node->keep_us < 0 && key->count > node->keep_rows)
            from = key->count - (uint32_t)node->keep_rows;
        while (node->keep_us >= 0 && from < key->count &&
               times[f->by_key[key->first + from]] <= op->s.evict_us - node->keep_us)
            from++;
        while (from < key->count) {
            uint32_t n = HR_MIN(BLOCK, key->count - from);
            const uint32_t *rows = f->by_key + key->first + from;
            HR_TRY(hr_keys_encode(op->kept_codec, op->kept_vectors, rows, n,
                                  HR_KEYS_NO_HASH | HR_KEYS_EXACT, &op->row_bytes, err));
            for (uint32_t i = 0; i < n; i++) {
                op->views[i] = view;
                op->hashes[i] = key->hash;
                op->payloads[i] = hr_string_view(&op->row_bytes.views[i]);
                op->times_us[i] = node->keep_us >= 0 ? times[rows[i]] : 0;
            }
            HR_TRY(hr_lists_add(lists, op->views, op->hashes, op->payloads,
                                node->keep_us >= 0 ? op->times_us : NULL, n, NULL, err));
            key->part->rows_updated += n;
            from += n;
        }
    }
    return HR_OK;
}

/* The rows of a key beyond the last n go, from the front. */
static hr_status cut_history(struct state_over *op, const struct finals *f, struct hr_err *err)
{
    assert(op->node->keep_us < 0 && op->node->keep_rows >= 0);
    for (uint32_t k = 0; k < f->key_count; k++) {
        const struct due_key *key = &f->keys[k];
        struct hr_lists *lists = hr_state_lists(key->part, history_table(op->node));
        struct hr_string view = hr_string_make(key->bytes.ptr, (uint32_t)key->bytes.len);
        struct hr_lkey *found;
        hr_lists_find(lists, &view, &key->hash, 1, &found);
        while (found && found->count > op->node->keep_rows) {
            HR_TRY(hr_lists_delete(lists, hr_lists_first(lists, found), err));
            key->part->rows_removed++;
        }
    }
    return HR_OK;
}

static hr_status expire_history(struct state_over *op, struct hr_err *err)
{
    int64_t limit;
    if (!op->node->keeps_history || op->node->keep_us < 0 || op->s.evict_us == INT64_MIN)
        return HR_OK;
    if (__builtin_sub_overflow(op->s.evict_us, op->node->keep_us, &limit)) return HR_OK;
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        struct hr_state_part *part = &op->s.parts[p];
        struct hr_lrow **rows;
        uint32_t n;
        HR_TRY(hr_lists_expire(hr_state_lists(part, history_table(op->node)), limit, &rows, &n,
                               err));
        part->rows_removed += n;
    }
    return HR_OK;
}

/* --- Computing ---------------------------------------------------------------------------------*/

/* The block's rows: of each key its history, then its final rows. places: of the final ones. */
static hr_status arrange(struct state_over *op, const struct finals *f, struct hr_batch *due,
                         struct hr_over_block *block, uint32_t *places, struct hr_batch **ret,
                         struct hr_err *err)
{
    uint32_t total = f->count + f->past_count, at = 0, past = 0;
    uint32_t *rows = hr_arena_alloc(&op->scratch, (total + 1) * sizeof *rows);
    block->starts = hr_arena_alloc(&op->scratch, (f->key_count + 1) * sizeof *block->starts);
    block->skip = hr_arena_alloc(&op->scratch, (f->key_count + 1) * sizeof *block->skip);
    if (!rows || !block->starts || !block->skip) return HR_OOM(err);
    for (uint32_t k = 0; k < f->key_count; k++) {
        const struct due_key *key = &f->keys[k];
        block->starts[k] = at;
        block->skip[k] = key->history;
        for (uint32_t i = 0; i < key->history; i++) rows[at++] = past++;
        for (uint32_t i = 0; i < key->count; i++) {
            places[f->by_key[key->first + i]] = at;
            rows[at++] = f->past_count + f->by_key[key->first + i];
        }
    }
    assert(at == total && past == f->past_count);
    block->starts[f->key_count] = at;
    struct hr_batch *both[2] = {NULL, due}, *all = NULL;
    if (f->past_count) HR_TRY(history_batch(op, f, &both[0], err));
    all = !both[0]  ? hr_batch_ref(due)
          : f->count ? hr_batch_concat(both, 2, op->schema, false)
                     : hr_batch_ref(both[0]);
    struct hr_batch *out = all ? hr_batch_new(op->schema, total, op->op.task->mem) : NULL;
    hr_status status = out && hr_batch_hold_batch(out, all) ? HR_OK : HR_OOM(err);
    if (status == HR_OK && both[0] && !hr_batch_hold_batch(out, both[0])) status = HR_OOM(err);
    if (status == HR_OK && !hr_batch_hold_batch(out, due)) status = HR_OOM(err);
    for (uint32_t c = 0; c < op->schema->field_count && status == HR_OK; c++)
        status = hr_column_take(&out->arena, &all->columns[c], rows, total, &out->columns[c], err);
    hr_batch_unref(both[0]);
    hr_batch_unref(all);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

static hr_status find_carry(struct state_over *op, const struct finals *f,
                            struct hr_over_block *block, struct hr_err *err)
{
    assert(!block->carry);
    if (op->node->carry_bytes == 0) return HR_OK;
    block->carry = hr_arena_alloc(&op->scratch, (f->key_count + 1) * sizeof *block->carry);
    if (!block->carry) return HR_OOM(err);
    for (uint32_t k = 0; k < f->key_count; k++) {
        const struct due_key *key = &f->keys[k];
        struct hr_string view = hr_string_make(key->bytes.ptr, (uint32_t)key->bytes.len);
        struct hr_ktable *table;
        HR_TRY(hr_state_pane(key->part, carry_table(op->node), HR_PANE_NONE, &table, err));
        HR_TRY(hr_ktable_upsert(table, &view, &key->hash, 1, &block->carry[k], NULL, err));
    }
    return HR_OK;
}

static hr_status compute(struct state_over *op, struct hr_over_block *block, struct hr_batch *rows,
                         const uint32_t *places, uint32_t count, struct hr_err *err)
{
    assert(!op->out); /* what was made before has been handed on */
    const struct hr_over_pnode *node = op->node;
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, rows) ? HR_OK : HR_OOM(err);
    for (uint32_t c = 0; c < node->pass_count && status == HR_OK; c++)
        status =
            hr_column_take(&out->arena, &rows->columns[c], places, count, &out->columns[c], err);
    for (uint32_t i = 0; i < node->spec_count && status == HR_OK; i++) {
        const struct hr_over_spec *spec = &node->specs[i];
        struct hr_column col;
        status = hr_over_is_value(spec) ? hr_over_value(block, spec, &out->arena, &col, err)
                                        : hr_over_aggregate(block, spec, &out->arena, &col, err);
        if (status == HR_OK)
            status = hr_column_take(&out->arena, &col, places, count,
                                    &out->columns[node->pass_count + i], err);
    }
    if (status == HR_OK && node->carry_bytes) status = hr_over_advance(block, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    op->out = out;
    op->next = 0;
    return HR_OK;
}

/* The rows that are due and what their keys have kept, by key and order: *ret_rows, the caller's to
 * release. Row i of due stands at (*ret_places)[i] there. */
static hr_status make_block(struct state_over *op, struct finals *f, struct hr_batch *due,
                            struct hr_over_block *ret, uint32_t **ret_places,
                            struct hr_batch **ret_rows, struct hr_err *err)
{
    *ret = (struct hr_over_block){.node = op->node,
                                  .arena = &op->scratch,
                                  .conf = op->op.task->conf,
                                  .now_us = op->op.task->now_us};
    *ret_places = hr_arena_alloc(&op->scratch, (f->count + 1) * sizeof **ret_places);
    if (!*ret_places) return HR_OOM(err);
    HR_TRY(decode(op, op->row_codec, f->rows, f->count, &due->arena, due->columns, err));
    HR_TRY(group_by_key(op, f, due, err));
    HR_TRY(find_history(op, f, err));
    return arrange(op, f, due, ret, *ret_places, ret_rows, err);
}

static hr_status finish_rows(struct state_over *op, struct finals *f, struct hr_batch *due,
                             struct hr_err *err)
{
    struct hr_over_block block;
    uint32_t *places = NULL;
    struct hr_batch *rows = NULL;
    HR_TRY(make_block(op, f, due, &block, &places, &rows, err));
    hr_status status = hr_over_block_parts(&block, rows, f->key_count, err);
    if (status == HR_OK) status = find_carry(op, f, &block, err);
    if (status == HR_OK) status = compute(op, &block, rows, places, f->count, err);
    hr_batch_unref(rows);
    HR_TRY(status);
    if (!op->node->keeps_history) return HR_OK;
    HR_TRY(add_history(op, f, due, err));
    return op->node->keep_us < 0 ? cut_history(op, f, err) : HR_OK;
}

/* --- The first rows of a key -------------------------------------------------------------------*/

/* Rows of the block and their ranks, as the output. */
static hr_status put_ranked(struct state_over *op, struct hr_batch *rows, const uint32_t *places,
                            const int32_t *ranks, uint32_t count, struct hr_err *err)
{
    if (count == 0) return HR_OK;
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, rows) ? HR_OK : HR_OOM(err);
    uint32_t pass = op->node->pass_count;
    for (uint32_t c = 0; c < pass && status == HR_OK; c++)
        status =
            hr_column_take(&out->arena, &rows->columns[c], places, count, &out->columns[c], err);
    if (status == HR_OK)
        status = hr_column_alloc(&out->arena, hr_type(HR_T_INT), count, false, &out->columns[pass],
                                 err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    memcpy((void *)(uintptr_t)out->columns[pass].values, ranks, count * sizeof *ranks);
    op->out = out;
    op->next = 0;
    return HR_OK;
}

/* What left the first rows goes, what came among them is kept, in order of arrival. */
static hr_status replace_history(struct state_over *op, const struct due_key *key,
                                 const struct hr_over_block *block, uint32_t k,
                                 struct hr_lrow *const *past, const bool *stays, struct hr_err *err)
{
    const struct hr_over_pnode *node = op->node;
    struct hr_lists *lists = hr_state_lists(key->part, history_table(node));
    struct hr_string view = hr_string_make(key->bytes.ptr, (uint32_t)key->bytes.len);
    uint32_t start = block->starts[k];
    for (uint32_t i = 0; i < key->history; i++) {
        if (stays[start + i]) continue;
        HR_TRY(hr_lists_delete(lists, past[i], err));
        key->part->rows_removed++;
    }
    for (uint32_t row = start + key->history; row < block->starts[k + 1]; row++) {
        if (!stays[row]) continue;
        HR_TRY(hr_keys_encode(op->kept_codec, op->kept_vectors, &row, 1,
                              HR_KEYS_NO_HASH | HR_KEYS_EXACT, &op->row_bytes, err));
        struct hr_str_view payload = hr_string_view(&op->row_bytes.views[0]);
        HR_TRY(hr_lists_add(lists, &view, &key->hash, &payload, NULL, 1, NULL, err));
        key->part->rows_updated++;
    }
    return HR_OK;
}

static hr_status keep_top(struct state_over *op, const struct finals *f,
                          struct hr_over_block *block, struct hr_err *err)
{
    const struct hr_over_pnode *node = op->node;
    uint32_t total = block->count, past = 0, at = 0, out = 0;
    uint32_t *rows = hr_arena_alloc(&op->scratch, (total + 1) * sizeof *rows);
    uint32_t *counts = hr_arena_alloc(&op->scratch, (f->key_count + 1) * sizeof *counts);
    uint32_t *places = hr_arena_alloc(&op->scratch, (total + 1) * sizeof *places);
    int32_t *ranks = hr_arena_alloc(&op->scratch, (total + 1) * sizeof *ranks);
    bool *stays = hr_arena_zalloc(&op->scratch, total + 1);
    if (!rows || !counts || !places || !ranks || !stays) return HR_OOM(err);
    HR_TRY(hr_over_top(block, node->top, rows, counts, err));
    for (uint32_t i = 0; i < node->kept_count; i++)
        op->kept_vectors[i] = (struct hr_vector){block->rows->columns[node->kept[i]], false};
    for (uint32_t k = 0; k < f->key_count; k++) {
        const struct due_key *key = &f->keys[k];
        bool changed = key->count == 0; /* a key that is only listed */
        for (uint32_t i = 0; i < counts[k]; i++) {
            changed = changed || rows[at + i] >= block->starts[k] + key->history;
            stays[rows[at + i]] = true;
        }
        if (changed && key->count)
            HR_TRY(replace_history(op, key, block, k, f->past + past, stays, err));
        for (uint32_t i = 0; i < counts[k] && changed; i++) {
            places[out] = rows[at + i];
            ranks[out++] = (int32_t)i + 1;
        }
        past += key->history;
        at += counts[k];
    }
    if (node->all_each_epoch && f->count) return HR_OK; /* they come with all the others */
    return put_ranked(op, block->rows, places, ranks, out, err);
}

static hr_status top_of(struct state_over *op, struct finals *f, struct hr_batch *due,
                        struct hr_err *err)
{
    struct hr_over_block block;
    uint32_t *places = NULL;
    struct hr_batch *rows = NULL;
    HR_TRY(make_block(op, f, due, &block, &places, &rows, err));
    hr_status status = hr_over_block_parts(&block, rows, f->key_count, err);
    if (status == HR_OK && f->count) status = find_carry(op, f, &block, err);
    if (status == HR_OK) status = keep_top(op, f, &block, err);
    hr_batch_unref(rows);
    return status;
}

static hr_status list_keys(struct state_over *op, struct finals *f, struct hr_err *err)
{
    uint64_t total = 0;
    for (uint32_t p = 0; p < op->s.part_count; p++)
        total += (uint64_t)hr_lists_key_count(hr_state_lists(&op->s.parts[p], 1));
    f->keys = hr_arena_zalloc(&op->scratch, (total + 1) * sizeof *f->keys);
    if (!f->keys) return HR_OOM(err);
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        struct hr_state_part *part = &op->s.parts[p];
        struct hr_ktable *table;
        struct hr_ktable_iter iter;
        uint8_t *states[64];
        uint32_t n;
        HR_TRY(hr_state_pane(part, carry_table(op->node), HR_PANE_NONE, &table, err));
        hr_ktable_iter_all(table, &iter);
        while ((n = hr_ktable_iter_next(&iter, states, HR_COUNT(states))) > 0) {
            for (uint32_t i = 0; i < n && f->key_count < total; i++) {
                struct hr_str_view bytes = hr_ktable_key(table, states[i]);
                f->keys[f->key_count++] = (struct due_key){
                    .part = part, .bytes = bytes, .hash = hr_key_hash(bytes.ptr, bytes.len)};
            }
        }
    }
    return HR_OK;
}

static hr_status with_due(struct state_over *op, struct finals *f,
                          hr_status (*run)(struct state_over *, struct finals *, struct hr_batch *,
                                           struct hr_err *),
                          struct hr_err *err)
{
    struct hr_batch *due = hr_batch_new(op->schema, f->count, op->op.task->mem);
    if (!due) return HR_OOM(err);
    hr_status status = run(op, f, due, err);
    hr_batch_unref(due);
    return status;
}

/* Complete mode: the first rows of every key, each epoch. */
static hr_status put_all(struct state_over *op, struct hr_err *err)
{
    struct finals all = {.count = 0};
    HR_TRY(list_keys(op, &all, err));
    return all.key_count ? with_due(op, &all, top_of, err) : HR_OK;
}

static hr_status finish_top(struct state_over *op, struct hr_err *err)
{
    struct finals f = {.count = 0};
    hr_arena_reset(&op->scratch);
    HR_TRY(collect(op, &f, err));
    if (f.count) HR_TRY(find_keys(op, &f, err));
    if (f.count) HR_TRY(with_due(op, &f, top_of, err));
    return op->node->all_each_epoch ? put_all(op, err) : HR_OK;
}

/* What has become final comes out; history that nothing reaches goes. */
static hr_status finish_epoch(struct state_over *op, struct hr_err *err)
{
    struct finals f = {.count = 0};
    bool may_be_due = op->has_new || hr_stateful_moved(&op->s);
    op->ended = true;
    if (op->node->top) return finish_top(op, err);
    if (!may_be_due || (!op->node->by_arrival && op->s.evict_us == INT64_MIN)) return HR_OK;
    hr_arena_reset(&op->scratch);
    HR_TRY(collect(op, &f, err));
    if (f.count) {
        HR_TRY(find_keys(op, &f, err));
        HR_TRY(with_due(op, &f, finish_rows, err));
    }
    return expire_history(op, err);
}

static hr_status state_over_next(struct hr_op *base, struct hr_batch **ret_batch,
                                 struct hr_err *err)
{
    struct state_over *op = (struct state_over *)base;
    *ret_batch = NULL;
    while (!op->ended) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (!in) {
            HR_TRY(finish_epoch(op, err));
            break;
        }
        hr_status status = take_batch(op, in, err);
        hr_batch_unref(in);
        HR_TRY(status);
    }
    if (!op->out) return HR_OK;
    uint32_t batch_rows = base->task->conf->batch_rows;
    uint32_t count = HR_MIN(op->out->row_count - op->next, batch_rows ? batch_rows : HR_BATCH_ROWS);
    *ret_batch = hr_batch_slice(op->out, op->next, count);
    if (!*ret_batch) return HR_OOM(err);
    op->next += count;
    if (op->next < op->out->row_count) return HR_OK;
    hr_batch_unref(op->out);
    op->out = NULL;
    return HR_OK;
}

/* --- The plan ----------------------------------------------------------------------------------*/

static const char *state_over_grows(const struct hr_pnode *node)
{
    if (HR_PNODE(over, node)->top) return "keys (their first rows)";
    return HR_PNODE(over, node)->carry_bytes ? "keys (frames without a lower bound)"
           : HR_PNODE(over, node)->by_arrival ? "keys"
           : HR_PNODE(over, node)->keeps_history && HR_PNODE(over, node)->keep_us < 0 ? "keys"
                                                                                      : NULL;
}

static void state_over_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_over_pnode *over = HR_PNODE(over, node);
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < over->spec_count; i++) {
        if (i) hr_buf_puts(out, ", ");
        hr_expr_print(over->specs[i].over, out);
    }
    if (over->top) {
        hr_buf_printf(out, "], the first %u of a key are kept, and come out when they change%s",
                      over->top, over->all_each_epoch ? "; all keys each epoch" : "");
        return;
    }
    hr_buf_puts(out, over->by_arrival ? "], rows come out as they arrive"
                                      : "], rows wait for the watermark");
    if (over->keeps_history && over->keep_us < 0)
        hr_buf_printf(out, ", the last %lld of a key are kept", (long long)over->keep_rows);
    if (over->keeps_history && over->keep_us >= 0)
        hr_buf_printf(out, ", those of the last %lld ms are kept",
                      (long long)over->keep_us / 1000);
    if (over->carry_bytes) hr_buf_puts(out, ", a state for each key is kept for ever");
}

static void state_over_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    const struct hr_over_pnode *over = HR_PNODE(over, node);
    inout->key_count = over->partition_count;
    inout->side_count = 1;
    inout->form = over->identity;
    inout->times[0] = over->by_arrival ? -1 : (int32_t)over->order[0];
}

const struct hr_operator_vt hr_op_state_over = {
    .name = "StateWindow",
    .node_size = sizeof(struct hr_over_pnode),
    .gathers = true,
    .open = state_over_open,
    .next = state_over_next,
    .close = state_over_close,
    .explain = state_over_explain,
    .state_args = state_over_args,
    .state_identity = state_over_identity,
    .grows = state_over_grows,
};
