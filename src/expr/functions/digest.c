/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/digest.h"

#include <math.h>
#include <pthread.h>

/* Constants are computed from their definitions: fractional parts of sines, square and cube roots.
 */
static uint32_t md5_k[64], crc_table[256];
static uint64_t sha_k[80];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The first 64 fractional bits of the root-th root of n, by bisection in 128 bits. */
static uint64_t root_fraction(uint32_t n, int root)
{
    /* x = floor(n^(1/root) * 2^64): x^root <= n * 2^(64*root); x has at most 69 bits */
    hr_u128 x = 0;
    for (int bit = 68; bit >= 0; bit--) {
        hr_u128 t = x | (hr_u128)1 << bit;
        /* compare t^root with n << (64*root), in 32-bit limbs */
        uint64_t limbs[8] = {0}, acc[8] = {0};
        uint32_t td[3] = {(uint32_t)t, (uint32_t)(t >> 32), (uint32_t)(t >> 64)};
        acc[0] = 1;
        for (int r = 0; r < root; r++) {
            memset(limbs, 0, sizeof limbs);
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 3 && i + j < 8; j++) {
                    uint64_t p = acc[i] * td[j];
                    for (int k = i + j; k < 8 && p; k++) {
                        uint64_t s = limbs[k] + (uint32_t)p;
                        limbs[k] = (uint32_t)s;
                        p = (p >> 32) + (s >> 32);
                    }
                }
            memcpy(acc, limbs, sizeof acc);
        }
        uint64_t want[8] = {0};
        want[2 * root] = n;
        int c = 0;
        for (int k = 7; k >= 0 && !c; k--) c = acc[k] < want[k] ? -1 : acc[k] > want[k];
        if (c <= 0) x = t;
    }
    return (uint64_t)x;
}

static uint32_t nth_prime(int n)
{
    for (uint32_t p = 2;; p++) {
        bool prime = true;
        for (uint32_t d = 2; d * d <= p && prime; d++) prime = p % d != 0;
        if (prime && n-- == 0) return p;
    }
}

static void build(void)
{
    for (int i = 0; i < 64; i++) md5_k[i] = (uint32_t)(fabs(sin(i + 1.0)) * 4294967296.0);
    for (int i = 0; i < 80; i++) sha_k[i] = root_fraction(nth_prime(i), 3);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }
static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint64_t ror64(uint64_t x, int n) { return x >> n | x << (64 - n); }

/* Feeds whole blocks and the padded end to fn. The length goes into the last bytes. */
static void each_block(const void *data, size_t len, size_t block, bool big_endian,
                       void (*fn)(void *state, const uint8_t *block), void *state)
{
    const uint8_t *p = data;
    size_t rest = len, length_bytes = block / 8;
    for (; rest >= block; rest -= block, p += block) fn(state, p);
    uint8_t last[256] = {0};
    if (rest) memcpy(last, p, rest);
    last[rest] = 0x80;
    size_t total = rest + 1 + length_bytes <= block ? block : 2 * block;
    uint64_t bits = (uint64_t)len * 8;
    for (int i = 0; i < 8; i++)
        last[big_endian ? total - 1 - (size_t)i : total - 8 + (size_t)i] =
            (uint8_t)(bits >> (8 * i));
    fn(state, last);
    if (total > block) fn(state, last + block);
}

static void md5_block(void *state, const uint8_t *block)
{
    static const uint8_t shifts[] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    uint32_t *h = state, a = h[0], b = h[1], c = h[2], d = h[3], w[16];
    memcpy(w, block, 64);
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int g;
        if (i < 16) f = (b & c) | (~b & d), g = i;
        else if (i < 32) f = (d & b) | (~d & c), g = (5 * i + 1) % 16;
        else if (i < 48) f = b ^ c ^ d, g = (3 * i + 5) % 16;
        else f = c ^ (b | ~d), g = 7 * i % 16;
        uint32_t t = d;
        d = c;
        c = b;
        b += rol(a + f + md5_k[i] + w[g], shifts[i / 16 * 4 + i % 4]);
        a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

void hr_md5(const void *data, size_t len, uint8_t ret[16])
{
    uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    pthread_once(&once, build);
    each_block(data, len, 64, false, md5_block, h);
    memcpy(ret, h, 16);
}

static void sha1_block(void *state, const uint8_t *block)
{
    uint32_t *h = state, a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t t = rol(a, 5) + f + e + w[i];
        e = d, d = c, c = rol(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void hr_sha1(const void *data, size_t len, uint8_t ret[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    each_block(data, len, 64, true, sha1_block, h);
    for (int i = 0; i < 20; i++) ret[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void sha256_block(void *state, const uint8_t *block)
{
    uint32_t *h = state, v[8], w[64];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
                      ((v[4] & v[5]) ^ (~v[4] & v[6])) + (uint32_t)(sha_k[i] >> 32) + w[i];
        uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
                      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

static void sha512_block(void *state, const uint8_t *block)
{
    uint64_t *h = state, v[8], w[80];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 16; i++) {
        w[i] = 0;
        for (int k = 0; k < 8; k++) w[i] = w[i] << 8 | block[8 * i + k];
    }
    for (int i = 16; i < 80; i++)
        w[i] = w[i - 16] + (ror64(w[i - 15], 1) ^ ror64(w[i - 15], 8) ^ w[i - 15] >> 7) + w[i - 7] +
               (ror64(w[i - 2], 19) ^ ror64(w[i - 2], 61) ^ w[i - 2] >> 6);
    for (int i = 0; i < 80; i++) {
        uint64_t t1 = v[7] + (ror64(v[4], 14) ^ ror64(v[4], 18) ^ ror64(v[4], 41)) +
                      ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_k[i] + w[i];
        uint64_t t2 = (ror64(v[0], 28) ^ ror64(v[0], 34) ^ ror64(v[0], 39)) +
                      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

void hr_sha2(const void *data, size_t len, int bits, uint8_t ret[64])
{
    uint64_t h[8];
    uint32_t h32[8];
    pthread_once(&once, build);
    /* 256, 512: roots of primes 1-8; 384: of 9-16; 224: the low halves of 384's */
    for (int i = 0; i < 8; i++)
        h[i] = root_fraction(nth_prime(bits == 256 || bits == 512 ? i : i + 8), 2);
    if (bits <= 256) {
        for (int i = 0; i < 8; i++) h32[i] = bits == 256 ? (uint32_t)(h[i] >> 32) : (uint32_t)h[i];
        each_block(data, len, 64, true, sha256_block, h32);
        for (int i = 0; i < 32; i++) ret[i] = (uint8_t)(h32[i / 4] >> (24 - 8 * (i % 4)));
    } else {
        each_block(data, len, 128, true, sha512_block, h);
        for (int i = 0; i < 64; i++) ret[i] = (uint8_t)(h[i / 8] >> (56 - 8 * (i % 8)));
    }
}

uint32_t hr_crc32_ieee(const void *data, size_t len)
{
    uint32_t c = ~0u;
    pthread_once(&once, build);
    for (size_t i = 0; i < len; i++)
        c = crc_table[(c ^ ((const uint8_t *)data)[i]) & 0xff] ^ c >> 8;
    return ~c;
}
