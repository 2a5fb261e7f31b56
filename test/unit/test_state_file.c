/* SPDX-License-Identifier: Apache-2.0 */
/* Files of state: what is written is read; any byte that is not as it was is refused. */
#include "hr_test.h"
#include "state/file.h"

struct seen {
    char text[8192];
    size_t len;
    uint32_t frames;
};

static hr_status note(void *arg, struct hr_str_view raw, struct hr_err *err)
{
    struct seen *seen = arg;
    (void)err;
    if (seen->len + raw.len <= sizeof seen->text) memcpy(seen->text + seen->len, raw.ptr, raw.len);
    seen->len += raw.len;
    seen->frames++;
    return HR_OK;
}

static void write_three(struct hr_buf *file)
{
    char big[3000];
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * i / 7);
    hr_buf_init(file, 0);
    hr_state_file_put(file, hr_sv("first"));
    hr_state_file_put(file, hr_svn("", 0));
    hr_state_file_put(file, hr_svn(big, sizeof big));
    HR_EXPECT_TRUE(!file->failed);
}

HR_TEST(frames_come_back_in_order)
{
    struct hr_buf file;
    struct hr_err err;
    static struct seen seen;
    write_three(&file);
    HR_ASSERT_OK(hr_state_file_read("f", hr_svn(file.ptr, file.len), note, &seen, &err));
    HR_EXPECT_EQ_U64(seen.frames, 3);
    HR_EXPECT_EQ_U64(seen.len, 3005);
    HR_EXPECT_EQ_I64(memcmp(seen.text, "first", 5), 0);
    HR_EXPECT_EQ_I64(seen.text[5 + 100], (char)(100 * 100 / 7));
    hr_buf_done(&file);
}

HR_TEST(every_flipped_byte_is_refused)
{
    struct hr_buf file;
    struct hr_err err;
    static struct seen seen;
    write_three(&file);
    uint64_t accepted = 0;
    for (size_t i = 0; i < file.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            file.ptr[i] ^= (char)(1 << bit);
            hr_status status =
                hr_state_file_read("f", hr_svn(file.ptr, file.len), note, &seen, &err);
            accepted += status == HR_OK;
            HR_EXPECT_TRUE(status == HR_OK || status == HR_E_CHECKPOINT_CORRUPT);
            file.ptr[i] ^= (char)(1 << bit);
        }
    }
    HR_EXPECT_EQ_U64(accepted, 0);
    hr_buf_done(&file);
}

HR_TEST(every_cut_within_a_frame_is_refused)
{
    struct hr_buf file;
    struct hr_err err;
    static struct seen seen;
    write_three(&file);
    uint64_t accepted = 0;
    for (size_t len = 0; len < file.len; len++)
        accepted += hr_state_file_read("f", hr_svn(file.ptr, len), note, &seen, &err) == HR_OK;
    HR_EXPECT_EQ_U64(accepted, 2); /* after the first frame and after the second: the record has
                                      the file's size */
    hr_buf_done(&file);
}

/* As programs wrote them before there were frames. */
HR_TEST(a_file_of_one_frame_without_checksum_is_read)
{
    struct hr_buf file;
    struct hr_err err;
    static struct seen seen;
    hr_buf_init(&file, 0);
    hr_buf_append(&file, "HRST", 4);
    hr_buf_put_u8(&file, 0); /* not packed */
    hr_buf_put_u64(&file, 3);
    hr_buf_append(&file, "abc", 3);
    HR_ASSERT_OK(hr_state_file_read("f", hr_svn(file.ptr, file.len), note, &seen, &err));
    HR_EXPECT_EQ_U64(seen.len, 3);
    hr_buf_done(&file);
}
