/* What the load generator knows of a two-way stream: where it sends, with which keys, what has come back.
 * Directions: 0 from the UE to the core, 1 from the core to the UE. On the UE's side SRTP, or RTP. */
#ifndef STREAM_H
#define STREAM_H
#include "fastsrtp.h"
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
enum { PLAIN, CM80, GCM };
enum { HEADER = 12, PACKET = 172, LAST_SEQUENCE = 65000 /* the rollover counter stays 0 */ };
typedef struct {
    fsrtp_t tx, rx;
    EVP_CIPHER_CTX *gtx, *grx;
    uint8_t gts[12], grs[12];
    struct sockaddr_in to[2];
    uint16_t next[2];   /* sequence number that goes out next */
    uint16_t mark[2];   /* the first one after a stall */
    double flows[2];    /* seconds from the end of the stall to the first packet of after it; 0: none yet */
} stream_t;

static void from_hex(const char *h, uint8_t *o, int n) {
    for (int i = 0; i < n; i++) {
        unsigned v = 0;
        sscanf(h + 2 * i, "%2x", &v);
        o[i] = v;
    }
}
static void gcm_init(EVP_CIPHER_CTX **c, uint8_t *salt, const uint8_t *master, int enc) {
    uint8_t s14[14] = {0}, k[16];
    memcpy(s14, master + 16, 12);
    fs_kdf(master, s14, 0, k, 16);
    fs_kdf(master, s14, 2, salt, 12);
    *c = EVP_CIPHER_CTX_new();
    EVP_CipherInit_ex(*c, EVP_aes_128_gcm(), NULL, k, NULL, enc);
}
static void gcm_iv(uint8_t *iv, const uint8_t *salt, const uint8_t *p) {
    memset(iv, 0, 12);
    memcpy(iv + 2, p + 8, 4);
    memcpy(iv + 10, p + 2, 2);
    for (int i = 0; i < 12; i++)
        iv[i] ^= salt[i];
}
/* there, back: master key and salt in hexadecimal, of what the UE sends and of what it gets */
static void stream_keys(stream_t *s, int mode, const char *there, const char *back) {
    uint8_t m[30];
    if (mode == CM80) {
        from_hex(there, m, 30);
        fsrtp_init(&s->tx, m);
        from_hex(back, m, 30);
        fsrtp_init(&s->rx, m);
    } else if (mode == GCM) {
        from_hex(there, m, 28);
        gcm_init(&s->gtx, s->gts, m, 1);
        from_hex(back, m, 28);
        gcm_init(&s->grx, s->grs, m, 0);
    }
}
static int protect(stream_t *s, int mode, uint8_t *p, int len) {
    uint8_t iv[12];
    int o;
    if (mode == PLAIN)
        return len;
    if (mode == CM80)
        return fsrtp_protect(&s->tx, p, len, 0, 10);
    gcm_iv(iv, s->gts, p);
    EVP_CipherInit_ex(s->gtx, NULL, NULL, NULL, iv, 1);
    EVP_CipherUpdate(s->gtx, NULL, &o, p, HEADER);
    EVP_CipherUpdate(s->gtx, p + HEADER, &o, p + HEADER, len - HEADER);
    EVP_CipherFinal_ex(s->gtx, p + len, &o);
    EVP_CIPHER_CTX_ctrl(s->gtx, EVP_CTRL_AEAD_GET_TAG, 16, p + len);
    return len + 16;
}
/* the length of the plain packet, -1 where it is not authentic */
static int unprotect(stream_t *s, int mode, uint8_t *p, int len) {
    uint8_t iv[12];
    int o;
    if (mode == PLAIN)
        return len;
    if (mode == CM80)
        return fsrtp_unprotect(&s->rx, p, len, 0, 10);
    if ((len -= 16) < HEADER)
        return -1;
    gcm_iv(iv, s->grs, p);
    EVP_CipherInit_ex(s->grx, NULL, NULL, NULL, iv, 0);
    EVP_CipherUpdate(s->grx, NULL, &o, p, HEADER);
    EVP_CipherUpdate(s->grx, p + HEADER, &o, p + HEADER, len - HEADER);
    EVP_CIPHER_CTX_ctrl(s->grx, EVP_CTRL_AEAD_SET_TAG, 16, p + len);
    return EVP_CipherFinal_ex(s->grx, p + len, &o) > 0 ? len : -1;
}
#endif
