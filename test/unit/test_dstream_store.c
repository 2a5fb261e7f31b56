/* SPDX-License-Identifier: Apache-2.0 */
/* What receivers store: single rows and blocks, their partitions, the log when the disk fails and
 * after a crash, restarts and stops that are asked for, bytes of sockets cut into rows. */
#include <arpa/inet.h>
#include <headrace/headrace.h>
#include <sys/socket.h>

#include "base/env.h"
#include "hr_test.h"

#define SECOND 1000000

/* A receiver that does nothing by itself: the test stores into it. */
struct valve {
    struct hr_receiver *_Atomic receiver;
    _Atomic int starts, stops;
};

static hr_status valve_start(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    struct valve *v = arg;
    (void)err;
    v->receiver = receiver;
    v->starts++;
    while (!hr_receiver_stopped(receiver)) usleep(500);
    return 0;
}

static void valve_stop(void *arg)
{
    ((struct valve *)arg)->stops++;
}

static void wait_starts(struct valve *v, int count)
{
    for (int i = 0; i < 10000 && v->starts < count; i++) usleep(1000);
    HR_EXPECT_EQ_I64(v->starts, count);
}

struct bench {
    struct valve valve;
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    char out[1024];           /* "rows/partitions; " of every batch */
    const char *store_inside; /* stored by the output, which then fails */
};

static hr_status fill_rows(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    struct hr_text rest = hr_text(arg), word;
    (void)err;
    while (hr_text_next_word(&rest, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, (int64_t)word.len);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status store(struct bench *b, const char *words, struct hr_err *err)
{
    return hr_receiver_store(b->valve.receiver, fill_rows, (void *)(uintptr_t)words, err);
}

static hr_status store_row(struct bench *b, const char *word, struct hr_err *err)
{
    return hr_receiver_store_row(b->valve.receiver, fill_rows, (void *)(uintptr_t)word, err);
}

static hr_status note(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct bench *b = arg;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    size_t at = strlen(b->out);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        at += (size_t)snprintf(b->out + at, sizeof b->out - at, "%.*s ",
                               (int)hr_row_str(row, 0).len, hr_row_str(row, 0).ptr);
    snprintf(b->out + at, sizeof b->out - at, "/%u; ", hr_rdd_partitions(rdd));
    hr_rows_free(rows);
    if (!b->store_inside) return 0;
    hr_status status = b->valve.receiver ? store(b, b->store_inside, err) : 0;
    return status ? status : hr_err_fail(err, "broken");
}

static hr_status build_bench(struct bench *b, const char *dir, struct hr_err *err)
{
    struct hr_context_options o = {.threads = 1, .manual_clock = true};
    memset(b, 0, sizeof *b);
    b->ctx = hr_context_new(&o, err);
    b->ssc = hr_streaming_new(b->ctx, SECOND, err);
    struct hr_receiver_vt vt = {"valve", valve_start, valve_stop, &b->valve};
    struct hr_dstream *in = hr_receiver_stream(b->ssc, "word STRING, n LONG", &vt, err);
    if (dir) HR_EXPECT_OK(hr_streaming_checkpoint(b->ssc, dir, err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, note, b, err));
    return hr_streaming_start(b->ssc, err);
}

static void open_bench(struct bench *b, const char *dir)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(build_bench(b, dir, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    wait_starts(&b->valve, 1);
}

static void step(struct bench *b)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_streaming_step(b->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

static void close_bench(struct bench *b)
{
    hr_streaming_free(b->ssc);
    hr_context_free(b->ctx);
}

/* Blocks of one block interval are a partition; they do not wait for single rows. */
HR_TEST(blocks_and_their_partitions)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b, NULL);
    HR_EXPECT_OK(store_row(&b, "a", &err));
    HR_EXPECT_OK(store_row(&b, "b", &err));
    hr_context_advance(b.ctx, 199999);
    HR_EXPECT_OK(store_row(&b, "c", &err));
    hr_context_advance(b.ctx, 1);
    HR_EXPECT_OK(store_row(&b, "d", &err)); /* closes the block of a, b and c */
    hr_context_advance(b.ctx, 200000);
    HR_EXPECT_OK(store(&b, "e f", &err)); /* a block of its own, before that of d is closed */
    HR_EXPECT_OK(store(&b, "g", &err));   /* shares its partition */
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "a b c e f g d /3; ");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "a b c e f g d /3; /0; ");
    close_bench(&b);
}

/* What a function does wrong costs its own rows only. */
HR_TEST(rows_that_cannot_be_stored)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b, NULL);
    HR_EXPECT_OK(store_row(&b, "a", &err));
    HR_EXPECT_TRUE(store_row(&b, "two words", &err) != 0);
    HR_EXPECT_TRUE(store_row(&b, "", &err) != 0);
    HR_EXPECT_TRUE(hr_receiver_store_text(b.valve.receiver, hr_text("x"), &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "a text is stored where the receiver's rows are one STRING");
    HR_EXPECT_OK(store_row(&b, "b", &err));
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "a b /1; ");
    close_bench(&b);
}

/* A batch without rows leaves no segment; what is stored behind it comes back all the same. */
HR_TEST(the_log_has_holes)
{
    char dir[] = "/tmp/hr-wal-XXXXXX";
    struct bench b;
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    open_bench(&b, dir);
    step(&b);
    b.store_inside = "kept";
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "broken");
    close_bench(&b);
    open_bench(&b, dir);
    step(&b); /* the one that was broken, which had no rows */
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "/0; kept /1; ");
    close_bench(&b);
    open_bench(&b, dir);
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "/0; ");
    close_bench(&b);
}

/* A batch that was cut short is run again with the rows that it had, though more have come: an
 * output may have been done, and be left alone. The others are in the next batch; both once. */
HR_TEST(a_batch_is_run_again_with_its_own_rows)
{
    char dir[] = "/tmp/hr-wal-XXXXXX";
    struct bench b;
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    open_bench(&b, dir);
    HR_EXPECT_OK(store(&b, "first", &err));
    step(&b);
    HR_EXPECT_OK(store(&b, "second", &err));
    HR_EXPECT_OK(store_row(&b, "third", &err)); /* logged when the batch takes it */
    b.store_inside = "fourth";
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(b.out, "first /1; second third /2; ");
    close_bench(&b);
    for (int i = 0; i < 2; i++) { /* the first time, it dies again */
        open_bench(&b, dir);
        HR_EXPECT_OK(store(&b, i ? "sixth" : "fifth", &err));
        if (i) {
            step(&b);
            step(&b);
        } else {
            b.store_inside = "never";
            b.valve.receiver = NULL;
            HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
        }
        HR_EXPECT_EQ_STR(b.out,
                         i ? "second third /2; fourth fifth sixth /1; " : "second third /2; ");
        close_bench(&b);
    }
    open_bench(&b, dir);
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "/0; ");
    close_bench(&b);
}

/* The folder is gone: an error for who stores, and nothing is kept; it is back: all goes on. */
HR_TEST(a_log_that_cannot_be_written)
{
    char dir[] = "/tmp/hr-wal-XXXXXX", away[64];
    struct bench b;
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(away, sizeof away, "%s-away", dir);
    open_bench(&b, dir);
    HR_ASSERT_TRUE(rename(dir, away) == 0);
    HR_EXPECT_TRUE(store(&b, "lost", &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "wal-0-0000000000") != NULL);
    HR_ASSERT_TRUE(rename(away, dir) == 0);
    hr_err_init(&err);
    HR_EXPECT_OK(store(&b, "found", &err));
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "found /1; ");
    close_bench(&b);
}

/* A crash in the middle of a write: the record before it counts, the torn one was not
 * acknowledged. */
HR_TEST(a_torn_record)
{
    char dir[] = "/tmp/hr-wal-XXXXXX", path[64];
    struct bench b;
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    open_bench(&b, dir);
    HR_EXPECT_OK(store(&b, "whole", &err));
    close_bench(&b);
    snprintf(path, sizeof path, "%s/wal-0-0000000000", dir);
    FILE *f = fopen(path, "a");
    HR_ASSERT_TRUE(f != NULL);
    fputs("\x10\0\0\0torn", f);
    fclose(f);
    open_bench(&b, dir);
    HR_EXPECT_OK(store(&b, "next", &err)); /* not behind the torn one */
    close_bench(&b);
    open_bench(&b, dir);
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "whole next /1; ");
    close_bench(&b);
}

HR_TEST(restart_and_stop)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b, NULL);
    HR_EXPECT_OK(store(&b, "before", &err));
    hr_receiver_restart(b.valve.receiver, "once more", 0);
    wait_starts(&b.valve, 2);
    HR_EXPECT_EQ_I64(b.valve.stops, 1);
    HR_EXPECT_OK(store(&b, "after", &err));
    hr_receiver_stop(b.valve.receiver, "enough");
    HR_EXPECT_EQ_I64(b.valve.stops, 2);
    HR_EXPECT_TRUE(store(&b, "too late", &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CANCELLED");
    hr_receiver_restart(b.valve.receiver, "no", 0); /* it has ended: nothing happens */
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "before after /1; ");
    HR_EXPECT_EQ_I64(b.valve.starts, 2);
    close_bench(&b);
}

/* Records of a length and as many bytes: "3abc". */
static int64_t cut(void *arg, struct hr_text bytes, bool last, struct hr_emitter *out,
                   struct hr_err *err)
{
    size_t at = 0;
    (void)arg, (void)last;
    while (at < bytes.len) {
        size_t len = (size_t)(bytes.ptr[at] - '0');
        if (len > 9) return hr_err_fail(err, "no length"), -1;
        if (bytes.len - at - 1 < len) break;
        hr_emit_text(out, (struct hr_text){bytes.ptr + at + 1, len});
        hr_emit_long(out, (int64_t)len);
        hr_emit_end(out);
        at += 1 + len;
    }
    return (int64_t)at;
}

static void on_error(void *arg, const struct hr_receiver_info *info)
{
    snprintf(arg, 256, "%s", info->last_error);
}

static void until(struct bench *b, const char *all)
{
    char seen[sizeof b->out];
    for (int i = 0; i < 2000; i++) {
        step(b);
        size_t n = 0;
        for (const char *p = b->out; *p; p++)
            if (*p >= 'a' && *p <= 'z') seen[n++] = *p;
        seen[n] = '\0';
        if (strcmp(seen, all) == 0) break;
        if (strcmp(b->out, "/0; ") == 0) b->out[0] = '\0';
        usleep(1000);
        if (strlen(b->out) > sizeof b->out - 100) break;
    }
    HR_EXPECT_EQ_STR(seen, all);
    b->out[0] = '\0';
}

HR_TEST(bytes_of_a_socket_are_cut)
{
    struct bench b = {0};
    struct hr_err err = {0};
    char error[256] = "";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    HR_ASSERT_TRUE(bind(server, (struct sockaddr *)&at, len) == 0 && listen(server, 1) == 0);
    getsockname(server, (struct sockaddr *)&at, &len);
    struct hr_context_options o = {.threads = 1, .manual_clock = true};
    struct hr_streaming_listener listener = {.arg = error, .on_receiver_error = on_error};
    b.ctx = hr_context_new(&o, &err);
    b.ssc = hr_streaming_new(b.ctx, SECOND, &err);
    HR_EXPECT_OK(hr_streaming_set(b.ssc, "spark.streaming.receiverRestartDelay", "0", &err));
    HR_EXPECT_OK(hr_streaming_add_listener(b.ssc, &listener, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(hr_socket_stream(b.ssc, "127.0.0.1", ntohs(at.sin_port),
                                                         "word STRING, n LONG", cut, NULL, &err),
                                        note, &b, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    int client = accept(server, NULL, NULL);
    HR_EXPECT_EQ_I64(write(client, "3abc2d", 6), 6);
    until(&b, "abc");
    HR_EXPECT_EQ_I64(write(client, "e1f0", 4), 4);
    until(&b, "def");
    HR_EXPECT_EQ_I64(write(client, "1gx", 3),
                     3); /* the whole piece is refused, and connects anew */
    close(client);
    client = accept(server, NULL, NULL);
    HR_EXPECT_EQ_I64(write(client, "1h", 2), 2);
    until(&b, "h");
    HR_EXPECT_EQ_STR(error, "no length");
    close_bench(&b);
    close(client);
    close(server);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "w");
    HR_ASSERT_TRUE(f != NULL);
    HR_EXPECT_EQ_U64(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

/* What a batch had taken is known: any damage to it is refused, and nothing is lost by that. */
HR_TEST(a_damaged_log_is_refused)
{
    char dir[] = "/tmp/hr-wal-XXXXXX", path[64], bytes[4096];
    struct bench b;
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    open_bench(&b, dir);
    step(&b);
    HR_EXPECT_OK(store(&b, "one", &err));
    HR_EXPECT_OK(store(&b, "two", &err));
    b.store_inside = "three";
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    close_bench(&b);
    snprintf(path, sizeof path, "%s/wal-0-0000000001", dir);
    FILE *f = fopen(path, "r");
    HR_ASSERT_TRUE(f != NULL);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    HR_ASSERT_TRUE(size > 100 && size < sizeof bytes);
    for (size_t at = 0; at <= 2 * size; at += 7) {
        if (at < size) bytes[at] ^= 16;
        if (at > size)
            write_file(path, bytes, at - size - 1); /* cut */
        else if (at < size)
            write_file(path, bytes, size);
        if (at < size) bytes[at] ^= 16;
        if (at == size) continue;
        hr_err_init(&err);
        HR_EXPECT_TRUE(build_bench(&b, dir, &err) != 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CHECKPOINT_CORRUPT");
        close_bench(&b);
    }
    HR_ASSERT_TRUE(unlink(path) == 0);
    hr_err_init(&err);
    HR_EXPECT_TRUE(build_bench(&b, dir, &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "0 blocks of at least 2 are there") != NULL);
    close_bench(&b);
    write_file(path, bytes, size);
    open_bench(&b, dir);
    step(&b);
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "one two /2; three /1; ");
    close_bench(&b);
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, NULL));
}
