/* SPDX-License-Identifier: Apache-2.0 */
/*
 * End-to-end latency, socket to socket: sends JSON lines at a steady rate to a Headrace query and
 * receives its output, row for row carrying the time at which the row was due to be sent.
 *
 *     bench_latency HEADRACE RATE SECONDS DIR
 *
 * The query decodes, aggregates by key in update mode (state, one durable commit an epoch) and
 * writes to the socket sink. Latency is receive time minus the time the newest row of the result
 * was due: a sender that falls behind its schedule counts against the result. The first two seconds
 * are left out. Prints one JSON line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEYS        100
#define WARM_UP_NS  INT64_C(2000000000)
#define SAMPLES_MAX (64 << 20)

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_latency: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 1) ||
        getsockname(fd, (struct sockaddr *)&addr, &len))
        die("listen");
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static void write_sql(const char *path, uint16_t in, uint16_t out)
{
    FILE *file = fopen(path, "w");
    if (!file) die(path);
    fprintf(
        file,
        "CREATE TABLE lines (value STRING) USING socket OPTIONS (host '127.0.0.1', port '%u');\n"
        "CREATE STREAMING TABLE latest USING socket\n"
        "  OPTIONS (host '127.0.0.1', port '%u', outputMode 'update') AS\n"
        "  SELECT e.k AS k, count(*) AS n, max(e.t) AS t\n"
        "  FROM (SELECT from_json(value, 'k INT, t BIGINT') AS e FROM STREAM lines)\n"
        "  GROUP BY e.k;\n",
        in, out);
    fclose(file);
}

static pid_t start(const char *headrace, const char *sql, const char *checkpoint)
{
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        execl(headrace, headrace, "run", sql, "--checkpoint", checkpoint, "--ui", "off",
              "--progress", "off", (char *)NULL);
        _exit(127);
    }
    return pid;
}

struct sender {
    int fd;
    int64_t rate, start_ns, end_ns;
    int64_t sent, worst_lag_ns;
};

static void *send_rows(void *arg)
{
    struct sender *s = arg;
    char buf[65536];
    int64_t next = 0;
    while (now_ns() < s->end_ns) {
        int64_t due = (now_ns() - s->start_ns) * s->rate / 1000000000;
        size_t len = 0;
        while (next < due && len < sizeof buf - 64) {
            int64_t due_ns = s->start_ns + next * 1000000000 / s->rate;
            len += (size_t)snprintf(buf + len, sizeof buf - len, "{\"k\":%d,\"t\":%" PRId64 "}\n",
                                    (int)(next % KEYS), due_ns);
            int64_t lag_ns = now_ns() - due_ns;
            if (lag_ns > s->worst_lag_ns) s->worst_lag_ns = lag_ns;
            next++;
        }
        for (size_t at = 0; at < len;) {
            ssize_t n = send(s->fd, buf + at, len - at, MSG_NOSIGNAL);
            if (n <= 0) return NULL;
            at += (size_t)n;
        }
        s->sent = next;
        if (len == 0) {
            struct timespec pause = {0, 20000};
            nanosleep(&pause, NULL);
        }
    }
    shutdown(s->fd, SHUT_WR);
    return NULL;
}

struct samples {
    int64_t *ns;
    size_t count;
};

static void take_line(struct samples *samples, const char *line, int64_t received_ns,
                      int64_t from_ns)
{
    const char *t = strstr(line, "\"t\":");
    if (!t || samples->count == SAMPLES_MAX) return;
    int64_t due_ns = strtoll(t + 4, NULL, 10);
    if (due_ns >= from_ns) samples->ns[samples->count++] = received_ns - due_ns;
}

static void receive(int fd, struct samples *samples, int64_t from_ns, int64_t end_ns)
{
    static char buf[1 << 20];
    size_t len = 0;
    while (now_ns() < end_ns) {
        ssize_t n = recv(fd, buf + len, sizeof buf - 1 - len, 0);
        if (n <= 0) break;
        int64_t received_ns = now_ns();
        len += (size_t)n;
        buf[len] = '\0';
        char *line = buf;
        for (char *end; (end = memchr(line, '\n', len - (size_t)(line - buf))); line = end + 1) {
            *end = '\0';
            take_line(samples, line, received_ns, from_ns);
        }
        len -= (size_t)(line - buf);
        memmove(buf, line, len);
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const struct samples *s, double q)
{
    if (s->count == 0) return -1;
    size_t at = (size_t)(q * (double)(s->count - 1));
    return (double)s->ns[at] / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_latency HEADRACE RATE SECONDS DIR\n");
        return 2;
    }
    int64_t rate = strtoll(argv[2], NULL, 10), seconds = strtoll(argv[3], NULL, 10);
    uint16_t in_port, out_port;
    int in = listen_on(&in_port), out = listen_on(&out_port);
    char sql[4096], checkpoint[4096];
    snprintf(sql, sizeof sql, "%s/latency.sql", argv[4]);
    snprintf(checkpoint, sizeof checkpoint, "%s/latency-checkpoint", argv[4]);
    write_sql(sql, in_port, out_port);
    pid_t pid = start(argv[1], sql, checkpoint);
    alarm((unsigned)seconds + 60);
    int in_fd = accept(in, NULL, NULL);
    int one = 1;
    setsockopt(in_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int64_t begin_ns = now_ns() + 500000000;
    struct sender sender = {.fd = in_fd, .rate = rate, .start_ns = begin_ns};
    sender.end_ns = begin_ns + seconds * 1000000000;
    pthread_t thread;
    if (pthread_create(&thread, NULL, send_rows, &sender)) die("thread");
    int out_fd = accept(out, NULL, NULL); /* the sink connects at its first epoch at the latest */
    struct timeval patience = {2, 0}; /* the last row may be here before the end is due */
    setsockopt(out_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct samples samples = {malloc(sizeof(int64_t) * SAMPLES_MAX), 0};
    receive(out_fd, &samples, begin_ns + WARM_UP_NS, sender.end_ns);
    pthread_join(thread, NULL);
    kill(pid, SIGTERM);
    int status;
    struct rusage usage;
    wait4(pid, &status, 0, &usage);
    qsort(samples.ns, samples.count, sizeof *samples.ns, compare);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"rate\":%" PRId64 ",\"sent\":%" PRId64
           ",\"results\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"p999_ms\":%.3f,\"max_ms\":%.3f,\"sender_lag_ms\":%.3f,\"cpu_s\":%.2f,\"peak_mb\":%."
           "1f}\n",
           rate, sender.sent, samples.count, quantile_ms(&samples, 0.5),
           quantile_ms(&samples, 0.99), quantile_ms(&samples, 0.999), quantile_ms(&samples, 1),
           (double)sender.worst_lag_ns / 1e6, cpu, (double)usage.ru_maxrss / 1024);
    return samples.count == 0;
}
