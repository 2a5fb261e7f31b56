/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches in memory that worker processes share with the driver: random ones against the model,
 * copied (small) and mapped (large); damaged bytes; and that a worker cannot write to them.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "column_model.h"
#include "rdd/shared_batch.h"

#define BASE 4096

struct file {
    int fd;
    struct hr_shared_writer out;
    uint64_t offset, size;
};

static struct file put(const struct hr_batch *batch, uint64_t junk)
{
    struct file f = {.fd = memfd_create("test", MFD_CLOEXEC)};
    f.out = (struct hr_shared_writer){.fd = f.fd, .base = BASE, .max = UINT32_MAX};
    hr_buf_init(&f.out.buf, UINT32_MAX);
    static const char bytes[4096];
    HR_EXPECT_OK(hr_shared_put(&f.out, bytes, (size_t)junk, NULL)); /* another batch before it */
    HR_EXPECT_OK(hr_shared_put_batch(&f.out, batch, &f.offset, &f.size, NULL));
    HR_EXPECT_OK(hr_shared_flush(&f.out, NULL));
    hr_buf_done(&f.out.buf);
    return f;
}

static struct hr_batch *get(const struct file *f, const struct hr_type *schema, struct hr_err *err)
{
    struct hr_batch *batch = NULL;
    if (hr_shared_get_batch(f->fd, BASE + f->offset, f->size, schema, &batch, err) != HR_OK)
        return NULL;
    return batch;
}

HR_TEST(random_batches_come_back)
{
    for (uint64_t round = 0; round < 60; round++) {
        uint64_t seed = round;
        struct model m = {0};
        uint32_t rows = (uint32_t)(hr_splitmix64(&seed) % (round % 3 ? 300 : 9000));
        struct hr_batch *batch = model_batch(rows, &seed, NULL, &m);
        struct file f = put(batch, hr_splitmix64(&seed) % 4096);
        hr_batch_unref(batch);
        struct hr_err err = {0};
        struct hr_batch *back = get(&f, model_schema(), &err);
        close(f.fd); /* the batch has its own hold on the memory */
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_ASSERT_TRUE(back && model_same(back, &m));
        HR_EXPECT_OK(hr_batch_verify(back, &err));
        hr_batch_unref(back);
        model_free(&m);
    }
}

HR_TEST(only_live_rows_are_written_with_their_weights)
{
    uint64_t seed = 9;
    struct model m = {0};
    struct hr_batch *batch = model_batch(100, &seed, NULL, &m);
    int32_t *weights = hr_arena_alloc(&batch->arena, 100 * sizeof *weights);
    for (int i = 0; i < 100; i++) weights[i] = -i;
    batch->weights = weights;
    const uint32_t sel[] = {3, 50, 99};
    struct hr_batch *few = hr_batch_with_sel(batch, sel, 3);
    struct file f = put(few, 0);
    struct hr_batch *back = get(&f, model_schema(), NULL);
    HR_ASSERT_TRUE(back && back->row_count == 3 && !back->sel && back->weights);
    HR_EXPECT_EQ_I64(back->weights[1], -50);
    HR_EXPECT_EQ_I64(back->weights[2], -99);
    hr_batch_unref(back), hr_batch_unref(few), hr_batch_unref(batch);
    close(f.fd);
    model_free(&m);
}

/* Each word of a small batch set to something else: an error, or a batch that can be read. */
HR_TEST(damaged_bytes_do_no_harm)
{
    uint64_t seed = 3;
    struct hr_batch *batch = model_batch(40, &seed, NULL, NULL);
    struct file f = put(batch, 0);
    hr_batch_unref(batch);
    static const uint32_t evil[] = {0, 1, 41, 0x7fffffff, 0xffffffff};
    int refused = 0;
    for (uint64_t at = 0; at + 4 <= f.size; at += 4) {
        for (size_t i = 0; i < HR_COUNT(evil); i++) {
            uint32_t before;
            HR_ASSERT_TRUE(pread(f.fd, &before, 4, (off_t)(BASE + f.offset + at)) == 4);
            HR_ASSERT_TRUE(pwrite(f.fd, &evil[i], 4, (off_t)(BASE + f.offset + at)) == 4);
            struct hr_err err = {0};
            struct hr_batch *back = get(&f, model_schema(), &err);
            if (!back) {
                refused++;
                HR_EXPECT_EQ_I64(err.code, HR_E_IO);
            }
            struct hr_buf text = {0};
            for (uint32_t c = 0; back && c < MODEL_COLUMNS; c++)
                for (uint32_t r = 0; r < back->row_count; r++)
                    if (hr_column_valid(&back->columns[c], r))
                        hr_column_print(&back->columns[c], r, NULL, &text);
            hr_buf_done(&text);
            hr_batch_unref(back);
            HR_ASSERT_TRUE(pwrite(f.fd, &before, 4, (off_t)(BASE + f.offset + at)) == 4);
        }
    }
    HR_EXPECT_TRUE(refused > 100);
    struct hr_err err = {0};
    f.size -= 64; /* cut short */
    HR_EXPECT_TRUE(get(&f, model_schema(), &err) == NULL);
    close(f.fd);
}

HR_TEST(a_worker_cannot_write_to_a_block)
{
    uint64_t seed = 5;
    struct model m = {0};
    struct hr_batch *batch = model_batch(20000, &seed, NULL, &m);
    struct file f = put(batch, 0);
    hr_batch_unref(batch);
    HR_ASSERT_TRUE(f.size > 1u << 18); /* mapped, not copied */
    struct hr_batch *back = get(&f, model_schema(), NULL);
    close(f.fd);
    HR_ASSERT_TRUE(back != NULL);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile int *)(uintptr_t)back->columns[0].values = 7;
        _exit(0);
    }
    int status = 0;
    HR_EXPECT_EQ_I64(waitpid(pid, &status, 0), pid);
#ifdef __SANITIZE_ADDRESS__
    HR_EXPECT_TRUE(status != 0); /* its own report of the signal */
#else
    HR_EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
    HR_EXPECT_TRUE(model_same(back, &m));
    hr_batch_unref(back);
    model_free(&m);
}

/* Lists of the driver's own: the same rows, in one mapping that goes with the last of them. */
HR_TEST(lists_move_into_shared_memory)
{
    uint64_t seed = 11;
    struct model m[4] = {0};
    struct hr_batch *batches[4];
    for (int i = 0; i < 4; i++) batches[i] = model_batch(3000, &seed, NULL, &m[i]);
    const uint32_t few[] = {5, 7};
    struct hr_batch *selected = hr_batch_with_sel(batches[1], few, 2);
    hr_batch_unref(batches[1]);
    batches[1] = selected;
    const struct hr_batch *before = batches[0];
    HR_ASSERT_OK(hr_shared_move(batches, 4, NULL));
    HR_EXPECT_TRUE(batches[0] != before);
    HR_EXPECT_TRUE(batches[1]->row_count == 2 && !batches[1]->sel);
    fflush(stdout);
    pid_t pid = fork(); /* what a worker would see */
    if (pid == 0) _exit(model_same(batches[0], &m[0]) && model_same(batches[3], &m[3]) ? 0 : 1);
    int status = -1;
    waitpid(pid, &status, 0);
    HR_EXPECT_EQ_I64(status, 0);
    hr_batch_unref(batches[0]), hr_batch_unref(batches[1]), hr_batch_unref(batches[3]);
    HR_EXPECT_TRUE(model_same(batches[2], &m[2])); /* holds the mapping */
    struct hr_batch *alone = batches[2], *small = model_batch(3, &seed, NULL, NULL);
    hr_batch_unref(alone);
    batches[0] = small;
    HR_ASSERT_OK(hr_shared_move(batches, 1, NULL));
    HR_EXPECT_TRUE(batches[0] == small); /* not worth a mapping */
    hr_batch_unref(small);
    for (int i = 0; i < 4; i++) model_free(&m[i]);
}

HR_TEST(the_limit_on_a_task_s_output_is_an_error)
{
    uint64_t seed = 1, offset, size;
    struct hr_err err = {0};
    struct hr_batch *batch = model_batch(20000, &seed, NULL, NULL);
    struct hr_shared_writer out = {
        .fd = memfd_create("test", MFD_CLOEXEC), .base = BASE, .max = 10000};
    hr_buf_init(&out.buf, UINT32_MAX);
    HR_EXPECT_EQ_I64(hr_shared_put_batch(&out, batch, &offset, &size, &err), HR_E_LIMIT);
    HR_EXPECT_TRUE(strstr(err.msg, "10000 bytes") != NULL);
    hr_buf_done(&out.buf);
    hr_batch_unref(batch);
    close(out.fd);
}
