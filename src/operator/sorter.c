/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order is an array of entries: 64 bits that sort like a key (direction included), and the row's
 * number. They are sorted by radix, eight passes less those whose byte is the same everywhere; runs
 * of equal bits are sorted by the next key in the same way, down to short runs, which are merged by
 * all that is left. NULLs are set apart before. Where the bits are not the whole key (long texts),
 * a run of different values is merged, too. All is stable: equal rows keep the order in which they
 * came.
 */
#include "operator/sorter.h"
#include "operator/sort.h"
#include "rdd/block_store.h"

#define RADIX_MIN 256u

struct entry {
    uint64_t bits;
    uint64_t row;
};

struct hr_sorter {
    const struct hr_pnode *node;
    const struct hr_sort_pnode *directions; /* the same node */
    struct hr_task *task;
    struct hr_eval *eval;         /* NULL: every key is a column of the input */
    const struct hr_type *schema; /* the input's columns, then computed keys */
    uint32_t *key_columns;        /* by key: its place in schema */
    struct hr_column *evaluated;  /* all keys of one batch */
    struct hr_batch **batches;
    uint32_t batch_count, batch_capacity;
    uint64_t rows;
    struct hr_batch *sorted; /* all rows */
    struct entry *order;
    int64_t reserved_bytes;
    int64_t bytes;    /* of the first measured batches */
    uint32_t measured;
};

/* --- Opening ---------------------------------------------------------------------------------- */

static hr_status plan_columns(struct hr_sorter *s, struct hr_err *err)
{
    const struct hr_pnode *node = s->node;
    const struct hr_type *in = node->schema;
    struct hr_arena *arena = s->task->arena;
    uint32_t count = in->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, count + node->expr_count + 1);
    s->key_columns = HR_NEW_ARRAY(arena, uint32_t, node->expr_count + 1);
    s->evaluated = HR_NEW_ARRAY(arena, struct hr_column, node->expr_count + 1);
    if (!fields || !s->key_columns || !s->evaluated) return HR_OOM(err);
    memcpy(fields, in->fields, count * sizeof *fields);
    for (uint32_t k = 0; k < node->expr_count; k++) {
        const struct hr_expr *key = node->exprs[k];
        while (key->kind == HR_X_SORT || key->kind == HR_X_ALIAS) key = key->args[0];
        if (key->kind == HR_X_COLUMN) {
            s->key_columns[k] = key->ordinal;
            continue;
        }
        s->key_columns[k] = count;
        fields[count++] = (struct hr_field){.name = "key", .type = key->type, .nullable = true};
    }
    s->schema = in;
    if (count == in->field_count) return HR_OK;
    s->schema = hr_type_struct(fields, count);
    if (!s->schema) return HR_OOM(err);
    HR_TRY(hr_eval_new(node->program, s->task->mem, &s->eval, err));
    hr_eval_set_context(s->eval, s->task->now_us, s->task->partition);
    return HR_OK;
}

hr_status hr_sorter_new(const struct hr_pnode *node, struct hr_task *task, struct hr_sorter **ret,
                        struct hr_err *err)
{
    struct hr_sorter *s = HR_NEW(task->arena, struct hr_sorter);
    if (!s) return HR_OOM(err);
    s->node = node;
    s->directions = HR_PNODE(sort, node);
    s->task = task;
    HR_TRY(plan_columns(s, err));
    *ret = s;
    return HR_OK;
}

static void drop_order(struct hr_sorter *s)
{
    assert(!s->order == (s->reserved_bytes == 0) || !s->order);
    hr_batch_unref(s->sorted);
    s->sorted = NULL;
    hr_free(s->order);
    s->order = NULL;
    hr_mem_release(s->task->mem, s->reserved_bytes);
    s->reserved_bytes = 0;
}

static void drop_batches(struct hr_sorter *s)
{
    for (uint32_t i = 0; i < s->batch_count; i++) hr_batch_unref(s->batches[i]);
    s->batch_count = s->measured = 0;
    s->bytes = 0;
}

int64_t hr_sorter_bytes(struct hr_sorter *sorter)
{
    for (; sorter->measured < sorter->batch_count; sorter->measured++)
        sorter->bytes += hr_batch_bytes(sorter->batches[sorter->measured]);
    return sorter->bytes;
}

void hr_sorter_clear(struct hr_sorter *sorter)
{
    drop_order(sorter);
    drop_batches(sorter);
    sorter->rows = 0;
}

const struct hr_type *hr_sorter_schema(const struct hr_sorter *sorter)
{
    return sorter->schema;
}

void hr_sorter_free(struct hr_sorter *sorter)
{
    if (!sorter) return;
    drop_order(sorter);
    drop_batches(sorter);
    hr_free(sorter->batches);
    sorter->batches = NULL;
    hr_eval_free(sorter->eval);
    sorter->eval = NULL;
}

/* --- Rows in ---------------------------------------------------------------------------------- */

static hr_status with_keys(struct hr_sorter *s, struct hr_batch *in, struct hr_batch **ret,
                           struct hr_err *err)
{
    assert(s->eval && s->schema->field_count > s->node->schema->field_count);
    struct hr_batch *out;
    hr_status status = hr_op_derive(s->schema, in, s->task->mem, &out, err);
    if (status != HR_OK) {
        hr_batch_unref(in);
        return status;
    }
    uint32_t in_count = s->node->schema->field_count;
    memcpy(out->columns, in->columns, in_count * sizeof *in->columns);
    status = hr_eval_run(s->eval, in, &out->arena, s->evaluated, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    for (uint32_t k = 0; k < s->node->expr_count; k++)
        if (s->key_columns[k] >= in_count) out->columns[s->key_columns[k]] = s->evaluated[k];
    *ret = out;
    return HR_OK;
}

static hr_status add(struct hr_sorter *s, struct hr_batch *batch, struct hr_err *err)
{
    assert(batch->schema->field_count == s->schema->field_count);
    assert(!s->sorted || s->batch_count == 0);
    if (s->batch_count == s->batch_capacity) {
        uint32_t capacity = s->batch_capacity ? s->batch_capacity * 2 : 16;
        struct hr_batch **batches = hr_realloc(s->batches, capacity * sizeof *batches);
        if (!batches) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
        s->batches = batches;
        s->batch_capacity = capacity;
    }
    s->batches[s->batch_count++] = batch;
    s->rows += batch->sel_count;
    return HR_OK;
}

hr_status hr_sorter_add(struct hr_sorter *sorter, struct hr_batch *batch, struct hr_err *err)
{
    if (sorter->eval) HR_TRY(with_keys(sorter, batch, &batch, err));
    return add(sorter, batch, err);
}

uint64_t hr_sorter_rows(const struct hr_sorter *sorter)
{
    return sorter->rows;
}

/* --- The first key as bits -------------------------------------------------------------------- */

HR_INLINE uint64_t double_bits(double v)
{
    uint64_t bits;
    if (v != v) return UINT64_MAX; /* NaN is above all */
    if (v == 0) v = 0;             /* -0.0 */
    memcpy(&bits, &v, 8);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

HR_INLINE uint64_t string_bits(const struct hr_string *s)
{
    uint64_t v = 0;
    memcpy(&v, hr_string_ptr(s), HR_MIN(s->len, 8));
    return __builtin_bswap64(v);
}

HR_INLINE uint64_t decimal_bits(hr_i128 v)
{
    int64_t cut = v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
    return (uint64_t)cut ^ UINT64_C(1) << 63;
}

#define SIGN (UINT64_C(1) << 63)
#define EACH_BITS(expr)                                   \
    do {                                                  \
        for (uint32_t i = 0; i < count; i++) {            \
            const uint64_t r = order[i].row;              \
            order[i].bits = (expr);                       \
        }                                                 \
    } while (0)
#define AS(T) (((const T *)v)[r])

/* Sorts like the values of the entries' rows, which are not NULL, ascending. Returns whether
 * different values have different bits. */
static bool value_bits(const struct hr_column *col, struct entry *order, uint32_t count)
{
    const void *v = col->values;
    switch (col->type->id) {
    case HR_T_BOOLEAN: EACH_BITS((uint64_t)hr_bit_get(v, (uint32_t)r)); return true;
    case HR_T_BYTE: EACH_BITS((uint64_t)AS(int8_t) ^ SIGN); return true;
    case HR_T_SHORT: EACH_BITS((uint64_t)AS(int16_t) ^ SIGN); return true;
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM: EACH_BITS((uint64_t)(int64_t)AS(int32_t) ^ SIGN); return true;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: EACH_BITS((uint64_t)AS(int64_t) ^ SIGN); return true;
    case HR_T_FLOAT: EACH_BITS(double_bits((double)AS(float))); return true;
    case HR_T_DOUBLE: EACH_BITS(double_bits(AS(double))); return true;
    case HR_T_DECIMAL: EACH_BITS(decimal_bits(AS(hr_i128))); return col->type->precision <= 18;
    case HR_T_STRING:
    case HR_T_BINARY: EACH_BITS(string_bits(&AS(struct hr_string))); return false;
    default: EACH_BITS(r & 0); return false;
    }
}

/* The bits of a key that is not NULL in these rows. */
static bool key_bits(struct hr_sorter *s, uint32_t key, struct entry *order, uint32_t count)
{
    bool exact = value_bits(&s->sorted->columns[s->key_columns[key]], order, count);
    for (uint32_t i = 0; i < count && s->directions->descending[key]; i++)
        order[i].bits = ~order[i].bits;
    return exact;
}

/* --- Sorting ---------------------------------------------------------------------------------- */

static int compare_rows(const struct hr_sorter *s, uint32_t from, const struct hr_batch *a,
                        uint32_t row_a, const struct hr_batch *b, uint32_t row_b)
{
    for (uint32_t k = from; k < s->node->expr_count; k++) {
        const struct hr_column *col_a = &a->columns[s->key_columns[k]];
        const struct hr_column *col_b = &b->columns[s->key_columns[k]];
        bool va = hr_column_valid(col_a, row_a), vb = hr_column_valid(col_b, row_b);
        if (!va || !vb) {
            if (va == vb) continue;
            return va == s->directions->nulls_first[k] ? 1 : -1;
        }
        int c = hr_column_compare(col_a, row_a, col_b, row_b);
        if (c) return s->directions->descending[k] ? -c : c;
    }
    return 0;
}

int hr_sorter_compare(const struct hr_sorter *sorter, const struct hr_batch *a, uint32_t row_a,
                      const struct hr_batch *b, uint32_t row_b)
{
    return compare_rows(sorter, 0, a, row_a, b, row_b);
}

/* By the bits, then by the keys from `from` on. */
static int compare(const struct hr_sorter *s, uint32_t from, const struct entry *a,
                   const struct entry *b)
{
    if (a->bits != b->bits) return a->bits < b->bits ? -1 : 1;
    return compare_rows(s, from, s->sorted, (uint32_t)a->row, s->sorted, (uint32_t)b->row);
}

static void merge_sort(const struct hr_sorter *s, uint32_t from, struct entry *items,
                       struct entry *tmp, uint64_t count)
{
    assert(from <= s->node->expr_count);
    if (count <= 12) {
        for (uint64_t i = 1; i < count; i++) {
            struct entry e = items[i];
            uint64_t k = i;
            for (; k && compare(s, from, &e, &items[k - 1]) < 0; k--) items[k] = items[k - 1];
            items[k] = e;
        }
        return;
    }
    uint64_t half = count / 2;
    merge_sort(s, from, items, tmp, half);
    merge_sort(s, from, items + half, tmp, count - half);
    if (compare(s, from, &items[half - 1], &items[half]) <= 0) return;
    memcpy(tmp, items, half * sizeof *tmp);
    uint64_t a = 0, b = half, out = 0;
    while (a < half && b < count)
        items[out++] = compare(s, from, &items[b], &tmp[a]) < 0 ? items[b++] : tmp[a++];
    while (a < half) items[out++] = tmp[a++];
}

/* Stable, least significant byte first. Returns where the result is: items or tmp. */
static struct entry *radix_sort(struct entry *items, struct entry *tmp, uint32_t count)
{
    assert(count >= RADIX_MIN && items != tmp);
    uint32_t counts[8][256];
    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < count; i++)
        for (int b = 0; b < 8; b++) counts[b][(items[i].bits >> (8 * b)) & 255]++;
    for (int b = 0; b < 8; b++) {
        if (counts[b][(items[0].bits >> (8 * b)) & 255] == count) continue;
        uint32_t at = 0;
        for (int v = 0; v < 256; v++) {
            uint32_t n = counts[b][v];
            counts[b][v] = at;
            at += n;
        }
        for (uint32_t i = 0; i < count; i++)
            tmp[counts[b][(items[i].bits >> (8 * b)) & 255]++] = items[i];
        struct entry *swap = items;
        items = tmp;
        tmp = swap;
    }
    return items;
}

static void sort_run(struct hr_sorter *s, uint32_t key, struct entry *items, struct entry *tmp,
                     uint32_t count);

static bool same_key(const struct hr_sorter *s, uint32_t key, const struct entry *items,
                     uint32_t count)
{
    const struct hr_column *col = &s->sorted->columns[s->key_columns[key]];
    for (uint32_t i = 1; i < count; i++)
        if (!hr_column_equal(col, (uint32_t)items[i - 1].row, col, (uint32_t)items[i].row))
            return false;
    return true;
}

/* Runs of equal bits by what is left. */
static void sort_ties(struct hr_sorter *s, uint32_t key, bool exact, struct entry *items,
                      struct entry *tmp, uint32_t count)
{
    for (uint32_t i = 0, end; i < count; i = end) {
        end = i + 1;
        while (end < count && items[end].bits == items[i].bits) end++;
        if (end - i < 2) continue;
        if (exact || same_key(s, key, items + i, end - i))
            sort_run(s, key + 1, items + i, tmp, end - i);
        else
            merge_sort(s, key, items + i, tmp, end - i);
    }
}

static void sort_valid(struct hr_sorter *s, uint32_t key, struct entry *items, struct entry *tmp,
                       uint32_t count)
{
    assert(key < s->node->expr_count && count > 0);
    bool exact = key_bits(s, key, items, count), last = key + 1 == s->node->expr_count;
    if (count < RADIX_MIN) {
        merge_sort(s, exact ? key + 1 : key, items, tmp, count);
        return;
    }
    struct entry *sorted = radix_sort(items, tmp, count);
    if (sorted != items) memcpy(items, sorted, count * sizeof *sorted);
    if (!exact || !last) sort_ties(s, key, exact, items, tmp, count);
}

/* Sorts rows that are equal by the keys before. */
static void sort_run(struct hr_sorter *s, uint32_t key, struct entry *items, struct entry *tmp,
                     uint32_t count)
{
    if (key == s->node->expr_count || count < 2) return;
    const struct hr_column *col = &s->sorted->columns[s->key_columns[key]];
    bool first = s->directions->nulls_first[key], all_null = col->type->id == HR_T_NULL;
    uint32_t front = 0, back = 0; /* rows whose place is before, behind */
    for (uint32_t i = 0; i < count && (col->validity || all_null); i++) {
        bool null = all_null || !hr_column_valid(col, (uint32_t)items[i].row);
        if (null == first)
            items[front++] = items[i];
        else
            tmp[back++] = items[i];
    }
    if (!col->validity && !all_null) {
        sort_valid(s, key, items, tmp, count);
        return;
    }
    assert(front + back == count);
    memcpy(items + front, tmp, back * sizeof *tmp);
    uint32_t nulls = first ? front : back;
    struct entry *of_nulls = first ? items : items + front, *valid = first ? items + front : items;
    sort_run(s, key + 1, of_nulls, tmp, nulls);
    if (count - nulls > 1) sort_valid(s, key, valid, tmp, count - nulls);
}

static hr_status cut_to(struct hr_sorter *s, uint32_t keep, struct hr_err *err)
{
    assert(s->sorted && keep <= s->rows);
    struct hr_batch *kept = hr_batch_new(s->schema, keep, s->task->mem);
    uint32_t *rows = hr_alloc((keep + 1) * sizeof *rows);
    hr_status status = kept && rows ? HR_OK : HR_OOM(err);
    if (status == HR_OK && !hr_batch_hold_batch(kept, s->sorted)) status = HR_OOM(err);
    for (uint32_t i = 0; rows && i < keep; i++) rows[i] = (uint32_t)s->order[i].row;
    for (uint32_t c = 0; c < s->schema->field_count && status == HR_OK; c++)
        status = hr_column_take(&kept->arena, &s->sorted->columns[c], rows, keep, &kept->columns[c],
                                err);
    hr_free(rows);
    struct hr_batch *deep = status == HR_OK ? hr_batch_concat(&kept, 1, s->schema, true) : NULL;
    if (status == HR_OK && !deep) status = HR_OOM(err);
    hr_batch_unref(kept);
    HR_TRY(status);
    drop_order(s);
    s->rows = 0;
    return add(s, deep, err);
}

hr_status hr_sorter_sort(struct hr_sorter *sorter, int64_t keep, struct hr_err *err)
{
    struct hr_sorter *s = sorter;
    drop_order(s);
    if (s->rows == 0) return HR_OK;
    if (s->rows >= UINT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "rows to sort in one task", "limit", "2^32");
    uint32_t count = (uint32_t)s->rows;
    int64_t bytes = (int64_t)count * 2 * (int64_t)sizeof(struct entry);
    HR_TRY(hr_mem_reserve(s->task->mem, bytes, err));
    s->reserved_bytes = bytes;
    s->sorted = hr_batch_concat(s->batches, s->batch_count, s->schema, false);
    s->order = hr_alloc(count * sizeof *s->order);
    struct entry *tmp = hr_alloc(count * sizeof *tmp);
    if (!s->sorted || !s->order || !tmp) {
        hr_free(tmp);
        return HR_OOM(err);
    }
    for (uint32_t i = 0; i < count; i++) s->order[i] = (struct entry){0, i};
    sort_run(s, 0, s->order, tmp, count);
    hr_free(tmp);
    drop_batches(s);
    return keep >= 0 ? cut_to(s, (uint32_t)HR_MIN((uint64_t)keep, s->rows), err) : HR_OK;
}

static hr_status take(struct hr_sorter *s, const struct hr_type *schema, uint64_t first,
                      uint32_t count, struct hr_batch **ret, struct hr_err *err)
{
    assert(first + count <= s->rows && s->sorted);
    struct hr_batch *out = hr_batch_new(schema, count, s->task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, s->sorted) ? HR_OK : HR_OOM(err);
    uint32_t *rows = hr_arena_alloc(&out->arena, (count + 1) * sizeof *rows);
    if (!rows) status = HR_OOM(err);
    for (uint32_t i = 0; rows && i < count; i++) rows[i] = (uint32_t)s->order[first + i].row;
    for (uint32_t c = 0; c < schema->field_count && status == HR_OK; c++)
        status =
            hr_column_take(&out->arena, &s->sorted->columns[c], rows, count, &out->columns[c], err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

hr_status hr_sorter_take(struct hr_sorter *sorter, uint64_t first, uint32_t count,
                         struct hr_batch **ret, struct hr_err *err)
{
    return take(sorter, sorter->node->schema, first, count, ret, err);
}

hr_status hr_sorter_take_keyed(struct hr_sorter *sorter, uint64_t first, uint32_t count,
                               struct hr_batch **ret, struct hr_err *err)
{
    return take(sorter, sorter->schema, first, count, ret, err);
}
