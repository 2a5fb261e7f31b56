/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of nodes that a JSON record is decoded into, and its way into a batch. See json.h for
 * the layout. Inner levels (elements of arrays and maps) grow by doubling on the heap and are
 * copied into the batch's arena when it is finished; level 0 is written in place.
 */
#include "format/json/json.h"

#define LEVEL_START 256
#define LEVEL_ROWS_MAX (1u << 30) /* element offsets are int32 */

static size_t node_width(const struct hr_type *type)
{
    switch (type->id) {
    case HR_T_NULL:
    case HR_T_STRUCT: return 0;
    case HR_T_BOOLEAN: return 1;
    case HR_T_ARRAY:
    case HR_T_MAP: return sizeof(int32_t);
    default: return hr_type_width(type);
    }
}

static uint32_t name_hash(uint64_t name8, uint32_t len)
{
    uint64_t h = (name8 ^ len) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 40);
}

static uint64_t load_name8(const char *name, uint32_t len)
{
    uint64_t v = 0;
    memcpy(&v, name, len < 8 ? len : 8);
    return v;
}

static hr_status build_table(struct json_decoder *d, struct json_node *node, struct hr_err *err)
{
    uint32_t size = 4;
    while (size < node->child_count * 2) size *= 2;
    node->table = HR_NEW_ARRAY(&d->arena, uint16_t, size);
    if (!node->table) return HR_OOM(err);
    node->table_mask = size - 1;
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct json_node *child = &node->children[i];
        if (child->skip) continue;
        uint32_t at = name_hash(child->name8, child->name_len) & node->table_mask;
        while (node->table[at]) at = (at + 1) & node->table_mask;
        node->table[at] = (uint16_t)(i + 1);
    }
    return HR_OK;
}

struct json_node *hr_json_find(struct json_node *node, const char *name, uint32_t len)
{
    return hr_json_find8(node, name, load_name8(name, len), len);
}

struct json_node *hr_json_find8(struct json_node *node, const char *name, uint64_t name8,
                                uint32_t len)
{
    uint32_t at = name_hash(name8, len) & node->table_mask;
    for (; node->table[at]; at = (at + 1) & node->table_mask) {
        struct json_node *child = &node->children[node->table[at] - 1];
        if (child->name8 == name8 && child->name_len == len &&
            (len <= 8 || memcmp(child->name, name, len) == 0))
            return child;
    }
    return NULL;
}

static hr_status new_level(struct json_decoder *d, struct json_level **ret, struct hr_err *err)
{
    if (d->level_count == HR_COUNT(d->levels))
        return HR_FAIL(err, HR_E_LIMIT, "a JSON schema with more than %zu nested arrays and maps "
                       "exceeds the limit", HR_COUNT(d->levels) - 1);
    struct json_level *level = HR_NEW(&d->arena, struct json_level);
    if (!level) return HR_OOM(err);
    d->levels[d->level_count++] = level;
    *ret = level;
    return HR_OK;
}

static hr_status build_node(struct json_decoder *d, struct json_node *node,
                            const struct hr_type *type, struct json_level *level, uint32_t depth,
                            struct hr_err *err)
{
    if (depth > 64) return HR_FAIL(err, HR_E_LIMIT, "a JSON schema nested deeper than 64");
    node->type = type;
    node->id = type->id;
    node->level = level;
    node->width = node_width(type);
    node->bit = level->bit_count++;
    struct json_level *child_level = level;
    if (type->id == HR_T_ARRAY || type->id == HR_T_MAP) {
        HR_TRY(new_level(d, &node->inner, err));
        child_level = node->inner;
    }
    if (type->id == HR_T_MAP && type->fields[0].type->id != HR_T_STRING)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "a MAP in JSON whose keys are not STRING is not supported");
    if (!hr_type_is_nested(type)) return HR_OK;
    if (type->field_count > UINT16_MAX - 1)
        return HR_FAIL(err, HR_E_LIMIT, "a STRUCT of more than %d fields", UINT16_MAX - 1);
    node->child_count = type->field_count;
    node->children = HR_NEW_ARRAY(&d->arena, struct json_node, type->field_count + 1);
    if (!node->children) return HR_OOM(err);
    node->children[type->field_count].skip = true; /* what hint finds in an empty STRUCT */
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct json_node *child = &node->children[i];
        child->name = type->id == HR_T_STRUCT ? type->fields[i].name : "";
        child->name_len = (uint32_t)strlen(child->name);
        child->name8 = load_name8(child->name, child->name_len);
        HR_TRY(build_node(d, child, type->fields[i].type, child_level, depth + 1, err));
    }
    return type->id == HR_T_STRUCT ? build_table(d, node, err) : HR_OK;
}

static void list_nodes(struct json_node *node)
{
    node->level->nodes[node->bit] = node;
    for (uint32_t i = 0; i < node->child_count; i++) list_nodes(&node->children[i]);
}

hr_status hr_json_schema_init(struct json_decoder *d, struct hr_err *err)
{
    struct json_level *level;
    HR_TRY(new_level(d, &level, err));
    HR_TRY(build_node(d, &d->root, d->wanted, level, 0, err));
    for (uint32_t i = 0; i < d->root.child_count; i++) {
        struct json_node *child = &d->root.children[i];
        if (child->id == HR_T_STRING && strcmp(child->name, d->options.corrupt_name) == 0) {
            child->skip = true;
            d->corrupt = child;
            HR_TRY(build_table(d, &d->root, err));
        }
    }
    for (uint32_t i = 0; i < d->level_count; i++) {
        level = d->levels[i];
        level->words = (level->bit_count + 63) / 64;
        level->nodes = HR_NEW_ARRAY(&d->arena, struct json_node *, level->bit_count);
        if (!level->nodes) return HR_OOM(err);
    }
    list_nodes(&d->root);
    return HR_OK;
}

void hr_json_schema_done(struct json_decoder *d)
{
    for (uint32_t i = 0; i < d->level_count; i++) {
        struct json_level *level = d->levels[i];
        hr_free(level->have);
        if (i == 0 || !level->nodes) continue;
        for (uint32_t b = 0; b < level->bit_count; b++)
            if (level->nodes[b]) hr_free(level->nodes[b]->values);
    }
}

/* --- Rows ------------------------------------------------------------------------------------- */

static bool level_grow(struct json_level *level, uint32_t capacity, bool with_values)
{
    uint64_t *have = hr_realloc(level->have, (size_t)capacity * level->words * 8);
    if (!have) return false;
    level->have = have;
    for (uint32_t b = 0; with_values && b < level->bit_count; b++) {
        struct json_node *node = level->nodes[b];
        if (!node->width) continue;
        /* A word more: vector stores of a value may write past it. */
        void *values = hr_realloc(node->values, (size_t)capacity * node->width + 64);
        if (!values) return false;
        node->values = values;
    }
    level->capacity = capacity;
    return true;
}

uint32_t hr_json_level_push(struct json_decoder *d, struct json_level *level)
{
    if (HR_UNLIKELY(level->len == level->capacity)) {
        uint32_t capacity = level->capacity ? level->capacity * 2 : LEVEL_START;
        if (capacity > LEVEL_ROWS_MAX || !level_grow(level, capacity, true)) {
            d->out_of_memory = true;
            return UINT32_MAX;
        }
    }
    json_row_clear(level);
    return level->len++;
}

/* Where the elements of rows below idx end. */
static uint32_t inner_end(const struct json_node *node, uint32_t idx)
{
    while (idx > 0) {
        idx--;
        if (json_has(node, idx)) return (uint32_t)((const int32_t *)node->values)[idx];
    }
    return 0;
}

void hr_json_truncate(struct json_level *level, uint32_t len)
{
    for (uint32_t b = 0; b < level->bit_count; b++) {
        struct json_node *node = level->nodes[b];
        if (!node->inner) continue;
        uint32_t end = inner_end(node, len);
        if (node->inner->len > end) hr_json_truncate(node->inner, end);
    }
    level->len = len;
}

void hr_json_unset(struct json_node *node, uint32_t idx)
{
    struct json_level *level = node->level;
    level->have[(size_t)idx * level->words + (node->bit >> 6)] &=
        ~(UINT64_C(1) << (node->bit & 63));
    if (node->inner) {
        /* Its elements are the last ones: idx is the row being written. */
        uint32_t end = inner_end(node, idx);
        if (node->inner->len > end) hr_json_truncate(node->inner, end);
    } else {
        for (uint32_t i = 0; i < node->child_count; i++) hr_json_unset(&node->children[i], idx);
    }
}

char *hr_json_bytes(struct json_decoder *d, size_t size)
{
    char *bytes = hr_arena_alloc(&d->batch->arena, size ? size : 1);
    if (!bytes) d->out_of_memory = true;
    return bytes;
}

/* --- Batches ---------------------------------------------------------------------------------- */

hr_status hr_json_batch_begin(struct json_decoder *d, uint32_t capacity, struct hr_err *err)
{
    assert(!d->batch && capacity > 0);
    struct hr_batch *batch = hr_batch_new(d->wanted, capacity, d->mem);
    if (!batch) return HR_OOM(err);
    struct json_level *level = d->levels[0];
    if (level->capacity < capacity && !level_grow(level, capacity, false)) {
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
    for (uint32_t b = 0; b < level->bit_count; b++) {
        struct json_node *node = level->nodes[b];
        if (!node->width) continue;
        node->values = hr_arena_alloc_aligned(&batch->arena, (size_t)capacity * node->width + 64);
        if (!node->values) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
    }
    for (uint32_t i = 0; i < d->level_count; i++) d->levels[i]->len = 0;
    d->batch = batch;
    d->capacity = capacity;
    json_row_clear(level);
    return HR_OK;
}

/* The validity of a node from its bits; *ret NULL: all rows have it. */
static hr_status take_validity(struct hr_arena *arena, const struct json_node *node,
                               uint64_t **ret, struct hr_err *err)
{
    const struct json_level *level = node->level;
    uint32_t words = level->words, bit = node->bit & 63;
    *ret = NULL;
    if (level->len == 0) return HR_OK;
    const uint64_t *have = level->have + (node->bit >> 6);
    uint64_t all = ~UINT64_C(0);
    for (uint32_t i = 0; i < level->len; i++) all &= have[(size_t)i * words];
    if ((all >> bit) & 1) {
        *ret = NULL;
        return HR_OK;
    }
    uint64_t *bits = hr_arena_alloc_aligned(arena, hr_bit_words(level->len) * 8);
    if (!bits) return HR_OOM(err);
    for (uint32_t i = 0; i < level->len; i += 64) {
        uint64_t word = 0;
        uint32_t count = HR_MIN(64u, level->len - i);
        for (uint32_t j = 0; j < count; j++)
            word |= ((have[(size_t)(i + j) * words] >> bit) & 1) << j;
        bits[i / 64] = word;
    }
    *ret = bits;
    return HR_OK;
}

static hr_status take_bits(struct hr_arena *arena, const struct json_node *node,
                           const void **ret, struct hr_err *err)
{
    uint32_t len = node->level->len;
    const uint8_t *bytes = node->values;
    uint64_t *bits = hr_arena_alloc_aligned(arena, (hr_bit_words(len) + 1) * 8);
    if (!bits) return HR_OOM(err);
    for (uint32_t i = 0; i < len; i += 64) {
        uint64_t word = 0;
        uint32_t count = HR_MIN(64u, len - i);
        for (uint32_t j = 0; j < count; j++) word |= (uint64_t)(bytes[i + j] & 1) << j;
        bits[i / 64] = word;
    }
    *ret = bits;
    return HR_OK;
}

/* Ends of the elements → offsets; rows without a value have none. */
static hr_status take_offsets(struct hr_arena *arena, const struct json_node *node,
                              const uint64_t *validity, const void **ret, struct hr_err *err)
{
    uint32_t len = node->level->len;
    const int32_t *ends = node->values;
    int32_t *offsets = hr_arena_alloc_aligned(arena, ((size_t)len + 1) * 4);
    if (!offsets) return HR_OOM(err);
    offsets[0] = 0;
    for (uint32_t i = 0; i < len; i++)
        offsets[i + 1] = !validity || hr_bit_get(validity, i) ? ends[i] : offsets[i];
    *ret = offsets;
    return HR_OK;
}

/* Level 0 is in the arena already, inner levels are copied there. */
static hr_status take_values(struct json_decoder *d, const struct json_node *node,
                             const uint64_t *validity, const void **ret, struct hr_err *err)
{
    uint32_t len = node->level->len;
    void *values = node->values;
    if (node->level != d->levels[0]) {
        values = hr_arena_alloc_aligned(&d->batch->arena, (size_t)len * node->width + 64);
        if (!values) return HR_OOM(err);
        if (len) memcpy(values, node->values, (size_t)len * node->width);
    }
    if (validity && hr_type_is_string(node->type)) {
        struct hr_string *strings = values;
        for (uint32_t i = 0; i < len; i++)
            if (!hr_bit_get(validity, i)) memset(&strings[i], 0, sizeof *strings);
    }
    *ret = values;
    return HR_OK;
}

static hr_status take_column(struct json_decoder *d, const struct json_node *node,
                             struct hr_column *ret, struct hr_err *err)
{
    struct hr_arena *arena = &d->batch->arena;
    struct hr_column col = {.type = node->type, .length = node->level->len};
    uint64_t *validity = NULL;
    if (node->id == HR_T_NULL) return hr_column_nulls(arena, node->type, col.length, ret, err);
    HR_TRY(take_validity(arena, node, &validity, err));
    col.validity = validity;
    switch (node->id) {
    case HR_T_STRUCT: break;
    case HR_T_BOOLEAN: HR_TRY(take_bits(arena, node, &col.values, err)); break;
    case HR_T_ARRAY:
    case HR_T_MAP: HR_TRY(take_offsets(arena, node, validity, &col.values, err)); break;
    default: HR_TRY(take_values(d, node, validity, &col.values, err)); break;
    }
    if (node->child_count) {
        col.children = HR_NEW_ARRAY(arena, struct hr_column, node->child_count);
        if (!col.children) return HR_OOM(err);
        for (uint32_t i = 0; i < node->child_count; i++)
            HR_TRY(take_column(d, &node->children[i], &col.children[i], err));
    }
    *ret = col;
    return HR_OK;
}

hr_status hr_json_batch_finish(struct json_decoder *d, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *batch = d->batch;
    uint32_t rows = d->levels[0]->len;
    batch->row_count = batch->sel_count = rows;
    hr_status status = d->out_of_memory ? HR_OOM(err) : HR_OK;
    for (uint32_t i = 0; !status && i < d->root.child_count; i++)
        status = take_column(d, &d->root.children[i], &batch->columns[i], err);
    d->batch = NULL;
    d->out_of_memory = false;
    if (status) {
        hr_batch_unref(batch);
        return status;
    }
    *ret = batch;
    return HR_OK;
}
