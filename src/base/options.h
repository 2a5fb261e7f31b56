/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: key/value text given by a user (OPTIONS (…), SET, --set) and tables that say what is
 * allowed. Keys compare without case, as in Spark. Parsing, defaults, ranges, messages and docs
 * all come from the tables.
 */
#ifndef HR_BASE_OPTIONS_H
#define HR_BASE_OPTIONS_H

#include "base/arena.h"

struct hr_option {
    const char *key;
    const char *value;
};

/* Copies live in the arena. Later puts of a key replace the value. */
struct hr_options {
    struct hr_arena *arena;
    struct hr_option *items;
    uint32_t count, capacity;
};

void hr_options_init(struct hr_options *options, struct hr_arena *arena);
hr_status hr_options_put(struct hr_options *options, const char *key, const char *value,
                         struct hr_err *err) HR_CHECKED;
bool hr_options_remove(struct hr_options *options, const char *key);
/* NULL when absent. Borrowed. options may be NULL. */
const char *hr_options_get(const struct hr_options *options, const char *key);

enum hr_opt_type {
    HR_OPT_STRING,   /* const char * */
    HR_OPT_INT,      /* int64_t */
    HR_OPT_BOOL,     /* bool */
    HR_OPT_DOUBLE,   /* double */
    HR_OPT_BYTES,    /* int64_t, "64m" */
    HR_OPT_DURATION, /* int64_t microseconds, "10 seconds" */
    HR_OPT_ENUM,     /* int: index into the |-separated choices */
    HR_OPT_CHAR,     /* uint32_t code point; -1 as int32 for "" */
};

/* A row of an option table. offset is into the struct that hr_options_parse fills. */
struct hr_opt_spec {
    const char *name;
    enum hr_opt_type type;
    size_t offset;
    const char *def;     /* default as text; NULL: zero / NULL pointer */
    int64_t min, max;    /* for INT, BYTES, DURATION; both 0: no range */
    const char *choices; /* ENUM: "permissive|dropmalformed|failfast" (any case accepted) */
    const char *doc;
};

/* Fills target from the defaults and options. Unknown keys are left alone (others may own them).
 * Strings point into options. A bad value gives HR_E_INVALID_OPTION naming key and range. */
hr_status hr_options_parse(const struct hr_opt_spec *specs, size_t spec_count,
                           const struct hr_options *options, void *target,
                           struct hr_err *err) HR_CHECKED;
/* HR_E_INVALID_OPTION with the nearest known name for a key that none of the tables has. Keys with
 * the prefix (e.g. "kafka.", may be NULL) pass. */
hr_status hr_options_check_known(const struct hr_options *options, const char *prefix,
                                 const struct hr_opt_spec *const *tables, const size_t *counts,
                                 size_t table_count, struct hr_err *err) HR_CHECKED;
/* Is key (or value) of a kind that must never be printed: password, secret, token, sasl …? */
bool hr_option_is_secret(const char *key);

#endif
