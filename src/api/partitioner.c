/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitioners: which partition behind a shuffle a row belongs to. By hash, by ranges, by a user's
 * function of the key; in turn (round robin).
 *
 * The hash is the keyed table's (state/table.h), so that tables, state and shuffles agree about who
 * owns a key. A partitioner is shared by the map tasks: assign keeps nothing between calls.
 *
 * How an RDD is placed (struct hr_placement) is what operations by key compare: RDDs placed alike
 * need no shuffle between them. By hash it is a number of partitions; otherwise a placer says it,
 * which is shared by all RDDs so placed, by reference.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/api.h"
#include "state/table.h"

/* --- By hash ---------------------------------------------------------------------------------- */

struct hash_partitioner {
    struct hr_partitioner base;
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    uint32_t key_columns;
};

static hr_status hash_assign(struct hr_partitioner *base, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    const struct hash_partitioner *p = (const struct hash_partitioner *)base;
    struct hr_keys keys = {0};
    struct hr_vector vectors[HR_ORDER_MAX];
    for (uint32_t i = 0; i < p->key_columns; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    hr_status status =
        hr_keys_encode(p->codec, vectors, batch->sel, batch->sel_count, 0, &keys, err);
    for (uint32_t i = 0; status == HR_OK && i < batch->sel_count; i++)
        ret_partition[i] = hr_key_partition(keys.hashes[i], base->partition_count);
    hr_keys_done(&keys);
    return status;
}

static void hash_free(struct hr_partitioner *base)
{
    struct hash_partitioner *p = (struct hash_partitioner *)base;
    hr_arena_done(&p->arena);
    hr_free(p);
}

struct hr_partitioner *hr_partitioner_hash(const struct hr_type *schema, uint32_t key_columns,
                                           uint32_t partitions, struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    if (key_columns > HR_ORDER_MAX) {
        HR_UNUSED(
            HR_FAIL(err, HR_E_LIMIT, "a key of %u columns; at most %d", key_columns, HR_ORDER_MAX));
        return NULL;
    }
    struct hash_partitioner *p = hr_zalloc(sizeof *p);
    if (!p) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    p->base = (struct hr_partitioner){partitions, hash_assign, hash_free, "hash"};
    p->key_columns = key_columns;
    for (uint32_t i = 0; i < key_columns; i++) types[i] = schema->fields[i].type;
    if (hr_key_codec_new(&p->arena, types, key_columns, &p->codec, err) != HR_OK) {
        hash_free(&p->base);
        return NULL;
    }
    return &p->base;
}

/* --- In turn ---------------------------------------------------------------------------------- */

static hr_status turn_assign(struct hr_partitioner *p, const struct hr_batch *batch,
                             uint32_t *ret_partition, struct hr_err *err)
{
    HR_UNUSED(err);
    /* Starts at the number of rows, so that many small batches do not all begin at partition 0, and
     * a task that runs again deals the same way. */
    uint32_t at = batch->sel_count % p->partition_count;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        ret_partition[i] = at;
        if (++at == p->partition_count) at = 0;
    }
    return HR_OK;
}

static void turn_free(struct hr_partitioner *p)
{
    hr_free(p);
}

struct hr_partitioner *hr_partitioner_round_robin(uint32_t partitions, struct hr_err *err)
{
    struct hr_partitioner *p = hr_alloc(sizeof *p);
    if (!p)
        HR_UNUSED(HR_OOM(err));
    else
        *p = (struct hr_partitioner){partitions, turn_assign, turn_free, "round-robin"};
    return p;
}

struct hr_partitioner *hr_partitioner_single(struct hr_err *err)
{
    return hr_partitioner_round_robin(1, err);
}

/* --- Placers ---------------------------------------------------------------------------------- */

struct hr_placer {
    _Atomic uint32_t refs;
    char *name; /* of a function, or NULL: ranges */
    hr_partition_by_fn fn;
    void *arg;
    struct hr_batch *bounds; /* ascending in the order; at most one less than the partitions */
    struct hr_order order[HR_ORDER_MAX];
    uint32_t order_count;
};

struct hr_placer *hr_placer_ref(struct hr_placer *placer)
{
    if (placer) atomic_fetch_add_explicit(&placer->refs, 1, memory_order_relaxed);
    return placer;
}

void hr_placer_unref(struct hr_placer *placer)
{
    if (!placer || atomic_fetch_sub_explicit(&placer->refs, 1, memory_order_acq_rel) > 1) return;
    hr_batch_unref(placer->bounds);
    hr_free(placer->name);
    hr_free(placer);
}

const char *hr_placer_name(const struct hr_placer *placer)
{
    return placer->name ? placer->name : "range";
}

struct hr_placer *hr_placer_fn(const char *name, hr_partition_by_fn fn, void *arg,
                               struct hr_err *err)
{
    struct hr_placer *placer = hr_zalloc(sizeof *placer);
    char *copy = hr_strdup(name);
    if (!placer || !copy) {
        hr_free(placer);
        hr_free(copy);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    atomic_init(&placer->refs, 1);
    placer->name = copy;
    placer->fn = fn;
    placer->arg = arg;
    return placer;
}

struct hr_placer *hr_placer_ranges(struct hr_batch *bounds, const struct hr_order *order,
                                   uint32_t count, struct hr_err *err)
{
    struct hr_placer *placer = hr_zalloc(sizeof *placer);
    if (!placer) {
        HR_UNUSED(HR_OOM(err));
        hr_batch_unref(bounds);
        return NULL;
    }
    atomic_init(&placer->refs, 1);
    placer->bounds = bounds;
    memcpy(placer->order, order, count * sizeof *order);
    placer->order_count = count;
    return placer;
}

static bool same_placer(const struct hr_placer *a, const struct hr_placer *b)
{
    if (a == b) return true;
    return a && b && a->name && b->name && a->fn == b->fn && a->arg == b->arg &&
           strcmp(a->name, b->name) == 0;
}

bool hr_placed_alike(const struct hr_placement *a, const struct hr_placement *b)
{
    return a->partitions == b->partitions && same_placer(a->by, b->by);
}

/* --- By a placer ------------------------------------------------------------------------------ */

struct placer_partitioner {
    struct hr_partitioner base;
    struct hr_placer *placer;
    uint32_t key_columns;
};

int hr_order_compare(const struct hr_order *order, uint32_t count, const struct hr_column *a,
                     uint32_t a_row, const struct hr_column *b, uint32_t b_row)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t c = order[i].column;
        int cmp = hr_column_compare(&a[c], a_row, &b[c], b_row);
        if (cmp) return order[i].descending ? -cmp : cmp;
    }
    return 0;
}

static hr_status range_assign(struct hr_partitioner *base, const struct hr_batch *batch,
                              uint32_t *ret_partition, struct hr_err *err)
{
    const struct hr_placer *p = ((const struct placer_partitioner *)base)->placer;
    HR_UNUSED(err);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        uint32_t low = 0, high = p->bounds->row_count;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            if (hr_order_compare(p->order, p->order_count, batch->columns, row, p->bounds->columns,
                                 mid) <= 0)
                high = mid;
            else
                low = mid + 1;
        }
        ret_partition[i] = low;
    }
    return HR_OK;
}

static HR_COLD hr_status out_of_range(const struct hr_placer *p, int64_t got, uint32_t partitions,
                                      const struct hr_row *key, struct hr_err *err)
{
    char text[128];
    hr_row_print(key, text, sizeof text);
    return HR_FAIL(err, HR_E_USER_FUNCTION,
                   "partitioner %s: partition %" PRId64 " for key %s; there are 0 to %u", p->name,
                   got, text, partitions - 1);
}

static hr_status fn_assign(struct hr_partitioner *base, const struct hr_batch *batch,
                           uint32_t *ret_partition, struct hr_err *err)
{
    const struct placer_partitioner *own = (const struct placer_partitioner *)base;
    const struct hr_placer *p = own->placer;
    struct hr_row row, key;
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, 0, own->key_columns, &key);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        key.index_ = batch->sel ? batch->sel[i] : i;
        int64_t to = p->fn(p->arg, &key, base->partition_count);
        HR_TRY(hr_emitter_check(NULL, HR_OK, err)); /* a key read as the wrong type */
        if (to < 0 || to >= (int64_t)base->partition_count)
            return out_of_range(p, to, base->partition_count, &key, err);
        ret_partition[i] = (uint32_t)to;
    }
    return HR_OK;
}

static void placer_free(struct hr_partitioner *base)
{
    hr_placer_unref(((struct placer_partitioner *)base)->placer);
    hr_free(base);
}

struct hr_partitioner *hr_partitioner_of(const struct hr_type *schema, uint32_t key_columns,
                                         const struct hr_placement *placed, struct hr_err *err)
{
    if (!placed->by) return hr_partitioner_hash(schema, key_columns, placed->partitions, err);
    struct placer_partitioner *p = hr_zalloc(sizeof *p);
    if (!p) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    p->base = (struct hr_partitioner){placed->partitions, placed->by->fn ? fn_assign : range_assign,
                                      placer_free, hr_placer_name(placed->by)};
    p->placer = hr_placer_ref(placed->by);
    p->key_columns = key_columns;
    return &p->base;
}
