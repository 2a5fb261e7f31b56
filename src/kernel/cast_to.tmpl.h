/* SPDX-License-Identifier: Apache-2.0 */
/* Template: one cast (parameters TO, TO_NAME; WRONG, VALUE) inside of cast_from.tmpl.h. */
#ifndef VALUE
#define VALUE(v) (v)
#endif

static int64_t HR_K_PASTE(HR_K_PASTE(cast_, FROM_NAME),
                          HR_K_PASTE(_, TO_NAME))(const void *from, const uint64_t *valid, size_t n,
                                                  void *to)
{
    const FROM *a = from;
    TO *out = to;
#ifdef WRONG
    for (size_t at = 0; at < n; at += BLOCK_ROWS) {
        size_t end = HR_MIN(n, at + BLOCK_ROWS);
        CHECK_T wrong = 0; /* as wide as FROM, so that the loop keeps to one width */
        for (size_t i = at; i < end; i++) {
            const FROM v = a[i];
            wrong |= (CHECK_T)WRONG(v);
        }
        for (size_t i = at; HR_UNLIKELY(wrong) && i < end; i++) {
            const FROM v = a[i];
            if (WRONG(v) && (!valid || hr_bit_get(valid, (uint32_t)i))) return (int64_t)i;
        }
    }
#else
    HR_UNUSED(valid);
#endif
    HR_K_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        const FROM v = a[i];
        out[i] = (TO)VALUE(v);
    }
    return -1;
}

#undef TO
#undef TO_NAME
#undef WRONG
#undef VALUE
