#ifndef SERVER_FRONT_PAGE_H
#define SERVER_FRONT_PAGE_H

/* The web page, the files of server/web/ that the build turns into arrays (web/embed). They load
 * nothing from elsewhere, and the policy they are sent with forbids it. */

#include "server/message/reply.h"

void px_page_html(struct px_reply *reply);
void px_page_script(struct px_reply *reply);
void px_page_house(struct px_reply *reply);
void px_page_style(struct px_reply *reply);

#endif
