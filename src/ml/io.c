/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of models: to and from bytes and JSON. */
#include "ml/io.h"

#include <math.h>

#include "ml/json.h"

void hr_ml_io_fail(struct hr_ml_io *io, const char *name, const char *why)
{
    if (io->why) return;
    io->why = why;
    io->name = name;
}

static void put_name(struct hr_ml_io *io, const char *name)
{
    hr_buf_puts(io->out, io->first ? "\n" : ",\n");
    for (uint32_t i = 0; i < io->depth; i++) hr_buf_puts(io->out, "  ");
    io->first = false;
    hr_buf_printf(io->out, "\"%s\": ", name);
}

/* The member to be read, of the kind; NULL: it failed. */
static const struct hr_ml_json *member(struct hr_ml_io *io, const char *name,
                                       enum hr_ml_json_kind kind)
{
    if (io->why) return NULL;
    const struct hr_ml_json *node = hr_ml_json_get(io->at[io->depth - 1], name);
    if (!node)
        hr_ml_io_fail(io, name, "is missing");
    else if (node->kind != kind)
        hr_ml_io_fail(io, name, "is of another kind");
    return io->why ? NULL : node;
}

/* Bytes ended before the field did? */
static void check_read(struct hr_ml_io *io, const char *name)
{
    if (io->in.failed) hr_ml_io_fail(io, name, "is cut short");
}

void hr_ml_io_begin(struct hr_ml_io *io, const char *name)
{
    if (io->mode == HR_ML_EXPORT) {
        if (name) put_name(io, name);
        hr_buf_putc(io->out, '{');
        io->first = true;
    } else if (io->mode == HR_ML_IMPORT && name) {
        io->at[io->depth] = member(io, name, HR_ML_JSON_OBJECT);
    }
    io->depth++;
}

void hr_ml_io_end(struct hr_ml_io *io)
{
    io->depth--;
    if (io->mode != HR_ML_EXPORT) return;
    if (!io->first) {
        hr_buf_putc(io->out, '\n');
        for (uint32_t i = 0; i < io->depth; i++) hr_buf_puts(io->out, "  ");
    }
    hr_buf_putc(io->out, '}');
    io->first = false;
}

static void get_i64(struct hr_ml_io *io, const char *name, const struct hr_ml_json *node,
                    int64_t *v)
{
    if (node->kind != HR_ML_JSON_NUMBER || !hr_parse_i64(node->text, v))
        hr_ml_io_fail(io, name, "is no whole number");
}

void hr_ml_io_i64(struct hr_ml_io *io, const char *name, int64_t *v)
{
    const struct hr_ml_json *node;
    switch (io->mode) {
    case HR_ML_SAVE: hr_buf_put_u64(io->out, (uint64_t)*v); break;
    case HR_ML_LOAD:
        if (io->why) break;
        *v = (int64_t)hr_get_u64(&io->in);
        check_read(io, name);
        break;
    case HR_ML_EXPORT:
        put_name(io, name);
        hr_buf_put_i64(io->out, *v);
        break;
    case HR_ML_IMPORT:
        if ((node = member(io, name, HR_ML_JSON_NUMBER))) get_i64(io, name, node, v);
        break;
    case HR_ML_CHECK: break;
    }
}

void hr_ml_io_count(struct hr_ml_io *io, const char *name, uint32_t *n, uint32_t max)
{
    int64_t v = *n;
    hr_ml_io_i64(io, name, &v);
    if (io->why) return;
    if (v < 0 || v > max)
        hr_ml_io_fail(io, name, "is out of its range");
    else
        *n = (uint32_t)v;
}

static void put_f64(struct hr_ml_io *io, const char *name, double v)
{
    if (!isfinite(v)) hr_ml_io_fail(io, name, "is not finite");
    hr_buf_printf(io->out, "%.17g", v);
}

static void get_f64(struct hr_ml_io *io, const char *name, const struct hr_ml_json *node, double *v)
{
    double read = 0;
    if (node->kind != HR_ML_JSON_NUMBER || !hr_parse_f64(node->text, &read) || !isfinite(read))
        hr_ml_io_fail(io, name, "is no finite number");
    else
        *v = read;
}

static double load_f64(struct hr_ml_io *io, const char *name)
{
    uint64_t bits = hr_get_u64(&io->in);
    double v;
    memcpy(&v, &bits, 8);
    check_read(io, name);
    if (!isfinite(v)) hr_ml_io_fail(io, name, "is not finite");
    return io->why ? 0 : v;
}

static void save_f64(struct hr_ml_io *io, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    hr_buf_put_u64(io->out, bits);
}

void hr_ml_io_f64(struct hr_ml_io *io, const char *name, double *v)
{
    const struct hr_ml_json *node;
    switch (io->mode) {
    case HR_ML_SAVE: save_f64(io, *v); break;
    case HR_ML_LOAD:
        if (!io->why) *v = load_f64(io, name);
        break;
    case HR_ML_EXPORT:
        put_name(io, name);
        put_f64(io, name, *v);
        break;
    case HR_ML_IMPORT:
        if ((node = member(io, name, HR_ML_JSON_NUMBER))) get_f64(io, name, node, v);
        break;
    case HR_ML_CHECK:
        if (!isfinite(*v)) hr_ml_io_fail(io, name, "is not finite");
        break;
    }
}

/* The array to be read, of count items; NULL: it failed. */
static const struct hr_ml_json *items(struct hr_ml_io *io, const char *name, size_t count)
{
    const struct hr_ml_json *node = member(io, name, HR_ML_JSON_ARRAY);
    if (node && node->count != count) hr_ml_io_fail(io, name, "has another number of items");
    return io->why ? NULL : node;
}

static void begin_list(struct hr_ml_io *io, const char *name)
{
    put_name(io, name);
    hr_buf_putc(io->out, '[');
}

static void put_comma(struct hr_ml_io *io, size_t i)
{
    if (i) hr_buf_puts(io->out, i % 8 ? ", " : ",\n    ");
}

void hr_ml_io_f64s(struct hr_ml_io *io, const char *name, double *v, size_t count)
{
    const struct hr_ml_json *node, *item;
    switch (io->mode) {
    case HR_ML_SAVE:
        for (size_t i = 0; i < count; i++) save_f64(io, v[i]);
        break;
    case HR_ML_LOAD:
        for (size_t i = 0; i < count && !io->why; i++) v[i] = load_f64(io, name);
        break;
    case HR_ML_EXPORT:
        begin_list(io, name);
        for (size_t i = 0; i < count; i++) {
            put_comma(io, i);
            put_f64(io, name, v[i]);
        }
        hr_buf_putc(io->out, ']');
        break;
    case HR_ML_IMPORT:
        node = items(io, name, count);
        item = node ? node->first : NULL;
        for (size_t i = 0; item && i < count; i++, item = item->next)
            get_f64(io, name, item, &v[i]);
        break;
    case HR_ML_CHECK:
        for (size_t i = 0; i < count; i++)
            if (!isfinite(v[i])) hr_ml_io_fail(io, name, "is not finite");
        break;
    }
}

void hr_ml_io_i64s(struct hr_ml_io *io, const char *name, int64_t *v, size_t count)
{
    const struct hr_ml_json *node, *item;
    switch (io->mode) {
    case HR_ML_SAVE:
        for (size_t i = 0; i < count; i++) hr_buf_put_u64(io->out, (uint64_t)v[i]);
        break;
    case HR_ML_LOAD:
        for (size_t i = 0; i < count && !io->why; i++) {
            v[i] = (int64_t)hr_get_u64(&io->in);
            check_read(io, name);
        }
        break;
    case HR_ML_EXPORT:
        begin_list(io, name);
        for (size_t i = 0; i < count; i++) {
            put_comma(io, i);
            hr_buf_put_i64(io->out, v[i]);
        }
        hr_buf_putc(io->out, ']');
        break;
    case HR_ML_IMPORT:
        node = items(io, name, count);
        item = node ? node->first : NULL;
        for (size_t i = 0; item && i < count; i++, item = item->next)
            get_i64(io, name, item, &v[i]);
        break;
    case HR_ML_CHECK: break;
    }
}

void hr_ml_io_u32s(struct hr_ml_io *io, const char *name, uint32_t *v, size_t count)
{
    const struct hr_ml_json *node, *item;
    int64_t wide = 0;
    switch (io->mode) {
    case HR_ML_SAVE:
        for (size_t i = 0; i < count; i++) hr_buf_put_u32(io->out, v[i]);
        break;
    case HR_ML_LOAD:
        for (size_t i = 0; i < count && !io->why; i++) {
            v[i] = hr_get_u32(&io->in);
            check_read(io, name);
        }
        break;
    case HR_ML_EXPORT:
        begin_list(io, name);
        for (size_t i = 0; i < count; i++) {
            put_comma(io, i);
            hr_buf_put_i64(io->out, v[i]);
        }
        hr_buf_putc(io->out, ']');
        break;
    case HR_ML_IMPORT:
        node = items(io, name, count);
        item = node ? node->first : NULL;
        for (size_t i = 0; item && i < count; i++, item = item->next) {
            get_i64(io, name, item, &wide);
            if (wide < 0 || wide > UINT32_MAX) hr_ml_io_fail(io, name, "is out of its range");
            v[i] = (uint32_t)wide;
        }
        break;
    case HR_ML_CHECK: break;
    }
}

static void get_str(struct hr_ml_io *io, const char *name, const struct hr_ml_json *node, char **v,
                    struct hr_arena *arena)
{
    *v = NULL;
    if (node->kind == HR_ML_JSON_NULL) return;
    if (node->kind != HR_ML_JSON_STRING)
        hr_ml_io_fail(io, name, "is no text");
    else if (!(*v = hr_arena_strndup(arena, node->text.ptr, node->text.len)))
        hr_ml_io_fail(io, name, "does not fit into memory");
}

static void load_str(struct hr_ml_io *io, const char *name, char **v, struct hr_arena *arena)
{
    bool is_null = hr_get_u8(&io->in) == 0;
    struct hr_str_view s = is_null ? hr_svn("", 0) : hr_get_bytes(&io->in);
    check_read(io, name);
    *v = NULL;
    if (io->why || is_null) return;
    *v = hr_arena_strndup(arena, s.ptr ? s.ptr : "", s.len);
    if (!*v) hr_ml_io_fail(io, name, "does not fit into memory");
}

static void save_str(struct hr_ml_io *io, const char *v)
{
    hr_buf_put_u8(io->out, v != NULL);
    if (v) hr_buf_put_bytes(io->out, v, strlen(v));
}

static void put_str(struct hr_ml_io *io, const char *v)
{
    if (v)
        hr_buf_put_json(io->out, hr_sv(v));
    else
        hr_buf_puts(io->out, "null");
}

void hr_ml_io_str(struct hr_ml_io *io, const char *name, char **v, struct hr_arena *arena)
{
    const struct hr_ml_json *node;
    switch (io->mode) {
    case HR_ML_SAVE: save_str(io, *v); break;
    case HR_ML_LOAD:
        if (!io->why) load_str(io, name, v, arena);
        break;
    case HR_ML_EXPORT:
        put_name(io, name);
        put_str(io, *v);
        break;
    case HR_ML_IMPORT:
        if (io->why) break;
        node = hr_ml_json_get(io->at[io->depth - 1], name);
        if (node)
            get_str(io, name, node, v, arena);
        else
            hr_ml_io_fail(io, name, "is missing");
        break;
    case HR_ML_CHECK: break;
    }
}

void hr_ml_io_strs(struct hr_ml_io *io, const char *name, char **v, size_t count,
                   struct hr_arena *arena)
{
    const struct hr_ml_json *node, *item;
    switch (io->mode) {
    case HR_ML_SAVE:
        for (size_t i = 0; i < count; i++) save_str(io, v[i]);
        break;
    case HR_ML_LOAD:
        for (size_t i = 0; i < count && !io->why; i++) load_str(io, name, &v[i], arena);
        break;
    case HR_ML_EXPORT:
        begin_list(io, name);
        for (size_t i = 0; i < count; i++) {
            put_comma(io, i);
            put_str(io, v[i]);
        }
        hr_buf_putc(io->out, ']');
        break;
    case HR_ML_IMPORT:
        node = items(io, name, count);
        item = node ? node->first : NULL;
        for (size_t i = 0; item && i < count && !io->why; i++, item = item->next)
            get_str(io, name, item, &v[i], arena);
        break;
    case HR_ML_CHECK: break;
    }
}
