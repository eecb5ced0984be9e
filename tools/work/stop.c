#include "tools/work/stop.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stopped; /* a signal handler has no other way to say it */

static void on_signal(int number)
{
    stopped = number;
}

void px_stop_install(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

int px_stop_check(struct px_error *err)
{
    if (!stopped)
        return 0;
    return px_fail(err, PX_E_INTERRUPTED, "stopped by signal %d", (int)stopped);
}
