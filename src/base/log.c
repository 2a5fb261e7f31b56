/* SPDX-License-Identifier: Apache-2.0 */
/* One line a message, written with one write so that threads and processes do not mix. */
#include "base/log.h"

#include "base/thread.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum hr_log_level hr_log_threshold = HR_LOG_WARN; /* of what is printed and of the tap */
static enum hr_log_level print_threshold = HR_LOG_WARN;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_fn)(void *, enum hr_log_level, const char *);
static void *sink_arg;
static void (*tap_fn)(void *, enum hr_log_level, const char *);
static void *tap_arg;
static enum hr_log_level tap_level;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static bool as_json;

__attribute__((constructor)) static void read_level(void)
{
    const char *text = getenv("HEADRACE_LOG");
    if (!text || !*text) return;
    size_t len = strcspn(text, ",");
    bool known = text[len] == '\0' || strcmp(text + len, ",json") == 0, level = false;
    for (int i = 0; i < (int)HR_COUNT(level_names); i++) {
        if (strlen(level_names[i]) != len || memcmp(text, level_names[i], len) != 0) continue;
        hr_log_threshold = print_threshold = (enum hr_log_level)i;
        level = true;
    }
    as_json = known && text[len] != '\0';
    if (!known || !level)
        fprintf(stderr,
                "headrace: warning: HEADRACE_LOG=%.40s is not understood: error, warn, "
                "info or debug, and \",json\" behind it for JSON lines\n",
                text);
}

void hr_log_set_sink(void (*fn)(void *, enum hr_log_level, const char *), void *arg)
{
    hr_forkable_lock(&lock);
    sink_fn = fn;
    sink_arg = arg;
    hr_forkable_unlock(&lock);
}

void hr_log_set_tap(void (*fn)(void *arg, enum hr_log_level, const char *message), void *arg,
                    enum hr_log_level level)
{
    hr_forkable_lock(&lock);
    tap_fn = fn;
    tap_arg = arg;
    tap_level = level;
    enum hr_log_level most = fn && level > print_threshold ? level : print_threshold;
    __atomic_store_n(&hr_log_threshold, most, __ATOMIC_RELAXED);
    hr_forkable_unlock(&lock);
}

#define LINE_BYTES 2048

/* The message in line, which has room for LINE_BYTES. Its length; no newline. */
static size_t put_line(char *line, const char *when, enum hr_log_level level, const char *message)
{
    if (!as_json)
        return (size_t)snprintf(line, LINE_BYTES - 1, "%s %s %.1900s", when, level_names[level],
                                message);
    size_t at =
        (size_t)snprintf(line, LINE_BYTES, "{\"ts\": \"%s\", \"level\": \"%s\", \"msg\": \"", when,
                         level_names[level]);
    for (; *message && at < LINE_BYTES - 12; message++) {
        unsigned char c = (unsigned char)*message;
        if (c < 0x20) {
            at += (size_t)snprintf(line + at, LINE_BYTES - at, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\') line[at++] = '\\';
        line[at++] = (char)c;
    }
    memcpy(line + at, "\"}", 3);
    return at + 2;
}

void hr_log_write(enum hr_log_level level, const char *fmt, ...)
{
    char line[LINE_BYTES], message[LINE_BYTES], when[40];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t at = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(when + at, sizeof when - at, ".%03ldZ", now.tv_nsec / 1000000);
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    at = put_line(line, when, level, message);
    hr_forkable_lock(&lock);
    if (tap_fn && level <= tap_level) tap_fn(tap_arg, level, message);
    if (level > print_threshold) {
        hr_forkable_unlock(&lock);
        return;
    }
    if (sink_fn) {
        sink_fn(sink_arg, level, line);
    } else {
        line[at++] = '\n';
        ssize_t written = write(STDERR_FILENO, line, at);
        HR_UNUSED(written);
    }
    hr_forkable_unlock(&lock);
}
