/* SPDX-License-Identifier: Apache-2.0 */
/* Fault points: counters that tests and the crash harness set from outside. */
#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

struct point {
    _Atomic int64_t fail_at; /* 0: not armed */
    _Atomic int64_t passed;
    _Atomic bool persistent;
    _Atomic bool crash;
};

static struct point points[HR_FAULT_COUNT];
static const char *const names[HR_FAULT_COUNT] = {
#define X(id, name, doc) [id] = name,
#include "base/fault.def"
#undef X
};

bool hr_fault_active;

static void arm(enum hr_fault fault, int64_t fail_at, bool persistent, bool crash)
{
    assert(fault < HR_FAULT_COUNT);
    struct point *p = &points[fault];
    atomic_store(&p->passed, 0);
    atomic_store(&p->persistent, persistent);
    atomic_store(&p->crash, crash);
    atomic_store(&p->fail_at, fail_at);
    hr_fault_active = true;
}

void hr_fault_arm(enum hr_fault fault, int64_t fail_at, bool persistent)
{
    arm(fault, fail_at, persistent, false);
}

void hr_fault_disarm_all(void)
{
    hr_fault_active = false;
    for (int i = 0; i < HR_FAULT_COUNT; i++) atomic_store(&points[i].fail_at, 0);
}

int64_t hr_fault_passed(enum hr_fault fault)
{
    return atomic_load(&points[fault].passed);
}

bool hr_fault_hit_(enum hr_fault fault)
{
    struct point *p = &points[fault];
    int64_t fail_at = atomic_load(&p->fail_at);
    if (fail_at <= 0) return false;
    int64_t n = atomic_fetch_add(&p->passed, 1) + 1;
    bool hit = atomic_load(&p->persistent) ? n >= fail_at : n == fail_at;
    if (hit && atomic_load(&p->crash)) {
        kill(getpid(), SIGKILL);
        _exit(137);
    }
    return hit;
}

/* "name:k", "name:k+", several by comma. What is not understood is ignored: this is a test aid. */
static void arm_from_text(const char *text, bool crash)
{
    while (text && *text) {
        size_t len = strcspn(text, ",");
        for (int i = 0; i < HR_FAULT_COUNT; i++) {
            size_t name_len = strlen(names[i]);
            if (len <= name_len + 1 || text[name_len] != ':' || strncmp(text, names[i], name_len))
                continue;
            int64_t k = 0;
            const char *p = text + name_len + 1;
            while (*p >= '0' && *p <= '9' && k < INT64_C(1) << 40) k = k * 10 + (*p++ - '0');
            if (k > 0) arm((enum hr_fault)i, k, *p == '+', crash);
        }
        text += len;
        if (*text == ',') text++;
    }
}

void hr_fault_init_from_environment(void)
{
    arm_from_text(getenv("HR_CRASH_AT"), true);
    arm_from_text(getenv("HR_FAIL_AT"), false);
}
