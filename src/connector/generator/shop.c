/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shop: what visitors do in a shop, and what its warehouse gets; an event each two seconds.
 *
 * A block of 512 events is 32 sessions of up to 16 steps, dealt out in turn. The last session of a
 * block is the warehouse's. A visitor likes one topic of twelve; in each, some items sell best.
 */
#include "connector/generator/generator.h"

#define VALUES(T) ((T *)(uintptr_t)col->values)
#define EACH      for (uint32_t i = 0; i < count; i++)
#define BLOCK     512
#define SESSIONS  32
#define STEPS     16
#define USERS     600u
#define ITEMS     240u
#define TOPICS    12u

enum { VIEW, CART, PURCHASE, RETURN, RESTOCK, NOTHING };
static const char *const kinds[] = {"view", "cart", "purchase", "return", "restock"};

struct step {
    uint32_t kind, user, item, quantity;
};

static uint32_t pick(const struct hr_generator *g, uint64_t n, uint32_t salt, uint32_t below)
{
    return hr_gen_below(hr_gen_random(g, n, salt), below);
}

/* An item that is looked at: of the visitor's topic, mostly; low numbers sell better. */
static uint32_t item_of(const struct hr_generator *g, uint64_t key, uint32_t user)
{
    uint32_t a = pick(g, key, 10, ITEMS / TOPICS), b = pick(g, key, 11, ITEMS / TOPICS);
    uint32_t topic =
        pick(g, key, 12, 100) < 70 ? pick(g, user, 13, TOPICS) : pick(g, key, 14, TOPICS);
    return HR_MIN(a, b) * TOPICS + topic;
}

/* Walks the session of event n up to its step. */
static void walk(const struct hr_generator *g, uint64_t n, struct step *s)
{
    uint64_t block = n / BLOCK, session = block * SESSIONS + n % SESSIONS;
    uint32_t last = (uint32_t)(n % BLOCK / SESSIONS);
    *s = (struct step){.kind = NOTHING};
    if (n % SESSIONS == SESSIONS - 1) {
        *s = (struct step){RESTOCK, 0, (uint32_t)((block * STEPS + last) % ITEMS),
                           5 + pick(g, n, 1, 20)};
        return;
    }
    uint32_t length = 2 + HR_MIN(pick(g, session, 2, 15), pick(g, session, 3, 15));
    bool crawler = pick(g, session, 4, 100) < 5; /* looks at everything, buys nothing */
    if (crawler) length = STEPS;
    if (last >= length) return;
    uint32_t user = pick(g, session, 5, USERS);
    for (uint32_t i = 0; i <= last; i++) {
        uint64_t key = session * STEPS + i;
        uint32_t chance = pick(g, key, 6, 100);
        if (s->kind == VIEW && chance < 16 && !crawler) {
            s->kind = CART;
        } else if (s->kind == CART && chance < 50) {
            s->kind = PURCHASE;
        } else if (s->kind == PURCHASE && chance < 8) {
            s->kind = RETURN;
        } else {
            s->kind = VIEW;
            s->item = crawler ? pick(g, key, 7, ITEMS) : item_of(g, key, user);
            s->quantity = pick(g, key, 8, 10) == 0 ? 2 : 1;
        }
    }
    s->user = user;
}

static uint32_t shop_select(const struct hr_generator *g, uint64_t first, uint32_t count,
                            uint64_t *ret)
{
    uint32_t rows = 0;
    EACH
    {
        struct step s;
        walk(g, first + i, &s);
        if (s.kind != NOTHING) ret[rows++] = first + i;
    }
    return rows;
}

static hr_status shop_fill(const struct hr_generator *g, struct hr_arena *arena, uint32_t field,
                           const uint64_t *n, uint32_t count, struct hr_column *col,
                           struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    EACH
    {
        struct step s;
        walk(g, n[i], &s);
        switch (field) {
        case 0: VALUES(int64_t)[i] = (int64_t)n[i]; break;
        case 1:
            VALUES(struct hr_string)
            [i] = hr_string_make(kinds[s.kind], (uint32_t)strlen(kinds[s.kind]));
            break;
        case 2: VALUES(int32_t)[i] = s.kind == RESTOCK ? -1 : (int32_t)s.user; break;
        case 3: VALUES(int32_t)[i] = (int32_t)s.item; break;
        case 4: VALUES(int32_t)[i] = (int32_t)s.quantity; break;
        default:
            VALUES(int64_t)
            [i] = g->start_us + (int64_t)n[i] * 2000000 + (int64_t)pick(g, n[i], 20, 1900) * 1000;
        }
    }
    return HR_OK;
}

const struct hr_generator_vt hr_generator_shop = {
    .name = "shop",
    .doc = "views, carts, purchases, returns and restocking of a shop, with tastes",
    .schema = "id BIGINT, kind STRING, user INT, item INT, quantity INT, ts TIMESTAMP",
    .own_times = true,
    .select = shop_select,
    .fill = shop_fill,
};
