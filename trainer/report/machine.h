#ifndef TRAINER_REPORT_MACHINE_H
#define TRAINER_REPORT_MACHINE_H

/* The machine that a training runs on, for its report. */

#include <stddef.h>

struct px_machine {
    char cpu[96];    /* "AMD EPYC 9R14"; "unknown" */
    int cpus;        /* that this process may use */
    double memory;   /* bytes of RAM; 0 unknown */
    double peak;     /* bytes that this process had in RAM at most */
    char system[96]; /* "Linux 6.1.0-28-amd64 x86_64" */
};

void px_machine_read(struct px_machine *machine);

#endif
