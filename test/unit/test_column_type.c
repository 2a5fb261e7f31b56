/* SPDX-License-Identifier: Apache-2.0 */
/* Types: interning, names, limits. */
#include <pthread.h>

#include "base/datetime.h"
#include "column/type.h"
#include "hr_test.h"

HR_TEST(types_are_interned)
{
    HR_EXPECT_TRUE(hr_type(HR_T_INT) == hr_type(HR_T_INT));
    HR_EXPECT_TRUE(hr_type_decimal(12, 2) == hr_type_decimal(12, 2));
    HR_EXPECT_TRUE(hr_type_decimal(12, 2) != hr_type_decimal(12, 3));
    HR_EXPECT_TRUE(hr_type_array(hr_type(HR_T_INT), true) !=
                   hr_type_array(hr_type(HR_T_INT), false));
    char name[] = "a";
    struct hr_field f[] = {{name, hr_type(HR_T_INT), true}, {"b", hr_type(HR_T_STRING), false}};
    const struct hr_type *st = hr_type_struct(f, 2);
    name[0] = 'z'; /* names are copied */
    HR_EXPECT_EQ_STR(st->fields[0].name, "a");
    HR_EXPECT_TRUE(hr_type_struct(f, 2) != st);
    name[0] = 'A';
    const struct hr_type *upper = hr_type_struct(f, 2);
    HR_EXPECT_TRUE(upper != st && hr_type_same(upper, st));
    f[1].nullable = true;
    HR_EXPECT_TRUE(hr_type_struct(f, 2) != upper && hr_type_same(hr_type_struct(f, 2), upper));
    HR_EXPECT_FALSE(hr_type_same(st, hr_type_struct(f, 1)));
    HR_EXPECT_EQ_I64(hr_type_field_index(st, hr_sv("B")), 1);
    HR_EXPECT_EQ_I64(hr_type_field_index(st, hr_sv("c")), -1);
    HR_EXPECT_TRUE(hr_type_struct(NULL, 0) == hr_type_struct(f, 0));
}

HR_TEST(types_out_of_range)
{
    HR_EXPECT_TRUE(!hr_type_decimal(39, 0) && !hr_type_decimal(0, 0) && !hr_type_decimal(5, 6) &&
                   !hr_type_decimal(5, -1));
    HR_EXPECT_TRUE(!hr_type_interval_ym(HR_IV_MONTH, HR_IV_YEAR) &&
                   !hr_type_interval_ym(HR_IV_YEAR, HR_IV_DAY));
    HR_EXPECT_TRUE(!hr_type_interval_dt(HR_IV_MONTH, HR_IV_DAY));
    HR_EXPECT_TRUE(!hr_type_array(NULL, true) && !hr_type_map(NULL, NULL, true));
}

HR_TEST(types_print)
{
    struct hr_arena arena = {0};
    struct hr_field f[] = {{"a", hr_type(HR_T_LONG), false},
                           {"odd name", hr_type_decimal(38, 18), true},
                           {"2x", hr_type(HR_T_TIMESTAMP_NTZ), true},
                           {"q`q", hr_type(HR_T_NULL), true}};
    const struct hr_type *map =
        hr_type_map(hr_type(HR_T_STRING), hr_type_array(hr_type_struct(f, 4), false), true);
    HR_EXPECT_EQ_STR(hr_type_sql(&arena, map),
                     "MAP<STRING, ARRAY<STRUCT<a: BIGINT NOT NULL, `odd name`: DECIMAL(38,18), "
                     "`2x`: TIMESTAMP_NTZ, `q``q`: VOID>>>");
    HR_EXPECT_EQ_STR(
        hr_type_simple(&arena, map),
        "map<string,array<struct<a:bigint,odd name:decimal(38,18),2x:timestamp_ntz,q`q:void>>>");
    HR_EXPECT_EQ_STR(hr_type_sql(&arena, hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND)),
                     "INTERVAL DAY TO SECOND");
    HR_EXPECT_EQ_STR(hr_type_simple(&arena, hr_type_interval_ym(HR_IV_MONTH, HR_IV_MONTH)),
                     "interval month");
    HR_EXPECT_EQ_STR(hr_type_sql(&arena, hr_type(HR_T_BYTE)), "TINYINT");
    hr_arena_done(&arena);
}

static void *intern_many(void *arg)
{
    const struct hr_type **out = arg;
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        struct hr_field f = {name, hr_type_decimal(1 + i % 38, 0), i & 1};
        out[i] = hr_type_struct(&f, 1);
    }
    return NULL;
}

HR_TEST(types_from_several_threads)
{
    static const struct hr_type *seen[4][500];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        HR_ASSERT_TRUE(pthread_create(&threads[i], NULL, intern_many, seen[i]) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 500; i++)
        HR_ASSERT_TRUE(seen[0][i] && seen[0][i] == seen[1][i] && seen[0][i] == seen[2][i] &&
                       seen[0][i] == seen[3][i]);
}

HR_TEST(types_have_a_limit)
{
    const struct hr_type *last = NULL;
    uint32_t made = 0;
    for (; made < HR_TYPE_LIMIT + 10; made++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", made);
        struct hr_field f = {name, hr_type(HR_T_INT), true};
        const struct hr_type *type = hr_type_struct(&f, 1);
        if (!type) break;
        last = type;
    }
    HR_EXPECT_TRUE(made <= HR_TYPE_LIMIT && made > HR_TYPE_LIMIT - 10 && last);
    struct hr_field f = {"n5", hr_type(HR_T_INT), true};
    HR_EXPECT_TRUE(hr_type_struct(&f, 1) != NULL); /* those that exist are still found */
}
