/* SPDX-License-Identifier: Apache-2.0 */
/* Wanted columns, found by name in a file: what of its leaves must be read, and how put
 * together. */
#include "format/parquet/parquet.h"

struct binder {
    struct pq_file *pq;
    const struct pq_options *options;
    bool case_sensitive;
    struct pq_binding *b;
};

static hr_status add_leaf(struct binder *b, uint32_t number, const struct hr_type *type,
                          bool levels_only, uint32_t *ret, struct hr_err *err)
{
    struct pq_binding *to = b->b;
    if (to->leaf_count == to->leaf_capacity) {
        uint32_t capacity = HR_MAX(to->leaf_capacity * 2, 16u);
        struct pq_leaf *grown = HR_NEW_ARRAY(&b->pq->arena, struct pq_leaf, capacity);
        if (!grown) return HR_OOM(err);
        if (to->leaf_count) memcpy(grown, to->leaves, sizeof *grown * to->leaf_count);
        to->leaves = grown;
        to->leaf_capacity = capacity;
    }
    struct pq_leaf *leaf = &to->leaves[to->leaf_count];
    memset(leaf, 0, sizeof *leaf);
    leaf->pq = b->pq;
    leaf->number = number;
    leaf->node = b->pq->leaves[number];
    leaf->levels_only = levels_only;
    leaf->is_text = type && type->id == HR_T_STRING && leaf->node->element->type == PQ_BYTE_ARRAY;
    leaf->is_view = type && hr_type_is_string(type);
    if (type)
        HR_TRY(pq_convert_of(b->pq, b->options, leaf->node, type, &leaf->convert, err));
    else
        leaf->convert.from_width = 1;
    if (!(leaf->indices = hr_alloc(sizeof(uint32_t) * HR_BATCH_ROWS))) return HR_OOM(err);
    *ret = to->leaf_count++;
    return HR_OK;
}

static hr_status bind(struct binder *b, const struct pq_node *node, bool bare,
                      const struct hr_type *type, struct pq_col *col, int depth,
                      struct hr_err *err);

static bool same_name(const struct binder *b, const char *a, const char *name)
{
    return b->case_sensitive ? strcmp(a, name) == 0 : hr_str_eq_nocase(a, name);
}

/* The child of that name; NULL: there is none. */
static hr_status find_child(const struct binder *b, const struct pq_node *node, const char *name,
                            const struct pq_node **ret, struct hr_err *err)
{
    *ret = NULL;
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (!same_name(b, node->children[i].name, name)) continue;
        if (*ret)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "%s: found duplicate field(s) \"%s\": [%s, %s] in case-insensitive mode",
                           b->pq->file->path, name, (*ret)->name, node->children[i].name);
        *ret = &node->children[i];
    }
    return HR_OK;
}

static hr_status bind_fields(struct binder *b, const struct pq_node *node,
                             const struct hr_type *type, struct pq_col *parent, struct pq_col *cols,
                             int depth, struct hr_err *err)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct pq_node *child;
        struct pq_col *col = &cols[i];
        *col = (struct pq_col){.shape = PQ_MISSING, .type = type->fields[i].type};
        if (parent) {
            col->slot_def = parent->slot_def;
            col->slot_rep = parent->slot_rep;
        }
        HR_TRY(find_child(b, node, type->fields[i].name, &child, err));
        if (child) HR_TRY(bind(b, child, false, type->fields[i].type, col, depth + 1, err));
    }
    return HR_OK;
}

static hr_status mismatch(struct binder *b, const struct pq_node *node, const struct hr_type *type,
                          struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_RAISE(err, HR_E_PARQUET_TYPE_MISMATCH, "path", b->pq->file->path,
                                "column", node->name, "expectedType", hr_type_simple(&arena, type),
                                "actualType", node->children ? "group" : "a single value");
    hr_arena_done(&arena);
    return status;
}

static hr_status bind_items(struct binder *b, const struct pq_view *view,
                            const struct hr_type *type, struct pq_col *col, int depth,
                            struct hr_err *err)
{
    col->item_def = view->item_def;
    for (uint32_t i = 0; i < col->child_count; i++) {
        struct pq_col *item = &col->children[i];
        *item = (struct pq_col){.slot_def = view->item_def,
                                .slot_rep = (uint8_t)(col->slot_rep + 1),
                                .keys = view->shape == PQ_MAP && i == 0};
        HR_TRY(
            bind(b, view->items[i], view->item_bare, type->fields[i].type, item, depth + 1, err));
    }
    return HR_OK;
}

static hr_status bind(struct binder *b, const struct pq_node *node, bool bare,
                      const struct hr_type *type, struct pq_col *col, int depth, struct hr_err *err)
{
    static const enum hr_type_id ids[] = {
        [PQ_RECORD] = HR_T_STRUCT, [PQ_ARRAY] = HR_T_ARRAY, [PQ_MAP] = HR_T_MAP};
    struct pq_view view;
    HR_TRY(pq_view_of(b->pq, node, bare, &view, err));
    col->shape = view.shape;
    col->type = type;
    col->def = view.def;
    col->leaf = b->b->leaf_count;
    if (view.shape == PQ_LEAF) {
        if (hr_type_is_nested(type)) return mismatch(b, node, type, err);
        bool unknown = node->element->logical && node->element->logical->unknown;
        bool nothing = type->id == HR_T_NULL || unknown;
        if (nothing && depth == 0) {
            col->shape = PQ_MISSING;
            return HR_OK;
        }
        HR_TRY(add_leaf(b, node->first_leaf, nothing ? NULL : type, nothing, &col->leaf, err));
        col->flat = depth == 0 && node->rep == 0 && node->def <= 1;
        if (nothing) col->shape = PQ_MISSING;
        col->last_leaf = b->b->leaf_count;
        return HR_OK;
    }
    if (type->id != ids[view.shape]) return mismatch(b, node, type, err);
    col->child_count = type->field_count;
    col->children = HR_NEW_ARRAY(&b->pq->arena, struct pq_col, type->field_count + 1);
    if (!col->children) return HR_OOM(err);
    if (view.shape == PQ_RECORD)
        HR_TRY(bind_fields(b, node, type, col, col->children, depth, err));
    else
        HR_TRY(bind_items(b, &view, type, col, depth, err));
    uint32_t leaf;
    if (b->b->leaf_count == col->leaf) /* none of its fields: only whether it is there */
        HR_TRY(add_leaf(b, node->first_leaf, NULL, true, &leaf, err));
    col->last_leaf = b->b->leaf_count;
    return HR_OK;
}

hr_status pq_bind(struct pq_file *pq, const struct pq_options *options,
                  const struct hr_type *wanted, bool case_sensitive, struct pq_binding *ret,
                  struct hr_err *err)
{
    struct binder b = {pq, options, case_sensitive, ret};
    ret->column_count = wanted->field_count;
    ret->columns = HR_NEW_ARRAY(&pq->arena, struct pq_col, wanted->field_count + 1);
    if (!ret->columns) return HR_OOM(err);
    return bind_fields(&b, &pq->root, wanted, NULL, ret->columns, -1, err);
}
