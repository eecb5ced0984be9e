#ifndef SERVER_FRONT_PROBES_H
#define SERVER_FRONT_PROBES_H

/* What monitors and orchestrators ask: {"status":"ok"}, or BUSY with the reason. */

#include "server/message/reply.h"
#include "server/work/server.h"

void px_probe_live(struct px_server *server, struct px_reply *reply);
void px_probe_started(struct px_server *server, struct px_reply *reply);
void px_probe_ready(struct px_server *server, struct px_reply *reply);

#endif
