#ifndef SERVER_FRONT_DOCUMENTS_H
#define SERVER_FRONT_DOCUMENTS_H

/* The documents that describe the daemon: /metrics, /models and /info. */

#include "server/message/reply.h"
#include "server/work/server.h"

void px_document_metrics(struct px_server *server, struct px_reply *reply);
void px_document_models(struct px_server *server, struct px_reply *reply);
void px_document_info(struct px_server *server, struct px_reply *reply);

#endif
