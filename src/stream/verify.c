/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/record_log.h"
#include "connector/connector.h"
#include "stream/journal.h"
#include "stream/record.h"

#define STATES_MAX 10000

/* What restores of one state read. */
struct state_files {
    struct hr_state_ref *refs;
    uint32_t count, capacity;
};

struct facts {
    struct hr_arena arena;
    struct hr_env *env;
    const char *dir;
    bool has_meta;
    struct hr_meta_record meta;
    struct hr_plan_record plan; /* the last one */
    int64_t planned, committed; /* -1: none */
    int64_t records;
    struct state_files *states;
    uint32_t state_count;
    void (*found)(void *arg, const struct hr_err *);
    void *found_arg;
    uint32_t findings;
};

static hr_status corrupt(const char *path, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", why);
}

/* ---- the journal ----------------------------------------------------------------------------- */

static hr_status keep_refs(struct facts *facts, const struct hr_commit_record *commit,
                           struct hr_err *err)
{
    for (uint32_t i = 0; i < commit->ref_count; i++) {
        const struct hr_state_ref *ref = &commit->refs[i];
        if (ref->state_id >= STATES_MAX)
            return corrupt(facts->dir, "its journal numbers too many states", err);
        if (!facts->states)
            facts->states = HR_NEW_ARRAY(&facts->arena, struct state_files, STATES_MAX);
        if (!facts->states) return HR_OOM(err);
        struct state_files *state = &facts->states[ref->state_id];
        if (ref->is_snapshot) state->count = 0;
        struct { struct hr_state_ref *items; uint32_t count, capacity; } list = {
            state->refs, state->count, state->capacity};
        if (!HR_VEC_PUSH(&facts->arena, &list, *ref)) return HR_OOM(err);
        *state = (struct state_files){list.items, list.count, list.capacity};
        facts->state_count = HR_MAX(facts->state_count, ref->state_id + 1);
    }
    return HR_OK;
}

static hr_status note_commit(struct facts *facts, const struct hr_record *record,
                             struct hr_err *err)
{
    struct hr_commit_record commit;
    if (record->epoch != facts->planned || record->epoch == facts->committed)
        return corrupt(facts->dir, "a COMMIT record without its PLAN", err);
    HR_TRY(hr_commit_record_get(&facts->arena, record->payload, &commit, err));
    facts->committed = record->epoch;
    return keep_refs(facts, &commit, err);
}

static hr_status note_record(void *arg, const struct hr_record *record, struct hr_err *err)
{
    struct facts *facts = arg;
    facts->records++;
    if (facts->has_meta == (record->kind == HR_REC_META))
        return corrupt(facts->dir, "its journal does not begin with one META record", err);
    switch (record->kind) {
    case HR_REC_META:
        facts->has_meta = true;
        return hr_meta_record_get(&facts->arena, record->payload, &facts->meta, err);
    case HR_REC_START: {
        struct hr_start_record start;
        return hr_start_record_get(&facts->arena, record->payload, &start, err);
    }
    case HR_REC_PLAN:
        if (facts->planned != facts->committed ||
            (facts->planned >= 0 && record->epoch != facts->planned + 1))
            return corrupt(facts->dir, "a PLAN record out of order", err);
        facts->planned = record->epoch;
        return hr_plan_record_get(&facts->arena, record->payload, &facts->plan, err);
    case HR_REC_COMMIT: return note_commit(facts, record, err);
    }
    return HR_BUG(err, "a record of no kind");
}

static hr_status read_facts(struct facts *facts, struct hr_env *env, const char *dir,
                            struct hr_err *err)
{
    *facts = (struct facts){.env = env, .dir = dir, .planned = -1, .committed = -1};
    hr_arena_init(&facts->arena, NULL);
    return hr_journal_scan(env, dir, note_record, facts, err);
}

/* ---- what goes with it ----------------------------------------------------------------------- */

static void report(struct facts *facts, hr_status status, const struct hr_err *err)
{
    if (status == HR_OK) return;
    facts->findings++;
    facts->found(facts->found_arg, err);
}

static hr_status check_state_file(struct facts *facts, const struct hr_state_ref *ref,
                                  struct hr_err *err)
{
    struct hr_buf file;
    const char *path = hr_arena_printf(&facts->arena, "%s/state/%s", facts->dir, ref->file);
    if (!path) return HR_OOM(err);
    hr_buf_init(&file, (size_t)64 << 30);
    hr_status status = hr_env_read_file(facts->env, path, &file, err);
    if (status == HR_E_NOT_FOUND) status = corrupt(path, "the file is missing", err);
    if (status == HR_OK &&
        (file.len != ref->size_bytes || hr_crc32c(0, file.ptr, file.len) != ref->crc))
        status = corrupt(path, "its checksum is wrong", err);
    hr_buf_done(&file);
    return status;
}

static void check_states(struct facts *facts, struct hr_err *err)
{
    for (uint32_t s = 0; s < facts->state_count; s++) {
        const struct state_files *state = &facts->states[s];
        for (uint32_t i = 0; i < state->count; i++)
            if (state->refs[i].file)
                report(facts, check_state_file(facts, &state->refs[i], err), err);
    }
}

static hr_status check_one_sink(struct facts *facts, const char *text, struct hr_err *err)
{
    const char *space = strchr(text, ' ');
    const char *name = space ? hr_arena_strndup(&facts->arena, text, (size_t)(space - text)) : text;
    if (!name) return HR_OOM(err);
    const struct hr_sink_vt *vt = hr_sink_find(name);
    if (!vt || !vt->verify) return HR_OK;
    return vt->verify(facts->env, space ? space + 1 : "", facts->meta.query_id, facts->planned,
                      facts->committed, err);
}

static hr_status check_sink(struct facts *facts, struct hr_err *err)
{
    const char *text = facts->meta.sink_text, *late = strchr(text, HR_META_LATE);
    if (!late) return check_one_sink(facts, text, err);
    const char *first = hr_arena_strndup(&facts->arena, text, (size_t)(late - text));
    if (!first) return HR_OOM(err);
    HR_TRY(check_one_sink(facts, first, err));
    return check_one_sink(facts, late + 1, err);
}

/* A source's own log: a kind knows its offsets, and leaves the others' alone. */
static hr_status check_source(struct facts *facts, uint32_t i, struct hr_err *err)
{
    const char *dir = hr_arena_printf(&facts->arena, "%s/sources/%u", facts->dir, i);
    if (!dir) return HR_OOM(err);
    for (size_t k = 0; hr_source_at(k); k++) {
        const struct hr_source_vt *vt = hr_source_at(k);
        if (vt->verify) HR_TRY(vt->verify(facts->env, dir, facts->plan.ends[i], err));
    }
    return HR_OK;
}

uint32_t hr_checkpoint_verify(struct hr_env *env, const char *dir,
                              void (*found)(void *arg, const struct hr_err *), void *arg)
{
    struct facts facts;
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = read_facts(&facts, env, dir, &err);
    facts.found = found;
    facts.found_arg = arg;
    report(&facts, status, &err);
    if (status == HR_OK && facts.has_meta) {
        check_states(&facts, &err);
        for (uint32_t i = 0; facts.planned >= 0 && i < facts.plan.source_count; i++)
            report(&facts, check_source(&facts, i, &err), &err);
        report(&facts, check_sink(&facts, &err), &err);
    }
    hr_arena_done(&facts.arena);
    return facts.findings;
}

/* ---- summaries ------------------------------------------------------------------------------- */

bool hr_checkpoint_is_one(struct hr_env *env, const char *dir)
{
    char path[4096];
    return snprintf(path, sizeof path, "%s/journal", dir) < (int)sizeof path &&
           hr_env_exists(env, path);
}

static void put_member(struct hr_buf *out, const char *name, const char *text)
{
    hr_buf_printf(out, ",\"%s\":", name);
    hr_buf_put_json(out, hr_sv(text ? text : ""));
}

hr_status hr_checkpoint_summary(struct hr_env *env, const char *dir, struct hr_buf *out,
                                struct hr_err *err)
{
    struct facts facts;
    hr_status status = read_facts(&facts, env, dir, err);
    if (status == HR_OK) {
        hr_buf_puts(out, "{\"checkpoint\":");
        hr_buf_put_json(out, hr_sv(dir));
        put_member(out, "queryId", facts.meta.query_id);
        put_member(out, "name", facts.meta.name);
        put_member(out, "sources", facts.meta.sources_text);
        put_member(out, "state", facts.meta.state_text);
        put_member(out, "sink", facts.meta.sink_text);
        hr_buf_printf(out, ",\"committedEpoch\":%" PRId64 ",\"plannedEpoch\":%" PRId64 "}",
                      facts.committed, facts.planned);
        status = hr_buf_status(out, err);
    }
    hr_arena_done(&facts.arena);
    return status;
}
