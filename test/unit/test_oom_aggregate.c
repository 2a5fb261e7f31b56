/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans built by hand and run whole: an aggregation (inline, and in stages over a shuffle), a join
 * and
 * a sort, with the k-th allocation failing until a run is clean. An error is an error, nothing
 * leaks,
 * the clean run has the right answer.
 */
#include "base/fault.h"
#include "hr_test.h"
#include "operator/aggregate.h"
#include "operator/exchange.h"
#include "operator/hash_join.h"
#include "operator/range.h"
#include "operator/sort.h"
#include "rdd/rdd.h"

struct plan {
    struct hr_arena arena;
    struct hr_conf conf;
    struct hr_range_pnode range, second;
    struct hr_exchange_pnode exchange;
    struct hr_pnode *top;
    struct hr_aggregate_pnode aggregate;
    struct hr_join_pnode join;
    struct hr_sort_pnode sort;
    struct hr_pnode *child_of_exchange[1], *children_of_top[2];
};

static struct hr_expr *column(struct plan *p, uint32_t ordinal)
{
    return hr_expr_column(&p->arena, hr_type(HR_T_LONG), ordinal, true);
}

/* %, over a column and a literal. */
static hr_status modulo(struct plan *p, int64_t by, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *args[2] = {column(p, 0), hr_expr_int(&p->arena, hr_type(HR_T_LONG), by)};
    if (!args[0] || !args[1]) return HR_OOM(err);
    *ret = hr_expr_call(&p->arena, "%", args, 2);
    if (!*ret) return HR_OOM(err);
    return hr_expr_resolve_node(&p->arena, &p->conf, *ret, err);
}

static hr_status plan_init(struct plan *p, int64_t rows, struct hr_err *err)
{
    memset(p, 0, sizeof *p);
    hr_arena_init(&p->arena, NULL);
    p->conf =
        (struct hr_conf){.ansi = true, .batch_rows = 256, .shuffle_partitions = 3, .threads = 1};
    const struct hr_type *schema =
        hr_type_struct((struct hr_field[]){{"id", hr_type(HR_T_LONG), true}}, 1);
    if (!schema) return HR_OOM(err);
    p->range = (struct hr_range_pnode){
        .node = {.vt = &hr_op_range, .schema = schema}, .end = rows, .step = 1};
    p->second = p->range;
    return HR_OK;
}

/* emit comes from several task threads */
static pthread_mutex_t answer_lock = PTHREAD_MUTEX_INITIALIZER;

/* The thread sanitizer is there for the threads, and slow: some of the allocations will do. */
#ifdef __SANITIZE_THREAD__
#define STEP 9
#else
#define STEP 1
#endif

struct answer {
    int64_t rows, sum;
    int64_t last;
    bool ascending;
};

static hr_status take(struct hr_exec *exec, uint32_t partition, uint32_t attempt,
                      struct hr_batch *batch, struct hr_err *err)
{
    struct answer *a = exec->emit_arg;
    (void)partition, (void)attempt, (void)err;
    const struct hr_column *col = &batch->columns[0];
    pthread_mutex_lock(&answer_lock);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        int64_t v = hr_column_valid(col, row) ? ((const int64_t *)col->values)[row] : -1;
        a->ascending = a->ascending && (a->rows == 0 || v >= a->last);
        a->last = v;
        a->rows++;
        a->sum += v;
    }
    pthread_mutex_unlock(&answer_lock);
    return HR_OK;
}

static hr_status run_plan(struct plan *p, struct hr_scheduler *scheduler, struct answer *answer,
                          struct hr_err *err)
{
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "query", "headrace.memory", 0);
    struct hr_exec exec = {.env = hr_env_default(),
                           .conf = &p->conf,
                           .mem = &mem,
                           .epoch = -1,
                           .emit = take,
                           .emit_arg = answer,
                           .scheduler = scheduler};
    *answer = (struct answer){.ascending = true};
    hr_status status = hr_exec_run(p->top, &exec, err);
    HR_EXPECT_EQ_I64(atomic_load(&mem.used_bytes), 0);
    return status;
}

/* SELECT DISTINCT id % 7 FROM range(rows) WHERE … over [exchange] */
static hr_status group_plan(struct plan *p, bool staged, struct hr_err *err)
{
    HR_TRY(plan_init(p, staged ? 40000 : 2000, err));
    struct hr_expr **keys = HR_NEW_ARRAY(&p->arena, struct hr_expr *, 1);
    if (!keys) return HR_OOM(err);
    HR_TRY(modulo(p, 7, &keys[0], err));
    struct hr_pnode *below = &p->range.node;
    p->aggregate = (struct hr_aggregate_pnode){.node = {.vt = &hr_op_hash_aggregate,
                                                        .schema = p->range.node.schema,
                                                        .exprs = keys,
                                                        .expr_count = 1,
                                                        .children = p->children_of_top,
                                                        .child_count = 1},
                                               .key_count = 1,
                                               .mode = HR_AGG_COMPLETE};
    p->top = &p->aggregate.node;
    HR_TRY(hr_program_compile(&p->arena, &p->conf, keys, 1, &p->top->program, err));
    if (staged) {
        p->conf.threads = 2;
        p->exchange = (struct hr_exchange_pnode){.node = {.vt = &hr_op_exchange,
                                                          .schema = p->range.node.schema,
                                                          .exprs = keys,
                                                          .expr_count = 1,
                                                          .program = p->top->program,
                                                          .children = p->child_of_exchange,
                                                          .child_count = 1},
                                                 .dist = HR_DIST_HASH,
                                                 .partition_count = 3};
        p->child_of_exchange[0] = below;
        below = &p->exchange.node;
    }
    p->children_of_top[0] = below;
    return HR_OK;
}

/* id = id of two ranges, then the answer is the left rows. */
static hr_status join_plan(struct plan *p, struct hr_err *err)
{
    HR_TRY(plan_init(p, 1500, err));
    p->second.end = 1000;
    struct hr_expr *key = column(p, 0);
    const struct hr_type *pair = hr_type_struct(
        (struct hr_field[]){{"a", hr_type(HR_T_LONG), true}, {"b", hr_type(HR_T_LONG), true}}, 2);
    if (!key || !pair) return HR_OOM(err);
    p->join = (struct hr_join_pnode){.node = {.vt = &hr_op_hash_join,
                                              .schema = pair,
                                              .children = p->children_of_top,
                                              .child_count = 2},
                                     .kind = HR_PJOIN_LEFT,
                                     .key_count = 1};
    p->top = &p->join.node;
    HR_TRY(hr_program_compile(&p->arena, &p->conf, &key, 1, &p->join.left_keys, err));
    p->join.right_keys = p->join.left_keys;
    p->children_of_top[0] = &p->range.node;
    p->children_of_top[1] = &p->second.node;
    return HR_OK;
}

static hr_status sort_plan(struct plan *p, struct hr_err *err)
{
    static bool no = false, yes = true;
    HR_TRY(plan_init(p, 1000, err));
    p->range.start = 1000;
    p->range.end = 0;
    p->range.step = -1;
    struct hr_expr **keys = HR_NEW_ARRAY(&p->arena, struct hr_expr *, 1);
    if (!keys || !(keys[0] = column(p, 0))) return HR_OOM(err);
    p->sort = (struct hr_sort_pnode){.node = {.vt = &hr_op_sort,
                                              .schema = p->range.node.schema,
                                              .exprs = keys,
                                              .expr_count = 1,
                                              .children = p->children_of_top,
                                              .child_count = 1},
                                     .descending = &no,
                                     .nulls_first = &yes};
    p->top = &p->sort.node;
    p->children_of_top[0] = &p->range.node;
    return hr_program_compile(&p->arena, &p->conf, keys, 1, &p->top->program, err);
}

static hr_status make(int which, struct plan *p, struct hr_err *err)
{
    switch (which) {
    case 0: return group_plan(p, false, err);
    case 1: return group_plan(p, true, err);
    case 2: return join_plan(p, err);
    default: return sort_plan(p, err);
    }
}

static void every_allocation(int which, const struct answer *expected)
{
    struct hr_scheduler_options options = {.threads = which == 1 ? 2 : 1};
    for (int64_t k = 1;; k += STEP) {
        struct hr_scheduler *scheduler = NULL;
        HR_ASSERT_OK(hr_scheduler_new(hr_env_default(), &options, &scheduler, NULL));
        struct plan p;
        struct answer answer;
        struct hr_err err;
        hr_err_init(&err);
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        hr_status status = make(which, &p, &err);
        if (status == HR_OK) status = run_plan(&p, scheduler, &answer, &err);
        bool hit = hr_fault_passed(HR_FAULT_ALLOC) >= k;
        hr_fault_disarm_all();
        if (status == HR_OK) {
            HR_EXPECT_EQ_I64(answer.rows, expected->rows);
            HR_EXPECT_EQ_I64(answer.sum, expected->sum);
            if (expected->ascending) HR_EXPECT_TRUE(answer.ascending);
        } else {
            HR_EXPECT_TRUE(hit);
            HR_EXPECT_EQ_I64(status, HR_E_OOM);
        }
        hr_arena_done(&p.arena);
        hr_scheduler_free(scheduler);
        if (!hit || hr_test_failures) break;
    }
}

HR_TEST(aggregation_inline)
{
    every_allocation(0, &(struct answer){.rows = 7, .sum = 21});
}
HR_TEST(aggregation_in_stages)
{
    every_allocation(1, &(struct answer){.rows = 7, .sum = 21});
}
HR_TEST(join)
{
    every_allocation(2, &(struct answer){.rows = 1500, .sum = 1500 * 1499 / 2});
}
HR_TEST(sort)
{
    every_allocation(3, &(struct answer){.rows = 1000, .sum = 1000 * 1001 / 2, .ascending = true});
}
