/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel of every instruction set that runs here against the scalar reference: random data
 * with the values that hurt, all tails, NULLs in all shapes. Memory ends where the arrays end, so
 * that a sanitizer sees a step too far. */
#include "base/alloc.h"
#include "base/hash.h"
#include "hr_test.h"
#include "kernel/kernel.h"

static const size_t lengths[] = {0, 1, 7, 8, 63, 64, 65, 127, 128, 191, 200, 256, 1000};
static const size_t widths[HR_K_COUNT] = {1, 2, 4, 8, 4, 8, 16};
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

static void random_values(enum hr_ktype type, void *out, size_t n, int mode, uint64_t *seed)
{
    if (type == HR_K_F64) {
        for (size_t i = 0; i < n; i++) ((double *)out)[i] = random_double(mode, seed);
    } else if (type == HR_K_F32) {
        for (size_t i = 0; i < n; i++) ((float *)out)[i] = (float)random_double(mode, seed);
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

static void round_bits(struct round *r)
{
    size_t n = r->n;
    uint64_t *bits = random_valid(1 + (int)(next(&r->seed) % 4), n, &r->seed);
    uint32_t *x = exact(n * 4), *y = exact(n * 4);
    size_t cx = r->k->bits->to_sel(bits, n, x), cy = reference()->bits->to_sel(bits, n, y);
    HR_EXPECT_EQ_U64(cx, cy);
    HR_EXPECT_TRUE(memcmp(x, y, cy * 4) == 0);
    free(bits), free(x), free(y);
}

HR_TEST(kernel_bits)
{
    for_all(round_bits);
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
