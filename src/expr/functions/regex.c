/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/regex.h"

#include <pthread.h>

#include "base/utf8.h"
#include "expr/functions/java_regex.h"
#include "hr_config.h"

#if HR_HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 10000000
#define DEPTH_LIMIT 100000
#define STACK_MIN (32 << 10)
#define STACK_MAX (8 << 20)

struct hr_regex { /* immutable: match data are made per thread */
    pcre2_code *code; /* NULL: literal */
    struct hr_str_view literal;
    uint32_t groups;
    const struct hr_java_name *names;
    uint32_t name_count;
};

static void free_code(void *code) { pcre2_code_free(code); }
/* What a match needs, one of each a thread: patterns have no state of their own. Groups beyond
 * GROUP_MAX match but cannot be asked for. */
#define GROUP_MAX 100

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static pthread_key_t matcher_key;
static pthread_once_t matcher_once = PTHREAD_ONCE_INIT;

static void free_matcher(void *arg)
{
    struct matcher *m = arg;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    hr_free(m);
}

static void make_key(void) { pthread_key_create(&matcher_key, free_matcher); }

static struct matcher *this_threads_matcher(void)
{
    pthread_once(&matcher_once, make_key);
    struct matcher *m = pthread_getspecific(matcher_key);
    if (m) return m;
    m = hr_zalloc(sizeof *m);
    if (!m) return NULL;
    m->data = pcre2_match_data_create(GROUP_MAX, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context || pthread_setspecific(matcher_key, m) != 0) {
        free_matcher(m);
        return NULL;
    }
    m->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    if (m->stack) pcre2_jit_stack_assign(m->context, NULL, m->stack);
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
    return m;
}

static hr_status invalid(struct hr_arena *arena, struct hr_str_view pattern, const char *function,
                         struct hr_err *err)
{
    char *value = hr_arena_alloc(arena, 2 * pattern.len + 3), *end = value;
    if (!value) return HR_OOM(err);
    *end++ = '\'';
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '\\' || pattern.ptr[i] == '\'') *end++ = '\\';
        *end++ = pattern.ptr[i];
    }
    *end++ = '\'';
    *end = 0;
    const char *name = hr_arena_printf(arena, "`%s`", function);
    return HR_RAISE(err, HR_E_INVALID_REGEXP, "parameter", "`regexp`", "functionName",
                    name ? name : "?", "value", value);
}

static hr_status compile_text(struct hr_arena *arena, struct hr_str_view pattern,
                              const struct hr_java_regex *java, const char *function,
                              struct hr_regex *regex, struct hr_err *err)
{
    int code;
    PCRE2_SIZE at;
    regex->code = pcre2_compile((PCRE2_SPTR)java->text.ptr, java->text.len,
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (!regex->code && code == PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY)
        return invalid(arena, pattern, function, err);
    if (!regex->code) {
        char why[120] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: the regular expression '%.*s': %s", function,
                       (int)HR_MIN(pattern.len, (size_t)200), pattern.ptr, why);
    }
    hr_status status = hr_arena_on_done(arena, free_code, regex->code, err);
    if (status != HR_OK) {
        pcre2_code_free(regex->code);
        return status;
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
    return HR_OK;
}

static hr_status take_literal(struct hr_arena *arena, const struct hr_java_regex *java,
                              struct hr_regex *regex, struct hr_err *err)
{
    char *text = hr_arena_alloc(arena, java->text.len + 1);
    if (!text) return HR_OOM(err);
    if (java->text.len) memcpy(text, java->text.ptr, java->text.len);
    regex->literal = hr_svn(text, java->text.len);
    return HR_OK;
}

hr_status hr_regex_compile(struct hr_arena *arena, struct hr_str_view pattern,
                           const char *function, struct hr_regex **ret, struct hr_err *err)
{
    struct hr_regex *regex = HR_NEW(arena, struct hr_regex);
    struct hr_java_regex java;
    if (!regex) return HR_OOM(err);
    hr_status status = hr_java_regex_translate(arena, pattern, &java, err);
    regex->names = java.names;
    regex->name_count = java.name_count;
    if (status == HR_OK && java.unsupported)
        status = HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: the regular expression '%.*s': %s", function,
                         (int)HR_MIN(pattern.len, (size_t)200), pattern.ptr, java.unsupported);
    else if (status == HR_OK && java.invalid)
        status = invalid(arena, pattern, function, err);
    else if (status == HR_OK && java.literal)
        status = take_literal(arena, &java, regex, err);
    else if (status == HR_OK)
        status = compile_text(arena, pattern, &java, function, regex, err);
    hr_buf_done(&java.text);
    if (status == HR_OK) *ret = regex;
    return status;
}

uint32_t hr_regex_group_count(const struct hr_regex *regex) { return regex->groups; }

uint32_t hr_regex_group_named(const struct hr_regex *regex, struct hr_str_view name)
{
    for (uint32_t i = 0; i < regex->name_count; i++)
        if (hr_sv_eq(regex->names[i].name, name)) return regex->names[i].group;
    return 0;
}

size_t hr_regex_next(struct hr_str_view text, const size_t *groups)
{
    if (groups[1] > groups[0] || groups[1] >= text.len)
        return groups[1] + (groups[1] == groups[0]);
    uint32_t c;
    return groups[1] + hr_utf8_decode(text.ptr + groups[1], text.len - groups[1], &c);
}

static uint32_t find_literal(struct hr_str_view literal, struct hr_str_view text, size_t start,
                             size_t *groups)
{
    const char *at = start > text.len ? NULL
                     : !literal.len   ? text.ptr + start
                                      : memmem(text.ptr + start, text.len - start, literal.ptr,
                                               literal.len);
    if (!at && (literal.len || start > text.len)) return 0;
    groups[0] = (size_t)(at - text.ptr);
    groups[1] = groups[0] + literal.len;
    return 1;
}

hr_status hr_regex_find(struct hr_regex *regex, struct hr_arena *arena, struct hr_str_view text,
                        size_t start, const size_t **ret_groups, uint32_t *ret_count,
                        struct hr_err *err)
{
    struct matcher *m = this_threads_matcher();
    if (!m) return HR_OOM(err);
    if (!regex->code) {
        size_t *found = pcre2_get_ovector_pointer(m->data);
        *ret_groups = found;
        *ret_count = find_literal(regex->literal, text, start, found);
        return HR_OK;
    }
    int n = pcre2_match(regex->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, start, 0,
                        m->data, m->context);
    if (n == PCRE2_ERROR_NOMATCH) {
        *ret_count = 0;
        return HR_OK;
    }
    if (n < 0)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the matching of a regular expression", "limit",
                        "10000000 steps");
    PCRE2_SIZE *groups = pcre2_get_ovector_pointer(m->data);
    uint32_t last = n > 0 ? (uint32_t)n : GROUP_MAX; /* groups after the last that took part */
    for (uint32_t i = last; i <= regex->groups && i < GROUP_MAX; i++)
        groups[2 * i] = groups[2 * i + 1] = PCRE2_UNSET;
    *ret_groups = groups;
    *ret_count = HR_MAX(last, HR_MIN(regex->groups + 1, (uint32_t)GROUP_MAX));
    return HR_OK;
}

#else

hr_status hr_regex_compile(struct hr_arena *arena, struct hr_str_view pattern,
                           const char *function, struct hr_regex **ret, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: this build has no PCRE2", function);
}

uint32_t hr_regex_group_count(const struct hr_regex *regex) { return 0; }
uint32_t hr_regex_group_named(const struct hr_regex *regex, struct hr_str_view name) { return 0; }
size_t hr_regex_next(struct hr_str_view text, const size_t *groups) { return text.len + 1; }

hr_status hr_regex_find(struct hr_regex *regex, struct hr_arena *arena, struct hr_str_view text,
                        size_t start, const size_t **ret_groups, uint32_t *ret_count,
                        struct hr_err *err)
{
    return HR_BUG(err, "no PCRE2");
}
#endif
