/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approx_count_distinct (HyperLogLog++ over Spark's xxhash64), percentile (exact), median,
 * percentile_approx (Greenwald and Khanna's summary with Spark's parameters).
 */
#include <math.h>

#include "base/hll.h"
#include "expr/functions/agg.h"
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
    double *sd = HR_NEW(arena, double);
    if (!sd) return HR_OOM(err);
    if (!hr_resolve_const_f64(arena, conf, call->args[1], sd) || !(*sd > 0.0020 && *sd <= 1))
        return HR_FAIL(
            err, HR_E_INVALID_ARGUMENT,
            "the relative error of approx_count_distinct must be a constant above 0.002");
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

static hr_status percentages(HR_BIND_ARGS, uint32_t index, struct hr_percentages **ret)
{
    struct hr_percentages *p = HR_NEW(arena, struct hr_percentages);
    const struct hr_expr *arg = call->args[index];
    if (!p) return HR_OOM(err);
    p->count = 1;
    if (arg->kind == HR_X_CALL && arg->type->id == HR_T_ARRAY &&
        strcmp(arg->function->name, "array") == 0) {
        p->is_array = true;
        p->count = arg->arg_count;
    }
    p->values = HR_NEW_ARRAY(arena, double, p->count + 1);
    if (!p->values) return HR_OOM(err);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct hr_expr *x = p->is_array ? arg->args[i] : arg;
        if (!hr_resolve_const_f64(arena, conf, x, &p->values[i]))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                            hr_expr_quoted(arena, call), "inputName", "`percentage`", "inputType",
                            "\"DOUBLE\"", "inputExpr", hr_expr_quoted(arena, arg));
        if (!(p->values[i] >= 0 && p->values[i] <= 1))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                            hr_expr_quoted(arena, call), "exprName", "percentage", "valueRange",
                            "[0.0, 1.0]", "currentValue", hr_expr_text(arena, x));
    }
    *ret = p;
    return HR_OK;
}

/* --- percentile --------------------------------------------------------------------------------*/

hr_status hr_bind_percentile(HR_BIND_ARGS)
{
    struct hr_percentages *p;
    if (hr_str_eq_nocase(call->function->name, "median")) {
        p = HR_NEW(arena, struct hr_percentages);
        if (!p || !(p->values = HR_NEW(arena, double))) return HR_OOM(err);
        p->count = 1;
        p->values[0] = 0.5;
    } else {
        HR_TRY(percentages(arena, conf, call, err, 1, &p));
        if (call->arg_count == 2)
            HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
    }
    call->bound = p;
    call->nullable = true;
    call->type = p->is_array ? hr_type_array(hr_type(HR_T_DOUBLE), false) : hr_type(HR_T_DOUBLE);
    return call->type ? HR_OK : HR_OOM(err);
}

static uint32_t blob_bytes(const struct hr_expr *call) { return call ? sizeof(struct hr_blob) : 0; }

static hr_status percentile_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        double x = hr_agg_f64(&args[0], at);
        int64_t n = 1;
        if (call->arg_count > 2 && hr_arg_valid(&args[2], row)) n = hr_arg_i64(&args[2], row);
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        for (int64_t k = 0; k < n; k++) HR_TRY(hr_blob_append(blob, &x, sizeof x, err));
        blob->count += (uint64_t)HR_MAX(n, 0);
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
    double pos = (double)(n - 1) * p, low = floor(pos);
    double a = v[(uint64_t)low], b = v[(uint64_t)ceil(pos)];
    return low == ceil(pos) || a == b ? a : (ceil(pos) - pos) * a + (pos - low) * b;
}

static hr_status percentile_emit(HR_EMIT_ARGS)
{
    const struct hr_percentages *p = call->bound;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        if (!blob->count) {
            hr_builder_null(b);
            continue;
        }
        qsort(blob->ptr, blob->count, sizeof(double), by_value);
        for (uint32_t k = 0; k < p->count; k++)
            hr_builder_f64(p->is_array ? hr_builder_child(b, 0) : b,
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

hr_status hr_bind_percentile_approx(HR_BIND_ARGS)
{
    struct approx *a = HR_NEW(arena, struct approx);
    int64_t accuracy = 10000;
    if (!a) return HR_OOM(err);
    HR_TRY(percentages(arena, conf, call, err, 1, &a->p));
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 10000), err));
    if (!hr_resolve_const_i64(arena, conf, call->args[2], &accuracy) || accuracy <= 0)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                        hr_expr_quoted(arena, call), "exprName", "accuracy", "valueRange",
                        "(0, 2147483647]", "currentValue", hr_expr_text(arena, call->args[2]));
    a->error = 1.0 / (double)accuracy;
    call->bound = a;
    call->nullable = true;
    const struct hr_type *t = call->args[0]->type;
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

static void put_number(struct hr_builder *b, const struct hr_type *type, double v)
{
    if (type->id == HR_T_DECIMAL)
        hr_builder_decimal(b, (hr_i128)llround(v * pow(10, type->scale)));
    else if (hr_type_is_fractional(type))
        hr_builder_f64(b, v);
    else
        hr_builder_i64(b, (int64_t)v);
}

static hr_status approx_emit(HR_EMIT_ARGS)
{
    const struct approx *a = call->bound;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct summary *s = *HR_STATE(struct summary *, i);
        if (s) HR_TRY(summary_flush(s, a->error, err));
        if (!s || !s->count) {
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
