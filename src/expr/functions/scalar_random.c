/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers. rand and randn give what Spark's XORShiftRandom gives for the same seed and
 * partition: a seed that is written in a query means the same rows.
 */
#include <math.h>
#include <stdio.h>

#include "base/env.h"
#include "base/hash.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

static uint32_t murmur_mix(uint32_t h, uint32_t k)
{
    k *= 0xcc9e2d51u;
    k = (k << 15 | k >> 17) * 0x1b873593u;
    h ^= k;
    return (h << 13 | h >> 19) * 5 + 0xe6546b64u;
}

/* MurmurHash3 (32 bits) of the eight bytes of seed, the high ones first. */
static uint32_t murmur_seed(uint64_t seed, uint32_t h)
{
    h = murmur_mix(h, __builtin_bswap32((uint32_t)(seed >> 32)));
    h = murmur_mix(h, __builtin_bswap32((uint32_t)seed)) ^ 8;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

/* The seed that is written in the call (NULL is 0); else the call's own, another for each epoch. */
static uint64_t first_state(const struct hr_eval_ctx *ctx, const struct hr_expr *call,
                            const struct hr_vector *args)
{
    uint64_t s = call->seed ^ hr_hash_u64((uint64_t)ctx->now_us);
    if (call->arg_count)
        s = hr_arg_valid(args, 0) ? (uint64_t)hr_arg_i64(args, 0) : 0;
    else if (!call->seed)
        hr_env_default()->vt->random(hr_env_default(), &s, sizeof s);
    s += ctx->partition;
    uint32_t low = murmur_seed(s, 0x3c074a61u);
    return (uint64_t)murmur_seed(s, low) << 32 | low;
}

/* Each call has a sequence of its own: what else the query computes does not change its rows. */
static struct hr_random *random_of(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                                   const struct hr_vector *args)
{
    for (uint32_t i = 0; i < ctx->random_count; i++)
        if (ctx->randoms[i].call == call) return &ctx->randoms[i];
    struct hr_random *more =
        hr_realloc(ctx->randoms, sizeof *ctx->randoms * (ctx->random_count + 1));
    if (!more) return NULL;
    ctx->randoms = more;
    more[ctx->random_count] =
        (struct hr_random){.call = call, .state = first_state(ctx, call, args)};
    return &more[ctx->random_count++];
}

static uint64_t next_bits(struct hr_random *r, int bits)
{
    uint64_t s = r->state;
    s ^= s << 21;
    s ^= s >> 35;
    s ^= s << 4;
    r->state = s;
    return s & ((UINT64_C(1) << bits) - 1);
}

static double next_double(struct hr_random *r)
{
    uint64_t high = next_bits(r, 26);
    return (double)((high << 27) + next_bits(r, 27)) * 0x1p-53;
}

/* A point in the unit circle gives two numbers: the second waits for the next call. */
static double next_gaussian(struct hr_random *r)
{
    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    double x, y, s;
    do {
        x = 2 * next_double(r) - 1;
        y = 2 * next_double(r) - 1;
        s = x * x + y * y;
    } while (s >= 1 || s == 0);
    double factor = sqrt(-2 * log(s) / s);
    r->spare = y * factor;
    r->has_spare = true;
    return x * factor;
}

hr_status hr_fn_rand(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = next_double(r);
    return HR_OK;
}

hr_status hr_fn_randn(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = next_gaussian(r);
    return HR_OK;
}

/* Version 4 of RFC 9562. */
hr_status hr_fn_uuid(HR_EVAL_ARGS)
{
    struct hr_random *r = random_of(ctx, call, args);
    if (!r) return HR_OOM(err);
    HR_ALL_ROWS(ctx, row) {
        uint64_t high = hr_splitmix64(&r->state), low = hr_splitmix64(&r->state);
        char text[37];
        snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
                 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
                 (unsigned)(low >> 48 & 0x3fff) | 0x8000u,
                 (unsigned long long)(low & UINT64_C(0xffffffffffff)));
        HR_TRY(hr_out_str(ctx, out, row, text, 36, err));
    }
    return HR_OK;
}
