/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every transformation of one batch, in every mode of the harness. The texts of counts, grouping,
 * joins and cogroup are those of Spark 4.2.0 over the same batches.
 */
#include "dstream_harness.h"

/* --- User functions --------------------------------------------------------------------------- */

static hr_status ten_times(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_field(out, row, 0);
    hr_emit_long(out, hr_row_long(row, 1) * 10);
    hr_emit_end(out);
    return 0;
}

static hr_status twice_but_b(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)arg, (void)err;
    for (int i = 0; i < 2 && !hr_text_eq(hr_row_str(row, 0), hr_text("b")); i++) {
        hr_emit_field(out, row, 0);
        hr_emit_end(out);
    }
    return 0;
}

static bool is_a(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_text_eq(hr_row_str(row, 0), hr_text("a"));
}

/* (partition, rows) of each partition. */
static hr_status rows_of_partition(void *arg, uint32_t partition, struct hr_rows *in,
                                   struct hr_emitter *out, struct hr_err *err)
{
    int64_t n = 0;
    (void)arg, (void)err;
    while (hr_rows_next(in)) n++;
    hr_emit_long(out, partition);
    hr_emit_long(out, n);
    hr_emit_end(out);
    return 0;
}

static hr_status number_of_partition(void *arg, uint32_t partition, struct hr_rows *in,
                                     struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err, (void)in;
    hr_emit_long(out, partition);
    hr_emit_end(out);
    return 0;
}

static hr_status plus_five(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 1) + 5);
    hr_emit_end(out);
    return 0;
}

static hr_status both_signs(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    (void)arg, (void)err;
    for (int sign = 1; sign >= -1; sign -= 2) {
        hr_emit_long(out, sign * hr_row_long(row, 1));
        hr_emit_end(out);
    }
    return 0;
}

static hr_status is_vowel(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)err;
    hr_emit_str(out, is_a(arg, row) ? "vowel" : "other");
    hr_emit_end(out);
    return 0;
}

static hr_status hundred_times(void *arg, const struct hr_row *values, struct hr_emitter *out,
                               struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(values, 0) * 100);
    hr_emit_end(out);
    return 0;
}

static hr_status add(void *arg, const struct hr_row *a, const struct hr_row *b,
                     struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(a, 0) + hr_row_long(b, 0));
    hr_emit_end(out);
    return 0;
}

static struct hr_rdd *distinct_when_odd(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                        struct hr_err *err)
{
    (void)arg;
    return time_us / SECOND % 2 ? hr_rdd_distinct(rdd, 0, err) : rdd;
}

static struct hr_rdd *keys_with_time(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                     struct hr_err *err)
{
    (void)arg;
    return hr_rdd_zip_with_index(
        hr_rdd_sort_by_key(hr_rdd_keys(rdd, err), time_us / SECOND % 2 == 0, 2, err), err);
}

/* A table of the context beside the stream. */
static struct hr_rdd *join_table(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    struct ds_bench *b = arg;
    return hr_rdd_join(rdd, ds_rdd(b, "a:100 c:300 c:301", 2, err), 0, err);
}

static struct hr_rdd *without_keys_of(void *arg, struct hr_rdd *a, struct hr_rdd *b,
                                      int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)time_us;
    return hr_rdd_subtract_by_key(a, b, 0, err);
}

static struct hr_rdd *pairs(void *arg, struct hr_rdd *a, struct hr_rdd *b, int64_t time_us,
                            struct hr_err *err)
{
    (void)arg, (void)time_us;
    return hr_rdd_cartesian(hr_rdd_keys(a, err), hr_rdd_values(b, err), err);
}

/* --- Programs --------------------------------------------------------------------------------- */

#define WORDS "word STRING, n LONG"

DS_PROGRAM(map, hr_dstream_map(b->in, WORDS, ten_times, NULL, err))
DS_PROGRAM(flat_map, hr_dstream_flat_map(b->in, "word STRING", twice_but_b, NULL, err))
DS_PROGRAM(filter, hr_dstream_filter(b->in, is_a, NULL, err))
DS_PROGRAM(map_partitions,
           hr_dstream_map_partitions(b->in, "p LONG, rows LONG", rows_of_partition, NULL, err))
DS_PROGRAM(map_values, hr_dstream_map_values(b->in, "n LONG", plus_five, NULL, err))
DS_PROGRAM(flat_map_values, hr_dstream_flat_map_values(b->in, "n LONG", both_signs, NULL, err))
DS_PROGRAM(key_by, hr_dstream_key_by(b->in, "kind STRING", is_vowel, NULL, err))
DS_PROGRAM(glom, hr_dstream_glom(b->in, err))
DS_PROGRAM(repartition, hr_dstream_repartition(b->in, 3, err))
DS_PROGRAM(repartitioned, hr_dstream_map_partitions(hr_dstream_repartition(b->in, 3, err), "p LONG",
                                                    number_of_partition, NULL, err))
DS_PROGRAM(union_of, hr_dstream_union(b->in, b->other, err))
DS_PROGRAM(union_self, hr_dstream_union(b->in, b->in, err))
DS_PROGRAM(count, hr_dstream_count(b->in, err))
DS_PROGRAM(reduce, hr_dstream_reduce(union_of(b, err), hr_max, NULL, err))
DS_PROGRAM(count_by_value, hr_dstream_count_by_value(b->in, 0, err))
DS_PROGRAM(reduce_by_key, hr_dstream_reduce_by_key(b->in, hr_sum, NULL, 0, err))
DS_PROGRAM(reduce_by_key_own, hr_dstream_reduce_by_key(union_of(b, err), add, NULL, 3, err))
DS_PROGRAM(combine, hr_dstream_combine_by_key(b->in,
                                              &(struct hr_combiner){.state_schema = "n LONG",
                                                                    .create = hundred_times,
                                                                    .merge_value = add,
                                                                    .merge_states = add},
                                              1, err))
DS_PROGRAM(combine_late, hr_dstream_combine_by_key(b->in,
                                                   &(struct hr_combiner){.state_schema = "n LONG",
                                                                         .create = hundred_times,
                                                                         .merge_value = add,
                                                                         .merge_states = add,
                                                                         .no_map_side = true},
                                                   0, err))
DS_PROGRAM(group_by_key, hr_dstream_group_by_key(b->in, 0, err))
DS_PROGRAM(group_union, hr_dstream_group_by_key(union_of(b, err), 0, err))
DS_PROGRAM(join, hr_dstream_join(b->in, b->other, 0, err))
DS_PROGRAM(join_self, hr_dstream_join(b->in, b->in, 0, err))
DS_PROGRAM(left_join, hr_dstream_left_outer_join(b->in, b->other, 0, err))
DS_PROGRAM(right_join, hr_dstream_right_outer_join(b->in, b->other, 0, err))
DS_PROGRAM(full_join, hr_dstream_full_outer_join(b->in, b->other, 0, err))
DS_PROGRAM(cogroup, hr_dstream_cogroup(b->in, b->other, 0, err))
DS_PROGRAM(transform, hr_dstream_transform(b->in, NULL, distinct_when_odd, NULL, err))
DS_PROGRAM(transform_schema,
           hr_dstream_transform(b->in, "word STRING, index LONG", keys_with_time, NULL, err))
DS_PROGRAM(transform_table,
           hr_dstream_transform(b->in, "word STRING, n LONG, n LONG", join_table, b, err))
DS_PROGRAM(transform_with,
           hr_dstream_transform_with(b->in, b->other, NULL, without_keys_of, NULL, err))
DS_PROGRAM(transform_pairs, hr_dstream_transform_with(b->in, b->other, WORDS, pairs, NULL, err))
/* Several steps: a key of two columns, reduced, keyed anew, joined with counts of the same. */
DS_PROGRAM(chain, hr_dstream_join(
                      hr_dstream_map_values(reduce_by_key(b, err), "n LONG", plus_five, NULL, err),
                      hr_dstream_reduce_by_key(hr_dstream_filter(union_of(b, err), is_a, NULL, err),
                                               hr_max, NULL, 2, err),
                      0, err))

HR_TEST(operations_row_by_row)
{
    static const struct ds_program PROGRAMS[] = {
        {"map", map,
         "1: (a,10) (a,10) (b,10); 2: (b,10); 3:; 4: (a,10) (c,10); 5: (c,10) (c,10); 6:; 7:; "
         "8: (a,10) (b,10); "},
        {"flatMap", flat_map, "1: a a a a; 2:; 3:; 4: a a c c; 5: c c c c; 6:; 7:; 8: a a; "},
        {"filter", filter, "1: (a,1) (a,1); 2:; 3:; 4: (a,1); 5:; 6:; 7:; 8: (a,1); "},
        {"mapPartitions", map_partitions,
         "1: (0,1) (1,2); 2: (0,0) (1,1); 3: (0,0) (1,0); 4: (0,1) (1,1); 5: (0,1) (1,1); "
         "6: (0,0) (1,0); 7: (0,0) (1,0); 8: (0,1) (1,1); ",
         .by_piece = true},
        {"mapValues", map_values,
         "1: (a,6) (a,6) (b,6); 2: (b,6); 3:; 4: (a,6) (c,6); 5: (c,6) (c,6); 6:; 7:; "
         "8: (a,6) (b,6); "},
        {"flatMapValues", flat_map_values,
         "1: (a,-1) (a,-1) (a,1) (a,1) (b,-1) (b,1); 2: (b,-1) (b,1); 3:; "
         "4: (a,-1) (a,1) (c,-1) (c,1); 5: (c,-1) (c,-1) (c,1) (c,1); 6:; 7:; "
         "8: (a,-1) (a,1) (b,-1) (b,1); "},
        {"keyBy", key_by,
         "1: (other,b,1) (vowel,a,1) (vowel,a,1); 2: (other,b,1); 3:; "
         "4: (other,c,1) (vowel,a,1); 5: (other,c,1) (other,c,1); 6:; 7:; "
         "8: (other,b,1) (vowel,a,1); "},
        {"glom", glom,
         "1: [{a, 1}] [{b, 1}, {a, 1}]; 2: [] [{b, 1}]; 3: [] []; "
         "4: [{a, 1}] [{c, 1}]; 5: [{c, 1}] [{c, 1}]; 6: [] []; 7: [] []; "
         "8: [{a, 1}] [{b, 1}]; ",
         .by_piece = true},
        {"repartition", repartition,
         "1: (a,1) (a,1) (b,1); 2: (b,1); 3:; 4: (a,1) (c,1); 5: (c,1) (c,1); 6:; 7:; "
         "8: (a,1) (b,1); "},
        {"repartition's partitions", repartitioned,
         "1: 0 1 2; 2: 0 1 2; 3: 0 1 2; 4: 0 1 2; 5: 0 1 2; "
         "6: 0 1 2; 7: 0 1 2; 8: 0 1 2; "},
        {"union", union_of,
         "1: (a,1) (a,1) (a,7) (b,1); 2: (b,1); 3: (b,8) (d,9); "
         "4: (a,1) (a,4) (c,1) (c,5) (c,6); 5: (c,1) (c,1); 6: (x,1); 7: (a,2); "
         "8: (a,1) (a,3) (b,1) (b,1) (b,2); "},
        {"union with itself", union_self,
         "1: (a,1) (a,1) (a,1) (a,1) (b,1) (b,1); 2: (b,1) (b,1); 3:; "
         "4: (a,1) (a,1) (c,1) (c,1); 5: (c,1) (c,1) (c,1) (c,1); 6:; 7:; "
         "8: (a,1) (a,1) (b,1) (b,1); "},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}

HR_TEST(operations_that_gather)
{
    static const struct ds_program PROGRAMS[] = {
        {"count", count, "1: 3; 2: 1; 3: 0; 4: 2; 5: 2; 6: 0; 7: 0; 8: 2; "},
        {"reduce", reduce,
         "1: (b,7); 2: (b,1); 3: (d,9); 4: (c,6); 5: (c,1); 6: (x,1); 7: (a,2); 8: (b,3); "},
        {"countByValue", count_by_value,
         "1: (a,1,2) (b,1,1); 2: (b,1,1); 3:; 4: (a,1,1) (c,1,1); 5: (c,1,2); 6:; 7:; "
         "8: (a,1,1) (b,1,1); "},
        {"reduceByKey", reduce_by_key,
         "1: (a,2) (b,1); 2: (b,1); 3:; 4: (a,1) (c,1); 5: (c,2); 6:; 7:; 8: (a,1) (b,1); "},
        {"reduceByKey, own function", reduce_by_key_own,
         "1: (a,9) (b,1); 2: (b,1); 3: (b,8) (d,9); 4: (a,5) (c,12); 5: (c,2); 6: (x,1); 7: (a,2); "
         "8: (a,4) (b,4); "},
        {"combineByKey", combine,
         "1: (a,200) (b,100); 2: (b,100); 3:; 4: (a,100) (c,100); 5: (c,200); 6:; 7:; "
         "8: (a,100) (b,100); ",
         .by_piece = true},
        {"combineByKey after the shuffle", combine_late,
         "1: (a,101) (b,100); 2: (b,100); 3:; 4: (a,100) (c,100); 5: (c,101); 6:; 7:; "
         "8: (a,100) (b,100); "},
        {"groupByKey", group_by_key,
         "1: (a,[1, 1]) (b,[1]); 2: (b,[1]); 3:; 4: (a,[1]) (c,[1]); 5: (c,[1, 1]); 6:; 7:; "
         "8: (a,[1]) (b,[1]); "},
        {"groupByKey of a union", group_union,
         "1: (a,[1, 1, 7]) (b,[1]); 2: (b,[1]); 3: (b,[8]) (d,[9]); 4: (a,[1, 4]) (c,[1, 5, 6]); "
         "5: (c,[1, 1]); 6: (x,[1]); 7: (a,[2]); 8: (a,[1, 3]) (b,[1, 1, 2]); "},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}

HR_TEST(operations_of_two_streams)
{
    static const struct ds_program PROGRAMS[] = {
        {"join", join,
         "1: (a,1,7) (a,1,7); 2:; 3:; 4: (a,1,4) (c,1,5) (c,1,6); 5:; 6:; 7:; "
         "8: (a,1,3) (b,1,1) (b,1,2); "},
        {"join with itself", join_self,
         "1: (a,1,1) (a,1,1) (a,1,1) (a,1,1) (b,1,1); 2: (b,1,1); 3:; 4: (a,1,1) (c,1,1); "
         "5: (c,1,1) (c,1,1) (c,1,1) (c,1,1); 6:; 7:; 8: (a,1,1) (b,1,1); "},
        {"leftOuterJoin", left_join,
         "1: (a,1,7) (a,1,7) (b,1,null); 2: (b,1,null); 3:; 4: (a,1,4) (c,1,5) (c,1,6); "
         "5: (c,1,null) (c,1,null); 6:; 7:; 8: (a,1,3) (b,1,1) (b,1,2); "},
        {"rightOuterJoin", right_join,
         "1: (a,1,7) (a,1,7); 2:; 3: (b,null,8) (d,null,9); 4: (a,1,4) (c,1,5) (c,1,6); 5:; "
         "6: (x,null,1); 7: (a,null,2); 8: (a,1,3) (b,1,1) (b,1,2); "},
        {"fullOuterJoin", full_join,
         "1: (a,1,7) (a,1,7) (b,1,null); 2: (b,1,null); 3: (b,null,8) (d,null,9); "
         "4: (a,1,4) (c,1,5) (c,1,6); 5: (c,1,null) (c,1,null); 6: (x,null,1); 7: (a,null,2); "
         "8: (a,1,3) (b,1,1) (b,1,2); "},
        {"cogroup", cogroup,
         "1: (a,[1, 1],[7]) (b,[1],[]); 2: (b,[1],[]); 3: (b,[],[8]) (d,[],[9]); "
         "4: (a,[1],[4]) (c,[1],[5, 6]); 5: (c,[1, 1],[]); 6: (x,[],[1]); 7: (a,[],[2]); "
         "8: (a,[1],[3]) (b,[1],[1, 2]); "},
        {"transform", transform,
         "1: (a,1) (b,1); 2: (b,1); 3:; 4: (a,1) (c,1); 5: (c,1); 6:; 7:; 8: (a,1) (b,1); "},
        {"transform to other columns", transform_schema,
         "1: (a,1) (a,2) (b,0); 2: (b,0); 3:; 4: (a,0) (c,1); 5: (c,0) (c,1); 6:; 7:; "
         "8: (a,0) (b,1); "},
        {"transform with a table", transform_table,
         "1: (a,1,100) (a,1,100); 2:; 3:; 4: (a,1,100) (c,1,300) (c,1,301); "
         "5: (c,1,300) (c,1,300) (c,1,301) (c,1,301); 6:; 7:; 8: (a,1,100); "},
        {"transformWith", transform_with,
         "1: (b,1); 2: (b,1); 3:; 4:; 5: (c,1) (c,1); 6:; 7:; 8:; "},
        {"transformWith to other columns", transform_pairs,
         "1: (a,7) (a,7) (b,7); 2:; 3:; 4: (a,4) (a,5) (a,6) (c,4) (c,5) (c,6); 5:; 6:; 7:; "
         "8: (a,1) (a,2) (a,3) (b,1) (b,2) (b,3); "},
        {"chain", chain, "1: (a,7,7); 2:; 3:; 4: (a,6,4); 5:; 6:; 7:; 8: (a,6,3); "},
    };
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}
