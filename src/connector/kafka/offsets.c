/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets as text, both ways. */
#include "connector/kafka/offsets.h"

static int compare(const void *a, const void *b)
{
    const struct kafka_offset *x = a, *y = b;
    int cmp = strcmp(x->topic, y->topic);
    return cmp ? cmp : (x->partition > y->partition) - (x->partition < y->partition);
}

void hr_kafka_offsets_sort(struct kafka_offsets *offsets)
{
    if (offsets->count > 1) qsort(offsets->items, offsets->count, sizeof *offsets->items, compare);
}

const struct kafka_offset *hr_kafka_offsets_find(const struct kafka_offsets *offsets,
                                                 const char *topic, int32_t partition)
{
    for (uint32_t i = 0; i < offsets->count; i++)
        if (offsets->items[i].partition == partition && strcmp(offsets->items[i].topic, topic) == 0)
            return &offsets->items[i];
    return NULL;
}

hr_status hr_kafka_offsets_add(struct hr_arena *arena, struct kafka_offsets *offsets,
                               const char *topic, int32_t partition, int64_t offset,
                               struct hr_err *err)
{
    struct kafka_offset item = {topic, partition, offset};
    return HR_VEC_PUSH(arena, offsets, item) ? HR_OK : HR_OOM(err);
}

void hr_kafka_offsets_print(const struct kafka_offsets *offsets, struct hr_buf *out)
{
    const char *topic = NULL;
    hr_buf_putc(out, '{');
    for (uint32_t i = 0; i < offsets->count; i++) {
        const struct kafka_offset *o = &offsets->items[i];
        bool first = !topic || strcmp(topic, o->topic) != 0;
        if (first) {
            if (topic) hr_buf_puts(out, "},");
            hr_buf_put_json(out, hr_sv(o->topic));
            hr_buf_puts(out, ":{");
            topic = o->topic;
        } else {
            hr_buf_putc(out, ',');
        }
        hr_buf_printf(out, "\"%d\":%lld", o->partition, (long long)o->offset);
    }
    if (topic) hr_buf_putc(out, '}');
    hr_buf_putc(out, '}');
}

struct cursor {
    const char *p;
    struct hr_arena *arena;
};

static bool expect(struct cursor *c, char want)
{
    while (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r') c->p++;
    if (*c->p != want) return false;
    if (want) c->p++;
    return true;
}

/* Topic names have no characters that would be escaped. */
static const char *quoted(struct cursor *c)
{
    if (!expect(c, '"')) return NULL;
    const char *end = strchr(c->p, '"');
    if (!end) return NULL;
    const char *text = hr_arena_strndup(c->arena, c->p, (size_t)(end - c->p));
    c->p = end + 1;
    return text;
}

static bool parse_topic(struct cursor *c, const char *topic, struct kafka_offsets *ret,
                        struct hr_err *err)
{
    if (!expect(c, '{')) return false;
    if (expect(c, '}')) return true;
    do {
        const char *name = quoted(c);
        int64_t partition, offset;
        if (!name || !hr_parse_i64(hr_sv(name), &partition) || partition < 0 ||
            partition > INT32_MAX || !expect(c, ':'))
            return false;
        while (*c->p == ' ') c->p++;
        size_t len = strspn(c->p, "-0123456789");
        if (!hr_parse_i64(hr_svn(c->p, len), &offset) || offset < KAFKA_EARLIEST) return false;
        c->p += len;
        if (hr_kafka_offsets_add(c->arena, ret, topic, (int32_t)partition, offset, err))
            return false;
    } while (expect(c, ','));
    return expect(c, '}');
}

static bool parse(struct cursor *c, struct kafka_offsets *ret, struct hr_err *err)
{
    if (!expect(c, '{')) return false;
    if (expect(c, '}')) return true;
    do {
        const char *topic = quoted(c);
        if (!topic || !expect(c, ':') || !parse_topic(c, topic, ret, err)) return false;
    } while (expect(c, ','));
    return expect(c, '}');
}

static bool at_end(struct cursor *c) { return expect(c, 0); }

hr_status hr_kafka_offsets_parse(struct hr_arena *arena, const char *text,
                                 struct kafka_offsets *ret, struct hr_err *err)
{
    struct cursor c = {text, arena};
    memset(ret, 0, sizeof *ret);
    if (!parse(&c, ret, err) || !at_end(&c))
        return HR_FAIL(
            err, HR_E_INVALID_ARGUMENT,
            "Expected e.g. {\"topicA\":{\"0\":23,\"1\":-1},\"topicB\":{\"0\":-2}}, got %s", text);
    hr_kafka_offsets_sort(ret);
    return HR_OK;
}

static bool parse_partitions(struct cursor *c, const char *topic, struct kafka_offsets *ret,
                             struct hr_err *err)
{
    if (!expect(c, '[')) return false;
    if (expect(c, ']')) return true;
    do {
        int64_t partition;
        while (*c->p == ' ') c->p++;
        size_t len = strspn(c->p, "0123456789");
        if (!hr_parse_i64(hr_svn(c->p, len), &partition) || partition > INT32_MAX) return false;
        c->p += len;
        if (!hr_kafka_offsets_find(ret, topic, (int32_t)partition) &&
            hr_kafka_offsets_add(c->arena, ret, topic, (int32_t)partition, KAFKA_LATEST, err))
            return false;
    } while (expect(c, ','));
    return expect(c, ']');
}

static bool parse_assign(struct cursor *c, struct kafka_offsets *ret, struct hr_err *err)
{
    if (!expect(c, '{')) return false;
    do {
        const char *topic = quoted(c);
        if (!topic || !expect(c, ':') || !parse_partitions(c, topic, ret, err)) return false;
    } while (expect(c, ','));
    return expect(c, '}') && at_end(c) && ret->count;
}

hr_status hr_kafka_assign_parse(struct hr_arena *arena, const char *text, struct kafka_offsets *ret,
                                struct hr_err *err)
{
    struct cursor c = {text, arena};
    memset(ret, 0, sizeof *ret);
    if (!parse_assign(&c, ret, err))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option assign: Expected e.g. {\"topicA\":[0,1],\"topicB\":[0,1]}, got %s",
                       text);
    hr_kafka_offsets_sort(ret);
    return HR_OK;
}
