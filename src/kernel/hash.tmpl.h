/* SPDX-License-Identifier: Apache-2.0 */
/* Template: hashes of T (parameters T, NAME, WORD). */
static void HR_K_PASTE(hash_, NAME)(const void *from, const uint64_t *valid, size_t n,
                                    uint64_t *hash)
{
    const T *values = from;
    if (!valid) {
        for (size_t i = 0; i < n; i++) {
            uint64_t mixed = hr_hash_combine(hash[i], WORD(values[i]));
            HR_K_ONE_BY_ONE(mixed);
            hash[i] = mixed;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t word = hr_bit_get(valid, (uint32_t)i) ? WORD(values[i]) : HR_NULL_WORD;
        hash[i] = hr_hash_combine(hash[i], word);
    }
}
#undef T
#undef NAME
