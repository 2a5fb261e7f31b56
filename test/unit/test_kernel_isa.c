/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel of every instruction set that runs here against the scalar reference: random data
 * with the values that hurt, all tails, NULLs in all shapes. Memory ends where the arrays end, so
 * that a sanitizer sees a step too far. */
#include "base/alloc.h"
#include "base/hash.h"
#include "hr_test.h"
#include "kernel/kernel.h"

static const size_t lengths[] = {0, 1, 7, 8, 63, 64, 65, 127, 128, 191, 200, 256, 1000};
static const size_t widths[HR_K_COUNT] = {1, 2, 4, 8, 4, 8, 16, 16};
static const char *const isa_names[] = {"base", "v3", "v4"};

static const struct hr_kernels *reference(void)
{
    return hr_kernels_named("scalar");
}

static uint64_t next(uint64_t *seed)
{
    return hr_splitmix64(seed);
}

/* Values: mode 0 anything, 1 small numbers (many equal ones, no overflow), 2 the extremes. */
static void random_ints(void *out, size_t width, size_t n, int mode, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t r = next(seed);
        hr_i128 v = (hr_i128)((hr_u128)r << 64 | next(seed));
        hr_i128 low = -((hr_i128)1 << (width * 8 - 2)) * 2;
        if (mode == 1) v = (hr_i128)(r % 7) - 3;
        if (mode == 2) {
            const hr_i128 edges[] = {low, low + 1, -(low + 1), 0, -1, 1, -(low + 1) - 1};
            v = edges[r % HR_COUNT(edges)];
        }
        memcpy((char *)out + i * width, &v, width);
    }
}

static double random_double(int mode, uint64_t *seed)
{
    static const double edges[] = {0.0,           -0.0,          1.0,          -1.0,
                                   NAN,           -NAN,          INFINITY,     -INFINITY,
                                   127.9,         128.0,         -128.9,       -129.0,
                                   32767.5,       32768.0,       2147483647.5, 2147483648.0,
                                   -2147483648.9, -2147483649.0, 0x1p63,       -0x1p63,
                                   -0x1.1p63,     0x1p62,        5e-324,       1e300};
    uint64_t r = next(seed);
    if (mode == 2) return edges[r % HR_COUNT(edges)];
    if (mode == 1) return (double)(r % 7) - 3;
    double v;
    memcpy(&v, &r, 8);
    return v;
}

static char text_bytes[256];

static void random_values(enum hr_ktype type, void *out, size_t n, int mode, uint64_t *seed)
{
    if (type == HR_K_F64) {
        for (size_t i = 0; i < n; i++) ((double *)out)[i] = random_double(mode, seed);
    } else if (type == HR_K_F32) {
        for (size_t i = 0; i < n; i++) ((float *)out)[i] = (float)random_double(mode, seed);
    } else if (type == HR_K_STR) {
        for (size_t i = 0; i < 256; i++) text_bytes[i] = (char)("ab\0c\377"[i * 7 % 5]);
        for (size_t i = 0; i < n; i++) {
            uint64_t r = next(seed);
            ((struct hr_string *)out)[i] =
                hr_string_make(text_bytes + r % (mode == 1 ? 2 : 200),
                               (uint32_t)(r >> 32) % (mode == 1 ? 16 : 40));
        }
    } else {
        random_ints(out, widths[type], n, mode, seed);
    }
}

/* shape 0: no bitmap, 1: random, 2: none valid, 3: all but one, 4: mixed full and empty words */
static uint64_t *random_valid(int shape, size_t n, uint64_t *seed)
{
    if (shape == 0) return NULL;
    size_t words = hr_bit_words(n);
    uint64_t *valid = malloc(words * 8 + 1);
    for (size_t i = 0; i < words; i++) {
        uint64_t r = next(seed);
        valid[i] = shape == 1   ? r
                   : shape == 2 ? 0
                   : shape == 3 ? UINT64_MAX
                                : (r & 1   ? UINT64_MAX
                                   : r & 2 ? r
                                           : 0);
    }
    if (shape == 3 && n) hr_bit_clear(valid, (uint32_t)(next(seed) % n));
    return valid;
}

static void *exact(size_t bytes)
{
    return malloc(bytes ? bytes : 1);
}

/* One round: a set, a length, a kind of values and a shape of NULLs. */
struct round {
    const struct hr_kernels *k;
    size_t n;
    int mode;
    uint64_t *valid;
    uint64_t seed;
};

static void for_all(void (*check)(struct round *))
{
    for (size_t isa = 0; isa < HR_COUNT(isa_names); isa++) {
        struct round r = {.k = hr_kernels_named(isa_names[isa]), .seed = 1 + isa};
        for (size_t i = 0; r.k && i < HR_COUNT(lengths) * 15; i++) {
            r.n = lengths[i / 15];
            r.mode = (int)(i % 3);
            r.valid = random_valid((int)(i / 3 % 5), r.n, &r.seed);
            check(&r);
            free(r.valid);
        }
    }
}

static void same_bits(const uint64_t *a, const uint64_t *b, size_t n, const char *what, int type,
                      int op)
{
    if (memcmp(a, b, hr_bit_words(n) * 8) != 0)
        hr_test_check(false, __FILE__, __LINE__, "%s type %d op %d n %zu differs", what, type, op,
                      n);
}

static void check_compare(const struct hr_kernels *k, enum hr_ktype type, size_t n, int mode,
                          uint64_t *seed)
{
    void *a = exact(n * widths[type]), *b = exact(n * widths[type]), *one = exact(widths[type]);
    uint64_t *x = exact(hr_bit_words(n) * 8), *y = exact(hr_bit_words(n) * 8);
    random_values(type, a, n, mode, seed);
    random_values(type, b, n, mode, seed);
    random_values(type, one, 1, mode, seed);
    for (size_t i = 0; i < n; i += 3)
        memcpy((char *)b + i * widths[type], (char *)a + i * widths[type], widths[type]);
    for (int op = HR_CMP_EQ; op <= HR_CMP_GE; op++) {
        k->compare->cols[type]((enum hr_cmp_op)op, a, b, n, x);
        reference()->compare->cols[type]((enum hr_cmp_op)op, a, b, n, y);
        same_bits(x, y, n, "compare", type, op);
        k->compare->to_const[type]((enum hr_cmp_op)op, a, one, n, x);
        reference()->compare->to_const[type]((enum hr_cmp_op)op, a, one, n, y);
        same_bits(x, y, n, "compare const", type, op);
    }
    free(a), free(b), free(one), free(x), free(y);
}

static void round_compare(struct round *r)
{
    size_t n = r->n;
    for (int type = 0; type < HR_K_COUNT; type++)
        check_compare(r->k, (enum hr_ktype)type, n, r->mode, &r->seed);
}

HR_TEST(kernel_compare)
{
    for_all(round_compare);
}

/* Results must agree up to the failing row, on the valid rows. */
static void same_results(const void *x, const void *y, int64_t rx, int64_t ry, enum hr_ktype type,
                         size_t n, const uint64_t *valid, const char *what, int op)
{
    if (rx != ry) {
        hr_test_check(false, __FILE__, __LINE__, "%s type %d op %d n %zu: row %lld, not %lld", what,
                      type, op, n, (long long)rx, (long long)ry);
        return;
    }
    if (rx >= 0) return;
    size_t w = widths[type];
    for (size_t i = 0; i < n; i++) {
        if (valid && !hr_bit_get(valid, (uint32_t)i)) continue;
        const char *p = (const char *)x + i * w, *q = (const char *)y + i * w;
        if (type == HR_K_F64 && isnan(((const double *)x)[i]) && isnan(((const double *)y)[i]))
            continue;
        if (type == HR_K_F32 && isnan(((const float *)x)[i]) && isnan(((const float *)y)[i]))
            continue;
        if (memcmp(p, q, w) == 0) continue;
        hr_test_check(false, __FILE__, __LINE__, "%s type %d op %d n %zu: value %zu differs", what,
                      type, op, n, i);
        return;
    }
}

static void check_arith(const struct hr_kernels *k, enum hr_ktype type, size_t n, int mode,
                        const uint64_t *valid, uint64_t *seed)
{
    size_t w = widths[type];
    void *a = exact(n * w), *b = exact(n * w), *x = exact(n * w), *y = exact(n * w);
    random_values(type, a, n, mode, seed);
    random_values(type, b, n, (int)(next(seed) % 3), seed);
    for (int op = 0; op < HR_ARITH_COUNT; op++) {
        for (int s = HR_COL_COL; s <= HR_CONST_COL; s++) {
            if (n == 0 && s != HR_COL_COL) continue;
            int64_t rx = k->arith->binary[op][type]((enum hr_shape)s, a, b, valid, n, x);
            int64_t ry = reference()->arith->binary[op][type]((enum hr_shape)s, a, b, valid, n, y);
            same_results(x, y, rx, ry, type, n, valid, "arith", op * 10 + s);
        }
    }
    int64_t rx = k->arith->negate[type](a, valid, n, x),
            ry = reference()->arith->negate[type](a, valid, n, y);
    same_results(x, y, rx, ry, type, n, valid, "negate", 0);
    rx = k->arith->absolute[type](a, valid, n, x),
    ry = reference()->arith->absolute[type](a, valid, n, y);
    same_results(x, y, rx, ry, type, n, valid, "absolute", 0);
    /* in place */
    memcpy(y, a, n * w);
    rx = k->arith->binary[HR_ARITH_ADD][type](HR_COL_COL, a, b, valid, n, x);
    ry = k->arith->binary[HR_ARITH_ADD][type](HR_COL_COL, y, b, valid, n, y);
    same_results(x, y, rx, ry, type, n, valid, "in place", 0);
    free(a), free(b), free(x), free(y);
}

static void round_arith(struct round *r)
{
    size_t n = r->n;
    for (int type = 0; type < HR_K_NUMBERS; type++)
        check_arith(r->k, (enum hr_ktype)type, n, r->mode, r->valid, &r->seed);
}

HR_TEST(kernel_arith)
{
    for_all(round_arith);
}

static void round_cast(struct round *r)
{
    size_t n = r->n;
    for (int from = 0; from < HR_K_NUMBERS; from++) {
        void *a = exact(n * widths[from]);
        random_values((enum hr_ktype)from, a, n, r->mode, &r->seed);
        for (int to = 0; to < HR_K_NUMBERS; to++) {
            void *x = exact(n * widths[to]), *y = exact(n * widths[to]);
            int64_t rx = r->k->arith->cast[from][to](a, r->valid, n, x);
            int64_t ry = reference()->arith->cast[from][to](a, r->valid, n, y);
            same_results(x, y, rx, ry, (enum hr_ktype)to, n, r->valid, "cast", from * 10 + to);
            free(x), free(y);
        }
        free(a);
    }
}

HR_TEST(kernel_cast)
{
    for_all(round_cast);
}

static void check_selection(const struct hr_kernels *k, const uint64_t *bits, size_t n,
                            uint64_t *seed)
{
    uint32_t *x = exact(n * 4), *y = exact(n * 4);
    size_t cx = k->bits->to_sel(bits, n, x), cy = reference()->bits->to_sel(bits, n, y);
    HR_EXPECT_EQ_U64(cx, cy);
    HR_EXPECT_TRUE(memcmp(x, y, cy * 4) == 0);
    HR_EXPECT_EQ_U64(k->bits->count(bits, n), cy);
    uint32_t *rows = exact(n * 4);
    for (size_t i = 0; i < n; i++) rows[i] = (uint32_t)(next(seed) % n);
    cx = k->bits->filter_sel(bits, rows, n, x),
    cy = reference()->bits->filter_sel(bits, rows, n, y);
    HR_EXPECT_EQ_U64(cx, cy);
    HR_EXPECT_TRUE(memcmp(x, y, cy * 4) == 0);
    uint64_t *p = exact(hr_bit_words(n) * 8), *q = exact(hr_bit_words(n) * 8);
    k->bits->gather(bits, rows, n, p), reference()->bits->gather(bits, rows, n, q);
    same_bits(p, q, n, "gather bits", 0, 0);
    for (int i = 0, w = 1; i < 5; i++, w *= 2) {
        char *src = exact(n * (size_t)w), *o1 = exact(n * (size_t)w), *o2 = exact(n * (size_t)w);
        for (size_t j = 0; j < n * (size_t)w; j++) src[j] = (char)next(seed);
        k->gather->width[i](src, rows, n, o1), reference()->gather->width[i](src, rows, n, o2);
        HR_EXPECT_TRUE(memcmp(o1, o2, n * (size_t)w) == 0);
        free(src), free(o1), free(o2);
    }
    free(x), free(y), free(rows), free(p), free(q);
}

static void round_bits(struct round *r)
{
    size_t n = r->n;
    uint64_t *a = random_valid(1 + (int)(next(&r->seed) % 4), n, &r->seed),
             *b = random_valid(1, n, &r->seed);
    uint64_t *x = exact(hr_bit_words(n) * 8), *y = exact(hr_bit_words(n) * 8);
    for (int op = HR_BIT_AND; op <= HR_BIT_ANDNOT; op++) {
        r->k->bits->combine((enum hr_bit_op)op, a, b, n, x);
        reference()->bits->combine((enum hr_bit_op)op, a, b, n, y);
        same_bits(x, y, n, "combine", 0, op);
    }
    r->k->bits->invert(a, n, x), reference()->bits->invert(a, n, y);
    same_bits(x, y, n, "invert", 0, 0);
    check_selection(r->k, a, n, &r->seed);
    free(a), free(b), free(x), free(y);
}

HR_TEST(kernel_bits)
{
    for_all(round_bits);
}

static void check_sums(const struct hr_kernels *k, enum hr_ktype type, const void *a, size_t n,
                       const uint64_t *valid)
{
    int64_t x = 5, y = 5;
    HR_EXPECT_EQ_I64(k->fold->sum_i64[type](a, valid, n, &x),
                     reference()->fold->sum_i64[type](a, valid, n, &y));
    HR_EXPECT_EQ_I64(x, y);
    x = y = INT64_MAX - 3;
    HR_EXPECT_EQ_I64(k->fold->sum_i64[type](a, valid, n, &x),
                     reference()->fold->sum_i64[type](a, valid, n, &y));
    HR_EXPECT_EQ_I64(x, y);
}

static void check_fold(const struct hr_kernels *k, enum hr_ktype type, size_t n, int mode,
                       const uint64_t *valid, uint64_t *seed)
{
    size_t w = widths[type];
    void *a = exact(n * w);
    random_values(type, a, n, mode, seed);
    if (type <= HR_K_I64) check_sums(k, type, a, n, valid);
    double dx = 0.5, dy = 0.5;
    if (type == HR_K_F64)
        k->fold->sum_f64(a, valid, n, &dx), reference()->fold->sum_f64(a, valid, n, &dy);
    if (type == HR_K_F32)
        k->fold->sum_f32(a, valid, n, &dx), reference()->fold->sum_f32(a, valid, n, &dy);
    HR_EXPECT_EQ_F64(dx, dy);
    hr_i128 ix = 3, iy = 3;
    if (type == HR_K_I128)
        HR_EXPECT_EQ_I64(k->fold->sum_i128(a, valid, n, &ix),
                         reference()->fold->sum_i128(a, valid, n, &iy));
    HR_EXPECT_TRUE(ix == iy);
    for (int has = 0; has < 2; has++) {
        char bx[16], by[16];
        random_values(type, bx, 1, mode, seed);
        memcpy(by, bx, 16);
        HR_EXPECT_EQ_I64(k->fold->min[type](a, valid, n, has, bx),
                         reference()->fold->min[type](a, valid, n, has, by));
        bool both_nan = type == HR_K_F64
                            ? isnan(*(double *)bx) && isnan(*(double *)by)
                            : type == HR_K_F32 && isnan(*(float *)bx) && isnan(*(float *)by);
        HR_EXPECT_TRUE(both_nan || memcmp(bx, by, w) == 0);
        memcpy(by, bx, 16);
        HR_EXPECT_EQ_I64(k->fold->max[type](a, valid, n, has, bx),
                         reference()->fold->max[type](a, valid, n, has, by));
        both_nan = type == HR_K_F64
                       ? isnan(*(double *)bx) && isnan(*(double *)by)
                       : type == HR_K_F32 && isnan(*(float *)bx) && isnan(*(float *)by);
        HR_EXPECT_TRUE(both_nan || memcmp(bx, by, w) == 0);
    }
    free(a);
}

static void round_fold(struct round *r)
{
    size_t n = r->n;
    for (int type = 0; type < HR_K_STR; type++)
        check_fold(r->k, (enum hr_ktype)type, n, r->mode, r->valid, &r->seed);
}

HR_TEST(kernel_fold)
{
    for_all(round_fold);
}

static void round_hash(struct round *r)
{
    size_t n = r->n;
    for (int type = 0; type < HR_K_COUNT; type++) {
        void *a = exact(n * widths[type]);
        uint64_t *x = exact(n * 8), *y = exact(n * 8);
        random_values((enum hr_ktype)type, a, n, r->mode, &r->seed);
        for (size_t i = 0; i < n; i++) x[i] = y[i] = next(&r->seed);
        r->k->hash->combine[type](a, r->valid, n, x);
        reference()->hash->combine[type](a, r->valid, n, y);
        HR_EXPECT_TRUE(memcmp(x, y, n * 8) == 0);
        free(a), free(x), free(y);
    }
}

HR_TEST(kernel_hash)
{
    for_all(round_hash);
}

static void round_scan(struct round *r)
{
    size_t n = r->n;
    char *text = exact(n);
    for (size_t i = 0; i < n; i++) text[i] = "abc\n\0,"[next(&r->seed) % (r->mode ? 6 : 3)];
    static const char set[4] = {'\n', ',', '\0', '"'};
    uint64_t *x = exact(hr_bit_words(n) * 8), *y = exact(hr_bit_words(n) * 8);
    r->k->scan->mark(text, n, set, x), reference()->scan->mark(text, n, set, y);
    same_bits(x, y, n, "mark", 0, 0);
    HR_EXPECT_EQ_U64(r->k->scan->find(text, n, '\n'), reference()->scan->find(text, n, '\n'));
    uint32_t *p = exact(n * 4), *q = exact(n * 4);
    for (size_t max = 0; max <= n; max += n / 2 + 1) {
        size_t cx = r->k->scan->positions(text, n, '\0', p, max),
               cy = reference()->scan->positions(text, n, '\0', q, max);
        HR_EXPECT_EQ_U64(cx, cy);
        HR_EXPECT_TRUE(memcmp(p, q, cy * 4) == 0);
    }
    free(text), free(x), free(y), free(p), free(q);
}

HR_TEST(kernel_scan)
{
    for_all(round_scan);
}

/* The order of floats is Spark's, whatever the kernels agree on among themselves. */
HR_TEST(kernel_float_order)
{
    const double a[] = {NAN, NAN, 1, -0.0, INFINITY}, b[] = {NAN, INFINITY, NAN, 0.0, NAN};
    uint64_t bits;
    hr_kernels()->compare->cols[HR_K_F64](HR_CMP_EQ, a, b, 5, &bits);
    HR_EXPECT_EQ_U64(bits, 0x09);
    hr_kernels()->compare->cols[HR_K_F64](HR_CMP_LT, a, b, 5, &bits);
    HR_EXPECT_EQ_U64(bits, 0x14);
    hr_kernels()->compare->cols[HR_K_F64](HR_CMP_GT, a, b, 5, &bits);
    HR_EXPECT_EQ_U64(bits, 0x02);
}

HR_TEST(kernel_chosen_runs)
{
    HR_EXPECT_TRUE(hr_kernels() != NULL);
    HR_EXPECT_TRUE(hr_kernels_named("base") != NULL);
    HR_EXPECT_TRUE(hr_kernels_named("no such set") == NULL);
}
