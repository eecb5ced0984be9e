#ifndef SERVER_FRONT_REQUEST_REPORT_H
#define SERVER_FRONT_REQUEST_REPORT_H

/* What is said about a request when it is answered: to its client, in headers, and in the log. */

#include "server/front/answer.h"
#include "server/work/job.h"
#include "server/work/server.h"

struct px_request_report {
    const char *method, *path;
    enum px_route route;
    const struct px_job *job;
    int status;
    size_t size; /* of the answer, in bytes */
    double ms;   /* from the first line to the end of the answer */
};

/* One line; at level debug for what monitors ask all the time. */
void px_request_log(const struct px_request_report *report);

/* Sets answer->timing and, for a picture, answer->file_name if the job was computed. They point
 * into the two buffers, which the caller clears once the answer is queued. */
void px_request_describe(const struct px_job *job, struct px_answer *answer,
                         struct px_buffer *timing, struct px_buffer *name);

#endif
