/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Half-space trees (Tan, Ting, Liu 2011): random cuts of the space, and how many of the last
 * window's rows fell into each part. Where few did a row is odd. The cuts come from the seed alone;
 * only counts are kept. The first window finds the range of each feature (unless it is given) and
 * has no scores: they are 0.
 */
#include "base/hash.h"
#include "ml/features.h"
#include "ml/io.h"
#include "ml/ml.h"

#define HEIGHT_MAX 15
#define NODES_MAX  (INT64_C(1) << 24)
#define PADDING    0.15 /* cuts keep away from the edges, and ranges reach beyond the rows */

struct hst_options {
    int64_t trees, height, window, seed;
    double size_limit;
    const char *low, *high;
};

struct hst {
    struct hr_ml_model model;
    uint32_t d, trees, height, nodes, window;
    double *low, *high; /* of each feature */
    uint32_t *feature;  /* of inner nodes, by tree: the children of n are 2n + 1 and 2n + 2 */
    double *cut;
    uint32_t *now, *before; /* rows of this window and of the last one, by tree and node */
    double *first;          /* rows of the first window, until the ranges are known */
    int64_t seen;           /* rows learned */
    bool has_ranges;
};

static const struct hr_opt_spec specs[] = {
    {"numTrees", HR_OPT_INT, offsetof(struct hst_options, trees), "25", 1, 1000, NULL, "trees"},
    {"height", HR_OPT_INT, offsetof(struct hst_options, height), "10", 1, HEIGHT_MAX, NULL,
     "cuts on each path"},
    {"windowSize", HR_OPT_INT, offsetof(struct hst_options, window), "250", 2, 1000000, NULL,
     "rows that the next ones are compared with"},
    {"sizeLimit", HR_OPT_DOUBLE, offsetof(struct hst_options, size_limit), "0.1", 0, 0, NULL,
     "a path ends where fewer than this share of the window fell"},
    {"seed", HR_OPT_INT, offsetof(struct hst_options, seed), "1", INT64_MIN, INT64_MAX, NULL,
     "of the cuts"},
    {"minValues", HR_OPT_STRING, offsetof(struct hst_options, low), NULL, 0, 0, NULL,
     "'0, 0': least value of each feature; default: found in the first window"},
    {"maxValues", HR_OPT_STRING, offsetof(struct hst_options, high), NULL, 0, 0, NULL,
     "the same of the largest values"},
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct hst_options *o = options;
    if (!(o->size_limit >= 0 && o->size_limit < 1))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "sizeLimit", "why",
                        "must be between 0 and 1");
    if (o->trees * ((INT64_C(2) << o->height) - 1) > NODES_MAX)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "numTrees", "why",
                        "numTrees trees of this height are more than 16 million nodes");
    if (!o->low != !o->high)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", o->low ? "minValues" : "maxValues", "why",
                        "minValues and maxValues are given together");
    return HR_OK;
}

static struct hst *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct hst, model);
}
static const struct hst *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct hst, model);
}

/* ---- the cuts ---- */

static double draw(const struct hst *m, uint32_t tree, uint32_t node, uint32_t which)
{
    const struct hst_options *o = m->model.opt;
    uint64_t state = hr_hash_combine((uint64_t)o->seed, (uint64_t)tree << 32 | node) + which;
    return (double)(hr_splitmix64(&state) >> 11) * 0x1p-53;
}

static void cut_node(struct hst *m, uint32_t tree, uint32_t node, uint32_t depth, double *low,
                     double *high)
{
    if (depth == m->height) return;
    size_t at = (size_t)tree * m->nodes + node;
    uint32_t f = (uint32_t)(draw(m, tree, node, 1) * m->d);
    double width = high[f] - low[f];
    double cut = low[f] + width * (PADDING + (1 - 2 * PADDING) * draw(m, tree, node, 2));
    double old = high[f];
    m->feature[at] = f;
    m->cut[at] = cut;
    high[f] = cut;
    cut_node(m, tree, 2 * node + 1, depth + 1, low, high);
    high[f] = old;
    old = low[f];
    low[f] = cut;
    cut_node(m, tree, 2 * node + 2, depth + 1, low, high);
    low[f] = old;
}

static hr_status make_cuts(struct hst *m, struct hr_err *err)
{
    struct hr_arena scratch = {0};
    double *low = hr_arena_memdup(&scratch, m->low, sizeof *low * m->d);
    double *high = hr_arena_memdup(&scratch, m->high, sizeof *high * m->d);
    hr_status status = low && high ? HR_OK : HR_OOM(err);
    for (uint32_t t = 0; t < m->trees && status == HR_OK; t++) cut_node(m, t, 0, 0, low, high);
    hr_arena_done(&scratch);
    m->has_ranges = true;
    return status;
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct hst *m = self(model);
    const struct hst_options *o = model->opt;
    m->d = model->input_count;
    m->trees = (uint32_t)o->trees;
    m->height = (uint32_t)o->height;
    m->window = (uint32_t)o->window;
    m->nodes = (2u << m->height) - 1;
    size_t all = (size_t)m->trees * m->nodes;
    struct hr_arena *arena = &model->arena;
    m->low = HR_NEW_ARRAY(arena, double, m->d);
    m->high = HR_NEW_ARRAY(arena, double, m->d);
    m->feature = HR_NEW_ARRAY(arena, uint32_t, all);
    m->cut = HR_NEW_ARRAY(arena, double, all);
    m->now = HR_NEW_ARRAY(arena, uint32_t, all);
    m->before = HR_NEW_ARRAY(arena, uint32_t, all);
    m->first = HR_NEW_ARRAY(arena, double, (size_t)m->window * m->d);
    if (!m->low || !m->high || !m->feature || !m->cut || !m->now || !m->before || !m->first)
        return HR_OOM(err);
    if (!o->low) return HR_OK;
    HR_TRY(hr_ml_parse_numbers(o->low, "minValues", m->low, m->d, err));
    HR_TRY(hr_ml_parse_numbers(o->high, "maxValues", m->high, m->d, err));
    for (uint32_t j = 0; j < m->d; j++)
        if (!(m->low[j] < m->high[j]))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "minValues", "why",
                            "must be below maxValues");
    return make_cuts(m, err);
}

/* ---- rows ---- */

static uint32_t child_of(const struct hst *m, size_t base, uint32_t node, const double *x)
{
    return 2 * node + (x[m->feature[base + node]] < m->cut[base + node] ? 1 : 2);
}

static void count_row(struct hst *m, const double *x)
{
    for (uint32_t t = 0; t < m->trees; t++) {
        size_t base = (size_t)t * m->nodes;
        uint32_t node = 0;
        for (uint32_t depth = 0;; depth++) {
            m->now[base + node]++;
            if (depth == m->height) break;
            node = child_of(m, base, node, x);
        }
    }
}

static double score_one(const struct hst *m, const double *x)
{
    const struct hst_options *o = m->model.opt;
    double sum = 0, limit = o->size_limit * m->window;
    if (m->seen < m->window) return 0;
    for (uint32_t t = 0; t < m->trees; t++) {
        size_t base = (size_t)t * m->nodes;
        uint32_t node = 0;
        for (uint32_t depth = 0;; depth++) {
            double mass = m->before[base + node];
            sum += mass * (double)(1u << depth);
            if (depth == m->height || mass < limit) break;
            node = child_of(m, base, node, x);
        }
    }
    return 1 - sum / ((double)m->trees * m->window * ((2u << m->height) - 1));
}

static void find_ranges(struct hst *m)
{
    for (uint32_t j = 0; j < m->d; j++) {
        double low = m->first[j], high = low;
        for (uint32_t i = 1; i < m->window; i++) {
            low = HR_MIN(low, m->first[(size_t)i * m->d + j]);
            high = HR_MAX(high, m->first[(size_t)i * m->d + j]);
        }
        double more = high > low ? PADDING * (high - low) : 0.5;
        m->low[j] = low - more;
        m->high[j] = high + more;
    }
}

static hr_status end_window(struct hst *m, struct hr_err *err)
{
    if (!m->has_ranges) {
        find_ranges(m);
        HR_TRY(make_cuts(m, err));
        for (uint32_t i = 0; i < m->window; i++) count_row(m, m->first + (size_t)i * m->d);
    }
    uint32_t *old = m->before;
    m->before = m->now;
    m->now = old;
    memset(m->now, 0, sizeof *m->now * m->trees * m->nodes);
    return HR_OK;
}

static void take_row(const struct hst *m, const struct hr_ml_rows *rows, uint32_t i, double *x)
{
    for (uint32_t j = 0; j < m->d; j++) x[j] = rows->x[j][i];
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct hst *m = self(model);
    double x[HR_ML_INPUTS_MAX];
    HR_UNUSED(ret_before);
    for (uint32_t i = 0; i < rows->count; i++) {
        take_row(m, rows, i, x);
        if (m->has_ranges)
            count_row(m, x);
        else
            memcpy(m->first + (size_t)m->seen * m->d, x, sizeof *x * m->d);
        m->seen++;
        if (m->seen % m->window == 0) HR_TRY(end_window(m, err));
    }
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct hst *m = self_const(model);
    double x[HR_ML_INPUTS_MAX];
    for (uint32_t i = 0; i < rows->count; i++) {
        take_row(m, rows, i, x);
        ret->value[i] = score_one(m, x);
    }
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct hst *m = self(model);
    hr_ml_io_i64(io, "seen", &m->seen);
    if (hr_ml_io_reads(io) && m->seen < 0) hr_ml_io_fail(io, "seen", "is below 0");
    int64_t has_ranges = m->has_ranges;
    hr_ml_io_i64(io, "hasRanges", &has_ranges);
    if (io->why) return;
    if (!has_ranges) {
        if (m->seen >= m->window) hr_ml_io_fail(io, "seen", "is out of its range");
        if (!io->why) hr_ml_io_f64s(io, "firstRows", m->first, (size_t)m->seen * m->d);
        return;
    }
    hr_ml_io_f64s(io, "minValues", m->low, m->d);
    hr_ml_io_f64s(io, "maxValues", m->high, m->d);
    hr_ml_io_u32s(io, "lastWindow", m->before, (size_t)m->trees * m->nodes);
    hr_ml_io_u32s(io, "thisWindow", m->now, (size_t)m->trees * m->nodes);
    if (hr_ml_io_reads(io) && !io->why && make_cuts(m, NULL) != HR_OK)
        hr_ml_io_fail(io, "minValues", "do not fit into memory");
}

extern const struct hr_ml_vt hr_ml_half_space_trees;
const struct hr_ml_vt hr_ml_half_space_trees = {
    .name = "half_space_trees",
    .task = HR_ML_ANOMALY,
    .doc = "how odd a row is beside the last window of rows",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct hst_options),
    .size = sizeof(struct hst),
    .check = check,
    .open = open_model,
    .learn = learn,
    .score = score,
    .fields = fields,
};
