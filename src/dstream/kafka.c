/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Spark's KafkaUtils has beside a direct stream: its parameters, offset ranges, offsets that
 * the program commits itself, RDDs of given ranges. Reading, limits and groups are the connector's.
 *
 * Threads: hr_dstream_commit_offsets is for any thread, under the stream's lock; the rest belongs
 * to the driver.
 */
#include <strings.h>

#include "connector/connector.h"
#include "dstream/source.h"

/* --- Parameters ------------------------------------------------------------------------------- */

struct params {
    struct hr_arena *arena;
    HR_VEC(const char *) items; /* the connector's options: name, value …, NULL at the end */
    const char *reset;          /* auto.offset.reset */
    bool group, auto_commit, starting;
};

static hr_status put(struct params *p, const char *key, const char *value, struct hr_err *err)
{
    return key && HR_VEC_PUSH(p->arena, &p->items, key) && HR_VEC_PUSH(p->arena, &p->items, value)
               ? HR_OK
               : HR_OOM(err);
}

static bool one_of(const char *key, const char *const *names)
{
    while (*names && !hr_str_eq_nocase(key, *names)) names++;
    return *names != NULL;
}

static hr_status parse_bool(const char *key, const char *value, bool *ret, struct hr_err *err)
{
    *ret = hr_str_eq_nocase(value, "true");
    if (*ret || hr_str_eq_nocase(value, "false")) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: true or false, not %s", key, value);
}

static hr_status put_param(struct params *p, const struct hr_source_vt *vt, const char *key,
                           const char *value, struct hr_err *err)
{
    static const char *const ignored[] = {"key.deserializer", "value.deserializer", NULL};
    static const char *const resets[] = {"latest", "earliest", "none", NULL};
    if (one_of(key, ignored)) return HR_OK;
    if (hr_str_eq_nocase(key, "enable.auto.commit"))
        return parse_bool(key, value, &p->auto_commit, err);
    if (hr_str_eq_nocase(key, "auto.offset.reset")) {
        if (!one_of(value, resets))
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option auto.offset.reset: latest, earliest or none, not %s", value);
        p->reset = value;
        return HR_OK;
    }
    p->starting |= hr_str_eq_nocase(key, "startingOffsets");
    p->group |= hr_str_eq_nocase(key, "group.id") || hr_str_eq_nocase(key, "kafka.group.id");
    if (strncasecmp(key, "kafka.", 6) == 0) return put(p, key, value, err);
    for (size_t i = 0; i < vt->option_count; i++)
        if (hr_str_eq_nocase(vt->options[i].name, key)) return put(p, key, value, err);
    return put(p, hr_arena_printf(p->arena, "kafka.%s", key), value, err);
}

static hr_status read_params(struct params *p, const struct hr_source_vt *vt,
                             const char *const *params, struct hr_err *err)
{
    p->auto_commit = true;
    for (uint32_t i = 0; params && params[i]; i += 2) {
        if (!params[i + 1])
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: has no value", params[i]);
        HR_TRY(put_param(p, vt, params[i], params[i + 1], err));
    }
    return HR_OK;
}

static const struct hr_source_vt *find_kafka(struct hr_err *err)
{
    const struct hr_source_vt *vt = hr_source_find("kafka");
    if (!vt) HR_UNUSED(HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", "kafka"));
    return vt;
}

/* --- Streams ---------------------------------------------------------------------------------- */

static hr_status stream_params(struct params *p, const struct hr_source_vt *vt, const char *topics,
                               const char *const *params, struct hr_err *err)
{
    HR_TRY(read_params(p, vt, params, err));
    if (topics) HR_TRY(put(p, "subscribe", topics, err));
    if (p->group) HR_TRY(put(p, "groupOffsets", "true", err));
    if (p->reset && !p->starting) HR_TRY(put(p, "startingOffsets", p->reset, err));
    return HR_VEC_PUSH(p->arena, &p->items, NULL) ? HR_OK : HR_OOM(err);
}

struct hr_dstream *hr_kafka_direct_stream(struct hr_streaming *ssc, const char *topics,
                                          const char *const *params, struct hr_err *err)
{
    const struct hr_source_vt *vt = ssc ? find_kafka(err) : NULL;
    struct source_ds *s = NULL;
    struct hr_arena arena;
    if (!vt) return NULL;
    hr_arena_init(&arena, NULL);
    struct params p = {.arena = &arena};
    if (stream_params(&p, vt, topics, params, err) == HR_OK)
        s = hr_source_ds_new(ssc, vt, NULL, p.items.items, err);
    if (s) s->auto_commit = p.auto_commit;
    hr_arena_done(&arena);
    return s ? &s->ds : NULL;
}

/* --- Ranges ----------------------------------------------------------------------------------- */

/* Where a partition begins that start does not name: its split says. */
static int64_t split_start(const struct source_node *n, const struct kafka_offset *end)
{
    for (uint32_t i = 0; i < n->node.base.partition_count; i++) {
        const struct kafka_range *r = n->splits[i].data;
        if (r->partition == end->partition && strcmp(r->topic, end->topic) == 0) return r->start;
    }
    return end->offset;
}

hr_status hr_kafka_node_ranges(struct source_node *n, struct hr_err *err)
{
    struct kafka_offsets from, to;
    HR_TRY(hr_kafka_offsets_parse(&n->arena, n->start, &from, err));
    HR_TRY(hr_kafka_offsets_parse(&n->arena, n->end, &to, err));
    n->ranges = HR_NEW_ARRAY(&n->arena, struct hr_offset_range, to.count + 1);
    if (!n->ranges) return HR_OOM(err);
    n->range_count = to.count;
    for (uint32_t i = 0; i < to.count; i++) {
        const struct kafka_offset *t = &to.items[i];
        const struct kafka_offset *f = hr_kafka_offsets_find(&from, t->topic, t->partition);
        n->ranges[i] = (struct hr_offset_range){t->topic, t->partition,
                                                f ? f->offset : split_start(n, t), t->offset};
    }
    return HR_OK;
}

uint32_t hr_rdd_offset_ranges(const struct hr_rdd *rdd, struct hr_offset_range *ret, uint32_t max)
{
    const struct source_node *n = rdd ? hr_source_node_of(rdd) : NULL;
    if (!n || !n->ranges) return 0;
    if (max) memcpy(ret, n->ranges, HR_MIN(max, n->range_count) * sizeof *ret);
    return n->range_count;
}

static int more_first(const void *a, const void *b)
{
    const struct hr_offset_range *x = *(const struct hr_offset_range *const *)a;
    const struct hr_offset_range *y = *(const struct hr_offset_range *const *)b;
    int64_t nx = x->until - x->from, ny = y->until - y->from;
    if (nx != ny) return nx > ny ? -1 : 1;
    return x < y ? -1 : x > y;
}

void hr_kafka_describe(const struct source_node *n, struct hr_buf *out)
{
    const struct hr_offset_range **sorted = hr_alloc((n->range_count + 1) * sizeof *sorted);
    uint32_t count = 0;
    for (uint32_t i = 0; sorted && i < n->range_count; i++)
        if (n->ranges[i].from != n->ranges[i].until) sorted[count++] = &n->ranges[i];
    if (count) qsort(sorted, count, sizeof *sorted, more_first);
    for (uint32_t i = 0; i < count; i++)
        hr_buf_printf(out, "%stopic: %s\tpartition: %d\toffsets: %lld to %lld\tcount: %lld",
                      i ? "\n" : "", sorted[i]->topic, (int)sorted[i]->partition,
                      (long long)sorted[i]->from, (long long)sorted[i]->until,
                      (long long)(sorted[i]->until - sorted[i]->from));
    hr_free(sorted);
}

/* --- Offsets that the program commits --------------------------------------------------------- */

/* Lock held. */
static hr_status want_commit(struct source_ds *s, const char *topic, int32_t partition,
                             int64_t offset, struct hr_err *err)
{
    for (uint32_t i = 0; i < s->commits.count; i++) {
        struct kafka_offset *o = &s->commits.items[i];
        if (o->partition != partition || strcmp(o->topic, topic) != 0) continue;
        o->offset = HR_MAX(o->offset, offset);
        return HR_OK;
    }
    const char *name = hr_arena_strdup(&s->commit_arena, topic);
    if (!name) return HR_OOM(err);
    return hr_kafka_offsets_add(&s->commit_arena, &s->commits, name, partition, offset, err);
}

hr_status hr_dstream_commit_offsets(struct hr_dstream *stream, const struct hr_offset_range *ranges,
                                    uint32_t count, struct hr_err *err)
{
    struct source_ds *s =
        stream && strcmp(stream->vt->name, "source") == 0 ? (struct source_ds *)stream : NULL;
    const char *group = s && s->kafka ? hr_options_get(&s->options, "groupOffsets") : NULL;
    hr_status status = HR_OK;
    if (!s || !s->kafka)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "offsets are committed for Kafka streams only");
    if (!group || !hr_str_eq_nocase(group, "true"))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "stream %u has no group to commit to: give it \"group.id\"", stream->id);
    for (uint32_t i = 0; i < count; i++)
        if (!ranges[i].topic || ranges[i].partition < 0 || ranges[i].until < 0)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "range %u: is none", i);
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < count && status == HR_OK; i++)
        status = want_commit(s, ranges[i].topic, ranges[i].partition, ranges[i].until, err);
    pthread_mutex_unlock(&s->lock);
    return status;
}

void hr_kafka_take_commits(struct source_ds *s, struct hr_buf *out)
{
    pthread_mutex_lock(&s->lock);
    if (s->commits.count) {
        hr_kafka_offsets_sort(&s->commits);
        hr_kafka_offsets_print(&s->commits, out);
        s->commits = (struct kafka_offsets){0};
        hr_arena_reset(&s->commit_arena);
    }
    pthread_mutex_unlock(&s->lock);
}

void hr_kafka_return_commits(struct source_ds *s, const char *text)
{
    struct kafka_offsets back;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    pthread_mutex_lock(&s->lock);
    if (hr_kafka_offsets_parse(&arena, text, &back, NULL) == HR_OK)
        for (uint32_t i = 0; i < back.count; i++)
            HR_UNUSED(want_commit(s, back.items[i].topic, back.items[i].partition,
                                  back.items[i].offset, NULL));
    pthread_mutex_unlock(&s->lock);
    hr_arena_done(&arena);
}

/* --- RDDs of given ranges --------------------------------------------------------------------- */

/* {"a":[0],"a":[1],"b":[0]}: each partition once. */
static const char *assign_of(const struct hr_offset_range *ranges, uint32_t count,
                             struct hr_arena *arena)
{
    struct hr_buf text = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = 0;
        while (j < i && (ranges[j].partition != ranges[i].partition ||
                         strcmp(ranges[j].topic, ranges[i].topic) != 0))
            j++;
        if (j == i)
            hr_buf_printf(&text, "%s\"%s\":[%d]", text.len ? "," : "{", ranges[i].topic,
                          (int)ranges[i].partition);
    }
    hr_buf_putc(&text, '}');
    const char *copy = hr_arena_strdup(arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return copy;
}

static hr_status open_batch(struct hr_context *ctx, const struct hr_source_vt *vt,
                            const char *const *params, const char *assign, struct hr_source **ret,
                            struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_options options;
    hr_arena_init(&arena, NULL);
    struct params p = {.arena = &arena};
    struct hr_conf conf = hr_source_conf(ctx);
    struct hr_source_args args = {
        .env = ctx->env, .conf = &conf, .options = &options, .query_name = ctx->app_name};
    hr_status status = assign ? read_params(&p, vt, params, err) : HR_OOM(err);
    if (status == HR_OK) status = put(&p, "assign", assign, err);
    if (status == HR_OK && !HR_VEC_PUSH(&arena, &p.items, NULL)) status = HR_OOM(err);
    if (status == HR_OK) status = hr_source_options(&options, &arena, p.items.items, err);
    if (status == HR_OK) status = hr_source_open(vt, &args, ret, err);
    hr_arena_done(&arena);
    return status;
}

/* Each range lies within what the broker has now. */
static hr_status check_ranges(struct source_node *n, struct hr_err *err)
{
    const struct hr_source_vt *vt = n->source->vt;
    struct hr_buf text = {0};
    struct kafka_offsets low, high;
    hr_status status = vt->initial_offset(n->source, &text, err);
    if (status == HR_OK) status = hr_kafka_offsets_parse(&n->arena, hr_buf_cstr(&text), &low, err);
    hr_buf_clear(&text);
    if (status == HR_OK) status = vt->latest_offset(n->source, NULL, NULL, &text, err);
    if (status == HR_OK) status = hr_kafka_offsets_parse(&n->arena, hr_buf_cstr(&text), &high, err);
    hr_buf_done(&text);
    for (uint32_t i = 0; i < n->range_count && status == HR_OK; i++) {
        const struct hr_offset_range *r = &n->ranges[i];
        const struct kafka_offset *l = hr_kafka_offsets_find(&low, r->topic, r->partition);
        const struct kafka_offset *h = hr_kafka_offsets_find(&high, r->topic, r->partition);
        if (!l || !h || r->from < l->offset || r->until > h->offset || r->until < r->from)
            status =
                HR_FAIL(err, HR_E_DATA_LOSS,
                        "range %u: %s-%d [%lld, %lld) is not within the messages that are "
                        "there, [%lld, %lld)",
                        i, r->topic, (int)r->partition, (long long)r->from, (long long)r->until,
                        l ? (long long)l->offset : 0, h ? (long long)h->offset : 0);
    }
    return status;
}

static hr_status put_ranges(struct source_node *n, const struct hr_offset_range *ranges,
                            uint32_t count, struct hr_err *err)
{
    n->ranges = HR_NEW_ARRAY(&n->arena, struct hr_offset_range, count + 1);
    n->splits = HR_NEW_ARRAY(&n->arena, struct hr_split, count + 1);
    struct kafka_range *data = HR_NEW_ARRAY(&n->arena, struct kafka_range, count + 1);
    if (!n->ranges || !n->splits || !data) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        const char *topic = hr_arena_strdup(&n->arena, ranges[i].topic);
        if (!topic) return HR_OOM(err);
        n->ranges[i] = ranges[i];
        n->ranges[i].topic = topic;
        data[i] = (struct kafka_range){topic, ranges[i].partition, ranges[i].from, ranges[i].until};
        n->splits[i] = (struct hr_split){.data = &data[i],
                                         .rows_estimate = ranges[i].until - ranges[i].from,
                                         .bytes_estimate = -1};
    }
    n->range_count = count;
    n->node.base.partition_count = count;
    return HR_OK;
}

struct hr_rdd *hr_kafka_rdd(struct hr_context *ctx, const char *const *params,
                            const struct hr_offset_range *ranges, uint32_t count,
                            struct hr_err *err)
{
    const struct hr_source_vt *vt = ctx ? find_kafka(err) : NULL;
    struct hr_source *source = NULL;
    struct hr_arena arena;
    if (!vt) return NULL;
    for (uint32_t i = 0; i < count || !count; i++)
        if (!count || !ranges[i].topic || ranges[i].partition < 0) {
            HR_UNUSED(
                HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%u ranges: number %u is none", count, i));
            return NULL;
        }
    hr_arena_init(&arena, NULL);
    hr_status status = open_batch(ctx, vt, params, assign_of(ranges, count, &arena), &source, err);
    hr_arena_done(&arena);
    if (status != HR_OK) return NULL;
    struct source_node *n = hr_source_node_new(&ctx->pool, source, err);
    if (!n) {
        vt->close(source);
        return NULL;
    }
    n->own_source = true;
    return put_ranges(n, ranges, count, err) == HR_OK && check_ranges(n, err) == HR_OK
               ? &n->node.base
               : NULL;
}
