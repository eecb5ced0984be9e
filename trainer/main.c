#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/streams.h"
#include "model/dnn/omp_spin.h"
#include "trainer/settings/settings.h"
#include "trainer/train.h"

static atomic_int stop; /* any thread may run the handler */

/* The first signal asks the training to save and leave, the second leaves at once. */
static void on_stop(int signal)
{
    if (atomic_exchange(&stop, signal))
        _exit(130);
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL); /* which mpirun passes on without ending us */
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* not under nohup */
        sigaction(SIGHUP, &action, NULL);
    /* A limit on file sizes and a reader that went away are errors of write(), not the end. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct px_train_settings settings = {0};
    struct px_options options = {0};
    struct px_error err = {0};

    px_streams_open();
    px_reexec_with_short_spin();
    int rc =
        px_options_parse(&px_train_settings_table, &settings, NULL, argc, argv, &options, &err);

    if (!rc && px_options_inform(&px_train_settings_table, &options, stdout)) {
        rc = px_flush_output(&err);
    } else if (!rc) {
        install_handlers();
        rc = px_train(&settings, stdout, &stop, &err);
    }
    if (rc && err.message[0])
        fprintf(stderr, "pix2pix-train: %s\n", err.message);
    px_options_clear(&options);
    return px_error_exit(rc);
}
