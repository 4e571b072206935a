/* Paced RTP and SRTP for a media relay, 50 packets a second in each direction of a stream; every packet that
 * comes back is authenticated and compared.
 * loadgen PID plain|cm80|gcm UE_PORT CORE_PORT: sends from 127.0.0.1:UE_PORT for all UEs, from
 * 127.0.0.4:CORE_PORT for the core, and watches the process PID. It does what standard input says, a line
 * each, and answers all but "stream" with a line of JSON:
 *   stream UE_IP UE_PORT CORE_IP CORE_PORT THERE BACK   where the relay listens, keys or "-"
 *   run STREAMS WARM_UP SECONDS                         measure
 *   stall STREAMS BEFORE STOP AFTER                     the process is stopped for STOP seconds
 *   backlog STREAMS PACKETS SECONDS                     while it is stopped, PACKETS a direction are sent */
#define _GNU_SOURCE
#include "clocks.h"
#include "stream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#define BATCH 64
#define MAX_STREAMS 6000
#define RATE 50.0
#define LATE 0.05    /* seconds after a run until a packet is late */
#define SLOW 20000   /* us: one packet interval */
#define BUCKET 10    /* us */
#define BUCKETS 100000
static stream_t *streams;
static int count, mode, sock[2];
static pid_t pid;
static long sent, back, bad, stray, slow, busy;
static uint32_t window, histogram[BUCKETS];
static double max_lag, resumed;
static int stamped;         /* the kernel's receive time is wanted */
static double last_arrival; /* of CLOCK_REALTIME */

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
static uint32_t now_us(void) { return (uint64_t)(mono() * 1e6); }

static struct mmsghdr out[2][BATCH], in[BATCH];
static struct iovec out_io[2][BATCH], in_io[BATCH];
static uint8_t out_data[2][BATCH][256], in_data[BATCH][512], in_control[BATCH][64];
static int waiting[2];
static void flush(int d) {
    for (int off = 0; off < waiting[d];) {
        int r = sendmmsg(sock[d], out[d] + off, waiting[d] - off, 0);
        if (r > 0) {
            off += r;
            continue;
        }
        busy++;
        if (errno == EAGAIN) {
            struct pollfd p = {sock[d], POLLOUT, 0};
            poll(&p, 1, 1);
        } else
            off++;
    }
    waiting[d] = 0;
}
/* The payload is one octet repeated, the timestamp when it was sent. */
static void put(int i, int d, uint32_t now) {
    stream_t *c = &streams[i];
    int k = waiting[d]++;
    uint8_t *p = out_data[d][k];
    uint16_t seq = c->next[d]++;
    uint32_t ts = htonl(now), ssrc = htonl((d ? 0x20000000u : 0x10000000u) + i);
    if (seq > LAST_SEQUENCE) {
        fputs("a stream has carried too many packets for one rollover counter\n", stderr);
        exit(1);
    }
    p[0] = 0x80;
    p[1] = 8;
    p[2] = seq >> 8;
    p[3] = seq;
    memcpy(p + 4, &ts, 4);
    memcpy(p + 8, &ssrc, 4);
    memset(p + HEADER, (uint8_t)(i + seq), PACKET - HEADER);
    out_io[d][k] = (struct iovec){p, d ? PACKET : protect(c, mode, p, PACKET)};
    out[d][k].msg_hdr = (struct msghdr){
        .msg_iov = &out_io[d][k], .msg_iovlen = 1, .msg_name = &c->to[d], .msg_namelen = sizeof c->to[d]};
    sent++;
    if (waiting[d] == BATCH)
        flush(d);
}
static void arrived(stream_t *c, int d, uint16_t seq, uint32_t ts, uint32_t now) {
    int took = (int32_t)(now - ts);
    if ((int32_t)(ts - window) < 0) { /* of an earlier run */
        stray++;
        return;
    }
    back++;
    slow += took > SLOW;
    took = took < 0 ? 0 : took / BUCKET;
    histogram[took < BUCKETS ? took : BUCKETS - 1]++;
    if (resumed && c->flows[d] == 0 && seq >= c->mark[d])
        c->flows[d] = mono() - resumed;
}
/* Take what waits at one socket; returns how many there were. */
static int take(int s) {
    int total = 0, d = !s; /* what comes to the core's socket was sent by UEs */
    for (int turn = 0; turn < 4; turn++) {
        for (int k = 0; k < BATCH; k++) {
            in_io[k] = (struct iovec){in_data[k], sizeof in_data[k]};
            in[k].msg_hdr = (struct msghdr){.msg_iov = &in_io[k], .msg_iovlen = 1};
            if (stamped) {
                in[k].msg_hdr.msg_control = in_control[k];
                in[k].msg_hdr.msg_controllen = sizeof in_control[k];
            }
        }
        int n = recvmmsg(sock[s], in, BATCH, MSG_DONTWAIT, NULL);
        uint32_t now = now_us(), ssrc, ts;
        for (int k = 0; k < n; k++) {
            uint8_t *p = in_data[k];
            int len = in[k].msg_len;
            if (len < HEADER || (p[1] & 0x7f) > 63) /* RTCP */
                continue;
            memcpy(&ts, p + 4, 4);
            memcpy(&ssrc, p + 8, 4);
            ssrc = ntohl(ssrc);
            int i = ssrc & 0xfffffff;
            if (ssrc >> 28 != (d ? 2u : 1u) || i >= count) {
                bad++;
                continue;
            }
            if (d)
                len = unprotect(&streams[i], mode, p, len);
            if (len != PACKET || p[HEADER] != (uint8_t)(i + p[3]) ||
                memcmp(p + HEADER, p + HEADER + 1, PACKET - HEADER - 1)) {
                bad++;
                continue;
            }
            struct cmsghdr *m = stamped ? CMSG_FIRSTHDR(&in[k].msg_hdr) : NULL;
            if (m && m->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(m), sizeof t);
                double at = t.tv_sec + t.tv_nsec * 1e-9;
                last_arrival = at > last_arrival ? at : last_arrival;
            }
            arrived(&streams[i], d, p[2] << 8 | p[3], ntohl(ts), now);
        }
        total += n > 0 ? n : 0;
        if (n < BATCH)
            break;
    }
    return total;
}
static void send_for(int n, double secs) {
    double start = mono(), rate = 2.0 * n * RATE;
    long done = 0, all = (long)(rate * secs), turn = 2L * n;
    while (done < all) {
        double now = mono();
        long due = (long)((now - start) * rate);
        due = due < all ? due : all;
        if (due > done && (due - done) / rate > max_lag)
            max_lag = (due - done) / rate;
        long upto = due < done + 256 ? due : done + 256;
        int idle = upto == done;
        for (; done < upto; done++)
            put(done % turn >> 1, done & 1, (uint64_t)(now * 1e6));
        flush(0);
        flush(1);
        if (!(take(0) + take(1)) && idle)
            nanosleep(&(struct timespec){0, 50000}, NULL);
    }
}
static void take_for(double secs) {
    for (double start = mono(); mono() - start < secs;)
        if (!(take(0) + take(1)))
            usleep(500);
}
/* take until nothing came for 0.2 s, at most 5 s */
static void settle(void) {
    for (double start = mono(), last = start; mono() - last < 0.2 && mono() - start < 5;)
        if (take(0) + take(1))
            last = mono();
        else
            usleep(500);
}
static void clear(void) {
    settle();
    sent = back = bad = stray = slow = busy = 0;
    max_lag = resumed = last_arrival = 0;
    memset(histogram, 0, sizeof histogram);
    window = now_us();
}
/* ms below which a share of the packets came back */
static double quantile(double share) {
    long seen = 0;
    for (int k = 0; k < BUCKETS; k++)
        if ((seen += histogram[k]) >= share * back && seen)
            return (k + 1) * BUCKET / 1e3;
    return 0;
}
static void run(int n, double warm_up, double secs) {
    double u0, s0, u1, s1;
    send_for(n, warm_up);
    clear();
    double stolen0 = stolen(), start = mono(), cpu = cpu_of(pid), own = cpu_of(0);
    user_and_system(pid, &u0, &s0);
    send_for(n, secs);
    double took = mono() - start;
    own = cpu_of(0) - own;
    take_for(LATE);
    long in_time = back;
    double cores = (cpu_of(pid) - cpu) / (took + LATE);
    settle();
    cpu = cpu_of(pid) - cpu;
    user_and_system(pid, &u1, &s1);
    double all = u1 - u0 + s1 - s0;
    printf("{\"streams\":%d,\"seconds\":%.3f,\"sent\":%ld,\"back\":%ld,\"late\":%ld,\"bad\":%ld,\"stray\":%ld,"
           "\"slow\":%ld,\"busy\":%ld,\"cpu\":%.6f,\"cores\":%.4f,\"user\":%.3f,\"generator\":%.3f,"
           "\"lag\":%.5f,\"p50\":%.3f,\"p99\":%.3f,\"worst\":%.3f,\"stolen\":%.2f}\n",
           n, took, sent, back, sent - in_time, bad, stray, slow, busy, cpu, cores,
           all > 0 ? (u1 - u0) / all : 0, own / took, max_lag, quantile(0.5), quantile(0.99), quantile(1),
           stolen() - stolen0);
}
static int by_value(const void *a, const void *b) {
    double x = *(double *)a, y = *(double *)b;
    return (x > y) - (x < y);
}
/* A stream flows again when a packet that was sent after the stall has come back in each direction. */
static void stall(int n, double before, double stop, double after) {
    send_for(n, before);
    clear();
    kill(pid, SIGSTOP);
    send_for(n, stop);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < 2; d++) {
            streams[i].mark[d] = streams[i].next[d];
            streams[i].flows[d] = 0;
        }
    kill(pid, SIGCONT);
    resumed = mono();
    send_for(n, after);
    take_for(LATE);
    static double took[MAX_STREAMS];
    int never = 0, again = 0;
    for (int i = 0; i < n; i++) {
        double *f = streams[i].flows;
        if (f[0] == 0 || f[1] == 0)
            never++;
        else
            took[again++] = f[0] > f[1] ? f[0] : f[1];
    }
    resumed = 0;
    qsort(took, again, sizeof *took, by_value);
    printf("{\"streams\":%d,\"sent\":%ld,\"back\":%ld,\"bad\":%ld,\"never\":%d,\"again\":[", n, sent, back, bad,
           never);
    for (int i = 0; i < again; i++)
        printf("%s%.3f", i ? "," : "", took[i]);
    puts("]}");
}
static void backlog(int n, int packets, double secs) {
    clear();
    stamped = 1;
    setsockopt(sock[0], SOL_SOCKET, SO_TIMESTAMPNS, &stamped, sizeof stamped);
    setsockopt(sock[1], SOL_SOCKET, SO_TIMESTAMPNS, &stamped, sizeof stamped);
    kill(pid, SIGSTOP);
    double start = mono(), filled, cpu = cpu_of(pid);
    for (int turn = 0; turn < packets && mono() - start < secs; turn++)
        for (int i = 0; i < n; i++)
            for (int d = 0; d < 2; d++)
                put(i, d, now_us());
    flush(0);
    flush(1);
    filled = mono() - start;
    double cont = seconds_of(CLOCK_REALTIME);
    kill(pid, SIGCONT);
    /* asleep until the process has come to rest: it has both CPUs */
    for (double used = -1; cpu_of(pid) - used > 0.001;) {
        used = cpu_of(pid);
        usleep(50000);
    }
    settle();
    stamped = 0;
    setsockopt(sock[0], SOL_SOCKET, SO_TIMESTAMPNS, &stamped, sizeof stamped);
    setsockopt(sock[1], SOL_SOCKET, SO_TIMESTAMPNS, &stamped, sizeof stamped);
    printf("{\"streams\":%d,\"sent\":%ld,\"back\":%ld,\"bad\":%ld,\"filled\":%.3f,\"seconds\":%.4f,\"cpu\":%.4f}\n",
           n, sent, back, bad, filled, last_arrival - cont, cpu_of(pid) - cpu);
}
static void add(const char *line) {
    char ip[2][64], key[2][128];
    int port[2];
    stream_t *c = &streams[count];
    if (count == MAX_STREAMS || sscanf(line, "stream %63s %d %63s %d %127s %127s", ip[0], &port[0], ip[1],
                                       &port[1], key[0], key[1]) != 6) {
        fprintf(stderr, "not a stream: %s", line);
        exit(1);
    }
    for (int d = 0; d < 2; d++) {
        c->to[d] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port[d])};
        inet_pton(AF_INET, ip[d], &c->to[d].sin_addr);
        c->next[d] = 100;
    }
    stream_keys(c, mode, key[0], key[1]);
    count++;
}
int main(int argc, char **argv) {
    static char line[512];
    double a, b, c;
    int n;
    if (argc != 5)
        return 2;
    pid = atoi(argv[1]);
    mode = !strcmp(argv[2], "cm80") ? CM80 : !strcmp(argv[2], "gcm") ? GCM : PLAIN;
    sock[0] = udp("127.0.0.1", atoi(argv[3]));
    sock[1] = udp("127.0.0.4", atoi(argv[4]));
    prctl(PR_SET_TIMERSLACK, 1);
    streams = aligned_alloc(64, sizeof *streams * MAX_STREAMS);
    memset(streams, 0, sizeof *streams * MAX_STREAMS);
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "stream ", 7))
            add(line);
        else if (sscanf(line, "run %d %lf %lf", &n, &a, &b) == 3 && n <= count)
            run(n, a, b);
        else if (sscanf(line, "stall %d %lf %lf %lf", &n, &a, &b, &c) == 4 && n <= count)
            stall(n, a, b, c);
        else if (sscanf(line, "backlog %d %lf %lf", &n, &a, &b) == 3 && n <= count)
            backlog(n, (int)a, b);
        else {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
        fflush(stdout);
    }
    return 0;
}
