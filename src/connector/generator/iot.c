/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iot: readings of 40 machines, each every ten minutes of event time, under loads that change.
 * iot_truth: when they failed, and what was wrong with their sensors.
 *
 * A machine has one life after another. It wears out towards the end of each: vibration and
 * temperature rise over hours, load or no load. Some fail without a sign, others are replaced.
 */
#include <math.h>

#include "connector/generator/generator.h"

#define VALUES(T) ((T *)(uintptr_t)col->values)
#define EACH      for (uint32_t i = 0; i < count; i++)
#define MACHINES  40u
#define TICK_US   600000000

enum { WORN, SUDDEN, REPLACED };
enum { HEALTHY, DRIFTING, STUCK, SILENT };
static const char *const truths[] = {"failed",          "failed without a sign", "replaced",
                                     "drifting sensor", "stuck sensor",          "silent"};

struct life {
    uint64_t key;
    uint32_t begin, ticks, end;                     /* ticks: until it would fail by wear */
    uint32_t fate, fault, fault_begin, fault_ticks; /* of the machine; of a sensor */
};

static uint32_t pick(const struct hr_generator *g, uint64_t n, uint32_t salt, uint32_t below)
{
    return hr_gen_below(hr_gen_random(g, n, salt), below);
}

static double unit(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    return (double)(hr_gen_random(g, n, salt) >> 11) * 0x1p-53;
}

static double bell(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    double sum = 0;
    for (uint32_t i = 0; i < 4; i++) sum += unit(g, n, salt + i);
    return (sum - 2) * 1.732;
}

static void life_begin(const struct hr_generator *g, uint32_t machine, uint32_t number,
                       struct life *l)
{
    uint64_t key = (uint64_t)machine << 32 | number;
    uint32_t fate = pick(g, key, 1, 100);
    l->key = key;
    l->ticks = 450 + pick(g, key, 2, 900); /* three to nine days */
    l->fate = fate < 62 ? WORN : fate < 68 ? SUDDEN : REPLACED;
    l->end = l->begin + l->ticks;
    if (l->fate != WORN) l->end = l->begin + l->ticks * (40 + pick(g, key, 3, 30)) / 100;
    uint32_t fault = pick(g, key, 4, 100);
    l->fault = fault < 25 ? DRIFTING : fault < 40 ? STUCK : fault < 55 ? SILENT : HEALTHY;
    l->fault_begin = l->begin + 100 + pick(g, key, 5, 100);
    l->fault_ticks = l->fault == DRIFTING ? 400 : 12 + pick(g, key, 6, 24);
}

/* The life that a machine is in at a tick; false where it is the last tick: it fails or is
 * replaced. */
static bool find_life(const struct hr_generator *g, uint32_t machine, uint32_t tick, struct life *l)
{
    *l = (struct life){.begin = 0};
    life_begin(g, machine, 0, l);
    for (uint32_t i = 1; l->end <= tick; i++) {
        l->begin = l->end;
        life_begin(g, machine, i, l);
    }
    return tick + 1 < l->end;
}

struct reading {
    double load, vibration, temperature, current;
};

static void read_sensors(const struct hr_generator *g, uint32_t machine, uint32_t tick,
                         const struct life *l, struct reading *r)
{
    static const double loads[] = {0.6, 0.8, 1.0, 1.25};
    uint64_t key = (uint64_t)machine << 32 | tick, shift = (uint64_t)machine << 32 | tick / 12;
    uint64_t day = (uint64_t)machine << 32 | tick / 144;
    r->load = loads[pick(g, shift, 10, 4)];
    if (pick(g, day, 11, 12) == 0) r->load = 1.5; /* a heavy job of a day */
    double wear = l->fate == SUDDEN ? 0 : exp(-(double)(l->begin + l->ticks - tick) / 55.0);
    double base = 2 + 3 * unit(g, machine, 12);
    uint64_t stuck_key = key;
    if (l->fault == STUCK && tick >= l->fault_begin && tick < l->fault_begin + l->fault_ticks)
        stuck_key = (uint64_t)machine << 32 | l->fault_begin;
    r->vibration = base * pow(r->load, 1.3) * (1 + 1.6 * wear) * exp(0.13 * bell(g, key, 20));
    if (l->fault == DRIFTING && tick >= l->fault_begin && tick < l->fault_begin + l->fault_ticks)
        r->vibration *= 1 + 0.5 * (tick - l->fault_begin) / l->fault_ticks;
    r->temperature =
        35 + 10 * unit(g, machine, 13) + 22 * r->load + 24 * wear + 2.2 * bell(g, key, 24);
    if (stuck_key != key) r->temperature = 60 + 8 * bell(g, stuck_key, 28);
    r->current = 4 + 11 * r->load + 2 * wear + 0.8 * bell(g, key, 32);
}

static int64_t time_of(const struct hr_generator *g, uint64_t n)
{
    return g->start_us + (int64_t)(n / MACHINES) * TICK_US +
           (int64_t)(n % MACHINES) * (TICK_US / MACHINES) + (int64_t)pick(g, n, 40, 9000) * 1000;
}

static uint32_t readings_select(const struct hr_generator *g, uint64_t first, uint32_t count,
                                uint64_t *ret)
{
    uint32_t rows = 0;
    EACH
    {
        struct life l;
        uint32_t tick = (uint32_t)((first + i) / MACHINES);
        find_life(g, (uint32_t)((first + i) % MACHINES), tick, &l);
        if (l.fault != SILENT || tick < l.fault_begin || tick >= l.fault_begin + l.fault_ticks)
            ret[rows++] = first + i;
    }
    return rows;
}

static hr_status readings_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                               const uint64_t *n, uint32_t count, struct hr_column *col,
                               struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        uint32_t machine = (uint32_t)(n[i] % MACHINES), tick = (uint32_t)(n[i] / MACHINES);
        struct life l;
        struct reading r;
        find_life(g, machine, tick, &l);
        read_sensors(g, machine, tick, &l, &r);
        switch (field) {
        case 0: VALUES(struct hr_string)[i] = hr_gen_id("machine", machine, 2); break;
        case 1: VALUES(double)[i] = r.load; break;
        case 2: VALUES(double)[i] = r.vibration; break;
        case 3: VALUES(double)[i] = r.temperature; break;
        case 4: VALUES(double)[i] = r.current; break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

/* What the truth says of an event, or -1: the end of a life, the begin of a sensor's fault. */
static int truth_of(const struct hr_generator *g, uint64_t n)
{
    struct life l;
    uint32_t tick = (uint32_t)(n / MACHINES);
    if (!find_life(g, (uint32_t)(n % MACHINES), tick, &l)) return (int)l.fate;
    return l.fault != HEALTHY && tick == l.fault_begin ? 2 + (int)l.fault : -1;
}

static uint32_t truth_select(const struct hr_generator *g, uint64_t first, uint32_t count,
                             uint64_t *ret)
{
    uint32_t rows = 0;
    EACH if (truth_of(g, first + i) >= 0) ret[rows++] = first + i;
    return rows;
}

static hr_status truth_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                            const uint64_t *n, uint32_t count, struct hr_column *col,
                            struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        const char *what = truths[truth_of(g, n[i])];
        if (field == 0)
            VALUES(struct hr_string)[i] = hr_gen_id("machine", (uint32_t)(n[i] % MACHINES), 2);
        else if (field == 1)
            VALUES(struct hr_string)[i] = hr_string_make(what, (uint32_t)strlen(what));
        else
            VALUES(int64_t)[i] = time_of(g, n[i]);
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_iot = {
    .name = "iot",
    .doc = "readings of 40 machines that wear out, every ten minutes of event time",
    .schema = "machine STRING, load DOUBLE, vibration DOUBLE, temperature DOUBLE, current DOUBLE, "
              "ts TIMESTAMP",
    .own_times = true,
    .select = readings_select,
    .fill = readings_fill,
};

const struct hr_generator_vt hr_generator_iot_truth = {
    .name = "iot_truth",
    .doc = "when the machines of 'iot' failed, and what was wrong with their sensors",
    .schema = "machine STRING, what STRING, ts TIMESTAMP",
    .own_times = true,
    .select = truth_select,
    .fill = truth_fill,
};
