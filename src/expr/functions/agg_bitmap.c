/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_construct_agg, bitmap_or_agg, bitmap_and_agg: 32 768 bits, the first in the lowest bit of
 * the first byte. */
#include <stdio.h>

#include "expr/functions/agg.h"

#define BITMAP_BYTES 4096

static uint32_t bitmap_bytes(const struct hr_expr *call)
{
    return call ? sizeof(struct hr_blob) : 0;
}

static bool is_and(const struct hr_expr *call)
{
    return strcmp(call->function->name, "bitmap_and_agg") == 0;
}

/* The bits of a group, made with its first row. */
static hr_status bits_of(const struct hr_expr *call, void *state, uint8_t **ret, struct hr_err *err)
{
    struct hr_blob *blob = state;
    if (blob->len == 0) {
        char bytes[BITMAP_BYTES];
        memset(bytes, is_and(call) ? 0xff : 0, sizeof bytes);
        HR_TRY(hr_blob_append(blob, bytes, sizeof bytes, err));
    }
    *ret = (uint8_t *)blob->ptr;
    return HR_OK;
}

static hr_status construct_update(HR_UPDATE_ARGS)
{
    uint8_t *bits;
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    HR_EACH_INPUT(&args[0])
    {
        int64_t at_bit = HR_ARG(int64_t, &args[0], row);
        if (at_bit < 0 || at_bit >= BITMAP_BYTES * 8) {
            char position[24];
            snprintf(position, sizeof position, "%lld", (long long)at_bit);
            return HR_RAISE(err, HR_E_INVALID_BITMAP_POSITION, "bitPosition", position,
                            "bitmapNumBits", "32768", "bitmapNumBytes", "4096");
        }
        HR_TRY(bits_of(call, HR_STATE(struct hr_blob, i), &bits, err));
        bits[at_bit / 8] |= (uint8_t)(1u << at_bit % 8);
    }
    return HR_OK;
}

/* Bytes that a shorter bitmap has not are zeros; what a longer one has beyond is left out. */
static void combine(const struct hr_expr *call, uint8_t *bits, const char *from, size_t len)
{
    bool and = is_and(call);
    size_t n = HR_MIN(len, (size_t)BITMAP_BYTES);
    for (size_t i = 0; i < n; i++)
        bits[i] = and ? bits[i] & (uint8_t)from[i] : bits[i] | (uint8_t)from[i];
    if (and) memset(bits + n, 0, BITMAP_BYTES - n);
}

static hr_status combine_update(HR_UPDATE_ARGS)
{
    uint8_t *bits;
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    HR_EACH_INPUT(&args[0])
    {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        HR_TRY(bits_of(call, HR_STATE(struct hr_blob, i), &bits, err));
        combine(call, bits, s.ptr, s.len);
    }
    return HR_OK;
}

static hr_status bitmap_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                              struct hr_err *err)
{
    const struct hr_blob *b = (const void *)from;
    uint8_t *bits;
    if (b->len == 0) return HR_OK;
    HR_TRY(bits_of(call, into, &bits, err));
    combine(call, bits, b->ptr, b->len);
    return HR_OK;
}

static hr_status bitmap_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *bits;
        HR_TRY(bits_of(call, HR_STATE(struct hr_blob, i), &bits, err));
        HR_TRY(hr_out_str(ctx, out, i, (const char *)bits, BITMAP_BYTES, err));
    }
    return HR_OK;
}

static void bitmap_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    const struct hr_blob *blob = (const void *)state;
    HR_UNUSED(call);
    hr_buf_put_bytes(out, blob->ptr, blob->len);
}

static hr_status bitmap_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                             struct hr_err *err)
{
    struct hr_str_view bytes = hr_get_bytes(in);
    HR_UNUSED(call);
    if (in->failed || (bytes.len && bytes.len != BITMAP_BYTES))
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged");
    return hr_blob_set((void *)state, bytes.ptr, bytes.len, err);
}

static void bitmap_done(const struct hr_expr *call, uint8_t *state)
{
    HR_UNUSED(call);
    hr_blob_done((void *)state);
}

const struct hr_aggregate hr_agg_bitmap_construct = {.state_bytes = bitmap_bytes,
    .update = construct_update, .merge = bitmap_merge, .emit = bitmap_emit, .save = bitmap_save,
    .load = bitmap_load, .done = bitmap_done};
const struct hr_aggregate hr_agg_bitmap_combine = {.state_bytes = bitmap_bytes,
    .update = combine_update, .merge = bitmap_merge, .emit = bitmap_emit, .save = bitmap_save,
    .load = bitmap_load, .done = bitmap_done};
