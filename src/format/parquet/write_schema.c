/* SPDX-License-Identifier: Apache-2.0 */
/* The columns that are written: their tree, the footer's schema, Spark's schema as JSON. */
#include "format/parquet/write.h"

struct maker {
    struct hr_arena *arena;
    const struct pq_options *options;
    struct pq_wschema *to;
    struct hr_err *err;
    const struct hr_str_view *path[PQ_DEPTH_MAX * 3 + 3]; /* names from the root to here */
    uint32_t depth;
};

static bool grow(struct hr_arena *arena, void **items, uint32_t count, uint32_t *capacity,
                 size_t size)
{
    if (count < *capacity) return true;
    uint32_t more = HR_MAX(*capacity * 2, 16u);
    void *grown = hr_arena_grow(arena, *items, size * count, size * more);
    if (!grown) return false;
    memset((char *)grown + size * count, 0, size * (more - count));
    *items = grown;
    *capacity = more;
    return true;
}

/* The next element of the schema; NULL: no memory. Its place may change with the next one. */
static struct pq_element *add_element(struct maker *m, const char *name, int32_t repetition,
                                      int32_t children)
{
    struct pq_wschema *to = m->to;
    if (!grow(m->arena, (void **)&to->elements, to->element_count, &to->element_capacity,
              sizeof *to->elements))
        return NULL;
    struct pq_element *e = &to->elements[to->element_count++];
    *e = (struct pq_element){.type = PQ_NONE,
                             .type_length = PQ_NONE,
                             .repetition = repetition,
                             .name = hr_sv(name),
                             .child_count = children,
                             .converted = PQ_NONE,
                             .scale = PQ_NONE,
                             .precision = PQ_NONE,
                             .field_id = PQ_NONE};
    return e;
}

static uint32_t decimal_bytes(int precision)
{
    static const uint8_t bytes[39] = {0,  1,  1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,
                                      6,  6,  7,  7,  8,  8,  9,  9,  9,  10, 10, 11, 11,
                                      11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16};
    return bytes[precision];
}

static enum pq_physical physical_of(const struct hr_type *type, uint32_t *ret_length)
{
    *ret_length = 0;
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_BOOLEAN: return PQ_BOOLEAN;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_INTERVAL_DT: return PQ_INT64;
    case HR_T_FLOAT: return PQ_FLOAT;
    case HR_T_DOUBLE: return PQ_DOUBLE;
    case HR_T_STRING:
    case HR_T_BINARY: return PQ_BYTE_ARRAY;
    case HR_T_DECIMAL:
        if (type->precision <= 9) return PQ_INT32;
        if (type->precision <= 18) return PQ_INT64;
        *ret_length = decimal_bytes(type->precision);
        return PQ_FIXED;
    default: return PQ_INT32;
    }
}

static struct pq_empty there;

static bool annotate_time(struct maker *m, struct pq_element *e, bool utc)
{
    struct pq_time *time = HR_NEW(m->arena, struct pq_time);
    struct pq_unit *unit = HR_NEW(m->arena, struct pq_unit);
    if (!time || !unit) return false;
    time->utc = utc;
    time->unit = unit;
    unit->micros = &there;
    e->logical->timestamp = time;
    if (utc) e->converted = PQ_C_TIMESTAMP_MICROS; /* old readers know no other */
    return true;
}

static bool annotate_number(struct maker *m, struct pq_element *e, const struct hr_type *type)
{
    if (type->id == HR_T_DECIMAL) {
        struct pq_decimal *decimal = HR_NEW(m->arena, struct pq_decimal);
        if (!decimal) return false;
        *decimal = (struct pq_decimal){type->scale, type->precision};
        e->logical->decimal = decimal;
        e->converted = PQ_C_DECIMAL;
        e->scale = type->scale;
        e->precision = type->precision;
        return true;
    }
    struct pq_integer *integer = HR_NEW(m->arena, struct pq_integer);
    if (!integer) return false;
    *integer = (struct pq_integer){type->id == HR_T_BYTE ? 8 : 16, 1};
    e->logical->integer = integer;
    e->converted = type->id == HR_T_BYTE ? PQ_C_INT_8 : PQ_C_INT_16;
    return true;
}

/* The annotations of a leaf, the new and the old. */
static bool annotate(struct maker *m, struct pq_element *e, const struct hr_type *type)
{
    struct pq_logical *logical = HR_NEW(m->arena, struct pq_logical);
    if (!logical) return false;
    e->logical = logical;
    switch (type->id) {
    case HR_T_NULL: logical->unknown = &there; return true;
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_DECIMAL: return annotate_number(m, e, type);
    case HR_T_STRING:
        logical->string = &there;
        e->converted = PQ_C_UTF8;
        return true;
    case HR_T_DATE:
        logical->date = &there;
        e->converted = PQ_C_DATE;
        return true;
    case HR_T_TIMESTAMP: return annotate_time(m, e, true);
    case HR_T_TIMESTAMP_NTZ: return annotate_time(m, e, false);
    default: e->logical = NULL; return true;
    }
}

static bool add_leaf(struct maker *m, const struct hr_type *type, const struct pq_wcol *col,
                     uint32_t length, enum pq_physical physical)
{
    static const uint8_t widths[PQ_PHYSICAL_COUNT] = {
        [PQ_INT32] = 4, [PQ_INT64] = 8, [PQ_FLOAT] = 4, [PQ_DOUBLE] = 8};
    struct pq_wschema *to = m->to;
    if (!grow(m->arena, (void **)&to->leaves, to->leaf_count, &to->leaf_capacity,
              sizeof *to->leaves))
        return false;
    struct pq_wleaf *leaf = &to->leaves[to->leaf_count++];
    memset(leaf, 0, sizeof *leaf);
    leaf->options = m->options;
    leaf->type = type;
    leaf->physical = physical;
    leaf->width = physical == PQ_FIXED ? length : widths[physical];
    leaf->max_def = col->def;
    leaf->max_rep = col->rep;
    leaf->path.items = HR_NEW_ARRAY(m->arena, struct hr_str_view, m->depth + 1);
    if (!leaf->path.items) return false;
    for (uint32_t i = 0; i < m->depth; i++) leaf->path.items[i] = *m->path[i];
    leaf->path.count = m->depth;
    return true;
}

static hr_status make(struct maker *m, const char *name, const struct hr_type *type,
                      int32_t repetition, uint8_t def, uint8_t rep, struct pq_wcol *col);

static hr_status too_deep(struct maker *m)
{
    return HR_FAIL(m->err, HR_E_LIMIT, "a column is nested too deep for a Parquet file");
}

static hr_status enter(struct maker *m, const char *name)
{
    struct hr_str_view *view = HR_NEW(m->arena, struct hr_str_view);
    if (!view) return HR_OOM(m->err);
    if (m->depth >= HR_COUNT(m->path)) return too_deep(m);
    *view = hr_sv(name);
    m->path[m->depth++] = view;
    return HR_OK;
}

static hr_status make_items(struct maker *m, const struct hr_type *type, struct pq_wcol *col)
{
    bool map = type->id == HR_T_MAP;
    const char *name = map ? "key_value" : "list";
    if (col->def > PQ_LEVEL_MAX - 2) return too_deep(m);
    col->item_def = (uint8_t)(col->def + 1);
    col->rep++;
    HR_TRY(enter(m, name));
    if (!add_element(m, name, PQ_REPEATED, map ? 2 : 1)) return HR_OOM(m->err);
    if (map)
        HR_TRY(make(m, "key", type->fields[0].type, PQ_REQUIRED, col->item_def, col->rep,
                    &col->children[0]));
    HR_TRY(make(m, map ? "value" : "element", type->fields[map].type, PQ_OPTIONAL, col->item_def,
                col->rep, &col->children[map]));
    m->depth--;
    return HR_OK;
}

static hr_status make_group(struct maker *m, const struct hr_type *type, struct pq_element *e,
                            struct pq_wcol *col)
{
    col->children = HR_NEW_ARRAY(m->arena, struct pq_wcol, type->field_count + 1);
    if (!col->children) return HR_OOM(m->err);
    if (type->id != HR_T_STRUCT) {
        if (!(e->logical = HR_NEW(m->arena, struct pq_logical))) return HR_OOM(m->err);
        e->converted = type->id == HR_T_MAP ? PQ_C_MAP : PQ_C_LIST;
        *(type->id == HR_T_MAP ? &e->logical->map : &e->logical->list) = &there;
        e->child_count = 1;
        return make_items(m, type, col);
    }
    if (type->field_count == 0)
        return HR_FAIL(m->err, HR_E_INVALID_ARGUMENT,
                       "a Parquet file cannot hold a STRUCT without "
                       "fields");
    for (uint32_t i = 0; i < type->field_count; i++)
        HR_TRY(make(m, type->fields[i].name, type->fields[i].type, PQ_OPTIONAL, col->def, col->rep,
                    &col->children[i]));
    return HR_OK;
}

/* A field, whose parent has the levels def and rep. */
static hr_status make(struct maker *m, const char *name, const struct hr_type *type,
                      int32_t repetition, uint8_t def, uint8_t rep, struct pq_wcol *col)
{
    struct pq_element *e = add_element(m, name, repetition, PQ_NONE);
    if (!e) return HR_OOM(m->err);
    if (def >= PQ_LEVEL_MAX - 1) return too_deep(m);
    col->type = type;
    col->def = (uint8_t)(def + (repetition == PQ_OPTIONAL));
    col->rep = rep;
    col->leaf = -1;
    HR_TRY(enter(m, name));
    if (hr_type_is_nested(type)) {
        if (type->id == HR_T_STRUCT) e->child_count = (int32_t)type->field_count;
        HR_TRY(make_group(m, type, e, col));
    } else {
        uint32_t length;
        enum pq_physical physical = physical_of(type, &length);
        e->type = (int32_t)physical;
        if (length) e->type_length = (int32_t)length;
        col->leaf = (int32_t)m->to->leaf_count;
        if (!annotate(m, e, type) || !add_leaf(m, type, col, length, physical))
            return HR_OOM(m->err);
    }
    m->depth--;
    return HR_OK;
}

/* --- Spark's schema --------------------------------------------------------------------------- */

static void put_type(const struct hr_type *type, struct hr_buf *out);

static void put_record(const struct hr_type *type, struct hr_buf *out)
{
    hr_buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
    for (uint32_t i = 0; i < type->field_count; i++) {
        hr_buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        hr_buf_put_json(out, hr_sv(type->fields[i].name));
        hr_buf_puts(out, ",\"type\":");
        put_type(type->fields[i].type, out);
        hr_buf_puts(out, ",\"nullable\":true,\"metadata\":{}}");
    }
    hr_buf_puts(out, "]}");
}

static void put_type(const struct hr_type *type, struct hr_buf *out)
{
    static const char *const names[HR_T_COUNT] = {
        [HR_T_BYTE] = "byte", [HR_T_SHORT] = "short", [HR_T_INT] = "integer", [HR_T_LONG] = "long"};
    struct hr_buf text = {0};
    switch (type->id) {
    case HR_T_STRUCT: put_record(type, out); break;
    case HR_T_ARRAY:
        hr_buf_puts(out, "{\"type\":\"array\",\"elementType\":");
        put_type(type->fields[0].type, out);
        hr_buf_puts(out, ",\"containsNull\":true}");
        break;
    case HR_T_MAP:
        hr_buf_puts(out, "{\"type\":\"map\",\"keyType\":");
        put_type(type->fields[0].type, out);
        hr_buf_puts(out, ",\"valueType\":");
        put_type(type->fields[1].type, out);
        hr_buf_puts(out, ",\"valueContainsNull\":true}");
        break;
    default:
        hr_type_print_simple(type, &text);
        hr_buf_printf(out, "\"%s\"", names[type->id] ? names[type->id] : hr_buf_cstr(&text));
    }
    out->failed |= text.failed;
    hr_buf_done(&text);
}

hr_status pq_wschema_make(struct hr_arena *arena, const struct hr_type *schema,
                          const struct pq_options *options, struct pq_wschema *ret,
                          struct hr_err *err)
{
    struct maker m = {.arena = arena, .options = options, .to = ret, .err = err};
    memset(ret, 0, sizeof *ret);
    ret->root.type = schema;
    ret->root.children = HR_NEW_ARRAY(arena, struct pq_wcol, schema->field_count + 1);
    if (!ret->root.children ||
        !add_element(&m, "spark_schema", PQ_NONE, (int32_t)schema->field_count))
        return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++)
        HR_TRY(make(&m, schema->fields[i].name, schema->fields[i].type, PQ_OPTIONAL, 0, 0,
                    &ret->root.children[i]));
    put_type(schema, &ret->json);
    return hr_buf_status(&ret->json, err);
}
