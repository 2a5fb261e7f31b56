/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a pipeline's test: directives, each with the lines up to an empty one. */
#include "base/datetime.h"
#include "cli/pipeline.h"

/* 2024-01-01 00:00:00 UTC: where a test's clock begins unless told. */
#define START_US 1704067200000000

struct reader {
    struct hr_arena *arena;
    struct pipeline *pipeline;
    struct hr_str_view text;
    size_t pos;
    int32_t line;
};

static hr_status wrong(const struct reader *r, int32_t line, const char *what, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s:%d: %s", r->pipeline->path, line, what);
}

static bool next_line(struct reader *r, struct hr_str_view *ret)
{
    if (r->pos >= r->text.len) return false;
    const char *start = r->text.ptr + r->pos;
    const char *end = memchr(start, '\n', r->text.len - r->pos);
    size_t len = end ? (size_t)(end - start) : r->text.len - r->pos;
    r->pos += len + (end != NULL);
    r->line++;
    *ret = hr_svn(start, len > 0 && start[len - 1] == '\r' ? len - 1 : len);
    return true;
}

/* The lines up to an empty one, or to one that says stop (may be NULL). */
static hr_status read_body(struct reader *r, const char *stop, struct pipeline_step *step,
                           bool *ret_stopped, struct hr_err *err)
{
    struct hr_str_view line;
    uint32_t capacity = 0;
    *ret_stopped = false;
    while (next_line(r, &line) && line.len > 0) {
        if (stop && hr_sv_eq(line, hr_sv(stop))) {
            *ret_stopped = true;
            return HR_OK;
        }
        if (step->row_count == capacity) {
            uint32_t more = capacity ? capacity * 2 : 8;
            struct hr_str_view *rows = hr_arena_alloc(r->arena, more * sizeof *rows);
            if (!rows) return HR_OOM(err);
            if (capacity) memcpy(rows, step->rows, capacity * sizeof *rows);
            step->rows = rows;
            capacity = more;
        }
        step->rows[step->row_count++] = line;
    }
    return HR_OK;
}

static hr_status add_step(struct reader *r, struct pipeline_step **ret, struct hr_err *err)
{
    struct pipeline *p = r->pipeline;
    if ((p->step_count & (p->step_count - 1)) == 0) { /* full at powers of two */
        uint32_t more = p->step_count ? p->step_count * 2 : 1;
        struct pipeline_step *steps = hr_arena_alloc(r->arena, more * sizeof *steps);
        if (!steps) return HR_OOM(err);
        if (p->step_count) memcpy(steps, p->steps, p->step_count * sizeof *steps);
        p->steps = steps;
    }
    *ret = &p->steps[p->step_count++];
    memset(*ret, 0, sizeof **ret);
    (*ret)->line = r->line;
    return HR_OK;
}

static hr_status read_rows(struct reader *r, enum pipeline_step_kind kind, const char *name,
                           struct hr_err *err)
{
    struct pipeline_step *step;
    bool stopped;
    if (!*name) return wrong(r, r->line, "the name of a table is missing", err);
    HR_TRY(add_step(r, &step, err));
    step->kind = kind;
    step->name = name;
    return read_body(r, NULL, step, &stopped, err);
}

/* The statement's lines up to ----, then its rows. */
static hr_status read_query(struct reader *r, struct hr_err *err)
{
    struct pipeline_step *step;
    bool stopped;
    HR_TRY(add_step(r, &step, err));
    step->kind = PIPELINE_QUERY;
    HR_TRY(read_body(r, "----", step, &stopped, err));
    if (!stopped || step->row_count == 0)
        return wrong(r, step->line, "query: a SELECT, then ---- and its rows", err);
    const struct hr_str_view *last = &step->rows[step->row_count - 1];
    step->sql = hr_svn(step->rows[0].ptr, (size_t)(last->ptr + last->len - step->rows[0].ptr));
    step->row_count = 0;
    step->rows = NULL;
    return read_body(r, NULL, step, &stopped, err);
}

static hr_status read_clock(struct reader *r, const char *value, struct hr_err *err)
{
    int64_t us;
    if (r->pipeline->step_count > 0)
        return wrong(r, r->line, "clock goes in front of the first step; then: advance", err);
    if (!hr_parse_timestamp_ntz(hr_sv(value), &us))
        return wrong(r, r->line, "clock: a time such as 2024-01-31 12:00:00 (UTC)", err);
    r->pipeline->start_us = us;
    return HR_OK;
}

static hr_status read_advance(struct reader *r, const char *value, struct hr_err *err)
{
    struct pipeline_step *step;
    int64_t us;
    if (!hr_parse_duration(hr_sv(value), &us) || us <= 0)
        return wrong(r, r->line, "advance: a duration such as 10 seconds", err);
    HR_TRY(add_step(r, &step, err));
    step->kind = PIPELINE_ADVANCE;
    step->us = us;
    return HR_OK;
}

static hr_status read_set(struct reader *r, const char *value, struct hr_err *err)
{
    struct pipeline *p = r->pipeline;
    if (!strchr(value, '=')) return wrong(r, r->line, "set: KEY=VALUE", err);
    const char **more = hr_arena_alloc(r->arena, (p->setting_count + 1) * sizeof *more);
    if (!more) return HR_OOM(err);
    if (p->setting_count) memcpy(more, p->settings, p->setting_count * sizeof *more);
    more[p->setting_count++] = value;
    p->settings = more;
    return HR_OK;
}

/* Paths are relative to the test's file. */
static hr_status read_job(struct reader *r, const char *value, struct hr_err *err)
{
    const char *slash = strrchr(r->pipeline->path, '/');
    if (!*value) return wrong(r, r->line, "job: the path of the SQL file", err);
    if (r->pipeline->job) return wrong(r, r->line, "there is a job already", err);
    r->pipeline->job =
        *value == '/' || !slash
            ? value
            : hr_arena_printf(r->arena, "%.*s/%s", (int)(slash - r->pipeline->path),
                              r->pipeline->path, value);
    return r->pipeline->job ? HR_OK : HR_OOM(err);
}

static hr_status read_directive(struct reader *r, struct hr_str_view line, struct hr_err *err)
{
    const char *text = hr_arena_strndup(r->arena, line.ptr, line.len);
    if (!text) return HR_OOM(err);
    size_t word = strcspn(text, " \t");
    const char *rest = text + word + strspn(text + word, " \t");
    struct hr_str_view name = hr_svn(text, word);
    if (hr_sv_eq(name, hr_sv("job"))) return read_job(r, rest, err);
    if (hr_sv_eq(name, hr_sv("set"))) return read_set(r, rest, err);
    if (hr_sv_eq(name, hr_sv("clock"))) return read_clock(r, rest, err);
    if (hr_sv_eq(name, hr_sv("advance"))) return read_advance(r, rest, err);
    if (hr_sv_eq(name, hr_sv("input"))) return read_rows(r, PIPELINE_INPUT, rest, err);
    if (hr_sv_eq(name, hr_sv("expect"))) return read_rows(r, PIPELINE_EXPECT, rest, err);
    if (hr_sv_eq(name, hr_sv("query"))) return read_query(r, err);
    return wrong(r, r->line, "not one of job, set, clock, input, advance, expect, query", err);
}

hr_status pipeline_read(struct hr_arena *arena, const char *path, struct hr_str_view text,
                        struct pipeline *ret, struct hr_err *err)
{
    struct hr_str_view line;
    *ret = (struct pipeline){.path = path, .start_us = START_US};
    struct reader r = {.arena = arena, .pipeline = ret, .text = text};
    while (next_line(&r, &line))
        if (line.len > 0 && line.ptr[0] != '#') HR_TRY(read_directive(&r, line, err));
    if (!ret->job) return wrong(&r, 1, "the job is missing: job FILE.sql", err);
    return HR_OK;
}
