/* SPDX-License-Identifier: Apache-2.0 */
/* Session variables, and arguments by name. */
#include <stdio.h>

#include "plan/analyze.h"

/* Variables ------------------------------------------------------------------------------------ */

/* How many parts of the name stand before the variable's own: x, session.x, system.session.x. */
static uint32_t qualifier_parts(const struct hr_expr *name)
{
    const char *const *parts = name->name_parts;
    uint32_t count = name->name_part_count;
    if (count >= 3 && hr_str_eq_nocase(parts[0], "system") && hr_str_eq_nocase(parts[1], "session"))
        return 2;
    return count >= 2 && hr_str_eq_nocase(parts[0], "session") ? 1 : 0;
}

hr_status hr_resolve_variable(struct hr_analyzer *an, const struct hr_expr *name,
                              struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *value = NULL;
    uint32_t at = 0;
    if (!an->catalog->variable) return HR_OK;
    for (at = qualifier_parts(name);; at = 0) { /* a variable may be called session */
        HR_TRY(an->catalog->variable(an->catalog, an->arena, name->name_parts[at], &value, err));
        if (value || at == 0) break;
    }
    if (!value) return HR_OK;
    value->sql_pos = name->sql_pos;
    value->sql_end = name->sql_end;
    return hr_take_fields(an, value, name, at + 1, ret, err);
}

/* Arguments by name ---------------------------------------------------------------------------- */

/* Spark's functions whose arguments may be named, with their parameters and defaults. */
static const struct signature {
    const char *function;
    const char *params[5];
    const char *defaults[5]; /* a STRING, "" for NULL; NULL: required */
} signatures[] = {
    {"mask",
     {"str", "upperChar", "lowerChar", "digitChar", "otherChar"},
     {NULL, "X", "x", "n", ""}},
    {"count_min_sketch", {"column", "epsilon", "confidence", "seed"}, {NULL}},
    {"explode", {"collection"}, {NULL}},
    {"explode_outer", {"collection"}, {NULL}},
    {"posexplode", {"collection"}, {NULL}},
    {"posexplode_outer", {"collection"}, {NULL}},
    {"variant_explode", {"input"}, {NULL}},
    {"variant_explode_outer", {"input"}, {NULL}},
};

static const struct signature *signature_of(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(signatures); i++)
        if (hr_str_eq_nocase(signatures[i].function, name)) return &signatures[i];
    return NULL;
}

static uint32_t param_count(const struct signature *s)
{
    uint32_t count = 0;
    while (count < HR_COUNT(s->params) && s->params[count]) count++;
    return count;
}

static hr_status unknown_name(struct hr_analyzer *an, const struct hr_expr *call,
                              const struct signature *s, const struct hr_expr *arg,
                              struct hr_err *err)
{
    struct hr_buf proposal = {0};
    for (uint32_t i = 0; i < param_count(s); i++)
        hr_buf_printf(&proposal, "%s`%s`", i ? ", " : "", s->params[i]);
    HR_RAISE(err, HR_E_UNRECOGNIZED_PARAMETER_NAME, "routineName",
             hr_quote_name(an->arena, (const char *const[]){call->name}, 1), "argumentName",
             hr_quote_name(an->arena, (const char *const[]){arg->name}, 1), "proposal",
             hr_buf_cstr(&proposal));
    hr_buf_done(&proposal);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status about_param(struct hr_analyzer *an, hr_status code, const struct hr_expr *call,
                             const char *param, uint32_t index, struct hr_err *err)
{
    char at[16];
    const char *last =
        code == HR_E_REQUIRED_PARAMETER_NOT_FOUND ? "index" : NULL; /* ends the list */
    snprintf(at, sizeof at, "%u", index);
    hr_err_raise(err, __FILE__, __LINE__, code, "routineName",
                 hr_quote_name(an->arena, (const char *const[]){call->name}, 1), "parameterName",
                 hr_quote_name(an->arena, (const char *const[]){param}, 1), last, at, (char *)NULL);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status place_one(struct hr_analyzer *an, const struct hr_expr *call,
                           const struct signature *s, struct hr_expr *arg, uint32_t positional,
                           struct hr_expr **placed, struct hr_err *err)
{
    uint32_t count = param_count(s), at = 0;
    while (at < count && !hr_str_eq_nocase(s->params[at], arg->name)) at++;
    if (at == count) return unknown_name(an, call, s, arg, err);
    if (placed[at])
        return about_param(
            an, at < positional ? HR_E_POSITIONAL_AND_NAMED : HR_E_DUPLICATE_NAMED_ARGUMENT, call,
            s->params[at], at, err);
    placed[at] = arg->args[0];
    return HR_OK;
}

static hr_status default_of(struct hr_analyzer *an, const struct hr_expr *call,
                            const struct signature *s, uint32_t at, struct hr_expr **ret,
                            struct hr_err *err)
{
    const char *text = s->defaults[at];
    if (!text)
        return about_param(an, HR_E_REQUIRED_PARAMETER_NOT_FOUND, call, s->params[at], at, err);
    *ret = *text ? hr_expr_string(an->arena, hr_sv(text)) : hr_expr_null(an->arena, NULL);
    return *ret ? HR_OK : HR_OOM(err);
}

hr_status hr_place_arguments(struct hr_analyzer *an, struct hr_expr *call, struct hr_err *err)
{
    uint32_t positional = 0, count = call->arg_count;
    while (positional < count && !call->args[positional]->is_named_argument) positional++;
    if (positional == count) return HR_OK;
    const struct signature *s = signature_of(call->name);
    if (!s && hr_function_find(call->name)) {
        HR_RAISE(err, HR_E_NAMED_PARAMETERS_NOT_SUPPORTED, "functionName",
                 hr_quote_name(an->arena, (const char *const[]){call->name}, 1));
        return hr_err_at(err, call->sql_pos, call->sql_end);
    }
    for (uint32_t i = positional; i < count; i++)
        if (!call->args[i]->is_named_argument)
            return about_param(an, HR_E_UNEXPECTED_POSITIONAL_ARGUMENT, call,
                               call->args[positional]->name, i, err);
    if (!s) return HR_OK; /* no function at all: said when it is looked up */
    uint32_t params = param_count(s), last = positional;
    struct hr_expr **placed = HR_NEW_ARRAY(an->arena, struct hr_expr *, params + count + 1);
    if (!placed) return HR_OOM(err);
    for (uint32_t i = 0; i < positional; i++) placed[i] = call->args[i];
    for (uint32_t i = positional; i < count; i++)
        HR_TRY(place_one(an, call, s, call->args[i], positional, placed, err));
    for (uint32_t i = 0; i < params; i++)
        if (placed[i]) last = HR_MAX(last, i + 1);
    for (uint32_t i = 0; i < last; i++)
        if (!placed[i]) HR_TRY(default_of(an, call, s, i, &placed[i], err));
    if (last == 0 && params) HR_TRY(default_of(an, call, s, 0, &placed[last++], err));
    call->args = placed;
    call->arg_count = last;
    return HR_OK;
}
