#ifndef SERVER_FRONT_PICTURE_HEADER_H
#define SERVER_FRONT_PICTURE_HEADER_H

/* What the header of a POST with a picture says, read into its job. Call them from the connection's
 * thread, in its handler, with job->dialect set. */

#include <microhttpd.h>

#include "server/work/job.h"

/* Which kind of answer is wanted, and how soon: job->accept and allowance_ns. INVALID for a time
 * that is not one. */
int px_picture_header_answer(struct MHD_Connection *connection, struct px_job *job,
                             struct px_error *err);

/* What the body is: job->type, and the fields of the query and of the path, whose model may be "".
 * UNSUPPORTED for a coding or type that is not supported; INVALID. */
int px_picture_header_body(struct MHD_Connection *connection, struct px_job *job, const char *model,
                           struct px_error *err);

/* What Content-Length announces; 0: nothing. */
unsigned long long px_picture_header_length(struct MHD_Connection *connection);

#endif
