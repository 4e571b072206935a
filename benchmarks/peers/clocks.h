/* Clocks of this process, of another one, and of the machine. */
#ifndef CLOCKS_H
#define CLOCKS_H
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static double seconds_of(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t))
        return 0;
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static double mono(void) { return seconds_of(CLOCK_MONOTONIC); }
/* user and system time of a process, exact to nanoseconds; 0: this one */
static double cpu_of(pid_t pid) {
    return seconds_of(pid ? (clockid_t)((~(unsigned)pid << 3) | 2) : CLOCK_PROCESS_CPUTIME_ID);
}
static void user_and_system(pid_t pid, double *user, double *system) {
    char path[64], text[1024];
    unsigned long u = 0, s = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    *user = *system = 0;
    if (!file)
        return;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *q = strrchr(text, ')');
    if (q && sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) == 2) {
        *user = u / (double)sysconf(_SC_CLK_TCK);
        *system = s / (double)sysconf(_SC_CLK_TCK);
    }
}
/* what the hypervisor took from all CPUs */
static double stolen(void) {
    unsigned long v[8] = {0};
    FILE *file = fopen("/proc/stat", "r");
    if (!file)
        return 0;
    int n = fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
                   v + 7);
    fclose(file);
    return n == 8 ? v[7] / (double)sysconf(_SC_CLK_TCK) : 0;
}
#endif
