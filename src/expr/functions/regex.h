/* SPDX-License-Identifier: Apache-2.0 */
/* Java's regular expressions on PCRE2: compiled with JIT, matched within limits. */
#ifndef HR_EXPR_FUNCTIONS_REGEX_H
#define HR_EXPR_FUNCTIONS_REGEX_H

#include "base/arena.h"

struct hr_regex;

/* A pattern of java.util.regex; owned by the arena. HR_E_INVALID_REGEXP names function and pattern,
 * HR_E_NOT_SUPPORTED what Java has and PCRE2 has not. */
hr_status hr_regex_compile(struct hr_arena *arena, struct hr_str_view pattern,
                           const char *function, struct hr_regex **ret,
                           struct hr_err *err) HR_CHECKED;
/* Looks for a match from byte start. *ret_groups (2 numbers a group, SIZE_MAX: not taken) is in
 * the thread's own memory until its next call; *ret_count 0: none. */
hr_status hr_regex_find(struct hr_regex *regex, struct hr_arena *arena, struct hr_str_view text,
                        size_t start, const size_t **ret_groups, uint32_t *ret_count,
                        struct hr_err *err) HR_CHECKED;
uint32_t hr_regex_group_count(const struct hr_regex *regex);
/* 0: no such group. */
uint32_t hr_regex_group_named(const struct hr_regex *regex, struct hr_str_view name);
/* Where to look for the match after this one; beyond the text's end when there is none. */
size_t hr_regex_next(struct hr_str_view text, const size_t *groups);

#endif
