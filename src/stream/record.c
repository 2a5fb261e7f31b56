/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/record.h"

#include <inttypes.h>

#include "stream/journal.h"

#define RECORD_VERSION 1
#define COMMIT_WITH_MARKS 2 /* a COMMIT record that ends with marks by partition */
#define PLAN_WITH_MODELS 2 /* a PLAN record that ends with its models */
#define COUNT_MAX      100000 /* more sources or files than any query has: the record is damaged */

static void put_text(struct hr_buf *out, const char *text)
{
    hr_buf_put_bytes(out, text ? text : "", text ? strlen(text) : 0);
}

static const char *get_text(struct hr_arena *arena, struct hr_reader *in)
{
    struct hr_str_view s = hr_get_bytes(in);
    return hr_arena_strndup(arena, s.ptr ? s.ptr : "", s.len);
}

static hr_status damaged(struct hr_err *err, const char *what)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "journal", "why", what);
}

/* ---- META ---- */

void hr_meta_record_put(const struct hr_meta_record *meta, struct hr_buf *out)
{
    assert(meta->query_id && meta->state_text && meta->sources_text && meta->sink_text);
    hr_buf_put_u8(out, RECORD_VERSION);
    put_text(out, meta->query_id);
    put_text(out, meta->name);
    hr_buf_put_u64(out, meta->state_fingerprint);
    put_text(out, meta->state_text);
    put_text(out, meta->sources_text);
    put_text(out, meta->sink_text);
}

hr_status hr_meta_record_get(struct hr_arena *arena, struct hr_str_view payload,
                             struct hr_meta_record *ret, struct hr_err *err)
{
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    if (hr_get_u8(&in) != RECORD_VERSION)
        return damaged(err, "a META record of an unknown version");
    struct hr_meta_record meta;
    meta.query_id = get_text(arena, &in);
    meta.name = get_text(arena, &in);
    meta.state_fingerprint = hr_get_u64(&in);
    meta.state_text = get_text(arena, &in);
    meta.sources_text = get_text(arena, &in);
    meta.sink_text = get_text(arena, &in);
    if (in.failed) return damaged(err, "a META record is short");
    if (!meta.query_id || !meta.name || !meta.state_text || !meta.sources_text || !meta.sink_text)
        return HR_OOM(err);
    *ret = meta;
    return HR_OK;
}

/* ---- START ---- */

void hr_start_record_put(const struct hr_start_record *start, struct hr_buf *out)
{
    assert(start->source_count == 0 || start->offsets);
    hr_buf_put_u8(out, RECORD_VERSION);
    hr_buf_put_varint(out, start->source_count);
    for (uint32_t i = 0; i < start->source_count; i++) put_text(out, start->offsets[i]);
}

hr_status hr_start_record_get(struct hr_arena *arena, struct hr_str_view payload,
                              struct hr_start_record *ret, struct hr_err *err)
{
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    if (hr_get_u8(&in) != RECORD_VERSION)
        return damaged(err, "a START record of an unknown version");
    uint64_t count = hr_get_varint(&in);
    if (in.failed || count > COUNT_MAX) return damaged(err, "a START record is short");
    struct hr_start_record start = {(uint32_t)count, HR_NEW_ARRAY(arena, const char *, count + 1)};
    if (!start.offsets) return HR_OOM(err);
    for (uint32_t i = 0; i < start.source_count; i++) {
        start.offsets[i] = get_text(arena, &in);
        if (!start.offsets[i]) return HR_OOM(err);
    }
    if (in.failed) return damaged(err, "a START record is short");
    *ret = start;
    return HR_OK;
}

/* ---- PLAN ---- */

void hr_plan_record_put(const struct hr_plan_record *plan, struct hr_buf *out)
{
    /* Late rows are judged by the epoch before: its watermark is no newer. */
    assert(plan->late_watermark_us <= plan->evict_watermark_us);
    assert(plan->source_count <= COUNT_MAX && plan->model_count <= COUNT_MAX);
    hr_buf_put_u8(out, plan->model_count ? PLAN_WITH_MODELS : RECORD_VERSION);
    hr_buf_put_u64(out, (uint64_t)plan->timestamp_us);
    hr_buf_put_u64(out, (uint64_t)plan->late_watermark_us);
    hr_buf_put_u64(out, (uint64_t)plan->evict_watermark_us);
    hr_buf_put_varint(out, plan->source_count);
    for (uint32_t i = 0; i < plan->source_count; i++) {
        put_text(out, plan->starts[i]);
        put_text(out, plan->ends[i]);
    }
    if (plan->model_count == 0) return;
    hr_buf_put_varint(out, plan->model_count);
    for (uint32_t i = 0; i < plan->model_count; i++) {
        put_text(out, plan->models[i].name);
        hr_buf_put_u64(out, (uint64_t)plan->models[i].version);
        hr_buf_put_u64(out, plan->models[i].digest);
    }
}

static hr_status get_models(struct hr_arena *arena, struct hr_reader *in,
                            struct hr_plan_record *plan, struct hr_err *err)
{
    uint64_t count = hr_get_varint(in);
    if (in->failed || count > COUNT_MAX) return damaged(err, "a PLAN record is short");
    plan->model_count = (uint32_t)count;
    plan->models = HR_NEW_ARRAY(arena, struct hr_model_ref, count + 1);
    if (!plan->models) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->model_count; i++) {
        struct hr_model_ref *model = &plan->models[i];
        model->name = get_text(arena, in);
        model->version = (int64_t)hr_get_u64(in);
        model->digest = hr_get_u64(in);
        if (!model->name) return HR_OOM(err);
    }
    return HR_OK;
}

hr_status hr_plan_record_get(struct hr_arena *arena, struct hr_str_view payload,
                             struct hr_plan_record *ret, struct hr_err *err)
{
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    uint8_t version = hr_get_u8(&in);
    if (version != RECORD_VERSION && version != PLAN_WITH_MODELS)
        return damaged(err, "a PLAN record of an unknown version");
    struct hr_plan_record plan = {0};
    plan.timestamp_us = (int64_t)hr_get_u64(&in);
    plan.late_watermark_us = (int64_t)hr_get_u64(&in);
    plan.evict_watermark_us = (int64_t)hr_get_u64(&in);
    uint64_t count = hr_get_varint(&in);
    if (in.failed || count > COUNT_MAX) return damaged(err, "a PLAN record is short");
    plan.source_count = (uint32_t)count;
    plan.starts = HR_NEW_ARRAY(arena, const char *, count + 1);
    plan.ends = HR_NEW_ARRAY(arena, const char *, count + 1);
    if (!plan.starts || !plan.ends) return HR_OOM(err);
    for (uint32_t i = 0; i < plan.source_count; i++) {
        plan.starts[i] = get_text(arena, &in);
        plan.ends[i] = get_text(arena, &in);
        if (!plan.starts[i] || !plan.ends[i]) return HR_OOM(err);
    }
    if (version == PLAN_WITH_MODELS) HR_TRY(get_models(arena, &in, &plan, err));
    if (in.failed) return damaged(err, "a PLAN record is short");
    *ret = plan;
    return HR_OK;
}

/* ---- COMMIT ---- */

static void put_ref(const struct hr_state_ref *ref, struct hr_buf *out)
{
    /* In a file, or here: a restore must find one of them, and never both. */
    assert(ref->file ? ref->bytes.len == 0 || ref->size_bytes > 0 : true);
    assert(ref->epoch >= 0);
    hr_buf_put_varint(out, ref->state_id);
    hr_buf_put_u8(out, ref->is_snapshot);
    hr_buf_put_u64(out, (uint64_t)ref->epoch);
    put_text(out, ref->file);
    hr_buf_put_u64(out, ref->size_bytes);
    hr_buf_put_u32(out, ref->crc);
    hr_buf_put_bytes(out, ref->bytes.ptr, ref->file ? 0 : ref->bytes.len);
}

static hr_status get_ref(struct hr_arena *arena, struct hr_reader *in, struct hr_state_ref *ret,
                         struct hr_err *err)
{
    ret->state_id = (uint32_t)hr_get_varint(in);
    ret->is_snapshot = hr_get_u8(in) != 0;
    ret->epoch = (int64_t)hr_get_u64(in);
    ret->file = get_text(arena, in);
    if (!ret->file) return HR_OOM(err);
    if (!ret->file[0]) ret->file = NULL;
    ret->size_bytes = hr_get_u64(in);
    ret->crc = hr_get_u32(in);
    struct hr_str_view bytes = hr_get_bytes(in);
    const char *copy = hr_arena_strndup(arena, bytes.ptr ? bytes.ptr : "", bytes.len);
    if (!copy) return HR_OOM(err);
    ret->bytes = hr_svn(copy, bytes.len);
    return HR_OK;
}

void hr_commit_record_put(const struct hr_commit_record *commit, struct hr_buf *out)
{
    assert(commit->input_rows >= 0 && commit->output_rows >= 0 && commit->late_rows >= 0);
    assert(commit->ref_count <= COUNT_MAX && commit->mark_count <= COUNT_MAX);
    hr_buf_put_u8(out, commit->mark_count ? COMMIT_WITH_MARKS : RECORD_VERSION);
    hr_buf_put_u64(out, (uint64_t)commit->next_watermark_us);
    hr_buf_put_varint(out, (uint64_t)commit->input_rows);
    hr_buf_put_varint(out, (uint64_t)commit->output_rows);
    hr_buf_put_varint(out, (uint64_t)commit->late_rows);
    hr_buf_put_varint(out, commit->watermark_count);
    for (uint32_t i = 0; i < commit->watermark_count; i++)
        hr_buf_put_u64(out, (uint64_t)commit->source_watermarks_us[i]);
    hr_buf_put_varint(out, commit->ref_count);
    for (uint32_t i = 0; i < commit->ref_count; i++) put_ref(&commit->refs[i], out);
    if (commit->mark_count) hr_buf_put_varint(out, commit->mark_count);
    for (uint32_t i = 0; i < commit->mark_count; i++) {
        hr_buf_put_varint(out, commit->marks[i].node);
        hr_buf_put_u64(out, commit->marks[i].partition);
        hr_buf_put_u64(out, (uint64_t)commit->marks[i].mark_us);
    }
}

static hr_status get_marks(struct hr_arena *arena, struct hr_reader *in,
                           struct hr_commit_record *commit, struct hr_err *err)
{
    uint64_t marks = hr_get_varint(in);
    if (in->failed || marks > COUNT_MAX) return damaged(err, "a COMMIT record is short");
    commit->marks = HR_NEW_ARRAY(arena, struct hr_mark_record, marks + 1);
    if (!commit->marks) return HR_OOM(err);
    for (; commit->mark_count < marks; commit->mark_count++) {
        struct hr_mark_record *mark = &commit->marks[commit->mark_count];
        mark->node = (uint32_t)hr_get_varint(in);
        mark->partition = hr_get_u64(in);
        mark->mark_us = (int64_t)hr_get_u64(in);
    }
    return HR_OK;
}

hr_status hr_commit_record_get(struct hr_arena *arena, struct hr_str_view payload,
                               struct hr_commit_record *ret, struct hr_err *err)
{
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    uint8_t version = hr_get_u8(&in);
    if (version != RECORD_VERSION && version != COMMIT_WITH_MARKS)
        return damaged(err, "a COMMIT record of an unknown version");
    struct hr_commit_record commit = {0};
    commit.next_watermark_us = (int64_t)hr_get_u64(&in);
    commit.input_rows = (int64_t)hr_get_varint(&in);
    commit.output_rows = (int64_t)hr_get_varint(&in);
    commit.late_rows = (int64_t)hr_get_varint(&in);
    uint64_t watermarks = hr_get_varint(&in);
    if (in.failed || watermarks > COUNT_MAX) return damaged(err, "a COMMIT record is short");
    commit.watermark_count = (uint32_t)watermarks;
    commit.source_watermarks_us = HR_NEW_ARRAY(arena, int64_t, watermarks + 1);
    if (!commit.source_watermarks_us) return HR_OOM(err);
    for (uint32_t i = 0; i < commit.watermark_count; i++)
        commit.source_watermarks_us[i] = (int64_t)hr_get_u64(&in);
    uint64_t refs = hr_get_varint(&in);
    if (in.failed || refs > COUNT_MAX) return damaged(err, "a COMMIT record is short");
    commit.ref_count = (uint32_t)refs;
    commit.refs = HR_NEW_ARRAY(arena, struct hr_state_ref, refs + 1);
    if (!commit.refs) return HR_OOM(err);
    for (uint32_t i = 0; i < commit.ref_count; i++)
        HR_TRY(get_ref(arena, &in, &commit.refs[i], err));
    if (version == COMMIT_WITH_MARKS) HR_TRY(get_marks(arena, &in, &commit, err));
    if (in.failed) return damaged(err, "a COMMIT record is short");
    *ret = commit;
    return HR_OK;
}

/* ---- printing ---- */

static void print_meta(const struct hr_meta_record *meta, struct hr_buf *out)
{
    hr_buf_puts(out, ",\"queryId\":");
    hr_buf_put_json(out, hr_sv(meta->query_id));
    hr_buf_puts(out, ",\"name\":");
    hr_buf_put_json(out, hr_sv(meta->name));
    hr_buf_puts(out, ",\"state\":");
    hr_buf_put_json(out, hr_sv(meta->state_text));
    hr_buf_puts(out, ",\"sources\":");
    hr_buf_put_json(out, hr_sv(meta->sources_text));
    hr_buf_puts(out, ",\"sink\":");
    hr_buf_put_json(out, hr_sv(meta->sink_text));
}

static void print_start(const struct hr_start_record *start, struct hr_buf *out)
{
    hr_buf_puts(out, ",\"offsets\":[");
    for (uint32_t i = 0; i < start->source_count; i++) {
        if (i) hr_buf_putc(out, ',');
        hr_buf_put_json(out, hr_sv(start->offsets[i]));
    }
    hr_buf_putc(out, ']');
}

static void print_time(struct hr_buf *out, const char *name, int64_t us)
{
    if (us == INT64_MIN) return;
    hr_buf_printf(out, ",\"%s\":%" PRId64, name, us / 1000);
}

static void print_plan(const struct hr_plan_record *plan, struct hr_buf *out)
{
    print_time(out, "timestampMs", plan->timestamp_us);
    print_time(out, "lateWatermarkMs", plan->late_watermark_us);
    print_time(out, "watermarkMs", plan->evict_watermark_us);
    hr_buf_puts(out, ",\"offsets\":[");
    for (uint32_t i = 0; i < plan->source_count; i++) {
        hr_buf_puts(out, i ? ",{\"start\":" : "{\"start\":");
        hr_buf_put_json(out, hr_sv(plan->starts[i]));
        hr_buf_puts(out, ",\"end\":");
        hr_buf_put_json(out, hr_sv(plan->ends[i]));
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
    if (plan->model_count) hr_buf_puts(out, ",\"models\":[");
    for (uint32_t i = 0; i < plan->model_count; i++) {
        hr_buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        hr_buf_put_json(out, hr_sv(plan->models[i].name));
        hr_buf_printf(out, ",\"version\":%" PRId64 "}", plan->models[i].version);
    }
    if (plan->model_count) hr_buf_putc(out, ']');
}

static void print_commit(const struct hr_commit_record *commit, struct hr_buf *out)
{
    print_time(out, "nextWatermarkMs", commit->next_watermark_us);
    hr_buf_printf(out,
                  ",\"inputRows\":%" PRId64 ",\"outputRows\":%" PRId64 ",\"lateRows\":%" PRId64
                  ",\"state\":[",
                  commit->input_rows, commit->output_rows, commit->late_rows);
    for (uint32_t i = 0; i < commit->ref_count; i++) {
        const struct hr_state_ref *ref = &commit->refs[i];
        hr_buf_printf(out, "%s{\"operator\":%u,\"kind\":\"%s\",\"file\":", i ? "," : "",
                      ref->state_id, ref->is_snapshot ? "snapshot" : "delta");
        if (ref->file) {
            hr_buf_put_json(out, hr_sv(ref->file));
        } else {
            hr_buf_puts(out, "null");
        }
        hr_buf_printf(out, ",\"bytes\":%" PRIu64 "}", ref->size_bytes);
    }
    hr_buf_putc(out, ']');
}

hr_status hr_record_print(const struct hr_record *record, struct hr_buf *out, struct hr_err *err)
{
    assert(record->kind >= HR_REC_META && record->kind <= HR_REC_START);
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_OK;
    hr_buf_printf(out, "{\"record\":\"%s\",\"epoch\":%" PRId64, hr_record_kind_name(record->kind),
                  record->epoch);
    switch (record->kind) {
    case HR_REC_META: {
        struct hr_meta_record meta;
        HR_TRY_OUT(hr_meta_record_get(&arena, record->payload, &meta, err));
        print_meta(&meta, out);
        break;
    }
    case HR_REC_START: {
        struct hr_start_record start;
        HR_TRY_OUT(hr_start_record_get(&arena, record->payload, &start, err));
        print_start(&start, out);
        break;
    }
    case HR_REC_PLAN: {
        struct hr_plan_record plan;
        HR_TRY_OUT(hr_plan_record_get(&arena, record->payload, &plan, err));
        print_plan(&plan, out);
        break;
    }
    case HR_REC_COMMIT: {
        struct hr_commit_record commit;
        HR_TRY_OUT(hr_commit_record_get(&arena, record->payload, &commit, err));
        print_commit(&commit, out);
        break;
    }
    }
    hr_buf_putc(out, '}');
out:
    hr_arena_done(&arena);
    return status;
}
