/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as bytes (format in table.h). One LONG-like and one STRING column take fast paths that write
 * nothing but the views; other keys are written column by column: lengths first, then null bits
 * and fixed values at fixed places, then the variable values at a cursor per row.
 *
 * Columns are flattened to nodes, depth first: a STRUCT is a node (its null bit) followed by its
 * fields. A field of a NULL struct is NULL.
 */
#include "column/builder.h"
#include "state/table.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_FIXED, NODE_STRING, NODE_NESTED, NODE_STRUCT };
enum codec_kind { CODEC_FIXED, CODEC_STRING, CODEC_GENERAL };

struct node {
    enum node_kind kind;
    const struct hr_type *type;
    uint32_t column;        /* of the key */
    int32_t parent;         /* node of the STRUCT around it, -1 none */
    uint32_t field;         /* in the parent */
    uint32_t width, offset; /* FIXED, BOOL: place behind the null bits */
    uint32_t next;          /* first node that is not below this one */
};

struct hr_key_codec {
    enum codec_kind kind;
    const struct hr_type **types;
    uint32_t column_count;
    struct node *nodes;
    uint32_t node_count;
    uint32_t null_bytes, fixed_bytes; /* null bits; null bits and fixed values */
    bool has_var;
};

/* --- The codec -------------------------------------------------------------------------------- */

static uint32_t count_nodes(const struct hr_type *type)
{
    uint32_t n = 1;
    if (type->id == HR_T_STRUCT)
        for (uint32_t i = 0; i < type->field_count; i++) n += count_nodes(type->fields[i].type);
    return n;
}

static void add_nodes(struct hr_key_codec *codec, const struct hr_type *type, uint32_t column,
                      int32_t parent, uint32_t field)
{
    uint32_t at = codec->node_count++;
    struct node *node = &codec->nodes[at];
    *node = (struct node){.type = type, .column = column, .parent = parent, .field = field};
    switch (type->id) {
    case HR_T_NULL: node->kind = NODE_NULL; break;
    case HR_T_BOOLEAN:
        node->kind = NODE_BOOL;
        node->width = 1;
        break;
    case HR_T_STRING:
    case HR_T_BINARY: node->kind = NODE_STRING; break;
    case HR_T_ARRAY:
    case HR_T_MAP: node->kind = NODE_NESTED; break;
    case HR_T_STRUCT:
        node->kind = NODE_STRUCT;
        for (uint32_t i = 0; i < type->field_count; i++)
            add_nodes(codec, type->fields[i].type, column, (int32_t)at, i);
        break;
    default: node->kind = NODE_FIXED; node->width = (uint32_t)hr_type_width(type);
    }
    codec->nodes[at].next = codec->node_count;
}

hr_status hr_key_codec_new(struct hr_arena *arena, const struct hr_type *const *types,
                           uint32_t count, const struct hr_key_codec **ret, struct hr_err *err)
{
    struct hr_key_codec *codec = HR_NEW(arena, struct hr_key_codec);
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < count; i++) nodes += count_nodes(types[i]);
    if (!codec) return HR_OOM(err);
    codec->types = hr_arena_memdup(arena, types, HR_MAX(count, 1) * sizeof *types);
    codec->nodes = HR_NEW_ARRAY(arena, struct node, HR_MAX(nodes, 1));
    if (!codec->types || !codec->nodes) return HR_OOM(err);
    codec->column_count = count;
    for (uint32_t i = 0; i < count; i++) add_nodes(codec, types[i], i, -1, 0);
    assert(codec->node_count == nodes);
    codec->null_bytes = (nodes + 7) / 8;
    codec->fixed_bytes = codec->null_bytes;
    for (uint32_t i = 0; i < nodes; i++) {
        struct node *node = &codec->nodes[i];
        node->offset = codec->fixed_bytes;
        codec->fixed_bytes += node->width;
        if (node->kind == NODE_STRING || node->kind == NODE_NESTED) codec->has_var = true;
    }
    codec->kind = CODEC_GENERAL;
    if (nodes == 1 && codec->nodes[0].kind == NODE_STRING) codec->kind = CODEC_STRING;
    if (nodes == 1 && codec->nodes[0].kind == NODE_FIXED && codec->nodes[0].width <= 8)
        codec->kind = CODEC_FIXED;
    *ret = codec;
    return HR_OK;
}

/* --- Scratch ---------------------------------------------------------------------------------- */

void hr_keys_done(struct hr_keys *keys)
{
    if (!keys) return;
    hr_free(keys->views);
    hr_free(keys->hashes);
    hr_free(keys->nulls);
    hr_free(keys->bytes);
    hr_free(keys->cursors);
    hr_mem_release(keys->mem, keys->reserved_bytes);
    struct hr_mem *mem = keys->mem;
    *keys = (struct hr_keys){.mem = mem};
}

static hr_status resize(struct hr_keys *keys, void **ptr, size_t bytes, struct hr_err *err)
{
    void *fresh = hr_alloc_aligned(bytes + 64);
    if (!fresh) return HR_OOM(err);
    hr_free(*ptr);
    *ptr = fresh;
    HR_UNUSED(keys);
    return HR_OK;
}

static hr_status ensure_rows(struct hr_keys *keys, uint32_t count, struct hr_err *err)
{
    if (count <= keys->capacity) return HR_OK;
    uint32_t rows = (HR_MAX(count, 64) + 63) & ~63u;
    int64_t each = sizeof(struct hr_string) + sizeof(uint64_t) + sizeof(uint8_t *) + 1;
    int64_t more = each * (rows - keys->capacity);
    HR_TRY(hr_mem_reserve(keys->mem, more, err));
    keys->reserved_bytes += more;
    HR_TRY(resize(keys, (void **)&keys->views, rows * sizeof(struct hr_string), err));
    HR_TRY(resize(keys, (void **)&keys->hashes, rows * sizeof(uint64_t), err));
    HR_TRY(resize(keys, (void **)&keys->cursors, rows * sizeof(uint8_t *), err));
    HR_TRY(resize(keys, (void **)&keys->nulls, rows, err));
    keys->capacity = rows;
    return HR_OK;
}

static hr_status ensure_bytes(struct hr_keys *keys, size_t bytes, struct hr_err *err)
{
    if (bytes <= keys->bytes_capacity) return HR_OK;
    size_t capacity = HR_MAX(keys->bytes_capacity * 2, 4096);
    while (capacity < bytes) capacity *= 2;
    HR_TRY(hr_mem_reserve(keys->mem, (int64_t)(capacity - keys->bytes_capacity), err));
    keys->reserved_bytes += (int64_t)(capacity - keys->bytes_capacity);
    keys->bytes_capacity = capacity;
    hr_status status = resize(keys, (void **)&keys->bytes, capacity, err);
    if (status != HR_OK) {
        hr_free(keys->bytes);
        keys->bytes = NULL;
        hr_mem_release(keys->mem, (int64_t)capacity);
        keys->reserved_bytes -= (int64_t)capacity;
        keys->bytes_capacity = 0;
    }
    return status;
}

/* --- Values ----------------------------------------------------------------------------------- */

HR_INLINE uint32_t canonical_float(uint32_t bits)
{
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc00000u;
    return bits == 0x80000000u ? 0 : bits;
}
HR_INLINE uint64_t canonical_double(uint64_t bits)
{
    if ((bits & 0x7fffffffffffffffull) > 0x7ff0000000000000ull) return 0x7ff8000000000000ull;
    return bits == 0x8000000000000000ull ? 0 : bits;
}

/* Writes one fixed value of a column. id LONG: as it is, also where it is a DOUBLE or FLOAT. */
HR_INLINE void put_fixed(uint8_t *out, const void *values, enum hr_type_id id, uint32_t width,
                         uint32_t row)
{
    const uint8_t *from = (const uint8_t *)values + (size_t)row * width;
    if (id == HR_T_DOUBLE) {
        uint64_t v;
        memcpy(&v, from, 8);
        v = canonical_double(v);
        memcpy(out, &v, 8);
    } else if (id == HR_T_FLOAT) {
        uint32_t v;
        memcpy(&v, from, 4);
        v = canonical_float(v);
        memcpy(out, &v, 4);
    } else {
        memcpy(out, from, width);
    }
}

/* The type whose bytes are written for it: exact values are not made equal. */
HR_INLINE enum hr_type_id fixed_id(const struct hr_type *type, bool exact)
{
    bool is_float = type->id == HR_T_DOUBLE || type->id == HR_T_FLOAT;
    return exact && is_float ? HR_T_LONG : type->id;
}

/* A value inside an array or map, of any type: 1 and the value, or 0 for NULL. out NULL: only the
 * size is wanted. */
static size_t put_nested(const struct hr_column *col, uint32_t row, bool exact, uint8_t *out)
{
    size_t size = 1;
    bool valid = hr_column_valid(col, row) && col->type->id != HR_T_NULL;
    if (out) out[0] = valid;
    if (!valid) return size;
    switch (col->type->id) {
    case HR_T_BOOLEAN:
        if (out) out[1] = hr_bit_get(col->values, row);
        return 2;
    case HR_T_STRING:
    case HR_T_BINARY: {
        const struct hr_string *s = (const struct hr_string *)col->values + row;
        if (out) {
            memcpy(out + 1, &s->len, 4);
            if (s->len) memcpy(out + 5, hr_string_ptr(s), s->len);
        }
        return 5 + (size_t)s->len;
    }
    case HR_T_STRUCT:
        for (uint32_t i = 0; i < col->type->field_count; i++)
            size += put_nested(&col->children[i], row, exact, out ? out + size : NULL);
        return size;
    case HR_T_ARRAY:
    case HR_T_MAP: {
        const int32_t *offsets = (const int32_t *)col->values + row;
        uint32_t n = (uint32_t)(offsets[1] - offsets[0]);
        if (out) memcpy(out + 1, &n, 4);
        size = 5;
        for (int32_t e = offsets[0]; e < offsets[1]; e++)
            for (uint32_t c = 0; c < col->type->field_count; c++)
                size += put_nested(&col->children[c], (uint32_t)e, exact, out ? out + size : NULL);
        return size;
    }
    default: {
        uint32_t width = (uint32_t)hr_type_width(col->type);
        if (out) put_fixed(out + 1, col->values, fixed_id(col->type, exact), width, row);
        return 1 + (size_t)width;
    }
    }
}

/* The column of a node, and whether it is NULL in a row by its own or a parent's validity. */
static const struct hr_column *node_column(const struct hr_key_codec *codec,
                                           const struct hr_vector *vectors, const struct node *node)
{
    if (node->parent < 0) return &vectors[node->column].col;
    return &node_column(codec, vectors, &codec->nodes[node->parent])->children[node->field];
}

static bool node_valid(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                       const struct node *node, uint32_t row)
{
    for (;;) {
        if (!hr_column_valid(node_column(codec, vectors, node), row)) return false;
        if (node->parent < 0) return true;
        node = &codec->nodes[node->parent];
    }
}

/* --- Encoding --------------------------------------------------------------------------------- */

HR_INLINE void set_fixed_view(struct hr_string *view, uint64_t value, uint32_t width)
{
    memset(view, 0, sizeof *view);
    view->len = width;
    memcpy(view->inlined, &value, 8);
}

HR_INLINE void encode_fixed_impl(const struct hr_vector *v, const uint32_t *rows, uint32_t count,
                                 uint32_t width, enum hr_type_id id, struct hr_keys *keys)
{
    const uint64_t *validity = v->col.validity;
    if (!validity && !v->is_const) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t value = 0;
            put_fixed((uint8_t *)&value, v->col.values, id, width, rows ? rows[i] : i);
            set_fixed_view(&keys->views[i], value, width);
        }
        if (count) memset(keys->nulls, 0, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = v->is_const ? 0 : rows ? rows[i] : i;
        uint64_t value = 0;
        put_fixed((uint8_t *)&value, v->col.values, id, width, row);
        bool valid = !validity || hr_bit_get(validity, row);
        set_fixed_view(&keys->views[i], valid ? value : 0, valid ? width : 0);
        keys->nulls[i] = !valid;
    }
}

static void encode_fixed(const struct hr_key_codec *codec, const struct hr_vector *v,
                         const uint32_t *rows, uint32_t count, bool exact, struct hr_keys *keys)
{
    enum hr_type_id id = fixed_id(codec->types[0], exact);
    switch (hr_type_width(codec->types[0])) {
    case 1: encode_fixed_impl(v, rows, count, 1, HR_T_BYTE, keys); return;
    case 2: encode_fixed_impl(v, rows, count, 2, HR_T_SHORT, keys); return;
    case 4:
        if (id == HR_T_FLOAT)
            encode_fixed_impl(v, rows, count, 4, HR_T_FLOAT, keys);
        else
            encode_fixed_impl(v, rows, count, 4, HR_T_INT, keys);
        return;
    default:
        if (id == HR_T_DOUBLE)
            encode_fixed_impl(v, rows, count, 8, HR_T_DOUBLE, keys);
        else
            encode_fixed_impl(v, rows, count, 8, HR_T_LONG, keys);
    }
}

/* Strings are their own keys but for NULL, '' and a leading FF, which no UTF-8 text has. */
static hr_status encode_string(const struct hr_vector *v, const uint32_t *rows, uint32_t count,
                               struct hr_keys *keys, struct hr_err *err)
{
    const struct hr_string *values = v->col.values;
    const uint64_t *validity = v->col.validity;
    size_t escaped = 0;
    uint32_t first = 0;
    if (!validity && !v->is_const) { /* the usual column, as far as it needs no escapes */
        for (; first < count; first++) {
            struct hr_string s = values[rows ? rows[first] : first];
            if (HR_UNLIKELY(s.len == 0 || (uint8_t)s.prefix[0] == 0xff)) break;
            keys->views[first] = s;
        }
        if (first) memset(keys->nulls, 0, first);
    }
    for (uint32_t i = first; i < count; i++) {
        uint32_t row = v->is_const ? 0 : rows ? rows[i] : i;
        bool valid = !validity || hr_bit_get(validity, row);
        struct hr_string s = values[row];
        keys->nulls[i] = !valid;
        if (HR_LIKELY(valid && s.len && (uint8_t)s.prefix[0] != 0xff)) {
            keys->views[i] = s;
            continue;
        }
        memset(&keys->views[i], 0, sizeof(struct hr_string));
        if (valid) escaped += (size_t)s.len + 1;
    }
    if (!escaped) return HR_OK;
    HR_TRY(ensure_bytes(keys, escaped, err));
    uint8_t *out = keys->bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (keys->views[i].len || keys->nulls[i]) continue;
        const struct hr_string *s = &values[v->is_const ? 0 : rows ? rows[i] : i];
        if (s->len == UINT32_MAX) return HR_OOM(err);
        out[0] = 0xff;
        memcpy(out + 1, hr_string_ptr(s), s->len);
        keys->views[i] = hr_string_make((const char *)out, s->len + 1);
        out += s->len + 1;
    }
    return HR_OK;
}

/* Adds the lengths of a node's variable values to lengths[]. */
static void add_lengths(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                        const struct node *node, const uint32_t *rows, uint32_t count,
                        uint64_t *lengths)
{
    const struct hr_column *col = node_column(codec, vectors, node);
    bool is_const = vectors[node->column].is_const;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = is_const ? 0 : rows ? rows[i] : i;
        lengths[i] += 4;
        if (!node_valid(codec, vectors, node, row)) continue;
        if (node->kind == NODE_STRING)
            lengths[i] += ((const struct hr_string *)col->values)[row].len;
        else
            lengths[i] += put_nested(col, row, true, NULL);
    }
}

static void write_node(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                       uint32_t node_index, const uint32_t *rows, bool exact, struct hr_keys *keys)
{
    const struct node *node = &codec->nodes[node_index];
    const struct hr_column *col = node_column(codec, vectors, node);
    bool is_const = vectors[node->column].is_const, nested = node->parent >= 0;
    enum hr_type_id id = fixed_id(node->type, exact);
    uint8_t bit = (uint8_t)(1u << (node_index & 7));
    uint32_t null_at = node_index / 8;
    for (uint32_t i = 0; i < keys->count; i++) {
        uint32_t row = is_const ? 0 : rows ? rows[i] : i;
        uint8_t *out = (uint8_t *)(uintptr_t)keys->hashes[i];
        bool valid = node->kind != NODE_NULL &&
                     (nested ? node_valid(codec, vectors, node, row) : hr_column_valid(col, row));
        if (!valid) {
            out[null_at] |= bit;
            if (!nested) keys->nulls[i] = 1;
        }
        switch (node->kind) {
        case NODE_BOOL: out[node->offset] = valid && hr_bit_get(col->values, row); break;
        case NODE_FIXED:
            if (valid)
                put_fixed(out + node->offset, col->values, id, node->width, row);
            else
                memset(out + node->offset, 0, node->width);
            break;
        case NODE_STRING: {
            const struct hr_string *s = (const struct hr_string *)col->values + row;
            uint32_t len = valid ? s->len : 0;
            memcpy(keys->cursors[i], &len, 4);
            if (len) memcpy(keys->cursors[i] + 4, hr_string_ptr(s), len);
            keys->cursors[i] += 4 + (size_t)len;
            break;
        }
        case NODE_NESTED: {
            uint32_t len = valid ? (uint32_t)put_nested(col, row, exact, keys->cursors[i] + 4) : 0;
            memcpy(keys->cursors[i], &len, 4);
            keys->cursors[i] += 4 + (size_t)len;
            break;
        }
        case NODE_NULL:
        case NODE_STRUCT: break;
        }
    }
}

/* While writing, hashes[] holds each key's address and cursors[] where its next variable value
 * goes. */
static hr_status encode_general(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                                const uint32_t *rows, uint32_t count, bool exact,
                                struct hr_keys *keys, struct hr_err *err)
{
    uint64_t *lengths = keys->hashes;
    for (uint32_t i = 0; i < count; i++) lengths[i] = codec->fixed_bytes;
    for (uint32_t n = 0; n < codec->node_count && codec->has_var; n++) {
        enum node_kind kind = codec->nodes[n].kind;
        if (kind == NODE_STRING || kind == NODE_NESTED)
            add_lengths(codec, vectors, &codec->nodes[n], rows, count, lengths);
    }
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (lengths[i] > HR_KROW_KEY_MAX)
            return HR_RAISE(err, HR_E_LIMIT, "what", "a grouping key", "limit", "256 MiB");
        total += lengths[i];
    }
    HR_TRY(ensure_bytes(keys, total + 8, err));
    uint8_t *out = keys->bytes;
    for (uint32_t i = 0; i < count; i++) {
        size_t len = lengths[i];
        keys->views[i].len = (uint32_t)len;
        keys->hashes[i] = (uint64_t)(uintptr_t)out;
        keys->cursors[i] = out + codec->fixed_bytes;
        memset(out, 0, codec->null_bytes);
        out += len;
    }
    if (count) memset(keys->nulls, 0, count);
    for (uint32_t n = 0; n < codec->node_count; n++)
        write_node(codec, vectors, n, rows, exact, keys);
    for (uint32_t i = 0; i < count; i++)
        keys->views[i] =
            hr_string_make((const char *)(uintptr_t)keys->hashes[i], keys->views[i].len);
    return HR_OK;
}

uint64_t hr_key_hash_long(const void *key, size_t len)
{
    return hr_hash_bytes(key, len);
}

static void hash_keys(struct hr_keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++) keys->hashes[i] = hr_key_hash_view(&keys->views[i]);
}

hr_status hr_keys_encode(const struct hr_key_codec *codec, const struct hr_vector *vectors,
                         const uint32_t *rows, uint32_t count, uint32_t flags, struct hr_keys *keys,
                         struct hr_err *err)
{
    HR_TRY(ensure_rows(keys, count, err));
    keys->count = count;
    if (codec->kind == CODEC_FIXED)
        encode_fixed(codec, &vectors[0], rows, count, flags & HR_KEYS_EXACT, keys);
    else if (codec->kind == CODEC_STRING)
        HR_TRY(encode_string(&vectors[0], rows, count, keys, err));
    else
        HR_TRY(encode_general(codec, vectors, rows, count, flags & HR_KEYS_EXACT, keys, err));
    if (!(flags & HR_KEYS_NO_HASH)) hash_keys(keys);
    return HR_OK;
}

/* --- Decoding --------------------------------------------------------------------------------- */

struct decoder {
    const struct hr_key_codec *codec;
    const struct hr_str_view *keys;
    uint32_t count;
    const uint8_t **cursors;
    struct hr_arena *arena;
};

static hr_status copy_string(struct hr_arena *arena, const uint8_t *ptr, uint32_t len,
                             struct hr_string *ret, struct hr_err *err)
{
    if (len > HR_STRING_INLINE) {
        char *copy = hr_arena_memdup(arena, ptr, len);
        if (!copy) return HR_OOM(err);
        ptr = (const uint8_t *)copy;
    }
    *ret = hr_string_make((const char *)ptr, len);
    return HR_OK;
}

static hr_status decode_single(struct decoder *d, struct hr_column *ret, struct hr_err *err)
{
    const struct hr_type *type = d->codec->types[0];
    bool any_null = false;
    for (uint32_t i = 0; i < d->count; i++) any_null |= d->keys[i].len == 0;
    struct hr_column col;
    HR_TRY(hr_column_alloc(d->arena, type, d->count, any_null, &col, err));
    uint32_t width = d->codec->kind == CODEC_STRING ? (uint32_t)sizeof(struct hr_string)
                                                    : (uint32_t)hr_type_width(type);
    for (uint32_t i = 0; i < d->count; i++) {
        const uint8_t *ptr = (const uint8_t *)d->keys[i].ptr;
        uint32_t len = (uint32_t)d->keys[i].len;
        uint8_t *out = (uint8_t *)(uintptr_t)col.values + (size_t)i * width;
        if (len == 0) {
            hr_bit_clear((uint64_t *)(uintptr_t)col.validity, i);
            memset(out, 0, width);
        } else if (d->codec->kind == CODEC_FIXED) {
            if (len != width) return HR_BUG(err, "a key of %u bytes, expected %u", len, width);
            memcpy(out, ptr, width);
        } else {
            if (ptr[0] == 0xff) ptr++, len--;
            HR_TRY(copy_string(d->arena, ptr, len, (struct hr_string *)(void *)out, err));
        }
    }
    *ret = col;
    return HR_OK;
}

static hr_status damaged(struct hr_err *err)
{
    return HR_BUG(err, "a key that its types do not describe");
}

/* The inverse of put_nested. */
static hr_status get_nested(struct hr_builder *b, const struct hr_type *type, struct hr_reader *in,
                            struct hr_err *err)
{
    if (hr_get_u8(in) == 0) {
        hr_builder_null(b);
        return in->failed ? damaged(err) : HR_OK;
    }
    uint32_t n;
    switch (type->id) {
    case HR_T_BOOLEAN: hr_builder_bool(b, hr_get_u8(in) != 0); break;
    case HR_T_STRING:
    case HR_T_BINARY:
        n = hr_get_u32(in);
        if (in->failed || n > (size_t)(in->end - in->pos)) return damaged(err);
        hr_builder_str(b, hr_svn((const char *)in->pos, n));
        in->pos += n;
        break;
    case HR_T_STRUCT:
        for (uint32_t i = 0; i < type->field_count; i++)
            HR_TRY(get_nested(hr_builder_child(b, i), type->fields[i].type, in, err));
        hr_builder_close(b);
        break;
    case HR_T_ARRAY:
    case HR_T_MAP:
        n = hr_get_u32(in);
        for (uint32_t e = 0; e < n && !in->failed; e++)
            for (uint32_t c = 0; c < type->field_count; c++)
                HR_TRY(get_nested(hr_builder_child(b, c), type->fields[c].type, in, err));
        hr_builder_close(b);
        break;
    default: {
        uint32_t width = (uint32_t)hr_type_width(type);
        int64_t v = 0;
        hr_i128 wide = 0;
        if (width > (size_t)(in->end - in->pos)) return damaged(err);
        memcpy(&wide, in->pos, width);
        in->pos += width;
        v = (int64_t)wide;
        if (width < 8) v = (int64_t)((uint64_t)v << (64 - 8 * width)) >> (64 - 8 * width);
        if (type->id == HR_T_DECIMAL) {
            hr_builder_decimal(b, wide);
        } else if (type->id == HR_T_DOUBLE || type->id == HR_T_FLOAT) {
            double f64;
            float f32;
            memcpy(&f64, &wide, 8);
            memcpy(&f32, &wide, 4);
            hr_builder_f64(b, type->id == HR_T_DOUBLE ? f64 : (double)f32);
        } else {
            hr_builder_i64(b, v);
        }
    }
    }
    return in->failed ? damaged(err) : HR_OK;
}

/* Takes the next variable value of row i off its key. */
static hr_status next_var(struct decoder *d, uint32_t i, struct hr_str_view *ret,
                          struct hr_err *err)
{
    const uint8_t *end = (const uint8_t *)d->keys[i].ptr + d->keys[i].len;
    uint32_t len;
    if ((size_t)(end - d->cursors[i]) < 4) return damaged(err);
    memcpy(&len, d->cursors[i], 4);
    if (len > (size_t)(end - d->cursors[i]) - 4) return damaged(err);
    *ret = hr_svn((const char *)d->cursors[i] + 4, len);
    d->cursors[i] += 4 + (size_t)len;
    return HR_OK;
}

static hr_status decode_arrays(struct decoder *d, uint32_t node_index, struct hr_column *ret,
                               struct hr_err *err)
{
    const struct hr_type *type = d->codec->nodes[node_index].type;
    struct hr_builder *b = hr_builder_new(d->arena, type, d->count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < d->count; i++) {
        struct hr_str_view bytes;
        HR_TRY(next_var(d, i, &bytes, err));
        struct hr_reader in = hr_reader(bytes.ptr, bytes.len);
        if (bytes.len == 0)
            hr_builder_null(b);
        else
            HR_TRY(get_nested(b, type, &in, err));
    }
    return hr_builder_finish(b, ret, err);
}

HR_INLINE bool key_null(const struct decoder *d, uint32_t i, uint32_t node_index)
{
    return (d->keys[i].ptr[node_index / 8] >> (node_index & 7)) & 1;
}

static hr_status decode_values(struct decoder *d, const struct node *node, struct hr_column *col,
                               struct hr_err *err)
{
    uint8_t *values = (uint8_t *)(uintptr_t)col->values;
    for (uint32_t i = 0; i < d->count; i++) {
        const char *key = d->keys[i].ptr;
        if (node->kind == NODE_BOOL) {
            hr_bit_put((uint64_t *)(void *)values, i, key[node->offset] != 0);
        } else if (node->kind == NODE_FIXED) {
            memcpy(values + (size_t)i * node->width, key + node->offset, node->width);
        } else if (node->kind == NODE_STRING) {
            struct hr_str_view s;
            HR_TRY(next_var(d, i, &s, err));
            HR_TRY(copy_string(d->arena, (const uint8_t *)s.ptr, (uint32_t)s.len,
                               (struct hr_string *)(void *)values + i, err));
        }
    }
    return HR_OK;
}

/* Nodes are decoded in their order, which is the order of the variable values. */
static hr_status decode_node(struct decoder *d, uint32_t node_index, struct hr_column *ret,
                             struct hr_err *err)
{
    const struct node *node = &d->codec->nodes[node_index];
    if (node->kind == NODE_NESTED) return decode_arrays(d, node_index, ret, err);
    if (node->kind == NODE_NULL) return hr_column_nulls(d->arena, node->type, d->count, ret, err);
    bool any_null = false;
    for (uint32_t i = 0; i < d->count; i++) any_null |= key_null(d, i, node_index);
    struct hr_column col;
    HR_TRY(hr_column_alloc(d->arena, node->type, d->count, any_null, &col, err));
    for (uint32_t i = 0; i < d->count && any_null; i++)
        if (key_null(d, i, node_index)) hr_bit_clear((uint64_t *)(uintptr_t)col.validity, i);
    if (node->kind == NODE_STRUCT) {
        if (!col.children && node->type->field_count)
            col.children = HR_NEW_ARRAY(d->arena, struct hr_column, node->type->field_count);
        if (!col.children && node->type->field_count) return HR_OOM(err);
        uint32_t child = node_index + 1;
        for (uint32_t f = 0; f < node->type->field_count; f++) {
            HR_TRY(decode_node(d, child, &col.children[f], err));
            child = d->codec->nodes[child].next;
        }
    } else {
        HR_TRY(decode_values(d, node, &col, err));
    }
    *ret = col;
    return HR_OK;
}

hr_status hr_keys_decode(const struct hr_key_codec *codec, const struct hr_str_view *keys,
                         uint32_t count, struct hr_arena *arena, struct hr_column *ret_columns,
                         struct hr_err *err)
{
    struct decoder d = {.codec = codec, .keys = keys, .count = count, .arena = arena};
    if (codec->kind != CODEC_GENERAL) return decode_single(&d, &ret_columns[0], err);
    for (uint32_t i = 0; i < count; i++)
        if (keys[i].len < codec->fixed_bytes) return damaged(err);
    if (codec->has_var) {
        d.cursors = hr_alloc(HR_MAX(count, 1) * sizeof *d.cursors);
        if (!d.cursors) return HR_OOM(err);
        for (uint32_t i = 0; i < count; i++)
            d.cursors[i] = (const uint8_t *)keys[i].ptr + codec->fixed_bytes;
    }
    hr_status status = HR_OK;
    for (uint32_t n = 0; n < codec->node_count && status == HR_OK; n = codec->nodes[n].next)
        status = decode_node(&d, n, &ret_columns[codec->nodes[n].column], err);
    hr_free(d.cursors);
    return status;
}
