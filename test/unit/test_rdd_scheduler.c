/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over small RDDs of numbers: stages, retries, lost blocks, kept blocks, threads. */
#include "base/fault.h"
#include "base/hash.h"
#include "hr_test.h"
#include "rdd/block_store.h"
#include "rdd/scheduler.h"
#include "rdd/shuffle.h"

#define ROWS_A_PARTITION 1000u
#define ROWS_A_BATCH     100u

static _Atomic int64_t computed; /* partitions of numbers computed */

/* --- numbers: partition p holds p * 1000 … p * 1000 + 999 ------------------------------------ */

struct numbers_iter {
    struct hr_batch_iter iter;
    struct hr_rdd *rdd;
    int64_t next, end;
    const volatile bool *cancelled;
    bool endless;
};

static hr_status numbers_next(struct hr_batch_iter *base, struct hr_batch **ret_batch,
                              struct hr_err *err)
{
    struct numbers_iter *it = (struct numbers_iter *)base;
    if (__atomic_load_n(it->cancelled, __ATOMIC_RELAXED)) return HR_RAISE(err, HR_E_CANCELLED);
    *ret_batch = NULL;
    if (it->next == it->end) return HR_OK;
    struct hr_batch *batch = hr_batch_new(it->rdd->schema, ROWS_A_BATCH, NULL);
    if (!batch) return HR_OOM(err);
    hr_status status = hr_column_alloc(&batch->arena, hr_type(HR_T_LONG), ROWS_A_BATCH, false,
                                       &batch->columns[0], err);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        return status;
    }
    int64_t *values = (int64_t *)(uintptr_t)batch->columns[0].values;
    for (uint32_t i = 0; i < ROWS_A_BATCH; i++) values[i] = it->next + i;
    if (!it->endless) it->next += ROWS_A_BATCH;
    *ret_batch = batch;
    return HR_OK;
}

static void numbers_close(struct hr_batch_iter *base)
{
    hr_free(base);
}

static hr_status numbers_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                 struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    struct numbers_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    *it = (struct numbers_iter){.iter = {numbers_next, numbers_close},
                                .rdd = rdd,
                                .next = (int64_t)partition * ROWS_A_PARTITION,
                                .end = (int64_t)(partition + 1) * ROWS_A_PARTITION,
                                .cancelled = ctx->cancelled,
                                .endless = rdd->label && strcmp(rdd->label, "endless") == 0};
    atomic_fetch_add(&computed, 1);
    *ret_iter = &it->iter;
    return HR_OK;
}

static const struct hr_rdd_vt numbers_vt = {.name = "ParallelCollectionRDD",
                                            .compute = numbers_compute};

static const struct hr_type *number_schema(void)
{
    return hr_type_struct((struct hr_field[]){{"n", hr_type(HR_T_LONG), false}}, 1);
}

static struct hr_rdd *numbers_new(uint32_t partitions)
{
    struct hr_rdd *rdd = hr_zalloc(sizeof *rdd);
    HR_EXPECT_OK(hr_rdd_init(rdd, &numbers_vt, number_schema(), partitions, NULL, 0, NULL));
    return rdd;
}

/* --- pass: the parent's batches, through a narrow or a shuffle dependency -------------------- */

static hr_status pass_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                              struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    return hr_rdd_parent_iter(rdd, 0, partition, ctx, ret_iter, err);
}

static const struct hr_rdd_vt map_vt = {.name = "MapPartitionsRDD", .compute = pass_compute};
static const struct hr_rdd_vt shuffled_vt = {.name = "ShuffledRDD", .compute = pass_compute};

static struct hr_rdd *map_new(struct hr_rdd *parent)
{
    struct hr_rdd *rdd = hr_zalloc(sizeof *rdd);
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = parent};
    HR_EXPECT_OK(hr_rdd_init(rdd, &map_vt, parent->schema, parent->partition_count, &dep, 1, NULL));
    hr_rdd_unref(parent);
    return rdd;
}

static hr_status assign_modulo(struct hr_partitioner *p, const struct hr_batch *batch,
                               uint32_t *ret_partition, struct hr_err *err)
{
    const int64_t *values = batch->columns[0].values;
    for (uint32_t i = 0; i < batch->sel_count; i++)
        ret_partition[i] = (uint32_t)(values[batch->sel ? batch->sel[i] : i] % p->partition_count);
    (void)err;
    return HR_OK;
}

static void modulo_free(struct hr_partitioner *p)
{
    hr_free(p);
}

static struct hr_rdd *shuffled_new(struct hr_rdd *parent, uint32_t partitions)
{
    struct hr_partitioner *p = hr_zalloc(sizeof *p);
    *p = (struct hr_partitioner){.partition_count = partitions,
                                 .assign = assign_modulo,
                                 .free = modulo_free,
                                 .name = "hash"};
    struct hr_rdd *rdd = hr_zalloc(sizeof *rdd);
    struct hr_dependency dep = {.kind = HR_DEP_SHUFFLE, .parent = parent, .partitioner = p};
    HR_EXPECT_OK(hr_rdd_init(rdd, &shuffled_vt, parent->schema, partitions, &dep, 1, NULL));
    hr_rdd_unref(parent);
    return rdd;
}

/* --- consuming ------------------------------------------------------------------------------- */

struct sums {
    int64_t sum[64], rows[64], resets, finished;
    pthread_mutex_t lock;
    uint32_t modulo; /* > 0: every value must belong to its partition */
    int64_t misplaced;
    hr_status fail_with; /* for partition 1, until fail_times is used up */
    int fail_times;
};

static hr_status add(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                     struct hr_err *err)
{
    struct sums *s = arg;
    HR_EXPECT_OK(hr_batch_verify(batch, NULL));
    const int64_t *values = batch->columns[0].values;
    hr_status status = HR_OK;
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        int64_t v = values[batch->sel ? batch->sel[i] : i];
        s->sum[partition] += v;
        s->rows[partition]++;
        if (s->modulo && v % s->modulo != partition) s->misplaced++;
    }
    if (partition == 1 && s->fail_times > 0) {
        s->fail_times--;
        status = HR_FAIL(err, s->fail_with, "attempt %u fails", attempt);
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void reset(void *arg, uint32_t partition, uint32_t attempt)
{
    struct sums *s = arg;
    (void)attempt;
    pthread_mutex_lock(&s->lock);
    s->sum[partition] = s->rows[partition] = 0;
    s->resets++;
    pthread_mutex_unlock(&s->lock);
}

static hr_status finish(void *arg, uint32_t partition, uint32_t attempt, struct hr_err *err)
{
    struct sums *s = arg;
    (void)partition, (void)attempt, (void)err;
    pthread_mutex_lock(&s->lock);
    s->finished++;
    pthread_mutex_unlock(&s->lock);
    return HR_OK;
}

static hr_status run(struct hr_scheduler *s, struct hr_rdd *rdd, struct sums *sums,
                     struct hr_job_stats *stats, struct hr_err *err)
{
    struct hr_job_options options = {.consume = add, .reset = reset, .finish = finish, .arg = sums};
    pthread_mutex_init(&sums->lock, NULL);
    return hr_scheduler_run(s, rdd, &options, stats, err);
}

static int64_t total(const int64_t *values)
{
    int64_t t = 0;
    for (int i = 0; i < 64; i++) t += values[i];
    return t;
}

static void check_sums(const struct sums *sums, uint32_t partitions)
{
    int64_t n = (int64_t)partitions * ROWS_A_PARTITION;
    HR_EXPECT_EQ_I64(total(sums->rows), n);
    HR_EXPECT_EQ_I64(total(sums->sum), n * (n - 1) / 2);
    HR_EXPECT_EQ_I64(sums->misplaced, 0);
}

static struct hr_scheduler *scheduler_new(uint32_t threads, int64_t memory)
{
    struct hr_scheduler_options options = {.threads = threads, .memory_bytes = memory};
    struct hr_scheduler *s = NULL;
    HR_EXPECT_OK(hr_scheduler_new(hr_env_default(), &options, &s, NULL));
    return s;
}

HR_TEST(two_shuffles_on_several_threads)
{
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct hr_scheduler *s = scheduler_new(threads, 0);
        struct hr_rdd *rdd = shuffled_new(map_new(shuffled_new(numbers_new(8), 5)), 7);
        struct sums sums = {.modulo = 7};
        struct hr_job_stats stats;
        HR_EXPECT_OK(run(s, rdd, &sums, &stats, NULL));
        check_sums(&sums, 8);
        HR_EXPECT_EQ_I64(stats.stages, 3);
        HR_EXPECT_EQ_I64(stats.tasks, 8 + 5 + 7);
        HR_EXPECT_EQ_I64(sums.finished, 7);
        HR_EXPECT_TRUE(stats.shuffle_bytes > 0);
        /* the map outputs are there: a second job runs the result stage only */
        struct sums again = {.modulo = 7};
        HR_EXPECT_OK(run(s, rdd, &again, &stats, NULL));
        check_sums(&again, 8);
        HR_EXPECT_EQ_I64(stats.tasks, 7);
        hr_rdd_unref(rdd);
        hr_scheduler_free(s);
    }
}

HR_TEST(some_partitions)
{
    struct hr_scheduler *s = scheduler_new(2, 0);
    struct hr_rdd *rdd = numbers_new(6);
    uint32_t wanted[] = {4, 1};
    struct sums sums = {0};
    pthread_mutex_init(&sums.lock, NULL);
    struct hr_job_options options = {
        .partitions = wanted, .partition_count = 2, .consume = add, .arg = &sums};
    HR_EXPECT_OK(hr_scheduler_run(s, rdd, &options, NULL, NULL));
    HR_EXPECT_EQ_I64(total(sums.rows), 2000);
    HR_EXPECT_EQ_I64(sums.rows[4], 1000);
    wanted[0] = 6;
    HR_EXPECT_EQ_I64(hr_scheduler_run(s, rdd, &options, NULL, NULL), HR_E_INVALID_ARGUMENT);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

HR_TEST(retriable_failures_are_tried_again)
{
    struct hr_scheduler *s = scheduler_new(3, 0);
    struct hr_rdd *rdd = shuffled_new(numbers_new(4), 3);
    struct sums sums = {.modulo = 3, .fail_with = HR_E_IO, .fail_times = 3};
    struct hr_job_stats stats;
    HR_EXPECT_OK(run(s, rdd, &sums, &stats, NULL));
    check_sums(&sums, 4);
    HR_EXPECT_EQ_I64(sums.resets, 3);
    HR_EXPECT_EQ_I64(stats.failed_tasks, 3);
    struct sums often = {.fail_with = HR_E_IO, .fail_times = 100};
    struct hr_err err;
    hr_err_init(&err);
    HR_EXPECT_EQ_I64(run(s, rdd, &often, NULL, &err), HR_E_TASK_FAILED);
    HR_EXPECT_EQ_STR(err.msg, "task failed 4 times, most recent failure: attempt 3 fails");
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

HR_TEST(user_errors_end_the_job_at_once)
{
    struct hr_scheduler *s = scheduler_new(3, 0);
    struct hr_rdd *rdd = numbers_new(8);
    struct sums sums = {.fail_with = HR_E_DIVIDE_BY_ZERO, .fail_times = 100};
    struct hr_err err;
    hr_err_init(&err);
    HR_EXPECT_EQ_I64(run(s, rdd, &sums, NULL, &err), HR_E_DIVIDE_BY_ZERO);
    HR_EXPECT_EQ_STR(err.msg, "attempt 0 fails");
    HR_EXPECT_EQ_I64(sums.fail_times, 99);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

HR_TEST(fault_points_are_survived)
{
    struct hr_scheduler *s = scheduler_new(2, 0);
    static const enum hr_fault faults[] = {HR_FAULT_TASK_RUN, HR_FAULT_SHUFFLE_WRITE};
    for (uint32_t f = 0; f < HR_COUNT(faults); f++) {
        for (int64_t k = 1; k <= 8; k++) {
            struct hr_rdd *rdd = shuffled_new(numbers_new(4), 3);
            struct sums sums = {.modulo = 3};
            struct hr_job_stats stats;
            hr_fault_arm(faults[f], k, false);
            HR_EXPECT_OK(run(s, rdd, &sums, &stats, NULL));
            bool hit = hr_fault_passed(faults[f]) >= k;
            hr_fault_disarm_all();
            HR_EXPECT_EQ_I64(stats.failed_tasks, hit);
            check_sums(&sums, 4);
            hr_rdd_unref(rdd);
        }
    }
    hr_scheduler_free(s);
}

HR_TEST(lost_map_outputs_are_computed_again)
{
    struct hr_scheduler *s = scheduler_new(2, 0);
    struct hr_rdd *inner = shuffled_new(numbers_new(6), 4);
    struct hr_rdd *rdd = shuffled_new(map_new(inner), 3);
    struct sums sums = {.modulo = 3};
    HR_EXPECT_OK(run(s, rdd, &sums, NULL, NULL));
    /* only what is lost runs again, through both shuffles */
    atomic_store(&computed, 0);
    hr_shuffle_lose(rdd->deps[0].shuffle, 2);
    hr_shuffle_lose(inner->deps[0].shuffle, 5);
    struct sums again = {.modulo = 3};
    struct hr_job_stats stats;
    HR_EXPECT_OK(run(s, rdd, &again, &stats, NULL));
    check_sums(&again, 6);
    HR_EXPECT_EQ_I64(atomic_load(&computed), 1);
    HR_EXPECT_EQ_I64(stats.tasks, 1 + 1 + 3);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

static hr_status lose_then_add(void *arg, uint32_t partition, uint32_t attempt,
                               struct hr_batch *batch, struct hr_err *err);
static struct hr_shuffle *to_lose;

static hr_status lose_then_add(void *arg, uint32_t partition, uint32_t attempt,
                               struct hr_batch *batch, struct hr_err *err)
{
    if (partition == 0 && attempt == 0) hr_shuffle_lose(to_lose, 1);
    return add(arg, partition, attempt, batch, err);
}

HR_TEST(a_loss_while_the_job_runs)
{
    struct hr_scheduler *s = scheduler_new(1, 0);
    struct hr_rdd *rdd = shuffled_new(numbers_new(4), 3);
    to_lose = rdd->deps[0].shuffle;
    struct sums sums = {.modulo = 3};
    pthread_mutex_init(&sums.lock, NULL);
    struct hr_job_options options = {.consume = lose_then_add, .reset = reset, .arg = &sums};
    struct hr_job_stats stats;
    HR_EXPECT_OK(hr_scheduler_run(s, rdd, &options, &stats, NULL));
    check_sums(&sums, 4);
    HR_EXPECT_EQ_I64(stats.recomputed_tasks, 1);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

HR_TEST(persisted_partitions_are_computed_once)
{
    static const enum hr_storage_level levels[] = {HR_STORE_MEMORY, HR_STORE_MEMORY_AND_DISK,
                                                   HR_STORE_DISK};
    for (uint32_t l = 0; l < HR_COUNT(levels); l++) {
        struct hr_scheduler *s = scheduler_new(2, 0);
        struct hr_rdd *numbers = numbers_new(5);
        numbers->storage = levels[l];
        struct hr_rdd *rdd = map_new(numbers);
        atomic_store(&computed, 0);
        for (int i = 0; i < 3; i++) {
            struct sums sums = {0};
            HR_EXPECT_OK(run(s, rdd, &sums, NULL, NULL));
            check_sums(&sums, 5);
        }
        HR_EXPECT_EQ_I64(atomic_load(&computed), 5);
        struct hr_block_stats stats;
        hr_block_store_stats(hr_scheduler_blocks(s), 0, &stats);
        HR_EXPECT_EQ_I64(stats.blocks_in_memory, levels[l] == HR_STORE_DISK ? 0 : 5);
        HR_EXPECT_EQ_I64(stats.blocks_on_disk, levels[l] == HR_STORE_DISK ? 5 : 0);
        hr_rdd_unref(rdd);
        hr_block_store_stats(hr_scheduler_blocks(s), 0, &stats);
        HR_EXPECT_EQ_I64(stats.blocks_in_memory + stats.blocks_on_disk, 0);
        hr_scheduler_free(s);
    }
}

/* Room for about two of five blocks. */
HR_TEST(what_does_not_fit_is_recomputed_or_read_back)
{
    for (int disk = 0; disk < 2; disk++) {
        struct hr_scheduler *s = scheduler_new(2, 20000);
        struct hr_rdd *numbers = numbers_new(5);
        numbers->storage = disk ? HR_STORE_MEMORY_AND_DISK : HR_STORE_MEMORY;
        struct hr_rdd *rdd = map_new(numbers);
        atomic_store(&computed, 0);
        for (int i = 0; i < 2; i++) {
            struct sums sums = {0};
            HR_EXPECT_OK(run(s, rdd, &sums, NULL, NULL));
            check_sums(&sums, 5);
        }
        struct hr_block_stats stats;
        hr_block_store_stats(hr_scheduler_blocks(s), 0, &stats);
        HR_EXPECT_TRUE(stats.memory_bytes <= 20000);
        HR_EXPECT_TRUE(stats.blocks_in_memory > 0 && stats.blocks_in_memory < 5);
        /* what is kept stays: the second job computes the others only, or reads them */
        HR_EXPECT_EQ_I64(stats.evicted, 0);
        HR_EXPECT_EQ_I64(atomic_load(&computed), disk ? 5 : 10 - stats.blocks_in_memory);
        hr_rdd_unref(rdd);
        hr_scheduler_free(s);
    }
}

struct job_thread {
    struct hr_scheduler *scheduler;
    struct hr_rdd *rdd;
    pthread_t thread;
};

static void *job_main(void *arg)
{
    struct job_thread *j = arg;
    for (int i = 0; i < 10; i++) {
        struct sums sums = {.modulo = 3};
        HR_EXPECT_OK(run(j->scheduler, j->rdd, &sums, NULL, NULL));
        check_sums(&sums, 4);
        if (i % 3 == 0) hr_shuffle_lose(j->rdd->deps[0].shuffle, (uint32_t)i % 4);
    }
    return NULL;
}

HR_TEST(jobs_from_several_threads_share_a_lineage)
{
    struct hr_scheduler *s = scheduler_new(3, 0);
    struct hr_rdd *rdd = shuffled_new(numbers_new(4), 3);
    struct job_thread jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job_thread){.scheduler = s, .rdd = rdd};
        HR_ASSERT_OK(pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]));
    }
    for (int i = 0; i < 4; i++) pthread_join(jobs[i].thread, NULL);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

struct nested {
    struct hr_scheduler *scheduler;
    _Atomic int64_t rows;
};

static hr_status run_nested(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                            struct hr_err *err)
{
    struct nested *n = arg;
    (void)partition, (void)attempt, (void)batch;
    struct hr_rdd *rdd = shuffled_new(numbers_new(2), 2);
    struct sums sums = {.modulo = 2};
    hr_status status = run(n->scheduler, rdd, &sums, NULL, err);
    check_sums(&sums, 2);
    atomic_fetch_add(&n->rows, total(sums.rows));
    hr_rdd_unref(rdd);
    return status;
}

HR_TEST(a_job_inside_of_a_task)
{
    struct hr_scheduler *s = scheduler_new(2, 0);
    struct hr_rdd *rdd = numbers_new(3);
    struct nested nested = {.scheduler = s};
    struct hr_job_options options = {.consume = run_nested, .arg = &nested};
    HR_EXPECT_OK(hr_scheduler_run(s, rdd, &options, NULL, NULL));
    HR_EXPECT_EQ_I64(atomic_load(&nested.rows), 3 * 10 * 2000);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

static bool cancelled;
static void *cancel_main(void *arg)
{
    usleep(30000);
    __atomic_store_n(&cancelled, true, __ATOMIC_RELAXED);
    return arg;
}

HR_TEST(cancelling_a_job_without_end)
{
    struct hr_scheduler *s = scheduler_new(2, 0);
    struct hr_rdd *rdd = numbers_new(3);
    rdd->label = hr_strdup("endless");
    struct sums sums = {0};
    pthread_mutex_init(&sums.lock, NULL);
    pthread_t thread;
    HR_ASSERT_OK(pthread_create(&thread, NULL, cancel_main, NULL));
    struct hr_job_options options = {.consume = add, .arg = &sums, .cancelled = &cancelled};
    HR_EXPECT_EQ_I64(hr_scheduler_run(s, rdd, &options, NULL, NULL), HR_E_CANCELLED);
    pthread_join(thread, NULL);
    hr_rdd_unref(rdd);
    hr_scheduler_free(s);
}

/* The form of Spark's toDebugString; ids are ours. */
HR_TEST(debug_string)
{
    struct hr_rdd *rdd = shuffled_new(map_new(numbers_new(12)), 3);
    rdd->deps[0].parent->storage = HR_STORE_MEMORY;
    struct hr_buf out = {0};
    hr_rdd_debug_string(rdd, &out);
    uint32_t id = rdd->id;
    char expected[400];
    snprintf(expected, sizeof expected,
             "(3) ShuffledRDD[%u] []\n"
             " +-(12) MapPartitionsRDD[%u] [Memory Deserialized 1x Replicated]\n"
             "    |   ParallelCollectionRDD[%u] []",
             id, id - 1, id - 2);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&out), expected);
    hr_buf_done(&out);
    hr_rdd_unref(rdd);
}

HR_TEST(a_long_lineage_is_freed)
{
    struct hr_rdd *rdd = numbers_new(1);
    for (int i = 0; i < 100000; i++) rdd = map_new(rdd);
    hr_rdd_unref(rdd);
}
