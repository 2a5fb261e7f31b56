/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what was acknowledged is read back; what is damaged or cut ends it; one owner. */
#include "base/hash.h"
#include "hr_test.h"
#include "stream/journal.h"
#include "stream/record.h"

struct seen {
    char text[65536];
    size_t len;
    uint32_t count;
};

static hr_status note(void *arg, const struct hr_record *record, struct hr_err *err)
{
    HR_UNUSED(err);
    struct seen *seen = arg;
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
                                  "%s %" PRId64 " %.*s;", hr_record_kind_name(record->kind),
                                  record->epoch, (int)record->payload.len, record->payload.ptr);
    seen->count++;
    return HR_OK;
}

static char dir[256];

static void fresh_dir(void)
{
    const char *base = getenv("HR_TMP");
    snprintf(dir, sizeof dir, "%s/hr-journal-%d", base ? base : "/tmp", (int)getpid());
    struct hr_err err;
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, &err));
}

static struct hr_journal *open_noting(struct seen *seen, hr_status expected)
{
    struct hr_journal *journal = NULL;
    struct hr_err err;
    hr_err_init(&err);
    memset(seen, 0, sizeof *seen);
    hr_status status = hr_journal_open(hr_env_default(), dir, &journal, &err);
    if (status == HR_OK) status = hr_journal_replay(journal, note, seen, &err);
    if (!HR_EXPECT_EQ_I64(status, expected)) printf("  %s\n", err.msg);
    return journal;
}

static void append(struct hr_journal *journal, enum hr_record_kind kind, int64_t epoch,
                   const char *text, bool durable)
{
    struct hr_err err;
    HR_EXPECT_OK(hr_journal_append(journal, kind, epoch, hr_sv(text), durable, &err));
}

HR_TEST(records_come_back_in_order)
{
    fresh_dir();
    struct seen seen;
    struct hr_journal *journal = open_noting(&seen, HR_OK);
    HR_ASSERT_TRUE(journal != NULL);
    HR_EXPECT_EQ_I64(seen.count, 0);
    append(journal, HR_REC_META, -1, "m", true);
    append(journal, HR_REC_PLAN, 0, "p0", false);
    append(journal, HR_REC_COMMIT, 0, "c0", true);
    hr_journal_close(journal);
    journal = open_noting(&seen, HR_OK);
    HR_EXPECT_EQ_STR(seen.text, "META -1 m;PLAN 0 p0;COMMIT 0 c0;");
    append(journal, HR_REC_PLAN, 1, "p1", true);
    hr_journal_close(journal);
    journal = open_noting(&seen, HR_OK);
    HR_EXPECT_EQ_STR(seen.text, "META -1 m;PLAN 0 p0;COMMIT 0 c0;PLAN 1 p1;");
    hr_journal_close(journal);
}

/* Cuts or damages the file at every byte of its last record: the records before it survive, it does
 * not. */
HR_TEST(a_damaged_tail_is_left_out)
{
    struct hr_env *env = hr_env_default();
    struct hr_err err;
    for (int64_t at = 0; at < 32 + 9 + 2; at++) {
        fresh_dir();
        struct seen seen;
        struct hr_journal *journal = open_noting(&seen, HR_OK);
        append(journal, HR_REC_META, -1, "m", true);
        append(journal, HR_REC_PLAN, 0, "p0", true);
        hr_journal_close(journal);
        char path[400];
        snprintf(path, sizeof path, "%s/journal/00000000000000000001.log", dir);
        int fd;
        HR_ASSERT_OK(env->vt->open(env, path, HR_OPEN_UPDATE, &fd, &err));
        int64_t start = 8 + 32 + 9 + 1; /* magic, the first record */
        char byte;
        size_t got;
        HR_ASSERT_OK(env->vt->pread(env, fd, &byte, 1, start + at, &got, &err));
        byte = (char)(byte ^ 0x40);
        HR_ASSERT_OK(env->vt->pwrite(env, fd, &byte, 1, start + at, &err));
        HR_ASSERT_OK(env->vt->close(env, fd, &err));
        journal = open_noting(&seen, HR_OK);
        if (!HR_EXPECT_EQ_STR(seen.text, "META -1 m;")) printf("  byte %d\n", (int)at);
        append(journal, HR_REC_PLAN, 0, "again", true);
        hr_journal_close(journal);
        journal = open_noting(&seen, HR_OK);
        HR_EXPECT_EQ_STR(seen.text, "META -1 m;PLAN 0 again;");
        hr_journal_close(journal);
    }
}

HR_TEST(a_second_owner_is_refused)
{
    fresh_dir();
    struct seen seen;
    struct hr_journal *journal = open_noting(&seen, HR_OK);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct seen other;
        hr_test_failures = 0;
        open_noting(&other, HR_E_CHECKPOINT_BUSY);
        _exit(hr_test_failures);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    HR_EXPECT_EQ_I64(WEXITSTATUS(status), 0);
    hr_journal_close(journal);
}

HR_TEST(rotation_keeps_what_it_is_given_and_drops_old_files)
{
    fresh_dir();
    struct hr_env *env = hr_env_default();
    struct hr_err err;
    struct seen seen;
    struct hr_journal *journal = open_noting(&seen, HR_OK);
    append(journal, HR_REC_META, -1, "m", true);
    for (int e = 0; e < 3; e++) {
        append(journal, HR_REC_PLAN, e, "p", false);
        append(journal, HR_REC_COMMIT, e, "c", true);
        struct hr_record records[] = {{HR_REC_META, -1, hr_sv("m")},
                                      {HR_REC_COMMIT, e, hr_sv("all")}};
        HR_ASSERT_OK(hr_journal_rotate(journal, records, 2, &err));
    }
    append(journal, HR_REC_PLAN, 3, "p3", true);
    hr_journal_close(journal);
    journal = open_noting(&seen, HR_OK);
    HR_EXPECT_EQ_STR(seen.text, "META -1 m;COMMIT 2 all;PLAN 3 p3;");
    hr_journal_close(journal);
    char path[400];
    snprintf(path, sizeof path, "%s/journal/00000000000000000001.log", dir);
    HR_EXPECT_FALSE(hr_env_exists(env, path));
}

HR_TEST(payloads_survive_and_short_ones_are_refused)
{
    struct hr_err err;
    const char *starts[] = {"{\"t\":{\"0\":1}}", "5"}, *ends[] = {"{\"t\":{\"0\":9}}", "7"};
    struct hr_plan_record plan = {1700000000000000, INT64_MIN, 42, 2, starts, ends};
    struct hr_buf buf;
    hr_buf_init(&buf, 0);
    hr_plan_record_put(&plan, &buf);
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_plan_record got;
    HR_ASSERT_OK(hr_plan_record_get(&arena, hr_svn(buf.ptr, buf.len), &got, &err));
    HR_EXPECT_EQ_I64(got.timestamp_us, plan.timestamp_us);
    HR_EXPECT_EQ_I64(got.late_watermark_us, INT64_MIN);
    HR_EXPECT_EQ_STR(got.ends[0], ends[0]);
    HR_EXPECT_EQ_STR(got.starts[1], "5");
    for (size_t cut = 0; cut < buf.len; cut++)
        HR_EXPECT_EQ_I64(hr_plan_record_get(&arena, hr_svn(buf.ptr, cut), &got, &err),
                         HR_E_CHECKPOINT_CORRUPT);
    struct hr_state_ref refs[] = {
        {.state_id = 1,
         .is_snapshot = true,
         .epoch = 3,
         .file = "1-3-0.snapshot",
         .size_bytes = 99,
         .crc = 7},
        {.state_id = 0, .epoch = 4, .size_bytes = 3, .bytes = {"abc", 3}},
    };
    int64_t watermarks[] = {5, 6};
    struct hr_commit_record commit = {.next_watermark_us = 8,
                                      .input_rows = 100,
                                      .source_watermarks_us = watermarks,
                                      .watermark_count = 2,
                                      .refs = refs,
                                      .ref_count = 2};
    hr_buf_clear(&buf);
    hr_commit_record_put(&commit, &buf);
    struct hr_commit_record back;
    HR_ASSERT_OK(hr_commit_record_get(&arena, hr_svn(buf.ptr, buf.len), &back, &err));
    HR_EXPECT_EQ_I64(back.ref_count, 2);
    HR_EXPECT_EQ_STR(back.refs[0].file, "1-3-0.snapshot");
    HR_EXPECT_TRUE(back.refs[1].file == NULL);
    HR_EXPECT_EQ_BYTES(back.refs[1].bytes.ptr, back.refs[1].bytes.len, "abc");
    HR_EXPECT_EQ_I64(back.source_watermarks_us[1], 6);
    for (size_t cut = 0; cut < buf.len; cut++)
        HR_EXPECT_EQ_I64(hr_commit_record_get(&arena, hr_svn(buf.ptr, cut), &back, &err),
                         HR_E_CHECKPOINT_CORRUPT);
    hr_buf_done(&buf);
    hr_arena_done(&arena);
}
