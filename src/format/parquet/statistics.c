/* SPDX-License-Identifier: Apache-2.0 */
/* What the statistics of a row group say to filters. Any doubt, and they say nothing. */
#include "format/parquet/parquet.h"

/* A value of statistics as a column of one row; NULL: there is none that can be used. */
static const struct hr_column *value_of(const struct pq_leaf *leaf, const struct hr_type *type,
                                        struct hr_str_view bytes, struct hr_arena *arena)
{
    struct pq_convert c = leaf->convert;
    struct hr_string view;
    const void *from = bytes.ptr;
    if (!bytes.ptr) return NULL;
    struct hr_column *col = HR_NEW(arena, struct hr_column);
    char *to = hr_arena_zalloc(arena, 64), *raw = hr_arena_zalloc(arena, bytes.len + 64);
    if (!col || !to || !raw) return NULL;
    if (leaf->node->element->type == PQ_BYTE_ARRAY) {
        if (bytes.len > INT32_MAX) return NULL;
        view = hr_string_make(bytes.ptr, (uint32_t)bytes.len);
        from = &view;
    } else {
        if (bytes.len != c.from_width) return NULL;
        memcpy(raw, bytes.ptr, bytes.len); /* aligned */
        from = raw;
    }
    if (c.text && !(c.text_at = hr_arena_zalloc(arena, c.text))) return NULL;
    if (!c.fn)
        memcpy(to, from, c.from_width);
    else if (!c.fn(&c, from, to, 1))
        return NULL;
    *col = (struct hr_column){.type = type, .length = 1, .values = to};
    return col;
}

static bool is_nan(const struct hr_column *col)
{
    if (!col) return false;
    if (col->type->id == HR_T_FLOAT)
        return *(const float *)col->values != *(const float *)col->values;
    if (col->type->id != HR_T_DOUBLE) return false;
    return *(const double *)col->values != *(const double *)col->values;
}

/* The members min and max of old are in the order of signed numbers. */
static bool old_order_fits(const struct pq_node *leaf)
{
    int32_t type = leaf->element->type;
    int precision, scale;
    if (pq_is_unsigned(leaf)) return false;
    if (type == PQ_INT32 || type == PQ_INT64) return true;
    return !pq_is_decimal(leaf, &precision, &scale) &&
           (type == PQ_FLOAT || type == PQ_DOUBLE || type == PQ_BOOLEAN);
}

static bool has_order(const struct pq_file *pq, const struct pq_leaf *leaf)
{
    const struct pq_logical *logical = leaf->node->element->logical;
    if (leaf->node->element->type == PQ_INT96 || (logical && logical->float16)) return false;
    return leaf->number < pq->meta.column_orders.count &&
           pq->meta.column_orders.items[leaf->number].type_order;
}

static void range_of(const struct pq_file *pq, const struct pq_leaf *leaf,
                     const struct hr_type *type, const struct pq_column_meta *meta,
                     struct hr_arena *arena, struct hr_bound_range *ret)
{
    const struct pq_statistics *s = meta->statistics;
    ret->no_nulls = leaf->node->def == 0;
    if (!s) return;
    ret->only_nulls = s->null_count == meta->value_count;
    ret->no_nulls |= s->null_count == 0;
    if (has_order(pq, leaf)) {
        ret->min = value_of(leaf, type, s->min, arena);
        ret->max = value_of(leaf, type, s->max, arena);
    } else if (old_order_fits(leaf->node)) {
        ret->min = value_of(leaf, type, s->old_min, arena);
        ret->max = value_of(leaf, type, s->old_max, arena);
    }
    if (is_nan(ret->min) || is_nan(ret->max)) ret->min = ret->max = NULL;
}

hr_status pq_group_may_hold(struct pq_file *pq, const struct pq_binding *b,
                            const struct pq_row_group *group, const struct hr_bound *bounds,
                            uint32_t bound_count, bool *ret, struct hr_err *err)
{
    struct hr_arena arena;
    *ret = true;
    HR_UNUSED(err);
    hr_arena_init(&arena, pq->mem);
    for (uint32_t i = 0; i < bound_count && *ret; i++) {
        const struct pq_col *col = &b->columns[bounds[i].column];
        struct hr_bound_range range = {0};
        if (col->shape == PQ_MISSING) {
            range.only_nulls = true;
        } else {
            if (col->shape != PQ_LEAF) continue;
            const struct pq_leaf *leaf = &b->leaves[col->leaf];
            const struct pq_column_meta *meta = group->columns.items[leaf->number].meta;
            if (!meta) continue;
            range_of(pq, leaf, col->type, meta, &arena, &range);
        }
        *ret = hr_bound_may_hold(&bounds[i], &range);
    }
    hr_arena_done(&arena);
    return HR_OK;
}
