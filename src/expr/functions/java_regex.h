/* SPDX-License-Identifier: Apache-2.0 */
/* Java's regular expressions in the syntax of PCRE2. */
#ifndef HR_EXPR_JAVA_REGEX_H
#define HR_EXPR_JAVA_REGEX_H

#include "base/arena.h"

struct hr_java_name { /* of a group */
    struct hr_str_view name;
    uint32_t group;
};

struct hr_java_regex {
    struct hr_buf text; /* for PCRE2 with PCRE2_UTF and no other option that changes meaning */
    struct hr_java_name *names;
    uint32_t name_count, groups;
    bool literal; /* text is no pattern: it stands for itself */
    /* One of them says why there is no text: Java refuses the pattern, or PCRE2 cannot do it. */
    const char *invalid, *unsupported;
};

/* Names are in the arena; the caller releases text, also after an error (memory only). */
hr_status hr_java_regex_translate(struct hr_arena *arena, struct hr_str_view pattern,
                                  struct hr_java_regex *ret, struct hr_err *err) HR_CHECKED;

/* What a \p{name} holds, as it is written inside of a [class]; false when Java knows no such name.
 * *ret_script: PCRE2 is to say whether there is such a script. */
bool hr_java_property(struct hr_str_view name, bool unicode, bool ignore_case, struct hr_buf *out);

#endif
