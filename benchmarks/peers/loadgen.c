/* Paced RTP/SRTP load generator for a media relay.
 * One UDP socket plays all UEs (SRTP or RTP), one plays the whole core side (RTP).
 * Reads a call list: "ueip ueport coreip coreport txhex rxhex" per line
 *   (txhex: master key+salt with which the UE protects; rxhex: what the relay uses to the UE; "-": plain).
 * It sends from 127.0.0.1 port -u and from 127.0.0.4 port -c.
 * For each step (number of calls) warms up, then measures a window:
 *   packets sent, received back on the other side, loss, authentication failures,
 *   CPU seconds of the relay (process CPU clock: utime+stime at ns resolution). */
#define _GNU_SOURCE
#include "fastsrtp.h"
#include <openssl/evp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#define B 64
#define L 172
enum { PLAIN, CM80, CM32, GCM };
typedef struct {
    struct sockaddr_in ue, core;
    fsrtp_t tx, rx;
    EVP_CIPHER_CTX *gtx, *grx;
    uint8_t gts[12], grs[12];
    uint16_t seq_ue, seq_core;
    uint32_t ts;
} call_t;
static call_t *C;
static int NC, mode = PLAIN, taglen;
static long pps = 50;
static int s_ue, s_core;
static long tx_ue, tx_core, rx_ue, rx_core, bad, txerr;
static double maxlag;

static double mono(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static double cpu_of(pid_t p) {
    struct timespec t;
    clockid_t c = p ? (clockid_t)((~(unsigned)p << 3) | 2) : CLOCK_PROCESS_CPUTIME_ID;
    if (clock_gettime(c, &t))
        return 0;
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static void ustime(pid_t p, double *u, double *s) {
    char f[64], b[1024];
    unsigned long a = 0, c = 0;
    snprintf(f, sizeof f, "/proc/%d/stat", p);
    FILE *h = fopen(f, "r");
    *u = *s = 0;
    if (!h)
        return;
    size_t n = fread(b, 1, sizeof b - 1, h);
    b[n] = 0;
    fclose(h);
    char *q = strrchr(b, ')');
    if (q && sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &a, &c) == 2) {
        *u = a / (double)sysconf(_SC_CLK_TCK);
        *s = c / (double)sysconf(_SC_CLK_TCK);
    }
}
static int udp(const char *ip, int port) {
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), v = 64 << 20;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &v, sizeof v);
    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &v, sizeof v);
    if (bind(s, (void *)&a, sizeof a)) {
        perror("bind");
        exit(1);
    }
    return s;
}
static void hex(const char *h, uint8_t *o, int n) {
    for (int i = 0; i < n; i++) {
        unsigned v;
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
static int prot(call_t *c, uint8_t *p, int len) {
    if (mode == PLAIN)
        return len;
    if (mode == GCM) {
        uint8_t iv[12];
        int o;
        gcm_iv(iv, c->gts, p);
        EVP_CipherInit_ex(c->gtx, NULL, NULL, NULL, iv, 1);
        EVP_CipherUpdate(c->gtx, NULL, &o, p, 12);
        EVP_CipherUpdate(c->gtx, p + 12, &o, p + 12, len - 12);
        EVP_CipherFinal_ex(c->gtx, p + len, &o);
        EVP_CIPHER_CTX_ctrl(c->gtx, EVP_CTRL_AEAD_GET_TAG, 16, p + len);
        return len + 16;
    }
    return fsrtp_protect(&c->tx, p, len, 0, taglen);
}
static int unprot(call_t *c, uint8_t *p, int len) {
    if (mode == PLAIN)
        return len;
    if (mode == GCM) {
        uint8_t iv[12];
        int o;
        if (len < 28)
            return -1;
        len -= 16;
        gcm_iv(iv, c->grs, p);
        EVP_CipherInit_ex(c->grx, NULL, NULL, NULL, iv, 0);
        EVP_CipherUpdate(c->grx, NULL, &o, p, 12);
        EVP_CipherUpdate(c->grx, p + 12, &o, p + 12, len - 12);
        EVP_CIPHER_CTX_ctrl(c->grx, EVP_CTRL_AEAD_SET_TAG, 16, p + len);
        return EVP_CipherFinal_ex(c->grx, p + len, &o) > 0 ? len : -1;
    }
    return fsrtp_unprotect(&c->rx, p, len, 0, taglen);
}
static struct mmsghdr mt[2][B], mr[B];
static struct iovec it[2][B], ir[B];
static uint8_t bt[2][B][256], br[B][512];
static int nt[2];
static void flush(int d) {
    int off = 0, n = nt[d], s = d ? s_core : s_ue;
    while (off < n) {
        int r = sendmmsg(s, mt[d] + off, n - off, 0);
        if (r < 0) {
            if (errno == EAGAIN) {
                txerr++;
                struct pollfd p = {s, POLLOUT, 0};
                poll(&p, 1, 1);
                continue;
            }
            txerr++;
            off++;
            continue;
        }
        off += r;
    }
    nt[d] = 0;
}
static void put(int i, int d) {
    call_t *c = &C[i];
    int k = nt[d]++;
    uint8_t *p = bt[d][k];
    uint16_t seq = d ? c->seq_core++ : c->seq_ue++;
    uint32_t ts = htonl(seq * 160u), ssrc = htonl((d ? 0x20000000u : 0x10000000u) + i);
    p[0] = 0x80;
    p[1] = 0;
    p[2] = seq >> 8;
    p[3] = seq;
    memcpy(p + 4, &ts, 4);
    memcpy(p + 8, &ssrc, 4);
    memset(p + 12, (uint8_t)(i + seq), 160);
    int len = d ? L : prot(c, p, L);
    it[d][k] = (struct iovec){p, len};
    memset(&mt[d][k], 0, sizeof mt[d][k]);
    mt[d][k].msg_hdr.msg_iov = &it[d][k];
    mt[d][k].msg_hdr.msg_iovlen = 1;
    mt[d][k].msg_hdr.msg_name = d ? &c->core : &c->ue;
    mt[d][k].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    if (d)
        tx_core++;
    else
        tx_ue++;
    if (nt[d] == B)
        flush(d);
}
static int drain(int d) {
    int tot = 0, s = d ? s_core : s_ue;
    for (int rep = 0; rep < 4; rep++) {
        for (int k = 0; k < B; k++) {
            ir[k] = (struct iovec){br[k], sizeof br[k]};
            memset(&mr[k], 0, sizeof mr[k]);
            mr[k].msg_hdr.msg_iov = &ir[k];
            mr[k].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(s, mr, B, MSG_DONTWAIT, NULL);
        if (n <= 0)
            break;
        for (int k = 0; k < n; k++) {
            uint8_t *p = br[k];
            int len = mr[k].msg_len;
            uint32_t ssrc;
            if (len < 12 || (p[1] & 0x7f) > 63)
                continue;
            memcpy(&ssrc, p + 8, 4);
            ssrc = ntohl(ssrc);
            int i = ssrc & 0xfffffff;
            if (ssrc >> 28 != (d ? 1u : 2u) || i >= NC) {
                bad++;
                continue;
            }
            if (!d)
                len = unprot(&C[i], p, len);
            if (len != L || p[12] != (uint8_t)(i + p[3]) || p[171] != p[12]) {
                bad++;
                continue;
            }
            if (d)
                rx_core++;
            else
                rx_ue++;
        }
        tot += n;
        if (n < B)
            break;
    }
    return tot;
}
static void runfor(int n, double secs) {
    if (n == 0) {
        usleep(secs * 1e6);
        return;
    }
    double t0 = mono(), rate = 2.0 * n * pps;
    long sent = 0, total = (long)(rate * secs);
    long half = 2L * n;
    while (sent < total) {
        double t = mono() - t0;
        long due = (long)(t * rate);
        if (due > total)
            due = total;
        if (due > sent) {
            double lag = (due - sent) / rate;
            if (lag > maxlag)
                maxlag = lag;
        }
        long lim = sent + 256 < due ? sent + 256 : due;
        int did = 0;
        while (sent < lim) {
            long k = sent % half;
            put(k >> 1, k & 1);
            sent++;
            did = 1;
        }
        flush(0);
        flush(1);
        int r = drain(0) + drain(1);
        if (!did && !r) {
            struct timespec z = {0, 50000};
            nanosleep(&z, NULL);
        }
    }
}
/* stolen seconds of CPU 0 and 1 (hypervisor) */
static void steal(double *a) {
    FILE *h = fopen("/proc/stat", "r");
    char l[512];
    a[0] = a[1] = 0;
    while (h && fgets(l, sizeof l, h)) {
        int c;
        unsigned long v[8];
        if (sscanf(l, "cpu%d %lu %lu %lu %lu %lu %lu %lu %lu", &c, v, v + 1, v + 2, v + 3, v + 4, v + 5,
                   v + 6, v + 7) == 9 &&
            c < 2)
            a[c] = v[7] / 100.0;
    }
    if (h)
        fclose(h);
}
/* drain until quiet for 0.2 s, at most 5 s */
static void settle(void) {
    double q = mono(), l = q;
    while (mono() - l < 0.2 && mono() - q < 5) {
        if (drain(0) + drain(1))
            l = mono();
        else
            usleep(500);
    }
}
int main(int argc, char **argv) {
    const char *file = "calls.txt", *steps = "1", *label = "";
    pid_t pid = 0;
    double secs = 5, warm = 4;
    int o, reps = 1, ue_port = 0, core_port = 0;
    while ((o = getopt(argc, argv, "f:p:n:t:w:m:r:k:l:u:c:")) > 0)
        switch (o) {
        case 'f':
            file = optarg;
            break;
        case 'p':
            pid = atoi(optarg);
            break;
        case 'n':
            steps = optarg;
            break;
        case 't':
            secs = atof(optarg);
            break;
        case 'w':
            warm = atof(optarg);
            break;
        case 'r':
            reps = atoi(optarg);
            break;
        case 'k':
            pps = atol(optarg);
            break;
        case 'l':
            label = optarg;
            break;
        case 'u':
            ue_port = atoi(optarg);
            break;
        case 'c':
            core_port = atoi(optarg);
            break;
        case 'm':
            mode = !strcmp(optarg, "plain")  ? PLAIN
                   : !strcmp(optarg, "cm80") ? CM80
                   : !strcmp(optarg, "cm32") ? CM32
                                             : GCM;
            break;
        }
    taglen = mode == CM80 ? 10 : 4;
    prctl(PR_SET_TIMERSLACK, 1);
    FILE *f = fopen(file, "r");
    if (!f) {
        perror(file);
        return 1;
    }
    int cap = 0;
    char a[64], b[64], x[128], y[128];
    int p1, p2;
    while (fscanf(f, "%63s %d %63s %d %127s %127s", a, &p1, b, &p2, x, y) == 6) {
        if (NC == cap) {
            cap = cap ? cap * 2 : 1024;
            call_t *n = aligned_alloc(64, sizeof(call_t) * cap);
            if (C) {
                memcpy(n, C, sizeof(call_t) * NC);
                free(C);
            }
            C = n;
        }
        call_t *c = &C[NC++];
        memset(c, 0, sizeof *c);
        uint8_t m[32] = {0};
        c->ue.sin_family = c->core.sin_family = AF_INET;
        c->ue.sin_port = htons(p1);
        c->core.sin_port = htons(p2);
        inet_pton(AF_INET, a, &c->ue.sin_addr);
        inet_pton(AF_INET, b, &c->core.sin_addr);
        c->seq_ue = 100;
        c->seq_core = 200;
        if (mode == CM80 || mode == CM32) {
            hex(x, m, 30);
            fsrtp_init(&c->tx, m);
            hex(y, m, 30);
            fsrtp_init(&c->rx, m);
        }
        if (mode == GCM) {
            hex(x, m, 28);
            gcm_init(&c->gtx, c->gts, m, 1);
            hex(y, m, 28);
            gcm_init(&c->grx, c->grs, m, 0);
        }
    }
    s_ue = udp("127.0.0.1", ue_port);
    s_core = udp("127.0.0.4", core_port);
    char *dup = strdup(steps);
    for (char *tok = strtok(dup, ","); tok; tok = strtok(NULL, ",")) {
        int n = atoi(tok);
        if (n > NC)
            n = NC;
        double w = warm;
        for (int r = 0; r < reps; r++) {
            runfor(n, w);
            w = 0.5;
            settle();
            tx_ue = tx_core = rx_ue = rx_core = bad = txerr = 0;
            maxlag = 0;
            double st0[2], st1[2];
            steal(st0);
            double u0, s0, u1, s1, t0 = mono(), c0 = cpu_of(pid), g0 = cpu_of(0);
            ustime(pid, &u0, &s0);
            runfor(n, secs);
            double t1 = mono(), g1 = cpu_of(0);
            double q = t1;
            while (mono() - q < 0.05)
                if (!(drain(0) + drain(1)))
                    usleep(500);
            long rxw = rx_ue + rx_core;
            double cw = cpu_of(pid);
            steal(st1);
            settle();
            double c1 = cpu_of(pid);
            ustime(pid, &u1, &s1);
            long tx = tx_ue + tx_core, rx = rx_ue + rx_core;
            double du = u1 - u0, ds = s1 - s0;
            printf("{\"label\":\"%s\",\"calls\":%d,\"secs\":%.2f,\"tx_pps\":%.0f,\"rx_pps\":%.0f,\"tx\":%ld,"
                   "\"rx_core\":%ld,\"rx_ue\":%ld,\"loss_pct\":%.4f,\"late_pct\":%.4f,\"bad\":%ld,\"txerr\":%"
                   "ld,\"relay_cpu_s\":%.4f,\"relay_us_per_pkt\":%.3f,\"relay_cores\":%.3f,\"user_frac\":%."
                   "2f,\"gen_cores\":%.3f,\"gen_maxlag_ms\":%.2f,\"steal_s\":[%.2f,%.2f]}\n",
                   label, n, t1 - t0, tx / (t1 - t0), rx / (t1 - t0), tx, rx_core, rx_ue,
                   100.0 * (tx - rx) / (tx ? tx : 1), 100.0 * (tx - rxw) / (tx ? tx : 1), bad, txerr, c1 - c0,
                   (c1 - c0) * 1e6 / (rx ? rx : 1), (cw - c0) / (t1 - t0 + 0.05),
                   du + ds > 0 ? du / (du + ds) : 0, (g1 - g0) / (t1 - t0), maxlag * 1e3, st1[0] - st0[0],
                   st1[1] - st0[1]);
            fflush(stdout);
        }
    }
    return 0;
}
