/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fraud: payments of customers with habits of their own, 30 seconds of event time apart (2 880 a
 * day), and frauds among them. fraud_labels: what analysts say of each, half an hour later.
 * fraud_truth: the frauds.
 *
 * Time is cut into blocks of 256 payments (two hours). A block may hold one incident of fraud and
 * one benign burst; both are lists of positions in the block, so that each event is a function of
 * its number alone. Five kinds of fraud; the last begins with event NEW_FROM.
 */
#include <math.h>

#include "connector/generator/generator.h"

#define VALUES(T)   ((T *)(uintptr_t)col->values)
#define EACH        for (uint32_t i = 0; i < count; i++)
#define BLOCK       256
#define DAY         2880u /* payments */
#define NEW_FROM    40000u
#define LABELS_LATE 60u /* payments: half an hour */
#define CUSTOMERS   1000u
#define MERCHANTS   600u

enum { TESTED, CLONED, TAKEN_OVER, STOLEN, GIFT_CARDS };
static const char *const kinds[] = {"tested card", "cloned card", "account taken over",
                                    "stolen card", "gift cards"};

enum {
    BOOKS,
    COFFEE,
    FASHION,
    FUEL,
    GROCERIES,
    PHARMACY,
    TRAVEL,
    HOTEL,
    ELECTRONICS,
    JEWELS,
    GIFTS,
    TRANSFER
};
static const char *const categories[] = {"books",       "coffee",   "fashion",    "fuel",
                                         "groceries",   "pharmacy", "travel",     "hotel",
                                         "electronics", "jewels",   "gift cards", "transfer"};

static const struct place {
    const char *country;
    double lat, lon;
} places[] = {{"DE", 52.52, 13.40},  {"FR", 48.86, 2.35},   {"GB", 51.51, -0.13},
              {"ES", 40.42, -3.70},  {"IT", 41.90, 12.50},  {"PL", 52.23, 21.01},
              {"NL", 52.37, 4.90},   {"SE", 59.33, 18.07},  {"PT", 38.72, -9.14},
              {"AT", 48.21, 16.37},  {"US", 40.71, -74.01}, {"BR", -23.55, -46.63},
              {"JP", 35.68, 139.69}, {"IN", 28.61, 77.21},  {"NG", 6.52, 3.38},
              {"TH", 13.76, 100.50}};

struct payment {
    uint32_t customer, merchant, place, device; /* device 0: in the shop */
    double amount;
    int fraud; /* kind, or -1 */
};

static double unit(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    return (double)(hr_gen_random(g, n, salt) >> 11) * 0x1p-53;
}

/* Nearly normal: twelve uniform numbers would be exact enough for anybody; four are. */
static double bell(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    double sum = 0;
    for (uint32_t i = 0; i < 4; i++) sum += unit(g, n, salt + i);
    return (sum - 2) * 1.732;
}

static uint32_t pick(const struct hr_generator *g, uint64_t n, uint32_t salt, uint32_t below)
{
    return hr_gen_below(hr_gen_random(g, n, salt), below);
}

/* A merchant of a category: merchant m has the category m % 12. */
static uint32_t merchant_of(const struct hr_generator *g, uint64_t n, uint32_t category)
{
    uint32_t categories_count = HR_COUNT(categories);
    return pick(g, n, 20, MERCHANTS / categories_count) * categories_count + category;
}

/* Which step of a series in the block of n event n is, or -1; the series begins with `salt`. */
static int step_of(const struct hr_generator *g, uint64_t n, uint32_t salt, uint32_t steps,
                   uint32_t widest)
{
    uint64_t block = n / BLOCK;
    uint32_t at = (uint32_t)(n % BLOCK), position = pick(g, block, salt, 130);
    for (uint32_t i = 0; i < steps; i++) {
        if (at == position) return (int)i;
        position += 1 + pick(g, block, salt + 1 + i, widest);
    }
    return -1;
}

static bool travels(const struct hr_generator *g, uint32_t customer, uint64_t day)
{
    uint64_t period = day / 10, key = (uint64_t)customer << 20 | period;
    if (pick(g, key, 40, 100) >= 12) return false;
    uint64_t from = period * 10 + pick(g, key, 41, 6);
    return day >= from && day < from + 3;
}

/* The customer's phone: half of them buy a new one within two months. */
static uint32_t phone_of(const struct hr_generator *g, uint32_t customer, uint64_t day)
{
    uint32_t changed = day >= pick(g, customer, 50, 90) ? 1u : 0u;
    return 1 + (uint32_t)(hr_gen_random(g, customer, 51 + changed) >> 40);
}

static uint32_t stranger(const struct hr_generator *g, uint64_t n, uint32_t salt)
{
    return 1 + (uint32_t)(hr_gen_random(g, n, salt) >> 40);
}

static double habit(const struct hr_generator *g, uint32_t customer)
{
    return 3.1 + 0.7 * bell(g, customer, 60);
}

static void live(const struct hr_generator *g, uint64_t n, struct payment *p)
{
    uint64_t day = n / DAY;
    double amount = exp(habit(g, p->customer) + 0.5 * bell(g, n, 2));
    if (pick(g, n, 6, 100) == 0) amount *= 3 + 5 * unit(g, n, 7); /* a large gift */
    p->amount = amount;
    uint32_t usual = pick(g, p->customer, 70 + pick(g, n, 8, 7), MERCHANTS / 12 * 8);
    p->merchant =
        pick(g, n, 9, 100) < 75
            ? usual / 8 * 12 + usual % 8
            : merchant_of(g, n,
                          pick(g, n, 10, 100) < 92 ? pick(g, n, 11, 10) : 10 + pick(g, n, 11, 2));
    p->place = pick(g, p->customer, 61, HR_COUNT(places));
    bool away = travels(g, p->customer, day), moving = n % DAY < DAY / 2;
    bool was_away = day && travels(g, p->customer, day - 1);
    bool online = pick(g, n, 12, 100) < 25 || (away != was_away && moving);
    if (away && !online)
        p->place = pick(g, (uint64_t)p->customer << 20 | day / 10, 42, HR_COUNT(places));
    if (online)
        p->device = pick(g, n, 13, 100) < 3 ? stranger(g, n, 14) : phone_of(g, p->customer, day);
}

/* Several purchases in a row: a trip to town, presents for a family. */
static void burst(const struct hr_generator *g, uint64_t n, struct payment *p)
{
    p->customer = pick(g, n / BLOCK, 301, CUSTOMERS);
    live(g, n, p);
    p->amount = exp(habit(g, p->customer)) * (0.7 + 1.8 * unit(g, n, 7));
    if (pick(g, n, 9, 100) < 50) p->merchant = merchant_of(g, n, pick(g, n, 11, 11));
}

static void steal(const struct hr_generator *g, uint64_t n, int step, struct payment *p)
{
    static const uint32_t dear[] = {FASHION, ELECTRONICS, JEWELS, TRAVEL};
    uint64_t block = n / BLOCK;
    double usual = exp(habit(g, p->customer)), u = unit(g, n, 7);
    uint32_t anything = pick(g, n, 11, 10), good = dear[pick(g, n, 11, 4)];
    p->place = pick(g, p->customer, 61, HR_COUNT(places));
    switch (p->fraud) {
    case TESTED: /* ordinary payments first: they show that the card works */
        p->device = stranger(g, block, 14);
        p->amount = step < 2 ? usual * (0.4 + 0.8 * u) : usual * (2.5 + 5 * u);
        p->merchant = merchant_of(g, n, step < 2 ? anything : good);
        break;
    case CLONED:
        p->place = (p->place + 1 + pick(g, block, 15, HR_COUNT(places) - 1)) % HR_COUNT(places);
        p->amount = usual * (0.8 + 2.4 * u);
        p->merchant = merchant_of(g, n, good);
        break;
    case TAKEN_OVER:
        p->device = stranger(g, block, 14);
        p->amount = usual * (1.2 + 3.5 * u);
        p->merchant = merchant_of(g, n, TRANSFER);
        break;
    case STOLEN:
        p->amount = usual * (1.4 + 3 * u);
        p->merchant = merchant_of(g, n, good);
        break;
    default:
        p->device = phone_of(g, p->customer, n / DAY);
        p->amount = usual * (0.8 + 1.4 * u);
        p->merchant = merchant_of(g, n, GIFTS);
    }
}

static void make(const struct hr_generator *g, uint64_t n, struct payment *p)
{
    uint64_t block = n / BLOCK;
    uint32_t a = pick(g, n, 1, CUSTOMERS), b = pick(g, n, 16, CUSTOMERS);
    *p = (struct payment){.customer = HR_MIN(a, b), .fraud = -1}; /* some pay more often */
    if (pick(g, block, 200, 100) < 45) {
        int step = step_of(g, n, 210, 4 + pick(g, block, 204, 4), 12);
        if (step >= 0) {
            bool new_kind = n >= NEW_FROM && pick(g, block, 201, 3) == 0;
            p->fraud = new_kind ? GIFT_CARDS : (int)pick(g, block, 202, 4);
            p->customer = pick(g, block, 203, CUSTOMERS);
            steal(g, n, step, p);
            return;
        }
    }
    if (pick(g, block, 300, 100) < 45 && step_of(g, n, 310, 3 + pick(g, block, 304, 4), 12) >= 0)
        burst(g, n, p);
    else
        live(g, n, p);
}

static int64_t time_of(const struct hr_generator *g, uint64_t n)
{
    return g->start_us + (int64_t)n * 30000000 + (int64_t)pick(g, n, 17, 25000) * 1000;
}

static void put_bit(const struct hr_column *col, uint32_t i, bool v)
{
    hr_bit_put((uint64_t *)(uintptr_t)col->values, i, v);
}

static struct hr_string text(const char *s)
{
    return hr_string_make(s, (uint32_t)strlen(s));
}

static struct hr_string device_name(const struct payment *p)
{
    return p->device ? hr_gen_id("d", p->device % 100000000, 8) : text("card");
}

static hr_status payments_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                               const uint64_t *n, uint32_t count, struct hr_column *col,
                               struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        struct payment p;
        make(g, n[i], &p);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1: VALUES(struct hr_string)[i] = hr_gen_id("c", p.customer, 4); break;
        case 2: VALUES(double)[i] = floor(p.amount * 100) / 100 + 0.01; break;
        case 3: VALUES(struct hr_string)[i] = hr_gen_id("m", p.merchant, 4); break;
        case 4: VALUES(struct hr_string)[i] = text(categories[p.merchant % 12]); break;
        case 5: VALUES(struct hr_string)[i] = text(places[p.place].country); break;
        case 6: VALUES(double)[i] = places[p.place].lat; break;
        case 7: VALUES(double)[i] = places[p.place].lon; break;
        case 8: VALUES(struct hr_string)[i] = device_name(&p); break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

static uint32_t labels_select(const struct hr_generator *g, uint64_t first, uint32_t count,
                              uint64_t *ret)
{
    HR_UNUSED(g);
    uint32_t rows = 0;
    EACH if (first + i >= LABELS_LATE) ret[rows++] = first + i;
    return rows;
}

/* Two frauds of a hundred are never found out. */
static hr_status labels_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                             const uint64_t *n, uint32_t count, struct hr_column *col,
                             struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        struct payment p;
        uint64_t paid = n[i] - LABELS_LATE;
        make(g, paid, &p);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)paid; break;
        case 1: put_bit(col, i, p.fraud >= 0 && pick(g, paid, 18, 100) >= 2); break;
        case 2: VALUES(int64_t)[i] = time_of(g, paid); break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

static uint32_t truth_select(const struct hr_generator *g, uint64_t first, uint32_t count,
                             uint64_t *ret)
{
    uint32_t rows = 0;
    EACH
    {
        struct payment p;
        make(g, first + i, &p);
        if (p.fraud >= 0) ret[rows++] = first + i;
    }
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
        struct payment p;
        make(g, n[i], &p);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1: VALUES(struct hr_string)[i] = hr_gen_id("c", p.customer, 4); break;
        case 2: VALUES(int64_t)[i] = (int64_t)(n[i] / BLOCK); break;
        case 3:
            VALUES(struct hr_string)
            [i] = hr_string_make(kinds[p.fraud], (uint32_t)strlen(kinds[p.fraud]));
            break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_fraud = {
    .name = "fraud",
    .doc = "payments of customers with habits, 30 s of event time apart; frauds hide in them",
    .schema = "id BIGINT, customer STRING, amount DOUBLE, merchant STRING, category STRING, "
              "country STRING, lat DOUBLE, lon DOUBLE, device STRING, ts TIMESTAMP",
    .own_times = true,
    .fill = payments_fill,
};

const struct hr_generator_vt hr_generator_fraud_labels = {
    .name = "fraud_labels",
    .doc = "what analysts say of the payments of 'fraud', half an hour later",
    .schema = "id BIGINT, is_fraud BOOLEAN, paid TIMESTAMP, ts TIMESTAMP",
    .select = labels_select,
    .own_times = true,
    .fill = labels_fill,
};

const struct hr_generator_vt hr_generator_fraud_truth = {
    .name = "fraud_truth",
    .doc = "the frauds that are planted in 'fraud': incident and kind",
    .schema = "id BIGINT, customer STRING, incident BIGINT, kind STRING, ts TIMESTAMP",
    .select = truth_select,
    .own_times = true,
    .fill = truth_fill,
};
