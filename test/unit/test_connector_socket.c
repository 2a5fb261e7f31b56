/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in from a socket, rows out to one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "connector_fixture.h"

/* A listening port on the loopback. */
static int listen_any(char port[8])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, 1)) abort();
    getsockname(fd, (struct sockaddr *)&at, &len);
    snprintf(port, 8, "%d", ntohs(at.sin_port));
    return fd;
}

static void send_text(int fd, const char *text)
{
    HR_EXPECT_EQ_I64(write(fd, text, strlen(text)), (int64_t)strlen(text));
}

static void wait_for(struct fixture *f, struct hr_source *s, const char *offset)
{
    for (int i = 0; i < 2000 && strcmp(latest(f, s, NULL), offset) != 0; i++) usleep(1000);
    HR_EXPECT_EQ_STR(latest(f, s, NULL), offset);
}

HR_TEST(socket_lines)
{
    struct fixture *f = fixture();
    char port[8];
    int server = listen_any(port);
    struct hr_source *s =
        open_source(f, "socket", NULL, true, OPTS("host", "127.0.0.1", "port", port));
    HR_ASSERT_TRUE(s != NULL);
    int peer = accept(server, NULL, NULL);
    struct hr_wakeup wakeup;
    HR_ASSERT_OK(hr_wakeup_init(&wakeup, &f->err));
    HR_EXPECT_OK(s->vt->subscribe(s, &wakeup, &f->err));
    HR_EXPECT_EQ_STR(initial(f, s), "0");
    send_text(peer, "one\ntwo\nthr");
    HR_EXPECT_TRUE(hr_wakeup_wait(&wakeup, 2000000));
    wait_for(f, s, "2");
    send_text(peer, "ee\nfour");
    wait_for(f, s, "3");
    HR_EXPECT_EQ_STR(read_range(f, s, "0", "3", NULL),
                     "{\"value\":\"one\"}\n{\"value\":\"two\"}\n{\"value\":\"three\"}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, "1", "2", NULL), "{\"value\":\"two\"}\n");
    HR_EXPECT_OK(s->vt->commit(s, "2", &f->err));
    HR_EXPECT_TRUE(strstr(read_range(f, s, "0", "1", NULL), "HR_DATA_LOSS") != NULL);
    close(peer); /* what is left counts as a line */
    wait_for(f, s, "4");
    HR_EXPECT_EQ_STR(read_range(f, s, "2", "4", NULL),
                     "{\"value\":\"three\"}\n{\"value\":\"four\"}\n");
    HR_EXPECT_TRUE(strstr(read_range(f, s, "3", "9", NULL), "HR_DATA_LOSS") != NULL);
    s->vt->close(s);
    hr_wakeup_done(&wakeup);
    close(server);
    fixture_done(f);
}

HR_TEST(socket_json_and_long_lines)
{
    struct fixture *f = fixture();
    char port[8];
    int server = listen_any(port);
    struct hr_source *s = open_source(f, "socket", "a INT, b STRING", true,
                                      OPTS("host", "127.0.0.1", "port", port, "format", "json"));
    HR_ASSERT_TRUE(s != NULL);
    int peer = accept(server, NULL, NULL);
    send_text(peer, "{\"a\":1,\"b\":\"");
    char *chunk = hr_arena_alloc(&f->arena, 100001);
    memset(chunk, 'x', 100000);
    chunk[100000] = 0;
    for (int i = 0; i < 10; i++) send_text(peer, chunk);
    send_text(peer, "\"}\n{\"a\":2}\n");
    wait_for(f, s, "2");
    const char *rows = read_range(f, s, "0", "2", NULL);
    HR_EXPECT_EQ_I64(strlen(rows), 1000000 + 15 + 8);
    HR_EXPECT_EQ_STR(read_range(f, s, "1", "2", "a INT"), "{\"a\":2}\n");
    s->vt->close(s);
    close(peer);
    close(server);
    HR_EXPECT_TRUE(open_source(f, "socket", NULL, true, OPTS("host", "127.0.0.1", "port", port)) ==
                   NULL);
    HR_EXPECT_EQ_I64(f->err.code, HR_E_UNAVAILABLE);
    HR_EXPECT_TRUE(strstr(f->err.msg, port) != NULL);
    fixture_done(f);
}

/* A header would be taken from every epoch's first line. */
HR_TEST(socket_lines_are_records)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "socket", "a INT", true,
                                      OPTS("host", "127.0.0.1", "port", "1", "format", "csv",
                                           "header", "true"));
    HR_EXPECT_TRUE(s == NULL);
    HR_EXPECT_TRUE(strstr(f->err.msg, "a socket gives lines, each a record") != NULL);
    fixture_done(f);
}

HR_TEST(socket_timestamp)
{
    struct fixture *f = fixture();
    f->env = hr_env_manual_clock_new(INT64_C(1700000000123456));
    char port[8];
    int server = listen_any(port);
    struct hr_source *s = open_source(f, "socket", NULL, true,
                                      OPTS("host", "127.0.0.1", "port", port,
                                           "includeTimestamp", "true"));
    HR_ASSERT_TRUE(s != NULL);
    int peer = accept(server, NULL, NULL);
    send_text(peer, "x\n");
    wait_for(f, s, "1");
    HR_EXPECT_EQ_STR(read_range(f, s, "0", "1", NULL),
                     "{\"value\":\"x\",\"timestamp\":\"2023-11-14T22:13:20.123Z\"}\n");
    s->vt->close(s);
    close(peer);
    close(server);
    fixture_done(f);
}

HR_TEST(socket_sink_sends_epochs)
{
    struct fixture *f = fixture();
    char port[8], got[64] = "";
    int server = listen_any(port);
    struct hr_sink *sink = open_sink(f, "socket", "a INT", true, HR_MODE_APPEND,
                                     OPTS("host", "127.0.0.1", "port", port));
    HR_ASSERT_TRUE(sink != NULL);
    int peer = accept(server, NULL, NULL);
    HR_EXPECT_EQ_I64(sink->guarantee, HR_AT_LEAST_ONCE);
    HR_EXPECT_OK(write_epoch(f, sink, 0, "a INT", "{\"a\":1}\n{\"a\":2}"));
    HR_EXPECT_EQ_I64(recv(peer, got, 16, MSG_WAITALL), 16);
    HR_EXPECT_EQ_STR(got, "{\"a\":1}\n{\"a\":2}\n");
    sink->vt->close(sink);
    close(peer);
    close(server);
    fixture_done(f);
}
