#ifndef SERVER_FRONT_V2_H
#define SERVER_FRONT_V2_H

/* The documents of the Open Inference Protocol, version 2: the server, its health, and its models,
 * all of which have version 1. An unknown model is NOT_FOUND. */

#include "server/message/reply.h"
#include "server/work/server.h"

void px_v2_server(struct px_server *server, struct px_reply *reply);
void px_v2_live(struct px_server *server, struct px_reply *reply);
void px_v2_ready(struct px_server *server, struct px_reply *reply);
void px_v2_model(struct px_server *server, const char *model, struct px_reply *reply);
void px_v2_model_ready(struct px_server *server, const char *model, struct px_reply *reply);

#endif
