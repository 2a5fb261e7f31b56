/* SPDX-License-Identifier: Apache-2.0 */
/* from_csv, to_csv and schema_of_csv: their arguments; the work is done by csv.h's functions. */
#include "expr/functions/csv.h"
#include "expr/functions/json.h"

#include <stdatomic.h>

#include "column/type_parse.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

static const struct hr_csv_functions *_Atomic functions;

void hr_csv_functions_set(const struct hr_csv_functions *of)
{
    functions = of;
}

struct csv_call {
    struct hr_options options;
    const struct hr_type *schema; /* of from_csv */
};

static hr_status begin(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                       uint32_t at, struct csv_call **ret, struct hr_err *err)
{
    struct csv_call *c = HR_NEW(arena, struct csv_call);
    if (!c) return HR_OOM(err);
    if (!functions) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "CSV in expressions");
    HR_TRY(hr_call_options(arena, conf, call, at, &c->options, err));
    call->bound = *ret = c;
    return HR_OK;
}

/* from_csv ------------------------------------------------------------------------------------- */

/* The DDL's columns, each of which may be NULL. */
static hr_status take_schema(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *call, const struct hr_type **ret,
                             struct hr_err *err)
{
    struct hr_str_view ddl;
    const struct hr_type *type;
    if (!hr_resolve_const_string(arena, conf, call->args[1], &ddl))
        return HR_RAISE(err, HR_E_INVALID_SCHEMA_NON_STRING_LITERAL, "inputSchema",
                        hr_expr_quoted(arena, call->args[1]));
    HR_TRY(hr_schema_parse(ddl, &type, err));
    struct hr_field *fields =
        hr_arena_memdup(arena, type->fields, sizeof *fields * (type->field_count + 1));
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct hr_type *t = fields[i].type;
        if (hr_type_is_nested(t))
            return HR_RAISE(err, HR_E_UNSUPPORTED_DATATYPE, "typeName", hr_type_quoted(arena, t));
        fields[i].nullable = true;
    }
    *ret = hr_type_struct(fields, type->field_count);
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_from_csv(HR_BIND_ARGS)
{
    struct csv_call *c;
    struct hr_expr *text = call->args[0];
    if (text->implicit_cast && text->args[0]->type->id != HR_T_NULL) { /* no other type will do */
        call->args[0] = text->args[0];
        return hr_resolve_unexpected_type(arena, call, 0, "\"STRING\"", err);
    }
    HR_TRY(begin(arena, conf, call, 2, &c, err));
    HR_TRY(take_schema(arena, conf, call, &c->schema, err));
    const char *mode = hr_options_get(&c->options, "mode");
    if (mode && hr_str_eq_nocase(mode, "dropmalformed"))
        return HR_RAISE(err, HR_E_PARSE_MODE_UNSUPPORTED, "funcName", "`from_csv`", "mode",
                        "DROPMALFORMED");
    HR_TRY(functions->check(conf, &c->options, c->schema, false, err));
    call->type = c->schema;
    call->nullable = true;
    return HR_OK;
}

/* The texts of the rows asked for; the others are tombstones, so that rows stay in their place. */
static const struct hr_str_view *texts_of(struct hr_eval_ctx *ctx, const struct hr_vector *arg,
                                          const struct hr_column *out)
{
    struct hr_str_view *texts = HR_NEW_ARRAY(ctx->arena, struct hr_str_view, ctx->row_count + 1);
    if (texts) HR_EACH_ROW(ctx, out, row) texts[row] = hr_arg_str(arg, row);
    return texts;
}

hr_status hr_fn_from_csv(HR_EVAL_ARGS)
{
    const struct csv_call *c = call->bound;
    struct hr_batch *batch = NULL;
    const struct hr_str_view *texts = texts_of(ctx, &args[0], out);
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!texts || !b) return HR_OOM(err);
    HR_TRY(functions->read(ctx->conf, &c->options, c->schema, texts, ctx->row_count, &batch, err));
    HR_BUILD_ROWS(ctx, out, b, row) {
        for (uint32_t i = 0; i < batch->schema->field_count; i++)
            hr_builder_copy(hr_builder_child(b, i), &batch->columns[i], row);
        hr_builder_close(b);
    }
    hr_status status = hr_out_from_builder(ctx, b, out, err);
    hr_batch_unref(batch);
    return status;
}

/* to_csv --------------------------------------------------------------------------------------- */

hr_status hr_bind_to_csv(HR_BIND_ARGS)
{
    struct csv_call *c;
    const struct hr_type *type = call->args[0]->type;
    if (type->id != HR_T_STRUCT)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNSUPPORTED_INPUT_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`to_csv`", "dataType",
                        hr_type_quoted(arena, type));
    HR_TRY(begin(arena, conf, call, 1, &c, err));
    return functions->check(conf, &c->options, type, true, err);
}

/* The struct's fields as columns of their own, of the rows that are no NULL. */
static struct hr_batch *rows_of(struct hr_eval_ctx *ctx, const struct hr_vector *arg,
                                const struct hr_column *out)
{
    struct hr_batch *batch = HR_NEW(ctx->arena, struct hr_batch);
    uint32_t *sel = HR_NEW_ARRAY(ctx->arena, uint32_t, ctx->row_count + 1);
    if (!batch || !sel) return NULL;
    batch->schema = arg->col.type;
    batch->columns = arg->col.children;
    batch->sel = sel;
    batch->row_count = arg->col.length;
    HR_EACH_ROW(ctx, out, row) sel[batch->sel_count++] = hr_vector_row(arg, row);
    return batch;
}

hr_status hr_fn_to_csv(HR_EVAL_ARGS)
{
    const struct csv_call *c = call->bound;
    struct hr_buf text = {0};
    struct hr_batch *batch = rows_of(ctx, &args[0], out);
    uint64_t *ends = HR_NEW_ARRAY(ctx->arena, uint64_t, ctx->row_count + 1), start = 0;
    if (!batch || !ends) return HR_OOM(err);
    hr_status status = functions->write(ctx->conf, &c->options, batch, &text, ends, err);
    uint32_t i = 0;
    if (status == HR_OK) HR_EACH_ROW(ctx, out, row) {
        status = hr_out_str(ctx, out, row, text.ptr + start, (size_t)(ends[i] - start), err);
        if (status != HR_OK) break;
        start = ends[i++];
    }
    hr_buf_done(&text);
    return status;
}

/* schema_of_csv -------------------------------------------------------------------------------- */

hr_status hr_bind_schema_of_csv(HR_BIND_ARGS)
{
    struct csv_call *c;
    HR_TRY(begin(arena, conf, call, 1, &c, err));
    HR_TRY(functions->check(conf, &c->options, NULL, false, err));
    return hr_options_put(&c->options, "inferSchema", "true", err);
}

hr_status hr_fn_schema_of_csv(HR_EVAL_ARGS)
{
    const struct csv_call *c = call->bound;
    HR_TEXT_ROWS({
        const struct hr_type *type;
        status_ = functions->infer(ctx->conf, &c->options, hr_arg_str(&args[0], row), &type, err);
        if (status_ != HR_OK) break;
        hr_type_print_sql(type, &buf);
    });
}
