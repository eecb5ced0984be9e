#include "trainer/report/machine.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static void read_cpu(char *out, size_t room)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(out, room, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        snprintf(out, room, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
        break;
    }
    if (file)
        fclose(file);
}

void px_machine_read(struct px_machine *m)
{
    struct utsname name;
    struct rusage usage;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);

    memset(m, 0, sizeof *m);
    read_cpu(m->cpu, sizeof m->cpu);
    m->cpus = omp_get_num_procs();
    m->memory = pages > 0 && page > 0 ? (double)pages * (double)page : 0;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        m->peak = (double)usage.ru_maxrss * 1024;
    if (uname(&name) == 0)
        snprintf(m->system, sizeof m->system, "%.30s %.40s %.20s", name.sysname, name.release,
                 name.machine);
}
