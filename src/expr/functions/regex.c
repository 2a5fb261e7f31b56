/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/regex.h"

#include <pthread.h>

#include "hr_config.h"

#if HR_HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 10000000
#define DEPTH_LIMIT 100000

struct hr_regex { /* immutable: match data are made per arena */
    pcre2_code *code;
    uint32_t groups;
};

static void free_code(void *code) { pcre2_code_free(code); }
/* What a match needs, one of each a thread: patterns have no state of their own. Groups beyond
 * GROUP_MAX match but cannot be asked for. */
#define GROUP_MAX 100

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static pthread_key_t matcher_key;
static pthread_once_t matcher_once = PTHREAD_ONCE_INIT;

static void free_matcher(void *arg)
{
    struct matcher *m = arg;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
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
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
    return m;
}

hr_status hr_regex_compile(struct hr_arena *arena, struct hr_str_view pattern, bool ignore_case,
                           const char *function, struct hr_regex **ret, struct hr_err *err)
{
    struct hr_regex *regex = HR_NEW(arena, struct hr_regex);
    int code;
    PCRE2_SIZE at;
    if (!regex) return HR_OOM(err);
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (ignore_case ? PCRE2_CASELESS : 0);
    regex->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &code, &at, NULL);
    if (!regex->code) {
        const char *value = hr_arena_printf(arena, "'%.*s'", (int)pattern.len, pattern.ptr);
        const char *name = hr_arena_printf(arena, "`%s`", function);
        return HR_RAISE(err, HR_E_INVALID_REGEXP, "parameter", "`regexp`", "functionName",
                        name ? name : "?", "value", value ? value : "?");
    }
    hr_status status = hr_arena_on_done(arena, free_code, regex->code, err);
    if (status != HR_OK) {
        pcre2_code_free(regex->code);
        return status;
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
    *ret = regex;
    return HR_OK;
}

uint32_t hr_regex_group_count(const struct hr_regex *regex) { return regex->groups; }

hr_status hr_regex_find(struct hr_regex *regex, struct hr_arena *arena, struct hr_str_view text,
                        size_t start, const size_t **ret_groups, uint32_t *ret_count,
                        struct hr_err *err)
{
    struct matcher *m = this_threads_matcher();
    if (!m) return HR_OOM(err);
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

hr_status hr_regex_compile(struct hr_arena *arena, struct hr_str_view pattern, bool ignore_case,
                           const char *function, struct hr_regex **ret, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: this build has no PCRE2", function);
}

uint32_t hr_regex_group_count(const struct hr_regex *regex) { return 0; }

hr_status hr_regex_find(struct hr_regex *regex, struct hr_arena *arena, struct hr_str_view text,
                        size_t start, const size_t **ret_groups, uint32_t *ret_count,
                        struct hr_err *err)
{
    return HR_BUG(err, "no PCRE2");
}
#endif
