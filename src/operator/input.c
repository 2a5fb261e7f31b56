/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry is a split that is, or was, read for several members: its batches from number `first`
 * on, and the reader that makes more, which belongs to the source of the member that opened it and
 * is closed with that member's task. A reader whose batch is gone, or whose entry was closed before
 * its end, opens one of its own and passes over the rows that it has had.
 */
#include "operator/input.h"

#include <time.h>

#include "rdd/block_store.h"

#define MEMBERS_MAX  64
#define STALL_ROUNDS 10 /* waits of 10 ms without anybody taking a batch */
#define ROUND_NS     10000000

struct entry {
    struct entry *next; /* newer */
    char *key;
    const struct hr_type *columns;
    struct hr_scan_reader *reader; /* NULL: closed */
    bool reading;                  /* a thread is in it, without the lock */
    bool ended, broken;
    uint64_t seen; /* members that have opened it */
    struct kept {
        struct hr_batch *batch;
        int64_t bytes;
    } * batches;
    uint32_t first, count, capacity; /* batches[i] is number first + i */
    struct reader *readers;          /* those that are open */
    _Atomic int64_t malformed;
};

struct input {
    struct input *next;
    char *key;
    const struct hr_type *source_schema;
    uint64_t members, behind; /* bits */
    struct hr_input_member *by_bit[MEMBERS_MAX];
    struct entry *oldest;
    int64_t bytes; /* of kept batches */
    uint64_t taken; /* batches, by all: whether anybody goes on */
};

struct hr_inputs {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct hr_mem mem;
    int64_t max_bytes;
    bool held;
    struct input *inputs;
};

struct hr_input_member {
    struct hr_inputs *all;
    struct input *input;
    uint32_t bit;
    const struct hr_type *columns;
    int64_t shared_rows; /* under the lock */
    bool had_peers;
};

/* ---- life ------------------------------------------------------------------------------------ */

struct hr_inputs *hr_inputs_new(struct hr_mem *parent)
{
    struct hr_inputs *all = hr_zalloc(sizeof *all);
    if (!all) return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&all->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&all->lock, NULL);
    hr_mem_init(&all->mem, parent, "shared inputs", NULL, 0);
    return all;
}

void hr_inputs_limit(struct hr_inputs *all, int64_t max_bytes)
{
    assert(max_bytes >= 0);
    pthread_mutex_lock(&all->lock);
    all->max_bytes = max_bytes;
    pthread_mutex_unlock(&all->lock);
}

void hr_inputs_free(struct hr_inputs *all)
{
    if (!all) return;
    assert(!all->inputs);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    hr_free(all);
}

/* @locks all->lock, which it gives up meanwhile */
static void wait_round(struct hr_inputs *all)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&all->changed, &all->lock, &until);
}

void hr_inputs_hold(struct hr_inputs *all, bool hold)
{
    pthread_mutex_lock(&all->lock);
    all->held = hold;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

bool hr_inputs_await(struct hr_inputs *all, int64_t timeout_us)
{
    pthread_mutex_lock(&all->lock);
    for (int64_t left_ns = timeout_us * 1000; all->held && left_ns > 0; left_ns -= ROUND_NS)
        wait_round(all);
    bool free_to_go = !all->held;
    pthread_mutex_unlock(&all->lock);
    return free_to_go;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void drop_first(struct input *input, struct entry *entry)
{
    assert(entry->count > 0);
    input->bytes -= entry->batches[0].bytes;
    assert(input->bytes >= 0);
    hr_batch_unref(entry->batches[0].batch);
    entry->first++;
    entry->count--;
    memmove(&entry->batches[0], &entry->batches[1], sizeof *entry->batches * entry->count);
}

static void free_entry(struct input *input, struct entry *entry)
{
    assert(!entry->readers && !entry->reader && !entry->reading);
    while (entry->count) drop_first(input, entry);
    hr_free(entry->batches);
    hr_free(entry->key);
    hr_free(entry);
}

/* Entries that all members have had, and whose batches are gone anyway. */
static void sweep(struct input *input)
{
    for (struct entry **at = &input->oldest, *entry; (entry = *at);) {
        bool wanted = (input->members & ~entry->seen) && entry->first == 0 && !entry->broken;
        if (entry->readers || wanted) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free_entry(input, entry);
    }
}

static struct entry *find_entry(struct input *input, const char *key)
{
    for (struct entry *entry = input->oldest; entry; entry = entry->next)
        if (strcmp(entry->key, key) == 0) return entry;
    return NULL;
}

/* ---- members --------------------------------------------------------------------------------- */

/* All that rows depend on besides the split. */
static void put_key(const struct hr_source *source, const struct hr_options *options,
                    const struct hr_conf *conf, const void *user, const struct hr_type *columns,
                    struct hr_buf *out)
{
    hr_buf_printf(out, "%s %p %p %p %u %d%d%d%d%d", source->vt->name, (const void *)source->schema,
                  user, (const void *)conf->tz, conf->batch_rows, conf->ansi,
                  conf->case_sensitive, conf->partitions_as_text, conf->ignore_missing_files,
                  conf->ignore_corrupt_files);
    if (!(source->flags & HR_SOURCE_BY_COLUMN)) hr_buf_printf(out, " %p", (const void *)columns);
    for (uint32_t i = 0; options && i < options->count; i++) {
        hr_buf_putc(out, ' ');
        hr_buf_put_json(out, hr_sv(options->items[i].key));
        hr_buf_put_json(out, hr_sv(options->items[i].value));
    }
}

/* Are the columns whole columns of the source? Then readings of several can be one. */
static bool are_columns_of(const struct hr_type *columns, const struct hr_type *schema)
{
    for (uint32_t i = 0; i < columns->field_count; i++) {
        int32_t at = hr_type_field_index(schema, hr_sv(columns->fields[i].name));
        if (at < 0 || schema->fields[at].type != columns->fields[i].type ||
            strcmp(schema->fields[at].name, columns->fields[i].name) != 0)
            return false;
    }
    return true;
}

static struct input *find_input(struct hr_inputs *all, const char *key)
{
    for (struct input *input = all->inputs; input; input = input->next)
        if (strcmp(input->key, key) == 0) return input;
    return NULL;
}

/* @locks all->lock */
static hr_status join(struct hr_inputs *all, const char *key, const struct hr_source *source,
                      struct hr_input_member *member, struct hr_err *err)
{
    if (all->max_bytes == 0) return HR_OK;
    struct input *input = find_input(all, key);
    if (!input) {
        input = hr_zalloc(sizeof *input);
        char *own = hr_strdup(key);
        if (!input || !own) {
            hr_free(input);
            hr_free(own);
            return HR_OOM(err);
        }
        input->key = own;
        input->source_schema = source->schema;
        input->next = all->inputs;
        all->inputs = input;
    }
    if (~input->members == 0) return HR_OK; /* the 65th reads by itself */
    member->bit = (uint32_t)__builtin_ctzll(~input->members);
    input->members |= UINT64_C(1) << member->bit;
    input->by_bit[member->bit] = member;
    member->input = input;
    bool several = (input->members & (input->members - 1)) != 0;
    for (uint32_t i = 0; several && i < MEMBERS_MAX; i++)
        if (input->by_bit[i]) input->by_bit[i]->had_peers = true;
    return HR_OK;
}

hr_status hr_input_join(struct hr_inputs *all, const struct hr_source *source,
                        const struct hr_options *options, const struct hr_conf *conf,
                        const void *user, const struct hr_type *columns,
                        struct hr_input_member **ret, struct hr_err *err)
{
    *ret = NULL;
    if (!(source->flags & HR_SOURCE_REPLAYABLE)) return HR_OK;
    if (!are_columns_of(columns, source->schema)) return HR_OK;
    struct hr_buf key = {0};
    put_key(source, options, conf, user, columns, &key);
    struct hr_input_member *member = hr_zalloc(sizeof *member);
    hr_status status = member ? hr_buf_status(&key, err) : HR_OOM(err);
    if (!status) {
        member->all = all;
        member->columns = columns;
        pthread_mutex_lock(&all->lock);
        status = join(all, hr_buf_cstr(&key), source, member, err);
        pthread_mutex_unlock(&all->lock);
    }
    hr_buf_done(&key);
    if (status || !member->input) {
        hr_free(member);
        return status;
    }
    *ret = member;
    return HR_OK;
}

void hr_input_leave(struct hr_input_member *member)
{
    if (!member) return;
    struct hr_inputs *all = member->all;
    struct input *input = member->input;
    uint64_t bit = UINT64_C(1) << member->bit;
    pthread_mutex_lock(&all->lock);
    assert(input->by_bit[member->bit] == member && input->members & bit);
    input->members &= ~bit;
    input->behind &= ~bit;
    input->by_bit[member->bit] = NULL;
    for (struct entry *entry = input->oldest; entry; entry = entry->next) entry->seen &= ~bit;
    sweep(input);
    if (input->members == 0) {
        assert(!input->oldest && input->bytes == 0);
        struct input **at = &all->inputs;
        while (*at != input) at = &(*at)->next;
        *at = input->next;
        hr_free(input->key);
        hr_free(input);
    }
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    hr_free(member);
}

int64_t hr_input_shared_rows(struct hr_input_member *member)
{
    pthread_mutex_lock(&member->all->lock);
    int64_t rows = member->had_peers ? member->shared_rows : -1;
    pthread_mutex_unlock(&member->all->lock);
    return rows;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    struct hr_scan_reader base;
    struct hr_input_member *member;
    struct hr_source *source;
    const struct hr_split *split;
    struct hr_scan_spec spec;
    struct entry *entry;   /* NULL: left, or done with */
    struct reader *next;   /* of the entry */
    bool is_opener;        /* the entry's reader is of its source */
    uint32_t at;           /* number of its next batch */
    uint32_t *indexes;     /* its columns among the entry's; NULL: the same */
    int64_t rows;          /* that it was given */
    struct hr_scan_reader *own; /* after it was left behind … */
    struct hr_batch *pending;   /* … and what of its first batch it has not had; or NULL */
};

/* Everybody's columns, in the source's order. */
static const struct hr_type *all_columns(const struct input *input)
{
    const struct hr_type *schema = input->source_schema;
    struct hr_field *fields = hr_alloc(sizeof *fields * (schema->field_count + 1));
    if (!fields) return NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        bool wanted = false;
        for (uint32_t m = 0; m < MEMBERS_MAX && !wanted; m++)
            wanted = input->by_bit[m] &&
                     hr_type_field_index(input->by_bit[m]->columns,
                                         hr_sv(schema->fields[i].name)) >= 0;
        if (wanted) fields[count++] = schema->fields[i];
    }
    const struct hr_type *type = hr_type_struct(fields, count);
    hr_free(fields);
    return type;
}

/* Which of the entry's columns the reader's are; false: it lacks one (a member that came later). */
static bool map_columns(struct reader *r, const struct hr_type *columns)
{
    const struct hr_type *wanted = r->spec.schema;
    if (wanted == columns) return true;
    r->indexes = hr_alloc(sizeof *r->indexes * (wanted->field_count + 1));
    if (!r->indexes) return false;
    for (uint32_t i = 0; i < wanted->field_count; i++) {
        int32_t at = hr_type_field_index(columns, hr_sv(wanted->fields[i].name));
        if (at < 0) return false;
        r->indexes[i] = (uint32_t)at;
    }
    return true;
}

static void take_seat(struct input *input, struct entry *entry, struct reader *r)
{
    uint64_t bit = UINT64_C(1) << r->member->bit;
    assert(!(entry->seen & bit) && !r->entry);
    r->entry = entry;
    r->next = entry->readers;
    entry->readers = r;
    entry->seen |= bit;
    input->behind &= ~bit;
}

/* A new entry at the end of the list, with the reader of the first who came; the lock is given up
 * while it is opened. @locks all->lock */
static hr_status begin_entry(struct hr_inputs *all, struct input *input, struct reader *r,
                             struct hr_err *err)
{
    struct entry *entry = hr_zalloc(sizeof *entry);
    char *key = hr_strdup(r->split->key);
    const struct hr_type *columns = all_columns(input);
    if (!entry || !key || !columns || !map_columns(r, columns)) {
        hr_free(entry);
        hr_free(key);
        return HR_OOM(err);
    }
    entry->key = key;
    entry->columns = columns;
    struct entry **at = &input->oldest;
    while (*at) at = &(*at)->next;
    *at = entry;
    take_seat(input, entry, r);
    r->is_opener = true;
    struct hr_scan_spec spec = r->spec;
    spec.mem = &all->mem;
    spec.malformed_rows = &entry->malformed;
    spec.schema = columns;
    entry->reading = true;
    pthread_mutex_unlock(&all->lock);
    hr_status status =
        r->source->vt->open_reader(r->source, r->split, &spec, &entry->reader, err);
    pthread_mutex_lock(&all->lock);
    entry->reading = false;
    entry->broken = status != HR_OK;
    pthread_cond_broadcast(&all->changed);
    return status;
}

/* Joins the split's entry, or begins one; r->entry NULL: it reads by itself. @locks all->lock */
static hr_status enter(struct hr_inputs *all, struct input *input, struct reader *r,
                       struct hr_err *err)
{
    uint64_t bit = UINT64_C(1) << r->member->bit;
    struct entry *entry = find_entry(input, r->split->key);
    if (!entry && (input->members == bit || input->behind & bit)) return HR_OK;
    if (!entry) return begin_entry(all, input, r, err);
    if (entry->seen & bit || entry->first > 0 || entry->broken)
        return HR_OK; /* its task is run again, or it came too late */
    if (map_columns(r, entry->columns))
        take_seat(input, entry, r);
    else
        entry->seen |= bit;
    return HR_OK;
}

/* Batches that nobody will ask for any more. @locks all->lock */
static void trim(struct input *input, struct entry *entry)
{
    if (input->members & ~entry->seen) return;
    uint32_t least = UINT32_MAX;
    for (const struct reader *r = entry->readers; r; r = r->next) least = HR_MIN(least, r->at);
    while (entry->count && entry->first < least) drop_first(input, entry);
}

/* Leaves the entry; the opener takes the reader with it. @locks all->lock */
static void leave_entry(struct reader *r)
{
    struct entry *entry = r->entry;
    struct hr_inputs *all = r->member->all;
    if (!entry) return;
    while (r->is_opener && entry->reading) wait_round(all);
    struct reader **at = &entry->readers;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    if (r->is_opener) {
        if (entry->reader) entry->reader->vt->close(entry->reader);
        entry->reader = NULL;
        entry->broken |= !entry->ended;
    }
    r->entry = NULL;
    trim(r->member->input, entry);
    sweep(r->member->input);
    pthread_cond_broadcast(&all->changed);
}

/* Room for one more: the oldest batches go. Those who would have needed them are behind now (but
 * not who asks: it is further). @locks all->lock */
static void make_room(struct hr_inputs *all, struct input *input, uint64_t self)
{
    for (struct entry *entry = input->oldest; entry && input->bytes >= all->max_bytes;
         entry = entry->next) {
        if (entry->count) input->behind |= input->members & ~entry->seen & ~self;
        while (entry->count && input->bytes >= all->max_bytes) {
            for (struct reader *r = entry->readers; r; r = r->next)
                if (r->at <= entry->first) input->behind |= UINT64_C(1) << r->member->bit;
            drop_first(input, entry);
        }
    }
}

/* Would making room take a batch from another member, that is not behind yet? @locks all->lock */
static bool would_lose(const struct hr_inputs *all, const struct input *input, uint64_t self)
{
    if (input->bytes < all->max_bytes) return false;
    const struct entry *entry = input->oldest;
    while (entry && entry->count == 0) entry = entry->next;
    if (!entry) return false;
    uint64_t need = input->members & ~entry->seen;
    for (const struct reader *r = entry->readers; r; r = r->next)
        if (r->at <= entry->first) need |= UINT64_C(1) << r->member->bit;
    return (need & ~input->behind & ~self) != 0;
}

/* Reads the entry's next batch; the lock is given up meanwhile. A failure is that of whose reader
 * it is; others then read by themselves. @locks all->lock */
static hr_status read_more(struct hr_inputs *all, struct reader *r, struct hr_err *err)
{
    struct entry *entry = r->entry;
    struct input *input = r->member->input;
    assert(entry->reader && !entry->reading && !entry->ended);
    make_room(all, input, UINT64_C(1) << r->member->bit);
    entry->reading = true;
    pthread_mutex_unlock(&all->lock);
    struct hr_batch *batch = NULL;
    struct hr_err failure;
    hr_err_init(&failure);
    hr_status status = entry->reader->vt->next(entry->reader, &batch, &failure);
    pthread_mutex_lock(&all->lock);
    entry->reading = false;
    pthread_cond_broadcast(&all->changed);
    if (!status && batch && entry->count == entry->capacity) {
        uint32_t capacity = entry->capacity ? entry->capacity * 2 : 8;
        struct kept *grown = hr_realloc(entry->batches, sizeof *grown * capacity);
        if (grown) {
            entry->batches = grown;
            entry->capacity = capacity;
        } else {
            hr_batch_unref(batch);
            status = HR_OOM(&failure);
        }
    }
    entry->broken |= status != HR_OK;
    entry->ended |= !status && !batch;
    if (!status && batch) {
        int64_t bytes = hr_batch_bytes(batch);
        entry->batches[entry->count++] = (struct kept){batch, bytes};
        input->bytes += bytes;
    }
    if (status && r->is_opener) hr_err_copy(err, &failure);
    return r->is_opener ? status : HR_OK;
}

/* The entry's next batch for this reader: referenced, or NULL at its end. *ret_alone: it has to go
 * on by itself. */
static hr_status next_shared(struct reader *r, struct hr_batch **ret, bool *ret_alone,
                             struct hr_err *err)
{
    struct hr_inputs *all = r->member->all;
    struct input *input = r->member->input;
    struct entry *entry = r->entry;
    hr_status status = HR_OK;
    uint64_t taken = 0, self = UINT64_C(1) << r->member->bit;
    *ret = NULL;
    *ret_alone = false;
    pthread_mutex_lock(&all->lock);
    for (int rounds = 0; status == HR_OK;) {
        *ret_alone = r->at < entry->first;
        bool there = !*ret_alone && r->at < entry->first + entry->count;
        if (*ret_alone || there || entry->ended) break;
        if ((*ret_alone = entry->broken)) break;
        if (r->spec.cancelled && __atomic_load_n(r->spec.cancelled, __ATOMIC_RELAXED)) {
            status = HR_RAISE(err, HR_E_CANCELLED);
        } else if (entry->reading) {
            wait_round(all);
        } else if (would_lose(all, input, self) && rounds < STALL_ROUNDS) {
            rounds = taken == input->taken ? rounds + 1 : 0;
            taken = input->taken;
            wait_round(all);
        } else {
            status = read_more(all, r, err);
        }
    }
    if (status == HR_OK && !*ret_alone && r->at < entry->first + entry->count) {
        *ret = hr_batch_ref(entry->batches[r->at++ - entry->first].batch);
        input->taken++;
        if (!r->is_opener) r->member->shared_rows += (*ret)->sel_count;
        trim(input, entry);
        pthread_cond_broadcast(&all->changed);
    }
    pthread_mutex_unlock(&all->lock);
    return status;
}

/* A reader of its own from here on; what it has had is passed over. */
static hr_status go_alone(struct reader *r, struct hr_err *err)
{
    struct hr_inputs *all = r->member->all;
    pthread_mutex_lock(&all->lock);
    leave_entry(r);
    pthread_mutex_unlock(&all->lock);
    HR_TRY(r->source->vt->open_reader(r->source, r->split, &r->spec, &r->own, err));
    for (int64_t left = r->rows; left > 0;) {
        struct hr_batch *batch = NULL;
        HR_TRY(r->own->vt->next(r->own, &batch, err));
        if (!batch) return HR_BUG(err, "%s gave fewer rows the second time", r->split->description);
        uint32_t rows = batch->sel_count;
        if (rows > left) {
            r->pending = hr_batch_slice(batch, (uint32_t)left, rows - (uint32_t)left);
            if (!r->pending) HR_OOM(err);
        }
        hr_batch_unref(batch);
        if (rows > left && !r->pending) return err->code;
        left -= rows;
    }
    return HR_OK;
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct reader *r = HR_CONTAINER_OF(base, struct reader, base);
    *ret = NULL;
    if (!r->own && !r->entry) return HR_OK;
    bool alone = false;
    struct hr_batch *batch = NULL;
    if (!r->own) HR_TRY(next_shared(r, &batch, &alone, err));
    if (alone) HR_TRY(go_alone(r, err));
    if (r->pending) {
        *ret = r->pending;
        r->pending = NULL;
        return HR_OK;
    }
    if (r->own) return r->own->vt->next(r->own, ret, err);
    if (batch && r->indexes) {
        struct hr_batch *whole = batch;
        batch = hr_batch_project(whole, r->spec.schema, r->indexes);
        hr_batch_unref(whole);
        if (!batch) return HR_OOM(err);
    }
    if (batch) {
        r->rows += batch->sel_count;
    } else if (r->spec.malformed_rows) {
        atomic_fetch_add(r->spec.malformed_rows, atomic_load(&r->entry->malformed));
    }
    *ret = batch;
    return HR_OK;
}

static void reader_close(struct hr_scan_reader *base)
{
    struct reader *r = HR_CONTAINER_OF(base, struct reader, base);
    struct hr_inputs *all = r->member->all;
    if (r->own) r->own->vt->close(r->own);
    hr_batch_unref(r->pending);
    pthread_mutex_lock(&all->lock);
    leave_entry(r);
    pthread_mutex_unlock(&all->lock);
    hr_free(r->indexes);
    hr_free(r);
}

hr_status hr_input_open(struct hr_input_member *member, struct hr_source *source,
                        const struct hr_split *split, const struct hr_scan_spec *spec,
                        struct hr_scan_reader **ret, struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    /* What filters skip others may want, and damaged records are kept by each query for itself. */
    if (!split->key || spec->filter_count || spec->dead)
        return source->vt->open_reader(source, split, spec, ret, err);
    struct reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    *r = (struct reader){{&vt}, .member = member, .source = source, .split = split, .spec = *spec};
    pthread_mutex_lock(&member->all->lock);
    hr_status status = enter(member->all, member->input, r, err);
    bool shared = !status && r->entry;
    if (status) leave_entry(r);
    pthread_mutex_unlock(&member->all->lock);
    if (shared) {
        *ret = &r->base;
        return HR_OK;
    }
    hr_free(r->indexes);
    hr_free(r);
    return status ? status : source->vt->open_reader(source, split, spec, ret, err);
}
