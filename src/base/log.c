/* SPDX-License-Identifier: Apache-2.0 */
/* One line a message, written with one write so that threads and processes do not mix. */
#include "base/log.h"

#include "base/thread.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum hr_log_level hr_log_threshold = HR_LOG_WARN;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_fn)(void *, enum hr_log_level, const char *);
static void *sink_arg;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

__attribute__((constructor)) static void read_level(void)
{
    const char *text = getenv("HEADRACE_LOG");
    for (int i = 0; text && i < (int)HR_COUNT(level_names); i++)
        if (strcmp(text, level_names[i]) == 0) hr_log_threshold = (enum hr_log_level)i;
}

void hr_log_set_sink(void (*fn)(void *, enum hr_log_level, const char *), void *arg)
{
    hr_forkable_lock(&lock);
    sink_fn = fn;
    sink_arg = arg;
    hr_forkable_unlock(&lock);
}

void hr_log_write(enum hr_log_level level, const char *fmt, ...)
{
    char line[2048];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    at += (size_t)snprintf(line + at, sizeof line - at, ".%03ldZ %s ", now.tv_nsec / 1000000,
                           level_names[level]);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line + at, sizeof line - at - 1, fmt, args);
    va_end(args);
    if (n > 0) at += HR_MIN((size_t)n, sizeof line - at - 2);
    line[at] = '\0';
    hr_forkable_lock(&lock);
    if (sink_fn) {
        sink_fn(sink_arg, level, line);
    } else {
        line[at++] = '\n';
        ssize_t written = write(STDERR_FILENO, line, at);
        HR_UNUSED(written);
    }
    hr_forkable_unlock(&lock);
}
