/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The auction world of the Nexmark benchmark: of every 50 events one is a person, three are
 * auctions, 46 are bids. Ids, proportions, hot sellers, bidders and auctions, prices and sizes are
 * those of the published generator; contents are seeded by event number instead of at random, and
 * bidders' ids start at 1000 (the original adds the first id twice there).
 *
 * nexmark is the combined table with three structs; nexmark_person, nexmark_auction and nexmark_bid
 * are its events of one kind as flat tables. Long texts are cut from one block of letters, URLs of
 * the 10 000 channels are made once: both live as long as the process.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "connector/generator/generator.h"

#define FIRST_ID      1000
#define ID_LEAD       10
#define ACTIVE_PEOPLE 1000
#define IN_FLIGHT     100
#define CHANNELS      10000
#define LETTERS       (1u << 20)
#define PRICE_STEPS   4096

static struct {
    char letters[LETTERS + 1024];
    struct hr_string channel[CHANNELS], url[CHANNELS];
    struct hr_string hot_channel[4], hot_url[4];
    char channel_text[CHANNELS][16], url_text[CHANNELS][80], hot_url_text[4][80];
    int64_t price[PRICE_STEPS + 2]; /* in 1/256 */
} world;

static pthread_once_t world_once = PTHREAD_ONCE_INIT;

static void make_url(char *out, size_t size, uint64_t r, bool with_channel, uint32_t channel)
{
    char part[3][5];
    for (int k = 0; k < 3; k++) {
        int len = 3 + (int)(r & 1);
        for (int i = 0; i < len; i++) part[k][i] = world.letters[(r >> (1 + i * 5)) & 0xffff];
        part[k][len] = 0;
        r = hr_hash_u64(r);
    }
    int n = snprintf(out, size, "https://www.nexmark.com/%s/%s/%s/item.htm?query=1", part[0],
                     part[1], part[2]);
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++) reversed = reversed << 1 | (channel >> i & 1);
    if (with_channel)
        snprintf(out + n, size - (size_t)n, "&channel_id=%u", reversed & 0x7fffffff);
}

static struct hr_string text(const char *s)
{
    return hr_string_make(s, (uint32_t)strlen(s));
}

static void make_world(void)
{
    static const char *const hot[] = {"Google", "Facebook", "Baidu", "Apple"};
    uint64_t state = 7;
    for (size_t i = 0; i < sizeof world.letters; i++)
        world.letters[i] = (char)('a' + (hr_splitmix64(&state) >> 32) % 26);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        uint64_t r = hr_hash_u64(i + 1);
        snprintf(world.channel_text[i], sizeof world.channel_text[i], "channel-%u", i);
        make_url(world.url_text[i], sizeof world.url_text[i], r, r % 10 != 0, i);
        world.channel[i] = text(world.channel_text[i]);
        world.url[i] = text(world.url_text[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        make_url(world.hot_url_text[i], sizeof world.hot_url_text[i], hr_hash_u64(99 + i), false,
                 0);
        world.hot_channel[i] = text(hot[i]);
        world.hot_url[i] = text(world.hot_url_text[i]);
    }
    for (int i = 0; i < PRICE_STEPS + 2; i++)
        world.price[i] = (int64_t)(pow(10, 6.0 * i / PRICE_STEPS) * 100 * 256);
}

/* --- Ids -------------------------------------------------------------------------------------- */

enum { PERSON, AUCTION, BID };

HR_INLINE int kind_of(uint64_t n)
{
    uint32_t at = (uint32_t)(n % 50);
    return at == 0 ? PERSON : at < 4 ? AUCTION : BID;
}
HR_INLINE uint64_t last_person(uint64_t n) { return n / 50; }
HR_INLINE uint64_t last_auction(uint64_t n)
{
    uint64_t epoch = n / 50, at = n % 50;
    if (at == 0) return epoch ? epoch * 3 - 1 : 0;
    return epoch * 3 + (at > 3 ? 2 : at - 1);
}
HR_INLINE uint64_t any_person(uint64_t n, uint64_t r)
{
    uint64_t people = last_person(n) + 1, active = HR_MIN(people, ACTIVE_PEOPLE);
    return people - active + hr_gen_below(r, (uint32_t)active + ID_LEAD);
}
HR_INLINE uint64_t any_auction(uint64_t n, uint64_t r)
{
    uint64_t last = last_auction(n), first = last > IN_FLIGHT ? last - IN_FLIGHT : 0;
    return first + hr_gen_below(r, (uint32_t)(last - first) + 1 + ID_LEAD);
}
HR_INLINE int64_t price(uint64_t r)
{
    uint32_t at = hr_gen_below(r, PRICE_STEPS * 256), i = at >> 8, part = at & 255;
    int64_t low = world.price[i], high = world.price[i + 1];
    return (low + (high - low) * part / 256 + 128) >> 8;
}
/* Letters that pad a record of `size` bytes to `average` ±20 %. */
HR_INLINE struct hr_string extra(uint64_t r, int32_t size, int32_t average)
{
    int32_t room = average - size;
    if (room <= 5) return (struct hr_string){0};
    uint32_t delta = (uint32_t)room / 5;
    uint32_t len = (uint32_t)room - delta + hr_gen_below(r << 32, 2 * delta + 1);
    return hr_string_make(world.letters + hr_gen_below(r, LETTERS), len);
}

/* --- Columns ---------------------------------------------------------------------------------- */

struct target {
    const struct hr_generator *g;
    struct hr_arena *arena;
    const uint64_t *n;      /* events … */
    const uint32_t *rows;   /* … and their rows; NULL: 0, 1, 2 … */
    uint32_t count;
    struct hr_column *col;
    struct hr_err *err;
};

#define VALUES(T) ((T *)(uintptr_t)t->col->values)
#define EACH      for (uint32_t i = 0; i < t->count; i++)
#define ROW       (t->rows ? t->rows[i] : i)
#define R(salt)   hr_gen_random(t->g, t->n[i], (salt))

static hr_status bid_fill(const struct target *t, uint32_t field)
{
    switch (field) {
    case 0:
        EACH {
            uint64_t r = R(1);
            uint64_t id = r & 1 ? last_auction(t->n[i]) / 100 * 100 : any_auction(t->n[i], r);
            VALUES(int64_t)[ROW] = FIRST_ID + (int64_t)id;
        }
        break;
    case 1:
        EACH {
            uint64_t r = R(2);
            uint64_t id = r & 3 ? last_person(t->n[i]) / 100 * 100 + 1 : any_person(t->n[i], r);
            VALUES(int64_t)[ROW] = FIRST_ID + (int64_t)id;
        }
        break;
    case 2: EACH VALUES(int64_t)[ROW] = price(R(3)); break;
    case 3:
    case 4:
        EACH {
            uint64_t r = R(4);
            uint32_t hot = (uint32_t)(r >> 1) & 3, cold = hr_gen_below(r, CHANNELS);
            if (r & 1)
                VALUES(struct hr_string)[ROW] = field == 3 ? world.hot_channel[hot]
                                                           : world.hot_url[hot];
            else
                VALUES(struct hr_string)[ROW] = field == 3 ? world.channel[cold] : world.url[cold];
        }
        break;
    case 5: EACH VALUES(int64_t)[ROW] = hr_gen_time_us(t->g, t->n[i]) / 1000 * 1000; break;
    default: EACH VALUES(struct hr_string)[ROW] = extra(R(5), 32, 100); break;
    }
    return HR_OK;
}

HR_INLINE uint32_t name_len(uint64_t r) { return 3 + hr_gen_below(r, 17); }
HR_INLINE uint32_t description_len(uint64_t r) { return 3 + hr_gen_below(r, 97); }

static int64_t expiry_us(const struct target *t, uint32_t i)
{
    int64_t now = hr_gen_time_us(t->g, t->n[i]) / 1000;
    int64_t later = hr_gen_time_us(t->g, t->n[i] + IN_FLIGHT * 50 / 3) / 1000;
    uint32_t horizon = (uint32_t)HR_MIN(HR_MAX((later - now) * 2, 1), INT32_MAX);
    return (now + 1 + hr_gen_below(R(12), horizon)) * 1000;
}

static hr_status auction_fill(const struct target *t, uint32_t field)
{
    switch (field) {
    case 0: EACH VALUES(int64_t)[ROW] = FIRST_ID + (int64_t)last_auction(t->n[i]); break;
    case 1:
        EACH VALUES(struct hr_string)[ROW] =
            hr_string_make(world.letters + hr_gen_below(R(7) << 32, LETTERS), name_len(R(7)));
        break;
    case 2:
        EACH VALUES(struct hr_string)[ROW] = hr_string_make(
            world.letters + hr_gen_below(R(8) << 32, LETTERS), description_len(R(8)));
        break;
    case 3: EACH VALUES(int64_t)[ROW] = price(R(9)); break;
    case 4: EACH VALUES(int64_t)[ROW] = price(R(9)) + price(R(10)); break;
    case 5: EACH VALUES(int64_t)[ROW] = hr_gen_time_us(t->g, t->n[i]) / 1000 * 1000; break;
    case 6: EACH VALUES(int64_t)[ROW] = expiry_us(t, i); break;
    case 7:
        EACH {
            uint64_t r = R(13);
            uint64_t id = r & 3 ? last_person(t->n[i]) / 100 * 100 : any_person(t->n[i], r);
            VALUES(int64_t)[ROW] = FIRST_ID + (int64_t)id;
        }
        break;
    case 8: EACH VALUES(int64_t)[ROW] = 10 + hr_gen_below(R(14), 5); break;
    default:
        EACH VALUES(struct hr_string)[ROW] =
            extra(R(15), (int32_t)(name_len(R(7)) + description_len(R(8))) + 48, 500);
        break;
    }
    return HR_OK;
}

static const char *const first_names[] = {"Peter", "Paul", "Luke", "John",  "Saul", "Vicky",
                                          "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
static const char *const last_names[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                         "Walton", "Smith",  "Jones",   "Noris"};
static const char *const cities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                     "Portland", "Bend",        "Redmond",       "Seattle",
                                     "Kent",     "Cheyenne"};
static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
#define PICK(list, r) (list)[hr_gen_below((r), HR_COUNT(list))]

static hr_status person_text(const struct target *t, uint32_t field)
{
    char *out = hr_arena_alloc(t->arena, (size_t)t->count * 32 + 1);
    if (!out) return HR_OOM(t->err);
    EACH {
        uint64_t r = R(20 + field);
        int len;
        if (field == 1)
            len = snprintf(out, 32, "%s %s", PICK(first_names, r), PICK(last_names, r << 32));
        else if (field == 2)
            len = snprintf(out, 32, "%.*s@%.*s.com", 3 + (int)(r & 3),
                           world.letters + hr_gen_below(r, LETTERS), 3 + (int)(r >> 2 & 1),
                           world.letters + hr_gen_below(r << 32, LETTERS));
        else
            len = snprintf(out, 32, "%04u %04u %04u %04u", (unsigned)(r % 10000),
                           (unsigned)(r >> 16) % 10000, (unsigned)(r >> 32) % 10000,
                           (unsigned)(r >> 48) % 10000);
        VALUES(struct hr_string)[ROW] = hr_string_make(out, (uint32_t)len);
        out += len;
    }
    return HR_OK;
}

static hr_status person_fill(const struct target *t, uint32_t field)
{
    switch (field) {
    case 0: EACH VALUES(int64_t)[ROW] = FIRST_ID + (int64_t)last_person(t->n[i]); break;
    case 1:
    case 2:
    case 3: return person_text(t, field);
    case 4: EACH VALUES(struct hr_string)[ROW] = text(PICK(cities, R(24))); break;
    case 5: EACH VALUES(struct hr_string)[ROW] = text(PICK(states, R(25))); break;
    case 6: EACH VALUES(int64_t)[ROW] = hr_gen_time_us(t->g, t->n[i]) / 1000 * 1000; break;
    default: EACH VALUES(struct hr_string)[ROW] = extra(R(26), 70, 200); break;
    }
    return HR_OK;
}

typedef hr_status (*fill_fn)(const struct target *, uint32_t field);
static const fill_fn fills[] = {person_fill, auction_fill, bid_fill};

/* --- Tables ----------------------------------------------------------------------------------- */

#define PERSON_COLUMNS                                                                          \
    "id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, " \
    "dateTime TIMESTAMP, extra STRING"
#define AUCTION_COLUMNS                                                                       \
    "id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, "     \
    "dateTime TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra STRING"
#define BID_COLUMNS                                                                     \
    "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, "         \
    "dateTime TIMESTAMP, extra STRING"

/* The struct of one kind: NULL in the rows of the others. */
static hr_status fill_struct(struct target *t, int kind, struct hr_column *col)
{
    uint32_t count = 0;
    uint64_t *events = hr_arena_alloc(t->arena, sizeof *events * (t->count + 1));
    uint32_t *rows = hr_arena_alloc(t->arena, sizeof *rows * (t->count + 1));
    uint64_t *validity = hr_arena_zalloc(t->arena, hr_bit_words(t->count) * 8 + 8);
    if (!events || !rows || !validity) return HR_OOM(t->err);
    for (uint32_t i = 0; i < t->count; i++) {
        if (kind_of(t->n[i]) != kind) continue;
        events[count] = t->n[i];
        rows[count++] = i;
        hr_bit_set(validity, i);
    }
    col->validity = validity;
    for (uint32_t f = 0; f < col->type->field_count; f++) {
        struct hr_column *child = &col->children[f];
        struct target part = {t->g, t->arena, events, rows, count, child, t->err};
        HR_TRY(fills[kind](&part, f));
        child->validity = validity;
    }
    return HR_OK;
}

static hr_status nexmark_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                              const uint64_t *n, uint32_t count, struct hr_column *col,
                              struct hr_err *err)
{
    struct target target = {g, arena, n, NULL, count, col, err}, *t = &target;
    pthread_once(&world_once, make_world);
    if (field == 0) {
        EACH VALUES(int32_t)[i] = kind_of(n[i]);
    } else if (field == 4) {
        EACH VALUES(int64_t)[i] = hr_gen_time_us(g, n[i]) / 1000 * 1000;
    } else {
        return fill_struct(t, (int)field - 1, col);
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_nexmark = {
    .name = "nexmark",
    .doc = "the auction benchmark's people, auctions and bids in one stream",
    .schema = "event_type INT, person STRUCT<" PERSON_COLUMNS ">, auction STRUCT<" AUCTION_COLUMNS
              ">, bid STRUCT<" BID_COLUMNS ">, dateTime TIMESTAMP",
    .fill = nexmark_fill,
};

#define FLAT(lower, KIND)                                                                         \
    static hr_status lower##_flat(const struct hr_generator *g, struct hr_arena *arena,           \
                                  uint32_t field, const uint64_t *n, uint32_t count,              \
                                  struct hr_column *col, struct hr_err *err)                      \
    {                                                                                             \
        struct target t = {g, arena, n, NULL, count, col, err};                                   \
        pthread_once(&world_once, make_world);                                                    \
        return lower##_fill(&t, field);                                                           \
    }                                                                                             \
    static uint32_t lower##_select(const struct hr_generator *g, uint64_t first, uint32_t count,  \
                                   uint64_t *ret_events)                                          \
    {                                                                                             \
        uint32_t found = 0;                                                                       \
        HR_UNUSED(g);                                                                             \
        for (uint32_t i = 0; i < count; i++) {                                                    \
            ret_events[found] = first + i;                                                        \
            found += kind_of(first + i) == KIND;                                                  \
        }                                                                                         \
        return found;                                                                             \
    }                                                                                             \
    const struct hr_generator_vt hr_generator_nexmark_##lower = {                                 \
        .name = "nexmark_" #lower,                                                                \
        .doc = "the " #lower " events of nexmark, flat",                                          \
        .schema = KIND##_COLUMNS,                                                                 \
        .select = lower##_select,                                                                 \
        .fill = lower##_flat,                                                                     \
    };

FLAT(person, PERSON)
FLAT(auction, AUCTION)
FLAT(bid, BID)
