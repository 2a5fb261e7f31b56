/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fields of a Parquet schema are to Spark: lists and maps of every age of the format, and
 * the types of values by their annotations.
 */
#include <stdio.h>

#include "base/decimal.h"
#include "format/parquet/parquet.h"

static bool is_list(const struct pq_element *e)
{
    return (e->logical && e->logical->list) || e->converted == PQ_C_LIST;
}

static bool is_map(const struct pq_element *e)
{
    return (e->logical && e->logical->map) || e->converted == PQ_C_MAP ||
           e->converted == PQ_C_MAP_KEY_VALUE;
}

/* The rules of parquet-format for lists that were written before it settled. */
static bool element_is_repeated(const struct pq_node *list, const struct pq_node *repeated)
{
    char tuple[300];
    if (repeated->child_count != 1) return true;
    if (repeated->children[0].element->repetition == PQ_REPEATED) return true;
    snprintf(tuple, sizeof tuple, "%s_tuple", list->name);
    return strcmp(repeated->name, "array") == 0 || strcmp(repeated->name, tuple) == 0;
}

static hr_status list_view(const struct pq_file *pq, const struct pq_node *node,
                           struct pq_view *ret, struct hr_err *err)
{
    if (node->child_count != 1 || node->children[0].element->repetition != PQ_REPEATED)
        return pq_damaged(pq, err, "list %s has no repeated field", node->name);
    const struct pq_node *repeated = &node->children[0];
    ret->shape = PQ_ARRAY;
    ret->item_def = repeated->def;
    ret->item_bare = element_is_repeated(node, repeated);
    ret->items[0] = ret->item_bare ? repeated : &repeated->children[0];
    return HR_OK;
}

static hr_status map_view(const struct pq_file *pq, const struct pq_node *node, struct pq_view *ret,
                          struct hr_err *err)
{
    const struct pq_node *pair = node->children;
    if (node->child_count != 1 || pair->element->repetition != PQ_REPEATED ||
        pair->child_count != 2)
        return pq_damaged(pq, err, "map %s has no keys and values", node->name);
    ret->shape = PQ_MAP;
    ret->item_def = pair->def;
    ret->items[0] = &pair->children[0];
    ret->items[1] = &pair->children[1];
    return HR_OK;
}

hr_status pq_view_of(const struct pq_file *pq, const struct pq_node *node, bool bare,
                     struct pq_view *ret, struct hr_err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->def = node->def;
    if (node->element->repetition == PQ_REPEATED && !bare) {
        ret->shape = PQ_ARRAY;
        ret->def = node->def - 1;
        ret->item_def = node->def;
        ret->item_bare = true;
        ret->items[0] = node;
        return HR_OK;
    }
    if (!node->children) {
        ret->shape = PQ_LEAF;
        return HR_OK;
    }
    if (is_list(node->element)) return list_view(pq, node, ret, err);
    if (is_map(node->element)) return map_view(pq, node, ret, err);
    ret->shape = PQ_RECORD;
    return HR_OK;
}

/* --- Leaves ----------------------------------------------------------------------------------- */

bool pq_is_decimal(const struct pq_node *leaf, int *ret_precision, int *ret_scale)
{
    const struct pq_element *e = leaf->element;
    if (e->logical && e->logical->decimal) {
        *ret_precision = e->logical->decimal->precision;
        *ret_scale = e->logical->decimal->scale;
        return true;
    }
    *ret_precision = e->precision;
    *ret_scale = e->scale == PQ_NONE ? 0 : e->scale;
    return e->converted == PQ_C_DECIMAL;
}

bool pq_is_unsigned(const struct pq_node *leaf)
{
    const struct pq_element *e = leaf->element;
    if (e->logical && e->logical->integer) return !e->logical->integer->is_signed;
    return e->converted >= PQ_C_UINT_8 && e->converted <= PQ_C_UINT_64;
}

static int64_t unit_ticks(const struct pq_time *time)
{
    if (!time->unit) return 0;
    if (time->unit->millis) return 1000;
    if (time->unit->micros) return 1000000;
    return time->unit->nanos ? 1000000000 : 0;
}

int64_t pq_ticks(const struct pq_node *leaf)
{
    const struct pq_element *e = leaf->element;
    if (e->logical && e->logical->timestamp) return unit_ticks(e->logical->timestamp);
    if (e->converted == PQ_C_TIMESTAMP_MILLIS) return 1000;
    return e->converted == PQ_C_TIMESTAMP_MICROS ? 1000000 : 0;
}

static int integer_bits(const struct pq_element *e)
{
    if (e->logical && e->logical->integer) return e->logical->integer->bits;
    switch (e->converted) {
    case PQ_C_UINT_8:
    case PQ_C_INT_8: return 8;
    case PQ_C_UINT_16:
    case PQ_C_INT_16: return 16;
    default: return e->type == PQ_INT32 ? 32 : 64;
    }
}

static hr_status illegal(const struct pq_node *leaf, const char *what, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "column %s of a Parquet file: %s", leaf->name, what);
}

static const struct hr_type *integer_type(const struct pq_node *leaf)
{
    int bits = integer_bits(leaf->element);
    if (!pq_is_unsigned(leaf)) {
        if (leaf->element->type == PQ_INT64) return hr_type(HR_T_LONG);
        return hr_type(bits == 8 ? HR_T_BYTE : bits == 16 ? HR_T_SHORT : HR_T_INT);
    }
    if (leaf->element->type == PQ_INT64) return hr_type_decimal(20, 0);
    return hr_type(bits == 8 ? HR_T_SHORT : bits == 16 ? HR_T_INT : HR_T_LONG);
}

static hr_status int64_type(const struct pq_options *o, const struct pq_node *leaf,
                            const struct hr_type **ret, struct hr_err *err)
{
    const struct pq_logical *logical = leaf->element->logical;
    int64_t ticks = pq_ticks(leaf);
    if (logical && logical->time) return illegal(leaf, "TIME values are not supported", err);
    if (leaf->element->converted == PQ_C_TIME_MICROS && !logical)
        return illegal(leaf, "TIME values are not supported", err);
    if (ticks > 1000000 && !o->nanos_as_long)
        return illegal(leaf,
                       "TIMESTAMP of nanoseconds is not supported; option nanosAsLong 'true' "
                       "reads it as BIGINT",
                       err);
    bool ntz = logical && logical->timestamp && logical->timestamp->utc == 0 && o->infer_ntz;
    if (ticks > 1000000)
        *ret = hr_type(HR_T_LONG);
    else if (ticks)
        *ret = hr_type(ntz ? HR_T_TIMESTAMP_NTZ : HR_T_TIMESTAMP);
    else
        *ret = integer_type(leaf);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status fixed_type(const struct pq_node *leaf, const struct hr_type **ret,
                            struct hr_err *err)
{
    const struct pq_logical *logical = leaf->element->logical;
    *ret = hr_type(HR_T_BINARY);
    if (logical && logical->float16 && leaf->element->type_length == 2) *ret = hr_type(HR_T_FLOAT);
    if (logical && logical->uuid && leaf->element->type_length == 16) *ret = hr_type(HR_T_STRING);
    if (leaf->element->converted == PQ_C_INTERVAL)
        return illegal(leaf, "the type INTERVAL is not supported", err);
    return HR_OK;
}

static bool is_text(const struct pq_element *e)
{
    const struct pq_logical *l = e->logical;
    return (l && (l->string || l->enumeration || l->json)) || e->converted == PQ_C_UTF8 ||
           e->converted == PQ_C_ENUM || e->converted == PQ_C_JSON;
}

static hr_status leaf_type(const struct pq_file *pq, const struct pq_options *o,
                           const struct pq_node *leaf, const struct hr_type **ret,
                           struct hr_err *err)
{
    const struct pq_element *e = leaf->element;
    int precision, scale;
    if (e->logical && e->logical->unknown) {
        *ret = hr_type(HR_T_NULL);
        return HR_OK;
    }
    if (pq_is_decimal(leaf, &precision, &scale) && e->type != PQ_INT96 && e->type != PQ_FLOAT &&
        e->type != PQ_DOUBLE && e->type != PQ_BOOLEAN) {
        *ret = hr_type_decimal(precision, scale);
        return *ret ? HR_OK
                    : pq_damaged(pq, err, "column %s is DECIMAL(%d,%d)", leaf->name, precision,
                                 scale);
    }
    switch ((enum pq_physical)e->type) {
    case PQ_BOOLEAN: *ret = hr_type(HR_T_BOOLEAN); break;
    case PQ_INT32:
        if ((e->logical && e->logical->time) || e->converted == PQ_C_TIME_MILLIS)
            return illegal(leaf, "TIME values are not supported", err);
        *ret = (e->logical && e->logical->date) || e->converted == PQ_C_DATE ? hr_type(HR_T_DATE)
                                                                             : integer_type(leaf);
        break;
    case PQ_INT64: return int64_type(o, leaf, ret, err);
    case PQ_INT96: *ret = hr_type(HR_T_TIMESTAMP); break;
    case PQ_FLOAT: *ret = hr_type(HR_T_FLOAT); break;
    case PQ_DOUBLE: *ret = hr_type(HR_T_DOUBLE); break;
    case PQ_FIXED: return fixed_type(leaf, ret, err);
    default:
        *ret = hr_type(is_text(e) || (o->binary_as_string && !e->logical && e->converted == PQ_NONE)
                           ? HR_T_STRING
                           : HR_T_BINARY);
    }
    return *ret ? HR_OK : HR_OOM(err);
}

/* --- Groups ----------------------------------------------------------------------------------- */

static hr_status record_type(const struct pq_file *pq, const struct pq_options *o,
                             const struct pq_node *node, const struct hr_type **ret,
                             struct hr_err *err)
{
    struct hr_arena arena;
    hr_status status = HR_OK;
    hr_arena_init(&arena, NULL);
    struct hr_field *fields = HR_NEW_ARRAY(&arena, struct hr_field, node->child_count + 1);
    if (!fields) status = HR_OOM(err);
    if (!status && node->element->logical && node->element->logical->variant)
        status = illegal(node, "the type VARIANT is not supported", err);
    for (uint32_t i = 0; !status && i < node->child_count; i++) {
        fields[i].name = node->children[i].name;
        fields[i].nullable = true;
        status = pq_type_of(pq, o, &node->children[i], false, &fields[i].type, err);
    }
    if (!status && !(*ret = hr_type_struct(fields, node->child_count))) status = HR_OOM(err);
    hr_arena_done(&arena);
    return status;
}

hr_status pq_type_of(const struct pq_file *pq, const struct pq_options *options,
                     const struct pq_node *node, bool bare, const struct hr_type **ret,
                     struct hr_err *err)
{
    struct pq_view view;
    const struct hr_type *item, *value;
    HR_TRY(pq_view_of(pq, node, bare, &view, err));
    switch (view.shape) {
    case PQ_LEAF: return leaf_type(pq, options, node, ret, err);
    case PQ_ARRAY:
        HR_TRY(pq_type_of(pq, options, view.items[0], view.item_bare, &item, err));
        *ret = hr_type_array(item, true);
        break;
    case PQ_MAP:
        HR_TRY(pq_type_of(pq, options, view.items[0], false, &item, err));
        HR_TRY(pq_type_of(pq, options, view.items[1], false, &value, err));
        *ret = hr_type_map(item, value, true);
        break;
    default: return record_type(pq, options, node, ret, err);
    }
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status pq_schema_of(const struct pq_file *pq, const struct pq_options *options,
                       const struct hr_type **ret, struct hr_err *err)
{
    return record_type(pq, options, &pq->root, ret, err);
}

/* --- Several files ---------------------------------------------------------------------------- */

static hr_status merge_type(const char *name, const struct hr_type *a, const struct hr_type *b,
                            const struct hr_type **ret, struct hr_err *err)
{
    struct hr_arena arena;
    const struct hr_type *item, *value;
    *ret = a;
    if (a == b) return HR_OK;
    if (a->id == HR_T_NULL || b->id == HR_T_NULL) {
        *ret = a->id == HR_T_NULL ? b : a;
        return HR_OK;
    }
    if (a->id == HR_T_STRUCT && b->id == HR_T_STRUCT) return pq_schema_merge(a, b, ret, err);
    if (a->id == HR_T_ARRAY && b->id == HR_T_ARRAY) {
        HR_TRY(merge_type(name, a->fields[0].type, b->fields[0].type, &item, err));
        *ret = hr_type_array(item, true);
        return *ret ? HR_OK : HR_OOM(err);
    }
    if (a->id == HR_T_MAP && b->id == HR_T_MAP) {
        HR_TRY(merge_type(name, a->fields[0].type, b->fields[0].type, &item, err));
        HR_TRY(merge_type(name, a->fields[1].type, b->fields[1].type, &value, err));
        *ret = hr_type_map(item, value, true);
        return *ret ? HR_OK : HR_OOM(err);
    }
    if (a->id == HR_T_DECIMAL && b->id == HR_T_DECIMAL && a->scale == b->scale) {
        *ret = a->precision > b->precision ? a : b;
        return HR_OK;
    }
    hr_arena_init(&arena, NULL);
    hr_status status = HR_RAISE(err, HR_E_CANNOT_MERGE_TYPES, "left", hr_type_sql(&arena, a),
                                "right", hr_type_sql(&arena, b), "column", name);
    hr_arena_done(&arena);
    return status;
}

hr_status pq_schema_merge(const struct hr_type *a, const struct hr_type *b,
                          const struct hr_type **ret, struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_OK;
    uint32_t count = a->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(&arena, struct hr_field, count + b->field_count + 1);
    if (!fields) status = HR_OOM(err);
    if (!status) memcpy(fields, a->fields, sizeof *fields * count);
    for (uint32_t i = 0; !status && i < b->field_count; i++) {
        int32_t at = hr_type_field_index(a, hr_sv(b->fields[i].name));
        if (at < 0)
            fields[count++] = b->fields[i];
        else
            status = merge_type(b->fields[i].name, fields[at].type, b->fields[i].type,
                                &fields[at].type, err);
    }
    if (!status && !(*ret = hr_type_struct(fields, count))) status = HR_OOM(err);
    hr_arena_done(&arena);
    return status;
}
