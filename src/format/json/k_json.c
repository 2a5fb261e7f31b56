/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast JSON parsers, compiled once per instruction set (HR_ISA, HR_ISA_LEVEL).
 *
 * Both are strict and validate every byte, unread values too. They commit a record only when all
 * of it is good and fits its columns; anything else is undone and left to json_slow.c, which knows
 * Spark's leniencies and names the damage.
 *
 *   walk   one pass by the grammar; strings are found by vector scans for quote, backslash,
 *          control and non-ASCII bytes
 *   shape  from a good record a list of steps is learned, `{"ts":"` time `","card":"` string …;
 *          the next record is then checked literal by literal with one masked vector compare, and
 *          a value ends where its bytes do. Four shapes are kept; where records keep changing,
 *          speculation pauses.
 *
 * Lengths of values are guessed to be as in the last record: the processor then runs on while the
 * scan is still under way. Steps whose lengths vary (`var`) do without.
 *
 * Reads: at p < end of up to a vector's width, so 64 bytes behind end must be readable.
 */
#include "format/json/json_walk.tmpl.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

#define SHAPES     4
#define STEPS      128
#define LEARN_MISS 160 /* misses in 256 records that pause speculation … */
#define PAUSE      4096 /* … for so many */

/* --- Shapes ----------------------------------------------------------------------------------- */

enum step_kind {
    STEP_LITERAL, /* the literal goes on in the next step */
    STEP_STRING,  /* STRING column */
    STEP_TIME,    /* TIMESTAMP column */
    STEP_TEXT,    /* string into any other column */
    STEP_UNREAD,  /* string that nobody wants */
    STEP_LONG,    /* integer into a LONG column */
    STEP_NUMBER,  /* number into any other column, or none */
    STEP_WALK,    /* any value, by the grammar */
    STEP_END,
};

/* A literal, then a value of a kind. */
struct step {
    char literal[VW];
    vmask mask;
    struct json_node *node;
    uint16_t len;
    uint16_t guess; /* length of the value last time */
    uint16_t misses;
    uint8_t kind;
    bool var;
} __attribute__((aligned(VW)));

struct shape {
    struct step steps[STEPS];
    uint64_t have; /* bits of a row of this shape */
    uint32_t runs;
    bool learned;
} __attribute__((aligned(64)));

struct json_shapes {
    struct shape shapes[SHAPES];
    uint32_t current, next;
    uint32_t seen, missed, learned; /* of the last 256 records */
    uint32_t paused;
};

static HR_NOINLINE void adapt(struct shape *s)
{
    for (struct step *t = s->steps; t->kind != STEP_END; t++) {
        t->var = t->misses > 64 || (t->var && (s->runs & 0xffff));
        t->misses = 0;
    }
}

/* The string of step t at p has something special at q: the real end, its value put. */
static HR_NOINLINE const char *repair(struct json_decoder *d, const struct step *t, uint32_t row,
                                      const char *p, const char *end)
{
    bool escaped = false;
    const char *q = string_end_slow(p, end, &escaped);
    if (!q) return NULL;
    if (t->kind == STEP_UNREAD) return !escaped || check_escapes(d, p, q) ? q : NULL;
    if (!put_text(d, t->node, row, p, q, escaped)) return NULL;
    return q;
}

HR_INLINE const char *guess_end(struct step *t, const char *p, unsigned n)
{
    if (t->var) return p + n;
    const char *q = p + t->guess;
    __asm__("" : "+r"(q)); /* q does not depend on the scan */
    if (HR_UNLIKELY((size_t)(q - p) != n)) {
        t->misses++;
        t->guess = (uint16_t)n;
        q = p + n;
    }
    return q;
}

HR_INLINE const char *step_string(struct json_decoder *d, struct step *t, uint32_t row,
                                  const char *p, const char *end)
{
    unsigned n = first_bit(special(p));
    const char *q;
    if (HR_LIKELY(n < VW)) {
        q = guess_end(t, p, n);
    } else {
        q = p + VW;
        while (q < end) {
            n = first_bit(special(q));
            q += n;
            if (n < VW) break;
        }
    }
    if (HR_UNLIKELY(q >= end)) return NULL;
    if (HR_UNLIKELY(*q != '"')) return repair(d, t, row, p, end);
    switch (t->kind) {
    case STEP_STRING:
        put_view((struct hr_string *)t->node->values + row, p, (uint32_t)(q - p));
        return q;
    case STEP_TIME:
        if (HR_LIKELY(time_in_minute(t->node, p, (size_t)(q - p),
                                     (int64_t *)t->node->values + row)))
            return q;
        /* fall through */
    case STEP_TEXT: return put_text(d, t->node, row, p, q, false) ? q : NULL;
    default: return q;
    }
}

HR_INLINE const char *step_long(struct json_decoder *d, struct step *t, uint32_t row,
                                const char *p, const char *end)
{
    unsigned n = digits_at(p);
    if (HR_UNLIKELY(n - 1 >= 15 || (n > 1 && *p == '0'))) return number(d, t->node, row, p, end);
    const char *q = guess_end(t, p, n);
    if (HR_UNLIKELY(*q == '.' || (*q | 32) == 'e')) return NULL;
    ((int64_t *)t->node->values)[row] = (int64_t)digits_value(p, n);
    return q;
}

/* The record at p by shape s: the byte behind its closing brace, or NULL. */
HR_INLINE const char *run_shape(struct json_decoder *d, struct shape *s, const char *p,
                                const char *end, bool newlines)
{
    struct json_level *level = d->levels[0];
    uint32_t row = level->len;
    if (HR_UNLIKELY((++s->runs & 1023) == 0)) adapt(s);
    level->have[row] = 0;
    for (struct step *t = s->steps;; t++) {
        if (HR_UNLIKELY(differs(p, t->literal, t->mask))) return NULL;
        p += t->len;
        if (HR_UNLIKELY(p > end)) return NULL;
        switch (t->kind) {
        case STEP_LITERAL: break;
        case STEP_STRING:
        case STEP_TIME:
        case STEP_TEXT:
        case STEP_UNREAD: p = step_string(d, t, row, p, end); break;
        case STEP_LONG: p = step_long(d, t, row, p, end); break;
        case STEP_NUMBER: p = number(d, t->node, row, p, end); break;
        case STEP_WALK: {
            struct walk w = {.d = d, .end = end, .newlines = newlines, .depth = 1};
            if (p >= end) return NULL;
            p = t->node ? value(&w, t->node, row, p) : skip(&w, p);
            break;
        }
        default: level->have[row] |= s->have; return p;
        }
        if (HR_UNLIKELY(!p || p >= end)) return NULL;
    }
}

/* --- Learning --------------------------------------------------------------------------------- */

struct learner {
    struct json_decoder *d;
    struct shape *shape;
    uint32_t count;
    const char *literal; /* where the literal under way began */
    const char *end;
    uint64_t have, seen;
    unsigned depth;
};

/* The literal [l->literal, upto), then a value [upto, after) of a kind. */
static bool add_step(struct learner *l, const char *upto, enum step_kind kind,
                     struct json_node *node, const char *after)
{
    const char *a = l->literal;
    for (;;) {
        if (l->count >= STEPS) return false;
        struct step *t = &l->shape->steps[l->count++];
        size_t n = HR_MIN((size_t)(upto - a), (size_t)VW);
        memset(t, 0, sizeof *t);
        memcpy(t->literal, a, n);
        t->mask = mask_first(n);
        t->len = (uint16_t)n;
        a += n;
        if (a < upto) {
            t->kind = STEP_LITERAL;
            continue;
        }
        t->kind = (uint8_t)kind;
        t->node = node;
        t->guess = (uint16_t)HR_MIN((size_t)(after - upto), (size_t)UINT16_MAX);
        break;
    }
    l->literal = after;
    return true;
}

static const char *blank(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n') p++;
    return p;
}

static const char *learn_value(struct learner *l, struct json_node *node, const char *p);

static const char *learn_string(struct learner *l, struct json_node *node, const char *p)
{
    bool escaped = false;
    const char *q = string_end_slow(p + 1, l->end, &escaped);
    if (!q) return NULL;
    enum step_kind kind = !node                           ? STEP_UNREAD
                          : node->id == HR_T_STRING       ? STEP_STRING
                          : node->id == HR_T_TIMESTAMP    ? STEP_TIME
                                                          : STEP_TEXT;
    if (node) l->have |= UINT64_C(1) << node->bit;
    return add_step(l, p + 1, kind, node, q) ? q + 1 : NULL;
}

static const char *learn_number(struct learner *l, struct json_node *node, const char *p)
{
    bool is_integer;
    const char *q = number_end(p, l->end, &is_integer);
    if (!q) return NULL;
    bool is_long = node && node->id == HR_T_LONG && is_integer;
    if (node) l->have |= UINT64_C(1) << node->bit;
    return add_step(l, p, is_long ? STEP_LONG : STEP_NUMBER, node, q) ? q : NULL;
}

static const char *learn_any(struct learner *l, struct json_node *node, const char *p)
{
    struct walk w = {.d = l->d, .end = l->end, .newlines = true, .depth = 1};
    const char *q = skip(&w, p);
    return q && add_step(l, p, STEP_WALK, node, q) ? q : NULL;
}

static const char *learn_object(struct learner *l, struct json_node *node, const char *p)
{
    if (++l->depth > 32) return NULL;
    if (node && node != &l->d->root) l->have |= UINT64_C(1) << node->bit;
    p = blank(p + 1);
    if (*p == '}') {
        l->depth--;
        return p + 1;
    }
    for (;;) {
        bool escaped = false;
        const char *q = string_end_slow(p + 1, l->end, &escaped);
        if (!q || escaped) return NULL;
        struct json_node *child = node ? hr_json_find(node, p + 1, (uint32_t)(q - p - 1)) : NULL;
        if (child) {
            uint64_t bit = UINT64_C(1) << child->bit;
            if (l->seen & bit) return NULL; /* a repeated key */
            l->seen |= bit;
        }
        p = blank(blank(q + 1) + 1);
        p = learn_value(l, child, p);
        if (!p) return NULL;
        p = blank(p);
        if (*p == '}') break;
        p = blank(p + 1);
    }
    l->depth--;
    return p + 1;
}

/* The record is known to be good: only its outline is read. */
static const char *learn_value(struct learner *l, struct json_node *node, const char *p)
{
    switch (*p) {
    case '"': return learn_string(l, node, p);
    case '{':
        if (!node || node->id == HR_T_STRUCT) return learn_object(l, node, p);
        return learn_any(l, node, p);
    case '[': return learn_any(l, node, p);
    case 't':
    case 'f': return learn_any(l, node, p);
    case 'n': return p + 4; /* null: part of the literal */
    default: return learn_number(l, node, p);
    }
}

/* From the good record [p, q). A key repeated in an unread object does no harm. */
static HR_NOINLINE bool learn(struct json_decoder *d, struct shape *s, const char *p,
                              const char *q)
{
    struct learner l = {.d = d, .shape = s, .literal = p, .end = q};
    s->learned = false;
    if (d->levels[0]->words != 1) return false;
    const char *end = learn_object(&l, &d->root, blank(p));
    if (!end || !add_step(&l, end, STEP_END, NULL, end)) return false;
    s->have = l.have;
    s->runs = 0;
    s->learned = true;
    return true;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Behind a record's closing brace: its end when the record ends there. */
HR_INLINE const char *record_end(const char *p, const char *end, bool newlines)
{
    if (HR_UNLIKELY(!p)) return NULL;
    if (newlines) return p == end ? p : NULL;
    if (HR_LIKELY(*p == '\n')) return p;
    return p[0] == '\r' && p + 1 < end && p[1] == '\n' ? p + 1 : NULL;
}

static void undo(struct json_decoder *d)
{
    struct json_level *level = d->levels[0];
    if (d->level_count > 1) hr_json_truncate(level, level->len);
    json_row_clear(level);
    d->mismatch = false;
}

static HR_NOINLINE const char *missed(struct json_decoder *d, const char *p, const char *end,
                                      bool newlines)
{
    struct json_shapes *shapes = d->shapes;
    for (uint32_t i = 0; i < SHAPES; i++) {
        if (i == shapes->current || !shapes->shapes[i].learned) continue;
        undo(d);
        const char *q = run_shape(d, &shapes->shapes[i], p, end, newlines);
        q = record_end(q, end, newlines);
        if (q) {
            shapes->current = i;
            return q;
        }
    }
    undo(d);
    shapes->missed++;
    const char *q = walk_record(d, p, end, newlines);
    if (!q || shapes->learned >= 4) return q;
    shapes->learned++;
    if (learn(d, &shapes->shapes[shapes->next], p, q)) {
        shapes->current = shapes->next;
        shapes->next = (shapes->next + 1) % SHAPES;
    }
    return q;
}

/* One record: its end, or NULL with nothing left behind. */
HR_INLINE const char *record(struct json_decoder *d, const char *p, const char *end, bool newlines)
{
    struct json_shapes *shapes = d->shapes;
    const char *q;
    if (HR_LIKELY(!shapes->paused)) {
        if (HR_UNLIKELY(++shapes->seen == 256)) {
            if (shapes->missed > LEARN_MISS) shapes->paused = PAUSE;
            shapes->seen = shapes->missed = shapes->learned = 0;
        }
        struct shape *s = &shapes->shapes[shapes->current];
        if (HR_LIKELY(s->learned)) {
            q = record_end(run_shape(d, s, p, end, newlines), end, newlines);
            if (HR_LIKELY(q != NULL)) return q;
        }
        q = missed(d, p, end, newlines);
    } else {
        shapes->paused--;
        q = walk_record(d, p, end, newlines);
    }
    if (HR_UNLIKELY(!q)) undo(d);
    return q;
}

static bool lines(struct json_decoder *d, const char **pos, const char *end)
{
    struct json_level *level = d->levels[0];
    const char *p = *pos;
    uint32_t capacity = d->capacity;
    d->mismatch = false;
    while (p < end && level->len < capacity) {
        const char *q = record(d, p, end, false);
        if (HR_UNLIKELY(!q)) {
            if (*p == '\n') {
                p++;
                continue;
            }
            *pos = p;
            return true;
        }
        level->len++;
        p = q + 1;
    }
    *pos = p;
    return false;
}

static bool message(struct json_decoder *d, const char *p, const char *end)
{
    d->mismatch = false;
    if (!record(d, p, end, true)) return false;
    d->levels[0]->len++;
    return true;
}

static struct json_shapes *shapes_new(void)
{
    struct json_shapes *shapes = hr_alloc_aligned(sizeof *shapes);
    if (shapes) memset(shapes, 0, sizeof *shapes);
    return shapes;
}

extern const struct json_isa PASTE(hr_json_isa_, HR_ISA);
const struct json_isa PASTE(hr_json_isa_, HR_ISA) = {
    .name = HR_ISA_LEVEL == 4   ? "v4"
            : HR_ISA_LEVEL == 3 ? "v3"
            : HR_ISA_LEVEL == 1 ? "base"
                                : "portable",
    .lines = lines,
    .message = message,
    .shapes_new = shapes_new,
};
