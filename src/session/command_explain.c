/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXPLAIN: Spark's headings over our trees. Of a streaming statement also what it guarantees and
 * its output mode.
 */
#include "connector/connector.h"
#include "operator/stateful.h"
#include "plan/nodes/late.h"
#include "session/internal.h"

static bool is_streaming_statement(const struct hr_stmt *stmt)
{
    return stmt->kind == HR_STMT_CREATE_STREAMING_TABLE || stmt->kind == HR_STMT_CREATE_FLOW ||
           stmt->kind == HR_STMT_CREATE_ALERT;
}

static void put_schema(const struct hr_plan *plan, struct hr_buf *out)
{
    for (uint32_t i = 0; i < plan->output_count; i++) {
        hr_buf_printf(out, "%s%s: ", i ? ", " : "", plan->output[i].name);
        hr_type_print_simple(plan->output[i].type, out);
    }
    hr_buf_putc(out, '\n');
}

static hr_status put_streaming(struct hr_run *run, const struct hr_plan *plan,
                               const struct hr_pnode *root, enum hr_output_mode mode,
                               struct hr_buf *out, struct hr_err *err)
{
    const struct hr_sink_vt *sink = NULL;
    const struct hr_options *options = NULL;
    struct hr_buf growing = {0};
    struct hr_dead_place dead;
    HR_TRY(hr_streaming_sink(run, &sink, &options, err));
    HR_TRY(hr_run_dead_letters(run, plan, options, &dead, err));
    hr_buf_puts(out, "== Streaming ==\n");
    hr_buf_printf(out, "Output mode: %s\nGuarantee: ", hr_output_mode_name(mode));
    hr_plan_guarantee(plan, sink, options, &dead, out);
    hr_stateful_put_growing(root, &growing);
    if (growing.len) hr_buf_printf(out, "\nState that grows for ever: %s", hr_buf_cstr(&growing));
    hr_status status = hr_buf_status(&growing, err);
    hr_buf_done(&growing);
    hr_buf_puts(out, "\n\n");
    return status;
}

static hr_status explain_plan(struct hr_run *run, struct hr_plan *plan, bool extended,
                              struct hr_buf *out, struct hr_err *err)
{
    enum hr_output_mode mode = HR_MODE_APPEND;
    struct hr_pnode *root = NULL;
    if (extended) {
        hr_buf_puts(out, "== Parsed Logical Plan ==\n");
        hr_plan_print(plan, out);
        hr_buf_puts(out, "\n== Analyzed Logical Plan ==\n");
    }
    HR_TRY(hr_run_analyze(run, &plan, err));
    bool streaming = is_streaming_statement(run->stmt);
    if (streaming) HR_TRY(hr_streaming_mode(run, &plan, &mode, err));
    const struct hr_type *late = NULL;
    if (streaming && run->stmt->late_name)
        HR_TRY(hr_plan_divert_late(run->arena, plan, mode, &late, err));
    if (extended) {
        put_schema(plan, out);
        hr_plan_print(plan, out);
    }
    HR_TRY(hr_plan_optimize(run->arena, &run->conf, &plan, err));
    if (extended) {
        hr_buf_puts(out, "\n== Optimized Logical Plan ==\n");
        hr_plan_print(plan, out);
        hr_buf_putc(out, '\n');
    }
    HR_TRY(hr_plan_physical(run->arena, &run->conf, plan, mode, &root, err));
    if (streaming) HR_TRY(put_streaming(run, plan, root, mode, out, err));
    hr_buf_puts(out, "== Physical Plan ==\n");
    hr_pnode_print(root, out);
    hr_buf_putc(out, '\n');
    return HR_OK;
}

hr_status hr_run_explain(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"plan"};
    const struct hr_stmt *explain = run->stmt;
    struct hr_plan *plan = explain->inner ? explain->inner->plan : explain->plan;
    struct hr_rows *rows = NULL;
    struct hr_buf text = {0};
    if (!plan) {
        hr_buf_puts(&text, "== Physical Plan ==\nExecute command\n\n");
    } else {
        if (explain->inner) run->stmt = explain->inner;
        hr_status status = explain_plan(run, plan, explain->extended, &text, err);
        run->stmt = explain;
        if (status != HR_OK) {
            hr_buf_done(&text);
            return status;
        }
    }
    hr_status status = hr_buf_status(&text, err);
    if (status == HR_OK) status = hr_rows_new(run, names, 1, &rows, err);
    if (status == HR_OK) {
        const char *row[] = {hr_buf_cstr(&text)};
        hr_rows_add(rows, row);
        status = hr_rows_finish(rows, err);
    }
    hr_buf_done(&text);
    return status;
}
