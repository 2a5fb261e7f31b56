/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An input that several queries share, against a source of numbers that counts how often it is
 * opened: whoever is slow, leaves, fails or comes late, each member gets each row once.
 */
#include "base/thread.h"
#include "column/builder.h"
#include "hr_test.h"
#include "operator/input.h"

#define ROWS  1000
#define BATCH 10

/* Rows [0, ROWS): column a is the number, b its double. */
struct numbers {
    struct hr_source base;
    _Atomic int opened;
    int fail_at; /* the reader fails in front of this row; 0: never */
    uint32_t batch; /* rows of a batch; a second source may make others */
};

struct numbers_reader {
    struct hr_scan_reader base;
    struct numbers *source;
    struct hr_scan_spec spec;
    int64_t at;
};

static hr_status numbers_next(struct hr_scan_reader *base, struct hr_batch **ret,
                              struct hr_err *err)
{
    struct numbers_reader *r = HR_CONTAINER_OF(base, struct numbers_reader, base);
    *ret = NULL;
    if (r->source->fail_at && r->at >= r->source->fail_at)
        return HR_FAIL(err, HR_E_IO, "it failed");
    if (r->at == ROWS) return HR_OK;
    uint32_t rows = (uint32_t)HR_MIN((int64_t)r->source->batch, ROWS - r->at);
    struct hr_batch *batch = hr_batch_new(r->spec.schema, rows, r->spec.mem);
    if (!batch) return HR_OOM(err);
    for (uint32_t c = 0; c < r->spec.schema->field_count; c++) {
        struct hr_column *col = &batch->columns[c];
        HR_TRY(hr_column_alloc(&batch->arena, hr_type(HR_T_LONG), rows, false, col, err));
        int64_t *values = (int64_t *)(uintptr_t)col->values;
        int64_t times = r->spec.schema->fields[c].name[0] == 'b' ? 2 : 1;
        for (uint32_t i = 0; i < rows; i++) values[i] = (r->at + i) * times;
    }
    r->at += rows;
    *ret = batch;
    return HR_OK;
}

static void numbers_close(struct hr_scan_reader *base)
{
    hr_free(HR_CONTAINER_OF(base, struct numbers_reader, base));
}

static hr_status numbers_open(struct hr_source *base, const struct hr_split *split,
                              const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                              struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {numbers_next, numbers_close};
    HR_UNUSED(split);
    struct numbers_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    *r = (struct numbers_reader){{&vt}, HR_CONTAINER_OF(base, struct numbers, base), *spec, 0};
    r->source->opened++;
    *ret = &r->base;
    return HR_OK;
}

static const struct hr_source_vt numbers_vt = {.name = "numbers", .open_reader = numbers_open};

static const struct hr_type *columns(const char *names)
{
    struct hr_field fields[2];
    uint32_t count = 0;
    for (const char *p = names; *p; p++)
        fields[count++] = (struct hr_field){*p == 'a' ? "a" : "b", hr_type(HR_T_LONG), true};
    return hr_type_struct(fields, count);
}

/* A query's side: its source, its member, its reader, and what it has read. */
struct side {
    struct numbers source;
    struct hr_input_member *member;
    const struct hr_type *columns;
    struct hr_scan_reader *reader;
    struct hr_split split;
    int64_t rows;
    bool right;
    struct hr_err err;
};

static void side_init(struct side *s, struct hr_inputs *inputs, const char *names)
{
    static const struct hr_conf conf = {.batch_rows = BATCH};
    *s = (struct side){.columns = columns(names), .right = true};
    s->split = (struct hr_split){.description = "numbers", .key = "all"};
    s->source.base = (struct hr_source){&numbers_vt, columns("ab"),
                                        HR_SOURCE_REPLAYABLE | HR_SOURCE_BY_COLUMN};
    s->source.batch = BATCH;
    hr_err_init(&s->err);
    HR_EXPECT_OK(hr_input_join(inputs, &s->source.base, NULL, &conf, NULL, s->columns, &s->member,
                               &s->err));
}

static void side_open(struct side *s)
{
    struct hr_scan_spec spec = {.schema = s->columns, .batch_rows = BATCH};
    HR_EXPECT_OK(hr_input_open(s->member, &s->source.base, &s->split, &spec, &s->reader, &s->err));
}

/* Reads up to so many batches; false: the end, or a failure. */
static bool side_read(struct side *s, int batches)
{
    for (int i = 0; i < batches; i++) {
        struct hr_batch *batch = NULL;
        if (s->reader->vt->next(s->reader, &batch, &s->err) || !batch) return false;
        s->right &= batch->schema == s->columns;
        struct hr_batch *plain = hr_batch_compact(batch, false);
        for (uint32_t c = 0; c < s->columns->field_count; c++) {
            int64_t times = s->columns->fields[c].name[0] == 'b' ? 2 : 1;
            const int64_t *values = plain->columns[c].values;
            for (uint32_t r = 0; r < plain->row_count; r++)
                s->right &= values[r] == (s->rows + r) * times;
        }
        s->rows += plain->row_count;
        hr_batch_unref(plain);
        hr_batch_unref(batch);
    }
    return true;
}

static void side_close(struct side *s)
{
    if (s->reader) s->reader->vt->close(s->reader);
    s->reader = NULL;
}

static void side_done(struct side *s)
{
    HR_EXPECT_TRUE(s->right);
    side_close(s);
    hr_input_leave(s->member);
}

static struct hr_inputs *inputs_of(int64_t max_bytes)
{
    struct hr_inputs *inputs = hr_inputs_new(NULL);
    HR_EXPECT_TRUE(inputs != NULL);
    hr_inputs_limit(inputs, max_bytes);
    return inputs;
}

HR_TEST(input_is_read_once)
{
    struct hr_inputs *inputs = inputs_of(1 << 20);
    struct side a, b;
    side_init(&a, inputs, "a");
    side_init(&b, inputs, "ba");
    side_open(&a);
    side_read(&a, 3);
    side_open(&b);
    side_read(&b, 7); /* reads on with a's reader */
    while (side_read(&a, 1)) continue;
    side_close(&a);
    while (side_read(&b, 1)) continue;
    HR_EXPECT_EQ_I64(a.rows, ROWS);
    HR_EXPECT_EQ_I64(b.rows, ROWS);
    HR_EXPECT_EQ_I64(a.source.opened + b.source.opened, 1);
    HR_EXPECT_EQ_I64(hr_input_shared_rows(b.member), ROWS);
    side_done(&a);
    side_done(&b);
    hr_inputs_free(inputs);
}

HR_TEST(input_alone_is_the_source_itself)
{
    struct hr_inputs *inputs = inputs_of(1 << 20);
    struct side a, b;
    side_init(&a, inputs, "b");
    HR_EXPECT_EQ_I64(hr_input_shared_rows(a.member), -1);
    side_open(&a);
    side_read(&a, 5);
    side_init(&b, inputs, "b"); /* too late for what is being read */
    side_open(&b);
    while (side_read(&a, 1) || side_read(&b, 1)) continue;
    while (side_read(&b, 1)) continue;
    HR_EXPECT_EQ_I64(a.rows + b.rows, 2 * ROWS);
    HR_EXPECT_EQ_I64(a.source.opened + b.source.opened, 2);
    side_done(&b);
    side_done(&a);
    hr_inputs_free(inputs);
}

/* A limit of a few batches: who takes none is left behind, and reads the rest by itself, although
 * its source cuts its batches elsewhere. */
HR_TEST(input_leaves_the_slow_behind)
{
    struct hr_inputs *inputs = inputs_of(2000);
    struct side fast, slow;
    side_init(&slow, inputs, "ab");
    side_init(&fast, inputs, "a");
    slow.source.batch = 8;
    side_open(&slow);
    side_read(&slow, 2);
    side_open(&fast);
    while (side_read(&fast, 1)) continue; /* with the reader of the slow one */
    HR_EXPECT_EQ_I64(fast.rows, ROWS);
    side_close(&fast);
    slow.source.batch = 7;
    while (side_read(&slow, 1)) continue;
    HR_EXPECT_EQ_I64(slow.rows, ROWS);
    HR_EXPECT_EQ_I64(slow.source.opened, 2);
    HR_EXPECT_EQ_I64(fast.source.opened, 0);
    side_done(&slow);
    side_done(&fast);
    hr_inputs_free(inputs);
}

HR_TEST(input_whose_opener_ends_early)
{
    struct hr_inputs *inputs = inputs_of(1 << 20);
    struct side a, b, c;
    side_init(&a, inputs, "a");
    side_init(&b, inputs, "a");
    side_init(&c, inputs, "b");
    side_open(&a);
    side_open(&b);
    side_read(&a, 4);
    side_close(&a); /* a LIMIT */
    while (side_read(&b, 1)) continue;
    side_open(&c);
    while (side_read(&c, 1)) continue;
    HR_EXPECT_EQ_I64(b.rows, ROWS);
    HR_EXPECT_EQ_I64(c.rows, ROWS);
    side_done(&a);
    side_done(&b);
    side_done(&c);
    hr_inputs_free(inputs);
}

/* A failure is that of the query whose source failed; the other reads by itself. */
HR_TEST(input_that_fails)
{
    struct hr_inputs *inputs = inputs_of(1 << 20);
    struct side a, b;
    side_init(&a, inputs, "a");
    side_init(&b, inputs, "b");
    a.source.fail_at = 500;
    side_open(&a);
    side_open(&b);
    while (side_read(&b, 1)) continue;
    HR_EXPECT_EQ_I64(b.rows, ROWS);
    while (side_read(&a, 1)) continue;
    HR_EXPECT_EQ_I64(a.err.code, HR_E_IO);
    HR_EXPECT_TRUE(a.rows <= 500);
    side_done(&a);
    side_done(&b);
    hr_inputs_free(inputs);
}

HR_TEST(input_that_is_not_shared)
{
    struct hr_inputs *inputs = inputs_of(0);
    struct side a;
    side_init(&a, inputs, "a");
    HR_EXPECT_TRUE(a.member == NULL);
    side_done(&a);
    hr_inputs_limit(inputs, 1000);
    struct side b, c;
    side_init(&b, inputs, "a");
    side_init(&c, inputs, "a");
    b.split.key = c.split.key = NULL;
    side_open(&b);
    side_open(&c);
    while (side_read(&b, 1)) continue;
    while (side_read(&c, 1)) continue;
    HR_EXPECT_EQ_I64(b.source.opened + c.source.opened, 2);
    HR_EXPECT_EQ_I64(b.rows + c.rows, 2 * ROWS);
    side_done(&b);
    side_done(&c);
    hr_inputs_free(inputs);
}

static void *read_all(void *arg)
{
    struct side *s = arg;
    static const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    for (size_t i = 0; i < HR_COUNT(keys); i++) {
        s->split.key = keys[i];
        s->rows = 0;
        side_open(s);
        while (side_read(s, 1)) continue;
        s->right &= s->rows == ROWS;
        side_close(s);
    }
    return NULL;
}

HR_TEST(input_of_several_threads)
{
    struct hr_inputs *inputs = inputs_of(5000);
    struct side sides[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) side_init(&sides[i], inputs, i % 2 ? "a" : "ab");
    for (int i = 0; i < 4; i++)
        HR_ASSERT_TRUE(pthread_create(&threads[i], NULL, read_all, &sides[i]) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) side_done(&sides[i]);
    hr_inputs_free(inputs);
}

HR_TEST(inputs_are_held)
{
    struct hr_inputs *inputs = inputs_of(1);
    HR_EXPECT_TRUE(hr_inputs_await(inputs, 0));
    hr_inputs_hold(inputs, true);
    HR_EXPECT_TRUE(!hr_inputs_await(inputs, 20000));
    hr_inputs_hold(inputs, false);
    HR_EXPECT_TRUE(hr_inputs_await(inputs, 20000));
    hr_inputs_free(inputs);
}
