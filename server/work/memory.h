#ifndef SERVER_WORK_MEMORY_H
#define SERVER_WORK_MEMORY_H

/* What the daemon may hold, checked and announced before it is held:
 *
 *   weights    of every model, packed when first used, shared by all workers;
 *   plans      of every worker, or of an elastic group (queue.h), --memory-limit each: the largest
 *              part, and what bounds the size of pictures with fit=image;
 *   bodies     of requests under way, --request-memory: more are refused with 503;
 *   pictures   as much again: pixels on their way through codec threads and workers, and answers
 *              that clients have not taken yet. A picture waits until there is room; one that would
 *              never fit is refused with 422.
 *
 * The program and its libraries come on top. */

#include "server/work/server.h"

/* Fills server->memory, from the options and what the machine or the control group has. Groups are
 * only elastic (server->share) if every model's own size fits a worker of one thread. */
void px_memory_divide(struct px_server *server);

/* A model whose own size does not fit --memory-limit: USAGE, with the model and both numbers. */
int px_memory_check(const struct px_server *server, struct px_error *err);

/* The picture is planned as `fit` says: UNPROCESSABLE if it never fits, with the size that
 * would. */
int px_memory_check_picture(const struct px_server *server, const struct px_registry_entry *model,
                            const struct px_fit *fit, struct px_error *err);

/* Whether a picture that passed that is too large for a worker of one thread. */
bool px_memory_is_for_team(const struct px_server *server, const struct px_registry_entry *model,
                           const struct px_fit *fit);

/* Completes the engine's refusal of a picture's size to the same message. */
void px_memory_explain(struct px_error *err);

/* Logs all of it, in bytes; once the workers are warm. */
void px_memory_announce(const struct px_server *server);

/* The same as metrics, with what is in use. */
void px_memory_write(const struct px_server *server, struct px_buffer *text);

#endif
