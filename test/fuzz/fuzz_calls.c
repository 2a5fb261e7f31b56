/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random typed calls of the functions of functions.def, nested, over random columns and literals:
 * no crash, no endless run, no more memory than the budget, and the same answers for a batch as
 * for its rows one by one. The bytes are dice (expr_values.h): each is one choice.
 */
#include "../unit/expr_walk.h"

#define COLUMNS 4
#define ROWS    12
#define POOL    24 /* expressions to take arguments from */

static void check(bool good)
{
    if (!good) {
        fprintf(stderr, "%s\n%s\n", walk_where, walk_why);
        __builtin_trap();
    }
}

struct maker {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    struct dice dice;
    struct hr_column columns[COLUMNS];
    struct hr_expr *pool[POOL];
    uint32_t depths[POOL], count;
};

static void add(struct maker *m, struct hr_expr *expr, uint32_t depth)
{
    uint32_t at = m->count < POOL ? m->count++ : dice_roll(&m->dice, POOL);
    m->pool[at] = expr;
    m->depths[at] = depth;
}

static struct hr_expr *leaf(struct maker *m, const struct hr_type *type)
{
    struct hr_column one;
    value_column(m->arena, type, 1, 12, &m->dice, &one);
    return value_literal(m->arena, &one, 0);
}

/* An argument that the word takes: from the pool, else a literal. */
static struct hr_expr *argument(struct maker *m, const struct hr_signature *sig, uint32_t i,
                                uint32_t *depth)
{
    uint32_t n, start = dice_roll(&m->dice, POOL);
    const struct hr_type *const *types = value_types(&n);
    struct hr_str_view word =
        sig->word_count ? sig->words[HR_MIN(i, sig->word_count - 1)] : hr_sv("any");
    for (uint32_t k = 0; k < m->count && dice_roll(&m->dice, 4); k++) {
        uint32_t at = (start + k) % m->count;
        if (!hr_type_implicit(m->pool[at]->type, word)) continue;
        *depth = HR_MAX(*depth, m->depths[at]);
        return hr_expr_copy(m->arena, m->pool[at]);
    }
    const struct hr_type *type = types[dice_roll(&m->dice, n)];
    for (uint32_t k = 0; k < n && hr_type_implicit(type, word) != type; k++) type = types[k];
    return leaf(m, type);
}

static void make(struct maker *m, uint32_t functions)
{
    struct hr_expr *args[6];
    uint32_t n, depth = 0;
    const struct hr_type *const *types = value_types(&n);
    if (dice_roll(&m->dice, 8) == 0) {
        struct hr_expr *from = hr_expr_copy(m->arena, m->pool[dice_roll(&m->dice, m->count)]);
        struct hr_expr *cast = hr_expr_cast(m->arena, from, types[dice_roll(&m->dice, n)]);
        cast->try_cast = dice_roll(&m->dice, 2);
        if (hr_expr_resolve_node(m->arena, m->conf, cast, NULL) == HR_OK) add(m, cast, 1);
        return;
    }
    const struct hr_function *fn = hr_function_at(dice_roll(&m->dice, functions));
    if (fn->flags & HR_FN_AGGREGATE || fn->name[0] == '_' || is_elsewhere(fn)) return;
    uint32_t min = (uint32_t)fn->min_args, max = fn->max_args < 0 ? 5 : (uint32_t)fn->max_args;
    uint32_t count = min + dice_roll(&m->dice, HR_MIN(max, 5u) - HR_MIN(min, 5u) + 1);
    for (uint32_t i = 0; i < HR_MIN(count, 6u); i++)
        args[i] = argument(m, hr_function_signature(fn), i, &depth);
    if (count > 6 || depth >= 4) return;
    struct hr_expr *call = hr_expr_call(m->arena, fn->name, args, count);
    hr_status status = hr_expr_resolve_node(m->arena, m->conf, call, NULL);
    snprintf(walk_where, sizeof walk_where, "%s", fn->name);
    snprintf(walk_why, sizeof walk_why, "resolve: %d", status);
    check(status != HR_E_INTERNAL);
    if (status == HR_OK) add(m, call, depth + 1);
}

static bool can_compare(const struct outcome *want, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++)
        if (want[i].code == HR_E_MEMORY_LIMIT) return false;
    return true;
}

static void try_expr(struct maker *m, struct hr_expr *expr)
{
    struct prepared p = {0};
    struct outcome want[ROWS];
    struct hr_buf text = {.max_bytes = sizeof walk_where - 1};
    hr_expr_print(expr, &text);
    snprintf(walk_where, sizeof walk_where, "%s", text.failed ? "" : hr_buf_cstr(&text));
    hr_buf_done(&text);
    snprintf(walk_why, sizeof walk_why, "does not compile");
    hr_status status = prepare(m->arena, m->conf, expr, &p);
    snprintf(walk_why, sizeof walk_why, "does not compile: %d", status);
    check(status == HR_OK);
    run_each(m->arena, &p, m->columns, COLUMNS, ROWS, want);
    for (uint32_t i = 0; i < ROWS; i++) check(want[i].code != HR_E_INTERNAL);
    if (can_compare(want, ROWS)) {
        struct hr_column out;
        status = run_rows(&p, m->columns, ROWS, NULL, 0, &out);
        if (status != HR_E_MEMORY_LIMIT)
            check(check_ways(&p, m->columns, COLUMNS, ROWS, want, false));
    }
    hr_eval_free(p.eval);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t functions;
    while (hr_function_at(functions)) functions++;
    struct hr_arena arena;
    hr_function_find("abs"); /* makes the table */
    hr_arena_init(&arena, NULL);
    hr_mem_init(&walk_budget, NULL, "calls", NULL, 8 << 20);
    hr_arena_init(&walk_run, &walk_budget);
    hr_arena_init(&walk_scratch, NULL);
    struct maker m = {.arena = &arena, .dice = {.state = 1, .data = data, .size = size}};
    struct hr_conf conf = {.tz = hr_tz_utc(), .batch_rows = HR_BATCH_ROWS,
                           .now_us = INT64_C(1700000000123456)};
    conf.ansi = dice_roll(&m.dice, 4) != 0;
    if (dice_roll(&m.dice, 2)) conf.tz = hr_tz_find(hr_sv("America/New_York"));
    m.conf = &conf;
    uint32_t n;
    const struct hr_type *const *types = value_types(&n);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct hr_type *type = types[dice_roll(&m.dice, n)];
        value_column(&arena, type, ROWS, 6, &m.dice, &m.columns[i]);
        add(&m, hr_expr_column(&arena, type, i, true), 0);
    }
    for (uint32_t i = 0; i < 3; i++) add(&m, leaf(&m, types[dice_roll(&m.dice, n)]), 0);
    for (uint32_t i = 0; i < 16; i++) make(&m, functions);
    for (uint32_t i = 0; i < m.count; i++)
        if (m.depths[i]) try_expr(&m, m.pool[i]);
    hr_arena_done(&walk_run);
    hr_arena_done(&walk_scratch);
    hr_arena_done(&arena);
    return 0;
}
