/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: random sequences of operations beside a model of texts, order and hashes, memory. */
#include "base/fault.h"
#include "column_model.h"

static void model_cut(struct model *m, size_t offset, size_t count)
{
    for (size_t i = 0; i < m->count; i++)
        if (i < offset || i >= offset + count) free(m->rows[i]);
    if (m->count) memmove(m->rows, m->rows + offset, count * sizeof *m->rows);
    m->count = count;
}

static void random_filter(struct hr_batch **batch, struct model *m, uint64_t *seed)
{
    uint32_t *sel;
    struct hr_batch *ret = hr_batch_new_sel(*batch, (*batch)->sel_count, &sel);
    HR_ASSERT_TRUE(ret != NULL);
    uint32_t n = 0, percent = (uint32_t)(hr_splitmix64(seed) % 101);
    for (uint32_t i = 0; i < (*batch)->sel_count; i++) {
        if (hr_splitmix64(seed) % 100 >= percent) {
            free(m->rows[i]);
            continue;
        }
        sel[n] = (*batch)->sel ? (*batch)->sel[i] : i;
        m->rows[n++] = m->rows[i];
    }
    ret->sel_count = n;
    m->count = n;
    hr_batch_unref(*batch);
    *batch = ret;
}

static void random_slice(struct hr_batch **batch, struct model *m, uint64_t *seed)
{
    uint32_t n = (*batch)->sel_count;
    uint32_t offset = n ? (uint32_t)(hr_splitmix64(seed) % n) : 0;
    if (hr_splitmix64(seed) & 1) offset &= ~63u;
    uint32_t count = (uint32_t)(hr_splitmix64(seed) % (n - offset + 1));
    struct hr_batch *ret = hr_batch_slice(*batch, offset, count);
    HR_ASSERT_TRUE(ret != NULL);
    hr_batch_unref(*batch);
    *batch = ret;
    model_cut(m, offset, count);
}

static void random_concat(struct hr_batch **batch, struct model *m, uint64_t *seed)
{
    struct hr_batch *parts[20];
    uint32_t count = (uint32_t)(hr_splitmix64(seed) % HR_COUNT(parts)) + 1,
             mine = (uint32_t)(hr_splitmix64(seed) % count);
    struct model all = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (i != mine) {
            parts[i] = model_batch((uint32_t)(hr_splitmix64(seed) % 70), seed, NULL, &all);
            continue;
        }
        parts[i] = *batch;
        for (size_t k = 0; k < m->count; k++) model_add(&all, m->rows[k]);
    }
    struct hr_batch *ret = hr_batch_concat(parts, count, model_schema(), hr_splitmix64(seed) & 1);
    for (uint32_t i = 0; i < count; i++) hr_batch_unref(parts[i]);
    *batch = ret;
    model_free(m);
    *m = all;
}

static void random_compact(struct hr_batch **batch, uint64_t *seed)
{
    struct hr_batch *ret = hr_batch_compact(*batch, hr_splitmix64(seed) & 1);
    HR_ASSERT_TRUE(ret != NULL && ret->sel == NULL);
    hr_batch_unref(*batch);
    *batch = ret;
}

/* Under AddressSanitizer each piece of an arena is an allocation of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE
#endif
#endif

HR_TEST(batch_random_operations)
{
    for (uint64_t run = 1; run <= 60; run++) {
        uint64_t seed = run;
        struct model m = {0};
        struct hr_batch *batch =
            model_batch((uint32_t)(hr_splitmix64(&seed) % 300), &seed, NULL, &m);
        HR_ASSERT_TRUE(batch != NULL && model_same(batch, &m));
        for (int step = 0; step < 8; step++) {
            switch (hr_splitmix64(&seed) % 4) {
            case 0: random_filter(&batch, &m, &seed); break;
            case 1: random_slice(&batch, &m, &seed); break;
            case 2: random_concat(&batch, &m, &seed); break;
            default: random_compact(&batch, &seed);
            }
            HR_ASSERT_TRUE(batch != NULL && model_same(batch, &m));
        }
        hr_batch_unref(batch);
        model_free(&m);
    }
}

HR_TEST(batch_weights_follow_rows)
{
    uint64_t seed = 4;
    struct hr_batch *a = model_batch(100, &seed, NULL, NULL),
                    *b = model_batch(10, &seed, NULL, NULL);
    int32_t *weights = hr_arena_alloc(&a->arena, 100 * sizeof *weights);
    for (int i = 0; i < 100; i++) weights[i] = i % 2 ? 1 : -i;
    a->weights = weights;
    struct hr_batch *slice = hr_batch_slice(a, 64, 36), *late = hr_batch_slice(a, 3, 10);
    struct hr_batch *parts[] = {slice, b, late};
    struct hr_batch *all = hr_batch_concat(parts, 3, a->schema, false);
    HR_ASSERT_TRUE(all && all->row_count == 56 && all->weights);
    HR_EXPECT_EQ_I64(all->weights[0], -64);
    HR_EXPECT_EQ_I64(all->weights[36], 1);
    HR_EXPECT_EQ_I64(all->weights[47], -4);
    hr_batch_unref(slice), hr_batch_unref(late), hr_batch_unref(a), hr_batch_unref(b),
        hr_batch_unref(all);
}

HR_TEST(batch_projects_and_holds)
{
    uint64_t seed = 5;
    struct model m = {0};
    struct hr_batch *batch = model_batch(50, &seed, NULL, &m);
    struct hr_field fields[] = {{"again", hr_type(HR_T_STRING), true},
                                {"i", hr_type(HR_T_INT), true}};
    const uint32_t indexes[] = {1, 0};
    struct hr_batch *p = hr_batch_project(batch, hr_type_struct(fields, 2), indexes);
    hr_batch_unref(batch); /* p keeps it */
    HR_ASSERT_TRUE(p != NULL);
    HR_EXPECT_OK(hr_batch_verify(p, NULL));
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < 50; i++) {
        char want[100], *end = strchr(strchr(m.rows[i], '|') + 1, '|');
        char *second = strchr(m.rows[i], '|') + 1;
        snprintf(want, sizeof want, "%.*s|%.*s|", (int)(end - second), second,
                 (int)(second - 1 - m.rows[i]), m.rows[i]);
        model_print(p, i, &buf);
        HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), want);
    }
    hr_buf_done(&buf);
    hr_batch_unref(p);
    model_free(&m);
}

static int freed;
static void count_free(struct hr_buffer *buffer)
{
    freed++;
    hr_free(buffer);
}

HR_TEST(batch_long_chains_of_holds)
{
    uint64_t seed = 6;
    struct hr_batch *batch = model_batch(10, &seed, NULL, NULL);
    struct hr_buffer *buffer = hr_buffer_new(100);
    buffer->free_fn = count_free;
    HR_EXPECT_TRUE(hr_batch_hold_buffer(batch, buffer) && hr_batch_hold_buffer(batch, buffer));
    hr_buffer_unref(buffer);
    for (int i = 0; i < 200000; i++) { /* freeing must not recurse once a batch */
        struct hr_batch *next = hr_batch_slice(batch, 0, batch->sel_count - (i == 0));
        if (next == batch) {
            hr_batch_unref(next);
            next = hr_batch_with_sel(batch, batch->sel ? batch->sel : (const uint32_t[]){0},
                                     batch->sel ? batch->sel_count : 1);
        }
        hr_batch_unref(batch);
        batch = next;
        HR_ASSERT_TRUE(batch != NULL);
    }
    HR_EXPECT_EQ_I64(freed, 0);
    hr_batch_unref(batch);
    HR_EXPECT_EQ_I64(freed, 1);
}

/* Compare, equal and hash agree with each other on every pair of rows, in any column. */
HR_TEST(column_order_is_total_and_hashes_agree)
{
    uint64_t seed = 7;
    struct hr_batch *a = model_batch(60, &seed, NULL, NULL);
    struct hr_batch *parts[] = {a, a};
    struct hr_batch *b = hr_batch_concat(parts, 2, a->schema, true);
    for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
        uint64_t ha[60] = {0}, hb[120] = {0};
        uint32_t rows[120];
        for (uint32_t i = 0; i < 120; i++) rows[i] = i;
        hr_column_hash(&a->columns[c], NULL, 60, ha);
        hr_column_hash(&b->columns[c], rows, 120, hb);
        for (uint32_t i = 0; i < 60; i++) {
            for (uint32_t j = 0; j < 120; j++) {
                int x = hr_column_compare(&a->columns[c], i, &b->columns[c], j);
                int y = hr_column_compare(&b->columns[c], j, &a->columns[c], i);
                HR_ASSERT_TRUE((x > 0) == (y < 0) && (x == 0) == (y == 0));
                HR_ASSERT_TRUE((x == 0) == hr_column_equal(&a->columns[c], i, &b->columns[c], j));
                HR_ASSERT_TRUE((x == 0) == (ha[i] == hb[j])); /* no collision in so few */
            }
            HR_ASSERT_TRUE(hr_column_equal(&a->columns[c], i, &b->columns[c], i + 60));
        }
        for (uint32_t i = 0; i + 2 < 60; i++) { /* transitive */
            int x = hr_column_compare(&a->columns[c], i, &a->columns[c], i + 1);
            int y = hr_column_compare(&a->columns[c], i + 1, &a->columns[c], i + 2);
            int z = hr_column_compare(&a->columns[c], i, &a->columns[c], i + 2);
            if (x <= 0 && y <= 0) HR_ASSERT_TRUE(z <= 0);
            if (x >= 0 && y >= 0) HR_ASSERT_TRUE(z >= 0);
        }
    }
    hr_batch_unref(a), hr_batch_unref(b);
}

HR_TEST(string_order_is_bytewise)
{
    char bytes[64];
    uint64_t seed = 8;
    for (int i = 0; i < 200000; i++) {
        uint64_t r = hr_splitmix64(&seed);
        for (int k = 0; k < 40; k++) bytes[k] = "a\0\377b"[(r >> (k % 13 * 2)) & 3];
        uint32_t n = (uint32_t)(r >> 50) % 20, m = (uint32_t)(r >> 40) % 20;
        struct hr_string x = hr_string_make(bytes, n),
                         y = hr_string_make(bytes + (r >> 60 & 1) * 20, m);
        int want = hr_sv_cmp(hr_string_view(&x), hr_string_view(&y)), got = hr_string_cmp(&x, &y);
        HR_ASSERT_TRUE((want < 0) == (got < 0) && (want > 0) == (got > 0));
        HR_ASSERT_TRUE(hr_string_eq(&x, &y) == (want == 0));
    }
}

HR_TEST(column_float_rules)
{
    struct hr_arena arena = {0};
    struct hr_builder *b = hr_builder_new(&arena, hr_type(HR_T_DOUBLE), 8);
    struct hr_column col;
    static const double values[] = {-INFINITY, -1, -0.0, 0.0, 1, INFINITY, NAN};
    for (size_t i = 0; i < HR_COUNT(values); i++) hr_builder_f64(b, values[i]);
    hr_builder_null(b);
    HR_ASSERT_OK(hr_builder_finish(b, &col, NULL));
    HR_EXPECT_EQ_I64(hr_column_compare(&col, 2, &col, 3), 0);
    HR_EXPECT_TRUE(hr_column_compare(&col, 5, &col, 6) < 0 &&
                   hr_column_compare(&col, 6, &col, 6) == 0);
    HR_EXPECT_TRUE(hr_column_compare(&col, 7, &col, 0) < 0 &&
                   hr_column_compare(&col, 7, &col, 7) == 0);
    uint64_t hash[8] = {0};
    hr_column_hash(&col, NULL, 8, hash);
    HR_EXPECT_TRUE(hash[2] == hash[3] && hash[1] != hash[4]);
    HR_EXPECT_EQ_U64(hr_column_null_count(&col), 1);
    hr_arena_done(&arena);
}

/* The format of state and shuffles: equal numbers of any width hash alike, and values stay. */
HR_TEST(column_hashes_are_stable)
{
    int8_t a = -5;
    int64_t b = -5;
    struct hr_string s = hr_string_make("user42", 6);
    struct hr_column x = {.type = hr_type(HR_T_BYTE), .length = 1, .values = &a};
    struct hr_column y = {.type = hr_type(HR_T_LONG), .length = 1, .values = &b};
    struct hr_column z = {.type = hr_type(HR_T_STRING), .length = 1, .values = &s};
    uint64_t ha = 0, hb = 0, hs = 0;
    hr_column_hash(&x, NULL, 1, &ha);
    hr_column_hash(&y, NULL, 1, &hb);
    hr_column_hash(&z, NULL, 1, &hs);
    HR_EXPECT_EQ_U64(ha, hb);
    HR_EXPECT_EQ_U64(ha, 0x4b62179e0b339f97ull);
    HR_EXPECT_EQ_U64(hs, 0xbfbdad4bd6ed29bcull);
}

HR_TEST(take_with_absent_rows)
{
    uint64_t seed = 9;
    struct model m = {0};
    struct hr_batch *batch = model_batch(80, &seed, NULL, &m);
    struct hr_arena arena = {0};
    uint32_t rows[200];
    for (int i = 0; i < 200; i++) {
        uint64_t r = hr_splitmix64(&seed);
        rows[i] = r % 4 == 0 ? UINT32_MAX : (uint32_t)(r % 80);
    }
    for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
        struct hr_column col, none;
        HR_ASSERT_OK(hr_column_take(&arena, &batch->columns[c], rows, 200, &col, NULL));
        for (uint32_t i = 0; i < 200; i++) {
            if (rows[i] == UINT32_MAX)
                HR_ASSERT_TRUE(col.type->id == HR_T_NULL || !hr_column_valid(&col, i));
            else
                HR_ASSERT_TRUE(hr_column_equal(&col, i, &batch->columns[c], rows[i]));
        }
        HR_ASSERT_OK(hr_column_take(&arena, &batch->columns[c], NULL, 0, &none, NULL));
        HR_EXPECT_EQ_U64(none.length, 0);
        HR_ASSERT_OK(hr_column_nulls(&arena, batch->columns[c].type, 70, &none, NULL));
        HR_EXPECT_EQ_U64(hr_column_null_count(&none), 70);
    }
    hr_arena_done(&arena);
    hr_batch_unref(batch);
    model_free(&m);
}

/* What must hold of a batch is noticed when it does not. */
HR_TEST(verify_finds_damage)
{
    uint64_t seed = 10;
    struct hr_batch *batch = model_batch(64, &seed, NULL, NULL);
    struct hr_column *col = &batch->columns[1];
    struct hr_string *strings = (struct hr_string *)(uintptr_t)col->values, saved = strings[3];
    HR_EXPECT_OK(hr_batch_verify(batch, NULL));
    strings[3] = (struct hr_string){.len = 2, .inlined = "abc"};
    HR_EXPECT_EQ_I64(hr_batch_verify(batch, NULL), HR_E_INTERNAL);
    strings[3] = hr_string_make("a text of more than twelve bytes", 32);
    strings[3].prefix[0] = 'b';
    HR_EXPECT_EQ_I64(hr_batch_verify(batch, NULL), HR_E_INTERNAL);
    strings[3] = saved;
    int32_t *offsets = (int32_t *)(uintptr_t)batch->columns[4].values, old = offsets[64];
    offsets[64] = 100000;
    HR_EXPECT_EQ_I64(hr_batch_verify(batch, NULL), HR_E_INTERNAL);
    offsets[64] = old;
    uint32_t sel[] = {3, 2};
    struct hr_batch *bad = hr_batch_with_sel(batch, sel, 2);
    HR_EXPECT_EQ_I64(hr_batch_verify(bad, NULL), HR_E_INTERNAL);
    hr_batch_unref(bad);
    col->length = 63;
    HR_EXPECT_EQ_I64(hr_batch_verify(batch, NULL), HR_E_INTERNAL);
    col->length = 64;
    HR_EXPECT_OK(hr_batch_verify(batch, NULL));
    hr_batch_unref(batch);
}

HR_TEST(builder_refuses_uneven_columns)
{
    struct hr_batch_builder bb;
    struct hr_batch *batch = NULL;
    HR_ASSERT_OK(hr_batch_builder_init(&bb, model_schema(), 10, NULL, NULL));
    hr_builder_i64(bb.columns[0], 1);
    HR_EXPECT_EQ_I64(hr_batch_builder_finish(&bb, &batch, NULL), HR_E_INTERNAL);
    HR_EXPECT_TRUE(batch == NULL);
    hr_batch_builder_done(&bb);
    HR_ASSERT_OK(hr_batch_builder_init(&bb, model_schema(), 10, NULL, NULL));
    hr_batch_builder_done(&bb);
}

static bool scenario(struct hr_mem *mem)
{
    uint64_t seed = 11;
    bool ok = false;
    struct hr_batch *a = model_batch(100, &seed, mem, NULL),
                    *b = a ? hr_batch_slice(a, 3, 60) : NULL;
    struct hr_batch *c = b ? hr_batch_compact(b, true) : NULL;
    struct hr_batch *parts[] = {a, b, c};
    struct hr_batch *d = c ? hr_batch_concat(parts, 3, a->schema, false) : NULL;
    if (d) {
        struct model m = {0};
        HR_EXPECT_OK(hr_batch_verify(d, NULL));
        HR_EXPECT_EQ_U64(d->row_count, 220);
        model_free(&m);
        ok = true;
    }
    hr_batch_unref(a), hr_batch_unref(b), hr_batch_unref(c), hr_batch_unref(d);
    return ok;
}

HR_TEST(every_allocation_may_fail)
{
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "test", "t", 0);
    HR_EXPECT_TRUE(scenario(&mem)); /* types are interned, they cost once */
    bool clean = false;
    for (int k = 1; k < 3000 && !clean; k++) {
        hr_fault_arm(HR_FAULT_ALLOC, k, k & 1);
        bool ok = scenario(&mem);
        clean = hr_fault_passed(HR_FAULT_ALLOC) < k;
        hr_fault_disarm_all();
        HR_ASSERT_TRUE((ok || !clean) && mem.used_bytes == 0);
    }
    HR_EXPECT_TRUE(clean);
}

/* A batch of numbers must cost a handful of mallocs. */
HR_TEST(batch_allocation_budget)
{
    struct hr_field fields[10];
    for (int i = 0; i < 10; i++)
        fields[i] = (struct hr_field){"c", hr_type(i & 1 ? HR_T_LONG : HR_T_STRING), true};
    const struct hr_type *schema = hr_type_struct(fields, 10);
    hr_fault_arm(HR_FAULT_ALLOC, INT64_MAX, false);
    struct hr_batch *batch = hr_batch_new(schema, 8192, NULL);
    for (uint32_t i = 0; i < 10; i++)
        HR_ASSERT_OK(
            hr_column_alloc(&batch->arena, fields[i].type, 8192, true, &batch->columns[i], NULL));
    uint32_t *sel;
    struct hr_batch *filtered = hr_batch_new_sel(batch, 8192, &sel);
    int64_t mallocs = hr_fault_passed(HR_FAULT_ALLOC);
    hr_fault_disarm_all();
#ifndef EACH_ALONE
    HR_EXPECT_TRUE(mallocs <= 6);
#endif
    HR_EXPECT_TRUE(mallocs >= 4);
    hr_batch_unref(filtered);
    hr_batch_unref(batch);
}
