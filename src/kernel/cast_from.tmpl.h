/* SPDX-License-Identifier: Apache-2.0 */
/* Template: casts from FROM (named FROM_NAME; FLOATING for floats) to the six number types. */
#define CAST_TO(to_type, to_name, CHECKED, FITS_, VALUE_)                                          \
    static int64_t HR_K_PASTE(HR_K_PASTE(cast_, FROM_NAME), _##to_name)(                           \
        const void *from, const uint64_t *valid, size_t n, void *to)                               \
    {                                                                                              \
        const FROM *a = from;                                                                      \
        to_type *out = to;                                                                         \
        for (size_t at = 0; at < n; at += BLOCK_ROWS) {                                            \
            size_t rows = HR_MIN(n - at, (size_t)BLOCK_ROWS);                                      \
            if (CHECKED) {                                                                         \
                uint64_t live = valid_word(valid, at);                                             \
                uint8_t bad = 0;                                                                   \
                for (size_t i = 0; i < rows; i++) {                                                \
                    FROM v = a[at + i];                                                            \
                    HR_UNUSED(v);                                                                  \
                    bad |= (uint8_t) !(FITS_);                                                     \
                }                                                                                  \
                for (size_t i = 0; HR_UNLIKELY(bad) && i < rows; i++) {                            \
                    FROM v = a[at + i];                                                            \
                    HR_UNUSED(v);                                                                  \
                    if (!(FITS_) && (live >> i & 1)) return (int64_t)(at + i);                     \
                }                                                                                  \
            }                                                                                      \
            to_type results[BLOCK_ROWS];                                                           \
            for (size_t i = 0; i < rows; i++) {                                                    \
                FROM v = a[at + i];                                                                \
                results[i] = (to_type)(VALUE_);                                                    \
            }                                                                                      \
            memcpy(out + at, results, rows * sizeof *out);                                         \
        }                                                                                          \
        return -1;                                                                                 \
    }

#if defined(FLOATING)
/* Values that do not fit become 0 before the conversion, which would be undefined. The bounds are
 * exclusive where the type's own limit plus one is a float, and 2^63 gives the largest LONG. */
#define IN(low, high) ((double)v > (low) && (double)v < (high))
#define IN_LONG ((double)v >= -0x1p63 && (double)v <= 0x1p63)
CAST_TO(int8_t, i8, true, IN(-129.0, 128.0), IN(-129.0, 128.0) ? v : 0)
CAST_TO(int16_t, i16, true, IN(-32769.0, 32768.0), IN(-32769.0, 32768.0) ? v : 0)
CAST_TO(int32_t, i32, true, IN(-2147483649.0, 2147483648.0), IN(-2147483649.0, 2147483648.0) ? v : 0)
CAST_TO(int64_t, i64, true, IN_LONG,
        !IN_LONG ? 0 : (double)v == 0x1p63 ? INT64_MAX : (int64_t)v)
#undef IN
#undef IN_LONG
#else
CAST_TO(int8_t, i8, sizeof(FROM) > 1, (int8_t)v == v, v)
CAST_TO(int16_t, i16, sizeof(FROM) > 2, (int16_t)v == v, v)
CAST_TO(int32_t, i32, sizeof(FROM) > 4, (int32_t)v == v, v)
CAST_TO(int64_t, i64, false, true, v)
#endif
CAST_TO(float, f32, false, true, v)
CAST_TO(double, f64, false, true, v)

#undef CAST_TO
#undef FROM
#undef FROM_NAME
