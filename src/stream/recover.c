/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a query: physical plan, sources, states, journal (with what it says of the past), sink.
 * Closing is the reverse and takes half-opened queries.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/plant.h"
#include "connector/connector.h"
#include "operator/scan.h"
#include "operator/exchange.h"
#include "operator/late.h"
#include "operator/watermark.h"
#include "stream/query_int.h"

/* ---- the plan's leaves and stateful nodes
 * ---------------------------------------------------------- */

static uint32_t count_scans(const struct hr_plan *plan)
{
    uint32_t count = plan->kind == HR_P_SCAN ? HR_NODE(scan, plan)->scan_id + 1 : 0;
    for (uint32_t i = 0; i < plan->child_count; i++) {
        uint32_t below = count_scans(plan->children[i]);
        count = HR_MAX(count, below);
    }
    return count;
}

static void collect_scans(struct hr_query *query, const struct hr_plan *plan)
{
    const struct hr_scan_node *node = plan->kind == HR_P_SCAN ? HR_NODE(scan, plan) : NULL;
    if (node && node->table->source) {
        struct hr_query_scan *scan = &query->scans[node->scan_id];
        scan->node = node;
        scan->streaming = plan->is_streaming;
    }
    for (uint32_t i = 0; i < plan->child_count; i++) collect_scans(query, plan->children[i]);
}

/* Calls fn for each physical node in pre-order. */
static hr_status walk_nodes(const struct hr_pnode *node,
                            hr_status (*fn)(void *arg, const struct hr_pnode *, struct hr_err *),
                            void *arg, struct hr_err *err)
{
    HR_TRY(fn(arg, node, err));
    for (uint32_t i = 0; i < node->child_count; i++)
        HR_TRY(walk_nodes(node->children[i], fn, arg, err));
    return HR_OK;
}

static hr_status count_node(void *arg, const struct hr_pnode *node, struct hr_err *err)
{
    HR_UNUSED(err);
    struct hr_query *query = arg;
    const struct hr_watermark_pnode *mark = hr_pnode_watermark(node);
    if (node->state_id >= 0 && node->vt->state_args)
        query->state_count = HR_MAX(query->state_count, (uint32_t)node->state_id + 1);
    if (mark) query->watermark_count = HR_MAX(query->watermark_count, mark->index + 1);
    return HR_OK;
}

/* Partitions of the stage that node runs in: those of the exchange below it, else one. */
static uint32_t stage_partitions(const struct hr_pnode *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct hr_pnode *child = node->children[i];
        const struct hr_exchange_pnode *exchange = hr_pnode_exchange(child);
        if (exchange && exchange->dist != HR_DIST_BROADCAST) return exchange->partition_count;
        uint32_t below = exchange ? 1 : stage_partitions(child);
        if (below > 1) return below;
    }
    return 1;
}

static hr_status open_state(void *arg, const struct hr_pnode *node, struct hr_err *err)
{
    struct hr_query *query = arg;
    const struct hr_watermark_pnode *mark = hr_pnode_watermark(node);
    if (mark) query->watermarks.inputs[mark->index].delay_us = mark->delay_us;
    if (node->state_id < 0 || !node->vt->state_args) return HR_OK;
    struct hr_state_args args = {.id = (uint32_t)node->state_id};
    HR_TRY(node->vt->state_args(node, &query->plan_arena, &args, err));
    args.mem = &query->mem;
    args.query_name = query->name;
    args.part_count = stage_partitions(node);
    struct hr_query_state *state = &query->states[node->state_id];
    state->node = node;
    state->args = args;
    HR_TRY(hr_state_new(&args, &state->state, err));
    query->state_ptrs[node->state_id] = state->state;
    return HR_OK;
}

static hr_status open_plan(struct hr_query *query, struct hr_err *err)
{
    struct hr_arena *arena = &query->plan_arena;
    HR_TRY(hr_plan_physical(arena, &query->conf, query->plan, query->mode, &query->root, err));
    query->scan_count = count_scans(query->plan);
    query->scans = HR_NEW_ARRAY(arena, struct hr_query_scan, query->scan_count + 1);
    if (!query->scans) return HR_OOM(err);
    collect_scans(query, query->plan);
    HR_TRY(walk_nodes(query->root, count_node, query, err));
    query->states = HR_NEW_ARRAY(arena, struct hr_query_state, query->state_count + 1);
    query->state_ptrs = HR_NEW_ARRAY(arena, struct hr_state *, query->state_count + 1);
    if (!query->states || !query->state_ptrs) return HR_OOM(err);
    HR_TRY(hr_watermarks_init(&query->watermarks, &query->watermark_options,
                              query->watermark_count, hr_now_us(query->env), arena, err));
    return walk_nodes(query->root, open_state, query, err);
}

/* ---- the journal's past
 * ---------------------------------------------------------------------------- */

struct past {
    struct hr_query *query;
    struct hr_arena plan_arenas[2]; /* of the last PLAN and the one before */
    struct hr_plan_record plan;
    int64_t plan_epoch;
    int64_t commit_epoch;
    bool has_meta, has_start;
    uint32_t flip;
};

static hr_status corrupt(const struct hr_query *query, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", query->checkpoint_dir, "why", why);
}

static hr_status check_source_count(const struct hr_query *query, uint32_t count,
                                    struct hr_err *err)
{
    if (count == query->stream_count) return HR_OK;
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                    "it has another number of streaming sources");
}

static hr_status set_offsets(struct hr_query *query, const struct hr_plan_record *plan,
                             bool committed, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        hr_buf_clear(&scan->start);
        hr_buf_clear(&scan->end);
        hr_buf_puts(&scan->start,
                    committed ? plan->ends[scan->stream_index] : plan->starts[scan->stream_index]);
        hr_buf_puts(&scan->end, plan->ends[scan->stream_index]);
        HR_TRY(hr_buf_status(&scan->start, err));
        HR_TRY(hr_buf_status(&scan->end, err));
    }
    return HR_OK;
}

static hr_status replay_commit(struct past *past, const struct hr_record *record,
                               struct hr_err *err)
{
    struct hr_query *query = past->query;
    if (record->epoch != past->plan_epoch || record->epoch == past->commit_epoch)
        return corrupt(query, "a COMMIT record without its PLAN", err);
    struct hr_commit_record commit;
    /* The refs' inline bytes live as long as the query: they are what a restore reads. */
    HR_TRY(hr_commit_record_get(&query->plan_arena, record->payload, &commit, err));
    if (commit.watermark_count != query->watermark_count)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                        "it has another number of watermarks");
    HR_TRY(hr_watermarks_restore(&query->watermarks, &commit, err));
    for (uint32_t i = 0; i < commit.ref_count; i++)
        HR_TRY(hr_query_add_ref(query, &commit.refs[i], err));
    past->commit_epoch = record->epoch;
    query->epoch = record->epoch + 1;
    query->previous_watermark_us = past->plan.evict_watermark_us;
    query->watermark_us = HR_PLANTED(WATERMARK_BACK) ? HR_WATERMARK_NONE : commit.next_watermark_us;
    return set_offsets(query, &past->plan, true, err);
}

static hr_status replay_start(struct past *past, const struct hr_record *record, struct hr_err *err)
{
    struct hr_query *query = past->query;
    struct hr_start_record start;
    HR_TRY(hr_start_record_get(&past->plan_arenas[0], record->payload, &start, err));
    HR_TRY(check_source_count(query, start.source_count, err));
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        hr_buf_clear(&scan->start);
        hr_buf_puts(&scan->start, start.offsets[scan->stream_index]);
        HR_TRY(hr_buf_status(&scan->start, err));
    }
    past->has_start = true;
    return HR_OK;
}

static hr_status replay_plan(struct past *past, const struct hr_record *record, struct hr_err *err)
{
    /* The first of a file may have any number: rotation leaves the past out. */
    bool follows = past->plan_epoch < 0 || record->epoch == past->plan_epoch + 1;
    if (!follows || past->plan_epoch != past->commit_epoch)
        return corrupt(past->query, "a PLAN record out of order", err);
    past->flip ^= 1;
    hr_arena_reset(&past->plan_arenas[past->flip]);
    HR_TRY(hr_plan_record_get(&past->plan_arenas[past->flip], record->payload, &past->plan, err));
    past->plan_epoch = record->epoch;
    return check_source_count(past->query, past->plan.source_count, err);
}

static hr_status replay(void *arg, const struct hr_record *record, struct hr_err *err)
{
    struct past *past = arg;
    struct hr_query *query = past->query;
    if (past->has_meta == (record->kind == HR_REC_META))
        return corrupt(query, "its journal does not begin with one META record", err);
    switch (record->kind) {
    case HR_REC_META: {
        struct hr_meta_record meta;
        HR_TRY(hr_meta_record_get(&query->plan_arena, record->payload, &meta, err));
        past->has_meta = true;
        return hr_query_check_meta(query, &meta, err);
    }
    case HR_REC_START: return replay_start(past, record, err);
    case HR_REC_PLAN: return replay_plan(past, record, err);
    case HR_REC_COMMIT: return replay_commit(past, record, err);
    }
    return HR_BUG(err, "a record of no kind");
}

static hr_status append_buf(struct hr_query *query, enum hr_record_kind kind, bool durable,
                            struct hr_err *err)
{
    assert(query->journal && query->record.len > 0);
    HR_TRY(hr_buf_status(&query->record, err));
    return hr_journal_append(query->journal, kind, -1, hr_svn(query->record.ptr, query->record.len),
                             durable, err);
}

/* A query that has not run yet: who it is and where it starts become durable before it waits for
 * the first row, so that a restart starts there too, whatever has come meanwhile. */
static hr_status begin(struct past *past, struct hr_err *err)
{
    struct hr_query *query = past->query;
    if (!past->has_meta) {
        hr_env_uuid(query->env, query->id);
        hr_buf_clear(&query->record);
        hr_meta_record_put(&query->meta, &query->record);
        HR_TRY(append_buf(query, HR_REC_META, true, err));
    }
    if (past->has_start || past->plan_epoch >= 0) return HR_OK;
    const char **offsets =
        HR_NEW_ARRAY(&past->plan_arenas[0], const char *, query->stream_count + 1);
    if (!offsets) return HR_OOM(err);
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        hr_buf_clear(&scan->start);
        HR_TRY(scan->source->vt->initial_offset(scan->source, &scan->start, err));
        assert(scan->stream_index < query->stream_count);
        offsets[scan->stream_index] = hr_buf_cstr(&scan->start);
    }
    hr_buf_clear(&query->record);
    hr_start_record_put(&(struct hr_start_record){query->stream_count, offsets}, &query->record);
    return append_buf(query, HR_REC_START, true, err);
}

static hr_status resume(struct past *past, struct hr_err *err)
{
    assert(past->commit_epoch <= past->plan_epoch || past->plan_epoch < 0);
    struct hr_query *query = past->query;
    HR_TRY(begin(past, err));
    if (past->plan_epoch > past->commit_epoch) {
        query->epoch = past->plan_epoch;
        query->replan = !HR_PLANTED(PLAN_ANEW);
        query->replan_timestamp_us = past->plan.timestamp_us;
        query->watermark_us = past->plan.evict_watermark_us;
        query->previous_watermark_us = past->plan.late_watermark_us;
        assert(query->epoch == past->commit_epoch + 1 || past->commit_epoch < 0);
        HR_TRY(set_offsets(query, &past->plan, false, err));
        HR_TRY(hr_query_repin_models(query, &past->plan, err));
    }
    HR_TRY(hr_query_restore_states(query, err));
    return hr_query_publish_models(query, true, err);
}

static hr_status replay_journal(struct hr_query *query, struct hr_err *err)
{
    struct past past = {.query = query, .plan_epoch = -1, .commit_epoch = -1};
    hr_arena_init(&past.plan_arenas[0], &query->mem);
    hr_arena_init(&past.plan_arenas[1], &query->mem);
    hr_status status;
    HR_TRY_OUT(hr_journal_replay(query->journal, replay, &past, err));
    HR_TRY_OUT(resume(&past, err));
out:
    hr_arena_done(&past.plan_arenas[0]);
    hr_arena_done(&past.plan_arenas[1]);
    return status;
}

/* ---- sources and sink
 * ------------------------------------------------------------------------------ */

static const struct hr_pnode *find_scan(const struct hr_pnode *node, uint32_t scan_id)
{
    const struct hr_scan_pnode *scan = hr_pnode_scan(node);
    if (scan && scan->scan_id == scan_id) return node;
    const struct hr_pnode *found = NULL;
    for (uint32_t i = 0; i < node->child_count && !found; i++)
        found = find_scan(node->children[i], scan_id);
    return found;
}

static hr_status open_source(struct hr_query *query, struct hr_query_scan *scan, struct hr_err *err)
{
    assert(scan->node->table->source && !scan->source && !scan->input);
    const struct hr_scan_node *node = scan->node;
    const struct hr_source_vt *vt = node->table->source;
    char *dir = hr_arena_printf(&query->plan_arena, "%s/sources/%u", query->checkpoint_dir,
                                scan->stream_index);
    if (!dir) return HR_OOM(err);
    if (scan->streaming) HR_TRY(query->env->vt->mkdirs(query->env, dir, err));
    struct hr_source_args args = {
        .env = query->env,
        .conf = &query->conf,
        .mem = &query->mem,
        .options = node->options ? node->options : &node->table->options,
        .schema = hr_table_source_schema(node->table),
        .streaming = scan->streaming,
        .checkpoint_dir = scan->streaming ? dir : NULL,
        .query_name = query->name,
        .user = node->table->user,
        .takes_dead_letters = true,
        .files = node->table->files,
    };
    HR_TRY(hr_source_open(vt, &args, &scan->source, err));
    if (!scan->streaming) return HR_OK;
    const struct hr_pnode *physical = find_scan(query->root, node->scan_id);
    if (physical && query->inputs)
        HR_TRY(hr_input_join(query->inputs, scan->source, args.options, &query->conf, args.user,
                             physical->schema, &scan->input, err));
    if (!(scan->source->flags & HR_SOURCE_STREAM))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "table %s: %s cannot be read as a stream",
                       node->table->name, vt->name);
    int64_t interval_us = vt->poll_interval_us > 0 ? vt->poll_interval_us : 10000;
    if (vt->subscribe) {
        HR_TRY(vt->subscribe(scan->source, &query->wakeup, err));
        if (!vt->poll_interval_us) return HR_OK;
    }
    if (query->poll_interval_us == 0 || interval_us < query->poll_interval_us)
        query->poll_interval_us = interval_us;
    return HR_OK;
}

static hr_status open_sources(struct hr_query *query, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->node) continue;
        hr_buf_init(&scan->start, 64 << 20);
        hr_buf_init(&scan->end, 64 << 20);
        if (scan->streaming) scan->stream_index = query->stream_count++;
        HR_TRY(open_source(query, scan, err));
    }
    return HR_OK;
}

/* A source that takes what the query writes would go round for ever. */
static hr_status check_own_output(struct hr_query *query, const struct hr_query_output *output,
                                  struct hr_err *err)
{
    struct hr_buf path = {0};
    if (!output->vt->sample) return HR_OK;
    output->vt->sample(output->sink, &path);
    hr_status status = hr_buf_status(&path, err);
    for (uint32_t i = 0; i < query->scan_count && !status; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        bool reads = false;
        if (!scan->source || !scan->streaming || !scan->source->vt->reads) continue;
        status = scan->source->vt->reads(scan->source, hr_buf_cstr(&path), &reads, err);
        if (status || !reads) continue;
        status = HR_FAIL(err, HR_E_INVALID_OPTION,
                         "table %s: its path takes in the files that the query itself writes "
                         "(such as %s): they would be read again without end; write to another "
                         "folder, or narrow the source's path, recursiveFileLookup or "
                         "pathGlobFilter",
                         scan->node->table->name, hr_buf_cstr(&path));
    }
    hr_buf_done(&path);
    return status;
}

static bool is_stopping(void *arg)
{
    return hr_life_is_stopping(&((struct hr_query *)arg)->life);
}

static hr_status open_output(struct hr_query *query, struct hr_query_output *output,
                             const struct hr_type *schema, enum hr_output_mode mode,
                             struct hr_err *err)
{
    static const char *const mode_names[] = {"Append", "Update", "Complete"};
    if (!(output->vt->modes & (1u << mode)))
        return HR_RAISE(err, HR_E_OUTPUT_MODE_DATA_SOURCE, "outputMode", mode_names[mode],
                        "className", output->vt->name);
    struct hr_sink_args sink_args = {
        .env = query->env,
        .conf = &query->conf,
        .mem = &query->mem,
        .options = &output->options,
        .schema = schema,
        .mode = mode,
        .streaming = true,
        .query_id = query->id,
        .query_name = query->name,
        .is_stopping = is_stopping,
        .stopping_arg = query,
        .files = query->output.files,
    };
    HR_TRY(hr_sink_open(output->vt, &sink_args, &output->sink, err));
    query->sync_plan = query->sync_plan || output->sink->guarantee == HR_EXACTLY_ONCE;
    HR_TRY(check_own_output(query, output, err));
    if (output != &query->output || !query->dead_place.sink) return HR_OK;
    HR_TRY(hr_dead_output_open(&query->dead, &query->dead_place, &sink_args, err));
    query->sync_plan |= query->dead.sink->guarantee == HR_EXACTLY_ONCE;
    return HR_OK;
}

/* The LateRows of the plan, and in *state the nearest stateful operator above it. */
static const struct hr_pnode *find_late(const struct hr_pnode *node, int32_t *state)
{
    if (node->vt == &hr_op_late) return node;
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct hr_pnode *late = find_late(node->children[i], state);
        if (late && *state < 0) *state = node->state_id;
        if (late) return late;
    }
    return NULL;
}

static hr_status open_sinks(struct hr_query *query, struct hr_err *err)
{
    /* A changelog is rows that are appended. */
    enum hr_output_mode mode = query->mode == HR_MODE_CHANGELOG ? HR_MODE_APPEND : query->mode;
    query->sync_plan = false;
    HR_TRY(open_output(query, &query->output, query->root->schema, mode, err));
    query->late_state = -1;
    if (!query->late.vt) return HR_OK;
    const struct hr_pnode *late = find_late(query->root, &query->late_state);
    if (!late) return HR_BUG(err, "the plan has no place for its late rows");
    return open_output(query, &query->late, HR_PNODE(late, late)->late_schema, HR_MODE_APPEND,
                       err);
}

hr_status hr_query_open_all(struct hr_query *query, struct hr_err *err)
{
    assert(!query->journal && query->state_dir);
    assert(query->life.phase == HR_QUERY_OPENING);
    HR_TRY(query->env->vt->mkdirs(query->env, query->state_dir, err));
    HR_TRY(hr_journal_open(query->env, query->checkpoint_dir, &query->journal, err));
    HR_TRY(hr_query_open_models(query, err));
    HR_TRY(open_plan(query, err));
    HR_TRY(open_sources(query, err)); /* after the journal: theirs are the checkpoint's too */
    HR_TRY(hr_query_make_meta(query, err));
    HR_TRY(replay_journal(query, err));
    HR_TRY(open_sinks(query, err));
    hr_query_remove_old_state(
        query); /* left by attempts that were killed; all agrees with the journal */
    hr_query_remove_old_models(query);
    hr_arena_reset(&query->epoch_arena);
    return HR_OK;
}

void hr_query_close_all(struct hr_query *query)
{
    hr_output_close(&query->output);
    hr_output_close(&query->late);
    hr_output_close(&query->dead);
    hr_dead_letters_done(&query->refused);
    for (uint32_t i = 0; query->scans && i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        hr_input_leave(scan->input);
        scan->input = NULL;
        if (scan->source) scan->source->vt->close(scan->source);
        scan->source = NULL;
        hr_buf_done(&scan->start);
        hr_buf_done(&scan->end);
    }
    for (uint32_t i = 0; query->states && i < query->state_count; i++) {
        hr_query_stop_snapshot(&query->states[i]);
        hr_state_free(query->states[i].state);
        query->states[i].state = NULL;
        hr_query_drop_refs(&query->states[i]);
    }
    hr_watermarks_done(&query->watermarks);
    hr_query_close_models(query);
    hr_journal_close(query->journal);
    query->journal = NULL;
    query->scan_count = query->stream_count = query->state_count = query->watermark_count = 0;
    query->replan = false;
    query->poll_interval_us = 0;
    query->epoch = 0;
    query->watermark_us = query->previous_watermark_us = HR_WATERMARK_NONE;
}
