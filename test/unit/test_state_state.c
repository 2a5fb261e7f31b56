/* SPDX-License-Identifier: Apache-2.0 */
/* State against a dumb model: random upserts, drops, commits; restored from deltas at random points
 * into another number of parts, and compared value by value. */
#include "hr_test.h"
#include "state/state.h"

#define KEYS   200
#define PANES  4
#define EPOCHS 60

/* model[pane][key]: the value, or -1 */
struct model {
    int64_t value[PANES][KEYS];
};

static hr_status new_state(uint32_t parts, struct hr_state **ret)
{
    struct hr_err err;
    struct hr_state_args args = {
        .id = 0, .operator_name = "test", .tables = {{.value_bytes = 8}}, .part_count = parts};
    return hr_state_new(&args, ret, &err);
}

static uint8_t *upsert(struct hr_state *state, int64_t pane, uint32_t key)
{
    char text[32];
    struct hr_err err;
    uint32_t len = (uint32_t)snprintf(text, sizeof text, "key-number-%u", key);
    uint64_t hash = hr_key_hash(text, len);
    struct hr_string view = hr_string_make(text, len);
    struct hr_ktable *table;
    struct hr_state_part *part = &state->parts[hr_key_partition(hash, state->part_count)];
    uint8_t *row = NULL;
    if (hr_state_pane(part, 0, pane, &table, &err) ||
        hr_ktable_upsert(table, &view, &hash, 1, &row, NULL, &err))
        return NULL;
    return row;
}

static void expect_model(struct hr_state *state, const struct model *model)
{
    int64_t live = 0;
    for (int p = 0; p < PANES; p++) {
        for (uint32_t k = 0; k < KEYS; k++) live += model->value[p][k] >= 0;
    }
    HR_EXPECT_EQ_I64(hr_state_rows(state), live);
    for (int p = 0; p < PANES; p++) {
        for (uint32_t k = 0; k < KEYS; k++) {
            if (model->value[p][k] < 0) continue;
            uint8_t *row = upsert(state, p, k);
            int64_t value;
            HR_ASSERT_TRUE(row != NULL);
            memcpy(&value, row, 8);
            HR_EXPECT_EQ_I64(value, model->value[p][k]);
        }
    }
}

static void change(struct hr_state *state, struct model *model, uint64_t *seed)
{
    uint32_t ops = (uint32_t)(hr_splitmix64(seed) % 80);
    for (uint32_t i = 0; i < ops; i++) {
        uint32_t key = (uint32_t)(hr_splitmix64(seed) % KEYS);
        int64_t pane = (int64_t)(hr_splitmix64(seed) % PANES);
        int64_t value = (int64_t)(hr_splitmix64(seed) >> 1);
        uint8_t *row = upsert(state, pane, key);
        HR_ASSERT_TRUE(row != NULL);
        memcpy(row, &value, 8);
        model->value[pane][key] = value;
    }
    if (hr_splitmix64(seed) % 4 != 0) return;
    struct hr_err err;
    int64_t oldest =
        INT64_MAX; /* every part drops the panes up to one pane id, as a watermark does */
    for (uint32_t p = 0; p < state->part_count; p++) {
        struct hr_pane *pane = hr_state_oldest_pane(&state->parts[p], 0, INT64_MAX);
        if (pane) oldest = HR_MIN(oldest, pane->id);
    }
    for (uint32_t p = 0; p < state->part_count; p++) {
        while (hr_state_oldest_pane(&state->parts[p], 0, oldest))
            HR_EXPECT_OK(hr_state_drop_oldest(&state->parts[p], 0, &err));
    }
    for (uint32_t k = 0; k < KEYS && oldest < PANES; k++) model->value[oldest][k] = -1;
}

static void run(uint64_t seed, uint32_t parts, uint32_t restored_parts)
{
    struct hr_state *state = NULL, *other = NULL;
    struct hr_err err;
    HR_ASSERT_OK(new_state(parts, &state));
    struct model model;
    memset(&model, 0xff, sizeof model);
    struct hr_buf deltas[EPOCHS * 8];
    uint32_t count = 0;
    for (int e = 0; e < EPOCHS; e++) {
        change(state, &model, &seed);
        bool snapshot = hr_splitmix64(&seed) % 10 == 0;
        if (snapshot) {
            for (uint32_t i = 0; i < count; i++) hr_buf_done(&deltas[i]);
            count = 0;
        }
        for (uint32_t p = 0; p < parts; p++) {
            hr_buf_init(&deltas[count], 0);
            HR_ASSERT_OK(hr_state_part_delta(&state->parts[p], snapshot, &deltas[count++], &err));
            hr_state_part_committed(&state->parts[p]);
        }
    }
    HR_ASSERT_OK(new_state(restored_parts, &other));
    for (uint32_t i = 0; i < count; i++) {
        HR_ASSERT_OK(hr_state_load(other, hr_svn(deltas[i].ptr, deltas[i].len), &err));
        for (uint32_t p = 0; p < restored_parts; p++) hr_state_part_committed(&other->parts[p]);
    }
    expect_model(state, &model);
    expect_model(other, &model);
    if (count) { /* a cut delta is refused, not believed */
        struct hr_state *cut = NULL;
        HR_ASSERT_OK(new_state(1, &cut));
        if (deltas[0].len > 8)
            HR_EXPECT_EQ_I64(hr_state_load(cut, hr_svn(deltas[0].ptr, deltas[0].len - 1), &err),
                             HR_E_CHECKPOINT_CORRUPT);
        hr_state_free(cut);
    }
    for (uint32_t i = 0; i < count; i++) hr_buf_done(&deltas[i]);
    hr_state_free(state);
    hr_state_free(other);
}

HR_TEST(deltas_and_snapshots_restore_the_model)
{
    for (uint64_t seed = 1; seed <= 20; seed++) run(seed, 1, 1);
}

HR_TEST(another_number_of_parts_restores_the_same)
{
    for (uint64_t seed = 100; seed < 110; seed++) {
        run(seed, 4, 1);
        run(seed, 1, 7);
        run(seed, 3, 8);
    }
}

/* Deltas and snapshots slot by slot as one log: any end of it that has a whole round of snapshots
 * restores the model. */
static void run_log(uint64_t seed, uint32_t parts, uint32_t restored_parts)
{
    struct hr_state *state = NULL, *other = NULL;
    struct hr_err err;
    struct model model;
    struct hr_buf log[EPOCHS * 9];
    uint32_t count = 0, slot = 0, begun = 0, from = 0, scratch_rows = 0;
    memset(&model, 0xff, sizeof model);
    HR_ASSERT_OK(new_state(parts, &state));
    for (int e = 0; e < EPOCHS; e++) {
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t key = (uint32_t)(hr_splitmix64(&seed) % KEYS);
            int64_t value = (int64_t)(hr_splitmix64(&seed) >> 1);
            uint8_t *row = upsert(state, 0, key);
            HR_ASSERT_TRUE(row != NULL);
            memcpy(row, &value, 8);
            model.value[0][key] = value;
            if (value % 3) continue;
            struct hr_ktable *table;
            struct hr_str_view name = hr_svn((char *)row + 8, hr_krow_of(row)->key_len);
            uint32_t part = hr_key_partition(hr_key_hash(name.ptr, name.len), parts);
            HR_ASSERT_OK(hr_state_pane(&state->parts[part], 0, 0, &table, &err));
            HR_ASSERT_OK(hr_ktable_delete(table, row, &err));
            model.value[0][key] = -1;
        }
        for (uint32_t p = 0; p < parts; p++) {
            hr_buf_init(&log[count], 0);
            HR_ASSERT_OK(hr_state_part_delta(&state->parts[p], false, &log[count], &err));
            scratch_rows += (uint32_t)hr_state_delta_rows(hr_svn(log[count].ptr, log[count].len));
            hr_state_part_committed(&state->parts[p]);
            count++;
        }
        if (slot == 0) begun = count;
        uint32_t slots = 1 + (uint32_t)(hr_splitmix64(&seed) % 60);
        slots = HR_MIN(HR_SLOT_COUNT - slot, slots);
        hr_buf_init(&log[count], 0);
        HR_ASSERT_OK(hr_state_put_slots(state, slot, slots, &log[count++], &err));
        slot = (slot + slots) % HR_SLOT_COUNT;
        if (slot == 0) from = begun;
    }
    HR_EXPECT_TRUE(from > 0);
    HR_EXPECT_TRUE(scratch_rows > EPOCHS * 10);
    HR_ASSERT_OK(new_state(restored_parts, &other));
    for (uint32_t i = from; i < count; i++) {
        HR_ASSERT_OK(hr_state_load(other, hr_svn(log[i].ptr, log[i].len), &err));
        for (uint32_t p = 0; p < restored_parts; p++) hr_state_part_committed(&other->parts[p]);
    }
    expect_model(state, &model);
    expect_model(other, &model);
    for (uint32_t i = 0; i < count; i++) hr_buf_done(&log[i]);
    hr_state_free(state);
    hr_state_free(other);
}

HR_TEST(snapshots_in_pieces_restore_the_model)
{
    for (uint64_t seed = 200; seed < 210; seed++) {
        run_log(seed, 1, 1);
        run_log(seed, 8, 3);
        run_log(seed, 3, 8);
    }
}

/* Version 1 had one keyed table and no slots in its head. */
HR_TEST(a_delta_of_version_1_is_read)
{
    struct hr_state *state = NULL;
    struct hr_err err;
    struct hr_buf old;
    int64_t value = 77;
    hr_buf_init(&old, 0);
    hr_buf_put_u8(&old, 1); /* version */
    hr_buf_put_u8(&old, 0); /* not full */
    hr_buf_put_varint(&old, sizeof value);
    hr_buf_put_varint(&old, 0); /* panes dropped */
    hr_buf_put_varint(&old, 1);
    hr_buf_put_u64(&old, 3);
    hr_buf_put_varint(&old, 1);
    hr_buf_put_u8(&old, 1);
    hr_buf_put_bytes(&old, "key-number-5", 12);
    hr_buf_append(&old, &value, sizeof value);
    HR_ASSERT_OK(new_state(4, &state));
    HR_ASSERT_OK(hr_state_load(state, hr_svn(old.ptr, old.len), &err));
    HR_EXPECT_EQ_I64(hr_state_rows(state), 1);
    uint8_t *row = upsert(state, 3, 5);
    HR_ASSERT_TRUE(row != NULL);
    HR_EXPECT_EQ_I64(memcmp(row, &value, sizeof value), 0);
    old.ptr[0] = 9; /* of a later program */
    HR_EXPECT_EQ_I64(hr_state_load(state, hr_svn(old.ptr, old.len), &err),
                     HR_E_CHECKPOINT_CORRUPT);
    HR_EXPECT_TRUE(strstr(err.msg, "version") != NULL);
    hr_buf_done(&old);
    hr_state_free(state);
}
