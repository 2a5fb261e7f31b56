/* SPDX-License-Identifier: Apache-2.0 */
/* Thrift's compact protocol by tables: reading within bounds, and writing. */
#include "format/parquet/thrift.h"

#define DEPTH_MAX 64

/* Types on the wire. */
enum {
    T_STOP,
    T_TRUE,
    T_FALSE,
    T_I8,
    T_I16,
    T_I32,
    T_I64,
    T_DOUBLE,
    T_BINARY,
    T_LIST,
    T_SET,
    T_MAP,
    T_STRUCT
};

static uint8_t get_u8(struct pq_thrift *t)
{
    if (HR_UNLIKELY(t->pos >= t->end)) {
        t->cut = t->failed = true;
        return 0;
    }
    return *t->pos++;
}

static uint64_t get_varint(struct pq_thrift *t)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        uint8_t b = get_u8(t);
        if (t->failed) return 0;
        v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
        if (!(b & 0x80)) return v;
    }
    t->failed = true;
    return 0;
}

static int64_t get_zigzag(struct pq_thrift *t)
{
    uint64_t v = get_varint(t);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static struct hr_str_view get_binary(struct pq_thrift *t)
{
    uint64_t len = get_varint(t);
    if (t->failed) return hr_svn(NULL, 0);
    if (len > (size_t)(t->end - t->pos)) {
        t->cut = t->failed = true;
        return hr_svn(NULL, 0);
    }
    const char *ptr = (const char *)t->pos;
    t->pos += len;
    return hr_svn(ptr, (size_t)len);
}

/* Every item takes a byte at least. */
static uint32_t get_count(struct pq_thrift *t, uint8_t *ret_type)
{
    uint8_t head = get_u8(t);
    uint64_t count = head >> 4 == 15 ? get_varint(t) : head >> 4;
    *ret_type = head & 15;
    if (!t->failed && count > (size_t)(t->end - t->pos)) t->cut = t->failed = true;
    return t->failed ? 0 : (uint32_t)HR_MIN(count, (uint64_t)UINT32_MAX);
}

/* The head of the next member: its type, T_STOP behind the last. */
static uint8_t get_head(struct pq_thrift *t, int16_t *id)
{
    uint8_t head = get_u8(t);
    if (t->failed || (head & 15) == T_STOP) return T_STOP;
    *id = (int16_t)(head >> 4 ? *id + (head >> 4) : get_zigzag(t));
    return head & 15;
}

static void skip(struct pq_thrift *t, uint8_t type, bool in_list, int depth);

static void skip_struct(struct pq_thrift *t, int depth)
{
    int16_t id = 0;
    for (uint8_t type; (type = get_head(t, &id)) != T_STOP && !t->failed;)
        skip(t, type, false, depth + 1);
}

static void skip_map(struct pq_thrift *t, int depth)
{
    uint64_t count = get_varint(t);
    uint8_t types = count && !t->failed ? get_u8(t) : 0;
    for (uint64_t i = 0; i < count && !t->failed; i++) {
        skip(t, types >> 4, true, depth + 1);
        skip(t, types & 15, true, depth + 1);
    }
}

static void skip(struct pq_thrift *t, uint8_t type, bool in_list, int depth)
{
    uint8_t item;
    if (depth > DEPTH_MAX) t->failed = true;
    if (t->failed) return;
    switch (type) {
    case T_TRUE:
    case T_FALSE:
        if (in_list) get_u8(t);
        break;
    case T_I8: get_u8(t); break;
    case T_I16:
    case T_I32:
    case T_I64: get_varint(t); break;
    case T_DOUBLE:
        if (t->end - t->pos < 8)
            t->cut = t->failed = true;
        else
            t->pos += 8;
        break;
    case T_BINARY: get_binary(t); break;
    case T_LIST:
    case T_SET:
        for (uint32_t n = get_count(t, &item); n && !t->failed; n--) skip(t, item, true, depth + 1);
        break;
    case T_MAP: skip_map(t, depth); break;
    case T_STRUCT: skip_struct(t, depth); break;
    default: t->failed = true;
    }
}

static size_t item_size(const struct pq_member *m)
{
    if (m->item == PQ_STRUCT) return m->sub->size;
    if (m->item == PQ_BINARY) return sizeof(struct hr_str_view);
    return m->item == PQ_I64 ? 8 : 4;
}

void pq_thrift_clear(const struct pq_spec *spec, void *to)
{
    memset(to, 0, spec->size);
    for (uint32_t i = 0; i < spec->count; i++) {
        char *at = (char *)to + spec->members[i].offset;
        if (spec->members[i].kind <= PQ_I32) *(int32_t *)(void *)at = PQ_NONE;
        if (spec->members[i].kind == PQ_I64) *(int64_t *)(void *)at = PQ_NONE64;
    }
}

static void read_struct(struct pq_thrift *t, const struct pq_spec *spec, void *to, int depth);

/* A value of the kind, whose type on the wire is type. in_list: a bool has a byte of its own. */
static void read_value(struct pq_thrift *t, uint8_t kind, const struct pq_spec *sub, uint8_t type,
                       bool in_list, void *to, int depth)
{
    int64_t v;
    switch ((enum pq_kind)kind) {
    case PQ_BOOL:
        if (type != T_TRUE && type != T_FALSE) break;
        *(int32_t *)to = in_list ? get_u8(t) == T_TRUE : type == T_TRUE;
        return;
    case PQ_I8:
    case PQ_I16:
    case PQ_I32:
    case PQ_I64:
        if (type < T_I8 || type > T_I64) break;
        v = type == T_I8 ? (int8_t)get_u8(t) : get_zigzag(t);
        if (kind == PQ_I64)
            *(int64_t *)to = v;
        else if (v >= INT32_MIN && v <= INT32_MAX)
            *(int32_t *)to = (int32_t)v;
        else
            break;
        return;
    case PQ_BINARY:
        if (type != T_BINARY) break;
        *(struct hr_str_view *)to = get_binary(t);
        return;
    case PQ_STRUCT:
        if (type != T_STRUCT) break;
        read_struct(t, sub, to, depth + 1);
        return;
    case PQ_LIST_OF: break;
    }
    t->failed = true;
}

static void read_list(struct pq_thrift *t, const struct pq_member *m, void *to, int depth)
{
    PQ_LIST(char) *list = to;
    uint8_t type;
    uint32_t count = get_count(t, &type);
    size_t size = item_size(m);
    if (t->failed) return;
    list->items = hr_arena_zalloc(t->arena, size * count + 1);
    if (!list->items) {
        t->failed = t->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count && !t->failed; i++)
        read_value(t, m->item, m->sub, type, true, list->items + size * i, depth);
    list->count = count;
}

static void read_member(struct pq_thrift *t, const struct pq_member *m, uint8_t type, void *to,
                        int depth)
{
    if (m->kind == PQ_LIST_OF) {
        if (type != T_LIST && type != T_SET)
            t->failed = true;
        else
            read_list(t, m, to, depth);
        return;
    }
    if (m->kind == PQ_STRUCT) {
        void *sub = hr_arena_zalloc(t->arena, m->sub->size);
        if (!sub) t->failed = t->no_memory = true;
        if (!sub) return;
        *(void **)to = sub;
        to = sub;
    }
    read_value(t, m->kind, m->sub, type, false, to, depth);
}

static void read_struct(struct pq_thrift *t, const struct pq_spec *spec, void *to, int depth)
{
    int16_t id = 0;
    if (depth > DEPTH_MAX) t->failed = true;
    pq_thrift_clear(spec, to);
    while (!t->failed) {
        uint8_t type = get_head(t, &id);
        if (type == T_STOP || t->failed) return;
        const struct pq_member *m = NULL;
        for (uint32_t i = 0; i < spec->count && !m; i++)
            if (spec->members[i].id == id) m = &spec->members[i];
        if (m)
            read_member(t, m, type, (char *)to + m->offset, depth);
        else
            skip(t, type, false, depth);
    }
}

bool pq_thrift_read(struct pq_thrift *t, const struct pq_spec *spec, void *to)
{
    read_struct(t, spec, to, 0);
    return !t->failed;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void put_zigzag(struct hr_buf *out, int64_t v)
{
    hr_buf_put_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static bool is_there(const struct pq_member *m, const char *at)
{
    switch ((enum pq_kind)m->kind) {
    case PQ_I64: return *(const int64_t *)(const void *)at != PQ_NONE64;
    case PQ_BINARY: return ((const struct hr_str_view *)(const void *)at)->ptr != NULL;
    case PQ_STRUCT:
    case PQ_LIST_OF: return *(void *const *)(const void *)at != NULL;
    default: return *(const int32_t *)(const void *)at != PQ_NONE;
    }
}

static uint8_t wire_type(uint8_t kind)
{
    static const uint8_t types[] = {
        [PQ_BOOL] = T_TRUE, [PQ_I8] = T_I8,         [PQ_I16] = T_I16,       [PQ_I32] = T_I32,
        [PQ_I64] = T_I64,   [PQ_BINARY] = T_BINARY, [PQ_STRUCT] = T_STRUCT, [PQ_LIST_OF] = T_LIST};
    return types[kind];
}

/* at: the value itself, of a struct its first byte. */
static void put_value(uint8_t kind, const struct pq_spec *sub, const char *at, struct hr_buf *out)
{
    switch ((enum pq_kind)kind) {
    case PQ_BOOL: hr_buf_put_u8(out, *(const int32_t *)(const void *)at ? T_TRUE : T_FALSE); break;
    case PQ_I8: hr_buf_put_u8(out, (uint8_t) * (const int32_t *)(const void *)at); break;
    case PQ_I16:
    case PQ_I32: put_zigzag(out, *(const int32_t *)(const void *)at); break;
    case PQ_I64: put_zigzag(out, *(const int64_t *)(const void *)at); break;
    case PQ_BINARY: {
        const struct hr_str_view *v = (const void *)at;
        hr_buf_put_bytes(out, v->ptr, v->len);
        break;
    }
    case PQ_STRUCT: pq_thrift_write(sub, at, out); break;
    case PQ_LIST_OF: break;
    }
}

static void put_list(const struct pq_member *m, const char *at, struct hr_buf *out)
{
    const PQ_LIST(char) *list = (const void *)at;
    if (list->count < 15) {
        hr_buf_put_u8(out, (uint8_t)(list->count << 4 | wire_type(m->item)));
    } else {
        hr_buf_put_u8(out, (uint8_t)(0xf0 | wire_type(m->item)));
        hr_buf_put_varint(out, list->count);
    }
    for (uint32_t i = 0; i < list->count; i++)
        put_value(m->item, m->sub, list->items + item_size(m) * i, out);
}

void pq_thrift_write(const struct pq_spec *spec, const void *from, struct hr_buf *out)
{
    int16_t last = 0;
    for (uint32_t i = 0; i < spec->count; i++) {
        const struct pq_member *m = &spec->members[i];
        const char *at = (const char *)from + m->offset;
        if (!is_there(m, at)) continue;
        uint8_t type = wire_type(m->kind);
        if (m->kind == PQ_BOOL && !*(const int32_t *)(const void *)at) type = T_FALSE;
        assert(m->id > last && m->id - last < 16);
        hr_buf_put_u8(out, (uint8_t)((m->id - last) << 4 | type));
        last = m->id;
        if (m->kind == PQ_BOOL) continue;
        if (m->kind == PQ_LIST_OF)
            put_list(m, at, out);
        else
            put_value(m->kind, m->sub, m->kind == PQ_STRUCT ? *(char *const *)(const void *)at : at,
                      out);
    }
    hr_buf_put_u8(out, T_STOP);
}
