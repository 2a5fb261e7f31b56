/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approx_count_distinct (HyperLogLog++ over Spark's xxhash64), percentile (exact), median,
 * percentile_approx (Greenwald and Khanna's summary with Spark's parameters).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/hll.h"
#include "expr/functions/agg.h"
#include "expr/program.h"
#include "expr/spark_hash.h"

/* --- approx_count_distinct
 * -----------------------------------------------------------------------*/

static uint32_t hll_p(const struct hr_expr *call)
{
    return hr_hll_precision(call->bound ? *(const double *)call->bound : 0.05);
}

static uint32_t hll_bytes(const struct hr_expr *call) { return 1u << hll_p(call); }

hr_status hr_bind_hll(HR_BIND_ARGS)
{
    call->nullable = false;
    if (call->arg_count < 2) return HR_OK;
    const struct hr_expr *arg = call->args[1];
    double *sd = HR_NEW(arena, double);
    if (!sd) return HR_OOM(err);
    bool real = arg->type->id == HR_T_DOUBLE || arg->type->id == HR_T_DECIMAL;
    if (arg->kind != HR_X_LITERAL || !real || !hr_resolve_const_f64(arena, conf, arg, sd))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "the relative error of approx_count_distinct must be a DOUBLE literal");
    if (!(*sd > 0.0020)) /* 2^19 registers in every group would be next */
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "the relative error of approx_count_distinct must be above 0.002");
    if (2.0 * log(1.106 / *sd) / log(2.0) <= 3) /* fewer than 16 registers */
        return HR_RAISE(err, HR_E_FAILED_FUNCTION_CALL, "funcName", "`approx_count_distinct`");
    call->bound = sd;
    return HR_OK;
}

static hr_status hll_update(HR_UPDATE_ARGS)
{
    uint32_t p = hll_p(call);
    HR_EACH_INPUT(&args[0])
    {
        hr_hll_add(states[i] + offset, p, hr_spark_xxhash64(&args[0].col, at, 42));
    }
    return HR_OK;
}

static hr_status hll_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    hr_hll_merge(into, from, hll_p(call));
    return HR_OK;
}

static hr_status hll_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++)
        HR_OUT(int64_t, out)[i] = hr_hll_estimate(states[i] + offset, hll_p(call));
    return HR_OK;
}

const struct hr_aggregate hr_agg_hll = {.state_bytes = hll_bytes, .update = hll_update,
    .merge = hll_merge, .emit = hll_emit};

/* --- Percentages -------------------------------------------------------------------------------*/

static hr_status unexpected_null(struct hr_arena *arena, const struct hr_expr *call,
                                 const char *name, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_NULL, "sqlExpr",
                    hr_expr_quoted(arena, call), "exprName", name);
}

static hr_status not_foldable(struct hr_arena *arena, const struct hr_expr *call, uint32_t index,
                              const char *name, const char *type, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputName", name, "inputType", type, "inputExpr",
                    hr_expr_quoted(arena, call->args[index]));
}

/* The second argument as DOUBLE or ARRAY<DOUBLE>: an array of numbers without a NULL, or a number,
 * a text or NULL. wanted: what the error asks for; NULL: the one that the argument is nearer to. */
static hr_status percentages_cast(HR_BIND_ARGS, const char *wanted)
{
    const struct hr_type *from = call->args[1]->type, *element = from;
    bool array = from->id == HR_T_ARRAY, good;
    HR_UNUSED(conf);
    if (array) {
        element = from->fields[0].type;
        good = !from->fields[0].nullable &&
               (hr_type_is_numeric(element) || element->id == HR_T_NULL);
    } else {
        good = hr_type_is_numeric(from) || hr_type_is_string(from) || from->id == HR_T_NULL;
    }
    if (!good)
        return hr_resolve_unexpected_type(
            arena, call, 1, wanted ? wanted : array ? "\"ARRAY<DOUBLE>\"" : "\"DOUBLE\"", err);
    const struct hr_type *to = hr_type(HR_T_DOUBLE);
    return hr_resolve_cast(arena, &call->args[1], array ? hr_type_array(to, false) : to, err);
}

/* The constant second argument. The errors show the call with all of its arguments. */
static hr_status percentages(HR_BIND_ARGS, const char *wanted, struct hr_percentages **ret)
{
    struct hr_percentages *p = HR_NEW(arena, struct hr_percentages);
    struct hr_column *col = HR_NEW(arena, struct hr_column);
    if (!p || !col) return HR_OOM(err);
    HR_TRY(percentages_cast(arena, conf, call, err, wanted));
    const struct hr_expr *arg = call->args[1];
    p->is_array = arg->type->id == HR_T_ARRAY;
    if (!hr_expr_is_foldable(arg))
        return not_foldable(arena, call, 1, "`percentage`",
                            p->is_array ? "\"ARRAY<DOUBLE>\"" : "\"DOUBLE\"", err);
    HR_TRY(hr_expr_fold(arena, conf, arg, col, err));
    if (!hr_column_valid(col, 0)) return unexpected_null(arena, call, "percentage", err);
    uint32_t start = p->is_array ? (uint32_t)((const int32_t *)col->values)[0] : 0;
    p->count = p->is_array ? (uint32_t)((const int32_t *)col->values)[1] - start : 1;
    p->values = (const double *)(p->is_array ? &col->children[0] : col)->values + start;
    for (uint32_t i = 0; i < p->count; i++) {
        if (!(p->values[i] < 0 || p->values[i] > 1)) continue; /* NaN passes, as in Spark */
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                        hr_expr_quoted(arena, call), "exprName", "percentage", "valueRange",
                        "[0.0, 1.0]", "currentValue", hr_expr_text(arena, arg));
    }
    *ret = p;
    return HR_OK;
}

/* --- percentile --------------------------------------------------------------------------------*/

static const double half = 0.5;

/* Dates and times are cast to TIME, as in Spark, which has no percentile of that either. */
static hr_status percentile_input(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (hr_type_is_datetime(call->args[0]->type)) return HR_RAISE(err, HR_E_UNSUPPORTED_TIME_TYPE);
    if (hr_type_is_interval(call->args[0]->type)) return HR_OK;
    const struct hr_type *to = hr_type_implicit(call->args[0]->type, hr_sv("numeric"));
    if (!to)
        return hr_resolve_unexpected_type(arena, call, 0,
                                          "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or "
                                          "\"INTERVAL YEAR TO MONTH\")",
                                          err);
    return hr_resolve_cast(arena, &call->args[0], to, err);
}

hr_status hr_bind_percentile(HR_BIND_ARGS)
{
    struct hr_percentages *p;
    HR_TRY(percentile_input(arena, conf, call, err));
    if (call->arg_count == 1) { /* median */
        p = HR_NEW(arena, struct hr_percentages);
        if (!p) return HR_OOM(err);
        p->count = 1;
        p->values = &half;
    } else {
        if (call->arg_count == 2)
            HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
        HR_TRY(percentages(arena, conf, call, err, NULL, &p));
    }
    const struct hr_type *t = call->args[0]->type, *one = hr_type(HR_T_DOUBLE);
    if (t->id == HR_T_INTERVAL_YM) one = hr_type_interval_ym(0, 1);
    if (t->id == HR_T_INTERVAL_DT) one = hr_type_interval_dt(2, 5);
    call->bound = p;
    call->nullable = true;
    call->type = p->is_array ? hr_type_array(one, false) : one;
    return call->type ? HR_OK : HR_OOM(err);
}

static uint32_t blob_bytes(const struct hr_expr *call) { return call ? sizeof(struct hr_blob) : 0; }

static hr_status negative_frequency(const struct hr_expr *call, int64_t n, struct hr_err *err)
{
    struct hr_arena arena;
    char text[32];
    hr_arena_init(&arena, NULL);
    snprintf(text, sizeof text, "%" PRId64 "L", n);
    hr_status status = HR_RAISE(err, HR_E_NEGATIVE_FREQUENCY, "frequencyExpression",
                                hr_expr_quoted(&arena, call->args[2]), "negativeValue", text);
    hr_arena_done(&arena);
    return status;
}

#define FREQUENCY_MAX 10000000 /* a value is kept as often as it counts */

static hr_status percentile_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        double x = hr_agg_f64(&args[0], at);
        int64_t n = 1;
        if (call->arg_count > 2) {
            if (!hr_arg_valid(&args[2], row)) continue;
            n = hr_arg_i64(&args[2], row);
            if (n < 0) return negative_frequency(call, n, err);
            if (n > FREQUENCY_MAX)
                return HR_RAISE(err, HR_E_LIMIT, "what", "a frequency of percentile", "limit",
                                "10000000");
        }
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        for (int64_t k = 0; k < n; k++) HR_TRY(hr_blob_append(blob, &x, sizeof x, err));
        blob->count += (uint64_t)n;
    }
    return HR_OK;
}

static hr_status blob_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    const struct hr_blob *b = (const void *)from;
    ((struct hr_blob *)(void *)into)->count += b->count;
    HR_UNUSED(call);
    return hr_blob_append((void *)into, b->ptr, b->len, err);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) ? !isnan(y) : isnan(y) ? -1 : (x > y) - (x < y);
}

static double exact(const double *v, uint64_t n, double p)
{
    double pos = isnan(p) ? 0 : (double)(n - 1) * p, low = floor(pos);
    double a = v[(uint64_t)low], b = v[(uint64_t)ceil(pos)];
    return low == ceil(pos) || a == b ? a : a + (pos - low) * (b - a);
}

static void put_number(struct hr_builder *b, const struct hr_type *type, double v)
{
    if (type->id == HR_T_DECIMAL)
        hr_builder_decimal(b, (hr_i128)llround(v * pow(10, type->scale)));
    else if (hr_type_is_fractional(type))
        hr_builder_f64(b, v);
    else
        hr_builder_i64(b, (int64_t)v);
}

static hr_status percentile_emit(HR_EMIT_ARGS)
{
    const struct hr_percentages *p = call->bound;
    const struct hr_type *one = p->is_array ? call->type->fields[0].type : call->type;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        if (!blob->count || !p->count) {
            hr_builder_null(b);
            continue;
        }
        qsort(blob->ptr, blob->count, sizeof(double), by_value);
        for (uint32_t k = 0; k < p->count; k++)
            put_number(p->is_array ? hr_builder_child(b, 0) : b, one,
                       exact((const double *)(void *)blob->ptr, blob->count, p->values[k]));
        if (p->is_array) hr_builder_close(b);
    }
    return hr_builder_finish(b, out, err);
}

static void blob_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    const struct hr_blob *blob = (const void *)state;
    hr_buf_put_bytes(out, blob->ptr, blob->len);
}

static hr_status blob_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                           struct hr_err *err)
{
    struct hr_str_view bytes = hr_get_bytes(in);
    if (in->failed || bytes.len % 8)
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged");
    ((struct hr_blob *)(void *)state)->count = bytes.len / 8;
    return hr_blob_set((void *)state, bytes.ptr, bytes.len, err);
}

static void blob_done(const struct hr_expr *call, uint8_t *state) { hr_blob_done((void *)state); }

const struct hr_aggregate hr_agg_percentile = {.state_bytes = blob_bytes,
    .update = percentile_update, .merge = blob_merge, .emit = percentile_emit, .save = blob_save,
    .load = blob_load, .done = blob_done};

/* --- percentile_approx
 * --------------------------------------------------------------------------*/

struct sample {
    double value;
    int64_t g, delta;
};

struct summary {
    struct sample *samples;
    uint32_t count, capacity;
    double *head; /* not yet in samples */
    uint32_t head_count, head_capacity;
    int64_t total;
};

#define HEAD_MAX 50000
#define COMPRESS_AT 10000

struct approx {
    struct hr_percentages *p;
    double error;
};

static void summary_free(struct summary *s)
{
    if (!s) return;
    hr_value_free(s->samples);
    hr_value_free(s->head);
    hr_value_free(s);
}

static hr_status summary_flush(struct summary *s, double error, struct hr_err *err)
{
    if (!s->head_count) return HR_OK;
    qsort(s->head, s->head_count, sizeof *s->head, by_value);
    struct sample *merged =
        hr_value_realloc(NULL, sizeof *merged * ((size_t)s->count + s->head_count));
    if (!merged) return HR_OOM(err);
    uint32_t n = 0, at = 0;
    int64_t total = s->total;
    for (uint32_t i = 0; i < s->head_count; i++) {
        while (at < s->count && s->samples[at].value <= s->head[i]) merged[n++] = s->samples[at++];
        total++;
        bool edge = n == 0 || (at == s->count && i == s->head_count - 1);
        int64_t delta = edge ? 0 : (int64_t)floor(2.0 * error * (double)total);
        merged[n++] = (struct sample){s->head[i], 1, delta};
    }
    while (at < s->count) merged[n++] = s->samples[at++];
    hr_value_free(s->samples);
    s->samples = merged;
    s->count = s->capacity = n;
    s->total = total;
    s->head_count = 0;
    return HR_OK;
}

static void summary_compress(struct summary *s, double error)
{
    if (s->count == 0) return;
    double threshold = 2.0 * error * (double)s->total;
    struct sample head = s->samples[s->count - 1];
    uint32_t w = s->count; /* the kept ones are written from the end */
    for (uint32_t i = s->count - 1; i-- > 1;) {
        struct sample x = s->samples[i];
        if ((double)(x.g + head.g + head.delta) < threshold) {
            head.g += x.g;
        } else {
            s->samples[--w] = head;
            head = x;
        }
    }
    struct sample first = s->samples[0];
    s->samples[--w] = head;
    if (s->count > 1 && first.value <= head.value) s->samples[--w] = first;
    memmove(s->samples, s->samples + w, sizeof *s->samples * (s->count - w));
    s->count -= w;
}

static hr_status summary_add(struct summary *s, double x, double error, struct hr_err *err)
{
    if (s->head_count == s->head_capacity) {
        uint32_t capacity = s->head_capacity ? s->head_capacity * 2 : 64;
        double *head = hr_value_realloc(s->head, sizeof *head * capacity);
        if (!head) return HR_OOM(err);
        s->head = head;
        s->head_capacity = capacity;
    }
    s->head[s->head_count++] = x;
    if (s->head_count < HEAD_MAX) return HR_OK;
    HR_TRY(summary_flush(s, error, err));
    if (s->count >= COMPRESS_AT) summary_compress(s, error);
    return HR_OK;
}

static double summary_query(const struct summary *s, double p, double error)
{
    if (p <= error || s->count == 1) return s->samples[0].value;
    if (p >= 1 - error) return s->samples[s->count - 1].value;
    int64_t target = 0, min_rank = 0;
    for (uint32_t i = 0; i < s->count; i++)
        target = HR_MAX(target, s->samples[i].delta + s->samples[i].g);
    target /= 2;
    int64_t rank = (int64_t)ceil(p * (double)s->total);
    for (uint32_t i = 0; i < s->count; i++) {
        min_rank += s->samples[i].g;
        int64_t max_rank = min_rank + s->samples[i].delta;
        if (max_rank - target <= rank && rank <= min_rank + target) return s->samples[i].value;
    }
    return s->samples[s->count - 1].value;
}

static hr_status accuracy_of(HR_BIND_ARGS, int64_t *ret)
{
    struct hr_expr *arg = call->args[2];
    bool null = arg->type->id == HR_T_NULL;
    if (!null && !hr_type_is_integral(arg->type))
        return hr_resolve_unexpected_type(arena, call, 2, "\"INTEGRAL\"", err);
    if (!null && !hr_expr_is_foldable(arg))
        return not_foldable(arena, call, 2, "`accuracy`", hr_type_quoted(arena, arg->type), err);
    if (!hr_resolve_const_i64(arena, conf, arg, ret))
        return unexpected_null(arena, call, "accuracy", err);
    if (*ret > 0 && *ret <= INT32_MAX) return HR_OK;
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                    hr_expr_quoted(arena, call), "exprName", "accuracy", "valueRange",
                    "(0, 2147483647]", "currentValue", hr_expr_text(arena, arg));
}

hr_status hr_bind_percentile_approx(HR_BIND_ARGS)
{
    struct approx *a = HR_NEW(arena, struct approx);
    int64_t accuracy;
    if (!a) return HR_OOM(err);
    const struct hr_type *t = call->args[0]->type;
    bool good = hr_type_is_numeric(t) || hr_type_is_datetime(t) || hr_type_is_interval(t);
    if (t->id == HR_T_STRING || t->id == HR_T_NULL)
        HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_DOUBLE), err));
    else if (!good)
        return hr_resolve_unexpected_type(
            arena, call, 0,
            "(\"NUMERIC\" or \"DATE\" or \"TIMESTAMP\" or \"TIMESTAMP_NTZ\" or "
            "\"INTERVAL YEAR TO MONTH\" or \"INTERVAL DAY TO SECOND\" or \"TIME\")",
            err);
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 10000), err));
    HR_TRY(percentages(arena, conf, call, err, "(\"DOUBLE\" or \"ARRAY<DOUBLE>\")", &a->p));
    HR_TRY(accuracy_of(arena, conf, call, err, &accuracy));
    a->error = 1.0 / (double)accuracy;
    call->bound = a;
    call->nullable = true;
    t = call->args[0]->type;
    call->type = a->p->is_array ? hr_type_array(t, false) : t;
    return call->type ? HR_OK : HR_OOM(err);
}

static uint32_t pointer_bytes(const struct hr_expr *call) { return call ? sizeof(void *) : 0; }

static hr_status summary_of(uint8_t *state, struct summary **ret, struct hr_err *err)
{
    struct summary **s = (struct summary **)(void *)state;
    if (!*s) {
        *s = hr_value_realloc(NULL, sizeof **s);
        if (!*s) return HR_OOM(err);
        memset(*s, 0, sizeof **s);
    }
    *ret = *s;
    return HR_OK;
}

static hr_status approx_update(HR_UPDATE_ARGS)
{
    const struct approx *a = call->bound;
    HR_EACH_INPUT(&args[0])
    {
        struct summary *s;
        HR_TRY(summary_of(states[i] + offset, &s, err));
        HR_TRY(summary_add(s, hr_agg_f64(&args[0], at), a->error, err));
    }
    return HR_OK;
}

static hr_status approx_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                              struct hr_err *err)
{
    const struct approx *a = call->bound;
    struct summary *x, *y = *(struct summary *const *)(const void *)from;
    if (!y) return HR_OK;
    HR_TRY(summary_of(into, &x, err));
    for (uint32_t i = 0; i < y->head_count; i++) HR_TRY(summary_add(x, y->head[i], a->error, err));
    if (!y->count) return HR_OK;
    HR_TRY(summary_flush(x, a->error, err));
    struct sample *merged = hr_value_realloc(NULL, sizeof *merged * ((size_t)x->count + y->count));
    if (!merged) return HR_OOM(err);
    uint32_t i = 0, j = 0, n = 0;
    while (i < x->count || j < y->count)
        merged[n++] = j == y->count || (i < x->count && x->samples[i].value <= y->samples[j].value)
                          ? x->samples[i++] : y->samples[j++];
    hr_value_free(x->samples);
    x->samples = merged;
    x->count = x->capacity = n;
    x->total += y->total;
    if (n >= COMPRESS_AT) summary_compress(x, a->error);
    return HR_OK;
}

static hr_status approx_emit(HR_EMIT_ARGS)
{
    const struct approx *a = call->bound;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct summary *s = *HR_STATE(struct summary *, i);
        if (s) HR_TRY(summary_flush(s, a->error, err));
        if (!s || !s->count || !a->p->count) {
            hr_builder_null(b);
            continue;
        }
        summary_compress(s, a->error);
        for (uint32_t k = 0; k < a->p->count; k++)
            put_number(a->p->is_array ? hr_builder_child(b, 0) : b, call->args[0]->type,
                       summary_query(s, a->p->values[k], a->error));
        if (a->p->is_array) hr_builder_close(b);
    }
    return hr_builder_finish(b, out, err);
}

static void approx_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    struct summary *const *at = (struct summary *const *)(const void *)state;
    static const struct summary empty;
    const struct summary *s = *at ? *at : &empty;
    hr_buf_put_u64(out, (uint64_t)s->total);
    hr_buf_put_bytes(out, s->samples, sizeof *s->samples * s->count);
    hr_buf_put_bytes(out, s->head, sizeof *s->head * s->head_count);
}

static hr_status approx_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                             struct hr_err *err)
{
    struct summary *s;
    HR_TRY(summary_of(state, &s, err));
    s->total = (int64_t)hr_get_u64(in);
    struct hr_str_view samples = hr_get_bytes(in), head = hr_get_bytes(in);
    if (in->failed || samples.len % sizeof *s->samples || head.len % sizeof *s->head)
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged");
    s->samples = hr_value_realloc(NULL, samples.len + 1);
    s->head = hr_value_realloc(NULL, head.len + 1);
    if (!s->samples || !s->head) return HR_OOM(err);
    if (samples.len) memcpy(s->samples, samples.ptr, samples.len);
    if (head.len) memcpy(s->head, head.ptr, head.len);
    s->count = s->capacity = (uint32_t)(samples.len / sizeof *s->samples);
    s->head_count = s->head_capacity = (uint32_t)(head.len / sizeof *s->head);
    return HR_OK;
}

static void approx_done(const struct hr_expr *call, uint8_t *state)
{
    summary_free(*(struct summary **)(void *)state);
    *(struct summary **)(void *)state = NULL;
}

const struct hr_aggregate hr_agg_percentile_approx = {.state_bytes = pointer_bytes,
    .update = approx_update, .merge = approx_merge, .emit = approx_emit, .save = approx_save,
    .load = approx_load, .done = approx_done};
