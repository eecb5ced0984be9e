#include "server/work/admission.h"

#include "base/bounds.h"

enum { RETRY_SECONDS_MAX = 600, RECENT = 16 }; /* measurements that an average goes back */

/* How many may wait at the present rate. */
static size_t places(const struct px_admission *admission)
{
    if (admission->max_wait_ns == 0 || admission->interval_ns == 0)
        return admission->limit;
    size_t in_time = (size_t)(admission->max_wait_ns / admission->interval_ns);
    return px_at_most(px_at_least(in_time, admission->always), admission->limit);
}

static size_t share(size_t places, size_t clients)
{
    return px_at_least(clients > 1 ? places / clients : places - places / 4, 1);
}

/* Until a new request is answered that has to wait; how long its own work takes is not known before
 * it is read, so that it counts as one like the others. Clients take turns: one with few requests
 * does not wait for all the others'. */
static int64_t expected_ns(const struct px_admission *admission,
                           const struct px_admission_load *load)
{
    size_t before = px_at_most(load->waiting, (load->own + 1) * load->clients);

    return (int64_t)(before + (before > 0)) * admission->interval_ns;
}

int px_admission_check(const struct px_admission *admission, const struct px_admission_load *load,
                       int64_t allowance_ns, struct px_error *err)
{
    size_t most = places(admission);

    if (load->waiting >= most)
        return px_fail(err, PX_E_BUSY, "%zu requests are waiting already; try again later",
                       load->waiting);
    if (load->own >= share(most, load->clients))
        return px_fail(err, PX_E_BUSY,
                       "%zu requests of this client are waiting already, which is its share; try "
                       "again later",
                       load->own);
    if (allowance_ns > 0 && expected_ns(admission, load) > allowance_ns)
        return px_fail(err, PX_E_BUSY,
                       "this request and those before it take about %.1f s, which is more than its "
                       "%.1f s; try again later or allow more time",
                       (double)expected_ns(admission, load) * 1e-9, (double)allowance_ns * 1e-9);
    return 0;
}

static int64_t average(int64_t before, int64_t sample)
{
    return before == 0 ? sample : before + (sample - before) / RECENT;
}

void px_admission_record(struct px_admission *admission, int64_t now_ns, bool dropped,
                         size_t waiting)
{
    /* Between jobs that do not follow on each other lies idle time, which says nothing. */
    if (admission->backlog && !dropped)
        admission->interval_ns = average(admission->interval_ns, now_ns - admission->last_ns);
    admission->last_ns = now_ns;
    admission->backlog = waiting > 0;
}

int px_admission_retry_seconds(const struct px_admission *admission, size_t waiting)
{
    double seconds = (double)waiting * (double)admission->interval_ns * 1e-9;

    if (seconds >= RETRY_SECONDS_MAX)
        return RETRY_SECONDS_MAX;
    int whole = (int)seconds;
    return whole < seconds || whole == 0 ? whole + 1 : whole;
}
