#ifndef TOOLS_WORK_STOP_H
#define TOOLS_WORK_STOP_H

/* Ctrl-C (and SIGTERM) as a question that long work asks between two steps, so that it can remove
 * what is half done. A second signal ends the process at once. */

#include "base/error.h"

/* Once, at the start of main(). Also ignores SIGXFSZ: a file over the limit is a failed write with
 * a message, not a death. */
void px_stop_install(void);

/* 0, or INTERRUPTED after a signal. Any thread. */
int px_stop_check(struct px_error *err);

#endif
