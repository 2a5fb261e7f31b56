/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small worlds to try queries on: payments, clicks, sensors, posts, and the events of the Yahoo
 * streaming benchmark. Each column is a function of the event number.
 *
 * payments plants frauds whose truth is a column: in every 1 000 events one card pays six times, 7
 * events apart, large amounts in six countries.
 */
#include "connector/generator/generator.h"

#define VALUES(T) ((T *)(uintptr_t)col->values)
#define EACH      for (uint32_t i = 0; i < count; i++)
#define PICK(list, x) (list)[hr_gen_below((x), HR_COUNT(list))]

HR_INLINE struct hr_string text(const char *s)
{
    return hr_string_make(s, (uint32_t)strlen(s));
}

static void put_bit(const struct hr_column *col, uint32_t i, bool v)
{
    hr_bit_put((uint64_t *)(uintptr_t)col->values, i, v);
}

static void fill_time(const struct hr_generator *g, const uint64_t *n, uint32_t count,
                      const struct hr_column *col)
{
    EACH VALUES(int64_t)[i] = hr_gen_time_us(g, n[i]);
}

/* --- payments --------------------------------------------------------------------------------- */

static const char *const countries[] = {"DE", "FR", "US", "GB", "IT", "ES", "PL", "NL",
                                        "SE", "BR", "IN", "JP", "CN", "NG", "MX", "CA"};
static const char *const merchants[] = {"bakery",  "books",   "coffee",   "electronics",
                                        "fashion", "fuel",    "groceries", "hotel",
                                        "jewels",  "pharmacy", "taxi",     "travel"};

/* Which payment (0 … 5) of a fraud event n is, or -1. */
static int fraud_step(const struct hr_generator *g, uint64_t n)
{
    uint32_t at = (uint32_t)(n % 1000);
    uint32_t start = hr_gen_below(hr_gen_random(g, n / 1000, 100), 950);
    if (at < start || (at - start) % 7 != 0 || (at - start) / 7 > 5) return -1;
    return (int)((at - start) / 7);
}

static uint32_t card_of(const struct hr_generator *g, uint64_t n)
{
    if (fraud_step(g, n) >= 0) return hr_gen_below(hr_gen_random(g, n / 1000, 101), 100000);
    return hr_gen_below(hr_gen_random(g, n, 1), 100000);
}

static hr_status payments_fill(const struct hr_generator *g, struct hr_arena *arena,
                               uint32_t field, const uint64_t *n, uint32_t count,
                               struct hr_column *col, struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    switch (field) {
    case 0: EACH VALUES(int64_t)[i] = (int64_t)n[i]; break;
    case 1: EACH VALUES(struct hr_string)[i] = hr_gen_id("card", card_of(g, n[i]), 6); break;
    case 2:
        EACH {
            uint64_t r = hr_gen_random(g, n[i], 2);
            /* most are small: the product of two uniform numbers */
            int64_t cents = 100 + (int64_t)hr_gen_below(r, 200) * hr_gen_below(r << 32, 100);
            if (fraud_step(g, n[i]) >= 0) cents = 50000 + hr_gen_below(r, 450000);
            hr_i128 v = cents;
            memcpy((char *)(uintptr_t)col->values + (size_t)i * 16, &v, 16);
        }
        break;
    case 3:
        EACH {
            int step = fraud_step(g, n[i]);
            uint32_t home = card_of(g, n[i]) % HR_COUNT(countries);
            uint32_t at = step >= 0 ? home + (uint32_t)step : home;
            if (step < 0 && hr_gen_below(hr_gen_random(g, n[i], 3), 50) == 0) at++;
            VALUES(struct hr_string)[i] = text(countries[at % HR_COUNT(countries)]);
        }
        break;
    case 4:
        EACH VALUES(struct hr_string)[i] = text(PICK(merchants, hr_gen_random(g, n[i], 4)));
        break;
    case 5: fill_time(g, n, count, col); break;
    default: EACH put_bit(col, i, fraud_step(g, n[i]) >= 0); break;
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_payments = {
    .name = "payments",
    .doc = "card payments with planted frauds; the column fraud tells the truth",
    .schema = "id BIGINT, card STRING, amount DECIMAL(12,2), country STRING, merchant STRING, "
              "ts TIMESTAMP, fraud BOOLEAN",
    .fill = payments_fill,
};

/* --- clicks ----------------------------------------------------------------------------------- */

static const char *const pages[] = {"/", "/search", "/product", "/cart", "/checkout", "/help",
                                    "/login", "/account", "/offers", "/imprint"};
static const char *const agents[] = {"firefox", "chrome", "safari", "edge", "bot"};

static hr_status clicks_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                             const uint64_t *n, uint32_t count, struct hr_column *col,
                             struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    /* users come and go: some 500 of a window that slides with time are active */
    switch (field) {
    case 0:
        EACH {
            uint32_t user = (uint32_t)(n[i] / 200) + hr_gen_below(hr_gen_random(g, n[i], 1), 500);
            VALUES(struct hr_string)[i] = hr_gen_id("u", user, 8);
        }
        break;
    case 1: EACH VALUES(struct hr_string)[i] = text(PICK(pages, hr_gen_random(g, n[i], 2))); break;
    case 2: EACH VALUES(struct hr_string)[i] = text(PICK(agents, hr_gen_random(g, n[i], 3))); break;
    case 3:
        EACH VALUES(int32_t)[i] = 5 + (int32_t)hr_gen_below(hr_gen_random(g, n[i], 4), 500);
        break;
    default: fill_time(g, n, count, col); break;
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_clicks = {
    .name = "clicks",
    .doc = "page views of users who come and go",
    .schema = "user STRING, page STRING, agent STRING, load_ms INT, ts TIMESTAMP",
    .fill = clicks_fill,
};

/* --- sensors ---------------------------------------------------------------------------------- */

static hr_status sensors_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                              const uint64_t *n, uint32_t count, struct hr_column *col,
                              struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    switch (field) {
    case 0: EACH VALUES(int32_t)[i] = (int32_t)(n[i] % 100); break;
    case 1:
        EACH {
            uint64_t r = hr_gen_random(g, n[i], 1);
            /* a slow wave a sensor, noise, and one reading in 5 000 far off */
            uint32_t phase = (uint32_t)(n[i] / 100 + n[i] % 100 * 37) % 2000;
            int32_t wave = phase < 1000 ? (int32_t)phase : 2000 - (int32_t)phase;
            int32_t tenths = 150 + wave / 10 + (int32_t)hr_gen_below(r, 11) - 5;
            if (hr_gen_below(r << 32, 5000) == 0) tenths += 500;
            VALUES(double)[i] = tenths / 10.0;
        }
        break;
    case 2:
        EACH VALUES(double)[i] = 30 + hr_gen_below(hr_gen_random(g, n[i], 2), 400) / 10.0;
        break;
    default: fill_time(g, n, count, col); break;
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_sensors = {
    .name = "sensors",
    .doc = "temperature and humidity of 100 sensors in turn; one reading in 5 000 is an outlier",
    .schema = "sensor INT, temperature DOUBLE, humidity DOUBLE, ts TIMESTAMP",
    .fill = sensors_fill,
};

/* --- posts ------------------------------------------------------------------------------------ */

static const char *const words[] = {"water", "wheel",  "stream", "river", "mill",  "flow", "stone",
                                    "spring", "valley", "rain",   "lake",  "cloud", "wind", "boat",
                                    "bridge", "delta"};
static const char *const languages[] = {"en", "de", "fr", "es", "ja"};

static hr_status posts_text(const struct hr_generator *g, struct hr_arena *arena,
                            const uint64_t *n, uint32_t count, struct hr_column *col,
                            struct hr_err *err)
{
    char *out = hr_arena_alloc(arena, (size_t)count * 96);
    if (!out) return HR_OOM(err);
    EACH {
        uint64_t r = hr_gen_random(g, n[i], 2);
        uint32_t word_count = 4 + (uint32_t)(r & 7);
        char *o = out;
        for (uint32_t w = 0; w < word_count; w++) {
            const char *word = words[(r >> (4 * w + 3)) & 15];
            size_t len = strlen(word);
            if (w) *o++ = ' ';
            if (w == 2) *o++ = '#';
            memcpy(o, word, len);
            o += len;
        }
        VALUES(struct hr_string)[i] = hr_string_make(out, (uint32_t)(o - out));
        out += o - out;
    }
    return HR_OK;
}

static hr_status posts_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                            const uint64_t *n, uint32_t count, struct hr_column *col,
                            struct hr_err *err)
{
    switch (field) {
    case 0:
        EACH VALUES(struct hr_string)[i] =
            hr_gen_id("author", hr_gen_below(hr_gen_random(g, n[i], 1), 1000), 4);
        break;
    case 1: return posts_text(g, arena, n, count, col, err);
    case 2:
        EACH VALUES(struct hr_string)[i] = text(PICK(languages, hr_gen_random(g, n[i], 3)));
        break;
    case 3: EACH VALUES(int32_t)[i] = (int32_t)hr_gen_below(hr_gen_random(g, n[i], 4), 1000); break;
    default: fill_time(g, n, count, col); break;
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_posts = {
    .name = "posts",
    .doc = "short texts with a #tag, for word counts and top-N",
    .schema = "author STRING, text STRING, lang STRING, likes INT, ts TIMESTAMP",
    .fill = posts_fill,
};

/* --- ysb -------------------------------------------------------------------------------------- */

static const char *const ad_types[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
static const char *const event_types[] = {"view", "click", "purchase"};

/* A number as a UUID-like text of 36 bytes, as the benchmark's ids. */
static char *put_uuid(char *o, const struct hr_generator *g, uint32_t id, uint32_t salt)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t a = hr_gen_random(g, id, salt), b = hr_gen_random(g, id, salt + 1);
    for (int i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            *o++ = '-';
            continue;
        }
        *o++ = hex[a & 15];
        a = a >> 4 | b << 60;
        b >>= 4;
    }
    return o;
}

static hr_status ysb_ids(const struct hr_generator *g, struct hr_arena *arena, uint32_t ids,
                         uint32_t salt, const uint64_t *n, uint32_t count, struct hr_column *col,
                         struct hr_err *err)
{
    char *all = hr_arena_alloc(arena, (size_t)ids * 36);
    if (!all) return HR_OOM(err);
    char *o = all;
    for (uint32_t id = 0; id < ids; id++) o = put_uuid(o, g, id, 200 + salt * 2);
    EACH {
        uint32_t id = hr_gen_below(hr_gen_random(g, n[i], salt), ids);
        VALUES(struct hr_string)[i] = hr_string_make(all + (size_t)id * 36, 36);
    }
    return HR_OK;
}

static hr_status ysb_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                          const uint64_t *n, uint32_t count, struct hr_column *col,
                          struct hr_err *err)
{
    switch (field) {
    case 0: return ysb_ids(g, arena, 100, 1, n, count, col, err);
    case 1: return ysb_ids(g, arena, 100, 2, n, count, col, err);
    case 2: return ysb_ids(g, arena, 1000, 3, n, count, col, err);
    case 3:
        EACH VALUES(struct hr_string)[i] = text(PICK(ad_types, hr_gen_random(g, n[i], 4)));
        break;
    case 4:
        EACH VALUES(struct hr_string)[i] = text(PICK(event_types, hr_gen_random(g, n[i], 5)));
        break;
    case 5: EACH VALUES(int64_t)[i] = hr_gen_time_us(g, n[i]) / 1000; break;
    case 6: EACH VALUES(struct hr_string)[i] = text("1.2.3.4"); break;
    default:
        EACH {
            uint32_t ad = hr_gen_below(hr_gen_random(g, n[i], 3), 1000);
            VALUES(int32_t)[i] = (int32_t)(ad / 10);
        }
        break;
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_ysb = {
    .name = "ysb",
    .doc = "events of the Yahoo streaming benchmark; campaign is what its ads table would say",
    .schema = "user_id STRING, page_id STRING, ad_id STRING, ad_type STRING, event_type STRING, "
              "event_time BIGINT, ip_address STRING, campaign INT",
    .fill = ysb_fill,
};
