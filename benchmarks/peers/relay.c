/* The floor: a UDP relay without any session logic. One thread, epoll, one recvfrom and one sendto per
 * packet. relay CALLS FIRST_PORT UE_PORT CORE_PORT: UE side 127.0.0.22, core side 127.0.0.23, call i on
 * FIRST_PORT + i; what comes in on one side goes to 127.0.0.1:UE_PORT or 127.0.0.4:CORE_PORT from the other.
 */
#define _GNU_SOURCE
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
int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    int n = atoi(argv[1]), first = atoi(argv[2]), ep = epoll_create1(0), *fd = calloc(2 * n, sizeof *fd);
    struct sockaddr_in peer[2] = {at("127.0.0.1", atoi(argv[3])), at("127.0.0.4", atoi(argv[4]))};
    for (int k = 0; k < 2 * n; k++) { /* even: UE side, odd: core side */
        struct sockaddr_in own = at(k & 1 ? "127.0.0.23" : "127.0.0.22", first + k / 2);
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
        static char b[2048];
        int m = epoll_wait(ep, ev, 128, -1);
        for (int i = 0; i < m; i++) {
            int k = ev[i].data.u32, len = recvfrom(fd[k], b, sizeof b, MSG_DONTWAIT, NULL, NULL);
            if (len > 0)
                sendto(fd[k ^ 1], b, len, MSG_DONTWAIT, (void *)&peer[(k ^ 1) & 1], sizeof peer[0]);
        }
    }
}
