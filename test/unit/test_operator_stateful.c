/* SPDX-License-Identifier: Apache-2.0 */
/* What stateful operators share: watermarks by node, the late filter, keys among several parts. */
#include "hr_test.h"
#include "operator/stateful.h"

static int64_t ten_less(const struct hr_pnode *node, int64_t input_us)
{
    (void)node;
    return input_us - 10;
}

static const struct hr_operator_vt plain = {.name = "plain"},
                                   keeps = {.name = "keeps", .output_watermark = ten_less};

/*
 *   aggregate#0 ── union ─┬─ dedup#1 ── join#2 (keeps 10 longer) ── leaf
 *                         └─ aggregate#3 ── leaf
 */
static void propagate(int64_t late_us, int64_t evict_us, struct hr_node_time times[4])
{
    struct hr_pnode leaf = {.vt = &plain, .state_id = -1};
    struct hr_pnode *leaves[] = {&leaf};
    struct hr_pnode join = {.vt = &keeps, .state_id = 2, .children = leaves, .child_count = 1};
    struct hr_pnode *joins[] = {&join};
    struct hr_pnode dedup = {.vt = &plain, .state_id = 1, .children = joins, .child_count = 1};
    struct hr_pnode other = {.vt = &plain, .state_id = 3, .children = leaves, .child_count = 1};
    struct hr_pnode *both[] = {&dedup, &other};
    struct hr_pnode all = {.vt = &plain, .state_id = -1, .children = both, .child_count = 2};
    struct hr_pnode *unions[] = {&all};
    struct hr_pnode top = {.vt = &plain, .state_id = 0, .children = unions, .child_count = 1};
    struct hr_exec exec = {.late_watermark_us = late_us,
                           .evict_watermark_us = evict_us,
                           .node_times = times,
                           .state_count = 4};
    hr_stateful_propagate(&top, &exec);
}

HR_TEST(a_node_has_the_least_watermark_of_its_inputs)
{
    struct hr_node_time times[4];
    propagate(100, 130, times);
    static const int64_t late[] = {90, 90, 100, 100}, evict[] = {120, 120, 130, 130};
    for (int i = 0; i < 4; i++) {
        HR_EXPECT_EQ_I64(times[i].late_us, late[i]);
        HR_EXPECT_EQ_I64(times[i].evict_us, evict[i]);
    }
}

HR_TEST(without_a_watermark_no_node_has_one)
{
    struct hr_node_time times[4];
    propagate(INT64_MIN, 130, times);
    for (int i = 0; i < 4; i++) HR_EXPECT_EQ_I64(times[i].late_us, INT64_MIN);
    HR_EXPECT_EQ_I64(times[0].evict_us, 120);
    propagate(INT64_MIN, INT64_MIN, times);
    for (int i = 0; i < 4; i++) HR_EXPECT_EQ_I64(times[i].evict_us, INT64_MIN);
}

HR_TEST(late_rows_go_and_are_counted)
{
    struct hr_state *state = NULL;
    struct hr_err err;
    struct hr_state_args args = {
        .operator_name = "test", .tables = {{.value_bytes = 8}}, .part_count = 3};
    HR_ASSERT_OK(hr_state_new(&args, &state, &err));
    struct hr_stateful s = {.parts = state->parts, .part_count = 3, .late_us = 20, .evict_us = 30};
    int64_t values[] = {19, 20, 21, 0, 40}, times[5];
    uint64_t validity = 0x17; /* row 3 is NULL */
    static const struct hr_type timestamp = {.id = HR_T_TIMESTAMP};
    struct hr_vector time = {
        .col = {.type = &timestamp, .length = 5, .values = values, .validity = &validity}};
    uint32_t rows[] = {0, 1, 2, 3, 4};
    HR_EXPECT_EQ_U64(hr_stateful_drop_late(&s, &time, rows, times, 5), 3);
    HR_EXPECT_EQ_U64(rows[0], 2);
    HR_EXPECT_EQ_U64(rows[1], 3);
    HR_EXPECT_EQ_I64(times[1], HR_TIME_NONE); /* never late */
    HR_EXPECT_EQ_U64(rows[2], 4);
    struct hr_stateful_figures figures;
    hr_stateful_figures(state, &figures);
    HR_EXPECT_EQ_I64(figures.rows_late, 2);
    HR_EXPECT_EQ_U64(hr_stateful_drop_late(&s, NULL, rows, times, 3), 3);
    HR_EXPECT_TRUE(hr_stateful_moved(&s));
    hr_state_free(state);
}
