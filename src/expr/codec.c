/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/codec.h"

#include <malloc.h>
#include <math.h>

#include "base/hash.h"

/* --- Values ------------------------------------------------------------------------------------*/

/* As a key there is one NaN and one zero. */
static void put_real(const struct hr_column *col, uint32_t row, bool as_key, struct hr_buf *out)
{
    if (col->type->id == HR_T_FLOAT) {
        float v = ((const float *)col->values)[row];
        if (as_key) v = isnan(v) ? (float)NAN : v == 0 ? 0.0f : v;
        hr_buf_append(out, &v, sizeof v);
    } else {
        double v = ((const double *)col->values)[row];
        if (as_key) v = isnan(v) ? (double)NAN : v == 0 ? 0.0 : v;
        hr_buf_append(out, &v, sizeof v);
    }
}

static void encode(const struct hr_column *col, uint32_t row, bool as_key, struct hr_buf *out)
{
    bool valid = col->type->id != HR_T_NULL && hr_column_valid(col, row);
    hr_buf_put_u8(out, valid);
    if (!valid) return;
    switch (col->type->id) {
    case HR_T_BOOLEAN: hr_buf_put_u8(out, hr_bit_get(col->values, row)); return;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: put_real(col, row, as_key, out); return;
    case HR_T_STRING:
    case HR_T_BINARY: {
        struct hr_str_view s = hr_string_view(&((const struct hr_string *)col->values)[row]);
        hr_buf_put_varint(out, s.len);
        hr_buf_append(out, s.ptr, s.len);
        return;
    }
    case HR_T_STRUCT:
        for (uint32_t i = 0; i < col->type->field_count; i++)
            encode(&col->children[i], row, as_key, out);
        return;
    case HR_T_ARRAY:
    case HR_T_MAP: {
        const int32_t *offsets = col->values;
        hr_buf_put_varint(out, (uint64_t)(offsets[row + 1] - offsets[row]));
        for (int32_t at = offsets[row]; at < offsets[row + 1]; at++)
            for (uint32_t i = 0; i < col->type->field_count; i++)
                encode(&col->children[i], (uint32_t)at, as_key, out);
        return;
    }
    default: {
        size_t width = hr_type_width(col->type);
        hr_buf_append(out, (const char *)col->values + row * width, width);
    }
    }
}

void hr_value_encode(const struct hr_column *col, uint32_t row, struct hr_buf *out)
{
    encode(col, row, false, out);
}

void hr_value_encode_key(const struct hr_column *col, uint32_t row, struct hr_buf *out)
{
    encode(col, row, true, out);
}

static bool decode_fixed(const struct hr_type *type, struct hr_reader *in, struct hr_builder *b)
{
    size_t width = hr_type_width(type);
    if ((size_t)(in->end - in->pos) < width) return false;
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        hr_i128 i128;
    } v;
    memcpy(&v, in->pos, width);
    in->pos += width;
    if (type->id == HR_T_DECIMAL)
        hr_builder_decimal(b, v.i128);
    else if (type->id == HR_T_FLOAT)
        hr_builder_f64(b, v.f32);
    else if (type->id == HR_T_DOUBLE)
        hr_builder_f64(b, v.f64);
    else
        hr_builder_i64(b, width == 1 ? v.i8 : width == 2 ? v.i16 : width == 4 ? v.i32 : v.i64);
    return true;
}

bool hr_value_decode(const struct hr_type *type, struct hr_reader *in, struct hr_builder *b)
{
    if (!hr_get_u8(in)) {
        hr_builder_null(b);
        return !in->failed;
    }
    switch (type->id) {
    case HR_T_NULL: hr_builder_null(b); return !in->failed;
    case HR_T_BOOLEAN: hr_builder_bool(b, hr_get_u8(in)); return !in->failed;
    case HR_T_STRING:
    case HR_T_BINARY: {
        struct hr_str_view s = hr_get_bytes(in);
        hr_builder_str(b, s);
        return !in->failed;
    }
    case HR_T_STRUCT:
        for (uint32_t i = 0; i < type->field_count; i++)
            if (!hr_value_decode(type->fields[i].type, in, hr_builder_child(b, i))) return false;
        hr_builder_close(b);
        return true;
    case HR_T_ARRAY:
    case HR_T_MAP: {
        uint64_t n = hr_get_varint(in);
        if (n > (uint64_t)(in->end - in->pos)) return false;
        for (uint64_t k = 0; k < n; k++)
            for (uint32_t i = 0; i < type->field_count; i++)
                if (!hr_value_decode(type->fields[i].type, in, hr_builder_child(b, i)))
                    return false;
        hr_builder_close(b);
        return true;
    }
    default: return decode_fixed(type, in, b);
    }
}

/* --- The heap ----------------------------------------------------------------------------------*/

static _Thread_local struct hr_value_account *account;

struct hr_value_account *hr_value_account_enter(struct hr_value_account *entered)
{
    struct hr_value_account *before = account;
    account = entered;
    return before;
}

static void give_back(struct hr_value_account *a, int64_t bytes)
{
    int64_t held = atomic_load_explicit(&a->bytes, memory_order_relaxed), given;
    do {
        given = HR_MIN(held, bytes); /* what came before the account is not of it */
    } while (!atomic_compare_exchange_weak_explicit(&a->bytes, &held, held - given,
                                                    memory_order_relaxed, memory_order_relaxed));
    hr_mem_release(a->mem, given);
}

void hr_value_account_done(struct hr_value_account *a)
{
    if (a->mem) give_back(a, INT64_MAX);
}

static bool take(int64_t bytes)
{
    if (!account || bytes <= 0) return true;
    if (!hr_mem_take(account->mem, bytes)) return false;
    atomic_fetch_add_explicit(&account->bytes, bytes, memory_order_relaxed);
    return true;
}

void *hr_value_realloc(void *ptr, size_t size)
{
    int64_t before = ptr ? (int64_t)malloc_usable_size(ptr) : 0;
    int64_t wanted = (int64_t)size - before;
    if (!take(wanted)) return NULL;
    void *grown = hr_realloc(ptr, size);
    if (account && wanted > 0 && !grown) give_back(account, wanted);
    return grown;
}

void hr_value_free(void *ptr)
{
    if (account && ptr) give_back(account, (int64_t)malloc_usable_size(ptr));
    hr_free(ptr);
}

/* --- Blobs -------------------------------------------------------------------------------------*/

hr_status hr_blob_append(struct hr_blob *blob, const void *data, size_t size, struct hr_err *err)
{
    if (size > UINT32_MAX - 64 - blob->len)
        return HR_RAISE(err, HR_E_LIMIT, "what", "an aggregate's values", "limit", "4 GiB");
    if (blob->len + size > blob->cap) {
        uint32_t cap = HR_MAX(32u, blob->cap < UINT32_MAX / 2 ? blob->cap * 2 : UINT32_MAX);
        if (cap < blob->len + size) cap = blob->len + (uint32_t)size;
        char *grown = hr_value_realloc(blob->ptr, cap);
        if (!grown) return HR_OOM(err);
        blob->ptr = grown;
        blob->cap = cap;
    }
    if (size) memcpy(blob->ptr + blob->len, data, size);
    blob->len += (uint32_t)size;
    return HR_OK;
}

hr_status hr_blob_set(struct hr_blob *blob, const void *data, size_t size, struct hr_err *err)
{
    blob->len = 0;
    return hr_blob_append(blob, data, size, err);
}

void hr_blob_done(struct hr_blob *blob)
{
    hr_value_free(blob->ptr);
    memset(blob, 0, sizeof *blob);
}

/* --- Sets --------------------------------------------------------------------------------------*/

struct entry { /* in bytes, unaligned, followed by the key */
    uint32_t hash, size;
    int64_t weight;
};

static struct entry entry_at(const struct hr_value_set *set, uint32_t at)
{
    struct entry e;
    memcpy(&e, set->bytes + at, sizeof e);
    return e;
}

/* Keys without weight go, so that a set through which many keys pass does not grow. */
static void set_drop_dead(struct hr_value_set *set)
{
    uint32_t to = 0;
    for (uint32_t at = 0; at < set->len;) {
        struct entry e = entry_at(set, at);
        uint32_t bytes = (uint32_t)sizeof e + e.size;
        if (e.weight != 0) {
            memmove(set->bytes + to, set->bytes + at, bytes);
            to += bytes;
        }
        at += bytes;
    }
    set->len = to;
    set->used = set->live;
}

static hr_status set_grow(struct hr_value_set *set, struct hr_err *err)
{
    if (set->live < set->used) set_drop_dead(set);
    uint32_t size = set->slots ? set->mask + 1 : 8;
    while (set->slots && set->used * 4 > size) size *= 2;
    uint32_t *slots = hr_value_realloc(NULL, sizeof *slots * size);
    if (!slots) return HR_OOM(err);
    memset(slots, 0, sizeof *slots * size);
    for (uint32_t at = 0; at < set->len;) {
        struct entry e = entry_at(set, at);
        uint32_t i = e.hash & (size - 1);
        while (slots[i]) i = (i + 1) & (size - 1);
        slots[i] = at + 1;
        at += (uint32_t)sizeof e + e.size;
    }
    hr_value_free(set->slots);
    set->slots = slots;
    set->mask = size - 1;
    return HR_OK;
}

hr_status hr_value_set_add(struct hr_value_set *set, const void *key, uint32_t size, int64_t weight,
                           struct hr_err *err)
{
    if (!set->slots || set->used * 2 > set->mask) HR_TRY(set_grow(set, err));
    uint32_t hash = (uint32_t)hr_hash_bytes(key, size), i = hash & set->mask;
    for (; set->slots[i]; i = (i + 1) & set->mask) {
        uint32_t at = set->slots[i] - 1;
        struct entry e = entry_at(set, at);
        if (e.hash != hash || e.size != size || memcmp(set->bytes + at + sizeof e, key, size))
            continue;
        if (e.weight == 0) set->live++;
        e.weight += weight;
        if (e.weight == 0) set->live--;
        memcpy(set->bytes + at, &e, sizeof e);
        return HR_OK;
    }
    struct hr_blob blob = {.ptr = set->bytes, .len = set->len, .cap = set->cap};
    struct entry e = {hash, size, weight};
    hr_status status = hr_blob_append(&blob, &e, sizeof e, err);
    if (status == HR_OK) status = hr_blob_append(&blob, key, size, err);
    set->bytes = blob.ptr;
    set->cap = blob.cap;
    if (status != HR_OK) return status;
    set->slots[i] = set->len + 1;
    set->len = blob.len;
    set->used++;
    set->live += weight != 0;
    return HR_OK;
}

bool hr_value_set_next(const struct hr_value_set *set, uint32_t *pos, struct hr_str_view *ret_key,
                       int64_t *ret_weight)
{
    while (*pos < set->len) {
        struct entry e = entry_at(set, *pos);
        *ret_key = hr_svn(set->bytes + *pos + sizeof e, e.size);
        *pos += (uint32_t)sizeof e + e.size;
        if (ret_weight) *ret_weight = e.weight;
        if (e.weight != 0) return true;
    }
    return false;
}

void hr_value_set_save(const struct hr_value_set *set, struct hr_buf *out)
{
    uint32_t pos = 0;
    struct hr_str_view key;
    int64_t weight;
    hr_buf_put_varint(out, set->live);
    while (hr_value_set_next(set, &pos, &key, &weight)) {
        hr_buf_put_u64(out, (uint64_t)weight);
        hr_buf_put_bytes(out, key.ptr, key.len);
    }
}

hr_status hr_value_set_load(struct hr_value_set *set, struct hr_reader *in, struct hr_err *err)
{
    uint64_t n = hr_get_varint(in);
    for (uint64_t i = 0; i < n && !in->failed; i++) {
        int64_t weight = (int64_t)hr_get_u64(in);
        struct hr_str_view key = hr_get_bytes(in);
        if (in->failed || key.len > UINT32_MAX) break;
        HR_TRY(hr_value_set_add(set, key.ptr, (uint32_t)key.len, weight, err));
    }
    return in->failed ? HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged")
                      : HR_OK;
}

void hr_value_set_done(struct hr_value_set *set)
{
    hr_value_free(set->bytes);
    hr_value_free(set->slots);
    memset(set, 0, sizeof *set);
}
