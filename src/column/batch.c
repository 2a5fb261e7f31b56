/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: reference counts, and the cheap ways to make one batch from another.
 *
 * A batch is one malloc (the struct, room for two holds, the columns), and its arena another. A
 * filter or a projection shares the columns of its input and holds it; holds of holds make a chain
 * as long as the pipeline, dropped from the end without recursion into deep stacks (a chain is
 * unwound batch by batch).
 */
#include "column/batch_private.h"
#include "column/gather.h"

struct hr_batch_hold {
    struct hr_batch_hold *next;
    struct hr_batch *batch; /* one of these two */
    struct hr_buffer *buffer;
};

#define OWN_HOLDS 2

struct own_batch {
    struct hr_batch base;
    struct hr_batch_hold holds[OWN_HOLDS];
    uint32_t holds_used;
    struct hr_column columns[];
};

/* Buffers ------------------------------------------------------------------------------------- */

#define BUFFER_SLACK 64

struct hr_buffer *hr_buffer_new(size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    struct hr_buffer *buffer = hr_alloc(sizeof *buffer + size + BUFFER_SLACK);
    if (!buffer) return NULL;
    atomic_init(&buffer->refs, 1);
    buffer->size = size;
    buffer->data = (char *)(buffer + 1);
    buffer->free_fn = NULL;
    buffer->owner = NULL;
    memset(buffer->data + size, 0, BUFFER_SLACK);
    return buffer;
}

struct hr_buffer *hr_buffer_ref(struct hr_buffer *buffer)
{
    uint32_t before = atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    assert(before > 0);
    HR_UNUSED(before);
    return buffer;
}

void hr_buffer_unref(struct hr_buffer *buffer)
{
    if (!buffer) return;
    uint32_t before = atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1) return;
    if (buffer->free_fn)
        buffer->free_fn(buffer);
    else
        hr_free(buffer);
}

/* Life ---------------------------------------------------------------------------------------- */

/* column_count 0 leaves `columns` to the caller: shared with another batch. */
static struct hr_batch *new_batch(const struct hr_type *schema, uint32_t row_count,
                                  uint32_t column_count, struct hr_mem *mem)
{
    assert(schema && schema->id == HR_T_STRUCT);
    struct own_batch *own = hr_alloc(sizeof *own + column_count * sizeof(struct hr_column));
    if (!own) return NULL;
    memset(own, 0, sizeof *own + column_count * sizeof(struct hr_column));
    struct hr_batch *batch = &own->base;
    atomic_init(&batch->refs, 1);
    batch->schema = schema;
    batch->row_count = batch->sel_count = row_count;
    batch->columns = own->columns;
    hr_arena_init(&batch->arena, mem);
    return batch;
}

struct hr_batch *hr_batch_new(const struct hr_type *schema, uint32_t row_count, struct hr_mem *mem)
{
    struct hr_batch *batch = new_batch(schema, row_count, schema->field_count, mem);
    if (!batch) return NULL;
    /* All columns in one chunk, unless they are very wide. */
    size_t bytes = 1024;
    for (uint32_t i = 0; i < schema->field_count; i++)
        bytes += (size_t)row_count * (hr_type_width(schema->fields[i].type) + 1) + 256;
    batch->arena.chunk_bytes = HR_MIN((bytes + 63) & ~(size_t)63, (size_t)1 << 20);
    return batch;
}

struct hr_batch *hr_batch_ref(struct hr_batch *batch)
{
    uint32_t before = atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    assert(before > 0);
    HR_UNUSED(before);
    return batch;
}

static bool drop_ref(struct hr_batch *batch)
{
    uint32_t before = atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

void hr_batch_unref(struct hr_batch *batch)
{
    while (batch && drop_ref(batch)) {
        struct hr_batch *last = NULL; /* freed in the next round instead of by recursion */
        for (struct hr_batch_hold *hold = batch->holds; hold; hold = hold->next) {
            if (hold->buffer) hr_buffer_unref(hold->buffer);
            if (!hold->batch) continue;
            hr_batch_unref(last);
            last = hold->batch;
        }
        hr_arena_done(&batch->arena);
        hr_free(HR_CONTAINER_OF(batch, struct own_batch, base));
        batch = last;
    }
}

static struct hr_batch_hold *add_hold(struct hr_batch *batch)
{
    assert(atomic_load(&batch->refs) > 0);
    struct own_batch *own = HR_CONTAINER_OF(batch, struct own_batch, base);
    struct hr_batch_hold *hold;
    if (own->holds_used < OWN_HOLDS)
        hold = &own->holds[own->holds_used++];
    else
        hold = HR_NEW(&batch->arena, struct hr_batch_hold);
    if (!hold) return NULL;
    hold->next = batch->holds;
    batch->holds = hold;
    return hold;
}

bool hr_batch_hold_batch(struct hr_batch *batch, struct hr_batch *other)
{
    assert(batch != other);
    struct hr_batch_hold *hold = add_hold(batch);
    if (!hold) return false;
    hold->batch = hr_batch_ref(other);
    return true;
}

bool hr_batch_hold_buffer(struct hr_batch *batch, struct hr_buffer *buffer)
{
    for (struct hr_batch_hold *h = batch->holds; h; h = h->next)
        if (h->buffer == buffer) return true; /* many rows of one block */
    struct hr_batch_hold *hold = add_hold(batch);
    if (!hold) return false;
    hold->buffer = hr_buffer_ref(buffer);
    assert(batch->holds == hold);
    return true;
}

/* One batch from another ---------------------------------------------------------------------- */

/* A batch with the rows of `batch`, holding it; columns are its columns when column_count is 0. */
static struct hr_batch *derive(struct hr_batch *batch, const struct hr_type *schema,
                               uint32_t column_count)
{
    struct hr_batch *ret = new_batch(schema, batch->row_count, column_count, batch->arena.mem);
    if (!ret) return NULL;
    bool held = hr_batch_hold_batch(ret, batch);
    assert(held); /* the first hold needs no memory */
    HR_UNUSED(held);
    ret->sel_count = batch->sel_count;
    ret->sel = batch->sel;
    ret->weights = batch->weights;
    if (column_count == 0) ret->columns = batch->columns;
    return ret;
}

struct hr_batch *hr_batch_new_sel(struct hr_batch *batch, uint32_t capacity, uint32_t **ret_sel)
{
    assert(capacity <= batch->row_count); /* a selection is ascending: every row once at most */
    struct hr_batch *ret = derive(batch, batch->schema, 0);
    uint32_t *sel =
        ret ? hr_arena_alloc_aligned(&ret->arena, HR_MAX(capacity, 1) * sizeof *sel) : NULL;
    if (!sel) {
        hr_batch_unref(ret);
        return NULL;
    }
    ret->sel = sel;
    ret->sel_count = 0;
    *ret_sel = sel;
    return ret;
}

struct hr_batch *hr_batch_with_sel(struct hr_batch *batch, const uint32_t *sel, uint32_t sel_count)
{
    uint32_t *copy;
    struct hr_batch *ret = hr_batch_new_sel(batch, sel_count, &copy);
    if (!ret) return NULL;
    if (sel_count) memcpy(copy, sel, sel_count * sizeof *sel);
    assert(sel_count == 0 || copy[sel_count - 1] < batch->row_count); /* the last is the greatest */
    ret->sel_count = sel_count;
    return ret;
}

struct hr_batch *hr_batch_project(struct hr_batch *batch, const struct hr_type *schema,
                                  const uint32_t *indexes)
{
    struct hr_batch *ret = derive(batch, schema, HR_MAX(schema->field_count, 1));
    if (!ret) return NULL;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        assert(indexes[i] < batch->schema->field_count);
        ret->columns[i] = batch->columns[indexes[i]];
    }
    return ret;
}

struct hr_batch *hr_batch_widen(struct hr_batch *batch, const struct hr_type *schema)
{
    assert(schema->field_count >= batch->schema->field_count);
    struct hr_batch *ret = derive(batch, schema, HR_MAX(schema->field_count, 1));
    if (!ret) return NULL;
    memcpy(ret->columns, batch->columns, batch->schema->field_count * sizeof *ret->columns);
    return ret;
}

/* col from row `first` (a multiple of 64) on: pointers move, nothing is copied but the structs. */
static bool shift_column(struct hr_arena *arena, const struct hr_column *col, uint32_t first,
                         uint32_t count, struct hr_column *ret)
{
    const struct hr_type *type = col->type;
    assert(first % 64 == 0 && first <= col->length && count <= col->length - first);
    *ret = *col;
    ret->length = count;
    if (col->validity) ret->validity = col->validity + first / 64;
    if (type->id == HR_T_BOOLEAN)
        ret->values = (const uint64_t *)col->values + first / 64;
    else if (type->id == HR_T_ARRAY || type->id == HR_T_MAP)
        ret->values = (const int32_t *)col->values + first;
    else if (col->values)
        ret->values = (const char *)col->values + (size_t)first * hr_type_width(type);
    if (type->id != HR_T_STRUCT || type->field_count == 0) return true;
    ret->children = HR_NEW_ARRAY(arena, struct hr_column, type->field_count);
    for (uint32_t i = 0; i < type->field_count && ret->children; i++)
        if (!shift_column(arena, &col->children[i], first, count, &ret->children[i])) return false;
    return ret->children != NULL;
}

static struct hr_batch *slice_shifted(struct hr_batch *batch, uint32_t offset, uint32_t count)
{
    uint32_t columns = batch->schema->field_count;
    struct hr_batch *ret = derive(batch, batch->schema, HR_MAX(columns, 1));
    if (!ret) return NULL;
    assert(!batch->sel && offset + count <= batch->row_count);
    ret->row_count = ret->sel_count = count;
    if (batch->weights) ret->weights = batch->weights + offset;
    for (uint32_t i = 0; i < columns; i++) {
        if (!shift_column(&ret->arena, &batch->columns[i], offset, count, &ret->columns[i])) {
            hr_batch_unref(ret);
            return NULL;
        }
    }
    return ret;
}

struct hr_batch *hr_batch_slice(struct hr_batch *batch, uint32_t offset, uint32_t count)
{
    assert(offset <= batch->sel_count && count <= batch->sel_count - offset);
    if (offset == 0 && count == batch->sel_count) return hr_batch_ref(batch);
    if (batch->sel) {
        struct hr_batch *ret = derive(batch, batch->schema, 0);
        if (!ret) return NULL;
        ret->sel = batch->sel + offset;
        ret->sel_count = count;
        return ret;
    }
    if (offset % 64 == 0) return slice_shifted(batch, offset, count);
    uint32_t *sel;
    struct hr_batch *ret = hr_batch_new_sel(batch, count, &sel);
    if (!ret) return NULL;
    for (uint32_t i = 0; i < count; i++) sel[i] = offset + i;
    ret->sel_count = count;
    return ret;
}

/* Copies -------------------------------------------------------------------------------------- */

static bool gather_weights(struct hr_batch *ret, struct hr_batch *const *batches, uint32_t count)
{
    assert(ret->row_count == ret->sel_count); /* of no batches: none */
    bool any = false;
    for (uint32_t b = 0; b < count; b++) any = any || batches[b]->weights;
    if (!any) return true;
    int32_t *weights = hr_arena_alloc_aligned(&ret->arena, ret->row_count * sizeof *weights);
    if (!weights) return false;
    uint32_t at = 0;
    for (uint32_t b = 0; b < count; b++) {
        const struct hr_batch *from = batches[b];
        for (uint32_t i = 0; i < from->sel_count; i++) {
            uint32_t row = from->sel ? from->sel[i] : i;
            weights[at++] = from->weights ? from->weights[row] : 1;
        }
    }
    assert(at == ret->row_count);
    ret->weights = weights;
    return true;
}

static bool gather_all(struct hr_batch *ret, struct hr_batch *const *batches, uint32_t count,
                       bool deep, struct hr_part *parts)
{
    assert(parts);
    for (uint32_t b = 0; b < count; b++)
        parts[b] = (struct hr_part){.rows = batches[b]->sel, .count = batches[b]->sel_count};
    for (uint32_t c = 0; c < ret->schema->field_count; c++) {
        for (uint32_t b = 0; b < count; b++) parts[b].col = &batches[b]->columns[c];
        if (hr_gather(&ret->arena, ret->schema->fields[c].type, parts, count, deep,
                      &ret->columns[c], NULL) != HR_OK)
            return false;
    }
    if (!deep && hr_type_has_strings(ret->schema)) {
        for (uint32_t b = 0; b < count; b++)
            if (!hr_batch_hold_batch(ret, batches[b])) return false;
    }
    return gather_weights(ret, batches, count);
}

struct hr_batch *hr_batch_concat(struct hr_batch *const *batches, uint32_t count,
                                 const struct hr_type *schema, bool deep)
{
    uint64_t rows = 0;
    for (uint32_t b = 0; b < count; b++) {
        assert(batches[b]->schema->field_count == schema->field_count);
        rows += batches[b]->sel_count;
    }
    if (rows > INT32_MAX) return NULL;
    struct hr_mem *mem = count ? batches[0]->arena.mem : NULL;
    struct hr_batch *ret = hr_batch_new(schema, (uint32_t)rows, mem);
    if (!ret) return NULL;
    struct hr_part few[16], *parts = few;
    if (count > HR_COUNT(few)) parts = hr_alloc(count * sizeof *parts);
    bool ok = parts && gather_all(ret, batches, count, deep, parts);
    if (parts != few) hr_free(parts);
    if (ok) return ret;
    hr_batch_unref(ret);
    return NULL;
}

struct hr_batch *hr_batch_compact(struct hr_batch *batch, bool deep)
{
    assert(batch->sel_count <= batch->row_count);
    if (!batch->sel && !(deep && hr_type_has_strings(batch->schema))) return hr_batch_ref(batch);
    return hr_batch_concat(&batch, 1, batch->schema, deep);
}

/* Buffers (with bytes) of batch and its holds, depth first; a chain deeper than any plan is cut. */
static uint32_t collect_buffers(const struct hr_batch *batch, struct hr_buffer **ret,
                                uint32_t count, uint32_t max, int depth)
{
    for (struct hr_batch_hold *h = batch->holds; h && count < max && depth < 32; h = h->next) {
        if (h->batch) count = collect_buffers(h->batch, ret, count, max, depth + 1);
        bool known = !h->buffer || !h->buffer->size;
        for (uint32_t i = 0; i < count && !known; i++) known = ret[i] == h->buffer;
        if (!known && count < max) ret[count++] = h->buffer;
    }
    return count;
}

uint32_t hr_batch_buffers(const struct hr_batch *batch, struct hr_buffer **ret, uint32_t max)
{
    return collect_buffers(batch, ret, 0, max, 0);
}
