#ifndef SERVER_FRONT_REQUEST_REPORT_H
#define SERVER_FRONT_REQUEST_REPORT_H

/* What the headers of an answer say about a translation. */

#include "server/front/answer.h"
#include "server/work/job.h"

/* Sets answer->timing, model_hash and, for a picture, answer->file_name if the job was computed.
 * They point into the two buffers, which the caller clears once the answer is queued. */
void px_request_describe(const struct px_job *job, struct px_answer *answer,
                         struct px_buffer *timing, struct px_buffer *name);

#endif
