/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two halves of the translation of Java's regular expressions. */
#ifndef HR_EXPR_JAVA_CLASS_H
#define HR_EXPR_JAVA_CLASS_H

#include "expr/functions/java_regex.h"

/* Java's embedded flags, in force where the translation stands. */
enum { F_I = 1, F_M = 2, F_S = 4, F_D = 8, F_U = 16, F_X = 32, F_CLASS = 64 };

#define C_END UINT32_MAX
#define C_QUOTED 0x80000000u /* a code point between \Q and \E */

struct java_parser {
    struct hr_arena *arena;
    uint32_t *text; /* code points */
    size_t len, at;
    uint32_t flags, depth, total_groups;
    bool plain; /* so far only characters that stand for themselves */
    struct hr_java_regex *out;
};

/* A set of characters. simple: text is what stands in [text]; else a pattern of one character. */
struct java_set {
    struct hr_buf text;
    bool negative, complex;
};

uint32_t hr_java_peek(struct java_parser *p); /* the next code point that counts */
bool hr_java_ok(const struct java_parser *p);
/* After a backslash at p->at: true and a code point, or false and a set (or an error). */
bool hr_java_escape(struct java_parser *p, bool in_class, uint32_t *ret_char, struct java_set *set);
/* From behind the [ to behind the ]. */
void hr_java_class(struct java_parser *p, bool consume, struct java_set *set);
void hr_java_put_set(struct java_parser *p, const struct java_set *set, struct hr_buf *out);
void hr_java_put_char(uint32_t c, struct hr_buf *out);

#endif
