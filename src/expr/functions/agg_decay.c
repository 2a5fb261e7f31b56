/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ewm_avg, ewm_stddev, ewm_sum, ewm_count(value, time, half-life): a row counts half as much for
 * each half-life that it is older than the newest. Rows may come in any order, and states may be
 * merged: the result is the same.
 */
#include <math.h>

#include "expr/functions/agg.h"

struct decay {
    int64_t newest_us;
    double weight, mean, m2; /* as of the newest time; weight 0: no row yet */
};

struct decay_params {
    double half_life_us;
};

hr_status hr_bind_decay(HR_BIND_ARGS)
{
    struct decay_params *params = HR_NEW(arena, struct decay_params);
    struct hr_str_view text;
    int64_t us = 0;
    if (!params) return HR_OOM(err);
    HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_DOUBLE), err));
    bool is_text = hr_resolve_const_string(arena, conf, call->args[2], &text);
    bool is_interval = !is_text && call->args[2]->type->id == HR_T_INTERVAL_DT &&
                       hr_resolve_const_i64(arena, conf, call->args[2], &us);
    if (is_text && !hr_parse_duration(text, &us)) us = 0;
    if ((!is_text && !is_interval) || us <= 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "the half-life of %s must be a duration above 0 that is constant: "
                       "'10 minutes', INTERVAL '1' HOUR",
                       call->name);
    params->half_life_us = (double)us;
    call->bound = params;
    call->type = hr_type(HR_T_DOUBLE);
    return HR_OK;
}

static uint32_t decay_bytes(const struct hr_expr *call)
{
    return sizeof(struct decay);
}

static double faded(const struct hr_expr *call, int64_t older_us, int64_t newer_us)
{
    const struct decay_params *params = call->bound;
    return exp2(-((double)newer_us - (double)older_us) / params->half_life_us);
}

/* into += from, both as of the later of their times. */
static void add_state(const struct hr_expr *call, struct decay *into, struct decay from)
{
    if (from.weight == 0) return;
    if (into->weight == 0) {
        *into = from;
        return;
    }
    if (into->newest_us < from.newest_us) {
        double by = faded(call, into->newest_us, from.newest_us);
        into->weight *= by;
        into->m2 *= by;
        into->newest_us = from.newest_us;
    } else if (from.newest_us < into->newest_us) {
        double by = faded(call, from.newest_us, into->newest_us);
        from.weight *= by;
        from.m2 *= by;
    }
    double weight = into->weight + from.weight, delta = from.mean - into->mean;
    if (!(weight > 1e-300)) return; /* nothing is left of either */
    into->mean += delta * from.weight / weight;
    into->m2 += from.m2 + delta * delta * into->weight * from.weight / weight;
    into->weight = weight;
}

static hr_status decay_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        if (!hr_arg_valid(&args[1], row)) continue;
        double v = ((const double *)args[0].col.values)[at];
        int64_t us = hr_arg_i64(&args[1], row);
        add_state(call, HR_STATE(struct decay, i), (struct decay){us, 1, v, 0});
    }
    return HR_OK;
}

static hr_status decay_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                             struct hr_err *err)
{
    add_state(call, (struct decay *)(void *)into, *(const struct decay *)(const void *)from);
    return HR_OK;
}

#define DECAY_AGG(name, result)                                            \
    static hr_status name##_emit(HR_EMIT_ARGS)                             \
    {                                                                      \
        for (uint32_t i = 0; i < count; i++) {                             \
            struct decay s = *HR_STATE(struct decay, i);                   \
            if (s.weight > 0)                                              \
                HR_OUT(double, out)[i] = (result);                         \
            else                                                           \
                hr_out_null(out, i);                                       \
        }                                                                  \
        return HR_OK;                                                      \
    }                                                                      \
    const struct hr_aggregate hr_agg_##name = {.state_bytes = decay_bytes, \
                                               .update = decay_update,     \
                                               .merge = decay_merge,       \
                                               .emit = name##_emit};

DECAY_AGG(ewm_avg, s.mean)
DECAY_AGG(ewm_stddev, sqrt(HR_MAX(s.m2 / s.weight, 0.0)))
DECAY_AGG(ewm_sum, s.mean *s.weight)
DECAY_AGG(ewm_count, s.weight)
