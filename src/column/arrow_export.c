/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export. Every node of the tree holds a reference on one shared context (its memory and the
 * batch), because the consumer may move any child out and keep it longer than its parent.
 */
#include <stdio.h>

#include "column/arrow.h"
#include "column/batch_private.h"

struct context {
    _Atomic uint32_t refs;
    struct hr_batch *batch; /* NULL for schemas */
    struct hr_arena arena;
    uint32_t flags;
    /* held buffers that long strings may point into */
    struct hr_buffer *buffers[HR_BATCH_BUFFERS_MAX];
    uint32_t buffer_count;
};

static struct context *new_context(uint32_t flags)
{
    struct context *ctx = hr_zalloc(sizeof *ctx);
    if (!ctx) return NULL;
    atomic_init(&ctx->refs, 1);
    ctx->flags = flags;
    return ctx;
}

static void unref(struct context *ctx)
{
    assert(atomic_load(&ctx->refs) > 0);
    if (atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) > 1) return;
    hr_arena_done(&ctx->arena);
    hr_batch_unref(ctx->batch);
    hr_free(ctx);
}

static struct context *ref(struct context *ctx)
{
    assert(atomic_load(&ctx->refs) > 0);
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

/* Types --------------------------------------------------------------------------------------- */

static void release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release) schema->children[i]->release(schema->children[i]);
    schema->release = NULL;
    unref(schema->private_data);
}

static const char *format_of(struct context *ctx, const struct hr_type *type)
{
    if (type->id == HR_T_DECIMAL)
        return hr_arena_printf(&ctx->arena, "d:%d,%d", type->precision, type->scale);
    if (ctx->flags & HR_ARROW_PLAIN_STRINGS && hr_type_is_string(type))
        return type->id == HR_T_STRING ? "u" : "z";
    return hr_type_info[type->id].arrow_format;
}

static bool schema_node(struct context *ctx, const struct hr_type *type, const char *name,
                        bool nullable, struct ArrowSchema *ret);

/* n children allocated; each zeroed, so that a half-built tree can be released. */
static bool schema_children(struct context *ctx, struct ArrowSchema *node, uint32_t n)
{
    node->children = HR_NEW_ARRAY(&ctx->arena, struct ArrowSchema *, n + 1);
    if (!node->children) return false;
    for (uint32_t i = 0; i < n; i++) {
        node->children[i] = HR_NEW(&ctx->arena, struct ArrowSchema);
        if (!node->children[i]) return false;
        node->n_children = i + 1;
    }
    return true;
}

/* A map's only child: struct "entries" of key and value. */
static bool map_entries(struct context *ctx, const struct hr_type *map, struct ArrowSchema *ret)
{
    *ret = (struct ArrowSchema){
        .format = "+s", .name = "entries", .release = release_schema, .private_data = ref(ctx)};
    if (!schema_children(ctx, ret, 2)) return false;
    for (uint32_t i = 0; i < 2; i++) {
        const struct hr_field *f = &map->fields[i];
        if (!schema_node(ctx, f->type, f->name, f->nullable, ret->children[i])) return false;
    }
    return true;
}

static bool schema_node(struct context *ctx, const struct hr_type *type, const char *name,
                        bool nullable, struct ArrowSchema *ret)
{
    *ret = (struct ArrowSchema){.flags = nullable ? ARROW_FLAG_NULLABLE : 0,
                                .release = release_schema,
                                .private_data = ref(ctx)};
    ret->format = format_of(ctx, type);
    ret->name = hr_arena_strdup(&ctx->arena, name);
    if (!ret->format || !ret->name) return false;
    if (type->id == HR_T_MAP)
        return schema_children(ctx, ret, 1) && map_entries(ctx, type, ret->children[0]);
    if (type->field_count && !schema_children(ctx, ret, type->field_count)) return false;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct hr_field *f = &type->fields[i];
        if (!schema_node(ctx, f->type, f->name, f->nullable, ret->children[i])) return false;
    }
    return true;
}

hr_status hr_arrow_export_type(const struct hr_type *type, const char *name, bool nullable,
                               uint32_t flags, struct ArrowSchema *ret, struct hr_err *err)
{
    struct context *ctx = new_context(flags);
    if (!ctx) return HR_OOM(err);
    struct ArrowSchema root;
    bool ok = schema_node(ctx, type, name ? name : "", nullable, &root);
    if (ok)
        *ret = root;
    else
        root.release(&root);
    unref(ctx);
    return ok ? HR_OK : HR_OOM(err);
}

/* Arrays -------------------------------------------------------------------------------------- */

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release) array->children[i]->release(array->children[i]);
    array->release = NULL;
    unref(array->private_data);
}

static bool start_array(struct context *ctx, int64_t length, int64_t buffers, int64_t children,
                        struct ArrowArray *ret)
{
    assert(length >= 0 && buffers >= 0 && children >= 0);
    *ret =
        (struct ArrowArray){.length = length, .release = release_array, .private_data = ref(ctx)};
    ret->buffers = HR_NEW_ARRAY(&ctx->arena, const void *, buffers + 1);
    ret->children = HR_NEW_ARRAY(&ctx->arena, struct ArrowArray *, children + 1);
    if (!ret->buffers || !ret->children) return false;
    ret->n_buffers = buffers;
    for (int64_t i = 0; i < children; i++) {
        ret->children[i] = HR_NEW(&ctx->arena, struct ArrowArray);
        if (!ret->children[i]) return false;
        ret->n_children = i + 1;
    }
    return true;
}

/* Arrow's view of more than 12 bytes. */
struct arrow_view {
    int32_t len;
    char prefix[4];
    int32_t buffer, offset;
};
static_assert(sizeof(struct arrow_view) == 16, "as in the specification");

static int32_t find_buffer(const struct context *ctx, const struct hr_string *s)
{
    for (uint32_t i = 0; i < ctx->buffer_count; i++) {
        const struct hr_buffer *b = ctx->buffers[i];
        uintptr_t from = (uintptr_t)b->data, at = (uintptr_t)s->ptr;
        if (at >= from && at - from <= b->size && s->len <= b->size - (at - from) &&
            b->size <= INT32_MAX)
            return (int32_t)i;
    }
    return -1;
}

/* Bytes that lie in none of the held buffers and must be copied. */
static size_t homeless_bytes(const struct context *ctx, const struct hr_column *col)
{
    assert(hr_type_is_string(col->type));
    const struct hr_string *s = col->values;
    size_t bytes = 0;
    for (uint32_t i = 0; i < col->length; i++)
        if (s[i].len > HR_STRING_INLINE && hr_column_valid(col, i) && find_buffer(ctx, &s[i]) < 0)
            bytes += s[i].len;
    return bytes;
}

static hr_status export_views(struct context *ctx, const struct hr_column *col,
                              struct ArrowArray *ret, struct hr_err *err)
{
    assert(hr_type_is_string(col->type));
    const struct hr_string *s = col->values;
    size_t own = homeless_bytes(ctx, col);
    if (own > INT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "a column's strings", "limit", "2147483647 bytes");
    uint32_t variadic = ctx->buffer_count + (own > 0);
    if (!start_array(ctx, col->length, 3 + (int64_t)variadic, 0, ret)) return HR_OOM(err);
    struct arrow_view *views =
        hr_arena_alloc_aligned(&ctx->arena, HR_MAX(col->length, 1) * sizeof *views);
    int64_t *sizes = HR_NEW_ARRAY(&ctx->arena, int64_t, variadic + 1);
    char *copies = own ? hr_arena_alloc(&ctx->arena, own) : NULL;
    if (!views || !sizes || (own && !copies)) return HR_OOM(err);
    int32_t used = 0;
    for (uint32_t i = 0; i < col->length; i++) {
        if (s[i].len <= HR_STRING_INLINE || !hr_column_valid(col, i)) {
            if (s[i].len <= HR_STRING_INLINE)
                memcpy(&views[i], &s[i], 16);
            else
                memset(&views[i], 0, 16);
            continue;
        }
        int32_t buffer = find_buffer(ctx, &s[i]), offset = used;
        if (buffer >= 0) {
            offset = (int32_t)(s[i].ptr - ctx->buffers[buffer]->data);
        } else {
            buffer = (int32_t)ctx->buffer_count;
            memcpy(copies + used, s[i].ptr, s[i].len);
            used += (int32_t)s[i].len;
        }
        views[i] =
            (struct arrow_view){.len = (int32_t)s[i].len, .buffer = buffer, .offset = offset};
        memcpy(views[i].prefix, s[i].prefix, 4);
    }
    ret->buffers[1] = views;
    for (uint32_t i = 0; i < ctx->buffer_count; i++) {
        ret->buffers[2 + i] = ctx->buffers[i]->data;
        sizes[i] = (int64_t)ctx->buffers[i]->size;
    }
    if (own) {
        ret->buffers[2 + ctx->buffer_count] = copies;
        sizes[ctx->buffer_count] = (int64_t)own;
    }
    ret->buffers[2 + variadic] = sizes;
    return HR_OK;
}

static hr_status export_plain(struct context *ctx, const struct hr_column *col,
                              struct ArrowArray *ret, struct hr_err *err)
{
    const struct hr_string *s = col->values;
    if (!start_array(ctx, col->length, 3, 0, ret)) return HR_OOM(err);
    uint64_t total = 0;
    for (uint32_t i = 0; i < col->length; i++) total += hr_column_valid(col, i) ? s[i].len : 0;
    if (total > INT32_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "a column's strings", "limit", "2147483647 bytes");
    int32_t *offsets = hr_arena_alloc_aligned(&ctx->arena, ((size_t)col->length + 1) * 4);
    char *bytes = hr_arena_alloc_aligned(&ctx->arena, HR_MAX(total, 1));
    if (!offsets || !bytes) return HR_OOM(err);
    int32_t at = 0;
    for (uint32_t i = 0; i < col->length; i++) {
        offsets[i] = at;
        if (!hr_column_valid(col, i) || s[i].len == 0) continue;
        memcpy(bytes + at, hr_string_ptr(&s[i]), s[i].len);
        at += (int32_t)s[i].len;
    }
    offsets[col->length] = at;
    ret->buffers[1] = offsets;
    ret->buffers[2] = bytes;
    return HR_OK;
}

static hr_status export_column(struct context *ctx, const struct hr_column *col,
                               struct ArrowArray *ret, struct hr_err *err);

static hr_status export_map(struct context *ctx, const struct hr_column *col,
                            struct ArrowArray *ret, struct hr_err *err)
{
    assert(col->type->id == HR_T_MAP && col->type->field_count == 2);
    if (!start_array(ctx, col->length, 2, 1, ret)) return HR_OOM(err);
    ret->buffers[1] = col->values;
    struct ArrowArray *entries = ret->children[0];
    if (!start_array(ctx, col->children[0].length, 1, 2, entries)) return HR_OOM(err);
    for (uint32_t i = 0; i < 2; i++)
        HR_TRY(export_column(ctx, &col->children[i], entries->children[i], err));
    return HR_OK;
}

static hr_status export_values(struct context *ctx, const struct hr_column *col,
                               struct ArrowArray *ret, struct hr_err *err)
{
    const struct hr_type *type = col->type;
    if (type->id == HR_T_MAP) return export_map(ctx, col, ret, err);
    if (hr_type_is_string(type))
        return ctx->flags & HR_ARROW_PLAIN_STRINGS ? export_plain(ctx, col, ret, err)
                                                   : export_views(ctx, col, ret, err);
    int64_t buffers = type->id == HR_T_NULL ? 0 : type->id == HR_T_STRUCT ? 1 : 2;
    if (!start_array(ctx, col->length, buffers, type->field_count, ret)) return HR_OOM(err);
    if (buffers == 2) ret->buffers[1] = col->values;
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(export_column(ctx, &col->children[i], ret->children[i], err));
    return HR_OK;
}

static hr_status export_column(struct context *ctx, const struct hr_column *col,
                               struct ArrowArray *ret, struct hr_err *err)
{
    HR_TRY(export_values(ctx, col, ret, err));
    ret->null_count = hr_column_null_count(col);
    if (ret->n_buffers > 0) ret->buffers[0] = col->validity;
    return HR_OK;
}

static hr_status export_root(struct context *ctx, struct ArrowArray *ret, struct hr_err *err)
{
    const struct hr_batch *batch = ctx->batch;
    uint32_t columns = batch->schema->field_count;
    if (!start_array(ctx, batch->row_count, 1, columns, ret)) return HR_OOM(err);
    for (uint32_t i = 0; i < columns; i++)
        HR_TRY(export_column(ctx, &batch->columns[i], ret->children[i], err));
    return HR_OK;
}

hr_status hr_arrow_export_batch(struct hr_batch *batch, uint32_t flags, struct ArrowArray *ret,
                                struct hr_err *err)
{
    struct context *ctx = new_context(flags);
    if (!ctx) return HR_OOM(err);
    struct ArrowArray root = {.release = NULL};
    hr_status status = HR_OK;
    ctx->batch = hr_batch_compact(batch, false);
    if (!ctx->batch) HR_TRY_OUT(HR_OOM(err));
    ctx->buffer_count = hr_batch_buffers(ctx->batch, ctx->buffers, HR_BATCH_BUFFERS_MAX);
    HR_TRY_OUT(export_root(ctx, &root, err));
    *ret = root;
out:
    if (status != HR_OK && root.release) root.release(&root);
    unref(ctx);
    return status;
}
