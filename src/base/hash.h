/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes: one for tables and shuffles (stable on disk), CRC32C for files. */
#ifndef HR_BASE_HASH_H
#define HR_BASE_HASH_H

#include "base/base.h"

/* Mixes 64 bits (the finaliser of MurmurHash3: full avalanche). Part of the state format. */
HR_INLINE uint64_t hr_hash_u64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    x ^= x >> 33;
    return x;
}
HR_INLINE uint64_t hr_hash_combine(uint64_t seed, uint64_t hash)
{
    return hr_hash_u64(seed * 31 + hash);
}
/* XXH3 64: strings, row keys. Part of the state format. */
uint64_t hr_hash_bytes(const void *data, size_t size);

/* The state slot of a key hash: its top bits, so that slots and hash order agree. */
HR_INLINE uint32_t hr_hash_slot(uint64_t hash)
{
    return (uint32_t)(hash >> 56);
}

/* CRC-32C (Castagnoli), hardware where there is any. Start with crc 0. */
uint32_t hr_crc32c(uint32_t crc, const void *data, size_t size);

/* SplitMix64 step: the seeded generator of tests and data generators (state → next). */
HR_INLINE uint64_t hr_splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

#endif
