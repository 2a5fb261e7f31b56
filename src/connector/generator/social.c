/* SPDX-License-Identifier: Apache-2.0 */
/*
 * social: posts with tags and feelings, one each two seconds of event time. In some hours a tag is
 * talked of by many (a trend), in some by one author alone (a storm); #tag00 peaks each day.
 * social_visits, social_answers: who is shown an ad, and whether each ad would be clicked.
 */
#include <stdio.h>

#include "connector/generator/generator.h"

#define VALUES(T) ((T *)(uintptr_t)col->values)
#define EACH      for (uint32_t i = 0; i < count; i++)
#define BLOCK     2048 /* posts: a little more than an hour */
#define DAY       43200
#define TAGS      60u
#define AUTHORS   5000u
#define ADS       4u
#define SWAP      20000 /* the visit with which the tastes in ads turn */

static const char *const happy[] = {"love", "great", "wonderful", "happy", "excellent", "amazing"};
static const char *const sad[] = {"hate", "terrible", "awful", "sad", "horrible", "worst"};
static const char *const segments[] = {"young", "family", "sport", "garden"};
static const char *const ads[] = {"shoes", "books", "travel", "tools"};

struct post {
    uint32_t author, tag;
    int feeling; /* -1, 0, 1 */
    bool trend, storm;
};

static uint32_t pick(const struct hr_generator *g, uint64_t n, uint32_t salt, uint32_t below)
{
    return hr_gen_below(hr_gen_random(g, n, salt), below);
}

static int64_t time_of(const struct hr_generator *g, uint64_t n)
{
    return g->start_us + (int64_t)n * 2000000 + (int64_t)pick(g, n, 20, 1900) * 1000;
}

static void make(const struct hr_generator *g, uint64_t n, struct post *p)
{
    uint64_t block = n / BLOCK;
    uint32_t at = (uint32_t)(n % BLOCK), begin = 100 + pick(g, block, 1, 1000);
    uint32_t a = pick(g, n, 2, TAGS), b = pick(g, n, 3, TAGS), what = pick(g, block, 4, 100);
    *p = (struct post){.author = pick(g, n, 5, AUTHORS), .tag = HR_MIN(a, b)};
    if (n % DAY > 15000 && n % DAY < 16800 && pick(g, n, 6, 100) < 25) p->tag = 0;
    bool inside = at >= begin && at < begin + 700;
    uint32_t slope = inside ? HR_MIN(25u, 5 + (at - begin) / 10) : 0;
    if (what < 40 && inside && pick(g, n, 7, 100) < slope) {
        p->trend = true;
        p->tag = 1 + pick(g, block, 8, TAGS - 1);
    } else if (what >= 80 && inside && pick(g, n, 7, 100) < slope) {
        p->storm = true;
        p->tag = 1 + pick(g, block, 8, TAGS - 1);
        p->author = pick(g, block, 9, AUTHORS);
    }
    p->feeling = (int)pick(g, n, 10, 3) - 1;
}

static struct hr_string words(const struct hr_generator *g, struct hr_arena *arena, uint64_t n,
                              const struct post *p)
{
    char text[80];
    bool turned = p->feeling && pick(g, n, 11, 100) < 12; /* "not great": the other way round */
    const char *const *list = (p->feeling > 0) != turned ? happy : sad;
    const char *word = p->feeling ? list[pick(g, n, 12, 6)] : "usual";
    int size = snprintf(text, sizeof text, "This is %s%s, I think of #tag%02u",
                        turned ? "not " : "", word, p->tag);
    char *copy = hr_arena_strndup(arena, text, (size_t)size);
    return copy ? hr_string_make(copy, (uint32_t)size) : hr_string_make("", 0);
}

static hr_status posts_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                            const uint64_t *n, uint32_t count, struct hr_column *col,
                            struct hr_err *err)
{
    HR_UNUSED(err);
    EACH
    {
        struct post p;
        make(g, n[i], &p);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1: VALUES(int32_t)[i] = (int32_t)p.author; break;
        case 2: VALUES(struct hr_string)[i] = hr_gen_id("tag", p.tag, 2); break;
        case 3: VALUES(struct hr_string)[i] = words(g, arena, n[i], &p); break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

static hr_status truth_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                            const uint64_t *n, uint32_t count, struct hr_column *col,
                            struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        struct post p;
        make(g, n[i], &p);
        const char *what = p.trend ? "trend" : p.storm ? "storm" : "";
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1: VALUES(struct hr_string)[i] = hr_gen_id("tag", p.tag, 2); break;
        case 2: VALUES(struct hr_string)[i] = hr_string_make(what, (uint32_t)strlen(what)); break;
        case 3: VALUES(int32_t)[i] = p.feeling; break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

/* Whether visitor n would click: each segment has its ad, and another one from SWAP on. */
static bool clicks(const struct hr_generator *g, uint64_t n, uint32_t ad)
{
    uint32_t segment = pick(g, n, 30, ADS);
    uint32_t best = (segment * 3 + 1 + (n >= SWAP ? 1 : 0)) % ADS;
    return pick(g, n, 31 + ad, 1000) < (ad == best ? 90u : 25u);
}

static hr_status visits_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                             const uint64_t *n, uint32_t count, struct hr_column *col,
                             struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        const char *segment = segments[pick(g, n[i], 30, ADS)];
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1:
            VALUES(struct hr_string)[i] = hr_string_make(segment, (uint32_t)strlen(segment));
            break;
        default: VALUES(int64_t)[i] = time_of(g, n[i]); break;
        }
    }
    return HR_OK;
}

static hr_status answers_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                              const uint64_t *n, uint32_t count, struct hr_column *col,
                              struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        uint64_t visit = n[i] / ADS;
        uint32_t ad = (uint32_t)(n[i] % ADS);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)visit; break;
        case 1:
            VALUES(struct hr_string)[i] = hr_string_make(ads[ad], (uint32_t)strlen(ads[ad]));
            break;
        case 2: hr_bit_put((uint64_t *)(uintptr_t)col->values, i, clicks(g, visit, ad)); break;
        default: VALUES(int64_t)[i] = time_of(g, visit); break;
        }
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_social = {
    .name = "social",
    .doc = "posts with tags and feelings, trends and storms of bots",
    .schema = "id BIGINT, author INT, tag STRING, text STRING, ts TIMESTAMP",
    .own_times = true,
    .fill = posts_fill,
};

const struct hr_generator_vt hr_generator_social_truth = {
    .name = "social_truth",
    .doc = "the posts of 'social': of a trend, of a storm, and how they feel",
    .schema = "id BIGINT, tag STRING, what STRING, feeling INT, ts TIMESTAMP",
    .own_times = true,
    .fill = truth_fill,
};

const struct hr_generator_vt hr_generator_social_visits = {
    .name = "social_visits",
    .doc = "visitors who are to be shown an ad",
    .schema = "id BIGINT, segment STRING, ts TIMESTAMP",
    .own_times = true,
    .fill = visits_fill,
};

const struct hr_generator_vt hr_generator_social_answers = {
    .name = "social_answers",
    .doc = "whether each of the four ads would be clicked by a visitor of 'social_visits'",
    .schema = "id BIGINT, ad STRING, clicked BOOLEAN, ts TIMESTAMP",
    .own_times = true,
    .fill = answers_fill,
};
