#ifndef SERVER_FRONT_PAGE_H
#define SERVER_FRONT_PAGE_H

/* The web page: the files of server/web/, which the build turns into arrays (web/embed). They load
 * nothing from elsewhere, and the policy they are sent with forbids it. */

#include <stdbool.h>
#include <stddef.h>

#include "server/message/reply.h"

struct px_web_file {
    const char *path; /* as requested: "/", "/app.js" */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t size;
};

/* Ends with a row whose path is NULL. */
extern const struct px_web_file px_web_files[];

bool px_page_has(const char *path);

/* Makes the reply that file of the page, which must have one of that path. */
void px_page_answer(struct px_reply *reply, const char *path);

#endif
