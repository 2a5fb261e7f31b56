/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering: take, compact and concat are all "rows of some columns into a new one". Values are
 * copied part by part with a loop for each width; nested types turn their rows into parts of the
 * children and recurse. Rows that are NULL for having no source (UINT32_MAX) get zero values.
 */
#include "column/gather.h"

static uint32_t total_rows(const struct hr_part *parts, uint32_t part_count, bool *ret_too_many)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < part_count; i++) total += parts[i].count;
    *ret_too_many = total > INT32_MAX;
    return (uint32_t)total;
}

static bool any_absent(const struct hr_part *p)
{
    if (!p->rows) return false;
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->count; i++) most = HR_MAX(most, p->rows[i]);
    return most == UINT32_MAX;
}

static void gather_bits(uint64_t *dst, uint32_t at, const uint64_t *src, const struct hr_part *p)
{
    assert(p->count == 0 || dst);
    if (!p->rows) {
        hr_bit_copy(dst, at, src, p->first, p->count);
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->rows[i];
        hr_bit_put(dst, at + i, row != UINT32_MAX && (!src || hr_bit_get(src, row)));
    }
}

#define GATHER_WIDTH(type_)                                                                \
    static void gather_##type_(type_ *restrict dst, const type_ *restrict src,             \
                               const uint32_t *restrict rows, uint32_t count, bool absent) \
    {                                                                                      \
        if (!absent) {                                                                     \
            for (uint32_t i = 0; i < count; i++) dst[i] = src[rows[i]];                    \
        } else {                                                                           \
            for (uint32_t i = 0; i < count; i++)                                           \
                dst[i] = rows[i] == UINT32_MAX ? 0 : src[rows[i]];                         \
        }                                                                                  \
    }
typedef unsigned __int128 word128;
GATHER_WIDTH(uint8_t)
GATHER_WIDTH(uint16_t)
GATHER_WIDTH(uint32_t)
GATHER_WIDTH(uint64_t)
GATHER_WIDTH(word128)

static void gather_fixed(void *dst, uint32_t at, size_t width, const struct hr_part *p, bool absent)
{
    const void *src = p->col->values;
    if (p->count == 0) return;
    if (!p->rows) {
        memcpy((char *)dst + at * width, (const char *)src + p->first * width, p->count * width);
        return;
    }
    switch (width) {
    case 1: gather_uint8_t((uint8_t *)dst + at, src, p->rows, p->count, absent); break;
    case 2: gather_uint16_t((uint16_t *)dst + at, src, p->rows, p->count, absent); break;
    case 4: gather_uint32_t((uint32_t *)dst + at, src, p->rows, p->count, absent); break;
    case 8: gather_uint64_t((uint64_t *)dst + at, src, p->rows, p->count, absent); break;
    default:
        assert(width == 16);
        gather_word128((word128 *)dst + at, src, p->rows, p->count, absent);
    }
}

/* Copies the long strings' bytes into one block of the arena. */
static hr_status own_strings(struct hr_arena *arena, struct hr_string *strings, uint32_t count,
                             struct hr_err *err)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        if (strings[i].len > HR_STRING_INLINE) bytes += strings[i].len;
    if (bytes == 0) return HR_OK;
    char *to = hr_arena_alloc(arena, bytes);
    if (!to) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        if (strings[i].len <= HR_STRING_INLINE) continue;
        memcpy(to, strings[i].ptr, strings[i].len);
        strings[i].ptr = to;
        to += strings[i].len;
    }
    return HR_OK;
}

/* The child parts of one array part: dense when its rows are a range, else a list of rows. */
static hr_status child_part(struct hr_arena *scratch, const struct hr_part *p, int32_t *offsets,
                            uint32_t at, struct hr_part *ret, struct hr_err *err)
{
    const int32_t *src = p->col->values;
    int64_t end = offsets[at];
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->rows ? p->rows[i] : p->first + i;
        if (row != UINT32_MAX && hr_column_valid(p->col, row))
            end += src[row + 1] - src[row];
        else if (!p->rows)
            end += src[row + 1] - src[row]; /* a range keeps what NULL rows hide */
        if (end > INT32_MAX)
            return HR_RAISE(err, HR_E_LIMIT, "what", "the elements of a batch's arrays", "limit",
                            "2147483647");
        offsets[at + i + 1] = (int32_t)end;
    }
    ret->count = (uint32_t)(end - offsets[at]);
    ret->rows = NULL;
    ret->first = p->count && !p->rows ? (uint32_t)src[p->first] : 0;
    if (!p->rows) return HR_OK;
    uint32_t *rows = hr_arena_alloc(scratch, (ret->count + 1) * sizeof *rows), n = 0;
    if (!rows) return HR_OOM(err);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->rows[i];
        if (row == UINT32_MAX || !hr_column_valid(p->col, row)) continue;
        for (int32_t e = src[row]; e < src[row + 1]; e++) rows[n++] = (uint32_t)e;
    }
    assert(n == ret->count);
    ret->rows = rows;
    return HR_OK;
}

static hr_status gather_lists(struct hr_arena *arena, const struct hr_part *parts,
                              uint32_t part_count, bool deep, struct hr_column *ret,
                              struct hr_err *err)
{
    struct hr_arena scratch;
    hr_arena_init(&scratch, NULL);
    hr_status status = HR_OK;
    assert(ret->type->id == HR_T_ARRAY || ret->type->id == HR_T_MAP);
    int32_t *offsets = (int32_t *)(uintptr_t)ret->values;
    struct hr_part *inner = HR_NEW_ARRAY(&scratch, struct hr_part, part_count + 1);
    if (!inner) HR_TRY_OUT(HR_OOM(err));
    uint32_t at = 0;
    for (uint32_t i = 0; i < part_count; at += parts[i++].count)
        HR_TRY_OUT(child_part(&scratch, &parts[i], offsets, at, &inner[i], err));
    for (uint32_t f = 0; f < ret->type->field_count; f++) {
        for (uint32_t i = 0; i < part_count; i++) inner[i].col = &parts[i].col->children[f];
        HR_TRY_OUT(hr_gather(arena, ret->type->fields[f].type, inner, part_count, deep,
                             &ret->children[f], err));
    }
out:
    hr_arena_done(&scratch);
    return status;
}

static hr_status gather_struct(struct hr_arena *arena, const struct hr_part *parts,
                               uint32_t part_count, bool deep, struct hr_column *ret,
                               struct hr_err *err)
{
    struct hr_part few[8], *inner = few;
    assert(ret->type->id == HR_T_STRUCT && (ret->children || ret->type->field_count == 0));
    if (part_count > HR_COUNT(few)) {
        inner = HR_NEW_ARRAY(arena, struct hr_part, part_count);
        if (!inner) return HR_OOM(err);
    }
    for (uint32_t f = 0; f < ret->type->field_count; f++) {
        for (uint32_t i = 0; i < part_count; i++) {
            inner[i] = parts[i];
            inner[i].col = &parts[i].col->children[f];
        }
        HR_TRY(hr_gather(arena, ret->type->fields[f].type, inner, part_count, deep,
                         &ret->children[f], err));
    }
    return HR_OK;
}

static hr_status gather_values(struct hr_arena *arena, const struct hr_part *parts,
                               uint32_t part_count, bool deep, struct hr_column *ret,
                               struct hr_err *err)
{
    void *values = (void *)(uintptr_t)ret->values;
    enum hr_type_id id = ret->type->id;
    if (id == HR_T_NULL) return HR_OK;
    if (id == HR_T_STRUCT) return gather_struct(arena, parts, part_count, deep, ret, err);
    if (id >= HR_T_ARRAY) return gather_lists(arena, parts, part_count, deep, ret, err);
    size_t width = hr_type_width(ret->type);
    uint32_t at = 0;
    for (uint32_t i = 0; i < part_count; at += parts[i++].count) {
        if (id == HR_T_BOOLEAN)
            gather_bits(values, at, parts[i].col->values, &parts[i]);
        else
            gather_fixed(values, at, width, &parts[i], any_absent(&parts[i]));
    }
    if (deep && hr_type_is_string(ret->type)) return own_strings(arena, values, ret->length, err);
    return HR_OK;
}

hr_status hr_gather(struct hr_arena *arena, const struct hr_type *type, const struct hr_part *parts,
                    uint32_t part_count, bool deep, struct hr_column *ret, struct hr_err *err)
{
    assert(part_count == 0 || parts);
    bool too_many, with_validity = false;
    uint32_t total = total_rows(parts, part_count, &too_many);
    if (too_many)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the rows of a batch", "limit", "2147483647");
    for (uint32_t i = 0; i < part_count && !with_validity; i++)
        with_validity = parts[i].count && (parts[i].col->validity || any_absent(&parts[i]));
    struct hr_column col;
    HR_TRY(hr_column_alloc(arena, type, total, with_validity, &col, err));
    if (with_validity && type->id != HR_T_NULL) {
        uint64_t *validity = (uint64_t *)(uintptr_t)col.validity;
        for (uint32_t i = 0, at = 0; i < part_count; at += parts[i++].count)
            gather_bits(validity, at, parts[i].col->validity, &parts[i]);
    }
    HR_TRY(gather_values(arena, parts, part_count, deep, &col, err));
    assert(col.length == total);
    *ret = col;
    return HR_OK;
}

bool hr_type_has_strings(const struct hr_type *type)
{
    if (hr_type_is_string(type)) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (hr_type_has_strings(type->fields[i].type)) return true;
    return false;
}

hr_status hr_column_take(struct hr_arena *arena, const struct hr_column *src, const uint32_t *rows,
                         uint32_t count, struct hr_column *ret, struct hr_err *err)
{
    assert(count == 0 || rows);
    static const uint32_t none;
    struct hr_part part = {.col = src, .rows = count ? rows : &none, .count = count};
    return hr_gather(arena, src->type, &part, 1, false, ret, err);
}
