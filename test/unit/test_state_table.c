/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed table and its keys against dumb models. */
#include "base/fault.h"
#include "column/builder.h"
#include "hr_test.h"
#include "state/table.h"

struct counts {
    int64_t count, sum;
};

/* Key i as bytes: lengths from 1 to 40, all different. */
static uint32_t make_key(uint64_t i, char *out)
{
    uint32_t len = (uint32_t)snprintf(out, 64, "%llu", (unsigned long long)i);
    for (uint32_t pad = (uint32_t)(i * 7 % 33); pad; pad--) out[len++] = (char)('a' + i % 26);
    return len;
}

#define MODEL 20000u

struct model {
    bool present[MODEL], dirty[MODEL];
    struct counts values[MODEL];
    uint64_t count;
};

static void check_all(struct hr_ktable *table, const struct model *model)
{
    HR_EXPECT_EQ_U64(hr_ktable_count(table), model->count);
    char *text = malloc(MODEL * 64);
    struct hr_string *keys = malloc(MODEL * sizeof *keys);
    uint64_t *hashes = malloc(MODEL * 8);
    uint8_t **states = malloc(MODEL * sizeof *states);
    for (uint32_t i = 0; i < MODEL; i++) {
        uint32_t len = make_key(i, text + i * 64);
        keys[i] = hr_string_make(text + i * 64, len);
        hashes[i] = hr_key_hash(text + i * 64, len);
    }
    hr_ktable_find(table, keys, hashes, MODEL, states);
    int wrong = 0;
    for (uint32_t i = 0; i < MODEL; i++) {
        if ((states[i] != NULL) != model->present[i]) wrong++;
        if (!states[i] || !model->present[i]) continue;
        struct counts *c = (struct counts *)(void *)states[i];
        if (c->count != model->values[i].count || c->sum != model->values[i].sum) wrong++;
        struct hr_str_view key = hr_ktable_key(table, states[i]);
        if (key.len != keys[i].len || memcmp(key.ptr, hr_string_ptr(&keys[i]), key.len)) wrong++;
    }
    HR_EXPECT_EQ_I64(wrong, 0);
    /* both iterations see each live row once */
    for (int way = 0; way < 2; way++) {
        struct hr_ktable_iter it;
        uint64_t seen = 0;
        int64_t sum = 0;
        uint32_t last_slot = 0;
        if (way)
            hr_ktable_iter_slots(table, 0, HR_SLOT_COUNT, &it);
        else
            hr_ktable_iter_all(table, &it);
        for (uint32_t n; (n = hr_ktable_iter_next(&it, states, 100)) > 0;) {
            for (uint32_t i = 0; i < n; i++) {
                seen++;
                sum += ((struct counts *)(void *)states[i])->sum;
                struct hr_str_view key = hr_ktable_key(table, states[i]);
                uint32_t slot = hr_hash_slot(hr_key_hash(key.ptr, key.len));
                if (way && slot < last_slot) wrong++;
                last_slot = slot;
            }
        }
        int64_t expected = 0;
        for (uint32_t i = 0; i < MODEL; i++)
            if (model->present[i]) expected += model->values[i].sum;
        HR_EXPECT_EQ_U64(seen, model->count);
        HR_EXPECT_EQ_I64(sum, expected);
        HR_EXPECT_EQ_I64(wrong, 0);
    }
    free(text);
    free(keys);
    free(hashes);
    free(states);
}

static void upsert_some(struct hr_ktable *table, struct model *model, uint64_t *seed, uint32_t n,
                        uint32_t range)
{
    static char text[512][64];
    struct hr_string keys[512];
    uint64_t hashes[512];
    uint32_t ids[512];
    uint8_t *states[512], is_new[512];
    for (uint32_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)(hr_splitmix64(seed) % range);
        uint32_t len = make_key(ids[i], text[i]);
        keys[i] = hr_string_make(text[i], len);
        hashes[i] = hr_key_hash(text[i], len);
    }
    HR_EXPECT_OK(hr_ktable_upsert(table, keys, hashes, n, states, is_new, NULL));
    for (uint32_t i = 0; i < n; i++) {
        if (!HR_EXPECT_EQ_I64(is_new[i], !model->present[ids[i]])) return;
        struct counts *c = (struct counts *)(void *)states[i];
        if (is_new[i]) {
            HR_EXPECT_EQ_I64(c->count, 5); /* the template */
            model->values[ids[i]] = (struct counts){5, 0};
            model->present[ids[i]] = true;
            model->count++;
        }
        c->count++;
        c->sum += ids[i];
        model->values[ids[i]].count++;
        model->values[ids[i]].sum += ids[i];
        model->dirty[ids[i]] = true;
    }
}

static void delete_some(struct hr_ktable *table, struct model *model, uint64_t *seed, uint32_t n,
                        uint32_t range)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = (uint32_t)(hr_splitmix64(seed) % range);
        char text[64];
        uint32_t len = make_key(id, text);
        struct hr_string key = hr_string_make(text, len);
        uint64_t hash = hr_key_hash(text, len);
        uint8_t *states;
        hr_ktable_find(table, &key, &hash, 1, &states);
        if (!HR_EXPECT_EQ_I64(states != NULL, model->present[id])) return;
        if (!states) continue;
        HR_EXPECT_OK(hr_ktable_delete(table, states, NULL));
        model->present[id] = false;
        model->count--;
        model->dirty[id] = true;
    }
}

/* Replays the dirty list: it must name exactly the keys touched, last word last. */
static void check_dirty(struct hr_ktable *table, struct model *model)
{
    bool *alive = calloc(MODEL, 1), *named = calloc(MODEL, 1);
    for (uint32_t i = 0; i < hr_ktable_dirty_count(table); i++) {
        uint8_t *states = hr_ktable_dirty(table, i);
        struct hr_str_view key = hr_ktable_key(table, states);
        uint32_t id = (uint32_t)strtoul(key.ptr, NULL, 10);
        named[id] = true;
        alive[id] = !(hr_krow_of(states)->flags & HR_KROW_DELETED);
    }
    int wrong = 0;
    for (uint32_t i = 0; i < MODEL; i++) {
        /* a row made and deleted in the same epoch is named too */
        if (named[i] != model->dirty[i]) wrong++;
        if (named[i] && alive[i] != model->present[i]) wrong++;
        model->dirty[i] = false;
    }
    HR_EXPECT_EQ_I64(wrong, 0);
    free(alive);
    free(named);
}

static void random_work(bool track, uint32_t range)
{
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "test", NULL, 0);
    struct counts init = {5, 0};
    struct hr_ktable_options options = {.states_bytes = sizeof init,
                                        .states_init = (const uint8_t *)&init,
                                        .track_dirty = track,
                                        .mem = &mem};
    struct hr_ktable *table;
    HR_ASSERT_OK(hr_ktable_new(&options, &table, NULL));
    struct model *model = calloc(1, sizeof *model);
    uint64_t seed = range + track;
    for (int epoch = 0; epoch < 60; epoch++) {
        for (int k = 0; k < 4; k++) {
            upsert_some(table, model, &seed, 1 + (uint32_t)(hr_splitmix64(&seed) % 512), range);
            delete_some(table, model, &seed, (uint32_t)(hr_splitmix64(&seed) % 200), range);
        }
        if (track) check_dirty(table, model);
        if (epoch % 10 == 9) check_all(table, model);
        hr_ktable_end_epoch(table);
        HR_EXPECT_EQ_I64(hr_ktable_dirty_count(table), 0);
        memset(model->dirty, 0, sizeof model->dirty);
    }
    HR_EXPECT_TRUE(hr_ktable_bytes(table) > 0);
    HR_EXPECT_EQ_I64(atomic_load(&mem.used_bytes), hr_ktable_bytes(table));
    hr_ktable_clear(table);
    memset(model, 0, sizeof *model);
    check_all(table, model);
    upsert_some(table, model, &seed, 512, range);
    check_all(table, model);
    hr_ktable_free(table);
    HR_EXPECT_EQ_I64(atomic_load(&mem.used_bytes), 0);
    free(model);
}

HR_TEST(small_table)
{
    random_work(false, 40);
}
HR_TEST(small_table_tracked)
{
    random_work(true, 40);
}
HR_TEST(growing_table)
{
    random_work(false, MODEL);
}
HR_TEST(growing_table_tracked)
{
    random_work(true, MODEL);
}

/* Growing far: every key stays where it is, and its row does not move. */
HR_TEST(rows_do_not_move)
{
    struct hr_ktable_options options = {.states_bytes = 8};
    struct hr_ktable *table;
    HR_ASSERT_OK(hr_ktable_new(&options, &table, NULL));
    enum { N = 300000 };
    uint8_t **states = malloc(N * sizeof *states), *found;
    for (int64_t i = 0; i < N; i++) {
        struct hr_string key = hr_string_make((const char *)&i, 8);
        uint64_t hash = hr_key_hash(&i, 8);
        HR_ASSERT_OK(hr_ktable_upsert(table, &key, &hash, 1, &states[i], NULL, NULL));
        memcpy(states[i], &i, 8);
    }
    int wrong = 0;
    for (int64_t i = 0; i < N; i++) {
        struct hr_string key = hr_string_make((const char *)&i, 8);
        uint64_t hash = hr_key_hash(&i, 8);
        hr_ktable_find(table, &key, &hash, 1, &found);
        wrong += found != states[i] || memcmp(found, &i, 8) != 0;
    }
    HR_EXPECT_EQ_I64(wrong, 0);
    HR_EXPECT_EQ_U64(hr_ktable_count(table), N);
    free(states);
    hr_ktable_free(table);
}

static void add_done(void *arg, uint8_t *states)
{
    *(int64_t *)arg += ((struct counts *)(void *)states)->count;
}

HR_TEST(row_done_once_a_row)
{
    int64_t done = 0;
    struct counts init = {1, 0};
    struct hr_ktable_options options = {.states_bytes = sizeof init,
                                        .states_init = (const uint8_t *)&init,
                                        .track_dirty = true,
                                        .row_done = add_done,
                                        .arg = &done};
    struct hr_ktable *table;
    HR_ASSERT_OK(hr_ktable_new(&options, &table, NULL));
    uint8_t *states[100];
    for (int64_t i = 0; i < 100; i++) {
        struct hr_string key = hr_string_make((const char *)&i, 8);
        uint64_t hash = hr_key_hash(&i, 8);
        HR_ASSERT_OK(hr_ktable_upsert(table, &key, &hash, 1, &states[i], NULL, NULL));
    }
    for (int i = 0; i < 40; i++) HR_EXPECT_OK(hr_ktable_delete(table, states[i], NULL));
    HR_EXPECT_EQ_I64(done, 0); /* readable until the epoch ends */
    hr_ktable_end_epoch(table);
    HR_EXPECT_EQ_I64(done, 40);
    hr_ktable_free(table);
    HR_EXPECT_EQ_I64(done, 100);
}

/* Keys of all sizes around the limits of a row's size classes and chunks. */
HR_TEST(large_keys)
{
    static const uint32_t sizes[] = {0,
                                     1,
                                     8,
                                     12,
                                     13,
                                     16,
                                     17,
                                     32,
                                     33,
                                     900,
                                     1024,
                                     1100,
                                     5000,
                                     70000,
                                     300000,
                                     1 << 20,
                                     (1 << 20) + 1,
                                     20 << 20};
    struct hr_ktable_options options = {.states_bytes = 8, .track_dirty = true};
    struct hr_ktable *table;
    HR_ASSERT_OK(hr_ktable_new(&options, &table, NULL));
    char *bytes = malloc(21 << 20);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < HR_COUNT(sizes); i++) {
            memset(bytes, 'a' + (int)i, sizes[i]);
            struct hr_string key = hr_string_make(bytes, sizes[i]);
            uint64_t hash = hr_key_hash(bytes, sizes[i]);
            uint8_t *states, is_new;
            HR_ASSERT_OK(hr_ktable_upsert(table, &key, &hash, 1, &states, &is_new, NULL));
            HR_EXPECT_TRUE(is_new);
            struct hr_str_view got = hr_ktable_key(table, states);
            HR_EXPECT_TRUE(got.len == sizes[i] && memcmp(got.ptr, bytes, sizes[i]) == 0);
        }
        struct hr_ktable_iter it;
        uint8_t *states[64];
        hr_ktable_iter_all(table, &it);
        uint32_t n = hr_ktable_iter_next(&it, states, 64);
        HR_EXPECT_EQ_I64(n, HR_COUNT(sizes));
        int64_t before = hr_ktable_bytes(table);
        for (uint32_t i = 0; i < n; i++) HR_EXPECT_OK(hr_ktable_delete(table, states[i], NULL));
        hr_ktable_end_epoch(table);
        if (round) HR_EXPECT_EQ_I64(hr_ktable_bytes(table), before); /* memory is used again */
        HR_EXPECT_EQ_U64(hr_ktable_count(table), 0);
    }
    free(bytes);
    hr_ktable_free(table);
}

HR_TEST(memory_limit_is_an_error)
{
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "query q", "headrace.memory", 1 << 20);
    struct hr_ktable_options options = {.states_bytes = 8, .mem = &mem};
    struct hr_ktable *table;
    HR_ASSERT_OK(hr_ktable_new(&options, &table, NULL));
    hr_status status = HR_OK;
    int64_t i = 0;
    for (; i < 1000000 && status == HR_OK; i++) {
        struct hr_string key = hr_string_make((const char *)&i, 8);
        uint64_t hash = hr_key_hash(&i, 8);
        uint8_t *states;
        status = hr_ktable_upsert(table, &key, &hash, 1, &states, NULL, NULL);
    }
    HR_EXPECT_EQ_I64(status, HR_E_MEMORY_LIMIT);
    HR_EXPECT_TRUE(i > 1000);
    HR_EXPECT_TRUE(atomic_load(&mem.used_bytes) <= 1 << 20);
    HR_EXPECT_EQ_U64(hr_ktable_count(table), (uint64_t)i - 1);
    hr_ktable_free(table);
    HR_EXPECT_EQ_I64(atomic_load(&mem.used_bytes), 0);
}

/* --- Keys ------------------------------------------------------------------------------------- */

/* A batch with every kind of key column, some values equal in the sense of GROUP BY only. */
static struct hr_batch *all_types(uint32_t rows)
{
    const struct hr_type *pair = hr_type_struct(
        (struct hr_field[]){{"x", hr_type(HR_T_LONG), true}, {"y", hr_type(HR_T_STRING), true}}, 2);
    struct hr_field fields[] = {
        {"l", hr_type(HR_T_LONG), true},
        {"i", hr_type(HR_T_INT), true},
        {"b", hr_type(HR_T_BOOLEAN), true},
        {"d", hr_type(HR_T_DOUBLE), true},
        {"s", hr_type(HR_T_STRING), true},
        {"m", hr_type_decimal(20, 2), true},
        {"p", pair, true},
        {"a", hr_type_array(hr_type(HR_T_STRING), true), true},
        {"f", hr_type(HR_T_FLOAT), true},
        {"y", hr_type(HR_T_BYTE), true},
    };
    struct hr_batch_builder bb;
    HR_EXPECT_OK(
        hr_batch_builder_init(&bb, hr_type_struct(fields, HR_COUNT(fields)), rows, NULL, NULL));
    static const double doubles[] = {0.0, -0.0, 1.5, NAN, -NAN, INFINITY};
    static const char *const strings[] = {"",
                                          "a",
                                          "twelve bytes",
                                          "thirteen byte",
                                          "\xff",
                                          "\xff\xff x",
                                          "a longer string than most of them"};
    uint64_t seed = rows;
    for (uint32_t r = 0; r < rows; r++) {
        uint64_t v = hr_splitmix64(&seed);
        for (uint32_t c = 0; c < HR_COUNT(fields); c++) {
            struct hr_builder *b = bb.columns[c];
            uint64_t pick = (v >> (c * 5)) & 15;
            const char *text = strings[pick % HR_COUNT(strings)];
            if (pick == 0) {
                hr_builder_null(b);
                continue;
            }
            switch (fields[c].type->id) {
            case HR_T_BOOLEAN: hr_builder_bool(b, pick & 1); break;
            case HR_T_FLOAT:
            case HR_T_DOUBLE: hr_builder_f64(b, doubles[pick % HR_COUNT(doubles)]); break;
            case HR_T_STRING: hr_builder_str(b, hr_sv(text)); break;
            case HR_T_DECIMAL: hr_builder_decimal(b, (hr_i128)pick * -1000000007); break;
            case HR_T_STRUCT:
                if (pick == 1)
                    hr_builder_null(hr_builder_child(b, 0));
                else
                    hr_builder_i64(hr_builder_child(b, 0), (int64_t)pick % 3);
                hr_builder_str(hr_builder_child(b, 1), hr_sv(text));
                hr_builder_close(b);
                break;
            case HR_T_ARRAY:
                for (uint64_t e = 0; e < pick % 4; e++)
                    hr_builder_str(hr_builder_child(b, 0), hr_sv(text));
                hr_builder_close(b);
                break;
            default: hr_builder_i64(b, (int64_t)pick % 5 - 2);
            }
        }
    }
    struct hr_batch *batch = NULL;
    HR_EXPECT_OK(hr_batch_builder_finish(&bb, &batch, NULL));
    hr_batch_builder_done(&bb);
    return batch;
}

/* Equal rows have equal keys and others do not; decoding gives equal values back. */
static void check_keys(const struct hr_batch *batch, const uint32_t *columns, uint32_t count)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    const struct hr_type *types[16];
    struct hr_vector vectors[16];
    for (uint32_t i = 0; i < count; i++) {
        vectors[i] = (struct hr_vector){.col = batch->columns[columns[i]]};
        types[i] = vectors[i].col.type;
    }
    const struct hr_key_codec *codec;
    HR_ASSERT_OK(hr_key_codec_new(&arena, types, count, &codec, NULL));
    struct hr_keys keys = {0};
    HR_ASSERT_OK(hr_keys_encode(codec, vectors, NULL, batch->row_count, 0, &keys, NULL));
    uint32_t n = batch->row_count;
    int wrong = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < i; k++) {
            bool same = true;
            for (uint32_t c = 0; c < count; c++)
                same = same && hr_column_equal(&vectors[c].col, i, &vectors[c].col, k);
            bool same_key = hr_string_eq(&keys.views[i], &keys.views[k]);
            wrong += same != same_key;
            wrong += same && keys.hashes[i] != keys.hashes[k];
        }
    }
    HR_EXPECT_EQ_I64(wrong, 0);
    struct hr_str_view *views = malloc((n + 1) * sizeof *views);
    for (uint32_t i = 0; i < n; i++) views[i] = hr_string_view(&keys.views[i]);
    struct hr_column decoded[16];
    HR_ASSERT_OK(hr_keys_decode(codec, views, n, &arena, decoded, NULL));
    for (uint32_t c = 0; c < count; c++) {
        HR_EXPECT_TRUE(decoded[c].type == types[c]);
        for (uint32_t i = 0; i < n; i++)
            wrong += !hr_column_equal(&decoded[c], i, &vectors[c].col, i);
    }
    HR_EXPECT_EQ_I64(wrong, 0);
    free(views);
    hr_keys_done(&keys);
    hr_arena_done(&arena);
}

HR_TEST(keys_of_all_types)
{
    struct hr_batch *batch = all_types(300);
    HR_ASSERT_TRUE(batch != NULL);
    uint32_t all[10];
    for (uint32_t i = 0; i < 10; i++) {
        all[i] = i;
        check_keys(batch, &i, 1);
    }
    check_keys(batch, all, 10);
    check_keys(batch, (uint32_t[]){0, 4}, 2);
    check_keys(batch, (uint32_t[]){6, 1}, 2);
    check_keys(batch, (uint32_t[]){7, 4, 6}, 3);
    hr_batch_unref(batch);
}

/* Partitions own whole slots and all of them are used. */
HR_TEST(partitions_cover_slots)
{
    for (uint32_t parts = 1; parts <= 300; parts += 13) {
        uint32_t of_slot[HR_SLOT_COUNT];
        memset(of_slot, 0xff, sizeof of_slot);
        int wrong = 0;
        uint32_t last = 0;
        for (uint64_t h = 0; h < 4096; h++) {
            uint64_t hash = h << 52 | h;
            uint32_t p = hr_key_partition(hash, parts), slot = hr_hash_slot(hash);
            wrong += p >= parts || p < last || p > last + 1;
            if (parts <= HR_SLOT_COUNT && of_slot[slot] != UINT32_MAX && of_slot[slot] != p)
                wrong++;
            of_slot[slot] = p;
            last = p;
        }
        HR_EXPECT_EQ_I64(wrong, 0);
        HR_EXPECT_EQ_I64(last, parts - 1);
    }
}

/* The k-th allocation fails: an error, nothing leaks, the table stays usable. */
HR_TEST(every_allocation_fails_once)
{
    for (int64_t k = 1;; k++) {
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        struct hr_ktable_options options = {.states_bytes = 16, .track_dirty = true};
        struct hr_ktable *table = NULL;
        hr_status status = hr_ktable_new(&options, &table, NULL);
        int64_t made = 0;
        for (int64_t i = 0; i < 6000 && status == HR_OK; i++) {
            struct hr_string key = hr_string_make((const char *)&i, 8);
            uint64_t hash = hr_key_hash(&i, 8);
            uint8_t *states;
            status = hr_ktable_upsert(table, &key, &hash, 1, &states, NULL, NULL);
            made += status == HR_OK;
        }
        bool hit = hr_fault_passed(HR_FAULT_ALLOC) >= k;
        hr_fault_disarm_all();
        HR_EXPECT_EQ_I64(status, hit ? HR_E_OOM : HR_OK);
        if (table) HR_EXPECT_EQ_U64(hr_ktable_count(table), (uint64_t)made);
        hr_ktable_free(table);
        if (!hit) break;
    }
}
