#ifndef SERVER_FRONT_UPLOAD_H
#define SERVER_FRONT_UPLOAD_H

/* The body of a request while it arrives. What has arrived is counted in a budget that all requests
 * share, not what the header announces: a client that only promises holds nothing. One thread at a
 * time. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "server/message/body.h"
#include "server/metrics/budget.h"

struct px_upload {
    struct px_budget *budget;
    size_t limit;     /* bytes that the body may have */
    size_t announced; /* by the header; 0: not known */
    size_t capacity;  /* of the body's block */
    size_t counted;   /* bytes in the budget */
};

/* Appends a piece to *body. TOO_LARGE over the limit, BUSY if the budget is used up, NOMEM; the
 * body is then unchanged. */
int px_upload_add(struct px_upload *upload, struct px_owned_bytes *body, struct px_span piece,
                  struct px_error *err);

/* Gives the budget back and starts anew; the caller has freed the body. */
void px_upload_clear(struct px_upload *upload);

#endif
