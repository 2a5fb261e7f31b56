/* SPDX-License-Identifier: Apache-2.0 */
/* The record log: what was acknowledged comes back exactly, or the file is refused; only what was
 * never acknowledged, and the last record, may be missing. Every byte is damaged, every length cut.
 */
#include "base/record_log.h"
#include "hr_test.h"

#define RECORDS 5
#define HEADER  32

static const struct hr_record_log_kind kind = {"HRTEST1\n", 512};
static char dir[256], path[300];

static void fresh(void)
{
    const char *base = getenv("HR_TMP");
    struct hr_err err;
    snprintf(dir, sizeof dir, "%s/hr-record-log-%d", base ? base : "/tmp", (int)getpid());
    snprintf(path, sizeof path, "%s/log", dir);
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, &err));
    HR_EXPECT_OK(hr_env_default()->vt->mkdirs(hr_env_default(), dir, &err));
}

static hr_status note(void *arg, uint64_t number, struct hr_str_view payload, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_buf_printf(arg, "%d:%.*s;", (int)number, (int)payload.len, payload.ptr);
    return HR_OK;
}

static hr_status read_all(struct hr_buf *out)
{
    struct hr_err err;
    hr_err_init(&err);
    hr_buf_clear(out);
    hr_status status = hr_record_log_read(hr_env_default(), path, &kind, note, out, &err);
    if (status != HR_OK) HR_EXPECT_EQ_I64(out->len, 0); /* nothing is told of a damaged log */
    return status;
}

/* RECORDS records, each durable. */
static void fill(void)
{
    struct hr_record_log *log;
    struct hr_err err;
    fresh();
    HR_ASSERT_OK(hr_record_log_create(hr_env_default(), path, &kind, NULL, 0, &log, &err));
    for (int i = 0; i < RECORDS; i++) {
        char text[16];
        snprintf(text, sizeof text, "r%d", i);
        HR_EXPECT_OK(hr_record_log_append(log, hr_sv(text), true, &err));
    }
    HR_EXPECT_EQ_I64(hr_record_log_count(log), RECORDS);
    hr_record_log_close(log);
}

static void write_file(const char *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    HR_ASSERT_TRUE(file != NULL);
    HR_EXPECT_EQ_I64(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void expect_usable(struct hr_buf *seen, const char *before)
{
    struct hr_record_log *log;
    struct hr_err err;
    char expected[128];
    hr_buf_clear(seen);
    HR_ASSERT_OK(hr_record_log_open(hr_env_default(), path, &kind, note, seen, &log, &err));
    snprintf(expected, sizeof expected, "%s%d:new;", before, (int)hr_record_log_count(log));
    HR_EXPECT_OK(hr_record_log_append(log, hr_sv("new"), true, &err));
    hr_record_log_close(log);
    HR_EXPECT_OK(read_all(seen));
    HR_EXPECT_EQ_STR(hr_buf_cstr(seen), expected);
}

HR_TEST(every_damaged_byte_is_refused_or_a_torn_tail)
{
    struct hr_buf good = {0}, seen = {0};
    struct hr_err err;
    fill();
    HR_ASSERT_OK(read_all(&seen));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&seen), "0:r0;1:r1;2:r2;3:r3;4:r4;");
    HR_ASSERT_OK(hr_env_read_file(hr_env_default(), path, &good, &err));
    size_t end = 8 + RECORDS * (HEADER + 2), last = end - (HEADER + 2);
    for (size_t at = 0; at < good.len; at++) {
        good.ptr[at] ^= 0x10;
        write_file(good.ptr, good.len);
        hr_status status = read_all(&seen);
        if (at < last) {
            if (!HR_EXPECT_EQ_I64(status, HR_E_CHECKPOINT_CORRUPT)) printf("  byte %zu\n", at);
        } else {
            const char *left = at < end ? "0:r0;1:r1;2:r2;3:r3;" : "0:r0;1:r1;2:r2;3:r3;4:r4;";
            HR_EXPECT_OK(status);
            HR_EXPECT_EQ_STR(hr_buf_cstr(&seen), left);
            expect_usable(&seen, left);
        }
        good.ptr[at] ^= 0x10;
    }
    hr_buf_done(&good);
    hr_buf_done(&seen);
}

HR_TEST(every_cut_is_refused_or_gives_a_prefix)
{
    struct hr_buf good = {0}, seen = {0};
    struct hr_err err;
    fill();
    HR_ASSERT_OK(hr_env_read_file(hr_env_default(), path, &good, &err));
    for (size_t size = 0; size < 8 + RECORDS * (HEADER + 2); size++) {
        write_file(good.ptr, size);
        hr_status status = read_all(&seen);
        HR_EXPECT_EQ_I64(status, size < 8 ? HR_E_CHECKPOINT_CORRUPT : HR_OK);
        if (size < 8) continue;
        char expected[64] = "";
        for (size_t i = 0; i < (size - 8) / (HEADER + 2); i++)
            snprintf(expected + strlen(expected), 16, "%d:r%d;", (int)i, (int)i);
        HR_EXPECT_EQ_STR(hr_buf_cstr(&seen), expected);
        expect_usable(&seen, expected);
    }
    hr_buf_done(&good);
    hr_buf_done(&seen);
}

/* A power failure may keep a later page and lose an earlier one: records that were never
 * acknowledged are left out, all of them. */
HR_TEST(unacknowledged_records_may_vanish_in_any_order)
{
    struct hr_record_log *log;
    struct hr_buf seen = {0}, file = {0};
    struct hr_err err;
    fresh();
    HR_ASSERT_OK(hr_record_log_create(hr_env_default(), path, &kind, NULL, 0, &log, &err));
    HR_EXPECT_OK(hr_record_log_append(log, hr_sv("sure"), true, &err));
    HR_EXPECT_OK(hr_record_log_append(log, hr_sv("a"), false, &err));
    HR_EXPECT_OK(hr_record_log_append(log, hr_sv("b"), false, &err));
    hr_record_log_close(log);
    HR_ASSERT_OK(hr_env_read_file(hr_env_default(), path, &file, &err));
    memset(file.ptr + 8 + HEADER + 4, 0, HEADER + 1); /* "a" never reached the disk */
    write_file(file.ptr, file.len);
    HR_EXPECT_OK(read_all(&seen));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&seen), "0:sure;");
    expect_usable(&seen, "0:sure;");
    hr_buf_done(&seen);
    hr_buf_done(&file);
}

/* What a new file begins with is there as a whole. */
HR_TEST(first_records_are_one)
{
    struct hr_record_log *log;
    struct hr_buf seen = {0}, file = {0};
    struct hr_err err;
    struct hr_str_view first[] = {hr_sv("one"), hr_sv("two"), hr_sv("three")};
    fresh();
    HR_ASSERT_OK(hr_record_log_create(hr_env_default(), path, &kind, first, 3, &log, &err));
    hr_record_log_close(log);
    HR_EXPECT_OK(read_all(&seen));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&seen), "0:one;1:two;2:three;");
    HR_ASSERT_OK(hr_env_read_file(hr_env_default(), path, &file, &err));
    size_t end = 8 + 3 * HEADER + 11;
    for (size_t at = 0; at < end; at++) {
        file.ptr[at] ^= 1;
        write_file(file.ptr, file.len);
        if (!HR_EXPECT_EQ_I64(read_all(&seen), HR_E_CHECKPOINT_CORRUPT)) printf("  %zu\n", at);
        file.ptr[at] ^= 1;
    }
    hr_buf_done(&seen);
    hr_buf_done(&file);
}
