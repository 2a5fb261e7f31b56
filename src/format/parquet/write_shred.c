/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns → levels. On the way down each node has slots: a row of its column or none, and the
 * levels reached so far. NULLs end there, lists make as many slots of one as they have elements.
 */
#include "format/parquet/write.h"

#define NONE UINT32_MAX

struct slots {
    uint32_t *rows; /* of the column; NONE: it ended above */
    uint8_t *reps, *defs;
    uint32_t count;
};

struct shredder {
    struct hr_arena *arena;
    struct pq_wleaf *leaves;
    uint32_t row_count;
};

static hr_status new_slots(struct shredder *s, uint32_t count, struct slots *ret,
                           struct hr_err *err)
{
    ret->count = count;
    ret->rows = hr_arena_alloc(s->arena, sizeof *ret->rows * ((size_t)count + 1));
    ret->reps = hr_arena_alloc(s->arena, (size_t)count * 2 + 1);
    if (!ret->rows || !ret->reps) return HR_OOM(err);
    ret->defs = ret->reps + count;
    return HR_OK;
}

/* Slots whose value is NULL end here. */
static void end_nulls(const struct pq_wcol *wcol, const struct hr_column *col, struct slots *slots)
{
    bool all_null = col->type->id == HR_T_NULL;
    for (uint32_t i = 0; i < slots->count; i++) {
        uint32_t row = slots->rows[i];
        if (row == NONE) continue;
        if (all_null || !hr_column_valid(col, row))
            slots->rows[i] = NONE;
        else
            slots->defs[i] = wcol->def;
    }
}

static hr_status shred(struct shredder *s, const struct pq_wcol *wcol, const struct hr_column *col,
                       struct slots *slots, struct hr_err *err);

static hr_status shred_leaf(struct shredder *s, const struct pq_wcol *wcol,
                            const struct hr_column *col, struct slots *slots, struct hr_err *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        slots->rows[count] = slots->rows[i];
        count += slots->rows[count] != NONE;
    }
    return pq_wleaf_add(&s->leaves[wcol->leaf], slots->reps, slots->defs, slots->count, col,
                        slots->rows, count, s->row_count, err);
}

static hr_status copy_slots(struct shredder *s, const struct slots *from, struct slots *ret,
                            struct hr_err *err)
{
    HR_TRY(new_slots(s, from->count, ret, err));
    memcpy(ret->rows, from->rows, sizeof *ret->rows * from->count);
    memcpy(ret->reps, from->reps, from->count);
    memcpy(ret->defs, from->defs, from->count);
    return HR_OK;
}

/* Elements of lists; a list without any is one slot that has ended. */
static hr_status items_of(struct shredder *s, const struct pq_wcol *wcol,
                          const struct hr_column *col, const struct slots *slots, struct slots *ret,
                          struct hr_err *err)
{
    const int32_t *offsets = col->values;
    uint64_t count = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        uint32_t row = slots->rows[i];
        count += row == NONE ? 1 : (uint64_t)HR_MAX(offsets[row + 1] - offsets[row], 1);
    }
    if (count > INT32_MAX) return HR_FAIL(err, HR_E_LIMIT, "a column has too many elements");
    HR_TRY(new_slots(s, (uint32_t)count, ret, err));
    uint32_t at = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        uint32_t row = slots->rows[i];
        int32_t from = row == NONE ? 0 : offsets[row], to = row == NONE ? 0 : offsets[row + 1];
        if (from == to) {
            ret->rows[at] = NONE;
            ret->reps[at] = slots->reps[i];
            ret->defs[at++] = slots->defs[i];
        }
        for (int32_t k = from; k < to; k++) {
            ret->rows[at] = (uint32_t)k;
            ret->reps[at] = k == from ? slots->reps[i] : wcol->rep;
            ret->defs[at++] = wcol->item_def;
        }
    }
    return HR_OK;
}

static hr_status shred_group(struct shredder *s, const struct pq_wcol *wcol,
                             const struct hr_column *col, struct slots *slots, struct hr_err *err)
{
    struct slots items = *slots;
    if (col->type->id != HR_T_STRUCT) HR_TRY(items_of(s, wcol, col, slots, &items, err));
    for (uint32_t i = 0; i < col->type->field_count; i++) {
        struct slots own;
        HR_TRY(copy_slots(s, &items, &own, err));
        HR_TRY(shred(s, &wcol->children[i], &col->children[i], &own, err));
    }
    return HR_OK;
}

static hr_status shred(struct shredder *s, const struct pq_wcol *wcol, const struct hr_column *col,
                       struct slots *slots, struct hr_err *err)
{
    end_nulls(wcol, col, slots);
    if (wcol->leaf >= 0) return shred_leaf(s, wcol, col, slots, err);
    return shred_group(s, wcol, col, slots, err);
}

hr_status pq_shred(struct hr_arena *arena, struct pq_wleaf *leaves, const struct pq_wcol *wcol,
                   const struct hr_column *col, const uint32_t *live, uint32_t count,
                   struct hr_err *err)
{
    struct shredder s = {arena, leaves, count};
    struct slots slots;
    HR_TRY(new_slots(&s, count, &slots, err));
    memcpy(slots.rows, live, sizeof *live * count);
    memset(slots.reps, 0, (size_t)count * 2);
    return shred(&s, wcol, col, &slots, err);
}
