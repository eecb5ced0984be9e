#include "server/front/probes.h"

static void answer_ok(struct px_reply *reply)
{
    struct px_buffer text = {0};

    px_buffer_appendf(&text, "{\"status\":\"ok\"}\n");
    px_reply_text(reply, 200, "application/json", &text);
}

static void answer_unless(struct px_reply *reply, const char *problem)
{
    struct px_error err = {0};

    if (!problem) {
        answer_ok(reply);
        return;
    }
    px_fail(&err, PX_E_BUSY, "%s", problem);
    px_reply_problem(reply, &err);
}

/* /livez and /healthz: a process that answers is alive, unless a worker hangs. */
void px_probe_live(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->stuck_workers) > 0 ? "a worker is stuck" : NULL);
}

void px_probe_ready(struct px_server *server, struct px_reply *reply)
{
    answer_unless(reply, atomic_load(&server->draining)    ? "the daemon is stopping"
                         : atomic_load(&server->all_stuck) ? "all workers are stuck"
                                                           : NULL);
}

/* What listens has started: every worker has made a picture of every model. */
void px_probe_started(struct px_server *server, struct px_reply *reply)
{
    (void)server;
    answer_ok(reply);
}
