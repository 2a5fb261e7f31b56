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
    HR_OPT_ACCEPTED, /* Spark's, and nothing here depends on it: taken, doc says why */
    HR_OPT_REFUSED,  /* Spark's, and not honoured here: an error, doc says what to do */
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

/* Rows that belong together: those of a connector's side, of a format, of a query. */
struct hr_opt_table {
    const struct hr_opt_spec *specs;
    size_t count;
};

/* Fills target from the defaults and options. Unknown keys are left alone (others may own them).
 * Strings point into options. A bad value gives HR_E_INVALID_OPTION naming key and range. */
hr_status hr_options_parse(const struct hr_opt_spec *specs, size_t spec_count,
                           const struct hr_options *options, void *target,
                           struct hr_err *err) HR_CHECKED;
/* The row of that name in any of the tables, or NULL. */
const struct hr_opt_spec *hr_opt_find(const struct hr_opt_table *tables, size_t count,
                                      const char *name);
/* HR_E_INVALID_OPTION for a key that none of the tables has, with the nearest name that one has,
 * and for one that they refuse; the first table that has a key decides. Keys with the prefix
 * ("kafka.", may be NULL) pass: somebody else knows them. */
hr_status hr_options_check_known(const struct hr_options *options, const char *prefix,
                                 const struct hr_opt_table *tables, size_t count,
                                 struct hr_err *err) HR_CHECKED;
/* What a reader of docs wants of a row: "integer, 1 to 1024", "one of a, b". */
void hr_opt_describe(const struct hr_opt_spec *spec, struct hr_buf *out);
/* The nearest of the names in edits, or NULL when none is near enough to be meant. */
const char *hr_name_nearest(const char *given, const char *const *names, size_t count);
/* Is key (or value) of a kind that must never be printed: password, secret, token, sasl …? */
bool hr_option_is_secret(const char *key);

#endif
