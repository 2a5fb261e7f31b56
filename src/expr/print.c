/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of expressions as Spark writes it: names of unnamed columns, EXPLAIN, error parameters.
 * Spark's "pretty SQL": no qualifiers, no implicit casts, strings without quotes.
 */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/function.h"
#include "expr/internal.h"

/* Functions that Spark prints by another name than they are called by. */
static const struct {
    const char *name, *shown;
} shown_names[] = {
    {"acos", "ACOS"},
    {"acosh", "ACOSH"},
    {"asin", "ASIN"},
    {"asinh", "ASINH"},
    {"atan", "ATAN"},
    {"atan2", "ATAN2"},
    {"atanh", "ATANH"},
    {"cbrt", "CBRT"},
    {"ceil", "CEIL"},
    {"cos", "COS"},
    {"cosh", "COSH"},
    {"cot", "COT"},
    {"csc", "CSC"},
    {"degrees", "DEGREES"},
    {"e", "E"},
    {"exp", "EXP"},
    {"expm1", "EXPM1"},
    {"floor", "FLOOR"},
    {"hypot", "HYPOT"},
    {"log", "LOG"},
    {"log10", "LOG10"},
    {"log1p", "LOG1P"},
    {"log2", "LOG2"},
    {"pi", "PI"},
    {"radians", "RADIANS"},
    {"random", "rand"},
    {"rint", "rint"},
    {"rlike", "RLIKE"},
    {"sec", "SEC"},
    {"signum", "SIGNUM"},
    {"sin", "SIN"},
    {"sinh", "SINH"},
    {"sqrt", "SQRT"},
    {"tan", "TAN"},
    {"tanh", "TANH"},
    {"regexp", "REGEXP"},
    {"regexp_like", "REGEXP_LIKE"},
    {"array_agg", "collect_list"},
    {"current_database", "current_schema"},
    {"charindex", "locate"},
    {"dateadd", "date_add"},
    {"power", "POWER"},
    {"||", "concat"},
    {"rank", "RANK"},
    {"dense_rank", "DENSE_RANK"},
    {"percent_rank", "PERCENT_RANK"},
};

static const char *shown_name(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(shown_names); i++)
        if (hr_str_eq_nocase(shown_names[i].name, name)) return shown_names[i].shown;
    return name;
}

static void put_lower(struct hr_buf *out, const char *name)
{
    for (; *name; name++) hr_buf_putc(out, *name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
}

static void put_hex(struct hr_buf *out, struct hr_str_view bytes)
{
    hr_buf_puts(out, "X'");
    for (size_t i = 0; i < bytes.len; i++) hr_buf_printf(out, "%02X", (unsigned char)bytes.ptr[i]);
    hr_buf_putc(out, '\'');
}

/* As Java's BigDecimal: 1E-7, but 0.000001. */
static void print_decimal(hr_i128 value, int scale, struct hr_buf *out)
{
    char text[64];
    int exponent = hr_decimal_digits(value) - 1 - scale;
    if (exponent >= -6) {
        hr_buf_append(out, text, hr_decimal_format(value, scale, text));
        return;
    }
    size_t len = hr_decimal_format(value, 0, text), first = text[0] == '-';
    hr_buf_append(out, text, first + 1);
    if (len > first + 1) {
        hr_buf_putc(out, '.');
        hr_buf_append(out, text + first + 1, len - first - 1);
    }
    hr_buf_printf(out, "E%d", exponent);
}

static void print_literal(const struct hr_expr *expr, struct hr_buf *out)
{
    const struct hr_column *col = expr->literal;
    if (expr->is_variable && expr->name) {
        hr_buf_puts(out, expr->name);
        return;
    }
    if (hr_expr_is_literal_null(expr)) {
        hr_buf_puts(out, "NULL");
        return;
    }
    const char *prefix = expr->type->id == HR_T_DATE            ? "DATE '"
                         : expr->type->id == HR_T_TIMESTAMP     ? "TIMESTAMP '"
                         : expr->type->id == HR_T_TIME          ? "TIME '"
                         : expr->type->id == HR_T_TIMESTAMP_NTZ ? "TIMESTAMP_NTZ '"
                                                                : NULL;
    if (expr->type->id == HR_T_BINARY) {
        put_hex(out, hr_string_view((const struct hr_string *)col->values));
        return;
    }
    if (expr->type->id == HR_T_DECIMAL) {
        print_decimal(*(const hr_i128 *)col->values, expr->type->scale, out);
        return;
    }
    if (prefix) hr_buf_puts(out, prefix);
    if (prefix && expr->name) /* in the time zone of the one who asked (analyze_name.c) */
        hr_buf_puts(out, expr->name);
    else
        hr_column_print(col, 0, hr_tz_utc(), out);
    if (prefix) hr_buf_putc(out, '\'');
}

static void print_list(struct hr_expr *const *args, uint32_t count, struct hr_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_puts(out, ", ");
        hr_expr_print(args[i], out);
    }
}

static void print_case(const struct hr_expr *expr, struct hr_buf *out)
{
    hr_buf_puts(out, "CASE");
    uint32_t i = 0;
    for (; i + 1 < expr->arg_count; i += 2) {
        hr_buf_puts(out, " WHEN ");
        hr_expr_print(expr->args[i], out);
        hr_buf_puts(out, " THEN ");
        hr_expr_print(expr->args[i + 1], out);
    }
    if (i < expr->arg_count) {
        hr_buf_puts(out, " ELSE ");
        hr_expr_print(expr->args[i], out);
    }
    hr_buf_puts(out, " END");
}

/* "$0", "$1" are arguments, "$*" all of them from the second. */
static const struct {
    const char *name;
    int16_t args; /* -1: any number */
    const char *text;
} forms[] = {
    {"-", 1, "(- $0)"},
    {"+", 1, "(+ $0)"},
    {"~", 1, "~$0"},
    {"not", 1, "(NOT $0)"},
    {"!", 1, "(NOT $0)"},
    {"!=", 2, "(NOT ($0 = $1))"},
    {"<>", 2, "(NOT ($0 = $1))"},
    {"and", 2, "($0 AND $1)"},
    {"or", 2, "($0 OR $1)"},
    {"==", 2, "($0 = $1)"},
    {"in", -1, "($0 IN ($*))"},
    {"isnull", 1, "($0 IS NULL)"},
    {"isnotnull", 1, "($0 IS NOT NULL)"},
    {"istrue", 1, "($0 <=> true)"},
    {"isfalse", 1, "($0 <=> false)"},
    {"like", 2, "$0 LIKE $1"},
    {"like", 3, "$0 LIKE $1 ESCAPE '$2'"},
    {"if", 3, "(IF($0, $1, $2))"},
    {"[]", 2, "$0[$1]"},
    {"extract", 2, "extract($0 FROM $1)"},
    {"datepart", 2, "datepart($0 FROM $1)"},
    {"trim", 2, "TRIM(BOTH $0 FROM $1)"},
    {"ltrim", 2, "TRIM(LEADING $0 FROM $1)"},
    {"rtrim", 2, "TRIM(TRAILING $0 FROM $1)"},
    {"positive", 1, "(+ $0)"},
    {"__timestampadd", 3, "timestampadd($0, $1, $2)"},
    {"__timestampdiff", 3, "timestampdiff($0, $1, $2)"},
    {"try_make_timestamp_ntz", 1, "try_make_timestamp_ntz(make_timestamp_ntz($0))"},
    {"try_make_timestamp_ntz", 2, "try_make_timestamp_ntz(make_timestamp_ntz($0, $1))"},
    {"try_to_time", 1, "try_to_time(to_time($0))"},
    {"try_to_time", 2, "try_to_time(to_time($0, $1))"},
    {"zeroifnull", 2, "zeroifnull($0)"},
    {"nullifzero", 2, "nullifzero($0)"},
    {"array_sort", 1,
     "array_sort($0, lambdafunction((IF(((namedlambdavariable() IS NULL) AND "
     "(namedlambdavariable() IS NULL)), 0, (IF((namedlambdavariable() IS NULL), 1, "
     "(IF((namedlambdavariable() IS NULL), -1, (IF((namedlambdavariable() < "
     "namedlambdavariable()), -1, (IF((namedlambdavariable() > namedlambdavariable()), 1, "
     "0)))))))))), namedlambdavariable(), namedlambdavariable()))"},
    {"ceil", 2, "ceil($0, $1)"},
    {"floor", 2, "floor($0, $1)"},
};

static bool print_form(const struct hr_expr *expr, struct hr_buf *out)
{
    for (size_t i = 0; i < HR_COUNT(forms); i++) {
        if (!hr_str_eq_nocase(forms[i].name, expr->name)) continue;
        if (forms[i].args >= 0 && (uint32_t)forms[i].args != expr->arg_count) continue;
        if (expr->arg_count == 0) continue;
        for (const char *p = forms[i].text; *p; p++) {
            if (*p != '$')
                hr_buf_putc(out, *p);
            else if (*++p == '*')
                print_list(expr->args + 1, expr->arg_count - 1, out);
            else
                hr_expr_print(expr->args[*p - '0'], out);
        }
        return true;
    }
    return false;
}

/* (a, b) */
static void print_row(const struct hr_expr *expr, struct hr_buf *out)
{
    hr_buf_puts(out, "named_struct(");
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        hr_buf_printf(out, "%s%s, ", i ? ", " : "", expr->type->fields[i].name);
        hr_expr_print(expr->args[i], out);
    }
    hr_buf_putc(out, ')');
}

/* WITHIN GROUP: percentiles have keys as they are written, mode the other way round. */
static void print_within(const struct hr_expr *expr, struct hr_buf *out)
{
    bool mode = hr_str_eq_nocase(expr->name, "mode");
    bool brief = mode || hr_expr_is(expr, HR_ROLE_WHOLE);
    hr_buf_puts(out, " WITHIN GROUP (ORDER BY ");
    for (uint32_t i = expr->arg_count - expr->order_count; i < expr->arg_count; i++) {
        const struct hr_expr *key = expr->args[i];
        if (i > expr->arg_count - expr->order_count) hr_buf_puts(out, ", ");
        hr_expr_print(brief ? key->args[0] : key, out);
        if (brief && key->descending != mode) hr_buf_puts(out, " DESC");
    }
    hr_buf_putc(out, ')');
}

static void print_call(const struct hr_expr *expr, struct hr_buf *out)
{
    const struct hr_function *fn = expr->function ? expr->function : hr_function_find(expr->name);
    if (print_form(expr, out)) return;
    enum hr_function_role role = hr_expr_role(expr);
    if (role == HR_ROLE_CASE) {
        print_case(expr, out);
        return;
    }
    bool symbol = fn && (fn->flags & HR_FN_OPERATOR) && role != HR_ROLE_CONCAT;
    bool is_op = expr->arg_count == 2 &&
                 (symbol || hr_str_eq_nocase(expr->name, "div") || strchr("+-*/", expr->name[0]));
    if (is_op) {
        /* Spark's date and timestamp arithmetic with an interval prints without parentheses. */
        bool bare = expr->function && expr->function->name[0] == '_' && expr->type &&
                    (expr->type->id == HR_T_DATE || expr->type->id == HR_T_TIMESTAMP ||
                     expr->type->id == HR_T_TIMESTAMP_NTZ || expr->type->id == HR_T_TIME ||
                     strcmp(expr->function->name, "__clock_diff") == 0);
        if (!bare) hr_buf_putc(out, '(');
        hr_expr_print(expr->args[0], out);
        hr_buf_putc(out, ' ');
        put_lower(out, expr->name);
        hr_buf_putc(out, ' ');
        hr_expr_print(expr->args[1], out);
        if (!bare) hr_buf_putc(out, ')');
        return;
    }
    if (role == HR_ROLE_ROW && expr->type) {
        print_row(expr, out);
        return;
    }
    const char *name = shown_name(expr->name);
    if (name == expr->name && fn)
        put_lower(out, name);
    else
        hr_buf_puts(out, name);
    hr_buf_putc(out, '(');
    if (expr->distinct) hr_buf_puts(out, "DISTINCT ");
    uint32_t shown_args = expr->arg_count - expr->order_count;
    if (fn && (fn->flags & HR_FN_HIDE_SECOND) && shown_args > 1) shown_args = 1;
    if (role == HR_ROLE_RANK || role == HR_ROLE_DENSE_RANK || role == HR_ROLE_PERCENT_RANK)
        shown_args = 0;
    print_list(expr->args, shown_args, out);
    hr_buf_putc(out, ')');
    if (expr->order_count) print_within(expr, out);
    if (role == HR_ROLE_NTH_VALUE && expr->ignores_nulls) hr_buf_puts(out, " ignore nulls");
    if (expr->filter) {
        hr_buf_puts(out, " FILTER (WHERE ");
        hr_expr_print(expr->filter, out);
        hr_buf_putc(out, ')');
    }
}

static void print_parts(const struct hr_expr *expr, struct hr_buf *out)
{
    for (uint32_t i = 0; i < expr->name_part_count; i++) {
        if (i) hr_buf_putc(out, '.');
        hr_buf_puts(out, expr->name_parts[i]);
    }
}

static void print_lambda(const struct hr_expr *expr, struct hr_buf *out)
{
    hr_buf_puts(out, "lambdafunction(");
    hr_expr_print(expr->args[0], out);
    for (uint32_t i = 0; i < expr->name_part_count; i++)
        hr_buf_printf(out, ", %s", expr->type ? "namedlambdavariable()" : expr->name_parts[i]);
    hr_buf_putc(out, ')');
}

/* Several values of IN are the struct that Spark makes of them. */
static void print_values(const struct hr_expr *expr, struct hr_buf *out)
{
    uint32_t count = expr->subquery->value_count;
    if (count == 1) {
        hr_expr_print(expr->args[0], out);
        return;
    }
    hr_buf_puts(out, "named_struct(");
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_expr *value = expr->args[i];
        bool named = value->name && (value->kind == HR_X_ATTR || value->kind == HR_X_FIELD);
        if (i) hr_buf_puts(out, ", ");
        if (named)
            hr_buf_printf(out, "'%s', ", value->name);
        else
            hr_buf_printf(out, "'col%u', ", i + 1);
        hr_expr_print(value, out);
    }
    hr_buf_putc(out, ')');
}

/* Spark writes what is before the current row as a negative offset that follows, unless it is as it
 * was written. */
static void print_bound(const struct hr_expr *over, bool upper, struct hr_buf *out)
{
    const struct hr_expr *offset = hr_over_offset(over, upper);
    enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
    switch (bound) {
    case HR_BOUND_UNBOUNDED_PRECEDING: hr_buf_puts(out, "UNBOUNDED PRECEDING"); return;
    case HR_BOUND_UNBOUNDED_FOLLOWING: hr_buf_puts(out, "UNBOUNDED FOLLOWING"); return;
    case HR_BOUND_CURRENT: hr_buf_puts(out, "CURRENT ROW"); return;
    default: break;
    }
    bool is_cast = offset->kind == HR_X_CAST && offset->implicit_cast;
    bool negated = bound == HR_BOUND_PRECEDING && is_cast;
    if (negated) hr_buf_puts(out, "(- ");
    hr_expr_print(offset, out);
    if (negated) hr_buf_putc(out, ')');
    bool before = bound == HR_BOUND_PRECEDING && !is_cast;
    hr_buf_puts(out, before ? " PRECEDING" : " FOLLOWING");
}

void hr_over_print_frame(const struct hr_expr *over, struct hr_buf *out)
{
    hr_buf_puts(out, over->over->unit == HR_FRAME_ROWS ? "ROWS BETWEEN " : "RANGE BETWEEN ");
    print_bound(over, false, out);
    hr_buf_puts(out, " AND ");
    print_bound(over, true, out);
}

void hr_over_print_spec(const struct hr_expr *over, struct hr_buf *out)
{
    const struct hr_over *o = over->over;
    hr_buf_putc(out, '(');
    if (o->partition_count) {
        hr_buf_puts(out, "PARTITION BY ");
        print_list(over->args + 1, o->partition_count, out);
    }
    if (o->order_count) {
        hr_buf_puts(out, o->partition_count ? " ORDER BY " : "ORDER BY ");
        print_list(over->args + 1 + o->partition_count, o->order_count, out);
    }
    if (o->unit != HR_FRAME_NONE) {
        if (o->partition_count || o->order_count) hr_buf_putc(out, ' ');
        hr_over_print_frame(over, out);
    }
    hr_buf_putc(out, ')');
}

static void print_subquery(const struct hr_expr *expr, struct hr_buf *out)
{
    static const char *const names[] = {"scalarsubquery(", "listquery(", "exists(",
                                        "lateralsubquery("};
    uint32_t values = expr->subquery->value_count;
    bool in = expr->subquery->form == HR_SUBQUERY_IN;
    if (in) {
        hr_buf_putc(out, '(');
        print_values(expr, out);
        hr_buf_puts(out, " IN (");
    }
    hr_buf_puts(out, names[expr->subquery->form]);
    print_list(expr->args + values, expr->arg_count - values, out);
    hr_buf_puts(out, in ? ")))" : ")");
}

void hr_expr_print(const struct hr_expr *expr, struct hr_buf *out)
{
    if (expr->shown) {
        hr_buf_puts(out, expr->shown);
        return;
    }
    switch (expr->kind) {
    case HR_X_LITERAL: print_literal(expr, out); break;
    case HR_X_NAME: print_parts(expr, out); break;
    case HR_X_STAR:
        print_parts(expr, out);
        hr_buf_puts(out, expr->name_part_count ? ".*" : "*");
        break;
    case HR_X_ATTR: hr_buf_puts(out, expr->name ? expr->name : "?"); break;
    case HR_X_COLUMN:
        if (expr->name)
            hr_buf_puts(out, expr->name);
        else
            hr_buf_printf(out, "#%u", expr->ordinal);
        break;
    case HR_X_CALL: print_call(expr, out); break;
    case HR_X_CAST:
        if (expr->implicit_cast) {
            hr_expr_print(expr->args[0], out);
            break;
        }
        hr_buf_puts(out, expr->try_cast ? "TRY_CAST(" : "CAST(");
        hr_expr_print(expr->args[0], out);
        hr_buf_puts(out, " AS ");
        hr_type_print_sql(expr->type, out);
        hr_buf_putc(out, ')');
        break;
    case HR_X_ALIAS:
        hr_expr_print(expr->args[0], out);
        hr_buf_printf(out, " AS %s", expr->name);
        break;
    case HR_X_FIELD:
        hr_expr_print(expr->args[0], out);
        hr_buf_printf(out, ".%s", expr->name);
        break;
    case HR_X_SORT:
        hr_expr_print(expr->args[0], out);
        hr_buf_printf(out, " %s NULLS %s", expr->descending ? "DESC" : "ASC",
                      expr->nulls_first ? "FIRST" : "LAST");
        break;
    case HR_X_LAMBDA: print_lambda(expr, out); break;
    case HR_X_VAR: hr_buf_puts(out, "namedlambdavariable()"); break;
    case HR_X_SUBQUERY: print_subquery(expr, out); break;
    case HR_X_OVER:
        hr_expr_print(expr->args[0], out);
        hr_buf_puts(out, " OVER ");
        hr_over_print_spec(expr, out);
        break;
    }
}

static const char *finish(struct hr_arena *arena, struct hr_buf *out)
{
    const char *text = out->failed ? NULL : hr_arena_strndup(arena, out->ptr, out->len);
    hr_buf_done(out);
    return text ? text : "?";
}

const char *hr_expr_text(struct hr_arena *arena, const struct hr_expr *expr)
{
    struct hr_buf out = {0};
    hr_expr_print(expr, &out);
    return finish(arena, &out);
}

const char *hr_expr_quoted(struct hr_arena *arena, const struct hr_expr *expr)
{
    struct hr_buf out = {0};
    hr_buf_putc(&out, '"');
    hr_expr_print(expr, &out);
    hr_buf_putc(&out, '"');
    return finish(arena, &out);
}

const char *hr_expr_column_name(struct hr_arena *arena, const struct hr_expr *expr)
{
    const struct hr_expr *inner = expr;
    while (inner->kind == HR_X_CAST) inner = inner->args[0];
    bool named = inner->kind == HR_X_ATTR || inner->kind == HR_X_COLUMN ||
                 inner->kind == HR_X_ALIAS || inner->kind == HR_X_FIELD;
    if (named && inner->name && (inner == expr || inner->kind != HR_X_FIELD)) return inner->name;
    if (inner->kind == HR_X_NAME && inner->name_part_count)
        return inner->name_parts[inner->name_part_count - 1];
    return hr_expr_text(arena, expr);
}
