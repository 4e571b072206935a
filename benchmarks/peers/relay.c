/* The floor: a UDP relay without any session logic. One thread, epoll, one recvfrom and one sendto per
 * packet. relay SUBNET STREAMS FIRST_PORT UE_PORT CORE_PORT [THERE BACK]: UE side SUBNET.22, core side
 * SUBNET.23, stream i on FIRST_PORT + i; what comes in on one side goes to 127.0.0.1:UE_PORT or
 * 127.0.0.4:CORE_PORT from the other. With two keys (hexadecimal, for all streams; state for each) the UE
 * side is SRTP, AES_CM_128_HMAC_SHA1_80, with neither replay protection nor rollover counter.
 */
#define _GNU_SOURCE
#include "fastsrtp.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
static struct sockaddr_in at(const char *ip, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}
static fsrtp_t *keyed(const char *hex, int n) {
    uint8_t master[30];
    fsrtp_t *all = aligned_alloc(64, sizeof *all * n);
    for (int i = 0; i < 30; i++) {
        unsigned v = 0;
        sscanf(hex + 2 * i, "%2x", &v);
        master[i] = v;
    }
    for (int i = 0; i < n; i++)
        fsrtp_init(&all[i], master);
    return all;
}
int main(int argc, char **argv) {
    if (argc != 6 && argc != 8)
        return 2;
    int n = atoi(argv[2]), first = atoi(argv[3]), ep = epoll_create1(0), *fd = calloc(2 * n, sizeof *fd);
    struct sockaddr_in peer[2] = {at("127.0.0.1", atoi(argv[4])), at("127.0.0.4", atoi(argv[5]))};
    char own_ip[2][32];
    snprintf(own_ip[0], sizeof own_ip[0], "%s.22", argv[1]);
    snprintf(own_ip[1], sizeof own_ip[1], "%s.23", argv[1]);
    fsrtp_t *there = argc == 8 ? keyed(argv[6], n) : NULL, *back = argc == 8 ? keyed(argv[7], n) : NULL;
    for (int k = 0; k < 2 * n; k++) { /* even: UE side, odd: core side */
        struct sockaddr_in own = at(own_ip[k & 1], first + k / 2);
        struct epoll_event e = {EPOLLIN, {.u32 = k}};
        fd[k] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fd[k] < 0 || bind(fd[k], (void *)&own, sizeof own)) {
            perror("bind");
            return 1;
        }
        epoll_ctl(ep, EPOLL_CTL_ADD, fd[k], &e);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event ev[128];
        static uint8_t b[2048];
        int m = epoll_wait(ep, ev, 128, -1);
        for (int i = 0; i < m; i++) {
            int k = ev[i].data.u32, len = recvfrom(fd[k], b, sizeof b - 16, MSG_DONTWAIT, NULL, NULL);
            if (there && len >= 12)
                len = k & 1 ? fsrtp_protect(&back[k / 2], b, len, 0, 10)
                            : fsrtp_unprotect(&there[k / 2], b, len, 0, 10);
            if (len > 0)
                sendto(fd[k ^ 1], b, len, MSG_DONTWAIT, (void *)&peer[(k ^ 1) & 1], sizeof peer[0]);
        }
    }
}
