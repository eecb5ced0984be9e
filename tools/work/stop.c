#include "tools/work/stop.h"

int px_stop_check(const struct px_stop *stop, struct px_error *err)
{
    int number = stop ? stop->signal : 0;

    if (!number)
        return 0;
    return px_fail(err, PX_E_INTERRUPTED, "stopped by signal %d", number);
}
