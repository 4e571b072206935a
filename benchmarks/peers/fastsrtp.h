/* Minimal SRTP (AES_CM_128_HMAC_SHA1_80/32) with AES-NI and SHA-NI, for load
 * generation and for a floor figure.  ROC is passed by the caller.  Not a
 * library: no replay window, no key lifetime. */
#ifndef FASTSRTP_H
#define FASTSRTP_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    __m128i rk[11];
    __m128i ivbase;          /* salt << 16 */
    uint32_t ist[5], ost[5]; /* SHA-1 states after ipad / opad */
} __attribute__((aligned(64))) fsrtp_t;

#define FS_KEXP(i, rcon)                                                                                     \
    do {                                                                                                     \
        __m128i t = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(rk[i - 1], rcon), 0xff);                     \
        __m128i k = rk[i - 1];                                                                               \
        k = _mm_xor_si128(k, _mm_slli_si128(k, 4));                                                          \
        k = _mm_xor_si128(k, _mm_slli_si128(k, 4));                                                          \
        k = _mm_xor_si128(k, _mm_slli_si128(k, 4));                                                          \
        rk[i] = _mm_xor_si128(k, t);                                                                         \
    } while (0)

static inline void fs_aes_key(__m128i *rk, const uint8_t *key) {
    rk[0] = _mm_loadu_si128((const __m128i *)key);
    FS_KEXP(1, 1);
    FS_KEXP(2, 2);
    FS_KEXP(3, 4);
    FS_KEXP(4, 8);
    FS_KEXP(5, 16);
    FS_KEXP(6, 32);
    FS_KEXP(7, 64);
    FS_KEXP(8, 128);
    FS_KEXP(9, 27);
    FS_KEXP(10, 54);
}
static inline __m128i fs_aes_enc(const __m128i *rk, __m128i b) {
    b = _mm_xor_si128(b, rk[0]);
    for (int i = 1; i < 10; i++)
        b = _mm_aesenc_si128(b, rk[i]);
    return _mm_aesenclast_si128(b, rk[10]);
}
/* 16-bit big-endian block counter in the last two bytes (fewer than 256 blocks) */
static inline __m128i fs_ctr(__m128i iv, int n) {
    return _mm_xor_si128(iv, _mm_slli_si128(_mm_cvtsi32_si128(n), 15));
}

static inline void fs_ctr_xor(const __m128i *rk, __m128i iv, uint8_t *p, int len) {
    int n = 0;
    while (len >= 80) {
        __m128i b[5];
        for (int j = 0; j < 5; j++)
            b[j] = _mm_xor_si128(fs_ctr(iv, n + j), rk[0]);
        for (int r = 1; r < 10; r++)
            for (int j = 0; j < 5; j++)
                b[j] = _mm_aesenc_si128(b[j], rk[r]);
        for (int j = 0; j < 5; j++) {
            b[j] = _mm_aesenclast_si128(b[j], rk[10]);
            __m128i *q = (__m128i *)(p + 16 * j);
            _mm_storeu_si128(q, _mm_xor_si128(_mm_loadu_si128(q), b[j]));
        }
        p += 80;
        len -= 80;
        n += 5;
    }
    while (len > 0) {
        uint8_t ks[16];
        int m = len < 16 ? len : 16;
        _mm_storeu_si128((__m128i *)ks, fs_aes_enc(rk, fs_ctr(iv, n++)));
        for (int j = 0; j < m; j++)
            p[j] ^= ks[j];
        p += m;
        len -= m;
    }
}

#define FS_G(Ea, Eb, M0, M1, M2, M3, f)                                                                      \
    do {                                                                                                     \
        Ea = _mm_sha1nexte_epu32(Ea, M0);                                                                    \
        Eb = ABCD;                                                                                           \
        M1 = _mm_sha1msg2_epu32(M1, M0);                                                                     \
        ABCD = _mm_sha1rnds4_epu32(ABCD, Ea, f);                                                             \
        M3 = _mm_sha1msg1_epu32(M3, M0);                                                                     \
        M2 = _mm_xor_si128(M2, M0);                                                                          \
    } while (0)
static inline void fs_sha1(uint32_t st[5], const uint8_t *d, int nblk) {
    const __m128i MASK = _mm_set_epi64x(0x0001020304050607ULL, 0x08090a0b0c0d0e0fULL);
    __m128i ABCD = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)st), 0x1b);
    __m128i E0 = _mm_set_epi32((int)st[4], 0, 0, 0), E1, A0, S0, m0, m1, m2, m3;
    while (nblk--) {
        A0 = ABCD;
        S0 = E0;
        m0 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(d)), MASK);
        m1 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(d + 16)), MASK);
        m2 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(d + 32)), MASK);
        m3 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(d + 48)), MASK);
        d += 64;
        E0 = _mm_add_epi32(E0, m0);
        E1 = ABCD;
        ABCD = _mm_sha1rnds4_epu32(ABCD, E0, 0);
        E1 = _mm_sha1nexte_epu32(E1, m1);
        E0 = ABCD;
        ABCD = _mm_sha1rnds4_epu32(ABCD, E1, 0);
        m0 = _mm_sha1msg1_epu32(m0, m1);
        E0 = _mm_sha1nexte_epu32(E0, m2);
        E1 = ABCD;
        ABCD = _mm_sha1rnds4_epu32(ABCD, E0, 0);
        m1 = _mm_sha1msg1_epu32(m1, m2);
        m0 = _mm_xor_si128(m0, m2);
        FS_G(E1, E0, m3, m0, m1, m2, 0);
        FS_G(E0, E1, m0, m1, m2, m3, 0);
        FS_G(E1, E0, m1, m2, m3, m0, 1);
        FS_G(E0, E1, m2, m3, m0, m1, 1);
        FS_G(E1, E0, m3, m0, m1, m2, 1);
        FS_G(E0, E1, m0, m1, m2, m3, 1);
        FS_G(E1, E0, m1, m2, m3, m0, 1);
        FS_G(E0, E1, m2, m3, m0, m1, 2);
        FS_G(E1, E0, m3, m0, m1, m2, 2);
        FS_G(E0, E1, m0, m1, m2, m3, 2);
        FS_G(E1, E0, m1, m2, m3, m0, 2);
        FS_G(E0, E1, m2, m3, m0, m1, 2);
        FS_G(E1, E0, m3, m0, m1, m2, 3);
        FS_G(E0, E1, m0, m1, m2, m3, 3);
        FS_G(E1, E0, m1, m2, m3, m0, 3);
        FS_G(E0, E1, m2, m3, m0, m1, 3);
        FS_G(E1, E0, m3, m0, m1, m2, 3);
        E0 = _mm_sha1nexte_epu32(E0, S0);
        ABCD = _mm_add_epi32(ABCD, A0);
    }
    _mm_storeu_si128((__m128i *)st, _mm_shuffle_epi32(ABCD, 0x1b));
    st[4] = (uint32_t)_mm_extract_epi32(E0, 3);
}
static inline void fs_tag(const fsrtp_t *s, const uint8_t *pkt, int len, uint32_t roc, uint8_t *tag) {
    uint8_t b[64 * 26] __attribute__((aligned(64)));
    int n = len + 4, tot = (n + 9 + 63) & ~63;
    /* whole blocks of the packet straight from the packet, the tail from b */
    int whole = len & ~63, rest = len - whole;
    uint32_t st[8];
    memcpy(st, s->ist, 20);
    if (whole)
        fs_sha1(st, pkt, whole / 64);
    memcpy(b, pkt + whole, rest);
    uint32_t r = __builtin_bswap32(roc);
    memcpy(b + rest, &r, 4);
    memset(b + rest + 4, 0, tot - whole - rest - 4);
    b[rest + 4] = 0x80;
    uint64_t bits = __builtin_bswap64((uint64_t)(64 + n) * 8);
    memcpy(b + (tot - whole) - 8, &bits, 8);
    fs_sha1(st, b, (tot - whole) / 64);
    for (int i = 0; i < 5; i++) {
        uint32_t v = __builtin_bswap32(st[i]);
        memcpy(b + 4 * i, &v, 4);
    }
    memset(b + 20, 0, 44);
    b[20] = 0x80;
    bits = __builtin_bswap64((uint64_t)(64 + 20) * 8);
    memcpy(b + 56, &bits, 8);
    memcpy(st, s->ost, 20);
    fs_sha1(st, b, 1);
    for (int i = 0; i < 5; i++) {
        uint32_t v = __builtin_bswap32(st[i]);
        memcpy(tag + 4 * i, &v, 4);
    }
}
/* master = 16 bytes key + 14 bytes salt */
static inline void fs_kdf(const uint8_t *key, const uint8_t *salt14, int label, uint8_t *out, int n) {
    __m128i rk[11];
    uint8_t x[16] = {0}, o[32] = {0};
    fs_aes_key(rk, key);
    memcpy(x, salt14, 14);
    x[7] ^= label;
    fs_ctr_xor(rk, _mm_loadu_si128((__m128i *)x), o, (n + 15) & ~15);
    memcpy(out, o, n);
}
static inline void fsrtp_init(fsrtp_t *s, const uint8_t *master) {
    uint8_t k[16], a[20], salt[16] = {0}, pad[64];
    static const uint32_t iv[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    fs_kdf(master, master + 16, 0, k, 16);
    fs_kdf(master, master + 16, 1, a, 20);
    fs_kdf(master, master + 16, 2, salt, 14);
    fs_aes_key(s->rk, k);
    s->ivbase = _mm_loadu_si128((__m128i *)salt);
    memset(pad, 0x36, 64);
    for (int i = 0; i < 20; i++)
        pad[i] ^= a[i];
    memcpy(s->ist, iv, 20);
    fs_sha1(s->ist, pad, 1);
    memset(pad, 0x5c, 64);
    for (int i = 0; i < 20; i++)
        pad[i] ^= a[i];
    memcpy(s->ost, iv, 20);
    fs_sha1(s->ost, pad, 1);
}
static inline __m128i fs_iv(const fsrtp_t *s, const uint8_t *p, uint32_t roc) {
    uint8_t x[16] = {0};
    uint32_t r = __builtin_bswap32(roc);
    memcpy(x + 4, p + 8, 4);
    memcpy(x + 8, &r, 4);
    memcpy(x + 12, p + 2, 2);
    return _mm_xor_si128(s->ivbase, _mm_loadu_si128((__m128i *)x));
}
/* 12-byte header without CSRC or extension */
static inline int fsrtp_protect(const fsrtp_t *s, uint8_t *p, int len, uint32_t roc, int taglen) {
    uint8_t t[20];
    fs_ctr_xor(s->rk, fs_iv(s, p, roc), p + 12, len - 12);
    fs_tag(s, p, len, roc, t);
    memcpy(p + len, t, taglen);
    return len + taglen;
}
static inline int fsrtp_unprotect(const fsrtp_t *s, uint8_t *p, int len, uint32_t roc, int taglen) {
    uint8_t t[20];
    len -= taglen;
    if (len < 12)
        return -1;
    fs_tag(s, p, len, roc, t);
    if (memcmp(t, p + len, taglen))
        return -1;
    fs_ctr_xor(s->rk, fs_iv(s, p, roc), p + 12, len - 12);
    return len;
}
#endif
