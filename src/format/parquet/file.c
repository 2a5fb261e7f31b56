/* SPDX-License-Identifier: Apache-2.0 */
/* A Parquet file: its footer is read, checked, and its schema made a tree. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "format/parquet/parquet.h"

#define FOOTER_MAX (INT64_C(256) << 20)
#define LEAVES_MAX (1 << 20)
#define TAIL_BYTES 8

hr_status pq_damaged(const struct pq_file *pq, struct hr_err *err, const char *why, ...)
{
    char text[300];
    va_list args;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);
    return HR_RAISE(err, HR_E_FILE_DAMAGED, "path", pq->file->path, "why", text);
}

struct accounted {
    struct hr_buffer buffer;
    struct hr_mem *mem;
    int64_t bytes;
};

static void free_accounted(struct hr_buffer *buffer)
{
    struct accounted *a = buffer->owner;
    hr_mem_release(a->mem, a->bytes);
    hr_free(a);
}

struct hr_buffer *pq_buffer_new(struct hr_mem *mem, size_t size)
{
    size_t head = (sizeof(struct accounted) + 63) & ~(size_t)63;
    size_t bytes = head + size + 64;
    if (!hr_mem_take(mem, (int64_t)bytes)) return NULL;
    struct accounted *a = hr_alloc_aligned(bytes);
    if (!a) {
        hr_mem_release(mem, (int64_t)bytes);
        return NULL;
    }
    memset(a, 0, sizeof *a);
    a->mem = mem;
    a->bytes = (int64_t)bytes;
    a->buffer.refs = 1;
    a->buffer.size = size;
    a->buffer.data = (char *)a + head;
    a->buffer.free_fn = free_accounted;
    a->buffer.owner = a;
    memset(a->buffer.data + size, 0, 64);
    return &a->buffer;
}

hr_status pq_read_at(const struct pq_file *pq, int64_t pos, void *to, size_t size,
                     struct hr_err *err)
{
    const struct hr_format_file *f = pq->file;
    for (size_t at = 0, n; at < size; at += n) {
        HR_TRY(f->env->vt->pread(f->env, f->fd, (char *)to + at, size - at, pos + (int64_t)at, &n,
                                 err));
        if (n == 0)
            return pq_damaged(pq, err, "it ends at byte %lld, before its data do",
                              (long long)(pos + (int64_t)at));
    }
    return HR_OK;
}

static uint32_t le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* The footer's bytes, from the end of the file. */
static hr_status read_footer(struct pq_file *pq, struct hr_err *err)
{
    char tail[TAIL_BYTES], head[4];
    int64_t size = pq->file->size;
    if (size < 12) return pq_damaged(pq, err, "%lld bytes are no Parquet file", (long long)size);
    HR_TRY(pq_read_at(pq, 0, head, sizeof head, err));
    HR_TRY(pq_read_at(pq, size - TAIL_BYTES, tail, sizeof tail, err));
    if (memcmp(tail + 4, "PARE", 4) == 0 || memcmp(head, "PARE", 4) == 0)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "reading encrypted Parquet files");
    if (memcmp(tail + 4, "PAR1", 4) != 0 || memcmp(head, "PAR1", 4) != 0)
        return pq_damaged(pq, err, "it is no Parquet file: PAR1 is not at its %s",
                          memcmp(head, "PAR1", 4) ? "start" : "end");
    int64_t bytes = le32(tail);
    if (bytes > size - 12 || bytes > FOOTER_MAX)
        return pq_damaged(pq, err, "a footer of %lld bytes is too long", (long long)bytes);
    pq->data_end = size - TAIL_BYTES - bytes;
    if (!(pq->footer = pq_buffer_new(pq->mem, (size_t)bytes))) return HR_OOM(err);
    HR_TRY(pq_read_at(pq, pq->data_end, pq->footer->data, (size_t)bytes, err));
    struct pq_thrift t = {.pos = (uint8_t *)pq->footer->data, .arena = &pq->arena};
    t.end = t.pos + bytes;
    if (pq_thrift_read(&t, &pq_file_meta_spec, &pq->meta)) return HR_OK;
    return t.no_memory ? HR_OOM(err) : pq_damaged(pq, err, "its footer is none");
}

/* --- Schema ----------------------------------------------------------------------------------- */

static hr_status read_name(struct pq_file *pq, struct pq_node *node, struct hr_err *err)
{
    struct hr_str_view name = node->element->name;
    if (name.len && (memchr(name.ptr, 0, name.len) || !hr_utf8_valid(name.ptr, name.len)))
        return pq_damaged(pq, err, "a column's name is no text");
    node->name = hr_arena_strndup(&pq->arena, name.ptr ? name.ptr : "", name.len);
    return node->name ? HR_OK : HR_OOM(err);
}

static hr_status check_leaf(struct pq_file *pq, const struct pq_node *node, struct hr_err *err)
{
    const struct pq_element *e = node->element;
    if (e->type < 0 || e->type >= PQ_PHYSICAL_COUNT)
        return pq_damaged(pq, err, "column %s has no type", node->name);
    if (e->type == PQ_FIXED && (e->type_length < 1 || e->type_length > 1 << 20))
        return pq_damaged(pq, err, "column %s has values of %d bytes", node->name, e->type_length);
    return HR_OK;
}

static hr_status read_node(struct pq_file *pq, struct pq_node *node, const struct pq_node *parent,
                           uint32_t *at, int depth, struct hr_err *err)
{
    if (*at >= pq->meta.schema.count) return pq_damaged(pq, err, "its schema is cut off");
    const struct pq_element *e = node->element = &pq->meta.schema.items[(*at)++];
    HR_TRY(read_name(pq, node, err));
    node->first_leaf = pq->leaf_count;
    if (parent) {
        if (e->repetition < PQ_REQUIRED || e->repetition > PQ_REPEATED)
            return pq_damaged(pq, err, "column %s has no repetition", node->name);
        uint32_t def = parent->def + (e->repetition != PQ_REQUIRED);
        uint32_t rep = parent->rep + (e->repetition == PQ_REPEATED);
        if (depth > PQ_DEPTH_MAX || def > PQ_LEVEL_MAX)
            return pq_damaged(pq, err, "column %s is nested too deep", node->name);
        node->def = (uint8_t)def;
        node->rep = (uint8_t)rep;
    }
    if (parent && (e->child_count == PQ_NONE || (e->child_count == 0 && e->type >= 0))) {
        HR_TRY(check_leaf(pq, node, err));
        pq->leaves[pq->leaf_count++] = node;
        return HR_OK;
    }
    uint32_t left = pq->meta.schema.count - *at;
    if (e->child_count < 0 || (uint32_t)e->child_count > left)
        return pq_damaged(pq, err, "column %s has %d fields", node->name, e->child_count);
    node->child_count = (uint32_t)e->child_count;
    node->children = HR_NEW_ARRAY(&pq->arena, struct pq_node, node->child_count + 1);
    if (!node->children) return HR_OOM(err);
    for (uint32_t i = 0; i < node->child_count; i++)
        HR_TRY(read_node(pq, &node->children[i], node, at, depth + 1, err));
    return HR_OK;
}

static hr_status read_schema(struct pq_file *pq, struct hr_err *err)
{
    uint32_t at = 0, count = pq->meta.schema.count;
    if (count == 0 || count > LEAVES_MAX)
        return pq_damaged(pq, err, "its schema has %u elements", count);
    pq->leaves = HR_NEW_ARRAY(&pq->arena, const struct pq_node *, count + 1);
    if (!pq->leaves) return HR_OOM(err);
    HR_TRY(read_node(pq, &pq->root, NULL, &at, 0, err));
    if (at != count) return pq_damaged(pq, err, "its schema has elements beside its tree");
    return HR_OK;
}

/* --- Row groups ------------------------------------------------------------------------------- */

static hr_status check_chunk(struct pq_file *pq, const struct pq_row_group *group, uint32_t leaf,
                             struct hr_err *err)
{
    const struct pq_node *node = pq->leaves[leaf];
    const struct pq_chunk *chunk = &group->columns.items[leaf];
    struct pq_column_meta *meta = chunk->meta;
    if (chunk->file_path.len)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a Parquet file with columns in others");
    if (!meta) {
        if (chunk->crypto) return HR_OK; /* told when it is read */
        return pq_damaged(pq, err, "column %s has no metadata", node->name);
    }
    if (meta->type != node->element->type)
        return pq_damaged(pq, err, "column %s has another type in a row group", node->name);
    if (group->row_count == 0 && meta->value_count == 0) return HR_OK;
    int64_t start = meta->data_offset;
    if (meta->dictionary_offset >= 4 && meta->dictionary_offset < start)
        start = meta->dictionary_offset;
    else
        meta->dictionary_offset = PQ_NONE64;
    if (start < 4 || meta->packed_bytes < 0 || start > pq->data_end ||
        meta->packed_bytes > pq->data_end - start)
        return pq_damaged(pq, err, "column %s is outside of the file", node->name);
    if (meta->value_count < 0 || (node->rep == 0 && meta->value_count != group->row_count) ||
        (node->rep && meta->value_count < group->row_count))
        return pq_damaged(pq, err, "column %s has %lld values in a row group of %lld rows",
                          node->name, (long long)meta->value_count, (long long)group->row_count);
    return HR_OK;
}

static hr_status check_groups(struct pq_file *pq, struct hr_err *err)
{
    int64_t rows = 0;
    for (uint32_t g = 0; g < pq->meta.groups.count; g++) {
        const struct pq_row_group *group = &pq->meta.groups.items[g];
        if (group->row_count < 0 || group->row_count > INT64_MAX - rows)
            return pq_damaged(pq, err, "row group %u has no number of rows", g);
        if (group->columns.count != pq->leaf_count)
            return pq_damaged(pq, err, "row group %u has %u columns, the schema %u", g,
                              group->columns.count, pq->leaf_count);
        rows += group->row_count;
        for (uint32_t i = 0; i < pq->leaf_count; i++) HR_TRY(check_chunk(pq, group, i, err));
    }
    if (rows != pq->meta.row_count)
        return pq_damaged(pq, err, "its row groups have %lld rows, its footer says %lld",
                          (long long)rows, (long long)pq->meta.row_count);
    return HR_OK;
}

hr_status pq_file_open(struct pq_file *pq, const struct hr_format_file *file, struct hr_mem *mem,
                       struct hr_err *err)
{
    memset(pq, 0, sizeof *pq);
    pq->file = file;
    pq->mem = mem;
    hr_arena_init(&pq->arena, mem);
    HR_TRY(read_footer(pq, err));
    if (pq->meta.encryption)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "reading encrypted Parquet files");
    HR_TRY(read_schema(pq, err));
    return check_groups(pq, err);
}

void pq_file_done(struct pq_file *pq)
{
    hr_buffer_unref(pq->footer);
    hr_arena_done(&pq->arena);
}
