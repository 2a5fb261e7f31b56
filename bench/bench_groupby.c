/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouping by a string key over the keyed table: encode, hash, find or insert, count + sum + max.
 * Million rows a second of CPU, by number of keys, and bytes a key.
 *
 *     bench_groupby [millions of rows]
 */
#include <stdio.h>
#include <time.h>

#include "state/table.h"

#define BATCH 8192u
#define BLOCK 2048u

struct agg {
    int64_t count, sum, max;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Keys of 7 to 36 bytes. */
static uint32_t make_key(uint64_t id, char *out)
{
    uint64_t z = hr_hash_u64(id + 1);
    uint32_t len = 7 + (uint32_t)(z % 30);
    for (uint32_t i = 0; i < len; i++) out[i] = "0123456789abcdef"[(z >> (i * 7 % 60)) & 15];
    for (uint32_t i = 0; i < 6; i++) out[i] = "0123456789abcdef"[(id >> (4 * i)) & 15];
    return len;
}

static hr_status add_batch(struct hr_ktable *table, const struct hr_key_codec *codec,
                           struct hr_keys *keys, const struct hr_string *strings,
                           const int64_t *values, struct hr_err *err)
{
    struct hr_vector v = {
        .col = {.type = hr_type(HR_T_STRING), .length = BATCH, .values = strings}};
    HR_TRY(hr_keys_encode(codec, &v, NULL, BATCH, 0, keys, err));
    uint8_t *states[BLOCK];
    for (uint32_t at = 0; at < BATCH; at += BLOCK) {
        HR_TRY(
            hr_ktable_upsert(table, keys->views + at, keys->hashes + at, BLOCK, states, NULL, err));
        for (uint32_t i = 0; i < BLOCK; i++) ((struct agg *)(void *)states[i])->count++;
        for (uint32_t i = 0; i < BLOCK; i++)
            ((struct agg *)(void *)states[i])->sum += values[at + i];
        for (uint32_t i = 0; i < BLOCK; i++) {
            struct agg *a = (struct agg *)(void *)states[i];
            a->max = HR_MAX(a->max, values[at + i]);
        }
    }
    return HR_OK;
}

static int run(uint64_t key_count, uint64_t rows)
{
    uint32_t ring = key_count >= 1000000 ? 1024 : 128; /* batches made beforehand */
    struct hr_string *strings = malloc((size_t)ring * BATCH * sizeof *strings);
    int64_t *values = malloc((size_t)ring * BATCH * sizeof *values);
    char *bytes = malloc((size_t)ring * BATCH * 40 + 64);
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    const struct hr_type *type = hr_type(HR_T_STRING);
    const struct hr_key_codec *codec;
    struct hr_ktable *table;
    struct agg init = {0, 0, INT64_MIN};
    struct hr_ktable_options options = {.states_bytes = sizeof init,
                                        .states_init = (const uint8_t *)&init};
    struct hr_err err;
    hr_err_init(&err);
    if (!strings || !values || !bytes || hr_key_codec_new(&arena, &type, 1, &codec, &err) ||
        hr_ktable_new(&options, &table, &err))
        return 1;
    uint64_t seed = 7;
    char *to = bytes;
    for (size_t i = 0; i < (size_t)ring * BATCH; i++) {
        uint32_t len = make_key(hr_splitmix64(&seed) % key_count, to);
        strings[i] = hr_string_make(to, len);
        values[i] = (int64_t)(hr_splitmix64(&seed) % 10000);
        to += len;
    }
    struct hr_keys keys = {0};
    uint64_t batches = rows / BATCH, fill = HR_MIN(batches / 4, (uint64_t)ring);
    double start = now(), filled = 0;
    hr_status status = HR_OK;
    for (uint64_t b = 0; b < batches && status == HR_OK; b++) {
        if (b == fill) {
            filled = now() - start;
            start = now();
        }
        size_t at = (size_t)(b % ring) * BATCH;
        status = add_batch(table, codec, &keys, strings + at, values + at, &err);
    }
    double steady = now() - start;
    uint64_t count = hr_ktable_count(table);
    printf("%9llu keys: %6.1f M rows/s steady, %6.1f while filling, %.0f bytes a key\n",
           (unsigned long long)count, (double)(batches - fill) * BATCH / steady / 1e6,
           (double)fill * BATCH / filled / 1e6, (double)hr_ktable_bytes(table) / (double)count);
    hr_keys_done(&keys);
    hr_ktable_free(table);
    hr_arena_done(&arena);
    free(strings);
    free(values);
    free(bytes);
    return status != HR_OK;
}

int main(int argc, char **argv)
{
    int64_t millions = 40;
    if (argc > 1 && !hr_parse_i64(hr_sv(argv[1]), &millions)) return 2;
    uint64_t rows = (uint64_t)millions * 1000000;
    return run(1000, rows) || run(100000, rows) || run(10000000, rows);
}
