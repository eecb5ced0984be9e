#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

/* What signals do to the daemon: TERM and INT stop it, HUP is for it to reload its models, and
 * PIPE, USR1, USR2 and ALRM do nothing. For the main thread. */

#include <signal.h>

/* Blocks TERM, INT and HUP in this thread and in all that it starts, and writes them to *signals;
 * ignores the others. Changes the process's signal mask and dispositions. */
void px_signals_block(sigset_t *signals);

/* From here to px_signals_hold(), TERM and INT end the process at once with status 0, with a line
 * on standard error: for work that looks at no signals and leaves nothing behind. */
void px_signals_obey(const sigset_t *signals);
void px_signals_hold(const sigset_t *signals);

/* Waits for one of them, for at most this long; its number, or 0. */
int px_signals_wait(const sigset_t *signals, int milliseconds);

const char *px_signal_name(int number); /* "SIGTERM"; "a signal" for others */

#endif
