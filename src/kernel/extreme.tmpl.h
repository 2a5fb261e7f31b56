/* SPDX-License-Identifier: Apache-2.0 */
/* Template: least and greatest of T (parameters T, NAME, FLOATING). NaN is above all; of values
 * that are equal (-0.0 and 0.0) the first one stays. */
#define FN(name) HR_K_PASTE(name##_, NAME)
#if defined(FLOATING)
#define LESS(x, y) (((x) < (y)) | (((x) == (x)) & ((y) != (y))))
#else
#define LESS(x, y) ((x) < (y))
#endif

#define EXTREME(op, BETTER)                                                                        \
    static bool FN(op)(const void *from, const uint64_t *valid, size_t n, bool has_best, void *to) \
    {                                                                                              \
        const T *values = from;                                                                    \
        T best = 0;                                                                                \
        if (has_best) memcpy(&best, to, sizeof best);                                              \
        for (size_t at = 0; at < n; at += 64) {                                                    \
            uint64_t word = valid_word(valid, at) & low_bits(HR_MIN(n - at, (size_t)64));          \
            const T *v = values + at;                                                              \
            if (!has_best && word) {                                                               \
                best = v[__builtin_ctzll(word)];                                                   \
                has_best = true;                                                                   \
            }                                                                                      \
            if (word == UINT64_MAX) {                                                              \
                for (size_t i = 0; i < 64; i++) best = BETTER(v[i], best) ? v[i] : best;           \
            } else {                                                                               \
                for (; word; word &= word - 1) {                                                   \
                    T x = v[__builtin_ctzll(word)];                                                \
                    best = BETTER(x, best) ? x : best;                                             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        if (has_best) memcpy(to, &best, sizeof best);                                              \
        return has_best;                                                                           \
    }
#define GREATER(x, y) LESS(y, x)
EXTREME(min, LESS)
EXTREME(max, GREATER)

#undef GREATER
#undef EXTREME
#undef LESS
#undef FN
#undef T
#undef NAME
#undef FLOATING
