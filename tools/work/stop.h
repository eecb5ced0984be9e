#ifndef TOOLS_WORK_STOP_H
#define TOOLS_WORK_STOP_H

/* Ctrl-C (and SIGTERM) as a question that long work asks between two steps, so that it can remove
 * what is half done. */

#include <stdatomic.h>

#include "base/error.h"

/* Set by the signal handler of main.c, which any thread may run; read by everyone else. */
struct px_stop {
    atomic_int signal; /* its number; 0 until one arrives */
};

/* 0, or INTERRUPTED after a signal. Any thread. NULL never stops. */
int px_stop_check(const struct px_stop *stop, struct px_error *err);

#endif
