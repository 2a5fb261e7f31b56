/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state of four tables against a dumb model: keyed rows with deadlines, ordered lists, lists
 * whose rows come to have later times, lists without times. Random changes and expiries by epoch;
 * epochs that fail between the delta and its commit; snapshots made of the log; slots that leave
 * memory and come back; another number of parts.
 */
#include "hr_test.h"
#include "state/state.h"
#include "state/timers.h"

#define KEYS   40u
#define ROWS   6000u
#define EPOCHS 40
#define TABLES 4

enum { T_DEADLINES, T_FIXED, T_MOVING, T_LISTS };

struct payload {
    int64_t time_us, serial;
};

struct model_row {
    uint32_t key, marks;
    int32_t weight;
    struct payload payload;
    bool alive;
};

struct model {
    struct model_row rows[TABLES][ROWS];
    uint32_t counts[TABLES];
    int64_t deadlines[KEYS]; /* of the keyed table; 0: no row */
};

struct run {
    struct hr_state *state;
    struct model *now, *before; /* before: as of the last commit */
    struct hr_buf log[EPOCHS * 20];
    uint32_t log_count;
    int64_t limit_us, serial;
    uint64_t seed;
};

static uint64_t roll(struct run *r, uint64_t n)
{
    return hr_splitmix64(&r->seed) % n;
}

static int64_t time_of(const void *arg, const uint8_t *payload, uint32_t len)
{
    struct payload p;
    (void)arg;
    HR_EXPECT_TRUE(len == sizeof p);
    memcpy(&p, payload, sizeof p);
    return p.time_us;
}

static hr_status new_state(uint32_t parts, struct hr_mem *mem, struct hr_state **ret)
{
    struct hr_err err;
    struct hr_state_args args = {
        .operator_name = "test",
        .table_count = TABLES,
        .tables = {{.value_bytes = 16, .has_deadline = true, .deadline_at = 8},
                   {.kind = HR_STATE_LISTS, .lists = {.ordered = true}},
                   {.kind = HR_STATE_LISTS, .lists = {.ordered = true, .time_of = time_of}},
                   {.kind = HR_STATE_LISTS}},
        .mem = mem,
        .part_count = parts};
    return hr_state_new(&args, ret, &err);
}

static uint64_t key_of(uint32_t key, char text[32], struct hr_string *ret)
{
    uint32_t len = (uint32_t)snprintf(text, 32, "key-%u%s", key, key % 3 ? "" : "-with-a-tail");
    *ret = hr_string_make(text, len);
    return hr_key_hash(text, len);
}

static struct hr_state_part *part_of(struct hr_state *state, uint64_t hash)
{
    return &state->parts[hr_key_partition(hash, state->part_count)];
}

/* The list's row with the serial number. */
static struct hr_lrow *find_row(struct hr_state *state, int table, const struct model_row *row)
{
    char text[32];
    struct hr_string key;
    uint64_t hash = key_of(row->key, text, &key);
    struct hr_lists *lists = hr_state_lists(part_of(state, hash), (uint32_t)table);
    struct hr_lkey *of;
    hr_lists_find(lists, &key, &hash, 1, &of);
    for (struct hr_lrow *at = hr_lists_first(lists, of); at; at = hr_lists_next(lists, at))
        if (memcmp(hr_lrow_payload(at) + 8, &row->payload.serial, 8) == 0) return at;
    return NULL;
}

static struct hr_lists *lists_of(struct hr_state *state, int table, uint32_t key)
{
    char text[32];
    struct hr_string view;
    return hr_state_lists(part_of(state, key_of(key, text, &view)), (uint32_t)table);
}

static void add_row(struct run *r, int table)
{
    char text[32];
    struct hr_err err;
    struct hr_string key;
    struct model *m = r->now;
    if (m->counts[table] == ROWS) return;
    struct model_row *row = &m->rows[table][m->counts[table]++];
    *row = (struct model_row){.key = (uint32_t)roll(r, KEYS), .weight = 1, .alive = true};
    /* some are due already, most within a second, some never */
    int64_t ahead = (int64_t)roll(r, 1000000) - 20000;
    bool never = table == T_FIXED && roll(r, 20) == 0;
    row->payload.time_us = never ? HR_LISTS_NEVER : r->limit_us + ahead;
    row->payload.serial = ++r->serial;
    uint64_t hash = key_of(row->key, text, &key);
    struct hr_str_view payload = {(char *)&row->payload, sizeof row->payload};
    struct hr_lrow *made;
    HR_ASSERT_OK(hr_lists_add(hr_state_lists(part_of(r->state, hash), (uint32_t)table), &key, &hash,
                              &payload, table == T_LISTS ? NULL : &row->payload.time_us, 1, &made,
                              &err));
    HR_EXPECT_EQ_I64(made->weight, 1);
}

static void change_row(struct run *r, int table)
{
    struct hr_err err;
    struct model *m = r->now;
    if (!m->counts[table]) return;
    struct model_row *row = &m->rows[table][roll(r, m->counts[table])];
    if (!row->alive) return;
    struct hr_lrow *at = find_row(r->state, table, row);
    struct hr_lists *lists = lists_of(r->state, table, row->key);
    HR_ASSERT_TRUE(at != NULL);
    if (roll(r, 3) == 0) {
        HR_ASSERT_OK(hr_lists_delete(lists, at, &err));
        row->alive = false;
        return;
    }
    row->marks = (uint32_t)roll(r, 4);
    row->weight = (int32_t)roll(r, 100) - 50;
    at->flags = (at->flags & (uint8_t)~HR_LROW_MARKS) | (uint8_t)row->marks;
    at->weight = row->weight;
    if (table == T_MOVING) {
        row->payload.time_us += (int64_t)roll(r, 300000);
        memcpy(hr_lrow_payload(at), &row->payload, sizeof row->payload);
    }
    HR_ASSERT_OK(hr_lists_touch(lists, at, table == T_MOVING, &err));
}

static void set_deadline(struct run *r)
{
    char text[32];
    struct hr_err err;
    struct hr_string key;
    uint32_t k = (uint32_t)roll(r, KEYS);
    uint64_t hash = key_of(k, text, &key);
    struct hr_state_part *part = part_of(r->state, hash);
    struct hr_ktable *table;
    uint8_t *row, is_new;
    HR_ASSERT_OK(hr_state_pane(part, T_DEADLINES, HR_PANE_NONE, &table, &err));
    HR_ASSERT_OK(hr_ktable_upsert(table, &key, &hash, 1, &row, &is_new, &err));
    HR_EXPECT_EQ_I64(is_new, r->now->deadlines[k] == 0);
    int64_t deadline_us = r->limit_us + 1 + (int64_t)roll(r, 500000);
    r->now->deadlines[k] = HR_MAX(r->now->deadlines[k], deadline_us);
    memcpy(row + 8, &r->now->deadlines[k], 8);
    if (is_new) HR_ASSERT_OK(hr_state_arm(part, T_DEADLINES, row, &err));
}

static void expire_list(struct run *r, int table)
{
    struct hr_err err;
    uint32_t count = 0, expected = 0;
    for (uint32_t i = 0; i < r->now->counts[table]; i++) {
        struct model_row *row = &r->now->rows[table][i];
        if (!row->alive || row->payload.time_us > r->limit_us) continue;
        row->alive = false;
        expected++;
    }
    for (uint32_t p = 0; p < r->state->part_count; p++) {
        struct hr_lists *lists = hr_state_lists(&r->state->parts[p], (uint32_t)table);
        struct hr_lrow **rows;
        uint32_t n;
        int64_t last_us = INT64_MIN;
        HR_ASSERT_OK(hr_lists_expire(lists, r->limit_us, &rows, &n, &err));
        for (uint32_t i = 0; i < n; i++) {
            struct payload payload;
            memcpy(&payload, hr_lrow_payload(rows[i]), sizeof payload);
            HR_EXPECT_TRUE(payload.time_us <= r->limit_us);
            if (table == T_FIXED) HR_EXPECT_TRUE(payload.time_us >= last_us);
            last_us = payload.time_us;
            struct hr_str_view key = hr_lists_key_bytes(lists, hr_lists_key_of(lists, rows[i]));
            HR_EXPECT_TRUE(key.len > 4 && memcmp(key.ptr, "key-", 4) == 0);
        }
        count += n;
    }
    HR_EXPECT_EQ_U64(count, expected);
}

static void expire_deadlines(struct run *r)
{
    struct hr_err err;
    uint32_t count = 0, expected = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        if (!r->now->deadlines[k] || r->now->deadlines[k] > r->limit_us) continue;
        r->now->deadlines[k] = 0;
        expected++;
    }
    for (uint32_t p = 0; p < r->state->part_count; p++) {
        struct hr_state_part *part = &r->state->parts[p];
        uint8_t **rows;
        uint32_t n;
        HR_ASSERT_OK(hr_state_due(part, T_DEADLINES, r->limit_us, &rows, &n, &err));
        for (uint32_t i = 0; i < n; i++)
            HR_ASSERT_OK(hr_ktable_delete(part->tables[T_DEADLINES].panes[0].table, rows[i], &err));
        count += n;
    }
    HR_EXPECT_EQ_U64(count, expected);
}

/* All of the model's rows are in the state, in the order in which they came, and nothing else. */
static void expect_lists(struct hr_state *state, const struct model *m, int table)
{
    uint64_t live = 0, there = 0;
    for (uint32_t p = 0; p < state->part_count; p++)
        there += hr_lists_row_count(hr_state_lists(&state->parts[p], (uint32_t)table));
    struct hr_lrow *last[KEYS] = {0};
    for (uint32_t i = 0; i < m->counts[table]; i++) {
        const struct model_row *row = &m->rows[table][i];
        if (!row->alive) continue;
        live++;
        struct hr_lists *lists = lists_of(state, table, row->key);
        char text[32];
        struct hr_string key;
        uint64_t hash = key_of(row->key, text, &key);
        struct hr_lkey *of;
        hr_lists_find(lists, &key, &hash, 1, &of);
        struct hr_lrow *before = last[row->key];
        struct hr_lrow *at = before ? hr_lists_next(lists, before) : hr_lists_first(lists, of);
        HR_ASSERT_TRUE(at != NULL);
        HR_EXPECT_EQ_I64(memcmp(hr_lrow_payload(at), &row->payload, sizeof row->payload), 0);
        HR_EXPECT_EQ_U64(at->flags & HR_LROW_MARKS, row->marks);
        HR_EXPECT_EQ_I64(at->weight, row->weight);
        last[row->key] = at;
    }
    HR_EXPECT_EQ_U64(there, live);
}

static void expect_model(struct hr_state *state, const struct model *m)
{
    for (int t = T_FIXED; t <= T_LISTS; t++) expect_lists(state, m, t);
    for (uint32_t k = 0; k < KEYS; k++) {
        char text[32];
        struct hr_string key;
        uint64_t hash = key_of(k, text, &key);
        struct hr_state_table *t = &part_of(state, hash)->tables[T_DEADLINES];
        uint8_t *row = NULL;
        if (t->pane_count) hr_ktable_find(t->panes[0].table, &key, &hash, 1, &row);
        HR_EXPECT_EQ_I64(row != NULL, m->deadlines[k] != 0);
        if (row) HR_EXPECT_EQ_I64(memcmp(row + 8, &m->deadlines[k], 8), 0);
    }
}

static void commit_all(struct hr_state *state)
{
    for (uint32_t p = 0; p < state->part_count; p++) hr_state_part_committed(&state->parts[p]);
}

static void load_log(struct run *r, struct hr_state *into)
{
    struct hr_err err;
    for (uint32_t i = 0; i < r->log_count; i++) {
        HR_ASSERT_OK(hr_state_load(into, hr_svn(r->log[i].ptr, r->log[i].len), &err));
        commit_all(into);
    }
}

static void drop_log(struct run *r)
{
    for (uint32_t i = 0; i < r->log_count; i++) hr_buf_done(&r->log[i]);
    r->log_count = 0;
}

/* The log becomes one snapshot, made of it in pieces of slots and away from the state. */
static void compact(struct run *r)
{
    struct hr_err err;
    struct hr_buf pieces[8];
    uint32_t count = 0, step = 1 + (uint32_t)roll(r, 100);
    for (uint32_t first = 0, slots; first < HR_SLOT_COUNT; first += slots) {
        /* the last of eight takes the rest: the log has room for so many */
        slots = count == 7 ? HR_SLOT_COUNT : HR_MIN(step, HR_SLOT_COUNT);
        slots = HR_MIN(slots, HR_SLOT_COUNT - first);
        struct hr_state *some = NULL;
        HR_ASSERT_OK(new_state(1, NULL, &some));
        for (uint32_t i = 0; i < r->log_count; i++) {
            HR_ASSERT_OK(hr_state_load_slots(some, hr_svn(r->log[i].ptr, r->log[i].len), first,
                                             slots, &err));
            commit_all(some);
        }
        hr_buf_init(&pieces[count], 0);
        HR_ASSERT_OK(hr_state_put_slots(some, first, slots, &pieces[count++], &err));
        hr_state_free(some);
    }
    drop_log(r);
    memcpy(r->log, pieces, count * sizeof *pieces);
    r->log_count = count;
}

/* A slot leaves memory and comes back. */
static void swap_slot(struct run *r)
{
    struct hr_err err;
    struct hr_buf out;
    uint32_t slot = (uint32_t)roll(r, HR_SLOT_COUNT);
    hr_buf_init(&out, 0);
    HR_ASSERT_OK(hr_state_put_slots(r->state, slot, 1, &out, &err));
    hr_state_drop_slot(r->state, slot);
    HR_ASSERT_OK(hr_state_load(r->state, hr_svn(out.ptr, out.len), &err));
    commit_all(r->state);
    hr_buf_done(&out);
}

static void epoch(struct run *r)
{
    struct hr_err err;
    uint32_t ops = (uint32_t)roll(r, 150);
    for (uint32_t i = 0; i < ops; i++) {
        int table = T_FIXED + (int)roll(r, 3);
        switch (roll(r, 5)) {
        case 0: change_row(r, table); break;
        case 1: set_deadline(r); break;
        default: add_row(r, table);
        }
    }
    if (roll(r, 4)) r->limit_us += (int64_t)roll(r, 200000);
    if (roll(r, 2)) {
        expire_list(r, T_FIXED);
        expire_list(r, T_MOVING);
        expire_deadlines(r);
    }
    for (uint32_t p = 0; p < r->state->part_count; p++) {
        struct hr_buf *delta = &r->log[r->log_count];
        hr_buf_init(delta, 0);
        HR_ASSERT_OK(hr_state_part_delta(&r->state->parts[p], false, delta, &err));
        if (hr_state_part_is_dirty(&r->state->parts[p]))
            r->log_count++;
        else
            hr_buf_done(delta);
    }
    commit_all(r->state);
}

static void run(uint64_t seed, uint32_t parts, uint32_t restored_parts)
{
    static struct model models[2];
    static struct run r;
    struct hr_err err;
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "test", NULL, 0);
    memset(models, 0, sizeof models);
    r = (struct run){.now = &models[0], .before = &models[1], .seed = seed, .limit_us = 1000000};
    HR_ASSERT_OK(new_state(parts, &mem, &r.state));
    for (int e = 0; e < EPOCHS; e++) {
        uint32_t committed = r.log_count;
        int64_t limit_us = r.limit_us;
        epoch(&r);
        if (roll(&r, 8) == 0) { /* the delta was written, its commit was not */
            while (r.log_count > committed) hr_buf_done(&r.log[--r.log_count]);
            *r.now = *r.before;
            r.limit_us = limit_us;
            HR_ASSERT_OK(hr_state_clear(r.state, &err));
            load_log(&r, r.state);
        }
        *r.before = *r.now;
        if (roll(&r, 6) == 0) swap_slot(&r);
        if (r.log_count > (EPOCHS - 2) * 10 || roll(&r, 9) == 0) compact(&r);
        if (roll(&r, 5) == 0) expect_model(r.state, r.now);
    }
    struct hr_state *other = NULL;
    HR_ASSERT_OK(new_state(restored_parts, &mem, &other));
    load_log(&r, other);
    expect_model(r.state, r.now);
    expect_model(other, r.now);
    HR_EXPECT_EQ_I64(hr_state_rows(other), hr_state_rows(r.state));
    hr_state_free(r.state);
    r.state = other; /* what was restored goes on as well: times, numbers and deadlines are there */
    r.limit_us += 400000;
    expire_list(&r, T_FIXED);
    expire_list(&r, T_MOVING);
    expire_deadlines(&r);
    expect_model(other, r.now);
    hr_state_free(other);
    HR_EXPECT_EQ_I64(atomic_load(&mem.used_bytes), 0);
    drop_log(&r);
}

HR_TEST(tables_of_every_kind_follow_the_model)
{
    for (uint64_t seed = 1; seed <= 12; seed++) run(seed, 1, 1);
}

HR_TEST(another_number_of_parts_restores_every_kind)
{
    for (uint64_t seed = 100; seed < 106; seed++) {
        run(seed, 4, 1);
        run(seed, 1, 7);
        run(seed, 3, 8);
    }
}

HR_TEST(timers_fire_once_in_order_and_can_be_taken_back)
{
    struct hr_err err;
    struct hr_lists *timers = NULL;
    struct hr_lists_options options = {.ordered = true};
    HR_ASSERT_OK(hr_lists_new(&options, &timers, &err));
    struct hr_string key = hr_string_make("k", 1), other = hr_string_make("other", 5);
    uint64_t hash = hr_key_hash("k", 1), other_hash = hr_key_hash("other", 5);
    int64_t times[] = {50, 10, 30, 10, 20};
    for (uint32_t i = 0; i < HR_COUNT(times); i++)
        HR_ASSERT_OK(hr_timers_set(timers, &key, hash, times[i], &err));
    HR_EXPECT_EQ_U64(hr_lists_row_count(timers), 4); /* 10 was set already */
    HR_ASSERT_OK(hr_timers_set(timers, &other, other_hash, 25, &err));
    HR_ASSERT_OK(hr_timers_delete(timers, &key, hash, 20, &err));
    HR_ASSERT_OK(hr_timers_delete(timers, &key, hash, 21, &err)); /* there is none */
    struct hr_lrow **fired;
    uint32_t count;
    HR_ASSERT_OK(hr_timers_fire(timers, 30, &fired, &count, &err));
    HR_ASSERT_TRUE(count == 3);
    HR_EXPECT_EQ_I64(hr_timer_time(fired[0]), 10);
    HR_EXPECT_EQ_I64(hr_timer_time(fired[1]), 25);
    HR_EXPECT_EQ_I64(hr_timer_time(fired[2]), 30);
    hr_lists_end_epoch(timers);
    HR_ASSERT_OK(hr_timers_set(timers, &key, hash, 5, &err)); /* behind the time: due at once */
    HR_ASSERT_OK(hr_timers_fire(timers, 30, &fired, &count, &err));
    HR_ASSERT_TRUE(count == 1);
    HR_EXPECT_EQ_I64(hr_timer_time(fired[0]), 5);
    HR_EXPECT_EQ_U64(hr_lists_key_count(timers), 1);
    hr_lists_free(timers);
}

HR_TEST(a_row_of_an_ordered_list_costs_little_beside_its_payload)
{
    struct hr_err err;
    struct hr_lists *lists = NULL;
    struct hr_lists_options options = {.ordered = true};
    HR_ASSERT_OK(hr_lists_new(&options, &lists, &err));
    enum { KEY_COUNT = 4000, ROW_COUNT = 400000, PAYLOAD = 32 };
    char payload[PAYLOAD] = {0};
    struct hr_str_view view = {payload, PAYLOAD};
    int64_t keys_alone = 0;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        uint64_t n = i % KEY_COUNT;
        struct hr_string key = hr_string_make((char *)&n, 8);
        uint64_t hash = hr_key_hash(&n, 8);
        int64_t time_us = (int64_t)i * 100;
        HR_ASSERT_OK(hr_lists_add(lists, &key, &hash, &view, &time_us, 1, NULL, &err));
        if (i % 1000 == 999) hr_lists_end_epoch(lists);
        if (i == KEY_COUNT - 1) keys_alone = hr_lists_bytes(lists);
    }
    hr_lists_end_epoch(lists);
    int64_t each = (hr_lists_bytes(lists) - keys_alone) / (ROW_COUNT - KEY_COUNT) - PAYLOAD;
    HR_EXPECT_TRUE(each <= 48); /* 36 in use; the rest is what chunks and arrays have spare */
    HR_EXPECT_TRUE(sizeof(struct hr_lrow) + sizeof(struct hr_times_entry) <= 40);
    hr_lists_free(lists);
}

HR_TEST(rows_that_expire_give_their_memory_back)
{
    struct hr_err err;
    struct hr_lists *lists = NULL;
    struct hr_lists_options options = {.ordered = true};
    HR_ASSERT_OK(hr_lists_new(&options, &lists, &err));
    enum { ROW_COUNT = 200000, STEP = 1000 };
    char payload[100] = {0};
    struct hr_str_view view = {payload, sizeof payload};
    struct hr_lrow **rows;
    uint32_t count;
    int64_t full = 0;
    for (uint64_t i = 0; i < ROW_COUNT; i++) {
        uint64_t n = i % 500;
        struct hr_string key = hr_string_make((char *)&n, 8);
        uint64_t hash = hr_key_hash(&n, 8);
        int64_t time_us = (int64_t)i;
        HR_ASSERT_OK(hr_lists_add(lists, &key, &hash, &view, &time_us, 1, NULL, &err));
        if (i % STEP == STEP - 1) hr_lists_end_epoch(lists);
    }
    full = hr_lists_bytes(lists);
    for (int64_t limit_us = STEP; limit_us <= ROW_COUNT; limit_us += STEP) {
        HR_ASSERT_OK(hr_lists_expire(lists, limit_us, &rows, &count, &err));
        hr_lists_end_epoch(lists);
        if (limit_us == ROW_COUNT / 2) HR_EXPECT_TRUE(hr_lists_bytes(lists) < full * 7 / 10);
    }
    HR_EXPECT_EQ_U64(hr_lists_row_count(lists), 0);
    HR_EXPECT_TRUE(hr_lists_bytes(lists) < full / 5);
    /* and is there for rows to come */
    uint64_t n = 7;
    struct hr_string key = hr_string_make((char *)&n, 8);
    uint64_t hash = hr_key_hash(&n, 8);
    int64_t time_us = ROW_COUNT + 1;
    HR_ASSERT_OK(hr_lists_add(lists, &key, &hash, &view, &time_us, 1, NULL, &err));
    HR_EXPECT_EQ_U64(hr_lists_row_count(lists), 1);
    hr_lists_free(lists);
}

HR_TEST(a_budget_names_operator_and_query)
{
    struct hr_err err;
    struct hr_state *state = NULL;
    struct hr_state_args args = {.id = 3,
                                 .operator_name = "join",
                                 .query_name = "clicks",
                                 .table_count = 1,
                                 .tables = {{.kind = HR_STATE_LISTS}},
                                 .budget_bytes = 1 << 20,
                                 .budget_setting = "the.setting",
                                 .part_count = 1};
    HR_ASSERT_OK(hr_state_new(&args, &state, &err));
    char payload[1000] = {0};
    struct hr_str_view view = {payload, sizeof payload};
    hr_status status = HR_OK;
    for (uint64_t i = 0; i < 5000 && status == HR_OK; i++) {
        struct hr_string key = hr_string_make((char *)&i, 8);
        uint64_t hash = hr_key_hash(&i, 8);
        status = hr_lists_add(hr_state_lists(&state->parts[0], 0), &key, &hash, &view, NULL, 1,
                              NULL, &err);
    }
    HR_EXPECT_EQ_I64(status, HR_E_MEMORY_LIMIT);
    HR_EXPECT_TRUE(strstr(err.msg, "join") && strstr(err.msg, "clicks"));
    HR_EXPECT_TRUE(strstr(err.msg, "1048576") && strstr(err.msg, "the.setting"));
    HR_EXPECT_TRUE(hr_state_bytes(state) <= 1 << 20);
    hr_state_free(state);
}

/* Deltas are foreign bytes: whatever is in them, loading ends, well or with an error. */
HR_TEST(a_damaged_delta_never_crashes)
{
    static struct model models[2];
    static struct run r;
    struct hr_err err;
    memset(models, 0, sizeof models);
    r = (struct run){.now = &models[0], .before = &models[1], .seed = 7, .limit_us = 1000000};
    HR_ASSERT_OK(new_state(2, NULL, &r.state));
    for (int e = 0; e < 6; e++) epoch(&r);
    uint64_t refused = 0, tried = 0;
    for (uint32_t l = 0; l < r.log_count; l++) {
        for (size_t i = 0; i < r.log[l].len; i += 1 + i / 200) {
            char was = r.log[l].ptr[i];
            r.log[l].ptr[i] ^= (char)(1 << roll(&r, 8));
            struct hr_state *into = NULL;
            HR_ASSERT_OK(new_state(3, NULL, &into));
            hr_status status = HR_OK;
            for (uint32_t k = 0; k <= l && status == HR_OK; k++) {
                status = hr_state_load(into, hr_svn(r.log[k].ptr, r.log[k].len), &err);
                commit_all(into);
            }
            tried++;
            refused += status != HR_OK;
            hr_state_free(into);
            r.log[l].ptr[i] = was;
        }
    }
    HR_EXPECT_TRUE(tried > 5 && refused > 0);
    hr_state_free(r.state);
    drop_log(&r);
}
