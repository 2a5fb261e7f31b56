/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of functions.def, however it is called: with every mix of constants and columns,
 * types that it takes (found by resolving calls of all types), values at the edges, whole batches
 * or parts of them. A function that this cannot call must stand in `elsewhere` below.
 */
#include "hr_test.h"

#include "expr_walk_agg.h"

#define CANDIDATES 80 /* rows tried of a signature */
#define ROWS       28 /* rows kept */

static struct hr_arena plan; /* of one signature */
static struct hr_conf conf;
static bool reached[1024];
static uint32_t failures, signatures_walked, signatures_max = 24;

/* Arguments of one resolved call: columns, but for those that must be constant. */
struct signature {
    const struct hr_function *fn; /* NULL: a cast to `to` */
    const struct hr_type *to;
    bool try_cast;
    uint32_t count;
    const struct hr_type *types[WALK_ARGS_MAX];
    bool fixed[WALK_ARGS_MAX];
    struct hr_column values[WALK_ARGS_MAX]; /* of the fixed ones, a row each */
};

static void died(int sig)
{
    ssize_t n = write(1, walk_where, strlen(walk_where));
    n += write(1, "\n", 1);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void setup(void)
{
    if (!getenv("HR_TEST_TIMEOUT")) alarm(240); /* 5 s of work; a busy machine takes its time */
    hr_arena_init(&plan, NULL);
    hr_mem_init(&walk_budget, NULL, "walk", NULL, 32 << 20);
    hr_arena_init(&walk_run, &walk_budget);
    hr_arena_init(&walk_scratch, NULL);
    conf = (struct hr_conf){.ansi = true,
                            .tz = hr_tz_utc(),
                            .batch_rows = HR_BATCH_ROWS,
                            .now_us = INT64_C(1700000000123456)};
    static const int fatal[] = {SIGSEGV, SIGABRT, SIGALRM, SIGFPE, SIGBUS, SIGILL};
    for (uint32_t i = 0; i < HR_COUNT(fatal); i++) signal(fatal[i], died);
}

static void describe(const struct signature *sig)
{
    int n = snprintf(walk_where, sizeof walk_where, "%s%s(",
                     sig->fn         ? sig->fn->name
                     : sig->try_cast ? "try_cast "
                                     : "cast ",
                     sig->fn ? "" : hr_type_simple(&plan, sig->to));
    for (uint32_t i = 0; i < sig->count && n < 400; i++)
        n += snprintf(walk_where + n, sizeof walk_where - (size_t)n, "%s%s%s", i ? ", " : "",
                      sig->fixed[i] ? "constant " : "", hr_type_simple(&plan, sig->types[i]));
    snprintf(walk_where + n, sizeof walk_where - (size_t)n, ")%s", conf.ansi ? "" : " not ANSI");
}

static void complain(void)
{
    if (failures++ < 400) printf("  %s: %s\n", walk_where, walk_why);
}

/* The call with argument i a literal of row `row` of cols where mask has bit i. */
static hr_status make_call(const struct signature *sig, const struct hr_column *cols, uint32_t row,
                           uint32_t mask, struct hr_expr **ret)
{
    struct hr_expr *args[WALK_ARGS_MAX];
    for (uint32_t i = 0; i < sig->count; i++) {
        if (sig->fixed[i])
            args[i] = value_literal(&plan, &sig->values[i], 0);
        else if (mask >> i & 1)
            args[i] = value_literal(&plan, &cols[i], row);
        else
            args[i] = hr_expr_column(&plan, sig->types[i], i, true);
    }
    struct hr_expr *expr = sig->fn ? hr_expr_call(&plan, sig->fn->name, args, sig->count)
                                   : hr_expr_cast(&plan, args[0], sig->to);
    if (!expr) abort();
    expr->try_cast = sig->try_cast;
    *ret = expr;
    return hr_expr_resolve_node(&plan, &conf, expr, NULL);
}

/* --- One signature -----------------------------------------------------------------------------*/

/* Row by row with little memory: what needs more, or gives much, is not tried in bulk. */
static void run_small(const struct prepared *p, const struct hr_column *cols, uint32_t count,
                      uint32_t rows, struct outcome *ret)
{
    walk_budget.limit_bytes = 48 << 10;
    run_each(&plan, p, cols, count, rows, ret);
    walk_budget.limit_bytes = 64 << 20;
}

static bool is_small(const struct outcome *o)
{
    return o->len <= 600 && o->code != HR_E_MEMORY_LIMIT;
}

/* Some rows that give a value, some that give NULL, some that fail. */
static uint32_t choose_rows(const struct outcome *all, uint32_t *ret_rows)
{
    uint32_t n = 0, room[3] = {ROWS - 14, 6, 8};
    for (uint32_t row = 0; row < CANDIDATES && n < ROWS; row++) {
        uint32_t kind = all[row].code ? 2 : all[row].is_null ? 1 : 0;
        if (!is_small(&all[row]) || !room[kind]) continue;
        bool known = false;
        for (uint32_t i = 0; kind != 1 && i < n && room[kind] < 4; i++)
            known = known || outcome_same(&all[row], &all[ret_rows[i]]);
        if (known) continue;
        room[kind]--;
        ret_rows[n++] = row;
    }
    return n;
}

/* Column i of every row becomes that of row `row`. */
static void repeat_row(struct hr_column *cols, uint32_t count, uint32_t mask, uint32_t row,
                       uint32_t rows)
{
    uint32_t same[HR_MAX(ROWS, AGG_ROWS)];
    for (uint32_t i = 0; i < rows; i++) same[i] = row;
    for (uint32_t i = 0; i < count; i++)
        if (mask >> i & 1) take_rows(&plan, &cols[i], 1, same, rows, &cols[i]);
}

/* Drops the other rows. */
static uint32_t keep_small(struct hr_column *cols, uint32_t count, uint32_t rows,
                           struct outcome *want)
{
    uint32_t kept[ROWS], n = 0;
    for (uint32_t row = 0; row < rows; row++) {
        if (!is_small(&want[row])) continue;
        want[n] = want[row];
        kept[n++] = row;
    }
    if (n < rows) take_rows(&plan, cols, count, kept, n, cols);
    return n;
}

static bool check_folded(const struct hr_expr *call, const struct outcome *want)
{
    struct hr_column out;
    walk_dirty();
    hr_status status = hr_expr_fold(&walk_run, &conf, call, &out, NULL);
    struct outcome got = {.code = status};
    if (status != HR_OK && (want->code || status == HR_E_NOT_SUPPORTED))
        return true; /* left to the rows that come to it */
    if (status == HR_OK) got = outcome_of(&walk_scratch, &out, 0);
    return outcome_same(&got, want) || differs("folded", NULL, 0, 0, want, status, &out, 0);
}

static bool check_mask(const struct signature *sig, const struct prepared *columns,
                       const struct hr_column *cols, uint32_t rows, uint32_t mask, uint32_t row)
{
    struct hr_column mixed[WALK_ARGS_MAX];
    struct outcome want[ROWS];
    struct hr_expr *call;
    struct prepared p = {0};
    memcpy(mixed, cols, sizeof *mixed * sig->count);
    repeat_row(mixed, sig->count, mask, row, rows);
    run_small(columns, mixed, sig->count, rows, want);
    rows = keep_small(mixed, sig->count, rows, want);
    if (rows == 0) return true;
    if (!check_ways(columns, mixed, sig->count, rows, want, false)) return false;
    hr_status status = make_call(sig, cols, row, mask, &call);
    if (status != HR_OK) { /* refused: then no row of it has a value */
        for (uint32_t i = 0; i < rows; i++)
            if (!want[i].code && !want[i].is_null)
                return differs("constants refused", mixed, sig->count, i, &want[i], status, NULL,
                               0);
        return true;
    }
    if ((status = prepare(&plan, &conf, call, &p)) != HR_OK)
        return differs("compiled", mixed, sig->count, 0, NULL, status, NULL, 0);
    if (call->type != columns->type) run_each(&plan, &p, mixed, sig->count, rows, want);
    bool same = check_ways(&p, mixed, sig->count, rows, want, false);
    if (same && mask == (1u << sig->count) - 1 && hr_expr_is_foldable(call))
        same = check_folded(call, &want[0]);
    hr_eval_free(p.eval);
    if (!same) {
        size_t n = strlen(walk_why);
        snprintf(walk_why + n, sizeof walk_why - n, " [constants %x]", mask);
    }
    return same;
}

static bool check_masks(const struct signature *sig, const struct prepared *columns,
                        const struct hr_column *cols, uint32_t rows, const struct outcome *want,
                        struct dice *d)
{
    uint32_t masks = 1u << sig->count, fixed = 0;
    for (uint32_t i = 0; i < sig->count; i++) fixed |= (uint32_t)sig->fixed[i] << i;
    uint32_t good = 0, bad = 0;
    while (good + 1 < rows && (want[good].code || want[good].is_null)) good++;
    while (bad + 1 < rows && want[bad].code == 0) bad++;
    for (uint32_t mask = 1; mask < masks; mask++) {
        uint32_t bits = (uint32_t)__builtin_popcount(mask);
        if (mask & fixed) continue;
        if (sig->count > 3 && bits > 1 && bits < sig->count && dice_roll(d, masks) > 4) continue;
        uint32_t picks[] = {good, bad, dice_roll(d, rows), dice_roll(d, rows)};
        for (uint32_t i = 0; i < HR_COUNT(picks); i++) {
            if (i && picks[i] == picks[0]) continue;
            if (!check_mask(sig, columns, cols, rows, mask, picks[i])) return false;
        }
        for (uint32_t row = 0; row < rows; row++) { /* a NULL constant, of a typed column */
            bool all = true;
            for (uint32_t i = 0; i < sig->count; i++)
                if (mask >> i & 1) all = all && !hr_column_valid(&cols[i], row);
            if (!all) continue;
            if (!check_mask(sig, columns, cols, rows, mask, row)) return false;
            break;
        }
    }
    return true;
}

/* --- One aggregate -----------------------------------------------------------------------------*/

/* DISTINCT: as without it, of the rows that are the first of their values. */
static bool check_distinct(const struct signature *sig, struct hr_column *cols)
{
    struct hr_expr *call;
    struct agg_call plain, distinct;
    uint32_t from[AGG_ROWS], all[AGG_ROWS];
    if (make_call(sig, NULL, 0, 0, &call) != HR_OK) return true;
    call->distinct = true;
    if (agg_prepare(&plan, &conf, call, &distinct) != HR_OK) return false;
    bool same = agg_check_ways(&distinct, &plan, cols, sig->count, AGG_ROWS, true);
    call->distinct = false;
    if (agg_prepare(&plan, &conf, call, &plain) != HR_OK) return false;
    for (uint32_t i = 0; i < AGG_ROWS; i++) all[i] = i;
    uint32_t n = agg_first_rows(cols, sig->count, sig->fixed, AGG_ROWS, from);
    struct outcome want = agg_rows(&plain, &plan, cols, sig->count, from, n, 1, false);
    call->distinct = true;
    struct outcome got = agg_rows(&distinct, &plan, cols, sig->count, all, AGG_ROWS, 7, false);
    same = same && agg_check("first rows only", &distinct, &want, &got);
    hr_eval_free(distinct.eval);
    hr_eval_free(plain.eval);
    return same;
}

/* Argument i the same in all rows: as a column, and as a constant. */
static bool check_agg_constants(const struct signature *sig, const struct agg_call *columns,
                                const struct hr_column *cols)
{
    uint32_t all[AGG_ROWS];
    for (uint32_t i = 0; i < AGG_ROWS; i++) all[i] = i;
    for (uint32_t mask = 1; mask < 1u << sig->count; mask++) {
        for (uint32_t row = 0; row < 2; row++) {
            struct hr_column mixed[WALK_ARGS_MAX];
            struct hr_expr *call;
            struct agg_call a;
            memcpy(mixed, cols, sizeof *mixed * sig->count);
            repeat_row(mixed, sig->count, mask, row, AGG_ROWS);
            struct outcome want =
                agg_rows(columns, &plan, mixed, sig->count, all, AGG_ROWS, 1, false);
            if (make_call(sig, cols, row, mask, &call) != HR_OK) continue;
            if (call->type != columns->call->type) continue;
            if (agg_prepare(&plan, &conf, call, &a) != HR_OK) return false;
            struct outcome got = agg_rows(&a, &plan, mixed, sig->count, all, AGG_ROWS, 7, false);
            struct outcome one = agg_rows(&a, &plan, mixed, sig->count, all, AGG_ROWS, 7, true);
            bool same = agg_check("a constant", &a, &want, &got) &&
                        agg_check("a constant, into one", &a, &want, &one) &&
                        agg_check_ways(&a, &plan, mixed, sig->count, AGG_ROWS, true);
            hr_eval_free(a.eval);
            if (!same) return false;
        }
    }
    return true;
}

static void walk_aggregate(const struct signature *sig, struct hr_expr *call, struct dice *d)
{
    struct agg_call a;
    struct hr_column cols[WALK_ARGS_MAX];
    hr_status status = agg_prepare(&plan, &conf, call, &a);
    if (status != HR_OK) {
        snprintf(walk_why, sizeof walk_why, "does not compile: %s", hr_error_info(status)->name);
        complain();
        return;
    }
    /* mostly NULL, NULLs among values, none, nothing else; then values whose sums overflow */
    static const uint32_t nulls[] = {2, 6, 0, 1, 6};
    bool same = true;
    for (uint32_t k = 0; k < HR_COUNT(nulls) && same; k++) {
        values_calm = k < 4;
        for (uint32_t i = 0; i < sig->count; i++)
            value_column(&plan, sig->types[i], AGG_ROWS, nulls[k], d, &cols[i]);
        same = agg_check_ways(&a, &plan, cols, sig->count, AGG_ROWS, values_calm);
        if (same && k == 1) same = check_distinct(sig, cols) && check_agg_constants(sig, &a, cols);
    }
    values_calm = false;
    if (!same) complain();
    hr_eval_free(a.eval);
}

/* --- Signatures of a function ------------------------------------------------------------------*/

static void walk_signature(const struct signature *sig, struct hr_expr *call, struct dice *d,
                           bool large)
{
    if (sig->fn && sig->fn->flags & HR_FN_AGGREGATE) {
        describe(sig);
        signatures_walked++;
        walk_aggregate(sig, call, d);
        return;
    }
    struct prepared p = {0};
    struct hr_column all[WALK_ARGS_MAX], cols[WALK_ARGS_MAX];
    static struct outcome tried[CANDIDATES];
    struct outcome want[ROWS];
    uint32_t rows[ROWS];
    describe(sig);
    signatures_walked++;
    hr_status status = prepare(&plan, &conf, call, &p);
    if (status != HR_OK) {
        snprintf(walk_why, sizeof walk_why, "does not compile: %s", hr_error_info(status)->name);
        complain();
        return;
    }
    for (uint32_t i = 0; i < sig->count; i++)
        value_column(&plan, sig->types[i], CANDIDATES, 10, d, &all[i]);
    run_small(&p, all, sig->count, CANDIDATES, tried);
    uint32_t n = choose_rows(tried, rows);
    if (n == 0) goto out;
    take_rows(&plan, all, sig->count, rows, n, cols);
    for (uint32_t i = 0; i < n; i++) want[i] = tried[rows[i]];
    if (!check_ways(&p, cols, sig->count, n, want, large) ||
        !check_masks(sig, &p, cols, n, want, d))
        complain();
out:
    hr_eval_free(p.eval);
}

/* Is the call what was asked for, without a cast of an argument? */
static bool is_direct(const struct signature *sig, const struct hr_expr *call)
{
    for (uint32_t i = 0; i < call->arg_count && i < sig->count; i++)
        if (call->args[i]->kind == HR_X_CAST) return false;
    return true;
}

static void mark_function(const struct hr_function *fn)
{
    for (uint32_t i = 0; i < HR_COUNT(reached); i++)
        if (hr_function_at(i) && hr_function_at(i) == fn) reached[i] = true;
}

static void mark(const struct signature *sig, const struct hr_expr *call)
{
    mark_function(sig->fn);
    if (call->kind == HR_X_CALL) mark_function(call->function);
    for (uint32_t i = 0; i < call->arg_count; i++) mark(sig, call->args[i]);
}

/* Finds constants for the arguments that must be: of those in `may`. */
static bool fix_arguments(struct signature *sig, uint32_t may, struct dice *d,
                          struct hr_expr **ret_call)
{
    for (uint32_t mask = 1; mask < 1u << sig->count; mask++) {
        if (mask & ~may) continue;
        for (uint32_t i = 0; i < sig->count; i++) sig->fixed[i] = mask >> i & 1;
        for (uint32_t attempt = 0; attempt < 40; attempt++) {
            for (uint32_t i = 0; i < sig->count; i++)
                if (sig->fixed[i]) value_column(&plan, sig->types[i], 1, 0, d, &sig->values[i]);
            hr_status status = make_call(sig, NULL, 0, 0, ret_call);
            if (status == HR_OK) return true;
            if (status == HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT ||
                status == HR_E_DATATYPE_MISMATCH_UNEXPECTED_INPUT_TYPE)
                break; /* not these, or not enough */
        }
    }
    return false;
}

struct tally {
    uint32_t direct, cast, fixed;
    bool only_fixed; /* no call of columns alone is taken */
};

static void try_fixed(struct signature *sig, uint32_t may, struct tally *t, struct dice *d)
{
    struct hr_expr *call;
    if (t->fixed >= signatures_max / 2 || !fix_arguments(sig, may, d, &call)) return;
    t->fixed++;
    mark(sig, call);
    walk_signature(sig, call, d, t->fixed == 1);
}

static void try_types(struct signature *sig, struct tally *t, struct dice *d)
{
    struct hr_expr *call;
    hr_arena_reset(&plan);
    memset(sig->fixed, 0, sizeof sig->fixed);
    if (t->only_fixed) { /* a text that is a part of the call, whatever the error says */
        for (uint32_t i = 0; i < sig->count; i++)
            if (sig->types[i]->id == HR_T_STRING) try_fixed(sig, 1u << i, t, d);
        return;
    }
    hr_status status = make_call(sig, NULL, 0, 0, &call);
    if (status == HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT ||
        status == HR_E_NON_FOLDABLE_ARGUMENT || status == HR_E_INVALID_ESCAPE_CHAR ||
        status == HR_E_DATATYPE_MISMATCH_CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING) {
        try_fixed(sig, UINT32_MAX, t, d);
        return;
    }
    if (status != HR_OK) return;
    bool direct = is_direct(sig, call), many = sig->count > 2;
    uint32_t *n = direct ? &t->direct : &t->cast;
    uint32_t max = direct ? signatures_max : signatures_max / 6;
    if (*n >= (many ? max / 3 + 1 : max)) return;
    (*n)++;
    mark(sig, call);
    walk_signature(sig, call, d, direct && *n <= 6);
}

/* A type for argument i: one that its word takes as it is, mostly. */
static const struct hr_type *pick_type(const struct hr_signature *words, uint32_t i, struct dice *d)
{
    uint32_t n;
    const struct hr_type *const *types = value_types(&n), *type = types[dice_roll(d, n)];
    if (words->word_count == 0) return type;
    struct hr_str_view word = words->words[HR_MIN(i, words->word_count - 1)];
    for (uint32_t attempt = 0; attempt < 64 && hr_type_implicit(type, word) != type; attempt++)
        type = types[dice_roll(d, n)];
    return type;
}

static bool walk_arity(const struct hr_function *fn, uint32_t count, bool only_fixed,
                       struct dice *d)
{
    uint32_t n, total = 1;
    const struct hr_type *const *types = value_types(&n);
    const struct hr_signature *words = hr_function_signature(fn);
    struct tally t = {.only_fixed = only_fixed};
    struct signature sig = {.fn = fn, .count = count};
    for (uint32_t i = 0; i < HR_MIN(count, 2u); i++) total *= n;
    uint32_t start = dice_roll(d, total);
    uint32_t step = 331 % total ? 331 : 1; /* a prime: all of them, in disorder */
    for (uint32_t k = 0; count <= 2 && k < total; k++) {
        uint32_t code = (start + k * step) % total;
        sig.types[0] = types[code % n];
        sig.types[1] = types[code / n % n];
        try_types(&sig, &t, d);
    }
    for (uint32_t k = 0; count > 2 && k < 400 && t.direct <= signatures_max / 3; k++) {
        for (uint32_t i = 0; i < count; i++)
            sig.types[i] = i && words->word_count == 0 && dice_roll(d, 3)
                               ? sig.types[dice_roll(d, i)]
                               : pick_type(words, i, d);
        try_types(&sig, &t, d);
    }
    return t.direct + t.cast + t.fixed > 0;
}

/* Another name of a row before it. */
static bool is_alias(const struct hr_function *fn)
{
    const struct hr_function *other;
    for (uint32_t i = 0; (other = hr_function_at(i)) != fn; i++)
        if (other->eval == fn->eval && other->aggregate == fn->aggregate &&
            (fn->eval || fn->aggregate) && other->bind == fn->bind && other->flags == fn->flags &&
            other->max_args == fn->max_args && other->name[0] != '_')
            return true;
    return false;
}

static void walk_function(const struct hr_function *fn)
{
    struct dice d = {.state = 1};
    for (const char *c = fn->name; *c; c++) d.state = d.state * 31 + (unsigned char)*c;
    uint32_t min = (uint32_t)fn->min_args, max = min + 2;
    if (fn->max_args >= 0) max = (uint32_t)fn->max_args;
    for (uint32_t count = min; count <= HR_MIN(max, (uint32_t)WALK_ARGS_MAX - 1); count++)
        if (!walk_arity(fn, count, false, &d)) walk_arity(fn, count, true, &d);
}

#define SHARES     4 /* of the scalars; the aggregates are one more */
#define AGGREGATES SHARES

static bool is_of_share(uint32_t i, uint32_t share)
{
    const struct hr_function *fn = hr_function_at(i);
    if (is_elsewhere(fn)) return false;
    return share == (fn->flags & HR_FN_AGGREGATE ? AGGREGATES : i % SHARES);
}

static void walk_share(uint32_t share)
{
    const char *only = getenv("HR_WALK_ONLY"); /* a name, to look closer */
    const struct hr_function *fn;
    for (uint32_t i = 0; (fn = hr_function_at(i)); i++) {
        if (!is_of_share(i, share) || (only && strcmp(only, fn->name) != 0)) continue;
        if (is_alias(fn))
            mark_function(fn);
        else if (fn->name[0] != '_' || hr_function_role(fn) == HR_ROLE_ROW)
            walk_function(fn);
    }
    printf("  %u signatures, %u differ\n", signatures_walked, failures);
    HR_EXPECT_EQ_I64(failures, 0);
    for (uint32_t i = 0; !only && (fn = hr_function_at(i)); i++) {
        if (!is_of_share(i, share) || fn->name[0] == '_' || reached[i]) continue;
        printf("  %s: no call of it was tried\n", fn->name);
        HR_EXPECT_TRUE(reached[i]);
    }
}

static void walk_ansi(uint32_t share)
{
    setup();
    walk_share(share);
}

HR_TEST(functions_1)
{
    walk_ansi(0);
}
HR_TEST(functions_2)
{
    walk_ansi(1);
}
HR_TEST(functions_3)
{
    walk_ansi(2);
}
HR_TEST(functions_4)
{
    walk_ansi(3);
}

HR_TEST(aggregates)
{
    signatures_max = 12;
    walk_ansi(AGGREGATES);
}

HR_TEST(functions_not_ansi)
{
    setup();
    conf.ansi = false;
    signatures_max = 8; /* of an arity: the types were tried above */
    for (uint32_t share = 0; share < SHARES; share++) walk_share(share);
}

HR_TEST(casts)
{
    setup();
    uint32_t n;
    const struct hr_type *const *types = value_types(&n);
    struct dice d = {.state = 7};
    for (uint32_t i = 0; i < n * n * 4; i++) {
        struct hr_expr *call;
        struct signature sig = {
            .to = types[i / n % n], .types = {types[i % n]}, .count = 1, .try_cast = i / n / n & 1};
        conf.ansi = i / n / n & 2;
        hr_arena_reset(&plan);
        if (sig.types[0] == sig.to || make_call(&sig, NULL, 0, 0, &call) != HR_OK) continue;
        walk_signature(&sig, call, &d, i < n * n);
    }
    printf("  %u signatures, %u differ\n", signatures_walked, failures);
    HR_EXPECT_EQ_I64(failures, 0);
}
