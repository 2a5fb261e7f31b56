/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures of predictions against labels, and robust spread: auc, average_precision, log_loss,
 * brier_score, precision, recall, f1_score, rmse, mae, mad.
 *
 * The order of scores is kept as counts by value: exactly up to 4 096 different values, then values
 * that are near each other share a count (near: by their logit, for scores between 0 and 1). Which
 * ones share depends on the values only, not on their order or on how they were merged.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/functions/agg.h"

#define BINS_MAX   4096u
#define FIRST_ROOM 64u
#define LOSS_CLIP  1e-15

/* --- Arguments --------------------------------------------------------------------------------*/

/* Numbers, and BOOLEAN for a label; the last argument may be a constant threshold. */
static hr_status bind_numbers(struct hr_arena *arena, struct hr_expr *call, uint32_t count,
                              struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_type *type = call->args[i]->type;
        bool fits = hr_type_is_numeric(type) || type->id == HR_T_NULL ||
                    (i == 1 && type->id == HR_T_BOOLEAN);
        if (!fits)
            return hr_resolve_unexpected_type(
                arena, call, i, i == 1 ? "(\"NUMERIC\" or \"BOOLEAN\")" : "\"NUMERIC\"", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_DOUBLE), err));
    }
    call->type = hr_type(HR_T_DOUBLE);
    return HR_OK;
}

hr_status hr_bind_measure(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    return bind_numbers(arena, call, HR_MIN(call->arg_count, 2), err);
}

hr_status hr_bind_decision(HR_BIND_ARGS)
{
    double *threshold = HR_NEW(arena, double);
    if (!threshold) return HR_OOM(err);
    *threshold = 0.5;
    HR_TRY(bind_numbers(arena, call, 2, err));
    if (call->arg_count == 3 && !hr_resolve_const_f64(arena, conf, call->args[2], threshold))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the threshold of %s must be a number literal",
                       call->name);
    call->bound = threshold;
    return HR_OK;
}

static hr_status bad_label(const struct hr_expr *call, double label, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s: a label is %g; it must be 0 or 1, or BOOLEAN",
                   call->name, label);
}

#define ARG_F64(v, row) (((const double *)(v)->col.values)[(v)->is_const ? 0 : (row)])

/* --- Sums -------------------------------------------------------------------------------------*/

struct sums {
    double n, a, b, c;
};

typedef void (*sum_fn)(struct sums *s, double score, double label, double threshold);

static hr_status sum_rows(HR_UPDATE_ARGS, sum_fn add, bool binary)
{
    double threshold = call->bound ? *(const double *)call->bound : 0;
    HR_EACH_INPUT(&args[0])
    {
        if (!hr_arg_valid(&args[1], row)) continue;
        double label = ARG_F64(&args[1], row);
        if (binary && label != 0 && label != 1) return bad_label(call, label, err);
        add(HR_STATE(struct sums, i), ARG_F64(&args[0], row), label, threshold);
    }
    return HR_OK;
}

static hr_status sums_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct sums *a = (struct sums *)(void *)into;
    const struct sums *b = (const struct sums *)(const void *)from;
    a->n += b->n;
    a->a += b->a;
    a->b += b->b;
    a->c += b->c;
    return HR_OK;
}

static uint32_t sums_bytes(const struct hr_expr *call)
{
    return sizeof(struct sums);
}

static void add_log_loss(struct sums *s, double p, double label, double threshold)
{
    p = HR_MIN(HR_MAX(p, LOSS_CLIP), 1 - LOSS_CLIP);
    s->n++;
    s->a -= label != 0 ? log(p) : log1p(-p);
}

static void add_square(struct sums *s, double p, double label, double threshold)
{
    s->n++;
    s->a += (p - label) * (p - label);
}

static void add_absolute(struct sums *s, double p, double label, double threshold)
{
    s->n++;
    s->a += fabs(p - label);
}

/* a: true positives, b: predicted positives, c: positives */
static void add_decision(struct sums *s, double p, double label, double threshold)
{
    bool yes = p > threshold;
    s->n++;
    s->a += yes && label != 0;
    s->b += yes;
    s->c += label != 0;
}

#define SUM_AGG(name, add, binary, of, result)                                                    \
    static hr_status name##_update(HR_UPDATE_ARGS)                                                \
    {                                                                                             \
        return sum_rows(call, ctx, args, rows, count, states, offset, weights, err, add, binary); \
    }                                                                                             \
    static hr_status name##_emit(HR_EMIT_ARGS)                                                    \
    {                                                                                             \
        for (uint32_t i = 0; i < count; i++) {                                                    \
            struct sums s = *HR_STATE(struct sums, i);                                            \
            if ((of) > 0)                                                                         \
                HR_OUT(double, out)[i] = (result);                                                \
            else                                                                                  \
                hr_out_null(out, i);                                                              \
        }                                                                                         \
        return HR_OK;                                                                             \
    }                                                                                             \
    const struct hr_aggregate hr_agg_##name = {.state_bytes = sums_bytes,                         \
                                               .update = name##_update,                           \
                                               .merge = sums_merge,                               \
                                               .emit = name##_emit};

SUM_AGG(log_loss, add_log_loss, true, s.n, s.a / s.n)
SUM_AGG(brier, add_square, true, s.n, s.a / s.n)
SUM_AGG(rmse, add_square, false, s.n, sqrt(s.a / s.n))
SUM_AGG(mae, add_absolute, false, s.n, s.a / s.n)
SUM_AGG(precision, add_decision, true, s.b, s.a / s.b)
SUM_AGG(recall, add_decision, true, s.c, s.a / s.c)
SUM_AGG(f1, add_decision, true, s.b + s.c, 2 * s.a / (s.b + s.c))

/* --- Counts by value --------------------------------------------------------------------------*/

struct bin {
    double value; /* the least of those that share it */
    uint64_t yes, no;
};
struct bins {
    struct bin *items;
    uint32_t count, capacity;
    uint32_t shift; /* bits of a value's key that are not told apart; 0: all are */
    bool scores;    /* spread by logit */
};

/* Rises with the value. Between 0 and 1 small and large probabilities are spread alike. */
static double spread(double v)
{
    if (v <= 0) return v - 800;
    if (v >= 1) return v + 799;
    return log(v) - log1p(-v);
}

static uint64_t key_of(const struct bins *b, double v)
{
    uint64_t bits;
    if (b->shift && b->scores) v = spread(v);
    if (v == 0) v = 0; /* -0 */
    memcpy(&bits, &v, 8);
    bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    return bits >> b->shift;
}

static int compare_bins(const void *a, const void *b)
{
    double x = ((const struct bin *)a)->value, y = ((const struct bin *)b)->value;
    return (x > y) - (x < y);
}

/* Sorts, and puts together what has one key; coarser until few enough are left. */
static void compact(struct bins *b, uint32_t most)
{
    qsort(b->items, b->count, sizeof *b->items, compare_bins);
    for (;;) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < b->count; i++) {
            if (kept && key_of(b, b->items[kept - 1].value) == key_of(b, b->items[i].value)) {
                b->items[kept - 1].yes += b->items[i].yes;
                b->items[kept - 1].no += b->items[i].no;
            } else {
                b->items[kept++] = b->items[i];
            }
        }
        b->count = kept;
        if (kept <= most) return;
        b->shift = b->shift ? b->shift + 1 : 32;
    }
}

static hr_status push_bin(struct bins *b, struct bin bin, struct hr_err *err)
{
    if (b->count == b->capacity) {
        if (b->count >= 2 * BINS_MAX) compact(b, BINS_MAX);
        if (b->count * 2 >= b->capacity) {
            uint32_t capacity = HR_MAX(FIRST_ROOM, HR_MIN(b->capacity * 2, 4 * BINS_MAX));
            struct bin *grown = hr_realloc(b->items, sizeof *grown * capacity);
            if (!grown) return HR_OOM(err);
            b->items = grown;
            b->capacity = capacity;
        }
    }
    b->items[b->count++] = bin;
    return HR_OK;
}

static uint32_t bins_bytes(const struct hr_expr *call)
{
    return sizeof(struct bins);
}

static hr_status bins_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        double label = 1, v = ARG_F64(&args[0], row);
        struct bins *b = HR_STATE(struct bins, i);
        if (isnan(v)) continue;
        if (call->arg_count > 1) {
            if (!hr_arg_valid(&args[1], row)) continue;
            label = ARG_F64(&args[1], row);
            if (label != 0 && label != 1) return bad_label(call, label, err);
            b->scores = true;
        }
        HR_TRY(push_bin(b, (struct bin){v, label == 1, label == 0}, err));
    }
    return HR_OK;
}

static hr_status bins_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct bins *a = (struct bins *)(void *)into;
    const struct bins *b = (const struct bins *)(const void *)from;
    if (a->shift < b->shift) a->shift = b->shift;
    a->scores |= b->scores;
    for (uint32_t i = 0; i < b->count; i++) HR_TRY(push_bin(a, b->items[i], err));
    if (a->count) compact(a, BINS_MAX);
    return HR_OK;
}

static void bins_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    const struct bins *b = (const struct bins *)(const void *)state;
    hr_buf_put_u8(out, b->scores);
    hr_buf_put_varint(out, b->shift);
    hr_buf_put_varint(out, b->count);
    hr_buf_append(out, b->items, sizeof *b->items * b->count);
}

static hr_status bins_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                           struct hr_err *err)
{
    struct bins *b = (struct bins *)(void *)state;
    *b = (struct bins){0};
    b->scores = hr_get_u8(in) != 0;
    b->shift = (uint32_t)hr_get_varint(in);
    uint64_t count = hr_get_varint(in);
    if (in->failed || b->shift > 63 || count > 4 * BINS_MAX ||
        (size_t)(in->end - in->pos) < count * sizeof *b->items)
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why", "counts are short");
    b->items = hr_alloc(sizeof *b->items * (count + 1));
    if (!b->items) return HR_OOM(err);
    memcpy(b->items, in->pos, sizeof *b->items * count);
    in->pos += sizeof *b->items * count;
    b->count = b->capacity = (uint32_t)count;
    return HR_OK;
}

static void bins_done(const struct hr_expr *call, uint8_t *state)
{
    struct bins *b = (struct bins *)(void *)state;
    hr_free(b->items);
    *b = (struct bins){0};
}

/* Of pairs of a positive and a negative, how many have the positive above (half for ties)? */
static bool area(const struct bins *b, double *ret)
{
    double yes = 0, no = 0, above = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        above += (double)b->items[i].yes * (no + (double)b->items[i].no / 2);
        yes += (double)b->items[i].yes;
        no += (double)b->items[i].no;
    }
    *ret = above / (yes * no);
    return yes > 0 && no > 0;
}

/* The mean precision at the rank of each positive: the area under precision over recall. */
static bool mean_precision(const struct bins *b, double *ret)
{
    double yes = 0, no = 0, sum = 0;
    for (uint32_t i = b->count; i-- > 0;) {
        yes += (double)b->items[i].yes;
        no += (double)b->items[i].no;
        if (b->items[i].yes) sum += (double)b->items[i].yes * (yes / (yes + no));
    }
    *ret = sum / yes;
    return yes > 0;
}

/* The middle value: the mean of both where the count is even. */
static double middle(const struct bins *b)
{
    uint64_t total = 0, seen = 0;
    for (uint32_t i = 0; i < b->count; i++) total += b->items[i].yes;
    double low = 0;
    bool has_low = false;
    for (uint32_t i = 0; i < b->count; i++) {
        seen += b->items[i].yes;
        if (!has_low && seen * 2 >= total) {
            low = b->items[i].value;
            has_low = true;
        }
        if (seen * 2 > total) return (low + b->items[i].value) / 2;
    }
    return low;
}

static bool absolute_deviation(struct bins *b, double *ret)
{
    if (b->count == 0) return false;
    double center = middle(b);
    struct bins away = {.items = hr_alloc(sizeof *b->items * b->count), .count = b->count};
    if (!away.items) return false;
    for (uint32_t i = 0; i < b->count; i++)
        away.items[i] = (struct bin){fabs(b->items[i].value - center), b->items[i].yes, 0};
    qsort(away.items, away.count, sizeof *away.items, compare_bins);
    *ret = middle(&away);
    hr_free(away.items);
    return true;
}

#define BINS_AGG(name, result)                                            \
    static hr_status name##_emit(HR_EMIT_ARGS)                            \
    {                                                                     \
        for (uint32_t i = 0; i < count; i++) {                            \
            struct bins *b = HR_STATE(struct bins, i);                    \
            if (b->count) compact(b, BINS_MAX);                           \
            if (!result(b, &HR_OUT(double, out)[i])) hr_out_null(out, i); \
        }                                                                 \
        return HR_OK;                                                     \
    }                                                                     \
    const struct hr_aggregate hr_agg_##name = {.state_bytes = bins_bytes, \
                                               .update = bins_update,     \
                                               .merge = bins_merge,       \
                                               .emit = name##_emit,       \
                                               .save = bins_save,         \
                                               .load = bins_load,         \
                                               .done = bins_done};

BINS_AGG(auc, area)
BINS_AGG(average_precision, mean_precision)
BINS_AGG(mad, absolute_deviation)
