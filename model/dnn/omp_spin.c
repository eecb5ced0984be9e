#include "model/dnn/omp_spin.h"

#include <stdlib.h>
#include <unistd.h>

void px_reexec_with_short_spin(char *const *argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    if (setenv("GOMP_SPINCOUNT", "10000", 1) == 0)
        execv("/proc/self/exe", argv);
}
