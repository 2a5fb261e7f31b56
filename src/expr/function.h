/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions are data: one row in functions/functions.def each (name, arguments, flags, entry
 * points, one line of doc). Scalars work on whole columns; aggregates on arrays of states.
 *
 * To add one: write the row, write eval (and bind when the result type depends on the arguments) in
 * functions/scalar_<topic>.c or agg_<name>.c, add rows to test/sql/functions/<topic>.test.
 */
#ifndef HR_EXPR_FUNCTION_H
#define HR_EXPR_FUNCTION_H

#include "expr/expr.h"
#include "ml/java_random.h"

enum {
    HR_FN_STRICT = 1,           /* any NULL argument makes the result NULL: eval never sees it */
    HR_FN_NONDETERMINISTIC = 2, /* rand, uuid: not folded, not pushed down, not repeated */
    HR_FN_AGGREGATE = 4,
    HR_FN_SPECIAL = 8, /* compiled by the step compiler: case, and, or, coalesce, if, in … */
    HR_FN_NEVER_NULL = 16,
    HR_FN_GENERATOR = 32,    /* explode … : only in plans */
    HR_FN_OPERATOR = 64,     /* symbol, prints infix */
    HR_FN_INFALLIBLE = 128,  /* cheap and cannot fail: run on all rows rather than on few */
    HR_FN_MAY_NULL = 256,    /* STRICT, but NULL for some arguments that are not */
    HR_FN_HIDE_SECOND = 512, /* prints only its first argument: first(a) */
    HR_FN_TRY = 1024,        /* NULL where the plain form raises an error */
    HR_FN_CONTEXT = 2048,    /* one value for a whole epoch (now): not folded when compiled */
    HR_FN_CLOCK = 4096,      /* may read the clock, by its arguments: not folded on a stream */
    HR_FN_OUTER = 8192,      /* generators: a row of NULLs where there is no element */
    HR_FN_ORDERED = 131072,  /* aggregates: may have WITHIN GROUP (ORDER BY …) */
    HR_FN_WINDOW = 65536,    /* row_number …: only with OVER, which computes it */
};

/*
 * What the compiler, the analyser and the rules know about a function beyond its row: they ask for
 * its role, never for its name, so that an alias is a row. It stands among the flags, as
 * HR_FN_IS(AND); functions that nobody treats specially have none.
 */
enum hr_function_role {
    HR_ROLE_NONE,
    HR_ROLE_AND,
    HR_ROLE_OR,
    HR_ROLE_NOT,
    HR_ROLE_EQUAL,
    HR_ROLE_EQUAL_NULL_SAFE,
    HR_ROLE_LESS,
    HR_ROLE_LESS_EQUAL,
    HR_ROLE_GREATER,
    HR_ROLE_GREATER_EQUAL,
    HR_ROLE_TIME_ADD, /* time and interval */
    HR_ROLE_TIME_SUB,
    HR_ROLE_TIME_DIFF, /* two times */
    HR_ROLE_IS_NOT_NULL,
    HR_ROLE_BETWEEN,
    HR_ROLE_CASE,
    HR_ROLE_IF,
    HR_ROLE_COALESCE,
    HR_ROLE_NULLIF,
    HR_ROLE_NVL2,
    HR_ROLE_NANVL,
    HR_ROLE_TYPEOF, /* looks at no value */
    HR_ROLE_CONCAT, /* prints as a call though it is an operator */
    HR_ROLE_COUNT,  /* takes a star */
    HR_ROLE_ROW,    /* (a, b): an internal function of the grammar */
    HR_ROLE_UNIT,   /* another one: timestampadd(HOUR, …) */
    HR_ROLE_STRUCT,
    HR_ROLE_WINDOW,
    HR_ROLE_CUMULATE_WINDOW,
    HR_ROLE_SESSION_WINDOW,
    HR_ROLE_WINDOW_TIME,
    HR_ROLE_GROUPING,
    HR_ROLE_GROUPING_ID,
    HR_ROLE_EXPLODE,
    HR_ROLE_POSEXPLODE,
    HR_ROLE_INLINE,
    HR_ROLE_MODEL, /* its first argument is a model's name */
    HR_ROLE_FIRST, /* of the rows of a frame, as an aggregate too */
    HR_ROLE_LAST,
    HR_ROLE_NTH_VALUE,
    HR_ROLE_ROW_NUMBER,
    HR_ROLE_RANK,
    HR_ROLE_DENSE_RANK,
    HR_ROLE_PERCENT_RANK,
    HR_ROLE_CUME_DIST,
    HR_ROLE_NTILE,
    HR_ROLE_LAG,
    HR_ROLE_LEAD,
    HR_ROLE_EACH_ELEMENT, /* a lambda over (element[, index]); see expr/lambda.h */
    HR_ROLE_EACH_VALUE,   /* (element) */
    HR_ROLE_EACH_ENTRY,   /* (key, value) */
    HR_ROLE_EACH_PAIR,    /* (element, element) of two arrays */
    HR_ROLE_EACH_KEY,     /* (key, value, value) of two maps */
    HR_ROLE_FOLD,         /* (state, element), (state) */
    HR_ROLE_SORT_BY,      /* (element, element) of one array */
    HR_ROLE_WHOLE, /* an aggregate that Spark takes over a whole partition only */
};
#define HR_FN_ROLE_SHIFT 24
#define HR_FN_IS(role)   ((uint32_t)HR_ROLE_##role << HR_FN_ROLE_SHIFT)

/* An argument or result of a vectorised step. A constant holds one row (index 0) for all. */
struct hr_vector {
    struct hr_column col;
    bool is_const;
};
HR_INLINE uint32_t hr_vector_row(const struct hr_vector *v, uint32_t row)
{
    return v->is_const ? 0 : row;
}

/* Where a call of a random function is in its sequence. */
struct hr_random {
    const struct hr_expr *call;
    struct hr_java_random draws;
    int64_t rows; /* of monotonically_increasing_id: so far */
};

struct hr_lambda_run; /* expr/lambda.h */

/* Per task; handed to every eval. */
struct hr_eval_ctx {
    const struct hr_conf *conf;
    struct hr_arena *arena; /* temporaries and results: lives as long as the output batch */
    int64_t now_us;         /* current_timestamp of this epoch */
    uint32_t partition;
    struct hr_random *randoms; /* of the calls that ran; the evaluator's */
    uint32_t random_count;
    struct hr_lambda_run *lambdas; /* of the call that runs, in the order of its arguments */
    uint32_t row_count;  /* physical rows of the batch */
    const uint32_t *sel; /* rows to compute; NULL: 0 … sel_count-1 */
    uint32_t sel_count;
};

/*
 * Computes out (allocated by the evaluator: values for row_count rows of call->type; validity
 * present and, for STRICT, already the AND of the arguments'). Rows outside sel may be left alone.
 * STRICT functions skip rows whose validity bit is clear and may clear more. Errors of rows (ANSI)
 * return HR_RAISE(...); the evaluator adds the SQL position.
 */
typedef hr_status (*hr_eval_fn)(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                                const struct hr_vector *args, struct hr_column *out,
                                struct hr_err *err);

/*
 * Aggregates keep a state of state_bytes (multiple of 8, 8-byte aligned) per group inside a row of
 * a keyed table, so a state must survive memcpy: growing parts hang off a pointer and are made with
 * hr_alloc, released by done, and written by save.
 */
struct hr_aggregate {
    /* state_bytes for this call (types are known). */
    uint32_t (*state_bytes)(const struct hr_expr *call);
    void (*init)(const struct hr_expr *call, void *state); /* NULL: zeroes */
    /* For i in [0, count): row rows[i] (rows NULL: i) into states[i] + offset. weights (by row) may
     * be NULL; a negative weight retracts (only where can_retract). args are the call's arguments.
     */
    hr_status (*update)(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                        const struct hr_vector *args, const uint32_t *rows, uint32_t count,
                        uint8_t *const *states, uint32_t offset, const int32_t *weights,
                        struct hr_err *err);
    /* All rows into one state: ungrouped aggregation. NULL: update is used. */
    hr_status (*update_one)(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                            const struct hr_vector *args, const uint32_t *rows, uint32_t count,
                            uint8_t *state, struct hr_err *err);
    /* into += from (another partial state of the same call). from stays valid. */
    hr_status (*merge)(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                       struct hr_err *err);
    /* Results of count groups into out (allocated, validity all ones): states[i] + offset. */
    hr_status (*emit)(const struct hr_expr *call, struct hr_eval_ctx *ctx, uint8_t *const *states,
                      uint32_t offset, uint32_t count, struct hr_column *out, struct hr_err *err);
    /* Growing states only (else the bytes are the format). */
    void (*save)(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out);
    hr_status (*load)(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                      struct hr_err *err);
    void (*done)(const struct hr_expr *call, uint8_t *state);
    bool can_retract;
};

struct hr_function {
    const char *name; /* lower case */
    uint32_t flags;
    int16_t min_args, max_args; /* max -1: any number */
    /* Argument types as text for simple functions, e.g. "string,int" ('any', 'numeric', 'integral',
     * '?' optional from here, '...' repeats); implicit casts follow, but not after a '='.
     * NULL: bind does it all. */
    const char *arg_types;
    const char *result_type; /* "string", "int", "arg0", … NULL: bind */
    /* After the simple checks: sets call->type, nullable, bound. NULL: nothing more. */
    hr_status (*bind)(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                      struct hr_err *err);
    hr_eval_fn eval;
    const struct hr_aggregate *aggregate;
    const char *doc;
};

#define HR_SIGNATURE_WORDS_MAX 8

/* arg_types and result_type of a row, taken apart once, at the first look-up of any function. */
struct hr_signature {
    /* What argument i may be ("int|long", hr_type_implicit): word i, or the last one, repeated. */
    struct hr_str_view words[HR_SIGNATURE_WORDS_MAX];
    uint32_t word_count; /* 0: bind looks at the arguments */
    enum {
        HR_RESULT_BIND,
        HR_RESULT_TYPE,    /* result_type */
        HR_RESULT_ARG,     /* that of argument result_arg */
        HR_RESULT_ELEMENT, /* of its elements */
        HR_RESULT_ARRAY_OF_ARG,
        HR_RESULT_ARRAY_OF_TYPE, /* elements are never NULL */
    } result;
    enum hr_type_id result_type;
    uint32_t result_arg;
};
const struct hr_signature *hr_function_signature(const struct hr_function *fn);

/* The aggregate of a resolved call: its function's, or one around it that keeps the distinct
 * arguments first where the call is DISTINCT and that makes a difference. */
const struct hr_aggregate *hr_aggregate_of(const struct hr_expr *call);

HR_INLINE enum hr_function_role hr_function_role(const struct hr_function *fn)
{
    return fn ? (enum hr_function_role)(fn->flags >> HR_FN_ROLE_SHIFT) : HR_ROLE_NONE;
}
/* The role of a call, resolved or not; HR_ROLE_NONE for other expressions. */
enum hr_function_role hr_expr_role(const struct hr_expr *expr);
HR_INLINE bool hr_expr_is(const struct hr_expr *expr, enum hr_function_role role)
{
    return hr_expr_role(expr) == role;
}

/* ASCII case ignored. NULL when there is none. */
const struct hr_function *hr_function_find(const char *name);
/* The same, with those that only the engine itself calls: "__…". */
const struct hr_function *hr_function_find_internal(const char *name);
/* Why a function of Spark is not there; NULL for other names. */
const char *hr_function_absent(const char *name);
const struct hr_function *hr_function_at(
    uint32_t index); /* NULL beyond the last: for listings and docs */

#endif
