#include "tools/work/stop.h"

int px_stop_check(const struct px_stop *stop, struct px_error *err)
{
    if (!stop || !stop->signal)
        return 0;
    return px_fail(err, PX_E_INTERRUPTED, "stopped by signal %d", (int)stop->signal);
}
