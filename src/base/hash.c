/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3 of libxxhash (stable since 0.8) and CRC-32C by instruction or by table. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

uint64_t hr_hash_bytes(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

static uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const unsigned char *p,
                                                               size_t size)
{
    uint64_t c = crc;
    for (; size >= 8; size -= 8, p += 8) c = _mm_crc32_u64(c, load64(p));
    for (; size; size--, p++) c = _mm_crc32_u8((uint32_t)c, *p);
    return (uint32_t)c;
}
static bool have_hardware(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t crc_hardware(uint32_t crc, const unsigned char *p,
                                                             size_t size)
{
    for (; size >= 8; size -= 8, p += 8) crc = __crc32cd(crc, load64(p));
    for (; size; size--, p++) crc = __crc32cb(crc, *p);
    return crc;
}
static bool have_hardware(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
static uint32_t crc_hardware(uint32_t crc, const unsigned char *p, size_t size)
{
    HR_UNUSED(p);
    HR_UNUSED(size);
    HR_UNUSED(load64);
    return crc;
}
static bool have_hardware(void)
{
    return false;
}
#endif

/* Nibble table: the fall-back need not be fast, only right and small. */
static uint32_t crc_table(uint32_t crc, const unsigned char *p, size_t size)
{
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (; size; size--, p++) {
        crc = table[(crc ^ *p) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (*p >> 4)) & 15] ^ (crc >> 4);
    }
    return crc;
}

uint32_t hr_crc32c(uint32_t crc, const void *data, size_t size)
{
    crc = ~crc;
    crc = have_hardware() ? crc_hardware(crc, data, size) : crc_table(crc, data, size);
    return ~crc;
}
