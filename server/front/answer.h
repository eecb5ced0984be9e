#ifndef SERVER_FRONT_ANSWER_H
#define SERVER_FRONT_ANSWER_H

/* The last step of a request: its finished reply becomes a response of libmicrohttpd. */

#include <microhttpd.h>

#include "server/message/reply.h"

/* Queues the reply, whose body the library takes over (reply->body is then NULL unless borrowed).
 * Call it from the connection's thread, in its handler. MHD_NO ends the connection. */
enum MHD_Result px_answer_queue(struct MHD_Connection *connection, struct px_reply *reply);

#endif
