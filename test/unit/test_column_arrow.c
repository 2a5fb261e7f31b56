/* SPDX-License-Identifier: Apache-2.0 */
/* The Arrow C Data Interface: there and back, foreign layouts, and everything that is wrong. */
#include "base/fault.h"
#include "column/arrow.h"
#include "column_model.h"

static void round_trip(struct hr_batch *batch, uint32_t flags, const struct model *m)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct hr_batch *back = NULL;
    struct hr_err err = {0};
    HR_ASSERT_OK(hr_arrow_export_type(batch->schema, "", false, flags, &schema, &err));
    HR_ASSERT_OK(hr_arrow_export_batch(batch, flags, &array, &err));
    const struct hr_type *type = NULL;
    HR_ASSERT_OK(hr_arrow_import_type(&schema, &type, &err));
    HR_EXPECT_TRUE(type == batch->schema);
    if (!HR_EXPECT_OK(hr_arrow_import_batch(&schema, &array, NULL, &back, &err))) puts(err.msg);
    HR_EXPECT_TRUE(array.release == NULL);
    schema.release(&schema);
    HR_EXPECT_TRUE(schema.release == NULL);
    if (back) model_same(back, m);
    hr_batch_unref(back);
}

HR_TEST(arrow_round_trip)
{
    for (uint64_t run = 1; run < 40; run++) {
        uint64_t seed = run;
        struct model m = {0};
        struct hr_batch *batch =
            model_batch((uint32_t)(hr_splitmix64(&seed) % 200), &seed, NULL, &m);
        round_trip(batch, run & 1 ? HR_ARROW_PLAIN_STRINGS : 0, &m);
        uint32_t offset = (uint32_t)(hr_splitmix64(&seed) % (batch->sel_count + 1));
        struct hr_batch *slice = hr_batch_slice(batch, offset, batch->sel_count - offset);
        struct model part = {m.rows ? m.rows + offset : NULL, m.count - offset};
        round_trip(slice, run & 2 ? HR_ARROW_PLAIN_STRINGS : 0, &part);
        hr_batch_unref(slice);
        hr_batch_unref(batch);
        model_free(&m);
    }
}

/* Long strings inside of a held buffer leave without a copy. */
HR_TEST(arrow_shares_held_buffers)
{
    struct hr_field field = {"s", hr_type(HR_T_STRING), true};
    struct hr_batch_builder bb;
    struct hr_batch *batch;
    struct ArrowArray array;
    struct hr_buffer *bytes = hr_buffer_new(1000);
    memset(bytes->data, 'x', 1000);
    HR_ASSERT_OK(hr_batch_builder_init(&bb, hr_type_struct(&field, 1), 10, NULL, NULL));
    HR_EXPECT_TRUE(hr_batch_hold_buffer(bb.batch, bytes));
    hr_builder_str_shared(bb.columns[0], hr_svn(bytes->data + 100, 50));
    hr_builder_str(bb.columns[0], hr_sv("not in the buffer at all"));
    HR_ASSERT_OK(hr_batch_builder_finish(&bb, &batch, NULL));
    HR_ASSERT_OK(hr_arrow_export_batch(batch, 0, &array, NULL));
    hr_batch_unref(batch);
    const struct ArrowArray *col = array.children[0];
    HR_EXPECT_EQ_I64(col->n_buffers, 5);
    HR_EXPECT_TRUE(col->buffers[2] == bytes->data);
    const int32_t *views = col->buffers[1];
    HR_EXPECT_TRUE(views[0] == 50 && views[2] == 0 && views[3] == 100);
    HR_EXPECT_TRUE(views[4] == 24 && views[6] == 1 && views[7] == 0);
    HR_EXPECT_EQ_BYTES(col->buffers[3], 24, "not in the buffer at all");
    /* a child may be moved out and outlive its parent */
    struct ArrowArray moved = *array.children[0];
    array.children[0]->release = NULL;
    array.release(&array);
    HR_EXPECT_EQ_I64(((const char *)moved.buffers[2])[149], 'x');
    moved.release(&moved);
    hr_buffer_unref(bytes);
}

/* Foreign arrays, made by hand ---------------------------------------------------------------- */

static int released;
static void release_array(struct ArrowArray *a)
{
    a->release = NULL;
    released++;
}
static void release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

/* A batch of one column of the given format; buffers are borrowed. */
struct foreign {
    struct ArrowSchema schema, field, item, *fields[1], *items[1];
    struct ArrowArray array, col, child, *cols[1], *children[1];
    const void *none[1];
};

static void foreign_init(struct foreign *f, const char *format, int64_t length, int64_t n_buffers,
                         const void **buffers)
{
    memset(f, 0, sizeof *f);
    f->fields[0] = &f->field;
    f->items[0] = &f->item;
    f->cols[0] = &f->col;
    f->children[0] = &f->child;
    f->schema = (struct ArrowSchema){.format = "+s",
                                     .name = "",
                                     .n_children = 1,
                                     .children = f->fields,
                                     .release = release_schema};
    f->field = (struct ArrowSchema){
        .format = format, .name = "c", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    f->item = (struct ArrowSchema){
        .format = "i", .name = "item", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    f->array = (struct ArrowArray){.length = length,
                                   .n_buffers = 1,
                                   .buffers = f->none,
                                   .n_children = 1,
                                   .children = f->cols,
                                   .release = release_array};
    f->col = (struct ArrowArray){.length = length,
                                 .null_count = -1,
                                 .n_buffers = n_buffers,
                                 .buffers = buffers,
                                 .release = release_array};
}

/* Imports and prints all rows by |, or the error's code. */
static void expect_import(struct foreign *f, const char *want, hr_status want_status)
{
    struct hr_batch *batch = NULL;
    struct hr_err err = {0};
    struct hr_buf all = {0}, row = {0};
    f->array.release = release_array;
    hr_status status = hr_arrow_import_batch(&f->schema, &f->array, NULL, &batch, &err);
    if (!HR_EXPECT_EQ_I64(status, want_status)) printf("  %s: %s\n", f->field.format, err.msg);
    HR_EXPECT_EQ_I64(f->array.release == NULL, status == HR_OK);
    if (status == HR_OK) {
        if (!HR_EXPECT_OK(hr_batch_verify(batch, &err))) puts(err.msg);
        for (uint32_t i = 0; i < batch->row_count; i++) {
            model_print(batch, i, &row);
            hr_buf_puts(&all, hr_buf_cstr(&row));
        }
        HR_EXPECT_EQ_STR(hr_buf_cstr(&all), want);
        released = 0;
        hr_batch_unref(batch);
        HR_EXPECT_EQ_I64(released, 1);
    }
    hr_buf_done(&all);
    hr_buf_done(&row);
}

static void fixed(const char *format, const void *values, const char *want)
{
    static const uint8_t valid[] = {0xFB}; /* of rows 1 … 3 the second is NULL: bit 2 */
    const void *buffers[] = {valid, values};
    struct foreign f;
    foreign_init(&f, format, 3, 2, buffers);
    f.col.offset = 1;
    expect_import(&f, want, HR_OK);
}

HR_TEST(arrow_foreign_widths)
{
    fixed("c", (const int8_t[]){9, -1, 0, 3}, "-1|NULL|3|");
    fixed("C", (const uint8_t[]){9, 255, 0, 3}, "255|NULL|3|");
    fixed("s", (const int16_t[]){9, -300, 0, 3}, "-300|NULL|3|");
    fixed("S", (const uint16_t[]){9, 65535, 0, 3}, "65535|NULL|3|");
    fixed("I", (const uint32_t[]){9, UINT32_MAX, 0, 3}, "4294967295|NULL|3|");
    fixed("L", (const uint64_t[]){9, UINT64_MAX, 0, 3}, "18446744073709551615|NULL|3|");
    fixed("e", (const uint16_t[]){9, 0x3C00, 0, 0xC500}, "1.0|NULL|-5.0|");
    fixed("f", (const float[]){9, 0.5F, 0, 3}, "0.5|NULL|3.0|");
    fixed("g", (const double[]){9, -2.5, 0, 3}, "-2.5|NULL|3.0|");
    fixed("b", (const uint8_t[]){0x0A}, "true|NULL|true|");
    fixed("tdD", (const int32_t[]){9, -1, 0, 19000}, "1969-12-31|NULL|2022-01-08|");
    fixed("tdm", (const int64_t[]){9, -1, 0, 86400000}, "1969-12-31|NULL|1970-01-02|");
    fixed("tss:", (const int64_t[]){9, -1, INT64_MAX, 60},
          "1969-12-31 23:59:59|NULL|1970-01-01 00:01:00|");
    fixed("tsm:UTC", (const int64_t[]){9, 1, 0, 60},
          "1970-01-01 00:00:00.001|NULL|1970-01-01 00:00:00.06|");
    fixed("tsu:Europe/Berlin", (const int64_t[]){9, 1, 0, 60},
          "1970-01-01 00:00:00.000001|NULL|1970-01-01 00:00:00.00006|");
    fixed("tsn:", (const int64_t[]){9, -1, 0, 1999},
          "1969-12-31 23:59:59.999999|NULL|1970-01-01 00:00:00.000001|");
    fixed("tDs", (const int64_t[]){9, 61, 0, 0},
          "INTERVAL '0 00:01:01' DAY TO SECOND|NULL|INTERVAL '0 00:00:00' DAY TO SECOND|");
    fixed("tiM", (const int32_t[]){9, 13, 0, 0},
          "INTERVAL '1-1' YEAR TO MONTH|NULL|INTERVAL '0-0' YEAR TO MONTH|");
    fixed("d:10,2", (const hr_i128[]){9, -12345, 0, 1}, "-123.45|NULL|0.01|");
    fixed("d:10,2,128", (const hr_i128[]){9, -12345, 0, 1}, "-123.45|NULL|0.01|");
    fixed("d:10,2,64", (const int64_t[]){9, -12345, 0, 1}, "-123.45|NULL|0.01|");
    fixed("d:5,2,32", (const int32_t[]){9, -12345, 0, 1}, "-123.45|NULL|0.01|");
    fixed("w:3", "xxxabcdefghi", "abc|NULL|ghi|");
    /* values that are not aligned are copied */
    static const char bytes[] __attribute__((aligned(16))) =
        "?\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0";
    fixed("l", bytes + 1, "2|NULL|4|");
}

HR_TEST(arrow_foreign_strings)
{
    struct foreign f;
    const void *plain[] = {NULL, (const int32_t[]){0, 2, 2, 20, 21}, "abthis is eighteen !!z"};
    foreign_init(&f, "u", 3, 3, plain);
    f.col.offset = 1;
    expect_import(&f, "|this is eighteen !|!|", HR_OK);
    const void *large[] = {NULL, (const int64_t[]){0, 2, 2, 20}, "abthis is eighteen !!z"};
    foreign_init(&f, "Z", 3, 3, large);
    expect_import(&f, "ab||this is eighteen !|", HR_OK);
    struct {
        int32_t len;
        char rest[12];
    } views[3] = {{2, "hiXXXXXXXXXX"}, {13, ""}, {0, "junk in pad"}};
    memcpy(views[1].rest, "none\1\0\0\0\2\0\0\0", 12); /* buffer 1, offset 2 */
    const int64_t sizes[] = {0, 15};
    const void *with_views[] = {NULL, views, "", "__thirteen bytes", sizes};
    foreign_init(&f, "vu", 3, 5, with_views);
    expect_import(&f, "hi|thirteen byte||", HR_OK);
    /* dictionary: "b", NULL, "long enough for a pointer" by indexes */
    const void *index_buffers[] = {(const uint8_t[]){0x0B}, (const int8_t[]){1, 0, 99, 2}};
    const void *words[] = {NULL, (const int32_t[]){0, 1, 2, 27}, "ablong enough for a pointer"};
    foreign_init(&f, "c", 4, 2, index_buffers);
    f.item.format = "u";
    f.field.dictionary = &f.item;
    f.child = (struct ArrowArray){
        .length = 3, .n_buffers = 3, .buffers = words, .release = release_array};
    f.col.dictionary = &f.child;
    expect_import(&f, "b|a|NULL|long enough for a pointer|", HR_OK);
    ((int8_t *)(uintptr_t)index_buffers[1])[3] = 3;
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
}

static void list_of(struct foreign *f, const char *format, int64_t n_buffers, const void **buffers)
{
    static const int32_t numbers[] = {1, 2, 3, 4, 5, 6};
    static const void *items[] = {NULL, numbers};
    foreign_init(f, format, 2, n_buffers, buffers);
    f->field.n_children = f->col.n_children = 1;
    f->field.children = f->items;
    f->col.children = f->children;
    f->child = (struct ArrowArray){
        .length = 6, .n_buffers = 2, .buffers = items, .release = release_array};
}

HR_TEST(arrow_foreign_lists)
{
    struct foreign f;
    const void *small[] = {NULL, (const int32_t[]){0, 1, 3, 3}};
    list_of(&f, "+l", 2, small);
    f.col.offset = 1;
    expect_import(&f, "[2, 3]|[]|", HR_OK);
    const void *large[] = {NULL, (const int64_t[]){0, 1, 6}};
    list_of(&f, "+L", 2, large);
    expect_import(&f, "[1]|[2, 3, 4, 5, 6]|", HR_OK);
    const void *fixed_size[] = {NULL};
    list_of(&f, "+w:3", 1, fixed_size);
    expect_import(&f, "[1, 2, 3]|[4, 5, 6]|", HR_OK);
    f.col.offset = 1;
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    static const int32_t bad[][3] = {{0, 1, 7}, {2, 1, 3}, {-1, 0, 1}, {0, INT32_MAX, INT32_MAX}};
    for (size_t i = 0; i < HR_COUNT(bad); i++) {
        const void *wrong[] = {NULL, bad[i]};
        list_of(&f, "+l", 2, wrong);
        expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    }
}

HR_TEST(arrow_refuses_formats)
{
    static const char *const bad[] = {
        "",       "x",          "+",     "+ud:0,1", "+r",   "+vl", "d:",
        "d:39,1", "d:10,2,256", "d:5,6", "w:",      "w:-1", "t",   "ts",
        "tsx:",   "tsu",        "tDu:",  "tts",     "tiD",  "tin", "w:99999999999",
        "d:10,-2"};
    const void *buffers[] = {NULL, "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < HR_COUNT(bad); i++) {
        struct foreign f;
        foreign_init(&f, bad[i], 1, 2, buffers);
        expect_import(&f, NULL, HR_E_NOT_SUPPORTED);
    }
}

HR_TEST(arrow_refuses_wrong_arrays)
{
    static const int32_t four[4];
    const void *buffers[] = {NULL, four, NULL}, *no_values[] = {NULL, NULL, NULL};
    struct foreign f;
    for (int what = 0; what < 14; what++) {
        foreign_init(&f, "i", 2, 2, buffers);
        switch (what) {
        case 0: f.col.length = 1; break;
        case 1: f.col.length = -1; break;
        case 2: f.array.length = -1; break;
        case 3: f.array.length = INT64_MAX; break;
        case 4: f.col.offset = -1; break;
        case 5: f.col.n_buffers = 1; break;
        case 6: f.col.n_buffers = 3; break;
        case 7: f.col.buffers = no_values; break;
        case 8: f.col.buffers = NULL; break;
        case 9: f.array.n_children = 2; break;
        case 10: f.array.children = NULL; break;
        case 11: f.cols[0] = NULL; break;
        case 12: f.col.null_count = 1; break; /* NULLs, but no bitmap */
        case 13: f.fields[0] = NULL; break;
        }
        expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    }
    foreign_init(&f, "u", 1, 3, (const void *[]){NULL, (const int32_t[]){0, 5}, NULL});
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    foreign_init(&f, "u", 1, 3, (const void *[]){NULL, (const int32_t[]){5, 4}, "abcdef"});
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    foreign_init(&f, "u", 1, 3, (const void *[]){NULL, (const int32_t[]){-1, 4}, "abcdef"});
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    foreign_init(&f, "tss:", 1, 2, (const void *[]){NULL, (const int64_t[]){INT64_MAX}});
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    static const int32_t views[][4] = {{-1, 0, 0, 0},  {13, 0, 0, 0},  {13, 0, 1, 0},
                                       {13, 0, -1, 0}, {13, 0, 0, -1}, {13, 0, 0, 8}};
    for (size_t i = 0; i < HR_COUNT(views); i++) {
        const int64_t sizes[] = {i == 1 ? 12 : 20};
        foreign_init(&f, "vu", 1, 4,
                     (const void *[]){NULL, views[i], "01234567890123456789", sizes});
        expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    }
    f.schema.format = "i";
    expect_import(&f, NULL, HR_E_INVALID_ARGUMENT);
    f.array.release = NULL;
    struct hr_batch *batch = NULL;
    HR_EXPECT_TRUE(hr_arrow_import_batch(&f.schema, &f.array, NULL, &batch, NULL) != HR_OK &&
                   !batch);
    /* a schema nested without end */
    struct ArrowSchema loop = {.format = "+l",
                               .name = "",
                               .n_children = 1,
                               .release = release_schema},
                       *self = &loop;
    loop.children = &self;
    const struct hr_type *type = NULL;
    HR_EXPECT_EQ_I64(hr_arrow_import_type(&loop, &type, NULL), HR_E_INVALID_ARGUMENT);
}

HR_TEST(every_allocation_may_fail)
{
    uint64_t seed = 3;
    struct hr_batch *batch = model_batch(50, &seed, NULL, NULL);
    bool clean = false;
    for (int k = 1; k < 2000 && !clean; k++) {
        struct ArrowSchema schema = {0};
        struct ArrowArray array = {0};
        struct hr_batch *back = NULL;
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        bool ok = hr_arrow_export_type(batch->schema, "", false, k & 1, &schema, NULL) == HR_OK &&
                  hr_arrow_export_batch(batch, k & 1, &array, NULL) == HR_OK &&
                  hr_arrow_import_batch(&schema, &array, NULL, &back, NULL) == HR_OK;
        clean = hr_fault_passed(HR_FAULT_ALLOC) < k;
        hr_fault_disarm_all();
        HR_ASSERT_TRUE(ok || !clean);
        if (array.release) array.release(&array);
        if (schema.release) schema.release(&schema);
        hr_batch_unref(back);
    }
    HR_EXPECT_TRUE(clean);
    hr_batch_unref(batch);
}
