/* SPDX-License-Identifier: Apache-2.0 */
#include "ml/keyed.h"

#include "base/alloc.h"
#include "base/hash.h"

#define FIRST_SLOTS 64u

void hr_ml_keyed_init(struct hr_ml_keyed *keyed, size_t row_size)
{
    assert(row_size >= sizeof(char *));
    *keyed = (struct hr_ml_keyed){.row_size = row_size};
}

void hr_ml_keyed_done(struct hr_ml_keyed *keyed)
{
    hr_free(keyed->rows);
    hr_free(keyed->slots);
}

static char **key_of(const struct hr_ml_keyed *keyed, uint32_t i)
{
    return (char **)((char *)keyed->rows + i * keyed->row_size);
}

/* The slot of the key, or the empty one where it would be. */
static uint32_t *find_slot(const struct hr_ml_keyed *keyed, struct hr_str_view key)
{
    uint32_t mask = keyed->slot_count - 1, at = (uint32_t)hr_hash_bytes(key.ptr, key.len) & mask;
    while (keyed->slots[at] && !hr_sv_eq(hr_sv(*key_of(keyed, keyed->slots[at] - 1)), key))
        at = (at + 1) & mask;
    return &keyed->slots[at];
}

void *hr_ml_keyed_find(const struct hr_ml_keyed *keyed, struct hr_str_view key)
{
    uint32_t *slot = keyed->slot_count ? find_slot(keyed, key) : NULL;
    return slot && *slot ? key_of(keyed, *slot - 1) : NULL;
}

/* Room for one more; slots are at most half full. */
static hr_status grow(struct hr_ml_keyed *keyed, struct hr_err *err)
{
    if (keyed->count * 2 >= keyed->slot_count) {
        uint32_t count = HR_MAX(FIRST_SLOTS, keyed->slot_count * 2);
        uint32_t *slots = hr_zalloc(sizeof *slots * count);
        if (!slots) return HR_OOM(err);
        hr_free(keyed->slots);
        keyed->slots = slots;
        keyed->slot_count = count;
        for (uint32_t i = 0; i < keyed->count; i++)
            *find_slot(keyed, hr_sv(*key_of(keyed, i))) = i + 1;
    }
    if (keyed->count < keyed->capacity) return HR_OK;
    uint32_t capacity = HR_MAX(16u, keyed->capacity * 2);
    void *grown = hr_realloc(keyed->rows, keyed->row_size * capacity);
    if (!grown) return HR_OOM(err);
    keyed->rows = grown;
    keyed->capacity = capacity;
    return HR_OK;
}

hr_status hr_ml_keyed_take(struct hr_ml_keyed *keyed, struct hr_arena *arena,
                           struct hr_str_view key, const char *what, void **ret,
                           struct hr_err *err)
{
    *ret = hr_ml_keyed_find(keyed, key);
    if (*ret) return HR_OK;
    if (keyed->count == HR_ML_KEYED_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", what, "limit", "1048576");
    HR_TRY(grow(keyed, err));
    char *copy = hr_arena_strndup(arena, key.ptr, key.len);
    if (!copy) return HR_OOM(err);
    char **row = key_of(keyed, keyed->count);
    memset(row, 0, keyed->row_size);
    *row = copy;
    *find_slot(keyed, key) = ++keyed->count;
    *ret = row;
    return HR_OK;
}
