/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr: time, level, text. Library code logs at DEBUG only; who handles an error
 * logs it, once. HEADRACE_LOG=error|warn|info|debug (default warn), with ",json" behind it one JSON
 * object a line: {"ts", "level", "msg"}. Thread-safe. */
#ifndef HR_BASE_LOG_H
#define HR_BASE_LOG_H

#include "base/base.h"

enum hr_log_level { HR_LOG_ERROR, HR_LOG_WARN, HR_LOG_INFO, HR_LOG_DEBUG };

extern enum hr_log_level hr_log_threshold;
void hr_log_write(enum hr_log_level level, const char *fmt, ...) HR_PRINTF(2, 3);
/* Where lines go instead of stderr (a live progress line must be cleared first). NULL: stderr. */
void hr_log_set_sink(void (*fn)(void *arg, enum hr_log_level, const char *line), void *arg);

/* A second reader of messages up to a level, beside what is printed (a page of logs): it is called
 * under the log's lock, and must not log. NULL: none. */
void hr_log_set_tap(void (*fn)(void *arg, enum hr_log_level, const char *message), void *arg,
                    enum hr_log_level level);

#define HR_LOG(level, ...)                                                    \
    do {                                                                      \
        if ((int)(level) <= (int)__atomic_load_n(&hr_log_threshold, __ATOMIC_RELAXED))      \
            hr_log_write((level), __VA_ARGS__);  \
    } while (0)

#endif
