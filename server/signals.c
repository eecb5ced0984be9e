#include "server/signals.h"

#include <time.h>
#include <unistd.h>

static void end_process(int number)
{
    static const char line[] = "pix2pixd: stopped by a signal before it was ready\n";
    ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);

    (void)n;
    (void)number;
    _exit(0);
}

void px_signals_block(sigset_t *signals)
{
    static const int ignored[] = {SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction end = {.sa_handler = end_process};

    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        sigaction(ignored[i], &ignore, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
}

void px_signals_obey(const sigset_t *signals)
{
    sigset_t stops = *signals;

    sigdelset(&stops, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
}

void px_signals_hold(const sigset_t *signals)
{
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

int px_signals_wait(const sigset_t *signals, int milliseconds)
{
    const struct timespec limit = {.tv_sec = milliseconds / 1000,
                                   .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    int number = sigtimedwait(signals, NULL, &limit);

    return number > 0 ? number : 0;
}

const char *px_signal_name(int number)
{
    return number == SIGTERM  ? "SIGTERM"
           : number == SIGINT ? "SIGINT"
           : number == SIGHUP ? "SIGHUP"
                              : "a signal";
}
