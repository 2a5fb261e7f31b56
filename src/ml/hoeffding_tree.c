/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hoeffding tree (VFDT; Domingos and Hulten 2000): a leaf splits once the rows that it has seen
 * say, with the certainty that the Hoeffding bound gives, which feature is the best. Numbers are
 * kept as a Gaussian for each class, with ten cuts tried between the least and the greatest; leaves
 * answer by the majority or by naive Bayes, whichever was right more often so far.
 */
#include <stdio.h>

#include "ml/features.h"
#include "ml/io.h"
#include "ml/ml.h"

#define CUTS      10
#define NODES_MAX (1u << 20)

struct tree_options {
    int64_t grace, leaves;
    double delta, tau;
    int leaf;
};

enum { ADAPTIVE, MAJORITY, BAYES };

/* Numbers of a class in a leaf. */
struct gauss {
    double n, mean, m2;
};

struct node {
    int32_t left; /* its children are left and left + 1; -1: a leaf */
    uint32_t feature;
    double cut;    /* below or equal: left */
    int32_t stats; /* of a leaf: which of tree.leaves; else -1 */
};

/* What a leaf has seen. The arrays are one block: by class counts, gauss by feature and class, then
 * least and greatest by feature. */
struct leaf {
    double seen, tried_at; /* rows; at the last try to split */
    double majority_right, bayes_right;
    uint32_t classes; /* that the arrays have room for */
    double *counts;
    struct gauss *gauss;
    double *low, *high;
};

struct tree {
    struct hr_ml_model model;
    uint32_t d;
    struct node *nodes;
    uint32_t node_count, node_capacity;
    struct leaf *leaves;
    uint32_t leaf_count, leaf_capacity;
    uint32_t split_leaves; /* leaves that there are: not those that have split */
};

static const struct hr_opt_spec specs[] = {
    {"gracePeriod", HR_OPT_INT, offsetof(struct tree_options, grace), "200", 1, INT32_MAX, NULL,
     "rows of a leaf between two tries to split"},
    {"delta", HR_OPT_DOUBLE, offsetof(struct tree_options, delta), "1e-7", 0, 0, NULL,
     "how likely a wrong split may be"},
    {"tau", HR_OPT_DOUBLE, offsetof(struct tree_options, tau), "0.05", 0, 0, NULL,
     "a tie is split when the bound is below it"},
    {"maxLeaves", HR_OPT_INT, offsetof(struct tree_options, leaves), "1000", 1, 100000, NULL,
     "with so many leaves none splits any more"},
    {"leafPrediction", HR_OPT_ENUM, offsetof(struct tree_options, leaf), "adaptive", 0, 0,
     "adaptive|majority|naive_bayes", "how a leaf answers"},
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct tree_options *o = options;
    if (!(o->delta > 0 && o->delta < 1))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "delta", "why",
                        "must be between 0 and 1");
    if (!(o->tau >= 0 && o->tau <= 1))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "tau", "why", "must be between 0 and 1");
    return HR_OK;
}

static struct tree *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct tree, model);
}
static const struct tree *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct tree, model);
}

/* ---- memory ---- */

static void leaf_done(struct leaf *leaf)
{
    hr_free(leaf->counts);
    hr_free(leaf->gauss);
    hr_free(leaf->low);
    hr_free(leaf->high);
    leaf->counts = leaf->low = leaf->high = NULL;
    leaf->gauss = NULL;
    leaf->classes = 0;
}

static void close_model(struct hr_ml_model *model)
{
    struct tree *m = self(model);
    for (uint32_t i = 0; i < m->leaf_count; i++) leaf_done(&m->leaves[i]);
    hr_free(m->leaves);
    hr_free(m->nodes);
}

/* Room for the classes that there are; gauss is by feature, then class. */
static hr_status leaf_room(const struct tree *m, struct leaf *leaf, struct hr_err *err)
{
    uint32_t classes = m->model.class_count;
    if (leaf->classes >= classes && leaf->low) return HR_OK;
    double *counts = hr_zalloc(sizeof *counts * (classes + 1));
    struct gauss *gauss = hr_zalloc(sizeof *gauss * (classes + 1) * m->d);
    bool fresh = !leaf->low;
    if (fresh) leaf->low = hr_zalloc(sizeof *leaf->low * m->d);
    if (!leaf->high) leaf->high = hr_zalloc(sizeof *leaf->high * m->d);
    if (!counts || !gauss || !leaf->low || !leaf->high) {
        hr_free(counts);
        hr_free(gauss);
        return HR_OOM(err);
    }
    for (uint32_t j = 0; j < m->d && fresh; j++) {
        leaf->low[j] = 1e300;
        leaf->high[j] = -1e300;
    }
    if (leaf->classes) memcpy(counts, leaf->counts, sizeof *counts * leaf->classes);
    for (uint32_t j = 0; j < m->d && leaf->classes; j++)
        memcpy(&gauss[(size_t)j * classes], &leaf->gauss[(size_t)j * leaf->classes],
               sizeof *gauss * leaf->classes);
    hr_free(leaf->counts);
    hr_free(leaf->gauss);
    leaf->counts = counts;
    leaf->gauss = gauss;
    leaf->classes = classes;
    return HR_OK;
}

static hr_status push_leaf(struct tree *m, int32_t *ret, struct hr_err *err)
{
    if (m->leaf_count == m->leaf_capacity) {
        uint32_t capacity = HR_MAX(16u, m->leaf_capacity * 2);
        struct leaf *grown = hr_realloc(m->leaves, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        m->leaves = grown;
        m->leaf_capacity = capacity;
    }
    m->leaves[m->leaf_count] = (struct leaf){0};
    *ret = (int32_t)m->leaf_count++;
    m->split_leaves++;
    return HR_OK;
}

static hr_status push_node(struct tree *m, int32_t stats, struct hr_err *err)
{
    if (m->node_count == m->node_capacity) {
        uint32_t capacity = HR_MAX(16u, m->node_capacity * 2);
        struct node *grown = hr_realloc(m->nodes, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        m->nodes = grown;
        m->node_capacity = capacity;
    }
    m->nodes[m->node_count++] = (struct node){.left = -1, .stats = stats};
    return HR_OK;
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct tree *m = self(model);
    int32_t stats = 0;
    m->d = model->input_count;
    HR_TRY(push_leaf(m, &stats, err));
    return push_node(m, stats, err);
}

/* ---- answers ---- */

static uint32_t find_leaf(const struct tree *m, const struct hr_ml_rows *rows, uint32_t i)
{
    uint32_t at = 0;
    while (m->nodes[at].left >= 0) {
        const struct node *node = &m->nodes[at];
        at = (uint32_t)node->left + (rows->x[node->feature][i] > node->cut);
    }
    return at;
}

static uint32_t majority(const struct leaf *leaf, double *ret_p)
{
    uint32_t best = 0;
    double total = 0;
    for (uint32_t c = 0; c < leaf->classes; c++) {
        total += leaf->counts[c];
        if (leaf->counts[c] > leaf->counts[best]) best = c;
    }
    *ret_p = total > 0 ? leaf->counts[best] / total : 0;
    return best;
}

static double log_density(const struct gauss *g, double x)
{
    double var = g->n > 1 ? g->m2 / (g->n - 1) : 0;
    if (g->n == 0) return 0;
    if (var <= 1e-12) var = 1e-12;
    return -0.5 * (log(6.283185307179586 * var) + (x - g->mean) * (x - g->mean) / var);
}

static uint32_t bayes(const struct tree *m, const struct leaf *leaf, const struct hr_ml_rows *rows,
                      uint32_t i, double *ret_p)
{
    double best = -INFINITY, total = 0;
    uint32_t winner = 0;
    for (uint32_t c = 0; c < leaf->classes; c++) {
        if (leaf->counts[c] == 0) continue;
        double v = log(leaf->counts[c]);
        for (uint32_t j = 0; j < m->d; j++)
            v += log_density(&leaf->gauss[(size_t)j * leaf->classes + c], rows->x[j][i]);
        total = v > best ? total * exp(best - v) + 1 : total + exp(v - best);
        if (v > best) {
            best = v;
            winner = c;
        }
    }
    *ret_p = total > 0 ? 1 / total : 0;
    return winner;
}

static void answer(const struct tree *m, const struct leaf *leaf, const struct hr_ml_rows *rows,
                   uint32_t i, struct hr_ml_scores *ret)
{
    const struct tree_options *o = m->model.opt;
    bool by_bayes =
        o->leaf == BAYES || (o->leaf == ADAPTIVE && leaf->bayes_right >= leaf->majority_right);
    ret->index[i] =
        by_bayes ? bayes(m, leaf, rows, i, &ret->value[i]) : majority(leaf, &ret->value[i]);
}

/* ---- splitting ---- */

static double entropy(const double *counts, uint32_t classes, double total)
{
    double sum = 0;
    for (uint32_t c = 0; c < classes; c++)
        if (counts[c] > 0) sum -= counts[c] / total * log2(counts[c] / total);
    return sum;
}

/* Rows of the class at or below the cut, by its Gaussian. */
static double below(const struct gauss *g, double cut)
{
    double var = g->n > 1 ? g->m2 / (g->n - 1) : 0;
    if (g->n == 0) return 0;
    if (var <= 0) return g->mean <= cut ? g->n : 0;
    return g->n * 0.5 * erfc((g->mean - cut) / sqrt(2 * var));
}

/* Information that a cut gives. left: room for three times the classes. */
static double gain(const struct leaf *leaf, const struct gauss *gauss, double cut, double *left)
{
    double n = leaf->seen, a = 0, b = 0, *right = left + leaf->classes;
    double *all = right + leaf->classes;
    for (uint32_t c = 0; c < leaf->classes; c++) {
        all[c] = gauss[c].n;
        left[c] = below(&gauss[c], cut);
        right[c] = HR_MAX(all[c] - left[c], 0.0);
        a += left[c];
        b += right[c];
    }
    if (a < n * 0.01 || b < n * 0.01) return 0; /* nothing on one side */
    return entropy(all, leaf->classes, n) - a / (a + b) * entropy(left, leaf->classes, a) -
           b / (a + b) * entropy(right, leaf->classes, b);
}

struct best {
    double gain, second, cut; /* second: of the next best feature, or of not splitting */
    uint32_t feature;
};

static void find_best(const struct tree *m, const struct leaf *leaf, double *room, struct best *ret)
{
    *ret = (struct best){0};
    for (uint32_t j = 0; j < m->d; j++) {
        double most = 0, at = 0;
        for (int k = 1; k <= CUTS; k++) {
            double cut = leaf->low[j] + (leaf->high[j] - leaf->low[j]) * k / (CUTS + 1);
            double v = gain(leaf, &leaf->gauss[(size_t)j * leaf->classes], cut, room);
            if (v > most) {
                most = v;
                at = cut;
            }
        }
        if (most > ret->gain) {
            ret->second = ret->gain;
            ret->gain = most;
            ret->cut = at;
            ret->feature = j;
        } else {
            ret->second = HR_MAX(ret->second, most);
        }
    }
}

/* The children begin with what the cut says of the classes. */
static hr_status begin_child(struct tree *m, struct leaf *leaf, const double *counts,
                             struct hr_err *err)
{
    HR_TRY(leaf_room(m, leaf, err));
    for (uint32_t c = 0; c < leaf->classes; c++) leaf->counts[c] = counts[c];
    return HR_OK;
}

static hr_status split(struct tree *m, uint32_t at, const struct best *best, double *room,
                       struct hr_err *err)
{
    int32_t stats = m->nodes[at].stats, left = 0, right = 0;
    if (m->node_count + 2 > NODES_MAX) return HR_OK;
    gain(&m->leaves[stats],
         &m->leaves[stats].gauss[(size_t)best->feature * m->leaves[stats].classes], best->cut,
         room);
    uint32_t classes = m->leaves[stats].classes;
    HR_TRY(push_leaf(m, &left, err));
    HR_TRY(push_leaf(m, &right, err));
    HR_TRY(begin_child(m, &m->leaves[left], room, err));
    HR_TRY(begin_child(m, &m->leaves[right], room + classes, err));
    uint32_t first = m->node_count;
    HR_TRY(push_node(m, left, err));
    HR_TRY(push_node(m, right, err));
    leaf_done(&m->leaves[stats]);
    m->split_leaves--;
    m->nodes[at] = (struct node){(int32_t)first, best->feature, best->cut, -1};
    return HR_OK;
}

static hr_status try_split(struct tree *m, uint32_t at, struct hr_err *err)
{
    const struct tree_options *o = m->model.opt;
    struct leaf *leaf = &m->leaves[m->nodes[at].stats];
    uint32_t present = 0;
    leaf->tried_at = leaf->seen;
    for (uint32_t c = 0; c < leaf->classes; c++) present += leaf->counts[c] > 0;
    if (present < 2 || m->split_leaves >= o->leaves) return HR_OK;
    double *room = hr_alloc(sizeof *room * 3 * leaf->classes);
    if (!room) return HR_OOM(err);
    struct best best;
    find_best(m, leaf, room, &best);
    double range = log2((double)HR_MAX(present, 2u));
    double bound = sqrt(range * range * log(1 / o->delta) / (2 * leaf->seen));
    hr_status status = HR_OK;
    if (best.gain > 0 && (best.gain - best.second > bound || bound < o->tau))
        status = split(m, at, &best, room, err);
    hr_free(room);
    return status;
}

/* ---- learning ---- */

static void add_row(struct tree *m, struct leaf *leaf, const struct hr_ml_rows *rows, uint32_t i)
{
    uint32_t y = (uint32_t)rows->y[i];
    leaf->seen++;
    leaf->counts[y]++;
    for (uint32_t j = 0; j < m->d; j++) {
        double x = rows->x[j][i];
        struct gauss *g = &leaf->gauss[(size_t)j * leaf->classes + y];
        struct hr_ml_moments moments = {g->mean, g->m2};
        g->n++;
        hr_ml_moments_add(&moments, g->n, x);
        g->mean = moments.mean;
        g->m2 = moments.m2;
        leaf->low[j] = HR_MIN(leaf->low[j], x);
        leaf->high[j] = HR_MAX(leaf->high[j], x);
    }
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct tree *m = self(model);
    const struct tree_options *o = model->opt;
    for (uint32_t i = 0; i < rows->count; i++) {
        uint32_t at = find_leaf(m, rows, i), y = (uint32_t)rows->y[i];
        struct leaf *leaf = &m->leaves[m->nodes[at].stats];
        double ignored;
        HR_TRY(leaf_room(m, leaf, err));
        answer(m, leaf, rows, i, ret_before);
        if (leaf->seen == 0 && ret_before->value[i] == 0) ret_before->value[i] = NAN;
        leaf->majority_right += majority(leaf, &ignored) == y;
        leaf->bayes_right += bayes(m, leaf, rows, i, &ignored) == y;
        add_row(m, leaf, rows, i);
        if (leaf->seen - leaf->tried_at >= (double)o->grace) HR_TRY(try_split(m, at, err));
    }
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct tree *m = self_const(model);
    for (uint32_t i = 0; i < rows->count; i++)
        answer(m, &m->leaves[m->nodes[find_leaf(m, rows, i)].stats], rows, i, ret);
}

static void describe(const struct hr_ml_model *model, struct hr_buf *out)
{
    const struct tree *m = self_const(model);
    hr_buf_printf(out, "%u leaves", m->split_leaves);
}

/* ---- fields ---- */

static void leaf_fields(struct tree *m, struct leaf *leaf, uint32_t number, struct hr_ml_io *io)
{
    char name[32];
    snprintf(name, sizeof name, "leaf%u", number);
    hr_ml_io_begin(io, name);
    if (hr_ml_io_reads(io) && leaf_room(m, leaf, NULL) != HR_OK)
        hr_ml_io_fail(io, name, "does not fit into memory");
    /* In the model's number of classes: a leaf that no row has reached lately has fewer. */
    if (!hr_ml_io_reads(io) && leaf_room(m, leaf, NULL) != HR_OK)
        hr_ml_io_fail(io, name, "does not fit into memory");
    if (!io->why) {
        hr_ml_io_f64(io, "seen", &leaf->seen);
        hr_ml_io_f64(io, "triedAt", &leaf->tried_at);
        hr_ml_io_f64(io, "majorityRight", &leaf->majority_right);
        hr_ml_io_f64(io, "bayesRight", &leaf->bayes_right);
        hr_ml_io_f64s(io, "counts", leaf->counts, leaf->classes);
        hr_ml_io_f64s(io, "gauss", (double *)leaf->gauss, (size_t)leaf->classes * m->d * 3);
        hr_ml_io_f64s(io, "least", leaf->low, m->d);
        hr_ml_io_f64s(io, "greatest", leaf->high, m->d);
    }
    hr_ml_io_end(io);
}

static void read_nodes(struct tree *m, uint32_t count, const int64_t *left, const uint32_t *feature,
                       const double *cut, struct hr_ml_io *io)
{
    struct hr_ml_model *model = &m->model;
    for (uint32_t i = 0; i < m->leaf_count; i++) leaf_done(&m->leaves[i]);
    m->node_count = m->leaf_count = m->split_leaves = 0;
    for (uint32_t i = 0; i < count && !io->why; i++) {
        int32_t stats = -1;
        bool inner = left[i] >= 0;
        /* Children stand behind their parent: no path is endless. */
        if (inner && (left[i] <= (int64_t)i || left[i] + 1 >= (int64_t)count ||
                      feature[i] >= model->input_count))
            hr_ml_io_fail(io, "left", "is out of its range");
        else if ((!inner && push_leaf(m, &stats, NULL) != HR_OK) ||
                 push_node(m, stats, NULL) != HR_OK)
            hr_ml_io_fail(io, "nodes", "do not fit into memory");
        else if (inner)
            m->nodes[i] = (struct node){(int32_t)left[i], feature[i], cut[i], -1};
    }
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct tree *m = self(model);
    struct hr_arena scratch = {0};
    uint32_t count = m->node_count;
    hr_ml_io_count(io, "nodeCount", &count, NODES_MAX);
    int64_t *left = HR_NEW_ARRAY(&scratch, int64_t, count + 1);
    uint32_t *feature = HR_NEW_ARRAY(&scratch, uint32_t, count + 1);
    double *cut = HR_NEW_ARRAY(&scratch, double, count + 1);
    if (!left || !feature || !cut || count == 0) {
        hr_ml_io_fail(io, "nodes", "do not fit into memory");
        hr_arena_done(&scratch);
        return;
    }
    for (uint32_t i = 0; i < count && !hr_ml_io_reads(io); i++) {
        left[i] = m->nodes[i].left;
        feature[i] = m->nodes[i].feature;
        cut[i] = m->nodes[i].cut;
    }
    hr_ml_io_i64s(io, "left", left, count);
    hr_ml_io_u32s(io, "feature", feature, count);
    hr_ml_io_f64s(io, "cut", cut, count);
    if (hr_ml_io_reads(io) && !io->why) read_nodes(m, count, left, feature, cut, io);
    for (uint32_t i = 0; i < count && !io->why; i++)
        if (m->nodes[i].stats >= 0) leaf_fields(m, &m->leaves[m->nodes[i].stats], i, io);
    hr_arena_done(&scratch);
}

extern const struct hr_ml_vt hr_ml_hoeffding_tree;
const struct hr_ml_vt hr_ml_hoeffding_tree = {
    .name = "hoeffding_tree",
    .task = HR_ML_CLASSES,
    .doc = "a decision tree that grows with the rows",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct tree_options),
    .size = sizeof(struct tree),
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .score = score,
    .fields = fields,
    .describe = describe,
};
