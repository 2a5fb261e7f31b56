/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in memory that processes share (shared_batch.h). */
#include "rdd/shared_batch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rdd/block_store.h"

#define ALIGN       64u
#define BUFFER_SIZE (1u << 20)
#define DIRECT_SIZE (1u << 16) /* arrays of so many bytes are not copied into the buffer first */
/* Smaller batches are copied: a mapping costs system calls and page faults. */
#define MAP_SIZE (1u << 18)

/* --- Writing ---------------------------------------------------------------------------------- */

static hr_status write_all(struct hr_shared_writer *w, const char *data, size_t size,
                           struct hr_err *err)
{
    if (w->written + size > w->max) {
        char limit[32];
        snprintf(limit, sizeof limit, "%llu bytes", (unsigned long long)w->max);
        return HR_RAISE(err, HR_E_LIMIT, "what", "the output of a worker's task", "limit", limit);
    }
    for (size_t at = 0; at < size;) {
        ssize_t n = pwrite(w->fd, data + at, size - at, (off_t)(w->base + w->written));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return HR_RAISE(err, HR_E_IO, "what", "a worker's shared memory", "why",
                            strerror(errno));
        at += (size_t)n;
        w->written += (uint64_t)n;
    }
    return HR_OK;
}

hr_status hr_shared_flush(struct hr_shared_writer *w, struct hr_err *err)
{
    HR_TRY(hr_buf_status(&w->buf, err));
    HR_TRY(write_all(w, w->buf.ptr, w->buf.len, err));
    hr_buf_clear(&w->buf);
    return HR_OK;
}

hr_status hr_shared_put(struct hr_shared_writer *w, const void *data, size_t size,
                        struct hr_err *err)
{
    if (size == 0) return HR_OK;
    if (size >= DIRECT_SIZE || w->buf.len + size > BUFFER_SIZE) HR_TRY(hr_shared_flush(w, err));
    if (size >= DIRECT_SIZE) return write_all(w, data, size, err);
    hr_buf_append(&w->buf, data, size);
    return hr_buf_status(&w->buf, err);
}

static hr_status align_up(struct hr_shared_writer *w, struct hr_err *err)
{
    static const char zeroes[ALIGN];
    size_t past = (size_t)(w->written + w->buf.len) % ALIGN;
    return past ? hr_shared_put(w, zeroes, ALIGN - past, err) : HR_OK;
}

static hr_status put_array(struct hr_shared_writer *w, const void *data, size_t size,
                           struct hr_err *err)
{
    HR_TRY(align_up(w, err));
    return hr_shared_put(w, data, size, err);
}

/* The bytes of the long strings, whose views have just been put. */
static hr_status put_string_bytes(struct hr_shared_writer *w, const struct hr_column *col,
                                  struct hr_err *err)
{
    const struct hr_string *s = col->values;
    for (uint32_t i = 0; i < col->length; i++)
        if (s[i].len > HR_STRING_INLINE && hr_column_valid(col, i))
            HR_TRY(hr_shared_put(w, s[i].ptr, s[i].len, err));
    return HR_OK;
}

static hr_status put_strings(struct hr_shared_writer *w, const struct hr_column *col,
                             struct hr_err *err)
{
    const struct hr_string *s = col->values;
    uint64_t bytes = 0;
    HR_TRY(align_up(w, err));
    for (uint32_t i = 0; i < col->length; i++) {
        struct hr_string view = {0};
        if (hr_column_valid(col, i)) view = s[i];
        if (view.len > HR_STRING_INLINE) {
            view.ptr = (const char *)(uintptr_t)bytes;
            bytes += view.len;
        }
        HR_TRY(hr_shared_put(w, &view, sizeof view, err));
    }
    HR_TRY(hr_shared_put(w, &bytes, sizeof bytes, err));
    return put_string_bytes(w, col, err);
}

static hr_status put_column(struct hr_shared_writer *w, const struct hr_column *col,
                            struct hr_err *err)
{
    const struct hr_type *type = col->type;
    uint32_t head[2] = {col->length, col->validity != NULL};
    size_t words = hr_bit_words(col->length) * 8;
    HR_TRY(put_array(w, head, sizeof head, err));
    if (col->validity) HR_TRY(put_array(w, col->validity, words, err));
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: break;
    case HR_T_BOOLEAN: HR_TRY(put_array(w, col->values, words, err)); break;
    case HR_T_STRING:
    case HR_T_BINARY: HR_TRY(put_strings(w, col, err)); break;
    case HR_T_ARRAY:
    case HR_T_MAP: HR_TRY(put_array(w, col->values, ((size_t)col->length + 1) * 4, err)); break;
    default: HR_TRY(put_array(w, col->values, (size_t)col->length * hr_type_width(type), err));
    }
    for (uint32_t i = 0; i < type->field_count; i++) HR_TRY(put_column(w, &col->children[i], err));
    return HR_OK;
}

hr_status hr_shared_put_batch(struct hr_shared_writer *w, const struct hr_batch *batch,
                              uint64_t *ret_offset, uint64_t *ret_size, struct hr_err *err)
{
    HR_TRY(align_up(w, err));
    struct hr_batch *compact = hr_batch_compact((struct hr_batch *)(uintptr_t)batch, false);
    if (!compact) return HR_OOM(err);
    uint64_t offset = w->written + w->buf.len;
    uint32_t head[2] = {compact->row_count, compact->weights != NULL};
    hr_status status = put_array(w, head, sizeof head, err);
    if (status == HR_OK && compact->weights)
        status = put_array(w, compact->weights, (size_t)compact->row_count * sizeof(int32_t), err);
    for (uint32_t i = 0; i < compact->schema->field_count && status == HR_OK; i++)
        status = put_column(w, &compact->columns[i], err);
    hr_batch_unref(compact);
    HR_TRY(status);
    *ret_offset = offset;
    *ret_size = w->written + w->buf.len - offset;
    return HR_OK;
}

/* --- The block -------------------------------------------------------------------------------- */

/* The bytes of one batch while it is being read. */
struct reader {
    struct hr_buffer *buffer; /* which the batch will hold */
    char *start, *pos, *end;
};

static void unmap(struct hr_buffer *buffer)
{
    munmap(buffer->data, buffer->size);
    hr_free(buffer);
}

/* NULL: no room for another mapping. */
static struct hr_buffer *map_block(int fd, uint64_t offset, size_t size)
{
    struct hr_buffer *buffer = hr_zalloc(sizeof *buffer);
    if (!buffer) return NULL;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    if (data == MAP_FAILED) {
        hr_free(buffer);
        return NULL;
    }
    atomic_init(&buffer->refs, 1);
    buffer->data = data;
    buffer->size = size;
    buffer->free_fn = unmap;
    return buffer;
}

hr_status hr_shared_read(int fd, uint64_t offset, void *to, size_t size, struct hr_err *err)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, (char *)to + at, size - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return HR_RAISE(err, HR_E_IO, "what", "a worker's shared memory", "why",
                            n < 0 ? strerror(errno) : "it is cut short");
        at += (size_t)n;
    }
    return HR_OK;
}

static hr_status open_block(int fd, uint64_t offset, size_t size, struct reader *ret,
                            struct hr_err *err)
{
    size_t lead = (size_t)(offset % (uint64_t)sysconf(_SC_PAGE_SIZE));
    struct hr_buffer *buffer = size >= MAP_SIZE ? map_block(fd, offset - lead, size + lead) : NULL;
    if (!buffer) {
        lead = 0;
        buffer = hr_buffer_new(size + ALIGN);
        if (!buffer) return HR_OOM(err);
        buffer->data += -(uintptr_t)buffer->data % ALIGN; /* columns are aligned */
        hr_status status = hr_shared_read(fd, offset, buffer->data, size, err);
        if (status != HR_OK) {
            hr_buffer_unref(buffer);
            return status;
        }
    }
    char *start = buffer->data + lead;
    *ret = (struct reader){buffer, start, start, start + size};
    return HR_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static hr_status damaged(struct hr_err *err)
{
    return HR_RAISE(err, HR_E_IO, "what", "a worker's output", "why", "it is damaged");
}

static void *take(struct reader *r, size_t size)
{
    if (size > (size_t)(r->end - r->pos)) return NULL;
    void *at = r->pos;
    r->pos += size;
    return at;
}

/* To the next multiple of 64. */
static bool skip(struct reader *r)
{
    size_t past = (size_t)(r->pos - r->start) % ALIGN;
    return past == 0 || take(r, ALIGN - past);
}

static hr_status get_array(struct reader *r, size_t size, const void **ret, struct hr_err *err)
{
    *ret = skip(r) ? take(r, size) : NULL;
    return *ret ? HR_OK : damaged(err);
}

static hr_status get_head(struct reader *r, uint32_t *ret_rows, bool *ret_flag, struct hr_err *err)
{
    const void *at;
    uint32_t head[2];
    HR_TRY(get_array(r, sizeof head, &at, err));
    memcpy(head, at, sizeof head);
    *ret_rows = head[0];
    *ret_flag = head[1] != 0;
    return HR_OK;
}

/* Sets the pointers of the long strings. */
static hr_status get_strings(struct reader *r, struct hr_column *col, struct hr_err *err)
{
    uint64_t size;
    HR_TRY(get_array(r, (size_t)col->length * sizeof(struct hr_string), &col->values, err));
    const void *at = take(r, sizeof size);
    if (!at) return damaged(err);
    memcpy(&size, at, sizeof size);
    const char *bytes = take(r, (size_t)size);
    if (!bytes) return damaged(err);
    struct hr_string *s = (struct hr_string *)(uintptr_t)col->values;
    for (uint32_t i = 0; i < col->length; i++) {
        if (s[i].len <= HR_STRING_INLINE) continue;
        uint64_t offset = (uintptr_t)s[i].ptr;
        if (offset > size || s[i].len > size - offset) return damaged(err);
        s[i].ptr = bytes + offset;
    }
    return HR_OK;
}

static hr_status get_offsets(struct reader *r, struct hr_column *col, struct hr_err *err)
{
    HR_TRY(get_array(r, ((size_t)col->length + 1) * sizeof(int32_t), &col->values, err));
    const int32_t *offsets = col->values;
    bool good = offsets[0] >= 0;
    for (uint32_t i = 0; i < col->length; i++) good = good && offsets[i] <= offsets[i + 1];
    return good ? HR_OK : damaged(err);
}

static hr_status get_column(struct reader *r, const struct hr_type *type, struct hr_arena *arena,
                            struct hr_column *ret, struct hr_err *err);

static hr_status get_children(struct reader *r, struct hr_arena *arena, struct hr_column *col,
                              struct hr_err *err)
{
    const struct hr_type *type = col->type;
    bool lists = type->id == HR_T_ARRAY || type->id == HR_T_MAP;
    uint32_t wanted = lists ? (uint32_t)((const int32_t *)col->values)[col->length] : col->length;
    col->children = HR_NEW_ARRAY(arena, struct hr_column, type->field_count);
    if (!col->children) return HR_OOM(err);
    for (uint32_t i = 0; i < type->field_count; i++) {
        HR_TRY(get_column(r, type->fields[i].type, arena, &col->children[i], err));
        if (col->children[i].length < wanted) return damaged(err);
    }
    return HR_OK;
}

static hr_status get_column(struct reader *r, const struct hr_type *type, struct hr_arena *arena,
                            struct hr_column *ret, struct hr_err *err)
{
    struct hr_column col = {.type = type};
    bool has_validity;
    const void *validity = NULL;
    HR_TRY(get_head(r, &col.length, &has_validity, err));
    size_t words = hr_bit_words(col.length) * 8;
    if (has_validity) HR_TRY(get_array(r, words, &validity, err));
    col.validity = validity;
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: break;
    case HR_T_BOOLEAN: HR_TRY(get_array(r, words, &col.values, err)); break;
    case HR_T_STRING:
    case HR_T_BINARY: HR_TRY(get_strings(r, &col, err)); break;
    case HR_T_ARRAY:
    case HR_T_MAP: HR_TRY(get_offsets(r, &col, err)); break;
    default: HR_TRY(get_array(r, (size_t)col.length * hr_type_width(type), &col.values, err));
    }
    if (type->field_count) HR_TRY(get_children(r, arena, &col, err));
    *ret = col;
    return HR_OK;
}

static hr_status get_columns(struct reader *r, bool has_weights, struct hr_batch *batch,
                             struct hr_err *err)
{
    const void *weights = NULL;
    if (has_weights)
        HR_TRY(get_array(r, (size_t)batch->row_count * sizeof(int32_t), &weights, err));
    batch->weights = weights;
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        HR_TRY(
            get_column(r, batch->schema->fields[i].type, &batch->arena, &batch->columns[i], err));
        if (batch->columns[i].length != batch->row_count) return damaged(err);
    }
    return HR_OK;
}

static hr_status get_batch(struct reader *r, const struct hr_type *schema, struct hr_batch **ret,
                           struct hr_err *err)
{
    uint32_t rows;
    bool has_weights;
    HR_TRY(get_head(r, &rows, &has_weights, err));
    struct hr_batch *batch = hr_batch_new(schema, rows, NULL);
    if (!batch) return HR_OOM(err);
    hr_status status = hr_batch_hold_buffer(batch, r->buffer) ? HR_OK : HR_OOM(err);
    if (status == HR_OK) status = get_columns(r, has_weights, batch, err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    *ret = batch;
    return HR_OK;
}

hr_status hr_shared_get_batch(int fd, uint64_t offset, uint64_t size, const struct hr_type *schema,
                              struct hr_batch **ret, struct hr_err *err)
{
    struct reader r;
    HR_TRY(open_block(fd, offset, (size_t)size, &r, err));
    hr_status status = get_batch(&r, schema, ret, err);
    if (r.buffer->free_fn == unmap) HR_UNUSED(mprotect(r.buffer->data, r.buffer->size, PROT_READ));
    hr_buffer_unref(r.buffer);
    return status;
}

/* --- Moving batches of the driver's own ------------------------------------------------------- */

struct place {
    uint64_t offset, size;
};

static hr_status put_all(int fd, struct hr_batch *const *batches, uint32_t count,
                         struct place *places, size_t *ret_size, struct hr_err *err)
{
    struct hr_shared_writer w = {.fd = fd, .max = INT64_MAX};
    hr_buf_init(&w.buf, UINT32_MAX);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++)
        status = hr_shared_put_batch(&w, batches[i], &places[i].offset, &places[i].size, err);
    if (status == HR_OK) status = hr_shared_flush(&w, err);
    hr_buf_done(&w.buf);
    *ret_size = (size_t)w.written;
    return status;
}

/* Each batch in its place over the mapping, into moved; NULL where one failed. */
static hr_status get_all(struct hr_buffer *buffer, struct hr_batch *const *batches, uint32_t count,
                         const struct place *places, struct hr_batch **moved, struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        char *start = buffer->data + places[i].offset;
        struct reader r = {buffer, start, start, start + places[i].size};
        HR_TRY(get_batch(&r, batches[i]->schema, &moved[i], err));
    }
    HR_UNUSED(mprotect(buffer->data, buffer->size, PROT_READ));
    return HR_OK;
}

static hr_status move_through(int fd, struct hr_batch **batches, uint32_t count,
                              struct place *places, struct hr_batch **moved, struct hr_err *err)
{
    size_t size;
    HR_TRY(put_all(fd, batches, count, places, &size, err));
    struct hr_buffer *buffer = map_block(fd, 0, size);
    if (!buffer)
        return HR_RAISE(err, HR_E_IO, "what", "shared memory", "why", "it cannot be mapped");
    hr_status status = get_all(buffer, batches, count, places, moved, err);
    hr_buffer_unref(buffer);
    for (uint32_t i = 0; i < count; i++) {
        /* the old ones when all have moved, else the new ones */
        hr_batch_unref(status == HR_OK ? batches[i] : moved[i]);
        if (status == HR_OK) batches[i] = moved[i];
    }
    return status;
}

hr_status hr_shared_move(struct hr_batch **batches, uint32_t count, struct hr_err *err)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += hr_batch_bytes(batches[i]);
    if (bytes < MAP_SIZE) return HR_OK;
    struct place *places = hr_alloc(count * sizeof *places);
    struct hr_batch **moved = hr_zalloc(count * sizeof *moved);
    int fd = memfd_create("headrace-blocks", MFD_CLOEXEC);
    hr_status status = !places || !moved ? HR_OOM(err)
                       : fd < 0
                           ? HR_RAISE(err, HR_E_IO, "what", "memfd_create", "why", strerror(errno))
                           : move_through(fd, batches, count, places, moved, err);
    if (fd >= 0) close(fd);
    hr_free(places);
    hr_free(moved);
    return status;
}
