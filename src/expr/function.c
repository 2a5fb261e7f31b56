/* SPDX-License-Identifier: Apache-2.0 */
/* The table of functions and the way to find one by name. Immutable after the first look-up. */
#include "expr/function.h"

#include <pthread.h>

#include "base/hash.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

static const struct hr_function table[] = {
#define S(name, flags, min, max, args, ret, eval, doc) \
    {name, flags, min, max, args, ret, NULL, eval, NULL, doc},
#define B(name, flags, min, max, args, ret, bind, eval, doc) \
    {name, flags, min, max, args, ret, bind, eval, NULL, doc},
#define A(name, flags, min, max, args, ret, bind, agg, doc) \
    {name, (flags) | HR_FN_AGGREGATE, min, max, args, ret, bind, NULL, &agg, doc},
#define P(name, flags, min, max, args, ret, bind, doc) \
    {name, flags, min, max, args, ret, bind, NULL, NULL, doc},
#include "expr/functions/functions.def"
#undef S
#undef B
#undef A
#undef P
};

const char *hr_function_absent(const char *name)
{
    static const struct {
        const char *name, *why;
    } absent[] = {
#define X(name, why) {name, why},
#include "expr/functions/absent.def"
#undef X
    };
    for (size_t i = 0; i < HR_COUNT(absent); i++)
        if (hr_str_eq_nocase(absent[i].name, name)) return absent[i].why;
    return NULL;
}

#define SLOTS 2048
static_assert(HR_COUNT(table) < SLOTS / 2, "the look-up table of functions is too small");
static uint16_t slots[SLOTS]; /* index + 1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return h;
}

/* Signatures --------------------------------------------------------------------------------- */

static struct hr_signature signatures[HR_COUNT(table)];

/* "string,int,?,long|int,...": from '?' on they are optional, which min_args says; the last one
 * repeats after "...", which max_args says. */
static void parse_arguments(struct hr_signature *sig, const char *text)
{
    for (const char *p = text; *p && *p != '.';) {
        if (*p == '?') p += p[1] == ',' ? 2 : 1;
        if (!*p || *p == '.') break;
        const char *end = strchr(p, ',');
        size_t len = end ? (size_t)(end - p) : strlen(p);
        assert(len > 0 && sig->word_count < HR_SIGNATURE_WORDS_MAX);
        sig->words[sig->word_count++] = hr_svn(p, len);
        p += len + (end != NULL);
    }
    assert(sig->word_count > 0);
}

static bool simple_type(const char *text, enum hr_type_id *ret)
{
    static const struct {
        const char *word;
        enum hr_type_id id;
    } simple[] = {
        {"boolean", HR_T_BOOLEAN},     {"byte", HR_T_BYTE},
        {"short", HR_T_SHORT},         {"int", HR_T_INT},
        {"long", HR_T_LONG},           {"float", HR_T_FLOAT},
        {"double", HR_T_DOUBLE},       {"string", HR_T_STRING},
        {"binary", HR_T_BINARY},       {"date", HR_T_DATE},
        {"time", HR_T_TIME}, {"timestamp", HR_T_TIMESTAMP}, {"timestamp_ntz", HR_T_TIMESTAMP_NTZ},
        {"null", HR_T_NULL},
    };
    for (size_t i = 0; i < HR_COUNT(simple); i++) {
        if (strcmp(simple[i].word, text) != 0) continue;
        *ret = simple[i].id;
        return true;
    }
    return false;
}

static void parse_result(struct hr_signature *sig, const char *text)
{
    bool arg = strncmp(text, "arg", 3) == 0, element = strncmp(text, "elem", 4) == 0;
    if (arg || element) {
        char digit = text[arg ? 3 : 4];
        assert(digit >= '0' && digit <= '9');
        sig->result = arg ? HR_RESULT_ARG : HR_RESULT_ELEMENT;
        sig->result_arg = (uint32_t)(digit - '0');
    } else if (strcmp(text, "array<arg0>") == 0) {
        sig->result = HR_RESULT_ARRAY_OF_ARG;
    } else if (strcmp(text, "array<string>") == 0) {
        sig->result = HR_RESULT_ARRAY_OF_TYPE;
        sig->result_type = HR_T_STRING;
    } else {
        bool known = simple_type(text, &sig->result_type);
        assert(known);
        HR_UNUSED(known);
        sig->result = HR_RESULT_TYPE;
    }
}

static void parse_signature(const struct hr_function *fn, struct hr_signature *sig)
{
    assert(fn->min_args >= 0 && (fn->max_args < 0 || fn->max_args >= fn->min_args));
    if (fn->arg_types) parse_arguments(sig, fn->arg_types);
    if (fn->result_type) parse_result(sig, fn->result_type);
    assert(fn->result_type || fn->bind);
    assert(sig->result != HR_RESULT_ARG || (int32_t)sig->result_arg < fn->min_args);
}

const struct hr_signature *hr_function_signature(const struct hr_function *fn)
{
    assert(fn >= table && fn < table + HR_COUNT(table));
    return &signatures[fn - table];
}

/* Look-up ------------------------------------------------------------------------------------ */

static void build(void)
{
    for (uint32_t i = 0; i < HR_COUNT(table); i++) {
        uint32_t at = hash_name(table[i].name) % SLOTS;
        while (slots[at]) {
            assert(strcmp(table[slots[at] - 1].name, table[i].name) != 0);
            at = (at + 1) % SLOTS;
        }
        slots[at] = (uint16_t)(i + 1);
        parse_signature(&table[i], &signatures[i]);
    }
}

const struct hr_function *hr_function_find_internal(const char *name)
{
    pthread_once(&once, build);
    for (uint32_t at = hash_name(name) % SLOTS; slots[at]; at = (at + 1) % SLOTS)
        if (hr_str_eq_nocase(table[slots[at] - 1].name, name)) return &table[slots[at] - 1];
    return NULL;
}

const struct hr_function *hr_function_find(const char *name)
{
    return name[0] == '_' && name[1] == '_' ? NULL : hr_function_find_internal(name);
}

const struct hr_function *hr_function_at(uint32_t index)
{
    return index < HR_COUNT(table) ? &table[index] : NULL;
}

enum hr_function_role hr_expr_role(const struct hr_expr *expr)
{
    if (expr->kind != HR_X_CALL) return HR_ROLE_NONE;
    return hr_function_role(expr->function ? expr->function
                                           : hr_function_find_internal(expr->name));
}
